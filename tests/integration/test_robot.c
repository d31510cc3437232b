/* A robot courier (services/lcctl/robot.c), spoken to as the notifier speaks to it. */
#include "unit/unit.h"

#include "base/wire.h"
#include "lcctl/robots.h"
#include "lcctl/show.h"

#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#define ORDER "00000000-0000-8000-8000-000000000001"
#define OTHER "00000000-0000-8000-8000-000000000002"
#define STOP(kind, order, accepted)                                                                \
    "{\"kind\":\"" kind "\",\"order_id\":\"" order "\",\"external_order_id\":\"x\","               \
    "\"accepted\":" accepted ",\"lat\":39.28,\"lng\":-76.59,\"store\":{\"lat\":39.28,"             \
    "\"lng\":-76.59}}"
#define FAR_AWAY                                                                                   \
    "{\"kind\":\"dropoff\",\"order_id\":\"" ORDER "\",\"external_order_id\":\"x\","                \
    "\"accepted\":true,\"lat\":39.285,\"lng\":-76.575}"
#define ROUTE(version, stops) "{\"type\":\"route\",\"version\":" version ",\"stops\":[" stops "]}"

static char said[ROBOT_MESSAGE]; /* what it said last */
static struct latlng place;      /* where it said that it is */
static int places;               /* how often */

void
line_say(struct robot_line *l, const char *format, ...)
{
    char text[ROBOT_MESSAGE];
    va_list ap;

    (void)l;
    va_start(ap, format);
    vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    const char *lat = strstr(text, "\"lat\":"), *lng = strstr(text, "\"lng\":");
    if (strstr(text, "\"position\"") == NULL)
        memcpy(said, text, sizeof said);
    else if (lat != NULL && lng != NULL &&
             geo_of_degrees(strtod(lat + 6, NULL), strtod(lng + 6, NULL), &place))
        places++;
}

int
show_json(struct buf *b)
{
    buf_free(b);
    return 0;
}

static struct ctl ctl = {.json = true};
static struct robots all = {.ctl = &ctl, .speed = 60, .vehicle = "bicycle"};
static struct robot robot;
static int64_t now_ms;
static const struct latlng home = {392800000, -765900000}, far = {392850000, -765750000};

static void
hear(const char *message)
{
    robot_message(&robot, slice_str(message), now_ms);
}

/* answer: what it said last is done. */
static void
answer(void)
{
    char text[128];

    snprintf(text, sizeof text, "{\"type\":\"done\",\"id\":\"r%u\",\"outcome\":\"done\"}",
             robot.actions);
    hear(text);
}

/* says: half a minute later, is this what it does? */
static bool
says(const char *action, const char *order)
{
    char type[40];

    now_ms += 30000;
    said[0] = '\0';
    robot_think(&robot, now_ms);
    snprintf(type, sizeof type, "\"type\":\"%s\"", action);
    return strstr(said, type) != NULL && strstr(said, order) != NULL;
}

static void
begin(void)
{
    ctl.arena = arena_new(1 << 20);
    CU_ASSERT_PTR_NOT_NULL_FATAL(ctl.arena);
    robot_free(&robot);
    robot = (struct robot){.all = &all, .id = "robot-1"};
    robot.to = home;
    now_ms = INT64_C(1795380800000);
    hear("{\"type\":\"welcome\",\"on_shift\":true}");
}

static void
test_a_route_that_comes_before_the_answer_leaves_the_drop_off_to_do(void)
{
    begin();
    hear(ROUTE("1", STOP("pickup", ORDER, "true") "," STOP("dropoff", ORDER, "true")));
    CU_ASSERT_TRUE(says("enroute", ORDER));
    answer();
    CU_ASSERT_TRUE(says("arrived", ORDER));
    answer();
    CU_ASSERT_TRUE(says("picked_up", ORDER));
    hear(ROUTE("2", STOP("dropoff", ORDER, "true")));
    answer();
    CU_ASSERT_TRUE(says("enroute", ORDER));
    answer();
    CU_ASSERT_TRUE(says("arrived", ORDER));
    answer();
    CU_ASSERT_TRUE(says("delivered", ORDER));
    arena_destroy(ctl.arena);
}

static void
test_a_route_that_comes_after_the_answer_does_not_have_it_picked_up_twice(void)
{
    begin();
    hear(ROUTE("1", STOP("pickup", ORDER, "true") "," STOP("dropoff", ORDER, "true")));
    CU_ASSERT_TRUE(says("enroute", ORDER));
    answer();
    CU_ASSERT_TRUE(says("arrived", ORDER));
    answer();
    CU_ASSERT_TRUE(says("picked_up", ORDER));
    answer();
    CU_ASSERT_TRUE(says("enroute", ORDER));
    arena_destroy(ctl.arena);
}

