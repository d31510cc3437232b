/* phones: couriers' sessions, what they do, and the router's answers.
 *
 * An action is sent to the router and sent again until it answers: the router applies it once by
 * (courier, action id). The phone hears `done` only after that, so whatever it was told is durable.
 */
#include "notifier/ways.h"

#include <stdlib.h>
#include <strings.h>

static void
cut(struct notifier *n, struct session *s, struct outbox *out, int code, const char *reason)
{
    outbox_socket_close(out, s->conn, code, reason);
    session_gone(n, s);
}

/* offered: does Sec-WebSocket-Protocol list this subprotocol? */
static bool
offered(const struct event *ev, const char *name)
{
    for (size_t i = 0; i < ev->http->n_headers; i++) {
        const struct header_field *h = &ev->http->headers[i];
        if (h->name.n != 22 || strncasecmp(h->name.p, "Sec-WebSocket-Protocol", 22) != 0)
            continue;
        if (memmem(h->value.p, h->value.n, name, strlen(name)) != NULL)
            return true;
    }
    return false;
}

/* token_lives: the courier's token or the one before it, which count both while one is changed. */
static bool
token_lives(const Lifecircle__V1__Courier *c, const char *hash)
{
    return !c->revoked && (secret_equal(slice_str(hash), slice_str(c->token_hash)) ||
                           (c->token_hash_before[0] != '\0' &&
                            secret_equal(slice_str(hash), slice_str(c->token_hash_before))));
}

uint32_t
phones_courier(const struct notifier *n, struct slice token)
{
    enum secret_kind kind;
    uint32_t number;
    char hash[SECRET_HASH_TEXT];

    if (secret_token_parse(token, &kind, &number) != LC_OK || kind != SECRET_COURIER)
        return 0;
    const Lifecircle__V1__Courier *courier = catalogue_courier(n->catalogue, number);
    secret_hash(token, hash);
    return courier != NULL && token_lives(courier, hash) ? number : 0;
}

void
phones_open(struct notifier *n, const struct event *ev, struct outbox *out)
{
    uint32_t number = phones_courier(n, bearer(ev));

    if (number == 0) {
        count(n, COUNT_DENIED, 1);
        if (show_out(ev, out))
            return;
        refuse(ev, out, 401, "bad_token", "expected a courier's token that has not been revoked");
        return;
    }
    bool protobuf = offered(ev, "lifecircle.v1.protobuf");
    struct session *old = session_by_courier(n, number);
    if (old != NULL)
        cut(n, old, out, 4001, "signed in elsewhere");
    struct session *s = session_add(n, ev->ref, number, protobuf);
    if (s == NULL) {
        refuse(ev, out, 503, "unavailable", "out of memory");
        return;
    }
    secret_hash(bearer(ev), s->token);
    const char *subprotocol = protobuf                            ? "lifecircle.v1.protobuf"
                              : offered(ev, "lifecircle.v1.json") ? "lifecircle.v1.json"
                                                                  : NULL;
    outbox_socket_accept(out, ev->ref, subprotocol);
}

static void
send_trouble(struct outbox *out, struct arena *a, const struct session *s,
             Lifecircle__V1__CourierTrouble *t)
{
    Lifecircle__V1__CourierSocket m = LIFECIRCLE__V1__COURIER_SOCKET__INIT;

    m.body_case = LIFECIRCLE__V1__COURIER_SOCKET__BODY_TROUBLE;
    m.trouble = t;
    frames_send(out, a, s, &m);
}

void
phones_trouble(struct outbox *out, struct arena *a, const struct session *s, const char *code,
               const char *detail)
{
    Lifecircle__V1__CourierTrouble t = LIFECIRCLE__V1__COURIER_TROUBLE__INIT;

    t.code = (char *)(uintptr_t)code;
    t.detail = (char *)(uintptr_t)detail;
    send_trouble(out, a, s, &t);
}

/* ---- positions ---- */

