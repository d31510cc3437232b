/* matcher_redis: the Redis of the matcher's small world (matcher_world.h): the catalogue's hashes
 * and stream, due rows, and GEOSEARCH to the last digit as Redis 7 reckons it. */
#ifndef LC_TESTS_MATCHER_REDIS_H
#define LC_TESTS_MATCHER_REDIS_H

#include "base/record.h"
#include "base/step.h"
#include "base/wire.h"
#include "matcher/core.h"
#include "matcher/matcher.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { WORLD_STORES = 12000, WORLD_ROWS = 64, WORLD_RESULTS = 256 };

struct world_store {
    uint8_t *packed;
    size_t n;
    double lat, lng; /* as the geo index keeps them */
    bool indexed;    /* not paused */
};

struct world_row {
    char uuid[37];
    struct buf record;
    int64_t due_ms;
    bool held;
    bool there;
};

struct world_result {
    char order_id[37];
    Lifecircle__V1__MatchResult__Outcome outcome;
    Lifecircle__V1__Reason reason;
    uint32_t store;
    uint32_t travel_s;
    int64_t ready_ms, eta_ms;
    uint32_t lines;
    uint32_t line_sku, line_quantity, line_for;
    int64_t line_price;
};

struct world {
    struct stepper *stepper;
    struct arena *arena; /* for what is fed */
    int64_t now_ms;
    uint64_t ids;
    struct world_store *store; /* by number */
    uint32_t store_end;
    uint64_t tip;      /* of the catalogue stream */
    uint32_t *changed; /* store of entry i; 0 = a restock */
    size_t n_changed;
    struct world_row row[WORLD_ROWS];
    uint32_t *load; /* open orders by store */
    unsigned geosearches, places, hastens, claims;
    int lose_geo; /* this many GEOSEARCHes are answered REPLY_LOST */
    bool deaf;    /* inventory does not answer */
    /* has the store that many of the SKU? */
    bool (*stock)(void *ctx, uint32_t store, uint32_t sku, uint32_t quantity);
    void *ctx;
    bool geo_errors;
    struct world_result result[WORLD_RESULTS];
    size_t results;
    struct buf nearby; /* the last NearbyResult, packed */
    struct buf place;  /* the last PlaceRequest, packed */
    struct buf frames; /* what inventory was sent and has not answered */
    size_t skip_place;
    unsigned rounds; /* PlaceOrders seen */
    /* a routing server, when there is one: how the question ends, and its cells when it is
     * answered. TRAVEL_ENDS: it never does. */
    enum travel_end (*roads)(struct world *w, const struct travel_ask *ask,
                             struct travel_cell *cell);
    unsigned roads_asked;
    void (*around)(bool in); /* called before and after each step of the core; may be NULL */
};

static inline struct reply *
world_reply(struct world *w, enum reply_kind kind, size_t n)
{
    struct reply *r = arena_zalloc(w->arena, sizeof *r);

    r->kind = kind;
    r->n = n;
    r->items = n == 0 ? NULL : arena_array(w->arena, n, sizeof *r);
    return r;
}

static inline struct reply
world_string(struct world *w, const void *p, size_t n)
{
    return (struct reply){.kind = REPLY_STRING, .str = slice_of(arena_copy(w->arena, p, n), n)};
}

static inline struct reply
world_number(struct world *w, uint64_t v)
{
    char text[24];
    int n = snprintf(text, sizeof text, "%llu", (unsigned long long)v);

    return world_string(w, text, (size_t)n);
}

static inline struct reply *
world_items(struct reply *r)
{
    return (struct reply *)(uintptr_t)r->items;
}

/* ---- Redis' geo index, as geohash.c and geohash_helper.c of Redis 7 reckon ---- */

static inline double
world_quantise(double v, double most)
{
    double cells = (double)(1 << 26);
    double i = floor((v + most) / (2 * most) * cells);

    return ((i / cells) * 2 * most - most + ((i + 1) / cells) * 2 * most - most) / 2;
}

