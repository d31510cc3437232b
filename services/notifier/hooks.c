/* hooks: webhooks to chains, by Standard Webhooks 1.0.0: from events to rows.
 *
 * The rows of a batch of events are made durable by one function call that also moves
 * {city}:cursor:webhook from where the batch began to where it ends: made once, whatever dies.
 * hook_calls.c sends them. */
#include "notifier/core.h"

#include "base/json_out.h"
#include "base/timestamp.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- from events to rows ---- */

const Lifecircle__V1__Chain *
hooks_listening(const struct notifier *n, uint32_t number)
{
    const Lifecircle__V1__Chain *chain = catalogue_chain(n->catalogue, number);

    return chain != NULL && chain->webhook_url[0] != '\0' && !chain->webhook_disabled &&
                   chain->n_webhook_secrets > 0
               ? chain
               : NULL;
}

void
hooks_event(struct notifier *n, uint64_t event, uint32_t part, struct uuid order, struct slice head,
            bool eta_only)
{
    struct record r;

    if (record_read(head, &r) != LC_OK || hooks_listening(n, r.chain) == NULL)
        return;
    if (n->n_rows == n->cap_rows) {
        size_t cap = n->cap_rows == 0 ? 64 : n->cap_rows * 2;
        struct hook_row *rows = realloc(n->rows, cap * sizeof *rows);
        if (rows == NULL) {
            n->rows_lost = true; /* the batch is read again */
            return;
        }
        n->rows = rows;
        n->cap_rows = cap;
    }
    struct hook_row *row = &n->rows[n->n_rows++];
    row->event = event;
    row->part = part;
    row->order = order;
    row->eta_only = eta_only;
    memcpy(row->head, head.p, RECORD_HEAD);
}

/* write_payload: traceparent is the header's, too: whoever queues bodies has lost that. */
static void
write_payload(const struct notifier *n, struct buf *b, const struct record *r, bool eta_only,
              const Lifecircle__V1__Order *order, const char *traceparent)
{
    const struct catalogue_store *store = catalogue_store(n->catalogue, r->store);
    const Lifecircle__V1__Courier *courier = catalogue_courier(n->catalogue, r->courier);
    struct json_out w = json_out_to(b);
    char type[48];

    snprintf(type, sizeof type, "order.%s", eta_only ? "eta_changed" : record_state_name(r->state));
    json_out_object(&w, NULL);
    json_out_cstr(&w, "type", type);
    json_out_time(&w, "timestamp", r->updated_ms);
    json_out_object(&w, "data");
    json_out_cstr(&w, "order_id", order->order_id);
    json_out_cstr(&w, "external_order_id", order->external_order_id);
    json_out_uint(&w, "sequence", r->version);
    json_out_cstr(&w, "status", record_state_name(r->state));
    if (r->reason != 0)
        json_out_cstr(&w, "reason", record_reason_name(r->reason));
    json_out_bool(&w, "simulated", order->simulated);
    if (store != NULL)
        json_out_cstr(&w, "store_id", store->store_id);
    if (courier != NULL)
        json_out_cstr(&w, "courier", courier->courier_id);
    if (r->eta_ms > 0)
        json_out_time(&w, "eta", r->live_eta_ms > 0 ? r->live_eta_ms : r->eta_ms);
    json_out_cstr(&w, "currency", order->currency);
    json_out_int(&w, "total", r->total_cents);
    json_out_cstr(&w, "traceparent", traceparent);
    json_out_end(&w);
    json_out_end(&w);
}

/* trace_of_hook: the webhook is a span of the order's trace, named by the webhook's id: the same
 * however often it is sent. */
static void
trace_of_hook(struct uuid id, const Lifecircle__V1__Order *order, struct slice name,
              char out[TRACEPARENT_TEXT])
{
    struct traceparent t;
    uint8_t span[8];

    traceparent_of_order(id, order->traceparent, &t);
    traceparent_span(name, span);
    traceparent_format(&t, span, out);
}

static void
note_queued(struct outbox *out, struct uuid id, const struct record *r, const char *traceparent)
{
    struct order_note note = {.order = id,
                              .store = r->store,
                              .courier = r->courier,
                              .ms = -1,
                              .key = "state",
                              .value = record_state_name(r->state)};

    traceparent_of_order(id, traceparent, &note.trace);
    outbox_order(out, "webhook_queued", &note);
}

