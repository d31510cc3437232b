/* The notifier's core alone: phones, screens, customers. */
#include "unit/notifier_rig.h"

#define TOKEN "lc_courier_1_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

static struct rig *
with_phone(uint64_t conn)
{
    struct rig *r = rig_new();

    rig_courier(r, 1, TOKEN, false);
    rig_http(r, conn, "/v1/courier", "token=" TOKEN, true);
    return r;
}

static void
test_phone_is_let_in_by_its_token_only(void)
{
    static const char *const wrong[] = {"",
                                        "token=",
                                        "token=x",
                                        "token=lc_courier_1_BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB",
                                        "token=lc_courier_2_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
                                        "token=lc_chain_1_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"};
    struct rig *r = with_phone(10);

    CU_ASSERT_PTR_NOT_NULL(rig_last(r, EFFECT_SOCKET_ACCEPT, 10));
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        rig_http(r, 20 + i, "/v1/courier", wrong[i], true);
        const struct rig_sent *s = rig_last(r, EFFECT_HTTP, 20 + i);
        CU_ASSERT_PTR_NOT_NULL_FATAL(s);
        CU_ASSERT_EQUAL(s->e.status, 401);
    }
    rig_courier(r, 1, TOKEN, true);
    rig_http(r, 40, "/v1/courier", "token=" TOKEN, true);
    CU_ASSERT_EQUAL(rig_last(r, EFFECT_HTTP, 40)->e.status, 401);
    rig_free(r);
}

static void
test_phone_is_cut_when_its_token_is_revoked(void)
{
    struct rig *r = with_phone(10);

    rig_courier(r, 1, TOKEN, true);
    rig_wake(r, 200);
    const struct rig_sent *s = rig_last(r, EFFECT_SOCKET_CLOSE, 10);
    CU_ASSERT_PTR_NOT_NULL_FATAL(s);
    CU_ASSERT_EQUAL(s->e.status, 4003);
    rig_free(r);
}

static void
test_phone_that_signs_in_elsewhere_leaves_the_old_connection(void)
{
    struct rig *r = with_phone(10);

    rig_http(r, 11, "/v1/courier", "token=" TOKEN, true);
    CU_ASSERT_PTR_NOT_NULL(rig_last(r, EFFECT_SOCKET_CLOSE, 10));
    CU_ASSERT_PTR_NOT_NULL(rig_last(r, EFFECT_SOCKET_ACCEPT, 11));
    rig_free(r);
}

static void
test_phones_are_found_by_the_couriers_number(void)
{
    static const uint32_t numbers[] = {1, 1023, 1024, 70000, 4194303};
    struct rig *r = rig_new();

    for (uint64_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        char token[96], query[128];
        uint64_t conn = 10 + 2 * i;
        snprintf(token, sizeof token, "lc_courier_%u_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", numbers[i]);
        snprintf(query, sizeof query, "token=%s", token);
        rig_courier(r, numbers[i], token, false);
        CU_ASSERT_PTR_NULL(session_by_courier(rig_core(r), numbers[i]));
        rig_http(r, conn, "/v1/courier", query, true);
        rig_http(r, conn + 1, "/v1/courier", query, true);
        CU_ASSERT_PTR_NOT_NULL(rig_last(r, EFFECT_SOCKET_CLOSE, conn));
        struct session *s = session_by_courier(rig_core(r), numbers[i]);
        CU_ASSERT_PTR_NOT_NULL_FATAL(s);
        CU_ASSERT_EQUAL(s->conn, conn + 1);
        struct event gone = {.kind = EVENT_GONE, .ref = conn + 1};
        rig_feed(r, &gone);
        CU_ASSERT_PTR_NULL(session_by_courier(rig_core(r), numbers[i]));
    }
    rig_free(r);
}

