/* The search among those couriers who could be best against a look at all of them, on travel times
 * that are neither symmetric nor metric; and that one search has one provider. */
#include "base/geo.h"
#include "router/plan/plan.h"
#include "unit.h"

#include <stdlib.h>
#include <string.h>

enum { COURIERS = 60, ORDERS = 110 };
#define DAWN_MS 1760000000000

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
somewhere(uint64_t *s, int32_t spread_e7)
{
    return (struct latlng){392800000 + (int32_t)below(s, (uint32_t)spread_e7),
                           -766000000 + (int32_t)below(s, (uint32_t)spread_e7)};
}

/* ---- streets that go their own way: at least the straight line, and up to four times that ---- */

enum { TOP_MM_S = 6000 };

struct streets {
    struct travel travel;
    uint32_t pct;      /* of the straight line more, at most */
    int32_t known_e7;  /* places east of it are not known */
    unsigned fails_in; /* so many matrices from now on has it no answer; 0 = always has */
    unsigned asked;
};

static uint32_t
streets_bound(const struct travel *t, struct latlng a, struct latlng b, enum travel_mode mode)
{
    (void)t;
    (void)mode;
    return (uint32_t)(geo_distance_m(a, b) * 1000 / TOP_MM_S);
}

static struct travel_cell
street(const struct streets *t, struct latlng a, struct latlng b)
{
    uint64_t s = (uint64_t)(uint32_t)a.lat_e7 << 32 ^ (uint32_t)a.lng_e7;

    s = chance(&s) ^ (uint64_t)(uint32_t)b.lat_e7 << 32 ^ (uint32_t)b.lng_e7;
    uint64_t v = chance(&s);
    if (v % 97 == 0)
        return (struct travel_cell){TRAVEL_UNREACHABLE, TRAVEL_UNREACHABLE};
    double m = geo_distance_m(a, b) * (1 + (double)(v >> 8 & 0xffff) / 0xffff * t->pct / 100);
    return (struct travel_cell){(uint32_t)(m * 1000 / TOP_MM_S) + (uint32_t)(v >> 30) % 4,
                                (uint32_t)(m + 1)};
}

static bool
streets_know(const struct travel *travel, struct latlng p, enum travel_mode mode)
{
    (void)mode;
    return p.lng_e7 <= ((const struct streets *)travel)->known_e7;
}

static enum lc_err
streets_matrix(const struct travel *travel, const struct latlng *from, size_t from_n,
               const struct latlng *to, size_t to_n, enum travel_mode mode, int64_t depart_ms,
               struct travel_cell *out, enum travel_quality *quality)
{
    struct streets *t = (struct streets *)(uintptr_t)travel;

    (void)depart_ms;
    t->asked++;
    if (t->fails_in > 0 && --t->fails_in == 0)
        return LC_EIO;
    for (size_t i = 0; i < from_n; i++)
        for (size_t j = 0; j < to_n; j++) {
            if (!streets_know(travel, from[i], mode) || !streets_know(travel, to[j], mode))
                return LC_EIO;
            out[i * to_n + j] = street(t, from[i], to[j]);
        }
    *quality = TRAVEL_ROAD;
    return LC_OK;
}

static struct streets
streets_of(uint32_t pct)
{
    return (struct streets){
        .travel = {.matrix = streets_matrix, .lower_bound_s = streets_bound, .knows = streets_know},
        .pct = pct,
        .known_e7 = INT32_MAX};
}

/* ---- couriers and orders ---- */

static struct uuid
id_of(size_t i)
{
    struct uuid id = {{0}};

    id.b[0] = (uint8_t)i;
    id.b[1] = (uint8_t)(i >> 8);
    return id;
}

static struct plan_order
order_of(uint64_t *seed, size_t i, int64_t now_ms, int32_t spread_e7)
{
    return (struct plan_order){
        .id = id_of(i),
        .pickup = somewhere(seed, spread_e7),
        .dropoff = somewhere(seed, spread_e7),
        .ready_ms = now_ms + 1000 * (int64_t)below(seed, 1200),
        .promise_ms = now_ms + 1000 * (int64_t)(300 + below(seed, 4000)),
        .load = {1 + below(seed, 3), 0, 0},
        .pickup_s = below(seed, 60),
        .dropoff_s = below(seed, 60),
        .priority = below(seed, 4) == 0 ? (uint8_t)below(seed, PLAN_PRIORITY_MAX + 1) : 0,
    };
}

