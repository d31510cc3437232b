/* Another sequence of what is bound already, against every sequence there is, on travel times that
 * are neither symmetric nor metric. */
#include "router/plan/plan.h"
#include "unit.h"

#include <string.h>

enum { ORDERS = 4, STOPS = 2 * ORDERS };
#define DAWN_MS 1760000000000

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

/* By the two places alone: one to twenty-one minutes. */
static struct travel_cell
street(struct latlng a, struct latlng b)
{
    uint64_t s = (uint64_t)(uint32_t)a.lat_e7 * 7919 + (uint32_t)b.lat_e7;

    if (a.lat_e7 == b.lat_e7)
        return (struct travel_cell){0, 0};
    return (struct travel_cell){60 + below(&s, 1200), 100 + below(&s, 5000)};
}

static enum lc_err
streets_matrix(const struct travel *t, const struct latlng *from, size_t from_n,
               const struct latlng *to, size_t to_n, enum travel_mode mode, int64_t depart_ms,
               struct travel_cell *out, enum travel_quality *quality)
{
    (void)t;
    (void)mode;
    (void)depart_ms;
    for (size_t i = 0; i < from_n; i++)
        for (size_t j = 0; j < to_n; j++)
            out[i * to_n + j] = street(from[i], to[j]);
    *quality = TRAVEL_ROAD;
    return LC_OK;
}

static uint32_t
nothing(const struct travel *t, struct latlng a, struct latlng b, enum travel_mode mode)
{
    (void)t;
    (void)a;
    (void)b;
    (void)mode;
    return 0;
}

static const struct travel streets = {.matrix = streets_matrix, .lower_bound_s = nothing};

/* ---- one courier, and what it has accepted ---- */

struct scene {
    struct plan_order order[ORDERS];
    struct plan_courier courier;
    struct plan_restore_stop stop[STOPS];
    size_t n, fixed;
};

static void
scene_of(uint64_t seed, struct scene *c)
{
    *c = (struct scene){.courier = {.courier = 1,
                                    .mode = TRAVEL_BICYCLE,
                                    .capacity = {5, 0, 0},
                                    .shift_end_ms = DAWN_MS + 1000 * (3600 + below(&seed, 7200)),
                                    .open = true,
                                    .at = {1 + (int32_t)below(&seed, 1000000), 0},
                                    .at_ms = DAWN_MS}};
    size_t orders = 2 + below(&seed, ORDERS - 1);
    bool placed[STOPS] = {false}; /* [i] the pickup of order i, [ORDERS + i] its drop-off */

    for (size_t i = 0; i < orders; i++) {
        c->order[i] = (struct plan_order){
            .id = {{(uint8_t)(i + 1)}},
            .pickup = {1 + (int32_t)below(&seed, 1000000), 0},
            .dropoff = {1 + (int32_t)below(&seed, 1000000), 0},
            .ready_ms = DAWN_MS + 1000 * (int64_t)below(&seed, 1800),
            .promise_ms = DAWN_MS + 1000 * (int64_t)below(&seed, 7200),
            .load = {1 + below(&seed, 2), 0, 0},
            .pickup_s = below(&seed, 120),
            .dropoff_s = below(&seed, 120),
            .priority = (uint8_t)below(&seed, PLAN_PRIORITY_MAX + 1),
        };
        placed[i] = below(&seed, 3) == 0; /* its goods are aboard */
    }
    for (size_t left = 100; left > 0; left--) { /* a sequence by chance */
        size_t i = below(&seed, (uint32_t)orders);
        bool drop = placed[i];
        if (placed[ORDERS + i])
            continue;
        c->stop[c->n++] =
            (struct plan_restore_stop){&c->order[i], drop ? PLAN_DROPOFF : PLAN_PICKUP};
        placed[drop ? ORDERS + i : i] = true;
    }
    c->fixed = c->n > 0 && below(&seed, 2) == 0;
}

