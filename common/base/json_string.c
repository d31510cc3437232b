/* Strings of JSON and their escapes (RFC 8259 7). */
#include "base/json_parser.h"
#include "base/utf8.h"

static bool
hex4(struct json_parser *ps, uint32_t *out)
{
    uint32_t v = 0;

    if (ps->end - ps->p < 4)
        return json_parser_bad(ps, "expected four hex digits behind \\u");
    for (int i = 0; i < 4; i++, ps->p++) {
        char c = *ps->p;
        uint32_t digit = c >= '0' && c <= '9'   ? (uint32_t)(c - '0')
                         : c >= 'a' && c <= 'f' ? (uint32_t)(c - 'a' + 10)
                         : c >= 'A' && c <= 'F' ? (uint32_t)(c - 'A' + 10)
                                                : 16;
        if (digit == 16)
            return json_parser_bad(ps, "expected four hex digits behind \\u");
        v = v << 4 | digit;
    }
    *out = v;
    return true;
}

static char *
put_utf8(char *to, uint32_t c)
{
    if (c < 0x80) {
        *to++ = (char)c;
    } else if (c < 0x800) {
        *to++ = (char)(0xC0 | c >> 6);
        *to++ = (char)(0x80 | (c & 63));
    } else if (c < 0x10000) {
        *to++ = (char)(0xE0 | c >> 12);
        *to++ = (char)(0x80 | (c >> 6 & 63));
        *to++ = (char)(0x80 | (c & 63));
    } else {
        *to++ = (char)(0xF0 | c >> 18);
        *to++ = (char)(0x80 | (c >> 12 & 63));
        *to++ = (char)(0x80 | (c >> 6 & 63));
        *to++ = (char)(0x80 | (c & 63));
    }
    return to;
}

/* Behind "\u". Two escapes of six bytes give at most four, one gives at most three: the text never
 * grows. */
static char *
unicode_escape(struct json_parser *ps, char *to)
{
    uint32_t c, low;

    if (!hex4(ps, &c))
        return NULL;
    if (c == 0) {
        json_parser_bad(ps, "NUL is not allowed in text");
        return NULL;
    }
    if (c >= 0xD800 && c <= 0xDFFF) {
        bool pair = c < 0xDC00 && json_parser_take(ps, '\\') && json_parser_take(ps, 'u') &&
                    hex4(ps, &low) && low >= 0xDC00 && low <= 0xDFFF;
        if (!pair) {
            json_parser_bad(ps, "half of a surrogate pair");
            return NULL;
        }
        c = 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00);
    }
    return put_utf8(to, c);
}

/* Behind the backslash. Writes the character; NULL when there is no such escape. */
static char *
escape(struct json_parser *ps, char *to)
{
    static const char from[] = "\"\\/bfnrt", into[] = "\"\\/\b\f\n\r\t";

    if (json_parser_take(ps, 'u'))
        return unicode_escape(ps, to);
    const char *at = ps->p < ps->end && *ps->p != '\0' ? strchr(from, *ps->p) : NULL;
    if (at == NULL) {
        json_parser_bad(ps, "unknown escape in a string");
        return NULL;
    }
    ps->p++;
    *to++ = into[at - from];
    return to;
}

/* Moves over characters that stand for themselves. False at a byte that cannot. */
static bool
plain_run(struct json_parser *ps)
{
    const char *p = ps->p;

    for (; p < ps->end; p++) {
        unsigned char c = (unsigned char)*p;
        if (c == '"' || c == '\\')
            break;
        if (c >= 0x20 && c < 0x80)
            continue;
        size_t n = c < 0x20 ? 0 : utf8_next(slice_of(p, (size_t)(ps->end - p)));
        if (n == 0) {
            ps->p = p;
            return json_parser_bad(ps, c < 0x20 ? "control character in a string" : "not UTF-8");
        }
        p += n - 1;
    }
    ps->p = p;
    return p < ps->end || json_parser_bad(ps, "a string is not closed");
}

/* The rest of a string that has an escape at ps->p, with `head` before it. */
static bool
escaped_string(struct json_parser *ps, struct slice head, struct slice *out)
{
    /* room for what may come: the closing quote is no further than the end of the text */
    const char *close = ps->p;
    while (close < ps->end && *close != '"')
        close += *close == '\\' && close + 1 < ps->end ? 2 : 1;
    char *text = arena_alloc(ps->arena, head.n + (size_t)(close - ps->p) + 1);
    if (text == NULL)
        return json_parser_fail(ps, LC_ENOMEM, "too much for the memory of one request");

    char *to = text;
    if (head.n > 0)
        memcpy(to, head.p, head.n);
    to += head.n;
    for (;;) {
        const char *run = ps->p;
        if (!plain_run(ps))
            return false;
        memcpy(to, run, (size_t)(ps->p - run));
        to += ps->p - run;
        if (json_parser_take(ps, '"'))
            break;
        ps->p++; /* the backslash */
        to = escape(ps, to);
        if (to == NULL)
            return false;
    }
    *out = slice_of(text, (size_t)(to - text));
    return true;
}

bool
json_parser_string(struct json_parser *ps, struct slice *out)
{
    const char *start = ps->p;

    if (!plain_run(ps))
        return false;
    *out = slice_of(start, (size_t)(ps->p - start));
    if (json_parser_take(ps, '"'))
        return true;
    return escaped_string(ps, *out, out);
}
