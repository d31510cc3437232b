/* Streets, couriers and orders by chance, for tests of who is looked at for an order. */
#ifndef TESTS_NEAR_RIG_H
#define TESTS_NEAR_RIG_H

#include "base/geo.h"
#include "router/plan/plan.h"
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#define DAWN_MS 1760000000000

static inline uint64_t
chance(uint64_t *s)
{
    uint64_t z = *s += 0x9e3779b97f4a7c15U;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9U;
    z = (z ^ z >> 27) * 0x94d049bb133111ebU;
    return z ^ z >> 31;
}

static inline uint32_t
below(uint64_t *s, uint32_t n)
{
    return (uint32_t)(chance(s) % n);
}

static inline struct latlng
somewhere(uint64_t *s, int32_t spread_e7)
{
    return (struct latlng){392800000 + (int32_t)below(s, (uint32_t)spread_e7),
                           -766000000 + (int32_t)below(s, (uint32_t)spread_e7)};
}

/* ---- streets that go their own way: at least the straight line, and up to four times that ---- */

enum { TOP_MM_S = 6000 };

struct streets {
    struct travel travel;
    uint32_t pct;      /* of the straight line more, at most */
    int32_t known_e7;  /* places east of it are not known */
    unsigned fails_in; /* so many matrices from now on has it no answer; 0 = always has */
    unsigned asked;
};

static inline uint32_t
streets_bound(const struct travel *t, struct latlng a, struct latlng b, enum travel_mode mode)
{
    (void)t;
    (void)mode;
    return (uint32_t)(geo_distance_m(a, b) * 1000 / TOP_MM_S);
}

static inline struct travel_cell
street(const struct streets *t, struct latlng a, struct latlng b)
{
    uint64_t s = (uint64_t)(uint32_t)a.lat_e7 << 32 ^ (uint32_t)a.lng_e7;

    s = chance(&s) ^ (uint64_t)(uint32_t)b.lat_e7 << 32 ^ (uint32_t)b.lng_e7;
    uint64_t v = chance(&s);
    if (v % 97 == 0)
        return (struct travel_cell){TRAVEL_UNREACHABLE, TRAVEL_UNREACHABLE};
    double m = geo_distance_m(a, b) * (1 + (double)(v >> 8 & 0xffff) / 0xffff * t->pct / 100);
    return (struct travel_cell){(uint32_t)(m * 1000 / TOP_MM_S) + (uint32_t)(v >> 30) % 4,
                                (uint32_t)(m + 1)};
}

static inline bool
streets_know(const struct travel *travel, struct latlng p, enum travel_mode mode)
{
    (void)mode;
    return p.lng_e7 <= ((const struct streets *)travel)->known_e7;
}

static inline enum lc_err
streets_matrix(const struct travel *travel, const struct latlng *from, size_t from_n,
               const struct latlng *to, size_t to_n, enum travel_mode mode, int64_t depart_ms,
               struct travel_cell *out, enum travel_quality *quality)
{
    struct streets *t = (struct streets *)(uintptr_t)travel;

    (void)depart_ms;
    t->asked++;
    if (t->fails_in > 0 && --t->fails_in == 0)
        return LC_EIO;
    for (size_t i = 0; i < from_n; i++)
        for (size_t j = 0; j < to_n; j++) {
            if (!streets_know(travel, from[i], mode) || !streets_know(travel, to[j], mode))
                return LC_EIO;
            out[i * to_n + j] = street(t, from[i], to[j]);
        }
    *quality = TRAVEL_ROAD;
    return LC_OK;
}

static inline struct streets
streets_of(uint32_t pct)
{
    return (struct streets){
        .travel = {.matrix = streets_matrix, .lower_bound_s = streets_bound, .knows = streets_know},
        .pct = pct,
        .known_e7 = INT32_MAX};
}

/* ---- couriers and orders ---- */

static inline struct uuid
id_of(size_t i)
{
    struct uuid id = {{0}};

    id.b[0] = (uint8_t)i;
    id.b[1] = (uint8_t)(i >> 8);
    return id;
}

static inline struct plan_order
order_of(uint64_t *seed, size_t i, int64_t now_ms, int32_t spread_e7)
{
    return (struct plan_order){
        .id = id_of(i),
        .pickup = somewhere(seed, spread_e7),
        .dropoff = somewhere(seed, spread_e7),
        .ready_ms = now_ms + 1000 * (int64_t)below(seed, 1200),
        .promise_ms = now_ms + 1000 * (int64_t)(300 + below(seed, 4000)),
        .load = {1 + below(seed, 3), 0, 0},
        .pickup_s = below(seed, 60),
        .dropoff_s = below(seed, 60),
        .priority = below(seed, 4) == 0 ? (uint8_t)below(seed, PLAN_PRIORITY_MAX + 1) : 0,
    };
}

static inline void
put_couriers(struct plan *p, uint64_t *seed, int64_t now_ms, int32_t spread_e7, size_t n)
{
    for (uint32_t i = 1; i <= n; i++) {
        struct plan_courier c = {
            .courier = i,
            .mode = below(seed, 4) == 0 ? TRAVEL_CAR : TRAVEL_BICYCLE,
            .capacity = {4 + below(seed, 10), 0, 0},
            .shift_end_ms = now_ms + 3600000 + 1000 * (int64_t)below(seed, 14400),
            .open = true,
            .at = somewhere(seed, spread_e7),
            .at_ms = now_ms,
        };
        CU_ASSERT_EQUAL(plan_courier_put(p, &c), LC_OK);
    }
}

static inline bool
fits(const struct plan_candidate *c)
{
    return c->verdict == PLAN_FITS || c->verdict == PLAN_LATE;
}

/* The best of all couriers by their own costs; NULL when nobody can. */
static inline const struct plan_candidate *
best_of(const struct plan_candidate *c, size_t n)
{
    const struct plan_candidate *best = NULL;

    for (size_t i = 0; i < n; i++)
        if (fits(&c[i]) && (best == NULL || c[i].late_ms < best->late_ms ||
                            (c[i].late_ms == best->late_ms && c[i].cost < best->cost)))
            best = &c[i];
    return best;
}

#endif
