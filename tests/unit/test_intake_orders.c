/* Orders through intake's core: the fast path, its fallback, repetitions, quotes. */
#include "base/personal.h"
#include "unit/intake_rig.h"

#include "base/id.h"
#include "base/json_in.h"
#include "base/timestamp.h"
#include "intake/core.h"

/* The customer's data travel sealed, and the city's secret opens them. */
static void
expect_sealed(struct rig *r, const Lifecircle__V1__Order *o)
{
    const struct slice sealed = slice_of((const char *)o->sealed.data, o->sealed.len);
    const Lifecircle__V1__Personal *p = NULL;
    struct personal_master master;
    struct city_secret secret;
    struct uuid id;

    for (size_t i = 0; i < sizeof secret.b; i++)
        secret.b[i] = (uint8_t)i; /* RIG_SECRET */
    personal_master_of(&secret, &master);
    CU_ASSERT_EQUAL(uuid_parse(slice_str(o->order_id), &id), LC_OK);
    CU_ASSERT_EQUAL_FATAL(personal_open(&master, id, sealed, r->a, &p), LC_OK);
    CU_ASSERT_STRING_EQUAL(p->address, "2400 Fait Ave");
    CU_ASSERT_STRING_EQUAL(p->instructions, "second floor");
    CU_ASSERT_STRING_EQUAL(p->customer->name, "Ada L.");
    CU_ASSERT_STRING_EQUAL(p->customer->phone, "+14105550123");
}

static void
test_post_order_is_sent_to_the_matcher_whole(void)
{
    struct rig *r = rig_new();
    char id[UUID_TEXT];

    rig_post(r, 5, "/v1/orders",
             "{\"external_order_id\":\"4711\",\"fulfilment\":\"delivery\","
             "\"dropoff\":{\"lat\":39.2847,\"lng\":-76.5921,\"address\":\"2400 Fait Ave\","
             "\"instructions\":\"second floor\"},"
             "\"customer\":{\"name\":\"Ada L.\",\"phone\":\"+14105550123\"},"
             "\"lines\":[{\"sku\":\"COFFEE\",\"quantity\":2,\"unit_price\":219,"
             "\"substitutes\":[\"BAGEL\"]},{\"sku\":\"BEER\",\"quantity\":1}],"
             "\"currency\":\"USD\",\"shortage\":\"substitute\",\"ranking\":\"soonest\","
             "\"price_policy\":\"take\",\"store_id\":\"s2\",\"cold\":true,\"priority\":3,"
             "\"simulated\":true}");
    rig_turn(r);
    const Lifecircle__V1__Order *o = rig_sent_order(r, 0, 0);
    CU_ASSERT_PTR_NOT_NULL_FATAL(o);
    uuid_format(uuid_order(1, SLICE_LIT("4711")), id);
    CU_ASSERT_STRING_EQUAL(o->order_id, id);
    CU_ASSERT_EQUAL(o->chain, 1);
    CU_ASSERT_STRING_EQUAL(o->external_order_id, "4711");
    CU_ASSERT_EQUAL(o->dropoff->lat_e7, 392847000);
    CU_ASSERT_EQUAL(o->dropoff->lng_e7, -765921000);
    CU_ASSERT_STRING_EQUAL(o->address, "");
    CU_ASSERT_STRING_EQUAL(o->instructions, "");
    CU_ASSERT_PTR_NULL(o->customer);
    expect_sealed(r, o);
    CU_ASSERT_EQUAL_FATAL(o->n_lines, 2);
    CU_ASSERT_EQUAL(o->lines[0]->sku_index, 1);
    CU_ASSERT_EQUAL(o->lines[0]->unit_price_cents, 219);
    CU_ASSERT_EQUAL(o->lines[0]->n_substitute_indexes, 1);
    CU_ASSERT_EQUAL(o->lines[1]->sku_index, 2);
    CU_ASSERT_EQUAL(o->lines[1]->unit_price_cents, -1);
    CU_ASSERT_EQUAL(o->items, 3);
    CU_ASSERT_EQUAL(o->weight_g, 2 * 340 + 500);
    CU_ASSERT_EQUAL(o->volume_ml, 800);
    CU_ASSERT_TRUE(o->age_check); /* beer */
    CU_ASSERT_TRUE(o->cold);
    CU_ASSERT_EQUAL(o->priority, 3);
    CU_ASSERT_TRUE(o->simulated);
    CU_ASSERT_EQUAL(o->store, 2);
    CU_ASSERT_EQUAL(o->shortage, LIFECIRCLE__V1__SHORTAGE__SHORTAGE_SUBSTITUTE);
    CU_ASSERT_EQUAL(o->ranking, LIFECIRCLE__V1__RANKING__SOONEST);
    CU_ASSERT_EQUAL(o->price_policy, LIFECIRCLE__V1__PRICE_POLICY__PRICE_TAKE);
    CU_ASSERT_EQUAL(o->window_start_ms, RIG_NOW);
    CU_ASSERT_EQUAL(o->window_end_ms, RIG_NOW + 3600000);
    CU_ASSERT_EQUAL(o->hold_until_ms, RIG_NOW + 3000000);
    CU_ASSERT_EQUAL(o->created_ms, RIG_NOW);
    CU_ASSERT_NOT_EQUAL(o->fingerprint, 0);
    rig_free(r);
}

