/* hooks: webhooks to chains, by Standard Webhooks 1.0.0.
 *
 * The rows of a batch of events are made durable by one function call that also moves
 * {city}:cursor:webhook from where the batch began to where it ends: made once, whatever dies. Then
 * each is tried until the chain takes it, 410 disables the chain's webhooks, or the schedule is
 * over. */
#include "notifier/core.h"

#include "base/json_out.h"
#include "base/timestamp.h"

#include <stdio.h>
#include <stdlib.h>

/* When to try again, by the webhook's age; the sums are about three days, as the specification
 * suggests. */
static const int64_t schedule_s[] = {5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400};

enum { SCHEDULE_N = sizeof schedule_s / sizeof *schedule_s };

/* ---- from events to rows ---- */

static const Lifecircle__V1__Chain *
listening(const struct notifier *n, uint32_t number)
{
    const Lifecircle__V1__Chain *chain = catalogue_chain(n->catalogue, number);

    return chain != NULL && chain->webhook_url[0] != '\0' && !chain->webhook_disabled &&
                   chain->n_webhook_secrets > 0
               ? chain
               : NULL;
}

void
hooks_event(struct notifier *n, uint64_t event, uint32_t part, struct uuid order, struct slice head)
{
    struct record r;

    if (record_read(head, &r) != LC_OK || listening(n, r.chain) == NULL)
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
    memcpy(row->head, head.p, RECORD_HEAD);
}

