/* live: which courier carries which orders of a day that is only known as far as it has happened.
 *
 * A plan gives each courier a trip: bundles one after the other, a bundle being orders of one
 * pickup place, fetched together and dropped in sequence. A trip is an intention: any of it may
 * change until live_commit says that a courier drives off to a place (then only the place is
 * certain), or picks up (then the bundle is). Both are said as late as they can be said without
 * delaying anything. A courier sent to a place, with orders or without, is free from its arrival.
 *
 * Cost, in integers (struct live_policy): time at the door, time beyond the promise, the couriers'
 * busy time, their pay as it will stand at the end of the shift, and a price for every order that
 * nobody carries.
 *
 * Pure: no I/O, no clock, no chance but the seed; the same calls give the same plan on every
 * machine. Not thread-safe. Times are ticks (whatever the caller counts in) since the caller's
 * origin; places are the caller's numbers, small and dense. Travel times need be neither symmetric
 * nor metric. Functions that change a plan leave it as it was when they fail. Couriers and orders
 * are named by handles that the library gives; a handle of something dropped may be given again. */
#ifndef LC_ROUTER_PLAN_LIVE_H
#define LC_ROUTER_PLAN_LIVE_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    LIVE_LOADS = 3,          /* dimensions of capacity: items, weight, volume */
    LIVE_TRIP_ORDERS = 24,   /* at most in a trip, */
    LIVE_BUNDLE_ORDERS = 12, /* and in a bundle */
    LIVE_BANS = 8            /* couriers that one order can be kept from */
};
#define LIVE_NONE UINT32_MAX
#define LIVE_UNREACHABLE INT32_MAX
#define LIVE_NEVER (INT64_MAX / 8)

struct live_travel {
    /* ticks: from here to there, at least 0, or LIVE_UNREACHABLE. The same answer for the same
     * pair until live_travel_changed. */
    int32_t (*ticks)(const void *ctx, uint32_t from, uint32_t to);
    const void *ctx;
};

/* What things cost. All in one unit, the caller's; prices per tick unless said. door, late and
 * unassigned count priority + 1 times. */
struct live_policy {
    int64_t door;       /* between placement and the customer's having it */
    int64_t late;       /* beyond the promise, added to that */
    int64_t busy;       /* of a courier's driving and service */
    int64_t unassigned; /* for an order that nobody carries */
    int64_t pay;        /* per unit of money that a courier's pay is expected to rise */
    int64_t per_order;  /* money an order, */
    int64_t per_hour;   /* and guaranteed an hour of the shift; hour = this many ticks: */
    int64_t hour;
    int64_t ahead;  /* live_commit decides for [now, now + ahead): the time between two calls */
    size_t near;    /* couriers looked at for an order: those who can be there first */
    size_t bundles; /* at most in a trip */
    size_t chains;  /* ejection chains in one improvement */
    int64_t soon;   /* positioning: orders are expected in about so many ticks; */
    int64_t fade;   /* what was asked loses an eighth of its weight every so many */
};

struct live_courier {
    uint32_t place;    /* where it is, or next is free, */
    int64_t free_from; /* from when on */
    int64_t shift_start;
    int64_t last_pickup;           /* the latest that it may pick up */
    int64_t shift_end;             /* every drop-off ends before; LIVE_NEVER = drops may be later */
    uint32_t capacity[LIVE_LOADS]; /* 0 = no limit */
    uint32_t skills;               /* bits */
};

struct live_order {
    uint32_t pickup, dropoff; /* places */
    int64_t placed, ready;
    int64_t promise;
    bool hard;        /* the promise must be kept */
    uint8_t priority; /* an order of priority n counts as n + 1 */
    uint32_t load[LIVE_LOADS];
    uint32_t skills; /* bits that the courier must have */
    /* the halves of the services: arrival to handing over, handing over to driving on; a bundle's
     * pickup takes the longest of its orders' */
    int32_t pickup_before, pickup_after, dropoff_before, dropoff_after;
};

/* Why a courier cannot take an order; later ones are nearer misses. */
enum live_verdict {
    LIVE_FITS,
    LIVE_NO_COURIERS, /* of an order: there is none at all */
    LIVE_FROZEN,      /* the route is not to be touched */
    LIVE_PINNED,      /* the order is another courier's */
    LIVE_BANNED,
    LIVE_SKILL,
    LIVE_FAR,      /* others can be there before: not looked at */
    LIVE_NO_WAY,   /* unreachable */
    LIVE_CAPACITY, /* of the vehicle, or of the trip */
    LIVE_SHIFT,
    LIVE_LATE /* a hard promise breaks */
};
enum { LIVE_VERDICTS = LIVE_LATE + 1 };

enum live_state { LIVE_POOL, LIVE_PLANNED, LIVE_CARRIED };

struct live_candidate {
    uint32_t courier;
    enum live_verdict verdict; /* FITS: the rest is set */
    int64_t cost;              /* that the plan would rise by */
    int64_t door;              /* when the customer would have it */
};

enum live_act_kind {
    LIVE_GO,     /* drives off to a place; orders may follow there */
    LIVE_PICK_UP /* takes a bundle, and drops it */
};

