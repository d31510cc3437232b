/* What an order costs on each of these couriers' routes; who may take it at all. */
#include "router/plan/plan_own.h"

#include <stdlib.h>

enum plan_verdict
place_judge(const struct plan *p, const struct task *t, const struct runner *r)
{
    enum plan_verdict ruled = rule_judge(t->rule, r->in.courier);

    if (ruled == PLAN_HELD || ruled == PLAN_PINNED)
        return ruled;
    if (!r->in.open)
        return PLAN_CLOSED;
    if (r->in.frozen)
        return PLAN_FROZEN;
    if (ruled != PLAN_FITS)
        return ruled;
    for (size_t i = 0; i < t->n_bans; i++)
        if (t->bans[i].courier == r->in.courier && t->bans[i].until_ms > p->now_ms)
            return PLAN_BANNED;
    if ((t->in.age_check && !r->in.adult_trained) || (t->in.cold && !r->in.cold_box))
        return PLAN_SKILL;
    if (place_too_much(r, &(struct plan_load){0, 0, 0}, &t->in.load))
        return PLAN_CAPACITY;
    return PLAN_FITS;
}

bool
place_reserve(struct plan *p, size_t n)
{
    if (n <= p->room_points)
        return true;
    size_t room = p->room_points == 0 ? 256 : p->room_points * 2;
    while (room < n)
        room *= 2;
    struct latlng *points = realloc(p->points, room * sizeof *points);
    if (points == NULL)
        return false;
    p->points = points;
    bool *unknown = realloc(p->unknown, room * sizeof *unknown);
    if (unknown == NULL)
        return false;
    p->unknown = unknown;
    struct travel_cell *cells = realloc(p->cells, 4 * room * sizeof *cells);
    if (cells == NULL)
        return false;
    p->cells = cells;
    p->room_points = room;
    return true;
}

/* All points of those couriers in this mode that may take the task. */
static enum lc_err
gather(struct plan *p, const struct task *t, struct runner *const *list, size_t size,
       enum travel_mode mode, size_t *n)
{
    *n = 0;
    for (size_t i = 0; i < size; i++) {
        struct runner *r = list[i];
        if (r->in.mode != mode || place_judge(p, t, r) != PLAN_FITS)
            continue;
        if (!place_reserve(p, *n + r->n + 2))
            return LC_ENOMEM;
        p->points[(*n)++] = r->in.at;
        for (size_t k = 0; k < r->n; k++)
            p->points[(*n)++] = r->stops[k].at;
    }
    return LC_OK;
}

/* Places that the provider does not know are asked about as the pickup, and forgotten. How many. */
static size_t
leave_out(struct plan *p, const struct task *t, enum travel_mode mode, size_t n)
{
    size_t left_out = 0;

    for (size_t k = 0; k < n; k++) {
        p->unknown[k] = !travel_knows(p->by, p->points[k], mode);
        if (p->unknown[k])
            p->points[k] = t->in.pickup;
        left_out += p->unknown[k];
    }
    return left_out;
}

/* cells: [n + 1][2] to pickup and drop-off, of which the last row is from the pickup itself, then
 * [n] from the pickup, [n] from the drop-off. */
static enum lc_err
ask(struct plan *p, const struct task *t, enum travel_mode mode, size_t n)
{
    struct latlng ends[2] = {t->in.pickup, t->in.dropoff};
    struct travel_cell *from = p->cells + 2 * (n + 1);
    enum travel_quality q[2];
    enum lc_err err;

    p->points[n] = t->in.pickup;
    err = p->by->matrix(p->by, p->points, n + 1, ends, 2, mode, p->now_ms, p->cells, &q[0]);
    if (err == LC_OK)
        err = p->by->matrix(p->by, ends, 2, p->points, n, mode, p->now_ms, from, &q[1]);
    return err == LC_OK && q[0] != q[1] ? LC_EIO : err;
}

static enum lc_err
travel_of(struct plan *p, const struct task *t, enum travel_mode mode, size_t n)
{
    struct travel_cell *from = p->cells + 2 * (n + 1);
    enum lc_err err = ask(p, t, mode, n);

    if (err != LC_EIO || leave_out(p, t, mode, n) == 0)
        return err;
    p->blind = true;
    err = ask(p, t, mode, n);
    for (size_t k = 0; err == LC_OK && k < n; k++)
        if (p->unknown[k])
            p->cells[2 * k].seconds = p->cells[2 * k + 1].seconds = from[k].seconds =
                from[n + k].seconds = TRAVEL_UNREACHABLE;
    return err;
}

/* Are both ends of the task known in all modes in which somebody could come? */
static bool
ends_known(const struct plan *p, const struct task *t)
{
    bool asked[TRAVEL_MODES] = {false};

    if (p->travel->knows == NULL)
        return true;
    for (size_t i = 0; i < p->n_runners; i++) {
        enum travel_mode mode = p->runners[i]->in.mode;
        if (asked[mode] || place_judge(p, t, p->runners[i]) != PLAN_FITS)
            continue;
        asked[mode] = true;
        if (!travel_knows(p->travel, t->in.pickup, mode) ||
            !travel_knows(p->travel, t->in.dropoff, mode))
            return false;
    }
    return true;
}

void
place_begin(struct plan *p, const struct task *t)
{
    p->blind = false;
    p->by = p->travel;
    if (!ends_known(p, t))
        (void)place_again(p);
}

bool
place_again(struct plan *p)
{
    if (p->by == p->estimate)
        return false;
    p->blind = false;
    p->by = p->estimate;
    routes_estimate(p);
    return true;
}

void
place_end(struct plan *p)
{
    if (p->by != p->travel)
        routes_restore(p);
    p->by = p->travel;
}

enum lc_err
place_each(struct plan *p, struct task *t, struct runner *const *list, size_t size,
           place_seen *seen, void *ctx)
{
    for (int mode = 0; mode < TRAVEL_MODES; mode++) {
        size_t n, node = 0;
        enum lc_err err = gather(p, t, list, size, (enum travel_mode)mode, &n);

        if (err == LC_OK && n > 0)
            err = travel_of(p, t, (enum travel_mode)mode, n);
        if (err != LC_OK)
            return err;
        for (size_t i = 0; n > 0 && i < size; i++) {
            struct runner *r = list[i];
            if ((int)r->in.mode != mode || place_judge(p, t, r) != PLAN_FITS)
                continue;
            struct place_legs legs = {p->cells + 2 * node, p->cells + 2 * (n + 1) + node,
                                      p->cells + 2 * (n + 1) + n + node, p->cells[2 * n + 1], 0};
            struct place best = {.runner = NULL};
            enum plan_verdict why = place_try(p, t, r, &legs, &best);
            seen(ctx, r, why, &best);
            node += r->n + 1;
        }
    }
    return LC_OK;
}

enum lc_err
place_apply(struct plan *p, struct task *t, const struct place *at)
{
    if (!route_reserve(at->runner, 2))
        return LC_ENOMEM;
    route_insert(p, at->runner, at->pickup, t, PLAN_PICKUP);
    route_insert(p, at->runner, at->dropoff + 1, t, PLAN_DROPOFF);
    t->runner = at->runner;
    t->why = PLAN_FITS;
    return LC_OK;
}
