/* frames: the two subprotocols of couriers' phones. JSON is turned into the same CourierSocket that
 * protobuf phones send, so that everything behind here knows one form. docs/couriers.md is the
 * manual. */
#include "notifier/ways.h"

#include "base/json_in.h"
#include "base/json_out.h"
#include "base/utf8.h"

/* ---- in ---- */

enum said {
    SAID_HELLO = 100,
    SAID_POSITION = 101,
    SAID_SHIFT = 102,
    SAID_WAY = 103,
    SAID_GONE = 104
}; /* others are report kinds */

static const struct json_enum types[] = {
    {"hello", SAID_HELLO},
    {"position", SAID_POSITION},
    {"shift", SAID_SHIFT},
    {"way", SAID_WAY},
    {"gone", SAID_GONE},
    {"sign_on", LIFECIRCLE__V1__REPORT_KIND__SIGN_ON},
    {"sign_off", LIFECIRCLE__V1__REPORT_KIND__SIGN_OFF},
    {"accept", LIFECIRCLE__V1__REPORT_KIND__ACCEPT},
    {"decline", LIFECIRCLE__V1__REPORT_KIND__DECLINE},
    {"enroute", LIFECIRCLE__V1__REPORT_KIND__ENROUTE},
    {"arrived", LIFECIRCLE__V1__REPORT_KIND__ARRIVED},
    {"picked_up", LIFECIRCLE__V1__REPORT_KIND__PICKED},
    {"delivered", LIFECIRCLE__V1__REPORT_KIND__DELIVER},
    {"undeliverable", LIFECIRCLE__V1__REPORT_KIND__UNDELIVERABLE},
    {"brought_back", LIFECIRCLE__V1__REPORT_KIND__BROUGHT_BACK},
    {"problem", LIFECIRCLE__V1__REPORT_KIND__PROBLEM},
};

static const struct json_enum vehicles[] = {
    {"foot", LIFECIRCLE__V1__VEHICLE__FOOT},       {"bicycle", LIFECIRCLE__V1__VEHICLE__BICYCLE},
    {"e-bike", LIFECIRCLE__V1__VEHICLE__EBIKE},    {"ebike", LIFECIRCLE__V1__VEHICLE__EBIKE},
    {"scooter", LIFECIRCLE__V1__VEHICLE__SCOOTER}, {"car", LIFECIRCLE__V1__VEHICLE__CAR},
    {"van", LIFECIRCLE__V1__VEHICLE__VAN},
};

static const struct json_enum reasons[] = {
    {"customer_absent", LIFECIRCLE__V1__REASON__CUSTOMER_ABSENT},
    {"customer_refused", LIFECIRCLE__V1__REASON__CUSTOMER_REFUSED},
    {"merchant_closed", LIFECIRCLE__V1__REASON__MERCHANT_CLOSED},
    {"merchant_item_missing", LIFECIRCLE__V1__REASON__MERCHANT_ITEM_MISSING},
    {"courier_declined", LIFECIRCLE__V1__REASON__COURIER_DECLINED},
    {"courier_unassigned_self", LIFECIRCLE__V1__REASON__COURIER_UNASSIGNED_SELF},
    {"unable_to_find_address", LIFECIRCLE__V1__REASON__UNABLE_TO_FIND_ADDRESS},
    {"unable_to_deliver", LIFECIRCLE__V1__REASON__UNABLE_TO_DELIVER},
};

enum { MESSAGE_USUAL = 1024 }; /* bytes of a route */

#define COUNT_OF(table) (sizeof(table) / sizeof *(table))

static char *
text(struct arena *a, struct slice s)
{
    return arena_copy(a, s.p, s.n);
}

static Lifecircle__V1__Point *
point(struct arena *a, struct latlng at)
{
    Lifecircle__V1__Point *p = arena_alloc(a, sizeof *p);

    if (p != NULL) {
        lifecircle__v1__point__init(p);
        p->lat_e7 = at.lat_e7;
        p->lng_e7 = at.lng_e7;
    }
    return p;
}

