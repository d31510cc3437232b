/* matcher_street: a street of stores for the matcher's tests, and what the tests do there. */
#ifndef LC_TESTS_MATCHER_STREET_H
#define LC_TESTS_MATCHER_STREET_H

#include "matcher_world.h"

static const struct latlng home = {392850000, -765900000};

static inline struct latlng
north_of(struct latlng p, int32_t m)
{
    p.lat_e7 += m * 90;
    return p;
}

static inline void
put(struct world *w, uint32_t number, struct latlng at, int32_t half_m)
{
    struct world_shop s;

    world_put_store(w, world_store(&s, number, at, half_m));
}

static inline void
news(struct world *w)
{
    Lifecircle__V1__Envelope env = LIFECIRCLE__V1__ENVELOPE__INIT;
    Lifecircle__V1__News n = LIFECIRCLE__V1__NEWS__INIT;

    n.topic = LIFECIRCLE__V1__NEWS__TOPIC__CATALOGUE;
    env.body_case = LIFECIRCLE__V1__ENVELOPE__BODY_NEWS;
    env.news = &n;
    world_send(w, &env, 0);
    world_settle(w);
}

static inline void
forecast(struct world *w, uint32_t on_shift)
{
    Lifecircle__V1__Envelope env = LIFECIRCLE__V1__ENVELOPE__INIT;
    Lifecircle__V1__SupplyForecast f = LIFECIRCLE__V1__SUPPLY_FORECAST__INIT;
    Lifecircle__V1__SupplyForecast__Cell one = LIFECIRCLE__V1__SUPPLY_FORECAST__CELL__INIT;
    Lifecircle__V1__SupplyForecast__Cell *cells[1] = {&one};
    Lifecircle__V1__Point at = LIFECIRCLE__V1__POINT__INIT;

    at.lat_e7 = home.lat_e7;
    at.lng_e7 = home.lng_e7;
    one.at = &at;
    one.vehicle = LIFECIRCLE__V1__VEHICLE__BICYCLE;
    f.on_shift = on_shift;
    f.n_couriers = on_shift > 0;
    f.couriers = cells;
    env.body_case = LIFECIRCLE__V1__ENVELOPE__BODY_SUPPLY_FORECAST;
    env.supply_forecast = &f;
    world_send(w, &env, 0);
    world_settle(w);
}

static inline const Lifecircle__V1__PlaceOrder *
last_place(struct world *w, struct arena *a)
{
    const Lifecircle__V1__PlaceRequest *p =
        wire_unpack(&lifecircle__v1__place_request__descriptor, a, buf_slice(&w->place));

    return p == NULL || p->n_orders == 0 ? NULL : p->orders[0];
}

static inline uint64_t
count(struct world *w, enum match_count which)
{
    size_t n;

    return matcher_service.counters(world_core(w), &n)[which].value;
}

static inline bool
only_one_store(void *ctx, uint32_t store, uint32_t sku, uint32_t quantity)
{
    (void)sku;
    return store == *(uint32_t *)ctx && quantity <= 3;
}

static inline void
row_of_stores(struct world *w, uint32_t n)
{
    for (uint32_t i = 1; i <= n; i++)
        put(w, i, north_of(home, 10 * (int32_t)i), 5000);
}

#endif
