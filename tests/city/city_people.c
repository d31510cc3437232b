/* Couriers and the orders of the lunch hour. */
#include "city_internal.h"

#include <stdlib.h>

static const char label[] = "Simulated order.";

enum { ITEMS_MAX = 12, WEIGHT_MAX_G = 12000, TRIES = 12, MINUTE_MS = 60000 };

struct ride {
    uint32_t percent; /* of the couriers */
    uint32_t items;
    uint32_t weight_g;
    uint32_t volume_ml;
};

static enum lc_err
make_courier(struct city *c, uint32_t i)
{
    static const struct ride rides[CITY_VEHICLES] = {
        [CITY_FOOT] = {8, 12, 8000, 40000},    [CITY_BICYCLE] = {30, 16, 12000, 60000},
        [CITY_EBIKE] = {25, 20, 18000, 80000}, [CITY_SCOOTER] = {15, 20, 20000, 90000},
        [CITY_CAR] = {22, 60, 100000, 400000},
    };
    struct rand r = rand_from(c->params.seed, "courier", i);
    struct city_courier *k = &c->courier[i];
    uint32_t dice = rand_between(&r, 0, 99), v = 0, length_ms = c->params.length_s * 1000;
    struct latlng at = c->store[rand_between(&r, 0, c->store_n - 1)].at;

    while (v + 1 < CITY_VEHICLES && dice >= rides[v].percent)
        dice -= rides[v++].percent;
    if (rand_percent(&r, 30))
        at = c->address[rand_between(&r, 0, c->address_n - 1)].at;
    *k = (struct city_courier){
        .id = arena_printf(c->arena, "courier-%04u", i + 1),
        .name = arena_printf(c->arena, "Simulated courier %u", i + 1),
        .home = {at.lat_e7 + (int32_t)rand_between(&r, 0, 2000) * 10 - 10000,
                 at.lng_e7 + (int32_t)rand_between(&r, 0, 2000) * 10 - 10000},
        .vehicle = (enum city_vehicle)v,
        .capacity_items = rides[v].items,
        .capacity_g = rides[v].weight_g,
        .capacity_ml = rides[v].volume_ml,
        .cold_box = rand_percent(&r, 50),
        .adult_trained = rand_percent(&r, 60),
    };
    if (rand_percent(&r, 20))
        k->start_ms = rand_between(&r, 0, length_ms / 3);
    if (rand_percent(&r, 8))
        k->end_ms = length_ms - rand_between(&r, 0, length_ms / 3);
    else
        k->end_ms = length_ms + rand_between(&r, 180, 360) * MINUTE_MS;
    return k->id == NULL || k->name == NULL ? LC_ENOMEM : LC_OK;
}

enum lc_err
city_make_couriers(struct city *c)
{
    enum lc_err err = LC_OK;

    c->courier_n = c->params.couriers;
    c->courier = arena_array(c->arena, c->courier_n, sizeof *c->courier);
    if (c->courier == NULL)
        return LC_ENOMEM;
    for (uint32_t i = 0; i < c->courier_n && err == LC_OK; i++)
        err = make_courier(c, i);
    return err;
}

/* Would the store deliver to p now and in the next hour? */
static bool
in_reach(const struct city *c, const struct city_store *s, struct latlng p, uint32_t at_ms)
{
    uint32_t minute = c->params.lunch_minute + at_ms / MINUTE_MS;

    return city_metres(s->at, p) < 5000 && city_open_at(s, minute) &&
           city_open_at(s, minute + 60) && city_covers(s, p);
}

/* A store that the customer sees on the phone: any in reach, the busy trades more often. NULL:
 * none. */
static const struct city_store *
choose_store(const struct city *c, struct latlng p, uint32_t at_ms, struct rand *r)
{
    static const uint32_t weight[] = {
        [CITY_SUPERMARKET] = 4, [CITY_CONVENIENCE] = 3, [CITY_FAST_FOOD] = 2,
        [CITY_CAFE] = 2,        [CITY_RESTAURANT] = 1,
    };
    const struct city_store *chosen = NULL;
    uint32_t total = 0;

    for (uint32_t i = 0; i < c->store_n; i++) {
        const struct city_store *s = &c->store[i];

        if (!in_reach(c, s, p, at_ms))
            continue;
        total += weight[s->kind];
        if (rand_between(r, 1, total) <= weight[s->kind]) /* each stays with its weight's share */
            chosen = s;
    }
    return chosen;
}

/* A store none of whose chain delivers to p. NULL: not found. */
static const struct city_store *
choose_out_of_reach(const struct city *c, struct latlng p, uint32_t at_ms, struct rand *r)
{
    for (int tries = 0; tries < TRIES; tries++) {
        const struct city_store *s = &c->store[rand_between(r, 0, c->store_n - 1)];
        const struct city_chain *chain = &c->chain[s->chain];
        bool any = false;

        for (uint32_t i = 0; i < chain->store_n; i++)
            any = any || in_reach(c, &c->store[chain->store_first + i], p, at_ms);
        if (!any)
            return s;
    }
    return NULL;
}

/* A popular SKU of the store: the lower the index, the more popular. */
static uint32_t
popular(const struct city_store *s, struct rand *r)
{
    uint32_t best = s->sku_n - 1;

    for (int i = 0; i < 3; i++) {
        uint32_t k = rand_between(r, 0, s->sku_n - 1);

        best = k < best ? k : best;
    }
    return best;
}

static bool
ordered(const struct city_order *o, uint32_t sku)
{
    for (uint32_t i = 0; i < o->line_n; i++) {
        if (o->line[i].sku == sku)
            return true;
    }
    return false;
}

