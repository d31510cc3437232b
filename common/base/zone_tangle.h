/* zone_tangle: may these edges be given to GEOS? Part of zone_shape.c.
 *
 * GEOS takes time with each pair of edges whose boxes overlap (4 s for 10,000 edges side by side on
 * a slant), and far more with each crossing it repairs (a star of 1,001 corners never ended). A
 * zone comes from outside, and who reads it serves others meanwhile. */
#ifndef LC_BASE_ZONE_TANGLE_H
#define LC_BASE_ZONE_TANGLE_H

#include "base/zone.h"

/* What a zone of n edges may have: boxes that overlap, two by two, and proper crossings. Both are
 * many times what a drawn or computed zone has, even one of circles or squares that overlap. */
enum {
    ZONE_PAIRS_AN_EDGE = 20,
    ZONE_PAIRS_FREE = 2000,
    ZONE_EDGES_A_CROSSING = 2,
    ZONE_CROSSINGS_FREE = 100
};

/* zone_tangle: of checked rings. LC_ETOOBIG, with the reason: they are tangled more than that.
 * LC_ENOMEM. */
LC_MUST_CHECK enum lc_err zone_tangle(const struct zone_ring *ring, size_t rings,
                                      char reason[ZONE_REASON_MAX]);

#endif
