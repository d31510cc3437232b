/* What became of an order: as the matcher says, or order_accept, or nobody. */
#include "core.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- what became of it ---- */

void
pending_unavailable(struct intake *in, const struct event *ev, struct pending *p,
                    struct outbox *out)
{
    struct verdict v = {.status = 503,
                        .code = "unavailable",
                        .detail = "what became of it is not known; repeat the same request"};

    count_up(in, COUNT_UNAVAILABLE);
    pending_finish(in, ev, p, &v, out);
}

static void
finish_conflict(struct intake *in, const struct event *ev, struct pending *p, bool by_key,
                struct outbox *out)
{
    struct verdict v = {.status = 409,
                        .code = "conflict",
                        .detail = "this external_order_id is known with another payload"};

    if (by_key) {
        v.status = 422;
        v.code = "idempotency_key_reused";
        v.detail = "this Idempotency-Key is known with another order";
    }
    count_up(in, COUNT_CONFLICT);
    pending_finish(in, ev, p, &v, out);
}

static enum count
count_of(const struct record *r, bool repeated)
{
    if (repeated)
        return COUNT_REPEATED;
    switch (r->state) {
    case LIFECIRCLE__V1__ORDER_STATE__CREATED:
        return COUNT_ACCEPTED;
    case LIFECIRCLE__V1__ORDER_STATE__HELD:
        return COUNT_HELD;
    case LIFECIRCLE__V1__ORDER_STATE__REJECTED:
        return COUNT_REJECTED;
    default:
        return COUNT_PLACED;
    }
}

void
verdict_of_record(const struct record *r, struct verdict *v)
{
    v->record = r;
    v->status = r->store == 0 ? 202 : 201;
    if (r->state == LIFECIRCLE__V1__ORDER_STATE__REJECTED) {
        v->status = 422;
        v->code = "rejected";
        v->detail = "no store can serve it";
    }
}

bool
same_submission(const struct record *r, uint64_t fingerprint)
{
    return r->fingerprint == fingerprint || r->fingerprint == 0;
}

static void
finish_known(struct intake *in, const struct event *ev, struct pending *p, const struct record *r,
             bool repeated, struct outbox *out)
{
    struct verdict v = {0};

    verdict_of_record(r, &v);
    v.place = located_of_record(ev, r);
    count_up(in, count_of(r, repeated));
    pending_finish(in, ev, p, &v, out);
}

struct read_call {
    struct uuid id;
    bool repeated;
};

static void
read_done(struct intake *in, struct call *c, const struct event *ev, const struct reply *reply,
          struct outbox *out)
{
    const struct read_call *q = c->data;
    struct pending *p = pending_find(in, q->id);
    struct record r;

    if (p == NULL || p->step != PENDING_READING)
        return; /* given up before */
    if (reply != NULL && reply->kind == REPLY_STRING && record_read(reply->str, &r) == LC_OK)
        finish_known(in, ev, p, &r, q->repeated, out);
    else
        pending_unavailable(in, ev, p, out);
}

/* read_record: what Redis has of an order; `done` gets `data`, which is freed afterwards, or at
 * once when the order cannot be asked for. */
static void
read_record(struct intake *in, const struct event *ev, struct pending *p, call_done *done,
            void *data, struct outbox *out)
{
    char key[96], id[UUID_TEXT];

    uuid_format(p->id, id);
    snprintf(key, sizeof key, "%s:order:%s", in->key, id);
    struct slice argv[] = {SLICE_LIT("GET"), slice_str(key)};
    if (data != NULL && call_start(in, ev, out, argv, 2, done, data) == LC_OK)
        pending_to_read(in, p);
    else
        pending_unavailable(in, ev, p, out);
}

/* read_place: where an order by address goes, and how well that is known, was decided when it came
 * first, perhaps by another index; only its record says it. */
static void
read_place(struct intake *in, const struct event *ev, struct pending *p, bool repeated,
           struct outbox *out)
{
    struct read_call *q = malloc(sizeof *q);

