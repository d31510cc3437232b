/* An order comes in, by whatever way; what became of it goes out the same way. */
#include "core.h"

#include <stdio.h>
#include <stdlib.h>

#define RETRY_AFTER "Retry-After: 1\r\n"

/* ---- out ---- */

static void
deliver_http(struct intake *in, uint64_t conn, const struct verdict *v, struct outbox *out)
{
    char extra[TRACED_HEADER + sizeof RETRY_AFTER];
    bool problem = v->status >= 400;

    traced_header(v, extra);
    if (v->status == 503)
        memcpy(extra + strlen(extra), RETRY_AFTER, sizeof RETRY_AFTER);
    buf_reset(&in->text);
    if (problem) {
        verdict_problem(in, &in->text, v);
    } else {
        struct json_out w = json_out_to(&in->text);
        order_render(in, &w, v);
    }
    count_up(in, !problem ? COUNT_2XX : v->status < 500 ? COUNT_4XX : COUNT_5XX);
    outbox_http(out, conn, v->status, problem ? PROBLEM_MEDIA_TYPE : "application/json", extra,
                buf_slice(&in->text));
}

void
deliver(struct intake *in, const struct event *ev, struct origin origin, const struct verdict *v,
        struct outbox *out)
{
    if (v->status >= 400)
        count_code(in, v->code);
    switch (origin.kind) {
    case ORIGIN_HTTP:
        deliver_http(in, origin.ref, v, out);
        break;
    case ORIGIN_BATCH:
        batch_deliver(in, origin, v);
        break;
    case ORIGIN_SUBMIT:
        submit_deliver(in, ev, origin, v, out);
        break;
    }
}

/* ---- an order that came too late: perhaps it came in time before ---- */

struct late_order {
    struct origin origin;
    struct uuid id;
    uint64_t fingerprint;
    uint32_t chain;
    char external_id[EXTERNAL_ID_BYTES_MAX + 1];
    char field[64];
    char error[128];
};

static void
late_done(struct intake *in, struct call *c, const struct event *ev, const struct reply *reply,
          struct outbox *out)
{
    const struct late_order *l = c->data;
    const struct field_error error = {l->field, l->error};
    struct record r;
    struct verdict v = {.external_id = l->external_id, .id = &l->id, .chain = l->chain};

    if (reply == NULL || (reply->kind != REPLY_NIL && reply->kind != REPLY_STRING)) {
        v.status = 503;
        v.code = "unavailable";
    } else if (reply->kind == REPLY_STRING && record_read(reply->str, &r) == LC_OK &&
               same_submission(&r, l->fingerprint)) {
        verdict_of_record(&r, &v);
        v.place = located_of_record(ev, &r);
        count_up(in, COUNT_REPEATED);
    } else {
        v.status = 422;
        v.code = "invalid_order";
        v.detail = "1 field is wrong";
        v.errors = &error;
        v.error_n = 1;
        count_up(in, COUNT_INVALID);
    }
    deliver(in, ev, l->origin, &v, out);
}

static bool
look_up(struct intake *in, const struct event *ev, struct outbox *out, const struct checked *order,
        const struct faults *f, struct origin origin)
{
    char key[96];
    struct late_order *l = calloc(1, sizeof *l);

    if (l == NULL)
        return false;
    l->origin = origin;
    l->id = order->id;
    l->fingerprint = order->fingerprint;
    l->chain = order->order.chain;
    snprintf(l->external_id, sizeof l->external_id, "%s", order->order.external_order_id);
    snprintf(l->field, sizeof l->field, "%s", f->list[0].field);
    snprintf(l->error, sizeof l->error, "%s", f->list[0].error);
    snprintf(key, sizeof key, "%s:order:%s", in->key, order->id_text);
    struct slice argv[] = {SLICE_LIT("GET"), slice_str(key)};
    return call_start(in, ev, out, argv, 2, late_done, l) == LC_OK;
}

/* ---- in ---- */

static void
refuse_faults(struct intake *in, const struct event *ev, const char *external_id,
              const struct faults *f, struct origin origin, struct outbox *out)
{
    char detail[48];
    struct verdict v = {.status = 422,
                        .code = "invalid_order",
                        .detail = detail,
                        .errors = f->list,
                        .error_n = f->n,
                        .external_id = external_id == NULL ? "" : external_id};

    snprintf(detail, sizeof detail, f->n == 1 ? "1 field is wrong" : "%zu fields are wrong",
             f->n + f->more);
    count_up(in, COUNT_INVALID);
    deliver(in, ev, origin, &v, out);
}

static void
refuse_begin(struct intake *in, const struct event *ev, const char *external_id, enum lc_err err,
             struct origin origin, struct outbox *out)
{
    struct verdict v = {.status = 503,
                        .code = err == LC_EAGAIN ? "overloaded" : "unavailable",
                        .detail = "too much is under way; repeat the same request",
                        .external_id = external_id};

    count_up(in, COUNT_UNAVAILABLE);
    deliver(in, ev, origin, &v, out);
}

/* traceparent_for: of a batch what its head said, of a submission the envelope's, read once. */
static char *
traceparent_for(struct intake *in, const struct event *ev, struct origin origin)
{
    switch (origin.kind) {
    case ORIGIN_BATCH:
        return (char *)(uintptr_t)batch_traceparent(in, origin.ref);
    case ORIGIN_SUBMIT:
        return (char *)(uintptr_t)submission_traceparent(in, origin.ref);
    case ORIGIN_HTTP:
        break;
    }
    return traced_read(in, ev);
}