static void
put_couriers(struct plan *p, uint64_t *seed, int64_t now_ms, int32_t spread_e7, size_t n)
{
    for (uint32_t i = 1; i <= n; i++) {
        struct plan_courier c = {
            .courier = i,
            .mode = below(seed, 4) == 0 ? TRAVEL_CAR : TRAVEL_BICYCLE,
            .capacity = {4 + below(seed, 10), 0, 0},
            .shift_end_ms = now_ms + 3600000 + 1000 * (int64_t)below(seed, 14400),
            .open = true,
            .at = somewhere(seed, spread_e7),
            .at_ms = now_ms,
        };
        CU_ASSERT_EQUAL(plan_courier_put(p, &c), LC_OK);
    }
}

static bool
fits(const struct plan_candidate *c)
{
    return c->verdict == PLAN_FITS || c->verdict == PLAN_LATE;
}

/* The best of all couriers by their own costs; NULL when nobody can. */
static const struct plan_candidate *
best_of(const struct plan_candidate *c, size_t n)
{
    const struct plan_candidate *best = NULL;

    for (size_t i = 0; i < n; i++)
        if (fits(&c[i]) && (best == NULL || c[i].late_ms < best->late_ms ||
                            (c[i].late_ms == best->late_ms && c[i].cost < best->cost)))
            best = &c[i];
    return best;
}

/* What goes on meanwhile: the courier accepts it, may be on the way to its first stop or there, and
 * somebody moves. */
static void
go_on(struct plan *p, uint64_t *seed, const struct plan_placement *at, struct uuid id,
      int64_t now_ms, int32_t spread_e7)
{
    struct plan_stop first;
    uint32_t mover = 1 + below(seed, COURIERS);

    if (!at->placed || below(seed, 3) != 0)
        return;
    CU_ASSERT_EQUAL(plan_lock(p, id), LC_OK);
    CU_ASSERT(plan_schedule(p, at->courier, &first, 1) > 0);
    if (first.locked)
        CU_ASSERT_EQUAL(plan_courier_fix(p, at->courier, 1, below(seed, 2) == 0 ? 0 : now_ms),
                        LC_OK);
    CU_ASSERT_EQUAL(plan_courier_move(p, mover, somewhere(seed, spread_e7), now_ms), LC_OK);
}

/* How many of a day's orders went to somebody else than a look at everybody finds. */
static size_t
play_day(uint64_t seed, uint32_t pct, int32_t spread_e7)
{
    struct streets streets = streets_of(pct);
    struct plan *p = plan_new(&streets.travel);
    struct plan_candidate all[COURIERS];
    int64_t now_ms = DAWN_MS;
    size_t wrong = 0, looked = 0;

    CU_ASSERT_PTR_NOT_NULL_FATAL(p);
    plan_time(p, now_ms);
    put_couriers(p, &seed, now_ms, spread_e7, COURIERS);
    for (size_t i = 0; i < ORDERS; i++) {
        struct plan_order o = order_of(&seed, i, now_ms, spread_e7);
        struct plan_placement got;
        CU_ASSERT_EQUAL(plan_insert(p, &o, &got), LC_OK);
        size_t n = plan_why(p, o.id, all, COURIERS);
        CU_ASSERT_EQUAL(n, COURIERS);
        const struct plan_candidate *best = best_of(all, n);
        wrong += got.placed != (best != NULL) || (best != NULL && best->courier != got.courier);
        looked += got.placed;
        go_on(p, &seed, &got, o.id, now_ms, spread_e7);
        now_ms += 1000 * (int64_t)below(&seed, 60);
        plan_time(p, now_ms);
    }
    CU_ASSERT(looked > ORDERS / 2);
    CU_ASSERT_EQUAL(plan_searched(p, TRAVEL_ESTIMATE), 0);
    plan_destroy(p);
    return wrong;
}

