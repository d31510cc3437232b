/* What can be reached, as a polygon to draw. */
#include "roads/area_own.h"

#include <math.h>
#include <stdlib.h>

enum { CELLS_MAX = 1 << 26, HOLE_CELLS = 64 };

struct area {
    const struct roads *r;
    GEOSContextHandle_t geos;
    struct latlng origin;
    double east_m, north_m; /* of 1e-7 degrees there */
    double cell_m;
    double west_m, south_m; /* of the canvas, from the origin */
    struct canvas canvas;
};

/* stretch: told of every reached part of an edge: up to a share of its length. */
typedef void stretch(struct area *a, const struct road *r, bool against, double share, void *to);

static struct latlng
point_of(const struct area *a, const struct road *r, bool against, uint32_t i)
{
    return a->r->point[r->point + (against ? r->points - 1 - i : i)];
}

/* each_reached: one direction is enough where all of a road is reached. */
static void
each_reached(struct area *a, const struct roads_search *s, const struct roads_mode *m,
             uint32_t bound_ms, uint8_t *whole, stretch *tell, void *to)
{
    memset(whole, 0, a->r->header->roads);
    for (uint32_t i = 0; i < m->slots; i++) {
        const struct slot *x = &m->slot[i];
        const struct road *r = &a->r->road[x->edge >> 1];
        if (s->swept[x->node] >= NO_WAY || whole[x->edge >> 1])
            continue;
        /* Durations wrap below 0 in front of the start itself. */
        int32_t at = (int32_t)(s->swept_extent[x->node].d + x->before_d);
        int64_t left = (int64_t)bound_ms - at, own = edge_cost_ms(r->cm, x->speed);
        if (left <= 0 || (at < 0 && -(int64_t)at >= own))
            continue;
        whole[x->edge >> 1] = left >= own && at >= 0;
        tell(a, r, (x->edge & 1) != 0, left >= own ? 1 : (double)left / (double)own, to);
    }
}

/* box: of everything reached, in metres from the origin. */
struct box {
    double west, south, east, north;
};

static void
widen_box(struct area *a, const struct road *r, bool against, double share, void *to)
{
    struct box *b = to;

    (void)share;
    for (uint32_t i = 0; i < r->points; i++) {
        struct latlng p = point_of(a, r, against, i);
        double x = ((double)p.lng_e7 - a->origin.lng_e7) * a->east_m;
        double y = ((double)p.lat_e7 - a->origin.lat_e7) * a->north_m;
        b->west = fmin(b->west, x);
        b->east = fmax(b->east, x);
        b->south = fmin(b->south, y);
        b->north = fmax(b->north, y);
    }
}

/* dab: the cells around a point. */
static void
dab(struct area *a, double x, double y)
{
    struct canvas *c = &a->canvas;
    int64_t column = (int64_t)floor((x - a->west_m) / a->cell_m);
    int64_t row = (int64_t)floor((y - a->south_m) / a->cell_m);

    for (int64_t dy = -2; dy <= 2; dy++)
        for (int64_t dx = -2; dx <= 2; dx++)
            if (dx * dx + dy * dy < 6 && row + dy >= 0 && column + dx >= 0 && row + dy < c->rows &&
                column + dx < c->columns)
                c->cell[(row + dy) * c->columns + column + dx] = CELL_PAINTED;
}

static void
paint(struct area *a, const struct road *r, bool against, double share, void *to)
{
    double left = share * r->cm / 100, x0 = 0, y0 = 0;

    (void)to;
    for (uint32_t i = 0; i < r->points && left >= 0; i++) {
        struct latlng p = point_of(a, r, against, i);
        double x = ((double)p.lng_e7 - a->origin.lng_e7) * a->east_m;
        double y = ((double)p.lat_e7 - a->origin.lat_e7) * a->north_m;
        double length = i == 0 ? 0 : hypot(x - x0, y - y0);
        double part = length > left ? left / length : 1;
        for (double at = 0; length > 0 && at < length * part; at += a->cell_m)
            dab(a, x0 + (x - x0) * at / length, y0 + (y - y0) * at / length);
        if (i > 0)
            dab(a, x0 + (x - x0) * part, y0 + (y - y0) * part);
        left -= length;
        x0 = x;
        y0 = y;
    }
}

