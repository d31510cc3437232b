/* hook_calls: each webhook is tried until the chain takes it, 410 disables the chain's webhooks, or
 * the schedule is over. */
#include "notifier/core.h"

#include <stdio.h>
#include <stdlib.h>

/* When to try again, by the webhook's age; the sums are about three days, as the specification
 * suggests. */
static const int64_t schedule_s[] = {5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400};

enum { SCHEDULE_N = sizeof schedule_s / sizeof *schedule_s };

/* ---- fairness ---- */

static struct hook_peer *
peer_of(struct notifier *n, uint32_t chain)
{
    bool map_failed = false;
    struct hook_peer *p;

    HASH_FIND(hh, n->hook_peers, &chain, sizeof chain, p);
    if (p != NULL || (p = calloc(1, sizeof *p)) == NULL)
        return p;
    p->chain = chain;
    HASH_ADD(hh, n->hook_peers, chain, sizeof p->chain, p);
    if (map_failed) {
        free(p);
        return NULL;
    }
    return p;
}

/* wait_ms: how long a webhook of this chain has to wait so that the others' do not; 0 = it goes
 * now. A chain that answers has half of all calls at most; one that hangs, a few. */
static int64_t
wait_ms(struct notifier *n, uint32_t chain, int64_t now_ms)
{
    const struct hook_peer *p = peer_of(n, chain);
    bool hangs = p == NULL || p->silent;
    unsigned calls = 0;

    for (const struct hook_call *c = n->calls; c != NULL; c = c->hh.next)
        if (c->chain == chain) {
            calls++;
            hangs = hangs || now_ms - c->began_ms > HOOK_SLOW_MS;
        }
    if (calls < (hangs ? HOOKS_HANGING : HOOKS_A_CHAIN))
        return 0;
    return hangs ? HOOK_TIMEOUT_MS : HOOK_SLOW_MS;
}

/* due_again: the row is due at this time; 0 = never again. told: the call whose end ev is, so that
 * the chain can see what came of it; NULL: there was none. */
static void
due_again(struct notifier *n, const struct event *ev, struct outbox *out, struct slice id,
          int64_t at_ms, const struct hook_call *told)
{
    struct arena *a = ev->arena;
    struct slice argv[] = {SLICE_LIT("FCALL"),
                           SLICE_LIT("webhook_done"),
                           SLICE_LIT("1"),
                           slice_str(arena_printf(a, "{%s}", n->city)),
                           redis_number(a, ev->now_ms),
                           slice_of(arena_copy(a, id.p, id.n), id.n),
                           redis_number(a, at_ms),
                           {NULL, 0},
                           {NULL, 0},
                           {NULL, 0}};

    if (told != NULL) {
        argv[7] = slice_str(arena_printf(a, "%016llx", (unsigned long long)told->url));
        argv[8] = redis_number(a, ev->status);
        argv[9] = ev->status == 0 ? ev->bytes : SLICE_LIT("");
    }
    outbox_redis(out, call_tag(CALL_HOOK_DONE, 0), argv, told == NULL ? 7 : 10);
}

/* ---- whose it is ---- */

/* member: of our own compact JSON (write_payload). No value can look like a name: its quotes are
 * escaped. */
static struct slice
member(struct slice json, const char *name)
{
    const char *at = memmem(json.p, json.n, name, strlen(name));

    if (at == NULL)
        return (struct slice){NULL, 0};
    at += strlen(name);
    const char *end = memchr(at, '"', (size_t)(json.p + json.n - at));
    return end == NULL ? (struct slice){NULL, 0} : slice_of(at, (size_t)(end - at));
}

/* read_order_of: which order and trace a webhook is of. One from before it said so is in the trace
 * of the order's id. */
