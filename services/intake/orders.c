/* Orders on their way: from the turn in which they came to the answer. Orders of one turn go to the
 * matcher together; what it does not answer within match-ms is written by order_accept, so that the
 * chain is told the truth in any case. */
#include "core.h"

#include <stdlib.h>

/* ---- the table ---- */

/* Orders wait shorter than quotes: a list each, so that both are sorted by time. */
static struct due *
due_of(struct intake *in, const struct pending *p)
{
    return &in->due[p->quote];
}

static void
due_add(struct intake *in, struct pending *p, int64_t now_ms)
{
    struct due *d = due_of(in, p);

    p->due_ms = now_ms + (p->quote ? QUOTE_MS : in->match_ms);
    p->due_prev = d->last;
    p->due_next = NULL;
    if (d->last != NULL)
        d->last->due_next = p;
    else
        d->first = p;
    d->last = p;
}

static void
due_remove(struct intake *in, struct pending *p)
{
    struct due *d = due_of(in, p);

    if (p->due_prev != NULL)
        p->due_prev->due_next = p->due_next;
    else
        d->first = p->due_next;
    if (p->due_next != NULL)
        p->due_next->due_prev = p->due_prev;
    else
        d->last = p->due_prev;
}

static void
gather(struct intake *in, struct pending *p)
{
    p->step = PENDING_GATHERED;
    p->next_gathered = NULL;
    *in->gathered_end = p;
    in->gathered_end = &p->next_gathered;
}

static void
gather_accept(struct intake *in, struct pending *p)
{
    if (p->step == PENDING_MATCHING)
        due_remove(in, p);
    p->step = PENDING_ACCEPT;
    p->next_gathered = NULL;
    *in->accepts_end = p;
    in->accepts_end = &p->next_gathered;
}

static struct pending *
find(const struct intake *in, struct uuid id)
{
    struct pending *p;

    HASH_FIND(hh, in->pending, &id, sizeof id, p);
    return p;
}

static size_t
length_bytes(size_t n)
{
    return n < 128 ? 1 : n < 16384 ? 2 : n < 2097152 ? 3 : 4;
}

/* The Order is packed once, with its length in front: as it lies in a MatchRequest, so that sending
 * it is a copy. */
static struct pending *
pending_new(const struct checked *order, bool quote, struct origin origin, int64_t now_ms)
{
    size_t n = lifecircle__v1__order__get_packed_size(&order->order);
    size_t prefix = length_bytes(n);
    size_t id_n = strlen(order->order.external_order_id) + 1;
    struct pending *p = malloc(sizeof *p + prefix + n + id_n);

    if (p == NULL)
        return NULL;
    *p = (struct pending){.id = order->id,
                          .quote = quote,
                          .origin = origin,
                          .chain = order->order.chain,
                          .fingerprint = order->fingerprint,
                          .since_ms = now_ms};
    for (size_t i = 0, rest = n; i < prefix; i++, rest >>= 7)
        p->bytes[i] = (char)(unsigned char)((rest & 0x7f) | (i + 1 < prefix ? 0x80 : 0));
    lifecircle__v1__order__pack(&order->order, (uint8_t *)p->bytes + prefix);
    p->packed = slice_of(p->bytes, prefix + n);
    p->order = slice_of(p->bytes + prefix, n);
    p->external_id = memcpy(p->bytes + prefix + n, order->order.external_order_id, id_n);
    return p;
}

enum lc_err
order_begin(struct intake *in, const struct event *ev, const struct checked *order, bool quote,
            struct origin origin)
{
    bool map_failed = false;

