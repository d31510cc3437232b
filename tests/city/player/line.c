#include "line.h"

#include "play.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>

#include <stdlib.h>
#include <wslay/wslay.h>

struct line {
    struct bufferevent *wire;
    wslay_event_context_ptr frames;
    const struct line_handlers *handlers;
    void *ctx;
    bool open;
    bool over;
};

static void
over(struct line *l)
{
    if (l->over)
        return;
    l->over = true;
    l->open = false;
    bufferevent_disable(l->wire, EV_READ | EV_WRITE);
    l->handlers->closed(l->ctx);
}

/* ---- wslay ---- */

static ssize_t
take_bytes(wslay_event_context_ptr w, uint8_t *to, size_t n, int flags, void *ctx)
{
    struct line *l = ctx;
    int got = evbuffer_remove(bufferevent_get_input(l->wire), to, n);

    (void)flags;
    if (got <= 0) {
        wslay_event_set_error(w, WSLAY_ERR_WOULDBLOCK);
        return -1;
    }
    return got;
}

static ssize_t
give_bytes(wslay_event_context_ptr w, const uint8_t *from, size_t n, int flags, void *ctx)
{
    struct line *l = ctx;

    (void)flags;
    if (evbuffer_add(bufferevent_get_output(l->wire), from, n) != 0) {
        wslay_event_set_error(w, WSLAY_ERR_CALLBACK_FAILURE);
        return -1;
    }
    return (ssize_t)n;
}

static int
mask(wslay_event_context_ptr w, uint8_t *to, size_t n, void *ctx)
{
    (void)w;
    (void)ctx;
    evutil_secure_rng_get_bytes(to, n);
    return 0;
}

static void
took_message(wslay_event_context_ptr w, const struct wslay_event_on_msg_recv_arg *m, void *ctx)
{
    struct line *l = ctx;

    (void)w;
    if (m->opcode == WSLAY_TEXT_FRAME || m->opcode == WSLAY_BINARY_FRAME)
        l->handlers->message(l->ctx, m->opcode == WSLAY_TEXT_FRAME,
                             slice_of((const char *)m->msg, m->msg_length));
}

/* ---- the wire ---- */

/* The head of the answer to the handshake: true when it is whole and says 101. */
static bool
greeted(struct line *l)
{
    struct evbuffer *in = bufferevent_get_input(l->wire);
    struct evbuffer_ptr end = evbuffer_search(in, "\r\n\r\n", 4, NULL);
    char first[13] = "";

    if (end.pos < 0)
        return false;
    evbuffer_copyout(in, first, sizeof first - 1);
    evbuffer_drain(in, (size_t)end.pos + 4);
    if (strcmp(first, "HTTP/1.1 101") != 0) {
        over(l);
        return false;
    }
    l->open = true;
    l->handlers->opened(l->ctx);
    return !l->over;
}

static void
readable(struct bufferevent *wire, void *ctx)
{
    struct line *l = ctx;

    (void)wire;
    if (l->over || (!l->open && !greeted(l)))
        return;
    if (wslay_event_recv(l->frames) != 0 || wslay_event_send(l->frames) != 0 ||
        wslay_event_get_close_received(l->frames))
        over(l);
}

static void
happened(struct bufferevent *wire, short what, void *ctx)
{
    (void)wire;
    if (what & (BEV_EVENT_EOF | BEV_EVENT_ERROR | BEV_EVENT_TIMEOUT))
        over(ctx);
}

struct line *
line_new(struct event_base *base, const char *address, const char *path, const char *token,
         const char *subprotocol, const struct line_handlers *handlers, void *ctx)
{
    static const struct wslay_event_callbacks calls = {
        .recv_callback = take_bytes,
        .send_callback = give_bytes,
        .genmask_callback = mask,
        .on_msg_recv_callback = took_message,
    };
    struct line *l = needed(calloc(1, sizeof *l));
    struct sockaddr_storage to;
    int n = sizeof to;

    if (evutil_parse_sockaddr_port(address, (struct sockaddr *)&to, &n) != 0)
        give_up("expected IP:PORT, got %s", address);
    l->handlers = handlers;
    l->ctx = ctx;
    if (wslay_event_context_client_init(&l->frames, &calls, l) != 0)
        give_up("out of memory");
    l->wire =
        needed(bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS));
    bufferevent_setcb(l->wire, readable, NULL, happened, l);
    bufferevent_enable(l->wire, EV_READ | EV_WRITE);
    /* The key is the RFC's own example: what it proves is nothing that a robot doubts. */
    evbuffer_add_printf(bufferevent_get_output(l->wire),
                        "GET %s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\n"
                        "Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: %s\r\n"
                        "Authorization: Bearer %s\r\n\r\n",
                        path, address, subprotocol, token);
    if (bufferevent_socket_connect(l->wire, (struct sockaddr *)&to, n) != 0)
        bufferevent_trigger_event(l->wire, BEV_EVENT_ERROR, BEV_TRIG_DEFER_CALLBACKS);
    return l;
}

void
line_free(struct line *l)
{
    if (l == NULL)
        return;
    bufferevent_free(l->wire);
    wslay_event_context_free(l->frames);
    free(l);
}

bool
line_send(struct line *l, bool text, struct slice message)
{
    const struct wslay_event_msg m = {.opcode = text ? WSLAY_TEXT_FRAME : WSLAY_BINARY_FRAME,
                                      .msg = (const uint8_t *)message.p,
                                      .msg_length = message.n};

    return l != NULL && l->open && wslay_event_queue_msg(l->frames, &m) == 0 &&
           wslay_event_send(l->frames) == 0;
}
