/* The best plan so far: stops by route, copied for the routes that changed since. */
#include "router/plan/solve/pd_own.h"

#include <stdlib.h>
#include <string.h>

bool
pd_best_init(const struct pd_model *m, struct pd_best *b)
{
    size_t n = (size_t)m->n_cars;

    b->stops = calloc(n, sizeof *b->stops);
    b->n = calloc(n, sizeof *b->n);
    b->room = calloc(n, sizeof *b->room);
    b->left = calloc((size_t)m->n_requests + 1, sizeof *b->left);
    return b->stops != NULL && b->n != NULL && b->room != NULL && b->left != NULL;
}

void
pd_best_free(const struct pd_model *m, struct pd_best *b)
{
    for (int32_t v = 0; b->stops != NULL && v < m->n_cars; v++)
        free(b->stops[v]);
    free(b->stops);
    free(b->n);
    free(b->room);
    free(b->left);
}

/* Room for n stops in the copy of a car's route. */
static bool
reserve(struct pd_best *b, int32_t car, int32_t n)
{
    if (n <= b->room[car])
        return true;
    int32_t room = n + n / 2 + 12;
    int32_t *stops = realloc(b->stops[car], (size_t)room * sizeof *stops);
    if (stops == NULL)
        return false;
    b->stops[car] = stops;
    b->room[car] = room;
    return true;
}

/* pd_best_keep: the plan as it is, is the best. */
void
pd_best_keep(struct pd_search *s)
{
    struct pd_best *b = &s->best;

    for (int32_t v = 0; v < s->m->n_cars; v++) {
        struct pd_route *r = &s->routes[v];
        if (!r->dirty)
            continue;
        if (!reserve(b, v, r->n - 2)) {
            s->failed = true;
            return;
        }
        for (int32_t k = 0; k < r->n - 2; k++)
            b->stops[v][k] = r->at[k + 1].stop;
        b->n[v] = r->n - 2;
        r->dirty = false;
    }
    memcpy(b->left, s->left, (size_t)s->n_left * sizeof *s->left);
    b->n_left = s->n_left;
    b->must = pd_must_left(s);
    b->used = s->n_live;
    b->cost = s->cost;
    for (int32_t k = 0; k < s->n_left; k++)
        b->cost += s->m->terms[s->left[k]].unserved;
}

/* pd_best_load: the search goes on from its best plan. */
void
pd_best_load(struct pd_search *s)
{
    const struct pd_best *b = &s->best;

    for (int32_t v = 0; v < s->m->n_cars; v++) {
        if (!s->routes[v].dirty)
            continue;
        pd_route_set(s, v, b->stops[v], b->n[v]);
        s->routes[v].dirty = false;
        for (int32_t k = 0; k < b->n[v]; k++)
            s->car_of[b->stops[v][k] / 2] = v;
    }
    memcpy(s->left, b->left, (size_t)b->n_left * sizeof *s->left);
    s->n_left = b->n_left;
    for (int32_t k = 0; k < s->n_left; k++)
        s->car_of[s->left[k]] = -1;
    s->n_touched = 0;
}

/* pd_best_adopt: another search's best plan is this one's, too. The plan as it is stays. */
void
pd_best_adopt(struct pd_search *s, const struct pd_best *from)
{
    struct pd_best *b = &s->best;

    for (int32_t v = 0; v < s->m->n_cars; v++) {
        if (!reserve(b, v, from->n[v])) {
            s->failed = true;
            return;
        }
        if (from->n[v] > 0)
            memcpy(b->stops[v], from->stops[v], (size_t)from->n[v] * sizeof *b->stops[v]);
        b->n[v] = from->n[v];
        s->routes[v].dirty = true;
    }
    memcpy(b->left, from->left, (size_t)from->n_left * sizeof *b->left);
    b->n_left = from->n_left;
    b->must = from->must;
    b->used = from->used;
    b->cost = from->cost;
}

/* pd_best_less: is plan a better than b? */
bool
pd_best_less(const struct pd_best *a, const struct pd_best *b, bool fewest)
{
    if (a->must != b->must)
        return a->must < b->must;
    if (fewest && a->used != b->used)
        return a->used < b->used;
    return a->cost < b->cost;
}

/* pd_better: would the plan as it is be a better best? */
bool
pd_better(const struct pd_search *s)
{
    struct pd_best now = {.must = pd_must_left(s), .used = s->n_live, .cost = s->cost};

    for (int32_t k = 0; k < s->n_left; k++)
        now.cost += s->m->terms[s->left[k]].unserved;
    return pd_best_less(&now, &s->best, s->fewest);
}

/* pd_must_left: how many that must be served are left out. */
int32_t
pd_must_left(const struct pd_search *s)
{
    int32_t n = 0;

    for (int32_t k = 0; k < s->n_left; k++)
        n += s->m->terms[s->left[k]].unserved == 0;
    return n;
}
