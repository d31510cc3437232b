/* Who owns the city. */
#include "router/core.h"

static void
take(struct router *r, int64_t ttl_ms)
{
    struct slice argv[] = {SLICE_LIT("FCALL"),       SLICE_LIT("lease_take"), SLICE_LIT("1"),
                           slice_str(key_of(r, "")), text_of(r, r->now_ms),   slice_str(r->owner),
                           text_of(r, ttl_ms)};
    r->lease_asked_ms = r->now_ms;
    outbox_redis(r->out, router_tag(r, CALL_LEASE, 0), argv, sizeof argv / sizeof *argv);
}

void
lease_ask(struct router *r)
{
    if (!r->redis_up || r->stopping ||
        (r->lease_asked_ms != 0 && r->now_ms - r->lease_asked_ms < ANSWER_MS))
        return;
    take(r, LEASE_TTL_MS);
}

void
lease_release(struct router *r)
{
    if (r->stopping)
        return;
    r->stopping = true;
    if (r->epoch != 0)
        take(r, 1); /* the next router need not wait */
    r->lease_until_ms = r->now_ms;
}

static void
lose(struct router *r)
{
    if (r->epoch == 0)
        return;
    r->epoch = 0;
    router_rebuild(r, "lease_lost"); /* without a lease: forget and wait */
}

void
lease_answer(struct router *r, const struct reply *reply)
{
    r->lease_asked_ms = 0;
    if (reply->kind != REPLY_ARRAY || reply->n != 2 || reply->items[0].kind != REPLY_INT ||
        reply->items[1].kind != REPLY_INT)
        return; /* the next tick asks again */
    uint64_t epoch = (uint64_t)reply->items[0].integer;
    if (epoch == 0) {
        lose(r);
        return;
    }
    if (r->stopping)
        return;
    r->lease_until_ms = reply->items[1].integer;
    if (epoch == r->epoch)
        return;
    /* Somebody else may have written since the last epoch was ours. */
    r->epoch = epoch;
    router_rebuild(r, "lease_taken");
}