static uint32_t
quantity(struct rand *r)
{
    uint32_t dice = rand_between(r, 0, 99);

    return dice < 72 ? 1 : dice < 91 ? 2 : dice < 98 ? 3 : rand_between(r, 4, 6);
}

/* Phones show what the store had at opening time, so most orders ask for what is (or was) there. */
static void
make_lines(const struct city *c, const struct city_store *s, struct rand *r, struct city_order *o)
{
    static const uint8_t lines[][2] = {
        [CITY_SUPERMARKET] = {2, CITY_LINES_MAX},
        [CITY_CONVENIENCE] = {1, 5},
        [CITY_FAST_FOOD] = {1, 4},
        [CITY_CAFE] = {1, 4},
        [CITY_RESTAURANT] = {1, 5},
    };
    const struct city_chain *chain = &c->chain[s->chain];
    uint32_t n = rand_between(r, lines[s->kind][0], lines[s->kind][1]), items = 0, weight_g = 0;
    bool blind = rand_percent(r, 4), twice = rand_percent(r, 1);

    for (uint32_t tries = 0; o->line_n < n && tries < n * TRIES; tries++) {
        uint32_t k = popular(s, r), q = quantity(r);
        const struct city_sku *sku = &chain->sku[s->sku_first + k];

        if ((!blind && s->stock[k] < q + s->safety_stock) ||
            (!twice && ordered(o, s->sku_first + k)))
            continue;
        if (items + q > ITEMS_MAX || weight_g + q * sku->weight_g > WEIGHT_MAX_G)
            continue;
        o->line[o->line_n++] = (struct city_line){s->sku_first + k, q};
        items += q;
        weight_g += q * sku->weight_g;
        o->cold = o->cold || sku->cold;
    }
    if (o->line_n == 0)
        o->line[o->line_n++] = (struct city_line){s->sku_first, 1};
}

static enum city_shortage
shortage(struct rand *r)
{
    uint32_t dice = rand_between(r, 0, 99);

    return dice < 55   ? CITY_HOLD
           : dice < 80 ? CITY_SUBSTITUTE
           : dice < 90 ? CITY_PARTIAL
                       : CITY_REJECT;
}

/* When and how the customer wants it. */
static void
make_wishes(const struct city *c, const struct city_store *s, struct rand *r, struct city_order *o)
{
    o->only_store = -1;
    if (s->collects && !o->out_of_reach && rand_percent(r, 12)) {
        o->collection = true;
        if (rand_percent(r, 70))
            o->only_store = (int32_t)(s - c->store);
    } else if (rand_percent(r, 2)) {
        o->only_store = (int32_t)(s - c->store);
    }
    if (rand_percent(r, 6)) {
        o->start_ms = o->at_ms + rand_between(r, 30, 60) * MINUTE_MS;
        o->end_ms = o->start_ms + rand_between(r, 45, 60) * MINUTE_MS;
    }
    o->shortage = shortage(r);
}

static enum lc_err
make_order(struct city *c, uint32_t i, uint32_t at_ms)
{
    static const char *const notes[] = {"",
                                        " Ring twice.",
                                        " Second floor.",
                                        " Side door, please.",
                                        " Leave with the neighbor.",
                                        " Dog is friendly."};
    struct rand r = rand_from(c->params.seed, "order", i);
    struct city_order *o = &c->order[i];
    const struct city_store *s = NULL;
    const struct address *home = NULL;

    o->at_ms = at_ms;
    o->out_of_reach = rand_percent(&r, 2);
    for (int tries = 0; s == NULL && tries < 4 * TRIES; tries++) {
        home = &c->address[rand_between(&r, 0, c->address_n - 1)];
        s = o->out_of_reach ? choose_out_of_reach(c, home->at, at_ms, &r)
                            : choose_store(c, home->at, at_ms, &r);
    }
    if (s == NULL) {
        o->out_of_reach = true;
        s = &c->store[rand_between(&r, 0, c->store_n - 1)];
    }
    o->chain = s->chain;
    o->dropoff = home->at;
    o->phone = rand_between(&r, 0, 99);
    o->external_id =
        arena_printf(c->arena, "sim-%llx-%06u", (unsigned long long)c->params.seed, i + 1);
    o->address = arena_printf(c->arena, "%s, Baltimore", home->text);
    o->customer = arena_printf(c->arena, "Simulated customer %u", i + 1);
    o->instructions = arena_printf(c->arena, "%s%s", label, notes[rand_between(&r, 0, 5)]);
    make_lines(c, s, &r, o);
    make_wishes(c, s, &r, o);
    return o->external_id == NULL || o->address == NULL || o->customer == NULL ||
                   o->instructions == NULL
               ? LC_ENOMEM
               : LC_OK;
}

static int
by_number(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

enum lc_err
city_make_orders(struct city *c)
{
    uint32_t n = c->params.orders, length_ms = c->params.length_s * 1000;
    uint32_t *at_ms = arena_array(c->arena, n, sizeof *at_ms);
    struct rand r = rand_from(c->params.seed, "times", 0);
    enum lc_err err = LC_OK;

    c->order = arena_array(c->arena, n, sizeof *c->order);
    c->order_n = n;
    if (c->order == NULL || at_ms == NULL)
        return LC_ENOMEM;
    for (uint32_t i = 0; i < n; i++) /* most in the middle: the sum of two dice */
        at_ms[i] = (rand_between(&r, 0, length_ms - 1) + rand_between(&r, 0, length_ms - 1)) / 2;
    qsort(at_ms, n, sizeof *at_ms, by_number);
    for (uint32_t i = 0; i < n && err == LC_OK; i++)
        err = make_order(c, i, at_ms[i]);
    return err;
}
