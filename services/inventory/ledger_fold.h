/* ledger_fold: the oldest entries of the ledger become what they come to, so that the stream does
 * not grow for ever and the books still add up.
 *
 * What LEDGER_BLOCK SKUs of a store came to is carried as up to three entries of the ledger's own
 * layout, in `ledger:base`: one (reserve) with what orders took that was not there; one (feed) with
 * all changes but those of pickups and returns, and with the first again, which it makes good; one
 * (commit) with pickups and returns. So whoever adds up the ledger reads the base first and needs
 * to know nothing of it, and what was oversold stays so. In blocks, so that Redis never has to take
 * a store of 30,000 SKUs at once. Pure: lcctl archive reads and writes Redis. */
#ifndef LC_INVENTORY_LEDGER_FOLD_H
#define LC_INVENTORY_LEDGER_FOLD_H

#include "base/bytes.h"
#include "base/err.h"

enum { LEDGER_BLOCK = 128 }; /* block = SKU / LEDGER_BLOCK */

struct ledger_fold; /* opaque, owned by the caller */

/* ledger_fold_new: NULL without memory. ledger_fold_free: NULL is allowed. */
struct ledger_fold *ledger_fold_new(void);
void ledger_fold_free(struct ledger_fold *f);

/* ledger_fold_knows: was this block's base given? ledger_fold_base: what it is now (empty = none),
 * before the first entry with a SKU of it.
 *   LC_EINVAL  not in that layout, or not of this block; LC_EEXIST  it was given; LC_ENOMEM */
bool ledger_fold_knows(const struct ledger_fold *f, uint32_t store, uint32_t block);
LC_MUST_CHECK enum lc_err ledger_fold_base(struct ledger_fold *f, uint32_t store, uint32_t block,
                                           struct slice value);

/* ledger_fold_whole: the base of a whole store, as versions before blocks wrote it, before any of
 * its blocks: all of them are given by that, and are to be written. Errors as above. */
LC_MUST_CHECK enum lc_err ledger_fold_whole(struct ledger_fold *f, uint32_t store,
                                            struct slice value);

/* ledger_fold_entries: one field `l` of the stream, oldest first; the base of each block in it was
 * given.
 *   LC_EINVAL  not in that layout, or a block whose base was not given
 *   LC_ENOMEM  after an error the fold is good for nothing but ledger_fold_free */
LC_MUST_CHECK enum lc_err ledger_fold_entries(struct ledger_fold *f, struct slice field);

/* ledger_fold_oversold: how much orders took, in all entries so far, that was not available. */
uint64_t ledger_fold_oversold(const struct ledger_fold *f);

/* ledger_fold_each: the base of every block that an entry was of, as it is to be from now on. Stops
 * at the first false; false also without memory, and when a sum is beyond 32 bits. */
bool ledger_fold_each(struct ledger_fold *f,
                      bool (*one)(void *ctx, uint32_t store, uint32_t block, struct slice value),
                      void *ctx);

#endif
