/* world: a little city, set up through the public interface as a chain would do it. */
#include "world.h"

#include "base/json_out.h"
#include "base/timestamp.h"

#include "stock.pb-c.h"

#include <stdlib.h>

enum { CALM_MS = 12 * 60 * 1000, QUIET_MS = 15000, LOOK_MS = 5000 };

static struct world *
world(struct sim *s)
{
    return s->world;
}

struct latlng
world_place(struct sim *s)
{
    return (struct latlng){(int32_t)rng_between(&s->world_rng, 392750000, 392950000),
                           (int32_t)rng_between(&s->world_rng, -766100000, -765750000)};
}

static void
set_config(struct sim *s, const char *name, const char *value)
{
    s->config[s->n_config].name = slice_str(name);
    s->config[s->n_config++].value = slice_str(value);
}

int64_t
world_call(struct sim *s, const char *function, size_t n, const struct slice *args)
{
    struct slice argv[16] = {SLICE_LIT("FCALL"), slice_str(function), SLICE_LIT("1"),
                             SLICE_LIT("{sim}")};
    int64_t v = -1;

    memcpy(argv + 4, args, n * sizeof *args);
    redisReply *r = redis_do(s, n + 4, argv);
    if (r != NULL && r->type == REDIS_REPLY_INTEGER)
        v = r->integer;
    else
        sim_fail(s, "%s: %s", function, r == NULL ? "no answer" : r->str);
    if (r != NULL)
        freeReplyObject(r);
    return v;
}

static void
random_bytes(struct sim *s, uint8_t *to, size_t n)
{
    for (size_t i = 0; i < n; i++)
        to[i] = (uint8_t)rng_next(&s->world_rng);
}

static void
put_chain(struct sim *s, unsigned i)
{
    struct sim_chain *c = &world(s)->chains[i];
    Lifecircle__V1__Chain chain = LIFECIRCLE__V1__CHAIN__INIT;
    Lifecircle__V1__ApiKey key = LIFECIRCLE__V1__API_KEY__INIT;
    Lifecircle__V1__ApiKey *keys[] = {&key};
    uint8_t random[SECRET_RANDOM];
    uint8_t packed[1024];
    char hash[SECRET_HASH_TEXT];
    char now[24];
    char secret[WEBHOOK_SECRET_TEXT];
    char *secrets[] = {secret};

    random_bytes(s, random, sizeof random);
    size_t n = secret_token_format(SECRET_CHAIN, i + 1, random, c->key);
    secret_hash(slice_of(c->key, n), hash);
    c->webhook.n = 32;
    random_bytes(s, c->webhook.b, c->webhook.n);
    webhook_secret_format(&c->webhook, secret);
    stpcpy(stpcpy(stpcpy(c->auth, "Authorization: Bearer "), c->key), "\n");
    key.key_id = (char *)"k";
    key.hash = hash;
    chain.chain_id = (char *)(i == 0 ? "one" : "two");
    chain.name = (char *)"Chain";
    chain.currency = (char *)"USD";
    chain.price_policy = LIFECIRCLE__V1__PRICE_POLICY__PRICE_TAKE;
    chain.requests_per_s = 100000;
    chain.promise_s = 1800;
    chain.keys = keys;
    chain.n_keys = 1;
    chain.webhook_url =
        (char *)(i == 0 ? "https://one.example/hooks" : "https://two.example/hooks");
    chain.webhook_secrets = secrets;
    chain.n_webhook_secrets = 1;
    size_t size = lifecircle__v1__chain__pack(&chain, packed);
    snprintf(now, sizeof now, "%lld", (long long)s->now_ms);
    struct slice args[] = {slice_str(now), SLICE_LIT("0"), slice_of((char *)packed, size)};
    c->number = (uint32_t)world_call(s, "chain_put", 3, args);
}

