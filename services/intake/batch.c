/* POST /v1/orders:batch: orders as NDJSON, one result line each, in the order they finish. Memory
 * is bounded: when batch-window lines are under way the connection is not read any further. */
#include "core.h"
#include "lines.h"

#include <stdio.h>
#include <stdlib.h>

struct batch {
    uint64_t conn;
    uint32_t chain;
    char key_hash[SECRET_HASH_TEXT]; /* of the API key that began it */
    char traceparent[TRACEPARENT_TEXT];
    uint64_t line; /* of the next line, from 1 */
    uint32_t in_flight;
    bool paused;
    bool cut; /* no more lines are taken */
    uint64_t placed, accepted, refused;
    struct lines in;
    struct buf out; /* result lines of this turn */
    UT_hash_handle hh;
};

static struct batch *
find(const struct intake *in, uint64_t conn)
{
    struct batch *b;

    HASH_FIND(hh, in->batches, &conn, sizeof conn, b);
    return b;
}

static void
drop(struct intake *in, struct batch *b)
{
    HASH_DELETE(hh, in->batches, b);
    in->streams_n--;
    buf_free(&b->in.in);
    buf_free(&b->out);
    free(b);
}

const char *
batch_traceparent(const struct intake *in, uint64_t conn)
{
    const struct batch *b = find(in, conn);

    return b == NULL ? "" : b->traceparent;
}

/* ---- results ---- */

static void
write_result(struct intake *in, struct batch *b, uint64_t line, const struct verdict *v)
{
    struct json_out w = json_out_to(&b->out);

    json_out_object(&w, NULL);
    json_out_uint(&w, "line", line);
    json_out_int(&w, "status", v->status);
    if (v->external_id[0] != '\0')
        json_out_cstr(&w, "external_order_id", v->external_id);
    if (v->status < 400) {
        buf_str(&b->out, ",\"order\":");
        struct json_out order = json_out_to(&b->out);
        order_render(in, &order, v);
    } else {
        buf_str(&b->out, ",\"problem\":");
        verdict_problem(in, &b->out, v);
    }
    json_out_end(&w);
    buf_char(&b->out, '\n');
}

void
batch_deliver(struct intake *in, struct origin origin, const struct verdict *v)
{
    struct batch *b = find(in, origin.ref);

    if (b == NULL)
        return;
    b->in_flight--;
    if (v->status == 201)
        b->placed++;
    else if (v->status == 202)
        b->accepted++;
    else
        b->refused++;
    write_result(in, b, origin.line, v);
}

static void
refuse_line(struct intake *in, struct batch *b, const char *code, const char *detail, int status)
{
    const struct verdict v = {.status = status, .code = code, .detail = detail, .external_id = ""};

    count_code(in, code);
    b->refused++;
    write_result(in, b, b->line, &v);
}

/* ---- lines ---- */

static void
take_line(struct intake *in, struct batch *b, const struct event *ev, struct outbox *out,
          const Lifecircle__V1__Chain *chain, struct slice line)
{
    struct arena_mark mark = arena_mark(ev->arena);

    if (line.n == 0)
        return;
    count_up(in, COUNT_BATCH_LINES);
    b->in_flight++;
    order_take_json(in, ev, out, chain, line, (struct slice){NULL, 0}, false,
                    (struct origin){.kind = ORIGIN_BATCH, .ref = b->conn, .line = b->line});
    arena_rewind(ev->arena, mark); /* what was begun has been copied */
}

static bool
has_room(const struct intake *in, const struct batch *b)
{
    return b->in_flight < in->batch_window && in->pending_n < in->pending_max;
}

/* What came is thrown away, and what else may come: the batch ends with the lines that were taken.
 */
static void
cut(struct intake *in, struct batch *b, const char *code, const char *detail, int status)
{
    b->in.at = b->in.in.n;
    b->in.ended = b->cut = true;
    refuse_line(in, b, code, detail, status);
}

static void
run(struct intake *in, struct batch *b, const struct event *ev, struct outbox *out)
{
    if (!catalogue_key_lives(in->catalogue, b->chain, b->key_hash)) {
        cut(in, b, "unauthorized", "the API key was revoked", 401);
        return;
    }
    const Lifecircle__V1__Chain *chain = catalogue_chain(in->catalogue, b->chain);
    enum lines_got got = LINES_LINE;
    struct slice line;

    while (!in->stopping && got != LINES_NONE && has_room(in, b)) {
        got = lines_next(&b->in, &line);
        if (got == LINES_LINE)
            take_line(in, b, ev, out, chain, line);
        else if (got == LINES_TOO_LONG)
            refuse_line(in, b, "line_too_long", "expected lines of at most 256 KiB", 413);
        b->line += got != LINES_NONE;
    }
}

