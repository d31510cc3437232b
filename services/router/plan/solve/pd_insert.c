/* The cheapest place of a request in a route. Each pair of gaps is tested in constant time; most
 * are never looked at, because the gaps' costs bound the pair's. */
#include "router/plan/solve/pd_own.h"

static inline int64_t
later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* Blinks (Christiaens and Vanden Berghe 2020): one place in a hundred is overlooked. Asked only for
 * places that would be taken, which comes to the same. */
static inline bool
blinks(struct pd_search *s, bool blink)
{
    return blink && pd_below(&s->rng, 1000) < s->tuning.blinks;
}

/* What a class promises, and with it, what need not be looked at. */
enum kind {
    ANY,
    METRIC,
    ALIKE /* metric, the same in both directions, time and cost one matrix: one look tells all */
};

static inline enum kind
kind_of(const struct pd_class *c)
{
    if (!c->metric)
        return ANY;
    return c->time_to == c->time && c->cost == c->time && c->cost_to == c->time ? ALIKE : METRIC;
}

/* One end of a request, with the matrix rows from and to it. */
struct end {
    const int32_t *time;    /* from it */
    const int32_t *time_to; /* to it */
    const int32_t *cost;
    const int32_t *cost_to;
    int64_t open;
    int64_t close;
    int64_t service;
};

static inline struct end
end_of(const struct pd_model *m, const struct pd_class *c, int32_t stop)
{
    const struct pd_stop *s = &m->stops[stop];
    size_t row = (size_t)s->node * (size_t)m->n_nodes;

    return (struct end){c->time + row, c->time_to + row, c->cost + row, c->cost_to + row,
                        s->open,       s->close,         s->service};
}

/* Along a route both the earliest departure and the latest start only grow, given a triangle. So
 * the gaps in which a stop can be in time lie together: they begin at the first whose next stop may
 * still wait for it ... */
static inline int32_t
first_gap(const struct pd_pos *at, int32_t low, int32_t high, const struct end *e)
{
    while (low <= high) {
        int32_t middle = (low + high) / 2;
        if (at[middle + 1].late < e->open + e->service)
            low = middle + 1;
        else
            high = middle - 1;
    }
    return low;
}

/* ... and end at the last whose stop before is left before this one closes. */
static inline int32_t
last_gap(const struct pd_pos *at, int32_t low, int32_t high, const struct end *e)
{
    while (low <= high) {
        int32_t middle = (low + high) / 2;
        if (at[middle].start + at[middle].service > e->close)
            high = middle - 1;
        else
            low = middle + 1;
    }
    return high;
}

/* The ways by a stop, from the one before it and to the one behind. */
struct by {
    int64_t time_to;
    int64_t time;
    int64_t cost_to;
    int64_t cost;
};

/* cost[j] of the drop-off alone in gap j, and least[j] from gap j on; PD_INFINITE where even alone
 * it would be late (only a metric rules that out for good). */
static inline void
price_gaps(const struct pd_route *r, const struct end *d, int32_t first, int32_t last,
           enum kind kind, int64_t *gaps)
{
    const struct pd_pos *at = r->at;
    int64_t least = PD_INFINITE;
    struct by by = {0};

    if (kind == ALIKE)
        by.cost_to = d->time[at[last + 1].node]; /* each way is looked up once, and used twice */
    for (int32_t j = last; j >= first; j--) {
        if (kind == ALIKE) {
            int64_t way = d->time[at[j].node];
            by = (struct by){way, by.cost_to, way, by.cost_to};
        } else {
            by = (struct by){d->time_to[at[j].node], d->time[at[j + 1].node],
                             d->cost_to[at[j].node], d->cost[at[j + 1].node]};
        }
        int64_t cost = by.cost_to + by.cost - at[j].cost;
        int64_t t = at[j].start + at[j].service + by.time_to;
        int64_t next = later(t, d->open) + d->service + by.time;
        /* Without a branch, which nobody could predict: the ways of the next gaps are on their way
         * from memory meanwhile. */
        if (kind != ANY) {
            int64_t out = -(int64_t)((t > d->close) | (next > at[j + 1].late));
            cost = (cost & ~out) | (PD_INFINITE & out);
        }
        least = cost < least ? cost : least;
        gaps[2 * j] = cost;
        gaps[2 * j + 1] = least;
    }
}

