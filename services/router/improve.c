/* The plan improves without pause, beside the loop: one slice after the other goes out as bytes and
 * comes back as bytes (EFFECT_WORK), and what still holds is taken over. Nothing waits for it, and
 * a replay finds the same bytes. */
#include "router/core.h"

#include "router/plan/slice/slice.h"

enum { REST_MS = 5000, ORDERS_A_SLICE = 16, SLICES_MIN = 4, SLICE_PATIENCE_MS = 30000 };

static uint64_t
next_seed(struct router *r)
{
    uint64_t z = r->slice_seed += 0x9e3779b97f4a7c15U;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9U;
    return z ^ z >> 31;
}

/* Looked at everything since the plan changed last, and found nothing: later, as time passes. */
static bool
resting(struct router *r)
{
    uint64_t changes = plan_changes(r->plan);

    if (changes != r->slice_changes) {
        r->slice_changes = changes;
        r->slice_vain = 0;
    }
    if (r->slice_vain <= HASH_COUNT(r->orders) / ORDERS_A_SLICE + SLICES_MIN)
        return false;
    if (r->now_ms < r->slice_rest_ms)
        return true;
    r->slice_rest_ms = r->now_ms + REST_MS;
    r->slice_vain = 0;
    return false;
}

void
improve_ask(struct router *r)
{
    struct plan_slice_options o = {.couriers = r->set.improve_couriers,
                                   .iterations = r->set.improve_iterations};
    struct buf job = {0};

    if (o.iterations == 0 || resting(r) ||
        (r->slice_asked != 0 && r->now_ms - r->slice_asked_ms < SLICE_PATIENCE_MS))
        return;
    o.seed = next_seed(r);
    r->slice_asked = 0;
    buf_u32(&job, r->set.speedup);
    buf_append(&job, r->pace, sizeof r->pace);
    if (plan_slice_make(r->plan, &o, &job)) {
        r->seq = (r->seq + 1) & UINT32_MAX;
        r->slice_asked = r->seq;
        r->slice_asked_ms = r->now_ms;
        outbox_work(r->out, router_tag(r, CALL_SLICE, r->seq), buf_slice(&job));
    } else {
        r->slice_vain++;
    }
    buf_free(&job);
}

void
improve_answer(struct router *r, const struct event *ev)
{
    struct plan_slice_applied got;
    bool late = ev->ref >> 48 != (r->generation & 0xffff);

    if (late || r->slice_asked == 0 || (ev->ref >> 8 & UINT32_MAX) != r->slice_asked)
        return; /* of a plan that was forgotten, or given up */
    r->slice_asked = 0;
    if (ev->status != 0) {
        outbox_note(r->out, "slice_failed", "reason=%s", lc_strerror((enum lc_err) - ev->status));
        r->slice_vain++;
        return;
    }
    enum lc_err err = plan_slice_apply(r->plan, ev->bytes, &got);
    if (err != LC_OK) {
        outbox_note(r->out, "slice_failed", "reason=%s", lc_strerror(err));
        if (err == LC_ENOMEM)
            router_rebuild(r, "memory");
        return;
    }
    r->tally[T_SLICES]++;
    r->tally[T_SLICE_MOVES] += got.orders;
    r->tally[T_SLICE_REFUSED] += got.refused;
    if (got.orders == 0 && got.gain == 0) {
        r->slice_vain++;
        return;
    }
    r->slice_vain = 0;
    r->slice_changes = plan_changes(r->plan);
    r->look = true;
}
