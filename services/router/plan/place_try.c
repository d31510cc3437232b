/* Where an order costs least on one route: every pair of places, each tested in constant time
 * against the slack of what comes behind. */
#include "router/plan/plan_own.h"

struct search {
    struct plan *p;
    const struct task *t;
    struct runner *r;
    const struct place_legs *legs;
    enum plan_verdict furthest;
    struct place best;
    /* Of all drop-offs on this route, at least: */
    int64_t to_ms;  /* driving there */
    int64_t detour; /* what the way becomes dearer by */
    bool shortens;  /* those behind might be better off */
};

/* What an insertion adds to the way. */
struct way {
    int64_t s;
    int64_t m;
};

static void
note(struct search *s, enum plan_verdict v)
{
    if (v > s->furthest)
        s->furthest = v;
}

static struct way
way_add(struct way w, struct travel_cell c)
{
    return (struct way){w.s + c.seconds, w.m + c.metres};
}

static struct way
way_take(struct way w, const struct runner *r, size_t stop)
{
    if (stop < r->n)
        w = (struct way){w.s - r->stops[stop].leg_s, w.m - r->stops[stop].leg_m};
    return w;
}

static int64_t
way_cost(struct way w)
{
    return 1000 * w.s * PLAN_COST_TRAVEL + w.m * PLAN_COST_METRE;
}

static bool
over(uint32_t a, uint32_t b, uint32_t limit, bool zero_is_none)
{
    return (!zero_is_none || limit > 0) && (uint64_t)a + b > limit;
}

bool
place_too_much(const struct runner *r, const struct plan_load *load, const struct plan_load *more)
{
    const struct plan_load *c = &r->in.capacity;

    return over(load->items, more->items, c->items, false) || over(load->g, more->g, c->g, true) ||
           over(load->ml, more->ml, c->ml, true);
}

static int64_t
start_ms(const struct stop *s, int64_t arrive_ms)
{
    return s->kind == PLAN_PICKUP && s->task->in.ready_ms > arrive_ms ? s->task->in.ready_ms
                                                                      : arrive_ms;
}

bool
place_cheaper(const struct place *a, const struct place *b)
{
    if (b->runner == NULL)
        return true;
    if (a->late_ms != b->late_ms)
        return a->late_ms < b->late_ms;
    if (a->cost != b->cost)
        return a->cost < b->cost;
    return a->runner->in.courier < b->runner->in.courier;
}

/* What another arrival costs the customer of this stop. Never later than before when late; earlier
 * is possible where detours are shorter than the way. */
static int64_t
customer_cost(const struct stop *s, int64_t arrive_ms)
{
    int64_t promise_ms = s->task->in.promise_ms;
    int64_t late_ms = 0;

    if (s->kind != PLAN_DROPOFF)
        return 0;
    if (arrive_ms > promise_ms)
        late_ms += arrive_ms - promise_ms;
    if (s->arrive_ms > promise_ms)
        late_ms -= s->arrive_ms - promise_ms;
    return ((arrive_ms - s->arrive_ms) * PLAN_COST_DOOR + late_ms * PLAN_COST_LATE) *
           task_weight(s->task);
}

/* The same for the customers from stop x on when the courier arrives there at arrive_ms. */
static int64_t
tail_cost(const struct runner *r, size_t x, int64_t arrive_ms)
{
    int64_t sum = 0;

    for (; x < r->n; x++) {
        const struct stop *s = &r->stops[x];
        int64_t start = start_ms(s, arrive_ms);
        sum += customer_cost(s, arrive_ms);
        if (start == s->start_ms)
            break;
        if (x + 1 < r->n)
            arrive_ms = start + (s->leave_ms - s->start_ms) + 1000 * (int64_t)s[1].leg_s;
    }
    return sum;
}

/* Can this not beat what was found, whatever the customers behind it get to feel? They are only
 * ever better off when the detour is shorter than the way. */
static bool
beaten(const struct search *s, size_t x, int64_t next_ms, const struct place *at)
{
    const struct place *best = &s->best;

    if (best->runner == NULL || at->late_ms < best->late_ms)
        return false;
    if (at->late_ms > best->late_ms)
        return true;
    return at->cost >= best->cost && (x == s->r->n || next_ms >= s->r->stops[x].arrive_ms);
}

/* The drop-off before stop x of the old route, coming at arrive_ms; `at` says the pickup, `way` and
 * cost what has been added up to here. */
static void
try_dropoff(struct search *s, size_t pickup, size_t x, int64_t arrive_ms, struct way way,
            int64_t cost)
{
    const struct plan_order *o = &s->t->in;
    const struct runner *r = s->r;
    int64_t service_ms = 1000 * (int64_t)o->dropoff_s, next_ms = 0;

    if (arrive_ms + service_ms > r->in.shift_end_ms) {
        note(s, PLAN_SHIFT);
        return;
    }
    way = way_take(way, r, x);
    if (x < r->n) {
        struct travel_cell on = s->legs->from_d[x + 1];
        if (on.seconds == TRAVEL_UNREACHABLE) {
            note(s, PLAN_UNREACHABLE);
            return;
        }
        next_ms = arrive_ms + service_ms + 1000 * (int64_t)on.seconds;
        if (start_ms(&r->stops[x], next_ms) > r->stops[x].latest_ms) {
            note(s, PLAN_OTHERS);
            return;
        }
        way = way_add(way, on);
    }
    struct place at = {
        .runner = s->r,
        .pickup = pickup,
        .dropoff = x,
        .late_ms = arrive_ms > o->promise_ms ? arrive_ms - o->promise_ms : 0,
        .cost =
            cost + (arrive_ms - s->p->now_ms) * PLAN_COST_DOOR * task_weight(s->t) + way_cost(way),
        .dropoff_ms = arrive_ms,
    };
    if (beaten(s, x, next_ms, &at))
        return;
    if (x < r->n)
        at.cost += tail_cost(r, x, next_ms);
    if (place_cheaper(&at, &s->best))
        s->best = at;
}

