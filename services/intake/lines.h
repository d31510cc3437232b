/* lines: NDJSON from pieces of any size, line by line; memory bounded by the caller, who stops
 * feeding. */
#ifndef LC_INTAKE_LINES_H
#define LC_INTAKE_LINES_H

#include "base/bytes.h"

enum lines_got {
    LINES_NONE,    /* no whole line yet, or the end */
    LINES_LINE,    /* *line borrows until the next lines_add */
    LINES_TOO_LONG /* a line of more than LINE_BYTES_MAX: it is passed over */
};

/* Zero-initialise; buf_free(&l->in) when done. */
struct lines {
    struct buf in;
    size_t at;     /* how much of it was read */
    bool ended;    /* no more bytes come: what is left is the last line */
    bool begun;    /* the byte-order mark, if any, is behind us */
    bool skipping; /* within a line that is too long */
};

/* lines_add: false without memory; nothing was added. */
bool lines_add(struct lines *l, struct slice piece);

/* lines_next: the next line without its end and the white space around it; may be empty. */
enum lines_got lines_next(struct lines *l, struct slice *line);

static inline size_t
lines_waiting(const struct lines *l)
{
    return l->in.n - l->at;
}

#endif
