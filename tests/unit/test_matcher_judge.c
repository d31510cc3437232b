/* The tests a store goes through, one by one, at their edges. */
#include "unit.h"

#include "matcher/decision.h"

#include <string.h>

enum { MINUTE_MS = 60000, HOUR_MS = 3600000 };

static const int64_t noon_ms = 1763812800000; /* 2025-11-22T12:00:00Z, a Saturday */

/* One store at the origin of all tests; each test changes what it is about. */
struct bench {
    struct match_policy policy;
    struct match_shops shops;
    struct match_supply supply;
    struct match_view view;
    struct match_wish wish;
    struct catalogue_store store;
    Lifecircle__V1__Store full;
    Lifecircle__V1__Interval day[7], *days[7];
    Lifecircle__V1__Ring ring, *rings[1];
    int32_t e7[10];
};

static const struct latlng at = {392850000, -765900000};

static void
bench_open(struct bench *b)
{
    const int32_t square[10] = {392750000,  -766000000, 392750000,  -765800000, 392950000,
                                -765800000, 392950000,  -766000000, 392750000,  -766000000};

    memset(b, 0, sizeof *b);
    match_policy_read(&b->policy, NULL);
    CU_ASSERT_EQUAL_FATAL(match_shops_init(&b->shops), LC_OK);
    b->view = (struct match_view){&b->policy,        &b->shops,         &b->supply,
                                  travel_estimate(), travel_estimate(), noon_ms};
    match_supply_travel(&b->supply, travel_estimate(), travel_estimate());
    b->store = (struct catalogue_store){.store = 5,
                                        .chain = 1,
                                        .at = at,
                                        .prep_s = 600,
                                        .delivers = true,
                                        .collects = true,
                                        .age_check = true,
                                        .cold = true};
    lifecircle__v1__store__init(&b->full);
    lifecircle__v1__ring__init(&b->ring);
    memcpy(b->e7, square, sizeof square);
    b->ring.e7 = b->e7;
    b->ring.n_e7 = 10;
    b->rings[0] = &b->ring;
    b->full.zone = b->rings;
    b->full.n_zone = 1;
    for (uint32_t i = 0; i < 7; i++) {
        lifecircle__v1__interval__init(&b->day[i]);
        b->day[i].weekday = i;
        b->day[i].open_minute = 8 * 60;
        b->day[i].close_minute = 20 * 60;
        b->days[i] = &b->day[i];
    }
    b->full.hours = b->days;
    b->full.n_hours = 7;
    b->wish = (struct match_wish){.chain = 1,
                                  .items = 3,
                                  .at = {at.lat_e7 + 9000, at.lng_e7},
                                  .window_start_ms = noon_ms,
                                  .window_end_ms = noon_ms + HOUR_MS};
}

static struct match_verdict
judge(struct bench *b)
{
    struct match_verdict v;
    struct match_change change;
    struct travel_cell cell;
    enum travel_quality quality;
    const struct travel *t = travel_estimate();

    CU_ASSERT_EQUAL_FATAL(match_shops_put(&b->shops, &b->store, &b->full, &change), LC_OK);
    match_judge_shop(&b->view, &b->wish, 5, MATCH_COVER_ASK, &v);
    if (v.reason != LIFECIRCLE__V1__REASON__REASON_NONE)
        return v;
    CU_ASSERT_EQUAL_FATAL(t->matrix(t, &b->store.at, 1, &b->wish.at, 1,
                                    match_wish_mode(&b->wish, &b->policy), noon_ms, &cell,
                                    &quality),
                          LC_OK);
    match_judge_travel(&b->view, &b->wish, cell.seconds, quality, &v);
    return v;
}

static void
expect(struct bench *b, Lifecircle__V1__Reason reason, int64_t missed_by)
{
    struct match_verdict v = judge(b);

    CU_ASSERT_EQUAL(v.reason, reason);
    CU_ASSERT_EQUAL(v.missed_by, missed_by);
    match_shops_free(&b->shops);
}

