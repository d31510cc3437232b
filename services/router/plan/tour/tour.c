/* The search: some pairs go out, each comes back where it costs least; what is a little worse may
 * stay, less and less so. */
#include "router/plan/solve/pd_num.h"
#include "router/plan/tour/tour_own.h"

#include <stdlib.h>
#include <string.h>

enum {
    NODES = 2 * TOUR_PAIRS_MAX + 2,
    WORDS = NODES / 64 + 1,
    OUT_MOST = 5, /* pairs in an attempt */
    SEARCHES = 8,
    LEAST_ITERATIONS = 7500,
};

#define FAR (1 << 30)

struct path {
    int64_t cost;
    size_t n; /* with start and end */
    uint8_t at[NODES];
    int32_t arc[NODES]; /* from each to the next */
};

struct search {
    size_t nodes;
    const int32_t *to;   /* [from][to] */
    const int32_t *from; /* owned: [to][from] */
    uint8_t *near;       /* owned: of each stop all stops, nearest first */
    struct pd_rng rng;
    struct path now, tried, best;
    int32_t chances[PD_CHANCES];
};

static void
copy(struct path *to, const struct path *from)
{
    to->cost = from->cost;
    to->n = from->n;
    memcpy(to->at, from->at, from->n * sizeof *from->at);
    memcpy(to->arc, from->arc, (from->n - 1) * sizeof *from->arc);
}

static int32_t
arc(const struct search *s, uint8_t a, uint8_t b)
{
    return s->to[a * s->nodes + b];
}

/* ---- a pair's cheapest place ---- */

/* One bit in sixteen is set: gaps that are overlooked. */
static void
blink(struct search *s, uint64_t *gaps, size_t n)
{
    for (size_t i = 0; i <= n / 64; i++) {
        gaps[i] = UINT64_MAX;
        for (int k = 0; k < 4; k++)
            gaps[i] &= pd_next(&s->rng);
    }
}

/* A place and what it costs as one number, so that the least is found without a branch: cost, the
 * gap of the pickup, that of the drop-off (each behind this stop of the path as it is). */
typedef int64_t place;
enum { GAP_BITS = 8 };

static place
place_of(int64_t cost, size_t pickup, size_t dropoff)
{
    return (cost * (1 << GAP_BITS) + (int64_t)pickup) * (1 << GAP_BITS) + (int64_t)dropoff;
}

static place
less(place a, place b)
{
    return a < b ? a : b;
}

/* Pickup and drop-off of pair i, from the path's end: the drop-off's cheapest gap behind is known
 * when the pickup's gap is looked at. */
static place
cheapest(const struct search *s, const struct path *p, size_t i, const uint64_t *hidden)
{
    const size_t up = 2 * i + 2, down = up + 1;
    const int32_t *to_up = s->from + up * s->nodes, *of_up = s->to + up * s->nodes;
    const int32_t *to_down = s->from + down * s->nodes, *of_down = s->to + down * s->nodes;
    const int32_t across = of_up[down];
    place best = place_of(FAR, 0, 0), behind = place_of(FAR, 0, 0);

    for (size_t g = p->n - 1; g-- > 0;) {
        uint8_t a = p->at[g], b = p->at[g + 1];
        int64_t gone = p->arc[g];
        int64_t away = hidden[g / 64] >> g % 64 & 1 ? FAR : 0;
        int64_t pickup = to_up[a] - gone + away;
        best = less(best, place_of(pickup + across + of_down[b], g, g));
        best = less(best, place_of(pickup + of_up[b], g, 0) + behind);
        behind = less(behind, place_of(to_down[a] + of_down[b] - gone + away, 0, g));
    }
    return best;
}

static void
put_node(const struct search *s, struct path *p, size_t behind, size_t node)
{
    size_t rest = p->n - behind - 1;

    memmove(p->at + behind + 2, p->at + behind + 1, rest * sizeof *p->at);
    memmove(p->arc + behind + 2, p->arc + behind + 1, (rest - 1) * sizeof *p->arc);
    p->at[behind + 1] = (uint8_t)node;
    p->n++;
    p->arc[behind] = arc(s, p->at[behind], p->at[behind + 1]);
    p->arc[behind + 1] = arc(s, p->at[behind + 1], p->at[behind + 2]);
}

