/* edge: a server under test, a scripted application behind it, and raw client sockets, all on one
 * loop.
 *
 * The application answers by path: /echo sends the body back; /stream does so part by part; /hold
 * and /sse leave the request to the test (edge.held); /ws is a WebSocket that echoes; anything else
 * is 404. */
#ifndef LC_TESTS_IO_EDGE_H
#define LC_TESTS_IO_EDGE_H

#include "io/http_server.h"
#include "io/websocket.h"
#include "unit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static struct {
    struct event_base *base;
    struct http_server *server;
    uint16_t port;
    uint64_t held;   /* the last request of /hold, /sse, /ws or /stream */
    struct buf seen; /* paths and bodies as they came */
    unsigned requests, answered, gone, body_ends, messages, drained;
    unsigned refused[HTTP_REFUSED_COUNT];
    bool silent; /* /ws does not echo, /stream does not answer */
} edge;

static inline bool
edge_stream(void *ctx, struct slice method, struct slice path)
{
    (void)ctx;
    return slice_eq_str(method, "POST") && slice_eq_str(path, "/stream");
}

static inline void
edge_request(void *ctx, uint64_t id, const struct http_request *req)
{
    (void)ctx;
    edge.requests++;
    if (slice_eq_str(req->path, "/echo")) {
        enum lc_err err = http_respond(edge.server, id, 200, "text/plain",
                                       SLICE_LIT("X-Test: yes\r\n"), req->body);
        CU_ASSERT_EQUAL(err, LC_OK);
        edge.answered++;
        return;
    }
    edge.held = id;
    if (slice_eq_str(req->path, "/stream") && !edge.silent)
        http_respond_begin(edge.server, id, 200, "application/x-ndjson", (struct slice){0});
    else if (slice_eq_str(req->path, "/sse"))
        http_respond_begin(edge.server, id, 200, "text/event-stream", (struct slice){0});
    else if (slice_eq_str(req->path, "/ws") && req->upgrade)
        http_upgrade(edge.server, id, ws_offers(req, "test.v1") ? "test.v1" : NULL);
    else if (!slice_eq_str(req->path, "/hold") && !slice_eq_str(req->path, "/stream"))
        edge.answered +=
            http_respond(edge.server, id, 404, NULL, (struct slice){0}, (struct slice){0}) == LC_OK;
}

static inline void
edge_body(void *ctx, uint64_t id, struct slice part)
{
    (void)ctx;
    buf_append(&edge.seen, part.p, part.n);
    if (!edge.silent)
        http_respond_chunk(edge.server, id, part);
}

static inline void
edge_body_end(void *ctx, uint64_t id)
{
    (void)ctx;
    edge.body_ends++;
    if (!edge.silent)
        edge.answered += http_respond_end(edge.server, id) == LC_OK;
}

static inline void
edge_gone(void *ctx, uint64_t id)
{
    (void)ctx, (void)id;
    edge.gone++;
}

static inline void
edge_refused(void *ctx, uint64_t id, enum http_refusal why)
{
    (void)ctx, (void)id;
    edge.refused[why]++;
}

static inline void
edge_message(void *ctx, uint64_t id, enum ws_opcode opcode, struct slice message)
{
    (void)ctx;
    edge.messages++;
    buf_append(&edge.seen, message.p, message.n);
    if (!edge.silent)
        CU_ASSERT_EQUAL(ws_send(edge.server, id, opcode, message), LC_OK);
}

static inline void
edge_drained(void *ctx)
{
    (void)ctx;
    edge.drained++;
}

static inline void
edge_open(const struct http_limits *limits)
{
    static const struct http_handlers handlers = {
        .stream = edge_stream,
        .on_request = edge_request,
        .on_body = edge_body,
        .on_body_end = edge_body_end,
        .on_gone = edge_gone,
        .on_refused = edge_refused,
        .on_ws_message = edge_message,
        .on_drained = edge_drained,
    };

    memset(&edge, 0, sizeof edge);
    edge.base = event_base_new();
    edge.server = http_server_new(edge.base, limits, &handlers, NULL);
    if (edge.server == NULL || http_server_listen(edge.server, "127.0.0.1:0", &edge.port) != LC_OK)
        abort();
}

