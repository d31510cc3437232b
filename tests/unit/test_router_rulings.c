/* What people decide over the plan's head holds, whatever the router does and whoever owns the
 * city. */
#include "router_world.h"
#include "unit.h"

enum { DONE = 1, NOT_NOW = 3 }; /* of dispatch_rule */
enum { READY_S = 30, PROMISE_S = 3600, FAR_M = 2000 };

/* Couriers 1 (beside the store) and 2 (a little further). */
static struct world *
two_couriers(void)
{
    struct world *w = w_new();

    CU_ASSERT_EQUAL(w_sign_on(w, 1, 100, 8), W_OUTCOME(DONE));
    CU_ASSERT_EQUAL(w_sign_on(w, 2, 900, 8), W_OUTCOME(DONE));
    return w;
}

/* Time passes; couriers who say where they are do not vanish. */
static void
pass(struct world *w, int s)
{
    for (int i = 0; i < s; i++) {
        w_position(w, 1, 100);
        w_position(w, 2, 900);
        w_pass(w, 1000);
    }
}

static void
test_pin_decides_who_is_offered_the_order(void)
{
    struct world *w = two_couriers();
    struct w_order *o = w_place(w, FAR_M, READY_S, PROMISE_S);

    CU_ASSERT_EQUAL(w_rule(w, "pin", o, 2), DONE);
    w_pass(w, 2000);
    CU_ASSERT_EQUAL(w_head(o).courier, 2);
    CU_ASSERT_EQUAL(w_stops(w, 1), 0);
    w_free(w);
}

static void
test_pin_takes_the_order_from_who_has_it(void)
{
    static const Lifecircle__V1__ReportKind until[] = {W_KIND(REPORT_NONE), W_KIND(ACCEPT),
                                                       W_KIND(ENROUTE), W_KIND(ARRIVED)};

    for (size_t i = 0; i < sizeof until / sizeof *until; i++) {
        struct world *w = two_couriers();
        struct w_order *o = w_place(w, FAR_M, READY_S, PROMISE_S);
        w_pass(w, 2000);
        CU_ASSERT_EQUAL(w_head(o).courier, 1);
        for (size_t k = 1; k <= i; k++)
            CU_ASSERT_EQUAL(w_say(w, 1, until[k], o), W_OUTCOME(DONE));
        CU_ASSERT_EQUAL(w_rule(w, "pin", o, 2), DONE);
        w_pass(w, 2000);
        CU_ASSERT_EQUAL(w_head(o).courier, 2);
        CU_ASSERT_EQUAL(w_head(o).reason, 0);
        CU_ASSERT_EQUAL(w_stops(w, 1), 0);
        CU_ASSERT_EQUAL(w_stops(w, 2), 2);
        w_free(w);
    }
}

static void
test_goods_that_are_with_a_courier_stay_there(void)
{
    struct world *w = two_couriers();
    struct w_order *o = w_place(w, FAR_M, READY_S, PROMISE_S);

    w_pass(w, 2000);
    CU_ASSERT_EQUAL(w_say(w, 1, W_KIND(ACCEPT), NULL), W_OUTCOME(DONE));
    CU_ASSERT_EQUAL(w_say(w, 1, W_KIND(PICKED), o), W_OUTCOME(DONE));
    CU_ASSERT_EQUAL(w_rule(w, "pin", o, 2), NOT_NOW);
    w_pass(w, 2000);
    CU_ASSERT_EQUAL(w_head(o).courier, 1);
    w_free(w);
}

static void
test_banned_courier_never_gets_the_order(void)
{
    struct world *w = two_couriers();
    struct w_order *o = w_place(w, FAR_M, READY_S, PROMISE_S);

    CU_ASSERT_EQUAL(w_rule(w, "ban", o, 1), DONE);
    w_pass(w, 2000);
    CU_ASSERT_EQUAL(w_head(o).courier, 2);
    CU_ASSERT_EQUAL(w_say(w, 2, W_KIND(DECLINE), NULL), W_OUTCOME(DONE));
    w_pass(w, 60000);
    CU_ASSERT_EQUAL(w_head(o).courier, 0); /* rather nobody */
    CU_ASSERT_EQUAL(w_counter(w, "orders_waiting"), 1);
    w_free(w);
}

