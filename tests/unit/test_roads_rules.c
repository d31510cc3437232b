/* Who may go where: one block of streets, with the tags under test on one side of it.
 *
 *          D --- C
 *          |     |          100 m each; north is up
 *    P --- A === B --- Q
 *
 * From P to Q it is 300 m along A and B, and 500 m around by D and C. */
#include "roads/network.h"
#include "roads/tags.h"
#include "roads_rig.h"
#include "unit.h"

#define STEP 8993 /* 100 m in 1e-7 degrees, at the equator */
#define CAR (1U << TRAVEL_CAR)
#define VAN (1U << TRAVEL_VAN)
#define SCOOTER (1U << TRAVEL_SCOOTER)
#define BICYCLE (1U << TRAVEL_BICYCLE)
#define EBIKE (1U << TRAVEL_EBIKE)
#define FOOT (1U << TRAVEL_FOOT)
#define MOTOR (CAR | VAN | SCOOTER)

enum { P = 1, A, B, C, D, Q, MIDDLE };

static struct rig_node node[] = {
    {P, {0, -STEP}, NULL},         {A, {0, 0}, NULL},    {B, {0, STEP}, NULL},
    {C, {STEP, STEP}, NULL},       {D, {STEP, 0}, NULL}, {Q, {0, 2 * STEP}, NULL},
    {MIDDLE, {0, STEP / 2}, NULL},
};
static const int64_t pa[] = {P, A}, ab[] = {A, MIDDLE, B}, bq[] = {B, Q}, adcb[] = {A, D, C, B};
enum { WAY_PA = 100, WAY_AB, WAY_BQ, WAY_ADCB };
static char error[ROADS_ERROR_MAX];

/* A compiled map with what asking it needs. */
struct town {
    struct buf bytes;
    struct roads *r;
    struct roads_search *s;
};

static void
town_open(struct town *t, const struct rig_map *m, unsigned modes)
{
    struct buf file = {0};

    *t = (struct town){0};
    rig_write(m, &(struct rig_style){.dense = true}, &file);
    CU_ASSERT_EQUAL_FATAL(roads_build(buf_slice(&file), modes, &t->bytes, NULL, error), LC_OK);
    CU_ASSERT_EQUAL_FATAL(roads_view(buf_slice(&t->bytes), &t->r, error), LC_OK);
    t->s = roads_search_new(t->r);
    buf_free(&file);
}

static void
town_close(struct town *t)
{
    roads_search_free(t->s);
    roads_close(t->r);
    buf_free(&t->bytes);
}

/* block_open: the block above, with these tags on A-B and these restrictions. */
static void
block_open(struct town *t, const char *tags, const struct rig_relation *relation, size_t relations)
{
    const struct rig_way way[] = {
        {WAY_PA, "highway=residential|name=West Street", pa, 2},
        {WAY_AB, tags, ab, 3},
        {WAY_BQ, "highway=residential|name=East Street", bq, 2},
        {WAY_ADCB, "highway=residential|name=Back Street", adcb, 4},
    };
    const struct rig_map m = {node, 7, way, 4, relation, relations};

    town_open(t, &m, ROADS_ALL_MODES);
}

/* trip: between two nodes of the map. */
static struct roads_trip
trip(struct town *t, enum travel_mode mode, int from, int to)
{
    struct roads_spot a, b;
    struct roads_trip out = {0};

    CU_ASSERT_EQUAL(roads_snap(t->r, mode, node[from - 1].at, 200, &a), LC_OK);
    CU_ASSERT_EQUAL(roads_snap(t->r, mode, node[to - 1].at, 200, &b), LC_OK);
    CU_ASSERT_EQUAL(roads_route(t->s, mode, &a, &b, &out, NULL, NULL), LC_OK);
    return out;
}

static bool
straight(struct town *t, enum travel_mode mode, int from, int to)
{
    return trip(t, mode, from, to).cm < 40000;
}