static inline double
world_redis_distance(double lng1, double lat1, double lng2, double lat2)
{
    const double rad = M_PI / 180;
    double u = sin((lat2 * rad - lat1 * rad) / 2), v = sin((lng2 * rad - lng1 * rad) / 2);

    return 2.0 * 6372797.560856 * asin(sqrt(u * u + cos(lat1 * rad) * cos(lat2 * rad) * v * v));
}

static inline struct reply *
world_geosearch(struct world *w, const struct effect *e)
{
    double lng = strtod(e->argv[3].p, NULL), lat = strtod(e->argv[4].p, NULL);
    double radius = strtod(e->argv[6].p, NULL);
    struct reply *r = world_reply(w, REPLY_ARRAY, w->store_end + 1);
    size_t n = 0;

    w->geosearches++;
    if (w->geo_errors || fabs(lat) > 85.05112878 || fabs(lng) > 180) {
        struct reply *bad = world_reply(w, REPLY_ERROR, 0);
        bad->str = SLICE_LIT("ERR out of order");
        return bad;
    }
    if (w->lose_geo > 0) {
        w->lose_geo--;
        return world_reply(w, REPLY_LOST, 0);
    }
    for (uint32_t i = 1; i < w->store_end; i++)
        if (w->store[i].indexed &&
            world_redis_distance(lng, lat, w->store[i].lng, w->store[i].lat) <= radius)
            world_items(r)[n++] = world_number(w, i);
    r->n = n;
    return r;
}

/* ---- the catalogue ---- */

static inline struct reply *
world_hscan(struct world *w)
{
    struct reply *r = world_reply(w, REPLY_ARRAY, 2);
    struct reply *page = world_reply(w, REPLY_ARRAY, 2 * (size_t)w->store_end);
    size_t n = 0;

    for (uint32_t i = 1; i < w->store_end; i++) {
        if (w->store[i].packed == NULL)
            continue;
        world_items(page)[n++] = world_number(w, i);
        world_items(page)[n++] = world_string(w, w->store[i].packed, w->store[i].n);
    }
    page->n = n;
    world_items(r)[0] = world_number(w, 0);
    world_items(r)[1] = *page;
    return r;
}

static inline struct reply *
world_hmget(struct world *w, const struct effect *e)
{
    struct reply *r = world_reply(w, REPLY_ARRAY, e->argc - 2);

    for (size_t i = 0; i + 2 < e->argc; i++) {
        uint32_t store = 0;
        if (match_number(e->argv[i + 2], &store) && store < w->store_end)
            world_items(r)[i] = world_string(w, w->store[store].packed, w->store[store].n);
    }
    return r;
}

static inline struct reply *
world_entry(struct world *w, uint64_t n)
{
    char id[32];
    int len = snprintf(id, sizeof id, "1-%llu", (unsigned long long)n);
    struct reply *r = world_reply(w, REPLY_ARRAY, 2);
    struct reply *fields = world_reply(w, REPLY_ARRAY, 2);
    uint32_t store = n > 0 && n <= w->n_changed ? w->changed[n - 1] : 0;
    char number[4] = {(char)store, (char)(store >> 8), (char)(store >> 16), (char)(store >> 24)};

    world_items(r)[0] = world_string(w, id, (size_t)len);
    world_items(fields)[0] = world_string(w, store == 0 ? "stock" : "store", 5);
    world_items(fields)[1] = world_string(w, number, 4);
    world_items(r)[1] = *fields;
    return r;
}

static inline struct reply *
world_xread(struct world *w, const struct effect *e)
{
    uint64_t last = strtoull(e->argv[5].p + 2, NULL, 10);

    if (last >= w->tip)
        return world_reply(w, REPLY_NIL, 0);
    struct reply *streams = world_reply(w, REPLY_ARRAY, 1);
    struct reply *stream = world_reply(w, REPLY_ARRAY, 2);
    struct reply *list = world_reply(w, REPLY_ARRAY, (size_t)(w->tip - last));
    for (uint64_t i = last + 1; i <= w->tip; i++)
        world_items(list)[i - last - 1] = *world_entry(w, i);
    world_items(stream)[1] = *list;
    world_items(streams)[0] = *stream;
    return streams;
}

