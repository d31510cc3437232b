/* lc-chaos-check: what clients were told, against what Redis has, after a `tests/run chaos`.
 *
 *   lc-chaos-check REDIS CITY LOG FAULTS
 *
 * LOG is what lc-city wrote with --log, FAULTS a JSON line for each fault: at (Unix ms), until
 * (when its cause was over), fault, who. Nothing that a daemon counts is looked at. Exit status 0
 * when
 *   - every order that was taken is in Redis under the id that was told, once, in a final state
 * that it came to once, and no order is there that nobody sent;
 *   - what a courier was told is done, is done, and nothing was delivered by two;
 *   - the chain saw the same end;
 *   - nothing ended later than a minute after the last fault, its window or its sending. */
#include "base/arena.h"
#include "base/map.h"
#include "base/record.h"
#include "base/wire.h"

#include "order.pb-c.h"

#include <hiredis/hiredis.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define STATE(name) LIFECIRCLE__V1__ORDER_STATE__##name

enum { STUCK_MS = 60000, SHOWN = 20, WORD = 64 };

struct order {
    char external[WORD];
    char id[40]; /* "" = never taken */
    char seen[32];
    char deliverer[WORD];
    int64_t first_ms, taken_ms;
    bool picked, delivered, returned;
    bool found; /* in Redis */
    UT_hash_handle hh, by_id;
};

struct fault {
    int64_t at_ms, until_ms;
    char name[24];
};

static struct {
    redisContext *redis;
    const char *city;
    struct arena *arena;
    struct order *orders;
    struct order *ids;
    struct fault *faults;
    size_t n_faults;
    int64_t last_ms; /* the last fault's cause was over */
    unsigned taken, good, refused, failures, wrong, records, late, answers;
} t;

