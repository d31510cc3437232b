#include "base/zone.h"
#include "base/zone_tangle.h"
#include "unit.h"

#include <geos_c.h>
#include <math.h>
#include <stdlib.h>
#include <time.h>

enum { RING_MAX = 40 };

static uint64_t seed = 99;

static uint32_t
below(uint32_t n)
{
    seed = seed * 6364136223846793005 + 1442695040888963407;
    return (uint32_t)((seed >> 33) % n);
}

static struct zone_ring
ring(const struct latlng *point, size_t n, bool hole)
{
    return (struct zone_ring){point, n, hole};
}

/* A square of side 2 * half around a centre. */
static void
square(struct latlng *to, int32_t lat, int32_t lng, int32_t half)
{
    static const int sign[5][2] = {{-1, -1}, {-1, 1}, {1, 1}, {1, -1}, {-1, -1}};

    for (int i = 0; i < 5; i++)
        to[i] = (struct latlng){lat + sign[i][0] * half, lng + sign[i][1] * half};
}

/* A star-shaped ring: never crosses itself. */
static size_t
star(struct latlng *to, struct latlng centre, double min, double max)
{
    size_t n = 3 + below(RING_MAX - 4);

    for (size_t i = 0; i < n; i++) {
        double angle = 2 * M_PI * (double)i / (double)n;
        double r = min + (max - min) * below(1000) / 1000;
        to[i] = (struct latlng){centre.lat_e7 + (int32_t)(r * sin(angle)),
                                centre.lng_e7 + (int32_t)(r * cos(angle))};
    }
    to[n] = to[0];
    return n + 1;
}

/* How often the rings wind around p, in long double; *near when p is too near to an edge for
 * rounding to say. Inside a valid polygon the number is odd, and not 0 inside what GEOS makes of
 * one ring that crosses itself. */
static int
winding(const struct zone_ring *rings, size_t n, struct latlng p, bool *near)
{
    int turns = 0;
    long double y = p.lat_e7, x = p.lng_e7;

    *near = false;
    for (size_t r = 0; r < n; r++)
        for (size_t i = 1; i < rings[r].n; i++) {
            long double ay = rings[r].point[i - 1].lat_e7, ax = rings[r].point[i - 1].lng_e7;
            long double by = rings[r].point[i].lat_e7, bx = rings[r].point[i].lng_e7;
            long double dx = bx - ax, dy = by - ay, length2 = dx * dx + dy * dy;
            long double t = length2 == 0 ? 0 : ((x - ax) * dx + (y - ay) * dy) / length2;
            t = t < 0 ? 0 : t > 1 ? 1 : t;
            *near |= hypotl(ax + t * dx - x, ay + t * dy - y) < 3;
            if ((ay > y) != (by > y) && x < ax + (y - ay) / dy * dx)
                turns += by > ay ? 1 : -1;
        }
    return turns;
}

static GEOSGeometry *
geos_ring(GEOSContextHandle_t g, const struct zone_ring *r)
{
    GEOSCoordSequence *seq = GEOSCoordSeq_create_r(g, (unsigned)r->n, 2);

    for (unsigned i = 0; i < r->n; i++)
        GEOSCoordSeq_setXY_r(g, seq, i, r->point[i].lng_e7, r->point[i].lat_e7);
    return GEOSGeom_createLinearRing_r(g, seq);
}

/* A point in the box, often on a corner or an edge's level. */
static struct latlng
probe(const struct zone_ring *r, size_t rings, struct latlng centre, int32_t reach)
{
    struct latlng p = {centre.lat_e7 + (int32_t)below(2 * (uint32_t)reach) - reach,
                       centre.lng_e7 + (int32_t)below(2 * (uint32_t)reach) - reach};
    const struct zone_ring *some = &r[below((uint32_t)rings)];
    struct latlng a = some->point[below((uint32_t)some->n)];

    switch (below(6)) {
    case 0:
        return a;
    case 1:
        p.lat_e7 = a.lat_e7;
        return p;
    case 2:
        p.lng_e7 = a.lng_e7;
        return p;
    default:
        return p;
    }
}

