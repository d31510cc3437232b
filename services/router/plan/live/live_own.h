/* live_own: what the live dispatcher's own files share. */
#ifndef LC_ROUTER_PLAN_LIVE_OWN_H
#define LC_ROUTER_PLAN_LIVE_OWN_H

#include "router/plan/live/live.h"

enum { KIN = 12, NEAR_MAX = 64, SEEN = 128 };

struct task {
    struct live_order in;
    bool used;
    enum live_state state;
    uint32_t courier;
    uint32_t pin; /* LIVE_NONE = anybody's */
    uint32_t bans[LIVE_BANS];
    size_t n_bans;
    enum live_verdict why;
    int32_t leg;       /* pickup to drop-off */
    int64_t soonest;   /* that its customer can have it */
    uint32_t open_at;  /* where in live.open */
    uint32_t kin[KIN]; /* other orders open when it came, or since: nearest first, some gone */
    int64_t kin_far[KIN];
    uint32_t serial[KIN]; /* which use of the handle is meant */
    size_t n_kin;
    uint64_t id;    /* of its facts as they are; unique */
    uint32_t use;   /* how often the handle has been given */
    uint64_t taken; /* in which attempt it was taken out */
};

struct trip {
    uint32_t n;
    uint32_t joined; /* bit k: order k is in one bundle with order k - 1 */
    uint32_t order[LIVE_TRIP_ORDERS];
};

/* Where a rider stands between two bundles. */
struct pose {
    int64_t t;
    uint32_t place;
    int64_t cost; /* of all before */
};

struct rider {
    struct live_courier in;
    bool used;
    bool frozen;
    bool fresh;     /* idle, and not positioned since */
    int64_t earned; /* money of the orders carried so far */
    int64_t over;   /* money expected at the end of the shift, less the guarantee, */
    int64_t spread; /* more or less so much */
    struct trip trip;
    uint32_t bundles;
    uint32_t first[LIVE_TRIP_ORDERS + 1];   /* bundle b: orders [first[b], first[b + 1]) */
    struct pose pose[LIVE_TRIP_ORDERS + 1]; /* before bundle b */
    int64_t pay_more;                       /* what one order more would cost in pay */
    uint64_t stamp;   /* of its facts and its start; unique among all couriers' */
    uint64_t version; /* of the trip with its times: a hash of stamp and sequence */
    uint64_t touched; /* in which attempt */
    uint64_t chained; /* in which round of chains */
};

/* Couriers for the orders of one pickup place: who can be there first. */
struct near {
    uint64_t stamp; /* of which live.clock */
    size_t n;
    uint32_t courier[NEAR_MAX];
    int64_t arrive[NEAR_MAX];
};

/* What has been asked of a pickup place today. */
struct demand {
    uint32_t place;
    int64_t weight;
    uint32_t by[4];  /* couriers who will be there first, */
    int64_t wait[4]; /* and what an order would wait for them */
    size_t n;
};

struct spot {
    uint32_t courier; /* LIVE_NONE = nowhere */
    uint32_t bundle;  /* before which, or which */
    uint32_t at;      /* position in the trip */
    bool join;        /* into that bundle */
    int64_t cost;
};

/* The best spot of an order with a courier, as it was computed for a version of its trip. */
struct seen {
    uint64_t version;
    int64_t cost; /* without pay */
    uint32_t courier;
    uint8_t verdict, bundle, at, join;
};

struct saved {
    uint32_t courier;
    struct trip trip;
};

