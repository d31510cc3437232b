/* router_city: what the fake Redis of the router's tests holds (router_redis.h): couriers, orders
 * and their states, and the replies that are made of them. */
#ifndef LC_TESTS_ROUTER_CITY_H
#define LC_TESTS_ROUTER_CITY_H

#include "base/geo.h"
#include "base/record.h"
#include "base/secret.h"
#include "base/step.h"
#include "base/wire.h"
#include "router/router.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "courier.pb-c.h"
#include "dispatch.pb-c.h"
#include "envelope.pb-c.h"
#include "stock.pb-c.h"

#define W_STATE(x) LIFECIRCLE__V1__ORDER_STATE__##x
#define W_OUTCOME(x) LIFECIRCLE__V1__COURIER_REPLY__OUTCOME__##x
#define W_KIND(x) LIFECIRCLE__V1__REPORT_KIND__##x
#define W_REASON(x) LIFECIRCLE__V1__REASON__##x

enum { W_ORDERS = 64, W_COURIERS = 8, W_EVENTS = 4096, W_REPLIES = 8192, W_PENDING = 512 };
enum { W_BANS = 4, W_SPEEDS = 16 };
#define W_SECRET "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

struct w_order {
    struct uuid id;
    char text[UUID_TEXT];
    struct buf record;
    const Lifecircle__V1__DispatchDecision *decision;
    int64_t due_ms;                  /* 0 = no row */
    uint32_t pinned, banned[W_BANS]; /* what people said */
    size_t n_banned;
    bool held;
    char words[80]; /* of the last step */
};

struct w_blob {
    bool set;
    struct buf bytes;
};

struct w_event {
    struct buf o;      /* uuid and head, or empty */
    const char *field; /* NULL = o */
};

struct w_pending {
    uint64_t ref;
    struct reply *reply;
};

struct world {
    int64_t now_ms;
    struct stepper *s;
    struct arena *arena; /* replies; kept for the whole test */
    struct w_order order[W_ORDERS];
    size_t n_orders;
    uint32_t priority; /* of orders that are placed from now on */
    struct w_blob shift[W_COURIERS + 1], route[W_COURIERS + 1];
    struct w_event event[W_EVENTS];
    size_t n_events, trimmed;
    struct w_pending pending[W_PENDING];
    size_t n_pending;
    bool frozen[W_COURIERS + 1];
    bool revoked[W_COURIERS + 1];
    uint32_t changed[W_COURIERS]; /* the catalogue's stream: couriers who were */
    size_t n_changed;
    char owner[64];
    int64_t epoch, until_ms;
    bool lose_commits; /* applied, but the answer is lost */
    bool drop_commits; /* not applied, and the answer is lost */
    unsigned commits;  /* calls of plan_commit */
    unsigned fenced, seen, gone, news, notes, acks;
    struct latlng seen_at; /* the last place of the last courier_seen */
    Lifecircle__V1__CourierReply *reply[W_REPLIES];
    size_t n_replies;
    uint64_t tag;
    struct buf work; /* what came of the last job, and its tag; told in w_pass */
    uint64_t work_tag;
    unsigned slices;
    const struct travel *map; /* NULL = none */
    const char *learn;        /* learn-speeds; NULL = off */
    struct w_speed {
        char field[16];
        struct buf bytes;
    } speed[W_SPEEDS]; /* what was learnt */
    size_t n_speeds;
    int64_t speeds_generation;
    unsigned speeds_puts;
};

/* ---- places: a street along a parallel ---- */

static inline struct latlng
w_at(int metres)
{
    return (struct latlng){392800000, -765900000 + metres * 116}; /* about a metre each */
}

/* ---- replies ---- */

static inline struct reply *
w_reply(struct world *w, enum reply_kind kind)
{
    struct reply *r = arena_zalloc(w->arena, sizeof *r);

    assert(r != NULL);
    r->kind = kind;
    return r;
}

static inline struct reply
w_int(int64_t v)
{
    return (struct reply){.kind = REPLY_INT, .integer = v};
}

static inline struct reply
w_str(struct world *w, const void *p, size_t n)
{
    return (struct reply){.kind = REPLY_STRING, .str = slice_of(arena_copy(w->arena, p, n), n)};
}

static inline struct reply *
w_array(struct world *w, size_t n, struct reply **items)
{
    struct reply *r = w_reply(w, REPLY_ARRAY);

    *items = arena_array(w->arena, n + 1, sizeof **items);
    assert(*items != NULL);
    r->n = n;
    r->items = *items;
    return r;
}

