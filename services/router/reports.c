/* What couriers report: one after the other for each courier, answered when it is on disk, applied
 * once. */
#include "router/core.h"

#include <stdio.h>
#include <stdlib.h>

enum { REFUSALS_MAX = 3 };

/* ---- answering ---- */

static void
send_reply(struct router *r, const struct report *rep,
           Lifecircle__V1__CourierReply__Outcome outcome, unsigned state, const char *detail)
{
    Lifecircle__V1__Envelope request = LIFECIRCLE__V1__ENVELOPE__INIT, env;
    Lifecircle__V1__CourierReply reply = LIFECIRCLE__V1__COURIER_REPLY__INIT;

    request.id = (ProtobufCBinaryData){sizeof rep->envelope_id, (uint8_t *)rep->envelope_id};
    request.deadline_ms = rep->deadline_ms;
    request.traceparent = (char *)rep->traceparent;
    envelope_answer(&env, &r->mint, r->now_ms, &request);
    reply.courier = rep->courier;
    reply.action_id = (char *)rep->action_id;
    reply.outcome = outcome;
    reply.detail = (char *)detail;
    reply.tag = rep->tag;
    reply.state = (Lifecircle__V1__OrderState)state;
    env.body_case = LIFECIRCLE__V1__ENVELOPE__BODY_COURIER_REPLY;
    env.courier_reply = &reply;
    outbox_answer(r->out, rep->link, &env);
}

static uint64_t
fingerprint(const struct report *rep)
{
    uint64_t f = fingerprint64(slice_str(rep->action_id));

    return f == 0 ? 1 : f;
}

/* Only what stays true: a refusal may be none the next time. */
static void
remember(struct courier *c, const struct report *rep, Lifecircle__V1__CourierReply__Outcome outcome,
         unsigned state)
{
    if (outcome != OUTCOME(DONE) && outcome != OUTCOME(ALREADY) && outcome != OUTCOME(WRONG_PIN))
        return;
    c->seen[c->next_seen] = (struct seen){fingerprint(rep), outcome, (uint8_t)state};
    c->next_seen = (c->next_seen + 1) % SEEN_MAX;
}

static const struct seen *
recall(const struct courier *c, const struct report *rep)
{
    uint64_t f = fingerprint(rep);

    for (size_t i = 0; i < SEEN_MAX; i++)
        if (c->seen[i].fingerprint == f)
            return &c->seen[i];
    return NULL;
}

static void
pop(struct courier *c)
{
    struct report *rep = c->queue;

    c->queue = rep->next;
    if (c->queue == NULL)
        c->queue_end = &c->queue;
    c->queued--;
    free(rep);
}

void
report_answer(struct router *r, struct courier *c, Lifecircle__V1__CourierReply__Outcome outcome,
              unsigned state, const char *detail)
{
    const struct report *rep = c->queue;

    if (rep == NULL)
        return;
    send_reply(r, rep, outcome, state, detail);
    if (recall(c, rep) == NULL)
        remember(c, rep, outcome, state);
    pop(c);
}

void
reports_unavailable(struct router *r)
{
    for (struct courier *c = r->couriers; c != NULL; c = c->hh.next)
        while (c->queue != NULL)
            report_answer(r, c, OUTCOME(UNAVAILABLE_NOW), 0, "repeat");
}

/* A question whose answer never comes would hold the courier up for ever. */
void
reports_tick(struct router *r)
{
    for (const struct courier *c = r->couriers; c != NULL; c = c->hh.next)
        if ((c->asking || c->reading) && r->now_ms - c->asked_ms > ANSWER_MS) {
            router_rebuild(r, "question_silent");
            return;
        }
}

/* ---- taking ---- */

static void
read_shift(struct report *rep, const Lifecircle__V1__Shift *s)
{
    if (s == NULL || s->at == NULL)
        return;
    rep->has_shift = true;
    rep->shift = (struct shift){
        .vehicle = s->vehicle,
        .capacity = {s->capacity_items, s->capacity_g, s->capacity_ml},
        .cold_box = s->cold_box,
        .end_ms = s->end_ms,
        .at = {s->at->lat_e7, s->at->lng_e7},
    };
}

