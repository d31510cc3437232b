/* commands: Redis from the nodes' side. A connection runs its commands in order and answers them in
 * order; when it breaks, the first few of what was on its way have been run, and nobody is told. */
#include "engine.h"

#include <stdlib.h>

enum { WORDS_MAX = 4096, SLOW_MS = 300 };

static const struct reply lost = {.kind = REPLY_LOST};

static int64_t
latency(struct sim *s)
{
    if (s->now_ms < s->calm_ms && rng_chance(&s->rng, s->faults.slow_redis_percent))
        return rng_between(&s->rng, 0, SLOW_MS);
    return rng_between(&s->rng, 0, 1);
}

static int64_t
in_order(int64_t at_ms, int64_t *next_ms)
{
    if (at_ms < *next_ms)
        at_ms = *next_ms;
    return *next_ms = at_ms;
}

/* is_write: of what all depends on; not the claims and leases that come every second. */
static bool
is_write(const struct effect *e)
{
    static const char *const names[] = {"plan_commit",  "order_step",  "order_place",
                                        "order_accept", "stock_apply", "webhook_enqueue"};

    for (size_t i = 0; e->argc > 1 && i < sizeof names / sizeof *names; i++)
        if (slice_eq_str(e->argv[0], "FCALL") && slice_eq_str(e->argv[1], names[i]))
            return true;
    return false;
}

static void
cut_node(struct sim *s, void *arg)
{
    commands_cut(s, (enum node_id)((struct node *)arg - s->nodes));
}

/* worst_moment: a write is on its way for seconds; meanwhile the node connects anew, or another
 * takes its place. */
static void
worst_moment(struct sim *s, enum node_id id, const struct effect *e)
{
    if (s->now_ms >= s->calm_ms || !is_write(e) || !rng_chance(&s->rng, s->faults.worst_percent))
        return;
    commands_stall(s, id, rng_between(&s->rng, 500, 6000));
    if (rng_chance(&s->rng, 70))
        sim_later(s, rng_between(&s->rng, 50, 1500), cut_node, &s->nodes[id]);
}

void
commands_send(struct sim *s, enum node_id id, const struct effect *e)
{
    struct node *n = &s->nodes[id];

    if (!n->redis_up) {
        if (e->ref != 0) /* no connection: the outcome is as unknown as when it breaks */
            queue_push_node(s, id, s->now_ms, ITEM_REDIS_REPLY)->ref = e->ref;
        return;
    }
    worst_moment(s, id, e);
    struct item *it =
        queue_push_node(s, id, in_order(s->now_ms + latency(s), &n->redis_next_ms), ITEM_REDIS_RUN);
    it->ref = e->ref;
    for (size_t i = 0; i < e->argc; i++)
        buf_blob(&it->bytes, e->argv[i]);
}

/* expected_error: what a function refuses by design. */
static bool
expected_error(const char *words)
{
    return strncmp(words, "FENCED", 6) == 0;
}

/* check_epoch: an epoch is one life of one router, for ever: else nothing keeps the one before out.
 */
static void
check_epoch(struct sim *s, const struct item *it, struct slice epoch)
{
    uint64_t who = (uint64_t)it->node << 32 | it->life;
    uint64_t number = 0;

    for (size_t i = 0; i < epoch.n; i++)
        number = 10 * number + (uint64_t)(epoch.p[i] - '0');
    uint64_t *writer = &s->epoch_writer[number % EPOCHS_MAX];
    if (*writer != 0 && *writer != who)
        sim_fail(s, "two routers' lives wrote under epoch %llu", (unsigned long long)number);
    *writer = who;
}

/* check_fence: a router that is not the city's any more writes nothing. */
static void
check_fence(struct sim *s, const struct item *it, const struct slice *argv, size_t argc,
            const redisReply *r)
{
    if (argc < 6 || !slice_eq_str(argv[1], "plan_commit") || r == NULL)
        return;
    redisReply *held = redis_ask(s, "HGET {sim}:lease epoch");
    bool owner = held != NULL && held->type == REDIS_REPLY_STRING &&
                 slice_eq(slice_of(held->str, held->len), argv[5]);
    if (!owner && r->type != REDIS_REPLY_ERROR)
        sim_fail(s, "a router of epoch %.*s wrote under epoch %s", (int)argv[5].n, argv[5].p,
                 held == NULL || held->str == NULL ? "?" : held->str);
    if (owner && r->type != REDIS_REPLY_ERROR)
        check_epoch(s, it, argv[5]);
    if (held != NULL)
        freeReplyObject(held);
}

void
commands_run(struct sim *s, struct item *it)
{
    struct node *n = &s->nodes[it->node];
    struct cursor c = {it->bytes.p, it->bytes.n, false};
    static struct slice argv[WORDS_MAX];
    size_t argc = 0;

    while (c.n > 0 && argc < WORDS_MAX)
        argv[argc++] = cursor_blob(&c);
    if (c.n > 0)
        sim_fail(s, "a command of more than %d words", WORDS_MAX);
    redisReply *r = redis_do(s, argc, argv);
    check_fence(s, it, argv, argc, r);
    if (it->orphan && argc > 0)
        sim_log(s, "%s: an orphan is run: %.*s %.*s", n->service->name, (int)argv[0].n, argv[0].p,
                argc > 1 ? (int)argv[1].n : 0, argc > 1 ? argv[1].p : "");
    if (r != NULL && r->type == REDIS_REPLY_ERROR && !expected_error(r->str))
        sim_fail(s, "%s: %.*s %.*s: %s", n->service->name, (int)argv[0].n, argv[0].p,
                 argc > 1 ? (int)argv[1].n : 0, argc > 1 ? argv[1].p : "", r->str);
    if (r == NULL || it->ref == 0 || it->orphan) {
        if (r != NULL)
            freeReplyObject(r);
        return;
    }
    struct item *reply = queue_push_node(
        s, it->node, in_order(s->now_ms + latency(s), &n->reply_next_ms), ITEM_REDIS_REPLY);
    reply->ref = it->ref;
    reply->reply = r;
}

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

