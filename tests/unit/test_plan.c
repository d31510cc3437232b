/* The plan: insertion against brute force, and what must hold through any day. */
#include "base/geo.h"
#include "router/plan/plan.h"
#include "unit.h"

#include <stdio.h>
#include <string.h>

/* ---- chance and places ---- */

static uint64_t
chance(uint64_t *s)
{
    uint64_t z = *s += 0x9e3779b97f4a7c15U;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9U;
    z = (z ^ z >> 27) * 0x94d049bb133111ebU;
    return z ^ z >> 31;
}

static uint32_t
below(uint64_t *s, uint32_t n)
{
    return (uint32_t)(chance(s) % n);
}

static struct latlng
somewhere(uint64_t *s)
{
    return (struct latlng){392800000 + (int32_t)below(s, 300000),
                           -766000000 + (int32_t)below(s, 300000)};
}

/* Neither symmetric nor metric, and here and there no way at all. */
static struct travel_cell
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

static enum lc_err
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

static uint32_t
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
static struct travel_cell
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
};

static struct uuid
id_of(size_t i)
{
    struct uuid id = {{0}};

    id.b[0] = (uint8_t)i;
    id.b[1] = (uint8_t)(i >> 8);
    return id;
}

static size_t
index_of(struct uuid id)
{
    return id.b[0] + 256U * id.b[1];
}

static void
day_begin(struct day *d, uint64_t seed)
{
    *d = (struct day){.seed = seed, .now_ms = DAWN_MS};
    d->plan = plan_new(&jumbled);
    CU_ASSERT_PTR_NOT_NULL_FATAL(d->plan);
    plan_time(d->plan, d->now_ms);
}

static void
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
    CU_ASSERT_EQUAL(plan_courier_put(d->plan, c), LC_OK);
}

static struct plan_order *
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
    };
    return o;
}

/* ---- brute force ---- */

struct sim_stop {
    const struct plan_order *order;
    enum plan_stop_kind kind;
    int64_t arrive_ms;
    int64_t limit_ms; /* of arrival: promise and shift, or what it is now */
};

struct sim {
    struct sim_stop stop[STOPS];
    size_t n;
    int64_t cost;
    bool capacity_ok;
};

/* The cost of a route from scratch, as plan.h words it. Nothing of these routes is driven yet: no
 * fixed stops. */
static void
simulate(const struct day *d, const struct plan_courier *c, struct sim *s)
{
    struct latlng at = c->at;
    int64_t t = d->now_ms;
    uint64_t items = 0, g = 0;

    s->cost = 0;
    s->capacity_ok = true;
    for (size_t k = 0; k < s->n; k++) { /* what is there at the start */
        bool carried = s->stop[k].kind != PLAN_PICKUP;
        for (size_t i = 0; i < k; i++)
            carried = carried && s->stop[i].order != s->stop[k].order;
        items += carried ? s->stop[k].order->load.items : 0;
        g += carried ? s->stop[k].order->load.g : 0;
    }
    for (size_t k = 0; k < s->n; k++) {
        struct sim_stop *x = &s->stop[k];
        const struct plan_order *o = x->order;
        struct latlng to = x->kind == PLAN_DROPOFF ? o->dropoff : o->pickup;
        struct travel_cell way = leg(at, to, c->mode);
        x->arrive_ms = t + 1000 * (int64_t)way.seconds;
        s->cost +=
            1000 * (int64_t)way.seconds * PLAN_COST_TRAVEL + (int64_t)way.metres * PLAN_COST_METRE;
        t = x->arrive_ms;
        if (x->kind == PLAN_PICKUP) {
            t = (t > o->ready_ms ? t : o->ready_ms) + 1000 * (int64_t)o->pickup_s;
            items += o->load.items;
            g += o->load.g;
        } else {
            s->cost += (t - d->now_ms) * PLAN_COST_DOOR;
            if (t > o->promise_ms)
                s->cost += (t - o->promise_ms) * PLAN_COST_LATE;
            t += 1000 * (int64_t)o->dropoff_s;
            items -= o->load.items;
            g -= o->load.g;
        }
        if (items > c->capacity.items || (c->capacity.g > 0 && g > c->capacity.g))
            s->capacity_ok = false;
        at = to;
    }
}

