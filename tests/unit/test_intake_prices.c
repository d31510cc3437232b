/* A price that is not the store's, refused by inventory: what intake says of it. */
#include "unit/intake_rig.h"

#include "base/id.h"

enum { REFUSED = LIFECIRCLE__V1__MATCH_RESULT__OUTCOME__PRICE_DIFFERS };

/* refused: an order goes out on connection 5, and its price is refused; the look into Redis whether
 * it was kept all the same. */
static const struct effect *
refused(struct rig *r, struct rig_record *rec)
{
    rig_post(r, 5, "/v1/orders", rig_order(r, "a1", ""));
    rig_turn(r);
    const Lifecircle__V1__Envelope *env = rig_sent(r, 0);
    CU_ASSERT_PTR_NOT_NULL_FATAL(env);
    const Lifecircle__V1__Order *o = env->match_request->orders[0];
    *rec = rig_placed(o);
    rec->state = 0;
    rec->reason = LIFECIRCLE__V1__REASON__PRICE_CHANGED;
    rec->line[0].price_cents = 249;
    rig_match(r, o->order_id, REFUSED, rig_head(r, rec));
    CU_ASSERT_PTR_NULL(rig_http_answer(r, 5));
    const struct effect *e = rig_effect(r, EFFECT_REDIS, 0);
    CU_ASSERT_PTR_NOT_NULL_FATAL(e);
    CU_ASSERT_TRUE_FATAL(slice_eq_str(e->argv[0], "GET"));
    CU_ASSERT_TRUE(slice_eq_str(e->argv[1], arena_printf(r->a, "{bal}:order:%s", o->order_id)));
    return e;
}

static void
test_price_changed_names_the_stores_prices(void)
{
    struct rig *r = rig_new();
    struct rig_record rec;
    const struct effect *get = refused(r, &rec);

    rig_redis(r, get->ref, (struct reply){.kind = REPLY_NIL});
    const struct effect *e = rig_http_answer(r, 5);
    CU_ASSERT_PTR_NOT_NULL_FATAL(e);
    CU_ASSERT_EQUAL(e->status, 409);
    CU_ASSERT_TRUE(rig_has(e->bytes, "\"code\":\"price_changed\""));
    CU_ASSERT_TRUE(rig_has(e->bytes, "nothing was kept"));
    CU_ASSERT_TRUE(rig_has(e->bytes, "\"store\":{\"id\":\"s1\""));
    CU_ASSERT_TRUE(rig_has(e->bytes, "\"lines\":[{\"sku\":\"BAGEL\",\"quantity\":2,"
                                     "\"unit_price\":249}]"));
    rig_free(r);
}

static void
test_late_refusal_of_an_order_that_was_kept_since_says_what_became_of_it(void)
{
    struct rig *r = rig_new();
    struct rig_record rec;
    const struct effect *get = refused(r, &rec);

    rec.state = LIFECIRCLE__V1__ORDER_STATE__CREATED; /* by order_accept, when it was sent before */
    rec.reason = 0;
    rec.store = 0;
    rig_redis(r, get->ref, rig_string(rig_head(r, &rec)));
    const struct effect *e = rig_http_answer(r, 5);
    CU_ASSERT_PTR_NOT_NULL_FATAL(e);
    CU_ASSERT_EQUAL(e->status, 202);
    CU_ASSERT_TRUE(rig_has(e->bytes, "\"status\":\"created\""));
    rig_free(r);
}

static void
test_refusal_that_cannot_be_looked_up_is_not_known(void)
{
    struct rig *r = rig_new();
    struct rig_record rec;
    const struct effect *get = refused(r, &rec);

    rig_redis(r, get->ref, (struct reply){.kind = REPLY_ERROR, .str = SLICE_LIT("LOADING")});
    const struct effect *e = rig_http_answer(r, 5);
    CU_ASSERT_PTR_NOT_NULL_FATAL(e);
    CU_ASSERT_EQUAL(e->status, 503);
    rig_free(r);
}

UNIT_MAIN("intake_prices", UNIT(test_price_changed_names_the_stores_prices),
          UNIT(test_late_refusal_of_an_order_that_was_kept_since_says_what_became_of_it),
          UNIT(test_refusal_that_cannot_be_looked_up_is_not_known))
