/* Where couriers are is kept while they are at work, the last place alone, and not for longer than
 * was set: after that nothing of it is in Redis. */
#include "town.h"

#include "base/bytes.h"
#include "unit/unit.h"

#include <hiredis/hiredis.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static struct town town;
static struct town_socket phone, other;
static redisContext *redis;

/* Where town_courier signs on, and where it goes then: nothing else in this city is there. */
static const double signed_on_lat = 39.2848, there_lat = 39.2911111, there_lng = -76.6022222;

static redisReply *
ask(const char *command)
{
    redisReply *r = redisCommand(redis, command);

    CU_ASSERT_PTR_NOT_NULL_FATAL(r);
    CU_ASSERT_NOT_EQUAL_FATAL(r->type, REDIS_REPLY_ERROR);
    return r;
}

static bool
number_is(const char *command, long long v)
{
    redisReply *r = ask(command);
    bool is = r->integer == v;

    freeReplyObject(r);
    return is;
}

static bool
has_none(const char *command)
{
    redisReply *r = ask(command);
    bool none = r->type == REDIS_REPLY_NIL;

    freeReplyObject(r);
    return none;
}

static bool
one_is_kept(void *ctx)
{
    (void)ctx;
    return number_is("ZCARD {bal}:geo:couriers", 1);
}

static bool
none_is_kept(void *ctx)
{
    (void)ctx;
    return number_is("ZCARD {bal}:geo:couriers", 0);
}

/* keeps: does the value of any key hold this latitude, as records and messages do? */
static bool
keeps(double lat)
{
    int32_t e7 = (int32_t)lround(lat * 1e7);
    redisReply *keys = ask("KEYS *");
    bool found = false;

    for (size_t i = 0; i < keys->elements && !found; i++) {
        redisReply *value =
            redisCommand(redis, "DUMP %b", keys->element[i]->str, (size_t)keys->element[i]->len);
        CU_ASSERT_PTR_NOT_NULL_FATAL(value);
        found = value->type == REDIS_REPLY_STRING && memmem(value->str, value->len, &e7, 4) != NULL;
        freeReplyObject(value);
    }
    freeReplyObject(keys);
    return found;
}

static void
go_there(void)
{
    char text[128];

    snprintf(text, sizeof text, "{\"type\":\"position\",\"lat\":%.7f,\"lng\":%.7f}", there_lat,
             there_lng);
    town_socket_send(&phone, text);
}

static void
test_town_comes_up(void)
{
    char path[128];

    setenv("LIFECIRCLE_POSITION_S", "2", 1);
    town_open(&town, TOWN_UNFORESEEN);
    snprintf(path, sizeof path, "%s/redis.sock", town.dir);
    redis = redisConnectUnix(path);
    CU_ASSERT_FATAL(redis != NULL && redis->err == 0);
    freeReplyObject(ask("CONFIG SET rdbcompression no")); /* DUMP shows what is there */
}

static void
test_position_is_kept_at_work_alone(void)
{
    town_courier(&town, &phone, "ada");
    go_there();
    CU_ASSERT_TRUE(town_wait(one_is_kept, NULL));
    CU_ASSERT_TRUE(keeps(signed_on_lat)); /* this look finds what is there */
    go_there(); /* on its way when the shift ends: not written behind it */
    town_socket_send(&phone, "{\"type\":\"sign_off\",\"id\":\"off\"}");
    json_t *done = town_socket_hear(&phone, "done", 15000);
    CU_ASSERT_STRING_EQUAL(town_text(done, "outcome"), "done");
    json_decref(done);
    CU_ASSERT_TRUE(town_wait(none_is_kept, NULL));
    go_there(); /* a phone that goes on sending them */
    /* when another's has been written, so would this one's have been */
    town_courier(&town, &other, "bob");
    town_socket_send(&other, "{\"type\":\"position\",\"lat\":39.28,\"lng\":-76.6}");
    CU_ASSERT_TRUE(town_wait(one_is_kept, NULL));
    CU_ASSERT_TRUE(has_none("ZSCORE {bal}:geo:couriers 1"));
    town_socket_send(&other, "{\"type\":\"sign_off\",\"id\":\"off\"}");
    CU_ASSERT_TRUE(town_wait(none_is_kept, NULL));
    CU_ASSERT_FALSE(keeps(signed_on_lat));
    CU_ASSERT_FALSE(keeps(there_lat));
}

static void
test_position_of_one_who_sends_no_more_goes_in_time(void)
{
    char out[512];

    town_socket_send(&phone, "{\"type\":\"sign_on\",\"id\":\"on2\",\"vehicle\":\"bicycle\","
                             "\"capacity_items\":20,\"shift_end\":\"2035-01-01T00:00:00Z\",\"lat\":"
                             "39.2848,\"lng\":-76.5922}");
    json_t *done = town_socket_hear(&phone, "done", 15000);
    CU_ASSERT_PTR_NOT_NULL_FATAL(done);
    json_decref(done);
    go_there();
    CU_ASSERT_TRUE(town_wait(one_is_kept, NULL));
    CU_ASSERT_TRUE(town_wait(none_is_kept, NULL)); /* the shift goes on */
    CU_ASSERT_EQUAL(town_lcctl(&town, out, sizeof out, "courier list"), 0);
}

/* A router that died between the end of a shift and the word of it. */
static void
test_router_that_comes_up_clears_what_another_left(void)
{
    town_socket_send(&phone, "{\"type\":\"sign_off\",\"id\":\"off2\"}");
    json_t *done = town_socket_hear(&phone, "done", 15000);
    CU_ASSERT_STRING_EQUAL(town_text(done, "outcome"), "done");
    json_decref(done);
    town_kill(&town, TOWN_ROUTER);
    freeReplyObject(ask("GEOADD {bal}:geo:couriers -76.6022222 39.2911111 1"));
    CU_ASSERT_TRUE(one_is_kept(NULL));
    town_start(&town, TOWN_ROUTER);
    CU_ASSERT_TRUE(town_wait(none_is_kept, NULL));
}

static void
test_town_goes_down(void)
{
    town_socket_close(&phone);
    town_socket_close(&other);
    redisFree(redis);
    town_close(&town);
}

UNIT_MAIN("positions", UNIT(test_town_comes_up), UNIT(test_position_is_kept_at_work_alone),
          UNIT(test_position_of_one_who_sends_no_more_goes_in_time),
          UNIT(test_router_that_comes_up_clears_what_another_left), UNIT(test_town_goes_down))
