/* The router's core when Redis, the lease or a reply goes missing. */
#include "router_world.h"
#include "unit.h"

enum { READY_S = 30, PROMISE_S = 3600, FAR_M = 2000 };

static struct w_order *
accepted(struct world *w)
{
    CU_ASSERT_EQUAL(w_sign_on(w, 1, 100, 8), W_OUTCOME(DONE));
    struct w_order *o = w_place(w, FAR_M, READY_S, PROMISE_S);
    w_pass(w, 2000);
    CU_ASSERT_EQUAL(w_say(w, 1, W_KIND(ACCEPT), NULL), W_OUTCOME(DONE));
    return o;
}

static void
steal_lease(struct world *w)
{
    w->epoch++;
    snprintf(w->owner, sizeof w->owner, "somebody-else");
    w->until_ms = w->now_ms + 3000;
}

static void
test_router_waits_while_another_holds_the_lease(void)
{
    struct world *w = calloc(1, sizeof *w);

    w->now_ms = 1760000000000;
    w->arena = arena_new((size_t)1 << 30);
    steal_lease(w);
    w_boot(w, 1);
    CU_ASSERT_EQUAL(w_counter(w, "router_owner"), 0);
    CU_ASSERT_EQUAL(w_sign_on(w, 1, 100, 8), W_OUTCOME(UNAVAILABLE_NOW));
    w_pass(w, 5000);
    CU_ASSERT_EQUAL(w_counter(w, "router_owner"), 1);
    CU_ASSERT_EQUAL(w_sign_on(w, 1, 100, 8), W_OUTCOME(DONE));
    w_free(w);
}

static void
test_router_takes_over_what_another_has_done(void)
{
    struct world *w = w_new();
    struct w_order *o = accepted(w);
    struct w_order *waiting = w_place(w, 500, 1200, PROMISE_S);

    stepper_destroy(w->s); /* killed */
    w_pass_clock(w, 4000);
    w_boot(w, 77);
    CU_ASSERT_EQUAL(w_counter(w, "router_owner"), 1);
    CU_ASSERT_EQUAL(w_counter(w, "couriers_on_shift"), 1);
    CU_ASSERT_EQUAL(w_counter(w, "orders_waiting"), 1);
    CU_ASSERT_EQUAL(w_say(w, 1, W_KIND(PICKED), o), W_OUTCOME(DONE));
    CU_ASSERT_EQUAL(w_deliver(w, 1, o, NULL), W_OUTCOME(DONE));
    for (int i = 0; i < 12; i++) {
        w_position(w, 1, 100);
        w_pass(w, 100000);
    }
    CU_ASSERT(w_head(waiting).courier == 1 || w_head(waiting).reason != 0);
    w_free(w);
}

static void
test_router_fenced_writes_change_nothing(void)
{
    struct world *w = w_new();
    struct w_order *o = accepted(w);

    steal_lease(w); /* it has not noticed yet */
    CU_ASSERT_EQUAL(w_say(w, 1, W_KIND(PICKED), o), W_OUTCOME(UNAVAILABLE_NOW));
    CU_ASSERT_EQUAL(w_state(o), W_STATE(CONFIRMED));
    CU_ASSERT_EQUAL(w->fenced, 1);
    CU_ASSERT_EQUAL(w_counter(w, "router_owner"), 0);
    w_pass(w, 5000);
    CU_ASSERT_EQUAL(w_counter(w, "router_owner"), 1);
    CU_ASSERT_EQUAL(w_say(w, 1, W_KIND(PICKED), o), W_OUTCOME(DONE));
    w_free(w);
}

static void
test_router_reads_again_when_the_lease_was_elsewhere(void)
{
    struct world *w = w_new();
    struct w_order *o = accepted(w);
    uint64_t before = w_counter(w, "router_rebuilds_total");

    steal_lease(w);
    w_move(w, o, W_STATE(PICKED_UP), 0, 1); /* somebody else's doing, and no event of it */
    w_pass_clock(w, 10000);                 /* this router was stopped meanwhile */
    w_pass(w, 2000);
    CU_ASSERT(w_counter(w, "router_rebuilds_total") > before);
    CU_ASSERT_EQUAL(w_say(w, 1, W_KIND(PICKED), o), W_OUTCOME(ALREADY));
    w_free(w);
}

static void
test_router_lost_answer_of_an_applied_commit_is_found_out(void)
{
    struct world *w = w_new();
    struct w_order *o = accepted(w);

    w->lose_commits = true;
    CU_ASSERT_EQUAL(w_say(w, 1, W_KIND(PICKED), o), W_OUTCOME(UNAVAILABLE_NOW));
    w->lose_commits = false;
    w_pass(w, 2000);
    CU_ASSERT_EQUAL(w_state(o), W_STATE(PICKED_UP));
    CU_ASSERT_EQUAL(w_say(w, 1, W_KIND(PICKED), o), W_OUTCOME(ALREADY));
    CU_ASSERT_EQUAL(w_deliver(w, 1, o, NULL), W_OUTCOME(DONE));
    w_free(w);
}

