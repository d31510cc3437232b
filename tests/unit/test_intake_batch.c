/* NDJSON batches of orders through intake's core. */
#include "unit/intake_rig.h"

#include "base/id.h"
#include "base/json_in.h"
#include "base/timestamp.h"
#include "intake/core.h"

static void
begin_batch(struct rig *r, uint64_t conn)
{
    CU_ASSERT_EQUAL(rig_request(r, conn,
                                &(struct rig_request){.method = "POST",
                                                      .path = "/v1/orders:batch",
                                                      .type = "application/x-ndjson",
                                                      .streaming = true}),
                    LC_OK);
}

/* All that the batch has answered so far, as one text in the rig's arena. */
static const char *
chunks(struct rig *r, uint64_t conn)
{
    struct buf b = {0};
    const struct effect *e;

    for (size_t i = 0; (e = rig_effect(r, EFFECT_HTTP_CHUNK, i)) != NULL; i++)
        if (e->ref == conn)
            buf_append(&b, e->bytes.p, e->bytes.n);
    buf_char(&b, '\0');
    const char *text = arena_copy(r->a, b.p, b.n);
    buf_free(&b);
    return text;
}

static void
test_batch_answers_each_line_and_says_done(void)
{
    struct rig *r = rig_new();

    begin_batch(r, 5);
    rig_body(r, 5, rig_order(r, "b1", ""));
    rig_body(r, 5, "\r\n\n{\"external_order_id\":\"b2\"}\nnot json\n");
    rig_body(r, 5, rig_order(r, "b3", ""));
    rig_simple(r, EVENT_HTTP_END, 5);
    rig_turn(r);
    CU_ASSERT_EQUAL(rig_place_all(r), 2);
    rig_turn(r);
    const char *text = chunks(r, 5);
    CU_ASSERT_PTR_NOT_NULL(
        strstr(text, "{\"line\":3,\"status\":422,\"external_order_id\":\"b2\",\"problem\":{"));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "{\"line\":4,\"status\":400,\"problem\":{"));
    CU_ASSERT_PTR_NOT_NULL(
        strstr(text, "{\"line\":1,\"status\":201,\"external_order_id\":\"b1\",\"order\":{"));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "{\"line\":5,\"status\":201"));
    CU_ASSERT_PTR_NOT_NULL(
        strstr(text, "{\"done\":true,\"lines\":5,\"placed\":2,\"accepted\":0,\"refused\":2}\n"));
    CU_ASSERT_PTR_NOT_NULL(rig_effect(r, EFFECT_HTTP_DONE, 0));
    rig_free(r);
}

static void
test_batch_ends_when_its_key_is_revoked(void)
{
    struct rig *r = rig_new();
    Lifecircle__V1__Chain chain = LIFECIRCLE__V1__CHAIN__INIT; /* with no key at all */

    begin_batch(r, 5);
    rig_body(r, 5, rig_order(r, "b1", ""));
    rig_body(r, 5, "\n");
    rig_turn(r);
    chain.chain = 1;
    chain.chain_id = (char *)"seven";
    const struct intake *in = stepper_core(r->s);
    CU_ASSERT_EQUAL(catalogue_put_chain(in->catalogue, rig_pack(r, &chain.base)), LC_OK);
    rig_body(r, 5, rig_order(r, "b2", ""));
    rig_body(r, 5, "\n");
    rig_turn(r);
    CU_ASSERT_EQUAL(rig_place_all(r), 1);
    rig_turn(r);
    const char *text = chunks(r, 5);
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "{\"line\":2,\"status\":401,\"problem\":{"));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "\"external_order_id\":\"b1\""));
    CU_ASSERT_PTR_NULL(strstr(text, "\"b2\""));
    CU_ASSERT_PTR_NOT_NULL(rig_effect(r, EFFECT_HTTP_DONE, 0));
    rig_free(r);
}

