/* A commit that is on disk: what it changed, here and in the plan. */
#include "router/core.h"

static void
count(struct router *r, const struct step *s)
{
    r->tally[T_OFFERED] += s->act == ACT_ASSIGN;
    r->tally[T_ACCEPTED] += s->act == ACT_CONFIRM;
    if (s->act != ACT_UNASSIGN)
        return;
    r->tally[T_DECLINED] += s->reason == REASON(COURIER_DECLINED);
    r->tally[T_EXPIRED] += s->reason == REASON(COURIER_SILENT);
}

static void
count_promise(struct router *r, int64_t promise_ms)
{
    int64_t left_ms = promise_ms - r->now_ms;

    r->tally[left_ms >= 0 ? T_KEPT : T_MISSED]++;
    if (left_ms >= 0)
        histogram_add(&r->took[TOOK_MARGIN], left_ms);
    else
        histogram_add(&r->took[TOOK_OVERRUN], -left_ms);
}

static void
apply_state(struct router *r, const struct commit *m, const struct step *s, struct order *o)
{
    enum { ACTS = ACT_ETA + 1 };
    static const uint8_t state[ACTS] = {
        [ACT_ASSIGN] = STATE(PLACED),
        [ACT_UNASSIGN] = STATE(PLACED),
        [ACT_CONFIRM] = STATE(CONFIRMED),
        [ACT_ENROUTE_PICKUP] = STATE(ENROUTE_TO_PICKUP),
        [ACT_ARRIVE_PICKUP] = STATE(ARRIVED_AT_PICKUP),
        [ACT_PICKUP] = STATE(PICKED_UP),
        [ACT_ENROUTE_DROPOFF] = STATE(ENROUTE_TO_DROPOFF),
        [ACT_ARRIVE_DROPOFF] = STATE(ARRIVED_AT_DROPOFF),
        [ACT_DELIVER] = STATE(DELIVERED),
        [ACT_RETURNING] = STATE(RETURNING),
        [ACT_RETURNED] = STATE(RETURNED),
    };
    uint32_t courier = m->courier == NULL ? 0 : m->courier->number;

    if (s->live_eta_ms > 0)
        o->live_eta_ms = s->live_eta_ms;
    if (s->act == ACT_ETA)
        return;
    if (s->act == ACT_ASSIGN) {
        o->courier = courier;
        if (o->placed_ms > 0)
            histogram_add(&r->took[TOOK_DISPATCH], r->now_ms - o->placed_ms);
        o->placed_ms = 0;
    }
    if (s->act == ACT_DELIVER)
        count_promise(r, o->task.promise_ms);
    if (s->act == ACT_UNASSIGN)
        o->courier = 0;
    count(r, s);
    o->version += o->state != state[s->act] || s->act == ACT_ASSIGN || s->act == ACT_UNASSIGN;
    o->state = state[s->act];
}

/* The order goes back to those that wait. */
static enum lc_err
apply_unassign(struct router *r, const struct commit *m, struct order *o)
{
    struct plan_placement at;
    enum lc_err err = LC_OK;

    o->noted = false;
    o->waits_for = 0; /* what was told since is of the courier who had it */
    o->live_eta_ms = 0;
    if (plan_find(r->plan, o->id, &at) == LC_ENOTFOUND) {
        order_place(r, o);
        return LC_OK;
    }
    if (m->courier != NULL && m->ban_until_ms > r->now_ms)
        err = plan_ban(r->plan, o->id, m->courier->number, m->ban_until_ms);
    return err == LC_OK ? plan_release(r->plan, o->id) : err;
}

/* note_step: by its courier, also when it takes the order away from it. */
static void
note_step(struct router *r, const struct commit *m, const struct step *s, const struct order *o)
{
    struct order by = *o;

    if (s->act == ACT_ETA)
        return;
    by.courier = m->courier == NULL ? o->courier : m->courier->number;
    note_order(r, &by, "order_step", "act", act_name(s->act));
}

static void
apply_step(struct router *r, const struct commit *m, const struct step *s)
{
    struct order *o = order_find(r, s->order);
    struct courier *c = m->courier;
    enum lc_err err = LC_OK;

    if (o == NULL)
        return;
    note_step(r, m, s, o);
    apply_state(r, m, s, o);
    switch (s->act) {
    case ACT_UNASSIGN:
        err = apply_unassign(r, m, o);
        break;
    case ACT_PICKUP:
        err = plan_picked_up(r->plan, o->id);
        courier_moved(r, c, o->task.pickup, r->now_ms);
        break;
    case ACT_ARRIVE_PICKUP:
        courier_moved(r, c, o->task.pickup, r->now_ms);
        break;
    case ACT_ARRIVE_DROPOFF:
        courier_moved(r, c, o->task.dropoff, r->now_ms);
        break;
    case ACT_RETURNING:
        err = plan_turn_back(r->plan, o->id);
        break;
    case ACT_DELIVER:
        courier_moved(r, c, o->task.dropoff, r->now_ms);
        order_ended(r, o);
        break;
    case ACT_RETURNED:
        courier_moved(r, c, o->task.pickup, r->now_ms);
        order_ended(r, o);
        break;
    case ACT_ASSIGN:
    case ACT_CONFIRM:
    case ACT_ENROUTE_PICKUP:
    case ACT_ENROUTE_DROPOFF:
    case ACT_ETA:
        break;
    }
    if (err == LC_ENOTFOUND && c != NULL && !c->planned)
        return; /* a broken shift or route kept it out of the plan; its reports still count */
    if (err != LC_OK)
        router_rebuild(r, "plan");
}

void
commit_apply(struct router *r, struct commit *m)
{
    struct courier *c = m->courier;

    r->tally[T_COMMITS]++;
    r->look = true;
    if (m->has_route) {
        route_free(&c->route);
        c->route = m->route;
        m->route = (struct route){.n = 0};
        c->route_version++;
        if (m->offers)
            c->offer_version = c->route_version;
    }
    if (m->has_shift) {
        c->shift = m->shift;
        c->shift_version++;
        courier_update(r, c);
        if (!c->shift.on)
            courier_gone(r, c);
    }
    for (size_t i = 0; i < m->n_steps && !r->rebuild; i++)
        apply_step(r, m, &m->steps[i]);
    if (c != NULL && !r->rebuild)
        courier_fix(r, c);
}