static void
test_post_order_placed_answers_201(void)
{
    struct rig *r = rig_new();

    rig_post(r, 5, "/v1/orders", rig_order(r, "a1", ""));
    CU_ASSERT_PTR_NULL(rig_http_answer(r, 5)); /* nothing is said before it is durable */
    rig_turn(r);
    CU_ASSERT_EQUAL(rig_place_all(r), 1);
    const struct effect *e = rig_http_answer(r, 5);
    CU_ASSERT_PTR_NOT_NULL_FATAL(e);
    CU_ASSERT_EQUAL(e->status, 201);
    CU_ASSERT_TRUE(rig_has(e->bytes, "\"external_order_id\":\"a1\",\"status\":\"placed\""));
    CU_ASSERT_TRUE(rig_has(e->bytes, "\"store\":{\"id\":\"s1\",\"name\":\"Fait Ave\""));
    CU_ASSERT_TRUE(rig_has(e->bytes, "\"total\":438"));
    CU_ASSERT_TRUE(rig_has(e->bytes, "{\"sku\":\"BAGEL\",\"quantity\":2,\"unit_price\":219,"
                                     "\"line_total\":438}"));
    CU_ASSERT_TRUE(rig_has(e->bytes, "\"tracking_url\":\"/t/"));
    rig_free(r);
}

static void
test_post_order_repeated_gives_the_same_bytes(void)
{
    struct rig *r = rig_new();
    char first[4096] = "";

    for (int round = 0; round < 2; round++) {
        rig_post(r, 5, "/v1/orders", rig_order(r, "a1", ""));
        rig_turn(r);
        const Lifecircle__V1__Order *o = rig_sent_order(r, 0, 0);
        CU_ASSERT_PTR_NOT_NULL_FATAL(o);
        struct rig_record rec = rig_placed(o);
        rec.window_start_ms = RIG_NOW;
        rec.window_end_ms = RIG_NOW + 3600000;
        rec.state = round == 0 ? LIFECIRCLE__V1__ORDER_STATE__PLACED
                               : LIFECIRCLE__V1__ORDER_STATE__DELIVERED;
        rig_match(r, o->order_id,
                  round == 0 ? LIFECIRCLE__V1__MATCH_RESULT__OUTCOME__PLACED_NOW
                             : LIFECIRCLE__V1__MATCH_RESULT__OUTCOME__DUPLICATE,
                  rig_head(r, &rec));
        const struct effect *e = rig_http_answer(r, 5);
        CU_ASSERT_PTR_NOT_NULL_FATAL(e);
        CU_ASSERT_EQUAL(e->status, 201);
        if (round == 0)
            snprintf(first, sizeof first, "%.*s", (int)e->bytes.n, e->bytes.p);
        else
            CU_ASSERT_TRUE(slice_eq_str(e->bytes, first));
        rig_clear(r);
        r->now += 7200000; /* the window is over by then */
    }
    rig_free(r);
}

