/* What people decide over the plan's head: pins, bans, holds, frozen routes. Redis keeps them
 * (dispatch_rule); they are applied when the stream tells of them, whoever wrote them, and loaded
 * on taking over. */
#include "router/core.h"

#include <stdio.h>
#include <stdlib.h>

#include "dispatch.pb-c.h"

#define RULED(x) LIFECIRCLE__V1__RULING_REPLY__OUTCOME__##x
#define RULING(x) LIFECIRCLE__V1__RULING__KIND__##x

enum { WHO_MAX = 64, RULING_WORDS_MAX = 120, RULING_HEAD = 8, UUID_CHARS = 36 };

/* ---- answering ---- */

static void
send_reply(struct router *r, const struct ruling *u, Lifecircle__V1__RulingReply__Outcome outcome,
           unsigned state, const char *detail)
{
    Lifecircle__V1__Envelope request = LIFECIRCLE__V1__ENVELOPE__INIT, env;
    Lifecircle__V1__RulingReply reply = LIFECIRCLE__V1__RULING_REPLY__INIT;

    request.id = (ProtobufCBinaryData){sizeof u->envelope_id, (uint8_t *)u->envelope_id};
    request.deadline_ms = u->deadline_ms;
    envelope_answer(&env, &r->mint, r->now_ms, &request);
    reply.action_id = (char *)u->action_id;
    reply.outcome = outcome;
    reply.detail = (char *)detail;
    reply.tag = u->tag;
    reply.state = (Lifecircle__V1__OrderState)state;
    env.body_case = LIFECIRCLE__V1__ENVELOPE__BODY_RULING_REPLY;
    env.ruling_reply = &reply;
    outbox_answer(r->out, u->link, &env);
}

void
rulings_unavailable(struct router *r)
{
    while (r->rulings != NULL) {
        struct ruling *u = r->rulings;
        send_reply(r, u, RULED(UNAVAILABLE_NOW), 0, "repeat");
        r->rulings = u->next;
        free(u);
    }
    r->n_rulings = 0;
}

/* ---- taking ---- */

static const char *
kind_name(Lifecircle__V1__Ruling__Kind kind)
{
    switch (kind) {
    case RULING(PIN):
        return "pin";
    case RULING(UNPIN):
        return "unpin";
    case RULING(BAN):
        return "ban";
    case RULING(UNBAN):
        return "unban";
    case RULING(HOLD):
        return "hold";
    case RULING(RELEASE):
        return "release";
    case RULING(FREEZE):
        return "freeze";
    case RULING(UNFREEZE):
        return "unfreeze";
    case RULING(RULING_NONE):
    default:
        return NULL;
    }
}

/* What is wrong with it, naming the field; NULL = nothing. */
static const char *
wrong_with(const Lifecircle__V1__Ruling *m)
{
    bool of_courier = m->kind == RULING(FREEZE) || m->kind == RULING(UNFREEZE);
    bool names_courier =
        of_courier || m->kind == RULING(PIN) || m->kind == RULING(BAN) || m->kind == RULING(UNBAN);
    struct uuid order;
    size_t id_n = strlen(m->action_id), who_n = strlen(m->who);

    if (id_n == 0 || id_n > ACTION_MAX)
        return "action_id: expected 1 to 64 bytes";
    if (kind_name(m->kind) == NULL)
        return "kind: expected what is to be done";
    if (of_courier ? *m->order_id != '\0' : uuid_parse(slice_str(m->order_id), &order) != LC_OK)
        return of_courier ? "order_id: expected nothing with freeze and unfreeze"
                          : "order_id: expected a UUID";
    if (names_courier != (m->courier != 0))
        return names_courier ? "courier: expected its number"
                             : "courier: expected 0 with unpin, hold and release";
    if (who_n == 0 || who_n > WHO_MAX)
        return "who: expected 1 to 64 bytes";
    return strlen(m->words) > RULING_WORDS_MAX ? "words: expected up to 120 bytes" : NULL;
}

static void
ask(struct router *r, const struct ruling *u, const Lifecircle__V1__Ruling *m)
{
    struct slice argv[] = {SLICE_LIT("FCALL"),      SLICE_LIT("dispatch_rule"),
                           SLICE_LIT("1"),          slice_str(key_of(r, "")),
                           text_of(r, r->now_ms),   SLICE_LIT("1"),
                           slice_str(m->action_id), slice_str(kind_name(m->kind)),
                           slice_str(m->order_id),  text_of(r, m->courier),
                           slice_str(m->who),       slice_str(m->words)};

    outbox_redis(r->out, router_tag(r, CALL_RULE, u->number), argv, sizeof argv / sizeof *argv);
}

