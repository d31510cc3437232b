/* The plan and its orders. */
#include "router/plan/plan_own.h"

#include <assert.h>
#include <stdlib.h>

struct plan *
plan_new(const struct travel *travel)
{
    struct plan *p = calloc(1, sizeof *p);

    if (p == NULL)
        return NULL;
    p->travel = p->by = travel;
    p->estimate = travel_estimate();
    near_init(p);
    return p;
}

void
plan_travel(struct plan *p, const struct travel *travel, const struct travel *estimate)
{
    p->travel = p->by = travel;
    p->estimate = estimate;
    near_init(p);
    for (size_t i = 0; i < p->n_runners; i++)
        route_legs(p, p->runners[i]);
    p->changes++;
}

uint64_t
plan_searched(const struct plan *p, enum travel_quality quality)
{
    return p->searched[quality == TRAVEL_ESTIMATE];
}

void
task_free(struct plan *p, struct task *t)
{
    p->pool -= t->runner == NULL;
    HASH_DEL(p->tasks, t);
    free(t->bans);
    free(t);
}

void
plan_clear(struct plan *p)
{
    struct task *t, *next;

    HASH_ITER(hh, p->tasks, t, next)
    task_free(p, t);
    for (size_t i = 0; i < p->n_runners; i++)
        runner_destroy(p->runners[i]);
    p->n_runners = 0;
    rules_clear(p);
}

void
plan_destroy(struct plan *p)
{
    if (p == NULL)
        return;
    plan_clear(p);
    free(p->runners);
    free(p->points);
    free(p->unknown);
    free(p->cells);
    free(p->bounds);
    free(p);
}

void
plan_time(struct plan *p, int64_t now_ms)
{
    if (now_ms > p->now_ms)
        p->now_ms = now_ms;
}

struct task *
task_find(struct plan *p, struct uuid id)
{
    struct task *t;

    HASH_FIND(hh, p->tasks, id.b, sizeof id.b, t);
    return t;
}

void
task_to_pool(struct plan *p, struct task *t)
{
    if (t->runner == NULL)
        return;
    route_erase_task(p, t);
    t->runner = NULL;
    t->locked = false;
    t->why = PLAN_CLOSED;
    p->pool++;
}

/* ---- orders ---- */

enum lc_err
task_add(struct plan *p, const struct plan_order *o, struct task **out)
{
    bool map_failed = false;

    if (!geo_valid(o->pickup) || !geo_valid(o->dropoff) || o->priority > PLAN_PRIORITY_MAX)
        return LC_EINVAL;
    if (task_find(p, o->id) != NULL)
        return LC_EEXIST;
    struct task *t = calloc(1, sizeof *t);
    if (t == NULL)
        return LC_ENOMEM;
    t->in = *o;
    t->rule = rule_find(p, o->id);
    HASH_ADD(hh, p->tasks, in.id, sizeof t->in.id, t);
    if (map_failed) {
        free(t);
        return LC_ENOMEM;
    }
    p->pool++;
    p->changes++;
    *out = t;
    return LC_OK;
}

static void
describe(struct plan *p, struct task *t, struct plan_placement *out)
{
    struct runner *r = t->runner;
    size_t k;

    *out = (struct plan_placement){.placed = r != NULL, .locked = t->locked, .why = t->why};
    if (r == NULL)
        return;
    route_compute(p, r);
    out->courier = r->in.courier;
    if (route_find(r, t, PLAN_PICKUP, &k))
        out->pickup_ms = r->stops[k].arrive_ms;
    if (!route_find(r, t, PLAN_DROPOFF, &k))
        return;
    out->dropoff_ms = r->stops[k].arrive_ms;
    if (out->dropoff_ms > t->in.promise_ms)
        out->late_ms = out->dropoff_ms - t->in.promise_ms;
    out->why = out->late_ms > 0 ? PLAN_LATE : PLAN_FITS;
}

enum lc_err
plan_insert(struct plan *p, const struct plan_order *o, struct plan_placement *out)
{
    struct place best;
    struct task *t;
    enum lc_err err = task_add(p, o, &t);

    if (err != LC_OK)
        return err;
    best.runner = NULL;
    if (task_on_hold(t))
        t->why = PLAN_HELD;
    else
        err = place_best(p, t, &best, &t->why);
    if (err == LC_OK && best.runner != NULL) {
        err = place_apply(p, t, &best);
        p->pool -= err == LC_OK;
    }
    if (err == LC_OK)
        describe(p, t, out);
    else
        task_free(p, t);
    return err;
}