static void
test_zone_covers_agrees_with_geos_and_the_naive_test(void)
{
    GEOSContextHandle_t g = GEOS_init_r();
    struct zone_set *zs = zone_set_new();

    for (int round = 0; round < 200; round++) {
        /* small ones put many probes exactly on edges */
        int32_t reach = round % 2 == 0 ? 60 : 300000;
        struct latlng centre = {(int32_t)below(1600000000) - 800000000,
                                (int32_t)((int64_t)below(3400000000U) - 1700000000)};
        struct latlng outer[RING_MAX], hole[RING_MAX];
        struct zone_ring r[2] = {ring(outer, star(outer, centre, reach * 0.6, reach), false),
                                 ring(hole, star(hole, centre, reach * 0.1, reach * 0.4), true)};
        GEOSGeometry *inner = geos_ring(g, &r[1]);
        GEOSGeometry *polygon = GEOSGeom_createPolygon_r(g, geos_ring(g, &r[0]), &inner, 1);
        enum zone_repair repair;
        enum lc_err err = zone_set_put(zs, 1, r, 2, &repair, NULL);
        if (GEOSisValid_r(g, polygon) != 1) { /* tiny ones collapse now and then */
            GEOSGeom_destroy_r(g, polygon);
            continue;
        }
        CU_ASSERT_EQUAL_FATAL(err, LC_OK);
        CU_ASSERT_EQUAL_FATAL(repair, ZONE_UNCHANGED);
        const GEOSPreparedGeometry *prepared = GEOSPrepare_r(g, polygon);
        for (int k = 0; k < 300; k++) {
            struct latlng p = probe(r, 2, centre, reach);
            GEOSGeometry *at = GEOSGeom_createPointFromXY_r(g, p.lng_e7, p.lat_e7);
            bool covers = zone_covers(zs, 1, p), near;
            CU_ASSERT_EQUAL_FATAL(covers, GEOSPreparedCovers_r(g, prepared, at) == 1);
            bool inside = winding(r, 2, p, &near) % 2 != 0;
            CU_ASSERT_TRUE_FATAL(near || covers == inside);
            GEOSGeom_destroy_r(g, at);
        }
        GEOSPreparedGeom_destroy_r(g, prepared);
        GEOSGeom_destroy_r(g, polygon);
    }
    zone_set_destroy(zs);
    GEOS_finish_r(g);
}

static void
test_zone_set_put_repairs_rings_that_cross_themselves(void)
{
    struct zone_set *zs = zone_set_new();
    size_t repaired = 0;

    for (int round = 0; round < 300; round++) {
        struct latlng point[12];
        size_t n = 4 + below(8);
        for (size_t i = 0; i + 1 < n; i++)
            point[i] = (struct latlng){(int32_t)below(100000), (int32_t)below(100000)};
        point[n - 1] = point[0];
        struct zone_ring r = ring(point, n, false);
        enum zone_repair repair;
        char reason[ZONE_REASON_MAX];
        CU_ASSERT_EQUAL_FATAL(zone_set_put(zs, 1, &r, 1, &repair, reason), LC_OK);
        CU_ASSERT_EQUAL_FATAL(repair == ZONE_REPAIRED, reason[0] != '\0');
        repaired += repair == ZONE_REPAIRED;
        for (int k = 0; k < 100; k++) {
            struct latlng p = {(int32_t)below(100000), (int32_t)below(100000)};
            bool near, inside = winding(&r, 1, p, &near) != 0;
            CU_ASSERT_TRUE_FATAL(near || inside == zone_covers(zs, 1, p));
        }
    }
    CU_ASSERT_TRUE(repaired > 150);
    zone_set_destroy(zs);
}

static void
test_zone_set_put_repairs_a_bow_tie(void)
{
    static const struct latlng tie[] = {{0, 0}, {100, 100}, {100, 0}, {0, 100}, {0, 0}};
    struct zone_set *zs = zone_set_new();
    struct zone_ring r = ring(tie, 5, false);
    enum zone_repair repair;
    char reason[ZONE_REASON_MAX];

    CU_ASSERT_EQUAL(zone_set_put(zs, 1, &r, 1, &repair, reason), LC_OK);
    CU_ASSERT_EQUAL(repair, ZONE_REPAIRED);
    CU_ASSERT_STRING_EQUAL(reason, "Self-intersection at lat 0.0000050, lng 0.0000050");
    CU_ASSERT_TRUE(zone_covers(zs, 1, (struct latlng){90, 50}));
    CU_ASSERT_TRUE(zone_covers(zs, 1, (struct latlng){50, 50}));
    CU_ASSERT_FALSE(zone_covers(zs, 1, (struct latlng){50, 90}));
    zone_set_destroy(zs);
}

