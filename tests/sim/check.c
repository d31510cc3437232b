/* check: what must hold, read from Redis and from what the clients were told, never from the
 * daemons' own counters. */
#include "world.h"

#include "base/record.h"

#include "courier.pb-c.h"

#include <stdlib.h>

struct totals {
    int64_t fed[STORES_MAX + 1][SKUS];      /* by feeds, on hand */
    int64_t sold[STORES_MAX + 1][SKUS];     /* left the store for good */
    int64_t reserved[STORES_MAX + 1][SKUS]; /* taken and not gone, not given back */
    int64_t level[STORES_MAX + 1][SKUS];    /* sum of the ledger: available */
    int64_t on_hand[STORES_MAX + 1][SKUS];  /* sum of the ledger */
};

static void
add_lines(struct sim *s, struct totals *t, const struct record *r, const char *key)
{
    bool gave_back = r->state == LIFECIRCLE__V1__ORDER_STATE__CANCELLED ||
                     r->state == LIFECIRCLE__V1__ORDER_STATE__RETURNED ||
                     r->state == LIFECIRCLE__V1__ORDER_STATE__REJECTED;

    if (r->store == 0 || gave_back || (r->flags & RECORD_TAKEN) == 0)
        return;
    if (r->store > STORES_MAX) {
        sim_fail(s, "%s: store %u", key, r->store);
        return;
    }
    for (size_t i = 0; i < r->n_lines; i++) {
        struct record_line l;
        if (!record_line_at(r, i, &l))
            continue;
        uint32_t sku = l.substitute != 0 ? l.substitute - 1 : l.sku_index;
        if (sku >= SKUS)
            sim_fail(s, "%s: sku %u", key, sku);
        else if (r->flags & RECORD_COMMITTED)
            t->sold[r->store][sku] += l.taken;
        else
            t->reserved[r->store][sku] += l.taken;
    }
}

/* each_order: all records; how many are there and how many of them have ended. */
static void
each_order(struct sim *s, struct totals *t, unsigned *all, unsigned *ended)
{
    redisReply *keys = redis_ask(s, "KEYS {sim}:order:*");

    *all = *ended = 0;
    for (size_t i = 0; keys != NULL && i < keys->elements; i++) {
        struct record r;
        redisReply *v = redis_ask(s, "GET %s", keys->element[i]->str);
        if (v == NULL || record_read(slice_of(v->str, v->len), &r) != LC_OK) {
            sim_fail(s, "%s: unreadable", keys->element[i]->str);
        } else {
            ++*all;
            *ended += record_is_end(r.state);
            if (t != NULL)
                add_lines(s, t, &r, keys->element[i]->str);
        }
        if (v != NULL)
            freeReplyObject(v);
    }
    if (keys != NULL)
        freeReplyObject(keys);
}

bool
check_all_ended(struct sim *s)
{
    unsigned all;
    unsigned ended;

    each_order(s, NULL, &all, &ended);
    return all == s->world->n_orders && ended == all;
}

static void
read_ledger(struct sim *s, struct totals *t)
{
    redisReply *entries = redis_ask(s, "XRANGE {sim}:ledger - +");

    for (size_t i = 0; entries != NULL && i < entries->elements; i++) {
        const redisReply *fields = entries->element[i]->element[1];
        struct cursor c = {fields->element[1]->str, fields->element[1]->len, false};
        struct ledger_entry e;
        enum lc_err err;
        while ((err = ledger_next(&c, &e)) == LC_OK) {
            for (size_t k = 0; k < e.n; k++) {
                struct ledger_change change = ledger_change_at(&e, k);
                if (e.store > STORES_MAX || change.sku_index >= SKUS) {
                    sim_fail(s, "ledger: store %u, sku %u", e.store, change.sku_index);
                    continue;
                }
                t->level[e.store][change.sku_index] += change.available;
                t->on_hand[e.store][change.sku_index] += change.on_hand;
                if (e.cause == LEDGER_FEED)
                    t->fed[e.store][change.sku_index] += change.on_hand;
            }
        }
        if (err != LC_EAGAIN)
            sim_fail(s, "ledger: an entry is cut short");
    }
    if (entries != NULL)
        freeReplyObject(entries);
}

/* check_stock: stock at start = free + reserved + sold, and the ledger adds up, for every store and
 * SKU. */
