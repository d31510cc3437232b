/* One order through all five daemons: its trace is in the answer, in every daemon's log, in the
 * webhook, and lcctl tells it as one story. */
#include "town.h"

#include "base/id.h"
#include "base/secret.h"
#include "unit/unit.h"

#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define TRACE "4bf92f3577b34da6a3ce929d0e0e4736"
#define PARENT "00f067aa0ba902b7"
#define TRACEPARENT "traceparent: 00-" TRACE "-" PARENT "-00\r\n"
#define ORDER(external)                                                                            \
    "{\"external_order_id\":\"" external "\",\"currency\":\"USD\",\"dropoff\":{\"lat\":39.2861,"   \
    "\"lng\":-76.5877},\"lines\":[{\"sku\":\"COFFEE\",\"quantity\":1}]}"

static struct town town;
static pid_t chain;     /* who takes webhooks */
static char hooks[128]; /* the file of what came */
static char order_4711[UUID_TEXT];

/* ---- a chain's server ---- */

static void
take_one(int fd)
{
    char text[16384];
    size_t n = 0, body = 0;
    const char *end = NULL;

    while (n + 1 < sizeof text && (end == NULL || n < (size_t)(end - text) + body)) {
        ssize_t got = read(fd, text + n, sizeof text - 1 - n);
        if (got <= 0)
            break;
        n += (size_t)got;
        text[n] = '\0';
        end = end == NULL && (end = strstr(text, "\r\n\r\n")) != NULL ? end + 4 : end;
        const char *length = end == NULL ? NULL : strcasestr(text, "content-length:");
        if (length != NULL)
            body = (size_t)atol(length + 15);
    }
    FILE *f = fopen(hooks, "a");
    if (f != NULL) {
        fprintf(f, "%s\n", text);
        fclose(f);
    }
    static const char ok[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    if (write(fd, ok, sizeof ok - 1) < 0)
        perror("webhook");
    close(fd);
}

static int
start_chain(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    CU_ASSERT_FATAL(fd >= 0 && bind(fd, (struct sockaddr *)&at, sizeof at) == 0 &&
                    listen(fd, 64) == 0 && getsockname(fd, (struct sockaddr *)&at, &length) == 0);
    chain = fork();
    CU_ASSERT_FATAL(chain >= 0);
    if (chain == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (;;)
            take_one(accept(fd, NULL, NULL));
    }
    close(fd);
    return ntohs(at.sin_port);
}

/* ---- reading what was written ---- */

static char *
content(const char *path)
{
    FILE *f = fopen(path, "r");
    char *text = calloc(1, 1);
    size_t n = 0, got;

    if (f == NULL)
        return text;
    do {
        text = realloc(text, n + 65536 + 1);
        got = fread(text + n, 1, 65536, f);
        n += got;
    } while (got > 0);
    text[n] = '\0';
    fclose(f);
    return text;
}

static char *
log_of(const char *daemon)
{
    char path[128];

    snprintf(path, sizeof path, "%s/lc-%s.log", town.dir, daemon);
    return content(path);
}

/* line_with: the log has a line of this event about this order and trace. */
static bool
line_with(const char *log, const char *event, const char *order, const char *trace)
{
    char name[64], id[64], in[64];

    snprintf(name, sizeof name, "\"event\":\"%s\"", event);
    snprintf(id, sizeof id, "\"order\":\"%s\"", order);
    snprintf(in, sizeof in, "\"trace\":\"%s\"", trace);
    for (const char *at = log; (at = strstr(at, name)) != NULL; at++) {
        const char *end = strchr(at, '\n');
        const char *o = strstr(at, id), *t = strstr(at, in);
        if (o != NULL && t != NULL && end != NULL && o < end && t < end)
            return true;
    }
    return false;
}

static bool
heard_of_delivery(void *ctx)
{
    char *text = content(hooks);
    bool there = strstr(text, "order.delivered") != NULL;

    (void)ctx;
    free(text);
    return there;
}

/* ---- tests ---- */

static void
test_town_comes_up(void)
{
    char body[128];

    town_open(&town, TOWN_PATIENT | TOWN_HOOKS);
    snprintf(hooks, sizeof hooks, "%s/hooks", town.dir);
    snprintf(body, sizeof body, "{\"url\":\"http://127.0.0.1:%d/hooks\"}", start_chain());
    struct town_answer a = town_http(&town, town.intake, "PUT", "/v1/webhook",
                                     "Content-Type: application/json\r\n", slice_str(body));
    CU_ASSERT_EQUAL(a.status, 200);
    town_answer_free(&a);
    town_shop(&town, "fait-ave", 39.2847, -76.5921, 1, "COFFEE,200,219\n");
}

static struct town_answer
post(const char *target, const char *headers, const char *body)
{
    char all[512];

    snprintf(all, sizeof all, "Content-Type: application/%s\r\n%s",
             strstr(target, "batch") != NULL ? "x-ndjson" : "json", headers);
    return town_http(&town, town.intake, "POST", target, all, slice_str(body));
}

static void
test_order_is_delivered_in_the_chains_trace(void)
{
    struct town_socket phone;
    char pin[PIN_TEXT], more[64];

    town_courier(&town, &phone, "ada");
    struct town_answer a = post("/v1/orders", TRACEPARENT, ORDER("4711"));
    CU_ASSERT_EQUAL_FATAL(a.status, 201);
    CU_ASSERT_PTR_NOT_NULL(strcasestr(a.head, "traceresponse: 00-" TRACE "-"));
    json_t *order = town_json(&a);
    snprintf(order_4711, sizeof order_4711, "%s", town_text(order, "order_id"));
    json_decref(order);
    town_answer_free(&a);
    json_decref(town_accept(&phone));
    town_act(&phone, "enroute", "1", order_4711, "", "done");
    town_act(&phone, "arrived", "2", order_4711, "", "done");
    town_act(&phone, "picked_up", "3", order_4711, "", "done");
    town_act(&phone, "enroute", "4", order_4711, "", "done");
    town_act(&phone, "arrived", "5", order_4711, "", "done");
    town_pin(&town, order_4711, pin);
    snprintf(more, sizeof more, ",\"pin\":\"%s\"", pin);
    town_act(&phone, "delivered", "6", order_4711, more, "done");
    town_socket_close(&phone);

    snprintf(more, sizeof more, "/v1/orders/%s", order_4711);
    a = town_http(&town, town.intake, "GET", more, NULL, slice_of(NULL, 0));
    order = town_json(&a);
    CU_ASSERT_STRING_EQUAL(town_text(order, "trace_id"), TRACE);
    json_decref(order);
    town_answer_free(&a);
}

static void
test_every_daemon_logs_it_in_that_trace(void)
{
    static const struct {
        const char *daemon, *event;
    } lines[] = {{"intake", "order_answered"},  {"matcher", "order_matched"},
                 {"inventory", "order_placed"}, {"router", "order_step"},
                 {"notifier", "route_pushed"},  {"notifier", "webhook_queued"},
                 {"notifier", "webhook_sent"},  {"notifier", "action_answered"}};

    CU_ASSERT_TRUE_FATAL(town_wait(heard_of_delivery, NULL));
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        char *log = log_of(lines[i].daemon);
        bool there = line_with(log, lines[i].event, order_4711, TRACE);
        if (!there)
            fprintf(stderr, "\n  no %s in the log of %s\n", lines[i].event, lines[i].daemon);
        CU_ASSERT_TRUE(there);
        free(log);
    }
}

