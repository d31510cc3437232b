/* lcctl archive: orders that ended long ago leave Redis for files, one JSON line each, so that
 * Redis' memory stays flat. No names, telephone numbers or addresses go into the files.
 *
 * A line is on disk before its order goes (order_retire). When this ends in between, the order
 * comes again the next time: whoever reads the files takes the last line of an order_id. */
#include "base/json_out.h"
#include "base/record.h"
#include "base/timestamp.h"
#include "base/wire.h"
#include "io/loop.h"
#include "lcctl/ending.h"
#include "lcctl/forget.h"
#include "lcctl/lcctl.h"
#include "lcctl/orders.h"
#include "lcctl/show.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    BATCH = ORDERS_A_PAGE,
    DAYS_MAX = 3650,
    EVERY_MAX = 86400,
    LEDGER_MOST = 1000000000,
    DAY_TEXT = 11
};

static const int64_t day_ms = INT64_C(86400000);

struct archive {
    struct ctl *ctl;
    const char *dir;
    int64_t before_ms; /* what was changed last before this */
    int fd;            /* of `day`; -1 = none is open */
    char day[DAY_TEXT];
    struct buf line;
    uint64_t written;
    uint64_t kept; /* changed between reading and going */
    long long forgotten;
    long long folded; /* entries of the ledger */
    char erased[24];  /* when something was erased last, as of the last rewrite */
    /* the batch: three arguments an order */
    struct slice args[2 + 3 * BATCH];
    size_t n;
};

/* ---- one line ---- */

static void
put_lines(struct json_out *w, const struct record *r, const Lifecircle__V1__Order *order)
{
    json_out_array(w, "lines");
    for (size_t i = 0; i < r->n_lines; i++) {
        struct record_line l;
        const char *sku = NULL;
        if (!record_line_at(r, i, &l))
            continue;
        for (size_t k = 0; k < order->n_lines; k++)
            if (order->lines[k]->sku_index == l.sku_index)
                sku = order->lines[k]->sku;
        json_out_object(w, NULL);
        json_out_cstr(w, "sku", sku);
        json_out_uint(w, "quantity", l.quantity);
        json_out_uint(w, "taken", l.taken);
        json_out_uint(w, "price", l.price_cents);
        if (l.substitute != 0)
            json_out_bool(w, "substituted", true);
        json_out_end(w);
    }
    json_out_end(w);
}

static void
put_history(struct archive *a, struct json_out *w, const char *uuid)
{
    redisReply *all = ctl_read(a->ctl, "LRANGE", arena_printf(a->ctl->arena, "history:%s", uuid),
                               "0", "-1", NULL);

    history_json(NULL, w, all, "time"); /* names and what was said may name people */
    freeReplyObject(all);
}

static void
put_order(struct archive *a, const struct record *r, const Lifecircle__V1__Order *order)
{
    struct json_out w = json_out_to(&a->line);

    json_out_object(&w, NULL);
    json_out_cstr(&w, "order_id", order->order_id);
    json_out_cstr(&w, "external_order_id", order->external_order_id);
    json_out_uint(&w, "chain", r->chain);
    json_out_uint(&w, "store", r->store);
    json_out_uint(&w, "courier", r->courier);
    json_out_cstr(&w, "state", record_state_name(r->state));
    if (r->reason != 0)
        json_out_cstr(&w, "reason", record_reason_name(r->reason));
    json_out_bool(&w, "collection", (r->flags & RECORD_COLLECTION) != 0);
    json_out_bool(&w, "simulated", (r->flags & RECORD_SIMULATED) != 0);
    json_out_cstr(&w, "currency", order->currency);
    json_out_int(&w, "total", r->total_cents);
    json_out_time(&w, "created", order->created_ms);
    json_out_time(&w, "window_start", r->window_start_ms);
    json_out_time(&w, "window_end", r->window_end_ms);
    json_out_object(&w, "entered");
    for (unsigned state = 1; state <= RECORD_STATES; state++)
        if (r->entered_ms[state] > 0)
            json_out_time(&w, record_state_name(state), r->entered_ms[state]);
    json_out_end(&w);
    put_lines(&w, r, order);
    put_history(a, &w, order->order_id);
    json_out_end(&w);
    buf_char(&a->line, '\n');
}