/* What any drop-off costs at least, once a route: most pickups need not look further. */
static void
survey(struct search *s)
{
    const struct runner *r = s->r;

    s->to_ms = s->detour = NEVER_MS;
    s->shortens = false;
    for (size_t x = r->fixed; x <= r->n; x++) {
        struct travel_cell to = s->legs->to[2 * x + 1];
        if (to.seconds == TRAVEL_UNREACHABLE)
            continue;
        if (1000 * (int64_t)to.seconds < s->to_ms)
            s->to_ms = 1000 * (int64_t)to.seconds;
        struct way w = way_take(way_add((struct way){0, 0}, to), r, x);
        if (x < r->n) {
            struct travel_cell on = s->legs->from_d[x + 1];
            if (on.seconds == TRAVEL_UNREACHABLE)
                continue;
            w = way_add(w, on);
            s->shortens = s->shortens || w.s + s->t->in.dropoff_s < 0;
        }
        if (way_cost(w) < s->detour)
            s->detour = way_cost(w);
    }
}

/* Can no drop-off that comes at door_ms at the earliest beat what was found, the rest costing so
 * much at least? */
static bool
vain(const struct search *s, int64_t door_ms, int64_t cost)
{
    const struct place *best = &s->best;
    int64_t late_ms = door_ms > s->t->in.promise_ms ? door_ms - s->t->in.promise_ms : 0;

    if (best->runner == NULL || late_ms < best->late_ms)
        return false;
    return late_ms > best->late_ms ||
           (door_ms - s->p->now_ms) * PLAN_COST_DOOR * task_weight(s->t) + cost + s->detour >=
               best->cost;
}

/* The pickup before stop i of the old route; all drop-offs behind it. */
static void
try_pickup(struct search *s, size_t i)
{
    const struct plan_order *o = &s->t->in;
    const struct runner *r = s->r;
    struct travel_cell in = s->legs->to[2 * i];
    int64_t idle_ms = s->p->now_ms > r->in.at_ms ? s->p->now_ms : r->in.at_ms;
    int64_t t = i == 0 ? idle_ms : r->stops[i - 1].leave_ms;

    if (in.seconds == TRAVEL_UNREACHABLE || s->legs->across.seconds == TRAVEL_UNREACHABLE) {
        note(s, PLAN_UNREACHABLE);
        return;
    }
    if (place_too_much(r, i == 0 ? &r->carried : &r->stops[i - 1].load, &o->load)) {
        note(s, PLAN_CAPACITY);
        return;
    }
    t += 1000 * (int64_t)in.seconds;
    t = (t > o->ready_ms ? t : o->ready_ms) + 1000 * (int64_t)o->pickup_s;

    struct way way = way_add((struct way){0, 0}, in);
    try_dropoff(s, i, i, t + 1000 * (int64_t)s->legs->across.seconds, way_add(way, s->legs->across),
                0);
    if (i == r->n || s->legs->from_p[i + 1].seconds == TRAVEL_UNREACHABLE)
        return;
    way = way_take(way_add(way, s->legs->from_p[i + 1]), r, i);
    int64_t by_ms = t + s->legs->least_ms, cost = 0;
    t += 1000 * (int64_t)s->legs->from_p[i + 1].seconds;

    bool bounded = !s->shortens && t >= r->stops[i].arrive_ms; /* nobody is better off for it */
    for (size_t k = i; k < r->n; k++) {
        const struct stop *at = &r->stops[k];
        int64_t start = start_ms(at, t);
        int64_t soonest_ms = start + (at->leave_ms - at->start_ms) + s->to_ms;
        if (bounded && vain(s, soonest_ms > by_ms ? soonest_ms : by_ms,
                            way_cost(way) + cost + tail_cost(r, k, t)))
            return;
        if (start > at->own_ms) { /* not latest_ms: a detour may be shorter than the way */
            note(s, PLAN_OTHERS);
            return;
        }
        if (place_too_much(r, &at->load, &o->load)) {
            note(s, PLAN_CAPACITY);
            return;
        }
        cost += customer_cost(at, t);
        t = start + (at->leave_ms - at->start_ms);
        struct travel_cell out = s->legs->to[2 * (k + 1) + 1];
        if (out.seconds == TRAVEL_UNREACHABLE)
            note(s, PLAN_UNREACHABLE);
        else
            try_dropoff(s, i, k + 1, t + 1000 * (int64_t)out.seconds, way_add(way, out), cost);
        if (k + 1 < r->n)
            t += 1000 * (int64_t)r->stops[k + 1].leg_s;
    }
}

enum plan_verdict
place_try(struct plan *p, const struct task *t, struct runner *r, const struct place_legs *legs,
          struct place *best)
{
    struct search s = {.p = p, .t = t, .r = r, .legs = legs, .best = *best};

    route_compute(p, r);
    survey(&s);
    for (size_t i = r->fixed; i <= r->n; i++)
        try_pickup(&s, i);
    *best = s.best;
    return s.best.runner == NULL ? s.furthest : s.best.late_ms > 0 ? PLAN_LATE : PLAN_FITS;
}
