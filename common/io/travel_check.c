#include "io/travel_remote_own.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static const double SECONDS_MAX = 30 * 86400.0;
static const double METRES_MAX = 5e7;
static const double SPEED_MAX_M_S = 100;

/* The last `width` digits, or as many as there are. */
static void
put_digits(struct buf *b, size_t n, size_t width)
{
    char text[24];
    size_t at = sizeof text;

    for (; n > 0 || at > sizeof text - width; n /= 10)
        text[--at] = (char)('0' + n % 10);
    buf_append(b, text + at, sizeof text - at);
}

void
travel_put_count(struct buf *b, size_t n)
{
    put_digits(b, n, 1);
}

void
travel_put_degrees(struct buf *b, int32_t e7)
{
    size_t micro = ((size_t)llabs((long long)e7) + 5) / 10;

    if (e7 < 0)
        buf_char(b, '-');
    put_digits(b, micro / 1000000, 1);
    buf_char(b, '.');
    put_digits(b, micro % 1000000, 6);
}

const struct json_value *
travel_json(struct arena *a, struct slice body)
{
    const struct json_limits limits = {.bytes = (size_t)64 << 20, .depth = 16};
    const struct json_value *v;
    const char *what;
    size_t where;

    if (json_value_parse(a, body, &limits, &v, &where, &what) != LC_OK)
        return NULL;
    return v->kind == JSON_KIND_OBJECT ? v : NULL;
}

enum travel_word
travel_word_of_status(int status, const char **detail)
{
    static char text[24];

    snprintf(text, sizeof text, "http_%d", status);
    *detail = text;
    if (status == 200)
        return WORD_LIE;
    return status >= 500 || status == 429 ? WORD_DOWN : WORD_WRONG;
}

const char *
travel_text(struct arena *a, const struct json_value *v)
{
    enum { MOST = 40 };

    if (v == NULL || v->kind != JSON_KIND_STRING)
        return "?";
    char *text = arena_alloc(a, MOST + 1);
    size_t n = 0;
    if (text == NULL)
        return "?";
    for (; n < MOST && n < v->n && v->string[n] > ' ' && v->string[n] < 127; n++)
        text[n] = v->string[n];
    text[n] = '\0';
    return text;
}

/* A number from 0 to most; negative for anything else. */
static double
number(const struct json_value *v, double each, double most)
{
    double n = -1;

    if (v->kind == JSON_KIND_INT)
        n = (double)v->integer * each;
    else if (v->kind == JSON_KIND_REAL)
        n = v->real * each;
    return n >= 0 && n <= most ? n : -1;
}

bool
travel_take(const struct travel_grid *g, size_t i, size_t j, const struct json_value *seconds,
            const struct json_value *metres, double metres_each)
{
    struct travel_cell *out = &g->out[i * g->stride + j];

    if (seconds == NULL || metres == NULL)
        return false;
    if (seconds->kind == JSON_KIND_NULL && metres->kind == JSON_KIND_NULL) {
        *out = (struct travel_cell){TRAVEL_UNREACHABLE, TRAVEL_UNREACHABLE};
        return true;
    }
    double s = number(seconds, 1, SECONDS_MAX);
    double m = number(metres, metres_each, METRES_MAX);
    /* a place may lie beside its street, on either end */
    double least_m = geo_distance_m(g->from[i], g->to[j]) * 0.99 - 2 * (double)g->radius_m - 10;
    if (s < 0 || m < 0 || m < least_m || s * SPEED_MAX_M_S < least_m)
        return false;
    uint32_t bound_s = travel_crow_s(g->from[i], g->to[j], g->mode);
    out->seconds = (uint32_t)ceil(s);
    out->metres = (uint32_t)lround(m);
    if (out->seconds < bound_s)
        out->seconds = bound_s;
    return true;
}

static const struct json_value *
row_of(const struct json_value *table, size_t i, size_t n)
{
    const struct json_value *row = table->item[i];

    return row->kind == JSON_KIND_ARRAY && row->n == n ? row : NULL;
}

bool
travel_take_tables(const struct travel_grid *g, const struct json_value *seconds,
                   const struct json_value *metres, double metres_each)
{
    if (seconds == NULL || metres == NULL || seconds->kind != JSON_KIND_ARRAY ||
        metres->kind != JSON_KIND_ARRAY || seconds->n != g->from_n || metres->n != g->from_n)
        return false;
    for (size_t i = 0; i < g->from_n; i++) {
        const struct json_value *s = row_of(seconds, i, g->to_n);
        const struct json_value *m = row_of(metres, i, g->to_n);
        if (s == NULL || m == NULL)
            return false;
        for (size_t j = 0; j < g->to_n; j++)
            if (!travel_take(g, i, j, s->item[j], m->item[j], metres_each))
                return false;
    }
    return true;
}

/* The next number of an encoded polyline; false at a broken or missing one. */
static bool
next_delta(struct slice *line, int64_t *value)
{
    uint64_t bits = 0;

    for (unsigned shift = 0; line->n > 0 && shift < 35; shift += 5) {
        int c = (unsigned char)line->p[0] - 63;
        *line = slice_of(line->p + 1, line->n - 1);
        if (c < 0 || c > 63)
            return false;
        bits |= (uint64_t)(c & 31) << shift;
        if (c < 32) {
            *value += (bits & 1) != 0 ? -(int64_t)(bits >> 1) - 1 : (int64_t)(bits >> 1);
            return true;
        }
    }
    return false;
}

bool
travel_polyline_ok(struct slice line, struct latlng from, struct latlng to, double near_m)
{
    int64_t lat = 0, lng = 0;
    struct latlng p = {0, 0};
    size_t n = 0;

    for (; line.n > 0; n++) {
        if (!next_delta(&line, &lat) || !next_delta(&line, &lng) || lat < -9000000 ||
            lat > 9000000 || lng < -18000000 || lng > 18000000)
            return false;
        p = (struct latlng){(int32_t)(lat * 100), (int32_t)(lng * 100)};
        if (n == 0 && geo_distance_m(p, from) > near_m)
            return false;
    }
    return n > 0 && geo_distance_m(p, to) <= near_m;
}
