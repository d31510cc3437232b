/* plan_day: a random day of a plan, kept a second time and checked after every event. Travel times
 * are neither symmetric nor metric. */
#ifndef LC_TESTS_PLAN_DAY_H
#define LC_TESTS_PLAN_DAY_H

#include "base/geo.h"
#include "router/plan/plan.h"
#include "unit.h"

#include <stdio.h>
#include <string.h>

/* ---- chance and places ---- */

static inline uint64_t
chance(uint64_t *s)
{
    uint64_t z = *s += 0x9e3779b97f4a7c15U;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9U;
    z = (z ^ z >> 27) * 0x94d049bb133111ebU;
    return z ^ z >> 31;
}

static inline uint32_t
below(uint64_t *s, uint32_t n)
{
    return (uint32_t)(chance(s) % n);
}

static inline struct latlng
somewhere(uint64_t *s)
{
    return (struct latlng){392800000 + (int32_t)below(s, 300000),
                           -766000000 + (int32_t)below(s, 300000)};
}

/* Neither symmetric nor metric, and here and there no way at all. */
static inline struct travel_cell
jumble(struct latlng a, struct latlng b, enum travel_mode mode)
{
    uint64_t s = (uint64_t)(uint32_t)a.lat_e7 << 32 ^ (uint32_t)a.lng_e7;

    s = chance(&s) ^ (uint64_t)(uint32_t)b.lat_e7 << 32 ^ (uint32_t)b.lng_e7;
    uint64_t v = chance(&s);
    if (a.lat_e7 == b.lat_e7 && a.lng_e7 == b.lng_e7)
        return (struct travel_cell){0, 0};
    if (v % 97 == 0)
        return (struct travel_cell){TRAVEL_UNREACHABLE, TRAVEL_UNREACHABLE};
    uint32_t m = 200 + (uint32_t)(v >> 8) % 3000;
    return (struct travel_cell){m / (mode == TRAVEL_FOOT ? 1 : 4) + 10, m};
}

static inline enum lc_err
jumble_matrix(const struct travel *t, const struct latlng *from, size_t from_n,
              const struct latlng *to, size_t to_n, enum travel_mode mode, int64_t depart_ms,
              struct travel_cell *out, enum travel_quality *quality)
{
    (void)t;
    (void)depart_ms;
    for (size_t i = 0; i < from_n; i++)
        for (size_t j = 0; j < to_n; j++)
            out[i * to_n + j] = jumble(from[i], to[j], mode);
    *quality = TRAVEL_ROAD;
    return LC_OK;
}

static inline uint32_t
jumble_bound(const struct travel *t, struct latlng a, struct latlng b, enum travel_mode mode)
{
    (void)t;
    (void)a;
    (void)b;
    (void)mode;
    return 0;
}

static const struct travel jumbled = {.matrix = jumble_matrix, .lower_bound_s = jumble_bound};

/* As the plan drives where there is no way: by the estimate. */
static inline struct travel_cell
leg(struct latlng a, struct latlng b, enum travel_mode mode)
{
    struct travel_cell c = jumble(a, b, mode);
    enum travel_quality q;

    if (c.seconds == TRAVEL_UNREACHABLE &&
        travel_estimate()->matrix(travel_estimate(), &a, 1, &b, 1, mode, 0, &c, &q) != LC_OK)
        CU_FAIL("the estimate has no answer");
    return c;
}

/* ---- a day: everything the plan was told, kept a second time ---- */

enum { COURIERS = 6, ORDERS = 160, STOPS = 2 * ORDERS };
#define DAWN_MS 1760000000000

enum life { UNKNOWN, FREE, LOCKED, CARRIED, BACK };

struct day {
    uint64_t seed;
    int64_t now_ms;
    struct plan *plan;
    struct plan_courier courier[COURIERS]; /* by index; courier number = index + 1; 0 = not there */
    struct plan_order order[ORDERS];
    enum life life[ORDERS];
    size_t n_orders;
    uint32_t pinned[ORDERS]; /* what people said: whose it is, 0 = anybody's; */
    uint32_t banned[ORDERS]; /* whose not, a bit a courier number; */
    bool held[ORDERS];       /* nobody's yet; */
    bool frozen[COURIERS];   /* and whose route is left alone */
    struct buf slice;        /* what came of one; empty = none is under way */
};

static inline struct uuid
id_of(size_t i)
{
    struct uuid id = {{0}};

    id.b[0] = (uint8_t)i;
    id.b[1] = (uint8_t)(i >> 8);
    return id;
}

