#include "matcher/core.h"

#include <stdlib.h>

/* A MatchRequest comes. */

static struct match_request *
new_request(const struct match_step *s)
{
    const Lifecircle__V1__Envelope *env = s->ev->envelope;
    struct match_request *r = calloc(1, sizeof *r);

    if (r == NULL)
        return NULL;
    r->link = s->ev->ref;
    r->came_ms = s->ev->now_ms;
    r->deadline_ms = env->deadline_ms;
    r->id_n = env->id.len < sizeof r->id ? env->id.len : sizeof r->id;
    if (r->id_n > 0)
        memcpy(r->id, env->id.data, r->id_n);
    size_t n = strlen(env->traceparent);
    if (n < sizeof r->traceparent)
        memcpy(r->traceparent, env->traceparent, n + 1);
    return r;
}

/* The caller's deadline, within reason. */
static int64_t
deadline_of(const struct match_step *s, const struct match_request *r)
{
    int64_t most = s->ev->now_ms + LINK_DEADLINE_MS;

    return r->deadline_ms > s->ev->now_ms && r->deadline_ms < most ? r->deadline_ms : most;
}

static void
tag_key(struct matcher *m, uint8_t key[16])
{
    uint64_t tag = ++m->next_tag;

    memset(key, 0, 16);
    memcpy(key + 8, &tag, sizeof tag);
}

/* The order's id as a key; false when it is none, which intake never sends. */
static bool
order_key(const Lifecircle__V1__Order *o, uint8_t key[16])
{
    struct uuid id;

    if (uuid_parse(slice_str(o->order_id), &id) != LC_OK)
        return false;
    memcpy(key, id.b, 16);
    return true;
}

static void
refuse(struct match_step *s, struct match_request *r, const Lifecircle__V1__Order *o)
{
    struct match_job nobody = {.request = r};
    Lifecircle__V1__MatchResult result = LIFECIRCLE__V1__MATCH_RESULT__INIT;

    result.order_id = o->order_id;
    result.outcome = LIFECIRCLE__V1__MATCH_RESULT__OUTCOME__UNAVAILABLE;
    match_answer(s, &nobody, &result);
    match_count(s->m, COUNT_UNAVAILABLE, 1);
}

/* The bytes of field `number`, wherever it comes next in the message; false at the end. */
static bool
next_field(struct slice *rest, uint32_t number, struct slice *out)
{
    while (rest->n > 0) {
        uint64_t v[2] = {0, 0}; /* tag and length, or value */
        for (int k = 0; k < 2; k++) {
            unsigned shift = 0;
            uint8_t byte = 0x80;
            while (byte >= 0x80 && rest->n > 0 && shift < 64) {
                byte = (uint8_t)rest->p[0];
                v[k] |= (uint64_t)(byte & 0x7f) << shift;
                shift += 7;
                *rest = slice_of(rest->p + 1, rest->n - 1);
            }
            if (k == 0 && (v[0] & 7) != 0 && (v[0] & 7) != 2) {
                v[1] = (v[0] & 7) == 1 ? 8 : 4;
                break;
            }
        }
        if ((v[0] & 7) == 0)
            continue;
        if (v[1] > rest->n)
            return false;
        *out = slice_of(rest->p, (size_t)v[1]);
        *rest = slice_of(rest->p + v[1], rest->n - (size_t)v[1]);
        if (v[0] >> 3 == number && (v[0] & 7) == 2)
            return true;
    }
    return false;
}

/* Orders go on to inventory and come back from it as the bytes they came in: the frame has them,
 * one after the other, in the order of the list. NULL when they cannot be found there: then they
 * are packed again. */
static struct slice *
find_bodies(const struct match_step *s, uint32_t field, size_t n)
{
    enum { MATCH_REQUEST = 10 };
    struct slice *body = arena_alloc(s->ev->arena, (n + 1) * sizeof *body);
    struct slice frame = s->ev->bytes, request, rest;
    size_t found = 0;

    if (body == NULL || n == 0 || !next_field(&frame, MATCH_REQUEST, &request))
        return NULL;
    for (rest = request; found <= n && next_field(&rest, field, &body[found]);)
        found++;
    return found == n ? body : NULL;
}

