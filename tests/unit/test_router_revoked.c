/* The router's core and a courier who is let in no more: the shift is over at once. */
#include "router_world.h"
#include "unit.h"

enum { READY_S = 30, PROMISE_S = 3600, FAR_M = 2000, AT_ONCE_MS = 1000 };

/* Courier 1 is offered an order; courier 2 signs on far away, too late for it. */
static struct w_order *
offered(struct world *w)
{
    CU_ASSERT_EQUAL(w_sign_on(w, 1, 100, 8), W_OUTCOME(DONE));
    struct w_order *o = w_place(w, FAR_M, READY_S, PROMISE_S);
    w_pass(w, 2000);
    CU_ASSERT_EQUAL_FATAL(w_head(o).courier, 1);
    CU_ASSERT_EQUAL(w_sign_on(w, 2, 3000, 8), W_OUTCOME(DONE));
    return o;
}

static bool
on_shift(struct world *w, uint32_t courier)
{
    const struct buf *b = &w->shift[courier].bytes;
    const Lifecircle__V1__Shift *shift =
        wire_unpack(&lifecircle__v1__shift__descriptor, w->arena, slice_of(b->p + 4, b->n - 4));

    return shift->on;
}

/* What is not picked up goes to somebody else, however far it has come. */
static void
test_revoked_courier_gives_back_what_is_not_picked_up(void)
{
    enum { OFFERED, ACCEPTED, DRIVING, ARRIVED, STAGES };

    for (int stage = OFFERED; stage < STAGES; stage++) {
        struct world *w = w_new();
        struct w_order *o = offered(w);
        if (stage >= ACCEPTED)
            CU_ASSERT_EQUAL(w_say(w, 1, W_KIND(ACCEPT), NULL), W_OUTCOME(DONE));
        if (stage >= DRIVING)
            CU_ASSERT_EQUAL(w_say(w, 1, W_KIND(ENROUTE), o), W_OUTCOME(DONE));
        if (stage >= ARRIVED)
            CU_ASSERT_EQUAL(w_say(w, 1, W_KIND(ARRIVED), o), W_OUTCOME(DONE));
        w_revoke(w, 1, true);
        w_pass(w, AT_ONCE_MS);
        CU_ASSERT(!on_shift(w, 1));
        CU_ASSERT_EQUAL(w_stops(w, 1), 0);
        CU_ASSERT_EQUAL(w_head(o).courier, 2);
        CU_ASSERT_EQUAL(w_stops(w, 2), 2);
        CU_ASSERT(w->gone >= 1);
        CU_ASSERT_EQUAL(w_counter(w, "couriers_on_shift"), 1);
        w_free(w);
    }
}

/* As after vanishing: the goods are where they are, and only their courier can hand them over. */
static void
test_revoked_courier_keeps_what_is_carried_until_let_in_again(void)
{
    struct world *w = w_new();
    struct w_order *o = offered(w);

    CU_ASSERT_EQUAL(w_say(w, 1, W_KIND(ACCEPT), NULL), W_OUTCOME(DONE));
    CU_ASSERT_EQUAL(w_say(w, 1, W_KIND(PICKED), o), W_OUTCOME(DONE));
    w_revoke(w, 1, true);
    w_pass(w, AT_ONCE_MS);
    CU_ASSERT(!on_shift(w, 1));
    CU_ASSERT_EQUAL(w_head(o).courier, 1);
    CU_ASSERT_EQUAL(w_stops(w, 1), 1);
    w_revoke(w, 1, false);
    w_pass(w, AT_ONCE_MS);
    CU_ASSERT_EQUAL(w_deliver(w, 1, o, NULL), W_OUTCOME(DONE));
    w_free(w);
}

