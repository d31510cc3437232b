/* outside: connections between simulated clients and the nodes, with a network that breaks them. */
#include "sim.h"

#include <stdlib.h>

enum { HEADERS_MAX = 16 };

struct open_conn {
    uint64_t conn;
    enum node_id node;
    uint32_t life;
    struct client *client;
    bool accepted; /* a WebSocket */
    struct open_conn *next;
};

static struct open_conn *
find(const struct sim *s, uint64_t conn)
{
    struct open_conn *c = s->conns;

    while (c != NULL && c->conn != conn)
        c = c->next;
    return c;
}

static void
forget(struct sim *s, uint64_t conn)
{
    for (struct open_conn **p = &s->conns; *p != NULL; p = &(*p)->next) {
        if ((*p)->conn == conn) {
            struct open_conn *gone = *p;
            *p = gone->next;
            free(gone);
            return;
        }
    }
}

size_t
sim_conn_count(const struct sim *s)
{
    size_t n = 0;

    for (const struct open_conn *c = s->conns; c != NULL; c = c->next)
        n++;
    return n;
}

uint64_t
sim_conn_at(const struct sim *s, size_t i)
{
    const struct open_conn *c = s->conns;

    while (i-- > 0)
        c = c->next;
    return c->conn;
}

/* ---- what happens later: to the node, or to the client ---- */

struct outside_item {
    uint64_t conn;
    bool to_client;
    enum effect_kind kind; /* to the client */
    int status;
    struct buf type;
    struct buf extra;
    struct buf bytes;
    enum event_kind event; /* to the node */
    bool upgrade;
    bool streaming;
    struct buf method;
    struct buf target;
    struct buf headers;
};

static void
free_outside(struct outside_item *it)
{
    buf_free(&it->type);
    buf_free(&it->extra);
    buf_free(&it->bytes);
    buf_free(&it->method);
    buf_free(&it->target);
    buf_free(&it->headers);
    free(it);
}

static struct outside_item *
new_outside(uint64_t conn)
{
    struct outside_item *it = calloc(1, sizeof *it);

    if (it == NULL)
        abort();
    it->conn = conn;
    return it;
}

static void
hear(struct sim *s, struct client *client, uint64_t conn, const struct outside_item *it)
{
    struct answer a = {.kind = it == NULL ? 0 : it->kind};

    if (it != NULL) {
        a.status = it->status;
        a.type = buf_slice(&it->type);
        a.extra = buf_slice(&it->extra);
        a.bytes = buf_slice(&it->bytes);
    }
    client->answered(s, client, conn, &a);
}

static void
client_hears(struct sim *s, struct outside_item *it)
{
    struct open_conn *c = find(s, it->conn);

    if (c == NULL)
        return;
    struct client *client = c->client;
    bool over =
        it->kind == EFFECT_HTTP || it->kind == EFFECT_HTTP_DONE || it->kind == EFFECT_SOCKET_CLOSE;
    if (it->kind == EFFECT_SOCKET_ACCEPT)
        c->accepted = true;
    if (over)
        forget(s, it->conn);
    hear(s, client, it->conn, it);
}

/* parse_headers: lines "Name: value\n" into the arena. */
static size_t
parse_headers(struct slice text, struct header_field *out)
{
    size_t n = 0;

    while (text.n > 0 && n < HEADERS_MAX) {
        const char *end = memchr(text.p, '\n', text.n);
        const char *colon = memchr(text.p, ':', text.n);
        if (end == NULL || colon == NULL || colon > end)
            break;
        out[n].name = slice_of(text.p, (size_t)(colon - text.p));
        out[n++].value = slice_of(colon + 2, (size_t)(end - colon - 2));
        text = slice_of(end + 1, text.n - (size_t)(end + 1 - text.p));
    }
    return n;
}

static void
node_hears(struct sim *s, struct outside_item *it)
{
    struct open_conn *c = find(s, it->conn);
    struct header_field headers[HEADERS_MAX];
    struct http_event http = {0};
    struct event ev = {.kind = it->event, .ref = it->conn, .bytes = buf_slice(&it->bytes)};

    if (c == NULL || s->nodes[c->node].stepper == NULL || s->nodes[c->node].life != c->life)
        return;
    enum node_id node = c->node;
    if (it->event == EVENT_HTTP) {
        struct slice target = buf_slice(&it->target);
        const char *mark = memchr(target.p, '?', target.n);
        http.method = buf_slice(&it->method);
        http.path = mark == NULL ? target : slice_of(target.p, (size_t)(mark - target.p));
        http.query = mark == NULL ? slice_of(NULL, 0)
                                  : slice_of(mark + 1, target.n - (size_t)(mark + 1 - target.p));
        http.n_headers = parse_headers(buf_slice(&it->headers), headers);
        http.headers = headers;
        http.peer = SLICE_LIT("sim");
        http.upgrade = it->upgrade;
        http.streaming = it->streaming;
        ev.http = &http;
        if (it->streaming)
            ev.bytes = slice_of(NULL, 0);
    }
    ev.text = it->event == EVENT_SOCKET;
    node_feed(s, node, &ev);
    if (it->event == EVENT_HTTP && it->streaming) {
        /* the body in pieces of any length */
        struct slice left = buf_slice(&it->bytes);
        while (left.n > 0) {
            size_t n = 1 + rng_below(&s->rng, left.n < 4000 ? left.n : 4000);
            struct event piece = {
                .kind = EVENT_HTTP_BODY, .ref = it->conn, .bytes = slice_of(left.p, n)};
            node_feed(s, node, &piece);
            left = slice_of(left.p + n, left.n - n);
        }
        struct event end = {.kind = EVENT_HTTP_END, .ref = it->conn};
        node_feed(s, node, &end);
    }
    if (it->event == EVENT_GONE)
        forget(s, it->conn);
}

