/* tour: the shortest way of one courier from its start past all pickups and drop-offs to its end,
 * every pickup before its drop-off, with no clock and no capacity in it (TSPPD). Up to TOUR_PROVEN
 * pairs the tour is proven to be shortest, by dynamic programming; beyond that it is searched for,
 * by ruin and recreate with places for a pair found in linear time. docs/routing.md explains both.
 *
 * Pure: no I/O, no clock, no chance but the seed, integers alone: the same call gives the same tour
 * on every machine. */
#ifndef LC_ROUTER_TOUR_H
#define LC_ROUTER_TOUR_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    TOUR_PAIRS_MAX = 127,
    TOUR_PROVEN = 8,
    TOUR_COST_MAX = 1 << 26 /* of one arc */
};

struct tour_problem {
    size_t pairs;        /* 1 .. TOUR_PAIRS_MAX */
    const int32_t *cost; /* [from][to] of 2 + 2 pairs nodes, 0 .. TOUR_COST_MAX, neither symmetric
                          * nor metric: 0 the start, 1 the end (no cost to it: the tour is open),
                          * then pickup and drop-off of each pair in turn */
};

struct tour {
    int64_t cost;
    bool proven;                       /* nothing is shorter */
    size_t n;                          /* 2 pairs */
    uint8_t nodes[2 * TOUR_PAIRS_MAX]; /* in sequence, start and end left out */
};

/* tour_solve: iterations: of the search, 0 = as many as fit the size; not read when proven.
 *   LC_EINVAL  no pairs, too many, or an arc's cost out of range
 *   LC_ENOMEM  out of memory */
LC_MUST_CHECK enum lc_err tour_solve(const struct tour_problem *p, uint64_t seed,
                                     uint32_t iterations, struct tour *out);

#endif
