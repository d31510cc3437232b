/* The router's core: what is told of an order that nobody was asked about yet. */
#include "router_world.h"
#include "unit.h"

enum { READY_S = 30, LATER_S = 1200, PROMISE_S = 3600, FAR_M = 2000 };

/* The only courier is on the way with one order when the next comes. */
static void
test_order_behind_a_busy_courier_says_for_whom_it_is_planned(void)
{
    struct world *w = w_new();

    w_sign_on(w, 1, 100, 8);
    struct w_order *first = w_place(w, FAR_M, READY_S, PROMISE_S);
    w_pass(w, 2000);
    CU_ASSERT_EQUAL(w_say(w, 1, W_KIND(ACCEPT), NULL), W_OUTCOME(DONE));
    CU_ASSERT_EQUAL(w_say(w, 1, W_KIND(PICKED), first), W_OUTCOME(DONE));
    struct w_order *o = w_place(w, FAR_M, LATER_S, PROMISE_S);
    w_pass(w, 2000);
    const Lifecircle__V1__DispatchDecision *d = o->decision;
    CU_ASSERT_PTR_NOT_NULL_FATAL(d);
    CU_ASSERT_EQUAL(d->courier, 0);
    CU_ASSERT_EQUAL(d->planned, 1);
    CU_ASSERT_STRING_EQUAL(d->why, "");
    CU_ASSERT_EQUAL(d->considered, 1);
    CU_ASSERT_EQUAL(d->fit, 1);
    CU_ASSERT_EQUAL_FATAL(d->n_candidates, 1);
    CU_ASSERT_EQUAL(d->candidates[0]->courier, 1);
    CU_ASSERT(d->start_ms >= d->ready_ms && d->start_ms > w->now_ms && d->lead_ms == 50000);
    w_free(w);
}

static void
test_order_behind_an_open_offer_says_so(void)
{
    struct world *w = w_new();

    w_sign_on(w, 1, 100, 8);
    struct w_order *first = w_place(w, FAR_M, READY_S, PROMISE_S);
    w_pass(w, 2000);
    CU_ASSERT_EQUAL(w_head(first).courier, 1);
    struct w_order *o = w_place(w, FAR_M, READY_S, PROMISE_S);
    w_pass(w, 2000);
    CU_ASSERT_EQUAL(w_head(o).courier, 0);
    CU_ASSERT_PTR_NOT_NULL_FATAL(o->decision);
    CU_ASSERT_EQUAL(o->decision->planned, 1);
    CU_ASSERT_STRING_EQUAL(o->decision->why, "an open offer");
    w_free(w);
}

/* What is offered at once is told once, by the offer. */
static void
test_offer_has_the_last_word(void)
{
    struct world *w = w_new();

    w_sign_on(w, 1, 100, 8);
    struct w_order *o = w_place(w, FAR_M, READY_S, PROMISE_S);
    w_pass(w, 5000);
    CU_ASSERT_PTR_NOT_NULL_FATAL(o->decision);
    CU_ASSERT_EQUAL(o->decision->courier, 1);
    CU_ASSERT_EQUAL(o->decision->planned, 0);
    w_free(w);
}

/* Declined by the only courier there is: the offer is not what the order is at any more. */
static void
test_declined_order_says_what_it_waits_for(void)
{
    struct world *w = w_new();

    w_sign_on(w, 1, 100, 8);
    struct w_order *o = w_place(w, FAR_M, READY_S, PROMISE_S);
    w_pass(w, 2000);
    CU_ASSERT_EQUAL(w_say(w, 1, W_KIND(DECLINE), NULL), W_OUTCOME(DONE));
    w_pass(w, 2000);
    CU_ASSERT_EQUAL(o->decision->courier, 0);
    CU_ASSERT_EQUAL(o->decision->planned, 0);
    CU_ASSERT_STRING_EQUAL(o->decision->why, "declined it");
    w_free(w);
}

UNIT_MAIN("router_why", UNIT(test_order_behind_a_busy_courier_says_for_whom_it_is_planned),
          UNIT(test_order_behind_an_open_offer_says_so), UNIT(test_offer_has_the_last_word),
          UNIT(test_declined_order_says_what_it_waits_for))
