/* gone: a stop that is not on a courier's route any more, though nobody there has done anything:
 * why? A route holds what is left to do, so a phone sees by itself what has gone and asks; the
 * answer stands in the order's history, which also knows whose it was. */
#include "notifier/core.h"

#include <string.h>

enum { HISTORY_READ = 64 }; /* its newest entries: what took it away is among them */

void
gone_ask(struct notifier *n, const struct event *ev, struct outbox *out, const struct session *s,
         const Lifecircle__V1__CourierGoneAsk *m)
{
    struct ask a = {.kind = ASK_GONE, .conn = s->conn, .store = s->courier};
    struct arena *arena = ev->arena;
    char id[UUID_TEXT]; /* as Redis has it, however the phone writes it */

    if (uuid_parse(slice_str(m->order_id), &a.order) != LC_OK) {
        phones_trouble(out, arena, s, "bad_message", "order_id: expected an order id");
        return;
    }
    uuid_format(a.order, id);
    struct slice argv[] = {SLICE_LIT("LRANGE"),
                           redis_key(n, arena, arena_printf(arena, "history:%s", id)),
                           redis_number(arena, -HISTORY_READ), SLICE_LIT("-1")};
    (void)ask_redis(n, out, &a, argv, sizeof argv / sizeof *argv); /* else the phone asks again */
}

/* ruled: does an entry say that a person decided so? What they said about it goes to *words. The
 * words of a ruling are "who: what was done", with ": why" behind it. */
static bool
ruled(const char *entry, const char *done, const char **words)
{
    const char *at = strstr(entry, done);

    if (at == NULL)
        return false;
    at += strlen(done);
    at += strspn(at, "0123456789"); /* a courier's number */
    if (*at != '\0' && strncmp(at, ": ", 2) != 0)
        return false;
    *words = *at == '\0' ? at : at + 2;
    return true;
}

static void
read_ruling(const char *entry, Lifecircle__V1__CourierGone *gone)
{
    static const struct {
        const char *done;
        Lifecircle__V1__CourierGone__Ruling ruling;
    } rulings[] = {
        {": on hold", LIFECIRCLE__V1__COURIER_GONE__RULING__HELD},
        {": pinned to courier ", LIFECIRCLE__V1__COURIER_GONE__RULING__PINNED},
        {": not for courier ", LIFECIRCLE__V1__COURIER_GONE__RULING__BANNED},
    };
    const char *words;

    for (size_t i = 0; i < sizeof rulings / sizeof *rulings; i++) {
        if (!ruled(entry, rulings[i].done, &words))
            continue;
        gone->ruling = rulings[i].ruling;
        gone->words = (char *)(uintptr_t)words;
    }
}

static void
forget_ruling(Lifecircle__V1__CourierGone *gone)
{
    gone->ruling = LIFECIRCLE__V1__COURIER_GONE__RULING__NO_RULING;
    gone->words = (char *)(uintptr_t) "";
}

/* by_courier: the end that this courier has brought it to, or none: an operator may have said it in
 * their place. */
static Lifecircle__V1__OrderState
by_courier(const struct record_history *h, uint32_t courier)
{
    bool there = h->state == LIFECIRCLE__V1__ORDER_STATE__DELIVERED ||
                 h->state == LIFECIRCLE__V1__ORDER_STATE__RETURNED;

    return there && h->courier == courier && h->reason != LIFECIRCLE__V1__REASON__OPERATOR
               ? (Lifecircle__V1__OrderState)h->state
               : LIFECIRCLE__V1__ORDER_STATE__STATE_NONE;
}

/* read_history: what took it from this courier last; false: it never was this courier's. What came
 * later is between others, and so is what people said of them. */
static bool
read_history(const struct reply *r, uint32_t courier, struct arena *a,
             Lifecircle__V1__CourierGone *gone)
{
    bool was = false; /* ever, */
    bool is = false;  /* and behind the entry before */

    for (size_t i = 0; i < r->n; i++) {
        struct record_history h;
        if (record_history_read(r->items[i].str, &h) != LC_OK)
            continue;
        bool ends = h.courier != courier || record_is_end(h.state);
        if (ends && is) {
            gone->reason = (Lifecircle__V1__Reason)h.reason;
            gone->ended = by_courier(&h, courier);
            if (h.courier == courier ||
                (h.reason != 0 && h.reason != LIFECIRCLE__V1__REASON__OPERATOR))
                forget_ruling(gone); /* it went for another reason */
        } else if (!ends) {
            if (!is)
                forget_ruling(gone);
            gone->reason = LIFECIRCLE__V1__REASON__REASON_NONE;
            gone->ended = LIFECIRCLE__V1__ORDER_STATE__STATE_NONE;
            const char *words = arena_copy(a, h.words.p, h.words.n);
            if (words != NULL)
                read_ruling(words, gone);
            was = true;
        }
        is = !ends;
    }
    return was;
}

void
gone_answer(struct notifier *n, const struct ask *a, const struct event *ev, struct outbox *out)
{
    Lifecircle__V1__CourierGone gone = LIFECIRCLE__V1__COURIER_GONE__INIT;
    Lifecircle__V1__CourierSocket m = LIFECIRCLE__V1__COURIER_SOCKET__INIT;
    const struct session *s = session_by_conn(n, a->conn);
    char id[UUID_TEXT];

    if (s == NULL || s->courier != a->store || ev->reply->kind == REPLY_LOST)
        return;
    if (ev->reply->kind != REPLY_ARRAY || !read_history(ev->reply, s->courier, ev->arena, &gone)) {
        phones_trouble(out, ev->arena, s, "not_yours", "expected an order that was on your route");
        return;
    }
    uuid_format(a->order, id);
    gone.order_id = id;
    m.body_case = LIFECIRCLE__V1__COURIER_SOCKET__BODY_GONE;
    m.gone = &gone;
    frames_send(out, ev->arena, s, &m);
}
