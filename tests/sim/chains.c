/* orders: what chains send. A chain repeats what was not answered, sometimes what was, and
 * sometimes contradicts itself. */
#include "world.h"

#include "base/json_out.h"
#include "base/record.h"

#include <jansson.h>
#include <stdlib.h>

enum { PATIENCE_MS = 10000, ORDERS_WITHIN_MS = 9 * 60 * 1000, TRIES_MAX = 500 };

static void post(struct sim *s, void *arg);
static void next_follow_up(struct sim *s, void *arg);

void
chains_headers(const struct sim *s, unsigned chain, const char *type, char *to, size_t size)
{
    snprintf(to, size, "%sContent-Type: %s\n", s->world->chains[chain].auth, type);
}

struct sim_order *
chains_order(struct sim *s, const char *order_id)
{
    for (unsigned i = 0; i < s->world->n_orders; i++)
        if (strcmp(s->world->orders[i].order_id, order_id) == 0)
            return &s->world->orders[i];
    return NULL;
}

/* ---- answers ---- */

static void
retry(struct sim *s, struct sim_order *o, void (*again)(struct sim *, void *))
{
    o->conn = 0;
    if (++o->tries > TRIES_MAX)
        sim_fail(s, "order %s: %d tries without an answer", o->external, TRIES_MAX);
    sim_later(s, rng_between(&s->world_rng, 500, 3000), again, o);
}

static void
check_id(struct sim *s, const struct sim_order *o, const char *id)
{
    if (id == NULL || strcmp(o->order_id, id) != 0)
        sim_fail(s, "order %s: acknowledged as %s instead of %s", o->external,
                 id == NULL ? "nothing" : id, o->order_id);
}

/* acknowledged: 201 or 202 with the order as JSON. */
static void
acknowledged(struct sim *s, struct sim_order *o, int status, const json_t *order)
{
    const char *url = json_string_value(json_object_get(order, "tracking_url"));

    check_id(s, o, json_string_value(json_object_get(order, "order_id")));
    o->known = true;
    if (url != NULL && !o->customer.follows && rng_chance(&s->world_rng, 20))
        customer_follow(s, o, url);
    if (status != 201) {
        s->world->answered_202++;
        return;
    }
    char *text = json_dumps(order, JSON_COMPACT | JSON_SORT_KEYS);
    s->world->answered_201++;
    if (o->answer == NULL)
        o->answer = text;
    else if (strcmp(o->answer, text) != 0)
        sim_fail(s, "order %s: the same request got another answer:\n%s\n%s", o->external,
                 o->answer, text);
    if (o->answer != text)
        free(text);
}

static void
take_result(struct sim *s, struct sim_order *o, int status, const json_t *body)
{
    const char *code = json_string_value(json_object_get(body, "code"));

    o->conn = 0;
    if (status == 201 || status == 202) {
        acknowledged(s, o, status, body);
        sim_later(s, rng_between(&s->world_rng, 1000, 60000), next_follow_up, o);
    } else if (status == 503 || status == 429 || status == 401) {
        retry(s, o, post); /* 401: intake has not read the chains yet */
    } else if (status == 422 && code != NULL && strcmp(code, "rejected") == 0) {
        check_id(s, o, json_string_value(json_object_get(body, "order_id")));
        o->known = true;
        o->left = 0;
        s->world->answered_4xx++;
    } else if (status == 409 && o->price_refuses && code != NULL &&
               strcmp(code, "price_changed") == 0) {
        o->refused = true;
        o->left = 0;
        s->world->answered_4xx++;
    } else {
        char *text = json_dumps(body, JSON_COMPACT);
        sim_fail(s, "order %s: unexpected answer %d %s", o->external, status, text);
        free(text);
    }
}

static json_t *
parse(struct sim *s, const struct sim_order *o, struct slice bytes)
{
    json_error_t error;
    json_t *j = json_loadb(bytes.p, bytes.n, 0, &error);

    if (j == NULL)
        sim_fail(s, "order %s: answer is not JSON: %.*s", o->external, (int)bytes.n, bytes.p);
    return j;
}

/* batch_line: one line of a batch's answer; the last one, or one of another order, says nothing
 * new. */
static void
batch_line(struct sim *s, struct sim_order *o, struct slice line)
{
    json_t *j = parse(s, o, line);
    const char *external = json_string_value(json_object_get(j, "external_order_id"));

    if (j != NULL && json_object_get(j, "status") != NULL && external != NULL &&
        strcmp(external, o->external) == 0) {
        int status = (int)json_integer_value(json_object_get(j, "status"));
        const json_t *body = json_object_get(j, status < 300 ? "order" : "problem");
        take_result(s, o, status, body);
    }
    json_decref(j);
}

