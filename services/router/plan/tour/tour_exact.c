/* The shortest tour, proven: dynamic programming over what has been served. A pair is untouched,
 * aboard or done, so a state is a number of as many digits to the base 3; going by rising numbers
 * every state comes after those it follows from. */
#include "router/plan/tour/tour_own.h"

#include <stdlib.h>

struct exact {
    const struct tour_problem *p;
    size_t n;        /* nodes */
    uint32_t *least; /* [state][last]: the least cost to be there, or NOWHERE */
    uint8_t *before; /* [state][last]: the node before */
    uint32_t power[TOUR_PROVEN + 1];
};

#define NOWHERE UINT32_MAX

/* From the state, being at `last`, to every node that may be next. */
static void
step(struct exact *e, uint32_t state, size_t last)
{
    size_t stops = e->n - 2;
    uint32_t cost = last == 0 ? 0 : e->least[state * stops + last - 2];

    if (cost == NOWHERE)
        return;
    for (size_t i = 0; i < e->p->pairs; i++) {
        uint32_t digit = state / e->power[i] % 3;
        if (digit == 2)
            continue;
        size_t node = 2 + 2 * i + digit, at = (state + e->power[i]) * stops + node - 2;
        uint32_t more = cost + (uint32_t)e->p->cost[last * e->n + node];
        if (more < e->least[at]) {
            e->least[at] = more;
            e->before[at] = (uint8_t)last;
        }
    }
}

static void
trace(const struct exact *e, struct tour *out)
{
    size_t stops = e->n - 2, last = 2;
    uint32_t state = e->power[e->p->pairs] - 1, best = NOWHERE;

    for (size_t v = 2; v < e->n; v++) {
        uint32_t to_last = e->least[state * stops + v - 2];
        uint32_t all = to_last == NOWHERE ? NOWHERE : to_last + (uint32_t)e->p->cost[v * e->n + 1];
        if (all < best) {
            best = all;
            last = v;
        }
    }
    *out = (struct tour){.cost = best, .proven = true, .n = stops};
    for (size_t k = stops; k-- > 0;) {
        size_t before = e->before[state * stops + last - 2];
        out->nodes[k] = (uint8_t)last;
        state -= e->power[(last - 2) / 2];
        last = before;
    }
}

enum lc_err
tour_exact(const struct tour_problem *p, struct tour *out)
{
    struct exact e = {.p = p, .n = 2 * p->pairs + 2};

    e.power[0] = 1;
    for (size_t i = 0; i < p->pairs; i++)
        e.power[i + 1] = 3 * e.power[i];
    size_t states = e.power[p->pairs], stops = e.n - 2;
    e.least = calloc(states * stops + 1, sizeof *e.least);
    e.before = calloc(states * stops + 1, 1);
    bool ok = e.least != NULL && e.before != NULL;
    for (size_t i = 0; ok && i < states * stops; i++)
        e.least[i] = NOWHERE;
    if (ok)
        step(&e, 0, 0);
    for (uint32_t s = 1; ok && s + 1 < states; s++)
        for (size_t last = 2; last < e.n; last++)
            step(&e, s, last);
    if (ok)
        trace(&e, out);
    free(e.least);
    free(e.before);
    return ok ? LC_OK : LC_ENOMEM;
}
