/* pd: pickups and drop-offs with time windows, planned for a fleet, from a seed.
 *
 * A request is a pickup and its drop-off, by the same vehicle, in that order; or, when the goods
 * are already on a vehicle, a drop-off alone. A plan gives every vehicle its steps in order and
 * leaves out the requests that fit nowhere. Best is, in this order: fewest requests left out that
 * must be served, fewest vehicles (when asked for), least cost. Cost is the sum of the arcs driven,
 * of what vehicles in use cost, of lateness and waiting where these have a price, and of the prices
 * of what was left out. How it searches: docs/routing.md.
 *
 * Times and costs are integers in units of the caller's choice; nothing is rounded in here.
 * Matrices need be neither symmetric nor metric. Serving starts at a stop not before it opens and
 * not after it closes; coming early is waiting and costs nothing.
 *
 * Pure: no I/O, no clock, no globals. The same problem, options and number of iterations give the
 * same plan on every machine: no floating point is used. One solver, one thread at a time; with
 * pd_options.threads > 1 pd_run starts threads of its own and ends them before it returns. */
#ifndef LC_ROUTER_PD_H
#define LC_ROUTER_PD_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    PD_LOADS = 3,           /* dimensions of a load, for example items, weight, volume */
    PD_LOAD_MAX = 524287,   /* the largest load and capacity in a dimension: "no limit" */
    PD_PRICE_MAX = 1000000, /* the dearest late_price and wait_price */
    PD_ANY = -1,            /* no vehicle in particular */
    PD_NOWHERE = -1         /* no node */
};

#define PD_TIME_MAX ((int64_t)1 << 50)  /* windows, services and shifts are within +- this */
#define PD_COST_MAX ((int64_t)1 << 50)  /* prices of requests left out */
#define PD_FIXED_MAX ((int64_t)1 << 30) /* cost of a vehicle in use, of an arc, time of an arc */

struct pd_visit {
    int32_t node;    /* row and column in the matrices */
    int64_t open;    /* not served before, */
    int64_t close;   /* and not after: the start of serving, not its end */
    int64_t service; /* takes this long, 0 .. PD_FIXED_MAX */
};

struct pd_request {
    struct pd_visit pickup; /* node PD_NOWHERE: the goods are on `vehicle`, the rest is not read */
    struct pd_visit dropoff;
    int32_t load[PD_LOADS];
    uint64_t skills;  /* every one of these bits the vehicle must have */
    int32_t vehicle;  /* only this one may, or PD_ANY */
    int64_t unserved; /* price of leaving it out; 0 = it must be served, whatever it costs */
    int64_t late;     /* 0: dropoff.close is hard. Else price of each time unit later than that */
    int64_t wait;     /* price of each time unit from pickup.open until the drop-off starts */
};

/* One stop of a route: a request's pickup, or its drop-off. */
struct pd_step {
    int32_t request;
    bool dropoff;
};

struct pd_vehicle {
    int32_t start; /* node */
    int32_t end;   /* node; PD_NOWHERE: it stops where its last stop is */
    int64_t shift_start;
    int64_t shift_end; /* back at its end, or done with its last stop */
    int32_t capacity[PD_LOADS];
    uint64_t skills;
    int32_t matrix; /* which of the problem's */
    int64_t fixed;  /* cost of using it at all */

    /* What it is to do now. The first n_fixed steps stay as they are, where they are, and are not
     * checked (what is committed is so); the rest is a proposal to start from. */
    const struct pd_step *steps;
    size_t n_steps;
    size_t n_fixed;
};

struct pd_matrix {
    const int32_t *time; /* n_nodes x n_nodes, [from][to], 0 .. PD_FIXED_MAX */
    const int32_t *cost; /* the same; may be the same array */
    bool metric;         /* promised: no detour by a third node is shorter, in time or cost. Only
                          * faster; a wrong promise misses good plans, never makes a wrong one */
};

struct pd_ban {
    int32_t request;
    int32_t vehicle;
};

struct pd_problem {
    int32_t n_nodes;
    const struct pd_matrix *matrices;
    size_t n_matrices;
    const struct pd_request *requests;
    size_t n_requests;
    const struct pd_vehicle *vehicles;
    size_t n_vehicles;
    const struct pd_ban *bans;
    size_t n_bans;
};

struct pd_options {
    uint64_t seed;
    uint64_t iterations;  /* how long the search is meant to be; it cools down over this many */
    bool fewest_vehicles; /* vehicles before cost */
    int threads;          /* 0 and 1: the caller's; at most PD_THREADS */
};
enum { PD_THREADS = 16 };

/* What was wrong with a problem: requests[3].dropoff.close: expected ... */
struct pd_error {
    char field[64];
    char expected[96];
};

struct pd_figures {
    size_t unserved; /* requests left out, priced ones too */
    size_t vehicles; /* with a step at least */
    int64_t cost;
    uint64_t iterations; /* by all threads together */
};

struct pd_solver; /* opaque, owned by the caller */

/* pd_solver_new: copies what it needs of the problem, and builds a first plan.
 *   LC_EINVAL  the problem is not as documented; *error (may be NULL) says where
 *   LC_ENOMEM  out of memory */
LC_MUST_CHECK enum lc_err pd_solver_new(const struct pd_problem *problem,
                                        const struct pd_options *options, struct pd_solver **solver,
                                        struct pd_error *error);
void pd_solver_free(struct pd_solver *s);

/* pd_run: goes on searching for so many iterations a thread. How a search is cut into calls does
 * not matter with one thread, nor with 150 requests and more; else threads exchange the best plan
 * at the end of every call.
 * LC_EAGAIN: no thread could be started; nothing was done. LC_ENOMEM: the best plan so far stays.
 */
LC_MUST_CHECK enum lc_err pd_run(struct pd_solver *s, uint64_t iterations);

/* pd_expect: so many iterations a thread are still to come. For a caller with a clock, who sees
 * that they take longer or shorter than was thought: what is left of the search, of the phase it is
 * in too, is spread over as many. */
void pd_expect(struct pd_solver *s, uint64_t iterations);

/* pd_figures: of the best plan so far. */
struct pd_figures pd_figures(const struct pd_solver *s);

/* pd_route: a vehicle's steps in the best plan; at most max are written, returns how many there
 * are. */
size_t pd_route(const struct pd_solver *s, size_t vehicle, struct pd_step *out, size_t max);

/* pd_served: is the request in the best plan? */
bool pd_served(const struct pd_solver *s, size_t request);

#endif
