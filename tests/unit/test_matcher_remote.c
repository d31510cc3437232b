/* Orders decided by a routing server's travel times, and in time without them. */
#include "unit.h"

#include "matcher_street.h"

#include "matcher/explain.h"

static const struct config_item with_server[] = {
    {SLICE_LIT("travel-osrm"), SLICE_LIT("bicycle=http://roads:5000")}};

/* The further a store by crow, the nearer by these roads. */
static enum travel_end
upside_down(struct world *w, const struct travel_ask *ask, struct travel_cell *cell)
{
    (void)w;
    for (size_t i = 0; i < ask->from_n; i++)
        cell[i] = (struct travel_cell){600 - (uint32_t)(geo_distance_m(ask->from[i], home) / 2), 9};
    return TRAVEL_ANSWERED;
}

static enum travel_end
never(struct world *w, const struct travel_ask *ask, struct travel_cell *cell)
{
    (void)w, (void)ask, (void)cell;
    return TRAVEL_ENDS;
}

static enum travel_end
broken(struct world *w, const struct travel_ask *ask, struct travel_cell *cell)
{
    (void)w, (void)ask, (void)cell;
    return TRAVEL_BROKEN;
}

static void
open_world(struct world *w, enum travel_end (*roads)(struct world *, const struct travel_ask *,
                                                     struct travel_cell *))
{
    world_open(w, with_server, 1);
    w->roads = roads;
    row_of_stores(w, 20);
    world_up(w);
}

/* What lcctl explain says of the last order. */
static bool
explained(struct world *w, const char *words)
{
    struct arena *a = arena_new(1 << 20);
    const Lifecircle__V1__PlaceOrder *p = last_place(w, a);
    const Lifecircle__V1__DecisionRecord *d =
        wire_unpack(&lifecircle__v1__decision_record__descriptor, a,
                    slice_of((const char *)p->explain.data, p->explain.len));
    struct buf text = {0};

    CU_ASSERT_PTR_NOT_NULL_FATAL(d);
    match_explain(&text, d, 0, NULL);
    buf_char(&text, '\0');
    bool said = strstr(text.p, words) != NULL;
    if (!said)
        printf("\n    no \"%s\" in:\n%s", words, text.p);
    buf_free(&text);
    arena_destroy(a);
    return said;
}

static void
test_order_goes_by_the_servers_times(void)
{
    struct world w;
    struct world_order o;

    open_world(&w, upside_down);
    world_ask(&w, world_order(&o, &w, 1, home), false);
    CU_ASSERT_EQUAL(w.roads_asked, 1); /* one matrix for all candidates */
    CU_ASSERT_EQUAL_FATAL(w.results, 1);
    CU_ASSERT_EQUAL(w.result[0].outcome, LIFECIRCLE__V1__MATCH_RESULT__OUTCOME__PLACED_NOW);
    CU_ASSERT_EQUAL(w.result[0].store, 20);
    CU_ASSERT_EQUAL(count(&w, COUNT_BY_SERVER), 1);
    CU_ASSERT_EQUAL(count(&w, COUNT_TRAVEL_FALLBACK), 0);
    CU_ASSERT_TRUE(explained(&w, "travel times from the routing server"));
    world_close(&w);
}

static void
test_quote_goes_by_the_servers_times(void)
{
    struct world w;
    struct world_order o;

    open_world(&w, upside_down);
    world_ask(&w, world_order(&o, &w, 1, home), true);
    CU_ASSERT_EQUAL(w.roads_asked, 1);
    CU_ASSERT_EQUAL_FATAL(w.results, 1);
    CU_ASSERT_EQUAL(w.result[0].store, 20);
    world_close(&w);
}

static void
test_order_goes_by_the_estimate_when_the_server_fails(void)
{
    struct world w;
    struct world_order o;

    open_world(&w, broken);
    world_ask(&w, world_order(&o, &w, 1, home), false);
    CU_ASSERT_EQUAL_FATAL(w.results, 1);
    CU_ASSERT_EQUAL(w.result[0].store, 1);
    CU_ASSERT_EQUAL(count(&w, COUNT_BY_ESTIMATE), 1);
    CU_ASSERT_EQUAL(count(&w, COUNT_TRAVEL_FALLBACK), 1);
    CU_ASSERT_TRUE(explained(&w, "travel times are estimates"));
    CU_ASSERT_TRUE(explained(&w, "did not give them: broken"));
    world_close(&w);
}

/* EVENT_WAKE at this time, and what follows. */
static void
wake_at(struct world *w, int64_t at_ms)
{
    struct event wake = {.kind = EVENT_WAKE};

    w->now_ms = at_ms;
    world_feed(w, &wake);
    world_settle(w);
}

static void
test_order_is_decided_in_time_when_no_answer_comes(void)
{
    struct world w;
    struct world_order o;
    uint64_t tag;

    open_world(&w, never);
    int64_t begun_ms = w.now_ms;
    world_ask(&w, world_order(&o, &w, 1, home), false);
    CU_ASSERT_EQUAL(w.results, 0);
    tag = world_core(&w)->asking->travel_tag;
    wake_at(&w, begun_ms + 80);
    CU_ASSERT_EQUAL(w.results, 0);
    wake_at(&w, begun_ms + 80 + TRAVEL_GRACE_MS);
    CU_ASSERT_EQUAL_FATAL(w.results, 1);
    CU_ASSERT_EQUAL(w.result[0].store, 1);
    CU_ASSERT_TRUE(explained(&w, "did not give them: late"));

    struct event answer = {.kind = EVENT_TRAVEL, .ref = tag}; /* after all */
    uint64_t late = count(&w, COUNT_LATE);
    world_feed(&w, &answer);
    CU_ASSERT_EQUAL(count(&w, COUNT_LATE), late + 1);
    world_close(&w);
}

