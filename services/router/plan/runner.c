/* Couriers of the plan, and routes that come from elsewhere. */
#include "router/plan/plan_own.h"

#include <stdlib.h>

size_t
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
runner_destroy(struct runner *r)
{
    free(r->stops);
    free(r);
}

void
runner_free_to_pool(struct plan *p, struct runner *r)
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

    if (!geo_valid(c->at) || c->capacity.items == 0 || (int)c->mode < 0 ||
        (int)c->mode >= TRAVEL_MODES)
        return LC_EINVAL;
    if (r == NULL)
        r = runner_add(p, c->courier);
    if (r == NULL)
        return LC_ENOMEM;
    r->in = *c;
    /* what the courier has become may not carry what it was to carry: think again */
    runner_free_to_pool(p, r);
    route_legs(p, r);
    route_changed(p, r);
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
    p->changes += r->in.open != open;
    r->in.open = open;
    if (!open)
        runner_free_to_pool(p, r);
    return LC_OK;
}

enum lc_err
plan_courier_freeze(struct plan *p, uint32_t courier, bool frozen)
{
    struct runner *r = runner_find(p, courier);

    if (r == NULL)
        return LC_ENOTFOUND;
    p->changes += r->in.frozen != frozen;
    r->in.frozen = frozen;
    if (frozen)
        runner_free_to_pool(p, r);
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
    if (r->fixed != n)
        route_changed(p, r);
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
    runner_free_to_pool(p, r);
    while (r->n > 0) {
        struct task *t = r->stops[0].task;
        route_erase_task(p, t);
        task_free(p, t);
    }
    memmove(p->runners + i, p->runners + i + 1, (p->n_runners - i - 1) * sizeof(struct runner *));
    p->n_runners--;
    runner_destroy(r);
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
            task_take_along(t);
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