static void
outside_happens(struct sim *s, void *arg)
{
    struct outside_item *it = arg;

    if (it->to_client)
        client_hears(s, it);
    else
        node_hears(s, it);
    free_outside(it);
}

/* ---- clients' calls ---- */

static uint64_t
open_conn(struct sim *s, struct client *client, enum node_id to)
{
    struct open_conn *c = calloc(1, sizeof *c);

    if (c == NULL)
        abort();
    /* the lowest byte is free, so that a link of a node is never taken for a connection */
    c->conn = s->next_conn++ << 8;
    c->node = to;
    c->life = s->nodes[to].life;
    c->client = client;
    c->next = s->conns;
    s->conns = c;
    return c->conn;
}

static void
refused(struct sim *s, void *arg)
{
    struct outside_item *it = arg;
    struct open_conn *c = find(s, it->conn);

    if (c != NULL) {
        struct client *client = c->client;
        forget(s, it->conn);
        hear(s, client, it->conn, NULL);
    }
    free_outside(it);
}

static uint64_t
send_request(struct sim *s, struct client *c, enum node_id to, const char *method,
             const char *target, const char *headers, struct slice body, bool upgrade)
{
    uint64_t conn = open_conn(s, c, to);
    struct outside_item *it = new_outside(conn);

    if (s->nodes[to].stepper == NULL) { /* connection refused */
        sim_later(s, 1, refused, it);
        return conn;
    }
    const struct service *service = s->nodes[to].service;
    struct slice path = slice_str(target);
    const char *mark = strchr(target, '?');
    if (mark != NULL)
        path.n = (size_t)(mark - target);
    it->event = EVENT_HTTP;
    it->upgrade = upgrade;
    it->streaming = service->streams != NULL && service->streams(slice_str(method), path);
    buf_str(&it->method, method);
    buf_str(&it->target, target);
    buf_str(&it->headers, headers);
    buf_append(&it->bytes, body.p, body.n);
    sim_later(s, rng_between(&s->rng, 0, 20), outside_happens, it);
    return conn;
}

uint64_t
sim_request(struct sim *s, struct client *c, enum node_id to, const char *method,
            const char *target, const char *headers, struct slice body)
{
    return send_request(s, c, to, method, target, headers, body, false);
}

uint64_t
sim_socket(struct sim *s, struct client *c, enum node_id to, const char *target,
           const char *headers)
{
    return send_request(s, c, to, "GET", target, headers, slice_of(NULL, 0), true);
}

uint64_t
sim_frame(struct sim *s, struct client *c, enum node_id to, struct slice frame)
{
    struct outside_item *it = new_outside(open_conn(s, c, to));
    uint64_t conn = it->conn;

    it->event = EVENT_MESSAGE;
    buf_append(&it->bytes, frame.p, frame.n);
    if (s->nodes[to].stepper == NULL)
        sim_later(s, 1, refused, it);
    else
        sim_later(s, rng_between(&s->rng, 0, 20), outside_happens, it);
    return conn;
}

void
sim_say(struct sim *s, uint64_t conn, struct slice text)
{
    struct outside_item *it = new_outside(conn);
    struct open_conn *c = find(s, conn);

    it->event = EVENT_SOCKET;
    buf_append(&it->bytes, text.p, text.n);
    /* one connection keeps its order */
    if (c != NULL)
        sim_later(s, 5, outside_happens, it);
    else
        free_outside(it);
}

void
sim_hang_up(struct sim *s, uint64_t conn)
{
    struct outside_item *it = new_outside(conn);

    it->event = EVENT_GONE;
    sim_later(s, 0, outside_happens, it);
}

void
sim_cut(struct sim *s, uint64_t conn)
{
    struct open_conn *c = find(s, conn);
    struct event ev = {.kind = EVENT_GONE, .ref = conn};

    if (c == NULL)
        return;
    struct client *client = c->client;
    if (s->nodes[c->node].stepper != NULL && s->nodes[c->node].life == c->life)
        node_feed(s, c->node, &ev);
    forget(s, conn);
    hear(s, client, conn, NULL);
}

void
outside_node_died(struct sim *s, enum node_id id)
{
    for (struct open_conn *c = s->conns, *next; c != NULL; c = next) {
        next = c->next;
        if (c->node != id)
            continue;
        struct outside_item *it = new_outside(c->conn);
        sim_later(s, 1, refused, it);
    }
}

void
outside_effect(struct sim *s, enum node_id from, const struct effect *e)
{
    struct outside_item *it = new_outside(e->ref);

    (void)from;
    if (e->kind == EFFECT_CALL || e->kind == EFFECT_HTTP_PAUSE || e->kind == EFFECT_HTTP_RESUME) {
        free_outside(it); /* the simulated chains have no webhooks; bodies come at once */
        return;
    }
    it->to_client = true;
    it->kind = e->kind;
    it->status = e->status;
    buf_append(&it->type, e->name.p, e->name.n);
    buf_append(&it->extra, e->extra.p, e->extra.n);
    buf_append(&it->bytes, e->bytes.p, e->bytes.n);
    sim_later(s, 5, outside_happens, it);
}

void
outside_close(struct sim *s)
{
    while (s->conns != NULL)
        forget(s, s->conns->conn);
}
