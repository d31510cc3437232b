/* intake_rig: steps intake's core alone, with a fake Redis that has one small city and a matcher
 * that says what the test says. Chain 1 "seven" (USD, key RIG_KEY) has stores "s1" (number 1) and
 * "s2" (2), "m0" to "m59" (100 to 159), and SKUs BAGEL (0), COFFEE (1, 340 g, 400 ml), BEER (2,
 * age-restricted). Chain 2 "other" has store "o1" (3). */
#ifndef LC_TESTS_INTAKE_RIG_H
#define LC_TESTS_INTAKE_RIG_H

#include "unit/unit.h"

#include "base/json_value.h"
#include "base/record.h"
#include "base/secret.h"
#include "base/step.h"
#include "base/wire.h"
#include "intake/intake.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RIG_NOW INT64_C(1795000000000)
#define RIG_SECRET "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"

enum { RIG_MORE_STORES = 60 };

struct rig {
    struct stepper *s;
    int64_t now;
    uint64_t entropy;
    uint64_t tip;       /* of the fake catalogue stream */
    bool redis_is_down; /* every call is lost */
    struct arena *a;
    char key[SECRET_TOKEN_TEXT], other_key[SECRET_TOKEN_TEXT];
    uint32_t rate;
};

static inline struct reply
rig_string(struct slice s)
{
    return (struct reply){.kind = REPLY_STRING, .str = s};
}

static inline struct reply
rig_text(const char *s)
{
    return rig_string(slice_str(s));
}

static inline struct reply
rig_array(struct rig *r, const struct reply *items, size_t n)
{
    struct reply *copy = arena_array(r->a, n + 1, sizeof *copy);

    if (n > 0)
        memcpy(copy, items, n * sizeof *copy);
    return (struct reply){.kind = REPLY_ARRAY, .items = copy, .n = n};
}

static inline struct slice
rig_pack(struct rig *r, const ProtobufCMessage *m)
{
    size_t n = protobuf_c_message_get_packed_size(m);
    uint8_t *p = arena_alloc(r->a, n + 1);

    protobuf_c_message_pack(m, p);
    return slice_of((const char *)p, n);
}

static inline struct slice
rig_chain(struct rig *r, uint32_t number, const char *id, const char *key)
{
    Lifecircle__V1__Chain c = LIFECIRCLE__V1__CHAIN__INIT;
    Lifecircle__V1__ApiKey k = LIFECIRCLE__V1__API_KEY__INIT, *keys[] = {&k};
    char hash[SECRET_HASH_TEXT];

    secret_hash(slice_str(key), hash);
    k.key_id = (char *)"k1";
    k.hash = hash;
    c.chain = number;
    c.chain_id = (char *)(uintptr_t)id;
    c.name = (char *)(uintptr_t)id;
    c.currency = (char *)"USD";
    c.n_keys = 1;
    c.keys = keys;
    c.requests_per_s = r->rate;
    return rig_pack(r, &c.base);
}

static inline struct slice
rig_store(struct rig *r, uint32_t number, uint32_t chain, const char *id)
{
    Lifecircle__V1__Store s = LIFECIRCLE__V1__STORE__INIT;
    Lifecircle__V1__Point at = LIFECIRCLE__V1__POINT__INIT;

    at.lat_e7 = 392800000 + (int32_t)number;
    at.lng_e7 = -765900000;
    s.store = number;
    s.chain = chain;
    s.store_id = (char *)(uintptr_t)id;
    s.name = (char *)"Fait Ave";
    s.at = &at;
    s.delivers = true;
    return rig_pack(r, &s.base);
}

static inline struct slice
rig_sku(struct rig *r, uint32_t index, const char *code, uint32_t grams, uint32_t ml, bool adult)
{
    Lifecircle__V1__Sku s = LIFECIRCLE__V1__SKU__INIT;

    s.sku = (char *)(uintptr_t)code;
    s.sku_index = index;
    s.weight_g = grams;
    s.volume_ml = ml;
    s.age_restricted = adult;
    return rig_pack(r, &s.base);
}

