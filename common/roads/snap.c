#include "roads/search.h"

#include <math.h>
#include <stdlib.h>

enum { AS_NEAR_CM = 5 };

struct candidate {
    uint32_t road;
    double metres;
    double share; /* of the road's length that lies before the point */
    struct latlng at;
};

struct snapper {
    const struct roads *r;
    const struct roads_mode *m;
    struct latlng p;
    double shrink; /* of a degree of longitude there */
    double best;
    struct candidate near[ROADS_SPOT_EDGES];
    uint32_t n;
};

struct latlng
point_between(struct latlng a, struct latlng b, double share)
{
    return (struct latlng){
        (int32_t)lrint(a.lat_e7 + share * ((double)b.lat_e7 - a.lat_e7)),
        (int32_t)lrint(a.lng_e7 + share * ((double)b.lng_e7 - a.lng_e7)),
    };
}

/* nearest_on: the point of a road that is nearest to p, on the plane around p; false when it is not
 * as near as the nearest known. */
static bool
nearest_on(const struct snapper *s, uint32_t road, struct candidate *c)
{
    const struct road *r = &s->r->road[road];
    const struct latlng *point = s->r->point + r->point;
    const double limit_m = s->best + AS_NEAR_CM * 0.01;
    double least = limit_m * limit_m / (METRES_PER_E7 * METRES_PER_E7), along = 0, before = 0;
    double x = ((double)point[0].lng_e7 - s->p.lng_e7) * s->shrink;
    double y = (double)point[0].lat_e7 - s->p.lat_e7;
    uint32_t at = 0;
    double share = 0;

    for (uint32_t i = 1; i < r->points; i++) {
        double x2 = ((double)point[i].lng_e7 - s->p.lng_e7) * s->shrink;
        double y2 = (double)point[i].lat_e7 - s->p.lat_e7;
        double dx = x2 - x, dy = y2 - y, square = dx * dx + dy * dy;
        double t = square > 0 ? -(x * dx + y * dy) / square : 0;
        t = t < 0 ? 0 : t > 1 ? 1 : t;
        double ax = x + t * dx, ay = y + t * dy, away = ax * ax + ay * ay;
        if (away <= least) {
            least = away;
            at = i;
            share = t;
        }
        x = x2;
        y = y2;
    }
    if (at == 0)
        return false;
    for (uint32_t i = 1; i < r->points; i++) {
        double length = hypot(((double)point[i].lng_e7 - point[i - 1].lng_e7) * s->shrink,
                              (double)point[i].lat_e7 - point[i - 1].lat_e7);
        before += i < at ? length : i == at ? share * length : 0;
        along += length;
    }
    *c = (struct candidate){road, sqrt(least) * METRES_PER_E7, along > 0 ? before / along : 0,
                            point_between(point[at - 1], point[at], share)};
    return true;
}

static void
consider(struct snapper *s, uint32_t road)
{
    if (s->m->slot_of[2 * road] == NO_SLOT && s->m->slot_of[2 * road + 1] == NO_SLOT)
        return;
    for (uint32_t i = 0; i < s->n; i++)
        if (s->near[i].road == road)
            return;
    struct candidate c;
    if (!nearest_on(s, road, &c))
        return;
    if (c.metres < s->best) {
        uint32_t kept = 0;
        s->best = c.metres;
        for (uint32_t i = 0; i < s->n; i++)
            if (s->near[i].metres <= s->best + AS_NEAR_CM * 0.01)
                s->near[kept++] = s->near[i];
        s->n = kept;
    }
    if (s->n < ROADS_SPOT_EDGES)
        s->near[s->n++] = c;
}

static void
consider_cell(struct snapper *s, int64_t row, int64_t column)
{
    const struct file_header *h = s->r->header;

    if (row < 0 || column < 0 || row >= h->grid_rows || column >= h->grid_columns)
        return;
    size_t cell = (size_t)row * h->grid_columns + (size_t)column;
    for (uint32_t i = s->r->grid_first[cell]; i < s->r->grid_first[cell + 1]; i++)
        consider(s, s->r->grid_road[i]);
}