static void
test_held_order_waits_until_it_is_released(void)
{
    struct world *w = two_couriers();
    struct w_order *o = w_place(w, FAR_M, READY_S, PROMISE_S);

    w_pass(w, 2000);
    CU_ASSERT_EQUAL(w_head(o).courier, 1);
    CU_ASSERT_EQUAL(w_say(w, 1, W_KIND(ACCEPT), NULL), W_OUTCOME(DONE));
    CU_ASSERT_EQUAL(w_rule(w, "hold", o, 0), DONE);
    w_pass(w, 60000);
    CU_ASSERT_EQUAL(w_head(o).courier, 0);
    CU_ASSERT_EQUAL(w_stops(w, 1), 0);
    CU_ASSERT_EQUAL(w_rule(w, "release", o, 0), DONE);
    w_pass(w, 2000);
    CU_ASSERT_EQUAL(w_head(o).courier, 1);
    w_free(w);
}

/* The history says whose it was and what took it away, whoever said so. */
static void
test_what_a_ruling_takes_away_says_why(void)
{
    static const struct {
        const char *kind;
        uint32_t courier;
        const char *words;
    } cases[] = {{"hold", 0, "router: taken from courier 1: on hold"},
                 {"ban", 1, "router: taken from courier 1: forbidden by a person"},
                 {"pin", 3, "router: taken from courier 1: pinned to another"}};

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct world *w = w_new();
        w_sign_on(w, 1, 100, 8);
        struct w_order *o = w_place(w, FAR_M, READY_S, PROMISE_S);
        w_pass(w, 2000);
        CU_ASSERT_EQUAL_FATAL(w_head(o).courier, 1);
        CU_ASSERT_EQUAL(w_rule(w, cases[i].kind, o, cases[i].courier), DONE);
        w_pass(w, 1000);
        CU_ASSERT_EQUAL(w_head(o).courier, 0);
        CU_ASSERT_EQUAL(w_head(o).reason, W_REASON(OPERATOR));
        CU_ASSERT_STRING_EQUAL(o->words, cases[i].words);
        w_free(w);
    }
}

static void
test_frozen_courier_keeps_what_it_has_and_gets_nothing_new(void)
{
    struct world *w = two_couriers();
    struct w_order *o = w_place(w, FAR_M, READY_S, PROMISE_S);

    w_pass(w, 2000);
    CU_ASSERT_EQUAL(w_say(w, 1, W_KIND(ACCEPT), NULL), W_OUTCOME(DONE));
    CU_ASSERT_EQUAL(w_rule(w, "freeze", NULL, 1), DONE);
    struct w_order *next = w_place(w, FAR_M, READY_S, PROMISE_S);
    w_pass(w, 2000);
    CU_ASSERT_EQUAL(w_head(o).courier, 1);
    CU_ASSERT_EQUAL(w_stops(w, 1), 2);
    CU_ASSERT_EQUAL(w_head(next).courier, 2);
    CU_ASSERT_EQUAL(w_rule(w, "unfreeze", NULL, 1), DONE);
    struct w_order *third = w_place(w, FAR_M, READY_S, PROMISE_S);
    w_pass(w, 2000);
    CU_ASSERT_EQUAL(w_head(third).courier, 1);
    w_free(w);
}

static void
test_rulings_survive_a_takeover(void)
{
    struct world *w = two_couriers();
    struct w_order *pinned = w_place(w, FAR_M, 900, PROMISE_S);
    struct w_order *held = w_place(w, FAR_M, 900, PROMISE_S);
    struct w_order *banned = w_place(w, FAR_M, 900, PROMISE_S);

    CU_ASSERT_EQUAL(w_rule(w, "pin", pinned, 2), DONE);
    CU_ASSERT_EQUAL(w_rule(w, "hold", held, 0), DONE);
    CU_ASSERT_EQUAL(w_rule(w, "ban", banned, 1), DONE);
    CU_ASSERT_EQUAL(w_rule(w, "freeze", NULL, 2), DONE);
    stepper_destroy(w->s);
    w_pass_clock(w, 5000);
    w_boot(w, 43);
    pass(w, 900);
    CU_ASSERT_EQUAL(w_head(pinned).courier, 0); /* its courier is frozen */
    CU_ASSERT_EQUAL(w_head(held).courier, 0);
    CU_ASSERT_EQUAL(w_head(banned).courier, 0);
    CU_ASSERT_EQUAL(w_rule(w, "unfreeze", NULL, 2), DONE);
    w_pass(w, 2000);
    struct w_order *first = w_head(pinned).courier == 2 ? pinned : banned;
    CU_ASSERT_EQUAL(w_head(first).courier, 2);
    CU_ASSERT_EQUAL(w_say(w, 2, W_KIND(ACCEPT), NULL), W_OUTCOME(DONE));
    CU_ASSERT_EQUAL(w_say(w, 2, W_KIND(ENROUTE), first), W_OUTCOME(DONE));
    CU_ASSERT_EQUAL(w_say(w, 2, W_KIND(ARRIVED), first), W_OUTCOME(DONE));
    pass(w, 20); /* and with it, from the same store */
    CU_ASSERT_EQUAL(w_head(pinned).courier, 2);
    CU_ASSERT_EQUAL(w_head(banned).courier, 2);
    CU_ASSERT_EQUAL(w_head(held).courier, 0);
    w_free(w);
}