static void
test_roads_build_access_and_one_way(void)
{
    /* Modes that go straight on, eastwards and westwards. */
    static const struct {
        const char *tags;
        unsigned east, west;
    } row[] = {
        {"highway=residential", MOTOR | BICYCLE | EBIKE | FOOT, MOTOR | BICYCLE | EBIKE | FOOT},
        {"highway=residential|oneway=yes", MOTOR | BICYCLE | EBIKE | FOOT, FOOT},
        {"highway=residential|oneway=-1", FOOT, MOTOR | BICYCLE | EBIKE | FOOT},
        {"highway=residential|oneway=yes|oneway:bicycle=no", MOTOR | BICYCLE | EBIKE | FOOT,
         BICYCLE | EBIKE | FOOT},
        {"highway=residential|oneway=yes|cycleway=opposite_lane", MOTOR | BICYCLE | EBIKE | FOOT,
         BICYCLE | EBIKE | FOOT},
        {"highway=residential|oneway:foot=yes", MOTOR | BICYCLE | EBIKE | FOOT,
         MOTOR | BICYCLE | EBIKE},
        {"highway=residential|junction=roundabout", MOTOR | BICYCLE | EBIKE | FOOT, FOOT},
        {"highway=motorway", CAR | VAN, 0},
        {"highway=residential|access=no", 0, 0},
        {"highway=residential|access=no|foot=yes", FOOT, FOOT},
        {"highway=residential|motor_vehicle=no", BICYCLE | EBIKE | FOOT, BICYCLE | EBIKE | FOOT},
        {"highway=residential|vehicle=no|motorcar=yes", CAR | FOOT, CAR | FOOT},
        {"highway=residential|access=private", 0, 0},
        {"highway=residential|motor_vehicle=destination", BICYCLE | EBIKE | FOOT,
         BICYCLE | EBIKE | FOOT},
        {"highway=residential|maxheight=2.3", CAR | SCOOTER | BICYCLE | EBIKE | FOOT,
         CAR | SCOOTER | BICYCLE | EBIKE | FOOT},
        {"highway=residential|maxweight=3", CAR | SCOOTER | BICYCLE | EBIKE | FOOT,
         CAR | SCOOTER | BICYCLE | EBIKE | FOOT},
        {"highway=residential|maxheight=6'6\"", SCOOTER | BICYCLE | EBIKE | FOOT,
         SCOOTER | BICYCLE | EBIKE | FOOT},
        {"highway=construction", 0, 0},
        {"highway=steps", FOOT, FOOT},
        {"highway=cycleway", BICYCLE | EBIKE, BICYCLE | EBIKE},
        {"building=yes", 0, 0},
    };

    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        struct town t;
        unsigned east = 0, west = 0;
        block_open(&t, row[i].tags, NULL, 0);
        for (unsigned k = 0; k < TRAVEL_MODES; k++) {
            east |= (unsigned)straight(&t, (enum travel_mode)k, P, Q) << k;
            west |= (unsigned)straight(&t, (enum travel_mode)k, Q, P) << k;
        }
        if (east != row[i].east || west != row[i].west)
            printf("%s: east %x for %x, west %x for %x\n", row[i].tags, east, row[i].east, west,
                   row[i].west);
        CU_ASSERT_EQUAL(east, row[i].east);
        CU_ASSERT_EQUAL(west, row[i].west);
        town_close(&t);
    }
}

/* The keys are searched by halves: each must be found. */
static void
test_tags_key_finds_every_key(void)
{
    static const char *const names[] = {
#define K(name, text) text,
        TAGS_KEYS(K)
#undef K
    };

    for (unsigned k = 0; k < KEY_COUNT; k++)
        CU_ASSERT_EQUAL(tags_key(slice_str(names[k])), k);
    CU_ASSERT_EQUAL(tags_key(SLICE_LIT("highwa")), KEY_COUNT);
    CU_ASSERT_EQUAL(tags_key(SLICE_LIT("")), KEY_COUNT);
}

static void
test_roads_build_barriers(void)
{
    static const struct {
        const char *tags;
        unsigned pass;
    } row[] = {
        {"barrier=bollard", BICYCLE | FOOT},
        {"barrier=gate", CAR | BICYCLE | FOOT},
        {"barrier=gate|access=no", 0},
        {"barrier=bollard|motor_vehicle=yes", CAR | BICYCLE | FOOT},
        {"barrier=wall", 0},
        {"barrier=height_restrictor|maxheight=1.9", BICYCLE | FOOT},
        {"barrier=height_restrictor|maxheight=2.2", CAR | BICYCLE | FOOT},
    };

    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        static const unsigned modes[] = {TRAVEL_CAR, TRAVEL_BICYCLE, TRAVEL_FOOT};
        struct town t;
        node[MIDDLE - 1].tags = row[i].tags;
        block_open(&t, "highway=residential", NULL, 0);
        for (size_t k = 0; k < 3; k++)
            CU_ASSERT_EQUAL(straight(&t, (enum travel_mode)modes[k], P, Q),
                            (row[i].pass & 1U << modes[k]) != 0);
        town_close(&t);
    }
    node[MIDDLE - 1].tags = NULL;
}

