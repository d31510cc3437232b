/* The router's core beside a small Redis: the ways of an order through couriers' hands. */
#include "router/plan/plan.h"
#include "router_world.h"
#include "unit.h"

enum { READY_S = 30, PROMISE_S = 3600, FAR_M = 2000 };

/* Courier 1 signs on next to the store, an order comes and is offered. */
static struct w_order *
offered(struct world *w)
{
    CU_ASSERT_EQUAL(w_sign_on(w, 1, 100, 8), W_OUTCOME(DONE));
    struct w_order *o = w_place(w, FAR_M, READY_S, PROMISE_S);
    w_pass(w, 2000);
    CU_ASSERT_EQUAL_FATAL(w_stops(w, 1), 2);
    CU_ASSERT_EQUAL(w_head(o).courier, 1);
    CU_ASSERT_EQUAL(w_state(o), W_STATE(PLACED));
    return o;
}

static struct w_order *
accepted(struct world *w)
{
    struct w_order *o = offered(w);

    CU_ASSERT_EQUAL(w_say(w, 1, W_KIND(ACCEPT), NULL), W_OUTCOME(DONE));
    CU_ASSERT_EQUAL(w_state(o), W_STATE(CONFIRMED));
    return o;
}

static struct w_order *
picked_up(struct world *w)
{
    struct w_order *o = accepted(w);

    CU_ASSERT_EQUAL(w_say(w, 1, W_KIND(PICKED), o), W_OUTCOME(DONE));
    CU_ASSERT_EQUAL(w_state(o), W_STATE(PICKED_UP));
    return o;
}

static void
test_router_happy_path_ends_delivered(void)
{
    struct world *w = w_new();
    struct w_order *o = accepted(w);

    CU_ASSERT_EQUAL(w_say(w, 1, W_KIND(ENROUTE), o), W_OUTCOME(DONE));
    CU_ASSERT_EQUAL(w_state(o), W_STATE(ENROUTE_TO_PICKUP));
    CU_ASSERT_EQUAL(w_say(w, 1, W_KIND(ARRIVED), o), W_OUTCOME(DONE));
    CU_ASSERT_EQUAL(w_state(o), W_STATE(ARRIVED_AT_PICKUP));
    CU_ASSERT_EQUAL(w_say(w, 1, W_KIND(PICKED), o), W_OUTCOME(DONE));
    CU_ASSERT_EQUAL(w_state(o), W_STATE(PICKED_UP));
    CU_ASSERT_EQUAL(w_stops(w, 1), 1);
    CU_ASSERT_EQUAL(w_say(w, 1, W_KIND(ENROUTE), o), W_OUTCOME(DONE));
    CU_ASSERT_EQUAL(w_say(w, 1, W_KIND(ARRIVED), o), W_OUTCOME(DONE));
    CU_ASSERT_EQUAL(w_state(o), W_STATE(ARRIVED_AT_DROPOFF));
    CU_ASSERT_EQUAL(w_deliver(w, 1, o, NULL), W_OUTCOME(DONE));
    CU_ASSERT_EQUAL(w_state(o), W_STATE(DELIVERED));
    CU_ASSERT_EQUAL(w_stops(w, 1), 0);
    CU_ASSERT_EQUAL(w_counter(w, "orders_waiting"), 0);
    w_free(w);
}

static void
test_router_route_carries_version_and_offer(void)
{
    struct world *w = w_new();

    offered(w);
    const Lifecircle__V1__Route *route = w_route(w, 1);
    CU_ASSERT_EQUAL(route->version, bytes_u32(w->route[1].bytes.p));
    CU_ASSERT_EQUAL(route->courier, 1);
    CU_ASSERT(route->offer_expires_ms > w->now_ms);
    CU_ASSERT(!route->stops[0]->accepted);
    CU_ASSERT_EQUAL(route->stops[0]->store, 1);
    CU_ASSERT(route->stops[1]->eta_ms > w->now_ms);
    CU_ASSERT(route->stops[1]->window_end_ms > route->stops[1]->eta_ms);
    w_say(w, 1, W_KIND(ACCEPT), NULL);
    route = w_route(w, 1);
    CU_ASSERT_EQUAL(route->offer_expires_ms, 0);
    CU_ASSERT(route->stops[0]->accepted && route->stops[1]->accepted);
    w_free(w);
}

