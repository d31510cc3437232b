/* Roads near a point: a grid of cells about 150 m wide over the map, and for each the roads whose
 * box touches it. */
#include "roads/file.h"

#include <math.h>
#include <stdlib.h>

enum { CELLS_MAX = 1 << 24 };

struct grid {
    const struct network *n;
    const uint8_t *useful;
    struct file_header *h;
    uint32_t *first, *road;
};

/* cell_range: the rows (or columns) that a range of coordinates touches. */
static void
cell_range(int32_t low, int32_t high, int32_t origin, uint32_t step, uint32_t count, uint32_t *from,
           uint32_t *to)
{
    uint32_t a = (uint32_t)(((int64_t)low - origin) / step);
    uint32_t b = (uint32_t)(((int64_t)high - origin) / step);

    *from = a < count ? a : count - 1;
    *to = b < count ? b : count - 1;
}

/* visit: counts each road in its cells, or writes it there. */
static void
visit(struct grid *g, bool write)
{
    const struct file_header *h = g->h;

    for (uint32_t r = 0; r < g->n->roads; r++) {
        const struct latlng *p = g->n->point + g->n->road[r].point;
        struct latlng low = p[0], high = p[0];
        uint32_t row0, row1, column0, column1;
        if (!g->useful[r])
            continue;
        for (uint32_t i = 1; i < g->n->road[r].points; i++) {
            low.lat_e7 = p[i].lat_e7 < low.lat_e7 ? p[i].lat_e7 : low.lat_e7;
            low.lng_e7 = p[i].lng_e7 < low.lng_e7 ? p[i].lng_e7 : low.lng_e7;
            high.lat_e7 = p[i].lat_e7 > high.lat_e7 ? p[i].lat_e7 : high.lat_e7;
            high.lng_e7 = p[i].lng_e7 > high.lng_e7 ? p[i].lng_e7 : high.lng_e7;
        }
        cell_range(low.lat_e7, high.lat_e7, h->south_west.lat_e7, h->grid_lat_step, h->grid_rows,
                   &row0, &row1);
        cell_range(low.lng_e7, high.lng_e7, h->south_west.lng_e7, h->grid_lng_step, h->grid_columns,
                   &column0, &column1);
        for (uint32_t row = row0; row <= row1; row++)
            for (uint32_t column = column0; column <= column1; column++) {
                size_t cell = (size_t)row * h->grid_columns + column;
                if (write)
                    g->road[g->first[cell + 1]++] = r;
                else
                    g->first[cell + 2]++;
            }
    }
}

static void
measure(struct file_header *h, const struct network *n)
{
    struct latlng low = {INT32_MAX, INT32_MAX}, high = {INT32_MIN, INT32_MIN};

    for (size_t i = 0; i < n->points; i++) {
        struct latlng p = n->point[i];
        low.lat_e7 = p.lat_e7 < low.lat_e7 ? p.lat_e7 : low.lat_e7;
        low.lng_e7 = p.lng_e7 < low.lng_e7 ? p.lng_e7 : low.lng_e7;
        high.lat_e7 = p.lat_e7 > high.lat_e7 ? p.lat_e7 : high.lat_e7;
        high.lng_e7 = p.lng_e7 > high.lng_e7 ? p.lng_e7 : high.lng_e7;
    }
    h->south_west = low;
    h->north_east = high;
    double middle = ((double)low.lat_e7 + high.lat_e7) / 2 * 1e-7 * M_PI / 180;
    double shrink = cos(middle) > 0.05 ? cos(middle) : 0.05;
    h->grid_lat_step = CELL_LAT_E7;
    h->grid_lng_step = (uint32_t)(CELL_LAT_E7 / shrink);
    for (;; h->grid_lat_step *= 2, h->grid_lng_step *= 2) {
        uint64_t rows = (uint64_t)((int64_t)high.lat_e7 - low.lat_e7) / h->grid_lat_step + 1;
        uint64_t columns = (uint64_t)((int64_t)high.lng_e7 - low.lng_e7) / h->grid_lng_step + 1;
        if (rows * columns > CELLS_MAX)
            continue;
        h->grid_rows = (uint32_t)rows;
        h->grid_columns = (uint32_t)columns;
        return;
    }
}

enum lc_err
grid_add(struct file_writer *w, const struct network *n, const uint8_t *useful)
{
    struct grid g = {.n = n, .useful = useful, .h = &w->header};

    measure(g.h, n);
    size_t cells = (size_t)g.h->grid_rows * g.h->grid_columns;
    g.first = calloc(cells + 2, sizeof *g.first);
    if (g.first == NULL)
        return LC_ENOMEM;
    visit(&g, false);
    for (size_t c = 2; c < cells + 2; c++)
        g.first[c] += g.first[c - 1];
    g.road = malloc((g.first[cells + 1] + (size_t)1) * sizeof *g.road);
    if (g.road == NULL) {
        free(g.first);
        return LC_ENOMEM;
    }
    visit(&g, true);
    file_add(w, SEC_GRID_FIRST, g.first, (cells + 1) * sizeof *g.first);
    file_add(w, SEC_GRID_ROAD, g.road, g.first[cells] * sizeof *g.road);
    free(g.first);
    free(g.road);
    return LC_OK;
}
