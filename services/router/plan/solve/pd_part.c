/* A part of a large plan: some of its routes, with what was left out beside them, as a problem of
 * its own, small enough to stay in a core's cache. What it finds goes back into the whole. */
#include "router/plan/solve/pd_own.h"

#include <stdlib.h>

enum { NEAR_PART = 120 };

/* What is called how in the part, -1 = not in it. */
struct names {
    int32_t *request;
    int32_t *node;
    int32_t *car;
    int32_t *type;
};

static void
free_names(struct names *x)
{
    free(x->request);
    free(x->node);
    free(x->car);
    free(x->type);
}

static bool
init_names(struct names *x, const struct pd_model *w)
{
    int32_t n[4] = {w->n_requests + 1, w->n_nodes, w->n_cars, w->n_types};
    int32_t **all[4] = {&x->request, &x->node, &x->car, &x->type};
    bool ok = true;

    for (int k = 0; k < 4; k++) {
        *all[k] = malloc((size_t)n[k] * sizeof **all[k]);
        for (int32_t i = 0; *all[k] != NULL && i < n[k]; i++)
            (*all[k])[i] = -1;
        ok = ok && *all[k] != NULL;
    }
    return ok;
}

static void
take_stop(struct pd_model *m, int32_t stop, const struct pd_stop *from, struct names *x,
          int32_t *nodes)
{
    if (x->node[from->node] < 0) {
        x->node[from->node] = m->n_nodes;
        nodes[m->n_nodes++] = from->node;
    }
    m->stops[stop] = *from;
    m->stops[stop].node = x->node[from->node];
}

/* The last node stays the last: the end of open routes. */
static void
take_stops(struct pd_model *m, const struct pd_model *w, const struct pd_part *p, struct names *x,
           int32_t *nodes)
{
    m->n_nodes = 0;
    for (int32_t r = 0; r < m->n_requests; r++) {
        if (!w->terms[p->requests[r]].half)
            take_stop(m, 2 * r, &w->stops[2 * p->requests[r]], x, nodes);
        take_stop(m, 2 * r + 1, &w->stops[2 * p->requests[r] + 1], x, nodes);
    }
    for (int32_t v = 0; v < m->n_cars; v++) {
        const struct pd_stop *from = &w->stops[w->n_stops + 2 * p->cars[v]];
        take_stop(m, m->n_stops + 2 * v, &from[0], x, nodes);
        if (from[1].node < w->n_nodes - 1)
            take_stop(m, m->n_stops + 2 * v + 1, &from[1], x, nodes);
    }
    x->node[w->n_nodes - 1] = m->n_nodes;
    nodes[m->n_nodes++] = w->n_nodes - 1;
    for (int32_t v = 0; v < m->n_cars; v++) {
        const struct pd_stop *to = &w->stops[w->n_stops + 2 * p->cars[v] + 1];
        m->stops[m->n_stops + 2 * v + 1] = *to;
        m->stops[m->n_stops + 2 * v + 1].node = x->node[to->node];
    }
}

static void
take_cars(struct pd_model *m, const struct pd_model *w, const struct pd_part *p, struct names *x)
{
    for (int32_t v = 0; v < m->n_cars; v++) {
        struct pd_car *car = &m->cars[v];
        *car = w->cars[p->cars[v]];
        x->car[p->cars[v]] = v;
        if (x->type[car->type] < 0)
            x->type[car->type] = m->n_types++;
        car->type = x->type[car->type];
    }
    for (int32_t t = 0, n = 0; t < m->n_types; t++) {
        m->first_of[t] = n;
        for (int32_t v = 0; v < m->n_cars; v++)
            if (m->cars[v].type == t)
                m->by_type[n++] = v;
        m->first_of[t + 1] = n;
    }
}