static void
read_sign_on(struct json_in *in, const struct json_at *at, struct arena *a,
             Lifecircle__V1__CourierReport *r)
{
    static const char *const names[] = {"type",       "id",          "vehicle",  "capacity_items",
                                        "capacity_g", "capacity_ml", "cold_box", "shift_end",
                                        "lat",        "lng",         "at"};
    Lifecircle__V1__Shift *shift = arena_alloc(a, sizeof *shift);
    int64_t items = 10;
    int64_t grams = 0;
    int64_t millilitres = 0;
    int vehicle = 0;
    bool cold = false;
    struct latlng where = {0};

    if (shift == NULL)
        return;
    lifecircle__v1__shift__init(shift);
    json_in_only(in, at, names, COUNT_OF(names));
    json_in_enum(in, at, "vehicle", JSON_REQUIRED, vehicles, COUNT_OF(vehicles), &vehicle);
    json_in_int(in, at, "capacity_items", JSON_OPTIONAL, 1, 10000, &items);
    json_in_int(in, at, "capacity_g", JSON_OPTIONAL, 0, 10000000, &grams);
    json_in_int(in, at, "capacity_ml", JSON_OPTIONAL, 0, 10000000, &millilitres);
    json_in_bool(in, at, "cold_box", JSON_OPTIONAL, &cold);
    json_in_time(in, at, "shift_end", JSON_REQUIRED, &shift->end_ms);
    json_in_latlng_of(in, at, &where);
    shift->vehicle = (Lifecircle__V1__Vehicle)vehicle;
    shift->capacity_items = (uint32_t)items;
    shift->capacity_g = (uint32_t)grams;
    shift->capacity_ml = (uint32_t)millilitres;
    shift->cold_box = cold;
    shift->at = point(a, where);
    shift->on = true;
    r->shift = shift;
}

static void
read_report(struct json_in *in, const struct json_at *at, struct arena *a, int kind,
            Lifecircle__V1__CourierReport *r)
{
    static const char *const names[] = {"type", "id", "order_id", "version", "pin", "reason", "at"};
    struct slice id = {0};
    struct slice order = {0};
    struct slice pin = {0};
    int64_t version = 0;
    int reason = 0;
    bool has_version =
        kind == LIFECIRCLE__V1__REPORT_KIND__ACCEPT || kind == LIFECIRCLE__V1__REPORT_KIND__DECLINE;
    bool has_order = !has_version && kind != LIFECIRCLE__V1__REPORT_KIND__SIGN_ON &&
                     kind != LIFECIRCLE__V1__REPORT_KIND__SIGN_OFF;
    bool has_reason = kind == LIFECIRCLE__V1__REPORT_KIND__UNDELIVERABLE ||
                      kind == LIFECIRCLE__V1__REPORT_KIND__PROBLEM;

    json_in_string(in, at, "id", JSON_REQUIRED, 1, 64, &id);
    json_in_time(in, at, "at", JSON_OPTIONAL, &r->time_ms);
    if (kind == LIFECIRCLE__V1__REPORT_KIND__SIGN_ON)
        read_sign_on(in, at, a, r);
    else
        json_in_only(in, at, names, COUNT_OF(names));
    if (has_version)
        json_in_int(in, at, "version", JSON_REQUIRED, 1, UINT32_MAX, &version);
    if (has_order && json_in_string(in, at, "order_id", JSON_REQUIRED, 1, 64, &order)) {
        struct uuid parsed;
        if (uuid_parse(order, &parsed) != LC_OK)
            json_in_fail(in, at, "order_id", "expected an order id of 36 characters");
    }
    if (kind == LIFECIRCLE__V1__REPORT_KIND__DELIVER)
        json_in_string(in, at, "pin", JSON_REQUIRED, 1, 16, &pin);
    if (has_reason || kind == LIFECIRCLE__V1__REPORT_KIND__DECLINE)
        json_in_enum(in, at, "reason", has_reason ? JSON_REQUIRED : JSON_OPTIONAL, reasons,
                     COUNT_OF(reasons), &reason);
    r->kind = (Lifecircle__V1__ReportKind)kind;
    r->action_id = text(a, id);
    r->order_id = text(a, order);
    r->pin = text(a, pin);
    r->route_version = (uint32_t)version;
    r->reason = (Lifecircle__V1__Reason)reason;
}

