/* What a phone and the notifier say to each other, as JSON or as protobuf (docs/couriers.md). */
#include "phones.h"

#include "base/json_out.h"
#include "base/wire.h"

#include "notice.pb-c.h"

#include <stdlib.h>

typedef Lifecircle__V1__CourierSocket Socket;

static const struct {
    const char *type;
    Lifecircle__V1__ReportKind kind;
} kinds[] = {
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
};

static bool
is(const struct action *a, const char *type)
{
    return strcmp(a->type, type) == 0;
}

static int64_t
shift_end_ms(const struct phone *f)
{
    return at_ms(f->play, f->who->end_ms);
}

/* ---- out: protobuf ---- */

static void
send_socket(struct phone *f, const Socket *m)
{
    size_t n = lifecircle__v1__courier_socket__get_packed_size(m);
    uint8_t *bytes = needed(malloc(n + 1));

    lifecircle__v1__courier_socket__pack(m, bytes);
    line_send(f->line, false, slice_of((const char *)bytes, n));
    free(bytes);
}

static void
send_report(struct phone *f)
{
    const struct city_courier *who = f->who;
    struct action *a = &f->action;
    Socket m = LIFECIRCLE__V1__COURIER_SOCKET__INIT;
    Lifecircle__V1__CourierReport r = LIFECIRCLE__V1__COURIER_REPORT__INIT;
    Lifecircle__V1__Shift shift = LIFECIRCLE__V1__SHIFT__INIT;
    Lifecircle__V1__Point at = LIFECIRCLE__V1__POINT__INIT;

    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (is(a, kinds[i].type))
            r.kind = kinds[i].kind;
    r.action_id = a->id;
    r.route_version = a->version;
    r.order_id = a->order_id;
    if (is(a, "delivered"))
        r.pin = f->pin;
    if (is(a, "undeliverable"))
        r.reason = LIFECIRCLE__V1__REASON__CUSTOMER_ABSENT;
    if (is(a, "sign_on")) {
        at.lat_e7 = f->at.lat_e7;
        at.lng_e7 = f->at.lng_e7;
        shift.vehicle = (Lifecircle__V1__Vehicle)who->vehicle; /* the same numbers */
        shift.capacity_items = who->capacity_items;
        shift.capacity_g = who->capacity_g;
        shift.capacity_ml = who->capacity_ml;
        shift.cold_box = who->cold_box;
        shift.end_ms = shift_end_ms(f);
        shift.at = &at;
        shift.on = true;
        r.shift = &shift;
    }
    m.body_case = LIFECIRCLE__V1__COURIER_SOCKET__BODY_REPORT;
    m.report = &r;
    send_socket(f, &m);
}

/* ---- out: JSON ---- */

static void
put_shift(const struct phone *f, struct json_out *w)
{
    const struct city_courier *who = f->who;

    json_out_cstr(w, "vehicle", city_vehicle_name(who->vehicle));
    json_out_uint(w, "capacity_items", who->capacity_items);
    json_out_uint(w, "capacity_g", who->capacity_g);
    json_out_uint(w, "capacity_ml", who->capacity_ml);
    json_out_bool(w, "cold_box", who->cold_box);
    json_out_time(w, "shift_end", shift_end_ms(f));
    json_out_e7(w, "lat", f->at.lat_e7);
    json_out_e7(w, "lng", f->at.lng_e7);
}

static void
send_text(struct phone *f, struct buf *b)
{
    if (b->failed)
        give_up("out of memory");
    line_send(f->line, true, buf_slice(b));
    buf_free(b);
}

