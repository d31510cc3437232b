/* nearest_rig: a random city of stores, and a scan over all of them for the nearest that shares
 * nothing with the matcher but travel times and opening hours: random zones, hours, busy modes,
 * loads, windows, rankings and stock. Header only: for test_nearest*.c; the comparison is in
 * nearest_agree.h. */
#ifndef LC_TESTS_NEAREST_RIG_H
#define LC_TESTS_NEAREST_RIG_H

#include "unit.h"

#include "matcher_world.h"

#include "roads/roads.h"

enum { STORES = 320, CORNERS_MAX = 24, COURIERS_MAX = 30, HOUR_MS = 3600000 };

struct place {
    struct world_shop shop;
    struct latlng corner[CORNERS_MAX + 1];
    size_t corners;
    bool way_known[COURIERS_MAX];
    uint32_t way_s[COURIERS_MAX]; /* of each courier of the forecast to here ... */
    unsigned way_round;           /* ... when this is ways_round */
    bool by_roads;                /* are they along streets? */
    bool hole;                    /* a square around the store */
    int32_t hole_e7;
    uint32_t open_minute, close_minute; /* every day, UTC; equal = always open */
};

static struct place place[STORES + 1];
static uint64_t random_state;
static struct latlng middle = {392900000, -765900000};

/* Whose travel times: the estimate's, a routing server's, or a map's. */
enum whose { BY_ESTIMATE, BY_SERVER, BY_MAP };
#define NOT_ON_MAP LIFECIRCLE__V1__VEHICLE__FOOT  /* the map is built without */
static struct roads *map;                         /* NULL: no map */
static struct roads_travel map_told, map_scanned; /* the matcher's provider and the scan's */

/* splitmix64 */
static uint64_t
chance(void)
{
    uint64_t z = random_state += 0x9e3779b97f4a7c15U;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9U;
    z = (z ^ z >> 27) * 0x94d049bb133111ebU;
    return z ^ z >> 31;
}

static uint32_t
below(uint32_t n)
{
    return (uint32_t)(chance() % n);
}

static bool
one_in(uint32_t n)
{
    return below(n) == 0;
}

static bool
off_the_map(struct latlng p)
{
    return map != NULL && !(travel_knows(&map_scanned.travel, p, TRAVEL_BICYCLE) &&
                            travel_knows(&map_scanned.travel, p, TRAVEL_CAR));
}

static struct latlng
anywhere(int32_t spread_e7)
{
    return (struct latlng){middle.lat_e7 + (int32_t)below((uint32_t)spread_e7 * 2) - spread_e7,
                           middle.lng_e7 + (int32_t)below((uint32_t)spread_e7 * 2) - spread_e7};
}

static struct latlng
somewhere(int32_t spread_e7)
{
    struct latlng p = anywhere(spread_e7);

    while (off_the_map(p))
        p = anywhere(spread_e7);
    return p;
}

/* A star-shaped polygon around the store, sometimes with a hole. */
static void
random_zone(struct place *p, struct latlng at)
{
    double reach = 4000 + below(one_in(4) ? 600000 : 240000);

    p->corners = 3 + below(CORNERS_MAX - 3);
    for (size_t i = 0; i < p->corners; i++) {
        double turn = 2 * M_PI * (double)i / (double)p->corners;
        double r = reach * (0.5 + below(1000) / 2000.0);
        p->corner[i] = (struct latlng){at.lat_e7 + (int32_t)(r * sin(turn)),
                                       at.lng_e7 + (int32_t)(r * cos(turn))};
    }
    p->corner[p->corners] = p->corner[0];
    p->hole = one_in(5) && p->corners >= 8;
    p->hole_e7 = (int32_t)(reach * 0.2);
}