static struct slice
pack(const struct match_step *s, const ProtobufCMessage *message)
{
    size_t n = protobuf_c_message_get_packed_size(message);
    uint8_t *p = arena_alloc(s->ev->arena, n + 1);

    if (p == NULL)
        return slice_of(NULL, 0);
    return slice_of((const char *)p, protobuf_c_message_pack(message, p));
}

void
match_take_over(struct match_job *job, const struct match_wish *w, const Lifecircle__V1__Order *o)
{
    job->wish = *w;
    job->fingerprint = o->fingerprint;
    job->shortage = o->shortage;
    job->hold_until_ms = o->hold_until_ms;
    if (job->kind == JOB_ORDER || job->kind == JOB_DUE) {
        struct uuid id;
        memcpy(id.b, job->key, sizeof id.b);
        traceparent_of_order(id, o->traceparent, &job->trace);
    }
}

static void
take_order(struct match_step *s, struct match_request *r, const Lifecircle__V1__Order *o,
           const struct slice *as_came, enum job_kind kind)
{
    uint8_t key[16];
    struct match_wish w;
    struct match_job *job = NULL;
    bool ready = catalogue_loaded(s->m->catalogue) && !s->m->draining;

    if (kind == JOB_QUOTE)
        tag_key(s->m, key);
    if (ready && match_wish_of(&w, o) && (kind == JOB_QUOTE || order_key(o, key))) {
        struct slice body = as_came != NULL ? *as_came : pack(s, &o->base);
        job = body.n == 0 ? NULL : match_job_new(s, kind, r, key, body);
    }
    if (job == NULL) {
        refuse(s, r, o);
        return;
    }
    match_take_over(job, &w, o);
    job->deadline_ms = deadline_of(s, r);
    if (match_job_start(s, job) != LC_OK) {
        refuse(s, r, o);
        match_job_drop(s->m, job);
    }
}

static void
take_nearby(struct match_step *s, struct match_request *r, const Lifecircle__V1__NearbyQuery *q)
{
    uint8_t key[16];
    struct match_job *job = NULL;
    struct slice body = pack(s, &q->base);

    tag_key(s->m, key);
    if (body.n > 0 && q->at != NULL && catalogue_loaded(s->m->catalogue))
        job = match_job_new(s, JOB_NEARBY, r, key, body);
    if (job == NULL)
        return;
    job->wish = (struct match_wish){
        .chain = q->chain,
        .items = 1,
        .at = {q->at->lat_e7, q->at->lng_e7},
        .window_start_ms = s->ev->now_ms,
        .window_end_ms = s->ev->now_ms + 3600000,
    };
    job->limit = q->limit < 1 ? 1 : q->limit > MATCH_OTHERS ? MATCH_OTHERS : q->limit;
    job->deadline_ms = deadline_of(s, r);
    if (match_job_start(s, job) != LC_OK)
        match_job_drop(s->m, job);
}

void
match_request_taken(struct match_step *s)
{
    const Lifecircle__V1__MatchRequest *m = s->ev->envelope->match_request;
    struct match_request *r = new_request(s);

    if (r == NULL)
        return;  /* its sender has a deadline */
    r->jobs = 1; /* keeps it while its jobs may end */
    const struct slice *body = find_bodies(s, 1, m->n_orders);
    for (size_t i = 0; i < m->n_orders; i++)
        take_order(s, r, m->orders[i], body == NULL ? NULL : &body[i], JOB_ORDER);
    for (size_t i = 0; i < m->n_quotes; i++)
        take_order(s, r, m->quotes[i], NULL, JOB_QUOTE);
    for (size_t i = 0; i < m->n_nearby; i++)
        take_nearby(s, r, m->nearby[i]);
    match_request_release(r);
}