/* consider_ring: the cells exactly k away from the one of p. */
static void
consider_ring(struct snapper *s, int64_t row, int64_t column, int64_t k)
{
    if (k == 0) {
        consider_cell(s, row, column);
        return;
    }
    for (int64_t i = -k; i <= k; i++) {
        consider_cell(s, row - k, column + i);
        consider_cell(s, row + k, column + i);
    }
    for (int64_t i = 1 - k; i < k; i++) {
        consider_cell(s, row + i, column - k);
        consider_cell(s, row + i, column + k);
    }
}

static int64_t
cell_of(int32_t x, int32_t origin, uint32_t step)
{
    int64_t d = (int64_t)x - origin;

    return d >= 0 ? d / step : -1 - (-1 - d) / step;
}

/* to_edge: from p to the nearest side of its cell, in metres. */
static double
to_edge(const struct snapper *s, const struct file_header *h, int64_t row, int64_t column)
{
    double south = (double)s->p.lat_e7 - h->south_west.lat_e7 - (double)row * h->grid_lat_step;
    double west = (double)s->p.lng_e7 - h->south_west.lng_e7 - (double)column * h->grid_lng_step;
    double lat = fmin(south, h->grid_lat_step - south);
    double lng = fmin(west, h->grid_lng_step - west) * s->shrink;

    return fmin(lat, lng) * METRES_PER_E7;
}

/* beyond: north or south of all roads by more than the nearest may be away? Towards a pole a degree
 * of longitude, and so a ring of cells, is next to nothing wide: a place there would be looked for
 * in as many rings as the map has cells between. */
static bool
beyond(const struct snapper *s, const struct file_header *h)
{
    double south = h->south_west.lat_e7;
    double north = south + (double)h->grid_rows * h->grid_lat_step;
    double away = fmax(south - s->p.lat_e7, s->p.lat_e7 - north);

    return away * METRES_PER_E7 > s->best + 0.06;
}

static void
fill(const struct snapper *s, struct roads_spot *out)
{
    *out = (struct roads_spot){.at = s->near[0].at, .away_cm = (uint32_t)(s->best * 100 + 0.5)};
    for (uint32_t i = 0; i < s->n; i++) {
        if (s->near[i].metres <= s->best)
            out->at = s->near[i].at;
        for (uint32_t d = 0; d < 2; d++) {
            double share = d == 0 ? s->near[i].share : 1 - s->near[i].share;
            if (s->m->slot_of[2 * s->near[i].road + d] == NO_SLOT || out->edges == ROADS_SPOT_EDGES)
                continue;
            out->edge[out->edges].edge = 2 * s->near[i].road + d;
            out->edge[out->edges++].behind = (uint32_t)(share * 1e6 + 0.5);
        }
    }
}

enum lc_err
roads_snap(const struct roads *r, enum travel_mode mode, struct latlng p, uint32_t max_m,
           struct roads_spot *out)
{
    const struct file_header *h = r->header;
    struct snapper s = {.r = r, .m = &r->mode[mode], .p = p, .best = max_m};

    *out = (struct roads_spot){.at = p};
    if (!geo_valid(p) || !roads_has(r, mode))
        return LC_EINVAL;
    s.shrink = cos(p.lat_e7 * 1e-7 * M_PI / 180);
    if (beyond(&s, h))
        return LC_ENOTFOUND;
    int64_t row = cell_of(p.lat_e7, h->south_west.lat_e7, h->grid_lat_step);
    int64_t column = cell_of(p.lng_e7, h->south_west.lng_e7, h->grid_lng_step);
    double lat_m = h->grid_lat_step * METRES_PER_E7;
    double lng_m = h->grid_lng_step * METRES_PER_E7 * s.shrink;
    double cell_m = lat_m < lng_m ? lat_m : lng_m;
    double edge_m = to_edge(&s, h, row, column);
    int64_t most = (int64_t)h->grid_rows + h->grid_columns + llabs(row) + llabs(column);
    /* What lies in ring k is at least as far as the own cell's edge and k - 1 cells. */
    for (int64_t k = 0; k <= most; k++) {
        if (k > 0 && edge_m + (double)(k - 1) * cell_m > s.best + 0.06)
            break;
        consider_ring(&s, row, column, k);
    }
    if (s.n == 0)
        return LC_ENOTFOUND;
    fill(&s, out);
    return LC_OK;
}
