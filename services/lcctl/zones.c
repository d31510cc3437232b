/* zones: delivery zones for stores, by what can be reached from each in so many minutes. Reads the
 * stores as PUT /v1/stores takes them and writes them as it takes them. */
#include "lcctl/zones.h"
#include "lcctl/lcctl.h"

#include "base/geo.h"
#include "base/zone.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    SNAP_M = 1000,
    WIDEN_MAX_M = 2000,
    DIGITS = 10, /* of a coordinate: a centimetre */
};

/* points_of: how many a Polygon or MultiPolygon has; rings likewise. */
static size_t
points_of(const json_t *coordinates, size_t *rings)
{
    const json_t *first = json_array_get(coordinates, 0);
    size_t n = 0, i;
    json_t *part;

    if (json_is_number(json_array_get(first, 0))) {
        ++*rings;
        return json_array_size(coordinates);
    }
    json_array_foreach(coordinates, i, part) n += points_of(part, rings);
    return n;
}

/* zone_around: what is reached, coarser until it is as small as a zone may be. NULL: *why. */
static json_t *
zone_around(const struct zone_wish *w, struct latlng at, const char **why)
{
    struct roads_spot spot;

    if (roads_snap(w->roads, w->mode, at, SNAP_M, &spot) != LC_OK) {
        *why = "no road within 1000 m of it on this map";
        return NULL;
    }
    *why = "nothing that could be a zone is reached from it";
    for (uint32_t widen_m = w->widen_m; widen_m <= WIDEN_MAX_M; widen_m *= 2) {
        struct buf text = {0};
        size_t rings = 0;
        json_t *zone = NULL;
        if (roads_area(w->search, w->mode, &spot, w->minutes * 60000, widen_m, &text) == LC_OK)
            zone = json_loadb(text.p, text.n, 0, NULL);
        buf_free(&text);
        if (zone == NULL)
            return NULL;
        if (points_of(json_object_get(zone, "coordinates"), &rings) <= ZONE_POINTS_MAX &&
            rings <= ZONE_RINGS_MAX)
            return zone;
        json_decref(zone);
        *why = "what is reached from it has too many corners for a zone";
    }
    return NULL;
}

/* place_of: of a store's feature. */
static bool
place_of(const json_t *feature, struct latlng *at)
{
    const json_t *point = json_object_get(feature, "geometry");
    const json_t *xy = json_object_get(point, "coordinates");
    const char *type = json_string_value(json_object_get(point, "type"));

    return type != NULL && strcmp(type, "Point") == 0 && json_array_size(xy) >= 2 &&
           json_is_number(json_array_get(xy, 0)) && json_is_number(json_array_get(xy, 1)) &&
           geo_of_degrees(json_number_value(json_array_get(xy, 1)),
                          json_number_value(json_array_get(xy, 0)), at);
}

/* fill: one store's zone; false after saying why it has none. */
static bool
fill(const struct zone_wish *w, json_t *feature, size_t i)
{
    json_t *properties = json_object_get(feature, "properties");
    const char *id = json_string_value(json_object_get(properties, "store_id"));
    const json_t *had = json_object_get(properties, "zone");
    const json_t *delivers = json_object_get(properties, "delivers");
    const char *why = "expected a Feature with a Point and properties";
    struct latlng at;

    if ((json_is_object(had) && !w->replace) || json_is_false(delivers))
        return true;
    json_t *zone =
        json_is_object(properties) && place_of(feature, &at) ? zone_around(w, at, &why) : NULL;
    if (zone != NULL && json_object_set_new(properties, "zone", zone) == 0)
        return true;
    fprintf(stderr, "lcctl: features[%zu]%s%s: %s\n", i, id == NULL ? "" : " ",
            id == NULL ? "" : id, why);
    return false;
}

int
zones_fill(const struct zone_wish *w, const char *path)
{
    FILE *from = strcmp(path, "-") == 0 ? stdin : fopen(path, "r");
    json_error_t error;
    size_t i, failed = 0;
    json_t *one;

    if (from == NULL) {
        perror(path);
        return EXIT_FAILED;
    }
    json_t *root = json_loadf(from, JSON_REJECT_DUPLICATES, &error);
    if (from != stdin)
        fclose(from);
    const char *type = json_string_value(json_object_get(root, "type"));
    if (type == NULL || (strcmp(type, "Feature") != 0 && strcmp(type, "FeatureCollection") != 0)) {
        fprintf(stderr,
                "lcctl: %s: expected stores as a GeoJSON Feature or FeatureCollection: %s\n", path,
                root == NULL ? error.text : "it is neither");
        json_decref(root);
        return EXIT_FAILED;
    }
    if (strcmp(type, "Feature") == 0)
        failed += !fill(w, root, 0);
    else
        json_array_foreach(json_object_get(root, "features"), i, one) failed += !fill(w, one, i);
    json_dumpf(root, stdout, JSON_COMPACT | JSON_REAL_PRECISION(DIGITS));
    putchar('\n');
    json_decref(root);
    return failed == 0 ? EXIT_SUCCESS : EXIT_NOT_SO;
}
