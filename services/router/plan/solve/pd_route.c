/* Routes as arrays of positions, kept ready for constant-time tests: earliest and latest start and
 * load at each. A route is saved before its first change in an iteration, so that undoing costs
 * no more than what was touched. */
#include "router/plan/solve/pd_own.h"

#include <stdlib.h>
#include <string.h>

static void
enter(const struct pd_model *m, struct pd_pos *at, int32_t stop)
{
    const struct pd_stop *s = &m->stops[stop];

    at->open = s->open;
    at->close = s->close;
    at->node = s->node;
    at->stop = stop;
    at->service = s->service;
}

static int64_t
later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* What lateness and waiting at the stop cost when it is served at this time. */
int64_t
pd_price(const struct pd_model *m, int32_t stop, int64_t start)
{
    int64_t sum = 0;

    if (stop >= m->n_stops || stop % 2 == 0)
        return 0;
    const struct pd_terms *t = &m->terms[stop / 2];
    if (t->late > 0 && start > t->promise)
        sum += (start - t->promise) * t->late;
    if (t->wait > 0 && start > t->ready)
        sum += (start - t->ready) * t->wait;
    return sum;
}

/* Versions come to an end after four thousand million changes; nothing is known then. */
static uint32_t
next_version(struct pd_search *s)
{
    if (++s->version == 0) {
        size_t n = (size_t)s->m->n_requests * (size_t)s->m->n_cars;
        for (size_t k = 0; s->known != NULL && k < n; k++)
            s->known[k].version = 0;
        for (int32_t v = 0; v < s->m->n_cars; v++)
            s->routes[v].version = s->routes[v].version_old = ++s->version;
        s->version++;
    }
    return s->version;
}

/* The latest start at a position from that of the next. */
static int64_t
latest(const struct pd_pos *at)
{
    int64_t late = at[1].late - at->travel - at->service;

    late = late < at->close ? late : at->close;
    return late < at->open ? -PD_INFINITE : late; /* too late however early it comes */
}

static void
set_leg(const struct pd_model *m, const struct pd_class *c, struct pd_pos *at)
{
    size_t arc = (size_t)at->node * (size_t)m->n_nodes + (size_t)at[1].node;

    at->travel = c->time[arc];
    at->cost = c->cost[arc];
}

/* Legs, times, loads and cost from position `from` on, latest starts before it too. */
static void
refresh(struct pd_search *s, int32_t car, int32_t from)
{
    const struct pd_model *m = s->m;
    struct pd_route *r = &s->routes[car];
    const struct pd_class *c = &m->classes[m->cars[car].matrix];
    struct pd_pos *at = r->at;
    int64_t cost = 0;

    r->version = next_version(s);
    if (from < 1)
        from = 1;
    at[0].start = m->cars[car].shift_start;
    at[0].load = m->cars[car].aboard;
    for (int32_t k = from; k < r->n; k++) {
        set_leg(m, c, &at[k - 1]);
        at[k].start = later(at[k - 1].start + at[k - 1].service + at[k - 1].travel, at[k].open);
        at[k].load = at[k - 1].load;
        if (at[k].stop < m->n_stops) {
            uint64_t load = m->stops[at[k].stop].load;
            at[k].load += at[k].stop % 2 == 0 ? load : -load;
        }
    }
    at[r->n - 1].late = at[r->n - 1].close;
    for (int32_t k = r->n - 2; k >= 0; k--) {
        int64_t late = latest(&at[k]);
        if (k < from - 1 && late == at[k].late)
            break;
        at[k].late = late;
    }
    if (r->n == 2) { /* not used */
        at[0].cost = (int32_t)-m->cars[car].fixed;
        r->cost = 0;
        return;
    }
    for (int32_t k = 0; k < r->n - 1; k++)
        cost += at[k].cost;
    for (int32_t k = 1; m->priced && k < r->n - 1; k++)
        cost += pd_price(m, at[k].stop, at[k].start);
    r->cost = cost + m->cars[car].fixed;
}

