/* secret: tokens, codes and signatures. Pure: randomness is an argument. BLAKE2b, HMAC and base64
 * are libsodium's.
 *
 * Comparisons of secrets take the same time wherever they differ. */
#ifndef LC_BASE_SECRET_H
#define LC_BASE_SECRET_H

#include "base/bytes.h"
#include "base/err.h"
#include "base/id.h"

/* ---- bearer tokens: lc_<kind>_<number>_<24 random bytes as base64url> ---- */

enum secret_kind {
    SECRET_CHAIN,   /* "lc_chain_7_…": an API key of chain 7 */
    SECRET_STORE,   /* a store's app */
    SECRET_COURIER, /* a courier's app */
    SECRET_OPERATOR /* the city's own people */
};

enum { SECRET_RANDOM = 24, SECRET_TOKEN_TEXT = 64, SECRET_HASH_TEXT = 65 };

/* secret_token_format: the token with a NUL. Returns its length. */
size_t secret_token_format(enum secret_kind kind, uint32_t number,
                           const uint8_t random[SECRET_RANDOM], char out[SECRET_TOKEN_TEXT]);

/* secret_token_parse: form only; whether it is genuine is for the stored hash to say. LC_EINVAL
 * otherwise. */
LC_MUST_CHECK enum lc_err secret_token_parse(struct slice token, enum secret_kind *kind,
                                             uint32_t *number);

/* secret_hash: what is kept of a token: BLAKE2b-256 as 64 lower-case hex digits and a NUL. The
 * tokens have 192 random bits, so neither salt nor a slow hash is needed. */
void secret_hash(struct slice token, char out[SECRET_HASH_TEXT]);

/* secret_equal: constant time for a given length. */
bool secret_equal(struct slice a, struct slice b);

/* ---- what a city's secret proves about an order ---- */

struct city_secret {
    uint8_t b[32];
};

/* city_secret_parse: exactly 64 hex digits, upper or lower case. LC_EINVAL; *out is undefined then.
 */
LC_MUST_CHECK enum lc_err city_secret_parse(struct slice text, struct city_secret *out);

enum { TRACKING_TEXT = 44, PIN_TEXT = 5, COLLECTION_TEXT = 7 };

/* tracking_token: base64url(order id, 16 bytes of keyed BLAKE2b over it): 43 characters and a NUL.
 */
void tracking_token(const struct city_secret *key, struct uuid order, char out[TRACKING_TEXT]);

/* tracking_verify: the order a tracking token is for. LC_EDENIED for anything this city did not
 * make. */
LC_MUST_CHECK enum lc_err tracking_verify(const struct city_secret *key, struct slice token,
                                          struct uuid *order);

/* delivery_pin: the four digits that the customer tells the courier. */
void delivery_pin(const struct city_secret *key, struct uuid order, char out[PIN_TEXT]);

/* collection_code: the six characters that the customer shows in the store; from the 31 of
 * 23456789ABCDEFGHJKMNPQRSTUVWXYZ, none of which is taken for another. */
void collection_code(const struct city_secret *key, struct uuid order, char out[COLLECTION_TEXT]);

/* ---- Standard Webhooks 1.0.0 (github.com/standard-webhooks/standard-webhooks) ---- */

enum { WEBHOOK_SECRET_TEXT = 96, WEBHOOK_SIGNATURE_TEXT = 48 };

struct webhook_secret {
    uint8_t b[64];
    size_t n; /* 24 to 64 */
};

/* webhook_secret_parse: "whsec_" and standard base64 of 24 to 64 bytes. LC_EINVAL otherwise. */
LC_MUST_CHECK enum lc_err webhook_secret_parse(struct slice s, struct webhook_secret *out);

/* webhook_secret_format: the reverse, with a NUL. Returns the length. */
size_t webhook_secret_format(const struct webhook_secret *secret, char out[WEBHOOK_SECRET_TEXT]);

/* webhook_sign: "v1," and base64(HMAC-SHA256(secret, "{id}.{timestamp_s}.{body}")), with a NUL.
 * Several signatures in the webhook-signature header are separated by one space. */
void webhook_sign(const struct webhook_secret *secret, struct slice id, int64_t timestamp_s,
                  struct slice body, char out[WEBHOOK_SIGNATURE_TEXT]);

/* webhook_verify: is one of the signatures of the header this secret's? Unknown versions are
 * skipped. The age of the timestamp is the caller's to judge. */
bool webhook_verify(const struct webhook_secret *secret, struct slice id, int64_t timestamp_s,
                    struct slice body, struct slice header);

#endif
