#include "base/zone_shape.h"

#include "base/zone_tangle.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* GEOS works on the 1e-7 degree integers themselves: they are exact in its doubles, so what it
 * calls valid is valid for our arithmetic too. */

static enum lc_err
refuse(char reason[ZONE_REASON_MAX], const char *why)
{
    snprintf(reason, ZONE_REASON_MAX, "%s", why);
    return LC_EINVAL;
}

static bool
same_point(struct latlng a, struct latlng b)
{
    return a.lat_e7 == b.lat_e7 && a.lng_e7 == b.lng_e7;
}

static enum lc_err
check_ring(const struct zone_ring *r, char reason[ZONE_REASON_MAX])
{
    if (r->n < 4)
        return refuse(reason, "a ring has fewer than 4 points");
    if (!same_point(r->point[0], r->point[r->n - 1]))
        return refuse(reason, "a ring is not closed: its last point must equal its first");
    for (size_t i = 0; i < r->n; i++) {
        if (!geo_valid(r->point[i]))
            return refuse(reason, "a coordinate is out of range");
        int64_t step = i == 0 ? 0 : (int64_t)r->point[i].lng_e7 - r->point[i - 1].lng_e7;
        if (step > GEO_LNG_MAX_E7 || step < -(int64_t)GEO_LNG_MAX_E7)
            return refuse(reason, "a ring crosses the antimeridian: split it at 180 degrees");
    }
    return LC_OK;
}

static enum lc_err
check_rings(const struct zone_ring *ring, size_t rings, char reason[ZONE_REASON_MAX])
{
    size_t points = 0;

    if (rings == 0)
        return refuse(reason, "there are no rings");
    if (ring[0].hole)
        return refuse(reason, "the first ring is a hole");
    for (size_t i = 0; i < rings && rings <= ZONE_RINGS_MAX; i++)
        points += ring[i].n;
    if (rings > ZONE_RINGS_MAX || points > ZONE_POINTS_MAX) {
        snprintf(reason, ZONE_REASON_MAX, "more than %d rings or %d points", ZONE_RINGS_MAX,
                 ZONE_POINTS_MAX);
        return LC_ETOOBIG;
    }
    for (size_t i = 0; i < rings; i++) {
        enum lc_err err = check_ring(&ring[i], reason);
        if (err != LC_OK)
            return err;
    }
    return LC_OK;
}

/* ---- to GEOS ---- NULL only without memory: the rings have been checked. */

static GEOSGeometry *
linear_ring(GEOSContextHandle_t geos, const struct zone_ring *r)
{
    GEOSCoordSequence *seq = GEOSCoordSeq_create_r(geos, (unsigned)r->n, 2);

    for (unsigned i = 0; seq != NULL && i < r->n; i++)
        if (GEOSCoordSeq_setXY_r(geos, seq, i, r->point[i].lng_e7, r->point[i].lat_e7) == 0) {
            GEOSCoordSeq_destroy_r(geos, seq);
            return NULL;
        }
    return seq == NULL ? NULL : GEOSGeom_createLinearRing_r(geos, seq); /* takes seq */
}

/* The polygon that begins at ring[0]; *used is how many rings it has. */
static GEOSGeometry *
polygon(GEOSContextHandle_t geos, const struct zone_ring *ring, size_t rings, size_t *used)
{
    GEOSGeometry *hole[ZONE_RINGS_MAX], *outer = linear_ring(geos, &ring[0]);
    unsigned n = 0;

    for (*used = 1; outer != NULL && *used < rings && ring[*used].hole; ++*used) {
        hole[n] = linear_ring(geos, &ring[*used]);
        if (hole[n] == NULL)
            break;
        n++;
    }
    if (outer != NULL && n + 1 == *used)
        return GEOSGeom_createPolygon_r(geos, outer, hole, n); /* takes all */
    while (n > 0)
        GEOSGeom_destroy_r(geos, hole[--n]);
    GEOSGeom_destroy_r(geos, outer);
    return NULL;
}

static GEOSGeometry *
multi_polygon(GEOSContextHandle_t geos, const struct zone_ring *ring, size_t rings)
{
    GEOSGeometry *part[ZONE_RINGS_MAX];
    unsigned n = 0;
    size_t used;

    for (size_t at = 0; at < rings; at += used) {
        part[n] = polygon(geos, ring + at, rings - at, &used);
        if (part[n] == NULL) {
            while (n > 0)
                GEOSGeom_destroy_r(geos, part[--n]);
            return NULL;
        }
        n++;
    }
    return n == 1 ? part[0] : GEOSGeom_createCollection_r(geos, GEOS_MULTIPOLYGON, part, n);
}

/* ---- repair ---- */

