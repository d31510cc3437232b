#include "router/plan/solve/pd_own.h"

#include <stdlib.h>
#include <string.h>

static uint64_t
pack(const int32_t load[PD_LOADS])
{
    return (uint64_t)load[0] | (uint64_t)load[1] << 21 | (uint64_t)load[2] << 42;
}

/* Nodes get other numbers in here: each the one after its nearest, so that what a route needs of a
 * matrix lies together in memory. was[k]: the caller's number of node k; is: the other way round.
 */
struct order {
    int32_t *was;
    int32_t *is;
};

static bool
fill_order(struct order *o, const int32_t *x, int32_t n)
{
    o->was = calloc((size_t)n + 1, sizeof *o->was);
    o->is = calloc((size_t)n + 1, sizeof *o->is);
    if (o->was == NULL || o->is == NULL)
        return false;
    for (int32_t i = 0; i < n; i++)
        o->was[i] = i;
    for (int32_t i = 1; i < n; i++) {
        const int32_t *row = x + (size_t)o->was[i - 1] * (size_t)n;
        int32_t next = i;
        for (int32_t k = i + 1; k < n; k++)
            if (row[o->was[k]] < row[o->was[next]])
                next = k;
        int32_t node = o->was[next];
        o->was[next] = o->was[i];
        o->was[i] = node;
    }
    for (int32_t i = 0; i < n; i++)
        o->is[o->was[i]] = i;
    return true;
}

/* A copy in that order, with one more node, from and to which all is 0; NULL when out of memory. */
static int32_t *
widened(const int32_t *x, int32_t n, const struct order *o, bool turned)
{
    size_t wide = (size_t)n + 1;
    int32_t *y = calloc(wide * wide, sizeof *y);

    for (size_t i = 0; y != NULL && i < (size_t)n; i++) {
        for (size_t j = 0; j < (size_t)n; j++) {
            size_t from = (size_t)o->was[turned ? j : i];
            size_t to = (size_t)o->was[turned ? i : j];
            y[i * wide + j] = x[from * (size_t)n + to];
        }
    }
    return y;
}

static bool
symmetric(const int32_t *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < i; j++)
            if (x[i * n + j] != x[j * n + i])
                return false;
    return true;
}

static bool
fill_class(struct pd_class *c, const struct pd_matrix *x, int32_t n, const struct order *o)
{
    c->metric = x->metric;
    c->time = widened(x->time, n, o, false);
    c->time_to = symmetric(x->time, (size_t)n) ? c->time : widened(x->time, n, o, true);
    if (x->cost == x->time) {
        c->cost = c->time;
        c->cost_to = c->time_to;
    } else {
        c->cost = widened(x->cost, n, o, false);
        c->cost_to = symmetric(x->cost, (size_t)n) ? c->cost : widened(x->cost, n, o, true);
    }
    return c->time != NULL && c->time_to != NULL && c->cost != NULL && c->cost_to != NULL;
}

static void
free_class(struct pd_class *c)
{
    if (c->cost_to != c->cost && c->cost_to != c->time_to)
        free(c->cost_to);
    if (c->cost != c->time)
        free(c->cost);
    if (c->time_to != c->time)
        free(c->time_to);
    free(c->time);
}

static void
fill_stop(struct pd_stop *s, const struct pd_visit *v, uint64_t load, const struct order *o)
{
    s->open = v->open;
    s->close = v->close;
    s->service = (int32_t)v->service;
    s->node = o->is[v->node];
    s->load = load;
}

static void
fill_request(struct pd_model *m, const struct pd_request *q, int32_t r, const struct order *o)
{
    struct pd_terms *t = &m->terms[r];

    t->unserved = q->unserved;
    t->late = q->late;
    t->wait = q->wait;
    t->promise = q->dropoff.close;
    t->half = q->pickup.node == PD_NOWHERE;
    t->ready = t->half ? q->dropoff.open : q->pickup.open;
    t->skills = q->skills;
    t->vehicle = q->vehicle;
    if (q->late > 0 || q->wait > 0)
        m->priced = true;
    if (!t->half)
        fill_stop(&m->stops[2 * r], &q->pickup, pack(q->load), o);
    fill_stop(&m->stops[2 * r + 1], &q->dropoff, pack(q->load), o);
    if (q->late > 0)
        m->stops[2 * r + 1].close = PD_INFINITE;
}