enum lc_err
plan_remove(struct plan *p, struct uuid order)
{
    struct task *t = task_find(p, order);

    if (t == NULL)
        return LC_ENOTFOUND;
    task_to_pool(p, t);
    task_free(p, t);
    return LC_OK;
}

enum lc_err
plan_lock(struct plan *p, struct uuid order)
{
    struct task *t = task_find(p, order);

    if (t == NULL)
        return LC_ENOTFOUND;
    if (t->runner == NULL)
        return LC_ESTATE;
    t->locked = true;
    route_changed(p, t->runner);
    return LC_OK;
}

enum lc_err
plan_release(struct plan *p, struct uuid order)
{
    struct task *t = task_find(p, order);

    if (t == NULL)
        return LC_ENOTFOUND;
    if (t->carried)
        return LC_ESTATE;
    task_to_pool(p, t);
    return LC_OK;
}

enum lc_err
plan_ban(struct plan *p, struct uuid order, uint32_t courier, int64_t until_ms)
{
    struct task *t = task_find(p, order);

    if (t == NULL)
        return LC_ENOTFOUND;
    for (size_t i = 0; i < t->n_bans; i++)
        if (t->bans[i].courier == courier || t->bans[i].until_ms <= p->now_ms) {
            t->bans[i] = (struct ban){courier, until_ms};
            return LC_OK;
        }
    struct ban *bans = realloc(t->bans, (t->n_bans + 1) * sizeof *bans);
    if (bans == NULL)
        return LC_ENOMEM;
    bans[t->n_bans++] = (struct ban){courier, until_ms};
    t->bans = bans;
    return LC_OK;
}

void
task_take_along(struct task *t)
{
    struct plan_load *c = &t->runner->carried;
    const struct plan_load *l = &t->in.load;

    *c = (struct plan_load){c->items + l->items, c->g + l->g, c->ml + l->ml};
    t->carried = true;
    t->locked = true;
    t->runner->stale = true;
}

/* A courier that goes another way than planned has no room for all that was to come between. */
static void
relieve(struct plan *p, struct runner *r)
{
    if (route_overloaded(p, r))
        runner_free_to_pool(p, r);
}

enum lc_err
plan_picked_up(struct plan *p, struct uuid order)
{
    struct task *t = task_find(p, order);
    size_t k;

    if (t == NULL)
        return LC_ENOTFOUND;
    if (t->runner == NULL)
        return LC_ESTATE;
    if (t->carried)
        return LC_OK;
    if (route_find(t->runner, t, PLAN_PICKUP, &k))
        route_erase(p, t->runner, k);
    task_take_along(t);
    route_changed(p, t->runner);
    relieve(p, t->runner);
    return LC_OK;
}

enum lc_err
plan_turn_back(struct plan *p, struct uuid order)
{
    struct task *t = task_find(p, order);
    size_t k;

    if (t == NULL)
        return LC_ENOTFOUND;
    if (!t->carried)
        return LC_ESTATE;
    if (!route_find(t->runner, t, PLAN_DROPOFF, &k))
        return LC_OK;
    struct runner *r = t->runner;
    r->stops[k].kind = PLAN_RETURN;
    if (k < r->fixed) {
        r->fixed = k;
        r->arrived_ms = 0;
    }
    route_leg(p, r, k);
    route_leg(p, r, k + 1);
    route_changed(p, r);
    return LC_OK;
}

enum lc_err
plan_front(struct plan *p, struct uuid order)
{
    struct task *t = task_find(p, order);
    size_t k = 0;

    if (t == NULL)
        return LC_ENOTFOUND;
    if (t->runner == NULL)
        return LC_ESTATE;
    struct runner *r = t->runner;
    while (r->stops[k].task != t)
        k++;
    if (k == 0)
        return LC_OK;
    enum plan_stop_kind kind = r->stops[k].kind;
    route_erase(p, r, k);
    r->fixed = 0;
    r->arrived_ms = 0;
    route_insert(p, r, 0, t, kind);
    relieve(p, r);
    return LC_OK;
}

enum lc_err
plan_ready(struct plan *p, struct uuid order, int64_t ready_ms)
{
    struct task *t = task_find(p, order);

    if (t == NULL)
        return LC_ENOTFOUND;
    t->in.ready_ms = ready_ms;
    if (t->runner != NULL)
        route_changed(p, t->runner);
    return LC_OK;
}

enum lc_err
plan_find(struct plan *p, struct uuid order, struct plan_placement *out)
{
    struct task *t = task_find(p, order);

    if (t == NULL)
        return LC_ENOTFOUND;
    describe(p, t, out);
    return LC_OK;
}

size_t
plan_pool_size(const struct plan *p)
{
    return p->pool;
}
