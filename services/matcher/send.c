#include "matcher/core.h"

#include <stdlib.h>

typedef Lifecircle__V1__PlaceOrder
    PlaceOrder; /* generated names are long enough to hide what is done with them */

/* The end of a turn: what is ready is judged and sent. */

size_t
match_want(const struct match_job *job)
{
    static const size_t want[] = {8, 24, MATCH_RANKED_MAX};

    if (job->final || job->round >= sizeof want / sizeof *want)
        return MATCH_RANKED_MAX;
    return want[job->round];
}

enum lc_err
match_next_round(struct match_job *job)
{
    if (job->final)
        return LC_ESTATE;
    job->round++;
    if (job->round <= 2)
        return LC_OK;
    uint32_t *tried = realloc(job->tried, (job->n_tried + job->n_offered + 1) * sizeof *tried);
    if (tried == NULL)
        return LC_ENOMEM;
    for (size_t i = 0; i < job->n_offered; i++)
        tried[job->n_tried++] = job->offered[i].store;
    job->tried = tried;
    return LC_OK;
}

/* Field `number` of a message as bytes that are packed already: protobuf-c writes fields it does
 * not know as they are. */
static void
raw_field(ProtobufCMessageUnknownField *f, uint32_t number, struct slice body, uint8_t *room)
{
    size_t n = 0, left = body.n;

    do {
        room[n++] = (uint8_t)((left & 0x7f) | (left > 0x7f ? 0x80 : 0));
        left >>= 7;
    } while (left > 0);
    memcpy(room + n, body.p, body.n);
    *f = (ProtobufCMessageUnknownField){
        .tag = number,
        .wire_type = PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED,
        .len = n + body.n,
        .data = room,
    };
}

static int64_t
retry_at(const struct match_step *s, const struct match_job *job)
{
    int64_t wait = s->m->policy.retry_ms;

    for (uint32_t i = 1; i < job->attempt && wait < s->m->policy.retry_max_ms; i++)
        wait += wait / 2;
    if (wait > s->m->policy.retry_max_ms)
        wait = s->m->policy.retry_max_ms;
    return s->ev->now_ms + wait;
}

/* A window that starts late enough: when should the order be placed so that it arrives as the
 * window opens? 0 = now. The stores are judged as if the window's start were now, by the policy's
 * courier wait: a forecast says nothing of then. */
static int64_t
place_later_ms(struct match_step *s, struct match_job *job, const struct match_list *list,
               struct match_found *found)
{
    struct match_view then;
    struct match_wish w = job->wish;
    int64_t at_ms = w.window_start_ms - s->m->policy.schedule_slack_ms;

    if (job->round > 0 || at_ms <= s->ev->now_ms)
        return 0;
    then = match_view_job(s, job, w.window_start_ms);
    then.supply = NULL;
    match_search(&then, &w, list, 1, NULL, 0, found);
    at_ms -=
        found->n > 0 ? found->ranked[0].arrival_ms - then.now_ms : s->m->policy.schedule_lead_ms;
    return at_ms > s->ev->now_ms ? at_ms : 0;
}

static bool
write_candidates(struct match_step *s, const struct match_found *f, PlaceOrder *p)
{
    Lifecircle__V1__PlaceCandidate *one = arena_alloc(s->ev->arena, (f->n + 1) * sizeof *one);

    p->candidates = arena_alloc(s->ev->arena, (f->n + 1) * sizeof(void *));
    if (one == NULL || p->candidates == NULL)
        return false;
    for (size_t i = 0; i < f->n; i++) {
        lifecircle__v1__place_candidate__init(&one[i]);
        one[i].store = f->ranked[i].store;
        one[i].ready_ms = f->ranked[i].ready_ms;
        one[i].eta_ms = f->ranked[i].arrival_ms;
        one[i].travel_s = f->ranked[i].travel_s;
        p->candidates[i] = &one[i];
    }
    p->n_candidates = f->n;
    return true;
}

