/* pd_world: small problems by chance, and a check of plans that shares nothing with the solver. */
#ifndef LC_TESTS_PD_WORLD_H
#define LC_TESTS_PD_WORLD_H

#include "router/plan/solve/pd.h"

#include <stdio.h>
#include <string.h>

enum { WORLD_REQUESTS = 200, WORLD_CARS = 36, WORLD_NODES = 2 * WORLD_REQUESTS + WORLD_CARS + 1 };

struct pd_world {
    struct pd_problem p;
    struct pd_matrix matrices[2];
    int32_t arcs[4][WORLD_NODES * WORLD_NODES];
    struct pd_request requests[WORLD_REQUESTS];
    struct pd_vehicle vehicles[WORLD_CARS];
    struct pd_step steps[WORLD_CARS][2 * WORLD_REQUESTS];
    struct pd_ban bans[8];
    uint64_t state;
};

static uint32_t
world_chance(struct pd_world *w, uint32_t n)
{
    w->state = w->state * 6364136223846793005u + 1442695040888963407u;
    n = n > 0 ? n : 1;
    return (uint32_t)((w->state >> 33) % n);
}

/* Neither symmetric nor metric; vehicles of two kinds, some with a way home; loads in three
 * dimensions, skills, a ban, a pin. priced: lateness and waiting cost. */
static void
world_random(struct pd_world *w, uint64_t seed, int32_t requests, int32_t cars, bool priced)
{
    memset(w, 0, sizeof *w);
    w->state = seed * 77 + 5;
    int32_t nodes = 2 * requests + cars + 1;
    for (int k = 0; k < 4; k++)
        for (int32_t i = 0; i < nodes * nodes; i++)
            w->arcs[k][i] = 5 + (int32_t)world_chance(w, 100);
    w->matrices[0] = (struct pd_matrix){w->arcs[0], w->arcs[1], false};
    w->matrices[1] = (struct pd_matrix){w->arcs[2], w->arcs[3], false};
    for (int32_t r = 0; r < requests; r++) {
        struct pd_request *q = &w->requests[r];
        int64_t open = world_chance(w, 600);
        q->pickup =
            (struct pd_visit){2 * r, open, open + 60 + world_chance(w, 300), world_chance(w, 10)};
        q->dropoff = (struct pd_visit){2 * r + 1, open, open + 150 + world_chance(w, 400),
                                       world_chance(w, 10)};
        for (int d = 0; d < PD_LOADS; d++)
            q->load[d] = (int32_t)world_chance(w, 6);
        q->skills = world_chance(w, 4) == 0 ? 1u << world_chance(w, 2) : 0;
        q->vehicle = world_chance(w, 10) == 0 ? (int32_t)world_chance(w, (uint32_t)cars) : PD_ANY;
        q->unserved = world_chance(w, 3) == 0 ? 300 + world_chance(w, 300) : 0;
        q->late = priced && world_chance(w, 2) == 0 ? 1 + world_chance(w, 5) : 0;
        q->wait = priced && world_chance(w, 3) == 0 ? 1 : 0;
    }
    for (int32_t v = 0; v < cars; v++) {
        struct pd_vehicle *c = &w->vehicles[v];
        c->start = 2 * requests + v;
        c->end = world_chance(w, 2) == 0 ? 2 * requests + cars : PD_NOWHERE;
        c->shift_end = 900 + world_chance(w, 400);
        for (int d = 0; d < PD_LOADS; d++)
            c->capacity[d] = 6 + (int32_t)world_chance(w, 12);
        c->skills = world_chance(w, 4);
        c->matrix = (int32_t)world_chance(w, 2);
        c->fixed = world_chance(w, 50);
    }
    for (size_t b = 0; b < 4; b++)
        w->bans[b] = (struct pd_ban){(int32_t)world_chance(w, (uint32_t)requests),
                                     (int32_t)world_chance(w, (uint32_t)cars)};
    w->p = (struct pd_problem){nodes,        w->matrices,      2,
                               w->requests,  (size_t)requests, w->vehicles,
                               (size_t)cars, w->bans,          4};
}

static inline int32_t
world_root(int64_t x)
{
    int32_t root = 0;

    while ((int64_t)root * root < x)
        root++;
    return root;
}

/* Its arcs become ways between places in a square, rounded up: no detour is shorter. */
static inline void
world_metric(struct pd_world *w, bool promised)
{
    int32_t nodes = w->p.n_nodes;
    int32_t x[WORLD_NODES], y[WORLD_NODES];

    for (int32_t i = 0; i < nodes; i++) {
        x[i] = (int32_t)world_chance(w, 80);
        y[i] = (int32_t)world_chance(w, 80);
    }
    for (int32_t i = 0; i < nodes; i++) {
        for (int32_t j = 0; j < nodes; j++) {
            int64_t dx = x[i] - x[j], dy = y[i] - y[j];
            int32_t way = world_root(dx * dx + dy * dy);
            for (int k = 0; k < 4; k++)
                w->arcs[k][i * nodes + j] = way * (k < 2 ? 1 : 2);
        }
    }
    w->matrices[0].metric = w->matrices[1].metric = promised;
}