static void
read_route(const struct day *d, size_t i, struct sim *s)
{
    struct plan_stop stops[STOPS];
    const struct plan_courier *c = &d->courier[i];

    s->n = plan_schedule(d->plan, c->courier, stops, STOPS);
    for (size_t k = 0; k < s->n; k++)
        s->stop[k] = (struct sim_stop){&d->order[index_of(stops[k].order)], stops[k].kind, 0, 0};
    simulate(d, c, s);
    for (size_t k = 0; k < s->n; k++) {
        struct sim_stop *x = &s->stop[k];
        int64_t by = c->shift_end_ms - 1000 * (int64_t)x->order->dropoff_s;
        CU_ASSERT_EQUAL(x->arrive_ms, stops[k].arrive_ms);
        if (x->order->promise_ms < by)
            by = x->order->promise_ms;
        x->limit_ms = x->kind == PLAN_PICKUP ? INT64_MAX : by > x->arrive_ms ? by : x->arrive_ms;
    }
}

struct found {
    bool any;
    int64_t late_ms;
    int64_t cost;
};

static bool
ways_exist(const struct plan_courier *c, const struct sim *s, size_t k)
{
    struct latlng here =
        s->stop[k].kind == PLAN_DROPOFF ? s->stop[k].order->dropoff : s->stop[k].order->pickup;
    struct latlng before = c->at;

    if (k > 0)
        before = s->stop[k - 1].kind == PLAN_DROPOFF ? s->stop[k - 1].order->dropoff
                                                     : s->stop[k - 1].order->pickup;
    return jumble(before, here, c->mode).seconds != TRAVEL_UNREACHABLE;
}

/* One pair of places: feasible, and what it adds? */
static void
try_pair(const struct day *d, const struct plan_courier *c, const struct sim *old,
         const struct plan_order *o, size_t i, size_t j, struct found *best)
{
    struct sim s = {.n = 0};
    int64_t arrive_ms = 0;

    for (size_t k = 0; k <= old->n; k++) {
        if (k == i)
            s.stop[s.n++] = (struct sim_stop){o, PLAN_PICKUP, 0, INT64_MAX};
        if (k == j)
            s.stop[s.n++] = (struct sim_stop){o, PLAN_DROPOFF, 0,
                                              c->shift_end_ms - 1000 * (int64_t)o->dropoff_s};
        if (k < old->n)
            s.stop[s.n++] = old->stop[k];
    }
    simulate(d, c, &s);
    if (!s.capacity_ok)
        return;
    for (size_t k = 0; k < s.n; k++) {
        bool fresh = s.stop[k].order == o || (k > 0 && s.stop[k - 1].order == o);
        if (s.stop[k].arrive_ms > s.stop[k].limit_ms || (fresh && !ways_exist(c, &s, k)))
            return;
        if (s.stop[k].order == o && s.stop[k].kind == PLAN_DROPOFF)
            arrive_ms = s.stop[k].arrive_ms;
    }
    if (jumble(o->pickup, o->dropoff, c->mode).seconds == TRAVEL_UNREACHABLE)
        return;
    int64_t late = arrive_ms > o->promise_ms ? arrive_ms - o->promise_ms : 0;
    int64_t cost = s.cost - old->cost;
    if (best->any && (late > best->late_ms || (late == best->late_ms && cost >= best->cost)))
        return;
    *best = (struct found){true, late, cost};
}

static struct found
brute_force(const struct day *d, const struct plan_order *o)
{
    struct found best = {.any = false};

    for (size_t i = 0; i < COURIERS; i++) {
        const struct plan_courier *c = &d->courier[i];
        struct sim old;
        if (c->courier == 0 || !c->open || (o->age_check && !c->adult_trained) ||
            (o->cold && !c->cold_box))
            continue;
        read_route(d, i, &old);
        for (size_t p = 0; p <= old.n; p++)
            for (size_t q = p; q <= old.n; q++)
                try_pair(d, c, &old, o, p, q, &best);
    }
    return best;
}

static void
test_plan_insert_costs_what_brute_force_finds(void)
{
    for (uint64_t seed = 1; seed <= 150; seed++) {
        struct day d;
        day_begin(&d, seed);
        for (size_t i = 0; i < 3; i++)
            put_courier(&d, i);
        for (size_t n = 0; n < 10; n++) {
            struct plan_order *o = next_order(&d);
            struct plan_placement at;
            struct found want = brute_force(&d, o);
            int64_t before = plan_cost(d.plan);
            CU_ASSERT_EQUAL(plan_insert(d.plan, o, &at), LC_OK);
            d.n_orders++;
            CU_ASSERT_EQUAL(at.placed, want.any);
            if (want.any) {
                CU_ASSERT_EQUAL(at.late_ms, want.late_ms);
                CU_ASSERT_EQUAL(plan_cost(d.plan) - before, want.cost);
            }
            d.now_ms += 1000 * (int64_t)below(&d.seed, 120);
            plan_time(d.plan, d.now_ms);
        }
        plan_destroy(d.plan);
    }
}

