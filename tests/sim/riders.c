/* riders: couriers with phones that lose their connection, sleep, decline, stay silent, sign off
 * with work in hand, have trouble at the store and at the door, and come back. */
#include "world.h"

#include <stdlib.h>

enum { REPEAT_MS = 3000, SLEEP_MS = 150000 };

#define REPORT(x) LIFECIRCLE__V1__REPORT_KIND__##x
#define REASON(x) LIFECIRCLE__V1__REASON__##x
#define OUTCOME(x) LIFECIRCLE__V1__COURIER_REPLY__OUTCOME__##x

static void think(struct sim *s, void *arg);
static void connect_phone(struct sim *s, void *arg);

static void
think_in(struct sim *s, struct phone *p, int64_t low_ms, int64_t high_ms)
{
    sim_later(s, rng_between(&s->world_rng, low_ms, high_ms), think, p);
}

/* ---- doing things ---- */

/* act: an action that must be answered; said again until it is. */
static struct action *
act(struct sim *s, struct phone *p, Lifecircle__V1__ReportKind kind)
{
    struct action *a = &p->action;

    *a = (struct action){.kind = kind, .said_ms = s->now_ms};
    snprintf(a->id, sizeof a->id, "p%u-%u", p->index, ++p->actions);
    return a;
}

static void
act_on_stop(struct sim *s, struct phone *p, Lifecircle__V1__ReportKind kind,
            Lifecircle__V1__Reason reason)
{
    struct action *a = act(s, p, kind);

    memcpy(a->order, p->route.stop_order, sizeof a->order);
    a->reason = reason;
}

/* answer_offer: false when the courier does not react. */
static bool
answer_offer(struct sim *s, struct phone *p)
{
    unsigned mood = (unsigned)rng_below(&s->world_rng, 100);

    p->decided = p->seen;
    if (mood >= 95 && s->now_ms < s->calm_ms)
        return false;
    act(s, p, mood < 88 || s->now_ms >= s->calm_ms ? REPORT(ACCEPT) : REPORT(DECLINE))->version =
        p->seen;
    return true;
}

static void
hand_over(struct sim *s, struct phone *p)
{
    struct uuid id;
    char pin[PIN_TEXT];

    act_on_stop(s, p, REPORT(DELIVER), 0);
    if (uuid_parse(slice_str(p->route.stop_order), &id) != LC_OK)
        return;
    delivery_pin(&s->secret, id, pin);
    if (rng_chance(&s->world_rng, 5))
        pin[0] = pin[0] == '9' ? '0' : (char)(pin[0] + 1); /* a slip of the thumb */
    memcpy(p->action.pin, pin, sizeof pin);
}

/* work: the next thing to do at the first accepted stop. */
static void
work(struct sim *s, struct phone *p)
{
    static const Lifecircle__V1__Reason at_store[] = {
        REASON(MERCHANT_CLOSED), REASON(MERCHANT_ITEM_MISSING), REASON(COURIER_UNASSIGNED_SELF)};
    char stop[sizeof p->enroute];
    bool lucky = s->now_ms >= s->calm_ms || rng_chance(&s->world_rng, 97);

    snprintf(stop, sizeof stop, "%d%s", (int)p->route.stop_kind, p->route.stop_order);
    if (strcmp(p->enroute, stop) != 0) {
        memcpy(p->enroute, stop, sizeof stop);
        if (rng_chance(&s->world_rng, 90)) { /* some forget to say so */
            act_on_stop(s, p, REPORT(ENROUTE), 0);
            return;
        }
    }
    if (!p->route.stop_arrived && rng_chance(&s->world_rng, 90))
        act_on_stop(s, p, REPORT(ARRIVED), 0);
    else if (p->route.stop_kind == LIFECIRCLE__V1__STOP__KIND__RETURN)
        act_on_stop(s, p, REPORT(BROUGHT_BACK), 0);
    else if (p->route.stop_kind == LIFECIRCLE__V1__STOP__KIND__PICKUP && lucky)
        act_on_stop(s, p, REPORT(PICKED), 0);
    else if (p->route.stop_kind == LIFECIRCLE__V1__STOP__KIND__PICKUP)
        act_on_stop(s, p, REPORT(PROBLEM), at_store[rng_below(&s->world_rng, 3)]);
    else if (lucky)
        hand_over(s, p);
    else
        act_on_stop(s, p, REPORT(UNDELIVERABLE), REASON(CUSTOMER_ABSENT));
}

