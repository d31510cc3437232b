/* Where a step's effects and the recorded ones part. */
#include "base/replay.h"

enum { LEAD = 72, BEFORE = 80, BEHIND = 160 };

/* excerpt: a line around its byte `at`: how it begins, for its kind and ref, and what is near.
 * Lines are printable ASCII, so that it may be cut anywhere. */
static void
excerpt(struct buf *b, struct slice line, size_t at)
{
    size_t begin = at > LEAD + BEFORE ? at - BEFORE : 0;
    size_t end = line.n - at > BEHIND ? at + BEHIND : line.n;

    if (begin > 0) {
        buf_append(b, line.p, LEAD);
        buf_str(b, " ... ");
    }
    buf_append(b, line.p + begin, end - begin);
    if (end < line.n)
        buf_str(b, " ...");
}

static struct slice
next_line(struct slice *rest)
{
    const char *end = rest->n == 0 ? NULL : memchr(rest->p, '\n', rest->n);
    struct slice line = slice_of(rest->p, end == NULL ? rest->n : (size_t)(end - rest->p));
    size_t taken = line.n + (end != NULL);

    *rest = slice_of(taken == 0 ? rest->p : rest->p + taken, rest->n - taken);
    return line;
}

static void
first_line_that_differs(struct slice recorded, struct slice now, struct replay_where *w)
{
    struct slice a = {NULL, 0}, b = {NULL, 0};
    size_t at = 0;

    for (w->effect = 1; recorded.n > 0 || now.n > 0; w->effect++) {
        a = next_line(&recorded);
        b = next_line(&now);
        if (slice_eq(a, b))
            continue;
        while (at < a.n && at < b.n && a.p[at] == b.p[at])
            at++;
        excerpt(&w->recorded, a, at);
        excerpt(&w->now, b, at);
        return;
    }
    w->effect = 0;
}

enum lc_err
replay_where(const struct replay_difference *d, struct replay_where *w)
{
    struct buf recorded = {0}, now = {0};

    *w = (struct replay_where){0};
    enum lc_err err = trace_print_effects(&now, d->got);
    if (err == LC_OK)
        err = trace_print_effects(&recorded, d->expected);
    if (err != LC_ENOMEM)
        first_line_that_differs(buf_slice(&recorded), buf_slice(&now), w);
    if (w->recorded.failed || w->now.failed)
        err = LC_ENOMEM;
    buf_free(&recorded);
    buf_free(&now);
    return err;
}

void
replay_where_free(struct replay_where *w)
{
    buf_free(&w->recorded);
    buf_free(&w->now);
}