static bool
reserve(struct pd_pos **at, int32_t *room, int32_t n)
{
    if (n <= *room)
        return true;
    int32_t more = n + n / 2 + 14;
    struct pd_pos *bigger = realloc(*at, (size_t)more * sizeof *bigger);
    if (bigger == NULL)
        return false;
    *at = bigger;
    *room = more;
    return true;
}

static void
set_live(struct pd_search *s, int32_t car)
{
    struct pd_route *r = &s->routes[car];

    if ((r->n > 2) == (r->live >= 0))
        return;
    if (r->live < 0) {
        r->live = s->n_live;
        s->live[s->n_live++] = car;
        return;
    }
    int32_t last = s->live[--s->n_live];
    s->live[r->live] = last;
    s->routes[last].live = r->live;
    r->live = -1;
}

/* pd_route_set: a route's planned stops, all of them. Does not save, nor look at who is where. */
void
pd_route_set(struct pd_search *s, int32_t car, const int32_t *stops, int32_t n)
{
    struct pd_route *r = &s->routes[car];

    if (!reserve(&r->at, &r->room, n + 2)) {
        s->failed = true;
        return;
    }
    s->cost -= r->cost;
    enter(s->m, &r->at[0], s->m->n_stops + 2 * car);
    for (int32_t k = 0; k < n; k++)
        enter(s->m, &r->at[k + 1], stops[k]);
    enter(s->m, &r->at[n + 1], s->m->n_stops + 2 * car + 1);
    r->n = n + 2;
    refresh(s, car, 1);
    s->cost += r->cost;
    set_live(s, car);
}

/* pd_in_time: is nobody served too late behind what is committed? */
bool
pd_in_time(const struct pd_search *s, int32_t car)
{
    const struct pd_route *r = &s->routes[car];
    const struct pd_pos *last = &r->at[s->m->cars[car].n_fixed];

    return r->n == 2 || last->start <= last->late;
}

/* pd_begin: a new iteration; what is changed from here on can be undone. */
void
pd_begin(struct pd_search *s)
{
    s->now++;
    s->n_moved = 0;
    memcpy(s->left_old, s->left, (size_t)s->n_left * sizeof *s->left);
    s->n_left_old = s->n_left;
    for (int32_t k = 0; k < s->n_left; k++)
        s->moved[s->n_moved++] = (struct pd_moved){s->left[k], -1};
}

void
pd_touch(struct pd_search *s, int32_t car)
{
    struct pd_route *r = &s->routes[car];

    if (r->saved == s->now)
        return;
    if (!reserve(&r->old, &r->room_old, r->n)) {
        s->failed = true;
        return;
    }
    memcpy(r->old, r->at, (size_t)r->n * sizeof *r->at);
    r->n_old = r->n;
    r->cost_old = r->cost;
    r->version_old = r->version;
    r->saved = s->now;
    s->touched[s->n_touched++] = car;
}

/* pd_undo: as it was at pd_begin. */
void
pd_undo(struct pd_search *s)
{
    for (int32_t k = 0; k < s->n_touched; k++) {
        struct pd_route *r = &s->routes[s->touched[k]];
        struct pd_pos *at = r->at;
        int32_t room = r->room;
        r->at = r->old;
        r->room = r->room_old;
        r->old = at;
        r->room_old = room;
        r->n = r->n_old;
        s->cost += r->cost_old - r->cost;
        r->cost = r->cost_old;
        r->version = r->version_old;
        set_live(s, s->touched[k]);
    }
    s->n_touched = 0;
    for (int32_t k = 0; k < s->n_moved; k++)
        s->car_of[s->moved[k].request] = s->moved[k].car;
    memcpy(s->left, s->left_old, (size_t)s->n_left_old * sizeof *s->left);
    s->n_left = s->n_left_old;
}