static void
play(struct plan *p, struct scene *c, const struct plan_restore_stop *stops)
{
    plan_clear(p);
    plan_time(p, DAWN_MS);
    CU_ASSERT_EQUAL(plan_courier_put(p, &c->courier), LC_OK);
    CU_ASSERT_EQUAL(plan_restore(p, 1, stops, c->n), LC_OK);
    CU_ASSERT_EQUAL(plan_courier_fix(p, 1, c->fixed, 0), LC_OK);
}

/* ---- every sequence ---- */

struct all {
    struct plan *plan; /* to try them in */
    struct scene *scene;
    struct plan_stop before[STOPS];
    struct plan_restore_stop sequence[STOPS];
    int64_t least;
};

static const struct plan_stop *
as_before(const struct all *a, const struct plan_stop *s)
{
    const struct plan_stop *b = a->before;

    while (b->kind != s->kind || !uuid_eq(b->order, s->order))
        b++;
    return b;
}

/* Nobody's promise, nor the shift, is broken by more than it was; nor the vehicle. */
static bool
allowed(const struct all *a, const struct plan_stop *now)
{
    const struct scene *c = a->scene;
    uint32_t load = 0;

    for (size_t k = 0; k < c->n; k++) { /* goods without a pickup are aboard */
        bool fetched = false;
        for (size_t i = 0; i < c->n; i++)
            fetched =
                fetched || (c->stop[i].kind == PLAN_PICKUP && c->stop[i].order == c->stop[k].order);
        load += fetched ? 0 : c->stop[k].order->load.items;
    }
    for (size_t k = 0; k < c->n; k++) {
        const struct plan_order *o = &c->order[now[k].order.b[0] - 1];
        const struct plan_stop *b = as_before(a, &now[k]);
        load = now[k].kind == PLAN_PICKUP ? load + o->load.items : load - o->load.items;
        if (now[k].kind == PLAN_PICKUP && k >= c->fixed && load > c->courier.capacity.items)
            return false;
        if (now[k].kind != PLAN_DROPOFF)
            continue;
        if ((now[k].arrive_ms > o->promise_ms && now[k].arrive_ms > b->arrive_ms) ||
            (now[k].leave_ms > c->courier.shift_end_ms && now[k].leave_ms > b->leave_ms))
            return false;
    }
    return true;
}

static void
try_all(struct all *a, size_t depth, uint32_t used)
{
    struct scene *c = a->scene;
    struct plan_stop now[STOPS];

    if (depth == c->n) {
        play(a->plan, c, a->sequence);
        CU_ASSERT_EQUAL(plan_schedule(a->plan, 1, now, STOPS), c->n);
        if (allowed(a, now) && plan_cost(a->plan) < a->least)
            a->least = plan_cost(a->plan);
        return;
    }
    for (size_t k = 0; k < c->n; k++) {
        bool early = depth == 0 && k != 0; /* the first stays where it is */
        for (size_t i = 0; i < k && c->stop[k].kind != PLAN_PICKUP; i++)
            early = early || (c->stop[i].order == c->stop[k].order && (used >> i & 1) == 0);
        if (early || (used >> k & 1) != 0)
            continue;
        a->sequence[depth] = c->stop[k];
        try_all(a, depth + 1, used | 1U << k);
    }
}

static void
test_plan_resequence_finds_the_cheapest_of_all_sequences(void)
{
    struct plan *p = plan_new(&streets), *other = plan_new(&streets);
    size_t better = 0, same = 0;

    CU_ASSERT_PTR_NOT_NULL_FATAL(p);
    CU_ASSERT_PTR_NOT_NULL_FATAL(other);
    for (uint64_t seed = 1; seed <= 300; seed++) {
        struct scene c;
        bool moved;
        scene_of(seed, &c);
        play(p, &c, c.stop);
        struct all a = {.plan = other, .scene = &c, .least = plan_cost(p)};
        int64_t before = a.least;
        CU_ASSERT_EQUAL(plan_schedule(p, 1, a.before, STOPS), c.n);
        try_all(&a, 0, 0);
        CU_ASSERT_EQUAL(plan_resequence(p, 1, before - a.least + 1, &moved), LC_OK);
        CU_ASSERT_FALSE(moved);
        CU_ASSERT_EQUAL(plan_cost(p), before);
        CU_ASSERT_EQUAL(plan_resequence(p, 1, 1, &moved), LC_OK);
        CU_ASSERT_EQUAL(plan_cost(p), a.least);
        CU_ASSERT_EQUAL(moved, a.least < before);
        better += moved;
        same += !moved;
    }
    plan_destroy(p);
    plan_destroy(other);
    CU_ASSERT(better > 100);
    CU_ASSERT(same > 25);
}

