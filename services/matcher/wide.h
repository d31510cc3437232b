/* wide: all stores of a chain for one customer, when what a neighbourhood keeps of them (cells.h)
 * does not do: many are out of stock, or few of the chain are near. From memory: no store is
 * missing that the catalogue has. Pure. */
#ifndef LC_MATCHER_WIDE_H
#define LC_MATCHER_WIDE_H

#include "matcher/cells.h"

/* A store and how far it is from the customer, or from the middle of a cell. */
struct match_near {
    uint32_t chain;
    uint32_t store;
    double m;
    enum match_cover cover; /* NONE: it serves nobody there, and only explains */
};

/* match_near_order: by chain, distance, store; for qsort. */
int match_near_order(const void *a, const void *b);

/* match_bound_s: no way over m metres of great circle from `at` takes less. Asked of the provider
 * for a point straight north or south, as a bound grows with the distance alone; the estimate
 * counts too, since it steps in for a provider without an answer, and so does a routing server. */
uint16_t match_bound_s(const struct match_view *v, enum travel_mode mode, struct latlng at,
                       double m);

/* match_list_wide: the stores that may serve the customer, and the MATCH_OTHERS nearest others of
 * the chain, nearest first, not cut, with exact bounds. False without memory. About 20 ns a store
 * of the chain, and half a microsecond for each that may serve. */
bool match_list_wide(const struct match_view *v, const struct match_wish *w,
                     struct match_list *list);

#endif
