/* The live dispatcher over random days: events in any order, on travel times that are neither
 * symmetric nor metric. After each event the whole plan is judged from outside.
 * LC_DAYS=N plays N days instead of 150. */
#include "router/plan/live/live.h"

#include <CUnit/Basic.h>
#include <stdlib.h>
#include <string.h>

enum { PLACES = 40, COURIERS = 6, ORDERS = 60, EVENTS = 120, DAYS = 150 };

struct order {
    bool known, pinned, banned, carried;
    uint32_t handle, pin, ban;
    struct live_order in;
};

struct day {
    struct live *live;
    uint64_t random;
    int64_t now;
    uint32_t courier[COURIERS];
    struct live_courier at[COURIERS];
    bool on[COURIERS];
    struct order orders[ORDERS];
    size_t n;
    uint64_t digest;
};

static uint32_t
below(struct day *d, uint32_t n)
{
    d->random = d->random * 6364136223846793005U + 1442695040888963407U;
    return (uint32_t)((d->random >> 33) % n);
}

static int32_t
ticks(const void *ctx, uint32_t from, uint32_t to)
{
    uint32_t h = (from * 2654435761U ^ (to + 77) * 2246822519U) >> 7;

    (void)ctx;
    return h % 97 == 0 ? LIVE_UNREACHABLE : (int32_t)(2 + h % 19);
}

static struct order *
by_handle(struct day *d, uint32_t handle)
{
    for (size_t i = 0; i < d->n; i++)
        if (d->orders[i].known && d->orders[i].handle == handle)
            return &d->orders[i];
    return NULL;
}

/* Drives the trip as the rules say; everything in it must hold. */
static bool
trip_holds(struct day *d, size_t c, size_t *planned)
{
    uint32_t list[LIVE_TRIP_ORDERS], place = d->at[c].place;
    bool joined[LIVE_TRIP_ORDERS];
    size_t n = live_trip(d->live, d->courier[c], list, joined, LIVE_TRIP_ORDERS);
    int64_t t = d->at[c].free_from;

    *planned += n;
    for (size_t i = 0; i < n;) {
        struct order *first = by_handle(d, list[i]);
        size_t end = i + 1;
        uint32_t load = 0;
        if (first == NULL)
            return false;
        while (end < n && joined[end])
            end++;
        int32_t way = place == first->in.pickup ? 0 : ticks(NULL, place, first->in.pickup);
        if (way == LIVE_UNREACHABLE)
            return false;
        int64_t pickup = (way > 0 && d->now > t ? d->now : t) + way + 2;
        pickup = pickup > d->now ? pickup : d->now;
        for (size_t k = i; k < end; k++) {
            struct order *o = by_handle(d, list[k]);
            if (o == NULL || o->carried || o->in.pickup != first->in.pickup ||
                (o->pinned && o->pin != d->courier[c]) || (o->banned && o->ban == d->courier[c]) ||
                (o->in.skills & ~d->at[c].skills) != 0)
                return false;
            pickup = o->in.ready > pickup ? o->in.ready : pickup;
            load += o->in.load[0];
        }
        if (pickup > d->at[c].last_pickup || load > d->at[c].capacity[0])
            return false;
        t = pickup + 2;
        place = first->in.pickup;
        for (; i < end; i++) {
            struct order *o = by_handle(d, list[i]);
            way = place == o->in.dropoff ? 0 : ticks(NULL, place, o->in.dropoff);
            if (way == LIVE_UNREACHABLE)
                return false;
            if (o->in.hard && t + way + 2 > o->in.promise)
                return false;
            t += way + 2 + 2;
            place = o->in.dropoff;
            d->digest = d->digest * 31 + list[i] + (uint64_t)t;
        }
        if (t > d->at[c].shift_end)
            return false;
    }
    return true;
}

static bool
plan_holds(struct day *d)
{
    size_t planned = 0, counted[3] = {0, 0, 0}, known = 0;

    for (size_t c = 0; c < COURIERS; c++)
        if (d->on[c] && !trip_holds(d, c, &planned))
            return false;
    for (size_t i = 0; i < d->n; i++) {
        struct live_where where;
        if (!d->orders[i].known)
            continue;
        known++;
        if (live_find(d->live, d->orders[i].handle, &where) != LC_OK)
            return false;
        counted[where.state]++;
        if ((where.state == LIVE_CARRIED) != d->orders[i].carried)
            return false;
    }
    return counted[LIVE_PLANNED] == planned && counted[0] + counted[1] + counted[2] == known &&
           live_open(d->live) == counted[LIVE_POOL] + counted[LIVE_PLANNED];
}

static void
act(struct day *d, const struct live_act *a)
{
    for (size_t c = 0; c < COURIERS; c++)
        if (d->on[c] && d->courier[c] == a->courier) {
            d->at[c].free_from = a->until;
            if (a->kind == LIVE_GO)
                d->at[c].place = a->to;
            for (size_t i = 0; i < a->n; i++) {
                struct order *o = by_handle(d, a->order[i]);
                CU_ASSERT_TRUE(o != NULL && !o->carried);
                if (o == NULL)
                    continue;
                o->carried = true;
                d->at[c].place = o->in.dropoff;
            }
        }
}

