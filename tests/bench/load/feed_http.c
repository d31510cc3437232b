/* feed_http: sends orders over HTTP keep-alive connections.
 *
 *     --mode single   one order a request; each connection sends the next when it has the answer
 *     --mode ndjson   --batch orders a request to /v1/orders:batch; the same
 *     --mode open     orders come at chance intervals, --rate a second on average (a Poisson
 * process), whatever the answers do; an order's latency counts from the moment it came
 *
 * Other flags: load.c. --address host:port. */
#include "load.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { READ_BYTES = 65536, EVENTS = 256, PATIENCE_S = 20 };

struct conn {
    int fd;
    bool busy;
    bool writing; /* waits for room */
    int64_t since_ns;
    struct buf out;
    size_t written;
    struct buf in;
    struct conn *next_idle;
};

struct feed {
    struct load load;
    int epoll;
    struct conn *conns;
    struct conn *idle;
    uint64_t next;      /* order number */
    uint64_t under_way; /* requests */
    int64_t stop_ns;
    bool stopping;
    struct buf body;
    /* open loop */
    int64_t *due_ns; /* ring of intended times of orders that found no idle connection */
    size_t due_first, due_n, due_room;
    int64_t next_due_ns;
    uint64_t chance;
};

/* ---- requests ---- */

static void
watch(struct feed *f, struct conn *c, bool writing)
{
    struct epoll_event ev = {.events = EPOLLIN | (writing ? EPOLLOUT : 0U), .data.ptr = c};

    if (c->writing == writing)
        return;
    c->writing = writing;
    if (epoll_ctl(f->epoll, EPOLL_CTL_MOD, c->fd, &ev) != 0)
        die("epoll_ctl");
}

static void
write_some(struct feed *f, struct conn *c)
{
    while (c->written < c->out.n) {
        ssize_t n = send(c->fd, c->out.p + c->written, c->out.n - c->written, MSG_NOSIGNAL);
        if (n < 0 && errno == EAGAIN)
            break;
        if (n < 0)
            die("send");
        c->written += (size_t)n;
    }
    watch(f, c, c->written < c->out.n);
}

static void
request_head(struct feed *f, struct conn *c, const char *path, const char *type, uint32_t chain)
{
    buf_reset(&c->out);
    buf_printf(&c->out,
               "POST %s HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer %s\r\n"
               "Content-Type: %s\r\nContent-Length: %zu\r\n\r\n",
               path, f->load.key[chain], type, f->body.n);
    buf_append(&c->out, f->body.p, f->body.n);
}

static void
write_single(struct feed *f, struct conn *c)
{
    struct bench_order o;
    uint64_t n = f->next++;

    city_order(&f->load.city, n, &o);
    buf_reset(&f->body);
    city_order_json(&o, f->load.tag, n, &f->body);
    request_head(f, c, "/v1/orders", "application/json", o.chain);
    f->load.sent++;
}

/* All orders of a request are of the connection's chain; those of others are passed over. */
static void
write_batch(struct feed *f, struct conn *c)
{
    uint32_t chain = (uint32_t)(c - f->conns) % CITY_CHAINS;
    struct bench_order o;

    buf_reset(&f->body);
    for (uint32_t i = 0; i < f->load.batch; f->next++) {
        if (city_order_chain(&f->load.city, f->next) != chain)
            continue;
        city_order(&f->load.city, f->next, &o);
        city_order_json(&o, f->load.tag, f->next, &f->body);
        buf_char(&f->body, '\n');
        i++;
    }
    request_head(f, c, "/v1/orders:batch", "application/x-ndjson", chain);
    f->load.sent += f->load.batch;
}

static void
send_request(struct feed *f, struct conn *c, int64_t since_ns)
{
    if (f->load.mode[0] == 'n')
        write_batch(f, c);
    else
        write_single(f, c);
    if (c->out.failed)
        die("memory");
    c->busy = true;
    c->since_ns = since_ns;
    c->written = 0;
    f->under_way++;
    write_some(f, c);
}

/* ---- answers ---- */

static size_t
number_behind(struct slice s, const char *name)
{
    const char *p = memmem(s.p, s.n, name, strlen(name));

    return p == NULL ? SIZE_MAX : strtoul(p + strlen(name), NULL, 10);
}

static bool
says_held(struct slice body)
{
    return memmem(body.p, body.n, "\"status\":\"held\"", 15) != NULL ||
           memmem(body.p, body.n, "\"status\": \"held\"", 16) != NULL;
}

