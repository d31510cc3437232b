#include "matcher/core.h"

#include <utlist.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

struct match_job *
match_job_new(struct match_step *s, enum job_kind kind, struct match_request *r,
              const uint8_t key[16], struct slice body)
{
    if (s->m->n_jobs >= (size_t)s->m->policy.jobs_max)
        return NULL;
    struct match_job *job = calloc(1, sizeof *job + body.n);
    if (job == NULL)
        return NULL;
    job->kind = kind;
    job->attempt = 1;
    job->came_ms = s->ev->now_ms;
    memcpy(job->key, key, sizeof job->key);
    if (body.n > 0)
        memcpy(job + 1, body.p, body.n);
    job->body = slice_of((const char *)(job + 1), body.n);
    job->request = r;
    if (r != NULL)
        r->jobs++;
    s->m->n_jobs++;
    return job;
}

struct match_job *
match_job_find(struct matcher *m, const uint8_t key[16])
{
    struct match_job *job = NULL;

    HASH_FIND(hh, m->jobs, key, 16, job);
    return job;
}

void
match_job_move(struct match_job *job, struct match_job **list)
{
    if (job->list != NULL)
        /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): it is in there */
        DL_DELETE(*job->list, job);
    job->list = list;
    if (list != NULL)
        DL_APPEND(*list, job);
}

static void
ask_cell(struct match_step *s, struct match_cell *cell, uint64_t key)
{
    struct match_view v = match_view_of(s->m, s->ev->now_ms);
    struct latlng at = match_cell_from(cell);
    char lng[24], lat[24], radius[16];

    snprintf(lng, sizeof lng, "%.7f", at.lng_e7 / 1e7);
    snprintf(lat, sizeof lat, "%.7f", at.lat_e7 / 1e7);
    snprintf(radius, sizeof radius, "%" PRIu32, match_cell_ask(cell, &v));
    struct slice argv[] = {
        SLICE_LIT("GEOSEARCH"), slice_str(s->m->geo_key), SLICE_LIT("FROMLONLAT"), slice_str(lng),
        slice_str(lat),         SLICE_LIT("BYRADIUS"),    slice_str(radius),       SLICE_LIT("m")};
    outbox_redis(s->out, TAG_CELL | key, argv, sizeof argv / sizeof *argv);
    match_count(s->m, COUNT_GEOSEARCH, 1);
}

/* The job's cell; NULL without memory. */
static struct match_cell *
cell_of(struct match_step *s, const struct match_job *job, uint64_t *key)
{
    *key = match_cell_key(job->wish.at, job->wish.collection);
    struct match_cell *cell = match_cells_find(s->m->cells, *key);
    return cell != NULL ? cell : match_cells_add(s->m->cells, *key);
}

/* Sends the job to its fresh cell's list of stores, or to wait in the cell. False without memory.
 */
static bool
enter(struct match_step *s, struct match_job *job)
{
    uint64_t key;

    if (job->wish.store != 0) {
        match_job_move(job, &s->m->ready);
        return true;
    }
    struct match_cell *cell = cell_of(s, job, &key);
    if (cell == NULL)
        return false;
    if (match_cell_fresh(cell, &s->m->shops)) {
        match_count(s->m, COUNT_CELL_HIT, 1);
        match_job_move(job, &s->m->ready);
        return true;
    }
    match_count(s->m, COUNT_CELL_MISS, 1);
    match_job_move(job, match_cell_waiting(cell));
    if (!match_cell_asked(cell, s->ev->now_ms))
        ask_cell(s, cell, key);
    return true;
}

enum lc_err
match_job_start(struct match_step *s, struct match_job *job)
{
    bool map_failed = false;
    struct match_job *elder = match_job_find(s->m, job->key);

    if (elder != NULL) {
        while (elder->behind != NULL)
            elder = elder->behind;
        elder->behind = job;
        return LC_OK;
    }
    HASH_ADD(hh, s->m->jobs, key, sizeof job->key, job);
    if (map_failed)
        return LC_ENOMEM;
    if (!enter(s, job)) {
        HASH_DELETE(hh, s->m->jobs, job);
        return LC_ENOMEM;
    }
    return LC_OK;
}

void
match_request_release(struct match_request *r)
{
    if (r != NULL && --r->jobs == 0 && r->parts == NULL)
        free(r);
}

void
match_job_drop(struct matcher *m, struct match_job *job)
{
    match_request_release(job->request);
    free(job->tried);
    free(job->offered);
    match_known_free(job->known);
    free(job);
    m->n_jobs--;
}

