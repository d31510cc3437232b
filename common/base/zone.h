/* zone: which delivery zones cover a point?
 *
 * GEOS checks, repairs and indexes (STRtree). The point test itself is exact integer arithmetic on
 * the checked rings: half the time of GEOS' prepared covers and a sixth of its memory (11,000 zones
 * of 60 corners: 8 MB in all, 0.4 us a question), and the unit test holds it against GEOS. Pure: no
 * I/O, no clock, no globals (a reentrant GEOS context per set). Not thread-safe: one set per event
 * loop.
 *
 * Edges are straight lines in latitude and longitude, as in GeoJSON (RFC 7946). Rings must not
 * cross the antimeridian: split such a zone into two polygons, as RFC 7946 3.1.9 asks. */
#ifndef LC_BASE_ZONE_H
#define LC_BASE_ZONE_H

#include "base/err.h"
#include "base/geo.h"

#include <stdbool.h>
#include <stddef.h>

struct zone_set; /* opaque, owned by the caller */

enum { ZONE_POINTS_MAX = 10000, ZONE_RINGS_MAX = 500, ZONE_REASON_MAX = 160 };

/* A zone as GeoJSON has it: Polygon is [outer, hole, hole …], MultiPolygon several of those one
 * after the other. The direction of a ring does not matter. */
struct zone_ring {
    const struct latlng *point; /* borrowed; the last equals the first */
    size_t n;                   /* at least 4 */
    bool hole; /* of the polygon whose outer ring came before; false starts a polygon */
};

enum zone_repair {
    ZONE_UNCHANGED,
    ZONE_REPAIRED /* it was invalid (for example a ring crossing itself); GEOS MakeValid made it
                     polygons */
};

/* zone_set_new: an empty set. NULL when out of memory. */
struct zone_set *zone_set_new(void);

/* zone_set_destroy: frees it with all zones; NULL is allowed. */
void zone_set_destroy(struct zone_set *zs);

/* zone_set_put: adds the zone, or replaces the one with this id; the points are copied. *repair
 * (when not NULL) says whether the polygon had to be repaired, and reason (when not NULL,
 * ZONE_REASON_MAX bytes) what was wrong with it in either case, "" when nothing.
 *   LC_EINVAL   no rings, a hole first, a ring of under 4 points or not closed, a coordinate out
 *               of range, an edge over the antimeridian, nothing with an area left
 *   LC_ETOOBIG  over ZONE_POINTS_MAX or ZONE_RINGS_MAX, or so tangled that checking it would take
 *               long (zone_tangle.h)
 *   LC_ENOMEM   out of memory
 * On error the set is unchanged. */
LC_MUST_CHECK enum lc_err zone_set_put(struct zone_set *zs, uint32_t id,
                                       const struct zone_ring *ring, size_t rings,
                                       enum zone_repair *repair, char reason[ZONE_REASON_MAX]);

/* zone_set_remove: LC_ENOTFOUND when there is none with this id. */
enum lc_err zone_set_remove(struct zone_set *zs, uint32_t id);

/* zone_set_count: how many zones. */
size_t zone_set_count(const struct zone_set *zs);

/* zone_covers: does the zone cover the point? Its boundary counts as inside (OGC `covers`). False
 * for an unknown id. */
bool zone_covers(const struct zone_set *zs, uint32_t id, struct latlng p);

/* zone_shape: the zone itself, for whoever asks one zone often (zone_shape_covers); NULL for an
 * unknown id. Valid until this id is put again or removed. */
struct zone_shape;
const struct zone_shape *zone_shape(const struct zone_set *zs, uint32_t id);

/* zone_find: the ids of the zones that cover p, ascending, at most max of them in ids. *found is
 * how many there are in all, which may be over max. The index is rebuilt here when the set has
 * changed.
 *   LC_ENOMEM  out of memory; nothing was found */
LC_MUST_CHECK enum lc_err zone_find(struct zone_set *zs, struct latlng p, uint32_t *ids, size_t max,
                                    size_t *found);

/* zone_reach_m: no point of the zone is further from `store` than this (the farthest corner,
 * rounded up). 0 for an unknown id. */
double zone_reach_m(const struct zone_set *zs, uint32_t id, struct latlng store);

/* zone_corners: how many corners the zone has after repair; 0 for an unknown id. */
size_t zone_corners(const struct zone_set *zs, uint32_t id);

#endif
