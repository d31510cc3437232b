/* The catalogue: its content, and how it follows Redis through gaps, losses and broken records. */
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

static struct slice
pack(struct fake *f, const ProtobufCMessage *m)
{
    size_t n = protobuf_c_message_get_packed_size(m);
    uint8_t *p = arena_alloc(f->a, n + 1);

    protobuf_c_message_pack(m, p);
    return slice_of((const char *)p, n);
}

static struct reply
text(const char *s)
{
    return (struct reply){.kind = REPLY_STRING, .str = slice_str(s)};
}

static struct reply
number(struct fake *f, uint64_t v)
{
    return text(arena_printf(f->a, "%llu", (unsigned long long)v));
}

static struct reply
array(struct fake *f, const struct reply *items, size_t n)
{
    struct reply *copy = arena_array(f->a, n + 1, sizeof *copy);

    if (n > 0)
        memcpy(copy, items, n * sizeof *copy);
    return (struct reply){.kind = REPLY_ARRAY, .items = copy, .n = n};
}

static struct reply
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

static struct reply
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

static struct reply
sku_value(struct fake *f, uint32_t index)
{
    Lifecircle__V1__Sku s = LIFECIRCLE__V1__SKU__INIT;

    s.sku = arena_printf(f->a, "SKU-%u", index);
    s.sku_index = index;
    s.name = (char *)"Something";
    s.weight_g = index;
    return (struct reply){.kind = REPLY_STRING, .str = pack(f, &s.base)};
}

static struct reply
courier_value(struct fake *f)
{
    Lifecircle__V1__Courier c = LIFECIRCLE__V1__COURIER__INIT;

    c.courier = 5;
    c.courier_id = (char *)"ada";
    return (struct reply){.kind = REPLY_STRING, .str = pack(f, &c.base)};
}

static struct reply
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

static struct reply
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

static struct reply
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

static struct reply
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

static struct reply
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
static void
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

static void
later(struct fake *f, int64_t ms)
{
    f->now += ms;
    feed(f, (struct event){.kind = EVENT_WAKE});
}

static void
on_store(void *ctx, const struct catalogue_store *s, const Lifecircle__V1__Store *full)
{
    struct fake *f = ctx;

    f->told_stores++;
    CU_ASSERT_EQUAL(s->store, full->store);
}

static void
on_restocked(void *ctx, uint32_t store)
{
    (void)store;
    ((struct fake *)ctx)->told_restocked++;
}

static void
on_loaded(void *ctx)
{
    ((struct fake *)ctx)->told_loaded++;
}

static struct fake *
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

static struct fake *
fake_loaded(void)
{
    struct fake *f = fake_new(CATALOGUE_CHAINS | CATALOGUE_STORES | CATALOGUE_SKUS |
                              CATALOGUE_COURIERS | CATALOGUE_SKU_NAMES);

    feed(f, (struct event){.kind = EVENT_REDIS_UP});
    return f;
}

static void
fake_free(struct fake *f)
{
    catalogue_destroy(f->c);
    outbox_destroy(f->out);
    arena_destroy(f->a);
    free(f);
}

static void
put_entry(struct fake *f, const char *name, uint32_t n)
{
    f->entry[f->tip].name = name;
    f->entry[f->tip].number = n;
    f->tip++;
}

/* ---- loading ---- */

