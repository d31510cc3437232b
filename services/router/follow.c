/* The stream `events`: what others did to our orders. An entry is only a hint: what has changed is
 * read again. */
#include "router/core.h"

enum { PAGE = 200, EVENT_ORDER = 36 + RECORD_HEAD };

void
follow_ask(struct router *r)
{
    if (!router_acts(r))
        return;
    if (r->follow_asked_ms != 0 && r->now_ms - r->follow_asked_ms < ANSWER_MS) {
        r->follow_again = true;
        return;
    }
    const char *from = arena_printf(r->arena, "1-%llu", (unsigned long long)r->last_event);
    struct slice argv[] = {SLICE_LIT("XREAD"),
                           SLICE_LIT("COUNT"),
                           text_of(r, PAGE),
                           SLICE_LIT("STREAMS"),
                           slice_str(key_of(r, "events")),
                           slice_str(from)};
    r->follow_asked_ms = r->now_ms;
    r->follow_again = false;
    outbox_redis(r->out, router_tag(r, CALL_FOLLOW, 0), argv, sizeof argv / sizeof *argv);
}

static void
take_order(struct router *r, struct slice value)
{
    struct record head;
    struct uuid id;

    if (uuid_parse(slice_of(value.p, 36), &id) != LC_OK ||
        record_read(slice_of(value.p + 36, RECORD_HEAD), &head) != LC_OK ||
        (head.flags & RECORD_COLLECTION) != 0)
        return;
    const struct order *o = order_find(r, id);
    if (record_is_end(head.state) && plan_rulings(r->plan) > 0 &&
        plan_rule(r->plan, id, &(struct plan_ruling){.pinned = 0}) != LC_OK)
        router_rebuild(r, "memory");
    if (o == NULL && !state_open(head.state))
        return;
    /* An end is news whatever we count: a courier's word that came between, as done already, was
     * counted here and not there. */
    if (o != NULL && head.version <= o->version && !record_is_end(head.state))
        return;
    if (o != NULL && o->state == head.state && o->courier == head.courier &&
        (o->ready || (head.flags & RECORD_READY) == 0))
        return; /* our own doing */
    orders_want(r, id);
}

static void
take_orders(struct router *r, struct slice value)
{
    for (size_t at = 0; at + EVENT_ORDER <= value.n; at += EVENT_ORDER)
        take_order(r, slice_of(value.p + at, EVENT_ORDER));
}

/* "1-42" → 42; 0 for anything else. */
static uint64_t
number_of(struct slice id)
{
    uint64_t n = 0;

    if (id.n < 3 || id.p[0] != '1' || id.p[1] != '-')
        return 0;
    for (size_t i = 2; i < id.n && id.p[i] >= '0' && id.p[i] <= '9'; i++)
        n = n * 10 + (uint64_t)(id.p[i] - '0');
    return n;
}

static bool
take_entry(struct router *r, const struct reply *entry)
{
    if (entry->kind != REPLY_ARRAY || entry->n != 2 || entry->items[1].kind != REPLY_ARRAY ||
        number_of(entry->items[0].str) != r->last_event + 1)
        return false;
    const struct reply *fields = &entry->items[1];
    for (size_t i = 0; i + 1 < fields->n; i += 2) {
        struct slice name = fields->items[i].str;
        if (slice_eq_str(name, "o"))
            take_orders(r, fields->items[i + 1].str);
        else if (slice_eq_str(name, "d") || slice_eq_str(name, "f"))
            ruling_event(r, name.p[0] == 'f', fields->items[i + 1].str);
        else if (slice_eq_str(name, "v"))
            learn_again(r);
    }
    r->last_event++;
    return true;
}

void
follow_answer(struct router *r, const struct reply *reply)
{
    r->follow_asked_ms = 0;
    if (reply->kind == REPLY_ARRAY && reply->n == 1 && reply->items[0].kind == REPLY_ARRAY &&
        reply->items[0].n == 2) {
        const struct reply *entries = &reply->items[0].items[1];
        for (size_t i = 0; i < entries->n; i++)
            if (!take_entry(r, &entries->items[i])) {
                router_rebuild(r, "event_gap");
                return;
            }
        r->follow_again = r->follow_again || entries->n == PAGE;
    }
    if (r->follow_again)
        follow_ask(r);
}
