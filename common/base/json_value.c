#include "base/json_value.h"

#include "base/json_parser.h"

#include <math.h>
#include <stdlib.h>

static bool value(struct json_parser *ps, struct json_value *v);

static void
skip_space(struct json_parser *ps)
{
    while (ps->p < ps->end && (*ps->p == ' ' || *ps->p == '\n' || *ps->p == '\r' || *ps->p == '\t'))
        ps->p++;
}

/* ---- numbers ---- */

static size_t
digits(struct json_parser *ps)
{
    const char *start = ps->p;

    while (ps->p < ps->end && *ps->p >= '0' && *ps->p <= '9')
        ps->p++;
    return (size_t)(ps->p - start);
}

/* Up to 15 digits and a small power of ten are exact in a double, so one division rounds right
 * (Clinger 1990). For the rest strtod, which reads the point as every daemon's "C" locale has it.
 */
static bool
real(struct json_parser *ps, const char *start, size_t fraction, bool exponent,
     struct json_value *v)
{
    static const double ten_to[] = {1e0, 1e1, 1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                    1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};
    size_t n = (size_t)(ps->p - start);

    v->kind = JSON_KIND_REAL;
    if (!exponent && n <= 15) {
        int64_t mantissa = 0;
        for (const char *c = start; c < ps->p; c++)
            if (*c >= '0' && *c <= '9')
                mantissa = mantissa * 10 + (*c - '0');
        double d = (double)mantissa / ten_to[fraction];
        v->real = *start == '-' ? -d : d;
        return true;
    }
    if (n > 400)
        return json_parser_fail(ps, LC_ETOOBIG, "a number of over 400 characters");
    char text[401];
    memcpy(text, start, n);
    text[n] = '\0';
    v->real = strtod(text, NULL);
    return isfinite(v->real) || json_parser_bad(ps, "a number too large for a double");
}

static bool
integer(struct json_parser *ps, const char *start, struct json_value *v)
{
    bool negative = *start == '-';
    uint64_t u = 0;

    for (const char *c = start + negative; c < ps->p; c++)
        if (__builtin_mul_overflow(u, UINT64_C(10), &u) ||
            __builtin_add_overflow(u, (uint64_t)(*c - '0'), &u))
            return json_parser_bad(ps, "an integer of more than 64 bits");
    if (u > (uint64_t)INT64_MAX + negative)
        return json_parser_bad(ps, "an integer of more than 64 bits");
    v->kind = JSON_KIND_INT;
    v->integer = (int64_t)(negative ? 0 - u : u);
    return true;
}

static bool
number(struct json_parser *ps, struct json_value *v)
{
    const char *start = ps->p;
    size_t fraction = 0;
    bool exponent = false;

    json_parser_take(ps, '-');
    bool zero = ps->p < ps->end && *ps->p == '0';
    size_t whole = digits(ps);
    if (whole == 0)
        return json_parser_bad(ps, "expected a value");
    if (zero && whole > 1)
        return json_parser_bad(ps, "a number with a leading zero");
    if (ps->p < ps->end && *ps->p == '.') {
        ps->p++;
        fraction = digits(ps);
        if (fraction == 0)
            return json_parser_bad(ps, "expected digits behind the decimal point");
    }
    if (ps->p < ps->end && (*ps->p == 'e' || *ps->p == 'E')) {
        ps->p++;
        exponent = true;
        if (!json_parser_take(ps, '-'))
            json_parser_take(ps, '+');
        if (digits(ps) == 0)
            return json_parser_bad(ps, "expected digits in the exponent");
    }
    if (fraction > 0 || exponent)
        return real(ps, start, fraction, exponent, v);
    return integer(ps, start, v);
}

/* ---- arrays and objects ---- */

static struct json_value *
append(struct json_parser *ps, struct json_value ***tail)
{
    struct json_value *v = arena_alloc(ps->arena, sizeof *v);

    if (v == NULL) {
        json_parser_fail(ps, LC_ENOMEM, "too much for the memory of one request");
        return NULL;
    }
    *v = (struct json_value){0};
    **tail = v;
    *tail = &v->next;
    return v;
}

static bool
index_items(struct json_parser *ps, struct json_value *array, struct json_value *first)
{
    struct json_value **item = arena_alloc(ps->arena, array->n * sizeof *item);

    if (item == NULL)
        return json_parser_fail(ps, LC_ENOMEM, "too much for the memory of one request");
    array->item = item;
    for (; first != NULL; first = first->next)
        *item++ = first;
    return true;
}

/* Behind the '['. */
static bool
array(struct json_parser *ps, struct json_value *v)
{
    struct json_value *first = NULL, **tail = &first;

    v->kind = JSON_KIND_ARRAY;
    skip_space(ps);
    if (json_parser_take(ps, ']'))
        return index_items(ps, v, NULL);
    do {
        struct json_value *item = append(ps, &tail);
        if (item == NULL || !value(ps, item))
            return false;
        v->n++;
        skip_space(ps);
    } while (json_parser_take(ps, ','));
    if (!json_parser_take(ps, ']'))
        return json_parser_bad(ps, "expected ',' or ']'");
    return index_items(ps, v, first);
}

