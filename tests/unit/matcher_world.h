/* matcher_world: a matcher core in a small world: a Redis that knows the catalogue and answers
 * GEOSEARCH exactly as the real one does, and an inventory that takes the first candidate with
 * stock. No sockets, no clock: the test moves the time. */
#ifndef LC_TESTS_MATCHER_WORLD_H
#define LC_TESTS_MATCHER_WORLD_H

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
    if (w->geo_errors) {
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
    struct reply *r = world_reply(w, REPLY_ARRAY, 2 * (size_t)w->store_end);
    size_t n = 0;

    for (uint32_t i = 1; i < w->store_end; i++)
        if (w->load[i] > 0) {
            world_items(r)[n++] = world_number(w, i);
            world_items(r)[n++] = world_number(w, w->load[i]);
        }
    r->n = n;
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
    if (slice_eq_str(e->argv[0], "HGETALL"))
        return world_load(w);
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

/* ---- inventory ---- */

static inline void
world_record(struct buf *b, const Lifecircle__V1__Order *o, unsigned state, uint32_t store,
             unsigned attempts, const Lifecircle__V1__PlaceCandidate *at)
{
    char head[RECORD_HEAD] = {0};

    head[0] = 1;
    head[1] = (char)state;
    memcpy(head + 8, &o->fingerprint, 8);
    memcpy(head + 16, &o->chain, 4);
    memcpy(head + 20, &store, 4);
    head[30] = (char)attempts;
    memcpy(head + 32, &o->window_start_ms, 8);
    memcpy(head + 40, &o->window_end_ms, 8);
    if (at != NULL) {
        memcpy(head + 56, &at->ready_ms, 8);
        memcpy(head + 64, &at->eta_ms, 8);
    }
    buf_append(b, head, sizeof head);
}

/* Takes the first candidate with all lines; writes as order_place would. */
static inline void
world_place_one(struct world *w, const Lifecircle__V1__PlaceOrder *p,
                Lifecircle__V1__PlaceResult *r, struct buf *head)
{
    uint32_t store = 0;

    w->rounds++;
    for (size_t i = 0; i < p->n_candidates && store == 0 && !p->create; i++) {
        bool all = true;
        for (size_t k = 0; k < p->order->n_lines; k++)
            all = all && (w->stock == NULL ||
                          w->stock(w->ctx, p->candidates[i]->store, p->order->lines[k]->sku_index,
                                   p->order->lines[k]->quantity));
        if (all) {
            store = p->candidates[i]->store;
            r->candidate = (uint32_t)i;
        }
    }
    if (store == 0 && p->more) {
        r->outcome = LIFECIRCLE__V1__PLACE_RESULT__OUTCOME__EXHAUSTED;
        return;
    }
    unsigned state = store != 0  ? LIFECIRCLE__V1__ORDER_STATE__PLACED
                     : p->create ? LIFECIRCLE__V1__ORDER_STATE__CREATED
                     : p->reject ? LIFECIRCLE__V1__ORDER_STATE__REJECTED
                                 : LIFECIRCLE__V1__ORDER_STATE__HELD;
    w->load[store]++; /* of store 0: nobody looks */
    world_record(head, p->order, state, store, 0, store == 0 ? NULL : p->candidates[r->candidate]);
    head->p[2] = (char)(store != 0             ? 0
                        : p->n_candidates == 0 ? p->reason
                                               : LIFECIRCLE__V1__REASON__OUT_OF_STOCK);
    r->outcome = store != 0 ? LIFECIRCLE__V1__PLACE_RESULT__OUTCOME__PLACED_AT
                            : LIFECIRCLE__V1__PLACE_RESULT__OUTCOME__HELD_OR_REJECTED;
    r->head = (ProtobufCBinaryData){head->n, (uint8_t *)head->p};
}

static inline void
world_feed(struct world *w, struct event *ev)
{
    ev->now_ms = w->now_ms;
    (void)!stepper_feed(w->stepper, ev);
}

static inline void
world_send(struct world *w, Lifecircle__V1__Envelope *env, uint64_t link)
{
    uint8_t id[16] = {0};
    size_t n;

    if (env->id.len == 0) {
        w->ids++;
        memcpy(id, &w->ids, sizeof w->ids);
        env->id = (ProtobufCBinaryData){sizeof id, id};
    }
    env->city = (char *)(uintptr_t) "bal";
    env->time_ms = w->now_ms;
    n = lifecircle__v1__envelope__get_packed_size(env);
    uint8_t *p = arena_alloc(w->arena, n);
    lifecircle__v1__envelope__pack(env, p);
    struct event ev = {.kind = EVENT_MESSAGE, .ref = link, .bytes = slice_of((char *)p, n)};
    world_feed(w, &ev);
}

static inline void
world_answer_places(struct world *w, const Lifecircle__V1__Envelope *from)
{
    const Lifecircle__V1__PlaceRequest *p = from->place_request;
    Lifecircle__V1__Envelope env = LIFECIRCLE__V1__ENVELOPE__INIT;
    Lifecircle__V1__PlaceReply reply = LIFECIRCLE__V1__PLACE_REPLY__INIT;
    Lifecircle__V1__PlaceResult *r = arena_array(w->arena, p->n_orders, sizeof *r);
    struct buf *head = arena_array(w->arena, p->n_orders, sizeof *head);

    reply.results = arena_array(w->arena, p->n_orders, sizeof(void *));
    for (size_t i = 0; i < p->n_orders; i++) {
        lifecircle__v1__place_result__init(&r[i]);
        r[i].order_id = p->orders[i]->order->order_id;
        world_place_one(w, p->orders[i], &r[i], &head[i]);
        reply.results[reply.n_results++] = &r[i];
        for (size_t k = 0; k < WORLD_ROWS; k++)
            if (w->row[k].there && strcmp(w->row[k].uuid, r[i].order_id) == 0) {
                if (r[i].outcome == LIFECIRCLE__V1__PLACE_RESULT__OUTCOME__PLACED_AT)
                    w->row[k].there = false;
                else
                    w->row[k].due_ms = p->orders[i]->retry_ms;
            }
    }
    env.id = from->id;
    env.body_case = LIFECIRCLE__V1__ENVELOPE__BODY_PLACE_REPLY;
    env.place_reply = &reply;
    world_send(w, &env, 0);
    for (size_t i = 0; i < p->n_orders; i++)
        buf_free(&head[i]);
}

enum { WORLD_PRICE = 199, WORLD_PLENTY = 1000 };

/* Every SKU costs WORLD_PRICE; there are 0 or as many as `stock` says at most. */
static inline void
world_answer_checks(struct world *w, const Lifecircle__V1__Envelope *from)
{
    const Lifecircle__V1__CheckRequest *c = from->check_request;
    Lifecircle__V1__Envelope env = LIFECIRCLE__V1__ENVELOPE__INIT;
    Lifecircle__V1__CheckReply reply = LIFECIRCLE__V1__CHECK_REPLY__INIT;
    Lifecircle__V1__CheckReply__Item *r = arena_array(w->arena, c->n_items, sizeof *r);

    reply.items = arena_array(w->arena, c->n_items, sizeof(void *));
    for (size_t i = 0; i < c->n_items; i++) {
        const Lifecircle__V1__CheckRequest__Item *q = c->items[i];
        size_t n = q->n_stores * q->n_sku_indexes;
        lifecircle__v1__check_reply__item__init(&r[i]);
        r[i].tag = q->tag;
        r[i].available = arena_array(w->arena, n + 1, sizeof(int32_t));
        r[i].price_cents = arena_array(w->arena, n + 1, sizeof(uint32_t));
        r[i].n_available = r[i].n_price_cents = n;
        for (size_t k = 0; k < n; k++) {
            uint32_t store = q->stores[k / q->n_sku_indexes];
            uint32_t sku = q->sku_indexes[k % q->n_sku_indexes];
            int32_t most = WORLD_PLENTY;
            while (most > 0 && w->stock != NULL && !w->stock(w->ctx, store, sku, (uint32_t)most))
                most--;
            r[i].available[k] = most;
            r[i].price_cents[k] = WORLD_PRICE;
        }
        reply.items[reply.n_items++] = &r[i];
    }
    env.id = from->id;
    env.body_case = LIFECIRCLE__V1__ENVELOPE__BODY_CHECK_REPLY;
    env.check_reply = &reply;
    world_send(w, &env, 0);
}

static inline void
world_inventory(struct world *w, struct slice frame)
{
    const Lifecircle__V1__Envelope *env;

    if (wire_decode(w->arena, frame, &env) != LC_OK)
        abort(); /* the matcher must not send what breaks the wire's limits */
    if (env->body_case == LIFECIRCLE__V1__ENVELOPE__BODY_PLACE_REQUEST) {
        w->places++;
        buf_reset(&w->place);
        size_t n = lifecircle__v1__place_request__get_packed_size(env->place_request);
        char *p = buf_reserve(&w->place, n);
        lifecircle__v1__place_request__pack(env->place_request, (uint8_t *)p);
        w->place.n = n;
        if (!w->deaf)
            world_answer_places(w, env);
    } else if (!w->deaf) {
        world_answer_checks(w, env);
    }
}

/* ---- what intake hears ---- */

static inline void
world_heard(struct world *w, struct slice frame)
{
    const Lifecircle__V1__Envelope *env;

    if (wire_decode(w->arena, frame, &env) != LC_OK ||
        env->body_case != LIFECIRCLE__V1__ENVELOPE__BODY_MATCH_REPLY)
        abort();
    const Lifecircle__V1__MatchReply *m = env->match_reply;
    for (size_t i = 0; i < m->n_results && w->results < WORLD_RESULTS; i++) {
        const Lifecircle__V1__MatchResult *r = m->results[i];
        struct world_result *to = &w->result[w->results++];
        *to = (struct world_result){.outcome = r->outcome,
                                    .reason = r->reason,
                                    .store = r->store,
                                    .travel_s = r->travel_s,
                                    .ready_ms = r->ready_ms,
                                    .eta_ms = r->eta_ms,
                                    .lines = (uint32_t)r->n_lines};
        snprintf(to->order_id, sizeof to->order_id, "%s", r->order_id);
        if (r->n_lines > 0) {
            to->line_sku = r->lines[0]->sku_index;
            to->line_quantity = r->lines[0]->quantity;
            to->line_for = r->lines[0]->substitute_for;
            to->line_price = r->lines[0]->unit_price_cents;
        }
    }
    if (m->n_nearby > 0) {
        size_t n = lifecircle__v1__nearby_result__get_packed_size(m->nearby[0]);
        buf_reset(&w->nearby);
        char *p = buf_reserve(&w->nearby, n);
        lifecircle__v1__nearby_result__pack(m->nearby[0], (uint8_t *)p);
        w->nearby.n = n;
    }
}

/* One turn: the end of the last one's input, then everything that it caused. Returns whether
 * anything was. */
static inline bool
world_turn(struct world *w)
{
    struct event end = {.kind = EVENT_TURN_END};

    world_feed(w, &end);
    struct outbox *o = stepper_outbox(w->stepper);
    size_t n = outbox_count(o), caused = 0;
    struct effect *list = arena_array(w->arena, n + 1, sizeof *list);
    for (size_t i = 0; i < n; i++) { /* copied: feeding adds to the outbox */
        const struct effect *e = outbox_at(o, i);
        list[i] = *e;
        list[i].bytes = slice_of(arena_copy(w->arena, e->bytes.p, e->bytes.n), e->bytes.n);
        if (e->kind == EFFECT_REDIS) {
            struct slice *argv = arena_array(w->arena, e->argc, sizeof *argv);
            for (size_t k = 0; k < e->argc; k++)
                argv[k] = slice_of(arena_copy(w->arena, e->argv[k].p, e->argv[k].n), e->argv[k].n);
            list[i].argv = argv;
        }
    }
    stepper_flushed(w->stepper);
    for (size_t i = 0; i < n; i++) {
        struct event ev = {.kind = EVENT_REDIS, .ref = list[i].ref};
        if (list[i].kind == EFFECT_REDIS) {
            ev.reply = world_redis(w, &list[i]);
            world_feed(w, &ev);
        } else if (list[i].kind == EFFECT_SEND) {
            world_inventory(w, list[i].bytes);
        } else if (list[i].kind == EFFECT_ANSWER) {
            world_heard(w, list[i].bytes);
        } else {
            continue;
        }
        caused++;
    }
    return caused > 0;
}

static inline void
world_settle(struct world *w)
{
    for (int i = 0; i < 100 && world_turn(w); i++)
        ;
    arena_reset(w->arena);
}

/* world_wait: lets time pass, a tick at a time. */
static inline void
world_wait(struct world *w, int64_t ms)
{
    for (int64_t end = w->now_ms + ms; w->now_ms < end;) {
        w->now_ms += end - w->now_ms < 50 ? end - w->now_ms : 50;
        struct event wake = {.kind = EVENT_WAKE};
        world_feed(w, &wake);
        world_settle(w);
    }
}

static inline void
world_open(struct world *w, const struct config_item *items, size_t n)
{
    struct config_item all[16] = {{SLICE_LIT("city"), SLICE_LIT("bal")}};
    struct config c = {all, n + 1};

    *w = (struct world){.now_ms = 1763800000000, .store_end = 1};
    for (size_t i = 0; i < n; i++)
        all[i + 1] = items[i];
    w->store = calloc(WORLD_STORES, sizeof *w->store);
    w->load = calloc(WORLD_STORES, sizeof *w->load);
    w->arena = arena_new((size_t)256 * 1024 * 1024);
    w->stepper = stepper_new(&matcher_service);
    struct event start = {.kind = EVENT_START, .entropy = 7, .config = &c};
    world_feed(w, &start);
}

/* world_up: Redis is there; the catalogue is loaded. */
static inline void
world_up(struct world *w)
{
    struct event up = {.kind = EVENT_REDIS_UP};

    world_feed(w, &up);
    world_settle(w);
    world_wait(w, 300);
}

static inline void
world_close(struct world *w)
{
    stepper_destroy(w->stepper);
    arena_destroy(w->arena);
    for (uint32_t i = 0; i < w->store_end; i++)
        free(w->store[i].packed);
    for (size_t i = 0; i < WORLD_ROWS; i++)
        buf_free(&w->row[i].record);
    free(w->store);
    free(w->changed);
    free(w->load);
    buf_free(&w->nearby);
    buf_free(&w->place);
    buf_free(&w->frames);
}

static inline struct matcher *
world_core(struct world *w)
{
    return stepper_core(w->stepper);
}

/* world_row: the order waits in Redis. */
static inline void
world_add_row(struct world *w, const Lifecircle__V1__Order *o, bool held, int64_t due_ms)
{
    struct world_row *row = w->row;

    while (row->there)
        row++;
    buf_reset(&row->record);
    world_record(&row->record, o,
                 held ? LIFECIRCLE__V1__ORDER_STATE__HELD : LIFECIRCLE__V1__ORDER_STATE__CREATED, 0,
                 0, NULL);
    size_t n = lifecircle__v1__order__get_packed_size(o);
    char *p = buf_reserve(&row->record, n);
    lifecircle__v1__order__pack(o, (uint8_t *)p);
    row->record.n += n;
    snprintf(row->uuid, sizeof row->uuid, "%s", o->order_id);
    row->held = held;
    row->due_ms = due_ms;
    row->there = true;
}

/* ---- making orders and stores ---- */

/* world_order: one line of SKU 1, at the point, within the next hour. Its id is made of n. */
struct world_order {
    Lifecircle__V1__Order order;
    Lifecircle__V1__Point at;
    Lifecircle__V1__OrderLine line;
    Lifecircle__V1__OrderLine *lines[1];
    char id[37];
};

static inline Lifecircle__V1__Order *
world_order(struct world_order *o, const struct world *w, unsigned n, struct latlng at)
{
    lifecircle__v1__order__init(&o->order);
    lifecircle__v1__point__init(&o->at);
    lifecircle__v1__order_line__init(&o->line);
    snprintf(o->id, sizeof o->id, "00000000-0000-8000-8000-%012u", n);
    o->at.lat_e7 = at.lat_e7;
    o->at.lng_e7 = at.lng_e7;
    o->line.sku_index = 1;
    o->line.quantity = 1;
    o->line.unit_price_cents = -1;
    o->lines[0] = &o->line;
    o->order.order_id = o->id;
    o->order.chain = 1;
    o->order.dropoff = &o->at;
    o->order.items = 1;
    o->order.fingerprint = 1000 + n;
    o->order.n_lines = 1;
    o->order.lines = o->lines;
    o->order.window_start_ms = w->now_ms;
    o->order.window_end_ms = w->now_ms + 3600000;
    o->order.hold_until_ms = w->now_ms + 3000000;
    return &o->order;
}

/* world_ask: one MatchRequest, settled. */
static inline void
world_ask(struct world *w, Lifecircle__V1__Order *order, bool quote)
{
    Lifecircle__V1__Envelope env = LIFECIRCLE__V1__ENVELOPE__INIT;
    Lifecircle__V1__MatchRequest m = LIFECIRCLE__V1__MATCH_REQUEST__INIT;

    *(quote ? &m.n_quotes : &m.n_orders) = 1;
    *(quote ? &m.quotes : &m.orders) = &order;
    env.body_case = LIFECIRCLE__V1__ENVELOPE__BODY_MATCH_REQUEST;
    env.match_request = &m;
    env.deadline_ms = w->now_ms + 250;
    w->results = 0;
    world_send(w, &env, 77);
    world_settle(w);
}

/* world_store: open day and night, a square zone of half_m around it. */
struct world_shop {
    Lifecircle__V1__Store store;
    Lifecircle__V1__Point at;
    Lifecircle__V1__Ring ring, *rings[1];
    Lifecircle__V1__Interval day[7], *days[7];
    int32_t e7[10];
    char id[16];
};

static inline Lifecircle__V1__Store *
world_store(struct world_shop *s, uint32_t number, struct latlng at, int32_t half_m)
{
    int32_t d = half_m * 90;
    int32_t dlng = (int32_t)(d / cos(at.lat_e7 * (M_PI / 180 / 1e7)));
    const int32_t e7[10] = {at.lat_e7 - d, at.lng_e7 - dlng, at.lat_e7 - d, at.lng_e7 + dlng,
                            at.lat_e7 + d, at.lng_e7 + dlng, at.lat_e7 + d, at.lng_e7 - dlng,
                            at.lat_e7 - d, at.lng_e7 - dlng};

    lifecircle__v1__store__init(&s->store);
    lifecircle__v1__point__init(&s->at);
    lifecircle__v1__ring__init(&s->ring);
    s->at.lat_e7 = at.lat_e7;
    s->at.lng_e7 = at.lng_e7;
    memcpy(s->e7, e7, sizeof e7);
    s->ring.n_e7 = 10;
    s->ring.e7 = s->e7;
    s->rings[0] = &s->ring;
    for (uint32_t i = 0; i < 7; i++) {
        lifecircle__v1__interval__init(&s->day[i]);
        s->day[i].weekday = i;
        s->day[i].close_minute = 1440;
        s->days[i] = &s->day[i];
    }
    snprintf(s->id, sizeof s->id, "s%u", number);
    s->store.store = number;
    s->store.chain = 1;
    s->store.store_id = s->id;
    s->store.name = s->id;
    s->store.at = &s->at;
    s->store.n_zone = 1;
    s->store.zone = s->rings;
    s->store.n_hours = 7;
    s->store.hours = s->days;
    s->store.prep_s = 300;
    s->store.delivers = true;
    s->store.age_check = true;
    s->store.cold = true;
    return &s->store;
}

#endif
