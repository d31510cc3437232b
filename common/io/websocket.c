#include "io/websocket.h"

#include "io/http_conn.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <wslay/wslay.h>

#define MISSED_PINGS 2

struct ws {
    wslay_event_context_ptr ctx;
    struct slice feed; /* what wslay may read now; borrowed */
    unsigned missed;   /* pings without a sign of life since */
    bool receiving;    /* inside wslay_event_recv: queue only */
    bool closing;      /* we said close and wait for the peer's */
};

static uint32_t
rotl(uint32_t v, unsigned n)
{
    return v << n | v >> (32 - n);
}

/* SHA-1 (FIPS 180-4) over at most 119 bytes. The handshake wants it, as a checksum; nothing is
 * secured by it. */
static void
sha1(const char *p, size_t n, unsigned char out[20])
{
    uint32_t h[5] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
    unsigned char block[128] = {0};
    size_t blocks = n < 56 ? 1 : 2;

    memcpy(block, p, n);
    block[n] = 0x80;
    block[blocks * 64 - 2] = (unsigned char)(n * 8 >> 8);
    block[blocks * 64 - 1] = (unsigned char)(n * 8);
    for (size_t b = 0; b < blocks; b++) {
        uint32_t w[80];
        for (size_t i = 0; i < 16; i++) {
            const unsigned char *q = block + b * 64 + i * 4;
            w[i] = (uint32_t)q[0] << 24 | (uint32_t)q[1] << 16 | (uint32_t)q[2] << 8 | q[3];
        }
        for (size_t i = 16; i < 80; i++)
            w[i] = rotl(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
        uint32_t v[5] = {h[0], h[1], h[2], h[3], h[4]};
        for (size_t i = 0; i < 80; i++) {
            static const uint32_t k[4] = {0x5a827999, 0x6ed9eba1, 0x8f1bbcdc, 0xca62c1d6};
            uint32_t f = i < 20              ? (v[1] & v[2]) | (~v[1] & v[3])
                         : i >= 40 && i < 60 ? (v[1] & v[2]) | (v[1] & v[3]) | (v[2] & v[3])
                                             : v[1] ^ v[2] ^ v[3];
            uint32_t t = rotl(v[0], 5) + f + v[4] + k[i / 20] + w[i];
            v[4] = v[3], v[3] = v[2], v[2] = rotl(v[1], 30), v[1] = v[0], v[0] = t;
        }
        for (size_t i = 0; i < 5; i++)
            h[i] += v[i];
    }
    for (size_t i = 0; i < 20; i++)
        out[i] = (unsigned char)(h[i / 4] >> (24 - 8 * (i % 4)));
}

static ssize_t
feed_wslay(wslay_event_context_ptr ctx, uint8_t *to, size_t n, int flags, void *user)
{
    struct ws *w = ((struct http_conn *)user)->ws;

    (void)flags;
    if (w->feed.n == 0) {
        wslay_event_set_error(ctx, WSLAY_ERR_WOULDBLOCK);
        return -1;
    }
    if (n > w->feed.n)
        n = w->feed.n;
    memcpy(to, w->feed.p, n);
    w->feed = slice_of(w->feed.p + n, w->feed.n - n);
    return (ssize_t)n;
}

static ssize_t
take_from_wslay(wslay_event_context_ptr ctx, const uint8_t *p, size_t n, int flags, void *user)
{
    struct http_conn *c = user;

    (void)flags;
    buf_append(&c->out, p, n);
    if (c->out.failed) {
        wslay_event_set_error(ctx, WSLAY_ERR_CALLBACK_FAILURE);
        return -1;
    }
    return (ssize_t)n;
}

static void
on_message(wslay_event_context_ptr ctx, const struct wslay_event_on_msg_recv_arg *arg, void *user)
{
    struct http_conn *c = user;
    struct http_server *s = c->server;

    (void)ctx;
    if (arg->opcode != WSLAY_TEXT_FRAME && arg->opcode != WSLAY_BINARY_FRAME)
        return;
    if (c->ws->closing || !c->delivered || s->on.on_ws_message == NULL)
        return;
    s->on.on_ws_message(s->ctx, c->id, arg->opcode == WSLAY_TEXT_FRAME ? WS_TEXT : WS_BINARY,
                        slice_of((const char *)arg->msg, arg->msg_length));
}

static void
count_refusal(struct http_conn *c, uint16_t code)
{
    enum http_refusal why = code == WSLAY_CODE_PROTOCOL_ERROR ? HTTP_REFUSED_WS_PROTOCOL
                            : code == WSLAY_CODE_INVALID_FRAME_PAYLOAD_DATA ? HTTP_REFUSED_WS_UTF8
                            : code == WSLAY_CODE_MESSAGE_TOO_BIG            ? HTTP_REFUSED_WS_SIZE
                                                                            : HTTP_REFUSED_NONE;

    if (why != HTTP_REFUSED_NONE && c->server->on.on_refused != NULL)
        c->server->on.on_refused(c->server->ctx, c->id, why);
}

/* Moves wslay's queue to the connection's output. False when the connection is of no more use. */
static bool
push(struct http_conn *c)
{
    if (wslay_event_send(c->ws->ctx) != 0) {
        conn_kill(c);
        return false;
    }
    conn_mark(c);
    return true;
}

/* The last frame is in `out`. */
static void
end(struct http_conn *c)
{
    conn_gone(c);
    c->phase = CONN_CLOSING;
    c->linger = !wslay_event_get_close_received(c->ws->ctx); /* else the peer has no more to say */
    c->in_deadline_ms = c->server->now_ms + c->server->limits.linger_ms;
    conn_mark(c);
}

void
ws_input(struct http_conn *c, const char *data, size_t n)
{
    struct ws *w = c->ws;

    w->missed = 0;
    w->feed = slice_of(data, n);
    w->receiving = true;
    int err = wslay_event_recv(w->ctx);
    w->receiving = false;
    w->feed = (struct slice){0};
    if (err == WSLAY_ERR_CALLBACK_FAILURE && c->phase == CONN_WEBSOCKET) {
        /* wslay's word for a frame it cannot read at all; it has no close code for that */
        if (!w->closing) {
            buf_append(&c->out, "\x88\x02\x03\xea", 4);
            count_refusal(c, WSLAY_CODE_PROTOCOL_ERROR);
        }
        end(c);
        return;
    }
    if (err != 0) {
        conn_kill(c);
        return;
    }
    if (!wslay_event_want_write(w->ctx) && wslay_event_want_read(w->ctx))
        return;
    if (c->phase != CONN_WEBSOCKET || !push(c) || wslay_event_get_read_enabled(w->ctx))
        return;
    /* Reading is over: the peer said close (and has our echo), or broke the rules (and was told
     * which). */
    if (!wslay_event_get_close_received(w->ctx) && !w->closing)
        count_refusal(c, wslay_event_get_status_code_sent(w->ctx));
    end(c);
}

void
ws_tick(struct http_conn *c)
{
    struct wslay_event_msg ping = {.opcode = WSLAY_PING};
    struct http_server *s = c->server;

    if (c->ws->closing) {
        conn_kill(c);
        return;
    }
    if (c->ws->missed >= MISSED_PINGS) {
        conn_refuse(c, HTTP_REFUSED_NO_PONG);
        return;
    }
    c->ws->missed++;
    c->in_deadline_ms = s->now_ms + s->limits.ws_ping_ms;
    if (wslay_event_queue_msg(c->ws->ctx, &ping) == 0)
        push(c);
}

void
ws_say_close(struct http_conn *c, uint16_t code, const char *reason)
{
    size_t n = reason == NULL ? 0 : strlen(reason);

    if (n > 120)
        n = 0;
    c->ws->closing = true;
    c->in_deadline_ms = c->server->now_ms + c->server->limits.linger_ms;
    if (wslay_event_queue_close(c->ws->ctx, code, (const uint8_t *)reason, n) != 0)
        conn_kill(c);
    else if (!c->ws->receiving)
        push(c);
}

void
ws_free(struct ws *w)
{
    if (w == NULL)
        return;
    wslay_event_context_free(w->ctx);
    free(w);
}

static struct ws *
ws_new(struct http_conn *c)
{
    static const struct wslay_event_callbacks callbacks = {
        .recv_callback = feed_wslay,
        .send_callback = take_from_wslay,
        .on_msg_recv_callback = on_message,
    };
    struct ws *w = calloc(1, sizeof *w);

    if (w == NULL)
        return NULL;
    if (wslay_event_context_server_init(&w->ctx, &callbacks, c) != 0) {
        free(w);
        return NULL;
    }
    wslay_event_config_set_max_recv_msg_length(w->ctx, c->server->limits.ws_message_bytes);
    return w;
}

static void
put_handshake(struct http_conn *c, const char *subprotocol)
{
    char text[24 + 36 + 1];
    unsigned char digest[20];
    char accept[sodium_base64_ENCODED_LEN(sizeof digest, sodium_base64_VARIANT_ORIGINAL)];

    memcpy(text, c->ws_key, 24);
    memcpy(text + 24, "258EAFA5-E914-47DA-95CA-C5AB0DC85B11", 37); /* RFC 6455, 1.3 */
    sha1(text, 60, digest);
    sodium_bin2base64(accept, sizeof accept, digest, sizeof digest, sodium_base64_VARIANT_ORIGINAL);
    buf_str(&c->out, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                     "Connection: Upgrade\r\nSec-WebSocket-Accept: ");
    buf_str(&c->out, accept);
    if (subprotocol != NULL) {
        buf_str(&c->out, "\r\nSec-WebSocket-Protocol: ");
        buf_str(&c->out, subprotocol);
    }
    buf_str(&c->out, "\r\n\r\n");
}

enum lc_err
http_upgrade(struct http_server *s, uint64_t conn_id, const char *subprotocol)
{
    struct http_conn *c = http_server_find(s, conn_id);

    if (c == NULL || !c->delivered)
        return LC_ENOTFOUND;
    if (!c->upgrade || c->phase != CONN_PENDING || c->answer != ANSWER_NONE)
        return LC_ESTATE;
    c->ws = ws_new(c);
    if (c->ws == NULL)
        return LC_ENOMEM;
    put_handshake(c, subprotocol);
    c->phase = CONN_WEBSOCKET;
    c->in_deadline_ms = s->now_ms + s->limits.ws_ping_ms;
    conn_mark(c);
    if (s->draining)
        ws_say_close(c, WSLAY_CODE_GOING_AWAY, "going away");
    return LC_OK;
}

bool
ws_offers(const struct http_request *req, const char *subprotocol)
{
    size_t n = strlen(subprotocol);

    for (size_t i = 0; i < req->header_count; i++) {
        struct slice name = req->headers[i].name;
        if (name.n != 22 || strncasecmp(name.p, "sec-websocket-protocol", 22) != 0)
            continue;
        const char *p = req->headers[i].value.p;
        const char *end = p + req->headers[i].value.n;
        while (p < end) {
            while (p < end && (*p == ' ' || *p == '\t' || *p == ','))
                p++;
            const char *word = p;
            while (p < end && *p != ' ' && *p != '\t' && *p != ',')
                p++;
            if ((size_t)(p - word) == n && memcmp(word, subprotocol, n) == 0)
                return true;
        }
    }
    return false;
}

static enum lc_err
open_ws(struct http_server *s, uint64_t conn_id, struct http_conn **found)
{
    struct http_conn *c = http_server_find(s, conn_id);

    if (c == NULL || !c->delivered)
        return LC_ENOTFOUND;
    if (c->ws == NULL)
        return LC_ESTATE;
    if (c->phase != CONN_WEBSOCKET || c->ws->closing)
        return LC_ENOTFOUND;
    *found = c;
    return LC_OK;
}

enum lc_err
ws_send(struct http_server *s, uint64_t conn_id, enum ws_opcode opcode, struct slice message)
{
    struct wslay_event_msg msg = {
        .opcode = opcode == WS_TEXT ? WSLAY_TEXT_FRAME : WSLAY_BINARY_FRAME,
        .msg = (const uint8_t *)message.p,
        .msg_length = message.n,
    };
    struct http_conn *c;
    enum lc_err err = open_ws(s, conn_id, &c);

    if (err != LC_OK)
        return err;
    size_t waiting = conn_waiting(c) + wslay_event_get_queued_msg_length(c->ws->ctx);
    if (c->overflow || (waiting > 0 && waiting + message.n > s->limits.backlog_bytes)) {
        c->overflow = true;
        conn_mark(c);
        return LC_ETOOBIG;
    }
    int failed = wslay_event_queue_msg(c->ws->ctx, &msg);
    if (failed != 0)
        return failed == WSLAY_ERR_NOMEM ? LC_ENOMEM : LC_ENOTFOUND;
    if (!c->ws->receiving && !push(c))
        return LC_ENOTFOUND;
    conn_mark(c);
    return LC_OK;
}

enum lc_err
ws_close(struct http_server *s, uint64_t conn_id, uint16_t code, const char *reason)
{
    struct http_conn *c;
    enum lc_err err = open_ws(s, conn_id, &c);

    if (err == LC_OK)
        ws_say_close(c, code, reason);
    return err;
}
