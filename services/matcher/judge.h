/* judge: may this store serve this order, and if not, which test fails first and by how much? Pure.
 *
 * The tests run from what lasts to what passes, so that among all stores the one that got furthest
 * is the nearest miss, and its reason is what a held order waits for. Missed by, in brackets:
 *
 *   OUT_OF_ZONE             its zone covers the customer, or for collection it is within
 *                           collect_radius_m [metres outside]
 *   FULFILMENT_NOT_OFFERED  it delivers, or offers collection [0]
 *   REQUIREMENT_NOT_MET     it may check ages (1), it has cold boxes (2) [sum of what it lacks]
 *   STORE_PAUSED            it takes orders [0]
 *   STORE_CLOSED            it is open when work begins (now, or when it opens) and when the goods
 *                           are handed over [ms until open]
 *   STORE_AT_CAPACITY       it has fewer open orders than its capacity [orders too many]
 *   NO_COURIERS             somebody on shift can carry it [0]
 *   TOO_LATE                it arrives in the window, the travel margin included [ms late]
 *
 *   ready   = begin + prep + prep per item x items + busy delay + backlog x open orders
 *   arrival = max(ready, courier there) + handover + travel + drop-off, at least the window's start
 *
 * For collection arrival is max(ready, window start), and travel (customer -> store) only ranks. */
#ifndef LC_MATCHER_JUDGE_H
#define LC_MATCHER_JUDGE_H

#include "matcher/policy.h"
#include "matcher/shops.h"
#include "matcher/supply.h"

#include "match.pb-c.h"

/* What the matcher needs to know of an order. */
struct match_wish {
    uint32_t chain;
    uint32_t store; /* only this one; 0 = any of the chain */
    uint32_t items;
    struct latlng at;
    bool collection;
    bool age_check;
    bool cold;
    bool heavy; /* too much for two wheels: MATCH_HEAVY_G, MATCH_HEAVY_ML */
    bool soonest;
    int64_t window_start_ms;
    int64_t window_end_ms;
};

enum { MATCH_HEAVY_G = 25000, MATCH_HEAVY_ML = 120000 };

/* What a decision is made of; borrowed. shops is not const because it remembers opening hours. */
struct match_view {
    const struct match_policy *policy;
    struct match_shops *shops;
    struct match_supply *supply;   /* NULL: nothing is known */
    const struct travel *travel;   /* estimate: couriers come by it, too */
    const struct travel *estimate; /* for whole searches that travel has no answer for */
    int64_t now_ms;
};

struct match_verdict {
    uint32_t store;
    uint32_t travel_s; /* store -> customer; 0 until travel is known */
    Lifecircle__V1__Reason reason;
    int64_t missed_by;  /* see above */
    int64_t ready_ms;   /* 0 = not reached */
    int64_t courier_ms; /* 0 = not reached, or collection */
    int64_t arrival_ms; /* 0 = not reached */
};

/* match_wish_of: from an order; false when it has no drop-off. */
bool match_wish_of(struct match_wish *w, const Lifecircle__V1__Order *order);

/* match_wish_mode: by which mode it travels. */
enum travel_mode match_wish_mode(const struct match_wish *w, const struct match_policy *p);

/* match_judge_shop: all tests that need no travel time; out->reason is the first failed, or
 * REASON_NONE and the times are set. The store exists. missed_by of OUT_OF_ZONE is left 0: see
 * match_outside_m. */
void match_judge_shop(const struct match_view *v, const struct match_wish *w, uint32_t store,
                      enum match_cover cover, struct match_verdict *out);

/* match_judge_travel: the last test, for a store that passed the others. */
void match_judge_travel(const struct match_view *v, const struct match_wish *w, uint32_t travel_s,
                        enum travel_quality quality, struct match_verdict *out);

/* match_outside_m: how far the customer is outside the store's zone, cheaply: to the zone's
 * bounding box when outside of that, else along the straight line to the store, by bisection; never
 * less than 1. For collection: beyond the radius. */
int64_t match_outside_m(const struct match_view *v, const struct match_wish *w, uint32_t store);

/* match_test_number: how far through the tests a reason is, 0.. */
unsigned match_test_number(Lifecircle__V1__Reason reason);

/* match_rank: < 0 when a comes before b. Nearest: travel, arrival, store. Soonest: arrival, travel,
 * store. */
int match_rank(const struct match_wish *w, const struct match_verdict *a,
               const struct match_verdict *b);

#endif
