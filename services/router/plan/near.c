/* The cheapest place over all couriers without looking at all of them: those who could be best are
 * looked at first, and nobody who could not beat what has been found.
 *
 * How good a courier could be is bounded by straight lines over the plan's own times: nobody is at
 * the pickup before the earliest of its stops is left and the way over top speed is driven. A
 * detour may be shorter than the way it replaces, on streets as in tests: then the stops behind it
 * are reached earlier by the difference at most, and that is taken off the bound for each customer
 * there. So the place is the one that looking at everybody finds. */
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

    return t->lower_bound_s(t, a, b, mode);
}

/* Bounds grow with the distance: a table of them saves a great circle a stop. */
void
near_init(struct plan *p)
{
    for (int mode = 0; mode < TRAVEL_MODES; mode++)
        for (int k = 1; k < PLAN_CROW_STEPS; k++) {
            uint32_t own = least(p->travel, k * PLAN_CROW_M, (enum travel_mode)mode);
            uint32_t e = least(p->estimate, k * PLAN_CROW_M, (enum travel_mode)mode);
            p->crow_s[0][mode][k] = own < e ? own : e; /* single legs are estimated */
            p->crow_s[1][mode][k] = e;
        }
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
    int64_t step = (int64_t)(metres / PLAN_CROW_M);
    const uint32_t *crow_s = p->crow_s[p->by != p->travel][mode];

    return 1000 * (int64_t)crow_s[step < PLAN_CROW_STEPS ? step : PLAN_CROW_STEPS - 1];
}

/* Walks a route from its end to its first free place. */
struct bounder {
    struct plan *p;
    const struct plan_order *o;
    const struct runner *r;
    const struct plane *pickup, *dropoff;
    double across_m;
    int64_t across_ms;
    /* behind the place in hand: */
    int64_t weight;   /* what an earlier ms saves with the customers there, at most */
    int64_t aside_ms; /* what a drop-off there adds to the way, at least */
    double aside_m;
    int64_t aside_gain; /* what it saves with the customers, at most */
};

