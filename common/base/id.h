/* id: identifiers and fingerprints. Pure: time and randomness are arguments. Hashes are BLAKE2b
 * (RFC 7693) of libsodium; the shell calls sodium_init() once at start (it also works, slower,
 * without). */
#ifndef LC_BASE_ID_H
#define LC_BASE_ID_H

#include "base/bytes.h"
#include "base/err.h"

struct uuid {
    uint8_t b[16];
};

enum { UUID_TEXT = 37 };

/* uuid_format: 36 characters, lower case, and a NUL. */
void uuid_format(struct uuid id, char out[UUID_TEXT]);

/* uuid_parse: exactly the 36-character form, either case, of any version. LC_EINVAL otherwise. */
LC_MUST_CHECK enum lc_err uuid_parse(struct slice s, struct uuid *out);

static inline bool
uuid_eq(struct uuid a, struct uuid b)
{
    return memcmp(a.b, b.b, sizeof a.b) == 0;
}

static inline int
uuid_cmp(struct uuid a, struct uuid b)
{
    return memcmp(a.b, b.b, sizeof a.b);
}

/* uuid_order: the id of the order that a chain calls external_id: the same for the same pair, for
 * ever, so that an order sent twice meets itself. Version 8 of RFC 9562: 122 bits of BLAKE2b-128
 * over "lifecircle/order/1", NUL, the chain as 32 bits little-endian, and external_id. */
struct uuid uuid_order(uint32_t chain, struct slice external_id);

/* fingerprint64: 64 bits of BLAKE2b, little-endian: are two payloads the same? Not a secret. */
uint64_t fingerprint64(struct slice s);

#endif
