/* follow: reads the stream of events and hands each to whom it concerns. One call at a time: read a
 * batch, fan it out, make its webhooks durable, read on. Whatever is lost or repeated is harmless:
 * couriers get whole routes with a version, screens and customers whole orders, and the webhook
 * cursor is moved by compare and set. */
#include "notifier/known.h"
#include "notifier/ops.h"

#include <stdlib.h>

uint64_t
event_number(struct slice id)
{
    uint64_t v = 0;

    if (id.n < 3 || id.p[0] != '1' || id.p[1] != '-')
        return 0;
    for (size_t i = 2; i < id.n; i++) {
        if (id.p[i] < '0' || id.p[i] > '9' || v > UINT64_MAX / 10 - 1)
            return 0;
        v = v * 10 + (uint64_t)(id.p[i] - '0');
    }
    return v;
}

static void
ask_cursor(struct notifier *n, const struct event *ev, struct outbox *out)
{
    struct slice argv[] = {SLICE_LIT("GET"), redis_key(n, ev->arena, "cursor:webhook")};

    n->follow = FOLLOW_CURSOR;
    n->asked_ms = ev->now_ms;
    outbox_redis(out, call_tag(CALL_CURSOR, 0), argv, 2);
}

static void
ask_primary(struct outbox *out)
{
    const struct slice argv[] = {SLICE_LIT("INFO"), SLICE_LIT("replication")};

    outbox_redis(out, call_tag(CALL_PRIMARY, 0), argv, 2);
}

void
follow_redis_up(struct notifier *n, const struct event *ev, struct outbox *out)
{
    n->again = true; /* until it has said who it is */
    known_forget_all(n);
    ask_primary(out);
    ask_cursor(n, ev, out);
    /* what was being read when the connection broke was answered with REPLY_LOST; read it again */
    for (struct session *s = n->by_conn; s != NULL; s = s->by_conn.next)
        if (s->greeted)
            push_dirty(n, s->courier);
}

void
follow_poll(struct notifier *n, const struct event *ev, struct outbox *out)
{
    struct slice argv[] = {
        SLICE_LIT("XREAD"),
        SLICE_LIT("COUNT"),
        redis_number(ev->arena, EVENTS_A_READ),
        SLICE_LIT("STREAMS"),
        redis_key(n, ev->arena, "events"),
        slice_str(arena_printf(ev->arena, "1-%llu", (unsigned long long)n->batch_end)),
    };

    if (!catalogue_loaded(n->catalogue)) { /* who listens is not known yet */
        n->follow = FOLLOW_IDLE;
        n->poll_ms = ev->now_ms + TICK_MS;
        outbox_wake(out, n->poll_ms);
        return;
    }
    n->follow = FOLLOW_READING;
    n->asked_ms = ev->now_ms;
    n->poll_ms = ev->now_ms + n->poll_every_ms;
    outbox_redis(out, call_tag(CALL_EVENTS, 0), argv, 6);
}

void
follow_batch_done(struct notifier *n, const struct event *ev, struct outbox *out)
{
    n->follow = FOLLOW_IDLE;
    if (n->poll_ms <= ev->now_ms)
        follow_poll(n, ev, out);
}

enum { EVENT_ORDER = UUID_TEXT - 1 + RECORD_HEAD };

/* one_order: what happened to an order. Fanned out only once, webhooks judge by their own cursor.
 */
static void
one_order(struct notifier *n, const struct event *ev, struct outbox *out, uint64_t number,
          uint32_t part, struct slice value, bool eta_only)
{
    struct uuid order;
    struct slice head = slice_of(value.p + UUID_TEXT - 1, RECORD_HEAD);

    if (uuid_parse(slice_of(value.p, UUID_TEXT - 1), &order) != LC_OK)
        return;
    if (number > n->hooked)
        hooks_event(n, number, part, order, head, eta_only);
    if (number > n->seen) {
        if (record_is_end((uint8_t)head.p[1]))
            known_ended(n, order);
        if (!eta_only) /* no ticket says when it is at the door */
            tickets_event(n, ev, out, number, order, head);
        tracking_event(n, ev, out, order);
        ops_event(n, order, head);
    }
}

static bool
tells_of_orders(struct slice field)
{
    return slice_eq_str(field, "o") || slice_eq_str(field, "e");
}

/* one: a single field of an event. *part: how many things the event has told of so far. */
static void
one(struct notifier *n, const struct event *ev, struct outbox *out, uint64_t number, uint32_t *part,
    struct slice field, struct slice value)
{
    bool fresh = number > n->seen;