static void
test_judge_adds_up_preparation_courier_and_travel(void)
{
    struct bench b;

    bench_open(&b);
    b.store.prep_per_item_s = 20;
    b.store.busy = LIFECIRCLE__V1__BUSY_MODE__BUSY;
    b.store.busy_delay_s = 100;
    struct match_verdict v = judge(&b);
    CU_ASSERT_EQUAL(v.reason, LIFECIRCLE__V1__REASON__REASON_NONE);
    CU_ASSERT_EQUAL(v.ready_ms, noon_ms + (600 + 3 * 20 + 100) * 1000);
    CU_ASSERT_EQUAL(v.courier_ms, noon_ms + 300 * 1000);
    CU_ASSERT_EQUAL(v.arrival_ms, v.ready_ms + (120 + (int64_t)v.travel_s + 120) * 1000);
    match_shops_free(&b.shops);
}

static void
test_judge_prepares_faster_in_a_city_that_is_played(void)
{
    struct bench b;

    bench_open(&b);
    b.store.prep_per_item_s = 20;
    CU_ASSERT_EQUAL(judge(&b).ready_ms, noon_ms + (600 + 3 * 20) * 1000);
    b.policy.prep_speedup = 60;
    CU_ASSERT_EQUAL(judge(&b).ready_ms, noon_ms + 11 * 1000);
    match_shops_free(&b.shops);
}

static void
test_judge_waits_for_the_courier_when_the_goods_are_ready_first(void)
{
    struct bench b;

    bench_open(&b);
    b.store.prep_s = 60;
    struct match_verdict v = judge(&b);
    CU_ASSERT_EQUAL(v.arrival_ms, v.courier_ms + (120 + (int64_t)v.travel_s + 120) * 1000);
    match_shops_free(&b.shops);
}

static void
test_judge_arrives_no_earlier_than_the_window_starts(void)
{
    struct bench b;

    bench_open(&b);
    b.wish.window_start_ms = noon_ms + 50 * MINUTE_MS;
    CU_ASSERT_EQUAL(judge(&b).arrival_ms, b.wish.window_start_ms);
    match_shops_free(&b.shops);
}

static void
test_judge_refuses_a_customer_outside_the_zone(void)
{
    struct bench b;

    bench_open(&b);
    b.wish.at.lat_e7 = 392950000; /* on the boundary is inside */
    CU_ASSERT_EQUAL(judge(&b).reason, LIFECIRCLE__V1__REASON__REASON_NONE);
    b.wish.at.lat_e7 = 392950001;
    expect(&b, LIFECIRCLE__V1__REASON__OUT_OF_ZONE, 0);
}

static void
test_outside_m_measures_to_the_zones_box(void)
{
    struct bench b;

    bench_open(&b);
    judge(&b);
    b.wish.at.lat_e7 = 392950000 + 90000; /* 1000.7 m north */
    int64_t m = match_outside_m(&b.view, &b.wish, 5);
    CU_ASSERT(m >= 999 && m <= 1002);
    match_shops_free(&b.shops);
}

static void
test_outside_m_walks_to_the_store_inside_the_box(void)
{
    struct bench b;
    const int32_t triangle[8] = {392750000, -766000000, 392750000, -765800000,
                                 392950000, -766000000, 392750000, -766000000};

    bench_open(&b);
    memcpy(b.e7, triangle, sizeof triangle);
    b.ring.n_e7 = 8;
    b.store.at = (struct latlng){392760000, -765990000};
    judge(&b);
    b.wish.at = (struct latlng){392940000, -765810000}; /* in the box, beyond the long side */
    double all = geo_distance_m(b.wish.at, b.store.at);
    int64_t m = match_outside_m(&b.view, &b.wish, 5);
    CU_ASSERT((double)m > all * 0.40 && (double)m < all * 0.60);
    match_shops_free(&b.shops);
}