static void
test_webhooks_carry_it_on(void)
{
    char *text = content(hooks);
    size_t n = 0;

    for (const char *at = text; (at = strstr(at, "POST /hooks")) != NULL; at++, n++) {
        const char *head = strcasestr(at, "traceparent: 00-" TRACE "-");
        const char *body = strstr(at, "\"traceparent\":\"00-" TRACE "-");
        CU_ASSERT_PTR_NOT_NULL_FATAL(head);
        CU_ASSERT_PTR_NOT_NULL_FATAL(body);
        /* one span, in both; not the chain's own; and what it said of sampling */
        CU_ASSERT_EQUAL(memcmp(head + 13, body + 15, 55), 0);
        CU_ASSERT_NOT_EQUAL(memcmp(head + 13 + 36, PARENT, 16), 0);
        CU_ASSERT_EQUAL(memcmp(head + 13 + 52, "-00\r\n", 5), 0);
    }
    CU_ASSERT_TRUE(n >= 7);
    free(text);
}

/* in_order: these words come one behind the other. */
static void
in_order(const char *text, const char *const *words, size_t n)
{
    const char *at = text;

    for (size_t i = 0; i < n && at != NULL; i++) {
        at = strstr(at, words[i]);
        if (at == NULL)
            fprintf(stderr, "\n  no %s in its place:\n%s", words[i], text);
    }
    CU_ASSERT_PTR_NOT_NULL(at);
}

