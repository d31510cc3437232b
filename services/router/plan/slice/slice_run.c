/* The search: ruin, recreate, keep what is not too bad; in the end the best plan seen.
 *
 *   result: u32 SLICE_RESULT, u32 routes; routes x (u32 courier, u64 version, u32 stops, stops x
 *           (16 bytes order id, u8 kind)): the routes that differ from the job's */
#include "router/plan/slice/slice_own.h"

#include <stdlib.h>

enum { BLINK = 100 };                 /* one route's best place in so many is overlooked */
enum { SORTS = 4, HEAT_SHARE = 100 }; /* heat at first: this part of what an order costs */

/* ---- neighbours ---- */

struct relation {
    int64_t far;
    uint32_t mover;
};

static int
compare_relations(const void *a, const void *b)
{
    const struct relation *x = a, *y = b;

    if (x->far != y->far)
        return x->far < y->far ? -1 : 1;
    return x->mover < y->mover ? -1 : x->mover > y->mover;
}

static int64_t
way_s(const struct search_slice *s, struct latlng a, struct latlng b)
{
    return s->travel.of->lower_bound_s(s->travel.of, a, b, TRAVEL_BICYCLE);
}

/* By the ways between their places, and a quarter of the time between their promises. */
static void
relate(struct search_slice *s)
{
    struct relation all[SLICE_ORDERS_MAX];

    for (uint32_t i = 0; i < s->n_movers; i++) {
        const struct plan_order *a = &s->movers[i].task->in;
        size_t n = 0;
        for (uint32_t k = 0; k < s->n_movers; k++) {
            const struct plan_order *b = &s->movers[k].task->in;
            if (k == i)
                continue;
            int64_t apart_s = llabs(a->promise_ms - b->promise_ms) / 4000;
            all[n++] = (struct relation){
                way_s(s, a->pickup, b->pickup) + way_s(s, a->dropoff, b->dropoff) + apart_s, k};
        }
        qsort(all, n, sizeof *all, compare_relations);
        s->movers[i].n_near = n < SLICE_NEAR ? n : SLICE_NEAR;
        for (size_t k = 0; k < s->movers[i].n_near; k++)
            s->movers[i].near[k] = all[k].mover;
    }
}

/* ---- one iteration ---- */

static int64_t
sort_key(const struct search_slice *s, uint32_t mover, unsigned sort, uint64_t chance)
{
    const struct plan_order *o = &s->movers[mover].task->in;

    switch (sort) {
    case 0:
        return o->promise_ms;
    case 1:
        return -way_s(s, o->pickup, o->dropoff);
    case 2:
        return o->ready_ms;
    default:
        return (int64_t)(chance >> 1);
    }
}

/* In which sequence they go back. */
static void
sort_out(struct search_slice *s)
{
    unsigned sort = pd_below(&s->rng, SORTS);
    int64_t key[SLICE_OUT_MAX];

    for (size_t i = 0; i < s->n_out; i++) {
        int64_t mine = sort_key(s, s->out[i].mover, sort, pd_next(&s->rng));
        size_t k = i;
        uint32_t mover = s->out[i].mover;
        struct runner *was = s->out[i].was;
        for (; k > 0 && mine < key[k - 1]; k--) {
            key[k] = key[k - 1];
            s->out[k] = s->out[k - 1];
        }
        key[k] = mine;
        s->out[k].mover = mover;
        s->out[k].was = was;
    }
}

/* Those of the pool want in as well. */
static void
add_pool(struct search_slice *s)
{
    if (s->plan->pool == 0)
        return;
    for (uint32_t m = 0; m < s->n_movers && s->n_out < SLICE_OUT_MAX; m++) {
        bool listed = s->movers[m].task->runner != NULL;
        for (size_t i = 0; i < s->n_out && !listed; i++)
            listed = s->out[i].mover == m;
        if (listed)
            continue;
        s->out[s->n_out].mover = m;
        s->out[s->n_out++].was = NULL;
    }
}

/* A number for the route's sequence of stops. */
static uint64_t
stops_hash(struct search_slice *s, const struct runner *r)
{
    uint64_t h = (r->slot + 1) * 0xd6e8feb86659fd93u;

    if (s->hashed[r->slot] == r->version && r->version != 0)
        return s->hashes[r->slot];
    for (size_t k = 0; k < r->n; k++) {
        h = (h ^ (2 * (uint64_t)r->stops[k].task->slot + (r->stops[k].kind == PLAN_PICKUP) + 1)) *
            0x9e3779b97f4a7c15u;
        h ^= h >> 29;
    }
    s->hashed[r->slot] = r->version;
    s->hashes[r->slot] = h;
    return h;
}

static struct memo *
memo_of(struct search_slice *s, uint64_t hash, uint32_t mover, uint64_t *key)
{
    uint64_t k = (hash ^ (mover + 1) * 0xa0761d6478bd642fu) * 0xbf58476d1ce4e5b9u;

    *key = (k ^ k >> 31) | 1;
    return &s->memory[k >> 40 & s->memory_mask];
}

