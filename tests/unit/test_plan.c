/* The plan: insertion against brute force, and what must hold through any day. */
#include "plan_day.h"

/* ---- brute force ---- */

struct sim_stop {
    const struct plan_order *order;
    enum plan_stop_kind kind;
    int64_t arrive_ms;
    int64_t limit_ms; /* of arrival: promise and shift, or what it is now */
};

struct sim {
    struct sim_stop stop[STOPS];
    size_t n;
    int64_t cost;
    bool capacity_ok;
};

/* The cost of a route from scratch, as plan.h words it. Nothing of these routes is driven yet: no
 * fixed stops. */
static void
simulate(const struct day *d, const struct plan_courier *c, struct sim *s)
{
    struct latlng at = c->at;
    int64_t t = d->now_ms;
    uint64_t items = 0, g = 0;

    s->cost = 0;
    s->capacity_ok = true;
    for (size_t k = 0; k < s->n; k++) { /* what is there at the start */
        bool carried = s->stop[k].kind != PLAN_PICKUP;
        for (size_t i = 0; i < k; i++)
            carried = carried && s->stop[i].order != s->stop[k].order;
        items += carried ? s->stop[k].order->load.items : 0;
        g += carried ? s->stop[k].order->load.g : 0;
    }
    for (size_t k = 0; k < s->n; k++) {
        struct sim_stop *x = &s->stop[k];
        const struct plan_order *o = x->order;
        struct latlng to = x->kind == PLAN_DROPOFF ? o->dropoff : o->pickup;
        struct travel_cell way = leg(at, to, c->mode);
        x->arrive_ms = t + 1000 * (int64_t)way.seconds;
        s->cost +=
            1000 * (int64_t)way.seconds * PLAN_COST_TRAVEL + (int64_t)way.metres * PLAN_COST_METRE;
        t = x->arrive_ms;
        if (x->kind == PLAN_PICKUP) {
            t = (t > o->ready_ms ? t : o->ready_ms) + 1000 * (int64_t)o->pickup_s;
            items += o->load.items;
            g += o->load.g;
        } else {
            s->cost += (t - d->now_ms) * PLAN_COST_DOOR * (1 + o->priority);
            if (t > o->promise_ms)
                s->cost += (t - o->promise_ms) * PLAN_COST_LATE * (1 + o->priority);
            t += 1000 * (int64_t)o->dropoff_s;
            items -= o->load.items;
            g -= o->load.g;
        }
        if (items > c->capacity.items || (c->capacity.g > 0 && g > c->capacity.g))
            s->capacity_ok = false;
        at = to;
    }
}

static void
read_route(const struct day *d, size_t i, struct sim *s)
{
    struct plan_stop stops[STOPS];
    const struct plan_courier *c = &d->courier[i];

    s->n = plan_schedule(d->plan, c->courier, stops, STOPS);
    for (size_t k = 0; k < s->n; k++)
        s->stop[k] = (struct sim_stop){&d->order[index_of(stops[k].order)], stops[k].kind, 0, 0};
    simulate(d, c, s);
    for (size_t k = 0; k < s->n; k++) {
        struct sim_stop *x = &s->stop[k];
        int64_t by = c->shift_end_ms - 1000 * (int64_t)x->order->dropoff_s;
        CU_ASSERT_EQUAL(x->arrive_ms, stops[k].arrive_ms);
        if (x->order->promise_ms < by)
            by = x->order->promise_ms;
        x->limit_ms = x->kind == PLAN_PICKUP ? INT64_MAX : by > x->arrive_ms ? by : x->arrive_ms;
    }
}

struct found {
    bool any;
    int64_t late_ms;
    int64_t cost;
};

static bool
ways_exist(const struct plan_courier *c, const struct sim *s, size_t k)
{
    struct latlng here =
        s->stop[k].kind == PLAN_DROPOFF ? s->stop[k].order->dropoff : s->stop[k].order->pickup;
    struct latlng before = c->at;

    if (k > 0)
        before = s->stop[k - 1].kind == PLAN_DROPOFF ? s->stop[k - 1].order->dropoff
                                                     : s->stop[k - 1].order->pickup;
    return jumble(before, here, c->mode).seconds != TRAVEL_UNREACHABLE;
}

