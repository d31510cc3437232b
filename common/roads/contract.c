#include "roads/contract.h"

#include <stdlib.h>

/* below: node m, under v, has an arc from v (side 1: v is in its arcs that come down) or to v. */
struct below {
    uint32_t next; /* 0 = none */
    uint32_t m;
    uint32_t arc; /* in m's side */
};

/* best: the best arc found so far between the node in hand and another. */
struct best {
    struct arc arc;
    uint32_t middle;
};

struct contractor {
    struct hierarchy *h;
    size_t arc_cap[2], middle_cap[2], filled[2];
    uint32_t *first_in[2]; /* of each node: input arcs by rank, out and in */
    struct arc *in[2];
    uint32_t *below[2]; /* of each node: a list of struct below */
    struct below *pool;
    size_t pooled, pool_cap;
    struct best *best; /* by node; valid where seen is the node in hand */
    uint32_t *seen;
    uint32_t *found;
    uint32_t founds;
};

/* sort_input: the arcs by the rank of their tail, and by that of their head. */
static bool
sort_input(struct contractor *c, uint32_t nodes, const uint32_t *first_arc, const struct arc *arc,
           const uint32_t *rank)
{
    for (int d = 0; d < 2; d++) {
        c->first_in[d] = calloc(nodes + 2, sizeof **c->first_in);
        c->in[d] = malloc((first_arc[nodes] + (size_t)1) * sizeof **c->in);
        if (c->first_in[d] == NULL || c->in[d] == NULL)
            return false;
        for (uint32_t v = 0; v < nodes; v++)
            for (uint32_t a = first_arc[v]; a < first_arc[v + 1]; a++) {
                uint32_t own = rank[d == 0 ? v : arc[a].to];
                if (own + 2 < nodes + 2)
                    c->first_in[d][own + 2]++;
            }
        for (uint32_t r = 2; r < nodes + 2; r++)
            c->first_in[d][r] += c->first_in[d][r - 1];
        for (uint32_t v = 0; v < nodes; v++)
            for (uint32_t a = first_arc[v]; a < first_arc[v + 1]; a++) {
                uint32_t own = rank[d == 0 ? v : arc[a].to];
                uint32_t other = rank[d == 0 ? arc[a].to : v];
                struct arc *to = &c->in[d][c->first_in[d][own + 1]++];
                *to = arc[a];
                to->to = other;
            }
    }
    return true;
}

static void
offer(struct contractor *c, uint32_t v, struct arc arc, uint32_t middle)
{
    struct best *b = &c->best[arc.to];

    if (arc.w >= NO_WAY)
        return;
    if (c->seen[arc.to] != v + 1) {
        c->seen[arc.to] = v + 1;
        c->found[c->founds++] = arc.to;
    } else if (arc_key(&b->arc) <= arc_key(&arc)) {
        return;
    }
    *b = (struct best){arc, middle};
}

