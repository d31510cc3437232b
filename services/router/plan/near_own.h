/* near_own: who could be how good, for the search over all couriers. */
#ifndef LC_ROUTER_PLAN_NEAR_OWN_H
#define LC_ROUTER_PLAN_NEAR_OWN_H

#include "router/plan/plan_own.h"

/* At least so late, and so dear; compared in this order. */
struct bound {
    int64_t late_ms;
    int64_t cost;
    uint32_t index;         /* in p->runners */
    enum plan_verdict miss; /* not FITS: even in straight lines it fits nowhere, for this reason */
};

/* What straight lines are measured with around a place. */
struct near_plane {
    struct latlng at;
    double lng; /* metres a 1e-7 degree of longitude, rather too few */
};

/* A search for this task's place, by p->by. */
struct near_query {
    struct plan *p;
    const struct task *t;
    struct near_plane pickup, dropoff;
    double across_m;
    int64_t across_ms[TRAVEL_MODES];
    bool failed; /* out of memory */
};
struct near_query near_ask(struct plan *p, const struct task *t);

/* near_box: with this courier, at least; a few dozen nanoseconds. The index is the caller's. */
struct bound near_box(const struct near_query *q, struct runner *r);

/* near_lines: at least, and closer to it; INT64_MAX without a miss: nowhere better than `than`
 * (NULL, or without a runner: anywhere). */
struct bound near_lines(struct near_query *q, uint32_t index, const struct place *than);

#endif