    if (q != NULL)
        *q = (struct read_call){p->id, repeated};
    read_record(in, ev, p, read_done, q, out);
}

/* The stored record speaks, whoever wrote it: so the same request gets the same answer again. */
static void
finish_record(struct intake *in, const struct event *ev, struct pending *p, const struct record *r,
              bool repeated, struct outbox *out)
{
    if (!same_submission(r, p->fingerprint))
        finish_conflict(in, ev, p, false, out);
    else if (p->place.precision != LIFECIRCLE__V1__ADDRESS_PRECISION__PLACE_GIVEN)
        read_place(in, ev, p, repeated, out);
    else
        finish_known(in, ev, p, r, repeated, out);
}

static void
finish_price(struct intake *in, const struct event *ev, struct pending *p, const struct record *r,
             struct outbox *out)
{
    struct verdict v = {.status = 409,
                        .code = "price_changed",
                        .detail = "a price is not the store's; nothing was kept",
                        .record = r};

    count_up(in, COUNT_PRICE_CHANGED);
    pending_finish(in, ev, p, &v, out);
}

struct price_call {
    struct uuid id;
    size_t n;
    char head[]; /* the order as inventory refused it, n bytes */
};

static void
price_read(struct intake *in, struct call *c, const struct event *ev, const struct reply *reply,
           struct outbox *out)
{
    const struct price_call *q = c->data;
    struct pending *p = pending_find(in, q->id);
    struct record r;

    if (p == NULL || p->step != PENDING_READING)
        return; /* given up before */
    if (reply != NULL && reply->kind == REPLY_STRING && record_read(reply->str, &r) == LC_OK)
        finish_record(in, ev, p, &r, true, out);
    else if (reply != NULL && reply->kind == REPLY_NIL &&
             record_read(slice_of(q->head, q->n), &r) == LC_OK)
        finish_price(in, ev, p, &r, out);
    else
        pending_unavailable(in, ev, p, out);
}

/* A refusal may be late, and speak of the first time this order was sent, while order_accept has
 * kept it since and told its chain so: "nothing was kept" must be true when it is said. */
static void
check_price(struct intake *in, const struct event *ev, struct pending *p,
            const Lifecircle__V1__MatchResult *m, struct outbox *out)
{
    struct price_call *q = malloc(sizeof *q + m->head.len);

    if (q != NULL) {
        q->id = p->id;
        q->n = m->head.len;
        memcpy(q->head, m->head.data, m->head.len);
    }
    read_record(in, ev, p, price_read, q, out);
}

static void
take_quote(struct intake *in, const struct event *ev, struct pending *p,
           const Lifecircle__V1__MatchResult *m, struct outbox *out)
{
    struct verdict v = {.status = 200, .quote = m, .place = p->place};

    if (m->outcome == LIFECIRCLE__V1__MATCH_RESULT__OUTCOME__UNAVAILABLE ||
        m->outcome == LIFECIRCLE__V1__MATCH_RESULT__OUTCOME__OUTCOME_NONE) {
        pending_unavailable(in, ev, p, out);
        return;
    }
    count_up(in, COUNT_QUOTES);
    pending_finish(in, ev, p, &v, out);
}