struct live_act {
    enum live_act_kind kind;
    uint32_t courier;
    uint32_t from, to; /* places; PICK_UP: both the pickup place */
    int64_t at;        /* drives off, or picks up */
    int64_t until;     /* is there, or leaves the last customer */
    size_t n;          /* orders of the bundle in the sequence of their drops */
    uint32_t order[LIVE_BUNDLE_ORDERS];
    int64_t door[LIVE_BUNDLE_ORDERS]; /* when each customer has it */
};

struct live; /* opaque, owned by the caller */

/* live_new: copies the policy; borrows travel->ctx until live_destroy. NULL: out of memory. */
struct live *live_new(const struct live_travel *travel, const struct live_policy *policy,
                      uint64_t seed);
void live_destroy(struct live *l);

/* live_time: it is now this late. Never goes back. */
void live_time(struct live *l, int64_t now);

/* live_travel_changed: what travel times were known are forgotten. */
void live_travel_changed(struct live *l);

/* ---- couriers ---- */

/* live_courier_add: *courier = its handle. LC_ENOMEM. */
LC_MUST_CHECK enum lc_err live_courier_add(struct live *l, const struct live_courier *in,
                                           uint32_t *courier);

/* live_courier_put: other facts of a known courier. What it was to fetch and no longer may goes to
 * the pool. LC_ENOTFOUND. */
LC_MUST_CHECK enum lc_err live_courier_put(struct live *l, uint32_t courier,
                                           const struct live_courier *in);

/* live_courier_drop: forgets it. What it was to fetch goes to the pool; what it carries stays
 * LIVE_CARRIED, by nobody, until the caller drops the order. LC_ENOTFOUND. */
LC_MUST_CHECK enum lc_err live_courier_drop(struct live *l, uint32_t courier);

/* live_freeze: its trip stays as it is, order by order, until unfrozen. LC_ENOTFOUND. */
LC_MUST_CHECK enum lc_err live_freeze(struct live *l, uint32_t courier, bool frozen);

/* ---- orders ---- */

/* live_order_add: a new order, at the cheapest place or in the pool. *order = its handle.
 * LC_ENOMEM. */
LC_MUST_CHECK enum lc_err live_order_add(struct live *l, const struct live_order *in,
                                         uint32_t *order);

/* live_order_drop: forgets the order in whatever state. LC_ENOTFOUND. */
LC_MUST_CHECK enum lc_err live_order_drop(struct live *l, uint32_t order);

/* live_order_ready: ready at another time than was thought. LC_ESTATE: it is carried. */
LC_MUST_CHECK enum lc_err live_order_ready(struct live *l, uint32_t order, int64_t ready);

/* live_pin: only this courier gets it; LIVE_NONE: anybody. An order planned elsewhere is planned
 * again. LC_ENOTFOUND, LC_ESTATE: it is carried, or in a frozen route. */
LC_MUST_CHECK enum lc_err live_pin(struct live *l, uint32_t order, uint32_t courier);

/* live_ban: this courier does not get it. LC_ENOTFOUND, LC_ESTATE as live_pin; LC_ETOOBIG: kept
 * from LIVE_BANS couriers already. */
LC_MUST_CHECK enum lc_err live_ban(struct live *l, uint32_t order, uint32_t courier);

struct live_where {
    enum live_state state;
    uint32_t courier;      /* of PLANNED and CARRIED, LIVE_NONE in the pool */
    enum live_verdict why; /* in the pool: the nearest miss of all couriers */
};
LC_MUST_CHECK enum lc_err live_find(const struct live *l, uint32_t order, struct live_where *out);

/* live_trip: the courier's planned orders in sequence, at most max; joined[i]: with the one before
 * in one bundle. Returns how many there are; 0 for an unknown courier. */
size_t live_trip(const struct live *l, uint32_t courier, uint32_t *order, bool *joined, size_t max);

/* live_why: what the order would cost with each courier as things are, in the order of handles;
 * returns how many couriers there are, writes at most max; 0: no such order, or it is carried. */
size_t live_why(struct live *l, uint32_t order, struct live_candidate *out, size_t max);

/* ---- going on ---- */

/* live_improve: so many attempts to make the plan cheaper by taking out some orders and putting
 * them back elsewhere. *better = how many did. Orders of the pool are among them. */
LC_MUST_CHECK enum lc_err live_improve(struct live *l, size_t attempts, size_t *better);

/* live_commit: what cannot wait until now + ahead. Writes at most max acts and returns how many;
 * call again while it returns max. Acts are final. */
size_t live_commit(struct live *l, struct live_act *out, size_t max);

/* live_position: sends a courier that has nothing to do, and has not been looked at since it became
 * so, to where orders are expected and few couriers will be; the same conditions as live_commit. */
size_t live_position(struct live *l, struct live_act *out, size_t max);

/* live_cost: of the whole plan, to compare two. live_open: orders that may still change. */
int64_t live_cost(const struct live *l);
size_t live_open(const struct live *l);

/* live_verdict_name: "capacity", "shift end", ...; static. */
const char *live_verdict_name(enum live_verdict v);

#endif