static void
test_router_offers_within_the_turn_of_the_dispatch(void)
{
    struct world *w = w_new();

    w_sign_on(w, 1, 100, 8);
    w_pass(w, 250);
    w_pass_clock(w, 50);
    struct w_order *o = w_place(w, FAR_M, READY_S, PROMISE_S);
    unsigned acks = w->acks;
    w_dispatch(w, o);
    CU_ASSERT_EQUAL(w->acks, acks + 1);
    CU_ASSERT_EQUAL(w_head(o).courier, 1);
    w_position(w, 1, 90);
    CU_ASSERT_EQUAL(w->acks, acks + 2);
    w_free(w);
}

static void
test_router_offers_only_when_the_courier_must_leave(void)
{
    struct world *w = w_new();

    w_sign_on(w, 1, 100, 8);
    struct w_order *o = w_place(w, FAR_M, 1200, PROMISE_S);
    w_pass(w, 600000);
    w_position(w, 1, 100);
    CU_ASSERT_EQUAL(w_head(o).courier, 0);
    CU_ASSERT_EQUAL(w_stops(w, 1), 0);
    for (int i = 0; i < 10; i++) {
        w_pass(w, 50000);
        w_position(w, 1, 100);
    }
    w_pass(w, 30000); /* 1,130 s: 70 s before the goods are ready, some 30 of them for the way */
    CU_ASSERT_EQUAL(w_head(o).courier, 1);
    w_free(w);
}

static void
test_router_declined_order_goes_to_another_courier(void)
{
    struct world *w = w_new();
    struct w_order *o = offered(w);

    w_sign_on(w, 2, 3000, 8);
    CU_ASSERT_EQUAL(w_say(w, 1, W_KIND(DECLINE), NULL), W_OUTCOME(DONE));
    CU_ASSERT_EQUAL(w_stops(w, 1), 0);
    w_pass(w, 3000);
    CU_ASSERT_EQUAL(w_head(o).courier, 2);
    CU_ASSERT_EQUAL(w_stops(w, 2), 2);
    CU_ASSERT_EQUAL(w_counter(w, "offers_total{outcome=\"declined\"}"), 1);
    w_free(w);
}

static void
test_router_silent_offer_goes_to_another_courier(void)
{
    struct world *w = w_new();
    struct w_order *o = offered(w);

    w_sign_on(w, 2, 3000, 8);
    w_pass(w, 49000);
    CU_ASSERT_EQUAL(w_head(o).courier, 2);
    CU_ASSERT_EQUAL(w_stops(w, 1), 0);
    CU_ASSERT_EQUAL(w_head(o).reason, W_REASON(REASON_NONE));
    CU_ASSERT_EQUAL(w_counter(w, "offers_total{outcome=\"expired\"}"), 1);
    w_free(w);
}

static void
test_router_twice_silent_courier_rests_until_it_signs_on_again(void)
{
    struct world *w = w_new();

    offered(w);
    w_pass(w, 49000);
    w_position(w, 1, 100);
    CU_ASSERT_EQUAL(w_stops(w, 1), 0);
    w_place(w, FAR_M, READY_S, PROMISE_S);
    w_pass(w, 2000);
    CU_ASSERT_EQUAL(w_stops(w, 1), 2); /* once is no reason yet */
    w_pass(w, 49000);
    w_position(w, 1, 100);
    CU_ASSERT_EQUAL(w_counter(w, "offers_total{outcome=\"expired\"}"), 2);
    w_place(w, FAR_M, READY_S, PROMISE_S);
    w_pass(w, 20000);
    CU_ASSERT_EQUAL(w_stops(w, 1), 0);
    CU_ASSERT_EQUAL(w_sign_on(w, 1, 100, 8), W_OUTCOME(DONE));
    w_pass(w, 2000);
    CU_ASSERT_EQUAL(w_stops(w, 1), 2);
    w_free(w);
}

