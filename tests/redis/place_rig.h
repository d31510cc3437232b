/* place_rig: two stores with ten pieces of six SKUs each, and orders of one line. */
#ifndef LC_TESTS_REDIS_PLACE_RIG_H
#define LC_TESTS_REDIS_PLACE_RIG_H

#include "ask.h"
#include "unit.h"

enum { PLACED_AT = 1, NOT_PLACED, EXHAUSTED, DUPLICATE, CONFLICT, PRICE_DIFFERS };
enum { CREATED = 1, HELD = 2, PLACED = 3, REJECTED = 15 };

static struct kit kit, *const k = &kit;

/* Two stores; SKU 0 to 5 with 10 pieces each at both. */
static inline void
fresh(void)
{
    freeReplyObject(kit_do(k, "FLUSHALL"));
    ask_stores(k, 3);
    for (uint32_t store = 1; store <= 2; store++)
        for (uint32_t sku = 0; sku < 6; sku++)
            ask_stock(k, store, sku, 10);
}

static inline struct ask
one_line(uint32_t number, uint32_t sku, uint32_t quantity)
{
    return (struct ask){.number = number,
                        .lines = {{.sku = sku, .quantity = quantity}},
                        .n_lines = 1,
                        .stores = {1, 2},
                        .n_stores = 2};
}

#endif
