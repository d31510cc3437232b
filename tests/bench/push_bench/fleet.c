#include "push.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    READ_BYTES = 65536,
    EVENTS = 512,
    AT_ONCE = 128,
    QUIET_MS = 500,
    START_S = 120,
    PATIENCE_S = 10,
    KNOCK_MS = 50
};

enum phase { PHASE_NEW, PHASE_HANDSHAKE, PHASE_HELLO, PHASE_UP, PHASE_CUT };

struct phone {
    int fd;
    uint32_t courier;
    uint32_t version; /* newest that came */
    int64_t at_ms;    /* of the position sent last */
    enum phase phase;
    struct buf rest; /* of a frame that is not whole yet */
};

struct fleet {
    struct push *push;
    struct phone *phones;
    int epoll;
    size_t up;
    uint32_t next; /* who sends a position next */
    char *scratch;
    struct fleet_result *result;
};

static void
send_all(struct phone *p, const char *bytes, size_t n)
{
    /* small, and the peer reads: what does not fit is a failure of the peer */
    if (p->phase != PHASE_CUT && send(p->fd, bytes, n, MSG_NOSIGNAL) != (ssize_t)n)
        p->phase = PHASE_CUT;
}

/* say: one masked text frame; the mask is 0, as the standard allows. */
static void
say(struct phone *p, const char *text, size_t n)
{
    char frame[8 + 160];
    size_t head = 6;

    frame[0] = (char)0x81;
    frame[1] = (char)(0x80 | n);
    if (n > 125) {
        frame[1] = (char)(0x80 | 126);
        frame[2] = (char)(n >> 8);
        frame[3] = (char)n;
        head = 8;
    }
    memset(frame + head - 4, 0, 4);
    memcpy(frame + head, text, n);
    send_all(p, frame, head + n);
}

static void
begin(struct fleet *f, struct phone *p)
{
    char bytes[512], token[PUSH_TOKEN];
    int n;

    if (f->push->protocol != PUSH_MQTT) {
        push_token(p->courier, token);
        n = snprintf(bytes, sizeof bytes,
                     "GET /v1/courier HTTP/1.1\r\nHost: bench\r\nUpgrade: websocket\r\n"
                     "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                     "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                     "Sec-WebSocket-Protocol: lifecircle.v1.json\r\n"
                     "Authorization: Bearer %s\r\n\r\n",
                     token);
        send_all(p, bytes, (size_t)n);
        return;
    }
    char name[16];
    struct buf b = {0};
    int name_n = snprintf(name, sizeof name, "c/%u", p->courier);
    buf_u8(&b, 0x10); /* CONNECT, clean, no keep-alive */
    buf_u8(&b, (uint8_t)(12 + name_n));
    buf_append(&b, "\0\4MQTT\4\2\0\0\0", 11);
    buf_u8(&b, (uint8_t)name_n);
    buf_str(&b, name);
    buf_u8(&b, 0x82); /* SUBSCRIBE, QoS 0 */
    buf_u8(&b, (uint8_t)(5 + name_n));
    buf_append(&b, "\0\1\0", 3);
    buf_u8(&b, (uint8_t)name_n);
    buf_str(&b, name);
    buf_u8(&b, 0);
    send_all(p, b.p, b.n);
    buf_free(&b);
}

static void
up(struct fleet *f, struct phone *p)
{
    if (p->phase == PHASE_UP)
        return;
    p->phase = PHASE_UP;
    f->up++;
}

static void
message(struct fleet *f, struct phone *p, const char *text, size_t n)
{
    static const char route[] = "{\"type\":\"route\",\"version\":";
    struct fleet_result *r = f->result;

    if (n > sizeof route && memcmp(text, route, sizeof route - 1) == 0) {
        uint32_t version = (uint32_t)strtoul(text + sizeof route - 1, NULL, 10);
        int64_t now = load_now_ns();
        if (r == NULL)
            return;
        r->messages++;
        atomic_fetch_add(&f->push->came, 1);
        r->bytes += n;
        r->last_ns = now;
        if (version <= p->version) {
            r->stale++;
            return;
        }
        p->version = version;
        push_time(
            &r->took,
            now - atomic_load(
                      &f->push->changed_ns[(size_t)p->courier * PUSH_RING + version % PUSH_RING]));
    } else if (n > 17 && memcmp(text, "{\"type\":\"welcome\"", 17) == 0) {
        up(f, p);
    } else {
        fprintf(stderr, "bench_push: courier %u was told %.*s\n", p->courier, (int)n, text);
        exit(EXIT_FAILURE);
    }
}

