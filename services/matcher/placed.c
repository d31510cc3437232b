#include "matcher/core.h"

/* Inventory answers. */

static const struct {
    Lifecircle__V1__MatchResult__Outcome outcome;
    enum match_count count;
    const char *word;
} outcomes[] = {
    [LIFECIRCLE__V1__PLACE_RESULT__OUTCOME__PLACED_AT] =
        {LIFECIRCLE__V1__MATCH_RESULT__OUTCOME__PLACED_NOW, COUNT_PLACED, "placed"},
    [LIFECIRCLE__V1__PLACE_RESULT__OUTCOME__HELD_OR_REJECTED] =
        {LIFECIRCLE__V1__MATCH_RESULT__OUTCOME__NOT_PLACED, COUNT_NOT_PLACED, "not_placed"},
    [LIFECIRCLE__V1__PLACE_RESULT__OUTCOME__DUPLICATE] =
        {LIFECIRCLE__V1__MATCH_RESULT__OUTCOME__DUPLICATE, COUNT_DUPLICATE, "duplicate"},
    [LIFECIRCLE__V1__PLACE_RESULT__OUTCOME__CONFLICT] =
        {LIFECIRCLE__V1__MATCH_RESULT__OUTCOME__CONFLICT, COUNT_CONFLICT, "conflict"},
    [LIFECIRCLE__V1__PLACE_RESULT__OUTCOME__PRICE_DIFFERS] =
        {LIFECIRCLE__V1__MATCH_RESULT__OUTCOME__PRICE_DIFFERS, COUNT_PRICE_DIFFERS,
         "price_differs"},
};

/* The lines of a refused price; the record's head and lines say all else. */
static void
write_lines(struct match_step *s, const struct record *r, Lifecircle__V1__MatchResult *out)
{
    Lifecircle__V1__PlacedLine *line = arena_array(s->ev->arena, r->n_lines + 1U, sizeof *line);
    struct record_line from;

    out->lines = arena_array(s->ev->arena, r->n_lines + 1U, sizeof(void *));
    if (line == NULL || out->lines == NULL)
        return;
    for (size_t i = 0; record_line_at(r, i, &from); i++) {
        lifecircle__v1__placed_line__init(&line[i]);
        line[i].sku_index = from.substitute == 0 ? from.sku_index : from.substitute - 1;
        line[i].quantity = from.taken != 0 ? from.taken : from.quantity;
        line[i].unit_price_cents = from.price_cents;
        line[i].substitute_for = from.substitute == 0 ? 0 : from.sku_index + 1;
        out->lines[out->n_lines++] = &line[i];
    }
}

static void
answer_placed(struct match_step *s, struct match_job *job, const Lifecircle__V1__PlaceResult *from)
{
    Lifecircle__V1__MatchResult r = LIFECIRCLE__V1__MATCH_RESULT__INIT;
    struct record record;
    bool known =
        from->head.len > 0 &&
        record_read(slice_of((const char *)from->head.data, from->head.len), &record) == LC_OK;

    r.order_id = from->order_id;
    r.outcome = outcomes[from->outcome].outcome;
    r.head = from->head;
    /* An answer to an earlier order of this id that came too late for it. */
    if (known && record.fingerprint != job->fingerprint &&
        r.outcome != LIFECIRCLE__V1__MATCH_RESULT__OUTCOME__PRICE_DIFFERS)
        r.outcome = LIFECIRCLE__V1__MATCH_RESULT__OUTCOME__CONFLICT;
    if (known) {
        r.store = record.store;
        r.ready_ms = record.ready_ms;
        r.eta_ms = record.eta_ms;
        r.reason = (Lifecircle__V1__Reason)record.reason;
    }
    if (known && r.outcome == LIFECIRCLE__V1__MATCH_RESULT__OUTCOME__PRICE_DIFFERS)
        write_lines(s, &record, &r);
    if (known && r.outcome == LIFECIRCLE__V1__MATCH_RESULT__OUTCOME__PLACED_NOW) {
        struct match_shop *shop = match_shop_get(&s->m->shops, record.store);
        if (shop != NULL)
            shop->load++; /* until Redis is asked for the true number again */
    }
    match_answer(s, job, &r);
    match_note(s, job, r.store, outcomes[from->outcome].word);
}

static void
one_result(struct match_step *s, const Lifecircle__V1__PlaceResult *r)
{
    const Lifecircle__V1__Envelope *env = s->ev->envelope;
    struct uuid id;
    struct match_job *job = NULL;

    if (uuid_parse(slice_str(r->order_id), &id) == LC_OK)
        job = match_job_find(s->m, id.b);
    if (job == NULL || job->list != &s->m->sent || env->id.len != sizeof job->sent_id ||
        memcmp(env->id.data, job->sent_id, sizeof job->sent_id) != 0) {
        match_count(s->m, COUNT_LATE, 1);
        return;
    }
    if (r->outcome == LIFECIRCLE__V1__PLACE_RESULT__OUTCOME__EXHAUSTED) {
        match_count(s->m, COUNT_EXHAUSTED, 1);
        if (match_next_round(job) != LC_OK)
            match_fail(s, job);
        else
            match_job_move(job, &s->m->ready);
        return;
    }
    if ((size_t)r->outcome >= sizeof outcomes / sizeof *outcomes ||
        outcomes[r->outcome].outcome == LIFECIRCLE__V1__MATCH_RESULT__OUTCOME__OUTCOME_NONE) {
        match_fail(s, job); /* UNAVAILABLE: the due row, or intake, repeats it */
        return;
    }
    match_count(s->m, outcomes[r->outcome].count, 1);
    answer_placed(s, job, r);
    match_job_end(s, job);
}

void
match_placed(struct match_step *s)
{
    const Lifecircle__V1__PlaceReply *reply = s->ev->envelope->place_reply;

    for (size_t i = 0; i < reply->n_results; i++)
        one_result(s, reply->results[i]);
}
