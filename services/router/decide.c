/* What a report means: the one place that owns how a courier's words move an order. */
#include "router/core.h"

static void
answer(struct router *r, struct courier *c, Lifecircle__V1__CourierReply__Outcome outcome,
       const struct order *o, const char *detail)
{
    report_answer(r, c, outcome, o == NULL ? 0 : o->state, detail);
}

/* A commit that answers the first report. */
static struct commit *
begin(struct router *r, struct courier *c)
{
    struct commit *m = commit_new(r, c);

    if (m != NULL)
        m->answers = true;
    return m;
}

/* ---- shifts ---- */

static bool
same_shift(const struct shift *a, const struct shift *b)
{
    return a->vehicle == b->vehicle && a->capacity.items == b->capacity.items &&
           a->capacity.g == b->capacity.g && a->capacity.ml == b->capacity.ml &&
           a->cold_box == b->cold_box && a->end_ms == b->end_ms;
}

static void
sign_on(struct router *r, struct courier *c, const struct report *rep)
{
    const char *wrong = NULL;

    if (!rep->has_shift || !geo_valid(rep->shift.at))
        wrong = "lat, lng: expected a place on Earth";
    else if (rep->shift.capacity.items == 0)
        wrong = "capacity_items: expected 1 or more";
    else if (rep->shift.end_ms <= r->now_ms)
        wrong = "shift_end: expected a time in the future";
    if (wrong != NULL) {
        answer(r, c, OUTCOME(INVALID), NULL, wrong);
        return;
    }
    if (courier_revoked(r, c)) { /* or is let in again, and we have not heard of it */
        answer(r, c, OUTCOME(UNAVAILABLE_NOW), NULL, "repeat");
        return;
    }
    if (c->shift.on && same_shift(&c->shift, &rep->shift)) {
        answer(r, c, OUTCOME(ALREADY), NULL, "");
        return;
    }
    struct commit *m = begin(r, c);
    if (m == NULL)
        return;
    m->has_shift = true;
    m->shift = rep->shift;
    m->shift.start_ms = r->now_ms;
    m->shift.on = true;
}

static void
sign_off(struct router *r, struct courier *c)
{
    if (!c->shift.on) {
        answer(r, c, OUTCOME(ALREADY), NULL, "");
        return;
    }
    struct commit *m = begin(r, c);
    if (m == NULL)
        return;
    give_back(r, m, GIVE_UNSTARTED, REASON(COURIER_OFF_SHIFT));
    m->has_shift = true;
    m->shift = c->shift;
    m->shift.on = false;
}

/* ---- offers ---- */

/* Since the offer was made the route may have become shorter, but the offer in it is the same. */
static bool
names_the_offer(const struct courier *c, const struct report *rep)
{
    return courier_has_offer(c) && rep->route_version >= c->offer_version &&
           rep->route_version <= c->route_version;
}

static void
accept(struct router *r, struct courier *c, const struct report *rep)
{
    if (!names_the_offer(c, rep)) {
        bool before = rep->route_version != 0 && rep->route_version == c->accepted_version;
        answer(r, c, before ? OUTCOME(ALREADY) : OUTCOME(STALE_VERSION), NULL, "");
        return;
    }
    struct commit *m = begin(r, c);
    if (m == NULL || !commit_route(r, m))
        return;
    for (size_t k = 0; k < m->route.n; k++) {
        struct halt *h = &m->route.halts[k];
        struct plan_placement at;
        if (h->accepted)
            continue;
        h->accepted = true;
        if (h->kind != PLAN_PICKUP)
            continue;
        struct step *s = commit_step(r, m, h->order, ACT_CONFIRM, REASON(REASON_NONE));
        if (s != NULL && plan_find(r->plan, h->order, &at) == LC_OK)
            s->live_eta_ms = at.dropoff_ms;
    }
    m->route.offer_expires_ms = 0;
}

static void
decline(struct router *r, struct courier *c, const struct report *rep)
{
    if (!names_the_offer(c, rep)) {
        answer(r, c, OUTCOME(STALE_VERSION), NULL, "");
        return;
    }
    struct commit *m = begin(r, c);
    if (m != NULL)
        give_back(r, m, GIVE_OFFERED, REASON(COURIER_DECLINED));
}

/* ---- on the way ---- */

/* One step of the order, and its next stop in front: the courier has chosen to go there. */
static struct commit *
go_to(struct router *r, struct courier *c, const struct order *o, enum act act)
{
    struct commit *m = begin(r, c);

    if (m == NULL || commit_step(r, m, o->id, act, REASON(REASON_NONE)) == NULL)
        return NULL;
    if (uuid_eq(c->route.halts[0].order, o->id))
        return m;
    if (!commit_route(r, m))
        return NULL;
    route_to_front(&m->route, o->id);
    return m;
}