/* Replaces *g. */
static bool
become(GEOSContextHandle_t geos, GEOSGeometry **g, GEOSGeometry *other)
{
    if (other == NULL)
        return false;
    GEOSGeom_destroy_r(geos, *g);
    *g = other;
    return true;
}

/* "structure" keeps outer rings filled and holes empty, where "linework" would turn an overlap
 * inside out. */
static GEOSGeometry *
made_valid(GEOSContextHandle_t geos, const GEOSGeometry *g)
{
    GEOSMakeValidParams *params = GEOSMakeValidParams_create_r(geos);
    GEOSGeometry *out = NULL;

    if (params != NULL &&
        GEOSMakeValidParams_setMethod_r(geos, params, GEOS_MAKE_VALID_STRUCTURE) &&
        GEOSMakeValidParams_setKeepCollapsed_r(geos, params, 0))
        out = GEOSMakeValidWithParams_r(geos, g, params);
    if (params != NULL)
        GEOSMakeValidParams_destroy_r(geos, params);
    return out;
}

static bool
is_polygonal(GEOSContextHandle_t geos, const GEOSGeometry *g)
{
    int type = GEOSGeomTypeId_r(geos, g);

    return (type == GEOS_POLYGON || type == GEOS_MULTIPOLYGON) && GEOSisEmpty_r(geos, g) == 0;
}

/* Crossings lie between the integers: round them to the grid so that the result stays valid. */
static bool
repair_polygon(GEOSContextHandle_t geos, GEOSGeometry **g)
{
    return become(geos, g, made_valid(geos, *g)) &&
           become(geos, g, GEOSGeom_setPrecision_r(geos, *g, 1, 0)) && is_polygonal(geos, *g);
}

static void
say_why(GEOSContextHandle_t geos, const GEOSGeometry *g, char reason[ZONE_REASON_MAX])
{
    GEOSGeometry *where = NULL;
    char *why = NULL;
    double lng = 0, lat = 0;

    (void)GEOSisValidDetail_r(geos, g, 0, &why, &where);
    if (where != NULL && GEOSGeomGetX_r(geos, where, &lng) == 1 &&
        GEOSGeomGetY_r(geos, where, &lat) == 1)
        snprintf(reason, ZONE_REASON_MAX, "%s at lat %.7f, lng %.7f", why == NULL ? "invalid" : why,
                 lat / 1e7, lng / 1e7);
    else
        snprintf(reason, ZONE_REASON_MAX, "%s", why == NULL ? "invalid" : why);
    GEOSFree_r(geos, why);
    GEOSGeom_destroy_r(geos, where);
}

/* ---- from GEOS ---- */

static unsigned
ring_points(GEOSContextHandle_t geos, const GEOSGeometry *ring)
{
    int n = ring == NULL ? 0 : GEOSGeomGetNumPoints_r(geos, ring);

    return n < 2 ? 0 : (unsigned)n - 1; /* without the closing point */
}

/* Ring r of a polygon, 0 the outer one; NULL behind the last. */
static const GEOSGeometry *
ring_of(GEOSContextHandle_t geos, const GEOSGeometry *part, int r)
{
    if (r == 0)
        return GEOSGetExteriorRing_r(geos, part);
    return r <= GEOSGetNumInteriorRings_r(geos, part) ? GEOSGetInteriorRingN_r(geos, part, r - 1)
                                                      : NULL;
}

static bool
copy_ring(GEOSContextHandle_t geos, const GEOSGeometry *ring, struct latlng *to, unsigned n)
{
    const GEOSCoordSequence *seq = GEOSGeom_getCoordSeq_r(geos, ring);
    double lng, lat;

    for (unsigned i = 0; i < n; i++) {
        if (seq == NULL || GEOSCoordSeq_getXY_r(geos, seq, i, &lng, &lat) == 0)
            return false;
        to[i] = (struct latlng){(int32_t)lround(lat), (int32_t)lround(lng)};
    }
    return true;
}

static void
bound(struct zone_shape *s)
{
    s->min = s->max = s->point[0];
    for (uint32_t i = 1; i < s->points; i++) {
        struct latlng p = s->point[i];
        s->min.lat_e7 = p.lat_e7 < s->min.lat_e7 ? p.lat_e7 : s->min.lat_e7;
        s->min.lng_e7 = p.lng_e7 < s->min.lng_e7 ? p.lng_e7 : s->min.lng_e7;
        s->max.lat_e7 = p.lat_e7 > s->max.lat_e7 ? p.lat_e7 : s->max.lat_e7;
        s->max.lng_e7 = p.lng_e7 > s->max.lng_e7 ? p.lng_e7 : s->max.lng_e7;
    }
}

