/* POST /v1/orders/{id}/confirm-address: where an order that is held for its address goes. It is
 * matched at once, and answered as if it had come just now. */
#include "core.h"

#include <stdio.h>
#include <stdlib.h>

struct confirmation {
    uint64_t conn;
    uint32_t chain;
    struct uuid id;
    struct latlng at;
};

static void
answer_unknown(struct intake *in, struct outbox *out, uint64_t conn)
{
    answer_error(in, out, conn, 404, "not_found", "no such order");
}

/* go_on: the stored order, as if it had come just now. */
static void
go_on(struct intake *in, const struct event *ev, const struct confirmation *q,
      const struct record *r, struct outbox *out)
{
    const struct origin origin = {.kind = ORIGIN_HTTP, .ref = q->conn};
    const Lifecircle__V1__Order *o =
        wire_unpack(&lifecircle__v1__order__descriptor, ev->arena, r->order);
    struct checked order;

    if (o == NULL) {
        traced_broken(out, q->id, r);
        answer_unavailable(in, out, q->conn);
        return;
    }
    if (!record_waits(r->state)) { /* it went on before */
        struct verdict v = {.external_id = o->external_order_id,
                            .id = &q->id,
                            .chain = q->chain,
                            .place = located_of(o)};
        verdict_of_record(r, &v);
        deliver(in, ev, origin, &v, out);
        return;
    }
    order.order = *o;
    order.id = q->id;
    order.fingerprint = r->fingerprint;
    uuid_format(q->id, order.id_text);
    if (order_begin(in, ev, &order, false, origin) != LC_OK)
        answer_unavailable(in, out, q->conn); /* it is confirmed: its due row brings it */
}

static void
confirm_done(struct intake *in, struct call *c, const struct event *ev, const struct reply *reply,
             struct outbox *out)
{
    enum { DONE = 1, ALREADY = 2, NOT_ALLOWED = 3, UNKNOWN = 4 };
    const struct confirmation *q = c->data;
    const struct reply *a =
        reply != NULL && reply->kind == REPLY_ARRAY && reply->n == 1 ? &reply->items[0] : NULL;
    char detail[160];
    struct record r;

    if (a == NULL || a->kind != REPLY_STRING || a->str.n < 1) {
        answer_unavailable(in, out, q->conn);
    } else if (a->str.p[0] == UNKNOWN) {
        answer_unknown(in, out, q->conn);
    } else if (record_read(slice_of(a->str.p + 1, a->str.n - 1), &r) != LC_OK) {
        answer_unavailable(in, out, q->conn);
    } else if (a->str.p[0] == NOT_ALLOWED) {
        snprintf(detail, sizeof detail,
                 "the order is %s, and does not wait for its address to be confirmed",
                 record_state_name(r.state));
        answer_error(in, out, q->conn, 409, "not_allowed", detail);
    } else {
        go_on(in, ev, q, &r, out);
    }
}

static bool
begin_confirm(struct intake *in, const struct event *ev, const struct confirmation *look,
              struct outbox *out)
{
    char now[24], id[UUID_TEXT], lat[16], lng[16];
    struct confirmation *q = malloc(sizeof *q);

    if (q == NULL)
        return false;
    *q = *look;
    snprintf(now, sizeof now, "%lld", (long long)ev->now_ms);
    snprintf(lat, sizeof lat, "%d", q->at.lat_e7);
    snprintf(lng, sizeof lng, "%d", q->at.lng_e7);
    uuid_format(q->id, id);
    struct slice argv[] = {
        SLICE_LIT("FCALL"), SLICE_LIT("order_confirm"),
        SLICE_LIT("1"),     slice_str(in->key),
        slice_str(now),     SLICE_LIT("1"),
        slice_str(id),      slice_str(lat),
        slice_str(lng),     SLICE_LIT("chain"),
    };
    return call_start(in, ev, out, argv, sizeof argv / sizeof *argv, confirm_done, q) == LC_OK;
}

/* Other chains' orders do not exist for it. */
static void
look_done(struct intake *in, struct call *c, const struct event *ev, const struct reply *reply,
          struct outbox *out)
{
    const struct confirmation *q = c->data;
    struct record r;

    if (reply != NULL && reply->kind == REPLY_NIL)
        answer_unknown(in, out, q->conn);
    else if (reply == NULL || reply->kind != REPLY_STRING || record_read(reply->str, &r) != LC_OK)
        answer_unavailable(in, out, q->conn);
    else if (r.chain != q->chain)
        answer_unknown(in, out, q->conn);
    else if (!begin_confirm(in, ev, q, out))
        answer_unavailable(in, out, q->conn);
}

void
post_confirm(struct intake *in, const struct request *rq)
{
    static const char *const fields[] = {"lat", "lng"};
    struct json_in json;
    double lat = 0, lng = 0;
    char key[96], id[UUID_TEXT];
    struct uuid order;

    enum lc_err err = json_in_parse(&json, rq->ev->arena, rq->ev->bytes, &json_limits_default);
    if (err == LC_OK) {
        struct json_at root = json_in_root(&json);
        json_in_number(&json, &root, "lat", JSON_REQUIRED, -90, 90, &lat);
        json_in_number(&json, &root, "lng", JSON_REQUIRED, -180, 180, &lng);
        json_in_only(&json, &root, fields, 2);
    }
    if (err != LC_OK || json.error_n > 0) {
        answer_json_errors(in, rq->out, rq->conn, err, &json, "invalid_request");
        return;
    }
    if (uuid_parse(rq->param, &order) != LC_OK) {
        answer_unknown(in, rq->out, rq->conn);
        return;
    }
    struct confirmation *q = malloc(sizeof *q);
    if (q == NULL) {
        answer_unavailable(in, rq->out, rq->conn);
        return;
    }
    *q = (struct confirmation){.conn = rq->conn, .chain = rq->chain->chain, .id = order};
    (void)geo_of_degrees(lat, lng, &q->at); /* both are in range */
    uuid_format(order, id);
    snprintf(key, sizeof key, "%s:order:%s", in->key, id);
    struct slice argv[] = {SLICE_LIT("GET"), slice_str(key)};
    if (call_start(in, rq->ev, rq->out, argv, 2, look_done, q) != LC_OK)
        answer_unavailable(in, rq->out, rq->conn);
}
