/* The router's core when memory runs out: each allocation of a story fails once, in turn. Nothing
 * may crash, leak or hang, and soon afterwards all orders come to their end. */
#include <stdbool.h>

static void around(bool step);
#define W_AROUND(step) around(step)
#define W_MAY_FAIL true
#include "failing_memory.h"
#include "router_world.h"
#include "unit.h"

static void
around(bool step)
{
    inside = step;
}

/* A courier who does what the route says. */
static void
obey(struct world *w, uint32_t courier)
{
    const Lifecircle__V1__Route *route = w_route(w, courier);

    w_position(w, courier, 500);
    if (route == NULL || route->n_stops == 0)
        return;
    const struct w_order *o = w_find(w, slice_str(route->stops[0]->order_id));
    if (route->offer_expires_ms != 0)
        w_say(w, courier, W_KIND(ACCEPT), NULL);
    else if (route->stops[0]->kind == LIFECIRCLE__V1__STOP__KIND__PICKUP)
        w_say(w, courier, W_KIND(PICKED), o);
    else if (route->stops[0]->kind == LIFECIRCLE__V1__STOP__KIND__RETURN)
        w_say(w, courier, W_KIND(BROUGHT_BACK), o);
    else
        w_deliver(w, courier, o, NULL);
}

/* Something of everything that takes memory. */
static void
story(struct world *w)
{
    w_sign_on(w, 1, 100, 8);
    w_sign_on(w, 2, 3000, 8);
    struct w_order *a = w_place(w, 2000, 30, 3600);
    struct w_order *b = w_place(w, 2500, 30, 3600);
    w_dispatch(w, a);
    w_pass(w, 1000);
    w_say(w, 1, W_KIND(DECLINE), NULL);
    w_pass(w, 1000);
    w_cancel(w, b);
    w_place(w, 900, 600, 3600);
    w_pass(w, 1000);
    obey(w, 2);
    obey(w, 2);
    w_say(w, 2, W_KIND(UNDELIVERABLE), a);
    obey(w, 2);
    w->lose_commits = true;
    w_say(w, 1, W_KIND(SIGN_OFF), NULL);
    w->lose_commits = false;
    w_pass(w, 1000);
}

static bool
heals(struct world *w)
{
    bool ended = false;

    for (int round = 0; round < 100 && !ended; round++) {
        if (round % 10 == 0)
            w_sign_on(w, 1, 100, 8);
        obey(w, 1);
        obey(w, 2);
        w_pass(w, 10000);
        ended = true;
        for (size_t i = 0; i < w->n_orders; i++)
            ended = ended && record_is_end(w_state(&w->order[i]));
    }
    return ended;
}

static void
test_router_lives_through_every_failed_allocation(void)
{
    long before = live;

    for (long at = 1;; at++) {
        struct world *w = w_new();
        failed = false;
        fail_at = at;
        story(w);
        fail_at = 0;
        CU_ASSERT(heals(w));
        w_free(w);
        CU_ASSERT_EQUAL(live, before);
        if (!failed || CU_get_number_of_failures() > 0) {
#if MEMORY_FAILS
            CU_ASSERT(at > 40);
#endif
            if (CU_get_number_of_failures() > 0)
                printf("allocation %ld\n", at);
            return;
        }
    }
}

UNIT_MAIN("router_memory", UNIT(test_router_lives_through_every_failed_allocation))
