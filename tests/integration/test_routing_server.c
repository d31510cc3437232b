/* The real daemons with a routing server that behaves, fails in every way, dies and comes back:
 * orders are decided in time, by the travel times they should be, and the counters say so.
 *
 * The customer at the canal has two stores: one across it, 170 m by crow and 1740 m by the
 * stand-in's roads, and one on the own side, 700 m by crow and 980 m by road. Another, far away,
 * has one on an island, 170 m by crow, and one on its own shore. */
#include "town.h"

#include "standin.h"

#include "unit/unit.h"

#include <poll.h>

enum { SOON_MS = 4000 }; /* some 300 ms, more on a busy machine; the slow server needs 5 s */

static struct town town;
static struct standin server;
static unsigned orders;

/* One order for the place; the store that got it, "" when none did at once. */
static void
order_at(double lat, double lng, char store[64])
{
    char external_id[16];
    int64_t begun_ms = town_now_ms();

    snprintf(external_id, sizeof external_id, "t%u", ++orders);
    json_t *j = town_deliver(&town, external_id, lat, lng);
    CU_ASSERT(town_now_ms() - begun_ms < SOON_MS);
    snprintf(store, 64, "%s", town_text(j, "store.id"));
    json_decref(j);
}

static void
order(char store[64])
{
    order_at(39.2850, -76.5990, store);
}

/* What `lcctl explain` says of the last order. */
static bool
explained(const char *words)
{
    char command[64];

    snprintf(command, sizeof command, "explain corner/t%u", orders);
    return town_says(&town, command, words);
}

/* A number of the matcher's /metrics; -1 when it is not there. */
static long
metric(const char *name)
{
    return town_metric(&town, TOWN_MATCHER, name);
}

static bool
knows_four_stores(void *ctx)
{
    (void)ctx;
    return metric("match_stores") == 4;
}

static long
ended(const char *end)
{
    char name[96];

    snprintf(name, sizeof name, "travel_ended_total{server=\"osrm-bicycle\",end=\"%s\"}", end);
    return metric(name);
}

static void
test_orders_go_by_the_servers_roads(void)
{
    char store[64];
    long before = ended("answered");

    order(store);
    CU_ASSERT_STRING_EQUAL(store, "same-side");
    CU_ASSERT_TRUE(explained("travel times from the routing server"));
    CU_ASSERT_EQUAL(ended("answered"), before + 1);
    CU_ASSERT_EQUAL(metric("match_decisions_total{travel=\"server\"}"), before + 1);
    CU_ASSERT_EQUAL(metric("match_travel_fallback_total"), 0);
    CU_ASSERT_EQUAL(metric("travel_asked_total{server=\"osrm-bicycle\"}"), before + 1);
}

static void
test_null_is_no_way_and_not_no_time(void)
{
    char store[64];

    order_at(39.4990, -76.5990, store);
    CU_ASSERT_STRING_EQUAL(store, "mainland");
    CU_ASSERT_TRUE(explained("no way"));
}

/* Whatever the server does, an order is decided by the estimate, in time, and counted. */
static void
test_orders_are_decided_without_a_server_that_fails(void)
{
    static const struct {
        const char *fault, *end;
    } rows[] = {
        {"slow", "late"},    {"drip", "late"},  {"cut", "broken"},   {"html", "broken"},
        {"counts", "lied"},  {"short", "lied"}, {"nan", "lied"},     {"negative", "lied"},
        {"text", "lied"},    {"huge", "lied"},  {"novalue", "lied"}, {"query", "denied"},
        {"noseg", "denied"},
    };
    char store[64], words[64];

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        standin_fault(&server, rows[i].fault);
        long before = ended(rows[i].end), fallback = metric("match_travel_fallback_total");
        order(store);
        CU_ASSERT_STRING_EQUAL(store, "across");
        if (ended(rows[i].end) != before + 1)
            printf("\n    %s: not counted as %s\n", rows[i].fault, rows[i].end);
        CU_ASSERT_EQUAL(ended(rows[i].end), before + 1);
        CU_ASSERT_EQUAL(metric("match_travel_fallback_total"), fallback + 1);
        CU_ASSERT_TRUE(explained("travel times are estimates"));
        snprintf(words, sizeof words, "did not give them: %s\n", rows[i].end);
        CU_ASSERT_TRUE(explained(words));
        standin_fault(&server, "none");
        order(store);
        CU_ASSERT_STRING_EQUAL(store, "same-side");
    }
    CU_ASSERT_EQUAL(metric("travel_opened_total{server=\"osrm-bicycle\"}"), 0);
}