static bool
all_read(const struct batch *b)
{
    return b->in.ended && lines_waiting(&b->in) == 0;
}

static void
throttle(struct intake *in, struct batch *b, struct outbox *out)
{
    bool full = b->in_flight >= in->batch_window || lines_waiting(&b->in) > 2 * LINE_BYTES_MAX;
    bool free_again =
        b->in_flight <= in->batch_window / 2 && lines_waiting(&b->in) <= LINE_BYTES_MAX;

    if (b->in.ended || (b->paused ? !free_again : !full))
        return;
    b->paused = !b->paused;
    outbox_http_pause(out, b->conn, b->paused);
}

static void
finish(struct intake *in, struct batch *b, struct outbox *out)
{
    struct json_out w = json_out_to(&b->out);

    json_out_object(&w, NULL);
    json_out_bool(&w, "done", all_read(b));
    json_out_uint(&w, "lines", b->line - 1);
    json_out_uint(&w, "placed", b->placed);
    json_out_uint(&w, "accepted", b->accepted);
    json_out_uint(&w, "refused", b->refused);
    json_out_end(&w);
    buf_char(&b->out, '\n');
    outbox_http_chunk(out, b->conn, buf_slice(&b->out));
    outbox_http_done(out, b->conn);
    if (!outbox_failed(out))
        drop(in, b);
}

static void
flush(struct batch *b, struct outbox *out)
{
    if (b->out.n == 0)
        return;
    outbox_http_chunk(out, b->conn, buf_slice(&b->out));
    if (!outbox_failed(out))
        buf_reset(&b->out);
}

void
batches_turn_end(struct intake *in, const struct event *ev, struct outbox *out)
{
    struct batch *b, *next;

    HASH_ITER(hh, in->batches, b, next)
    {
        if (lines_waiting(&b->in) > 0 && b->in_flight <= in->batch_window / 2)
            run(in, b, ev, out);
        if ((all_read(b) || in->stopping) && b->in_flight == 0) {
            finish(in, b, out);
            continue;
        }
        flush(b, out);
        throttle(in, b, out);
    }
}

/* ---- events ---- */

void
batch_body(struct intake *in, const struct event *ev, struct outbox *out)
{
    struct batch *b = find(in, ev->ref);

    if (b == NULL || b->cut)
        return;
    if (ev->kind == EVENT_HTTP_END)
        b->in.ended = true;
    if (!lines_add(&b->in, ev->bytes)) { /* what came is lost, so the rest cannot be understood */
        cut(in, b, "unavailable", "out of memory; send the rest again", 503);
        return;
    }
    run(in, b, ev, out);
}

void
batch_gone(struct intake *in, uint64_t conn)
{
    struct batch *b = find(in, conn);

    if (b != NULL)
        drop(in, b);
}

static size_t
batches_of(const struct intake *in, uint32_t chain)
{
    size_t n = 0;

    for (const struct batch *b = in->batches; b != NULL; b = b->hh.next)
        n += b->chain == chain;
    return n;
}

void
post_batch(struct intake *in, const struct request *rq)
{
    bool map_failed = false;

    if (!media_type_is(rq->ev, "application/x-ndjson")) {
        answer_error(in, rq->out, rq->conn, 415, "unsupported_media_type",
                     "expected Content-Type: application/x-ndjson");
        return;
    }
    if (in->streams_n >= STREAMS_MAX || batches_of(in, rq->chain->chain) >= STREAMS_A_CHAIN) {
        answer_limited(in, rq->out, rq->conn, "too_many_streams", 1);
        return;
    }
    struct batch *b = calloc(1, sizeof *b);
    if (b == NULL) {
        answer_unavailable(in, rq->out, rq->conn);
        return;
    }
    b->conn = rq->conn;
    b->chain = rq->chain->chain;
    auth_hash(rq->ev, b->key_hash);
    snprintf(b->traceparent, sizeof b->traceparent, "%s", traced_read(in, rq->ev));
    b->line = 1;
    HASH_ADD(hh, in->batches, conn, sizeof b->conn, b);
    if (map_failed) {
        free(b);
        answer_unavailable(in, rq->out, rq->conn);
        return;
    }
    in->streams_n++;
    count_up(in, COUNT_2XX);
    outbox_http_begin(rq->out, rq->conn, 200, "application/x-ndjson", NULL);
}

void
batches_close(struct intake *in)
{
    struct batch *b, *next;

    HASH_ITER(hh, in->batches, b, next)
    drop(in, b);
}
