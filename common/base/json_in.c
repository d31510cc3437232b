#include "base/json_in.h"

#include "base/utf8.h"

#include <stdarg.h>
#include <stdio.h>

const struct json_limits json_limits_default = {.bytes = 1 << 20, .depth = 16};

enum { PATH_DEPTH_MAX = 64, QUOTE_MAX = 40 };

/* ---- errors ---- */

static void
put_step(struct buf *b, const char *name, size_t index)
{
    if (name != NULL) {
        if (b->n > 0)
            buf_char(b, '.');
        buf_str(b, name);
    } else {
        buf_printf(b, "[%zu]", index);
    }
}

/* "lines[2].quantity" in the arena; NULL without memory. */
static const char *
path_text(struct json_in *in, const struct json_at *at, const char *name)
{
    const struct json_at *step[PATH_DEPTH_MAX];
    size_t depth = 0;
    struct buf b = {0};

    /* the root has neither a parent nor a name */
    for (; at != NULL && at->up != NULL && depth < PATH_DEPTH_MAX; at = at->up)
        step[depth++] = at;
    while (depth-- > 0)
        put_step(&b, step[depth]->name, step[depth]->index);
    if (name != NULL)
        put_step(&b, name, 0);
    const char *text = b.failed ? NULL : arena_copy(in->arena, b.p, b.n);
    buf_free(&b);
    return text;
}

static void
add_error(struct json_in *in, const char *field, const char *error)
{
    if (in->error_n == JSON_ERRORS_MAX) {
        in->more_errors++;
        return;
    }
    /* a wrong field must count as wrong even when there is no memory to say so */
    in->error[in->error_n++] = (struct field_error){
        .field = field == NULL ? "" : field,
        .error = error == NULL ? "is wrong (out of memory for details)" : error,
    };
}

void
json_in_fail(struct json_in *in, const struct json_at *at, const char *name, const char *fmt, ...)
{
    char text[512];
    va_list ap;

    if (in->error_n == JSON_ERRORS_MAX) {
        in->more_errors++;
        return;
    }
    va_start(ap, fmt);
    int n = vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    size_t len = n < 0 ? 0 : (size_t)n < sizeof text ? (size_t)n : sizeof text - 1;
    add_error(in, path_text(in, at, name), arena_copy(in->arena, text, len));
}

/* The start of a text in quotes, cut between characters. */
static void
quote(struct slice s, char out[QUOTE_MAX + 8])
{
    size_t n = 0;

    while (n < s.n) {
        size_t step = utf8_next(slice_of(s.p + n, s.n - n));
        if (step == 0 || n + step > QUOTE_MAX)
            break;
        n += step;
    }
    snprintf(out, QUOTE_MAX + 8, "\"%.*s%s\"", (int)n, s.p, n < s.n ? "…" : "");
}

/* What a value is, for "…, got …". */
static const char *
describe(const struct json_value *v, char out[QUOTE_MAX + 8])
{
    switch ((enum json_kind)v->kind) {
    case JSON_KIND_OBJECT:
        return "an object";
    case JSON_KIND_ARRAY:
        return "an array";
    case JSON_KIND_BOOL:
        return v->boolean ? "true" : "false";
    case JSON_KIND_NULL:
        return "null";
    case JSON_KIND_STRING:
        quote(json_value_string(v), out);
        return out;
    case JSON_KIND_INT:
        snprintf(out, QUOTE_MAX + 8, "%lld", (long long)v->integer);
        return out;
    case JSON_KIND_REAL:
        snprintf(out, QUOTE_MAX + 8, "%.15g", v->real);
        if (out[strspn(out, "-0123456789")] == '\0')
            memcpy(out + strlen(out), ".0", sizeof ".0"); /* as it came: not as an integer */
        return out;
    }
    return "something else";
}

bool
json_in_expected(struct json_in *in, const struct json_at *at, const char *name,
                 const struct json_value *v, const char *expected)
{
    char got[QUOTE_MAX + 8];

    json_in_fail(in, at, name, "expected %s, got %s", expected, describe(v, got));
    return false;
}

/* ---- documents ---- */

/* Line and column of an offset, both from 1; the column in bytes. */
static void
place_of(struct slice text, size_t where, size_t *line, size_t *column)
{
    *line = *column = 1;
    for (size_t i = 0; i < where && i < text.n; i++) {
        ++*column;
        if (text.p[i] == '\n') {
            ++*line;
            *column = 1;
        }
    }
}

enum lc_err
json_in_parse(struct json_in *in, struct arena *arena, struct slice text,
              const struct json_limits *limits)
{
    size_t where = 0, line, column;
    const char *what = "";

    in->arena = arena;
    in->root = NULL;
    in->error_n = in->more_errors = 0;
    if (text.n > limits->bytes) {
        json_in_fail(in, NULL, NULL, "expected at most %zu bytes, got %zu", limits->bytes, text.n);
        return LC_ETOOBIG;
    }
    enum lc_err err = json_value_parse(arena, text, limits, &in->root, &where, &what);
    if (err != LC_OK) {
        place_of(text, where, &line, &column);
        json_in_fail(in, NULL, NULL, "not acceptable JSON: line %zu, column %zu: %s", line, column,
                     what);
    }
    /* only the document as a whole can be too large; a part that is makes it unacceptable */
    return err == LC_ETOOBIG ? LC_EINVAL : err;
}

struct json_at
json_in_root_any(struct json_in *in)
{
    return (struct json_at){.value = in->root};
}

struct json_at
json_in_root(struct json_in *in)
{
    struct json_at at = json_in_root_any(in);

    if (at.value != NULL && at.value->kind != JSON_KIND_OBJECT) {
        json_in_expected(in, &at, NULL, at.value, "an object");
        at.value = NULL;
    }
    return at;
}