/* Who was looked at, what each would have cost, what ruled the others out. */
static void
test_decisions_are_kept_with_the_order(void)
{
    struct world *w = two_couriers();
    struct w_order *held = w_place(w, FAR_M, READY_S, PROMISE_S);
    struct w_order *banned = w_place(w, FAR_M, READY_S, PROMISE_S);

    CU_ASSERT_EQUAL(w_rule(w, "hold", held, 0), DONE);
    CU_ASSERT_EQUAL(w_rule(w, "ban", banned, 1), DONE);
    w_pass(w, 3000);
    CU_ASSERT_PTR_NOT_NULL_FATAL(held->decision);
    CU_ASSERT_EQUAL(held->decision->courier, 0);
    CU_ASSERT_STRING_EQUAL(held->decision->why, "on hold");
    CU_ASSERT_EQUAL(held->decision->fit, 0);
    const Lifecircle__V1__DispatchDecision *d = banned->decision;
    CU_ASSERT_PTR_NOT_NULL_FATAL(d);
    CU_ASSERT_EQUAL(d->courier, 2);
    CU_ASSERT_EQUAL(d->considered, 2);
    CU_ASSERT_EQUAL_FATAL(d->n_candidates, 2);
    CU_ASSERT_EQUAL(d->candidates[0]->courier, 2);
    CU_ASSERT_STRING_EQUAL(d->candidates[0]->verdict, "fits");
    CU_ASSERT(d->candidates[0]->cost > 0 && d->candidates[0]->dropoff_ms > w->now_ms);
    CU_ASSERT_STRING_EQUAL(d->candidates[1]->verdict, "forbidden by a person");
    CU_ASSERT(d->start_ms >= d->ready_ms && d->leg_s > 0 && d->lead_ms == 50000);
    w_free(w);
}

static void
test_decisions_leave_out_who_has_signed_off(void)
{
    struct world *w = two_couriers();

    w_sign_on(w, 3, 100, 8);
    CU_ASSERT_EQUAL(w_say(w, 3, W_KIND(SIGN_OFF), NULL), W_OUTCOME(DONE));
    struct w_order *o = w_place(w, FAR_M, READY_S, PROMISE_S);
    w_pass(w, 3000);
    const Lifecircle__V1__DispatchDecision *d = o->decision;
    CU_ASSERT_PTR_NOT_NULL_FATAL(d);
    CU_ASSERT_EQUAL(d->considered, 2);
    CU_ASSERT_EQUAL_FATAL(d->n_candidates, 2);
    for (size_t i = 0; i < 2; i++)
        CU_ASSERT_NOT_EQUAL(d->candidates[i]->courier, 3);
    w_free(w);
}

UNIT_MAIN("router_rulings", UNIT(test_pin_decides_who_is_offered_the_order),
          UNIT(test_pin_takes_the_order_from_who_has_it),
          UNIT(test_goods_that_are_with_a_courier_stay_there),
          UNIT(test_banned_courier_never_gets_the_order),
          UNIT(test_held_order_waits_until_it_is_released),
          UNIT(test_what_a_ruling_takes_away_says_why),
          UNIT(test_frozen_courier_keeps_what_it_has_and_gets_nothing_new),
          UNIT(test_rulings_survive_a_takeover), UNIT(test_decisions_are_kept_with_the_order),
          UNIT(test_decisions_leave_out_who_has_signed_off))
