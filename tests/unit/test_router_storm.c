/* The router's core in a storm: couriers say anything at any time, chains cancel, answers get lost,
 * leases are stolen, routers die. What Redis holds must make sense at every moment, and in calm
 * weather every order comes to its end. */
#include "router_world.h"
#include "unit.h"

enum { EVENTS = 220, STORM_COURIERS = 5, STORM_ORDERS = 30 };

static uint64_t
chance(uint64_t *s)
{
    uint64_t z = *s += 0x9e3779b97f4a7c15U;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9U;
    z = (z ^ z >> 27) * 0x94d049bb133111ebU;
    return z ^ z >> 31;
}

static uint32_t
below(uint64_t *s, uint32_t n)
{
    return (uint32_t)(chance(s) % n);
}

/* ---- what must hold ---- */

static void
check_stop(struct world *w, uint32_t courier, const Lifecircle__V1__Route *route, size_t k,
           unsigned *times)
{
    const Lifecircle__V1__Stop *s = route->stops[k];
    const struct w_order *o = w_find(w, slice_str(s->order_id));

    CU_ASSERT_PTR_NOT_NULL_FATAL(o);
    struct record head = w_head(o);
    times[o - w->order] += s->kind == LIFECIRCLE__V1__STOP__KIND__PICKUP ? 1 : 16;
    if (record_is_end(head.state))
        return; /* cancelled, and not yet heard of */
    CU_ASSERT_EQUAL(head.courier, courier);
    bool unstarted = head.state < W_STATE(PICKED_UP);
    CU_ASSERT((s->kind == LIFECIRCLE__V1__STOP__KIND__RETURN) ==
              (head.state == W_STATE(RETURNING)));
    CU_ASSERT(s->kind != LIFECIRCLE__V1__STOP__KIND__PICKUP || unstarted);
    CU_ASSERT(s->accepted || head.state == W_STATE(PLACED));
    CU_ASSERT(!s->accepted || head.state > W_STATE(PLACED));
    if (s->kind == LIFECIRCLE__V1__STOP__KIND__DROPOFF)
        CU_ASSERT_EQUAL(times[o - w->order], unstarted ? 17 : 16);
}

static void
check_redis(struct world *w, uint32_t *versions)
{
    unsigned times[W_ORDERS] = {0};

    for (uint32_t c = 1; c <= STORM_COURIERS; c++) {
        const Lifecircle__V1__Route *route = w_route(w, c);
        if (route == NULL)
            continue;
        CU_ASSERT(route->version >= versions[c]);
        CU_ASSERT_EQUAL(route->version, bytes_u32(w->route[c].bytes.p));
        versions[c] = route->version;
        bool offers = false;
        for (size_t k = 0; k < route->n_stops; k++) {
            check_stop(w, c, route, k, times);
            offers = offers || !route->stops[k]->accepted;
        }
        CU_ASSERT_EQUAL(offers, route->offer_expires_ms != 0);
    }
    for (size_t i = 0; i < w->n_orders; i++) {
        struct record head = w_head(&w->order[i]);
        CU_ASSERT(times[i] <= 17);
        if (head.courier != 0 && !record_is_end(head.state))
            CU_ASSERT_EQUAL(times[i], head.state < W_STATE(PICKED_UP) ? 17 : 16);
    }
}

/* ---- the storm ---- */

static void
say_anything(struct world *w, uint64_t *s, uint32_t courier)
{
    static const Lifecircle__V1__ReportKind kinds[] = {
        W_KIND(ACCEPT),       W_KIND(ACCEPT),  W_KIND(ACCEPT),  W_KIND(DECLINE),
        W_KIND(ENROUTE),      W_KIND(ARRIVED), W_KIND(PICKED),  W_KIND(UNDELIVERABLE),
        W_KIND(BROUGHT_BACK), W_KIND(PROBLEM), W_KIND(DELIVER), W_KIND(SIGN_OFF)};
    const struct w_order *o = w->n_orders == 0 ? NULL : &w->order[below(s, (uint32_t)w->n_orders)];
    const Lifecircle__V1__Route *route = w_route(w, courier);
    Lifecircle__V1__ReportKind kind = kinds[below(s, sizeof kinds / sizeof *kinds)];

    if (route != NULL && route->n_stops > 0 && below(s, 4) != 0)
        o = w_find(w, slice_str(route->stops[below(s, (uint32_t)route->n_stops)]->order_id));
    if (kind == W_KIND(DELIVER) && o != NULL)
        w_deliver(w, courier, o, below(s, 3) == 0 ? "9999" : NULL);
    else
        w_say(w, courier, kind, o);
}

