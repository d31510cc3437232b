/* What can be reached, as a polygon to draw. */
#include "roads/search.h"

#include <geos_c.h>
#include <math.h>
#include <stdlib.h>

enum { ROUNDNESS = 3 }; /* segments of a quarter circle */

struct area {
    const struct roads *r;
    GEOSContextHandle_t geos;
    struct latlng origin;
    double east_m, north_m; /* of 1e-7 degrees there */
    GEOSGeometry **line;
    size_t lines, cap;
};

/* add_line: the part of an edge up to a share of its length. */
static bool
add_line(struct area *a, uint32_t edge, double share)
{
    const struct road *r = &a->r->road[edge >> 1];
    const struct latlng *point = a->r->point + r->point;
    double left = share * r->cm / 100;
    unsigned n = 0;
    GEOSCoordSequence *c = NULL;
    double *xy = malloc(r->points * 2 * sizeof *xy);

    if (xy == NULL || !roads_grow(&a->line, &a->cap, a->lines + 1, sizeof(GEOSGeometry *))) {
        free(xy);
        return false;
    }
    for (uint32_t i = 0; i < r->points; i++) {
        struct latlng p = point[(edge & 1) != 0 ? r->points - 1 - i : i];
        double x = ((double)p.lng_e7 - a->origin.lng_e7) * a->east_m;
        double y = ((double)p.lat_e7 - a->origin.lat_e7) * a->north_m;
        if (n > 0) {
            double dx = x - xy[2 * n - 2], dy = y - xy[2 * n - 1], length = hypot(dx, dy);
            if (length > left) {
                x = xy[2 * n - 2] + dx * left / length;
                y = xy[2 * n - 1] + dy * left / length;
            }
            left -= length;
        }
        xy[2 * n] = x;
        xy[2 * n + 1] = y;
        n++;
        if (left <= 0 && n > 1)
            break;
    }
    c = GEOSCoordSeq_copyFromBuffer_r(a->geos, xy, n, 0, 0);
    free(xy);
    GEOSGeometry *line = c == NULL ? NULL : GEOSGeom_createLineString_r(a->geos, c);
    if (line != NULL)
        a->line[a->lines++] = line;
    return line != NULL;
}

/* add_reached: of every edge what lies within the bound; one direction is enough where the whole
 * road is. */
static bool
add_reached(struct area *a, const struct roads_search *s, const struct roads_mode *m,
            uint32_t bound_ms, uint8_t *whole)
{
    for (uint32_t i = 0; i < m->slots; i++) {
        const struct slot *x = &m->slot[i];
        uint32_t cm = a->r->road[x->edge >> 1].cm;
        if (s->swept[x->node] >= NO_WAY || whole[x->edge >> 1])
            continue;
        /* Durations wrap below 0 in front of the start itself. */
        int32_t at = (int32_t)(s->swept_extent[x->node].d + x->before_d);
        int64_t left = (int64_t)bound_ms - at, own = edge_cost_ms(cm, x->speed);
        if (left <= 0 || (at < 0 && -(int64_t)at >= own))
            continue;
        whole[x->edge >> 1] = left >= own && at >= 0;
        if (!add_line(a, x->edge, left >= own ? 1 : (double)left / (double)own))
            return false;
    }
    return true;
}

static void
write_ring(struct area *a, struct buf *out, const GEOSGeometry *ring, bool ccw)
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

