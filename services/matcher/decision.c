#include "matcher/decision.h"

static void
sort_by_travel(struct match_verdict *v, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        struct match_verdict one = v[i];
        size_t j = i;
        for (; j > 0 && (one.travel_s < v[j - 1].travel_s ||
                         (one.travel_s == v[j - 1].travel_s && one.store < v[j - 1].store));
             j--)
            v[j] = v[j - 1];
        v[j] = one;
    }
}

/* Of one that was not chosen: by the provider that decided, which may not know the place. */
static uint32_t
one_travel_s(const struct travel *t, const struct match_wish *w, struct latlng store,
             enum travel_mode mode)
{
    const struct latlng *from = w->collection ? &w->at : &store;
    const struct latlng *to = w->collection ? &store : &w->at;
    struct travel_cell cell;
    enum travel_quality quality;

    if (t->matrix(t, from, 1, to, 1, mode, 0, &cell, &quality) != LC_OK)
        return TRAVEL_UNREACHABLE;
    return cell.seconds;
}

/* The failed ones were mostly refused before anybody asked for the way. */
static void
fill_travel(const struct match_view *v, const struct match_wish *w, struct match_found *f, size_t n)
{
    struct latlng from[MATCH_EXPLAINED_MAX];
    struct travel_cell cell[MATCH_EXPLAINED_MAX];
    enum travel_quality quality;
    const struct travel *t = f->travel;

    for (size_t i = 0; i < n; i++) {
        struct match_verdict *one = &f->failed[i];
        from[i] = v->shops->shop[one->store].at;
        if (one->reason == LIFECIRCLE__V1__REASON__OUT_OF_ZONE)
            one->missed_by = match_outside_m(v, w, one->store);
    }
    if (n == 0)
        return;
    enum travel_mode mode = match_wish_mode(w, v->policy);
    enum lc_err err = w->collection
                          ? t->matrix(t, &w->at, 1, from, n, mode, v->now_ms, cell, &quality)
                          : t->matrix(t, from, n, &w->at, 1, mode, v->now_ms, cell, &quality);
    for (size_t i = 0; i < n; i++)
        f->failed[i].travel_s = err == LC_OK ? cell[i].seconds : one_travel_s(t, w, from[i], mode);
    sort_by_travel(f->failed, n);
}

static void
write_candidate(Lifecircle__V1__Candidate *c, const struct match_wish *w,
                const struct match_verdict *one)
{
    bool times = one->reason == LIFECIRCLE__V1__REASON__REASON_NONE ||
                 one->reason == LIFECIRCLE__V1__REASON__TOO_LATE;

    lifecircle__v1__candidate__init(c);
    c->store = one->store;
    c->travel_s = one->travel_s;
    c->verdict = one->reason;
    c->missed_by = one->missed_by;
    if (!times) /* the record is written with every order: what the first failed test did not need
                   is left out */
        return;
    c->ready_ms = one->ready_ms;
    c->courier_ms = one->courier_ms;
    c->arrival_ms = one->arrival_ms;
    if (one->arrival_ms != 0)
        c->margin_ms = w->window_end_ms - one->arrival_ms;
}

struct slice
match_decision_pack(const struct match_view *v, const struct match_wish *w, struct match_found *f,
                    uint32_t attempt, struct arena *a)
{
    Lifecircle__V1__DecisionRecord r = LIFECIRCLE__V1__DECISION_RECORD__INIT;
    Lifecircle__V1__Candidate one[MATCH_RANKED_MAX];
    Lifecircle__V1__Candidate *list[MATCH_RANKED_MAX];
    size_t ranked = f->n;
    size_t room = ranked < MATCH_EXPLAINED_MAX ? MATCH_EXPLAINED_MAX - ranked : 0;
    size_t failed = f->n_failed < room ? f->n_failed : room;

    fill_travel(v, w, f, failed);
    for (size_t i = 0; i < ranked + failed; i++) {
        write_candidate(&one[i], w, i < ranked ? &f->ranked[i] : &f->failed[i - ranked]);
        list[i] = &one[i];
    }
    r.decided_ms = v->now_ms;
    r.estimate = f->estimate;
    r.ranking = w->soonest ? LIFECIRCLE__V1__RANKING__SOONEST : LIFECIRCLE__V1__RANKING__NEAREST;
    r.window_start_ms = w->window_start_ms;
    r.window_end_ms = w->window_end_ms;
    r.n_candidates = ranked + failed;
    r.candidates = list;
    r.stores_considered = f->considered;
    r.attempt = attempt;
    r.server = f->server;
    r.server_end = (uint32_t)f->server_end;
    char *p = arena_alloc(a, lifecircle__v1__decision_record__get_packed_size(&r));
    if (p == NULL)
        return slice_of(NULL, 0);
    return slice_of(p, lifecircle__v1__decision_record__pack(&r, (uint8_t *)p));
}
