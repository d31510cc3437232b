/* Big chains: orders as protobuf over ZeroMQ. One request, one reply when all its orders are
 * answered. */
#include "core.h"

#include <stdlib.h>

struct submission {
    uint64_t number;
    uint64_t link;
    uint8_t envelope_id[16];
    size_t envelope_id_n;
    char *traceparent;   /* as the envelope said, or empty */
    struct arena *arena; /* results and their texts; holds this struct's lists too */
    Lifecircle__V1__SubmitResult *result;
    Lifecircle__V1__SubmitResult **results;
    size_t n;
    size_t left;
    UT_hash_handle hh;
};

static void
reply(struct intake *in, const struct event *ev, uint64_t link, struct slice envelope_id,
      const char *traceparent, Lifecircle__V1__SubmitReply *r, struct outbox *out)
{
    Lifecircle__V1__Envelope env;

    envelope_init(&env, &in->mint, ev->now_ms, 0);
    env.id = (ProtobufCBinaryData){envelope_id.n, (uint8_t *)(uintptr_t)envelope_id.p};
    env.traceparent = (char *)(uintptr_t)traceparent;
    env.body_case = LIFECIRCLE__V1__ENVELOPE__BODY_SUBMIT_REPLY;
    env.submit_reply = r;
    outbox_answer(out, link, &env);
}

static void
refuse(struct intake *in, const struct event *ev, uint32_t status, const char *code,
       struct outbox *out)
{
    Lifecircle__V1__SubmitReply r = LIFECIRCLE__V1__SUBMIT_REPLY__INIT;

    r.status = status;
    r.code = (char *)(uintptr_t)code;
    count_code(in, code);
    reply(in, ev, ev->ref, slice_of((const char *)ev->envelope->id.data, ev->envelope->id.len), "",
          &r, out);
}

static void
drop(struct intake *in, struct submission *s)
{
    HASH_DELETE(hh, in->submissions, s);
    arena_destroy(s->arena);
    free(s);
}

static void
finish(struct intake *in, const struct event *ev, struct submission *s, struct outbox *out)
{
    Lifecircle__V1__SubmitReply r = LIFECIRCLE__V1__SUBMIT_REPLY__INIT;

    r.status = 200;
    r.n_results = s->n;
    r.results = s->results;
    reply(in, ev, s->link, slice_of((const char *)s->envelope_id, s->envelope_id_n), s->traceparent,
          &r, out);
    drop(in, s);
}

const char *
submission_traceparent(const struct intake *in, uint64_t number)
{
    const struct submission *s;

    HASH_FIND(hh, in->submissions, &number, sizeof number, s);
    return s == NULL ? "" : s->traceparent;
}

/* ---- results ---- */

/* NULL without memory: then the reply says less, not something wrong. */
static char *
keep(struct submission *s, const char *text)
{
    char *copy = text == NULL ? NULL : arena_copy(s->arena, text, strlen(text));

    return copy == NULL ? (char *)protobuf_c_empty_string : copy;
}

static char *
faults_text(struct submission *s, const struct verdict *v)
{
    struct buf b = {0};

    if (v->error_n == 0)
        return keep(s, v->detail);
    for (size_t i = 0; i < v->error_n; i++)
        buf_printf(&b, "%s%s: %s", i == 0 ? "" : "; ", v->errors[i].field, v->errors[i].error);
    buf_char(&b, '\0');
    char *text = keep(s, b.failed ? v->detail : b.p);
    buf_free(&b);
    return text;
}

static void
take_record(struct intake *in, struct submission *s, Lifecircle__V1__SubmitResult *r,
            const struct verdict *v)
{
    const struct record *record = v->record;
    const struct catalogue_store *store = catalogue_store(in->catalogue, record->store);
    char id[UUID_TEXT];

    uuid_format(*v->id, id);
    r->order_id = keep(s, id);
    r->state = (Lifecircle__V1__OrderState)record->state;
    r->reason = (Lifecircle__V1__Reason)record->reason;
    r->store_id = keep(s, store == NULL ? NULL : store->store_id);
    r->eta_ms = record->eta_ms;
    r->total_cents = record->total_cents;
    if (v->place.precision != LIFECIRCLE__V1__ADDRESS_PRECISION__PLACE_GIVEN) {
        r->dropoff = arena_alloc(s->arena, sizeof *r->dropoff);
        r->precision = v->place.precision;
        r->address_error_m = v->place.error_m;
    }
    if (r->dropoff != NULL) {
        lifecircle__v1__point__init(r->dropoff);
        r->dropoff->lat_e7 = v->place.at.lat_e7;
        r->dropoff->lng_e7 = v->place.at.lng_e7;
    }
    /* as in JSON: the answer to a creation tells of the placing alone */
    if (record->store != 0 && v->status == 201) {
        r->state = LIFECIRCLE__V1__ORDER_STATE__PLACED;
        r->reason = LIFECIRCLE__V1__REASON__REASON_NONE;
    }
}

