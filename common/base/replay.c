#include "base/replay.h"

void
replay_head(struct buf *b, const struct service *service)
{
    struct slice name = slice_str(service->name);
    struct slice magic = SLICE_LIT(REPLAY_MAGIC);

    buf_u32(b, (uint32_t)(8 + magic.n + name.n));
    buf_blob(b, magic);
    buf_blob(b, name);
}

static struct slice
head(struct cursor *c)
{
    struct slice first = cursor_blob(c);
    struct cursor in = {first.p, first.n, false};
    struct slice magic = cursor_blob(&in);
    struct slice name = cursor_blob(&in);

    if (c->failed || in.failed || !slice_eq_str(magic, REPLAY_MAGIC))
        return (struct slice){NULL, 0};
    return name;
}

struct slice
replay_service(struct slice recording)
{
    struct cursor c = {recording.p, recording.n, false};

    return head(&c);
}

struct run {
    struct stepper *stepper;
    struct arena
        *arena; /* the event: the stepper's own is empty again when a difference is shown */
    struct buf got;
    struct replay_asks asks;
    struct replay_result *out;
};

static enum lc_err
find_roads(const struct run *r, struct event *ev)
{
    if (ev->kind != EVENT_ROADS || ev->bytes.n == 0)
        return LC_OK;
    if (ev->ref <= UINT32_MAX && r->asks.roads != NULL)
        ev->travel = r->asks.roads(r->asks.ctx, (uint32_t)ev->ref, ev->bytes);
    return ev->travel == NULL ? LC_ENOTFOUND : LC_OK;
}

static enum lc_err
find_addresses(const struct run *r, struct event *ev)
{
    if (ev->kind != EVENT_ADDRESSES || ev->bytes.n == 0)
        return LC_OK;
    if (ev->ref <= UINT32_MAX && r->asks.addresses != NULL)
        ev->addresses = r->asks.addresses(r->asks.ctx, (uint32_t)ev->ref, ev->bytes);
    return ev->addresses == NULL ? LC_ENOTFOUND : LC_OK;
}

static enum lc_err
run_step(struct run *r, struct cursor *c)
{
    struct slice event = cursor_blob(c);
    enum lc_err expected_outcome = (enum lc_err) - (int)cursor_u8(c);
    struct slice expected = cursor_blob(c);
    struct cursor in = {event.p, event.n, false};
    struct event ev;
    enum lc_err err;

    if (c->failed || c->n != 0)
        return LC_EINVAL;
    arena_reset(r->arena);
    err = trace_get_event(&in, r->arena, &ev);
    if (err == LC_OK)
        err = find_roads(r, &ev);
    if (err == LC_OK)
        err = find_addresses(r, &ev);
    if (err != LC_OK)
        return err;

    struct event before = ev;
    struct outbox *o = stepper_outbox(r->stepper);
    size_t from = outbox_count(o);
    enum lc_err got_outcome = stepper_feed(r->stepper, &ev);
    buf_reset(&r->got);
    trace_put_effects(&r->got, o, from);
    if (r->got.failed)
        return LC_ENOMEM;
    r->out->steps++;
    if (got_outcome == expected_outcome && slice_eq(expected, buf_slice(&r->got)))
        return LC_OK;

    r->out->differs = true;
    struct replay_difference d = {r->out->steps, &before,  expected_outcome,
                                  got_outcome,   expected, buf_slice(&r->got)};
    if (r->asks.different != NULL)
        r->asks.different(r->asks.ctx, &d);
    return LC_OK;
}

static enum lc_err
run_records(struct run *r, struct cursor *c)
{
    enum lc_err err = LC_OK;

    while (err == LC_OK && c->n > 0 && !r->out->differs) {
        struct slice record = cursor_blob(c);
        struct cursor in = {record.p, record.n, false};
        if (c->failed) {
            r->out->cut = true;
            return LC_OK;
        }
        switch (cursor_u8(&in)) {
        case REPLAY_STEP:
            err = run_step(r, &in);
            break;
        case REPLAY_FLUSHED:
            stepper_flushed(r->stepper);
            break;
        default:
            err = LC_EINVAL;
        }
    }
    return err;
}

enum lc_err
replay_run(const struct service *service, struct slice recording, const struct replay_asks *asks,
           struct replay_result *out)
{
    enum { EVENT_CAP = 64 * 1024 * 1024 };
    struct cursor c = {recording.p, recording.n, false};
    struct run r = {.asks = *asks, .out = out};
    enum lc_err err = LC_ENOMEM;

    *out = (struct replay_result){0};
    if (!slice_eq_str(head(&c), service->name))
        return LC_EINVAL;
    r.stepper = stepper_new(service);
    r.arena = arena_new(EVENT_CAP);
    if (r.stepper != NULL && r.arena != NULL)
        err = run_records(&r, &c);
    stepper_destroy(r.stepper);
    arena_destroy(r.arena);
    buf_free(&r.got);
    return err;
}
