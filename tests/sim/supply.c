/* supply: what chains say about their shelves while orders run: deliveries (deltas) and counts
 * (snapshots) that are repeated, late, and overtake each other; and stores that pause.
 *
 * The shelf itself is the sum of the first count, of all deliveries, and of what counts found, less
 * what left with couriers and customers by the orders' own records. So a count of any time can be
 * told, and at the end Redis must say what is really there. One chain names its feeds by sequence,
 * the other by time; of either the names rise with the time that the feed speaks of. */
#include "world.h"

#include "base/json_out.h"
#include "base/timestamp.h"

#include <jansson.h>
#include <stdlib.h>

enum {
    PATIENCE_MS = 15000,
    WITHIN_MS = 10 * 60 * 1000,
    SETTLED_MS = 1000, /* after so long every record of a moment is written */
    BACK_MS = 60000,   /* a count is of up to so long ago */
    TRIES_MAX = 200
};

static void post(struct sim *s, void *arg);

int64_t
supply_told(const struct sim *s, unsigned store, unsigned sku, int64_t until_ms)
{
    int64_t sum = 0;

    for (unsigned i = 0; i < s->world->n_feeds; i++) {
        const struct sim_feed *f = &s->world->feeds[i];
        if (f->store != store || f->as_of_ms > until_ms)
            continue;
        sum += f->found[sku];
        if (!f->snapshot && f->has[sku])
            sum += f->quantity[sku];
    }
    return sum;
}

/* ---- sending ---- */

static void
again(struct sim *s, struct sim_feed *f)
{
    f->conn = 0;
    if (++f->tries > TRIES_MAX)
        sim_fail(s, "feed %llu: %d tries without an answer", (unsigned long long)f->name,
                 TRIES_MAX);
    sim_later(s, rng_between(&s->world_rng, 500, 3000), post, f);
}

/* outcome_of: the one store's. */
static const char *
outcome_of(const json_t *body)
{
    const json_t *store = json_array_get(json_object_get(body, "stores"), 0);

    return json_string_value(json_object_get(store, "outcome"));
}

static void
tell(struct sim *s, const struct sim_feed *f, const char *outcome)
{
    char line[SKUS * 12];
    size_t n = 0;

    for (unsigned k = 0; k < SKUS; k++)
        if (f->has[k])
            n += (size_t)snprintf(line + n, sizeof line - n, " %u:%lld", k,
                                  (long long)f->quantity[k]);
    sim_log(s, "feed %llu, %s of store %u at %.3f: %s:%.*s", (unsigned long long)f->name,
            f->snapshot ? "count" : "delivery", s->world->stores[f->store].number,
            (double)(f->as_of_ms - s->start_ms) / 1000, outcome, (int)n, line);
}

static void
take_answer(struct sim *s, struct sim_feed *f, const struct answer *a)
{
    json_t *body = json_loadb(a->bytes.p, a->bytes.n, 0, NULL);
    const char *outcome = outcome_of(body);

    f->conn = 0;
    if (outcome == NULL || json_integer_value(json_object_get(body, "refused")) != 0)
        sim_fail(s, "feed %llu: %.*s", (unsigned long long)f->name, (int)a->bytes.n, a->bytes.p);
    else if (f->answered && strcmp(outcome, "applied") == 0)
        sim_fail(s, "feed %llu of store %u was applied twice", (unsigned long long)f->name,
                 f->store);
    if (s->options.verbose)
        tell(s, f, outcome);
    s->world->feeds_repeated += outcome != NULL && strcmp(outcome, "repeated") == 0;
    s->world->feeds_late += outcome != NULL && strcmp(outcome, "late") == 0;
    if (f->answered)
        f->repeats--;
    f->answered = true;
    if (f->repeats > 0)
        sim_later(s, rng_between(&s->world_rng, 0, 120000), post, f);
    json_decref(body);
}

static void
answered(struct sim *s, struct client *c, uint64_t conn, const struct answer *a)
{
    struct sim_feed *f = (struct sim_feed *)c;

    if (conn != f->conn || a->kind == EFFECT_HTTP_BEGIN)
        return;
    if (a->kind == EFFECT_HTTP && a->status == 200)
        take_answer(s, f, a);
    else if (a->kind == 0 || a->status == 503 || a->status == 429 || a->status == 401)
        again(s, f);
    else
        sim_fail(s, "feed %llu: unexpected answer %d %.*s", (unsigned long long)f->name, a->status,
                 (int)a->bytes.n, a->bytes.p);
}

struct wait {
    struct sim_feed *feed;
    uint64_t conn;
};

static void
give_up(struct sim *s, void *arg)
{
    struct wait *w = arg;

    if (w->feed->conn == w->conn) {
        sim_hang_up(s, w->conn);
        again(s, w->feed);
    }
    free(w);
}

