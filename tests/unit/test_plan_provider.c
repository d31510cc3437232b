/* One search has one provider of travel times, whatever fails in the midst of it. */
#include "near_rig.h"

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

UNIT_MAIN("plan provider", UNIT(test_plan_estimates_all_of_a_search_with_an_end_off_the_map),
          UNIT(test_plan_never_mixes_providers_when_one_fails_in_the_middle),
          UNIT(test_plan_rivals_never_mix_providers),
          UNIT(test_plan_takes_a_courier_off_the_map_when_nobody_else_can),
          UNIT(test_plan_travel_asks_for_every_leg_again))