static void
test_plan_near_finds_what_a_look_at_everybody_finds(void)
{
    static const uint32_t pct[] = {0, 40, 300};
    static const int32_t spread_e7[] = {40000, 300000, 2000000};
    size_t wrong = 0;

    for (uint64_t seed = 1; seed <= 4; seed++)
        for (size_t i = 0; i < 9; i++)
            wrong += play_day(seed, pct[i % 3], spread_e7[i / 3]);
    CU_ASSERT_EQUAL(wrong, 0);
}

/* Where bounds are tightest, on couriers who carry some orders each. */
static void
test_plan_near_finds_it_by_the_estimate_too(void)
{
    enum { MANY = 240, DENSE = 420 };
    static struct plan_candidate all[MANY];
    uint64_t seed = 7;
    struct plan *p = plan_new(travel_estimate());
    size_t wrong = 0, carried = 0;

    CU_ASSERT_PTR_NOT_NULL_FATAL(p);
    plan_time(p, DAWN_MS);
    put_couriers(p, &seed, DAWN_MS, 900000, MANY);
    for (size_t i = 0; i < DENSE; i++) {
        struct plan_order o = order_of(&seed, i, DAWN_MS, 900000);
        struct plan_placement got;
        o.dropoff = (struct latlng){o.pickup.lat_e7 + (int32_t)below(&seed, 200000) - 100000,
                                    o.pickup.lng_e7 + (int32_t)below(&seed, 200000) - 100000};
        o.promise_ms = o.ready_ms + 1000 * (int64_t)(1200 + below(&seed, 3600));
        o.dropoff_s = 60 + below(&seed, 90);
        plan_time(p, DAWN_MS + 4000 * (int64_t)i);
        CU_ASSERT_EQUAL(plan_insert(p, &o, &got), LC_OK);
        const struct plan_candidate *best = best_of(all, plan_why(p, o.id, all, MANY));
        wrong += got.placed != (best != NULL) || (best != NULL && best->courier != got.courier);
        carried += got.placed;
    }
    CU_ASSERT_EQUAL(wrong, 0);
    CU_ASSERT(carried > MANY);
    plan_destroy(p);
}

static int
by_cost(const void *a, const void *b)
{
    const struct plan_candidate *x = a, *y = b;

    if (fits(x) != fits(y))
        return fits(x) ? -1 : 1;
    if (x->late_ms != y->late_ms)
        return x->late_ms < y->late_ms ? -1 : 1;
    if (x->cost != y->cost)
        return x->cost < y->cost ? -1 : 1;
    return x->courier < y->courier ? -1 : x->courier > y->courier;
}

/* The eight cheapest and the courier that has the order are as a look at everybody finds them; the
 * others are as they would be, or not looked at. */
static void
test_plan_rivals_are_the_cheapest_of_all(void)
{
    enum { MANY = 200 };
    static struct plan_candidate all[MANY], few[MANY];

    for (uint64_t day = 1; day <= 6; day++) {
        struct streets streets = streets_of(40);
        struct plan *p = plan_new(day % 2 == 0 ? &streets.travel : travel_estimate());
        uint64_t seed = day;
        size_t far = 0, wrong = 0;
        CU_ASSERT_PTR_NOT_NULL_FATAL(p);
        plan_time(p, DAWN_MS);
        put_couriers(p, &seed, DAWN_MS, 900000, MANY);
        for (size_t i = 0; i < 60; i++) {
            struct plan_order o = order_of(&seed, i, DAWN_MS, 900000);
            struct plan_placement got;
            CU_ASSERT_EQUAL(plan_insert(p, &o, &got), LC_OK);
            int64_t cost = plan_cost(p);
            CU_ASSERT_EQUAL(plan_why(p, o.id, all, MANY), MANY);
            CU_ASSERT_EQUAL(plan_rivals(p, o.id, few, MANY), MANY);
            CU_ASSERT_EQUAL(plan_cost(p), cost);
            for (size_t k = 0; k < MANY; k++) {
                far += few[k].verdict == PLAN_FAR;
                wrong += few[k].verdict == PLAN_FAR
                             ? got.courier == few[k].courier
                             : few[k].verdict != all[k].verdict || few[k].cost != all[k].cost;
            }
            qsort(all, MANY, sizeof *all, by_cost);
            qsort(few, MANY, sizeof *few, by_cost);
            for (size_t k = 0; k < PLAN_RIVALS; k++)
                wrong += fits(&all[k]) && few[k].courier != all[k].courier;
        }
        CU_ASSERT_EQUAL(wrong, 0);
        CU_ASSERT(far > 1000);
        plan_destroy(p);
    }
}

