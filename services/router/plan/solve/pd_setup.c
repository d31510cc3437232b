/* A search comes into being: memory, the routes as they are today, and a first plan. */
#include "router/plan/solve/pd_own.h"

#include <stdlib.h>

enum { MOST_KNOWN = 1 << 22 }; /* places remembered: 64 MB */

static const struct pd_tuning for_fleets = {5, 320, 8, 100, 10, 0, 12, 20, false, 0, 1, 0, 0, 0};
/* With a few routes of thirty requests the plan of fewest vehicles can be a trap, and a detour
 * leads out of it; else it costs cycles that are missed more. */
static const struct pd_tuning for_middle = {5, 320, 8, 100, 10, 0, 15, 15, true, 2, 2, 8, 0, 0};
/* Large ones: an iteration for fewer vehicles takes as long as three for less cost. */
static const struct pd_tuning for_large = {2,  320,  3, 20, 10,        0, 20,
                                           10, true, 3, 1,  INT32_MAX, 6, 25};
/* One vehicle: there are no other routes to go to, so that finer changes pay. */
static const struct pd_tuning for_one = {4, 60, 8, 100, 50, 100, 12, 20, false, 0, 1, 0, 0, 0};

/* The routes as they are today; what is no valid proposal is left out. */
static void
load_steps(struct pd_search *s)
{
    const struct pd_model *m = s->m;

    for (int32_t r = 0; r < m->n_requests; r++)
        s->car_of[r] = -1;
    for (int32_t v = 0; v < m->n_cars; v++) {
        const int32_t *stops = m->steps + m->first_step[v];
        int32_t n = m->first_step[v + 1] - m->first_step[v];
        pd_route_set(s, v, stops, n);
        const struct pd_route *r = &s->routes[v];
        bool valid = true;
        for (int32_t k = m->cars[v].n_fixed + 1; k < r->n; k++)
            valid = valid && r->at[k].start <= r->at[k].close &&
                    !pd_overloaded(m->cars[v].room, r->at[k].load) &&
                    (r->at[k].stop >= m->n_stops || pd_allowed(m, r->at[k].stop / 2, v));
        if (!valid)
            pd_route_set(s, v, stops, n = m->cars[v].n_fixed);
        for (int32_t k = 0; k < n; k++)
            if (stops[k] % 2 == 1)
                s->car_of[stops[k] / 2] = v;
        s->routes[v].dirty = true;
    }
    for (int32_t r = 0; r < m->n_requests; r++)
        if (s->car_of[r] < 0)
            s->left[s->n_left++] = r;
}

void
pd_search_free(struct pd_search *s)
{
    if (s == NULL)
        return;
    for (int32_t v = 0; s->routes != NULL && v < s->m->n_cars; v++) {
        free(s->routes[v].at);
        free(s->routes[v].old);
    }
    pd_best_free(s->m, &s->best);
    free(s->routes);
    free(s->live);
    free(s->car_of);
    free(s->left);
    free(s->left_old);
    free(s->moved);
    free(s->touched);
    free(s->keys);
    free(s->asked);
    free(s->known);
    free(s->seeds);
    free(s->gaps);
    free(s->stamp);
    free(s->gone);
    free(s->absent);
    free(s);
}

static bool
allocate(struct pd_search *s)
{
    size_t n = (size_t)s->m->n_requests + 1;
    size_t cars = (size_t)s->m->n_cars;

    s->routes = calloc(cars, sizeof *s->routes);
    s->live = calloc(cars, sizeof *s->live);
    s->touched = calloc(cars, sizeof *s->touched);
    s->stamp = calloc(cars, sizeof *s->stamp);
    s->asked = calloc(cars, sizeof *s->asked);
    s->car_of = calloc(n, sizeof *s->car_of);
    s->left = calloc(n, sizeof *s->left);
    s->left_old = calloc(n, sizeof *s->left_old);
    s->moved = calloc(2 * n, sizeof *s->moved);
    s->keys = calloc(n, sizeof *s->keys);
    s->seeds = calloc(2 * n, sizeof *s->seeds);
    s->gone = calloc(n, sizeof *s->gone);
    s->absent = calloc(n, sizeof *s->absent);
    s->gaps = calloc(2 * (2 * n + 4), sizeof *s->gaps);
    if (cars > 1 && n * cars <= MOST_KNOWN) {
        s->known = calloc(n * cars, sizeof *s->known);
        if (s->known == NULL)
            return false;
    }
    return s->routes && s->live && s->touched && s->stamp && s->asked && s->car_of && s->left &&
           s->left_old && s->moved && s->keys && s->seeds && s->gone && s->absent && s->gaps &&
           pd_best_init(s->m, &s->best);
}

static int64_t
mean_arc(const struct pd_search *s)
{
    int64_t sum = 0;
    int64_t n = 1;

    for (int32_t k = 0; k < s->n_live; k++) {
        const struct pd_route *r = &s->routes[s->live[k]];
        for (int32_t i = 0; i < r->n - 1; i++)
            sum += r->at[i].cost;
        n += r->n - 1;
    }
    return sum / n + 1;
}

struct pd_search *
pd_search_new(const struct pd_model *m, bool fewest, uint64_t horizon, uint64_t seed,
              int32_t max_live)
{
    struct pd_search *s = calloc(1, sizeof *s);

    if (s == NULL)
        return NULL;
    s->m = m;
    if (!allocate(s)) {
        pd_search_free(s);
        return NULL;
    }
    s->rng.state = seed * 0x9e3779b97f4a7c15u + 1;
    s->tuning = m->n_cars == 1           ? for_one
                : m->n_free >= PD_LARGE  ? for_large
                : m->n_free >= PD_MIDDLE ? for_middle
                                         : for_fleets;
    s->fewest = fewest;
    s->horizon = horizon;
    s->max_live = max_live;
    s->cool_to = 1 << 16;
    s->parts = 1;
    s->now = 1;
    for (int32_t v = 0; v < m->n_cars; v++)
        s->routes[v].live = -1;
    for (int32_t r = 0; r < m->n_requests; r++) {
        if (m->terms[r].fixed)
            continue;
        if (!m->terms[r].half)
            s->seeds[s->n_seeds++] = 2 * r;
        s->seeds[s->n_seeds++] = 2 * r + 1;
    }
    load_steps(s);
    pd_begin(s);
    pd_recreate(s, false, NULL, PD_INFINITE);
    pd_accept(s);
    s->arc = mean_arc(s);
    s->penalty = s->arc * 20;
    for (int32_t v = 0; v < m->n_cars; v++)
        s->routes[v].dirty = true;
    pd_best_keep(s);
    if (s->failed) {
        pd_search_free(s);
        return NULL;
    }
    return s;
}

/* pd_search_inherit: a part's search goes on where the whole's is, for `length` iterations, while
 * the whole, of so many parts, cools as in `round` iterations. */
void
pd_search_inherit(struct pd_search *s, const struct pd_search *whole, const int32_t *requests,
                  uint64_t length, uint64_t round, uint32_t parts)
{
    s->parts = parts;
    s->tuning.hot = whole->tuning.hot;
    s->tuning.cold = whole->tuning.cold;
    s->arc = whole->arc;
    s->penalty = whole->penalty;
    for (int32_t r = 0; r < s->m->n_requests; r++)
        s->absent[r] = whole->absent[requests[r]];
    s->phase = PD_COST;
    s->from = 0;
    s->to = length;
    s->cool_from = pd_search_cooled(whole, whole->done);
    s->cool_to = pd_search_cooled(whole, whole->done + round);
}