static void
test_judge_takes_the_radius_for_collection(void)
{
    struct bench b;

    bench_open(&b);
    b.wish.collection = true;
    b.wish.at = (struct latlng){at.lat_e7 + 440000, at.lng_e7}; /* 4.9 km, far outside the zone */
    CU_ASSERT_EQUAL(judge(&b).reason, LIFECIRCLE__V1__REASON__REASON_NONE);
    b.wish.at.lat_e7 = at.lat_e7 + 460000;
    expect(&b, LIFECIRCLE__V1__REASON__OUT_OF_ZONE, 0);
}

static void
test_judge_refuses_what_the_store_does_not_offer(void)
{
    static const struct {
        bool delivers, collects, collection;
        Lifecircle__V1__Reason reason;
    } table[] = {
        {false, true, false, LIFECIRCLE__V1__REASON__FULFILMENT_NOT_OFFERED},
        {true, false, true, LIFECIRCLE__V1__REASON__FULFILMENT_NOT_OFFERED},
        {true, false, false, LIFECIRCLE__V1__REASON__REASON_NONE},
        {false, true, true, LIFECIRCLE__V1__REASON__REASON_NONE},
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct bench b;
        bench_open(&b);
        b.store.delivers = table[i].delivers;
        b.store.collects = table[i].collects;
        b.wish.collection = table[i].collection;
        expect(&b, table[i].reason, 0);
    }
}

static void
test_judge_names_the_requirements_that_are_not_met(void)
{
    static const struct {
        bool age, cold;
        int64_t lacks;
    } table[] = {{false, true, 1}, {true, false, 2}, {false, false, 3}};

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct bench b;
        bench_open(&b);
        b.store.age_check = table[i].age;
        b.store.cold = table[i].cold;
        b.wish.age_check = b.wish.cold = true;
        expect(&b, LIFECIRCLE__V1__REASON__REQUIREMENT_NOT_MET, table[i].lacks);
    }
}

static void
test_judge_refuses_a_paused_store(void)
{
    struct bench b;

    bench_open(&b);
    b.store.busy = LIFECIRCLE__V1__BUSY_MODE__PAUSED;
    expect(&b, LIFECIRCLE__V1__REASON__STORE_PAUSED, 0);
}

static void
test_judge_refuses_a_store_that_opens_behind_the_window(void)
{
    struct bench b;

    bench_open(&b);
    b.view.now_ms = noon_ms + 9 * HOUR_MS; /* 21:00, an hour after closing */
    b.wish.window_end_ms = b.view.now_ms + HOUR_MS;
    expect(&b, LIFECIRCLE__V1__REASON__STORE_CLOSED, 11 * HOUR_MS);
}

static void
test_judge_begins_work_when_the_store_opens(void)
{
    struct bench b;

    bench_open(&b);
    b.view.now_ms = noon_ms - 4 * HOUR_MS - 10 * MINUTE_MS; /* 07:50 */
    b.wish.window_start_ms = b.view.now_ms;
    b.wish.window_end_ms = b.view.now_ms + HOUR_MS;
    struct match_verdict v = judge(&b);
    CU_ASSERT_EQUAL(v.reason, LIFECIRCLE__V1__REASON__REASON_NONE);
    CU_ASSERT_EQUAL(v.ready_ms, noon_ms - 4 * HOUR_MS + 600 * 1000);
    match_shops_free(&b.shops);
}

static void
test_judge_refuses_goods_that_are_ready_at_closing_time(void)
{
    struct bench b;

    bench_open(&b);
    b.view.now_ms = noon_ms + 8 * HOUR_MS - 10 * MINUTE_MS - 1; /* ready 1 ms before 20:00 */
    b.wish.window_end_ms = b.view.now_ms + HOUR_MS;
    CU_ASSERT_EQUAL(judge(&b).reason, LIFECIRCLE__V1__REASON__REASON_NONE);
    b.view.now_ms++; /* the closing instant is closed */
    expect(&b, LIFECIRCLE__V1__REASON__STORE_CLOSED, 12 * HOUR_MS + 10 * MINUTE_MS);
}