static void
read_hello(struct json_in *in, const struct json_at *at, Lifecircle__V1__CourierSocket *m)
{
    static const char *const names[] = {"type", "last_version"};
    int64_t version = 0;

    json_in_only(in, at, names, COUNT_OF(names));
    json_in_int(in, at, "last_version", JSON_OPTIONAL, 0, UINT32_MAX, &version);
    m->hello->last_version = (uint32_t)version;
}

static void
read_position(struct json_in *in, const struct json_at *at, struct arena *a,
              Lifecircle__V1__CourierSocket *m)
{
    static const char *const names[] = {"type", "lat", "lng", "at"};
    struct latlng where = {0};

    json_in_only(in, at, names, COUNT_OF(names));
    json_in_latlng_of(in, at, &where);
    json_in_time(in, at, "at", JSON_OPTIONAL, &m->position->time_ms);
    m->position->at = point(a, where);
}

static void
read_way(struct json_in *in, const struct json_at *at, struct arena *a,
         Lifecircle__V1__CourierSocket *m)
{
    static const char *const names[] = {"type", "lat", "lng"};
    struct latlng where = {0};

    json_in_only(in, at, names, COUNT_OF(names));
    if ((json_in_has(at, "lat") || json_in_has(at, "lng")) && json_in_latlng_of(in, at, &where))
        m->way_ask->at = point(a, where);
}

static void
read_gone(struct json_in *in, const struct json_at *at, struct arena *a,
          Lifecircle__V1__CourierSocket *m)
{
    static const char *const names[] = {"type", "order_id"};
    struct slice order = {0};

    json_in_only(in, at, names, COUNT_OF(names));
    if (json_in_string(in, at, "order_id", JSON_REQUIRED, 36, 36, &order))
        m->gone_ask->order_id = text(a, order);
}

static void
read_body(struct json_in *in, struct arena *a, Lifecircle__V1__CourierSocket *m)
{
    struct json_at root = json_in_root(in);
    int type = 0;

    if (!json_in_enum(in, &root, "type", JSON_REQUIRED, types, COUNT_OF(types), &type))
        return;
    if (type == SAID_HELLO && (m->hello = arena_alloc(a, sizeof *m->hello)) != NULL) {
        lifecircle__v1__courier_hello__init(m->hello);
        m->body_case = LIFECIRCLE__V1__COURIER_SOCKET__BODY_HELLO;
        read_hello(in, &root, m);
    } else if (type == SAID_POSITION && (m->position = arena_alloc(a, sizeof *m->position))) {
        lifecircle__v1__courier_position__init(m->position);
        m->body_case = LIFECIRCLE__V1__COURIER_SOCKET__BODY_POSITION;
        read_position(in, &root, a, m);
    } else if (type == SAID_SHIFT && (m->shift_ask = arena_alloc(a, sizeof *m->shift_ask))) {
        static const char *const names[] = {"type"};
        lifecircle__v1__courier_shift_ask__init(m->shift_ask);
        m->body_case = LIFECIRCLE__V1__COURIER_SOCKET__BODY_SHIFT_ASK;
        json_in_only(in, &root, names, COUNT_OF(names));
    } else if (type == SAID_WAY && (m->way_ask = arena_alloc(a, sizeof *m->way_ask)) != NULL) {
        lifecircle__v1__courier_way_ask__init(m->way_ask);
        m->body_case = LIFECIRCLE__V1__COURIER_SOCKET__BODY_WAY_ASK;
        read_way(in, &root, a, m);
    } else if (type == SAID_GONE && (m->gone_ask = arena_alloc(a, sizeof *m->gone_ask)) != NULL) {
        lifecircle__v1__courier_gone_ask__init(m->gone_ask);
        m->body_case = LIFECIRCLE__V1__COURIER_SOCKET__BODY_GONE_ASK;
        read_gone(in, &root, a, m);
    } else if (type < SAID_HELLO && (m->report = arena_alloc(a, sizeof *m->report)) != NULL) {
        lifecircle__v1__courier_report__init(m->report);
        m->body_case = LIFECIRCLE__V1__COURIER_SOCKET__BODY_REPORT;
        read_report(in, &root, a, type, m->report);
    }
}