/* ---- nobody can ---- */

struct hopeless {
    size_t nobody;  /* could take so many orders, */
    size_t unasked; /* most of which took no travel times to know */
    size_t ruled;   /* couriers that a bound rules out, */
    size_t wrongly; /* although they can */
    size_t misjudged;
};

/* Shifts that end soon: many orders fit nowhere, others with few. */
static void
play_evening(uint64_t seed, uint32_t pct, struct hopeless *h)
{
    struct streets streets = streets_of(pct);
    struct plan *p = plan_new(&streets.travel);
    struct plan_candidate all[COURIERS], few[COURIERS];

    CU_ASSERT_PTR_NOT_NULL_FATAL(p);
    plan_time(p, DAWN_MS);
    put_couriers(p, &seed, DAWN_MS - 3600000, 300000, COURIERS / 3);
    for (size_t i = 0; i < ORDERS; i++) {
        struct plan_order o = order_of(&seed, i, DAWN_MS + 13200000, 300000);
        struct plan_placement got;
        unsigned asked = streets.asked;
        CU_ASSERT_EQUAL(plan_insert(p, &o, &got), LC_OK);
        asked = streets.asked - asked;
        size_t n = plan_why(p, o.id, all, COURIERS);
        const struct plan_candidate *best = best_of(all, n);
        h->misjudged +=
            got.placed != (best != NULL) || (best != NULL && best->courier != got.courier);
        h->misjudged += !got.placed && (got.why == PLAN_FITS || got.why == PLAN_NO_COURIERS);
        h->nobody += !got.placed;
        h->unasked += !got.placed && asked == 0;
        CU_ASSERT_EQUAL(plan_rivals(p, o.id, few, COURIERS), n);
        for (size_t k = 0; k < n; k++) {
            bool out = !fits(&few[k]) && few[k].verdict != PLAN_FAR;
            h->ruled += out;
            h->wrongly += out && fits(&all[k]);
        }
    }
    plan_destroy(p);
}

static void
test_plan_knows_that_nobody_can_without_asking_the_way(void)
{
    struct hopeless h = {0};

    for (uint64_t seed = 1; seed <= 6; seed++)
        play_evening(seed, seed % 2 == 0 ? 0 : 40, &h);
    CU_ASSERT_EQUAL(h.misjudged, 0);
    CU_ASSERT_EQUAL(h.wrongly, 0);
    CU_ASSERT(h.nobody > 100);
    CU_ASSERT(h.ruled > h.nobody);
    CU_ASSERT(h.unasked > h.nobody / 2);
}

/* ---- seconds are cut off, and multiplied ---- */

static enum lc_err
floored_matrix(const struct travel *t, const struct latlng *from, size_t from_n,
               const struct latlng *to, size_t to_n, enum travel_mode mode, int64_t depart_ms,
               struct travel_cell *out, enum travel_quality *quality)
{
    (void)depart_ms;
    for (size_t i = 0; i < from_n; i++)
        for (size_t j = 0; j < to_n; j++)
            out[i * to_n + j] =
                (struct travel_cell){streets_bound(t, from[i], to[j], mode),
                                     (uint32_t)(geo_distance_m(from[i], to[j]) + 1)};
    *quality = TRAVEL_ROAD;
    return LC_OK;
}

/* Twenty-one ways of 5.9 m at 6 m/s take no whole second, however slow the hour: the courier who
 * comes by on these is at the door before one who drives straight there, though it starts later. */
