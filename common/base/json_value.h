/* json_value: a JSON text (RFC 8259) as a tree in an arena. Pure. Most code wants json_in.h
 * instead, which reads fields from such a tree.
 *
 * Our own because time shows here: an order of 5 lines takes a ninth of what it takes jansson, and
 * there is nothing to free; tests/unit/test_json_value.c holds it against jansson. */
#ifndef LC_BASE_JSON_VALUE_H
#define LC_BASE_JSON_VALUE_H

#include "base/arena.h"
#include "base/bytes.h"
#include "base/err.h"

enum json_kind {
    JSON_KIND_NULL,
    JSON_KIND_BOOL,
    JSON_KIND_INT,  /* digits alone, within int64_t */
    JSON_KIND_REAL, /* with a point or an exponent; finite */
    JSON_KIND_STRING,
    JSON_KIND_ARRAY,
    JSON_KIND_OBJECT
};

/* 32 bytes a value. Strings point into the text, or into the arena when they had escapes; not
 * NUL-terminated, valid UTF-8 without NUL. */
struct json_value {
    const char *key;         /* of a member of an object */
    struct json_value *next; /* the next member or element, in the order of the text */
    union {
        bool boolean;
        int64_t integer;
        double real;
        const char *string;
        struct json_value *first;       /* of an object */
        struct json_value *const *item; /* of an array: n pointers */
    };
    uint32_t n; /* bytes of a string, elements of an array, members of an object */
    uint16_t key_n;
    uint8_t kind; /* enum json_kind */
};

struct json_limits {
    size_t bytes; /* of the whole text, less than 4 GiB */
    size_t depth; /* of nested arrays and objects; 1 allows {} and [] only; at most 100 */
};

/* An object with more members is refused: finding the ones given twice must not take for ever. */
enum { JSON_MEMBERS_MAX = 128, JSON_DEPTH_MAX = 100 };

/* json_value_parse: one value with nothing but white space around it. Refused too: a key given
 * twice in one object, NUL (also as \\u0000), bytes that are not UTF-8, lone surrogates, integers
 * beyond int64_t, reals beyond double. The text must live as long as the tree.
 *   LC_EINVAL   *where is the offset of the byte that is wrong, *what a static English phrase
 *   LC_ETOOBIG  over a limit; likewise
 *   LC_ENOMEM   over the arena's cap; likewise */
LC_MUST_CHECK enum lc_err json_value_parse(struct arena *arena, struct slice text,
                                           const struct json_limits *limits,
                                           const struct json_value **out, size_t *where,
                                           const char **what);

/* json_value_get: the member of an object; NULL when there is none, and for a value that is no
 * object or NULL. */
const struct json_value *json_value_get(const struct json_value *v, const char *key);

static inline struct slice
json_value_string(const struct json_value *v)
{
    return slice_of(v->string, v->n);
}

static inline struct slice
json_value_key(const struct json_value *v)
{
    return slice_of(v->key, v->key_n);
}

#endif