/* ---- a long way back and forth ---- */

static struct plan_order
along(uint8_t number, int32_t lng_e7)
{
    return (struct plan_order){.id = {{number}},
                               .pickup = {392800000, -766000000},
                               .dropoff = {392800000, -766000000 + lng_e7},
                               .ready_ms = DAWN_MS,
                               .promise_ms = DAWN_MS + 7200000,
                               .load = {1, 0, 0}};
}

/* Three aboard, the farthest first, then the nearest: the one between should come second. */
static struct plan *
to_and_fro(void)
{
    const struct plan_order o[] = {along(1, 300000), along(2, 50000), along(3, 200000)};
    const struct plan_restore_stop stops[] = {
        {&o[0], PLAN_DROPOFF}, {&o[1], PLAN_DROPOFF}, {&o[2], PLAN_DROPOFF}};
    const struct plan_courier c = {.courier = 1,
                                   .mode = TRAVEL_BICYCLE,
                                   .capacity = {5, 0, 0},
                                   .shift_end_ms = DAWN_MS + 36000000,
                                   .open = true,
                                   .at = {392800000, -766000000},
                                   .at_ms = DAWN_MS};
    struct plan *p = plan_new(travel_estimate());

    CU_ASSERT_PTR_NOT_NULL_FATAL(p);
    plan_time(p, DAWN_MS);
    CU_ASSERT_EQUAL(plan_courier_put(p, &c), LC_OK);
    CU_ASSERT_EQUAL(plan_restore(p, 1, stops, 3), LC_OK);
    return p;
}

static void
expect_sequence(struct plan *p, const char *numbers)
{
    struct plan_stop s[STOPS];

    CU_ASSERT_EQUAL_FATAL(plan_schedule(p, 1, s, STOPS), strlen(numbers));
    for (size_t k = 0; numbers[k] != '\0'; k++)
        CU_ASSERT_EQUAL(s[k].order.b[0], numbers[k] - '0');
}

static void
test_plan_resequence_keeps_the_stop_that_comes_next(void)
{
    struct plan *p = to_and_fro();
    bool moved;

    CU_ASSERT_EQUAL(plan_resequence(p, 1, 1, &moved), LC_OK);
    CU_ASSERT_TRUE(moved);
    expect_sequence(p, "132");
    CU_ASSERT_EQUAL(plan_resequence(p, 1, 1, &moved), LC_OK);
    CU_ASSERT_FALSE(moved);
    CU_ASSERT_EQUAL(plan_resequence(p, 2, 1, &moved), LC_ENOTFOUND);
    plan_destroy(p);
}

static void
test_plan_resequence_leaves_a_frozen_route_alone(void)
{
    struct plan *p = to_and_fro();
    bool moved;

    CU_ASSERT_EQUAL(plan_courier_freeze(p, 1, true), LC_OK);
    CU_ASSERT_EQUAL(plan_resequence(p, 1, 1, &moved), LC_OK);
    CU_ASSERT_FALSE(moved);
    expect_sequence(p, "123");
    plan_destroy(p);
}

UNIT_MAIN("plan resequence", UNIT(test_plan_resequence_finds_the_cheapest_of_all_sequences),
          UNIT(test_plan_resequence_keeps_the_stop_that_comes_next),
          UNIT(test_plan_resequence_leaves_a_frozen_route_alone))
