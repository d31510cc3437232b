/* rider_wire: what phones say and hear, as JSON or as protobuf. */
#include "world.h"

#include "base/json_out.h"
#include "base/record.h"

#include <jansson.h>

#define REPORT(x) LIFECIRCLE__V1__REPORT_KIND__##x
#define OUTCOME(x) LIFECIRCLE__V1__COURIER_REPLY__OUTCOME__##x
#define STOP(x) LIFECIRCLE__V1__STOP__KIND__##x

static const char *const report_names[] = {
    [REPORT(SIGN_ON)] = "sign_on",
    [REPORT(SIGN_OFF)] = "sign_off",
    [REPORT(ACCEPT)] = "accept",
    [REPORT(DECLINE)] = "decline",
    [REPORT(ENROUTE)] = "enroute",
    [REPORT(ARRIVED)] = "arrived",
    [REPORT(PICKED)] = "picked_up",
    [REPORT(DELIVER)] = "delivered",
    [REPORT(UNDELIVERABLE)] = "undeliverable",
    [REPORT(BROUGHT_BACK)] = "brought_back",
    [REPORT(PROBLEM)] = "problem",
};

static const struct {
    const char *name;
    Lifecircle__V1__CourierReply__Outcome outcome;
} outcomes[] = {
    {"done", OUTCOME(DONE)},
    {"already", OUTCOME(ALREADY)},
    {"stale_version", OUTCOME(STALE_VERSION)},
    {"wrong_pin", OUTCOME(WRONG_PIN)},
    {"not_yours", OUTCOME(NOT_YOURS)},
    {"not_now", OUTCOME(NOT_NOW)},
    {"invalid", OUTCOME(INVALID)},
    {"unavailable", OUTCOME(UNAVAILABLE_NOW)},
    {"too_many_tries", OUTCOME(TOO_MANY_TRIES)},
};

/* ---- saying ---- */

static void
say_packed(struct sim *s, const struct phone *p, const Lifecircle__V1__CourierSocket *m)
{
    uint8_t packed[1024];
    size_t n = lifecircle__v1__courier_socket__get_packed_size(m);

    if (n > sizeof packed) {
        sim_fail(s, "a phone's message of %zu bytes", n);
        return;
    }
    lifecircle__v1__courier_socket__pack(m, packed);
    sim_say(s, p->conn, false, slice_of((char *)packed, n));
}

static void
say_json(struct sim *s, const struct phone *p, struct buf *b)
{
    sim_say(s, p->conn, true, buf_slice(b));
    buf_free(b);
}

void
rider_hello(struct sim *s, const struct phone *p)
{
    Lifecircle__V1__CourierSocket m = LIFECIRCLE__V1__COURIER_SOCKET__INIT;
    Lifecircle__V1__CourierHello hello = LIFECIRCLE__V1__COURIER_HELLO__INIT;
    struct buf b = {0};

    if (p->protobuf) {
        hello.last_version = p->seen;
        m.body_case = LIFECIRCLE__V1__COURIER_SOCKET__BODY_HELLO;
        m.hello = &hello;
        say_packed(s, p, &m);
        return;
    }
    buf_printf(&b, "{\"type\":\"hello\",\"last_version\":%u}", p->seen);
    say_json(s, p, &b);
}

void
rider_position(struct sim *s, const struct phone *p)
{
    Lifecircle__V1__CourierSocket m = LIFECIRCLE__V1__COURIER_SOCKET__INIT;
    Lifecircle__V1__CourierPosition position = LIFECIRCLE__V1__COURIER_POSITION__INIT;
    Lifecircle__V1__Point at = LIFECIRCLE__V1__POINT__INIT;
    struct buf b = {0};

    if (p->protobuf) {
        at.lat_e7 = p->at.lat_e7;
        at.lng_e7 = p->at.lng_e7;
        position.at = &at;
        m.body_case = LIFECIRCLE__V1__COURIER_SOCKET__BODY_POSITION;
        m.position = &position;
        say_packed(s, p, &m);
        return;
    }
    buf_printf(&b, "{\"type\":\"position\",\"lat\":%.7f,\"lng\":%.7f}", p->at.lat_e7 / 1e7,
               p->at.lng_e7 / 1e7);
    say_json(s, p, &b);
}

