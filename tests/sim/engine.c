/* engine: the queue of items, the nodes, the faulty network between them. */
#include "sim.h"

#include "intake/intake.h"
#include "inventory/inventory.h"
#include "matcher/matcher.h"
#include "notifier/notifier.h"
#include "router/router.h"

#include "base/id.h"

#include <hiredis/hiredis.h>
#include <stdarg.h>
#include <stdlib.h>

enum item_kind { ITEM_EVENT = 1, ITEM_WAKE, ITEM_REDIS_RUN, ITEM_REDIS_UP, ITEM_BIRTH, ITEM_CALL };

/* item: something that happens at a time. */
struct item {
    int64_t at_ms;
    uint64_t number;
    enum item_kind kind;
    enum node_id node;
    uint32_t life;       /* of the node; another one does not get it */
    uint32_t redis_life; /* of its connection */
    enum event_kind event;
    uint64_t ref;
    struct buf bytes; /* ITEM_EVENT: frame; reply as a trace; ITEM_REDIS_RUN: argv as blobs */
    void (*call)(struct sim *, void *);
    void *arg;
};

static const struct service *const services[NODE_N] = {
    &intake_service, &matcher_service, &inventory_service, &router_service, &notifier_service,
};

/* ---- chance: splitmix64 (Steele, Lea, Flood 2014) ---- */

uint64_t
rng_next(struct rng *r)
{
    uint64_t z = r->state += 0x9e3779b97f4a7c15;

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
}

uint64_t
rng_below(struct rng *r, uint64_t n)
{
    return n == 0 ? 0 : rng_next(r) % n;
}

int64_t
rng_between(struct rng *r, int64_t low, int64_t high)
{
    return low + (int64_t)rng_below(r, (uint64_t)(high - low + 1));
}

bool
rng_chance(struct rng *r, unsigned percent)
{
    return rng_below(r, 100) < percent;
}

void
sim_fail(struct sim *s, const char *fmt, ...)
{
    va_list ap;

    if (s->failures++ > 0)
        return;
    va_start(ap, fmt);
    vsnprintf(s->first_failure, sizeof s->first_failure, fmt, ap);
    va_end(ap);
}

void
sim_digest(struct sim *s, struct slice bytes)
{
    char both[16];
    uint64_t of = fingerprint64(bytes);

    memcpy(both, &s->digest, 8);
    memcpy(both + 8, &of, 8);
    s->digest = fingerprint64(slice_of(both, 16));
}

/* ---- the queue: a binary heap by (time, number) ---- */

static bool
before(const struct item *a, const struct item *b)
{
    return a->at_ms != b->at_ms ? a->at_ms < b->at_ms : a->number < b->number;
}

static struct item *
push(struct sim *s, int64_t at_ms, enum item_kind kind)
{
    if (s->n_items == s->cap_items) {
        s->cap_items = s->cap_items == 0 ? 1024 : s->cap_items * 2;
        s->heap = realloc(s->heap, s->cap_items * sizeof *s->heap);
    }
    struct item *it = calloc(1, sizeof *it);
    if (s->heap == NULL || it == NULL)
        abort(); /* a test without memory has no answer */
    it->at_ms = at_ms;
    it->number = ++s->number;
    it->kind = kind;
    size_t i = s->n_items++;
    while (i > 0 && before(it, s->heap[(i - 1) / 2])) {
        s->heap[i] = s->heap[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    s->heap[i] = it;
    return it;
}

static struct item *
pop(struct sim *s)
{
    struct item *first = s->heap[0];
    struct item *last = s->heap[--s->n_items];
    size_t i = 0;

    for (size_t child; (child = 2 * i + 1) < s->n_items; i = child) {
        if (child + 1 < s->n_items && before(s->heap[child + 1], s->heap[child]))
            child++;
        if (!before(s->heap[child], last))
            break;
        s->heap[i] = s->heap[child];
    }
    if (s->n_items > 0)
        s->heap[i] = last;
    return first;
}

static void
free_item(struct item *it)
{
    buf_free(&it->bytes);
    free(it);
}

void
sim_later(struct sim *s, int64_t delay_ms, void (*fn)(struct sim *, void *), void *arg)
{
    struct item *it = push(s, s->now_ms + delay_ms, ITEM_CALL);

    it->call = fn;
    it->arg = arg;
}

/* ---- nodes ---- */

static struct item *
push_node(struct sim *s, enum node_id id, int64_t at_ms, enum item_kind kind)
{
    struct item *it = push(s, at_ms, kind);

    it->node = id;
    it->life = s->nodes[id].life;
    it->redis_life = s->nodes[id].redis_life;
    return it;
}

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
    if (err != LC_OK && s->options.verbose)
        fprintf(stderr, "%lld %s: %s: %s\n", (long long)(s->now_ms - s->start_ms), n->service->name,
                event_name(ev->kind), lc_strerror(err));
}

/* alive: still the same node as when the item was made? */
static bool
alive(const struct sim *s, const struct item *it)
{
    return s->nodes[it->node].stepper != NULL && s->nodes[it->node].life == it->life;
}

/* deliver: a frame on its way to a node, with the network's faults. from = who may be answered. */
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
            delay_ms = rng_between(&s->rng, 1, 2000);
        struct item *it = push_node(s, to, s->now_ms + delay_ms, ITEM_EVENT);
        it->event = EVENT_MESSAGE;
        it->ref = link;
        buf_append(&it->bytes, frame.p, frame.n);
    }
}