    if (tells_of_orders(field)) {
        for (size_t at = 0; at + EVENT_ORDER <= value.n; at += EVENT_ORDER)
            one_order(n, ev, out, number, (*part)++, slice_of(value.p + at, EVENT_ORDER),
                      slice_eq_str(field, "e"));
        return;
    }
    ++*part;
    if (fresh && (slice_eq_str(field, "r") || slice_eq_str(field, "s")) && value.n >= 4) {
        push_dirty(n, bytes_u32(value.p));
        ops_courier_event(n, bytes_u32(value.p));
    }
}

/* parts_of: how many things an event tells of. */
static size_t
parts_of(const struct reply *fields)
{
    size_t parts = 0;

    for (size_t f = 0; f + 1 < fields->n; f += 2)
        parts +=
            tells_of_orders(fields->items[f].str) ? fields->items[f + 1].str.n / EVENT_ORDER : 1;
    return parts;
}

static void
batch(struct notifier *n, const struct event *ev, struct outbox *out, const struct reply *entries)
{
    uint64_t last = n->batch_end;

    for (size_t i = 0; i < entries->n; i++) {
        const struct reply *entry = &entries->items[i];
        if (entry->kind != REPLY_ARRAY || entry->n != 2 || entry->items[1].kind != REPLY_ARRAY)
            continue;
        uint64_t number = event_number(entry->items[0].str);
        if (number > last + 1 && last != 0) {
            count(n, COUNT_GAPS, 1);
            known_forget_all(n); /* what ended meanwhile is not told */
        }
        const struct reply *fields = &entry->items[1];
        if (n->n_rows > 0 && n->n_rows + parts_of(fields) > HOOK_ROWS_A_CALL) {
            n->poll_ms = 0; /* one call takes no more: the rest is read next */
            break;
        }
        uint32_t part = 0;
        for (size_t f = 0; f + 1 < fields->n; f += 2)
            one(n, ev, out, number, &part, fields->items[f].str, fields->items[f + 1].str);
        count(n, COUNT_EVENTS, 1);
        if (number > last)
            last = number;
    }
    if (entries->n == EVENTS_A_READ)
        n->poll_ms = 0; /* there is probably more */
    n->batch_end = last;
    if (last > n->seen)
        n->seen = last;
    n->follow = FOLLOW_HOOKS;
    hooks_batch(n, ev, out);
}

static void
take_primary(struct notifier *n, const struct reply *info)
{
    struct slice id = primary_id(info);
    bool known = n->primary[0] != '\0';
    bool changed = primary_changed(n->primary, id);

    n->again = changed || id.n == 0;
    n->moved = n->moved || (known && changed && id.n > 0);
}

/* What was seen may be undone after a fail-over, and others have the numbers: all from the cursor
 * on is told anew, which is Redis' own; and some before, for another notifier may have taken the
 * cursor past them already. */
static void
begin_at(struct notifier *n, uint64_t cursor)
{
    if (!n->begun || (n->again && n->seen > cursor))
        n->seen = cursor; /* at first nobody is connected yet */
    if (n->begun && n->moved)
        n->seen -= n->seen < TOLD_ANEW ? n->seen : TOLD_ANEW;
    n->begun = true;
    n->again = n->moved = false;
}

void
follow_reply(struct notifier *n, const struct event *ev, struct outbox *out)
{
    const struct reply *r = ev->reply;

    if (r->kind == REPLY_LOST) {
        n->follow = FOLLOW_DOWN; /* EVENT_REDIS_UP starts again */
        return;
    }
    if (ev->ref == call_tag(CALL_PRIMARY, 0)) {
        take_primary(n, r);
        return;
    }
    if (ev->ref == call_tag(CALL_CURSOR, 0)) {
        if (n->follow != FOLLOW_CURSOR)
            return;
        n->hooked = r->kind == REPLY_STRING ? event_number(r->str) : 0;
        begin_at(n, n->hooked);
        /* another notifier may have taken the cursor past what our own screens were told */
        n->batch_end = n->seen < n->hooked ? n->seen : n->hooked;
        n->n_rows = 0;
        follow_poll(n, ev, out);
        return;
    }
    if (n->follow != FOLLOW_READING)
        return;
    /* [[key, [[id, [field, value ...]] ...]]], or nil when there is nothing */
    if (r->kind == REPLY_ARRAY && r->n == 1 && r->items[0].kind == REPLY_ARRAY &&
        r->items[0].n == 2 && r->items[0].items[1].kind == REPLY_ARRAY)
        batch(n, ev, out, &r->items[0].items[1]);
    else
        n->follow = FOLLOW_IDLE;
}