static const Lifecircle__V1__CourierSocket *
from_json(struct arena *a, struct slice bytes, Lifecircle__V1__CourierTrouble *trouble)
{
    const struct json_limits limits = {MESSAGE_MAX, 4};
    struct json_in in;
    Lifecircle__V1__CourierSocket *m = arena_alloc(a, sizeof *m);

    trouble->detail = (char *)(uintptr_t) "out of memory";
    if (m == NULL)
        return NULL;
    lifecircle__v1__courier_socket__init(m);
    if (json_in_parse(&in, a, bytes, &limits) == LC_OK)
        read_body(&in, a, m);
    size_t wrong = in.error_n;
    if (wrong > 0)
        trouble->detail = arena_printf(a, "%s%s%s", in.error[0].field,
                                       *in.error[0].field == '\0' ? "" : ": ", in.error[0].error);
    if (m->body_case == LIFECIRCLE__V1__COURIER_SOCKET__BODY_REPORT)
        trouble->action_id = m->report->action_id;
    json_in_close(&in);
    return wrong > 0 || m->body_case == LIFECIRCLE__V1__COURIER_SOCKET__BODY__NOT_SET ? NULL : m;
}

/* may_say: is it one of the reasons that a phone has in JSON too? */
static bool
may_say(Lifecircle__V1__Reason reason)
{
    for (size_t i = 0; i < COUNT_OF(reasons); i++)
        if (reasons[i].value == (int)reason)
            return true;
    return reason == LIFECIRCLE__V1__REASON__REASON_NONE;
}

/* check_protobuf: what the wire's own checks leave open. */
static const char *
check_protobuf(const Lifecircle__V1__CourierSocket *m)
{
    const Lifecircle__V1__CourierReport *r;

    if (m->body_case == LIFECIRCLE__V1__COURIER_SOCKET__BODY_POSITION)
        return m->position->at == NULL ? "position.at: expected a place" : NULL;
    if (m->body_case == LIFECIRCLE__V1__COURIER_SOCKET__BODY_WAY_ASK)
        return m->way_ask->at == NULL ||
                       geo_valid((struct latlng){m->way_ask->at->lat_e7, m->way_ask->at->lng_e7})
                   ? NULL
                   : "way_ask.at: expected a place on Earth, or none";
    if (m->body_case != LIFECIRCLE__V1__COURIER_SOCKET__BODY_REPORT)
        return NULL;
    r = m->report;
    if (r->action_id[0] == '\0' || strlen(r->action_id) > 64)
        return "report.action_id: expected 1 to 64 bytes";
    if (r->kind == LIFECIRCLE__V1__REPORT_KIND__REPORT_NONE)
        return "report.kind: expected what was done";
    if (r->kind == LIFECIRCLE__V1__REPORT_KIND__SIGN_ON &&
        (r->shift == NULL || r->shift->at == NULL))
        return "report.shift: expected a shift with a place";
    if (!may_say(r->reason))
        return "report.reason: expected a reason that couriers have";
    return NULL;
}

const Lifecircle__V1__CourierSocket *
frames_read(struct arena *a, bool protobuf, const struct event *ev,
            Lifecircle__V1__CourierTrouble *trouble)
{
    const char *why = "not a CourierSocket";

    if (protobuf == ev->text) {
        why = protobuf ? "expected a binary message" : "expected a text message";
    } else if (!protobuf) {
        return from_json(a, ev->bytes, trouble);
    } else {
        const Lifecircle__V1__CourierSocket *m =
            wire_unpack(&lifecircle__v1__courier_socket__descriptor, a, ev->bytes);
        if (m != NULL && (why = check_protobuf(m)) == NULL)
            return m;
        if (m != NULL && m->body_case == LIFECIRCLE__V1__COURIER_SOCKET__BODY_REPORT &&
            strlen(m->report->action_id) <= 64)
            trouble->action_id = m->report->action_id;
    }
    trouble->detail = (char *)(uintptr_t)why;
    return NULL;
}

/* ---- out ---- */

