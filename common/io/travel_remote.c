#include "io/travel_remote.h"

#include "io/log.h"
#include "io/travel_remote_own.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <utlist.h>

/* TABLE_MIN: fewer places are not asked for on the word of a server that says "too big". */
enum { TABLE_MAX = 100, TABLE_MIN = 10, ARENA_BYTES = 32 << 20 };

/* ---- ends ---- */

static void
unlink_question(struct travel_question *q)
{
    *(q->prev != NULL ? &q->prev->next : &q->remote->questions) = q->next;
    if (q->next != NULL)
        q->next->prev = q->prev;
    while (q->parts != NULL) /* at the end alone */
        travel_part_free(q->parts);
    free(q);
}

static void
count_end(struct travel_question *q, enum travel_end end)
{
    struct travel_endpoint *s = q->server;

    if (s == NULL)
        return;
    s->counts.ended[end]++;
    if (end == TRAVEL_ANSWERED)
        s->counts.took_us += (uint64_t)(travel_clock_us() - q->came_us);
}

/* Tells whoever asked; q is gone afterwards, or when its last part comes. */
static void
end_question(struct travel_question *q, enum travel_end end, struct slice polyline)
{
    struct travel_remote *r = q->remote;
    bool answered = end == TRAVEL_ANSWERED;

    q->ended = true;
    travel_parts_forget(q);
    count_end(q, end);
    if (q->way) {
        struct travel_way way = {q->grid.out[0], polyline};
        r->on_way(r->ctx, q->tag, end, answered ? &way : NULL);
    } else {
        r->on_done(r->ctx, q->tag, end, answered ? q->grid.out : NULL,
                   answered ? q->grid.from_n * q->grid.to_n : 0);
    }
    if (q->parts == NULL)
        unlink_question(q);
}

void
travel_question_end_later(struct travel_question *q, enum travel_end end)
{
    q->end = end;
    q->round++;
    event_active(q->remote->end_ev, EV_TIMEOUT, 0);
}

static void
on_end(evutil_socket_t fd, short what, void *ctx)
{
    struct travel_remote *r = ctx;

    (void)fd, (void)what;
    for (struct travel_question *q = r->questions, *next; q != NULL; q = next) {
        next = q->next;
        if (!q->ended && q->end != TRAVEL_ANSWERED) {
            if (q->probe)
                travel_server_tell(q->server, q->probe, true);
            end_question(q, q->end, (struct slice){NULL, 0});
            next = r->questions; /* whoever heard it may have asked again */
        }
    }
}

/* ---- answers ---- */

static void
fail(struct travel_question *q, enum travel_end end, bool servers_fault, const char *word)
{
    snprintf(q->server->last_word, sizeof q->server->last_word, "%s", word);
    q->round++;
    travel_server_tell(q->server, q->probe, servers_fault);
    end_question(q, end, (struct slice){NULL, 0});
}

/* Once more with half as many places. */
static void
ask_smaller(struct travel_question *q, const struct travel_part *p)
{
    struct travel_remote_counts *c = &q->server->counts;
    size_t had = p->from_n + p->to_n;

    if (had <= TABLE_MIN || q->way) {
        fail(q, TRAVEL_DENIED, true, "TooBig");
        return;
    }
    if (had / 2 < c->table) {
        c->table = had / 2 < TABLE_MIN ? TABLE_MIN : had / 2;
        log_line(LOG_WARN, "travel_table_smaller", "server=%s places=%zu", c->name, c->table);
    }
    q->round++;
    enum travel_end end = travel_parts_ask(q);
    if (end != TRAVEL_ANSWERED)
        fail(q, end, false, travel_end_name((int)end));
}

static enum travel_word
read_answer(struct travel_part *p, int status, struct slice body, struct slice *polyline,
            const char **detail)
{
    struct travel_question *q = p->question;
    struct arena *a = q->remote->arena;
    struct travel_grid g = travel_part_grid(p);

    *detail = "?";
    if (q->server->is.valhalla)
        return valhalla_read(a, status, body, &g, detail);
    if (q->way)
        return osrm_route_read(a, status, body, &g, polyline, detail);
    return osrm_table_read(a, status, body, &g, detail);
}

static void
take_answer(struct travel_part *p, int status, struct slice body)
{
    struct travel_question *q = p->question;
    struct slice polyline = {NULL, 0};
    const char *detail;

    switch (read_answer(p, status, body, &polyline, &detail)) {
    case WORD_OK:
        if (--q->parts_wanted > 0)
            return;
        travel_server_tell(q->server, q->probe, false);
        end_question(q, TRAVEL_ANSWERED, polyline);
        return;
    case WORD_NO:
        fail(q, TRAVEL_DENIED, false, detail);
        return;
    case WORD_TOO_BIG:
        ask_smaller(q, p);
        return;
    case WORD_WRONG:
        fail(q, TRAVEL_DENIED, true, detail);
        return;
    case WORD_DOWN:
        fail(q, TRAVEL_BROKEN, true, detail);
        return;
    case WORD_LIE:
        fail(q, TRAVEL_LIED, true, "lied");
        return;
    }
}