void
phones_position(struct notifier *n, const struct event *ev, struct outbox *out, uint32_t courier,
                struct latlng at, int64_t time_ms)
{
    bool map_failed = false;
    struct position *known;

    HASH_FIND(hh, n->positions, &courier, sizeof courier, known);
    if (known == NULL) {
        known = calloc(1, sizeof *known);
        if (known == NULL)
            return; /* a position may be lost */
        known->courier = courier;
        HASH_ADD(hh, n->positions, courier, sizeof known->courier, known);
        if (map_failed) {
            free(known);
            return;
        }
    }
    int64_t at_ms = time_ms > 0 && time_ms <= ev->now_ms ? time_ms : ev->now_ms;
    if (at_ms < known->time_ms)
        return; /* a newer one is here already */
    known->at = at;
    known->time_ms = at_ms;
    known->came_ms = ev->now_ms;
    known->fresh = true;
    n->any_position = true;
    outbox_wake(out, ev->now_ms + TICK_MS); /* with what else comes until then */
    count(n, COUNT_POSITIONS, 1);
    tracking_position(n, ev, out, courier);
}

static void
forget_position(struct notifier *n, struct position *p)
{
    if (p == NULL)
        return;
    HASH_DELETE(hh, n->positions, p);
    free(p);
}

/* forget_positions: those behind which none has come for too long. By our clock: a phone whose own
 * is slow is no less there. */
static void
forget_positions(struct notifier *n, int64_t now_ms)
{
    struct position *p;
    struct position *next;

    HASH_ITER(hh, n->positions, p, next)
    {
        if (now_ms - p->came_ms > n->position_ms)
            forget_position(n, p);
    }
}

/* signed_off: where it is, is nobody's business from here on. */
static void
signed_off(struct notifier *n, uint32_t courier)
{
    struct position *p;

    HASH_FIND(hh, n->positions, &courier, sizeof courier, p);
    forget_position(n, p);
}

static void
send_positions(struct notifier *n, const struct event *ev, struct outbox *out)
{
    unsigned most = HASH_CNT(hh, n->positions);
    Lifecircle__V1__CourierPositions body = LIFECIRCLE__V1__COURIER_POSITIONS__INIT;
    Lifecircle__V1__CourierPosition *p = arena_array(ev->arena, most, sizeof *p);
    Lifecircle__V1__Point *at = arena_array(ev->arena, most, sizeof *at);
    Lifecircle__V1__Envelope env;

    body.positions = arena_array(ev->arena, most, sizeof(void *));
    if (p == NULL || at == NULL || body.positions == NULL)
        return;
    for (struct position *k = n->positions; k != NULL; k = k->hh.next) {
        if (!k->fresh)
            continue;
        size_t i = body.n_positions++;
        lifecircle__v1__courier_position__init(&p[i]);
        lifecircle__v1__point__init(&at[i]);
        at[i].lat_e7 = k->at.lat_e7;
        at[i].lng_e7 = k->at.lng_e7;
        p[i].courier = k->courier;
        p[i].at = &at[i];
        p[i].time_ms = k->time_ms;
        body.positions[i] = &p[i];
        k->fresh = false;
    }
    n->any_position = false;
    envelope_init(&env, &n->mint, ev->now_ms, ev->now_ms + 2000);
    env.body_case = LIFECIRCLE__V1__ENVELOPE__BODY_COURIER_POSITIONS;
    env.courier_positions = &body;
    outbox_send(out, ROLE_ROUTER, &env);
}

/* ---- actions ---- */

static void
free_action(struct notifier *n, struct action *a)
{
    struct session *s = session_by_conn(n, a->conn);

    if (s != NULL)
        s->waiting--;
    HASH_DELETE(hh, n->actions, a);
    free(a->packed);
    free(a);
}

