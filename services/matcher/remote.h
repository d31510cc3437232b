/* remote: travel times that a server outside the process gave for one customer, as a provider.
 * Pure.
 *
 * It knows the stores that were asked about and nothing else: for another store its matrix says
 * LC_EAGAIN, the search stops, and the order waits until the server was asked about the stores that
 * may serve it, nearest first. So the search stays the one that looks at every store: with
 * travel_crow_s for a bound, which no answer is under (io/travel_remote.h), it ends when no store
 * further out can beat the last one kept, and never before. */
#ifndef LC_MATCHER_REMOTE_H
#define LC_MATCHER_REMOTE_H

#include "matcher/search.h"

/* Stores asked about at once: so many that may serve the customer, and so many that only explain.
 */
enum { MATCH_ASKED_MAX = 80, MATCH_ASKED_OTHERS = MATCH_EXPLAINED_MAX };

struct match_known; /* opaque, owned by the job */

/* match_known_new: for this customer; collection: from the customer to the store. times: of the
 * policy's speedup. NULL without memory. match_known_free: NULL is allowed. */
struct match_known *match_known_new(struct latlng customer, bool collection, uint32_t times);
void match_known_free(struct match_known *k);

const struct travel *match_known_travel(const struct match_known *k);

/* match_known_want: notes the stores to ask about next, as said above, of those that may be needed
 * and are not known. Gives their places, borrowed until the next call on k; *n is 0 when there is
 * nothing to ask, or no memory. */
const struct latlng *match_known_want(struct match_known *k, const struct match_view *v,
                                      const struct match_wish *w, const struct match_list *list,
                                      bool wide, size_t *n);

/* match_known_take: the answer to that; false, and nothing is known by it, when the count is not
 * that of the places. */
bool match_known_take(struct match_known *k, struct slice cells);

#endif