static void
read_order_of(const struct notifier *n, struct hook_call *call, struct slice body)
{
    struct slice traceparent = member(body, "\"traceparent\":\"");
    struct slice store = member(body, "\"store_id\":\"");

    if (uuid_parse(member(body, "\"order_id\":\""), &call->order) != LC_OK)
        memset(&call->order, 0, sizeof call->order);
    if (traceparent_parse(traceparent, &call->trace) != LC_OK)
        traceparent_of_order(call->order, NULL, &call->trace);
    if (store.n > 0) {
        const struct catalogue_store *s = catalogue_store_by_id(n->catalogue, call->chain, store);
        call->store = s == NULL ? 0 : s->store;
    }
}

/* note_call: whom the courier is does not stand in a webhook by number. */
static void
note_call(struct outbox *out, const struct hook_call *call, const char *event, int64_t now_ms,
          int status)
{
    char text[12];

    snprintf(text, sizeof text, "%d", status);
    outbox_order(out, event,
                 &(struct order_note){.order = call->order,
                                      .trace = call->trace,
                                      .store = call->store,
                                      .courier = NOTE_UNSAID,
                                      .ms = now_ms - call->began_ms,
                                      .key = "status",
                                      .value = text});
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
    const Lifecircle__V1__Chain *chain = hooks_listening(n, number);
    struct buf headers = {0};
    int64_t wait = wait_ms(n, number, ev->now_ms);
    if (wait > 0) {
        count(n, COUNT_HOOKS_DEFERRED, 1);
        due_again(n, ev, out, id, ev->now_ms + wait, NULL);
        return;
    }
    struct hook_call *call = calloc(1, sizeof *call);

    if (call == NULL)
        return; /* the row comes back */
    call->tag = ++n->next_number;
    call->chain = number;
    call->created_ms = created_ms;
    call->began_ms = ev->now_ms;
    call->id = strndup(id.p, id.n);
    read_order_of(n, call, slice_of(c.p, c.n));
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
    char traceparent[TRACEPARENT_TEXT];
    traceparent_format(&call->trace, call->trace.parent, traceparent); /* its own span */
    buf_printf(&headers, "\r\ntraceparent: %s\r\n", traceparent);
    call->url = fingerprint64(slice_str(chain->webhook_url));
    if (!headers.failed)
        outbox_call(out, call->tag, slice_str(chain->webhook_url), buf_slice(&headers),
                    slice_of(c.p, c.n), ev->now_ms + HOOK_TIMEOUT_MS);
    buf_free(&headers);
}

void
hooks_claimed(struct notifier *n, const struct event *ev, struct outbox *out)
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
    const Lifecircle__V1__Chain *chain = hooks_listening(n, number);

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
    const Lifecircle__V1__Chain *chain = hooks_listening(n, call->chain);

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
    bool told = hooks_listening(n, call->chain) != NULL && still_there(n, call);
    int64_t again_ms = taken || unwanted ? 0 : next_try(call->created_ms, ev->now_ms);
    if (unwanted)
        disable(n, ev, out, call->chain);
    count(n,
          taken           ? COUNT_HOOKS_SENT
          : again_ms == 0 ? COUNT_HOOKS_GIVEN_UP
                          : COUNT_HOOKS_FAILED,
          1);
    if (taken)
        histogram_add(&n->took[TOOK_WEBHOOK], ev->now_ms - call->created_ms);
    note_call(out, call,
              taken           ? "webhook_sent"
              : again_ms == 0 ? "webhook_given_up"
                              : "webhook_failed",
              ev->now_ms, ev->status);
    due_again(n, ev, out, slice_str(call->id), again_ms, told ? call : NULL);
    struct hook_peer *p = peer_of(n, call->chain);
    if (p != NULL)
        p->silent = ev->status == 0;
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
hook_calls_close(struct notifier *n)
{
    struct hook_call *call;
    struct hook_call *next;
    struct hook_peer *p;
    struct hook_peer *next_p;

    HASH_ITER(hh, n->calls, call, next)
    {
        HASH_DELETE(hh, n->calls, call);
        free(call->id);
        free(call);
    }
    HASH_ITER(hh, n->hook_peers, p, next_p)
    {
        HASH_DELETE(hh, n->hook_peers, p);
        free(p);
    }
}
