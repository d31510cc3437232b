/* Orders with an address alone, through the front doors of the real daemons: found, not found, held
 * until somebody says where it is; the same answer again, whatever index there is by then; replay.
 */
#include "town.h"

#include "unit/unit.h"

#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static struct town town;
static char scratch[] = "/tmp/lc-address-XXXXXX";
static char served[64]; /* the file that --addresses names */
static char first_answer[4096];
static char held[40]; /* an order id */

static void
shell(const char *format, const char *a, const char *b)
{
    char command[512];

    snprintf(command, sizeof command, format, a, b);
    CU_ASSERT_EQUAL_FATAL(system(command), 0);
}

/* The body of an order by address; `more` is behind the dropoff. */
static const char *
body(const char *external, const char *dropoff, const char *more)
{
    static char text[1024];

    snprintf(text, sizeof text,
             "{\"external_order_id\":\"%s\",\"currency\":\"USD\",\"dropoff\":{%s},%s"
             "\"customer\":{\"name\":\"Grace\",\"phone\":\"+14105550123\"},"
             "\"lines\":[{\"sku\":\"TEA\",\"quantity\":1}]}",
             external, dropoff, more);
    return text;
}

#define ADDRESS(text) "\"address\":\"" text "\""

static struct town_answer
post(const char *target, const char *json)
{
    return town_http(&town, town.intake, "POST", target, "Content-Type: application/json\r\n",
                     slice_str(json));
}

/* expect: the answer's status, and texts by their path; the answer is freed. */
static void
expect(struct town_answer a, int status, const char *path, const char *text)
{
    json_t *j = town_json(&a);

    if (a.status != status || strcmp(town_text(j, path), text) != 0)
        fprintf(stderr, "\n  expected %d with %s = %s, got %d: %s\n", status, path, text, a.status,
                a.body);
    CU_ASSERT_EQUAL(a.status, status);
    CU_ASSERT_STRING_EQUAL(town_text(j, path), text);
    json_decref(j);
    town_answer_free(&a);
}

static bool
matcher_knows_it(void *ctx)
{
    (void)ctx;
    return town_metric(&town, TOWN_MATCHER, "match_stores") == 1;
}

static void
test_town_comes_up_with_addresses(void)
{
    char out[1024], words[256];

    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(scratch));
    snprintf(served, sizeof served, "%s/city.addresses", scratch);
    setenv("LIFECIRCLE_ADDRESSES", "", 1);
    snprintf(words, sizeof words, "addresses build %s/baltimore.osm.pbf -o %s", LC_CITY_DATA,
             served);
    town_open(&town, TOWN_RECORDS | TOWN_PATIENT | TOWN_UNFORESEEN);
    CU_ASSERT_EQUAL_FATAL(town_lcctl(&town, out, sizeof out, words), 0);
    town_shop(&town, "fells-point", 39.2847, -76.5870, 1, "TEA,1000,219\n");
    CU_ASSERT_TRUE(town_wait(matcher_knows_it, NULL));
}

static void
test_without_an_index_lat_and_lng_are_needed(void)
{
    struct town_answer a = town_order(&town, body("none", ADDRESS("2300 Fleet St"), ""));

    CU_ASSERT_PTR_NOT_NULL(strstr(a.body, "dropoff.address"));
    CU_ASSERT_PTR_NOT_NULL(strstr(a.body, "no index of addresses is loaded"));
    expect(a, 422, "code", "invalid_order");
    a = town_order(&town, body("none", "\"instructions\":\"ring\"", ""));
    CU_ASSERT_PTR_NOT_NULL(strstr(a.body, "dropoff.lat"));
    expect(a, 422, "code", "invalid_order");
    a = town_order(&town, body("none", "\"lat\":39.2851," ADDRESS("2300 Fleet St"), ""));
    CU_ASSERT_PTR_NOT_NULL(strstr(a.body, "dropoff.lng"));
    expect(a, 422, "code", "invalid_order");

    CU_ASSERT_EQUAL(town_stop(&town, TOWN_INTAKE), 0);
    setenv("LIFECIRCLE_ADDRESSES", served, 1);
    town_start(&town, TOWN_INTAKE);
    town_ready(&town);
    a = town_http(&town, town.intake, "GET", "/readyz", NULL, slice_of(NULL, 0));
    CU_ASSERT_PTR_NOT_NULL(strstr(a.body, "addresses checksum="));
    town_answer_free(&a);
}

