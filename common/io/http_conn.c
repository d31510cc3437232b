#include "io/http_conn.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define KEPT_BYTES 16384u    /* buffers above this are given back when empty */
#define PENDING_BYTES 16384u /* of pipelined requests are read ahead while one is unanswered */

/* kept: how much memory an empty buffer may keep. A WebSocket lives for hours and mostly waits. */
static size_t
kept(const struct http_conn *c)
{
    return c->phase == CONN_WEBSOCKET ? 0 : KEPT_BYTES;
}

void
conn_mark(struct http_conn *c)
{
    struct http_server *s = c->server;

    if (c->dirty)
        return;
    c->dirty = true;
    c->next_dirty = s->dirty;
    s->dirty = c;
    if (!s->flush_active) {
        s->flush_active = true;
        event_active(&s->flush_ev, EV_TIMEOUT, 0);
    }
}

void
conn_kill(struct http_conn *c)
{
    c->phase = CONN_DEAD;
    conn_mark(c);
}

void
conn_gone(struct http_conn *c)
{
    struct http_server *s = c->server;
    uint64_t id = c->id;

    http_server_done(c);
    if (!c->delivered)
        return;
    c->delivered = false;
    c->id = http_server_next_id(s, c->slot);
    if (s->on.on_gone != NULL)
        s->on.on_gone(s->ctx, id);
}

/* The last bytes are in `out`: no more parsing, and the end when they are written. */
static void
close_after(struct http_conn *c, bool linger)
{
    c->phase = CONN_CLOSING;
    c->linger = linger;
    c->in_deadline_ms = 0;
    conn_mark(c);
}

void
conn_next(struct http_conn *c)
{
    struct http_server *s = c->server;

    http_server_done(c);
    c->delivered = false;
    c->answer = ANSWER_NONE;
    c->id = http_server_next_id(s, c->slot);
    if (c->phase == CONN_BODY || !c->keep_alive || (c->eof && c->in.n == 0) || s->draining) {
        close_after(c, c->phase == CONN_BODY || c->in.n > 0);
        return;
    }
    c->phase = CONN_IDLE;
    c->in_deadline_ms = s->now_ms + s->limits.keep_alive_ms;
    conn_mark(c);
}

void
conn_refuse(struct http_conn *c, enum http_refusal why)
{
    struct http_server *s = c->server;
    bool talk = c->phase == CONN_HEAD || c->phase == CONN_BODY || c->phase == CONN_PENDING;

    if (s->on.on_refused != NULL)
        s->on.on_refused(s->ctx, c->id, why);
    conn_gone(c);
    if (!talk || http_refusal_text(why)->status == 0) {
        conn_kill(c);
        return;
    }
    if (c->answer == ANSWER_NONE)
        http_answer_problem(&c->out, s, why, c->head);
    close_after(c, true); /* an answer in parts stays without its end, so the peer can tell */
}

/* A slow consumer: an event stream is just cut; a WebSocket is told why, behind what it has not
 * read. */
static void
cut_slow(struct http_conn *c)
{
    bool ws = c->phase == CONN_WEBSOCKET;

    c->overflow = false;
    if (!ws) {
        conn_refuse(c, HTTP_REFUSED_BACKLOG);
        return;
    }
    ws_say_close(c, 1013, "too slow");
    if (c->server->on.on_refused != NULL)
        c->server->on.on_refused(c->server->ctx, c->id, HTTP_REFUSED_BACKLOG);
    conn_gone(c);
    close_after(c, false);
    c->in_deadline_ms = c->server->now_ms + c->server->limits.linger_ms;
}

static bool
can_parse(const struct http_conn *c)
{
    switch (c->phase) {
    case CONN_IDLE:
    case CONN_HEAD:
        return true;
    case CONN_BODY:
        return !c->streaming || !(c->paused || c->throttled);
    case CONN_WEBSOCKET:
        return !c->throttled;
    case CONN_PENDING:
    case CONN_CLOSING:
    case CONN_LINGER:
    case CONN_DEAD:
        break;
    }
    return false;
}

static bool
wants_read(const struct http_conn *c)
{
    if (c->eof)
        return false;
    if (c->phase == CONN_PENDING)
        return c->in.n < PENDING_BYTES;
    return c->phase == CONN_LINGER || can_parse(c);
}

/* Gives data[0..n) to the parser as far as the phase allows and keeps the rest. data is c->in's own
 * memory, or the scratch buffer when c->in is empty. */