static void
commit(struct day *d)
{
    struct live_act acts[16];
    size_t n = live_commit(d->live, acts, 16);

    for (size_t i = 0; i < n; i++)
        act(d, &acts[i]);
    n = live_position(d->live, acts, 16);
    for (size_t i = 0; i < n; i++)
        act(d, &acts[i]);
}

static void
add_order(struct day *d)
{
    if (d->n == ORDERS)
        return;
    struct order *o = &d->orders[d->n++];
    o->in = (struct live_order){.pickup = below(d, 8),
                                .dropoff = 8 + below(d, PLACES - 8),
                                .placed = d->now,
                                .ready = d->now + below(d, 30),
                                .promise = d->now + 60,
                                .hard = below(d, 5) == 0,
                                .load = {1 + below(d, 3)},
                                .skills = below(d, 4) == 0,
                                .priority = below(d, 4) == 0 ? 3 : 0,
                                .pickup_before = 2,
                                .pickup_after = 2,
                                .dropoff_before = 2,
                                .dropoff_after = 2};
    CU_ASSERT_EQUAL_FATAL(live_order_add(d->live, &o->in, &o->handle), LC_OK);
    o->known = true;
}

static void
event(struct day *d)
{
    struct order *o = d->n == 0 ? NULL : &d->orders[below(d, (uint32_t)d->n)];
    size_t c = below(d, COURIERS), better;
    uint32_t what = below(d, 12);

    if (what < 4 || o == NULL || !o->known) {
        add_order(d);
    } else if (what == 4) {
        CU_ASSERT_EQUAL(live_order_drop(d->live, o->handle), LC_OK);
        o->known = false;
    } else if (what == 5 && !o->carried) {
        o->in.ready = d->now + below(d, 40);
        CU_ASSERT_EQUAL(live_order_ready(d->live, o->handle, o->in.ready), LC_OK);
    } else if (what == 6 && d->on[c] && live_pin(d->live, o->handle, d->courier[c]) == LC_OK) {
        o->pinned = true;
        o->pin = d->courier[c];
    } else if (what == 7 && d->on[c] && !o->banned &&
               live_ban(d->live, o->handle, d->courier[c]) == LC_OK) {
        o->banned = true;
        o->ban = d->courier[c];
    } else if (what == 8 && c == 0 && d->on[c]) {
        CU_ASSERT_EQUAL(live_courier_drop(d->live, d->courier[c]), LC_OK);
        d->on[c] = false;
    } else {
        d->now += below(d, 3);
        live_time(d->live, d->now);
        CU_ASSERT_EQUAL(live_improve(d->live, 20, &better), LC_OK);
        commit(d);
    }
}

static uint64_t
play(uint64_t seed)
{
    static const struct live_policy policy = {.door = 100,
                                              .busy = 1,
                                              .unassigned = 20000,
                                              .pay = 10,
                                              .per_order = 10,
                                              .per_hour = 15,
                                              .hour = 60,
                                              .ahead = 1,
                                              .near = 8,
                                              .bundles = 5,
                                              .chains = 2,
                                              .soon = 10,
                                              .fade = 10};
    static const struct live_travel travel = {ticks, NULL};
    struct day d = {.live = live_new(&travel, &policy, seed), .random = seed * 7919 + 1};

    CU_ASSERT_PTR_NOT_NULL_FATAL(d.live);
    live_time(d.live, 0);
    for (size_t c = 0; c < COURIERS; c++) {
        d.at[c] = (struct live_courier){.place = below(&d, PLACES),
                                        .shift_start = 0,
                                        .last_pickup = 100 + below(&d, 100),
                                        .shift_end = 250,
                                        .capacity = {2 + below(&d, 5)},
                                        .skills = below(&d, 2)};
        d.on[c] = live_courier_add(d.live, &d.at[c], &d.courier[c]) == LC_OK;
    }
    for (size_t i = 0; i < EVENTS; i++) {
        event(&d);
        bool holds = plan_holds(&d);
        CU_ASSERT_TRUE(holds);
        if (!holds)
            break;
    }
    live_destroy(d.live);
    return d.digest;
}

static void
test_live_days_keep_every_rule(void)
{
    const char *many = getenv("LC_DAYS");
    uint64_t days = many != NULL ? strtoull(many, NULL, 10) : DAYS;

    for (uint64_t seed = 1; seed <= days; seed++)
        (void)play(seed);
    (void)play(361); /* two trips, once remembered as one */
    (void)play(407);
}

static void
test_live_days_of_one_seed_are_the_same(void)
{
    for (uint64_t seed = 1; seed <= 10; seed++)
        CU_ASSERT_EQUAL(play(seed), play(seed));
}

int
main(void)
{
    CU_initialize_registry();
    CU_pSuite s = CU_add_suite("live_days", NULL, NULL);
    CU_ADD_TEST(s, test_live_days_keep_every_rule);
    CU_ADD_TEST(s, test_live_days_of_one_seed_are_the_same);
    CU_basic_set_mode(CU_BRM_VERBOSE);
    CU_basic_run_tests();
    unsigned failed = CU_get_number_of_failures();
    CU_cleanup_registry();
    return failed > 0;
}