static void
read_report(struct report *rep, const struct event *ev)
{
    const Lifecircle__V1__Envelope *env = ev->envelope;
    const Lifecircle__V1__CourierReport *m = env->courier_report;
    struct uuid order = {{0}};
    bool has_order = uuid_parse(slice_str(m->order_id), &order) == LC_OK;

    *rep = (struct report){
        .link = ev->ref,
        .deadline_ms = env->deadline_ms,
        .courier = m->courier,
        .kind = m->kind,
        .route_version = m->route_version,
        .reason = m->reason,
        .time_ms = m->time_ms,
        .tag = m->tag,
        .has_order = has_order,
        .order = order,
    };
    if (env->id.len == sizeof rep->envelope_id)
        memcpy(rep->envelope_id, env->id.data, sizeof rep->envelope_id);
    snprintf(rep->traceparent, sizeof rep->traceparent, "%s", env->traceparent);
    snprintf(rep->action_id, sizeof rep->action_id, "%s", m->action_id);
    snprintf(rep->pin, sizeof rep->pin, "%s", m->pin);
    read_shift(rep, m->shift);
}

static void
refuse(struct router *r, const struct report *rep, Lifecircle__V1__CourierReply__Outcome outcome,
       const char *detail)
{
    send_reply(r, rep, outcome, 0, detail);
}

void
report_take(struct router *r, const struct event *ev)
{
    const Lifecircle__V1__CourierReport *m = ev->envelope->courier_report;
    struct report rep;
    size_t id_n = strlen(m->action_id);

    read_report(&rep, ev);
    rep.taken_ms = r->now_ms;
    const struct order *o = rep.has_order ? order_find(r, rep.order) : NULL;
    if (o != NULL) /* the phone does not know its trace: the answer says it */
        traceparent_format(&o->trace, rep.envelope_id + TRACE_SPAN_AT, rep.traceparent);
    r->tally[T_REPORTS]++;
    if (m->courier == 0 || id_n == 0 || id_n > ACTION_MAX || m->kind == REPORT(REPORT_NONE)) {
        refuse(r, &rep, OUTCOME(INVALID), "courier, action_id (1..64 bytes) and kind are needed");
        return;
    }
    if (!router_acts(r)) {
        refuse(r, &rep, OUTCOME(UNAVAILABLE_NOW), "repeat");
        return;
    }
    struct courier *c =
        m->kind == REPORT(SIGN_ON) ? courier_get(r, m->courier) : courier_find(r, m->courier);
    if (c == NULL) {
        refuse(r, &rep, OUTCOME(NOT_NOW), "sign on first");
        return;
    }
    struct report *kept = c->queued < QUEUE_MAX ? malloc(sizeof *kept) : NULL;
    if (kept == NULL) {
        refuse(r, &rep, OUTCOME(UNAVAILABLE_NOW), "too many reports wait");
        return;
    }
    *kept = rep;
    *c->queue_end = kept;
    c->queue_end = &kept->next;
    c->queued++;
    courier_heard(r, c);
    reports_go_on(r, c);
}

void
reports_go_on(struct router *r, struct courier *c)
{
    while (c->queue != NULL && courier_free_to_act(c) && router_acts(r)) {
        const struct seen *s = recall(c, c->queue);
        if (s == NULL)
            report_decide(r, c, c->queue);
        else
            report_answer(r, c, s->outcome == OUTCOME(DONE) ? OUTCOME(ALREADY) : s->outcome,
                          s->state, "");
    }
}

/* ---- after Redis ---- */

static void
note_offer(struct courier *c, const struct report *rep)
{
    if (rep->kind == REPORT(ACCEPT)) {
        c->accepted_version = rep->route_version;
        c->silent_offers = 0;
    } else if (rep->kind == REPORT(DECLINE)) {
        c->silent_offers = 0;
    }
}

