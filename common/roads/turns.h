/* turns: the network as one mode travels it: its edges, and what it costs to go from one into the
 * next: turn by turn, so that turn costs and restrictions are exact. Pure; part of roads_build.
 *
 * A state is an edge that the mode may use, or such an edge again behind the beginning of a
 * restriction over several ways: what may follow then differs. Costs are milliseconds: `w` (weight)
 * chooses the route, `d` (duration) is the answer. */
#ifndef LC_ROADS_TURNS_H
#define LC_ROADS_TURNS_H

#include "roads/network.h"

#define NO_STATE UINT32_MAX

struct turn {
    uint32_t to; /* state */
    uint32_t w, d;
};

struct mode_graph {
    uint32_t states;
    uint32_t plain;     /* states below are edges themselves, in ascending order */
    uint32_t *edge;     /* of each state */
    uint32_t *state_of; /* of each edge; NO_STATE where the mode may not go */
    uint32_t *w, *d;    /* of each state: from its tail to its head */
    uint8_t *snap;      /* of each state: may a trip start or end there? */
    uint32_t *first;    /* states + 1 */
    struct turn *turn;
    size_t turns, turns_cap;
    size_t edges; /* that the mode may use */
};

/* turns_build: for one mode, into a zeroed graph. LC_ENOMEM; turns_free in any case. */
LC_MUST_CHECK enum lc_err turns_build(struct mode_graph *g, const struct network *n,
                                      const struct osm_map *m, enum travel_mode mode);
void turns_free(struct mode_graph *g);

/* turn_angle: how far one turns from edge e into f, in degrees: 0 straight on, 90 right, -90 left,
 * 180 back. */
double turn_angle(const struct network *n, uint32_t e, uint32_t f);

/* junction_view: what the cost of a turn depends on besides the two edges. */
struct junction_view {
    const struct network *n;
    const struct osm_map *m;
    enum travel_mode mode;
    uint32_t flags;   /* of the junction */
    uint32_t roads;   /* that the mode may use, in either direction */
    uint16_t fastest; /* of all its edges there */
    bool plain;       /* two roads of one kind and name: a bend, no turn */
};

static inline const struct way_dir *
edge_use(const struct network *n, const struct osm_map *m, uint32_t edge, enum travel_mode mode)
{
    return &m->use[n->use[edge >> 1]].mode[mode][edge & 1];
}

/* turn_cost: of going from e into f, which may be back along e. */
void turn_cost(const struct junction_view *v, uint32_t e, uint32_t f, uint32_t *w, uint32_t *d);

/* components_mark: sets g->snap where a trip may start or end: within a strongly connected
 * component of at least SNAP_COMPONENT states, or the largest. LC_ENOMEM. */
enum { SNAP_COMPONENT = 1000 };
LC_MUST_CHECK enum lc_err components_mark(struct mode_graph *g);

#endif
