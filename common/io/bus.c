#include "io/bus_own.h"
#include "io/log.h"

#include <errno.h>
#include <stdlib.h>

enum { HWM = 10000, FRAME_MAX = 4 * 1024 * 1024, PARTS_MAX = 3 };
enum {
    HEARTBEAT_MS = 2000,
    HEARTBEAT_LOST_MS = 6000,
    HANDSHAKE_MS = 3000,
    RECONNECT_MS = 100,
    RECONNECT_MOST_MS = 2000
};

static bool
set_int(void *socket, int option, int value)
{
    return zmq_setsockopt(socket, option, &value, sizeof value) == 0;
}

static bool
set_options(void *socket, int type)
{
    const int64_t frame_max = FRAME_MAX;
    bool ok =
        set_int(socket, ZMQ_SNDHWM, HWM) && set_int(socket, ZMQ_RCVHWM, HWM) &&
        set_int(socket, ZMQ_LINGER, 0) && set_int(socket, ZMQ_IMMEDIATE, 1) &&
        set_int(socket, ZMQ_IPV6, 1) && set_int(socket, ZMQ_HEARTBEAT_IVL, HEARTBEAT_MS) &&
        set_int(socket, ZMQ_HEARTBEAT_TIMEOUT, HEARTBEAT_LOST_MS) &&
        set_int(socket, ZMQ_HEARTBEAT_TTL, HEARTBEAT_LOST_MS) &&
        set_int(socket, ZMQ_HANDSHAKE_IVL, HANDSHAKE_MS) &&
        set_int(socket, ZMQ_RECONNECT_IVL, RECONNECT_MS) &&
        set_int(socket, ZMQ_RECONNECT_IVL_MAX, RECONNECT_MOST_MS) &&
        set_int(socket, ZMQ_TCP_KEEPALIVE, 1) && set_int(socket, ZMQ_TCP_KEEPALIVE_IDLE, 30) &&
        set_int(socket, ZMQ_TCP_KEEPALIVE_INTVL, 10) && set_int(socket, ZMQ_TCP_KEEPALIVE_CNT, 3) &&
        zmq_setsockopt(socket, ZMQ_MAXMSGSIZE, &frame_max, sizeof frame_max) == 0;

    /* who keeps to the credits never has more than that many waiting here: a stranger may not fill
     * the memory either */
    if (type == ZMQ_ROUTER)
        ok = ok && set_int(socket, ZMQ_ROUTER_MANDATORY, 1) &&
             set_int(socket, ZMQ_RCVHWM, 2 * BUS_CREDITS);
    if (type == ZMQ_SUB)
        ok = ok && zmq_setsockopt(socket, ZMQ_SUBSCRIBE, "", 0) == 0;
    return ok;
}

/* What came in as one message: at most PARTS_MAX parts; more are read and thrown away. */
struct message {
    zmq_msg_t parts[PARTS_MAX];
    size_t n;
};

static bool
receive(void *socket, struct message *m)
{
    m->n = 0;
    for (bool more = true; more;) {
        zmq_msg_t part;
        zmq_msg_init(&part);
        if (zmq_msg_recv(&part, socket, ZMQ_DONTWAIT) < 0) {
            zmq_msg_close(&part);
            return false; /* messages come whole: this is only so before the first part */
        }
        more = zmq_msg_more(&part) != 0;
        if (m->n < PARTS_MAX) {
            zmq_msg_init(&m->parts[m->n]);
            zmq_msg_move(&m->parts[m->n], &part);
        }
        m->n++;
        zmq_msg_close(&part);
    }
    return true;
}

static struct slice
part(struct message *m, size_t i)
{
    return slice_of(zmq_msg_data(&m->parts[i]), zmq_msg_size(&m->parts[i]));
}