/* A phone's clock may be slow: its positions are as good as others. */
static void
test_router_keeps_positions_of_a_phone_whose_clock_is_slow(void)
{
    enum { SLOW_S = 400 };
    struct world *w = w_new();
    unsigned gone = 0;

    w_sign_on(w, 1, 0, 12);
    for (int s = 0; s < 2 * SLOW_S; s += 10) {
        w_pass(w, 10000);
        w_position_said(w, 1, s % 100, w->now_ms - 1000 * SLOW_S);
        if (s == SLOW_S) /* until then, where it signed on counted as newer */
            gone = w->gone;
    }
    CU_ASSERT_EQUAL(w->gone, gone);
    w_free(w);
}

static void
test_router_vanished_courier_loses_unstarted_work(void)
{
    struct world *w = w_new();
    struct w_order *o = accepted(w);

    w_pass(w, 125000);
    CU_ASSERT_EQUAL(w_head(o).courier, 0);
    CU_ASSERT_EQUAL(w_head(o).reason, W_REASON(COURIER_VANISHED));
    CU_ASSERT_EQUAL(w_stops(w, 1), 0);
    CU_ASSERT_EQUAL(w->gone, 1);
    w_sign_on(w, 2, 3000, 8);
    w_pass(w, 3000);
    CU_ASSERT_EQUAL(w_head(o).courier, 2);
    w_free(w);
}

static void
test_router_tells_how_promises_were_kept(void)
{
    for (int late = 0; late < 2; late++) {
        struct world *w = w_new();
        uint64_t margin_ms, overrun_ms;
        struct w_order *o = picked_up(w);
        int64_t promise_ms = w_head(o).window_end_ms;
        int64_t left_ms = promise_ms - w->now_ms;

        if (late)
            w_pass(w, left_ms + 90000);
        left_ms = promise_ms - w->now_ms;
        CU_ASSERT_EQUAL(w_deliver(w, 1, o, NULL), W_OUTCOME(DONE));
        CU_ASSERT_EQUAL(w_took(w, "promise_margin_seconds", &margin_ms), late ? 0 : 1);
        CU_ASSERT_EQUAL(w_took(w, "promise_overrun_seconds", &overrun_ms), late ? 1 : 0);
        CU_ASSERT_EQUAL(margin_ms, late ? 0 : (uint64_t)left_ms);
        CU_ASSERT_EQUAL(overrun_ms, late ? (uint64_t)-left_ms : 0);
        CU_ASSERT(late ? left_ms < 0 : left_ms > 0);
        w_free(w);
    }
}

static void
test_router_vanished_courier_keeps_what_it_carries(void)
{
    struct world *w = w_new();
    struct w_order *o = picked_up(w);

    w_pass(w, 300000);
    CU_ASSERT_EQUAL(w_state(o), W_STATE(PICKED_UP));
    CU_ASSERT_EQUAL(w_head(o).courier, 1);
    CU_ASSERT_EQUAL(w_deliver(w, 1, o, NULL), W_OUTCOME(DONE));
    w_free(w);
}

static void
test_router_sign_off_gives_unstarted_work_back(void)
{
    struct world *w = w_new();
    struct w_order *o = accepted(w);

    CU_ASSERT_EQUAL(w_say(w, 1, W_KIND(SIGN_OFF), NULL), W_OUTCOME(DONE));
    CU_ASSERT_EQUAL(w_head(o).courier, 0);
    CU_ASSERT_EQUAL(w_head(o).reason, W_REASON(COURIER_OFF_SHIFT));
    CU_ASSERT_EQUAL(w_stops(w, 1), 0);
    CU_ASSERT_EQUAL(w_say(w, 1, W_KIND(SIGN_OFF), NULL), W_OUTCOME(ALREADY));
    w_pass(w, 5000);
    CU_ASSERT_EQUAL(w_head(o).courier, 0);
    CU_ASSERT_EQUAL(w_counter(w, "orders_waiting"), 1);
    w_free(w);
}

