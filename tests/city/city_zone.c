/* Delivery zones: a rough circle around the store without the water; some with a hole, some in
 * several pieces. GEOS works on whole micro-degrees, so its answers are integers. */
#include "city_internal.h"

#include <geos_c.h>
#include <math.h>

enum { CORNERS = 16, PIECE_M2 = 20000 };

/* A square micro-degree at this city's latitude is 0.111195 m x 0.086072 m. */
static const double piece_area = PIECE_M2 / (0.111195 * 0.086072);

/* Sixteen directions, in thousandths. */
static const int16_t direction[CORNERS][2] = {
    {1000, 0},   {924, 383},  {707, 707},  {383, 924},   {0, 1000},    {-383, 924},
    {-707, 707}, {-924, 383}, {-1000, 0},  {-924, -383}, {-707, -707}, {-383, -924},
    {0, -1000},  {383, -924}, {707, -707}, {924, -383},
};

struct spot {
    int32_t x; /* longitude x 1e6 */
    int32_t y; /* latitude x 1e6 */
};

/* The spot so many metres from p in one of the directions. */
static struct spot
away(struct latlng p, uint32_t d, uint32_t metres)
{
    int32_t m = (int32_t)metres;

    return (struct spot){p.lng_e7 / 10 + direction[d][0] * m / 1000 * 11618 / 1000,
                         p.lat_e7 / 10 + direction[d][1] * m / 1000 * 8993 / 1000};
}

/* A polygon of n spots, closed here. NULL without memory. */
static GEOSGeometry *
polygon(GEOSContextHandle_t g, const struct spot *p, uint32_t n)
{
    GEOSCoordSequence *seq = GEOSCoordSeq_create_r(g, n + 1, 2);
    GEOSGeometry *ring;

    if (seq == NULL)
        return NULL;
    for (uint32_t i = 0; i <= n; i++)
        GEOSCoordSeq_setXY_r(g, seq, i, p[i % n].x, p[i % n].y);
    ring = GEOSGeom_createLinearRing_r(g, seq);                              /* takes seq */
    return ring == NULL ? NULL : GEOSGeom_createPolygon_r(g, ring, NULL, 0); /* takes ring */
}

/* Each of the two takes (frees) both of its operands, NULL included, and gives NULL without memory.
 */
static GEOSGeometry *
minus(GEOSContextHandle_t g, GEOSGeometry *a, GEOSGeometry *b)
{
    GEOSGeometry *out = a == NULL || b == NULL ? NULL : GEOSDifferencePrec_r(g, a, b, 1);

    GEOSGeom_destroy_r(g, a);
    GEOSGeom_destroy_r(g, b);
    return out;
}

static GEOSGeometry *
plus(GEOSContextHandle_t g, GEOSGeometry *a, GEOSGeometry *b)
{
    GEOSGeometry *out = a == NULL || b == NULL ? NULL : GEOSUnionPrec_r(g, a, b, 1);

    GEOSGeom_destroy_r(g, a);
    GEOSGeom_destroy_r(g, b);
    return out;
}

/* Takes p; an empty polygon when it is a pond, which no delivery zone minds. */
static GEOSGeometry *
unless_small(GEOSContextHandle_t g, GEOSGeometry *p)
{
    double area;

    if (p == NULL || GEOSArea_r(g, p, &area) != 1 || area >= piece_area)
        return p;
    GEOSGeom_destroy_r(g, p);
    return GEOSGeom_createEmptyPolygon_r(g);
}

/* All water as one geometry. */
static GEOSGeometry *
water_of(GEOSContextHandle_t g, const struct city *c)
{
    GEOSGeometry *all = GEOSGeom_createEmptyPolygon_r(g);
    struct spot *p;
    enum { CHUNK = 10000 };

    p = arena_array(c->arena, CHUNK, sizeof *p);
    for (uint32_t i = 0; p != NULL && all != NULL && i < c->water_n; i++) {
        const struct city_ring *ring = &c->water[i];

        for (uint32_t k = 0; k + 1 < ring->n; k++)
            p[k] = (struct spot){ring->point[k].lng_e7 / 10, ring->point[k].lat_e7 / 10};
        all = ring->hole ? minus(g, all, polygon(g, p, ring->n - 1))
                         : plus(g, all, unless_small(g, polygon(g, p, ring->n - 1)));
    }
    if (p == NULL) {
        GEOSGeom_destroy_r(g, all);
        return NULL;
    }
    return all;
}

