/* city: a dense city from a seed, for the benchmark: stores, stock and orders are arithmetic on
 * their numbers, so that every program of a run (filler, generators, peer, checker) knows the same
 * city without a file. Pure.
 *
 * 15 x 15 km around one point; zones are polygons of 16 corners, 2.5 to 3.5 km from their store.
 * Chains share the stores out evenly: store i (0, 1, ..) is of chain i mod chains. A tenth of all
 * levels is sold out and a twentieth has one to three left. One store in twenty is shut, one in
 * thirty is busy, one in a hundred paused. */
#ifndef LC_BENCH_CITY_H
#define LC_BENCH_CITY_H

#include "base/bytes.h"
#include "base/geo.h"

enum { CITY_CHAINS = 4, CITY_CORNERS = 16, CITY_LINES = 5, CITY_SPAN_M = 15000, CITY_EDGE_M = 400 };

struct bench_city {
    uint64_t seed;
    uint32_t stores;
    uint32_t skus; /* of each chain; every store sells all of them, as far as they are there */
};

struct bench_store {
    uint32_t chain; /* 0, 1, .. */
    struct latlng at;
    struct latlng zone[CITY_CORNERS + 1]; /* closed, counter-clockwise */
    uint32_t prep_s;
    bool shut;
    bool busy;
    bool paused;
};

struct bench_line {
    uint32_t sku;
    uint32_t quantity;
    uint32_t price_cents;
};

struct bench_order {
    uint32_t chain;
    struct latlng at;
    struct bench_line line[CITY_LINES]; /* SKUs differ */
};

/* city_store: store i. */
void city_store(const struct bench_city *c, uint32_t i, struct bench_store *out);

/* city_stock: on hand at the start. city_price_cents: the same in all stores of a chain. */
uint32_t city_stock(const struct bench_city *c, uint32_t store, uint32_t sku);
uint32_t city_price_cents(const struct bench_city *c, uint32_t chain, uint32_t sku);

/* city_order: order n of any run; its point lies CITY_EDGE_M or more inside the city. */
void city_order(const struct bench_city *c, uint64_t n, struct bench_order *out);

/* city_order_chain: of order n, without the rest. */
uint32_t city_order_chain(const struct bench_city *c, uint64_t n);

/* city_order_json: the body of POST /v1/orders on one line, without its end. tag names the feed, so
 * that external ids of different feeds differ. */
void city_order_json(const struct bench_order *o, const char *tag, uint64_t n, struct buf *b);

/* city_sku_code: "S00042". */
enum { CITY_SKU_CODE = 8 };
void city_sku_code(uint32_t sku, char code[CITY_SKU_CODE]);

#endif
