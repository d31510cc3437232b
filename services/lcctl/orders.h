/* orders: what lcctl's files about one order share. */
#ifndef LC_LCCTL_ORDERS_H
#define LC_LCCTL_ORDERS_H

#include "base/record.h"
#include "lcctl/lcctl.h"
#include "lcctl/show.h"
#include "matcher/explain.h"

#include "dispatch.pb-c.h"

/* In JSON couriers and chains have their short names. Each prints one JSON object and returns the
 * exit status. names: both are set; what they say lives in the run's arena. history: LRANGE of it;
 * order, history and d may be NULL. */
int order_json(struct ctl *c, const char *uuid, const struct record *r,
               const Lifecircle__V1__Order *order, const redisReply *history,
               const struct match_names *n);
struct dispatch_view;
int explain_json(struct ctl *c, const char *uuid, const struct record *r,
                 const Lifecircle__V1__DecisionRecord *d, const struct dispatch_view *dispatch,
                 const struct match_names *n);

/* history_json: the member `history`: of each entry of all (LRANGE of it; NULL: none) the state,
 * why, the courier, the time by this name, and who did it and what they said. c = NULL: no people's
 * words, and the courier as a number. */
void history_json(struct ctl *c, struct json_out *w, const redisReply *all, const char *time_name);

/* Why an order goes to this courier and went when it did, or why it waits, and what people decided
 * of it; the courier may be 0. All is in the run's arena. */
struct dispatch_view {
    const Lifecircle__V1__DispatchDecision *decision; /* NULL = the router has said nothing yet */
    struct slice ruling;                              /* docs/redis.md, rulings; empty = none */
    bool frozen;                                      /* the courier's route */
};
enum { RULING_HEAD = 8 };
struct dispatch_view dispatch_read(struct ctl *c, const char *uuid, uint32_t courier);
/* dispatch_print_ruling: what is in rulings, on the line in hand. dispatch_print: who was asked, is
 * to be, or why nobody, of this order. */
void dispatch_print_ruling(struct ctl *c, struct slice packed);
void dispatch_print(struct ctl *c, const struct dispatch_view *v, const struct record *r);
/* dispatch_json: the members `dispatch` (null = nothing was said yet) and `ruled` of an object. */
void dispatch_json(struct ctl *c, struct json_out *w, const struct dispatch_view *v);

/* dispatch_json_ruling: the members hold, pinned and banned of what is in rulings. */
void dispatch_json_ruling(struct ctl *c, struct json_out *w, struct slice packed);

/* order_moments: everything that happened to an order, as its record and history tell it, oldest
 * first. */
struct order_moment {
    int64_t time_ms;
    const char *what;   /* the state, or "received" */
    const char *reason; /* NULL = none */
    uint32_t store;     /* 0 = not said */
    uint32_t courier;   /* the same */
    struct slice words; /* who, or who: what they said; valid for the call */
};
typedef void order_moment(void *ctx, const struct order_moment *m);
void order_moments(struct ctl *c, const char *uuid, const struct record *r, int64_t created_ms,
                   order_moment *one, void *ctx);

#endif
