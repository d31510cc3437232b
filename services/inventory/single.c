/* Checks and feeds: one message, one call, one answer. */
#include "inventory/core.h"

#include "base/record.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    STORES_MAX = 64,
    SKUS_MAX = 100,
    ITEMS_MAX = 1024,
    LEVELS_MAX = 100000, /* of one call: the function's own limit */
    FEED_LINES_MAX = 1000,
    QUANTITY_MAX = 1000000,
    CHUNK_MAX = 1000000,
    LEVEL = 8, /* bytes of one level in the answer */
};

static const uint64_t SEQUENCE_MAX = 9007199254740992; /* Redis' Lua counts no further */

#define OUTCOME(name) LIFECIRCLE__V1__STOCK_REPLY__OUTCOME__##name

/* ---- answers ---- */

static void
answer_feed(struct inventory *inv, const struct event *ev, struct outbox *out,
            const struct asker *a, uint64_t echo, Lifecircle__V1__StockReply__Outcome outcome,
            uint32_t changed)
{
    Lifecircle__V1__Envelope env = LIFECIRCLE__V1__ENVELOPE__INIT;
    Lifecircle__V1__StockReply reply = LIFECIRCLE__V1__STOCK_REPLY__INIT;

    reply.tag = echo;
    reply.outcome = outcome;
    reply.changed = changed;
    env.body_case = LIFECIRCLE__V1__ENVELOPE__BODY_STOCK_REPLY;
    env.stock_reply = &reply;
    answer(inv, ev, out, a, &env);
}

static bool
fill_item(const struct event *ev, Lifecircle__V1__CheckReply__Item *item, const struct reply *rows)
{
    size_t n = item->n_available;

    item->available = arena_array(ev->arena, n, sizeof *item->available);
    item->price_cents = arena_array(ev->arena, n, sizeof *item->price_cents);
    if (item->available == NULL || item->price_cents == NULL)
        return false;
    for (size_t i = 0; i < n; rows++) {
        if (rows->kind != REPLY_STRING || rows->str.n == 0 || rows->str.n % LEVEL != 0 ||
            rows->str.n / LEVEL > n - i)
            return false;
        for (size_t at = 0; at < rows->str.n; at += LEVEL, i++) {
            item->available[i] = (int32_t)bytes_u32(rows->str.p + at);
            item->price_cents[i] = bytes_u32(rows->str.p + at + 4);
        }
    }
    return true;
}

/* answer_check: the levels, or without rows that there are none. */
static void
answer_check(struct inventory *inv, const struct event *ev, struct outbox *out,
             const struct asker *a, const struct shape *shapes, size_t n, const struct reply *rows)
{
    Lifecircle__V1__Envelope env = LIFECIRCLE__V1__ENVELOPE__INIT;
    Lifecircle__V1__CheckReply reply = LIFECIRCLE__V1__CHECK_REPLY__INIT;
    Lifecircle__V1__CheckReply__Item *items = arena_array(ev->arena, n + 1, sizeof *items);

    reply.items = arena_array(ev->arena, n + 1, sizeof(Lifecircle__V1__CheckReply__Item *));
    if (items == NULL || reply.items == NULL) {
        count(inv, COUNT_ANSWERS_DROPPED, 1);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        Lifecircle__V1__CheckReply__Item *item = reply.items[i] = &items[i];
        lifecircle__v1__check_reply__item__init(item);
        item->tag = shapes[i].tag;
        item->n_available = item->n_price_cents = (size_t)shapes[i].stores * shapes[i].skus;
        item->unavailable = rows == NULL || shapes[i].stores == 0 || !fill_item(ev, item, rows);
        if (item->unavailable)
            item->n_available = item->n_price_cents = 0;
        if (rows != NULL)
            rows += shapes[i].stores;
    }
    reply.n_items = n;
    env.body_case = LIFECIRCLE__V1__ENVELOPE__BODY_CHECK_REPLY;
    env.check_reply = &reply;
    answer(inv, ev, out, a, &env);
}

