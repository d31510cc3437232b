/* plan_own: what the plan's own files share. */
#ifndef LC_ROUTER_PLAN_OWN_H
#define LC_ROUTER_PLAN_OWN_H

#include "base/map.h"
#include "router/plan/plan.h"

enum { PLAN_CROW_M = 20, PLAN_CROW_STEPS = 1280 };

#define NEVER_MS (INT64_MAX / 4)

struct ban {
    uint32_t courier;
    int64_t until_ms;
};

/* What people say of an order, whether it is here or not. */
struct rule {
    struct uuid order;
    uint32_t pinned;
    bool held;
    uint32_t *banned; /* owned */
    size_t n_banned;
    UT_hash_handle hh;
};

struct task {
    struct plan_order in;
    const struct rule *rule; /* NULL = none */
    struct runner *runner;   /* whose route it is in; NULL = in the pool */
    bool locked;
    bool carried;
    struct ban *bans; /* owned */
    size_t n_bans;
    enum plan_verdict why; /* in the pool: since the last try */
    uint64_t tried;        /* in which round of the pool, */
    uint64_t improved;     /* and of improving */
    uint64_t sliced;       /* in which round of slices */
    uint32_t slot;         /* in the slice that is being made */
    UT_hash_handle hh;
};

/* As how many customers it counts. */
static inline int64_t
task_weight(const struct task *t)
{
    return 1 + t->in.priority;
}

struct stop {
    struct task *task;
    enum plan_stop_kind kind;
    struct latlng at;
    uint32_t leg_s; /* from the stop before, or from the courier's position */
    uint32_t leg_m;
    int64_t arrive_ms;
    int64_t start_ms;
    int64_t leave_ms;
    int64_t own_ms;  /* the latest start that this stop itself allows */
    uint32_t kept_s; /* leg_s and leg_m while a search is made by the estimate */
    uint32_t kept_m;
    int64_t latest_ms; /* the latest start that keeps everything from here on as good as it is */
    struct plan_load load; /* behind this stop */
};

/* Where a route still goes, beginning where it may be changed: enough for a rough bound. Remembered
 * while the route is: times are then at least these. */
struct sight {
    int32_t south, north, west, east;
    struct latlng last;
    uint32_t longest_s, longest_m; /* of its ways */
    int64_t excess, excess_ms;     /* what a way costs and takes beyond its least, at most */
    int64_t first_ms, last_ms;     /* leaves the first and last of these places; 0 = idle there */
    bool seen;
};

struct runner {
    struct sight sight;
    bool stale; /* the times and loads are to be computed again */
    struct plan_courier in;
    struct stop *stops; /* owned */
    size_t n;
    size_t room;
    size_t fixed;
    int64_t arrived_ms;
    struct plan_load carried; /* at the start of the route */
    uint64_t version;         /* p->changes when it changed last */
    uint32_t slot;            /* in a slice: which one it is */
    int64_t computed_ms;      /* for which now */
};

struct place {
    struct runner *runner; /* NULL = nowhere */
    size_t pickup;         /* the stop of the route as it is before which the pickup goes */
    size_t dropoff;        /* the same for the drop-off; >= pickup */
    int64_t late_ms;
    int64_t cost; /* without its own lateness */
    int64_t dropoff_ms;
    bool estimate; /* by the estimate, though the legs are not */
};

struct plan {
    const struct travel *travel;
    const struct travel *estimate; /* where that has no answer */
    const struct travel *by;       /* the one of the search that is made */
    bool blind;                    /* it was at a place that this one does not know */
    uint64_t searched[2];          /* by enum travel_quality */
    int64_t now_ms;
    struct runner **runners; /* owned, by courier number */
    size_t n_runners;
    size_t room_runners;
    struct task *tasks; /* owned */
    struct rule *rules; /* owned */
    size_t pool;
    uint64_t round;        /* of trying the pool: every task in turn */
    uint64_t improved;     /* the same for improving */
    uint64_t changes;      /* of routes and orders */
    uint64_t sliced;       /* round of slices, */
    struct uuid slice_at;  /* and the order it has come to */
    struct latlng *points; /* scratch for matrices */
    bool *unknown;         /* of each of the points */
    struct travel_cell *cells;
    size_t room_points;
    struct bound *bounds; /* scratch: who could be how good, twice room_bounds */
    size_t room_bounds;
    /* At least, over so many PLAN_CROW_M: [0] by travel, [1] by the estimate. */
    uint32_t crow_s[2][TRAVEL_MODES][PLAN_CROW_STEPS];
};

