/* Orders on their way: from the turn in which they came to the answer. Orders of one turn go to the
 * matcher together; what it does not answer within match-ms (bulk-match-ms) is written by
 * order_accept, so that the chain is told the truth in any case. */
#include "core.h"

#include <stdlib.h>

/* ---- the table ---- */

static enum due_list
list_of(const struct pending *p)
{
    return p->quote ? DUE_QUOTE : p->origin.kind == ORIGIN_HTTP ? DUE_SINGLE : DUE_BULK;
}

static int64_t
patience_ms(const struct intake *in, const struct pending *p)
{
    switch (list_of(p)) {
    case DUE_SINGLE:
        return in->match_ms;
    case DUE_BULK:
        return in->bulk_match_ms;
    case DUE_QUOTE:
    case DUE_LISTS:
        break;
    }
    return QUOTE_MS;
}

static struct due *
due_of(struct intake *in, const struct pending *p)
{
    return &in->due[list_of(p)];
}

static void
due_add(struct intake *in, struct pending *p, int64_t now_ms)
{
    struct due *d = due_of(in, p);

    p->due_ms = now_ms + patience_ms(in, p);
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

/* gather: to the matcher; an order that waits for its address to be written as held. */
static void
gather(struct intake *in, struct pending *p)
{
    if (located_waits(&p->place)) {
        p->step = PENDING_GATHERED;
        pending_to_accept(in, p);
        return;
    }
    p->step = PENDING_GATHERED;
    p->next_gathered = NULL;
    *in->gathered_end = p;
    in->gathered_end = &p->next_gathered;
}

void
pending_to_accept(struct intake *in, struct pending *p)
{
    if (p->step == PENDING_MATCHING)
        due_remove(in, p);
    p->step = PENDING_ACCEPT;
    p->next_gathered = NULL;
    *in->accepts_end = p;
    in->accepts_end = &p->next_gathered;
}

void
pending_to_read(struct intake *in, struct pending *p)
{
    if (p->step == PENDING_MATCHING)
        due_remove(in, p);
    p->step = PENDING_READING;
}

struct pending *
pending_find(const struct intake *in, struct uuid id)
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
                          .place = located_of(&order->order),
                          .since_ms = now_ms};
    traceparent_of_order(p->id, order->order.traceparent, &p->trace);
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
    struct pending *first = pending_find(in, order->id);
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
        struct pending *before = pending_find(in, p->id);
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

void
pending_finish(struct intake *in, const struct event *ev, struct pending *p, struct verdict *v,
               struct outbox *out)
{
    v->external_id = p->external_id;
    v->id = &p->id;
    v->chain = p->chain;
    v->trace = &p->trace;
    leave(in, p);
    histogram_add(&in->answer, ev->now_ms - p->since_ms);
    traced_answer(p, v, ev->now_ms, out);
    deliver(in, ev, p->origin, v, out);
    forget(in, p);
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
    const struct pending *first = p;
    int64_t deadline_ms = ev->now_ms + patience_ms(in, p);

    for (size_t i = 0; i < n; i++, p = p->next_gathered)
        field[i] = (ProtobufCMessageUnknownField){
            .tag = p->quote ? FIELD_QUOTES : FIELD_ORDERS,
            .wire_type = PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED,
            .len = p->packed.n,
            .data = (uint8_t *)p->packed.p,
        };
    request.base.n_unknown_fields = (unsigned)n;
    request.base.unknown_fields = field;
    envelope_init(&env, &in->mint, ev->now_ms, deadline_ms);
    traced_orders(in, &env, first, n);
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
        for (; end != NULL && n < ORDERS_A_MESSAGE && list_of(end) == list_of(first); n++)
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
        accepts_send(in, ev, out);
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
    struct due *quotes = &in->due[DUE_QUOTE];

    for (struct due *d = in->due; d != quotes; d++)
        while (d->first != NULL && d->first->due_ms <= ev->now_ms)
            pending_to_accept(in, d->first);
    while (quotes->first != NULL && quotes->first->due_ms <= ev->now_ms)
        pending_unavailable(in, ev, quotes->first, out);
    /* what the end of this turn will send is not given up between two of its events */
    while (in->oldest != NULL && ev->now_ms - in->oldest->since_ms >= in->answer_ms &&
           !in_a_list(in->oldest))
        pending_unavailable(in, ev, in->oldest, out);
}

int64_t
orders_wake_ms(const struct intake *in)
{
    int64_t at = INT64_MAX;

    for (int i = 0; i < DUE_LISTS; i++)
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
