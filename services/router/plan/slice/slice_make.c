/* Which part of the plan is looked at next, and that part as bytes.
 *
 *   job:     u32 SLICE_JOB, u64 seed, u32 iterations, i64 now_ms, u32 couriers, u32 orders;
 *            orders x order; couriers x courier
 *   order:   16 bytes id; pickup, drop-off (each i32 lat, i32 lng); i64 ready_ms, promise_ms;
 *            u32 items, g, ml, pickup_s, dropoff_s; u8 flags (1 age check, 2 cold, 4 locked,
 *            8 carried, times 16: priority); u32 pinned; u32 n, n x u32 courier that may not have
 * it courier: u32 number, u8 mode, u8 flags (1 adult, 2 cold box, 4 open, 8 frozen), u32 items, g,
 *            ml; i64 shift_end_ms; i32 lat, lng; i64 at_ms, arrived_ms; u32 fixed; u64 version;
 *            u32 stops, stops x (u8 kind, u32 order) */
#include "router/plan/slice/slice_own.h"

#include <math.h>
#include <stdlib.h>

enum { POOL_LOOK = 2000, POOL_MAX = 16 };

struct near_runner {
    double m2; /* square metres to the nearest of its points */
    size_t index;
};

struct choice {
    struct near_runner runners[SLICE_COURIERS_MAX]; /* a heap, farthest first, then sorted */
    size_t n;
    size_t max;
    struct task *tasks[SLICE_ORDERS_MAX];
    size_t n_tasks;
};

static double
square_m(struct latlng a, struct latlng b, double lng_m)
{
    double y = ((double)a.lat_e7 - b.lat_e7) * 0.0111195;
    double x = ((double)a.lng_e7 - b.lng_e7) * lng_m;

    return x * x + y * y;
}

static bool
closer(const struct near_runner *a, const struct near_runner *b)
{
    return a->m2 != b->m2 ? a->m2 < b->m2 : a->index < b->index;
}

static void
sift(struct choice *c, size_t at)
{
    for (;;) {
        size_t most = at;
        for (size_t k = 2 * at + 1; k <= 2 * at + 2 && k < c->n; k++)
            if (closer(&c->runners[most], &c->runners[k]))
                most = k;
        if (most == at)
            return;
        struct near_runner swap = c->runners[at];
        c->runners[at] = c->runners[most];
        c->runners[most] = swap;
        at = most;
    }
}

static void
offer_runner(struct choice *c, struct near_runner r)
{
    if (c->n < c->max) {
        c->runners[c->n++] = r;
        if (c->n == c->max)
            for (size_t i = c->n / 2; i-- > 0;)
                sift(c, i);
    } else if (closer(&r, &c->runners[0])) {
        c->runners[0] = r;
        sift(c, 0);
    }
}

static bool
is_free(const struct task *t)
{
    return !t->locked && !task_on_hold(t);
}

/* The couriers who come nearest to the place, whatever they are doing. */
static void
choose_runners(struct plan *p, struct choice *c, struct latlng around, const struct runner *must)
{
    double lng_m = 0.0111195 * cos(around.lat_e7 / 1e7 * 0.017453292519943295);

    for (size_t i = 0; i < p->n_runners; i++) {
        const struct runner *r = p->runners[i];
        struct near_runner near = {square_m(r->in.at, around, lng_m), i};
        if (!r->in.open || r->in.frozen || r->n > SLICE_STOPS_MAX)
            continue;
        for (size_t k = 0; k < r->n; k++) {
            double m2 = square_m(r->stops[k].at, around, lng_m);
            near.m2 = m2 < near.m2 ? m2 : near.m2;
        }
        near.m2 = r == must ? -1 : near.m2;
        offer_runner(c, near);
    }
}

static int
by_index(const void *a, const void *b)
{
    const struct near_runner *x = a, *y = b;

    return x->index < y->index ? -1 : x->index > y->index;
}

static bool
put_task(struct choice *c, struct task *t)
{
    if (t->slot < c->n_tasks && c->tasks[t->slot] == t)
        return true;
    if (c->n_tasks == SLICE_ORDERS_MAX)
        return false;
    t->slot = (uint32_t)c->n_tasks;
    c->tasks[c->n_tasks++] = t;
    return true;
}

/* The orders of as many of these couriers as there is room for, nearest first. */
static void
choose_tasks(struct plan *p, struct choice *c)
{
    struct near_runner in[SLICE_COURIERS_MAX];
    size_t all = c->n, n = 0;

    for (size_t i = 0; i < all; i++)
        in[i] = c->runners[i];
    for (size_t i = 0; i < all; i++) { /* few: by insertion */
        size_t k = i;
        struct near_runner r = in[i];
        for (; k > 0 && closer(&r, &in[k - 1]); k--)
            in[k] = in[k - 1];
        in[k] = r;
    }
    for (size_t i = 0; i < all; i++) {
        const struct runner *r = p->runners[in[i].index];
        size_t left = SLICE_ORDERS_MAX - POOL_MAX - c->n_tasks;
        if (r->n > left) /* a stop is an order at most */
            continue;
        for (size_t k = 0; k < r->n; k++)
            put_task(c, r->stops[k].task);
        c->runners[n++] = in[i];
    }
    c->n = n;
    qsort(c->runners, n, sizeof *c->runners, by_index); /* by number: ties are as in the plan */
}