enum { SHIFT_MS = 5 * 3600 * 1000 };

static void
report_packed(struct sim *s, const struct phone *p)
{
    const struct action *a = &p->action;
    Lifecircle__V1__CourierSocket m = LIFECIRCLE__V1__COURIER_SOCKET__INIT;
    Lifecircle__V1__CourierReport r = LIFECIRCLE__V1__COURIER_REPORT__INIT;
    Lifecircle__V1__Shift shift = LIFECIRCLE__V1__SHIFT__INIT;
    Lifecircle__V1__Point at = LIFECIRCLE__V1__POINT__INIT;

    r.kind = a->kind;
    r.action_id = (char *)(uintptr_t)a->id;
    r.order_id = (char *)(uintptr_t)a->order;
    r.pin = (char *)(uintptr_t)a->pin;
    r.reason = a->reason;
    r.route_version = a->version;
    if (a->kind == REPORT(SIGN_ON)) {
        at.lat_e7 = p->at.lat_e7;
        at.lng_e7 = p->at.lng_e7;
        shift.vehicle = (Lifecircle__V1__Vehicle)(p->index % 5);
        shift.capacity_items = 8 + p->index * 3;
        shift.end_ms = s->start_ms + SHIFT_MS;
        shift.at = &at;
        r.shift = &shift;
    }
    m.body_case = LIFECIRCLE__V1__COURIER_SOCKET__BODY_REPORT;
    m.report = &r;
    say_packed(s, p, &m);
}

void
rider_report(struct sim *s, const struct phone *p)
{
    static const char *const vehicles[] = {"foot", "bicycle", "e-bike", "scooter", "car"};
    const struct action *a = &p->action;
    struct buf b = {0};

    if (p->protobuf) {
        report_packed(s, p);
        return;
    }
    struct json_out w = json_out_to(&b);
    json_out_object(&w, NULL);
    json_out_cstr(&w, "type", report_names[a->kind]);
    json_out_cstr(&w, "id", a->id);
    if (a->version != 0)
        json_out_uint(&w, "version", a->version);
    if (a->order[0] != '\0')
        json_out_cstr(&w, "order_id", a->order);
    if (a->pin[0] != '\0')
        json_out_cstr(&w, "pin", a->pin);
    if (a->reason != 0)
        json_out_cstr(&w, "reason", record_reason_name(a->reason));
    if (a->kind == REPORT(SIGN_ON)) {
        json_out_cstr(&w, "vehicle", vehicles[p->index % 5]);
        json_out_int(&w, "capacity_items", 8 + (int)p->index * 3);
        json_out_time(&w, "shift_end", s->start_ms + SHIFT_MS);
        json_out_e7(&w, "lat", p->at.lat_e7);
        json_out_e7(&w, "lng", p->at.lng_e7);
    }
    json_out_end(&w);
    say_json(s, p, &b);
}

/* ---- hearing ---- */

static void
keep(char *to, size_t size, const char *from)
{
    snprintf(to, size, "%s", from == NULL ? "" : from);
}

static void
hear_route_packed(const Lifecircle__V1__CourierRoute *r, struct heard *out)
{
    out->kind = HEARD_ROUTE;
    out->version = r->version;
    out->offered = r->offer_expires_ms != 0;
    for (size_t i = 0; i < r->n_stops && !out->has_stop; i++) {
        const Lifecircle__V1__Stop *stop = r->stops[i]->stop;
        if (!stop->accepted)
            continue;
        out->has_stop = true;
        out->stop_kind = stop->kind;
        out->stop_arrived = stop->arrived;
        keep(out->stop_order, sizeof out->stop_order, stop->order_id);
    }
}

