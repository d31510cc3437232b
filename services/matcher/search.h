/* search: the stores that may serve an order, best first, exactly. Pure.
 *
 * Walks a neighbourhood's list outwards and stops when nothing further out can beat the last one
 * kept, so the answer is that of looking at every store. Ties are broken by match_rank. */
#ifndef LC_MATCHER_SEARCH_H
#define LC_MATCHER_SEARCH_H

#include "matcher/cells.h"

enum {
    MATCH_RANKED_MAX = 64,   /* candidates of one PlaceRequest */
    MATCH_EXPLAINED_MAX = 12 /* candidates of a decision record */
};

struct match_found {
    size_t n;
    struct match_verdict ranked[MATCH_RANKED_MAX + 1];
    bool more; /* there are others behind */
    size_t n_failed;
    struct match_verdict failed[MATCH_EXPLAINED_MAX]; /* nearest first */
    Lifecircle__V1__Reason
        nearest_miss;            /* of the failed store that got furthest through the tests */
    uint32_t considered;         /* stores looked at */
    bool estimate;               /* travel times are estimates */
    const struct travel *travel; /* who gave them */
    bool waits;                  /* the provider said LC_EAGAIN: nothing else here counts */
    bool wide;                   /* the neighbourhood's list did not do */
    bool server;                 /* for the record: a routing server gave them ... */
    int server_end;              /* ... or did not, and why: enum travel_end */
};

/* match_search: the `want` (1..MATCH_RANKED_MAX) best stores of the list that are not among the
 * `tried`. A wish for one store (w->store) looks at that one only and needs no list. When the
 * travel provider has no answer, all is estimated; when it has none yet (LC_EAGAIN), out->waits. */
void match_search(const struct match_view *v, const struct match_wish *w,
                  const struct match_list *list, size_t want, const uint32_t *tried, size_t n_tried,
                  struct match_found *out);

#endif