static void
put_courier(struct sim *s, unsigned i)
{
    struct phone *p = &world(s)->phones[i];
    Lifecircle__V1__Courier courier = LIFECIRCLE__V1__COURIER__INIT;
    uint8_t random[SECRET_RANDOM];
    uint8_t packed[512];
    char hash[SECRET_HASH_TEXT];
    char id[16];
    char now[24];

    random_bytes(s, random, sizeof random);
    size_t n = secret_token_format(SECRET_COURIER, i + 1, random, p->token);
    secret_hash(slice_of(p->token, n), hash);
    snprintf(id, sizeof id, "rider-%u", i + 1);
    courier.courier_id = id;
    courier.name = id;
    courier.token_hash = hash;
    courier.adult_trained = i % 2 == 0;
    size_t size = lifecircle__v1__courier__pack(&courier, packed);
    snprintf(now, sizeof now, "%lld", (long long)s->now_ms);
    struct slice args[] = {slice_str(now), SLICE_LIT("0"), slice_of((char *)packed, size)};
    p->courier = (uint32_t)world_call(s, "courier_put", 3, args);
}

/* ---- set-up over HTTP, repeated until it is taken ---- */

static void
write_feature(struct json_out *w, const struct sim_store *st)
{
    const int32_t d = 150000; /* the zone: a square of about 3 km */
    const int32_t corner[5][2] = {{-d, -d}, {-d, d}, {d, d}, {d, -d}, {-d, -d}};

    json_out_object(w, NULL);
    json_out_cstr(w, "type", "Feature");
    json_out_object(w, "geometry");
    json_out_cstr(w, "type", "Point");
    json_out_array(w, "coordinates");
    json_out_e7(w, NULL, st->at.lng_e7);
    json_out_e7(w, NULL, st->at.lat_e7);
    json_out_end(w);
    json_out_end(w);
    json_out_object(w, "properties");
    json_out_cstr(w, "store_id", st->id);
    json_out_cstr(w, "name", st->id);
    json_out_int(w, "prep_seconds", 120);
    json_out_uint(w, "safety_stock", st->safety);
    json_out_bool(w, "collects", true);
    json_out_object(w, "zone");
    json_out_cstr(w, "type", "Polygon");
    json_out_array(w, "coordinates");
    json_out_array(w, NULL);
    for (size_t i = 0; i < 5; i++) {
        json_out_array(w, NULL);
        json_out_e7(w, NULL, st->at.lng_e7 + corner[i][0]);
        json_out_e7(w, NULL, st->at.lat_e7 + corner[i][1]);
        json_out_end(w);
    }
    json_out_end(w);
    json_out_end(w);
    json_out_end(w);
    json_out_end(w);
    json_out_end(w);
}

static void
put_stores(struct sim *s, struct sim_chain *c, unsigned chain)
{
    struct buf b = {0};
    struct json_out w = json_out_to(&b);
    char headers[256];

    json_out_object(&w, NULL);
    json_out_cstr(&w, "type", "FeatureCollection");
    json_out_array(&w, "features");
    for (unsigned i = 0; i < world(s)->n_stores; i++)
        if (world(s)->stores[i].chain == chain)
            write_feature(&w, &world(s)->stores[i]);
    json_out_end(&w);
    json_out_end(&w);
    snprintf(headers, sizeof headers, "%sContent-Type: application/geo+json\n", c->auth);
    world(s)->setup_conn =
        sim_request(s, &world(s)->setup, NODE_INTAKE, "PUT", "/v1/stores", headers, buf_slice(&b));
    buf_free(&b);
}

/* put_stock: the first count of every store. A chain names its feeds either by sequence or by time.
 */
