/* One courier's stops in the cheapest sequence, accepted ones among them: all sequences of the next
 * few, cut short where they cost too much already (branch and bound). */
#include "router/plan/plan_own.h"

#include <stdlib.h>

enum { SEQUENCED = 8, NODES = SEQUENCED + 2 }; /* stops; with where it starts and what follows */

struct sequences {
    struct plan *p;
    struct runner *r;
    size_t at, n; /* stops [at, at + n) may change their sequence */
    size_t first; /* the locked stop that the courier is going to: ahead of all locked ones */
    bool follows; /* something stays behind them */
    struct travel_cell cell[(SEQUENCED + 1) * (SEQUENCED + 1)];
    size_t columns;
    size_t now[SEQUENCED], best[SEQUENCED]; /* which stop in which place, from `at` on */
    int64_t least;                          /* cost of the best */
    bool found;
};

/* Behind how much of the sequence? */
struct moment {
    int64_t t;
    int64_t cost;
    struct plan_load load;
};

/* This stop next. False: no promise, shift or vehicle may be broken for it. */
static bool
go_on(const struct sequences *q, const struct stop *s, struct travel_cell way, struct moment *m)
{
    const struct plan_load *l = &s->task->in.load;
    int64_t arrive_ms = m->t + 1000 * (int64_t)way.seconds;
    int64_t start_ms = s->kind == PLAN_PICKUP && s->task->in.ready_ms > arrive_ms
                           ? s->task->in.ready_ms
                           : arrive_ms;
    int64_t leave_ms = start_ms + 1000 * (int64_t)(s->kind == PLAN_PICKUP ? s->task->in.pickup_s
                                                                          : s->task->in.dropoff_s);

    if (way.seconds == TRAVEL_UNREACHABLE)
        return false;
    m->cost += 1000 * (int64_t)way.seconds * PLAN_COST_TRAVEL + way.metres * PLAN_COST_METRE;
    m->t = leave_ms;
    if (s->kind == PLAN_PICKUP) {
        if (place_too_much(q->r, &m->load, l))
            return false;
        m->load =
            (struct plan_load){m->load.items + l->items, m->load.g + l->g, m->load.ml + l->ml};
        return true;
    }
    m->load = (struct plan_load){m->load.items - l->items, m->load.g - l->g, m->load.ml - l->ml};
    if (s->kind == PLAN_RETURN)
        return true;
    int64_t late_ms = arrive_ms - s->task->in.promise_ms;
    if ((late_ms > 0 && arrive_ms > s->arrive_ms) ||
        (leave_ms > q->r->in.shift_end_ms && leave_ms > s->leave_ms))
        return false;
    m->cost += door_cost(q->p, s, arrive_ms);
    return true;
}

/* Those that stay behind, as they are. */
static bool
finish(struct sequences *q, size_t last, struct moment m)
{
    for (size_t x = q->at + q->n; x < q->r->n; x++) {
        const struct stop *s = &q->r->stops[x];
        struct travel_cell way = {s->leg_s, s->leg_m};
        if (x == q->at + q->n)
            way = q->cell[(last + 1) * q->columns + q->n];
        if (!go_on(q, s, way, &m))
            return false;
    }
    if (m.cost >= q->least)
        return false;
    q->least = m.cost;
    return true;
}

/* May stop k come now, when those of `used` have been? */
static bool
may_come(const struct sequences *q, size_t k, uint32_t used)
{
    const struct stop *s = &q->r->stops[q->at + k];

    if ((used >> k & 1) != 0)
        return false;
    if (s->task->locked && q->first >= q->at && q->at + k != q->first &&
        (used >> (q->first - q->at) & 1) == 0)
        return false;
    for (size_t i = 0; i < q->n && s->kind != PLAN_PICKUP; i++)
        if (i != k && q->r->stops[q->at + i].task == s->task && (used >> i & 1) == 0)
            return false; /* its pickup first */
    return true;
}

