/* Couriers and orders: what is where. */
#include "router/plan/plan_own.h"

#include <assert.h>
#include <stdlib.h>

struct plan *
plan_new(const struct travel *travel)
{
    struct plan *p = calloc(1, sizeof *p);

    if (p != NULL)
        p->travel = travel;
    return p;
}

static void
task_free(struct plan *p, struct task *t)
{
    p->pool -= t->runner == NULL;
    HASH_DEL(p->tasks, t);
    free(t->bans);
    free(t);
}

static void
runner_free(struct runner *r)
{
    free(r->stops);
    free(r);
}

void
plan_clear(struct plan *p)
{
    struct task *t, *next;

    HASH_ITER(hh, p->tasks, t, next)
        task_free(p, t);
    for (size_t i = 0; i < p->n_runners; i++)
        runner_free(p->runners[i]);
    p->n_runners = 0;
}

void
plan_destroy(struct plan *p)
{
    if (p == NULL)
        return;
    plan_clear(p);
    free(p->runners);
    free(p->points);
    free(p->cells);
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

/* Where the courier is, or would be, in the sorted array. */
static size_t
runner_index(const struct plan *p, uint32_t courier)
{
    size_t low = 0, high = p->n_runners;

    while (low < high) {
        size_t mid = (low + high) / 2;
        if (p->runners[mid]->in.courier < courier)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

struct runner *
runner_find(struct plan *p, uint32_t courier)
{
    size_t i = runner_index(p, courier);

    return i < p->n_runners && p->runners[i]->in.courier == courier ? p->runners[i] : NULL;
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

/* ---- couriers ---- */

static void
free_to_pool(struct plan *p, struct runner *r)
{
    for (size_t k = r->n; k-- > 0;)
        if (k < r->n && !r->stops[k].task->locked)
            task_to_pool(p, r->stops[k].task);
}

static struct runner *
runner_add(struct plan *p, uint32_t courier)
{
    if (p->n_runners == p->room_runners) {
        size_t room = p->room_runners == 0 ? 32 : p->room_runners * 2;
        struct runner **list = realloc(p->runners, room * sizeof *list);
        if (list == NULL)
            return NULL;
        p->runners = list;
        p->room_runners = room;
    }
    struct runner *r = calloc(1, sizeof *r);
    if (r == NULL)
        return NULL;
    size_t i = runner_index(p, courier);
    memmove(p->runners + i + 1, p->runners + i, (p->n_runners - i) * sizeof(struct runner *));
    p->runners[i] = r;
    p->n_runners++;
    return r;
}

enum lc_err
plan_courier_put(struct plan *p, const struct plan_courier *c)
{
    struct runner *r = runner_find(p, c->courier);

    if (!geo_valid(c->at) || c->capacity.items == 0 || (int)c->mode < 0 || (int)c->mode >= TRAVEL_MODES)
        return LC_EINVAL;
    if (r == NULL)
        r = runner_add(p, c->courier);
    if (r == NULL)
        return LC_ENOMEM;
    r->in = *c;
    /* what the courier has become may not carry what it was to carry: think again */
    free_to_pool(p, r);
    for (size_t k = 0; k < r->n; k++)
        route_leg(p, r, k);
    r->stale = true;
    return LC_OK;
}

enum lc_err
plan_courier_move(struct plan *p, uint32_t courier, struct latlng at, int64_t at_ms)
{
    struct runner *r = runner_find(p, courier);

    if (r == NULL)
        return LC_ENOTFOUND;
    if (!geo_valid(at))
        return LC_EINVAL;
    r->in.at = at;
    r->in.at_ms = at_ms;
    route_leg(p, r, 0);
    r->stale = true;
    return LC_OK;
}

enum lc_err
plan_courier_open(struct plan *p, uint32_t courier, bool open)
{
    struct runner *r = runner_find(p, courier);

    if (r == NULL)
        return LC_ENOTFOUND;
    r->in.open = open;
    if (!open)
        free_to_pool(p, r);
    return LC_OK;
}

enum lc_err
plan_courier_fix(struct plan *p, uint32_t courier, size_t n, int64_t arrived_ms)
{
    struct runner *r = runner_find(p, courier);

    if (r == NULL)
        return LC_ENOTFOUND;
    if (n > r->n)
        return LC_ESTATE;
    for (size_t k = 0; k < n; k++)
        if (!r->stops[k].task->locked)
            return LC_ESTATE;
    r->fixed = n;
    r->arrived_ms = n > 0 ? arrived_ms : 0;
    r->stale = true;
    return LC_OK;
}

enum lc_err
plan_courier_drop(struct plan *p, uint32_t courier)
{
    size_t i = runner_index(p, courier);
    struct runner *r = runner_find(p, courier);

    if (r == NULL)
        return LC_ENOTFOUND;
    free_to_pool(p, r);
    while (r->n > 0) {
        struct task *t = r->stops[0].task;
        route_erase_task(p, t);
        task_free(p, t);
    }
    memmove(p->runners + i, p->runners + i + 1, (p->n_runners - i - 1) * sizeof(struct runner *));
    p->n_runners--;
    runner_free(r);
    return LC_OK;
}

size_t
plan_schedule(struct plan *p, uint32_t courier, struct plan_stop *out, size_t max)
{
    struct runner *r = runner_find(p, courier);

    if (r == NULL)
        return 0;
    route_compute(p, r);
    for (size_t k = 0; k < r->n && k < max; k++) {
        const struct stop *s = &r->stops[k];
        out[k] = (struct plan_stop){
            .order = s->task->in.id,
            .kind = s->kind,
            .locked = s->task->locked,
            .at = stop_at(s),
            .leg_s = s->leg_s,
            .arrive_ms = s->arrive_ms,
            .start_ms = s->start_ms,
            .leave_ms = s->leave_ms,
        };
    }
    return r->n;
}

/* ---- orders ---- */

static enum lc_err
task_add(struct plan *p, const struct plan_order *o, struct task **out)
{
    bool map_failed = false;

    if (!geo_valid(o->pickup) || !geo_valid(o->dropoff))
        return LC_EINVAL;
    if (task_find(p, o->id) != NULL)
        return LC_EEXIST;
    struct task *t = calloc(1, sizeof *t);
    if (t == NULL)
        return LC_ENOMEM;
    t->in = *o;
    HASH_ADD(hh, p->tasks, in.id, sizeof t->in.id, t);
    if (map_failed) {
        free(t);
        return LC_ENOMEM;
    }
    p->pool++;
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
    return LC_OK;
}

/* A free stop must not stand among the fixed ones. */
static void
unfix(struct task *t)
{
    struct runner *r = t->runner;

    for (size_t k = 0; k < r->fixed; k++)
        if (r->stops[k].task == t) {
            r->fixed = k;
            r->arrived_ms = k == 0 ? 0 : r->arrived_ms;
            r->stale = true;
        }
}

enum lc_err
plan_unlock(struct plan *p, struct uuid order)
{
    struct task *t = task_find(p, order);

    if (t == NULL)
        return LC_ENOTFOUND;
    if (t->runner == NULL || t->carried)
        return LC_ESTATE;
    unfix(t);
    t->locked = false;
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

static void
take_along(struct task *t)
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
        free_to_pool(p, r);
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
    take_along(t);
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
        t->runner->stale = true;
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

/* ---- restoring ---- */

static bool
restorable(const struct plan_restore_stop *stops, size_t n, size_t k)
{
    for (size_t i = 0; i < n; i++) {
        bool same = i != k && uuid_eq(stops[i].order->id, stops[k].order->id);
        if (same && stops[i].kind == stops[k].kind)
            return false; /* twice */
        if (same && stops[k].kind == PLAN_PICKUP)
            return i > k;
        if (same && stops[i].kind != PLAN_PICKUP)
            return false; /* to the customer and back */
    }
    return stops[k].kind != PLAN_PICKUP;
}

static enum lc_err
restore_checks(struct plan *p, const struct runner *r, const struct plan_restore_stop *stops,
               size_t n)
{
    if (r == NULL)
        return LC_ENOTFOUND;
    if (r->n > 0)
        return LC_ESTATE;
    for (size_t k = 0; k < n; k++) {
        if (!restorable(stops, n, k))
            return LC_EINVAL;
        if (task_find(p, stops[k].order->id) != NULL)
            return LC_ESTATE;
    }
    return LC_OK;
}

/* The task, known from its pickup or new: then it is carried. */
static enum lc_err
restore_stop(struct plan *p, struct runner *r, const struct plan_restore_stop *s)
{
    struct task *t = task_find(p, s->order->id);

    if (t == NULL) {
        enum lc_err err = task_add(p, s->order, &t);
        if (err != LC_OK)
            return err;
        p->pool--;
        t->runner = r;
        t->locked = true;
        if (s->kind != PLAN_PICKUP)
            take_along(t);
    }
    route_insert(p, r, r->n, t, s->kind);
    return LC_OK;
}

enum lc_err
plan_restore(struct plan *p, uint32_t courier, const struct plan_restore_stop *stops, size_t n)
{
    struct runner *r = runner_find(p, courier);
    enum lc_err err = restore_checks(p, r, stops, n);

    if (err != LC_OK)
        return err;
    if (!route_reserve(r, n))
        return LC_ENOMEM;
    for (size_t k = 0; k < n && err == LC_OK; k++)
        err = restore_stop(p, r, &stops[k]);
    while (err != LC_OK && r->n > 0) {
        struct task *t = r->stops[0].task;
        route_erase_task(p, t);
        task_free(p, t);
    }
    return err;
}

size_t
plan_pool_size(const struct plan *p)
{
    return p->pool;
}