static int
by_number(const void *a, const void *b)
{
    const uint32_t *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

static void
sort_found(struct contractor *c)
{
    if (c->founds > 24) {
        qsort(c->found, c->founds, sizeof *c->found, by_number);
        return;
    }
    for (uint32_t i = 1; i < c->founds; i++) {
        uint32_t x = c->found[i], k = i;
        for (; k > 0 && c->found[k - 1] > x; k--)
            c->found[k] = c->found[k - 1];
        c->found[k] = x;
    }
}

/* finish_side: all arcs between v and higher nodes, going up (d = 0) or coming down (d = 1): those
 * of the input, and those through each lower node m that v leads to (is led to from): then on along
 * m's own arcs. */
static bool
finish_side(struct contractor *c, uint32_t v, int d)
{
    struct hierarchy *h = c->h;

    c->founds = 0;
    for (uint32_t a = c->first_in[d][v]; a < c->first_in[d][v + 1]; a++)
        if (c->in[d][a].to > v || (c->in[d][a].to == v && d == 0))
            offer(c, v, c->in[d][a], NO_MIDDLE);
    for (uint32_t b = c->below[d][v]; b != 0; b = c->pool[b].next) {
        uint32_t m = c->pool[b].m;
        const struct arc leg = h->arc[!d][c->pool[b].arc];
        for (uint32_t a = h->first[d][m + 1]; a-- > h->first[d][m];) {
            const struct arc *x = &h->arc[d][a];
            if (x->to < v || (x->to == v && d == 1))
                break;
            offer(c, v, (struct arc){x->to, leg.d + x->d, leg.w + x->w, leg.cm + x->cm}, m);
        }
    }
    sort_found(c);
    size_t at = c->filled[d];
    if (!roads_grow(&h->arc[d], &c->arc_cap[d], at + c->founds, sizeof **h->arc) ||
        !roads_grow(&h->middle[d], &c->middle_cap[d], at + c->founds, sizeof **h->middle) ||
        !roads_grow(&c->pool, &c->pool_cap, c->pooled + c->founds, sizeof *c->pool))
        return false;
    for (uint32_t i = 0; i < c->founds; i++, at++) {
        uint32_t to = c->found[i];
        h->arc[d][at] = c->best[to].arc;
        h->middle[d][at] = c->best[to].middle;
        if (to == v)
            continue;
        c->pool[c->pooled] = (struct below){c->below[!d][to], v, (uint32_t)at};
        c->below[!d][to] = (uint32_t)c->pooled++;
    }
    c->filled[d] = at;
    h->first[d][v + 1] = (uint32_t)at;
    return true;
}

static bool
contract_all(struct contractor *c, uint32_t nodes)
{
    struct hierarchy *h = c->h;

    h->nodes = nodes;
    for (int d = 0; d < 2; d++) {
        h->first[d] = calloc(nodes + 1, sizeof **h->first);
        c->below[d] = calloc(nodes + 1, sizeof **c->below);
        if (h->first[d] == NULL || c->below[d] == NULL ||
            !roads_grow(&h->arc[d], &c->arc_cap[d], 1, sizeof **h->arc) ||
            !roads_grow(&h->middle[d], &c->middle_cap[d], 1, sizeof **h->middle))
            return false;
    }
    c->best = malloc((nodes + 1) * sizeof *c->best);
    c->seen = calloc(nodes + 1, sizeof *c->seen);
    c->found = malloc((nodes + 1) * sizeof *c->found);
    if (c->best == NULL || c->seen == NULL || c->found == NULL ||
        !roads_grow(&c->pool, &c->pool_cap, 1, sizeof *c->pool))
        return false;
    c->pooled = 1;
    for (uint32_t v = 0; v < nodes; v++) {
        if (!finish_side(c, v, 0))
            return false;
        for (uint32_t i = 0; i < c->founds; i++)
            c->seen[c->found[i]] = 0;
        if (!finish_side(c, v, 1))
            return false;
    }
    return true;
}

enum lc_err
hierarchy_build(struct hierarchy *h, uint32_t nodes, const uint32_t *first_arc,
                const struct arc *arc, const uint32_t *rank)
{
    struct contractor c = {.h = h};
    bool ok = sort_input(&c, nodes, first_arc, arc, rank) && contract_all(&c, nodes);

    for (int d = 0; d < 2; d++) {
        free(c.first_in[d]);
        free(c.in[d]);
        free(c.below[d]);
    }
    free(c.pool);
    free(c.best);
    free(c.seen);
    free(c.found);
    enum lc_err err = ok ? hierarchy_prune(h) : LC_ENOMEM;
    return err == LC_OK ? hierarchy_tree(h, nodes, first_arc, arc, rank) : err;
}

void
hierarchy_free(struct hierarchy *h)
{
    for (int d = 0; d < 2; d++) {
        free(h->first[d]);
        free(h->arc[d]);
        free(h->middle[d]);
    }
    free(h->parent);
    *h = (struct hierarchy){0};
}