static void
random_store(struct world *w, uint32_t number)
{
    struct place *p = &place[number];
    Lifecircle__V1__Store *s = world_store(&p->shop, number, somewhere(350000), 1000);
    static Lifecircle__V1__Ring outer, hole, *rings[2] = {&outer, &hole};
    static int32_t e7[2 * (CORNERS_MAX + 1)], hole_e7[10];

    if (one_in(4)) { /* beside another, to the last digit: a tie */
        const struct place *twin = &place[1 + below(STORES)];
        if (twin->shop.store.at != NULL) {
            p->shop.at.lat_e7 = twin->shop.at.lat_e7;
            p->shop.at.lng_e7 = twin->shop.at.lng_e7;
        }
    }
    p->way_round = 0;
    random_zone(p, (struct latlng){s->at->lat_e7, s->at->lng_e7});
    lifecircle__v1__ring__init(&outer);
    for (size_t i = 0; i <= p->corners; i++) {
        e7[2 * i] = p->corner[i].lat_e7;
        e7[2 * i + 1] = p->corner[i].lng_e7;
    }
    outer.e7 = e7;
    outer.n_e7 = 2 * (p->corners + 1);
    lifecircle__v1__ring__init(&hole);
    for (size_t i = 0; i < 5; i++) {
        hole_e7[2 * i] = s->at->lat_e7 + (i == 2 || i == 3 ? p->hole_e7 : -p->hole_e7);
        hole_e7[2 * i + 1] = s->at->lng_e7 + (i == 1 || i == 2 ? p->hole_e7 : -p->hole_e7);
    }
    hole.hole = true;
    hole.e7 = hole_e7;
    hole.n_e7 = 10;
    s->zone = rings;
    s->n_zone = p->hole ? 2 : 1;
    s->chain = number % 4 == 0 ? 2 : 1; /* a store never changes its chain */
    s->prep_s = 60 * below(8);          /* so that couriers are waited for */
    s->prep_per_item_s = 10 * below(3);
    s->capacity = one_in(3) ? 1 + below(6) : 0;
    s->busy = one_in(10)  ? LIFECIRCLE__V1__BUSY_MODE__PAUSED
              : one_in(6) ? LIFECIRCLE__V1__BUSY_MODE__BUSY
                          : LIFECIRCLE__V1__BUSY_MODE__OPEN;
    s->busy_delay_s = 300;
    s->delivers = !one_in(12);
    s->collects = one_in(2);
    s->age_check = !one_in(5);
    s->cold = !one_in(5);
    p->open_minute = one_in(3) ? 0 : 60 * below(12);
    p->close_minute = p->open_minute == 0 ? 1440 : p->open_minute + 300 + 60 * below(10);
    for (size_t i = 0; i < 7; i++) {
        p->shop.day[i].open_minute = p->open_minute;
        p->shop.day[i].close_minute = p->close_minute;
    }
    world_put_store(w, s);
}

/* ---- a routing server: roads that go their own way ---- */

/* From 0.4 to 2.4 times the estimate, by chance, but the same for the same two places; one in 40 is
 * not there. */
static struct travel_cell
road(struct latlng from, struct latlng to, enum travel_mode mode)
{
    const struct travel *t = travel_estimate();
    uint64_t h = (uint64_t)(uint32_t)from.lat_e7 * 0x9e3779b97f4a7c15U ^
                 (uint64_t)(uint32_t)from.lng_e7 * 0xc2b2ae3d27d4eb4fU ^
                 (uint64_t)(uint32_t)to.lat_e7 * 0x165667b19e3779f9U ^ (uint32_t)to.lng_e7;
    uint32_t least_s = travel_crow_s(from, to, mode);

    h = (h ^ h >> 29) * 0xbf58476d1ce4e5b9U;
    h ^= h >> 32;
    if (h % 40 == 0)
        return (struct travel_cell){TRAVEL_UNREACHABLE, TRAVEL_UNREACHABLE};
    uint32_t s = (uint32_t)(t->lower_bound_s(t, from, to, mode) * (uint64_t)(40 + h % 200) / 100);
    return (struct travel_cell){s < least_s ? least_s : s, s};
}

static bool roads_fail; /* the next order's first question */

