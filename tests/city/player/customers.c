/* The customers: some listen to what becomes of their order, some change their minds, all tell the
 * courier their PIN or show their code in the store. */
#include "play.h"

#include "base/record.h"

#include "order.pb-c.h"

#include <stdlib.h>

#define STATE(name) LIFECIRCLE__V1__ORDER_STATE__##name

enum {
    CANCEL_PERMILLE = 15,
    FOLLOW_PERMILLE = 60,
    FOLLOWERS_MAX = 40,
    AGAIN_MS = 700,
};

static int64_t
minutes(struct play *p, uint32_t from, uint32_t to)
{
    return real_ms(p, (int64_t)from * 60000 + chance(p, (to - from) * 60000));
}

/* ---- listening ---- */

static void follow(struct play *p, struct order *o);

static void
heard(struct play *p, struct order *o, struct slice status)
{
    for (unsigned state = 1; state <= RECORD_STATES; state++)
        if (state_ended(state) && slice_eq_str(status, record_state_name(state)))
            o->heard_end = true;
    play_log(p, "\"said\":\"tracked\",\"order\":\"%s\",\"status\":\"%.*s\"", o->id, (int)status.n,
             status.p);
}

static void
follow_piece(void *ctx, uint64_t tag, struct slice piece)
{
    struct play *p = ctx;
    struct order *o = &p->order[tag];
    const char *pin = memmem(piece.p, piece.n, "\"pin\":\"", 7);
    const char *status = memmem(piece.p, piece.n, "\"status\":\"", 10);

    p->tally.tracking_events++;
    if (status != NULL) {
        status += 10;
        size_t n = (size_t)(piece.p + piece.n - status);
        const char *end = memchr(status, '"', n);
        if (end != NULL)
            heard(p, o, slice_of(status, (size_t)(end - status)));
    }
    if (pin != NULL && pin + 11 <= piece.p + piece.n)
        snprintf(o->pin, sizeof o->pin, "%.4s", pin + 7);
}

static void
follow_done(void *ctx, uint64_t tag, int status, struct slice body, int64_t took_us)
{
    struct play *p = ctx;
    struct order *o = &p->order[tag];

    (void)status;
    (void)body;
    (void)took_us;
    o->follows = false;
    if (!o->heard_end) /* cut: as a browser's EventSource does */
        o->listen_ms = clock_ms() + AGAIN_MS;
}

static void
follow(struct play *p, struct order *o)
{
    char path[80];

    o->follows = true;
    snprintf(path, sizeof path, "/t/%s/events", o->track);
    const struct caller_request r = {.method = "GET",
                                     .path = path,
                                     .deadline_s = 3600,
                                     .done = follow_done,
                                     .piece = follow_piece,
                                     .ctx = p,
                                     .tag = (uint64_t)(o - p->order)};
    caller_send(p->to_follow, &r);
}

/* ---- PIN and code ---- */

static void
pin_done(void *ctx, uint64_t tag, int status, struct slice body, int64_t took_us)
{
    struct play *p = ctx;
    struct order *o = &p->order[tag];
    const struct json_value *v = json_of(p, body);

    (void)took_us;
    if (status == 200)
        (void)text_at(v, o->of->collection ? "collection_code" : "pin", o->pin, sizeof o->pin);
}

void
customer_pin(struct play *p, struct order *o)
{
    char path[64];

    if (o->pin[0] != '\0')
        return;
    if (o->track[0] == '\0') { /* the chain has the link; not every answer has it */
        order_look(p, o);
        return;
    }
    snprintf(path, sizeof path, "/t/%s", o->track);
    const struct caller_request r = {
        .method = "GET", .path = path, .done = pin_done, .ctx = p, .tag = (uint64_t)(o - p->order)};
    caller_send(p->to_notifier, &r);
}

/* ---- steps of an order that the chain takes for its customer ---- */

static void
post(struct play *p, const struct order *o, const char *verb, const char *body, caller_done *done)
{
    char path[80];

    snprintf(path, sizeof path, "/v1/orders/%s/%s", o->id, verb);
    const struct caller_request r = {.method = "POST",
                                     .path = path,
                                     .token = p->chain[o->chain].key,
                                     .type = "application/json",
                                     .body = slice_str(body),
                                     .done = done,
                                     .ctx = p,
                                     .tag = (uint64_t)(o - p->order)};
    caller_send(p->to_intake, &r);
}

static void
cancel_done(void *ctx, uint64_t tag, int status, struct slice body, int64_t took_us)
{
    struct play *p = ctx;
    struct order *o = &p->order[tag];

    (void)body;
    (void)took_us;
    if (status == 0 || status == 429 || status >= 500) {
        o->cancel_ms = clock_ms() + AGAIN_MS;
        return;
    }
    if (status == 200)
        p->tally.cancels++;
    else
        p->tally.cancels_late++;
    o->look_ms = clock_ms();
}

static void
ready_done(void *ctx, uint64_t tag, int status, struct slice body, int64_t took_us)
{
    struct play *p = ctx;
    struct order *o = &p->order[tag];

    (void)body;
    (void)took_us;
    if (status == 200) {
        o->collect_step = 2;
        o->collect_ms = clock_ms() + minutes(p, 3, 20);
    } else if (status == 0 || status == 429 || status >= 500) {
        o->collect_ms = clock_ms() + AGAIN_MS;
    }
}

static void
collected_done(void *ctx, uint64_t tag, int status, struct slice body, int64_t took_us)
{
    struct play *p = ctx;
    struct order *o = &p->order[tag];

    (void)body;
    (void)took_us;
    o->look_ms = clock_ms();
    if (status == 200)
        p->tally.collected++;
    else if (status == 0 || status == 429 || status >= 500)
        o->collect_ms = clock_ms() + AGAIN_MS;
}

static void
collect(struct play *p, struct order *o)
{
    char body[32];

    o->collect_ms = 0;
    if (state_ended(o->state))
        return;
    if (o->collect_step == 1) {
        post(p, o, "ready", "{}", ready_done);
    } else if (o->pin[0] == '\0') {
        customer_pin(p, o);
        o->collect_ms = clock_ms() + AGAIN_MS;
    } else {
        snprintf(body, sizeof body, "{\"code\":\"%s\"}", o->pin);
        post(p, o, "collected", body, collected_done);
    }
}

void
customer_taken(struct play *p, struct order *o)
{
    if (chance_of(p, CANCEL_PERMILLE))
        o->cancel_ms = clock_ms() + minutes(p, 1, 25);
    if (p->tally.followers < FOLLOWERS_MAX && o->track[0] != '\0' &&
        chance_of(p, FOLLOW_PERMILLE)) {
        p->tally.followers++;
        follow(p, o);
    }
}

void
customers_tick(struct play *p)
{
    int64_t now_ms = clock_ms();

    for (uint32_t i = 0; i < p->next_order; i++) {
        struct order *o = &p->order[i];
        if (o->cancel_ms != 0 && now_ms >= o->cancel_ms) {
            o->cancel_ms = 0;
            if (!state_ended(o->state))
                post(p, o, "cancel", "{\"reason\":\"customer_cancelled\"}", cancel_done);
        }
        if (o->collect_ms != 0 && now_ms >= o->collect_ms)
            collect(p, o);
        if (o->listen_ms != 0 && now_ms >= o->listen_ms) {
            o->listen_ms = 0;
            follow(p, o);
        }
    }
}
