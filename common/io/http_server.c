#include "io/http_conn.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define ACCEPTS_PER_TURN 64

void
http_server_touch(struct http_server *s)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    s->now_ms = (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* serial << bits | slot: found without a search, and never the same again. */
uint64_t
http_server_next_id(struct http_server *s, uint32_t slot)
{
    return ++s->serial << HTTP_SLOT_BITS | slot;
}

struct http_conn *
http_server_find(struct http_server *s, uint64_t conn_id)
{
    uint32_t slot = (uint32_t)(conn_id & ((1u << HTTP_SLOT_BITS) - 1));

    if (slot >= s->slots_n || s->slots[slot] == NULL || s->slots[slot]->id != conn_id ||
        s->slots[slot]->phase == CONN_DEAD)
        return NULL;
    return s->slots[slot];
}

void
http_server_forget(struct http_conn *c)
{
    struct http_server *s = c->server;

    if (s->limit != NULL)
        http_limit_close(s->limit, &c->held);
    s->slots[c->slot] = NULL;
    s->free_slots[s->free_n++] = c->slot;
    s->open--;
}

size_t
http_server_connections(const struct http_server *s)
{
    return s->open;
}

struct slice
http_header(const struct http_request *req, const char *name)
{
    size_t n = strlen(name);

    for (size_t i = 0; i < req->header_count; i++) {
        const struct http_header *h = &req->headers[i];
        if (h->name.n == n && strncasecmp(h->name.p, name, n) == 0)
            return h->value;
    }
    return (struct slice){NULL, 0};
}

enum lc_err
http_pause(struct http_server *s, uint64_t conn_id)
{
    struct http_conn *c = http_server_find(s, conn_id);

    if (c == NULL || !c->delivered)
        return LC_ENOTFOUND;
    c->paused = true;
    return LC_OK;
}

enum lc_err
http_resume(struct http_server *s, uint64_t conn_id)
{
    struct http_conn *c = http_server_find(s, conn_id);

    if (c == NULL || !c->delivered)
        return LC_ENOTFOUND;
    if (!c->paused)
        return LC_OK;
    c->paused = false;
    if (c->phase == CONN_BODY)
        c->in_deadline_ms = s->now_ms + s->limits.body_idle_ms;
    conn_mark(c);
    return LC_OK;
}

/* The end of a turn: runs behind everything that was already due when the first connection was
 * marked. */
static void
on_flush(evutil_socket_t fd, short what, void *arg)
{
    struct http_server *s = arg;

    (void)fd, (void)what;
    s->flush_active = false;
    struct http_conn *c = s->dirty;
    s->dirty = NULL;
    while (c != NULL) {
        struct http_conn *next = c->next_dirty;
        conn_flush(c);
        c = next;
    }
    if (s->draining && s->open == 0 && !s->drained_told) {
        s->drained_told = true;
        if (s->on.on_drained != NULL)
            s->on.on_drained(s->ctx);
    }
}

static void
on_tick(evutil_socket_t fd, short what, void *arg)
{
    struct http_server *s = arg;

    (void)fd, (void)what;
    http_server_touch(s);
    for (uint32_t i = 0; i < s->slots_n; i++)
        if (s->slots[i] != NULL)
            conn_deadline(s->slots[i]);
    for (size_t i = 0; i < s->listeners_n; i++)
        if (s->listeners[i].resting && event_add(&s->listeners[i].ev, NULL) == 0)
            s->listeners[i].resting = false;
}

static void
peer_text(const struct sockaddr_storage *sa, char out[48])
{
    if (sa->ss_family == AF_INET)
        inet_ntop(AF_INET, &((const struct sockaddr_in *)sa)->sin_addr, out, 48);
    else if (sa->ss_family == AF_INET6)
        inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)sa)->sin6_addr, out, 48);
    else
        snprintf(out, 48, "unix");
}

/* ---- what one address may do ---- */

enum lc_err
http_server_limit_addresses(struct http_server *s, const struct http_address_rules *rules,
                            const char **why)
{
    *why = "out of memory";
    if (s->limit == NULL && (s->limit = http_limit_new()) == NULL)
        return LC_ENOMEM;
    return http_limit_rules(s->limit, rules, why);
}

/* client_of: for whom the proxy asks; false when it says of nobody, as in a check of its own. Some
 * proxies add a header of their own to those that came. */
static bool
client_of(const struct http_limit *l, const struct http_request *req, struct ip *to)
{
    bool any = false, more = true;

    for (size_t i = req->header_count; more && i-- > 0;) {
        const struct http_header *h = &req->headers[i];
        if (h->name.n != 15 || strncasecmp(h->name.p, "X-Forwarded-For", 15) != 0)
            continue;
        if (http_limit_client(l, h->value, to, &more))
            any = true;
        else
            more = !any;
    }
    return any;
}