static void
enroute(struct router *r, struct courier *c, const struct order *o, const struct halt *h)
{
    if (h->kind == PLAN_PICKUP && o->state == STATE(CONFIRMED))
        go_to(r, c, o, ACT_ENROUTE_PICKUP);
    else if (h->kind == PLAN_DROPOFF && o->state == STATE(PICKED_UP))
        go_to(r, c, o, ACT_ENROUTE_DROPOFF);
    else
        answer(r, c, OUTCOME(ALREADY), o, "");
}

static void
arrived(struct router *r, struct courier *c, const struct order *o, const struct halt *h)
{
    static const enum act act[] = {
        [PLAN_PICKUP] = ACT_ARRIVE_PICKUP, [PLAN_DROPOFF] = ACT_ARRIVE_DROPOFF};

    if (h->arrived) {
        answer(r, c, OUTCOME(ALREADY), o, "");
        return;
    }
    struct commit *m = h->kind == PLAN_RETURN ? begin(r, c) : go_to(r, c, o, act[h->kind]);
    if (m == NULL || !commit_route(r, m))
        return;
    struct halt *first = route_to_front(&m->route, o->id);
    first->arrived = true;
}

static void
picked(struct router *r, struct courier *c, const struct order *o)
{
    if (state_carried(o->state)) {
        answer(r, c, OUTCOME(ALREADY), o, "");
        return;
    }
    struct commit *m = begin(r, c);
    if (m == NULL || !commit_route(r, m) ||
        commit_step(r, m, o->id, ACT_PICKUP, REASON(REASON_NONE)) == NULL)
        return;
    for (size_t k = 0; k < m->route.n; k++)
        if (m->route.halts[k].kind == PLAN_PICKUP && uuid_eq(m->route.halts[k].order, o->id)) {
            route_drop_halt(&m->route, k);
            return;
        }
}

static void
deliver(struct router *r, struct courier *c, const struct order *o, const struct report *rep)
{
    unsigned left;

    if (!state_carried(o->state) || o->state == STATE(RETURNING)) {
        answer(r, c, OUTCOME(NOT_NOW), o, "pick it up first");
        return;
    }
    Lifecircle__V1__CourierReply__Outcome pin = pin_check(r, o->id, rep->pin, &left);
    if (pin != OUTCOME(DONE)) {
        const char *words = arena_printf(r->arena, "%u %s left", left, left == 1 ? "try" : "tries");
        answer(r, c, pin, o, pin == OUTCOME(WRONG_PIN) && words != NULL ? words : "");
        return;
    }
    struct commit *m = begin(r, c);
    if (m == NULL || !commit_route(r, m) ||
        commit_step(r, m, o->id, ACT_DELIVER, REASON(REASON_NONE)) == NULL)
        return;
    route_drop(&m->route, o->id);
}

static void
turn_back(struct router *r, struct courier *c, const struct order *o, const struct report *rep)
{
    struct commit *m = begin(r, c);
    Lifecircle__V1__Reason reason =
        rep->reason == REASON(REASON_NONE) ? REASON(UNABLE_TO_DELIVER) : rep->reason;

    if (m == NULL || !commit_route(r, m) || commit_step(r, m, o->id, ACT_RETURNING, reason) == NULL)
        return;
    struct halt *h = route_next(&m->route, o->id);
    h->kind = PLAN_RETURN;
    h->at = o->task.pickup;
    h->arrived = false;
    h->window_end_ms = 0;
}

static void
undeliverable(struct router *r, struct courier *c, const struct order *o, const struct report *rep)
{
    if (o->state == STATE(RETURNING))
        answer(r, c, OUTCOME(ALREADY), o, "");
    else if (!state_carried(o->state))
        answer(r, c, OUTCOME(NOT_NOW), o, "pick it up first");
    else
        turn_back(r, c, o, rep);
}

static void
brought_back(struct router *r, struct courier *c, const struct order *o)
{
    if (o->state != STATE(RETURNING)) {
        answer(r, c, OUTCOME(NOT_NOW), o, "it is not being returned");
        return;
    }
    struct commit *m = begin(r, c);
    if (m == NULL || !commit_route(r, m) ||
        commit_step(r, m, o->id, ACT_RETURNED, REASON(REASON_NONE)) == NULL)
        return;
    route_drop(&m->route, o->id);
}

/* ---- problems ---- */

/* The store cannot give the goods: no courier can. The order ends, its stock is free again; its
 * stops leave the route afterwards, and would on the next start, if this one dies here. */