static bool
has_key(const struct json_value *v, const struct json_value *end, struct slice key)
{
    for (; v != end; v = v->next)
        if (slice_eq(json_value_key(v), key))
            return true;
    return false;
}

static bool
member(struct json_parser *ps, struct json_value *object, struct json_value ***tail)
{
    struct slice key;

    skip_space(ps);
    if (!json_parser_take(ps, '"'))
        return json_parser_bad(ps, "expected a key in quotes");
    const char *start = ps->p;
    if (!json_parser_string(ps, &key))
        return false;
    if (key.n > UINT16_MAX || object->n == JSON_MEMBERS_MAX)
        return json_parser_fail(ps, LC_ETOOBIG,
                                key.n > UINT16_MAX ? "a key of over 65535 bytes"
                                                   : "an object of over 128 fields");
    if (has_key(object->first, NULL, key)) {
        ps->p = start;
        return json_parser_bad(ps, "a key given twice in one object");
    }
    skip_space(ps);
    if (!json_parser_take(ps, ':'))
        return json_parser_bad(ps, "expected ':'");
    struct json_value *v = append(ps, tail);
    if (v == NULL)
        return false;
    v->key = key.p;
    v->key_n = (uint16_t)key.n;
    object->n++;
    return value(ps, v);
}

/* Behind the '{'. */
static bool
object(struct json_parser *ps, struct json_value *v)
{
    struct json_value **tail = &v->first;

    v->kind = JSON_KIND_OBJECT;
    skip_space(ps);
    if (json_parser_take(ps, '}'))
        return true;
    do {
        if (!member(ps, v, &tail))
            return false;
        skip_space(ps);
    } while (json_parser_take(ps, ','));
    return json_parser_take(ps, '}') || json_parser_bad(ps, "expected ',' or '}'");
}

static bool
nested(struct json_parser *ps, struct json_value *v,
       bool (*inside)(struct json_parser *, struct json_value *))
{
    if (ps->depth == 0)
        return json_parser_fail(ps, LC_ETOOBIG, "nested too deeply");
    ps->depth--;
    ps->p++;
    if (!inside(ps, v))
        return false;
    ps->depth++;
    return true;
}

static bool
word(struct json_parser *ps, const char *w, struct json_value *v, enum json_kind kind, bool boolean)
{
    size_t n = strlen(w);

    if ((size_t)(ps->end - ps->p) < n || memcmp(ps->p, w, n) != 0)
        return json_parser_bad(ps, "expected a value");
    ps->p += n;
    v->kind = (uint8_t)kind;
    v->boolean = boolean;
    return true;
}

static bool
value(struct json_parser *ps, struct json_value *v)
{
    struct slice s;

    skip_space(ps);
    if (ps->p == ps->end)
        return json_parser_bad(ps, "expected a value, got the end");
    switch (*ps->p) {
    case '{':
        return nested(ps, v, object);
    case '[':
        return nested(ps, v, array);
    case '"':
        ps->p++;
        if (!json_parser_string(ps, &s))
            return false;
        v->kind = JSON_KIND_STRING;
        v->string = s.p;
        v->n = (uint32_t)s.n;
        return true;
    case 't':
        return word(ps, "true", v, JSON_KIND_BOOL, true);
    case 'f':
        return word(ps, "false", v, JSON_KIND_BOOL, false);
    case 'n':
        return word(ps, "null", v, JSON_KIND_NULL, false);
    default:
        return number(ps, v);
    }
}

enum lc_err
json_value_parse(struct arena *arena, struct slice text, const struct json_limits *limits,
                 const struct json_value **out, size_t *where, const char **what)
{
    if (text.n == 0)
        text.p = "";
    struct json_parser ps = {
        .arena = arena,
        .begin = text.p,
        .p = text.p,
        .end = text.p + text.n,
        .depth = limits->depth < JSON_DEPTH_MAX ? limits->depth : JSON_DEPTH_MAX,
    };
    struct json_value *root = NULL, **tail = &root;
    bool ok = text.n <= limits->bytes && text.n <= UINT32_MAX;

    if (!ok)
        json_parser_fail(&ps, LC_ETOOBIG, "too many bytes");
    ok = ok && append(&ps, &tail) != NULL && value(&ps, root);
    if (ok) {
        skip_space(&ps);
        ok = ps.p == ps.end || json_parser_bad(&ps, "something stands behind the value");
    }
    if (ok) {
        *out = root;
        return LC_OK;
    }
    *where = (size_t)(ps.p - ps.begin);
    *what = ps.what;
    return ps.err;
}

const struct json_value *
json_value_get(const struct json_value *v, const char *key)
{
    if (v == NULL || v->kind != JSON_KIND_OBJECT)
        return NULL;
    struct slice want = slice_str(key);
    for (v = v->first; v != NULL; v = v->next)
        if (slice_eq(json_value_key(v), want))
            return v;
    return NULL;
}
