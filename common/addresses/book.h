/* book: the layout of a compiled index, and the handle over it. Inside addresses only.
 *
 * A header, then sections, each 8-aligned, in the machine's own byte order. Names are offsets into
 * one pool of NUL-terminated strings; offset 0 is the empty one. */
#ifndef LC_ADDRESSES_BOOK_H
#define LC_ADDRESSES_BOOK_H

#include "addresses/addresses.h"
#include "addresses/words.h"

#define BOOK_MAGIC "LCADDRS"
enum { BOOK_VERSION = 1, BOOK_ENDIAN = 0x01020304 };

/* street: what has one name and hangs together. Sorted by key, then by where it is. */
struct street {
    uint32_t key, loose, bare; /* as struct street_key */
    uint32_t name;             /* as the map writes it */
    struct latlng at;
    uint32_t extent_m;
    uint32_t first_house, houses;
    uint32_t first_span, spans;
};

/* house: sorted within its street by number, suffix, to. */
struct house {
    uint32_t number, to;
    char suffix[8];
    struct latlng at;
    uint32_t radius_m;       /* of its building; 0 = a point */
    uint32_t city, postcode; /* folded; 0 = not said */
};

/* span: a piece of an interpolation way between two known numbers, from low to high. */
struct span {
    uint32_t low, high;
    uint32_t step; /* 1 or 2 */
    uint32_t first_point, points;
    uint32_t city, postcode;
};

enum book_section {
    SEC_TEXT,
    SEC_STREET,
    SEC_LOOSE, /* uint32_t: streets by loose key */
    SEC_BARE,  /* uint32_t: streets by bare key */
    SEC_HOUSE,
    SEC_SPAN,
    SEC_POINT,    /* struct latlng, of spans */
    SEC_CITY,     /* uint32_t: names of towns, sorted as text */
    SEC_POSTCODE, /* uint32_t */
    BOOK_SECTIONS
};

struct book_header {
    char magic[8];
    uint32_t version;
    uint32_t endian;
    uint64_t bytes;
    uint32_t checksum; /* CRC-32 of everything behind this field */
    uint32_t names, unread, missing;
    struct {
        uint64_t offset;
        uint64_t n; /* elements */
    } section[BOOK_SECTIONS];
};

struct addresses {
    struct address_book book; /* first: the handle that is given out */
    const struct book_header *header;
    const char *text;
    const struct street *street;
    const uint32_t *loose, *bare, *city, *postcode;
    const struct house *house;
    const struct span *span;
    const struct latlng *point;
    size_t texts, streets, houses, spans, points, cities, postcodes;
    struct slice mapped; /* p NULL when the bytes are borrowed */
};

/* book_size: of one element of a section. */
size_t book_size(enum book_section s);
/* book_checksum: of a whole file in memory. */
uint32_t book_checksum(const char *file, size_t n);

/* addresses_find: the book's find. */
enum lc_err addresses_find(const struct address_book *b, struct slice text,
                           struct address_found *out);

#endif
