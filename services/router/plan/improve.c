/* What goes on between events: orders of the pool are tried again, free ones look for a cheaper
 * place. */
#include "router/plan/plan_own.h"

#include <stdlib.h>

/* Those of this priority that have not had their turn. *max: how many more may. */
static enum lc_err
retry(struct plan *p, unsigned priority, size_t *max, size_t *placed)
{
    struct task *t, *next;

    HASH_ITER(hh, p->tasks, t, next)
    {
        struct place best;

        if (t->runner != NULL || t->in.priority != priority || t->tried > p->round ||
            task_on_hold(t))
            continue;
        if (*max == 0)
            return LC_EAGAIN;
        --*max;
        enum lc_err err = place_best(p, t, &best, &t->why);
        if (err != LC_OK)
            return err;
        t->tried = p->round + 1;
        if (best.runner == NULL)
            continue;
        err = place_apply(p, t, &best);
        if (err != LC_OK)
            return err;
        p->pool--;
        ++*placed;
    }
    return LC_OK;
}

enum lc_err
plan_retry(struct plan *p, size_t max, size_t *placed)
{
    *placed = 0;
    for (unsigned k = PLAN_PRIORITY_MAX + 1; k-- > 0 && p->pool > 0;) {
        enum lc_err err = retry(p, k, &max, placed);
        if (err != LC_OK)
            return err == LC_EAGAIN ? LC_OK : err;
    }
    p->round++;
    return LC_OK;
}

/* Takes the task out, and puts it where the whole plan is cheapest: there again when that is no
 * better. */
static enum lc_err
relocate(struct plan *p, struct task *t, size_t *moved)
{
    struct runner *r = t->runner;
    struct place was = {.runner = r}, best;
    enum plan_verdict why;
    size_t dropoff;

    if (!route_find(r, t, PLAN_PICKUP, &was.pickup) || !route_find(r, t, PLAN_DROPOFF, &dropoff))
        return LC_OK;
    was.dropoff = dropoff - 1;
    int64_t cost = route_cost(p, r);
    route_erase_task(p, t);
    t->runner = NULL;
    cost -= route_cost(p, r);

    enum lc_err err = place_best(p, t, &best, &why);
    bool better = err == LC_OK && best.runner != NULL && !best.estimate &&
                  best.late_ms * PLAN_COST_LATE * task_weight(t) + best.cost < cost;
    if (better && place_apply(p, t, &best) == LC_OK) {
        ++*moved;
        return LC_OK;
    }
    enum lc_err back = place_apply(p, t, &was); /* it has the room: the stops were there */
    return err != LC_OK ? err : back;
}

enum lc_err
plan_improve(struct plan *p, size_t attempts, size_t *moved)
{
    struct task *t, *next;

    *moved = 0;
    HASH_ITER(hh, p->tasks, t, next)
    {
        if (t->runner == NULL || t->locked || t->improved > p->improved)
            continue;
        if (attempts-- == 0)
            return LC_OK;
        enum lc_err err = relocate(p, t, moved);
        if (err != LC_OK)
            return err;
        t->improved = p->improved + 1;
    }
    p->improved++;
    return LC_OK;
}

int64_t
plan_cost(struct plan *p)
{
    int64_t cost = 0;

    for (size_t i = 0; i < p->n_runners; i++)
        cost += route_cost(p, p->runners[i]);
    return cost;
}

/* ---- why ---- */

struct why {
    struct plan *p;
    struct plan_candidate *out;
    size_t max;
};

static void
tell(void *ctx, struct runner *r, enum plan_verdict verdict, const struct place *at)
{
    struct why *w = ctx;
    size_t i = runner_index(w->p, r->in.courier);

    if (i < w->max)
        w->out[i] = (struct plan_candidate){
            .courier = r->in.courier,
            .verdict = verdict,
            .late_ms = at->runner == NULL ? 0 : at->late_ms,
            .cost = at->runner == NULL ? 0 : at->cost,
            .dropoff_ms = at->runner == NULL ? 0 : at->dropoff_ms,
        };
}

/* As things are, `enough` of the cheapest at least; 0: everybody. */
static enum lc_err
look(struct plan *p, struct task *t, struct runner *own, size_t enough, struct why *w)
{
    for (size_t i = 0; i < p->n_runners && i < w->max; i++) {
        enum plan_verdict v = place_judge(p, t, p->runners[i]);
        w->out[i] = (struct plan_candidate){.courier = p->runners[i]->in.courier,
                                            .verdict = v == PLAN_FITS ? PLAN_FAR : v};
    }
    if (enough == 0)
        return place_each(p, t, p->runners, p->n_runners, tell, w);
    enum lc_err err = place_rivals(p, t, enough, tell, w);
    return err == LC_OK && own != NULL ? place_each(p, t, &own, 1, tell, w) : err;
}

static size_t
explain(struct plan *p, struct uuid order, size_t enough, struct plan_candidate *out, size_t max)
{
    struct task *t = task_find(p, order);
    struct why w = {p, out, max};
    struct place was = {.runner = t == NULL ? NULL : t->runner};
    size_t dropoff;

    if (t == NULL || t->carried)
        return 0;
    if (was.runner != NULL) { /* as it would be judged without itself on the way */
        if (!route_find(was.runner, t, PLAN_PICKUP, &was.pickup) ||
            !route_find(was.runner, t, PLAN_DROPOFF, &dropoff))
            return 0;
        was.dropoff = dropoff - 1;
    }
    struct runner saved = {.n = 0};
    if (was.runner != NULL) {
        saved = *was.runner;
        route_erase_task(p, t);
    }
    place_begin(p, t);
    enum lc_err err = look(p, t, was.runner, enough, &w);
    if (err == LC_EIO && place_again(p))
        err = look(p, t, was.runner, enough, &w);
    place_end(p);
    if (was.runner != NULL) {
        err = place_apply(p, t, &was) == LC_OK ? err : LC_ENOMEM;
        was.runner->version = saved.version; /* it is as it was */
        was.runner->fixed = saved.fixed;
        was.runner->arrived_ms = saved.arrived_ms;
    }
    return err == LC_OK ? p->n_runners : 0;
}

size_t
plan_why(struct plan *p, struct uuid order, struct plan_candidate *out, size_t max)
{
    return explain(p, order, 0, out, max);
}

size_t
plan_rivals(struct plan *p, struct uuid order, struct plan_candidate *out, size_t max)
{
    return explain(p, order, PLAN_RIVALS, out, max);
}

const char *
plan_verdict_name(enum plan_verdict v)
{
    static const char *const name[PLAN_VERDICTS] = {
        [PLAN_FITS] = "fits",
        [PLAN_NO_COURIERS] = "no couriers",
        [PLAN_FAR] = "dearer than others",
        [PLAN_HELD] = "on hold",
        [PLAN_PINNED] = "pinned to another",
        [PLAN_CLOSED] = "takes nothing new",
        [PLAN_FROZEN] = "route frozen",
        [PLAN_FORBIDDEN] = "forbidden by a person",
        [PLAN_BANNED] = "declined it",
        [PLAN_SKILL] = "age check or cold box",
        [PLAN_UNREACHABLE] = "no way",
        [PLAN_CAPACITY] = "capacity",
        [PLAN_SHIFT] = "shift end",
        [PLAN_OTHERS] = "other promises",
        [PLAN_LATE] = "late",
    };

    return name[v];
}
