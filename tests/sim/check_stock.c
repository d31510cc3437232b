/* check_stock: stock at start = free + reserved + sold, whatever was fed meanwhile. Orders' records
 * say what is reserved and what is gone; the ledger must say the same, order by order; and what
 * Redis has on hand at the end must be what lies on the shelves. */
#include "check.h"

#include <stdlib.h>

#define STATE(x) LIFECIRCLE__V1__ORDER_STATE__##x

/* ---- from the orders ---- */

/* gone_at: when an order's goods left the store; 0 = they did not. By the stamps, as the flags of a
 * returned order say nothing about the time between. */
static int64_t
gone_at(const struct record *r)
{
    int64_t at = r->entered_ms[STATE(PICKED_UP)];

    return at != 0 ? at : r->entered_ms[STATE(COLLECTED)];
}

static void
add_order(struct sim *s, struct shelf *out, const struct record *r, int64_t until_ms)
{
    int64_t back = r->entered_ms[STATE(RETURNED)];
    int64_t gone = gone_at(r);
    bool is_gone = gone != 0 && gone <= until_ms && (back == 0 || back > until_ms);
    bool is_reserved = (r->flags & RECORD_TAKEN) != 0 && (r->flags & RECORD_COMMITTED) == 0 &&
                       !record_is_end(r->state);

    if (r->store == 0 || r->store > STORES_MAX || (!is_gone && !is_reserved))
        return;
    for (size_t i = 0; i < r->n_lines; i++) {
        struct record_line l;
        if (!record_line_at(r, i, &l))
            continue;
        uint32_t sku = l.substitute != 0 ? l.substitute - 1 : l.sku_index;
        if (sku >= SKUS)
            sim_fail(s, "an order has SKU %u", sku);
        else if (is_gone)
            out->gone[r->store - 1][sku] += l.taken;
        else
            out->reserved[r->store - 1][sku] += l.taken;
    }
}

static void
read_shelf(struct sim *s, const struct books *b, int64_t until_ms, struct shelf *out)
{
    struct record r;

    memset(out, 0, sizeof *out);
    for (size_t i = 0; i < b->n; i++)
        if (books_at(s, b, i, &r))
            add_order(s, out, &r, until_ms);
}

void
check_read_shelf(struct sim *s, int64_t until_ms, struct shelf *out)
{
    struct books b = books_open(s);

    read_shelf(s, &b, until_ms, out);
    books_close(&b);
}

/* ---- from the ledger ---- */

struct totals {
    int64_t available[STORES_MAX][SKUS];
    int64_t on_hand[STORES_MAX][SKUS];
    struct {
        char id[UUID_TEXT];
        unsigned causes[LEDGER_RETURN + 1];
    } orders[ORDERS_MAX];
    size_t n_orders;
};

/* count_cause: an order's stock is reserved once, then released or committed once, then perhaps
 * returned. */
static void
count_cause(struct sim *s, struct totals *t, const struct ledger_entry *e)
{
    size_t i = 0;

    if (e->cause == LEDGER_FEED || e->cause > LEDGER_RETURN)
        return;
    while (i < t->n_orders && memcmp(t->orders[i].id, e->cause_id.p, UUID_TEXT - 1) != 0)
        i++;
    if (i == ORDERS_MAX)
        return;
    if (i == t->n_orders) {
        t->n_orders++;
        memcpy(t->orders[i].id, e->cause_id.p, UUID_TEXT - 1);
    }
    unsigned *n = t->orders[i].causes;
    n[e->cause]++;
    bool lawful = n[LEDGER_RESERVE] == 1 && n[LEDGER_RELEASE] + n[LEDGER_COMMIT] <= 1 &&
                  n[LEDGER_RETURN] <= n[LEDGER_COMMIT];
    if (!lawful)
        sim_fail(
            s, "order %s: its stock was reserved %u, released %u, committed %u, returned %u times",
            t->orders[i].id, n[LEDGER_RESERVE], n[LEDGER_RELEASE], n[LEDGER_COMMIT],
            n[LEDGER_RETURN]);
}

static void
add_entry(struct sim *s, struct totals *t, const struct ledger_entry *e)
{
    count_cause(s, t, e);
    for (size_t k = 0; k < e->n; k++) {
        struct ledger_change change = ledger_change_at(e, k);
        if (e->store == 0 || e->store > STORES_MAX || change.sku_index >= SKUS) {
            sim_fail(s, "ledger: store %u, SKU %u", e->store, change.sku_index);
            continue;
        }
        t->available[e->store - 1][change.sku_index] += change.available;
        t->on_hand[e->store - 1][change.sku_index] += change.on_hand;
    }
}