static void
test_post_order_fingerprint_is_of_the_submission_alone(void)
{
    struct rig *r = rig_new();

    rig_post(r, 5, "/v1/orders", rig_order(r, "a1", ""));
    CU_ASSERT_EQUAL(rig_request(r, 6,
                                &(struct rig_request){.method = "POST",
                                                      .path = "/v1/orders",
                                                      .type = "application/json",
                                                      .idempotency_key = "k",
                                                      .body = slice_str(rig_order(r, "a2", ""))}),
                    LC_OK);
    rig_turn(r);
    uint64_t first = rig_sent_order(r, 0, 0)->fingerprint;
    CU_ASSERT_NOT_EQUAL(rig_sent_order(r, 0, 1)->fingerprint, first);
    CU_ASSERT_STRING_EQUAL(rig_sent_order(r, 0, 1)->idempotency_key, "k");
    rig_place_all(r);
    rig_clear(r);
    r->now += 1000;
    rig_post(r, 7, "/v1/orders", rig_order(r, "a1", ",\"cold\":false"));
    rig_turn(r);
    CU_ASSERT_EQUAL(rig_sent_order(r, 0, 0)->fingerprint, first);
    rig_free(r);
}

/* No field twice, among others. */
static bool
is_json(struct slice text)
{
    struct arena *a = arena_new(1 << 20);
    const struct json_value *v;
    size_t where;
    const char *what;
    bool good = json_value_parse(a, text, &json_limits_default, &v, &where, &what) == LC_OK;

    arena_destroy(a);
    return good;
}

static void
test_outcomes_give_their_status(void)
{
    static const struct {
        int outcome;
        uint8_t state, reason;
        uint32_t store;
        bool other_fingerprint, head;
        int status;
        const char *words;
    } table[] = {
        {LIFECIRCLE__V1__MATCH_RESULT__OUTCOME__NOT_PLACED, LIFECIRCLE__V1__ORDER_STATE__HELD,
         LIFECIRCLE__V1__REASON__OUT_OF_STOCK, 0, false, true, 202,
         "\"status\":\"held\",\"reason\":\"out_of_stock\""},
        {LIFECIRCLE__V1__MATCH_RESULT__OUTCOME__NOT_PLACED, LIFECIRCLE__V1__ORDER_STATE__CREATED,
         LIFECIRCLE__V1__REASON__NOT_YET, 0, false, true, 202, "\"status\":\"created\""},
        {LIFECIRCLE__V1__MATCH_RESULT__OUTCOME__NOT_PLACED, LIFECIRCLE__V1__ORDER_STATE__REJECTED,
         LIFECIRCLE__V1__REASON__STORE_CLOSED, 0, false, true, 422,
         "\"code\":\"rejected\",\"order_id\":\""},
        {LIFECIRCLE__V1__MATCH_RESULT__OUTCOME__DUPLICATE, LIFECIRCLE__V1__ORDER_STATE__CONFIRMED,
         0, 1, false, true, 201, "\"status\":\"placed\""},
        {LIFECIRCLE__V1__MATCH_RESULT__OUTCOME__DUPLICATE, LIFECIRCLE__V1__ORDER_STATE__PLACED, 0,
         1, true, true, 409, "\"code\":\"conflict\""},
        {LIFECIRCLE__V1__MATCH_RESULT__OUTCOME__CONFLICT, LIFECIRCLE__V1__ORDER_STATE__PLACED, 0, 1,
         true, true, 409, "\"code\":\"conflict\""},
        {LIFECIRCLE__V1__MATCH_RESULT__OUTCOME__CONFLICT, 0, 0, 0, false, false, 422,
         "\"code\":\"idempotency_key_reused\""},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct rig *r = rig_new();
        rig_post(r, 5, "/v1/orders", rig_order(r, "a1", ""));
        rig_turn(r);
        const Lifecircle__V1__Order *o = rig_sent_order(r, 0, 0);
        struct rig_record rec = rig_placed(o);
        rec.state = table[i].state;
        rec.reason = table[i].reason;
        rec.store = table[i].store;
        rec.fingerprint += table[i].other_fingerprint;
        rig_match(r, o->order_id, table[i].outcome,
                  table[i].head ? rig_head(r, &rec) : (struct slice){NULL, 0});
        const struct effect *e = rig_http_answer(r, 5);
        CU_ASSERT_PTR_NOT_NULL_FATAL(e);
        if (e->status != table[i].status || !rig_has(e->bytes, table[i].words))
            printf("\n%zu: %d %.*s\n", i, e->status, (int)e->bytes.n, e->bytes.p);
        CU_ASSERT_EQUAL(e->status, table[i].status);
        CU_ASSERT_EQUAL(rig_answers(r, "2xx"), table[i].status < 400);
        CU_ASSERT_EQUAL(rig_answers(r, "4xx"), table[i].status >= 400);
        CU_ASSERT_EQUAL(rig_answers(r, "5xx"), 0);
        CU_ASSERT_TRUE(rig_has(e->bytes, table[i].words));
        CU_ASSERT_TRUE(is_json(e->bytes));
        rig_free(r);
    }
}

