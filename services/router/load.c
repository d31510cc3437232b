/* Reading the city from Redis: all of it on taking over, or what concerns one courier when that is
 * in doubt.
 *
 * The calls go out together and Redis answers in order, so the tip of the stream is older than
 * everything read after it: whatever happened in between is heard of again, and found to be known.
 */
#include "router/core.h"

#include <stdlib.h>

static void
ask(struct router *r, enum call_kind kind, const char *a, const char *key, const char *b,
    const char *c, const char *d, const char *e)
{
    struct slice argv[6] = {slice_str(a), slice_str(key_of(r, key))};
    const char *rest[] = {b, c, d, e};
    size_t n = 2;

    for (size_t i = 0; i < 4 && rest[i] != NULL; i++)
        argv[n++] = slice_str(rest[i]);
    r->load_left++;
    outbox_redis(r->out, router_tag(r, kind, 0), argv, n);
}

void
load_start(struct router *r)
{
    if (r->epoch == 0 || !r->redis_up || r->stopping)
        return;
    r->phase = PHASE_LOADING;
    r->loading_ms = r->now_ms;
    r->load_left = 0;
    r->load_done = false;
    ask(r, CALL_TIP, "XREVRANGE", "events", "+", "-", "COUNT", "1");
    ask(r, CALL_SHIFTS, "HGETALL", "shifts", NULL, NULL, NULL, NULL);
    ask(r, CALL_ROUTES, "HGETALL", "routes", NULL, NULL, NULL, NULL);
    ask(r, CALL_RULINGS, "HGETALL", "rulings", NULL, NULL, NULL, NULL);
    ask(r, CALL_FROZEN, "HGETALL", "frozen", NULL, NULL, NULL, NULL);
    if (r->set.learn != LEARN_OFF)
        ask(r, CALL_SPEEDS, "HGETALL", "speeds", NULL, NULL, NULL, NULL);
    ask(r, CALL_DUE, "ZRANGE", "due:dispatch", "0", "-1", NULL, NULL);
}

bool
number_in(struct slice s, uint32_t *out)
{
    uint64_t v = 0;

    if (s.n == 0 || s.n > 10)
        return false;
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] < '0' || s.p[i] > '9')
            return false;
        v = v * 10 + (uint64_t)(s.p[i] - '0');
    }
    *out = (uint32_t)v;
    return v > 0 && v <= UINT32_MAX;
}

static bool
take_tip(struct router *r, const struct reply *reply)
{
    uint64_t n = 0;

    if (reply->n > 0) {
        const struct reply *entry = &reply->items[0];
        if (entry->kind != REPLY_ARRAY || entry->n < 1 || entry->items[0].str.n < 3)
            return false;
        struct slice id = entry->items[0].str;
        for (size_t i = 2; i < id.n && id.p[i] >= '0' && id.p[i] <= '9'; i++)
            n = n * 10 + (uint64_t)(id.p[i] - '0');
    }
    r->last_event = n;
    return true;
}

/* HGETALL of shifts or routes. Bytes that cannot be read keep their courier out, and are said. */
static void
take_hash(struct router *r, const struct reply *reply, bool shifts)
{
    for (size_t i = 0; i + 1 < reply->n && !r->rebuild; i += 2) {
        uint32_t number;
        if (!number_in(reply->items[i].str, &number))
            continue;
        struct courier *c = courier_get(r, number);
        if (c == NULL)
            return;
        bool ok = shifts ? courier_take_shift(r, c, reply->items[i + 1].str)
                         : courier_take_route(r, c, reply->items[i + 1].str);
        if (!ok)
            outbox_note(r->out, "router_broken_record", "hash=%s courier=%u",
                        shifts ? "shifts" : "routes", number);
    }
}

static int
compare_uuids(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct uuid));
}

static void
sort_unique(struct uuids *u)
{
    size_t n = 0;

    if (u->n > 0)
        qsort(u->list, u->n, sizeof *u->list, compare_uuids);
    for (size_t i = 0; i < u->n; i++)
        if (n == 0 || !uuid_eq(u->list[n - 1], u->list[i]))
            u->list[n++] = u->list[i];
    u->n = n;
}

