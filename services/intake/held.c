/* A request that waits for one answer of Redis before it is judged: is its key a new one, was its
 * signature used before? It is kept whole, body and all, and then runs as if it came then. */
#include "core.h"

#include <stdlib.h>

enum { HELD_MOST = 1000, HEADERS_MOST = 128, ARENA_BYTES = 256 * 1024 };

struct held {
    uint64_t conn;
    struct arena *arena; /* the head's strings */
    struct http_event http;
    struct buf body; /* of a stream: what has come so far */
    bool ended;
    bool gone;
    struct held_marks marks;
    held_answer *answer;
    UT_hash_handle hh;
};

static void
held_free(struct held *h)
{
    arena_destroy(h->arena);
    buf_free(&h->body);
    free(h);
}

static struct slice
keep(struct held *h, struct slice s)
{
    char *copy = arena_copy(h->arena, s.p == NULL ? "" : s.p, s.n);

    return slice_of(copy, copy == NULL ? 0 : s.n);
}

/* keep_head: false without memory. */
static bool
keep_head(struct held *h, const struct http_event *from)
{
    struct header_field *to;

    h->arena = arena_new(ARENA_BYTES);
    if (h->arena == NULL || from->n_headers > HEADERS_MOST)
        return false;
    to = arena_array(h->arena, from->n_headers + 1, sizeof *to);
    h->http = *from;
    h->http.method = keep(h, from->method);
    h->http.path = keep(h, from->path);
    h->http.query = keep(h, from->query);
    h->http.peer = keep(h, from->peer);
    bool ok = to != NULL && h->http.method.p != NULL && h->http.path.p != NULL &&
              h->http.query.p != NULL && h->http.peer.p != NULL;
    for (size_t i = 0; ok && i < from->n_headers; i++) {
        to[i].name = keep(h, from->headers[i].name);
        to[i].value = keep(h, from->headers[i].value);
        ok = to[i].name.p != NULL && to[i].value.p != NULL;
    }
    h->http.headers = to;
    if (from->query.p == NULL) /* absent is not empty */
        h->http.query = (struct slice){NULL, 0};
    return ok;
}

static struct held *
find(const struct intake *in, uint64_t conn)
{
    struct held *h;

    HASH_FIND(hh, in->held, &conn, sizeof conn, h);
    return h;
}

/* go_on: as if the request came now. */
static void
go_on(struct intake *in, const struct event *ev, struct held *h, struct outbox *out)
{
    struct event request = {.kind = EVENT_HTTP,
                            .now_ms = ev->now_ms,
                            .entropy = ev->entropy,
                            .ref = h->conn,
                            .http = &h->http,
                            .bytes = buf_slice(&h->body),
                            .arena = ev->arena};
    const struct held_marks *before = in->marks;

    if (h->body.failed) { /* what came while it waited is lost */
        answer_unavailable(in, out, h->conn);
        return;
    }
    if (h->http.streaming)
        request.bytes = (struct slice){NULL, 0};
    in->marks = &h->marks;
    route_request(in, &request, out);
    in->marks = before;
    if (!h->http.streaming)
        return;
    request.kind = h->ended ? EVENT_HTTP_END : EVENT_HTTP_BODY;
    request.http = NULL;
    request.bytes = buf_slice(&h->body);
    batch_body(in, &request, out);
    feed_body(in, &request, out);
    if (!h->ended)
        outbox_http_pause(out, h->conn, false);
}

struct held_call {
    uint64_t conn;
};

static void
on_answer(struct intake *in, struct call *c, const struct event *ev, const struct reply *reply,
          struct outbox *out)
{
    const struct held_call *call = c->data;
    struct held *h = find(in, call->conn);

    if (h == NULL)
        return;
    HASH_DELETE(hh, in->held, h);
    if (!h->gone && h->answer(in, ev, h->conn, &h->marks, reply, out))
        go_on(in, ev, h, out);
    held_free(h);
}

bool
held_begin(struct intake *in, const struct event *ev, struct outbox *out,
           const struct held_marks *marks, const struct slice *argv, size_t argc,
           held_answer *answer)
{
    bool map_failed = false;
    struct held *h = HASH_COUNT(in->held) < HELD_MOST ? calloc(1, sizeof *h) : NULL;
    struct held_call *call = malloc(sizeof *call);

    if (h != NULL) {
        h->conn = ev->ref;
        h->marks = *marks;
        h->answer = answer;
        buf_append(&h->body, ev->bytes.p, ev->bytes.n);
    }
    if (h == NULL || call == NULL || h->body.failed || !keep_head(h, ev->http)) {
        if (h != NULL)
            held_free(h);
        free(call);
        return false;
    }
    call->conn = h->conn;
    HASH_ADD(hh, in->held, conn, sizeof h->conn, h);
    if (map_failed) {
        held_free(h);
        free(call);
        return false;
    }
    if (call_start(in, ev, out, argv, argc, on_answer, call) != LC_OK) {
        HASH_DELETE(hh, in->held, h);
        held_free(h);
        return false;
    }
    if (ev->http->streaming)
        outbox_http_pause(out, h->conn, true);
    return true;
}

bool
held_body(struct intake *in, const struct event *ev)
{
    struct held *h = find(in, ev->ref);

    if (h == NULL)
        return false;
    buf_append(&h->body, ev->bytes.p, ev->bytes.n);
    h->ended = h->ended || ev->kind == EVENT_HTTP_END;
    return true;
}

void
held_gone(struct intake *in, uint64_t conn)
{
    struct held *h = find(in, conn);

    if (h != NULL)
        h->gone = true;
}

void
held_close(struct intake *in)
{
    struct held *h, *next;

    HASH_ITER(hh, in->held, h, next)
    {
        HASH_DELETE(hh, in->held, h);
        held_free(h);
    }
}
