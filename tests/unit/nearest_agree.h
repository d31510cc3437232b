/* nearest_agree: random orders through the matcher and through the scan of nearest_rig.h. */
#ifndef LC_TESTS_NEAREST_AGREE_H
#define LC_TESTS_NEAREST_AGREE_H

#include "nearest_rig.h"

/* ---- the comparison ---- */

static void
random_order(struct world_order *o, const struct world *w, unsigned n)
{
    /* from some streets again and again, so that neighbourhoods are remembered */
    struct latlng street = {middle.lat_e7 + 28000 * ((int32_t)below(21) - 10),
                            middle.lng_e7 + 90000 * ((int32_t)below(3) - 1)};
    struct latlng at = one_in(4) ? somewhere(420000) : street;
    const struct place *near = &place[1 + below(STORES)];

    if (one_in(20)) /* a corner of a zone, or a store's own door */
        at = near->corner[below((uint32_t)near->corners)];
    else if (one_in(20))
        at = (struct latlng){near->shop.at.lat_e7, near->shop.at.lng_e7};
    if (off_the_map(at))
        at = somewhere(300000);
    Lifecircle__V1__Order *order = world_order(o, w, n, at);
    order->chain = 1 + (one_in(5) ? 1 : 0);
    order->items = 1 + below(8);
    order->lines[0]->sku_index = below(40);
    order->ranking =
        one_in(3) ? LIFECIRCLE__V1__RANKING__SOONEST : LIFECIRCLE__V1__RANKING__NEAREST;
    order->fulfilment =
        one_in(6) ? LIFECIRCLE__V1__FULFILMENT__COLLECTION : LIFECIRCLE__V1__FULFILMENT__DELIVERY;
    order->window_end_ms = w->now_ms + (10 + (int64_t)below(110)) * 60000;
    order->window_start_ms = w->now_ms + (one_in(3) ? (int64_t)below(8) * 60000 : 0);
    order->age_check = one_in(6);
    order->cold = one_in(6);
    order->shortage = (Lifecircle__V1__Shortage)below(4);
    if (one_in(25)) {
        order->store = 1 + below(STORES);
        order->chain = place[order->store].shop.store.chain;
    }
}

static const Lifecircle__V1__Reason by_test[] = {LIFECIRCLE__V1__REASON__NO_STORE_IN_RANGE,
                                                 LIFECIRCLE__V1__REASON__OUT_OF_ZONE,
                                                 LIFECIRCLE__V1__REASON__FULFILMENT_NOT_OFFERED,
                                                 LIFECIRCLE__V1__REASON__REQUIREMENT_NOT_MET,
                                                 LIFECIRCLE__V1__REASON__STORE_PAUSED,
                                                 LIFECIRCLE__V1__REASON__STORE_CLOSED,
                                                 LIFECIRCLE__V1__REASON__STORE_AT_CAPACITY,
                                                 LIFECIRCLE__V1__REASON__NO_COURIERS,
                                                 LIFECIRCLE__V1__REASON__TOO_LATE};

static bool
same(const struct scan *s, const struct answer *want, size_t passing,
     const struct world_result *got)
{
    if (want->store != 0)
        return got->outcome == LIFECIRCLE__V1__MATCH_RESULT__OUTCOME__PLACED_NOW &&
               got->store == want->store && got->eta_ms == want->arrival_ms &&
               got->ready_ms == want->ready_ms;
    if (got->outcome != LIFECIRCLE__V1__MATCH_RESULT__OUTCOME__NOT_PLACED)
        return false;
    if (passing > 0)
        return got->reason == LIFECIRCLE__V1__REASON__OUT_OF_STOCK;
    if (s->furthest <=
        1) /* none covers the customer: which of the two depends on how far is looked */
        return got->reason == by_test[0] || got->reason == by_test[1];
    return got->reason == by_test[s->furthest];
}

/* The candidates that inventory was given, if once: the eight best, in order, and whether there are
 * more. */
static bool
same_candidates(struct world *w, size_t passing, unsigned rounds)
{
    struct arena *a = arena_new(1 << 20);
    const Lifecircle__V1__PlaceRequest *p =
        wire_unpack(&lifecircle__v1__place_request__descriptor, a, buf_slice(&w->place));
    const Lifecircle__V1__PlaceOrder *o = p->orders[0];
    bool good =
        rounds != 1 || (o->n_candidates == (passing < 8 ? passing : 8) && o->more == (passing > 8));

    for (size_t i = 0; good && rounds == 1 && i < o->n_candidates; i++)
        good = o->candidates[i]->store == all[i].store &&
               o->candidates[i]->travel_s == all[i].travel_s &&
               o->candidates[i]->eta_ms == all[i].arrival_ms;
    arena_destroy(a);
    return good;
}