static const char *
outcome_text(Lifecircle__V1__CourierReply__Outcome outcome)
{
    static const char *const names[] = {"invalid",     "done",          "already", "stale_version",
                                        "wrong_pin",   "not_yours",     "not_now", "invalid",
                                        "unavailable", "too_many_tries"};
    return (size_t)outcome < COUNT_OF(names) ? names[outcome] : "invalid";
}

static void
write_place(struct json_out *w, const Lifecircle__V1__Point *at)
{
    if (at == NULL)
        return;
    json_out_e7(w, "lat", at->lat_e7);
    json_out_e7(w, "lng", at->lng_e7);
}

static void
write_stop(struct json_out *w, const Lifecircle__V1__CourierStop *s, bool paid)
{
    static const char *const kinds[] = {"pickup", "dropoff", "return"};
    bool dropoff = s->stop->kind == LIFECIRCLE__V1__STOP__KIND__DROPOFF;

    json_out_object(w, NULL);
    json_out_cstr(w, "kind", (size_t)s->stop->kind < 3 ? kinds[s->stop->kind] : "pickup");
    json_out_cstr(w, "order_id", s->stop->order_id);
    json_out_cstr(w, "external_order_id", s->external_order_id);
    json_out_bool(w, "accepted", s->stop->accepted);
    json_out_bool(w, "arrived", s->stop->arrived);
    json_out_time(w, "eta", s->stop->eta_ms);
    json_out_uint(w, "items", s->items);
    if (paid && s->stop->kind != LIFECIRCLE__V1__STOP__KIND__PICKUP)
        json_out_int(w, "pay", s->pay);
    if (dropoff) {
        json_out_time(w, "window_end", s->stop->window_end_ms);
        json_out_cstr(w, "address", s->address);
        json_out_cstr(w, "instructions", s->instructions);
        json_out_object(w, "customer");
        json_out_cstr(w, "name", s->customer == NULL ? "" : s->customer->name);
        json_out_cstr(w, "phone", s->customer == NULL ? "" : s->customer->phone);
        json_out_end(w);
        json_out_bool(w, "age_check", s->age_check);
        write_place(w, s->stop->at);
    } else {
        json_out_time(w, "ready_at", s->stop->ready_ms);
        json_out_object(w, "store");
        json_out_cstr(w, "id", s->store_id);
        json_out_cstr(w, "name", s->store_name);
        json_out_cstr(w, "address", s->store_address);
        write_place(w, s->stop->at);
        json_out_end(w);
    }
    json_out_end(w);
}

static void
write_route(struct json_out *w, const Lifecircle__V1__CourierRoute *r)
{
    json_out_cstr(w, "type", "route");
    json_out_uint(w, "version", r->version);
    if (r->offer_expires_ms > 0)
        json_out_time(w, "offer_expires_at", r->offer_expires_ms);
    else
        json_out_null(w, "offer_expires_at");
    if (*r->currency != '\0')
        json_out_cstr(w, "currency", r->currency);
    json_out_array(w, "stops");
    for (size_t i = 0; i < r->n_stops; i++)
        write_stop(w, r->stops[i], *r->currency != '\0');
    json_out_end(w);
}

static void
write_welcome(struct json_out *w, const Lifecircle__V1__CourierWelcome *m)
{
    json_out_cstr(w, "type", "welcome");
    json_out_cstr(w, "courier", m->courier_id);
    json_out_cstr(w, "city", m->city);
    json_out_time(w, "time", m->time_ms);
    json_out_uint(w, "version", m->version);
    json_out_bool(w, "on_shift", m->on_shift);
}

static void
write_reply(struct json_out *w, const Lifecircle__V1__CourierReply *m)
{
    json_out_cstr(w, "type", "done");
    json_out_cstr(w, "id", m->action_id);
    json_out_cstr(w, "outcome", outcome_text(m->outcome));
    json_out_cstr(w, "detail", m->detail);
    if (m->state != LIFECIRCLE__V1__ORDER_STATE__STATE_NONE)
        json_out_cstr(w, "state", record_state_name(m->state));
}