void
ruling_take(struct router *r, const struct event *ev)
{
    const Lifecircle__V1__Ruling *m = ev->envelope->ruling;
    struct ruling u = {.link = ev->ref, .deadline_ms = ev->envelope->deadline_ms, .tag = m->tag};
    const char *wrong = wrong_with(m);
    struct ruling *kept;

    if (ev->envelope->id.len == sizeof u.envelope_id)
        memcpy(u.envelope_id, ev->envelope->id.data, sizeof u.envelope_id);
    snprintf(u.action_id, sizeof u.action_id, "%s", m->action_id);
    r->tally[T_RULINGS]++;
    if (wrong != NULL) {
        send_reply(r, &u, RULED(INVALID), 0, wrong);
        return;
    }
    kept = router_acts(r) && r->n_rulings < RULINGS_MAX ? malloc(sizeof *kept) : NULL;
    if (kept == NULL) {
        send_reply(r, &u, RULED(UNAVAILABLE_NOW), 0, "repeat");
        return;
    }
    r->seq = (r->seq + 1) & UINT32_MAX;
    u.number = r->seq;
    u.next = r->rulings;
    *kept = u;
    r->rulings = kept;
    r->n_rulings++;
    ask(r, kept, m);
}

void
ruling_answer(struct router *r, uint64_t number, const struct reply *reply)
{
    struct ruling **at = &r->rulings;

    while (*at != NULL && (*at)->number != number)
        at = &(*at)->next;
    struct ruling *u = *at;
    if (u == NULL)
        return;
    *at = u->next;
    r->n_rulings--;
    if (reply->kind == REPLY_ARRAY && reply->n == 1 && reply->items[0].str.n >= 2 &&
        reply->items[0].str.p[0] >= RULED(DONE) &&
        reply->items[0].str.p[0] <= RULED(CONTRADICTION)) {
        send_reply(r, u,
                   (Lifecircle__V1__RulingReply__Outcome)reply->items[0].str.p[0], /* the same */
                   (unsigned char)reply->items[0].str.p[1], "");
        router_ring(r);
        follow_ask(r); /* that is where it is applied from */
    } else {
        send_reply(r, u, RULED(UNAVAILABLE_NOW), 0, "repeat");
    }
    free(u);
}

/* ---- applying ---- */

static void
apply_order(struct router *r, struct slice id, struct slice packed)
{
    struct uuid order;
    struct plan_ruling ruling = {.pinned = 0};
    uint32_t banned[UINT8_MAX];

    if (uuid_parse(id, &order) != LC_OK)
        return;
    if (packed.n >= RULING_HEAD) {
        ruling.pinned = bytes_u32(packed.p);
        ruling.held = packed.p[4] == 1;
        ruling.n_banned = (unsigned char)packed.p[5];
        ruling.banned = banned;
        if (packed.n != RULING_HEAD + 4 * ruling.n_banned) {
            outbox_note(r->out, "router_broken_record", "hash=rulings");
            return;
        }
        for (size_t i = 0; i < ruling.n_banned; i++)
            banned[i] = bytes_u32(packed.p + RULING_HEAD + 4 * i);
    }
    if (plan_rule(r->plan, order, &ruling) != LC_OK)
        router_rebuild(r, "memory");
    r->look = true;
}

static void
apply_courier(struct router *r, uint32_t number, bool frozen)
{
    struct courier *c = frozen ? courier_get(r, number) : courier_find(r, number);

    if (c == NULL)
        return;
    c->frozen = frozen;
    if (c->planned && plan_courier_freeze(r->plan, number, frozen) != LC_OK)
        router_rebuild(r, "plan");
    r->look = true;
}

void
ruling_event(struct router *r, bool of_courier, struct slice value)
{
    if (of_courier && value.n == 5)
        apply_courier(r, bytes_u32(value.p), value.p[4] == 1);
    else if (!of_courier && value.n >= UUID_CHARS)
        apply_order(r, slice_of(value.p, UUID_CHARS),
                    slice_of(value.p + UUID_CHARS, value.n - UUID_CHARS));
}

void
rulings_load(struct router *r, enum call_kind kind, const struct reply *reply)
{
    for (size_t i = 0; i + 1 < reply->n && !r->rebuild; i += 2) {
        uint32_t number;
        if (kind == CALL_RULINGS)
            apply_order(r, reply->items[i].str, reply->items[i + 1].str);
        else if (number_in(reply->items[i].str, &number))
            apply_courier(r, number, true);
    }
}

/* ---- keeping ---- */

void
rulings_enforce(struct router *r, struct courier *c)
{
    struct commit *m = NULL;

    if (plan_rulings(r->plan) == 0 || !courier_free_to_act(c))
        return;
    for (size_t k = 0; k < c->route.n; k++) {
        const struct halt *h = &c->route.halts[k];
        const struct order *o = order_find(r, h->order);
        if (h->kind != PLAN_PICKUP || o == NULL || !state_unstarted(o->state) ||
            plan_ruled(r->plan, o->id, c->number) == PLAN_FITS)
            continue;
        if (m == NULL)
            m = commit_new(r, c);
        if (m == NULL || !commit_route(r, m) ||
            commit_step(r, m, o->id, ACT_UNASSIGN, REASON(OPERATOR)) == NULL)
            return;
        route_drop(&m->route, o->id);
    }
}
