/* The way behind a travel time: its line, its streets, and what a provider without streets says.
 *
 *          D --- C
 *          |     |          100 m each; north is up
 *    P --- A     B --- Q */
#include "base/polyline.h"
#include "roads_rig.h"
#include "unit.h"

#define STEP 8993 /* 100 m in 1e-7 degrees, at the equator */

enum { P = 1, A, B, C, D, Q };

static struct rig_node node[] = {
    {P, {0, -STEP}, NULL},   {A, {0, 0}, NULL},    {B, {0, STEP}, NULL},
    {C, {STEP, STEP}, NULL}, {D, {STEP, 0}, NULL}, {Q, {0, 2 * STEP}, NULL},
};
static const int64_t pa[] = {P, A}, adcb[] = {A, D, C, B}, bq[] = {B, Q};

static struct buf map;
static struct roads *roads;
static struct roads_travel provider;

static void
town_open(void)
{
    static const struct rig_way way[] = {
        {100, "highway=residential|name=West Street", pa, 2},
        {101, "highway=residential|name=Back Street", adcb, 4},
        {102, "highway=residential", bq, 2},
    };
    const struct rig_map m = {node, 6, way, 3, NULL, 0};
    struct buf file = {0};
    char error[ROADS_ERROR_MAX];

    rig_write(&m, &(struct rig_style){.dense = true}, &file);
    CU_ASSERT_EQUAL_FATAL(
        roads_build(buf_slice(&file), 1U << TRAVEL_CAR | 1U << TRAVEL_FOOT, &map, NULL, error),
        LC_OK);
    CU_ASSERT_EQUAL_FATAL(roads_view(buf_slice(&map), &roads, error), LC_OK);
    CU_ASSERT_EQUAL_FATAL(roads_travel_init(&provider, roads, ROADS_SNAP_M), LC_OK);
    buf_free(&file);
}

static void
town_close(void)
{
    roads_travel_free(&provider);
    roads_close(roads);
    buf_free(&map);
}

static enum lc_err
course(enum travel_mode mode, struct latlng from, struct latlng to, struct travel_course *out)
{
    *out = (struct travel_course){0};
    return provider.travel.course(&provider.travel, from, to, mode, 0, out);
}

static void
test_course_is_the_way_behind_the_cell(void)
{
    const struct latlng expected[] = {{0, -STEP},   {0, 0},    {STEP, 0},
                                      {STEP, STEP}, {0, STEP}, {0, 2 * STEP}};
    struct travel_cell cell;
    enum travel_quality quality;
    struct travel_course c;
    struct buf line = {0};
    struct polyline pen = {.out = &line};

    town_open();
    const struct latlng from = node[P - 1].at, to = node[Q - 1].at;
    CU_ASSERT_EQUAL_FATAL(course(TRAVEL_CAR, from, to, &c), LC_OK);
    CU_ASSERT_EQUAL(
        provider.travel.matrix(&provider.travel, &from, 1, &to, 1, TRAVEL_CAR, 0, &cell, &quality),
        LC_OK);
    CU_ASSERT_EQUAL(c.cell.seconds, cell.seconds);
    CU_ASSERT_EQUAL(c.cell.metres, cell.metres);
    CU_ASSERT_EQUAL_FATAL(c.streets, 3);
    CU_ASSERT_STRING_EQUAL(c.street[0].name, "West Street");
    CU_ASSERT_STRING_EQUAL(c.street[1].name, "Back Street");
    CU_ASSERT_STRING_EQUAL(c.street[2].name, "");
    CU_ASSERT_EQUAL(c.street[0].metres, 100);
    CU_ASSERT_EQUAL(c.street[1].metres, 300);
    for (size_t i = 0; i < 6; i++)
        polyline_put(&pen, expected[i]);
    CU_ASSERT_TRUE(slice_eq(buf_slice(&c.line), buf_slice(&line)));
    buf_free(&line);
    travel_course_free(&c);
    town_close();
}

static void
test_course_says_where_there_is_none(void)
{
    const struct latlng far = {500000000, 0}, nowhere = {1000000000, 0};
    struct travel_course c;

    town_open();
    CU_ASSERT_EQUAL(course(TRAVEL_CAR, node[0].at, far, &c), LC_ENOTFOUND);
    CU_ASSERT_EQUAL(course(TRAVEL_CAR, nowhere, node[0].at, &c), LC_EINVAL);
    CU_ASSERT_EQUAL(course(TRAVEL_BICYCLE, node[0].at, node[1].at, &c), LC_ENOTFOUND);
    CU_ASSERT_EQUAL(course(TRAVEL_FOOT, node[0].at, node[0].at, &c), LC_OK); /* there already */
    CU_ASSERT(c.line.n > 0);
    travel_course_free(&c);
    town_close();
}

static void
test_straight_is_two_ends_and_no_street(void)
{
    struct travel_course c = {0};
    struct buf line = {0};
    struct polyline pen = {.out = &line};

    CU_ASSERT_EQUAL(travel_straight(node[P - 1].at, node[Q - 1].at, TRAVEL_CAR, &c), LC_OK);
    polyline_put(&pen, node[P - 1].at);
    polyline_put(&pen, node[Q - 1].at);
    CU_ASSERT_TRUE(slice_eq(buf_slice(&c.line), buf_slice(&line)));
    CU_ASSERT_EQUAL(c.cell.metres, 300);
    CU_ASSERT_EQUAL(c.streets, 0);
    travel_course_free(&c);
    CU_ASSERT_EQUAL(travel_straight((struct latlng){1000000000, 0}, node[0].at, TRAVEL_CAR, &c),
                    LC_EINVAL);
    CU_ASSERT_PTR_NULL(travel_estimate()->course);
    buf_free(&line);
}

/* The example of the format's description. */
static void
test_polyline_is_googles(void)
{
    const struct latlng at[] = {
        {385000000, -1202000000}, {407000000, -1209500000}, {432520000, -1264530000}};
    struct buf line = {0};
    struct polyline pen = {.out = &line};

    for (size_t i = 0; i < 3; i++) {
        polyline_put(&pen, at[i]);
        polyline_put(&pen, at[i]);
    }
    CU_ASSERT_TRUE(slice_eq_str(buf_slice(&line), "_p~iF~ps|U_ulLnnqC_mqNvxq`@"));
    CU_ASSERT_EQUAL(pen.points, 3);
    buf_free(&line);
}

UNIT_MAIN("courses", UNIT(test_course_is_the_way_behind_the_cell),
          UNIT(test_course_says_where_there_is_none), UNIT(test_straight_is_two_ends_and_no_street),
          UNIT(test_polyline_is_googles))
