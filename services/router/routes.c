/* Routes and shifts as they are written. */
#include "router/core.h"

#include <stdlib.h>

void
route_free(struct route *route)
{
    free(route->halts);
    *route = (struct route){.n = 0};
}

bool
route_copy(struct route *to, const struct route *from)
{
    *to = (struct route){.n = from->n, .offer_expires_ms = from->offer_expires_ms};
    if (from->n == 0)
        return true;
    to->halts = malloc(from->n * sizeof *to->halts);
    if (to->halts == NULL)
        return false;
    memcpy(to->halts, from->halts, from->n * sizeof *to->halts);
    return true;
}

/* Without offered stops nothing is offered. */
static void
settle_offer(struct route *route)
{
    for (size_t k = 0; k < route->n; k++)
        if (!route->halts[k].accepted)
            return;
    route->offer_expires_ms = 0;
}

void
route_drop_halt(struct route *route, size_t at)
{
    memmove(route->halts + at, route->halts + at + 1, (route->n - at - 1) * sizeof *route->halts);
    route->n--;
    settle_offer(route);
}

void
route_drop(struct route *route, struct uuid order)
{
    for (size_t k = route->n; k-- > 0;)
        if (uuid_eq(route->halts[k].order, order))
            route_drop_halt(route, k);
}

bool
route_has(const struct route *route, struct uuid order)
{
    for (size_t k = 0; k < route->n; k++)
        if (uuid_eq(route->halts[k].order, order))
            return true;
    return false;
}

struct halt *
route_next(struct route *route, struct uuid order)
{
    for (size_t k = 0; k < route->n; k++)
        if (uuid_eq(route->halts[k].order, order))
            return &route->halts[k];
    return NULL;
}

struct halt *
route_to_front(struct route *route, struct uuid order)
{
    struct halt *h = route_next(route, order);

    if (h == NULL)
        return NULL;
    struct halt first = *h;
    memmove(route->halts + 1, route->halts, (size_t)(h - route->halts) * sizeof *h);
    route->halts[0] = first;
    return route->halts;
}

void
route_estimate(struct router *r, struct courier *c, struct route *route)
{
    size_t n;
    const struct plan_stop *stops = courier_schedule(r, c, &n);

    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < route->n; k++)
            if (route->halts[k].kind == stops[i].kind &&
                uuid_eq(route->halts[k].order, stops[i].order))
                route->halts[k].eta_ms = stops[i].arrive_ms;
}

static struct slice
pack(struct router *r, const ProtobufCMessage *m)
{
    size_t n = protobuf_c_message_get_packed_size(m);
    uint8_t *p = arena_alloc(r->arena, n);

    if (p == NULL) {
        router_rebuild(r, "memory");
        return (struct slice){NULL, 0};
    }
    protobuf_c_message_pack(m, p);
    return slice_of((const char *)p, n);
}

struct slice
route_pack(struct router *r, const struct courier *c, const struct route *route)
{
    enum { STOP_KINDS = PLAN_RETURN + 1 };
    static const Lifecircle__V1__Stop__Kind kind[STOP_KINDS] = {
        [PLAN_PICKUP] = LIFECIRCLE__V1__STOP__KIND__PICKUP,
        [PLAN_DROPOFF] = LIFECIRCLE__V1__STOP__KIND__DROPOFF,
        [PLAN_RETURN] = LIFECIRCLE__V1__STOP__KIND__RETURN,
    };
    struct packed_stop {
        Lifecircle__V1__Stop stop;
        Lifecircle__V1__Point at;
        char id[UUID_TEXT];
    } *s = arena_array(r->arena, route->n + 1, sizeof *s);
    Lifecircle__V1__Stop **list = arena_array(r->arena, route->n + 1, sizeof *list);
    Lifecircle__V1__Route m = LIFECIRCLE__V1__ROUTE__INIT;

    if (s == NULL || list == NULL) {
        router_rebuild(r, "memory");
        return (struct slice){NULL, 0};
    }
    for (size_t k = 0; k < route->n; k++) {
        const struct halt *h = &route->halts[k];
        lifecircle__v1__stop__init(&s[k].stop);
        lifecircle__v1__point__init(&s[k].at);
        uuid_format(h->order, s[k].id);
        s[k].at.lat_e7 = h->at.lat_e7;
        s[k].at.lng_e7 = h->at.lng_e7;
        s[k].stop.kind = kind[h->kind];
        s[k].stop.order_id = s[k].id;
        s[k].stop.store = h->store;
        s[k].stop.at = &s[k].at;
        s[k].stop.accepted = h->accepted;
        s[k].stop.arrived = h->arrived;
        s[k].stop.eta_ms = h->eta_ms;
        s[k].stop.ready_ms = h->ready_ms;
        s[k].stop.window_end_ms = h->window_end_ms;
        list[k] = &s[k].stop;
    }
    m.courier = c->number;
    m.version = c->route_version + 1;
    m.n_stops = route->n;
    m.stops = list;
    m.offer_expires_ms = route->offer_expires_ms;
    m.written_ms = r->now_ms;
    return pack(r, &m.base);
}

