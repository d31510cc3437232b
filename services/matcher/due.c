#include "matcher/core.h"

#include <stdio.h>

/* Due rows: orders that wait in Redis. Nothing here is needed for a fast answer, and all of it for
 * a sure one. */

static const char *const queues[] = {"match", "held"};
static const enum match_tag claim_tags[] = {TAG_CLAIM_MATCH, TAG_CLAIM_HELD};

static void
fcall(struct match_step *s, uint64_t tag, const char *function, const char *queue, int64_t a,
      int64_t b)
{
    char now[24], first[24], second[24];

    snprintf(now, sizeof now, "%lld", (long long)s->ev->now_ms);
    snprintf(first, sizeof first, "%lld", (long long)a);
    snprintf(second, sizeof second, "%lld", (long long)b);
    struct slice argv[] = {SLICE_LIT("FCALL"),   slice_str(function), SLICE_LIT("1"),
                           slice_str(s->m->tag), slice_str(now),      slice_str(queue),
                           slice_str(first),     slice_str(second)};
    outbox_redis(s->out, tag, argv, b < 0 ? 7 : 8);
}

bool
match_timer_due(struct match_step *s, struct match_timer *t, int64_t every_ms)
{
    int64_t now_ms = s->ev->now_ms;

    if (now_ms < t->next_ms || (t->asked_ms != 0 && now_ms - t->asked_ms < CALL_LOST_MS))
        return false;
    t->next_ms = now_ms + every_ms;
    t->asked_ms = now_ms;
    return true;
}

static bool
room_for_claims(const struct matcher *m)
{
    return m->n_jobs + CLAIM_LIMIT <= (size_t)m->policy.jobs_max / 2 + CLAIM_LIMIT;
}

void
match_due_timers(struct match_step *s)
{
    struct matcher *m = s->m;

    if (!m->up || !catalogue_loaded(m->catalogue))
        return;
    if (match_timer_due(s, &m->load, LOAD_EVERY_MS)) {
        struct slice argv[] = {SLICE_LIT("GET"), slice_str(m->load_key)};
        outbox_redis(s->out, TAG_LOAD, argv, 2);
    }
    if (m->missed_any)
        match_missed_ask(s);
    if (m->draining)
        return;
    for (size_t q = 0; q < 2; q++)
        if (room_for_claims(m) && match_timer_due(s, &m->claim[q], m->policy.poll_ms))
            fcall(s, claim_tags[q], "due_claim", queues[q], CLAIM_LIMIT, CLAIM_VISIBILITY_MS);
    if (m->hasten_wanted)
        match_due_hasten(s);
}

void
match_due_hasten(struct match_step *s)
{
    s->m->hasten_wanted = true;
    if (!s->m->up || s->m->draining || !match_timer_due(s, &s->m->hasten, HASTEN_EVERY_MS))
        return; /* a tick comes back to it */
    s->m->hasten_wanted = false;
    fcall(s, TAG_HASTEN, "due_hasten", "held", HASTEN_LIMIT, -1);
}

static bool
take_row(struct match_step *s, struct slice id, struct slice bytes)
{
    struct uuid key;
    struct record r;
    struct match_wish w;

    if (uuid_parse(id, &key) != LC_OK || record_read(bytes, &r) != LC_OK)
        return false;
    if (!record_waits(r.state))
        return true; /* it was placed or cancelled since */
    const Lifecircle__V1__Order *o =
        wire_unpack(&lifecircle__v1__order__descriptor, s->ev->arena, r.order);
    if (o == NULL || !match_wish_of(&w, o))
        return false;
    if (match_job_find(s->m, key.b) != NULL)
        return true; /* in work already */
    struct match_job *job = match_job_new(s, JOB_DUE, NULL, key.b, r.order);
    if (job == NULL)
        return true; /* the claim runs out, and it is due again */
    match_take_over(job, &w, o);
    job->attempt = r.attempts + 1U;
    job->deadline_ms = s->ev->now_ms + DUE_DEADLINE_MS;
    if (match_job_start(s, job) != LC_OK)
        match_job_drop(s->m, job);
    match_count(s->m, COUNT_CLAIMED, 1);
    return true;
}

void
match_due_claimed(struct match_step *s, unsigned queue)
{
    const struct reply *reply = s->ev->reply;

    s->m->claim[queue].asked_ms = 0;
    if (reply->kind == REPLY_ERROR)
        outbox_note(s->out, "due_claim_failed", "queue=%s error=%.*s", queues[queue],
                    (int)reply->str.n, reply->str.p);
    if (reply->kind != REPLY_ARRAY)
        return;
    for (size_t i = 0; i + 1 < reply->n; i += 2)
        if (!take_row(s, reply->items[i].str, reply->items[i + 1].str))
            match_count(s->m, COUNT_MALFORMED, 1);
    if (reply->n == (size_t)2 * CLAIM_LIMIT) /* there are more */
        s->m->claim[queue].next_ms = s->ev->now_ms;
}
