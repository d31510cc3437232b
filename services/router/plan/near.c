/* The cheapest place over all couriers without looking at all of them: those who could be best are
 * looked at first, and nobody who could not beat what has been found.
 *
 * How good a courier could be is bounded by straight lines over the plan's own times: nobody is at
 * the pickup before the earliest of its stops is left and the way over top speed is driven. That a
 * detour is never shorter than the way is taken for granted; where a map breaks it, an order may
 * miss a place that makes another customer's arrival earlier. */
#include "router/plan/plan_own.h"

#include <math.h>
#include <stdlib.h>

enum { BATCH = 8 };

struct bound {
    int64_t late_ms;
    int64_t cost;
    struct runner *runner;
};

static const double E7_M = 0.0111195; /* metres a 1e-7 degree of latitude */

static uint32_t
least(const struct travel *t, double metres, enum travel_mode mode)
{
    struct latlng a = {0, 0}, b = {(int32_t)(metres / E7_M), 0};
    uint32_t s = t->lower_bound_s(t, a, b, mode);
    uint32_t e = travel_estimate()->lower_bound_s(travel_estimate(), a, b, mode);

    return s < e ? s : e; /* the estimate stands in for a provider without an answer */
}

/* Bounds grow with the distance: a table of them saves a great circle a stop. */
void
near_init(struct plan *p)
{
    for (int mode = 0; mode < TRAVEL_MODES; mode++)
        for (int k = 1; k < PLAN_CROW_STEPS; k++)
            p->crow_s[mode][k] = least(p->travel, k * PLAN_CROW_M, (enum travel_mode)mode);
}

/* What the straight line is measured with around the pickup. */
struct plane {
    struct latlng at;
    double lng; /* metres a 1e-7 degree of longitude, rather too few */
};

static struct plane
plane_at(struct latlng at)
{
    double degrees = fmin(90, fabs(at.lat_e7 / 1e7) + 0.5);

    return (struct plane){at, E7_M * cos(degrees * 0.017453292519943295)};
}

/* Metres in a straight line, rather too few: beyond half a degree of latitude by latitude alone. */
static double
line_m(const struct plane *q, struct latlng at)
{
    double y = fabs((double)at.lat_e7 - q->at.lat_e7) * E7_M;
    double x = fabs((double)at.lng_e7 - q->at.lng_e7) * q->lng;

    return y < 50000 && x < 200000 ? 0.99 * sqrt(x * x + y * y) : 0.99 * y;
}

static int64_t
crow_ms(const struct plan *p, double metres, enum travel_mode mode)
{
    double step = metres / PLAN_CROW_M;

    return 1000 *
           (int64_t)p->crow_s[mode][step < PLAN_CROW_STEPS ? (int)step : PLAN_CROW_STEPS - 1];
}

static struct bound
bound_of(struct plan *p, const struct task *t, struct runner *r, const struct plane *q,
         double across_m)
{
    struct bound b = {INT64_MAX, INT64_MAX, r};
    const struct plan_order *o = &t->in;
    int64_t across_ms = crow_ms(p, across_m, r->in.mode);

    if (r->stale) /* else the times are of an earlier now, and so not too late */
        route_compute(p, r);
    double here_m = line_m(q, r->fixed == 0 ? r->in.at : r->stops[r->fixed - 1].at);
    for (size_t i = r->fixed; i <= r->n; i++) {
        int64_t from = i > 0                     ? r->stops[i - 1].leave_ms
                       : p->now_ms > r->in.at_ms ? p->now_ms
                                                 : r->in.at_ms;
        int64_t in_ms = crow_ms(p, here_m, r->in.mode), more_ms = in_ms + across_ms;
        int64_t there = from + in_ms > o->ready_ms ? from + in_ms : o->ready_ms;
        int64_t door = there + 1000 * (int64_t)o->pickup_s + across_ms;
        int64_t late = door > o->promise_ms ? door - o->promise_ms : 0;
        double more_m = here_m + across_m;
        if (i < r->n) { /* there and on instead of straight on */
            here_m = line_m(q, r->stops[i].at);
            more_m += here_m - across_m - r->stops[i].leg_m;
            more_ms +=
                crow_ms(p, here_m, r->in.mode) - across_ms - 1000 * (int64_t)r->stops[i].leg_s;
        }
        int64_t cost = (door - p->now_ms) * PLAN_COST_DOOR +
                       (more_ms > 0 ? more_ms : 0) * PLAN_COST_TRAVEL +
                       (more_m > 0 ? (int64_t)more_m : 0) * PLAN_COST_METRE;
        b.late_ms = late < b.late_ms ? late : b.late_ms;
        b.cost = cost < b.cost ? cost : b.cost;
    }
    return b;
}

