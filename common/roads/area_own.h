/* area: what the parts of roads_area share. Inside roads only.
 *
 * Reached roads are painted on a grid of square cells, wide as asked for; the outline of what is
 * painted becomes the polygon. (Widening thousands of lines by GEOS takes seconds.) */
#ifndef LC_ROADS_AREA_OWN_H
#define LC_ROADS_AREA_OWN_H

#include "roads/search.h"

#include <geos_c.h>

struct canvas {
    int32_t columns, rows;
    uint8_t *cell; /* CELL_* */
};
enum { CELL_PAINTED = 1, CELL_TRACED = 2 };

/* ring: an outline along the edges of cells, the painted ones on its left: counterclockwise around
 * what is painted, clockwise around a hole. Its last point is its first. */
struct ring {
    int32_t *xy; /* columns and rows, by twos */
    uint32_t points;
    double area; /* in cells; negative for a hole */
};

struct rings {
    struct ring *ring;
    size_t n, cap;
};

static inline bool
canvas_painted(const struct canvas *c, int64_t column, int64_t row)
{
    return column >= 0 && row >= 0 && column < c->columns && row < c->rows &&
           (c->cell[row * c->columns + column] & CELL_PAINTED) != 0;
}

/* rings_trace: all outlines. Cells that touch at a corner only are apart. False without memory. */
LC_MUST_CHECK bool rings_trace(struct canvas *c, struct rings *out);
void rings_free(struct rings *r);

/* ring_covers: is the point within, by the even-odd rule? In halves of cells, so never on an edge.
 */
bool ring_covers(const struct ring *r, double x, double y);

#endif
