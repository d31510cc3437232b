#include "unit.h"

#include "base/travel_ask.h"

static const struct latlng places[] = {
    {392850000, -765920000}, {-392850000, 1795920000}, {0, 0}, {900000000, -1800000000}};

static void
test_travel_ask_get_rebuilds_what_was_put(void)
{
    struct travel_ask ask = {places, 3, places + 3, 1, TRAVEL_EBIKE, 1790000000123};
    struct travel_ask got;
    struct arena *a = arena_new(1 << 16);
    struct buf once = {0}, twice = {0};

    travel_ask_put(&once, &ask);
    CU_ASSERT_EQUAL_FATAL(travel_ask_get(buf_slice(&once), a, &got), LC_OK);
    CU_ASSERT_EQUAL(got.from_n, 3);
    CU_ASSERT_EQUAL(got.to_n, 1);
    CU_ASSERT_EQUAL(got.mode, TRAVEL_EBIKE);
    CU_ASSERT_EQUAL(got.to[0].lng_e7, -1800000000);
    travel_ask_put(&twice, &got);
    CU_ASSERT_TRUE(slice_eq(buf_slice(&once), buf_slice(&twice)));
    for (size_t n = 0; n < once.n; n++)
        CU_ASSERT_EQUAL(travel_ask_get(slice_of(once.p, n), a, &got), LC_EINVAL);
    buf_free(&once);
    buf_free(&twice);
    arena_destroy(a);
}

static void
test_travel_ask_get_refuses_what_is_too_much(void)
{
    struct arena *a = arena_new(1 << 16);
    struct travel_ask ask = {places, 1, places, 1, TRAVEL_CAR, 0}, got;
    struct buf b = {0};

    travel_ask_put(&b, &ask);
    b.p[9] = (char)0xff, b.p[10] = 0x03; /* 1023 from */
    CU_ASSERT_EQUAL(travel_ask_get(buf_slice(&b), a, &got), LC_ETOOBIG);
    b.p[9] = 0, b.p[10] = 0;
    CU_ASSERT_EQUAL(travel_ask_get(buf_slice(&b), a, &got), LC_EINVAL);
    b.p[9] = 1, b.p[0] = TRAVEL_MODES;
    CU_ASSERT_EQUAL(travel_ask_get(buf_slice(&b), a, &got), LC_EINVAL);
    buf_free(&b);
    arena_destroy(a);
}

static void
test_travel_cell_get_is_unreachable_beyond_the_end(void)
{
    struct travel_cell cell[] = {{1, 2}, {TRAVEL_UNREACHABLE, TRAVEL_UNREACHABLE}, {0, 0}};
    struct buf b = {0};

    travel_cells_put(&b, cell, 3);
    CU_ASSERT_EQUAL(travel_cells_count(buf_slice(&b)), 3);
    CU_ASSERT_EQUAL(travel_cell_get(buf_slice(&b), 0).metres, 2);
    CU_ASSERT_EQUAL(travel_cell_get(buf_slice(&b), 1).seconds, TRAVEL_UNREACHABLE);
    CU_ASSERT_EQUAL(travel_cell_get(buf_slice(&b), 2).seconds, 0);
    CU_ASSERT_EQUAL(travel_cell_get(buf_slice(&b), 3).seconds, TRAVEL_UNREACHABLE);
    buf_free(&b);
}

enum { BIKES = 1 << TRAVEL_BICYCLE | 1 << TRAVEL_EBIKE, ALL = (1 << TRAVEL_MODES) - 1 };

static void
test_travel_servers_read_takes_modes_urls_and_profiles(void)
{
    struct travel_server s[TRAVEL_SERVERS];
    const char *why;

    CU_ASSERT_EQUAL_FATAL(travel_servers_read(SLICE_LIT("bicycle+ebike=http://a:5000/#cycling,"
                                                        "car=https://[::1]:5001/osrm"),
                                              SLICE_LIT("http://v:8002"), s, &why),
                          3);
    CU_ASSERT_EQUAL(s[0].modes, BIKES);
    CU_ASSERT_TRUE(slice_eq_str(s[0].url, "http://a:5000"));
    CU_ASSERT_TRUE(slice_eq_str(s[0].profile, "cycling"));
    CU_ASSERT_TRUE(slice_eq_str(s[1].url, "https://[::1]:5001/osrm"));
    CU_ASSERT_FALSE(s[1].valhalla);
    CU_ASSERT_TRUE(s[2].valhalla);
    CU_ASSERT_EQUAL(s[2].modes, ALL & ~BIKES & ~(1 << TRAVEL_CAR));
    CU_ASSERT_EQUAL(travel_servers_read(SLICE_LIT(""), SLICE_LIT(""), s, &why), 0);
    CU_ASSERT_EQUAL(travel_servers_modes(SLICE_LIT("foot=http://a"), SLICE_LIT("")),
                    1 << TRAVEL_FOOT);
}

static void
test_travel_servers_read_says_what_it_expected(void)
{
    static const struct {
        const char *osrm, *valhalla, *why;
    } rows[] = {
        {"localhost:5000", "", "mode=http"},
        {"bike=http://a", "", "bicycle"},
        {"=http://a", "", "a mode"},
        {"car=ftp://a", "", "http://"},
        {"http://", "", "http"},
        {"http://user:pw@a", "", "without a password"},
        {"http://a/b?c", "", "letters"},
        {"http://a#b c", "", "profile"},
        {"car=http://a,car=http://b", "", "once"},
        {"http://a,http://b", "", "once"},
        {"car=http://a", "car=http://b", "once"},
    };
    struct travel_server s[TRAVEL_SERVERS];
    const char *why;

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        CU_ASSERT_EQUAL(
            travel_servers_read(slice_str(rows[i].osrm), slice_str(rows[i].valhalla), s, &why), -1);
        if (why == NULL || strstr(why, rows[i].why) == NULL)
            printf("\n    %s: %s\n", rows[i].osrm, why == NULL ? "(none)" : why);
        CU_ASSERT_TRUE(why != NULL && strstr(why, rows[i].why) != NULL);
        CU_ASSERT_EQUAL(travel_servers_modes(slice_str(rows[i].osrm), slice_str(rows[i].valhalla)),
                        0);
    }
}

UNIT_MAIN("travel_ask", UNIT(test_travel_ask_get_rebuilds_what_was_put),
          UNIT(test_travel_ask_get_refuses_what_is_too_much),
          UNIT(test_travel_cell_get_is_unreachable_beyond_the_end),
          UNIT(test_travel_servers_read_takes_modes_urls_and_profiles),
          UNIT(test_travel_servers_read_says_what_it_expected))
