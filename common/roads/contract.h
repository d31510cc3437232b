/* contract: a contraction hierarchy over a directed graph whose order of importance is given. Pure.
 *
 * Nodes are taken out one by one, the least important first, and every way through a node between
 * two others becomes a shortcut; afterwards the arcs that are no shortest way are thrown out
 * (customizable contraction hierarchies: Dibbelt, Strasser, Wagner 2016; their "perfect"
 * customization, over directed arcs). Shortest ways are then found by going only up from both ends.
 *
 * Costs have two parts, weight and duration, compared in this order. Integers only: the same input
 * gives the same hierarchy everywhere. */
#ifndef LC_ROADS_CONTRACT_H
#define LC_ROADS_CONTRACT_H

#include "roads/chains.h"

#define NO_MIDDLE UINT32_MAX

/* No way is this long (12 days); two of them do not wrap round. */
#define NO_WAY (1 << 30)

/* hierarchy: nodes numbered by importance, 0 the least. */
struct hierarchy {
    uint32_t nodes;
    uint32_t *first[2];  /* nodes + 1: [0] arcs that go up, [1] arcs that come down */
    struct arc *arc[2];  /* .to is always the upper node, ascending; the node itself: its shortest
                            way round, in [0] */
    uint32_t *middle[2]; /* of each arc: the lower node that it leads through; or NO_MIDDLE */
    uint32_t *parent;    /* of each node: the next that its arcs, and theirs, can lead to: all of
                            them lie on the way up to the root, whose parent is UINT32_MAX */
};

/* hierarchy_build: `rank` numbers the nodes of the input, a permutation. LC_ENOMEM; hierarchy_free
 * in any case. */
LC_MUST_CHECK enum lc_err hierarchy_build(struct hierarchy *h, uint32_t nodes,
                                          const uint32_t *first_arc, const struct arc *arc,
                                          const uint32_t *rank);
void hierarchy_free(struct hierarchy *h);

static inline uint64_t
cost_key(uint32_t w, uint32_t d)
{
    return (uint64_t)w << 32 | d;
}

static inline uint64_t
arc_key(const struct arc *a)
{
    return cost_key(a->w, a->d);
}

/* A search numbers what it meets (a few ways up the tree) and a node's arcs in these bounds; real
 * maps, countries too, stay far below. */
enum { HIERARCHY_DEEPEST = 1 << 18, HIERARCHY_ARCS = 1 << 13 };

/* hierarchy_tree: fills in the parents: the elimination tree (Liu 1986). Part of hierarchy_build.
 * LC_ENOMEM; LC_ETOOBIG when the tree is deeper, or a node has more arcs, than searches take. */
LC_MUST_CHECK enum lc_err hierarchy_tree(struct hierarchy *h, uint32_t nodes,
                                         const uint32_t *first_arc, const struct arc *arc,
                                         const uint32_t *rank);

/* hierarchy_prune: throws out the arcs that are longer than another way. Part of hierarchy_build.
 * LC_ENOMEM. */
LC_MUST_CHECK enum lc_err hierarchy_prune(struct hierarchy *h);

#endif