/* One pair of places: feasible, and what it adds? */
static void
try_pair(const struct day *d, const struct plan_courier *c, const struct sim *old,
         const struct plan_order *o, size_t i, size_t j, struct found *best)
{
    struct sim s = {.n = 0};
    int64_t arrive_ms = 0;

    for (size_t k = 0; k <= old->n; k++) {
        if (k == i)
            s.stop[s.n++] = (struct sim_stop){o, PLAN_PICKUP, 0, INT64_MAX};
        if (k == j)
            s.stop[s.n++] = (struct sim_stop){o, PLAN_DROPOFF, 0,
                                              c->shift_end_ms - 1000 * (int64_t)o->dropoff_s};
        if (k < old->n)
            s.stop[s.n++] = old->stop[k];
    }
    simulate(d, c, &s);
    if (!s.capacity_ok)
        return;
    for (size_t k = 0; k < s.n; k++) {
        bool fresh = s.stop[k].order == o || (k > 0 && s.stop[k - 1].order == o);
        if (s.stop[k].arrive_ms > s.stop[k].limit_ms || (fresh && !ways_exist(c, &s, k)))
            return;
        if (s.stop[k].order == o && s.stop[k].kind == PLAN_DROPOFF)
            arrive_ms = s.stop[k].arrive_ms;
    }
    if (jumble(o->pickup, o->dropoff, c->mode).seconds == TRAVEL_UNREACHABLE)
        return;
    int64_t late = arrive_ms > o->promise_ms ? arrive_ms - o->promise_ms : 0;
    int64_t cost = s.cost - old->cost;
    if (best->any && (late > best->late_ms || (late == best->late_ms && cost >= best->cost)))
        return;
    *best = (struct found){true, late, cost};
}

static struct found
brute_force(const struct day *d, const struct plan_order *o)
{
    struct found best = {.any = false};

    for (size_t i = 0; i < COURIERS; i++) {
        const struct plan_courier *c = &d->courier[i];
        struct sim old;
        if (c->courier == 0 || !c->open || (o->age_check && !c->adult_trained) ||
            (o->cold && !c->cold_box))
            continue;
        read_route(d, i, &old);
        for (size_t p = 0; p <= old.n; p++)
            for (size_t q = p; q <= old.n; q++)
                try_pair(d, c, &old, o, p, q, &best);
    }
    return best;
}

static void
test_plan_insert_costs_what_brute_force_finds(void)
{
    for (uint64_t seed = 1; seed <= 150; seed++) {
        struct day d;
        day_begin(&d, seed);
        for (size_t i = 0; i < 3; i++)
            put_courier(&d, i);
        for (size_t n = 0; n < 10; n++) {
            struct plan_order *o = next_order(&d);
            struct plan_placement at;
            struct found want = brute_force(&d, o);
            int64_t before = plan_cost(d.plan);
            CU_ASSERT_EQUAL(plan_insert(d.plan, o, &at), LC_OK);
            d.n_orders++;
            CU_ASSERT_EQUAL(at.placed, want.any);
            if (want.any) {
                CU_ASSERT_EQUAL(at.late_ms, want.late_ms);
                CU_ASSERT_EQUAL(plan_cost(d.plan) - before, want.cost);
            }
            d.now_ms += 1000 * (int64_t)below(&d.seed, 120);
            plan_time(d.plan, d.now_ms);
        }
        plan_destroy(d.plan);
    }
}

/* ---- whole days ---- */

static void
test_plan_holds_its_promises_through_random_days(void)
{
    for (uint64_t seed = 1; seed <= 120; seed++) {
        struct day d;
        unsigned failed = CU_get_number_of_failures();
        live_through(&d, seed * 7919, 250);
        plan_destroy(d.plan);
        if (CU_get_number_of_failures() > failed) {
            printf("seed %llu\n", (unsigned long long)seed);
            return;
        }
    }
}