    if (in->pending_n >= in->pending_max)
        return LC_EAGAIN;
    struct pending *first = find(in, order->id);
    struct pending *p = pending_new(order, quote, origin, ev->now_ms);
    if (p == NULL)
        return LC_ENOMEM;
    if (first == NULL) {
        HASH_ADD(hh, in->pending, id, sizeof p->id, p);
        if (map_failed) {
            free(p);
            return LC_ENOMEM;
        }
        gather(in, p);
    } else { /* the same order is on its way: this one asks again when that is known */
        p->step = PENDING_BEHIND;
        while (first->behind != NULL)
            first = first->behind;
        first->behind = p;
    }
    p->older = in->newest;
    if (in->newest != NULL)
        in->newest->newer = p;
    else
        in->oldest = p;
    in->newest = p;
    in->pending_n++;
    return LC_OK;
}

/* p leaves: whoever stands behind takes its place. Without memory for that, they go too; their
 * senders repeat. */
static void
leave(struct intake *in, struct pending *p)
{
    struct pending *next = p->behind;
    bool map_failed = false;

    if (p->step == PENDING_BEHIND) {
        struct pending *before = find(in, p->id);
        while (before->behind != p)
            before = before->behind;
        before->behind = next;
        return;
    }
    HASH_DELETE(hh, in->pending, p);
    if (p->step == PENDING_MATCHING)
        due_remove(in, p);
    if (next != NULL) {
        HASH_ADD(hh, in->pending, id, sizeof next->id, next);
        if (!map_failed)
            gather(in, next);
    }
}

static void
forget(struct intake *in, struct pending *p)
{
    if (p->older != NULL)
        p->older->newer = p->newer;
    else
        in->oldest = p->newer;
    if (p->newer != NULL)
        p->newer->older = p->older;
    else
        in->newest = p->older;
    in->pending_n--;
    free(p);
}

static void
finish(struct intake *in, const struct event *ev, struct pending *p, struct verdict *v,
       struct outbox *out)
{
    v->external_id = p->external_id;
    v->id = &p->id;
    v->chain = p->chain;
    leave(in, p);
    count_latency(in, ev->now_ms - p->since_ms);
    deliver(in, ev, p->origin, v, out);
    forget(in, p);
}

/* ---- what became of it ---- */

static void
finish_unavailable(struct intake *in, const struct event *ev, struct pending *p, struct outbox *out)
{
    struct verdict v = {.status = 503,
                        .code = "unavailable",
                        .detail = "what became of it is not known; repeat the same request"};

    count_up(in, COUNT_UNAVAILABLE);
    finish(in, ev, p, &v, out);
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
    finish(in, ev, p, &v, out);
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

/* The stored record speaks, whoever wrote it: so the same request gets the same answer again. */
static void
finish_record(struct intake *in, const struct event *ev, struct pending *p, const struct record *r,
              bool repeated, struct outbox *out)
{
    struct verdict v = {0};

    if (r->fingerprint != p->fingerprint) {
        finish_conflict(in, ev, p, false, out);
        return;
    }
    verdict_of_record(r, &v);
    count_up(in, count_of(r, repeated));
    finish(in, ev, p, &v, out);
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
    finish(in, ev, p, &v, out);
}

static void
take_quote(struct intake *in, const struct event *ev, struct pending *p,
           const Lifecircle__V1__MatchResult *m, struct outbox *out)
{
    struct verdict v = {.status = 200, .quote = m};

    if (m->outcome == LIFECIRCLE__V1__MATCH_RESULT__OUTCOME__UNAVAILABLE ||
        m->outcome == LIFECIRCLE__V1__MATCH_RESULT__OUTCOME__OUTCOME_NONE) {
        finish_unavailable(in, ev, p, out);
        return;
    }
    count_up(in, COUNT_QUOTES);
    finish(in, ev, p, &v, out);
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
            finish_price(in, ev, p, &r, out);
        break;
    case LIFECIRCLE__V1__MATCH_RESULT__OUTCOME__UNAVAILABLE:
    case LIFECIRCLE__V1__MATCH_RESULT__OUTCOME__OUTCOME_NONE:
    default:
        if (p->step == PENDING_MATCHING)
            gather_accept(in, p);
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
        struct pending *p = find(in, id);
        if (p == NULL || p->step == PENDING_GATHERED || p->step == PENDING_ACCEPT)
            continue; /* answered before, or not even asked by us */
        if (p->quote)
            take_quote(in, ev, p, m, out);
        else
            take_result(in, ev, p, m, out);
    }
}

