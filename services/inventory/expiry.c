/* Reservations that never proceed: nobody collected, or no courier was ever found.
 *
 * Collections have a row of their own that becomes due. Deliveries have not, as it would make
 * placing dearer for all of them; they all stand in due:dispatch, which is gone through a piece at
 * a time. */
#include "inventory/core.h"

#include "base/record.h"

enum { CLAIM_MAX = 64, SWEEP_MAX = 256, VISIBILITY_MS = 60000, STEP_ARGS = 5 };

static void
send(struct inventory *inv, const struct event *ev, struct outbox *out, enum call_kind kind,
     const char *function, const struct slice *argv, size_t argc)
{
    struct call *c = call_new(inv, kind, 0);

    if (c == NULL || !call_send(inv, ev, out, c, function, argv, argc))
        call_free(c); /* next time */
}

/* expiry_look: is it time? The rows say when the window ends, so the slack is taken off the time.
 */
void
expiry_look(struct inventory *inv, const struct event *ev, struct outbox *out)
{
    if (inv->expiring > 0 || !inv->up || inv->stopping)
        return;
    if (ev->now_ms >= inv->next_expiry_ms) {
        int64_t at = ev->now_ms - inv->expire_slack_ms;
        struct slice before = int_slice(ev, at > 1 ? at : 1);
        struct slice claim[] = {before, SLICE_LIT("expire"), int_slice(ev, CLAIM_MAX),
                                int_slice(ev, VISIBILITY_MS)};
        struct slice sweep[] = {before, int_slice(ev, inv->sweep_from), int_slice(ev, SWEEP_MAX)};
        send(inv, ev, out, CALL_CLAIM, "due_claim", claim, sizeof claim / sizeof *claim);
        send(inv, ev, out, CALL_SWEEP, "due_overdue", sweep, sizeof sweep / sizeof *sweep);
        inv->next_expiry_ms = ev->now_ms + inv->expire_every_ms;
    }
    wake(out, inv->next_expiry_ms);
}

static void
expire(struct inventory *inv, const struct event *ev, struct outbox *out, const struct slice *ids,
       size_t n)
{
    struct slice *argv = arena_array(ev->arena, 2 + n * STEP_ARGS, sizeof *argv);

    if (n == 0 || argv == NULL)
        return;
    argv[0] = int_slice(ev, ev->now_ms);
    argv[1] = int_slice(ev, (int64_t)n);
    for (size_t i = 0; i < n; i++) {
        struct slice *step = argv + 2 + i * STEP_ARGS;
        step[0] = ids[i];
        step[1] = SLICE_LIT("expire");
        step[2] = SLICE_LIT("0");
        step[3] = SLICE_LIT("inventory");
        step[4] = SLICE_LIT("");
    }
    send(inv, ev, out, CALL_EXPIRE, "order_step", argv, 2 + n * STEP_ARGS);
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
    struct slice ids[CLAIM_MAX];
    size_t n = 0;

    for (size_t i = 0; i + 1 < r->n && n < CLAIM_MAX; i += 2)
        if (r->items[i].kind == REPLY_STRING && nobody_has(r->items[i + 1].str))
            ids[n++] = r->items[i].str;
    if (r->n >= 2 * CLAIM_MAX) { /* there may be more */
        inv->next_expiry_ms = ev->now_ms;
        wake(out, ev->now_ms);
    }
    expire(inv, ev, out, ids, n);
}

static void
swept(struct inventory *inv, const struct event *ev, struct outbox *out)
{
    const struct reply *r = ev->reply;
    struct slice ids[SWEEP_MAX];
    size_t n = 0;

    if (r->n < 1 || r->items[0].kind != REPLY_INT || r->items[0].integer < 0) {
        function_error(inv, ev, out, "due_overdue");
        return;
    }
    inv->sweep_from = r->items[0].integer;
    for (size_t i = 1; i < r->n && n < SWEEP_MAX; i++)
        if (r->items[i].kind == REPLY_STRING)
            ids[n++] = r->items[i].str;
    expire(inv, ev, out, ids, n);
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

static const char *
function_of(const struct call *c)
{
    if (c->kind == CALL_CLAIM)
        return "due_claim";
    return c->kind == CALL_SWEEP ? "due_overdue" : "order_step";
}

void
expiry_replied(struct inventory *inv, const struct event *ev, struct outbox *out, struct call *c)
{
    if (ev->reply->kind == REPLY_LOST)
        ; /* the rows are there the next time */
    else if (ev->reply->kind != REPLY_ARRAY)
        function_error(inv, ev, out, function_of(c));
    else if (c->kind == CALL_CLAIM)
        claimed(inv, ev, out);
    else if (c->kind == CALL_SWEEP)
        swept(inv, ev, out);
    else
        expired(inv, ev, out);
    call_free(c);
}