static void
hand_on(struct port *p, struct message *m)
{
    struct bus *b = p->bus;
    uint64_t link = 0;

    b->counts.frames_in++;
    if (p->router && m->n <= PARTS_MAX && !curve_lets_in(b, &m->parts[m->n - 1])) {
        b->counts.frames_refused++;
        return;
    }
    if (p->router) {
        bool delimiter = m->n == 3 && part(m, 1).n == 0;
        if (m->n == 2 || delimiter)
            link = links_from(b->links, part(m, 0), delimiter, &b->counts.links_given_way);
        if (link == 0) {
            b->counts.malformed++;
            return;
        }
    } else if (m->n != 1) {
        b->counts.malformed++;
        return;
    }
    struct slice frame = part(m, m->n - 1);
    if (p->peer != NULL)
        peers_answered(p->peer, frame);
    b->frame(b->ctx, link, frame);
}

static void
on_port(void *ctx)
{
    struct port *p = ctx;
    struct message m;

    for (int i = 0; i < BUS_BUDGET; i++) {
        if (!receive(p->socket, &m))
            return;
        hand_on(p, &m);
        for (size_t k = 0; k < m.n && k < PARTS_MAX; k++)
            zmq_msg_close(&m.parts[k]);
    }
    loop_watch_wake(p->watch); /* there may be more, and the descriptor will not say so again */
}

bool
port_open(struct bus *b, struct port *p, int type)
{
    int fd;
    size_t n = sizeof fd;

    p->bus = b;
    p->router = type == ZMQ_ROUTER;
    p->socket = zmq_socket(b->zmq, type);
    if (p->socket == NULL)
        return false;
    if (set_options(p->socket, type) && curve_options(b, p->socket, type) &&
        zmq_getsockopt(p->socket, ZMQ_FD, &fd, &n) == 0)
        p->watch = loop_watch_new(b->loop, fd, on_port, p);
    if (p->watch == NULL) {
        port_close(p, 0);
        return false;
    }
    loop_watch_want(p->watch, true, false);
    loop_watch_wake(p->watch);
    return true;
}

void
port_close(struct port *p, int linger_ms)
{
    loop_watch_free(p->watch);
    p->watch = NULL;
    if (p->socket != NULL) {
        set_int(p->socket, ZMQ_LINGER, linger_ms);
        zmq_close(p->socket);
    }
    p->socket = NULL;
}

struct bus *
bus_new(struct loop *l, struct resolver *r, bool allow_plain_tcp,
        void (*frame)(void *ctx, uint64_t link, struct slice bytes), void *ctx)
{
    struct bus *b = calloc(1, sizeof *b);

    if (b == NULL)
        return NULL;
    b->loop = l;
    b->resolver = r;
    b->allow_plain_tcp = allow_plain_tcp;
    b->frame = frame;
    b->ctx = ctx;
    b->zmq = zmq_ctx_new();
    b->links = links_new();
    if (b->zmq == NULL || b->links == NULL) {
        bus_destroy(b, 0);
        return NULL;
    }
    return b;
}

void
bus_destroy(struct bus *b, int linger_ms)
{
    if (b == NULL)
        return;
    peers_close(b, linger_ms);
    port_close(&b->router, linger_ms);
    port_close(&b->publisher, linger_ms);
    port_close(&b->subscriber, 0);
    curve_close(b);
    if (b->zmq != NULL)
        zmq_ctx_term(b->zmq);
    links_destroy(b->links);
    free(b);
}