static inline int64_t
w_num(struct slice s)
{
    char text[32] = "";

    memcpy(text, s.p, s.n < sizeof text - 1 ? s.n : sizeof text - 1);
    return strtoll(text, NULL, 10);
}

/* ---- orders ---- */

static inline void
w_put32(char *p, uint32_t v)
{
    for (int i = 0; i < 4; i++)
        p[i] = (char)(unsigned char)(v >> (8 * i));
}

static inline void
w_put64(char *p, int64_t v)
{
    for (int i = 0; i < 8; i++)
        p[i] = (char)(unsigned char)((uint64_t)v >> (8 * i));
}

static inline struct w_order *
w_find(struct world *w, struct slice id)
{
    for (size_t i = 0; i < w->n_orders; i++)
        if (slice_eq_str(id, w->order[i].text))
            return &w->order[i];
    return NULL;
}

static inline void
w_event(struct world *w, const struct w_order *o)
{
    struct w_event *e = &w->event[w->n_events++];

    assert(w->n_events < W_EVENTS);
    *e = (struct w_event){.field = NULL};
    buf_append(&e->o, o->text, 36);
    buf_append(&e->o, o->record.p, RECORD_HEAD);
}

static inline struct record
w_head(const struct w_order *o)
{
    struct record r;
    enum lc_err err = record_read(buf_slice(&o->record), &r);

    assert(err == LC_OK);
    (void)err;
    return r;
}

static inline unsigned
w_state(const struct w_order *o)
{
    return w_head(o).state;
}

static inline void
w_move(struct world *w, struct w_order *o, unsigned state, unsigned reason, uint32_t courier)
{
    char *p = o->record.p;

    p[1] = (char)state;
    p[2] = (char)reason;
    w_put32(p + 4, bytes_u32(p + 4) + 1);
    w_put32(p + 24, courier);
    w_put64(p + 80, w->now_ms);
    w_put64(p + 96 + 8 * (state - 1), w->now_ms);
    if (record_is_end(state))
        o->due_ms = 0;
}

/* A placed delivery from store 1 (at 0 m) to `metres` along the street. */
static inline struct w_order *
w_place(struct world *w, int metres, int64_t ready_in_s, int64_t promise_in_s)
{
    struct w_order *o = &w->order[w->n_orders++];
    Lifecircle__V1__Order m = LIFECIRCLE__V1__ORDER__INIT;
    Lifecircle__V1__Point at = LIFECIRCLE__V1__POINT__INIT;
    char head[RECORD_HEAD] = {0}, name[16];

    snprintf(name, sizeof name, "order-%zu", w->n_orders);
    o->id = uuid_order(1, slice_str(name));
    uuid_format(o->id, o->text);
    at.lat_e7 = w_at(metres).lat_e7;
    at.lng_e7 = w_at(metres).lng_e7;
    m.order_id = o->text;
    m.chain = 1;
    m.external_order_id = name;
    m.dropoff = &at;
    m.items = 2;
    m.priority = w->priority;
    m.weight_g = 1000;
    head[0] = 1;
    head[1] = (char)W_STATE(PLACED);
    w_put32(head + 4, 1);
    w_put32(head + 16, 1);
    w_put32(head + 20, 1);
    w_put64(head + 40, w->now_ms + 1000 * promise_in_s);
    w_put64(head + 56, w->now_ms + 1000 * ready_in_s);
    w_put64(head + 80, w->now_ms);
    o->record = (struct buf){0};
    buf_append(&o->record, head, sizeof head);
    size_t n = lifecircle__v1__order__get_packed_size(&m);
    lifecircle__v1__order__pack(&m, (uint8_t *)buf_reserve(&o->record, n));
    o->record.n += n;
    o->due_ms = w->now_ms;
    w_event(w, o);
    return o;
}

static inline void
w_cancel(struct world *w, struct w_order *o)
{
    w_move(w, o, W_STATE(CANCELLED), W_REASON(CUSTOMER_CANCELLED), w_head(o).courier);
    w_event(w, o);
}

/* w_ended: an operator says where the goods are that a courier carried. */
static inline void
w_ended(struct world *w, struct w_order *o, unsigned state)
{
    w_move(w, o, state, 0, w_head(o).courier);
    w_event(w, o);
}

#endif