static inline struct reply
rig_hash(struct rig *r, const char *name)
{
    enum { FIELDS = 2 * (3 + RIG_MORE_STORES) };
    struct reply *f = arena_array(r->a, FIELDS, sizeof *f);
    size_t n = 0;

    if (strcmp(name, "{bal}:chains") == 0) {
        f[n++] = rig_text("1");
        f[n++] = rig_string(rig_chain(r, 1, "seven", r->key));
        f[n++] = rig_text("2");
        f[n++] = rig_string(rig_chain(r, 2, "other", r->other_key));
    } else if (strcmp(name, "{bal}:stores") == 0) {
        f[n++] = rig_text("1");
        f[n++] = rig_string(rig_store(r, 1, 1, "s1"));
        f[n++] = rig_text("2");
        f[n++] = rig_string(rig_store(r, 2, 1, "s2"));
        f[n++] = rig_text("3");
        f[n++] = rig_string(rig_store(r, 3, 2, "o1"));
        for (uint32_t i = 0; i < RIG_MORE_STORES; i++) {
            const char *id = arena_printf(r->a, "m%u", i);
            f[n++] = rig_text(arena_printf(r->a, "%u", 100 + i));
            f[n++] = rig_string(rig_store(r, 100 + i, 1, id));
        }
    } else if (strcmp(name, "{bal}:skus:1") == 0) {
        f[n++] = rig_text("BAGEL");
        f[n++] = rig_string(rig_sku(r, 0, "BAGEL", 0, 0, false));
        f[n++] = rig_text("COFFEE");
        f[n++] = rig_string(rig_sku(r, 1, "COFFEE", 340, 400, false));
        f[n++] = rig_text("BEER");
        f[n++] = rig_string(rig_sku(r, 2, "BEER", 500, 0, true));
    }
    const struct reply page[] = {rig_text("0"), rig_array(r, f, n)};
    return rig_array(r, page, 2);
}

static inline char *
rig_cstr(struct rig *r, struct slice s)
{
    return arena_copy(r->a, s.p, s.n);
}

static inline enum lc_err rig_feed(struct rig *r, struct event *ev);

static inline void
rig_redis(struct rig *r, uint64_t tag, struct reply reply)
{
    struct event ev = {.kind = EVENT_REDIS, .ref = tag, .reply = &reply};

    CU_ASSERT_EQUAL(rig_feed(r, &ev), LC_OK);
}

/* The catalogue's own calls are answered here; true then. */
static inline bool
rig_answer_catalogue(struct rig *r, const struct effect *e)
{
    uint64_t tag = e->ref;
    struct slice verb = e->argv[0];

    if (tag >> 56 != 1)
        return false;
    if (r->redis_is_down)
        rig_redis(r, tag, (struct reply){.kind = REPLY_LOST});
    else if (slice_eq_str(verb, "INFO"))
        rig_redis(r, tag, rig_text("# Replication\r\nmaster_replid:one\r\n"));
    else if (slice_eq_str(verb, "XREVRANGE"))
        rig_redis(r, tag, rig_array(r, NULL, 0));
    else if (slice_eq_str(verb, "XREAD"))
        rig_redis(r, tag, (struct reply){.kind = REPLY_NIL});
    else
        rig_redis(r, tag, rig_hash(r, rig_cstr(r, e->argv[1])));
    return true;
}

/* Every answer but a picture is JSON that a strict reader takes: no field twice, among others. */
static inline void
rig_check_json(const struct effect *e)
{
    struct arena *a = arena_new((size_t)64 * 1024 * 1024);
    const struct json_limits limits = {.bytes = (size_t)16 * 1024 * 1024, .depth = 32};
    struct slice rest = e->bytes;
    const struct json_value *v;
    size_t where;
    const char *what = "";

    while (rest.n > 0) { /* NDJSON: a document a line */
        const char *end = memchr(rest.p, '\n', rest.n);
        size_t n = end == NULL ? rest.n : (size_t)(end - rest.p) + 1;
        bool good = json_value_parse(a, slice_of(rest.p, n), &limits, &v, &where, &what) == LC_OK;
        if (!good)
            printf("\n%s: %.*s\n", what, (int)n, rest.p);
        CU_ASSERT_TRUE(good);
        rest = slice_of(rest.p + n, rest.n - n);
    }
    arena_destroy(a);
}