struct finding {
    struct search_slice *s;
    struct place *best;
    uint32_t mover;
};

static void
weigh(struct finding *f, const struct place *at)
{
    if (at->runner != NULL && place_cheaper(at, f->best) && pd_below(&f->s->rng, BLINK) != 0)
        *f->best = *at;
}

static void
remember(void *ctx, struct runner *r, enum plan_verdict why, const struct place *at)
{
    struct finding *f = ctx;
    uint64_t key;
    struct memo *m = memo_of(f->s, stops_hash(f->s, r), f->mover, &key);

    (void)why;
    *m = (struct memo){key, *at};
    weigh(f, at);
}

/* The cheapest place of all routes; what one costs on a route is remembered by the route's stops:
 * most are tried again and again. */
static bool
find_place(struct search_slice *s, uint32_t mover, struct place *best)
{
    struct finding f = {s, best, mover};
    struct runner *unknown[SLICE_COURIERS_MAX];
    size_t n = 0;

    *best = (struct place){.runner = NULL};
    for (size_t i = 0; i < s->n_runners; i++) {
        struct runner *r = s->plan->runners[i];
        uint64_t key;
        const struct memo *m = memo_of(s, stops_hash(s, r), mover, &key);
        bool fits = m->best.runner == NULL || (m->best.runner == r && m->best.dropoff <= r->n);
        if (m->key == key && fits)
            weigh(&f, &m->best);
        else
            unknown[n++] = r;
    }
    if (n > 0 && place_each(s->plan, s->movers[mover].task, unknown, n, remember, &f) != LC_OK)
        s->failed = true;
    return !s->failed;
}

/* All back to their cheapest places; false when one that must has none, or none in time. */
static bool
recreate(struct search_slice *s)
{
    for (size_t i = 0; i < s->n_out; i++) {
        const struct mover *m = &s->movers[s->out[i].mover];
        struct place best;
        if (!find_place(s, s->out[i].mover, &best))
            return false;
        if (best.runner == NULL ? m->placed : m->on_time && best.late_ms > 0)
            return false;
        if (best.runner == NULL)
            continue;
        if (!slice_touch(s, best.runner) || best.runner->n + 2 > SLICE_STOPS_MAX ||
            place_apply(s->plan, m->task, &best) != LC_OK)
            return false;
        s->plan->pool--;
    }
    return true;
}

static void
put_back(struct search_slice *s)
{
    for (size_t i = 0; i < s->n_out; i++) {
        struct task *t = s->movers[s->out[i].mover].task;
        s->plan->pool += (s->out[i].was == NULL) - (size_t)(t->runner == NULL);
        t->runner = s->out[i].was;
    }
    for (size_t i = 0; i < s->n_touched; i++) {
        const struct kept *k = &s->before[s->touched[i]];
        struct runner *r = s->plan->runners[s->touched[i]];
        if (k->n > 0)
            memcpy(r->stops, k->stops, k->n * sizeof *k->stops);
        r->n = k->n;
        r->fixed = k->fixed;
        r->arrived_ms = k->arrived_ms;
        r->version = k->version;
        r->stale = false; /* it was computed when it was kept */
        r->computed_ms = s->plan->now_ms;
    }
}

static int64_t
difference(struct search_slice *s)
{
    int64_t more = 0;

    for (size_t i = 0; i < s->n_touched; i++)
        more +=
            route_cost(s->plan, s->plan->runners[s->touched[i]]) - s->before[s->touched[i]].cost;
    return more;
}

/* Where a detour may be shorter than the way, losing a stop can make the others late: nobody's
 * promise may be broken anew, and who is bound may not be later than at first. */
static bool
holds(struct search_slice *s)
{
    for (size_t i = 0; i < s->n_touched; i++) {
        struct runner *r = s->plan->runners[s->touched[i]];
        route_compute(s->plan, r);
        for (size_t k = 0; k < r->n; k++) {
            const struct stop *x = &r->stops[k];
            int64_t late_ms = x->arrive_ms - x->task->in.promise_ms;
            int64_t first_ms = s->late_ms[x->task->slot];
            bool bound = x->task->locked, known = s->leave_ms[x->task->slot] > 0;
            if (x->kind != PLAN_DROPOFF)
                continue;
            if (known && late_ms > 0 && late_ms > first_ms && (bound || first_ms <= 0))
                return false;
            if (x->leave_ms > r->in.shift_end_ms &&
                !(bound && x->leave_ms <= s->leave_ms[x->task->slot]))
                return false;
        }
    }
    return true;
}

static bool
keep_best(struct search_slice *s)
{
    for (size_t i = 0; i < s->n_runners; i++) {
        const struct runner *r = s->plan->runners[i];
        struct kept *k = &s->best[i];
        if (r->n > k->room) {
            struct stop *stops = realloc(k->stops, (r->n + 8) * sizeof *stops);
            if (stops == NULL)
                return false;
            k->stops = stops;
            k->room = r->n + 8;
        }
        if (r->n > 0)
            memcpy(k->stops, r->stops, r->n * sizeof *k->stops);
        k->n = r->n;
    }
    return true;
}

