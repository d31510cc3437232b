/* chains: the states of a mode with those joined that can only follow one another, which leaves
 * about half of them to search. Pure; part of roads_build.
 *
 * A node is a chain of states. An arc leads from the beginning of one chain to the beginning of a
 * chain that can follow: it costs the whole first chain and the turn behind it. */
#ifndef LC_ROADS_CHAINS_H
#define LC_ROADS_CHAINS_H

#include "roads/turns.h"

/* arc: as it stands in the file too. `w` and `d` are compared together, w first. */
struct arc {
    uint32_t to;
    uint32_t d, w; /* ms; in this order, so that both are one little-endian number */
    uint32_t cm;
};

/* place: where a state lies in its chain. */
struct place {
    uint32_t node;
    uint32_t before_w, before_d, before_cm; /* of the chain in front of it */
};

struct chains {
    uint32_t nodes;
    uint32_t *first_state; /* nodes + 1: into state */
    uint32_t *state;       /* of each node, in order */
    struct place *place;   /* of each state */
    uint32_t *first_arc;   /* nodes + 1 */
    struct arc *arc;
};

/* chains_build: LC_ENOMEM; chains_free in any case. */
LC_MUST_CHECK enum lc_err chains_build(struct chains *c, const struct mode_graph *g,
                                       const struct network *n);
void chains_free(struct chains *c);

#endif
