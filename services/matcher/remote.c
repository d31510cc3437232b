#include "matcher/remote.h"

#include "matcher/core.h"
#include "matcher/wide.h"

#include <stdlib.h>
#include <utlist.h>

struct match_known {
    struct travel travel; /* this is the provider */
    struct latlng customer;
    bool collection;
    uint32_t times;
    size_t n;      /* known */
    size_t wanted; /* behind them: asked about */
    size_t room;
    struct latlng *place;
    struct travel_cell *cell;
};

static bool
look_up(const struct match_known *k, struct latlng store, struct travel_cell *out)
{
    for (size_t i = 0; i < k->n; i++)
        if (k->place[i].lat_e7 == store.lat_e7 && k->place[i].lng_e7 == store.lng_e7) {
            *out = k->cell[i];
            return true;
        }
    return false;
}

static bool
same(struct latlng a, struct latlng b)
{
    return a.lat_e7 == b.lat_e7 && a.lng_e7 == b.lng_e7;
}

static enum lc_err
known_matrix(const struct travel *t, const struct latlng *from, size_t from_n,
             const struct latlng *to, size_t to_n, enum travel_mode mode, int64_t depart_ms,
             struct travel_cell *out, enum travel_quality *quality)
{
    const struct match_known *k = (const struct match_known *)t;
    const struct latlng *customer = k->collection ? from : to;
    const struct latlng *store = k->collection ? to : from;
    size_t n = k->collection ? to_n : from_n;

    (void)mode;
    (void)depart_ms;
    if ((k->collection ? from_n : to_n) != 1 || !same(*customer, k->customer))
        return LC_EIO;
    for (size_t i = 0; i < n; i++)
        if (!look_up(k, store[i], &out[i]))
            return LC_EAGAIN;
    *quality = TRAVEL_ROAD;
    return LC_OK;
}

static uint32_t
known_lower_bound_s(const struct travel *t, struct latlng a, struct latlng b, enum travel_mode mode)
{
    return travel_crow_s(a, b, mode) / ((const struct match_known *)t)->times;
}

struct match_known *
match_known_new(struct latlng customer, bool collection, uint32_t times)
{
    struct match_known *k = calloc(1, sizeof *k);

    if (k == NULL)
        return NULL;
    k->travel = (struct travel){.matrix = known_matrix, .lower_bound_s = known_lower_bound_s};
    k->customer = customer;
    k->collection = collection;
    k->times = times == 0 ? 1 : times;
    return k;
}

void
match_known_free(struct match_known *k)
{
    if (k == NULL)
        return;
    free(k->place);
    free(k->cell);
    free(k);
}

const struct travel *
match_known_travel(const struct match_known *k)
{
    return &k->travel;
}

static bool
room_for(struct match_known *k, size_t more)
{
    size_t room = k->n + more;

    if (room <= k->room)
        return true;
    struct latlng *place = realloc(k->place, room * sizeof *place);
    if (place == NULL)
        return false;
    k->place = place;
    struct travel_cell *cell = realloc(k->cell, room * sizeof *cell);
    if (cell == NULL)
        return false;
    k->cell = cell;
    k->room = room;
    return true;
}

static bool
is_wanted(const struct match_known *k, struct latlng store)
{
    for (size_t i = k->n; i < k->n + k->wanted; i++)
        if (same(k->place[i], store))
            return true;
    return false;
}

static void
want(struct match_known *k, struct latlng store)
{
    struct travel_cell cell;

    if (!look_up(k, store, &cell) && !is_wanted(k, store))
        k->place[k->n + k->wanted++] = store;
}

const struct latlng *
match_known_want(struct match_known *k, const struct match_view *v, const struct match_wish *w,
                 const struct match_list *list, bool wide, size_t *n)
{
    const struct match_shop *only = w->store == 0 ? NULL : match_shop_get(v->shops, w->store);
    struct match_list all;
    size_t others = 0, before;

    *n = k->wanted = 0;
    if (!room_for(k, MATCH_ASKED_MAX + MATCH_ASKED_OTHERS))
        return NULL;
    if (only != NULL)
        want(k, only->at);
    /* the bound is so far below what ways take that a list that is cut hardly ever does */
    if (w->store == 0 && (wide || list->cut) && match_list_wide(v, w, &all))
        list = &all;
    for (size_t i = 0; w->store == 0 && i < list->n; i++) {
        if (list->cover[i] == MATCH_COVER_NONE) {
            if (others == MATCH_ASKED_OTHERS)
                continue;
            before = k->wanted;
            want(k, v->shops->shop[list->store[i]].at);
            others += k->wanted - before;
        } else if (k->wanted - others < MATCH_ASKED_MAX) {
            want(k, v->shops->shop[list->store[i]].at);
        } else {
            break;
        }
    }
    *n = k->wanted;
    return k->place + k->n;
}

