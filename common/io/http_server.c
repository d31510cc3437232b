#include "io/http_conn.h"

#include <stdlib.h>
#include <strings.h>
#include <time.h>

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

void
http_server_drain(struct http_server *s)
{
    if (s->draining)
        return;
    s->draining = true;
    http_server_stop_listening(s);
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
    DEFAULT(body_idle_bytes, 64);
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
    http_server_stop_listening(s);
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