static void
send_words(struct phone *f)
{
    struct action *a = &f->action;
    struct buf b = {0};
    struct json_out w = json_out_to(&b);

    json_out_object(&w, NULL);
    json_out_cstr(&w, "type", a->type);
    json_out_cstr(&w, "id", a->id);
    if (is(a, "sign_on"))
        put_shift(f, &w);
    else if (is(a, "accept") || is(a, "decline"))
        json_out_uint(&w, "version", a->version);
    else if (!is(a, "sign_off"))
        json_out_cstr(&w, "order_id", a->order_id);
    if (is(a, "delivered"))
        json_out_cstr(&w, "pin", f->pin);
    if (is(a, "undeliverable"))
        json_out_cstr(&w, "reason", "customer_absent");
    json_out_end(&w);
    send_text(f, &b);
}

void
phone_send_action(struct phone *f)
{
    f->action.sent_ms = clock_ms();
    if (!f->welcome)
        return; /* it is said when the line is there again */
    if (f->protobuf)
        send_report(f);
    else
        send_words(f);
}

void
phone_send_hello(struct phone *f, uint32_t last_version)
{
    Socket m = LIFECIRCLE__V1__COURIER_SOCKET__INIT;
    Lifecircle__V1__CourierHello hello = LIFECIRCLE__V1__COURIER_HELLO__INIT;
    struct buf b = {0};

    f->asked_all = last_version == 0;
    if (f->protobuf) {
        hello.last_version = last_version;
        m.body_case = LIFECIRCLE__V1__COURIER_SOCKET__BODY_HELLO;
        m.hello = &hello;
        send_socket(f, &m);
    } else {
        buf_printf(&b, "{\"type\":\"hello\",\"last_version\":%u}", last_version);
        send_text(f, &b);
    }
}

void
phone_send_position(struct phone *f, struct latlng at, int64_t now_ms)
{
    Socket m = LIFECIRCLE__V1__COURIER_SOCKET__INIT;
    Lifecircle__V1__CourierPosition p = LIFECIRCLE__V1__COURIER_POSITION__INIT;
    Lifecircle__V1__Point point = LIFECIRCLE__V1__POINT__INIT;
    struct buf b = {0};

    if (f->protobuf) {
        point.lat_e7 = at.lat_e7;
        point.lng_e7 = at.lng_e7;
        p.at = &point;
        p.time_ms = now_ms;
        m.body_case = LIFECIRCLE__V1__COURIER_SOCKET__BODY_POSITION;
        m.position = &p;
        send_socket(f, &m);
    } else {
        struct json_out w = json_out_to(&b);
        json_out_object(&w, NULL);
        json_out_cstr(&w, "type", "position");
        json_out_e7(&w, "lat", at.lat_e7);
        json_out_e7(&w, "lng", at.lng_e7);
        json_out_time(&w, "at", now_ms);
        json_out_end(&w);
        send_text(f, &b);
    }
}

/* ---- in ---- */

/* A version that goes back would be a fault of the notifier; the same one again is only an echo. */
static bool
newer(struct phone *f, uint32_t version)
{
    if (version < f->version)
        f->play->tally.versions_back++;
    else
        f->version = version;
    play_log(f->play, "\"said\":\"route\",\"courier\":\"%s\",\"version\":%u,\"asked\":%s",
             f->who->id, version, f->asked_all ? "true" : "false");
    f->asked_all = false;
    return version == f->version;
}

static bool
bool_at(const struct json_value *v, const char *key)
{
    const struct json_value *m = json_value_get(v, key);

    return m != NULL && m->kind == JSON_KIND_BOOL && m->boolean;
}

static double
degrees_at(const struct json_value *v, const char *key)
{
    const struct json_value *m = json_value_get(v, key);

    if (m == NULL || (m->kind != JSON_KIND_REAL && m->kind != JSON_KIND_INT))
        return 1000;
    return m->kind == JSON_KIND_REAL ? m->real : (double)m->integer;
}

static bool
read_stop(const struct json_value *v, struct stop *s)
{
    char kind[16];
    const struct json_value *place = json_value_get(v, "store");

    *s = (struct stop){.accepted = bool_at(v, "accepted"), .ready_ms = time_at(v, "ready_at")};
    if (!text_at(v, "kind", kind, sizeof kind) ||
        !text_at(v, "order_id", s->order_id, sizeof s->order_id))
        return false;
    s->kind = strcmp(kind, "pickup") == 0    ? STOP_PICKUP
              : strcmp(kind, "dropoff") == 0 ? STOP_DROPOFF
                                             : STOP_RETURN;
    if (place == NULL)
        place = v;
    return geo_of_degrees(degrees_at(place, "lat"), degrees_at(place, "lng"), &s->at);
}

