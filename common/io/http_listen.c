/* Where the server listens, and who comes in. */
#include "io/http_conn.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define ACCEPTS_PER_TURN 64

/* ---- who comes in ---- */

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

/* ---- where it listens ---- */

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

void
http_server_stop_listening(struct http_server *s)
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
