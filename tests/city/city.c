#include "city_internal.h"

#include <stdlib.h>

enum { CITY_BYTES_MAX = 512 * 1024 * 1024 };

uint64_t
rand_next(struct rand *r)
{
    uint64_t z = r->state += 0x9e3779b97f4a7c15;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

struct rand
rand_from(uint64_t seed, const char *purpose, uint64_t item)
{
    struct rand r = {seed};

    for (; *purpose != '\0'; purpose++)
        r.state = rand_next(&r) ^ (unsigned char)*purpose;
    r.state = rand_next(&r) ^ item;
    r.state = rand_next(&r);
    return r;
}

uint32_t
rand_between(struct rand *r, uint32_t low, uint32_t high)
{
    return low + (uint32_t)((rand_next(r) >> 32) * ((uint64_t)high - low + 1) >> 32);
}

bool
rand_percent(struct rand *r, uint32_t percent)
{
    return rand_between(r, 0, 99) < percent;
}

static void
complete(struct city_params *p)
{
    if (p->orders == 0)
        p->orders = 1000;
    if (p->couriers == 0)
        p->couriers = p->orders * 2 / 5 < 20 ? 20 : p->orders * 2 / 5;
    if (p->length_s == 0)
        p->length_s = 3600;
    if (p->sku_max > 0 && p->sku_max < 20)
        p->sku_max = 20;
    if (p->lunch_minute == 0)
        p->lunch_minute = 720;
}

enum lc_err
city_new(const struct city_sources *from, const struct city_params *params, struct city **out,
         char why[CITY_WHY_MAX])
{
    struct city *c = calloc(1, sizeof *c);
    enum lc_err err = LC_ENOMEM;

    *out = NULL;
    why[0] = '\0';
    if (c == NULL)
        return LC_ENOMEM;
    c->params = *params;
    complete(&c->params);
    c->arena = arena_new(CITY_BYTES_MAX);
    if (c->arena != NULL)
        err = city_read(c, from, why);
    if (err == LC_OK)
        err = city_make_stores(c);
    if (err == LC_OK)
        err = city_make_zones(c);
    if (err == LC_OK)
        err = city_make_couriers(c);
    if (err == LC_OK)
        err = city_make_orders(c);
    if (err == LC_OK)
        *out = c;
    else
        city_destroy(c);
    return err;
}

void
city_destroy(struct city *c)
{
    if (c == NULL)
        return;
    arena_destroy(c->arena);
    free(c);
}

const struct city_chain *
city_chains(const struct city *c, uint32_t *n)
{
    *n = c->chain_n;
    return c->chain;
}

const struct city_store *
city_stores(const struct city *c, uint32_t *n)
{
    *n = c->store_n;
    return c->store;
}

const struct city_courier *
city_couriers(const struct city *c, uint32_t *n)
{
    *n = c->courier_n;
    return c->courier;
}

const struct city_order *
city_orders(const struct city *c, uint32_t *n)
{
    *n = c->order_n;
    return c->order;
}

uint32_t
city_price_cents(const struct city *c, const struct city_store *s, uint32_t sku)
{
    return c->chain[s->chain].sku[sku].price_cents * (100 + s->markup_percent) / 100;
}

/* The sphere of base/geo.h: 111195 m a degree, 86072 m at 39.28 degrees north. */
uint32_t
city_metres(struct latlng a, struct latlng b)
{
    int64_t y = ((int64_t)a.lat_e7 - b.lat_e7) * 111195 / 1000000;
    int64_t x = ((int64_t)a.lng_e7 - b.lng_e7) * 86072 / 1000000;
    uint64_t square = (uint64_t)(x * x + y * y), root = 0; /* decimetres */

    for (uint64_t bit = 1ull << 30; bit > 0; bit >>= 1) {
        if ((root + bit) * (root + bit) <= square)
            root += bit;
    }
    return (uint32_t)(root / 10);
}

const char *
city_vehicle_name(enum city_vehicle v)
{
    static const char *const names[CITY_VEHICLES] = {"foot", "bicycle", "ebike", "scooter", "car"};

    return names[v];
}