static void
cancel(struct router *r, struct courier *c, const struct order *o, const struct report *rep)
{
    char id[UUID_TEXT];
    const char *words = arena_printf(r->arena, "courier %u", c->number);

    uuid_format(o->id, id);
    struct slice argv[] = {
        SLICE_LIT("FCALL"),      SLICE_LIT("order_step"), SLICE_LIT("1"),  slice_str(key_of(r, "")),
        text_of(r, r->now_ms),   SLICE_LIT("1"),          slice_str(id),   SLICE_LIT("cancel"),
        text_of(r, rep->reason), SLICE_LIT("store"),      slice_str(words)};
    c->asking = true;
    c->asked_ms = r->now_ms;
    outbox_redis(r->out, router_tag(r, CALL_CANCEL, c->number), argv, sizeof argv / sizeof *argv);
}

static void
hand_back(struct router *r, struct courier *c, const struct order *o, const struct report *rep)
{
    struct commit *m = begin(r, c);
    Lifecircle__V1__Reason reason =
        rep->reason == REASON(REASON_NONE) ? REASON(COURIER_UNASSIGNED_SELF) : rep->reason;

    if (m == NULL || !commit_route(r, m) || commit_step(r, m, o->id, ACT_UNASSIGN, reason) == NULL)
        return;
    route_drop(&m->route, o->id);
    m->ban_until_ms = r->now_ms + r->set.ban_ms;
}

static void
problem(struct router *r, struct courier *c, const struct order *o, const struct halt *h,
        const struct report *rep)
{
    bool store = rep->reason == REASON(MERCHANT_CLOSED) ||
                 rep->reason == REASON(MERCHANT_ITEM_MISSING) ||
                 rep->reason == REASON(MERCHANT_CANCELLED);

    if (state_carried(o->state))
        undeliverable(r, c, o, rep);
    else if (store && !h->accepted) /* who has not taken it does not end it */
        answer(r, c, OUTCOME(NOT_NOW), o, "accept the route first");
    else if (store)
        cancel(r, c, o, rep);
    else
        hand_back(r, c, o, rep);
}

/* ---- all of them ---- */

static void
ask_order(struct router *r, struct courier *c, struct uuid order)
{
    char name[6 + UUID_TEXT] = "order:";

    uuid_format(order, name + 6);
    struct slice argv[] = {SLICE_LIT("GET"), slice_str(key_of(r, name))};
    c->asking = true;
    c->asked_ms = r->now_ms;
    outbox_redis(r->out, router_tag(r, CALL_ASKED, c->number), argv, 2);
}

static void
decide_order(struct router *r, struct courier *c, const struct report *rep)
{
    const struct order *o = rep->has_order ? order_find(r, rep->order) : NULL;
    const struct halt *h = o == NULL ? NULL : route_next(&c->route, o->id);

    if (!rep->has_order)
        answer(r, c, OUTCOME(INVALID), NULL, "order_id: expected a UUID");
    else if (o == NULL)
        ask_order(r, c, rep->order); /* it has ended, or never was */
    else if (o->courier != c->number || h == NULL)
        answer(r, c, OUTCOME(NOT_YOURS), NULL, "");
    else if (rep->kind == REPORT(PROBLEM))
        problem(r, c, o, h, rep);
    else if (!h->accepted)
        answer(r, c, OUTCOME(NOT_NOW), o, "accept the route first");
    else if (rep->kind == REPORT(ENROUTE))
        enroute(r, c, o, h);
    else if (rep->kind == REPORT(ARRIVED))
        arrived(r, c, o, h);
    else if (rep->kind == REPORT(PICKED))
        picked(r, c, o);
    else if (rep->kind == REPORT(DELIVER))
        deliver(r, c, o, rep);
    else if (rep->kind == REPORT(UNDELIVERABLE))
        undeliverable(r, c, o, rep);
    else
        brought_back(r, c, o);
}

void
report_decide(struct router *r, struct courier *c, struct report *rep)
{
    switch (rep->kind) {
    case REPORT(SIGN_ON):
        sign_on(r, c, rep);
        break;
    case REPORT(SIGN_OFF):
        sign_off(r, c);
        break;
    case REPORT(ACCEPT):
        accept(r, c, rep);
        break;
    case REPORT(DECLINE):
        decline(r, c, rep);
        break;
    case REPORT(ENROUTE):
    case REPORT(ARRIVED):
    case REPORT(PICKED):
    case REPORT(DELIVER):
    case REPORT(UNDELIVERABLE):
    case REPORT(BROUGHT_BACK):
    case REPORT(PROBLEM):
        decide_order(r, c, rep);
        break;
    case REPORT(REPORT_NONE):
    default:
        answer(r, c, OUTCOME(INVALID), NULL, "kind");
        break;
    }
}
