#include "lcctl/robots.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PATIENCE_S = 5, SMALL = 126, TEXT = 1, CLOSE = 8, PING = 9 };

void
line_close(struct robot_line *l)
{
    if (l->fd >= 0)
        close(l->fd);
    buf_free(&l->in);
    *l = (struct robot_line){.fd = -1};
}

static void
send_all(struct robot_line *l, const char *p, size_t n)
{
    if (l->fd >= 0 && send(l->fd, p, n, MSG_NOSIGNAL) != (ssize_t)n)
        line_close(l);
}

bool
line_open(struct robot_line *l, const char *host, const char *port, const char *token)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    const struct timeval patience = {PATIENCE_S, 0};
    struct addrinfo *list = NULL;
    uint8_t random[12];
    char request[ROBOT_MESSAGE], key[2 * sizeof random + 1];

    *l = (struct robot_line){.fd = -1};
    if (getaddrinfo(host, port, &hints, &list) != 0)
        return false;
    for (const struct addrinfo *at = list; at != NULL && l->fd < 0; at = at->ai_next) {
        l->fd = socket(at->ai_family, at->ai_socktype | SOCK_CLOEXEC, at->ai_protocol);
        if (l->fd < 0)
            continue;
        setsockopt(l->fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
        if (connect(l->fd, at->ai_addr, at->ai_addrlen) != 0) {
            close(l->fd);
            l->fd = -1;
        }
    }
    freeaddrinfo(list);
    if (l->fd < 0)
        return false;
    /* 16 bytes in base64: 21 digits, one whose low bits are 0, and == */
    ctl_random(random, sizeof random);
    for (size_t i = 0; i < sizeof random; i++)
        snprintf(key + 2 * i, 3, "%02x", random[i]);
    memcpy(key + 21, "A==", 3);
    int n = snprintf(request, sizeof request,
                     "GET /v1/courier HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\n"
                     "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                     "Sec-WebSocket-Key: %s\r\nSec-WebSocket-Protocol: lifecircle.v1.json\r\n"
                     "Authorization: Bearer %s\r\n\r\n",
                     host, key, token);
    send_all(l, request, (size_t)n);
    return l->fd >= 0;
}

/* send_frame: masked, as clients must; a mask of 0 is one too, and hides as much. */
static void
send_frame(struct robot_line *l, int opcode, const char *p, size_t n)
{
    char frame[8 + ROBOT_MESSAGE];
    size_t head = 2;

    if (n > ROBOT_MESSAGE)
        return;
    frame[0] = (char)(0x80 | opcode);
    frame[1] = (char)(0x80 | (n < SMALL ? n : SMALL));
    if (n >= SMALL) {
        frame[head++] = (char)(n >> 8);
        frame[head++] = (char)n;
    }
    memset(frame + head, 0, 4);
    head += 4;
    memcpy(frame + head, p, n);
    send_all(l, frame, head + n);
}

void
line_say(struct robot_line *l, const char *format, ...)
{
    char text[ROBOT_MESSAGE];
    va_list ap;

    va_start(ap, format);
    int n = vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    if (n > 0 && n < (int)sizeof text)
        send_frame(l, TEXT, text, (size_t)n);
}

/* take_head: the answer to the upgrade; false while it is not whole, or when it is none. */
static bool
take_head(struct robot_line *l)
{
    const char *end = memmem(l->in.p, l->in.n, "\r\n\r\n", 4);

    if (end == NULL)
        return false;
    if (l->in.n < 12 || memcmp(l->in.p, "HTTP/1.1 101", 12) != 0) {
        line_close(l); /* a token that does not count yet, or a notifier that starts: tried again */
        return false;
    }
    buf_consume(&l->in, (size_t)(end + 4 - l->in.p));
    l->open = true;
    return true;
}

/* take_frame: one from the front; false when there is no whole one. */
static bool
take_frame(struct robot_line *l, void *ctx, void (*on)(void *, struct slice))
{
    const unsigned char *p = (const unsigned char *)l->in.p;
    size_t head = 2;
    uint64_t n = l->in.n < 2 ? 0 : p[1] & 127;

    if (l->in.n < 2)
        return false;
    unsigned bytes = n == 126 ? 2 : n == 127 ? 8 : 0;
    if (l->in.n < head + bytes)
        return false;
    if (bytes > 0)
        n = 0;
    for (unsigned i = 0; i < bytes; i++)
        n = n << 8 | p[head++];
    if (n > INT32_MAX) {
        line_close(l);
        return false;
    }
    if (l->in.n < head + n)
        return false;
    int opcode = p[0] & 15;
    if (opcode == CLOSE) {
        line_close(l);
        return false;
    }
    if (opcode == PING)
        send_frame(l, PING + 1, l->in.p + head, (size_t)n);
    else if (opcode == TEXT)
        on(ctx, slice_of(l->in.p + head, (size_t)n));
    if (l->fd >= 0)
        buf_consume(&l->in, head + (size_t)n);
    return l->fd >= 0;
}

void
line_read(struct robot_line *l, void *ctx, void (*on)(void *ctx, struct slice message))
{
    for (;;) {
        char *to = buf_reserve(&l->in, ROBOT_READ);
        ssize_t n = to == NULL ? 0 : recv(l->fd, to, ROBOT_READ, MSG_DONTWAIT);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            break;
        if (n <= 0) {
            line_close(l);
            return;
        }
        l->in.n += (size_t)n;
        if (n < ROBOT_READ)
            break;
    }
    if (!l->open && !take_head(l))
        return;
    while (take_frame(l, ctx, on))
        ;
}