static void
send_action(struct notifier *n, const struct event *ev, struct outbox *out, struct action *a)
{
    Lifecircle__V1__Envelope env;
    const Lifecircle__V1__CourierReport *report = wire_unpack(
        &lifecircle__v1__courier_report__descriptor, ev->arena, slice_of(a->packed, a->packed_n));

    a->sent_ms = ev->now_ms;
    outbox_wake(out, ev->now_ms + ACTION_RETRY_MS);
    if (report == NULL)
        return;
    envelope_init(&env, &n->mint, ev->now_ms, a->until_ms);
    env.body_case = LIFECIRCLE__V1__ENVELOPE__BODY_COURIER_REPORT;
    env.courier_report = (Lifecircle__V1__CourierReport *)(uintptr_t)report;
    outbox_send(out, ROLE_ROUTER, &env);
}

/* unavailable: the phone is told to repeat this action, by its id. */
static void
unavailable(struct outbox *out, struct arena *a, const struct session *s, char *action_id)
{
    Lifecircle__V1__CourierSocket m = LIFECIRCLE__V1__COURIER_SOCKET__INIT;
    Lifecircle__V1__CourierReply reply = LIFECIRCLE__V1__COURIER_REPLY__INIT;

    reply.courier = s->courier;
    reply.action_id = action_id;
    reply.outcome = LIFECIRCLE__V1__COURIER_REPLY__OUTCOME__UNAVAILABLE_NOW;
    m.body_case = LIFECIRCLE__V1__COURIER_SOCKET__BODY_REPLY;
    m.reply = &reply;
    frames_send(out, a, s, &m);
}

static void
take_report(struct notifier *n, const struct event *ev, struct outbox *out, struct session *s,
            const Lifecircle__V1__CourierReport *from_phone)
{
    bool map_failed = false;
    Lifecircle__V1__CourierReport report = *from_phone;
    if (s->waiting >= ACTIONS_A_PHONE) {
        count(n, COUNT_ACTIONS_LOST, 1);
        unavailable(out, ev->arena, s, report.action_id);
        return;
    }
    struct action *a = calloc(1, sizeof *a);

    report.courier = s->courier;
    report.tag = ++n->next_number;
    size_t size = lifecircle__v1__courier_report__get_packed_size(&report);
    if (a != NULL)
        a->packed = malloc(size);
    if (a == NULL || a->packed == NULL) {
        free(a);
        unavailable(out, ev->arena, s, report.action_id);
        return;
    }
    a->packed_n = lifecircle__v1__courier_report__pack(&report, (uint8_t *)a->packed);
    a->tag = report.tag;
    a->conn = s->conn;
    a->until_ms = ev->now_ms + ACTION_PATIENCE_MS;
    HASH_ADD(hh, n->actions, tag, sizeof a->tag, a);
    if (map_failed) {
        free(a->packed);
        free(a);
        unavailable(out, ev->arena, s, report.action_id);
        return;
    }
    s->waiting++;
    count(n, COUNT_ACTIONS, 1);
    send_action(n, ev, out, a);
}

static void
reply_to_phone(struct notifier *n, const struct event *ev, struct outbox *out, uint64_t conn,
               Lifecircle__V1__CourierReply *reply)
{
    Lifecircle__V1__CourierSocket m = LIFECIRCLE__V1__COURIER_SOCKET__INIT;
    const struct session *s = session_by_conn(n, conn);

    if (s == NULL)
        return; /* it will repeat the action when it is back */
    reply->tag = 0;
    m.body_case = LIFECIRCLE__V1__COURIER_SOCKET__BODY_REPLY;
    m.reply = reply;
    frames_send(out, ev->arena, s, &m);
}

