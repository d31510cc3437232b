/* Orders of the fast path: the neighbourhood, the stock, answers that do not come. */
#include "unit.h"

#include "matcher_street.h"

static void
test_match_places_at_the_nearest_store(void)
{
    struct world w;
    struct world_shop s;
    struct world_order o;

    world_open(&w, NULL, 0);
    world_put_store(&w, world_store(&s, 1, north_of(home, 1200), 3000));
    world_put_store(&w, world_store(&s, 2, north_of(home, -700), 3000));
    world_put_store(&w, world_store(&s, 3, north_of(home, 900), 3000));
    world_up(&w);
    world_ask(&w, world_order(&o, &w, 1, home), false);
    CU_ASSERT_EQUAL_FATAL(w.results, 1);
    CU_ASSERT_EQUAL(w.result[0].outcome, LIFECIRCLE__V1__MATCH_RESULT__OUTCOME__PLACED_NOW);
    CU_ASSERT_EQUAL(w.result[0].store, 2);
    CU_ASSERT_STRING_EQUAL(w.result[0].order_id, o.id);
    CU_ASSERT_EQUAL(w.geosearches, 1);
    world_close(&w);
}

/* ---- one neighbourhood ---- */

static void
test_match_asks_redis_once_for_a_neighbourhood(void)
{
    struct world w;
    struct world_order o;

    world_open(&w, NULL, 0);
    put(&w, 1, home, 3000);
    world_up(&w);
    for (unsigned i = 0; i < 5; i++)
        world_ask(&w, world_order(&o, &w, i, north_of(home, (int32_t)i)), false);
    CU_ASSERT_EQUAL(w.geosearches, 1);
    CU_ASSERT_EQUAL(count(&w, COUNT_CELL_MISS), 1);
    CU_ASSERT_EQUAL(count(&w, COUNT_CELL_HIT), 4);
    CU_ASSERT_EQUAL(count(&w, COUNT_PLACED), 5);
    world_close(&w);
}

static void
test_match_asks_again_when_redis_loses_the_question(void)
{
    struct world w;
    struct world_order o;

    world_open(&w, NULL, 0);
    put(&w, 1, home, 3000);
    world_up(&w);
    w.lose_geo = 1;
    world_ask(&w, world_order(&o, &w, 1, home), false);
    CU_ASSERT_EQUAL(w.results, 0);
    world_wait(&w, 150);
    CU_ASSERT_EQUAL(w.results, 1);
    CU_ASSERT_EQUAL(w.result[0].store, 1);
    CU_ASSERT_EQUAL(w.geosearches, 2);
    world_close(&w);
}

static void
test_match_says_unavailable_when_redis_cannot_search(void)
{
    struct world w;
    struct world_order o;

    world_open(&w, NULL, 0);
    put(&w, 1, home, 3000);
    world_up(&w);
    w.geo_errors = true;
    world_ask(&w, world_order(&o, &w, 1, home), false);
    world_wait(&w, 400);
    CU_ASSERT_EQUAL_FATAL(w.results, 1);
    CU_ASSERT_EQUAL(w.result[0].outcome, LIFECIRCLE__V1__MATCH_RESULT__OUTCOME__UNAVAILABLE);
    CU_ASSERT_EQUAL(count(&w, COUNT_JOBS), 0);
    world_close(&w);
}

static void
test_match_hears_of_a_new_store_next_door(void)
{
    struct world w;
    struct world_order o;

    world_open(&w, NULL, 0);
    put(&w, 1, north_of(home, 1000), 3000);
    world_up(&w);
    world_ask(&w, world_order(&o, &w, 1, home), false);
    CU_ASSERT_EQUAL(w.result[0].store, 1);
    put(&w, 2, north_of(home, 100), 3000);
    news(&w);
    world_ask(&w, world_order(&o, &w, 2, home), false);
    CU_ASSERT_EQUAL(w.result[0].store, 2);
    world_close(&w);
}

