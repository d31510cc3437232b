/* The real daemons, and couriers who need twice the time that the map says: travel times follow,
 * through a router's death, until they are told to forget it. */
#include "town.h"

#include "base/timestamp.h"
#include "unit/unit.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

enum { COURIERS = 4, SLOWER = 2, PICKUP_S = 60 };

static const char *const name[COURIERS] = {"ada", "bob", "cyd", "dee"};
static const struct place { /* LAT,LNG */
    const char *words;
} start = {"39.2848,-76.5922"}, store = {"39.2840,-76.5720"}, customer = {"39.2826840,-76.5636347"};

static struct town town;
static char scratch[] = "/tmp/lc-learnt-XXXXXX", map[64];
static struct town_socket phone[COURIERS];
static long to_store_s, to_customer_s;
static unsigned orders, actions;

/* ---- what the daemons say ---- */

static long
pace(enum town_daemon d)
{
    return town_metric(&town, d, "travel_time_percent{mode=\"bicycle\"}");
}

static bool
both_are_slower(void *ctx)
{
    (void)ctx;
    return pace(TOWN_ROUTER) >= 140 && pace(TOWN_MATCHER) == pace(TOWN_ROUTER);
}

static bool
both_have_the_maps(void *ctx)
{
    (void)ctx;
    return pace(TOWN_ROUTER) == 100 && pace(TOWN_MATCHER) == 100;
}

static long
map_s(const struct place *from, const struct place *to)
{
    char out[4096], words[256];

    snprintf(words, sizeof words, "--json roads ask %s --mode bicycle %s %s", map, from->words,
             to->words);
    CU_ASSERT_EQUAL_FATAL(town_lcctl(&town, out, sizeof out, words), 0);
    json_t *j = json_loads(out, 0, NULL);
    long s = (long)json_number_value(json_object_get(j, "seconds"));
    json_decref(j);
    return s;
}

/* ---- what couriers do ---- */

/* Only this courier gets anything new. */
static void
turn(size_t c)
{
    char words[64];

    for (size_t i = 0; i < COURIERS; i++)
        if (i != c) {
            snprintf(words, sizeof words, "freeze %s", name[i]);
            CU_ASSERT_TRUE(town_says(&town, words, ""));
        }
    snprintf(words, sizeof words, "freeze --lift %s", name[c]);
    CU_ASSERT_TRUE(town_says(&town, words, ""));
}

static void
order(char id[64])
{
    char external_id[16];

    snprintf(external_id, sizeof external_id, "t%u", ++orders);
    json_t *j = town_deliver(&town, external_id, 39.2826840, -76.5636347);
    snprintf(id, 64, "%s", town_text(j, "order_id"));
    json_decref(j);
}

/* What the matcher thought the way to the customer takes. */
static long
matched_s(void)
{
    char out[16384], words[64];

    snprintf(words, sizeof words, "--json explain corner/t%u", orders);
    CU_ASSERT_EQUAL_FATAL(town_lcctl(&town, out, sizeof out, words), 0);
    json_t *j = json_loads(out, 0, NULL);
    const json_t *first = json_array_get(json_object_get(j, "candidates"), 0);
    long s = (long)json_integer_value(json_object_get(first, "travel_s"));
    json_decref(j);
    return s;
}

/* What the router thinks, as it is offered: the goods are ready long before somebody is there. */
static long
offered_s(json_t *route)
{
    int64_t eta_ms[2] = {0, 0};

    for (size_t i = 0; i < 2; i++) {
        const json_t *stop = json_array_get(json_object_get(route, "stops"), i);
        CU_ASSERT_EQUAL(timestamp_parse(slice_str(town_text(stop, "eta")), &eta_ms[i]), LC_OK);
    }
    json_decref(route);
    return (long)((eta_ms[1] - eta_ms[0]) / 1000) - PICKUP_S;
}

/* The same at a time by the phone's own clock; both come late, as out of a tunnel. */
static void
act_at(size_t c, const char *what, const char *order_id, int64_t ms)
{
    char at[TIMESTAMP_TEXT], more[64], id[16];

    timestamp_format(ms, at);
    snprintf(more, sizeof more, ",\"at\":\"%s\"", at);
    snprintf(id, sizeof id, "a%u", ++actions);
    town_act(&phone[c], what, id, order_id, more, "done");
}

static void
ride(size_t c, const char *order_id, long seconds)
{
    int64_t there_ms = 1000 * ((int64_t)time(NULL) - 60);

    act_at(c, "enroute", order_id, there_ms - 1000 * (int64_t)seconds);
    act_at(c, "arrived", order_id, there_ms);
}

/* From the offer to the door, both ways slower than the map says. */
static void
deliver(size_t c)
{
    char id[64], pin[5], more[32], action[16];

    turn(c);
    order(id);
    if (orders == 1)
        to_customer_s = matched_s(); /* with what lies beside the road */
    CU_ASSERT_EQUAL(matched_s(), to_customer_s);
    CU_ASSERT_EQUAL(offered_s(town_accept(&phone[c])), to_customer_s);
    ride(c, id, SLOWER * to_store_s);
    snprintf(action, sizeof action, "a%u", ++actions);
    town_act(&phone[c], "picked_up", action, id, "", "done");
    ride(c, id, SLOWER * to_customer_s);
    town_pin(&town, id, pin);
    snprintf(more, sizeof more, ",\"pin\":\"%s\"", pin);
    snprintf(action, sizeof action, "a%u", ++actions);
    town_act(&phone[c], "delivered", action, id, more, "done");
}

