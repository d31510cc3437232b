/* Why an order goes to this courier, or to nobody yet: for its history, and whole for
 * `lcctl explain`. */
#include "router/core.h"

#include <stdio.h>
#include <stdlib.h>

#include "dispatch.pb-c.h"

enum { CANDIDATES_MAX = 24, WAITING_A_TICK = 4, PLANNED_AGAIN_MS = 10000 };

static bool
fits(const struct plan_candidate *c)
{
    return c->verdict == PLAN_FITS || c->verdict == PLAN_LATE;
}

/* Cheapest first, then those ruled out, who came nearest first. */
static int
compare(const void *a, const void *b)
{
    const struct plan_candidate *x = a, *y = b;

    if (fits(x) != fits(y))
        return fits(x) ? -1 : 1;
    if (!fits(x) && x->verdict != y->verdict)
        return x->verdict > y->verdict ? -1 : 1;
    if (x->late_ms != y->late_ms)
        return x->late_ms < y->late_ms ? -1 : 1;
    if (x->cost != y->cost)
        return x->cost < y->cost ? -1 : 1;
    return x->courier < y->courier ? -1 : x->courier > y->courier;
}

static bool
on_shift(struct router *r, uint32_t courier)
{
    const struct courier *c = courier_find(r, courier);

    return c != NULL && c->shift.on && r->now_ms < c->shift.end_ms;
}

/* Of the couriers on shift, and of those whose shift is over but whom something else rules out. */
static const struct plan_candidate *
candidates(struct router *r, struct uuid order, size_t *n)
{
    size_t all = HASH_COUNT(r->couriers);
    struct plan_candidate *list = arena_array(r->arena, all + 1, sizeof *list);

    *n = 0;
    if (list == NULL)
        return NULL;
    size_t got = plan_rivals(r->plan, order, list, all);
    for (size_t i = 0; i < (got < all ? got : all); i++)
        if (list[i].verdict != PLAN_CLOSED || on_shift(r, list[i].courier))
            list[(*n)++] = list[i];
    qsort(list, *n, sizeof *list, compare);
    return list;
}

/* Not looked at, and last of all. */
static uint32_t
count_far(const struct plan_candidate *list, size_t n)
{
    uint32_t far = 0;

    while (n-- > 0 && list[n].verdict == PLAN_FAR)
        far++;
    return far;
}

/* A cost as people think of it: one customer's waiting. */
enum { COST_OF_A_SECOND = 1000 * PLAN_COST_DOOR };

/* The words of the history: who else could, and at what price. */
static void
say(const struct courier *c, const struct plan_candidate *list, size_t n, size_t fit,
    struct step *s)
{
    const struct plan_candidate *own = NULL, *next = NULL;

    for (size_t i = 0; i < fit; i++)
        if (list[i].courier == c->number)
            own = &list[i];
        else if (next == NULL)
            next = &list[i];
    if (own == NULL)
        return;
    int at = snprintf(
        s->words, sizeof s->words, "chosen of %zu on shift, %zu%s could; costs %lld s of waiting",
        n, fit, count_far(list, n) > 0 ? " or more" : "", (long long)own->cost / COST_OF_A_SECOND);
    if (next != NULL && at > 0 && (size_t)at < sizeof s->words)
        snprintf(s->words + at, sizeof s->words - (size_t)at, "; next courier %u at %lld s%s",
                 next->courier, (long long)next->cost / COST_OF_A_SECOND,
                 next->late_ms > 0 ? ", late" : "");
}

static void
keep(struct router *r, struct uuid order, Lifecircle__V1__DispatchDecision *d,
     const struct plan_candidate *list, size_t n)
{
    size_t told = n - count_far(list, n), few = told < CANDIDATES_MAX ? told : CANDIDATES_MAX;
    Lifecircle__V1__DispatchDecision__Candidate *c = arena_array(r->arena, few + 1, sizeof *c);
    Lifecircle__V1__DispatchDecision__Candidate **all = arena_array(r->arena, few + 1, sizeof *all);
    char id[UUID_TEXT];

    if (c == NULL || all == NULL)
        return; /* it is for people only */
    for (size_t i = 0; i < few; i++) {
        lifecircle__v1__dispatch_decision__candidate__init(&c[i]);
        c[i].courier = list[i].courier;
        c[i].verdict = (char *)plan_verdict_name(list[i].verdict);
        c[i].late_ms = list[i].late_ms;
        c[i].cost = list[i].cost;
        c[i].dropoff_ms = list[i].dropoff_ms;
        all[i] = &c[i];
    }
    d->time_ms = r->now_ms;
    d->n_candidates = few;
    d->candidates = all;
    d->considered = (uint32_t)n;
    d->far = count_far(list, n);
    d->lead_ms = r->set.offer_lead_ms;
    size_t size = lifecircle__v1__dispatch_decision__get_packed_size(d);
    uint8_t *bytes = arena_alloc(r->arena, size);
    if (bytes == NULL)
        return;
    lifecircle__v1__dispatch_decision__pack(d, bytes);
    uuid_format(order, id);
    struct slice argv[] = {SLICE_LIT("FCALL"),    SLICE_LIT("dispatch_explain"),
                           SLICE_LIT("1"),        slice_str(key_of(r, "")),
                           text_of(r, r->now_ms), SLICE_LIT("1"),
                           slice_str(id),         slice_of((const char *)bytes, size)};
    outbox_redis(r->out, router_tag(r, CALL_SEEN, 0), argv, sizeof argv / sizeof *argv);
}

