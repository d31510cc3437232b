/* supply: how soon a courier can be at a store, from the router's SupplyForecast. Pure.
 *
 * A forecast counts for policy.forecast_ms; without a fresh one nothing is known, and the policy's
 * wait is taken. */
#ifndef LC_MATCHER_SUPPLY_H
#define LC_MATCHER_SUPPLY_H

#include "matcher/policy.h"
#include "matcher/shops.h"

/* What an order needs of its courier, as bits: MATCH_COURIER_KINDS combinations. */
enum { MATCH_NEEDS_COLD_BOX = 1, MATCH_NEEDS_ADULT_TRAINED = 2, MATCH_NEEDS_CAR = 4 };

#define MATCH_NO_COURIER UINT32_MAX

struct match_courier {
    struct latlng at;
    uint32_t free_in_s;
    uint8_t mode; /* enum travel_mode */
    uint8_t has;  /* the bits above */
};

enum { MATCH_COURIERS_MAX = 500 };

struct match_supply {
    int64_t time_ms; /* when the forecast came, by our clock; 0 = never */
    uint32_t round;  /* of the forecast; shops cache by it */
    uint32_t on_shift;
    bool cut;         /* there may be couriers that it does not list */
    uint32_t speedup; /* of the policy; 0 = 1 */
    size_t n;
    struct match_courier courier[MATCH_COURIERS_MAX];
};

/* match_supply_take: a new forecast. True when there are couriers now and were none before. */
bool match_supply_take(struct match_supply *s, const Lifecircle__V1__SupplyForecast *f,
                       int64_t now_ms);

/* match_supply_fresh: is it to be believed at now_ms? */
bool match_supply_fresh(const struct match_supply *s, const struct match_policy *p, int64_t now_ms);

/* match_supply_wait_s: seconds from the forecast until a courier with these needs can be at the
 * store, by the marked estimate (the router plans with the real one); MATCH_NO_COURIER when nobody
 * on shift has what it needs. Only for a fresh forecast. Kept in the shop until the next forecast.
 */
uint32_t match_supply_wait_s(const struct match_supply *s, struct match_shop *shop, unsigned needs,
                             uint32_t default_s);

#endif
