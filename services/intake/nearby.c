/* GET /v1/stores/nearby: asked of the matcher, which knows times and stock. */
#include "core.h"

#include <stdlib.h>

enum { SKUS_MAX = 20, LIMIT_MAX = 50, LIMIT_DEFAULT = 10 };

struct nearby {
    uint64_t tag;
    uint64_t conn;
    uint32_t chain;
    bool sent;
    int64_t due_ms;
    Lifecircle__V1__NearbyQuery query;
    Lifecircle__V1__Point at;
    uint32_t sku[SKUS_MAX];
    UT_hash_handle hh;
};

static void
drop(struct intake *in, struct nearby *n)
{
    HASH_DELETE(hh, in->nearby, n);
    free(n);
}

/* ---- the request ---- */

/* A plain decimal number: no exponent, no hex, nothing behind it. */
static bool
number(struct slice s, double low, double high, double *out)
{
    char *end;

    if (s.n == 0 || s.n > 30)
        return false;
    for (size_t i = 0; i < s.n; i++)
        if (strchr("0123456789.-", s.p[i]) == NULL)
            return false;
    *out = strtod(s.p, &end); /* query_next ends each value with NUL */
    return end == s.p + s.n && *out >= low && *out <= high;
}

static void
take_sku(struct intake *in, const struct request *rq, struct slice value, struct nearby *n,
         struct faults *f)
{
    uint32_t index = catalogue_sku_index(in->catalogue, rq->chain->chain, value);

    if (index == CATALOGUE_NO_SKU)
        fault(f, "sku", "\"%.*s\" is not in the catalogue of chain %s",
              value.n < 64 ? (int)value.n : 64, value.p, rq->chain->chain_id);
    else if (n->query.n_sku_indexes == SKUS_MAX)
        fault(f, "sku", "expected at most %d", SKUS_MAX);
    else
        n->sku[n->query.n_sku_indexes++] = index;
}

static void
read_query(struct intake *in, const struct request *rq, struct nearby *n, struct faults *f)
{
    struct slice query = rq->ev->http->query, name, value;
    double lat = 91, lng = 181, limit = LIMIT_DEFAULT;
    unsigned seen = 0;
    bool bad = false;

    while (query_next(rq->ev->arena, &query, &name, &value, &bad)) {
        if (slice_eq_str(name, "lat")) {
            fault_twice(f, &seen, 1, "lat");
            if (!number(value, -90, 90, &lat))
                lat = 91;
        } else if (slice_eq_str(name, "lng")) {
            fault_twice(f, &seen, 2, "lng");
            if (!number(value, -180, 180, &lng))
                lng = 181;
        } else if (slice_eq_str(name, "limit")) {
            fault_twice(f, &seen, 4, "limit");
            if (!number(value, 1, LIMIT_MAX, &limit) || limit != (double)(int)limit)
                fault(f, "limit", "expected an integer from 1 to %d", LIMIT_MAX);
        } else if (slice_eq_str(name, "sku")) {
            take_sku(in, rq, value, n, f);
        } else {
            fault(f, "query", "expected only lat, lng, sku and limit");
        }
    }
    if (bad)
        fault(f, "query", "expected percent-encoded UTF-8");
    if (lat > 90)
        fault(f, "lat", "expected a number from -90 to 90");
    if (lng > 180)
        fault(f, "lng", "expected a number from -180 to 180");
    struct latlng at;
    if (geo_of_degrees(lat, lng, &at)) {
        n->at.lat_e7 = at.lat_e7;
        n->at.lng_e7 = at.lng_e7;
    }
    n->query.limit = (uint32_t)limit;
}

void
get_nearby(struct intake *in, const struct request *rq)
{
    struct nearby *n = calloc(1, sizeof *n);
    bool map_failed = false;
    struct faults f;

    if (n == NULL) {
        answer_unavailable(in, rq->out, rq->conn);
        return;
    }
    f.arena = rq->ev->arena;
    f.n = f.more = 0;
    lifecircle__v1__nearby_query__init(&n->query);
    lifecircle__v1__point__init(&n->at);
    read_query(in, rq, n, &f);
    if (arena_lacked(rq->ev->arena)) { /* what was read is perhaps not all that was said */
        free(n);
        answer_unavailable(in, rq->out, rq->conn);
        return;
    }
    if (f.n > 0) {
        answer_faults(in, rq->out, rq->conn, "invalid_request", f.list, f.n);
        free(n);
        return;
    }
    n->tag = n->query.tag = ++in->number;
    n->conn = rq->conn;
    n->chain = n->query.chain = rq->chain->chain;
    n->query.at = &n->at;
    n->query.sku_indexes = n->sku;
    n->due_ms = rq->ev->now_ms + QUOTE_MS;
    HASH_ADD(hh, in->nearby, tag, sizeof n->tag, n);
    if (map_failed) {
        free(n);
        answer_unavailable(in, rq->out, rq->conn);
    }
}