/* note_action: which order it was about stands in the report, its trace in the router's answer. */
static void
note_action(const struct event *ev, struct outbox *out, const struct action *a,
            const Lifecircle__V1__CourierReply *reply)
{
    const Lifecircle__V1__CourierReport *report = wire_unpack(
        &lifecircle__v1__courier_report__descriptor, ev->arena, slice_of(a->packed, a->packed_n));
    const ProtobufCEnumValue *outcome = protobuf_c_enum_descriptor_get_value(
        &lifecircle__v1__courier_reply__outcome__descriptor, (int)reply->outcome);
    struct order_note note = {.store = NOTE_UNSAID,
                              .courier = reply->courier,
                              .ms = ev->now_ms - (a->until_ms - ACTION_PATIENCE_MS),
                              .key = "outcome",
                              .value = outcome == NULL ? "?" : outcome->name};

    if (report == NULL || uuid_parse(slice_str(report->order_id), &note.order) != LC_OK)
        return; /* about a shift, or a route as a whole */
    traceparent_of_order(note.order, ev->envelope->traceparent, &note.trace);
    outbox_order(out, "action_answered", &note);
}

static bool
is_sign_off(const struct event *ev, const struct action *a)
{
    const Lifecircle__V1__CourierReport *report = wire_unpack(
        &lifecircle__v1__courier_report__descriptor, ev->arena, slice_of(a->packed, a->packed_n));

    return report != NULL && report->kind == LIFECIRCLE__V1__REPORT_KIND__SIGN_OFF;
}

void
phones_answer(struct notifier *n, const struct event *ev, struct outbox *out)
{
    Lifecircle__V1__CourierReply reply = *ev->envelope->courier_reply;
    struct action *a;

    HASH_FIND(hh, n->actions, &reply.tag, sizeof reply.tag, a);
    if (a == NULL)
        return; /* answered before */
    if (reply.outcome == LIFECIRCLE__V1__COURIER_REPLY__OUTCOME__UNAVAILABLE_NOW &&
        ev->now_ms < a->until_ms)
        return; /* a router that waits for its turn, or has just come up: it is sent again */
    note_action(ev, out, a, &reply);
    if (is_sign_off(ev, a) && (reply.outcome == LIFECIRCLE__V1__COURIER_REPLY__OUTCOME__DONE ||
                               reply.outcome == LIFECIRCLE__V1__COURIER_REPLY__OUTCOME__ALREADY))
        signed_off(n, reply.courier);
    reply_to_phone(n, ev, out, a->conn, &reply);
    if (reply.outcome == LIFECIRCLE__V1__COURIER_REPLY__OUTCOME__STALE_VERSION)
        push_dirty(n, reply.courier);
    free_action(n, a);
}

static void
give_up(struct notifier *n, const struct event *ev, struct outbox *out, struct action *a)
{
    const Lifecircle__V1__CourierReport *report = wire_unpack(
        &lifecircle__v1__courier_report__descriptor, ev->arena, slice_of(a->packed, a->packed_n));
    Lifecircle__V1__CourierReply reply = LIFECIRCLE__V1__COURIER_REPLY__INIT;

    count(n, COUNT_ACTIONS_LOST, 1);
    if (report != NULL) {
        reply.courier = report->courier;
        reply.action_id = report->action_id;
        reply.outcome = LIFECIRCLE__V1__COURIER_REPLY__OUTCOME__UNAVAILABLE_NOW;
        reply_to_phone(n, ev, out, a->conn, &reply);
    }
    free_action(n, a);
}

static void
cut_revoked(struct notifier *n, struct outbox *out)
{
    struct session *s;
    struct session *next_session;

    HASH_ITER(by_conn, n->by_conn, s, next_session)
    {
        const Lifecircle__V1__Courier *courier = catalogue_courier(n->catalogue, s->courier);
        if (courier != NULL && !token_lives(courier, s->token))
            cut(n, s, out, 4003, "token revoked");
    }
}