static void
test_hello_is_answered_with_welcome_then_the_newer_route(void)
{
    struct rig *r = with_phone(10);

    rig_order(r, 0, LIFECIRCLE__V1__ORDER_STATE__PLACED, 1, 1);
    rig_route(r, 1, 7, 0);
    rig_say(r, 10, "{\"type\":\"hello\",\"last_version\":6}");
    CU_ASSERT_EQUAL(rig_count(r, EFFECT_SOCKET_SEND, 10, "\"type\":\"welcome\""), 1);
    CU_ASSERT_EQUAL(rig_count(r, EFFECT_SOCKET_SEND, 10, "\"version\":7,\"offer_expires_at\":null"),
                    1);
    CU_ASSERT_EQUAL(rig_count(r, EFFECT_SOCKET_SEND, 10, "\"external_order_id\":\"o-0\""), 1);
    rig_free(r);
}

/* Who brings it reads where to and whom to call; nothing of it is in Redis in plain text. */
static void
test_route_says_where_to_and_for_whom_until_that_is_erased(void)
{
    struct rig *r = with_phone(10);

    rig_order(r, 0, LIFECIRCLE__V1__ORDER_STATE__PLACED, 1, 1);
    CU_ASSERT_PTR_NULL(memmem(r->record[0], r->record_n[0], "Fait", 4));
    rig_route_to(r, 1, 7, 0, LIFECIRCLE__V1__STOP__KIND__DROPOFF);
    rig_say(r, 10, "{\"type\":\"hello\"}");
    CU_ASSERT_EQUAL(rig_count(r, EFFECT_SOCKET_SEND, 10, "\"address\":\"3000 Fait Ave\""), 1);
    CU_ASSERT_EQUAL(rig_count(r, EFFECT_SOCKET_SEND, 10, "\"phone\":\"+14105550123\""), 1);
    rig_order(r, 0, LIFECIRCLE__V1__ORDER_STATE__CANCELLED, 1,
              2); /* only what has ended is erased */
    rig_wake(r, 300);
    r->sealed_n[0] = 0;
    rig_route_to(r, 1, 8, 0, LIFECIRCLE__V1__STOP__KIND__DROPOFF);
    rig_wake(r, 300);
    CU_ASSERT_EQUAL(rig_count(r, EFFECT_SOCKET_SEND, 10, "\"version\":8"), 1);
    CU_ASSERT_EQUAL(rig_count(r, EFFECT_SOCKET_SEND, 10, "\"address\":\"\""), 1);
    rig_free(r);
}

static void
test_route_that_was_seen_is_not_shown_again(void)
{
    struct rig *r = with_phone(10);

    rig_order(r, 0, LIFECIRCLE__V1__ORDER_STATE__PLACED, 1, 1);
    rig_route(r, 1, 7, 0);
    rig_say(r, 10, "{\"type\":\"hello\",\"last_version\":7}");
    rig_wake(r, 300);
    CU_ASSERT_EQUAL(rig_count(r, EFFECT_SOCKET_SEND, 10, "\"type\":\"route\""), 0);
    rig_route(r, 1, 8, 0);
    rig_wake(r, 300);
    rig_event_add(r, 'r', r->events[r->n_events - 1].value, 8); /* the same news again */
    rig_wake(r, 300);
    CU_ASSERT_EQUAL(rig_count(r, EFFECT_SOCKET_SEND, 10, "\"type\":\"route\",\"version\":8"), 1);
    rig_free(r);
}

/* answer: the router's answer to action a1, the only one that waits, comes twice. */
static void
answer(struct rig *r, uint64_t tag, Lifecircle__V1__CourierReply__Outcome outcome)
{
    Lifecircle__V1__CourierReply reply = LIFECIRCLE__V1__COURIER_REPLY__INIT;
    Lifecircle__V1__Envelope env;
    struct mint mint;
    uint8_t frame[512];

    mint_init(&mint, "router", SLICE_LIT("bal"), 1);
    envelope_init(&env, &mint, r->now_ms, 0);
    reply.courier = 1;
    reply.action_id = (char *)(uintptr_t) "a1";
    reply.tag = tag;
    reply.outcome = outcome;
    env.body_case = LIFECIRCLE__V1__ENVELOPE__BODY_COURIER_REPLY;
    env.courier_reply = &reply;
    size_t size = lifecircle__v1__envelope__pack(&env, frame);
    struct event ev = {.kind = EVENT_MESSAGE, .bytes = slice_of((char *)frame, size)};
    rig_feed(r, &ev);
    rig_feed(r, &ev); /* doubled on the way */
}