static void
test_batch_waits_longer_for_the_matcher_than_one_order_does(void)
{
    struct rig *r = rig_new();

    begin_batch(r, 5);
    rig_body(r, 5, rig_order(r, "b1", ""));
    rig_simple(r, EVENT_HTTP_END, 5);
    rig_turn(r);
    rig_clear(r);
    rig_later(r, 999);
    CU_ASSERT_PTR_NULL(rig_effect(r, EFFECT_REDIS, 0));
    rig_later(r, 1);
    const struct effect *e = rig_effect(r, EFFECT_REDIS, 0);
    CU_ASSERT_PTR_NOT_NULL_FATAL(e);
    CU_ASSERT_TRUE(slice_eq_str(e->argv[1], "order_accept"));
    rig_free(r);
}

static void
test_batch_pauses_while_its_window_is_full(void)
{
    struct rig *r = rig_new_with(1000, "batch-window", "4");

    begin_batch(r, 5);
    for (int i = 0; i < 10; i++) {
        rig_body(r, 5, rig_order(r, arena_printf(r->a, "b%d", i), ""));
        rig_body(r, 5, "\n");
    }
    rig_turn(r);
    CU_ASSERT_PTR_NOT_NULL(rig_effect(r, EFFECT_HTTP_PAUSE, 0));
    CU_ASSERT_EQUAL(rig_sent(r, 0)->match_request->n_orders, 4);
    size_t placed = 0;
    for (int round = 0; round < 4; round++) {
        placed += rig_place_all(r);
        rig_clear(r);
        rig_turn(r);
    }
    CU_ASSERT_EQUAL(placed, 10);
    CU_ASSERT_PTR_NULL(rig_effect(r, EFFECT_HTTP_PAUSE, 0));
    rig_simple(r, EVENT_HTTP_END, 5);
    rig_turn(r);
    CU_ASSERT_PTR_NOT_NULL(strstr(chunks(r, 5), "\"done\":true,\"lines\":10,\"placed\":10"));
    rig_free(r);
}

static void
test_batch_line_that_is_too_long_is_refused_alone(void)
{
    struct rig *r = rig_new();
    char *blob = malloc(300 * 1024);

    memset(blob, 'x', 300 * 1024);
    blob[300 * 1024 - 1] = '\0';
    begin_batch(r, 5);
    rig_body(r, 5, blob);
    rig_body(r, 5, blob);
    rig_body(r, 5, "\n");
    rig_body(r, 5, rig_order(r, "b2", ""));
    rig_simple(r, EVENT_HTTP_END, 5);
    rig_turn(r);
    rig_place_all(r);
    rig_turn(r);
    const char *text = chunks(r, 5);
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "{\"line\":1,\"status\":413"));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "{\"line\":2,\"status\":201"));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "\"done\":true,\"lines\":2,\"placed\":1"));
    free(blob);
    rig_free(r);
}

static void
test_batch_that_is_gone_is_forgotten_but_not_its_orders(void)
{
    struct rig *r = rig_new();

    begin_batch(r, 5);
    rig_body(r, 5, rig_order(r, "b1", ""));
    rig_body(r, 5, "\n");
    rig_simple(r, EVENT_GONE, 5);
    rig_turn(r);
    CU_ASSERT_EQUAL(rig_place_all(r), 1);
    CU_ASSERT_PTR_NULL(rig_effect(r, EFFECT_HTTP_CHUNK, 0));
    rig_free(r);
}

UNIT_MAIN("intake_batch", UNIT(test_batch_answers_each_line_and_says_done),
          UNIT(test_batch_ends_when_its_key_is_revoked),
          UNIT(test_batch_waits_longer_for_the_matcher_than_one_order_does),
          UNIT(test_batch_pauses_while_its_window_is_full),
          UNIT(test_batch_line_that_is_too_long_is_refused_alone),
          UNIT(test_batch_that_is_gone_is_forgotten_but_not_its_orders))