/* enqueue: the batch's rows, or none, and the cursor's step. */
static void
enqueue(struct notifier *n, const struct event *ev, struct outbox *out, const struct reply *records)
{
    struct slice *argv = arena_array(ev->arena, 8 + 3 * n->n_rows, sizeof *argv);
    size_t argc = 8;
    size_t rows = 0;

    if (argv == NULL)
        return;
    for (size_t i = 0; i < n->n_rows; i++) {
        const struct hook_row *row = &n->rows[i];
        struct record r;
        struct record whole;
        struct buf b = {0};
        char traceparent[TRACEPARENT_TEXT];
        const Lifecircle__V1__Order *order =
            records != NULL && i < records->n ? read_order(records->items[i].str, ev->arena, &whole)
                                              : NULL;
        if (order == NULL || record_read(slice_of(row->head, RECORD_HEAD), &r) != LC_OK)
            continue;
        /* layout of a stored webhook: u32 chain, i64 created, then the body */
        buf_u32(&b, r.chain);
        buf_u64(&b, (uint64_t)ev->now_ms);
        argv[argc] = slice_str(
            arena_printf(ev->arena, "evt_%llu_%u", (unsigned long long)row->event, row->part));
        trace_of_hook(row->order, order, argv[argc], traceparent);
        write_payload(n, &b, &r, row->eta_only, order, traceparent);
        argv[argc + 1] = redis_number(ev->arena, ev->now_ms);
        argv[argc + 2] = slice_of(arena_copy(ev->arena, b.p, b.n), b.n);
        bool whole_row = !b.failed && argv[argc].p != NULL && argv[argc + 2].p != NULL;
        buf_free(&b);
        if (!whole_row)
            return; /* out of memory: follow starts again when Redis' answer does not come */
        note_queued(out, row->order, &r, traceparent);
        argc += 3;
        rows++;
    }
    argv[0] = SLICE_LIT("FCALL");
    argv[1] = SLICE_LIT("webhook_enqueue");
    argv[2] = SLICE_LIT("1");
    argv[3] = slice_str(arena_printf(ev->arena, "{%s}", n->city));
    argv[4] = redis_number(ev->arena, ev->now_ms);
    argv[5] = n->hooked == 0 /* no cursor yet */
                  ? SLICE_LIT("0-0")
                  : slice_str(arena_printf(ev->arena, "1-%llu", (unsigned long long)n->hooked));
    argv[6] = slice_str(arena_printf(ev->arena, "1-%llu", (unsigned long long)n->batch_end));
    argv[7] = redis_number(ev->arena, (int64_t)rows);
    n->hooked_ms = ev->now_ms;
    outbox_redis(out, call_tag(CALL_HOOK_ENQUEUE, rows), argv, argc);
}

/* read_again: the batch cannot be made whole now. The cursor stays before it, so that no webhook is
 * passed over. */
static void
read_again(struct notifier *n, const struct event *ev, struct outbox *out)
{
    n->n_rows = 0;
    n->rows_lost = false;
    n->batch_end = n->hooked;
    n->follow = FOLLOW_IDLE;
    n->poll_ms = ev->now_ms + TICK_MS;
    outbox_wake(out, n->poll_ms);
}

void
hooks_batch(struct notifier *n, const struct event *ev, struct outbox *out)
{
    if (n->rows_lost) {
        read_again(n, ev, out);
    } else if (n->n_rows > 0) {
        struct uuid *orders = arena_array(ev->arena, n->n_rows, sizeof *orders);
        if (orders == NULL)
            return;
        for (size_t i = 0; i < n->n_rows; i++)
            orders[i] = n->rows[i].order;
        ask_orders(n, ev, out, call_tag(CALL_HOOK_ORDERS, 0), orders, n->n_rows);
    } else if (n->batch_end > n->hooked && ev->now_ms >= n->hooked_ms + HOOK_CURSOR_MS) {
        enqueue(n, ev, out, NULL);
    } else {
        follow_batch_done(n, ev, out);
    }
}

/* enqueued: 1 = the cursor is ours; 0 = another notifier was faster: begin again from where it is.
 */
static void
enqueued(struct notifier *n, const struct event *ev, struct outbox *out)
{
    if (ev->reply->kind != REPLY_INT) {
        read_again(n, ev, out);
        return;
    }
    n->n_rows = 0;
    if (ev->reply->integer != 1) {
        follow_redis_up(n, ev, out);
        return;
    }
    count(n, COUNT_HOOKS_QUEUED, call_number(ev->ref));
    n->hooked = n->batch_end;
    if (call_number(ev->ref) > 0) {
        n->claim_ms = 0;
        outbox_wake(out, ev->now_ms);
    }
    follow_batch_done(n, ev, out);
}

void
hooks_reply(struct notifier *n, const struct event *ev, struct outbox *out)
{
    uint64_t kind = ev->ref >> 56;

    if (kind == CALL_HOOK_CLAIM)
        hooks_claimed(n, ev, out);
    else if (kind == CALL_HOOK_DONE || kind == CALL_HOOK_CHAIN || n->follow != FOLLOW_HOOKS)
        return; /* a lost answer means that the row comes back */
    else if (ev->reply->kind == REPLY_LOST)
        n->follow = FOLLOW_DOWN;
    else if (kind == CALL_HOOK_ENQUEUE)
        enqueued(n, ev, out);
    else if (ev->reply->kind != REPLY_ARRAY || ev->reply->n != n->n_rows)
        read_again(n, ev, out);
    else
        enqueue(n, ev, out, ev->reply);
}

void
hooks_close(struct notifier *n)
{
    hook_calls_close(n);
    free(n->rows);
}