static void
test_catalogue_loads_all_kinds_page_by_page(void)
{
    struct fake *f = fake_loaded();
    struct catalogue_sku sku;

    CU_ASSERT_TRUE(catalogue_loaded(f->c));
    CU_ASSERT_EQUAL(f->told_loaded, 1);
    CU_ASSERT_EQUAL(catalogue_store_count(f->c), 5);
    CU_ASSERT_EQUAL(f->told_stores, 5);
    CU_ASSERT_STRING_EQUAL(catalogue_store(f->c, 4)->store_id, "s4");
    CU_ASSERT_EQUAL(catalogue_store(f->c, 4)->prep_s, 304);
    CU_ASSERT_PTR_EQUAL(catalogue_store_by_id(f->c, 1, SLICE_LIT("s5")), catalogue_store(f->c, 5));
    CU_ASSERT_PTR_NULL(catalogue_store_by_id(f->c, 2, SLICE_LIT("s5")));
    CU_ASSERT_PTR_NULL(catalogue_store(f->c, 6));
    CU_ASSERT_STRING_EQUAL(catalogue_chain(f->c, 1)->chain_id, "seven");
    CU_ASSERT_STRING_EQUAL(catalogue_courier(f->c, 5)->courier_id, "ada");
    CU_ASSERT_EQUAL(catalogue_sku_count(f->c, 1), 3);
    CU_ASSERT_EQUAL(catalogue_sku_index(f->c, 1, SLICE_LIT("SKU-2")), 2);
    CU_ASSERT_EQUAL(catalogue_sku_index(f->c, 1, SLICE_LIT("SKU-3")), CATALOGUE_NO_SKU);
    CU_ASSERT_EQUAL(catalogue_sku_index(f->c, 9, SLICE_LIT("SKU-2")), CATALOGUE_NO_SKU);
    CU_ASSERT_TRUE_FATAL(catalogue_sku(f->c, 1, 2, &sku));
    CU_ASSERT_STRING_EQUAL(sku.sku, "SKU-2");
    CU_ASSERT_STRING_EQUAL(sku.name, "Something");
    CU_ASSERT_EQUAL(sku.weight_g, 2);
    fake_free(f);
}

static void
test_catalogue_loads_only_what_is_asked_for(void)
{
    struct fake *f = fake_new(CATALOGUE_STORES);

    feed(f, (struct event){.kind = EVENT_REDIS_UP});
    CU_ASSERT_TRUE(catalogue_loaded(f->c));
    CU_ASSERT_EQUAL(catalogue_store_count(f->c), 5);
    CU_ASSERT_PTR_NULL(catalogue_chain(f->c, 1));
    CU_ASSERT_PTR_NULL(catalogue_courier(f->c, 5));
    CU_ASSERT_EQUAL(catalogue_sku_count(f->c, 1), 0);
    fake_free(f);
}

static void
test_catalogue_goes_on_after_any_lost_answer(void)
{
    for (int lost = 1; lost < 12; lost++) {
        struct fake *f = fake_new(CATALOGUE_CHAINS | CATALOGUE_STORES | CATALOGUE_SKUS);
        f->lose = lost;
        feed(f, (struct event){.kind = EVENT_REDIS_UP});
        for (int i = 0; i < lost; i++)
            later(f, CATALOGUE_POLL_MS);
        CU_ASSERT_TRUE(catalogue_loaded(f->c));
        CU_ASSERT_EQUAL(catalogue_store_count(f->c), 5);
        CU_ASSERT_EQUAL(catalogue_sku_count(f->c, 1), 3);
        fake_free(f);
    }
}

static void
test_catalogue_passes_over_a_broken_record(void)
{
    struct fake *f = fake_new(CATALOGUE_STORES);

    f->break_store = true;
    feed(f, (struct event){.kind = EVENT_REDIS_UP});
    CU_ASSERT_TRUE(catalogue_loaded(f->c));
    CU_ASSERT_EQUAL(catalogue_store_count(f->c), 4);
    CU_ASSERT_PTR_NULL(catalogue_store(f->c, 2));
    fake_free(f);
}

/* ---- following ---- */

static void
test_catalogue_reads_what_the_stream_names(void)
{
    struct fake *f = fake_loaded();

    f->told_stores = 0;
    f->store_name = "Another name";
    f->stores = 6;
    f->skus = 4;
    put_entry(f, "store", 6);
    put_entry(f, "store", 3);
    put_entry(f, "sku", 1);
    put_entry(f, "stock", 2);
    later(f, CATALOGUE_POLL_MS);
    later(f, CATALOGUE_POLL_MS);
    CU_ASSERT_STRING_EQUAL(catalogue_store(f->c, 6)->name, "Another name");
    CU_ASSERT_STRING_EQUAL(catalogue_store(f->c, 3)->name, "Another name");
    CU_ASSERT_STRING_EQUAL(catalogue_store(f->c, 1)->name, "A shop");
    CU_ASSERT_EQUAL(f->told_stores, 2);
    CU_ASSERT_EQUAL(f->told_restocked, 1);
    CU_ASSERT_EQUAL(catalogue_sku_index(f->c, 1, SLICE_LIT("SKU-3")), 3);
    CU_ASSERT_EQUAL(f->told_loaded, 1);
    fake_free(f);
}

