/* The plan, its couriers and its orders. */
#include "router/plan/live/live_own.h"

#include <stdlib.h>
#include <string.h>

struct live *
live_new(const struct live_travel *travel, const struct live_policy *policy, uint64_t seed)
{
    struct live *l = calloc(1, sizeof *l);

    if (l == NULL)
        return NULL;
    l->travel = *travel;
    l->policy = *policy;
    if (l->policy.near == 0)
        l->policy.near = 1;
    if (l->policy.bundles > LIVE_TRIP_ORDERS)
        l->policy.bundles = LIVE_TRIP_ORDERS;
    l->random = seed * 2862933555777941757U + 3037000493U;
    l->now = INT64_MIN / 8;
    l->clock = 1;
    return l;
}

void
live_destroy(struct live *l)
{
    if (l == NULL)
        return;
    free(l->riders);
    free(l->tasks);
    free(l->open);
    free(l->seen);
    free(l->near);
    free(l->demand);
    free(l->saved);
    free(l);
}

/* Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014. */
uint32_t
live_below(struct live *l, uint32_t n)
{
    uint64_t z = l->random += 0x9e3779b97f4a7c15U;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9U;
    z = (z ^ z >> 27) * 0x94d049bb133111ebU;
    return (uint32_t)(((z ^ z >> 31) >> 32) * n >> 32);
}

void
live_plan_task(struct live *l, uint32_t order)
{
    struct spot at = live_spot(l, order, false);

    if (at.courier != LIVE_NONE)
        live_put(l, order, &at);
}

/* A trip that can no longer be driven as planned: its orders are planned again one by one. */
static void
mend(struct live *l, uint32_t courier)
{
    struct rider *r = &l->riders[courier];

    live_restart(l, r);
    if (r->frozen || r->pose[r->bundles].t < LIVE_NEVER / 2)
        return;
    uint32_t order[LIVE_TRIP_ORDERS], n = r->trip.n;
    memcpy(order, r->trip.order, sizeof order);
    for (uint32_t i = 0; i < n; i++)
        live_take(l, order[i]);
    for (uint32_t i = 0; i < n; i++)
        live_plan_task(l, order[i]);
}

static int64_t
root(int64_t x)
{
    int64_t r = 0;

    for (int64_t bit = (int64_t)1 << 20; bit > 0; bit >>= 1)
        if ((r + bit) * (r + bit) <= x)
            r += bit;
    return r;
}

/* What a courier will have earned at the end of its shift, as all have earned so far today; as rare
 * events do, it spreads by the root. */
static void
expect_pay(struct live *l, struct rider *r)
{
    const struct live_policy *p = &l->policy;
    int64_t left = r->in.last_pickup - max_64(l->now, r->in.shift_start), hoped = 0;

    if (p->hour <= 0)
        return;
    if (left > 0)
        hoped = (l->earned + p->per_hour * 10) * left / (l->worked + 10 * p->hour);
    hoped = hoped * 3 / 4;
    r->over = r->earned + hoped - p->per_hour * (r->in.last_pickup - r->in.shift_start) / p->hour;
    r->spread = p->per_order + root(hoped * p->per_order) / 2;
}

/* Couriers who are free later than now plan as before, unless all has changed. */
static void
changed(struct live *l, bool all)
{
    l->clock++;
    for (uint32_t c = 0; c < l->n_riders; c++)
        if (l->riders[c].used) {
            expect_pay(l, &l->riders[c]);
            live_pay(l, &l->riders[c]);
        }
    for (uint32_t c = 0; c < l->n_riders; c++)
        if (l->riders[c].used && (all || l->riders[c].in.free_from < l->now))
            mend(l, c);
}

void
live_time(struct live *l, int64_t now)
{
    if (now <= l->now)
        return;
    for (uint32_t c = 0; c < l->n_riders; c++) {
        const struct live_courier *in = &l->riders[c].in;
        int64_t from = max_64(l->now, in->shift_start);
        int64_t to = now < in->last_pickup ? now : in->last_pickup;
        if (l->riders[c].used && to > from)
            l->worked += to - from;
    }
    l->now = now;
    changed(l, false);
}