static void
submitted(struct sim *s, struct sim_order *o, struct slice frame)
{
    struct arena *a = arena_new(1 << 20);
    const Lifecircle__V1__Envelope *env = NULL;

    if (a == NULL || wire_decode(a, frame, &env) != LC_OK ||
        env->body_case != LIFECIRCLE__V1__ENVELOPE__BODY_SUBMIT_REPLY) {
        sim_fail(s, "order %s: not a SubmitReply", o->external);
    } else if (env->submit_reply->n_results != 1) {
        retry(s, o, post); /* refused as a whole: 401 before the chains are known */
    } else {
        const Lifecircle__V1__SubmitResult *r = env->submit_reply->results[0];
        o->conn = 0;
        if (r->status == 201 || r->status == 202) {
            check_id(s, o, r->order_id);
            o->known = true;
            sim_later(s, rng_between(&s->world_rng, 1000, 60000), next_follow_up, o);
        } else if (r->status == 503 || r->status == 429) {
            retry(s, o, post);
        } else if (r->status == 422 && strcmp(r->code, "rejected") == 0) {
            check_id(s, o, r->order_id);
            o->known = true;
            o->left = 0;
        } else {
            sim_fail(s, "order %s: unexpected result %u %s %s", o->external, r->status, r->code,
                     r->detail);
        }
    }
    arena_destroy(a);
}

/* waits_for_store: it has none yet, so that there is nothing to pack or to collect. */
static bool
waits_for_store(struct sim *s, const struct sim_order *o)
{
    redisReply *v = redis_ask(s, "GET {sim}:order:%s", o->order_id);
    struct record r;
    bool waits =
        v == NULL || (v->type == REDIS_REPLY_STRING &&
                      record_read(slice_of(v->str, v->len), &r) == LC_OK && record_waits(r.state));

    if (v != NULL)
        freeReplyObject(v);
    return waits;
}

/* follow_up_answered: what came after the order was acknowledged. */
static void
follow_up_answered(struct sim *s, struct sim_order *o, const struct answer *a)
{
    enum follow_up what = o->follow_up;

    o->conn = 0;
    if (a->kind == 0 || a->status == 503 || a->status == 429 || a->status == 401) {
        retry(s, o, next_follow_up);
        return;
    }
    json_t *body = parse(s, o, a->bytes);
    const char *code = json_string_value(json_object_get(body, "code"));
    bool fine = a->status == 200 && what != FOLLOW_REPEAT && what != FOLLOW_CONTRADICT;
    if (what == FOLLOW_REPEAT && (a->status == 201 || a->status == 202)) {
        acknowledged(s, o, a->status, body);
        fine = true;
    } else if (what == FOLLOW_REPEAT && a->status == 422) {
        fine = code != NULL && strcmp(code, "rejected") == 0; /* held, then rejected meanwhile */
    } else if (what == FOLLOW_REPEAT && a->status == 409) {
        fine = o->price_refuses && code != NULL && strcmp(code, "price_changed") == 0;
    } else if (a->status == 409) {
        fine = what != FOLLOW_READ && what != FOLLOW_QUOTE;
    } else if (what == FOLLOW_QUOTE && a->status == 422) {
        fine = true; /* its times are over by now */
    }
    if (!fine)
        sim_fail(s, "order %s: follow-up %d: unexpected answer %d %.*s", o->external, (int)what,
                 a->status, (int)a->bytes.n, a->bytes.p);
    json_decref(body);
    if (a->status != 409 || what < FOLLOW_READY || !waits_for_store(s, o))
        o->left &= ~(1U << what);
    o->follow_up = FOLLOW_NONE;
    sim_later(s, rng_between(&s->world_rng, 1000, 90000), next_follow_up, o);
}

static void
answered(struct sim *s, struct client *c, uint64_t conn, const struct answer *a)
{
    struct sim_order *o = (struct sim_order *)c;

    if (conn != o->conn)
        return;
    if (a->kind == EFFECT_HTTP_BEGIN)
        return;
    if (o->follow_up != FOLLOW_NONE) {
        follow_up_answered(s, o, a);
    } else if (a->kind == 0) {
        retry(s, o, post);
    } else if (a->kind == EFFECT_ANSWER) {
        sim_hang_up(s, conn);
        submitted(s, o, a->bytes);
    } else if (a->kind == EFFECT_HTTP_CHUNK) {
        struct slice left = a->bytes;
        while (left.n > 0 && o->conn == conn) {
            const char *end = memchr(left.p, '\n', left.n);
            if (end == NULL)
                break;
            batch_line(s, o, slice_of(left.p, (size_t)(end - left.p)));
            left = slice_of(end + 1, left.n - (size_t)(end + 1 - left.p));
        }
    } else if (a->kind == EFFECT_HTTP_DONE) {
        retry(s, o, post); /* over without our line */
    } else {
        json_t *body = parse(s, o, a->bytes);
        if (body != NULL)
            take_result(s, o, a->status, body);
        json_decref(body);
    }
}