void
match_job_end(struct match_step *s, struct match_job *job)
{
    struct match_job *younger = job->behind;

    match_job_move(job, NULL);
    HASH_DELETE(hh, s->m->jobs, job);
    match_job_drop(s->m, job);
    if (younger == NULL)
        return;
    struct match_job *rest = younger->behind;
    younger->behind = NULL;
    if (match_job_start(s, younger) != LC_OK) {
        younger->behind = rest; /* its asker's deadline passes; those behind it go the same way */
        while (younger != NULL) {
            rest = younger->behind;
            match_job_drop(s->m, younger);
            younger = rest;
        }
        return;
    }
    younger->behind = rest;
}

bool
match_job_list(struct match_step *s, struct match_job *job, struct match_list *list)
{
    uint64_t key;

    *list = (struct match_list){.n = 0};
    if (job->wish.store != 0)
        return true;
    struct match_cell *cell = cell_of(s, job, &key);
    if (cell != NULL && match_cell_fresh(cell, &s->m->shops)) {
        *list = match_cell_list(cell, job->wish.chain);
        return true;
    }
    if (cell == NULL)
        return false; /* it stays where it is and is tried again at the end of the next turn */
    match_job_move(job, match_cell_waiting(cell));
    if (!match_cell_asked(cell, s->ev->now_ms))
        ask_cell(s, cell, key);
    return false;
}

void
match_cell_answered(struct match_step *s)
{
    uint64_t key = s->ev->ref & ~TAG_CELL;
    struct match_view v = match_view_of(s->m, s->ev->now_ms);
    struct match_cell *cell = match_cells_find(s->m->cells, key);

    if (cell == NULL)
        return;
    if (s->ev->reply->kind != REPLY_ARRAY) {
        if (s->ev->reply->kind != REPLY_LOST)
            match_count(s->m, COUNT_MALFORMED, 1);
        match_cell_unask(cell); /* the next tick asks again */
        return;
    }
    if (match_cells_fill(s->m->cells, cell, &v, s->ev->reply, s->ev->arena) != LC_OK)
        return;
    struct match_job **waiting = match_cell_waiting(cell);
    if (!match_cell_fresh(cell, &s->m->shops)) { /* something nearby changed since it was asked */
        if (*waiting != NULL && !match_cell_asked(cell, s->ev->now_ms))
            ask_cell(s, cell, key);
        return;
    }
    while (*waiting != NULL)
        match_job_move(*waiting, &s->m->ready);
}

void
match_cells_ask_again(struct match_step *s)
{
    struct match_job *job, *next;

    HASH_ITER(hh, s->m->jobs, job, next)
    {
        uint64_t key = match_cell_key(job->wish.at, job->wish.collection);
        struct match_cell *cell = match_cells_find(s->m->cells, key);
        if (cell != NULL && job->list == match_cell_waiting(cell) &&
            !match_cell_asked(cell, s->ev->now_ms))
            ask_cell(s, cell, key);
    }
}

/* ---- answers ---- */

static void
add_part(struct match_step *s, struct match_request *r, struct match_part *part)
{
    if (r->parts == NULL) {
        r->last_part = &r->parts;
        DL_APPEND(s->m->answering, r);
    }
    *r->last_part = part;
    r->last_part = &part->next;
}

/* A message as a copy in the gather arena; NULL without memory. */
static void *
keep(struct match_step *s, const ProtobufCMessage *message)
{
    struct arena *a = s->m->gather;
    size_t n = protobuf_c_message_get_packed_size(message);
    uint8_t *packed = arena_alloc(a, n + 1);

    if (packed == NULL)
        return NULL;
    protobuf_c_message_pack(message, packed);
    return protobuf_c_message_unpack(message->descriptor, arena_protobuf(a), n, packed);
}

static struct match_part *
new_part(struct match_step *s, struct match_job *job)
{
    return job->request == NULL ? NULL : arena_zalloc(s->m->gather, sizeof(struct match_part));
}

void
match_answer(struct match_step *s, struct match_job *job, const Lifecircle__V1__MatchResult *result)
{
    struct match_part *part = new_part(s, job);

    if (part == NULL)
        return;
    part->result = keep(s, &result->base);
    if (part->result == NULL)
        return;
    add_part(s, job->request, part);
    histogram_add(&s->m->took, s->ev->now_ms - job->request->came_ms);
}

