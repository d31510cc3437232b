/* Large neighbourhood search (Shaw 1998; Ropke and Pisinger 2006): take out some orders that have
 * to do with each other, put them back another way, keep what is not worse. */
#include "router/plan/live/live_own.h"

#include <stdlib.h>
#include <string.h>

enum { OUT_LEAST = 2, OUT_MOST = 7, OUT_ROOM = LIVE_BUNDLE_ORDERS * 4 };

void
live_try(struct live *l)
{
    l->attempt++;
    l->n_out = 0;
    l->n_saved = 0;
}

bool
live_save(struct live *l, uint32_t courier)
{
    struct rider *r = &l->riders[courier];

    if (r->touched == l->attempt)
        return true;
    if (l->n_saved == l->room_saved) {
        size_t room = l->room_saved == 0 ? 16 : l->room_saved * 2;
        struct saved *saved = realloc(l->saved, room * sizeof *saved);
        if (saved == NULL)
            return false;
        l->saved = saved;
        l->room_saved = room;
    }
    r->touched = l->attempt;
    l->saved[l->n_saved++] = (struct saved){courier, r->trip};
    return true;
}

bool
live_take_out(struct live *l, uint32_t order)
{
    struct task *t = &l->tasks[order];

    if (!t->used || t->state == LIVE_CARRIED || t->taken == l->attempt || l->n_out == OUT_ROOM)
        return true;
    if (t->state == LIVE_PLANNED && l->riders[t->courier].frozen)
        return true;
    if (t->state == LIVE_PLANNED && !live_save(l, t->courier))
        return false;
    t->taken = l->attempt;
    l->was[l->n_out] = t->courier;
    l->out[l->n_out++] = order;
    return true;
}

static bool
take_kin(struct live *l, uint32_t seed, uint32_t want)
{
    uint32_t from = seed;

    if (!live_take_out(l, seed))
        return false;
    for (uint32_t tries = 0; l->n_out < want && tries < 3 * want; tries++) {
        const struct task *t = &l->tasks[from];
        if (t->n_kin == 0)
            break;
        uint32_t a = live_below(l, (uint32_t)t->n_kin), b = live_below(l, (uint32_t)t->n_kin);
        uint32_t k = a < b ? a : b; /* the nearer ones more often */
        if (l->tasks[t->kin[k]].use == t->serial[k] && !live_take_out(l, t->kin[k]))
            return false;
        if (l->n_out > 0)
            from = l->out[live_below(l, (uint32_t)l->n_out)];
    }
    return true;
}

static bool
take_trip(struct live *l, uint32_t courier)
{
    const struct trip *p = &l->riders[courier].trip;

    for (uint32_t i = 0; i < p->n; i++)
        if (!live_take_out(l, p->order[i]))
            return false;
    return true;
}

/* Whole trips: of an order's courier, and of the couriers of orders like it. */
static bool
take_trips(struct live *l, uint32_t seed, uint32_t want)
{
    const struct task *t = &l->tasks[seed];

    if (!live_take_out(l, seed) || (t->state == LIVE_PLANNED && !take_trip(l, t->courier)))
        return false;
    for (uint32_t tries = 0; l->n_out < want && tries < 4 && t->n_kin > 0; tries++) {
        uint32_t k = live_below(l, (uint32_t)t->n_kin);
        const struct task *o = &l->tasks[t->kin[k]];
        if (o->use != t->serial[k] || !o->used || o->state == LIVE_CARRIED)
            continue;
        if (!live_take_out(l, t->kin[k]) || (o->state == LIVE_PLANNED && !take_trip(l, o->courier)))
            return false;
    }
    return true;
}

/* In which sequence they are put back. */
static void
arrange(struct live *l)
{
    uint32_t how = live_below(l, 4);
    int64_t key[OUT_ROOM];

    for (size_t i = 0; i < l->n_out; i++) {
        const struct task *t = &l->tasks[l->out[i]];
        key[i] = how == 0 ? t->in.ready : how == 1 ? t->in.placed : (int64_t)live_below(l, 1 << 20);
    }
    for (size_t i = 1; i < l->n_out; i++)
        for (size_t k = i; k > 0 && key[k - 1] > key[k]; k--) {
            int64_t x = key[k];
            uint32_t o = l->out[k];
            key[k] = key[k - 1];
            l->out[k] = l->out[k - 1];
            key[k - 1] = x;
            l->out[k - 1] = o;
        }
}

int64_t
live_tried_cost(const struct live *l)
{
    int64_t cost = 0;

    for (size_t i = 0; i < l->n_saved; i++)
        cost += live_trip_cost(l, &l->riders[l->saved[i].courier]);
    return cost + l->pool * l->policy.unassigned;
}

void
live_undo(struct live *l)
{
    for (size_t i = 0; i < l->n_out; i++)
        live_take(l, l->out[i]);
    for (size_t i = 0; i < l->n_saved; i++) {
        struct rider *r = &l->riders[l->saved[i].courier];
        r->trip = l->saved[i].trip;
        for (uint32_t k = 0; k < r->trip.n; k++) {
            struct task *t = &l->tasks[r->trip.order[k]];
            l->pool -= t->state == LIVE_POOL ? weight(t) : 0;
            t->state = LIVE_PLANNED;
            t->courier = l->saved[i].courier;
        }
        live_refresh(l, r);
    }
}

static enum lc_err
attempt(struct live *l, size_t *better)
{
    uint32_t seed = l->open[live_below(l, (uint32_t)l->n_open)];
    uint32_t want = OUT_LEAST + live_below(l, OUT_MOST - OUT_LEAST + 1);

    live_try(l);
    if (!(live_below(l, 4) == 0 ? take_trips(l, seed, want) : take_kin(l, seed, want)))
        return LC_ENOMEM;
    if (l->n_out == 0)
        return LC_OK;
    int64_t before = live_tried_cost(l);
    for (size_t i = 0; i < l->n_out; i++)
        live_take(l, l->out[i]);
    arrange(l);
    for (size_t i = 0; i < l->n_out; i++) {
        struct spot at = live_spot(l, l->out[i], true);
        if (at.courier == LIVE_NONE)
            continue;
        if (l->riders[at.courier].touched != l->attempt) {
            before += live_trip_cost(l, &l->riders[at.courier]);
            if (!live_save(l, at.courier)) {
                live_undo(l);
                return LC_ENOMEM;
            }
        }
        live_put(l, l->out[i], &at);
    }
    int64_t after = live_tried_cost(l);
    if (after > before)
        live_undo(l);
    *better += after < before;
    return LC_OK;
}

enum lc_err
live_improve(struct live *l, size_t attempts, size_t *better)
{
    size_t chained = 0;
    enum lc_err first = live_chains(l, l->policy.chains, &chained);

    *better = chained;
    if (first != LC_OK)
        return first;
    while (attempts-- > 0 && l->n_open > 0) {
        enum lc_err err = attempt(l, better);
        if (err != LC_OK)
            return err;
    }
    return LC_OK;
}
