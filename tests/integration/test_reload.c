/* What operators change while a city runs: its log level and the limits of addresses, by a file and
 * SIGHUP, and what a chain's key may ask, by lcctl. Nobody who is in is thrown out for it. */
#include "town.h"

#include "unit/unit.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

static struct town town;

/* ---- the file ---- */

static void
write_live(const char *text)
{
    char path[128], other[128];

    snprintf(path, sizeof path, "%s/live", town.dir);
    snprintf(other, sizeof other, "%s/live.new", town.dir);
    FILE *f = fopen(other, "w");
    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    fputs(text, f);
    fclose(f);
    CU_ASSERT_EQUAL(rename(other, path), 0);
}

static void
hang_up(enum town_daemon d)
{
    CU_ASSERT_EQUAL(kill(town.pid[d], SIGHUP), 0);
}

struct reloads {
    enum town_daemon daemon;
    const char *outcome;
    long n;
};

static bool
has_reloaded(void *ctx)
{
    const struct reloads *r = ctx;
    char name[64];

    snprintf(name, sizeof name, "reloads_total{outcome=\"%s\"}", r->outcome);
    return town_metric(&town, r->daemon, name) == r->n;
}

/* said: how many lines of this daemon's log have this event. */
static int
said(enum town_daemon d, const char *event)
{
    static const char *const names[TOWN_N] = {"redis-server", "lc-intake", "lc-matcher",
                                              "lc-inventory", "lc-router", "lc-notifier"};
    char command[192];
    int n = -1;

    snprintf(command, sizeof command, "grep -c '\"event\":\"%s\"' %s/%s.log", event, town.dir,
             names[d]);
    FILE *f = popen(command, "r");
    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    CU_ASSERT_EQUAL(fscanf(f, "%d", &n), 1);
    pclose(f);
    return n;
}

struct lines {
    enum town_daemon daemon;
    const char *event;
    int n;
};

static bool
has_said(void *ctx)
{
    const struct lines *l = ctx;

    return said(l->daemon, l->event) >= l->n;
}

/* order: one that is acknowledged; a store may have it at once or later. */
static void
order(const char *external_id)
{
    char id[UUID_TEXT] = "";
    int status = town_collect(&town, external_id, id);

    CU_ASSERT(status == 201 || status == 202);
}

/* ---- the log ---- */

static void
test_every_daemon_takes_another_log_level(void)
{
    town_open(&town, TOWN_PATIENT | TOWN_LIVE);
    town_shop(&town, "tea-house", 39.2847, -76.5921, 1, "TEA,100,199\n");
    order("before");
    CU_ASSERT_TRUE(town_wait(has_said, &(struct lines){TOWN_INTAKE, "order_answered", 1}));
    write_live("# one file for all of them\nlog-level = error\naddress-requests = 2000\n");
    for (enum town_daemon d = TOWN_INTAKE; d < TOWN_N; d++) {
        hang_up(d);
        CU_ASSERT_TRUE(town_wait(has_reloaded, &(struct reloads){d, "done", 1}));
        CU_ASSERT_EQUAL(said(d, "reloaded"), 0); /* it says what it does at info */
    }
    order("quiet");
    write_live("log-level = debug\n");
    for (enum town_daemon d = TOWN_INTAKE; d < TOWN_N; d++) {
        hang_up(d);
        CU_ASSERT_TRUE(town_wait(has_reloaded, &(struct reloads){d, "done", 2}));
        CU_ASSERT_TRUE(town_wait(has_said, &(struct lines){d, "reloaded", 1}));
    }
    order("loud");
    CU_ASSERT_TRUE(town_wait(has_said, &(struct lines){TOWN_INTAKE, "order_answered", 2}));
    CU_ASSERT_EQUAL(said(TOWN_INTAKE, "order_answered"), 2); /* none of the quiet one */
}

/* ---- limits of addresses ---- */

struct question {
    int port;
    const char *target;
    int status;
};

static bool
is_answered(void *ctx)
{
    const struct question *q = ctx;
    struct town_answer a = town_http(&town, q->port, "GET", q->target, NULL, slice_of(NULL, 0));
    bool is = a.status == q->status;

    if (a.status == 429)
        CU_ASSERT_PTR_NOT_NULL(strstr(a.head, "Retry-After: "));
    town_answer_free(&a);
    return is;
}

/* Ten at once and one a second from then on, of everybody; then as many as they like. */
static void
ask_less_and_more(enum town_daemon d, int port, const char *target, int status)
{
    struct question well = {port, target, status}, often = {port, target, 429};

    CU_ASSERT_TRUE(is_answered(&well));
    write_live("address-requests = 1\naddress-exempt = 203.0.113.0/24\n");
    hang_up(d);
    CU_ASSERT_TRUE(town_wait(is_answered, &often));
    write_live("address-requests = 0\naddress-exempt = 203.0.113.0/24\n");
    hang_up(d);
    CU_ASSERT_TRUE(town_wait(has_reloaded, &(struct reloads){d, "done", 4}));
    for (int i = 0; i < 30; i++)
        CU_ASSERT_TRUE_FATAL(is_answered(&well));
}

