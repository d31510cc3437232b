#include "io/websocket.h"

#include "io/http_conn.h"
#include "io/ws_frame.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/uio.h>

#define MISSED_PINGS 2

struct ws {
    struct buf parts;            /* of a message that came in parts, so far; else without memory */
    enum ws_frame_opcode opcode; /* of that message */
    bool in_parts;
    bool closing;    /* we said close and wait for the peer's */
    unsigned missed; /* pings without a sign of life since */
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

/* put: one frame. With nothing in front of it, it goes straight to the kernel, head and payload as
 * they are: a push to a phone is copied once, and a connection that keeps up has no buffer. The
 * rest, or what must wait, stays in `out`. False when the connection broke, or without memory. */
static bool
put(struct http_conn *c, enum ws_frame_opcode opcode, struct slice payload)
{
    char head[WS_FRAME_HEAD];
    size_t head_n = ws_frame_head(head, opcode, payload.n);
    size_t sent = 0;

    if (conn_waiting(c) == 0 && !c->out.failed) {
        struct iovec parts[2] = {{head, head_n}, {(char *)(uintptr_t)payload.p, payload.n}};
        const struct msghdr message = {.msg_iov = parts, .msg_iovlen = payload.n > 0 ? 2 : 1};
        ssize_t n = sendmsg(c->fd, &message, MSG_NOSIGNAL);
        if (n < 0 && errno != EAGAIN && errno != EINTR) {
            conn_kill(c);
            return false;
        }
        sent = n > 0 ? (size_t)n : 0;
        if (sent == head_n + payload.n)
            return true;
    }
    if (sent < head_n)
        buf_append(&c->out, head + sent, head_n - sent);
    size_t done = sent > head_n ? sent - head_n : 0;
    buf_append(&c->out, payload.p + done, payload.n - done);
    conn_mark(c); /* which also cuts a connection whose buffer found no memory */
    return !c->out.failed;
}

static void
put_close(struct http_conn *c, uint16_t code, const char *reason)
{
    char payload[WS_CONTROL_MAX] = {(char)(code >> 8), (char)code};
    size_t n = reason == NULL ? 0 : strlen(reason);

    if (n > 120)
        n = 0;
    if (n > 0)
        memcpy(payload + 2, reason, n);
    (void)put(c, WS_FRAME_CLOSE, slice_of(payload, code == 0 ? 0 : 2 + n));
}

/* The last frame is sent or in `out`. */
static void
end(struct http_conn *c, bool peer_closed)
{
    if (c->phase == CONN_DEAD)
        return;
    conn_gone(c);
    c->phase = CONN_CLOSING;
    c->linger = !peer_closed; /* else the peer has no more to say */
    c->in_deadline_ms = c->server->now_ms + c->server->limits.linger_ms;
    conn_mark(c);
}

/* broken: the peer is told which rule it broke, unless we had said close before. */
static void
broken(struct http_conn *c, uint16_t code)
{
    enum http_refusal why = code == WS_CODE_NOT_UTF8  ? HTTP_REFUSED_WS_UTF8
                            : code == WS_CODE_TOO_BIG ? HTTP_REFUSED_WS_SIZE
                                                      : HTTP_REFUSED_WS_PROTOCOL;

    if (!c->ws->closing) {
        put_close(c, code, NULL);
        if (c->server->on.on_refused != NULL)
            c->server->on.on_refused(c->server->ctx, c->id, why);
    }
    end(c, false);
}

static void
deliver(struct http_conn *c, enum ws_frame_opcode opcode, struct slice message)
{
    struct http_server *s = c->server;

    if (opcode == WS_FRAME_TEXT && !ws_text_ok(message))
        broken(c, WS_CODE_NOT_UTF8);
    else if (!c->ws->closing && c->delivered && s->on.on_ws_message != NULL)
        s->on.on_ws_message(s->ctx, c->id, opcode == WS_FRAME_TEXT ? WS_TEXT : WS_BINARY, message);
}

/* take_data: a whole message, or a part of one, which waits for the others in w->parts. */
static void
take_data(struct http_conn *c, const struct ws_frame *f)
{
    struct ws *w = c->ws;

    if ((f->opcode == WS_FRAME_CONTINUATION) != w->in_parts) {
        broken(c, WS_CODE_PROTOCOL);
        return;
    }
    if (f->fin && !w->in_parts) {
        deliver(c, f->opcode, f->payload);
        return;
    }
    if (!w->in_parts)
        w->opcode = f->opcode;
    w->in_parts = !f->fin;
    buf_append(&w->parts, f->payload.p, f->payload.n);
    if (w->parts.failed) {
        conn_kill(c);
        return;
    }
    if (w->in_parts)
        return;
    struct buf whole = w->parts;
    w->parts = (struct buf){0};
    deliver(c, w->opcode, buf_slice(&whole));
    buf_free(&whole);
}

static void
take_close(struct http_conn *c, struct slice payload)
{
    uint16_t code;

    if (!ws_close_ok(payload, &code)) {
        broken(c, code);
        return;
    }
    if (!c->ws->closing)
        put_close(c, code, NULL);
    end(c, true);
}

static void
take_frame(struct http_conn *c, const struct ws_frame *f)
{
    switch (f->opcode) {
    case WS_FRAME_CONTINUATION:
    case WS_FRAME_TEXT:
    case WS_FRAME_BINARY:
        take_data(c, f);
        break;
    case WS_FRAME_CLOSE:
        take_close(c, f->payload);
        break;
    case WS_FRAME_PING:
        if (!c->ws->closing)
            (void)put(c, WS_FRAME_PONG, f->payload);
        break;
    case WS_FRAME_PONG:
        break;
    }
}

size_t
ws_input(struct http_conn *c, char *data, size_t n)
{
    struct ws *w = c->ws;
    size_t used = 0;

    w->missed = 0;
    while (c->phase == CONN_WEBSOCKET && used < n) {
        struct ws_frame frame;
        uint16_t code;
        enum ws_frame_found found = ws_frame_read(
            data + used, n - used, c->server->limits.ws_message_bytes - w->parts.n, &frame, &code);
        if (found == WS_FRAME_PART)
            return used;
        if (found == WS_FRAME_BROKEN) {
            broken(c, code);
            break;
        }
        used += frame.whole;
        take_frame(c, &frame);
    }
    return n; /* nothing behind the end counts */
}

void
ws_tick(struct http_conn *c)
{
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
    (void)put(c, WS_FRAME_PING, (struct slice){0});
}

void
ws_say_close(struct http_conn *c, uint16_t code, const char *reason)
{
    c->ws->closing = true;
    c->in_deadline_ms = c->server->now_ms + c->server->limits.linger_ms;
    put_close(c, code, reason);
}

void
ws_free(struct ws *w)
{
    if (w == NULL)
        return;
    buf_free(&w->parts);
    free(w);
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

/* spread: a share of half a ping's interval that differs from connection to connection. */
static uint64_t
spread(const struct http_server *s, uint64_t conn_id)
{
    return conn_id * UINT64_C(0x9e3779b97f4a7c15) % (s->limits.ws_ping_ms / 2 + 1);
}

enum lc_err
http_upgrade(struct http_server *s, uint64_t conn_id, const char *subprotocol)
{
    struct http_conn *c = http_server_find(s, conn_id);

    if (c == NULL || !c->delivered)
        return LC_ENOTFOUND;
    if (!c->upgrade || c->phase != CONN_PENDING || c->answer != ANSWER_NONE)
        return LC_ESTATE;
    c->ws = calloc(1, sizeof *c->ws);
    if (c->ws == NULL)
        return LC_ENOMEM;
    put_handshake(c, subprotocol);
    c->phase = CONN_WEBSOCKET;
    /* the first ping a little earlier, each its own: phones that came back together after a restart
     * are not all pinged in one turn for ever */
    c->in_deadline_ms = s->now_ms + s->limits.ws_ping_ms / 2 + spread(s, conn_id);
    conn_mark(c);
    if (s->draining)
        ws_say_close(c, WS_CODE_GOING_AWAY, "going away");
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
    struct http_conn *c;
    enum lc_err err = open_ws(s, conn_id, &c);

    if (err != LC_OK)
        return err;
    size_t waiting = conn_waiting(c);
    if (c->overflow || (waiting > 0 && waiting + message.n > s->limits.backlog_bytes)) {
        c->overflow = true;
        conn_mark(c);
        return LC_ETOOBIG;
    }
    if (put(c, opcode == WS_TEXT ? WS_FRAME_TEXT : WS_FRAME_BINARY, message))
        return LC_OK;
    return c->out.failed ? LC_ENOMEM : LC_ENOTFOUND;
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
