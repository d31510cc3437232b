/* What the tests of rides and of what is learnt from them share: a world whose map is a street
 * along which a bicycle rides 5 m a second; store 1 stands at 0 m. */
#ifndef LC_TESTS_LEARN_RIG_H
#define LC_TESTS_LEARN_RIG_H

#include "router_world.h"

#include "base/speeds.h"
#include "unit.h"

enum {
    CYCLE = 5,
    FAR_M = 2500,
    FAR_S = FAR_M / CYCLE,
    PROMISE_S = 7200,
    LEARN_S = 300,
    PICKUP_S = 60,
    HOUR_MS = 3600000
};
enum { HOUR = 3 * 24 + 8 }; /* of the week, when the world begins: Thursday, 08:53:20 */

static inline enum lc_err
street(const struct travel *t, const struct latlng *from, size_t from_n, const struct latlng *to,
       size_t to_n, enum travel_mode mode, int64_t depart_ms, struct travel_cell *out,
       enum travel_quality *quality)
{
    (void)t, (void)mode, (void)depart_ms;
    for (size_t i = 0; i < from_n * to_n; i++) {
        double m = geo_distance_m(from[i / to_n], to[i % to_n]);
        out[i] = (struct travel_cell){(uint32_t)(m / CYCLE + 0.5), (uint32_t)m};
    }
    *quality = TRAVEL_ROAD;
    return LC_OK;
}

static inline uint32_t
street_bound_s(const struct travel *t, struct latlng a, struct latlng b, enum travel_mode mode)
{
    (void)t, (void)mode;
    return (uint32_t)(geo_distance_m(a, b) / CYCLE);
}

static const struct travel map = {.matrix = street, .lower_bound_s = street_bound_s};

static inline struct world *
town(const char *learn)
{
    struct world *w = calloc(1, sizeof *w);

    w->now_ms = 1760000000000;
    w->arena = arena_new((size_t)1 << 30);
    w->map = &map;
    w->learn = learn;
    w_boot(w, 42);
    return w;
}

static inline uint64_t
rides(struct world *w, const char *end)
{
    char name[64];

    snprintf(name, sizeof name, "rides_total{end=\"%s\"}", end);
    return w_counter(w, name);
}

static inline uint64_t
pace(struct world *w)
{
    return w_counter(w, "travel_time_percent{mode=\"bicycle\"}");
}

/* Courier 1 has picked up an order at the store, to be brought FAR_M away. */
static inline struct w_order *
carried(struct world *w)
{
    if (w_stops(w, 1) == 0 && !w->shift[1].set)
        CU_ASSERT_EQUAL(w_sign_on(w, 1, 0, 12), W_OUTCOME(DONE));
    struct w_order *o = w_place(w, FAR_M, 0, PROMISE_S);
    w_pass(w, 2000);
    CU_ASSERT_EQUAL(w_say(w, 1, W_KIND(ACCEPT), NULL), W_OUTCOME(DONE));
    CU_ASSERT_EQUAL(w_say(w, 1, W_KIND(PICKED), o), W_OUTCOME(DONE));
    return o;
}

/* Positions from here to there, every 20 s. */
static inline void
cycle(struct world *w, int from_m, int to_m, int seconds)
{
    for (int s = 20; s <= seconds; s += 20) {
        w_pass(w, 20000);
        w_position(w, 1, from_m + (to_m - from_m) * s / seconds);
    }
}

static inline void
enroute(struct world *w, const struct w_order *o)
{
    CU_ASSERT_EQUAL(w_say(w, 1, W_KIND(ENROUTE), o), W_OUTCOME(DONE));
}

static inline void
arrived(struct world *w, const struct w_order *o)
{
    CU_ASSERT_EQUAL(w_say(w, 1, W_KIND(ARRIVED), o), W_OUTCOME(DONE));
}

/* The hour's percentage as it would be after many rides like the one that is kept. */
static inline unsigned
kept_pct(struct world *w)
{
    struct speeds *s = calloc(1, sizeof *s);
    struct speeds_profile *p = calloc(1, sizeof *p);
    struct speeds_cell one;
    const struct w_speed *kept = NULL;

    for (size_t i = 0; i < w->n_speeds; i++)
        if (strcmp(w->speed[i].field, "1:80") == 0 || strcmp(w->speed[i].field, "1:81") == 0)
            kept = &w->speed[i];
    CU_ASSERT_PTR_NOT_NULL_FATAL(kept);
    CU_ASSERT_EQUAL(speeds_cell_get(buf_slice(&kept->bytes), &one), LC_OK);
    for (size_t i = 0; i < SPEEDS_BINS; i++)
        one.bin[i] = (uint16_t)(one.bin[i] * 500);
    one.couriers = 7;
    s->cell[TRAVEL_BICYCLE][HOUR] = one;
    speeds_profile_make(p, s, 30);
    unsigned pct = speeds_pct(p, TRAVEL_BICYCLE, HOUR);
    free(p);
    free(s);
    return pct;
}

static inline bool
near(unsigned got, unsigned want)
{
    if (got + 5 >= want && got <= want + 5)
        return true;
    printf("\n    got %u, wanted %u\n", got, want);
    return false;
}

#endif
