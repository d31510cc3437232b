/* From one to all in one sweep (Delling, Goldberg, Nowatzyk, Werneck 2011): up from the start, then
 * down over all nodes in order. */
#include "roads/search.h"

#include <stdlib.h>

/* from_above: the least weight with which a node is come to from above, if it is less than best;
 * then *above and *arc say how. */
static uint32_t
from_above(const struct roads_search *s, const struct roads_mode *m, uint32_t node, uint32_t best,
           uint32_t *above, uint32_t *arc)
{
    const struct fan *fan = &m->fan[1][node];
    uint32_t a = fan->arc;

    for (uint32_t i = fan->lone; i < fan[1].lone; i++, a++) {
        uint32_t to = m->lone[1][i], w = s->swept[to] + (uint32_t)m->w[1][a];
        if (w < best) {
            best = w;
            *above = to;
            *arc = a;
        }
    }
    for (uint32_t r = fan->row; r < fan[1].row; r++) {
        const struct row *row = &m->row[1][r];
        for (uint32_t to = row->to; to < row->to + row->n; to++, a++) {
            uint32_t w = s->swept[to] + (uint32_t)m->w[1][a];
            if (w < best) {
                best = w;
                *above = to;
                *arc = a;
            }
        }
    }
    return best;
}

bool
sweep(struct roads_search *s, enum travel_mode mode, const struct seed *seed, uint32_t n)
{
    const struct roads_mode *m = &s->r->mode[mode];
    const struct search_side *side = &s->side[0];

    if (s->swept == NULL) {
        s->swept = malloc((s->nodes + (size_t)1) * sizeof *s->swept);
        s->swept_extent = malloc((s->nodes + (size_t)1) * sizeof *s->swept_extent);
        if (s->swept == NULL || s->swept_extent == NULL)
            return false;
    }
    climb(s, m, 0, seed, n);
    measure(&s->side[0], m, 0, seed);
    for (uint32_t v = 0; v < m->nodes; v++)
        s->swept[v] = NO_WAY;
    for (uint32_t i = 0; i < side->mets; i++) {
        s->swept[side->met[i]] = label_w(side->label[side->met[i]]);
        s->swept_extent[side->met[i]] = side->extent[side->met[i]];
    }
    for (uint32_t v = m->nodes; v-- > 0;) {
        uint32_t above = UINT32_MAX, arc = 0;
        s->swept[v] = from_above(s, m, v, s->swept[v], &above, &arc);
        if (above != UINT32_MAX)
            s->swept_extent[v] = (struct extent){s->swept_extent[above].d + arc_d(m, 1, arc),
                                                 s->swept_extent[above].cm + m->rest[1][arc].cm};
    }
    return true;
}

/* back_to: the shortest way back to the beginning of a node that the start lies on: by lower nodes,
 * which is its round, or from above. Without the bias taken off; NO_WAY when there is none. */
static uint32_t
back_to(const struct roads_search *s, const struct roads_mode *m, uint32_t node, struct extent *e)
{
    uint32_t round = round_of(m, node), best = NO_WAY;
    struct extent own = s->swept_extent[node];

    if (round != UINT32_MAX) {
        best = s->swept[node] + (uint32_t)m->w[0][round];
        *e = (struct extent){own.d + arc_d(m, 0, round), own.cm + m->rest[0][round].cm};
    }
    uint32_t above = UINT32_MAX, arc = 0;
    best = from_above(s, m, node, best, &above, &arc);
    if (above != UINT32_MAX)
        *e = (struct extent){s->swept_extent[above].d + arc_d(m, 1, arc),
                             s->swept_extent[above].cm + m->rest[1][arc].cm};
    return best;
}

/* swept_trip: to one end, after a sweep. */
static struct roads_trip
swept_trip(const struct roads_search *s, const struct roads_mode *m, const struct seed *from,
           uint32_t from_n, const struct seed *to, uint32_t to_n)
{
    struct roads_trip t = {ROADS_UNREACHABLE, ROADS_UNREACHABLE, ROADS_UNREACHABLE};
    uint32_t best = NO_WAY, x, y;

    if (direct(from, from_n, to, to_n, &x, &y, &best))
        t = (struct roads_trip){to[y].d - from[x].d, to[y].cm - from[x].cm, best - BIAS};
    for (uint32_t i = 0; i < to_n; i++) {
        uint32_t w = s->swept[to[i].node];
        struct extent e = s->swept_extent[to[i].node];
        if (w < NO_WAY && w + to[i].w < BIAS)
            w = back_to(s, m, to[i].node, &e);
        if (w >= NO_WAY || w + to[i].w >= best)
            continue;
        best = w + to[i].w;
        t = (struct roads_trip){e.d + to[i].d, e.cm + to[i].cm, best - BIAS};
    }
    return t;
}

enum lc_err
roads_reach(struct roads_search *s, enum travel_mode mode, const struct roads_spot *from,
            uint32_t bound_ms, const struct roads_spot *to, size_t to_n, struct roads_trip *out)
{
    const struct roads_mode *m = &s->r->mode[mode];
    struct seed f[SEEDS_MAX], t[SEEDS_MAX];
    uint32_t f_n = seeds_of(s->r, mode, from, false, f);

    if (f_n > 0 && !sweep(s, mode, f, f_n))
        return LC_ENOMEM;
    for (size_t j = 0; j < to_n; j++) {
        out[j] = (struct roads_trip){ROADS_UNREACHABLE, ROADS_UNREACHABLE, ROADS_UNREACHABLE};
        if (f_n == 0)
            continue;
        struct roads_trip trip = swept_trip(s, m, f, f_n, t, seeds_of(s->r, mode, &to[j], true, t));
        if (trip.ms <= bound_ms)
            out[j] = trip;
    }
    return LC_OK;
}
