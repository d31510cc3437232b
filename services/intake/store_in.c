/* A shop as a GeoJSON feature. */
#include "core.h"

#include "base/date.h"
#include "base/geojson.h"
#include "base/hours.h"
#include "base/zone.h"

#include <math.h>

enum {
    SECONDS_MAX = 4 * 60 * 60,
    ITEM_SECONDS_MAX = 600,
    CAPACITY_MAX = 100000,
    SAFETY_MAX = 10000,
    STORE_LAT_MAX = 85, /* what Redis can index */
    SWAPPED_M = 50000,  /* nobody delivers so far on purpose */
};

static const char *const day_name[7] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};

static char *
copy(struct json_in *json, struct slice s)
{
    char *p = arena_copy(json->arena, s.p, s.n);

    return p == NULL ? (char *)protobuf_c_empty_string : p;
}

static void
read_count(struct json_in *json, const struct json_at *at, const char *name, int64_t max,
           uint32_t *to)
{
    int64_t v;

    if (json_in_int(json, at, name, JSON_OPTIONAL, 0, max, &v))
        *to = (uint32_t)v;
}

static void
read_switch(struct json_in *json, const struct json_at *at, const char *name, bool absent,
            protobuf_c_boolean *to)
{
    bool v = absent;

    json_in_bool(json, at, name, JSON_OPTIONAL, &v);
    *to = v;
}

static void
read_id(struct json_in *json, const struct json_at *at, Lifecircle__V1__Store *s)
{
    struct slice id;

    if (!json_in_string(json, at, "store_id", JSON_REQUIRED, 1, STORE_ID_BYTES_MAX, &id))
        return;
    for (size_t i = 0; i < id.n; i++)
        if (id.p[i] <= ' ' || id.p[i] > '~' ||
            strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._:-", id.p[i]) ==
                NULL) {
            json_in_fail(json, at, "store_id", "expected only characters of [A-Za-z0-9._:-]");
            return;
        }
    s->store_id = copy(json, id);
}

/* ---- hours ---- */

static bool
read_minute(struct json_in *json, const struct json_at *pair, size_t i, uint16_t *minute)
{
    struct json_at at = json_in_item_any(pair, i);
    struct slice s;

    if (!json_in_string(json, &at, NULL, JSON_REQUIRED, 1, 16, &s))
        return false;
    if (hours_parse_minute(s, minute) == LC_OK)
        return true;
    json_in_fail(json, &at, NULL, "expected a time of day like \"08:00\", up to \"48:00\"");
    return false;
}

/* A list of ["08:00","22:00"]; false when a form is wrong, which was said. */
static bool
read_day(struct json_in *json, const struct json_at *at, const char *name, struct hours_day *day)
{
    struct json_at list;
    size_t n;
    bool ok = true;

    if (!json_in_array(json, at, name, JSON_OPTIONAL, 0, HOURS_SPAN_MAX, &list, &n))
        return !json_in_has(at, name);
    for (size_t i = 0; i < n; i++) {
        struct json_at item = json_in_item_any(&list, i), pair;
        size_t two;
        if (!json_in_array(json, &item, NULL, JSON_REQUIRED, 2, 2, &pair, &two)) {
            ok = false;
            continue;
        }
        struct hours_span span = {0, 0};
        ok &= read_minute(json, &pair, 0, &span.open_min);
        ok &= read_minute(json, &pair, 1, &span.close_min);
        day->span[day->n++] = span;
    }
    return ok;
}

static bool
read_week(struct json_in *json, const struct json_at *props, struct hours *h)
{
    struct json_at week;
    bool ok = true;

    if (!json_in_has(props, "hours")) {
        *h = hours_always();
        return true;
    }
    if (!json_in_object(json, props, "hours", JSON_OPTIONAL, &week))
        return false;
    for (size_t d = 0; d < 7; d++)
        ok &= read_day(json, &week, day_name[d], &h->week[d]);
    json_in_only(json, &week, day_name, 7);
    return ok;
}

