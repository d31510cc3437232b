/* Orders as protobuf over ZeroMQ through intake's core. */
#include "unit/intake_rig.h"

#include "base/id.h"
#include "base/json_in.h"
#include "base/timestamp.h"
#include "intake/core.h"

static Lifecircle__V1__OrderSubmission *
submission(struct rig *r, const char *id, const char *sku)
{
    Lifecircle__V1__OrderSubmission *s = arena_alloc(r->a, sizeof *s);
    Lifecircle__V1__OrderLine *l = arena_alloc(r->a, sizeof *l);

    lifecircle__v1__order_submission__init(s);
    lifecircle__v1__order_line__init(l);
    s->external_order_id = (char *)(uintptr_t)id;
    s->lat = 39.28;
    s->lng = -76.59;
    s->currency = (char *)"USD";
    s->n_lines = 1;
    s->lines = arena_alloc(r->a, sizeof *s->lines);
    s->lines[0] = l;
    l->sku = (char *)(uintptr_t)sku;
    l->quantity = 2;
    l->unit_price_cents = -1;
    return s;
}

static void
send_submission(struct rig *r, const char *key, Lifecircle__V1__OrderSubmission **orders, size_t n)
{
    Lifecircle__V1__Envelope env = LIFECIRCLE__V1__ENVELOPE__INIT;
    Lifecircle__V1__SubmitRequest q = LIFECIRCLE__V1__SUBMIT_REQUEST__INIT;
    uint8_t id[16] = {42};

    env.id = (ProtobufCBinaryData){sizeof id, id};
    env.body_case = LIFECIRCLE__V1__ENVELOPE__BODY_SUBMIT_REQUEST;
    env.submit_request = &q;
    q.api_key = (char *)(uintptr_t)key;
    q.n_orders = n;
    q.orders = orders;
    rig_message(r, 77, &env);
}

static const Lifecircle__V1__SubmitReply *
submit_reply(struct rig *r)
{
    const struct effect *e = rig_effect(r, EFFECT_ANSWER, 0);
    const Lifecircle__V1__Envelope *env = NULL;

    if (e == NULL || wire_decode(r->a, e->bytes, &env) != LC_OK)
        return NULL;
    CU_ASSERT_EQUAL(e->ref, 77);
    CU_ASSERT_EQUAL(env->id.data[0], 42);
    return env->submit_reply;
}

/* The sanitizer finds sums that overflow. */
static void
test_submit_refuses_times_at_the_ends_of_time(void)
{
    static const int64_t times[] = {INT64_MIN, INT64_MIN + 1, INT64_MAX};

    for (size_t i = 0; i < 3; i++)
        for (size_t k = 0; k < 3; k++) {
            struct rig *r = rig_new();
            Lifecircle__V1__OrderSubmission *s = submission(r, "p1", "BAGEL");
            s->window_end_ms = times[i];
            if (k > 0)
                s->window_start_ms = times[k - 1];
            send_submission(r, r->key, &s, 1);
            const struct effect *look = rig_effect(r, EFFECT_REDIS, 0);
            if (look != NULL) /* too late, perhaps not when it was sent first */
                rig_redis(r, look->ref, (struct reply){.kind = REPLY_NIL});
            const Lifecircle__V1__SubmitReply *reply = submit_reply(r);
            CU_ASSERT_PTR_NOT_NULL_FATAL(reply);
            CU_ASSERT_EQUAL(reply->results[0]->status, 422);
            CU_ASSERT_PTR_NOT_NULL(strstr(reply->results[0]->detail, "window."));
            rig_free(r);
        }
}

static void
test_submit_answers_when_all_its_orders_are(void)
{
    struct rig *r = rig_new();
    Lifecircle__V1__OrderSubmission *orders[] = {
        submission(r, "p1", "BAGEL"), submission(r, "p2", "NONE"), submission(r, "p3", "BAGEL")};

    orders[2]->lines[0]->quantity = 1000;
    send_submission(r, r->key, orders, 3);
    rig_turn(r);
    CU_ASSERT_PTR_NULL(submit_reply(r));
    CU_ASSERT_EQUAL(rig_place_all(r), 1);
    const Lifecircle__V1__SubmitReply *reply = submit_reply(r);
    CU_ASSERT_PTR_NOT_NULL_FATAL(reply);
    CU_ASSERT_EQUAL(reply->status, 200);
    CU_ASSERT_EQUAL_FATAL(reply->n_results, 3);
    CU_ASSERT_EQUAL(reply->results[0]->status, 201);
    CU_ASSERT_STRING_EQUAL(reply->results[0]->store_id, "s1");
    CU_ASSERT_EQUAL(reply->results[0]->total_cents, 438);
    CU_ASSERT_EQUAL(reply->results[1]->status, 422);
    CU_ASSERT_STRING_EQUAL(reply->results[1]->detail,
                           "lines[0].sku: \"NONE\" is not in the catalogue of chain seven");
    CU_ASSERT_STRING_EQUAL(reply->results[2]->detail,
                           "lines[0].quantity: expected an integer from 1 to 999, got 1000");
    rig_free(r);
}

static void
test_submit_has_the_fingerprint_of_the_same_json(void)
{
    struct rig *r = rig_new();
    Lifecircle__V1__OrderSubmission *orders[] = {submission(r, "p1", "BAGEL")};

    send_submission(r, r->key, orders, 1);
    rig_turn(r);
    uint64_t fingerprint = rig_sent_order(r, 0, 0)->fingerprint;
    rig_place_all(r);
    rig_clear(r);
    rig_post(r, 5, "/v1/orders", rig_order(r, "p1", ""));
    rig_turn(r);
    CU_ASSERT_EQUAL(rig_sent_order(r, 0, 0)->fingerprint, fingerprint);
    rig_free(r);
}

static void
test_submit_refused_as_a_whole(void)
{
    struct rig *r = rig_new();
    Lifecircle__V1__OrderSubmission *orders[] = {submission(r, "p1", "BAGEL")};

    send_submission(r, "lc_chain_1_wrong", orders, 1);
    CU_ASSERT_EQUAL(submit_reply(r)->status, 401);
    CU_ASSERT_STRING_EQUAL(submit_reply(r)->code, "unauthorized");
    rig_clear(r);
    send_submission(r, r->key, NULL, 0);
    CU_ASSERT_EQUAL(submit_reply(r)->status, 413);
    rig_free(r);
}

UNIT_MAIN("intake_submit", UNIT(test_submit_refuses_times_at_the_ends_of_time),
          UNIT(test_submit_answers_when_all_its_orders_are),
          UNIT(test_submit_has_the_fingerprint_of_the_same_json),
          UNIT(test_submit_refused_as_a_whole))
