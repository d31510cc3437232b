/* zones: delivery zones for stores by travel time (`lcctl roads zones`). */
#ifndef LC_LCCTL_ZONES_H
#define LC_LCCTL_ZONES_H

#include "roads/roads.h"

/* What a zone is: all that can be reached in the mode within so many minutes, each road widened by
 * widen_m; `replace`: also for stores that have one. */
struct zone_wish {
    const struct roads *roads;
    struct roads_search *search;
    enum travel_mode mode;
    uint32_t minutes;
    uint32_t widen_m;
    bool replace;
};

/* zones_fill: reads stores (a GeoJSON Feature or FeatureCollection; "-" = stdin), gives those that
 * deliver and have no zone one, and prints them as PUT /v1/stores takes them. Stores that get none
 * are told on stderr and printed as they were: EXIT_NOT_SO. EXIT_FAILED: the file is none. */
int zones_fill(const struct zone_wish *w, const char *path);

#endif