/* ---- without the matcher ---- */

/* The order_accept call, once match-ms is over. */
static const struct effect *
accept_call(struct rig *r)
{
    rig_clear(r);
    rig_later(r, 250);
    const struct effect *e = rig_effect(r, EFFECT_REDIS, 0);
    CU_ASSERT_PTR_NOT_NULL_FATAL(e);
    CU_ASSERT_TRUE_FATAL(slice_eq_str(e->argv[1], "order_accept"));
    return e;
}

static struct reply
accept_reply(struct rig *r, uint8_t outcome, const struct rig_record *rec)
{
    struct buf b = {0};
    struct slice head = rig_head(r, rec);

    buf_u8(&b, outcome);
    buf_append(&b, "\0\0\0", 3);
    buf_append(&b, head.p, head.n);
    struct reply item = rig_string(slice_of(arena_copy(r->a, b.p, b.n), b.n));
    buf_free(&b);
    return rig_array(r, &item, 1);
}

static uint64_t
begin_and_wait(struct rig *r, struct rig_record *rec)
{
    rig_post(r, 5, "/v1/orders", rig_order(r, "a1", ""));
    rig_turn(r);
    *rec = rig_placed(rig_sent_order(r, 0, 0));
    return accept_call(r)->ref;
}

static void
test_silent_matcher_leads_to_order_accept_and_202(void)
{
    struct rig *r = rig_new();
    struct rig_record rec;
    uint64_t tag = begin_and_wait(r, &rec);
    const struct effect *call = rig_effect(r, EFFECT_REDIS, 0);
    char id[UUID_TEXT];

    uuid_format(uuid_order(1, SLICE_LIT("a1")), id);
    CU_ASSERT_EQUAL(call->argc, 11);
    CU_ASSERT_TRUE(slice_eq_str(call->argv[3], "{bal}"));
    CU_ASSERT_TRUE(slice_eq_str(call->argv[5], "1"));
    CU_ASSERT_TRUE(slice_eq_str(call->argv[6], id));
    CU_ASSERT_TRUE(call->argv[8].n > 0 && call->argv[9].n > 0);
    CU_ASSERT_EQUAL(call->argv[10].n, 0); /* it says nothing of a customer */
    rec.state = LIFECIRCLE__V1__ORDER_STATE__CREATED;
    rec.store = 0;
    rig_redis(r, tag,
              accept_reply(r, LIFECIRCLE__V1__PLACE_RESULT__OUTCOME__HELD_OR_REJECTED, &rec));
    const struct effect *e = rig_http_answer(r, 5);
    CU_ASSERT_PTR_NOT_NULL_FATAL(e);
    CU_ASSERT_EQUAL(e->status, 202);
    CU_ASSERT_TRUE(rig_has(e->bytes, "\"status\":\"created\""));
    rig_free(r);
}

