/* matcher: which stores may serve an order, in which order, and why not the others
 * (docs/architecture.md).
 *
 * In: MatchRequest (intake), PlaceReply and CheckReply (inventory), SupplyForecast (router), News;
 * due rows `match` and `held`. Out: PlaceRequest, CheckRequest, MatchReply. Writes nothing in Redis
 * but `due_claim` and `due_hasten`. Configuration: see policy.h; beside it `city` (the tag) and
 * `tzif` (the bytes of the city's TZif file; absent = UTC). */
#ifndef LC_MATCHER_MATCHER_H
#define LC_MATCHER_MATCHER_H

#include "base/step.h"

extern const struct service matcher_service;

#endif