static void
count_lines(struct feed *f, struct slice body, uint32_t *lines)
{
    while (body.n > 0) {
        const char *nl = memchr(body.p, '\n', body.n);
        size_t n = nl == NULL ? body.n : (size_t)(nl - body.p);
        struct slice line = slice_of(body.p, n);
        size_t status = number_behind(slice_of(line.p, n < 60 ? n : 60), "\"status\":");
        if (status != SIZE_MAX) {
            load_status(&f->load, (unsigned)status, status == 202 && says_held(line));
            ++*lines;
        }
        body = slice_of(body.p + n, body.n - n);
        if (body.n > 0)
            body = slice_of(body.p + 1, body.n - 1);
    }
}

/* chunks: the body of a chunked answer into f->body; false while it is not whole. */
static bool
chunks(struct feed *f, struct slice rest)
{
    buf_reset(&f->body);
    for (;;) {
        const char *nl = memchr(rest.p, '\n', rest.n);
        if (nl == NULL)
            return false;
        size_t n = strtoul(rest.p, NULL, 16), head = (size_t)(nl + 1 - rest.p);
        if (rest.n < head + n + 2)
            return false;
        if (n == 0)
            return true;
        buf_append(&f->body, rest.p + head, n);
        rest = slice_of(rest.p + head + n + 2, rest.n - head - n - 2);
    }
}

static void
unexpected(struct slice in)
{
    fprintf(stderr, "bench_feed_http: unexpected answer: %.*s\n", (int)(in.n < 800 ? in.n : 800),
            in.p);
    exit(EXIT_FAILURE);
}

/* answered: is the answer on this connection whole? Then it is counted. */
static bool
answered(struct feed *f, struct conn *c)
{
    struct slice in = buf_slice(&c->in);
    const char *end = in.n < 16 ? NULL : memmem(in.p, in.n, "\r\n\r\n", 4);

    if (end == NULL)
        return false;
    struct slice head = slice_of(in.p, (size_t)(end + 2 - in.p));
    struct slice body = slice_of(end + 4, in.n - head.n - 2);
    unsigned status = (unsigned)strtoul(in.p + 9, NULL, 10);
    if (f->load.mode[0] == 'n') {
        uint32_t lines = 0;
        if (status != 200)
            unexpected(in);
        /* the last chunk ends the answer: look closer only when it may be there */
        if (body.n < 5 || memcmp(body.p + body.n - 5, "0\r\n\r\n", 5) != 0 || !chunks(f, body))
            return false;
        count_lines(f, buf_slice(&f->body), &lines);
        if (lines != f->load.batch)
            unexpected(in);
        return true;
    }
    size_t length = number_behind(head, "Content-Length: ");
    if (length == SIZE_MAX)
        unexpected(in);
    if (body.n < length)
        return false;
    if (status >= 400 && f->load.refused + f->load.failed == 0)
        fprintf(stderr, "bench_feed_http: the first refusal: %.*s\n", (int)in.n, in.p);
    load_status(&f->load, status, status == 202 && says_held(body));
    return true;
}

static void
done(struct feed *f, struct conn *c, int64_t now_ns)
{
    f->under_way--;
    c->busy = false;
    buf_reset(&c->in);
    load_latency(&f->load, now_ns - c->since_ns);
    if (!f->stopping)
        load_in_time(&f->load, now_ns);
}

static void
go_on(struct feed *f, struct conn *c, int64_t now_ns)
{
    if (f->load.mode[0] != 'o') {
        if (!f->stopping)
            send_request(f, c, now_ns);
    } else if (f->due_n > 0) {
        int64_t since_ns = f->due_ns[f->due_first];
        f->due_first = (f->due_first + 1) % f->due_room;
        f->due_n--;
        send_request(f, c, since_ns);
    } else {
        c->next_idle = f->idle;
        f->idle = c;
    }
}

static void
read_some(struct feed *f, struct conn *c)
{
    char *room = buf_reserve(&c->in, READ_BYTES);

    if (room == NULL)
        die("memory");
    ssize_t n = recv(c->fd, room, READ_BYTES - 1, 0);
    if (n < 0 && errno == EAGAIN)
        return;
    if (n <= 0)
        die(n == 0 ? "a connection was closed" : "recv");
    c->in.n += (size_t)n;
    c->in.p[c->in.n] = '\0'; /* for strtoul */
    if (c->busy && answered(f, c)) {
        int64_t now_ns = load_now_ns();
        done(f, c, now_ns);
        go_on(f, c, now_ns);
    }
}

/* ---- the loop ---- */