static void
check_stock(struct sim *s, const struct totals *t)
{
    for (unsigned store = 1; store <= s->world->n_stores; store++) {
        redisReply *stock = redis_ask(s, "GET {sim}:stock:%u", store);
        redisReply *shelf = redis_ask(s, "GET {sim}:shelf:%u", store);
        for (unsigned k = 0; stock != NULL && shelf != NULL && k < SKUS; k++) {
            struct stock_level l = stock_level_at(slice_of(stock->str, stock->len),
                                                  slice_of(shelf->str, shelf->len), k);
            if (l.available < 0)
                sim_fail(s, "store %u, sku %u: oversold by %d", store, k, -l.available);
            if (l.available != t->level[store][k])
                sim_fail(s, "store %u, sku %u: available %d, ledger %lld", store, k, l.available,
                         (long long)t->level[store][k]);
            if (l.on_hand != t->on_hand[store][k])
                sim_fail(s, "store %u, sku %u: on hand %d, ledger %lld", store, k, l.on_hand,
                         (long long)t->on_hand[store][k]);
            if (t->fed[store][k] != l.available + t->reserved[store][k] + t->sold[store][k])
                sim_fail(s, "store %u, sku %u: fed %lld, but free %d + reserved %lld + sold %lld",
                         store, k, (long long)t->fed[store][k], l.available,
                         (long long)t->reserved[store][k], (long long)t->sold[store][k]);
        }
        if (stock != NULL)
            freeReplyObject(stock);
        if (shelf != NULL)
            freeReplyObject(shelf);
    }
}

/* check_routes: no order is on two routes. */
static void
check_routes(struct sim *s, bool at_end)
{
    redisReply *all = redis_ask(s, "HGETALL {sim}:routes");
    struct arena *a = arena_new(1 << 24);
    const char *seen[ORDERS_MAX];
    uint32_t on[ORDERS_MAX];
    size_t n = 0;

    for (size_t i = 0; all != NULL && i + 1 < all->elements; i += 2) {
        const redisReply *v = all->element[i + 1];
        const Lifecircle__V1__Route *route = v->len < 4
                                                 ? NULL
                                                 : wire_unpack(&lifecircle__v1__route__descriptor,
                                                               a, slice_of(v->str + 4, v->len - 4));
        if (route == NULL) {
            sim_fail(s, "route of courier %s: unreadable", all->element[i]->str);
            continue;
        }
        if (at_end && route->n_stops > 0)
            sim_fail(s, "courier %u still has %zu stops", route->courier, route->n_stops);
        for (size_t k = 0; k < route->n_stops; k++) {
            const char *order = route->stops[k]->order_id;
            size_t at = 0;
            while (at < n && strcmp(seen[at], order) != 0)
                at++;
            if (at < n && on[at] != route->courier)
                sim_fail(s, "order %s is on the routes of couriers %u and %u", order, on[at],
                         route->courier);
            if (at == n && n < ORDERS_MAX) {
                seen[n] = order;
                on[n++] = route->courier;
            }
        }
    }
    if (all != NULL)
        freeReplyObject(all);
    arena_destroy(a);
}

void
check_now(struct sim *s)
{
    if (s->redis != NULL)
        check_routes(s, false);
}

static void
check_acknowledged(struct sim *s)
{
    for (unsigned i = 0; i < s->world->n_orders; i++) {
        const struct sim_order *o = &s->world->orders[i];
        redisReply *r = redis_ask(s, "EXISTS {sim}:order:%s", o->order_id);
        if (!o->known)
            sim_fail(s, "order %s was never acknowledged", o->external);
        else if (r == NULL || r->integer != 1)
            sim_fail(s, "order %s was acknowledged as %s and is lost", o->external, o->order_id);
        if (r != NULL)
            freeReplyObject(r);
    }
}

static void
check_queues(struct sim *s)
{
    static const char *const queues[] = {"match", "held", "dispatch", "expire"};

    for (size_t i = 0; i < sizeof queues / sizeof *queues; i++) {
        redisReply *r = redis_ask(s, "ZCARD {sim}:due:%s", queues[i]);
        if (r != NULL && r->integer != 0)
            sim_fail(s, "due:%s still has %lld rows", queues[i], r->integer);
        if (r != NULL)
            freeReplyObject(r);
    }
}

void
check_end(struct sim *s)
{
    struct totals *t = calloc(1, sizeof *t);
    unsigned all;
    unsigned ended;

    if (t == NULL)
        abort();
    each_order(s, t, &all, &ended);
    if (all != s->world->n_orders)
        sim_fail(s, "%u orders were sent, %u are known", s->world->n_orders, all);
    if (ended != all)
        sim_fail(s, "%u of %u orders have not ended", all - ended, all);
    check_acknowledged(s);
    read_ledger(s, t);
    check_stock(s, t);
    check_routes(s, true);
    check_queues(s);
    free(t);
    for (enum node_id id = 0; id < NODE_N; id++)
        if (s->nodes[id].stepper != NULL)
            check_recording(s, id);
}

/* ---- replays ---- */

static void
say_difference(void *ctx, const struct replay_difference *d)
{
    sim_fail(ctx, "replay differs at step %llu (%s)", (unsigned long long)d->step,
             event_name(d->event->kind));
}

void
check_recording(struct sim *s, enum node_id id)
{
    struct node *n = &s->nodes[id];
    struct replay_result result;

    if (n->recording.failed)
        return;
    enum lc_err err = replay_run(n->service, buf_slice(&n->recording), say_difference, s, &result);
    if (err != LC_OK)
        sim_fail(s, "replay of %s: %s", n->service->name, lc_strerror(err));
}