static void
choose_pool(struct plan *p, struct choice *c, struct task *from)
{
    size_t n = 0;

    if (from->runner == NULL)
        n += put_task(c, from);
    if (p->pool == 0)
        return;
    struct task *t = from;
    for (size_t look = 0; look < POOL_LOOK && n < POOL_MAX && t != NULL; look++) {
        if (t->runner == NULL && is_free(t) && t != from)
            n += put_task(c, t);
        t = t->hh.next;
    }
}

/* The next free order, in turn; NULL = there is none. Those of the slice before count as looked
 * at, so that the next is elsewhere. */
static struct task *
next_task(struct plan *p)
{
    struct task *t = task_find(p, p->slice_at);

    for (int pass = 0; pass < 3; pass++) {
        for (t = pass == 0 && t != NULL ? t : p->tasks; t != NULL; t = t->hh.next)
            if (is_free(t) && t->sliced <= p->sliced)
                return t;
        p->sliced += pass < 2; /* a round is over */
    }
    return NULL;
}

/* ---- as bytes ---- */

static void
put_at(struct buf *b, struct latlng at)
{
    buf_u32(b, (uint32_t)at.lat_e7);
    buf_u32(b, (uint32_t)at.lng_e7);
}

static void
put_order(const struct plan *p, struct buf *b, const struct task *t)
{
    const struct plan_order *o = &t->in;
    uint32_t n = 0;

    buf_append(b, o->id.b, sizeof o->id.b);
    put_at(b, o->pickup);
    put_at(b, o->dropoff);
    buf_u64(b, (uint64_t)o->ready_ms);
    buf_u64(b, (uint64_t)o->promise_ms);
    buf_u32(b, o->load.items);
    buf_u32(b, o->load.g);
    buf_u32(b, o->load.ml);
    buf_u32(b, o->pickup_s);
    buf_u32(b, o->dropoff_s);
    buf_u8(b, (uint8_t)((o->age_check ? 1 : 0) | (o->cold ? 2 : 0) | (t->locked ? 4 : 0) |
                        (t->carried ? 8 : 0) | o->priority << 4));
    buf_u32(b, t->rule == NULL ? 0 : t->rule->pinned);
    for (size_t i = 0; i < t->n_bans; i++)
        n += t->bans[i].until_ms > p->now_ms;
    buf_u32(b, n + (t->rule == NULL ? 0 : (uint32_t)t->rule->n_banned));
    for (size_t i = 0; i < t->n_bans; i++)
        if (t->bans[i].until_ms > p->now_ms)
            buf_u32(b, t->bans[i].courier);
    for (size_t i = 0; t->rule != NULL && i < t->rule->n_banned; i++)
        buf_u32(b, t->rule->banned[i]);
}

static void
put_courier(struct buf *b, const struct runner *r)
{
    const struct plan_courier *c = &r->in;

    buf_u32(b, c->courier);
    buf_u8(b, (uint8_t)c->mode);
    buf_u8(b, (uint8_t)((c->adult_trained ? 1 : 0) | (c->cold_box ? 2 : 0) | (c->open ? 4 : 0) |
                        (c->frozen ? 8 : 0)));
    buf_u32(b, c->capacity.items);
    buf_u32(b, c->capacity.g);
    buf_u32(b, c->capacity.ml);
    buf_u64(b, (uint64_t)c->shift_end_ms);
    put_at(b, c->at);
    buf_u64(b, (uint64_t)c->at_ms);
    buf_u64(b, (uint64_t)r->arrived_ms);
    buf_u32(b, (uint32_t)r->fixed);
    buf_u64(b, r->version);
    buf_u32(b, (uint32_t)r->n);
    for (size_t k = 0; k < r->n; k++) {
        buf_u8(b, (uint8_t)r->stops[k].kind);
        buf_u32(b, r->stops[k].task->slot);
    }
}

bool
plan_slice_make(struct plan *p, const struct plan_slice_options *o, struct buf *out)
{
    struct choice c = {.n = 0};
    struct task *seed = next_task(p);
    size_t free_n = 0;

    if (seed == NULL || o->iterations == 0)
        return false;
    c.max = o->couriers < 2                    ? 2
            : o->couriers < SLICE_COURIERS_MAX ? o->couriers
                                               : SLICE_COURIERS_MAX;
    choose_runners(p, &c, seed->in.pickup, seed->runner);
    choose_tasks(p, &c);
    choose_pool(p, &c, seed);
    seed->sliced = p->sliced + 1;
    p->slice_at = seed->in.id;
    for (size_t i = 0; i < c.n_tasks; i++)
        if (is_free(c.tasks[i])) {
            c.tasks[i]->sliced = p->sliced + 1;
            free_n++;
        }
    if (free_n == 0 || c.n == 0)
        return false;
    buf_u32(out, SLICE_JOB);
    buf_u64(out, o->seed);
    buf_u32(out, o->iterations);
    buf_u64(out, (uint64_t)p->now_ms);
    buf_u32(out, (uint32_t)c.n);
    buf_u32(out, (uint32_t)c.n_tasks);
    for (size_t i = 0; i < c.n_tasks; i++)
        put_order(p, out, c.tasks[i]);
    for (size_t i = 0; i < c.n; i++)
        put_courier(out, p->runners[c.runners[i].index]);
    return !out->failed;
}

uint64_t
plan_changes(const struct plan *p)
{
    return p->changes;
}
