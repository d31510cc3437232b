/* Ruin by adjacent strings (SISR, Christiaens and Vanden Berghe 2020): around a stop chosen by
 * chance, strings of consecutive stops of several near routes; whoever has a stop in them goes. */
#include "router/plan/solve/pd_own.h"

#include <string.h>

enum {
    RELATED_MOST = 8,   /* requests */
    STOPS_OUT = 10,     /* on average */
    LONGEST = 10,       /* string */
    SPLIT_PERCENT = 50, /* of strings keep a part in their middle */
    FOCUS_COST = 25,    /* and of those for less cost */
    FOCUS_PERCENT = 50  /* of ruins in the fleet phase are around what was left out */
};

static int32_t
find(const struct pd_route *r, int32_t stop)
{
    int32_t k = 1;

    while (r->at[k].stop != stop)
        k++;
    return k;
}

/* Marks up to `length` movable stops in a row that include position `k`, but for `keep` of them. */
static void
take_string(struct pd_search *s, int32_t car, int32_t k, int32_t length)
{
    const struct pd_route *r = &s->routes[car];
    int32_t first = 1 + s->m->cars[car].n_fixed;
    int32_t n = r->n - 1 - first;
    int32_t keep = 0;

    if (length > 1 && length < n && pd_below(&s->rng, 100) < SPLIT_PERCENT)
        for (keep = 1; length + keep < n && pd_below(&s->rng, 100) != 0;)
            keep++;
    int32_t span = length + keep;
    int32_t low = k - span + 1 > first ? k - span + 1 : first;
    int32_t high = k < r->n - 1 - span ? k : r->n - 1 - span;
    int32_t from = low + (int32_t)pd_below(&s->rng, (uint32_t)(high - low + 1));
    int32_t hole = from + span; /* none */
    if (keep > 0)
        hole = from + 1 + (int32_t)pd_below(&s->rng, (uint32_t)(length - 1));
    for (int32_t i = from; i < from + span; i++)
        if ((i < hole || i >= hole + keep) && !s->gone[r->at[i].stop / 2])
            pd_leave_out(s, r->at[i].stop / 2);
}

static int32_t
stops_in_use(const struct pd_search *s)
{
    int32_t n = 0;

    for (int32_t k = 0; k < s->n_live; k++)
        n += s->routes[s->live[k]].n - 2;
    return n;
}

/* Adjacent strings around the seed. */
static void
take_strings(struct pd_search *s, const int32_t *near)
{
    const struct pd_model *m = s->m;
    int32_t mean = stops_in_use(s) / s->n_live;
    int32_t longest = mean < LONGEST ? mean : LONGEST;
    longest = longest < 1 ? 1 : longest;
    /* floor(U(1, 4 c / (1 + longest))), in thousandths */
    uint32_t most = (uint32_t)(4000 * STOPS_OUT / (1 + longest));
    int32_t strings = most <= 1000 ? 1 : (int32_t)((1000 + pd_below(&s->rng, most - 1000)) / 1000);

    for (int32_t k = 0; k < m->n_near && near[k] >= 0 && strings > 0; k++) {
        int32_t car = s->car_of[near[k] / 2];
        if (car < 0 || s->stamp[car] == s->now)
            continue;
        const struct pd_route *r = &s->routes[car];
        int32_t n = r->n - 2 - m->cars[car].n_fixed;
        int32_t most_here = n < longest ? n : longest;
        int32_t length = 1 + (int32_t)pd_below(&s->rng, (uint32_t)most_here);
        take_string(s, car, find(r, near[k]), length);
        s->stamp[car] = s->now;
        strings--;
    }
}

/* The seed and some of those near it, one by one wherever they are: what strings cannot do in a
 * route or two. */
static void
take_related(struct pd_search *s, const int32_t *near)
{
    int32_t count = 2 + (int32_t)pd_below(&s->rng, RELATED_MOST - 1);

    for (int32_t k = 0; k < s->m->n_near && near[k] >= 0 && count > 0; k++) {
        int32_t request = near[k] / 2;
        int32_t car = s->car_of[request];
        if (car < 0 || s->gone[request] || (k > 0 && pd_below(&s->rng, 3) == 0))
            continue;
        pd_leave_out(s, request);
        s->stamp[car] = s->now;
        count--;
    }
}

/* Around which stop? At times around one of those left out that must be served, since room is
 * needed there: every other time while completing comes first. */
static int32_t
draw_seed(struct pd_search *s)
{
    bool completing = s->phase == PD_FLEET || s->repair;
    uint32_t percent = completing ? FOCUS_PERCENT : FOCUS_COST;
    int32_t request = -1;

    if (s->n_left > 0 && pd_below(&s->rng, 100) < percent)
        request = s->left[pd_below(&s->rng, (uint32_t)s->n_left)];
    if (request >= 0 && (completing || s->m->terms[request].unserved == 0)) {
        bool dropoff = s->m->terms[request].half || pd_next(&s->rng) >> 63;
        return 2 * request + (dropoff ? 1 : 0);
    }
    return s->seeds[pd_below(&s->rng, (uint32_t)s->n_seeds)];
}

/* pd_ruin: takes requests from their routes and adds them to those left out. */
void
pd_ruin(struct pd_search *s)
{
    const struct pd_model *m = s->m;
    int32_t before = s->n_moved;

    if (m->n_near == 0 || s->n_live == 0)
        return;
    int32_t seed = draw_seed(s);
    const int32_t *near = m->near[pd_next(&s->rng) >> 63] + (size_t)seed * (size_t)m->n_near;
    if (pd_below(&s->rng, 100) < s->tuning.related)
        take_related(s, near);
    else
        take_strings(s, near);
    for (int32_t k = before; k < s->n_moved; k++) {
        int32_t car = s->moved[k].car;
        if (s->stamp[car] == s->now) {
            pd_drop_gone(s, car);
            s->stamp[car] = 0;
        }
    }
    for (int32_t k = before; k < s->n_moved; k++) {
        s->gone[s->moved[k].request] = false;
        s->car_of[s->moved[k].request] = -1;
    }
}
