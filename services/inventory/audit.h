/* audit: do the books add up?
 *
 * Fed with everything that Redis keeps about stock (the whole ledger, every store's levels, every
 * order's record), it checks for every store and SKU that
 *
 *     sum of the ledger's changes of available  =  available
 *     sum of the ledger's changes of on hand    =  on hand
 *     available  =  on hand - open reservations - safety
 *
 * and that no order ever took a piece that was not available (the ledger in its own order); where
 * the open reservations are what the orders' own records say that they hold. Pure: whoever
 * reads Redis feeds it (lcctl audit, the tests, the simulator). All must come from one moment:
 * nothing may be written in between. */
#ifndef LC_INVENTORY_AUDIT_H
#define LC_INVENTORY_AUDIT_H

#include "base/bytes.h"
#include "base/err.h"

struct audit; /* opaque, owned by the caller */

enum audit_check {
    AUDIT_AVAILABLE = 1, /* ledger against level */
    AUDIT_ON_HAND,       /* ledger against shelf */
    AUDIT_RESERVED,      /* on hand - available - safety against the orders */
    AUDIT_OVERSOLD       /* pieces taken by orders beyond what was available */
};

/* fault: one check that one SKU of one store failed. */
struct audit_fault {
    enum audit_check check;
    uint32_t store;
    uint32_t sku_index;
    int64_t expected; /* what the ledger or the orders say */
    int64_t found;    /* what the levels say */
};

struct audit_totals {
    uint64_t ledger_entries;
    uint64_t stores;
    uint64_t levels; /* SKUs at stores that were checked */
    uint64_t orders;
    uint64_t on_hand;   /* pieces; negative levels count 0 */
    uint64_t reserved;  /* pieces in open reservations */
    uint64_t sold;      /* pieces that left by a pickup and did not come back */
    uint64_t oversold;  /* pieces that orders took beyond what was available */
    uint64_t withdrawn; /* pieces promised that are not on hand, by a feed that took them away */
};

/* audit_new: NULL without memory. audit_free: NULL is allowed. */
struct audit *audit_new(void);
void audit_free(struct audit *a);

/* audit_ledger: the value of one field `l` of the ledger, oldest first. audit_levels: stock:<store>
 * and shelf:<store>, once a store (missing = empty). audit_order: a whole record of order:<uuid>.
 *   LC_EINVAL  not in that layout; LC_EEXIST  the store came before; LC_ENOMEM */
LC_MUST_CHECK enum lc_err audit_ledger(struct audit *a, struct slice field);
LC_MUST_CHECK enum lc_err audit_levels(struct audit *a, uint32_t store, struct slice stock,
                                       struct slice shelf);
LC_MUST_CHECK enum lc_err audit_order(struct audit *a, struct slice record);

/* audit_check: compares; calls report for every fault, stores in the order in which they first came
 * up, SKUs rising; report may be NULL. Gives the number of faults. */
size_t audit_check(struct audit *a, void (*report)(void *ctx, const struct audit_fault *fault),
                   void *ctx);

/* audit_sum: the totals, complete after audit_check. */
struct audit_totals audit_sum(const struct audit *a);

#endif
