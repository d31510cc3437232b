/* The real daemons on a map of south-east Baltimore: the store nearest along streets, swapping the
 * map, a bad one, places off it, the way that a courier is shown, and the replay of all that.
 *
 * A customer in Canton has a store 390 m away, which is 1,360 m along streets, and one 730 m away,
 * which is 900 m along streets. A customer in Fells Point has the same, 1.8 km away, and one on
 * Locust Point, 800 m away across the harbour. */
#include "town.h"

#include "unit/unit.h"

#include "roads/roads.h"

#include <signal.h>
#include <unistd.h>

static struct town town;
static char scratch[] = "/tmp/lc-roads-XXXXXX";
static char served[64]; /* the file that --roads names */
static char first_map[16], second_map[16];
static unsigned orders;
static struct town_socket phone;

static void
build(const char *name, const char *modes)
{
    char out[1024], words[256];

    snprintf(words, sizeof words, "roads build %s/baltimore.osm.pbf -o %s/%s --modes %s",
             LC_CITY_DATA, scratch, name, modes);
    CU_ASSERT_EQUAL_FATAL(town_lcctl(&town, out, sizeof out, words), 0);
}

/* What `lcctl roads info` calls it. */
static void
checksum_of(const char *name, char checksum[16])
{
    char out[1024], words[128];

    snprintf(words, sizeof words, "roads info %s/%s", scratch, name);
    CU_ASSERT_EQUAL_FATAL(town_lcctl(&town, out, sizeof out, words), 0);
    CU_ASSERT_EQUAL_FATAL(sscanf(out, "checksum %8[0-9a-f]", checksum), 1);
}

/* A copy takes the place of the file in use, as `mv` does it. */
static void
serve(const char *name)
{
    char command[256];

    snprintf(command, sizeof command, "cp %s/%s %s.new && mv %s.new %s", scratch, name, served,
             served, served);
    CU_ASSERT_EQUAL_FATAL(system(command), 0);
}

static void
order_at(double lat, double lng, char store[64])
{
    char external_id[16];

    snprintf(external_id, sizeof external_id, "t%u", ++orders);
    json_t *j = town_deliver(&town, external_id, lat, lng);
    snprintf(store, 64, "%s", town_text(j, "store.id"));
    json_decref(j);
}

static void
order(char store[64])
{
    order_at(39.2826840, -76.5636347, store);
}

static bool
explained(const char *words)
{
    char command[64];

    snprintf(command, sizeof command, "explain corner/t%u", orders);
    return town_says(&town, command, words);
}

static bool
uses(enum town_daemon d, const char *checksum)
{
    char name[64];

    snprintf(name, sizeof name, "roads_loaded{checksum=\"%s\"}", checksum);
    return town_metric(&town, d, name) == 1;
}

static bool
all_use(void *ctx)
{
    return uses(TOWN_MATCHER, ctx) && uses(TOWN_ROUTER, ctx) && uses(TOWN_NOTIFIER, ctx);
}

static bool
all_refused(void *ctx)
{
    const char *name = "reloads_total{outcome=\"refused\"}";

    (void)ctx;
    return town_metric(&town, TOWN_MATCHER, name) == 1 &&
           town_metric(&town, TOWN_ROUTER, name) == 1 &&
           town_metric(&town, TOWN_NOTIFIER, name) == 1;
}

static bool
knows_all_stores(void *ctx)
{
    (void)ctx;
    return town_metric(&town, TOWN_MATCHER, "match_stores") == 4;
}

static void
hang_up(void)
{
    CU_ASSERT_EQUAL(kill(town.pid[TOWN_MATCHER], SIGHUP), 0);
    CU_ASSERT_EQUAL(kill(town.pid[TOWN_ROUTER], SIGHUP), 0);
    CU_ASSERT_EQUAL(kill(town.pid[TOWN_NOTIFIER], SIGHUP), 0);
}

static void
test_town_comes_up_on_a_map(void)
{
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(scratch));
    build("one.roads", "bicycle,car");
    build("two.roads", "bicycle,van");
    checksum_of("one.roads", first_map);
    checksum_of("two.roads", second_map);
    CU_ASSERT_STRING_NOT_EQUAL(first_map, second_map);
    snprintf(served, sizeof served, "%s/served.roads", scratch);
    serve("one.roads");
    setenv("LIFECIRCLE_ROADS", served, 1); /* the other daemons do not know it */
    /* how many orders wait for the one courier is not to make one of them too late */
    town_open(&town, TOWN_RECORDS | TOWN_PATIENT | TOWN_UNFORESEEN);
    town_shop(&town, "locust-point", 39.2735, -76.5905, 1, "TEA,1000,219\n");
    town_shop(&town, "behind-the-yards", 39.2832794, -76.5591564, 1, "TEA,1000,219\n");
    town_shop(&town, "down-the-street", 39.2840, -76.5720, 1, "TEA,1000,219\n");
    town_shop(&town, "north-end", 39.3130, -76.5700, 1, "TEA,1000,219\n");
    CU_ASSERT_TRUE(town_wait(knows_all_stores, NULL));
    CU_ASSERT_TRUE(all_use(first_map));
    town_courier(&town, &phone, "ada");
}

