/* Operators' pages and stores' own screens: who is let in, what they see and do. */
#include "unit/notifier_rig.h"

#include "notifier/ops.h"

#include "access.pb-c.h"

#define OPERATOR "lc_operator_0_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
#define STORE "lc_store_1_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

static void
grant(struct rig *r, Lifecircle__V1__Access__Kind kind, uint32_t store)
{
    Lifecircle__V1__Access a = LIFECIRCLE__V1__ACCESS__INIT;

    a.kind = kind;
    a.name = (char *)(uintptr_t) "Olga";
    a.store = store;
    r->access_n = lifecircle__v1__access__pack(&a, (uint8_t *)r->access);
}

static void
put_store(struct rig *r, uint32_t number)
{
    Lifecircle__V1__Store s = LIFECIRCLE__V1__STORE__INIT;
    Lifecircle__V1__Point at = LIFECIRCLE__V1__POINT__INIT;

    at.lat_e7 = 392847000;
    at.lng_e7 = -765921000;
    s.store = number;
    s.chain = 1;
    s.at = &at;
    s.store_id = (char *)(uintptr_t)(number == 1 ? "fait-ave" : "other");
    s.name = (char *)(uintptr_t) "Corner Shop";
    CU_ASSERT_EQUAL(catalogue_put_store(rig_core(r)->catalogue, &s), LC_OK);
}

static struct rig *
with_operator(uint64_t conn)
{
    struct rig *r = rig_new();

    put_chain(r, "", false);
    put_store(r, 1);
    grant(r, LIFECIRCLE__V1__ACCESS__KIND__OPERATOR, 0);
    rig_http(r, conn, "/v1/ops", "token=" OPERATOR, true);
    return r;
}

static void
test_operator_is_let_in_by_a_known_token_of_the_right_kind_only(void)
{
    struct rig *r = with_operator(10);

    CU_ASSERT_PTR_NOT_NULL(rig_last(r, EFFECT_SOCKET_ACCEPT, 10));
    CU_ASSERT_PTR_NULL(rig_last(r, EFFECT_SOCKET_CLOSE, 10));
    grant(r, LIFECIRCLE__V1__ACCESS__KIND__STORE_SCREEN, 1);
    rig_http(r, 11, "/v1/ops", "token=" STORE, true);
    CU_ASSERT_EQUAL(rig_last(r, EFFECT_SOCKET_CLOSE, 11)->e.status, 4003);
    r->access_n = 0;
    rig_http(r, 12, "/v1/ops", "token=" OPERATOR, true);
    CU_ASSERT_EQUAL(rig_last(r, EFFECT_SOCKET_CLOSE, 12)->e.status, 4003);
    rig_free(r);
}

static void
test_operator_is_cut_when_the_token_is_revoked(void)
{
    struct rig *r = with_operator(10);

    rig_wake(r, 3000);
    CU_ASSERT_PTR_NULL(rig_last(r, EFFECT_SOCKET_CLOSE, 10));
    r->redis_dead = true; /* not knowing is no reason */
    rig_wake(r, 3000);
    CU_ASSERT_PTR_NULL(rig_last(r, EFFECT_SOCKET_CLOSE, 10));
    r->redis_dead = false;
    struct event up = {.kind = EVENT_REDIS_UP};
    rig_feed(r, &up);
    r->access_n = 0;
    rig_wake(r, 3000);
    const struct rig_sent *s = rig_last(r, EFFECT_SOCKET_CLOSE, 10);
    CU_ASSERT_PTR_NOT_NULL_FATAL(s);
    CU_ASSERT_EQUAL(s->e.status, 4003);
    rig_free(r);
}

