/* phones: couriers with phones that lose their connection, decline, stay silent, and come back. */
#include "world.h"

#include "base/timestamp.h"

#include <jansson.h>
#include <stdlib.h>

enum { REPEAT_MS = 3000 };

static void think(struct sim *s, void *arg);
static void connect_phone(struct sim *s, void *arg);

static void
think_in(struct sim *s, struct phone *p, int64_t low_ms, int64_t high_ms)
{
    sim_later(s, rng_between(&s->world_rng, low_ms, high_ms), think, p);
}

/* ---- saying things ---- */

static void
say(struct sim *s, struct phone *p, const char *text)
{
    if (p->open)
        sim_say(s, p->conn, slice_str(text));
}

/* act: an action that must be answered; said again until it is. */
static void
act(struct sim *s, struct phone *p, const char *type, const char *fields)
{
    char text[512];

    snprintf(p->action_id, sizeof p->action_id, "p%u-%u", p->index, ++p->actions);
    snprintf(text, sizeof text, "{\"type\":\"%s\",\"id\":\"%s\"%s%s}", type, p->action_id,
             *fields == '\0' ? "" : ",", fields);
    free(p->action);
    p->action = strdup(text);
    p->action_ms = s->now_ms;
    say(s, p, text);
}

static void
sign_on(struct sim *s, struct phone *p)
{
    static const char *const vehicles[] = {"foot", "bicycle", "e-bike", "scooter", "car"};
    char fields[256];
    char end[TIMESTAMP_TEXT];

    timestamp_format(s->now_ms + 5 * 3600 * 1000, end);
    snprintf(fields, sizeof fields,
             "\"vehicle\":\"%s\",\"capacity_items\":%d,\"shift_end\":\"%s\",\"lat\":%.7f,"
             "\"lng\":%.7f",
             vehicles[p->index % 5], 8 + (int)p->index * 3, end, p->at.lat_e7 / 1e7,
             p->at.lng_e7 / 1e7);
    act(s, p, "sign_on", fields);
}

static void
answer_offer(struct sim *s, struct phone *p)
{
    char fields[64];
    unsigned mood = (unsigned)rng_below(&s->world_rng, 100);

    p->decided = p->seen;
    if (mood >= 95 && s->now_ms < s->calm_ms)
        return; /* silent */
    snprintf(fields, sizeof fields, "\"version\":%u", p->seen);
    act(s, p, mood < 88 || s->now_ms >= s->calm_ms ? "accept" : "decline", fields);
}

/* work: the next thing to do at the first accepted stop. */
static void
work(struct sim *s, struct phone *p)
{
    char stop[64];
    char fields[160];
    char pin[PIN_TEXT] = "";
    struct uuid id;

    snprintf(stop, sizeof stop, "%.40s/%.10s", p->stop_order, p->stop_kind);
    snprintf(fields, sizeof fields, "\"order_id\":\"%s\"", p->stop_order);
    if (strcmp(p->enroute, stop) != 0) {
        snprintf(p->enroute, sizeof p->enroute, "%s", stop);
        act(s, p, "enroute", fields);
    } else if (!p->stop_arrived) {
        act(s, p, "arrived", fields);
    } else if (strcmp(p->stop_kind, "pickup") == 0) {
        act(s, p, "picked_up", fields);
    } else if (strcmp(p->stop_kind, "return") == 0) {
        act(s, p, "brought_back", fields);
    } else if (rng_chance(&s->world_rng, 4)) {
        snprintf(fields, sizeof fields, "\"order_id\":\"%s\",\"reason\":\"customer_absent\"",
                 p->stop_order);
        act(s, p, "undeliverable", fields);
    } else if (uuid_parse(slice_str(p->stop_order), &id) == LC_OK) {
        delivery_pin(&s->secret, id, pin);
        if (rng_chance(&s->world_rng, 5))
            pin[0] = pin[0] == '9' ? '0' : (char)(pin[0] + 1); /* a slip of the thumb */
        snprintf(fields, sizeof fields, "\"order_id\":\"%s\",\"pin\":\"%s\"", p->stop_order, pin);
        act(s, p, "delivered", fields);
    }
}

static void
send_position(struct sim *s, struct phone *p)
{
    char text[128];

    p->at.lat_e7 += (int32_t)rng_between(&s->world_rng, -5000, 5000);
    p->at.lng_e7 += (int32_t)rng_between(&s->world_rng, -5000, 5000);
    snprintf(text, sizeof text, "{\"type\":\"position\",\"lat\":%.7f,\"lng\":%.7f}",
             p->at.lat_e7 / 1e7, p->at.lng_e7 / 1e7);
    say(s, p, text);
}

static void
think(struct sim *s, void *arg)
{
    struct phone *p = arg;

    if (p->open) {
        if (p->action != NULL) {
            if (s->now_ms >= p->action_ms + REPEAT_MS) {
                p->action_ms = s->now_ms;
                say(s, p, p->action);
            }
        } else if (!p->on_shift) {
            sign_on(s, p);
        } else if (s->now_ms < s->calm_ms && p->stop_order[0] == '\0' &&
                   rng_below(&s->world_rng, 400) == 0) {
            act(s, p, "sign_off", "");
        } else if (p->offered && p->decided != p->seen) {
            answer_offer(s, p);
        } else if (p->stop_order[0] != '\0' && p->stop_accepted) {
            work(s, p);
        }
        if (rng_chance(&s->world_rng, 30))
            send_position(s, p);
    }
    think_in(s, p, 1000, 12000);
}

