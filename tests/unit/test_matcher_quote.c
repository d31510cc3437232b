/* Quotes and nearby queries: asked about, nothing taken. */
#include "unit.h"

#include "matcher_street.h"

static void
test_quote_names_the_store_that_has_it_and_takes_nothing(void)
{
    struct world w;
    struct world_order o;
    uint32_t has = 40;

    world_open(&w, NULL, 0);
    w.stock = only_one_store;
    w.ctx = &has;
    row_of_stores(&w, 70);
    world_up(&w);
    world_order(&o, &w, 1, home)->lines[0]->quantity = 2;
    world_ask(&w, &o.order, true);
    CU_ASSERT_EQUAL_FATAL(w.results, 1);
    CU_ASSERT_EQUAL(w.result[0].outcome, LIFECIRCLE__V1__MATCH_RESULT__OUTCOME__PLACED_NOW);
    CU_ASSERT_EQUAL(w.result[0].store, 40);
    CU_ASSERT_EQUAL(w.result[0].lines, 1);
    CU_ASSERT_EQUAL(w.result[0].line_quantity, 2);
    CU_ASSERT_EQUAL(w.result[0].line_price, WORLD_PRICE);
    CU_ASSERT(w.result[0].eta_ms > w.now_ms);
    CU_ASSERT_EQUAL(w.places, 0);
    world_close(&w);
}

static void
test_quote_adds_equal_lines_up(void)
{
    struct world w;
    struct world_order o;
    uint32_t has = 1;
    Lifecircle__V1__OrderLine *twice[2];

    world_open(&w, NULL, 0);
    w.stock = only_one_store;
    w.ctx = &has;
    row_of_stores(&w, 2);
    world_up(&w);
    world_order(&o, &w, 1, home)->lines[0]->quantity = 2; /* 2 + 2, and there are 3 */
    twice[0] = twice[1] = &o.line;
    o.order.lines = twice;
    o.order.n_lines = 2;
    world_ask(&w, &o.order, true);
    CU_ASSERT_EQUAL(w.result[0].outcome, LIFECIRCLE__V1__MATCH_RESULT__OUTCOME__NOT_PLACED);
    CU_ASSERT_EQUAL(w.result[0].reason, LIFECIRCLE__V1__REASON__OUT_OF_STOCK);
    o.order.shortage = LIFECIRCLE__V1__SHORTAGE__SHORTAGE_PARTIAL;
    world_ask(&w, &o.order, true);
    CU_ASSERT_EQUAL(w.result[0].store, 1);
    CU_ASSERT_EQUAL(w.result[0].line_quantity, 3);
    world_close(&w);
}

static bool
only_sku_9(void *ctx, uint32_t store, uint32_t sku, uint32_t quantity)
{
    (void)ctx;
    return store == 2 && sku == 9 && quantity <= 3;
}

static void
test_quote_takes_the_substitute_that_is_there(void)
{
    struct world w;
    struct world_order o;
    uint32_t substitutes[] = {8, 9};

    world_open(&w, NULL, 0);
    w.stock = only_sku_9;
    row_of_stores(&w, 3);
    world_up(&w);
    world_order(&o, &w, 1, home)->shortage = LIFECIRCLE__V1__SHORTAGE__SHORTAGE_SUBSTITUTE;
    o.line.n_substitute_indexes = 2;
    o.line.substitute_indexes = substitutes;
    world_ask(&w, &o.order, true);
    CU_ASSERT_EQUAL_FATAL(w.results, 1);
    CU_ASSERT_EQUAL(w.result[0].store, 2);
    CU_ASSERT_EQUAL(w.result[0].line_sku, 9);
    CU_ASSERT_EQUAL(w.result[0].line_for, 2); /* SKU 1, plus one */
    world_close(&w);
}

static void
test_quote_shows_a_price_that_differs(void)
{
    struct world w;
    struct world_order o;

    world_open(&w, NULL, 0);
    row_of_stores(&w, 1);
    world_up(&w);
    world_order(&o, &w, 1, home)->price_policy = LIFECIRCLE__V1__PRICE_POLICY__PRICE_REFUSE;
    o.line.unit_price_cents = WORLD_PRICE - 1;
    world_ask(&w, &o.order, true);
    CU_ASSERT_EQUAL(w.result[0].outcome, LIFECIRCLE__V1__MATCH_RESULT__OUTCOME__PRICE_DIFFERS);
    CU_ASSERT_EQUAL(w.result[0].line_price, WORLD_PRICE);
    o.order.price_policy = LIFECIRCLE__V1__PRICE_POLICY__PRICE_TAKE;
    world_ask(&w, &o.order, true);
    CU_ASSERT_EQUAL(w.result[0].outcome, LIFECIRCLE__V1__MATCH_RESULT__OUTCOME__PLACED_NOW);
    world_close(&w);
}

