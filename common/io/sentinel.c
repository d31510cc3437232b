#include "io/sentinel.h"

#include "io/log.h"
#include "io/loop.h"
#include "io/redis_own.h"
#include "io/redis_reply.h"

#include <errno.h>
#include <hiredis/read.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ANSWER_MS = 1000, NEXT_MS = 50, ROUND_MS = 500, PING_MS = 2000, ARENA_MOST = 1024 * 1024 };

enum sentinel_state { AWAY, NAMING, CONNECTING, ASKING, LISTENING };

struct at {
    char host[REDIS_HOST];
    char port[REDIS_PORT];
};

struct sentinel {
    struct loop *loop;
    struct resolver *resolver;
    void (*told)(void *ctx, const char *host, const char *port);
    void *ctx;
    struct at list[REDIS_SENTINELS];
    size_t n, next;
    char name[128];
    char user[128];
    char password[256];

    enum sentinel_state state;
    bool heard;    /* since the last PING, or since it was asked */
    bool ready;    /* AUTH, when there is one, was answered */
    bool silent;   /* a round of all brought nothing: said */
    size_t failed; /* one after the other */
    int fd;
    struct loop_watch *watch;
    struct loop_timer *timer; /* AWAY: the next try; else what is waited for is late */
    struct redisReader *reader;
    struct arena *arena;
    struct buf out;
};

static void
hang_up(struct sentinel *s)
{
    loop_watch_free(s->watch);
    s->watch = NULL;
    if (s->fd >= 0)
        close(s->fd);
    s->fd = -1;
    s->state = AWAY;
    buf_free(&s->out);
}

/* try_next: after a moment; longer when nobody in the whole list could say. */
static void
try_next(struct sentinel *s, struct slice reason)
{
    const struct at *at = &s->list[s->next];

    log_line(LOG_DEBUG, "sentinel_left", "host=%s port=%s reason=%.*s", at->host, at->port,
             (int)(reason.n < 512 ? reason.n : 512), reason.p);
    hang_up(s);
    s->next = (s->next + 1) % s->n;
    if (++s->failed == s->n && !s->silent) {
        s->silent = true;
        log_line(LOG_WARN, "sentinels_silent", "primary=%s last=%s:%s reason=%.*s", s->name,
                 at->host, at->port, (int)(reason.n < 512 ? reason.n : 512), reason.p);
    }
    loop_timer_set(s->timer, s->failed % s->n == 0 ? ROUND_MS : NEXT_MS);
}