void
commands_reply(struct sim *s, const struct item *it)
{
    if (it->reply == NULL) {
        feed_reply(s, it->node, it->ref, &lost);
        return;
    }
    struct arena *a = arena_new((size_t)64 << 20);
    if (a == NULL)
        abort();
    struct reply reply = convert(a, it->reply);
    feed_reply(s, it->node, it->ref, &reply);
    arena_destroy(a);
}

/* ---- breaking ---- */

static int
by_number(const void *a, const void *b)
{
    const struct item *x = *(struct item *const *)a, *y = *(struct item *const *)b;

    return x->number < y->number ? -1 : 1;
}

/* under_way: the node's commands and answers on this connection, oldest first; *n of them. */
static struct item **
under_way(const struct sim *s, enum node_id id, size_t *n)
{
    const struct node *node = &s->nodes[id];
    struct item **list = calloc(s->n_items + 1, sizeof *list);

    if (list == NULL)
        abort();
    *n = 0;
    for (size_t i = 0; i < s->n_items; i++) {
        struct item *it = s->heap[i];
        if ((it->kind == ITEM_REDIS_RUN || it->kind == ITEM_REDIS_REPLY) && it->node == id &&
            it->life == node->life && it->redis_life == node->redis_life && !it->orphan)
            list[(*n)++] = it;
    }
    qsort(list, *n, sizeof *list, by_number);
    return list;
}

/* drop: commands that were sent and not answered. The first `arrived` that were not run yet will be
 * run all the same; told: the node hears that all are lost. */
static void
drop(struct sim *s, enum node_id id, size_t arrived, bool told)
{
    size_t n;
    struct item **list = under_way(s, id, &n);

    for (size_t i = 0; i < n; i++) {
        list[i]->orphan = true;
        if (list[i]->kind != ITEM_REDIS_RUN)
            continue;
        if (arrived == 0)
            buf_reset(&list[i]->bytes); /* never arrives */
        else
            arrived--;
    }
    /* answers come first: what was sent before them was answered before */
    for (int kind = ITEM_REDIS_REPLY; told && kind >= ITEM_REDIS_RUN; kind--)
        for (size_t i = 0; i < n; i++)
            if ((int)list[i]->kind == kind && list[i]->ref != 0)
                feed_reply(s, id, list[i]->ref, &lost);
    free(list);
}

static size_t
some(struct sim *s)
{
    return rng_chance(&s->rng, 50) ? (size_t)rng_below(&s->rng, 4) : SIZE_MAX;
}

static void
redis_break(struct sim *s, enum node_id id, size_t arrived, int64_t back_ms)
{
    struct node *n = &s->nodes[id];

    if (n->stepper == NULL || !n->redis_up)
        return;
    n->redis_up = false;
    node_end_turn(s, id);
    drop(s, id, arrived, true);
    node_end_turn(s, id);
    n->redis_life++;
    queue_push_node(s, id, back_ms, ITEM_REDIS_UP);
}

void
commands_redis_died(struct sim *s, int64_t back_ms)
{
    for (size_t i = 0; i < s->n_items; i++) /* what orphans had sent dies, too */
        if (s->heap[i]->kind == ITEM_REDIS_RUN && s->heap[i]->orphan)
            buf_reset(&s->heap[i]->bytes);
    for (enum node_id id = 0; id < NODE_N; id++)
        redis_break(s, id, 0, back_ms + rng_between(&s->rng, 0, 50));
}

void
commands_cut(struct sim *s, enum node_id id)
{
    redis_break(s, id, some(s), s->now_ms + rng_between(&s->rng, 1, 500));
}

void
commands_stall(struct sim *s, enum node_id id, int64_t for_ms)
{
    s->nodes[id].redis_next_ms = s->now_ms + for_ms;
}

void
commands_orphan(struct sim *s, enum node_id id)
{
    drop(s, id, some(s), false);
}

/* lost_is_untold: was something asked while the connection was down, and not yet answered? */
static bool
lost_is_untold(const struct sim *s, enum node_id id)
{
    for (size_t i = 0; i < s->n_items; i++) {
        const struct item *it = s->heap[i];
        if (it->kind == ITEM_REDIS_REPLY && it->reply == NULL && !it->orphan && it->node == id &&
            it->life == s->nodes[id].life)
            return true;
    }
    return false;
}

void
commands_up(struct sim *s, const struct item *it)
{
    struct node *n = &s->nodes[it->node];
    struct event ev = {.kind = EVENT_REDIS_UP};

    if (n->redis_up || it->redis_life != n->redis_life)
        return;
    if (s->redis == NULL) { /* still down: try again */
        queue_push_node(s, it->node, s->now_ms + 200, ITEM_REDIS_UP);
        return;
    }
    if (lost_is_untold(s, it->node)) { /* that comes first */
        queue_push_node(s, it->node, s->now_ms, ITEM_REDIS_UP);
        return;
    }
    n->redis_up = true;
    n->redis_next_ms = n->reply_next_ms = s->now_ms;
    node_feed(s, it->node, &ev);
}
