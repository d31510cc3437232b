/* Whole orders through the front doors of the real daemons. */
#include "town.h"

#include "base/id.h"
#include "base/secret.h"
#include "unit/unit.h"

#include <stdio.h>
#include <time.h>

static struct town town;

#define ORDER(external, lines)                                                                     \
    "{\"external_order_id\":\"" external "\",\"currency\":\"USD\",\"dropoff\":{\"lat\":39.2861,"   \
    "\"lng\":-76.5877,\"address\":\"3000 Fait "                                                    \
    "Ave\"},\"customer\":{\"name\":\"Grace\",\"phone\":\"+14105550123\"},\"lines\":[" lines "]}"

static bool
shows_ada(void *order_id)
{
    char target[80];

    snprintf(target, sizeof target, "/v1/orders/%s", (const char *)order_id);
    struct town_answer a = town_http(&town, town.intake, "GET", target, NULL, slice_of(NULL, 0));
    json_t *order = town_json(&a);
    bool shown = strcmp(town_text(order, "courier.id"), "ada") == 0;
    json_decref(order);
    town_answer_free(&a);
    return shown;
}

/* What a program learns of why ada got it: who was considered, at what cost, and why then. */
static void
expect_dispatch(const char *command)
{
    char out[8192];

    CU_ASSERT_EQUAL(town_lcctl(&town, out, sizeof out, command), 0);
    json_t *v = json_loads(out, 0, NULL), *d = json_object_get(v, "dispatch");
    const json_t *c = json_array_get(json_object_get(d, "candidates"), 0);
    CU_ASSERT_STRING_EQUAL(town_text(d, "offered_to"), "ada");
    CU_ASSERT_EQUAL(json_integer_value(json_object_get(d, "considered")), 1);
    CU_ASSERT_EQUAL(json_integer_value(json_object_get(d, "fit")), 1);
    CU_ASSERT_STRING_EQUAL(town_text(c, "courier"), "ada");
    CU_ASSERT_STRING_EQUAL(town_text(c, "verdict"), "fits");
    CU_ASSERT(json_integer_value(json_object_get(c, "cost")) > 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(town_text(c, "dropoff_at"), "T"));
    CU_ASSERT_PTR_NOT_NULL(strstr(town_text(d, "pickup_begins_at"), "T"));
    CU_ASSERT(json_is_integer(json_object_get(d, "way_s")));
    CU_ASSERT(json_is_false(json_object_get(json_object_get(v, "ruled"), "hold")));
    json_decref(v);
}

static void
test_order_goes_from_chain_to_door(void)
{
    struct town_socket phone;
    char pin[PIN_TEXT];
    char id[UUID_TEXT];
    char more[64];
    char state[32];
    char out[8192];

    town_shop(&town, "fait-ave", 39.2847, -76.5921, 1, "COFFEE,20,219\nBAGEL,1,149\n");
    town_courier(&town, &phone, "ada");
    struct town_answer a = town_order(&town, ORDER("4711", "{\"sku\":\"COFFEE\",\"quantity\":2},"
                                                           "{\"sku\":\"BAGEL\",\"quantity\":1}"));
    if (a.status != 201)
        fprintf(stderr, "\n  expected 201, got %d: %.*s\n", a.status, (int)a.n, a.body);
    CU_ASSERT_EQUAL(a.status, 201);
    json_t *order = town_json(&a);
    CU_ASSERT_STRING_EQUAL(town_text(order, "status"), "placed");
    CU_ASSERT_STRING_EQUAL(town_text(order, "store.id"), "fait-ave");
    CU_ASSERT_EQUAL(json_integer_value(json_object_get(order, "total")), 2 * 219 + 149);
    snprintf(id, sizeof id, "%s", town_text(order, "order_id"));

    /* the same again: the same answer, to the byte */
    struct town_answer again =
        town_order(&town, ORDER("4711", "{\"sku\":\"COFFEE\",\"quantity\":2},"
                                        "{\"sku\":\"BAGEL\",\"quantity\":1}"));
    CU_ASSERT_EQUAL(again.status, 201);
    CU_ASSERT_STRING_EQUAL(again.body, a.body);
    town_answer_free(&again);
    town_answer_free(&a);

    /* the customer follows it */
    struct town_answer track = town_http(&town, town.notifier, "GET",
                                         town_text(order, "tracking_url"), NULL, slice_of(NULL, 0));
    CU_ASSERT_EQUAL(track.status, 200);
    json_t *seen = town_json(&track);
    town_pin(&town, id, pin);
    CU_ASSERT_STRING_EQUAL(town_text(seen, "pin"), pin);
    json_decref(seen);
    json_decref(order);
    town_answer_free(&track);

    json_decref(town_accept(&phone));
    CU_ASSERT_TRUE(town_says(&town, "couriers", "  bicycle  "));
    CU_ASSERT_TRUE(
        town_says(&town, "--json couriers", "\"orders\":1,\"offered\":0,\"next\":\"pickup\""));
    town_act(&phone, "enroute", "1", id, "", "done");
    town_act(&phone, "arrived", "2", id, "", "done");
    town_act(&phone, "picked_up", "3", id, "", "done");
    town_act(&phone, "picked_up", "3", id, "", "already");
    town_act(&phone, "enroute", "4", id, "", "done");
    town_act(&phone, "arrived", "5", id, "", "done");
    snprintf(more, sizeof more, ",\"pin\":\"%c%s\"", pin[0] == '9' ? '0' : pin[0] + 1, pin + 1);
    town_act(&phone, "delivered", "6", id, more, "wrong_pin");
    snprintf(more, sizeof more, ",\"pin\":\"%s\"", pin);
    town_act(&phone, "delivered", "7", id, more, "done");
    town_state(&town, id, state);
    CU_ASSERT_STRING_EQUAL(state, "delivered");
    town_socket_close(&phone);
    CU_ASSERT_TRUE(town_wait(shows_ada, id)); /* intake hears of a new courier in its next poll */

    CU_ASSERT_EQUAL(town_lcctl(&town, out, sizeof out, "explain corner/4711"), 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(out, "fait-ave"));
    expect_dispatch("explain --json corner/4711");
    CU_ASSERT_EQUAL(town_lcctl(&town, out, sizeof out, "order corner/4711"), 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(out, "delivered"));
    CU_ASSERT_EQUAL(town_lcctl(&town, out, sizeof out, "audit"), 0);
}