static inline size_t
index_of(struct uuid id)
{
    return id.b[0] + 256U * id.b[1];
}

static inline void
day_begin(struct day *d, uint64_t seed)
{
    *d = (struct day){.seed = seed, .now_ms = DAWN_MS};
    d->plan = plan_new(&jumbled);
    CU_ASSERT_PTR_NOT_NULL_FATAL(d->plan);
    plan_time(d->plan, d->now_ms);
}

static inline void
put_courier(struct day *d, size_t i)
{
    struct plan_courier *c = &d->courier[i];

    *c = (struct plan_courier){
        .courier = (uint32_t)i + 1,
        .mode = below(&d->seed, 3) == 0 ? TRAVEL_FOOT : TRAVEL_BICYCLE,
        .capacity = {4 + below(&d->seed, 10), below(&d->seed, 2) * 20000, 0},
        .shift_end_ms = d->now_ms + 1800000 + 1000 * (int64_t)below(&d->seed, 14400),
        .adult_trained = below(&d->seed, 2) == 0,
        .cold_box = below(&d->seed, 2) == 0,
        .open = true,
        .at = somewhere(&d->seed),
        .at_ms = d->now_ms,
    };
    d->frozen[i] = false;
    CU_ASSERT_EQUAL(plan_courier_put(d->plan, c), LC_OK);
}

static inline struct plan_order *
next_order(struct day *d)
{
    struct plan_order *o = &d->order[d->n_orders];

    *o = (struct plan_order){
        .id = id_of(d->n_orders),
        .pickup = somewhere(&d->seed),
        .dropoff = somewhere(&d->seed),
        .ready_ms = d->now_ms + 1000 * (int64_t)below(&d->seed, 1200),
        .promise_ms = d->now_ms + 1000 * (int64_t)(600 + below(&d->seed, 4000)),
        .load = {1 + below(&d->seed, 4), below(&d->seed, 6000), 0},
        .pickup_s = 60,
        .dropoff_s = 120,
        .age_check = below(&d->seed, 8) == 0,
        .cold = below(&d->seed, 8) == 0,
        .priority = below(&d->seed, 4) == 0 ? (uint8_t)below(&d->seed, PLAN_PRIORITY_MAX + 1) : 0,
    };
    return o;
}

/* ---- whole days ---- */

/* What the next change may not touch. */
struct picture {
    size_t n[COURIERS];
    struct plan_stop stop[COURIERS][STOPS];
};

static inline void
look(const struct day *d, struct picture *p)
{
    for (size_t i = 0; i < COURIERS; i++)
        p->n[i] = d->courier[i].courier == 0
                      ? 0
                      : plan_schedule(d->plan, d->courier[i].courier, p->stop[i], STOPS);
}

static inline void
check_route(const struct day *d, const struct picture *p, size_t i, unsigned *times)
{
    const struct plan_courier *c = &d->courier[i];
    uint64_t items = 0;

    for (size_t k = 0; k < p->n[i]; k++) {
        size_t o = index_of(p->stop[i][k].order);
        if (p->stop[i][k].kind != PLAN_PICKUP && (d->life[o] == CARRIED || d->life[o] == BACK))
            items += d->order[o].load.items;
    }
    for (size_t k = 0; k < p->n[i]; k++) {
        const struct plan_stop *s = &p->stop[i][k];
        size_t o = index_of(s->order);
        bool has_goods = d->life[o] == CARRIED || d->life[o] == BACK;
        times[o] += s->kind == PLAN_PICKUP ? 1 : 16;
        CU_ASSERT(d->life[o] != UNKNOWN);
        CU_ASSERT_EQUAL(s->locked, d->life[o] != FREE);
        CU_ASSERT(s->kind != PLAN_PICKUP || !has_goods);
        CU_ASSERT((s->kind == PLAN_RETURN) == (d->life[o] == BACK));
        if (s->kind != PLAN_PICKUP && !has_goods)
            CU_ASSERT_EQUAL(times[o], 17); /* its pickup has been */
        CU_ASSERT(s->start_ms >= s->arrive_ms && s->leave_ms >= s->start_ms);
        CU_ASSERT(s->kind != PLAN_PICKUP || s->start_ms >= d->order[o].ready_ms);
        items = s->kind == PLAN_PICKUP ? items + d->order[o].load.items
                                       : items - d->order[o].load.items;
        CU_ASSERT(items <= c->capacity.items);
        CU_ASSERT(!d->order[o].age_check || c->adult_trained);
        CU_ASSERT(!d->order[o].cold || c->cold_box);
    }
    CU_ASSERT_EQUAL(items, 0);
}

