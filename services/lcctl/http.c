#include "lcctl/http.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PATIENCE_S = 3, ANSWER_MOST = 4 * 1024 * 1024, PIECE = 16384 };

/* split: host and port of "host:port" or "[v6]:port"; false when it is neither. */
static bool
split(const char *address, char host[256], char port[8])
{
    const char *colon = strrchr(address, ':');

    if (colon == NULL || colon == address || colon - address >= 256 || strlen(colon + 1) > 5 ||
        colon[1] == '\0' || colon[1 + strspn(colon + 1, "0123456789")] != '\0')
        return false;
    int brackets = address[0] == '[' && colon[-1] == ']';
    snprintf(host, 256, "%.*s", (int)(colon - address) - 2 * brackets, address + brackets);
    snprintf(port, 8, "%s", colon + 1);
    return true;
}

/* has_way: does this machine know any way there? Where IPv6 is off, as in many containers, a name
 * may still have an address of it. Nothing is sent. */
static bool
has_way(const struct addrinfo *at)
{
    int fd = socket(at->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    bool way = fd >= 0 && connect(fd, at->ai_addr, at->ai_addrlen) == 0;

    if (fd >= 0)
        close(fd);
    return way;
}

int
http_addresses(const char *address, char (*to)[HTTP_ADDRESS], int most)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *list = NULL;
    char host[256], port[8], numeric[48];
    int n = 0;

    if (!split(address, host, port))
        return -1;
    if (getaddrinfo(host, port, &hints, &list) != 0)
        return 0;
    for (const struct addrinfo *at = list; at != NULL && n < most; at = at->ai_next)
        if ((list->ai_next == NULL || has_way(at)) &&
            getnameinfo(at->ai_addr, at->ai_addrlen, numeric, sizeof numeric, NULL, 0,
                        NI_NUMERICHOST) == 0)
            snprintf(to[n++], HTTP_ADDRESS, at->ai_family == AF_INET6 ? "[%s]:%s" : "%s:%s",
                     numeric, port);
    freeaddrinfo(list);
    return n;
}

/* silence: of what failed just now. */
static int
silence(void)
{
    return errno == EAGAIN || errno == EINPROGRESS || errno == ETIMEDOUT ? HTTP_SILENT
                                                                         : HTTP_NOBODY;
}

/* connect_to: a descriptor, or -1; then *why is HTTP_NOBODY or HTTP_SILENT. */
static int
connect_to(const char *address, int *why)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
                                   .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV};
    const struct timeval patience = {PATIENCE_S, 0};
    struct addrinfo *at = NULL;
    char host[256], port[8];
    int fd = -1;

    *why = HTTP_NOBODY;
    if (!split(address, host, port) || getaddrinfo(host, port, &hints, &at) != 0)
        return -1;
    fd = socket(at->ai_family, at->ai_socktype | SOCK_CLOEXEC, at->ai_protocol);
    if (fd >= 0) {
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
        if (connect(fd, at->ai_addr, at->ai_addrlen) != 0) {
            *why = silence();
            close(fd);
            fd = -1;
        }
    }
    freeaddrinfo(at);
    return fd;
}

int
http_ask(const char *address, const char *method, const char *path, struct buf *b)
{
    char request[600];
    int status, code = 0;
    int fd = connect_to(address, &status);
    int length = snprintf(request, sizeof request,
                          "%s %s HTTP/1.1\r\nHost: %s\r\nContent-Length: 0\r\n"
                          "Connection: close\r\n\r\n",
                          method, path, address);

    buf_reset(b);
    if (fd < 0 || length >= (int)sizeof request ||
        send(fd, request, (size_t)length, MSG_NOSIGNAL) != (ssize_t)length)
        goto out;
    for (char *to; b->n < ANSWER_MOST && (to = buf_reserve(b, PIECE)) != NULL;) {
        ssize_t got = recv(fd, to, PIECE, 0);
        if (got < 0)
            status = silence();
        if (got <= 0)
            break;
        b->n += (size_t)got;
    }
    buf_char(b, '\0');
    if (b->failed)
        goto out;
    b->n--;
    const char *body = strstr(b->p, "\r\n\r\n");
    if (body != NULL && sscanf(b->p, "HTTP/1.%*c %d", &code) == 1 && code >= 100) {
        status = code;
        buf_consume(b, (size_t)(body + 4 - b->p));
        b->p[b->n] = '\0';
    }
out:
    if (fd >= 0)
        close(fd);
    return status;
}

int
http_ask_any(const char *address, const char *method, const char *path, struct buf *b,
             char at[HTTP_ADDRESS])
{
    enum { MOST = 8 };
    char list[MOST][HTTP_ADDRESS];
    int n = http_addresses(address, list, MOST);
    int status = HTTP_NOBODY;

    for (int i = 0; status < 100 && i < n; i++) {
        memcpy(at, list[i], HTTP_ADDRESS);
        int said = http_ask(at, method, path, b);
        status = said == HTTP_NOBODY ? status : said;
    }
    if (n < 0)
        fprintf(stderr, "lcctl: expected HOST:PORT, got %s\n", address);
    return n < 0 ? -1 : status;
}
