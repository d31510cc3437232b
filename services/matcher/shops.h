/* shops: every store of the city as the matcher judges it, by store number. Pure.
 *
 * Fed by the catalogue's watch (base/catalogue.h) and by Redis' `load`. Not thread-safe. */
#ifndef LC_MATCHER_SHOPS_H
#define LC_MATCHER_SHOPS_H

#include "base/hours.h"
#include "base/step.h"

#include "base/catalogue.h"

#include "matcher/cover.h"

enum { MATCH_COURIER_KINDS = 8 }; /* see supply.h */

/* When a courier can be there, by what the order needs; kept by supply.c. */
struct match_wait {
    uint32_t round;
    uint32_t s[MATCH_COURIER_KINDS];
};

/* What most judgements read comes first: it fits a cache line or two. */
struct match_shop {
    struct match_box box; /* around the zone */
    struct latlng at;
    const struct zone_shape *shape; /* NULL = it has no zone; the zone set's */
    uint32_t chain;                 /* 0 = there is no such store */
    uint8_t busy;                   /* Lifecircle__V1__BusyMode */
    bool delivers;
    bool collects;
    bool age_check;
    bool cold;
    bool stale;           /* it has changed, but there was no memory to take the change */
    bool span_open;       /* between these two instants it is open, or closed, all the time */
    uint32_t load;        /* open orders */
    uint32_t capacity;    /* 0 = no limit */
    int64_t span_from_ms; /* inclusive */
    int64_t span_to_ms;   /* exclusive */
    uint32_t prep_s;
    uint32_t prep_per_item_s;
    uint32_t busy_delay_s;
    uint64_t zone_hash;        /* of its rings */
    uint32_t reach_m;          /* no point of the zone is further away */
    struct match_wait wait[2]; /* along roads, by the estimate */
};

/* A store of a chain; sorted by chain, then number. */
struct match_member {
    uint32_t chain;
    uint32_t store;
};

struct match_shops {
    struct match_shop *shop; /* by number; the first is not used */
    struct hours *hours;     /* beside it */
    uint32_t end;            /* one more than the highest number */
    uint32_t room;
    uint32_t count;
    struct zone_set *zones;
    struct tz *tz;           /* owned */
    uint32_t reach_m;        /* the largest of all */
    uint32_t least_prep_s;   /* no store is quicker */
    uint64_t generation;     /* rises with reach_m: then every neighbourhood has to look further */
    uint64_t bad_zones;      /* refused by zone_set_put: such a store delivers nowhere */
    struct match_box around; /* all stores there ever were */
    struct match_member *member;
    size_t n_members; /* 0: not known, see match_shops_of */
    uint32_t *paused;
    size_t n_paused;
    bool paused_known;
    void *scratch; /* wide.c's */
    size_t scratch_room;
};

enum { MATCH_STORES_MAX = 1000000 }; /* a higher store number is not believed */

/* match_shops_init: empty. LC_ENOMEM. match_shops_free: what init and put made. */
LC_MUST_CHECK enum lc_err match_shops_init(struct match_shops *s);
void match_shops_free(struct match_shops *s);

/* match_shops_zone: the city's time zone, from a TZif file's bytes; empty = UTC. LC_EINVAL,
 * LC_ENOMEM: UTC stays. */
LC_MUST_CHECK enum lc_err match_shops_timezone(struct match_shops *s, struct slice tzif);

/* What a put did to the lists of stores that neighbourhoods keep (cells.h). */
struct match_change {
    bool lists; /* those around these two places may have become others */
    struct latlng was;
    struct latlng is;
};

/* match_shops_put: adds or replaces a store; a zone that zone_set_put refuses is left out and
 * counted.
 *   LC_ETOOBIG  the number is over MATCH_STORES_MAX
 *   LC_ENOMEM   nothing has changed but, perhaps, the zone */
LC_MUST_CHECK enum lc_err match_shops_put(struct match_shops *s,
                                          const struct catalogue_store *store,
                                          const Lifecircle__V1__Store *full,
                                          struct match_change *change);

/* match_shops_of: the stores of a chain, by number; *n is 0 without memory, too.
 * match_shops_paused: those that are paused. Borrowed until the next put. */
const struct match_member *match_shops_of(struct match_shops *s, uint32_t chain, size_t *n);
const uint32_t *match_shops_paused(struct match_shops *s, size_t *n);

/* match_shops_near_m: within about this of a place there are `wanted` stores, if they are spread
 * evenly over the city. */
double match_shops_near_m(const struct match_shops *s, uint32_t wanted);

/* match_shops_load: takes the answer to GET load; stores behind its end have none. */
void match_shops_load(struct match_shops *s, const struct reply *reply);

/* match_shop_get: NULL when there is no such store. Valid until the next put. */
static inline struct match_shop *
match_shop_get(const struct match_shops *s, uint32_t store)
{
    return store < s->end && s->shop[store].chain != 0 ? &s->shop[store] : NULL;
}

/* match_shop_open: is it open at ms? *until_ms, when not NULL: the instant at which that changes;
 * INT64_MAX when not within MATCH_HOURS_DAYS. */
enum { MATCH_HOURS_DAYS = 8 };
bool match_shop_open(struct match_shops *s, uint32_t store, int64_t ms, int64_t *until_ms);

/* match_number: decimal digits alone, up to UINT32_MAX, as Redis' members and fields have them. */
bool match_number(struct slice s, uint32_t *out);

static inline bool
match_box_covers(const struct match_box *b, struct latlng p)
{
    return p.lat_e7 >= b->south_e7 && p.lat_e7 <= b->north_e7 && p.lng_e7 >= b->west_e7 &&
           p.lng_e7 <= b->east_e7;
}

/* match_shop_covers: does its zone cover p? */
static inline bool
match_shop_covers(const struct match_shop *shop, struct latlng p)
{
    return match_box_covers(&shop->box, p) && shop->shape != NULL &&
           zone_shape_covers(shop->shape, p);
}

#endif