static void
take_terms(struct pd_model *m, const struct pd_model *w, const struct pd_part *p, struct names *x)
{
    for (int32_t r = 0; r < m->n_requests; r++) {
        struct pd_terms *t = &m->terms[r];
        *t = w->terms[p->requests[r]];
        if (t->vehicle >= 0)
            t->vehicle = x->car[t->vehicle];
        m->n_free += !t->fixed;
        x->request[p->requests[r]] = r;
    }
}

static int32_t *
cut_out(const int32_t *of, int32_t n_whole, const int32_t *nodes, int32_t n)
{
    int32_t *y = malloc((size_t)n * (size_t)n * sizeof *y);

    for (int32_t i = 0; y != NULL && i < n; i++)
        for (int32_t j = 0; j < n; j++)
            y[(size_t)i * (size_t)n + (size_t)j] =
                of[(size_t)nodes[i] * (size_t)n_whole + (size_t)nodes[j]];
    return y;
}

/* Equal pointers stay equal. */
static bool
take_class(struct pd_class *c, const struct pd_class *from, int32_t n_whole, const int32_t *nodes,
           int32_t n)
{
    c->metric = from->metric;
    c->time = cut_out(from->time, n_whole, nodes, n);
    c->time_to = from->time_to == from->time ? c->time : cut_out(from->time_to, n_whole, nodes, n);
    c->cost = from->cost == from->time ? c->time : cut_out(from->cost, n_whole, nodes, n);
    c->cost_to = from->cost_to == from->cost      ? c->cost
                 : from->cost_to == from->time_to ? c->time_to
                                                  : cut_out(from->cost_to, n_whole, nodes, n);
    return c->time != NULL && c->time_to != NULL && c->cost != NULL && c->cost_to != NULL;
}

/* The whole's lists without whom the part does not know; -1 ends a list that is shorter. */
static bool
take_near(struct pd_model *m, const struct pd_model *w, const struct pd_part *p,
          const struct names *x)
{
    m->n_near = w->n_near < NEAR_PART ? w->n_near : NEAR_PART;
    for (int which = 0; which < 2; which++) {
        m->near[which] =
            malloc(((size_t)m->n_stops * (size_t)m->n_near + 1) * sizeof *m->near[which]);
        if (m->near[which] == NULL)
            return false;
        for (int32_t stop = 0; stop < m->n_stops; stop++) {
            int32_t whole = 2 * p->requests[stop / 2] + stop % 2;
            const int32_t *from = w->near[which] + (size_t)whole * (size_t)w->n_near;
            int32_t *to = m->near[which] + (size_t)stop * (size_t)m->n_near;
            int32_t n = 0;
            for (int32_t k = 0; k < w->n_near && from[k] >= 0 && n < m->n_near; k++)
                if (x->request[from[k] / 2] >= 0)
                    to[n++] = 2 * x->request[from[k] / 2] + from[k] % 2;
            if (n < m->n_near)
                to[n] = -1;
        }
    }
    return true;
}

static bool
take_allowed(struct pd_model *m, const struct pd_model *w, const struct pd_part *p)
{
    if (w->allowed == NULL)
        return true;
    m->allowed_words = (m->n_cars + 63) / 64;
    m->allowed = calloc((size_t)m->n_requests * (size_t)m->allowed_words + 1, sizeof *m->allowed);
    if (m->allowed == NULL)
        return false;
    for (int32_t r = 0; r < m->n_requests; r++)
        for (int32_t v = 0; v < m->n_cars; v++)
            if (pd_allowed(w, p->requests[r], p->cars[v]))
                m->allowed[(size_t)r * (size_t)m->allowed_words + (size_t)v / 64] |= (uint64_t)1
                                                                                     << (v % 64);
    return true;
}

