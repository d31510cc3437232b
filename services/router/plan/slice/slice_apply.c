/* What came of a slice, into the plan: as much of it as still holds. */
#include "router/plan/slice/slice_own.h"

#include <stdlib.h>

struct proposal {
    struct runner *runner;
    uint64_t version;
    struct stop *stops; /* in `all` */
    size_t n;
    size_t group;     /* routes that exchange orders have the same */
    struct stop *was; /* owned: as it is, while the other is tried */
    size_t was_n;
    bool taken;
};

struct proposals {
    struct proposal *list; /* owned */
    size_t n;
    struct stop *all; /* owned */
};

/* ---- reading ---- */

static enum lc_err
read_stop(struct plan *p, struct cursor *c, struct stop *s)
{
    struct uuid id;
    struct slice bytes = cursor_take(c, sizeof id.b);
    uint8_t kind = cursor_u8(c);

    if (c->failed || kind > PLAN_RETURN)
        return LC_EINVAL;
    memcpy(id.b, bytes.p, sizeof id.b);
    *s = (struct stop){.task = task_find(p, id), .kind = (enum plan_stop_kind)kind};
    return LC_OK; /* task NULL: it has gone meanwhile */
}

static enum lc_err
read_proposals(struct plan *p, struct slice result, struct proposals *out)
{
    struct cursor c = {result.p, result.n, false};
    size_t used = 0;

    if (cursor_u32(&c) != SLICE_RESULT)
        return LC_EINVAL;
    uint32_t n = cursor_u32(&c);
    if (c.failed || n > SLICE_COURIERS_MAX)
        return LC_EINVAL;
    out->list = calloc(n + 1, sizeof *out->list);
    out->all = calloc((size_t)n * SLICE_STOPS_MAX + 1, sizeof *out->all);
    if (out->list == NULL || out->all == NULL)
        return LC_ENOMEM;
    for (uint32_t i = 0; i < n; i++) {
        struct proposal *x = &out->list[out->n++];
        x->runner = runner_find(p, cursor_u32(&c));
        x->version = cursor_u64(&c);
        x->stops = out->all + used;
        uint32_t stops = cursor_u32(&c);
        if (c.failed || stops > SLICE_STOPS_MAX)
            return LC_EINVAL;
        for (; x->n < stops; x->n++)
            if (read_stop(p, &c, &x->stops[x->n]) != LC_OK)
                return LC_EINVAL;
        used += stops;
        x->group = i;
        for (uint32_t k = 0; k < i; k++)
            if (x->runner != NULL && out->list[k].runner == x->runner)
                return LC_EINVAL;
    }
    return c.n == 0 ? LC_OK : LC_EINVAL;
}

/* ---- what belongs together ---- */

static struct proposal *
proposal_of(const struct proposals *ps, const struct runner *r)
{
    for (size_t i = 0; i < ps->n; i++)
        if (ps->list[i].runner == r)
            return &ps->list[i];
    return NULL;
}

static void
join(struct proposals *ps, size_t a, size_t b)
{
    for (size_t i = 0; i < ps->n; i++)
        if (ps->list[i].group == a)
            ps->list[i].group = b;
}

static void
group(struct proposals *ps)
{
    for (size_t i = 0; i < ps->n; i++)
        for (size_t k = 0; k < ps->list[i].n; k++) {
            const struct task *t = ps->list[i].stops[k].task;
            const struct proposal *from =
                t == NULL || t->runner == NULL ? NULL : proposal_of(ps, t->runner);
            if (from != NULL && from->group != ps->list[i].group)
                join(ps, from->group, ps->list[i].group);
        }
}

/* ---- does it hold? ---- */

static size_t
times_in(const struct proposals *ps, size_t g, const struct task *t, enum plan_stop_kind kind)
{
    size_t n = 0;

    for (size_t i = 0; i < ps->n; i++)
        for (size_t k = 0; ps->list[i].group == g && k < ps->list[i].n; k++)
            n += ps->list[i].stops[k].task == t && ps->list[i].stops[k].kind == kind;
    return n;
}

/* The stops that do not move are the same, in the same sequence, and the fixed ones in front. */
static bool
keeps_locked(const struct proposal *x)
{
    const struct runner *r = x->runner;
    size_t k = 0;

    for (size_t i = 0; i < x->n; i++) {
        const struct stop *s = &x->stops[i];
        if (i < r->fixed && (s->task != r->stops[i].task || s->kind != r->stops[i].kind))
            return false;
        if (!s->task->locked)
            continue;
        while (k < r->n && !r->stops[k].task->locked)
            k++;
        if (k == r->n || r->stops[k].task != s->task || r->stops[k].kind != s->kind)
            return false;
        k++;
    }
    while (k < r->n && !r->stops[k].task->locked)
        k++;
    return k == r->n;
}

