#include "matcher/wide.h"

#include <math.h>
#include <stdlib.h>

/* Good enough to find out which others are the nearest: they serve nobody, they explain. */
static double
roughly_m(struct latlng a, struct latlng b)
{
    double y = ((double)a.lat_e7 - b.lat_e7) * 0.01111949;
    double x = ((double)a.lng_e7 - b.lng_e7) * 0.01111949 * cos(a.lat_e7 * (M_PI / 180e7));

    return sqrt(x * x + y * y);
}

/* Sorted by distance, others beyond MATCH_OTHERS left out. */
static size_t
gather(const struct match_view *v, const struct match_wish *w, const struct match_member *member,
       size_t n, struct match_near *out)
{
    const double collect_m = (double)v->policy->collect_radius_m;
    const double range_m = 300 + (w->collection ? collect_m : (double)v->shops->reach_m);
    size_t kept = 0, others = 0, near = 0;

    for (size_t i = 0; i < n; i++) {
        const struct match_shop *shop = &v->shops->shop[member[i].store];
        bool may = w->collection ? roughly_m(w->at, shop->at) <= 1.01 * collect_m
                                 : match_box_covers(&shop->box, w->at);
        double m = may ? geo_distance_m(w->at, shop->at) : roughly_m(w->at, shop->at);
        if (may || m <= range_m) /* further ones are not worth a word */
            out[near++] = (struct match_near){member[i].chain, member[i].store, m,
                                              may ? MATCH_COVER_ASK : MATCH_COVER_NONE};
    }
    qsort(out, near, sizeof *out, match_near_order);
    for (size_t i = 0; i < near; i++)
        if (out[i].cover != MATCH_COVER_NONE || others++ < MATCH_OTHERS) {
            out[kept] = out[i];
            if (out[i].cover == MATCH_COVER_NONE)
                out[kept].m = geo_distance_m(w->at, v->shops->shop[out[i].store].at);
            kept++;
        }
    if (others > 0)
        qsort(out, kept, sizeof *out, match_near_order);
    return kept;
}

/* room: scratch for n stores, kept by the shops. */
static bool
room(struct match_shops *s, size_t n)
{
    size_t each = sizeof(struct match_near) + sizeof(uint32_t) + sizeof(uint16_t) + 1;

    if (n > s->scratch_room) {
        void *p = realloc(s->scratch, n * each);
        if (p == NULL)
            return false;
        s->scratch = p;
        s->scratch_room = n;
    }
    return true;
}

bool
match_list_wide(const struct match_view *v, const struct match_wish *w, struct match_list *list)
{
    size_t n;
    const struct match_member *member = match_shops_of(v->shops, w->chain, &n);
    enum travel_mode mode = match_wish_mode(w, v->policy);

    *list = (struct match_list){.exact = true};
    if (n == 0)
        return true;
    if (!room(v->shops, n))
        return false;
    struct match_near *near = v->shops->scratch;
    uint32_t *store = (uint32_t *)(near + v->shops->scratch_room);
    uint16_t *bound_s = (uint16_t *)(store + v->shops->scratch_room);
    uint8_t *cover = (uint8_t *)(bound_s + v->shops->scratch_room);
    list->n = gather(v, w, member, n, near);
    list->store = store;
    list->bound_s = bound_s;
    list->cover = cover;
    for (size_t i = 0; i < list->n; i++) {
        store[i] = near[i].store;
        cover[i] = (uint8_t)near[i].cover;
        bound_s[i] = match_bound_s(v, mode, w->at, near[i].m - 1);
    }
    return true;
}