/* ---- whole days ---- */

/* What the next change may not touch. */
struct picture {
    size_t n[COURIERS];
    struct plan_stop stop[COURIERS][STOPS];
};

static void
look(const struct day *d, struct picture *p)
{
    for (size_t i = 0; i < COURIERS; i++)
        p->n[i] = d->courier[i].courier == 0
                      ? 0
                      : plan_schedule(d->plan, d->courier[i].courier, p->stop[i], STOPS);
}

static void
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
static void
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
static void
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

static bool
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

static void
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
static bool
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
static void
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

static void
event_trouble(struct day *d)
{
    struct plan_placement at;
    size_t o = 0;

    switch (below(&d->seed, 4)) {
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
    case 2:
        if (any_order(d, LOCKED, LOCKED, &o)) {
            CU_ASSERT_EQUAL(plan_unlock(d->plan, id_of(o)), LC_OK);
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

static void
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

static void
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

static void
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

static void
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

static void
test_plan_holds_its_promises_through_random_days(void)
{
    for (uint64_t seed = 1; seed <= 120; seed++) {
        struct day d;
        unsigned failed = CU_get_number_of_failures();
        live_through(&d, seed * 7919, 250);
        plan_destroy(d.plan);
        if (CU_get_number_of_failures() > failed) {
            printf("seed %llu\n", (unsigned long long)seed);
            return;
        }
    }
}

static void
test_plan_is_the_same_for_the_same_calls(void)
{
    for (uint64_t seed = 1; seed <= 10; seed++) {
        struct day a, b;
        struct picture x, y;
        live_through(&a, seed, 200);
        live_through(&b, seed, 200);
        memset(&x, 0, sizeof x);
        memset(&y, 0, sizeof y);
        look(&a, &x);
        look(&b, &y);
        CU_ASSERT_EQUAL(memcmp(&x, &y, sizeof x), 0);
        plan_destroy(a.plan);
        plan_destroy(b.plan);
    }
}

/* ---- single cases, with the estimate ---- */

static struct latlng
street(int metres)
{
    return (struct latlng){392800000, -765900000 + metres * 116};
}

static struct plan_courier
rider(uint32_t number, int metres)
{
    return (struct plan_courier){.courier = number,
                                 .mode = TRAVEL_BICYCLE,
                                 .capacity = {10, 0, 0},
                                 .shift_end_ms = DAWN_MS + 8 * 3600000,
                                 .open = true,
                                 .at = street(metres),
                                 .at_ms = DAWN_MS};
}

static struct plan_order
parcel(size_t i, int from, int to)
{
    return (struct plan_order){.id = id_of(i),
                               .pickup = street(from),
                               .dropoff = street(to),
                               .ready_ms = DAWN_MS + 600000,
                               .promise_ms = DAWN_MS + 3600000,
                               .load = {2, 0, 0},
                               .pickup_s = 60,
                               .dropoff_s = 120};
}

static struct plan *
plan_with(const struct plan_courier *couriers, size_t n)
{
    struct plan *p = plan_new(travel_estimate());

    CU_ASSERT_PTR_NOT_NULL_FATAL(p);
    plan_time(p, DAWN_MS);
    for (size_t i = 0; i < n; i++)
        CU_ASSERT_EQUAL(plan_courier_put(p, &couriers[i]), LC_OK);
    return p;
}

static void
test_plan_insert_breaks_ties_by_lower_courier_number(void)
{
    struct plan_courier c[] = {rider(9, 500), rider(4, 500), rider(7, 500)};
    struct plan *p = plan_with(c, 3);
    struct plan_order o = parcel(0, 0, 1000);
    struct plan_placement at;

    CU_ASSERT_EQUAL(plan_insert(p, &o, &at), LC_OK);
    CU_ASSERT_EQUAL(at.courier, 4);
    plan_destroy(p);
}

static void
test_plan_insert_says_the_nearest_miss(void)
{
    static const struct {
        const char *what;
        struct plan_courier courier;
        bool age_check;
        enum plan_verdict why;
    } cases[] = {
        {"closed",
         {.capacity = {10, 0, 0}, .shift_end_ms = DAWN_MS + 36000000},
         false,
         PLAN_CLOSED},
        {"skill",
         {.capacity = {10, 0, 0}, .shift_end_ms = DAWN_MS + 36000000, .open = true},
         true,
         PLAN_SKILL},
        {"capacity",
         {.capacity = {1, 0, 0}, .shift_end_ms = DAWN_MS + 36000000, .open = true},
         false,
         PLAN_CAPACITY},
        {"weight",
         {.capacity = {10, 5, 0}, .shift_end_ms = DAWN_MS + 36000000, .open = true},
         false,
         PLAN_CAPACITY},
        {"shift",
         {.capacity = {10, 0, 0}, .shift_end_ms = DAWN_MS + 900000, .open = true},
         false,
         PLAN_SHIFT},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct plan_courier c = cases[i].courier;
        struct plan_order o = parcel(0, 0, 3000);
        struct plan_placement at;
        c.courier = 1;
        c.at = street(0);
        struct plan *p = plan_with(&c, 1);
        o.load.g = 100;
        o.age_check = cases[i].age_check;
        CU_ASSERT_EQUAL(plan_insert(p, &o, &at), LC_OK);
        CU_ASSERT(!at.placed);
        CU_ASSERT_EQUAL(at.why, cases[i].why);
        plan_destroy(p);
    }
}

static void
test_plan_insert_without_couriers_waits_and_retry_places(void)
{
    struct plan *p = plan_with(NULL, 0);
    struct plan_order o = parcel(0, 0, 1000);
    struct plan_courier c = rider(1, 0);
    struct plan_placement at;
    size_t n;

    CU_ASSERT_EQUAL(plan_insert(p, &o, &at), LC_OK);
    CU_ASSERT_EQUAL(at.why, PLAN_NO_COURIERS);
    CU_ASSERT_EQUAL(plan_insert(p, &o, &at), LC_EEXIST);
    CU_ASSERT_EQUAL(plan_courier_put(p, &c), LC_OK);
    CU_ASSERT_EQUAL(plan_retry(p, 10, &n), LC_OK);
    CU_ASSERT_EQUAL(n, 1);
    CU_ASSERT_EQUAL(plan_pool_size(p), 0);
    plan_destroy(p);
}

static void
test_plan_insert_places_late_rather_than_nowhere(void)
{
    struct plan_courier c[] = {rider(1, 30000), rider(2, 20000)};
    struct plan *p = plan_with(c, 2);
    struct plan_order o = parcel(0, 0, 1000);
    struct plan_placement at;

    o.promise_ms = DAWN_MS + 700000;
    CU_ASSERT_EQUAL(plan_insert(p, &o, &at), LC_OK);
    CU_ASSERT_EQUAL(at.courier, 2);
    CU_ASSERT_EQUAL(at.why, PLAN_LATE);
    CU_ASSERT_EQUAL(at.late_ms, at.dropoff_ms - o.promise_ms);
    plan_destroy(p);
}

static void
test_plan_insert_bundles_two_orders_of_one_store(void)
{
    struct plan_courier c[] = {rider(1, 0), rider(2, 9000)};
    struct plan *p = plan_with(c, 2);
    struct plan_order a = parcel(0, 0, 2000), b = parcel(1, 0, 2100);
    struct plan_placement at;
    struct plan_stop stops[4];

    CU_ASSERT_EQUAL(plan_insert(p, &a, &at), LC_OK);
    CU_ASSERT_EQUAL(plan_insert(p, &b, &at), LC_OK);
    CU_ASSERT_EQUAL(plan_schedule(p, 1, stops, 4), 4);
    CU_ASSERT_EQUAL(stops[1].kind, PLAN_PICKUP);
    CU_ASSERT_EQUAL(stops[2].kind, PLAN_DROPOFF);
    plan_destroy(p);
}

static void
test_plan_ban_keeps_an_order_away_for_a_while(void)
{
    struct plan_courier c = rider(1, 0);
    struct plan *p = plan_with(&c, 1);
    struct plan_order o = parcel(0, 0, 1000);
    struct plan_placement at;
    size_t n;

    CU_ASSERT_EQUAL(plan_insert(p, &o, &at), LC_OK);
    CU_ASSERT_EQUAL(plan_ban(p, o.id, 1, DAWN_MS + 60000), LC_OK);
    CU_ASSERT_EQUAL(plan_release(p, o.id), LC_OK);
    CU_ASSERT_EQUAL(plan_retry(p, 10, &n), LC_OK);
    CU_ASSERT_EQUAL(n, 0);
    CU_ASSERT_EQUAL(plan_find(p, o.id, &at), LC_OK);
    CU_ASSERT_EQUAL(at.why, PLAN_BANNED);
    plan_time(p, DAWN_MS + 60001);
    CU_ASSERT_EQUAL(plan_retry(p, 10, &n), LC_OK);
    CU_ASSERT_EQUAL(n, 1);
    plan_destroy(p);
}

static void
test_plan_why_names_cost_or_constraint_and_changes_nothing(void)
{
    struct plan_courier c[] = {rider(1, 0), rider(2, 4000), rider(3, 0)};
    struct plan_order o = parcel(0, 0, 1000);
    struct plan_placement before, after;
    struct plan_candidate why[3];

    c[2].open = false;
    struct plan *p = plan_with(c, 3);
    CU_ASSERT_EQUAL(plan_insert(p, &o, &before), LC_OK);
    int64_t cost = plan_cost(p);
    CU_ASSERT_EQUAL(plan_why(p, o.id, why, 3), 3);
    CU_ASSERT_EQUAL(why[0].verdict, PLAN_FITS);
    CU_ASSERT_EQUAL(why[0].cost, cost);
    CU_ASSERT(why[1].cost > why[0].cost);
    CU_ASSERT_EQUAL(why[2].verdict, PLAN_CLOSED);
    CU_ASSERT_EQUAL(plan_find(p, o.id, &after), LC_OK);
    CU_ASSERT_EQUAL(after.dropoff_ms, before.dropoff_ms);
    CU_ASSERT_EQUAL(plan_cost(p), cost);
    plan_destroy(p);
}

static void
test_plan_restore_refuses_what_is_no_route(void)
{
    struct plan_courier c = rider(1, 0);
    struct plan *p = plan_with(&c, 1);
    struct plan_order a = parcel(0, 0, 1000), b = parcel(1, 0, 2000);
    const struct plan_restore_stop backwards[] = {{&a, PLAN_DROPOFF}, {&a, PLAN_PICKUP}};
    const struct plan_restore_stop half[] = {{&a, PLAN_PICKUP}};
    const struct plan_restore_stop twice[] = {{&a, PLAN_DROPOFF}, {&a, PLAN_DROPOFF}};
    const struct plan_restore_stop good[] = {
        {&b, PLAN_PICKUP}, {&a, PLAN_DROPOFF}, {&b, PLAN_DROPOFF}};
    struct plan_placement at;

    CU_ASSERT_EQUAL(plan_restore(p, 1, backwards, 2), LC_EINVAL);
    CU_ASSERT_EQUAL(plan_restore(p, 1, half, 1), LC_EINVAL);
    CU_ASSERT_EQUAL(plan_restore(p, 1, twice, 2), LC_EINVAL);
    CU_ASSERT_EQUAL(plan_restore(p, 2, good, 3), LC_ENOTFOUND);
    CU_ASSERT_EQUAL(plan_restore(p, 1, good, 3), LC_OK);
    CU_ASSERT_EQUAL(plan_restore(p, 1, good, 3), LC_ESTATE);
    CU_ASSERT_EQUAL(plan_find(p, a.id, &at), LC_OK);
    CU_ASSERT(at.locked && at.pickup_ms == 0);
    plan_destroy(p);
}

UNIT_MAIN("plan", UNIT(test_plan_insert_costs_what_brute_force_finds),
          UNIT(test_plan_holds_its_promises_through_random_days),
          UNIT(test_plan_is_the_same_for_the_same_calls),
          UNIT(test_plan_insert_breaks_ties_by_lower_courier_number),
          UNIT(test_plan_insert_says_the_nearest_miss),
          UNIT(test_plan_insert_without_couriers_waits_and_retry_places),
          UNIT(test_plan_insert_places_late_rather_than_nowhere),
          UNIT(test_plan_insert_bundles_two_orders_of_one_store),
          UNIT(test_plan_ban_keeps_an_order_away_for_a_while),
          UNIT(test_plan_why_names_cost_or_constraint_and_changes_nothing),
          UNIT(test_plan_restore_refuses_what_is_no_route))
