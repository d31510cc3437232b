/* The nearest-store answer along the streets of Baltimore against a scan over all stores, while the
 * map goes and comes again. */
#include "nearest_agree.h"

enum { ORDERS = 2300 }; /* 2,000 of them by the map */

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

static void
clean_up(void)
{
    roads_travel_free(&map_told);
    roads_travel_free(&map_scanned);
    roads_close(map);
    buf_free(&compiled);
}

UNIT_MAIN("nearest along streets", UNIT(test_the_map_is_there),
          UNIT(test_match_agrees_with_a_scan_along_streets),
          UNIT(test_match_agrees_along_streets_where_neighbourhoods_know_few_stores),
          UNIT(clean_up))