static enum lc_err
bind_one(struct bus *b, const struct endpoint *e, unsigned type, const char **why)
{
    struct port *p = type == ZMQ_ROUTER ? &b->router : &b->publisher;
    char *first = type == ZMQ_ROUTER ? b->first_router : b->first_publisher;
    size_t n = ENDPOINT_MAX;

    if (e->host[0] != '\0' && !endpoint_is_loopback(e) && !b->allow_plain_tcp && !b->curve.on) {
        *why = "frames are not encrypted without bus-key: listens on the loopback only, unless "
               "allow-plain-tcp says that the network is private";
        return LC_EDENIED;
    }
    if (e->host[0] == '\0' && endpoint_is_taken(e)) {
        *why = "another process listens there";
        return LC_EEXIST;
    }
    if (p->socket == NULL && !port_open(b, p, (int)type)) {
        *why = "no memory or descriptors for a socket";
        return LC_EIO;
    }
    if (zmq_bind(p->socket, e->whole) != 0) {
        *why = zmq_strerror(errno);
        return errno == EADDRINUSE ? LC_EEXIST : LC_EIO;
    }
    if (first[0] == '\0' && zmq_getsockopt(p->socket, ZMQ_LAST_ENDPOINT, first, &n) != 0)
        first[0] = '\0';
    return LC_OK;
}

enum lc_err
bus_listen(struct bus *b, const char *endpoints, const char **why)
{
    return each_endpoint(b, endpoints, bind_one, ZMQ_ROUTER, why);
}

enum lc_err
bus_publish(struct bus *b, const char *endpoints, const char **why)
{
    enum lc_err err = each_endpoint(b, endpoints, bind_one, ZMQ_PUB, why);

    /* what was bound, for opening it again: a port that was to be any stays the one it became */
    if (err == LC_OK && b->curve.on && b->curve.publish == NULL)
        b->curve.publish = strdup(strchr(endpoints, ',') == NULL ? b->first_publisher : endpoints);
    return err;
}

const char *
bus_listening(struct bus *b)
{
    return b->first_router;
}

const char *
bus_publishing(struct bus *b)
{
    return b->first_publisher;
}

const char *
frame_id(struct slice frame)
{
    /* protobuf-c and every other writer put field 1 first; who does not loses only the early credit
     */
    if (frame.n < 2 + ID_BYTES || frame.p[0] != 0x0a || frame.p[1] != ID_BYTES)
        return NULL;
    return frame.p + 2;
}

enum lc_err
bus_answer(struct bus *b, uint64_t link, struct slice frame)
{
    struct slice to;
    bool delimiter;
    void *socket = b->router.socket;

    b->router.touched = true;
    if (socket != NULL && links_to(b->links, link, &to, &delimiter) &&
        zmq_send(socket, to.p, to.n, ZMQ_SNDMORE | ZMQ_DONTWAIT) >= 0 &&
        (!delimiter || zmq_send(socket, "", 0, ZMQ_SNDMORE | ZMQ_DONTWAIT) >= 0) &&
        zmq_send(socket, frame.p, frame.n, ZMQ_DONTWAIT) >= 0) {
        b->counts.frames_out++;
        return LC_OK;
    }
    b->counts.answers_dropped++;
    return LC_ENOTFOUND;
}

enum lc_err
bus_news(struct bus *b, struct slice frame)
{
    b->publisher.touched = true;
    if (b->publisher.socket == NULL ||
        zmq_send(b->publisher.socket, frame.p, frame.n, ZMQ_DONTWAIT) < 0) {
        b->counts.news_dropped++;
        return LC_EAGAIN;
    }
    b->counts.frames_out++;
    return LC_OK;
}

static void
look_again(struct port *p)
{
    int events = 0;
    size_t n = sizeof events;

    if (!p->touched || p->socket == NULL)
        return;
    p->touched = false;
    if (zmq_getsockopt(p->socket, ZMQ_EVENTS, &events, &n) == 0 && (events & ZMQ_POLLIN))
        loop_watch_wake(p->watch);
}

void
bus_turn_end(struct bus *b)
{
    look_again(&b->router);
    look_again(&b->publisher);
    look_again(&b->subscriber);
    peers_each_port(b, look_again);
}

const struct bus_counts *
bus_counts(const struct bus *b)
{
    return &b->counts;
}

size_t
bus_waiting(const struct bus *b)
{
    return b->waiting;
}