void
live_travel_changed(struct live *l)
{
    for (size_t i = 0; i < l->n_open; i++)
        live_weigh(l, &l->tasks[l->open[i]]);
    changed(l, true);
}

/* ---- couriers ---- */

enum lc_err
live_courier_add(struct live *l, const struct live_courier *in, uint32_t *courier)
{
    uint32_t c = 0;

    while (c < l->n_riders && l->riders[c].used)
        c++;
    if (c == l->room_riders) {
        size_t room = l->room_riders == 0 ? 64 : l->room_riders * 2;
        struct rider *riders = realloc(l->riders, room * sizeof *riders);
        if (riders == NULL)
            return LC_ENOMEM;
        l->riders = riders;
        l->room_riders = room;
    }
    if (c == l->n_riders)
        l->n_riders++;
    l->riders[c] = (struct rider){.in = *in, .used = true, .fresh = true};
    expect_pay(l, &l->riders[c]);
    live_restart(l, &l->riders[c]);
    l->clock++;
    *courier = c;
    return LC_OK;
}

enum lc_err
live_courier_put(struct live *l, uint32_t courier, const struct live_courier *in)
{
    struct rider *r = live_rider(l, courier);

    if (r == NULL)
        return LC_ENOTFOUND;
    r->in = *in;
    l->clock++;
    expect_pay(l, r);
    mend(l, courier);
    return LC_OK;
}

enum lc_err
live_courier_drop(struct live *l, uint32_t courier)
{
    struct rider *r = live_rider(l, courier);

    if (r == NULL)
        return LC_ENOTFOUND;
    uint32_t n = r->trip.n, order[LIVE_TRIP_ORDERS];
    memcpy(order, r->trip.order, sizeof order);
    for (uint32_t i = 0; i < n; i++)
        live_take(l, order[i]);
    r->used = false;
    live_restart(l, r); /* what is remembered of it holds no more */
    l->clock++;
    for (size_t i = 0; i < l->n_tasks; i++)
        if (l->tasks[i].used && l->tasks[i].state == LIVE_CARRIED && l->tasks[i].courier == courier)
            l->tasks[i].courier = LIVE_NONE;
    for (uint32_t i = 0; i < n; i++)
        live_plan_task(l, order[i]);
    return LC_OK;
}

enum lc_err
live_freeze(struct live *l, uint32_t courier, bool frozen)
{
    struct rider *r = live_rider(l, courier);

    if (r == NULL)
        return LC_ENOTFOUND;
    r->frozen = frozen;
    mend(l, courier);
    return LC_OK;
}

/* ---- orders ---- */

/* What is known of its spots is forgotten. */
static void
forget_seen(struct live *l, uint32_t order)
{
    memset(l->seen + (size_t)order * SEEN, 0, SEEN * sizeof *l->seen);
}

static bool
reserve_tasks(struct live *l)
{
    size_t room = l->room_tasks == 0 ? 64 : l->room_tasks * 2;
    struct task *tasks = realloc(l->tasks, room * sizeof *tasks);

    if (tasks == NULL)
        return false;
    l->tasks = tasks;
    struct seen *seen = realloc(l->seen, room * SEEN * sizeof *seen);
    if (seen == NULL)
        return false;
    memset(seen + l->room_tasks * SEEN, 0, (room - l->room_tasks) * SEEN * sizeof *seen);
    l->seen = seen;
    uint32_t *open = realloc(l->open, room * sizeof *open);
    if (open == NULL)
        return false;
    l->open = open;
    memset(tasks + l->room_tasks, 0, (room - l->room_tasks) * sizeof *tasks);
    l->room_tasks = room;
    return true;
}

void
live_weigh(struct live *l, struct task *t)
{
    t->id = ++l->stamps;
    t->leg = way(l, t->in.pickup, t->in.dropoff);
    t->soonest = t->in.ready + t->in.pickup_after + t->leg + t->in.dropoff_before;
}

