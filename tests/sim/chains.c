/* orders: what chains send. A chain repeats what was not answered, sometimes what was, and
 * sometimes contradicts itself. */
#include "world.h"

#include "base/json_out.h"

#include <jansson.h>
#include <stdlib.h>

enum { PATIENCE_MS = 10000 };
enum follow_up {
    FOLLOW_NONE,
    FOLLOW_REPEAT,
    FOLLOW_CONTRADICT,
    FOLLOW_CANCEL,
    FOLLOW_READY,
    FOLLOW_COLLECTED
};

static void post(struct sim *s, void *arg);
static void next_follow_up(struct sim *s, void *arg);

static void
order_headers(const struct sim *s, const struct sim_order *o, char *to, size_t size,
              const char *type)
{
    snprintf(to, size, "%sContent-Type: %s\n", s->world->chains[o->chain].auth, type);
}

/* ---- answers ---- */

static void
retry(struct sim *s, struct sim_order *o, void (*again)(struct sim *, void *))
{
    o->conn = 0;
    if (++o->tries > 500)
        sim_fail(s, "order %s: 500 tries without an answer", o->external);
    sim_later(s, rng_between(&s->world_rng, 500, 3000), again, o);
}

static void
keep_id(struct sim *s, struct sim_order *o, const char *id)
{
    if (id == NULL || strlen(id) != UUID_TEXT - 1)
        sim_fail(s, "order %s: acknowledged without an order id", o->external);
    else if (o->known && strcmp(o->order_id, id) != 0)
        sim_fail(s, "order %s: acknowledged as %s and as %s", o->external, o->order_id, id);
    else
        snprintf(o->order_id, sizeof o->order_id, "%s", id);
}