static void
write_shift(struct json_out *w, const Lifecircle__V1__CourierShift *m)
{
    static const char *const kinds[] = {"", "picked_up", "delivered", "brought_back"};

    json_out_cstr(w, "type", "shift");
    if (m->since_ms > 0)
        json_out_time(w, "since", m->since_ms);
    else
        json_out_null(w, "since");
    json_out_uint(w, "delivered", m->delivered);
    json_out_uint(w, "metres", m->metres);
    json_out_cstr(w, "currency", *m->currency == '\0' ? NULL : m->currency);
    json_out_int(w, "pay", m->pay);
    json_out_array(w, "done");
    for (size_t i = 0; i < m->n_done; i++) {
        const Lifecircle__V1__CourierShift__Done *d = m->done[i];
        json_out_object(w, NULL);
        json_out_cstr(w, "kind", (size_t)d->kind < COUNT_OF(kinds) ? kinds[d->kind] : "");
        json_out_cstr(w, "order_id", d->order_id);
        json_out_cstr(w, "external_order_id", d->external_order_id);
        json_out_cstr(w, "store", d->store_name);
        json_out_time(w, "at", d->time_ms);
        json_out_uint(w, "metres", d->metres);
        json_out_int(w, "pay", d->pay);
        json_out_end(w);
    }
    json_out_end(w);
}

static void
write_gone(struct json_out *w, const Lifecircle__V1__CourierGone *m)
{
    static const char *const rulings[] = {NULL, "held", "pinned", "banned"};

    json_out_cstr(w, "type", "gone");
    json_out_cstr(w, "order_id", m->order_id);
    json_out_cstr(w, "ended", m->ended == 0 ? NULL : record_state_name(m->ended));
    json_out_cstr(w, "reason", m->reason == 0 ? NULL : record_reason_name(m->reason));
    json_out_cstr(w, "ruling", (size_t)m->ruling < COUNT_OF(rulings) ? rulings[m->ruling] : NULL);
    json_out_cstr(w, "words", m->words);
}

static void
write_json(struct buf *b, const Lifecircle__V1__CourierSocket *m)
{
    struct json_out w = json_out_to(b);

    json_out_object(&w, NULL);
    if (m->body_case == LIFECIRCLE__V1__COURIER_SOCKET__BODY_ROUTE) {
        write_route(&w, m->route);
    } else if (m->body_case == LIFECIRCLE__V1__COURIER_SOCKET__BODY_WELCOME) {
        write_welcome(&w, m->welcome);
    } else if (m->body_case == LIFECIRCLE__V1__COURIER_SOCKET__BODY_REPLY) {
        write_reply(&w, m->reply);
    } else if (m->body_case == LIFECIRCLE__V1__COURIER_SOCKET__BODY_SHIFT) {
        write_shift(&w, m->shift);
    } else if (m->body_case == LIFECIRCLE__V1__COURIER_SOCKET__BODY_WAY) {
        json_out_cstr(&w, "type", "way");
        ways_write(&w, m->way);
    } else if (m->body_case == LIFECIRCLE__V1__COURIER_SOCKET__BODY_GONE) {
        write_gone(&w, m->gone);
    } else if (m->body_case == LIFECIRCLE__V1__COURIER_SOCKET__BODY_TROUBLE) {
        json_out_cstr(&w, "type", "error");
        json_out_cstr(&w, "code", m->trouble->code);
        if (*m->trouble->action_id != '\0')
            json_out_cstr(&w, "id", m->trouble->action_id);
        json_out_cstr(&w, "detail", m->trouble->detail);
    }
    json_out_end(&w);
}

void
frames_send(struct outbox *out, struct arena *a, const struct session *s,
            const Lifecircle__V1__CourierSocket *m)
{
    if (s->protobuf) {
        size_t n = lifecircle__v1__courier_socket__get_packed_size(m);
        uint8_t *bytes = arena_alloc(a, n);
        if (bytes == NULL)
            return;
        lifecircle__v1__courier_socket__pack(m, bytes);
        outbox_socket_send(out, s->conn, false, slice_of((char *)bytes, n));
    } else {
        struct buf b = {0};
        (void)buf_reserve(&b, MESSAGE_USUAL); /* not grown step by step */
        write_json(&b, m);
        if (!b.failed)
            outbox_socket_send(out, s->conn, true, buf_slice(&b));
        buf_free(&b);
    }
}