static void
test_judge_refuses_a_store_with_its_hands_full(void)
{
    struct bench b;

    bench_open(&b);
    b.store.capacity = 3;
    judge(&b);
    b.shops.shop[5].load = 2;
    CU_ASSERT_EQUAL(judge(&b).reason, LIFECIRCLE__V1__REASON__REASON_NONE);
    b.shops.shop[5].load = 4;
    expect(&b, LIFECIRCLE__V1__REASON__STORE_AT_CAPACITY, 2);
}

static void
test_judge_adds_backlog_up_to_its_limit(void)
{
    struct bench b;

    bench_open(&b);
    judge(&b);
    b.shops.shop[5].load = 4;
    CU_ASSERT_EQUAL(judge(&b).ready_ms, noon_ms + (600 + 4 * 15) * 1000);
    b.shops.shop[5].load = 400;
    CU_ASSERT_EQUAL(judge(&b).ready_ms, noon_ms + (600 + 600) * 1000);
    match_shops_free(&b.shops);
}

static void
one_courier(struct bench *b, bool cold, bool trained)
{
    b->supply.time_ms = noon_ms;
    b->supply.round++;
    b->supply.on_shift = 1;
    b->supply.n = 1;
    b->supply.courier[0] =
        (struct match_courier){.at = at,
                               .free_in_s = 1200,
                               .mode = TRAVEL_BICYCLE,
                               .has = (uint8_t)((cold ? MATCH_NEEDS_COLD_BOX : 0) |
                                                (trained ? MATCH_NEEDS_ADULT_TRAINED : 0))};
}

static void
test_judge_asks_the_forecast_for_a_courier(void)
{
    static const struct {
        bool cold_wanted, trained_wanted, cold, trained;
        Lifecircle__V1__Reason reason;
    } table[] = {
        {false, false, false, false, LIFECIRCLE__V1__REASON__REASON_NONE},
        {true, false, false, true, LIFECIRCLE__V1__REASON__NO_COURIERS},
        {true, false, true, false, LIFECIRCLE__V1__REASON__REASON_NONE},
        {false, true, true, false, LIFECIRCLE__V1__REASON__NO_COURIERS},
        {true, true, true, true, LIFECIRCLE__V1__REASON__REASON_NONE},
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct bench b;
        bench_open(&b);
        one_courier(&b, table[i].cold, table[i].trained);
        b.wish.cold = table[i].cold_wanted;
        b.wish.age_check = table[i].trained_wanted;
        struct match_verdict v = judge(&b);
        CU_ASSERT_EQUAL(v.reason, table[i].reason);
        if (v.reason == LIFECIRCLE__V1__REASON__REASON_NONE)
            CU_ASSERT_EQUAL(v.courier_ms, noon_ms + 1200 * 1000);
        match_shops_free(&b.shops);
    }
}

static void
test_judge_knows_when_nobody_is_on_shift(void)
{
    struct bench b;

    bench_open(&b);
    one_courier(&b, true, true);
    b.supply.on_shift = 0;
    b.supply.n = 0;
    CU_ASSERT_EQUAL(judge(&b).reason, LIFECIRCLE__V1__REASON__NO_COURIERS);
    b.view.now_ms = noon_ms + b.policy.forecast_ms + 1; /* such old news says nothing */
    expect(&b, LIFECIRCLE__V1__REASON__REASON_NONE, 0);
}

static void
test_judge_keeps_a_margin_for_an_estimate(void)
{
    struct bench b;

    bench_open(&b);
    struct match_verdict v = judge(&b);
    int64_t margin_ms =
        1000 * (int64_t)travel_margin_s(TRAVEL_BICYCLE, TRAVEL_ESTIMATE, v.travel_s);
    b.wish.window_end_ms = v.arrival_ms + margin_ms;
    CU_ASSERT(margin_ms > 0);
    CU_ASSERT_EQUAL(judge(&b).reason, LIFECIRCLE__V1__REASON__REASON_NONE);
    b.wish.window_end_ms -= 7;
    expect(&b, LIFECIRCLE__V1__REASON__TOO_LATE, 7);
}