static void
write_payload(const struct notifier *n, struct buf *b, const struct record *r,
              const Lifecircle__V1__Order *order)
{
    const struct catalogue_store *store = catalogue_store(n->catalogue, r->store);
    const Lifecircle__V1__Courier *courier = catalogue_courier(n->catalogue, r->courier);
    struct json_out w = json_out_to(b);
    char type[48];

    snprintf(type, sizeof type, "order.%s", record_state_name(r->state));
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
    json_out_end(&w);
    json_out_end(&w);
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
        const Lifecircle__V1__Order *order =
            records != NULL && i < records->n ? read_order(records->items[i].str, ev->arena, &whole)
                                              : NULL;
        if (order == NULL || record_read(slice_of(row->head, RECORD_HEAD), &r) != LC_OK)
            continue;
        /* layout of a stored webhook: u32 chain, i64 created, then the body */
        buf_u32(&b, r.chain);
        buf_u64(&b, (uint64_t)ev->now_ms);
        write_payload(n, &b, &r, order);
        argv[argc] = slice_str(
            arena_printf(ev->arena, "evt_%llu_%u", (unsigned long long)row->event, row->part));
        argv[argc + 1] = redis_number(ev->arena, ev->now_ms);
        argv[argc + 2] = slice_of(arena_copy(ev->arena, b.p, b.n), b.n);
        bool whole_row = !b.failed && argv[argc].p != NULL && argv[argc + 2].p != NULL;
        buf_free(&b);
        if (!whole_row)
            return; /* out of memory: follow starts again when Redis' answer does not come */
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

/* ---- sending ---- */

static void
send_one(struct notifier *n, const struct event *ev, struct outbox *out, struct slice id,
         struct slice row)
{
    bool map_failed = false;
    struct cursor c = {row.p, row.n, false};
    uint32_t number = cursor_u32(&c);
    int64_t created_ms = (int64_t)cursor_u64(&c);
    const Lifecircle__V1__Chain *chain = listening(n, number);
    struct hook_call *call = calloc(1, sizeof *call);
    struct buf headers = {0};

    if (call == NULL)
        return; /* the row comes back */
    call->tag = ++n->next_number;
    call->chain = number;
    call->created_ms = created_ms;
    call->id = strndup(id.p, id.n);
    HASH_ADD(hh, n->calls, tag, sizeof call->tag, call);
    if (map_failed || call->id == NULL) {
        if (!map_failed)
            HASH_DELETE(hh, n->calls, call);
        free(call->id);
        free(call);
        return;
    }
    if (chain == NULL || c.failed) {
        /* switched off meanwhile: 410 by our own side */
        struct event done = *ev;
        done.ref = call->tag;
        done.status = 410;
        hooks_called(n, &done, out);
        return;
    }
    int64_t now_s = ev->now_ms / 1000;
    buf_printf(&headers,
               "Content-Type: application/json\r\nwebhook-id: %.*s\r\nwebhook-timestamp: "
               "%lld\r\nwebhook-signature:",
               (int)id.n, id.p, (long long)now_s);
    for (size_t i = 0; i < chain->n_webhook_secrets; i++) {
        struct webhook_secret secret;
        char signature[WEBHOOK_SIGNATURE_TEXT];
        if (webhook_secret_parse(slice_str(chain->webhook_secrets[i]), &secret) != LC_OK)
            continue;
        webhook_sign(&secret, id, now_s, slice_of(c.p, c.n), signature);
        buf_printf(&headers, " %s", signature);
    }
    buf_str(&headers, "\r\n");
    call->url = fingerprint64(slice_str(chain->webhook_url));
    if (!headers.failed)
        outbox_call(out, call->tag, slice_str(chain->webhook_url), buf_slice(&headers),
                    slice_of(c.p, c.n), ev->now_ms + HOOK_TIMEOUT_MS);
    buf_free(&headers);
}

static void
claimed(struct notifier *n, const struct event *ev, struct outbox *out)
{
    n->claiming = false;
    if (ev->reply->kind != REPLY_ARRAY)
        return;
    for (size_t i = 0; i + 1 < ev->reply->n; i += 2)
        send_one(n, ev, out, ev->reply->items[i].str, ev->reply->items[i + 1].str);
    if (ev->reply->n > 0) { /* there may be more */
        n->claim_ms = 0;
        outbox_wake(out, ev->now_ms + TICK_MS);
    }
}

/* next_try: when a webhook that has failed now is tried again; 0 = given up. */
static int64_t
next_try(int64_t created_ms, int64_t now_ms)
{
    int64_t until_ms = created_ms;

    for (size_t i = 0; i < SCHEDULE_N; i++) {
        until_ms += schedule_s[i] * 1000;
        if (now_ms < until_ms)
            return until_ms;
    }
    return 0;
}

static struct slice
pack_chain(struct arena *a, const Lifecircle__V1__Chain *chain)
{
    size_t n = lifecircle__v1__chain__get_packed_size(chain);
    uint8_t *bytes = arena_alloc(a, n + 1);

    if (bytes != NULL)
        lifecircle__v1__chain__pack(chain, bytes);
    return slice_of((char *)bytes, n);
}

/* disable: 410 means that the chain wants no more. */
static void
disable(struct notifier *n, const struct event *ev, struct outbox *out, uint32_t number)
{
    const Lifecircle__V1__Chain *chain = listening(n, number);

    if (chain == NULL)
        return;
    Lifecircle__V1__Chain off = *chain;
    off.webhook_disabled = true;
    off.chain = 0;
    struct slice was = pack_chain(ev->arena, chain), bytes = pack_chain(ev->arena, &off);
    if (was.p == NULL || bytes.p == NULL)
        return;
    struct slice argv[] = {SLICE_LIT("FCALL"),
                           SLICE_LIT("chain_put"),
                           SLICE_LIT("1"),
                           slice_str(arena_printf(ev->arena, "{%s}", n->city)),
                           redis_number(ev->arena, ev->now_ms),
                           redis_number(ev->arena, number),
                           bytes,
                           was}; /* a change that we have not heard of is not undone */
    outbox_redis(out, call_tag(CALL_HOOK_CHAIN, 0), argv, 8);
    outbox_note(out, "webhook_disabled", "chain=%u", number);
}

/* still_there: does the chain listen where this call went? Or nowhere. */
static bool
still_there(const struct notifier *n, const struct hook_call *call)
{
    const Lifecircle__V1__Chain *chain = listening(n, call->chain);

    return chain == NULL || fingerprint64(slice_str(chain->webhook_url)) == call->url;
}

void
hooks_called(struct notifier *n, const struct event *ev, struct outbox *out)
{
    struct hook_call *call;

    HASH_FIND(hh, n->calls, &ev->ref, sizeof ev->ref, call);
    if (call == NULL)
        return;
    bool taken = ev->status >= 200 && ev->status < 300;
    bool unwanted = ev->status == 410 && still_there(n, call);
    int64_t again_ms = taken || unwanted ? 0 : next_try(call->created_ms, ev->now_ms);
    if (unwanted)
        disable(n, ev, out, call->chain);
    count(n,
          taken           ? COUNT_HOOKS_SENT
          : again_ms == 0 ? COUNT_HOOKS_GIVEN_UP
                          : COUNT_HOOKS_FAILED,
          1);
    struct slice argv[] = {
        SLICE_LIT("FCALL"),
        SLICE_LIT("webhook_done"),
        SLICE_LIT("1"),
        slice_str(arena_printf(ev->arena, "{%s}", n->city)),
        redis_number(ev->arena, ev->now_ms),
        slice_of(arena_copy(ev->arena, call->id, strlen(call->id)), strlen(call->id)),
        redis_number(ev->arena, again_ms)};
    outbox_redis(out, call_tag(CALL_HOOK_DONE, 0), argv, 7);
    HASH_DELETE(hh, n->calls, call);
    free(call->id);
    free(call);
}

void
hooks_tick(struct notifier *n, const struct event *ev, struct outbox *out)
{
    if (n->follow == FOLLOW_DOWN || n->claiming || n->stopping || ev->now_ms < n->claim_ms ||
        !catalogue_loaded(n->catalogue) || HASH_COUNT(n->calls) >= HOOKS_AT_ONCE)
        return;
    n->claiming = true;
    n->claim_ms = ev->now_ms + 1000;
    struct slice argv[] = {SLICE_LIT("FCALL"),
                           SLICE_LIT("webhook_claim"),
                           SLICE_LIT("1"),
                           slice_str(arena_printf(ev->arena, "{%s}", n->city)),
                           redis_number(ev->arena, ev->now_ms),
                           redis_number(ev->arena, HOOKS_AT_ONCE - HASH_COUNT(n->calls)),
                           redis_number(ev->arena, HOOK_VISIBILITY_MS)};
    outbox_redis(out, call_tag(CALL_HOOK_CLAIM, 0), argv, 7);
}

void
hooks_reply(struct notifier *n, const struct event *ev, struct outbox *out)
{
    uint64_t kind = ev->ref >> 56;

    if (kind == CALL_HOOK_CLAIM)
        claimed(n, ev, out);
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
    struct hook_call *call;
    struct hook_call *next;

    HASH_ITER(hh, n->calls, call, next)
    {
        HASH_DELETE(hh, n->calls, call);
        free(call->id);
        free(call);
    }
    free(n->rows);
}
