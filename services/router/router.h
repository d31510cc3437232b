/* router: which courier carries which order, in which sequence, and when it is offered. A pure core
 * (base/step.h).
 *
 * Of all routers of a city one owns it, by a lease in Redis with a fencing epoch; the others wait.
 * The owner reads shifts, routes and open orders from Redis, keeps a plan in memory
 * (router/plan/plan.h), and writes what has become binding (offers, acceptances, progress, shifts)
 * by plan_commit. All else can be computed again at any time: whenever the core is not sure what
 * Redis holds it reads it again and goes on from there.
 *
 * Configuration (seconds where not said):
 *   city                the city's tag
 *   city-secret         64 hex digits, for delivery PINs
 *   offer-ttl-s 45      how long a courier may think about an offer
 *   offer-slack-s 30    an offer leaves this long, and accept-s, before the courier has to drive
 * off accept-s 20         what couriers usually need to answer vanish-s 120        without a sign
 * of life its unstarted work goes elsewhere ban-s 600           a courier that declined an order or
 * was silent does not get it again so soon rest-s 300          a courier that let two offers in a
 * row pass gets none so soon pickup-s 60, dropoff-s 120   from arriving until driving on pin-lock-s
 * 600      after 5 wrong PINs
 *
 *   improve-iterations 500, improve-couriers 32   of a slice (router/plan/slice/slice.h); 0 = none
 *
 *   learn-speeds off, learn-least 30, learn-every-s 300   off, watch or on (docs/roads.md)
 *
 * The tries of a PIN are counted in memory, and forgotten on a restart. */
#ifndef LC_ROUTER_ROUTER_H
#define LC_ROUTER_ROUTER_H

#include "base/step.h"

extern const struct service router_service;

#endif
