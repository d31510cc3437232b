/* Where an order costs least: every courier, every pair of places, each tested in constant time
 * against the slack of what comes behind. */
#include "router/plan/plan_own.h"

#include <stdlib.h>

/* Travel to and from the two new stops. Node 0 is the courier's position, node k its stop k - 1. */
struct legs {
    const struct travel_cell *to;     /* [node][0 pickup, 1 drop-off] */
    const struct travel_cell *from_p; /* [node] */
    const struct travel_cell *from_d;
    struct travel_cell across; /* pickup -> drop-off */
};

struct search {
    struct plan *p;
    const struct task *t;
    struct runner *r;
    struct legs legs;
    enum plan_verdict furthest;
    struct place best;
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

static bool
over(uint32_t a, uint32_t b, uint32_t limit, bool zero_is_none)
{
    return (!zero_is_none || limit > 0) && (uint64_t)a + b > limit;
}

static bool
too_much(const struct runner *r, const struct plan_load *load, const struct plan_load *more)
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
    return (arrive_ms - s->arrive_ms) * PLAN_COST_DOOR + late_ms * PLAN_COST_LATE;
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
        struct travel_cell on = s->legs.from_d[x + 1];
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
        .cost = cost + (arrive_ms - s->p->now_ms) * PLAN_COST_DOOR +
                1000 * way.s * PLAN_COST_TRAVEL + way.m * PLAN_COST_METRE,
        .dropoff_ms = arrive_ms,
    };
    if (beaten(s, x, next_ms, &at))
        return;
    if (x < r->n)
        at.cost += tail_cost(r, x, next_ms);
    if (place_cheaper(&at, &s->best))
        s->best = at;
}

/* The pickup before stop i of the old route; all drop-offs behind it. */
static void
try_pickup(struct search *s, size_t i)
{
    const struct plan_order *o = &s->t->in;
    const struct runner *r = s->r;
    struct travel_cell in = s->legs.to[2 * i];
    int64_t idle_ms = s->p->now_ms > r->in.at_ms ? s->p->now_ms : r->in.at_ms;
    int64_t t = i == 0 ? idle_ms : r->stops[i - 1].leave_ms;

    if (in.seconds == TRAVEL_UNREACHABLE || s->legs.across.seconds == TRAVEL_UNREACHABLE) {
        note(s, PLAN_UNREACHABLE);
        return;
    }
    if (too_much(r, i == 0 ? &r->carried : &r->stops[i - 1].load, &o->load)) {
        note(s, PLAN_CAPACITY);
        return;
    }
    t += 1000 * (int64_t)in.seconds;
    t = (t > o->ready_ms ? t : o->ready_ms) + 1000 * (int64_t)o->pickup_s;

    struct way way = way_add((struct way){0, 0}, in);
    try_dropoff(s, i, i, t + 1000 * (int64_t)s->legs.across.seconds, way_add(way, s->legs.across),
                0);
    if (i == r->n || s->legs.from_p[i + 1].seconds == TRAVEL_UNREACHABLE)
        return;
    way = way_take(way_add(way, s->legs.from_p[i + 1]), r, i);
    t += 1000 * (int64_t)s->legs.from_p[i + 1].seconds;

    int64_t cost = 0;
    for (size_t k = i; k < r->n; k++) {
        const struct stop *at = &r->stops[k];
        int64_t start = start_ms(at, t);
        if (start > at->own_ms) { /* not latest_ms: a detour may be shorter than the way */
            note(s, PLAN_OTHERS);
            return;
        }
        if (too_much(r, &at->load, &o->load)) {
            note(s, PLAN_CAPACITY);
            return;
        }
        cost += customer_cost(at, t);
        t = start + (at->leave_ms - at->start_ms);
        struct travel_cell out = s->legs.to[2 * (k + 1) + 1];
        if (out.seconds == TRAVEL_UNREACHABLE)
            note(s, PLAN_UNREACHABLE);
        else
            try_dropoff(s, i, k + 1, t + 1000 * (int64_t)out.seconds, way_add(way, out), cost);
        if (k + 1 < r->n)
            t += 1000 * (int64_t)r->stops[k + 1].leg_s;
    }
}