static void
test_catalogue_follows_at_once_on_news(void)
{
    struct fake *f = fake_loaded();
    Lifecircle__V1__Envelope env = LIFECIRCLE__V1__ENVELOPE__INIT;
    Lifecircle__V1__News news = LIFECIRCLE__V1__NEWS__INIT;

    news.topic = LIFECIRCLE__V1__NEWS__TOPIC__CATALOGUE;
    env.body_case = LIFECIRCLE__V1__ENVELOPE__BODY_NEWS;
    env.news = &news;
    f->stores = 6;
    put_entry(f, "store", 6);
    feed(f, (struct event){.kind = EVENT_MESSAGE, .envelope = &env});
    CU_ASSERT_PTR_NOT_NULL(catalogue_store(f->c, 6));
    fake_free(f);
}

static void
test_catalogue_loads_again_after_a_gap(void)
{
    struct fake *f = fake_loaded();

    f->stores = 6;
    f->store_name = "Another name";
    put_entry(f, "store", 6);
    put_entry(f, "stock", 1);
    f->trimmed = 1;
    later(f, CATALOGUE_POLL_MS);
    CU_ASSERT_EQUAL(f->told_loaded, 2);
    CU_ASSERT_PTR_NOT_NULL(catalogue_store(f->c, 6));
    CU_ASSERT_STRING_EQUAL(catalogue_store(f->c, 1)->name, "Another name");
    fake_free(f);
}

static void
test_catalogue_loads_again_when_the_stream_went_back(void)
{
    struct fake *f = fake_loaded();

    put_entry(f, "stock", 1);
    put_entry(f, "stock", 1);
    later(f, CATALOGUE_POLL_MS);
    f->tip = 1; /* another Redis, or one that lost its last second */
    feed(f, (struct event){.kind = EVENT_REDIS_UP});
    CU_ASSERT_EQUAL(f->told_loaded, 2);
    f->stores = 6;
    put_entry(f, "store", 6);
    later(f, CATALOGUE_POLL_MS);
    CU_ASSERT_PTR_NOT_NULL(catalogue_store(f->c, 6));
    fake_free(f);
}

/* A replica became the primary that did not have the last entries: others have their numbers now,
 * and the stream's end says nothing. */
static void
test_catalogue_loads_again_from_another_primary(void)
{
    struct fake *f = fake_loaded();

    put_entry(f, "stock", 1);
    later(f, CATALOGUE_POLL_MS);
    f->tip = 0;
    put_entry(f, "store", 3);
    put_entry(f, "stock", 2);
    f->store_name = "Another name";
    f->replid = "2b1c9c0d4b3f0cbb8f8e8e3d7e9c3b8f00000000";
    feed(f, (struct event){.kind = EVENT_REDIS_UP});
    CU_ASSERT_EQUAL(f->told_loaded, 2);
    CU_ASSERT_STRING_EQUAL(catalogue_store(f->c, 3)->name, "Another name");
    f->told_loaded = 0;
    feed(f, (struct event){.kind = EVENT_REDIS_UP});
    CU_ASSERT_EQUAL(f->told_loaded, 0);
    fake_free(f);
}

/* Lost answers must not hide that it was another one. */
static void
test_catalogue_finds_another_primary_after_lost_answers(void)
{
    for (int lost = 1; lost < 6; lost++) {
        struct fake *f = fake_loaded();
        f->store_name = "Another name";
        f->replid = "2b1c9c0d4b3f0cbb8f8e8e3d7e9c3b8f00000000";
        f->lose = lost;
        feed(f, (struct event){.kind = EVENT_REDIS_UP});
        for (int i = 0; i < lost; i++)
            later(f, CATALOGUE_POLL_MS);
        CU_ASSERT_EQUAL(f->told_loaded, 2);
        CU_ASSERT_STRING_EQUAL(catalogue_store(f->c, 3)->name, "Another name");
        fake_free(f);
    }
}

/* Who may not ask reads all again each time: it costs time, the other way would cost changes. */
static void
test_catalogue_loads_again_when_it_cannot_tell_the_primary(void)
{
    struct fake *f = fake_loaded();

    f->replid = NULL;
    feed(f, (struct event){.kind = EVENT_REDIS_UP});
    CU_ASSERT_EQUAL(f->told_loaded, 2);
    fake_free(f);
}