static GEOSGeometry *
square(GEOSContextHandle_t g, struct latlng middle, uint32_t half_m)
{
    static const uint8_t corner[] = {2, 6, 10, 14};
    struct spot p[4];

    for (uint32_t i = 0; i < 4; i++)
        p[i] = away(middle, corner[i], half_m * 1414 / 1000);
    return polygon(g, p, 4);
}

static struct latlng
place_of(struct spot s)
{
    return (struct latlng){s.y * 10, s.x * 10};
}

/* The zone before the water is taken out. */
static GEOSGeometry *
shape(GEOSContextHandle_t g, const struct city_store *s, struct rand *r, bool hole, bool far)
{
    static const uint16_t reach_m[][2] = {
        [CITY_SUPERMARKET] = {1800, 2500}, [CITY_CONVENIENCE] = {1200, 1800},
        [CITY_FAST_FOOD] = {1400, 2000},   [CITY_CAFE] = {1200, 1700},
        [CITY_RESTAURANT] = {1400, 2300},
    };
    uint32_t reach = rand_between(r, reach_m[s->kind][0], reach_m[s->kind][1]);
    uint32_t d = rand_between(r, 0, CORNERS - 1), half = rand_between(r, 120, 200);
    struct spot p[CORNERS];
    GEOSGeometry *out;

    for (uint32_t i = 0; i < CORNERS; i++)
        p[i] = away(s->at, i, reach * rand_between(r, 85, 105) / 100);
    out = polygon(g, p, CORNERS);
    if (hole) /* a rail yard, a stadium on a match day: nobody goes in there */
        out = minus(g, out, square(g, place_of(away(s->at, d, reach / 2)), half));
    if (far) /* an office park that the store also serves */
        out = plus(g, out, square(g, place_of(away(s->at, d, reach * 5 / 4 + half)), half));
    return out;
}

static bool
copy_ring(GEOSContextHandle_t g, struct arena *a, const GEOSGeometry *from, bool hole,
          struct city_ring *out)
{
    const GEOSCoordSequence *seq = GEOSGeom_getCoordSeq_r(g, from);
    unsigned n = 0;
    struct latlng *p;
    int64_t area = 0;
    double x, y;

    if (seq == NULL || GEOSCoordSeq_getSize_r(g, seq, &n) == 0)
        return false;
    p = arena_array(a, n, sizeof *p);
    for (unsigned i = 0; p != NULL && i < n; i++) {
        GEOSCoordSeq_getXY_r(g, seq, i, &x, &y);
        p[i] = (struct latlng){(int32_t)lround(y) * 10, (int32_t)lround(x) * 10};
    }
    for (unsigned i = 0; p != NULL && i + 1 < n; i++)
        area += (int64_t)(p[i].lng_e7 - p[0].lng_e7) * (p[i + 1].lat_e7 - p[0].lat_e7) -
                (int64_t)(p[i + 1].lng_e7 - p[0].lng_e7) * (p[i].lat_e7 - p[0].lat_e7);
    for (unsigned i = 0; p != NULL && (area < 0) != hole && i < n / 2; i++) {
        struct latlng swap = p[i];

        p[i] = p[n - 1 - i];
        p[n - 1 - i] = swap;
    }
    *out = (struct city_ring){p, n, hole};
    return p != NULL;
}

static bool
copy_polygon(GEOSContextHandle_t g, struct arena *a, const GEOSGeometry *from,
             struct city_ring *ring, uint32_t *n)
{
    int holes = GEOSGetNumInteriorRings_r(g, from);
    bool ok = copy_ring(g, a, GEOSGetExteriorRing_r(g, from), false, &ring[(*n)++]);

    for (int i = 0; ok && i < holes; i++)
        ok = copy_ring(g, a, GEOSGetInteriorRingN_r(g, from, i), true, &ring[(*n)++]);
    return ok;
}

