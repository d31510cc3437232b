#include "io/log.h"
#include "io/loop.h"
#include "io/redis_own.h"
#include "io/redis_reply.h"
#include "io/sentinel.h"

#include <errno.h>
#include <hiredis/read.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { BACKOFF_FIRST_MS = 50, BACKOFF_MOST_MS = 2000, READ_BYTES = 16384, READS_A_TURN = 16 };
enum { CONNECT_MS = 5000, NODE_CONNECT_MS = 1500, NODE_BACKOFF_MOST_MS = 500 };

bool
redis_split_address(struct slice address, char host[REDIS_HOST], char port[REDIS_PORT])
{
    size_t colon = address.n;

    while (colon > 0 && address.p[colon - 1] != ':')
        colon--;
    struct slice tail = slice_of(address.p + colon, address.n - colon);
    if (colon < 2 || tail.n == 0 || tail.n > 5)
        return false;
    for (size_t i = 0; i < tail.n; i++)
        if (tail.p[i] < '0' || tail.p[i] > '9')
            return false;
    size_t n = colon - 1;
    size_t from = address.p[0] == '[' && address.p[n - 1] == ']' ? 1 : 0;
    if (n <= 2 * from || n - 2 * from >= REDIS_HOST)
        return false;
    memset(host, 0, REDIS_HOST);
    memset(port, 0, REDIS_PORT);
    memcpy(host, address.p + from, n - 2 * from);
    memcpy(port, tail.p, tail.n);
    return true;
}

enum lc_err
redis_link_address(struct redis *r, const char *address, const char **why)
{
    *why = "expected unix:/path or host:port";
    if (strncmp(address, "unix:", 5) == 0) {
        size_t n = strlen(address + 5);
        if (n == 0 || n >= sizeof((struct sockaddr_un *)0)->sun_path)
            return LC_EINVAL;
        memcpy(r->host, address + 5, n);
        return LC_OK;
    }
    return redis_split_address(slice_str(address), r->host, r->port) ? LC_OK : LC_EINVAL;
}

void
redis_link_down(struct redis *r, const char *event, struct slice reason)
{
    if (r->backoff_ms == 0)
        r->backoff_ms = BACKOFF_FIRST_MS;
    loop_watch_free(r->watch);
    r->watch = NULL;
    if (r->fd >= 0)
        close(r->fd);
    r->fd = -1;
    r->state = LINK_DOWN;
    r->broken = r->again = r->behind = false;
    buf_free(&r->out);
    log_line(LOG_WARN, event, "waiting=%zu again_ms=%lld reason=%.*s", r->count,
             (long long)r->backoff_ms, (int)(reason.n < 512 ? reason.n : 512), reason.p);
    loop_timer_set(r->retry, r->backoff_ms);
    int64_t most_ms = r->cluster != NULL ? NODE_BACKOFF_MOST_MS : BACKOFF_MOST_MS;
    r->backoff_ms = r->backoff_ms * 2 < most_ms ? r->backoff_ms * 2 : most_ms;
    redis_lose_all(r);
}

/* ---- bytes ---- */

void
redis_link_write(struct redis *r)
{
    while (r->out.n > 0) {
        ssize_t n = send(r->fd, r->out.p, r->out.n, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK) {
            r->broken = true; /* callers may be in the middle of a turn: the tick closes */
            redis_ensure_tick(r);
            return;
        }
        if (n < 0)
            break;
        r->counts.bytes_out += (uint64_t)n;
        buf_consume(&r->out, (size_t)n);
    }
    loop_watch_want(r->watch, true, r->out.n > 0);
}

/* take_replies: false when the connection was given up. */
static bool
take_replies(struct redis *r)
{
    for (;;) {
        void *reply = NULL;
        if (redisReaderGetReply(r->reader, &reply) != 0) {
            redis_link_down(r, "redis_garbled", slice_str(r->reader->errstr));
            return false;
        }
        if (reply == NULL)
            return true;
        redis_handle_reply(r, reply);
        redis_cluster_turn(r);
        if (r->state == LINK_DOWN)
            return false;
        if (r->kept_n == 0)
            arena_reset(r->arena);
    }
}

static void
read_some(struct redis *r)
{
    char bytes[READ_BYTES];

    for (int i = 0; i < READS_A_TURN; i++) {
        ssize_t n = recv(r->fd, bytes, sizeof bytes, 0);
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
            return;
        if (n <= 0) {
            redis_link_down(r, "redis_lost", slice_str(n == 0 ? "closed" : strerror(errno)));
            return;
        }
        r->counts.bytes_in += (uint64_t)n;
        r->heard_ms = loop_mono_ms();
        if (redisReaderFeed(r->reader, bytes, (size_t)n) != 0) {
            redis_link_down(r, "redis_garbled", slice_str(r->reader->errstr));
            return;
        }
        if (!take_replies(r) || (size_t)n < sizeof bytes)
            return;
    }
}