static void
extend(struct sequences *q, size_t depth, uint32_t used, size_t last, const struct moment *m)
{
    if (depth == q->n) {
        if (finish(q, last, *m)) {
            memcpy(q->best, q->now, sizeof q->best);
            q->found = true;
        }
        return;
    }
    for (size_t k = 0; k < q->n; k++) {
        struct moment then = *m;
        size_t node = depth == 0 ? 0 : last + 1;
        if (!may_come(q, k, used) ||
            !go_on(q, &q->r->stops[q->at + k], q->cell[node * q->columns + k], &then) ||
            then.cost >= q->least)
            continue;
        q->now[depth] = k;
        extend(q, depth + 1, used | 1U << k, k, &then);
    }
}

/* All ways between them. False: the provider has no answer, so everything stays. */
static bool
ask(struct sequences *q)
{
    const struct runner *r = q->r;
    struct latlng point[NODES];
    enum travel_quality quality;

    point[0] = q->at == 0 ? r->in.at : r->stops[q->at - 1].at;
    for (size_t k = 0; k < q->n + q->follows; k++)
        point[k + 1] = r->stops[q->at + k].at;
    q->columns = q->n + q->follows;
    return q->p->travel->matrix(q->p->travel, point, q->n + 1, point + 1, q->columns, r->in.mode,
                                q->p->now_ms, q->cell, &quality) == LC_OK;
}

/* Is the sequence of locked stops another? Free ones alone are the slices' business. */
static bool
differs(const struct sequences *q)
{
    size_t i = 0;

    for (size_t k = 0; k < q->n; k++) {
        if (!q->r->stops[q->at + q->best[k]].task->locked)
            continue;
        while (!q->r->stops[q->at + i].task->locked)
            i++;
        if (q->best[k] != i++)
            return true;
    }
    return false;
}

static enum lc_err
rearrange(struct sequences *q, int64_t before, bool *moved)
{
    struct runner *r = q->r;
    struct stop was[SEQUENCED];

    memcpy(was, r->stops + q->at, q->n * sizeof *was);
    for (size_t k = 0; k < q->n; k++)
        r->stops[q->at + k] = was[q->best[k]];
    route_legs(q->p, r);
    route_changed(q->p, r);
    *moved = route_cost(q->p, r) < before;
    if (*moved)
        return LC_OK;
    memcpy(r->stops + q->at, was, q->n * sizeof *was); /* single legs that had to be estimated */
    route_legs(q->p, r);
    return LC_OK;
}

enum lc_err
plan_resequence(struct plan *p, uint32_t courier, int64_t least_gain, bool *moved)
{
    struct runner *r = runner_find(p, courier);
    struct sequences q = {.p = p, .r = r};

    *moved = false;
    if (r == NULL)
        return LC_ENOTFOUND;
    q.at = r->fixed;
    q.n = r->n - r->fixed < SEQUENCED ? r->n - r->fixed : SEQUENCED;
    q.follows = q.at + q.n < r->n;
    if (q.n < 2 || r->in.frozen)
        return LC_OK;
    while (q.first < r->n && !r->stops[q.first].task->locked)
        q.first++;
    if (q.first >= q.at + q.n || !ask(&q))
        return LC_OK;
    route_compute(p, r);
    int64_t cost = route_cost(p, r);
    struct moment start = {.t = r->in.at_ms > p->now_ms ? r->in.at_ms : p->now_ms,
                           .load = r->carried};
    for (size_t k = 0; k < q.at; k++) { /* what they cost already */
        const struct stop *s = &r->stops[k];
        start.t = s->leave_ms;
        start.load = s->load;
        start.cost += 1000 * (int64_t)s->leg_s * PLAN_COST_TRAVEL + s->leg_m * PLAN_COST_METRE;
        if (s->kind == PLAN_DROPOFF)
            start.cost += door_cost(p, s, s->arrive_ms);
    }
    q.least = cost - least_gain;
    extend(&q, 0, 0, 0, &start);
    return q.found && differs(&q) ? rearrange(&q, cost, moved) : LC_OK;
}