static void
put_stock(struct sim *s, struct sim_chain *c, unsigned chain)
{
    struct buf b = {0};
    char headers[256];
    char target[96];
    char as_of[TIMESTAMP_TEXT];

    for (unsigned i = 0; i < world(s)->n_stores; i++) {
        const struct sim_store *st = &world(s)->stores[i];
        for (unsigned k = 0; st->chain == chain && k < SKUS; k++)
            buf_printf(
                &b, "{\"store_id\":\"%s\",\"sku\":\"SKU-%u\",\"quantity\":%lld,\"price\":%lld}\n",
                st->id, k, (long long)st->initial[k], (long long)st->price[k]);
    }
    timestamp_format(s->start_ms, as_of);
    snprintf(target, sizeof target, "/v1/stock?mode=snapshot&as_of=%s%s", as_of,
             chain == 0 ? "&sequence=1" : "");
    snprintf(headers, sizeof headers, "%sContent-Type: application/x-ndjson\n", c->auth);
    world(s)->setup_conn =
        sim_request(s, &world(s)->setup, NODE_INTAKE, "POST", target, headers, buf_slice(&b));
    buf_free(&b);
}

/* read_numbers: of the stores and SKUs, as the functions gave them. */
static void
read_numbers(struct sim *s)
{
    struct world *w = world(s);

    for (unsigned i = 0; i < w->n_stores; i++) {
        struct sim_store *st = &w->stores[i];
        redisReply *r =
            redis_ask(s, "HGET {sim}:storeids %u:%s", w->chains[st->chain].number, st->id);
        if (r != NULL && r->type == REDIS_REPLY_STRING)
            st->number = (uint32_t)strtoul(r->str, NULL, 10);
        if (st->number == 0 || st->number > STORES_MAX)
            sim_fail(s, "%s has number %u", st->id, st->number);
        if (r != NULL)
            freeReplyObject(r);
    }
    for (unsigned i = 0; i < CHAINS; i++) {
        for (unsigned k = 0; k < SKUS; k++) {
            redisReply *r = redis_ask(s, "HGET {sim}:skus:%u SKU-%u", w->chains[i].number, k);
            Lifecircle__V1__Sku *sku =
                r == NULL || r->type != REDIS_REPLY_STRING
                    ? NULL
                    : lifecircle__v1__sku__unpack(NULL, r->len, (uint8_t *)r->str);
            if (sku == NULL || sku->sku_index >= SKUS)
                sim_fail(s, "chain %u: SKU-%u has no number, or a strange one", i, k);
            else
                w->chains[i].sku[k] = sku->sku_index;
            lifecircle__v1__sku__free_unpacked(sku, NULL);
            if (r != NULL)
                freeReplyObject(r);
        }
    }
}

static void
begin(struct sim *s)
{
    read_numbers(s);
    world(s)->ready = true;
    s->calm_ms = s->now_ms + CALM_MS;
    faults_schedule(s);
    chains_open(s);
    supply_open(s);
    riders_open(s);
    screens_open(s);
}

static void setup_step(struct sim *s, void *arg);

static void
setup_answered(struct sim *s, struct client *c, uint64_t conn, const struct answer *a)
{
    struct world *w = world(s);

    (void)c;
    if (conn != w->setup_conn)
        return;
    if (a->kind == EFFECT_HTTP && a->status == 200) {
        w->chains[w->setup_chain].set_up++;
        if (w->chains[w->setup_chain].set_up == 2)
            w->setup_chain++;
    } else if (a->kind == EFFECT_HTTP && a->status == 422) {
        sim_fail(s, "set-up refused: %.*s", (int)a->bytes.n, a->bytes.p);
        return;
    }
    if (w->setup_chain == CHAINS)
        begin(s);
    else
        sim_later(s, 300, setup_step, NULL);
}

static void
setup_step(struct sim *s, void *arg)
{
    struct world *w = world(s);
    struct sim_chain *c = &w->chains[w->setup_chain];

    (void)arg;
    w->setup.answered = setup_answered;
    if (c->set_up == 0)
        put_stores(s, c, w->setup_chain);
    else
        put_stock(s, c, w->setup_chain);
}

