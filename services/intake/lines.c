#include "lines.h"

#include "core.h"

bool
lines_add(struct lines *l, struct slice piece)
{
    buf_consume(&l->in, l->at);
    l->at = 0;
    size_t before = l->in.n;
    buf_append(&l->in, piece.p, piece.n);
    if (!l->in.failed)
        return true;
    l->in.failed = false;
    l->in.n = before;
    return false;
}

static struct slice
trim(struct slice s)
{
    while (s.n > 0 && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t' || s.p[s.n - 1] == '\r'))
        s.n--;
    while (s.n > 0 && (*s.p == ' ' || *s.p == '\t' || *s.p == '\r'))
        s = slice_of(s.p + 1, s.n - 1);
    return s;
}

static void
skip_mark(struct lines *l)
{
    if (lines_waiting(l) >= 3 && memcmp(l->in.p + l->at, "\xef\xbb\xbf", 3) == 0)
        l->at += 3;
    l->begun = lines_waiting(l) > 0;
}

enum lines_got
lines_next(struct lines *l, struct slice *line)
{
    for (;;) {
        if (!l->begun && (lines_waiting(l) >= 3 || l->ended))
            skip_mark(l);
        size_t n = lines_waiting(l);
        if (n == 0)
            return LINES_NONE;
        const char *p = l->in.p + l->at;
        const char *end = memchr(p, '\n', n);
        if (end == NULL && !l->ended) {
            if (n <= LINE_BYTES_MAX && !l->skipping)
                return LINES_NONE;
            l->at = l->in.n;
            bool told = l->skipping;
            l->skipping = true;
            return told ? LINES_NONE : LINES_TOO_LONG;
        }
        size_t length = end == NULL ? n : (size_t)(end - p);
        l->at += length + (end != NULL);
        if (l->skipping) { /* the rest of a line that was told of */
            l->skipping = false;
            continue;
        }
        if (length > LINE_BYTES_MAX)
            return LINES_TOO_LONG;
        *line = trim(slice_of(p, length));
        return LINES_LINE;
    }
}
