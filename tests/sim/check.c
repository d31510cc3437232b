/* check: orders, routes and due rows. */
#include "check.h"

#include "courier.pb-c.h"

#include <stdlib.h>

#define STATE(x) LIFECIRCLE__V1__ORDER_STATE__##x

enum { ID_AT = sizeof "{sim}:order:" - 1 };

/* ---- the books ---- */

struct books
books_open(struct sim *s)
{
    struct books b = {redis_ask(s, "KEYS {sim}:order:*"), NULL, 0};
    struct slice argv[ORDERS_MAX + 1] = {SLICE_LIT("MGET")};

    if (b.keys == NULL || b.keys->elements == 0 || b.keys->elements > ORDERS_MAX)
        return b;
    for (size_t i = 0; i < b.keys->elements; i++)
        argv[i + 1] = slice_of(b.keys->element[i]->str, b.keys->element[i]->len);
    b.values = redis_do(s, b.keys->elements + 1, argv);
    if (b.values != NULL)
        b.n = b.values->elements;
    return b;
}

void
books_close(struct books *b)
{
    if (b->keys != NULL)
        freeReplyObject(b->keys);
    if (b->values != NULL)
        freeReplyObject(b->values);
}

const char *
books_id(const struct books *b, size_t i)
{
    return b->keys->element[i]->str + ID_AT;
}

bool
books_at(struct sim *s, const struct books *b, size_t i, struct record *r)
{
    const redisReply *v = b->values->element[i];

    if (v->type == REDIS_REPLY_STRING && record_read(slice_of(v->str, v->len), r) == LC_OK)
        return true;
    sim_fail(s, "order %s: unreadable", books_id(b, i));
    return false;
}

bool
check_all_ended(struct sim *s)
{
    struct books b = books_open(s);
    unsigned ended = 0;
    unsigned expected = 0;
    struct record r;

    for (unsigned i = 0; i < s->world->n_orders; i++)
        expected += s->world->orders[i].known;
    for (size_t i = 0; i < b.n; i++)
        if (books_at(s, &b, i, &r))
            ended += record_is_end(r.state);
    bool all = b.n >= expected && ended == b.n;
    books_close(&b);
    return all;
}

/* ---- due rows: an order never waits on a message ---- */

static bool
is_due(struct sim *s, const char *queue, const char *id)
{
    redisReply *r = redis_ask(s, "ZSCORE {sim}:due:%s %s", queue, id);
    bool due = r != NULL && r->type == REDIS_REPLY_STRING;

    if (r != NULL)
        freeReplyObject(r);
    return due;
}

/* due_queue: where an order in this state must have a row; NULL = nowhere. */
static const char *
due_queue(const struct record *r)
{
    bool collection = (r->flags & RECORD_COLLECTION) != 0;

    if (r->state == STATE(CREATED))
        return "match";
    if (r->state == STATE(HELD))
        return "held";
    if (record_is_end(r->state))
        return NULL;
    return collection ? "expire" : "dispatch";
}

static void
check_due(struct sim *s, const struct books *b)
{
    struct record r;

    for (size_t i = 0; i < b->n; i++) {
        const char *id = books_id(b, i);
        const char *queue = books_at(s, b, i, &r) ? due_queue(&r) : NULL;
        if (queue != NULL && !is_due(s, queue, id))
            sim_fail(s, "order %s is %s and has no row in due:%s", id, record_state_name(r.state),
                     queue);
    }
}

/* ---- routes: every order where its record says, and nowhere else ---- */

struct on_route {
    char order[UUID_TEXT];
    uint32_t courier;
};

struct routes {
    struct on_route list[2 * ORDERS_MAX];
    size_t n;
};

static void
read_route(struct sim *s, struct arena *a, struct routes *all, const redisReply *v, bool at_end)
{
    const Lifecircle__V1__Route *route =
        v->len < 4
            ? NULL
            : wire_unpack(&lifecircle__v1__route__descriptor, a, slice_of(v->str + 4, v->len - 4));

    if (route == NULL) {
        sim_fail(s, "a route is unreadable");
        return;
    }
    if (at_end && route->n_stops > 0)
        sim_fail(s, "courier %u still has %zu stops", route->courier, route->n_stops);
    for (size_t k = 0; k < route->n_stops && all->n < 2 * ORDERS_MAX; k++) {
        const char *order = route->stops[k]->order_id;
        for (size_t i = 0; i < all->n; i++)
            if (strcmp(all->list[i].order, order) == 0 && all->list[i].courier != route->courier)
                sim_fail(s, "order %s is on the routes of couriers %u and %u", order,
                         all->list[i].courier, route->courier);
        snprintf(all->list[all->n].order, UUID_TEXT, "%s", order);
        all->list[all->n++].courier = route->courier;
    }
}

static uint32_t
courier_with(const struct routes *all, const char *order)
{
    for (size_t i = 0; i < all->n; i++)
        if (strcmp(all->list[i].order, order) == 0)
            return all->list[i].courier;
    return 0;
}

