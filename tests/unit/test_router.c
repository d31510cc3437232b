/* The router's core beside a small Redis: the ways of an order through couriers' hands. */
#include "router_world.h"
#include "unit.h"

enum { READY_S = 300, PROMISE_S = 3600, FAR_M = 2000 };

/* Courier 1 signs on next to the store, an order comes, is offered and accepted. */
static struct w_order *
accepted(struct world *w)
{
    CU_ASSERT_EQUAL(w_sign_on(w, 1, 100, 8), W_OUTCOME(DONE));
    struct w_order *o = w_place(w, FAR_M, 30, PROMISE_S);
    w_pass(w, 2000);
    CU_ASSERT_EQUAL(w_stops(w, 1), 2);
    CU_ASSERT_EQUAL(w_say(w, 1, W_KIND(ACCEPT), NULL), W_OUTCOME(DONE));
    CU_ASSERT_EQUAL(w_state(o), W_STATE(CONFIRMED));
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

UNIT_MAIN("router", UNIT(test_router_happy_path_ends_delivered))
