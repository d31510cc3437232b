/* network: the ways cut into roads at junctions, and the restrictions as rows of roads. Pure; part
 * of roads_build.
 *
 * A road is undirected; an edge is a road in one direction: edge 2 r runs along road r's points,
 * edge 2 r + 1 against. */
#ifndef LC_ROADS_NETWORK_H
#define LC_ROADS_NETWORK_H

#include "roads/osm.h"

/* road: as it stands in the file too. */
struct road {
    uint32_t point; /* into point: the first */
    uint32_t points;
    uint32_t cm;
    uint32_t name; /* offset in names; 0 = none */
};

/* forbidden: a row of edges that may not be driven one after the other. */
struct forbidden {
    uint32_t first; /* into forbidden_edge */
    uint32_t n;     /* 2 and more */
    uint8_t modes;
};

struct network {
    struct road *road;
    size_t roads, roads_cap;
    struct latlng *point;
    size_t points, points_cap;
    uint32_t *use;            /* of each road; into osm_map.use */
    uint32_t *end[2];         /* of each road: the junctions where it begins and ends */
    uint32_t *junction_flags; /* NODE_* */
    struct latlng *junction_at;
    size_t junctions;
    uint32_t *first_out; /* junctions + 1 */
    uint32_t *out;       /* edges that leave */
    struct forbidden *forbidden;
    size_t forbiddens, forbiddens_cap;
    uint32_t *forbidden_edge;
    size_t forbidden_edges, forbidden_edges_cap;
    size_t ignored; /* restrictions whose ways do not meet, or are not in the file */
};

/* network_build: of a map that was read. Borrows nothing. LC_ENOMEM; network_free in any case. */
LC_MUST_CHECK enum lc_err network_build(struct network *n, struct osm_map *m);
void network_free(struct network *n);

enum { EDGE_COST_MAX = 1 << 26 };
/* edge_cost_ms: what a length costs at a speed in 10 m/h; at least 1, at most 18 hours. */
static inline uint32_t
edge_cost_ms(uint32_t cm, uint16_t speed)
{
    uint64_t ms = ((uint64_t)cm * 3600 + speed / 2) / speed;

    return ms == 0 ? 1 : ms > EDGE_COST_MAX ? EDGE_COST_MAX : (uint32_t)ms;
}

static inline uint32_t
edge_head(const struct network *n, uint32_t edge)
{
    return n->end[(edge & 1) == 0][edge >> 1];
}

static inline uint32_t
edge_tail(const struct network *n, uint32_t edge)
{
    return n->end[edge & 1][edge >> 1];
}

/* network_restrict: the restrictions of m as rows of edges. first_road[w] is the first road of way
 * w, first_road[w + 1] the one behind its last. */
LC_MUST_CHECK enum lc_err network_restrict(struct network *n, const struct osm_map *m,
                                           const uint32_t *first_road,
                                           const uint32_t *node_junction);

#endif