static void
fill_car(struct pd_model *m, const struct pd_vehicle *c, int32_t v, const struct order *o)
{
    struct pd_car *car = &m->cars[v];
    struct pd_stop *from = &m->stops[m->n_stops + 2 * v];
    struct pd_stop *to = from + 1;

    *car = (struct pd_car){
        .shift_start = c->shift_start,
        .fixed = c->fixed,
        .skills = c->skills,
        .room = pack(c->capacity) + PD_GUARD,
        .matrix = c->matrix,
        .type = -1,
        .n_fixed = (int32_t)c->n_fixed,
    };
    from->open = c->shift_start;
    from->close = PD_INFINITE;
    from->node = o->is[c->start];
    to->open = c->shift_start;
    to->close = c->shift_end;
    to->node = c->end == PD_NOWHERE ? m->n_nodes - 1 : o->is[c->end];
}

/* The steps by stop; what is committed is in time whatever the clock says. */
static void
fill_steps(struct pd_model *m, const struct pd_problem *p)
{
    int32_t n = 0;

    for (int32_t v = 0; v < m->n_cars; v++) {
        const struct pd_vehicle *c = &p->vehicles[v];
        m->first_step[v] = n;
        for (size_t k = 0; k < c->n_steps; k++) {
            int32_t stop = 2 * c->steps[k].request + (c->steps[k].dropoff ? 1 : 0);
            struct pd_terms *t = &m->terms[c->steps[k].request];
            m->steps[n++] = stop;
            if (k >= c->n_fixed)
                continue;
            m->stops[stop].close = PD_INFINITE;
            t->vehicle = v;
            t->fixed = c->steps[k].dropoff;
            t->half = !c->steps[k].dropoff;
        }
    }
    m->first_step[m->n_cars] = n;
}

static bool
alike(const struct pd_problem *p, size_t a, size_t b)
{
    const struct pd_vehicle *x = &p->vehicles[a];
    const struct pd_vehicle *y = &p->vehicles[b];

    return x->start == y->start && x->end == y->end && x->shift_start == y->shift_start &&
           x->shift_end == y->shift_end &&
           memcmp(x->capacity, y->capacity, sizeof x->capacity) == 0 && x->skills == y->skills &&
           x->matrix == y->matrix && x->fixed == y->fixed;
}

/* Vehicles are of one type when they are alike and no request names them. */
static bool
fill_types(struct pd_model *m, const struct pd_problem *p)
{
    bool *named = calloc((size_t)m->n_cars + 1, sizeof *named);
    int32_t *first = calloc((size_t)m->n_cars + 1, sizeof *first); /* vehicle of each type */

    if (named == NULL || first == NULL) {
        free(named);
        free(first);
        return false;
    }
    for (int32_t r = 0; r < m->n_requests; r++)
        if (m->terms[r].vehicle >= 0)
            named[m->terms[r].vehicle] = true;
    for (size_t b = 0; b < p->n_bans; b++)
        named[p->bans[b].vehicle] = true;
    for (int32_t v = 0; v < m->n_cars; v++) {
        int32_t t = m->n_types;
        if (!named[v])
            for (t = 0; t < m->n_types; t++)
                if (!named[first[t]] && alike(p, (size_t)v, (size_t)first[t]))
                    break;
        m->cars[v].type = t;
        if (t == m->n_types)
            first[m->n_types++] = v;
    }
    for (int32_t t = 0, n = 0; t < m->n_types; t++) {
        m->first_of[t] = n;
        for (int32_t v = 0; v < m->n_cars; v++)
            if (m->cars[v].type == t)
                m->by_type[n++] = v;
        m->first_of[t + 1] = n;
    }
    free(named);
    free(first);
    return true;
}

