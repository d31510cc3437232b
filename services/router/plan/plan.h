/* plan: which courier carries which order, and in which sequence. The one interface behind which
 * the solver lives.
 *
 * A plan is a set of couriers, each with a route (stops in order), and a pool of orders that nobody
 * can take now. Orders are free or locked. A free order is only an intention: the plan may move it
 * to any place at any time. A locked one (offered, accepted or carried) stays with its courier, and
 * the locked stops of a route keep their order, but for plan_resequence; free stops may come
 * between them, but never before
 * the first `fixed` stops (where the courier is or is driving to).
 *
 * People overrule it (plan_rule): an order may be pinned to a courier, banned from couriers, or on
 * hold; a courier may be frozen: it gets nothing new. No call ever puts a free order where a ruling
 * forbids it.
 *
 * Always true: an order is in one route or in the pool; its pickup comes before its drop-off; loads
 * stay within capacity, drop-offs within the shift, and an insertion breaks no promise that was
 * kept before, nor delays one that is already broken. An order that can make its own promise
 * nowhere is placed where it is least late.
 *
 * Cost, in integers: first how late; then PLAN_COST_DOOR per ms of later arrival at a customer,
 * PLAN_COST_TRAVEL per ms and PLAN_COST_METRE per metre of the couriers' way. An order of priority
 * n counts as n + 1 customers, late or not. Ties go to the lower courier number, then to the
 * earlier place.
 *
 * Pure: no I/O, no clock, no chance; the same calls give the same plan. Not thread-safe. Times are
 * Unix ms. Functions that change a plan leave it as it was when they fail. LC_ENOTFOUND: no such
 * courier or order. */
#ifndef LC_ROUTER_PLAN_H
#define LC_ROUTER_PLAN_H

#include "base/err.h"
#include "base/id.h"
#include "base/travel.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    PLAN_COST_LATE = 1000, /* per ms beyond the promise */
    PLAN_COST_DOOR = 10,   /* per ms until the customer has it */
    PLAN_COST_TRAVEL = 1,  /* per ms of driving */
    PLAN_COST_METRE = 50,
    PLAN_PRIORITY_MAX = 4
};

struct plan_load {
    uint32_t items;
    uint32_t g;
    uint32_t ml;
};

struct plan_courier {
    uint32_t courier; /* its number */
    enum travel_mode mode;
    struct plan_load capacity; /* g and ml: 0 = no limit */
    int64_t shift_end_ms;      /* every drop-off ends before it */
    bool adult_trained;
    bool cold_box;
    bool open;        /* may be given new orders */
    bool frozen;      /* a person wants its route left alone: nothing new either */
    struct latlng at; /* where it was ... */
    int64_t at_ms;    /* ... and when */
};

struct plan_order {
    struct uuid id;
    struct latlng pickup;
    struct latlng dropoff;
    int64_t ready_ms;   /* goods are ready */
    int64_t promise_ms; /* latest arrival at the customer */
    struct plan_load load;
    uint32_t pickup_s; /* from being there, or ready, until driving on */
    uint32_t dropoff_s;
    bool age_check;
    bool cold;
    uint8_t priority; /* 0 = as most, up to PLAN_PRIORITY_MAX */
};

enum plan_stop_kind { PLAN_PICKUP, PLAN_DROPOFF, PLAN_RETURN };

/* Why a courier cannot take an order: the constraint that stopped the place that came furthest. */
enum plan_verdict {
    PLAN_FITS,
    PLAN_NO_COURIERS, /* of an order: there is no courier at all */
    PLAN_FAR,         /* plan_rivals: not looked at, since others are cheaper */
    PLAN_HELD,        /* a person keeps the order on hold */
    PLAN_PINNED,      /* a person wants it with another courier */
    PLAN_CLOSED,      /* takes nothing new */
    PLAN_FROZEN,      /* a person wants its route left alone */
    PLAN_FORBIDDEN,   /* a person forbids the pair */
    PLAN_BANNED,      /* declined it, or was silent */
    PLAN_SKILL,       /* age check or cold box */
    PLAN_UNREACHABLE,
    PLAN_CAPACITY,
    PLAN_SHIFT,
    PLAN_OTHERS, /* would break another order's promise */
    PLAN_LATE    /* fits, but its own promise is broken there */
};
enum { PLAN_VERDICTS = PLAN_LATE + 1 };

struct plan_placement {
    bool placed;
    bool locked;
    uint32_t courier; /* when placed */
    enum plan_verdict
        why;            /* not placed: the nearest miss over all couriers; placed: FITS or LATE */
    int64_t late_ms;    /* beyond the promise */
    int64_t pickup_ms;  /* arrival there; 0 when the goods are with the courier */
    int64_t dropoff_ms; /* arrival there */
};