static void
ask_places(struct router *r)
{
    size_t n = HASH_COUNT(r->couriers), argc = 2;
    struct slice *argv = arena_array(r->arena, n + 2, sizeof *argv);

    if (argv == NULL) {
        router_rebuild(r, "memory");
        return;
    }
    if (n == 0)
        return;
    argv[0] = SLICE_LIT("GEOPOS");
    argv[1] = slice_str(key_of(r, "geo:couriers"));
    for (struct courier *c = r->couriers; c != NULL; c = c->hh.next)
        argv[argc++] = text_of(r, c->number);
    r->load_left++;
    outbox_redis(r->out, router_tag(r, CALL_PLACES, 0), argv, argc);
}

/* What is due, and what is on routes: the orders to be read. */
static void
take_due(struct router *r, const struct reply *reply)
{
    struct uuids all = {.n = 0};
    struct uuid id;
    bool ok = true;

    for (size_t i = 0; i < reply->n; i++)
        if (uuid_parse(reply->items[i].str, &id) == LC_OK)
            ok = ok && uuids_add(&all, id);
    for (struct courier *c = r->couriers; c != NULL; c = c->hh.next)
        for (size_t k = 0; k < c->route.n; k++)
            ok = ok && uuids_add(&all, c->route.halts[k].order);
    sort_unique(&all);
    ask_places(r);
    r->load_left += orders_ask(r, CALL_LOAD, 0, all.list, all.n);
    free(all.list);
    if (!ok)
        router_rebuild(r, "memory");
}

static double
degrees_of(struct slice s)
{
    char text[32] = "";

    if (s.n > 0 && s.n < sizeof text)
        memcpy(text, s.p, s.n);
    return strtod(text, NULL);
}

/* GEOPOS answers in the order of the couriers. */
static void
take_places(struct router *r, const struct reply *reply)
{
    struct courier *c = r->couriers;

    for (size_t i = 0; i < reply->n && c != NULL; i++, c = c->hh.next) {
        const struct reply *p = &reply->items[i];
        if (p->kind == REPLY_ARRAY && p->n == 2 &&
            geo_of_degrees(degrees_of(p->items[1].str), degrees_of(p->items[0].str), &c->at))
            c->at_ms = c->came_ms = r->now_ms;
        c->shown = p->kind == REPLY_ARRAY;
        if (c->shown && !c->shift.on) /* whoever signed it off died before saying so here */
            courier_gone(r, c);
    }
}

static void
take_records(struct router *r, const struct reply *reply)
{
    struct record head;

    for (size_t i = 0; i < reply->n && !r->rebuild; i++)
        if (reply->items[i].kind == REPLY_STRING)
            order_learn(r, reply->items[i].str, &head);
}

void
load_answer(struct router *r, enum call_kind kind, const struct reply *reply)
{
    if (r->phase != PHASE_LOADING)
        return;
    if (reply->kind != REPLY_ARRAY) {
        router_rebuild(r, "load_failed");
        return;
    }
    if (kind == CALL_TIP && !take_tip(r, reply))
        router_rebuild(r, "load_failed");
    else if (kind == CALL_SHIFTS || kind == CALL_ROUTES)
        take_hash(r, reply, kind == CALL_SHIFTS);
    else if (kind == CALL_RULINGS || kind == CALL_FROZEN)
        rulings_load(r, kind, reply);
    else if (kind == CALL_SPEEDS)
        learn_load(r, reply);
    else if (kind == CALL_DUE)
        take_due(r, reply);
    else if (kind == CALL_PLACES)
        take_places(r, reply);
    else if (kind == CALL_LOAD)
        take_records(r, reply);
    if (--r->load_left > 0 || r->rebuild)
        return;
    r->load_done = true;
    load_finish(r);
}

/* Sooner promised first; the same on every machine. */
static int
compare_orders(const void *a, const void *b)
{
    const struct order *x = *(struct order *const *)a, *y = *(struct order *const *)b;

    if (x->task.promise_ms != y->task.promise_ms)
        return x->task.promise_ms < y->task.promise_ms ? -1 : 1;
    return uuid_cmp(x->id, y->id);
}

static void
place_all(struct router *r)
{
    size_t n = 0;
    struct order **list = calloc(HASH_COUNT(r->orders) + 1, sizeof *list);

    if (list == NULL) {
        router_rebuild(r, "memory");
        return;
    }
    for (struct order *o = r->orders; o != NULL; o = o->hh.next)
        list[n++] = o;
    qsort(list, n, sizeof *list, compare_orders);
    for (size_t i = 0; i < n && !r->rebuild; i++)
        order_place(r, list[i]);
    free(list);
}