/* The routes as they are now. */
static void
take_steps(struct pd_model *m, const struct pd_search *s, const struct pd_part *p,
           const struct names *x)
{
    int32_t n = 0;

    for (int32_t v = 0; v < m->n_cars; v++) {
        const struct pd_route *r = &s->routes[p->cars[v]];
        m->first_step[v] = n;
        for (int32_t k = 1; k < r->n - 1; k++)
            m->steps[n++] = 2 * x->request[r->at[k].stop / 2] + r->at[k].stop % 2;
    }
    m->first_step[m->n_cars] = n;
}

static bool
take_model(struct pd_part *p, const struct pd_search *s, struct names *x, int32_t *nodes)
{
    const struct pd_model *w = s->m;
    struct pd_model *m = pd_model_empty((size_t)p->n_requests, (size_t)p->n_cars,
                                        (size_t)w->n_classes, 2 * (size_t)p->n_requests);

    p->m = m;
    if (m == NULL)
        return false;
    m->priced = w->priced;
    m->dearer = w->dearer;
    take_stops(m, w, p, x, nodes);
    take_cars(m, w, p, x);
    take_terms(m, w, p, x);
    for (int32_t c = 0; c < m->n_classes; c++)
        if (!take_class(&m->classes[c], &w->classes[c], w->n_nodes, nodes, m->n_nodes))
            return false;
    take_steps(m, s, p, x);
    pd_fill_chances(m->chances);
    return take_near(m, w, p, x) && take_allowed(m, w, p);
}

/* pd_part_begin: p->requests and p->cars are filled; makes its model and its search. */
bool
pd_part_begin(struct pd_part *p, const struct pd_search *s, uint64_t seed, int32_t spare,
              uint64_t round, uint32_t parts)
{
    struct names x = {0};
    int32_t *nodes = calloc((size_t)s->m->n_nodes, sizeof *nodes);
    bool ok = nodes != NULL && init_names(&x, s->m) && take_model(p, s, &x, nodes);

    free_names(&x);
    free(nodes);
    if (!ok)
        return false;
    int32_t used = spare;
    for (int32_t v = 0; v < p->n_cars; v++)
        used += s->routes[p->cars[v]].n > 2;
    p->search = pd_search_new(p->m, s->fewest, p->length, seed, used);
    if (p->search == NULL)
        return false;
    pd_search_inherit(p->search, s, p->requests, p->length, round, parts);
    return true;
}

void
pd_part_free(struct pd_part *p)
{
    pd_search_free(p->search);
    pd_model_free(p->m);
    free(p->requests);
    free(p->cars);
    *p = (struct pd_part){0};
}

static void
give_route(struct pd_search *s, const struct pd_part *p, int32_t v, const int32_t *stops, int32_t n,
           int32_t *scratch)
{
    for (int32_t k = 0; k < n; k++) {
        scratch[k] = 2 * p->requests[stops[k] / 2] + stops[k] % 2;
        s->car_of[scratch[k] / 2] = p->cars[v];
    }
    pd_route_set(s, p->cars[v], scratch, n);
    s->routes[p->cars[v]].dirty = true;
}

/* pd_part_give: the whole's routes become what the part has, now or at best. Whom it left out is
 * added to those left out. */
void
pd_part_give(struct pd_search *s, struct pd_part *p, bool best, int32_t *scratch)
{
    const struct pd_search *from = p->search;
    const int32_t *left = best ? from->best.left : from->left;
    int32_t n_left = best ? from->best.n_left : from->n_left;

    for (int32_t v = 0; v < p->n_cars; v++) {
        const struct pd_route *r = &from->routes[v];
        if (best) {
            give_route(s, p, v, from->best.stops[v], from->best.n[v], scratch);
            continue;
        }
        for (int32_t k = 1; k < r->n - 1; k++)
            scratch[k - 1] = r->at[k].stop;
        give_route(s, p, v, scratch, r->n - 2, scratch);
    }
    for (int32_t k = 0; k < n_left; k++) {
        int32_t request = p->requests[left[k]];
        s->car_of[request] = -1;
        s->left[s->n_left++] = request;
    }
}