static void
test_operator_sees_what_is_open_and_then_what_changes(void)
{
    struct rig *r = with_operator(10);

    rig_order(r, 0, LIFECIRCLE__V1__ORDER_STATE__PLACED, 0, 1);
    rig_say(r, 10, "{\"type\":\"hello\"}");
    CU_ASSERT_EQUAL(rig_count(r, EFFECT_SOCKET_SEND, 10, "\"type\":\"welcome\""), 1);
    CU_ASSERT_EQUAL(rig_count(r, EFFECT_SOCKET_SEND, 10, "\"store_id\":\"fait-ave\""), 1);
    rig_wake(r, 400);
    CU_ASSERT_EQUAL(rig_count(r, EFFECT_SOCKET_SEND, 10, "\"type\":\"synced\""), 1);
    CU_ASSERT(rig_count(r, EFFECT_SOCKET_SEND, 10, "\"external\":\"o-0\"") >= 1);

    unsigned before = rig_count(r, EFFECT_SOCKET_SEND, 10, "\"external\":\"o-1\"");
    CU_ASSERT_EQUAL(before, 0);
    rig_order(r, 1, LIFECIRCLE__V1__ORDER_STATE__PLACED, 0, 1);
    rig_order(r, 1, LIFECIRCLE__V1__ORDER_STATE__CONFIRMED, 1, 2);
    rig_wake(r, 400); /* the events are read */
    rig_wake(r, 400); /* what changed is told, once, as it is now */
    CU_ASSERT_EQUAL(rig_count(r, EFFECT_SOCKET_SEND, 10, "\"external\":\"o-1\""), 1);
    CU_ASSERT_EQUAL(rig_count(r, EFFECT_SOCKET_SEND, 10, "\"status\":\"confirmed\""), 1);
    rig_free(r);
}

static void
test_operator_who_goes_leaves_nothing_behind(void)
{
    struct rig *r = with_operator(10);
    struct event gone = {.kind = EVENT_GONE, .ref = 10};

    rig_say(r, 10, "{\"type\":\"hello\"}");
    rig_feed(r, &gone);
    rig_order(r, 0, LIFECIRCLE__V1__ORDER_STATE__PLACED, 0, 1);
    rig_wake(r, 400);
    CU_ASSERT_PTR_NULL(rig_core(r)->ops.viewers);
    CU_ASSERT_PTR_NULL(rig_core(r)->ops.guests);
    CU_ASSERT_PTR_NULL(rig_core(r)->ops.orders);
    rig_free(r);
}

static void
test_operator_cancels_in_their_own_name(void)
{
    struct rig *r = with_operator(10);
    char text[160];
    char id[UUID_TEXT];

    rig_order(r, 0, LIFECIRCLE__V1__ORDER_STATE__PLACED, 0, 1);
    rig_say(r, 10, "{\"type\":\"hello\"}");
    uuid_format(r->order[0], id);
    snprintf(text, sizeof text, "{\"type\":\"cancel\",\"id\":\"a1\",\"order_id\":\"%s\"}", id);
    r->step = STEP_DONE;
    rig_say(r, 10, text);
    CU_ASSERT_STRING_EQUAL(r->stepped, "cancel 60 operator");
    CU_ASSERT_EQUAL(rig_count(r, EFFECT_SOCKET_SEND, 10, "\"id\":\"a1\",\"outcome\":\"done\""), 1);
    r->step = STEP_NOT_ALLOWED;
    rig_say(r, 10, text);
    CU_ASSERT_EQUAL(rig_count(r, EFFECT_SOCKET_SEND, 10, "\"outcome\":\"not_allowed\""), 1);
    rig_free(r);
}

