/* explain: a DecisionRecord as the text of `lcctl explain ORDER`. Pure.
 *
 * A line for each candidate, best first, then those that failed a test: store, travel time, goods
 * ready, courier there, at the customer, margin to the window's end, and what became of it: taken,
 * short of stock (inventory's verdicts), not looked at, or the first test it failed and by how
 * much. Times are UTC. */
#ifndef LC_MATCHER_EXPLAIN_H
#define LC_MATCHER_EXPLAIN_H

#include "base/bytes.h"

#include "match.pb-c.h"

/* Names for numbers; a member may be NULL, and may answer NULL: then the number stands there. What
 * they return is used before the next call. */
struct match_names {
    void *ctx;
    const char *(*store)(void *ctx, uint32_t store);
    const char *(*sku)(void *ctx, uint32_t sku_index);
};

/* match_explain: appends the text. `taken` is the order's store, 0 = none. names may be NULL. A
 * lack of memory shows in out->failed. */
void match_explain(struct buf *out, const Lifecircle__V1__DecisionRecord *d, uint32_t taken,
                   const struct match_names *names);

#endif