void
match_answer_nearby(struct match_step *s, struct match_job *job,
                    const Lifecircle__V1__NearbyResult *result)
{
    struct match_part *part = new_part(s, job);

    match_count(s->m, COUNT_NEARBY, 1);
    if (part == NULL)
        return;
    part->nearby = keep(s, &result->base);
    if (part->nearby != NULL)
        add_part(s, job->request, part);
}

const Lifecircle__V1__Order *
match_job_order(struct match_step *s, const struct match_job *job)
{
    return wire_unpack(&lifecircle__v1__order__descriptor, s->ev->arena, job->body);
}

static void
say_unavailable(struct match_step *s, struct match_job *job)
{
    Lifecircle__V1__MatchResult r = LIFECIRCLE__V1__MATCH_RESULT__INIT;
    Lifecircle__V1__NearbyResult none = LIFECIRCLE__V1__NEARBY_RESULT__INIT;
    const Lifecircle__V1__Order *order;
    const Lifecircle__V1__NearbyQuery *query;

    if (job->kind == JOB_NEARBY) {
        query = wire_unpack(&lifecircle__v1__nearby_query__descriptor, s->ev->arena, job->body);
        none.tag = query == NULL ? 0 : query->tag;
        none.unavailable = true;
        match_answer_nearby(s, job, &none);
        return;
    }
    order = match_job_order(s, job);
    if (order == NULL)
        return;
    r.order_id = order->order_id;
    r.outcome = LIFECIRCLE__V1__MATCH_RESULT__OUTCOME__UNAVAILABLE;
    match_answer(s, job, &r);
}

void
match_note(const struct match_step *s, const struct match_job *job, uint32_t store,
           const char *outcome)
{
    struct order_note note = {.trace = job->trace,
                              .store = store,
                              .ms = s->ev->now_ms - job->came_ms,
                              .key = "outcome",
                              .value = outcome};

    if (job->kind != JOB_ORDER && job->kind != JOB_DUE)
        return;
    memcpy(note.order.b, job->key, sizeof note.order.b);
    outbox_order(s->out, "order_matched", &note);
}

void
match_fail(struct match_step *s, struct match_job *job)
{
    if (job->request != NULL)
        say_unavailable(s, job);
    match_count(s->m, COUNT_UNAVAILABLE, 1);
    match_note(s, job, 0, "unavailable");
    match_job_end(s, job);
}

void
match_expire(struct match_step *s)
{
    struct match_job *job, *next;

    HASH_ITER(hh, s->m->jobs, job, next)
    {
        if (job->deadline_ms <= s->ev->now_ms)
            match_fail(s, job);
    }
}

static void
flush_one(struct match_step *s, struct match_request *r)
{
    Lifecircle__V1__Envelope request = LIFECIRCLE__V1__ENVELOPE__INIT, env;
    Lifecircle__V1__MatchReply reply = LIFECIRCLE__V1__MATCH_REPLY__INIT;
    size_t n = 0;

    for (struct match_part *p = r->parts; p != NULL; p = p->next)
        n++;
    reply.results = arena_array(s->ev->arena, n, sizeof(void *));
    reply.nearby = arena_array(s->ev->arena, n, sizeof(void *));
    if (reply.results == NULL || reply.nearby == NULL)
        return;
    for (struct match_part *p = r->parts; p != NULL; p = p->next) {
        if (p->result != NULL)
            reply.results[reply.n_results++] = p->result;
        else
            reply.nearby[reply.n_nearby++] = p->nearby;
    }
    request.id = (ProtobufCBinaryData){r->id_n, r->id};
    request.deadline_ms = r->deadline_ms;
    request.traceparent = r->traceparent;
    envelope_answer(&env, &s->m->mint, s->ev->now_ms, &request);
    env.body_case = LIFECIRCLE__V1__ENVELOPE__BODY_MATCH_REPLY;
    env.match_reply = &reply;
    outbox_answer(s->out, r->link, &env);
}

void
match_flush_answers(struct match_step *s)
{
    while (s->m->answering != NULL) {
        struct match_request *r = s->m->answering;
        flush_one(s, r);
        DL_DELETE(s->m->answering, r);
        r->parts = NULL;
        if (r->jobs == 0)
            free(r);
    }
    arena_reset(s->m->gather);
}

void
match_jobs_free(struct matcher *m)
{
    while (m->jobs != NULL) {
        struct match_job *job = m->jobs;
        HASH_DELETE(hh, m->jobs, job);
        while (job != NULL) {
            struct match_job *behind = job->behind;
            match_job_drop(m, job);
            job = behind;
        }
    }
    while (m->answering != NULL) {
        struct match_request *r = m->answering;
        DL_DELETE(m->answering, r);
        free(r);
    }
}
