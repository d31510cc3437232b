/* catalogue_fake: a catalogue and the Redis that it follows, of four hashes and a stream, which
 * answers in pages of two, loses what the test says, and has a gap or another life. */
#ifndef LC_TESTS_CATALOGUE_FAKE_H
#define LC_TESTS_CATALOGUE_FAKE_H

#include "unit/unit.h"

#include "base/catalogue.h"
#include "base/date.h"
#include "base/secret.h"

#include <stdio.h>
#include <string.h>

enum { TAG = 100, ROUNDS_MAX = 200 };

/* A Redis of four hashes and a stream, that answers in pages of two. */
struct fake {
    struct arena *a;
    struct outbox *out;
    struct catalogue *c;
    int64_t now;
    uint64_t tip;     /* entries 1-1 .. 1-tip exist */
    uint64_t trimmed; /* those up to it are gone */
    struct {
        const char *name;
        uint32_t number;
    } entry[32];     /* entry[i] is 1-(i+1) */
    uint32_t stores; /* numbers 1 .. stores */
    uint32_t skus;   /* of chain 1 */
    const char *store_name;
    const char *replid; /* NULL: INFO is refused */
    int lose;           /* so many answers are lost */
    bool break_store;   /* store 2's bytes are no message */
    size_t calls;
    size_t told_stores, told_restocked, told_loaded;
};

static inline struct slice
pack(struct fake *f, const ProtobufCMessage *m)
{
    size_t n = protobuf_c_message_get_packed_size(m);
    uint8_t *p = arena_alloc(f->a, n + 1);

    protobuf_c_message_pack(m, p);
    return slice_of((const char *)p, n);
}

static inline struct reply
text(const char *s)
{
    return (struct reply){.kind = REPLY_STRING, .str = slice_str(s)};
}

static inline struct reply
number(struct fake *f, uint64_t v)
{
    return text(arena_printf(f->a, "%llu", (unsigned long long)v));
}

static inline struct reply
array(struct fake *f, const struct reply *items, size_t n)
{
    struct reply *copy = arena_array(f->a, n + 1, sizeof *copy);

    if (n > 0)
        memcpy(copy, items, n * sizeof *copy);
    return (struct reply){.kind = REPLY_ARRAY, .items = copy, .n = n};
}

static inline struct reply
store_value(struct fake *f, uint32_t n)
{
    Lifecircle__V1__Store s = LIFECIRCLE__V1__STORE__INIT;
    Lifecircle__V1__Point at = LIFECIRCLE__V1__POINT__INIT;

    if (n == 2 && f->break_store)
        return text("\xff\xff");
    at.lat_e7 = (int32_t)n;
    s.store = n;
    s.chain = 1;
    s.store_id = arena_printf(f->a, "s%u", n);
    s.name = (char *)(uintptr_t)(f->store_name == NULL ? "A shop" : f->store_name);
    s.at = &at;
    s.prep_s = 300 + n;
    return (struct reply){.kind = REPLY_STRING, .str = pack(f, &s.base)};
}

static inline struct reply
chain_value(struct fake *f)
{
    Lifecircle__V1__Chain c = LIFECIRCLE__V1__CHAIN__INIT;
    Lifecircle__V1__ApiKey k[2] = {LIFECIRCLE__V1__API_KEY__INIT, LIFECIRCLE__V1__API_KEY__INIT};
    Lifecircle__V1__ApiKey *keys[] = {&k[0], &k[1]};
    char hash[2][SECRET_HASH_TEXT];

    secret_hash(SLICE_LIT("lc_chain_1_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"), hash[0]);
    secret_hash(SLICE_LIT("lc_chain_1_BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB"), hash[1]);
    k[0].hash = hash[0];
    k[1].hash = hash[1];
    k[0].revoked = true;
    c.chain = 1;
    c.chain_id = (char *)"seven";
    c.n_keys = 2;
    c.keys = keys;
    return (struct reply){.kind = REPLY_STRING, .str = pack(f, &c.base)};
}

