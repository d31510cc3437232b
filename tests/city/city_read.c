/* Reads the GeoJSON sources with jansson: they are ours, so the first fault ends it. */
#include "city_internal.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>

enum { FEATURES_MAX = 100000, POINTS_MAX = 10000 };

static enum lc_err
fault(char *why, const char *file, size_t feature, const char *what)
{
    snprintf(why, CITY_WHY_MAX, "%s: feature %zu: %s", file, feature, what);
    return LC_EINVAL;
}

/* The features of a collection; *root is the caller's to release. */
static json_t *
features(struct slice text, const char *file, json_t **root, char *why)
{
    json_error_t error;
    json_t *list;

    *root = json_loadb(text.p == NULL ? "" : text.p, text.n, 0, &error);
    if (*root == NULL) {
        snprintf(why, CITY_WHY_MAX, "%s: line %d: %.80s", file, error.line, error.text);
        return NULL;
    }
    list = json_object_get(*root, "features");
    if (!json_is_array(list) || json_array_size(list) > FEATURES_MAX) {
        snprintf(why, CITY_WHY_MAX, "%s: no array of features, or too many", file);
        return NULL;
    }
    return list;
}

static bool
position(const json_t *pair, struct latlng *out)
{
    const json_t *lng = json_array_get(pair, 0), *lat = json_array_get(pair, 1);
    double x, y;

    if (!json_is_number(lng) || !json_is_number(lat))
        return false;
    x = json_number_value(lng);
    y = json_number_value(lat);
    if (!(fabs(x) <= 180 && fabs(y) <= 90))
        return false;
    /* Six decimals are all that the sources have, and GEOS works on that grid. */
    *out = (struct latlng){(int32_t)lround(y * 1e6) * 10, (int32_t)lround(x * 1e6) * 10};
    return true;
}

static bool
point_of(const json_t *feature, struct latlng *out)
{
    return position(json_object_get(json_object_get(feature, "geometry"), "coordinates"), out);
}

/* A property in the arena; *out is `none` when absent. False without memory. */
static bool
property(struct city *c, const json_t *feature, const char *name, const char *none,
         const char **out)
{
    const json_t *v = json_object_get(json_object_get(feature, "properties"), name);

    *out = none;
    if (!json_is_string(v))
        return true;
    *out = arena_copy(c->arena, json_string_value(v), json_string_length(v));
    return *out != NULL;
}

static bool
kind_of(const char *text, enum city_kind *out)
{
    static const char *const names[] = {"supermarket", "convenience", "fast_food", "cafe",
                                        "restaurant"};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(text, names[i]) == 0) {
            *out = (enum city_kind)i;
            return true;
        }
    }
    return false;
}

static enum lc_err
read_shop(struct city *c, const json_t *f, size_t i, char *why)
{
    struct shop *s = &c->shop[i];
    const char *kind;
    const json_t *id = json_object_get(f, "id");

    if (!json_is_string(id) || json_string_length(id) == 0 || json_string_length(id) > 20)
        return fault(why, "shops", i, "expected an id of 1 to 20 bytes");
    s->osm_id = arena_copy(c->arena, json_string_value(id), json_string_length(id));
    if (s->osm_id == NULL || !property(c, f, "name", NULL, &s->name) ||
        !property(c, f, "brand", NULL, &s->brand) || !property(c, f, "kind", "", &kind) ||
        !property(c, f, "cuisine", "", &s->cuisine) ||
        !property(c, f, "opening_hours", "", &s->hours))
        return LC_ENOMEM;
    if (!kind_of(kind, &s->kind))
        return fault(why, "shops", i, "unknown kind");
    if (s->kind == CITY_SUPERMARKET && s->name == NULL)
        s->kind = CITY_CONVENIENCE; /* one without a name is no chain */
    if (!point_of(f, &s->at))
        return fault(why, "shops", i, "expected a point");
    return LC_OK;
}