static void
read_ledger(struct sim *s, struct totals *t)
{
    redisReply *entries = redis_ask(s, "XRANGE {sim}:ledger - +");

    for (size_t i = 0; entries != NULL && i < entries->elements; i++) {
        const redisReply *fields = entries->element[i]->element[1];
        for (size_t f = 1; f < fields->elements; f += 2) {
            struct cursor c = {fields->element[f]->str, fields->element[f]->len, false};
            struct ledger_entry e;
            enum lc_err err;
            while ((err = ledger_next(&c, &e)) == LC_OK)
                add_entry(s, t, &e);
            if (err != LC_EAGAIN)
                sim_fail(s, "ledger: an entry is cut short");
        }
    }
    if (entries != NULL)
        freeReplyObject(entries);
}

/* ---- from the levels ---- */

static void
check_level(struct sim *s, const struct sim_store *st, unsigned sku, struct stock_level l,
            const struct shelf *shelf)
{
    unsigned at = st->number - 1;
    int64_t free_on_shelf = (int64_t)l.on_hand - shelf->reserved[at][sku] - (int64_t)l.safety;

    if (l.safety != st->safety)
        sim_fail(s, "store %u, SKU %u: safety %u instead of %u", st->number, sku, l.safety,
                 st->safety);
    if (l.on_hand < shelf->reserved[at][sku])
        sim_fail(s, "store %u, SKU %u: oversold: %lld reserved, %d on hand", st->number, sku,
                 (long long)shelf->reserved[at][sku], l.on_hand);
    if (l.available != free_on_shelf)
        sim_fail(s, "store %u, SKU %u: available %d, but on hand %d - reserved %lld - safety %u",
                 st->number, sku, l.available, l.on_hand, (long long)shelf->reserved[at][sku],
                 l.safety);
}

static void
check_at_end(struct sim *s, unsigned store, unsigned k, struct stock_level l,
             const struct shelf *shelf, const struct totals *t)
{
    const struct sim_store *st = &s->world->stores[store];
    unsigned sku = s->world->chains[st->chain].sku[k];
    unsigned at = st->number - 1;
    int64_t there = st->initial[k] + supply_told(s, store, k, INT64_MAX) - shelf->gone[at][sku];

    if (l.on_hand != there)
        sim_fail(s, "store %u, SKU-%u: on hand %d, but %lld first + %lld fed - %lld gone",
                 st->number, k, l.on_hand, (long long)st->initial[k],
                 (long long)supply_told(s, store, k, INT64_MAX), (long long)shelf->gone[at][sku]);
    if (l.available != t->available[at][sku] || l.on_hand != t->on_hand[at][sku])
        sim_fail(s, "store %u, SKU-%u: available %d, on hand %d; the ledger says %lld, %lld",
                 st->number, k, l.available, l.on_hand, (long long)t->available[at][sku],
                 (long long)t->on_hand[at][sku]);
}

void
check_stock(struct sim *s, const struct books *b, bool at_end)
{
    struct shelf shelf;
    struct totals *t = calloc(1, sizeof *t);

    if (t == NULL)
        abort();
    read_shelf(s, b, INT64_MAX, &shelf);
    if (at_end)
        read_ledger(s, t);
    for (unsigned i = 0; i < s->world->n_stores; i++) {
        const struct sim_store *st = &s->world->stores[i];
        redisReply *stock = redis_ask(s, "GET {sim}:stock:%u", st->number);
        redisReply *levels = redis_ask(s, "GET {sim}:shelf:%u", st->number);
        for (unsigned k = 0; s->world->ready && stock != NULL && levels != NULL && k < SKUS; k++) {
            unsigned sku = s->world->chains[st->chain].sku[k];
            struct stock_level l = stock_level_at(slice_of(stock->str, stock->len),
                                                  slice_of(levels->str, levels->len), sku);
            check_level(s, st, sku, l, &shelf);
            if (at_end)
                check_at_end(s, i, k, l, &shelf, t);
        }
        if (stock != NULL)
            freeReplyObject(stock);
        if (levels != NULL)
            freeReplyObject(levels);
    }
    free(t);
}
