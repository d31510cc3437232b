/* nodes: the daemons' cores, their lives, and the network between them. */
#include "engine.h"

#include "intake/intake.h"
#include "inventory/inventory.h"
#include "matcher/matcher.h"
#include "notifier/notifier.h"
#include "router/router.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SLOW_MS = 2000, DRAIN_MS = 3000 };

static void
record(void *ctx, struct slice bytes)
{
    struct node *n = ctx;

    buf_append(&n->recording, bytes.p, bytes.n);
}

void
node_feed(struct sim *s, enum node_id id, struct event *ev)
{
    struct node *n = &s->nodes[id];

    ev->now_ms = s->now_ms;
    ev->entropy = rng_next(&s->rng);
    n->in_turn = true;
    s->steps++;
    enum lc_err err = stepper_feed(n->stepper, ev);
    if (err != LC_OK)
        sim_fail(s, "%s: a step failed: %s: %s", n->service->name, event_name(ev->kind),
                 lc_strerror(err));
}

/* ---- the network between nodes ---- */

/* deliver: a frame on its way to a node, with the network's faults. link = who may be answered. */
static void
deliver(struct sim *s, enum node_id to, uint64_t link, struct slice frame)
{
    bool calm = s->now_ms >= s->calm_ms;
    unsigned copies = 1;

    if (s->nodes[to].stepper == NULL)
        return;
    if (!calm && rng_chance(&s->rng, s->faults.lose_percent))
        return;
    if (!calm && rng_chance(&s->rng, s->faults.double_percent))
        copies = 2;
    while (copies-- > 0) {
        int64_t delay_ms = rng_between(&s->rng, 0, 2);
        if (!calm && rng_chance(&s->rng, s->faults.slow_percent))
            delay_ms = rng_between(&s->rng, 1, SLOW_MS);
        struct item *it = queue_push_node(s, to, s->now_ms + delay_ms, ITEM_EVENT);
        it->event = EVENT_MESSAGE;
        it->ref = link;
        buf_append(&it->bytes, frame.p, frame.n);
    }
}

/* A link names the sender and its life: an answer to a dead one is lost, as a ROUTER socket loses
 * it. The lowest byte of a connection from outside is 0. */
static uint64_t
link_to(const struct sim *s, enum node_id id)
{
    return (uint64_t)s->nodes[id].life << 8 | (uint64_t)(id + 1);
}

static enum node_id
role_node(enum role role)
{
    switch (role) {
    case ROLE_MATCHER:
        return NODE_MATCHER;
    case ROLE_INVENTORY:
        return NODE_INVENTORY;
    case ROLE_ROUTER:
        return NODE_ROUTER;
    }
    return NODE_INTAKE;
}

/* second_of: the other of the kind; itself when there is none. */
static enum node_id
second_of(const struct sim *s, enum node_id first)
{
    enum node_id second = (enum node_id)(first + NODE_MATCHER_2 - NODE_MATCHER);

    return first != NODE_INTAKE && s->nodes[second].service != NULL ? second : first;
}

enum node_id
node_of(struct sim *s, enum node_id first)
{
    enum node_id second = second_of(s, first);

    return second != first && rng_chance(&s->rng, 50) ? second : first;
}

/* send: to one of the role; a peer that is known to be dead has no credit. */
static void
send(struct sim *s, enum node_id from, const struct effect *e)
{
    enum node_id to = node_of(s, role_node(e->role));

    if (s->nodes[to].stepper == NULL) {
        enum node_id first = role_node(e->role);
        to = to == first ? second_of(s, first) : first;
    }
    deliver(s, to, link_to(s, from), e->bytes);
}

static void
wish(struct sim *s, enum node_id id, int64_t at_ms)
{
    struct node *n = &s->nodes[id];

    if (at_ms >= n->wake_ms)
        return;
    n->wake_ms = at_ms < s->now_ms ? s->now_ms : at_ms;
    queue_push_node(s, id, n->wake_ms, ITEM_WAKE)->ref = (uint64_t)n->wake_ms;
}

static void
carry_out(struct sim *s, enum node_id id, const struct effect *e)
{
    uint64_t to = e->ref & 0xff;

    switch (e->kind) {
    case EFFECT_SEND:
        send(s, id, e);
        break;
    case EFFECT_ANSWER:
        if (to == 0 || to > NODE_N)
            outside_effect(s, id, e); /* a chain's ZeroMQ socket */
        else if (e->ref == link_to(s, (enum node_id)(to - 1)))
            deliver(s, (enum node_id)(to - 1), 0, e->bytes);
        break;
    case EFFECT_NEWS:
        for (enum node_id other = 0; other < NODE_N; other++)
            if (other != id)
                deliver(s, other, 0, e->bytes);
        break;
    case EFFECT_REDIS:
        commands_send(s, id, e);
        break;
    case EFFECT_WAKE:
        wish(s, id, e->at_ms);
        break;
    case EFFECT_NOTE:
        sim_log(s, "%s.%u: %.*s %.*s", s->nodes[id].service->name, s->nodes[id].life,
                (int)e->name.n, e->name.p, (int)e->bytes.n, e->bytes.p);
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
    case EFFECT_CALL:
        outside_effect(s, id, e);
        break;
    case EFFECT_TRAVEL:
        roads_asked(s, id, e);
        break;
    case EFFECT_WORK:
        work_asked(s, id, e);
        break;
    }
}