/* The courier's phone is lost: an operator heard what became of the goods. */
static void
test_operator_settles_what_is_carried(void)
{
    static const struct {
        const char *rest; /* of the message */
        const char *stepped;
        const char *words;
    } table[] = {
        {"\"kind\":\"delivered\",\"words\":\"she rang\"}", "handed_over 60 operator",
         "Olga: she rang"},
        {"\"kind\":\"delivered\"}", "handed_over 60 operator", "Olga"},
        {"\"kind\":\"returned\",\"words\":\"\"}", "taken_back 60 operator", "Olga"},
    };
    struct rig *r = with_operator(10);
    char text[256];
    char id[UUID_TEXT];

    rig_order(r, 0, LIFECIRCLE__V1__ORDER_STATE__PICKED_UP, 0, 1);
    rig_say(r, 10, "{\"type\":\"hello\"}");
    uuid_format(r->order[0], id);
    r->step = STEP_DONE;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        snprintf(text, sizeof text, "{\"type\":\"settle\",\"id\":\"a1\",\"order_id\":\"%s\",%s", id,
                 table[i].rest);
        rig_say(r, 10, text);
        CU_ASSERT_STRING_EQUAL(r->stepped, table[i].stepped);
        CU_ASSERT_STRING_EQUAL(r->step_words, table[i].words);
        CU_ASSERT_EQUAL(rig_count(r, EFFECT_SOCKET_SEND, 10, "\"id\":\"a1\",\"outcome\":\"done\""),
                        i + 1);
    }
    r->stepped[0] = '\0';
    snprintf(text, sizeof text,
             "{\"type\":\"settle\",\"id\":\"a1\",\"order_id\":\"%s\",\"kind\":\"lost\"}", id);
    rig_say(r, 10, text);
    CU_ASSERT_EQUAL(rig_count(r, EFFECT_SOCKET_SEND, 10, "\"field\":\"kind\""), 1);
    rig_say(r, 10, "{\"type\":\"settle\",\"id\":\"a1\",\"kind\":\"returned\"}");
    CU_ASSERT_EQUAL(rig_count(r, EFFECT_SOCKET_SEND, 10, "\"field\":\"order_id\""), 1);
    CU_ASSERT_STRING_EQUAL(r->stepped, "");
    rig_free(r);
}

static void
test_operator_decides_over_the_plans_head(void)
{
    static const struct {
        char outcome;
        const char *told;
    } cases[] = {{1, "done"},    {2, "already"}, {3, "not_now"},
                 {4, "unknown"}, {5, "unknown"}, {6, "contradiction"}};
    struct rig *r = with_operator(10);
    char text[256];
    char id[UUID_TEXT];

    rig_order(r, 0, LIFECIRCLE__V1__ORDER_STATE__PLACED, 0, 1);
    rig_say(r, 10, "{\"type\":\"hello\"}");
    uuid_format(r->order[0], id);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char wanted[64];
        r->rule = cases[i].outcome;
        snprintf(text, sizeof text,
                 "{\"type\":\"rule\",\"id\":\"r%zu\",\"kind\":\"pin\",\"order_id\":\"%s\","
                 "\"courier\":7,\"words\":\"they asked\"}",
                 i, id);
        rig_say(r, 10, text);
        snprintf(wanted, sizeof wanted, "\"id\":\"r%zu\",\"outcome\":\"%s\"", i, cases[i].told);
        CU_ASSERT_EQUAL(rig_count(r, EFFECT_SOCKET_SEND, 10, wanted), 1);
    }
    snprintf(text, sizeof text, "pin %s 7 Olga they asked", id);
    CU_ASSERT_STRING_EQUAL(r->ruled, text);
    rig_say(r, 10, "{\"type\":\"rule\",\"id\":\"f\",\"kind\":\"freeze\",\"courier\":7}");
    CU_ASSERT_STRING_EQUAL(r->ruled, "freeze  7 Olga ");
    rig_free(r);
}

static void
test_operator_is_told_what_a_ruling_lacks(void)
{
    static const char *const bad[] = {
        "{\"type\":\"rule\",\"id\":\"a\",\"kind\":\"pin\",\"courier\":7}",
        "{\"type\":\"rule\",\"id\":\"a\",\"kind\":\"freeze\"}",
        "{\"type\":\"rule\",\"id\":\"a\",\"kind\":\"marry\",\"courier\":7}",
        "{\"type\":\"rule\",\"kind\":\"freeze\",\"courier\":7}",
        "{\"type\":\"courier\"}",
    };
    struct rig *r = with_operator(10);

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        rig_say(r, 10, bad[i]);
        CU_ASSERT_EQUAL(rig_count(r, EFFECT_SOCKET_SEND, 10, "\"code\":\"bad_message\""), i + 1);
    }
    CU_ASSERT_STRING_EQUAL(r->ruled, "");
    rig_free(r);
}