enum lc_err
live_order_add(struct live *l, const struct live_order *in, uint32_t *order)
{
    uint32_t o = 0;

    while (o < l->n_tasks && l->tasks[o].used)
        o++;
    if ((o == l->room_tasks && !reserve_tasks(l)) || !live_near_reserve(l, in->pickup) ||
        !live_demand_add(l, in->pickup))
        return LC_ENOMEM;
    if (o == l->n_tasks)
        l->n_tasks++;
    struct task *t = &l->tasks[o];
    *t = (struct task){
        .in = *in,
        .used = true,
        .courier = LIVE_NONE,
        .pin = LIVE_NONE,
        .open_at = (uint32_t)l->n_open,
        .use = t->use + 1,
    };
    live_weigh(l, t);
    forget_seen(l, o);
    l->open[l->n_open++] = o;
    l->pool += weight(t);
    live_kin_add(l, o);
    live_plan_task(l, o);
    *order = o;
    return LC_OK;
}

/* No longer among the open ones. */
void
live_close(struct live *l, uint32_t order)
{
    struct task *t = &l->tasks[order];
    uint32_t last = l->open[--l->n_open];

    l->open[t->open_at] = last;
    l->tasks[last].open_at = t->open_at;
}

enum lc_err
live_order_drop(struct live *l, uint32_t order)
{
    struct task *t = live_task(l, order);

    if (t == NULL)
        return LC_ENOTFOUND;
    uint32_t courier = t->state == LIVE_PLANNED ? t->courier : LIVE_NONE;
    if (t->state != LIVE_CARRIED) {
        live_take(l, order);
        l->pool -= weight(t);
        live_close(l, order);
    }
    t->used = false;
    if (courier != LIVE_NONE)
        mend(l, courier); /* without it there may be no way */
    return LC_OK;
}

enum lc_err
live_order_ready(struct live *l, uint32_t order, int64_t ready)
{
    struct task *t = live_task(l, order);

    if (t == NULL)
        return LC_ENOTFOUND;
    if (t->state == LIVE_CARRIED)
        return LC_ESTATE;
    t->in.ready = ready;
    live_weigh(l, t);
    forget_seen(l, order);
    if (t->state == LIVE_PLANNED)
        mend(l, t->courier);
    return LC_OK;
}

/* Of an order whose couriers are to be limited. */
static enum lc_err
movable(const struct live *l, const struct task *t)
{
    if (t == NULL)
        return LC_ENOTFOUND;
    if (t->state == LIVE_CARRIED || (t->state == LIVE_PLANNED && l->riders[t->courier].frozen))
        return LC_ESTATE;
    return LC_OK;
}

static void
plan_again(struct live *l, uint32_t order)
{
    struct task *t = &l->tasks[order];

    forget_seen(l, order);
    uint32_t courier = t->courier;
    if (t->state == LIVE_PLANNED && live_judge(l, t, courier) != LIVE_FITS) {
        live_take(l, order);
        mend(l, courier); /* without it there may be no way */
    }
    if (t->state == LIVE_POOL)
        live_plan_task(l, order);
}

enum lc_err
live_pin(struct live *l, uint32_t order, uint32_t courier)
{
    struct task *t = live_task(l, order);
    enum lc_err err = movable(l, t);

    if (err != LC_OK)
        return err;
    if (courier != LIVE_NONE && live_rider(l, courier) == NULL)
        return LC_ENOTFOUND;
    t->pin = courier;
    plan_again(l, order);
    return LC_OK;
}

enum lc_err
live_ban(struct live *l, uint32_t order, uint32_t courier)
{
    struct task *t = live_task(l, order);
    enum lc_err err = movable(l, t);

    if (err != LC_OK)
        return err;
    if (t->n_bans == LIVE_BANS)
        return LC_ETOOBIG;
    t->bans[t->n_bans++] = courier;
    plan_again(l, order);
    return LC_OK;
}