static void
test_order_accept_that_finds_it_placed_answers_201(void)
{
    struct rig *r = rig_new();
    struct rig_record rec;
    uint64_t tag = begin_and_wait(r, &rec);

    rig_redis(r, tag, accept_reply(r, LIFECIRCLE__V1__PLACE_RESULT__OUTCOME__DUPLICATE, &rec));
    CU_ASSERT_EQUAL(rig_http_answer(r, 5)->status, 201);
    rig_free(r);
}

static void
test_late_match_reply_after_order_accept_answers_once(void)
{
    struct rig *r = rig_new();
    struct rig_record rec;
    uint64_t tag = begin_and_wait(r, &rec);
    char id[UUID_TEXT];

    uuid_format(uuid_order(1, SLICE_LIT("a1")), id);
    rig_match(r, id, LIFECIRCLE__V1__MATCH_RESULT__OUTCOME__PLACED_NOW, rig_head(r, &rec));
    CU_ASSERT_EQUAL(rig_http_answer(r, 5)->status, 201);
    rig_redis(r, tag, accept_reply(r, LIFECIRCLE__V1__PLACE_RESULT__OUTCOME__DUPLICATE, &rec));
    rig_match(r, id, LIFECIRCLE__V1__MATCH_RESULT__OUTCOME__PLACED_NOW, rig_head(r, &rec));
    CU_ASSERT_PTR_NULL(rig_effect(r, EFFECT_HTTP, 1));
    rig_free(r);
}

static void
test_unavailable_matcher_leads_to_order_accept_at_once(void)
{
    struct rig *r = rig_new();

    rig_post(r, 5, "/v1/orders", rig_order(r, "a1", ""));
    rig_turn(r);
    rig_match(r, rig_sent_order(r, 0, 0)->order_id,
              LIFECIRCLE__V1__MATCH_RESULT__OUTCOME__UNAVAILABLE, (struct slice){NULL, 0});
    rig_turn(r);
    CU_ASSERT_TRUE(slice_eq_str(rig_effect(r, EFFECT_REDIS, 0)->argv[1], "order_accept"));
    rig_free(r);
}

static void
test_lost_order_accept_is_repeated_and_ends_in_503(void)
{
    struct rig *r = rig_new();
    struct rig_record rec;
    uint64_t tag = begin_and_wait(r, &rec);
    size_t repeated = 0;

    while (rig_http_answer(r, 5) == NULL && r->now < RIG_NOW + 10000) {
        if (rig_effect(r, EFFECT_REDIS, 0) != NULL) {
            CU_ASSERT_EQUAL(rig_effect(r, EFFECT_REDIS, 0)->ref, tag);
            rig_clear(r);
            repeated++;
            rig_redis(r, tag, (struct reply){.kind = REPLY_LOST});
        }
        rig_later(r, 250);
    }
    CU_ASSERT_TRUE(repeated >= 5);
    const struct effect *e = rig_http_answer(r, 5);
    CU_ASSERT_PTR_NOT_NULL_FATAL(e);
    CU_ASSERT_EQUAL(e->status, 503);
    CU_ASSERT_TRUE(r->now - RIG_NOW >= 5000 && r->now - RIG_NOW <= 5250);
    rig_free(r);
}