static void
test_operator_says_where_an_order_goes(void)
{
    static const struct {
        char answer;
        const char *heard;
    } table[] = {
        {1, "done"}, {2, "already"}, {3, "not_waiting"}, {4, "unknown"}, {0, "unavailable"}};
    struct rig *r = with_operator(10);
    char said[64];

    rig_say(r, 10, "{\"type\":\"hello\"}");
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        r->confirm = table[i].answer;
        rig_say(r, 10,
                "{\"type\":\"confirm\",\"id\":\"a1\",\"order_id\":\"0193b3c8-0000-8000-8000-"
                "000000000000\",\"lat\":39.28515,\"lng\":-76.58602}");
        snprintf(said, sizeof said, "\"id\":\"a1\",\"outcome\":\"%s\"", table[i].heard);
        CU_ASSERT_PTR_NOT_NULL(strstr(rig_last(r, EFFECT_SOCKET_SEND, 10)->bytes, said));
        CU_ASSERT_STRING_EQUAL(r->confirmed,
                               "0193b3c8-0000-8000-8000-000000000000 392851500 -765860200 Olga");
    }
    r->confirmed[0] = '\0';
    rig_say(r, 10,
            "{\"type\":\"confirm\",\"id\":\"a2\",\"order_id\":\"0193b3c8-0000-8000-8000-"
            "000000000000\",\"lat\":139,\"lng\":0}");
    CU_ASSERT_PTR_NOT_NULL(strstr(rig_last(r, EFFECT_SOCKET_SEND, 10)->bytes, "\"field\":\"lat\""));
    rig_say(r, 10, "{\"type\":\"confirm\",\"id\":\"a3\",\"lat\":39,\"lng\":0}");
    CU_ASSERT_PTR_NOT_NULL(
        strstr(rig_last(r, EFFECT_SOCKET_SEND, 10)->bytes, "\"field\":\"order_id\""));
    CU_ASSERT_STRING_EQUAL(r->confirmed, "");
    rig_free(r);
}

static void
test_operator_is_told_what_was_not_understood(void)
{
    static const char *const bad[] = {"nonsense", "{}", "{\"type\":\"cancel\"}",
                                      "{\"type\":\"order\",\"order_id\":\"x\"}",
                                      "{\"type\":\"hello\",\"more\":1}"};
    struct rig *r = with_operator(10);

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        rig_say(r, 10, bad[i]);
        CU_ASSERT_EQUAL(rig_count(r, EFFECT_SOCKET_SEND, 10, "\"code\":\"bad_message\""), i + 1);
    }
    rig_free(r);
}

/* ---- a store's own screen ---- */

/* A demo in which an hour takes two minutes is shown as the city's hour. */
static void
test_operator_sees_click_to_door_in_the_citys_time(void)
{
    enum { MINUTE_MS = 60000 };
    struct rig *r = with_operator(10);
    struct record delivered = {.state = LIFECIRCLE__V1__ORDER_STATE__DELIVERED,
                               .updated_ms = r->now_ms,
                               .window_end_ms = r->now_ms};

    delivered.entered_ms[LIFECIRCLE__V1__ORDER_STATE__PLACED] = r->now_ms - MINUTE_MS;
    delivered.entered_ms[LIFECIRCLE__V1__ORDER_STATE__DELIVERED] = r->now_ms;
    ops_stats_event(&rig_core(r)->ops, &delivered);
    rig_say(r, 10, "{\"type\":\"hello\"}");
    CU_ASSERT(rig_count(r, EFFECT_SOCKET_SEND, 10, "\"type\":\"stats\",\"speedup\":1") >= 1);
    CU_ASSERT(rig_count(r, EFFECT_SOCKET_SEND, 10, "\"door_ms\":60000,") >= 1);
    rig_core(r)->speedup = 30;
    rig_say(r, 10, "{\"type\":\"hello\"}");
    CU_ASSERT(rig_count(r, EFFECT_SOCKET_SEND, 10, "\"type\":\"stats\",\"speedup\":30") >= 1);
    CU_ASSERT(rig_count(r, EFFECT_SOCKET_SEND, 10, "\"door_ms\":1800000,") >= 1);
    rig_free(r);
}