static void
on_answer(void *ctx, uint64_t tag, int status, enum http_client_error err, struct slice body)
{
    struct travel_part *p = (struct travel_part *)(uintptr_t)tag;
    struct travel_question *q = p->question;
    struct travel_endpoint *s = ctx;

    DL_DELETE(q->parts, p);
    s->in_flight--;
    if (q->ended) {
        if (q->parts == NULL)
            unlink_question(q);
    } else if (p->round == q->round) {
        if (err == HTTP_CLIENT_OK)
            take_answer(p, status, body);
        else if (err == HTTP_CLIENT_DEADLINE)
            fail(q, TRAVEL_LATE, true, "deadline");
        else if (err == HTTP_CLIENT_TOO_BIG)
            fail(q, TRAVEL_LIED, true, "too_long");
        else
            fail(q, TRAVEL_BROKEN, true, http_client_error_name(err));
    }
    free(p);
    arena_reset(s->remote->arena);
    travel_parts_pump(s);
}

/* ---- deadlines ---- */

static void
set_deadline(struct travel_remote *r, int64_t at_us)
{
    int64_t left_us = at_us - travel_clock_us();
    struct timeval after = {0};

    if (left_us > 0)
        after = (struct timeval){left_us / 1000000, left_us % 1000000};
    r->next_us = at_us;
    event_add(r->deadline_ev, &after);
}

static void
expire(struct travel_question *q)
{
    if (q->sent) {
        fail(q, TRAVEL_LATE, true, "deadline");
    } else { /* it was not the server that kept it waiting */
        if (q->probe)
            travel_server_tell(q->server, true, true);
        end_question(q, TRAVEL_FULL, (struct slice){NULL, 0});
    }
}

static void
on_deadline(evutil_socket_t fd, short what, void *ctx)
{
    struct travel_remote *r = ctx;
    int64_t now_us = travel_clock_us(), next_us = INT64_MAX;

    (void)fd, (void)what;
    for (struct travel_question *q = r->questions, *next; q != NULL; q = next) {
        next = q->next;
        if (q->ended || q->end != TRAVEL_ANSWERED)
            continue;
        if (q->deadline_us <= now_us) {
            expire(q);
            next = r->questions; /* whoever heard it may have asked again */
            next_us = INT64_MAX;
        } else if (q->deadline_us < next_us) {
            next_us = q->deadline_us;
        }
    }
    r->next_us = INT64_MAX;
    if (next_us != INT64_MAX)
        set_deadline(r, next_us);
}

/* ---- questions ---- */

static struct travel_question *
new_question(struct travel_remote *r, uint64_t tag, const struct travel_ask *ask, bool way,
             uint32_t deadline_ms)
{
    size_t cells = ask->from_n * ask->to_n;
    struct travel_question *q = calloc(1, sizeof *q + cells * sizeof(struct travel_cell) +
                                              (ask->from_n + ask->to_n) * sizeof(struct latlng));

    if (q == NULL)
        return NULL;
    struct travel_cell *out = (struct travel_cell *)(q + 1);
    struct latlng *p = (struct latlng *)(out + cells);
    memcpy(p, ask->from, ask->from_n * sizeof *p);
    memcpy(p + ask->from_n, ask->to, ask->to_n * sizeof *p);
    q->remote = r;
    q->server = travel_server_of(r, ask->mode);
    q->tag = tag;
    q->way = way;
    q->came_us = travel_clock_us();
    q->deadline_us = q->came_us + (int64_t)deadline_ms * 1000;
    q->grid = (struct travel_grid){.from = p,
                                   .from_n = ask->from_n,
                                   .to = p + ask->from_n,
                                   .to_n = ask->to_n,
                                   .mode = ask->mode,
                                   .radius_m = r->options.radius_m,
                                   .out = out,
                                   .stride = ask->to_n};
    q->next = r->questions;
    if (q->next != NULL)
        q->next->prev = q;
    r->questions = q;
    return q;
}

static enum travel_end
begin(struct travel_question *q)
{
    struct travel_endpoint *s = q->server;

    if (s == NULL || (q->way && s->is.valhalla))
        return TRAVEL_NOBODY;
    s->counts.asked++;
    if (s->counts.open) {
        if (s->probing || travel_clock_us() < s->until_us)
            return TRAVEL_SHUT;
        s->probing = q->probe = true;
    }
    return travel_parts_ask(q);
}