/* tells_all: the answer's way, and the order's; they go on beside each other. */
static void
tells_all(const char *out)
{
    static const char *const answer[] = {"received", "order_placed", "order_matched",
                                         "order_answered"};
    static const char *const order[] = {"order_placed", "act=assign", "act=confirm", "act=pickup",
                                        "act=deliver"};

    in_order(out, answer, sizeof answer / sizeof *answer);
    in_order(out, order, sizeof order / sizeof *order);
    CU_ASSERT_PTR_NOT_NULL(strstr(out, "webhook_sent"));
    CU_ASSERT_PTR_NOT_NULL(strstr(out, "route_pushed"));
}

static void
test_lcctl_tells_it_as_one_story(void)
{
    static char out[65536];
    char words[256];

    snprintf(words, sizeof words, "trace corner/4711 %s/lc-*.log", town.dir);
    CU_ASSERT_EQUAL(town_lcctl(&town, out, sizeof out, words), 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(out, "trace " TRACE));
    CU_ASSERT_PTR_NOT_NULL(strstr(out, "  corner/fait-ave  ada "));
    tells_all(out);
    /* by the trace, from stdin, behind containers' names */
    snprintf(words, sizeof words, "trace " TRACE " - < %s/piped", town.dir);
    char command[512];
    snprintf(command, sizeof command, "sed 's/^/router_1  | /' %s/lc-*.log >%s/piped", town.dir,
             town.dir);
    CU_ASSERT_EQUAL(system(command), 0);
    CU_ASSERT_EQUAL(town_lcctl(&town, out, sizeof out, words), 0);
    tells_all(out);
    /* without logs: what Redis knows; and of nothing, nothing */
    snprintf(words, sizeof words, "trace %s", order_4711);
    CU_ASSERT_EQUAL(town_lcctl(&town, out, sizeof out, words), 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(out, "delivered"));
    CU_ASSERT_EQUAL(town_lcctl(&town, out, sizeof out, "trace corner/no-such"), 1);
}

static long
traceparents(const char *found)
{
    char name[96];

    snprintf(name, sizeof name, "traceparents_total{found=\"%s\"}", found);
    return town_metric(&town, TOWN_INTAKE, name);
}

/* trace_of: as GET tells it. */
static void
trace_of(const char *external, char out[33])
{
    char target[80];

    snprintf(target, sizeof target, "/v1/orders?external_order_id=%s", external);
    struct town_answer a = town_http(&town, town.intake, "GET", target, NULL, slice_of(NULL, 0));
    json_t *j = town_json(&a);
    snprintf(out, 33, "%s", town_text(j, "trace_id"));
    json_decref(j);
    town_answer_free(&a);
}

