#include "caller.h"

#include "play.h"

#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>

#include <stdlib.h>

struct job {
    struct job *next;
    enum evhttp_cmd_type method;
    char *path;
    char *token;
    char *type;
    char *body;
    size_t body_n;
    unsigned deadline_s;
    caller_done *done;
    caller_piece *piece;
    void *ctx;
    uint64_t tag;
};

struct slot {
    struct caller *of;
    struct evhttp_connection *conn;
    struct job *job; /* under way; NULL = free */
    int64_t sent_us;
    bool spoilt; /* the connection is not used again */
};

struct caller {
    struct event_base *base;
    struct event *pump;
    char host[128];
    uint16_t port;
    struct job *first;
    struct job **end;
    unsigned busy;
    unsigned n;
    struct slot slot[];
};

static void
job_free(struct job *j)
{
    free(j->path);
    free(j->token);
    free(j->type);
    free(j->body);
    free(j);
}

static enum evhttp_cmd_type
method_of(const char *name)
{
    if (strcmp(name, "POST") == 0)
        return EVHTTP_REQ_POST;
    return strcmp(name, "PUT") == 0 ? EVHTTP_REQ_PUT : EVHTTP_REQ_GET;
}

/* request is NULL when the connection failed. */
static void
answered(struct evhttp_request *request, void *ctx)
{
    struct slot *s = ctx;
    struct job *j = s->job;
    int status = request == NULL ? 0 : evhttp_request_get_response_code(request);
    struct slice body = {NULL, 0};

    if (j == NULL)
        return;
    if (status != 0) {
        struct evbuffer *in = evhttp_request_get_input_buffer(request);
        body.n = evbuffer_get_length(in);
        body.p = body.n == 0 ? NULL : (const char *)evbuffer_pullup(in, -1);
    }
    s->job = NULL;
    s->spoilt = status == 0;
    s->of->busy--;
    j->done(j->ctx, j->tag, status, body, clock_us() - s->sent_us);
    job_free(j);
    event_active(s->of->pump, 0, 0);
}

static void
streamed(struct evhttp_request *request, void *ctx)
{
    struct slot *s = ctx;
    struct evbuffer *in = evhttp_request_get_input_buffer(request);
    size_t n = evbuffer_get_length(in);

    if (s->job != NULL && n > 0)
        s->job->piece(s->job->ctx, s->job->tag, slice_of((const char *)evbuffer_pullup(in, -1), n));
    evbuffer_drain(in, n);
}

static void
begin(struct slot *s, struct job *j)
{
    struct caller *c = s->of;
    char text[160];

    if (s->spoilt && s->conn != NULL) {
        evhttp_connection_free(s->conn);
        s->conn = NULL;
    }
    s->spoilt = false;
    if (s->conn == NULL) {
        s->conn = needed(evhttp_connection_base_new(c->base, NULL, c->host, c->port));
        evhttp_connection_set_retries(s->conn, 0);
    }
    evhttp_connection_set_timeout(s->conn, (int)j->deadline_s);
    struct evhttp_request *r = needed(evhttp_request_new(answered, s));
    struct evkeyvalq *headers = evhttp_request_get_output_headers(r);
    snprintf(text, sizeof text, "%s:%u", c->host, c->port);
    evhttp_add_header(headers, "Host", text);
    if (j->type != NULL)
        evhttp_add_header(headers, "Content-Type", j->type);
    if (j->token != NULL) {
        snprintf(text, sizeof text, "Bearer %s", j->token);
        evhttp_add_header(headers, "Authorization", text);
    }
    if (j->body_n > 0)
        evbuffer_add(evhttp_request_get_output_buffer(r), j->body, j->body_n);
    if (j->piece != NULL)
        evhttp_request_set_chunked_cb(r, streamed);
    s->job = j;
    s->sent_us = clock_us();
    if (evhttp_make_request(s->conn, r, j->method, j->path) != 0) /* frees the request */
        answered(NULL, s);
}

static void
pump(evutil_socket_t fd, short what, void *ctx)
{
    struct caller *c = ctx;

    (void)fd;
    (void)what;
    for (unsigned i = 0; i < c->n && c->first != NULL; i++) {
        if (c->slot[i].job != NULL)
            continue;
        struct job *j = c->first;
        c->first = j->next;
        if (c->first == NULL)
            c->end = &c->first;
        begin(&c->slot[i], j);
    }
}

struct caller *
caller_new(struct event_base *base, const char *address, unsigned connections)
{
    struct caller *c = needed(calloc(1, sizeof *c + connections * sizeof *c->slot));
    const char *colon = strrchr(address, ':');

    if (colon == NULL || (size_t)(colon - address) >= sizeof c->host)
        give_up("expected HOST:PORT, got %s", address);
    c->base = base;
    c->pump = needed(event_new(base, -1, 0, pump, c));
    memcpy(c->host, address, (size_t)(colon - address));
    c->port = (uint16_t)atoi(colon + 1);
    c->end = &c->first;
    c->n = connections;
    for (unsigned i = 0; i < connections; i++)
        c->slot[i].of = c;
    return c;
}

void
caller_free(struct caller *c)
{
    if (c == NULL)
        return;
    for (unsigned i = 0; i < c->n; i++) {
        struct job *j = c->slot[i].job;
        c->slot[i].job = NULL;
        if (c->slot[i].conn != NULL)
            evhttp_connection_free(c->slot[i].conn);
        if (j != NULL)
            job_free(j);
    }
    while (c->first != NULL) {
        struct job *j = c->first;
        c->first = j->next;
        job_free(j);
    }
    event_free(c->pump);
    free(c);
}

void
caller_send(struct caller *c, const struct caller_request *r)
{
    struct job *j = needed(calloc(1, sizeof *j));

    j->method = method_of(r->method);
    j->path = needed(strdup(r->path));
    j->token = r->token == NULL ? NULL : needed(strdup(r->token));
    j->type = r->type == NULL ? NULL : needed(strdup(r->type));
    if (r->body.n > 0) {
        j->body = needed(malloc(r->body.n));
        memcpy(j->body, r->body.p, r->body.n);
        j->body_n = r->body.n;
    }
    j->deadline_s = r->deadline_s == 0 ? 10 : r->deadline_s;
    j->done = r->done;
    j->piece = r->piece;
    j->ctx = r->ctx;
    j->tag = r->tag;
    *c->end = j;
    c->end = &j->next;
    c->busy++;
    event_active(c->pump, 0, 0);
}

unsigned
caller_busy(const struct caller *c)
{
    return c->busy;
}