/* acknowledged: 201 or 202 with the order as JSON. */
static void
acknowledged(struct sim *s, struct sim_order *o, int status, const json_t *order)
{
    keep_id(s, o, json_string_value(json_object_get(order, "order_id")));
    o->known = true;
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
        keep_id(s, o, json_string_value(json_object_get(body, "order_id")));
        o->known = true;
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
submit_reply(struct sim *s, struct sim_order *o, struct slice frame)
{
    struct arena *a = arena_new(1 << 20);
    const Lifecircle__V1__Envelope *env = NULL;

    if (wire_decode(a, frame, &env) != LC_OK ||
        env->body_case != LIFECIRCLE__V1__ENVELOPE__BODY_SUBMIT_REPLY) {
        sim_fail(s, "order %s: not a SubmitReply", o->external);
    } else if (env->submit_reply->n_results != 1) {
        retry(s, o, post); /* refused as a whole: 401 before the chains are known */
    } else {
        const Lifecircle__V1__SubmitResult *r = env->submit_reply->results[0];
        o->conn = 0;
        if (r->status == 201 || r->status == 202) {
            keep_id(s, o, r->order_id);
            o->known = true;
            sim_later(s, rng_between(&s->world_rng, 1000, 60000), next_follow_up, o);
        } else if (r->status == 503 || r->status == 429) {
            retry(s, o, post);
        } else if (r->status == 422 && strcmp(r->code, "rejected") == 0) {
            keep_id(s, o, r->order_id);
            o->known = true;
        } else {
            sim_fail(s, "order %s: unexpected result %u %s %s", o->external, r->status, r->code,
                     r->detail);
        }
    }
    arena_destroy(a);
}

/* follow_up_answered: what came after the order was acknowledged. */
static void
follow_up_answered(struct sim *s, struct sim_order *o, const struct answer *a)
{
    int what = o->follow_up;

    o->conn = 0;
    if (a->kind == 0 || a->status == 503 || a->status == 429 || a->status == 401) {
        retry(s, o, next_follow_up);
        return;
    }
    json_t *body = parse(s, o, a->bytes);
    const char *code = json_string_value(json_object_get(body, "code"));
    if (what == FOLLOW_REPEAT && (a->status == 201 || a->status == 202))
        acknowledged(s, o, a->status, body);
    else if (what == FOLLOW_REPEAT && a->status == 422 && code != NULL &&
             strcmp(code, "rejected") == 0)
        ; /* held, then rejected meanwhile */
    else if (what == FOLLOW_CONTRADICT && a->status == 409)
        ;
    else if (what >= FOLLOW_CANCEL && (a->status == 200 || a->status == 409))
        ;
    else
        sim_fail(s, "order %s: follow-up %d: unexpected answer %d %.*s", o->external, what,
                 a->status, (int)a->bytes.n, a->bytes.p);
    json_decref(body);
    o->left &= ~(1 << what);
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
        submit_reply(s, o, a->bytes);
        sim_hang_up(s, conn);
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
send(struct sim *s, struct sim_order *o, const char *method, const char *target, const char *type,
     struct slice body)
{
    char headers[256];
    struct wait *w = calloc(1, sizeof *w);

    order_headers(s, o, headers, sizeof headers, type);
    o->conn = sim_request(s, &o->client, NODE_INTAKE, method, target, headers, body);
    w->order = o;
    w->conn = o->conn;
    sim_later(s, PATIENCE_MS, give_up, w);
}

static void
submit(struct sim *s, struct sim_order *o)
{
    Lifecircle__V1__Envelope env;
    Lifecircle__V1__SubmitRequest request = LIFECIRCLE__V1__SUBMIT_REQUEST__INIT;
    Lifecircle__V1__OrderSubmission order = LIFECIRCLE__V1__ORDER_SUBMISSION__INIT;
    Lifecircle__V1__OrderSubmission *orders[] = {&order};
    Lifecircle__V1__OrderLine lines[4];
    Lifecircle__V1__OrderLine *list[4];
    struct mint mint;
    struct buf b = {0};
    struct wait *w = calloc(1, sizeof *w);
    json_t *j = json_loads(o->body, 0, NULL);
    const json_t *drop = json_object_get(j, "dropoff");

    order.external_order_id = o->external;
    order.lat = json_real_value(json_object_get(drop, "lat"));
    order.lng = json_real_value(json_object_get(drop, "lng"));
    order.currency = (char *)(uintptr_t) "USD";
    order.lines = list;
    const json_t *from = json_object_get(j, "lines");
    for (; order.n_lines < json_array_size(from); order.n_lines++) {
        const json_t *line = json_array_get(from, order.n_lines);
        lifecircle__v1__order_line__init(&lines[order.n_lines]);
        lines[order.n_lines].sku =
            (char *)(uintptr_t)json_string_value(json_object_get(line, "sku"));
        lines[order.n_lines].quantity =
            (uint32_t)json_integer_value(json_object_get(line, "quantity"));
        lines[order.n_lines].unit_price_cents = -1;
        list[order.n_lines] = &lines[order.n_lines];
    }
    request.api_key = s->world->chains[o->chain].key;
    request.orders = orders;
    request.n_orders = 1;
    mint_init(&mint, "chain", SLICE_LIT("sim"), rng_next(&s->world_rng));
    envelope_init(&env, &mint, s->now_ms, s->now_ms + 5000);
    env.body_case = LIFECIRCLE__V1__ENVELOPE__BODY_SUBMIT_REQUEST;
    env.submit_request = &request;
    char *to = buf_reserve(&b, lifecircle__v1__envelope__get_packed_size(&env));
    b.n = lifecircle__v1__envelope__pack(&env, (uint8_t *)to);
    o->conn = sim_frame(s, &o->client, NODE_INTAKE, buf_slice(&b));
    w->order = o;
    w->conn = o->conn;
    sim_later(s, PATIENCE_MS, give_up, w);
    buf_free(&b);
    json_decref(j);
}

static void
post(struct sim *s, void *arg)
{
    struct sim_order *o = arg;

    if (o->known || o->conn != 0)
        return;
    if (o->via == VIA_ZMQ)
        submit(s, o);
    else if (o->via == VIA_BATCH)
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
    for (o->follow_up = FOLLOW_REPEAT; (o->left & 1 << o->follow_up) == 0;)
        o->follow_up++;
    switch ((enum follow_up)o->follow_up) {
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

static void
write_order(struct sim *s, struct sim_order *o, struct buf *b)
{
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
    if (o->via != VIA_ZMQ && rng_chance(rng, 10))
        json_out_cstr(&w, "shortage", rng_chance(rng, 50) ? "reject" : "partial");
    if (o->via != VIA_ZMQ && rng_chance(rng, 8)) {
        json_out_object(&w, "window"); /* scheduled for later */
        json_out_time(&w, "start", s->now_ms + 14 * 60000);
        json_out_time(&w, "end", s->now_ms + 34 * 60000);
        json_out_end(&w);
    }
    json_out_array(&w, "lines");
    for (unsigned i = 0; i < n; i++) {
        char sku[16];
        json_out_object(&w, NULL);
        snprintf(sku, sizeof sku, "SKU-%u", (unsigned)rng_below(rng, SKUS)); /* twice at times */
        json_out_cstr(&w, "sku", sku);
        json_out_int(&w, "quantity", rng_between(rng, 1, 3));
        json_out_end(&w);
    }
    json_out_end(&w);
    json_out_end(&w);
    buf_str(b, "\n");
}

void
chains_open(struct sim *s)
{
    struct rng *rng = &s->world_rng;

    for (unsigned i = 0; i < s->world->n_orders; i++) {
        struct sim_order *o = &s->world->orders[i];
        struct buf b = {0};
        o->client.answered = answered;
        o->index = i;
        o->chain = (unsigned)rng_below(rng, CHAINS);
        o->via = (enum via)rng_below(rng, 3);
        o->collection = o->via != VIA_ZMQ && rng_chance(rng, 12);
        snprintf(o->external, sizeof o->external, "o-%u", i);
        if (o->via != VIA_ZMQ && rng_chance(rng, 20))
            o->left |= 1 << FOLLOW_REPEAT;
        if (rng_chance(rng, 5))
            o->left |= 1 << FOLLOW_CONTRADICT;
        if (rng_chance(rng, 6))
            o->left |= 1 << FOLLOW_CANCEL;
        if (o->collection)
            o->left |= 1 << FOLLOW_READY | 1 << FOLLOW_COLLECTED;
        write_order(s, o, &b);
        buf_char(&b, '\0');
        o->body = b.p;
        sim_later(s, rng_between(rng, 0, 10 * 60000), post, o);
    }
}

bool
chains_settled(const struct sim *s)
{
    for (unsigned i = 0; i < s->world->n_orders; i++) {
        const struct sim_order *o = &s->world->orders[i];
        if (!o->known || o->conn != 0 || o->left != 0)
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
