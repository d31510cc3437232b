/* find: the steps from a reading of a text to a place. Inside addresses only. */
#ifndef LC_ADDRESSES_FIND_H
#define LC_ADDRESSES_FIND_H

#include "addresses/book.h"

enum { CANDIDATES = 64 }; /* streets of one name that are looked at */

enum strict { STRICT_FULL, STRICT_LOOSE, STRICT_BARE };

struct range {
    size_t from, to;
};

/* asked: one reading. */
struct asked {
    const struct addresses *a;
    uint32_t street[CANDIDATES];
    size_t n;
    bool unsure;                       /* the name is not quite what was said: never exact */
    const struct house_number *number; /* NULL: none */
    struct words place;                /* town, postcode, country and what else was said */
};

/* agreement: of a place with the town and postcode that were said. */
enum agreement { DISAGREES, NEUTRAL, AGREES };
enum agreement agree(const struct addresses *a, const struct words *place, uint32_t city,
                     uint32_t postcode);

/* weigh: the best place of one reading. */
void weigh(const struct asked *q, struct address_found *out);

/* hit: a place for a number on one street. */
struct hit {
    enum address_precision precision; /* NONE, EXACT or INTERPOLATED */
    enum agreement agreement;
    struct latlng at;
    uint32_t error_m;
    uint32_t spread_m; /* of several houses of that number */
    uint32_t places;
};

/* house_on: the number on that street. */
void house_on(const struct asked *q, const struct street *s, struct hit *out);

#endif
