/* Where orders come from today, and where idle couriers should wait for them. */
#include "router/plan/live/live_own.h"

#include <stdlib.h>

enum { FIRST = 3, ONE = 4096 }; /* couriers who matter to a place; weight of an order */

bool
live_demand_add(struct live *l, uint32_t place)
{
    for (size_t i = 0; i < l->n_demand; i++)
        if (l->demand[i].place == place) {
            l->demand[i].weight += ONE;
            return true;
        }
    if (l->n_demand == l->room_demand) {
        size_t room = l->room_demand == 0 ? 64 : l->room_demand * 2;
        struct demand *list = realloc(l->demand, room * sizeof *list);
        if (list == NULL)
            return false;
        l->demand = list;
        l->room_demand = room;
    }
    l->demand[l->n_demand++] = (struct demand){.place = place, .weight = ONE};
    return true;
}

/* What was asked for long ago says less: an eighth less every `fade` ticks. */
static void
fade(struct live *l)
{
    if (l->policy.fade <= 0)
        return;
    if (l->faded < l->now - 64 * l->policy.fade)
        l->faded = l->now - 64 * l->policy.fade;
    for (; l->faded + l->policy.fade <= l->now; l->faded += l->policy.fade)
        for (size_t i = 0; i < l->n_demand; i++)
            l->demand[i].weight -= l->demand[i].weight / 8;
}

/* How long an order would wait there for somebody who is free at `from` in `place`, if it came
 * `soon` from now. */
static int64_t
response(const struct live *l, int64_t from, uint32_t place, uint32_t at)
{
    int32_t ticks = way(l, place, at);

    if (ticks == LIVE_UNREACHABLE)
        return LIVE_NEVER;
    return max_64(0, from - l->now - l->policy.soon) + ticks;
}

static void
enter(struct demand *d, uint32_t courier, int64_t wait)
{
    size_t i = d->n;

    if (i == FIRST + 1) {
        if (wait >= d->wait[i - 1])
            return;
        i--;
    } else {
        d->n++;
    }
    for (; i > 0 && d->wait[i - 1] > wait; i--) {
        d->wait[i] = d->wait[i - 1];
        d->by[i] = d->by[i - 1];
    }
    d->wait[i] = wait;
    d->by[i] = courier;
}

/* Who will be first at each place, given the plan. */
static void
survey(struct live *l)
{
    for (size_t i = 0; i < l->n_demand; i++)
        l->demand[i].n = 0;
    for (uint32_t c = 0; c < l->n_riders; c++) {
        const struct rider *r = &l->riders[c];
        const struct pose *end = &r->pose[r->bundles];
        if (!r->used || end->t + l->policy.soon > r->in.last_pickup ||
            end->t > l->now + 4 * l->policy.soon)
            continue;
        for (size_t i = 0; i < l->n_demand; i++)
            enter(&l->demand[i], c, response(l, end->t, end->place, l->demand[i].place));
    }
}

/* What this courier in `place` from `from` on takes off the waiting of orders to come. */
static int64_t
gain(const struct live *l, uint32_t courier, int64_t from, uint32_t place)
{
    static const int64_t share[FIRST] = {4, 2, 1}; /* of the first, second, third to be there */
    int64_t sum = 0;

    for (size_t i = 0; i < l->n_demand; i++) {
        const struct demand *d = &l->demand[i];
        int64_t wait = response(l, from, place, d->place), mine = wait;
        size_t rank = 0;
        if (wait >= LIVE_NEVER)
            continue;
        for (size_t k = 0; k < d->n && rank < FIRST; k++) {
            if (d->by[k] == courier)
                continue;
            if (mine < d->wait[k] && d->wait[k] < LIVE_NEVER) { /* each moves up one */
                sum += d->weight * share[rank] * (d->wait[k] - mine);
                mine = d->wait[k];
            }
            rank++;
        }
        for (; rank < FIRST && mine < LIVE_NEVER; rank++) {
            sum += d->weight * share[rank] * max_64(0, 4 * l->policy.soon - mine);
            break;
        }
    }
    return sum;
}

static uint32_t
best_place(const struct live *l, uint32_t courier)
{
    const struct rider *r = &l->riders[courier];
    uint32_t best = r->in.place;
    int64_t here = gain(l, courier, l->now, r->in.place), most = here;

    for (size_t i = 0; i < l->n_demand; i++) {
        uint32_t place = l->demand[i].place;
        int32_t ticks = way(l, r->in.place, place);
        if (ticks == LIVE_UNREACHABLE || l->now + ticks > r->in.last_pickup)
            continue;
        int64_t there = gain(l, courier, l->now + ticks, place);
        if (there > most) {
            most = there;
            best = place;
        }
    }
    return best;
}

size_t
live_position(struct live *l, struct live_act *out, size_t max)
{
    size_t n = 0;

    fade(l);
    for (uint32_t c = 0; c < l->n_riders && n < max; c++) {
        struct rider *r = &l->riders[c];
        if (!r->used || !r->fresh || r->frozen || r->trip.n > 0 || r->in.shift_start > l->now ||
            r->in.free_from >= l->now + l->policy.ahead || r->in.last_pickup <= l->now)
            continue;
        r->fresh = false;
        survey(l);
        uint32_t to = best_place(l, c);
        if (to != r->in.place)
            live_drive_off(l, c, to, max_64(r->in.free_from, l->now), &out[n++]);
    }
    l->clock += n > 0;
    return n;
}
