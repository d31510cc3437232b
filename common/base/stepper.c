#include "base/replay.h"
#include "base/wire.h"

#include <stdlib.h>

enum { OUTBOX_CAP = 64 * 1024 * 1024, CITY_MAX = 32 };

struct stepper {
    const struct service *service;
    void *core;
    struct arena *arena;
    struct outbox *outbox;
    int64_t now_ms; /* of the last event */
    uint64_t bad_frames;
    uint64_t failed_steps;
    char city[CITY_MAX];
    void (*record)(void *ctx, struct slice bytes);
    void *record_ctx;
    struct buf step; /* the record being written */
};

struct stepper *
stepper_new(const struct service *service)
{
    struct stepper *s = calloc(1, sizeof *s);

    if (s == NULL)
        return NULL;
    s->service = service;
    s->arena = arena_new(WIRE_ARENA_MAX);
    s->outbox = outbox_new(OUTBOX_CAP);
    s->core = s->arena != NULL && s->outbox != NULL ? service->open() : NULL;
    if (s->core == NULL) {
        stepper_destroy(s);
        return NULL;
    }
    return s;
}

void
stepper_destroy(struct stepper *s)
{
    if (s == NULL)
        return;
    if (s->core != NULL)
        s->service->close(s->core);
    outbox_destroy(s->outbox);
    arena_destroy(s->arena);
    buf_free(&s->step);
    free(s);
}

struct arena *
stepper_arena(struct stepper *s)
{
    return s->arena;
}

static void
remember_city(struct stepper *s, const struct config *config)
{
    struct slice city = config_get(config, "city");
    size_t n = city.n < sizeof s->city ? city.n : sizeof s->city - 1;

    memset(s->city, 0, sizeof s->city);
    if (n > 0)
        memcpy(s->city, city.p, n);
}

/* Envelopes without a city come from chains, which need not know it. */
static bool
of_this_city(const struct stepper *s, const Lifecircle__V1__Envelope *env)
{
    return s->city[0] == '\0' || env->city[0] == '\0' || strcmp(s->city, env->city) == 0;
}

/* Answers and news come from peers we connected to (link 0). Whoever connects to us may only ask: a
 * chain could otherwise answer for the matcher. */
static bool
may_come_from(uint64_t link, const Lifecircle__V1__Envelope *env)
{
    if (link == 0)
        return true;
    switch (env->body_case) {
    case LIFECIRCLE__V1__ENVELOPE__BODY_MATCH_REQUEST:
    case LIFECIRCLE__V1__ENVELOPE__BODY_PLACE_REQUEST:
    case LIFECIRCLE__V1__ENVELOPE__BODY_CHECK_REQUEST:
    case LIFECIRCLE__V1__ENVELOPE__BODY_STOCK_REQUEST:
    case LIFECIRCLE__V1__ENVELOPE__BODY_DISPATCH_REQUEST:
    case LIFECIRCLE__V1__ENVELOPE__BODY_COURIER_REPORT:
    case LIFECIRCLE__V1__ENVELOPE__BODY_COURIER_POSITIONS:
    case LIFECIRCLE__V1__ENVELOPE__BODY_SUBMIT_REQUEST:
        return true;
    case LIFECIRCLE__V1__ENVELOPE__BODY__NOT_SET:
    case LIFECIRCLE__V1__ENVELOPE__BODY_MATCH_REPLY:
    case LIFECIRCLE__V1__ENVELOPE__BODY_PLACE_REPLY:
    case LIFECIRCLE__V1__ENVELOPE__BODY_CHECK_REPLY:
    case LIFECIRCLE__V1__ENVELOPE__BODY_STOCK_REPLY:
    case LIFECIRCLE__V1__ENVELOPE__BODY_ACK:
    case LIFECIRCLE__V1__ENVELOPE__BODY_COURIER_REPLY:
    case LIFECIRCLE__V1__ENVELOPE__BODY_SUBMIT_REPLY:
    case LIFECIRCLE__V1__ENVELOPE__BODY_NEWS:
    case LIFECIRCLE__V1__ENVELOPE__BODY_SUPPLY_FORECAST:
        break;
    default: /* the generated enum has a further member, to make it an int */
        break;
    }
    return false;
}

