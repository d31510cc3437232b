/* world: a little city, set up through the public interface as a chain would do it, then its
 * faults. */
#include "world.h"

#include "base/json_out.h"

#include <stdlib.h>

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

/* call: a function, before anything else runs; the integer it answers. */
static int64_t
call(struct sim *s, const char *function, size_t n, const struct slice *args)
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
    uint8_t packed[512];
    char hash[SECRET_HASH_TEXT];
    char now[24];

    random_bytes(s, random, sizeof random);
    size_t n = secret_token_format(SECRET_CHAIN, i + 1, random, c->key);
    secret_hash(slice_of(c->key, n), hash);
    snprintf(c->auth, sizeof c->auth, "Authorization: Bearer %.*s\n", (int)n, c->key);
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
    size_t size = lifecircle__v1__chain__pack(&chain, packed);
    snprintf(now, sizeof now, "%lld", (long long)s->now_ms);
    struct slice args[] = {slice_str(now), SLICE_LIT("0"), slice_of((char *)packed, size)};
    c->number = (uint32_t)call(s, "chain_put", 3, args);
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
    p->courier = (uint32_t)call(s, "courier_put", 3, args);
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

/* put_stock: scarce on purpose: many have none or one. */
static void
put_stock(struct sim *s, struct sim_chain *c, unsigned chain)
{
    struct buf b = {0};
    char headers[256];
    struct rng rng = {s->options.seed * 77 + chain}; /* the same feed when it is repeated */

    for (unsigned i = 0; i < world(s)->n_stores; i++) {
        if (world(s)->stores[i].chain != chain)
            continue;
        for (unsigned k = 0; k < SKUS; k++) {
            int64_t quantity = rng_chance(&rng, 15)   ? 0
                               : rng_chance(&rng, 25) ? 1
                                                      : rng_between(&rng, 2, 25);
            buf_printf(&b,
                       "{\"store_id\":\"%s\",\"sku\":\"SKU-%u\",\"quantity\":%lld,\"price\":%u}\n",
                       world(s)->stores[i].id, k, (long long)quantity, 100 + k * 10);
        }
    }
    snprintf(headers, sizeof headers, "%sContent-Type: application/x-ndjson\n", c->auth);
    world(s)->setup_conn =
        sim_request(s, &world(s)->setup, NODE_INTAKE, "POST", "/v1/stock?mode=snapshot&sequence=1",
                    headers, buf_slice(&b));
    buf_free(&b);
}

static void setup_step(struct sim *s, void *arg);

/* ---- faults ---- */

static void
fault_kill(struct sim *s, void *arg)
{
    (void)arg;
    node_kill(s, (enum node_id)rng_below(&s->rng, NODE_N));
}

static void
fault_redis(struct sim *s, void *arg)
{
    (void)arg;
    redis_kill(s, rng_between(&s->rng, 50, 3000));
}

static void
fault_cut(struct sim *s, void *arg)
{
    size_t n = sim_conn_count(s);

    (void)arg;
    if (rng_chance(&s->rng, 50))
        engine_cut_redis(s, (enum node_id)rng_below(&s->rng, NODE_N));
    else if (n > 0)
        sim_cut(s, sim_conn_at(s, rng_below(&s->rng, n)));
}

static void
schedule_faults(struct sim *s)
{
    int64_t span_ms = s->calm_ms - s->now_ms;

    for (unsigned i = 0; i < s->faults.kills; i++)
        sim_later(s, rng_between(&s->rng, 0, span_ms), fault_kill, NULL);
    for (unsigned i = 0; i < s->faults.redis_kills; i++)
        sim_later(s, rng_between(&s->rng, 0, span_ms), fault_redis, NULL);
    for (unsigned i = 0; i < s->faults.cuts; i++)
        sim_later(s, rng_between(&s->rng, 0, span_ms), fault_cut, NULL);
}

static void
begin(struct sim *s)
{
    world(s)->ready = true;
    s->calm_ms = s->now_ms + 12 * 60 * 1000;
    schedule_faults(s);
    chains_open(s);
    riders_open(s);
}

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

bool
world_open(struct sim *s)
{
    struct world *w = s->world = calloc(1, sizeof *w);
    static char secret[65];

    if (w == NULL)
        return false;
    random_bytes(s, s->secret.b, sizeof s->secret.b);
    for (size_t i = 0; i < sizeof s->secret.b; i++)
        snprintf(secret + 2 * i, 3, "%02x", s->secret.b[i]);
    set_config(s, "city", "sim");
    set_config(s, "city-secret", secret);
    /* the same as in a city, only sooner, so that a run is short */
    set_config(s, "poll-ms", "1000");
    set_config(s, "expire-slack-s", "300");
    set_config(s, "vanish-s", "60");
    set_config(s, "ban-s", "120");
    set_config(s, "rest-s", "60");
    set_config(s, "offer-ttl-s", "20");
    set_config(s, "pin-lock-s", "60");
    set_config(s, "schedule-slack-s", "120");
    set_config(s, "schedule-lead-s", "1200");
    s->faults = (struct faults){.lose_percent = (unsigned)rng_below(&s->rng, 6),
                                .double_percent = (unsigned)rng_below(&s->rng, 6),
                                .slow_percent = (unsigned)rng_below(&s->rng, 6),
                                .kills = (unsigned)rng_below(&s->rng, 12),
                                .redis_kills = (unsigned)rng_below(&s->rng, 4),
                                .cuts = (unsigned)rng_below(&s->rng, 30)};
    w->n_stores = 4 + (unsigned)rng_below(&s->world_rng, STORES_MAX - 3);
    for (unsigned i = 0; i < w->n_stores; i++) {
        w->stores[i].chain = i % CHAINS;
        w->stores[i].at = world_place(s);
        snprintf(w->stores[i].id, sizeof w->stores[i].id, "store-%u", i);
    }
    w->n_phones = 3 + (unsigned)rng_below(&s->world_rng, PHONES_MAX - 2);
    w->n_orders = s->options.orders;
    for (unsigned i = 0; i < CHAINS; i++)
        put_chain(s, i);
    for (unsigned i = 0; i < w->n_phones; i++)
        put_courier(s, i);
    sim_later(s, 1000, setup_step, NULL);
    return s->failures == 0;
}

bool
world_done(struct sim *s)
{
    struct world *w = world(s);

    if (!w->ready || s->now_ms < s->calm_ms || !chains_settled(s) ||
        s->now_ms < w->done_checked_ms + 30000 || s->redis == NULL)
        return false;
    w->done_checked_ms = s->now_ms;
    return check_all_ended(s);
}

void
world_close(struct sim *s)
{
    if (s->world == NULL)
        return;
    chains_close(s);
    riders_close(s);
    free(s->world);
    s->world = NULL;
}
