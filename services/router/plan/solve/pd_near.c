/* Who is near whom, and in which orders requests are put back. */
#include "router/plan/solve/pd_own.h"

#include <stdlib.h>

enum { NEAR_MOST = 240 };

struct ranked {
    int64_t by;
    int32_t what;
};

static int
by_rank(const void *a, const void *b)
{
    const struct ranked *x = a;
    const struct ranked *y = b;

    if (x->by != y->by)
        return x->by < y->by ? -1 : 1;
    return x->what < y->what ? -1 : x->what > y->what;
}

/* The planned stops of requests that may move. */
static int32_t
movable(const struct pd_model *m, int32_t *stops)
{
    int32_t n = 0;

    for (int32_t r = 0; r < m->n_requests; r++) {
        if (m->terms[r].fixed)
            continue;
        if (!m->terms[r].half)
            stops[n++] = 2 * r;
        stops[n++] = 2 * r + 1;
    }
    return n;
}

static void
fill_lists(struct pd_model *m, const int32_t *stops, int32_t n, struct ranked *list)
{
    const struct pd_class *c = &m->classes[0];

    for (int32_t i = 0; i < n; i++) {
        size_t row = (size_t)m->stops[stops[i]].node * (size_t)m->n_nodes;
        for (int32_t j = 0; j < n; j++) {
            size_t at = row + (size_t)m->stops[stops[j]].node;
            list[j].what = stops[j];
            list[j].by = j == i ? -1 : (int64_t)c->cost[at] + c->cost_to[at];
        }
        qsort(list, (size_t)n, sizeof *list, by_rank);
        for (int32_t k = 0; k < m->n_near; k++)
            m->near[(size_t)stops[i] * (size_t)m->n_near + (size_t)k] = list[k].what;
    }
}

static int64_t
window_of(const struct pd_model *m, int32_t r)
{
    const struct pd_stop *p = &m->stops[2 * r];
    const struct pd_stop *d = p + 1;
    int64_t sum = d->close - d->open;

    return m->terms[r].half ? sum : sum + p->close - p->open;
}

static int64_t
reach_of(const struct pd_model *m, int32_t r)
{
    size_t row = (size_t)m->stops[m->n_stops].node * (size_t)m->n_nodes;
    int64_t sum = m->classes[0].cost[row + (size_t)m->stops[2 * r + 1].node];

    return m->terms[r].half ? 2 * sum
                            : sum + m->classes[0].cost[row + (size_t)m->stops[2 * r].node];
}

bool
pd_fill_near(struct pd_model *m)
{
    struct ranked *list = calloc((size_t)m->n_stops + 1, sizeof *list);
    int32_t *stops = calloc((size_t)m->n_stops + 1, sizeof *stops);
    bool ok = false;

    if (list == NULL || stops == NULL)
        goto out;
    int32_t n = movable(m, stops);
    m->n_near = n < NEAR_MOST ? n : NEAR_MOST;
    m->near = calloc((size_t)m->n_stops * (size_t)m->n_near + 1, sizeof *m->near);
    if (m->near == NULL)
        goto out;
    fill_lists(m, stops, n, list);
    for (int k = 0; k < 2; k++) {
        for (int32_t r = 0; r < m->n_requests; r++)
            list[r] = (struct ranked){k == 0 ? window_of(m, r) : reach_of(m, r), r};
        qsort(list, (size_t)m->n_requests, sizeof *list, by_rank);
        for (int32_t i = 0; i < m->n_requests; i++)
            *(k == 0 ? &m->terms[list[i].what].window : &m->terms[list[i].what].reach) = i;
    }
    for (int32_t r = 0; r < m->n_requests; r++)
        m->n_free += !m->terms[r].fixed;
    ok = true;
out:
    free(list);
    free(stops);
    return ok;
}
