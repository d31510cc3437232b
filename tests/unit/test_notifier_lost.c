/* The notifier's core when Redis' answers get lost: nobody misses anything, and nothing is asked
 * over and over. */
#include "unit/notifier_rig.h"

#define CHAIN_KEY "lc_chain_1_CCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCC"

static void
put_store(struct rig *r)
{
    Lifecircle__V1__Chain chain = LIFECIRCLE__V1__CHAIN__INIT;
    Lifecircle__V1__ApiKey key = LIFECIRCLE__V1__API_KEY__INIT;
    Lifecircle__V1__ApiKey *keys[] = {&key};
    Lifecircle__V1__Store store = LIFECIRCLE__V1__STORE__INIT;
    Lifecircle__V1__Point at = LIFECIRCLE__V1__POINT__INIT;
    char hash[SECRET_HASH_TEXT];
    uint8_t packed[256];

    secret_hash(SLICE_LIT(CHAIN_KEY), hash);
    key.hash = hash;
    chain.chain = 1;
    chain.keys = keys;
    chain.n_keys = 1;
    size_t n = lifecircle__v1__chain__pack(&chain, packed);
    CU_ASSERT_EQUAL(catalogue_put_chain(rig_core(r)->catalogue, slice_of((char *)packed, n)),
                    LC_OK);
    store.store = store.chain = 1;
    store.store_id = (char *)(uintptr_t) "s1";
    store.at = &at;
    CU_ASSERT_EQUAL(catalogue_put_store(rig_core(r)->catalogue, &store), LC_OK);
}

/* The rig answers at once, so a notifier that asked again at once would never come back. */
static void
test_screen_waits_for_redis(void)
{
    struct rig *r = rig_new();
    struct event up = {.kind = EVENT_REDIS_UP};

    put_store(r);
    rig_order(r, 0, LIFECIRCLE__V1__ORDER_STATE__PLACED, 0, 1);
    rig_wake(r, 300);
    r->redis_dead = true;
    rig_http(r, 30, "/v1/store-feed", "store_id=s1&token=" CHAIN_KEY, true);
    rig_say(r, 30, "{\"type\":\"hello\"}");
    CU_ASSERT_EQUAL(rig_count(r, EFFECT_SOCKET_SEND, 30, ""), 0);
    r->redis_dead = false;
    rig_feed(r, &up);
    CU_ASSERT_EQUAL(rig_count(r, EFFECT_SOCKET_SEND, 30, "\"type\":\"tickets\""), 1);
    CU_ASSERT_EQUAL(rig_count(r, EFFECT_SOCKET_SEND, 30, "\"o-0\""), 1);
    rig_free(r);
}

/* A fail-over undid the last events, of which this notifier had told already: what happens then has
 * their numbers, and must be told, too. */
static void
hears_what_has_the_number_of_something_undone(const char *primary, const char *cursor)
{
    struct rig *r = rig_new();
    struct event up = {.kind = EVENT_REDIS_UP};

    put_store(r);
    rig_order(r, 0, LIFECIRCLE__V1__ORDER_STATE__PLACED, 0, 1);
    rig_wake(r, 300);
    rig_http(r, 30, "/v1/store-feed", "store_id=s1&token=" CHAIN_KEY, true);
    rig_say(r, 30, "{\"type\":\"hello\"}");
    snprintf(r->cursor, sizeof r->cursor, "1-1");
    rig_order(r, 1, LIFECIRCLE__V1__ORDER_STATE__PLACED, 0, 1);
    rig_wake(r, 300);
    CU_ASSERT_EQUAL(rig_count(r, EFFECT_SOCKET_SEND, 30, "\"o-1\""), 1);
    r->n_events = 1; /* the second was never on the replica */
    r->record_n[1] = 0;
    r->primary = primary;
    rig_order(r, 2, LIFECIRCLE__V1__ORDER_STATE__PLACED, 0, 1);
    CU_ASSERT_EQUAL(r->events[1].number, 2);
    snprintf(r->cursor, sizeof r->cursor, "%s", cursor);
    rig_feed(r, &up);
    rig_wake(r, 300);
    CU_ASSERT(rig_count(r, EFFECT_SOCKET_SEND, 30, "\"o-2\"") >= 1);
    rig_free(r);
}