static void
test_roads_build_restrictions(void)
{
    enum { N = OSMPBF__RELATION__MEMBER_TYPE__NODE, W = OSMPBF__RELATION__MEMBER_TYPE__WAY };
    static const struct rig_member via_node[] = {
        {WAY_PA, "from", W}, {A, "via", N}, {WAY_AB, "to", W}};
    static const struct rig_member left[] = {
        {WAY_PA, "from", W}, {A, "via", N}, {WAY_ADCB, "to", W}};
    static const struct rig_member via_way[] = {
        {WAY_PA, "from", W}, {WAY_AB, "via", W}, {WAY_BQ, "to", W}};
    static const struct rig_member elsewhere[] = {
        {WAY_PA, "from", W}, {77, "via", W}, {WAY_BQ, "to", W}};
    /* straight: P to Q by car; at D: D to Q by car along A and B or not at all that way. */
    static const struct {
        const char *tags;
        const struct rig_member *member;
        bool car, foot;
    } row[] = {
        {"type=restriction|restriction=no_straight_on", via_node, false, true},
        {"type=restriction|restriction=no_straight_on|except=motorcar", via_node, true, true},
        {"type=restriction|restriction=no_straight_on|except=bus;motor_vehicle", via_node, true,
         true},
        {"type=restriction|restriction=only_left_turn", left, false, true},
        {"type=restriction|restriction=only_straight_on", via_node, true, true},
        {"type=restriction|restriction=no_right_turn_on_red", via_node, true, true},
        {"type=restriction|restriction:motorcar=no_straight_on", via_node, false, true},
        {"type=restriction|restriction=no_straight_on", via_way, false, true},
        {"type=restriction|restriction=no_straight_on", elsewhere, true, true},
        {"type=route|restriction=no_straight_on", via_node, true, true},
    };

    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        const struct rig_relation relation = {500, row[i].tags, row[i].member, 3};
        struct town t;
        block_open(&t, "highway=residential", &relation, 1);
        CU_ASSERT_EQUAL(straight(&t, TRAVEL_CAR, P, Q), row[i].car);
        CU_ASSERT_EQUAL(straight(&t, TRAVEL_FOOT, P, Q), row[i].foot);
        /* Nothing of it holds for those who come the other way. */
        CU_ASSERT_TRUE(straight(&t, TRAVEL_CAR, Q, P));
        /* Nor, along the restricted way itself, for those who start on it. */
        CU_ASSERT_TRUE(trip(&t, TRAVEL_CAR, MIDDLE, Q).cm < 16000);
        /* And the restricted street can still be reached: its end counts, however one comes. */
        CU_ASSERT_NOT_EQUAL(trip(&t, TRAVEL_CAR, P, MIDDLE).cm, ROADS_UNREACHABLE);
        town_close(&t);
    }
}

static void
test_roads_build_turns_and_lights_cost(void)
{
    struct town t;

    block_open(&t, "highway=residential", NULL, 0);
    /* Residential 25 km/h: 200 m take 28.8 s. Right costs a car 2.1 s, left 5.4 s. */
    uint32_t right = trip(&t, TRAVEL_CAR, MIDDLE, D).ms, left = trip(&t, TRAVEL_CAR, P, D).ms;
    CU_ASSERT_TRUE(abs((int)right - 23720) < 150);
    CU_ASSERT_TRUE(abs((int)left - 34180) < 150);
    /* A bicycle at 15 km/h: 36 and 48 s, and 6 s / 1.4 or x 1.4. */
    CU_ASSERT_TRUE(abs((int)trip(&t, TRAVEL_BICYCLE, MIDDLE, D).ms - 40290) < 150);
    CU_ASSERT_TRUE(abs((int)trip(&t, TRAVEL_BICYCLE, P, D).ms - 56400) < 150);
    CU_ASSERT_TRUE(abs((int)trip(&t, TRAVEL_FOOT, P, D).ms - 144000) < 150);
    town_close(&t);
    node[A - 1].tags = "highway=traffic_signals";
    block_open(&t, "highway=residential", NULL, 0);
    CU_ASSERT_EQUAL(trip(&t, TRAVEL_CAR, P, D).ms, left + 2000);
    CU_ASSERT_TRUE(abs((int)trip(&t, TRAVEL_FOOT, P, D).ms - 146000) < 150);
    town_close(&t);
    node[A - 1].tags = NULL;
    /* In the middle of a street a bicycle stops for people who cross. */
    node[MIDDLE - 1].tags = "highway=traffic_signals";
    block_open(&t, "highway=residential", NULL, 0);
    CU_ASSERT_TRUE(abs((int)trip(&t, TRAVEL_BICYCLE, A, B).ms - 24000 - 19143) < 150);
    CU_ASSERT_TRUE(abs((int)trip(&t, TRAVEL_FOOT, A, B).ms - 74000) < 150);
    town_close(&t);
    node[MIDDLE - 1].tags = NULL;
}