static void
give_up(struct inventory *inv, const struct event *ev, struct outbox *out, struct call *c)
{
    if (c->kind == CALL_CHECK) {
        answer_check(inv, ev, out, &c->asker, c->shapes, c->n, NULL);
    } else {
        count(inv, COUNT_FEED_UNAVAILABLE, 1);
        answer_feed(inv, ev, out, &c->asker, c->echo, OUTCOME(UNAVAILABLE), 0);
    }
    call_free(c);
}

/* ---- sending ---- */

static const char *
function_of(const struct call *c)
{
    return c->kind == CALL_CHECK ? "stock_read" : "stock_apply";
}

static void
wait_for_redis(struct inventory *inv, struct call *c)
{
    struct call **last = &inv->waiting;

    while (*last != NULL)
        last = &(*last)->next;
    *last = c;
}

/* send: at once, or when Redis is back. */
static void
send(struct inventory *inv, const struct event *ev, struct outbox *out, struct call *c)
{
    struct slice now = int_slice(ev, ev->now_ms);

    if (!inv->up)
        wait_for_redis(inv, c);
    else if (!call_send(inv, ev, out, c, function_of(c), &now, c->kind == CALL_FEED))
        give_up(inv, ev, out, c);
}

static size_t
open_singles(const struct inventory *inv)
{
    size_t n = inv->singles;

    for (const struct call *c = inv->waiting; c != NULL; c = c->next)
        n++;
    return n;
}

/* single_new: NULL without memory or when too many are open. */
static struct call *
single_new(struct inventory *inv, const struct event *ev, enum call_kind kind)
{
    if (open_singles(inv) >= SINGLES_MAX)
        return NULL;
    struct call *c = call_new(inv, kind, 0);
    if (c != NULL)
        asker_init(&c->asker, ev);
    return c;
}

/* ---- checks ---- */

static bool
check_well_formed(const Lifecircle__V1__CheckRequest__Item *item)
{
    if (item->n_stores < 1 || item->n_stores > STORES_MAX || item->n_sku_indexes < 1 ||
        item->n_sku_indexes > SKUS_MAX)
        return false;
    for (size_t i = 0; i < item->n_sku_indexes; i++)
        if (item->sku_indexes[i] > RECORD_SKU_MAX)
            return false;
    return true;
}

static void
put_check(struct args *a, const Lifecircle__V1__CheckRequest__Item *item)
{
    for (size_t i = 0; i < item->n_stores; i++) {
        buf_printf(&a->bytes, "%u", item->stores[i]);
        args_end(a);
        for (size_t k = 0; k < item->n_sku_indexes; k++)
            buf_u32(&a->bytes, item->sku_indexes[k]);
        args_end(a);
    }
}

/* put_checks: shapes and arguments of all well-formed items; gives the number of stores asked for.
 */
static size_t
put_checks(struct inventory *inv, struct call *c, const Lifecircle__V1__CheckRequest *m)
{
    size_t levels = 0, rows = 0;

    for (size_t i = 0; i < m->n_items; i++) {
        const Lifecircle__V1__CheckRequest__Item *item = m->items[i];
        c->shapes[i].tag = item->tag;
        if (!check_well_formed(item) ||
            levels + item->n_stores * item->n_sku_indexes > LEVELS_MAX) {
            count(inv, COUNT_CHECKS_REFUSED, 1);
            continue;
        }
        c->shapes[i].stores = (uint32_t)item->n_stores;
        c->shapes[i].skus = (uint32_t)item->n_sku_indexes;
        levels += item->n_stores * item->n_sku_indexes;
        rows += item->n_stores;
        put_check(&c->args, item);
    }
    return rows;
}

