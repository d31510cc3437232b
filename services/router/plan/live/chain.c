/* Chains: an order takes another's place, that one a third's, and so on, until the last goes where
 * it costs little, or where the first was (ejection chains, Glover 1996; cyclic transfers, Thompson
 * and Psaraftis 1993). With one order a trip this is the assignment problem's improving path. */
#include "router/plan/live/live_own.h"

#include <stdlib.h>
#include <string.h>

enum { LONGEST = 6, NARROW = 8 };

/* One way for an order into a trip: beside what is there, or instead of `out`. */
struct arc {
    int64_t cost;
    uint32_t out; /* LIVE_NONE = nobody's */
    uint32_t courier;
};

struct chain {
    int64_t change;          /* of the plan's cost */
    uint32_t order[LONGEST]; /* each takes the next one's place */
    size_t n;
    uint32_t courier; /* where the last goes; LIVE_NONE: where the first was */
};

/* The cheapest way found for an order to be the one without a place, so many links from the first.
 */
struct link {
    int64_t cost;
    uint32_t from; /* open index of the one that took its place */
};

struct chains {
    struct live *l;
    struct arc *arcs;    /* NARROW and one for each open order, cheapest first; the last: beside */
    int64_t *gain;       /* by open index: what its leaving changes */
    struct link *links;  /* [link][open index] */
    int64_t *reached;    /* the cheapest of all links, by open index */
    uint32_t *front;     /* two lists of open indices */
    struct chain *found; /* one for each first order at most */
    size_t n_found;
};

static void
offer(struct chains *k, uint32_t order, struct arc a)
{
    struct arc *row = k->arcs + (size_t)k->l->tasks[order].open_at * (NARROW + 1);
    size_t i = NARROW - 1;

    if (a.out == LIVE_NONE) {
        if (a.cost < row[NARROW].cost)
            row[NARROW] = a;
        return;
    }
    if (a.cost >= row[i].cost)
        return;
    for (; i > 0 && row[i - 1].cost > a.cost; i--)
        row[i] = row[i - 1];
    row[i] = a;
}

/* What all who might want it would cost in this courier's trip as it is, `base` being the change of
 * its cost that has been made already. */
static void
offer_all(struct chains *k, uint32_t courier, uint32_t out, int64_t base)
{
    struct live *l = k->l;

    for (size_t i = 0; i < l->n_open; i++) {
        uint32_t o = l->open[i];
        const struct task *t = &l->tasks[o];
        if (o == out || t->courier == courier || (t->pin != LIVE_NONE && t->pin != courier))
            continue;
        int64_t limit = k->arcs[i * (NARROW + 1) + (out == LIVE_NONE ? NARROW : NARROW - 1)].cost;
        int64_t arrive = live_arrive(l, &l->riders[courier], t->in.pickup);
        if (arrive >= LIVE_NEVER)
            continue;
        int64_t late = arrive + t->in.pickup_before - t->in.ready;
        if (base + late * l->policy.door * weight(t) >= limit)
            continue;
        const struct seen *s = live_see(l, o, courier);
        if (s->verdict == LIVE_FITS)
            offer(k, o, (struct arc){base + s->cost + l->riders[courier].pay_more, out, courier});
    }
}

static void
build(struct chains *k)
{
    struct live *l = k->l;

    for (size_t i = 0; i < l->n_open; i++) {
        const struct task *t = &l->tasks[l->open[i]];
        int64_t price = l->policy.unassigned * weight(t);
        k->gain[i] = t->state == LIVE_POOL ? -price : 0;
        for (size_t n = 0; n <= NARROW; n++)
            k->arcs[i * (NARROW + 1) + n] = (struct arc){price, LIVE_NONE, LIVE_NONE};
    }
    for (uint32_t c = 0; c < l->n_riders; c++) {
        struct rider *r = &l->riders[c];
        if (!r->used || r->frozen || r->in.last_pickup < l->now ||
            r->pose[r->bundles].t >= LIVE_NEVER)
            continue;
        offer_all(k, c, LIVE_NONE, 0);
        struct trip trip = r->trip;
        int64_t was = live_trip_cost(l, r);
        for (uint32_t i = 0; i < trip.n; i++) {
            live_trip_remove(&r->trip, i);
            live_refresh(l, r);
            int64_t base = live_trip_cost(l, r) - was;
            if (base < LIVE_NEVER / 2) { /* else there is no way without it */
                k->gain[l->tasks[trip.order[i]].open_at] = base;
                offer_all(k, c, trip.order[i], base);
            }
            r->trip = trip;
        }
        if (trip.n > 0)
            live_refresh(l, r);
    }
}

/* The couriers on the way to this link already are another's place. */
static bool
visited(const struct chains *k, size_t link, uint32_t at, uint32_t courier)
{
    const struct live *l = k->l;

    for (;;) {
        if (l->tasks[l->open[at]].courier == courier)
            return true;
        if (link == 0)
            return false;
        at = k->links[link-- * l->n_open + at].from;
    }
}

static void
note(const struct chains *k, struct chain *best, int64_t change, size_t link, uint32_t at,
     uint32_t courier)
{
    if (change >= best->change)
        return;
    best->change = change;
    best->courier = courier;
    best->n = link + 1;
    for (;; at = k->links[link-- * k->l->n_open + at].from) {
        best->order[link] = k->l->open[at];
        if (link == 0)
            return;
    }
}