static inline void
world_note_change(struct world *w, uint32_t store)
{
    w->changed = realloc(w->changed, (w->n_changed + 1) * sizeof *w->changed);
    w->changed[w->n_changed++] = store;
    w->tip++;
}

/* world_put_store: as store_put does it; the change is in the stream. */
static inline void
world_put_store(struct world *w, const Lifecircle__V1__Store *full)
{
    struct world_store *s = &w->store[full->store];

    free(s->packed);
    s->n = lifecircle__v1__store__get_packed_size(full);
    s->packed = malloc(s->n + 1);
    lifecircle__v1__store__pack(full, s->packed);
    s->lat = world_quantise(full->at->lat_e7 / 1e7, 85.05112878);
    s->lng = world_quantise(full->at->lng_e7 / 1e7, 180);
    s->indexed = full->busy != LIFECIRCLE__V1__BUSY_MODE__PAUSED;
    if (full->store >= w->store_end)
        w->store_end = full->store + 1;
    world_note_change(w, full->store);
}

/* ---- due rows ---- */

static inline struct reply *
world_claim(struct world *w, const struct effect *e)
{
    bool held = slice_eq_str(e->argv[5], "held");
    struct reply *r = world_reply(w, REPLY_ARRAY, (size_t)2 * WORLD_ROWS);
    size_t n = 0;

    w->claims++;
    for (size_t i = 0; i < WORLD_ROWS; i++) {
        struct world_row *row = &w->row[i];
        if (!row->there || row->held != held || row->due_ms > w->now_ms)
            continue;
        row->due_ms = w->now_ms + CLAIM_VISIBILITY_MS;
        world_items(r)[n++] = world_string(w, row->uuid, 36);
        world_items(r)[n++] = world_string(w, row->record.p, row->record.n);
    }
    r->n = n;
    return r;
}

static inline struct reply *
world_hasten(struct world *w)
{
    struct reply *r = world_reply(w, REPLY_INT, 0);

    w->hastens++;
    for (size_t i = 0; i < WORLD_ROWS; i++)
        if (w->row[i].there && w->row[i].held) {
            w->row[i].due_ms = w->now_ms;
            r->integer++;
        }
    return r;
}

static inline struct reply *
world_load(struct world *w)
{
    struct reply *r = world_reply(w, REPLY_STRING, 0);
    unsigned char *bytes = arena_array(w->arena, w->store_end, 4);

    for (uint32_t i = 1; i < w->store_end; i++) {
        bytes[4 * i] = (unsigned char)(w->load[i] >> 24);
        bytes[4 * i + 1] = (unsigned char)(w->load[i] >> 16);
        bytes[4 * i + 2] = (unsigned char)(w->load[i] >> 8);
        bytes[4 * i + 3] = (unsigned char)w->load[i];
    }
    r->str = slice_of((const char *)bytes, 4 * (size_t)w->store_end);
    return r;
}

static inline struct reply *
world_redis(struct world *w, const struct effect *e)
{
    if (slice_eq_str(e->argv[0], "GEOSEARCH"))
        return world_geosearch(w, e);
    if (slice_eq_str(e->argv[0], "HSCAN"))
        return world_hscan(w);
    if (slice_eq_str(e->argv[0], "HMGET"))
        return world_hmget(w, e);
    if (slice_eq_str(e->argv[0], "XREAD"))
        return world_xread(w, e);
    if (slice_eq_str(e->argv[0], "GET"))
        return world_load(w);
    if (slice_eq_str(e->argv[0], "INFO")) {
        struct reply *r = world_reply(w, REPLY_STRING, 0);
        r->str = SLICE_LIT("# Replication\r\nmaster_replid:one\r\n");
        return r;
    }
    if (slice_eq_str(e->argv[0], "XREVRANGE")) {
        struct reply *r = world_reply(w, REPLY_ARRAY, w->tip == 0 ? 0 : 1);
        if (w->tip > 0)
            world_items(r)[0] = *world_entry(w, w->tip);
        return r;
    }
    if (slice_eq_str(e->argv[1], "due_claim"))
        return world_claim(w, e);
    return world_hasten(w);
}

#endif
