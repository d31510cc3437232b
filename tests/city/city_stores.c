/* Chains, stores and their stock. */
#include "city_internal.h"

#include <stdlib.h>

/* Letters and digits in lower case, anything else one hyphen; apostrophes and foreign letters go.
 */
static const char *
slug(struct arena *a, const char *name)
{
    char *out = arena_copy(a, name, strlen(name)), *p = out;
    const char *last;

    if (out == NULL)
        return NULL;
    last = out + 32;
    for (const char *s = out; *s != '\0' && p < last; s++) {
        unsigned char ch = (unsigned char)*s;

        if (ch >= 'A' && ch <= 'Z')
            ch = (unsigned char)(ch - 'A' + 'a');
        if ((ch >= 'a' && ch <= 'z') || (ch >= '0' && ch <= '9'))
            *p++ = (char)ch;
        else if (ch < 128 && ch != '\'' && p > out && p[-1] != '-')
            *p++ = '-';
    }
    while (p > out && p[-1] == '-')
        p--;
    *p = '\0';
    return out;
}

static uint32_t
shops_of_brand(const struct city *c, const char *brand)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < c->shop_n; i++)
        n += c->shop[i].brand != NULL && strcmp(c->shop[i].brand, brand) == 0;
    return n;
}

/* The chain a shop belongs to: a brand with several shops is one, and any supermarket; the rest
 * sell through marketplaces. */
static bool
chain_of(struct city *c, const struct shop *s, struct city_chain *out)
{
    static const char *const market[][2] = {
        [CITY_SUPERMARKET] = {"corner-market", "Corner Market"},
        [CITY_CONVENIENCE] = {"corner-market", "Corner Market"},
        [CITY_FAST_FOOD] = {"quick-bites", "Quick Bites"},
        [CITY_CAFE] = {"quick-bites", "Quick Bites"},
        [CITY_RESTAURANT] = {"harbor-table", "Harbor Table"},
    };

    *out = (struct city_chain){0};
    if (s->brand != NULL && (s->kind == CITY_SUPERMARKET || shops_of_brand(c, s->brand) > 1)) {
        out->id = slug(c->arena, s->brand);
        out->name = s->brand;
        if (out->id == NULL || *out->id != '\0')
            return out->id != NULL;
    }
    out->id = market[s->kind][0];
    out->name = market[s->kind][1];
    out->marketplace = true;
    return true;
}

struct member {
    struct shop shop;
    struct city_chain chain;
};

static int
by_chain_then_shop(const void *a, const void *b)
{
    const struct member *x = a, *y = b;
    int order = strcmp(x->chain.id, y->chain.id);

    return order != 0 ? order : strcmp(x->shop.osm_id, y->shop.osm_id);
}

/* Orders the shops by chain and makes the chains, without catalogues. */
static enum lc_err
make_chains(struct city *c)
{
    struct member *m = calloc(c->shop_n, sizeof *m);
    struct city_chain *chain = arena_array(c->arena, c->shop_n, sizeof *chain);
    enum lc_err err = m == NULL || chain == NULL ? LC_ENOMEM : LC_OK;

    for (uint32_t i = 0; i < c->shop_n && err == LC_OK; i++) {
        m[i].shop = c->shop[i];
        if (!chain_of(c, &c->shop[i], &m[i].chain))
            err = LC_ENOMEM;
    }
    if (err != LC_OK)
        goto out;
    qsort(m, c->shop_n, sizeof *m, by_chain_then_shop);
    for (uint32_t i = 0; i < c->shop_n; i++) {
        c->shop[i] = m[i].shop;
        if (i == 0 || strcmp(m[i].chain.id, m[i - 1].chain.id) != 0) {
            chain[c->chain_n] = m[i].chain;
            chain[c->chain_n].store_first = i;
            c->chain_n++;
        }
        chain[c->chain_n - 1].store_n++;
    }
    c->chain = chain;
out:
    free(m);
    return err;
}

static const struct address *
nearest_address(const struct city *c, struct latlng at)
{
    const struct address *best = &c->address[0];

    for (uint32_t i = 1; i < c->address_n; i++) {
        if (city_metres(at, c->address[i].at) < city_metres(at, best->at))
            best = &c->address[i];
    }
    return best;
}

/* Prices differ between the stores of every third big chain. */
static bool
prices_differ(const struct city *c, const struct city_chain *chain)
{
    struct rand r = rand_from(c->params.seed, "prices differ", chain->store_first);

    return !chain->marketplace && chain->store_n > 1 && rand_percent(&r, 33);
}

struct trade {
    uint16_t prep_s[2]; /* from, to */
    uint16_t per_item_s;
    uint16_t capacity[2];
};