static void
test_screen_hears_what_has_the_number_of_something_undone(void)
{
    hears_what_has_the_number_of_something_undone("two", "1-1");
}

/* The other notifier was there first: its screens know, ours do not. */
static void
test_screen_hears_it_although_the_cursor_is_past_it(void)
{
    hears_what_has_the_number_of_something_undone("two", "1-2");
}

/* Who is not told which primary it is goes by the cursor alone. */
static void
test_screen_hears_it_from_a_primary_that_does_not_say(void)
{
    hears_what_has_the_number_of_something_undone("", "1-1");
}

/* The same Redis again has undone nothing: nobody is told twice. */
static void
test_screen_hears_nothing_twice_from_the_same_primary(void)
{
    struct rig *r = rig_new();
    struct event up = {.kind = EVENT_REDIS_UP};

    put_store(r);
    rig_order(r, 0, LIFECIRCLE__V1__ORDER_STATE__PLACED, 0, 1);
    rig_wake(r, 300);
    rig_http(r, 30, "/v1/store-feed", "store_id=s1&token=" CHAIN_KEY, true);
    rig_say(r, 30, "{\"type\":\"hello\"}");
    snprintf(r->cursor, sizeof r->cursor, "1-1");
    rig_order(r, 1, LIFECIRCLE__V1__ORDER_STATE__PLACED, 0, 1);
    rig_wake(r, 300);
    size_t sent = rig_count(r, EFFECT_SOCKET_SEND, 30, "\"o-1\"");
    snprintf(r->cursor, sizeof r->cursor, "1-1");
    rig_feed(r, &up);
    rig_wake(r, 300);
    CU_ASSERT_EQUAL(rig_count(r, EFFECT_SOCKET_SEND, 30, "\"o-1\""), sent);
    rig_free(r);
}

/* The answer about the last change is lost: there is no further event to wait for. */
static void
test_customer_is_told_when_redis_is_back(void)
{
    struct rig *r = rig_new();
    struct event up = {.kind = EVENT_REDIS_UP};
    struct event read = {.kind = EVENT_REDIS, .reply = &(struct reply){.kind = REPLY_LOST}};
    char token[TRACKING_TEXT];
    char path[80];

    rig_order(r, 0, LIFECIRCLE__V1__ORDER_STATE__ARRIVED_AT_DROPOFF, 1, 8);
    rig_wake(r, 300);
    tracking_token(&rig_core(r)->secret, r->order[0], token);
    snprintf(path, sizeof path, "/t/%s/events", token);
    rig_http(r, 30, path, "", false);
    CU_ASSERT_EQUAL(rig_count(r, EFFECT_HTTP_CHUNK, 30, "\"status\":\"arrived_at_dropoff\""), 1);
    rig_order(r, 0, LIFECIRCLE__V1__ORDER_STATE__DELIVERED, 1, 9);
    rig_core(r)->seen = rig_core(r)->batch_end = 2; /* the event was read, its order's record not */
    read.ref = call_tag(CALL_TRACKING, 1);
    rig_feed(r, &read);
    CU_ASSERT_EQUAL(rig_count(r, EFFECT_HTTP_CHUNK, 30, "\"status\":\"delivered\""), 0);
    rig_feed(r, &up);
    CU_ASSERT_EQUAL(rig_count(r, EFFECT_HTTP_CHUNK, 30, "\"status\":\"delivered\""), 1);
    rig_free(r);
}

UNIT_MAIN("notifier-lost", UNIT(test_screen_waits_for_redis),
          UNIT(test_screen_hears_what_has_the_number_of_something_undone),
          UNIT(test_screen_hears_it_although_the_cursor_is_past_it),
          UNIT(test_screen_hears_it_from_a_primary_that_does_not_say),
          UNIT(test_screen_hears_nothing_twice_from_the_same_primary),
          UNIT(test_customer_is_told_when_redis_is_back))
