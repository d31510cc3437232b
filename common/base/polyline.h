/* polyline: places as Google's encoded polyline, which every map library reads: differences of five
 * decimals, zigzag, five bits a character from the lowest on, latitude first
 * (https://developers.google.com/maps/documentation/utilities/polylinealgorithm). Pure. */
#ifndef LC_BASE_POLYLINE_H
#define LC_BASE_POLYLINE_H

#include "base/bytes.h"
#include "base/geo.h"

/* polyline: a line being written. Begin with {.out = buf}, which is borrowed. */
struct polyline {
    struct buf *out;
    int64_t lat, lng; /* of the last place, in 1e-5 degrees */
    size_t points;    /* until now */
};

/* polyline_put: the next place. One that is the same in five decimals as the one before adds
 * nothing. Without memory out->failed is set. */
void polyline_put(struct polyline *line, struct latlng at);

#endif