static enum lc_err
ask(struct travel_remote *r, uint64_t tag, const struct travel_ask *a, bool way,
    uint32_t deadline_ms)
{
    if (a->from_n == 0 || a->to_n == 0 || a->from_n > TRAVEL_ASK_POINTS ||
        a->to_n > TRAVEL_ASK_POINTS || a->from_n * a->to_n > TRAVEL_ASK_CELLS ||
        (unsigned)a->mode >= TRAVEL_MODES)
        return LC_EINVAL;
    struct travel_question *q = new_question(r, tag, a, way, deadline_ms);
    if (q == NULL)
        return LC_ENOMEM;
    enum travel_end end = begin(q);
    if (end != TRAVEL_ANSWERED)
        travel_question_end_later(q, end);
    else if (q->deadline_us < r->next_us)
        set_deadline(r, q->deadline_us);
    return LC_OK;
}

enum lc_err
travel_remote_ask(struct travel_remote *r, uint64_t tag, const struct travel_ask *a,
                  uint32_t deadline_ms)
{
    return ask(r, tag, a, false, deadline_ms);
}

enum lc_err
travel_remote_way(struct travel_remote *r, uint64_t tag, struct latlng from, struct latlng to,
                  enum travel_mode mode, uint32_t deadline_ms)
{
    struct travel_ask a = {&from, 1, &to, 1, mode, 0};

    return ask(r, tag, &a, true, deadline_ms);
}

/* ---- life ---- */

#define DEFAULT(field, value)                                                                      \
    if (o->field == 0)                                                                             \
    o->field = (value)

static void
fill_defaults(struct travel_remote_options *o)
{
    DEFAULT(table, TABLE_MAX);
    DEFAULT(radius_m, 1000);
    DEFAULT(connections, 4);
    DEFAULT(queue, 256);
    DEFAULT(answer_bytes, 1 << 20);
    DEFAULT(trips, 5);
    DEFAULT(rest_ms, 1000);
    DEFAULT(rest_max_ms, 30000);
    if (o->table > TABLE_MAX)
        o->table = TABLE_MAX;
    if (o->table < TABLE_MIN)
        o->table = TABLE_MIN;
}

static bool
keep_words(struct travel_remote *r, const struct travel_remote_options *o)
{
    r->words = malloc(o->osrm.n + o->valhalla.n + 1);
    if (r->words == NULL)
        return false;
    if (o->osrm.n > 0)
        memcpy(r->words, o->osrm.p, o->osrm.n);
    if (o->valhalla.n > 0)
        memcpy(r->words + o->osrm.n, o->valhalla.p, o->valhalla.n);
    r->options.osrm = slice_of(r->words, o->osrm.n);
    r->options.valhalla = slice_of(r->words + o->osrm.n, o->valhalla.n);
    return true;
}

enum lc_err
travel_remote_new(struct event_base *base, const struct travel_remote_options *options,
                  travel_remote_done *on_done, travel_remote_way_done *on_way, void *ctx,
                  struct travel_remote **out, const char **why)
{
    struct travel_server is[TRAVEL_SERVERS];
    struct travel_remote *r = calloc(1, sizeof *r);
    int n = 0;

    *why = "out of memory";
    if (r == NULL)
        return LC_ENOMEM;
    r->options = *options;
    fill_defaults(&r->options);
    r->on_done = on_done;
    r->on_way = on_way;
    r->ctx = ctx;
    r->end_ev = event_new(base, -1, 0, on_end, r);
    r->deadline_ev = event_new(base, -1, 0, on_deadline, r);
    r->next_us = INT64_MAX;
    r->arena = arena_new(ARENA_BYTES);
    bool ok =
        r->end_ev != NULL && r->deadline_ev != NULL && r->arena != NULL && keep_words(r, options);
    if (ok)
        n = travel_servers_read(r->options.osrm, r->options.valhalla, is, why);
    for (int i = 0; ok && i < n; i++)
        ok = travel_server_add(r, base, &is[i], on_answer);
    if (ok && n >= 0) {
        *out = r;
        return LC_OK;
    }
    travel_remote_destroy(r);
    return n < 0 ? LC_EINVAL : LC_ENOMEM;
}

void
travel_remote_destroy(struct travel_remote *r)
{
    if (r == NULL)
        return;
    for (size_t i = 0; i < r->servers; i++)
        http_client_destroy(r->server[i].client);
    while (r->questions != NULL)
        unlink_question(r->questions);
    if (r->end_ev != NULL)
        event_free(r->end_ev);
    if (r->deadline_ev != NULL)
        event_free(r->deadline_ev);
    arena_destroy(r->arena);
    free(r->words);
    free(r);
}
