/* json_in_field: the getters of json_in.h. */
#include "base/json_in.h"
#include "base/timestamp.h"
#include "base/utf8.h"

#include <math.h>
#include <stdio.h>

static bool
is(const struct json_value *v, enum json_kind kind)
{
    return v->kind == kind;
}

/* The value of a field, NULL when there is none to look at; an error is noted when it is required.
 */
static const struct json_value *
field(struct json_in *in, const struct json_at *at, const char *name, enum json_need need)
{
    if (at->value == NULL)
        return NULL;
    if (name != NULL && !is(at->value, JSON_KIND_OBJECT))
        return NULL;
    const struct json_value *v = name == NULL ? at->value : json_value_get(at->value, name);
    if (v != NULL && !is(v, JSON_KIND_NULL))
        return v;
    if (need == JSON_REQUIRED)
        json_in_fail(in, at, name, "is required");
    return NULL;
}

bool
json_in_has(const struct json_at *at, const char *name)
{
    const struct json_value *v = at->value == NULL ? NULL : json_value_get(at->value, name);

    return v != NULL && !is(v, JSON_KIND_NULL);
}

static bool
text(struct json_in *in, const struct json_at *at, const char *name, enum json_need need,
     size_t min, size_t max, bool line, struct slice *out)
{
    const struct json_value *v = field(in, at, name, need);

    if (v == NULL)
        return false;
    if (!is(v, JSON_KIND_STRING))
        return json_in_expected(in, at, name, v, "a string");
    struct slice s = json_value_string(v);
    if (s.n < min || s.n > max) {
        json_in_fail(in, at, name, "expected %zu to %zu bytes of text, got %zu", min, max, s.n);
        return false;
    }
    if (line ? !utf8_is_line(s) : !utf8_is_words(s)) {
        json_in_fail(in, at, name, "expected %s without control characters",
                     line ? "one line of text" : "text");
        return false;
    }
    *out = s;
    return true;
}

bool
json_in_string(struct json_in *in, const struct json_at *at, const char *name, enum json_need need,
               size_t min, size_t max, struct slice *out)
{
    return text(in, at, name, need, min, max, false, out);
}

bool
json_in_line(struct json_in *in, const struct json_at *at, const char *name, enum json_need need,
             size_t min, size_t max, struct slice *out)
{
    return text(in, at, name, need, min, max, true, out);
}

bool
json_in_int(struct json_in *in, const struct json_at *at, const char *name, enum json_need need,
            int64_t min, int64_t max, int64_t *out)
{
    const struct json_value *v = field(in, at, name, need);
    char expected[80];

    if (v == NULL)
        return false;
    if (is(v, JSON_KIND_INT) && v->integer >= min && v->integer <= max) {
        *out = v->integer;
        return true;
    }
    snprintf(expected, sizeof expected, "an integer from %lld to %lld", (long long)min,
             (long long)max);
    return json_in_expected(in, at, name, v, expected);
}

bool
json_in_number(struct json_in *in, const struct json_at *at, const char *name, enum json_need need,
               double min, double max, double *out)
{
    const struct json_value *v = field(in, at, name, need);
    char expected[80];

    if (v == NULL)
        return false;
    double d = is(v, JSON_KIND_INT) ? (double)v->integer : is(v, JSON_KIND_REAL) ? v->real : NAN;
    if (d >= min && d <= max) {
        *out = d;
        return true;
    }
    snprintf(expected, sizeof expected, "a number from %.10g to %.10g", min, max);
    return json_in_expected(in, at, name, v, expected);
}

bool
json_in_bool(struct json_in *in, const struct json_at *at, const char *name, enum json_need need,
             bool *out)
{
    const struct json_value *v = field(in, at, name, need);

    if (v == NULL)
        return false;
    if (!is(v, JSON_KIND_BOOL))
        return json_in_expected(in, at, name, v, "true or false");
    *out = v->boolean;
    return true;
}

static bool
wrong_enum(struct json_in *in, const struct json_at *at, const char *name,
           const struct json_value *v, const struct json_enum *table, size_t n)
{
    struct buf b = {0};

    buf_str(&b, n == 1 ? "" : "one of ");
    for (size_t i = 0; i < n; i++)
        buf_printf(&b, "%s\"%s\"", i == 0 ? "" : ", ", table[i].name);
    buf_char(&b, '\0');
    json_in_expected(in, at, name, v, b.failed ? "another value" : b.p);
    buf_free(&b);
    return false;
}