/* ---- the tests ---- */

static void
test_town_comes_up_and_wants_to_learn(void)
{
    char out[1024], words[256];

    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(scratch));
    snprintf(map, sizeof map, "%s/city.roads", scratch);
    snprintf(words, sizeof words, "roads build %s/baltimore.osm.pbf -o %s --modes bicycle",
             LC_CITY_DATA, map);
    CU_ASSERT_EQUAL_FATAL(town_lcctl(&town, out, sizeof out, words), 0);
    setenv("LIFECIRCLE_ROADS", map, 1); /* the other daemons do not know these */
    setenv("LIFECIRCLE_LEARN_SPEEDS", "on", 1);
    setenv("LIFECIRCLE_LEARN_LEAST", "3", 1);
    setenv("LIFECIRCLE_LEARN_EVERY_S", "1", 1);
    town_open(&town, TOWN_RECORDS | TOWN_PATIENT);
    town_shop(&town, "canton", 39.2840, -76.5720, 1, "TEA,1000,219\n");
    for (size_t i = 0; i < COURIERS; i++)
        town_courier(&town, &phone[i], name[i]);
    to_store_s = map_s(&start, &store);
    CU_ASSERT(to_store_s >= 120 && map_s(&store, &customer) >= 120); /* else it teaches nothing */
    CU_ASSERT_TRUE(town_wait(both_have_the_maps, NULL));
}

/* Six rides in all: those of two couriers are not enough, however many. */
static void
test_rides_are_counted_until_they_are_enough(void)
{
    deliver(0);
    deliver(1);
    CU_ASSERT_EQUAL(town_metric(&town, TOWN_ROUTER, "rides_total{end=\"counted\"}"), 4);
    CU_ASSERT_EQUAL(town_metric(&town, TOWN_ROUTER, "learnt_slots{mode=\"bicycle\"}"), 0);
    deliver(2);
    CU_ASSERT_EQUAL(town_metric(&town, TOWN_ROUTER, "rides_total{end=\"counted\"}"), 6);
    CU_ASSERT_TRUE(town_wait(both_are_slower, NULL));
    CU_ASSERT(town_metric(&town, TOWN_ROUTER, "learnt_slots{mode=\"bicycle\"}") > 0);
    CU_ASSERT(pace(TOWN_ROUTER) < 100 * SLOWER); /* so few are drawn to the map's times */
}

static void
test_arrivals_are_told_later(void)
{
    char id[64];

    turn(3);
    order(id);
    long slower_s = (to_customer_s * pace(TOWN_ROUTER) + 50) / 100;
    CU_ASSERT_EQUAL(matched_s(), slower_s);
    CU_ASSERT_EQUAL(offered_s(town_accept(&phone[3])), slower_s);
}

static void
test_people_can_look_at_it(void)
{
    CU_ASSERT_TRUE(town_says(&town, "speeds", "in use"));
    CU_ASSERT_TRUE(town_says(&town, "--json speeds --mode bicycle", "\"in_use\":true"));
    CU_ASSERT_TRUE(town_says(&town, "--json speeds --mode car", "[]"));
}

static void
test_another_router_knows_it(void)
{
    long before = pace(TOWN_ROUTER);

    town_kill(&town, TOWN_ROUTER);
    town_start(&town, TOWN_ROUTER);
    town_ready(&town);
    CU_ASSERT_TRUE(town_wait(both_are_slower, NULL));
    CU_ASSERT_EQUAL(pace(TOWN_ROUTER), before);
}

static void
test_it_is_forgotten_when_people_say_so(void)
{
    CU_ASSERT_TRUE(town_says(&town, "speeds reset", "hours forgotten"));
    CU_ASSERT_TRUE(town_wait(both_have_the_maps, NULL));
}

static void
test_what_was_learnt_replays(void)
{
    char out[8192], words[256];

    CU_ASSERT_EQUAL(town_stop(&town, TOWN_MATCHER), 0);
    CU_ASSERT_EQUAL(town_stop(&town, TOWN_ROUTER), 0);
    snprintf(words, sizeof words, "replay %s/record", town.dir);
    CU_ASSERT_EQUAL(town_lcctl(&town, out, sizeof out, words), 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(out, "router"));
    CU_ASSERT_PTR_NULL(strstr(out, "differs"));
}

static void
test_town_goes_down(void)
{
    char command[64];

    for (size_t i = 0; i < COURIERS; i++)
        town_socket_close(&phone[i]);
    town_close(&town);
    snprintf(command, sizeof command, "rm -rf '%s'", scratch);
    CU_ASSERT_EQUAL(system(command), 0);
}

UNIT_MAIN("learnt speeds", UNIT(test_town_comes_up_and_wants_to_learn),
          UNIT(test_rides_are_counted_until_they_are_enough), UNIT(test_arrivals_are_told_later),
          UNIT(test_people_can_look_at_it), UNIT(test_another_router_knows_it),
          UNIT(test_it_is_forgotten_when_people_say_so), UNIT(test_what_was_learnt_replays),
          UNIT(test_town_goes_down))