static void
test_router_sign_off_keeps_carried_work(void)
{
    struct world *w = w_new();
    struct w_order *o = picked_up(w);

    CU_ASSERT_EQUAL(w_say(w, 1, W_KIND(SIGN_OFF), NULL), W_OUTCOME(DONE));
    CU_ASSERT_EQUAL(w_stops(w, 1), 1);
    CU_ASSERT_EQUAL(w_deliver(w, 1, o, NULL), W_OUTCOME(DONE));
    CU_ASSERT_EQUAL(w_stops(w, 1), 0);
    w_free(w);
}

static void
test_router_shift_end_signs_an_idle_courier_off(void)
{
    struct world *w = w_new();

    w_sign_on(w, 1, 100, 1);
    for (int i = 0; i < 61; i++) {
        w_pass(w, 60000);
        w_position(w, 1, 100);
    }
    CU_ASSERT_EQUAL(w_counter(w, "couriers_on_shift"), 0);
    CU_ASSERT_EQUAL(w_say(w, 1, W_KIND(SIGN_OFF), NULL), W_OUTCOME(ALREADY));
    w_free(w);
}

static void
test_router_cancel_takes_the_order_off_the_route(void)
{
    struct world *w = w_new();
    struct w_order *o = accepted(w);

    w_cancel(w, o);
    w_pass(w, 1000);
    CU_ASSERT_EQUAL(w_stops(w, 1), 0);
    CU_ASSERT_EQUAL(w_say(w, 1, W_KIND(PICKED), o), W_OUTCOME(NOT_NOW));
    w_free(w);
}

static void
test_router_report_on_an_order_cancelled_unheard_of_is_refused(void)
{
    struct world *w = w_new();
    struct w_order *o = accepted(w);

    w_cancel(w, o); /* no event has come yet */
    CU_ASSERT_EQUAL(w_say(w, 1, W_KIND(PICKED), o), W_OUTCOME(NOT_NOW));
    CU_ASSERT_EQUAL(w_state(o), W_STATE(CANCELLED));
    w_pass(w, 1500);
    CU_ASSERT_EQUAL(w_stops(w, 1), 0);
    w_free(w);
}

static void
test_router_repeated_action_is_applied_once_and_answered_each_time(void)
{
    struct world *w = w_new();
    struct w_order *o = offered(w);
    Lifecircle__V1__CourierReport m = LIFECIRCLE__V1__COURIER_REPORT__INIT;

    m.courier = 1;
    m.action_id = (char *)"accept-1";
    m.kind = W_KIND(ACCEPT);
    m.route_version = w_route(w, 1)->version;
    CU_ASSERT_EQUAL(w_report(w, &m), W_OUTCOME(DONE));
    uint32_t version = w_head(o).version;
    CU_ASSERT_EQUAL(w_report(w, &m), W_OUTCOME(ALREADY));
    CU_ASSERT_EQUAL(w_head(o).version, version);
    w_free(w);
}

static void
test_router_repeated_decline_is_remembered(void)
{
    struct world *w = w_new();
    Lifecircle__V1__CourierReport m = LIFECIRCLE__V1__COURIER_REPORT__INIT;

    offered(w);
    m.courier = 1;
    m.action_id = (char *)"decline-1";
    m.kind = W_KIND(DECLINE);
    m.route_version = w_route(w, 1)->version;
    CU_ASSERT_EQUAL(w_report(w, &m), W_OUTCOME(DONE));
    CU_ASSERT_EQUAL(w_report(w, &m), W_OUTCOME(ALREADY));
    m.action_id = (char *)"decline-2";
    CU_ASSERT_EQUAL(w_report(w, &m), W_OUTCOME(STALE_VERSION));
    w_free(w);
}

