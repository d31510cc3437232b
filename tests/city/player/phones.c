/* The couriers' phones: each signs on, takes offers or not, rides and reports. Every action has an
 * id and is said again, also after a lost line, until it is answered. */
#include "phones.h"

#include <stdlib.h>

enum {
    ANSWER_MS = 2500, /* an action without an answer for so long is said again */
    RECONNECT_MS = 300,
    MOVING_MS = 20000, /* city time between positions while riding ... */
    IDLE_MS = 120000,  /* ... and while waiting */
    POSITION_MIN_MS = 1000,
    STUCK_MS = 1000,
    STUCK_MAX = 3,
    CUT_PERMILLE = 120, /* of the phones lose their line once in the hour */
};

/* ---- saying ---- */

static void
say_of(struct phone *f, const char *type, const struct stop *s)
{
    struct action *a = &f->action;

    *a = (struct action){.type = type, .open = true, .version = f->version};
    snprintf(a->id, sizeof a->id, "%u-%u", f->index, ++f->actions);
    if (s != NULL) {
        snprintf(a->order_id, sizeof a->order_id, "%s", s->order_id);
        a->kind = s->kind;
    }
    f->play->tally.actions++;
    phone_send_action(f);
}

static void
say(struct phone *f, const char *type)
{
    say_of(f, type, NULL);
}

/* ---- where it is ---- */

static struct latlng
where(const struct phone *f)
{
    int64_t now_ms = clock_ms();
    int64_t whole = f->ride_to_ms - f->ride_from_ms;

    if (!f->riding || now_ms >= f->ride_to_ms || whole <= 0)
        return f->riding ? f->to : f->at;
    return course_at(&f->course, now_ms - f->ride_from_ms, whole);
}

static enum travel_mode
mode_of(const struct phone *f)
{
    static const enum travel_mode modes[CITY_VEHICLES] = {
        [CITY_FOOT] = TRAVEL_FOOT,   [CITY_BICYCLE] = TRAVEL_BICYCLE,
        [CITY_EBIKE] = TRAVEL_EBIKE, [CITY_SCOOTER] = TRAVEL_SCOOTER,
        [CITY_CAR] = TRAVEL_CAR,
    };

    return modes[f->who->vehicle];
}

/* In the time that the streets take: some ride faster than one assumes, some slower. */
static void
ride(struct phone *f, struct latlng to)
{
    struct latlng from = where(f);
    uint32_t seconds;
    enum lc_err err = streets_ride(&f->play->streets, mode_of(f), from, to, &f->course, &seconds);

    if (err != LC_OK)
        give_up("a ride: %s", lc_strerror(err));
    int64_t takes_ms = (int64_t)seconds * (800 + chance(f->play, 350));
    f->play->tally.rides++;
    f->play->tally.rides_on_streets += f->course.on_streets;
    f->at = from;
    f->to = to;
    f->riding = true;
    f->ride_from_ms = clock_ms();
    f->ride_to_ms = f->ride_from_ms + real_ms(f->play, takes_ms);
}

static void
arrive(struct phone *f)
{
    if (!f->riding)
        return;
    f->at = f->to;
    f->riding = false;
}

static void
tell_position(struct phone *f, int64_t now_ms)
{
    int64_t pause_ms = real_ms(f->play, f->riding ? MOVING_MS : IDLE_MS);

    phone_send_position(f, where(f), now_ms);
    f->play->tally.positions++;
    f->position_ms = now_ms + (pause_ms < POSITION_MIN_MS ? POSITION_MIN_MS : pause_ms);
}

/* ---- what it did at its stops ---- */

static struct mark *
mark_of(struct phone *f, const struct stop *s)
{
    for (size_t i = 0; i < f->mark_n; i++)
        if (f->mark[i].kind == s->kind && strcmp(f->mark[i].order_id, s->order_id) == 0)
            return &f->mark[i];
    if (f->mark_n == STOPS_MAX)
        return NULL;
    struct mark *m = &f->mark[f->mark_n++];
    *m = (struct mark){.kind = s->kind};
    snprintf(m->order_id, sizeof m->order_id, "%s", s->order_id);
    return m;
}