enum http_refusal
http_server_admits(struct http_conn *c, const struct http_request *req)
{
    struct http_server *s = c->server;
    struct ip ip = c->ip;

    if (!c->has_ip || (c->proxy && !client_of(s->limit, req, &ip)))
        return HTTP_REFUSED_NONE;
    if (!http_limit_take(s->limit, &ip, s->now_ms))
        return HTTP_REFUSED_ADDRESS_RATE;
    if (c->proxy && c->held == 0 && !http_limit_open(s->limit, &ip, s->now_ms, &c->held))
        return HTTP_REFUSED_ADDRESS_OPEN;
    return HTTP_REFUSED_NONE;
}

void
http_server_done(struct http_conn *c)
{
    if (c->proxy && c->server->limit != NULL)
        http_limit_close(c->server->limit, &c->held);
}

/* Over a limit: one attempt to say so, without a connection's memory. */
static void
turn_away(struct http_server *s, int fd, enum http_refusal why)
{
    struct buf out = {0};

    if (s->on.on_refused != NULL)
        s->on.on_refused(s->ctx, 0, why);
    http_answer_problem(&out, s, why, false);
    if (!out.failed && send(fd, out.p, out.n, MSG_NOSIGNAL) > 0)
        shutdown(fd, SHUT_WR);
    buf_free(&out);
    close(fd);
}

static void
admit(struct http_server *s, int fd, const struct sockaddr_storage *sa)
{
    char peer[48] = "";
    int one = 1;
    uint32_t held = 0;
    struct ip ip = {{0}};

    if (s->open >= s->limits.connections) {
        turn_away(s, fd, HTTP_REFUSED_CONNECTIONS);
        return;
    }
    peer_text(sa, peer);
    bool has_ip = s->limit != NULL && ip_read(slice_str(peer), &ip);
    bool proxy = has_ip && http_limit_is_proxy(s->limit, &ip);
    if (has_ip && !proxy && !http_limit_open(s->limit, &ip, s->now_ms, &held)) {
        turn_away(s, fd, HTTP_REFUSED_ADDRESS_OPEN);
        return;
    }
    if (sa->ss_family != AF_UNIX)
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    uint32_t slot = s->free_n > 0 ? s->free_slots[s->free_n - 1] : s->slots_n;
    struct http_conn *c = conn_new(s, fd, slot, peer);
    if (c == NULL) {
        if (s->limit != NULL)
            http_limit_close(s->limit, &held);
        turn_away(s, fd, HTTP_REFUSED_MEMORY);
        return;
    }
    c->ip = ip;
    c->has_ip = has_ip;
    c->proxy = proxy;
    c->held = held;
    if (s->free_n > 0)
        s->free_n--;
    else
        s->slots_n++;
    s->slots[slot] = c;
    s->open++;
}

static void
on_accept(evutil_socket_t listen_fd, short what, void *arg)
{
    struct http_listener *l = arg;

    (void)what;
    http_server_touch(l->server);
    for (int i = 0; i < ACCEPTS_PER_TURN; i++) {
        struct sockaddr_storage sa = {0};
        socklen_t n = sizeof sa;
        int fd = accept4(listen_fd, (struct sockaddr *)&sa, &n, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            admit(l->server, fd, &sa);
            continue;
        }
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            /* still readable, so it would spin; the tick tries again */
            event_del(&l->ev);
            l->resting = true;
        }
        if (errno != EINTR && errno != ECONNABORTED)
            return;
    }
}

static enum lc_err
errno_err(int e)
{
    return e == EADDRINUSE ? LC_EEXIST : LC_EIO;
}

/* A socket file whose owner died is in the way; one that answers is somebody's. */
static bool
is_stale(const struct sockaddr_un *sa)
{
    struct stat st;
    int fd;

    if (stat(sa->sun_path, &st) != 0 || !S_ISSOCK(st.st_mode))
        return false;
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return false;
    bool stale = connect(fd, (const struct sockaddr *)sa, sizeof *sa) != 0 && errno == ECONNREFUSED;
    close(fd);
    return stale;
}

