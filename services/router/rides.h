/* rides: what couriers' ways teach about travel times: from their reports (rides.c) to what the
 * plan is made by (learn.c). Of the router's core; see docs/roads.md. */
#ifndef LC_ROUTER_RIDES_H
#define LC_ROUTER_RIDES_H

#include "base/id.h"
#include "base/step.h"
#include "router/plan/plan.h"

struct router;
struct courier;
struct report;

enum { RIDES_AN_HOUR = 6 }; /* of one courier, that are learnt from */

/* When something happened: by our clock, and by the phone's (0 = it did not say). */
struct moment {
    int64_t heard_ms;
    int64_t said_ms;
};

/* A way that a courier is on, to learn from (rides.c). */
struct ride {
    bool under_way;
    struct uuid order;
    enum plan_stop_kind kind;
    enum travel_mode mode;
    struct latlng began; /* where it said that it drives off, */
    struct latlng from;  /* where it was last seen there, */
    struct moment left;  /* and when */
    bool away;           /* from there */
    struct latlng to;
    bool near; /* the goal, */
    struct latlng near_at;
    struct moment near_since;
    struct latlng seen_at; /* last, */
    int64_t seen_ms;       /* by our clock; 0 = not since it began */
    struct latlng still_at;
    int64_t still_ms; /* has not moved since, */
    int64_t stood_ms; /* and this is the longest that it had not */
    double way_m;     /* by its positions, at least */
};

/* What became of a ride. */
enum ride_end {
    RIDE_COUNTED,
    RIDE_NO_START,    /* arrived without having said that it drives off */
    RIDE_NO_PLACE,    /* nobody knew where it was then */
    RIDE_LEFT,        /* it went elsewhere first */
    RIDE_NO_MAP,      /* or the map has no answer */
    RIDE_SHORT,       /* too short to tell anything */
    RIDE_ELSEWHERE,   /* its phone was not where it said it was */
    RIDE_STOOD,       /* too long in one place */
    RIDE_DETOUR,      /* more than twice as far as the way is */
    RIDE_CLOCK,       /* the phone's times cannot be right */
    RIDE_IMPLAUSIBLE, /* no ride takes that long, or that short */
    RIDE_OFTEN,       /* RIDES_AN_HOUR */
    RIDE_ENDS
};

/* rides.c: what couriers' reports and positions tell of how long ways take */
void ride_report(struct router *r, struct courier *c, const struct report *rep); /* it is done */
void ride_moved(struct router *r, struct courier *c, struct latlng at, int64_t said_ms);
void ride_forget(struct router *r, struct courier *c);

/* learn.c: what is made of the rides */
LC_MUST_CHECK enum lc_err learn_start(struct router *r, const struct config *cfg);
void learn_map(struct router *r, const struct travel *map);   /* NULL = none: the estimate */
void learn_load(struct router *r, const struct reply *reply); /* HGETALL of speeds */
void learn_again(struct router *r);                           /* somebody has changed it */
void learn_written(struct router *r, const struct reply *reply);
void learn_tick(struct router *r);
/* learn_pace: before each step: another hour may have begun. All legs of the plan are then asked
 * for again, so that no decision is made of two hours' times. */
void learn_pace(struct router *r);
void learn_stop(struct router *r); /* what is not written yet is */

#endif
