/* echo_core: a small core that uses every kind of event and effect; run as a process by
 * echo_daemon.c, replayed in the test's own. GET /count: INCR in Redis, answers the number. GET
 * /fail: a step that fails. GET /tire: so does the next wake; GET /rested: 200 when there was one
 * after that. GET /config: what it was told. GET /ws: a WebSocket that echoes. POST
 * /stream: the length of a streamed body. Messages are answered. */
#ifndef LC_TESTS_IO_ECHO_CORE_H
#define LC_TESTS_IO_ECHO_CORE_H

#include "base/step.h"
#include "base/wire.h"

#include <stdio.h>
#include <stdlib.h>

struct echo {
    struct mint mint;
    char config[256];
    bool up;
    enum echo_state { FRESH, TIRED, FAILED, RESTED } state;
    uint64_t streamed;
    struct counter counters[3];
};

static void *
echo_open(void)
{
    struct echo *e = calloc(1, sizeof *e);

    if (e == NULL)
        return NULL;
    e->counters[0] = (struct counter){"events_total{kind=\"http\"}", "events", 0, false};
    e->counters[1] = (struct counter){"events_total{kind=\"message\"}", "events", 0, false};
    e->counters[2] = (struct counter){"wakes_total", "wakes", 0, false};
    return e;
}

static void
echo_close(void *core)
{
    free(core);
}

static enum lc_err
echo_start(struct echo *e, const struct event *ev, struct outbox *out)
{
    struct slice greeting = config_get(ev->config, "greeting");

    if (slice_eq_str(greeting, "refuse"))
        return outbox_refuse(out, "greeting", "a_kind_word");
    mint_init(&e->mint, "echo", config_get(ev->config, "city"), ev->entropy);
    snprintf(e->config, sizeof e->config, "greeting=%.*s tzif=%zu at=%lld", (int)greeting.n,
             greeting.p, config_get(ev->config, "tzif").n, (long long)ev->now_ms);
    outbox_wake(out, ev->now_ms + 20);
    return LC_OK;
}

static enum lc_err
echo_http(struct echo *e, const struct event *ev, struct outbox *out)
{
    const struct slice argv[] = {SLICE_LIT("INCR"), SLICE_LIT("{echo}:n")};
    struct slice path = ev->http->path;

    e->counters[0].value++;
    if (slice_eq_str(path, "/count")) {
        outbox_redis(out, ev->ref, argv, 2);
    } else if (slice_eq_str(path, "/config")) {
        outbox_http(out, ev->ref, 200, "text/plain", NULL, slice_str(e->config));
    } else if (slice_eq_str(path, "/ws")) {
        outbox_socket_accept(out, ev->ref, NULL);
    } else if (slice_eq_str(path, "/stream")) {
        e->streamed = 0;
    } else if (slice_eq_str(path, "/tire")) {
        e->state = TIRED;
        outbox_http(out, ev->ref, 200, "text/plain", NULL, SLICE_LIT("tired"));
    } else if (slice_eq_str(path, "/rested")) {
        outbox_http(out, ev->ref, e->state == RESTED ? 200 : 404, "text/plain", NULL,
                    SLICE_LIT("rested?"));
    } else if (slice_eq_str(path, "/fail")) {
        outbox_http(out, ev->ref, 200, "text/plain", NULL, SLICE_LIT("never seen"));
        return LC_ESTATE;
    } else {
        outbox_http(out, ev->ref, 404, "text/plain", NULL, SLICE_LIT("no such page"));
    }
    return LC_OK;
}

static void
echo_reply(const struct event *ev, struct outbox *out)
{
    char text[64];

    if (ev->reply->kind != REPLY_INT) {
        outbox_http(out, ev->ref, 503, "text/plain", NULL, SLICE_LIT("lost"));
        return;
    }
    snprintf(text, sizeof text, "%lld", (long long)ev->reply->integer);
    outbox_http(out, ev->ref, 200, "text/plain", NULL, slice_str(text));
    outbox_note(out, "counted", "n=%s entropy=%llu", text, (unsigned long long)ev->entropy);
}

static void
echo_streamed(const struct echo *e, const struct event *ev, struct outbox *out)
{
    char text[64];

    snprintf(text, sizeof text, "%llu", (unsigned long long)e->streamed);
    outbox_http(out, ev->ref, 200, "text/plain", NULL, slice_str(text));
}

static enum lc_err
echo_step(void *core, const struct event *ev, struct outbox *out)
{
    struct echo *e = core;
    Lifecircle__V1__Envelope env;
    Lifecircle__V1__Ack ack = LIFECIRCLE__V1__ACK__INIT;

    switch (ev->kind) {
    case EVENT_START:
        return echo_start(e, ev, out);
    case EVENT_WAKE:
        e->counters[2].value++;
        outbox_wake(out, ev->now_ms + 20);
        if (e->state == TIRED) {
            e->state = FAILED;
            return LC_ENOMEM;
        }
        e->state = e->state == FAILED ? RESTED : e->state;
        break;
    case EVENT_MESSAGE:
        e->counters[1].value++;
        envelope_answer(&env, &e->mint, ev->now_ms, ev->envelope);
        env.body_case = LIFECIRCLE__V1__ENVELOPE__BODY_ACK;
        env.ack = &ack;
        outbox_answer(out, ev->ref, &env);
        break;
    case EVENT_HTTP:
        return echo_http(e, ev, out);
    case EVENT_HTTP_BODY:
        e->streamed += ev->bytes.n;
        break;
    case EVENT_HTTP_END:
        echo_streamed(e, ev, out);
        break;
    case EVENT_REDIS:
        echo_reply(ev, out);
        break;
    case EVENT_SOCKET:
        outbox_socket_send(out, ev->ref, ev->text, ev->bytes);
        break;
    case EVENT_REDIS_UP:
        e->up = true;
        break;
    case EVENT_TURN_END:
    case EVENT_GONE:
    case EVENT_CALLED:
    case EVENT_STOP:
    case EVENT_TRAVEL:
    case EVENT_ROADS:
    case EVENT_WORK:
    case EVENT_ADDRESSES:
        break;
    }
    return LC_OK;
}

static const struct counter *
echo_counters(const void *core, size_t *n)
{
    const struct echo *e = core;

    *n = 3;
    return e->counters;
}

static bool
echo_ready(const void *core)
{
    return ((const struct echo *)core)->up;
}

static bool
echo_streams(struct slice method, struct slice path)
{
    return slice_eq_str(method, "POST") && slice_eq_str(path, "/stream");
}

static const struct service echo_service = {
    .name = "echo",
    .open = echo_open,
    .step = echo_step,
    .close = echo_close,
    .counters = echo_counters,
    .ready = echo_ready,
    .streams = echo_streams,
};

#endif