static inline struct reply
sku_value(struct fake *f, uint32_t index)
{
    Lifecircle__V1__Sku s = LIFECIRCLE__V1__SKU__INIT;

    s.sku = arena_printf(f->a, "SKU-%u", index);
    s.sku_index = index;
    s.name = (char *)"Something";
    s.weight_g = index;
    return (struct reply){.kind = REPLY_STRING, .str = pack(f, &s.base)};
}

static inline struct reply
courier_value(struct fake *f)
{
    Lifecircle__V1__Courier c = LIFECIRCLE__V1__COURIER__INIT;

    c.courier = 5;
    c.courier_id = (char *)"ada";
    return (struct reply){.kind = REPLY_STRING, .str = pack(f, &c.base)};
}

static inline struct reply
scan(struct fake *f, struct slice key, struct slice cursor)
{
    struct reply items[4];
    size_t n = 0;
    uint32_t from = (uint32_t)strtoul(arena_copy(f->a, cursor.p, cursor.n), NULL, 10), next = 0;

    if (slice_eq_str(key, "{bal}:chains")) {
        items[n++] = text("1");
        items[n++] = chain_value(f);
    } else if (slice_eq_str(key, "{bal}:couriers")) {
        items[n++] = text("5");
        items[n++] = courier_value(f);
    } else {
        bool stores = slice_eq_str(key, "{bal}:stores");
        uint32_t all = stores ? f->stores : f->skus;
        for (uint32_t i = from; i < all && i < from + 2; i++) {
            items[n++] = number(f, i);
            items[n++] = stores ? store_value(f, i + 1) : sku_value(f, i);
            next = i + 1 < all ? i + 1 : 0;
        }
    }
    const struct reply page[] = {number(f, next), array(f, items, n)};
    return array(f, page, 2);
}

static inline struct reply
fetch(struct fake *f, const struct effect *e)
{
    struct reply *items = arena_array(f->a, e->argc, sizeof *items);

    for (size_t i = 2; i < e->argc; i++) {
        uint32_t n = (uint32_t)strtoul(arena_copy(f->a, e->argv[i].p, e->argv[i].n), NULL, 10);
        if (slice_eq_str(e->argv[1], "{bal}:stores"))
            items[i - 2] = n <= f->stores ? store_value(f, n) : (struct reply){.kind = REPLY_NIL};
        else
            items[i - 2] = chain_value(f);
    }
    return array(f, items, e->argc - 2);
}

static inline struct reply
entry(struct fake *f, uint64_t id)
{
    char *packed = arena_alloc(f->a, 4);
    uint32_t n = f->entry[id - 1].number;

    for (int i = 0; i < 4; i++)
        packed[i] = (char)(n >> (8 * i));
    const struct reply fields[] = {text(f->entry[id - 1].name),
                                   {.kind = REPLY_STRING, .str = slice_of(packed, 4)}};
    const struct reply whole[] = {text(arena_printf(f->a, "1-%llu", (unsigned long long)id)),
                                  array(f, fields, 2)};
    return array(f, whole, 2);
}

static inline struct reply
follow(struct fake *f, struct slice from)
{
    struct reply items[32];
    size_t n = 0;
    uint64_t last = strtoull(arena_copy(f->a, from.p + 2, from.n - 2), NULL, 10);

    for (uint64_t id = last + 1; id <= f->tip; id++)
        if (id > f->trimmed)
            items[n++] = entry(f, id);
    if (n == 0)
        return (struct reply){.kind = REPLY_NIL};
    const struct reply stream[] = {text("{bal}:catalogue"), array(f, items, n)};
    const struct reply list[] = {array(f, stream, 2)};
    return array(f, list, 1);
}

