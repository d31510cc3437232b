#include "push.h"

#include "base/wire.h"

#include <arpa/inet.h>
#include <hiredis/hiredis.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <zmq.h>

enum { BARE_AHEAD = 8, BARE_AT_ONCE = 200 };

struct source {
    struct push *push;
    redisContext *redis;
    void *context, *doorbell;
    int broker;
    struct mint mint;
    struct buf out;
};

static int64_t
unix_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* next_version: of the courier; from now on the clock runs. */
static uint32_t
next_version(struct push *p, uint32_t courier, int64_t due_ns)
{
    uint32_t version = atomic_load(&p->version[courier]) + 1;

    atomic_store(&p->changed_ns[(size_t)courier * PUSH_RING + version % PUSH_RING], due_ns);
    atomic_store(&p->version[courier], version);
    return version;
}

/* ---- to the notifier: what plan_commit leaves in Redis, and the router's doorbell ---- */

static void
pack_route(struct buf *to, uint32_t courier, uint32_t version, int64_t now_ms)
{
    Lifecircle__V1__Route route = LIFECIRCLE__V1__ROUTE__INIT;
    Lifecircle__V1__Point at = LIFECIRCLE__V1__POINT__INIT;
    Lifecircle__V1__Stop stop[2], *stops[2] = {&stop[0], &stop[1]};
    char id[37];

    /* not everybody's in one round */
    push_order_id(courier, (version + courier) / PUSH_VERSIONS_A_ORDER % PUSH_ORDERS, id);
    at.lat_e7 = 392847000;
    at.lng_e7 = -765921000;
    for (size_t i = 0; i < 2; i++) {
        lifecircle__v1__stop__init(&stop[i]);
        stop[i].kind = (Lifecircle__V1__Stop__Kind)i;
        stop[i].order_id = id;
        stop[i].store = 1;
        stop[i].at = &at;
        stop[i].accepted = true;
        stop[i].eta_ms = now_ms + 600000;
        stop[i].ready_ms = now_ms + 300000;
        stop[i].window_end_ms = now_ms + 3600000;
    }
    route.courier = courier;
    route.version = version;
    route.n_stops = 2;
    route.stops = stops;
    route.written_ms = now_ms;
    buf_reset(to);
    buf_u32(to, version);
    char *p = buf_reserve(to, lifecircle__v1__route__get_packed_size(&route));
    if (p == NULL)
        die("memory");
    to->n += lifecircle__v1__route__pack(&route, (uint8_t *)p);
}

static void
ring_doorbell(struct source *s, int64_t now_ms)
{
    Lifecircle__V1__Envelope env;
    Lifecircle__V1__News news = LIFECIRCLE__V1__NEWS__INIT;
    uint8_t bytes[256];

    envelope_init(&env, &s->mint, now_ms, 0);
    news.topic = LIFECIRCLE__V1__NEWS__TOPIC__EVENTS;
    env.body_case = LIFECIRCLE__V1__ENVELOPE__BODY_NEWS;
    env.news = &news;
    if (lifecircle__v1__envelope__get_packed_size(&env) <= sizeof bytes)
        (void)zmq_send(s->doorbell, bytes, lifecircle__v1__envelope__pack(&env, bytes),
                       ZMQ_DONTWAIT);
}

