/* Random days with people's rulings and slices that improve the plan beside it, events in every
 * order: what must always hold, does. LC_DAYS=N plays N days instead of 200, LC_DAY=S one. */
#include "plan_day.h"
#include "router/plan/plan_own.h"
#include "router/plan/slice/slice.h"

enum { EVENTS = 220, ITERATIONS = 25 };

/* ---- people ---- */

static void
rule(struct day *d, size_t o)
{
    uint32_t banned[COURIERS];
    struct plan_ruling r = {.pinned = d->pinned[o], .held = d->held[o], .banned = banned};
    struct plan_placement at;

    for (uint32_t c = 1; c <= COURIERS; c++)
        if ((d->banned[o] & 1U << c) != 0)
            banned[r.n_banned++] = c;
    CU_ASSERT_EQUAL(plan_rule(d->plan, id_of(o), &r), LC_OK);
    if (d->life[o] != LOCKED)
        return;
    CU_ASSERT_EQUAL(plan_find(d->plan, id_of(o), &at), LC_OK);
    if (plan_ruled(d->plan, id_of(o), at.courier) == PLAN_FITS)
        return;
    CU_ASSERT_EQUAL(plan_release(d->plan, id_of(o)), LC_OK); /* as the router does */
    d->life[o] = FREE;
}

static void
event_ruling(struct day *d)
{
    uint32_t c = 1 + below(&d->seed, COURIERS);
    size_t o = d->n_orders; /* not known yet */

    if (o == ORDERS || (below(&d->seed, 4) != 0 && !any_order(d, FREE, LOCKED, &o)))
        return;
    switch (below(&d->seed, 4)) {
    case 0:
        d->pinned[o] = d->pinned[o] != 0 || (d->banned[o] & 1U << c) != 0 ? 0 : c;
        break;
    case 1:
        if (d->pinned[o] != c)
            d->banned[o] ^= 1U << c;
        break;
    case 2:
        d->held[o] = !d->held[o];
        break;
    default:
        d->pinned[o] = d->banned[o] = d->held[o] = 0;
        break;
    }
    rule(d, o);
}

static void
event_freeze(struct day *d)
{
    size_t i = below(&d->seed, COURIERS);

    if (d->courier[i].courier == 0)
        return;
    d->frozen[i] = !d->frozen[i];
    CU_ASSERT_EQUAL(plan_courier_freeze(d->plan, d->courier[i].courier, d->frozen[i]), LC_OK);
}

static bool
allowed(const struct day *d, size_t o, size_t i)
{
    return !d->held[o] && (d->pinned[o] == 0 || d->pinned[o] == i + 1) &&
           (d->banned[o] & 1U << (i + 1)) == 0;
}

static void
check_people(const struct day *d, const struct picture *p)
{
    for (size_t i = 0; i < COURIERS; i++)
        for (size_t k = 0; k < p->n[i]; k++) {
            size_t o = index_of(p->stop[i][k].order);
            if (d->life[o] == FREE)
                CU_ASSERT(!d->frozen[i]);
            if (d->life[o] == FREE || d->life[o] == LOCKED)
                CU_ASSERT(allowed(d, o, i));
        }
}

/* ---- slices ---- */

static struct {
    size_t runs, orders, placed, refused;
} done; /* that the tests test something */

static bool
same_stop(const struct plan_stop *a, const struct plan_stop *b)
{
    return uuid_eq(a->order, b->order) && a->kind == b->kind;
}

/* Locked stops keep their sequence, fixed ones their places, frozen couriers everything. */
static void
check_bound(const struct day *d, const struct picture *before, const struct picture *after)
{
    for (size_t i = 0; i < COURIERS; i++) {
        const struct runner *r = runner_find(d->plan, (uint32_t)i + 1);
        size_t k = 0;
        if (d->courier[i].courier == 0)
            continue;
        if (d->frozen[i])
            CU_ASSERT_EQUAL(before->n[i], after->n[i]);
        for (size_t x = 0; x < r->fixed; x++)
            CU_ASSERT(same_stop(&before->stop[i][x], &after->stop[i][x]));
        for (size_t b = 0; b < before->n[i]; b++) {
            if (!before->stop[i][b].locked)
                continue;
            while (k < after->n[i] && !after->stop[i][k].locked)
                k++;
            CU_ASSERT_FATAL(k < after->n[i]);
            CU_ASSERT(same_stop(&before->stop[i][b], &after->stop[i][k]));
            k++;
        }
    }
}

