#include "matcher/core.h"

#include "matcher/wide.h"

#include <stdlib.h>

/* Quotes and nearby queries: inventory is asked what there is, and nothing is taken. */

enum { SKUS_MAX = 100 }; /* of a CheckRequest item */

/* An order's lines with equal SKUs added up, and the SKUs to ask about: lines first, then
 * substitutes. */
struct want {
    const Lifecircle__V1__Order *order;
    size_t n_lines;
    struct {
        uint32_t sku;
        uint32_t quantity;
        int64_t price_cents; /* -1 = not said */
        const Lifecircle__V1__OrderLine *line;
    } line[SKUS_MAX];
    size_t n_skus;
    uint32_t sku[SKUS_MAX];
};

static size_t
sku_at(const struct want *w, uint32_t sku)
{
    size_t i = 0;

    while (i < w->n_skus && w->sku[i] != sku)
        i++;
    return i;
}

static void
add_line(struct want *w, const Lifecircle__V1__OrderLine *l)
{
    size_t i = 0;

    while (i < w->n_lines && w->line[i].sku != l->sku_index)
        i++;
    if (i == SKUS_MAX)
        return;
    if (i == w->n_lines) {
        w->n_lines++;
        w->line[i].sku = l->sku_index;
        w->line[i].quantity = 0;
        w->line[i].price_cents = l->unit_price_cents;
        w->line[i].line = l;
        w->sku[w->n_skus++] = l->sku_index;
    }
    w->line[i].quantity += l->quantity;
}

static bool
read_want(struct match_step *s, const struct match_job *job, struct want *w)
{
    w->order = match_job_order(s, job);
    w->n_lines = w->n_skus = 0;
    if (w->order == NULL)
        return false;
    for (size_t i = 0; i < w->order->n_lines; i++)
        add_line(w, w->order->lines[i]);
    if (job->shortage != LIFECIRCLE__V1__SHORTAGE__SHORTAGE_SUBSTITUTE)
        return true;
    for (size_t i = 0; i < w->n_lines; i++) {
        const Lifecircle__V1__OrderLine *l = w->line[i].line;
        for (size_t j = 0; j < l->n_substitute_indexes && w->n_skus < SKUS_MAX; j++)
            if (sku_at(w, l->substitute_indexes[j]) == w->n_skus)
                w->sku[w->n_skus++] = l->substitute_indexes[j];
    }
    return true;
}

/* ---- asking ---- */

static uint64_t
tag_of(const struct match_job *job)
{
    uint64_t tag;

    memcpy(&tag, job->key + 8, sizeof tag);
    return tag;
}

static bool
write_item(struct match_step *s, struct match_job *job, const uint32_t *sku, size_t n,
           Lifecircle__V1__CheckRequest__Item *item)
{
    lifecircle__v1__check_request__item__init(item);
    item->tag = tag_of(job);
    item->stores = arena_array(s->ev->arena, job->n_offered, sizeof(uint32_t));
    item->sku_indexes = arena_array(s->ev->arena, n, sizeof(uint32_t));
    if (item->stores == NULL || item->sku_indexes == NULL)
        return false;
    for (size_t i = 0; i < job->n_offered; i++)
        item->stores[item->n_stores++] = job->offered[i].store;
    memcpy(item->sku_indexes, sku, n * sizeof *sku);
    item->n_sku_indexes = n;
    return true;
}

static void
not_quoted(struct match_step *s, struct match_job *job, Lifecircle__V1__Reason reason)
{
    Lifecircle__V1__MatchResult r = LIFECIRCLE__V1__MATCH_RESULT__INIT;
    const Lifecircle__V1__Order *order = match_job_order(s, job);

    if (order != NULL) {
        r.order_id = order->order_id;
        r.outcome = LIFECIRCLE__V1__MATCH_RESULT__OUTCOME__NOT_PLACED;
        r.reason = reason;
        match_answer(s, job, &r);
    }
    match_count(s->m, COUNT_NOT_QUOTED, 1);
    match_job_end(s, job);
}

static bool
ask_quote(struct match_step *s, struct match_job *job, const struct match_list *list,
          Lifecircle__V1__CheckRequest__Item *item)
{
    struct match_found *f = arena_alloc(s->ev->arena, sizeof *f);
    struct want *w = arena_alloc(s->ev->arena, sizeof *w);
    bool more;

    if (f == NULL || w == NULL)
        return false;
    do {
        match_choose(s, job, list, f, &more);
        if (f->waits && match_remote_ask(s, job, list, f))
            return false;
    } while (f->waits);
    match_count(s->m, COUNT_JUDGED, f->considered);
    if (f->n == 0) {
        not_quoted(s, job, f->nearest_miss);
        return false;
    }
    job->final = !more;
    return match_remember_offered(job, f) && read_want(s, job, w) &&
           write_item(s, job, w->sku, w->n_skus, item);
}