static bool
fill_allowed(struct pd_model *m, const struct pd_problem *p)
{
    bool needed = p->n_bans > 0;
    size_t words = ((size_t)m->n_cars + 63) / 64;

    for (int32_t r = 0; r < m->n_requests; r++)
        needed |= m->terms[r].vehicle >= 0 || m->terms[r].skills != 0;
    m->allowed_words = (int32_t)words;
    if (!needed || m->n_requests == 0 || m->n_cars == 0)
        return true;
    m->allowed = calloc((size_t)m->n_requests * words, sizeof *m->allowed);
    if (m->allowed == NULL)
        return false;
    for (int32_t r = 0; r < m->n_requests; r++) {
        const struct pd_terms *t = &m->terms[r];
        for (int32_t v = 0; v < m->n_cars; v++)
            if ((t->vehicle < 0 || t->vehicle == v) &&
                (t->half || (t->skills & ~m->cars[v].skills) == 0))
                m->allowed[(size_t)r * words + (size_t)v / 64] |= (uint64_t)1 << (v % 64);
    }
    for (size_t b = 0; b < p->n_bans; b++) /* goods already aboard stay there */
        if (!m->terms[p->bans[b].request].half)
            m->allowed[(size_t)p->bans[b].request * words + (size_t)p->bans[b].vehicle / 64] &=
                ~((uint64_t)1 << (p->bans[b].vehicle % 64));
    return true;
}

/* pd_model_empty: one with room for all, and nothing in it. NULL: out of memory. */
struct pd_model *
pd_model_empty(size_t n_requests, size_t n_cars, size_t n_classes, size_t n_steps)
{
    struct pd_model *m = calloc(1, sizeof *m);

    if (m == NULL)
        return NULL;
    m->n_requests = (int32_t)n_requests;
    m->n_stops = 2 * m->n_requests;
    m->n_cars = (int32_t)n_cars;
    m->n_classes = (int32_t)n_classes;
    m->stops = calloc(2 * n_requests + 2 * n_cars, sizeof *m->stops);
    m->terms = calloc(n_requests + 1, sizeof *m->terms);
    m->classes = calloc(n_classes, sizeof *m->classes);
    m->cars = calloc(n_cars + 1, sizeof *m->cars);
    m->steps = calloc(n_steps + 1, sizeof *m->steps);
    m->first_step = calloc(n_cars + 1, sizeof *m->first_step);
    m->by_type = calloc(n_cars + 1, sizeof *m->by_type);
    m->first_of = calloc(n_cars + 1, sizeof *m->first_of);
    if (m->stops == NULL || m->terms == NULL || m->classes == NULL || m->cars == NULL ||
        m->steps == NULL || m->first_step == NULL || m->by_type == NULL || m->first_of == NULL) {
        pd_model_free(m);
        return NULL;
    }
    return m;
}

struct pd_model *
pd_model_new(const struct pd_problem *p)
{
    size_t n_steps = 0;

    for (size_t v = 0; v < p->n_vehicles; v++)
        n_steps += p->vehicles[v].n_steps;
    struct pd_model *m = pd_model_empty(p->n_requests, p->n_vehicles, p->n_matrices, n_steps);
    if (m == NULL)
        return NULL;
    m->n_nodes = p->n_nodes + 1;
    struct order o = {NULL, NULL};
    bool ok = fill_order(&o, p->matrices[0].cost, p->n_nodes);
    m->dearer = true;
    for (int32_t i = 0; ok && i < m->n_classes; i++) {
        ok = fill_class(&m->classes[i], &p->matrices[i], p->n_nodes, &o);
        m->dearer = m->dearer && m->classes[i].metric;
    }
    for (int32_t r = 0; ok && r < m->n_requests; r++)
        fill_request(m, &p->requests[r], r, &o);
    for (int32_t v = 0; ok && v < m->n_cars; v++)
        fill_car(m, &p->vehicles[v], v, &o);
    for (int32_t r = 0; ok && r < m->n_requests; r++)
        if (m->terms[r].half)
            m->cars[m->terms[r].vehicle].aboard += m->stops[2 * r + 1].load;
    if (ok)
        fill_steps(m, p);
    ok = ok && fill_types(m, p) && fill_allowed(m, p) && pd_fill_near(m);
    free(o.was);
    free(o.is);
    if (!ok) {
        pd_model_free(m);
        return NULL;
    }
    pd_fill_chances(m->chances);
    return m;
}

void
pd_model_free(struct pd_model *m)
{
    if (m == NULL)
        return;
    for (int32_t i = 0; m->classes != NULL && i < m->n_classes; i++)
        free_class(&m->classes[i]);
    free(m->stops);
    free(m->terms);
    free(m->classes);
    free(m->cars);
    free(m->near[0]);
    free(m->near[1]);
    free(m->allowed);
    free(m->steps);
    free(m->by_type);
    free(m->first_of);
    free(m->first_step);
    free(m);
}