static void
send_forecast(struct world *w, Lifecircle__V1__SupplyForecast *f)
{
    static Lifecircle__V1__SupplyForecast__Cell cell[COURIERS_MAX], *cells[COURIERS_MAX];
    static Lifecircle__V1__Point at[COURIERS_MAX];
    bool on_foot = one_in(8), outside = one_in(10); /* some of them; all of them */
    Lifecircle__V1__Envelope env = LIFECIRCLE__V1__ENVELOPE__INIT;

    lifecircle__v1__supply_forecast__init(f);
    ways_round++;
    f->n_couriers = below(8) == 0 ? 0 : 1 + below(COURIERS_MAX - 1);
    f->on_shift = (uint32_t)f->n_couriers;
    f->couriers = cells;
    for (size_t i = 0; i < f->n_couriers; i++) {
        struct latlng p = somewhere(350000);
        if (outside || one_in(9))
            p.lat_e7 += 3000000; /* 33 km north, off the map */
        lifecircle__v1__supply_forecast__cell__init(&cell[i]);
        lifecircle__v1__point__init(&at[i]);
        at[i].lat_e7 = p.lat_e7;
        at[i].lng_e7 = p.lng_e7;
        cell[i].at = &at[i];
        cell[i].free_in_s = below(900);
        cell[i].vehicle = on_foot && one_in(3) ? LIFECIRCLE__V1__VEHICLE__FOOT
                          : one_in(4)          ? LIFECIRCLE__V1__VEHICLE__CAR
                                               : LIFECIRCLE__V1__VEHICLE__BICYCLE;
        cell[i].cold_box = one_in(2);
        cell[i].adult_trained = one_in(2);
        cells[i] = &cell[i];
    }
    env.body_case = LIFECIRCLE__V1__ENVELOPE__BODY_SUPPLY_FORECAST;
    env.supply_forecast = f;
    world_send(w, &env, 0);
    world_settle(w);
}

/* Some stores change; the matcher hears of it as it does from inventory. */
static void
change_stores(struct world *w)
{
    Lifecircle__V1__Envelope env = LIFECIRCLE__V1__ENVELOPE__INIT;
    Lifecircle__V1__News news = LIFECIRCLE__V1__NEWS__INIT;

    for (uint32_t i = 0, n = 1 + below(one_in(6) ? 40 : 4); i < n; i++) {
        uint32_t number = 1 + below(STORES);
        struct place *p = &place[number];
        if (one_in(2)) {
            random_store(w, number);
            continue;
        }
        p->shop.store.busy = (Lifecircle__V1__BusyMode)below(3);
        p->shop.store.n_zone =
            0; /* random_store's rings are gone: build them again, without a hole */
        static int32_t e7[2 * (CORNERS_MAX + 1)];
        Lifecircle__V1__Ring ring = LIFECIRCLE__V1__RING__INIT, *rings[1] = {&ring};
        for (size_t k = 0; k <= p->corners; k++) {
            e7[2 * k] = p->corner[k].lat_e7;
            e7[2 * k + 1] = p->corner[k].lng_e7;
        }
        ring.e7 = e7;
        ring.n_e7 = 2 * (p->corners + 1);
        p->hole = false;
        p->shop.store.zone = rings;
        p->shop.store.n_zone = 1;
        world_put_store(w, &p->shop.store);
    }
    news.topic = LIFECIRCLE__V1__NEWS__TOPIC__CATALOGUE;
    env.body_case = LIFECIRCLE__V1__ENVELOPE__BODY_NEWS;
    env.news = &news;
    world_send(w, &env, 0);
    world_settle(w);
}

static void
pick_up_some(struct world *w)
{
    for (uint32_t i = 1; i <= STORES; i++)
        w->load[i] = w->load[i] > 3 || one_in(2) ? 0 : w->load[i];
    world_wait(w, LOAD_EVERY_MS + 200);
}

struct tally {
    unsigned wrong, placed, held, ties, deep;
};

static void
one_order(struct world *w, unsigned n, const Lifecircle__V1__SupplyForecast *supply,
          enum whose whose, struct tally *t, uint64_t *stock)
{
    struct world_order o;
    struct scan s = {.w = w, .o = &o.order, .supply = supply};
    size_t passing;