void
nearby_turn_end(struct intake *in, const struct event *ev, struct outbox *out)
{
    Lifecircle__V1__NearbyQuery *list[ORDERS_A_MESSAGE];
    Lifecircle__V1__MatchRequest request = LIFECIRCLE__V1__MATCH_REQUEST__INIT;
    Lifecircle__V1__Envelope env;

    for (struct nearby *n = in->nearby; n != NULL && request.n_nearby < ORDERS_A_MESSAGE;
         n = n->hh.next) {
        if (n->sent)
            continue;
        n->sent = true;
        list[request.n_nearby++] = &n->query;
    }
    if (request.n_nearby == 0)
        return;
    request.nearby = list;
    envelope_init(&env, &in->mint, ev->now_ms, ev->now_ms + QUOTE_MS);
    env.body_case = LIFECIRCLE__V1__ENVELOPE__BODY_MATCH_REQUEST;
    env.match_request = &request;
    outbox_send(out, ROLE_MATCHER, &env);
}

/* ---- the answer ---- */

static void
put_items(struct intake *in, struct json_out *w, const struct nearby *n,
          const Lifecircle__V1__NearbyStore *s)
{
    struct catalogue_sku sku;

    json_out_array(w, "items");
    for (size_t i = 0; i < n->query.n_sku_indexes; i++) {
        if (!catalogue_sku(in->catalogue, n->chain, n->sku[i], &sku))
            continue;
        json_out_object(w, NULL);
        json_out_cstr(w, "sku", sku.sku);
        json_out_int(w, "available",
                     i < s->n_available && s->available[i] > 0 ? s->available[i] : 0);
        if (i < s->n_price_cents && s->price_cents[i] > 0)
            json_out_int(w, "price", s->price_cents[i]);
        else
            json_out_null(w, "price");
        json_out_end(w);
    }
    json_out_end(w);
}

static void
put_store(struct intake *in, struct json_out *w, const struct nearby *n,
          const Lifecircle__V1__NearbyStore *s)
{
    const struct catalogue_store *store = catalogue_store(in->catalogue, s->store);

    if (store == NULL || store->chain != n->chain)
        return;
    json_out_object(w, NULL);
    json_out_cstr(w, "store_id", store->store_id);
    json_out_cstr(w, "name", store->name);
    json_out_e7(w, "lat", store->at.lat_e7);
    json_out_e7(w, "lng", store->at.lng_e7);
    json_out_uint(w, "distance_m", s->distance_m);
    json_out_uint(w, "travel_s", s->travel_s);
    if (s->eta_ms > 0)
        json_out_time(w, "eta", s->eta_ms);
    json_out_bool(w, "serves", s->verdict == LIFECIRCLE__V1__REASON__REASON_NONE);
    if (s->verdict != LIFECIRCLE__V1__REASON__REASON_NONE)
        json_out_cstr(w, "reason", record_reason_name(s->verdict));
    put_items(in, w, n, s);
    json_out_end(w);
}

static void
put_answer(struct intake *in, const struct nearby *n, const Lifecircle__V1__NearbyResult *r)
{
    struct json_out w = json_out_to(&in->text);

    json_out_object(&w, NULL);
    json_out_array(&w, "stores");
    for (size_t k = 0; k < r->n_stores; k++)
        put_store(in, &w, n, r->stores[k]);
    json_out_end(&w);
    json_out_end(&w);
}

void
nearby_reply(struct intake *in, const struct event *ev, struct outbox *out)
{
    const Lifecircle__V1__MatchReply *reply = ev->envelope->match_reply;

    for (size_t i = 0; i < reply->n_nearby; i++) {
        const Lifecircle__V1__NearbyResult *r = reply->nearby[i];
        struct nearby *n;
        HASH_FIND(hh, in->nearby, &r->tag, sizeof r->tag, n);
        if (n == NULL)
            continue;
        if (r->unavailable) {
            answer_unavailable(in, out, n->conn);
        } else {
            buf_reset(&in->text);
            put_answer(in, n, r);
            answer_json(in, out, n->conn, 200, buf_slice(&in->text));
        }
        drop(in, n);
    }
}

/* They stand in the order in which they came, so the first is the first to be late. */
void
nearby_wake(struct intake *in, const struct event *ev, struct outbox *out)
{
    while (in->nearby != NULL && in->nearby->due_ms <= ev->now_ms) {
        answer_unavailable(in, out, in->nearby->conn);
        drop(in, in->nearby);
    }
}

int64_t
nearby_wake_ms(const struct intake *in)
{
    return in->nearby == NULL ? INT64_MAX : in->nearby->due_ms;
}

void
nearby_close(struct intake *in)
{
    while (in->nearby != NULL)
        drop(in, in->nearby);
}
