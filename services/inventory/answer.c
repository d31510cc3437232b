/* Answers to peers. */
#include "inventory/core.h"

void
asker_init(struct asker *a, const struct event *ev)
{
    const Lifecircle__V1__Envelope *env = ev->envelope;

    *a = (struct asker){.link = ev->ref,
                        .came_ms = ev->now_ms,
                        .deadline_ms = env->deadline_ms > 0 ? env->deadline_ms
                                                            : ev->now_ms + DEADLINE_DEFAULT_MS};
    a->id_n = env->id.len < sizeof a->id ? env->id.len : sizeof a->id;
    if (a->id_n > 0)
        memcpy(a->id, env->id.data, a->id_n);
    size_t n = strlen(env->traceparent);
    if (n < sizeof a->traceparent)
        memcpy(a->traceparent, env->traceparent, n + 1);
}

void
answer(struct inventory *inv, const struct event *ev, struct outbox *out, const struct asker *a,
       Lifecircle__V1__Envelope *env)
{
    struct asker own = *a;
    struct outbox_mark before = outbox_mark(out);
    Lifecircle__V1__Envelope request = LIFECIRCLE__V1__ENVELOPE__INIT, full;

    request.id.data = own.id;
    request.id.len = own.id_n;
    request.traceparent = own.traceparent;
    request.deadline_ms = own.deadline_ms;
    envelope_answer(&full, &inv->mint, ev->now_ms, &request);
    full.body_case = env->body_case;
    full.place_reply = env->place_reply; /* the members of the body share their place */
    outbox_answer(out, own.link, &full);
    if (outbox_failed(out)) {
        outbox_rewind(out, before);
        count(inv, COUNT_ANSWERS_DROPPED, 1);
    }
}

void
ring(struct inventory *inv, const struct event *ev, struct outbox *out,
     Lifecircle__V1__News__Topic topic)
{
    struct outbox_mark before = outbox_mark(out);
    Lifecircle__V1__News news = LIFECIRCLE__V1__NEWS__INIT;
    Lifecircle__V1__Envelope env;

    envelope_init(&env, &inv->mint, ev->now_ms, 0);
    news.topic = topic;
    env.body_case = LIFECIRCLE__V1__ENVELOPE__BODY_NEWS;
    env.news = &news;
    outbox_news(out, &env);
    if (outbox_failed(out))
        outbox_rewind(out, before);
}

void
wake(struct outbox *out, int64_t at_ms)
{
    struct outbox_mark before = outbox_mark(out);

    outbox_wake(out, at_ms);
    if (outbox_failed(out))
        outbox_rewind(out, before);
}

void
function_error(struct inventory *inv, const struct event *ev, struct outbox *out,
               const char *function)
{
    struct outbox_mark before = outbox_mark(out);
    struct slice words =
        ev->reply->kind == REPLY_ERROR ? ev->reply->str : SLICE_LIT("unexpected reply");

    count(inv, COUNT_FUNCTION_ERRORS, 1);
    outbox_note(out, "function_error", "function=%s error=\"%.*s\"", function,
                (int)(words.n < 200 ? words.n : 200), words.p);
    if (outbox_failed(out))
        outbox_rewind(out, before);
}