static int64_t
least_i64(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t
most_i64(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static struct latlng
node_at(const struct runner *r, size_t k)
{
    return k == 0 ? r->in.at : r->stops[k - 1].at;
}

/* Seconds are whole: so much may be lost where a straight line is made of several. */
enum { ROUND_MS = 1000, ROUND_M = 2 };

/* The pickup before stop i, the drop-off anywhere behind: how late and how dear, at least. */
static void
bound_place(const struct bounder *b, size_t i, struct bound *out)
{
    const struct runner *r = b->r;
    int64_t idle_ms = most_i64(b->p->now_ms, r->in.at_ms);
    int64_t from_ms = i > 0 ? r->stops[i - 1].leave_ms : idle_ms;
    double way_m = line_m(b->pickup, node_at(r, i));
    int64_t way_ms = crow_ms(b->p, way_m, r->in.mode);
    int64_t there_ms = most_i64(from_ms + way_ms, b->o->ready_ms) + 1000 * (int64_t)b->o->pickup_s;
    int64_t door_ms = there_ms + b->across_ms, gain = 0;

    if (i < r->n) { /* there and on instead of straight on */
        double on_m = line_m(b->pickup, r->stops[i].at);
        int64_t on_ms = crow_ms(b->p, on_m, r->in.mode) - 2 * ROUND_MS;
        int64_t leg_ms = 1000 * (int64_t)r->stops[i].leg_s;
        int64_t legs = (int64_t)(r->n - i) + 1;
        door_ms = there_ms + most_i64(0, b->across_ms - legs * ROUND_MS);
        gain = most_i64(0, from_ms + leg_ms - there_ms - on_ms) * b->weight + b->aside_gain;
        way_ms += on_ms - leg_ms + least_i64(0, b->aside_ms);
        way_m += on_m - ROUND_M - r->stops[i].leg_m + fmin(0, b->aside_m);
    } else {
        way_ms += b->across_ms;
        way_m += b->across_m - ROUND_M;
    }
    out->late_ms = least_i64(out->late_ms, most_i64(0, door_ms - b->o->promise_ms));
    out->cost = least_i64(out->cost, (door_ms - b->p->now_ms) * PLAN_COST_DOOR - gain +
                                         way_ms * PLAN_COST_TRAVEL +
                                         (int64_t)floor(way_m * PLAN_COST_METRE));
}

/* Stop x comes to what is behind. */
static void
bound_behind(struct bounder *b, size_t x)
{
    const struct runner *r = b->r;
    const struct stop *s = &r->stops[x];
    int64_t leg_ms = 1000 * (int64_t)s->leg_s;
    double out_m = line_m(b->dropoff, node_at(r, x)), on_m = line_m(b->dropoff, s->at);
    int64_t aside_ms = crow_ms(b->p, out_m, r->in.mode) + crow_ms(b->p, on_m, r->in.mode) - leg_ms;
    int64_t earlier_ms = most_i64(0, -aside_ms - 1000 * (int64_t)b->o->dropoff_s);

    if (s->kind == PLAN_DROPOFF)
        b->weight += PLAN_COST_DOOR + (s->arrive_ms > s->task->in.promise_ms ? PLAN_COST_LATE : 0);
    b->aside_ms = least_i64(b->aside_ms, aside_ms);
    b->aside_m = fmin(b->aside_m, out_m + on_m - ROUND_M - s->leg_m);
    b->aside_gain = most_i64(b->aside_gain, earlier_ms * b->weight);
}

static struct bound
bound_of(struct plan *p, const struct task *t, struct runner *r, const struct plane *pickup,
         const struct plane *dropoff, double across_m)
{
    struct bound out = {INT64_MAX, INT64_MAX, r};
    struct bounder b = {.p = p,
                        .o = &t->in,
                        .r = r,
                        .pickup = pickup,
                        .dropoff = dropoff,
                        .across_m = across_m,
                        .across_ms = crow_ms(p, across_m, r->in.mode)};

    route_compute(p, r);
    bound_place(&b, r->n, &out);
    for (size_t i = r->n; i-- > r->fixed;) {
        struct bounder next = b;
        bound_behind(&next, i);
        b.weight = next.weight; /* the drop-off comes behind stop i at the earliest */
        bound_place(&b, i, &out);
        b = next;
    }
    return out;
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

static enum lc_err
search(struct plan *p, struct task *t, struct place *best, enum plan_verdict *why)
{
    struct choice c = {best, PLAN_NO_COURIERS};
    struct plane pickup = plane_at(t->in.pickup), dropoff = plane_at(t->in.dropoff);
    struct runner *batch[BATCH];
    double across_m = line_m(&pickup, t->in.dropoff);
    size_t n = 0;

    *best = (struct place){.runner = NULL};
    for (size_t i = 0; i < p->n_runners; i++) {
        enum plan_verdict v = place_judge(p, t, p->runners[i]);
        if (v == PLAN_FITS)
            p->bounds[n++] = bound_of(p, t, p->runners[i], &pickup, &dropoff, across_m);
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
    best->estimate = p->by != p->travel;
    *why = c.why;
    return LC_OK;
}

enum lc_err
place_best(struct plan *p, struct task *t, struct place *best, enum plan_verdict *why)
{
    if (!reserve(p))
        return LC_ENOMEM;
    place_begin(p, t);
    enum lc_err err = search(p, t, best, why);
    /* perhaps somebody who was at a place off the map can come */
    bool again = err == LC_EIO || (err == LC_OK && best->runner == NULL && p->blind);
    if (again && place_again(p))
        err = search(p, t, best, why);
    p->searched[best->estimate || p->travel == p->estimate]++;
    place_end(p);
    return err;
}