bool
json_in_enum(struct json_in *in, const struct json_at *at, const char *name, enum json_need need,
             const struct json_enum *table, size_t n, int *out)
{
    const struct json_value *v = field(in, at, name, need);

    if (v == NULL)
        return false;
    for (size_t i = 0; is(v, JSON_KIND_STRING) && i < n; i++)
        if (slice_eq_str(json_value_string(v), table[i].name)) {
            *out = table[i].value;
            return true;
        }
    return wrong_enum(in, at, name, v, table, n);
}

bool
json_in_time(struct json_in *in, const struct json_at *at, const char *name, enum json_need need,
             int64_t *out_ms)
{
    const struct json_value *v = field(in, at, name, need);

    if (v == NULL)
        return false;
    if (is(v, JSON_KIND_STRING) && timestamp_parse(json_value_string(v), out_ms) == LC_OK)
        return true;
    return json_in_expected(in, at, name, v, "a time like \"2026-11-22T12:00:00Z\"");
}

bool
json_in_latlng_of(struct json_in *in, const struct json_at *at, struct latlng *out)
{
    double lat = 0, lng = 0;
    bool ok = json_in_number(in, at, "lat", JSON_REQUIRED, -90, 90, &lat);

    ok &= json_in_number(in, at, "lng", JSON_REQUIRED, -180, 180, &lng);
    return ok && geo_of_degrees(lat, lng, out);
}

bool
json_in_object(struct json_in *in, const struct json_at *at, const char *name, enum json_need need,
               struct json_at *out)
{
    const struct json_value *v = field(in, at, name, need);

    *out = name == NULL ? *at : (struct json_at){.up = at, .name = name};
    out->value = NULL;
    if (v == NULL)
        return false;
    if (!is(v, JSON_KIND_OBJECT))
        return json_in_expected(in, at, name, v, "an object");
    out->value = v;
    return true;
}

bool
json_in_array(struct json_in *in, const struct json_at *at, const char *name, enum json_need need,
              size_t min, size_t max, struct json_at *out, size_t *n)
{
    const struct json_value *v = field(in, at, name, need);

    *out = name == NULL ? *at : (struct json_at){.up = at, .name = name};
    out->value = NULL;
    *n = 0;
    if (v == NULL)
        return false;
    if (!is(v, JSON_KIND_ARRAY))
        return json_in_expected(in, at, name, v, "an array");
    size_t count = v->n;
    if (count < min || count > max) {
        json_in_fail(in, at, name, "expected %zu to %zu elements, got %zu", min, max, count);
        return false;
    }
    out->value = v;
    *n = count;
    return true;
}

struct json_at
json_in_item_any(const struct json_at *array, size_t i)
{
    return (struct json_at){
        .value = array->value != NULL && i < array->value->n ? array->value->item[i] : NULL,
        .up = array,
        .index = i,
    };
}

struct json_at
json_in_item(struct json_in *in, const struct json_at *array, size_t i)
{
    struct json_at at = json_in_item_any(array, i);

    if (at.value != NULL && !is(at.value, JSON_KIND_OBJECT)) {
        json_in_expected(in, &at, NULL, at.value, "an object");
        at.value = NULL;
    }
    return at;
}

/* A key can be as long as the document allows: its start will do. */
static void
unknown_field(struct json_in *in, const struct json_at *at, struct slice key)
{
    char start[64];
    size_t n = 0, step;

    while ((step = utf8_next(slice_of(key.p + n, key.n - n))) > 0 && n + step < sizeof start)
        n += step;
    memcpy(start, key.p, n);
    start[n] = '\0';
    json_in_fail(in, at, start, "is not a field of this object");
}

void
json_in_only(struct json_in *in, const struct json_at *at, const char *const *names, size_t n)
{
    if (at->value == NULL || !is(at->value, JSON_KIND_OBJECT))
        return;
    for (const struct json_value *v = at->value->first; v != NULL; v = v->next) {
        size_t i = 0;
        while (i < n && !slice_eq_str(json_value_key(v), names[i]))
            i++;
        if (i == n)
            unknown_field(in, at, json_value_key(v));
    }
}