static void
test_match_judges_a_pause_without_asking_redis(void)
{
    struct world w;
    struct world_shop s;
    struct world_order o;

    world_open(&w, NULL, 0);
    put(&w, 1, home, 3000);
    world_up(&w);
    world_ask(&w, world_order(&o, &w, 1, home), false);
    world_store(&s, 1, home, 3000)->busy = LIFECIRCLE__V1__BUSY_MODE__PAUSED;
    world_put_store(&w, &s.store);
    news(&w);
    world_ask(&w, world_order(&o, &w, 2, home), false);
    CU_ASSERT_EQUAL_FATAL(w.results, 1);
    CU_ASSERT_EQUAL(w.result[0].reason, LIFECIRCLE__V1__REASON__STORE_PAUSED);
    CU_ASSERT_EQUAL(w.geosearches, 1);
    world_close(&w);
}

static void
test_match_says_no_store_in_range_far_outside(void)
{
    struct world w;
    struct world_order o;

    world_open(&w, NULL, 0);
    put(&w, 1, home, 3000);
    world_up(&w);
    world_ask(&w, world_order(&o, &w, 1, north_of(home, 90000)), false);
    CU_ASSERT_EQUAL_FATAL(w.results, 1);
    CU_ASSERT_EQUAL(w.result[0].outcome, LIFECIRCLE__V1__MATCH_RESULT__OUTCOME__NOT_PLACED);
    CU_ASSERT_EQUAL(w.result[0].reason, LIFECIRCLE__V1__REASON__NO_STORE_IN_RANGE);
    world_close(&w);
}

/* Redis has no places beyond 85.05 degrees, and refuses to be asked from there. */
static void
test_match_says_no_store_in_range_at_the_ends_of_the_earth(void)
{
    static const struct latlng ends[] = {
        {900000000, 0}, {900000000, 1800000000}, {-900000000, -1800000000},
        {850520000, 0}, {0, 1800000000},         {0, -1800000000}};
    struct world w;
    struct world_order o;

    world_open(&w, NULL, 0);
    put(&w, 1, home, 3000);
    world_up(&w);
    for (unsigned i = 0; i < sizeof ends / sizeof *ends; i++) {
        world_ask(&w, world_order(&o, &w, i + 1, ends[i]), false);
        CU_ASSERT_EQUAL_FATAL(w.results, 1);
        CU_ASSERT_EQUAL(w.result[0].reason, LIFECIRCLE__V1__REASON__NO_STORE_IN_RANGE);
    }
    world_close(&w);
}

static void
test_match_serves_from_a_store_at_85_degrees(void)
{
    const struct latlng far_north = {850000000, 150000000};
    struct world w;
    struct world_order o;

    world_open(&w, NULL, 0);
    put(&w, 1, far_north, 20000);
    world_up(&w);
    world_ask(&w, world_order(&o, &w, 1, north_of(far_north, 6000)), false); /* beyond 85.05 */
    CU_ASSERT_EQUAL_FATAL(w.results, 1);
    CU_ASSERT_EQUAL(w.result[0].store, 1);
    world_close(&w);
}

static void
test_match_looks_only_at_the_store_that_was_asked_for(void)
{
    struct world w;
    struct world_order o;

    world_open(&w, NULL, 0);
    put(&w, 1, north_of(home, 100), 3000);
    put(&w, 2, north_of(home, 1500), 3000);
    world_up(&w);
    world_order(&o, &w, 1, home)->store = 2;
    world_ask(&w, &o.order, false);
    CU_ASSERT_EQUAL(w.result[0].store, 2);
    CU_ASSERT_EQUAL(w.geosearches, 0);
    world_order(&o, &w, 2, home)->store = 77; /* there is none */
    world_ask(&w, &o.order, false);
    CU_ASSERT_EQUAL(w.result[0].reason, LIFECIRCLE__V1__REASON__NO_STORE_IN_RANGE);
    world_close(&w);
}

static void
test_match_serves_a_chains_own_stores_only(void)
{
    struct world w;
    struct world_shop s;
    struct world_order o;

    world_open(&w, NULL, 0);
    world_store(&s, 1, north_of(home, 100), 3000)->chain = 2;
    world_put_store(&w, &s.store);
    put(&w, 2, north_of(home, 1500), 3000);
    world_up(&w);
    world_ask(&w, world_order(&o, &w, 1, home), false);
    CU_ASSERT_EQUAL(w.result[0].store, 2);
    world_close(&w);
}

