/* One pair: both sides climb, and meet at the best of the nodes above both; then the edges driven.
 */
#include "roads/search.h"

#include <stdlib.h>

/* meeting: how the two sides met. */
struct meeting {
    uint32_t w; /* with the bias */
    uint32_t node;
    uint32_t round;        /* the arc by which it goes round at that node; UINT32_MAX: none */
    bool along;            /* along one node, seeds from_i to to_i */
    uint32_t from_i, to_i; /* of the seeds */
};

static void
meet(const struct roads_search *s, const struct roads_mode *m, uint32_t node, struct meeting *best)
{
    uint32_t w = label_w(s->side[0].label[node]) + label_w(s->side[1].label[node]);
    uint32_t round = UINT32_MAX;

    if (w >= best->w)
        return;
    if (w < BIAS) {
        round = round_of(m, node);
        if (round == UINT32_MAX || w + (uint32_t)m->w[0][round] >= best->w)
            return;
        w += (uint32_t)m->w[0][round];
    }
    *best = (struct meeting){w, node, round, false, 0, 0};
}

/* push_node: the edges of a node, from one of its slots to another, both included. */
static bool
push_node(struct roads_search *s, const struct roads_mode *m, uint32_t first, uint32_t last)
{
    if (last < first)
        return true;
    size_t n = s->path_n + last - first + 1;
    if (!roads_grow(&s->path, &s->path_cap, n, sizeof *s->path) ||
        !roads_grow(&s->path_slot, &s->path_slot_cap, n, sizeof *s->path_slot))
        return false;
    for (uint32_t i = first; i <= last; i++) {
        s->path_slot[s->path_n] = i;
        s->path[s->path_n++] = m->slot[i].edge;
    }
    return true;
}

/* arc_between: the arc from a to b, whichever of them is the upper. */
static bool
arc_between(const struct roads_mode *m, uint32_t a, uint32_t b, int *side, uint32_t *arc)
{
    uint32_t lower = a < b ? a : b, upper = a < b ? b : a;

    *side = a <= b ? 0 : 1;
    *arc = arc_to(m, *side, lower, upper);
    return *arc != UINT32_MAX;
}

/* unpack: the edges of an arc from a to b: all of a, and all between; not of b. Arcs still to be
 * unpacked wait on a stack, as pairs of nodes, the nearest on top. The first node's edges are taken
 * from slot `first` on. */
static bool
unpack(struct roads_search *s, const struct roads_mode *m, uint32_t a, uint32_t b, uint32_t first)
{
    size_t n = 0;
    int side;
    uint32_t arc;

    if (!roads_grow(&s->stack, &s->stack_cap, 2, sizeof *s->stack))
        return false;
    s->stack[n++] = a;
    s->stack[n++] = b;
    while (n > 0) {
        b = s->stack[--n];
        a = s->stack[--n];
        if (!arc_between(m, a, b, &side, &arc))
            return false;
        uint32_t middle = m->rest[side][arc].middle;
        if (middle == NO_MIDDLE) {
            if (!push_node(s, m, first == NO_SLOT ? m->first_slot[a] : first,
                           m->first_slot[a + 1] - 1))
                return false;
            first = NO_SLOT;
            continue;
        }
        if (!roads_grow(&s->stack, &s->stack_cap, n + 4, sizeof *s->stack))
            return false;
        s->stack[n++] = middle;
        s->stack[n++] = b;
        s->stack[n++] = a;
        s->stack[n++] = middle;
    }
    return true;
}

/* way_up: the nodes from a seed to `node`, into s->way, backwards; how many. */
static bool
way_up(struct roads_search *s, const struct roads_mode *m, int d, uint32_t node, size_t *n)
{
    uint32_t arc;
    bool more;

    *n = 0;
    do {
        if (!roads_grow(&s->way, &s->way_cap, *n + 1, sizeof *s->way))
            return false;
        s->way[(*n)++] = node;
        more = step_below(&s->side[d], m, d, node, &node, &arc);
    } while (more);
    return true;
}