static void
test_action_is_sent_again_until_the_router_answers(void)
{
    struct rig *r = with_phone(10);

    rig_say(r, 10, "{\"type\":\"hello\"}");
    rig_say(r, 10, "{\"type\":\"accept\",\"id\":\"a1\",\"version\":3}");
    rig_wake(r, 600);
    CU_ASSERT_EQUAL(rig_count(r, EFFECT_SEND, 0, ""), 2);

    CU_ASSERT_PTR_NOT_NULL_FATAL(rig_core(r)->actions);
    answer(r, rig_core(r)->actions->tag, LIFECIRCLE__V1__COURIER_REPLY__OUTCOME__DONE);
    CU_ASSERT_EQUAL(rig_count(r, EFFECT_SOCKET_SEND, 10, "\"id\":\"a1\",\"outcome\":\"done\""), 1);
    rig_wake(r, 600);
    CU_ASSERT_EQUAL(rig_count(r, EFFECT_SEND, 0, ""), 2);
    rig_free(r);
}

static void
test_action_that_the_router_cannot_take_now_is_sent_again(void)
{
    struct rig *r = with_phone(10);

    rig_say(r, 10, "{\"type\":\"hello\"}");
    rig_say(r, 10, "{\"type\":\"accept\",\"id\":\"a1\",\"version\":3}");
    CU_ASSERT_PTR_NOT_NULL_FATAL(rig_core(r)->actions);
    uint64_t tag = rig_core(r)->actions->tag;
    answer(r, tag, LIFECIRCLE__V1__COURIER_REPLY__OUTCOME__UNAVAILABLE_NOW);
    CU_ASSERT_EQUAL(rig_count(r, EFFECT_SOCKET_SEND, 10, "\"outcome\""), 0);
    rig_wake(r, 600);
    CU_ASSERT_EQUAL(rig_count(r, EFFECT_SEND, 0, ""), 2);
    answer(r, tag, LIFECIRCLE__V1__COURIER_REPLY__OUTCOME__DONE);
    CU_ASSERT_EQUAL(rig_count(r, EFFECT_SOCKET_SEND, 10, "\"outcome\":\"done\""), 1);
    CU_ASSERT_PTR_NULL(rig_core(r)->actions);
    rig_free(r);
}

static void
test_action_without_an_answer_is_given_back_to_the_phone(void)
{
    struct rig *r = with_phone(10);

    rig_say(r, 10, "{\"type\":\"hello\"}");
    rig_say(r, 10, "{\"type\":\"sign_off\",\"id\":\"a1\"}");
    rig_wake(r, ACTION_PATIENCE_MS + 1);
    CU_ASSERT_EQUAL(rig_count(r, EFFECT_SOCKET_SEND, 10, "\"outcome\":\"unavailable\""), 1);
    CU_ASSERT_PTR_NULL(rig_core(r)->actions);
    rig_free(r);
}

static void
test_action_beyond_those_that_may_wait_is_given_back_at_once(void)
{
    struct rig *r = with_phone(10);

    rig_say(r, 10, "{\"type\":\"hello\"}");
    for (int i = 0; i < ACTIONS_A_PHONE; i++)
        rig_say(r, 10, "{\"type\":\"sign_off\",\"id\":\"a1\"}");
    CU_ASSERT_EQUAL(rig_count(r, EFFECT_SOCKET_SEND, 10, "\"outcome\":\"unavailable\""), 0);
    rig_say(r, 10, "{\"type\":\"sign_off\",\"id\":\"a2\"}");
    CU_ASSERT_EQUAL(HASH_COUNT(rig_core(r)->actions), ACTIONS_A_PHONE);
    CU_ASSERT_EQUAL(
        rig_count(r, EFFECT_SOCKET_SEND, 10, "\"id\":\"a2\",\"outcome\":\"unavailable\""), 1);
    rig_wake(r, ACTION_PATIENCE_MS + 1);
    rig_say(r, 10, "{\"type\":\"sign_off\",\"id\":\"a3\"}");
    CU_ASSERT_EQUAL(HASH_COUNT(rig_core(r)->actions), 1);
    rig_free(r);
}

