/* When work is offered, and how it comes back. An order is offered when its courier would have to
 * drive off soon; until then the plan is free to give it to somebody else. */
#include "router/core.h"

#include <stdio.h>
#include <stdlib.h>

enum { ETAS_MAX = 64, SILENT_OFFERS = 2 };

/* ---- back to the pool ---- */

static bool
to_give(const struct order *o, const struct halt *h, enum give_kind what)
{
    if (h->kind != PLAN_PICKUP || o == NULL || !state_unstarted(o->state))
        return false;
    if (what == GIVE_OFFERED)
        return !h->accepted;
    return what == GIVE_UNSTARTED ||
           (o->state != STATE(ENROUTE_TO_PICKUP) && o->state != STATE(ARRIVED_AT_PICKUP));
}

size_t
give_back(struct router *r, struct commit *m, enum give_kind what, Lifecircle__V1__Reason reason)
{
    const struct route *route = &m->courier->route;
    size_t n = 0;

    for (size_t k = 0; k < route->n; k++) {
        const struct halt *h = &route->halts[k];
        if (!to_give(order_find(r, h->order), h, what))
            continue;
        if (!commit_route(r, m) || commit_step(r, m, h->order, ACT_UNASSIGN, reason) == NULL)
            return n;
        route_drop(&m->route, h->order);
        n++;
    }
    m->ban_until_ms = r->now_ms + r->set.ban_ms;
    return n;
}

/* Orders that have ended, or were never ours to keep on the route. */
static bool
stray(struct router *r, const struct courier *c, size_t k)
{
    const struct order *o = order_find(r, c->route.halts[k].order);

    return o == NULL || o->courier != c->number;
}

void
trim_start(struct router *r, struct courier *c)
{
    size_t strays = 0;

    for (size_t k = 0; k < c->route.n; k++)
        strays += stray(r, c, k);
    if (strays == 0 || !courier_free_to_act(c))
        return; /* the next tick looks again */
    struct commit *m = commit_new(r, c);
    if (m == NULL || !commit_route(r, m))
        return;
    for (size_t k = c->route.n; k-- > 0;)
        if (stray(r, c, k))
            route_drop_halt(&m->route, k);
}

static void
expire(struct router *r, struct courier *c)
{
    struct commit *m = commit_new(r, c);

    if (m == NULL)
        return;
    size_t n = give_back(r, m, GIVE_OFFERED, REASON(COURIER_SILENT));
    if (n == 0 || ++c->silent_offers < SILENT_OFFERS)
        return;
    c->silent_offers = 0;
    c->rest_until_ms = r->now_ms + r->set.rest_ms;
}

/* ---- offering ---- */

int64_t
offer_ms(const struct router *r, const struct plan_stop *s)
{
    return s->start_ms - 1000 * (int64_t)s->leg_s - r->set.offer_lead_ms;
}

static bool
due(struct router *r, const struct plan_stop *s, int64_t ahead_ms)
{
    if (s->kind != PLAN_PICKUP || s->locked || offer_ms(r, s) > r->now_ms + ahead_ms)
        return false;
    const struct order *o = order_find(r, s->order);
    return o != NULL && o->state == STATE(PLACED) && o->courier == 0;
}

static struct halt
new_halt(struct router *r, const struct plan_stop *s)
{
    const struct order *o = order_find(r, s->order);

    return (struct halt){
        .kind = s->kind,
        .order = s->order,
        .store = o->store,
        .at = s->at,
        .eta_ms = s->arrive_ms,
        .ready_ms = s->kind == PLAN_PICKUP ? o->task.ready_ms : 0,
        .window_end_ms = s->kind == PLAN_DROPOFF ? o->task.promise_ms : 0,
    };
}

static const struct halt *
known_halt(const struct courier *c, const struct plan_stop *s)
{
    for (size_t k = 0; k < c->route.n; k++)
        if (c->route.halts[k].kind == s->kind && uuid_eq(c->route.halts[k].order, s->order))
            return &c->route.halts[k];
    return NULL;
}

