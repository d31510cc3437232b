/* Recreate: those left out are put back one by one, each at its cheapest place, in an order chosen
 * by chance. */
#include "router/plan/solve/pd_own.h"

enum {
    ASKED = 20,
    MANY_ROUTES = 30,
    OVERLOOKED = 8,
    HARD_PERCENT = 60 /* of the times that completing comes first, those left out most often do */
};

enum order { FAR_FIRST, NEAR_FIRST, SHORT_WINDOWS_FIRST, BY_CHANCE, HARD_FIRST };

static int64_t
rank(struct pd_search *s, int32_t request, enum order how)
{
    const struct pd_terms *t = &s->m->terms[request];

    switch (how) {
    case FAR_FIRST:
        return INT32_MAX - t->reach;
    case NEAR_FIRST:
        return t->reach;
    case SHORT_WINDOWS_FIRST:
        return t->window;
    case HARD_FIRST:
        return INT64_MAX / 2 - (int64_t)s->absent[request];
    case BY_CHANCE:
        break;
    }
    return (int64_t)(pd_next(&s->rng) >> 8);
}

/* Goods aboard come first: until they have a place, nothing may be put on top of them. By
 * insertion: mostly a handful, and nearly as many orders as calls. */
static void
order_left(struct pd_search *s, bool completing)
{
    static const enum order orders[11] = {
        FAR_FIRST,           FAR_FIRST, NEAR_FIRST, SHORT_WINDOWS_FIRST,
        SHORT_WINDOWS_FIRST, BY_CHANCE, BY_CHANCE,  BY_CHANCE,
        BY_CHANCE,           BY_CHANCE, BY_CHANCE};
    enum order how = orders[pd_below(&s->rng, 11)];

    if (completing && pd_below(&s->rng, 100) < HARD_PERCENT)
        how = HARD_FIRST;

    for (int32_t k = 0; k < s->n_left; k++) {
        int32_t request = s->left[k];
        int64_t by = s->m->terms[request].half ? -1 : 1 + rank(s, request, how);
        int32_t i = k;
        for (; i > 0 && s->keys[i - 1] > by; i--) {
            s->keys[i] = s->keys[i - 1];
            s->left[i] = s->left[i - 1];
        }
        s->keys[i] = by;
        s->left[i] = request;
    }
}

/* The first empty vehicle of each type, while more may be used. */
static void
seek_empty(struct pd_search *s, int32_t request, bool blink, struct pd_spot *best)
{
    const struct pd_model *m = s->m;

    for (int32_t t = 0; t < m->n_types; t++) {
        int32_t k = m->first_of[t];
        while (k < m->first_of[t + 1] && s->routes[m->by_type[k]].n > 2)
            k++;
        bool overlooked = blink && m->n_types > 1 && pd_below(&s->rng, OVERLOOKED) == 0;
        if (k < m->first_of[t + 1] && !overlooked)
            pd_seek(s, request, m->by_type[k], false, best);
    }
}

/* The routes of those near the stop. */
static void
seek_near(struct pd_search *s, int32_t request, const int32_t *near, bool blink,
          struct pd_spot *best)
{
    const struct pd_model *m = s->m;

    for (int32_t k = 0; k < ASKED && k < m->n_near && near[k] >= 0; k++) {
        int32_t car = s->car_of[near[k] / 2];
        if (car < 0 || s->asked[car] == s->asks)
            continue;
        s->asked[car] = s->asks;
        pd_seek(s, request, car, blink, best);
    }
}

/* Every route in use; where they are many, those of near stops, and all when these have no room. */
static void
seek_live(struct pd_search *s, int32_t request, bool blink, struct pd_spot *best)
{
    const struct pd_model *m = s->m;

    if (s->n_live > MANY_ROUTES) {
        s->asks++;
        for (int32_t which = 0; which < 2; which++)
            for (int32_t stop = 2 * request; stop < 2 * request + 2; stop++)
                seek_near(s, request, m->near[which] + (size_t)stop * (size_t)m->n_near, blink,
                          best);
        if (best->car >= 0)
            return;
    }
    for (int32_t i = 0; i < s->n_live; i++)
        pd_seek(s, request, s->live[i], blink, best);
}

/* Was it in a route when this iteration began? */
static bool
was_placed(const struct pd_search *s, int32_t request)
{
    for (int32_t k = 0; k < s->n_moved; k++)
        if (s->moved[k].request == request)
            return s->moved[k].car >= 0;
    return false;
}

/* pd_recreate: puts those left out back. A plan that nobody will take is not brought to its end,
 * and s->stuck says so: `hopeless`, when not NULL: as many are left out as before, and their
 * absences are more than this; `most`: it costs as much, with the penalties of those left out (only
 * where a stop more never makes a route cheaper; else PD_INFINITE). */
void
pd_recreate(struct pd_search *s, bool blink, const uint64_t *hopeless, int64_t most)
{
    int32_t still = 0;
    uint64_t absences = 0;
    int64_t penalties = 0;

    order_left(s, hopeless != NULL);
    s->stuck = false;
    for (int32_t k = 0; k < s->n_left && !s->failed; k++) {
        int32_t request = s->left[k];
        const struct pd_terms *t = &s->m->terms[request];
        struct pd_spot best = {PD_INFINITE, -1, 0, 0};
        if (s->cost + penalties >= most) {
            s->stuck = true;
            break;
        }
        if (t->unserved > 0)
            best.cost = t->unserved;
        if (t->vehicle >= 0) {
            pd_seek(s, request, t->vehicle, blink, &best);
        } else {
            seek_live(s, request, blink, &best);
            if (s->n_live < s->max_live && (best.car < 0 || !s->fewest))
                seek_empty(s, request, blink, &best);
        }
        if (best.car >= 0) {
            pd_put(s, request, &best);
            continue;
        }
        s->left[still++] = request;
        penalties += pd_penalty(s, request);
        absences += s->absent[request];
        s->stuck |= t->half && was_placed(s, request);
        if (hopeless != NULL && absences > *hopeless && still >= s->n_left_old) {
            s->stuck = true;
            break;
        }
    }
    s->n_left = still;
    for (int32_t k = 0; k < s->n_touched; k++) /* without a triangle, a shorter route can be late */
        s->stuck |= !pd_in_time(s, s->touched[k]);
}