static void
test_catalogue_reconnected_does_not_load_all_again(void)
{
    struct fake *f = fake_loaded();

    f->calls = 0;
    feed(f, (struct event){.kind = EVENT_REDIS_UP});
    CU_ASSERT_EQUAL(f->told_loaded, 1);
    CU_ASSERT_EQUAL(f->calls, 3); /* which primary, the stream's end, and what is new */
    fake_free(f);
}

static void
test_catalogue_polls_every_250_ms(void)
{
    struct fake *f = fake_loaded();

    f->calls = 0;
    later(f, CATALOGUE_POLL_MS - 1);
    CU_ASSERT_EQUAL(f->calls, 0);
    later(f, 1);
    CU_ASSERT_EQUAL(f->calls, 1);
    CU_ASSERT_EQUAL(catalogue_wake_ms(f->c), f->now + CATALOGUE_POLL_MS);
    fake_free(f);
}

static void
test_catalogue_leaves_other_replies_alone(void)
{
    struct fake *f = fake_loaded();
    struct reply nil = {.kind = REPLY_NIL};
    struct event ev = {
        .kind = EVENT_REDIS, .ref = TAG + CATALOGUE_TAGS, .reply = &nil, .arena = f->a};

    CU_ASSERT_FALSE(catalogue_step(f->c, &ev, f->out));
    ev.ref = TAG - 1;
    CU_ASSERT_FALSE(catalogue_step(f->c, &ev, f->out));
    fake_free(f);
}

/* ---- look-ups ---- */

static void
test_catalogue_chain_by_key_wants_the_exact_living_key(void)
{
    static const struct {
        const char *key;
        enum lc_err err;
    } table[] = {
        {"lc_chain_1_BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB", LC_OK},
        {"lc_chain_1_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", LC_EDENIED}, /* revoked */
        {"lc_chain_1_BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBA", LC_EDENIED},
        {"lc_chain_2_BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB", LC_EDENIED},
        {"lc_courier_1_BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB", LC_EDENIED},
        {"lc_chain_1_", LC_EDENIED},
        {"", LC_EDENIED},
    };
    struct fake *f = fake_loaded();

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        const Lifecircle__V1__Chain *chain = NULL;
        size_t index = 9;
        CU_ASSERT_EQUAL(catalogue_chain_by_key(f->c, slice_str(table[i].key), &chain, &index),
                        table[i].err);
        if (table[i].err == LC_OK)
            CU_ASSERT_EQUAL(index, 1);
    }
    fake_free(f);
}

static void
test_catalogue_key_lives_until_it_is_revoked(void)
{
    static const struct {
        uint32_t chain;
        const char *key;
        bool lives;
    } table[] = {
        {1, "lc_chain_1_BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB", true},
        {1, "lc_chain_1_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", false}, /* revoked */
        {1, "lc_chain_1_BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBA", false},
        {2, "lc_chain_1_BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB", false},
        {99, "lc_chain_1_BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB", false},
    };
    struct fake *f = fake_loaded();

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        char hash[SECRET_HASH_TEXT];
        secret_hash(slice_str(table[i].key), hash);
        CU_ASSERT_EQUAL(catalogue_key_lives(f->c, table[i].chain, hash), table[i].lives);
    }
    fake_free(f);
}

static void
test_catalogue_put_store_keeps_a_number_for_one_store(void)
{
    struct fake *f = fake_loaded();
    Lifecircle__V1__Store s = LIFECIRCLE__V1__STORE__INIT;

    s.store = 3;
    s.chain = 1;
    s.store_id = (char *)"someone-else";
    CU_ASSERT_EQUAL(catalogue_put_store(f->c, &s), LC_EINVAL);
    s.store = 0;
    CU_ASSERT_EQUAL(catalogue_put_store(f->c, &s), LC_EINVAL);
    s.store = 4000000000;
    CU_ASSERT_EQUAL(catalogue_put_store(f->c, &s), LC_EINVAL);
    s.store = 3;
    s.store_id = (char *)"s3";
    s.name = (char *)"New name";
    CU_ASSERT_EQUAL(catalogue_put_store(f->c, &s), LC_OK);
    CU_ASSERT_STRING_EQUAL(catalogue_store_by_id(f->c, 1, SLICE_LIT("s3"))->name, "New name");
    CU_ASSERT_EQUAL(catalogue_store_count(f->c), 5);
    fake_free(f);
}