/* choose_store: scarce on purpose: many have none or one of a thing. */
static void
choose_store(struct sim *s, unsigned i)
{
    struct sim_store *st = &world(s)->stores[i];
    struct rng *r = &s->world_rng;

    st->chain = i % CHAINS;
    st->at = world_place(s);
    st->safety = rng_chance(r, 25) ? 1 : 0;
    snprintf(st->id, sizeof st->id, "store-%u", i % STORES_MAX);
    for (unsigned k = 0; k < SKUS; k++) {
        st->initial[k] = rng_chance(r, 10) ? 0 : rng_chance(r, 20) ? 1 : rng_between(r, 2, 25);
        st->price[k] = 100 + k * 10;
    }
}

/* configure: as in a city, only sooner, so that a run is short. */
static void
configure(struct sim *s)
{
    static char secret[65];
    static const char *const items[][2] = {
        {"city", "sim"},           {"poll-ms", "1000"},
        {"expire-slack-s", "300"}, {"vanish-s", "60"},
        {"ban-s", "120"},          {"rest-s", "60"},
        {"offer-ttl-s", "20"},     {"improve-iterations", "30"},
        {"pin-lock-s", "60"},      {"schedule-slack-s", "120"},
        {"hold-margin-s", "1200"}, {"schedule-lead-s", "1200"},
    };

    random_bytes(s, s->secret.b, sizeof s->secret.b);
    for (size_t i = 0; i < sizeof s->secret.b; i++)
        snprintf(secret + 2 * i, 3, "%02x", s->secret.b[i]);
    set_config(s, "city-secret", secret);
    for (size_t i = 0; i < sizeof items / sizeof *items; i++)
        set_config(s, items[i][0], items[i][1]);
    if (roads_here(s))
        set_config(s, "travel-osrm", "http://roads");
}

bool
world_open(struct sim *s)
{
    struct world *w = s->world = calloc(1, sizeof *w);

    if (w == NULL)
        return false;
    configure(s);
    faults_choose(s);
    w->n_stores = 4 + (unsigned)rng_below(&s->world_rng, STORES_MAX - 3);
    for (unsigned i = 0; i < w->n_stores; i++)
        choose_store(s, i);
    w->n_phones = 3 + (unsigned)rng_below(&s->world_rng, PHONES_MAX - 2);
    w->n_orders = s->options.orders;
    for (unsigned i = 0; i < CHAINS; i++)
        put_chain(s, i);
    for (unsigned i = 0; i < w->n_phones; i++)
        put_courier(s, i);
    sim_later(s, 1000, setup_step, NULL);
    return s->failures == 0;
}

/* nothing_due: is no webhook waiting or under way? */
static bool
nothing_due(struct sim *s)
{
    redisReply *r = redis_ask(s, "ZCARD {sim}:due:webhook");
    bool none = r != NULL && r->type == REDIS_REPLY_INTEGER && r->integer == 0;

    if (r != NULL)
        freeReplyObject(r);
    return none && world(s)->webhooks_under_way == 0;
}

/* world_done: all is over, and has been for a while, so that everybody was told. */
bool
world_done(struct sim *s)
{
    struct world *w = world(s);

    if (!w->ready || s->now_ms < s->calm_ms || s->now_ms < w->looked_ms + LOOK_MS ||
        s->redis == NULL)
        return false;
    w->looked_ms = s->now_ms;
    if (!chains_settled(s) || !supply_settled(s) || !check_all_ended(s) || !nothing_due(s)) {
        w->quiet_ms = 0;
        return false;
    }
    if (w->quiet_ms == 0)
        w->quiet_ms = s->now_ms;
    return s->now_ms >= w->quiet_ms + QUIET_MS;
}

void
world_close(struct sim *s)
{
    if (s->world == NULL)
        return;
    chains_close(s);
    supply_close(s);
    free(s->world);
    s->world = NULL;
}