static void
test_rank_breaks_ties_by_arrival_then_number(void)
{
    static const struct match_verdict v[] = {
        {.store = 9, .travel_s = 60, .arrival_ms = 500},
        {.store = 4, .travel_s = 60, .arrival_ms = 500},
        {.store = 1, .travel_s = 60, .arrival_ms = 600},
        {.store = 2, .travel_s = 61, .arrival_ms = 100},
    };
    static const struct {
        size_t first, second;
        bool soonest;
    } table[] = {{1, 0, false}, {0, 2, false}, {2, 3, false}, {3, 0, true}, {1, 0, true}};

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct match_wish w = {.soonest = table[i].soonest};
        CU_ASSERT(match_rank(&w, &v[table[i].first], &v[table[i].second]) < 0);
        CU_ASSERT(match_rank(&w, &v[table[i].second], &v[table[i].first]) > 0);
    }
}

static void
test_policy_keeps_its_default_when_a_number_is_out_of_range(void)
{
    static const struct config_item items[] = {
        {SLICE_LIT("handover_s"), SLICE_LIT("-5")},
        {SLICE_LIT("dropoff_s"), SLICE_LIT("60")},
        {SLICE_LIT("courier_mode"), SLICE_LIT("rocket")},
        {SLICE_LIT("customer_mode"), SLICE_LIT("foot")},
    };
    struct config c = {items, 4};
    struct match_policy p;

    match_policy_read(&p, &c);
    CU_ASSERT_EQUAL(p.handover_ms, 120000);
    CU_ASSERT_EQUAL(p.dropoff_ms, 60000);
    CU_ASSERT_EQUAL(p.courier_mode, TRAVEL_BICYCLE);
    CU_ASSERT_EQUAL(p.customer_mode, TRAVEL_FOOT);
}

static void
test_put_leaves_out_a_zone_that_is_none(void)
{
    struct bench b;

    bench_open(&b);
    b.ring.n_e7 = 6; /* two points and a closing one */
    expect(&b, LIFECIRCLE__V1__REASON__OUT_OF_ZONE, 0);
}

UNIT_MAIN("matcher judge", UNIT(test_judge_adds_up_preparation_courier_and_travel),
          UNIT(test_judge_prepares_faster_in_a_city_that_is_played),
          UNIT(test_judge_waits_for_the_courier_when_the_goods_are_ready_first),
          UNIT(test_judge_arrives_no_earlier_than_the_window_starts),
          UNIT(test_judge_refuses_a_customer_outside_the_zone),
          UNIT(test_outside_m_measures_to_the_zones_box),
          UNIT(test_outside_m_walks_to_the_store_inside_the_box),
          UNIT(test_judge_takes_the_radius_for_collection),
          UNIT(test_judge_refuses_what_the_store_does_not_offer),
          UNIT(test_judge_names_the_requirements_that_are_not_met),
          UNIT(test_judge_refuses_a_paused_store),
          UNIT(test_judge_refuses_a_store_that_opens_behind_the_window),
          UNIT(test_judge_begins_work_when_the_store_opens),
          UNIT(test_judge_refuses_goods_that_are_ready_at_closing_time),
          UNIT(test_judge_refuses_a_store_with_its_hands_full),
          UNIT(test_judge_adds_backlog_up_to_its_limit),
          UNIT(test_judge_asks_the_forecast_for_a_courier),
          UNIT(test_judge_knows_when_nobody_is_on_shift),
          UNIT(test_judge_keeps_a_margin_for_an_estimate),
          UNIT(test_rank_breaks_ties_by_arrival_then_number),
          UNIT(test_policy_keeps_its_default_when_a_number_is_out_of_range),
          UNIT(test_put_leaves_out_a_zone_that_is_none))