/* A link names the sender and its life: an answer to a dead one is lost, as a ROUTER socket loses
 * it. */
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

static void
run_redis_later(struct sim *s, enum node_id id, const struct effect *e)
{
    struct node *n = &s->nodes[id];
    int64_t at_ms = s->now_ms + rng_between(&s->rng, 0, 1);

    if (!n->redis_up) {
        if (e->ref != 0) { /* no connection: the outcome is as unknown as when it breaks */
            struct item *it = push_node(s, id, s->now_ms, ITEM_EVENT);
            it->event = EVENT_REDIS;
            it->ref = e->ref;
            buf_u8(&it->bytes, REPLY_LOST);
        }
        return;
    }
    if (at_ms < n->redis_next_ms)
        at_ms = n->redis_next_ms; /* a connection runs its commands in order */
    n->redis_next_ms = at_ms;
    struct item *it = push_node(s, id, at_ms, ITEM_REDIS_RUN);
    it->ref = e->ref;
    for (size_t i = 0; i < e->argc; i++)
        buf_blob(&it->bytes, e->argv[i]);
}

static void
carry_out(struct sim *s, enum node_id id, const struct effect *e)
{
    struct node *n = &s->nodes[id];

    switch (e->kind) {
    case EFFECT_SEND:
        deliver(s, role_node(e->role), link_to(s, id), e->bytes);
        break;
    case EFFECT_ANSWER:
        if ((e->ref & 0xff) == 0 || (e->ref & 0xff) > NODE_N)
            outside_effect(s, id, e); /* a chain's ZeroMQ socket */
        else if (e->ref == link_to(s, (enum node_id)((e->ref & 0xff) - 1)))
            deliver(s, (enum node_id)((e->ref & 0xff) - 1), 0, e->bytes);
        break;
    case EFFECT_NEWS:
        for (enum node_id to = 0; to < NODE_N; to++)
            if (to != id)
                deliver(s, to, 0, e->bytes);
        break;
    case EFFECT_REDIS:
        run_redis_later(s, id, e);
        break;
    case EFFECT_WAKE:
        if (e->at_ms < n->wake_ms) {
            n->wake_ms = e->at_ms < s->now_ms ? s->now_ms : e->at_ms;
            push_node(s, id, n->wake_ms, ITEM_WAKE);
        }
        break;
    case EFFECT_NOTE:
        if (s->options.verbose)
            fprintf(stderr, "%lld %s: %.*s %.*s\n", (long long)(s->now_ms - s->start_ms),
                    n->service->name, (int)e->name.n, e->name.p, (int)e->bytes.n, e->bytes.p);
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
    }
}

static void
flush(struct sim *s, enum node_id id)
{
    struct node *n = &s->nodes[id];
    struct outbox *out = stepper_outbox(n->stepper);
    struct buf trace = {0};

    trace_put_effects(&trace, out, 0);
    sim_digest(s, buf_slice(&trace));
    buf_free(&trace);
    for (size_t i = 0; i < outbox_count(out); i++)
        carry_out(s, id, outbox_at(out, i));
    stepper_flushed(n->stepper);
}

/* end_turn: as the shell does when the loop has handed out everything there was. */
static void
end_turn(struct sim *s, enum node_id id)
{
    struct event ev = {.kind = EVENT_TURN_END};

    if (!s->nodes[id].in_turn || s->nodes[id].stepper == NULL)
        return;
    node_feed(s, id, &ev);
    flush(s, id);
    s->nodes[id].in_turn = false;
}