static void
test_plan_near_allows_for_seconds_cut_off_on_every_way(void)
{
    enum { ON_LINE = 20, STEP_E7 = 530, IDLE = 8 };
    static const uint8_t slowest[TRAVEL_MODES] = {250, 250, 250, 250, 250, 250};
    struct travel floored = {.matrix = floored_matrix, .lower_bound_s = streets_bound};
    struct travel_paced paced;
    struct plan_order on[ON_LINE / 2], o;
    struct plan_restore_stop stops[ON_LINE];
    struct plan_placement got;
    struct plan_candidate all[IDLE + 1];
    struct plan_courier c = {.mode = TRAVEL_FOOT, /* estimated, they take longer */
                             .capacity = {99, 0, 0},
                             .shift_end_ms = DAWN_MS + 36000000,
                             .open = true,
                             .at = {392800000, -766000000}};
    uint64_t seed = 1;

    travel_paced_init(&paced, &floored, slowest);
    struct plan *p = plan_new(&paced.travel);
    CU_ASSERT_PTR_NOT_NULL_FATAL(p);
    plan_time(p, DAWN_MS);
    for (c.courier = 1; c.courier <= IDLE + 1; c.courier++) {    /* idle, and there already; */
        c.at_ms = c.courier <= IDLE ? DAWN_MS : DAWN_MS + 35000; /* the last comes by later */
        CU_ASSERT_EQUAL(plan_courier_put(p, &c), LC_OK);
    }
    o = order_of(&seed, 99, DAWN_MS, 100000);
    o.ready_ms = DAWN_MS;
    o.promise_ms = DAWN_MS + 36000000;
    o.pickup_s = o.dropoff_s = 0;
    for (int k = 0; k < ON_LINE; k++) {
        struct plan_order *x = &on[k % (ON_LINE / 2)];
        struct latlng at = {c.at.lat_e7 + STEP_E7 * (k + 1), c.at.lng_e7};
        if (k < ON_LINE / 2) {
            *x = o;
            x->id = id_of((size_t)k);
            x->pickup = at;
        } else {
            x->dropoff = at;
        }
        stops[k] = (struct plan_restore_stop){x, k < ON_LINE / 2 ? PLAN_PICKUP : PLAN_DROPOFF};
    }
    CU_ASSERT_EQUAL(plan_restore(p, IDLE + 1, stops, ON_LINE), LC_OK);
    o.pickup = c.at;
    o.dropoff = (struct latlng){c.at.lat_e7 + STEP_E7 * (ON_LINE + 1), c.at.lng_e7};
    CU_ASSERT_EQUAL(plan_insert(p, &o, &got), LC_OK);
    CU_ASSERT_EQUAL(plan_why(p, o.id, all, IDLE + 1), IDLE + 1);
    CU_ASSERT(all[IDLE].cost < all[0].cost);
    CU_ASSERT_EQUAL(got.courier, IDLE + 1);
    plan_destroy(p);
}

/* ---- one search, one provider ---- */

enum { RIG_COURIERS = 24 };

/* The same couriers, each with an accepted order on the way. */
static struct plan *
rig(const struct travel *travel, uint64_t seed)
{
    struct plan *p = plan_new(travel);

    CU_ASSERT_PTR_NOT_NULL_FATAL(p);
    plan_time(p, DAWN_MS);
    put_couriers(p, &seed, DAWN_MS, 200000, RIG_COURIERS);
    for (uint32_t i = 1; i <= RIG_COURIERS; i++) {
        struct plan_order o = order_of(&seed, 1000 + i, DAWN_MS, 200000);
        o.promise_ms += 36000000;
        const struct plan_restore_stop stops[] = {{&o, PLAN_PICKUP}, {&o, PLAN_DROPOFF}};
        CU_ASSERT_EQUAL(plan_restore(p, i, stops, 2), LC_OK);
    }
    return p;
}

static void
expect_same(const struct plan_candidate *a, const struct plan_candidate *b, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        CU_ASSERT_EQUAL(a[i].verdict, b[i].verdict);
        CU_ASSERT_EQUAL(a[i].late_ms, b[i].late_ms);
        CU_ASSERT_EQUAL(a[i].cost, b[i].cost);
        CU_ASSERT_EQUAL(a[i].dropoff_ms, b[i].dropoff_ms);
    }
}

