/* One pair: both sides in turn until they cannot meet any better; then the edges driven. */
#include "roads/search.h"

#include <stdlib.h>

/* meeting: how the two sides met. */
struct meeting {
    uint64_t key;
    uint32_t cm;
    uint32_t node;
    bool round;            /* with the way round at that node */
    bool along;            /* along one node, seeds from_i to to_i */
    uint32_t from_i, to_i; /* of the seeds */
};

static void
meet(const struct roads_search *s, const struct roads_mode *m, uint32_t node, struct meeting *best)
{
    const struct label *f = &s->side[0].label[node], *b = &s->side[1].label[node];
    uint64_t key = f->key + b->key;
    uint32_t cm = f->cm + b->cm, index;
    bool round = key < BIAS_KEY;

    if (round) {
        const struct arc *x = round_of(m, node, &index);
        if (x == NULL)
            return;
        key += arc_key(x);
        cm += x->cm;
    }
    if (key < best->key || (key == best->key && cm < best->cm))
        *best = (struct meeting){key, cm, node, round, false, 0, 0};
}

static bool
push_edge(struct roads_search *s, uint32_t edge)
{
    if (!roads_grow(&s->path, &s->path_cap, s->path_n + 1, sizeof *s->path))
        return false;
    s->path[s->path_n++] = edge;
    return true;
}

/* push_node: the edges of a node, from one of its slots to another, both included. */
static bool
push_node(struct roads_search *s, const struct roads_mode *m, uint32_t first, uint32_t last)
{
    for (uint32_t i = first; i <= last; i++)
        if (!push_edge(s, m->slot[i].edge))
            return false;
    return true;
}

/* arc_between: the arc from a to b, whichever of them is the upper. */
static bool
arc_between(const struct roads_mode *m, uint32_t a, uint32_t b, int *side, uint32_t *arc)
{
    uint32_t lower = a < b ? a : b, upper = a < b ? b : a;

    *side = a <= b ? 0 : 1;
    for (*arc = m->first[*side][lower]; *arc < m->first[*side][lower + 1]; (*arc)++)
        if (m->arc[*side][*arc].to == upper)
            return true;
    return false;
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
        uint32_t middle = m->middle[side][arc];
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

/* unpack_forward: from the seed up to the node where the sides met; *first is the slot to start
 * with, NO_SLOT once its node is done. */
static bool
unpack_forward(struct roads_search *s, const struct roads_mode *m, uint32_t node, uint32_t *first)
{
    const struct label *label = s->side[0].label;
    uint32_t deep = 0, at = node;

    while (label[at].from != at) {
        at = label[at].from;
        deep++;
    }
    uint32_t *up = malloc((deep + (size_t)1) * sizeof *up);
    if (up == NULL)
        return false;
    at = node;
    for (uint32_t i = deep + 1; i-- > 0; at = label[at].from)
        up[i] = at;
    bool ok = true;
    for (uint32_t i = 0; ok && i < deep; i++) {
        ok = unpack(s, m, up[i], up[i + 1], *first);
        *first = NO_SLOT;
    }
    free(up);
    return ok;
}

static uint32_t
origin(const struct search_side *side, uint32_t node, uint32_t *seed)
{
    while (side->label[node].from != node)
        node = side->label[node].from;
    *seed = side->label[node].arc;
    return node;
}

static bool
write_path(struct roads_search *s, const struct roads_mode *m, const struct meeting *best,
           const struct seed *from, const struct seed *to)
{
    uint32_t i, j;

    s->path_n = 0;
    if (best->along)
        return push_node(s, m, from[best->from_i].slot, to[best->to_i].slot);
    origin(&s->side[0], best->node, &i);
    origin(&s->side[1], best->node, &j);
    uint32_t first = from[i].slot;
    if (!unpack_forward(s, m, best->node, &first))
        return false;
    if (best->round) {
        if (!unpack(s, m, best->node, best->node, first))
            return false;
        first = NO_SLOT;
    }
    uint32_t at = best->node;
    while (s->side[1].label[at].from != at) {
        uint32_t next = s->side[1].label[at].from;
        if (!unpack(s, m, at, next, first))
            return false;
        first = NO_SLOT;
        at = next;
    }
    return push_node(s, m, first == NO_SLOT ? m->first_slot[at] : first, to[j].slot);
}

/* search_both: a side rests when nothing it can still find beats the best: what it reaches next,
 * with the least that the other side can add. */
static bool
search_both(struct roads_search *s, const struct roads_mode *m, struct meeting *best)
{
    const uint64_t least[2] = {s->side[0].heap.n > 0 ? s->side[0].heap.entry[0].key : 0,
                               s->side[1].heap.n > 0 ? s->side[1].heap.entry[0].key : 0};
    bool ok = true, stalled, open = true;
    uint32_t node;

    while (open) {
        open = false;
        for (int d = 0; d < 2; d++) {
            const struct search_heap *h = &s->side[d].heap;
            if (h->n == 0 || (best->key != UINT64_MAX && h->entry[0].key + least[!d] >= best->key))
                continue;
            if (!side_step(s, m, d, &node, &stalled, &ok)) {
                if (!ok)
                    return false;
                continue;
            }
            open = true;
            if (!stalled && side_knows(&s->side[!d], node))
                meet(s, m, node, best);
        }
    }
    return true;
}

enum lc_err
roads_route(struct roads_search *s, enum travel_mode mode, const struct roads_spot *from,
            const struct roads_spot *to, struct roads_trip *out, const uint32_t **path,
            size_t *path_n)
{
    const struct roads_mode *m = &s->r->mode[mode];
    struct seed f[SEEDS_MAX], t[SEEDS_MAX];
    uint32_t f_n = seeds_of(s->r, mode, from, false, f), t_n = seeds_of(s->r, mode, to, true, t);
    struct meeting best = {.key = UINT64_MAX};

    *out = (struct roads_trip){ROADS_UNREACHABLE, ROADS_UNREACHABLE, ROADS_UNREACHABLE};
    if (path != NULL)
        *path_n = 0;
    if (f_n == 0 || t_n == 0)
        return LC_OK;
    best.key = direct(f, f_n, t, t_n, &best.from_i, &best.to_i, &best.cm);
    best.along = best.key != UINT64_MAX;
    if (!side_start(s, 0, f, f_n) || !side_start(s, 1, t, t_n) || !search_both(s, m, &best))
        return LC_ENOMEM;
    if (best.key == UINT64_MAX)
        return LC_OK;
    *out = trip_of(best.key, best.cm);
    if (path == NULL)
        return LC_OK;
    if (!write_path(s, m, &best, f, t))
        return LC_ENOMEM;
    *path = s->path;
    *path_n = s->path_n;
    return LC_OK;
}