static bool
foresees_nobody(void *ctx)
{
    (void)ctx;
    return town_metric(&town, TOWN_MATCHER, "match_couriers") == 0;
}

static bool
couriers_say(void *expected)
{
    char out[8192];

    return town_lcctl(&town, out, sizeof out, "--json couriers") == 0 &&
           strstr(out, expected) != NULL;
}

/* The courier is gone with the goods, phone and all: an operator hears where they are. */
static void
test_what_a_lost_courier_carried_is_settled(void)
{
    struct town_socket phone;
    char id[UUID_TEXT];
    char state[32];
    char out[8192];

    town_shop(&town, "fait-ave", 39.2847, -76.5921, 1, "COFFEE,20,219\n");
    town_courier(&town, &phone, "bea");
    struct town_answer a = town_order(&town, ORDER("4714", "{\"sku\":\"COFFEE\",\"quantity\":2}"));
    CU_ASSERT_EQUAL(a.status, 201);
    json_t *order = town_json(&a);
    snprintf(id, sizeof id, "%s", town_text(order, "order_id"));
    json_decref(order);
    town_answer_free(&a);
    json_decref(town_accept(&phone));
    CU_ASSERT_EQUAL(town_lcctl(&town, out, sizeof out, "settle corner/4714 returned"), 1);
    town_act(&phone, "picked_up", "1", id, "", "done");
    CU_ASSERT_EQUAL(town_lcctl(&town, out, sizeof out, "courier revoke bea"), 0);
    CU_ASSERT_EQUAL(town_socket_closed(&phone, 5000), 4003);
    town_socket_close(&phone);
    /* off shift, and still to be seen with what they have */
    CU_ASSERT_TRUE(
        town_wait(couriers_say, "\"since\":null,\"orders\":1,\"offered\":0,\"next\":\"drop-off\""));

    CU_ASSERT_EQUAL(town_lcctl(&town, out, sizeof out,
                               "settle corner/4714 returned --who olga --why left_at_the_corner"),
                    0);
    CU_ASSERT_EQUAL(town_lcctl(&town, out, sizeof out, "settle corner/4714 returned"), 0);
    CU_ASSERT_EQUAL(town_lcctl(&town, out, sizeof out, "settle corner/4714 delivered"), 1);
    town_state(&town, id, state);
    CU_ASSERT_STRING_EQUAL(state, "returned");
    CU_ASSERT_TRUE(town_says(&town, "order corner/4714", "operator: olga: left_at_the_corner"));
    CU_ASSERT_TRUE(town_wait(couriers_say, "[]"));
    CU_ASSERT_EQUAL(town_lcctl(&town, out, sizeof out, "audit"), 0);
    CU_ASSERT_TRUE(town_wait(foresees_nobody, NULL)); /* the next one counts those who are there */
}