    random_order(&o, w, n);
    roads_fail = w->roads != NULL && one_in(4);
    s.whose = roads_fail ? BY_ESTIMATE : whose;
    static const uint32_t shares[] = {1000, 1000, 700, 300, 100, 30, 10, 0};
    stock_percent_x10 = shares[below(sizeof shares / sizeof *shares)];
    struct answer want = scan(&s, stock, &passing);
    unsigned rounds = w->rounds;
    world_ask(w, &o.order, false);
    bool good = w->results == 1 && same(&s, &want, passing, &w->result[0]) &&
                same_candidates(w, passing, w->rounds - rounds);
    if (!good && t->wrong++ < 5)
        printf("order %u: %zu pass, want store %u eta %lld (test %u), got %zu results, outcome %d "
               "store %u eta %lld reason %d\n",
               n, passing, want.store, (long long)want.arrival_ms, s.furthest, w->results,
               w->result[0].outcome, w->result[0].store, (long long)w->result[0].eta_ms,
               w->result[0].reason);
    t->placed += want.store != 0;
    t->held += want.store == 0;
    t->deep += w->rounds - rounds > 3;
}

static struct latlng
map_middle(void)
{
    struct latlng sw, ne;

    roads_bounds(map, &sw, &ne);
    return (struct latlng){sw.lat_e7 / 2 + ne.lat_e7 / 2, sw.lng_e7 / 2 + ne.lng_e7 / 2};
}

static void
tell_map(struct world *w, bool there)
{
    struct event ev = {.kind = EVENT_ROADS};

    if (there) {
        ev.ref = roads_checksum(map);
        ev.bytes = SLICE_LIT("city.roads");
        ev.travel = &map_told.travel;
    }
    ways_round++;
    world_feed(w, &ev);
    world_settle(w);
}

static uint64_t
waits(struct world *w, enum match_count which)
{
    size_t n;

    return matcher_service.counters(world_core(w), &n)[which].value;
}

/* near_stores: how many a neighbourhood knows; orders that need more look at all. */
static void
agree(const char *near_stores, enum whose whose, unsigned orders)
{
    bool server = whose == BY_SERVER, streets = whose == BY_MAP;
    const struct config_item items[] = {
        {SLICE_LIT("near-stores"), slice_str(near_stores)},
        {SLICE_LIT("travel-osrm"), slice_str(server ? "http://roads:5000" : "")}};
    struct world w;
    Lifecircle__V1__SupplyForecast forecast;
    const Lifecircle__V1__SupplyForecast *supply = NULL;
    struct tally t = {0};
    const char *seed = getenv("SEED");
    uint64_t stock;

    if (whose == BY_MAP)
        middle = map_middle();
    random_state = seed == NULL ? 20261122 : strtoull(seed, NULL, 10);
    printf("\n    SEED=%llu ", (unsigned long long)random_state);
    memset(place, 0, sizeof place);
    world_open(&w, items, 2);
    w.roads = server ? roads : NULL;
    w.now_ms += 9 * HOUR_MS;
    stock = chance();
    w.stock = has_stock;
    w.ctx = &stock;
    for (uint32_t i = 1; i <= STORES; i++)
        random_store(&w, i);
    if (whose == BY_MAP)
        tell_map(&w, true);
    world_up(&w);
    for (unsigned n = 1; n <= orders; n++) {
        if (n % 50 == 0) {
            stock = chance();
            change_stores(&w);
        }
        if (n % 20 == 0) {
            pick_up_some(&w);
            w.now_ms += 31000 + (int64_t)below(30) * 60000; /* an older forecast no longer counts */
            supply = NULL;
            pick_up_some(&w);
        }
        if (n % 20 == 10) {
            send_forecast(&w, &forecast);
            supply = &forecast;
        }
        if (map != NULL && n > 40 && n % 400 % 360 == 0) { /* the map goes, for 40 orders */
            whose = n % 400 == 0 ? BY_MAP : BY_ESTIMATE;
            tell_map(&w, whose == BY_MAP);
        }
        one_order(&w, n, supply, whose, &t, &stock);
    }
    printf("placed %u held %u beyond the third round %u geosearches %u asked %u ", t.placed, t.held,
           t.deep, w.geosearches, w.roads_asked);
    CU_ASSERT_EQUAL(t.wrong, 0);
    CU_ASSERT(t.placed > orders / 4); /* the test tests something */
    CU_ASSERT(t.held > orders / 20);
    CU_ASSERT(t.deep > 0);
    CU_ASSERT_EQUAL(server, w.roads_asked > orders / 2);
    CU_ASSERT_EQUAL(streets, waits(&w, COUNT_WAIT_BY_ROADS) > orders / 2);
    CU_ASSERT(waits(&w, COUNT_WAIT_BY_ESTIMATE) > orders / 20);
    world_close(&w);
}

#endif