/* ---- nearby ---- */

static void
answer_nearby(struct match_step *s, struct match_job *job,
              const Lifecircle__V1__CheckReply__Item *item)
{
    const Lifecircle__V1__NearbyQuery *q =
        wire_unpack(&lifecircle__v1__nearby_query__descriptor, s->ev->arena, job->body);
    Lifecircle__V1__NearbyResult r = LIFECIRCLE__V1__NEARBY_RESULT__INIT;
    Lifecircle__V1__NearbyStore *one = arena_array(s->ev->arena, job->n_offered + 1, sizeof *one);

    r.stores = arena_array(s->ev->arena, job->n_offered + 1, sizeof(void *));
    if (q == NULL || one == NULL || r.stores == NULL)
        return; /* the asker's deadline passes */
    r.tag = q->tag;
    for (size_t i = 0; i < job->n_offered; i++) {
        const struct match_verdict *v = &job->offered[i];
        size_t n = item == NULL ? 0 : q->n_sku_indexes;
        lifecircle__v1__nearby_store__init(&one[i]);
        one[i].store = v->store;
        one[i].travel_s = v->travel_s;
        one[i].distance_m = (uint32_t)geo_distance_m(s->m->shops.shop[v->store].at, job->wish.at);
        one[i].eta_ms = v->arrival_ms;
        one[i].verdict = v->reason;
        one[i].available = arena_array(s->ev->arena, n + 1, sizeof(int32_t));
        one[i].price_cents = arena_array(s->ev->arena, n + 1, sizeof(int64_t));
        if (one[i].available == NULL || one[i].price_cents == NULL)
            return;
        for (size_t k = 0; k < n; k++) {
            one[i].available[one[i].n_available++] = item->available[i * n + k];
            one[i].price_cents[one[i].n_price_cents++] = item->price_cents[i * n + k];
        }
        r.stores[r.n_stores++] = &one[i];
    }
    match_answer_nearby(s, job, &r);
}

/* The verdict of a store for whoever asks from here, by delivery if it delivers, else by
 * collection. False: the provider has no answer. */
static bool
look_at(const struct match_view *v, const struct match_job *job, uint32_t store,
        struct match_verdict *out)
{
    struct match_wish w = job->wish;
    struct match_shop *shop = &v->shops->shop[store];
    struct travel_cell cell = {TRAVEL_UNREACHABLE, TRAVEL_UNREACHABLE};
    enum travel_quality quality = TRAVEL_ESTIMATE;

    w.collection = !shop->delivers && shop->collects;
    match_judge_shop(v, &w, store, MATCH_COVER_ASK, out);
    if (v->travel->matrix(v->travel, &shop->at, 1, &w.at, 1, match_wish_mode(&w, v->policy),
                          v->now_ms, &cell, &quality) != LC_OK)
        return false;
    if (out->reason == LIFECIRCLE__V1__REASON__REASON_NONE)
        match_judge_travel(v, &w, cell.seconds, quality, out);
    out->travel_s = cell.seconds;
    return true;
}

/* The nearest stores of the list, whatever their verdict; all by the estimate when the provider has
 * no answer for one. */
static size_t
nearest(struct match_view *v, const struct match_job *job, const struct match_list *list,
        struct match_verdict *near)
{
    size_t n = 0;

    for (size_t i = 0; i < list->n; i++) {
        struct match_verdict one;
        if (n == job->limit && list->bound_s[i] > near[n - 1].travel_s)
            break;
        if (!look_at(v, job, list->store[i], &one)) {
            if (v->travel == v->estimate) /* the point itself is none */
                return n;
            v->travel = v->estimate;
            return nearest(v, job, list, near);
        }
        size_t at = n;
        while (at > 0 && match_rank(&job->wish, &one, &near[at - 1]) < 0)
            at--;
        if (at == job->limit)
            continue;
        if (n < job->limit)
            n++;
        memmove(&near[at + 1], &near[at], (n - 1 - at) * sizeof *near);
        near[at] = one;
    }
    return n;
}