static enum lc_err
read_address(struct city *c, const json_t *f, size_t i, char *why)
{
    const char *number, *street;

    if (!property(c, f, "housenumber", NULL, &number) || !property(c, f, "street", NULL, &street))
        return LC_ENOMEM;
    if (number == NULL || street == NULL)
        return fault(why, "addresses", i, "expected housenumber and street");
    if (!point_of(f, &c->address[i].at))
        return fault(why, "addresses", i, "expected a point");
    c->address[i].text = arena_printf(c->arena, "%s %s", number, street);
    return c->address[i].text == NULL ? LC_ENOMEM : LC_OK;
}

static enum lc_err
read_ring(struct city *c, const json_t *coordinates, bool hole, size_t i, char *why)
{
    size_t n = json_array_size(coordinates);
    struct latlng *p = arena_array(c->arena, n, sizeof *p);

    if (n < 4 || n > POINTS_MAX)
        return fault(why, "water", i, "expected rings of 4 to 10000 points");
    if (p == NULL)
        return LC_ENOMEM;
    for (size_t k = 0; k < n; k++) {
        if (!position(json_array_get(coordinates, k), &p[k]))
            return fault(why, "water", i, "expected longitude and latitude");
    }
    if (p[0].lat_e7 != p[n - 1].lat_e7 || p[0].lng_e7 != p[n - 1].lng_e7)
        return fault(why, "water", i, "expected a closed ring");
    c->water[c->water_n++] = (struct city_ring){p, (uint32_t)n, hole};
    return LC_OK;
}

static enum lc_err
read_water(struct city *c, const json_t *list, char *why)
{
    size_t rings = 0;
    enum lc_err err = LC_OK;

    for (size_t i = 0; i < json_array_size(list); i++)
        rings += json_array_size(
            json_object_get(json_object_get(json_array_get(list, i), "geometry"), "coordinates"));
    c->water = arena_array(c->arena, rings + 1, sizeof *c->water);
    if (c->water == NULL)
        return LC_ENOMEM;
    for (size_t i = 0; i < json_array_size(list) && err == LC_OK; i++) {
        const json_t *polygon =
            json_object_get(json_object_get(json_array_get(list, i), "geometry"), "coordinates");

        for (size_t k = 0; k < json_array_size(polygon) && err == LC_OK; k++)
            err = read_ring(c, json_array_get(polygon, k), k > 0, i, why);
    }
    return err;
}

static enum lc_err
read_shops(struct city *c, const json_t *list, char *why)
{
    size_t n = json_array_size(list);
    enum lc_err err = LC_OK;

    if (n == 0)
        return fault(why, "shops", 0, "expected at least one");
    c->shop = arena_array(c->arena, n, sizeof *c->shop);
    if (c->shop == NULL)
        return LC_ENOMEM;
    for (size_t i = 0; i < n && err == LC_OK; i++)
        err = read_shop(c, json_array_get(list, i), i, why);
    c->shop_n = (uint32_t)n;
    return err;
}

static enum lc_err
read_addresses(struct city *c, const json_t *list, char *why)
{
    size_t n = json_array_size(list);
    enum lc_err err = LC_OK;

    if (n == 0)
        return fault(why, "addresses", 0, "expected at least one");
    c->address = arena_array(c->arena, n, sizeof *c->address);
    if (c->address == NULL)
        return LC_ENOMEM;
    for (size_t i = 0; i < n && err == LC_OK; i++)
        err = read_address(c, json_array_get(list, i), i, why);
    c->address_n = (uint32_t)n;
    return err;
}

enum lc_err
city_read(struct city *c, const struct city_sources *from, char *why)
{
    const struct {
        struct slice text;
        const char *name;
        enum lc_err (*read)(struct city *c, const json_t *list, char *why);
    } sources[] = {{from->shops, "shops", read_shops},
                   {from->addresses, "addresses", read_addresses},
                   {from->water, "water", read_water}};
    enum lc_err err = LC_OK;

    for (size_t i = 0; i < 3 && err == LC_OK; i++) {
        json_t *root = NULL;
        const json_t *list = features(sources[i].text, sources[i].name, &root, why);

        err = list == NULL ? LC_EINVAL : sources[i].read(c, list, why);
        json_decref(root);
    }
    return err;
}