/* ---- stock ---- */

static void
test_match_goes_on_until_the_one_store_that_has_it(void)
{
    static const struct {
        uint32_t store;
        unsigned rounds;
    } table[] = {{8, 1}, {9, 2}, {24, 2}, {25, 3}, {64, 3}, {65, 4}, {128, 4}, {150, 5}};

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct world w;
        struct world_order o;
        uint32_t has = table[i].store;
        world_open(&w, NULL, 0);
        w.stock = only_one_store;
        w.ctx = &has;
        row_of_stores(&w, 150);
        world_up(&w);
        world_ask(&w, world_order(&o, &w, 1, home), false);
        CU_ASSERT_EQUAL_FATAL(w.results, 1);
        CU_ASSERT_EQUAL(w.result[0].store, has);
        CU_ASSERT_EQUAL(w.rounds, table[i].rounds);
        world_close(&w);
    }
}

static void
test_match_holds_an_order_that_no_store_has(void)
{
    struct world w;
    struct world_order o;
    uint32_t has = 0;
    struct arena *a = arena_new(1 << 20);

    world_open(&w, NULL, 0);
    w.stock = only_one_store;
    w.ctx = &has;
    row_of_stores(&w, 70);
    world_up(&w);
    world_ask(&w, world_order(&o, &w, 1, home), false);
    const Lifecircle__V1__PlaceOrder *p = last_place(&w, a);
    CU_ASSERT_PTR_NOT_NULL_FATAL(p);
    CU_ASSERT_EQUAL(w.result[0].reason, LIFECIRCLE__V1__REASON__OUT_OF_STOCK);
    CU_ASSERT_EQUAL(p->n_candidates, 6); /* the last ones: 64 were seen */
    CU_ASSERT_EQUAL(p->retry_ms, w.now_ms + 5000);
    CU_ASSERT_FALSE(p->reject);
    arena_destroy(a);
    world_close(&w);
}

static void
test_match_offers_the_best_again_to_an_order_that_takes_parts(void)
{
    struct world w;
    struct world_order o;
    uint32_t has = 0;
    struct arena *a = arena_new(1 << 20);

    world_open(&w, NULL, 0);
    w.stock = only_one_store;
    w.ctx = &has;
    row_of_stores(&w, 70);
    world_up(&w);
    world_order(&o, &w, 1, home)->shortage = LIFECIRCLE__V1__SHORTAGE__SHORTAGE_PARTIAL;
    world_ask(&w, &o.order, false);
    const Lifecircle__V1__PlaceOrder *p = last_place(&w, a);
    CU_ASSERT_PTR_NOT_NULL_FATAL(p);
    CU_ASSERT_FALSE(p->more);
    CU_ASSERT_EQUAL(p->n_candidates, 64);
    CU_ASSERT_EQUAL(p->candidates[0]->store, 1);
    arena_destroy(a);
    world_close(&w);
}

static void
test_match_rejects_when_the_order_says_so(void)
{
    struct world w;
    struct world_order o;
    uint32_t has = 0;
    struct arena *a = arena_new(1 << 20);

    world_open(&w, NULL, 0);
    w.stock = only_one_store;
    w.ctx = &has;
    row_of_stores(&w, 3);
    world_up(&w);
    world_order(&o, &w, 1, home)->shortage = LIFECIRCLE__V1__SHORTAGE__SHORTAGE_REJECT;
    world_ask(&w, &o.order, false);
    CU_ASSERT_TRUE(last_place(&w, a)->reject);
    arena_destroy(a);
    world_close(&w);
}

/* ---- answers that do not come, or come twice ---- */