static void wrong(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static void
wrong(const char *fmt, ...)
{
    va_list ap;

    if (++t.wrong > SHOWN)
        return;
    va_start(ap, fmt);
    fputs("  WRONG ", stdout);
    vprintf(fmt, ap);
    putchar('\n');
    va_end(ap);
}

static void *
needed(void *p)
{
    if (p == NULL) {
        fputs("lc-chaos-check: out of memory\n", stderr);
        exit(3);
    }
    return p;
}

static const char *
text(const json_t *j, const char *key)
{
    const char *v = json_string_value(json_object_get(j, key));

    return v == NULL ? "" : v;
}

static int64_t
number(const json_t *j, const char *key)
{
    return json_integer_value(json_object_get(j, key));
}

/* ---- what was said ---- */

static struct order *
order_of(const char *external)
{
    struct order *o;
    bool map_failed = false;

    HASH_FIND_STR(t.orders, external, o);
    if (o != NULL)
        return o;
    o = needed(calloc(1, sizeof *o));
    snprintf(o->external, sizeof o->external, "%s", external);
    HASH_ADD_STR(t.orders, external, o);
    if (map_failed)
        needed(NULL);
    return o;
}

static struct order *
order_by_id(const char *id)
{
    struct order *o;

    HASH_FIND(by_id, t.ids, id, strlen(id), o);
    return o;
}

static void
take_taken(const json_t *j)
{
    struct order *o = order_of(text(j, "external"));
    const char *id = text(j, "order");
    bool map_failed = false;

    o->first_ms = number(j, "first");
    if (o->id[0] != '\0' && strcmp(o->id, id) != 0)
        wrong("%s was taken as %s and as %s", o->external, o->id, id);
    if (o->id[0] != '\0')
        return;
    snprintf(o->id, sizeof o->id, "%s", id);
    o->taken_ms = number(j, "at");
    HASH_ADD(by_id, t.ids, id, strlen(o->id), o);
    if (map_failed)
        needed(NULL);
    t.taken++;
}

static void
take_answer(const json_t *j)
{
    struct order *o = order_by_id(text(j, "order"));
    const char *outcome = text(j, "outcome");
    const char *action = text(j, "action");
    const char *courier = text(j, "courier");

    t.answers++;
    if (o == NULL || (strcmp(outcome, "done") != 0 && strcmp(outcome, "already") != 0))
        return;
    o->picked |= strcmp(action, "picked_up") == 0;
    o->returned |= strcmp(action, "brought_back") == 0;
    if (strcmp(action, "delivered") != 0)
        return;
    if (o->delivered && strcmp(o->deliverer, courier) != 0)
        wrong("%s was delivered by %s and by %s", o->external, o->deliverer, courier);
    o->delivered = true;
    snprintf(o->deliverer, sizeof o->deliverer, "%s", courier);
}

static void
take_line(const json_t *j)
{
    const char *said = text(j, "said");

    if (strcmp(said, "taken") == 0) {
        take_taken(j);
    } else if (strcmp(said, "refused") == 0) {
        order_of(text(j, "external"))->first_ms = number(j, "first");
        t.refused++;
    } else if (strcmp(said, "failed") == 0) {
        order_of(text(j, "external"))->first_ms = number(j, "first");
        t.failures++;
    } else if (strcmp(said, "answered") == 0) {
        take_answer(j);
    } else if (strcmp(said, "seen") == 0) {
        struct order *o = order_of(text(j, "external"));
        snprintf(o->seen, sizeof o->seen, "%s", text(j, "state"));
    }
}

static void
take_fault(const json_t *j)
{
    t.faults = needed(realloc(t.faults, (t.n_faults + 1) * sizeof *t.faults));
    struct fault *f = &t.faults[t.n_faults++];

    *f = (struct fault){.at_ms = number(j, "at"), .until_ms = number(j, "until")};
    snprintf(f->name, sizeof f->name, "%s", text(j, "fault"));
    if (f->until_ms > t.last_ms)
        t.last_ms = f->until_ms;
}

static void
read_lines(const char *path, void (*take)(const json_t *j))
{
    FILE *f = fopen(path, "r");
    char *line = NULL;
    size_t room = 0;

    if (f == NULL) {
        perror(path);
        exit(3);
    }
    while (getline(&line, &room, f) > 0) {
        json_t *j = json_loads(line, 0, NULL);
        if (j == NULL) {
            fprintf(stderr, "%s: not JSON: %s", path, line);
            exit(3);
        }
        take(j);
        json_decref(j);
    }
    free(line);
    fclose(f);
}

/* ---- what Redis has ---- */

static redisReply *
ask(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    redisReply *reply = redisvCommand(t.redis, fmt, ap);
    va_end(ap);
    if (reply == NULL || reply->type == REDIS_REPLY_ERROR) {
        fprintf(stderr, "lc-chaos-check: Redis: %s\n",
                reply == NULL ? t.redis->errstr : reply->str);
        exit(3);
    }
    return reply;
}

static int64_t
max_ms(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* The first write is not in the history: a final state is entered once in all. */
static void
check_history(const struct order *o, const struct record *r)
{
    redisReply *list = ask("LRANGE {%s}:history:%s 0 -1", t.city, o->id);
    struct record_history h;
    unsigned ends = 0;

    for (size_t i = 0; i < list->elements; i++)
        if (record_history_read(slice_of(list->element[i]->str, list->element[i]->len), &h) ==
            LC_OK)
            ends += record_is_end(h.state);
    if (ends > 1 || (ends == 0 && list->elements > 0))
        wrong("%s (%s) came to an end %u times, to %s", o->external, o->id, ends,
              record_state_name(r->state));
    freeReplyObject(list);
}

static void
check_order(const struct order *o, const struct record *r)
{
    const char *state = record_state_name(r->state);
    int64_t latest_ms = max_ms(max_ms(t.last_ms, r->window_end_ms), o->first_ms) + STUCK_MS;

    if (!record_is_end(r->state)) {
        wrong("%s (%s) is still %s", o->external, o->id, state);
        return;
    }
    t.good++;
    check_history(o, r);
    if (r->entered_ms[r->state] > latest_ms) {
        t.late++;
        wrong("%s (%s) became %s only %.1f s after the last fault", o->external, o->id, state,
              (double)(r->entered_ms[r->state] - t.last_ms) / 1000);
    }
    if (o->delivered && r->state != STATE(DELIVERED))
        wrong("%s (%s): %s was told delivered, it is %s", o->external, o->id, o->deliverer, state);
    if (o->returned && r->state != STATE(RETURNED))
        wrong("%s (%s) was brought back, it is %s", o->external, o->id, state);
    if (o->picked && r->entered_ms[STATE(PICKED_UP)] == 0)
        wrong("%s (%s) was picked up, and never entered that state", o->external, o->id);
    if (o->seen[0] != '\0' && strcmp(o->seen, state) != 0)
        wrong("%s (%s): the chain saw %s, it is %s", o->external, o->id, o->seen, state);
}

static void
check_key(const char *key)
{
    redisReply *value = ask("GET %s", key);
    const char *id = key + strlen(t.city) + strlen("{}:order:");
    struct record r;
    const Lifecircle__V1__Order *order = NULL;

    arena_reset(t.arena);
    t.records++;
    if (value->type != REDIS_REPLY_STRING ||
        record_read(slice_of(value->str, value->len), &r) != LC_OK ||
        (order = wire_unpack(&lifecircle__v1__order__descriptor, t.arena, r.order)) == NULL) {
        wrong("%s cannot be read", key);
        freeReplyObject(value);
        return;
    }
    struct order *o;
    HASH_FIND_STR(t.orders, order->external_order_id, o);
    if (o == NULL) {
        wrong("%s (%s) is there, and nobody sent it", order->external_order_id, id);
    } else if (o->found) {
        wrong("%s is there twice", o->external);
    } else if (o->id[0] == '\0') {
        wrong("%s (%s) is there, and its chain, which repeated it, was never told", o->external,
              id);
    } else if (strcmp(o->id, id) != 0) {
        wrong("%s was taken as %s, and is there as %s", o->external, o->id, id);
    } else {
        o->found = true;
        check_order(o, &r);
    }
    freeReplyObject(value);
}

static void
check_redis(void)
{
    char cursor[32] = "0";

    do {
        redisReply *page = ask("SCAN %s MATCH {%s}:order:* COUNT 1000", cursor, t.city);
        snprintf(cursor, sizeof cursor, "%s", page->element[0]->str);
        for (size_t i = 0; i < page->element[1]->elements; i++)
            check_key(page->element[1]->element[i]->str);
        freeReplyObject(page);
    } while (strcmp(cursor, "0") != 0);
    for (struct order *o = t.ids; o != NULL; o = o->by_id.next)
        if (!o->found)
            wrong("%s (%s) was taken and is LOST", o->external, o->id);
}

/* ---- how long it took ---- */

static int
by_value(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

static void
print_series(const char *what, int64_t *v, size_t n)
{
    qsort(v, n, sizeof *v, by_value);
    if (n > 0)
        printf("  %-42s p50 %.2f s, p99 %.2f s, at most %.2f s\n", what,
               (double)v[(n - 1) / 2] / 1000, (double)v[(n - 1) * 99 / 100] / 1000,
               (double)v[n - 1] / 1000);
}

/* Two answers to "how long until it works again": an order that was sent after the fault is taken;
 * and the longest that anybody waited who sent one in the second after it. */
static void
print_recovery(const char *name)
{
    int64_t *again = needed(calloc(t.n_faults + 1, sizeof *again));
    int64_t *worst = needed(calloc(t.n_faults + 1, sizeof *worst));
    size_t n = 0, m = 0;
    char label[64];

    for (size_t i = 0; i < t.n_faults; i++) {
        const struct fault *f = &t.faults[i];
        int64_t first = INT64_MAX, most = -1;
        if (name != NULL && strcmp(name, f->name) != 0)
            continue;
        for (const struct order *o = t.ids; o != NULL; o = o->by_id.next) {
            if (o->first_ms >= f->at_ms && o->taken_ms < first)
                first = o->taken_ms;
            if (o->first_ms >= f->at_ms && o->first_ms < f->at_ms + 1000)
                most = max_ms(most, o->taken_ms - o->first_ms);
        }
        if (first != INT64_MAX)
            again[n++] = first - f->at_ms;
        if (most >= 0)
            worst[m++] = most;
    }
    if (name == NULL) {
        print_series("an order sent after it is taken", again, n);
        print_series("the longest wait of an order sent then", worst, m);
    } else {
        snprintf(label, sizeof label, "%s (%zu): longest wait", name, m);
        print_series(label, worst, m);
    }
    free(again);
    free(worst);
}

int
main(int argc, char **argv)
{
    static const char *const names[] = {"kill",          "pause",       "cut",       "kill-primary",
                                        "pause-primary", "cut-primary", "everything"};
    char host[200];

    if (argc != 5 || strrchr(argv[1], ':') == NULL) {
        fputs("use: lc-chaos-check HOST:PORT CITY LOG FAULTS\n", stderr);
        return 2;
    }
    snprintf(host, sizeof host, "%.*s", (int)(strrchr(argv[1], ':') - argv[1]), argv[1]);
    t.redis = redisConnect(host, atoi(strrchr(argv[1], ':') + 1));
    if (t.redis == NULL || t.redis->err != 0) {
        fprintf(stderr, "lc-chaos-check: no Redis at %s\n", argv[1]);
        return 3;
    }
    t.city = argv[2];
    t.arena = needed(arena_new((size_t)64 << 20));
    read_lines(argv[3], take_line);
    read_lines(argv[4], take_fault);
    check_redis();
    printf("  %zu faults; %u orders taken, %u refused, %u answers of couriers; %u requests failed "
           "and were repeated\n",
           t.n_faults, t.taken, t.refused, t.answers, t.failures);
    print_recovery(NULL);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        print_recovery(names[i]);
    printf("  %u of %u taken orders in one final state; %u records, stuck over a minute %u, wrong "
           "%u\n",
           t.good, t.taken, t.records, t.late, t.wrong);
    return t.wrong == 0 && t.taken > 0 ? 0 : 1;
}
