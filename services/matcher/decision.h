/* decision: why this store and not the others, as a DecisionRecord. Pure. */
#ifndef LC_MATCHER_DECISION_H
#define LC_MATCHER_DECISION_H

#include "matcher/search.h"

/* match_decision_pack: the record as bytes in the arena: all ranked stores (so that an index
 * of PlaceOrder.candidates is one of the record's too), then the nearest failed ones if that makes
 * no more than MATCH_EXPLAINED_MAX together. Fills in travel times and distances that the search
 * did not need. Empty without memory: an order goes on without its explanation. */
struct slice match_decision_pack(const struct match_view *v, const struct match_wish *w,
                                 struct match_found *found, uint32_t attempt, struct arena *a);

#endif