static void
post(struct sim *s, void *arg)
{
    struct sim_feed *f = arg;
    unsigned chain = s->world->stores[f->store].chain;
    struct wait *w = calloc(1, sizeof *w);
    char headers[256];
    char target[128];
    char as_of[TIMESTAMP_TEXT];

    if (w == NULL)
        abort();
    timestamp_format(f->as_of_ms, as_of);
    int n = snprintf(target, sizeof target, "/v1/stock?mode=%s&as_of=%s",
                     f->snapshot ? "snapshot" : "delta", as_of);
    if (chain == 0)
        snprintf(target + n, sizeof target - (size_t)n, "&sequence=%llu",
                 (unsigned long long)f->name);
    chains_headers(s, chain, "application/x-ndjson", headers, sizeof headers);
    f->client.answered = answered;
    f->conn = sim_request(s, &f->client, NODE_INTAKE, "POST", target, headers, slice_str(f->body));
    *w = (struct wait){f, f->conn};
    sim_later_owned(s, PATIENCE_MS, give_up, w, free);
}

/* ---- making ---- */

static void
write_body(struct sim *s, struct sim_feed *f)
{
    const struct sim_store *st = &s->world->stores[f->store];
    struct buf b = {0};

    for (unsigned k = 0; k < SKUS; k++)
        if (f->has[k])
            buf_printf(&b, "{\"store_id\":\"%s\",\"sku\":\"SKU-%u\",\"quantity\":%lld}\n", st->id,
                       k, (long long)f->quantity[k]);
    if (rng_chance(&s->world_rng, 10)) /* a price goes up: once, for good */
        buf_printf(&b, "{\"store_id\":\"%s\",\"sku\":\"SKU-%u\",\"price\":%u}\n", st->id, 0U, 120U);
    buf_char(&b, '\0');
    f->body = b.p;
}

/* last_of: the latest time that a feed of this store speaks of. */
static int64_t
last_of(const struct sim *s, unsigned store)
{
    int64_t last_ms = s->start_ms;

    for (unsigned i = 0; i < s->world->n_feeds; i++)
        if (s->world->feeds[i].store == store && s->world->feeds[i].as_of_ms > last_ms)
            last_ms = s->world->feeds[i].as_of_ms;
    return last_ms;
}

static struct sim_feed *
new_feed(struct sim *s, unsigned store, bool snapshot, int64_t as_of_ms)
{
    struct world *w = s->world;
    struct sim_chain *c = &w->chains[w->stores[store].chain];
    struct sim_feed *f = &w->feeds[w->n_feeds++];

    f->store = store;
    f->snapshot = snapshot;
    f->as_of_ms = as_of_ms;
    f->name = 2 + c->feeds++;
    return f;
}

static void
delivery(struct sim *s, unsigned store)
{
    struct sim_feed *f = new_feed(s, store, false, s->now_ms);

    for (unsigned k = 0; k < SKUS; k++) {
        f->has[k] = k == 0 || rng_chance(&s->world_rng, 30);
        f->quantity[k] = f->has[k] ? rng_between(&s->world_rng, 0, 6) : 0;
    }
}

/* take_stock: counts everything as it was at some time after the feed before; now and then
 * something is found that no feed had told of. False: Redis, whom we ask for what is gone, is down.
 */
static bool
take_stock(struct sim *s, unsigned store, bool finds)
{
    const struct sim_store *st = &s->world->stores[store];
    const struct sim_chain *c = &s->world->chains[st->chain];
    int64_t latest_ms = s->now_ms - SETTLED_MS;
    int64_t earliest_ms = last_of(s, store) + 1;
    struct shelf shelf;

    if (earliest_ms < s->now_ms - BACK_MS)
        earliest_ms = s->now_ms - BACK_MS;
    if (s->redis == NULL || earliest_ms > latest_ms)
        return false;
    int64_t as_of_ms = rng_between(&s->world_rng, earliest_ms, latest_ms);
    check_read_shelf(s, as_of_ms, &shelf);
    struct sim_feed *f = new_feed(s, store, true, as_of_ms);
    for (unsigned k = 0; k < SKUS; k++) {
        f->has[k] = true;
        if (finds && rng_chance(&s->world_rng, 10))
            f->found[k] = rng_between(&s->world_rng, 1, 3);
        f->quantity[k] = st->initial[k] + supply_told(s, store, k, as_of_ms) -
                         shelf.gone[st->number - 1][c->sku[k]];
        if (f->quantity[k] < 0)
            sim_fail(s, "store %u, SKU-%u: %lld on the shelf", st->number, k,
                     (long long)f->quantity[k]);
    }
    return true;
}