/* Free orders: both ends on this route, the pickup first, and the courier may have it. */
static bool
keeps_pairs(struct plan *p, const struct proposal *x)
{
    for (size_t i = 0; i < x->n; i++) {
        const struct task *t = x->stops[i].task;
        size_t drops = 0;
        if (t->locked)
            continue;
        if (t->runner != x->runner && place_judge(p, t, x->runner) != PLAN_FITS)
            return false;
        for (size_t k = 0; k < x->n; k++)
            if (k != i && x->stops[k].task == t) {
                if (x->stops[k].kind == x->stops[i].kind ||
                    (k < i) != (x->stops[i].kind == PLAN_DROPOFF))
                    return false;
                drops++;
            }
        if (drops != 1)
            return false;
    }
    return true;
}

/* Nobody's order is lost or doubled, and nothing has changed since. */
static bool
group_holds(struct plan *p, const struct proposals *ps, size_t g)
{
    for (size_t i = 0; i < ps->n; i++) {
        const struct proposal *x = &ps->list[i];
        if (x->group != g)
            continue;
        if (x->runner == NULL || x->runner->version != x->version)
            return false;
        for (size_t k = 0; k < x->n; k++)
            if (x->stops[k].task == NULL)
                return false;
        if (!keeps_locked(x) || !keeps_pairs(p, x))
            return false;
        for (size_t k = 0; k < x->n; k++) {
            const struct task *t = x->stops[k].task;
            const struct proposal *from = t->runner == NULL ? NULL : proposal_of(ps, t->runner);
            if ((t->runner != NULL && (from == NULL || from->group != g)) ||
                times_in(ps, g, t, x->stops[k].kind) != 1)
                return false;
        }
        for (size_t k = 0; k < x->runner->n; k++)
            if (times_in(ps, g, x->runner->stops[k].task, x->runner->stops[k].kind) != 1)
                return false;
    }
    return true;
}

/* ---- trying it ---- */

static bool
save(struct proposal *x)
{
    struct runner *r = x->runner;

    x->was = malloc((r->n + 1) * sizeof *x->was);
    if (x->was == NULL || !route_reserve(r, x->n))
        return false;
    if (r->n > 0)
        memcpy(x->was, r->stops, r->n * sizeof *x->was);
    x->was_n = r->n;
    return true;
}

/* The way to stop k, when it was driven before: asking a map for each leg takes its time. */
static bool
known_leg(const struct proposals *ps, size_t g, struct runner *r, size_t k)
{
    for (size_t i = 0; i < ps->n; i++) {
        const struct proposal *x = &ps->list[i];
        if (x->group != g || x->runner->in.mode != r->in.mode || (k == 0 && x->runner != r))
            continue;
        for (size_t b = k == 0 ? 0 : 1; b < (k == 0 ? x->was_n < 1 ? 0 : 1 : x->was_n); b++) {
            const struct stop *was = &x->was[b];
            if (was->task != r->stops[k].task || was->kind != r->stops[k].kind ||
                (k > 0 &&
                 (was[-1].task != r->stops[k - 1].task || was[-1].kind != r->stops[k - 1].kind)))
                continue;
            r->stops[k].at = was->at;
            r->stops[k].leg_s = was->leg_s;
            r->stops[k].leg_m = was->leg_m;
            return true;
        }
    }
    return false;
}

static void
lay(struct plan *p, const struct proposals *ps, struct proposal *x)
{
    struct runner *r = x->runner;

    for (size_t k = 0; k < x->n; k++) {
        r->stops[k] = x->stops[k];
        x->stops[k].task->runner = r;
    }
    r->n = x->n;
    for (size_t k = 0; k < r->n; k++)
        if (!known_leg(ps, x->group, r, k))
            route_leg(p, r, k);
    r->stale = true;
    x->taken = true;
}

static int64_t
late_ms(const struct stop *s)
{
    int64_t late = s->arrive_ms - s->task->in.promise_ms;

    return s->kind == PLAN_DROPOFF && late > 0 ? late : 0;
}

/* The drop-off as it was; NULL for one that waited in the pool. */
static const struct stop *
stop_before(const struct proposals *ps, size_t g, const struct stop *s)
{
    for (size_t i = 0; i < ps->n; i++)
        for (size_t k = 0; ps->list[i].group == g && k < ps->list[i].was_n; k++)
            if (ps->list[i].was[k].task == s->task && ps->list[i].was[k].kind == s->kind)
                return &ps->list[i].was[k];
    return NULL;
}