static struct rig *
with_screen(uint64_t conn, uint32_t store)
{
    struct rig *r = rig_new();

    put_chain(r, "", false);
    put_store(r, 1);
    put_store(r, 2);
    grant(r, LIFECIRCLE__V1__ACCESS__KIND__STORE_SCREEN, store);
    rig_http(r, conn, "/v1/store-feed", "token=" STORE, true);
    rig_say(r, conn, "{\"type\":\"hello\"}");
    return r;
}

static void
test_screen_sees_its_own_store_only(void)
{
    struct rig *r = with_screen(10, 2);

    rig_order(r, 0, LIFECIRCLE__V1__ORDER_STATE__PLACED, 0, 1); /* at store 1 */
    rig_wake(r, 400);
    CU_ASSERT_EQUAL(rig_count(r, EFFECT_SOCKET_SEND, 10, "\"store_id\":\"other\""), 1);
    CU_ASSERT_EQUAL(rig_count(r, EFFECT_SOCKET_SEND, 10, "\"tickets\":[]"), 1);
    CU_ASSERT_EQUAL(rig_count(r, EFFECT_SOCKET_SEND, 10, "o-0"), 0);
    rig_free(r);
}

static void
test_screen_works_on_its_own_orders_only(void)
{
    struct rig *r = with_screen(10, 1);
    char text[160];
    char id[UUID_TEXT];

    rig_order(r, 0, LIFECIRCLE__V1__ORDER_STATE__PLACED, 0, 1);
    uuid_format(r->order[0], id);
    snprintf(text, sizeof text, "{\"type\":\"ready\",\"id\":\"a1\",\"order_id\":\"%s\"}", id);
    r->order_store = 2;
    r->step = STEP_DONE;
    rig_say(r, 10, text);
    CU_ASSERT_EQUAL(rig_count(r, EFFECT_SOCKET_SEND, 10, "\"outcome\":\"unknown\""), 1);
    CU_ASSERT_STRING_EQUAL(r->stepped, "");
    r->order_store = 1;
    rig_say(r, 10, text);
    CU_ASSERT_STRING_EQUAL(r->stepped, "ready 0 store");
    CU_ASSERT_EQUAL(rig_count(r, EFFECT_SOCKET_SEND, 10, "\"outcome\":\"done\""), 1);
    rig_free(r);
}

static void
test_screen_hands_over_for_the_right_code_only(void)
{
    struct rig *r = with_screen(10, 1);
    char text[200];
    char id[UUID_TEXT];
    char code[COLLECTION_TEXT];

    rig_order(r, 0, LIFECIRCLE__V1__ORDER_STATE__READY_FOR_COLLECTION, 0, 1);
    uuid_format(r->order[0], id);
    collection_code(&rig_core(r)->secret, r->order[0], code);
    r->order_store = 1;
    r->step = STEP_DONE;
    snprintf(text, sizeof text,
             "{\"type\":\"collected\",\"id\":\"a1\",\"order_id\":\"%s\",\"code\":\"222222\"}", id);
    rig_say(r, 10, text);
    CU_ASSERT_EQUAL(rig_count(r, EFFECT_SOCKET_SEND, 10, "\"outcome\":\"wrong_code\""), 1);
    CU_ASSERT_STRING_EQUAL(r->stepped, "");
    snprintf(text, sizeof text,
             "{\"type\":\"collected\",\"id\":\"a2\",\"order_id\":\"%s\",\"code\":\"%s\"}", id,
             code);
    rig_say(r, 10, text);
    CU_ASSERT_STRING_EQUAL(r->stepped, "collected 0 store");
    rig_free(r);
}