static void
node_birth(struct sim *s, enum node_id id)
{
    struct node *n = &s->nodes[id];
    struct event ev = {.kind = EVENT_START};
    struct config config = {s->config, s->n_config};

    n->life++;
    n->stepper = stepper_new(n->service);
    n->wake_ms = INT64_MAX;
    n->redis_up = false;
    n->redis_next_ms = 0;
    buf_reset(&n->recording);
    replay_head(&n->recording, n->service);
    stepper_record(n->stepper, record, n);
    ev.config = &config;
    node_feed(s, id, &ev);
    end_turn(s, id);
    n->redis_life++;
    push_node(s, id, s->now_ms + rng_between(&s->rng, 0, 5), ITEM_REDIS_UP);
}

void
node_kill(struct sim *s, enum node_id id)
{
    struct node *n = &s->nodes[id];

    if (n->stepper == NULL)
        return;
    check_recording(s, id);
    stepper_destroy(n->stepper);
    n->stepper = NULL;
    n->in_turn = false;
    outside_node_died(s, id);
    push_node(s, id, s->now_ms + rng_between(&s->rng, 50, 4000), ITEM_BIRTH);
}

/* ---- Redis from a node's side ---- */

static struct reply
convert(struct arena *a, const redisReply *r)
{
    struct reply out = {.kind = REPLY_NIL};

    switch (r->type) {
    case REDIS_REPLY_INTEGER:
        out.kind = REPLY_INT;
        out.integer = r->integer;
        break;
    case REDIS_REPLY_STRING:
    case REDIS_REPLY_STATUS:
        out.kind = REPLY_STRING;
        out.str = slice_of(r->str, r->len);
        break;
    case REDIS_REPLY_ERROR:
        out.kind = REPLY_ERROR;
        out.str = slice_of(r->str, r->len);
        break;
    case REDIS_REPLY_ARRAY: {
        struct reply *items = arena_array(a, r->elements + 1, sizeof *items);
        out.kind = REPLY_ARRAY;
        out.n = items == NULL ? 0 : r->elements;
        for (size_t i = 0; i < out.n; i++)
            items[i] = convert(a, r->element[i]);
        out.items = items;
        break;
    }
    default:
        break;
    }
    return out;
}

static void
feed_reply(struct sim *s, enum node_id id, uint64_t tag, const struct reply *reply)
{
    struct event ev = {.kind = EVENT_REDIS, .ref = tag, .reply = reply};

    node_feed(s, id, &ev);
}

/* redis_run: a command reaches the server; now and then the answer does not reach the node. */
static void
redis_run(struct sim *s, struct item *it)
{
    struct cursor c = {it->bytes.p, it->bytes.n, false};
    struct slice argv[4096];
    size_t argc = 0;
    struct arena *a = arena_new((size_t)64 << 20);
    redisReply *r;

    while (c.n > 0 && argc < 4096)
        argv[argc++] = cursor_blob(&c);
    if (c.n > 0)
        sim_fail(s, "a command of more than 4,096 words");
    r = redis_do(s, argc, argv);
    if (r != NULL && r->type == REDIS_REPLY_ERROR && strncmp(r->str, "FENCED", 6) != 0)
        sim_fail(s, "%s: %.*s %.*s: %s", s->nodes[it->node].service->name, (int)argv[0].n,
                 argv[0].p, argc > 1 ? (int)argv[1].n : 0, argc > 1 ? argv[1].p : "", r->str);
    if (it->ref != 0 && r != NULL && a != NULL) {
        struct reply reply = convert(a, r);
        feed_reply(s, it->node, it->ref, &reply);
    }
    if (r != NULL)
        freeReplyObject(r);
    arena_destroy(a);
}

/* redis_break: a node's connection is gone: what is unanswered is lost, run or not. */
static void
redis_break(struct sim *s, enum node_id id, int64_t back_ms)
{
    struct node *n = &s->nodes[id];
    static const struct reply lost = {.kind = REPLY_LOST};

    if (n->stepper == NULL || !n->redis_up)
        return;
    n->redis_up = false;
    end_turn(s, id);
    for (size_t i = 0; i < s->n_items; i++) {
        struct item *it = s->heap[i];
        if (it->kind != ITEM_REDIS_RUN || it->node != id || it->life != n->life ||
            it->redis_life != n->redis_life)
            continue;
        it->redis_life = 0; /* its answer goes nowhere; half of them are run all the same */
        uint64_t ref = it->ref;
        it->ref = rng_chance(&s->rng, 50) ? UINT64_MAX : 0;
        if (ref != 0)
            feed_reply(s, id, ref, &lost);
    }
    end_turn(s, id);
    n->redis_life++;
    push_node(s, id, back_ms, ITEM_REDIS_UP);
}