static void
hear_packed(struct sim *s, const struct phone *p, struct slice bytes, struct heard *out)
{
    Lifecircle__V1__CourierSocket *m =
        lifecircle__v1__courier_socket__unpack(NULL, bytes.n, (const uint8_t *)bytes.p);

    if (m == NULL) {
        sim_fail(s, "courier %u: not a CourierSocket", p->courier);
        return;
    }
    if (m->body_case == LIFECIRCLE__V1__COURIER_SOCKET__BODY_WELCOME) {
        out->kind = HEARD_WELCOME;
        out->on_shift = m->welcome->on_shift;
    } else if (m->body_case == LIFECIRCLE__V1__COURIER_SOCKET__BODY_ROUTE) {
        hear_route_packed(m->route, out);
    } else if (m->body_case == LIFECIRCLE__V1__COURIER_SOCKET__BODY_REPLY) {
        out->kind = HEARD_DONE;
        out->outcome = m->reply->outcome;
        keep(out->action_id, sizeof out->action_id, m->reply->action_id);
    } else {
        sim_fail(s, "courier %u: trouble: %s", p->courier,
                 m->body_case == LIFECIRCLE__V1__COURIER_SOCKET__BODY_TROUBLE ? m->trouble->code
                                                                              : "unknown");
    }
    lifecircle__v1__courier_socket__free_unpacked(m, NULL);
}

static void
hear_route_json(const json_t *j, struct heard *out)
{
    const json_t *stops = json_object_get(j, "stops");

    out->kind = HEARD_ROUTE;
    out->version = (uint32_t)json_integer_value(json_object_get(j, "version"));
    out->offered = json_is_string(json_object_get(j, "offer_expires_at"));
    for (size_t i = 0; i < json_array_size(stops) && !out->has_stop; i++) {
        const json_t *stop = json_array_get(stops, i);
        const char *kind = json_string_value(json_object_get(stop, "kind"));
        if (!json_is_true(json_object_get(stop, "accepted")) || kind == NULL)
            continue;
        out->has_stop = true;
        out->stop_kind = strcmp(kind, "pickup") == 0    ? STOP(PICKUP)
                         : strcmp(kind, "dropoff") == 0 ? STOP(DROPOFF)
                                                        : STOP(RETURN);
        out->stop_arrived = json_is_true(json_object_get(stop, "arrived"));
        keep(out->stop_order, sizeof out->stop_order,
             json_string_value(json_object_get(stop, "order_id")));
    }
}

static void
hear_json(struct sim *s, const struct phone *p, struct slice text, struct heard *out)
{
    json_t *j = json_loadb(text.p, text.n, 0, NULL);
    const char *type = json_string_value(json_object_get(j, "type"));
    const char *outcome = json_string_value(json_object_get(j, "outcome"));

    if (type != NULL && strcmp(type, "welcome") == 0) {
        out->kind = HEARD_WELCOME;
        out->on_shift = json_is_true(json_object_get(j, "on_shift"));
    } else if (type != NULL && strcmp(type, "route") == 0) {
        hear_route_json(j, out);
    } else if (type != NULL && strcmp(type, "done") == 0) {
        out->kind = HEARD_DONE;
        keep(out->action_id, sizeof out->action_id, json_string_value(json_object_get(j, "id")));
        for (size_t i = 0; outcome != NULL && i < sizeof outcomes / sizeof *outcomes; i++)
            if (strcmp(outcomes[i].name, outcome) == 0)
                out->outcome = outcomes[i].outcome;
    } else {
        sim_fail(s, "courier %u: %.*s", p->courier, (int)text.n, text.p);
    }
    json_decref(j);
}

void
rider_hear(struct sim *s, const struct phone *p, const struct answer *a, struct heard *out)
{
    memset(out, 0, sizeof *out);
    if (a->text == p->protobuf)
        sim_fail(s, "courier %u: a %s message under the other subprotocol", p->courier,
                 a->text ? "text" : "binary");
    else if (p->protobuf)
        hear_packed(s, p, a->bytes, out);
    else
        hear_json(s, p, a->bytes, out);
    if (out->kind == HEARD_DONE &&
        (out->outcome == OUTCOME(OUTCOME_NONE) || out->outcome == OUTCOME(INVALID)))
        sim_fail(s, "courier %u: %s of order %s answered %d", p->courier,
                 report_names[p->action.kind], p->action.order, (int)out->outcome);
}