static void
test_without_a_good_one_the_orders_id_is_the_trace(void)
{
    static const char *const headers[] = {
        "", "traceparent: 00-" TRACE "-" PARENT "-1\r\n", "traceparent: nonsense\r\n",
        TRACEPARENT TRACEPARENT, /* two: nobody knows which */
    };
    long none = traceparents("none"), refused = traceparents("refused");
    char body[512], trace[33], name[16];

    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
        snprintf(name, sizeof name, "n%zu", i);
        snprintf(body, sizeof body, ORDER("%s"), name);
        struct town_answer a = post("/v1/orders", headers[i], body);
        CU_ASSERT_EQUAL(a.status, 201);
        json_t *j = town_json(&a);
        char plain[33] = "";
        for (const char *p = town_text(j, "order_id"); *p != '\0'; p++)
            if (*p != '-')
                strncat(plain, p, 1);
        trace_of(name, trace);
        CU_ASSERT_STRING_EQUAL(trace, plain);
        CU_ASSERT_PTR_NOT_NULL(strstr(a.head, plain)); /* the answer says so, too */
        json_decref(j);
        town_answer_free(&a);
    }
    CU_ASSERT_EQUAL(traceparents("none") - none, 1);
    CU_ASSERT_EQUAL(traceparents("refused") - refused, 3);
}

static void
test_a_batch_is_one_trace(void)
{
    long taken = traceparents("taken");
    char trace[33];

    struct town_answer a =
        post("/v1/orders:batch", TRACEPARENT, ORDER("b1") "\n" ORDER("b2") "\n" ORDER("b3") "\n");
    CU_ASSERT_EQUAL(a.status, 200);
    town_answer_free(&a);
    CU_ASSERT_EQUAL(traceparents("taken") - taken, 1);
    trace_of("b1", trace);
    CU_ASSERT_STRING_EQUAL(trace, TRACE);
    trace_of("b3", trace);
    CU_ASSERT_STRING_EQUAL(trace, TRACE);
}

/* Of all lines of all daemons. */
static void
test_a_line_of_an_order_says_which_trace_and_store(void)
{
    static const char *const daemons[] = {"intake", "matcher", "inventory", "router", "notifier"};
    size_t n = 0;

    for (size_t i = 0; i < sizeof daemons / sizeof *daemons; i++) {
        char *log = log_of(daemons[i]);
        for (char *line = strtok(log, "\n"); line != NULL; line = strtok(NULL, "\n")) {
            json_t *j = json_loads(line, 0, NULL);
            CU_ASSERT_PTR_NOT_NULL_FATAL(j);
            if (json_object_get(j, "order") != NULL) {
                const char *event = town_text(j, "event");
                CU_ASSERT_EQUAL(strlen(town_text(j, "trace")), 32);
                CU_ASSERT_TRUE(json_is_integer(json_object_get(j, "store")) ||
                               strcmp(event, "action_answered") == 0);
                CU_ASSERT_TRUE(json_is_integer(json_object_get(j, "courier")) ||
                               strncmp(event, "webhook_", 8) == 0);
                n++;
            }
            json_decref(j);
        }
        free(log);
    }
    CU_ASSERT_TRUE(n > 50);
}

static void
test_town_goes_down(void)
{
    kill(chain, SIGKILL);
    waitpid(chain, NULL, 0);
    town_close(&town);
}

UNIT_MAIN("traced", UNIT(test_town_comes_up), UNIT(test_order_is_delivered_in_the_chains_trace),
          UNIT(test_every_daemon_logs_it_in_that_trace), UNIT(test_webhooks_carry_it_on),
          UNIT(test_lcctl_tells_it_as_one_story),
          UNIT(test_without_a_good_one_the_orders_id_is_the_trace), UNIT(test_a_batch_is_one_trace),
          UNIT(test_a_line_of_an_order_says_which_trace_and_store), UNIT(test_town_goes_down))