static void
test_a_house_that_is_known_is_delivered_to(void)
{
    const char *order = body("exact", ADDRESS("2300 Fleet St., Baltimore, MD 21224"), "");
    struct town_answer a = town_order(&town, order);
    snprintf(first_answer, sizeof first_answer, "%s", a.body);
    json_t *j = town_json(&a);
    const json_t *d = json_object_get(j, "dropoff");

    CU_ASSERT_EQUAL(a.status, 201);
    CU_ASSERT_DOUBLE_EQUAL(json_number_value(json_object_get(d, "lat")), 39.2851381, 1e-4);
    CU_ASSERT_DOUBLE_EQUAL(json_number_value(json_object_get(d, "lng")), -76.5841127, 1e-4);
    CU_ASSERT_TRUE(json_integer_value(json_object_get(d, "error_m")) >= 10);
    json_decref(j);
    expect(a, 201, "dropoff.precision", "exact");

    a = town_order(&town, order);
    CU_ASSERT_STRING_EQUAL(a.body, first_answer);
    expect(a, 201, "dropoff.precision", "exact");
    expect(town_order(&town, body("exact", ADDRESS("2302 Fleet St"), "")), 409, "code", "conflict");
    expect(town_order(&town, body("between", ADDRESS("1708 Fleet St"), "")), 201,
           "dropoff.precision", "interpolated");
    /* what the chain knows wins: nothing is said of it */
    expect(
        town_order(&town, body("wins", "\"lat\":39.2851,\"lng\":-76.5841," ADDRESS("nowhere"), "")),
        201, "dropoff.precision", "");
}

static void
test_what_is_not_found_is_refused(void)
{
    struct town_answer a = town_order(&town, body("odd", ADDRESS("12 Nowhere Lane"), ""));

    CU_ASSERT_PTR_NOT_NULL(strstr(a.body, "dropoff.address"));
    CU_ASSERT_PTR_NOT_NULL(strstr(a.body, "1234 Fleet St"));
    CU_ASSERT_PTR_NULL(strstr(a.body, "Nowhere")); /* it is somebody's address */
    expect(a, 422, "code", "invalid_order");
    expect(town_order(&town, body("odd", ADDRESS(""), "")), 422, "code", "invalid_order");
}

static void
test_a_street_alone_is_held_and_never_matched(void)
{
    const char *order = body("held", ADDRESS("Fleet Street"), "\"shortage\":\"reject\",");
    struct town_answer a = town_order(&town, order), again;
    char target[160], state[32];
    json_t *j = town_json(&a);

    CU_ASSERT_EQUAL(a.status, 202);
    CU_ASSERT_STRING_EQUAL(town_text(j, "status"), "held");
    CU_ASSERT_STRING_EQUAL(town_text(j, "reason"), "address_not_confirmed");
    CU_ASSERT_STRING_EQUAL(town_text(j, "dropoff.precision"), "street");
    snprintf(held, sizeof held, "%s", town_text(j, "order_id"));
    json_decref(j);
    again = town_order(&town, order);
    CU_ASSERT_EQUAL(again.status, 202);
    CU_ASSERT_STRING_EQUAL(again.body, a.body);
    town_answer_free(&again);
    town_answer_free(&a);

    /* stock comes, and other orders: nothing moves it */
    town_shop(&town, "second", 39.2860, -76.5860, 1, "TEA,1000,219\n");
    expect(town_order(&town, body("other", ADDRESS("2300 Fleet St"), "")), 201, "status", "placed");
    town_state(&town, held, state);
    CU_ASSERT_STRING_EQUAL(state, "held");

    snprintf(target, sizeof target, "/v1/quotes");
    expect(post(target, body("q", ADDRESS("Fleet Street"), "")), 200, "reason",
           "address_not_confirmed");
    expect(post(target, body("q", ADDRESS("2300 Fleet St"), "")), 200, "dropoff.precision",
           "exact");
}

static void
test_what_is_confirmed_is_matched_at_once(void)
{
    char target[160], history[4096], words[64];
    const char *place = "{\"lat\":39.2852,\"lng\":-76.5850}";

    snprintf(target, sizeof target, "/v1/orders/%s/confirm-address", held);
    expect(post(target, "{\"lat\":39.2852}"), 422, "code", "invalid_request");
    expect(post(target, "{\"lat\":139,\"lng\":1}"), 422, "code", "invalid_request");
    expect(post(target, place), 201, "dropoff.precision", "confirmed");
    expect(post(target, place), 201, "status", "placed");
    expect(post(target, "{\"lat\":39.2852,\"lng\":-76.5851}"), 409, "code", "not_allowed");
    expect(post("/v1/orders/7b1bd7a8-cb4c-5b3f-9ae8-f0ffd6a8a30e/confirm-address", place), 404,
           "code", "not_found");
    snprintf(target, sizeof target, "/v1/orders/%s", held);
    expect(town_http(&town, town.intake, "GET", target, NULL, slice_of(NULL, 0)), 200,
           "dropoff.precision", "confirmed");
    snprintf(words, sizeof words, "order %s", held);
    CU_ASSERT_EQUAL(town_lcctl(&town, history, sizeof history, words), 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(history, "chain: address confirmed"));
}

static bool
is_placed(void *order)
{
    struct town_answer a = town_order(&town, order);
    json_t *j = town_json(&a);
    bool placed = a.status == 201;

    CU_ASSERT_STRING_EQUAL(town_text(j, "dropoff.precision"), "confirmed");
    json_decref(j);
    town_answer_free(&a);
    return placed;
}