/* ---- requests ---- */

struct wait {
    struct sim_order *order;
    uint64_t conn;
};

/* give_up: no answer in time: the client hangs up and repeats. */
static void
give_up(struct sim *s, void *arg)
{
    struct wait *w = arg;

    if (w->order->conn == w->conn) {
        sim_hang_up(s, w->conn);
        retry(s, w->order, w->order->follow_up == FOLLOW_NONE ? post : next_follow_up);
    }
    free(w);
}

static void
be_patient(struct sim *s, struct sim_order *o)
{
    struct wait *w = calloc(1, sizeof *w);

    if (w == NULL)
        abort();
    *w = (struct wait){o, o->conn};
    sim_later_owned(s, PATIENCE_MS, give_up, w, free);
}

static void
send(struct sim *s, struct sim_order *o, const char *method, const char *target, const char *type,
     struct slice body)
{
    char headers[256];

    chains_headers(s, o->chain, type, headers, sizeof headers);
    o->conn = sim_request(s, &o->client, NODE_INTAKE, method, target, headers, body);
    be_patient(s, o);
}

static void
post(struct sim *s, void *arg)
{
    struct sim_order *o = arg;

    if (o->known || o->refused || o->conn != 0)
        return;
    if (o->via == VIA_ZMQ) {
        o->conn = chains_submit(s, o);
        be_patient(s, o);
    } else if (o->via == VIA_BATCH)
        send(s, o, "POST", "/v1/orders:batch", "application/x-ndjson", slice_str(o->body));
    else
        send(s, o, "POST", "/v1/orders", "application/json", slice_str(o->body));
}

static void
next_follow_up(struct sim *s, void *arg)
{
    struct sim_order *o = arg;
    char target[96];
    char body[160];
    char code[COLLECTION_TEXT];
    struct uuid id;

    if (o->conn != 0 || o->left == 0)
        return;
    for (o->follow_up = FOLLOW_REPEAT; (o->left & 1U << o->follow_up) == 0;)
        o->follow_up++;
    switch (o->follow_up) {
    case FOLLOW_REPEAT:
        send(s, o, "POST", "/v1/orders", "application/json", slice_str(o->body));
        break;
    case FOLLOW_CONTRADICT:
        snprintf(body, sizeof body,
                 "{\"external_order_id\":\"%s\",\"dropoff\":{\"lat\":39.28,\"lng\":-76.59},"
                 "\"currency\":\"USD\",\"lines\":[{\"sku\":\"SKU-0\",\"quantity\":9}]}",
                 o->external);
        send(s, o, "POST", "/v1/orders", "application/json", slice_str(body));
        break;
    case FOLLOW_READ:
        snprintf(target, sizeof target, "/v1/orders/%s", o->order_id);
        send(s, o, "GET", target, "application/json", slice_of(NULL, 0));
        break;
    case FOLLOW_QUOTE:
        send(s, o, "POST", "/v1/quotes", "application/json", slice_str(o->body));
        break;
    case FOLLOW_CANCEL:
        snprintf(target, sizeof target, "/v1/orders/%s/cancel", o->order_id);
        send(s, o, "POST", target, "application/json",
             SLICE_LIT("{\"reason\":\"customer_cancelled\"}"));
        break;
    case FOLLOW_READY:
        snprintf(target, sizeof target, "/v1/orders/%s/ready", o->order_id);
        send(s, o, "POST", target, "application/json", SLICE_LIT("{}"));
        break;
    case FOLLOW_COLLECTED:
        snprintf(target, sizeof target, "/v1/orders/%s/collected", o->order_id);
        if (uuid_parse(slice_str(o->order_id), &id) != LC_OK)
            return;
        collection_code(&s->secret, id, code);
        snprintf(body, sizeof body, "{\"code\":\"%s\"}", code);
        send(s, o, "POST", target, "application/json", slice_str(body));
        break;
    case FOLLOW_NONE:
        break;
    }
}

/* ---- making them ---- */

/* write_line: the price is what the chain knew at the start; under `refuse` sometimes not even
 * that. */
static void
write_line(struct sim *s, const struct sim_order *o, struct json_out *w)
{
    struct rng *rng = &s->world_rng;
    unsigned sku = (unsigned)rng_below(rng, SKUS); /* one twice at times */
    char text[16];

    json_out_object(w, NULL);
    snprintf(text, sizeof text, "SKU-%u", sku);
    json_out_cstr(w, "sku", text);
    json_out_int(w, "quantity", rng_between(rng, 1, 3));
    if (o->price_refuses)
        json_out_int(w, "unit_price", 100 + sku * 10 - (rng_chance(rng, 5) ? 1 : 0));
    if (o->via != VIA_ZMQ && rng_chance(rng, 15)) {
        json_out_array(w, "substitutes");
        for (unsigned i = 1; i <= 2; i++) {
            snprintf(text, sizeof text, "SKU-%u", (sku + i) % SKUS);
            json_out_cstr(w, NULL, text);
        }
        json_out_end(w);
    }
    json_out_end(w);
}