/* ---- files ---- */

static bool
close_day(struct archive *a)
{
    bool ok = a->fd < 0 || fsync(a->fd) == 0;

    if (a->fd >= 0)
        ok = close(a->fd) == 0 && ok;
    a->fd = -1;
    if (!ok)
        perror("lcctl: archive");
    return ok;
}

/* By the day (UTC) in which it ended. */
static bool
write_line(struct archive *a, int64_t ended_ms)
{
    char when[TIMESTAMP_TEXT];

    timestamp_format(ended_ms, when);
    if (a->fd < 0 || memcmp(when, a->day, DAY_TEXT - 1) != 0) {
        if (!close_day(a))
            return false;
        memcpy(a->day, when, DAY_TEXT - 1);
        const char *path = arena_printf(a->ctl->arena, "%s/orders-%s.ndjson", a->dir, a->day);
        a->fd = path == NULL ? -1 : lines_open(path);
        if (a->fd < 0) {
            fprintf(stderr, "lcctl: %s: %s\n", path == NULL ? a->dir : path, strerror(errno));
            return false;
        }
    }
    /* one write a line: lines of two that write at once do not mix */
    bool ok = !a->line.failed && write(a->fd, a->line.p, a->line.n) == (ssize_t)a->line.n;
    if (!ok)
        perror("lcctl: archive");
    return ok;
}

/* ---- orders ---- */

/* retire: what is on disk goes from Redis. */
static bool
retire(struct archive *a)
{
    if (a->n == 0)
        return true;
    if (!close_day(a))
        return false;
    a->args[0] = ctl_number(a->ctl, a->ctl->now_ms);
    a->args[1] = ctl_number(a->ctl, (int64_t)a->n);
    redisReply *r = ctl_call(a->ctl, "order_retire", 2 + 3 * a->n, a->args);
    a->n = 0;
    if (r == NULL)
        return false;
    for (size_t i = 0; i < r->elements; i++) {
        a->written += r->element[i]->integer == 1;
        a->kept += r->element[i]->integer != 1;
    }
    freeReplyObject(r);
    return true;
}

static bool
take(void *ctx, struct slice bytes)
{
    struct archive *a = ctx;
    struct record r;
    struct slice *arg = a->args + 2 + 3 * a->n;

    if (record_read(bytes, &r) != LC_OK || !record_is_end(r.state) || r.updated_ms >= a->before_ms)
        return true;
    const Lifecircle__V1__Order *order =
        wire_unpack(&lifecircle__v1__order__descriptor, a->ctl->arena, r.order);
    if (order == NULL)
        return true; /* unreadable: stays where somebody may look at it */
    buf_reset(&a->line);
    put_order(a, &r, order);
    if (!write_line(a, r.updated_ms))
        return false;
    arg[0] = slice_str(order->order_id);
    arg[1] = ctl_number(a->ctl, r.version);
    arg[2] = slice_str(order->idempotency_key[0] == '\0'
                           ? ""
                           : arena_printf(a->ctl->arena, "%u:%s", r.chain, order->idempotency_key));
    a->n++;
    return true;
}

static bool
retire_page(void *ctx)
{
    return retire(ctx);
}

static bool
pass(struct archive *a)
{
    bool ok = each_order(a->ctl, take, retire_page, a);

    return close_day(a) && ok;
}

/* ---- the command ---- */

static bool
number(const char *option, const char *text, long most, long *out)
{
    uint32_t n;

    if (!args_number(option, text, 0, most, &n))
        return false;
    *out = (long)n;
    return true;
}