static void
flush(struct sim *s, enum node_id id)
{
    struct node *n = &s->nodes[id];
    struct outbox *out = stepper_outbox(n->stepper);
    struct buf trace = {0};

    buf_u64(&trace, (uint64_t)s->now_ms << 8 | id);
    trace_put_effects(&trace, out, 0);
    sim_digest(s, buf_slice(&trace));
    buf_free(&trace);
    for (size_t i = 0; i < outbox_count(out); i++)
        carry_out(s, id, outbox_at(out, i));
    stepper_flushed(n->stepper);
}

void
node_end_turn(struct sim *s, enum node_id id)
{
    struct event ev = {.kind = EVENT_TURN_END};

    if (!s->nodes[id].in_turn || s->nodes[id].stepper == NULL)
        return;
    node_feed(s, id, &ev);
    flush(s, id);
    s->nodes[id].in_turn = false;
}

void
node_called(struct sim *s, enum node_id id, uint32_t life, uint64_t tag, int status,
            int64_t delay_ms)
{
    struct item *it = queue_push_node(s, id, s->now_ms + delay_ms, ITEM_EVENT);

    it->life = life;
    it->event = EVENT_CALLED;
    it->ref = tag;
    it->status = status;
}

/* ---- life and death ---- */

void
node_birth(struct sim *s, enum node_id id)
{
    struct node *n = &s->nodes[id];
    struct event ev = {.kind = EVENT_START};
    struct config config = {s->config, s->n_config};

    n->life++;
    n->stepper = stepper_new(n->service);
    if (n->stepper == NULL)
        abort();
    n->wake_ms = INT64_MAX;
    n->frozen_ms = 0;
    n->redis_up = false;
    replay_head(&n->recording, n->service);
    stepper_record(n->stepper, record, n);
    ev.config = &config;
    sim_log(s, "%s.%u: born", n->service->name, n->life);
    node_feed(s, id, &ev);
    node_end_turn(s, id);
    n->redis_life++;
    queue_push_node(s, id, s->now_ms + rng_between(&s->rng, 0, 5), ITEM_REDIS_UP);
}

void
node_death(struct sim *s, enum node_id id)
{
    struct node *n = &s->nodes[id];
    struct past_life *past = calloc(1, sizeof *past);

    if (past == NULL)
        abort();
    node_check_recording(s, id);
    sim_log(s, "%s.%u: dead", n->service->name, n->life);
    stepper_destroy(n->stepper);
    n->stepper = NULL;
    n->in_turn = false;
    *past = (struct past_life){id, n->life, n->recording, s->past};
    s->past = past;
    n->recording = (struct buf){0};
    commands_orphan(s, id);
    outside_node_died(s, id);
}

void
node_kill(struct sim *s, enum node_id id)
{
    if (s->nodes[id].stepper == NULL)
        return;
    node_death(s, id);
    queue_push_node(s, id, s->now_ms + rng_between(&s->rng, 50, 4000), ITEM_BIRTH);
}

void
node_stop(struct sim *s, enum node_id id)
{
    struct event ev = {.kind = EVENT_STOP};

    if (s->nodes[id].stepper == NULL)
        return;
    sim_log(s, "%s.%u: asked to stop", s->nodes[id].service->name, s->nodes[id].life);
    node_feed(s, id, &ev);
    node_end_turn(s, id);
    queue_push_node(s, id, s->now_ms + rng_between(&s->rng, 10, DRAIN_MS), ITEM_DEATH);
}

void
node_freeze(struct sim *s, enum node_id id, int64_t for_ms)
{
    struct node *n = &s->nodes[id];

    if (n->stepper != NULL)
        n->frozen_ms = s->now_ms + for_ms;
}

/* ---- recordings ---- */

static void
say_difference(void *ctx, const struct replay_difference *d)
{
    sim_fail(ctx, "replay differs at step %llu (%s)", (unsigned long long)d->step,
             event_name(d->event->kind));
}

void
node_check_recording(struct sim *s, enum node_id id)
{
    struct node *n = &s->nodes[id];
    struct replay_result result;

    if (n->recording.failed) {
        sim_fail(s, "%s: no memory for its recording", n->service->name);
        return;
    }
    const struct replay_asks asks = {.different = say_difference, .ctx = s};
    enum lc_err err = replay_run(n->service, buf_slice(&n->recording), &asks, &result);
    if (err != LC_OK)
        sim_fail(s, "replay of %s: %s", n->service->name, lc_strerror(err));
}

static bool
write_one(const struct sim *s, const char *dir, enum node_id id, uint32_t life,
          const struct buf *recording)
{
    char path[512];

    snprintf(path, sizeof path, "%s/%s%s.%u.steps", dir, s->nodes[id].service->name,
             id >= NODE_MATCHER_2 ? "-2" : "", life);
    FILE *f = fopen(path, "w");
    if (f == NULL) {
        perror(path);
        return false;
    }
    bool whole = fwrite(recording->p, 1, recording->n, f) == recording->n;
    return fclose(f) == 0 && whole;
}

bool
nodes_write_recordings(const struct sim *s, const char *dir)
{
    bool written = true;

    if (mkdir(dir, 0777) != 0 && access(dir, W_OK) != 0) {
        perror(dir);
        return false;
    }
    for (const struct past_life *p = s->past; p != NULL; p = p->next)
        written &= write_one(s, dir, p->node, p->life, &p->recording);
    for (enum node_id id = 0; id < NODE_N; id++)
        if (s->nodes[id].stepper != NULL)
            written &= write_one(s, dir, id, s->nodes[id].life, &s->nodes[id].recording);
    return written;
}
