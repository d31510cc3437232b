/* What is made certain, and when: as late as it can be. */
#include "router/plan/live/live_own.h"

#include <string.h>

void
live_drive_off(struct live *l, uint32_t c, uint32_t to, int64_t at, struct live_act *act)
{
    struct rider *r = &l->riders[c];

    *act = (struct live_act){
        .kind = LIVE_GO,
        .courier = c,
        .from = r->in.place,
        .to = to,
        .at = at,
        .until = at + way(l, r->in.place, to),
    };
    r->in.place = to;
    r->in.free_from = act->until;
    live_restart(l, r);
}

static void
pick_up(struct live *l, uint32_t c, int64_t at, struct live_act *act)
{
    struct rider *r = &l->riders[c];
    struct trip *p = &r->trip;
    struct pose pose = r->pose[0];
    uint32_t n = r->first[1];

    *act = (struct live_act){
        .kind = LIVE_PICK_UP, .courier = c, .from = pose.place, .to = pose.place, .at = at, .n = n};
    (void)live_bundle(l, r, p->order, n, &pose, act->door);
    memcpy(act->order, p->order, n * sizeof *p->order);
    act->until = pose.t;
    for (uint32_t i = 0; i < n; i++) {
        l->tasks[p->order[i]].state = LIVE_CARRIED;
        live_close(l, p->order[i]);
    }
    memmove(p->order, p->order + n, (p->n - n) * sizeof *p->order);
    p->n -= n;
    p->joined >>= n;
    r->earned += (int64_t)n * l->policy.per_order;
    r->over += (int64_t)n * l->policy.per_order;
    l->earned += (int64_t)n * l->policy.per_order;
    r->in.place = pose.place;
    r->in.free_from = pose.t;
    r->fresh = true;
    live_restart(l, r);
}

/* One step of this courier, if one is due. */
static bool
commit_one(struct live *l, uint32_t c, struct live_act *act)
{
    struct rider *r = &l->riders[c];
    int64_t by = l->now + l->policy.ahead, ready = INT64_MIN;
    int32_t before = 0;

    if (!r->used || r->trip.n == 0 || r->in.free_from >= by)
        return false;
    for (uint32_t i = 0; i < r->first[1]; i++) {
        const struct live_order *o = &l->tasks[r->trip.order[i]].in;
        ready = max_64(ready, o->ready);
        before = o->pickup_before > before ? o->pickup_before : before;
    }
    uint32_t place = l->tasks[r->trip.order[0]].in.pickup;
    if (r->in.place == place) {
        int64_t at = max_64(max_64(r->in.free_from + before, ready), l->now);
        if (at >= by || at > r->in.last_pickup)
            return false;
        pick_up(l, c, at, act);
        return true;
    }
    int32_t leg = way(l, r->in.place, place);
    int64_t soonest = max_64(max_64(r->in.free_from, l->now), r->in.shift_start);
    int64_t at = leg == LIVE_UNREACHABLE ? LIVE_NEVER : max_64(soonest, ready - before - leg);
    if (at >= by)
        return false;
    live_drive_off(l, c, place, at, act);
    return true;
}

size_t
live_commit(struct live *l, struct live_act *out, size_t max)
{
    size_t n = 0;

    for (uint32_t c = 0; c < l->n_riders; c++)
        while (n < max && commit_one(l, c, &out[n]))
            n++;
    l->clock += n > 0;
    return n;
}
