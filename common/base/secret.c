#include "base/secret.h"

#include <sodium.h>
#include <stdio.h>

static const char *const kind_name[] = {
    [SECRET_CHAIN] = "chain",
    [SECRET_STORE] = "store",
    [SECRET_COURIER] = "courier",
    [SECRET_OPERATOR] = "operator",
};
enum { KINDS = sizeof kind_name / sizeof *kind_name, RANDOM_TEXT = SECRET_RANDOM / 3 * 4 };

size_t
secret_token_format(enum secret_kind kind, uint32_t number, const uint8_t random[SECRET_RANDOM],
                    char out[SECRET_TOKEN_TEXT])
{
    int n = snprintf(out, SECRET_TOKEN_TEXT, "lc_%s_%u_", kind_name[kind], number);
    char *p = out + n;

    sodium_bin2base64(p, SECRET_TOKEN_TEXT - (size_t)n, random, SECRET_RANDOM,
                      sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    return (size_t)n + RANDOM_TEXT;
}

static bool
take_prefix(struct slice *s, const char *prefix)
{
    size_t n = strlen(prefix);

    if (s->n < n || memcmp(s->p, prefix, n) != 0)
        return false;
    *s = slice_of(s->p + n, s->n - n);
    return true;
}

/* Decimal without leading zeros and the '_' behind it. */
static bool
take_number(struct slice *s, uint32_t *out)
{
    uint64_t v = 0;
    size_t i = 0;

    for (; i < s->n && i < 10 && s->p[i] >= '0' && s->p[i] <= '9'; i++)
        v = v * 10 + (uint64_t)(s->p[i] - '0');
    if (i == 0 || i == s->n || s->p[i] != '_' || v > UINT32_MAX || (s->p[0] == '0' && i > 1))
        return false;
    *out = (uint32_t)v;
    *s = slice_of(s->p + i + 1, s->n - i - 1);
    return true;
}

/* At most max bytes, without anything ignored and in the one canonical spelling. */
static bool
unbase64(struct slice s, int variant, uint8_t *out, size_t max, size_t *n)
{
    const char *end;

    return s.n > 0 && sodium_base642bin(out, max, s.p, s.n, NULL, n, &end, variant) == 0 &&
           end == s.p + s.n;
}

enum lc_err
secret_token_parse(struct slice token, enum secret_kind *kind, uint32_t *number)
{
    uint8_t random[SECRET_RANDOM];
    struct slice rest = token;
    size_t k, n;

    if (!take_prefix(&rest, "lc_"))
        return LC_EINVAL;
    for (k = 0; k < KINDS; k++)
        if (take_prefix(&rest, kind_name[k]))
            break;
    uint32_t who;
    if (k == KINDS || !take_prefix(&rest, "_") || !take_number(&rest, &who))
        return LC_EINVAL;
    if (rest.n != RANDOM_TEXT ||
        !unbase64(rest, sodium_base64_VARIANT_URLSAFE_NO_PADDING, random, sizeof random, &n))
        return LC_EINVAL;
    *kind = (enum secret_kind)k;
    *number = who;
    return LC_OK;
}

void
secret_hash(struct slice token, char out[SECRET_HASH_TEXT])
{
    uint8_t hash[32];

    crypto_generichash(hash, sizeof hash, (const uint8_t *)token.p, token.n, NULL, 0);
    sodium_bin2hex(out, SECRET_HASH_TEXT, hash, sizeof hash);
}

bool
secret_equal(struct slice a, struct slice b)
{
    return a.n == b.n && (a.n == 0 || sodium_memcmp(a.p, b.p, a.n) == 0);
}

/* 16 bytes of BLAKE2b under the city's secret; the purpose keeps a PIN from telling about a link.
 */
static void
city_mac(const struct city_secret *key, const char *purpose, struct uuid order, uint8_t out[16])
{
    crypto_generichash_state state;

    crypto_generichash_init(&state, key->b, sizeof key->b, 16);
    crypto_generichash_update(&state, (const uint8_t *)purpose, strlen(purpose) + 1);
    crypto_generichash_update(&state, order.b, sizeof order.b);
    crypto_generichash_final(&state, out, 16);
}

enum lc_err
city_secret_parse(struct slice text, struct city_secret *out)
{
    const char *end;
    size_t n;

    if (text.n != 2 * sizeof out->b ||
        sodium_hex2bin(out->b, sizeof out->b, text.p, text.n, NULL, &n, &end) != 0)
        return LC_EINVAL;
    return n == sizeof out->b && end == text.p + text.n ? LC_OK : LC_EINVAL;
}

void
tracking_token(const struct city_secret *key, struct uuid order, char out[TRACKING_TEXT])
{
    uint8_t raw[32];

    memcpy(raw, order.b, 16);
    city_mac(key, "lifecircle/tracking/1", order, raw + 16);
    sodium_bin2base64(out, TRACKING_TEXT, raw, sizeof raw,
                      sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

enum lc_err
tracking_verify(const struct city_secret *key, struct slice token, struct uuid *order)
{
    uint8_t raw[32], mac[16];
    struct uuid id;
    size_t n;

    if (token.n != TRACKING_TEXT - 1 ||
        !unbase64(token, sodium_base64_VARIANT_URLSAFE_NO_PADDING, raw, sizeof raw, &n) ||
        n != sizeof raw)
        return LC_EDENIED;
    memcpy(id.b, raw, 16);
    city_mac(key, "lifecircle/tracking/1", id, mac);
    if (sodium_memcmp(mac, raw + 16, sizeof mac) != 0)
        return LC_EDENIED;
    *order = id;
    return LC_OK;
}

void
delivery_pin(const struct city_secret *key, struct uuid order, char out[PIN_TEXT])
{
    uint8_t mac[16];

    city_mac(key, "lifecircle/pin/1", order, mac);
    snprintf(out, PIN_TEXT, "%04u", (unsigned)(bytes_u64((const char *)mac) % 10000));
}

void
collection_code(const struct city_secret *key, struct uuid order, char out[COLLECTION_TEXT])
{
    static const char letters[] = "23456789ABCDEFGHJKMNPQRSTUVWXYZ";
    uint8_t mac[16];

    city_mac(key, "lifecircle/collection/1", order, mac);
    uint64_t v = bytes_u64((const char *)mac);
    for (size_t i = 0; i < COLLECTION_TEXT - 1; i++) {
        out[i] = letters[v % (sizeof letters - 1)];
        v /= sizeof letters - 1;
    }
    out[COLLECTION_TEXT - 1] = '\0';
}

enum lc_err
webhook_secret_parse(struct slice s, struct webhook_secret *out)
{
    struct webhook_secret w = {.n = 0};

    if (!take_prefix(&s, "whsec_") ||
        !unbase64(s, sodium_base64_VARIANT_ORIGINAL, w.b, sizeof w.b, &w.n) || w.n < 24)
        return LC_EINVAL;
    *out = w;
    return LC_OK;
}

size_t
webhook_secret_format(const struct webhook_secret *secret, char out[WEBHOOK_SECRET_TEXT])
{
    memcpy(out, "whsec_", 6);
    sodium_bin2base64(out + 6, WEBHOOK_SECRET_TEXT - 6, secret->b, secret->n,
                      sodium_base64_VARIANT_ORIGINAL);
    return strlen(out);
}

void
webhook_sign(const struct webhook_secret *secret, struct slice id, int64_t timestamp_s,
             struct slice body, char out[WEBHOOK_SIGNATURE_TEXT])
{
    crypto_auth_hmacsha256_state state;
    uint8_t mac[crypto_auth_hmacsha256_BYTES];
    char when[24];
    int n = snprintf(when, sizeof when, ".%lld.", (long long)timestamp_s);

    crypto_auth_hmacsha256_init(&state, secret->b, secret->n);
    crypto_auth_hmacsha256_update(&state, (const uint8_t *)id.p, id.n);
    crypto_auth_hmacsha256_update(&state, (const uint8_t *)when, (unsigned)n);
    crypto_auth_hmacsha256_update(&state, (const uint8_t *)body.p, body.n);
    crypto_auth_hmacsha256_final(&state, mac);
    memcpy(out, "v1,", 3);
    sodium_bin2base64(out + 3, WEBHOOK_SIGNATURE_TEXT - 3, mac, sizeof mac,
                      sodium_base64_VARIANT_ORIGINAL);
}

bool
webhook_verify(const struct webhook_secret *secret, struct slice id, int64_t timestamp_s,
               struct slice body, struct slice header)
{
    char right[WEBHOOK_SIGNATURE_TEXT];
    bool good = false;

    webhook_sign(secret, id, timestamp_s, body, right);
    while (header.n > 0) {
        const char *space = memchr(header.p, ' ', header.n);
        size_t n = space == NULL ? header.n : (size_t)(space - header.p);
        good |= secret_equal(slice_of(header.p, n), slice_str(right));
        n += space != NULL;
        header = slice_of(header.p + n, header.n - n);
    }
    return good;
}