/* A request on its way into a route. */
struct pair {
    const struct pd_route *r;
    struct end p;
    struct end d;
    uint64_t load;
    uint64_t room;
    int32_t car;
    int32_t first; /* gaps for the drop-off */
    int32_t last;
};

/* The pickup sits in gap i, at cost `first_cost`, and at[i + 1] is reached at t: where does the
 * drop-off go? */
static inline void
walk(struct pd_search *s, const struct pair *x, int32_t i, int64_t first_cost, int64_t t,
     bool metric, bool blink, struct pd_spot *best)
{
    const struct pd_pos *at = x->r->at;
    const struct end *d = &x->d;
    const int64_t *gaps = s->gaps;

    for (int32_t j = i + 1; j <= x->last; j++) {
        int32_t from = j > x->first ? j : x->first;
        t = later(t, at[j].open);
        if (t > (metric ? at[j].late : at[j].close) ||
            pd_overloaded(x->room, at[j].load + x->load) ||
            first_cost + gaps[2 * from + 1] >= best->cost)
            return;
        t += at[j].service;
        int64_t cost = j == from ? first_cost + gaps[2 * j] : PD_INFINITE;
        if (cost < best->cost) {
            int64_t a = t + d->time_to[at[j].node];
            if (a > d->close && metric)
                return;
            int64_t next = later(a, d->open) + d->service + d->time[at[j + 1].node];
            if (a <= d->close && next <= at[j + 1].late && !blinks(s, blink))
                *best = (struct pd_spot){cost, x->car, i, j};
        }
        t += at[j].travel;
    }
}

/* Which gaps may take the drop-off, and the pickup? False: none, or none that beats *best. */
__attribute__((always_inline)) static inline bool
bound_gaps(struct pd_search *s, struct pair *x, enum kind kind, const struct pd_spot *best,
           int32_t *first, int32_t *last)
{
    const struct pd_pos *at = x->r->at;

    x->first = *first = s->m->cars[x->car].n_fixed;
    x->last = x->r->n - 2;
    if (kind != ANY) {
        x->last = last_gap(at, *first, x->last, &x->d);
        x->first = first_gap(at, *first, x->last, &x->d);
        if (x->first > x->last)
            return false;
    }
    *last = x->r->n - 2;
    s->work += (uint64_t)(x->last - x->first);
    price_gaps(x->r, &x->d, x->first, x->last, kind, s->gaps);
    if (kind != ANY) {
        if (s->gaps[2 * x->first + 1] >= best->cost)
            return false;
        *first = first_gap(at, *first, x->last, &x->p);
        *last = last_gap(at, *first, x->last, &x->p);
    }
    return true;
}

__attribute__((always_inline)) static inline void
place_pair(struct pd_search *s, struct pair *x, int32_t request, enum kind kind, bool blink,
           struct pd_spot *best)
{
    const struct pd_pos *at = x->r->at;
    const struct end *p = &x->p;
    const struct end *d = &x->d;
    const int64_t *gaps = s->gaps;
    const size_t arc = (size_t)s->m->stops[2 * request + 1].node;
    const bool metric = kind != ANY;
    struct by by;
    int32_t first;
    int32_t last;