/* The nearest stores of the chain. False without memory. */
static bool
gather_nearby(struct match_step *s, struct match_job *job, const struct match_list *list)
{
    struct match_view v = match_view_of(s->m, s->ev->now_ms);
    struct match_verdict *near = realloc(job->offered, (job->limit + 1) * sizeof *near);
    struct match_list all;

    if (near == NULL)
        return false;
    job->offered = near;
    job->n_offered = nearest(&v, job, list, near);
    bool sure = job->n_offered == job->limit && list->cut_s > near[job->limit - 1].travel_s;
    if (list->cut && !sure && match_list_wide(&v, &job->wish, &all))
        job->n_offered = nearest(&v, job, &all, near);
    return true;
}

static bool
ask_nearby(struct match_step *s, struct match_job *job, const struct match_list *list,
           Lifecircle__V1__CheckRequest__Item *item)
{
    const Lifecircle__V1__NearbyQuery *q =
        wire_unpack(&lifecircle__v1__nearby_query__descriptor, s->ev->arena, job->body);

    if (q == NULL || !gather_nearby(s, job, list))
        return false;
    if (job->n_offered > 0 && q->n_sku_indexes > 0 && q->n_sku_indexes <= SKUS_MAX)
        return write_item(s, job, q->sku_indexes, q->n_sku_indexes, item);
    answer_nearby(s, job, NULL);
    match_job_end(s, job);
    return false;
}

bool
match_check_item(struct match_step *s, struct match_job *job, const struct match_list *list,
                 Lifecircle__V1__CheckRequest__Item *item)
{
    return job->kind == JOB_QUOTE ? ask_quote(s, job, list, item) : ask_nearby(s, job, list, item);
}

/* ---- the answer to a quote ---- */

/* What one store would give. */
struct give {
    size_t n;
    bool whole;   /* every line */
    bool differs; /* from a price the order said */
    Lifecircle__V1__PlacedLine line[SKUS_MAX];
};

struct shelf {
    const int32_t *available;
    const uint32_t *price_cents;
    int32_t taken[SKUS_MAX];
};

static bool
take(const struct want *w, struct shelf *shelf, uint32_t sku, uint32_t quantity, uint32_t *price)
{
    size_t i = sku_at(w, sku);

    if (i == w->n_skus || shelf->price_cents[i] == 0 ||
        (int64_t)shelf->available[i] - shelf->taken[i] < (int64_t)quantity)
        return false;
    shelf->taken[i] += (int32_t)quantity;
    *price = shelf->price_cents[i];
    return true;
}

/* One line by the order's own policy; how much was taken, of what and at which price. */
static void
take_line(const struct want *w, struct shelf *shelf, size_t i, bool by_policy,
          Lifecircle__V1__PlacedLine *out)
{
    const Lifecircle__V1__OrderLine *l = w->line[i].line;
    uint32_t price = 0, quantity = w->line[i].quantity;

    lifecircle__v1__placed_line__init(out);
    out->sku_index = w->line[i].sku;
    if (take(w, shelf, out->sku_index, quantity, &price)) {
        out->quantity = quantity;
    } else if (by_policy && w->order->shortage == LIFECIRCLE__V1__SHORTAGE__SHORTAGE_PARTIAL) {
        int32_t left = shelf->available[i] - shelf->taken[i];
        if (left > 0 && take(w, shelf, out->sku_index, (uint32_t)left, &price))
            out->quantity = (uint32_t)left;
    } else if (by_policy && w->order->shortage == LIFECIRCLE__V1__SHORTAGE__SHORTAGE_SUBSTITUTE) {
        for (size_t k = 0; k < l->n_substitute_indexes && out->quantity == 0; k++)
            if (take(w, shelf, l->substitute_indexes[k], quantity, &price)) {
                out->substitute_for = out->sku_index + 1;
                out->sku_index = l->substitute_indexes[k];
                out->quantity = quantity;
            }
    }
    out->unit_price_cents = price;
}

/* False when the store does not do: not whole, or with the policy's help nothing at all. */
static bool
give_from(const struct want *w, struct shelf *shelf, bool by_policy, struct give *g)
{
    bool whole = true;

    g->n = 0;
    g->differs = false;
    for (size_t i = 0; i < w->n_lines; i++) {
        Lifecircle__V1__PlacedLine *one = &g->line[g->n];
        take_line(w, shelf, i, by_policy, one);
        if (one->quantity < w->line[i].quantity)
            whole = false;
        if (one->quantity == 0)
            continue;
        g->n++;
        if (w->line[i].price_cents >= 0 && one->substitute_for == 0 &&
            one->unit_price_cents != w->line[i].price_cents)
            g->differs = true;
    }
    return whole || (by_policy && g->n > 0 &&
                     w->order->shortage == LIFECIRCLE__V1__SHORTAGE__SHORTAGE_PARTIAL);
}

