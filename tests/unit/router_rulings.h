/* router_rulings: dispatch_rule of the small Redis, in the fewest words. */
#ifndef LC_TESTS_ROUTER_RULINGS_H
#define LC_TESTS_ROUTER_RULINGS_H

#include "router_redis.h"

/* The order's packed ruling; empty = none. */
static inline struct slice
w_ruling(struct world *w, const struct w_order *o)
{
    char p[8 + 4 * W_BANS] = {0};

    if (o->pinned == 0 && !o->held && o->n_banned == 0)
        return (struct slice){NULL, 0};
    w_put32(p, o->pinned);
    p[4] = (char)o->held;
    p[5] = (char)o->n_banned;
    for (size_t i = 0; i < o->n_banned; i++)
        w_put32(p + 8 + 4 * i, o->banned[i]);
    size_t n = 8 + 4 * o->n_banned;
    return slice_of(arena_copy(w->arena, p, n), n);
}

static inline void
w_ruling_event(struct world *w, const struct w_order *o)
{
    struct w_event *e = &w->event[w->n_events++];
    struct slice packed = w_ruling(w, o);

    assert(w->n_events < W_EVENTS);
    *e = (struct w_event){.field = "d"};
    buf_append(&e->o, o->text, 36);
    buf_append(&e->o, packed.p == NULL ? "" : packed.p, packed.n);
}

static inline void
w_freeze(struct world *w, uint32_t courier, bool frozen)
{
    struct w_event *e = &w->event[w->n_events++];

    w->frozen[courier] = frozen;
    *e = (struct w_event){.field = "f"};
    buf_u32(&e->o, courier);
    buf_append(&e->o, frozen ? "\1" : "\0", 1);
}

/* May plan_commit assign it? */
static inline bool
w_allowed(const struct world *w, const struct w_order *o, uint32_t courier)
{
    for (size_t i = 0; i < o->n_banned; i++)
        if (o->banned[i] == courier)
            return false;
    return !o->held && !w->frozen[courier] && (o->pinned == 0 || o->pinned == courier);
}

/* dispatch_rule of one action: argv as sent. */
static inline struct reply *
w_dispatch_rule(struct world *w, const struct slice *a)
{
    struct reply *items, *r = w_array(w, 1, &items);
    struct w_order *o = a[8].n == 0 ? NULL : w_find(w, a[8]);
    uint32_t courier = (uint32_t)w_num(a[9]);
    bool done = true;
    char answer[2] = {1, 0};

    if (slice_eq_str(a[7], "freeze") || slice_eq_str(a[7], "unfreeze"))
        w_freeze(w, courier, a[7].p[0] == 'f');
    else if (o == NULL)
        answer[0] = 4;
    else if (w_state(o) >= W_STATE(PICKED_UP))
        answer[0] = 3;
    else if (slice_eq_str(a[7], "pin"))
        o->pinned = courier;
    else if (slice_eq_str(a[7], "unpin"))
        o->pinned = 0;
    else if (slice_eq_str(a[7], "hold") || slice_eq_str(a[7], "release"))
        o->held = a[7].p[0] == 'h';
    else if (slice_eq_str(a[7], "ban") && o->n_banned < W_BANS)
        o->banned[o->n_banned++] = courier;
    else
        done = false;
    assert(done);
    (void)done;
    if (o != NULL) {
        answer[1] = (char)w_state(o);
        if (answer[0] == 1)
            w_ruling_event(w, o);
    }
    items[0] = w_str(w, answer, sizeof answer);
    return r;
}

/* dispatch_explain of one order. */
static inline void
w_decided(struct world *w, const struct slice *a)
{
    struct w_order *o = w_find(w, a[6]);

    if (o != NULL)
        o->decision = wire_unpack(&lifecircle__v1__dispatch_decision__descriptor, w->arena,
                                  slice_of(arena_copy(w->arena, a[7].p, a[7].n), a[7].n));
}

/* HGETALL of rulings, or of frozen. */
static inline struct reply *
w_rulings(struct world *w, bool frozen)
{
    struct reply *items, *r = w_array(w, 2 * W_ORDERS, &items);
    size_t n = 0;

    for (size_t i = 0; !frozen && i < w->n_orders; i++) {
        struct slice packed = w_ruling(w, &w->order[i]);
        if (packed.n == 0 || record_is_end(w_state(&w->order[i])))
            continue;
        items[n++] = w_str(w, w->order[i].text, 36);
        items[n++] = w_str(w, packed.p, packed.n);
    }
    for (uint32_t c = 1; frozen && c <= W_COURIERS; c++) {
        char text[12];
        if (!w->frozen[c])
            continue;
        items[n++] = w_str(w, text, (size_t)snprintf(text, sizeof text, "%u", c));
        items[n++] = w_str(w, "12345678Olga", 12);
    }
    r->n = n;
    return r;
}

#endif