/* Marks of stops that are on no route any more. */
static void
forget_marks(struct phone *f)
{
    size_t n = 0;

    for (size_t i = 0; i < f->mark_n; i++)
        for (size_t k = 0; k < f->stop_n; k++)
            if (f->mark[i].kind == f->stop[k].kind &&
                strcmp(f->mark[i].order_id, f->stop[k].order_id) == 0) {
                f->mark[n++] = f->mark[i];
                break;
            }
    f->mark_n = n;
}

static struct stop *
next_stop(struct phone *f)
{
    for (size_t i = 0; i < f->stop_n; i++) {
        const struct mark *m = mark_of(f, &f->stop[i]);
        if (f->stop[i].accepted && m != NULL && m->step != STEP_DONE)
            return &f->stop[i];
    }
    return NULL;
}

/* ---- offers ---- */

static bool
has_offer(const struct phone *f)
{
    for (size_t i = 0; i < f->stop_n; i++)
        if (!f->stop[i].accepted)
            return true;
    return false;
}

/* True when the offer keeps it busy for now. */
static bool
consider_offer(struct phone *f, int64_t now_ms)
{
    struct play *p = f->play;

    if (!has_offer(f))
        return false;
    if (f->offer_version != f->version) {
        uint32_t dice = chance(p, 100);
        f->offer_version = f->version;
        f->offer = dice < 93 ? OFFER_ACCEPT : dice < 97 ? OFFER_DECLINE : OFFER_IGNORE;
        f->offer_ms = now_ms + real_ms(p, 4000 + chance(p, 14000));
        p->tally.offers++;
        if (f->offer == OFFER_IGNORE)
            p->tally.ignored++;
    }
    if (f->offer == OFFER_IGNORE || f->offer == OFFER_ANSWERED)
        return false;
    if (now_ms < f->offer_ms)
        return true;
    say(f, f->offer == OFFER_ACCEPT ? "accept" : "decline");
    if (f->offer == OFFER_ACCEPT)
        p->tally.accepted++;
    else
        p->tally.declined++;
    f->offer = OFFER_ANSWERED;
    return true;
}

/* ---- stops ---- */

static void
leave_stop(struct phone *f, struct stop *s, struct mark *m, int64_t now_ms)
{
    struct order *o = order_by_id(f->play, s->order_id);

    if (now_ms < m->leave_ms)
        return;
    if (s->kind == STOP_PICKUP) {
        say_of(f, "picked_up", s);
    } else if (s->kind == STOP_RETURN) {
        say_of(f, "brought_back", s);
    } else if (m->absent) {
        say_of(f, "undeliverable", s);
    } else if (o == NULL || o->pin[0] == '\0') { /* the customer looks it up */
        if (o != NULL)
            customer_pin(f->play, o);
        m->leave_ms = now_ms + 150;
    } else {
        snprintf(f->pin, sizeof f->pin, "%s", o->pin);
        say_of(f, "delivered", s);
    }
}

/* What takes time at the stop: goods that are not ready, stairs, a chat. */
static void
stay(struct phone *f, const struct stop *s, struct mark *m, int64_t now_ms)
{
    struct play *p = f->play;

    if (s->kind == STOP_PICKUP) {
        m->leave_ms = now_ms + real_ms(p, 20000 + chance(p, 50000));
        if (m->leave_ms < s->ready_ms)
            m->leave_ms = s->ready_ms;
    } else {
        m->leave_ms = now_ms + real_ms(p, 40000 + chance(p, 90000));
        m->absent = s->kind == STOP_DROPOFF && chance_of(p, 4);
    }
}