static inline struct reply
answer(struct fake *f, const struct effect *e)
{
    if (f->lose > 0) {
        f->lose--;
        return (struct reply){.kind = REPLY_LOST};
    }
    if (slice_eq_str(e->argv[0], "INFO") && f->replid == NULL)
        return (struct reply){.kind = REPLY_ERROR, .str = SLICE_LIT("NOPERM")};
    if (slice_eq_str(e->argv[0], "INFO"))
        return text(arena_printf(f->a,
                                 "# Replication\r\nrole:master\r\nmaster_replid:%s\r\n"
                                 "master_replid2:0000000000000000000000000000000000000000\r\n",
                                 f->replid));
    if (slice_eq_str(e->argv[0], "XREVRANGE")) {
        struct reply tip = f->tip == 0 ? (struct reply){0} : entry(f, f->tip);
        return array(f, &tip, f->tip > 0);
    }
    if (slice_eq_str(e->argv[0], "HSCAN"))
        return scan(f, e->argv[1], e->argv[2]);
    if (slice_eq_str(e->argv[0], "HMGET"))
        return fetch(f, e);
    return follow(f, e->argv[5]);
}

/* One event, and all calls that follow from it. */
static inline void
feed(struct fake *f, struct event ev)
{
    ev.now_ms = f->now;
    ev.arena = f->a;
    catalogue_step(f->c, &ev, f->out);
    for (size_t i = 0; i < outbox_count(f->out) && i < ROUNDS_MAX; i++) {
        const struct effect e = *outbox_at(f->out, i);
        if (e.kind != EFFECT_REDIS)
            continue;
        f->calls++;
        struct reply r = answer(f, &e);
        struct event reply = {
            .kind = EVENT_REDIS, .ref = e.ref, .reply = &r, .now_ms = f->now, .arena = f->a};
        CU_ASSERT_TRUE(catalogue_step(f->c, &reply, f->out));
    }
    outbox_reset(f->out);
}

static inline void
later(struct fake *f, int64_t ms)
{
    f->now += ms;
    feed(f, (struct event){.kind = EVENT_WAKE});
}

static inline void
on_store(void *ctx, const struct catalogue_store *s, const Lifecircle__V1__Store *full)
{
    struct fake *f = ctx;

    f->told_stores++;
    CU_ASSERT_EQUAL(s->store, full->store);
}

static inline void
on_restocked(void *ctx, uint32_t store)
{
    (void)store;
    ((struct fake *)ctx)->told_restocked++;
}

static inline void
on_loaded(void *ctx)
{
    ((struct fake *)ctx)->told_loaded++;
}

static inline struct fake *
fake_new(unsigned kinds)
{
    static const struct catalogue_watch watch = {
        .store = on_store, .restocked = on_restocked, .loaded = on_loaded};
    struct fake *f = calloc(1, sizeof *f);

    f->a = arena_new(64 * 1024 * 1024);
    f->out = outbox_new(64 * 1024 * 1024);
    f->now = 1000000;
    f->stores = 5;
    f->skus = 3;
    f->replid = "8371b4fb1155b71f4a04d3e1bc3e18c4a990aeeb";
    f->c = catalogue_new(&(struct catalogue_options){
        .kinds = kinds, .city = SLICE_LIT("bal"), .tag = TAG, .watch = &watch, .ctx = f});
    return f;
}

static inline struct fake *
fake_loaded(void)
{
    struct fake *f = fake_new(CATALOGUE_CHAINS | CATALOGUE_STORES | CATALOGUE_SKUS |
                              CATALOGUE_COURIERS | CATALOGUE_SKU_NAMES);

    feed(f, (struct event){.kind = EVENT_REDIS_UP});
    return f;
}

static inline void
fake_free(struct fake *f)
{
    catalogue_destroy(f->c);
    outbox_destroy(f->out);
    arena_destroy(f->a);
    free(f);
}

static inline void
put_entry(struct fake *f, const char *name, uint32_t n)
{
    f->entry[f->tip].name = name;
    f->entry[f->tip].number = n;
    f->tip++;
}

#endif
