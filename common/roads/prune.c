/* Which arcs of a hierarchy are no shortest way? From the top down, each arc is compared with the
 * ways over one other upper node: what is longer is never part of a shortest way and goes. The
 * lengths found for a node are used for those below it, so what is compared with are the lengths of
 * real ways: nothing that is needed goes, and nearly everything that is not does. */
#include "roads/contract.h"

#include <stdlib.h>

struct pruner {
    const struct hierarchy *h;
    uint64_t *key[2]; /* of each arc: the shortest known */
    uint32_t *at;     /* by node: the arc of the node in hand to it, + 1 */
};

/* compare: side d of v: its arcs to x and y, against the arcs between x and y. */
static void
compare(struct pruner *p, uint32_t v, int d)
{
    const struct hierarchy *h = p->h;

    for (uint32_t a = h->first[d][v]; a < h->first[d][v + 1]; a++)
        p->at[h->arc[d][a].to] = a + 1;
    for (uint32_t a = h->first[d][v + 1]; a-- > h->first[d][v];) {
        uint32_t x = h->arc[d][a].to;
        if (x == v)
            continue;
        for (uint32_t b = h->first[d][x]; b < h->first[d][x + 1]; b++) {
            uint32_t to_y = p->at[h->arc[d][b].to];
            if (to_y == 0 || h->arc[d][b].to == x)
                continue;
            uint64_t key = p->key[d][a] + p->key[d][b];
            if (key < p->key[d][to_y - 1])
                p->key[d][to_y - 1] = key;
        }
        for (uint32_t b = h->first[!d][x]; b < h->first[!d][x + 1]; b++) {
            uint32_t to_y = p->at[h->arc[!d][b].to];
            if (to_y == 0 || h->arc[!d][b].to == x)
                continue;
            uint64_t key = p->key[d][to_y - 1] + p->key[!d][b];
            if (key < p->key[d][a])
                p->key[d][a] = key;
        }
    }
    for (uint32_t a = h->first[d][v]; a < h->first[d][v + 1]; a++)
        p->at[h->arc[d][a].to] = 0;
}

static void
drop_longer(struct hierarchy *h, const uint64_t *key, int d)
{
    uint32_t kept = 0, a = 0;

    for (uint32_t v = 0; v < h->nodes; v++) {
        uint32_t end = h->first[d][v + 1];
        for (; a < end; a++) {
            if (key[a] < arc_key(&h->arc[d][a]))
                continue;
            h->arc[d][kept] = h->arc[d][a];
            h->middle[d][kept++] = h->middle[d][a];
        }
        h->first[d][v + 1] = kept;
    }
}

enum lc_err
hierarchy_prune(struct hierarchy *h)
{
    struct pruner p = {.h = h, .at = calloc(h->nodes + 1, sizeof *p.at)};

    for (int d = 0; d < 2; d++) {
        uint32_t arcs = h->first[d][h->nodes];
        p.key[d] = calloc(arcs + (size_t)1, sizeof **p.key);
        for (uint32_t a = 0; p.key[d] != NULL && a < arcs; a++)
            p.key[d][a] = arc_key(&h->arc[d][a]);
    }
    bool ok = p.at != NULL && p.key[0] != NULL && p.key[1] != NULL;
    for (uint32_t v = h->nodes; ok && v-- > 0;) {
        compare(&p, v, 0);
        compare(&p, v, 1);
    }
    for (int d = 0; d < 2; d++) {
        if (ok)
            drop_longer(h, p.key[d], d);
        free(p.key[d]);
    }
    free(p.at);
    return ok ? LC_OK : LC_ENOMEM;
}

/* root_above: the root of the tree that u is in so far; v when it is already below v. Shortens the
 * way there for the next time. */
static uint32_t
root_above(uint32_t *shortcut, uint32_t u, uint32_t v)
{
    while (shortcut[u] != UINT32_MAX && shortcut[u] != v) {
        uint32_t next = shortcut[u];
        shortcut[u] = v;
        u = next;
    }
    if (shortcut[u] == v)
        return v;
    shortcut[u] = v;
    return u;
}

/* within_bounds: overwrites depth. A spot has several edges, so what is met is a few ways up. */
static bool
within_bounds(const struct hierarchy *h, uint32_t *depth)
{
    bool ok = true;

    for (uint32_t v = h->nodes; v-- > 0;) {
        depth[v] = h->parent[v] == UINT32_MAX ? 1 : depth[h->parent[v]] + 1;
        ok &= depth[v] < HIERARCHY_DEEPEST / 48;
        for (int d = 0; d < 2; d++)
            ok &= h->first[d][v + 1] - h->first[d][v] < HIERARCHY_ARCS;
    }
    return ok;
}

enum lc_err
hierarchy_tree(struct hierarchy *h, uint32_t nodes, const uint32_t *first_arc,
               const struct arc *arc, const uint32_t *rank)
{
    uint32_t *first = calloc(nodes + (size_t)2, sizeof *first);
    uint32_t *lower = calloc(first_arc[nodes] + (size_t)1, sizeof *lower);
    uint32_t *shortcut = calloc(nodes + (size_t)1, sizeof *shortcut);
    bool ok = first != NULL && lower != NULL && shortcut != NULL;

    h->parent = calloc(nodes + (size_t)1, sizeof *h->parent);
    ok = ok && h->parent != NULL;
    for (int pass = 0; ok && pass < 2; pass++) {
        for (uint32_t i = 0; i < nodes; i++)
            for (uint32_t a = first_arc[i]; a < first_arc[i + 1]; a++) {
                uint32_t x = rank[i], y = rank[arc[a].to];
                uint32_t low = x < y ? x : y, high = x < y ? y : x;
                if (pass == 0)
                    first[high + 1]++;
                else
                    lower[first[high]++] = low;
            }
        for (uint32_t v = 0; pass == 0 && v < nodes; v++)
            first[v + 1] += first[v];
    }
    if (ok) {
        memset(shortcut, 0xff, (nodes + (size_t)1) * sizeof *shortcut);
        memset(h->parent, 0xff, (nodes + (size_t)1) * sizeof *h->parent);
    }
    /* first[v] is now where v's end, that is where v + 1's begin. */
    for (uint32_t v = 0; ok && v < nodes; v++)
        for (uint32_t i = v == 0 ? 0 : first[v - 1]; i < first[v]; i++) {
            uint32_t root = lower[i] == v ? v : root_above(shortcut, lower[i], v);
            if (root != v)
                h->parent[root] = v;
        }
    bool fits = ok && within_bounds(h, shortcut);
    free(first);
    free(lower);
    free(shortcut);
    return !ok ? LC_ENOMEM : fits ? LC_OK : LC_ETOOBIG;
}