static void
go_on(struct phone *f, int64_t now_ms)
{
    struct stop *s = next_stop(f);
    struct mark *m = s == NULL ? NULL : mark_of(f, s);

    if (m == NULL) {
        return;
    }
    if (now_ms < m->stuck_ms)
        return;
    if (m->step == STEP_NEW) {
        say_of(f, "enroute", s);
        ride(f, s->at);
    } else if (m->step == STEP_ENROUTE) {
        if (!f->riding || f->to.lat_e7 != s->at.lat_e7 || f->to.lng_e7 != s->at.lng_e7)
            ride(f, s->at); /* it had been on the way to somewhere else */
        if (now_ms >= f->ride_to_ms) {
            arrive(f);
            say_of(f, "arrived", s);
        }
    } else {
        if (m->leave_ms == 0)
            stay(f, s, m, now_ms);
        leave_stop(f, s, m, now_ms);
    }
}

/* ---- hearing ---- */

static void
stuck(struct phone *f, struct mark *m)
{
    if (m == NULL)
        return;
    m->stuck_ms = clock_ms() + STUCK_MS;
    if (++m->stuck_n % STUCK_MAX == 0)
        phone_send_hello(f, 0); /* the whole route again */
}

static void
step_done(struct phone *f, const struct action *a)
{
    const struct stop s = {.kind = a->kind};
    struct stop named = s;
    struct play *p = f->play;

    snprintf(named.order_id, sizeof named.order_id, "%s", a->order_id);
    struct mark *m = mark_of(f, &named);
    struct order *o = order_by_id(p, a->order_id);
    if (m == NULL)
        return;
    if (strcmp(a->type, "enroute") == 0)
        m->step = STEP_ENROUTE;
    else if (strcmp(a->type, "arrived") == 0)
        m->step = STEP_ARRIVED;
    else
        m->step = STEP_DONE;
    if (m->step != STEP_DONE || o == NULL)
        return;
    if (strcmp(a->type, "picked_up") == 0)
        o->picked = true;
    if (strcmp(a->type, "undeliverable") == 0)
        p->tally.undeliverable++;
    if (strcmp(a->type, "delivered") == 0 && ++o->delivered_n > 1)
        p->tally.twice++;
    if (strcmp(a->type, "delivered") == 0 || strcmp(a->type, "brought_back") == 0)
        o->look_ms = clock_ms();
}

const char *const outcome_names[OUTCOMES] = {"done",      "already",     "stale_version",
                                             "wrong_pin", "not_yours",   "not_now",
                                             "invalid",   "unavailable", "too_many_tries"};

void
phone_answered(struct phone *f, const char *id, const char *outcome)
{
    struct action a = f->action;
    struct order *o;

    if (!a.open || strcmp(a.id, id) != 0)
        return;
    for (size_t i = 0; i < OUTCOMES; i++)
        f->play->tally.outcome[i] += strcmp(outcome, outcome_names[i]) == 0;
    if (strcmp(outcome, "unavailable") == 0) {
        f->action.sent_ms = clock_ms() - ANSWER_MS + RECONNECT_MS; /* soon again */
        return;
    }
    f->action.open = false;
    play_log(f->play,
             "\"said\":\"answered\",\"courier\":\"%s\",\"action\":\"%s\",\"id\":\"%s\","
             "\"order\":\"%s\",\"outcome\":\"%s\"",
             f->who->id, a.type, a.id, a.order_id, outcome);
    bool done = strcmp(outcome, "done") == 0 || strcmp(outcome, "already") == 0;
    if (a.order_id[0] == '\0') {
        if (strcmp(a.type, "sign_on") == 0)
            f->on_shift = done;
        if (strcmp(a.type, "sign_off") == 0)
            f->signed_off = done;
        return;
    }
    if (done) {
        step_done(f, &a);
        return;
    }
    if (strcmp(outcome, "wrong_pin") == 0 && (o = order_by_id(f->play, a.order_id)) != NULL) {
        f->play->tally.errors++;
        o->pin[0] = '\0';
    }
    struct stop named = {.kind = a.kind};
    snprintf(named.order_id, sizeof named.order_id, "%s", a.order_id);
    stuck(f, mark_of(f, &named));
}

