/* queue: chance, and what is still to happen: a binary heap by (time, number). */
#include "engine.h"

#include "base/id.h"

#include <stdarg.h>
#include <stdlib.h>

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

/* ---- saying ---- */

void
sim_fail(struct sim *s, const char *fmt, ...)
{
    va_list ap;
    enum { WHEN_ROOM = 48 };

    if (s->failures++ > 0)
        return;
    va_start(ap, fmt);
    vsnprintf(s->first_failure, sizeof s->first_failure - WHEN_ROOM, fmt, ap);
    va_end(ap);
    snprintf(s->first_failure + strlen(s->first_failure), WHEN_ROOM, " (at %.3f s)",
             (double)(s->now_ms - s->start_ms) / 1000);
    sim_log(s, "FAILED: %s", s->first_failure);
}

void
sim_log(const struct sim *s, const char *fmt, ...)
{
    va_list ap;

    if (!s->options.verbose)
        return;
    fprintf(stderr, "%10.3f ", (double)(s->now_ms - s->start_ms) / 1000);
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fputc('\n', stderr);
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

/* ---- the heap ---- */

static bool
before(const struct item *a, const struct item *b)
{
    return a->at_ms != b->at_ms ? a->at_ms < b->at_ms : a->number < b->number;
}

void
queue_put(struct sim *s, struct item *it)
{
    if (s->n_items == s->cap_items) {
        s->cap_items = s->cap_items == 0 ? 1024 : s->cap_items * 2;
        s->heap = realloc(s->heap, s->cap_items * sizeof *s->heap);
        if (s->heap == NULL)
            abort(); /* a test without memory has no answer */
    }
    size_t i = s->n_items++;
    while (i > 0 && before(it, s->heap[(i - 1) / 2])) {
        s->heap[i] = s->heap[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    s->heap[i] = it;
}

struct item *
queue_push(struct sim *s, int64_t at_ms, enum item_kind kind)
{
    struct item *it = calloc(1, sizeof *it);

    if (it == NULL)
        abort();
    it->at_ms = at_ms;
    it->number = ++s->number;
    it->kind = kind;
    queue_put(s, it);
    return it;
}

struct item *
queue_push_node(struct sim *s, enum node_id id, int64_t at_ms, enum item_kind kind)
{
    struct item *it = queue_push(s, at_ms, kind);

    it->node = id;
    it->life = s->nodes[id].life;
    it->redis_life = s->nodes[id].redis_life;
    return it;
}

struct item *
queue_pop(struct sim *s)
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

void
queue_free(struct item *it)
{
    if (it->drop != NULL)
        it->drop(it->arg);
    if (it->reply != NULL)
        freeReplyObject(it->reply);
    buf_free(&it->bytes);
    free(it);
}

void
sim_later(struct sim *s, int64_t delay_ms, void (*fn)(struct sim *, void *), void *arg)
{
    struct item *it = queue_push(s, s->now_ms + delay_ms, ITEM_CALL);

    it->call = fn;
    it->arg = arg;
}

void
sim_later_owned(struct sim *s, int64_t delay_ms, void (*fn)(struct sim *, void *), void *arg,
                void (*drop)(void *))
{
    struct item *it = queue_push(s, s->now_ms + delay_ms, ITEM_CALL);

    it->call = fn;
    it->arg = arg;
    it->drop = drop;
}

void
sim_arrive(struct sim *s, enum node_id id, int64_t delay_ms, void (*fn)(struct sim *, void *),
           void *arg, void (*drop)(void *))
{
    struct item *it = queue_push_node(s, id, s->now_ms + delay_ms, ITEM_ARRIVAL);

    it->call = fn;
    it->arg = arg;
    it->drop = drop;
}
