/* What is kept: every order in Redis, and in the archive. */
#include "check.h"

#include "base/record.h"
#include "base/timestamp.h"
#include "base/wire.h"

#include "order.pb-c.h"

#include <glob.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define STATE(name) LIFECIRCLE__V1__ORDER_STATE__##name

/* ---- what Redis has ---- */

redisReply *
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

/* What is kept of an order, in Redis or in the archive. */
struct kept {
    const char *id, *external, *state;
    bool ended;
    const struct record *record;                  /* NULL = archived */
    int64_t window_end_ms, entered_ms, picked_ms; /* entered: the state it is in */
    int64_t still_ms;       /* the longest time after the last fault in which nothing changed */
    unsigned changes, ends; /* of its history, and those to a final state */
};

static bool
is_end(const char *state)
{
    for (unsigned s = 1; s <= RECORD_STATES; s++)
        if (record_is_end(s) && strcmp(record_state_name(s), state) == 0)
            return true;
    return false;
}

static void
check_order(const struct order *o, const struct kept *k)
{
    int64_t latest_ms = max_ms(max_ms(t.last_ms, k->window_end_ms), o->first_ms) + STUCK_MS;

    if (!k->ended) {
        wrong("%s (%s) is still %s", o->external, o->id, k->state);
        return;
    }
    t.good++;
    /* The first write, which may reject an order, is not in the history: a final state is entered
     * once in all. */
    if (k->ends > 1 || (k->ends == 0 && (k->changes > 0 || strcmp(k->state, "rejected") != 0)))
        wrong("%s (%s) came to an end %u times, to %s", o->external, o->id, k->ends, k->state);
    if (k->entered_ms > latest_ms) {
        t.late++;
        wrong("%s (%s) became %s only %.1f s after the last fault, still for %.1f s of them",
              o->external, o->id, k->state, (double)(k->entered_ms - t.last_ms) / 1000,
              (double)k->still_ms / 1000);
    }
    if (o->delivered && strcmp(k->state, "delivered") != 0)
        wrong("%s (%s): %s was told delivered, it is %s", o->external, o->id, o->deliverer,
              k->state);
    if (o->returned && strcmp(k->state, "returned") != 0)
        wrong("%s (%s) was brought back, it is %s", o->external, o->id, k->state);
    if (o->picked && k->picked_ms == 0)
        wrong("%s (%s) was picked up, and never entered that state", o->external, o->id);
    if (strcmp(o->seen, k->state) != 0)
        wrong("%s (%s): the chain saw %s, it is %s", o->external, o->id,
              o->seen[0] == '\0' ? "nothing" : o->seen, k->state);
    if (k->record != NULL && !t.archive)
        books_check(o, k->record);
}

static void
check_kept(const struct kept *k)
{
    struct order *o;

    HASH_FIND_STR(t.orders, k->external, o);
    if (o == NULL) {
        wrong("%s (%s) is there, and nobody sent it", k->external, k->id);
    } else if (o->found) {
        wrong("%s is there twice", o->external);
    } else if (o->id[0] == '\0') {
        wrong("%s (%s) is there, and its chain, which repeated it, was never told", o->external,
              k->id);
    } else if (strcmp(o->id, k->id) != 0) {
        wrong("%s was taken as %s, and is there as %s", o->external, o->id, k->id);
    } else {
        o->found = true;
        check_order(o, k);
    }
}

/* began_ms: when it was written first, which is not in its history. */
static int64_t
began_ms(const struct record *r)
{
    int64_t first = INT64_MAX;

    for (unsigned s = 1; s <= RECORD_STATES; s++)
        if (r->entered_ms[s] > 0 && r->entered_ms[s] < first)
            first = r->entered_ms[s];
    return first == INT64_MAX ? 0 : first;
}

static void
read_history(struct kept *k)
{
    redisReply *list = ask("LRANGE {%s}:history:%s 0 -1", t.city, k->id);
    int64_t before_ms = max_ms(t.last_ms, began_ms(k->record));
    struct record_history h;

    for (size_t i = 0; i < list->elements; i++)
        if (record_history_read(slice_of(list->element[i]->str, list->element[i]->len), &h) ==
            LC_OK) {
            k->changes++;
            k->ends += record_is_end(h.state);
            k->still_ms = max_ms(k->still_ms, h.time_ms - before_ms);
            before_ms = max_ms(before_ms, h.time_ms);
        } else {
            wrong("%s: entry %zu of its history cannot be read", k->id, i);
        }
    freeReplyObject(list);
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
    struct kept k = {.id = id,
                     .external = order->external_order_id,
                     .state = record_state_name(r.state),
                     .ended = record_is_end(r.state),
                     .record = &r,
                     .window_end_ms = r.window_end_ms,
                     .entered_ms = r.entered_ms[r.state],
                     .picked_ms = r.entered_ms[STATE(PICKED_UP)]};
    read_history(&k);
    check_kept(&k);
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
}

/* ---- what the archive has ---- */

static int64_t
time_of(const json_t *j, const char *key)
{
    const char *at = text(j, key);
    int64_t ms = 0;

    if (*at != '\0' && timestamp_parse(slice_str(at), &ms) != LC_OK)
        wrong("%s: %s is no time", key, at);
    return ms;
}

static void
take_archived(const json_t *j)
{
    const json_t *entered = json_object_get(j, "entered");
    const json_t *history = json_object_get(j, "history");
    struct kept k = {.id = text(j, "order_id"),
                     .external = text(j, "external_order_id"),
                     .state = text(j, "state"),
                     .window_end_ms = time_of(j, "window_end"),
                     .changes = (unsigned)json_array_size(history)};

    k.ended = is_end(k.state);
    k.entered_ms = time_of(entered, k.state);
    k.picked_ms = time_of(entered, "picked_up");
    for (size_t i = 0; i < k.changes; i++)
        k.ends += is_end(text(json_array_get(history, i), "state"));
    t.archived++;
    check_kept(&k);
}

static void
check_archive(const char *dir)
{
    glob_t files = {0};
    char pattern[4096];

    snprintf(pattern, sizeof pattern, "%s/orders-*.ndjson", dir);
    (void)glob(pattern, 0, NULL, &files); /* none: nothing was archived */
    for (size_t i = 0; i < files.gl_pathc; i++)
        read_lines(files.gl_pathv[i], take_archived);
    globfree(&files);
}

static void
check_lost(void)
{
    for (struct order *o = t.ids; o != NULL; o = o->by_id.next)
        if (!o->found)
            wrong("%s (%s) was taken and is LOST", o->external, o->id);
    for (struct order *o = t.orders; o != NULL; o = o->hh.next)
        if (o->unanswered)
            wrong("%s was sent again and again, and never answered", o->external);
    if (t.taken < HASH_COUNT(t.orders) / 2)
        wrong("only %u of %u orders were taken", t.taken, HASH_COUNT(t.orders));
}

void
kept_check(const char *archive)
{
    t.archive = archive != NULL;
    if (!t.archive) /* else a part of the ledger is there, too */
        books_read();
    check_redis();
    if (archive != NULL)
        check_archive(archive);
    check_lost();
}
