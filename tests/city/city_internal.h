/* city_internal: what the files of the city share. Include only there. */
#ifndef LC_CITY_INTERNAL_H
#define LC_CITY_INTERNAL_H

#include "city.h"

#include "base/arena.h"

struct rand {
    uint64_t state;
};

/* rand_from: a stream of its own for each purpose and item, so that changing one part of the city
 * leaves the others as they were. */
struct rand rand_from(uint64_t seed, const char *purpose, uint64_t item);

/* rand_next: SplitMix64 (Steele, Lea, Flood 2014). */
uint64_t rand_next(struct rand *r);

/* rand_between: from low to high, both included; low <= high. The bias is under 2^-32. */
uint32_t rand_between(struct rand *r, uint32_t low, uint32_t high);

/* rand_percent: true in so many of 100 cases. */
bool rand_percent(struct rand *r, uint32_t percent);

/* A shop, address or body of water as read. Strings are copied into the arena. */
struct shop {
    const char *osm_id;
    const char *name;    /* NULL: none */
    const char *brand;   /* NULL: none */
    const char *cuisine; /* "" when none */
    const char *hours;   /* "" when none */
    enum city_kind kind;
    struct latlng at;
};

struct address {
    const char *text; /* "2400 Fait Avenue" */
    struct latlng at;
};

/* A part of a catalogue: the SKUs that shops with this menu sell. */
struct part {
    uint32_t menu;
    uint32_t first;
    uint32_t n;
};

struct city {
    struct arena *arena; /* owns everything */
    struct city_params params;
    struct shop *shop;
    uint32_t shop_n;
    struct address *address;
    uint32_t address_n;
    struct city_ring *water;
    uint32_t water_n;
    struct city_chain *chain;
    uint32_t chain_n;
    struct city_store *store;
    uint32_t store_n;
    struct city_courier *courier;
    uint32_t courier_n;
    struct city_order *order;
    uint32_t order_n;
};

/* Each step of city_new fills its part of the city; LC_EINVAL only from city_read. */
LC_MUST_CHECK enum lc_err city_read(struct city *c, const struct city_sources *from, char *why);
LC_MUST_CHECK enum lc_err city_make_stores(struct city *c);
LC_MUST_CHECK enum lc_err city_make_zones(struct city *c);
LC_MUST_CHECK enum lc_err city_make_couriers(struct city *c);
LC_MUST_CHECK enum lc_err city_make_orders(struct city *c);

/* goods_menu: which menu (index of a table in city_goods.c) a shop sells from. */
uint32_t goods_menu(const struct shop *shop);

/* goods_make: the chain's SKUs, from the menus that its n shops have, in parts (in the arena). All
 * but marketplaces have one part. */
LC_MUST_CHECK enum lc_err goods_make(struct city *c, struct city_chain *chain,
                                     const struct shop *shop, uint32_t n, struct part **parts,
                                     uint32_t *part_n);

/* hours_of_shop: opening hours from the tag where that is simple, else plausible ones; moved so
 * that noon falls on the lunch minute. */
void hours_of_shop(const struct city *c, const struct shop *shop, struct rand *r,
                   struct city_store *s);

#endif
