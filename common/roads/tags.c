#include "roads/tags.h"

static const struct slice keys[KEY_COUNT] = {
#define K(name, text) [KEY_##name] = {text, sizeof text - 1},
    TAGS_KEYS(K)
#undef K
};

static int
compare(struct slice a, struct slice b)
{
    size_t n = a.n < b.n ? a.n : b.n;
    int c = memcmp(a.p, b.p, n);

    return c != 0 ? c : (a.n > b.n) - (a.n < b.n);
}

enum tags_key
tags_key(struct slice name)
{
    unsigned low = 0, high = KEY_COUNT;

    if (name.n == 0)
        return KEY_COUNT;
    while (low < high) {
        unsigned middle = (low + high) / 2;
        int c = compare(name, keys[middle]);
        if (c == 0)
            return (enum tags_key)middle;
        if (c < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return KEY_COUNT;
}

bool
tags_in(struct slice v, const char *words)
{
    if (v.n == 0 || memchr(v.p, ' ', v.n) != NULL)
        return false;
    for (const char *p = words; *p != '\0';) {
        while (*p == ' ')
            p++;
        size_t n = strcspn(p, " ");
        if (n == v.n && memcmp(p, v.p, n) == 0)
            return true;
        p += n;
    }
    return false;
}