static void
test_roads_build_speeds(void)
{
    static const struct {
        const char *tags;
        enum travel_mode mode;
        double kmh;
    } row[] = {
        {"highway=primary", TRAVEL_CAR, 65},
        {"highway=primary", TRAVEL_SCOOTER, 45},
        {"highway=primary", TRAVEL_VAN, 58.5},
        {"highway=primary|maxspeed=50", TRAVEL_CAR, 40},
        {"highway=primary|maxspeed=30 mph", TRAVEL_CAR, 38.6},
        {"highway=primary|maxspeed=DE:urban", TRAVEL_CAR, 40},
        {"highway=primary|surface=cobblestone", TRAVEL_CAR, 30},
        {"highway=residential|smoothness=very_bad", TRAVEL_CAR, 20},
        {"highway=track|motor_vehicle=yes", TRAVEL_CAR, 10},
        {"highway=primary", TRAVEL_BICYCLE, 15},
        {"highway=primary", TRAVEL_EBIKE, 20},
        {"highway=residential|surface=sett", TRAVEL_BICYCLE, 9},
        {"highway=living_street|maxspeed=7", TRAVEL_BICYCLE, 7},
        {"highway=path", TRAVEL_BICYCLE, 13},
        {"highway=path|surface=gravel", TRAVEL_FOOT, 3.75},
        {"highway=footway", TRAVEL_FOOT, 5},
    };

    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        static const int64_t back[] = {B, C, D, A};
        const struct rig_way way[] = {{1, row[i].tags, ab, 3}, {2, row[i].tags, back, 4}};
        const struct rig_map m = {node, 7, way, 2, NULL, 0};
        struct town t;
        town_open(&t, &m, 1U << row[i].mode);
        struct roads_spot a = {0}, b = {0};
        struct roads_trip x;
        struct latlng near_a = {0, STEP / 10};
        CU_ASSERT_EQUAL(roads_snap(t.r, row[i].mode, near_a, 50, &a), LC_OK);
        CU_ASSERT_EQUAL(roads_snap(t.r, row[i].mode, node[MIDDLE - 1].at, 50, &b), LC_OK);
        CU_ASSERT_EQUAL(roads_route(t.s, row[i].mode, &a, &b, &x, NULL, NULL), LC_OK);
        double kmh = x.cm * 0.01 / (x.ms * 0.001) * 3.6;
        CU_ASSERT_TRUE(kmh > row[i].kmh * 0.99 && kmh < row[i].kmh * 1.01);
        if (kmh < row[i].kmh * 0.99 || kmh > row[i].kmh * 1.01)
            printf("%s: %.2f km/h, expected %.2f\n", row[i].tags, kmh, row[i].kmh);
        town_close(&t);
    }
}

static void
test_roads_build_ferry_takes_its_duration(void)
{
    static const int64_t ferry[] = {A, B};
    static const struct rig_way way[] = {
        {1, "highway=residential", pa, 2},
        {2, "route=ferry|duration=00:10", ferry, 2},
        {3, "highway=residential", bq, 2},
    };
    const struct rig_map m = {node, 7, way, 3, NULL, 0};
    struct town t;
    struct roads_spot spot;

    town_open(&t, &m, FOOT);
    CU_ASSERT_TRUE(abs((int)trip(&t, TRAVEL_FOOT, P, Q).ms - 744000) < 2000);
    /* In the middle of the water one is at the pier. */
    CU_ASSERT_EQUAL(roads_snap(t.r, TRAVEL_FOOT, (struct latlng){0, STEP / 3}, 200, &spot), LC_OK);
    CU_ASSERT_EQUAL(spot.at.lng_e7, 0);
    town_close(&t);
}

