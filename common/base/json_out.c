#include "base/json_out.h"

#include "base/timestamp.h"
#include "base/utf8.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>

struct json_out
json_out_to(struct buf *b)
{
    return (struct json_out){.b = b};
}

/* The comma and the key in front of a value. */
static void
lead(struct json_out *w, const char *key)
{
    uint64_t level = UINT64_C(1) << w->depth;

    assert((key != NULL) == ((w->objects & level) != 0));
    size_t n = key == NULL ? 0 : strlen(key);
    char *to = buf_reserve(w->b, n + 4);
    if (to == NULL)
        return;
    char *p = to;
    if (w->depth > 0) {
        if (w->filled & level)
            *p++ = ',';
        w->filled |= level;
    }
    if (key != NULL) {
        *p++ = '"';
        memcpy(p, key, n);
        p += n;
        *p++ = '"';
        *p++ = ':';
    }
    w->b->n += (size_t)(p - to);
}

static void
begin(struct json_out *w, const char *key, bool object)
{
    lead(w, key);
    buf_char(w->b, object ? '{' : '[');
    assert(w->depth + 1 < JSON_OUT_DEPTH_MAX);
    w->depth++;
    uint64_t level = UINT64_C(1) << w->depth;
    w->filled &= ~level;
    w->objects = object ? w->objects | level : w->objects & ~level;
}

void
json_out_object(struct json_out *w, const char *key)
{
    begin(w, key, true);
}

void
json_out_array(struct json_out *w, const char *key)
{
    begin(w, key, false);
}

void
json_out_end(struct json_out *w)
{
    assert(w->depth > 0);
    buf_char(w->b, w->objects >> w->depth & 1 ? '}' : ']');
    w->depth--;
}

static bool
plain(unsigned char c)
{
    return c >= 0x20 && c < 0x7F && c != '"' && c != '\\';
}

/* plain_run: how many leading bytes are plain. Eight at a time: a word is looked at byte by byte
 * only when one of its bytes is below 0x20, from 0x7F on, or may be '"' or '\\'. */
static size_t
plain_run(struct slice s)
{
    const uint64_t ones = 0x0101010101010101U;
    const uint64_t highs = 0x8080808080808080U;
    size_t n = 0;

    for (; s.n - n >= 8; n += 8) {
        uint64_t v;
        memcpy(&v, s.p + n, sizeof v);
        uint64_t quote = v ^ ones * '"';
        uint64_t slash = v ^ ones * '\\';
        uint64_t odd = v | (v + ones) | (v - ones * 0x20) | (quote - ones) | (slash - ones);
        if ((odd & highs) != 0)
            break;
    }
    while (n < s.n && plain((unsigned char)s.p[n]))
        n++;
    return n;
}

/* Writes what s begins with, which is not plain; returns how many bytes of s that was. */
static size_t
escape(struct buf *b, struct slice s)
{
    unsigned char c = (unsigned char)*s.p;
    size_t n = utf8_next(s);

    if (n == 0) {
        buf_str(b, "\xEF\xBF\xBD");
        return 1;
    }
    if (n > 1 || c == 0x7F)
        buf_append(b, s.p, n);
    else if (c == '"' || c == '\\')
        buf_append(b, (char[]){'\\', (char)c}, 2);
    else if (c == '\n')
        buf_append(b, "\\n", 2);
    else if (c == '\t')
        buf_append(b, "\\t", 2);
    else
        buf_printf(b, "\\u%04x", c);
    return n;
}

void
json_out_str(struct json_out *w, const char *key, struct slice s)
{
    size_t run = plain_run(s);

    lead(w, key);
    char *to = buf_reserve(w->b, run + 2);
    if (to == NULL)
        return;
    *to++ = '"';
    if (run > 0)
        memcpy(to, s.p, run);
    to[run] = '"';
    w->b->n += run + 2;
    if (run == s.n)
        return;
    w->b->n--; /* not the end yet */
    while (run < s.n) {
        run += escape(w->b, slice_of(s.p + run, s.n - run));
        size_t more = plain_run(slice_of(s.p + run, s.n - run));
        buf_append(w->b, s.p + run, more);
        run += more;
    }
    buf_char(w->b, '"');
}

void
json_out_cstr(struct json_out *w, const char *key, const char *s)
{
    if (s == NULL)
        json_out_null(w, key);
    else
        json_out_str(w, key, slice_str(s));
}

static void
put_uint(struct buf *b, uint64_t v)
{
    char text[20];
    size_t at = sizeof text;

    do {
        text[--at] = (char)('0' + v % 10);
        v /= 10;
    } while (v > 0);
    buf_append(b, text + at, sizeof text - at);
}

/* The absolute value of any int64_t; INT64_MIN has none as an int64_t. */
static uint64_t
magnitude(int64_t v)
{
    return v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
}

void
json_out_int(struct json_out *w, const char *key, int64_t v)
{
    lead(w, key);
    if (v < 0)
        buf_char(w->b, '-');
    put_uint(w->b, magnitude(v));
}

void
json_out_uint(struct json_out *w, const char *key, uint64_t v)
{
    lead(w, key);
    put_uint(w->b, v);
}

/* v / 10^places without trailing zeros behind the point. Not printf: a locale may have a decimal
 * comma. */
static void
put_decimal(struct buf *b, uint64_t v, unsigned places)
{
    static const uint64_t ten_to[] = {1,      10,      100,      1000,      10000,
                                      100000, 1000000, 10000000, 100000000, 1000000000};
    uint64_t rest = v % ten_to[places];
    char text[9];

    put_uint(b, v / ten_to[places]);
    if (rest == 0)
        return;
    for (size_t i = places; i-- > 0; rest /= 10)
        text[i] = (char)('0' + rest % 10);
    while (places > 1 && text[places - 1] == '0')
        places--;
    buf_char(b, '.');
    buf_append(b, text, places);
}

void
json_out_e7(struct json_out *w, const char *key, int64_t v)
{
    lead(w, key);
    if (v < 0)
        buf_char(w->b, '-');
    put_decimal(w->b, magnitude(v), 7);
}

void
json_out_double(struct json_out *w, const char *key, double v, unsigned decimals)
{
    double scaled = round(fabs(v) * pow(10, decimals));

    assert(decimals <= 9);
    if (!isfinite(v)) {
        json_out_null(w, key);
        return;
    }
    lead(w, key);
    if (v < 0 && scaled > 0)
        buf_char(w->b, '-');
    if (scaled < 9e15)
        put_decimal(w->b, (uint64_t)scaled, decimals);
    else
        buf_printf(w->b, "%.0f",
                   fabs(v)); /* no digit behind the point of such a number means anything */
}

void
json_out_bool(struct json_out *w, const char *key, bool v)
{
    lead(w, key);
    buf_str(w->b, v ? "true" : "false");
}

void
json_out_null(struct json_out *w, const char *key)
{
    lead(w, key);
    buf_append(w->b, "null", 4);
}

void
json_out_time(struct json_out *w, const char *key, int64_t ms)
{
    char text[TIMESTAMP_TEXT];
    size_t n = timestamp_format(ms, text);

    json_out_str(w, key, slice_of(text, n));
}