static void
test_bad_messages_are_named_and_harm_nothing(void)
{
    static const struct {
        const char *said;
        const char *heard;
    } table[] = {
        {"", "\"type\":\"error\""},
        {"nonsense", "\"type\":\"error\""},
        {"[]", "\"type\":\"error\""},
        {"{}", "type: "},
        {"{\"type\":\"fly\"}", "type: "},
        {"{\"type\":\"accept\"}", "id: "},
        {"{\"type\":\"accept\",\"id\":\"a\"}", "version: "},
        {"{\"type\":\"accept\",\"id\":\"a\",\"version\":0}", "version: "},
        {"{\"type\":\"accept\",\"id\":\"\",\"version\":1}", "id: "},
        {"{\"type\":\"arrived\",\"id\":\"a\"}", "order_id: "},
        {"{\"type\":\"arrived\",\"id\":\"a\",\"order_id\":\"4711\"}", "order_id: "},
        {"{\"type\":\"delivered\",\"id\":\"a\",\"order_id\":"
         "\"0193b3c8-0000-8000-8000-000000000000\"}",
         "pin: "},
        {"{\"type\":\"position\",\"lat\":91,\"lng\":0}", "lat"},
        {"{\"type\":\"position\",\"lat\":1}", "lng"},
        {"{\"type\":\"hello\",\"last_version\":-1}", "last_version: "},
        {"{\"type\":\"hello\",\"colour\":1}", "colour"},
        {"{\"type\":\"sign_on\",\"id\":\"a\"}", "vehicle"},
        {"{\"type\":\"sign_on\",\"id\":\"a\",\"vehicle\":\"boat\",\"shift_end\":"
         "\"2030-01-01T00:00:00Z\",\"lat\":1,\"lng\":1}",
         "vehicle: "},
        {"{\"type\":\"undeliverable\",\"id\":\"a\",\"order_id\":"
         "\"0193b3c8-0000-8000-8000-000000000000\",\"reason\":\"bored\"}",
         "reason: "},
    };
    struct rig *r = with_phone(10);

    rig_say(r, 10, "{\"type\":\"hello\"}");
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        rig_say(r, 10, table[i].said);
        const struct rig_sent *s = rig_last(r, EFFECT_SOCKET_SEND, 10);
        CU_ASSERT_PTR_NOT_NULL_FATAL(s);
        CU_ASSERT_PTR_NOT_NULL(strstr(s->bytes, "\"code\":\"bad_message\""));
        CU_ASSERT_PTR_NOT_NULL(strstr(s->bytes, table[i].heard));
        CU_ASSERT_EQUAL(strstr(s->bytes, "\"id\":\"a\"") != NULL,
                        strstr(table[i].said, "\"id\":\"a\"") != NULL);
    }
    CU_ASSERT_EQUAL(rig_core(r)->counters[COUNT_BAD_MESSAGES].value, sizeof table / sizeof *table);
    CU_ASSERT_PTR_NULL(rig_last(r, EFFECT_SOCKET_CLOSE, 10));
    rig_free(r);
}

static void
test_positions_reach_the_router_newest_only(void)
{
    struct rig *r = with_phone(10);
    const char *text = "{\"type\":\"position\",\"lat\":39.28,\"lng\":-76.59,\"at\":\"%s\"}";
    char said[128];

    rig_say(r, 10, "{\"type\":\"hello\"}");
    snprintf(said, sizeof said, text, "2026-11-22T16:59:59Z");
    rig_say(r, 10, said);
    snprintf(said, sizeof said, text, "2026-11-22T16:59:58Z"); /* late */
    rig_say(r, 10, said);
    rig_wake(r, 200);
    CU_ASSERT_EQUAL(rig_core(r)->counters[COUNT_POSITIONS].value, 1);
    const struct rig_sent *s = rig_last(r, EFFECT_SEND, 0);
    CU_ASSERT_PTR_NOT_NULL_FATAL(s);
    CU_ASSERT_EQUAL(s->e.role, ROLE_ROUTER);
    rig_free(r);
}

