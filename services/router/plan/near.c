/* The cheapest place over all couriers without looking at all of them. Each is bounded twice from
 * below: roughly by a box around where it still goes (near_box), then by the search itself over
 * straight lines instead of ways (near_lines). Least bounds go first, and nobody is looked at who
 * could not beat what has been found: so the place is the one that looking at everybody finds. Whom
 * a bound rules out altogether is not looked at either, and that is the reason that is given.
 *
 * Straight lines need no ways to be symmetric or to keep a triangle: arriving earlier is never
 * dearer, and over a straight line nobody arrives later. */
#include "router/plan/near_own.h"

#include <stdlib.h>

enum { BATCH = 8, FIRST = 6, TRIED = 2 };

static bool
before(const struct bound *x, const struct bound *y)
{
    if (x->late_ms != y->late_ms)
        return x->late_ms < y->late_ms;
    if (x->cost != y->cost)
        return x->cost < y->cost;
    return x->index < y->index; /* couriers are sorted by their numbers */
}

/* Heaps, least first: only the few that are looked at get sorted. */
static void
sift_down(struct bound *heap, size_t n, size_t at)
{
    struct bound x = heap[at];

    for (size_t k = 2 * at + 1; k < n; k = 2 * at + 1) {
        k += k + 1 < n && before(&heap[k + 1], &heap[k]);
        if (!before(&heap[k], &x))
            break;
        heap[at] = heap[k];
        at = k;
    }
    heap[at] = x;
}

static struct bound
pop(struct bound *heap, size_t *n)
{
    struct bound top = heap[0];

    heap[0] = heap[--*n];
    if (*n > 0)
        sift_down(heap, *n, 0);
    return top;
}

static void
push(struct bound *heap, size_t *n, struct bound x)
{
    size_t at = (*n)++;

    for (; at > 0 && before(&x, &heap[(at - 1) / 2]); at = (at - 1) / 2)
        heap[at] = heap[(at - 1) / 2];
    heap[at] = x;
}

static bool
reserve(struct plan *p)
{
    if (p->n_runners <= p->room_bounds)
        return true;
    size_t room = p->room_runners;
    struct bound *bounds = realloc(p->bounds, 2 * room * sizeof *bounds);
    if (bounds == NULL)
        return false;
    p->bounds = bounds;
    p->room_bounds = room;
    return true;
}

struct choice {
    struct place *best;
    enum plan_verdict why;
};

static void
choose(void *ctx, struct runner *r, enum plan_verdict why, const struct place *at)
{
    struct choice *c = ctx;

    (void)r;
    if (at->runner != NULL && place_cheaper(at, c->best))
        *c->best = *at;
    else if (at->runner == NULL && why > c->why)
        c->why = why;
}

/* Nobody from this bound on can be better; one as good might have the lower number. */
static bool
beaten(const struct bound *b, const struct place *best)
{
    if (best->runner == NULL)
        return false;
    return b->late_ms > best->late_ms || (b->late_ms == best->late_ms && b->cost > best->cost);
}

struct heaps {
    struct bound *rough, *fine;
    size_t n_rough, n_fine;
    place_seen *seen; /* is told of those whom a bound rules out */
    void *ctx;
};

static void
rule_out(const struct heaps *h, struct runner *r, enum plan_verdict why)
{
    struct place nowhere = {.runner = NULL};

    h->seen(h->ctx, r, why, &nowhere);
}

/* The rough bounds of all who may take it. *why: of those who may not, the nearest miss. */
static void
bound_all(struct plan *p, const struct task *t, const struct near_query *q, struct heaps *h,
          enum plan_verdict *why)
{
    for (size_t i = 0; i < p->n_runners; i++) {
        enum plan_verdict v = place_judge(p, t, p->runners[i]);
        if (v > *why)
            *why = v;
        if (v != PLAN_FITS)
            continue;
        struct bound b = near_box(q, p->runners[i]);
        b.index = (uint32_t)i;
        if (b.miss == PLAN_FITS)
            h->rough[h->n_rough++] = b;
        else
            rule_out(h, p->runners[i], b.miss);
    }
}

static void
refine(struct near_query *q, struct heaps *h, const struct bound *rough, const struct place *best)
{
    struct bound fine = near_lines(q, rough->index, best);

    if (fine.miss != PLAN_FITS)
        rule_out(h, q->p->runners[rough->index], fine.miss);
    else
        push(h->fine, &h->n_fine, before(rough, &fine) ? fine : *rough);
}

/* Those with the least rough bounds get their fine ones first: somebody good is among them. */
static void
take_least(struct near_query *q, struct heaps *h)
{
    size_t least[FIRST], n = 0;

    for (size_t i = 0; i < h->n_rough; i++) {
        size_t k = n;
        if (n == FIRST && !before(&h->rough[i], &h->rough[least[n - 1]]))
            continue;
        if (n == FIRST)
            k = n - 1;
        else
            n++;
        for (; k > 0 && before(&h->rough[i], &h->rough[least[k - 1]]); k--)
            least[k] = least[k - 1];
        least[k] = i;
    }
    for (size_t k = 0; k < n; k++) {
        refine(q, h, &h->rough[least[k]], NULL);
        h->rough[least[k]].index = UINT32_MAX; /* it has gone */
    }
}