static enum travel_end
roads(struct world *w, const struct travel_ask *ask, struct travel_cell *cell)
{
    (void)w;
    if (roads_fail)
        return TRAVEL_BROKEN;
    for (size_t i = 0; i < ask->from_n; i++)
        for (size_t j = 0; j < ask->to_n; j++)
            cell[i * ask->to_n + j] = road(ask->from[i], ask->to[j], ask->mode);
    return TRAVEL_ANSWERED;
}

/* ---- the scan ---- */

static int64_t
cross(struct latlng a, struct latlng b, struct latlng p)
{
    return ((int64_t)b.lng_e7 - a.lng_e7) * ((int64_t)p.lat_e7 - a.lat_e7) -
           ((int64_t)b.lat_e7 - a.lat_e7) * ((int64_t)p.lng_e7 - a.lng_e7);
}

static bool
on_edge(struct latlng a, struct latlng b, struct latlng p)
{
    int32_t s = a.lat_e7 < b.lat_e7 ? a.lat_e7 : b.lat_e7;
    int32_t n = a.lat_e7 < b.lat_e7 ? b.lat_e7 : a.lat_e7;
    int32_t w = a.lng_e7 < b.lng_e7 ? a.lng_e7 : b.lng_e7;
    int32_t e = a.lng_e7 < b.lng_e7 ? b.lng_e7 : a.lng_e7;

    return cross(a, b, p) == 0 && p.lat_e7 >= s && p.lat_e7 <= n && p.lng_e7 >= w && p.lng_e7 <= e;
}

/* Even-odd; the boundary is inside. */
static bool
inside(const struct latlng *c, size_t n, struct latlng p)
{
    bool in = false;

    for (size_t i = 0; i < n; i++) {
        struct latlng a = c[i], b = c[i + 1];
        if (on_edge(a, b, p))
            return true;
        if ((a.lat_e7 > p.lat_e7) != (b.lat_e7 > p.lat_e7) &&
            (cross(a, b, p) > 0) == (b.lat_e7 > a.lat_e7))
            in = !in;
    }
    return in;
}

static bool
covered(const struct place *p, struct latlng at)
{
    if (!inside(p->corner, p->corners, at))
        return false;
    return !p->hole || labs((long)at.lat_e7 - p->shop.at.lat_e7) >= p->hole_e7 ||
           labs((long)at.lng_e7 - p->shop.at.lng_e7) >= p->hole_e7;
}

/* Within the plain daily hours? Spans may go past midnight. */
static bool
open_at(const struct place *p, int64_t ms)
{
    int64_t day_ms = ms % 86400000;
    int64_t from = p->open_minute * 60000LL, to = p->close_minute * 60000LL;

    return (day_ms >= from && day_ms < to) || day_ms + 86400000 < to;
}

static int64_t
opens_ms(const struct place *p, int64_t ms)
{
    int64_t at = ms / 86400000 * 86400000 + p->open_minute * 60000LL;

    return open_at(p, ms) ? ms : at > ms ? at : at + 86400000;
}

struct answer {
    uint32_t store;
    uint32_t travel_s;
    int64_t arrival_ms;
    int64_t ready_ms;
};

struct scan {
    const struct world *w;
    const Lifecircle__V1__Order *o;
    const Lifecircle__V1__SupplyForecast *supply;
    enum whose whose;  /* travel times */
    unsigned furthest; /* test that the best failing store reached; 0 = none covers the customer */
};

static unsigned ways_round = 1; /* rises with every forecast, and when the map comes or goes */

/* One courier's way: what has no answer alone has none in a matrix. */
static bool
way_of(const struct travel *t, const Lifecircle__V1__SupplyForecast__Cell *c, struct latlng to,
       uint32_t *s)
{
    struct latlng from = {c->at->lat_e7, c->at->lng_e7};
    struct travel_cell cell;
    enum travel_quality quality;
    enum lc_err err =
        t->matrix(t, &from, 1, &to, 1, (enum travel_mode)c->vehicle, 0, &cell, &quality);

    *s = err == LC_OK ? cell.seconds : TRAVEL_UNREACHABLE;
    return err == LC_OK;
}