static void
test_lost_order_accept_is_repeated_when_redis_is_back(void)
{
    struct rig *r = rig_new();
    struct rig_record rec;
    uint64_t tag = begin_and_wait(r, &rec);

    rig_clear(r);
    rig_redis(r, tag, (struct reply){.kind = REPLY_LOST});
    CU_ASSERT_PTR_NULL(rig_effect(r, EFFECT_REDIS, 0));
    rig_simple(r, EVENT_REDIS_UP, 0);
    CU_ASSERT_PTR_NOT_NULL_FATAL(rig_effect(r, EFFECT_REDIS, 0));
    CU_ASSERT_EQUAL(rig_effect(r, EFFECT_REDIS, 0)->ref, tag);
    rig_free(r);
}

/* ---- the same order at the same time ---- */

static void
test_same_order_twice_at_once_goes_one_after_the_other(void)
{
    struct rig *r = rig_new();
    char first[4096];

    rig_post(r, 5, "/v1/orders", rig_order(r, "a1", ""));
    rig_post(r, 6, "/v1/orders", rig_order(r, "a1", ""));
    rig_turn(r);
    CU_ASSERT_PTR_NULL(rig_sent_order(r, 0, 1));
    const Lifecircle__V1__Order *o = rig_sent_order(r, 0, 0);
    struct rig_record rec = rig_placed(o);
    rig_match(r, o->order_id, LIFECIRCLE__V1__MATCH_RESULT__OUTCOME__PLACED_NOW, rig_head(r, &rec));
    snprintf(first, sizeof first, "%.*s", (int)rig_http_answer(r, 5)->bytes.n,
             rig_http_answer(r, 5)->bytes.p);
    CU_ASSERT_PTR_NULL(rig_http_answer(r, 6));
    rig_turn(r);
    o = rig_sent_order(r, 1, 0);
    CU_ASSERT_PTR_NOT_NULL_FATAL(o);
    rig_match(r, o->order_id, LIFECIRCLE__V1__MATCH_RESULT__OUTCOME__DUPLICATE, rig_head(r, &rec));
    CU_ASSERT_TRUE(slice_eq_str(rig_http_answer(r, 6)->bytes, first));
    rig_free(r);
}

static void
test_other_order_with_the_same_name_at_once_is_a_conflict(void)
{
    struct rig *r = rig_new();

    rig_post(r, 5, "/v1/orders", rig_order(r, "a1", ""));
    rig_post(r, 6, "/v1/orders", rig_order(r, "a1", ",\"cold\":true"));
    rig_turn(r);
    const Lifecircle__V1__Order *o = rig_sent_order(r, 0, 0);
    struct rig_record rec = rig_placed(o);
    rig_match(r, o->order_id, LIFECIRCLE__V1__MATCH_RESULT__OUTCOME__PLACED_NOW, rig_head(r, &rec));
    rig_turn(r);
    rig_match(r, o->order_id, LIFECIRCLE__V1__MATCH_RESULT__OUTCOME__CONFLICT, rig_head(r, &rec));
    CU_ASSERT_EQUAL(rig_http_answer(r, 5)->status, 201);
    CU_ASSERT_EQUAL(rig_http_answer(r, 6)->status, 409);
    rig_free(r);
}

static void
test_gone_connection_does_not_stop_the_order(void)
{
    struct rig *r = rig_new();

    rig_post(r, 5, "/v1/orders", rig_order(r, "a1", ""));
    rig_simple(r, EVENT_GONE, 5);
    rig_turn(r);
    CU_ASSERT_PTR_NOT_NULL(rig_sent_order(r, 0, 0));
    CU_ASSERT_EQUAL(rig_place_all(r), 1);
    rig_free(r);
}