/* ---- positions from other people's apps ---- */

static int
posted(struct rig *r, uint64_t conn, const char *query)
{
    struct http_event http = {
        .method = SLICE_LIT("POST"), .path = SLICE_LIT("/v1/osmand"), .query = slice_str(query)};
    struct event ev = {.kind = EVENT_HTTP, .ref = conn, .http = &http};

    rig_feed(r, &ev);
    return rig_last(r, EFFECT_HTTP, conn)->e.status;
}

#define COURIER "lc_courier_1_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

static void
test_traccar_client_posts_positions(void)
{
    struct rig *r = rig_new();

    rig_courier(r, 1, COURIER, false);
    /* as the Android client sends it, field by field */
    CU_ASSERT_EQUAL(posted(r, 10,
                           "id=" COURIER "&timestamp=1795366790&lat=39.2851&lon=-76.5932"
                           "&speed=3.2&bearing=90.0&altitude=12.0&accuracy=5.0&batt=81.0"),
                    200);
    CU_ASSERT_PTR_NOT_NULL_FATAL(rig_core(r)->positions);
    CU_ASSERT_EQUAL(rig_core(r)->positions->at.lat_e7, 392851000);
    CU_ASSERT_EQUAL(rig_core(r)->positions->time_ms, 1795366790000);
    /* an older one that was kept while offline does not count */
    CU_ASSERT_EQUAL(posted(r, 11, "id=" COURIER "&timestamp=1795366700&lat=39.3&lon=-76.6"), 200);
    CU_ASSERT_EQUAL(rig_core(r)->positions->at.lat_e7, 392851000);
    CU_ASSERT_EQUAL(posted(r, 12, "id=nobody&lat=39.3&lon=-76.6"), 401);
    CU_ASSERT_EQUAL(posted(r, 13, "id=" COURIER "&lat=91&lon=-76.6"), 400);
    CU_ASSERT_EQUAL(posted(r, 14, "id=" COURIER "&lat=nan&lon=x"), 400);
    CU_ASSERT_EQUAL(posted(r, 15, "id=" COURIER), 400);
    rig_free(r);
}

static int
posted_json(struct rig *r, uint64_t conn, const char *json)
{
    struct http_event http = {.method = SLICE_LIT("POST"), .path = SLICE_LIT("/v1/osmand")};
    struct event ev = {.kind = EVENT_HTTP, .ref = conn, .http = &http, .bytes = slice_str(json)};

    rig_feed(r, &ev);
    return rig_last(r, EFFECT_HTTP, conn)->e.status;
}

static void
test_traccar_client_9_posts_json(void)
{
    static const struct {
        const char *json;
        int status;
    } bad[] = {
        {"{\"location\":{\"coords\":{\"latitude\":39.3,\"longitude\":-76.6}},\"device_id\":\"x\"}",
         401},
        {"{\"location\":{\"coords\":{\"latitude\":91,\"longitude\":-76.6}},\"device_id\":\"" COURIER
         "\"}",
         400},
        {"{\"location\":{\"coords\":{\"latitude\":\"39\",\"longitude\":-76.6}},\"device_id\":"
         "\"" COURIER "\"}",
         400},
        {"{\"location\":[],\"device_id\":\"" COURIER "\"}", 400},
        {"{\"device_id\":\"" COURIER "\"}", 400},
        {"{\"location\":", 400},
    };
    struct rig *r = rig_new();

    rig_courier(r, 1, COURIER, false);
    /* with every field that the client sends */
    CU_ASSERT_EQUAL(
        posted_json(r, 10,
                    "{\"location\":{\"timestamp\":\"2026-11-22T16:59:50.123Z\",\"coords\":{"
                    "\"latitude\":39.2851,\"longitude\":-76.5932,\"accuracy\":4.8,\"speed\":3.2,"
                    "\"heading\":90.5,\"altitude\":12.1},\"is_moving\":true,\"odometer\":1204.5,"
                    "\"event\":\"motionchange\",\"battery\":{\"level\":0.81,\"is_charging\":false},"
                    "\"activity\":{\"type\":\"on_bicycle\"},\"extras\":{}},\"device_id\":\"" COURIER
                    "\"}"),
        200);
    CU_ASSERT_PTR_NOT_NULL_FATAL(rig_core(r)->positions);
    CU_ASSERT_EQUAL(rig_core(r)->positions->at.lat_e7, 392851000);
    CU_ASSERT_EQUAL(rig_core(r)->positions->time_ms, 1795366790123);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        CU_ASSERT_EQUAL(posted_json(r, 20 + i, bad[i].json), bad[i].status);
    CU_ASSERT_EQUAL(rig_core(r)->positions->at.lat_e7, 392851000);
    rig_free(r);
}