static void
test_zone_covers_counts_the_boundary_of_holes_too(void)
{
    struct latlng outer[5], hole[5];
    struct zone_set *zs = zone_set_new();

    square(outer, 0, 0, 100);
    square(hole, 0, 0, 50);
    struct zone_ring r[] = {ring(outer, 5, false), ring(hole, 5, true)};
    CU_ASSERT_EQUAL(zone_set_put(zs, 7, r, 2, NULL, NULL), LC_OK);
    CU_ASSERT_TRUE(zone_covers(zs, 7, (struct latlng){100, 100}));
    CU_ASSERT_TRUE(zone_covers(zs, 7, (struct latlng){50, 13}));
    CU_ASSERT_TRUE(zone_covers(zs, 7, (struct latlng){-100, 0}));
    CU_ASSERT_FALSE(zone_covers(zs, 7, (struct latlng){49, 0}));
    CU_ASSERT_FALSE(zone_covers(zs, 7, (struct latlng){101, 0}));
    CU_ASSERT_FALSE(zone_covers(zs, 8, (struct latlng){100, 100}));
    CU_ASSERT_EQUAL(zone_corners(zs, 7), 8);
    zone_set_destroy(zs);
}

static void
test_zone_takes_several_polygons(void)
{
    struct latlng a[5], b[5], hole[5];
    struct zone_set *zs = zone_set_new();

    square(a, 0, 0, 100);
    square(hole, 0, 0, 10);
    square(b, 0, 1000, 100);
    struct zone_ring r[] = {ring(a, 5, false), ring(hole, 5, true), ring(b, 5, false)};
    CU_ASSERT_EQUAL(zone_set_put(zs, 7, r, 3, NULL, NULL), LC_OK);
    CU_ASSERT_TRUE(zone_covers(zs, 7, (struct latlng){0, 1000}));
    CU_ASSERT_TRUE(zone_covers(zs, 7, (struct latlng){0, 50}));
    CU_ASSERT_FALSE(zone_covers(zs, 7, (struct latlng){0, 0}));
    CU_ASSERT_FALSE(zone_covers(zs, 7, (struct latlng){0, 500}));
    CU_ASSERT_DOUBLE_EQUAL(zone_reach_m(zs, 7, (struct latlng){0, 0}), 1 + 12.27, 0.1);
    CU_ASSERT_EQUAL(zone_reach_m(zs, 6, (struct latlng){0, 0}), 0);
    zone_set_destroy(zs);
}

static void
test_zone_set_put_says_why_not(void)
{
    static const struct latlng open[] = {{0, 0}, {0, 9}, {9, 9}, {9, 0}},
                               few[] = {{0, 0}, {0, 9}, {0, 0}},
                               line[] = {{0, 0}, {0, 9}, {0, 4}, {0, 0}},
                               spot[] = {{5, 5}, {5, 5}, {5, 5}, {5, 5}},
                               outside[] = {{0, 0}, {0, 9}, {900000001, 9}, {0, 0}},
                               over[] = {{0, 1790000000},
                                         {0, -1790000000},
                                         {9, 1790000000},
                                         {0, 1790000000}};
    static const struct {
        struct zone_ring ring;
        const char *why;
    } row[] = {
        {{open, 4, false}, "a ring is not closed: its last point must equal its first"},
        {{few, 3, false}, "a ring has fewer than 4 points"},
        {{open, 4, true}, "the first ring is a hole"},
        {{line, 4, false}, NULL},
        {{spot, 4, false}, NULL},
        {{outside, 4, false}, "a coordinate is out of range"},
        {{over, 4, false}, "a ring crosses the antimeridian: split it at 180 degrees"},
    };
    struct zone_set *zs = zone_set_new();
    struct latlng kept[5];
    char reason[ZONE_REASON_MAX];
    enum zone_repair repair;

    square(kept, 0, 0, 100);
    struct zone_ring r = ring(kept, 5, false);
    CU_ASSERT_EQUAL(zone_set_put(zs, 1, &r, 1, NULL, NULL), LC_OK);
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        CU_ASSERT_EQUAL(zone_set_put(zs, 1, &row[i].ring, 1, &repair, reason), LC_EINVAL);
        CU_ASSERT_NOT_EQUAL(reason[0], '\0');
        if (row[i].why != NULL)
            CU_ASSERT_STRING_EQUAL(reason, row[i].why);
    }
    CU_ASSERT_EQUAL(zone_set_put(zs, 1, NULL, 0, &repair, reason), LC_EINVAL);
    CU_ASSERT_STRING_EQUAL(reason, "there are no rings");
    /* what was there stays */
    CU_ASSERT_TRUE(zone_covers(zs, 1, (struct latlng){0, 0}));
    zone_set_destroy(zs);
}