/* ---- order_accept ---- */

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
        finish_unavailable(in, ev, p, out);
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
        finish_unavailable(in, ev, p, out);
}

static void
accept_done(struct intake *in, struct call *c, const struct event *ev, const struct reply *reply,
            struct outbox *out)
{
    static const struct reply none = {.kind = REPLY_NIL};
    const struct accept_call *a = c->data;
    bool whole = reply != NULL && reply->kind == REPLY_ARRAY && reply->n == a->n;

    for (size_t i = 0; i < a->n; i++) {
        struct pending *p = find(in, a->id[i]);
        if (p != NULL && p->step == PENDING_ACCEPTING)
            accept_answer(in, ev, p, whole ? &reply->items[i] : &none, out);
    }
}

/* One order's five arguments, in the arena. False without memory, or for an Order that is none (a
 * bug). */
static bool
accept_args(const struct event *ev, const struct pending *p, struct slice argv[5])
{
    const Lifecircle__V1__Order *o =
        wire_unpack(&lifecircle__v1__order__descriptor, ev->arena, p->order);
    struct buf b[3] = {0};
    bool ok = o != NULL;

    if (o == NULL)
        return false;
    place_idem(&b[0], o);
    place_fixed(&b[1], o, &(struct place_mode){.create = true});
    place_lines(&b[2], o);
    argv[0] = slice_of(arena_copy(ev->arena, o->order_id, UUID_TEXT - 1), UUID_TEXT - 1);
    for (size_t i = 0; i < 3; i++) {
        argv[i + 1] = slice_of(arena_copy(ev->arena, b[i].p, b[i].n), b[i].n);
        ok = ok && !b[i].failed && argv[i + 1].p != NULL;
        buf_free(&b[i]);
    }
    argv[4] = p->order;
    return ok && argv[0].p != NULL;
}

static struct slice
number_arg(struct arena *a, int64_t v)
{
    const char *s = arena_printf(a, "%lld", (long long)v);

    return slice_str(s);
}

/* Up to ORDERS_A_MESSAGE of the list, in one call; gives how many were taken. */
static size_t
accept_some(struct intake *in, const struct event *ev, struct outbox *out)
{
    enum { FIXED = 6, EACH = 5 };
    struct slice argv[FIXED + EACH * ORDERS_A_MESSAGE];
    struct accept_call *a = malloc(sizeof *a + ORDERS_A_MESSAGE * sizeof *a->id);

    if (a == NULL)
        return 0;
    a->n = 0;
    for (struct pending *p = in->accepts; p != NULL && a->n < ORDERS_A_MESSAGE;
         p = p->next_gathered) {
        if (!accept_args(ev, p, argv + FIXED + EACH * a->n))
            break;
        a->id[a->n++] = p->id;
    }
    size_t n = a->n;
    argv[0] = SLICE_LIT("FCALL");
    argv[1] = SLICE_LIT("order_accept");
    argv[2] = SLICE_LIT("1");
    argv[3] = slice_str(in->key);
    argv[4] = number_arg(ev->arena, ev->now_ms);
    argv[5] = number_arg(ev->arena, (int64_t)n);
    if (n == 0) {
        free(a);
        return 0;
    }
    return call_start(in, ev, out, argv, FIXED + EACH * n, accept_done, a) == LC_OK ? n : 0;
}

static void
send_accepts(struct intake *in, const struct event *ev, struct outbox *out)
{
    while (in->accepts != NULL) {
        size_t n = accept_some(in, ev, out);
        if (n == 0 || outbox_failed(out))
            return; /* no memory now: the turn after the next wake tries again */
        for (size_t i = 0; i < n; i++) {
            in->accepts->step = PENDING_ACCEPTING;
            in->accepts = in->accepts->next_gathered;
            count_up(in, COUNT_FALLBACK);
        }
    }
    in->accepts_end = &in->accepts;
}

