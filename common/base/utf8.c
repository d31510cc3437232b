#include "base/utf8.h"

static bool
tail(unsigned char c)
{
    return (c & 0xC0) == 0x80;
}

size_t
utf8_next(struct slice s)
{
    const unsigned char *p = (const unsigned char *)s.p;

    if (s.n == 0)
        return 0;
    if (p[0] < 0x80)
        return 1;
    if (p[0] < 0xC2 || s.n < 2 || !tail(p[1]))
        return 0;
    if (p[0] < 0xE0)
        return 2;
    if (s.n < 3 || !tail(p[2]))
        return 0;
    if (p[0] < 0xF0) {
        bool overlong = p[0] == 0xE0 && p[1] < 0xA0;
        bool surrogate = p[0] == 0xED && p[1] >= 0xA0;
        return overlong || surrogate ? 0 : 3;
    }
    if (p[0] > 0xF4 || s.n < 4 || !tail(p[3]))
        return 0;
    bool overlong = p[0] == 0xF0 && p[1] < 0x90;
    bool too_high = p[0] == 0xF4 && p[1] >= 0x90;
    return overlong || too_high ? 0 : 4;
}

/* plain: how many leading bytes are ASCII without NUL, in steps of 8. Most text is nothing else. */
static size_t
plain(struct slice s)
{
    const uint64_t ones = 0x0101010101010101U;
    const uint64_t highs = 0x8080808080808080U;
    size_t n = 0;

    for (; s.n - n >= 8; n += 8) {
        uint64_t v;
        memcpy(&v, s.p + n, sizeof v);
        if (((v | (v - ones)) & highs) != 0)
            break;
    }
    return n;
}

bool
utf8_valid(struct slice s)
{
    size_t skip = plain(s);

    s = slice_of(s.p + skip, s.n - skip);
    while (s.n > 0) {
        size_t n = utf8_next(s);
        if (n == 0 || *s.p == '\0')
            return false;
        s.p += n;
        s.n -= n;
    }
    return true;
}

static bool
has_control(struct slice s, bool line)
{
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c < 0x20 ? line || (c != '\t' && c != '\n') : c == 0x7F)
            return true;
        if (c == 0xC2 && i + 1 < s.n && (unsigned char)s.p[i + 1] < 0xA0) /* U+0080 to U+009F */
            return true;
    }
    return false;
}

bool
utf8_is_words(struct slice s)
{
    return !has_control(s, false);
}

bool
utf8_is_line(struct slice s)
{
    return !has_control(s, true);
}
