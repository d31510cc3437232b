#include "base/geo.h"
#include "unit.h"

#include <math.h>

/* SplitMix64: the same points on every run. */
static uint64_t seed = 1;

static uint64_t
next(void)
{
    uint64_t z = seed += 0x9E3779B97F4A7C15;

    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9;
    z = (z ^ z >> 27) * 0x94D049BB133111EB;
    return z ^ z >> 31;
}

static struct latlng
any_point(void)
{
    return (struct latlng){(int32_t)(next() % 1800000001) - GEO_LAT_MAX_E7,
                           (int32_t)((int64_t)(next() % 3600000001) - GEO_LNG_MAX_E7)};
}

static void
test_geo_distance_m_known_values(void)
{
    static const struct {
        struct latlng a, b;
        double m;
    } row[] = {
        {{0, 0}, {0, 0}, 0},
        {{0, 0}, {10000000, 0}, 111195.08},
        {{900000000, 0}, {-900000000, 0}, 20015114.4},
        {{0, 1799999999}, {0, -1799999999}, 0.0222},
        {{392637110, -765885200}, {392704560, -765890470}, 751.38},
    };

    for (size_t i = 0; i < sizeof row / sizeof *row; i++)
        CU_ASSERT_DOUBLE_EQUAL(geo_distance_m(row[i].a, row[i].b), row[i].m,
                               0.0005 + row[i].m * 1e-4);
}

static void
test_geo_of_degrees_refuses_out_of_range(void)
{
    struct latlng p = {1, 2};

    CU_ASSERT_FALSE(geo_of_degrees(90.0000001, 0, &p));
    CU_ASSERT_FALSE(geo_of_degrees(0, -180.1, &p));
    CU_ASSERT_FALSE(geo_of_degrees(NAN, 0, &p));
    CU_ASSERT_FALSE(geo_of_degrees(0, INFINITY, &p));
    CU_ASSERT_EQUAL(p.lat_e7, 1);
    CU_ASSERT_TRUE(geo_of_degrees(-90, 180, &p));
    CU_ASSERT_TRUE(geo_valid(p));
    CU_ASSERT_FALSE(geo_valid((struct latlng){0, 1800000001}));
}

static void
test_geo_cell_holds_its_points(void)
{
    for (int i = 0; i < 200000; i++) {
        struct latlng p = any_point();
        uint64_t cell = geo_cell(p);
        struct latlng centre = geo_cell_centre(cell);
        CU_ASSERT_NOT_EQUAL_FATAL(cell, 0);
        CU_ASSERT_TRUE_FATAL(geo_valid(centre));
        CU_ASSERT_EQUAL_FATAL(geo_cell(centre), cell);
        CU_ASSERT_TRUE_FATAL(geo_distance_m(p, centre) <= geo_cell_radius_m(cell));
        CU_ASSERT_TRUE_FATAL(geo_cell_radius_m(cell) <= 108);
    }
}

static void
test_geo_cell_takes_the_edges_of_the_world(void)
{
    static const int32_t lat[] = {-900000000, -1, 0, 900000000};
    static const int32_t lng[] = {-1800000000, 0, 1800000000};

    for (size_t i = 0; i < 12; i++) {
        struct latlng p = {lat[i / 3], lng[i % 3]};
        uint64_t cell = geo_cell(p);
        CU_ASSERT_TRUE(geo_valid(geo_cell_centre(cell)));
        CU_ASSERT_TRUE(geo_distance_m(p, geo_cell_centre(cell)) <= geo_cell_radius_m(cell));
    }
    CU_ASSERT_TRUE(geo_valid(geo_cell_centre(0)));
    CU_ASSERT_TRUE(geo_valid(geo_cell_centre(UINT64_MAX)));
}

/* haversine_m: the formula as it stands in books, in long double. */
static double
haversine_m(struct latlng a, struct latlng b)
{
    const long double radian = acosl(-1) / 180 / 1e7L;
    long double x = a.lat_e7 * radian, y = b.lat_e7 * radian;
    long double s = sinl((y - x) / 2);
    long double t = sinl(((long double)b.lng_e7 - a.lng_e7) * radian / 2);
    long double h = s * s + cosl(x) * cosl(y) * t * t;

    return (double)(2 * 6371008.8L * asinl(sqrtl(h > 1 ? 1 : h)));
}

/* From a millimetre to half the Earth, at every latitude: a micrometre and a billionth, but beside
 * the antipode, where the formula itself knows no better. */
static void
test_geo_distance_m_is_the_haversine(void)
{
    for (int i = 0; i < 200000; i++) {
        uint64_t r = next(), q = next();
        int32_t span = 1 << (3 + i % 28);
        struct latlng a = {(int32_t)((uint32_t)r % 1800000001U) - 900000000,
                           (int32_t)((uint32_t)(r >> 32) % 1800000001U) - 900000000};
        int64_t lat = a.lat_e7 + (int64_t)((uint32_t)q % (unsigned)span) - span / 2;
        int64_t lng = a.lng_e7 + (int64_t)((uint32_t)(q >> 32) % (unsigned)span) - span / 2;
        if (lat < -GEO_LAT_MAX_E7 || lat > GEO_LAT_MAX_E7)
            continue;
        struct latlng b = {(int32_t)lat, (int32_t)lng};
        double m = haversine_m(a, b);
        CU_ASSERT_DOUBLE_EQUAL_FATAL(geo_distance_m(a, b), m, 1e-6 + m * (m < 19e6 ? 1e-9 : 1e-6));
        CU_ASSERT_EQUAL_FATAL(geo_distance_m(a, b), geo_distance_m(b, a));
    }
}

UNIT_MAIN("geo", UNIT(test_geo_distance_m_known_values), UNIT(test_geo_distance_m_is_the_haversine),
          UNIT(test_geo_of_degrees_refuses_out_of_range), UNIT(test_geo_cell_holds_its_points),
          UNIT(test_geo_cell_takes_the_edges_of_the_world))
