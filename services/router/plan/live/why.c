/* What the plan says, and why. */
#include "router/plan/live/live_own.h"

enum lc_err
live_find(const struct live *l, uint32_t order, struct live_where *out)
{
    const struct task *t = live_task(l, order);

    if (t == NULL)
        return LC_ENOTFOUND;
    *out = (struct live_where){t->state, t->courier, t->why};
    return LC_OK;
}

size_t
live_trip(const struct live *l, uint32_t courier, uint32_t *order, bool *joined, size_t max)
{
    const struct rider *r = live_rider(l, courier);

    if (r == NULL)
        return 0;
    for (uint32_t i = 0; i < r->trip.n && i < max; i++) {
        order[i] = r->trip.order[i];
        joined[i] = (r->trip.joined >> i & 1) != 0;
    }
    return r->trip.n;
}

size_t
live_why(struct live *l, uint32_t order, struct live_candidate *out, size_t max)
{
    struct task *t = live_task(l, order);
    size_t n = 0;

    if (t == NULL || t->state == LIVE_CARRIED)
        return 0;
    uint32_t was = t->courier;
    struct trip trip = {.n = 0};
    enum live_verdict why = t->why;
    if (was != LIVE_NONE) {
        trip = l->riders[was].trip;
        live_take(l, order);
    }
    for (uint32_t c = 0; c < l->n_riders; c++) {
        if (!l->riders[c].used)
            continue;
        struct spot at = {.courier = LIVE_NONE, .cost = LIVE_NEVER};
        int64_t door = 0;
        enum live_verdict v = live_judge(l, t, c);
        if (v == LIVE_FITS)
            v = live_spot_of(l, order, c, &at, &door);
        if (n < max)
            out[n] = (struct live_candidate){
                c, v, v == LIVE_FITS ? at.cost + l->riders[c].pay_more : 0, door};
        n++;
    }
    if (was != LIVE_NONE) {
        l->riders[was].trip = trip;
        t->state = LIVE_PLANNED;
        t->courier = was;
        l->pool -= weight(t);
        live_refresh(l, &l->riders[was]);
    }
    t->why = why;
    return n;
}

int64_t
live_cost(const struct live *l)
{
    int64_t cost = l->pool * l->policy.unassigned;

    for (uint32_t c = 0; c < l->n_riders; c++)
        if (l->riders[c].used)
            cost += live_trip_cost(l, &l->riders[c]);
    return cost;
}

size_t
live_open(const struct live *l)
{
    return l->n_open;
}

const char *
live_verdict_name(enum live_verdict v)
{
    static const char *const name[LIVE_VERDICTS] = {
        [LIVE_FITS] = "fits",
        [LIVE_NO_COURIERS] = "no couriers",
        [LIVE_FROZEN] = "route frozen",
        [LIVE_PINNED] = "pinned to another",
        [LIVE_BANNED] = "forbidden",
        [LIVE_SKILL] = "skill",
        [LIVE_FAR] = "others are nearer",
        [LIVE_NO_WAY] = "no way",
        [LIVE_CAPACITY] = "capacity",
        [LIVE_SHIFT] = "shift end",
        [LIVE_LATE] = "late",
    };

    return name[v];
}