static void
test_plan_is_the_same_for_the_same_calls(void)
{
    for (uint64_t seed = 1; seed <= 10; seed++) {
        struct day a, b;
        struct picture x, y;
        live_through(&a, seed, 200);
        live_through(&b, seed, 200);
        memset(&x, 0, sizeof x);
        memset(&y, 0, sizeof y);
        look(&a, &x);
        look(&b, &y);
        /* NOLINTNEXTLINE: padding is compared too, and zero in both */
        CU_ASSERT_EQUAL(memcmp(&x, &y, sizeof x), 0);
        plan_destroy(a.plan);
        plan_destroy(b.plan);
    }
}

/* ---- single cases, with the estimate ---- */

static struct latlng
street(int metres)
{
    return (struct latlng){392800000, -765900000 + metres * 116};
}

static struct plan_courier
rider(uint32_t number, int metres)
{
    return (struct plan_courier){.courier = number,
                                 .mode = TRAVEL_BICYCLE,
                                 .capacity = {10, 0, 0},
                                 .shift_end_ms = DAWN_MS + 8 * 3600000,
                                 .open = true,
                                 .at = street(metres),
                                 .at_ms = DAWN_MS};
}

static struct plan_order
parcel(size_t i, int from, int to)
{
    return (struct plan_order){.id = id_of(i),
                               .pickup = street(from),
                               .dropoff = street(to),
                               .ready_ms = DAWN_MS + 600000,
                               .promise_ms = DAWN_MS + 3600000,
                               .load = {2, 0, 0},
                               .pickup_s = 60,
                               .dropoff_s = 120};
}

static struct plan *
plan_with(const struct plan_courier *couriers, size_t n)
{
    struct plan *p = plan_new(travel_estimate());

    CU_ASSERT_PTR_NOT_NULL_FATAL(p);
    plan_time(p, DAWN_MS);
    for (size_t i = 0; i < n; i++)
        CU_ASSERT_EQUAL(plan_courier_put(p, &couriers[i]), LC_OK);
    return p;
}

static void
test_plan_insert_breaks_ties_by_lower_courier_number(void)
{
    struct plan_courier c[] = {rider(9, 500), rider(4, 500), rider(7, 500)};
    struct plan *p = plan_with(c, 3);
    struct plan_order o = parcel(0, 0, 1000);
    struct plan_placement at;

    CU_ASSERT_EQUAL(plan_insert(p, &o, &at), LC_OK);
    CU_ASSERT_EQUAL(at.courier, 4);
    plan_destroy(p);
}

static void
test_plan_insert_says_the_nearest_miss(void)
{
    static const struct {
        const char *what;
        struct plan_courier courier;
        bool age_check;
        enum plan_verdict why;
    } cases[] = {
        {"closed",
         {.capacity = {10, 0, 0}, .shift_end_ms = DAWN_MS + 36000000},
         false,
         PLAN_CLOSED},
        {"skill",
         {.capacity = {10, 0, 0}, .shift_end_ms = DAWN_MS + 36000000, .open = true},
         true,
         PLAN_SKILL},
        {"capacity",
         {.capacity = {1, 0, 0}, .shift_end_ms = DAWN_MS + 36000000, .open = true},
         false,
         PLAN_CAPACITY},
        {"weight",
         {.capacity = {10, 5, 0}, .shift_end_ms = DAWN_MS + 36000000, .open = true},
         false,
         PLAN_CAPACITY},
        {"shift",
         {.capacity = {10, 0, 0}, .shift_end_ms = DAWN_MS + 900000, .open = true},
         false,
         PLAN_SHIFT},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct plan_courier c = cases[i].courier;
        struct plan_order o = parcel(0, 0, 3000);
        struct plan_placement at;
        c.courier = 1;
        c.at = street(0);
        struct plan *p = plan_with(&c, 1);
        o.load.g = 100;
        o.age_check = cases[i].age_check;
        CU_ASSERT_EQUAL(plan_insert(p, &o, &at), LC_OK);
        CU_ASSERT(!at.placed);
        CU_ASSERT_EQUAL(at.why, cases[i].why);
        plan_destroy(p);
    }
}