enum plan_verdict
place_judge(const struct plan *p, const struct task *t, const struct runner *r)
{
    enum plan_verdict ruled = rule_judge(t->rule, r->in.courier);

    if (ruled == PLAN_HELD || ruled == PLAN_PINNED)
        return ruled;
    if (!r->in.open)
        return PLAN_CLOSED;
    if (r->in.frozen)
        return PLAN_FROZEN;
    if (ruled != PLAN_FITS)
        return ruled;
    for (size_t i = 0; i < t->n_bans; i++)
        if (t->bans[i].courier == r->in.courier && t->bans[i].until_ms > p->now_ms)
            return PLAN_BANNED;
    if ((t->in.age_check && !r->in.adult_trained) || (t->in.cold && !r->in.cold_box))
        return PLAN_SKILL;
    if (too_much(r, &(struct plan_load){0, 0, 0}, &t->in.load))
        return PLAN_CAPACITY;
    return PLAN_FITS;
}

static bool
reserve_points(struct plan *p, size_t n)
{
    if (n <= p->room_points)
        return true;
    size_t room = p->room_points == 0 ? 256 : p->room_points * 2;
    while (room < n)
        room *= 2;
    struct latlng *points = realloc(p->points, room * sizeof *points);
    if (points == NULL)
        return false;
    p->points = points;
    bool *unknown = realloc(p->unknown, room * sizeof *unknown);
    if (unknown == NULL)
        return false;
    p->unknown = unknown;
    struct travel_cell *cells = realloc(p->cells, 4 * room * sizeof *cells);
    if (cells == NULL)
        return false;
    p->cells = cells;
    p->room_points = room;
    return true;
}

/* All points of those couriers in this mode that may take the task. */
static enum lc_err
gather(struct plan *p, const struct task *t, struct runner *const *list, size_t size,
       enum travel_mode mode, size_t *n)
{
    *n = 0;
    for (size_t i = 0; i < size; i++) {
        struct runner *r = list[i];
        if (r->in.mode != mode || place_judge(p, t, r) != PLAN_FITS)
            continue;
        if (!reserve_points(p, *n + r->n + 2))
            return LC_ENOMEM;
        p->points[(*n)++] = r->in.at;
        for (size_t k = 0; k < r->n; k++)
            p->points[(*n)++] = r->stops[k].at;
    }
    return LC_OK;
}

/* Places that the provider does not know are asked about as the pickup, and forgotten. How many. */
static size_t
leave_out(struct plan *p, const struct task *t, enum travel_mode mode, size_t n)
{
    size_t left_out = 0;

    for (size_t k = 0; k < n; k++) {
        p->unknown[k] = !travel_knows(p->by, p->points[k], mode);
        if (p->unknown[k])
            p->points[k] = t->in.pickup;
        left_out += p->unknown[k];
    }
    return left_out;
}

/* cells: [n + 1][2] to pickup and drop-off, of which the last row is from the pickup itself, then
 * [n] from the pickup, [n] from the drop-off. */
static enum lc_err
ask(struct plan *p, const struct task *t, enum travel_mode mode, size_t n)
{
    struct latlng ends[2] = {t->in.pickup, t->in.dropoff};
    struct travel_cell *from = p->cells + 2 * (n + 1);
    enum travel_quality q[2];
    enum lc_err err;

    p->points[n] = t->in.pickup;
    err = p->by->matrix(p->by, p->points, n + 1, ends, 2, mode, p->now_ms, p->cells, &q[0]);
    if (err == LC_OK)
        err = p->by->matrix(p->by, ends, 2, p->points, n, mode, p->now_ms, from, &q[1]);
    return err == LC_OK && q[0] != q[1] ? LC_EIO : err;
}

