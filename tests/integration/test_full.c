/* A Redis whose memory is full, in a whole city: what is under way comes to its end, what is new is
 * refused and not acknowledged, tokens can be revoked; with room again all goes on by itself. */
#include "town.h"

#include "base/secret.h"
#include "unit/unit.h"

#include <hiredis/hiredis.h>
#include <stdio.h>

static struct town town;
static struct town_socket phone;
static char carried[UUID_TEXT], waiting[UUID_TEXT], late[UUID_TEXT];

/* room: how much memory Redis may take; 0 = as much as there is. */
static void
room(int bytes)
{
    char path[96];

    snprintf(path, sizeof path, "%s/redis.sock", town.dir);
    redisContext *c = redisConnectUnix(path);
    CU_ASSERT_FATAL(c != NULL && c->err == 0);
    redisReply *r = redisCommand(c, "CONFIG SET maxmemory %d", bytes);
    CU_ASSERT_FATAL(r != NULL && r->type == REDIS_REPLY_STATUS);
    freeReplyObject(r);
    redisFree(c);
}

static void
test_city_with_an_order_under_way_is_full(void)
{
    town_open(&town, TOWN_PATIENT);
    town_shop(&town, "tea-house", 39.2847, -76.5921, 1, "TEA,100,199\n");
    town_courier(&town, &phone, "ada");
    json_t *order = town_deliver(&town, "carried", 39.2861, -76.5877);
    snprintf(carried, sizeof carried, "%s", town_text(order, "order_id"));
    json_decref(order);
    CU_ASSERT_EQUAL(town_collect(&town, "waiting", waiting), 201);
    room(1);
}

static void
test_new_orders_are_refused_and_not_kept(void)
{
    CU_ASSERT_EQUAL(town_collect(&town, "late", late), 503); /* with Retry-After */
    CU_ASSERT(town_metric(&town, TOWN_INVENTORY, "redis_troubles_total{kind=\"oom\"}") > 0);
    struct town_answer a = town_http(&town, town.intake, "GET", "/v1/orders?external_order_id=late",
                                     NULL, slice_of(NULL, 0));
    CU_ASSERT_EQUAL(a.status, 404);
    town_answer_free(&a);
}

static void
test_what_is_under_way_comes_to_its_end(void)
{
    char pin[PIN_TEXT], more[64], state[32], path[96];

    json_decref(town_accept(&phone));
    town_act(&phone, "enroute", "1", carried, "", "done");
    town_act(&phone, "arrived", "2", carried, "", "done");
    town_act(&phone, "picked_up", "3", carried, "", "done");
    town_act(&phone, "enroute", "4", carried, "", "done");
    town_act(&phone, "arrived", "5", carried, "", "done");
    town_pin(&town, carried, pin);
    snprintf(more, sizeof more, ",\"pin\":\"%s\"", pin);
    town_act(&phone, "delivered", "6", carried, more, "done");
    town_state(&town, carried, state);
    CU_ASSERT_STRING_EQUAL(state, "delivered");
    snprintf(path, sizeof path, "/v1/orders/%s/cancel", waiting);
    struct town_answer a =
        town_http(&town, town.intake, "POST", path, "Content-Type: application/json\r\n",
                  SLICE_LIT("{\"reason\":\"customer_cancelled\"}"));
    CU_ASSERT_EQUAL(a.status, 200);
    town_answer_free(&a);
}

static void
test_tokens_are_revoked_and_ended_orders_make_room(void)
{
    char out[4096];

    CU_ASSERT_EQUAL(town_lcctl(&town, out, sizeof out, "courier revoke ada"), 0);
    CU_ASSERT_EQUAL(town_socket_closed(&phone, 10000) != -1, true);
    town_socket_close(&phone);
    char words[96];
    snprintf(words, sizeof words, "forget %s", carried);
    CU_ASSERT_EQUAL(town_lcctl(&town, out, sizeof out, words), 0);
}

static void
test_with_room_again_all_goes_on(void)
{
    char out[4096];
    int status = 503;
    int64_t end_ms = town_now_ms() + TOWN_PATIENCE_MS;

    room(0);
    while (status == 503 && town_now_ms() < end_ms)
        status = town_collect(&town, "late", late);
    CU_ASSERT(status == 201 || status == 202);
    CU_ASSERT_TRUE(town_wait(town_all_placed, &(struct town_placed){&town, &late, 1}));
    CU_ASSERT_EQUAL(town_lcctl(&town, out, sizeof out, "audit"), 0);
    for (enum town_daemon d = TOWN_INTAKE; d < TOWN_N; d++)
        CU_ASSERT_TRUE(town_alive(&town, d));
    town_close(&town);
}

UNIT_MAIN("full", UNIT(test_city_with_an_order_under_way_is_full),
          UNIT(test_new_orders_are_refused_and_not_kept),
          UNIT(test_what_is_under_way_comes_to_its_end),
          UNIT(test_tokens_are_revoked_and_ended_orders_make_room),
          UNIT(test_with_room_again_all_goes_on))