struct plan_stop {
    struct uuid order;
    enum plan_stop_kind kind;
    bool locked;
    struct latlng at;
    uint32_t leg_s; /* from the stop before */
    int64_t arrive_ms;
    int64_t start_ms; /* later than arrive_ms while the goods are not ready */
    int64_t leave_ms;
};

struct plan_candidate {
    uint32_t courier;
    enum plan_verdict verdict; /* FITS and LATE: the numbers below are set */
    int64_t late_ms;
    int64_t cost;
    int64_t dropoff_ms;
};

struct plan; /* opaque, owned by the caller */

/* plan_new: borrows the travel times until plan_destroy or plan_travel. NULL when out of memory.
 *
 * One search for a place has one provider from its start to its end, the legs that are driven
 * anyway included. Where `travel` has no answer (it does not know a place of the order, or has not
 * the mode of a courier who could come; or nobody can come whose places it all knows), the search
 * is made by the estimate as a whole. A single leg that it has no answer for, of a route that is
 * driven anyway, is estimated. */
struct plan *plan_new(const struct travel *travel);

/* plan_travel: from now on these travel times, borrowed, and this estimate behind them; all legs
 * are asked for again. */
void plan_travel(struct plan *p, const struct travel *travel, const struct travel *estimate);

/* plan_searched: searches for a place, by the quality of their travel times. */
uint64_t plan_searched(const struct plan *p, enum travel_quality quality);
void plan_destroy(struct plan *p);

/* plan_clear: forgets couriers and orders. */
void plan_clear(struct plan *p);

/* plan_time: it is now this late. Never goes back. */
void plan_time(struct plan *p, int64_t now_ms);

/* ---- couriers ---- */

/* plan_courier_put: a new courier, or changed facts of a known one; its route stays.
 *   LC_EINVAL  the position is not on Earth, or its capacity is 0 items */
LC_MUST_CHECK enum lc_err plan_courier_put(struct plan *p, const struct plan_courier *c);

/* plan_courier_move: was seen at this place at this time. */
LC_MUST_CHECK enum lc_err plan_courier_move(struct plan *p, uint32_t courier, struct latlng at,
                                            int64_t at_ms);

/* plan_courier_open: closing sends its free orders to the pool. */
LC_MUST_CHECK enum lc_err plan_courier_open(struct plan *p, uint32_t courier, bool open);

/* plan_courier_freeze: a person wants its route left alone, or not any more. Its free orders go to
 * the pool. */
LC_MUST_CHECK enum lc_err plan_courier_freeze(struct plan *p, uint32_t courier, bool frozen);

/* plan_courier_fix: nothing comes before its first n stops any more (they must be locked).
 * arrived_ms: since when it is at the first, 0 = it is not. LC_ESTATE: one of them is free, or
 * there are fewer. */
LC_MUST_CHECK enum lc_err plan_courier_fix(struct plan *p, uint32_t courier, size_t n,
                                           int64_t arrived_ms);

/* plan_courier_drop: forgets the courier with its locked orders; the free ones go to the pool. */
LC_MUST_CHECK enum lc_err plan_courier_drop(struct plan *p, uint32_t courier);

/* plan_restore: a locked route as it was kept elsewhere. The courier's route must be empty and the
 * orders unknown; an order without a pickup among the stops is carried. Nothing is checked for
 * feasibility: it is so.
 *   LC_EINVAL  a pickup without its drop-off behind it, or an order twice
 *   LC_ESTATE  the route is not empty, or an order is known */
struct plan_restore_stop {
    const struct plan_order *order;
    enum plan_stop_kind kind;
};
LC_MUST_CHECK enum lc_err plan_restore(struct plan *p, uint32_t courier,
                                       const struct plan_restore_stop *stops, size_t n);

/* plan_schedule: the courier's stops with times, at most max; returns how many there are. */
size_t plan_schedule(struct plan *p, uint32_t courier, struct plan_stop *out, size_t max);

/* ---- orders ---- */

/* plan_insert: a new order, free, at the cheapest place over all couriers, or into the pool.
 * LC_EEXIST: it is known. LC_EINVAL: a place is not on Earth, or the priority too high. */
LC_MUST_CHECK enum lc_err plan_insert(struct plan *p, const struct plan_order *o,
                                      struct plan_placement *out);

/* plan_remove: forgets the order wherever it is. */
LC_MUST_CHECK enum lc_err plan_remove(struct plan *p, struct uuid order);

