/* One order: what it is now, and what a chain may do to it. */
#include "core.h"

#include <stdio.h>
#include <stdlib.h>

enum { WORDS_MAX = 190 }; /* order_step keeps 200 bytes */

/* A request about one order: first its record is read, and whose it is; then, perhaps, a step. */
struct order_query {
    uint64_t conn;
    uint32_t chain;
    struct uuid id;
    const char *action; /* static; NULL: only look */
    unsigned reason;
    const char *who;
    char words[WORDS_MAX + 1];
    bool wrong_code; /* of a collection; told only to the chain whose order it is */
    bool forget;     /* order_forget instead of a step */
    size_t record_n; /* as it was before the step */
    char record[];
};

/* done: it was a step, and was done just now. */
static void
answer_order(struct intake *in, const struct event *ev, const struct order_query *q,
             const struct record *r, struct slice order, bool done, struct outbox *out)
{
    const Lifecircle__V1__Order *o =
        wire_unpack(&lifecircle__v1__order__descriptor, ev->arena, order);

    if (o == NULL) {
        traced_broken(out, q->id, r);
        answer_unavailable(in, out, q->conn);
        return;
    }
    if (done)
        traced_step(out, q->id, r, o, q->action);
    buf_reset(&in->text);
    struct json_out w = json_out_to(&in->text);
    order_render_full(in, &w, q->id, r, o);
    answer_json(in, out, q->conn, 200, buf_slice(&in->text));
}

static void
answer_unknown(struct intake *in, struct outbox *out, uint64_t conn)
{
    answer_error(in, out, conn, 404, "not_found", "no such order");
}

/* ---- the step ---- */

static void
answer_refused_step(struct intake *in, const struct order_query *q, const struct record *r,
                    struct outbox *out)
{
    char detail[96];

    snprintf(detail, sizeof detail, "the order is %s", record_state_name(r->state));
    if (strcmp(q->action, "cancel") == 0)
        answer_error(in, out, q->conn, 409, "too_late", detail);
    else
        answer_error(in, out, q->conn, 409, "not_allowed", detail);
}

static void
step_done(struct intake *in, struct call *c, const struct event *ev, const struct reply *reply,
          struct outbox *out)
{
    enum { DONE = 1, ALREADY = 2, NOT_ALLOWED = 3, UNKNOWN = 4 };
    const struct order_query *q = c->data;
    const struct reply *a =
        reply != NULL && reply->kind == REPLY_ARRAY && reply->n == 1 ? &reply->items[0] : NULL;
    struct record was, r;

    if (a == NULL || a->kind != REPLY_STRING || a->str.n < 1 ||
        record_read(slice_of(q->record, q->record_n), &was) != LC_OK) {
        answer_unavailable(in, out, q->conn);
    } else if (a->str.p[0] == UNKNOWN) {
        answer_unknown(in, out, q->conn);
    } else if (record_read(slice_of(a->str.p + 1, a->str.n - 1), &r) != LC_OK) {
        answer_unavailable(in, out, q->conn);
    } else if (a->str.p[0] == NOT_ALLOWED) {
        answer_refused_step(in, q, &r, out);
    } else {
        r.lines = was.lines; /* a step changes the head alone */
        answer_order(in, ev, q, &r, was.order, a->str.p[0] == DONE, out);
    }
}

/* ---- erasing personal data ---- */

static void
forget_done(struct intake *in, struct call *c, const struct event *ev, const struct reply *reply,
            struct outbox *out)
{
    enum { DONE = 1, ALREADY = 2, NOT_ENDED = 3, UNKNOWN = 4 };
    const struct order_query *q = c->data;
    bool known = reply != NULL && reply->kind == REPLY_ARRAY && reply->n == 1 &&
                 reply->items[0].kind == REPLY_INT;
    int64_t outcome = known ? reply->items[0].integer : 0;

    (void)ev;
    if (outcome == DONE || outcome == ALREADY) {
        count_up(in, COUNT_2XX);
        outbox_http(out, q->conn, 204, NULL, NULL, (struct slice){NULL, 0});
    } else if (outcome == NOT_ENDED) {
        answer_error(in, out, q->conn, 409, "not_allowed",
                     "the order has not ended: whoever brings it must know where to");
    } else if (outcome == UNKNOWN) {
        answer_unknown(in, out, q->conn);
    } else {
        answer_unavailable(in, out, q->conn);
    }
}