bool
route_as_planned(struct router *r, struct commit *m, const struct plan_stop *stops, size_t n)
{
    struct courier *c = m->courier;
    struct route *route = &m->route;

    route->halts = calloc(n + 1, sizeof *route->halts);
    if (route->halts == NULL) {
        router_rebuild(r, "memory");
        return false;
    }
    m->has_route = true;
    for (size_t i = 0; i < n; i++) {
        const struct halt *known = known_halt(c, &stops[i]);
        bool offered = false;
        for (size_t k = 0; k < m->n_steps; k++)
            offered = offered || uuid_eq(m->steps[k].order, stops[i].order);
        if (known != NULL)
            route->halts[route->n++] = *known;
        else if (offered)
            route->halts[route->n++] = new_halt(r, &stops[i]);
    }
    if (route->n == c->route.n + 2 * m->n_steps)
        return true;
    router_rebuild(r, "plan_and_route_differ");
    return false;
}

static void
offer(struct router *r, struct courier *c, const struct plan_stop *stops, size_t n)
{
    struct commit *m = commit_new(r, c);

    if (m == NULL)
        return;
    for (size_t i = 0; i < n && !r->rebuild; i++) {
        struct plan_placement at;
        if (!due(r, &stops[i], r->set.bundle_ms))
            continue;
        struct step *s = commit_step(r, m, stops[i].order, ACT_ASSIGN, REASON(REASON_NONE));
        if (s == NULL)
            return;
        if (plan_find(r->plan, stops[i].order, &at) != LC_OK ||
            plan_lock(r->plan, stops[i].order) != LC_OK)
            router_rebuild(r, "plan");
        s->live_eta_ms = at.dropoff_ms;
        why_offered(r, c, &stops[i], !due(r, &stops[i], 0), s);
    }
    m->offers = true;
    m->route.offer_expires_ms = r->now_ms + r->set.offer_ttl_ms;
    route_as_planned(r, m, stops, n);
}

static void
consider(struct router *r, struct courier *c)
{
    size_t n;

    if (courier_has_offer(c)) {
        if (c->route.offer_expires_ms <= r->now_ms)
            expire(r, c);
        return;
    }
    if (!c->open || !c->planned)
        return;
    const struct plan_stop *stops = courier_schedule(r, c, &n);
    for (size_t i = 0; i < n; i++)
        if (due(r, &stops[i], 0)) {
            offer(r, c, stops, n);
            return;
        }
}

void
offers_tick(struct router *r)
{
    for (struct courier *c = r->couriers; c != NULL && !r->rebuild; c = c->hh.next) {
        trim_start(r, c);
        courier_shut_out(r, c);
        rulings_enforce(r, c);
        if (courier_free_to_act(c))
            consider(r, c);
    }
}

/* ---- ETAs ---- */

static void
tell_eta(struct router *r, struct order *o, int64_t eta_ms)
{
    struct commit *m = commit_new(r, NULL);
    struct step *s = m == NULL ? NULL : commit_step(r, m, o->id, ACT_ETA, REASON(REASON_NONE));

    if (s == NULL)
        return;
    s->live_eta_ms = eta_ms;
    o->live_eta_ms = eta_ms;
}

void
etas_tick(struct router *r)
{
    size_t told = 0;

    for (struct courier *c = r->couriers; c != NULL && !r->rebuild; c = c->hh.next) {
        size_t n = 0;
        if (c->route.n == 0 || !courier_free_to_act(c))
            continue;
        const struct plan_stop *stops = courier_schedule(r, c, &n);
        for (size_t i = 0; i < n && told < ETAS_MAX; i++) {
            struct order *o = order_find(r, stops[i].order);
            if (stops[i].kind != PLAN_DROPOFF || o == NULL || o->courier != c->number ||
                llabs(stops[i].arrive_ms - o->live_eta_ms) <= r->set.eta_change_ms)
                continue;
            tell_eta(r, o, stops[i].arrive_ms);
            told++;
        }
    }
}
