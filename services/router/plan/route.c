/* A courier's route as an array of stops: times forward, slack backward, loads. */
#include "router/plan/plan_own.h"

#include <assert.h>
#include <stdlib.h>

struct latlng
stop_at(const struct stop *s)
{
    return s->kind == PLAN_DROPOFF ? s->task->in.dropoff : s->task->in.pickup;
}

static int64_t
service_ms(const struct stop *s)
{
    return 1000 * (int64_t)(s->kind == PLAN_PICKUP ? s->task->in.pickup_s : s->task->in.dropoff_s);
}

static int64_t
latest_64(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static void
forward(struct plan *p, struct runner *r)
{
    int64_t t = r->fixed > 0 ? r->in.at_ms : latest_64(p->now_ms, r->in.at_ms);
    struct plan_load load = r->carried;

    for (size_t k = 0; k < r->n; k++) {
        struct stop *s = &r->stops[k];
        const struct plan_load *l = &s->task->in.load;
        bool driving = k == 0 && r->fixed > 0;

        s->arrive_ms = t + 1000 * (int64_t)s->leg_s;
        if (driving)
            s->arrive_ms = r->arrived_ms > 0 ? r->arrived_ms : latest_64(s->arrive_ms, p->now_ms);
        s->start_ms =
            s->kind == PLAN_PICKUP ? latest_64(s->arrive_ms, s->task->in.ready_ms) : s->arrive_ms;
        s->leave_ms = s->start_ms + service_ms(s);
        if (driving)
            s->leave_ms = latest_64(s->leave_ms, p->now_ms);
        t = s->leave_ms;
        if (s->kind == PLAN_PICKUP)
            load = (struct plan_load){load.items + l->items, load.g + l->g, load.ml + l->ml};
        else
            load = (struct plan_load){load.items - l->items, load.g - l->g, load.ml - l->ml};
        s->load = load;
    }
}

/* A promise or shift end that is broken already must only not get worse. */
static int64_t
own_latest_ms(const struct runner *r, const struct stop *s)
{
    int64_t by;

    if (s->kind != PLAN_DROPOFF)
        return NEVER_MS;
    by = r->in.shift_end_ms - service_ms(s);
    if (s->task->in.promise_ms < by)
        by = s->task->in.promise_ms;
    return latest_64(by, s->start_ms);
}

static void
backward(struct runner *r)
{
    for (size_t k = r->n; k-- > 0;) {
        struct stop *s = &r->stops[k];
        s->own_ms = own_latest_ms(r, s);
        s->latest_ms = s->own_ms;
        if (k + 1 == r->n)
            continue;
        int64_t by = s[1].latest_ms - 1000 * (int64_t)s[1].leg_s - (s->leave_ms - s->start_ms);
        if (by < s->latest_ms)
            s->latest_ms = by;
    }
}

void
route_changed(struct plan *p, struct runner *r)
{
    r->version = ++p->changes;
    r->stale = true;
}

void
route_compute(struct plan *p, struct runner *r)
{
    if (!r->stale && r->computed_ms == p->now_ms)
        return;
    r->sight.seen = r->sight.seen && !r->stale;
    forward(p, r);
    backward(r);
    r->stale = false;
    r->computed_ms = p->now_ms;
}

bool
route_overloaded(struct plan *p, struct runner *r)
{
    const struct plan_load *c = &r->in.capacity;

    route_compute(p, r);
    for (size_t k = 0; k < r->n; k++) {
        const struct plan_load *l = &r->stops[k].load;
        if (l->items > c->items || (c->g > 0 && l->g > c->g) || (c->ml > 0 && l->ml > c->ml))
            return true;
    }
    return false;
}

int64_t
door_cost(const struct plan *p, const struct stop *s, int64_t arrive_ms)
{
    int64_t late_ms = arrive_ms - s->task->in.promise_ms;

    return ((arrive_ms - p->now_ms) * PLAN_COST_DOOR +
            (late_ms > 0 ? late_ms : 0) * PLAN_COST_LATE) *
           task_weight(s->task);
}

int64_t
route_cost(struct plan *p, struct runner *r)
{
    int64_t cost = 0;

    route_compute(p, r);
    for (size_t k = 0; k < r->n; k++) {
        const struct stop *s = &r->stops[k];
        cost += 1000 * (int64_t)s->leg_s * PLAN_COST_TRAVEL + (int64_t)s->leg_m * PLAN_COST_METRE;
        if (s->kind == PLAN_DROPOFF)
            cost += door_cost(p, s, s->arrive_ms);
    }
    return cost;
}

bool
route_reserve(struct runner *r, size_t more)
{
    if (r->n + more <= r->room)
        return true;
    size_t room = r->room == 0 ? 8 : r->room * 2;
    while (room < r->n + more)
        room *= 2;
    struct stop *stops = realloc(r->stops, room * sizeof *stops);
    if (stops == NULL)
        return false;
    r->stops = stops;
    r->room = room;
    return true;
}

/* The way to stop `at`. A provider without an answer, or without a way for a route that is driven
 * anyway, is replaced by the estimate. */
void
route_leg(struct plan *p, struct runner *r, size_t at)
{
    struct travel_cell cell = {TRAVEL_UNREACHABLE, TRAVEL_UNREACHABLE};
    enum travel_quality quality;

    if (at >= r->n)
        return;
    struct latlng from = at == 0 ? r->in.at : stop_at(&r->stops[at - 1]);
    struct latlng to = stop_at(&r->stops[at]);
    r->stops[at].at = to;
    enum lc_err err =
        p->travel->matrix(p->travel, &from, 1, &to, 1, r->in.mode, p->now_ms, &cell, &quality);
    if (err != LC_OK || cell.seconds == TRAVEL_UNREACHABLE)
        err = p->estimate->matrix(p->estimate, &from, 1, &to, 1, r->in.mode, p->now_ms, &cell,
                                  &quality);
    assert(err == LC_OK); /* all points were checked when they came in */
    (void)err;
    r->stops[at].leg_s = cell.seconds;
    r->stops[at].leg_m = cell.metres;
    r->stale = true;
}

void
route_legs(struct plan *p, struct runner *r)
{
    for (size_t k = 0; k < r->n; k++)
        route_leg(p, r, k);
}

void
routes_estimate(struct plan *p)
{
    for (size_t i = 0; i < p->n_runners; i++) {
        struct runner *r = p->runners[i];
        struct latlng from = r->in.at;
        for (size_t k = 0; k < r->n; k++) {
            struct stop *s = &r->stops[k];
            struct travel_cell cell = {s->leg_s, s->leg_m};
            enum travel_quality quality;
            enum lc_err err = p->estimate->matrix(p->estimate, &from, 1, &s->at, 1, r->in.mode,
                                                  p->now_ms, &cell, &quality);
            assert(err == LC_OK); /* all points were checked when they came in */
            (void)err;
            s->kept_s = s->leg_s;
            s->kept_m = s->leg_m;
            s->leg_s = cell.seconds;
            s->leg_m = cell.metres;
            from = s->at;
        }
        r->stale = true;
    }
}

void
routes_restore(struct plan *p)
{
    for (size_t i = 0; i < p->n_runners; i++) {
        struct runner *r = p->runners[i];
        for (size_t k = 0; k < r->n; k++) {
            r->stops[k].leg_s = r->stops[k].kept_s;
            r->stops[k].leg_m = r->stops[k].kept_m;
        }
        r->stale = true;
    }
}

void
route_insert(struct plan *p, struct runner *r, size_t at, struct task *t, enum plan_stop_kind kind)
{
    assert(r->n < r->room && at <= r->n);
    memmove(r->stops + at + 1, r->stops + at, (r->n - at) * sizeof *r->stops);
    r->stops[at] = (struct stop){.task = t, .kind = kind};
    r->n++;
    route_leg(p, r, at);
    route_leg(p, r, at + 1);
    route_changed(p, r);
}

void
route_erase(struct plan *p, struct runner *r, size_t at)
{
    memmove(r->stops + at, r->stops + at + 1, (r->n - at - 1) * sizeof *r->stops);
    r->n--;
    if (at == 0)
        r->arrived_ms = 0;
    if (at < r->fixed)
        r->fixed--;
    route_leg(p, r, at);
    route_changed(p, r);
}

bool
route_find(const struct runner *r, const struct task *t, enum plan_stop_kind kind, size_t *at)
{
    for (size_t k = 0; k < r->n; k++)
        if (r->stops[k].task == t && r->stops[k].kind == kind) {
            *at = k;
            return true;
        }
    return false;
}

void
route_erase_task(struct plan *p, struct task *t)
{
    struct runner *r = t->runner;

    for (size_t k = r->n; k-- > 0;)
        if (r->stops[k].task == t)
            route_erase(p, r, k);
    if (t->carried) {
        const struct plan_load *l = &t->in.load;
        r->carried = (struct plan_load){r->carried.items - l->items, r->carried.g - l->g,
                                        r->carried.ml - l->ml};
    }
    r->stale = true;
}