static void
send_out(struct sentinel *s)
{
    while (s->out.n > 0) {
        ssize_t n = send(s->fd, s->out.p, s->out.n, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            break; /* full: when it can be written; broken: reading says so */
        buf_consume(&s->out, (size_t)n);
    }
    loop_watch_want(s->watch, true, s->out.n > 0);
}

static void
ask(struct sentinel *s)
{
    const struct slice auth[] = {SLICE_LIT("AUTH"),
                                 slice_str(s->user[0] != '\0' ? s->user : "default"),
                                 slice_str(s->password)};
    const struct slice where[] = {SLICE_LIT("SENTINEL"), SLICE_LIT("GET-MASTER-ADDR-BY-NAME"),
                                  slice_str(s->name)};
    const struct slice listen[] = {SLICE_LIT("SUBSCRIBE"), SLICE_LIT("+switch-master")};

    s->state = ASKING;
    s->ready = s->password[0] == '\0';
    if (!s->ready)
        redis_put_command(&s->out, auth, 3);
    /* both in one piece: nothing comes between them */
    redis_put_command(&s->out, where, 3);
    redis_put_command(&s->out, listen, 2);
    send_out(s);
}

/* ---- what it says ---- */

static void
tell(struct sentinel *s, struct slice host, struct slice port)
{
    struct at at;

    if (host.n == 0 || host.n >= sizeof at.host || port.n == 0 || port.n >= sizeof at.port)
        return;
    memcpy(at.host, host.p, host.n);
    at.host[host.n] = '\0';
    memcpy(at.port, port.p, port.n);
    at.port[port.n] = '\0';
    s->told(s->ctx, at.host, at.port);
}

/* "name old-host old-port new-host new-port" */
static void
switched(struct sentinel *s, struct slice text)
{
    struct slice word[5];
    size_t n = 0;

    while (n < 5 && text.n > 0) {
        size_t length = 0;
        while (length < text.n && text.p[length] != ' ')
            length++;
        word[n++] = slice_of(text.p, length);
        length += length < text.n;
        text = slice_of(text.p + length, text.n - length);
    }
    if (n == 5 && slice_eq_str(word[0], s->name))
        tell(s, word[3], word[4]);
}

/* took: false when it was left. */
static bool
took(struct sentinel *s, const struct reply *reply)
{
    const struct reply *items = reply->items;

    if (reply->kind == REPLY_ERROR) {
        try_next(s, reply->str);
        return false;
    }
    if (!s->ready) {
        s->ready = true;
    } else if (s->state == ASKING) {
        if (reply->kind != REPLY_ARRAY || reply->n != 2) {
            try_next(s, SLICE_LIT("it knows no primary of that name"));
            return false;
        }
        s->state = LISTENING;
        s->failed = 0;
        s->silent = false;
        loop_timer_set(s->timer, PING_MS);
        tell(s, items[0].str, items[1].str);
    } else if (reply->kind == REPLY_ARRAY && reply->n == 3 &&
               slice_eq_str(items[0].str, "message")) {
        switched(s, items[2].str);
    }
    return true;
}

static void
read_some(struct sentinel *s)
{
    char bytes[4096];
    ssize_t n = recv(s->fd, bytes, sizeof bytes, 0);

    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
        return;
    if (n <= 0) {
        try_next(s, slice_str(n == 0 ? "closed" : strerror(errno)));
        return;
    }
    s->heard = true;
    if (redisReaderFeed(s->reader, bytes, (size_t)n) != 0) {
        try_next(s, slice_str(s->reader->errstr));
        return;
    }
    for (;;) {
        void *reply = NULL;
        if (redisReaderGetReply(s->reader, &reply) != 0) {
            try_next(s, slice_str(s->reader->errstr));
            return;
        }
        if (reply == NULL || !took(s, reply))
            return;
        arena_reset(s->arena);
    }
}

static void
on_socket(void *ctx)
{
    struct sentinel *s = ctx;
    int error = 0;
    socklen_t n = sizeof error;

    if (s->state != CONNECTING) {
        if (s->out.n > 0)
            send_out(s);
        read_some(s);
        return;
    }
    if (getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &error, &n) != 0 || error != 0) {
        try_next(s, slice_str(strerror(error)));
        return;
    }
    ask(s);
}

/* ---- connecting ---- */

static void
connect_to(struct sentinel *s, const struct sockaddr *to, socklen_t n)
{
    int yes = 1;

    arena_reset(s->arena);
    if (s->reader != NULL)
        redisReaderFree(s->reader);
    s->reader = redis_reader_new(s->arena);
    s->fd = socket(to->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    s->watch = s->fd >= 0 ? loop_watch_new(s->loop, s->fd, on_socket, s) : NULL;
    if (s->watch == NULL || s->reader == NULL) {
        try_next(s, SLICE_LIT("no memory or descriptors"));
        return;
    }
    setsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    if (connect(s->fd, to, n) != 0 && errno != EINPROGRESS) {
        try_next(s, slice_str(strerror(errno)));
        return;
    }
    s->state = CONNECTING;
    s->heard = false;
    loop_watch_want(s->watch, false, true);
    loop_timer_set(s->timer, ANSWER_MS);
}

static void
on_resolved(void *ctx, const struct resolved *result)
{
    struct sentinel *s = ctx;
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
                             .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV};
    struct addrinfo *list = NULL;

    if (s->state != NAMING)
        return; /* it took too long: another is being asked */
    if (result->n == 0 ||
        getaddrinfo(result->address[0], s->list[s->next].port, &hints, &list) != 0) {
        try_next(s, SLICE_LIT("the name is not known"));
        return;
    }
    connect_to(s, list->ai_addr, list->ai_addrlen);
    freeaddrinfo(list);
}

