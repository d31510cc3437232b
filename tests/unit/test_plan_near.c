/* The search among those couriers who could be best against a look at all of them, on travel times
 * that are neither symmetric nor metric. */
#include "near_rig.h"

enum { COURIERS = 60, ORDERS = 110 };

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

UNIT_MAIN("plan near", UNIT(test_plan_near_finds_what_a_look_at_everybody_finds),
          UNIT(test_plan_near_finds_it_by_the_estimate_too),
          UNIT(test_plan_rivals_are_the_cheapest_of_all),
          UNIT(test_plan_knows_that_nobody_can_without_asking_the_way),
          UNIT(test_plan_near_allows_for_seconds_cut_off_on_every_way))