static bool
read_exceptions(struct json_in *json, const struct json_at *props, struct hours *h)
{
    struct json_at list;
    bool ok = true;

    if (!json_in_object(json, props, "exceptions", JSON_OPTIONAL, &list))
        return !json_in_has(props, "exceptions");
    if (list.value->n > HOURS_EXCEPTION_MAX) {
        json_in_fail(json, props, "exceptions", "expected at most %d dates, got %u",
                     HOURS_EXCEPTION_MAX, list.value->n);
        return false;
    }
    for (const struct json_value *v = list.value->first; v != NULL; v = v->next) {
        const char *name = copy(json, json_value_key(v));
        struct hours_exception *e = &h->exception[h->exception_n];
        if (date_parse(slice_str(name), &e->date) != LC_OK) {
            json_in_fail(json, &list, name, "expected a date like \"2026-11-22\" as the name");
            ok = false;
            continue;
        }
        ok &= read_day(json, &list, name, &e->day);
        h->exception_n++;
    }
    return ok;
}

static Lifecircle__V1__Interval **
intervals(struct arena *a, const struct hours_day *day, uint32_t weekday,
          Lifecircle__V1__Interval **to)
{
    for (size_t i = 0; i < day->n; i++) {
        Lifecircle__V1__Interval *v = arena_alloc(a, sizeof *v);
        if (v == NULL)
            return NULL;
        lifecircle__v1__interval__init(v);
        v->weekday = weekday;
        v->open_minute = day->span[i].open_min;
        v->close_minute = day->span[i].close_min;
        *to++ = v;
    }
    return to;
}

static bool
keep_week(struct arena *a, const struct hours *h, Lifecircle__V1__Store *s)
{
    Lifecircle__V1__Interval **to = arena_array(a, (size_t)7 * HOURS_SPAN_MAX, sizeof *to);

    s->hours = to;
    for (uint32_t d = 0; d < 7 && to != NULL; d++)
        to = intervals(a, &h->week[d], d, to);
    if (to == NULL)
        return false;
    s->n_hours = (size_t)(to - s->hours);
    return true;
}

static bool
keep_exceptions(struct arena *a, const struct hours *h, Lifecircle__V1__Store *s)
{
    s->exceptions = arena_array(a, (size_t)h->exception_n + 1, sizeof *s->exceptions);
    for (size_t i = 0; i < h->exception_n; i++) {
        Lifecircle__V1__HoursException *e =
            s->exceptions == NULL ? NULL : arena_alloc(a, sizeof *e);
        if (e == NULL)
            return false;
        lifecircle__v1__hours_exception__init(e);
        struct civil c = date_civil(h->exception[i].date);
        e->date = (uint32_t)(c.year * 10000 + c.month * 100 + c.day);
        e->hours = arena_array(a, HOURS_SPAN_MAX, sizeof *e->hours);
        if (e->hours == NULL || intervals(a, &h->exception[i].day, 0, e->hours) == NULL)
            return false;
        e->n_hours = h->exception[i].day.n;
        s->exceptions[s->n_exceptions++] = e;
    }
    return s->exceptions != NULL;
}

static void
read_hours(struct json_in *json, const struct json_at *props, Lifecircle__V1__Store *s)
{
    struct hours h = {0};
    const char *why = "";
    bool ok = read_week(json, props, &h);

    ok &= read_exceptions(json, props, &h);
    if (!ok)
        return;
    if (hours_check(&h, &why) != LC_OK)
        json_in_fail(json, props, "hours", "%s", why);
    else if (!keep_week(json->arena, &h, s) || !keep_exceptions(json->arena, &h, s))
        json_in_fail(json, props, "hours", "out of memory");
}

/* ---- zone ---- */

