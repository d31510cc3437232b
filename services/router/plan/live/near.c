/* Who is near: couriers to a pickup place, orders to an order. */
#include "router/plan/live/live_own.h"

#include <stdlib.h>
#include <string.h>

bool
live_near_reserve(struct live *l, uint32_t place)
{
    if (place < l->room_near)
        return true;
    size_t room = l->room_near == 0 ? 64 : l->room_near;
    while (room <= place)
        room *= 2;
    struct near *near = realloc(l->near, room * sizeof *near);
    if (near == NULL)
        return false;
    memset(near + l->room_near, 0, (room - l->room_near) * sizeof *near);
    l->near = near;
    l->room_near = room;
    return true;
}

/* Sorted by arrival, then by handle: an insertion into the few best so far. */
static void
keep(struct near *near, size_t most, uint32_t courier, int64_t arrive)
{
    size_t i = near->n;

    if (i == most && arrive >= near->arrive[i - 1])
        return;
    if (i == most)
        i--;
    else
        near->n++;
    for (; i > 0 && near->arrive[i - 1] > arrive; i--) {
        near->arrive[i] = near->arrive[i - 1];
        near->courier[i] = near->courier[i - 1];
    }
    near->arrive[i] = arrive;
    near->courier[i] = courier;
}

const struct near *
live_near(struct live *l, uint32_t place)
{
    struct near *near = &l->near[place];
    size_t most = l->policy.near < NEAR_MAX ? l->policy.near : NEAR_MAX;

    if (near->stamp == l->clock)
        return near;
    near->stamp = l->clock;
    near->n = 0;
    for (uint32_t c = 0; c < l->n_riders; c++) {
        const struct rider *r = &l->riders[c];
        if (!r->used || r->in.last_pickup < l->now)
            continue;
        int64_t arrive = live_arrive(l, r, place);
        if (arrive <= r->in.last_pickup)
            keep(near, most, c, arrive);
    }
    return near;
}

/* ---- orders like an order ---- */

static int64_t
distance(const struct live *l, const struct task *a, const struct task *b)
{
    int64_t far = llabs(a->in.ready - b->in.ready);
    int32_t p = way(l, a->in.pickup, b->in.pickup), d = way(l, a->in.dropoff, b->in.pickup);

    return far / 2 + (p < d ? p : d);
}

static void
kin_keep(struct live *l, uint32_t whose, uint32_t other, int64_t far)
{
    struct task *t = &l->tasks[whose];
    size_t i = t->n_kin;

    if (i == KIN) { /* one that is gone makes room */
        for (size_t k = 0; k < KIN && i == KIN; k++) {
            const struct task *o = &l->tasks[t->kin[k]];
            if (o->use == t->serial[k] && o->used && o->state != LIVE_CARRIED)
                continue;
            memmove(t->kin + k, t->kin + k + 1, (KIN - k - 1) * sizeof *t->kin);
            memmove(t->kin_far + k, t->kin_far + k + 1, (KIN - k - 1) * sizeof *t->kin_far);
            memmove(t->serial + k, t->serial + k + 1, (KIN - k - 1) * sizeof *t->serial);
            t->n_kin--;
            i--;
        }
        if (i == KIN && far >= t->kin_far[i - 1])
            return;
    }
    if (i == KIN)
        i--;
    else
        t->n_kin++;
    for (; i > 0 && t->kin_far[i - 1] > far; i--) {
        t->kin_far[i] = t->kin_far[i - 1];
        t->kin[i] = t->kin[i - 1];
        t->serial[i] = t->serial[i - 1];
    }
    t->kin_far[i] = far;
    t->kin[i] = other;
    t->serial[i] = l->tasks[other].use;
}

void
live_kin_add(struct live *l, uint32_t order)
{
    for (size_t i = 0; i < l->n_open; i++) {
        uint32_t other = l->open[i];
        if (other == order)
            continue;
        int64_t far = distance(l, &l->tasks[order], &l->tasks[other]);
        kin_keep(l, order, other, far);
        kin_keep(l, other, order, far);
    }
}