static enum lc_err
open_unix(const char *path, bool listens, int *fd)
{
    struct sockaddr_un sa = {.sun_family = AF_UNIX};

    if (path[0] == '\0')
        return LC_EINVAL;
    if (strlen(path) >= sizeof sa.sun_path)
        return LC_ETOOBIG;
    memcpy(sa.sun_path, path, strlen(path) + 1);
    if (is_stale(&sa))
        unlink(path);
    *fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (*fd >= 0 && bind(*fd, (struct sockaddr *)&sa, sizeof sa) == 0 &&
        (!listens || listen(*fd, SOMAXCONN) == 0))
        return LC_OK;
    return errno_err(errno);
}

static enum lc_err
open_tcp(const char *host, const char *service, bool listens, int *fd, uint16_t *port)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
    struct addrinfo *found = NULL;
    struct sockaddr_storage sa = {0};
    socklen_t n = sizeof sa;
    enum lc_err err = LC_OK;
    int one = 1, zero = 0;

    if (getaddrinfo(host, service, &hints, &found) != 0)
        return LC_EINVAL;
    *fd = socket(found->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (*fd >= 0) {
        setsockopt(*fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
        if (found->ai_family == AF_INET6 && host == NULL)
            setsockopt(*fd, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof zero);
    }
    if (*fd < 0 || bind(*fd, found->ai_addr, found->ai_addrlen) != 0 ||
        (listens && listen(*fd, SOMAXCONN) != 0) ||
        getsockname(*fd, (struct sockaddr *)&sa, &n) != 0)
        err = errno_err(errno);
    else
        /* NOLINTNEXTLINE(clang-analyzer-core.CallAndMessage): getsockname has filled it in */
        *port = ntohs(sa.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&sa)->sin6_port
                                               : ((struct sockaddr_in *)&sa)->sin_port);
    freeaddrinfo(found);
    return err;
}

/* "host:port", "[v6]:port", ":port" */
static enum lc_err
open_address(const char *address, bool listens, int *fd, uint16_t *port)
{
    char host[256];
    const char *colon = strrchr(address, ':');
    size_t n = colon == NULL ? 0 : (size_t)(colon - address);

    if (colon == NULL || n >= sizeof host || colon[1] == '\0')
        return LC_EINVAL;
    for (const char *p = colon + 1; *p != '\0'; p++)
        if (*p < '0' || *p > '9')
            return LC_EINVAL;
    if (n > 2 && address[0] == '[' && address[n - 1] == ']') {
        address++;
        n -= 2;
    }
    memcpy(host, address, n);
    host[n] = '\0';
    return open_tcp(n == 0 ? NULL : host, colon + 1, listens, fd, port);
}

enum lc_err
http_server_listen(struct http_server *s, const char *address, uint16_t *port)
{
    bool is_unix = strncmp(address, "unix:", 5) == 0;
    struct http_listener *l = &s->listeners[s->listeners_n];
    uint16_t bound = 0;
    int fd = -1;

    if (s->listeners_n == HTTP_MAX_LISTENERS)
        return LC_ETOOBIG;
    enum lc_err err = is_unix ? open_unix(address + 5, !s->held, &fd)
                              : open_address(address, !s->held, &fd, &bound);
    *l = (struct http_listener){.server = s, .fd = fd};
    if (err == LC_OK && is_unix && (l->unix_path = strdup(address + 5)) == NULL)
        err = LC_ENOMEM;
    if (err == LC_OK &&
        (event_assign(&l->ev, s->base, fd, EV_READ | EV_PERSIST, on_accept, l) != 0 ||
         (!s->held && event_add(&l->ev, NULL) != 0)))
        err = LC_EIO;
    if (err != LC_OK) {
        int kept = errno;
        if (fd >= 0)
            close(fd);
        free(l->unix_path);
        errno = kept;
        return err;
    }
    s->listeners_n++;
    if (port != NULL)
        *port = bound;
    return LC_OK;
}

void
http_server_hold(struct http_server *s)
{
    s->held = true;
}

enum lc_err
http_server_open(struct http_server *s)
{
    s->held = false;
    for (size_t i = 0; i < s->listeners_n; i++)
        if (listen(s->listeners[i].fd, SOMAXCONN) != 0)
            return errno_err(errno);
        else if (event_add(&s->listeners[i].ev, NULL) != 0)
            return LC_EIO;
    return LC_OK;
}

static void
stop_listening(struct http_server *s)
{
    while (s->listeners_n > 0) {
        struct http_listener *l = &s->listeners[--s->listeners_n];
        event_del(&l->ev);
        close(l->fd);
        if (l->unix_path != NULL)
            unlink(l->unix_path);
        free(l->unix_path);
    }
}

