/* Outlines of painted cells. */
#include "roads/area_own.h"

#include <stdlib.h>

/* East, north, west, south. */
static const int step[4][2] = {{1, 0}, {0, 1}, {-1, 0}, {0, -1}};

/* is_edge: from corner (x, y) in that direction: painted on the left, not on the right? */
static bool
is_edge(const struct canvas *c, int64_t x, int64_t y, unsigned direction)
{
    static const int left[4][2] = {{0, 0}, {-1, 0}, {-1, -1}, {0, -1}};
    static const int right[4][2] = {{0, -1}, {0, 0}, {-1, 0}, {-1, -1}};

    return canvas_painted(c, x + left[direction][0], y + left[direction][1]) &&
           !canvas_painted(c, x + right[direction][0], y + right[direction][1]);
}

static bool
add_point(struct ring *r, size_t *cap, int64_t x, int64_t y)
{
    if (!roads_grow(&r->xy, cap, 2 * ((size_t)r->points + 1), sizeof *r->xy))
        return false;
    r->xy[2 * r->points] = (int32_t)x;
    r->xy[2 * r->points + 1] = (int32_t)y;
    r->points++;
    return true;
}

/* trace: one ring, from the corner (x, y) eastwards. Every ring has an edge that leads east, and
 * those are marked, so that each is traced once. */
static bool
trace(struct canvas *c, int64_t x, int64_t y, struct ring *out)
{
    const int64_t start_x = x, start_y = y;
    unsigned direction = 0;
    size_t cap = 0;

    *out = (struct ring){0};
    do {
        if (direction == 0)
            c->cell[y * c->columns + x] |= CELL_TRACED;
        int64_t next_x = x + step[direction][0], next_y = y + step[direction][1];
        out->area += ((double)x * (double)next_y - (double)next_x * (double)y) / 2;
        x = next_x;
        y = next_y;
        /* The sharpest turn to the left keeps to the same cell. */
        unsigned turn = is_edge(c, x, y, (direction + 1) % 4) ? 1
                        : is_edge(c, x, y, direction)         ? 0
                                                              : 3;
        if (turn != 0 && !add_point(out, &cap, x, y))
            return false;
        direction = (direction + turn) % 4;
    } while (x != start_x || y != start_y || direction != 0);
    return add_point(out, &cap, out->xy[0], out->xy[1]);
}

bool
rings_trace(struct canvas *c, struct rings *out)
{
    for (int64_t y = 0; y < c->rows; y++)
        for (int64_t x = 0; x < c->columns; x++) {
            if ((c->cell[y * c->columns + x] & CELL_TRACED) != 0 || !is_edge(c, x, y, 0))
                continue;
            if (!roads_grow(&out->ring, &out->cap, out->n + 1, sizeof *out->ring))
                return false;
            if (!trace(c, x, y, &out->ring[out->n++]))
                return false;
        }
    return true;
}

void
rings_free(struct rings *r)
{
    for (size_t i = 0; i < r->n; i++)
        free(r->ring[i].xy);
    free(r->ring);
    *r = (struct rings){0};
}

bool
ring_covers(const struct ring *r, double x, double y)
{
    bool inside = false;

    for (uint32_t i = 0; i + 1 < r->points; i++) {
        double x1 = r->xy[2 * i], y1 = r->xy[2 * i + 1], y2 = r->xy[2 * i + 3];
        /* Only edges that lead north or south are crossed by a ray to the east. */
        if ((y1 > y) != (y2 > y) && x1 > x)
            inside = !inside;
    }
    return inside;
}