static bool
keep_ring(struct arena *a, const struct zone_ring *r, Lifecircle__V1__Ring *to)
{
    lifecircle__v1__ring__init(to);
    to->hole = r->hole;
    to->e7 = arena_array(a, 2 * r->n, sizeof *to->e7);
    if (to->e7 == NULL)
        return false;
    to->n_e7 = 2 * r->n;
    for (size_t i = 0; i < r->n; i++) {
        to->e7[2 * i] = r->point[i].lat_e7;
        to->e7[2 * i + 1] = r->point[i].lng_e7;
    }
    return true;
}

static void
keep_zone(struct json_in *json, const struct json_at *props, const struct zone_ring *ring, size_t n,
          Lifecircle__V1__Store *s)
{
    Lifecircle__V1__Ring *to = arena_array(json->arena, n, sizeof *to);

    s->zone = arena_array(json->arena, n, sizeof *s->zone);
    for (size_t i = 0; i < n; i++) {
        if (s->zone == NULL || to == NULL || !keep_ring(json->arena, &ring[i], &to[i])) {
            json_in_fail(json, props, "zone", "out of memory");
            return;
        }
        s->zone[s->n_zone++] = &to[i];
    }
}

static void
read_zone(struct json_in *json, const struct json_at *props, struct zone_set **zones,
          Lifecircle__V1__Store *s, struct store_note *note)
{
    struct zone_ring *ring;
    size_t n;
    enum zone_repair repair = ZONE_UNCHANGED;
    char reason[ZONE_REASON_MAX] = "";

    if (!json_in_has(props, "zone")) {
        if (s->delivers && props->value != NULL)
            json_in_fail(json, props, "zone", "is required when the store delivers");
        return;
    }
    if (!geojson_zone(json, props, "zone", JSON_OPTIONAL, &ring, &n))
        return;
    if (*zones == NULL)
        *zones = zone_set_new();
    enum lc_err err =
        *zones == NULL ? LC_ENOMEM : zone_set_put(*zones, 1, ring, n, &repair, reason);
    if (err != LC_OK) {
        json_in_fail(json, props, "zone", "%s", reason[0] != '\0' ? reason : lc_strerror(err));
        return;
    }
    keep_zone(json, props, ring, n, s);
    if (repair == ZONE_REPAIRED) {
        const char *text = arena_printf(json->arena, "zone was repaired: %s", reason);
        note->text = text == NULL ? "" : text;
    }
}

/* ---- where it lies ---- */

static double
nearest_corner_m(const Lifecircle__V1__Store *s, struct latlng at)
{
    double best = HUGE_VAL;

    for (size_t i = 0; i < s->n_zone; i++)
        for (size_t k = 0; k + 1 < s->zone[i]->n_e7; k += 2) {
            double m =
                geo_distance_m(at, (struct latlng){s->zone[i]->e7[k], s->zone[i]->e7[k + 1]});
            best = m < best ? m : best;
        }
    return best;
}

/* check_place: a store across a river from its zone is a store all the same; one that lies in it
 * once latitude and longitude are exchanged, and else in another country, is a mistake. */
static void
check_place(struct json_in *json, const struct json_at *feature, const struct zone_set *zones,
            const Lifecircle__V1__Store *s, struct latlng at, struct store_note *note)
{
    if (s->n_zone == 0 || !s->delivers || zone_covers(zones, 1, at))
        return;
    double away_m = nearest_corner_m(s, at);
    if (away_m > SWAPPED_M && zone_covers(zones, 1, (struct latlng){at.lng_e7, at.lat_e7})) {
        json_in_fail(
            json, feature, "geometry",
            "expected [longitude, latitude]: as they are the store lies %.0f km outside its "
            "own zone, exchanged within it",
            away_m / 1000);
        return;
    }
    const char *text = arena_printf(
        json->arena, "%s%sthe store lies outside its own zone, %.0f m from its nearest corner",
        note->text, note->text[0] == '\0' ? "" : "; ", away_m);
    note->text = text == NULL ? note->text : text;
    note->outside = true;
}

/* ---- the feature ---- */

