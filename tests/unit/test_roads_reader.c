/* Reading .osm.pbf: every way to write one map gives the same roads; what cannot be read is refused
 * with a reason, never half read. */
#include "roads_rig.h"
#include "unit.h"

#define E7(x) ((int32_t)((x)*1e7))
#define AT(lat, lng)                                                                               \
    {                                                                                              \
        E7(lat), E7(lng)                                                                           \
    }

static char error[ROADS_ERROR_MAX];

/* A street of three nodes, a bend, a crossing street, and one way whose last node is elsewhere. */
static const struct rig_node nodes[] = {
    {10, AT(52.5000, 13.4000), NULL},
    {20, AT(52.5000, 13.4010), NULL},
    {30, AT(52.5000, 13.4020), "highway=traffic_signals"},
    {40, AT(52.5010, 13.4010), NULL},
    {50, AT(52.5020, 13.4010), "name=no road|note=not ours"},
    {60, AT(52.4990, 13.4010), NULL},
};
static const int64_t high_street[] = {10, 20, 30};
static const int64_t cross_street[] = {60, 20, 40, 50};
static const int64_t clipped[] = {30, 999, 40, 50};
static const struct rig_way ways[] = {
    {1, "highway=residential|name=High Street", high_street, 3},
    {2, "highway=residential|name=Cross Street", cross_street, 4},
    {3, "highway=residential|name=Clipped Street", clipped, 4},
};
static const struct rig_map little = {nodes, 6, ways, 3, NULL, 0};

static enum lc_err
compile(struct slice file, struct buf *out, struct roads_report *r)
{
    return roads_build(file, 1U << TRAVEL_CAR | 1U << TRAVEL_FOOT, out, r, error);
}

/* trip_ms: on foot from High Street's beginning to Cross Street's end. */
static uint32_t
trip_ms(struct slice bytes)
{
    struct roads *r;
    struct roads_spot a, b;
    struct roads_trip t = {0};

    CU_ASSERT_EQUAL_FATAL(roads_view(bytes, &r, error), LC_OK);
    struct roads_search *s = roads_search_new(r);
    CU_ASSERT_EQUAL(roads_snap(r, TRAVEL_FOOT, nodes[0].at, 50, &a), LC_OK);
    CU_ASSERT_EQUAL(roads_snap(r, TRAVEL_FOOT, nodes[4].at, 50, &b), LC_OK);
    CU_ASSERT_EQUAL(roads_route(s, TRAVEL_FOOT, &a, &b, &t, NULL, NULL), LC_OK);
    CU_ASSERT_STRING_EQUAL(roads_name(r, a.edge[0].edge), "High Street");
    roads_search_free(s);
    roads_close(r);
    return t.ms;
}

static void
test_roads_build_reads_every_style(void)
{
    static const struct rig_style styles[] = {
        {0},
        {.dense = true},
        {.zlib = true},
        {.dense = true, .zlib = true},
        {.backwards = true},
        {.backwards = true, .dense = true, .zlib = true, .per_block = 2},
        {.per_block = 1},
    };

    for (size_t i = 0; i < sizeof styles / sizeof *styles; i++) {
        struct buf file = {0}, out = {0};
        struct roads_report r;
        rig_write(&little, &styles[i], &file);
        CU_ASSERT_EQUAL_FATAL(compile(buf_slice(&file), &out, &r), LC_OK);
        CU_ASSERT_EQUAL(r.ways, 3);
        CU_ASSERT_EQUAL(r.missing, 1);
        /* High Street 2; Cross Street 3, of which Clipped Street's end is one more. */
        CU_ASSERT_EQUAL(r.roads, 6);
        /* 67.7 m + 222.4 m at 5 km/h */
        CU_ASSERT_TRUE(abs((int)trip_ms(buf_slice(&out)) - 208870) < 300);
        buf_free(&out);
        buf_free(&file);
    }
}

static void
expect_refused(struct slice file, const char *word)
{
    struct buf out = {0};

    buf_str(&out, "before");
    CU_ASSERT_EQUAL(compile(file, &out, NULL), LC_EINVAL);
    CU_ASSERT_PTR_NOT_NULL(strstr(error, word));
    if (strstr(error, word) == NULL)
        printf("expected '%s' in '%s'\n", word, error);
    CU_ASSERT_EQUAL(out.n, 6);
    buf_free(&out);
}