    if (!bound_gaps(s, x, kind, best, &first, &last) || first > last)
        return;
    by.cost = p->cost_to[at[first].node];
    for (int32_t i = first; i <= last; i++) {
        int64_t leave = at[i].start + at[i].service;
        int32_t from = i > x->first ? i : x->first;
        if (kind == ALIKE)
            by.time_to = by.cost_to = by.cost;
        else
            by.time_to = p->time_to[at[i].node];
        if (kind == ALIKE)
            by.time = by.cost = p->time[at[i + 1].node];
        if (leave > p->close || (metric && gaps[2 * from + 1] >= best->cost))
            return;
        if (pd_overloaded(x->room, at[i].load + x->load))
            continue;
        int64_t t = leave + by.time_to;
        if (t > p->close) {
            if (metric)
                return;
            continue;
        }
        if (kind != ALIKE)
            by = (struct by){by.time_to, p->time[at[i + 1].node], p->cost_to[at[i].node],
                             p->cost[at[i + 1].node]};
        t = later(t, p->open) + p->service;
        int64_t next = t + by.time;
        if (metric && next > at[i + 1].late)
            continue;
        int64_t pair = by.cost_to + p->cost[arc] + d->cost[at[i + 1].node] - at[i].cost;
        if (pair < best->cost) {
            int64_t a = t + p->time[arc];
            int64_t on = later(a, d->open) + d->service + d->time[at[i + 1].node];
            if (a <= d->close && on <= at[i + 1].late && !blinks(s, blink))
                *best = (struct pd_spot){pair, x->car, i, i};
        }
        int64_t alone = by.cost_to + by.cost - at[i].cost;
        from = from > i ? from : i + 1;
        if (i < x->last && alone + gaps[2 * from + 1] < best->cost)
            walk(s, x, i, alone, next, metric, blink, best);
    }
}

static void
seek_pair(struct pd_search *s, int32_t request, int32_t car, bool blink, struct pd_spot *best)
{
    const struct pd_model *m = s->m;
    const struct pd_class *c = &m->classes[m->cars[car].matrix];
    struct pair x = {
        .r = &s->routes[car],
        .p = end_of(m, c, 2 * request),
        .d = end_of(m, c, 2 * request + 1),
        .load = m->stops[2 * request].load,
        .room = m->cars[car].room,
        .car = car,
    };

    switch (kind_of(c)) {
    case ALIKE:
        place_pair(s, &x, request, ALIKE, blink, best);
        break;
    case METRIC:
        place_pair(s, &x, request, METRIC, blink, best);
        break;
    case ANY:
        place_pair(s, &x, request, ANY, blink, best);
        break;
    }
}

/* Of a request whose goods are aboard: the drop-off alone. Until it is placed the load stays
 * aboard, so that it must come before the first stop behind which there is too much. */
static void
seek_half(struct pd_search *s, int32_t request, int32_t car, struct pd_spot *best)
{
    const struct pd_model *m = s->m;
    const struct pd_route *r = &s->routes[car];
    const struct pd_class *c = &m->classes[m->cars[car].matrix];
    const struct end d = end_of(m, c, 2 * request + 1);
    const struct pd_pos *at = r->at;

    s->work += (uint64_t)r->n;
    for (int32_t j = m->cars[car].n_fixed; j <= r->n - 2; j++) {
        if (j > m->cars[car].n_fixed && pd_overloaded(m->cars[car].room, at[j].load))
            return;
        int64_t cost = (int64_t)d.cost_to[at[j].node] + d.cost[at[j + 1].node] - at[j].cost;
        int64_t t = at[j].start + at[j].service + d.time_to[at[j].node];
        int64_t next = later(t, d.open) + d.service + d.time[at[j + 1].node];
        if (cost < best->cost && t <= d.close && next <= at[j + 1].late)
            *best = (struct pd_spot){cost, car, j, j};
    }
}

/* The price of lateness and waiting when at[k] is reached at t and all behind follows; PD_INFINITE
 * when somebody is late. */
static int64_t
follow(const struct pd_model *m, const struct pd_route *r, int32_t k, int64_t t)
{
    int64_t price = 0;

    for (; k < r->n; k++) {
        t = later(t, r->at[k].open);
        if (t > r->at[k].close)
            return PD_INFINITE;
        price += pd_price(m, r->at[k].stop, t);
        t += r->at[k].service + r->at[k].travel;
    }
    return price;
}

/* Where lateness or waiting have a price: every pair of gaps, the whole way behind it. `before` is
 * what the route pays up to the gap, so that the difference counts. */