/* One event; the catalogue is served at once. Effects gather until rig_clear. */
static inline enum lc_err
rig_feed(struct rig *r, struct event *ev)
{
    size_t from = outbox_count(stepper_outbox(r->s));

    ev->now_ms = r->now;
    ev->entropy = ++r->entropy * UINT64_C(0x9e3779b97f4a7c15);
    enum lc_err err = stepper_feed(r->s, ev);
    size_t to = outbox_count(stepper_outbox(r->s));
    for (size_t i = from; i < to; i++) {
        struct effect e = *outbox_at(stepper_outbox(r->s), i);
        if (e.kind == EFFECT_REDIS)
            rig_answer_catalogue(r, &e);
        bool picture = e.name.n > 6 && memcmp(e.name.p, "image/", 6) == 0;
        if ((e.kind == EFFECT_HTTP || e.kind == EFFECT_HTTP_CHUNK) && !picture)
            rig_check_json(&e);
    }
    return err;
}

static inline void
rig_simple(struct rig *r, enum event_kind kind, uint64_t ref)
{
    struct event ev = {.kind = kind, .ref = ref};

    CU_ASSERT_EQUAL(rig_feed(r, &ev), LC_OK);
}

static inline void
rig_turn(struct rig *r)
{
    rig_simple(r, EVENT_TURN_END, 0);
}

/* Later: the wake and its turn. */
static inline void
rig_later(struct rig *r, int64_t ms)
{
    r->now += ms;
    rig_simple(r, EVENT_WAKE, 0);
    rig_turn(r);
}

static inline struct rig *
rig_new_with(uint32_t rate, const char *name, const char *value)
{
    struct rig *r = calloc(1, sizeof *r);
    const struct config_item items[] = {
        {SLICE_LIT("city"), SLICE_LIT("bal")},
        {SLICE_LIT("city-secret"), SLICE_LIT(RIG_SECRET)},
        {slice_str(name), slice_str(value)},
    };
    const struct config config = {items, name == NULL ? 2 : 3};
    uint8_t random[SECRET_RANDOM] = {7};

    r->s = stepper_new(&intake_service);
    r->a = arena_new((size_t)256 * 1024 * 1024);
    r->now = RIG_NOW;
    r->rate = rate;
    secret_token_format(SECRET_CHAIN, 1, random, r->key);
    secret_token_format(SECRET_CHAIN, 2, random, r->other_key);
    struct event ev = {.kind = EVENT_START, .config = &config};
    CU_ASSERT_EQUAL_FATAL(rig_feed(r, &ev), LC_OK);
    rig_simple(r, EVENT_REDIS_UP, 0);
    rig_turn(r);
    CU_ASSERT_TRUE_FATAL(intake_service.ready(stepper_core(r->s)));
    stepper_flushed(r->s);
    return r;
}

static inline struct rig *
rig_new(void)
{
    return rig_new_with(1000000, NULL, NULL);
}

static inline void
rig_free(struct rig *r)
{
    stepper_destroy(r->s);
    arena_destroy(r->a);
    free(r);
}

static inline void
rig_clear(struct rig *r)
{
    stepper_flushed(r->s);
    arena_reset(r->a);
}

/* ---- looking at effects ---- */

/* The n-th effect of a kind since the last rig_clear; NULL. The catalogue's calls do not count. */
static inline const struct effect *
rig_effect(struct rig *r, enum effect_kind kind, size_t n)
{
    for (size_t i = 0; i < outbox_count(stepper_outbox(r->s)); i++) {
        const struct effect *e = outbox_at(stepper_outbox(r->s), i);
        if (e->kind == kind && !(kind == EFFECT_REDIS && e->ref >> 56 == 1) && n-- == 0)
            return e;
    }
    return NULL;
}

static inline const struct effect *
rig_http_answer(struct rig *r, uint64_t conn)
{
    const struct effect *e;

    for (size_t n = 0; (e = rig_effect(r, EFFECT_HTTP, n)) != NULL; n++)
        if (e->ref == conn)
            return e;
    return NULL;
}

static inline bool
rig_has(struct slice s, const char *words)
{
    return s.n > 0 && memmem(s.p, s.n, words, strlen(words)) != NULL;
}

/* How many answers of a class ("2xx", "4xx", "5xx") were counted. */
static inline uint64_t
rig_answers(struct rig *r, const char *class)
{
    const char *name = arena_printf(r->a, "http_answers_total{class=\"%s\"}", class);
    size_t n;
    const struct counter *all = intake_service.counters(stepper_core(r->s), &n);

    for (size_t i = 0; i < n; i++)
        if (strcmp(all[i].name, name) == 0)
            return all[i].value;
    return UINT64_MAX;
}