static void
test_router_lost_answer_of_a_dropped_commit_is_found_out(void)
{
    struct world *w = w_new();
    struct w_order *o = accepted(w);

    w->drop_commits = true;
    CU_ASSERT_EQUAL(w_say(w, 1, W_KIND(PICKED), o), W_OUTCOME(UNAVAILABLE_NOW));
    w->drop_commits = false;
    w_pass(w, 2000);
    CU_ASSERT_EQUAL(w_state(o), W_STATE(CONFIRMED));
    CU_ASSERT_EQUAL(w_say(w, 1, W_KIND(PICKED), o), W_OUTCOME(DONE));
    w_free(w);
}

static void
test_router_lost_offer_is_not_made_twice(void)
{
    struct world *w = w_new();

    w_sign_on(w, 1, 100, 8);
    w_sign_on(w, 2, 300, 8);
    struct w_order *o = w_place(w, FAR_M, READY_S, PROMISE_S);
    w->lose_commits = true;
    w_pass(w, 1250);
    w->lose_commits = false;
    w_pass(w, 3000);
    CU_ASSERT_EQUAL(w_head(o).courier, 1);
    CU_ASSERT_EQUAL(w_stops(w, 1), 2);
    CU_ASSERT_EQUAL(w_stops(w, 2), 0);
    CU_ASSERT_EQUAL(w_say(w, 1, W_KIND(ACCEPT), NULL), W_OUTCOME(DONE));
    w_free(w);
}

static void
test_router_reads_a_courier_again_after_a_refusal(void)
{
    struct world *w = w_new();
    struct w_order *o = accepted(w);
    struct buf *bytes = &w->route[1].bytes;

    w_put32(bytes->p, bytes_u32(bytes->p) + 5); /* a hand in Redis */
    CU_ASSERT_EQUAL(w_say(w, 1, W_KIND(PICKED), o), W_OUTCOME(DONE));
    CU_ASSERT_EQUAL(w_state(o), W_STATE(PICKED_UP));
    CU_ASSERT_EQUAL(w_counter(w, "plan_commits_total{outcome=\"refused\"}"), 1);
    w_free(w);
}

static void
test_router_starts_again_after_a_gap_in_the_stream(void)
{
    struct world *w = w_new();
    struct w_order *o = accepted(w);
    uint64_t before = w_counter(w, "router_rebuilds_total");

    w_cancel(w, o);
    buf_free(&w->event[w->n_events - 1].o); /* trimmed before it was read */
    w->trimmed = w->n_events;
    w_place(w, FAR_M, 1200, PROMISE_S);
    w_pass(w, 2500);
    CU_ASSERT(w_counter(w, "router_rebuilds_total") > before);
    CU_ASSERT_EQUAL(w_stops(w, 1), 0);
    CU_ASSERT_EQUAL(w_counter(w, "orders_waiting"), 1);
    w_free(w);
}

static void
test_router_hands_the_lease_over_when_it_stops(void)
{
    struct world *w = w_new();

    accepted(w);
    w_feed(w, (struct event){.kind = EVENT_STOP});
    w_effects(w);
    w_settle(w);
    w_pass_clock(w, 2);
    struct stepper *old = w->s;
    w_boot(w, 5);
    CU_ASSERT_EQUAL(w_counter(w, "router_owner"), 1);
    stepper_destroy(old);
    w_free(w);
}

static void
test_router_same_input_gives_the_same_bytes(void)
{
    struct world *a = w_new(), *b = w_new();

    accepted(a);
    accepted(b);
    CU_ASSERT(slice_eq(buf_slice(&a->route[1].bytes), buf_slice(&b->route[1].bytes)));
    CU_ASSERT(slice_eq(buf_slice(&a->shift[1].bytes), buf_slice(&b->shift[1].bytes)));
    CU_ASSERT_EQUAL(a->commits, b->commits);
    w_free(a);
    w_free(b);
}

UNIT_MAIN("router_owner", UNIT(test_router_waits_while_another_holds_the_lease),
          UNIT(test_router_takes_over_what_another_has_done),
          UNIT(test_router_fenced_writes_change_nothing),
          UNIT(test_router_reads_again_when_the_lease_was_elsewhere),
          UNIT(test_router_lost_answer_of_an_applied_commit_is_found_out),
          UNIT(test_router_lost_answer_of_a_dropped_commit_is_found_out),
          UNIT(test_router_lost_offer_is_not_made_twice),
          UNIT(test_router_reads_a_courier_again_after_a_refusal),
          UNIT(test_router_starts_again_after_a_gap_in_the_stream),
          UNIT(test_router_hands_the_lease_over_when_it_stops),
          UNIT(test_router_same_input_gives_the_same_bytes))
