/* Where in which trip an order costs least. */
#include "router/plan/live/live_own.h"

#include <assert.h>
#include <string.h>

enum live_verdict
live_judge(const struct live *l, const struct task *t, uint32_t courier)
{
    const struct rider *r = &l->riders[courier];

    if (!r->used)
        return LIVE_NO_COURIERS; /* pinned to somebody who is gone */
    if (r->frozen)
        return LIVE_FROZEN;
    if (t->pin != LIVE_NONE && t->pin != courier)
        return LIVE_PINNED;
    for (size_t i = 0; i < t->n_bans; i++)
        if (t->bans[i] == courier)
            return LIVE_BANNED;
    if ((t->in.skills & ~r->in.skills) != 0)
        return LIVE_SKILL;
    for (size_t d = 0; d < LIVE_LOADS; d++)
        if (r->in.capacity[d] > 0 && t->in.load[d] > r->in.capacity[d])
            return LIVE_CAPACITY;
    return LIVE_FITS;
}

struct look {
    struct live *l;
    struct rider *r;
    uint32_t order;
    enum live_verdict miss;
    struct spot *best;
    int64_t *door;
};

/* The bundles from b on, when the one before ends like this; *cost: of the trip so far, then of all
 * of it. False: not possible, or not cheaper than the best. */
static bool
rest(const struct look *k, uint32_t b, struct pose p, int64_t *cost)
{
    const struct rider *r = k->r;

    for (; b < r->bundles; b++) {
        if (p.t == r->pose[b].t && p.place == r->pose[b].place)
            break; /* as before from here on */
        if (p.cost - r->pose[b].cost >= k->best->cost)
            return false;
        if (!live_bundle(k->l, r, r->trip.order + r->first[b], r->first[b + 1] - r->first[b], &p,
                         NULL))
            return false;
    }
    *cost = p.cost - r->pose[b].cost;
    return true;
}

static void
miss(struct look *k, enum live_verdict v)
{
    if (v > k->miss)
        k->miss = v;
}

static void
try_alone(struct look *k, uint32_t b)
{
    struct pose p = k->r->pose[b];
    int64_t door, cost;

    if (!live_bundle(k->l, k->r, &k->order, 1, &p, &door)) {
        miss(k, LIVE_SHIFT);
        return;
    }
    if (!rest(k, b, p, &cost)) {
        miss(k, LIVE_SHIFT);
        return;
    }
    if (cost < k->best->cost) {
        *k->best = (struct spot){(uint32_t)(k->r - k->l->riders), b, k->r->first[b], false, cost};
        *k->door = door;
    }
}

static void
try_join(struct look *k, uint32_t b, uint32_t at)
{
    const struct rider *r = k->r;
    uint32_t from = r->first[b], n = r->first[b + 1] - from;
    uint32_t with[LIVE_BUNDLE_ORDERS];
    int64_t door[LIVE_BUNDLE_ORDERS], cost;
    struct pose p = r->pose[b];

    memcpy(with, r->trip.order + from, at * sizeof *with);
    with[at] = k->order;
    memcpy(with + at + 1, r->trip.order + from + at, (n - at) * sizeof *with);
    if (!live_bundle(k->l, r, with, n + 1, &p, door) || !rest(k, b + 1, p, &cost)) {
        miss(k, LIVE_SHIFT);
        return;
    }
    if (cost < k->best->cost) {
        *k->best = (struct spot){(uint32_t)(r - k->l->riders), b, from + at, true, cost};
        *k->door = door[at];
    }
}

enum live_verdict
live_spot_of(struct live *l, uint32_t order, uint32_t courier, struct spot *best, int64_t *door)
{
    struct rider *r = &l->riders[courier];
    const struct task *t = &l->tasks[order];
    int64_t before = best->cost;

    if (r->trip.n == LIVE_TRIP_ORDERS)
        return LIVE_CAPACITY;
    struct look k = {l, r, order, LIVE_CAPACITY, best, door};
    for (uint32_t b = 0; b <= r->bundles; b++) {
        if (r->bundles < l->policy.bundles)
            try_alone(&k, b);
        if (b == r->bundles)
            break;
        uint32_t n = r->first[b + 1] - r->first[b];
        if (l->tasks[r->trip.order[r->first[b]]].in.pickup != t->in.pickup ||
            n == LIVE_BUNDLE_ORDERS)
            continue;
        for (uint32_t at = 0; at <= n; at++)
            try_join(&k, b, at);
    }
    return best->cost < before ? LIVE_FITS : k.miss;
}

static uint32_t
low_bits(uint32_t n)
{
    return n >= 32 ? UINT32_MAX : (1U << n) - 1;
}