/* The envelope of the n-th message to a peer. */
static inline const Lifecircle__V1__Envelope *
rig_sent(struct rig *r, size_t n)
{
    const struct effect *e = rig_effect(r, EFFECT_SEND, n);
    const Lifecircle__V1__Envelope *env = NULL;

    if (e == NULL || wire_decode(r->a, e->bytes, &env) != LC_OK)
        return NULL;
    return env;
}

/* ---- doing things ---- */

struct rig_request {
    const char *method, *path, *query, *type, *auth, *idempotency_key;
    struct slice body;
    bool streaming;
};

static inline enum lc_err
rig_request(struct rig *r, uint64_t conn, const struct rig_request *q)
{
    struct header_field h[4];
    size_t n = 0;
    char bearer[96];

    snprintf(bearer, sizeof bearer, "Bearer %s", q->auth == NULL ? r->key : q->auth);
    h[n++] = (struct header_field){SLICE_LIT("Authorization"), slice_str(bearer)};
    if (q->type != NULL)
        h[n++] = (struct header_field){SLICE_LIT("content-type"), slice_str(q->type)};
    if (q->idempotency_key != NULL)
        h[n++] = (struct header_field){SLICE_LIT("Idempotency-Key"), slice_str(q->idempotency_key)};
    const struct http_event http = {.method = slice_str(q->method),
                                    .path = slice_str(q->path),
                                    .query = slice_str(q->query),
                                    .headers = h,
                                    .n_headers = n,
                                    .peer = SLICE_LIT("192.0.2.1"),
                                    .streaming = q->streaming};
    struct event ev = {.kind = EVENT_HTTP, .ref = conn, .http = &http, .bytes = q->body};
    return rig_feed(r, &ev);
}

static inline void
rig_post(struct rig *r, uint64_t conn, const char *path, const char *body)
{
    CU_ASSERT_EQUAL(rig_request(r, conn,
                                &(struct rig_request){.method = "POST",
                                                      .path = path,
                                                      .type = "application/json",
                                                      .body = slice_str(body)}),
                    LC_OK);
}

static inline void
rig_body(struct rig *r, uint64_t conn, const char *piece)
{
    struct event ev = {.kind = EVENT_HTTP_BODY, .ref = conn, .bytes = slice_str(piece)};

    CU_ASSERT_EQUAL(rig_feed(r, &ev), LC_OK);
}

static inline void
rig_message(struct rig *r, uint64_t link, const Lifecircle__V1__Envelope *env)
{
    struct event ev = {.kind = EVENT_MESSAGE, .ref = link, .bytes = rig_pack(r, &env->base)};

    CU_ASSERT_EQUAL(rig_feed(r, &ev), LC_OK);
}

/* An order as JSON: BAGEL x 2, what `more` adds, and what follows the lines. */
static inline const char *
rig_order(struct rig *r, const char *id, const char *more)
{
    return arena_printf(r->a,
                        "{\"external_order_id\":\"%s\",\"dropoff\":{\"lat\":39.28,\"lng\":-76.59},"
                        "\"lines\":[{\"sku\":\"BAGEL\",\"quantity\":2}],\"currency\":\"USD\"%s}",
                        id, more);
}

/* ---- records, as inventory would write them ---- */

struct rig_record {
    uint8_t state, reason, flags;
    uint32_t chain, store;
    uint64_t fingerprint;
    int64_t window_start_ms, window_end_ms, ready_ms, eta_ms, total_cents;
    size_t n_lines;
    struct record_line line[8];
};