static void
take_result(struct intake *in, const struct event *ev, struct pending *p,
            const Lifecircle__V1__MatchResult *m, struct outbox *out)
{
    struct record r;
    bool known = m->head.len > 0 &&
                 record_read(slice_of((const char *)m->head.data, m->head.len), &r) == LC_OK;

    switch (m->outcome) {
    case LIFECIRCLE__V1__MATCH_RESULT__OUTCOME__PLACED_NOW:
    case LIFECIRCLE__V1__MATCH_RESULT__OUTCOME__NOT_PLACED:
    case LIFECIRCLE__V1__MATCH_RESULT__OUTCOME__DUPLICATE:
        if (known)
            finish_record(in, ev, p, &r,
                          m->outcome == LIFECIRCLE__V1__MATCH_RESULT__OUTCOME__DUPLICATE, out);
        break;
    case LIFECIRCLE__V1__MATCH_RESULT__OUTCOME__CONFLICT:
        if (known) /* an answer to an earlier, other request with this id may come late */
            finish_record(in, ev, p, &r, true, out);
        else
            finish_conflict(in, ev, p, true, out);
        break;
    case LIFECIRCLE__V1__MATCH_RESULT__OUTCOME__PRICE_DIFFERS:
        if (known && r.fingerprint == p->fingerprint && p->step == PENDING_MATCHING)
            check_price(in, ev, p, m, out);
        break;
    case LIFECIRCLE__V1__MATCH_RESULT__OUTCOME__UNAVAILABLE:
    case LIFECIRCLE__V1__MATCH_RESULT__OUTCOME__OUTCOME_NONE:
    default:
        if (p->step == PENDING_MATCHING)
            pending_to_accept(in, p);
        break;
    }
}

void
orders_reply(struct intake *in, const struct event *ev, struct outbox *out)
{
    const Lifecircle__V1__MatchReply *reply = ev->envelope->match_reply;

    for (size_t i = 0; i < reply->n_results; i++) {
        const Lifecircle__V1__MatchResult *m = reply->results[i];
        struct uuid id;
        if (uuid_parse(slice_str(m->order_id), &id) != LC_OK)
            continue;
        struct pending *p = pending_find(in, id);
        if (p == NULL || p->step == PENDING_GATHERED || p->step == PENDING_ACCEPT ||
            p->step == PENDING_READING)
            continue; /* answered before, or not even asked by us */
        if (p->quote)
            take_quote(in, ev, p, m, out);
        else
            take_result(in, ev, p, m, out);
    }
}

/* ---- order_accept ---- */

enum { ACCEPT_ARGS = 5, HOLD_ARGS = 6, ACCEPT_BUILT = 3 };

struct accept_call {
    size_t n;
    struct uuid id[];
};

static void
accept_answer(struct intake *in, const struct event *ev, struct pending *p,
              const struct reply *answer, struct outbox *out)
{
    struct record r;
    struct slice s = answer->str;

    if (answer->kind != REPLY_STRING || s.n < 4) {
        pending_unavailable(in, ev, p, out);
        return;
    }
    int outcome = (uint8_t)s.p[0];
    bool known = record_read(slice_of(s.p + 4, s.n - 4), &r) == LC_OK;
    if (known)
        finish_record(in, ev, p, &r, outcome == LIFECIRCLE__V1__PLACE_RESULT__OUTCOME__DUPLICATE,
                      out);
    else if (outcome == LIFECIRCLE__V1__PLACE_RESULT__OUTCOME__CONFLICT)
        finish_conflict(in, ev, p, true, out);
    else
        pending_unavailable(in, ev, p, out);
}

static void
accept_done(struct intake *in, struct call *c, const struct event *ev, const struct reply *reply,
            struct outbox *out)
{
    static const struct reply none = {.kind = REPLY_NIL};
    const struct accept_call *a = c->data;
    bool whole = reply != NULL && reply->kind == REPLY_ARRAY && reply->n == a->n;

    for (size_t i = 0; i < a->n; i++) {
        struct pending *p = pending_find(in, a->id[i]);
        if (p != NULL && p->step == PENDING_ACCEPTING)
            accept_answer(in, ev, p, whole ? &reply->items[i] : &none, out);
    }
}

/* One order's arguments, in the arena: of order_accept, or, for one that waits for its address, of
 * order_place without a store. False without memory, or for an Order that is none (a bug). */
static bool
accept_args(const struct event *ev, const struct pending *p, bool holds,
            struct slice argv[HOLD_ARGS])
{
    struct place_mode mode = {.create = true};
    const Lifecircle__V1__Order *o =
        wire_unpack(&lifecircle__v1__order__descriptor, ev->arena, p->order);
    struct buf b[ACCEPT_BUILT] = {0};
    bool ok = o != NULL;