bool
match_known_take(struct match_known *k, struct slice cells)
{
    size_t n = k->wanted;

    k->wanted = 0;
    if (n == 0 || travel_cells_count(cells) != n)
        return false;
    for (size_t i = 0; i < n; i++) {
        struct travel_cell c = travel_cell_get(cells, i);
        if (c.seconds != TRAVEL_UNREACHABLE)
            c.seconds = c.seconds / k->times + (c.seconds % k->times != 0);
        k->cell[k->n + i] = c;
    }
    k->n += n;
    return true;
}

/* ---- orders that wait for it ---- */

static bool
has_server(const struct matcher *m, const struct match_job *job)
{
    return (m->policy.remote_modes & 1U << match_wish_mode(&job->wish, &m->policy)) != 0;
}

struct match_view
match_view_job(struct match_step *s, struct match_job *job, int64_t now_ms)
{
    struct matcher *m = s->m;
    struct match_view v = match_view_of(m, now_ms);

    if (job->own_travel || !has_server(m, job))
        return v;
    if (job->known == NULL)
        job->known =
            match_known_new(job->wish.at, job->wish.collection, (uint32_t)m->policy.speedup);
    if (job->known != NULL)
        v.travel = match_known_travel(job->known);
    return v;
}

/* From now on by the provider in this process. */
static void
give_up(struct match_job *job, enum travel_end why)
{
    job->own_travel = true;
    job->travel_end = why;
}

bool
match_remote_ask(struct match_step *s, struct match_job *job, const struct match_list *list,
                 const struct match_found *f)
{
    struct matcher *m = s->m;
    struct match_view v = match_view_job(s, job, s->ev->now_ms);
    int64_t wait_ms = (job->deadline_ms - s->ev->now_ms) / 3;
    size_t n;
    const struct latlng *store = match_known_want(job->known, &v, &job->wish, list, f->wide, &n);

    if (wait_ms > m->policy.travel_wait_ms)
        wait_ms = m->policy.travel_wait_ms;
    if (n == 0 || wait_ms <= 0) {
        give_up(job, TRAVEL_LATE);
        return false;
    }
    struct travel_ask ask = {
        store, n, &job->wish.at, 1, match_wish_mode(&job->wish, &m->policy), s->ev->now_ms};
    if (job->wish.collection) {
        ask.from = &job->wish.at;
        ask.from_n = 1;
        ask.to = store;
        ask.to_n = n;
    }
    job->travel_tag = ++m->next_tag;
    job->travel_until_ms = s->ev->now_ms + wait_ms;
    outbox_travel(s->out, job->travel_tag, &ask, job->travel_until_ms);
    outbox_wake(s->out, job->travel_until_ms + TRAVEL_GRACE_MS);
    match_count(m, COUNT_TRAVEL_ASKED, 1);
    match_job_move(job, &m->asking);
    return true;
}

void
match_remote_answered(struct match_step *s)
{
    struct match_job *job = s->m->asking;
    int end = s->ev->status;

    while (job != NULL && job->travel_tag != s->ev->ref)
        job = job->next;
    if (job == NULL) {
        match_count(s->m, COUNT_LATE, 1);
        return;
    }
    if (end == TRAVEL_ANSWERED && !match_known_take(job->known, s->ev->bytes))
        end = TRAVEL_LIED;
    if (end != TRAVEL_ANSWERED)
        give_up(job, (enum travel_end)end);
    match_job_move(job, &s->m->ready);
}

void
match_remote_expire(struct match_step *s)
{
    int64_t now_ms = s->ev->now_ms, next_ms = INT64_MAX;
    struct match_job *job, *next;

    DL_FOREACH_SAFE(s->m->asking, job, next)
    {
        int64_t until_ms = job->travel_until_ms + TRAVEL_GRACE_MS;
        if (until_ms <= now_ms) {
            give_up(job, TRAVEL_LATE);
            match_job_move(job, &s->m->ready);
        } else if (until_ms < next_ms) {
            next_ms = until_ms;
        }
    }
    if (next_ms != INT64_MAX)
        outbox_wake(s->out, next_ms);
}

void
match_remote_note(struct match_step *s, const struct match_job *job, struct match_found *f)
{
    f->server = job->known != NULL && f->travel == match_known_travel(job->known);
    f->server_end = job->own_travel ? (int)job->travel_end : TRAVEL_ANSWERED;
    match_count(s->m,
                f->server     ? COUNT_BY_SERVER
                : f->estimate ? COUNT_BY_ESTIMATE
                              : COUNT_BY_ROADS,
                1);
    if (job->own_travel)
        match_count(s->m, COUNT_TRAVEL_FALLBACK, 1);
}
