/* The matcher decides by what the router has learnt of couriers' rides. */
#include "unit.h"

#include "matcher_street.h"

enum { FAR_M = 1000 };

/* A map along which everybody goes 5 m a second. */
static enum lc_err
map_matrix(const struct travel *t, const struct latlng *from, size_t from_n,
           const struct latlng *to, size_t to_n, enum travel_mode mode, int64_t depart_ms,
           struct travel_cell *out, enum travel_quality *quality)
{
    (void)t, (void)mode, (void)depart_ms;
    for (size_t i = 0; i < from_n * to_n; i++) {
        double m = geo_distance_m(from[i / to_n], to[i % to_n]);
        out[i] = (struct travel_cell){(uint32_t)(m / 5 + 0.5), (uint32_t)m};
    }
    *quality = TRAVEL_ROAD;
    return LC_OK;
}

static uint32_t
map_bound_s(const struct travel *t, struct latlng a, struct latlng b, enum travel_mode mode)
{
    (void)t, (void)mode;
    return (uint32_t)(geo_distance_m(a, b) / 5);
}

static const struct travel map = {.matrix = map_matrix, .lower_bound_s = map_bound_s};

static void
tell(struct world *w, uint32_t *pct, size_t n)
{
    Lifecircle__V1__Envelope env = LIFECIRCLE__V1__ENVELOPE__INIT;
    Lifecircle__V1__SupplyForecast f = LIFECIRCLE__V1__SUPPLY_FORECAST__INIT;

    f.on_shift = 1; /* the list is cut: somebody may come */
    f.travel_pct = pct;
    f.n_travel_pct = n;
    env.body_case = LIFECIRCLE__V1__ENVELOPE__BODY_SUPPLY_FORECAST;
    env.supply_forecast = &f;
    world_send(w, &env, 0);
    world_settle(w);
}

static void
use_map(struct world *w, const struct travel *travel)
{
    struct event ev = {.kind = EVENT_ROADS, .ref = 1, .travel = travel};

    world_feed(w, &ev);
    world_settle(w);
}

/* The way of the next order, as inventory is told. */
static uint32_t
travel_s(struct world *w)
{
    static unsigned orders;
    struct world_order o;
    struct arena *a = arena_new(1 << 20);

    world_ask(w, world_order(&o, w, ++orders, home), false);
    const Lifecircle__V1__PlaceOrder *p = last_place(w, a);
    CU_ASSERT_PTR_NOT_NULL_FATAL(p);
    CU_ASSERT_EQUAL_FATAL(p->n_candidates, 1);
    uint32_t s = p->candidates[0]->travel_s;
    arena_destroy(a);
    return s;
}

static void
test_matcher_decides_by_what_the_router_says(void)
{
    uint32_t pct[] = {100, 160, 100, 100, 100, 100}, none[] = {100, 300, 0};
    struct world w;

    world_open(&w, NULL, 0);
    put(&w, 1, north_of(home, FAR_M), 3000);
    world_up(&w);
    uint32_t estimated_s = travel_s(&w);
    tell(&w, pct, 6);
    CU_ASSERT_EQUAL(travel_s(&w), estimated_s); /* the router's words are of the map */
    use_map(&w, &map);
    CU_ASSERT_EQUAL(travel_s(&w), FAR_M / 5 * 160 / 100);
    CU_ASSERT_EQUAL(count(&w, COUNT_PACE + TRAVEL_BICYCLE), 160);
    pct[TRAVEL_BICYCLE] = 70;
    tell(&w, pct, 6);
    CU_ASSERT_EQUAL(travel_s(&w), FAR_M / 5 * 70 / 100);
    tell(&w, none, 3); /* nothing that may be */
    CU_ASSERT_EQUAL(travel_s(&w), FAR_M / 5);
    tell(&w, pct, 6);
    tell(&w, NULL, 0); /* a router that knows nothing of it */
    CU_ASSERT_EQUAL(travel_s(&w), FAR_M / 5);
    world_close(&w);
}

static void
test_matcher_goes_back_to_the_map_when_the_router_is_silent(void)
{
    uint32_t pct[] = {250, 250, 250, 250, 250, 250};
    struct world w;

    world_open(&w, NULL, 0);
    put(&w, 1, north_of(home, FAR_M), 3000);
    world_up(&w);
    use_map(&w, &map);
    tell(&w, pct, 6);
    CU_ASSERT_EQUAL(travel_s(&w), FAR_M / 5 * 250 / 100);
    world_wait(&w, 31000);
    CU_ASSERT_EQUAL(count(&w, COUNT_PACE + TRAVEL_BICYCLE), 100);
    CU_ASSERT_EQUAL(travel_s(&w), FAR_M / 5);
    tell(&w, pct, 6);
    use_map(&w, NULL);
    use_map(&w, &map);
    CU_ASSERT_EQUAL(travel_s(&w), FAR_M / 5 * 250 / 100); /* another map, the same couriers */
    world_close(&w);
}

UNIT_MAIN("matcher, pace", UNIT(test_matcher_decides_by_what_the_router_says),
          UNIT(test_matcher_goes_back_to_the_map_when_the_router_is_silent))
