/* robot: one courier's life. One action at a time, said again until it is answered, so that a line
 * or a daemon that dies costs nothing but time. */
#include "lcctl/robots.h"
#include "lcctl/show.h"

#include "base/id.h"
#include "base/timestamp.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    AGAIN_MS = 1000,
    MOVING_MS = 500, /* between positions */
    WAITING_MS = 10000,
    REFUSED_MS = 1000, /* after an action that was not allowed: another route is on its way */
    RIDE_MIN_MS = 400,
    NEAR_M = 50,
    SHIFT_H = 12,
    CAPACITY = 30,
    DEPTH = 8,
};

static void
tell(const struct robot *r, const char *what, const char *external)
{
    char now[TIMESTAMP_TEXT];
    struct buf b = {0};
    struct json_out w = json_out_to(&b);

    if (r->all->ctl->json) {
        json_out_object(&w, NULL);
        json_out_time(&w, "time", r->all->ctl->now_ms);
        json_out_cstr(&w, "robot", r->id);
        json_out_cstr(&w, "what", what);
        json_out_cstr(&w, "order", external);
        json_out_end(&w);
        (void)show_json(&b);
        return;
    }
    timestamp_format(r->all->ctl->now_ms, now);
    printf("%.*s  %-10s %-14s %s\n", 8, now + 11, r->id, what, external);
    fflush(stdout);
}

/* dice: true in so many of a hundred cases. */
static bool
dice(struct robots *all, uint32_t percent)
{
    all->chance = all->chance * 6364136223846793005u + 1442695040888963407u;
    return (all->chance >> 33) % 100 < percent;
}

/* ---- reading ---- */

static struct slice
text_of(const struct json_value *v, const char *key)
{
    const struct json_value *at = json_value_get(v, key);

    return at == NULL || at->kind != JSON_KIND_STRING ? slice_of("", 0) : json_value_string(at);
}

static int64_t
number_of(const struct json_value *v, const char *key)
{
    const struct json_value *at = json_value_get(v, key);

    return at == NULL || at->kind != JSON_KIND_INT ? 0 : at->integer;
}

static bool
is_true(const struct json_value *v, const char *key)
{
    const struct json_value *at = json_value_get(v, key);

    return at != NULL && at->kind == JSON_KIND_BOOL && at->boolean;
}

static double
degrees_of(const struct json_value *v, const char *key)
{
    const struct json_value *at = json_value_get(v, key);

    if (at == NULL)
        return NAN;
    return at->kind == JSON_KIND_REAL  ? at->real
           : at->kind == JSON_KIND_INT ? (double)at->integer
                                       : NAN;
}

static bool
read_stop(const struct json_value *v, struct robot_stop *to)
{
    struct slice kind = text_of(v, "kind"), order = text_of(v, "order_id");
    const struct json_value *place = json_value_get(v, "store");

    *to = (struct robot_stop){.accepted = is_true(v, "accepted")};
    to->kind = slice_eq_str(kind, "pickup")    ? STOP_PICKUP
               : slice_eq_str(kind, "dropoff") ? STOP_DROPOFF
                                               : STOP_RETURN;
    if (to->kind == STOP_DROPOFF)
        place = v;
    struct slice external = text_of(v, "external_order_id");
    snprintf(to->order, sizeof to->order, "%.*s", (int)order.n, order.p);
    snprintf(to->external, sizeof to->external, "%.*s", (int)external.n, external.p);
    if (timestamp_parse(text_of(v, "ready_at"), &to->ready_ms) != LC_OK)
        to->ready_ms = 0;
    return geo_of_degrees(degrees_of(place, "lat"), degrees_of(place, "lng"), &to->at);
}

static void
read_route(struct robot *r, const struct json_value *v)
{
    const struct json_value *stops = json_value_get(v, "stops");
    uint32_t version = (uint32_t)number_of(v, "version");

    if (version < r->version || stops == NULL || stops->kind != JSON_KIND_ARRAY)
        return;
    r->version = version;
    r->offered = false;
    r->n_stops = 0;
    for (uint32_t i = 0; i < stops->n && r->n_stops < ROBOT_STOPS; i++) {
        struct robot_stop *s = &r->stop[r->n_stops];
        if (!read_stop(stops->item[i], s))
            continue;
        r->offered |= !s->accepted;
        r->n_stops++;
    }
}

/* stop_done: what the action was about, unless the newest route is without it already. */
static void
stop_done(struct robot *r)
{
    for (size_t i = 0; i < r->n_stops; i++)
        if (r->stop[i].kind == r->about.kind && strcmp(r->stop[i].order, r->about.order) == 0)
            r->stop[i].done = true;
}