struct slice
shift_pack(struct router *r, const struct courier *c, const struct shift *s)
{
    Lifecircle__V1__Shift m = LIFECIRCLE__V1__SHIFT__INIT;
    Lifecircle__V1__Point at = LIFECIRCLE__V1__POINT__INIT;

    if (s->on) { /* off shift it is nobody's business where a courier is, or was */
        at.lat_e7 = s->at.lat_e7;
        at.lng_e7 = s->at.lng_e7;
    }
    m.courier = c->number;
    m.vehicle = s->vehicle;
    m.capacity_items = s->capacity.items;
    m.capacity_g = s->capacity.g;
    m.capacity_ml = s->capacity.ml;
    m.cold_box = s->cold_box;
    m.start_ms = s->start_ms;
    m.end_ms = s->end_ms;
    m.at = &at;
    m.on = s->on;
    m.version = c->shift_version + 1;
    return pack(r, &m.base);
}

/* ---- and read ---- */

static bool
versioned(struct slice bytes, uint32_t *version, struct slice *rest)
{
    if (bytes.n < 4)
        return false;
    *version = bytes_u32(bytes.p);
    *rest = slice_of(bytes.p + 4, bytes.n - 4);
    return true;
}

bool
courier_take_shift(struct router *r, struct courier *c, struct slice bytes)
{
    struct slice rest;

    if (bytes.n == 0) { /* never signed on */
        c->shift_version = 0;
        c->shift.on = false;
        return true;
    }
    if (!versioned(bytes, &c->shift_version, &rest))
        return false;
    const Lifecircle__V1__Shift *m =
        wire_unpack(&lifecircle__v1__shift__descriptor, r->arena, rest);
    if (m == NULL || m->at == NULL)
        return false;
    c->shift = (struct shift){
        .vehicle = m->vehicle,
        .capacity = {m->capacity_items, m->capacity_g, m->capacity_ml},
        .cold_box = m->cold_box,
        .on = m->on,
        .start_ms = m->start_ms,
        .end_ms = m->end_ms,
        .at = {m->at->lat_e7, m->at->lng_e7},
    };
    return true;
}

static bool
take_halt(const Lifecircle__V1__Stop *s, struct halt *h)
{
    *h = (struct halt){
        .kind = s->kind == LIFECIRCLE__V1__STOP__KIND__PICKUP    ? PLAN_PICKUP
                : s->kind == LIFECIRCLE__V1__STOP__KIND__DROPOFF ? PLAN_DROPOFF
                                                                 : PLAN_RETURN,
        .store = s->store,
        .accepted = s->accepted,
        .arrived = s->arrived,
        .eta_ms = s->eta_ms,
        .ready_ms = s->ready_ms,
        .window_end_ms = s->window_end_ms,
    };
    if (s->at == NULL || uuid_parse(slice_str(s->order_id), &h->order) != LC_OK)
        return false;
    h->at = (struct latlng){s->at->lat_e7, s->at->lng_e7};
    return true;
}

bool
courier_take_route(struct router *r, struct courier *c, struct slice bytes)
{
    struct slice rest;

    route_free(&c->route);
    if (bytes.n == 0) {
        c->route_version = 0;
        return true;
    }
    if (!versioned(bytes, &c->route_version, &rest))
        return false;
    const Lifecircle__V1__Route *m =
        wire_unpack(&lifecircle__v1__route__descriptor, r->arena, rest);
    if (m == NULL)
        return false;
    c->offer_version = c->route_version;
    c->route.offer_expires_ms = m->offer_expires_ms;
    if (m->n_stops == 0)
        return true;
    c->route.halts = calloc(m->n_stops, sizeof *c->route.halts);
    if (c->route.halts == NULL) {
        router_rebuild(r, "memory");
        return true;
    }
    for (size_t k = 0; k < m->n_stops; k++)
        if (!take_halt(m->stops[k], &c->route.halts[c->route.n++]))
            return false;
    return true;
}