static void
trouble(struct world *w, uint64_t *s)
{
    struct w_order *o;

    switch (below(s, 6)) {
    case 0:
        w->lose_commits = !w->lose_commits;
        break;
    case 1:
        w->drop_commits = !w->drop_commits;
        break;
    case 2:
        w->epoch++;
        snprintf(w->owner, sizeof w->owner, "somebody-else");
        w->until_ms = w->now_ms + 1000;
        break;
    case 3:
        stepper_destroy(w->s);
        w_pass_clock(w, below(s, 5000));
        w_boot(w, chance(s));
        break;
    case 4:
        w->trimmed = w->n_events;
        break;
    default:
        o = w->n_orders == 0 ? NULL : &w->order[below(s, (uint32_t)w->n_orders)];
        if (o == NULL)
            break;
        if (w_state(o) < W_STATE(PICKED_UP))
            w_cancel(w, o);
        else if (w_state(o) < W_STATE(DELIVERED) || w_state(o) == W_STATE(RETURNING))
            w_ended(w, o, chance(s) ? W_STATE(DELIVERED) : W_STATE(RETURNED));
        break;
    }
}

static void
anything(struct world *w, uint64_t *s)
{
    uint32_t courier = 1 + below(s, STORM_COURIERS);

    switch (below(s, 9)) {
    case 0:
        if (w->n_orders < STORM_ORDERS)
            w_place(w, (int)below(s, 5000), below(s, 600), 600 + below(s, 3600));
        break;
    case 1:
        w_sign_on(w, courier, (int)below(s, 5000), 1 + below(s, 5));
        break;
    case 2:
        w_position(w, courier, (int)below(s, 5000));
        break;
    case 3:
        w_pass(w, below(s, 60000));
        break;
    case 4:
        if (below(s, 3) == 0)
            trouble(w, s);
        break;
    default:
        say_anything(w, s, courier);
        break;
    }
}

/* ---- calm ---- */

static bool
all_ended(const struct world *w)
{
    for (size_t i = 0; i < w->n_orders; i++)
        if (!record_is_end(w_state(&w->order[i])))
            return false;
    return true;
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

static void
calm_down(struct world *w)
{
    w->lose_commits = false;
    w->drop_commits = false;
    w_pass(w, 5000);
    for (int round = 0; round < 600 && !all_ended(w); round++) {
        for (uint32_t c = 1; c <= STORM_COURIERS; c++) {
            if (round % 60 == 0)
                w_sign_on(w, c, 500, 9);
            obey(w, c);
        }
        w_pass(w, 10000);
    }
}

static void
test_router_survives_storms(void)
{
    for (uint64_t seed = 1; seed <= 25; seed++) {
        uint64_t s = seed * 1000003;
        uint32_t versions[W_COURIERS + 1] = {0};
        unsigned failed = CU_get_number_of_failures();
        struct world *w = w_new();
        for (int i = 0; i < EVENTS && CU_get_number_of_failures() == failed; i++) {
            anything(w, &s);
            check_redis(w, versions);
        }
        calm_down(w);
        check_redis(w, versions);
        CU_ASSERT(all_ended(w));
        CU_ASSERT_EQUAL(stepper_failed_steps(w->s), 0);
        w_free(w);
        if (CU_get_number_of_failures() > failed) {
            printf("seed %llu\n", (unsigned long long)seed);
            return;
        }
    }
}

UNIT_MAIN("router_storm", UNIT(test_router_survives_storms))