/* Every order in one place, whole. */
static inline void
check_all(const struct day *d, const struct picture *p)
{
    unsigned times[ORDERS] = {0};
    size_t pool = 0;

    for (size_t i = 0; i < COURIERS; i++)
        check_route(d, p, i, times);
    for (size_t o = 0; o < d->n_orders; o++) {
        struct plan_placement at;
        enum lc_err err = plan_find(d->plan, id_of(o), &at);
        CU_ASSERT_EQUAL(err, d->life[o] == UNKNOWN ? LC_ENOTFOUND : LC_OK);
        if (err != LC_OK)
            continue;
        CU_ASSERT_EQUAL(times[o], !at.placed ? 0 : d->life[o] >= CARRIED ? 16 : 17);
        CU_ASSERT(at.placed || d->life[o] == FREE);
        pool += !at.placed;
    }
    CU_ASSERT_EQUAL(plan_pool_size(d->plan), pool);
}

/* An insertion changes no locked sequence, delays no promise that was kept, nor one that was
 * broken. */
static inline void
check_unharmed(const struct day *d, const struct picture *before, const struct picture *after)
{
    for (size_t i = 0; i < COURIERS; i++) {
        size_t k = 0;
        for (size_t b = 0; b < before->n[i]; b++) {
            const struct plan_stop *was = &before->stop[i][b];
            int64_t promise_ms = d->order[index_of(was->order)].promise_ms;
            while (k < after->n[i] && (after->stop[i][k].kind != was->kind ||
                                       !uuid_eq(after->stop[i][k].order, was->order)))
                k++;
            CU_ASSERT_FATAL(k < after->n[i]);
            if (was->kind == PLAN_DROPOFF && after->stop[i][k].arrive_ms > promise_ms)
                CU_ASSERT(after->stop[i][k].arrive_ms <= was->arrive_ms);
        }
    }
}

static inline bool
any_order(struct day *d, enum life a, enum life b, size_t *out)
{
    if (d->n_orders == 0)
        return false;
    size_t from = below(&d->seed, (uint32_t)d->n_orders);
    for (size_t i = 0; i < d->n_orders; i++) {
        size_t o = (from + i) % d->n_orders;
        if (d->life[o] == a || d->life[o] == b) {
            *out = o;
            return true;
        }
    }
    return false;
}

static inline void
event_order(struct day *d)
{
    struct picture before, after;
    struct plan_placement at;

    if (d->n_orders == ORDERS)
        return;
    struct plan_order *o = next_order(d);
    look(d, &before);
    CU_ASSERT_EQUAL(plan_insert(d->plan, o, &at), LC_OK);
    d->life[d->n_orders++] = FREE;
    look(d, &after);
    check_unharmed(d, &before, &after);
    for (size_t i = 0; at.placed && i < COURIERS; i++)
        for (size_t k = 0; k < after.n[i]; k++)
            if (uuid_eq(after.stop[i][k].order, o->id))
                CU_ASSERT(after.stop[i][k].leave_ms <= d->courier[i].shift_end_ms);
}

/* The first locked stop of any courier that has one. */
static inline bool
first_locked(struct day *d, enum life life, size_t *out)
{
    struct picture p;
    size_t from = below(&d->seed, COURIERS);

    look(d, &p);
    for (size_t n = 0; n < COURIERS; n++) {
        size_t i = (from + n) % COURIERS;
        for (size_t k = 0; k < p.n[i]; k++) {
            *out = index_of(p.stop[i][k].order);
            if (!p.stop[i][k].locked)
                continue;
            if (d->life[*out] == life)
                return true;
            break;
        }
    }
    return false;
}