struct live {
    struct live_travel travel;
    struct live_policy policy;
    uint64_t random;
    int64_t now;
    uint64_t clock;       /* rises when couriers or the time have changed */
    struct rider *riders; /* owned */
    size_t n_riders, room_riders;
    struct task *tasks; /* owned */
    size_t n_tasks, room_tasks;
    struct seen *seen; /* owned; SEEN for each task */
    uint64_t stamps;   /* given so far */
    uint32_t *open;    /* owned; orders not carried */
    size_t n_open;
    int64_t pool;      /* weight of the orders in it */
    struct near *near; /* owned, by place */
    size_t room_near;
    struct demand *demand; /* owned */
    size_t n_demand, room_demand;
    int64_t faded;
    int64_t earned, worked; /* by all couriers: money, ticks on shift */
    uint64_t attempt;
    uint64_t chained;
    uint32_t out[LIVE_BUNDLE_ORDERS * 4]; /* orders taken out in this attempt, */
    uint32_t was[LIVE_BUNDLE_ORDERS * 4]; /* and the couriers that had them */
    size_t n_out;
    struct saved *saved; /* owned; trips before this attempt */
    size_t n_saved, room_saved;
};

static inline int64_t
max_64(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static inline int64_t
weight(const struct task *t)
{
    return 1 + t->in.priority;
}

static inline int32_t
way(const struct live *l, uint32_t from, uint32_t to)
{
    return from == to ? 0 : l->travel.ticks(l->travel.ctx, from, to);
}

/* live.c */
void live_weigh(struct live *l, struct task *t); /* after its facts or the travel times changed */
void live_close(struct live *l, uint32_t order);
uint32_t live_below(struct live *l, uint32_t n);
void live_to_pool(struct live *l, uint32_t order);
void live_plan_task(struct live *l, uint32_t order); /* from the pool to the cheapest place */

/* eval.c */
struct task *live_task(const struct live *l, uint32_t order);
struct rider *live_rider(const struct live *l, uint32_t courier);
void live_refresh(struct live *l, struct rider *r);   /* after a change of the trip: its times */
void live_restart(struct live *l, struct rider *r);   /* after a change of its start or facts */
void live_pay(const struct live *l, struct rider *r); /* after its prospects changed */
int64_t live_trip_cost(const struct live *l, const struct rider *r);
/* false: it cannot be driven so */
bool live_bundle(const struct live *l, const struct rider *r, const uint32_t *order, size_t n,
                 struct pose *p, int64_t *door);
int64_t live_arrive(const struct live *l, const struct rider *r, uint32_t place);

/* spot.c */
enum live_verdict live_judge(const struct live *l, const struct task *t, uint32_t courier);
/* live_spot_of: the best place with this courier, without pay, that costs less than best->cost. */
enum live_verdict live_spot_of(struct live *l, uint32_t order, uint32_t courier, struct spot *best,
                               int64_t *door);
void live_put(struct live *l, uint32_t order, const struct spot *at);
void live_take(struct live *l, uint32_t order); /* out of its trip; in the pool */
/* live_spot: over the couriers near by; blink: skips some by chance, noise added. */
struct spot live_spot(struct live *l, uint32_t order, bool blink);

const struct seen *live_see(struct live *l, uint32_t order, uint32_t courier);
struct spot live_spot_at(struct live *l, uint32_t order, uint32_t courier);
void live_trip_remove(struct trip *p, uint32_t at);

/* improve.c: trying something, and taking it back */
void live_try(struct live *l);
bool live_save(struct live *l, uint32_t courier);   /* false: out of memory */
bool live_take_out(struct live *l, uint32_t order); /* marks it, saves its courier's trip */
int64_t live_tried_cost(const struct live *l);      /* of the trips saved, and of the pool */
void live_undo(struct live *l);

/* chain.c */
LC_MUST_CHECK enum lc_err live_chains(struct live *l, size_t most, size_t *better);

/* near.c */
const struct near *live_near(struct live *l, uint32_t place);
bool live_near_reserve(struct live *l, uint32_t place);
void live_kin_add(struct live *l, uint32_t order);

/* commit.c */
void live_drive_off(struct live *l, uint32_t c, uint32_t to, int64_t at, struct live_act *act);

/* demand.c */
bool live_demand_add(struct live *l, uint32_t place);

#endif
