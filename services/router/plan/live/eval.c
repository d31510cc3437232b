/* What a trip costs, and when it is where. */
#include "router/plan/live/live_own.h"

struct task *
live_task(const struct live *l, uint32_t order)
{
    return order < l->n_tasks && l->tasks[order].used ? &l->tasks[order] : NULL;
}

struct rider *
live_rider(const struct live *l, uint32_t courier)
{
    return courier < l->n_riders && l->riders[courier].used ? &l->riders[courier] : NULL;
}

/* A courier that is at the place already is there since free_from; else it drives off now. */
int64_t
live_arrive(const struct live *l, const struct rider *r, uint32_t place)
{
    int32_t ticks = way(l, r->in.place, place);

    if (ticks == LIVE_UNREACHABLE)
        return LIVE_NEVER;
    if (r->in.place == place)
        return r->in.free_from;
    return max_64(r->in.free_from, l->now) + ticks;
}

struct fetch {
    int64_t ready;
    int32_t before, after;
    uint64_t load[LIVE_LOADS];
};

static bool
fetch_all(const struct live *l, const struct rider *r, const uint32_t *order, size_t n,
          struct fetch *f)
{
    *f = (struct fetch){.ready = INT64_MIN};
    for (size_t i = 0; i < n; i++) {
        const struct live_order *o = &l->tasks[order[i]].in;
        f->ready = max_64(f->ready, o->ready);
        f->before = o->pickup_before > f->before ? o->pickup_before : f->before;
        f->after = o->pickup_after > f->after ? o->pickup_after : f->after;
        for (size_t d = 0; d < LIVE_LOADS; d++)
            f->load[d] += o->load[d];
    }
    for (size_t d = 0; d < LIVE_LOADS; d++)
        if (r->in.capacity[d] > 0 && f->load[d] > r->in.capacity[d])
            return false;
    return true;
}

bool
live_bundle(const struct live *l, const struct rider *r, const uint32_t *order, size_t n,
            struct pose *p, int64_t *door)
{
    uint32_t place = l->tasks[order[0]].in.pickup;
    int32_t leg = way(l, p->place, place);
    struct fetch f;

    if (leg == LIVE_UNREACHABLE || !fetch_all(l, r, order, n, &f))
        return false;
    int64_t start = p->place == place ? p->t : max_64(p->t, l->now);
    int64_t pickup = max_64(max_64(start + leg + f.before, f.ready), l->now);
    if (pickup > r->in.last_pickup)
        return false;
    int64_t t = pickup + f.after, cost = 0;
    for (size_t i = 0; i < n; i++) {
        const struct task *k = &l->tasks[order[i]];
        leg = i == 0 ? k->leg : way(l, place, k->in.dropoff);
        if (leg == LIVE_UNREACHABLE)
            return false;
        t += leg + k->in.dropoff_before;
        if (door != NULL)
            door[i] = t;
        cost += (t - k->soonest) * l->policy.door * weight(k);
        if (t > k->in.promise) {
            if (k->in.hard)
                return false;
            cost += (t - k->in.promise) * l->policy.late * weight(k);
        }
        t += k->in.dropoff_after;
        place = k->in.dropoff;
    }
    if (t > r->in.shift_end)
        return false;
    cost +=
        (way(l, p->place, l->tasks[order[0]].in.pickup) + f.before + (t - pickup)) * l->policy.busy;
    *p = (struct pose){t, place, p->cost + cost};
    return true;
}

/* Money above the guarantee that the courier may be expected to have earned at the end of its
 * shift: what is sure, and what is hoped for, more or less `spread`. */
static int64_t
pay_cost(const struct live *l, const struct rider *r, size_t n)
{
    const struct live_policy *p = &l->policy;
    int64_t over = r->over + (int64_t)n * p->per_order;

    if (over <= -r->spread)
        return 0;
    if (over < r->spread)
        return p->pay * (over + r->spread) * (over + r->spread) / (4 * r->spread);
    return p->pay * over;
}

void
live_pay(const struct live *l, struct rider *r)
{
    r->pay_more = pay_cost(l, r, r->trip.n + 1) - pay_cost(l, r, r->trip.n);
}

int64_t
live_trip_cost(const struct live *l, const struct rider *r)
{
    return r->pose[r->bundles].cost + pay_cost(l, r, r->trip.n);
}

void
live_refresh(struct live *l, struct rider *r)
{
    struct pose p = {r->in.free_from, r->in.place, 0};
    uint32_t b = 0, i = 0;

    r->pose[0] = p;
    while (i < r->trip.n) {
        uint32_t n = 1;
        while (i + n < r->trip.n && (r->trip.joined >> (i + n) & 1) != 0)
            n++;
        r->first[b++] = i;
        /* what has become impossible is the caller's to see: live_sane */
        if (!live_bundle(l, r, r->trip.order + i, n, &p, NULL))
            p = (struct pose){LIVE_NEVER, p.place, LIVE_NEVER};
        r->pose[b] = p;
        i += n;
    }
    /* spread over all bits: orders' ids are near each other, and would undo a small difference */
    uint64_t version = r->stamp ^ (r->trip.joined * 0xd6e8feb86659fd93U);
    for (i = 0; i < r->trip.n; i++)
        version = (version ^ l->tasks[r->trip.order[i]].id) * 0x9e3779b97f4a7c15U + (version >> 29);
    r->first[b] = r->trip.n;
    r->bundles = b;
    r->version = version;
    live_pay(l, r);
}

void
live_restart(struct live *l, struct rider *r)
{
    r->stamp = ++l->stamps * 0xd1342543de82ef95U;
    live_refresh(l, r);
}
