/* Reservations that never proceed: nobody collected, or no courier was ever found. */
#include "inventory/core.h"

#include "base/record.h"

enum { CLAIM_MAX = 64, VISIBILITY_MS = 60000, STEP_ARGS = 5 };

static void
put_off(struct inventory *inv, const struct event *ev, struct outbox *out, int64_t by_ms)
{
    inv->next_expiry_ms = ev->now_ms + by_ms;
    wake(out, inv->next_expiry_ms);
}

static bool
send(struct inventory *inv, const struct event *ev, struct outbox *out, enum call_kind kind,
     const char *function, const struct slice *argv, size_t argc, size_t n)
{
    struct call *c = call_new(inv, kind, 0);

    if (c == NULL || !call_send(inv, ev, out, c, function, argv, argc)) {
        call_free(c);
        return false;
    }
    c->n = n;
    return true;
}

/* expiry_look: is it time? The rows say when the window ends, so the slack is taken off the claim's
 * time. */
void
expiry_look(struct inventory *inv, const struct event *ev, struct outbox *out)
{
    if (inv->expiring || !inv->up || inv->stopping)
        return;
    if (ev->now_ms < inv->next_expiry_ms) {
        wake(out, inv->next_expiry_ms);
        return;
    }
    int64_t at = ev->now_ms - inv->expire_slack_ms;
    struct slice argv[] = {int_slice(ev, at > 1 ? at : 1), SLICE_LIT("expire"),
                           int_slice(ev, CLAIM_MAX), int_slice(ev, VISIBILITY_MS)};
    send(inv, ev, out, CALL_CLAIM, "due_claim", argv, sizeof argv / sizeof *argv, 0);
    put_off(inv, ev, out, inv->expire_every_ms);
}

/* A courier who has the order, or was offered it, is router's to watch; the row comes back. */
static bool
nobody_has(struct slice bytes)
{
    struct record r;

    return record_read(bytes, &r) == LC_OK &&
           (r.state == LIFECIRCLE__V1__ORDER_STATE__READY_FOR_COLLECTION ||
            (r.state == LIFECIRCLE__V1__ORDER_STATE__PLACED && r.courier == 0));
}

static void
claimed(struct inventory *inv, const struct event *ev, struct outbox *out)
{
    const struct reply *r = ev->reply;
    struct slice argv[2 + CLAIM_MAX * STEP_ARGS];
    size_t n = 0, argc = 2;

    for (size_t i = 0; i + 1 < r->n && n < CLAIM_MAX; i += 2) {
        if (r->items[i].kind != REPLY_STRING || !nobody_has(r->items[i + 1].str))
            continue;
        argv[argc++] = r->items[i].str;
        argv[argc++] = SLICE_LIT("expire");
        argv[argc++] = SLICE_LIT("0");
        argv[argc++] = SLICE_LIT("inventory");
        argv[argc++] = SLICE_LIT("");
        n++;
    }
    if (r->n >= 2 * CLAIM_MAX) /* there may be more */
        put_off(inv, ev, out, 0);
    if (n == 0)
        return;
    argv[0] = int_slice(ev, ev->now_ms);
    argv[1] = int_slice(ev, (int64_t)n);
    send(inv, ev, out, CALL_EXPIRE, "order_step", argv, argc, n);
}

static void
expired(struct inventory *inv, const struct event *ev, struct outbox *out)
{
    const struct reply *r = ev->reply;
    size_t n = 0;

    for (size_t i = 0; i < r->n; i++)
        if (r->items[i].kind == REPLY_STRING && r->items[i].str.n > 0 && r->items[i].str.p[0] == 1)
            n++;
    count(inv, COUNT_EXPIRED, n);
    if (n == 0)
        return;
    ring(inv, ev, out, LIFECIRCLE__V1__NEWS__TOPIC__EVENTS);
    ring(inv, ev, out, LIFECIRCLE__V1__NEWS__TOPIC__CATALOGUE); /* perhaps it was the last one */
}

void
expiry_replied(struct inventory *inv, const struct event *ev, struct outbox *out, struct call *c)
{
    if (ev->reply->kind == REPLY_LOST)
        ; /* the rows come back by themselves */
    else if (ev->reply->kind != REPLY_ARRAY)
        function_error(inv, ev, out, c->kind == CALL_CLAIM ? "due_claim" : "order_step");
    else if (c->kind == CALL_CLAIM)
        claimed(inv, ev, out);
    else
        expired(inv, ev, out);
    call_free(c);
}