static size_t
count_fit(const struct plan_candidate *list, size_t n)
{
    size_t fit = 0;

    while (fit < n && fits(&list[fit]))
        fit++;
    return fit;
}

void
why_offered(struct router *r, const struct courier *c, const struct plan_stop *pickup, bool bundled,
            struct step *s)
{
    Lifecircle__V1__DispatchDecision d = LIFECIRCLE__V1__DISPATCH_DECISION__INIT;
    const struct order *o = order_find(r, pickup->order);
    size_t n;
    const struct plan_candidate *list = candidates(r, pickup->order, &n);

    if (list == NULL || o == NULL)
        return;
    d.fit = (uint32_t)count_fit(list, n);
    say(c, list, n, d.fit, s);
    d.courier = c->number;
    d.ready_ms = o->task.ready_ms;
    d.start_ms = pickup->start_ms;
    d.leg_s = pickup->leg_s;
    d.bundled = bundled;
    keep(r, pickup->order, &d, list, n);
}

/* Nobody could take it: said again when the reason has become another. */
static bool
why_waits(struct router *r, struct order *o, enum plan_verdict why)
{
    Lifecircle__V1__DispatchDecision d = LIFECIRCLE__V1__DISPATCH_DECISION__INIT;
    size_t n;

    if (o->waits_for == (uint8_t)why + 1)
        return false;
    o->waits_for = (uint8_t)((uint8_t)why + 1);
    const struct plan_candidate *list = candidates(r, o->id, &n);
    if (list == NULL)
        return false;
    d.fit = (uint32_t)count_fit(list, n);
    d.why = (char *)plan_verdict_name(why);
    d.ready_ms = o->task.ready_ms;
    keep(r, o->id, &d, list, n);
    return true;
}

static const struct plan_stop *
pickup_of(struct router *r, const struct courier *c, struct uuid order)
{
    size_t n;
    const struct plan_stop *stops = courier_schedule(r, c, &n);

    for (size_t i = 0; i < n; i++)
        if (stops[i].kind == PLAN_PICKUP && uuid_eq(stops[i].order, order))
            return &stops[i];
    return NULL;
}

/* The plan has it with somebody who is asked later: said again, once in a while, when it is
 * somebody else. What is about to be offered says so itself. */
static bool
why_planned(struct router *r, struct order *o, uint32_t courier)
{
    Lifecircle__V1__DispatchDecision d = LIFECIRCLE__V1__DISPATCH_DECISION__INIT;
    bool told = o->waits_for == WAITS_PLANNED;
    struct courier *c = courier_find(r, courier);
    size_t n;

    if (c == NULL ||
        (told && (o->planned_for == courier || r->now_ms - o->told_ms < PLANNED_AGAIN_MS)))
        return false;
    const struct plan_stop *pickup = pickup_of(r, c, o->id);
    if (pickup == NULL || (!courier_has_offer(c) && offer_ms(r, pickup) <= r->now_ms + TICK_MS))
        return false;
    const struct plan_candidate *list = candidates(r, o->id, &n);
    if (list == NULL)
        return false;
    o->waits_for = WAITS_PLANNED;
    o->planned_for = courier;
    o->told_ms = r->now_ms;
    d.planned = courier;
    d.why = (char *)(uintptr_t)(courier_has_offer(c) ? "an open offer" : "");
    d.fit = (uint32_t)count_fit(list, n);
    d.ready_ms = o->task.ready_ms;
    d.start_ms = pickup->start_ms;
    d.leg_s = pickup->leg_s;
    keep(r, o->id, &d, list, n);
    return true;
}

static bool
why_not_yet(struct router *r, struct order *o)
{
    struct plan_placement at;

    if (o->courier != 0 || o->state != STATE(PLACED) || plan_find(r->plan, o->id, &at) != LC_OK ||
        at.locked)
        return false;
    return at.placed ? why_planned(r, o, at.courier) : why_waits(r, o, at.why);
}

/* Those of which nothing was told come first: others may change again and again. */
void
why_tick(struct router *r)
{
    size_t told = 0;

    for (int pass = 0; pass < 2; pass++)
        for (struct order *o = r->orders; o != NULL && told < WAITING_A_TICK; o = o->hh.next)
            if ((o->waits_for == 0) == (pass == 0))
                told += why_not_yet(r, o);
}