bool
match_remember_offered(struct match_job *job, const struct match_found *f)
{
    struct match_verdict *v = realloc(job->offered, (f->n + 1) * sizeof *v);

    if (v == NULL)
        return false;
    memcpy(v, f->ranked, f->n * sizeof *v);
    job->offered = v;
    job->n_offered = f->n;
    return true;
}

static bool
by_line(const struct match_job *job)
{
    return job->shortage == LIFECIRCLE__V1__SHORTAGE__SHORTAGE_PARTIAL ||
           job->shortage == LIFECIRCLE__V1__SHORTAGE__SHORTAGE_SUBSTITUTE;
}

void
match_choose(struct match_step *s, struct match_job *job, const struct match_list *list,
             struct match_found *f, bool *more)
{
    /* Behind MATCH_RANKED_MAX the list no longer begins with the best, so an order that takes parts
     * of what it wants comes round once more, to the best of all. */
    struct match_view v = match_view_job(s, job, s->ev->now_ms);

    for (;;) {
        bool fresh = job->final;
        match_search(&v, &job->wish, list, match_want(job), fresh ? NULL : job->tried,
                     fresh ? 0 : job->n_tried, f);
        *more = !job->final && (f->more || (job->n_tried > 0 && by_line(job)));
        if (f->waits || f->n > 0 || job->final || job->n_tried == 0)
            return;
        job->final = true;
    }
}

/* The PlaceOrder of a job; false when it stays for a later turn (its cell went stale, a routing
 * server is asked, or no memory). */
static bool
write_order(struct match_step *s, struct match_job *job, PlaceOrder *p)
{
    struct match_list list;
    struct match_view v = match_view_of(s->m, s->ev->now_ms);
    struct match_found *f = arena_alloc(s->ev->arena, sizeof *f);
    ProtobufCMessageUnknownField *order = arena_alloc(s->ev->arena, sizeof *order);
    uint8_t *body = arena_alloc(s->ev->arena, job->body.n + 10);
    bool more = false;

    if (f == NULL || order == NULL || body == NULL || !match_job_list(s, job, &list))
        return false;
    lifecircle__v1__place_order__init(p);
    int64_t later_ms;
    do {
        f->waits = false;
        later_ms = place_later_ms(s, job, &list, f);
        if (later_ms == 0 && !f->waits)
            match_choose(s, job, &list, f, &more);
        if (f->waits && match_remote_ask(s, job, &list, f))
            return false;
    } while (f->waits);
    match_remote_note(s, job, f);
    match_count(s->m, COUNT_JUDGED, f->considered);
    p->create = later_ms != 0;
    p->retry_ms = later_ms != 0 ? later_ms : retry_at(s, job);
    p->reason = later_ms != 0 ? LIFECIRCLE__V1__REASON__NOT_YET
                : f->n == 0   ? f->nearest_miss
                              : LIFECIRCLE__V1__REASON__REASON_NONE;
    p->more = more;
    p->reject = job->shortage == LIFECIRCLE__V1__SHORTAGE__SHORTAGE_REJECT;
    struct slice why = match_decision_pack(&v, &job->wish, f, job->attempt, s->ev->arena);
    p->explain = (ProtobufCBinaryData){why.n, (uint8_t *)(uintptr_t)why.p};
    if (p->create)
        f->n = 0;
    if (!write_candidates(s, f, p))
        return false;
    if (job->round >= 2 && !match_remember_offered(job, f))
        return false;
    raw_field(order, 1, job->body, body); /* the order goes on as the bytes it came in */
    p->base.n_unknown_fields = 1;
    p->base.unknown_fields = order;
    return true;
}

/* one_trace: otherwise the envelope is of none: each order says its own. */
static bool
one_trace(struct match_job *const *jobs, size_t n)
{
    for (size_t i = 1; i < n; i++)
        if (memcmp(jobs[i]->trace.trace, jobs[0]->trace.trace, sizeof jobs[0]->trace.trace) != 0)
            return false;
    return true;
}

