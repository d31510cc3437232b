#include "base/geojson.h"

#include <string.h>

/* Rings and points are counted while they are read, so that one feature cannot take more than a
 * zone may have. */
struct reading {
    struct json_in *in;
    struct zone_ring *ring; /* ZONE_RINGS_MAX */
    size_t rings;
    size_t points;
};

static bool
position(struct json_in *in, const struct json_at *at, struct latlng *out)
{
    struct json_at pair;
    double coordinate[2];
    size_t n;

    /* a third number is the altitude (RFC 7946 3.1.1): not used */
    if (!json_in_array(in, at, NULL, JSON_REQUIRED, 2, 3, &pair, &n))
        return false;
    for (size_t i = 0; i < 2; i++) {
        struct json_at item = json_in_item_any(&pair, i);
        double max = i == 0 ? 180 : 90;
        if (!json_in_number(in, &item, NULL, JSON_REQUIRED, -max, max, &coordinate[i]))
            return false;
    }
    return geo_of_degrees(coordinate[1], coordinate[0], out);
}

static bool
one_ring(struct reading *r, const struct json_at *at, bool hole)
{
    struct json_at list;
    size_t n;

    if (!json_in_array(r->in, at, NULL, JSON_REQUIRED, 4, ZONE_POINTS_MAX, &list, &n))
        return false;
    if (r->rings == ZONE_RINGS_MAX || r->points + n > ZONE_POINTS_MAX) {
        json_in_fail(r->in, at, NULL, "a zone has at most %d rings and %d points", ZONE_RINGS_MAX,
                     ZONE_POINTS_MAX);
        return false;
    }
    struct latlng *point = arena_array(r->in->arena, n, sizeof *point);
    if (point == NULL) {
        json_in_fail(r->in, at, NULL, "takes too much memory");
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        struct json_at item = json_in_item_any(&list, i);
        if (!position(r->in, &item, &point[i]))
            return false; /* one bad position of a thousand is enough to say */
    }
    r->ring[r->rings++] = (struct zone_ring){.point = point, .n = n, .hole = hole};
    r->points += n;
    return true;
}

static bool
one_polygon(struct reading *r, const struct json_at *at, const char *name)
{
    struct json_at list;
    size_t n;

    if (!json_in_array(r->in, at, name, JSON_REQUIRED, 1, ZONE_RINGS_MAX, &list, &n))
        return false;
    for (size_t i = 0; i < n; i++) {
        struct json_at item = json_in_item_any(&list, i);
        if (!one_ring(r, &item, i > 0))
            return false;
    }
    return true;
}

static bool
many_polygons(struct reading *r, const struct json_at *at, const char *name)
{
    struct json_at list;
    size_t n;

    if (!json_in_array(r->in, at, name, JSON_REQUIRED, 1, ZONE_RINGS_MAX, &list, &n))
        return false;
    for (size_t i = 0; i < n; i++) {
        struct json_at item = json_in_item_any(&list, i);
        if (!one_polygon(r, &item, NULL))
            return false;
    }
    return true;
}

bool
geojson_zone(struct json_in *in, const struct json_at *at, const char *name, enum json_need need,
             struct zone_ring **ring, size_t *rings)
{
    static const struct json_enum types[] = {{"Polygon", 1}, {"MultiPolygon", 2}};
    struct json_at geometry;
    int type;

    if (!json_in_object(in, at, name, need, &geometry) ||
        !json_in_enum(in, &geometry, "type", JSON_REQUIRED, types, 2, &type))
        return false;
    struct reading r = {.in = in, .ring = arena_array(in->arena, ZONE_RINGS_MAX, sizeof *r.ring)};
    if (r.ring == NULL) {
        json_in_fail(in, at, name, "takes too much memory");
        return false;
    }
    if (!(type == 1 ? one_polygon : many_polygons)(&r, &geometry, "coordinates"))
        return false;
    *ring = r.ring;
    *rings = r.rings;
    return true;
}

bool
geojson_point(struct json_in *in, const struct json_at *at, const char *name, enum json_need need,
              struct latlng *out)
{
    static const struct json_enum types[] = {{"Point", 1}};
    struct json_at geometry, pair;
    int type;
    size_t n;

    if (!json_in_object(in, at, name, need, &geometry) ||
        !json_in_enum(in, &geometry, "type", JSON_REQUIRED, types, 1, &type) ||
        !json_in_array(in, &geometry, "coordinates", JSON_REQUIRED, 2, 3, &pair, &n))
        return false;
    return position(in, &pair, out);
}