static void
test_match_says_unavailable_when_inventory_is_silent(void)
{
    struct world w;
    struct world_order o;

    world_open(&w, NULL, 0);
    put(&w, 1, home, 3000);
    world_up(&w);
    w.deaf = true;
    world_ask(&w, world_order(&o, &w, 1, home), false);
    CU_ASSERT_EQUAL(w.results, 0);
    world_wait(&w, 400);
    CU_ASSERT_EQUAL_FATAL(w.results, 1);
    CU_ASSERT_EQUAL(w.result[0].outcome, LIFECIRCLE__V1__MATCH_RESULT__OUTCOME__UNAVAILABLE);
    CU_ASSERT_STRING_EQUAL(w.result[0].order_id, o.id);
    world_close(&w);
}

static void
test_match_lets_one_order_of_an_id_go_first(void)
{
    struct world w;
    struct world_order o, same;

    world_open(&w, NULL, 0);
    put(&w, 1, home, 3000);
    world_up(&w);
    w.deaf = true;
    world_ask(&w, world_order(&o, &w, 1, home), false);
    world_wait(&w, 150);
    world_ask(&w, world_order(&same, &w, 1, home), false);
    CU_ASSERT_EQUAL(w.places, 1); /* the second waits behind the first */
    CU_ASSERT_EQUAL(count(&w, COUNT_JOBS), 2);
    w.deaf = false;
    world_wait(&w, 200); /* the first gives up, the second is sent */
    CU_ASSERT_EQUAL(w.places, 2);
    CU_ASSERT_EQUAL_FATAL(w.results, 2);
    CU_ASSERT_EQUAL(w.result[0].outcome, LIFECIRCLE__V1__MATCH_RESULT__OUTCOME__UNAVAILABLE);
    CU_ASSERT_EQUAL(w.result[1].outcome, LIFECIRCLE__V1__MATCH_RESULT__OUTCOME__PLACED_NOW);
    world_close(&w);
}

static void
place_reply(struct world *w, const char *id, uint8_t *request, size_t n,
            Lifecircle__V1__PlaceResult__Outcome outcome)
{
    Lifecircle__V1__Envelope env = LIFECIRCLE__V1__ENVELOPE__INIT;
    Lifecircle__V1__PlaceReply reply = LIFECIRCLE__V1__PLACE_REPLY__INIT;
    Lifecircle__V1__PlaceResult r = LIFECIRCLE__V1__PLACE_RESULT__INIT, *rs[1] = {&r};

    r.order_id = (char *)(uintptr_t)id;
    r.outcome = outcome;
    reply.n_results = 1;
    reply.results = rs;
    env.id = (ProtobufCBinaryData){n, request};
    env.body_case = LIFECIRCLE__V1__ENVELOPE__BODY_PLACE_REPLY;
    env.place_reply = &reply;
    world_send(w, &env, 0);
    world_settle(w);
}

static void
test_placed_passes_over_answers_to_other_requests(void)
{
    struct world w;
    struct world_order o;
    uint8_t other[16] = {9, 9};

    world_open(&w, NULL, 0);
    row_of_stores(&w, 20);
    world_up(&w);
    w.deaf = true;
    world_ask(&w, world_order(&o, &w, 1, home), false);
    place_reply(&w, o.id, other, sizeof other, LIFECIRCLE__V1__PLACE_RESULT__OUTCOME__EXHAUSTED);
    CU_ASSERT_EQUAL(w.places, 1);
    CU_ASSERT_EQUAL(count(&w, COUNT_LATE), 1);
    uint8_t *sent = world_core(&w)->sent->sent_id;
    place_reply(&w, o.id, sent, 16, LIFECIRCLE__V1__PLACE_RESULT__OUTCOME__EXHAUSTED);
    CU_ASSERT_EQUAL(w.places, 2); /* the next candidates */
    place_reply(&w, "no uuid", other, sizeof other,
                LIFECIRCLE__V1__PLACE_RESULT__OUTCOME__PLACED_AT);
    CU_ASSERT_EQUAL(count(&w, COUNT_LATE), 2);
    world_close(&w);
}