/* Each takes one frame from the front; 0 = not whole yet. */
static size_t
take_websocket(struct fleet *f, struct phone *p, const unsigned char *b, size_t n)
{
    size_t head = 2;

    if (n < 2)
        return 0;
    size_t length = b[1];
    if (length == 126) {
        head = 4;
        if (n < 4)
            return 0;
        length = (size_t)b[2] << 8 | b[3];
    }
    if (n < head + length)
        return 0;
    if ((b[0] & 15) == 1)
        message(f, p, (const char *)b + head, length);
    else if ((b[0] & 15) == 9)
        send_all(p, "\x8a\x80\0\0\0\0", 6); /* pong */
    else
        p->phase = PHASE_CUT;
    return head + length;
}

static size_t
take_mqtt(struct fleet *f, struct phone *p, const unsigned char *b, size_t n)
{
    size_t head = 1, length = 0;

    for (unsigned shift = 0;; shift += 7) {
        if (n <= head)
            return 0;
        length |= (size_t)(b[head] & 127) << shift;
        if (b[head++] < 128)
            break;
    }
    if (n < head + length)
        return 0;
    if (b[0] == 0x90)
        up(f, p);
    else if ((b[0] & 0xf0) == 0x30) {
        size_t topic = 2 + ((size_t)b[head] << 8 | b[head + 1]);
        message(f, p, (const char *)b + head + topic, length - topic);
    } else if (b[0] != 0x20) {
        p->phase = PHASE_CUT;
    }
    return head + length;
}

static size_t
take_answer(struct phone *p, const char *b, size_t n)
{
    const char *end = memmem(b, n, "\r\n\r\n", 4);
    static const char hello[] = "{\"type\":\"hello\"}";

    if (end == NULL)
        return 0;
    if (n < 12 || memcmp(b, "HTTP/1.1 101", 12) != 0) {
        fprintf(stderr, "bench_push: courier %u was answered %.*s\n", p->courier, (int)n, b);
        exit(EXIT_FAILURE);
    }
    p->phase = PHASE_HELLO;
    say(p, hello, sizeof hello - 1);
    return (size_t)(end - b) + 4;
}

static size_t
take_all(struct fleet *f, struct phone *p, const char *b, size_t n)
{
    size_t at = 0, used;

    do {
        if (f->push->protocol == PUSH_MQTT)
            used = take_mqtt(f, p, (const unsigned char *)b + at, n - at);
        else if (p->phase == PHASE_HANDSHAKE)
            used = take_answer(p, b + at, n - at);
        else
            used = take_websocket(f, p, (const unsigned char *)b + at, n - at);
        at += used;
    } while (used > 0 && at < n);
    return at;
}

static void
readable(struct fleet *f, struct phone *p)
{
    size_t kept = p->rest.n;
    char *to = f->scratch;

    if (kept > 0)
        memcpy(to, p->rest.p, kept);
    ssize_t n = recv(p->fd, to + kept, READ_BYTES - kept, 0);
    if (n < 0 && errno == EAGAIN)
        return;
    if (n <= 0)
        p->phase = PHASE_CUT;
    size_t all = kept + (n > 0 ? (size_t)n : 0);
    size_t used = take_all(f, p, to, all);
    buf_reset(&p->rest);
    if (used < all)
        buf_append(&p->rest, to + used, all - used);
    if (p->phase == PHASE_CUT) {
        if (f->result != NULL)
            f->result->cut++;
        (void)epoll_ctl(f->epoll, EPOLL_CTL_DEL, p->fd, NULL);
    }
}

static size_t
turn(struct fleet *f, int wait_ms)
{
    struct epoll_event events[EVENTS];
    int n = epoll_wait(f->epoll, events, EVENTS, wait_ms);

    for (int i = 0; i < n; i++)
        readable(f, events[i].data.ptr);
    return n > 0 ? (size_t)n : 0;
}