void
report_committed(struct router *r, struct courier *c)
{
    const struct report *rep = c->queue;
    const struct order *o = rep->has_order ? order_find(r, rep->order) : NULL;
    unsigned state = o == NULL ? 0 : o->state;

    note_offer(c, rep);
    ride_report(r, c, rep);
    if (rep->kind == REPORT(DELIVER))
        state = STATE(DELIVERED);
    else if (rep->kind == REPORT(BROUGHT_BACK))
        state = STATE(RETURNED);
    else if (rep->kind == REPORT(SIGN_ON)) {
        c->rest_until_ms = 0;
        courier_moved(r, c, c->shift.at, r->now_ms);
        courier_heard(r, c);
    }
    report_answer(r, c, OUTCOME(DONE), state, "");
}

void
report_try_again(struct router *r, struct courier *c, unsigned state)
{
    if (++c->queue->refusals < REFUSALS_MAX)
        reread_start(r, c);
    else
        report_answer(r, c, OUTCOME(UNAVAILABLE_NOW), state, "repeat");
}

void
report_refused(struct router *r, struct courier *c)
{
    if (++c->queue->refusals >= REFUSALS_MAX)
        report_answer(r, c, OUTCOME(UNAVAILABLE_NOW), 0, "repeat");
}

/* What an order that is not with us any more says about a report. */
static Lifecircle__V1__CourierReply__Outcome
hindsight(const struct report *rep, const struct record *head)
{
    bool delivered = head->state == STATE(DELIVERED);

    switch (rep->kind) {
    case REPORT(ENROUTE):
    case REPORT(ARRIVED):
    case REPORT(PICKED):
    case REPORT(DELIVER):
        return delivered ? OUTCOME(ALREADY) : OUTCOME(NOT_NOW);
    case REPORT(UNDELIVERABLE):
    case REPORT(BROUGHT_BACK):
        return head->state == STATE(RETURNED) ? OUTCOME(ALREADY) : OUTCOME(NOT_NOW);
    case REPORT(PROBLEM):
        return head->state == STATE(CANCELLED) ? OUTCOME(ALREADY) : OUTCOME(NOT_NOW);
    case REPORT(REPORT_NONE):
    case REPORT(SIGN_ON):
    case REPORT(SIGN_OFF):
    case REPORT(ACCEPT):
    case REPORT(DECLINE):
    default:
        return OUTCOME(INVALID);
    }
}

void
report_asked(struct router *r, struct courier *c, const struct reply *reply)
{
    struct record head;

    c->asking = false;
    if (c->queue == NULL)
        return;
    if (reply->kind == REPLY_NIL)
        report_answer(r, c, OUTCOME(NOT_YOURS), 0, "no such order");
    else if (reply->kind != REPLY_STRING || record_read(reply->str, &head) != LC_OK)
        report_answer(r, c, OUTCOME(UNAVAILABLE_NOW), 0, "repeat");
    else if (head.courier != c->number)
        report_answer(r, c, OUTCOME(NOT_YOURS), 0, "another courier's order");
    else if (record_is_end(head.state))
        report_answer(r, c, hindsight(c->queue, &head), head.state,
                      record_reason_name(head.reason));
    else if (uuids_add(&c->doubt, c->queue->order)) /* we should have known it */
        report_try_again(r, c, head.state);
    else
        router_rebuild(r, "memory");
    reports_go_on(r, c);
}

void
report_cancelled(struct router *r, struct courier *c, const struct reply *reply)
{
    c->asking = false;
    if (c->queue == NULL)
        return;
    if (reply->kind != REPLY_ARRAY || reply->n != 1 || reply->items[0].str.n < 1) {
        router_rebuild(r, "cancel_unknown");
        return;
    }
    char outcome = reply->items[0].str.p[0];
    struct order *o = order_find(r, c->queue->order);
    if (outcome != 1 && outcome != 2) {
        orders_want(r, c->queue->order);
        report_answer(r, c, OUTCOME(NOT_NOW), o == NULL ? 0 : o->state, "cannot be cancelled now");
    } else {
        if (o != NULL)
            order_ended(r, o);
        report_answer(r, c, OUTCOME(DONE), STATE(CANCELLED), "");
        trim_start(r, c);
    }
    reports_go_on(r, c);
}