/* plan_lock: it stays with its courier from now on, until plan_release. LC_ESTATE: it is in the
 * pool. */
LC_MUST_CHECK enum lc_err plan_lock(struct plan *p, struct uuid order);

/* plan_release: back to the pool, free. LC_ESTATE: it is carried. */
LC_MUST_CHECK enum lc_err plan_release(struct plan *p, struct uuid order);

/* plan_ban: this courier is not to get this order before until_ms. Does not move it. */
LC_MUST_CHECK enum lc_err plan_ban(struct plan *p, struct uuid order, uint32_t courier,
                                   int64_t until_ms);

/* plan_rule: what people say of an order from now on, known to the plan or not yet; it replaces
 * what they said before, outlives the order's comings and goings, and is forgotten by plan_clear
 * alone. All empty = nothing. A free order that is against it goes to the pool; a locked one stays:
 * whoever locked it must release it (plan_ruled tells). */
struct plan_ruling {
    uint32_t pinned;        /* this courier alone; 0 = any */
    bool held;              /* nobody */
    const uint32_t *banned; /* not these couriers */
    size_t n_banned;
};
LC_MUST_CHECK enum lc_err plan_rule(struct plan *p, struct uuid order,
                                    const struct plan_ruling *ruling);

/* plan_ruled: may the order be with this courier? FITS, HELD, PINNED or FORBIDDEN.
 * plan_rulings: how many orders have rulings. */
enum plan_verdict plan_ruled(const struct plan *p, struct uuid order, uint32_t courier);
size_t plan_rulings(const struct plan *p);

/* plan_picked_up: the goods are with the courier; locks the order. Free orders for which there is
 * no room any more go to the pool. LC_ESTATE: it is in the pool. */
LC_MUST_CHECK enum lc_err plan_picked_up(struct plan *p, struct uuid order);

/* plan_turn_back: the drop-off becomes a return to the pickup. LC_ESTATE: it is not carried. */
LC_MUST_CHECK enum lc_err plan_turn_back(struct plan *p, struct uuid order);

/* plan_front: the courier goes to the order's next stop first; free orders as with plan_picked_up.
 * LC_ESTATE: it is in the pool. */
LC_MUST_CHECK enum lc_err plan_front(struct plan *p, struct uuid order);

/* plan_ready: the goods are ready at another time than was thought. */
LC_MUST_CHECK enum lc_err plan_ready(struct plan *p, struct uuid order, int64_t ready_ms);

/* plan_find: where is it? */
LC_MUST_CHECK enum lc_err plan_find(struct plan *p, struct uuid order, struct plan_placement *out);

/* ---- going on ---- */

/* plan_retry: tries up to max orders of the pool, in turn, those of high priority first. *placed =
 * how many found a place. */
LC_MUST_CHECK enum lc_err plan_retry(struct plan *p, size_t max, size_t *placed);

/* plan_improve: up to this many attempts to find a free order a cheaper place; *moved = how many
 * did. */
LC_MUST_CHECK enum lc_err plan_improve(struct plan *p, size_t attempts, size_t *moved);

/* plan_resequence: this courier's next eight stops in the cheapest sequence, accepted ones among
 * them, when that takes least_gain off the plan's cost at least. What stays: the fixed stops, and
 * the first locked stop ahead of all other locked ones (that is where the courier is going);
 * everything of a frozen courier. No promise that was kept is broken, and none that was not is
 * broken by more. *moved: locked stops have another sequence, and whoever follows it must be told;
 * else nothing has changed. LC_ENOTFOUND. */
LC_MUST_CHECK enum lc_err plan_resequence(struct plan *p, uint32_t courier, int64_t least_gain,
                                          bool *moved);

/* plan_why: what every courier would cost the order as things are, by courier number; returns how
 * many there are, at most max are written; 0 also when the order is unknown or out of memory. Looks
 * at every courier: what plan_rivals and plan_insert must agree with. */
size_t plan_why(struct plan *p, struct uuid order, struct plan_candidate *out, size_t max);

/* plan_rivals: the same, but of the couriers who could only be looked at until the PLAN_RIVALS
 * cheapest are certain, and whoever has the order; the others are PLAN_FAR. */
enum { PLAN_RIVALS = 8 };
size_t plan_rivals(struct plan *p, struct uuid order, struct plan_candidate *out, size_t max);

/* plan_cost: of the whole plan, for comparing two of them. */
int64_t plan_cost(struct plan *p);

size_t plan_pool_size(const struct plan *p);

/* plan_verdict_name: "capacity", "shift", ...; static. */
const char *plan_verdict_name(enum plan_verdict v);

#endif