static void
take_input(struct http_conn *c, char *data, size_t n)
{
    size_t off = 0;

    while (can_parse(c) && off + (c->phase == CONN_IDLE ? 0 : c->parsed) < n) {
        if (c->phase == CONN_WEBSOCKET) {
            off += ws_input(c, data + off, n - off);
            break;
        }
        size_t left = n - off;
        size_t used = http_parse(c, data + off, &left);
        n = off + left;
        off += used;
    }
    if (c->phase == CONN_CLOSING || c->phase == CONN_LINGER || c->phase == CONN_DEAD) {
        c->linger = c->linger || off < n; /* unread bytes would reset the peer */
        off = n;
    }
    if (data == c->in.p) {
        c->in.n = n;
        buf_consume(&c->in, off);
    } else {
        buf_append(&c->in, data + off, n - off);
    }
    if (c->in.failed)
        conn_kill(c);
    else if (c->in.n == 0 && c->in.cap > kept(c))
        buf_free(&c->in);
}

static void
on_eof(struct http_conn *c)
{
    switch (c->phase) {
    case CONN_HEAD:
    case CONN_BODY:
        c->eof = true;
        conn_refuse(c, HTTP_REFUSED_TRUNCATED);
        break;
    case CONN_PENDING:
        /* Half a close: the peer may still want its answer. Nobody half-closes an event stream. */
        if (c->answer == ANSWER_BEGUN && !c->streaming) {
            conn_kill(c);
            break;
        }
        c->eof = true;
        conn_mark(c);
        break;
    case CONN_CLOSING:
        c->eof = true;
        break;
    case CONN_IDLE:
        if (conn_waiting(c) > 0) { /* the last answer is still on its way */
            c->eof = true;
            close_after(c, false);
            break;
        }
        conn_kill(c);
        break;
    case CONN_WEBSOCKET:
    case CONN_LINGER:
    case CONN_DEAD:
        conn_kill(c);
        break;
    }
}

static void
set_reading(struct http_conn *c, bool on)
{
    if (c->read_on == on)
        return;
    if ((on ? event_add(&c->read_ev, NULL) : event_del(&c->read_ev)) == 0)
        c->read_on = on;
}

static ssize_t
read_some(struct http_conn *c, char **data)
{
    struct http_server *s = c->server;

    if (c->in.n == 0 || c->phase == CONN_LINGER) {
        *data = s->scratch;
        return recv(c->fd, s->scratch, sizeof s->scratch, 0);
    }
    bool little = c->phase == CONN_PENDING || c->phase == CONN_WEBSOCKET;
    size_t room = little ? PENDING_BYTES : HTTP_READ_BYTES;
    *data = buf_reserve(&c->in, room);
    if (*data == NULL) {
        errno = ENOMEM;
        return -1;
    }
    return recv(c->fd, *data, room, 0);
}

static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
    struct http_conn *c = arg;
    char *data;

    (void)fd, (void)what;
    http_server_touch(c->server);
    if (!wants_read(c)) {
        set_reading(c, false);
        return;
    }
    ssize_t n = read_some(c, &data);
    if (n < 0) {
        if (errno != EAGAIN && errno != EINTR)
            conn_kill(c);
        return;
    }
    if (n == 0) {
        on_eof(c);
        return;
    }
    if (c->phase == CONN_LINGER)
        return;
    if (data == c->server->scratch) {
        take_input(c, data, (size_t)n);
        return;
    }
    c->in.n += (size_t)n;
    take_input(c, c->in.p, c->in.n);
}

/* False when the connection broke. */
static bool
write_out(struct http_conn *c)
{
    uint64_t now = c->server->now_ms;

    if (c->out.failed)
        return false;
    while (conn_waiting(c) > 0) {
        ssize_t n = send(c->fd, c->out.p + c->out_off, conn_waiting(c), MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno != EAGAIN)
            return false;
        if (n > 0) {
            c->out_off += (size_t)n;
            c->out_deadline_ms = now + c->server->limits.write_stall_ms;
        }
        if (conn_waiting(c) > 0) {
            if (c->out_deadline_ms == 0)
                c->out_deadline_ms = now + c->server->limits.write_stall_ms;
            if (!c->write_on && event_add(&c->write_ev, NULL) != 0)
                return false;
            c->write_on = true;
            break;
        }
    }
    if (conn_waiting(c) == 0) {
        c->out_deadline_ms = 0;
        c->out.n = c->out_off = 0;
        if (c->out.cap > kept(c))
            buf_free(&c->out);
    } else if (c->out_off > c->out.n / 2) {
        buf_consume(&c->out, c->out_off);
        c->out_off = 0;
    }
    return true;
}

static void
on_writable(evutil_socket_t fd, short what, void *arg)
{
    struct http_conn *c = arg;

    (void)fd, (void)what;
    http_server_touch(c->server);
    c->write_on = false; /* not persistent */
    conn_mark(c);
}