static const struct plan_stop *
drop_of(const struct picture *p, size_t o, size_t *courier)
{
    for (size_t i = 0; i < COURIERS; i++)
        for (size_t k = 0; k < p->n[i]; k++)
            if (p->stop[i][k].kind == PLAN_DROPOFF && index_of(p->stop[i][k].order) == o) {
                *courier = i;
                return &p->stop[i][k];
            }
    return NULL;
}

/* Nobody's promise is broken anew, nobody is sent back to wait, who moved may be where it is. */
static void
check_customers(const struct day *d, const struct picture *before, const struct picture *after)
{
    for (size_t o = 0; o < d->n_orders; o++) {
        size_t from, to;
        const struct plan_stop *was = drop_of(before, o, &from), *is = drop_of(after, o, &to);
        int64_t promise_ms = d->order[o].promise_ms;
        CU_ASSERT(was == NULL || is != NULL);
        if (is == NULL)
            continue;
        if (was != NULL && was->arrive_ms <= promise_ms)
            CU_ASSERT(is->arrive_ms <= promise_ms);
        if (was != NULL && was->locked && was->arrive_ms > promise_ms)
            CU_ASSERT(is->arrive_ms <= was->arrive_ms);
        if (was == NULL || from != to) {
            CU_ASSERT(!is->locked && d->courier[to].open && !d->frozen[to]);
            CU_ASSERT(is->leave_ms <= d->courier[to].shift_end_ms);
        }
    }
}

static void
begin_slice(struct day *d)
{
    struct plan_slice_options o = {.couriers = 2 + below(&d->seed, COURIERS),
                                   .iterations = 1 + below(&d->seed, ITERATIONS),
                                   .seed = chance(&d->seed)};
    struct buf job = {0}, again = {0};

    if (plan_slice_make(d->plan, &o, &job)) {
        CU_ASSERT_EQUAL(plan_slice_run(&jumbled, travel_estimate(), buf_slice(&job), &d->slice),
                        LC_OK);
        CU_ASSERT_EQUAL(plan_slice_run(&jumbled, travel_estimate(), buf_slice(&job), &again),
                        LC_OK);
        CU_ASSERT(slice_eq(buf_slice(&d->slice), buf_slice(&again)));
    }
    buf_free(&job);
    buf_free(&again);
}

/* at_once: nothing has happened since it was made. */
static void
end_slice(struct day *d, bool broken, bool at_once)
{
    struct picture before, after;
    struct plan_slice_applied got;
    int64_t cost = plan_cost(d->plan);
    size_t pool = plan_pool_size(d->plan);

    look(d, &before);
    enum lc_err err = plan_slice_apply(d->plan, buf_slice(&d->slice), &got);
    CU_ASSERT(err == LC_OK || (broken && err == LC_EINVAL));
    if (at_once && !broken)
        CU_ASSERT_EQUAL(got.refused, 0);
    if (err == LC_OK) {
        done.runs++;
        done.orders += got.orders;
        done.placed += got.placed;
        done.refused += got.refused;
    }
    look(d, &after);
    check_bound(d, &before, &after);
    check_customers(d, &before, &after);
    CU_ASSERT(plan_pool_size(d->plan) <= pool);
    if (plan_pool_size(d->plan) == pool)
        CU_ASSERT(plan_cost(d->plan) <= cost);
    buf_reset(&d->slice);
}

/* One is under way while other things happen; now and then its bytes come back broken. */
static void
event_slice(struct day *d)
{
    bool broken = below(&d->seed, 8) == 0;

    if (d->slice.n == 0) {
        begin_slice(d);
        if (d->slice.n > 0 && below(&d->seed, 3) == 0)
            end_slice(d, false, true);
        return;
    }
    for (uint32_t n = broken ? 1 + below(&d->seed, 3) : 0; n > 0; n--)
        d->slice.p[below(&d->seed, (uint32_t)d->slice.n)] = (char)chance(&d->seed);
    end_slice(d, broken, false);
}

/* ---- days ---- */

static void
live(struct day *d, uint64_t seed)
{
    day_begin(d, seed * 104729);
    for (size_t i = 0; i < EVENTS; i++) {
        struct picture p;
        uint32_t what = below(&d->seed, 16);
        if (what < 4)
            event_order(d);
        else if (what < 6)
            event_progress(d);
        else if (what == 6)
            event_trouble(d);
        else if (what == 7)
            event_courier(d);
        else if (what == 8)
            event_time(d);
        else if (what < 11)
            event_ruling(d);
        else if (what == 11)
            event_freeze(d);
        else
            event_slice(d);
        look(d, &p);
        check_all(d, &p);
        check_people(d, &p);
    }
}

