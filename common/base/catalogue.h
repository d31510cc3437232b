/* catalogue: a city's chains, stores, SKUs and couriers in memory, kept in step with Redis. Shared
 * by intake, matcher, router and notifier.
 *
 * It loads the hashes `stores`, `chains`, `skus:<chain>` and `couriers` page by page (HSCAN), then
 * follows the stream `catalogue` (XREAD every poll_ms, sooner after News CATALOGUE); a gap in the
 * stream's ids, or another primary (INFO replication), means loading all again. Old entries stay
 * usable while it loads. It asks Redis through the core's outbox and is given every event:
 *
 *     case EVENT_...:                               // in the core's step, before anything else
 *         if (catalogue_step(core->catalogue, ev, out))
 *             return LC_OK;                         // it was a reply to the catalogue's own call
 *
 * It wishes for its own wakes. Pure: no I/O, no clock. Memory: about 250 bytes a store and 70 a
 * SKU, beside what the watch keeps. Pointers that look-ups give are valid until the next
 * catalogue_step or catalogue_put_*. */
#ifndef LC_BASE_CATALOGUE_H
#define LC_BASE_CATALOGUE_H

#include "base/geo.h"
#include "base/hours.h"
#include "base/step.h"

#include "courier.pb-c.h"
#include "stock.pb-c.h"

enum {
    CATALOGUE_CHAINS = 1,
    CATALOGUE_STORES = 2,
    CATALOGUE_SKUS = 4, /* needs CATALOGUE_CHAINS: it says which hashes there are */
    CATALOGUE_COURIERS = 8,
    CATALOGUE_SKU_NAMES = 16, /* keep the names too */
};

enum { CATALOGUE_POLL_MS = 250, CATALOGUE_TAGS = 16 };

#define CATALOGUE_NO_SKU UINT32_MAX

struct catalogue; /* opaque, owned by the caller */

/* A shop without its hours and zone: those are in `full` of the watch only. Texts end with NUL. */
struct catalogue_store {
    uint32_t store; /* its number */
    uint32_t chain;
    struct latlng at;
    uint32_t prep_s;
    uint32_t prep_per_item_s;
    uint32_t capacity; /* 0 = no limit */
    uint32_t busy_delay_s;
    uint32_t safety_stock;
    Lifecircle__V1__BusyMode busy;
    bool delivers;
    bool collects;
    bool age_check;
    bool cold;
    const char *store_id;
    const char *name;
    const char *address;
};

struct catalogue_sku {
    uint32_t index;
    uint32_t weight_g;  /* 0 = unknown */
    uint32_t volume_ml; /* 0 = unknown */
    bool age_restricted;
    const char *sku;
    const char *name; /* "" without CATALOGUE_SKU_NAMES */
};

/* What the core wants to hear. Every member may be NULL. Called within catalogue_step, after the
 * change, also while the first load runs and again, unchanged, after a reload. `full` lives until
 * the call returns. */
struct catalogue_watch {
    void (*store)(void *ctx, const struct catalogue_store *s, const Lifecircle__V1__Store *full);
    void (*chain)(void *ctx, const Lifecircle__V1__Chain *c);
    void (*courier)(void *ctx, const Lifecircle__V1__Courier *c);
    void (*restocked)(void *ctx,
                      uint32_t store); /* something there that was sold out is available again */
    void (*loaded)(void *ctx);         /* the first load, or a reload, is complete */
};

struct catalogue_options {
    unsigned kinds;    /* CATALOGUE_… */
    struct slice city; /* the city's tag; copied */
    int64_t poll_ms;   /* 0 = CATALOGUE_POLL_MS */
    uint64_t tag; /* its Redis calls carry tag .. tag + CATALOGUE_TAGS - 1: the core uses others */
    const struct catalogue_watch *watch; /* static; may be NULL */
    void *ctx;
};