static void
seek_priced(struct pd_search *s, int32_t request, int32_t car, bool blink, struct pd_spot *best)
{
    const struct pd_model *m = s->m;
    const struct pd_route *r = &s->routes[car];
    const struct pd_class *c = &m->classes[m->cars[car].matrix];
    bool half = m->terms[request].half;
    const struct end d = end_of(m, c, 2 * request + 1);
    const struct end p = half ? d : end_of(m, c, 2 * request);
    const struct pd_pos *at = r->at;
    uint64_t room = m->cars[car].room;
    uint64_t load = half ? 0 : m->stops[2 * request].load;
    int32_t first = m->cars[car].n_fixed;
    int64_t now = 0; /* what the route from at[i + 1] on pays today */

    s->work += (uint64_t)r->n;
    for (int32_t k = first + 1; k < r->n; k++)
        now += pd_price(m, at[k].stop, at[k].start);
    for (int32_t i = first; i <= r->n - 2; i++) {
        if (i > first)
            now -= pd_price(m, at[i].stop, at[i].start);
        int64_t t = at[i].start + at[i].service;
        int64_t base = -now;
        int32_t node = at[i].node;
        if (i > first && half && pd_overloaded(room, at[i].load))
            return;
        if (!half) {
            if (t > p.close)
                return;
            t += p.time_to[node];
            if (t > p.close || pd_overloaded(room, at[i].load + load))
                continue;
            t = later(t, p.open) + p.service;
            base += p.cost_to[node] - (int64_t)at[i].cost;
            node = m->stops[2 * request].node;
        }
        for (int32_t j = i; j <= r->n - 2; j++) {
            int32_t next = at[j + 1].node;
            size_t arc = (size_t)node;
            int64_t a = later(t + d.time_to[arc], d.open);
            int64_t cost = base + d.cost_to[arc] + d.cost[next];
            if (half || j > i)
                cost -= at[j].cost;
            if (a <= d.close && cost < best->cost) {
                int64_t behind = follow(m, r, j + 1, a + d.service + d.time[next]);
                cost += pd_price(m, 2 * request + 1, a) + behind;
                if (behind < PD_INFINITE && cost < best->cost && !blinks(s, blink))
                    *best = (struct pd_spot){cost, car, i, j};
            }
            if (half)
                break;
            size_t leg = (size_t)node * (size_t)m->n_nodes + (size_t)next;
            t = later(t + c->time[leg], at[j + 1].open);
            if (t > at[j + 1].close || pd_overloaded(room, at[j + 1].load + load))
                break;
            base += pd_price(m, at[j + 1].stop, t);
            if (j == i)
                base += c->cost[leg];
            t += at[j + 1].service;
            node = next;
        }
    }
}

static void
seek(struct pd_search *s, int32_t request, int32_t car, bool blink, struct pd_spot *best)
{
    const struct pd_model *m = s->m;

    s->work += 8;
    if (m->priced)
        seek_priced(s, request, car, blink, best);
    else if (m->terms[request].half)
        seek_half(s, request, car, best);
    else
        seek_pair(s, request, car, blink, best);
}

/* pd_seek: the cheapest place of the request in this car's route, when it beats *best. What was
 * found out before and still holds is not sought again: the place, or that there is none below a
 * cost. */
void
pd_seek(struct pd_search *s, int32_t request, int32_t car, bool blink, struct pd_spot *best)
{
    const struct pd_model *m = s->m;

    if (!pd_allowed(m, request, car))
        return;
    if (s->known == NULL) {
        seek(s, request, car, blink, best);
        return;
    }
    struct pd_known *k = &s->known[(size_t)request * (size_t)m->n_cars + (size_t)car];
    if (k->version == s->routes[car].version) {
        if (k->cost >= best->cost)
            return;
    } else {
        k->i = -1;
    }
    if (k->i < 0) {
        struct pd_spot spot = {best->cost, -1, 0, 0};
        seek(s, request, car, false, &spot);
        *k = (struct pd_known){spot.cost, s->routes[car].version, -1, 0};
        if (spot.car < 0)
            return;
        k->i = (int16_t)spot.i;
        k->j = (int16_t)spot.j;
    }
    if (blinks(s, blink))
        seek(s, request, car, true, best);
    else
        *best = (struct pd_spot){k->cost, car, k->i, k->j};
}
