/* json_parser: what json_value.c and json_string.c share; nobody else includes it. */
#ifndef LC_BASE_JSON_PARSER_H
#define LC_BASE_JSON_PARSER_H

#include "base/arena.h"
#include "base/bytes.h"
#include "base/err.h"

struct json_parser {
    struct arena *arena;
    const char *begin;
    const char *p;
    const char *end;
    size_t depth; /* levels still allowed */
    enum lc_err err;
    const char *what;
};

static inline bool
json_parser_fail(struct json_parser *ps, enum lc_err err, const char *what)
{
    ps->err = err;
    ps->what = what;
    return false;
}

static inline bool
json_parser_bad(struct json_parser *ps, const char *what)
{
    return json_parser_fail(ps, LC_EINVAL, what);
}

static inline bool
json_parser_take(struct json_parser *ps, char c)
{
    if (ps->p == ps->end || *ps->p != c)
        return false;
    ps->p++;
    return true;
}

/* json_parser_string: reads the rest of a string; ps->p is behind the opening quote, then behind
 * the closing one. */
bool json_parser_string(struct json_parser *ps, struct slice *out);

#endif