/* route.c */
struct latlng stop_at(const struct stop *s);
void route_changed(struct plan *p, struct runner *r); /* anything but its position */
void route_compute(struct plan *p, struct runner *r);
int64_t route_cost(struct plan *p, struct runner *r);
/* door_cost: of a customer's waiting and lateness at this drop-off. */
int64_t door_cost(const struct plan *p, const struct stop *s, int64_t arrive_ms);
bool route_reserve(struct runner *r, size_t more);
void route_insert(struct plan *p, struct runner *r, size_t at, struct task *t,
                  enum plan_stop_kind kind);
void route_erase(struct plan *p, struct runner *r, size_t at);
void route_erase_task(struct plan *p, struct task *t);
bool route_overloaded(struct plan *p, struct runner *r);
bool route_find(const struct runner *r, const struct task *t, enum plan_stop_kind kind, size_t *at);
void route_leg(struct plan *p, struct runner *r, size_t at);
void route_legs(struct plan *p, struct runner *r); /* all of them again */
/* routes_estimate: all legs by the estimate, until routes_restore; no route may change meanwhile.
 */
void routes_estimate(struct plan *p);
void routes_restore(struct plan *p);

/* place_try.c */
/* Travel to and from the two new stops. Node 0 is the courier's position, node k its stop k - 1. */
struct place_legs {
    const struct travel_cell *to;     /* [node][0 pickup, 1 drop-off] */
    const struct travel_cell *from_p; /* [node] */
    const struct travel_cell *from_d;
    struct travel_cell across; /* pickup -> drop-off */
    int64_t least_ms;          /* between them, whatever lies between: at least */
};
/* place_try: the best place on this route that is better than *best (whose runner may be NULL, or
 * another), into *best; the verdict of what is there then. */
enum plan_verdict place_try(struct plan *p, const struct task *t, struct runner *r,
                            const struct place_legs *legs, struct place *best);
bool place_cheaper(const struct place *a, const struct place *b);
bool place_too_much(const struct runner *r, const struct plan_load *load,
                    const struct plan_load *more);

/* place.c */
bool place_reserve(struct plan *p, size_t n); /* room for so many points and their travel times */
enum plan_verdict place_judge(const struct plan *p, const struct task *t, const struct runner *r);
/* place_best: the cheapest place over all couriers; best->runner NULL when there is none, *why says
 * why. */
LC_MUST_CHECK enum lc_err place_best(struct plan *p, struct task *t, struct place *best,
                                     enum plan_verdict *why);
/* place_rivals: the best places of couriers until the `enough` cheapest (at most PLAN_RIVALS) are
 * certain, in no order, through `seen`; between place_begin and place_end. As place_each. */
typedef void place_seen(void *ctx, struct runner *r, enum plan_verdict why, const struct place *at);
LC_MUST_CHECK enum lc_err place_rivals(struct plan *p, struct task *t, size_t enough,
                                       place_seen *seen, void *ctx);
/* place_begin: chooses the provider of a search for this task. place_again: the search is to be
 * made once more as a whole, by the estimate; false when it was. place_end: ends it. */
void place_begin(struct plan *p, const struct task *t);
bool place_again(struct plan *p);
void place_end(struct plan *p);
/* place_each: the best place with each of these runners that may take it, one by one; between
 * place_begin and place_end. LC_EIO: the provider has no answer. */
LC_MUST_CHECK enum lc_err place_each(struct plan *p, struct task *t, struct runner *const *list,
                                     size_t size, place_seen *seen, void *ctx);
/* place_apply: puts the task there. */
LC_MUST_CHECK enum lc_err place_apply(struct plan *p, struct task *t, const struct place *at);

/* near_bound.c */
void near_init(struct plan *p);

/* plan.c */
struct task *task_find(struct plan *p, struct uuid id);
LC_MUST_CHECK enum lc_err task_add(struct plan *p, const struct plan_order *o, struct task **out);
void task_free(struct plan *p, struct task *t);
void task_take_along(struct task *t); /* its goods are with its courier */

/* task_to_pool: out of its route, free. */
void task_to_pool(struct plan *p, struct task *t);

/* rule.c */
struct rule *rule_find(const struct plan *p, struct uuid order);
enum plan_verdict rule_judge(const struct rule *rule, uint32_t courier); /* rule may be NULL */
bool task_on_hold(const struct task *t);
void rules_clear(struct plan *p);

/* runner.c */
/* runner_index: where the courier is, or would be, in the sorted array. */
size_t runner_index(const struct plan *p, uint32_t courier);
struct runner *runner_find(struct plan *p, uint32_t courier);
void runner_destroy(struct runner *r);
void runner_free_to_pool(struct plan *p, struct runner *r); /* its free orders */

#endif