static void
change_routes(struct source *s, uint32_t first, uint32_t n, int64_t due_ns)
{
    struct push *p = s->push;
    size_t argc = 0;
    const char **argv = malloc((2 * (size_t)n + 3) * sizeof *argv);
    size_t *lengths = malloc((2 * (size_t)n + 3) * sizeof *lengths);
    struct buf route = {0}, all = {0}, event = {0};
    int64_t now_ms = unix_ms();
    char key[64], name[16];
    redisReply *r;

    if (argv == NULL || lengths == NULL)
        die("memory");
    /* first the bytes, so that none moves afterwards */
    size_t *ends = malloc(2 * (size_t)n * sizeof *ends);
    if (ends == NULL)
        die("memory");
    buf_printf(&event, "*%u\r\n$4\r\nXADD\r\n", 3 + 2 * n);
    snprintf(key, sizeof key, "{%s}:events", p->city);
    buf_printf(&event, "$%zu\r\n%s\r\n", strlen(key), key);
    int digits = snprintf(name, sizeof name, "1-%llu", (unsigned long long)++p->events);
    buf_printf(&event, "$%d\r\n%s\r\n", digits, name);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t courier = (first + i) % p->couriers + 1;
        uint32_t version = next_version(p, courier, due_ns);
        buf_printf(&all, "%u", courier);
        ends[2 * i] = all.n;
        pack_route(&route, courier, version, now_ms);
        buf_append(&all, route.p, route.n);
        ends[2 * i + 1] = all.n;
        buf_str(&event, "$1\r\nr\r\n$8\r\n");
        buf_u32(&event, courier);
        buf_u32(&event, version);
        buf_str(&event, "\r\n");
    }
    snprintf(key, sizeof key, "{%s}:routes", p->city);
    argv[argc] = "HSET";
    lengths[argc++] = 4;
    argv[argc] = key;
    lengths[argc++] = strlen(key);
    for (size_t i = 0, at = 0; i < 2 * (size_t)n; at = ends[i++]) {
        argv[argc] = all.p + at;
        lengths[argc++] = ends[i] - at;
    }
    if (all.failed || event.failed ||
        redisAppendCommandArgv(s->redis, (int)argc, argv, lengths) != REDIS_OK ||
        redisAppendFormattedCommand(s->redis, event.p, event.n) != REDIS_OK)
        die("memory");
    for (int i = 0; i < 2; i++) {
        if (redisGetReply(s->redis, (void **)&r) != REDIS_OK || r->type == REDIS_REPLY_ERROR)
            die("Redis refused a route");
        freeReplyObject(r);
    }
    ring_doorbell(s, now_ms);
    free(argv);
    free(lengths);
    free(ends);
    buf_free(&route);
    buf_free(&all);
    buf_free(&event);
}

/* ---- to the broker: the same messages, one topic a courier ---- */

static void
write_all(int fd, const char *bytes, size_t n)
{
    while (n > 0) {
        ssize_t done = write(fd, bytes, n);
        if (done <= 0)
            die("broker");
        bytes += done;
        n -= (size_t)done;
    }
}

static void
publish(struct source *s, uint32_t first, uint32_t n, int64_t due_ns)
{
    struct push *p = s->push;
    char topic[16], text[48];

    buf_reset(&s->out);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t courier = (first + i) % p->couriers + 1;
        int topic_n = snprintf(topic, sizeof topic, "c/%u", courier);
        int text_n = snprintf(text, sizeof text, "{\"type\":\"route\",\"version\":%u,",
                              next_version(p, courier, due_ns));
        size_t left = 2 + (size_t)topic_n + p->bytes; /* 128..16383: two bytes of length */
        buf_u8(&s->out, 0x30);
        buf_u8(&s->out, (uint8_t)(left % 128 + 128));
        buf_u8(&s->out, (uint8_t)(left / 128));
        buf_u8(&s->out, 0);
        buf_u8(&s->out, (uint8_t)topic_n);
        buf_append(&s->out, topic, (size_t)topic_n);
        buf_append(&s->out, text, (size_t)text_n);
        char *rest = buf_reserve(&s->out, p->bytes);
        if (rest == NULL)
            die("memory");
        memset(rest, ' ', p->bytes - (size_t)text_n);
        s->out.n += p->bytes - (size_t)text_n;
    }
    write_all(s->broker, s->out.p, s->out.n);
}

/* ---- bare: one send a message, and nothing else ---- */

static void
send_bare(struct source *s, uint32_t first, uint32_t n, int64_t due_ns)
{
    struct push *p = s->push;
    unsigned char *to = (unsigned char *)s->out.p;

    if (to == NULL) {
        to = (unsigned char *)buf_reserve(&s->out, p->bytes + 64);
        if (to == NULL)
            die("memory");
        memset(to, ' ', p->bytes + 64);
        to[0] = 0x81; /* a frame of 126 to 65,535 bytes */
        to[1] = 126;
        to[2] = (unsigned char)(p->bytes >> 8);
        to[3] = (unsigned char)p->bytes;
    }
    for (uint32_t i = 0; i < n; i++) {
        uint32_t courier = (first + i) % p->couriers + 1;
        int text_n = snprintf((char *)to + 4, 48, "{\"type\":\"route\",\"version\":%u,",
                              next_version(p, courier, due_ns));
        to[4 + text_n] = ' ';
        if (send(p->bare[courier], to, p->bytes + 4, MSG_NOSIGNAL) != (ssize_t)(p->bytes + 4))
            die("a phone");
    }
}

