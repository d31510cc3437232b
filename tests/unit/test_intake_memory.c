/* Intake when memory runs out: each allocation of a story fails once, in turn. Nothing may crash,
 * leak or hang, and the next order goes through. */
#include "unit/failing_memory.h"
#include "unit/intake_rig.h"

/* One event with its memory failing; its error is the step's own affair. */
static void
feed_failing(struct rig *r, struct event *ev, long at)
{
    fail_at = at;
    inside = true;
    ev->now_ms = r->now;
    (void)stepper_feed(r->s, ev);
    inside = false;
    fail_at = 0;
}

static void
post_failing(struct rig *r, const char *path, const char *type, const char *body, long at)
{
    char bearer[96];
    const struct header_field h[] = {{SLICE_LIT("Authorization"), {bearer, 0}},
                                     {SLICE_LIT("Content-Type"), slice_str(type)}};
    struct header_field copy[2] = {h[0], h[1]};
    struct http_event http = {.method = SLICE_LIT("POST"),
                              .path = slice_str(path),
                              .headers = copy,
                              .n_headers = 2,
                              .streaming = strcmp(type, "application/json") != 0};
    int n = snprintf(bearer, sizeof bearer, "Bearer %s", r->key);
    copy[0].value.n = (size_t)n;
    if (strcmp(path, "/v1/stores") == 0 || strcmp(path, "/v1/webhook") == 0)
        http.method = SLICE_LIT("PUT");
    feed_failing(
        r,
        &(struct event){.kind = EVENT_HTTP,
                        .ref = 5,
                        .http = &http,
                        .bytes = http.streaming ? (struct slice){NULL, 0} : slice_str(body)},
        at);
    if (!http.streaming)
        return;
    feed_failing(r, &(struct event){.kind = EVENT_HTTP_BODY, .ref = 5, .bytes = slice_str(body)},
                 at);
    feed_failing(r, &(struct event){.kind = EVENT_HTTP_END, .ref = 5}, at);
}

/* The story, with the allocation number `at` of each of its events failing. */
static void
tell(const char *path, const char *type, const char *body, long at)
{
    struct rig *r = rig_new();

    post_failing(r, path, type, body, at);
    feed_failing(r, &(struct event){.kind = EVENT_TURN_END}, at);
    r->now += 250;
    feed_failing(r, &(struct event){.kind = EVENT_WAKE}, at);
    feed_failing(r, &(struct event){.kind = EVENT_TURN_END}, at);
    for (int i = 0; i < 4; i++) { /* with memory again, all ends */
        rig_later(r, 5000);
        rig_clear(r);
    }
    rig_post(r, 6, "/v1/orders", rig_order(r, "after", ""));
    rig_turn(r);
    CU_ASSERT_EQUAL(rig_place_all(r), 1);
    CU_ASSERT_PTR_NOT_NULL_FATAL(rig_http_answer(r, 6));
    CU_ASSERT_EQUAL(rig_http_answer(r, 6)->status, 201);
    rig_free(r);
}

static void
fail_each(const char *path, const char *type, const char *body)
{
    for (long at = 1; at < 400; at++) {
        failed = false;
        long before = live;
        tell(path, type, body, at);
        CU_ASSERT_EQUAL(live, before);
        if (!failed)
            return;
    }
    CU_FAIL("more allocations than expected");
}

static const char order[] =
    "{\"external_order_id\":\"m1\",\"dropoff\":{\"lat\":39.28,\"lng\":-76.59},"
    "\"customer\":{\"name\":\"Ada\"},\"lines\":[{\"sku\":\"BAGEL\","
    "\"quantity\":2,\"substitutes\":[\"COFFEE\"]}],\"currency\":\"USD\"}";

static void
test_order_survives_each_failing_allocation(void)
{
    fail_each("/v1/orders", "application/json", order);
}

static void
test_wrong_order_survives_each_failing_allocation(void)
{
    fail_each("/v1/orders", "application/json", "{\"lines\":[{\"sku\":\"NO\"}],\"colour\":1}");
}

static void
test_quote_survives_each_failing_allocation(void)
{
    fail_each("/v1/quotes", "application/json", order);
}

static void
test_batch_survives_each_failing_allocation(void)
{
    fail_each("/v1/orders:batch", "application/x-ndjson", order);
}

static void
test_feed_survives_each_failing_allocation(void)
{
    fail_each("/v1/stock", "application/x-ndjson",
              "{\"store_id\":\"s1\",\"sku\":\"BAGEL\",\"quantity\":1}\n"
              "{\"store_id\":\"s1\",\"sku\":\"TEA\",\"quantity\":1,\"name\":\"Tea\"}\n");
}

static void
test_csv_feed_survives_each_failing_allocation(void)
{
    fail_each("/v1/stock", "text/csv", "store_id,sku,quantity\ns1,BAGEL,1\ns9,\"BAGEL\",1\n");
}

