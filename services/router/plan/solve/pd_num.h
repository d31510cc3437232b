/* pd_num: chance, logarithm and exponential in integers, so that a search is the same everywhere.
 * Q16 and Q32: fixed point with so many bits behind the point. */
#ifndef LC_ROUTER_PD_NUM_H
#define LC_ROUTER_PD_NUM_H

#include <stdint.h>

struct pd_rng {
    uint64_t state;
};

__extension__ typedef unsigned __int128 pd_u128;

/* pd_next: 64 bits (the multiply-and-fold of wyhash, Wang Yi, public domain). */
static inline uint64_t
pd_next(struct pd_rng *r)
{
    r->state += 0xa0761d6478bd642fu;
    pd_u128 t = (pd_u128)r->state * (r->state ^ 0xe7037ed1a0b428dbu);
    return (uint64_t)(t >> 64) ^ (uint64_t)t;
}

/* pd_below: 0 .. n-1. */
static inline uint32_t
pd_below(struct pd_rng *r, uint32_t n)
{
    return (uint32_t)(((pd_next(r) >> 32) * n) >> 32);
}

/* pd_log2: of x > 0, Q16. */
int64_t pd_log2(uint64_t x);

/* pd_exp2_minus: 2 to the power of -x for x >= 0 in Q16; Q32. */
uint64_t pd_exp2_minus(uint64_t x);

/* pd_scale: a x q for q in Q32. */
int64_t pd_scale(int64_t a, uint64_t q);

enum { PD_CHANCES = 1024 };

/* pd_fill_chances: -ln((i + 1/2) / PD_CHANCES) in Q16, for annealing. */
void pd_fill_chances(int32_t chances[PD_CHANCES]);

#endif