struct fleet *
fleet_open(struct push *push)
{
    struct fleet *f = calloc(1, sizeof *f);
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons(push->port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int64_t end_ns = load_now_ns() + START_S * INT64_C(1000000000);

    if (f == NULL || (f->phones = calloc(push->couriers, sizeof *f->phones)) == NULL ||
        (f->scratch = malloc(READ_BYTES)) == NULL)
        die("memory");
    f->push = push;
    f->epoll = epoll_create1(EPOLL_CLOEXEC);
    for (uint32_t i = 0; i < push->couriers; i++) {
        struct phone *p = &f->phones[i];
        struct epoll_event ev = {.events = EPOLLIN, .data.ptr = p};
        int on = 1;
        p->courier = i + 1;
        p->phase = PHASE_HANDSHAKE;
        p->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (p->fd < 0 || connect(p->fd, (struct sockaddr *)&at, sizeof at) != 0)
            die("connect");
        (void)setsockopt(p->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        begin(f, p);
        if (p->phase == PHASE_CUT || epoll_ctl(f->epoll, EPOLL_CTL_ADD, p->fd, &ev) != 0)
            die("a connection");
        while (f->up + AT_ONCE < i + 1 && load_now_ns() < end_ns)
            turn(f, 100);
    }
    while (f->up < push->couriers && load_now_ns() < end_ns)
        turn(f, 100);
    if (f->up < push->couriers) {
        fprintf(stderr, "bench_push: %zu of %u are up after %d s\n", f->up, push->couriers,
                START_S);
        exit(EXIT_FAILURE);
    }
    return f;
}

/* send_position: where a phone is now. */
static void
send_position(struct phone *p, unsigned step)
{
    struct timespec t;
    struct tm tm;
    char text[128], when[32];

    clock_gettime(CLOCK_REALTIME, &t);
    p->at_ms = (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
    gmtime_r(&t.tv_sec, &tm);
    strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%S", &tm);
    int n =
        snprintf(text, sizeof text,
                 "{\"type\":\"position\",\"lat\":39.28%05u,\"lng\":-76.5921,\"at\":\"%s.%03ldZ\"}",
                 step % 100000, when, t.tv_nsec / 1000000);
    say(p, text, (size_t)n);
}

/* send_next: the next phone's; each a step further. */
static void
send_next(struct fleet *f)
{
    send_position(&f->phones[f->next], (unsigned)(f->result->positions % 100000));
    f->next = (f->next + 1) % f->push->couriers;
    f->result->positions++;
}

bool
fleet_find_router(struct fleet *f)
{
    struct phone *p = &f->phones[0];
    _Atomic int64_t *newest_ms = &f->push->newest_ms[p->courier];
    int64_t end_ns = load_now_ns() + PATIENCE_S * INT64_C(1000000000);

    while (atomic_load(newest_ms) == 0 && load_now_ns() < end_ns) {
        send_position(p, 0);
        (void)turn(f, KNOCK_MS);
    }
    return atomic_load(newest_ms) != 0;
}

size_t
fleet_positions_missing(struct fleet *f)
{
    int64_t end_ns = load_now_ns() + PATIENCE_S * INT64_C(1000000000);
    size_t missing;

    do {
        missing = 0;
        for (uint32_t i = 0; i < f->push->couriers; i++)
            missing += atomic_load(&f->push->newest_ms[f->phones[i].courier]) < f->phones[i].at_ms;
        if (missing > 0)
            (void)turn(f, KNOCK_MS);
    } while (missing > 0 && load_now_ns() < end_ns);
    return missing;
}

/* gather: phones are on other machines. Were they woken one by one here, waking them would be half
 * of what is measured, on the account of who sends; a network card gathers, too. What came waits
 * for that, and its latency counts it. */
static void
gather(const struct fleet *f)
{
    const struct timespec t = {0, (long)f->push->gather_us * 1000};

    if (f->push->gather_us > 0)
        nanosleep(&t, NULL);
}

void
fleet_run(struct fleet *f, uint32_t positions, int64_t until_ns, int64_t deadline_ns,
          const atomic_bool *done, struct fleet_result *out)
{
    int64_t begin_ns = load_now_ns();
    int64_t heard_ns = begin_ns;

    f->result = out;
    for (;;) {
        int64_t now = load_now_ns();
        if (now >= deadline_ns ||
            (atomic_load(done) && now - heard_ns > QUIET_MS * INT64_C(1000000) && now > until_ns))
            break;
        if (positions > 0 && now < until_ns) {
            uint64_t due = (uint64_t)((double)(now - begin_ns) / 1e9 * positions);
            for (unsigned i = 0; out->positions < due && i < EVENTS; i++)
                send_next(f);
        }
        if (positions == 0)
            gather(f);
        if (turn(f, positions > 0 ? 1 : 50) > 0)
            heard_ns = load_now_ns();
    }
    f->result = NULL;
}

bool
fleet_caught_up(const struct fleet *f)
{
    for (uint32_t i = 0; i < f->push->couriers; i++)
        if (f->phones[i].version != atomic_load(&f->push->version[f->phones[i].courier]))
            return false;
    return true;
}
