/* Couriers: their life on shift, and what the plan knows of them. */
#include "router/core.h"

#include <stdlib.h>

enum { SEEN_LAT_MAX_E7 = 850000000 };

struct courier *
courier_find(struct router *r, uint32_t number)
{
    struct courier *c;

    HASH_FIND(hh, r->couriers, &number, sizeof number, c);
    return c;
}

struct courier *
courier_get(struct router *r, uint32_t number)
{
    bool map_failed = false;
    struct courier *c = courier_find(r, number);

    if (c != NULL)
        return c;
    c = calloc(1, sizeof *c);
    if (c != NULL) {
        c->number = number;
        c->queue_end = &c->queue;
        c->heard_ms = r->now_ms;
        HASH_ADD(hh, r->couriers, number, sizeof c->number, c);
    }
    if (c == NULL || map_failed) {
        free(c);
        router_rebuild(r, "memory");
        return NULL;
    }
    return c;
}

void
courier_free(struct router *r, struct courier *c)
{
    ride_forget(r, c);
    HASH_DEL(r->couriers, c);
    while (c->queue != NULL) {
        struct report *rep = c->queue;
        c->queue = rep->next;
        free(rep);
    }
    route_free(&c->route);
    free(c->doubt.list);
    free(c);
}

bool
courier_free_to_act(const struct courier *c)
{
    return c->commit == NULL && !c->reading && !c->asking;
}

bool
courier_has_offer(const struct courier *c)
{
    for (size_t k = 0; k < c->route.n; k++)
        if (!c->route.halts[k].accepted)
            return true;
    return false;
}

bool
courier_has_unstarted(struct router *r, const struct courier *c)
{
    for (size_t k = 0; k < c->route.n; k++) {
        const struct order *o = order_find(r, c->route.halts[k].order);
        if (o != NULL && state_unstarted(o->state))
            return true;
    }
    return false;
}

/* ---- the plan's courier ---- */

bool
courier_revoked(const struct router *r, const struct courier *c)
{
    const Lifecircle__V1__Courier *person = catalogue_courier(r->catalogue, c->number);

    return person != NULL && person->revoked;
}

static bool
takes_orders(const struct router *r, const struct courier *c)
{
    return c->shift.on && !courier_revoked(r, c) && r->now_ms < c->shift.end_ms && !c->vanished &&
           r->now_ms >= c->rest_until_ms;
}

void
courier_update(struct router *r, struct courier *c)
{
    const Lifecircle__V1__Courier *person = catalogue_courier(r->catalogue, c->number);

    if (c->shift_version == 0)
        return;
    if (c->at_ms == 0) {
        c->at = c->shift.at;
        c->at_ms = r->now_ms;
    }
    struct plan_courier p = {
        .courier = c->number,
        .mode = (enum travel_mode)c->shift.vehicle, /* the same numbers */
        .capacity = c->shift.capacity,
        .shift_end_ms = c->shift.end_ms,
        .adult_trained = person != NULL && person->adult_trained,
        .cold_box = c->shift.cold_box,
        .open = takes_orders(r, c),
        .frozen = c->frozen,
        .at = c->at,
        .at_ms = c->at_ms,
    };
    enum lc_err err = plan_courier_put(r->plan, &p);
    if (err == LC_EINVAL)
        outbox_note(r->out, "router_broken_record", "hash=shifts courier=%u", c->number);
    else if (err != LC_OK)
        router_rebuild(r, "plan");
    c->planned = err == LC_OK;
    c->open = p.open;
}

/* Only when it differs: putting a courier makes the plan think again about its free orders. */
static void
refresh_open(struct router *r, struct courier *c)
{
    bool open = takes_orders(r, c);

    if (!c->planned || open == c->open)
        return;
    c->open = open;
    r->look = true;
    if (plan_courier_open(r->plan, c->number, open) != LC_OK)
        router_rebuild(r, "plan");
}

static bool
driving_to(const struct order *o, const struct halt *h)
{
    switch (h->kind) {
    case PLAN_PICKUP:
        return o->state == STATE(ENROUTE_TO_PICKUP) || o->state == STATE(ARRIVED_AT_PICKUP);
    case PLAN_DROPOFF:
        return o->state == STATE(ENROUTE_TO_DROPOFF) || o->state == STATE(ARRIVED_AT_DROPOFF);
    case PLAN_RETURN:
        return o->state == STATE(RETURNING);
    }
    return false;
}