/* Of a phone whose clock is slow, too; and nothing else needs to happen for it. */
static void
test_a_position_is_forgotten_so_long_after_it_came(void)
{
    static const char *const at[] = {"2026-11-22T16:59:59Z", "2026-11-22T16:50:00Z"};

    for (size_t i = 0; i < 2; i++) {
        struct rig *r = with_phone(10);
        char said[128];
        rig_say(r, 10, "{\"type\":\"hello\"}");
        rig_wake(r, 5000);
        snprintf(said, sizeof said,
                 "{\"type\":\"position\",\"lat\":39.28,\"lng\":-76.59,\"at\":\"%s\"}", at[i]);
        rig_say(r, 10, said);
        for (int s = 0; s < 290; s += 10)
            rig_wake(r, 10000);
        CU_ASSERT_PTR_NOT_NULL(rig_core(r)->positions);
        rig_wake(r, 10000);
        rig_wake(r, 2000);
        CU_ASSERT_PTR_NULL(rig_core(r)->positions);
        rig_free(r);
    }
}

/* ---- customers ---- */

static void
test_tracking_shows_the_order_behind_a_true_token_only(void)
{
    struct rig *r = rig_new();
    char token[TRACKING_TEXT];
    char path[80];

    rig_order(r, 0, LIFECIRCLE__V1__ORDER_STATE__PLACED, 0, 1);
    tracking_token(&rig_core(r)->secret, r->order[0], token);
    snprintf(path, sizeof path, "/t/%s", token);
    rig_http(r, 30, path, "", false);
    const struct rig_sent *s = rig_last(r, EFFECT_HTTP, 30);
    CU_ASSERT_PTR_NOT_NULL_FATAL(s);
    CU_ASSERT_EQUAL(s->e.status, 200);
    CU_ASSERT_PTR_NOT_NULL(strstr(s->bytes, "\"status\":\"placed\""));
    CU_ASSERT_PTR_NOT_NULL(strstr(s->bytes, "\"pin\":\""));
    path[10] = path[10] == 'A' ? 'B' : 'A';
    rig_http(r, 31, path, "", false);
    CU_ASSERT_EQUAL(rig_last(r, EFFECT_HTTP, 31)->e.status, 404);
    rig_free(r);
}

static void
test_tracking_stream_follows_and_forgets(void)
{
    struct rig *r = rig_new();
    char token[TRACKING_TEXT];
    char path[80];
    struct event gone = {.kind = EVENT_GONE, .ref = 30};

    rig_order(r, 0, LIFECIRCLE__V1__ORDER_STATE__PLACED, 0, 1);
    tracking_token(&rig_core(r)->secret, r->order[0], token);
    snprintf(path, sizeof path, "/t/%s/events", token);
    rig_http(r, 30, path, "", false);
    rig_wake(r, 300);
    rig_order(r, 0, LIFECIRCLE__V1__ORDER_STATE__PICKED_UP, 1, 2);
    rig_wake(r, 300);
    CU_ASSERT_PTR_NOT_NULL(rig_last(r, EFFECT_HTTP_BEGIN, 30));
    CU_ASSERT_EQUAL(rig_count(r, EFFECT_HTTP_CHUNK, 30, "\"status\":\"picked_up\""), 1);
    rig_feed(r, &gone);
    CU_ASSERT_PTR_NULL(rig_core(r)->watched);
    CU_ASSERT_PTR_NULL(rig_core(r)->watcher_conns);
    rig_free(r);
}

