/* Robots ride along the streets of Baltimore: every position is on one, at an even pace, from door
 * to door; and straight on where no street leads. */
#include "roads/streets.h"

#include "unit.h"

#include <stdlib.h>
#include <unistd.h>

static struct streets streets;
static char path[] = "/tmp/lc-streets-XXXXXX";
static uint64_t seed = 9;

static struct latlng
somewhere(void)
{
    uint64_t z = seed += 0x9e3779b97f4a7c15U;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9U;
    z = (z ^ z >> 27) * 0x94d049bb133111ebU;
    z ^= z >> 31;
    return (struct latlng){392800000 + (int32_t)(z % 200000),
                           -766000000 + (int32_t)((z >> 32) % 400000)};
}

static void
test_streets_open_says_what_is_wrong(void)
{
    struct streets s = {0};
    char error[ROADS_ERROR_MAX] = "";

    CU_ASSERT_EQUAL(streets_open(&s, "/nowhere.roads", error), LC_EIO);
    CU_ASSERT_PTR_NOT_NULL(strstr(error, "No such file"));
    CU_ASSERT_PTR_NULL(s.roads);
    streets_close(&s);
}

static void
test_streets_open_opens_a_map(void)
{
    char error[ROADS_ERROR_MAX] = "";
    int fd = mkstemp(path);

    CU_ASSERT_FATAL(fd >= 0);
    close(fd);
    CU_ASSERT_EQUAL_FATAL(roads_build_file(LC_CITY_DATA "/baltimore.osm.pbf", path,
                                           1U << TRAVEL_BICYCLE, NULL, error),
                          LC_OK);
    CU_ASSERT_EQUAL_FATAL(streets_open(&streets, path, error), LC_OK);
}

static bool
on_a_street(struct latlng p)
{
    struct roads_spot spot;

    return roads_snap(streets.roads, TRAVEL_BICYCLE, p, 3, &spot) == LC_OK;
}

static void
test_streets_ride_stays_on_streets(void)
{
    enum { PARTS = 200 };
    struct course c = {0};
    size_t off = 0, jumps = 0, rides = 0;

    for (int i = 0; i < 100; i++) {
        struct latlng from = somewhere(), to = somewhere();
        uint32_t seconds = 0;
        CU_ASSERT_EQUAL_FATAL(streets_ride(&streets, TRAVEL_BICYCLE, from, to, &c, &seconds),
                              LC_OK);
        if (!c.on_streets)
            continue;
        rides++;
        struct latlng first = course_at(&c, 0, PARTS), last = course_at(&c, PARTS, PARTS);
        CU_ASSERT(first.lat_e7 == from.lat_e7 && first.lng_e7 == from.lng_e7);
        CU_ASSERT(last.lat_e7 == to.lat_e7 && last.lng_e7 == to.lng_e7);
        double before_door = c.m[1], behind = c.m[c.n - 1] - c.m[c.n - 2], whole = c.m[c.n - 1];
        struct latlng was = from;
        for (int k = 1; k <= PARTS; k++) {
            struct latlng at = course_at(&c, k, PARTS);
            double m = whole * k / PARTS;
            jumps += geo_distance_m(was, at) > whole / PARTS + 0.1;
            off += m > before_door + 1 && m < whole - behind - 1 && !on_a_street(at);
            was = at;
        }
        CU_ASSERT(whole / seconds < 4.3); /* a bicycle's 15 km/h, and rounding */
    }
    CU_ASSERT_EQUAL(off, 0);
    CU_ASSERT_EQUAL(jumps, 0);
    CU_ASSERT(rides > 60);
    course_free(&c);
}

static void
test_streets_ride_goes_straight_where_there_is_no_street(void)
{
    const struct streets none = {0};
    const struct latlng from = {392850000, -765900000}, off = {395000000, -765900000};
    struct course c = {0};
    uint32_t seconds = 0;

    CU_ASSERT_EQUAL(streets_ride(&streets, TRAVEL_BICYCLE, from, off, &c, &seconds), LC_OK);
    CU_ASSERT_FALSE(c.on_streets);
    CU_ASSERT_EQUAL(c.n, 2);
    struct latlng half = course_at(&c, 1, 2);
    CU_ASSERT(abs(half.lat_e7 - 393925000) < 10);
    CU_ASSERT(seconds > 5000 && seconds != TRAVEL_UNREACHABLE);
    CU_ASSERT_EQUAL(streets_ride(&none, TRAVEL_CAR, from, off, &c, &seconds), LC_OK);
    CU_ASSERT_FALSE(c.on_streets);
    CU_ASSERT_EQUAL(
        streets_ride(&none, TRAVEL_CAR, from, (struct latlng){INT32_MAX, 0}, &c, &seconds),
        LC_EINVAL);
    course_free(&c);
}

static void
clean_up(void)
{
    streets_close(&streets);
    unlink(path);
}

UNIT_MAIN("streets", UNIT(test_streets_open_says_what_is_wrong),
          UNIT(test_streets_open_opens_a_map), UNIT(test_streets_ride_stays_on_streets),
          UNIT(test_streets_ride_goes_straight_where_there_is_no_street), UNIT(clean_up))
