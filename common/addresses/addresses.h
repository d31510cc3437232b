/* addresses: an index of addresses made of one OpenStreetMap file, beside the roads of it. Building
 * is pure; opening maps a file. docs/addresses.md says what it understands. */
#ifndef LC_ADDRESSES_ADDRESSES_H
#define LC_ADDRESSES_ADDRESSES_H

#include "base/address.h"
#include "roads/roads.h"

/* addresses_report: what a build found; for people. */
struct addresses_report {
    size_t houses;  /* house numbers with a street (a list of numbers counts as many) */
    size_t streets; /* stretches of one name that hang together */
    size_t names;   /* different names */
    size_t spans;   /* pieces of interpolation ways */
    size_t unread;  /* addresses left out: no number that is understood, or no street */
    size_t missing; /* nodes of ways of addresses that are not in the file */
};

/* addresses_build: the compiled index of the .osm.pbf bytes, appended to *out. Deterministic.
 * *report may be NULL. On any error *out is as it was and error says what is wrong
 * (ROADS_ERROR_MAX bytes).
 *   LC_EINVAL  as roads_build; or the file has neither addresses nor named streets
 *   LC_ETOOBIG more than 4 GB of names
 *   LC_ENOMEM  out of memory: it takes about 12 bytes for each node of each way that has an address
 *              or a name, 12 for each different one, and 100 for each address */
LC_MUST_CHECK enum lc_err addresses_build(struct slice pbf, struct buf *out,
                                          struct addresses_report *report, char *error);

/* addresses_build_file: as roads_build_file. */
LC_MUST_CHECK enum lc_err addresses_build_file(const char *pbf_path, const char *to_path,
                                               struct addresses_report *report, char *error);

struct addresses; /* one compiled index; immutable, any thread may ask it */

/* addresses_open: maps a compiled file. Checks magic, version, byte order, sizes, the checksum of
 * everything, and that all that points points inside.
 *   LC_EINVAL  not a compiled index of this version, or damaged; error says what
 *   LC_EIO     cannot be read */
LC_MUST_CHECK enum lc_err addresses_open(const char *path, struct addresses **out, char *error);

/* addresses_view: the same over bytes in memory, 8-aligned, borrowed until addresses_close. */
LC_MUST_CHECK enum lc_err addresses_view(struct slice bytes, struct addresses **out, char *error);

/* addresses_close: NULL is allowed. */
void addresses_close(struct addresses *a);

/* addresses_book: to ask it (base/address.h). */
const struct address_book *addresses_book(const struct addresses *a);

uint32_t addresses_checksum(const struct addresses *a);
size_t addresses_bytes(const struct addresses *a);
void addresses_counts(const struct addresses *a, struct addresses_report *out);

#endif