static void
answer_quote(struct match_step *s, struct match_job *job, const struct want *w, struct give *g,
             const struct match_verdict *store)
{
    Lifecircle__V1__MatchResult r = LIFECIRCLE__V1__MATCH_RESULT__INIT;
    Lifecircle__V1__PlacedLine *lines[SKUS_MAX];

    for (size_t i = 0; i < g->n; i++)
        lines[i] = &g->line[i];
    r.order_id = w->order->order_id;
    r.outcome = g->differs && w->order->price_policy == LIFECIRCLE__V1__PRICE_POLICY__PRICE_REFUSE
                    ? LIFECIRCLE__V1__MATCH_RESULT__OUTCOME__PRICE_DIFFERS
                    : LIFECIRCLE__V1__MATCH_RESULT__OUTCOME__PLACED_NOW;
    r.store = store->store;
    r.ready_ms = store->ready_ms;
    r.eta_ms = store->arrival_ms;
    r.travel_s = store->travel_s;
    r.n_lines = g->n;
    r.lines = lines;
    match_answer(s, job, &r);
    match_count(s->m, COUNT_QUOTED, 1);
    match_job_end(s, job);
}

/* The first store that does; by_policy: with what the shortage policy allows. */
static bool
first_store(struct match_step *s, struct match_job *job, const struct want *w,
            const Lifecircle__V1__CheckReply__Item *item, bool by_policy)
{
    struct give *g = arena_alloc(s->ev->arena, sizeof *g);
    struct shelf *shelf = arena_alloc(s->ev->arena, sizeof *shelf);

    for (size_t i = 0; g != NULL && shelf != NULL && i < job->n_offered; i++) {
        *shelf = (struct shelf){.available = item->available + i * w->n_skus,
                                .price_cents = item->price_cents + i * w->n_skus};
        if (give_from(w, shelf, by_policy, g)) {
            struct match_verdict store = job->offered[i];
            answer_quote(s, job, w, g, &store);
            return true;
        }
    }
    return false;
}

static void
check_quote(struct match_step *s, struct match_job *job,
            const Lifecircle__V1__CheckReply__Item *item)
{
    struct want *w = arena_alloc(s->ev->arena, sizeof *w);

    if (w == NULL || !read_want(s, job, w) || item->n_available != job->n_offered * w->n_skus) {
        match_fail(s, job);
        return;
    }
    if (first_store(s, job, w, item, false) || (job->final && first_store(s, job, w, item, true)))
        return;
    if (match_next_round(job) == LC_OK)
        match_job_move(job, &s->m->ready);
    else
        not_quoted(s, job, LIFECIRCLE__V1__REASON__OUT_OF_STOCK);
}

static void
one_item(struct match_step *s, const Lifecircle__V1__CheckReply__Item *item)
{
    uint8_t key[16] = {0};

    memcpy(key + 8, &item->tag, sizeof item->tag);
    struct match_job *job = match_job_find(s->m, key);
    const ProtobufCBinaryData *id = &s->ev->envelope->id;
    if (job == NULL || job->list != &s->m->sent || id->len != sizeof job->sent_id ||
        memcmp(id->data, job->sent_id, sizeof job->sent_id) != 0) {
        match_count(s->m, COUNT_LATE, 1);
        return;
    }
    if (item->unavailable || item->n_available != item->n_price_cents) {
        match_fail(s, job);
        return;
    }
    if (job->kind == JOB_QUOTE) {
        check_quote(s, job, item);
        return;
    }
    const Lifecircle__V1__NearbyQuery *q =
        wire_unpack(&lifecircle__v1__nearby_query__descriptor, s->ev->arena, job->body);
    if (q == NULL || item->n_available != job->n_offered * q->n_sku_indexes) {
        match_fail(s, job);
        return;
    }
    answer_nearby(s, job, item);
    match_job_end(s, job);
}

void
match_checked(struct match_step *s)
{
    const Lifecircle__V1__CheckReply *reply = s->ev->envelope->check_reply;

    for (size_t i = 0; i < reply->n_items; i++)
        one_item(s, reply->items[i]);
}