/* Every courier's way to this store. Kept, as 300 stores are looked at for every order. */
static void
find_ways(const struct scan *s, struct place *p, struct latlng at)
{
    const struct travel *t = s->whose == BY_MAP ? &map_scanned.travel : travel_estimate();

    if (p->way_round == ways_round && p->by_roads == (s->whose == BY_MAP))
        return;
    for (size_t i = 0; i < s->supply->n_couriers; i++)
        p->way_known[i] = way_of(t, s->supply->couriers[i], at, &p->way_s[i]);
    p->way_round = ways_round;
    p->by_roads = s->whose == BY_MAP;
}

static bool
can_carry(const struct scan *s, size_t i)
{
    const Lifecircle__V1__SupplyForecast__Cell *c = s->supply->couriers[i];

    return !(s->o->cold && !c->cold_box) && !(s->o->age_check && !c->adult_trained);
}

/* When the first of all couriers can be at the store: along streets those that are on the map; by
 * the estimate when none of them is, or the store is not for somebody's vehicle. */
static int64_t
courier_ms(const struct scan *s, struct place *p, struct latlng at)
{
    int64_t best = INT64_MAX;
    bool known = false, all_modes = true;

    if (s->supply == NULL)
        return s->w->now_ms + 300000;
    find_ways(s, p, at);
    for (size_t i = 0; i < s->supply->n_couriers; i++) {
        const Lifecircle__V1__SupplyForecast__Cell *c = s->supply->couriers[i];
        if (!can_carry(s, i))
            continue;
        known = known || p->way_known[i];
        all_modes = all_modes && (s->whose != BY_MAP || c->vehicle != NOT_ON_MAP);
    }
    for (size_t i = 0; i < s->supply->n_couriers; i++) {
        const Lifecircle__V1__SupplyForecast__Cell *c = s->supply->couriers[i];
        uint32_t way_s = p->way_s[i];
        if (!can_carry(s, i))
            continue;
        if (!known || !all_modes)
            (void)way_of(travel_estimate(), c, at, &way_s);
        if (way_s == TRAVEL_UNREACHABLE)
            continue;
        int64_t ms = s->w->now_ms + 1000LL * ((int64_t)c->free_in_s + way_s);
        best = ms < best ? ms : best;
    }
    return best;
}

static uint32_t
travel_s(const struct scan *s, struct latlng store, struct latlng home, bool collection)
{
    struct latlng from = collection ? home : store, to = collection ? store : home;
    enum travel_mode mode = collection ? TRAVEL_CAR : TRAVEL_BICYCLE;
    const struct travel *t = s->whose == BY_MAP ? &map_scanned.travel : travel_estimate();
    struct travel_cell cell = {0, 0};
    enum travel_quality quality;

    if (s->whose == BY_SERVER)
        return road(from, to, mode).seconds;
    CU_ASSERT_EQUAL(t->matrix(t, &from, 1, &to, 1, mode, s->w->now_ms, &cell, &quality), LC_OK);
    CU_ASSERT_EQUAL(quality, s->whose == BY_MAP ? TRAVEL_ROAD : TRAVEL_ESTIMATE);
    return cell.seconds;
}

