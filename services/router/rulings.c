/* What people decide over the plan's head: pins, bans, holds, frozen routes. The notifier and lcctl
 * write it (dispatch_rule); it is applied when the stream tells of it, and loaded on taking over.
 */
#include "router/core.h"

#include <stdio.h>

enum { RULING_HEAD = 8, UUID_CHARS = 36 };

/* ---- applying ---- */

static void
apply_order(struct router *r, struct slice id, struct slice packed)
{
    struct uuid order;
    struct plan_ruling ruling = {.pinned = 0};
    uint32_t banned[UINT8_MAX];

    if (uuid_parse(id, &order) != LC_OK)
        return;
    if (packed.n >= RULING_HEAD) {
        ruling.pinned = bytes_u32(packed.p);
        ruling.held = packed.p[4] == 1;
        ruling.n_banned = (unsigned char)packed.p[5];
        ruling.banned = banned;
        if (packed.n != RULING_HEAD + 4 * ruling.n_banned) {
            outbox_note(r->out, "router_broken_record", "hash=rulings");
            return;
        }
        for (size_t i = 0; i < ruling.n_banned; i++)
            banned[i] = bytes_u32(packed.p + RULING_HEAD + 4 * i);
    }
    if (plan_rule(r->plan, order, &ruling) != LC_OK)
        router_rebuild(r, "memory");
    r->look = true;
}

static void
apply_courier(struct router *r, uint32_t number, bool frozen)
{
    struct courier *c = frozen ? courier_get(r, number) : courier_find(r, number);

    if (c == NULL)
        return;
    c->frozen = frozen;
    if (c->planned && plan_courier_freeze(r->plan, number, frozen) != LC_OK)
        router_rebuild(r, "plan");
    r->look = true;
}

void
ruling_event(struct router *r, bool of_courier, struct slice value)
{
    if (of_courier && value.n == 5)
        apply_courier(r, bytes_u32(value.p), value.p[4] == 1);
    else if (!of_courier && value.n >= UUID_CHARS)
        apply_order(r, slice_of(value.p, UUID_CHARS),
                    slice_of(value.p + UUID_CHARS, value.n - UUID_CHARS));
}

void
rulings_load(struct router *r, enum call_kind kind, const struct reply *reply)
{
    for (size_t i = 0; i + 1 < reply->n && !r->rebuild; i += 2) {
        uint32_t number;
        if (kind == CALL_RULINGS)
            apply_order(r, reply->items[i].str, reply->items[i + 1].str);
        else if (number_in(reply->items[i].str, &number))
            apply_courier(r, number, true);
    }
}

/* ---- keeping ---- */

/* The words of the history: whose it was, and what it was ruled; who said so stands before it. */
static bool
take_away(struct router *r, struct commit *m, const struct order *o, enum plan_verdict ruled)
{
    struct step *s =
        commit_route(r, m) ? commit_step(r, m, o->id, ACT_UNASSIGN, REASON(OPERATOR)) : NULL;

    if (s == NULL)
        return false;
    snprintf(s->words, sizeof s->words, "router: taken from courier %u: %s", m->courier->number,
             plan_verdict_name(ruled));
    route_drop(&m->route, o->id);
    return true;
}

void
rulings_enforce(struct router *r, struct courier *c)
{
    struct commit *m = NULL;

    if (plan_rulings(r->plan) == 0 || !courier_free_to_act(c))
        return;
    for (size_t k = 0; k < c->route.n; k++) {
        const struct halt *h = &c->route.halts[k];
        const struct order *o = order_find(r, h->order);
        if (h->kind != PLAN_PICKUP || o == NULL || !state_unstarted(o->state))
            continue;
        enum plan_verdict ruled = plan_ruled(r->plan, o->id, c->number);
        if (ruled == PLAN_FITS)
            continue;
        if (m == NULL)
            m = commit_new(r, c);
        if (m == NULL || !take_away(r, m, o, ruled))
            return;
    }
}
