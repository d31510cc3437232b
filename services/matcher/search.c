#include "matcher/search.h"

#include "matcher/wide.h"

enum { BLOCK = 16 /* stores asked of the travel provider at once */, AHEAD = 4 };

struct hunt {
    const struct match_view *v;
    const struct match_wish *w;
    struct match_found *out;
    size_t keep; /* one more than wanted, to know whether there are more */
    unsigned furthest;
    size_t n_block;
    struct match_verdict block[BLOCK];
    bool lost;  /* the provider had no answer ... */
    bool again; /* ... yet */
};

static void
note_failed(struct hunt *h, const struct match_verdict *one)
{
    unsigned test = match_test_number(one->reason);

    if (h->out->nearest_miss == LIFECIRCLE__V1__REASON__REASON_NONE || test > h->furthest) {
        h->furthest = test;
        h->out->nearest_miss = one->reason;
    }
    if (h->out->n_failed < MATCH_EXPLAINED_MAX)
        h->out->failed[h->out->n_failed++] = *one;
}

static void
note_ranked(struct hunt *h, const struct match_verdict *one)
{
    struct match_found *f = h->out;
    size_t i = f->n;

    while (i > 0 && match_rank(h->w, one, &f->ranked[i - 1]) < 0)
        i--;
    if (i == h->keep)
        return;
    if (f->n < h->keep)
        f->n++;
    memmove(&f->ranked[i + 1], &f->ranked[i], (f->n - 1 - i) * sizeof *f->ranked);
    f->ranked[i] = *one;
}

static void
finish_block(struct hunt *h)
{
    const struct travel *t = h->v->travel;
    struct latlng from[BLOCK], to = h->w->at;
    struct travel_cell cell[BLOCK];
    enum travel_quality quality;
    enum lc_err err;
    enum travel_mode mode = match_wish_mode(h->w, h->v->policy);

    if (h->n_block == 0 || h->lost)
        return;
    for (size_t i = 0; i < h->n_block; i++)
        from[i] = h->v->shops->shop[h->block[i].store].at;
    if (h->w->collection)
        err = t->matrix(t, &to, 1, from, h->n_block, mode, h->v->now_ms, cell, &quality);
    else
        err = t->matrix(t, from, h->n_block, &to, 1, mode, h->v->now_ms, cell, &quality);
    if (err != LC_OK) {
        h->lost = true;
        h->again = err == LC_EAGAIN;
        return;
    }
    h->out->estimate = quality == TRAVEL_ESTIMATE;
    for (size_t i = 0; i < h->n_block; i++) {
        struct match_verdict *one = &h->block[i];
        match_judge_travel(h->v, h->w, cell[i].seconds, quality, one);
        if (one->reason == LIFECIRCLE__V1__REASON__REASON_NONE)
            note_ranked(h, one);
        else
            note_failed(h, one);
    }
    h->n_block = 0;
}

static void
look_at(struct hunt *h, uint32_t store, enum match_cover cover)
{
    struct match_verdict *one = &h->block[h->n_block];

    h->out->considered++;
    match_judge_shop(h->v, h->w, store, cover, one);
    if (one->reason != LIFECIRCLE__V1__REASON__REASON_NONE)
        note_failed(h, one);
    else
        h->n_block++;
}

/* Can no store with this travel bound, nor any behind it, come before the last one kept? */
static bool
beaten(const struct hunt *h, const struct match_list *list, uint32_t bound_s)
{
    const struct match_found *f = h->out;

    if (f->n < h->keep || (h->w->heavy && !list->exact)) /* the bounds are for the usual mode */
        return false;
    const struct match_verdict *last = &f->ranked[f->n - 1];
    if (!h->w->soonest)
        return bound_s > last->travel_s;
    int64_t faster = h->v->policy->prep_speedup < 1 ? 1 : h->v->policy->prep_speedup;
    int64_t soonest_ms = h->v->now_ms + (int64_t)h->v->shops->least_prep_s * 1000 / faster;
    if (!h->w->collection)
        soonest_ms +=
            h->v->policy->handover_ms + (int64_t)bound_s * 1000 + h->v->policy->dropoff_ms;
    if (soonest_ms < h->w->window_start_ms)
        soonest_ms = h->w->window_start_ms;
    return soonest_ms > last->arrival_ms ||
           (soonest_ms == last->arrival_ms && bound_s > last->travel_s);
}

static bool
among(uint32_t store, const uint32_t *tried, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (tried[i] == store)
            return true;
    return false;
}

/* False when stores that the list leaves out may come before the last one kept. */
static bool
walk(struct hunt *h, const struct match_list *list, const uint32_t *tried, size_t n_tried)
{
    size_t enough = h->keep < BLOCK ? h->keep : BLOCK;

    for (size_t i = 0; i < list->n && !h->lost; i++) {
        if (i + AHEAD < list->n) /* a city's stores do not stay in the cache */
            __builtin_prefetch(&h->v->shops->shop[list->store[i + AHEAD]]);
        if (beaten(h, list, list->bound_s[i]))
            break;
        if (n_tried == 0 || !among(list->store[i], tried, n_tried))
            look_at(h, list->store[i], (enum match_cover)list->cover[i]);
        if (h->n_block >= enough) {
            finish_block(h);
            enough = BLOCK / 4; /* few follow once all places are taken */
        }
    }
    finish_block(h);
    return !list->cut || h->lost || beaten(h, list, list->cut_s);
}

static void
one_store(struct hunt *h, const uint32_t *tried, size_t n_tried)
{
    const struct match_shop *shop = match_shop_get(h->v->shops, h->w->store);

    if (shop == NULL || shop->chain != h->w->chain || among(h->w->store, tried, n_tried))
        return;
    look_at(h, h->w->store, MATCH_COVER_ASK);
    finish_block(h);
}

static void
begin(struct hunt *h, const struct match_view *v, const struct match_wish *w, size_t want,
      struct match_found *out)
{
    h->v = v;
    h->w = w;
    h->out = out;
    h->keep = want + 1;
    h->furthest = 0;
    h->n_block = 0;
    h->lost = h->again = false;
    out->waits = out->wide = out->server = false;
    out->server_end = 0;
    out->n = 0;
    out->n_failed = 0;
    out->more = false;
    out->considered = 0;
    out->estimate = true;
    out->travel = v->travel;
    out->nearest_miss = LIFECIRCLE__V1__REASON__REASON_NONE;
}

void
match_search(const struct match_view *v, const struct match_wish *w, const struct match_list *list,
             size_t want, const uint32_t *tried, size_t n_tried, struct match_found *out)
{
    struct hunt h;
    struct match_view by = *v;

    for (;;) {
        begin(&h, &by, w, want, out);
        if (w->store != 0)
            one_store(&h, tried, n_tried);
        else if (list != NULL && !walk(&h, list, tried, n_tried)) {
            struct match_list all;
            if (match_list_wide(v, w, &all)) { /* without memory the list has to do */
                begin(&h, &by, w, want, out);
                out->wide = true;
                walk(&h, &all, tried, n_tried);
            }
        }
        out->waits = h.again;
        if (!h.lost || h.again || by.travel == v->estimate)
            break;
        by.travel = v->estimate;
    }
    if (out->n > want) {
        out->n = want;
        out->more = true;
    }
    if (out->nearest_miss == LIFECIRCLE__V1__REASON__REASON_NONE)
        out->nearest_miss = LIFECIRCLE__V1__REASON__NO_STORE_IN_RANGE;
}