static void
test_order_of_what_is_taken_is_held_and_placed_when_it_is_back(void)
{
    char id[UUID_TEXT];
    char state[32] = "";
    char out[4096];

    town_shop(&town, "fait-ave", 39.2847, -76.5921, 1, "MUFFIN,1,149\n");
    struct town_answer a = town_order(&town, ORDER("m1", "{\"sku\":\"MUFFIN\",\"quantity\":1}"));
    CU_ASSERT_EQUAL(a.status, 201);
    town_answer_free(&a);
    a = town_order(&town, ORDER("m2", "{\"sku\":\"MUFFIN\",\"quantity\":1}"));
    CU_ASSERT_EQUAL(a.status, 202);
    json_t *j = town_json(&a);
    CU_ASSERT_STRING_EQUAL(town_text(j, "status"), "held");
    CU_ASSERT_STRING_EQUAL(town_text(j, "reason"), "out_of_stock");
    snprintf(id, sizeof id, "%s", town_text(j, "order_id"));
    json_decref(j);
    town_answer_free(&a);
    town_shop(&town, "fait-ave", 39.2847, -76.5921, 1, "MUFFIN,5,149\n");
    int64_t end_ms = town_now_ms() + 10000;
    while (strcmp(state, "placed") != 0 && town_now_ms() < end_ms)
        town_state(&town, id, state);
    CU_ASSERT_STRING_EQUAL(state, "placed");
    CU_ASSERT_EQUAL(town_lcctl(&town, out, sizeof out, "order corner/m2"), 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(out, "Z held")); /* the first write is not in the history list */
    CU_ASSERT_PTR_NOT_NULL(strstr(out, "MUFFIN: 1 of 1 at 149"));
    CU_ASSERT_PTR_NOT_NULL(strstr(out, "fait-ave"));
}

static void
test_another_payload_under_the_same_name_is_a_conflict(void)
{
    town_shop(&town, "fait-ave", 39.2847, -76.5921, 1, "COFFEE,20,219\n");
    struct town_answer a = town_order(&town, ORDER("c1", "{\"sku\":\"COFFEE\",\"quantity\":1}"));
    CU_ASSERT_EQUAL(a.status, 201);
    town_answer_free(&a);
    a = town_order(&town, ORDER("c1", "{\"sku\":\"COFFEE\",\"quantity\":2}"));
    CU_ASSERT_EQUAL(a.status, 409);
    json_t *j = town_json(&a);
    CU_ASSERT_STRING_EQUAL(town_text(j, "code"), "conflict");
    json_decref(j);
    town_answer_free(&a);
}

static void
test_other_chains_orders_do_not_exist(void)
{
    char out[512];
    char headers[160];
    char target[80];
    char id[UUID_TEXT];
    int64_t end_ms = town_now_ms() + 10000;

    struct town_answer a = town_order(&town, ORDER("c1", "{\"sku\":\"COFFEE\",\"quantity\":1}"));
    json_t *j = town_json(&a);
    snprintf(id, sizeof id, "%s", town_text(j, "order_id"));
    json_decref(j);
    town_answer_free(&a);
    CU_ASSERT_EQUAL_FATAL(town_lcctl(&town, out, sizeof out, "chain add rival --name Rival"), 0);
    char *key = strchr(out, '\n') + 1;
    key[strcspn(key, "\n")] = '\0';
    snprintf(headers, sizeof headers, "Authorization: Bearer %s\r\n", key);
    snprintf(target, sizeof target, "/v1/orders/%s", id);
    do { /* until intake has heard of the new key */
        a = town_http(&town, town.intake, "GET", target, headers, slice_of(NULL, 0));
        int status = a.status;
        town_answer_free(&a);
        if (status != 401) {
            CU_ASSERT_EQUAL(status, 404);
            return;
        }
    } while (town_now_ms() < end_ms);
    CU_FAIL("the new key was never taken");
}

