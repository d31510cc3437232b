/* zone_shape: one checked zone as integer rings; part of zone.c. GEOS makes it, plain arithmetic
 * asks it. */
#ifndef LC_BASE_ZONE_SHAPE_H
#define LC_BASE_ZONE_SHAPE_H

#include "base/zone.h"

#include <geos_c.h>

/* Valid polygons: rings touch at points at most, so a point is inside when a ray from it crosses an
 * odd number of edges, holes included. */
struct zone_shape {
    struct latlng min, max; /* bounding box */
    uint32_t rings;
    uint32_t points;
    const uint32_t *ring_end; /* index behind the last point of each ring */
    struct latlng point[];    /* the closing point is left out */
};

/* zone_shape_new: checks, repairs and keeps; errors, repair and reason as zone_set_put. Free with
 * free(). */
LC_MUST_CHECK enum lc_err zone_shape_new(GEOSContextHandle_t geos, const struct zone_ring *ring,
                                         size_t rings, struct zone_shape **out,
                                         enum zone_repair *repair, char reason[ZONE_REASON_MAX]);

/* zone_shape_covers: exact; the boundary counts as inside. */
bool zone_shape_covers(const struct zone_shape *s, struct latlng p);

#endif