/* An operator heard what became of the goods. */
static void
test_what_a_revoked_courier_carries_is_ended_by_an_operator(void)
{
    static const struct {
        bool turned_back;
        unsigned state;
        Lifecircle__V1__CourierReply__Outcome later; /* the courier's own word, once let in again */
    } table[] = {{false, W_STATE(DELIVERED), W_OUTCOME(ALREADY)},
                 {false, W_STATE(RETURNED), W_OUTCOME(NOT_NOW)},
                 {true, W_STATE(DELIVERED), W_OUTCOME(ALREADY)},
                 {true, W_STATE(RETURNED), W_OUTCOME(NOT_NOW)}};

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct world *w = w_new();
        struct w_order *o = offered(w);
        CU_ASSERT_EQUAL(w_say(w, 1, W_KIND(ACCEPT), NULL), W_OUTCOME(DONE));
        CU_ASSERT_EQUAL(w_say(w, 1, W_KIND(PICKED), o), W_OUTCOME(DONE));
        if (table[i].turned_back)
            CU_ASSERT_EQUAL(w_say(w, 1, W_KIND(UNDELIVERABLE), o), W_OUTCOME(DONE));
        w_revoke(w, 1, true);
        w_pass(w, AT_ONCE_MS);
        w_ended(w, o, table[i].state);
        w_pass(w, AT_ONCE_MS);
        CU_ASSERT_EQUAL(w_stops(w, 1), 0);
        CU_ASSERT_EQUAL(w_state(o), table[i].state);
        w_revoke(w, 1, false);
        w_pass(w, AT_ONCE_MS);
        CU_ASSERT_EQUAL(w_deliver(w, 1, o, NULL), table[i].later);
        CU_ASSERT_EQUAL(w_state(o), table[i].state);
        w_free(w);
    }
}

/* The courier's own word, said before the router has heard of the end, must not bring it back. */
static void
test_what_an_operator_ended_leaves_the_route_whatever_the_courier_says(void)
{
    static const struct {
        Lifecircle__V1__ReportKind kind;
        unsigned state;
    } table[] = {
        {W_KIND(ENROUTE), W_STATE(DELIVERED)},      {W_KIND(ARRIVED), W_STATE(DELIVERED)},
        {W_KIND(ARRIVED), W_STATE(RETURNED)},       {W_KIND(ENROUTE), W_STATE(RETURNED)},
        {W_KIND(UNDELIVERABLE), W_STATE(RETURNED)}, {W_KIND(UNDELIVERABLE), W_STATE(DELIVERED)}};

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct world *w = w_new();
        struct w_order *o = offered(w);
        CU_ASSERT_EQUAL(w_say(w, 1, W_KIND(ACCEPT), NULL), W_OUTCOME(DONE));
        CU_ASSERT_EQUAL(w_say(w, 1, W_KIND(PICKED), o), W_OUTCOME(DONE));
        w_move(w, o, table[i].state, W_REASON(OPERATOR), 1);
        (void)w_say(w, 1, table[i].kind, o);
        w_event(w, o);
        w_pass(w, AT_ONCE_MS);
        CU_ASSERT_EQUAL(w_stops(w, 1), 0);
        CU_ASSERT_EQUAL(w_state(o), table[i].state);
        w_free(w);
    }
}

static void
test_revoked_courier_signs_on_once_let_in_again(void)
{
    struct world *w = w_new();

    w_revoke(w, 1, true);
    w_pass(w, AT_ONCE_MS);
    CU_ASSERT_EQUAL(w_sign_on(w, 1, 100, 8), W_OUTCOME(UNAVAILABLE_NOW));
    w_revoke(w, 1, false);
    w_pass(w, AT_ONCE_MS);
    CU_ASSERT_EQUAL(w_sign_on(w, 1, 100, 8), W_OUTCOME(DONE));
    w_pass(w, AT_ONCE_MS);
    CU_ASSERT(on_shift(w, 1));
    w_free(w);
}

/* A router that starts afterwards finds the shift open in Redis. */
static void
test_revoked_while_no_router_runs(void)
{
    struct world *w = w_new();
    struct w_order *o = offered(w);

    stepper_destroy(w->s);
    w_revoke(w, 1, true);
    w_pass_clock(w, 5000);
    w_boot(w, 43);
    w_pass(w, AT_ONCE_MS);
    CU_ASSERT(!on_shift(w, 1));
    CU_ASSERT_EQUAL(w_head(o).courier, 2);
    w_free(w);
}

UNIT_MAIN("router_revoked", UNIT(test_revoked_courier_gives_back_what_is_not_picked_up),
          UNIT(test_revoked_courier_keeps_what_is_carried_until_let_in_again),
          UNIT(test_what_a_revoked_courier_carries_is_ended_by_an_operator),
          UNIT(test_what_an_operator_ended_leaves_the_route_whatever_the_courier_says),
          UNIT(test_revoked_courier_signs_on_once_let_in_again),
          UNIT(test_revoked_while_no_router_runs))