/* count_rows: puts the number of stores in front of the arguments. */
static bool
count_rows(struct args *all, const struct args *rows, size_t n)
{
    buf_printf(&all->bytes, "%zu", n);
    args_end(all);
    for (size_t i = 0; i < args_count(rows); i++)
        args_add(all, args_at(rows, i));
    return !args_failed(all);
}

enum lc_err
check_take(struct inventory *inv, const struct event *ev, struct outbox *out)
{
    const Lifecircle__V1__CheckRequest *m = ev->envelope->check_request;
    size_t n = m->n_items <= ITEMS_MAX ? m->n_items : 0;
    struct call *c = single_new(inv, ev, CALL_CHECK);

    if (c == NULL)
        return LC_ENOMEM; /* matcher does not wait for a check for ever */
    c->shapes = calloc(n + 1, sizeof *c->shapes);
    c->n = n;
    struct args rows = c->args;
    if (c->shapes == NULL) {
        call_free(c);
        return LC_ENOMEM;
    }
    count(inv, COUNT_CHECKS, n);
    size_t stores = n == 0 ? 0 : put_checks(inv, c, m);
    rows = c->args;
    c->args = (struct args){0};
    if (stores == 0 || args_failed(&rows) || !count_rows(&c->args, &rows, stores))
        give_up(inv, ev, out, c);
    else
        send(inv, ev, out, c);
    args_free(&rows);
    return LC_OK;
}

static void
check_replied(struct inventory *inv, const struct event *ev, struct outbox *out, struct call *c)
{
    size_t stores = 0;

    for (size_t i = 0; i < c->n; i++)
        stores += c->shapes[i].stores;
    if (ev->reply->kind != REPLY_ARRAY || ev->reply->n != stores) {
        function_error(inv, ev, out, "stock_read");
        give_up(inv, ev, out, c);
        return;
    }
    answer_check(inv, ev, out, &c->asker, c->shapes, c->n, ev->reply->items);
    call_free(c);
}

/* ---- feeds ---- */

static bool
feed_well_formed(const Lifecircle__V1__StockRequest *m)
{
    if (m->store == 0 || m->as_of_ms < 0 || m->sequence > SEQUENCE_MAX || m->chunk > CHUNK_MAX ||
        (m->sequence == 0 && m->as_of_ms == 0) || m->n_lines < 1 || m->n_lines > FEED_LINES_MAX)
        return false;
    for (size_t i = 0; i < m->n_lines; i++) {
        const Lifecircle__V1__StockLine *l = m->lines[i];
        if (l->sku_index > RECORD_SKU_MAX || (i > 0 && l->sku_index <= m->lines[i - 1]->sku_index))
            return false;
        if (!l->has_quantity && !l->has_price)
            return false;
        if (l->quantity < -QUANTITY_MAX || l->quantity > QUANTITY_MAX || l->price_cents > INT32_MAX)
            return false;
    }
    return true;
}

static void
put_number(struct args *a, uint64_t v)
{
    buf_printf(&a->bytes, "%llu", (unsigned long long)v);
    args_end(a);
}

static void
put_feed(struct args *a, const Lifecircle__V1__StockRequest *m)
{
    char id[40];
    uint64_t name = m->sequence != 0 ? m->sequence : (uint64_t)m->as_of_ms;

    put_number(a, m->store);
    put_number(a, m->kind == LIFECIRCLE__V1__STOCK_REQUEST__KIND__DELTA);
    put_number(a, (uint64_t)m->as_of_ms);
    put_number(a, m->sequence);
    put_number(a, m->chunk);
    args_add(a, SLICE_LIT("-1")); /* the store's own safety stock */
    snprintf(id, sizeof id, "feed%c%020llu.%010u", m->sequence != 0 ? 's' : 'a',
             (unsigned long long)name, m->chunk);
    args_add(a, slice_of(id, 36));
    for (size_t i = 0; i < m->n_lines; i++) {
        const Lifecircle__V1__StockLine *l = m->lines[i];
        feed_line(&a->bytes, l->sku_index, l->has_quantity, l->quantity, l->has_price,
                  l->price_cents);
    }
    args_end(a);
}