/* write_polygon: RFC 7946: outer ring counterclockwise, holes clockwise; small holes filled. */
static void
write_polygon(struct area *a, struct buf *out, const GEOSGeometry *polygon, double least_m2)
{
    int holes = GEOSGetNumInteriorRings_r(a->geos, polygon);

    buf_char(out, '[');
    write_ring(a, out, GEOSGetExteriorRing_r(a->geos, polygon), true);
    for (int i = 0; i < holes; i++) {
        const GEOSGeometry *ring = GEOSGetInteriorRingN_r(a->geos, polygon, i);
        GEOSGeometry *copy =
            GEOSGeom_createPolygon_r(a->geos, GEOSGeom_clone_r(a->geos, ring), NULL, 0);
        double m2 = 0;
        if (copy != NULL)
            GEOSArea_r(a->geos, copy, &m2);
        GEOSGeom_destroy_r(a->geos, copy);
        if (m2 < least_m2)
            continue;
        buf_char(out, ',');
        write_ring(a, out, ring, false);
    }
    buf_char(out, ']');
}

static void
write_shape(struct area *a, struct buf *out, const GEOSGeometry *shape, double least_m2)
{
    int n = GEOSGetNumGeometries_r(a->geos, shape);

    buf_str(out, n == 1 ? "{\"type\":\"Polygon\",\"coordinates\":"
                        : "{\"type\":\"MultiPolygon\",\"coordinates\":[");
    for (int i = 0; i < n; i++) {
        if (i > 0)
            buf_char(out, ',');
        write_polygon(a, out, GEOSGetGeometryN_r(a->geos, shape, i), least_m2);
    }
    buf_str(out, n == 1 ? "}" : "]}");
}

/* widen: the lines as one shape; takes them. NULL when GEOS cannot. */
static GEOSGeometry *
widen(struct area *a, double widen_m)
{
    GEOSGeometry *all =
        GEOSGeom_createCollection_r(a->geos, GEOS_MULTILINESTRING, a->line, (unsigned)a->lines);
    a->lines = 0;
    if (all == NULL)
        return NULL;
    GEOSGeometry *wide = GEOSBuffer_r(a->geos, all, widen_m, ROUNDNESS);
    GEOSGeom_destroy_r(a->geos, all);
    if (wide == NULL)
        return NULL;
    GEOSGeometry *plain = GEOSTopologyPreserveSimplify_r(a->geos, wide, widen_m / 5);
    GEOSGeom_destroy_r(a->geos, wide);
    return plain;
}

enum lc_err
roads_area(struct roads_search *s, enum travel_mode mode, const struct roads_spot *from,
           uint32_t bound_ms, uint32_t widen_m, struct buf *out)
{
    struct area a = {.r = s->r, .origin = from->at};
    struct seed f[SEEDS_MAX];
    uint32_t n = seeds_of(s->r, mode, from, false, f);
    uint8_t *whole = calloc(s->r->header->roads + (size_t)1, 1);
    enum lc_err err = LC_ENOMEM;
    size_t start = out->n;
    GEOSGeometry *shape = NULL;

    a.north_m = METRES_PER_E7;
    a.east_m = METRES_PER_E7 * fmax(0.01, cos(from->at.lat_e7 * 1e-7 * M_PI / 180));
    a.geos = GEOS_init_r();
    if (whole == NULL || a.geos == NULL || n == 0 || widen_m == 0) {
        err = n == 0 || widen_m == 0 ? LC_EINVAL : LC_ENOMEM;
        goto out;
    }
    if (!sweep(s, mode, f, n) || !add_reached(&a, s, &s->r->mode[mode], bound_ms, whole))
        goto out;
    err = LC_EINVAL;
    if (a.lines > 0)
        shape = widen(&a, widen_m);
    if (shape == NULL || GEOSisEmpty_r(a.geos, shape) != 0)
        goto out;
    write_shape(&a, out, shape, 16.0 * widen_m * widen_m);
    err = out->failed ? LC_ENOMEM : LC_OK;
out:
    if (err != LC_OK)
        out->n = start;
    for (size_t i = 0; i < a.lines; i++)
        GEOSGeom_destroy_r(a.geos, a.line[i]);
    free(a.line);
    free(whole);
    if (shape != NULL)
        GEOSGeom_destroy_r(a.geos, shape);
    if (a.geos != NULL)
        GEOS_finish_r(a.geos);
    return err;
}