/* ---- hearing things ---- */

static void
copy(char *to, size_t size, const char *from)
{
    snprintf(to, size, "%s", from == NULL ? "" : from);
}

static void
hear_route(struct sim *s, struct phone *p, const json_t *j)
{
    uint32_t version = (uint32_t)json_integer_value(json_object_get(j, "version"));
    const json_t *stop = NULL;
    const json_t *stops = json_object_get(j, "stops");

    if (version < p->seen)
        sim_fail(s, "courier %u: version %u after %u", p->courier, version, p->seen);
    if (version <= p->shown)
        sim_fail(s, "courier %u: version %u shown twice on one connection", p->courier, version);
    p->seen = p->shown = version;
    p->offered = json_is_string(json_object_get(j, "offer_expires_at"));
    for (size_t i = 0; stop == NULL && i < json_array_size(stops); i++)
        if (json_is_true(json_object_get(json_array_get(stops, i), "accepted")))
            stop = json_array_get(stops, i);
    copy(p->stop_order, sizeof p->stop_order, json_string_value(json_object_get(stop, "order_id")));
    copy(p->stop_kind, sizeof p->stop_kind, json_string_value(json_object_get(stop, "kind")));
    p->stop_arrived = json_is_true(json_object_get(stop, "arrived"));
    p->stop_accepted = stop != NULL;
    s->world->pushes++;
}

static void
hear_done(struct sim *s, struct phone *p, const json_t *j)
{
    const char *id = json_string_value(json_object_get(j, "id"));
    const char *outcome = json_string_value(json_object_get(j, "outcome"));
    bool fine =
        outcome != NULL && (strcmp(outcome, "done") == 0 || strcmp(outcome, "already") == 0);

    if (outcome == NULL || strcmp(outcome, "invalid") == 0)
        sim_fail(s, "courier %u: %s answered invalid", p->courier, p->action);
    if (p->action == NULL || id == NULL || strcmp(id, p->action_id) != 0)
        return; /* the answer to an earlier try */
    if (outcome != NULL && strcmp(outcome, "unavailable") == 0)
        return; /* said again */
    if (fine && strstr(p->action, "\"sign_on\"") != NULL)
        p->on_shift = true;
    if (fine && strstr(p->action, "\"sign_off\"") != NULL)
        p->on_shift = false;
    free(p->action);
    p->action = NULL;
}

static void
hear(struct sim *s, struct phone *p, struct slice text)
{
    json_t *j = json_loadb(text.p, text.n, 0, NULL);
    const char *type = json_string_value(json_object_get(j, "type"));

    if (type == NULL)
        sim_fail(s, "courier %u: not a message: %.*s", p->courier, (int)text.n, text.p);
    else if (strcmp(type, "welcome") == 0)
        p->on_shift = json_is_true(json_object_get(j, "on_shift"));
    else if (strcmp(type, "route") == 0)
        hear_route(s, p, j);
    else if (strcmp(type, "done") == 0)
        hear_done(s, p, j);
    else if (strcmp(type, "error") == 0)
        sim_fail(s, "courier %u: %.*s", p->courier, (int)text.n, text.p);
    json_decref(j);
}

static void
answered(struct sim *s, struct client *c, uint64_t conn, const struct answer *a)
{
    struct phone *p = (struct phone *)c;
    char hello[64];

    if (conn != p->conn)
        return;
    if (a->kind == EFFECT_SOCKET_ACCEPT) {
        p->open = true;
        p->shown = 0;
        snprintf(hello, sizeof hello, "{\"type\":\"hello\",\"last_version\":%u}", p->seen);
        say(s, p, hello);
        if (p->action != NULL)
            say(s, p, p->action);
    } else if (a->kind == EFFECT_SOCKET_SEND) {
        hear(s, p, a->bytes);
    } else {
        p->open = false;
        p->conn = 0;
        sim_later(s, rng_between(&s->world_rng, 500, 4000), connect_phone, p);
    }
}

static void
connect_phone(struct sim *s, void *arg)
{
    struct phone *p = arg;
    char target[160];

    if (p->conn != 0)
        return;
    snprintf(target, sizeof target, "/v1/courier?token=%s", p->token);
    p->conn = sim_socket(s, &p->client, NODE_NOTIFIER, target,
                         "Sec-WebSocket-Protocol: lifecircle.v1.json\n");
}

void
riders_open(struct sim *s)
{
    for (unsigned i = 0; i < s->world->n_phones; i++) {
        struct phone *p = &s->world->phones[i];
        p->client.answered = answered;
        p->index = i;
        p->at = world_place(s);
        sim_later(s, rng_between(&s->world_rng, 0, 60000), connect_phone, p);
        think_in(s, p, 1000, 60000);
    }
}

void
riders_close(struct sim *s)
{
    for (unsigned i = 0; i < s->world->n_phones; i++)
        free(s->world->phones[i].action);
}