/* Whoever says that they are at a pole must not be looked for around it for hours. */
static void
test_roads_snap_is_done_at_once_far_from_the_map(void)
{
    static const struct latlng far_off[] = {{900000000, 0},    {-900000000, 1800000000},
                                            {899999999, STEP}, {899000000, -1800000000},
                                            {0, 1800000000},   {-STEP, -1800000000}};
    static const struct rig_way way[] = {{1, "highway=residential", pa, 2}};
    const struct rig_map m = {node, 7, way, 1, NULL, 0};
    struct town t;
    struct roads_spot spot;

    town_open(&t, &m, CAR | FOOT);
    for (size_t i = 0; i < sizeof far_off / sizeof *far_off; i++)
        CU_ASSERT_EQUAL(roads_snap(t.r, TRAVEL_CAR, far_off[i], 2000, &spot), LC_ENOTFOUND);
    town_close(&t);
}

static void
test_roads_snap_passes_over_islands(void)
{
    static struct rig_node with_island[9];
    static const int64_t island[] = {8, 9};
    static const struct rig_way way[] = {
        {1, "highway=residential", adcb, 4},
        {2, "highway=residential", ab, 3},
        {3, "highway=residential", island, 2},
        {4, "highway=residential", pa, 2},
    };
    struct town t;
    struct roads_spot spot;

    memcpy(with_island, node, sizeof node);
    with_island[7] = (struct rig_node){8, {-STEP / 5, 0}, NULL};
    with_island[8] = (struct rig_node){9, {-STEP / 5, STEP}, NULL};
    const struct rig_map m = {with_island, 9, way, 4, NULL, 0};
    town_open(&t, &m, CAR | FOOT);
    CU_ASSERT_EQUAL(roads_snap(t.r, TRAVEL_CAR, (struct latlng){-STEP / 4, STEP / 4}, 100, &spot),
                    LC_OK);
    CU_ASSERT_EQUAL(spot.at.lat_e7, 0);
    CU_ASSERT_TRUE(abs((int)spot.away_cm - 2500) < 20);
    CU_ASSERT_EQUAL(roads_snap(t.r, TRAVEL_CAR, (struct latlng){-STEP / 4, STEP / 4}, 20, &spot),
                    LC_ENOTFOUND);
    CU_ASSERT_EQUAL(roads_snap(t.r, TRAVEL_VAN, node[0].at, 20, &spot), LC_EINVAL);
    CU_ASSERT_EQUAL(roads_snap(t.r, TRAVEL_CAR, (struct latlng){GEO_LAT_MAX_E7 + 1, 0}, 20, &spot),
                    LC_EINVAL);
    town_close(&t);
}

static void
test_roads_directions_names_streets(void)
{
    struct town t;
    struct roads_spot a, b;
    struct roads_course c;
    uint64_t ms = 0, cm = 0;

    block_open(&t, "highway=residential|name=Middle Street", NULL, 0);
    CU_ASSERT_EQUAL(roads_snap(t.r, TRAVEL_CAR, node[P - 1].at, 50, &a), LC_OK);
    CU_ASSERT_EQUAL(roads_snap(t.r, TRAVEL_CAR, node[Q - 1].at, 50, &b), LC_OK);
    CU_ASSERT_EQUAL(roads_directions(t.s, TRAVEL_CAR, &a, &b, &c), LC_OK);
    CU_ASSERT_EQUAL_FATAL(c.legs, 3);
    CU_ASSERT_STRING_EQUAL(c.leg[0].street, "West Street");
    CU_ASSERT_STRING_EQUAL(c.leg[1].street, "Middle Street");
    CU_ASSERT_STRING_EQUAL(c.leg[2].street, "East Street");
    for (size_t i = 0; i < c.legs; i++) {
        ms += c.leg[i].ms;
        cm += c.leg[i].cm;
    }
    CU_ASSERT_EQUAL(ms, c.trip.ms);
    CU_ASSERT_EQUAL(cm, c.trip.cm);
    /* In 1e-5 degrees: 0,-90; then east by 90, 45, 45 and 90. */
    CU_ASSERT_TRUE(slice_eq_str(buf_slice(&c.polyline), "?rD?sD?yA?yA?sD"));
    roads_course_free(&c);
    town_close(&t);
}