/* pd_accept: what was changed since pd_begin stays. */
void
pd_accept(struct pd_search *s)
{
    for (int32_t k = 0; k < s->n_touched; k++)
        s->routes[s->touched[k]].dirty = true;
    s->n_touched = 0;
}

/* pd_leave_out: the request goes to those left out; pd_drop_gone takes it from its route. */
void
pd_leave_out(struct pd_search *s, int32_t request)
{
    s->moved[s->n_moved++] = (struct pd_moved){request, s->car_of[request]};
    s->gone[request] = true;
    s->left[s->n_left++] = request;
}

/* pd_drop_gone: takes the stops of requests that are gone from the route, but for fixed ones. */
void
pd_drop_gone(struct pd_search *s, int32_t car)
{
    struct pd_route *r = &s->routes[car];
    int32_t fixed = s->m->cars[car].n_fixed;
    int32_t to = 1 + fixed;
    int32_t from;

    pd_touch(s, car);
    while (to < r->n - 1 && !s->gone[r->at[to].stop / 2])
        to++;
    from = to;
    for (int32_t k = to; k < r->n; k++)
        if (k == r->n - 1 || !s->gone[r->at[k].stop / 2])
            r->at[to++] = r->at[k];
    r->n = to;
    s->cost -= r->cost;
    refresh(s, car, from);
    s->cost += r->cost;
    set_live(s, car);
}

/* What changes when stops came in behind at[i], the drop-off being at[d] now: refresh() of that
 * little. */
static void
settle(struct pd_search *s, int32_t car, int32_t i, int32_t d, bool half)
{
    const struct pd_model *m = s->m;
    const struct pd_class *c = &m->classes[m->cars[car].matrix];
    struct pd_route *r = &s->routes[car];
    struct pd_pos *at = r->at;
    uint64_t load = m->stops[at[d].stop].load;

    set_leg(m, c, &at[i]);
    set_leg(m, c, &at[i + 1]);
    set_leg(m, c, &at[d - 1]);
    set_leg(m, c, &at[d]);
    for (int32_t k = i + 1; k < r->n; k++) {
        int64_t start = later(at[k - 1].start + at[k - 1].service + at[k - 1].travel, at[k].open);
        if (k > d && start == at[k].start)
            break;
        at[k].start = start;
    }
    if (half) {
        at[d].load = at[d - 1].load;
        for (int32_t k = d; k < r->n; k++)
            at[k].load -= load;
    } else {
        at[d].load = d == i + 2 ? at[i].load : at[d - 1].load; /* without it */
        at[i + 1].load = at[i].load;
        for (int32_t k = i + 1; k < d; k++)
            at[k].load += load;
    }
    for (int32_t k = d; k >= 0; k--) {
        int64_t late = latest(&at[k]);
        if (k <= i && late == at[k].late)
            break;
        at[k].late = late;
    }
    r->version = next_version(s);
}

/* pd_put: the request goes where the spot says; its index among those left out is not looked at. */
void
pd_put(struct pd_search *s, int32_t request, const struct pd_spot *spot)
{
    struct pd_route *r = &s->routes[spot->car];
    bool half = s->m->terms[request].half;
    int32_t more = half ? 1 : 2;

    pd_touch(s, spot->car);
    if (!reserve(&r->at, &r->room, r->n + more)) {
        s->failed = true;
        return;
    }
    struct pd_pos *at = r->at;
    memmove(at + spot->j + 1 + more, at + spot->j + 1, (size_t)(r->n - spot->j - 1) * sizeof *at);
    enter(s->m, &at[spot->j + more], 2 * request + 1);
    if (!half) {
        memmove(at + spot->i + 2, at + spot->i + 1, (size_t)(spot->j - spot->i) * sizeof *at);
        enter(s->m, &at[spot->i + 1], 2 * request);
    }
    r->n += more;
    settle(s, spot->car, spot->i, spot->j + more, half);
    r->cost += spot->cost;
    s->cost += spot->cost;
    s->car_of[request] = spot->car;
    set_live(s, spot->car);
}
