/* outside: connections between simulated clients and the nodes, with a network that breaks them. */
#include "world.h"

#include <stdlib.h>

enum { HEADERS_MAX = 16 };

struct open_conn {
    uint64_t conn;
    enum node_id node;
    uint32_t life;
    struct client *client;
    bool zmq; /* nobody is told that it is gone */
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
    bool text;
    enum effect_kind kind; /* to the client */
    int status;
    struct buf type;
    struct buf extra;
    struct buf bytes;
    enum event_kind event; /* to the node */
    enum node_id node;
    uint32_t life;
    bool upgrade;
    bool streaming;
    struct buf method;
    struct buf target;
    struct buf headers;
};

static void
free_outside(void *arg)
{
    struct outside_item *it = arg;

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
        a.text = it->text;
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
    const struct node *node = &s->nodes[it->node];
    struct header_field headers[HEADERS_MAX];
    struct http_event http = {0};
    struct event ev = {.kind = it->event, .ref = it->conn, .bytes = buf_slice(&it->bytes)};

    if (node->stepper == NULL || node->life != it->life)
        return;
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
    ev.text = it->text;
    node_feed(s, it->node, &ev);
    if (it->event == EVENT_HTTP && it->streaming) {
        /* the body in pieces of any length */
        struct slice left = buf_slice(&it->bytes);
        while (left.n > 0) {
            size_t n = 1 + rng_below(&s->rng, left.n < 4000 ? left.n : 4000);
            struct event piece = {
                .kind = EVENT_HTTP_BODY, .ref = it->conn, .bytes = slice_of(left.p, n)};
            node_feed(s, it->node, &piece);
            left = slice_of(left.p + n, left.n - n);
        }
        struct event end = {.kind = EVENT_HTTP_END, .ref = it->conn};
        node_feed(s, it->node, &end);
    }
}

static void
reaches_client(struct sim *s, void *arg)
{
    client_hears(s, arg);
    free_outside(arg);
}

static void
reaches_node(struct sim *s, void *arg)
{
    node_hears(s, arg);
    free_outside(arg);
}

/* ---- clients' calls ---- */

static struct open_conn *
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
    return c;
}

/* towards: something on its way to the connection's node. */
static struct outside_item *
towards(const struct open_conn *c, enum event_kind event)
{
    struct outside_item *it = new_outside(c->conn);

    it->event = event;
    it->node = c->node;
    it->life = c->life;
    return it;
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
    struct outside_item *it = towards(open_conn(s, c, to), EVENT_HTTP);
    uint64_t conn = it->conn;

    if (s->nodes[to].stepper == NULL) { /* connection refused */
        sim_later_owned(s, 1, refused, it, free_outside);
        return conn;
    }
    const struct service *service = s->nodes[to].service;
    struct slice path = slice_str(target);
    const char *mark = strchr(target, '?');
    if (mark != NULL)
        path.n = (size_t)(mark - target);
    it->upgrade = upgrade;
    it->streaming = service->streams != NULL && service->streams(slice_str(method), path);
    buf_str(&it->method, method);
    buf_str(&it->target, target);
    buf_str(&it->headers, headers);
    buf_append(&it->bytes, body.p, body.n);
    sim_arrive(s, to, rng_between(&s->rng, 0, 20), reaches_node, it, free_outside);
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
    struct open_conn *open = open_conn(s, c, to);
    struct outside_item *it = towards(open, EVENT_MESSAGE);
    uint64_t conn = it->conn;

    open->zmq = true;
    buf_append(&it->bytes, frame.p, frame.n);
    if (s->nodes[to].stepper == NULL)
        sim_later_owned(s, 1, refused, it, free_outside);
    else
        sim_arrive(s, to, rng_between(&s->rng, 0, 20), reaches_node, it, free_outside);
    return conn;
}

void
sim_say(struct sim *s, uint64_t conn, bool text, struct slice message)
{
    const struct open_conn *c = find(s, conn);

    if (c == NULL)
        return;
    struct outside_item *it = towards(c, EVENT_SOCKET);
    it->text = text;
    buf_append(&it->bytes, message.p, message.n);
    /* one connection keeps its order */
    sim_arrive(s, c->node, 5, reaches_node, it, free_outside);
}

void
sim_hang_up(struct sim *s, uint64_t conn)
{
    const struct open_conn *c = find(s, conn);

    if (c == NULL)
        return;
    if (!c->zmq)
        sim_arrive(s, c->node, 5, reaches_node, towards(c, EVENT_GONE), free_outside);
    forget(s, conn);
}

void
sim_cut(struct sim *s, uint64_t conn)
{
    const struct open_conn *c = find(s, conn);

    if (c == NULL)
        return;
    struct client *client = c->client;
    sim_hang_up(s, conn);
    hear(s, client, conn, NULL);
}

void
outside_node_died(struct sim *s, enum node_id id)
{
    for (struct open_conn *c = s->conns, *next; c != NULL; c = next) {
        next = c->next;
        if (c->node != id)
            continue;
        sim_later_owned(s, 1, refused, new_outside(c->conn), free_outside);
    }
}

void
outside_effect(struct sim *s, enum node_id from, const struct effect *e)
{
    if (e->kind == EFFECT_CALL) {
        webhooks_called(s, from, e);
        return;
    }
    if (e->kind == EFFECT_HTTP_PAUSE || e->kind == EFFECT_HTTP_RESUME)
        return; /* bodies come at once */
    struct outside_item *it = new_outside(e->ref);
    it->kind = e->kind;
    it->status = e->status;
    it->text = e->text;
    buf_append(&it->type, e->name.p, e->name.n);
    buf_append(&it->extra, e->extra.p, e->extra.n);
    buf_append(&it->bytes, e->bytes.p, e->bytes.n);
    sim_later_owned(s, 5, reaches_client, it, free_outside);
}

void
outside_close(struct sim *s)
{
    while (s->conns != NULL)
        forget(s, s->conns->conn);
}