/* catalogue_new: empty. NULL when out of memory. */
struct catalogue *catalogue_new(const struct catalogue_options *options);

/* catalogue_destroy: NULL is allowed. */
void catalogue_destroy(struct catalogue *c);

/* catalogue_step: to be given every event of the core. It loads on EVENT_REDIS_UP, polls on
 * EVENT_WAKE when it is time and on News CATALOGUE, and takes the EVENT_REDIS that are its own:
 * true only for those, then the event is done with. Never fails: what a lack of memory or a lost
 * reply kept out is read again. */
bool catalogue_step(struct catalogue *c, const struct event *ev, struct outbox *out);

/* catalogue_loaded: has the first load been completed? */
bool catalogue_loaded(const struct catalogue *c);

/* catalogue_poll: follow the stream now rather than at the next poll. */
void catalogue_poll(struct catalogue *c, const struct event *ev, struct outbox *out);

/* catalogue_wake_ms: when it next wants EVENT_WAKE; INT64_MAX = not at all. For cores with one
 * timer of their own. */
int64_t catalogue_wake_ms(const struct catalogue *c);

/* ---- look-ups; NULL = not there ---- */

const struct catalogue_store *catalogue_store(const struct catalogue *c, uint32_t store);
const struct catalogue_store *catalogue_store_by_id(const struct catalogue *c, uint32_t chain,
                                                    struct slice store_id);
/* catalogue_store_end: one more than the highest store number: loop from 1. The same for chains and
 * couriers. */
uint32_t catalogue_store_end(const struct catalogue *c);
size_t catalogue_store_count(const struct catalogue *c);

const Lifecircle__V1__Chain *catalogue_chain(const struct catalogue *c, uint32_t chain);
uint32_t catalogue_chain_end(const struct catalogue *c);

/* catalogue_key_lives: is the key of this hash (secret_hash) still one of the chain's, and not
 * revoked? For what stays open after its key was looked at: streams, screens. */
bool catalogue_key_lives(const struct catalogue *c, uint32_t chain, const char *hash);

/* catalogue_chain_by_key: whose API key ("lc_chain_7_…") is it? LC_EDENIED: nobody's, or revoked.
 * Constant time over the hash. *index (may be NULL) is the key's place in chain->keys. */
LC_MUST_CHECK enum lc_err catalogue_chain_by_key(const struct catalogue *c, struct slice key,
                                                 const Lifecircle__V1__Chain **chain,
                                                 size_t *index);

const Lifecircle__V1__Courier *catalogue_courier(const struct catalogue *c, uint32_t courier);

/* catalogue_sku_index: CATALOGUE_NO_SKU when the chain has no such SKU. */
uint32_t catalogue_sku_index(const struct catalogue *c, uint32_t chain, struct slice sku);

/* catalogue_sku: false when there is none; *out borrows from the catalogue. */
bool catalogue_sku(const struct catalogue *c, uint32_t chain, uint32_t index,
                   struct catalogue_sku *out);
uint32_t catalogue_sku_count(const struct catalogue *c, uint32_t chain);

/* ---- what the core itself has just written, so that it need not wait for the stream ---- */

LC_MUST_CHECK enum lc_err catalogue_put_store(struct catalogue *c,
                                              const Lifecircle__V1__Store *full);
LC_MUST_CHECK enum lc_err catalogue_put_chain(struct catalogue *c, struct slice packed);
LC_MUST_CHECK enum lc_err catalogue_put_courier(struct catalogue *c, struct slice packed);
LC_MUST_CHECK enum lc_err catalogue_put_sku(struct catalogue *c, uint32_t chain,
                                            const Lifecircle__V1__Sku *sku);

/* catalogue_hours: a store's opening hours as hours.h takes them. LC_EINVAL when they break its
 * rules; then *out is never open. */
LC_MUST_CHECK enum lc_err catalogue_hours(const Lifecircle__V1__Store *full, struct hours *out);

#endif