static void
test_router_repeated_action_after_a_restart_is_already_done(void)
{
    struct world *w = w_new();
    struct w_order *o = picked_up(w);

    stepper_destroy(w->s);
    w_pass_clock(w, 4000);
    w_boot(w, 43);
    CU_ASSERT_EQUAL(w_say(w, 1, W_KIND(PICKED), o), W_OUTCOME(ALREADY));
    CU_ASSERT_EQUAL(w_deliver(w, 1, o, NULL), W_OUTCOME(DONE));
    stepper_destroy(w->s);
    w_pass_clock(w, 4000);
    w_boot(w, 44);
    CU_ASSERT_EQUAL(w_deliver(w, 1, o, NULL), W_OUTCOME(ALREADY));
    w_free(w);
}

static void
test_router_stale_version_is_refused(void)
{
    struct world *w = w_new();
    struct w_order *o = offered(w);
    Lifecircle__V1__CourierReport m = LIFECIRCLE__V1__COURIER_REPORT__INIT;

    m.courier = 1;
    m.action_id = (char *)"accept-old";
    m.kind = W_KIND(ACCEPT);
    m.route_version = w_route(w, 1)->version - 1;
    CU_ASSERT_EQUAL(w_report(w, &m), W_OUTCOME(STALE_VERSION));
    CU_ASSERT_EQUAL(w_state(o), W_STATE(PLACED));
    m.route_version += 2;
    m.action_id = (char *)"accept-future";
    CU_ASSERT_EQUAL(w_report(w, &m), W_OUTCOME(STALE_VERSION));
    w_free(w);
}

static void
test_router_wrong_pin_locks_after_five_tries(void)
{
    struct world *w = w_new();
    struct w_order *o = picked_up(w);

    for (unsigned left = 5; left-- > 0;) {
        char words[32];

        CU_ASSERT_EQUAL(w_deliver(w, 1, o, "12345"), W_OUTCOME(WRONG_PIN));
        snprintf(words, sizeof words, left == 1 ? "%u try left" : "%u tries left", left);
        CU_ASSERT_STRING_EQUAL(w->reply[w->n_replies - 1]->detail, words);
    }
    CU_ASSERT_EQUAL(w_deliver(w, 1, o, NULL), W_OUTCOME(TOO_MANY_TRIES));
    CU_ASSERT_EQUAL(w_state(o), W_STATE(PICKED_UP));
    w_pass(w, 601000);
    CU_ASSERT_EQUAL(w_deliver(w, 1, o, NULL), W_OUTCOME(DONE));
    w_free(w);
}

static void
test_router_undeliverable_goes_back_to_the_store(void)
{
    struct world *w = w_new();
    struct w_order *o = picked_up(w);

    CU_ASSERT_EQUAL(w_say(w, 1, W_KIND(UNDELIVERABLE), o), W_OUTCOME(DONE));
    CU_ASSERT_EQUAL(w_state(o), W_STATE(RETURNING));
    CU_ASSERT_EQUAL_FATAL(w_stops(w, 1), 1);
    CU_ASSERT_EQUAL(w_route(w, 1)->stops[0]->kind, LIFECIRCLE__V1__STOP__KIND__RETURN);
    CU_ASSERT_EQUAL(w_route(w, 1)->stops[0]->at->lng_e7, w_at(0).lng_e7);
    CU_ASSERT_EQUAL(w_deliver(w, 1, o, NULL), W_OUTCOME(NOT_NOW));
    CU_ASSERT_EQUAL(w_say(w, 1, W_KIND(ARRIVED), o), W_OUTCOME(DONE));
    CU_ASSERT_EQUAL(w_say(w, 1, W_KIND(BROUGHT_BACK), o), W_OUTCOME(DONE));
    CU_ASSERT_EQUAL(w_state(o), W_STATE(RETURNED));
    CU_ASSERT_EQUAL(w_stops(w, 1), 0);
    w_free(w);
}