static void
check_routes(struct sim *s, const struct books *b, bool at_end)
{
    redisReply *hash = redis_ask(s, "HVALS {sim}:routes");
    struct arena *a = arena_new(1 << 24);
    struct routes *all = calloc(1, sizeof *all);
    struct record r;

    if (a == NULL || all == NULL)
        abort();
    for (size_t i = 0; hash != NULL && i < hash->elements; i++)
        read_route(s, a, all, hash->element[i], at_end);
    for (size_t i = 0; i < b->n; i++) {
        uint32_t courier = courier_with(all, books_id(b, i));
        if (!books_at(s, b, i, &r))
            continue;
        if (!record_is_end(r.state) && courier != r.courier)
            sim_fail(s, "order %s is %s with courier %u and on the route of %u", books_id(b, i),
                     record_state_name(r.state), r.courier, courier);
        else if (courier != 0 && record_is_end(r.state) && r.state != STATE(CANCELLED))
            sim_fail(s, "order %s is %s and still on a route", books_id(b, i),
                     record_state_name(r.state));
    }
    if (hash != NULL)
        freeReplyObject(hash);
    free(all);
    arena_destroy(a);
}

/* ---- the load of stores ---- */

static void
check_load(struct sim *s, const struct books *b)
{
    unsigned open[STORES_MAX + 1] = {0};
    struct record r;

    for (size_t i = 0; i < b->n; i++)
        if (books_at(s, b, i, &r) && r.store <= STORES_MAX && !record_is_end(r.state) &&
            (r.flags & RECORD_TAKEN) != 0 && (r.flags & RECORD_COMMITTED) == 0)
            open[r.store]++;
    for (unsigned i = 1; i <= s->world->n_stores; i++) {
        redisReply *v = redis_ask(s, "BITFIELD_RO {sim}:load GET u32 #%u", i);
        long long load = v != NULL && v->elements == 1 ? v->element[0]->integer : 0;
        if (v != NULL && load != (long long)open[i])
            sim_fail(s, "store %u has %u open orders and a load of %lld", i, open[i], load);
        if (v != NULL)
            freeReplyObject(v);
    }
}

/* tell_states: for --verbose. */
static void
tell_states(struct sim *s, const struct books *b)
{
    unsigned in[RECORD_STATES + 1] = {0};
    char line[400];
    size_t n = 0;
    struct record r;

    for (size_t i = 0; i < b->n; i++)
        if (books_at(s, b, i, &r))
            in[r.state]++;
    for (unsigned state = 1; state <= RECORD_STATES && n < sizeof line - 40; state++)
        if (in[state] > 0)
            n += (size_t)snprintf(line + n, sizeof line - n, " %u %s,", in[state],
                                  record_state_name(state));
    sim_log(s, "orders:%.*s", (int)n, line);
}

void
check_now(struct sim *s)
{
    if (s->redis == NULL)
        return;
    struct books b = books_open(s);
    if (s->options.verbose)
        tell_states(s, &b);
    check_routes(s, &b, false);
    check_due(s, &b);
    check_load(s, &b);
    check_stock(s, &b, false);
    books_close(&b);
}

/* ---- at the end ---- */

static void
check_acknowledged(struct sim *s, const struct books *b)
{
    for (unsigned i = 0; i < s->world->n_orders; i++) {
        const struct sim_order *o = &s->world->orders[i];
        struct record r = {0};
        bool there = false;
        for (size_t k = 0; k < b->n && !there; k++)
            there = strcmp(books_id(b, k), o->order_id) == 0 && books_at(s, b, k, &r);
        if (o->known && !there)
            sim_fail(s, "order %s was acknowledged and is lost", o->external);
        if (!o->known && !o->refused)
            sim_fail(s, "order %s was never answered", o->external);
        if (o->refused && there && r.state != STATE(REJECTED))
            sim_fail(s, "order %s was refused and is %s", o->external, record_state_name(r.state));
    }
}

static void
check_queues(struct sim *s)
{
    static const char *const queues[] = {"match", "held", "dispatch", "expire", "webhook"};

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
    struct books b = books_open(s);
    struct record r;

    if (b.n == 0)
        sim_fail(s, "no order is there");
    for (size_t i = 0; i < b.n; i++) {
        if (!books_at(s, &b, i, &r))
            continue;
        s->world->ended[r.state]++;
        if (!record_is_end(r.state))
            sim_fail(s, "order %s is %s", books_id(&b, i), record_state_name(r.state));
    }
    check_acknowledged(s, &b);
    check_stock(s, &b, true);
    check_routes(s, &b, true);
    check_load(s, &b);
    check_queues(s);
    check_told(s, &b);
    books_close(&b);
    for (enum node_id id = 0; id < NODE_N; id++)
        if (s->nodes[id].stepper != NULL)
            node_check_recording(s, id);
}