/* All that one order without a place can do; those who lose theirs to it go to the next list. */
static size_t
extend(struct chains *k, struct chain *best, size_t link, uint32_t at, uint32_t first,
       uint32_t *next, size_t n)
{
    const struct live *l = k->l;
    const struct arc *row = k->arcs + (size_t)at * (NARROW + 1);
    int64_t cost = k->links[link * l->n_open + at].cost, saved = k->gain[first];

    if (cost + saved + row[NARROW].cost < best->change && row[NARROW].courier != LIVE_NONE &&
        !visited(k, link, at, row[NARROW].courier))
        note(k, best, cost + saved + row[NARROW].cost, link, at, row[NARROW].courier);
    for (size_t i = 0; i < NARROW && row[i].out != LIVE_NONE; i++) {
        int64_t then = cost + row[i].cost;
        uint32_t out = l->tasks[row[i].out].open_at;
        if (then + saved >= 0)
            break;
        if (out == first) {
            note(k, best, then, link, at, LIVE_NONE);
            continue;
        }
        if (link + 1 == LONGEST || then >= k->reached[out] || visited(k, link, at, row[i].courier))
            continue;
        struct link *there = &k->links[(link + 1) * l->n_open + out];
        if (there->cost == LIVE_NEVER)
            next[n++] = out;
        *there = (struct link){then, at};
        k->reached[out] = then;
    }
    return n;
}

static void
search_from(struct chains *k, uint32_t first)
{
    size_t open = k->l->n_open, n = 1;
    uint32_t *here = k->front, *next = k->front + open;
    struct chain best = {.change = 0};

    for (size_t i = 0; i < open; i++)
        k->reached[i] = LIVE_NEVER;
    for (size_t i = 0; i < LONGEST * open; i++)
        k->links[i].cost = LIVE_NEVER;
    here[0] = first;
    k->links[first].cost = 0;
    for (size_t link = 0; link < LONGEST && n > 0; link++) {
        size_t then = 0;
        for (size_t i = 0; i < n; i++)
            then = extend(k, &best, link, here[i], first, next, then);
        uint32_t *swap = here;
        here = next;
        next = swap;
        n = then;
    }
    if (best.change < 0)
        k->found[k->n_found++] = best;
}

static int
by_change(const void *a, const void *b)
{
    const struct chain *x = a, *y = b;

    if (x->change != y->change)
        return x->change < y->change ? -1 : 1;
    return x->order[0] < y->order[0] ? -1 : x->order[0] > y->order[0];
}

/* Carries out a chain; its places are found again, so that what was reckoned holds. */
static bool
apply(struct chains *k, const struct chain *h, int64_t *change)
{
    struct live *l = k->l;
    uint32_t to[LONGEST];

    *change = 0;
    for (size_t i = 0; i < h->n; i++)
        to[i] = l->tasks[h->order[(i + 1) % h->n]].courier;
    if (h->courier != LIVE_NONE)
        to[h->n - 1] = h->courier;
    for (size_t i = 0; i < h->n; i++)
        if (l->riders[to[i]].chained == l->chained)
            return true; /* another chain has been there */
    uint32_t first = l->tasks[h->order[0]].courier;
    if (first != LIVE_NONE && l->riders[first].chained == l->chained)
        return true;

    live_try(l);
    for (size_t i = 0; i < h->n; i++)
        if (!live_take_out(l, h->order[i]) || !live_save(l, to[i]))
            return false;
    int64_t before = live_tried_cost(l);
    for (size_t i = 0; i < h->n; i++)
        live_take(l, h->order[i]);
    for (size_t i = 0; i < h->n; i++) {
        struct spot at = live_spot_at(l, h->order[i], to[i]);
        if (at.courier != LIVE_NONE)
            live_put(l, h->order[i], &at);
    }
    *change = live_tried_cost(l) - before;
    if (*change >= 0) {
        live_undo(l);
        return true;
    }
    for (size_t i = 0; i < l->n_saved; i++)
        l->riders[l->saved[i].courier].chained = l->chained;
    return true;
}

static void
search_all(struct chains *k)
{
    struct live *l = k->l;

    build(k);
    k->n_found = 0;
    for (uint32_t i = 0; i < l->n_open; i++) {
        const struct task *t = &l->tasks[l->open[i]];
        if (t->state == LIVE_POOL || !l->riders[t->courier].frozen)
            search_from(k, i);
    }
    qsort(k->found, k->n_found, sizeof *k->found, by_change);
}

enum lc_err
live_chains(struct live *l, size_t most, size_t *better)
{
    struct chains k = {.l = l};
    size_t n = l->n_open + 1, before = SIZE_MAX;
    enum lc_err err = LC_OK;

    *better = 0;
    k.arcs = calloc(n * (NARROW + 1), sizeof *k.arcs);
    k.gain = calloc(n, sizeof *k.gain);
    k.links = calloc(n * LONGEST, sizeof *k.links);
    k.reached = calloc(n, sizeof *k.reached);
    k.front = calloc(n * 2, sizeof *k.front);
    k.found = calloc(n, sizeof *k.found);
    if (k.arcs == NULL || k.gain == NULL || k.links == NULL || k.reached == NULL ||
        k.front == NULL || k.found == NULL)
        err = LC_ENOMEM;
    while (err == LC_OK && most-- > 0 && *better != before) {
        before = *better;
        search_all(&k);
        l->chained++;
        for (size_t i = 0; i < k.n_found && err == LC_OK; i++) {
            int64_t change;
            if (!apply(&k, &k.found[i], &change))
                err = LC_ENOMEM;
            else
                *better += change < 0;
        }
    }
    free(k.arcs);
    free(k.gain);
    free(k.links);
    free(k.reached);
    free(k.front);
    free(k.found);
    return err;
}