/* ---- all of them ---- */

static void
search(struct search_slice *s)
{
    size_t pool = s->plan->pool, best_pool = pool;
    int64_t cost = plan_cost(s->plan), best = cost;
    int64_t heat = s->n_movers == 0 ? 0 : cost / (int64_t)(s->n_movers + 1) / HEAT_SHARE;

    for (uint32_t i = 0; i < s->iterations && !s->failed; i++) {
        s->iteration++;
        s->n_touched = s->n_out = 0;
        slice_ruin(s);
        add_pool(s);
        sort_out(s);
        bool whole = recreate(s) && holds(s);
        int64_t more = whole ? difference(s) : 0;
        int64_t allowed = (heat * (int64_t)(s->iterations - i) / s->iterations) *
                              s->chances[pd_below(&s->rng, PD_CHANCES)] >>
                          16;
        if (!whole || s->plan->pool > pool || (s->plan->pool == pool && more > allowed)) {
            put_back(s);
            continue;
        }
        cost += more;
        pool = s->plan->pool;
        if (pool > best_pool || (pool == best_pool && cost >= best))
            continue;
        best = cost;
        best_pool = pool;
        s->failed = !keep_best(s);
    }
}

static void
describe_movers(struct search_slice *s)
{
    for (size_t i = 0; i < s->n_movers; i++) {
        struct mover *m = &s->movers[i];
        size_t k;
        m->placed = m->task->runner != NULL;
        if (!m->placed)
            continue;
        route_compute(s->plan, m->task->runner);
        if (route_find(m->task->runner, m->task, PLAN_DROPOFF, &k))
            m->on_time = m->task->runner->stops[k].arrive_ms <= m->task->in.promise_ms;
    }
    for (size_t i = 0; i < s->n_runners; i++) {
        struct runner *r = s->plan->runners[i];
        route_compute(s->plan, r);
        for (size_t k = 0; k < r->n; k++) {
            const struct stop *x = &r->stops[k];
            if (x->kind != PLAN_DROPOFF)
                continue;
            s->late_ms[x->task->slot] = x->arrive_ms - x->task->in.promise_ms;
            s->leave_ms[x->task->slot] = x->leave_ms;
        }
    }
}

/* ---- the answer ---- */

static bool
differs(const struct kept *best, const struct kept *first)
{
    if (best->n != first->n)
        return true;
    for (size_t k = 0; k < best->n; k++)
        if (best->stops[k].task != first->stops[k].task ||
            best->stops[k].kind != first->stops[k].kind)
            return true;
    return false;
}

static void
put_route(const struct search_slice *s, size_t i, struct buf *out)
{
    const struct kept *k = &s->best[i];

    buf_u32(out, s->plan->runners[i]->in.courier);
    buf_u64(out, s->versions[i]);
    buf_u32(out, (uint32_t)k->n);
    for (size_t x = 0; x < k->n; x++) {
        buf_append(out, k->stops[x].task->in.id.b, sizeof k->stops[x].task->in.id.b);
        buf_u8(out, (uint8_t)k->stops[x].kind);
    }
}

static enum lc_err
answer(const struct search_slice *s, const struct kept *first, struct buf *out)
{
    uint32_t n = 0;

    for (size_t i = 0; i < s->n_runners; i++)
        n += differs(&s->best[i], &first[i]);
    buf_u32(out, SLICE_RESULT);
    buf_u32(out, n);
    for (size_t i = 0; i < s->n_runners; i++)
        if (differs(&s->best[i], &first[i]))
            put_route(s, i, out);
    return out->failed ? LC_ENOMEM : LC_OK;
}

static enum lc_err
run(struct search_slice *s, struct buf *out)
{
    struct kept *first = calloc(s->n_runners + 1, sizeof *first);
    enum lc_err err = LC_ENOMEM;

    if (first == NULL || !keep_best(s))
        goto out;
    for (size_t i = 0; i < s->n_runners; i++) { /* the best so far is how it was at first */
        first[i] = s->best[i];
        s->best[i] = (struct kept){.stops = NULL};
    }
    if (!keep_best(s))
        goto out;
    describe_movers(s);
    relate(s);
    pd_fill_chances(s->chances);
    if (s->n_movers > 0)
        search(s);
    err = s->failed ? LC_ENOMEM : answer(s, first, out);
out:
    for (size_t i = 0; first != NULL && i < s->n_runners; i++)
        free(first[i].stops);
    free(first);
    return err;
}

enum lc_err
plan_slice_run(const struct travel *travel, const struct travel *estimate, struct slice job,
               struct buf *out)
{
    struct search_slice s;
    enum lc_err err = slice_read(&s, travel, estimate, job);

    if (err == LC_OK)
        err = run(&s, out);
    slice_close(&s);
    return err;
}