static void
test_stores_survive_each_failing_allocation(void)
{
    fail_each("/v1/stores", "application/json",
              "{\"type\":\"Feature\",\"geometry\":{\"type\":\"Point\",\"coordinates\":[0,1]},"
              "\"properties\":{\"store_id\":\"m\",\"name\":\"M\",\"delivers\":false,\"hours\":"
              "{\"mon\":[[\"08:00\",\"12:00\"]]},\"exceptions\":{\"2026-12-25\":[]}}}");
}

/* Large enough for several blocks of an arena, so that a part of it alone can be lacking. */
static void
test_large_order_is_taken_whole_or_not_at_all(void)
{
    enum { LINES = 100 };
    struct buf b = {0};
    long at = 0;

    buf_str(&b, "{\"external_order_id\":\"big\",\"dropoff\":{\"lat\":39.28,\"lng\":-76.59,"
                "\"address\":\"1 Fleet St\"},\"currency\":\"USD\",\"lines\":[");
    for (int i = 0; i < LINES; i++)
        buf_printf(&b, "%s{\"sku\":\"BAGEL\",\"quantity\":2,\"substitutes\":[\"COFFEE\"]}",
                   i == 0 ? "" : ",");
    buf_str(&b, "]}");
    buf_char(&b, '\0');
    do {
        struct rig *r = rig_new();
        failed = false;
        post_failing(r, "/v1/orders", "application/json", b.p, ++at);
        rig_turn(r);
        const Lifecircle__V1__Order *o = rig_sent_order(r, 0, 0);
        if (o != NULL) {
            CU_ASSERT_STRING_EQUAL(o->external_order_id, "big");
            CU_ASSERT_EQUAL_FATAL(o->n_lines, LINES);
            for (size_t i = 0; i < LINES; i++) {
                CU_ASSERT_EQUAL(o->lines[i]->quantity, 2);
                CU_ASSERT_EQUAL(o->lines[i]->sku_index, o->lines[0]->sku_index);
                CU_ASSERT_EQUAL_FATAL(o->lines[i]->n_substitute_indexes, 1);
                CU_ASSERT_EQUAL(o->lines[i]->substitute_indexes[0],
                                o->lines[0]->substitute_indexes[0]);
            }
        } else if (rig_http_answer(r, 5) != NULL) { /* the step failed as a whole: the shell's */
            CU_ASSERT_EQUAL(rig_http_answer(r, 5)->status, 503);
        }
        CU_ASSERT_TRUE(o != NULL || failed);
        rig_free(r);
    } while (failed && at < 400);
    CU_ASSERT_FALSE(failed);
    buf_free(&b);
}

static enum lc_err
find_street(const struct address_book *b, struct slice text, struct address_found *out)
{
    (void)b;
    (void)text;
    *out = (struct address_found){.precision = ADDRESS_STREET, .at = {392800000, -765900000}};
    return LC_OK;
}

/* It stands in the list of those that are written as held; who asks the same stands behind it. */
static void
test_order_that_stands_behind_one_that_cannot_be_written_is_answered(void)
{
    static const struct address_book book = {find_street};
    static const char by_address[] =
        "{\"external_order_id\":\"a1\",\"dropoff\":{\"address\":\"Fleet St\"},"
        "\"lines\":[{\"sku\":\"BAGEL\",\"quantity\":2}],\"currency\":\"USD\"}";
    long at = 0;

    do {
        struct rig *r = rig_new();
        bool answered[2] = {false};
        failed = false;
        (void)rig_feed(r, &(struct event){.kind = EVENT_ADDRESSES, .addresses = &book});
        rig_post(r, 5, "/v1/orders", by_address);
        rig_post(r, 6, "/v1/orders", by_address);
        feed_failing(r, &(struct event){.kind = EVENT_TURN_END}, ++at);
        for (int i = 0; i < 4; i++) {
            rig_later(r, 5000);
            for (uint64_t conn = 0; conn < 2; conn++)
                answered[conn] = answered[conn] || rig_http_answer(r, 5 + conn) != NULL;
            rig_clear(r);
        }
        CU_ASSERT_TRUE(answered[0]);
        CU_ASSERT_TRUE(answered[1]);
        rig_free(r);
    } while (failed && at < 400);
    CU_ASSERT_FALSE(failed);
}