static void
test_catalogue_put_sku_survives_thousands_and_new_names(void)
{
    enum { N = 5000 };
    struct fake *f = fake_loaded();
    Lifecircle__V1__Sku s = LIFECIRCLE__V1__SKU__INIT;
    struct catalogue_sku sku;
    char code[32];
    size_t wrong = 0;

    s.sku = code;
    for (uint32_t i = 0; i < N; i++) {
        snprintf(code, sizeof code, "%u", i * 7);
        s.sku_index = i;
        s.name = (char *)"";
        wrong += catalogue_put_sku(f->c, 3, &s) != LC_OK;
    }
    for (uint32_t i = 0; i < N; i += 3) {
        snprintf(code, sizeof code, "%u", i * 7);
        s.sku_index = i;
        s.name = (char *)"a name";
        wrong += catalogue_put_sku(f->c, 3, &s) != LC_OK;
    }
    for (uint32_t i = 0; i < N; i++) {
        snprintf(code, sizeof code, "%u", i * 7);
        wrong += catalogue_sku_index(f->c, 3, slice_str(code)) != i;
        wrong += !catalogue_sku(f->c, 3, i, &sku) || strcmp(sku.sku, code) != 0 ||
                 strcmp(sku.name, i % 3 == 0 ? "a name" : "") != 0;
    }
    CU_ASSERT_EQUAL(wrong, 0);
    s.sku_index = 5;
    CU_ASSERT_EQUAL(catalogue_put_sku(f->c, 3, &s), LC_EINVAL); /* an index means one SKU */
    fake_free(f);
}

static void
test_catalogue_hours_reads_week_and_exceptions(void)
{
    Lifecircle__V1__Store s = LIFECIRCLE__V1__STORE__INIT;
    Lifecircle__V1__Interval a = LIFECIRCLE__V1__INTERVAL__INIT, *list[] = {&a};
    Lifecircle__V1__HoursException e = LIFECIRCLE__V1__HOURS_EXCEPTION__INIT, *exceptions[] = {&e};
    struct hours h;

    a.weekday = 6;
    a.open_minute = 480;
    a.close_minute = 1560;
    e.date = 20261224;
    s.n_hours = 1;
    s.hours = list;
    s.n_exceptions = 1;
    s.exceptions = exceptions;
    CU_ASSERT_EQUAL(catalogue_hours(&s, &h), LC_OK);
    CU_ASSERT_EQUAL(h.week[6].n, 1);
    CU_ASSERT_EQUAL(h.week[6].span[0].close_min, 1560);
    CU_ASSERT_EQUAL(h.exception[0].date, date_of((struct civil){2026, 12, 24}));
    CU_ASSERT_EQUAL(h.exception[0].day.n, 0);
    a.weekday = 7;
    CU_ASSERT_EQUAL(catalogue_hours(&s, &h), LC_EINVAL);
    CU_ASSERT_EQUAL(h.week[6].n, 0);
}

UNIT_MAIN("catalogue", UNIT(test_catalogue_loads_all_kinds_page_by_page),
          UNIT(test_catalogue_loads_only_what_is_asked_for),
          UNIT(test_catalogue_goes_on_after_any_lost_answer),
          UNIT(test_catalogue_passes_over_a_broken_record),
          UNIT(test_catalogue_reads_what_the_stream_names),
          UNIT(test_catalogue_follows_at_once_on_news),
          UNIT(test_catalogue_loads_again_after_a_gap),
          UNIT(test_catalogue_loads_again_when_the_stream_went_back),
          UNIT(test_catalogue_loads_again_from_another_primary),
          UNIT(test_catalogue_finds_another_primary_after_lost_answers),
          UNIT(test_catalogue_loads_again_when_it_cannot_tell_the_primary),
          UNIT(test_catalogue_reconnected_does_not_load_all_again),
          UNIT(test_catalogue_polls_every_250_ms), UNIT(test_catalogue_leaves_other_replies_alone),
          UNIT(test_catalogue_chain_by_key_wants_the_exact_living_key),
          UNIT(test_catalogue_key_lives_until_it_is_revoked),
          UNIT(test_catalogue_put_store_keeps_a_number_for_one_store),
          UNIT(test_catalogue_put_sku_survives_thousands_and_new_names),
          UNIT(test_catalogue_hours_reads_week_and_exceptions))
