/* The nearest-store answer along the streets of Baltimore against a scan over all stores, while the
 * map goes and comes again. */
#include "nearest_agree.h"

enum { ORDERS = 2300 /* 2,000 of them by the map */, SOONEST = 200 };

static struct buf compiled;

static void
test_the_map_is_there(void)
{
    struct buf pbf = {0};
    char error[ROADS_ERROR_MAX] = "", part[65536];
    FILE *f = fopen(LC_CITY_DATA "/baltimore.osm.pbf", "rb");

    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    for (size_t n; (n = fread(part, 1, sizeof part, f)) > 0;)
        buf_append(&pbf, part, n);
    fclose(f);
    CU_ASSERT_EQUAL_FATAL(roads_build(buf_slice(&pbf), 1U << TRAVEL_BICYCLE | 1U << TRAVEL_CAR,
                                      &compiled, NULL, error),
                          LC_OK);
    buf_free(&pbf);
    CU_ASSERT_EQUAL_FATAL(roads_view(buf_slice(&compiled), &map, error), LC_OK);
    CU_ASSERT_EQUAL_FATAL(roads_travel_init(&map_told, map, ROADS_SNAP_M), LC_OK);
    CU_ASSERT_EQUAL_FATAL(roads_travel_init(&map_scanned, map, ROADS_SNAP_M), LC_OK);
}

static void
test_match_agrees_with_a_scan_along_streets(void)
{
    agree("300", BY_MAP, ORDERS);
    CU_ASSERT(roads_travel_counts(&map_told).asked > ORDERS / 2);
    CU_ASSERT_EQUAL(roads_travel_counts(&map_told).off_map, 0);
}

static void
test_match_agrees_along_streets_where_neighbourhoods_know_few_stores(void)
{
    agree("12", BY_MAP, ORDERS);
}

/* ---- the soonest of many couriers ---- */

/* Couriers all over the map and its surroundings, mostly free: so the way decides. */
static void
scatter(struct match_supply *s)
{
    Lifecircle__V1__SupplyForecast f = LIFECIRCLE__V1__SUPPLY_FORECAST__INIT;
    static Lifecircle__V1__SupplyForecast__Cell cell[MATCH_COURIERS_MAX],
        *cells[MATCH_COURIERS_MAX];
    static Lifecircle__V1__Point at[MATCH_COURIERS_MAX];

    f.n_couriers = 1 + below(one_in(2) ? MATCH_COURIERS_MAX : 12);
    f.on_shift = (uint32_t)f.n_couriers;
    f.couriers = cells;
    for (size_t i = 0; i < f.n_couriers; i++) {
        struct latlng p = anywhere(one_in(20) ? 3000000 : 350000);
        lifecircle__v1__supply_forecast__cell__init(&cell[i]);
        lifecircle__v1__point__init(&at[i]);
        at[i].lat_e7 = p.lat_e7;
        at[i].lng_e7 = p.lng_e7;
        cell[i].at = &at[i];
        cell[i].free_in_s = one_in(2) ? 0 : below(900);
        cell[i].vehicle =
            one_in(3) ? LIFECIRCLE__V1__VEHICLE__CAR : LIFECIRCLE__V1__VEHICLE__BICYCLE;
        cells[i] = &cell[i];
    }
    match_supply_take(s, &f, 1);
}

static uint32_t
soonest_of_all(const struct match_supply *s, struct latlng to, const struct travel *t)
{
    uint64_t best = MATCH_NO_COURIER;
    bool known = false; /* if not a way, then that there is none */

    for (size_t i = 0; i < s->n; i++) {
        const struct match_courier *c = &s->courier[i];
        struct travel_cell cell;
        enum travel_quality q;
        if (t->matrix(t, &c->at, 1, &to, 1, (enum travel_mode)c->mode, 0, &cell, &q) != LC_OK)
            continue;
        known = true;
        if (cell.seconds != TRAVEL_UNREACHABLE && (uint64_t)c->free_in_s + cell.seconds < best)
            best = (uint64_t)c->free_in_s + cell.seconds;
    }
    return known ? (uint32_t)best : soonest_of_all(s, to, travel_estimate());
}

static void
soonest_agrees(const struct travel *told, const struct travel *scanned)
{
    static struct match_supply s;
    unsigned wrong = 0, waits = 0;

    match_supply_travel(&s, told, travel_estimate());
    for (unsigned i = 0; i < SOONEST; i++) {
        struct match_shop shop = {.at = somewhere(300000)};
        scatter(&s);
        uint32_t want = soonest_of_all(&s, shop.at, scanned);
        wrong += match_supply_wait_s(&s, &shop, 0, 300, false) != want;
        wrong += match_supply_wait_s(&s, &shop, 0, 300, true) !=
                 soonest_of_all(&s, shop.at, travel_estimate());
        waits += want == MATCH_NO_COURIER ? 0 : want;
    }
    CU_ASSERT_EQUAL(wrong, 0);
    CU_ASSERT(waits > 10 * SOONEST);
}

static void
test_the_soonest_courier_is_that_of_asking_about_each(void)
{
    struct travel_paced paced[2];
    struct travel_faster faster[2];
    const uint8_t rush_pct[TRAVEL_MODES] = {100, 61, 100, 100, 183, 100};

    soonest_agrees(&map_told.travel, &map_scanned.travel);
    travel_paced_init(&paced[0], &map_told.travel, rush_pct);
    travel_paced_init(&paced[1], &map_scanned.travel, rush_pct);
    soonest_agrees(&paced[0].travel, &paced[1].travel);
    travel_faster_init(&faster[0], &paced[0].travel, 7);
    travel_faster_init(&faster[1], &paced[1].travel, 7);
    soonest_agrees(&faster[0].travel, &faster[1].travel);
}

static void
clean_up(void)
{
    roads_travel_free(&map_told);
    roads_travel_free(&map_scanned);
    roads_close(map);
    buf_free(&compiled);
}

UNIT_MAIN("nearest along streets", UNIT(test_the_map_is_there),
          UNIT(test_the_soonest_courier_is_that_of_asking_about_each),
          UNIT(test_match_agrees_with_a_scan_along_streets),
          UNIT(test_match_agrees_along_streets_where_neighbourhoods_know_few_stores),
          UNIT(clean_up))