/* Of an order that starts or ends off the map, everything is estimated, what is driven anyway too.
 */
static void
test_plan_estimates_all_of_a_search_with_an_end_off_the_map(void)
{
    struct plan_candidate a[RIG_COURIERS], b[RIG_COURIERS];

    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct streets streets = streets_of(300);
        struct plan *own = rig(&streets.travel, seed), *other = rig(travel_estimate(), seed);
        struct plan_placement x, y;
        uint64_t s = seed;
        struct plan_order o = order_of(&s, 1, DAWN_MS, 200000);
        streets.known_e7 = -765000000;
        (seed % 2 == 0 ? &o.pickup : &o.dropoff)->lng_e7 = -764000000;
        CU_ASSERT_EQUAL(plan_insert(own, &o, &x), LC_OK);
        CU_ASSERT_EQUAL(plan_insert(other, &o, &y), LC_OK);
        CU_ASSERT_EQUAL(x.placed, y.placed);
        CU_ASSERT_EQUAL(x.courier, y.courier);
        CU_ASSERT_EQUAL(plan_searched(own, TRAVEL_ESTIMATE), 1);
        CU_ASSERT_EQUAL(plan_searched(own, TRAVEL_ROAD), 0);
        CU_ASSERT_EQUAL(plan_why(own, o.id, a, RIG_COURIERS), RIG_COURIERS);
        CU_ASSERT_EQUAL(plan_why(other, o.id, b, RIG_COURIERS), RIG_COURIERS);
        expect_same(a, b, RIG_COURIERS);
        plan_destroy(own);
        plan_destroy(other);
    }
}

/* Whenever in a search the provider fails, the whole search is made again. */
static void
test_plan_never_mixes_providers_when_one_fails_in_the_middle(void)
{
    struct plan_placement x, y;
    size_t failed = 0;

    for (uint64_t seed = 1; seed <= 12; seed++)
        for (unsigned fails_in = 1; fails_in <= 6; fails_in++) {
            struct streets streets = streets_of(100);
            struct plan *own = rig(&streets.travel, seed), *other = rig(travel_estimate(), seed);
            uint64_t s = seed;
            struct plan_order o = order_of(&s, 1, DAWN_MS, 200000);
            streets.asked = 0;
            streets.fails_in = fails_in;
            CU_ASSERT_EQUAL(plan_insert(own, &o, &x), LC_OK);
            CU_ASSERT_EQUAL(plan_insert(other, &o, &y), LC_OK);
            if (plan_searched(own, TRAVEL_ESTIMATE) == 1) {
                CU_ASSERT_EQUAL(x.placed, y.placed);
                CU_ASSERT_EQUAL(x.courier, y.courier);
                failed++;
            }
            plan_destroy(own);
            plan_destroy(other);
        }
    CU_ASSERT(failed > 20);
}

/* The words about an order neither: who was looked at before the provider failed is not left among
 * them at another price. */
static void
test_plan_rivals_never_mix_providers(void)
{
    struct plan_candidate a[RIG_COURIERS], b[RIG_COURIERS];
    size_t far = 0;

    for (uint64_t seed = 1; seed <= 40; seed++) {
        struct streets streets = streets_of(300);
        struct plan *own = rig(&streets.travel, seed), *other = rig(travel_estimate(), seed);
        struct plan_placement at;
        uint64_t s = seed;
        struct plan_order o = order_of(&s, 1, DAWN_MS, 200000);
        CU_ASSERT_EQUAL(plan_insert(own, &o, &at), LC_OK);
        CU_ASSERT_EQUAL(plan_insert(other, &o, &at), LC_OK);
        CU_ASSERT_EQUAL(plan_release(own, o.id), LC_OK);
        CU_ASSERT_EQUAL(plan_release(other, o.id), LC_OK);
        streets.fails_in = 5; /* the first eight are known by then, in two modes */
        CU_ASSERT_EQUAL(plan_rivals(own, o.id, a, RIG_COURIERS), RIG_COURIERS);
        CU_ASSERT_EQUAL(plan_rivals(other, o.id, b, RIG_COURIERS), RIG_COURIERS);
        for (size_t i = 0; streets.fails_in == 0 && i < RIG_COURIERS; i++) {
            CU_ASSERT_EQUAL(a[i].verdict, b[i].verdict);
            CU_ASSERT_EQUAL(a[i].cost, b[i].cost);
            far += a[i].verdict == PLAN_FAR;
        }
        plan_destroy(own);
        plan_destroy(other);
    }
    CU_ASSERT(far > 20);
}