static bool
write_path(struct roads_search *s, const struct roads_mode *m, const struct meeting *best,
           const struct seed *from, const struct seed *to)
{
    size_t n;

    s->path_n = 0;
    if (best->along)
        return push_node(s, m, from[best->from_i].slot, to[best->to_i].slot);
    if (!way_up(s, m, 0, best->node, &n))
        return false;
    uint32_t first = from[label_from(s->side[0].label[s->way[n - 1]]) - FROM_SEED].slot;
    for (; n > 1; n--, first = NO_SLOT)
        if (!unpack(s, m, s->way[n - 1], s->way[n - 2], first))
            return false;
    if (best->round != UINT32_MAX) {
        if (!unpack(s, m, best->node, best->node, first))
            return false;
        first = NO_SLOT;
    }
    if (!way_up(s, m, 1, best->node, &n))
        return false;
    uint32_t end = s->way[n - 1];
    for (size_t i = 0; i + 1 < n; i++, first = NO_SLOT)
        if (!unpack(s, m, s->way[i], s->way[i + 1], first))
            return false;
    return push_node(s, m, first == NO_SLOT ? m->first_slot[end] : first,
                     to[label_from(s->side[1].label[end]) - FROM_SEED].slot);
}

/* add_up: duration and length of one side's way up to where they met. */
static struct extent
add_up(const struct search_side *side, const struct roads_mode *m, int d, uint32_t node,
       const struct seed *seed)
{
    struct extent e = {0, 0};

    for (uint32_t arc; step_below(side, m, d, node, &node, &arc);) {
        e.d += arc_d(m, d, arc);
        e.cm += m->rest[d][arc].cm;
    }
    const struct seed *x = &seed[label_from(side->label[node]) - FROM_SEED];
    return d == 0 ? (struct extent){e.d - x->d, e.cm - x->cm}
                  : (struct extent){e.d + x->d, e.cm + x->cm};
}

static struct roads_trip
trip_of(const struct roads_search *s, const struct roads_mode *m, const struct meeting *best,
        const struct seed *from, const struct seed *to)
{
    struct roads_trip t = {.weight_ms = best->w - BIAS};

    if (best->along) {
        t.ms = to[best->to_i].d - from[best->from_i].d;
        t.cm = to[best->to_i].cm - from[best->from_i].cm;
        return t;
    }
    struct extent f = add_up(&s->side[0], m, 0, best->node, from);
    struct extent b = add_up(&s->side[1], m, 1, best->node, to);
    t.ms = f.d + b.d;
    t.cm = f.cm + b.cm;
    if (best->round != UINT32_MAX) {
        t.ms += arc_d(m, 0, best->round);
        t.cm += m->rest[0][best->round].cm;
    }
    return t;
}

/* search: both sides climb; what stands in both lists, which ascend, is above both. */
static void
search(struct roads_search *s, const struct roads_mode *m, struct meeting *best,
       const struct seed *f, uint32_t f_n, const struct seed *t, uint32_t t_n)
{
    best->along = direct(f, f_n, t, t_n, &best->from_i, &best->to_i, &best->w);
    climb(s, m, 0, f, f_n);
    climb(s, m, 1, t, t_n);
    for (uint32_t i = 0, j = 0; i < s->side[0].mets && j < s->side[1].mets;) {
        uint32_t x = s->side[0].met[i], y = s->side[1].met[j];
        if (x == y)
            meet(s, m, x, best);
        i += x <= y;
        j += y <= x;
    }
}

enum lc_err
roads_route(struct roads_search *s, enum travel_mode mode, const struct roads_spot *from,
            const struct roads_spot *to, struct roads_trip *out, const uint32_t **path,
            size_t *path_n)
{
    const struct roads_mode *m = &s->r->mode[mode];
    struct seed f[SEEDS_MAX], t[SEEDS_MAX];
    uint32_t f_n = seeds_of(s->r, mode, from, false, f), t_n = seeds_of(s->r, mode, to, true, t);
    struct meeting best = {.w = NO_WAY, .round = UINT32_MAX};

    *out = (struct roads_trip){ROADS_UNREACHABLE, ROADS_UNREACHABLE, ROADS_UNREACHABLE};
    if (path != NULL)
        *path_n = 0;
    if (f_n == 0 || t_n == 0)
        return LC_OK;
    search(s, m, &best, f, f_n, t, t_n);
    if (best.w >= NO_WAY)
        return LC_OK;
    *out = trip_of(s, m, &best, f, t);
    if (path == NULL)
        return LC_OK;
    if (!write_path(s, m, &best, f, t))
        return LC_ENOMEM;
    *path = s->path;
    *path_n = s->path_n;
    return LC_OK;
}