static unsigned
w_problem(struct world *w, const struct w_order *o, Lifecircle__V1__Reason reason)
{
    Lifecircle__V1__CourierReport m = LIFECIRCLE__V1__COURIER_REPORT__INIT;

    m.courier = 1;
    m.action_id = (char *)"problem";
    m.kind = W_KIND(PROBLEM);
    m.order_id = (char *)o->text;
    m.reason = reason;
    return w_report(w, &m);
}

static void
test_router_problem_at_the_store_cancels(void)
{
    struct world *w = w_new();
    struct w_order *o = accepted(w);

    CU_ASSERT_EQUAL(w_problem(w, o, W_REASON(MERCHANT_CLOSED)), W_OUTCOME(DONE));
    CU_ASSERT_EQUAL(w_state(o), W_STATE(CANCELLED));
    CU_ASSERT_EQUAL(w_head(o).reason, W_REASON(MERCHANT_CLOSED));
    w_pass(w, 1000);
    CU_ASSERT_EQUAL(w_stops(w, 1), 0);
    w_free(w);
}

/* An offer gives no power over the order. */
static void
test_router_problem_at_the_store_is_for_those_who_accepted(void)
{
    struct world *w = w_new();
    struct w_order *o = offered(w);

    CU_ASSERT_EQUAL(w_problem(w, o, W_REASON(MERCHANT_CLOSED)), W_OUTCOME(NOT_NOW));
    CU_ASSERT_EQUAL(w_state(o), W_STATE(PLACED));
    w_free(w);
}

static void
test_router_problem_of_the_courier_hands_back(void)
{
    struct world *w = w_new();
    struct w_order *o = accepted(w);

    CU_ASSERT_EQUAL(w_problem(w, o, W_REASON(COURIER_UNASSIGNED_SELF)), W_OUTCOME(DONE));
    CU_ASSERT_EQUAL(w_state(o), W_STATE(PLACED));
    CU_ASSERT_EQUAL(w_head(o).courier, 0);
    w_pass(w, 5000);
    CU_ASSERT_EQUAL(w_head(o).courier, 0); /* not to the same again */
    w_free(w);
}

static void
test_router_refuses_what_is_not_the_couriers(void)
{
    struct world *w = w_new();
    struct w_order *o = accepted(w), nobodys = *o;

    CU_ASSERT_EQUAL(w_say(w, 3, W_KIND(ACCEPT), NULL), W_OUTCOME(NOT_NOW)); /* not signed on */
    w_sign_on(w, 2, 3000, 8);
    CU_ASSERT_EQUAL(w_say(w, 2, W_KIND(PICKED), o), W_OUTCOME(NOT_YOURS));
    nobodys.text[0] = nobodys.text[0] == '0' ? '1' : '0';
    CU_ASSERT_EQUAL(w_say(w, 1, W_KIND(PICKED), &nobodys), W_OUTCOME(NOT_YOURS));
    CU_ASSERT_EQUAL(w_say(w, 1, W_KIND(PICKED), NULL), W_OUTCOME(INVALID));
    CU_ASSERT_EQUAL(w_sign_on(w, 4, 100, 0), W_OUTCOME(INVALID)); /* ends when it starts */
    w_free(w);
}

static void
test_router_bundles_offers_of_one_store(void)
{
    struct world *w = w_new();

    w_sign_on(w, 1, 100, 8);
    struct w_order *a = w_place(w, FAR_M, READY_S, PROMISE_S);
    struct w_order *b = w_place(w, FAR_M + 100, READY_S + 10, PROMISE_S);
    w_pass(w, 2000);
    CU_ASSERT_EQUAL(w_stops(w, 1), 4);
    CU_ASSERT_EQUAL(w_say(w, 1, W_KIND(ACCEPT), NULL), W_OUTCOME(DONE));
    CU_ASSERT_EQUAL(w_state(a), W_STATE(CONFIRMED));
    CU_ASSERT_EQUAL(w_state(b), W_STATE(CONFIRMED));
    w_free(w);
}