static int
shown(struct rig *r, uint64_t conn, const char *path, const char *token, struct slice picture)
{
    char bearer[128];
    snprintf(bearer, sizeof bearer, "Bearer %s", token);
    struct header_field header = {SLICE_LIT("Authorization"), slice_str(bearer)};
    struct http_event http = {
        .method = SLICE_LIT("POST"), .path = slice_str(path), .headers = &header, .n_headers = 1};
    struct event ev = {.kind = EVENT_HTTP, .ref = conn, .http = &http, .bytes = picture};

    rig_feed(r, &ev);
    return rig_last(r, EFFECT_HTTP, conn)->e.status;
}

static void
test_courier_posts_a_photo(void)
{
    static const char jpeg[] = "\xff\xd8\xff\xe0 a picture";
    static char large[150001] = "\xff\xd8\xff";
    const char *path = "/v1/courier/proof/01930000-0000-7000-8000-000000000001/photo";
    const struct slice good = slice_of(jpeg, sizeof jpeg - 1);
    struct rig *r = rig_new();

    rig_courier(r, 1, COURIER, false);
    for (int64_t i = 0; i < 4; i++)
        rig_wake(r, 100); /* chance for keys gathers */
    r->proof = 1;
    CU_ASSERT_EQUAL(shown(r, 10, path, COURIER, good), 200);
    r->proof = 3;
    CU_ASSERT_EQUAL(shown(r, 11, path, COURIER, good), 409);
    r->proof = 4;
    CU_ASSERT_EQUAL(shown(r, 12, path, COURIER, good), 404);
    CU_ASSERT_EQUAL(shown(r, 13, path, "lc_courier_1_nobody", good), 401);
    CU_ASSERT_EQUAL(shown(r, 14, "/v1/courier/proof/x/photo", COURIER, good), 404);
    CU_ASSERT_EQUAL(shown(r, 15, path, COURIER, SLICE_LIT("<svg>")), 415);
    CU_ASSERT_EQUAL(shown(r, 16, path, COURIER, slice_of(large, sizeof large)), 413);
    rig_free(r);
}

UNIT_MAIN(
    "notifier operators and screens", UNIT(test_operator_sees_click_to_door_in_the_citys_time),
    UNIT(test_operator_is_let_in_by_a_known_token_of_the_right_kind_only),
    UNIT(test_operator_is_cut_when_the_token_is_revoked),
    UNIT(test_operator_sees_what_is_open_and_then_what_changes),
    UNIT(test_operator_who_goes_leaves_nothing_behind),
    UNIT(test_operator_cancels_in_their_own_name), UNIT(test_operator_settles_what_is_carried),
    UNIT(test_operator_decides_over_the_plans_head),
    UNIT(test_operator_is_told_what_a_ruling_lacks), UNIT(test_operator_says_where_an_order_goes),
    UNIT(test_operator_is_told_what_was_not_understood), UNIT(test_screen_sees_its_own_store_only),
    UNIT(test_screen_works_on_its_own_orders_only),
    UNIT(test_screen_hands_over_for_the_right_code_only), UNIT(test_traccar_client_posts_positions),
    UNIT(test_traccar_client_9_posts_json), UNIT(test_courier_posts_a_photo))