static bool
is_rejected(void *ctx)
{
    char state[32];

    town_state(&town, ctx, state);
    return strcmp(state, "rejected") == 0;
}

static void
test_an_operator_confirms_too_and_unconfirmed_ones_end(void)
{
    char id[40], hold[96], out[512];
    time_t soon = time(NULL) + 3;
    struct tm tm;

    strftime(hold, sizeof hold, "\"hold_until\":\"%Y-%m-%dT%H:%M:%SZ\",", gmtime_r(&soon, &tm));
    struct town_answer a = town_order(&town, body("brief", ADDRESS("Fleet Street"), hold));
    json_t *j = town_json(&a);
    snprintf(id, sizeof id, "%s", town_text(j, "order_id"));
    json_decref(j);
    expect(a, 202, "reason", "address_not_confirmed");

    expect(town_order(&town, body("ops", ADDRESS("9999 Fleet Street"), "")), 202, "status", "held");
    CU_ASSERT_EQUAL(town_lcctl(&town, out, sizeof out, "confirm corner/ops 39.2852,-76.585"), 0);
    CU_ASSERT_EQUAL(town_lcctl(&town, out, sizeof out, "confirm corner/ops 39.2852,-76.585"), 0);
    CU_ASSERT_EQUAL(town_lcctl(&town, out, sizeof out, "confirm corner/ops 39.2,-76.585"), 1);
    /* the same again does not make it wait again */
    CU_ASSERT_TRUE(
        town_wait(is_placed, (void *)(uintptr_t)body("ops", ADDRESS("9999 Fleet Street"), "")));

    CU_ASSERT_TRUE(town_wait(is_rejected, id));
}

static bool
has_refused(void *ctx)
{
    (void)ctx;
    return town_metric(&town, TOWN_INTAKE, "reloads_total{outcome=\"refused\"}") == 1;
}

static void
test_a_bad_index_is_refused_and_an_answer_outlives_its_index(void)
{
    char file[128];

    snprintf(file, sizeof file, "%s/kept", scratch);
    shell("cp %s %s", served, file);
    shell("head -c 5000 %s >%s.cut", file, served);
    shell("mv %s.cut %s", served, served);
    CU_ASSERT_EQUAL(kill(town.pid[TOWN_INTAKE], SIGHUP), 0);
    CU_ASSERT_TRUE(town_wait(has_refused, NULL));
    expect(town_order(&town, body("still", ADDRESS("2300 Fleet St"), "")), 201, "status", "placed");
    shell("mv %s %s", file, served);

    CU_ASSERT_EQUAL(town_stop(&town, TOWN_INTAKE), 0);
    setenv("LIFECIRCLE_ADDRESSES", "", 1);
    town_start(&town, TOWN_INTAKE);
    town_ready(&town);
    struct town_answer a =
        town_order(&town, body("exact", ADDRESS("2300 Fleet St., Baltimore, MD 21224"), ""));
    CU_ASSERT_STRING_EQUAL(a.body, first_answer);
    expect(a, 201, "dropoff.precision", "exact");
    expect(town_order(&town, body("late", ADDRESS("2300 Fleet St"), "")), 422, "code",
           "invalid_order");
}

static void
test_what_was_answered_replays_with_its_index_alone(void)
{
    char out[8192], words[512], kept[128];

    CU_ASSERT_EQUAL(town_stop(&town, TOWN_INTAKE), 0);
    snprintf(kept, sizeof kept, "%s/kept", scratch);
    shell("mv %s %s", served, kept);
    snprintf(words, sizeof words, "replay %s/record", town.dir);
    CU_ASSERT_EQUAL(town_lcctl(&town, out, sizeof out, words), 3);
    CU_ASSERT_PTR_NOT_NULL(strstr(out, "--addresses FILE"));
    snprintf(words, sizeof words, "replay %s/record --addresses %s", town.dir, kept);
    CU_ASSERT_EQUAL(town_lcctl(&town, out, sizeof out, words), 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(out, "intake"));
}

static void
test_town_goes_down(void)
{
    town_close(&town);
    shell("rm -rf '%s'%s", scratch, "");
}

UNIT_MAIN("addresses", UNIT(test_town_comes_up_with_addresses),
          UNIT(test_without_an_index_lat_and_lng_are_needed),
          UNIT(test_a_house_that_is_known_is_delivered_to), UNIT(test_what_is_not_found_is_refused),
          UNIT(test_a_street_alone_is_held_and_never_matched),
          UNIT(test_what_is_confirmed_is_matched_at_once),
          UNIT(test_an_operator_confirms_too_and_unconfirmed_ones_end),
          UNIT(test_a_bad_index_is_refused_and_an_answer_outlives_its_index),
          UNIT(test_what_was_answered_replays_with_its_index_alone), UNIT(test_town_goes_down))
