/* router_people: couriers as the small Redis has them, and the stream that says who was changed. */
#ifndef LC_TESTS_ROUTER_PEOPLE_H
#define LC_TESTS_ROUTER_PEOPLE_H

#include "router_city.h"

static inline struct reply
w_person(struct world *w, uint32_t courier)
{
    Lifecircle__V1__Courier m = LIFECIRCLE__V1__COURIER__INIT;
    uint8_t bytes[64];

    m.courier = courier;
    m.courier_id = (char *)"c";
    m.adult_trained = courier <= 2;
    m.revoked = w->revoked[courier];
    return w_str(w, bytes, lifecircle__v1__courier__pack(&m, bytes));
}

/* HMGET couriers number… */
static inline struct reply *
w_people(struct world *w, const struct slice *a, size_t n)
{
    struct reply *items, *r = w_array(w, n - 2, &items);

    for (size_t i = 2; i < n; i++)
        items[i - 2] = w_person(w, (uint32_t)w_num(a[i]));
    return r;
}

static inline struct reply *
w_people_after(struct world *w, struct slice from)
{
    size_t last = (size_t)w_num(slice_of(from.p + 2, from.n - 2));
    struct reply *streams, *pair, *entries;

    if (last >= w->n_changed)
        return w_reply(w, REPLY_NIL);
    struct reply *r = w_array(w, 1, &streams);
    streams[0] = *w_array(w, 2, &pair);
    pair[0] = w_str(w, "catalogue", 9);
    pair[1] = *w_array(w, w->n_changed - last, &entries);
    for (size_t i = last; i < w->n_changed; i++) {
        struct reply *entry, *fields;
        char id[32], number[4];
        int n = snprintf(id, sizeof id, "1-%zu", i + 1);
        entries[i - last] = *w_array(w, 2, &entry);
        entry[0] = w_str(w, id, (size_t)n);
        entry[1] = *w_array(w, 2, &fields);
        w_put32(number, w->changed[i]);
        fields[0] = w_str(w, "courier", 7);
        fields[1] = w_str(w, number, sizeof number);
    }
    return r;
}

/* lcctl courier revoke, and courier token, which lets in again */
static inline void
w_revoke(struct world *w, uint32_t courier, bool revoked)
{
    assert(w->n_changed < W_COURIERS);
    w->revoked[courier] = revoked;
    w->changed[w->n_changed++] = courier;
}

#endif
