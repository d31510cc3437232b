/* supply: how soon a courier can be at a store, from the router's SupplyForecast. Pure.
 *
 * A forecast counts for policy.forecast_ms; without a fresh one nothing is known, and the policy's
 * wait is taken.
 *
 * The answer is that of asking the provider about every courier who has what the order needs:
 * asked are those who need the least in a straight line first, until nobody else can be sooner. As
 * in the router's plan, who is off the map is passed over while somebody else is on it; when the
 * store is off it, in a mode that somebody could come in, or everybody is, all of them are
 * estimated. So no answer mixes providers. */
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
    uint8_t mode;  /* enum travel_mode */
    uint8_t has;   /* the bits above */
    double shrink; /* cosine of the latitude, or less */
};

enum { MATCH_COURIERS_MAX = 500 };

struct match_supply {
    int64_t time_ms; /* when the forecast came, by our clock; 0 = never */
    uint32_t round;  /* of forecast and travel times; shops cache by it */
    uint32_t on_shift;
    bool cut;                        /* there may be couriers that it does not list */
    const struct travel *travel[2];  /* borrowed: the process's own, the estimate */
    double s_per_m[2][TRAVEL_MODES]; /* no way takes less */
    uint64_t asked[2];               /* answers by them, for the metrics */
    size_t n;
    struct match_courier courier[MATCH_COURIERS_MAX];
};

/* match_supply_take: a new forecast. True when there are couriers now and were none before. */
bool match_supply_take(struct match_supply *s, const Lifecircle__V1__SupplyForecast *f,
                       int64_t now_ms);

/* match_supply_travel: before anything else, and whenever a provider has changed: couriers come by
 * these travel times from now on, or by the estimate where a whole search is by it. Borrowed. */
void match_supply_travel(struct match_supply *s, const struct travel *travel,
                         const struct travel *estimate);

/* match_supply_fresh: is it to be believed at now_ms? */
bool match_supply_fresh(const struct match_supply *s, const struct match_policy *p, int64_t now_ms);

/* match_supply_wait_s: seconds from the forecast until a courier with these needs can be at the
 * store; estimate: in a search that is made by the estimate. MATCH_NO_COURIER when nobody on shift
 * has what it needs and a way there; default_s when the forecast does not list all. Only for a
 * fresh forecast. Kept in the shop until the next forecast or other travel times. */
uint32_t match_supply_wait_s(struct match_supply *s, struct match_shop *shop, unsigned needs,
                             uint32_t default_s, bool estimate);

#endif
