/* Which free orders leave their places: those that have to do with each other, so that the gaps
 * they leave are of use to each other. */
#include "router/plan/slice/slice_own.h"

#include <assert.h>
#include <stdlib.h>

enum { STRINGS_MAX = 3, STRING_MAX = 3, RELATED_MAX = 5 };

static bool
keep(struct kept *to, struct plan *p, struct runner *r)
{
    if (r->n > to->room) {
        struct stop *stops = realloc(to->stops, (r->n + 8) * sizeof *stops);
        if (stops == NULL)
            return false;
        to->stops = stops;
        to->room = r->n + 8;
    }
    to->cost = route_cost(p, r); /* and its times are computed */
    if (r->n > 0)
        memcpy(to->stops, r->stops, r->n * sizeof *to->stops);
    to->n = r->n;
    to->fixed = r->fixed;
    to->version = r->version;
    to->arrived_ms = r->arrived_ms;
    return true;
}

bool
slice_touch(struct search_slice *s, struct runner *r)
{
    size_t i = r->slot;

    if (s->before[i].iteration == s->iteration)
        return true;
    if (!keep(&s->before[i], s->plan, r)) {
        s->failed = true;
        return false;
    }
    s->before[i].iteration = s->iteration;
    s->touched[s->n_touched++] = i;
    return true;
}

bool
slice_take_out(struct search_slice *s, uint32_t mover)
{
    struct task *t = s->movers[mover].task;

    if (t->runner == NULL || s->n_out == SLICE_OUT_MAX || !slice_touch(s, t->runner))
        return false;
    s->out[s->n_out].mover = mover;
    s->out[s->n_out++].was = t->runner;
    route_erase_task(s->plan, t);
    t->runner = NULL;
    s->plan->pool++;
    return true;
}

/* The movers of a route in the sequence of their pickups. */
static size_t
on_route(const struct search_slice *s, const struct runner *r, uint32_t *list)
{
    size_t n = 0;

    for (size_t k = 0; k < r->n; k++)
        for (uint32_t m = 0; r->stops[k].kind == PLAN_PICKUP && m < s->n_movers; m++)
            if (s->movers[m].task == r->stops[k].task)
                list[n++] = m;
    return n;
}

/* A few in a row that include this one. */
static void
take_string(struct search_slice *s, uint32_t mover)
{
    uint32_t list[SLICE_STOPS_MAX + SLICE_OUT_MAX];
    size_t n = on_route(s, s->movers[mover].task->runner, list), at = 0;

    while (at < n && list[at] != mover)
        at++;
    assert(at < n); /* who brings it has it */
    size_t most = n < STRING_MAX ? n : STRING_MAX;
    size_t length = 1 + pd_below(&s->rng, (uint32_t)most);
    size_t low = at + 1 > length ? at + 1 - length : 0, high = at + length <= n ? at : n - length;
    size_t from = low + pd_below(&s->rng, (uint32_t)(high - low + 1));
    for (size_t i = from; i < from + length; i++)
        (void)slice_take_out(s, list[i]);
}

static void
ruin_strings(struct search_slice *s, uint32_t seed)
{
    const struct mover *m = &s->movers[seed];
    const struct runner *seen[STRINGS_MAX];
    size_t n = 0, strings = 1 + pd_below(&s->rng, STRINGS_MAX);

    for (size_t i = 0; i <= m->n_near && n < strings; i++) {
        uint32_t at = i == 0 ? seed : m->near[i - 1];
        const struct runner *r = s->movers[at].task->runner;
        bool known = r == NULL;
        for (size_t k = 0; k < n; k++)
            known = known || seen[k] == r;
        if (known)
            continue;
        seen[n++] = r;
        take_string(s, at);
    }
}

static void
ruin_related(struct search_slice *s, uint32_t seed)
{
    const struct mover *m = &s->movers[seed];
    size_t want = 1 + pd_below(&s->rng, RELATED_MAX);

    (void)slice_take_out(s, seed);
    for (size_t i = 0; i < m->n_near && s->n_out < want; i++)
        if (pd_below(&s->rng, 4) != 0)
            (void)slice_take_out(s, m->near[i]);
}

static void
ruin_route(struct search_slice *s, uint32_t seed)
{
    uint32_t list[SLICE_STOPS_MAX + SLICE_OUT_MAX];
    const struct runner *r = s->movers[seed].task->runner;
    size_t n = r == NULL ? 0 : on_route(s, r, list);

    for (size_t i = 0; i < n; i++)
        (void)slice_take_out(s, list[i]);
}

void
slice_ruin(struct search_slice *s)
{
    uint32_t n = (uint32_t)s->n_movers, seed = pd_below(&s->rng, n);
    uint32_t how = pd_below(&s->rng, 10);

    if (how < 5)
        ruin_strings(s, seed);
    else if (how < 8)
        ruin_related(s, seed);
    else if (how == 8)
        ruin_route(s, seed);
    else
        for (uint32_t left = 1 + pd_below(&s->rng, 3); left > 0; left--)
            (void)slice_take_out(s, pd_below(&s->rng, n));
}
