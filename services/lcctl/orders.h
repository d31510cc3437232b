/* orders: what lcctl's files about one order share. */
#ifndef LC_LCCTL_ORDERS_H
#define LC_LCCTL_ORDERS_H

#include "base/record.h"
#include "lcctl/lcctl.h"
#include "matcher/explain.h"

/* Each prints one JSON object and returns the exit status. names: both are set; what they
 * say lives in the run's arena. history: LRANGE of it; order, history and
 * d may be NULL. */
int order_json(const char *uuid, const struct record *r, const Lifecircle__V1__Order *order,
               const redisReply *history, const struct match_names *n);
int explain_json(const char *uuid, const struct record *r, const Lifecircle__V1__DecisionRecord *d,
                 const struct match_names *n);

#endif
