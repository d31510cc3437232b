#include "base/geojson.h"
#include "unit.h"

static struct arena *arena;
static struct json_in in;

static bool
read_zone(const char *text, struct zone_ring **ring, size_t *rings)
{
    arena_reset(arena);
    CU_ASSERT_EQUAL_FATAL(json_in_parse(&in, arena, slice_str(text), &json_limits_default), LC_OK);
    struct json_at feature = json_in_root(&in);
    return geojson_zone(&in, &feature, "geometry", JSON_REQUIRED, ring, rings);
}

static void
test_geojson_zone_reads_a_polygon_with_a_hole(void)
{
    struct zone_ring *ring;
    size_t rings;

    CU_ASSERT_TRUE_FATAL(read_zone("{\"geometry\":{\"type\":\"Polygon\",\"coordinates\":["
                                   "[[0,0],[3,0],[3,3,99],[0,3],[0,0]],"
                                   "[[1,1],[2,1],[2,2],[1.5,1.25],[1,1]]]}}",
                                   &ring, &rings));
    CU_ASSERT_EQUAL(rings, 2);
    CU_ASSERT_FALSE(ring[0].hole);
    CU_ASSERT_TRUE(ring[1].hole);
    CU_ASSERT_EQUAL(ring[1].n, 5);
    CU_ASSERT_EQUAL(ring[1].point[3].lat_e7, 12500000);
    CU_ASSERT_EQUAL(ring[1].point[3].lng_e7, 15000000);
    CU_ASSERT_EQUAL(in.error_n, 0);

    struct zone_set *zs = zone_set_new();
    CU_ASSERT_EQUAL(zone_set_put(zs, 1, ring, rings, NULL, NULL), LC_OK);
    CU_ASSERT_TRUE(zone_covers(zs, 1, (struct latlng){5000000, 5000000}));
    CU_ASSERT_FALSE(zone_covers(zs, 1, (struct latlng){12000000, 17000000}));
    zone_set_destroy(zs);
}

static void
test_geojson_zone_reads_a_multipolygon(void)
{
    struct zone_ring *ring;
    size_t rings;

    CU_ASSERT_TRUE_FATAL(read_zone("{\"geometry\":{\"type\":\"MultiPolygon\",\"coordinates\":["
                                   "[[[0,0],[3,0],[3,3],[0,0]],[[1,1],[2,1],[2,2],[1,1]]],"
                                   "[[[5,5],[6,5],[6,6],[5,5]]]]}}",
                                   &ring, &rings));
    CU_ASSERT_EQUAL(rings, 3);
    CU_ASSERT_TRUE(!ring[0].hole && ring[1].hole && !ring[2].hole);
}

static void
test_geojson_zone_names_the_wrong_place(void)
{
    static const struct {
        const char *text, *field, *error;
    } row[] = {
        {"{}", "geometry", "is required"},
        {"{\"geometry\":[]}", "geometry", "expected an object, got an array"},
        {"{\"geometry\":{\"type\":\"Point\"}}", "geometry.type",
         "expected one of \"Polygon\", \"MultiPolygon\", got \"Point\""},
        {"{\"geometry\":{\"type\":\"Polygon\"}}", "geometry.coordinates", "is required"},
        {"{\"geometry\":{\"type\":\"Polygon\",\"coordinates\":[]}}", "geometry.coordinates",
         "expected 1 to 500 elements, got 0"},
        {"{\"geometry\":{\"type\":\"Polygon\",\"coordinates\":[[[0,0],[1,1],[0,0]]]}}",
         "geometry.coordinates[0]", "expected 4 to 10000 elements, got 3"},
        {"{\"geometry\":{\"type\":\"Polygon\",\"coordinates\":[[[0,0],[1,1],[1,\"x\"],[0,0]]]}}",
         "geometry.coordinates[0][2][1]", "expected a number from -90 to 90, got \"x\""},
        {"{\"geometry\":{\"type\":\"Polygon\",\"coordinates\":[[[0,0],[181,1],[1,2],[0,0]]]}}",
         "geometry.coordinates[0][1][0]", "expected a number from -180 to 180, got 181"},
        {"{\"geometry\":{\"type\":\"Polygon\",\"coordinates\":[[[0,0],[1],[1,2],[0,0]]]}}",
         "geometry.coordinates[0][1]", "expected 2 to 3 elements, got 1"},
        {"{\"geometry\":{\"type\":\"MultiPolygon\",\"coordinates\":[[[[0,0],{},[1,2],[0,0]]]]}}",
         "geometry.coordinates[0][0][1]", "expected an array, got an object"},
    };
    struct zone_ring *ring;
    size_t rings;

    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        CU_ASSERT_FALSE(read_zone(row[i].text, &ring, &rings));
        CU_ASSERT_EQUAL_FATAL(in.error_n, 1);
        CU_ASSERT_STRING_EQUAL(in.error[0].field, row[i].field);
        CU_ASSERT_STRING_EQUAL(in.error[0].error, row[i].error);
    }
}

static void
test_geojson_zone_bounds_all_rings_together(void)
{
    struct buf b = {0};
    struct zone_ring *ring;
    size_t rings;

    buf_str(&b, "{\"geometry\":{\"type\":\"Polygon\",\"coordinates\":[");
    for (int r = 0; r < 3; r++) {
        buf_str(&b, r == 0 ? "[" : ",[");
        for (int i = 0; i < 4000; i++)
            buf_printf(&b, "%s[%d,1]", i == 0 ? "" : ",", i % 90);
        buf_str(&b, "]");
    }
    buf_str(&b, "]}}");
    buf_char(&b, '\0');
    CU_ASSERT_FALSE(read_zone(b.p, &ring, &rings));
    CU_ASSERT_STRING_EQUAL(in.error[0].field, "geometry.coordinates[2]");
    CU_ASSERT_STRING_EQUAL(in.error[0].error, "a zone has at most 500 rings and 10000 points");
    buf_free(&b);
}

static void
test_geojson_point_reads_longitude_first(void)
{
    struct latlng p;

    arena_reset(arena);
    CU_ASSERT_EQUAL_FATAL(
        json_in_parse(&in, arena,
                      SLICE_LIT("{\"type\":\"Point\",\"coordinates\":[-76.58852,39.263711]}"),
                      &json_limits_default),
        LC_OK);
    struct json_at at = json_in_root(&in);
    CU_ASSERT_TRUE(geojson_point(&in, &at, NULL, JSON_REQUIRED, &p));
    CU_ASSERT_EQUAL(p.lat_e7, 392637110);
    CU_ASSERT_EQUAL(p.lng_e7, -765885200);
    CU_ASSERT_FALSE(geojson_zone(&in, &at, NULL, JSON_REQUIRED, NULL, NULL));
    CU_ASSERT_STRING_EQUAL(in.error[0].field, "type");
}

int
main(void)
{
    static const struct unit_test tests[] = {
        UNIT(test_geojson_zone_reads_a_polygon_with_a_hole),
        UNIT(test_geojson_zone_reads_a_multipolygon),
        UNIT(test_geojson_zone_names_the_wrong_place),
        UNIT(test_geojson_zone_bounds_all_rings_together),
        UNIT(test_geojson_point_reads_longitude_first),
    };

    arena = arena_new(16 << 20);
    int rc = unit_main("geojson", tests, sizeof tests / sizeof *tests);
    arena_destroy(arena);
    return rc;
}