static void
test_intake_takes_other_limits_of_addresses(void)
{
    ask_less_and_more(TOWN_INTAKE, town.intake, "/v1/nothing", 404);
}

static void
test_notifier_takes_other_limits_of_addresses(void)
{
    ask_less_and_more(TOWN_NOTIFIER, town.notifier, "/v1/nothing", 404);
}

/* ---- what a key may ask ---- */

static void
test_key_may_ask_less_and_more_at_once(void)
{
    struct question well = {town.intake, "/v1/orders/00000000-0000-8000-8000-000000000000", 404};
    struct question often = {well.port, well.target, 429};
    char out[512];

    CU_ASSERT_TRUE(town_wait(is_answered, &well));
    CU_ASSERT_TRUE(town_says(&town, "chain set corner --rate 1",
                             "each key of chain corner may send 1 requests a second"));
    CU_ASSERT_TRUE(town_wait(is_answered, &often));
    CU_ASSERT_TRUE(town_says(&town, "chain set corner --rate 5000 --signatures off",
                             "signatures of chain corner are off, requests a second 5000"));
    CU_ASSERT_TRUE(town_says(&town, "chain list", " 5000 "));
    CU_ASSERT_TRUE(town_wait(is_answered, &well));
    for (int i = 0; i < 30; i++)
        CU_ASSERT_TRUE_FATAL(is_answered(&well));
    CU_ASSERT_EQUAL(town_lcctl(&town, out, sizeof out, "chain set corner --rate 0"), 2);
    CU_ASSERT_PTR_NOT_NULL(strstr(out, "--rate: expected"));
    CU_ASSERT_EQUAL(town_lcctl(&town, out, sizeof out, "chain set corner --signatures maybe"), 2);
    CU_ASSERT_PTR_NOT_NULL(strstr(out, "--signatures: expected required, optional or off"));
    CU_ASSERT_EQUAL(town_lcctl(&town, out, sizeof out, "chain set corner"), 2);
}

/* A phone that is in stays in, and works, while nobody else comes in. */
static void
test_fewer_connections_throw_nobody_out(void)
{
    struct question full = {town.notifier, "/v1/nothing", 429};
    struct town_socket phone;

    town_courier(&town, &phone, "ada");
    write_live("address-connections = 1\naddress-exempt =\n");
    hang_up(TOWN_NOTIFIER);
    CU_ASSERT_TRUE(town_wait(is_answered, &full));
    town_socket_send(&phone, "{\"type\":\"nonsense\"}");
    json_t *answer = town_socket_hear(&phone, "error", TOWN_PATIENCE_MS);
    CU_ASSERT_PTR_NOT_NULL(answer);
    json_decref(answer);
    write_live("");
    hang_up(TOWN_NOTIFIER);
    full.status = 404;
    CU_ASSERT_TRUE(town_wait(is_answered, &full));
    town_socket_close(&phone);
}

static void
test_wrong_file_is_refused_and_changes_nothing(void)
{
    static const struct {
        const char *text, *why;
    } rows[] = {
        {"address-requests = many\n", "address-requests (from "},
        {"log-level = loud\n", "expected debug, info, warn or error"},
        {"trusted-proxies = the edge\n", "trusted-proxies: "},
        {"city = other\n", "expected what can change while it runs: log-level, "},
    };
    struct reloads r = {TOWN_INTAKE, "refused", 0};
    struct question well = {town.intake, "/v1/nothing", 404};
    char command[256];

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        write_live(rows[i].text);
        hang_up(TOWN_INTAKE);
        r.n++;
        CU_ASSERT_TRUE(town_wait(has_reloaded, &r));
        snprintf(command, sizeof command,
                 "grep reload_refused %s/lc-intake.log | tail -n 1 | "
                 "grep -qF '%s'",
                 town.dir, rows[i].why);
        CU_ASSERT_EQUAL(system(command), 0);
        CU_ASSERT_TRUE(is_answered(&well));
    }
    write_live("");
    hang_up(TOWN_INTAKE);
    CU_ASSERT_TRUE(town_wait(has_reloaded, &(struct reloads){TOWN_INTAKE, "done", 5}));
    town_close(&town);
}

UNIT_MAIN("reload", UNIT(test_every_daemon_takes_another_log_level),
          UNIT(test_intake_takes_other_limits_of_addresses),
          UNIT(test_notifier_takes_other_limits_of_addresses),
          UNIT(test_key_may_ask_less_and_more_at_once),
          UNIT(test_fewer_connections_throw_nobody_out),
          UNIT(test_wrong_file_is_refused_and_changes_nothing))