static void
test_batch_answers_a_line_an_order(void)
{
    struct buf b = {0};
    unsigned placed = 0;

    town_shop(&town, "fait-ave", 39.2847, -76.5921, 1, "TEA,500,199\n");
    for (int i = 0; i < 300; i++)
        buf_printf(
            &b,
            "{\"external_order_id\":\"b%d\",\"currency\":\"USD\",\"dropoff\":{\"lat\":39.2861,"
            "\"lng\":-76.5877},\"lines\":[{\"sku\":\"TEA\",\"quantity\":%d}]}\n",
            i, i % 100 == 50 ? 0 : 1);
    struct town_answer a = town_http(&town, town.intake, "POST", "/v1/orders:batch",
                                     "Content-Type: application/x-ndjson\r\n", buf_slice(&b));
    CU_ASSERT_EQUAL(a.status, 200);
    /* on a busy machine some are durable before they are placed: 202 */
    for (const char *at = a.body; (at = strstr(at, "\"status\":20")) != NULL; at++)
        placed++;
    CU_ASSERT_EQUAL(placed, 297);
    CU_ASSERT_PTR_NOT_NULL(strstr(a.body, "\"line\":51,\"status\":422"));
    CU_ASSERT_PTR_NOT_NULL(strstr(a.body, "\"done\":true,\"lines\":300"));
    town_answer_free(&a);
    buf_free(&b);
}

static void
test_recording_replays_byte_for_byte(void)
{
    char words[128];
    char out[4096];

    for (enum town_daemon d = TOWN_INTAKE; d < TOWN_N; d++)
        CU_ASSERT_EQUAL(town_stop(&town, d), 0);
    snprintf(words, sizeof words, "replay %s/record", town.dir);
    int status = town_lcctl(&town, out, sizeof out, words);
    if (status != 0)
        fprintf(stderr, "\n%s\n", out);
    CU_ASSERT_EQUAL(status, 0);
    unsigned same = 0;
    for (const char *at = out; (at = strstr(at, "every byte the same")) != NULL; at++)
        same++;
    CU_ASSERT_EQUAL(same, TOWN_N - 1);
}

/* change_recording: unsealed, one byte of what intake answered, in the middle. */
static void
change_recording(void)
{
    char command[512], words[160], out[4096];

    snprintf(command, sizeof command, "mkdir %s/plain", town.dir);
    CU_ASSERT_EQUAL(system(command), 0);
    snprintf(words, sizeof words, "replay %s/record --plain %s/plain", town.dir, town.dir);
    CU_ASSERT_EQUAL(town_lcctl(&town, out, sizeof out, words), 0);
    snprintf(command, sizeof command,
             "cd %s/plain && for f in *intake*; do LC_ALL=C sed -i "
             "'s/\"status\":\"placed\"/\"status\":\"plaxed\"/' $f; done",
             town.dir);
    CU_ASSERT_EQUAL(system(command), 0);
}

static void
test_replay_names_the_first_step_that_differs(void)
{
    char words[128];
    char out[4096];

    change_recording();
    snprintf(words, sizeof words, "replay %s/plain", town.dir);
    CU_ASSERT_EQUAL(town_lcctl(&town, out, sizeof out, words), 1);
    CU_ASSERT_PTR_NOT_NULL(strstr(out, "step "));
    CU_ASSERT_PTR_NOT_NULL(strstr(out, "differs"));
    const char *recorded = strstr(out, "recorded: ok; effect "),
               *now = strstr(out, "now:      ok;");
    CU_ASSERT_PTR_NOT_NULL(recorded);
    CU_ASSERT_PTR_NOT_NULL(now);
    if (recorded != NULL && now != NULL) {
        CU_ASSERT_TRUE(strstr(recorded, "plaxed") < now);
        CU_ASSERT_PTR_NULL(strstr(now, "plaxed"));
        CU_ASSERT_PTR_NOT_NULL(strstr(now, "placed"));
    }
}

static void
test_replay_tells_programs_what_differs(void)
{
    char words[128];
    char out[4096];

    snprintf(words, sizeof words, "--json replay %s/plain", town.dir);
    CU_ASSERT_EQUAL(town_lcctl(&town, out, sizeof out, words), 1);
    CU_ASSERT_PTR_NOT_NULL(strstr(out, "\"difference\":{\"step\":"));
    CU_ASSERT_PTR_NOT_NULL(strstr(out, "\"now\":{\"outcome\":\"ok\",\"effect\":\""));
    town_close(&town);
}

static void
test_town_comes_up(void)
{
    town_open(&town, TOWN_RECORDS | TOWN_PATIENT);
}

UNIT_MAIN("order", UNIT(test_town_comes_up), UNIT(test_what_a_lost_courier_carried_is_settled),
          UNIT(test_order_goes_from_chain_to_door),
          UNIT(test_order_of_what_is_taken_is_held_and_placed_when_it_is_back),
          UNIT(test_another_payload_under_the_same_name_is_a_conflict),
          UNIT(test_other_chains_orders_do_not_exist), UNIT(test_batch_answers_a_line_an_order),
          UNIT(test_recording_replays_byte_for_byte),
          UNIT(test_replay_names_the_first_step_that_differs),
          UNIT(test_replay_tells_programs_what_differs))