static void
test_readyz_says_which_map_is_in_use(void)
{
    char words[64];
    struct town_answer a =
        town_http(&town, town.admin[TOWN_ROUTER], "GET", "/readyz", NULL, slice_of(NULL, 0));

    snprintf(words, sizeof words, "ready\nroads checksum=%s age_s=", first_map);
    CU_ASSERT_EQUAL(a.status, 200);
    CU_ASSERT_PTR_NOT_NULL_FATAL(a.body);
    CU_ASSERT_EQUAL(strncmp(a.body, words, strlen(words)), 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(a.body, " bicycle="));
    CU_ASSERT_PTR_NULL(strstr(a.body, " van="));
    town_answer_free(&a);
    CU_ASSERT(town_metric(&town, TOWN_MATCHER, "roads_nodes{mode=\"bicycle\"}") > 10000);
    CU_ASSERT_EQUAL(town_metric(&town, TOWN_MATCHER, "roads_nodes{mode=\"van\"}"), 0);
    CU_ASSERT(town_metric(&town, TOWN_MATCHER, "roads_age_seconds") >= 0);
}

static bool
planned_by_roads(void *ctx)
{
    (void)ctx;
    return town_metric(&town, TOWN_ROUTER, "plan_searches_total{travel=\"roads\"}") > 0;
}

static void
test_orders_go_to_the_store_nearest_along_streets(void)
{
    char store[64];

    order(store);
    CU_ASSERT_STRING_EQUAL(store, "down-the-street");
    CU_ASSERT_TRUE(explained("travel times along roads"));
    order_at(39.2805, -76.5925, store);
    CU_ASSERT_STRING_EQUAL(store, "down-the-street");
    CU_ASSERT_TRUE(explained("no way")); /* to Locust Point, as far as the map goes */
    CU_ASSERT_EQUAL(town_metric(&town, TOWN_MATCHER, "match_decisions_total{travel=\"roads\"}"), 2);
    CU_ASSERT_TRUE(town_wait(planned_by_roads, NULL));
    CU_ASSERT_EQUAL(town_metric(&town, TOWN_ROUTER, "plan_searches_total{travel=\"estimate\"}"), 0);
}

/* next_part: one difference of an encoded polyline, in 1e-5 degrees. */
static int32_t
next_part(const char **p)
{
    uint32_t v = 0;
    unsigned shift = 0, c;

    do {
        c = (unsigned)(unsigned char)*(*p)++ - 63;
        v |= (c & 0x1f) << shift;
        shift += 5;
    } while (c >= 0x20 && **p != '\0');
    return (int32_t)(v >> 1) ^ -(int32_t)(v & 1);
}

/* points_on: how many places a line has, each of them on a road of the map. */
static unsigned
points_on(const struct roads *map, const char *line)
{
    struct latlng at = {0};
    struct roads_spot spot;
    unsigned n = 0;

    for (const char *p = line; *p != '\0'; n++) {
        at.lat_e7 += next_part(&p) * 100;
        at.lng_e7 += next_part(&p) * 100;
        CU_ASSERT_EQUAL(roads_snap(map, TRAVEL_BICYCLE, at, 5, &spot), LC_OK);
    }
    return n;
}

/* The way through the offered stops, from Canton Square: along named streets of the map. */
static void
test_a_courier_is_shown_the_way_along_streets(void)
{
    char file[64], error[ROADS_ERROR_MAX];
    struct roads *map;
    json_t *leg;
    size_t i;

    snprintf(file, sizeof file, "%s/one.roads", scratch);
    CU_ASSERT_EQUAL_FATAL(roads_open(file, &map, error), LC_OK);
    json_t *route = town_socket_hear(&phone, "route", 15000);
    CU_ASSERT_PTR_NOT_NULL_FATAL(route);
    town_socket_send(&phone, "{\"type\":\"way\",\"lat\":39.2845,\"lng\":-76.5930}");
    json_t *way = town_socket_hear(&phone, "way", 15000);
    CU_ASSERT_PTR_NOT_NULL_FATAL(way);
    json_t *legs = json_object_get(way, "legs");
    CU_ASSERT(json_array_size(legs) >= 2);
    json_array_foreach(legs, i, leg)
    {
        json_t *streets = json_object_get(leg, "streets");
        CU_ASSERT_TRUE(json_is_false(json_object_get(leg, "straight")));
        CU_ASSERT(points_on(map, town_text(leg, "line")) > 2);
        CU_ASSERT(json_array_size(streets) > 0);
        CU_ASSERT(json_integer_value(json_object_get(leg, "metres")) > 100);
        CU_ASSERT(json_integer_value(json_object_get(leg, "seconds")) > 20);
        CU_ASSERT_STRING_NOT_EQUAL(town_text(json_array_get(streets, 0), "name"), "");
    }
    json_decref(way);
    json_decref(route);
    roads_close(map);
}