/* The last answer is written: shut our side and hear the peer out, or close. */
static void
finish_closing(struct http_conn *c)
{
    if (!c->linger || c->eof) {
        c->phase = CONN_DEAD;
        return;
    }
    shutdown(c->fd, SHUT_WR);
    c->phase = CONN_LINGER;
    c->in_deadline_ms = c->server->now_ms + c->server->limits.linger_ms;
    buf_free(&c->in);
}

static void
update_throttle(struct http_conn *c)
{
    size_t waiting = conn_waiting(c);
    size_t high = c->server->limits.out_pause_bytes;

    if (!c->throttled && waiting > high) {
        c->throttled = true;
    } else if (c->throttled && waiting <= high / 2) {
        c->throttled = false;
        if (c->phase == CONN_BODY)
            c->in_deadline_ms = c->server->now_ms + c->server->limits.body_idle_ms;
        conn_mark(c);
    }
}

/* The peer had shut its side before its last requests were looked at; what is not whole never will
 * be. */
static void
nothing_more(struct http_conn *c)
{
    if (c->phase == CONN_IDLE)
        close_after(c, false);
    else
        conn_refuse(c, HTTP_REFUSED_TRUNCATED);
}

void
conn_flush(struct http_conn *c)
{
    c->dirty = false;
    if (c->overflow && c->phase != CONN_DEAD)
        cut_slow(c);
    if (c->in.n > 0 && can_parse(c))
        take_input(c, c->in.p, c->in.n);
    if (c->eof && can_parse(c))
        nothing_more(c);
    if (c->phase != CONN_DEAD && !write_out(c))
        c->phase = CONN_DEAD;
    if (c->phase != CONN_DEAD) {
        update_throttle(c);
        if (c->phase == CONN_CLOSING && conn_waiting(c) == 0)
            finish_closing(c);
    }
    if (c->phase == CONN_DEAD) {
        conn_gone(c);
        if (!c->dirty)
            conn_free(c);
        return;
    }
    if (wants_read(c))
        set_reading(c, true);
    else if (c->eof)
        set_reading(c, false); /* an end stays readable for ever */
}

/* What a passed deadline means in each phase. */
static void
on_in_deadline(struct http_conn *c)
{
    switch (c->phase) {
    case CONN_HEAD:
        conn_refuse(c, HTTP_REFUSED_SLOW);
        break;
    case CONN_BODY:
        if (c->streaming && (c->paused || c->throttled))
            c->in_deadline_ms = c->server->now_ms + c->server->limits.body_idle_ms;
        else
            conn_refuse(c, HTTP_REFUSED_SLOW);
        break;
    case CONN_PENDING:
        conn_refuse(c, HTTP_REFUSED_NO_ANSWER);
        break;
    case CONN_WEBSOCKET:
        ws_tick(c);
        break;
    case CONN_IDLE:
        if (conn_waiting(c) > 0)
            close_after(c, false);
        else
            conn_kill(c);
        break;
    case CONN_CLOSING:
    case CONN_LINGER:
    case CONN_DEAD:
        conn_kill(c);
        break;
    }
}

void
conn_deadline(struct http_conn *c)
{
    uint64_t now = c->server->now_ms;

    if (c->phase == CONN_DEAD)
        return;
    if (c->out_deadline_ms != 0 && now >= c->out_deadline_ms) {
        if (c->phase != CONN_LINGER && c->server->on.on_refused != NULL)
            c->server->on.on_refused(c->server->ctx, c->id, HTTP_REFUSED_STALLED);
        conn_kill(c);
    } else if (c->in_deadline_ms != 0 && now >= c->in_deadline_ms) {
        on_in_deadline(c);
    }
}

struct http_conn *
conn_new(struct http_server *s, int fd, uint32_t slot, const char *peer)
{
    struct http_conn *c = calloc(1, sizeof *c);

    if (c == NULL)
        return NULL;
    c->server = s;
    c->fd = fd;
    c->slot = slot;
    c->id = http_server_next_id(s, slot);
    c->in_deadline_ms = s->now_ms + s->limits.request_ms;
    memcpy(c->peer, peer, strnlen(peer, sizeof c->peer - 1));
    if (event_assign(&c->read_ev, s->base, fd, EV_READ | EV_PERSIST, on_readable, c) != 0 ||
        event_assign(&c->write_ev, s->base, fd, EV_WRITE, on_writable, c) != 0 ||
        event_add(&c->read_ev, NULL) != 0) {
        free(c);
        return NULL;
    }
    c->read_on = true;
    return c;
}

void
conn_free(struct http_conn *c)
{
    http_server_forget(c);
    event_del(&c->read_ev);
    event_del(&c->write_ev);
    close(c->fd);
    ws_free(c->ws);
    free(c->spans);
    buf_free(&c->in);
    buf_free(&c->out);
    free(c);
}