/* stretch_canvas: over the box; coarser than asked for when that is too much. */
static bool
stretch_canvas(struct area *a, const struct box *b, uint32_t widen_m)
{
    for (a->cell_m = fmax(widen_m / 2.0, 0.5);; a->cell_m *= 2) {
        double columns = (b->east - b->west) / a->cell_m + 8;
        double rows = (b->north - b->south) / a->cell_m + 8;
        if (columns * rows > CELLS_MAX)
            continue;
        a->canvas.columns = (int32_t)columns;
        a->canvas.rows = (int32_t)rows;
        break;
    }
    a->west_m = b->west - 4 * a->cell_m;
    a->south_m = b->south - 4 * a->cell_m;
    a->canvas.cell = calloc((size_t)a->canvas.columns * (size_t)a->canvas.rows, 1);
    return a->canvas.cell != NULL;
}

static void
write_ring(const struct area *a, struct buf *out, const GEOSGeometry *ring, bool ccw)
{
    const GEOSCoordSequence *c = GEOSGeom_getCoordSeq_r(a->geos, ring);
    unsigned n = 0;
    char is_ccw = 1;
    double x, y;

    GEOSCoordSeq_getSize_r(a->geos, c, &n);
    GEOSCoordSeq_isCCW_r(a->geos, c, &is_ccw);
    buf_char(out, '[');
    for (unsigned i = 0; i < n; i++) {
        unsigned at = (is_ccw != 0) == ccw ? i : n - 1 - i;
        GEOSCoordSeq_getXY_r(a->geos, c, at, &x, &y);
        buf_printf(out, "%s[%.6f,%.6f]", i == 0 ? "" : ",",
                   (a->origin.lng_e7 + x / a->east_m) * 1e-7,
                   (a->origin.lat_e7 + y / a->north_m) * 1e-7);
    }
    buf_char(out, ']');
}

/* write_polygon: RFC 7946: outer ring counterclockwise, holes clockwise. */
static void
write_polygon(const struct area *a, struct buf *out, const GEOSGeometry *polygon)
{
    int holes = GEOSGetNumInteriorRings_r(a->geos, polygon);

    buf_char(out, '[');
    write_ring(a, out, GEOSGetExteriorRing_r(a->geos, polygon), true);
    for (int i = 0; i < holes; i++) {
        buf_char(out, ',');
        write_ring(a, out, GEOSGetInteriorRingN_r(a->geos, polygon, i), false);
    }
    buf_char(out, ']');
}

static void
write_shape(const struct area *a, struct buf *out, const GEOSGeometry *shape)
{
    int n = GEOSGetNumGeometries_r(a->geos, shape);

    buf_str(out, n == 1 ? "{\"type\":\"Polygon\",\"coordinates\":"
                        : "{\"type\":\"MultiPolygon\",\"coordinates\":[");
    for (int i = 0; i < n; i++) {
        if (i > 0)
            buf_char(out, ',');
        write_polygon(a, out, GEOSGetGeometryN_r(a->geos, shape, i));
    }
    buf_str(out, n == 1 ? "}" : "]}");
}

static GEOSGeometry *
linear_ring(struct area *a, const struct ring *r)
{
    double *xy = malloc(2 * (size_t)r->points * sizeof *xy);
    GEOSCoordSequence *c = NULL;

    for (uint32_t i = 0; xy != NULL && i < r->points; i++) {
        xy[2 * i] = a->west_m + r->xy[2 * i] * a->cell_m;
        xy[2 * i + 1] = a->south_m + r->xy[2 * i + 1] * a->cell_m;
    }
    if (xy != NULL)
        c = GEOSCoordSeq_copyFromBuffer_r(a->geos, xy, r->points, 0, 0);
    free(xy);
    return c == NULL ? NULL : GEOSGeom_createLinearRing_r(a->geos, c);
}

/* owner: the smallest outline around a hole. */
static size_t
owner(const struct rings *all, const struct ring *hole)
{
    size_t best = SIZE_MAX;

    for (size_t i = 0; i < all->n; i++)
        if (all->ring[i].area > -hole->area &&
            (best == SIZE_MAX || all->ring[i].area < all->ring[best].area) &&
            ring_covers(&all->ring[i], hole->xy[0] + 0.5, hole->xy[1] + 0.5))
            best = i;
    return best;
}