static void
test_orders_off_the_map_are_estimated_as_a_whole(void)
{
    char store[64];
    const char *fallback = "roads_fallback_total{reason=\"off_map\"}";
    long before = town_metric(&town, TOWN_MATCHER, fallback);

    order_at(39.3290, -76.5700, store);
    CU_ASSERT_STRING_EQUAL(store, "north-end");
    CU_ASSERT_TRUE(explained("travel times are estimates"));
    CU_ASSERT(town_metric(&town, TOWN_MATCHER, fallback) > before);
    CU_ASSERT_EQUAL(town_metric(&town, TOWN_MATCHER, "match_decisions_total{travel=\"estimate\"}"),
                    1);
}

static void
test_a_hangup_swaps_the_map_and_a_bad_file_does_not(void)
{
    char store[64];

    serve("two.roads");
    hang_up();
    CU_ASSERT_TRUE(town_wait(all_use, second_map));
    order(store);
    CU_ASSERT_STRING_EQUAL(store, "down-the-street");
    CU_ASSERT_TRUE(explained("travel times along roads"));

    char command[256];
    snprintf(command, sizeof command, "head -c 100000 %s/one.roads >%s/cut.roads", scratch,
             scratch);
    CU_ASSERT_EQUAL_FATAL(system(command), 0);
    serve("cut.roads");
    hang_up();
    CU_ASSERT_TRUE(town_wait(all_refused, NULL));
    CU_ASSERT_TRUE(all_use(second_map));
    order(store);
    CU_ASSERT_STRING_EQUAL(store, "down-the-street");
    CU_ASSERT_TRUE(explained("travel times along roads"));
}

static void
test_what_was_decided_replays_on_its_maps_alone(void)
{
    char out[8192], words[256];

    CU_ASSERT_EQUAL(town_stop(&town, TOWN_MATCHER), 0);
    CU_ASSERT_EQUAL(town_stop(&town, TOWN_ROUTER), 0);
    CU_ASSERT_EQUAL(town_stop(&town, TOWN_NOTIFIER), 0);
    snprintf(words, sizeof words, "replay %s/record", town.dir);
    CU_ASSERT_EQUAL(town_lcctl(&town, out, sizeof out, words), 3);
    CU_ASSERT_PTR_NOT_NULL(strstr(out, first_map));
    CU_ASSERT_PTR_NOT_NULL(strstr(out, "cut off"));
    CU_ASSERT_PTR_NOT_NULL(strstr(out, "--roads FILE"));

    serve("two.roads");
    CU_ASSERT_EQUAL(town_lcctl(&town, out, sizeof out, words), 3);
    CU_ASSERT_PTR_NOT_NULL(strstr(out, first_map));
    CU_ASSERT_PTR_NOT_NULL(strstr(out, second_map));

    snprintf(words, sizeof words, "replay %s/record --roads %s/one.roads", town.dir, scratch);
    CU_ASSERT_EQUAL(town_lcctl(&town, out, sizeof out, words), 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(out, "matcher"));
    CU_ASSERT_PTR_NOT_NULL(strstr(out, "router"));
    CU_ASSERT_PTR_NOT_NULL(strstr(out, "notifier"));
    CU_ASSERT_PTR_NULL(strstr(out, "differs"));
}

static void
test_town_goes_down(void)
{
    char command[64];

    town_socket_close(&phone);
    town_close(&town);
    snprintf(command, sizeof command, "rm -rf '%s'", scratch);
    CU_ASSERT_EQUAL(system(command), 0);
}

UNIT_MAIN("a map of roads", UNIT(test_town_comes_up_on_a_map),
          UNIT(test_readyz_says_which_map_is_in_use),
          UNIT(test_orders_go_to_the_store_nearest_along_streets),
          UNIT(test_a_courier_is_shown_the_way_along_streets),
          UNIT(test_orders_off_the_map_are_estimated_as_a_whole),
          UNIT(test_a_hangup_swaps_the_map_and_a_bad_file_does_not),
          UNIT(test_what_was_decided_replays_on_its_maps_alone), UNIT(test_town_goes_down))