static bool
begin_forget(struct intake *in, const struct event *ev, const struct order_query *look,
             struct outbox *out)
{
    char now[24], id[UUID_TEXT];
    struct order_query *q = malloc(sizeof *q);

    if (q == NULL)
        return false;
    *q = *look;
    snprintf(now, sizeof now, "%lld", (long long)ev->now_ms);
    uuid_format(q->id, id);
    struct slice argv[] = {
        SLICE_LIT("FCALL"), SLICE_LIT("order_forget"),
        SLICE_LIT("1"),     slice_str(in->key),
        slice_str(now),     SLICE_LIT("1"),
        slice_str(id),      slice_str(q->who),
    };
    return call_start(in, ev, out, argv, sizeof argv / sizeof *argv, forget_done, q) == LC_OK;
}

static bool
begin_step(struct intake *in, const struct event *ev, const struct order_query *look,
           struct slice record, struct outbox *out)
{
    char now[24], reason[8], id[UUID_TEXT];
    struct order_query *q = malloc(sizeof *q + record.n);

    if (q == NULL)
        return false;
    *q = *look;
    q->record_n = record.n;
    memcpy(q->record, record.p, record.n);

    snprintf(now, sizeof now, "%lld", (long long)ev->now_ms);
    snprintf(reason, sizeof reason, "%u", q->reason);
    uuid_format(q->id, id);
    struct slice argv[] = {
        SLICE_LIT("FCALL"), SLICE_LIT("order_step"), SLICE_LIT("1"),      slice_str(in->key),
        slice_str(now),     SLICE_LIT("1"),          slice_str(id),       slice_str(q->action),
        slice_str(reason),  slice_str(q->who),       slice_str(q->words),
    };
    return call_start(in, ev, out, argv, sizeof argv / sizeof *argv, step_done, q) == LC_OK;
}

/* ---- the look ---- */

static void
look_done(struct intake *in, struct call *c, const struct event *ev, const struct reply *reply,
          struct outbox *out)
{
    const struct order_query *q = c->data;
    struct record r;

    if (reply != NULL && reply->kind == REPLY_NIL) {
        answer_unknown(in, out, q->conn);
    } else if (reply == NULL || reply->kind != REPLY_STRING ||
               record_read(reply->str, &r) != LC_OK) {
        answer_unavailable(in, out, q->conn);
    } else if (r.chain != q->chain) { /* other chains' orders do not exist for it */
        answer_unknown(in, out, q->conn);
    } else if (q->wrong_code) {
        answer_error(in, out, q->conn, 409, "wrong_code", "this is not the customer's code");
    } else if (q->action == NULL) {
        answer_order(in, ev, q, &r, r.order, false, out);
    } else if (q->forget ? !begin_forget(in, ev, q, out)
                         : !begin_step(in, ev, q, reply->str, out)) {
        answer_unavailable(in, out, q->conn);
    }
}

static void
look(struct intake *in, const struct request *rq, struct order_query *q)
{
    char key[96], id[UUID_TEXT];

    uuid_format(q->id, id);
    snprintf(key, sizeof key, "%s:order:%s", in->key, id);
    struct slice argv[] = {SLICE_LIT("GET"), slice_str(key)};
    if (call_start(in, rq->ev, rq->out, argv, 2, look_done, q) != LC_OK)
        answer_unavailable(in, rq->out, rq->conn);
}

static struct order_query *
query_new(struct intake *in, const struct request *rq)
{
    struct order_query *q = calloc(1, sizeof *q);

    if (q == NULL) {
        answer_unavailable(in, rq->out, rq->conn);
        return NULL;
    }
    q->conn = rq->conn;
    q->chain = rq->chain->chain;
    return q;
}

/* The query for the order that the path names; NULL when that was answered. */
static struct order_query *
query_of_path(struct intake *in, const struct request *rq)
{
    struct uuid id;

    if (uuid_parse(rq->param, &id) != LC_OK) {
        answer_unknown(in, rq->out, rq->conn);
        return NULL;
    }
    struct order_query *q = query_new(in, rq);
    if (q != NULL)
        q->id = id;
    return q;
}

/* ---- routes ---- */

