#include "matcher/supply.h"

#include <math.h>

_Static_assert((int)LIFECIRCLE__V1__VEHICLE__FOOT == TRAVEL_FOOT &&
                   (int)LIFECIRCLE__V1__VEHICLE__BICYCLE == TRAVEL_BICYCLE &&
                   (int)LIFECIRCLE__V1__VEHICLE__EBIKE == TRAVEL_EBIKE &&
                   (int)LIFECIRCLE__V1__VEHICLE__SCOOTER == TRAVEL_SCOOTER &&
                   (int)LIFECIRCLE__V1__VEHICLE__CAR == TRAVEL_CAR &&
                   (int)LIFECIRCLE__V1__VEHICLE__VAN == TRAVEL_VAN,
               "vehicles are travel modes");

bool
match_supply_take(struct match_supply *s, const Lifecircle__V1__SupplyForecast *f, int64_t now_ms)
{
    bool none_before = s->time_ms == 0 || s->on_shift == 0;

    s->time_ms = now_ms;
    s->round++;
    s->on_shift = f->on_shift;
    s->n = f->n_couriers < MATCH_COURIERS_MAX ? f->n_couriers : MATCH_COURIERS_MAX;
    s->cut = f->on_shift > s->n;
    for (size_t i = 0; i < s->n; i++) {
        const Lifecircle__V1__SupplyForecast__Cell *c = f->couriers[i];
        uint8_t mode = (uint8_t)((unsigned)c->vehicle < TRAVEL_MODES ? c->vehicle : TRAVEL_VAN);
        s->courier[i] = (struct match_courier){
            .at = c->at == NULL ? (struct latlng){0, 0}
                                : (struct latlng){c->at->lat_e7, c->at->lng_e7},
            .free_in_s = c->free_in_s,
            .mode = mode,
            .has = (uint8_t)((c->cold_box ? MATCH_NEEDS_COLD_BOX : 0) |
                             (c->adult_trained ? MATCH_NEEDS_ADULT_TRAINED : 0) |
                             (mode == TRAVEL_CAR || mode == TRAVEL_VAN ? MATCH_NEEDS_CAR : 0)),
        };
    }
    return none_before && s->on_shift > 0;
}

bool
match_supply_fresh(const struct match_supply *s, const struct match_policy *p, int64_t now_ms)
{
    return s->time_ms != 0 && now_ms - s->time_ms <= p->forecast_ms;
}

/* Seconds of the way by the estimate, on a plane: within a city good to a percent. */
static double
plane_s(const struct match_courier *c, struct latlng to, double shrink)
{
    static const double s_per_m[TRAVEL_MODES] = {
        [TRAVEL_FOOT] = 0.928,    [TRAVEL_BICYCLE] = 0.337, [TRAVEL_EBIKE] = 0.237,
        [TRAVEL_SCOOTER] = 0.136, [TRAVEL_CAR] = 0.124,     [TRAVEL_VAN] = 0.138};
    double dlat = (double)to.lat_e7 - c->at.lat_e7;
    double dlng = ((double)to.lng_e7 - c->at.lng_e7) * shrink;

    return sqrt(dlat * dlat + dlng * dlng) * 0.0111195 * s_per_m[c->mode];
}

/* Looks for the soonest on the plane, then asks the way of those that come near it. */
static uint32_t
soonest_s(const struct match_supply *s, const struct match_shop *shop, unsigned needs,
          uint32_t default_s)
{
    const struct travel *t = travel_estimate();
    double shrink = cos(shop->at.lat_e7 * (M_PI / 180 / 1e7));
    double there_s[MATCH_COURIERS_MAX], best_s = INFINITY;
    uint32_t soonest = MATCH_NO_COURIER, times = s->speedup < 1 ? 1 : s->speedup;

    if (s->on_shift == 0)
        return MATCH_NO_COURIER;
    for (size_t i = 0; i < s->n; i++) {
        const struct match_courier *c = &s->courier[i];
        there_s[i] = (c->has & needs) == needs ? c->free_in_s + plane_s(c, shop->at, shrink) / times
                                               : INFINITY;
        best_s = fmin(best_s, there_s[i]);
    }
    if (isinf(best_s))
        return s->cut ? default_s : MATCH_NO_COURIER;
    for (size_t i = 0; i < s->n; i++) {
        const struct match_courier *c = &s->courier[i];
        if (there_s[i] > best_s * 1.02 + 3)
            continue;
        uint32_t way_s = t->lower_bound_s(t, c->at, shop->at, (enum travel_mode)c->mode);
        uint32_t exact_s = c->free_in_s + way_s / times + (way_s % times != 0);
        soonest = exact_s < soonest ? exact_s : soonest;
    }
    return soonest;
}

uint32_t
match_supply_wait_s(const struct match_supply *s, struct match_shop *shop, unsigned needs,
                    uint32_t default_s)
{
    enum { UNKNOWN = UINT32_MAX - 1 };

    if (shop->wait_round != s->round) {
        for (size_t i = 0; i < MATCH_COURIER_KINDS; i++)
            shop->wait_s[i] = UNKNOWN;
        shop->wait_round = s->round;
    }
    if (shop->wait_s[needs] == UNKNOWN)
        shop->wait_s[needs] = soonest_s(s, shop, needs, default_s);
    return shop->wait_s[needs];
}