static void
test_plan_insert_without_couriers_waits_and_retry_places(void)
{
    struct plan *p = plan_with(NULL, 0);
    struct plan_order o = parcel(0, 0, 1000);
    struct plan_courier c = rider(1, 0);
    struct plan_placement at;
    size_t n;

    CU_ASSERT_EQUAL(plan_insert(p, &o, &at), LC_OK);
    CU_ASSERT_EQUAL(at.why, PLAN_NO_COURIERS);
    CU_ASSERT_EQUAL(plan_insert(p, &o, &at), LC_EEXIST);
    CU_ASSERT_EQUAL(plan_courier_put(p, &c), LC_OK);
    CU_ASSERT_EQUAL(plan_retry(p, 10, &n), LC_OK);
    CU_ASSERT_EQUAL(n, 1);
    CU_ASSERT_EQUAL(plan_pool_size(p), 0);
    plan_destroy(p);
}

static void
test_plan_retry_tries_high_priority_first(void)
{
    struct plan *p = plan_with(NULL, 0);
    struct plan_courier c = rider(1, 0);
    struct plan_placement at;
    size_t n;

    for (uint32_t i = 0; i <= PLAN_PRIORITY_MAX + 1; i++) {
        struct plan_order o = parcel(i, 0, 1000);
        o.priority = (uint8_t)i;
        CU_ASSERT_EQUAL(plan_insert(p, &o, &at), i <= PLAN_PRIORITY_MAX ? LC_OK : LC_EINVAL);
    }
    CU_ASSERT_EQUAL(plan_courier_put(p, &c), LC_OK);
    for (uint32_t i = PLAN_PRIORITY_MAX + 1; i-- > 0;) {
        CU_ASSERT_EQUAL(plan_retry(p, 1, &n), LC_OK);
        CU_ASSERT_EQUAL(n, 1);
        CU_ASSERT_EQUAL(plan_find(p, id_of(i), &at), LC_OK);
        CU_ASSERT_TRUE(at.placed);
    }
    CU_ASSERT_EQUAL(plan_pool_size(p), 0);
    plan_destroy(p);
}

static void
test_plan_insert_places_late_rather_than_nowhere(void)
{
    struct plan_courier c[] = {rider(1, 30000), rider(2, 20000)};
    struct plan *p = plan_with(c, 2);
    struct plan_order o = parcel(0, 0, 1000);
    struct plan_placement at;

    o.promise_ms = DAWN_MS + 700000;
    CU_ASSERT_EQUAL(plan_insert(p, &o, &at), LC_OK);
    CU_ASSERT_EQUAL(at.courier, 2);
    CU_ASSERT_EQUAL(at.why, PLAN_LATE);
    CU_ASSERT_EQUAL(at.late_ms, at.dropoff_ms - o.promise_ms);
    plan_destroy(p);
}

static void
test_plan_insert_bundles_two_orders_of_one_store(void)
{
    struct plan_courier c[] = {rider(1, 0), rider(2, 9000)};
    struct plan *p = plan_with(c, 2);
    struct plan_order a = parcel(0, 0, 2000), b = parcel(1, 0, 2100);
    struct plan_placement at;
    struct plan_stop stops[4];

    CU_ASSERT_EQUAL(plan_insert(p, &a, &at), LC_OK);
    CU_ASSERT_EQUAL(plan_insert(p, &b, &at), LC_OK);
    CU_ASSERT_EQUAL(plan_schedule(p, 1, stops, 4), 4);
    CU_ASSERT_EQUAL(stops[1].kind, PLAN_PICKUP);
    CU_ASSERT_EQUAL(stops[2].kind, PLAN_DROPOFF);
    plan_destroy(p);
}

static void
test_plan_ban_keeps_an_order_away_for_a_while(void)
{
    struct plan_courier c = rider(1, 0);
    struct plan *p = plan_with(&c, 1);
    struct plan_order o = parcel(0, 0, 1000);
    struct plan_placement at;
    size_t n;

    CU_ASSERT_EQUAL(plan_insert(p, &o, &at), LC_OK);
    CU_ASSERT_EQUAL(plan_ban(p, o.id, 1, DAWN_MS + 60000), LC_OK);
    CU_ASSERT_EQUAL(plan_release(p, o.id), LC_OK);
    CU_ASSERT_EQUAL(plan_retry(p, 10, &n), LC_OK);
    CU_ASSERT_EQUAL(n, 0);
    CU_ASSERT_EQUAL(plan_find(p, o.id, &at), LC_OK);
    CU_ASSERT_EQUAL(at.why, PLAN_BANNED);
    plan_time(p, DAWN_MS + 60001);
    CU_ASSERT_EQUAL(plan_retry(p, 10, &n), LC_OK);
    CU_ASSERT_EQUAL(n, 1);
    plan_destroy(p);
}

