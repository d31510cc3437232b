/* The requests that a question takes: as large as the server's table allows, a few at a time on the
 * way to it, and a bounded number waiting. */
#include "io/travel_remote_own.h"

#include <stdlib.h>
#include <utlist.h>

struct travel_grid
travel_part_grid(const struct travel_part *p)
{
    struct travel_grid g = p->question->grid;

    g.from += p->from0;
    g.to += p->to0;
    g.out += p->from0 * g.stride + p->to0;
    g.from_n = p->from_n;
    g.to_n = p->to_n;
    return g;
}

static enum lc_err
send_part(struct travel_part *p, uint32_t left_ms)
{
    struct travel_question *q = p->question;
    struct travel_endpoint *s = q->server;
    struct travel_grid g = travel_part_grid(p);
    struct buf url = {0}, body = {0};
    enum lc_err err;

    if (s->is.valhalla) {
        valhalla_url(&url, &s->is);
        valhalla_body(&body, &s->is, &g);
    } else if (q->way) {
        osrm_route_url(&url, &s->is, &g);
    } else {
        osrm_table_url(&url, &s->is, &g);
    }
    uint64_t tag = (uint64_t)(uintptr_t)p;
    if (url.failed || body.failed)
        err = LC_ENOMEM;
    else if (s->is.valhalla)
        err = http_post(s->client, tag, buf_slice(&url),
                        SLICE_LIT("Content-Type: application/json\r\n"), buf_slice(&body), left_ms);
    else
        err = http_get(s->client, tag, buf_slice(&url), (struct slice){NULL, 0}, left_ms);
    buf_free(&url);
    buf_free(&body);
    return err;
}

static void
stop_waiting(struct travel_part *p)
{
    struct travel_endpoint *s = p->question->server;

    DL_DELETE2(s->waiting, p, wait_prev, wait_next);
    s->n_waiting--;
}

void
travel_part_free(struct travel_part *p)
{
    DL_DELETE(p->question->parts, p);
    free(p);
}

void
travel_parts_pump(struct travel_endpoint *s)
{
    while (s->waiting != NULL && s->in_flight < s->remote->options.connections) {
        struct travel_part *p = s->waiting;
        struct travel_question *q = p->question;
        int64_t left_ms = (q->deadline_us - travel_clock_us() + 999) / 1000;
        stop_waiting(p);
        enum lc_err err = left_ms > 0 ? send_part(p, (uint32_t)left_ms) : LC_OK;
        if (err == LC_OK && left_ms > 0) {
            p->sent = q->sent = true;
            s->in_flight++;
            s->counts.requests++;
            continue;
        }
        travel_part_free(p); /* when its time is over, the deadline's timer ends the question */
        if (err != LC_OK)
            travel_question_end_later(q, TRAVEL_BROKEN);
    }
}

void
travel_parts_forget(struct travel_question *q)
{
    struct travel_part *p, *next;

    DL_FOREACH_SAFE(q->parts, p, next)
    {
        if (p->sent)
            continue;
        stop_waiting(p);
        travel_part_free(p);
    }
}

/* How many rows and columns one request may have. */
static void
tile(const struct travel_question *q, size_t *rows, size_t *columns)
{
    size_t table = q->server->counts.table;
    size_t from_n = q->grid.from_n, to_n = q->grid.to_n;

    *columns = to_n <= table / 2 ? to_n : from_n <= table / 2 ? table - from_n : table / 2;
    *rows = table - *columns;
    if (*rows > from_n)
        *rows = from_n;
    if (*columns > to_n)
        *columns = to_n;
}

static enum travel_end
add_part(struct travel_question *q, size_t from0, size_t from_n, size_t to0, size_t to_n)
{
    struct travel_endpoint *s = q->server;
    const struct travel_remote_options *o = &s->remote->options;

    if (s->n_waiting >= o->queue + (o->connections - s->in_flight))
        return TRAVEL_FULL;
    struct travel_part *p = calloc(1, sizeof *p);
    if (p == NULL)
        return TRAVEL_BROKEN;
    p->question = q;
    p->round = q->round;
    p->from0 = from0;
    p->from_n = from_n;
    p->to0 = to0;
    p->to_n = to_n;
    DL_APPEND(q->parts, p);
    DL_APPEND2(s->waiting, p, wait_prev, wait_next);
    s->n_waiting++;
    q->parts_wanted++;
    return TRAVEL_ANSWERED;
}

enum travel_end
travel_parts_ask(struct travel_question *q)
{
    enum travel_end end = TRAVEL_ANSWERED;
    size_t rows, columns, from_n = q->grid.from_n, to_n = q->grid.to_n;

    q->parts_wanted = 0;
    tile(q, &rows, &columns);
    for (size_t i = 0; end == TRAVEL_ANSWERED && i < from_n; i += rows)
        for (size_t j = 0; end == TRAVEL_ANSWERED && j < to_n; j += columns)
            end = add_part(q, i, from_n - i < rows ? from_n - i : rows, j,
                           to_n - j < columns ? to_n - j : columns);
    if (end == TRAVEL_ANSWERED)
        travel_parts_pump(q->server);
    else
        travel_parts_forget(q);
    return end;
}