/* ---- the end of the turn ---- */

/* Up to ORDERS_A_MESSAGE orders as one MatchRequest. They are packed already: as fields that this
 * code does not know by name, protobuf-c copies them as they are. The bytes are the same as those
 * of a request filled by hand. */
static void
send_some(struct intake *in, const struct event *ev, struct pending *p, size_t n,
          struct outbox *out)
{
    enum { FIELD_ORDERS = 1, FIELD_QUOTES = 2 };
    ProtobufCMessageUnknownField field[ORDERS_A_MESSAGE];
    Lifecircle__V1__Envelope env;
    Lifecircle__V1__MatchRequest request = LIFECIRCLE__V1__MATCH_REQUEST__INIT;
    bool quotes = p->quote;

    for (size_t i = 0; i < n; i++, p = p->next_gathered)
        field[i] = (ProtobufCMessageUnknownField){
            .tag = p->quote ? FIELD_QUOTES : FIELD_ORDERS,
            .wire_type = PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED,
            .len = p->packed.n,
            .data = (uint8_t *)p->packed.p,
        };
    request.base.n_unknown_fields = (unsigned)n;
    request.base.unknown_fields = field;
    envelope_init(&env, &in->mint, ev->now_ms, ev->now_ms + (quotes ? QUOTE_MS : in->match_ms));
    env.body_case = LIFECIRCLE__V1__ENVELOPE__BODY_MATCH_REQUEST;
    env.match_request = &request;
    outbox_send(out, ROLE_MATCHER, &env);
}

static void
send_gathered(struct intake *in, const struct event *ev, struct outbox *out)
{
    while (in->gathered != NULL) {
        struct pending *first = in->gathered, *end = first;
        size_t n = 0;
        for (; end != NULL && n < ORDERS_A_MESSAGE && end->quote == first->quote; n++)
            end = end->next_gathered;
        send_some(in, ev, first, n, out);
        if (outbox_failed(out))
            return; /* the step is undone; they stay gathered */
        for (struct pending *p = first; p != end; p = p->next_gathered) {
            p->step = PENDING_MATCHING;
            due_add(in, p, ev->now_ms);
        }
        in->gathered = end;
    }
    in->gathered_end = &in->gathered;
}

void
orders_turn_end(struct intake *in, const struct event *ev, struct outbox *out)
{
    if (in->gathered != NULL)
        send_gathered(in, ev, out);
    if (in->accepts != NULL)
        send_accepts(in, ev, out);
}

/* ---- time ---- */

static bool
in_a_list(const struct pending *p)
{
    return p->step == PENDING_GATHERED || p->step == PENDING_ACCEPT;
}

void
orders_wake(struct intake *in, const struct event *ev, struct outbox *out)
{
    struct due *orders = &in->due[false], *quotes = &in->due[true];

    while (orders->first != NULL && orders->first->due_ms <= ev->now_ms)
        gather_accept(in, orders->first);
    while (quotes->first != NULL && quotes->first->due_ms <= ev->now_ms)
        finish_unavailable(in, ev, quotes->first, out);
    /* what the end of this turn will send is not given up between two of its events */
    while (in->oldest != NULL && ev->now_ms - in->oldest->since_ms >= in->answer_ms &&
           !in_a_list(in->oldest))
        finish_unavailable(in, ev, in->oldest, out);
}

int64_t
orders_wake_ms(const struct intake *in)
{
    int64_t at = INT64_MAX;

    for (int i = 0; i < 2; i++)
        if (in->due[i].first != NULL && in->due[i].first->due_ms < at)
            at = in->due[i].first->due_ms;
    if (in->oldest != NULL && in->oldest->since_ms + in->answer_ms < at)
        at = in->oldest->since_ms + in->answer_ms;
    return at;
}

void
orders_close(struct intake *in)
{
    HASH_CLEAR(hh, in->pending);
    while (in->oldest != NULL)
        forget(in, in->oldest);
}
