/* address: where is "1234 Fleet St"? The one interface to an address index (common/addresses has
 * the one there is), so that a core can ask without linking it. Pure. */
#ifndef LC_BASE_ADDRESS_H
#define LC_BASE_ADDRESS_H

#include "base/bytes.h"
#include "base/geo.h"

/* Longest text that is looked at, in bytes. */
enum { ADDRESS_TEXT_MAX = 200 };

/* How well a place is known. Only the first two are good enough to send somebody there. */
enum address_precision {
    ADDRESS_NONE,         /* nothing of that name */
    ADDRESS_EXACT,        /* the house */
    ADDRESS_INTERPOLATED, /* between houses that are known, on the right street */
    ADDRESS_STREET,       /* the street; the house is not known, or larger than 800 m,
                             or the town or postcode differs */
    ADDRESS_AMBIGUOUS     /* several streets or houses of that name, too far apart */
};

struct address_found {
    enum address_precision precision;
    struct latlng at;   /* not with NONE; STREET: on the street, near its middle */
    uint32_t error_m;   /* likely error; STREET and AMBIGUOUS: half the extent */
    uint32_t extent_m;  /* STREET: from end to end; AMBIGUOUS: around all of them; else 0 */
    uint32_t places;    /* how many it may be: 1 but with AMBIGUOUS */
    bool elsewhere;     /* STREET: the town or postcode said is not that of the place */
    const char *street; /* as the map writes it; lives as long as the book */
};

/* address_book: embedded by an index as its first member. */
struct address_book {
    /* find: LC_OK also when nothing is found.
     *   LC_EINVAL  not UTF-8
     *   LC_ETOOBIG more than ADDRESS_TEXT_MAX bytes */
    enum lc_err (*find)(const struct address_book *b, struct slice text, struct address_found *out);
};

/* address_precision_name: "none", "exact", "interpolated", "street", "ambiguous". */
const char *address_precision_name(enum address_precision p);

/* address_sure: good enough to be delivered to without asking? */
static inline bool
address_sure(enum address_precision p)
{
    return p == ADDRESS_EXACT || p == ADDRESS_INTERPOLATED;
}

#endif