/* The stores' places are needed for everything: the plan waits for the catalogue. */
void
load_finish(struct router *r)
{
    struct order *o, *next_o;

    if (!catalogue_loaded(r->catalogue))
        return;
    r->phase = PHASE_ACTIVE;
    HASH_ITER(hh, r->orders, o, next_o)
    if (!order_locate(r, o))
        order_forget(r, o); /* its due row brings it back */
    for (struct courier *c = r->couriers; c != NULL && !r->rebuild; c = c->hh.next)
        courier_adopt(r, c);
    place_all(r);
    outbox_note(r->out, "router_active", "epoch=%llu couriers=%u orders=%u",
                (unsigned long long)r->epoch, HASH_COUNT(r->couriers), HASH_COUNT(r->orders));
}

/* ---- one courier ---- */

void
reread_start(struct router *r, struct courier *c)
{
    if (c->reading)
        return;
    c->reading = true;
    c->asked_ms = r->now_ms;
    struct slice number = text_of(r, c->number);
    const char *key[] = {key_of(r, "shifts"), key_of(r, "routes")};
    for (size_t i = 0; i < 2; i++) {
        struct slice argv[] = {SLICE_LIT("HGET"), slice_str(key[i]), number};
        outbox_redis(r->out, router_tag(r, CALL_REREAD, c->number), argv, 3);
    }
}

/* First the shift, then the route; then the records of every order that either we or Redis believe
 * to be there. */
static void
reread_orders(struct router *r, struct courier *c, const struct route *before)
{
    struct uuids all = {.n = 0};
    bool ok = true;

    for (size_t k = 0; k < c->route.n; k++)
        ok = ok && uuids_add(&all, c->route.halts[k].order);
    for (size_t k = 0; k < before->n; k++)
        ok = ok && uuids_add(&all, before->halts[k].order);
    for (size_t k = 0; k < c->doubt.n; k++)
        ok = ok && uuids_add(&all, c->doubt.list[k]);
    sort_unique(&all);
    c->doubt.n = 0;
    if (!ok || all.n > MGET_CHUNK)
        router_rebuild(r, "reread");
    else if (all.n > 0)
        orders_ask(r, CALL_REREAD_ORDERS, c->number, all.list, all.n);
    else
        reread_answer(r, c, CALL_REREAD_ORDERS, NULL);
    free(all.list);
}

static void
reread_adopt(struct router *r, struct courier *c, const struct reply *reply)
{
    struct record head;
    size_t n = reply == NULL ? 0 : reply->n;
    struct order **seen = arena_array(r->arena, n + 1, sizeof *seen);
    size_t n_seen = 0;

    if (seen == NULL) {
        router_rebuild(r, "memory");
        return;
    }
    if (c->planned && plan_courier_drop(r->plan, c->number) != LC_OK)
        router_rebuild(r, "plan");
    c->planned = false;
    for (size_t i = 0; i < n && !r->rebuild; i++) {
        if (reply->items[i].kind != REPLY_STRING)
            continue;
        struct order *o = order_learn(r, reply->items[i].str, &head);
        if (o != NULL && order_locate(r, o)) {
            (void)!plan_remove(r->plan, o->id);
            seen[n_seen++] = o;
        }
    }
    c->reading = false;
    courier_adopt(r, c);
    for (size_t i = 0; i < n_seen && !r->rebuild; i++)
        order_place(r, seen[i]);
    if (!r->rebuild)
        reports_go_on(r, c);
}

void
reread_answer(struct router *r, struct courier *c, enum call_kind kind, const struct reply *reply)
{
    if (!c->reading)
        return;
    if (kind == CALL_REREAD_ORDERS) {
        if (reply != NULL && reply->kind != REPLY_ARRAY)
            router_rebuild(r, "reread_failed");
        else
            reread_adopt(r, c, reply);
        return;
    }
    if (reply->kind != REPLY_STRING && reply->kind != REPLY_NIL) {
        router_rebuild(r, "reread_failed");
        return;
    }
    struct slice bytes = reply->kind == REPLY_STRING ? reply->str : (struct slice){NULL, 0};
    if (!c->shift_read) {
        c->shift_read = true;
        if (!courier_take_shift(r, c, bytes))
            router_rebuild(r, "shift_unreadable");
        return;
    }
    c->shift_read = false;
    struct route before = c->route;
    c->route = (struct route){.n = 0};
    if (courier_take_route(r, c, bytes))
        reread_orders(r, c, &before);
    else
        router_rebuild(r, "route_unreadable");
    route_free(&before);
}