/* Locks, and drives the locked ones on, in the order of their stops. */
static inline void
event_progress(struct day *d)
{
    struct plan_placement at;
    size_t o;

    if (below(&d->seed, 2) == 0 && any_order(d, FREE, FREE, &o)) {
        CU_ASSERT_EQUAL(plan_find(d->plan, id_of(o), &at), LC_OK);
        CU_ASSERT_EQUAL(plan_lock(d->plan, id_of(o)), at.placed ? LC_OK : LC_ESTATE);
        d->life[o] = at.placed ? LOCKED : FREE;
    } else if (below(&d->seed, 2) == 0 && first_locked(d, LOCKED, &o)) {
        CU_ASSERT_EQUAL(plan_front(d->plan, id_of(o)), LC_OK);
        CU_ASSERT_EQUAL(plan_find(d->plan, id_of(o), &at), LC_OK);
        CU_ASSERT_EQUAL(plan_courier_fix(d->plan, at.courier, 1, 0), LC_OK);
    } else if (below(&d->seed, 2) == 0 && first_locked(d, LOCKED, &o)) {
        CU_ASSERT_EQUAL(plan_picked_up(d->plan, id_of(o)), LC_OK);
        d->life[o] = CARRIED;
    } else if (below(&d->seed, 6) == 0 && any_order(d, CARRIED, CARRIED, &o)) {
        CU_ASSERT_EQUAL(plan_turn_back(d->plan, id_of(o)), LC_OK);
        d->life[o] = BACK;
    } else if (any_order(d, CARRIED, BACK, &o)) {
        CU_ASSERT_EQUAL(plan_remove(d->plan, id_of(o)), LC_OK);
        d->life[o] = UNKNOWN;
    }
}

static inline void
event_trouble(struct day *d)
{
    struct plan_placement at;
    size_t o = 0;

    switch (below(&d->seed, 3)) {
    case 0: /* cancelled */
        if (any_order(d, FREE, LOCKED, &o)) {
            CU_ASSERT_EQUAL(plan_remove(d->plan, id_of(o)), LC_OK);
            d->life[o] = UNKNOWN;
        }
        break;
    case 1: /* declined */
        if (any_order(d, LOCKED, LOCKED, &o)) {
            CU_ASSERT_EQUAL(plan_find(d->plan, id_of(o), &at), LC_OK);
            CU_ASSERT_EQUAL(plan_ban(d->plan, id_of(o), at.courier, d->now_ms + 600000), LC_OK);
            CU_ASSERT_EQUAL(plan_release(d->plan, id_of(o)), LC_OK);
            d->life[o] = FREE;
        }
        break;
    default:
        if (any_order(d, LOCKED, CARRIED, &o))
            CU_ASSERT_EQUAL(plan_release(d->plan, id_of(o)),
                            d->life[o] == CARRIED ? LC_ESTATE : LC_OK);
        if (d->n_orders > 0 && o < d->n_orders && d->life[o] == LOCKED)
            d->life[o] = FREE;
        break;
    }
}

static inline void
drop_courier(struct day *d, size_t i)
{
    struct plan_stop stops[STOPS];
    size_t n = plan_schedule(d->plan, d->courier[i].courier, stops, STOPS);

    CU_ASSERT_EQUAL(plan_courier_drop(d->plan, d->courier[i].courier), LC_OK);
    for (size_t k = 0; k < n; k++)
        if (stops[k].locked)
            d->life[index_of(stops[k].order)] = UNKNOWN;
    d->courier[i].courier = 0;
}

static inline void
event_courier(struct day *d)
{
    size_t i = below(&d->seed, COURIERS);
    struct plan_courier *c = &d->courier[i];

    if (c->courier == 0) {
        put_courier(d, i);
        return;
    }
    switch (below(&d->seed, 8)) {
    case 0:
        drop_courier(d, i);
        break;
    case 1:
        c->open = !c->open;
        CU_ASSERT_EQUAL(plan_courier_open(d->plan, c->courier, c->open), LC_OK);
        break;
    default:
        c->at = somewhere(&d->seed);
        CU_ASSERT_EQUAL(plan_courier_move(d->plan, c->courier, c->at, d->now_ms), LC_OK);
        break;
    }
}

static inline void
event_time(struct day *d)
{
    struct picture before, after;
    size_t n;

    d->now_ms += 1000 * (int64_t)below(&d->seed, 60);
    plan_time(d->plan, d->now_ms);
    look(d, &before);
    CU_ASSERT_EQUAL(plan_retry(d->plan, 5, &n), LC_OK);
    look(d, &after);
    check_unharmed(d, &before, &after);
    int64_t cost = plan_cost(d->plan);
    CU_ASSERT_EQUAL(plan_improve(d->plan, 5, &n), LC_OK);
    CU_ASSERT(plan_cost(d->plan) <= cost);
}

static inline void
live_through(struct day *d, uint64_t seed, size_t events)
{
    day_begin(d, seed);
    for (size_t i = 0; i < events; i++) {
        struct picture p;
        uint32_t what = below(&d->seed, 10);
        if (what < 3)
            event_order(d);
        else if (what < 6)
            event_progress(d);
        else if (what < 7)
            event_trouble(d);
        else if (what < 8)
            event_courier(d);
        else
            event_time(d);
        look(d, &p);
        check_all(d, &p);
    }
}

#endif
