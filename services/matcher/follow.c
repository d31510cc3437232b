#include "matcher/core.h"

#include <inttypes.h>
#include <stdio.h>

/* The catalogue: stores as they change, and what that means for neighbourhoods and held orders. */

static void
touch(struct matcher *m, struct latlng p)
{
    if (m->n_touched < TOUCHED_MAX)
        m->touched[m->n_touched] = p;
    m->n_touched++;
}

static void
take_store(struct matcher *m, const struct catalogue_store *store,
           const Lifecircle__V1__Store *full)
{
    struct match_change change;
    struct match_shop *shop;

    switch ((int)match_shops_put(&m->shops, store, full, &change)) {
    case LC_OK:
        break;
    case LC_ENOMEM:
        shop = match_shop_get(&m->shops, store->store);
        if (shop != NULL)
            shop->stale = true;
        m->missed_any = true;
        return;
    default:
        match_count(m, COUNT_MALFORMED, 1);
        return;
    }
    m->hasten_wanted = true;
    if (!change.lists)
        return;
    touch(m, change.is);
    if (change.was.lat_e7 != change.is.lat_e7 || change.was.lng_e7 != change.is.lng_e7)
        touch(m, change.was);
}

static void
on_store(void *ctx, const struct catalogue_store *store, const Lifecircle__V1__Store *full)
{
    take_store(ctx, store, full);
}

static void
on_restocked(void *ctx, uint32_t store)
{
    struct matcher *m = ctx;

    (void)store;
    m->hasten_wanted = true;
}

const struct catalogue_watch match_watch = {.store = on_store, .restocked = on_restocked};

void
match_catalogue_changed(struct match_step *s)
{
    struct matcher *m = s->m;

    if (m->n_touched > TOUCHED_MAX) /* many at once: all are asked for again */
        m->shops.generation++;
    else
        for (size_t i = 0; i < m->n_touched; i++)
            match_cells_touch(m->cells, m->touched[i]);
    m->n_touched = 0;
}

/* ---- stores that there was no memory for ---- */

/* Does the catalogue know it otherwise than the shops do? */
static bool
missed(const struct matcher *m, uint32_t store)
{
    const struct match_shop *shop = match_shop_get(&m->shops, store);

    return catalogue_store(m->catalogue, store) != NULL && (shop == NULL || shop->stale) &&
           store < MATCH_STORES_MAX;
}

void
match_missed_ask(struct match_step *s)
{
    struct matcher *m = s->m;
    struct slice argv[MISSED_LIMIT + 2] = {SLICE_LIT("HMGET"), slice_str(m->stores_key)};
    char text[MISSED_LIMIT][16];
    size_t n = 0;

    if (!match_timer_due(s, &m->missed, MISSED_EVERY_MS))
        return;
    for (uint32_t i = 1; i < catalogue_store_end(m->catalogue) && n < MISSED_LIMIT; i++)
        if (missed(m, i)) {
            snprintf(text[n], sizeof text[n], "%" PRIu32, i);
            argv[2 + n] = slice_str(text[n]);
            n++;
        }
    if (n > 0)
        outbox_redis(s->out, TAG_STORES, argv, 2 + n);
    else
        m->missed = (struct match_timer){0};
    m->missed_any = n > 0;
}

void
match_missed_read(struct match_step *s)
{
    struct matcher *m = s->m;
    const struct reply *reply = s->ev->reply;

    m->missed.asked_ms = 0;
    for (size_t i = 0; reply->kind == REPLY_ARRAY && i < reply->n; i++) {
        const Lifecircle__V1__Store *full =
            wire_unpack(&lifecircle__v1__store__descriptor, s->ev->arena, reply->items[i].str);
        const struct catalogue_store *store =
            full == NULL ? NULL : catalogue_store(m->catalogue, full->store);
        if (store != NULL)
            take_store(m, store, full);
    }
    match_catalogue_changed(s);
}
