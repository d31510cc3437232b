/* POST /v1/stock: a feed of quantities and prices, of any length, in bounded memory. */
#include "feed.h"

#include <stdio.h>
#include <stdlib.h>

enum { CSV_ROW_MAX = 64 * 1024, INPUT_MAX = 2 * LINE_BYTES_MAX };

static struct feed *
find(const struct intake *in, uint64_t conn)
{
    struct feed *feed;

    HASH_FIND(hh, in->feeds, &conn, sizeof conn, feed);
    return feed;
}

void
feed_drop(struct intake *in, struct feed *feed)
{
    HASH_DELETE(hh, in->feeds, feed);
    in->streams_n--;
    feed_free(feed);
}

/* ---- events ---- */

static void
run(struct intake *in, struct feed *feed, const struct event *ev, struct outbox *out)
{
    bool there = true;

    if (feed->waiting_n > 0 && !feed->asking && feed->skus == NULL)
        feed_take_waiting(in, feed);
    if (feed->csv != NULL)
        there = feed_run_csv(in, feed, ev, out);
    else
        there = feed_run_json(in, feed, ev, out);
    if (there && feed->skus != NULL && !feed->asking && !feed->failed &&
        feed_put_skus(in, feed, ev, out) != LC_OK)
        feed->failed = true;
}

void
feed_body(struct intake *in, const struct event *ev, struct outbox *out)
{
    struct feed *feed = find(in, ev->ref);

    if (feed == NULL)
        return;
    if (!catalogue_key_lives(in->catalogue, feed->chain, feed->key_hash)) {
        answer_error(in, out, feed->conn, 401, "unauthorized", "the API key was revoked");
        feed_drop(in, feed);
        return;
    }
    if (ev->kind == EVENT_HTTP_END)
        feed->in.ended = true;
    if (!lines_add(&feed->in, ev->bytes))
        feed->failed = true;
}

static bool
all_done(const struct feed *feed)
{
    return feed->in.ended && lines_waiting(&feed->in) == 0 && feed->waiting_n == 0 &&
           feed->skus == NULL && !feed->asking;
}

static void
throttle(struct feed *feed, struct outbox *out)
{
    size_t waiting = lines_waiting(&feed->in);

    /* the beginning of a line may wait for ever: it must not keep the rest away */
    if (feed->in.ended || (feed->paused ? waiting > LINE_BYTES_MAX : waiting <= INPUT_MAX))
        return;
    feed->paused = !feed->paused;
    outbox_http_pause(out, feed->conn, feed->paused);
}

static void
go_on(struct intake *in, struct feed *feed, const struct event *ev, struct outbox *out)
{
    uint64_t conn = feed->conn;

    run(in, feed, ev, out);
    feed = find(in, conn);
    if (feed == NULL)
        return;
    if (all_done(feed) && feed_seal_all(in, feed) != LC_OK)
        feed->failed = true;
    feed_send_due(in, feed, ev, out);
    if (feed->failed || in->stopping || (all_done(feed) && feed->sends == NULL)) {
        feed->failed |= !all_done(feed) || feed->sends != NULL;
        feed_answer(in, feed, out);
        if (!outbox_failed(out))
            feed_drop(in, feed);
        return;
    }
    throttle(feed, out);
}

void
feeds_turn_end(struct intake *in, const struct event *ev, struct outbox *out)
{
    struct feed *feed, *next;

    HASH_ITER(hh, in->feeds, feed, next)
    go_on(in, feed, ev, out);
}

void
feeds_reply(struct intake *in, const struct event *ev, struct outbox *out)
{
    (void)out;
    for (struct feed *feed = in->feeds; feed != NULL; feed = feed->hh.next)
        if (feed_take_reply(feed, ev->envelope->stock_reply, ev->now_ms))
            return;
}

int64_t
feeds_wake_ms(const struct intake *in)
{
    int64_t at = INT64_MAX;

    for (const struct feed *feed = in->feeds; feed != NULL; feed = feed->hh.next) {
        size_t n = 0;
        for (const struct feed_send *s = feed->sends; s != NULL && n < FEED_SENDS_MAX;
             s = s->hh.next, n++)
            if (s->sent && s->due_ms < at)
                at = s->due_ms;
    }
    return at;
}

void
feed_gone(struct intake *in, uint64_t conn)
{
    struct feed *feed = find(in, conn);

    if (feed != NULL)
        feed_drop(in, feed);
}

static size_t
feeds_of(const struct intake *in, uint32_t chain)
{
    size_t n = 0;

    for (const struct feed *feed = in->feeds; feed != NULL; feed = feed->hh.next)
        n += feed->chain == chain;
    return n;
}

static struct feed *
feed_new(const struct request *rq, bool csv)
{
    struct feed *feed = calloc(1, sizeof *feed);

    if (feed == NULL)
        return NULL;
    feed->conn = rq->conn;
    feed->chain = rq->chain->chain;
    auth_hash(rq->ev, feed->key_hash);
    feed->as_of_ms = rq->ev->now_ms;
    feed->error = calloc(FEED_ERRORS_MAX, sizeof *feed->error);
    feed->waiting = calloc(FEED_CHUNK, sizeof *feed->waiting);
    if (csv)
        feed->csv = csv_new((struct csv_limits){CSV_ROW_MAX, FEED_COLUMNS_MAX * 4});
    if (feed->error == NULL || feed->waiting == NULL || (csv && feed->csv == NULL)) {
        feed_free(feed);
        return NULL;
    }
    return feed;
}

void
post_stock(struct intake *in, const struct request *rq)
{
    bool csv = media_type_is(rq->ev, "text/csv"), map_failed = false;
    struct faults f;

    if (!csv && !media_type_is(rq->ev, "application/x-ndjson")) {
        answer_error(in, rq->out, rq->conn, 415, "unsupported_media_type",
                     "expected Content-Type: application/x-ndjson or text/csv");
        return;
    }
    if (in->streams_n >= STREAMS_MAX || feeds_of(in, rq->chain->chain) >= STREAMS_A_CHAIN) {
        answer_limited(in, rq->out, rq->conn, "too_many_streams", 1);
        return;
    }
    struct feed *feed = feed_new(rq, csv);
    if (feed == NULL) {
        answer_unavailable(in, rq->out, rq->conn);
        return;
    }
    f.arena = rq->ev->arena;
    f.n = f.more = 0;
    if (!feed_options_query(rq->ev->arena, rq->ev->http->query, rq->ev->now_ms, feed, &f)) {
        if (arena_lacked(rq->ev->arena))
            answer_unavailable(in, rq->out, rq->conn);
        else
            answer_faults(in, rq->out, rq->conn, "invalid_feed", f.list, f.n);
        feed_free(feed);
        return;
    }
    HASH_ADD(hh, in->feeds, conn, sizeof feed->conn, feed);
    if (map_failed) {
        feed_free(feed);
        answer_unavailable(in, rq->out, rq->conn);
        return;
    }
    in->streams_n++;
}

void
feeds_close(struct intake *in)
{
    while (in->feeds != NULL)
        feed_drop(in, in->feeds);
}
