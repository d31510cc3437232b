/* engine: takes one item after the other and lets it happen. */
#include "engine.h"

#include "intake/intake.h"
#include "inventory/inventory.h"
#include "matcher/matcher.h"
#include "notifier/notifier.h"
#include "router/router.h"

#include <stdlib.h>

enum { SECOND_PERCENT = 40, AT_ONCE_MAX = 20000 };

static const struct service *const services[NODE_N] = {
    &intake_service,  &matcher_service,   &inventory_service, &router_service,   &notifier_service,
    &matcher_service, &inventory_service, &router_service,    &notifier_service,
};

/* alive: still the same node as when the item was made? */
static bool
alive(const struct sim *s, const struct item *it)
{
    return s->nodes[it->node].stepper != NULL && s->nodes[it->node].life == it->life;
}

static void
on_event(struct sim *s, struct item *it)
{
    struct event ev = {
        .kind = it->event, .ref = it->ref, .bytes = buf_slice(&it->bytes), .status = it->status};

    if (it->event == EVENT_CALLED && it->status == 0)
        ev.bytes = SLICE_LIT("timeout");
    node_feed(s, it->node, &ev);
}

static void
on_wake(struct sim *s, const struct item *it)
{
    struct node *n = &s->nodes[it->node];
    struct event ev = {.kind = EVENT_WAKE};

    if (n->wake_ms != (int64_t)it->ref)
        return; /* an earlier wish came between */
    n->wake_ms = INT64_MAX;
    node_feed(s, it->node, &ev);
}

static void
happen(struct sim *s, struct item *it)
{
    switch (it->kind) {
    case ITEM_EVENT:
        if (alive(s, it))
            on_event(s, it);
        break;
    case ITEM_WAKE:
        if (alive(s, it))
            on_wake(s, it);
        break;
    case ITEM_REDIS_RUN:
        if (it->bytes.n > 0 && (it->orphan || alive(s, it)))
            commands_run(s, it);
        break;
    case ITEM_REDIS_REPLY:
        if (!it->orphan && alive(s, it))
            commands_reply(s, it);
        break;
    case ITEM_REDIS_UP:
        if (alive(s, it))
            commands_up(s, it);
        break;
    case ITEM_BIRTH:
        node_birth(s, it->node);
        break;
    case ITEM_DEATH:
        if (alive(s, it)) {
            node_death(s, it->node);
            queue_push_node(s, it->node, s->now_ms + rng_between(&s->rng, 50, 4000), ITEM_BIRTH);
        }
        break;
    case ITEM_ARRIVAL:
    case ITEM_CALL:
        it->drop = NULL;
        it->call(s, it->arg);
        break;
    }
}

/* waits: must the item wait until its node is no longer frozen? It keeps its number, so that the
 * order of what waits stays as it was. */
static bool
waits(const struct sim *s, const struct item *it)
{
    return it->kind != ITEM_CALL && it->kind != ITEM_REDIS_RUN && it->kind != ITEM_BIRTH &&
           it->kind != ITEM_DEATH && alive(s, it) && s->nodes[it->node].frozen_ms > it->at_ms;
}

/* same_turn: does the next item go to the same node at the same moment? Then one turn takes both,
 * sometimes. */
static bool
same_turn(struct sim *s, const struct item *it)
{
    const struct item *next = s->n_items > 0 ? s->heap[0] : NULL;

    return next != NULL && next->at_ms == s->now_ms && next->kind != ITEM_CALL &&
           next->kind < ITEM_BIRTH && it->kind < ITEM_BIRTH && next->node == it->node &&
           rng_chance(&s->rng, 70);
}

/* watch: time must pass; a core that answers itself for ever would stop it. */
static void
watch(struct sim *s, const struct item *it, unsigned *at_once)
{
    *at_once = s->now_ms == it->at_ms ? *at_once + 1 : 0;
    if (*at_once > AT_ONCE_MAX)
        sim_fail(s, "%s does not come to an end of things to do at once",
                 it->kind == ITEM_CALL ? "the world" : s->nodes[it->node].service->name);
}

void
sim_run(struct sim *s, int64_t until_ms, bool (*done)(struct sim *))
{
    unsigned at_once = 0;

    for (unsigned n = 0; s->n_items > 0 && s->heap[0]->at_ms <= until_ms && s->failures == 0; n++) {
        struct item *it = queue_pop(s);
        watch(s, it, &at_once);
        s->now_ms = it->at_ms;
        if (waits(s, it)) {
            it->at_ms = s->nodes[it->node].frozen_ms;
            queue_put(s, it);
            continue;
        }
        happen(s, it);
        if (!same_turn(s, it))
            for (enum node_id id = 0; id < NODE_N; id++)
                node_end_turn(s, id);
        queue_free(it);
        if (n % 256 == 0 && done(s))
            return;
    }
}

static void
open_nodes(struct sim *s)
{
    for (enum node_id id = 0; id < NODE_N; id++) {
        s->nodes[id].wake_ms = INT64_MAX;
        if (id < NODE_MATCHER_2 || rng_chance(&s->rng, SECOND_PERCENT))
            s->nodes[id].service = breakage_core(s->options.broken, services[id]);
    }
}

bool
sim_open(struct sim *s, const struct options *o)
{
    s->options = *o;
    s->rng.state = o->seed * 0x9e3779b97f4a7c15 + 1;
    s->world_rng.state = o->seed * 0xbf58476d1ce4e5b9 + 2;
    s->start_ms = s->now_ms = 1795366800000; /* 2026-11-22T17:00:00Z */
    s->calm_ms = INT64_MAX;
    s->next_conn = 1;
    open_nodes(s);
    if (!redis_start(s) || !world_open(s))
        return false;
    for (enum node_id id = 0; id < NODE_N; id++)
        if (s->nodes[id].service != NULL)
            node_birth(s, id);
    return s->failures == 0;
}

void
sim_close(struct sim *s)
{
    for (enum node_id id = 0; id < NODE_N; id++) {
        if (s->nodes[id].stepper != NULL)
            stepper_destroy(s->nodes[id].stepper);
        buf_free(&s->nodes[id].recording);
    }
    while (s->past != NULL) {
        struct past_life *p = s->past;
        s->past = p->next;
        buf_free(&p->recording);
        free(p);
    }
    while (s->n_items > 0)
        queue_free(queue_pop(s));
    free(s->heap);
    world_close(s);
    outside_close(s);
    redis_stop(s);
}