static enum lc_err
decode(struct stepper *s, struct event *ev)
{
    enum lc_err err = wire_decode(s->arena, ev->bytes, &ev->envelope);

    if (err == LC_OK && !(of_this_city(s, ev->envelope) && may_come_from(ev->ref, ev->envelope)))
        err = LC_EINVAL;
    if (err != LC_OK)
        s->bad_frames++;
    return err;
}

static enum lc_err
step(struct stepper *s, struct event *ev)
{
    struct outbox_mark before = outbox_mark(s->outbox);
    enum lc_err err = s->service->step(s->core, ev, s->outbox);

    if (err == LC_OK && outbox_failed(s->outbox))
        err = LC_ENOMEM;
    if (err != LC_OK) {
        outbox_rewind_to_notes(s->outbox, before);
        s->failed_steps++;
    }
    return err;
}

/* The event goes first, before the step: what it borrows could be anyone's afterwards. */
static size_t
record_event(struct stepper *s, const struct event *ev)
{
    buf_reset(&s->step);
    buf_u32(&s->step, 0); /* length of the record, set at the end */
    buf_u8(&s->step, REPLAY_STEP);
    buf_u32(&s->step, 0);
    size_t start = s->step.n;
    trace_put_event(&s->step, ev);
    return start;
}

static void
set_u32(struct buf *b, size_t at, size_t v)
{
    for (size_t i = 0; i < 4; i++)
        b->p[at + i] = (char)(unsigned char)(v >> (8 * i));
}

static void
record_outcome(struct stepper *s, size_t start, enum lc_err err, size_t from)
{
    struct buf *b = &s->step;
    size_t end = b->n;

    buf_u8(b, (uint8_t) - (int)err);
    buf_u32(b, 0);
    size_t effects = b->n;
    trace_put_effects(b, s->outbox, from);
    if (b->failed) /* the recording has a hole here; replay says so */
        return;
    set_u32(b, start - 4, end - start);
    set_u32(b, effects - 4, b->n - effects);
    set_u32(b, 0, b->n - 4);
    s->record(s->record_ctx, buf_slice(b));
}

enum lc_err
stepper_feed(struct stepper *s, struct event *ev)
{
    enum lc_err err = LC_OK;
    size_t from = outbox_count(s->outbox);
    size_t start = 0;

    if (ev->now_ms < s->now_ms)
        ev->now_ms = s->now_ms;
    s->now_ms = ev->now_ms;
    ev->arena = s->arena;
    if (ev->kind == EVENT_START)
        remember_city(s, ev->config);
    if (s->record != NULL)
        start = record_event(s, ev);
    if (ev->kind == EVENT_MESSAGE)
        err = decode(s, ev);
    if (err == LC_OK)
        err = step(s, ev);
    if (s->record != NULL)
        record_outcome(s, start, err, from);
    arena_reset(s->arena);
    return err;
}

struct outbox *
stepper_outbox(struct stepper *s)
{
    return s->outbox;
}

void
stepper_flushed(struct stepper *s)
{
    static const char flushed[] = {1, 0, 0, 0, REPLAY_FLUSHED};

    if (outbox_count(s->outbox) == 0)
        return;
    outbox_reset(s->outbox);
    if (s->record != NULL)
        s->record(s->record_ctx, slice_of(flushed, sizeof flushed));
}

void *
stepper_core(struct stepper *s)
{
    return s->core;
}

uint64_t
stepper_bad_frames(const struct stepper *s)
{
    return s->bad_frames;
}

uint64_t
stepper_failed_steps(const struct stepper *s)
{
    return s->failed_steps;
}

void
stepper_record(struct stepper *s, void (*record)(void *ctx, struct slice bytes), void *ctx)
{
    s->record = record;
    s->record_ctx = ctx;
}