static void
test_order_leaves_most_of_its_time_for_the_rest(void)
{
    struct world w;
    struct world_order o;

    open_world(&w, never);
    Lifecircle__V1__Envelope env = LIFECIRCLE__V1__ENVELOPE__INIT;
    Lifecircle__V1__MatchRequest m = LIFECIRCLE__V1__MATCH_REQUEST__INIT;
    Lifecircle__V1__Order *order = world_order(&o, &w, 1, home);
    m.n_orders = 1;
    m.orders = &order;
    env.body_case = LIFECIRCLE__V1__ENVELOPE__BODY_MATCH_REQUEST;
    env.match_request = &m;
    env.deadline_ms = w.now_ms + 60;
    w.results = 0;
    world_send(&w, &env, 77);
    world_settle(&w);
    CU_ASSERT_EQUAL(world_core(&w)->asking->travel_until_ms, w.now_ms + 20);
    world_close(&w);
}

static void
test_order_wakes_the_core_for_the_others_too(void)
{
    struct world w;
    struct world_order o;

    open_world(&w, never);
    int64_t begun_ms = w.now_ms;
    world_ask(&w, world_order(&o, &w, 1, home), false);
    w.now_ms += 40;
    world_ask(&w, world_order(&o, &w, 2, home), false);
    struct event wake = {.kind = EVENT_WAKE};
    w.now_ms = begun_ms + 90;
    stepper_flushed(w.stepper);
    world_feed(&w, &wake);
    const struct outbox *out = stepper_outbox(w.stepper);
    int64_t wish_ms = INT64_MAX;
    for (size_t i = 0; i < outbox_count(out); i++)
        if (outbox_at(out, i)->kind == EFFECT_WAKE && outbox_at(out, i)->at_ms < wish_ms)
            wish_ms = outbox_at(out, i)->at_ms;
    CU_ASSERT(wish_ms <= begun_ms + 130);
    world_settle(&w);
    wake_at(&w, begun_ms + 130);
    CU_ASSERT_EQUAL(w.results, 2);
    CU_ASSERT_PTR_NULL(world_core(&w)->asking);
    world_close(&w);
}

static enum travel_end
short_by_one(struct world *w, const struct travel_ask *ask, struct travel_cell *cell)
{
    struct buf b = {0};
    struct event ev = {.kind = EVENT_TRAVEL, .ref = world_core(w)->asking->travel_tag};

    travel_cells_put(&b, cell, ask->from_n - 1);
    ev.bytes = buf_slice(&b);
    world_feed(w, &ev);
    buf_free(&b);
    return TRAVEL_ENDS;
}

static void
test_order_does_not_take_an_answer_to_another_question(void)
{
    struct world w;
    struct world_order o;

    open_world(&w, short_by_one);
    world_ask(&w, world_order(&o, &w, 1, home), false);
    CU_ASSERT_EQUAL_FATAL(w.results, 1);
    CU_ASSERT_EQUAL(w.result[0].store, 1);
    CU_ASSERT_TRUE(explained(&w, "did not give them: lied"));
    world_close(&w);
}

static void
test_order_that_travels_otherwise_asks_nobody(void)
{
    struct world w;
    struct world_order o;

    open_world(&w, upside_down);
    world_order(&o, &w, 1, home)->weight_g = MATCH_HEAVY_G + 1; /* by car */
    world_ask(&w, &o.order, false);
    CU_ASSERT_EQUAL(w.roads_asked, 0);
    CU_ASSERT_EQUAL_FATAL(w.results, 1);
    CU_ASSERT_EQUAL(w.result[0].store, 1);
    CU_ASSERT_EQUAL(count(&w, COUNT_TRAVEL_FALLBACK), 0);
    world_close(&w);
}

static void
test_order_for_later_is_planned_by_the_servers_times(void)
{
    struct world w;
    struct world_order o;

    open_world(&w, upside_down);
    world_order(&o, &w, 1, home)->window_start_ms = w.now_ms + 4 * 3600000;
    o.order.window_end_ms = o.order.window_start_ms + 3600000;
    world_ask(&w, &o.order, false);
    CU_ASSERT_EQUAL(w.roads_asked, 1);
    CU_ASSERT_EQUAL(w.places, 1);
    CU_ASSERT_EQUAL(count(&w, COUNT_BY_SERVER), 1);
    world_close(&w);
}

static void
test_order_whose_deadline_comes_while_it_waits_is_given_back(void)
{
    struct world w;
    struct world_order o;

    open_world(&w, never);
    world_ask(&w, world_order(&o, &w, 1, home), false);
    w.deaf = true;
    wake_at(&w, w.now_ms + 5000);
    wake_at(&w, w.now_ms + 5000);
    CU_ASSERT_PTR_NULL(world_core(&w)->jobs);
    CU_ASSERT_EQUAL(count(&w, COUNT_UNAVAILABLE), 1);
    world_close(&w);
}

UNIT_MAIN("matcher remote", UNIT(test_order_goes_by_the_servers_times),
          UNIT(test_quote_goes_by_the_servers_times),
          UNIT(test_order_goes_by_the_estimate_when_the_server_fails),
          UNIT(test_order_is_decided_in_time_when_no_answer_comes),
          UNIT(test_order_leaves_most_of_its_time_for_the_rest),
          UNIT(test_order_wakes_the_core_for_the_others_too),
          UNIT(test_order_does_not_take_an_answer_to_another_question),
          UNIT(test_order_that_travels_otherwise_asks_nobody),
          UNIT(test_order_for_later_is_planned_by_the_servers_times),
          UNIT(test_order_whose_deadline_comes_while_it_waits_is_given_back))
