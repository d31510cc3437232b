/* notifier_rig: the notifier's core with a Redis made of a few tables, for its tests. One rig per
 * test. */
#ifndef LC_TESTS_NOTIFIER_RIG_H
#define LC_TESTS_NOTIFIER_RIG_H

#include "unit/unit.h"

#include "base/catalogue.h"
#include "base/record.h"
#include "notifier/core.h"
#include "notifier/notifier.h"

#include <stdlib.h>

enum { RIG_SENT = 64, RIG_ORDERS = 8, RIG_EVENTS = 32 };

/* What went out. */
struct rig_sent {
    struct effect e;
    char bytes[4096]; /* with a NUL */
    char name[512];
    char extra[1024];
};

struct rig_event {
    uint64_t number;
    char field; /* o, e, r, s */
    char value[300];
    size_t n;
};

struct rig {
    struct stepper *stepper;
    int64_t now_ms;
    struct rig_sent sent[RIG_SENT];
    size_t n_sent;
    /* Redis */
    bool redis_dead;   /* every call is answered REPLY_LOST */
    bool no_catalogue; /* every HSCAN is */
    bool no_records;   /* every MGET is an error */
    struct rig_event events[RIG_EVENTS];
    size_t n_events;
    char cursor[32];
    const char *primary;  /* whose replication id; NULL: that of the first */
    char routes[4][1024]; /* by courier number; version prefix included */
    size_t route_n[4];
    bool on_shift[4];
    char record[RIG_ORDERS][1024];
    size_t record_n[RIG_ORDERS];
    char sealed[RIG_ORDERS][512]; /* n = 0: nothing, or erased */
    size_t sealed_n[RIG_ORDERS];
    struct uuid order[RIG_ORDERS];
    unsigned enqueued; /* webhook rows */
    char hook_id[8][32];
    char hook_row[8][1024];
    size_t hook_row_n[8];
    bool hook_due[8];
    int64_t hook_next[8];
    char hook_told[96]; /* the last "url status why" */
    unsigned chain_puts;
    char step;            /* the outcome that order_step answers with; 0 = none */
    char stepped[96];     /* its last "action reason who" */
    char step_words[208]; /* and words */
    long long proof;      /* what order_proof answers */
    char rule;            /* the outcome that dispatch_rule answers with */
    char ruled[256];      /* its last "kind order courier who words" */
    char confirm;         /* the outcome that order_confirm answers with */
    char confirmed[128];  /* its last "order lat lng who" */
    char access[256];     /* what {city}:access says of every token; n = 0: nothing */
    size_t access_n;
    struct latlng signed_on;     /* where every shift began; 0: not said */
    char place[4][24];           /* {city}:geo:couriers, by courier number; "": nobody knows */
    const struct travel *travel; /* of the thread beside the loop */
    bool no_work;                /* it never answers */
    unsigned works;
    char history[8][160]; /* of every order, oldest first */
    size_t history_n[8];
    size_t histories;
    const char *value_of; /* the one key that has a value for GET and MGET, without "{bal}:" */
    const char *value;
    size_t value_n;
    uint32_t order_store;                 /* whose every order is, for GETRANGE */
    unsigned orders_read;                 /* by order_read, all calls */
    void (*while_reading)(struct rig *r); /* or NULL: happens before that answer */
    uint64_t hold; /* calls of this kind (the tag's high byte) are not answered; 0 = none */
    uint64_t held; /* the tag of the last one */
};

#define RIG_SECRET "0101010101010101010101010101010101010101010101010101010101010101"

static inline struct notifier *
rig_core(struct rig *r)
{
    return stepper_core(r->stepper);
}

static void rig_effects(struct rig *r);

static inline void
rig_feed(struct rig *r, struct event *ev)
{
    struct event end = {.kind = EVENT_TURN_END, .now_ms = r->now_ms};

    ev->now_ms = r->now_ms;
    CU_ASSERT_EQUAL(stepper_feed(r->stepper, ev), LC_OK);
    CU_ASSERT_EQUAL(stepper_feed(r->stepper, &end), LC_OK);
    rig_effects(r);
}

/* rig_wake: time passes, then a wake. */
static inline void
rig_wake(struct rig *r, int64_t ms)
{
    struct event ev = {.kind = EVENT_WAKE};

    r->now_ms += ms;
    rig_feed(r, &ev);
}

