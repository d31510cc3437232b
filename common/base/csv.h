/* csv: reads RFC 4180 row by row from whatever pieces the bytes arrive in. Pure; memory bounded by
 * the limits.
 *
 * Rows end with LF or CRLF; fields may be quoted, with "" for a quote and line ends inside. Empty
 * lines and a byte-order mark at the start are skipped. Fields are bytes: whether they are UTF-8 is
 * for the caller. A bad row is reported with its place and skipped; the rows after it are read. */
#ifndef LC_BASE_CSV_H
#define LC_BASE_CSV_H

#include "base/bytes.h"
#include "base/err.h"

struct csv; /* opaque, owned by the caller */

struct csv_limits {
    size_t row_bytes;
    size_t fields; /* a row */
};

struct csv_row {
    const struct slice *field; /* owned by the reader, valid until the next csv_next */
    size_t n;
    uint64_t line; /* on which the row begins, from 1 */
};

struct csv_error {
    uint64_t line;    /* from 1 */
    uint64_t column;  /* in bytes, from 1 */
    const char *what; /* static */
};

/* csv_new: NULL when out of memory. */
struct csv *csv_new(struct csv_limits limits);

/* csv_destroy: NULL is allowed. */
void csv_destroy(struct csv *c);

/* csv_next: reads from *in, which moves on past what was taken, until a row is whole. `last` says
 * that no bytes follow *in; call again until LC_EAGAIN.
 *   LC_OK       *row is a row
 *   LC_EAGAIN   all of *in is taken: call again with more; with `last`: the end
 *   LC_EINVAL   a bad row (stray quote, text behind a closing quote, NUL, quote never closed):
 *               *error says where; it is skipped up to the next line end
 *   LC_ETOOBIG  likewise, over a limit
 *   LC_ENOMEM   out of memory; the reader can only be destroyed */
LC_MUST_CHECK enum lc_err csv_next(struct csv *c, struct slice *in, bool last, struct csv_row *row,
                                   struct csv_error *error);

#endif