static void
test_zone_set_put_keeps_its_limits(void)
{
    static struct latlng many[ZONE_POINTS_MAX + 1];
    static struct zone_ring rings[ZONE_RINGS_MAX + 1];
    struct zone_set *zs = zone_set_new();

    for (int i = 0; i < ZONE_POINTS_MAX; i++) {
        double angle = 2 * M_PI * i / ZONE_POINTS_MAX;
        many[i] = (struct latlng){(int32_t)(1e7 * sin(angle)), (int32_t)(1e7 * cos(angle))};
    }
    many[ZONE_POINTS_MAX - 1] = many[ZONE_POINTS_MAX] = many[0];
    struct zone_ring r = ring(many, ZONE_POINTS_MAX, false);
    CU_ASSERT_EQUAL(zone_set_put(zs, 1, &r, 1, NULL, NULL), LC_OK);
    CU_ASSERT_TRUE(zone_covers(zs, 1, (struct latlng){9000000, 0}));
    r.n++;
    CU_ASSERT_EQUAL(zone_set_put(zs, 1, &r, 1, NULL, NULL), LC_ETOOBIG);
    for (int i = 0; i <= ZONE_RINGS_MAX; i++)
        rings[i] = ring(many, 5, false);
    CU_ASSERT_EQUAL(zone_set_put(zs, 1, rings, ZONE_RINGS_MAX + 1, NULL, NULL), LC_ETOOBIG);
    zone_set_destroy(zs);
}

/* GEOS would be busy with these for seconds to days: a chain's zone must not keep others waiting.
 */
enum { COMB = 9997 };

/* comb_us: CPU time, the least of three, to see that a comb of 2,499 long teeth is no tangle. */
static double
comb_us(bool turned)
{
    struct latlng *p = calloc(COMB, sizeof *p);
    char reason[ZONE_REASON_MAX];
    double least = INFINITY;

    for (int i = 1; i < COMB - 1; i++) {
        int32_t along = (i - 1) / 4 * 100 + ((i - 1) % 4 == 1 || (i - 1) % 4 == 2 ? 50 : 0);
        int32_t out = (i - 1) % 4 < 2 ? 1000000 : 1000;
        p[i] = turned ? (struct latlng){out, along} : (struct latlng){along, out};
    }
    p[COMB - 1] = p[0];
    struct zone_ring r = {p, COMB, false};
    for (int i = 0; i < 3; i++) {
        clock_t began = clock();
        CU_ASSERT_EQUAL(zone_tangle(&r, 1, reason), LC_OK);
        least = fmin(least, (double)(clock() - began) * 1e6 / CLOCKS_PER_SEC);
    }
    free(p);
    return least;
}

static void
test_zone_tangle_is_counted_as_soon_for_a_comb_as_for_one_on_its_side(void)
{
    CU_ASSERT_TRUE(comb_us(false) < 8 * comb_us(true) + 2000);
    CU_ASSERT_TRUE(comb_us(true) < 8 * comb_us(false) + 2000);
}