#include "unit/notifier_tables.h"

static inline void
rig_keep(struct rig *r, const struct effect *e)
{
    struct rig_sent *s = &r->sent[r->n_sent++ % RIG_SENT];

    s->e = *e;
    snprintf(s->bytes, sizeof s->bytes, "%.*s", (int)e->bytes.n,
             e->bytes.p == NULL ? "" : e->bytes.p);
    snprintf(s->name, sizeof s->name, "%.*s", (int)e->name.n, e->name.p == NULL ? "" : e->name.p);
    snprintf(s->extra, sizeof s->extra, "%.*s", (int)e->extra.n,
             e->extra.p == NULL ? "" : e->extra.p);
}

/* rig_effects: keeps what went out and answers Redis calls until there are none. */
static void
rig_effects(struct rig *r)
{
    struct outbox *out = stepper_outbox(r->stepper);
    struct arena *a = arena_new(1 << 22);
    struct reply *replies = arena_array(a, outbox_count(out) + 1, sizeof *replies);
    uint64_t *tags = arena_array(a, outbox_count(out) + 1, sizeof *tags);
    size_t n = 0;
    uint64_t jobs[8];
    struct buf done[8] = {0};
    size_t n_jobs = 0;

    for (size_t i = 0; i < outbox_count(out); i++) {
        const struct effect *e = outbox_at(out, i);
        if (e->kind == EFFECT_WORK && !r->no_work) {
            jobs[n_jobs] = e->ref;
            CU_ASSERT_EQUAL(notifier_service.work(r->travel, e->bytes, &done[n_jobs]), LC_OK);
            n_jobs++;
            r->works++;
        } else if (e->kind == EFFECT_REDIS && r->hold != 0 && e->ref >> 56 == r->hold) {
            r->held = e->ref;
        } else if (e->kind == EFFECT_REDIS && e->ref != 0) {
            tags[n] = e->ref;
            replies[n++] = rig_answer(r, e, a);
        } else if (e->kind != EFFECT_WAKE && e->kind != EFFECT_REDIS) {
            rig_keep(r, e);
        }
    }
    stepper_flushed(r->stepper);
    for (size_t i = 0; i < n; i++) {
        struct event ev = {.kind = EVENT_REDIS, .ref = tags[i], .reply = &replies[i]};
        rig_feed(r, &ev);
    }
    for (size_t i = 0; i < n_jobs; i++) {
        struct event ev = {.kind = EVENT_WORK, .ref = jobs[i], .bytes = buf_slice(&done[i])};
        rig_feed(r, &ev);
        buf_free(&done[i]);
    }
    arena_destroy(a);
}

/* ---- making one ---- */

static inline void
rig_courier(struct rig *r, uint32_t number, const char *token, bool revoked)
{
    Lifecircle__V1__Courier c = LIFECIRCLE__V1__COURIER__INIT;
    char hash[SECRET_HASH_TEXT];
    uint8_t packed[256];

    secret_hash(slice_str(token), hash);
    c.courier = number;
    c.courier_id = (char *)(uintptr_t) "ada";
    c.token_hash = hash;
    c.revoked = revoked;
    size_t n = lifecircle__v1__courier__pack(&c, packed);
    CU_ASSERT_EQUAL(catalogue_put_courier(rig_core(r)->catalogue, slice_of((char *)packed, n)),
                    LC_OK);
}

/* rig_new_with: without a catalogue it cannot be read until no_catalogue is unset. */
static inline struct rig *
rig_new_with(bool catalogue)
{
    struct rig *r = calloc(1, sizeof *r);
    const struct config_item items[] = {{SLICE_LIT("city"), SLICE_LIT("bal")},
                                        {SLICE_LIT("city-secret"), SLICE_LIT(RIG_SECRET)}};
    const struct config config = {items, 2};
    struct event start = {.kind = EVENT_START, .config = &config, .entropy = 7};
    struct event up = {.kind = EVENT_REDIS_UP};

    r->now_ms = 1795366800000;
    r->stepper = stepper_new(&notifier_service);
    r->no_catalogue = !catalogue;
    rig_feed(r, &start);
    rig_feed(r, &up);
    return r;
}