static void
read_done(struct robot *r, const struct json_value *v, int64_t now_ms)
{
    char id[16];
    struct slice outcome = text_of(v, "outcome");

    snprintf(id, sizeof id, "r%u", r->actions);
    if (r->action[0] == '\0' || !slice_eq_str(text_of(v, "id"), id))
        return;
    if (slice_eq_str(outcome, "unavailable"))
        return; /* said again */
    bool done = slice_eq_str(outcome, "done") || slice_eq_str(outcome, "already");
    if (!done) {
        char what[64];
        snprintf(what, sizeof what, "%s: %.*s", r->action, (int)outcome.n, outcome.p);
        tell(r, what, r->about.external);
        r->pause_ms = now_ms + REFUSED_MS;
    } else if (strcmp(r->action, "sign_on") == 0) {
        r->on_shift = true;
    } else if (strcmp(r->action, "accept") == 0 || strcmp(r->action, "decline") == 0) {
        r->offered = r->offered && r->version > r->about_version; /* a further one came meanwhile */
    } else if (strcmp(r->action, "arrived") == 0) {
        r->arrived = true;
    } else if (strcmp(r->action, "enroute") != 0) {
        stop_done(r);
        r->riding_to[0] = '\0';
        tell(r, r->action, r->about.external);
    }
    r->action[0] = '\0';
}

void
robot_message(struct robot *r, struct slice message, int64_t now_ms)
{
    const struct json_limits limits = {ROBOT_READ * 4, DEPTH};
    struct arena_mark mark = arena_mark(r->all->ctl->arena);
    const struct json_value *v = NULL;
    const char *what;
    size_t where;

    if (json_value_parse(r->all->ctl->arena, message, &limits, &v, &where, &what) == LC_OK) {
        struct slice type = text_of(v, "type");
        if (slice_eq_str(type, "welcome")) {
            r->greeted = true;
            r->on_shift = is_true(v, "on_shift");
        } else if (slice_eq_str(type, "route")) {
            read_route(r, v);
        } else if (slice_eq_str(type, "done")) {
            read_done(r, v, now_ms);
        }
    }
    arena_rewind(r->all->ctl->arena, mark);
}

void
robot_lost(struct robot *r, int64_t now_ms)
{
    r->greeted = false;
    r->dial_ms = now_ms + AGAIN_MS / 2;
    r->version = 0; /* the whole route comes again */
}

void
robot_free(struct robot *r)
{
    course_free(&r->way);
}

/* ---- moving ---- */

static struct latlng
where(const struct robot *r, int64_t now_ms)
{
    int64_t whole = r->there_ms - r->left_ms, part = now_ms - r->left_ms;

    return part >= whole || r->way.n == 0 ? r->to : course_at(&r->way, part, whole);
}

/* ride: as long as the streets take, or the estimate where none leads there. */
static void
ride(struct robot *r, struct latlng to, int64_t now_ms)
{
    uint32_t seconds = 0;

    if (streets_ride(&r->all->streets, r->all->mode, where(r, now_ms), to, &r->way, &seconds) !=
        LC_OK)
        course_free(&r->way); /* no memory: it is there at once */
    int64_t takes_ms = (int64_t)seconds * 1000 / r->all->speed;
    r->to = to;
    r->left_ms = now_ms;
    r->there_ms = now_ms + (takes_ms < RIDE_MIN_MS ? RIDE_MIN_MS : takes_ms);
    r->position_ms = now_ms;
}

static void
tell_position(struct robot *r, int64_t now_ms)
{
    struct latlng at = where(r, now_ms);

    if (now_ms < r->position_ms)
        return;
    r->position_ms = now_ms + (now_ms < r->there_ms ? MOVING_MS : WAITING_MS);
    line_say(&r->line, "{\"type\":\"position\",\"lat\":%.7f,\"lng\":%.7f}", at.lat_e7 * 1e-7,
             at.lng_e7 * 1e-7);
}

/* stand: who has nothing to do waits in front of a store, every store having its turn. */
static void
stand(struct robot *r, int64_t now_ms)
{
    if (r->all->n_stores == 0)
        return;
    struct latlng store = r->all->stores[r->index % r->all->n_stores];
    if (geo_distance_m(where(r, now_ms), store) < NEAR_M)
        return;
    course_free(&r->way);
    r->to = store; /* at once: robots may */
    r->left_ms = r->there_ms = now_ms;
    r->position_ms = now_ms;
}

/* ---- doing ---- */

/* act: from now on this is what it says until it is answered. `more` = fields, each with its comma.
 */