static void
test_orders_of_a_turn_share_messages_of_64(void)
{
    struct rig *r = rig_new();

    for (uint64_t i = 0; i < 150; i++)
        rig_post(r, 100 + i, "/v1/orders", rig_order(r, arena_printf(r->a, "n%d", (int)i), ""));
    rig_turn(r);
    CU_ASSERT_EQUAL(rig_sent(r, 0)->match_request->n_orders, 64);
    CU_ASSERT_EQUAL(rig_sent(r, 1)->match_request->n_orders, 64);
    CU_ASSERT_EQUAL(rig_sent(r, 2)->match_request->n_orders, 22);
    CU_ASSERT_PTR_NULL(rig_sent(r, 3));
    CU_ASSERT_EQUAL(rig_effect(r, EFFECT_SEND, 0)->at_ms, RIG_NOW + 250);
    CU_ASSERT_EQUAL(rig_place_all(r), 150);
    rig_free(r);
}

static void
test_too_many_pending_orders_are_answered_503(void)
{
    struct rig *r = rig_new_with(1000000, "pending-max", "2");

    rig_post(r, 5, "/v1/orders", rig_order(r, "a1", ""));
    rig_post(r, 6, "/v1/orders", rig_order(r, "a2", ""));
    rig_post(r, 7, "/v1/orders", rig_order(r, "a3", ""));
    const struct effect *e = rig_http_answer(r, 7);
    CU_ASSERT_PTR_NOT_NULL_FATAL(e);
    CU_ASSERT_EQUAL(e->status, 503);
    CU_ASSERT_TRUE(rig_has(e->extra, "Retry-After: 1"));
    rig_free(r);
}

/* ---- repeated after its window ---- */

static const char *
windowed_order(struct rig *r)
{
    char end[TIMESTAMP_TEXT];

    timestamp_format(RIG_NOW + 3600000, end);
    return rig_order(r, "a1", arena_printf(r->a, ",\"window\":{\"end\":\"%s\"}", end));
}

static void
test_order_whose_window_is_over_is_answered_from_its_record(void)
{
    struct rig *r = rig_new();

    rig_post(r, 5, "/v1/orders", windowed_order(r));
    rig_turn(r);
    struct rig_record rec = rig_placed(rig_sent_order(r, 0, 0));
    rig_place_all(r);
    rig_clear(r);
    r->now += 7200000;
    rig_post(r, 6, "/v1/orders", windowed_order(r));
    const struct effect *e = rig_effect(r, EFFECT_REDIS, 0);
    CU_ASSERT_PTR_NOT_NULL_FATAL(e);
    CU_ASSERT_TRUE(slice_eq_str(e->argv[0], "GET"));
    rig_redis(r, e->ref, rig_string(rig_head(r, &rec)));
    CU_ASSERT_EQUAL(rig_http_answer(r, 6)->status, 201);
    rig_free(r);
}

static void
test_order_whose_window_is_over_and_is_not_known_is_refused(void)
{
    struct rig *r = rig_new();

    r->now += 7200000;
    rig_post(r, 6, "/v1/orders", windowed_order(r));
    rig_redis(r, rig_effect(r, EFFECT_REDIS, 0)->ref, (struct reply){.kind = REPLY_NIL});
    CU_ASSERT_EQUAL(rig_http_answer(r, 6)->status, 422);
    CU_ASSERT_TRUE(
        rig_has(rig_http_answer(r, 6)->bytes,
                "{\"field\":\"window.end\",\"error\":\"expected a time in the future\"}"));
    rig_free(r);
}

/* ---- quotes ---- */