void
phones_tick(struct notifier *n, const struct event *ev, struct outbox *out)
{
    struct action *a;
    struct action *next_action;

    HASH_ITER(hh, n->actions, a, next_action)
    {
        if (ev->now_ms >= a->until_ms)
            give_up(n, ev, out, a);
        else if (ev->now_ms >= a->sent_ms + ACTION_RETRY_MS)
            send_action(n, ev, out, a);
    }
    if (n->tokens_changed && ev->now_ms >= n->revoked_ms + REVOKED_MS) {
        n->revoked_ms = ev->now_ms;
        n->tokens_changed = false;
        cut_revoked(n, out);
    }
    if (ev->now_ms >= n->forgot_ms + FORGET_MS) {
        n->forgot_ms = ev->now_ms;
        forget_positions(n, ev->now_ms);
    }
    if (n->any_position)
        send_positions(n, ev, out);
}

/* ---- messages ---- */

static void
take_way_ask(struct notifier *n, const struct event *ev, struct outbox *out,
             const struct session *s, const Lifecircle__V1__CourierWayAsk *m)
{
    struct latlng at = {0};

    if (m->at != NULL)
        at = (struct latlng){m->at->lat_e7, m->at->lng_e7};
    if (!ways_ask(n, ev, out, s->conn, s->courier, false, m->at == NULL ? NULL : &at))
        phones_trouble(out, ev->arena, s, "too_many",
                       "expected the answer to the last one first; else ask again in a moment");
}

void
phones_message(struct notifier *n, struct session *s, const struct event *ev, struct outbox *out)
{
    Lifecircle__V1__CourierTrouble bad = LIFECIRCLE__V1__COURIER_TROUBLE__INIT;
    const Lifecircle__V1__CourierSocket *m = frames_read(ev->arena, s->protobuf, ev, &bad);

    if (m == NULL) {
        count(n, COUNT_BAD_MESSAGES, 1);
        bad.code = (char *)(uintptr_t) "bad_message";
        send_trouble(out, ev->arena, s, &bad);
        return;
    }
    if (m->body_case == LIFECIRCLE__V1__COURIER_SOCKET__BODY_HELLO) {
        s->greeted = true;
        s->welcome_due = true;
        s->version = m->hello->last_version;
        push_dirty(n, s->courier);
    } else if (m->body_case == LIFECIRCLE__V1__COURIER_SOCKET__BODY_POSITION) {
        phones_position(n, ev, out, s->courier,
                        (struct latlng){m->position->at->lat_e7, m->position->at->lng_e7},
                        m->position->time_ms);
    } else if (m->body_case == LIFECIRCLE__V1__COURIER_SOCKET__BODY_SHIFT_ASK) {
        work_ask(n, ev, out, s);
    } else if (m->body_case == LIFECIRCLE__V1__COURIER_SOCKET__BODY_WAY_ASK) {
        take_way_ask(n, ev, out, s, m->way_ask);
    } else if (m->body_case == LIFECIRCLE__V1__COURIER_SOCKET__BODY_GONE_ASK) {
        gone_ask(n, ev, out, s, m->gone_ask);
    } else if (m->body_case != LIFECIRCLE__V1__COURIER_SOCKET__BODY_REPORT) {
        count(n, COUNT_BAD_MESSAGES, 1);
        phones_trouble(out, ev->arena, s, "bad_message", "this message is not for phones to send");
    } else if (!s->greeted) {
        phones_trouble(out, ev->arena, s, "hello_first", "expected hello as the first message");
    } else {
        take_report(n, ev, out, s, m->report);
    }
}

void
phones_close(struct notifier *n)
{
    struct session *s;
    struct session *next_session;
    struct action *a;
    struct action *next_action;
    struct position *p;
    struct position *next_position;

    HASH_ITER(by_conn, n->by_conn, s, next_session) session_gone(n, s);
    free(n->of_courier);
    n->of_courier = NULL;
    n->of_courier_n = 0;
    HASH_ITER(hh, n->actions, a, next_action) free_action(n, a);
    HASH_ITER(hh, n->positions, p, next_position)
    {
        HASH_DELETE(hh, n->positions, p);
        free(p);
    }
}