/* A key that the catalogue does not know yet: the head and what follows wait for Redis. */
static void
test_stream_that_lost_a_piece_while_it_waited_is_not_gone_on_with(void)
{
    char key[SECRET_TOKEN_TEXT], bearer[96];
    struct rig *r = rig_new();
    struct buf piece = {0};

    for (int i = 0; i < 4000; i++)
        buf_str(&piece, "{\"store_id\":\"s1\",\"sku\":\"BAGEL\",\"quantity\":1}\n");
    secret_token_format(SECRET_CHAIN, 7, (const uint8_t[24]){9}, key);
    int n = snprintf(bearer, sizeof bearer, "Bearer %s", key);
    const struct header_field h[] = {
        {SLICE_LIT("Authorization"), {bearer, (size_t)n}},
        {SLICE_LIT("Content-Type"), SLICE_LIT("application/x-ndjson")}};
    const struct http_event http = {.method = SLICE_LIT("POST"),
                                    .path = SLICE_LIT("/v1/stock"),
                                    .headers = h,
                                    .n_headers = 2,
                                    .streaming = true};
    (void)rig_feed(r, &(struct event){.kind = EVENT_HTTP, .ref = 5, .http = &http});
    const struct effect *ask = rig_effect(r, EFFECT_REDIS, 0);
    CU_ASSERT_PTR_NOT_NULL_FATAL(ask);
    uint64_t tag = ask->ref;
    failed = false;
    feed_failing(r, &(struct event){.kind = EVENT_HTTP_BODY, .ref = 5, .bytes = buf_slice(&piece)},
                 1);
#if MEMORY_FAILS
    CU_ASSERT_TRUE(failed);
    rig_redis(r, tag, rig_string(rig_chain(r, 7, "seven", key)));
    rig_turn(r);
    CU_ASSERT_PTR_NOT_NULL_FATAL(rig_http_answer(r, 5));
    CU_ASSERT_EQUAL(rig_http_answer(r, 5)->status, 503);
#else
    (void)tag;
#endif
    buf_free(&piece);
    rig_free(r);
}

static void
test_webhook_survives_each_failing_allocation(void)
{
    fail_each("/v1/webhook", "application/json", "{\"url\":\"https://shop.example/hook\"}");
}

static void
test_confirmation_survives_each_failing_allocation(void)
{
    fail_each("/v1/orders/0193e2a4-7c1b-7def-8abc-0123456789ab/confirm-address", "application/json",
              "{\"lat\":39.28,\"lng\":-76.59}");
}

/* ask_failing: the status, 0 = no answer yet; of the answer's body, a fingerprint. */
static int
ask_failing(const char *method, const char *path, const char *query, long at, uint64_t *body)
{
    struct rig *r = rig_new();
    char bearer[96];
    struct header_field header[] = {{SLICE_LIT("Authorization"), {bearer, 0}},
                                    {SLICE_LIT("Content-Type"), SLICE_LIT("text/csv")}};
    struct http_event http = {.method = slice_str(method),
                              .path = slice_str(path),
                              .query = slice_str(query),
                              .headers = header,
                              .n_headers = 2,
                              .streaming = strcmp(method, "GET") != 0};

    header[0].value.n = (size_t)snprintf(bearer, sizeof bearer, "Bearer %s", r->key);
    feed_failing(r, &(struct event){.kind = EVENT_HTTP, .ref = 5, .http = &http}, at);
    const struct effect *answer = rig_http_answer(r, 5);
    int status = answer == NULL ? 0 : answer->status;
    *body = answer == NULL || answer->bytes.n == 0 ? 0 : fingerprint64(answer->bytes);
    rig_free(r);
    return status;
}

/* What is wrong with a query is said only by who could read it; and nobody asks too often for want
 * of memory here. These are larger than a block of an arena, so that they need one of their own. */
static void
test_query_that_lacks_memory_is_not_judged(void)
{
    enum { ZEROS = 40000 };
    static const char *const asked[][3] = {{"GET", "/v1/stores/nearby", "lng=-76.59&lat=91."},
                                           {"POST", "/v1/stock", "mode=delta&sequence=x"}};

    for (size_t i = 0; i < sizeof asked / sizeof *asked; i++) {
        struct buf query = {0};
        uint64_t body, whole;
        unsigned lacked = 0;
        long at = 0;
        buf_str(&query, asked[i][2]);
        for (int z = 0; z < ZEROS; z++)
            buf_char(&query, '0');
        buf_char(&query, '\0');
        CU_ASSERT_EQUAL(ask_failing(asked[i][0], asked[i][1], query.p, 0, &whole), 422);
        do {
            failed = false;
            int status = ask_failing(asked[i][0], asked[i][1], query.p, ++at, &body);
            if (status == 422)
                CU_ASSERT_TRUE(body == whole || (failed && body == 0));
            CU_ASSERT_TRUE(status == 422 || (failed && (status == 503 || status == 0)));
            lacked += status == 503;
        } while (failed && at < 100);
        CU_ASSERT_FALSE(failed);
        CU_ASSERT_EQUAL(lacked > 0, MEMORY_FAILS);
        buf_free(&query);
    }
}

UNIT_MAIN("intake_memory", UNIT(test_query_that_lacks_memory_is_not_judged),
          UNIT(test_large_order_is_taken_whole_or_not_at_all),
          UNIT(test_order_that_stands_behind_one_that_cannot_be_written_is_answered),
          UNIT(test_stream_that_lost_a_piece_while_it_waited_is_not_gone_on_with),
          UNIT(test_webhook_survives_each_failing_allocation),
          UNIT(test_confirmation_survives_each_failing_allocation),
          UNIT(test_order_survives_each_failing_allocation),
          UNIT(test_wrong_order_survives_each_failing_allocation),
          UNIT(test_quote_survives_each_failing_allocation),
          UNIT(test_batch_survives_each_failing_allocation),
          UNIT(test_feed_survives_each_failing_allocation),
          UNIT(test_csv_feed_survives_each_failing_allocation),
          UNIT(test_stores_survive_each_failing_allocation))