static void
connect_all(struct feed *f)
{
    char host[64];
    const char *colon = f->load.address == NULL ? NULL : strrchr(f->load.address, ':');
    struct sockaddr_in at = {.sin_family = AF_INET};
    int on = 1;

    errno = EINVAL;
    if (colon == NULL || (size_t)(colon - f->load.address) >= sizeof host)
        die("--address");
    memcpy(host, f->load.address, (size_t)(colon - f->load.address));
    host[colon - f->load.address] = '\0';
    at.sin_port = htons((uint16_t)strtoul(colon + 1, NULL, 10));
    if (inet_pton(AF_INET, host, &at.sin_addr) != 1)
        die("--address");
    f->conns = calloc(f->load.connections, sizeof *f->conns);
    f->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (f->conns == NULL || f->epoll < 0)
        die("epoll");
    for (uint32_t i = 0; i < f->load.connections; i++) {
        struct conn *c = &f->conns[i];
        struct epoll_event ev = {.events = EPOLLIN, .data.ptr = c};
        c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&at, sizeof at) != 0)
            die(f->load.address);
        if (fcntl(c->fd, F_SETFL, O_NONBLOCK) != 0 ||
            setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0 ||
            epoll_ctl(f->epoll, EPOLL_CTL_ADD, c->fd, &ev) != 0)
            die("connection");
    }
}

/* Exponential: the gaps of a Poisson process. */
static int64_t
gap_ns(struct feed *f)
{
    f->chance = f->chance * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    double u = (double)((f->chance >> 11) + 1) / 9007199254740993.0;

    return (int64_t)(-log(u) / f->load.rate * 1e9);
}

static void
put_due(struct feed *f, int64_t at_ns)
{
    if (f->due_n == f->due_room)
        die("orders come faster than they are taken: too many wait");
    f->due_ns[(f->due_first + f->due_n++) % f->due_room] = at_ns;
}

/* due: sends what has come by now. Returns ns until the next order comes. */
static int64_t
due(struct feed *f, int64_t now_ns)
{
    while (!f->stopping && f->next_due_ns <= now_ns) {
        struct conn *c = f->idle;
        if (c != NULL) {
            f->idle = c->next_idle;
            send_request(f, c, f->next_due_ns);
        } else {
            put_due(f, f->next_due_ns);
        }
        f->next_due_ns += gap_ns(f);
    }
    return f->stopping ? 50000000 : f->next_due_ns - now_ns;
}

static void
start(struct feed *f)
{
    int64_t now_ns = load_now_ns();

    f->load.begin_ns = f->load.end_ns = now_ns;
    f->stop_ns = now_ns + (int64_t)(f->load.seconds * 1e9);
    f->next_due_ns = now_ns;
    f->chance = f->load.city.seed;
    f->due_room = 1 << 20;
    f->due_ns = malloc(f->due_room * sizeof *f->due_ns);
    if (f->due_ns == NULL)
        die("memory");
    for (uint32_t i = 0; i < f->load.connections; i++)
        go_on(f, &f->conns[i], now_ns);
}

static void
run(struct feed *f)
{
    struct epoll_event events[EVENTS];
    int64_t now_ns = load_now_ns();

    while (!f->stopping || f->under_way > 0 || f->due_n > 0) {
        int64_t wait_ns = f->load.mode[0] == 'o' ? due(f, now_ns) : 50000000;
        struct timespec t = {wait_ns / 1000000000, wait_ns > 0 ? wait_ns % 1000000000 : 0};
        int n = epoll_pwait2(f->epoll, events, EVENTS, &t, NULL);
        if (n < 0 && errno != EINTR)
            die("epoll_wait");
        for (int i = 0; i < n; i++) {
            struct conn *c = events[i].data.ptr;
            if (events[i].events & EPOLLOUT)
                write_some(f, c);
            if (events[i].events & ~(uint32_t)EPOLLOUT)
                read_some(f, c);
        }
        now_ns = load_now_ns();
        f->stopping = now_ns >= f->stop_ns;
        if (now_ns > f->stop_ns + (int64_t)PATIENCE_S * 1000000000)
            break;
    }
}

int
main(int argc, char **argv)
{
    static struct feed f;

    load_flags(&f.load, argc, argv);
    f.next = f.load.first;
    if (f.load.mode[0] != 'n')
        f.load.batch = 1;
    prctl(PR_SET_TIMERSLACK, 1);
    connect_all(&f);
    start(&f);
    run(&f);
    for (uint32_t i = 0; i < f.load.connections; i++) {
        close(f.conns[i].fd);
        buf_free(&f.conns[i].in);
        buf_free(&f.conns[i].out);
    }
    free(f.conns);
    free(f.due_ns);
    buf_free(&f.body);
    return load_print(&f.load);
}