static void
test_placed_passes_on_what_inventory_says(void)
{
    static const struct {
        Lifecircle__V1__PlaceResult__Outcome from;
        Lifecircle__V1__MatchResult__Outcome to;
    } table[] = {
        {LIFECIRCLE__V1__PLACE_RESULT__OUTCOME__DUPLICATE,
         LIFECIRCLE__V1__MATCH_RESULT__OUTCOME__DUPLICATE},
        {LIFECIRCLE__V1__PLACE_RESULT__OUTCOME__CONFLICT,
         LIFECIRCLE__V1__MATCH_RESULT__OUTCOME__CONFLICT},
        {LIFECIRCLE__V1__PLACE_RESULT__OUTCOME__PRICE_DIFFERS,
         LIFECIRCLE__V1__MATCH_RESULT__OUTCOME__PRICE_DIFFERS},
        {LIFECIRCLE__V1__PLACE_RESULT__OUTCOME__UNAVAILABLE,
         LIFECIRCLE__V1__MATCH_RESULT__OUTCOME__UNAVAILABLE},
        {LIFECIRCLE__V1__PLACE_RESULT__OUTCOME__OUTCOME_NONE,
         LIFECIRCLE__V1__MATCH_RESULT__OUTCOME__UNAVAILABLE},
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct world w;
        struct world_order o;
        world_open(&w, NULL, 0);
        put(&w, 1, home, 3000);
        world_up(&w);
        w.deaf = true;
        world_ask(&w, world_order(&o, &w, 1, home), false);
        place_reply(&w, o.id, world_core(&w)->sent->sent_id, 16, table[i].from);
        CU_ASSERT_EQUAL_FATAL(w.results, 1);
        CU_ASSERT_EQUAL(w.result[0].outcome, table[i].to);
        CU_ASSERT_EQUAL(count(&w, COUNT_JOBS), 0);
        world_close(&w);
    }
}

static void
test_match_refuses_before_the_catalogue_is_loaded(void)
{
    struct world w;
    struct world_order o;

    world_open(&w, NULL, 0);
    put(&w, 1, home, 3000);
    CU_ASSERT_FALSE(matcher_service.ready(world_core(&w)));
    world_ask(&w, world_order(&o, &w, 1, home), false);
    CU_ASSERT_EQUAL_FATAL(w.results, 1);
    CU_ASSERT_EQUAL(w.result[0].outcome, LIFECIRCLE__V1__MATCH_RESULT__OUTCOME__UNAVAILABLE);
    world_up(&w);
    CU_ASSERT_TRUE(matcher_service.ready(world_core(&w)));
    world_close(&w);
}

static void
test_match_takes_nothing_new_while_draining(void)
{
    struct world w;
    struct world_order o;
    struct event stop = {.kind = EVENT_STOP};

    world_open(&w, NULL, 0);
    put(&w, 1, home, 3000);
    world_up(&w);
    world_feed(&w, &stop);
    unsigned claims = w.claims;
    world_ask(&w, world_order(&o, &w, 1, home), false);
    CU_ASSERT_EQUAL(w.result[0].outcome, LIFECIRCLE__V1__MATCH_RESULT__OUTCOME__UNAVAILABLE);
    world_wait(&w, 1000);
    CU_ASSERT_EQUAL(w.claims, claims);
    world_close(&w);
}

static void
test_match_refuses_more_orders_than_it_may_hold(void)
{
    static const struct config_item few[] = {{SLICE_LIT("jobs_max"), SLICE_LIT("1")}};
    struct world w;
    struct world_order o;

    world_open(&w, few, 1);
    put(&w, 1, home, 3000);
    world_up(&w);
    w.deaf = true;
    world_ask(&w, world_order(&o, &w, 1, home), false);
    world_ask(&w, world_order(&o, &w, 2, home), false);
    CU_ASSERT_EQUAL_FATAL(w.results, 1);
    CU_ASSERT_EQUAL(w.result[0].outcome, LIFECIRCLE__V1__MATCH_RESULT__OUTCOME__UNAVAILABLE);
    CU_ASSERT_STRING_EQUAL(w.result[0].order_id, o.id);
    world_close(&w);
}

static void
test_start_refuses_a_configuration_without_a_city(void)
{
    struct stepper *s = stepper_new(&matcher_service);
    struct config c = {NULL, 0};
    struct event start = {.kind = EVENT_START, .config = &c};

    CU_ASSERT_EQUAL(stepper_feed(s, &start), LC_EINVAL);
    stepper_destroy(s);
}