static void
connected(struct redis *r)
{
    int error = 0;
    socklen_t n = sizeof error;

    if (getsockopt(r->fd, SOL_SOCKET, SO_ERROR, &error, &n) != 0 || error != 0) {
        redis_link_down(r, "redis_refused", slice_str(strerror(error)));
        return;
    }
    r->state = LINK_GREETING;
    loop_timer_set(r->retry, CONNECT_MS); /* given up when it is not up by then */
    loop_watch_want(r->watch, true, false);
    redis_greet(r);
}

static void
on_socket(void *ctx)
{
    struct redis *r = ctx;

    if (r->state == LINK_CONNECTING) {
        connected(r);
        return;
    }
    if (r->out.n > 0 && !r->broken)
        redis_link_write(r);
    read_some(r);
}

/* ---- connecting ---- */

static void
connect_to(struct redis *r, const struct sockaddr *to, socklen_t n)
{
    int yes = 1;

    arena_reset(r->arena);
    if (r->reader != NULL)
        redisReaderFree(r->reader);
    r->reader = redis_reader_new(r->arena);
    r->fd = socket(to->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    r->watch = r->fd >= 0 ? loop_watch_new(r->loop, r->fd, on_socket, r) : NULL;
    if (r->watch == NULL || r->reader == NULL) {
        redis_link_down(r, "redis_refused", slice_str("no memory or descriptors"));
        return;
    }
    if (to->sa_family != AF_UNIX) {
        setsockopt(r->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
        setsockopt(r->fd, SOL_SOCKET, SO_KEEPALIVE, &yes, sizeof yes);
    }
    if (connect(r->fd, to, n) != 0 && errno != EINPROGRESS) {
        redis_link_down(r, "redis_refused", slice_str(strerror(errno)));
        return;
    }
    r->state = LINK_CONNECTING;
    r->heard_ms = loop_mono_ms();
    loop_watch_want(r->watch, false, true);
    /* a node that is gone without a word must not keep us from those that know the next one */
    loop_timer_set(r->retry, r->cluster != NULL ? NODE_CONNECT_MS : CONNECT_MS);
}

static void
on_resolved(void *ctx, const struct resolved *result)
{
    struct redis *r = ctx;
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
                             .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV};
    struct addrinfo *list = NULL;

    if (r->state != LINK_DOWN)
        return;
    if (result->n == 0) {
        redis_link_down(r, "redis_refused", slice_str("the name is not known"));
        return;
    }
    const char *address = result->address[r->tries++ % result->n];
    if (getaddrinfo(address, r->port, &hints, &list) != 0) {
        redis_link_down(r, "redis_refused", slice_str("the address cannot be read"));
        return;
    }
    connect_to(r, list->ai_addr, list->ai_addrlen);
    freeaddrinfo(list);
}

void
redis_link_try(struct redis *r)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};

    if (r->state == LINK_UP)
        return; /* the time to connect in is over, and was enough */
    if (r->state != LINK_DOWN) {
        redis_link_down(r, "redis_refused", slice_str("no answer while connecting"));
        return;
    }
    if (r->sentinel != NULL && !r->found) {
        sentinel_ask(r->sentinel); /* redis_link_primary follows */
        return;
    }
    r->found = false;
    if (r->cluster != NULL)
        redis_cluster_choose(r);
    if (r->port[0] != '\0') {
        if (resolver_ask(r->resolver, r->host, on_resolved, r) != LC_OK)
            redis_link_down(r, "redis_refused", slice_str("no memory for the name"));
        return;
    }
    memcpy(to.sun_path, r->host, strlen(r->host));
    connect_to(r, (const struct sockaddr *)&to, sizeof to);
}

enum lc_err
redis_follow(struct redis *r, const char *sentinels, const char *primary,
             const struct redis_login *login, const char **why)
{
    return sentinel_new(r->loop, r->resolver, sentinels, primary, login, redis_link_primary, r,
                        &r->sentinel, why);
}

void
redis_link_primary(void *ctx, const char *host, const char *port)
{
    struct redis *r = ctx;
    bool same = strcmp(host, r->host) == 0 && strcmp(port, r->port) == 0;

    if (same && r->state != LINK_DOWN)
        return;
    log_line(LOG_INFO, "redis_primary", "host=%s port=%s", host, port);
    snprintf(r->host, sizeof r->host, "%s", host);
    snprintf(r->port, sizeof r->port, "%s", port);
    r->found = true;
    if (r->state != LINK_DOWN) {
        r->counts.switches++;
        r->backoff_ms = 0; /* this one has just been made: it waits for us */
        redis_link_down(r, "redis_switched", slice_str("the Sentinels name another primary"));
    } else {
        loop_timer_set(r->retry, 0);
    }
}