void
live_put(struct live *l, uint32_t order, const struct spot *at)
{
    struct rider *r = &l->riders[at->courier];
    struct trip *p = &r->trip;
    struct task *t = &l->tasks[order];
    uint32_t low = p->joined & low_bits(at->at), high = p->joined & ~low_bits(at->at);

    assert(p->n < LIVE_TRIP_ORDERS && t->state == LIVE_POOL);
    memmove(p->order + at->at + 1, p->order + at->at, (p->n - at->at) * sizeof *p->order);
    p->order[at->at] = order;
    p->joined = low | high << 1;
    if (at->join && at->at > r->first[at->bundle])
        p->joined |= 1U << at->at;
    else if (at->join)
        p->joined |= 1U << (at->at + 1); /* the one that was first follows it */
    p->n++;
    t->state = LIVE_PLANNED;
    t->courier = at->courier;
    t->why = LIVE_FITS;
    l->pool -= weight(t);
    live_refresh(l, r);
}

void
live_trip_remove(struct trip *p, uint32_t at)
{
    uint32_t joined = p->joined;

    if ((joined >> at & 1) == 0)
        joined &= ~(1U << (at + 1)); /* the next becomes the bundle's first */
    p->joined = (joined & low_bits(at)) | ((joined >> 1) & ~low_bits(at));
    memmove(p->order + at, p->order + at + 1, (p->n - at - 1) * sizeof *p->order);
    p->n--;
}

void
live_take(struct live *l, uint32_t order)
{
    struct task *t = &l->tasks[order];

    if (t->state != LIVE_PLANNED)
        return;
    struct rider *r = &l->riders[t->courier];
    struct trip *p = &r->trip;
    uint32_t at = 0;
    while (p->order[at] != order)
        at++;
    live_trip_remove(p, at);
    t->state = LIVE_POOL;
    t->courier = LIVE_NONE;
    l->pool += weight(t);
    live_refresh(l, r);
}

/* The same, remembered as long as the trip may be like this again. */
const struct seen *
live_see(struct live *l, uint32_t order, uint32_t courier)
{
    const struct rider *r = &l->riders[courier];
    struct seen *s = &l->seen[(size_t)order * SEEN + (r->version >> 40) % SEEN];
    struct spot at = {.courier = LIVE_NONE, .cost = LIVE_NEVER};
    int64_t door;

    if (s->version == r->version)
        return s;
    enum live_verdict v = live_judge(l, &l->tasks[order], courier);
    if (v == LIVE_FITS)
        v = live_spot_of(l, order, courier, &at, &door);
    *s = (struct seen){r->version,         at.cost,        courier,         (uint8_t)v,
                       (uint8_t)at.bundle, (uint8_t)at.at, (uint8_t)at.join};
    return s;
}

static struct spot
spot_seen(const struct seen *s, int64_t cost)
{
    return (struct spot){s->courier, s->bundle, s->at, s->join != 0, cost};
}

struct spot
live_spot_at(struct live *l, uint32_t order, uint32_t courier)
{
    const struct seen *s = live_see(l, order, courier);

    if (s->verdict != LIVE_FITS)
        return (struct spot){.courier = LIVE_NONE};
    return spot_seen(s, s->cost + l->riders[courier].pay_more);
}

struct spot
live_spot(struct live *l, uint32_t order, bool blink)
{
    struct task *t = &l->tasks[order];
    struct spot best = {.courier = LIVE_NONE, .cost = l->policy.unassigned * weight(t)};
    enum live_verdict why = LIVE_NO_COURIERS;

    if (t->pin != LIVE_NONE) {
        const struct seen *s = live_see(l, order, t->pin);
        if (s->verdict == LIVE_FITS)
            return spot_seen(s, s->cost);
        t->why = (enum live_verdict)s->verdict;
        return best;
    }
    const struct near *near = live_near(l, t->in.pickup);
    int64_t bound = best.cost;
    for (size_t i = 0; i < near->n; i++) {
        uint32_t c = near->courier[i];
        int64_t pickup = max_64(near->arrive[i] + t->in.pickup_before, t->in.ready);
        if ((pickup - t->in.ready) * l->policy.door * weight(t) >= bound)
            break; /* nor can those behind it */
        if (blink && live_below(l, 10) == 0)
            continue;
        const struct seen *s = live_see(l, order, c);
        if (s->verdict != LIVE_FITS) {
            why = s->verdict > why ? (enum live_verdict)s->verdict : why;
            continue;
        }
        int64_t cost = s->cost + l->riders[c].pay_more;
        if (cost < bound) {
            best = spot_seen(s, cost);
            bound = cost;
        }
    }
    if (best.courier == LIVE_NONE)
        t->why = why;
    return best;
}