static inline struct rig *
rig_new(void)
{
    return rig_new_with(true);
}

static inline void
rig_free(struct rig *r)
{
    stepper_destroy(r->stepper);
    free(r);
}

/* ---- what comes in ---- */

static inline void
rig_http(struct rig *r, uint64_t conn, const char *path, const char *query, bool upgrade)
{
    struct http_event http = {.method = SLICE_LIT("GET"),
                              .path = slice_str(path),
                              .query = slice_str(query),
                              .upgrade = upgrade};
    struct event ev = {.kind = EVENT_HTTP, .ref = conn, .http = &http};

    rig_feed(r, &ev);
}

static inline void
rig_say(struct rig *r, uint64_t conn, const char *text)
{
    struct event ev = {.kind = EVENT_SOCKET, .ref = conn, .bytes = slice_str(text), .text = true};

    rig_feed(r, &ev);
}

static inline void
rig_event_add(struct rig *r, char field, const void *value, size_t n)
{
    struct rig_event *e = &r->events[r->n_events];

    e->number = ++r->n_events;
    e->field = field;
    memcpy(e->value, value, n);
    e->n = n;
}

/* rig_seal: whom order i is for, as intake seals it. */
static inline void
rig_seal(struct rig *r, int i)
{
    static struct chance chance;
    Lifecircle__V1__Personal p = LIFECIRCLE__V1__PERSONAL__INIT;
    Lifecircle__V1__Contact c = LIFECIRCLE__V1__CONTACT__INIT;
    struct buf b = {0};

    p.address = (char *)(uintptr_t) "3000 Fait Ave";
    p.customer = &c;
    c.name = (char *)(uintptr_t) "Grace";
    c.phone = (char *)(uintptr_t) "+14105550123";
    for (uint64_t entropy = 1; entropy <= CHANCE_ENOUGH; entropy++)
        chance_stir(&chance, entropy);
    CU_ASSERT_EQUAL(personal_seal(&rig_core(r)->personal, &chance, r->order[i], &p, &b), LC_OK);
    memcpy(r->sealed[i], b.p, b.n);
    r->sealed_n[i] = b.n;
    buf_free(&b);
}

/* rig_order_told: order i of chain 1 at store 1 in a state, as a record, and its event: o, or e
 * when only its arrival has changed. */
static inline void
rig_order_told(struct rig *r, int i, unsigned state, uint32_t courier, uint32_t version, char field)
{
    Lifecircle__V1__Order o = LIFECIRCLE__V1__ORDER__INIT;
    char external[16];
    char text[UUID_TEXT];
    char value[36 + RECORD_HEAD];
    struct buf b = {0};

    snprintf(external, sizeof external, "o-%d", i);
    r->order[i] = uuid_order(1, slice_str(external));
    uuid_format(r->order[i], text);
    o.order_id = text;
    o.external_order_id = external;
    o.chain = 1;
    o.currency = (char *)(uintptr_t) "USD";
    o.items = 3;
    buf_u8(&b, 1);
    buf_u8(&b, (uint8_t)state);
    buf_u8(&b, 0);
    buf_u8(&b, RECORD_TAKEN);
    buf_u32(&b, version);
    buf_u64(&b, 42);
    buf_u32(&b, 1);
    buf_u32(&b, 1);
    buf_u32(&b, courier);
    buf_u16(&b, 0);
    buf_u16(&b, 1);
    while (b.n < RECORD_HEAD)
        buf_u64(&b, b.n == 80 ? (uint64_t)r->now_ms : 0);
    memcpy(value, text, 36);
    memcpy(value + 36, b.p, RECORD_HEAD);
    char *to = buf_reserve(&b, lifecircle__v1__order__get_packed_size(&o));
    b.n += lifecircle__v1__order__pack(&o, (uint8_t *)to);
    memcpy(r->record[i], b.p, b.n);
    r->record_n[i] = b.n;
    buf_free(&b);
    rig_seal(r, i);
    rig_event_add(r, field, value, sizeof value);
}

static inline void
rig_order(struct rig *r, int i, unsigned state, uint32_t courier, uint32_t version)
{
    rig_order_told(r, i, state, courier, version, 'o');
}