static void
something_comes(struct sim *s, void *arg)
{
    unsigned store = (unsigned)rng_below(&s->world_rng, s->world->n_stores);
    bool counts = rng_chance(&s->world_rng, 40);

    (void)arg;
    if (!counts && last_of(s, store) < s->now_ms)
        delivery(s, store);
    else if (!counts || !take_stock(s, store, s->world->final_counts)) {
        sim_later(s, 2000, something_comes, NULL);
        return;
    }
    struct sim_feed *f = &s->world->feeds[s->world->n_feeds - 1];
    s->world->feeds_to_come--;
    write_body(s, f);
    f->repeats = rng_chance(&s->world_rng, 30) ? 1 + (unsigned)rng_below(&s->world_rng, 2) : 0;
    /* some are late, so that others overtake them */
    sim_later(s, rng_chance(&s->world_rng, 30) ? rng_between(&s->world_rng, 0, 60000) : 0, post, f);
}

static bool
all_answered(const struct sim *s, unsigned store)
{
    for (unsigned i = 0; i < s->world->n_feeds; i++) {
        const struct sim_feed *f = &s->world->feeds[i];
        if (f->store == store && (!f->answered || f->repeats > 0))
            return false;
    }
    return true;
}

/* last_count: of stores where counts have found something, when all feeds before are through. */
static void
last_count(struct sim *s, void *arg)
{
    unsigned store = (unsigned)((const struct sim_store *)arg - s->world->stores);

    if (s->world->feeds_to_come > 0 || !all_answered(s, store) || !take_stock(s, store, false)) {
        sim_later(s, 3000, last_count, arg);
        return;
    }
    struct sim_feed *f = &s->world->feeds[s->world->n_feeds - 1];
    write_body(s, f);
    sim_later(s, 0, post, f);
    s->world->final_counts--;
}

/* ---- stores that pause ---- */

struct pause {
    struct client client;
    struct sim_store *store;
    const char *body;
    uint64_t conn;
    bool ends; /* opens again after this one */
};

static void pause_post(struct sim *s, void *arg);

static void
pause_answered(struct sim *s, struct client *c, uint64_t conn, const struct answer *a)
{
    struct pause *p = (struct pause *)c;

    if (conn != p->conn)
        return;
    p->conn = 0;
    if (a->kind == EFFECT_HTTP && a->status == 200) {
        if (p->ends) {
            s->world->pauses--;
            free(p);
            return;
        }
        p->ends = true;
        p->body = "{\"busy\":\"open\"}";
        sim_later_owned(s, rng_between(&s->world_rng, 10000, 90000), pause_post, p, free);
    } else if (a->kind == 0 || a->status == 503 || a->status == 429 || a->status == 401) {
        sim_later_owned(s, 2000, pause_post, p, free);
    } else {
        sim_fail(s, "busy: unexpected answer %d %.*s", a->status, (int)a->bytes.n, a->bytes.p);
    }
}

static void
pause_post(struct sim *s, void *arg)
{
    struct pause *p = arg;
    char headers[256];
    char target[64];

    snprintf(target, sizeof target, "/v1/stores/%s/busy", p->store->id);
    chains_headers(s, p->store->chain, "application/json", headers, sizeof headers);
    p->conn = sim_request(s, &p->client, NODE_INTAKE, "POST", target, headers, slice_str(p->body));
}

static void
plan_pause(struct sim *s)
{
    struct pause *p = calloc(1, sizeof *p);

    if (p == NULL)
        abort();
    p->client.answered = pause_answered;
    p->store = &s->world->stores[rng_below(&s->world_rng, s->world->n_stores)];
    p->body = rng_chance(&s->world_rng, 50) ? "{\"busy\":\"paused\"}"
                                            : "{\"busy\":\"busy\",\"busy_delay_seconds\":120}";
    s->world->pauses++;
    sim_later_owned(s, rng_between(&s->world_rng, 0, WITHIN_MS), pause_post, p, free);
}

void
supply_open(struct sim *s)
{
    struct world *w = s->world;

    w->feeds_to_come = (unsigned)rng_below(&s->world_rng, FEEDS_MAX - STORES_MAX);
    for (unsigned i = 0; i < w->feeds_to_come; i++)
        sim_later(s, rng_between(&s->world_rng, 2000, WITHIN_MS), something_comes, NULL);
    if (rng_chance(&s->world_rng, 50)) {
        w->final_counts = w->n_stores;
        for (unsigned i = 0; i < w->n_stores; i++)
            sim_later(s, WITHIN_MS, last_count, &w->stores[i]);
    }
    for (uint64_t i = rng_below(&s->world_rng, 4); i > 0; i--)
        plan_pause(s);
}

bool
supply_settled(const struct sim *s)
{
    const struct world *w = s->world;

    for (unsigned i = 0; i < w->n_stores; i++)
        if (!all_answered(s, i))
            return false;
    return w->feeds_to_come == 0 && w->final_counts == 0 && w->pauses == 0;
}

void
supply_close(struct sim *s)
{
    for (unsigned i = 0; i < s->world->n_feeds; i++)
        free(s->world->feeds[i].body);
}