/* 0 = passes all; else the number of the first test it fails, from 1. */
static unsigned
try_store(const struct scan *s, struct place *p, struct answer *out)
{
    const Lifecircle__V1__Order *o = s->o;
    const Lifecircle__V1__Store *shop = &p->shop.store;
    bool collection = o->fulfilment == LIFECIRCLE__V1__FULFILMENT__COLLECTION;
    struct latlng at = {shop->at->lat_e7, shop->at->lng_e7};
    struct latlng home = {o->dropoff->lat_e7, o->dropoff->lng_e7};
    int64_t now = s->w->now_ms, begin = opens_ms(p, now), there = 0;
    int64_t margin = 0, load = s->w->load[shop->store];

    if (collection ? geo_distance_m(at, home) > 5000 : !covered(p, home))
        return 1;
    if (collection ? !shop->collects : !shop->delivers)
        return 2;
    if ((o->age_check && !shop->age_check) || (o->cold && !shop->cold))
        return 3;
    if (shop->busy == LIFECIRCLE__V1__BUSY_MODE__PAUSED)
        return 4;
    if (begin > o->window_end_ms)
        return 5;
    out->ready_ms = begin + 1000LL * (shop->prep_s + shop->prep_per_item_s * o->items) +
                    (shop->busy == LIFECIRCLE__V1__BUSY_MODE__BUSY ? 300000 : 0) +
                    (load * 15000 < 600000 ? load * 15000 : 600000);
    int64_t handed = out->ready_ms;
    if (collection)
        handed = handed > o->window_start_ms ? handed : o->window_start_ms;
    else {
        there = courier_ms(s, p, at);
        if (there != INT64_MAX && there > handed)
            handed = there;
    }
    if (!open_at(p, handed))
        return 5;
    if (shop->capacity != 0 && load >= shop->capacity)
        return 6;
    if (there == INT64_MAX)
        return 7;
    enum travel_mode mode = collection ? TRAVEL_CAR : TRAVEL_BICYCLE;
    out->store = shop->store;
    out->travel_s = travel_s(s, at, home, collection);
    if (out->travel_s == TRAVEL_UNREACHABLE)
        return 8;
    out->arrival_ms = handed;
    if (!collection) {
        out->arrival_ms = handed + 120000 + 1000LL * out->travel_s + 120000;
        margin =
            1000LL * travel_margin_s(mode, s->whose == BY_ESTIMATE ? TRAVEL_ESTIMATE : TRAVEL_ROAD,
                                     out->travel_s);
    }
    if (out->arrival_ms < o->window_start_ms)
        out->arrival_ms = o->window_start_ms;
    return out->arrival_ms + margin > o->window_end_ms ? 8 : 0;
}

static bool
before(const struct answer *a, const struct answer *b, bool soonest)
{
    if (soonest && a->arrival_ms != b->arrival_ms)
        return a->arrival_ms < b->arrival_ms;
    if (a->travel_s != b->travel_s)
        return a->travel_s < b->travel_s;
    if (a->arrival_ms != b->arrival_ms)
        return a->arrival_ms < b->arrival_ms;
    return a->store < b->store;
}

/* ---- stock: a hash says who has what ---- */

static uint32_t stock_percent_x10;

static bool
has_stock(void *ctx, uint32_t store, uint32_t sku, uint32_t quantity)
{
    uint64_t h = (store * 0x9e3779b97f4a7c15U ^ sku * 0xc2b2ae3d27d4eb4fU ^ *(uint64_t *)ctx);

    h = (h ^ h >> 29) * 0xbf58476d1ce4e5b9U;
    h ^= h >> 32;
    return quantity <= 1 && h % 1000 < stock_percent_x10;
}

static struct answer all[STORES]; /* that pass, best first */

static void
insert(size_t n, const struct answer *one, bool soonest)
{
    for (; n > 0 && before(one, &all[n - 1], soonest); n--)
        all[n] = all[n - 1];
    all[n] = *one;
}

/* The first store by rank that passes and has stock; how many pass. */
static struct answer
scan(struct scan *s, void *stock, size_t *passing)
{
    struct answer best = {0, 0, 0, 0};
    bool soonest = s->o->ranking == LIFECIRCLE__V1__RANKING__SOONEST;

    *passing = 0;
    s->furthest = 0;
    for (uint32_t i = 1; i <= STORES; i++) {
        struct answer one;
        const Lifecircle__V1__Store *shop = &place[i].shop.store;
        if (shop->chain != s->o->chain || (s->o->store != 0 && s->o->store != i))
            continue;
        unsigned failed = try_store(s, &place[i], &one);
        if (failed > s->furthest)
            s->furthest = failed;
        if (failed != 0)
            continue;
        insert((*passing)++, &one, soonest);
        if (has_stock(stock, i, s->o->lines[0]->sku_index, 1) &&
            (best.store == 0 || before(&one, &best, soonest)))
            best = one;
    }
    return best;
}

#endif