static void
test_roads_area_is_what_is_reached(void)
{
    struct town t;
    struct roads_spot a;
    struct buf small = {0}, large = {0};

    block_open(&t, "highway=residential", NULL, 0);
    CU_ASSERT_EQUAL(roads_snap(t.r, TRAVEL_FOOT, node[P - 1].at, 50, &a), LC_OK);
    /* 100 s on foot are 139 m: into A-B, not to B. */
    CU_ASSERT_EQUAL(roads_area(t.s, TRAVEL_FOOT, &a, 100000, 20, &small), LC_OK);
    CU_ASSERT_EQUAL(roads_area(t.s, TRAVEL_FOOT, &a, 1000000, 20, &large), LC_OK);
    CU_ASSERT_EQUAL(memcmp(small.p, "{\"type\":\"Polygon\"", 17), 0);
    CU_ASSERT_EQUAL(memcmp(large.p, "{\"type\":\"Polygon\"", 17), 0);
    CU_ASSERT_PTR_NULL(memmem(small.p, small.n, "[0.0018", 7));
    CU_ASSERT_PTR_NOT_NULL(memmem(large.p, large.n, "[0.00", 5));
    CU_ASSERT_EQUAL(roads_area(t.s, TRAVEL_FOOT, &a, 100000, 0, &small), LC_EINVAL);
    buf_free(&small);
    buf_free(&large);
    town_close(&t);
}

/* A road of days is several nodes; which of its stretches comes first in the file does not matter.
 */
static void
test_roads_build_takes_a_road_of_days(void)
{
    enum { STRETCHES = 6, DEGREES = 10 };
    static const size_t order[STRETCHES] = {3, 1, 5, 0, 2, 4};
    struct rig_node along[STRETCHES + 1];
    int64_t ref[STRETCHES][2];
    struct rig_way stretch[STRETCHES];
    struct roads_spot from, to;
    struct roads_trip trip;
    struct town t;

    for (int i = 0; i <= STRETCHES; i++)
        along[i] = (struct rig_node){i + 1, {0, i * DEGREES * 10000000}, NULL};
    for (size_t i = 0; i < STRETCHES; i++) {
        ref[i][0] = (int64_t)order[i] + 1;
        ref[i][1] = (int64_t)order[i] + 2;
        stretch[i] = (struct rig_way){(int64_t)i + 1, "highway=residential", ref[i], 2};
    }
    const struct rig_map m = {along, STRETCHES + 1, stretch, STRETCHES, NULL, 0};
    town_open(&t, &m, FOOT);
    CU_ASSERT_EQUAL(roads_snap(t.r, TRAVEL_FOOT, along[0].at, 10, &from), LC_OK);
    CU_ASSERT_EQUAL(roads_snap(t.r, TRAVEL_FOOT, along[STRETCHES].at, 10, &to), LC_OK);
    CU_ASSERT_EQUAL(roads_route(t.s, TRAVEL_FOOT, &from, &to, &trip, NULL, NULL), LC_OK);
    CU_ASSERT_EQUAL(trip.ms, STRETCHES * (uint32_t)EDGE_COST_MAX);
    CU_ASSERT_EQUAL(roads_route(t.s, TRAVEL_FOOT, &to, &from, &trip, NULL, NULL), LC_OK);
    CU_ASSERT_EQUAL(trip.ms, STRETCHES * (uint32_t)EDGE_COST_MAX);
    town_close(&t);
}

UNIT_MAIN("roads_rules", UNIT(test_tags_key_finds_every_key),
          UNIT(test_roads_build_access_and_one_way), UNIT(test_roads_build_barriers),
          UNIT(test_roads_build_restrictions), UNIT(test_roads_build_turns_and_lights_cost),
          UNIT(test_roads_build_speeds), UNIT(test_roads_build_takes_a_road_of_days),
          UNIT(test_roads_build_ferry_takes_its_duration),
          UNIT(test_roads_snap_is_done_at_once_far_from_the_map),
          UNIT(test_roads_snap_passes_over_islands), UNIT(test_roads_directions_names_streets),
          UNIT(test_roads_area_is_what_is_reached))
