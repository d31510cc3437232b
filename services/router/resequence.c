/* A better sequence of what a courier has accepted. The phone shows a route as a whole, so another
 * version of it is all it takes; but it is not to flicker: a few couriers are looked at a tick,
 * nobody's route changes twice within CALM_MS, and only for what customers would notice. The stop
 * that comes next stays: the courier is on the way there, whether that was reported or not. */
#include "router/core.h"

enum { LOOKS_A_TICK = 8, CALM_MS = 180000, STOPS_MIN = 3 };

static bool
settled(const struct router *r, const struct courier *c)
{
    return c->planned && !c->vanished && !c->frozen && c->queue == NULL &&
           c->route.n >= STOPS_MIN && courier_free_to_act(c) && !courier_has_offer(c) &&
           r->now_ms >= c->calm_until_ms;
}

static void
look_at(struct router *r, struct courier *c)
{
    int64_t gain = r->set.resequence_ms * PLAN_COST_DOOR / r->set.speedup;
    bool moved;
    size_t n;

    if (plan_resequence(r->plan, c->number, gain, &moved) != LC_OK) {
        router_rebuild(r, "plan");
        return;
    }
    if (!moved)
        return;
    struct commit *m = commit_new(r, c);
    if (m == NULL)
        return;
    const struct plan_stop *stops = courier_schedule(r, c, &n);
    if (stops == NULL || !route_as_planned(r, m, stops, n))
        return;
    c->calm_until_ms = r->now_ms + CALM_MS / r->set.speedup;
    r->tally[T_RESEQUENCED]++;
    outbox_note(r->out, "route_resequenced", "courier=%u stops=%zu", c->number, m->route.n);
}

void
resequence_tick(struct router *r)
{
    struct courier *c = courier_find(r, r->resequenced);
    size_t all = HASH_COUNT(r->couriers), looks = 0;

    for (size_t i = 0; r->set.resequence_ms > 0 && i < all && looks < LOOKS_A_TICK && !r->rebuild;
         i++) {
        c = c == NULL || c->hh.next == NULL ? r->couriers : c->hh.next;
        r->resequenced = c->number;
        if (!settled(r, c))
            continue;
        look_at(r, c);
        looks++;
    }
}