/* Whose rough bound cannot beat the best of them goes; the others become a heap. */
static void
sieve(struct heaps *h, const struct place *best)
{
    size_t n = 0;

    for (size_t i = 0; i < h->n_rough; i++)
        if (h->rough[i].index != UINT32_MAX && !beaten(&h->rough[i], best))
            h->rough[n++] = h->rough[i];
    h->n_rough = n;
    for (size_t i = n / 2; i-- > 0;)
        sift_down(h->rough, n, i);
}

/* The next who could be best, once no rough bound is below its fine one; false when there is none.
 */
static bool
next(struct near_query *q, struct heaps *h, const struct place *best, struct bound *out)
{
    while (h->n_rough > 0 && !beaten(&h->rough[0], best) &&
           (h->n_fine == 0 || before(&h->rough[0], &h->fine[0]))) {
        struct bound b = pop(h->rough, &h->n_rough);
        refine(q, h, &b, best);
    }
    if (h->n_fine == 0 || beaten(&h->fine[0], best))
        return false;
    *out = pop(h->fine, &h->n_fine);
    return true;
}

static enum lc_err
search(struct plan *p, struct task *t, struct place *best, enum plan_verdict *why)
{
    struct choice c = {best, PLAN_NO_COURIERS};
    struct heaps h = {
        .rough = p->bounds, .fine = p->bounds + p->room_bounds, .seen = choose, .ctx = &c};
    struct near_query q = near_ask(p, t);
    struct runner *batch[BATCH];
    struct bound b;
    size_t k = 0;

    *best = (struct place){.runner = NULL};
    bound_all(p, t, &q, &h, &c.why);
    take_least(&q, &h);
    for (; k < TRIED && h.n_fine > 0; k++)
        batch[k] = p->runners[pop(h.fine, &h.n_fine).index];
    for (bool first = true; first || k > 0; first = false) {
        enum lc_err err = place_each(p, t, batch, k, choose, &c);
        if (err == LC_OK && q.failed)
            err = LC_ENOMEM;
        if (err != LC_OK)
            return err;
        if (first)
            sieve(&h, best);
        for (k = 0; k < BATCH && next(&q, &h, best, &b); k++)
            batch[k] = p->runners[b.index];
    }
    if (best->runner != NULL)
        c.why = best->late_ms > 0 ? PLAN_LATE : PLAN_FITS;
    best->estimate = p->by != p->travel;
    *why = c.why;
    return LC_OK;
}

enum lc_err
place_best(struct plan *p, struct task *t, struct place *best, enum plan_verdict *why)
{
    if (!reserve(p))
        return LC_ENOMEM;
    place_begin(p, t);
    enum lc_err err = search(p, t, best, why);
    /* perhaps somebody who was at a place off the map can come */
    bool again = err == LC_EIO || (err == LC_OK && best->runner == NULL && p->blind);
    if (again && place_again(p))
        err = search(p, t, best, why);
    p->searched[best->estimate || p->travel == p->estimate]++;
    place_end(p);
    return err;
}

/* ---- the best few ---- */

struct rivals {
    struct place best[PLAN_RIVALS];
    size_t n, enough;
    place_seen *seen;
    void *ctx;
};

static void
rank(void *ctx, struct runner *r, enum plan_verdict why, const struct place *at)
{
    struct rivals *v = ctx;

    v->seen(v->ctx, r, why, at);
    if (at->runner == NULL || (v->n == v->enough && !place_cheaper(at, &v->best[v->n - 1])))
        return;
    size_t k = v->n < v->enough ? v->n++ : v->n - 1;
    for (; k > 0 && place_cheaper(at, &v->best[k - 1]); k--)
        v->best[k] = v->best[k - 1];
    v->best[k] = *at;
}

enum lc_err
place_rivals(struct plan *p, struct task *t, size_t enough, place_seen *seen, void *ctx)
{
    struct place nobody = {.runner = NULL};
    enum plan_verdict why = PLAN_NO_COURIERS;
    struct rivals v = {
        .enough = enough < PLAN_RIVALS ? enough : PLAN_RIVALS, .seen = seen, .ctx = ctx};
    struct runner *batch[PLAN_RIVALS];
    struct bound b;
    size_t k;

    if (!reserve(p))
        return LC_ENOMEM;
    struct heaps h = {
        .rough = p->bounds, .fine = p->bounds + p->room_bounds, .seen = seen, .ctx = ctx};
    struct near_query q = near_ask(p, t);
    bound_all(p, t, &q, &h, &why);
    sieve(&h, &nobody);
    for (const struct place *worst = &nobody;;
         worst = v.n < v.enough ? &nobody : &v.best[v.n - 1]) {
        for (k = 0; k < PLAN_RIVALS && next(&q, &h, worst, &b); k++)
            batch[k] = p->runners[b.index];
        if (k == 0)
            return LC_OK;
        enum lc_err err = place_each(p, t, batch, k, rank, &v);
        if (err == LC_OK && q.failed)
            err = LC_ENOMEM;
        if (err != LC_OK)
            return err;
    }
}