/* write_times: now until the promise, held for some minutes at most; some are for later. */
static void
write_times(struct sim *s, struct sim_order *o, int64_t posted_ms, struct json_out *w)
{
    struct rng *rng = &s->world_rng;

    if (o->via != VIA_ZMQ && rng_chance(rng, 8)) {
        json_out_object(w, "window");
        json_out_time(w, "start", s->now_ms + 12 * 60000);
        json_out_time(w, "end", s->now_ms + 32 * 60000);
        json_out_end(w);
        json_out_time(w, "hold_until", s->now_ms + 15 * 60000);
    } else if (rng_chance(rng, 80)) {
        json_out_time(w, "hold_until", posted_ms + rng_between(rng, 60000, 6 * 60000));
    }
}

static void
write_order(struct sim *s, struct sim_order *o, int64_t posted_ms, struct buf *b)
{
    static const char *const shortages[] = {"reject", "partial", "substitute", "hold"};
    struct rng *rng = &s->world_rng;
    struct json_out w = json_out_to(b);
    struct latlng at = world_place(s);
    unsigned n = 1 + (unsigned)rng_below(rng, 4);

    json_out_object(&w, NULL);
    json_out_cstr(&w, "external_order_id", o->external);
    if (o->collection)
        json_out_cstr(&w, "fulfilment", "collection");
    json_out_object(&w, "dropoff");
    json_out_double(&w, "lat", at.lat_e7 / 1e7, 7);
    json_out_double(&w, "lng", at.lng_e7 / 1e7, 7);
    json_out_end(&w);
    json_out_cstr(&w, "currency", "USD");
    if (o->via != VIA_ZMQ && rng_chance(rng, 25))
        json_out_cstr(&w, "shortage", shortages[rng_below(rng, 4)]);
    if (o->price_refuses)
        json_out_cstr(&w, "price_policy", "refuse");
    write_times(s, o, posted_ms, &w);
    json_out_array(&w, "lines");
    for (unsigned i = 0; i < n; i++)
        write_line(s, o, &w);
    json_out_end(&w);
    json_out_end(&w);
    buf_str(b, "\n");
    buf_char(b, '\0');
}

static void
choose_follow_ups(struct sim *s, struct sim_order *o)
{
    static const unsigned percent[] = {
        [FOLLOW_CONTRADICT] = 5, [FOLLOW_READ] = 15, [FOLLOW_QUOTE] = 10, [FOLLOW_CANCEL] = 6};

    if (o->via != VIA_ZMQ && rng_chance(&s->world_rng, 20))
        o->left |= 1U << FOLLOW_REPEAT;
    for (unsigned i = 0; i < sizeof percent / sizeof *percent; i++)
        if (rng_chance(&s->world_rng, percent[i]))
            o->left |= 1U << i;
    if (o->collection)
        o->left |= 1U << FOLLOW_READY | 1U << FOLLOW_COLLECTED;
}

void
chains_open(struct sim *s)
{
    struct rng *rng = &s->world_rng;

    for (unsigned i = 0; i < s->world->n_orders; i++) {
        struct sim_order *o = &s->world->orders[i];
        struct buf b = {0};
        int64_t in_ms = rng_between(rng, 0, ORDERS_WITHIN_MS);
        o->client.answered = answered;
        o->index = i;
        o->chain = (unsigned)rng_below(rng, CHAINS);
        o->via = (enum via)rng_below(rng, 3);
        o->collection = o->via != VIA_ZMQ && rng_chance(rng, 12);
        o->price_refuses = o->via != VIA_ZMQ && rng_chance(rng, 12);
        snprintf(o->external, sizeof o->external, "o-%u", i);
        uuid_format(uuid_order(s->world->chains[o->chain].number, slice_str(o->external)),
                    o->order_id);
        choose_follow_ups(s, o);
        write_order(s, o, s->now_ms + in_ms, &b);
        o->body = b.p;
        sim_later(s, in_ms, post, o);
    }
}

bool
chains_settled(const struct sim *s)
{
    for (unsigned i = 0; i < s->world->n_orders; i++) {
        const struct sim_order *o = &s->world->orders[i];
        if ((!o->known && !o->refused) || o->conn != 0 || o->left != 0)
            return false;
    }
    return true;
}

void
chains_close(struct sim *s)
{
    for (unsigned i = 0; i < s->world->n_orders; i++) {
        free(s->world->orders[i].body);
        free(s->world->orders[i].answer);
    }
}
