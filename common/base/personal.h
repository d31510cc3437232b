/* personal: what is known of a customer, sealed so that destroying one small key destroys it
 * everywhere.
 *
 * Each order has a random key of its own. The data are encrypted with it; the key is encrypted
 * (wrapped) with one that is made of the city's secret, and is kept in another place than the data
 * (docs/redis.md: hashes `keys` and `personal`). Who has the data and the city's secret, but no
 * longer the wrapped key, has nothing. XChaCha20-Poly1305 of libsodium; both parts are bound to
 * the order's id, so that nothing can be read as another order's.
 *
 * Pure: chance is an argument. */
#ifndef LC_BASE_PERSONAL_H
#define LC_BASE_PERSONAL_H

#include "base/arena.h"
#include "base/bytes.h"
#include "base/err.h"
#include "base/id.h"
#include "base/secret.h"

#include "order.pb-c.h"

/* ---- chance for keys ---- */

/* chance: gathers the 64 random bits that every event brings (base/step.h) until there are enough
 * for keys. The same events give the same keys, so a recording can be replayed. Zero = empty. */
enum {
    CHANCE_ENOUGH = 4,   /* events: 256 bits */
    CHANCE_FRESH = 16,   /* events that are hashed at once */
    CHANCE_DRAW_MAX = 64 /* bytes a draw */
};

struct chance {
    uint8_t pool[32];
    uint32_t stirred;
    uint32_t fresh_n;
    uint8_t fresh[CHANCE_FRESH * 8]; /* not in the pool yet: a hash an event would cost as much as a
                                        phone's position does otherwise */
};

/* chance_stir: once an event. */
void chance_stir(struct chance *c, uint64_t entropy);

/* chance_draw: n <= CHANCE_DRAW_MAX bytes; what was drawn cannot be found from the pool afterwards:
 * the pool is the key of a stream whose first bytes take its place (fast key erasure).
 *   LC_EAGAIN  fewer than CHANCE_ENOUGH events were stirred in; nothing is drawn */
LC_MUST_CHECK enum lc_err chance_draw(struct chance *c, void *out, size_t n);

/* ---- sealing ---- */

enum {
    PERSONAL_KEY = 88, /* in front: 16 bytes PERSONAL_MARK, 24 nonce, 48 wrapped key */
    PERSONAL_MARK_SIZE = 16,
    PERSONAL_TAG = 16, /* what encryption adds to the data behind it */
};

/* PERSONAL_MARK: 16 bytes that begin every wrapped key and nothing else, by which a backup finds
 * them (services/lcctl/backup_keys.c). */
extern const uint8_t personal_mark[PERSONAL_MARK_SIZE];

/* personal_master: what wraps the keys, made of the city's secret. */
struct personal_master {
    uint8_t b[32];
    uint8_t fingerprint[32]; /* made of it, the key of personal_fingerprint */
};
void personal_master_of(const struct city_secret *secret, struct personal_master *out);

/* personal_seal: appends wrapped key and data to b: PERSONAL_KEY + PERSONAL_TAG + the data's
 * length, rounded up to whole 32 bytes so that the length does not tell much. Nothing at all is
 * appended when there are no personal data.
 *   LC_EAGAIN  too little chance (chance_draw)
 *   LC_ENOMEM */
LC_MUST_CHECK enum lc_err personal_seal(const struct personal_master *master, struct chance *chance,
                                        struct uuid order, const Lifecircle__V1__Personal *p,
                                        struct buf *b);

/* personal_open: the data in the arena. sealed = what personal_seal has appended.
 *   LC_ENOTFOUND  it is empty: there are none, or they were erased
 *   LC_EDENIED    it was made with another secret, for another order, or was changed
 *   LC_ENOMEM */
LC_MUST_CHECK enum lc_err personal_open(const struct personal_master *master, struct uuid order,
                                        struct slice sealed, struct arena *a,
                                        const Lifecircle__V1__Personal **out);

/* personal_take: moves an order's personal data into *p, so that they can be sealed, and leaves the
 * order without. The strings stay whose they were. */
void personal_take(Lifecircle__V1__Order *o, Lifecircle__V1__Personal *p);

/* personal_give: the reverse, for who may see them. What an order has of its own (those of before
 * data were sealed) stays when p is NULL. */
void personal_give(Lifecircle__V1__Order *o, const Lifecircle__V1__Personal *p);

/* personal_fingerprint: of a submission, keyed, so that it cannot tell whether a guess at what is
 * in it is right. Never 0: that is what erasing leaves. */
uint64_t personal_fingerprint(const struct personal_master *master, struct slice bytes);

#endif
