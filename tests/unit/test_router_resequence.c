/* What a courier has accepted gets a better sequence, without flicker. */
#include "router_world.h"
#include "unit.h"

enum { NEAR_M = 3000, MIDDLE_M = 3500, FAR_M = 4200, RULED = 1 };

/* Three orders aboard; the courier says that it goes to the farthest customer first. */
static void
go_far_first(struct world *w, struct w_order *order[3])
{
    CU_ASSERT_EQUAL(w_sign_on(w, 1, 100, 8), W_OUTCOME(DONE));
    order[0] = w_place(w, NEAR_M, 30, 7200);
    order[1] = w_place(w, MIDDLE_M, 30, 7200);
    order[2] = w_place(w, FAR_M, 30, 7200);
    for (int i = 0; i < 20; i++) { /* each is offered when it is due */
        w_pass(w, 4000);
        w_say(w, 1, W_KIND(ACCEPT), NULL);
        for (int k = 0; k < 3; k++)
            w_say(w, 1, W_KIND(PICKED), order[k]);
    }
    for (int k = 0; k < 3; k++)
        CU_ASSERT_EQUAL_FATAL(w_state(order[k]), W_STATE(PICKED_UP));
    CU_ASSERT_EQUAL(w_say(w, 1, W_KIND(ENROUTE), order[2]), W_OUTCOME(DONE));
    CU_ASSERT_STRING_EQUAL(w_route(w, 1)->stops[0]->order_id, order[2]->text);
    CU_ASSERT_STRING_EQUAL(w_route(w, 1)->stops[1]->order_id, order[0]->text);
}

static void
test_router_gives_accepted_stops_a_better_sequence_once(void)
{
    struct world *w = w_new();
    struct w_order *order[3];

    go_far_first(w, order);
    uint32_t version = w_route(w, 1)->version;
    w_pass(w, 3000);
    const Lifecircle__V1__Route *route = w_route(w, 1);
    CU_ASSERT_EQUAL(route->version, version + 1);
    CU_ASSERT_EQUAL_FATAL(route->n_stops, 3);
    CU_ASSERT_STRING_EQUAL(route->stops[0]->order_id, order[2]->text); /* it is on the way there */
    CU_ASSERT_STRING_EQUAL(route->stops[1]->order_id, order[1]->text);
    CU_ASSERT_STRING_EQUAL(route->stops[2]->order_id, order[0]->text);
    for (size_t k = 0; k < 3; k++)
        CU_ASSERT(route->stops[k]->accepted);
    CU_ASSERT(route->stops[1]->eta_ms < route->stops[2]->eta_ms);
    CU_ASSERT_EQUAL(route->offer_expires_ms, 0);
    CU_ASSERT_EQUAL(w_counter(w, "routes_resequenced_total"), 1);
    w_pass(w, 30000);
    CU_ASSERT_EQUAL(w_route(w, 1)->version, version + 1);
    for (int i = 2; i >= 0; i--)
        CU_ASSERT_EQUAL(w_deliver(w, 1, order[i], NULL), W_OUTCOME(DONE));
    CU_ASSERT_EQUAL(w_stops(w, 1), 0);
    w_free(w);
}

/* The other way round soon after: the phone is not to flicker. */
static void
test_router_does_not_change_a_route_twice_in_a_row(void)
{
    struct world *w = w_new();
    struct w_order *order[3];

    go_far_first(w, order);
    w_pass(w, 3000);
    CU_ASSERT_EQUAL(w_say(w, 1, W_KIND(ENROUTE), order[0]), W_OUTCOME(DONE));
    CU_ASSERT_STRING_EQUAL(w_route(w, 1)->stops[1]->order_id, order[2]->text);
    uint32_t version = w_route(w, 1)->version;
    w_pass(w, 60000);
    CU_ASSERT_EQUAL(w_route(w, 1)->version, version);
    for (int i = 0; i < 4; i++) {
        w_position(w, 1, 2900); /* a sign of life */
        w_pass(w, 40000);
    }
    CU_ASSERT_STRING_EQUAL(w_route(w, 1)->stops[1]->order_id, order[1]->text);
    CU_ASSERT_EQUAL(w_counter(w, "routes_resequenced_total"), 2);
    w_free(w);
}

static void
test_router_leaves_a_frozen_couriers_sequence_alone(void)
{
    struct world *w = w_new();
    struct w_order *order[3];

    go_far_first(w, order);
    CU_ASSERT_EQUAL(w_rule(w, "freeze", NULL, 1), RULED);
    uint32_t version = w_route(w, 1)->version;
    w_pass(w, 5000);
    CU_ASSERT_EQUAL(w_route(w, 1)->version, version);
    CU_ASSERT_EQUAL(w_counter(w, "routes_resequenced_total"), 0);
    w_free(w);
}

UNIT_MAIN("router resequence", UNIT(test_router_gives_accepted_stops_a_better_sequence_once),
          UNIT(test_router_does_not_change_a_route_twice_in_a_row),
          UNIT(test_router_leaves_a_frozen_couriers_sequence_alone))