static void
test_zone_set_put_refuses_a_tangle_at_once(void)
{
    static struct latlng p[ZONE_POINTS_MAX];
    struct zone_set *zs = zone_set_new();
    struct zone_ring r = ring(p, 1002, false);
    char reason[ZONE_REASON_MAX];

    for (int i = 0; i < 1001; i++) { /* a star whose edges all cross */
        double angle = 2 * M_PI * (i * 500 % 1001) / 1001;
        p[i] = (struct latlng){(int32_t)(1e6 * sin(angle)), (int32_t)(1e6 * cos(angle))};
    }
    p[1001] = p[0];
    CU_ASSERT_EQUAL(zone_set_put(zs, 1, &r, 1, NULL, reason), LC_ETOOBIG);
    CU_ASSERT_STRING_EQUAL(reason, "its edges cross each other in more than 600 places");
    for (int i = 0; i < ZONE_POINTS_MAX - 2; i++) /* valid, its edges side by side on a slant */
        p[i] = (struct latlng){i % 2 * 500000, i * 40 + i % 2 * 500000};
    p[ZONE_POINTS_MAX - 2] = (struct latlng){-500000, 40 * ZONE_POINTS_MAX};
    p[ZONE_POINTS_MAX - 1] = p[0];
    r.n = ZONE_POINTS_MAX;
    CU_ASSERT_EQUAL(zone_set_put(zs, 1, &r, 1, NULL, reason), LC_ETOOBIG);
    CU_ASSERT_STRING_EQUAL(reason, "too many edges lie beside or over each other: simplify");
    CU_ASSERT_EQUAL(zone_set_count(zs), 0);
    zone_set_destroy(zs);
}

/* What people do have: squares of a grid side by side, and circles that overlap. */
static void
test_zone_set_put_takes_grids_and_circles(void)
{
    enum { SIDE = 20, CORNERS = 24 };
    static struct latlng p[SIDE * SIDE][CORNERS + 1];
    struct zone_set *zs = zone_set_new();
    struct zone_ring r[SIDE * SIDE];

    for (int i = 0; i < SIDE * SIDE; i++) {
        square(p[i], i / SIDE * 20000, i % SIDE * 20000, 10000);
        r[i] = ring(p[i], 5, false);
    }
    CU_ASSERT_EQUAL(zone_set_put(zs, 1, r, SIDE * SIDE, NULL, NULL), LC_OK);
    for (int i = 0; i < SIDE * SIDE; i++) {
        for (int k = 0; k < CORNERS; k++) {
            double angle = 2 * M_PI * k / CORNERS;
            p[i][k] = (struct latlng){(int32_t)(15000 * sin(angle)) + i / SIDE * 20000,
                                      (int32_t)(15000 * cos(angle)) + i % SIDE * 20000};
        }
        p[i][CORNERS] = p[i][0];
        r[i] = ring(p[i], CORNERS + 1, false);
    }
    CU_ASSERT_EQUAL(zone_set_put(zs, 2, r, SIDE * SIDE, NULL, NULL), LC_OK);
    CU_ASSERT_TRUE(zone_covers(zs, 2, (struct latlng){200000, 200000}));
    zone_set_destroy(zs);
}

static void
test_zone_find_equals_asking_every_zone(void)
{
    enum { ZONES = 300 };
    struct zone_set *zs = zone_set_new();
    uint32_t ids[ZONES];
    size_t found;

    CU_ASSERT_EQUAL(zone_find(zs, (struct latlng){0, 0}, ids, ZONES, &found), LC_OK);
    CU_ASSERT_EQUAL(found, 0);
    for (int round = 0; round < 6; round++) {
        /* added, replaced and removed between the questions */
        for (int i = 0; i < ZONES; i++) {
            struct latlng point[RING_MAX];
            struct latlng centre = {(int32_t)below(1000000), (int32_t)below(1000000)};
            struct zone_ring r = ring(point, star(point, centre, 20000, 100000), false);
            uint32_t id = below(ZONES);
            if (below(4) == 0)
                (void)zone_set_remove(zs, id);
            else
                CU_ASSERT_EQUAL_FATAL(zone_set_put(zs, id, &r, 1, NULL, NULL), LC_OK);
        }
        for (int k = 0; k < 200; k++) {
            struct latlng p = {(int32_t)below(1000000), (int32_t)below(1000000)};
            size_t want = 0;
            uint32_t few[3];
            CU_ASSERT_EQUAL_FATAL(zone_find(zs, p, ids, ZONES, &found), LC_OK);
            for (uint32_t id = 0; id < ZONES; id++)
                if (zone_covers(zs, id, p)) {
                    CU_ASSERT_TRUE_FATAL(want < found && ids[want] == id);
                    want++;
                }
            CU_ASSERT_EQUAL_FATAL(found, want);
            CU_ASSERT_EQUAL_FATAL(zone_find(zs, p, few, 3, &found), LC_OK);
            CU_ASSERT_EQUAL_FATAL(found, want);
            for (size_t i = 0; i < found && i < 3; i++)
                CU_ASSERT_EQUAL_FATAL(few[i], ids[i]);
        }
    }
    zone_set_destroy(zs);
}

