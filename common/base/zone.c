#include "base/zone.h"

#include "base/map.h"
#include "base/zone_shape.h"

#include <stdlib.h>
#include <string.h>

struct zone {
    uint32_t id;
    struct zone_shape *shape;
    UT_hash_handle hh;
};

struct zone_set {
    GEOSContextHandle_t geos;
    struct zone *by_id;
    GEOSSTRtree *tree; /* NULL: to be built; its items are the zones */
};

struct zone_set *
zone_set_new(void)
{
    struct zone_set *zs = calloc(1, sizeof *zs);

    if (zs == NULL)
        return NULL;
    zs->geos = GEOS_init_r(); /* without handlers: results say all, and nothing is printed */
    if (zs->geos == NULL) {
        free(zs);
        return NULL;
    }
    return zs;
}

static void
forget_tree(struct zone_set *zs)
{
    if (zs->tree != NULL)
        GEOSSTRtree_destroy_r(zs->geos, zs->tree);
    zs->tree = NULL;
}

static void
free_zone(struct zone *z)
{
    free(z->shape);
    free(z);
}

void
zone_set_destroy(struct zone_set *zs)
{
    if (zs == NULL)
        return;
    forget_tree(zs);
    struct zone *z = zs->by_id;
    HASH_CLEAR(hh, zs->by_id); /* frees the table; the zones stay linked */
    while (z != NULL) {
        struct zone *next = z->hh.next;
        free_zone(z);
        z = next;
    }
    GEOS_finish_r(zs->geos);
    free(zs);
}

static struct zone *
find(const struct zone_set *zs, uint32_t id)
{
    struct zone *z;

    HASH_FIND(hh, zs->by_id, &id, sizeof id, z);
    return z;
}

enum lc_err
zone_set_put(struct zone_set *zs, uint32_t id, const struct zone_ring *ring, size_t rings,
             enum zone_repair *repair, char reason[ZONE_REASON_MAX])
{
    char why[ZONE_REASON_MAX] = "";
    enum zone_repair repaired = ZONE_UNCHANGED;
    struct zone_shape *shape = NULL;
    enum lc_err err = zone_shape_new(zs->geos, ring, rings, &shape, &repaired, why);

    if (repair != NULL)
        *repair = repaired;
    if (reason != NULL)
        memcpy(reason, why, sizeof why);
    if (err != LC_OK)
        return err;

    struct zone *z = find(zs, id);
    if (z != NULL) {
        free(z->shape);
        z->shape = shape;
    } else {
        bool map_failed = false;
        z = calloc(1, sizeof *z);
        if (z != NULL) {
            *z = (struct zone){.id = id, .shape = shape};
            HASH_ADD(hh, zs->by_id, id, sizeof z->id, z);
        }
        if (z == NULL || map_failed) {
            free(shape);
            free(z);
            return LC_ENOMEM;
        }
    }
    forget_tree(zs);
    return LC_OK;
}

enum lc_err
zone_set_remove(struct zone_set *zs, uint32_t id)
{
    struct zone *z = find(zs, id);

    if (z == NULL)
        return LC_ENOTFOUND;
    forget_tree(zs);
    HASH_DEL(zs->by_id, z);
    free_zone(z);
    return LC_OK;
}

size_t
zone_set_count(const struct zone_set *zs)
{
    return HASH_COUNT(zs->by_id);
}

const struct zone_shape *
zone_shape(const struct zone_set *zs, uint32_t id)
{
    const struct zone *z = find(zs, id);

    return z == NULL ? NULL : z->shape;
}

bool
zone_covers(const struct zone_set *zs, uint32_t id, struct latlng p)
{
    const struct zone *z = find(zs, id);

    return z != NULL && zone_shape_covers(z->shape, p);
}

/* ---- all zones at a point ---- */

static GEOSGeometry *
box(GEOSContextHandle_t geos, struct latlng min, struct latlng max)
{
    return GEOSGeom_createRectangle_r(geos, min.lng_e7, min.lat_e7, max.lng_e7, max.lat_e7);
}

static enum lc_err
build_tree(struct zone_set *zs)
{
    if (zs->tree != NULL)
        return LC_OK;
    zs->tree = GEOSSTRtree_create_r(zs->geos, 10);
    if (zs->tree == NULL)
        return LC_ENOMEM;
    for (struct zone *z = zs->by_id; z != NULL; z = z->hh.next) {
        GEOSGeometry *b = box(zs->geos, z->shape->min, z->shape->max);
        if (b == NULL) {
            forget_tree(zs);
            return LC_ENOMEM;
        }
        GEOSSTRtree_insert_r(zs->geos, zs->tree, b, z); /* copies the box */
        GEOSGeom_destroy_r(zs->geos, b);
    }
    return LC_OK;
}

struct hits {
    struct latlng p;
    uint32_t *ids;
    size_t max;
    size_t found;
};

/* Keeps the lowest ids in order. */
static void
keep(struct hits *h, uint32_t id)
{
    size_t n = h->found < h->max ? h->found : h->max;

    h->found++;
    if (n == h->max && (n == 0 || h->ids[n - 1] < id))
        return;
    size_t at = n < h->max ? n : n - 1;
    for (; at > 0 && h->ids[at - 1] > id; at--)
        h->ids[at] = h->ids[at - 1];
    h->ids[at] = id;
}

static void
visit(void *item, void *user)
{
    const struct zone *z = item;
    struct hits *h = user;

    if (zone_shape_covers(z->shape, h->p))
        keep(h, z->id);
}

enum lc_err
zone_find(struct zone_set *zs, struct latlng p, uint32_t *ids, size_t max, size_t *found)
{
    struct hits h = {.p = p, .ids = ids, .max = max};

    *found = 0;
    if (zs->by_id == NULL)
        return LC_OK;
    enum lc_err err = build_tree(zs);
    if (err != LC_OK)
        return err;
    GEOSGeometry *at = GEOSGeom_createPointFromXY_r(zs->geos, p.lng_e7, p.lat_e7);
    if (at == NULL)
        return LC_ENOMEM;
    GEOSSTRtree_query_r(zs->geos, zs->tree, at, visit, &h);
    GEOSGeom_destroy_r(zs->geos, at);
    *found = h.found;
    return LC_OK;
}

double
zone_reach_m(const struct zone_set *zs, uint32_t id, struct latlng store)
{
    const struct zone *z = find(zs, id);
    double far = 0;

    for (uint32_t i = 0; z != NULL && i < z->shape->points; i++) {
        double d = geo_distance_m(store, z->shape->point[i]);
        far = d > far ? d : far;
    }
    /* a line of GeoJSON bulges a little beyond the great circle between two corners */
    return z == NULL ? 0 : far * 1.001 + 1;
}

size_t
zone_corners(const struct zone_set *zs, uint32_t id)
{
    const struct zone *z = find(zs, id);

    return z == NULL ? 0 : z->shape->points;
}
