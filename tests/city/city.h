/* city: the simulated city of the demo and of the tests: real shops and addresses, invented trade.
 *
 * From the GeoJSON files in tests/city/data (OpenStreetMap, see NOTICE) and a seed it makes chains,
 * stores with delivery zones, catalogues, stock, couriers, and a lunch hour of orders. Only names
 * and places are real; everything else is simulated, and every order says so.
 *
 * Pure: no I/O, no clock, no globals; city_load.h reads the files. The same bytes, parameters and
 * seed give the same city on every machine: integer arithmetic, and GEOS on a grid of 1e-6 degrees.
 * Does not change once made, so many threads may read it. */
#ifndef LC_CITY_H
#define LC_CITY_H

#include "base/bytes.h"
#include "base/err.h"
#include "base/geo.h"

struct city; /* opaque, owned by the caller; owns all that the functions below point to */

struct city_sources {
    struct slice shops;     /* shops.geojson */
    struct slice addresses; /* addresses.geojson */
    struct slice water;     /* water.geojson */
};

struct city_params {
    uint64_t seed;
    uint32_t orders;   /* 0 = 1000 */
    uint32_t couriers; /* 0 = two for five orders, at least 20 */
    uint32_t length_s; /* over which the orders come in; 0 = 3600 */
    uint32_t sku_max;  /* per chain, at least 20; 0 = no limit: small catalogues for quick tests */
    /* The local minute of the week (0 = Monday 00:00) at which the lunch hour begins; 0 = Monday
     * noon. All opening hours move along, so that the demo finds the shops open at any time of day:
     * what begins at this minute is always noon on that weekday. */
    uint32_t lunch_minute;
};

enum city_kind { CITY_SUPERMARKET, CITY_CONVENIENCE, CITY_FAST_FOOD, CITY_CAFE, CITY_RESTAURANT };

struct city_sku {
    const char *code; /* unique in its chain */
    const char *name;
    uint32_t price_cents; /* the chain's; a store may ask more: city_price_cents */
    uint32_t weight_g;
    uint32_t volume_ml;
    bool age_restricted;
    bool cold;        /* frozen */
    uint32_t instead; /* index in the chain of the SKU that may stand in for this one */
};

struct city_chain {
    const char *id; /* [a-z0-9-]{1,32} */
    const char *name;
    bool marketplace;           /* of independent shops; each store sells a part of the catalogue */
    bool prices_differ;         /* between its stores: its orders take the store's price */
    const struct city_sku *sku; /* rising index, falling popularity within one store's part */
    uint32_t sku_n;
    uint32_t store_first; /* its stores are neighbours in the list of stores */
    uint32_t store_n;
};

/* A ring of a zone: closed, outer rings counter-clockwise, holes clockwise (RFC 7946). A hole
 * belongs to the outer ring before it. */
struct city_ring {
    const struct latlng *point;
    uint32_t n;
    bool hole;
};

struct city_span {
    uint8_t weekday;    /* 0 = Monday */
    uint16_t open_min;  /* of the local day, 0 to 1439 */
    uint16_t close_min; /* over open_min, up to open_min + 1440; exclusive */
};

struct city_store {
    const char *id; /* unique in the city, [a-z0-9-]{1,64} */
    const char *name;
    const char *address; /* the nearest known one */
    const char *osm_id;  /* n, w or r and the number */
    uint32_t chain;
    enum city_kind kind;
    struct latlng at;
    bool always_open;
    struct city_span span[7]; /* opening hours unless always_open; none overlap */
    uint32_t span_n;
    uint32_t prep_s;
    uint32_t prep_per_item_s;
    uint32_t capacity; /* open orders at once */
    bool collects;     /* click and collect */
    bool age_check;
    uint32_t safety_stock;
    uint32_t markup_percent; /* on the chain's prices */
    const struct city_ring *ring;
    uint32_t ring_n;
    uint32_t sku_first;    /* sells the chain's SKUs from here ... */
    uint32_t sku_n;        /* ... this many */
    const uint16_t *stock; /* on hand of each of these */
};

enum city_vehicle { CITY_FOOT, CITY_BICYCLE, CITY_EBIKE, CITY_SCOOTER, CITY_CAR, CITY_VEHICLES };