static inline struct slice
rig_head(struct rig *r, const struct rig_record *v)
{
    struct buf b = {0};

    buf_u8(&b, 1);
    buf_u8(&b, v->state);
    buf_u8(&b, v->reason);
    buf_u8(&b, v->flags);
    buf_u32(&b, 1);
    buf_u64(&b, v->fingerprint);
    buf_u32(&b, v->chain);
    buf_u32(&b, v->store);
    buf_u32(&b, 0);
    buf_u16(&b, (uint16_t)v->n_lines);
    buf_u16(&b, 1);
    buf_u64(&b, (uint64_t)v->window_start_ms);
    buf_u64(&b, (uint64_t)v->window_end_ms);
    buf_u64(&b, (uint64_t)v->window_end_ms);
    buf_u64(&b, (uint64_t)v->ready_ms);
    buf_u64(&b, (uint64_t)v->eta_ms);
    buf_u64(&b, (uint64_t)v->total_cents);
    buf_u64(&b, (uint64_t)RIG_NOW);
    buf_u64(&b, 0);
    for (unsigned s = 1; s <= RECORD_STATES; s++)
        buf_u64(&b, s == v->state ? (uint64_t)RIG_NOW : 0);
    for (size_t i = 0; i < v->n_lines; i++) {
        buf_u32(&b, v->line[i].sku_index);
        buf_u16(&b, v->line[i].quantity);
        buf_u16(&b, v->line[i].taken);
        buf_u32(&b, v->line[i].price_cents);
        buf_u32(&b, v->line[i].substitute);
    }
    struct slice out = slice_of(arena_copy(r->a, b.p, b.n), b.n);
    buf_free(&b);
    return out;
}

/* The record of an order of rig_order, placed at store 1. */
static inline struct rig_record
rig_placed(const Lifecircle__V1__Order *o)
{
    return (struct rig_record){
        .state = LIFECIRCLE__V1__ORDER_STATE__PLACED,
        .flags = RECORD_TAKEN,
        .chain = 1,
        .store = 1,
        .fingerprint = o->fingerprint,
        .window_start_ms = o->window_start_ms,
        .window_end_ms = o->window_end_ms,
        .ready_ms = RIG_NOW + 300000,
        .eta_ms = RIG_NOW + 1200000,
        .total_cents = 438,
        .n_lines = 1,
        .line = {{.sku_index = 0, .quantity = 2, .taken = 2, .price_cents = 219}},
    };
}

/* The matcher's answer about one order. */
static inline void
rig_match(struct rig *r, const char *order_id, int outcome, struct slice head)
{
    Lifecircle__V1__Envelope env = LIFECIRCLE__V1__ENVELOPE__INIT;
    Lifecircle__V1__MatchReply reply = LIFECIRCLE__V1__MATCH_REPLY__INIT;
    Lifecircle__V1__MatchResult result = LIFECIRCLE__V1__MATCH_RESULT__INIT, *results[] = {&result};
    uint8_t id[16] = {1};

    env.id = (ProtobufCBinaryData){sizeof id, id};
    env.city = (char *)"bal";
    env.body_case = LIFECIRCLE__V1__ENVELOPE__BODY_MATCH_REPLY;
    env.match_reply = &reply;
    reply.n_results = 1;
    reply.results = results;
    result.order_id = (char *)(uintptr_t)order_id;
    result.outcome = (Lifecircle__V1__MatchResult__Outcome)outcome;
    result.head = (ProtobufCBinaryData){head.n, (uint8_t *)(uintptr_t)head.p};
    rig_message(r, 0, &env);
}

/* Each order of the MatchRequests since the last rig_clear is placed at store 1. Gives how many. */
static inline size_t
rig_place_all(struct rig *r)
{
    size_t placed = 0, messages = 0;
    const Lifecircle__V1__Envelope *env[64];

    while (messages < 64 && (env[messages] = rig_sent(r, messages)) != NULL)
        messages++;
    for (size_t m = 0; m < messages; m++)
        for (size_t i = 0; i < env[m]->match_request->n_orders; i++, placed++) {
            const Lifecircle__V1__Order *o = env[m]->match_request->orders[i];
            struct rig_record rec = rig_placed(o);
            rig_match(r, o->order_id, LIFECIRCLE__V1__MATCH_RESULT__OUTCOME__PLACED_NOW,
                      rig_head(r, &rec));
        }
    return placed;
}

/* The i-th order of the message-th MatchRequest since the last rig_clear; NULL. */
static inline const Lifecircle__V1__Order *
rig_sent_order(struct rig *r, size_t message, size_t i)
{
    const Lifecircle__V1__Envelope *env = rig_sent(r, message);

    if (env == NULL || env->body_case != LIFECIRCLE__V1__ENVELOPE__BODY_MATCH_REQUEST ||
        i >= env->match_request->n_orders)
        return NULL;
    return env->match_request->orders[i];
}

#endif