static void
make_trade(struct rand *r, const struct shop *shop, struct city_store *s)
{
    static const struct trade trades[] = {
        [CITY_SUPERMARKET] = {{300, 720}, 15, {30, 60}},
        [CITY_CONVENIENCE] = {{180, 360}, 5, {12, 25}},
        [CITY_FAST_FOOD] = {{480, 780}, 15, {12, 25}},
        [CITY_CAFE] = {{480, 720}, 20, {10, 20}},
        [CITY_RESTAURANT] = {{600, 1200}, 20, {10, 20}},
    };
    const struct trade *t = &trades[shop->kind];

    s->prep_s = rand_between(r, t->prep_s[0] / 30, t->prep_s[1] / 30) * 30;
    s->prep_per_item_s = t->per_item_s;
    s->capacity = rand_between(r, t->capacity[0], t->capacity[1]);
    s->collects = rand_percent(r, 40);
    s->age_check = shop->kind <= CITY_CONVENIENCE;
    s->safety_stock = rand_percent(r, 10) ? 1 : 0;
}

/* Scarcity as shops have it: 8 % sold out, 10 % one left. */
static uint16_t *
make_stock(struct arena *a, struct rand *r, uint32_t n)
{
    uint16_t *stock = arena_array(a, n, sizeof *stock);

    for (uint32_t i = 0; stock != NULL && i < n; i++) {
        uint32_t dice = rand_between(r, 0, 99);

        stock[i] = dice < 8 ? 0 : dice < 18 ? 1 : (uint16_t)rand_between(r, 2, 60);
    }
    return stock;
}

static enum lc_err
make_store(struct city *c, uint32_t chain_index, uint32_t i, const struct part *part)
{
    static const char *const nameless[] = {
        [CITY_SUPERMARKET] = "Supermarket", [CITY_CONVENIENCE] = "Corner store",
        [CITY_FAST_FOOD] = "Snack bar",     [CITY_CAFE] = "Cafe",
        [CITY_RESTAURANT] = "Restaurant",
    };
    const struct city_chain *chain = &c->chain[chain_index];
    const struct shop *shop = &c->shop[i];
    struct city_store *s = &c->store[i];
    const struct address *near = nearest_address(c, shop->at);
    const char *street = strchr(near->text, ' ');
    struct rand r = rand_from(c->params.seed, shop->osm_id, 0);

    s->osm_id = shop->osm_id;
    s->chain = chain_index;
    s->kind = shop->kind;
    s->at = shop->at;
    s->id = arena_printf(c->arena, "%s-%s", chain->id, shop->osm_id);
    s->name =
        arena_printf(c->arena, "%s, %s", shop->name != NULL ? shop->name : nameless[shop->kind],
                     street != NULL ? street + 1 : near->text);
    s->address = arena_printf(c->arena, "near %s, Baltimore", near->text);
    hours_of_shop(c, shop, &r, s);
    make_trade(&r, shop, s);
    s->markup_percent = chain->prices_differ && rand_percent(&r, 30) ? 5 : 0;
    s->sku_first = part->first;
    s->sku_n = part->n;
    s->stock = make_stock(c->arena, &r, part->n);
    return s->id == NULL || s->name == NULL || s->address == NULL || s->stock == NULL ? LC_ENOMEM
                                                                                      : LC_OK;
}

static enum lc_err
stock_chain(struct city *c, uint32_t chain_index)
{
    struct city_chain *chain = &c->chain[chain_index];
    const struct shop *shop = &c->shop[chain->store_first];
    struct part *parts;
    uint32_t part_n;
    enum lc_err err;

    chain->prices_differ = prices_differ(c, chain);
    err = goods_make(c, chain, shop, chain->store_n, &parts, &part_n);
    for (uint32_t i = 0; i < chain->store_n && err == LC_OK; i++) {
        const struct part *part = &parts[0];

        for (uint32_t k = 1; k < part_n; k++) {
            if (parts[k].menu == goods_menu(&shop[i]))
                part = &parts[k];
        }
        err = make_store(c, chain_index, chain->store_first + i, part);
    }
    return err;
}

enum lc_err
city_make_stores(struct city *c)
{
    enum lc_err err = make_chains(c);

    if (err != LC_OK)
        return err;
    c->store = arena_array(c->arena, c->shop_n, sizeof *c->store);
    if (c->store == NULL)
        return LC_ENOMEM;
    c->store_n = c->shop_n;
    for (uint32_t i = 0; i < c->chain_n && err == LC_OK; i++)
        err = stock_chain(c, i);
    return err;
}