enum lc_err
feed_take(struct inventory *inv, const struct event *ev, struct outbox *out)
{
    const Lifecircle__V1__StockRequest *m = ev->envelope->stock_request;
    struct asker asker;

    asker_init(&asker, ev);
    if (!feed_well_formed(m)) {
        count(inv, COUNT_FEED_MALFORMED, 1);
        answer_feed(inv, ev, out, &asker, m->tag, OUTCOME(OUTCOME_NONE), 0);
        return LC_OK;
    }
    struct call *c = single_new(inv, ev, CALL_FEED);
    if (c == NULL) {
        count(inv, COUNT_FEED_UNAVAILABLE, 1);
        answer_feed(inv, ev, out, &asker, m->tag, OUTCOME(UNAVAILABLE), 0);
        return LC_OK;
    }
    c->echo = m->tag;
    put_feed(&c->args, m);
    if (args_failed(&c->args))
        give_up(inv, ev, out, c);
    else
        send(inv, ev, out, c);
    return LC_OK;
}

static void
feed_replied(struct inventory *inv, const struct event *ev, struct outbox *out, struct call *c)
{
    static const enum count by_outcome[] = {
        [OUTCOME(APPLIED)] = COUNT_FEED_APPLIED,
        [OUTCOME(REPEATED)] = COUNT_FEED_REPEATED,
        [OUTCOME(LATE)] = COUNT_FEED_LATE,
        [OUTCOME(UNKNOWN_STORE)] = COUNT_FEED_UNKNOWN_STORE,
    };
    struct slice s = ev->reply->str;

    if (ev->reply->kind != REPLY_STRING || s.n != 8 || s.p[0] < OUTCOME(APPLIED) ||
        s.p[0] > OUTCOME(UNKNOWN_STORE)) {
        function_error(inv, ev, out, "stock_apply");
        give_up(inv, ev, out, c);
        return;
    }
    uint32_t changed = bytes_u32(s.p + 4);
    count(inv, by_outcome[(unsigned)s.p[0]], 1);
    count(inv, COUNT_FEED_CHANGED, changed);
    answer_feed(inv, ev, out, &c->asker, c->echo, (Lifecircle__V1__StockReply__Outcome)s.p[0],
                changed);
    if (s.p[1] != 0)
        ring(inv, ev, out, LIFECIRCLE__V1__NEWS__TOPIC__CATALOGUE);
    call_free(c);
}

/* ---- both ---- */

void
single_replied(struct inventory *inv, const struct event *ev, struct outbox *out, struct call *c)
{
    if (ev->reply->kind == REPLY_LOST && c->asker.deadline_ms > ev->now_ms) {
        count(inv, COUNT_REPEATED, 1);
        wait_for_redis(inv, c);
    } else if (ev->reply->kind == REPLY_LOST) {
        give_up(inv, ev, out, c);
    } else if (c->kind == CALL_CHECK) {
        check_replied(inv, ev, out, c);
    } else {
        feed_replied(inv, ev, out, c);
    }
}

void
single_resend(struct inventory *inv, const struct event *ev, struct outbox *out)
{
    struct call *c = inv->waiting;

    inv->waiting = NULL;
    while (c != NULL) {
        struct call *next = c->next;
        c->next = NULL;
        send(inv, ev, out, c);
        c = next;
    }
}

void
single_overdue(struct inventory *inv, const struct event *ev, struct outbox *out)
{
    for (struct call **at = &inv->waiting; *at != NULL;) {
        struct call *c = *at;
        if (c->asker.deadline_ms > ev->now_ms) {
            at = &c->next;
            continue;
        }
        *at = c->next;
        give_up(inv, ev, out, c);
    }
}
