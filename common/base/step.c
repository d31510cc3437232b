#include "base/step.h"

#include <stdlib.h>

/* A flag is called --prep-margin-s, a core may say prep_margin_s. */
static bool
same_name(struct slice a, const char *b)
{
    size_t i = 0;

    for (; i < a.n && b[i] != '\0'; i++)
        if (a.p[i] != b[i] && !(a.p[i] == '-' && b[i] == '_') && !(a.p[i] == '_' && b[i] == '-'))
            return false;
    return i == a.n && b[i] == '\0';
}

struct slice
config_get(const struct config *c, const char *name)
{
    for (size_t i = 0; c != NULL && i < c->n; i++)
        if (same_name(c->items[i].name, name))
            return c->items[i].value;
    return (struct slice){NULL, 0};
}

int64_t
config_int(const struct config *c, const char *name, int64_t fallback)
{
    struct slice s = config_get(c, name);
    bool negative = s.n > 1 && s.p[0] == '-';
    int64_t v = 0;

    if (s.n == 0)
        return fallback;
    for (size_t i = negative ? 1 : 0; i < s.n; i++) {
        int digit = s.p[i] - '0';
        if (digit < 0 || digit > 9 || __builtin_mul_overflow(v, 10, &v) ||
            __builtin_add_overflow(v, negative ? -digit : digit, &v))
            return fallback;
    }
    return v;
}