/* polygon: an outline with its holes, but those too small to draw. NULL when GEOS cannot. */
static GEOSGeometry *
polygon(struct area *a, const struct rings *all, size_t shell, const size_t *owned)
{
    GEOSGeometry **hole = malloc((all->n + 1) * sizeof(GEOSGeometry *));
    GEOSGeometry *outer = linear_ring(a, &all->ring[shell]);
    unsigned holes = 0;

    for (size_t i = 0; hole != NULL && i < all->n; i++)
        if (owned[i] == shell && (hole[holes] = linear_ring(a, &all->ring[i])) != NULL)
            holes++;
    GEOSGeometry *out = outer == NULL || hole == NULL
                            ? NULL
                            : GEOSGeom_createPolygon_r(a->geos, outer, hole, holes);
    free(hole);
    return out;
}

/* shape_of: all outlines as one shape, its stairs smoothed. */
static GEOSGeometry *
shape_of(struct area *a, const struct rings *all)
{
    size_t *owned = malloc((all->n + 1) * sizeof *owned);
    GEOSGeometry **part = malloc((all->n + 1) * sizeof(GEOSGeometry *));
    GEOSGeometry *whole = NULL, *smooth = NULL;
    unsigned parts = 0;

    for (size_t i = 0; owned != NULL && i < all->n; i++)
        owned[i] = all->ring[i].area < -HOLE_CELLS ? owner(all, &all->ring[i]) : SIZE_MAX;
    for (size_t i = 0; owned != NULL && part != NULL && i < all->n; i++)
        if (all->ring[i].area > 0 && (part[parts] = polygon(a, all, i, owned)) != NULL)
            parts++;
    if (parts > 0)
        whole = GEOSGeom_createCollection_r(a->geos, GEOS_MULTIPOLYGON, part, parts);
    if (whole != NULL)
        smooth = GEOSTopologyPreserveSimplify_r(a->geos, whole, a->cell_m);
    if (whole != NULL)
        GEOSGeom_destroy_r(a->geos, whole);
    free(owned);
    free(part);
    return smooth;
}

/* draw: the swept map as a shape; NULL without memory, or when GEOS cannot. */
static GEOSGeometry *
draw(struct area *a, const struct roads_search *s, const struct roads_mode *m, uint32_t bound_ms,
     uint32_t widen_m)
{
    uint8_t *whole = malloc(a->r->header->roads + (size_t)1);
    struct box box = {0};
    struct rings rings = {0};
    GEOSGeometry *shape = NULL;

    if (whole != NULL) {
        each_reached(a, s, m, bound_ms, whole, widen_box, &box);
        if (stretch_canvas(a, &box, widen_m)) {
            each_reached(a, s, m, bound_ms, whole, paint, NULL);
            if (rings_trace(&a->canvas, &rings))
                shape = shape_of(a, &rings);
        }
    }
    rings_free(&rings);
    free(a->canvas.cell);
    free(whole);
    return shape;
}

enum lc_err
roads_area(struct roads_search *s, enum travel_mode mode, const struct roads_spot *from,
           uint32_t bound_ms, uint32_t widen_m, struct buf *out)
{
    struct area a = {.r = s->r, .origin = from->at};
    struct seed f[SEEDS_MAX];
    uint32_t n = seeds_of(s->r, mode, from, false, f);
    size_t start = out->n;

    if (n == 0 || widen_m == 0)
        return LC_EINVAL;
    a.north_m = METRES_PER_E7;
    a.east_m = METRES_PER_E7 * fmax(0.01, cos(from->at.lat_e7 * 1e-7 * M_PI / 180));
    a.geos = GEOS_init_r();
    if (a.geos == NULL || !sweep(s, mode, f, n)) {
        if (a.geos != NULL)
            GEOS_finish_r(a.geos);
        return LC_ENOMEM;
    }
    GEOSGeometry *shape = draw(&a, s, &s->r->mode[mode], bound_ms, widen_m);
    enum lc_err err = LC_EINVAL;
    if (shape != NULL && GEOSisEmpty_r(a.geos, shape) == 0) {
        write_shape(&a, out, shape);
        err = out->failed ? LC_ENOMEM : LC_OK;
    }
    if (shape != NULL)
        GEOSGeom_destroy_r(a.geos, shape);
    GEOS_finish_r(a.geos);
    if (err != LC_OK)
        out->n = start;
    return err;
}
