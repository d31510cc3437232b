#include "base/id.h"

#include <sodium.h>

void
uuid_format(struct uuid id, char out[UUID_TEXT])
{
    static const char hex[] = "0123456789abcdef";
    char *p = out;

    for (size_t i = 0; i < sizeof id.b; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            *p++ = '-';
        *p++ = hex[id.b[i] >> 4];
        *p++ = hex[id.b[i] & 15];
    }
    *p = '\0';
}

/* hex_value: of a digit; over 15 when it is none. */
static unsigned
hex_value(char c)
{
    /* one more than the value, so that what is not named is none */
    static const uint8_t one_more[256] = {
        ['0'] = 1,  ['1'] = 2,  ['2'] = 3,  ['3'] = 4,  ['4'] = 5,  ['5'] = 6,
        ['6'] = 7,  ['7'] = 8,  ['8'] = 9,  ['9'] = 10, ['a'] = 11, ['b'] = 12,
        ['c'] = 13, ['d'] = 14, ['e'] = 15, ['f'] = 16, ['A'] = 11, ['B'] = 12,
        ['C'] = 13, ['D'] = 14, ['E'] = 15, ['F'] = 16,
    };

    return one_more[(unsigned char)c] - 1U;
}

enum lc_err
uuid_parse(struct slice s, struct uuid *out)
{
    struct uuid id;
    size_t at = 0;

    if (s.n != UUID_TEXT - 1)
        return LC_EINVAL;
    for (size_t i = 0; i < sizeof id.b; i++) {
        if ((i == 4 || i == 6 || i == 8 || i == 10) && s.p[at++] != '-')
            return LC_EINVAL;
        unsigned high = hex_value(s.p[at++]);
        unsigned low = hex_value(s.p[at++]);
        if ((high | low) > 15)
            return LC_EINVAL;
        id.b[i] = (uint8_t)(high << 4 | low);
    }
    *out = id;
    return LC_OK;
}

/* crypto_generichash fails only for lengths out of range, and those are constants here. */

struct uuid
uuid_order(uint32_t chain, struct slice external_id)
{
    static const char domain[] = "lifecircle/order/1"; /* hashed with its NUL */
    const uint8_t number[4] = {(uint8_t)chain, (uint8_t)(chain >> 8), (uint8_t)(chain >> 16),
                               (uint8_t)(chain >> 24)};
    crypto_generichash_state state;
    struct uuid id;

    crypto_generichash_init(&state, NULL, 0, sizeof id.b);
    crypto_generichash_update(&state, (const uint8_t *)domain, sizeof domain);
    crypto_generichash_update(&state, number, sizeof number);
    crypto_generichash_update(&state, (const uint8_t *)external_id.p, external_id.n);
    crypto_generichash_final(&state, id.b, sizeof id.b);
    id.b[6] = (uint8_t)((id.b[6] & 0x0F) | 0x80); /* version 8 */
    id.b[8] = (uint8_t)((id.b[8] & 0x3F) | 0x80); /* as RFC 9562 lays it out */
    return id;
}

uint64_t
fingerprint64(struct slice s)
{
    uint8_t hash[crypto_generichash_BYTES_MIN];

    crypto_generichash(hash, sizeof hash, (const uint8_t *)s.p, s.n, NULL, 0);
    return bytes_u64((const char *)hash);
}