static struct zone_shape *
shape_of(GEOSContextHandle_t geos, const GEOSGeometry *g)
{
    int parts = GEOSGetNumGeometries_r(geos, g);
    const GEOSGeometry *ring;
    uint32_t rings = 0, points = 0;

    for (int p = 0; p < parts; p++)
        for (int r = 0; (ring = ring_of(geos, GEOSGetGeometryN_r(geos, g, p), r)) != NULL; r++) {
            rings++;
            points += ring_points(geos, ring);
        }
    if (points == 0)
        return NULL;
    struct zone_shape *s =
        malloc(sizeof *s + points * sizeof s->point[0] + rings * sizeof(uint32_t));
    if (s == NULL)
        return NULL;
    uint32_t *end = (uint32_t *)(void *)(s->point + points);
    *s = (struct zone_shape){.rings = rings, .points = points, .ring_end = end};
    points = 0;
    for (int p = 0; p < parts; p++)
        for (int r = 0; (ring = ring_of(geos, GEOSGetGeometryN_r(geos, g, p), r)) != NULL; r++) {
            unsigned n = ring_points(geos, ring);
            if (!copy_ring(geos, ring, s->point + points, n)) {
                free(s);
                return NULL;
            }
            points += n;
            *end++ = points;
        }
    bound(s);
    return s;
}

enum lc_err
zone_shape_new(GEOSContextHandle_t geos, const struct zone_ring *ring, size_t rings,
               struct zone_shape **out, enum zone_repair *repair, char reason[ZONE_REASON_MAX])
{
    enum lc_err err = check_rings(ring, rings, reason);

    if (err == LC_OK)
        err = zone_tangle(ring, rings, reason);
    *out = NULL;
    *repair = ZONE_UNCHANGED;
    if (err != LC_OK)
        return err;
    GEOSGeometry *g = multi_polygon(geos, ring, rings);
    char valid = g == NULL ? 2 : GEOSisValid_r(geos, g);
    if (valid == 2) {
        err = LC_ENOMEM;
        goto out;
    }
    if (valid == 0) {
        *repair = ZONE_REPAIRED;
        say_why(geos, g, reason);
        if (!repair_polygon(geos, &g)) {
            err = LC_EINVAL; /* the reason is given already */
            goto out;
        }
    }
    *out = shape_of(geos, g);
    err = *out == NULL ? LC_ENOMEM : LC_OK;
out:
    GEOSGeom_destroy_r(geos, g);
    return err;
}

/* ---- asking ---- */

/* On which side of a -> b, with b above a in latitude, is p? Over 0: to the west, 0: on the line.
 * The differences have 33 bits, their products do not fit 64. */
static int
side(struct latlng a, struct latlng b, struct latlng p)
{
    __int128 left = (__int128)((int64_t)b.lng_e7 - a.lng_e7) * ((int64_t)p.lat_e7 - a.lat_e7);
    __int128 right = (__int128)((int64_t)p.lng_e7 - a.lng_e7) * ((int64_t)b.lat_e7 - a.lat_e7);

    return (left > right) - (left < right);
}

/* Does an edge end the question (p is on it), or is it crossed by the ray from p to the east? */
enum edge { EDGE_MISSED, EDGE_CROSSED, EDGE_ON };

static enum edge
meet(struct latlng a, struct latlng b, struct latlng p)
{
    if (a.lat_e7 > b.lat_e7) {
        struct latlng t = a;
        a = b;
        b = t;
    }
    if (p.lat_e7 < a.lat_e7 || p.lat_e7 > b.lat_e7)
        return EDGE_MISSED;
    if (a.lat_e7 == b.lat_e7) {
        int32_t west = a.lng_e7 < b.lng_e7 ? a.lng_e7 : b.lng_e7;
        int32_t east = a.lng_e7 < b.lng_e7 ? b.lng_e7 : a.lng_e7;
        return p.lng_e7 >= west && p.lng_e7 <= east ? EDGE_ON : EDGE_MISSED;
    }
    int where = side(a, b, p);
    if (where == 0)
        return EDGE_ON;
    /* the upper end belongs to the next edge */
    return where > 0 && p.lat_e7 < b.lat_e7 ? EDGE_CROSSED : EDGE_MISSED;
}

bool
zone_shape_covers(const struct zone_shape *s, struct latlng p)
{
    bool inside = false;
    uint32_t start = 0;

    if (p.lat_e7 < s->min.lat_e7 || p.lat_e7 > s->max.lat_e7 || p.lng_e7 < s->min.lng_e7 ||
        p.lng_e7 > s->max.lng_e7)
        return false;
    for (uint32_t r = 0; r < s->rings; r++) {
        struct latlng before = s->point[s->ring_end[r] - 1];
        for (uint32_t i = start; i < s->ring_end[r]; i++) {
            enum edge e = meet(before, s->point[i], p);
            if (e == EDGE_ON)
                return true;
            inside ^= e == EDGE_CROSSED;
            before = s->point[i];
        }
        start = s->ring_end[r];
    }
    return inside;
}