static bool
before(const struct bound *x, const struct bound *y)
{
    if (x->late_ms != y->late_ms)
        return x->late_ms < y->late_ms;
    if (x->cost != y->cost)
        return x->cost < y->cost;
    return x->runner->in.courier < y->runner->in.courier;
}

/* A heap, least first: only the few that are looked at get sorted. */
static void
sift(struct bound *heap, size_t n, size_t at)
{
    for (;;) {
        size_t least_at = at;
        for (size_t k = 2 * at + 1; k <= 2 * at + 2 && k < n; k++)
            if (before(&heap[k], &heap[least_at]))
                least_at = k;
        if (least_at == at)
            return;
        struct bound swap = heap[at];
        heap[at] = heap[least_at];
        heap[least_at] = swap;
        at = least_at;
    }
}

static struct runner *
pop(struct bound *heap, size_t *n)
{
    struct runner *r = heap[0].runner;

    heap[0] = heap[--*n];
    sift(heap, *n, 0);
    return r;
}

static bool
reserve(struct plan *p)
{
    if (p->n_runners <= p->room_bounds)
        return true;
    size_t room = p->room_runners;
    struct bound *bounds = realloc(p->bounds, room * sizeof *bounds);
    if (bounds == NULL)
        return false;
    p->bounds = bounds;
    p->room_bounds = room;
    return true;
}

struct choice {
    struct place *best;
    enum plan_verdict why;
};

static void
choose(void *ctx, struct runner *r, enum plan_verdict why, const struct place *at)
{
    struct choice *c = ctx;

    (void)r;
    if (at->runner != NULL && place_cheaper(at, c->best))
        *c->best = *at;
    else if (at->runner == NULL && why > c->why)
        c->why = why;
}

/* Nobody from this bound on can be better; one as good might have the lower number. */
static bool
beaten(const struct bound *b, const struct place *best)
{
    if (best->runner == NULL)
        return false;
    return b->late_ms > best->late_ms || (b->late_ms == best->late_ms && b->cost > best->cost);
}

enum lc_err
place_best(struct plan *p, struct task *t, struct place *best, enum plan_verdict *why)
{
    struct choice c = {best, PLAN_NO_COURIERS};
    struct plane q = plane_at(t->in.pickup);
    struct runner *batch[BATCH];
    double across_m = line_m(&q, t->in.dropoff);
    size_t n = 0;

    *best = (struct place){.runner = NULL};
    if (!reserve(p))
        return LC_ENOMEM;
    for (size_t i = 0; i < p->n_runners; i++) {
        enum plan_verdict v = place_judge(p, t, p->runners[i]);
        if (v == PLAN_FITS)
            p->bounds[n++] = bound_of(p, t, p->runners[i], &q, across_m);
        if (v > c.why)
            c.why = v;
    }
    for (size_t i = n / 2; i-- > 0;)
        sift(p->bounds, n, i);
    while (n > 0 && !beaten(&p->bounds[0], best)) {
        size_t k = 0;
        while (k < BATCH && n > 0 && !beaten(&p->bounds[0], best))
            batch[k++] = pop(p->bounds, &n);
        enum lc_err err = place_each(p, t, batch, k, choose, &c);
        if (err != LC_OK)
            return err;
    }
    if (best->runner != NULL)
        c.why = best->late_ms > 0 ? PLAN_LATE : PLAN_FITS;
    *why = c.why;
    return LC_OK;
}