static void
test_zone_set_remove_forgets(void)
{
    struct latlng point[5];
    struct zone_set *zs = zone_set_new();
    size_t found = 9;

    square(point, 0, 0, 100);
    struct zone_ring r = ring(point, 5, false);
    CU_ASSERT_EQUAL(zone_set_remove(zs, 1), LC_ENOTFOUND);
    CU_ASSERT_EQUAL(zone_set_put(zs, 1, &r, 1, NULL, NULL), LC_OK);
    CU_ASSERT_EQUAL(zone_set_count(zs), 1);
    CU_ASSERT_EQUAL(zone_find(zs, (struct latlng){0, 0}, NULL, 0, &found), LC_OK);
    CU_ASSERT_EQUAL(found, 1);
    CU_ASSERT_EQUAL(zone_set_remove(zs, 1), LC_OK);
    CU_ASSERT_EQUAL(zone_set_count(zs), 0);
    CU_ASSERT_FALSE(zone_covers(zs, 1, (struct latlng){0, 0}));
    CU_ASSERT_EQUAL(zone_find(zs, (struct latlng){0, 0}, NULL, 0, &found), LC_OK);
    CU_ASSERT_EQUAL(found, 0);
    zone_set_destroy(zs);
}

static void
test_zone_reach_m_bounds_every_point(void)
{
    struct zone_set *zs = zone_set_new();

    for (int round = 0; round < 50; round++) {
        struct latlng centre = {(int32_t)below(1200000000) - 600000000, (int32_t)below(1000000000)};
        struct latlng point[RING_MAX];
        struct zone_ring r = ring(point, star(point, centre, 10000, 1000000), false);
        struct latlng store = {centre.lat_e7 + (int32_t)below(500000), centre.lng_e7};
        CU_ASSERT_EQUAL_FATAL(zone_set_put(zs, 1, &r, 1, NULL, NULL), LC_OK);
        double reach = zone_reach_m(zs, 1, store);
        for (int k = 0; k < 300; k++) {
            struct latlng p = probe(&r, 1, centre, 1000000);
            if (zone_covers(zs, 1, p))
                CU_ASSERT_TRUE_FATAL(geo_distance_m(store, p) <= reach);
        }
    }
    zone_set_destroy(zs);
}

UNIT_MAIN("zone", UNIT(test_zone_covers_agrees_with_geos_and_the_naive_test),
          UNIT(test_zone_set_put_repairs_rings_that_cross_themselves),
          UNIT(test_zone_set_put_repairs_a_bow_tie),
          UNIT(test_zone_covers_counts_the_boundary_of_holes_too),
          UNIT(test_zone_takes_several_polygons), UNIT(test_zone_set_put_says_why_not),
          UNIT(test_zone_set_put_keeps_its_limits),
          UNIT(test_zone_set_put_refuses_a_tangle_at_once),
          UNIT(test_zone_tangle_is_counted_as_soon_for_a_comb_as_for_one_on_its_side),
          UNIT(test_zone_set_put_takes_grids_and_circles),
          UNIT(test_zone_find_equals_asking_every_zone), UNIT(test_zone_set_remove_forgets),
          UNIT(test_zone_reach_m_bounds_every_point))
