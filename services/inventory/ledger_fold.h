/* ledger_fold: the oldest entries of the ledger become what they come to, so that the stream does
 * not grow for ever and the books still add up.
 *
 * What a store's entries came to is carried as two entries of the ledger's own layout, in
 * `ledger:base`: one (feed) with all changes but those of pickups and returns, one (commit) with
 * those; so whoever adds up the ledger reads the base first and needs to know nothing of it. Pure:
 * lcctl archive reads and writes Redis. */
#ifndef LC_INVENTORY_LEDGER_FOLD_H
#define LC_INVENTORY_LEDGER_FOLD_H

#include "base/bytes.h"
#include "base/err.h"

struct ledger_fold; /* opaque, owned by the caller */

/* ledger_fold_new: NULL without memory. ledger_fold_free: NULL is allowed. */
struct ledger_fold *ledger_fold_new(void);
void ledger_fold_free(struct ledger_fold *f);

/* ledger_fold_knows: was this store's base given? ledger_fold_base: what it is now (empty = none),
 * before the first entry of the store.
 *   LC_EINVAL  not in that layout; LC_EEXIST  it was given; LC_ENOMEM */
bool ledger_fold_knows(const struct ledger_fold *f, uint32_t store);
LC_MUST_CHECK enum lc_err ledger_fold_base(struct ledger_fold *f, uint32_t store,
                                           struct slice value);

/* ledger_fold_entries: one field `l` of the stream, oldest first; the base of each store in it was
 * given.
 *   LC_EINVAL  not in that layout, or a store whose base was not given
 *   LC_ESTATE  an order took more than was available: that entry is evidence and must stay
 *   LC_ENOMEM  after an error the fold is good for nothing but ledger_fold_free */
LC_MUST_CHECK enum lc_err ledger_fold_entries(struct ledger_fold *f, struct slice field);

/* ledger_fold_each: the base of every store that an entry was of, as it is to be from now on. Stops
 * at the first false; false also without memory, and when a sum is beyond 32 bits. */
bool ledger_fold_each(struct ledger_fold *f,
                      bool (*one)(void *ctx, uint32_t store, struct slice value), void *ctx);

#endif