void
courier_fix(struct router *r, struct courier *c)
{
    const struct halt *h = c->route.n > 0 ? &c->route.halts[0] : NULL;
    const struct order *o = h == NULL ? NULL : order_find(r, h->order);
    enum lc_err err;

    if (!c->planned)
        return;
    if (o == NULL || !h->accepted || !driving_to(o, h)) {
        c->arrived_ms = 0;
        err = plan_courier_fix(r->plan, c->number, 0, 0);
    } else {
        if (h->arrived && c->arrived_ms == 0)
            c->arrived_ms = r->now_ms;
        err = plan_front(r->plan, h->order);
        if (err == LC_OK)
            err = plan_courier_fix(r->plan, c->number, 1, h->arrived ? c->arrived_ms : 0);
    }
    if (err != LC_OK)
        router_rebuild(r, "plan");
}

/* Does the order's record agree with being on this route, at this kind of stop? */
static bool
belongs(const struct courier *c, const struct order *o, enum plan_stop_kind kind)
{
    if (o == NULL || o->courier != c->number)
        return false;
    if (kind == PLAN_PICKUP)
        return state_unstarted(o->state);
    return kind == PLAN_RETURN ? o->state == STATE(RETURNING) : o->state != STATE(RETURNING);
}

void
courier_adopt(struct router *r, struct courier *c)
{
    struct plan_restore_stop *stops = arena_array(r->arena, c->route.n + 1, sizeof *stops);
    size_t n = 0;
    bool trim = false;

    if (stops == NULL) {
        router_rebuild(r, "memory");
        return;
    }
    courier_update(r, c);
    if (!c->planned)
        return;
    for (size_t k = 0; k < c->route.n; k++) {
        const struct halt *h = &c->route.halts[k];
        const struct order *o = order_find(r, h->order);
        if (belongs(c, o, h->kind))
            stops[n++] = (struct plan_restore_stop){&o->task, h->kind};
        else
            trim = true;
    }
    enum lc_err err = plan_restore(r->plan, c->number, stops, n);
    if (err == LC_ENOMEM)
        router_rebuild(r, "memory");
    else if (err != LC_OK)
        outbox_note(r->out, "router_broken_route", "courier=%u version=%u", c->number,
                    c->route_version);
    if (err != LC_OK)
        return;
    courier_fix(r, c);
    if (trim)
        trim_start(r, c);
}

const struct plan_stop *
courier_schedule(struct router *r, const struct courier *c, size_t *n)
{
    struct plan_stop *stops;

    *n = plan_schedule(r->plan, c->number, NULL, 0);
    stops = arena_array(r->arena, *n + 1, sizeof *stops);
    if (stops == NULL) {
        router_rebuild(r, "memory");
        *n = 0;
        return NULL;
    }
    plan_schedule(r->plan, c->number, stops, *n);
    return stops;
}

/* ---- signs of life ---- */

void
courier_heard(struct router *r, struct courier *c)
{
    c->heard_ms = r->now_ms;
    c->vanished = false;
    refresh_open(r, c);
}

void
courier_moved(struct router *r, struct courier *c, struct latlng at, int64_t at_ms)
{
    if (at_ms < c->at_ms || !geo_valid(at))
        return;
    c->at = at;
    c->at_ms = at_ms;
    c->came_ms = r->now_ms;
    /* Redis has no places beyond, and would refuse everybody's together with this one */
    c->moved = c->shift.on && at.lat_e7 <= SEEN_LAT_MAX_E7 && at.lat_e7 >= -SEEN_LAT_MAX_E7;
    if (c->planned && plan_courier_move(r->plan, c->number, at, at_ms) != LC_OK)
        router_rebuild(r, "plan");
}

void
positions_take(struct router *r, const Lifecircle__V1__CourierPositions *m)
{
    if (r->phase != PHASE_ACTIVE)
        return;
    for (size_t i = 0; i < m->n_positions && !r->rebuild; i++) {
        const Lifecircle__V1__CourierPosition *p = m->positions[i];
        struct courier *c = courier_find(r, p->courier);
        if (c == NULL || p->at == NULL)
            continue;
        bool future = p->time_ms <= 0 || p->time_ms > r->now_ms; /* a phone's clock is its own */
        struct latlng at = {p->at->lat_e7, p->at->lng_e7};
        int64_t at_ms = future ? r->now_ms : p->time_ms;
        courier_heard(r, c);
        if (at_ms >= c->at_ms && geo_valid(at))
            ride_moved(r, c, at, at_ms);
        courier_moved(r, c, at, at_ms);
    }
}

