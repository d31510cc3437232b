/* Who is near whom, and in which orders requests are put back. */
#include "router/plan/solve/pd_own.h"

#include <stdlib.h>

enum { NEAR_MOST = 240, WAIT_PART = 5 };
#define MOST_EXTRA ((int64_t)1 << 40)

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

/* How well does b follow a? Cost of the way, more when the driver has to wait at b however late it
 * leaves a, most when b is closed however early it comes (Vidal et al. 2013). */
static int64_t
follows(const struct pd_model *m, const struct pd_stop *a, const struct pd_stop *b, uint64_t rate)
{
    size_t arc = (size_t)a->node * (size_t)m->n_nodes + (size_t)b->node;
    int64_t way = (int64_t)a->service + m->classes[0].time[arc];
    int64_t wait = b->open - a->close - way;
    int64_t late = a->open + way - b->close;
    int64_t extra = late > 0 ? late : wait > 0 ? wait / WAIT_PART : 0;

    return m->classes[0].cost[arc] + pd_scale(extra < MOST_EXTRA ? extra : MOST_EXTRA, rate);
}

/* Cost for time, Q32. */
static uint64_t
rate_of(const struct pd_model *m)
{
    int64_t cost = 1;
    int64_t time = 1;

    for (int32_t i = 0; i < m->n_nodes; i++) {
        for (int32_t j = 0; j < m->n_nodes; j++) {
            cost += m->classes[0].cost[(size_t)i * (size_t)m->n_nodes + (size_t)j];
            time += m->classes[0].time[(size_t)i * (size_t)m->n_nodes + (size_t)j];
        }
    }
    return (uint64_t)(((pd_u128)(uint64_t)cost << 32) / (pd_u128)(uint64_t)time);
}

/* Two lists of each stop: by the way there and back, and by how well one follows the other. */
static void
fill_lists(struct pd_model *m, const int32_t *stops, int32_t n, struct ranked *list)
{
    uint64_t rate = rate_of(m);

    for (int32_t i = 0; i < n; i++) {
        const struct pd_stop *a = &m->stops[stops[i]];
        for (int which = 0; which < 2; which++) {
            for (int32_t j = 0; j < n; j++) {
                const struct pd_stop *b = &m->stops[stops[j]];
                int64_t to = follows(m, a, b, which == 0 ? 0 : rate);
                int64_t from = follows(m, b, a, which == 0 ? 0 : rate);
                list[j].what = stops[j];
                list[j].by = which == 0 ? to + from : to < from ? to : from;
            }
            list[i].by = -1;
            qsort(list, (size_t)n, sizeof *list, by_rank);
            int32_t *near = m->near[which] + (size_t)stops[i] * (size_t)m->n_near;
            for (int32_t k = 0; k < m->n_near; k++)
                near[k] = list[k].what;
        }
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
    for (int k = 0; k < 2; k++) {
        m->near[k] = calloc((size_t)m->n_stops * (size_t)m->n_near + 1, sizeof *m->near[k]);
        if (m->near[k] == NULL)
            goto out;
    }
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