static void
test_plan_why_names_cost_or_constraint_and_changes_nothing(void)
{
    struct plan_courier c[] = {rider(1, 0), rider(2, 4000), rider(3, 0)};
    struct plan_order o = parcel(0, 0, 1000);
    struct plan_placement before, after;
    struct plan_candidate why[3];

    c[2].open = false;
    struct plan *p = plan_with(c, 3);
    CU_ASSERT_EQUAL(plan_insert(p, &o, &before), LC_OK);
    int64_t cost = plan_cost(p);
    CU_ASSERT_EQUAL(plan_why(p, o.id, why, 3), 3);
    CU_ASSERT_EQUAL(why[0].verdict, PLAN_FITS);
    CU_ASSERT_EQUAL(why[0].cost, cost);
    CU_ASSERT(why[1].cost > why[0].cost);
    CU_ASSERT_EQUAL(why[2].verdict, PLAN_CLOSED);
    CU_ASSERT_EQUAL(plan_find(p, o.id, &after), LC_OK);
    CU_ASSERT_EQUAL(after.dropoff_ms, before.dropoff_ms);
    CU_ASSERT_EQUAL(plan_cost(p), cost);
    plan_destroy(p);
}

static void
test_plan_restore_refuses_what_is_no_route(void)
{
    struct plan_courier c = rider(1, 0);
    struct plan *p = plan_with(&c, 1);
    struct plan_order a = parcel(0, 0, 1000), b = parcel(1, 0, 2000);
    const struct plan_restore_stop backwards[] = {{&a, PLAN_DROPOFF}, {&a, PLAN_PICKUP}};
    const struct plan_restore_stop half[] = {{&a, PLAN_PICKUP}};
    const struct plan_restore_stop twice[] = {{&a, PLAN_DROPOFF}, {&a, PLAN_DROPOFF}};
    const struct plan_restore_stop good[] = {
        {&b, PLAN_PICKUP}, {&a, PLAN_DROPOFF}, {&b, PLAN_DROPOFF}};
    struct plan_placement at;

    CU_ASSERT_EQUAL(plan_restore(p, 1, backwards, 2), LC_EINVAL);
    CU_ASSERT_EQUAL(plan_restore(p, 1, half, 1), LC_EINVAL);
    CU_ASSERT_EQUAL(plan_restore(p, 1, twice, 2), LC_EINVAL);
    CU_ASSERT_EQUAL(plan_restore(p, 2, good, 3), LC_ENOTFOUND);
    CU_ASSERT_EQUAL(plan_restore(p, 1, good, 3), LC_OK);
    CU_ASSERT_EQUAL(plan_restore(p, 1, good, 3), LC_ESTATE);
    CU_ASSERT_EQUAL(plan_find(p, a.id, &at), LC_OK);
    CU_ASSERT(at.locked && at.pickup_ms == 0);
    plan_destroy(p);
}

UNIT_MAIN("plan", UNIT(test_plan_insert_costs_what_brute_force_finds),
          UNIT(test_plan_holds_its_promises_through_random_days),
          UNIT(test_plan_is_the_same_for_the_same_calls),
          UNIT(test_plan_insert_breaks_ties_by_lower_courier_number),
          UNIT(test_plan_insert_says_the_nearest_miss),
          UNIT(test_plan_insert_without_couriers_waits_and_retry_places),
          UNIT(test_plan_retry_tries_high_priority_first),
          UNIT(test_plan_insert_places_late_rather_than_nowhere),
          UNIT(test_plan_insert_bundles_two_orders_of_one_store),
          UNIT(test_plan_ban_keeps_an_order_away_for_a_while),
          UNIT(test_plan_why_names_cost_or_constraint_and_changes_nothing),
          UNIT(test_plan_restore_refuses_what_is_no_route))