struct city_courier {
    const char *id; /* [a-z0-9-]{1,32} */
    const char *name;
    struct latlng home;
    enum city_vehicle vehicle;
    uint32_t capacity_items;
    uint32_t capacity_g;
    uint32_t capacity_ml;
    bool cold_box;
    bool adult_trained;
    uint32_t start_ms; /* of the shift, after the start of the lunch hour */
    uint32_t end_ms;
};

enum { CITY_LINES_MAX = 8 };

struct city_line {
    uint32_t sku; /* index in the order's chain */
    uint32_t quantity;
};

enum city_shortage { CITY_HOLD, CITY_REJECT, CITY_PARTIAL, CITY_SUBSTITUTE };

struct city_order {
    const char *external_id; /* unique in the city and over seeds */
    uint32_t at_ms;          /* when it is sent, after the start of the lunch hour; rising */
    uint32_t chain;
    struct latlng dropoff;
    const char *address;
    const char *instructions;
    const char *customer;
    uint32_t phone; /* the last two digits of +1 410 555 01xx, numbers kept for fiction */
    struct city_line line[CITY_LINES_MAX];
    uint32_t line_n;
    bool collection;
    bool by_address;   /* the drop-off is not said, only its address; never, as city_new makes it */
    bool out_of_reach; /* made to be held: no open store of the chain delivers there */
    bool cold;
    uint32_t start_ms; /* of the window; 0 = as soon as possible: the order names no window */
    uint32_t end_ms;
    enum city_shortage shortage;
    int32_t only_store; /* index of the store that must serve it; -1 = the nearest that can */
};

enum { CITY_WHY_MAX = 120 };

/* city_new: takes about 0.3 s and 15 MB. *out is for city_destroy.
 *   LC_EINVAL  a source is not what it should be; why (CITY_WHY_MAX bytes) says what and where
 *   LC_ENOMEM  out of memory
 * On error *out is NULL. */
LC_MUST_CHECK enum lc_err city_new(const struct city_sources *from,
                                   const struct city_params *params, struct city **out,
                                   char why[CITY_WHY_MAX]);

/* city_destroy: NULL is allowed. */
void city_destroy(struct city *c);

/* The lists; *n is their length. */
const struct city_chain *city_chains(const struct city *c, uint32_t *n);
const struct city_store *city_stores(const struct city *c, uint32_t *n);
const struct city_courier *city_couriers(const struct city *c, uint32_t *n);
const struct city_order *city_orders(const struct city *c, uint32_t *n);

/* city_price_cents: what the store asks for SKU `sku` (index in its chain). */
uint32_t city_price_cents(const struct city *c, const struct city_store *s, uint32_t sku);

/* city_covers: does the store's zone hold the point? The boundary may count as either. */
bool city_covers(const struct city_store *s, struct latlng p);

/* city_open_at: is the store open at a local minute of the week (0 = Monday 00:00)? */
bool city_open_at(const struct city_store *s, uint32_t week_minute);

/* city_metres: on the flat map of this city; within 0.5 % of the great circle. */
uint32_t city_metres(struct latlng a, struct latlng b);

/* city_vehicle_name: as the courier's sign_on names it. */
const char *city_vehicle_name(enum city_vehicle v);

/* The writers append to b; running out of memory shows in b->failed. Field names are those of
 * docs/api.md. */

/* city_store_feature_json: the GeoJSON Feature for PUT /v1/stores. */
void city_store_feature_json(const struct city *c, const struct city_store *s, struct buf *b);

/* city_chain_features_json: a FeatureCollection of all the chain's stores. */
void city_chain_features_json(const struct city *c, const struct city_chain *chain, struct buf *b);

/* city_stock_ndjson: the store's stock, a line a SKU, for POST /v1/stock with mode=snapshot. */
void city_stock_ndjson(const struct city *c, const struct city_store *s, struct buf *b);

/* city_stock_csv: the same as CSV with a header row. */
void city_stock_csv(const struct city *c, const struct city_store *s, struct buf *b);

/* city_order_json: the body for POST /v1/orders, on one line without a line end. start_ms is the
 * Unix time of the lunch hour's start. */
void city_order_json(const struct city *c, const struct city_order *o, int64_t start_ms,
                     struct buf *b);

#endif