static void
ask_nearby(struct world *w, uint64_t tag)
{
    Lifecircle__V1__Envelope env = LIFECIRCLE__V1__ENVELOPE__INIT;
    Lifecircle__V1__MatchRequest m = LIFECIRCLE__V1__MATCH_REQUEST__INIT;
    Lifecircle__V1__NearbyQuery q = LIFECIRCLE__V1__NEARBY_QUERY__INIT, *qs[1] = {&q};
    Lifecircle__V1__Point at = LIFECIRCLE__V1__POINT__INIT;
    uint32_t skus[] = {1, 9};

    at.lat_e7 = home.lat_e7;
    at.lng_e7 = home.lng_e7;
    q.tag = tag;
    q.chain = 1;
    q.at = &at;
    q.limit = 10;
    q.n_sku_indexes = 2;
    q.sku_indexes = skus;
    m.n_nearby = 1;
    m.nearby = qs;
    env.body_case = LIFECIRCLE__V1__ENVELOPE__BODY_MATCH_REQUEST;
    env.match_request = &m;
    world_send(w, &env, 5);
}

/* The answer, in the arena; NULL when none came. */
static const Lifecircle__V1__NearbyResult *
nearby_answer(struct world *w, struct arena *a)
{
    return w->nearby.n == 0
               ? NULL
               : wire_unpack(&lifecircle__v1__nearby_result__descriptor, a, buf_slice(&w->nearby));
}

static void
test_nearby_lists_stores_by_way_with_verdict_and_stock(void)
{
    struct world w;
    struct arena *a = arena_new(1 << 20);
    uint32_t has = 3;

    world_open(&w, NULL, 0);
    w.stock = only_one_store;
    w.ctx = &has;
    put(&w, 1, north_of(home, 2000), 3000);
    put(&w, 2, north_of(home, -300), 100); /* too small a zone */
    put(&w, 3, north_of(home, 900), 3000);
    world_up(&w);
    ask_nearby(&w, 44);
    world_settle(&w);
    const Lifecircle__V1__NearbyResult *r = nearby_answer(&w, a);
    CU_ASSERT_PTR_NOT_NULL_FATAL(r);
    CU_ASSERT_EQUAL(r->tag, 44);
    CU_ASSERT_FALSE(r->unavailable);
    CU_ASSERT_EQUAL_FATAL(r->n_stores, 3);
    CU_ASSERT_EQUAL(r->stores[0]->store, 2);
    CU_ASSERT_EQUAL(r->stores[0]->verdict, LIFECIRCLE__V1__REASON__OUT_OF_ZONE);
    CU_ASSERT_EQUAL(r->stores[1]->store, 3);
    CU_ASSERT_EQUAL(r->stores[1]->verdict, LIFECIRCLE__V1__REASON__REASON_NONE);
    CU_ASSERT_EQUAL_FATAL(r->stores[1]->n_available, 2);
    CU_ASSERT_EQUAL(r->stores[1]->available[1], 3);
    CU_ASSERT_EQUAL(r->stores[2]->available[0], 0);
    CU_ASSERT(r->stores[1]->distance_m >= 899 && r->stores[1]->distance_m <= 902);
    arena_destroy(a);
    world_close(&w);
}

static void
test_nearby_says_so_when_redis_cannot_search(void)
{
    struct world w;
    struct arena *a = arena_new(1 << 20);

    world_open(&w, NULL, 0);
    put(&w, 1, home, 3000);
    world_up(&w);
    w.geo_errors = true;
    ask_nearby(&w, 45);
    world_wait(&w, 2000);
    const Lifecircle__V1__NearbyResult *r = nearby_answer(&w, a);
    CU_ASSERT_PTR_NOT_NULL_FATAL(r);
    CU_ASSERT_EQUAL(r->tag, 45);
    CU_ASSERT_TRUE(r->unavailable);
    CU_ASSERT_EQUAL(r->n_stores, 0);
    arena_destroy(a);
    world_close(&w);
}

UNIT_MAIN("matcher quote", UNIT(test_quote_names_the_store_that_has_it_and_takes_nothing),
          UNIT(test_quote_adds_equal_lines_up), UNIT(test_quote_takes_the_substitute_that_is_there),
          UNIT(test_quote_shows_a_price_that_differs),
          UNIT(test_nearby_lists_stores_by_way_with_verdict_and_stock),
          UNIT(test_nearby_says_so_when_redis_cannot_search))