static void
insert(struct search *s, struct path *p, size_t i, bool blinking)
{
    uint64_t hidden[WORDS] = {0};
    const place nowhere = place_of(FAR / 2, 0, 0);

    if (blinking)
        blink(s, hidden, p->n);
    place at = cheapest(s, p, i, hidden);
    if (at >= nowhere) { /* every gap is overlooked */
        memset(hidden, 0, sizeof hidden);
        at = cheapest(s, p, i, hidden);
    }
    size_t dropoff = (size_t)at % (1 << GAP_BITS);
    size_t pickup = (size_t)(at >> GAP_BITS) % (1 << GAP_BITS);
    put_node(s, p, dropoff, 2 * i + 3);
    put_node(s, p, pickup, 2 * i + 2);
    p->cost += at >> (2 * GAP_BITS);
}

/* ---- ruin ---- */

static void
take_out(const struct search *s, struct path *p, const uint64_t *out)
{
    size_t n = 1;
    int64_t cost = 0;

    for (size_t k = 1; k < p->n; k++) {
        size_t pair = ((size_t)p->at[k] - 2) / 2;
        if (k + 1 < p->n && (out[pair / 64] >> pair % 64 & 1) != 0)
            continue;
        p->arc[n - 1] = arc(s, p->at[n - 1], p->at[k]);
        cost += p->arc[n - 1];
        p->at[n++] = p->at[k];
    }
    p->n = n;
    p->cost = cost;
}

static bool
add(size_t pair, size_t *pairs, size_t *n, uint64_t *out)
{
    if ((out[pair / 64] >> pair % 64 & 1) != 0)
        return false;
    out[pair / 64] |= (uint64_t)1 << pair % 64;
    pairs[(*n)++] = pair;
    return true;
}

/* Some pairs with a stop around one stop: near it by the way, or on the path as it is. */
static size_t
choose(struct search *s, const struct path *p, size_t *pairs, uint64_t *out)
{
    size_t all = (s->nodes - 2) / 2, most = all < OUT_MOST ? all : OUT_MOST, n = 0;
    size_t want = 1 + pd_below(&s->rng, (uint32_t)most);
    size_t width = 2 * want + 2 < 2 * all ? 2 * want + 2 : 2 * all;
    uint32_t stops = 2 * (uint32_t)all;
    size_t middle = pd_below(&s->rng, stops);
    const uint8_t *near = s->near + ((size_t)p->at[1 + middle] - 2) * stops;
    bool by_way = pd_below(&s->rng, 2) == 0;

    memset(out, 0, sizeof(uint64_t) * WORDS);
    (void)add(((size_t)p->at[1 + middle] - 2) / 2, pairs, &n, out);
    for (size_t tries = 0; n < want && tries < 4 * want; tries++) {
        size_t k = pd_below(&s->rng, (uint32_t)width);
        size_t node =
            by_way ? near[k] : p->at[1 + (middle + k < stops ? middle + k : middle + k - stops)];
        (void)add((node - 2) / 2, pairs, &n, out);
    }
    return n;
}

static void
attempt(struct search *s, int64_t heat)
{
    size_t pairs[OUT_MOST];
    uint64_t out[WORDS];
    struct path *p = &s->tried;

    copy(p, &s->now);
    size_t n = choose(s, p, pairs, out);
    take_out(s, p, out);
    for (; n > 0; n--) { /* in an order drawn by chance */
        size_t k = pd_below(&s->rng, (uint32_t)n);
        insert(s, p, pairs[k], true);
        pairs[k] = pairs[n - 1];
    }
    int64_t allowed = heat * s->chances[pd_below(&s->rng, PD_CHANCES)] >> 16;
    if (p->cost > s->now.cost + allowed)
        return;
    copy(&s->now, p);
    if (p->cost < s->best.cost)
        copy(&s->best, p);
}