/* The polygon in which the store stands, else the largest; -1 when there is none. */
static int
main_piece(GEOSContextHandle_t g, const GEOSGeometry *zone, struct latlng at)
{
    const int32_t lng_e6 = at.lng_e7 / 10, lat_e6 = at.lat_e7 / 10;
    GEOSGeometry *point = GEOSGeom_createPointFromXY_r(g, lng_e6, lat_e6);
    double area, most = 0;
    int best = -1;

    for (int i = 0; point != NULL && i < GEOSGetNumGeometries_r(g, zone); i++) {
        const GEOSGeometry *piece = GEOSGetGeometryN_r(g, zone, i);

        if (GEOSGeomTypeId_r(g, piece) != GEOS_POLYGON || GEOSArea_r(g, piece, &area) != 1)
            continue;
        if (GEOSIntersects_r(g, piece, point) == 1) {
            best = i;
            break;
        }
        if (area > most) {
            most = area;
            best = i;
        }
    }
    GEOSGeom_destroy_r(g, point);
    return best;
}

static enum lc_err
copy_zone(GEOSContextHandle_t g, struct city *c, const GEOSGeometry *zone, bool all,
          struct city_store *s)
{
    int pieces = GEOSGetNumGeometries_r(g, zone), first = main_piece(g, zone, s->at);
    uint32_t rings = 0;
    struct city_ring *ring;
    double area;
    bool ok;

    for (int i = 0; i < pieces; i++)
        rings += 1 + (uint32_t)GEOSGetNumInteriorRings_r(g, GEOSGetGeometryN_r(g, zone, i));
    ring = arena_array(c->arena, rings + 1, sizeof *ring);
    if (ring == NULL || first < 0)
        return LC_ENOMEM;
    ok = copy_polygon(g, c->arena, GEOSGetGeometryN_r(g, zone, first), ring, &s->ring_n);
    for (int i = 0; ok && all && i < pieces; i++) {
        const GEOSGeometry *piece = GEOSGetGeometryN_r(g, zone, i);

        if (i != first && GEOSGeomTypeId_r(g, piece) == GEOS_POLYGON &&
            GEOSArea_r(g, piece, &area) == 1 && area >= piece_area)
            ok = copy_polygon(g, c->arena, piece, ring, &s->ring_n);
    }
    s->ring = ring;
    return ok ? LC_OK : LC_ENOMEM;
}

enum lc_err
city_make_zones(struct city *c)
{
    GEOSContextHandle_t g = GEOS_init_r();
    GEOSGeometry *water = NULL;
    enum lc_err err = LC_OK;

    if (g == NULL)
        return LC_ENOMEM;
    water = water_of(g, c);
    if (water == NULL)
        err = LC_ENOMEM;
    for (uint32_t i = 0; i < c->store_n && err == LC_OK; i++) {
        struct city_store *s = &c->store[i];
        struct rand r = rand_from(c->params.seed, s->osm_id, 1);
        bool hole = rand_percent(&r, 15), all = rand_percent(&r, 20);
        GEOSGeometry *zone = minus(g, shape(g, s, &r, hole, all && rand_percent(&r, 60)),
                                   GEOSGeom_clone_r(g, water));

        /* Pieces come in an order of GEOS' making: normalise it. */
        if (zone == NULL || GEOSNormalize_r(g, zone) < 0)
            err = LC_ENOMEM;
        else
            err = copy_zone(g, c, zone, all, s);
        GEOSGeom_destroy_r(g, zone);
    }
    GEOSGeom_destroy_r(g, water);
    GEOS_finish_r(g);
    return err;
}

bool
city_covers(const struct city_store *s, struct latlng p)
{
    bool inside = false; /* even-odd over all rings: pieces do not overlap, holes lie inside them */

    for (uint32_t k = 0; k < s->ring_n; k++) {
        const struct latlng *q = s->ring[k].point;

        for (uint32_t i = 0; i + 1 < s->ring[k].n; i++) {
            int64_t side;

            if ((q[i].lat_e7 > p.lat_e7) == (q[i + 1].lat_e7 > p.lat_e7))
                continue;
            side = ((int64_t)q[i + 1].lng_e7 - q[i].lng_e7) * ((int64_t)p.lat_e7 - q[i].lat_e7) -
                   ((int64_t)p.lng_e7 - q[i].lng_e7) * ((int64_t)q[i + 1].lat_e7 - q[i].lat_e7);
            if ((side > 0) == (q[i + 1].lat_e7 > q[i].lat_e7))
                inside = !inside;
        }
    }
    return inside;
}