void
courier_gone(struct router *r, struct courier *c)
{
    struct slice argv[] = {SLICE_LIT("FCALL"), SLICE_LIT("courier_gone"), SLICE_LIT("1"),
                           slice_str(key_of(r, "")), text_of(r, c->number)};

    c->moved = c->shown = false; /* what came a moment ago is not written behind it */
    outbox_redis(r->out, 0, argv, sizeof argv / sizeof *argv);
}

static void
check_life(struct router *r, struct courier *c)
{
    if (!c->vanished && r->now_ms - c->heard_ms > r->set.vanish_ms) {
        c->vanished = true;
        r->tally[T_VANISHED] += courier_has_unstarted(r, c);
        if (c->route.n > 0) /* an idle one is only not counted on */
            outbox_note(r->out, "courier_vanished", "courier=%u stops=%zu", c->number, c->route.n);
        courier_gone(r, c);
    }
    if (c->shown && r->now_ms - c->came_ms > r->set.position_ms)
        courier_gone(r, c);
    refresh_open(r, c);
    if (!c->vanished || !courier_free_to_act(c) || !courier_has_unstarted(r, c))
        return;
    struct commit *m = commit_new(r, c);
    if (m != NULL)
        give_back(r, m, GIVE_UNSTARTED, REASON(COURIER_VANISHED));
}

/* What it is not driving to yet goes back at the end of the shift; the rest it finishes, and then
 * it is off. */
static void
check_shift(struct router *r, struct courier *c)
{
    struct commit *m;

    if (r->now_ms < c->shift.end_ms || !courier_free_to_act(c))
        return;
    m = commit_new(r, c);
    if (m == NULL || give_back(r, m, GIVE_NOT_DRIVING, REASON(COURIER_OFF_SHIFT)) > 0)
        return;
    if (c->route.n > 0) {
        commit_drop(r, m);
        return;
    }
    m->has_shift = true;
    m->shift = c->shift;
    m->shift.on = false;
}

/* Who is let in no more can neither accept nor pick up: what waits for that goes back at once. */
void
courier_shut_out(struct router *r, struct courier *c)
{
    if (!c->shift.on || !courier_revoked(r, c))
        return;
    refresh_open(r, c);
    if (!courier_free_to_act(c))
        return; /* the next look comes soon */
    struct commit *m = commit_new(r, c);
    if (m == NULL)
        return;
    size_t n = give_back(r, m, GIVE_UNSTARTED, REASON(COURIER_OFF_SHIFT));
    m->has_shift = true;
    m->shift = c->shift;
    m->shift.on = false;
    outbox_note(r->out, "courier_revoked", "courier=%u given_back=%zu", c->number, n);
}

void
couriers_tick(struct router *r)
{
    for (struct courier *c = r->couriers; c != NULL && !r->rebuild; c = c->hh.next)
        if (c->shift.on) {
            check_life(r, c);
            check_shift(r, c);
        }
}

void
couriers_write_seen(struct router *r)
{
    enum { MOST = 1000 };
    struct slice *argv = arena_array(r->arena, 3 * MOST + 6, sizeof *argv);
    size_t n = 0, argc = 6;

    if (argv == NULL) {
        router_rebuild(r, "memory");
        return;
    }
    for (struct courier *c = r->couriers; c != NULL && n < MOST; c = c->hh.next) {
        if (!c->moved)
            continue;
        argv[argc++] = text_of(r, c->number);
        argv[argc++] = slice_str(arena_printf(r->arena, "%.7f", c->at.lat_e7 / 1e7));
        argv[argc++] = slice_str(arena_printf(r->arena, "%.7f", c->at.lng_e7 / 1e7));
        c->moved = false;
        c->shown = true;
        n++;
    }
    if (n == 0)
        return;
    argv[0] = SLICE_LIT("FCALL");
    argv[1] = SLICE_LIT("courier_seen");
    argv[2] = SLICE_LIT("1");
    argv[3] = slice_str(key_of(r, ""));
    argv[4] = text_of(r, r->now_ms);
    argv[5] = text_of(r, (int64_t)n);
    outbox_redis(r->out, 0, argv, argc);
}