/* moods: what a courier does for no good reason, until it is calm. */
static void
moods(struct sim *s, struct phone *p)
{
    if (s->now_ms >= s->calm_ms)
        return;
    if (rng_below(&s->world_rng, 250) == 0) {
        p->asleep_ms = s->now_ms + rng_between(&s->world_rng, 5000, SLEEP_MS);
        if (rng_chance(&s->world_rng, 50)) { /* switched off; else it is only silent */
            sim_hang_up(s, p->conn);
            p->open = false;
            p->conn = 0;
            sim_later(s, p->asleep_ms - s->now_ms, connect_phone, p);
        }
    } else if (rng_below(&s->world_rng, 300) == 0) {
        p->leaves = true;
    }
}

/* decide: what to do next; false when nothing is to be said. */
static bool
decide(struct sim *s, struct phone *p)
{
    if (p->action.kind != 0) {
        if (s->now_ms < p->action.said_ms + REPEAT_MS)
            return false;
        p->action.said_ms = s->now_ms;
    } else if (!p->on_shift) {
        act(s, p, REPORT(SIGN_ON));
    } else if (p->leaves) {
        p->leaves = false;
        act(s, p, REPORT(SIGN_OFF));
    } else if (p->route.offered && p->decided != p->seen) {
        return answer_offer(s, p);
    } else if (p->route.has_stop) {
        work(s, p);
    } else {
        return false;
    }
    return true;
}

static void
think(struct sim *s, void *arg)
{
    struct phone *p = arg;

    if (p->open && s->now_ms >= p->asleep_ms) {
        if (decide(s, p))
            rider_report(s, p);
        if (rng_chance(&s->world_rng, 60)) {
            p->at.lat_e7 += (int32_t)rng_between(&s->world_rng, -5000, 5000);
            p->at.lng_e7 += (int32_t)rng_between(&s->world_rng, -5000, 5000);
            rider_position(s, p);
        }
        moods(s, p);
    }
    think_in(s, p, 1000, 12000);
}

/* ---- hearing things ---- */

static void
hear_route(struct sim *s, struct phone *p, const struct heard *h)
{
    if (h->version < p->seen)
        sim_fail(s, "courier %u: version %u after %u", p->courier, h->version, p->seen);
    if (h->version <= p->shown)
        sim_fail(s, "courier %u: version %u shown twice on one connection", p->courier, h->version);
    p->seen = p->shown = h->version;
    p->route = *h;
    s->world->pushes++;
}

static void
hear_done(struct phone *p, const struct heard *h)
{
    bool fine = h->outcome == OUTCOME(DONE) || h->outcome == OUTCOME(ALREADY);

    if (p->action.kind == 0 || strcmp(h->action_id, p->action.id) != 0)
        return; /* the answer to an earlier try */
    if (h->outcome == OUTCOME(UNAVAILABLE_NOW))
        return; /* said again */
    if (fine && p->action.kind == REPORT(SIGN_ON))
        p->on_shift = true;
    if (fine && p->action.kind == REPORT(SIGN_OFF))
        p->on_shift = false;
    p->action.kind = 0;
}

static void
answered(struct sim *s, struct client *c, uint64_t conn, const struct answer *a)
{
    struct phone *p = (struct phone *)c;
    struct heard h;

    if (conn != p->conn)
        return;
    if (a->kind == EFFECT_SOCKET_ACCEPT) {
        p->open = true;
        p->shown = 0;
        rider_hello(s, p);
        if (p->action.kind != 0)
            rider_report(s, p);
    } else if (a->kind == EFFECT_SOCKET_SEND) {
        rider_hear(s, p, a, &h);
        if (h.kind == HEARD_WELCOME)
            p->on_shift = h.on_shift;
        else if (h.kind == HEARD_ROUTE)
            hear_route(s, p, &h);
        else if (h.kind == HEARD_DONE)
            hear_done(p, &h);
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
    p->conn = sim_socket(s, &p->client, node_of(s, NODE_NOTIFIER), target,
                         p->protobuf ? "Sec-WebSocket-Protocol: lifecircle.v1.protobuf\n"
                                     : "Sec-WebSocket-Protocol: lifecircle.v1.json\n");
}

void
riders_open(struct sim *s)
{
    for (unsigned i = 0; i < s->world->n_phones; i++) {
        struct phone *p = &s->world->phones[i];
        p->client.answered = answered;
        p->index = i;
        p->protobuf = i % 2 == 1;
        p->at = world_place(s);
        sim_later(s, rng_between(&s->world_rng, 0, 60000), connect_phone, p);
        think_in(s, p, 1000, 60000);
    }
}