/* wait_for_phones: those who send as fast as they can do not get far ahead. */
static void
wait_for_phones(const struct push *p)
{
    const struct timespec t = {0, 100000};

    while (atomic_load(&p->changes) - atomic_load(&p->came) > (uint64_t)BARE_AHEAD * p->couriers)
        nanosleep(&t, NULL);
}

/* ---- all ---- */

static void
source_open(struct source *s)
{
    struct push *p = s->push;
    int patience_ms = 10000;
    char subscription;

    if (p->protocol == PUSH_BARE)
        return;
    if (p->protocol == PUSH_WEBSOCKET) {
        s->redis = redisConnectUnix(p->redis);
        if (s->redis == NULL || s->redis->err != 0)
            die(p->redis);
        s->context = zmq_ctx_new();
        s->doorbell = zmq_socket(s->context, ZMQ_XPUB); /* it hears who subscribes */
        if (s->doorbell == NULL ||
            zmq_setsockopt(s->doorbell, ZMQ_RCVTIMEO, &patience_ms, sizeof patience_ms) != 0 ||
            zmq_bind(s->doorbell, p->news) != 0)
            die(p->news);
        if (zmq_recv(s->doorbell, &subscription, 1, 0) < 0)
            die("the notifier does not listen to the doorbell");
        mint_init(&s->mint, "router", slice_str(p->city), 1);
        return;
    }
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons(p->port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    static const char hello[] = "\x10\x12\0\4MQTT\4\2\0\0\0\6source";
    char answer[4];
    int on = 1;
    s->broker = socket(AF_INET, SOCK_STREAM, 0);
    if (s->broker < 0 || connect(s->broker, (struct sockaddr *)&at, sizeof at) != 0)
        die("broker");
    (void)setsockopt(s->broker, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    write_all(s->broker, hello, sizeof hello - 1);
    if (read(s->broker, answer, sizeof answer) != sizeof answer || answer[3] != 0)
        die("the broker refused the source");
}

static void
source_close(struct source *s)
{
    if (s->redis != NULL)
        redisFree(s->redis);
    if (s->doorbell != NULL)
        zmq_close(s->doorbell);
    if (s->context != NULL)
        zmq_ctx_term(s->context);
    if (s->broker > 0)
        close(s->broker);
    buf_free(&s->out);
}

/* change: the next n couriers'. */
static void
change(struct source *s, uint32_t *at, uint32_t n, int64_t due_ns)
{
    if (s->push->protocol == PUSH_WEBSOCKET)
        change_routes(s, *at, n, due_ns);
    else if (s->push->protocol == PUSH_MQTT)
        publish(s, *at, n, due_ns);
    else
        send_bare(s, *at, n, due_ns);
    *at = (*at + n) % s->push->couriers;
    atomic_fetch_add(&s->push->changes, n);
}

void *
push_source(void *arg)
{
    const struct push_source *in = arg;
    struct source s = {.push = in->push};
    int64_t tick_ns = INT64_C(1000) * PUSH_TICK_US;
    uint32_t at = 0;
    double owed = 0;

    source_open(&s);
    int64_t begin = load_now_ns();
    atomic_store(&s.push->began_ns, begin);
    for (int64_t tick = 0; in->rate > 0 && (double)(tick * tick_ns) < in->seconds * 1e9; tick++) {
        int64_t due = begin + tick * tick_ns;
        int64_t now = load_now_ns();
        if (now < due) {
            struct timespec t = {0, (long)(due - now)};
            nanosleep(&t, NULL);
        }
        owed += in->rate * (PUSH_TICK_US / 1e6);
        uint32_t n = (uint32_t)owed;
        owed -= n;
        if (n > 0)
            change(&s, &at, n, due);
    }
    while (in->rate == 0 && load_now_ns() < begin + (int64_t)(in->seconds * 1e9)) {
        wait_for_phones(s.push);
        change(&s, &at, BARE_AT_ONCE, load_now_ns());
    }
    source_close(&s);
    atomic_store(&s.push->stop, true);
    return NULL;
}