static void
send_places(struct match_step *s, PlaceOrder **orders, struct match_job **jobs, size_t n)
{
    Lifecircle__V1__Envelope env;
    Lifecircle__V1__PlaceRequest request = LIFECIRCLE__V1__PLACE_REQUEST__INIT;
    int64_t deadline_ms = 0;

    if (n == 0)
        return;
    for (size_t i = 0; i < n; i++)
        if (jobs[i]->deadline_ms > deadline_ms)
            deadline_ms = jobs[i]->deadline_ms;
    envelope_init(&env, &s->m->mint, s->ev->now_ms, deadline_ms);
    if (one_trace(jobs, n))
        envelope_trace(&env, &s->m->mint, &jobs[0]->trace);
    request.n_orders = n;
    request.orders = orders;
    env.body_case = LIFECIRCLE__V1__ENVELOPE__BODY_PLACE_REQUEST;
    env.place_request = &request;
    outbox_send(s->out, ROLE_INVENTORY, &env);
    for (size_t i = 0; i < n; i++) {
        memcpy(jobs[i]->sent_id, s->m->mint.id, sizeof jobs[i]->sent_id);
        match_job_move(jobs[i], &s->m->sent);
    }
}

static void
send_checks(struct match_step *s, Lifecircle__V1__CheckRequest__Item **items,
            struct match_job **jobs, size_t n)
{
    Lifecircle__V1__Envelope env;
    Lifecircle__V1__CheckRequest request = LIFECIRCLE__V1__CHECK_REQUEST__INIT;

    if (n == 0)
        return;
    envelope_init(&env, &s->m->mint, s->ev->now_ms, s->ev->now_ms + LINK_DEADLINE_MS);
    request.n_items = n;
    request.items = items;
    env.body_case = LIFECIRCLE__V1__ENVELOPE__BODY_CHECK_REQUEST;
    env.check_request = &request;
    outbox_send(s->out, ROLE_INVENTORY, &env);
    for (size_t i = 0; i < n; i++) {
        memcpy(jobs[i]->sent_id, s->m->mint.id, sizeof jobs[i]->sent_id);
        match_job_move(jobs[i], &s->m->sent);
    }
}

/* Room for one batch of each kind. */
struct batches {
    PlaceOrder place[PLACE_BATCH], *places[PLACE_BATCH];
    struct match_job *placed[PLACE_BATCH];
    size_t n_places;
    Lifecircle__V1__CheckRequest__Item check[PLACE_BATCH], *checks[PLACE_BATCH];
    struct match_job *checked[PLACE_BATCH];
    size_t n_checks;
};

static void
send_batches(struct match_step *s, struct batches *b, size_t at_least)
{
    if (b->n_places >= at_least) {
        send_places(s, b->places, b->placed, b->n_places);
        b->n_places = 0;
    }
    if (b->n_checks >= at_least) {
        send_checks(s, b->checks, b->checked, b->n_checks);
        b->n_checks = 0;
    }
}

static void
check_one(struct match_step *s, struct batches *b, struct match_job *job)
{
    struct match_list list;

    if (!match_job_list(s, job, &list) || !match_check_item(s, job, &list, &b->check[b->n_checks]))
        return;
    b->checks[b->n_checks] = &b->check[b->n_checks];
    b->checked[b->n_checks++] = job;
}

void
match_flush_ready(struct match_step *s)
{
    struct batches *b;
    struct match_job *job = s->m->ready, *next;

    if (job == NULL)
        return;
    b = arena_alloc(s->ev->arena, sizeof *b);
    if (b == NULL)
        return;
    b->n_places = b->n_checks = 0;
    for (; job != NULL; job = next) {
        next = job->next;
        if (job->kind == JOB_QUOTE || job->kind == JOB_NEARBY) {
            check_one(s, b, job);
        } else if (write_order(s, job, &b->place[b->n_places])) {
            b->places[b->n_places] = &b->place[b->n_places];
            b->placed[b->n_places++] = job;
        }
        send_batches(s, b, PLACE_BATCH);
    }
    send_batches(s, b, 1);
}