static enum lc_err
travel_of(struct plan *p, const struct task *t, enum travel_mode mode, size_t n)
{
    struct travel_cell *from = p->cells + 2 * (n + 1);
    enum lc_err err = ask(p, t, mode, n);

    if (err != LC_EIO || leave_out(p, t, mode, n) == 0)
        return err;
    p->blind = true;
    err = ask(p, t, mode, n);
    for (size_t k = 0; err == LC_OK && k < n; k++)
        if (p->unknown[k])
            p->cells[2 * k].seconds = p->cells[2 * k + 1].seconds = from[k].seconds =
                from[n + k].seconds = TRAVEL_UNREACHABLE;
    return err;
}

static void
search_runner(struct search *s)
{
    route_compute(s->p, s->r);
    for (size_t i = s->r->fixed; i <= s->r->n; i++)
        try_pickup(s, i);
    if (s->best.runner != NULL)
        s->furthest = s->best.late_ms > 0 ? PLAN_LATE : PLAN_FITS;
}

/* Are both ends of the task known in all modes in which somebody could come? */
static bool
ends_known(const struct plan *p, const struct task *t)
{
    bool asked[TRAVEL_MODES] = {false};

    if (p->travel->knows == NULL)
        return true;
    for (size_t i = 0; i < p->n_runners; i++) {
        enum travel_mode mode = p->runners[i]->in.mode;
        if (asked[mode] || place_judge(p, t, p->runners[i]) != PLAN_FITS)
            continue;
        asked[mode] = true;
        if (!travel_knows(p->travel, t->in.pickup, mode) ||
            !travel_knows(p->travel, t->in.dropoff, mode))
            return false;
    }
    return true;
}

void
place_begin(struct plan *p, const struct task *t)
{
    p->blind = false;
    p->by = p->travel;
    if (!ends_known(p, t))
        (void)place_again(p);
}

bool
place_again(struct plan *p)
{
    if (p->by == p->estimate)
        return false;
    p->blind = false;
    p->by = p->estimate;
    routes_estimate(p);
    return true;
}

void
place_end(struct plan *p)
{
    if (p->by != p->travel)
        routes_restore(p);
    p->by = p->travel;
}

enum lc_err
place_each(struct plan *p, struct task *t, struct runner *const *list, size_t size,
           place_seen *seen, void *ctx)
{
    for (int mode = 0; mode < TRAVEL_MODES; mode++) {
        size_t n, node = 0;
        enum lc_err err = gather(p, t, list, size, (enum travel_mode)mode, &n);

        if (err == LC_OK && n > 0)
            err = travel_of(p, t, (enum travel_mode)mode, n);
        if (err != LC_OK)
            return err;
        for (size_t i = 0; n > 0 && i < size; i++) {
            struct runner *r = list[i];
            if ((int)r->in.mode != mode || place_judge(p, t, r) != PLAN_FITS)
                continue;
            struct search s = {
                .p = p,
                .t = t,
                .r = r,
                .legs = {p->cells + 2 * node, p->cells + 2 * (n + 1) + node,
                         p->cells + 2 * (n + 1) + n + node, p->cells[2 * n + 1]},
                .best = {.runner = NULL},
            };
            search_runner(&s);
            seen(ctx, r, s.furthest, &s.best);
            node += r->n + 1;
        }
    }
    return LC_OK;
}

enum lc_err
place_apply(struct plan *p, struct task *t, const struct place *at)
{
    if (!route_reserve(at->runner, 2))
        return LC_ENOMEM;
    route_insert(p, at->runner, at->pickup, t, PLAN_PICKUP);
    route_insert(p, at->runner, at->dropoff + 1, t, PLAN_DROPOFF);
    t->runner = at->runner;
    t->why = PLAN_FITS;
    return LC_OK;
}