static void
test_router_serves_who_has_priority_first(void)
{
    for (uint32_t urgent = 0; urgent < 2; urgent++) { /* which of two, in opposite directions */
        struct world *w = w_new();
        struct w_order *o[2];
        w_sign_on(w, 1, 0, 8);
        for (uint32_t i = 0; i < 2; i++) {
            w->priority = i == urgent ? PLAN_PRIORITY_MAX : 0;
            o[i] = w_place(w, i == 0 ? FAR_M : -FAR_M, 600, PROMISE_S);
        }
        for (int i = 0; i < 60 && w_head(o[0]).courier + w_head(o[1]).courier == 0; i++) {
            w_pass(w, 10000);
            w_position(w, 1, 0);
        }
        CU_ASSERT_EQUAL(w_head(o[urgent]).courier, 1);
        CU_ASSERT_EQUAL(w_head(o[1 - urgent]).courier, 0);
        w_free(w);
    }
}

static void
test_router_writes_eta_only_when_it_has_moved(void)
{
    struct world *w = w_new();
    struct w_order *o = accepted(w);

    int64_t eta_ms = w_head(o).live_eta_ms;
    CU_ASSERT(eta_ms > w->now_ms);
    w_pass(w, 20000);
    w_position(w, 1, 100);
    CU_ASSERT_EQUAL(w_head(o).live_eta_ms, eta_ms);
    w_position(w, 1, 3000); /* the wrong way */
    w_pass(w, 2000);
    CU_ASSERT(w_head(o).live_eta_ms > eta_ms + 60000);
    CU_ASSERT(w->seen > 0);
    w_free(w);
}

UNIT_MAIN("router", UNIT(test_router_happy_path_ends_delivered),
          UNIT(test_router_route_carries_version_and_offer),
          UNIT(test_router_offers_within_the_turn_of_the_dispatch),
          UNIT(test_router_offers_only_when_the_courier_must_leave),
          UNIT(test_router_declined_order_goes_to_another_courier),
          UNIT(test_router_silent_offer_goes_to_another_courier),
          UNIT(test_router_twice_silent_courier_rests_until_it_signs_on_again),
          UNIT(test_router_keeps_positions_of_a_phone_whose_clock_is_slow),
          UNIT(test_router_vanished_courier_loses_unstarted_work),
          UNIT(test_router_tells_how_promises_were_kept),
          UNIT(test_router_vanished_courier_keeps_what_it_carries),
          UNIT(test_router_sign_off_gives_unstarted_work_back),
          UNIT(test_router_sign_off_keeps_carried_work),
          UNIT(test_router_shift_end_signs_an_idle_courier_off),
          UNIT(test_router_cancel_takes_the_order_off_the_route),
          UNIT(test_router_report_on_an_order_cancelled_unheard_of_is_refused),
          UNIT(test_router_repeated_action_is_applied_once_and_answered_each_time),
          UNIT(test_router_repeated_decline_is_remembered),
          UNIT(test_router_repeated_action_after_a_restart_is_already_done),
          UNIT(test_router_stale_version_is_refused),
          UNIT(test_router_wrong_pin_locks_after_five_tries),
          UNIT(test_router_undeliverable_goes_back_to_the_store),
          UNIT(test_router_problem_at_the_store_cancels),
          UNIT(test_router_problem_at_the_store_is_for_those_who_accepted),
          UNIT(test_router_problem_of_the_courier_hands_back),
          UNIT(test_router_refuses_what_is_not_the_couriers),
          UNIT(test_router_bundles_offers_of_one_store),
          UNIT(test_router_serves_who_has_priority_first),
          UNIT(test_router_writes_eta_only_when_it_has_moved))