static void
test_tracking_link_takes_only_so_many_connections(void)
{
    struct rig *r = rig_new();
    char token[TRACKING_TEXT];
    char path[80];
    struct event gone = {.kind = EVENT_GONE, .ref = 100};

    rig_order(r, 0, LIFECIRCLE__V1__ORDER_STATE__PLACED, 0, 1);
    tracking_token(&rig_core(r)->secret, r->order[0], token);
    snprintf(path, sizeof path, "/t/%s/events", token);
    for (uint64_t i = 0; i < WATCHERS_AN_ORDER; i++)
        rig_http(r, 100 + i, path, "", false);
    rig_http(r, 50, path, "", false);
    CU_ASSERT_PTR_NOT_NULL_FATAL(rig_last(r, EFFECT_HTTP, 50));
    CU_ASSERT_EQUAL(rig_last(r, EFFECT_HTTP, 50)->e.status, 429);
    rig_feed(r, &gone);
    rig_http(r, 51, path, "", false);
    CU_ASSERT_PTR_NOT_NULL(rig_last(r, EFFECT_HTTP_BEGIN, 51));
    rig_free(r);
}

/* What was picked up has left the store: it is on no screen that comes later. */
static void
test_screen_first_gets_what_the_store_has_to_do_with(void)
{
    struct rig *r = rig_new();
    Lifecircle__V1__Store store = LIFECIRCLE__V1__STORE__INIT;
    Lifecircle__V1__Point at = LIFECIRCLE__V1__POINT__INIT;

    put_chain(r, "", false);
    store.store = store.chain = 1;
    store.store_id = (char *)(uintptr_t) "s1";
    store.at = &at;
    CU_ASSERT_EQUAL(catalogue_put_store(rig_core(r)->catalogue, &store), LC_OK);
    rig_order(r, 0, LIFECIRCLE__V1__ORDER_STATE__PLACED, 0, 1);
    rig_order(r, 1, LIFECIRCLE__V1__ORDER_STATE__PICKED_UP, 1, 5);
    rig_order(r, 2, LIFECIRCLE__V1__ORDER_STATE__RETURNING, 1, 7);
    rig_order(r, 3, LIFECIRCLE__V1__ORDER_STATE__DELIVERED, 1, 8);
    for (int i = 1; i <= 3; i++)
        r->record[i][3] |= RECORD_COMMITTED;
    rig_wake(r, 300);
    rig_http(r, 30, "/v1/store-feed", "store_id=s1&token=" CHAIN_KEY, true);
    rig_say(r, 30, "{\"type\":\"hello\"}");
    const struct rig_sent *s = rig_last(r, EFFECT_SOCKET_SEND, 30);
    CU_ASSERT_PTR_NOT_NULL_FATAL(s);
    CU_ASSERT_PTR_NOT_NULL(strstr(s->bytes, "\"type\":\"tickets\""));
    CU_ASSERT_PTR_NOT_NULL(strstr(s->bytes, "\"o-0\""));
    CU_ASSERT_PTR_NULL(strstr(s->bytes, "\"o-1\""));
    CU_ASSERT_PTR_NOT_NULL(strstr(s->bytes, "\"o-2\""));
    CU_ASSERT_PTR_NULL(strstr(s->bytes, "\"o-3\""));
    rig_free(r);
}

/* with_screen: the screen of chain 1's store s1 on connection 30. */
static struct rig *
with_screen(const char *webhook)
{
    struct rig *r = rig_new();
    Lifecircle__V1__Store store = LIFECIRCLE__V1__STORE__INIT;
    Lifecircle__V1__Point at = LIFECIRCLE__V1__POINT__INIT;

    put_chain(r, webhook, false);
    store.store = store.chain = 1;
    store.store_id = (char *)(uintptr_t) "s1";
    store.at = &at;
    CU_ASSERT_EQUAL(catalogue_put_store(rig_core(r)->catalogue, &store), LC_OK);
    rig_http(r, 30, "/v1/store-feed", "store_id=s1&token=" CHAIN_KEY, true);
    return r;
}