void
store_read_busy(struct json_in *json, const struct json_at *at, enum json_need need,
                Lifecircle__V1__Store *s)
{
    static const struct json_enum modes[] = {
        {"open", LIFECIRCLE__V1__BUSY_MODE__OPEN},
        {"busy", LIFECIRCLE__V1__BUSY_MODE__BUSY},
        {"paused", LIFECIRCLE__V1__BUSY_MODE__PAUSED},
    };
    int mode;

    if (json_in_enum(json, at, "busy", need, modes, 3, &mode))
        s->busy = (Lifecircle__V1__BusyMode)mode;
    read_count(json, at, "busy_delay_seconds", SECONDS_MAX, &s->busy_delay_s);
}

static void
read_properties(struct json_in *json, const struct json_at *props, struct zone_set **zones,
                Lifecircle__V1__Store *s, struct store_note *note)
{
    static const char *const fields[] = {
        "store_id",
        "name",
        "address",
        "zone",
        "hours",
        "exceptions",
        "prep_seconds",
        "prep_per_item_seconds",
        "capacity",
        "busy",
        "busy_delay_seconds",
        "delivers",
        "collects",
        "age_check",
        "cold",
        "safety_stock",
    };
    enum { PREP_S = 300 };
    struct slice text;

    read_id(json, props, s);
    if (json_in_line(json, props, "name", JSON_REQUIRED, 1, NAME_BYTES_MAX, &text))
        s->name = copy(json, text);
    if (json_in_line(json, props, "address", JSON_OPTIONAL, 0, ADDRESS_BYTES_MAX, &text))
        s->address = copy(json, text);
    s->prep_s = PREP_S;
    read_count(json, props, "prep_seconds", SECONDS_MAX, &s->prep_s);
    read_count(json, props, "prep_per_item_seconds", ITEM_SECONDS_MAX, &s->prep_per_item_s);
    read_count(json, props, "capacity", CAPACITY_MAX, &s->capacity);
    read_count(json, props, "safety_stock", SAFETY_MAX, &s->safety_stock);
    store_read_busy(json, props, JSON_OPTIONAL, s);
    read_switch(json, props, "delivers", true, &s->delivers);
    read_switch(json, props, "collects", false, &s->collects);
    read_switch(json, props, "age_check", true, &s->age_check);
    read_switch(json, props, "cold", true, &s->cold);
    read_hours(json, props, s);
    read_zone(json, props, zones, s, note);
    json_in_only(json, props, fields, sizeof fields / sizeof *fields);
}

void
store_read(struct json_in *json, const struct json_at *feature, struct zone_set **zones,
           Lifecircle__V1__Store *out, struct store_note *note)
{
    static const char *const fields[] = {"type", "geometry", "properties", "id", "bbox"};
    static const struct json_enum type[] = {{"Feature", 1}};
    struct json_at props;
    struct latlng at = {0, 0};
    int is_feature;

    lifecircle__v1__store__init(out);
    *note = (struct store_note){.text = ""};
    json_in_enum(json, feature, "type", JSON_REQUIRED, type, 1, &is_feature);
    out->at = arena_alloc(json->arena, sizeof *out->at);
    if (out->at == NULL) {
        json_in_fail(json, feature, NULL, "out of memory");
        return;
    }
    lifecircle__v1__point__init(out->at);
    bool placed = geojson_point(json, feature, "geometry", JSON_REQUIRED, &at);
    if (placed && (at.lat_e7 > STORE_LAT_MAX * 10000000 || at.lat_e7 < -STORE_LAT_MAX * 10000000))
        json_in_fail(json, feature, "geometry", "expected a latitude from -%d to %d", STORE_LAT_MAX,
                     STORE_LAT_MAX);
    out->at->lat_e7 = at.lat_e7;
    out->at->lng_e7 = at.lng_e7;
    if (json_in_object(json, feature, "properties", JSON_REQUIRED, &props))
        read_properties(json, &props, zones, out, note);
    if (placed)
        check_place(json, feature, *zones, out, at, note);
    json_in_only(json, feature, fields, sizeof fields / sizeof *fields);
}