/* days_ms: "7", "0.5"; false, and said, when it is something else. */
static bool
days_ms(const char *option, const char *text, int64_t *out)
{
    char *end = NULL;
    double days = strtod(text, &end);

    if (strspn(text, "0123456789.") != strlen(text) || end == text || *end != '\0' ||
        days > DAYS_MAX) {
        fprintf(stderr, "lcctl: --%s: expected days from 0 to %d, as 7 or 0.5, got %s\n", option,
                (int)DAYS_MAX, text);
        return false;
    }
    *out = (int64_t)(days * (double)day_ms);
    return true;
}

/* forget_old: personal data go before the order does, and out of the append-only file; also what
 * chains have had erased since. */
static bool
forget_old(struct archive *a, int64_t age_ms)
{
    struct ctl *c = a->ctl;
    char erased[sizeof a->erased] = "";

    a->forgotten = forget_older(c, c->now_ms - age_ms + (age_ms == 0));
    if (a->forgotten < 0)
        return false;
    redisReply *r = ctl_read(c, "GET", "forgotten", NULL);
    if (r == NULL)
        return false;
    if (r->type == REDIS_REPLY_STRING)
        snprintf(erased, sizeof erased, "%s", r->str);
    freeReplyObject(r);
    if (a->written == 0 && strcmp(erased, a->erased) == 0)
        return true;
    memcpy(a->erased, erased, sizeof erased);
    return rewrite_aof(c);
}

static void
tell(const struct archive *a)
{
    struct buf b = {0};
    struct json_out w = json_out_to(&b);

    if (a->ctl->json) {
        json_out_object(&w, NULL);
        json_out_uint(&w, "archived", a->written);
        json_out_uint(&w, "stay", a->kept);
        json_out_int(&w, "erased", a->forgotten > 0 ? a->forgotten : 0);
        json_out_int(&w, "ledger_entries", a->folded > 0 ? a->folded : 0);
        json_out_end(&w);
        (void)show_json(&b);
        return;
    }
    printf("%llu orders archived", (unsigned long long)a->written);
    if (a->kept > 0)
        printf(", %llu stay: they changed meanwhile", (unsigned long long)a->kept);
    if (a->forgotten > 0)
        printf(", personal data of %lld erased", a->forgotten);
    if (a->folded > 0)
        printf(", %lld entries of the ledger", a->folded);
    putchar('\n');
    fflush(stdout);
}

int
cmd_archive(struct ctl *c, struct args *args)
{
    int64_t age_ms, personal_ms;
    long every, keep;
    struct archive a = {.ctl = c, .fd = -1};
    const char *days_text = args_option(args, "days", "7");

    if (!days_ms("days", days_text, &age_ms) ||
        !days_ms("personal-days", args_option(args, "personal-days", days_text), &personal_ms) ||
        !number("ledger", args_option(args, "ledger", "200000"), LEDGER_MOST, &keep) || keep < 1 ||
        !number("every", args_option(args, "every", "0"), EVERY_MAX, &every))
        return EXIT_USAGE;
    a.dir = args_next(args);
    if (a.dir == NULL || !args_done(args))
        return EXIT_USAGE;
    if (mkdir(a.dir, 0750) != 0 && errno != EEXIST) {
        fprintf(stderr, "lcctl: %s: %s\n", a.dir, strerror(errno));
        return EXIT_FAILED;
    }
    if (every > 0)
        ending_begin();
    for (;;) {
        struct arena_mark mark = arena_mark(c->arena);
        c->now_ms = loop_wall_ms();
        a.before_ms = c->now_ms - age_ms + (age_ms == 0);
        a.written = a.kept = 0;
        a.folded = 0;
        bool ok = pass(&a) && forget_old(&a, personal_ms);
        if (ok)
            a.folded = ledger_archive(c, a.dir, keep);
        ok = ok && a.folded >= 0;
        tell(&a);
        arena_rewind(c->arena, mark);
        if (ok)
            ending_wait((int64_t)every * 1000);
        if (!ok || every == 0 || ending_asked()) {
            buf_free(&a.line);
            return ok ? EXIT_SUCCESS : EXIT_FAILED;
        }
    }
}