    if (o == NULL)
        return false;
    if (holds)
        mode = (struct place_mode){.reason = LIFECIRCLE__V1__REASON__ADDRESS_NOT_CONFIRMED,
                                   .retry_ms = o->hold_until_ms};
    place_idem(&b[0], o);
    place_plan(&b[1], o, &mode, NULL, 0);
    place_record(&b[2], o, NULL);
    argv[4] = (struct slice){"", 0}; /* order_place: no decision to explain */
    argv[holds ? 5 : 4] = slice_of((const char *)o->sealed.data, o->sealed.len);
    place_order(&b[2], o);
    argv[0] = slice_of(arena_copy(ev->arena, o->order_id, UUID_TEXT - 1), UUID_TEXT - 1);
    for (size_t i = 0; i < ACCEPT_BUILT; i++) {
        argv[i + 1] = slice_of(arena_copy(ev->arena, b[i].p, b[i].n), b[i].n);
        ok = ok && !b[i].failed && argv[i + 1].p != NULL;
        buf_free(&b[i]);
    }
    return ok && argv[0].p != NULL;
}

static struct slice
number_arg(struct arena *a, int64_t v)
{
    const char *s = arena_int(a, v);

    return slice_str(s);
}

/* Up to ORDERS_A_MESSAGE of the list, in one call, as far as they go the same way; gives how many
 * were taken. */
static size_t
accept_some(struct intake *in, const struct event *ev, struct outbox *out)
{
    enum { FIXED = 6 };
    struct slice argv[FIXED + HOLD_ARGS * ORDERS_A_MESSAGE];
    bool holds = located_waits(&in->accepts->place);
    size_t each = holds ? HOLD_ARGS : ACCEPT_ARGS;
    struct accept_call *a = malloc(sizeof *a + ORDERS_A_MESSAGE * sizeof *a->id);

    if (a == NULL)
        return 0;
    a->n = 0;
    for (struct pending *p = in->accepts; p != NULL && a->n < ORDERS_A_MESSAGE;
         p = p->next_gathered) {
        if (located_waits(&p->place) != holds ||
            !accept_args(ev, p, holds, argv + FIXED + each * a->n))
            break;
        a->id[a->n++] = p->id;
    }
    size_t n = a->n;
    argv[0] = SLICE_LIT("FCALL");
    argv[1] = holds ? SLICE_LIT("order_place") : SLICE_LIT("order_accept");
    argv[2] = SLICE_LIT("1");
    argv[3] = slice_str(in->key);
    argv[4] = number_arg(ev->arena, ev->now_ms);
    argv[5] = number_arg(ev->arena, (int64_t)n);
    if (n == 0) {
        free(a);
        return 0;
    }
    return call_start(in, ev, out, argv, FIXED + each * n, accept_done, a) == LC_OK ? n : 0;
}

/* take_accept: the first of the list, out of it. */
static struct pending *
take_accept(struct intake *in)
{
    struct pending *p = in->accepts;

    in->accepts = p->next_gathered;
    if (in->accepts == NULL)
        in->accepts_end = &in->accepts;
    return p;
}

void
accepts_send(struct intake *in, const struct event *ev, struct outbox *out)
{
    while (in->accepts != NULL) {
        size_t n = accept_some(in, ev, out);
        if (outbox_failed(out))
            return; /* the step is undone; they stay in the list */
        if (n == 0) /* no memory even for one: the truth is that nothing is known of it; who stands
                       behind it may join the list */
            pending_unavailable(in, ev, take_accept(in), out);
        for (size_t i = 0; i < n; i++) {
            struct pending *p = take_accept(in);
            p->step = PENDING_ACCEPTING;
            if (!located_waits(&p->place))
                count_up(in, COUNT_FALLBACK);
        }
    }
}