void
get_order(struct intake *in, const struct request *rq)
{
    struct order_query *q = query_of_path(in, rq);

    if (q != NULL)
        look(in, rq, q);
}

void
get_orders(struct intake *in, const struct request *rq)
{
    struct slice query = rq->ev->http->query, name, value, id = {NULL, 0};
    bool bad = false, other = false;

    while (query_next(rq->ev->arena, &query, &name, &value, &bad)) {
        if (slice_eq_str(name, "external_order_id") && id.p == NULL)
            id = value;
        else
            other = true;
    }
    if (bad || other || id.n < 1 || id.n > EXTERNAL_ID_BYTES_MAX) {
        const struct field_error e = {"external_order_id",
                                      "expected one query parameter of this name, 1 to 64 "
                                      "printable ASCII characters"};
        answer_faults(in, rq->out, rq->conn, "invalid_request", &e, 1);
        return;
    }
    struct order_query *q = query_new(in, rq);
    if (q == NULL)
        return;
    q->id = uuid_order(rq->chain->chain, id);
    look(in, rq, q);
}

void
post_cancel(struct intake *in, const struct request *rq)
{
    static const char *const fields[] = {"reason", "comment"};
    static const struct json_enum reasons[] = {
        {"customer_cancelled", LIFECIRCLE__V1__REASON__CUSTOMER_CANCELLED},
        {"merchant_cancelled", LIFECIRCLE__V1__REASON__MERCHANT_CANCELLED},
        {"operator", LIFECIRCLE__V1__REASON__OPERATOR},
    };
    struct json_in json;
    struct slice comment = {NULL, 0};
    int reason = 0;

    enum lc_err err = json_in_parse(&json, rq->ev->arena, rq->ev->bytes, &json_limits_default);
    if (err == LC_OK) {
        struct json_at root = json_in_root(&json);
        json_in_enum(&json, &root, "reason", JSON_REQUIRED, reasons, 3, &reason);
        json_in_string(&json, &root, "comment", JSON_OPTIONAL, 0, WORDS_MAX, &comment);
        json_in_only(&json, &root, fields, 2);
    }
    if (err != LC_OK || json.error_n > 0) {
        answer_json_errors(in, rq->out, rq->conn, err, &json, "invalid_request");
        return;
    }
    struct order_query *q = query_of_path(in, rq);
    if (q == NULL)
        return;
    q->action = "cancel";
    q->reason = (unsigned)reason;
    q->who = reason == LIFECIRCLE__V1__REASON__CUSTOMER_CANCELLED ? "customer"
             : reason == LIFECIRCLE__V1__REASON__OPERATOR         ? "operator"
                                                                  : "chain";
    if (comment.n > 0)
        memcpy(q->words, comment.p, comment.n);
    look(in, rq, q);
}

void
delete_personal(struct intake *in, const struct request *rq)
{
    struct order_query *q = query_of_path(in, rq);

    if (q == NULL)
        return;
    q->action = "forget";
    q->forget = true;
    q->who = "chain";
    look(in, rq, q);
}

void
post_ready(struct intake *in, const struct request *rq)
{
    struct order_query *q = query_of_path(in, rq);

    if (q == NULL)
        return;
    q->action = "ready";
    q->who = "store";
    look(in, rq, q);
}

void
post_collected(struct intake *in, const struct request *rq)
{
    static const char *const fields[] = {"code"};
    struct json_in json;
    struct slice code = {NULL, 0};
    char right[COLLECTION_TEXT];

    enum lc_err err = json_in_parse(&json, rq->ev->arena, rq->ev->bytes, &json_limits_default);
    if (err == LC_OK) {
        struct json_at root = json_in_root(&json);
        json_in_string(&json, &root, "code", JSON_REQUIRED, 1, 16, &code);
        json_in_only(&json, &root, fields, 1);
    }
    if (err != LC_OK || json.error_n > 0) {
        answer_json_errors(in, rq->out, rq->conn, err, &json, "invalid_request");
        return;
    }
    struct order_query *q = query_of_path(in, rq);
    if (q == NULL)
        return;
    collection_code(&in->secret, q->id, right);
    q->wrong_code = !secret_equal(code, slice_str(right));
    q->action = "collected";
    q->who = "store";
    look(in, rq, q);
}