/* A courier off the map is passed over as long as somebody else can come, and can come at last. */
static void
test_plan_takes_a_courier_off_the_map_when_nobody_else_can(void)
{
    struct streets streets = streets_of(10);
    struct plan *p = plan_new(&streets.travel);
    struct plan_placement got;
    struct plan_courier c = {.mode = TRAVEL_BICYCLE,
                             .capacity = {9, 0, 0},
                             .shift_end_ms = DAWN_MS + 36000000,
                             .open = true,
                             .at_ms = DAWN_MS};
    struct plan_order o = {.pickup = {392800000, -766000000},
                           .dropoff = {392800000, -766010000},
                           .ready_ms = DAWN_MS,
                           .promise_ms = DAWN_MS + 3600000,
                           .load = {1, 0, 0}};

    CU_ASSERT_PTR_NOT_NULL_FATAL(p);
    plan_time(p, DAWN_MS);
    streets.known_e7 = -765990000;
    c.courier = 1;
    c.at = (struct latlng){392800000, -765980000}; /* off the map, 170 m away */
    CU_ASSERT_EQUAL(plan_courier_put(p, &c), LC_OK);
    c.courier = 2;
    c.at = (struct latlng){392800000, -766100000}; /* 860 m away */
    CU_ASSERT_EQUAL(plan_courier_put(p, &c), LC_OK);
    o.id = id_of(1);
    CU_ASSERT_EQUAL(plan_insert(p, &o, &got), LC_OK);
    CU_ASSERT_EQUAL(got.courier, 2);
    CU_ASSERT_EQUAL(plan_courier_open(p, 2, false), LC_OK);
    o.id = id_of(2);
    CU_ASSERT_EQUAL(plan_insert(p, &o, &got), LC_OK);
    CU_ASSERT_TRUE(got.placed);
    CU_ASSERT_EQUAL(got.courier, 1);
    CU_ASSERT_EQUAL(plan_searched(p, TRAVEL_ESTIMATE), 1);
    plan_destroy(p);
}

static void
test_plan_travel_asks_for_every_leg_again(void)
{
    struct streets slow = streets_of(300), fast = streets_of(0);
    struct plan *swapped = rig(&slow.travel, 5), *fresh = rig(&fast.travel, 5);
    struct plan_stop a[2], b[2];

    plan_travel(swapped, &fast.travel, travel_estimate());
    for (uint32_t i = 1; i <= RIG_COURIERS; i++) {
        CU_ASSERT_EQUAL(plan_schedule(swapped, i, a, 2), 2);
        CU_ASSERT_EQUAL(plan_schedule(fresh, i, b, 2), 2);
        for (size_t k = 0; k < 2; k++)
            CU_ASSERT_EQUAL(a[k].arrive_ms, b[k].arrive_ms);
    }
    CU_ASSERT_EQUAL(plan_cost(swapped), plan_cost(fresh));
    plan_destroy(swapped);
    plan_destroy(fresh);
}

UNIT_MAIN("plan near", UNIT(test_plan_near_finds_what_a_look_at_everybody_finds),
          UNIT(test_plan_near_finds_it_by_the_estimate_too),
          UNIT(test_plan_rivals_are_the_cheapest_of_all),
          UNIT(test_plan_knows_that_nobody_can_without_asking_the_way),
          UNIT(test_plan_near_allows_for_seconds_cut_off_on_every_way),
          UNIT(test_plan_estimates_all_of_a_search_with_an_end_off_the_map),
          UNIT(test_plan_never_mixes_providers_when_one_fails_in_the_middle),
          UNIT(test_plan_rivals_never_mix_providers),
          UNIT(test_plan_takes_a_courier_off_the_map_when_nobody_else_can),
          UNIT(test_plan_travel_asks_for_every_leg_again))