/* Shift and capacity; nobody's promise is broken anew; those who are bound and late already are not
 * later than they were. */
static bool
feasible(struct plan *p, const struct proposals *ps, const struct proposal *x)
{
    struct runner *r = x->runner;

    if (route_overloaded(p, r))
        return false;
    for (size_t k = 0; k < r->n; k++) {
        const struct stop *s = &r->stops[k], *was = stop_before(ps, x->group, s);
        if (s->kind != PLAN_DROPOFF)
            continue;
        bool bound = s->task->locked && was != NULL;
        if (s->leave_ms > r->in.shift_end_ms && (!bound || s->leave_ms > was->leave_ms))
            return false;
        if (was != NULL && late_ms(s) > late_ms(was) && (bound || late_ms(was) == 0))
            return false;
    }
    return true;
}

static void
undo(const struct proposals *ps, size_t g, struct task *const *pooled, size_t n)
{
    for (size_t i = 0; i < ps->n; i++) {
        struct proposal *x = &ps->list[i];
        struct runner *r = x->runner;
        if (x->group != g || !x->taken)
            continue;
        memcpy(r->stops, x->was, x->was_n * sizeof *x->was);
        r->n = x->was_n;
        for (size_t k = 0; k < r->n; k++)
            r->stops[k].task->runner = r;
        r->stale = true;
        x->taken = false;
    }
    for (size_t i = 0; i < n; i++)
        pooled[i]->runner = NULL;
}

struct tally {
    struct task *pooled[SLICE_ORDERS_MAX];
    size_t n_pooled;
    size_t moved;
};

/* What the group changes. */
static void
count(const struct proposals *ps, size_t g, struct tally *t)
{
    for (size_t i = 0; i < ps->n; i++)
        for (size_t k = 0; ps->list[i].group == g && k < ps->list[i].n; k++) {
            const struct stop *s = &ps->list[i].stops[k];
            if (s->kind != PLAN_PICKUP || s->task->locked)
                continue;
            if (s->task->runner == NULL && t->n_pooled < SLICE_ORDERS_MAX)
                t->pooled[t->n_pooled++] = s->task;
            t->moved += s->task->runner != ps->list[i].runner;
        }
}

static enum lc_err
try_group(struct plan *p, struct proposals *ps, size_t g, struct plan_slice_applied *out)
{
    struct tally t = {.n_pooled = 0};
    int64_t cost = 0;
    size_t routes = 0;
    bool ok = true;

    for (size_t i = 0; i < ps->n; i++)
        routes += ps->list[i].group == g;
    if (routes == 0)
        return LC_OK;
    if (!group_holds(p, ps, g)) {
        out->refused += routes;
        return LC_OK;
    }
    count(ps, g, &t);
    for (size_t i = 0; i < ps->n; i++)
        if (ps->list[i].group == g) {
            cost -= route_cost(p, ps->list[i].runner);
            if (!save(&ps->list[i]))
                return LC_ENOMEM;
        }
    for (size_t i = 0; i < ps->n; i++)
        if (ps->list[i].group == g)
            lay(p, ps, &ps->list[i]);
    for (size_t i = 0; i < ps->n && ok; i++)
        if (ps->list[i].group == g) {
            cost += route_cost(p, ps->list[i].runner);
            ok = feasible(p, ps, &ps->list[i]);
        }
    if (!ok || (t.n_pooled == 0 && cost >= 0)) {
        undo(ps, g, t.pooled, t.n_pooled);
        *(ok ? &out->worse : &out->refused) += routes;
        return LC_OK;
    }
    for (size_t i = 0; i < ps->n; i++)
        if (ps->list[i].group == g)
            route_changed(p, ps->list[i].runner);
    p->pool -= t.n_pooled;
    out->placed += (uint32_t)t.n_pooled;
    out->orders += t.moved;
    if (t.n_pooled == 0)
        out->gain -= cost;
    return LC_OK;
}

enum lc_err
plan_slice_apply(struct plan *p, struct slice result, struct plan_slice_applied *out)
{
    struct proposals ps = {.list = NULL};
    enum lc_err err = read_proposals(p, result, &ps);

    *out = (struct plan_slice_applied){.orders = 0};
    if (err == LC_OK)
        group(&ps);
    for (size_t g = 0; g < ps.n && err == LC_OK; g++)
        err = try_group(p, &ps, g, out);
    for (size_t i = 0; i < ps.n; i++)
        free(ps.list[i].was);
    free(ps.list);
    free(ps.all);
    return err;
}