static void
test_an_offer_that_comes_before_the_answer_to_another_is_answered(void)
{
    begin();
    hear(ROUTE("1", STOP("pickup", ORDER, "false") "," STOP("dropoff", ORDER, "false")));
    CU_ASSERT_TRUE(says("accept", "\"version\":1"));
    hear(ROUTE("2", STOP("pickup", ORDER, "true") "," STOP("pickup", OTHER, "false")));
    answer();
    CU_ASSERT_TRUE(says("accept", "\"version\":2"));
    answer();
    CU_ASSERT_FALSE(says("accept", ""));
    arena_destroy(ctl.arena);
}

/* Places that it said on the way, doors left out; how many are on no street, and how many 20 m from
 * the straight line. */
struct said_on_the_way {
    int places, off_street, off_line;
};

static double
from_line_m(struct latlng p)
{
    double m = 1e9;

    for (int i = 0; i <= 1000; i++) {
        struct latlng on = {home.lat_e7 + (far.lat_e7 - home.lat_e7) / 1000 * i,
                            home.lng_e7 + (far.lng_e7 - home.lng_e7) / 1000 * i};
        double here_m = geo_distance_m(p, on);
        m = here_m < m ? here_m : m;
    }
    return m;
}

static struct said_on_the_way
rides(const struct roads *map)
{
    enum { TURN_MS = 100, DOORS_M = 60 };
    struct said_on_the_way on = {0, 0, 0};
    struct roads_spot spot;

    robot_think(&robot, now_ms); /* off it goes */
    answer();
    places = 0;
    for (int turns = 0; robot.action[0] == '\0' && turns < 10000; turns++) {
        now_ms += TURN_MS;
        int before = places;
        robot_think(&robot, now_ms);
        if (places == before || geo_distance_m(place, home) < DOORS_M ||
            geo_distance_m(place, far) < DOORS_M)
            continue;
        on.places++;
        on.off_street += roads_snap(map, TRAVEL_BICYCLE, place, 3, &spot) != LC_OK;
        on.off_line += from_line_m(place) > 20;
    }
    return on;
}

static void
test_a_robot_rides_along_the_streets_of_a_map(void)
{
    char path[] = "/tmp/lc-robot-XXXXXX", error[ROADS_ERROR_MAX] = "";
    int fd = mkstemp(path);
    struct travel_cell cell;
    enum travel_quality quality;

    CU_ASSERT_FATAL(fd >= 0);
    close(fd);
    CU_ASSERT_EQUAL_FATAL(roads_build_file(LC_CITY_DATA "/baltimore.osm.pbf", path,
                                           1U << TRAVEL_BICYCLE, NULL, error),
                          LC_OK);
    begin();
    all.mode = TRAVEL_BICYCLE;
    CU_ASSERT_EQUAL_FATAL(streets_open(&all.streets, path, error), LC_OK);
    const struct travel *t = &all.streets.travel.travel;
    CU_ASSERT_EQUAL_FATAL(t->matrix(t, &home, 1, &far, 1, TRAVEL_BICYCLE, now_ms, &cell, &quality),
                          LC_OK);
    hear(ROUTE("1", FAR_AWAY));
    int64_t left_ms = now_ms;
    struct said_on_the_way on = rides(all.streets.roads);
    CU_ASSERT(on.places >= 5);
    CU_ASSERT_EQUAL(on.off_street, 0);
    CU_ASSERT(on.off_line > 0);
    CU_ASSERT_NOT_EQUAL(strstr(said, "\"arrived\""), NULL);
    CU_ASSERT(now_ms - left_ms >= (int64_t)cell.seconds * 1000 / all.speed);
    CU_ASSERT(now_ms - left_ms <= (int64_t)cell.seconds * 1000 / all.speed + 100);

    struct roads *map = all.streets.roads; /* as if it had none */
    arena_destroy(ctl.arena);
    begin();
    all.streets.roads = NULL;
    hear(ROUTE("1", FAR_AWAY));
    on = rides(map);
    CU_ASSERT(on.places >= 5);
    CU_ASSERT_EQUAL(on.off_line, 0);
    CU_ASSERT(on.off_street > 0);
    robot_free(&robot);
    all.streets.roads = map;
    streets_close(&all.streets);
    unlink(path);
    arena_destroy(ctl.arena);
}

UNIT_MAIN("robot", UNIT(test_a_route_that_comes_before_the_answer_leaves_the_drop_off_to_do),
          UNIT(test_a_route_that_comes_after_the_answer_does_not_have_it_picked_up_twice),
          UNIT(test_an_offer_that_comes_before_the_answer_to_another_is_answered),
          UNIT(test_a_robot_rides_along_the_streets_of_a_map))
