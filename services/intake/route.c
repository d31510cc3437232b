/* Which function answers a request. */
#include "core.h"

enum body { BODY_NONE, BODY_JSON, BODY_GEOJSON, BODY_STREAM, BODY_MAYBE_JSON };

struct route {
    const char *method;
    const char *path; /* "*" stands for one segment */
    enum body body;
    void (*run)(struct intake *in, const struct request *rq);
};

static const struct route routes[] = {
    {"POST", "/v1/orders", BODY_JSON, post_order},
    {"POST", "/v1/orders:batch", BODY_STREAM, post_batch},
    {"GET", "/v1/orders", BODY_NONE, get_orders},
    {"GET", "/v1/orders/*", BODY_NONE, get_order},
    {"POST", "/v1/orders/*/cancel", BODY_JSON, post_cancel},
    {"POST", "/v1/orders/*/confirm-address", BODY_JSON, post_confirm},
    {"POST", "/v1/orders/*/ready", BODY_MAYBE_JSON, post_ready},
    {"POST", "/v1/orders/*/collected", BODY_JSON, post_collected},
    {"DELETE", "/v1/orders/*/personal-data", BODY_NONE, delete_personal},
    {"GET", "/v1/orders/*/proofs", BODY_NONE, get_proofs},
    {"GET", "/v1/orders/*/proofs/photo", BODY_NONE, get_photo},
    {"GET", "/v1/orders/*/proofs/signature", BODY_NONE, get_signature},
    {"POST", "/v1/quotes", BODY_JSON, post_quote},
    {"PUT", "/v1/stores", BODY_GEOJSON, put_stores},
    {"GET", "/v1/stores/nearby", BODY_NONE, get_nearby},
    {"GET", "/v1/stores/*", BODY_NONE, get_store},
    {"POST", "/v1/stores/*/busy", BODY_JSON, post_busy},
    {"POST", "/v1/stock", BODY_STREAM, post_stock},
    {"GET", "/v1/webhook", BODY_NONE, get_webhook},
    {"PUT", "/v1/webhook", BODY_JSON, put_webhook},
    {"DELETE", "/v1/webhook", BODY_NONE, delete_webhook},
};
enum { ROUTES = sizeof routes / sizeof *routes };

const char *const count_route_names[COUNT_ROUTE_LAST - COUNT_ROUTE_0 + 1] = {
    "requests_total{route=\"POST /v1/orders\"}",
    "requests_total{route=\"POST /v1/orders:batch\"}",
    "requests_total{route=\"GET /v1/orders\"}",
    "requests_total{route=\"GET /v1/orders/{id}\"}",
    "requests_total{route=\"POST /v1/orders/{id}/cancel\"}",
    "requests_total{route=\"POST /v1/orders/{id}/confirm-address\"}",
    "requests_total{route=\"POST /v1/orders/{id}/ready\"}",
    "requests_total{route=\"POST /v1/orders/{id}/collected\"}",
    "requests_total{route=\"DELETE /v1/orders/{id}/personal-data\"}",
    "requests_total{route=\"GET /v1/orders/{id}/proofs\"}",
    "requests_total{route=\"GET /v1/orders/{id}/proofs/photo\"}",
    "requests_total{route=\"GET /v1/orders/{id}/proofs/signature\"}",
    "requests_total{route=\"POST /v1/quotes\"}",
    "requests_total{route=\"PUT /v1/stores\"}",
    "requests_total{route=\"GET /v1/stores/nearby\"}",
    "requests_total{route=\"GET /v1/stores/{id}\"}",
    "requests_total{route=\"POST /v1/stores/{id}/busy\"}",
    "requests_total{route=\"POST /v1/stock\"}",
    "requests_total{route=\"GET /v1/webhook\"}",
    "requests_total{route=\"PUT /v1/webhook\"}",
    "requests_total{route=\"DELETE /v1/webhook\"}",
    "requests_total{route=\"other\"}",
};

/* One segment for "*"; what it was in *param. */
static bool
path_matches(const char *pattern, struct slice path, struct slice *param)
{
    size_t at = 0;

    for (; *pattern != '\0'; pattern++) {
        if (*pattern == '*') {
            size_t from = at;
            while (at < path.n && path.p[at] != '/')
                at++;
            if (at == from)
                return false;
            *param = slice_of(path.p + from, at - from);
        } else if (at < path.n && path.p[at] == *pattern) {
            at++;
        } else {
            return false;
        }
    }
    return at == path.n;
}

bool
route_streams(struct slice method, struct slice path)
{
    return slice_eq_str(method, "POST") &&
           (slice_eq_str(path, "/v1/orders:batch") || slice_eq_str(path, "/v1/stock"));
}

static const struct route *
find(struct slice method, struct slice path, struct slice *param, struct buf *allow)
{
    bool seen_nearby = slice_eq_str(path, "/v1/stores/nearby");

    for (size_t i = 0; i < ROUTES; i++) {
        if (!path_matches(routes[i].path, path, param))
            continue;
        if (slice_eq_str(method, routes[i].method))
            return &routes[i];
        if (seen_nearby && routes[i].run == get_store)
            continue;
        buf_str(allow, allow->n == 0 ? "" : ", ");
        buf_str(allow, routes[i].method);
    }
    return NULL;
}

static bool
body_fits(const struct event *ev, enum body want)
{
    switch (want) {
    case BODY_JSON:
        return media_type_is(ev, "application/json");
    case BODY_GEOJSON:
        return media_type_is(ev, "application/json") || media_type_is(ev, "application/geo+json");
    case BODY_MAYBE_JSON:
        return ev->bytes.n == 0 || media_type_is(ev, "application/json");
    case BODY_NONE:
    case BODY_STREAM:
        return true;
    }
    return true;
}

static void
run(struct intake *in, const struct route *route, struct request *rq)
{
    const struct event *ev = rq->ev;
    struct slice param = rq->param;

    rq->chain = authenticate(in, ev, rq->out);
    if (rq->chain == NULL || !signature_passes(in, ev, rq->out, rq->chain))
        return;
    if (!percent_decode(ev->arena, param, false, &rq->param)) {
        if (arena_lacked(ev->arena))
            answer_unavailable(in, rq->out, rq->conn);
        else
            answer_error(in, rq->out, rq->conn, 404, "not_found", "no such thing");
        return;
    }
    if (!body_fits(ev, route->body)) {
        answer_error(in, rq->out, rq->conn, 415, "unsupported_media_type",
                     "expected Content-Type: application/json");
        return;
    }
    route->run(in, rq);
}

void
route_request(struct intake *in, const struct event *ev, struct outbox *out)
{
    struct request rq = {.ev = ev, .out = out, .conn = ev->ref};
    struct buf allow = {0};
    const struct route *route = find(ev->http->method, ev->http->path, &rq.param, &allow);

    if (!in->marks->looked && !in->marks->paid)
        count_route(in, route == NULL ? ROUTES : (size_t)(route - routes));
    if (in->stopping) {
        answer_error(in, out, ev->ref, 503, "stopping", "shutting down; ask another intake");
    } else if (route != NULL) {
        run(in, route, &rq);
    } else if (allow.n > 0 && !allow.failed) {
        buf_char(&allow, '\0');
        answer_not_allowed(in, out, ev->ref, allow.failed ? "GET" : allow.p);
    } else {
        answer_error(in, out, ev->ref, 404, "not_found", "no such path");
    }
    buf_free(&allow);
}