static void
test_roads_build_names_what_it_does_not_read(void)
{
    static const struct {
        struct rig_style style;
        const char *word;
    } row[] = {
        {{.lz4 = true}, "LZ4"},
        {{.feature = "HistoricalInformation"}, "HistoricalInformation"},
    };
    struct buf file = {0};

    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        buf_reset(&file);
        rig_write(&little, &row[i].style, &file);
        expect_refused(buf_slice(&file), row[i].word);
    }
    expect_refused(SLICE_LIT(""), "empty");
    expect_refused(SLICE_LIT("<?xml version='1.0'?><osm version='0.6'></osm>"), "not an .osm.pbf");
    expect_refused(SLICE_LIT("\0\0\0\5hello, this is not it"), "not an .osm.pbf");
    buf_free(&file);
}

static void
test_roads_build_needs_roads_of_the_mode(void)
{
    static const struct rig_way path[] = {{1, "highway=footway", high_street, 3}};
    static const struct rig_way none[] = {{1, "building=yes", high_street, 3}};
    const struct rig_map only_feet = {nodes, 6, path, 1, NULL, 0};
    const struct rig_map nothing = {nodes, 6, none, 1, NULL, 0};
    struct buf file = {0};

    rig_write(&only_feet, &(struct rig_style){0}, &file);
    expect_refused(buf_slice(&file), "no road for car");
    buf_reset(&file);
    rig_write(&nothing, &(struct rig_style){0}, &file);
    expect_refused(buf_slice(&file), "no road");
    buf_free(&file);
}

static void
test_roads_build_refuses_places_off_the_earth(void)
{
    struct rig_node off[6];
    const struct rig_map m = {off, 6, ways, 3, NULL, 0};
    struct buf file = {0};

    memcpy(off, nodes, sizeof off);
    off[2].at.lat_e7 = GEO_LAT_MAX_E7 + 1;
    rig_write(&m, &(struct rig_style){.dense = true}, &file);
    expect_refused(buf_slice(&file), "node 30");
    expect_refused(buf_slice(&file), "block 1");
    buf_free(&file);
}

/* Cut off anywhere, a file is refused: but behind a whole block, where the rest of the ways may be
 * missing, nobody can know. */
static void
test_roads_build_refuses_truncated_files(void)
{
    struct buf real = rig_file(LC_CITY_DATA "/baltimore.osm.pbf");
    size_t refused = 0, tried = 0;

    CU_ASSERT_TRUE_FATAL(real.n > 600000);
    for (size_t n = 0; n < real.n; n += 1000, tried++) {
        struct buf out = {0};
        enum lc_err err = compile(slice_of(real.p, n), &out, NULL);
        refused += err == LC_EINVAL && error[0] != '\0' && out.n == 0;
        buf_free(&out);
    }
    CU_ASSERT_EQUAL(refused, tried);
    buf_free(&real);
}

/* Whatever is done to the bytes: an answer or a reason, and no harm (run under ASan and UBSan). */
static void
test_roads_build_survives_changed_bytes(void)
{
    static const struct rig_style styles[] = {{0}, {.dense = true}, {.zlib = true, .per_block = 2}};
    uint64_t z = 99;

    for (size_t i = 0; i < sizeof styles / sizeof *styles; i++) {
        struct buf file = {0};
        rig_write(&little, &styles[i], &file);
        for (int k = 0; k < 700; k++) {
            struct buf out = {0}, changed = {0};
            buf_append(&changed, file.p, file.n);
            for (int c = 0; c <= k % 3; c++) {
                z = z * 6364136223846793005U + 1442695040888963407U;
                changed.p[(z >> 33) % changed.n] = (char)(z >> 20);
            }
            enum lc_err err = compile(buf_slice(&changed), &out, NULL);
            CU_ASSERT_TRUE(err == LC_OK || (err == LC_EINVAL && error[0] != '\0'));
            buf_free(&changed);
            buf_free(&out);
        }
        buf_free(&file);
    }
}

UNIT_MAIN("roads_reader", UNIT(test_roads_build_reads_every_style),
          UNIT(test_roads_build_names_what_it_does_not_read),
          UNIT(test_roads_build_needs_roads_of_the_mode),
          UNIT(test_roads_build_refuses_places_off_the_earth),
          UNIT(test_roads_build_refuses_truncated_files),
          UNIT(test_roads_build_survives_changed_bytes))
