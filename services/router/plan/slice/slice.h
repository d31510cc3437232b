/* slice: improving a plan somewhere else. The plan's owner takes a part of it as bytes
 * (plan_slice_make), anybody, on any thread, improves that part for a fixed number of iterations
 * (plan_slice_run), and the owner takes over what is still valid (plan_slice_apply).
 *
 * A slice is the free orders around one place, the couriers who could carry them, and what these
 * carry already; docs/routing.md explains the search. Only free orders move; locked stops keep
 * their sequence, pins, bans, holds and frozen couriers are kept to, an order that kept its promise
 * still does, and none is sent back to the pool. Pooled orders find a place when one can be made.
 *
 * The same job, travel times and library give the same result on every machine. */
#ifndef LC_ROUTER_PLAN_SLICE_H
#define LC_ROUTER_PLAN_SLICE_H

#include "router/plan/plan.h"

enum { SLICE_COURIERS_MAX = 64, SLICE_ORDERS_MAX = 160, SLICE_STOPS_MAX = 64 };

struct plan_slice_options {
    uint32_t couriers;   /* at most; up to SLICE_COURIERS_MAX */
    uint32_t iterations; /* of ruining and recreating */
    uint64_t seed;       /* of chance */
};

/* plan_slice_make: appends the job around the next free order, in turn. False when there is nothing
 * to improve (no free order, or only one courier to carry it and nothing waits), or out of memory
 * (out->failed). */
bool plan_slice_make(struct plan *p, const struct plan_slice_options *o, struct buf *out);

/* plan_slice_run: appends the result. Touches nothing but its arguments; `travel` must answer on
 * this thread, and should as the plan's; where it has no answer for the slice, `estimate` answers
 * for all of it.
 *   LC_EINVAL  the job is not one
 *   LC_ENOMEM  out of memory */
LC_MUST_CHECK enum lc_err plan_slice_run(const struct travel *travel, const struct travel *estimate,
                                         struct slice job, struct buf *out);

struct plan_slice_applied {
    size_t orders;   /* that moved, or found a place */
    size_t refused;  /* routes whose proposal came too late, or does not hold any more */
    size_t worse;    /* routes whose proposal is not better, taken for itself */
    int64_t gain;    /* of plan_cost, without what came out of the pool */
    uint32_t placed; /* orders that came out of the pool */
};

/* plan_slice_apply: takes over what holds: routes that have not changed since the job was made, and
 * whose new sequence is feasible and better now, too. Routes that exchange orders are taken over
 * together or not at all.
 *   LC_EINVAL  the bytes are not a result; the plan is as it was
 *   LC_ENOMEM  the plan is as it was, but for what is in *out */
LC_MUST_CHECK enum lc_err plan_slice_apply(struct plan *p, struct slice result,
                                           struct plan_slice_applied *out);

/* plan_changes: a number that grows whenever a route changes or an order comes. */
uint64_t plan_changes(const struct plan *p);

#endif