static void
hear_route(struct phone *f, const struct json_value *v)
{
    const struct json_value *stops = json_value_get(v, "stops");
    struct stop s;

    if (!newer(f, (uint32_t)int_at(v, "version", 0)))
        return;
    f->stop_n = 0;
    for (uint32_t i = 0; stops != NULL && i < stops->n && f->stop_n < STOPS_MAX; i++) {
        if (read_stop(stops->item[i], &s))
            f->stop[f->stop_n++] = s;
        else
            f->play->tally.errors++;
    }
    phone_routed(f);
}

static void
welcomed(struct phone *f, bool on_shift)
{
    f->welcome = true;
    f->on_shift = f->on_shift || on_shift;
    if (f->action.open)
        phone_send_action(f);
}

static void
hear_words(struct phone *f, struct slice bytes)
{
    const struct json_value *v = json_of(f->play, bytes);
    char type[16] = "", id[32] = "", outcome[24] = "";

    (void)text_at(v, "type", type, sizeof type);
    if (strcmp(type, "welcome") == 0) {
        welcomed(f, bool_at(v, "on_shift"));
    } else if (strcmp(type, "route") == 0) {
        hear_route(f, v);
    } else if (strcmp(type, "done") == 0 && text_at(v, "id", id, sizeof id) &&
               text_at(v, "outcome", outcome, sizeof outcome)) {
        phone_answered(f, id, outcome);
    } else if (f->play->tally.errors++ < 5) {
        fprintf(stderr, "\n%s heard: %.*s\n", f->who->id, (int)bytes.n, bytes.p);
    }
}

static void
hear_socket(struct phone *f, struct slice bytes)
{
    static const char *const outcomes[] = {
        "invalid",   "done",    "already", "stale_version", "wrong_pin",
        "not_yours", "not_now", "invalid", "unavailable",   "too_many_tries"};

    arena_reset(f->play->now);
    const Socket *m = wire_unpack(&lifecircle__v1__courier_socket__descriptor, f->play->now, bytes);
    if (m != NULL && m->body_case == LIFECIRCLE__V1__COURIER_SOCKET__BODY_WELCOME) {
        welcomed(f, m->welcome->on_shift);
    } else if (m != NULL && m->body_case == LIFECIRCLE__V1__COURIER_SOCKET__BODY_REPLY) {
        phone_answered(f, m->reply->action_id,
                       outcomes[(size_t)m->reply->outcome < 10 ? m->reply->outcome : 0]);
    } else if (m != NULL && m->body_case == LIFECIRCLE__V1__COURIER_SOCKET__BODY_ROUTE) {
        if (!newer(f, m->route->version))
            return;
        f->stop_n = 0;
        for (size_t i = 0; i < m->route->n_stops && f->stop_n < STOPS_MAX; i++) {
            const Lifecircle__V1__Stop *s = m->route->stops[i]->stop;
            struct stop *to = &f->stop[f->stop_n++];
            *to = (struct stop){.kind = (enum stop_kind)s->kind,
                                .accepted = s->accepted,
                                .ready_ms = s->ready_ms,
                                .at = {s->at->lat_e7, s->at->lng_e7}};
            snprintf(to->order_id, sizeof to->order_id, "%s", s->order_id);
        }
        phone_routed(f);
    } else {
        f->play->tally.errors++;
    }
}

void
phone_heard(struct phone *f, bool text, struct slice bytes)
{
    if (text == f->protobuf)
        f->play->tally.errors++;
    else if (text)
        hear_words(f, bytes);
    else
        hear_socket(f, bytes);
}