void
http_server_drain(struct http_server *s)
{
    if (s->draining)
        return;
    s->draining = true;
    stop_listening(s);
    for (uint32_t i = 0; i < s->slots_n; i++) {
        struct http_conn *c = s->slots[i];
        if (c != NULL && c->phase == CONN_WEBSOCKET)
            ws_say_close(c, 1001, "going away");
        else if (c != NULL && c->phase == CONN_IDLE && c->in.n == 0) {
            c->phase = CONN_CLOSING;
            c->linger = false;
            c->in_deadline_ms = 0;
            conn_mark(c);
        }
    }
    if (!s->flush_active) {
        s->flush_active = true;
        event_active(&s->flush_ev, EV_TIMEOUT, 0);
    }
}

#define DEFAULT(field, value)                                                                      \
    if (l->field == 0)                                                                             \
    l->field = (value)

static void
fill_limits(struct http_limits *l)
{
    DEFAULT(header_bytes, 16 * 1024);
    DEFAULT(header_count, 64);
    DEFAULT(target_bytes, 2048);
    DEFAULT(body_bytes, 1024 * 1024);
    DEFAULT(connections, 4096);
    DEFAULT(out_pause_bytes, 256 * 1024);
    DEFAULT(backlog_bytes, 1024 * 1024);
    DEFAULT(stream_backlog_bytes, 8 * 1024 * 1024);
    DEFAULT(ws_message_bytes, 64 * 1024);
    DEFAULT(request_ms, 10000);
    DEFAULT(body_idle_ms, 10000);
    DEFAULT(keep_alive_ms, 60000);
    DEFAULT(answer_ms, 30000);
    DEFAULT(write_stall_ms, 30000);
    DEFAULT(linger_ms, 2000);
    DEFAULT(ws_ping_ms, 20000);
    if (l->header_bytes > 65536)
        l->header_bytes = 65536; /* the parser's own limit is 80 KiB */
    if (l->header_count > 256)
        l->header_count = 256;
    if (l->connections > 1u << HTTP_SLOT_BITS)
        l->connections = 1u << HTTP_SLOT_BITS;
}

/* Often enough that a deadline is late by a tenth at most, seldom enough to cost nothing. */
static struct timeval
tick_time(const struct http_limits *l)
{
    const uint32_t spans[] = {l->request_ms,     l->body_idle_ms, l->keep_alive_ms, l->answer_ms,
                              l->write_stall_ms, l->linger_ms,    l->ws_ping_ms};
    uint32_t ms = 2500;

    for (size_t i = 0; i < sizeof spans / sizeof *spans; i++)
        if (spans[i] < ms)
            ms = spans[i];
    ms = ms / 10 < 5 ? 5 : ms / 10;
    return (struct timeval){.tv_usec = (suseconds_t)ms * 1000};
}

struct http_server *
http_server_new(struct event_base *base, const struct http_limits *limits,
                const struct http_handlers *handlers, void *ctx)
{
    struct http_server *s = calloc(1, sizeof *s);

    if (s == NULL)
        return NULL;
    if (limits != NULL)
        s->limits = *limits;
    fill_limits(&s->limits);
    s->base = base;
    s->on = *handlers;
    s->ctx = ctx;
    http_server_touch(s);
    s->slots = calloc(s->limits.connections, sizeof *s->slots);
    s->free_slots = calloc(s->limits.connections, sizeof *s->free_slots);
    s->spans = calloc(s->limits.header_count, sizeof *s->spans);
    s->headers = calloc(s->limits.header_count, sizeof *s->headers);
    s->tick_ev = event_new(base, -1, EV_PERSIST, on_tick, s);
    struct timeval tick = tick_time(&s->limits);
    if (s->slots == NULL || s->free_slots == NULL || s->spans == NULL || s->headers == NULL ||
        s->tick_ev == NULL || event_assign(&s->flush_ev, base, -1, 0, on_flush, s) != 0) {
        http_server_destroy(s);
        return NULL;
    }
    s->flush_assigned = true;
    if (event_add(s->tick_ev, &tick) != 0) {
        http_server_destroy(s);
        return NULL;
    }
    return s;
}

void
http_server_destroy(struct http_server *s)
{
    if (s == NULL)
        return;
    stop_listening(s);
    for (uint32_t i = 0; i < s->slots_n; i++)
        /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): without slots, slots_n is 0 */
        if (s->slots[i] != NULL)
            conn_free(s->slots[i]);
    if (s->flush_assigned)
        event_del(&s->flush_ev);
    if (s->tick_ev != NULL)
        event_free(s->tick_ev);
    free(s->slots);
    free(s->free_slots);
    http_limit_destroy(s->limit);
    free(s->spans);
    free(s->headers);
    free(s);
}