static void
act(struct robot *r, const char *action, const struct robot_stop *about, const char *more,
    int64_t now_ms)
{
    static const struct robot_stop none;

    snprintf(r->action, sizeof r->action, "%s", action);
    snprintf(r->body, sizeof r->body, "{\"type\":\"%s\",\"id\":\"r%u\"%s}", action, ++r->actions,
             more);
    r->about = about == NULL ? none : *about;
    r->about_version = r->version;
    r->said_ms = now_ms;
    line_say(&r->line, "%s", r->body);
}

static void
sign_on(struct robot *r, int64_t now_ms)
{
    char more[256], end[TIMESTAMP_TEXT];
    struct latlng at = where(r, now_ms);

    timestamp_format(now_ms + SHIFT_H * INT64_C(3600000), end);
    snprintf(more, sizeof more,
             ",\"vehicle\":\"%s\",\"capacity_items\":%d,\"cold_box\":true,\"shift_end\":\"%s\","
             "\"lat\":%.7f,\"lng\":%.7f",
             r->all->vehicle, CAPACITY, end, at.lat_e7 * 1e-7, at.lng_e7 * 1e-7);
    act(r, "sign_on", NULL, more, now_ms);
}

static void
answer_offer(struct robot *r, int64_t now_ms)
{
    char more[64];
    bool decline = dice(r->all, r->all->decline);

    for (size_t i = 0; i < r->n_stops; i++)
        if (!r->stop[i].accepted && r->stop[i].kind == STOP_PICKUP)
            tell(r, decline ? "decline" : "accept", r->stop[i].external);
    snprintf(more, sizeof more, ",\"version\":%u", r->version);
    act(r, decline ? "decline" : "accept", NULL, more, now_ms);
}

/* hand_over: at the door. */
static void
hand_over(struct robot *r, const struct robot_stop *s, int64_t now_ms)
{
    char more[128], pin[PIN_TEXT];
    struct uuid order;

    if (uuid_parse(slice_str(s->order), &order) != LC_OK)
        return;
    if (dice(r->all, r->all->absent)) {
        snprintf(more, sizeof more, ",\"order_id\":\"%s\",\"reason\":\"customer_absent\"",
                 s->order);
        act(r, "undeliverable", s, more, now_ms);
        return;
    }
    delivery_pin(&r->all->secret, order, pin);
    snprintf(more, sizeof more, ",\"order_id\":\"%s\",\"pin\":\"%s\"", s->order, pin);
    act(r, "delivered", s, more, now_ms);
}

/* go_on: the first stop that is not done: on the way, there, or waiting for the goods. */
static void
go_on(struct robot *r, const struct robot_stop *s, int64_t now_ms)
{
    char goal[UUID_TEXT + 1], more[64];

    snprintf(goal, sizeof goal, "%d%s", (int)s->kind, s->order);
    snprintf(more, sizeof more, ",\"order_id\":\"%s\"", s->order);
    if (strcmp(r->riding_to, goal) != 0) {
        memcpy(r->riding_to, goal, sizeof goal);
        r->arrived = false;
        ride(r, s->at, now_ms);
        act(r, "enroute", s, more, now_ms);
    } else if (now_ms < r->there_ms) {
        return;
    } else if (!r->arrived) {
        act(r, "arrived", s, more, now_ms);
    } else if (s->kind == STOP_PICKUP) {
        if (now_ms >= s->ready_ms || now_ms >= r->there_ms + r->all->patience_s * INT64_C(1000))
            act(r, "picked_up", s, more, now_ms);
    } else if (s->kind == STOP_DROPOFF) {
        hand_over(r, s, now_ms);
    } else {
        act(r, "brought_back", s, more, now_ms);
    }
}

void
robot_think(struct robot *r, int64_t now_ms)
{
    size_t i = 0;

    if (!r->greeted)
        return;
    if (r->n_stops == 0)
        stand(r, now_ms);
    if (r->on_shift)
        tell_position(r, now_ms);
    if (r->action[0] != '\0') {
        if (now_ms >= r->said_ms + AGAIN_MS) {
            r->said_ms = now_ms;
            line_say(&r->line, "%s", r->body);
        }
        return;
    }
    if (now_ms < r->pause_ms)
        return;
    if (!r->on_shift) {
        if (r->all->n_stores > 0)
            sign_on(r, now_ms);
        return;
    }
    if (r->offered) {
        answer_offer(r, now_ms);
        return;
    }
    while (i < r->n_stops && (r->stop[i].done || !r->stop[i].accepted))
        i++;
    if (i < r->n_stops)
        go_on(r, &r->stop[i], now_ms);
}