void
engine_redis_died(struct sim *s, int64_t back_ms)
{
    for (enum node_id id = 0; id < NODE_N; id++)
        redis_break(s, id, back_ms + rng_between(&s->rng, 0, 50));
}

void
engine_cut_redis(struct sim *s, enum node_id id)
{
    redis_break(s, id, s->now_ms + rng_between(&s->rng, 1, 500));
}

/* ---- items ---- */

static void
on_event(struct sim *s, struct item *it)
{
    static const struct reply lost = {.kind = REPLY_LOST};
    struct event ev = {.kind = it->event, .ref = it->ref, .bytes = buf_slice(&it->bytes)};

    if (it->event == EVENT_REDIS)
        ev.reply = &lost;
    node_feed(s, it->node, &ev);
}

static void
on_redis_run(struct sim *s, struct item *it)
{
    if (it->redis_life == 0) { /* the connection broke: some commands had arrived already */
        if (it->ref == UINT64_MAX) {
            it->ref = 0;
            redis_run(s, it);
        }
    } else if (alive(s, it) && it->redis_life == s->nodes[it->node].redis_life) {
        redis_run(s, it);
    } else if (rng_chance(&s->rng, 50)) { /* a dead node's last words */
        it->ref = 0;
        redis_run(s, it);
    }
}

static void
on_redis_up(struct sim *s, struct item *it)
{
    struct node *n = &s->nodes[it->node];
    struct event ev = {.kind = EVENT_REDIS_UP};

    if (!alive(s, it) || n->redis_up || it->redis_life != n->redis_life)
        return;
    if (s->redis == NULL) { /* still down: try again */
        push_node(s, it->node, s->now_ms + 200, ITEM_REDIS_UP);
        return;
    }
    n->redis_up = true;
    n->redis_next_ms = s->now_ms;
    node_feed(s, it->node, &ev);
}

static void
on_wake(struct sim *s, struct item *it)
{
    struct node *n = &s->nodes[it->node];
    struct event ev = {.kind = EVENT_WAKE};

    if (n->wake_ms != it->at_ms)
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
        on_redis_run(s, it);
        break;
    case ITEM_REDIS_UP:
        on_redis_up(s, it);
        break;
    case ITEM_BIRTH:
        node_birth(s, it->node);
        break;
    case ITEM_CALL:
        it->call(s, it->arg);
        break;
    }
}

/* same_turn: does the next item go to the same node at the same moment? Then one turn takes both,
 * sometimes. */
static bool
same_turn(struct sim *s, const struct item *it)
{
    const struct item *next = s->n_items > 0 ? s->heap[0] : NULL;

    return next != NULL && next->at_ms == s->now_ms && next->kind != ITEM_CALL &&
           next->kind != ITEM_BIRTH && it->kind != ITEM_CALL && it->kind != ITEM_BIRTH &&
           next->node == it->node && rng_chance(&s->rng, 70);
}

void
sim_run(struct sim *s, int64_t until_ms, bool (*done)(struct sim *))
{
    while (s->n_items > 0 && s->heap[0]->at_ms <= until_ms && s->failures == 0) {
        struct item *it = pop(s);
        s->now_ms = it->at_ms;
        happen(s, it);
        if (!same_turn(s, it))
            for (enum node_id id = 0; id < NODE_N; id++)
                end_turn(s, id);
        free_item(it);
        if (done != NULL && s->number % 512 == 0 && done(s))
            return;
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
    if (!redis_start(s))
        return false;
    for (enum node_id id = 0; id < NODE_N; id++) {
        s->nodes[id].service = services[id];
        s->nodes[id].wake_ms = INT64_MAX;
    }
    if (!world_open(s))
        return false;
    for (enum node_id id = 0; id < NODE_N; id++)
        node_birth(s, id);
    return true;
}

void
sim_close(struct sim *s)
{
    for (enum node_id id = 0; id < NODE_N; id++) {
        if (s->nodes[id].stepper != NULL)
            stepper_destroy(s->nodes[id].stepper);
        buf_free(&s->nodes[id].recording);
    }
    while (s->n_items > 0)
        free_item(pop(s));
    free(s->heap);
    world_close(s);
    outside_close(s);
    redis_stop(s);
}