/* Another notifier takes the cursor past an event that this one has not read. */
static void
test_screen_is_told_what_another_notifier_was_faster_with(void)
{
    struct rig *r = with_screen("https://chain.example/hooks");

    rig_say(r, 30, "{\"type\":\"hello\"}");
    snprintf(r->cursor, sizeof r->cursor, "1-2");
    rig_order(r, 0, LIFECIRCLE__V1__ORDER_STATE__PLACED, 0, 1);
    rig_wake(r, 300);
    rig_order(r, 1, LIFECIRCLE__V1__ORDER_STATE__PLACED, 0, 1);
    rig_wake(r, 300);
    CU_ASSERT_EQUAL(rig_count(r, EFFECT_SOCKET_SEND, 30, "\"type\":\"ticket\",\"id\":\"1-2\""), 1);
    CU_ASSERT_STRING_EQUAL(r->cursor, "1-2");
    CU_ASSERT_EQUAL(r->enqueued, 0);
    rig_free(r);
}

static void
test_screen_is_cut_when_its_key_is_revoked(void)
{
    struct rig *r = with_screen("");

    rig_wake(r, 1100);
    CU_ASSERT_PTR_NULL(rig_last(r, EFFECT_SOCKET_CLOSE, 30));
    put_chain(r, "", true);
    rig_wake(r, 1100);
    const struct rig_sent *s = rig_last(r, EFFECT_SOCKET_CLOSE, 30);
    CU_ASSERT_PTR_NOT_NULL_FATAL(s);
    CU_ASSERT_EQUAL(s->e.status, 4003);
    CU_ASSERT_PTR_NULL(rig_core(r)->screens);
    rig_free(r);
}

static void
test_events_after_a_lost_redis_are_read_from_the_cursor(void)
{
    struct rig *r = with_phone(10);
    struct event up = {.kind = EVENT_REDIS_UP};

    put_chain(r, "https://chain.example/hooks", false);
    rig_say(r, 10, "{\"type\":\"hello\"}");
    r->redis_dead = true;
    rig_wake(r, 300);
    rig_order(r, 0, LIFECIRCLE__V1__ORDER_STATE__PLACED, 1, 1);
    rig_route(r, 1, 4, 0);
    r->redis_dead = false;
    rig_feed(r, &up);
    rig_wake(r, 300);
    CU_ASSERT_EQUAL(r->enqueued, 1);
    CU_ASSERT_EQUAL(rig_count(r, EFFECT_SOCKET_SEND, 10, "\"type\":\"route\",\"version\":4"), 1);
    rig_free(r);
}

UNIT_MAIN("notifier", UNIT(test_phone_is_let_in_by_its_token_only),
          UNIT(test_phone_is_cut_when_its_token_is_revoked),
          UNIT(test_phone_that_signs_in_elsewhere_leaves_the_old_connection),
          UNIT(test_phones_are_found_by_the_couriers_number),
          UNIT(test_hello_is_answered_with_welcome_then_the_newer_route),
          UNIT(test_route_says_where_to_and_for_whom_until_that_is_erased),
          UNIT(test_route_that_was_seen_is_not_shown_again),
          UNIT(test_action_is_sent_again_until_the_router_answers),
          UNIT(test_action_that_the_router_cannot_take_now_is_sent_again),
          UNIT(test_action_without_an_answer_is_given_back_to_the_phone),
          UNIT(test_action_beyond_those_that_may_wait_is_given_back_at_once),
          UNIT(test_bad_messages_are_named_and_harm_nothing),
          UNIT(test_positions_reach_the_router_newest_only),
          UNIT(test_a_position_is_forgotten_so_long_after_it_came),
          UNIT(test_tracking_shows_the_order_behind_a_true_token_only),
          UNIT(test_tracking_stream_follows_and_forgets),
          UNIT(test_tracking_link_takes_only_so_many_connections),
          UNIT(test_screen_first_gets_what_the_store_has_to_do_with),
          UNIT(test_screen_is_cut_when_its_key_is_revoked),
          UNIT(test_screen_is_told_what_another_notifier_was_faster_with),
          UNIT(test_events_after_a_lost_redis_are_read_from_the_cursor))