void
phone_routed(struct phone *f)
{
    f->play->tally.routes++;
    forget_marks(f);
}

/* ---- the line ---- */

static void
opened(void *ctx)
{
    struct phone *f = ctx;

    f->open = true;
    phone_send_hello(f, f->version);
}

static void
message(void *ctx, bool text, struct slice bytes)
{
    phone_heard(ctx, text, bytes);
}

static void
closed(void *ctx)
{
    struct phone *f = ctx;

    if (f->open)
        f->play->tally.reconnects++;
    line_free(f->line);
    f->line = NULL;
    f->open = f->welcome = false;
    f->line_ms = clock_ms() + RECONNECT_MS + chance(f->play, RECONNECT_MS);
}

static void
connect_line(struct phone *f)
{
    static const struct line_handlers handlers = {opened, message, closed};

    f->line = line_new(f->play->base, f->play->wish.notifier, "/v1/courier", f->token,
                       f->protobuf ? "lifecircle.v1.protobuf" : "lifecircle.v1.json", &handlers, f);
}

/* ---- the loop ---- */

static void
sign_on_or_off(struct phone *f)
{
    int64_t now = city_ms(f->play);

    if (!f->on_shift && now >= (int64_t)f->who->start_ms - 60000)
        say(f, "sign_on");
    else if (f->on_shift && !f->signed_off && now > (int64_t)f->who->end_ms && f->stop_n == 0)
        say(f, "sign_off");
}

static void
think(struct phone *f, int64_t now_ms)
{
    if (f->line == NULL && now_ms >= f->line_ms)
        connect_line(f);
    if (!f->welcome)
        return;
    if (f->cut_ms != 0 && now_ms >= f->cut_ms) { /* a tunnel */
        f->cut_ms = 0;
        f->play->tally.cuts++;
        closed(f);
        return;
    }
    if (f->on_shift && !f->signed_off && now_ms >= f->position_ms)
        tell_position(f, now_ms);
    if (f->action.open) {
        if (now_ms - f->action.sent_ms >= ANSWER_MS) {
            f->play->tally.actions_again++;
            phone_send_action(f);
        }
        return;
    }
    sign_on_or_off(f);
    if (!f->action.open && !consider_offer(f, now_ms))
        go_on(f, now_ms);
}

void
phones_start(struct play *p, const char (*tokens)[64])
{
    p->phone = needed(arena_array(p->arena, p->courier_n, sizeof *p->phone));
    for (uint32_t i = 0; i < p->courier_n; i++) {
        struct phone *f = &p->phone[i];
        f->play = p;
        f->index = i;
        f->who = &p->couriers[i];
        f->at = f->who->home;
        f->protobuf = i % 8 == 3;
        snprintf(f->token, sizeof f->token, "%s", tokens[i]);
        f->line_ms = clock_ms() + chance(p, 1000);
        if (chance_of(p, CUT_PERMILLE))
            f->cut_ms = clock_ms() + real_ms(p, chance(p, 3600000));
    }
}

void
phones_tick(struct play *p)
{
    int64_t now_ms = clock_ms();

    for (uint32_t i = 0; i < p->courier_n; i++)
        think(&p->phone[i], now_ms);
}

void
phones_stop(struct play *p)
{
    for (uint32_t i = 0; i < p->courier_n; i++) {
        line_free(p->phone[i].line);
        p->phone[i].line = NULL;
        course_free(&p->phone[i].course);
        p->phone[i].riding = false;
    }
}

unsigned
phones_busy(const struct play *p)
{
    unsigned n = 0;

    for (uint32_t i = 0; i < p->courier_n; i++)
        n += p->phone[i].stop_n > 0;
    return n;
}

unsigned
phones_on_shift(const struct play *p)
{
    unsigned n = 0;

    for (uint32_t i = 0; i < p->courier_n; i++)
        n += p->phone[i].on_shift && !p->phone[i].signed_off;
    return n;
}

const char *
phone_token(const struct play *p, uint32_t i)
{
    return p->phone[i].token;
}