static void
test_quote_reserves_nothing_and_answers_200(void)
{
    struct rig *r = rig_new();
    Lifecircle__V1__Envelope env = LIFECIRCLE__V1__ENVELOPE__INIT;
    Lifecircle__V1__MatchReply reply = LIFECIRCLE__V1__MATCH_REPLY__INIT;
    Lifecircle__V1__MatchResult m = LIFECIRCLE__V1__MATCH_RESULT__INIT, *results[] = {&m};
    Lifecircle__V1__PlacedLine l = LIFECIRCLE__V1__PLACED_LINE__INIT, *lines[] = {&l};

    rig_post(r, 5, "/v1/quotes",
             "{\"dropoff\":{\"lat\":39.28,\"lng\":-76.59},\"lines\":[{\"sku\":\"BAGEL\","
             "\"quantity\":2}],\"currency\":\"USD\"}");
    rig_turn(r);
    const Lifecircle__V1__MatchRequest *q = rig_sent(r, 0)->match_request;
    CU_ASSERT_EQUAL(q->n_orders, 0);
    CU_ASSERT_EQUAL_FATAL(q->n_quotes, 1);
    env.city = (char *)"bal";
    env.body_case = LIFECIRCLE__V1__ENVELOPE__BODY_MATCH_REPLY;
    env.match_reply = &reply;
    reply.n_results = 1;
    reply.results = results;
    m.order_id = q->quotes[0]->order_id;
    m.outcome = LIFECIRCLE__V1__MATCH_RESULT__OUTCOME__PLACED_NOW;
    m.store = 1;
    m.eta_ms = RIG_NOW + 1200000;
    m.n_lines = 1;
    m.lines = lines;
    l.quantity = 2;
    l.unit_price_cents = 219;
    rig_message(r, 0, &env);
    const struct effect *e = rig_http_answer(r, 5);
    CU_ASSERT_PTR_NOT_NULL_FATAL(e);
    CU_ASSERT_EQUAL(e->status, 200);
    CU_ASSERT_TRUE(rig_has(e->bytes, "{\"serviceable\":true,\"store\":{\"id\":\"s1\""));
    CU_ASSERT_TRUE(rig_has(e->bytes, "\"total\":438"));
    rig_free(r);
}

static void
test_silent_quote_ends_in_503_without_order_accept(void)
{
    struct rig *r = rig_new();

    rig_post(r, 5, "/v1/quotes", rig_order(r, "a1", ""));
    rig_turn(r);
    rig_later(r, 999);
    CU_ASSERT_PTR_NULL(rig_http_answer(r, 5));
    rig_later(r, 1);
    CU_ASSERT_PTR_NOT_NULL_FATAL(rig_http_answer(r, 5));
    CU_ASSERT_EQUAL(rig_http_answer(r, 5)->status, 503);
    CU_ASSERT_EQUAL(rig_answers(r, "5xx"), 1);
    CU_ASSERT_EQUAL(rig_answers(r, "2xx") + rig_answers(r, "4xx"), 0);
    CU_ASSERT_PTR_NULL(rig_effect(r, EFFECT_REDIS, 0));
    rig_free(r);
}

UNIT_MAIN("intake_orders", UNIT(test_post_order_is_sent_to_the_matcher_whole),
          UNIT(test_post_order_placed_answers_201),
          UNIT(test_post_order_repeated_gives_the_same_bytes),
          UNIT(test_post_order_fingerprint_is_of_the_submission_alone),
          UNIT(test_outcomes_give_their_status),
          UNIT(test_silent_matcher_leads_to_order_accept_and_202),
          UNIT(test_order_accept_that_finds_it_placed_answers_201),
          UNIT(test_late_match_reply_after_order_accept_answers_once),
          UNIT(test_unavailable_matcher_leads_to_order_accept_at_once),
          UNIT(test_lost_order_accept_is_repeated_and_ends_in_503),
          UNIT(test_lost_order_accept_is_repeated_when_redis_is_back),
          UNIT(test_same_order_twice_at_once_goes_one_after_the_other),
          UNIT(test_other_order_with_the_same_name_at_once_is_a_conflict),
          UNIT(test_gone_connection_does_not_stop_the_order),
          UNIT(test_orders_of_a_turn_share_messages_of_64),
          UNIT(test_too_many_pending_orders_are_answered_503),
          UNIT(test_order_whose_window_is_over_is_answered_from_its_record),
          UNIT(test_order_whose_window_is_over_and_is_not_known_is_refused),
          UNIT(test_quote_reserves_nothing_and_answers_200),
          UNIT(test_silent_quote_ends_in_503_without_order_accept))