/* A first path, from the pairs in an order drawn by chance. */
static void
begin(struct search *s)
{
    size_t pairs[TOUR_PAIRS_MAX], n = (s->nodes - 2) / 2;

    for (size_t i = 0; i < n; i++)
        pairs[i] = i;
    s->now.n = 2;
    s->now.at[0] = 0;
    s->now.at[1] = 1;
    s->now.arc[0] = arc(s, 0, 1);
    s->now.cost = s->now.arc[0];
    for (; n > 0; n--) {
        size_t k = pd_below(&s->rng, (uint32_t)n);
        insert(s, &s->now, pairs[k], true);
        pairs[k] = pairs[n - 1];
    }
}

/* Several times from the beginning: what one search has missed another one finds. */
static void
search(struct search *s, uint32_t iterations)
{
    uint32_t length = iterations / SEARCHES + 1;

    begin(s);
    copy(&s->best, &s->now);
    int64_t heat = s->best.cost / (int64_t)s->nodes + 1; /* the mean arc */
    for (uint32_t k = 0; k < iterations; k++) {
        if (k % length == 0 && k > 0)
            begin(s);
        attempt(s, heat * (length - k % length) / length);
    }
}

static void
know_near(struct search *s)
{
    size_t stops = s->nodes - 2;

    for (size_t a = 0; a < stops; a++) {
        uint8_t *near = s->near + a * stops;
        int64_t key[NODES];
        for (size_t b = 0; b < stops; b++) { /* few: by insertion */
            int64_t mine = b == a ? INT64_MAX
                                  : (int64_t)arc(s, (uint8_t)(a + 2), (uint8_t)(b + 2)) +
                                        arc(s, (uint8_t)(b + 2), (uint8_t)(a + 2));
            size_t k = b;
            for (; k > 0 && mine < key[k - 1]; k--) {
                key[k] = key[k - 1];
                near[k] = near[k - 1];
            }
            key[k] = mine;
            near[k] = (uint8_t)(b + 2);
        }
    }
}

static uint32_t
enough(size_t pairs)
{
    return pairs < 15 ? LEAST_ITERATIONS : 500 * (uint32_t)pairs;
}

static bool
costs_are_fine(const struct tour_problem *p)
{
    size_t n = 2 * p->pairs + 2;

    for (size_t i = 0; i < n * n; i++)
        if (p->cost[i] < 0 || p->cost[i] > TOUR_COST_MAX)
            return false;
    return true;
}

static void
write_tour(const struct path *best, struct tour *out)
{
    *out = (struct tour){.cost = best->cost, .n = best->n - 2};
    memcpy(out->nodes, best->at + 1, out->n);
}

enum lc_err
tour_solve(const struct tour_problem *p, uint64_t seed, uint32_t iterations, struct tour *out)
{
    if (p->pairs == 0 || p->pairs > TOUR_PAIRS_MAX || !costs_are_fine(p))
        return LC_EINVAL;
    if (p->pairs <= TOUR_PROVEN)
        return tour_exact(p, out);
    size_t n = 2 * p->pairs + 2;
    struct search *s = calloc(1, sizeof *s);
    int32_t *from = malloc(n * n * sizeof *from);
    uint8_t *near = malloc((n - 2) * (n - 2));
    enum lc_err err = s == NULL || from == NULL || near == NULL ? LC_ENOMEM : LC_OK;
    if (err == LC_OK) {
        for (size_t a = 0; a < n; a++)
            for (size_t b = 0; b < n; b++)
                from[b * n + a] = p->cost[a * n + b];
        s->nodes = n;
        s->to = p->cost;
        s->from = from;
        s->near = near;
        know_near(s);
        s->rng.state = seed * 0x9e3779b97f4a7c15u + 1;
        pd_fill_chances(s->chances);
        search(s, iterations == 0 ? enough(p->pairs) : iterations);
        write_tour(&s->best, out);
    }
    free(near);
    free(from);
    free(s);
    return err;
}
