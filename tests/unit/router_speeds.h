/* router_speeds: the hash `speeds` of the small Redis, in the fewest words. */
#ifndef LC_TESTS_ROUTER_SPEEDS_H
#define LC_TESTS_ROUTER_SPEEDS_H

#include "router_redis.h"

static inline struct w_speed *
w_speed(struct world *w, struct slice field)
{
    for (size_t i = 0; i < w->n_speeds; i++)
        if (slice_eq_str(field, w->speed[i].field))
            return &w->speed[i];
    assert(w->n_speeds < W_SPEEDS && field.n < sizeof w->speed[0].field);
    memcpy(w->speed[w->n_speeds].field, field.p, field.n);
    return &w->speed[w->n_speeds++];
}

/* argv: FCALL speeds_put 1 city now epoch generation n, then fields and bytes */
static inline struct reply *
w_speeds_put(struct world *w, const struct slice *a, size_t n)
{
    struct reply *r = w_reply(w, REPLY_INT);

    assert(n == 8 + 2 * (size_t)w_num(a[7]));
    if (w_num(a[5]) != w->epoch) {
        w->fenced++;
        r->kind = REPLY_ERROR;
        r->str = slice_str("FENCED the lease has another epoch");
        return r;
    }
    if (w_num(a[6]) != w->speeds_generation)
        return r;
    r->integer = 1;
    w->speeds_puts++;
    for (size_t i = 8; i < n; i += 2) {
        struct buf *b = &w_speed(w, a[i])->bytes;
        buf_reset(b);
        buf_append(b, a[i + 1].p, a[i + 1].n);
    }
    return r;
}

static inline struct reply *
w_speeds(struct world *w)
{
    struct reply *items, *r = w_array(w, 2 * W_SPEEDS + 2, &items);
    char text[24];
    size_t n = 0;

    items[n++] = w_str(w, "generation", 10);
    items[n++] = w_str(
        w, text, (size_t)snprintf(text, sizeof text, "%lld", (long long)w->speeds_generation));
    for (size_t i = 0; i < w->n_speeds; i++) {
        items[n++] = w_str(w, w->speed[i].field, strlen(w->speed[i].field));
        items[n++] = w_str(w, w->speed[i].bytes.p, w->speed[i].bytes.n);
    }
    r->n = n;
    return r;
}

/* What speeds_reset does; the stream tells of it. */
static inline void
w_speeds_reset(struct world *w)
{
    struct w_event *e = &w->event[w->n_events++];

    for (size_t i = 0; i < w->n_speeds; i++)
        buf_free(&w->speed[i].bytes);
    memset(w->speed, 0, sizeof w->speed);
    w->n_speeds = 0;
    w->speeds_generation++;
    *e = (struct w_event){.field = "v"};
    buf_u32(&e->o, (uint32_t)w->speeds_generation);
}

#endif