void
submit_deliver(struct intake *in, const struct event *ev, struct origin origin,
               const struct verdict *v, struct outbox *out)
{
    struct submission *s;

    HASH_FIND(hh, in->submissions, &origin.ref, sizeof origin.ref, s);
    if (s == NULL || origin.line >= s->n)
        return;
    Lifecircle__V1__SubmitResult *r = &s->result[origin.line];
    r->external_order_id = keep(s, v->external_id);
    r->status = (uint32_t)v->status;
    if (v->record != NULL)
        take_record(in, s, r, v);
    if (v->status >= 400) {
        r->code = keep(s, v->code);
        r->detail = faults_text(s, v);
    }
    if (--s->left == 0)
        finish(in, ev, s, out);
}

/* ---- requests ---- */

static struct submission *
submission_new(struct intake *in, const struct event *ev, size_t n)
{
    enum { CAP = 16 * 1024 * 1024 };
    struct submission *s = calloc(1, sizeof *s);
    bool map_failed = false;

    if (s == NULL)
        return NULL;
    s->number = ++in->number;
    s->link = ev->ref;
    s->n = s->left = n;
    s->envelope_id_n =
        ev->envelope->id.len < sizeof s->envelope_id ? ev->envelope->id.len : sizeof s->envelope_id;
    if (s->envelope_id_n > 0)
        memcpy(s->envelope_id, ev->envelope->id.data, s->envelope_id_n);
    s->arena = arena_new(CAP);
    if (s->arena != NULL) {
        s->result = arena_array(s->arena, n, sizeof *s->result);
        s->results = arena_array(s->arena, n, sizeof *s->results);
        s->traceparent = keep(s, traced_read(in, ev));
    }
    if (s->arena != NULL && s->result != NULL && s->results != NULL)
        HASH_ADD(hh, in->submissions, number, sizeof s->number, s);
    else
        map_failed = true;
    if (map_failed) {
        arena_destroy(s->arena);
        free(s);
        return NULL;
    }
    for (size_t i = 0; i < n; i++) {
        lifecircle__v1__submit_result__init(&s->result[i]);
        s->results[i] = &s->result[i];
    }
    return s;
}

static void
take_orders(struct intake *in, const struct event *ev, const Lifecircle__V1__Chain *chain,
            uint64_t number, struct outbox *out)
{
    const Lifecircle__V1__SubmitRequest *request = ev->envelope->submit_request;

    for (size_t i = 0; i < request->n_orders; i++) {
        struct arena_mark mark = arena_mark(ev->arena);
        struct faults f;
        f.arena = ev->arena;
        f.n = f.more = 0;
        f.only_late = false;
        order_take(in, ev, out, chain, request->orders[i], &f, false,
                   (struct origin){.kind = ORIGIN_SUBMIT, .ref = number, .line = i});
        arena_rewind(ev->arena, mark);
    }
}

void
submit(struct intake *in, const struct event *ev, struct outbox *out)
{
    const Lifecircle__V1__SubmitRequest *request = ev->envelope->submit_request;
    int status = 0;
    int64_t retry_s;

    count_up(in, COUNT_SUBMITS);
    if (in->stopping || !catalogue_loaded(in->catalogue)) {
        refuse(in, ev, 503, in->stopping ? "stopping" : "unavailable", out);
        return;
    }
    const Lifecircle__V1__Chain *chain =
        auth_key(in, slice_str(request->api_key), ev->now_ms, &status, &retry_s);
    if (chain == NULL) {
        refuse(in, ev, (uint32_t)status,
               status == 401   ? "unauthorized"
               : status == 503 ? "unavailable"
                               : "too_many_requests",
               out);
        return;
    }
    if (chain->signing_required) { /* a frame has no signature */
        refuse(in, ev, 401, "signature_required", out);
        return;
    }
    if (request->n_orders < 1 || request->n_orders > SUBMIT_MAX) {
        refuse(in, ev, 413, "invalid_request", out);
        return;
    }
    struct submission *s = submission_new(in, ev, request->n_orders);
    if (s == NULL) {
        refuse(in, ev, 503, "unavailable", out);
        return;
    }
    take_orders(in, ev, chain, s->number, out); /* s is gone when all were refused at once */
}

void
submissions_close(struct intake *in)
{
    struct submission *s, *next;

    HASH_ITER(hh, in->submissions, s, next)
    drop(in, s);
}