static bool
left_alone(void *ctx)
{
    char *store = ctx;

    order(store);
    CU_ASSERT_STRING_EQUAL(store, "across");
    return ended("shut") > 0;
}

static bool
answers_again(void *ctx)
{
    char *store = ctx;

    order(store);
    poll(NULL, 0, 50); /* some orders a second */
    return strcmp(store, "same-side") == 0;
}

static void
test_a_dead_server_is_left_alone_and_found_again(void)
{
    char store[64];
    int port = server.port;

    standin_kill(&server);
    CU_ASSERT_TRUE(town_wait(left_alone, store));
    CU_ASSERT(ended("broken") >= 5);
    CU_ASSERT_EQUAL(metric("travel_open{server=\"osrm-bicycle\"}"), 1);
    CU_ASSERT(metric("travel_opened_total{server=\"osrm-bicycle\"}") >= 1);
    CU_ASSERT_TRUE(explained("did not give them: shut"));

    standin_start(&server, port);
    CU_ASSERT_TRUE(town_wait(answers_again, store));
    CU_ASSERT_EQUAL(metric("travel_open{server=\"osrm-bicycle\"}"), 0);
}

static void
test_what_was_decided_replays(void)
{
    char out[8192], words[96];

    CU_ASSERT_EQUAL(town_stop(&town, TOWN_MATCHER), 0);
    snprintf(words, sizeof words, "replay %s/record", town.dir);
    CU_ASSERT_EQUAL(town_lcctl(&town, out, sizeof out, words), 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(out, "matcher"));
    CU_ASSERT_PTR_NULL(strstr(out, "differs"));
}

static void
test_town_comes_up(void)
{
    char text[64];

    standin_start(&server, 0);
    snprintf(text, sizeof text, "bicycle=http://127.0.0.1:%d", server.port);
    setenv("LIFECIRCLE_TRAVEL_OSRM", text, 1);     /* the other daemons do not know it */
    setenv("LIFECIRCLE_TRAVEL_WAIT_MS", "300", 1); /* a busy machine is slow, not the server */
    town_open(&town, TOWN_RECORDS | TOWN_PATIENT | TOWN_UNFORESEEN);
    town_shop(&town, "across", 39.2850, -76.6010, 1, "TEA,1000,219\n");
    town_shop(&town, "same-side", 39.2850, -76.5909, 1, "TEA,1000,219\n");
    town_shop(&town, "island", 39.5005, -76.5990, 1, "TEA,1000,219\n");
    town_shop(&town, "mainland", 39.4930, -76.5990, 1, "TEA,1000,219\n");
    CU_ASSERT_TRUE(town_wait(knows_four_stores, NULL));
}

static void
test_town_goes_down(void)
{
    town_close(&town);
    standin_kill(&server);
}

UNIT_MAIN("routing server", UNIT(test_town_comes_up), UNIT(test_orders_go_by_the_servers_roads),
          UNIT(test_orders_are_decided_without_a_server_that_fails),
          UNIT(test_null_is_no_way_and_not_no_time),
          UNIT(test_a_dead_server_is_left_alone_and_found_again),
          UNIT(test_what_was_decided_replays), UNIT(test_town_goes_down))