static void
test_days_keep_every_rule(void)
{
    const char *one = getenv("LC_DAY"), *many = getenv("LC_DAYS");
    uint64_t first = one == NULL ? 1 : strtoull(one, NULL, 10);
    uint64_t days = one != NULL ? 1 : many == NULL ? 200 : strtoull(many, NULL, 10);

    for (uint64_t seed = first; seed < first + days; seed++) {
        struct day d;
        unsigned failed = CU_get_number_of_failures();
        live(&d, seed);
        plan_destroy(d.plan);
        buf_free(&d.slice);
        if (CU_get_number_of_failures() > failed) {
            printf("LC_DAY=%llu\n", (unsigned long long)seed);
            return;
        }
    }
    if (one == NULL) {
        CU_ASSERT(done.runs > 10 * days && done.orders > 10 * days);
        CU_ASSERT(done.placed > 0 && done.refused > days);
    }
    printf("%zu slices, %zu orders moved, %zu of them from the pool, %zu routes refused\n",
           done.runs, done.orders, done.placed, done.refused);
}

static void
test_days_of_one_seed_are_the_same(void)
{
    for (uint64_t seed = 1; seed <= 10; seed++) {
        static struct picture x, y;
        struct day a, b;
        live(&a, seed);
        live(&b, seed);
        memset(&x, 0, sizeof x);
        memset(&y, 0, sizeof y);
        look(&a, &x);
        look(&b, &y);
        /* NOLINTNEXTLINE(bugprone-suspicious-memory-comparison): what is between members is 0 */
        CU_ASSERT_EQUAL(memcmp(&x, &y, sizeof x), 0);
        plan_destroy(a.plan);
        plan_destroy(b.plan);
        buf_free(&a.slice);
        buf_free(&b.slice);
    }
}

/* Most of the couriers of a slice are often idle: their routes are all alike, and must not be taken
 * for each other. */
static void
test_slices_tell_idle_couriers_apart(void)
{
    enum { MANY = 48 };
    struct plan *p = plan_new(travel_estimate());
    struct plan_slice_applied got;
    uint64_t seed = 5;
    size_t moved = 0;

    CU_ASSERT_PTR_NOT_NULL_FATAL(p);
    plan_time(p, DAWN_MS);
    for (uint32_t c = 1; c <= MANY; c++) {
        struct plan_courier in = {.courier = c,
                                  .mode = TRAVEL_BICYCLE,
                                  .capacity = {6, 0, 0},
                                  .shift_end_ms = DAWN_MS + 14400000,
                                  .open = true,
                                  .at = somewhere(&seed),
                                  .at_ms = DAWN_MS};
        CU_ASSERT_EQUAL(plan_courier_put(p, &in), LC_OK);
    }
    for (size_t i = 0; i < 400; i++) {
        struct plan_slice_options o = {.couriers = MANY, .iterations = 60, .seed = i};
        struct plan_order order = {.id = id_of(i),
                                   .pickup = somewhere(&seed),
                                   .dropoff = somewhere(&seed),
                                   .ready_ms = DAWN_MS + 1000 * (int64_t)below(&seed, 1200),
                                   .promise_ms = DAWN_MS + 7200000,
                                   .load = {1, 0, 0}};
        struct plan_placement at;
        struct buf job = {0}, result = {0};
        int64_t cost;
        CU_ASSERT_EQUAL(plan_insert(p, &order, &at), LC_OK);
        if (i >= 20)
            CU_ASSERT_EQUAL(plan_remove(p, id_of(i - 20)), LC_OK);
        cost = plan_cost(p);
        CU_ASSERT_TRUE(plan_slice_make(p, &o, &job));
        CU_ASSERT_EQUAL(
            plan_slice_run(travel_estimate(), travel_estimate(), buf_slice(&job), &result), LC_OK);
        CU_ASSERT_EQUAL(plan_slice_apply(p, buf_slice(&result), &got), LC_OK);
        CU_ASSERT_EQUAL(got.refused, 0);
        CU_ASSERT_EQUAL(plan_cost(p), cost - got.gain);
        moved += got.orders;
        buf_free(&job);
        buf_free(&result);
    }
    CU_ASSERT(moved > 50);
    plan_destroy(p);
}

UNIT_MAIN("plan_days", UNIT(test_slices_tell_idle_couriers_apart), UNIT(test_days_keep_every_rule),
          UNIT(test_days_of_one_seed_are_the_same))