/* ---- the decision record ---- */

static void
test_decision_keeps_the_ranked_and_the_nearest_that_failed(void)
{
    struct world w;
    struct world_order o;
    struct arena *a = arena_new(1 << 20);

    world_open(&w, NULL, 0);
    for (uint32_t i = 1; i <= 20; i++) /* the odd ones cannot reach the customer */
        put(&w, i, north_of(home, 100 * (int32_t)i), i % 2 == 1 ? 50 : 5000);
    world_up(&w);
    world_ask(&w, world_order(&o, &w, 1, home), false);
    const Lifecircle__V1__PlaceOrder *p = last_place(&w, a);
    CU_ASSERT_PTR_NOT_NULL_FATAL(p);
    const Lifecircle__V1__DecisionRecord *d =
        wire_unpack(&lifecircle__v1__decision_record__descriptor, a,
                    slice_of((const char *)p->explain.data, p->explain.len));
    CU_ASSERT_PTR_NOT_NULL_FATAL(d);
    CU_ASSERT_EQUAL_FATAL(d->n_candidates, MATCH_EXPLAINED_MAX);
    for (size_t i = 0; i < 8; i++) {
        CU_ASSERT_EQUAL(d->candidates[i]->store, 2 * (i + 1));
        CU_ASSERT_EQUAL(d->candidates[i]->store, p->candidates[i]->store);
        CU_ASSERT_EQUAL(d->candidates[i]->margin_ms,
                        o.order.window_end_ms - d->candidates[i]->arrival_ms);
    }
    for (size_t i = 8; i < 12; i++) {
        CU_ASSERT_EQUAL(d->candidates[i]->store, 2 * (i - 8) + 1);
        CU_ASSERT_EQUAL(d->candidates[i]->verdict, LIFECIRCLE__V1__REASON__OUT_OF_ZONE);
        CU_ASSERT(d->candidates[i]->missed_by > 0);
        CU_ASSERT(d->candidates[i]->travel_s > 0);
    }
    CU_ASSERT_TRUE(d->estimate);
    CU_ASSERT_EQUAL(d->attempt, 1);
    CU_ASSERT(p->explain.len < 450);
    arena_destroy(a);
    world_close(&w);
}

UNIT_MAIN("matcher", UNIT(test_match_places_at_the_nearest_store),
          UNIT(test_match_asks_redis_once_for_a_neighbourhood),
          UNIT(test_match_asks_again_when_redis_loses_the_question),
          UNIT(test_match_says_unavailable_when_redis_cannot_search),
          UNIT(test_match_hears_of_a_new_store_next_door),
          UNIT(test_match_judges_a_pause_without_asking_redis),
          UNIT(test_match_says_no_store_in_range_far_outside),
          UNIT(test_match_says_no_store_in_range_at_the_ends_of_the_earth),
          UNIT(test_match_serves_from_a_store_at_85_degrees),
          UNIT(test_match_looks_only_at_the_store_that_was_asked_for),
          UNIT(test_match_serves_a_chains_own_stores_only),
          UNIT(test_match_goes_on_until_the_one_store_that_has_it),
          UNIT(test_match_holds_an_order_that_no_store_has),
          UNIT(test_match_offers_the_best_again_to_an_order_that_takes_parts),
          UNIT(test_match_rejects_when_the_order_says_so),
          UNIT(test_match_says_unavailable_when_inventory_is_silent),
          UNIT(test_match_lets_one_order_of_an_id_go_first),
          UNIT(test_placed_passes_over_answers_to_other_requests),
          UNIT(test_placed_passes_on_what_inventory_says),
          UNIT(test_match_refuses_before_the_catalogue_is_loaded),
          UNIT(test_match_takes_nothing_new_while_draining),
          UNIT(test_match_refuses_more_orders_than_it_may_hold),
          UNIT(test_start_refuses_a_configuration_without_a_city),
          UNIT(test_decision_keeps_the_ranked_and_the_nearest_that_failed))
