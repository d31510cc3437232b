#include "io/service_own.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

enum { FAILED_WAKE_MS = 100 };

static const int64_t turn_bucket_us[TURN_BUCKETS] = {100,  250,   500,   1000,   2500,
                                                     5000, 10000, 50000, 100000, 1000000};

int64_t
shell_turn_bucket_us(size_t i)
{
    return turn_bucket_us[i];
}

/* ---- events ---- */

enum lc_err
shell_feed(struct shell *s, struct event *ev)
{
    if (!s->fed) {
        s->fed = true;
        s->turn_us = redis_clock_us();
    }
    ev->now_ms = loop_now_ms(s->loop);
    ev->entropy = loop_entropy(s->loop);
    s->steps++;
    enum lc_err err = stepper_feed(s->stepper, ev);
    if (err == LC_OK)
        return LC_OK;
    if (stepper_bad_frames(s->stepper) > s->bad_frames)
        log_line(LOG_WARN, "bad_frame", "link=%llu bytes=%zu reason=%s",
                 (unsigned long long)ev->ref, ev->bytes.n, lc_strerror(err));
    else
        log_line(LOG_ERROR, "step_failed", "kind=%s ref=%llu reason=%s", event_name(ev->kind),
                 (unsigned long long)ev->ref, lc_strerror(err));
    s->bad_frames = stepper_bad_frames(s->stepper);
    return err;
}

void
shell_on_frame(void *ctx, uint64_t link, struct slice bytes)
{
    struct event ev = {.kind = EVENT_MESSAGE, .ref = link, .bytes = bytes};

    /* counted and logged: the due row brings back what a bad frame or a failed step leaves undone
     */
    (void)shell_feed(ctx, &ev);
}

void
shell_on_reply(void *ctx, uint64_t tag, const struct reply *reply)
{
    struct event ev = {.kind = EVENT_REDIS, .ref = tag, .reply = reply};

    (void)shell_feed(ctx, &ev);
}

void
shell_on_redis_up(void *ctx)
{
    struct event ev = {.kind = EVENT_REDIS_UP};

    (void)shell_feed(ctx, &ev);
}

static void
set_wake(struct shell *s)
{
    if (s->wake_ms == INT64_MAX)
        loop_timer_stop(s->wake);
    else
        loop_timer_set(s->wake, s->wake_ms - loop_now_ms(s->loop));
}

void
shell_on_wake(void *ctx)
{
    struct shell *s = ctx;
    struct event ev = {.kind = EVENT_WAKE};

    if (loop_now_ms(s->loop) <
        s->wake_ms) { /* time runs slower while a clock that was set back catches up */
        set_wake(s);
        return;
    }
    s->wake_ms = INT64_MAX;
    if (shell_feed(s, &ev) != LC_OK) { /* what it wished for was dropped with the step: try again */
        s->wake_ms = loop_now_ms(s->loop) + FAILED_WAKE_MS;
        set_wake(s);
    }
}

void
shell_on_failed_calls(void *ctx)
{
    struct shell *s = ctx;
    size_t n = s->failed_n;

    for (size_t i = 0; i < n; i++) {
        struct event ev = {
            .kind = EVENT_CALLED, .ref = s->failed_calls[i], .bytes = SLICE_LIT("not_sent")};
        (void)shell_feed(s, &ev);
    }
    s->failed_n -= n;
    if (s->failed_n > 0)
        memmove(s->failed_calls, s->failed_calls + n, s->failed_n * sizeof *s->failed_calls);
}

/* ---- effects ---- */

static void
say_note(const struct effect *e)
{
    if (e->ref == NOTE_ORDER)
        log_order(e->name, e->bytes);
    else
        log_note(e->name, e->bytes);
}

void
shell_say_notes(struct shell *s)
{
    const struct outbox *o = stepper_outbox(s->stepper);

    for (size_t i = 0; i < outbox_count(o); i++)
        if (outbox_at(o, i)->kind == EFFECT_NOTE)
            say_note(outbox_at(o, i));
}

static void
carry_out(struct shell *s, const struct effect *e, int64_t now_ms)
{
    switch (e->kind) {
    case EFFECT_SEND: /* dropped ones are counted by bus; the due row has them */
        (void)bus_send(s->bus, e->role, e->bytes, e->at_ms, now_ms);
        break;
    case EFFECT_ANSWER:
        (void)bus_answer(s->bus, e->ref, e->bytes);
        break;
    case EFFECT_NEWS:
        (void)bus_news(s->bus, e->bytes);
        break;
    case EFFECT_REDIS:
        redis_call(s->redis, e->ref, e->argv, e->argc);
        break;
    case EFFECT_HTTP:
    case EFFECT_HTTP_BEGIN:
    case EFFECT_HTTP_CHUNK:
    case EFFECT_HTTP_DONE:
    case EFFECT_HTTP_PAUSE:
    case EFFECT_HTTP_RESUME:
    case EFFECT_SOCKET_ACCEPT:
    case EFFECT_SOCKET_SEND:
    case EFFECT_SOCKET_CLOSE:
        shell_http_effect(s, e);
        break;
    case EFFECT_CALL:
        shell_call(s, e);
        break;
    case EFFECT_WAKE:
        if (e->at_ms < s->wake_ms) {
            s->wake_ms = e->at_ms;
            set_wake(s);
        }
        break;
    case EFFECT_NOTE:
        say_note(e);
        break;
    case EFFECT_TRAVEL:
        shell_travel(s, e);
        break;
    case EFFECT_WORK:
        shell_work(s, e);
        break;
    }
}

static void
write_record(struct shell *s)
{
    enum lc_err err = LC_ENOMEM;

    if (s->recording == NULL)
        return;
    if (!s->record.failed)
        err = recording_write(s->recording, buf_slice(&s->record), loop_mono_ms());
    if (err != LC_OK) {
        /* a hole would make every later step differ: the recording ends here */
        log_line(err == LC_ENOTFOUND ? LOG_WARN : LOG_ERROR, "record_ended", "reason=%s",
                 err == LC_ENOTFOUND ? "its key was destroyed"
                 : err == LC_ENOMEM  ? "out of memory"
                                     : strerror(errno));
        stepper_record(s->stepper, NULL, NULL);
        recording_free(s->recording);
        s->recording = NULL;
    }
    buf_reset(&s->record);
}

static void
count_turn(struct shell *s)
{
    int64_t us = redis_clock_us() - s->turn_us;
    size_t i = 0;

    while (i < TURN_BUCKETS && us > turn_bucket_us[i])
        i++;
    s->turn_took[i]++;
    s->turn_took_us += (uint64_t)us;
    s->turns++;
}

void
shell_flush(struct shell *s)
{
    struct event end = {.kind = EVENT_TURN_END};

    if (!s->fed)
        return;
    (void)shell_feed(s, &end);
    struct outbox *o = stepper_outbox(s->stepper);
    int64_t now_ms = loop_now_ms(s->loop);
    /* Redis first: it works while the others are sent, which may be thousands of messages */
    for (size_t i = 0; i < outbox_count(o); i++)
        if (outbox_at(o, i)->kind == EFFECT_REDIS)
            carry_out(s, outbox_at(o, i), now_ms);
    redis_flush(s->redis);
    for (size_t i = 0; i < outbox_count(o); i++)
        if (outbox_at(o, i)->kind != EFFECT_REDIS)
            carry_out(s, outbox_at(o, i), now_ms);
    bus_turn_end(s->bus);
    stepper_flushed(s->stepper);
    write_record(s);
    count_turn(s);
    s->fed = false;
}