/* rig_route_to: the courier's route has this version and one stop for order i. */
static inline void
rig_route_to(struct rig *r, uint32_t courier, uint32_t version, int i,
             Lifecircle__V1__Stop__Kind kind)
{
    Lifecircle__V1__Route route = LIFECIRCLE__V1__ROUTE__INIT;
    Lifecircle__V1__Stop stop = LIFECIRCLE__V1__STOP__INIT;
    Lifecircle__V1__Stop *stops[] = {&stop};
    Lifecircle__V1__Point at = LIFECIRCLE__V1__POINT__INIT;
    char text[UUID_TEXT];
    struct buf b = {0};

    uuid_format(r->order[i], text);
    at.lat_e7 = 392847000;
    at.lng_e7 = -765921000;
    stop.order_id = text;
    stop.at = &at;
    stop.store = 1;
    stop.kind = kind;
    route.courier = courier;
    route.version = version;
    route.stops = stops;
    route.n_stops = 1;
    buf_u32(&b, version);
    char *to = buf_reserve(&b, lifecircle__v1__route__get_packed_size(&route));
    b.n += lifecircle__v1__route__pack(&route, (uint8_t *)to);
    memcpy(r->routes[courier], b.p, b.n);
    r->route_n[courier] = b.n;
    buf_reset(&b);
    buf_u32(&b, courier);
    buf_u32(&b, version);
    rig_event_add(r, 'r', b.p, b.n);
    buf_free(&b);
}

/* rig_route: the same with a pick-up. */
static inline void
rig_route(struct rig *r, uint32_t courier, uint32_t version, int i)
{
    rig_route_to(r, courier, version, i, LIFECIRCLE__V1__STOP__KIND__PICKUP);
}

/* ---- what went out ---- */

/* rig_last: the last thing of a kind on a connection (0 = any); NULL when there is none. */
static inline const struct rig_sent *
rig_last(const struct rig *r, enum effect_kind kind, uint64_t conn)
{
    for (size_t i = r->n_sent; i > 0 && i + RIG_SENT > r->n_sent; i--) {
        const struct rig_sent *s = &r->sent[(i - 1) % RIG_SENT];
        if (s->e.kind == kind && (conn == 0 || s->e.ref == conn))
            return s;
    }
    return NULL;
}

/* rig_count: how many things of a kind went out on a connection that contain a text. */
static inline unsigned
rig_count(const struct rig *r, enum effect_kind kind, uint64_t conn, const char *text)
{
    unsigned n = 0;

    for (size_t i = r->n_sent > RIG_SENT ? r->n_sent - RIG_SENT : 0; i < r->n_sent; i++) {
        const struct rig_sent *s = &r->sent[i % RIG_SENT];
        n += s->e.kind == kind && (conn == 0 || s->e.ref == conn) && strstr(s->bytes, text) != NULL;
    }
    return n;
}

#define CHAIN_KEY "lc_chain_1_CCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCC"
#define HOOK_SECRET "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

/* put_chain: chain 1 with CHAIN_KEY and this webhook. */
static inline void
put_chain(struct rig *r, const char *url, bool revoked)
{
    Lifecircle__V1__Chain c = LIFECIRCLE__V1__CHAIN__INIT;
    Lifecircle__V1__ApiKey key = LIFECIRCLE__V1__API_KEY__INIT;
    Lifecircle__V1__ApiKey *keys[] = {&key};
    char hash[SECRET_HASH_TEXT];
    char *secrets[] = {(char *)(uintptr_t)HOOK_SECRET};
    uint8_t packed[512];

    c.chain = 1;
    c.chain_id = (char *)(uintptr_t) "corner";
    c.webhook_url = (char *)(uintptr_t)url;
    c.webhook_secrets = secrets;
    c.n_webhook_secrets = 1;
    secret_hash(SLICE_LIT(CHAIN_KEY), hash);
    key.hash = hash;
    key.revoked = revoked;
    c.keys = keys;
    c.n_keys = 1;
    size_t n = lifecircle__v1__chain__pack(&c, packed);
    CU_ASSERT_EQUAL(catalogue_put_chain(rig_core(r)->catalogue, slice_of((char *)packed, n)),
                    LC_OK);
}

#endif
