/* Calls to Redis: all of ours are idempotent, so a call whose answer was lost is made again until
 * its time is over. */
#include "core.h"

#include <stdlib.h>

static void
emit(const struct call *c, struct outbox *out)
{
    outbox_redis(out, c->tag, c->argv, c->argc);
}

static struct call *
call_new(const struct slice *argv, size_t argc)
{
    size_t total = 0;

    for (size_t i = 0; i < argc; i++)
        total += argv[i].n;
    struct call *c = calloc(1, sizeof *c + argc * sizeof *argv + total);
    if (c == NULL)
        return NULL;
    char *to = (char *)(c->argv + argc);
    c->argc = argc;
    for (size_t i = 0; i < argc; i++) {
        c->argv[i] = slice_of(to, argv[i].n);
        if (argv[i].n > 0)
            memcpy(to, argv[i].p, argv[i].n);
        to += argv[i].n;
    }
    return c;
}

enum lc_err
call_owning(struct intake *in, const struct event *ev, struct outbox *out, const struct slice *argv,
            size_t argc, call_done *done, void *data, void (*release)(void *data))
{
    bool map_failed = false;
    struct call *c = call_new(argv, argc);

    if (c == NULL) {
        release(data);
        return LC_ENOMEM;
    }
    c->tag = TAG_CALL | ++in->call_n;
    c->done = done;
    c->data = data;
    c->release = release;
    c->give_up_ms = ev->now_ms + in->answer_ms;
    HASH_ADD(hh, in->calls, tag, sizeof c->tag, c);
    if (map_failed) {
        free(c);
        release(data);
        return LC_ENOMEM;
    }
    emit(c, out);
    return LC_OK;
}

enum lc_err
call_start(struct intake *in, const struct event *ev, struct outbox *out, const struct slice *argv,
           size_t argc, call_done *done, void *data)
{
    return call_owning(in, ev, out, argv, argc, done, data, free);
}

static void
finish(struct intake *in, struct call *c, const struct event *ev, const struct reply *reply,
       struct outbox *out)
{
    HASH_DELETE(hh, in->calls, c);
    if (c->lost)
        in->calls_lost--;
    c->done(in, c, ev, reply, out);
    c->release(c->data);
    free(c);
}

bool
calls_reply(struct intake *in, const struct event *ev, struct outbox *out)
{
    struct call *c;

    HASH_FIND(hh, in->calls, &ev->ref, sizeof ev->ref, c);
    if (c == NULL)
        return false;
    if (ev->reply->kind == REPLY_ERROR)
        outbox_note(out, "redis_error", "function=%.*s error=%.*s",
                    c->argc > 1 ? (int)c->argv[1].n : 0, c->argc > 1 ? c->argv[1].p : "",
                    ev->reply->str.n < 300 ? (int)ev->reply->str.n : 300, ev->reply->str.p);
    if (ev->reply->kind != REPLY_LOST) {
        finish(in, c, ev, ev->reply, out);
    } else if (ev->now_ms >= c->give_up_ms) {
        finish(in, c, ev, NULL, out);
    } else if (!c->lost) {
        c->lost = true;
        in->calls_lost++;
        if (in->calls_retry_ms == INT64_MAX)
            in->calls_retry_ms = ev->now_ms + RETRY_MS;
    }
    return true;
}

static void
again(struct intake *in, struct outbox *out)
{
    struct call *c, *next;

    in->calls_retry_ms = INT64_MAX;
    if (in->calls_lost == 0)
        return;
    HASH_ITER(hh, in->calls, c, next)
    {
        if (!c->lost)
            continue;
        c->lost = false;
        in->calls_lost--;
        emit(c, out);
    }
}

void
calls_up(struct intake *in, struct outbox *out)
{
    again(in, out);
}

/* Calls stand in the order in which they were begun, so the first is the first to give up. */
void
calls_wake(struct intake *in, const struct event *ev, struct outbox *out)
{
    while (in->calls != NULL && ev->now_ms >= in->calls->give_up_ms)
        finish(in, in->calls, ev, NULL, out);
    if (ev->now_ms >= in->calls_retry_ms)
        again(in, out);
}

int64_t
calls_wake_ms(const struct intake *in)
{
    if (in->calls == NULL)
        return INT64_MAX;
    return in->calls->give_up_ms < in->calls_retry_ms ? in->calls->give_up_ms : in->calls_retry_ms;
}

void
calls_close(struct intake *in)
{
    struct call *c, *next;

    HASH_ITER(hh, in->calls, c, next)
    {
        HASH_DELETE(hh, in->calls, c);
        c->release(c->data);
        free(c);
    }
}
