/* tour_own: what the files of tours share. */
#ifndef LC_ROUTER_TOUR_OWN_H
#define LC_ROUTER_TOUR_OWN_H

#include "router/plan/tour/tour.h"

/* tour_exact: of at most TOUR_PROVEN pairs. */
LC_MUST_CHECK enum lc_err tour_exact(const struct tour_problem *p, struct tour *out);

#endif