static void
on_timer(void *ctx)
{
    struct sentinel *s = ctx;
    const struct slice ping[] = {SLICE_LIT("PING")};

    if (s->state == AWAY) {
        s->state = NAMING;
        loop_timer_set(s->timer, ANSWER_MS);
        if (resolver_ask(s->resolver, s->list[s->next].host, on_resolved, s) != LC_OK)
            try_next(s, SLICE_LIT("no memory for the name"));
    } else if (s->state == LISTENING && s->heard) {
        s->heard = false;
        redis_put_command(&s->out, ping, 1);
        loop_timer_set(s->timer, PING_MS);
        send_out(s);
    } else {
        try_next(s, SLICE_LIT("no answer"));
    }
}

void
sentinel_ask(struct sentinel *s)
{
    if (s == NULL || s->state != LISTENING)
        return; /* it is about to be asked anyway */
    hang_up(s);
    s->next = (s->next + 1) % s->n;
    loop_timer_set(s->timer, NEXT_MS);
}

/* ---- life ---- */

static bool
read_list(struct sentinel *s, const char *list)
{
    while (*list != '\0') {
        size_t n = strcspn(list, ",");
        if (s->n == REDIS_SENTINELS ||
            !redis_split_address(slice_of(list, n), s->list[s->n].host, s->list[s->n].port))
            return false;
        s->n++;
        list += n + (list[n] == ',');
    }
    return s->n > 0;
}

enum lc_err
sentinel_new(struct loop *l, struct resolver *r, const char *list, const char *name,
             const struct redis_login *login,
             void (*told)(void *ctx, const char *host, const char *port), void *ctx,
             struct sentinel **out, const char **why)
{
    struct sentinel *s = calloc(1, sizeof *s);
    enum lc_err err = LC_EINVAL;

    *out = NULL;
    *why = "out of memory";
    if (s == NULL)
        return LC_ENOMEM;
    s->loop = l;
    s->resolver = r;
    s->told = told;
    s->ctx = ctx;
    s->fd = -1;
    *why = "expected host:port, up to 16 of them separated by commas";
    if (!read_list(s, list))
        goto out;
    *why = "the primary's name: expected 1 to 127 bytes without spaces";
    if (name[0] == '\0' || strlen(name) >= sizeof s->name || strchr(name, ' ') != NULL)
        goto out;
    memcpy(s->name, name, strlen(name) + 1);
    *why = "the Sentinels' user is longer than 127 bytes, or the password than 255";
    if (login->user.n >= sizeof s->user || login->password.n >= sizeof s->password)
        goto out;
    if (login->user.n > 0)
        memcpy(s->user, login->user.p, login->user.n);
    if (login->password.n > 0)
        memcpy(s->password, login->password.p, login->password.n);
    *why = "out of memory";
    err = LC_ENOMEM;
    s->arena = arena_new(ARENA_MOST);
    s->timer = loop_timer_new(l, on_timer, s);
    if (s->arena == NULL || s->timer == NULL)
        goto out;
    loop_timer_set(s->timer, 0);
    *out = s;
    return LC_OK;

out:
    sentinel_destroy(s);
    return err;
}

void
sentinel_destroy(struct sentinel *s)
{
    if (s == NULL)
        return;
    hang_up(s);
    if (s->reader != NULL)
        redisReaderFree(s->reader);
    loop_timer_free(s->timer);
    arena_destroy(s->arena);
    explicit_bzero(s->password, sizeof s->password);
    free(s);
}