/* seal: from here on nobody but the notifier can read who it is for. A quote is for nobody. */
static enum lc_err
seal(struct intake *in, const struct event *ev, struct checked *order, bool quote)
{
    Lifecircle__V1__Personal p;
    struct buf b = {0};

    personal_take(&order->order, &p);
    enum lc_err err = quote ? LC_OK : personal_seal(&in->personal, &in->chance, order->id, &p, &b);
    if (err == LC_OK && b.n > 0) {
        order->order.sealed.data = (uint8_t *)arena_copy(ev->arena, b.p, b.n);
        order->order.sealed.len = b.n;
        err = order->order.sealed.data == NULL ? LC_ENOMEM : LC_OK;
    }
    buf_free(&b);
    return err;
}

/* unsure_quote: nobody would go there, so no store is asked. */
static void
unsure_quote(struct intake *in, const struct event *ev, const struct checked *order,
             struct origin origin, struct outbox *out)
{
    Lifecircle__V1__MatchResult none = LIFECIRCLE__V1__MATCH_RESULT__INIT;
    const struct verdict v = {.status = 200,
                              .external_id = order->order.external_order_id,
                              .id = &order->id,
                              .chain = order->order.chain,
                              .quote = &none,
                              .place = located_of(&order->order)};

    none.reason = LIFECIRCLE__V1__REASON__ADDRESS_NOT_CONFIRMED;
    count_up(in, COUNT_QUOTES);
    deliver(in, ev, origin, &v, out);
}

void
order_take(struct intake *in, const struct event *ev, struct outbox *out,
           const Lifecircle__V1__Chain *chain, const Lifecircle__V1__OrderSubmission *s,
           struct faults *f, bool quote, struct origin origin)
{
    struct checked order;
    enum lc_err err = order_check(in, chain, ev, quote, s, f, &order);

    if (err == LC_OK && arena_lacked(ev->arena))
        err = LC_ENOMEM; /* what was read is perhaps not all that was said */
    if (err == LC_OK && f->n > 0) {
        if (f->only_late && !quote && look_up(in, ev, out, &order, f, origin))
            return;
        refuse_faults(in, ev, s->external_order_id, f, origin, out);
        return;
    }
    struct located place = err == LC_OK ? located_of(&order.order) : located_given;
    if (quote && located_waits(&place)) {
        unsure_quote(in, ev, &order, origin, out);
        return;
    }
    if (err == LC_OK) {
        order.order.traceparent = traceparent_for(in, ev, origin);
        err = seal(in, ev, &order, quote);
    }
    if (err == LC_OK)
        err = order_begin(in, ev, &order, quote, origin);
    if (err != LC_OK)
        refuse_begin(in, ev, order.order.external_order_id, err, origin, out);
}

static void
refuse_json(struct intake *in, const struct event *ev, struct outbox *out, enum lc_err err,
            const struct json_in *json, struct origin origin)
{
    struct verdict v = {.status = 400,
                        .code = "malformed_json",
                        .detail = "expected one JSON document",
                        .errors = json->error,
                        .error_n = json->error_n,
                        .external_id = ""};

    if (err == LC_ETOOBIG) {
        v.status = 413;
        v.code = "body_too_large";
    } else if (err == LC_ENOMEM) {
        v.status = 503;
        v.code = "unavailable";
    }
    count_up(in, COUNT_INVALID);
    deliver(in, ev, origin, &v, out);
}

void
order_take_json(struct intake *in, const struct event *ev, struct outbox *out,
                const Lifecircle__V1__Chain *chain, struct slice text, struct slice key, bool quote,
                struct origin origin)
{
    Lifecircle__V1__OrderSubmission s;
    struct json_in json;
    struct faults f;

    enum lc_err err = json_in_parse(&json, ev->arena, text, &json_limits_default);
    if (err != LC_OK) {
        refuse_json(in, ev, out, err, &json, origin);
        return;
    }
    struct json_at root = json_in_root(&json);
    order_read(&json, &root, quote, &s);
    f.arena = ev->arena;
    f.n = json.error_n;
    f.more = json.more_errors;
    f.only_late = false;
    memcpy(f.list, json.error, json.error_n * sizeof *f.list);
    if (root.value == NULL) {
        refuse_faults(in, ev, "", &f, origin, out);
        return;
    }
    if (key.n > 0)
        s.idempotency_key = arena_copy(ev->arena, key.p, key.n);
    if (s.idempotency_key == NULL || strlen(s.idempotency_key) != key.n) {
        s.idempotency_key = (char *)protobuf_c_empty_string;
        fault(&f, "idempotency_key", "expected up to %d printable ASCII characters",
              IDEMPOTENCY_BYTES_MAX);
    }
    order_take(in, ev, out, chain, &s, &f, quote, origin);
}

/* ---- routes ---- */

void
post_order(struct intake *in, const struct request *rq)
{
    order_take_json(in, rq->ev, rq->out, rq->chain, rq->ev->bytes,
                    header(rq->ev->http, "idempotency-key"), false,
                    (struct origin){.kind = ORIGIN_HTTP, .ref = rq->conn});
}

void
post_quote(struct intake *in, const struct request *rq)
{
    order_take_json(in, rq->ev, rq->out, rq->chain, rq->ev->bytes, (struct slice){NULL, 0}, true,
                    (struct origin){.kind = ORIGIN_HTTP, .ref = rq->conn});
}