static inline void
edge_close(void)
{
    http_server_destroy(edge.server);
    event_base_free(edge.base);
    buf_free(&edge.seen);
}

struct client {
    int fd;
    struct event *ev;
    struct buf in;
    bool eof, broken;
    bool deaf; /* does not read */
};

static inline uint64_t
now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* Turns the loop until the condition holds; fails the test after 10 s. */
#define AWAIT(cond)                                                                                \
    do {                                                                                           \
        uint64_t until_ = now_ms() + 10000;                                                        \
        while (!(cond) && now_ms() < until_)                                                       \
            event_base_loop(edge.base, EVLOOP_ONCE);                                               \
        CU_ASSERT(cond);                                                                           \
    } while (0)

static inline void
client_readable(evutil_socket_t fd, short what, void *arg)
{
    struct client *c = arg;
    char *to = buf_reserve(&c->in, 65536);

    (void)what;
    ssize_t n = recv(fd, to, 65536, 0);
    if (n > 0) {
        c->in.n += (size_t)n;
        return;
    }
    c->eof = true;
    c->broken = n < 0;
    event_del(c->ev);
}

/* client_open_from: from an address of the loopback; NULL = the usual one. */
static inline void
client_open_from(struct client *c, const char *address)
{
    struct sockaddr_in sa = {.sin_family = AF_INET, .sin_port = htons(edge.port)};
    struct sockaddr_in from = {.sin_family = AF_INET};

    *c = (struct client){.fd = socket(AF_INET, SOCK_STREAM, 0)};
    if (address != NULL && (inet_pton(AF_INET, address, &from.sin_addr) != 1 ||
                            bind(c->fd, (struct sockaddr *)&from, sizeof from) != 0))
        abort();
    sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(c->fd, (struct sockaddr *)&sa, sizeof sa) != 0)
        abort();
    evutil_make_socket_nonblocking(c->fd);
    int one = 1; /* a byte at a time must be a packet at a time */
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    c->ev = event_new(edge.base, c->fd, EV_READ | EV_PERSIST, client_readable, c);
    event_add(c->ev, NULL);
}

static inline void
client_open(struct client *c)
{
    client_open_from(c, NULL);
}

static inline void
client_close(struct client *c)
{
    event_free(c->ev);
    close(c->fd);
    buf_free(&c->in);
}

/* Sends all of it, turning the loop when the socket is full. Bytes nobody wants any more are
 * dropped. */
static inline void
client_send(struct client *c, const void *p, size_t n)
{
    const char *from = p;
    uint64_t until = now_ms() + 10000;

    while (n > 0 && now_ms() < until) {
        ssize_t sent = send(c->fd, from, n, MSG_NOSIGNAL);
        if (sent < 0 && errno != EAGAIN)
            return;
        if (sent > 0) {
            from += sent;
            n -= (size_t)sent;
        } else {
            event_base_loop(edge.base, EVLOOP_ONCE);
        }
    }
    CU_ASSERT_EQUAL(n, 0);
}

static inline void
client_say(struct client *c, const char *text)
{
    client_send(c, text, strlen(text));
}

static inline bool
client_has(const struct client *c, const char *text)
{
    return c->in.n > 0 && memmem(c->in.p, c->in.n, text, strlen(text)) != NULL;
}

/* The status of the first answer; 0 without one. */
static inline int
client_status(const struct client *c)
{
    char text[16] = "";

    if (c->in.n < 12 || memcmp(c->in.p, "HTTP/1.1 ", 9) != 0)
        return 0;
    memcpy(text, c->in.p + 9, 3);
    return atoi(text);
}

static inline unsigned
count_of(const struct buf *b, const char *text)
{
    unsigned found = 0;
    const char *p = b->p;

    while (p != NULL && (p = memmem(p, b->n - (size_t)(p - b->p), text, strlen(text))) != NULL) {
        found++;
        p += strlen(text);
    }
    return found;
}

/* The server still serves, on a fresh connection. */
static inline void
assert_serving(void)
{
    struct client c;

    client_open(&c);
    client_say(&c, "GET /echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    AWAIT(c.eof);
    CU_ASSERT_EQUAL(client_status(&c), 200);
    client_close(&c);
}

#endif
