#include "router/plan/solve/pd_num.h"

int64_t
pd_log2(uint64_t x)
{
    int whole = 63 - __builtin_clzll(x);
    uint64_t m = whole > 31 ? x >> (whole - 31) : x << (31 - whole); /* 1.0 <= m < 2.0, Q31 */
    int64_t log = (int64_t)whole << 16;

    for (int bit = 15; bit >= 0; bit--) {
        m = (m * m) >> 31;
        if (m >> 32) {
            m >>= 1;
            log += (int64_t)1 << bit;
        }
    }
    return log;
}

uint64_t
pd_exp2_minus(uint64_t x)
{
    /* 2^(-1/2), 2^(-1/4), ... 2^(-1/65536), Q32 */
    static const uint64_t part[16] = {0xb504f334, 0xd744fccb, 0xeac0c6e8, 0xf5257d15,
                                      0xfa83b2db, 0xfd3e0c0d, 0xfe9e115c, 0xff4ecb59,
                                      0xffa75652, 0xffd3a752, 0xffe9d2b3, 0xfff4e91c,
                                      0xfffa747f, 0xfffd3a3b, 0xfffe9d1d, 0xffff4e8e};
    uint64_t q = (uint64_t)1 << 32;

    if (x >> 16 >= 32)
        return 0;
    for (int i = 0; i < 16; i++)
        if (x >> (15 - i) & 1)
            q = (uint64_t)(((pd_u128)q * part[i]) >> 32);
    return q >> (x >> 16);
}

int64_t
pd_scale(int64_t a, uint64_t q)
{
    return (int64_t)(((pd_u128)(uint64_t)a * q) >> 32);
}

void
pd_fill_chances(int32_t chances[PD_CHANCES])
{
    const int64_t ln2 = 45426; /* Q16 */

    for (int i = 0; i < PD_CHANCES; i++) {
        int64_t log2 = pd_log2(2 * (uint64_t)i + 1) - pd_log2(2 * PD_CHANCES);
        chances[i] = (int32_t)((-log2 * ln2) >> 16);
    }
}