/* Vehicle 0 carries request 0 and is committed to the pickup of request 1. */
static inline void
world_commit(struct pd_world *w)
{
    w->requests[0].pickup.node = PD_NOWHERE;
    w->requests[0].vehicle = 0;
    w->requests[0].dropoff.close = 1200;
    w->requests[1].vehicle = PD_ANY;
    w->requests[1].dropoff.close = 1200;
    w->vehicles[0].shift_end = 4000;
    for (size_t b = 0; b < w->p.n_bans; b++)
        w->bans[b].request = 2;
    for (int d = 0; d < PD_LOADS; d++)
        w->vehicles[0].capacity[d] = 30;
    w->steps[0][0] = (struct pd_step){1, false};
    w->vehicles[0].steps = w->steps[0];
    w->vehicles[0].n_steps = w->vehicles[0].n_fixed = 1;
}

static inline bool
world_banned(const struct pd_world *w, int32_t r, int32_t v)
{
    for (size_t b = 0; b < w->p.n_bans; b++)
        if (w->bans[b].request == r && w->bans[b].vehicle == v)
            return true;
    return false;
}

/* Drives one vehicle; adds its cost; says in why what is broken. */
static inline bool
world_drive(const struct pd_world *w, int32_t v, const struct pd_step *steps, size_t n, int *state,
            int64_t *cost, char why[80])
{
    const struct pd_vehicle *c = &w->vehicles[v];
    const struct pd_matrix *x = &w->matrices[c->matrix];
    int64_t aboard[PD_LOADS] = {0};
    int64_t clock = c->shift_start;
    int32_t at = c->start;

    for (size_t r = 0; r < w->p.n_requests; r++)
        for (int d = 0; d < PD_LOADS && w->requests[r].pickup.node < 0; d++)
            aboard[d] += w->requests[r].vehicle == v ? w->requests[r].load[d] : 0;
    if (n > 0)
        *cost += c->fixed;
    for (size_t k = 0; k < n; k++) {
        int32_t r = steps[k].request;
        const struct pd_request *q = &w->requests[r];
        const struct pd_visit *to = steps[k].dropoff ? &q->dropoff : &q->pickup;
        bool committed = k < c->n_fixed;
        bool carried = q->pickup.node < 0;
        clock += x->time[at * w->p.n_nodes + to->node];
        *cost += x->cost[at * w->p.n_nodes + to->node];
        clock = clock > to->open ? clock : to->open;
        const char *broken = NULL;
        if (clock > to->close && !committed && !(steps[k].dropoff && q->late > 0))
            broken = "late";
        if (state[r] != (steps[k].dropoff ? (carried ? 0 : v + 1) : 0))
            broken = "out of order";
        if (!carried && !committed && !steps[k].dropoff &&
            ((q->skills & ~c->skills) != 0 || world_banned(w, r, v)))
            broken = "not allowed";
        if (q->vehicle != PD_ANY && q->vehicle != v)
            broken = "another's";
        if (committed &&
            (steps[k].request != c->steps[k].request || steps[k].dropoff != c->steps[k].dropoff))
            broken = "not what is committed";
        state[r] = steps[k].dropoff ? -1 : v + 1;
        for (int d = 0; d < PD_LOADS; d++) {
            aboard[d] += steps[k].dropoff ? -q->load[d] : q->load[d];
            if (aboard[d] > c->capacity[d] && !committed && !steps[k].dropoff)
                broken = "too much to carry";
        }
        snprintf(why, 80, "vehicle %d, step %zu, request %d: %s", v, k, r, broken ? broken : "");
        if (broken != NULL)
            return false;
        if (steps[k].dropoff && q->late > 0 && clock > q->dropoff.close)
            *cost += q->late * (clock - q->dropoff.close);
        int64_t ready = carried ? q->dropoff.open : q->pickup.open;
        if (steps[k].dropoff && clock > ready)
            *cost += q->wait * (clock - ready);
        clock += to->service;
        at = to->node;
    }
    if (n > 0 && c->end != PD_NOWHERE) {
        clock += x->time[at * w->p.n_nodes + c->end];
        *cost += x->cost[at * w->p.n_nodes + c->end];
    }
    snprintf(why, 80, "vehicle %d: its shift, or fewer steps than committed", v);
    return n >= c->n_fixed && (n == 0 || clock <= c->shift_end);
}

/* Is the solver's plan one of this world, and are its figures right? why is empty then. */
static inline void
world_check(const struct pd_world *w, const struct pd_solver *s, char why[80])
{
    struct pd_step steps[2 * WORLD_REQUESTS];
    struct pd_figures f = pd_figures(s);
    int state[WORLD_REQUESTS] = {0};
    int64_t cost = 0;
    size_t unserved = 0, used = 0;

    for (size_t v = 0; v < w->p.n_vehicles; v++) {
        size_t n = pd_route(s, v, steps, 2 * WORLD_REQUESTS);
        used += n > 0;
        if (!world_drive(w, (int32_t)v, steps, n, state, &cost, why))
            return;
    }
    for (size_t r = 0; r < w->p.n_requests; r++) {
        bool served = state[r] == -1;
        cost += served ? 0 : w->requests[r].unserved;
        unserved += !served;
        snprintf(why, 80, "request %zu: picked up and never delivered, or told wrongly", r);
        bool committed = state[r] > 0 && w->vehicles[state[r] - 1].n_fixed > 0;
        if (served != pd_served(s, r) || (state[r] > 0 && !committed))
            return;
    }
    snprintf(why, 80, "figures: %zu unserved, %zu used, cost %lld; told %zu, %zu, %lld", unserved,
             used, (long long)cost, f.unserved, f.vehicles, (long long)f.cost);
    if (unserved == f.unserved && used == f.vehicles && cost == f.cost)
        why[0] = '\0';
}

#endif
