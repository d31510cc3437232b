/* search: the parts that route, table, reach and area share. Inside roads only.
 *
 * A search starts at the beginning of nodes, but trips start on an edge somewhere within one. So a
 * start is put before the beginning: at BIAS less what lies between. Ends lie behind it. What is
 * left of the sums above twice BIAS is the trip; less means that the end lies before the start on
 * the very same node: then only the way round counts. */
#ifndef LC_ROADS_SEARCH_H
#define LC_ROADS_SEARCH_H

#include "roads/file.h"

#define BIAS_MS ((uint32_t)1 << 28)
#define BIAS_KEY ((uint64_t)BIAS_MS << 32 | BIAS_MS)

/* seed: an end of a trip, on a node of the search graph: how far behind its beginning. */
struct seed {
    uint32_t node;
    uint32_t slot;
    uint32_t w, d, cm;
    uint32_t behind; /* as in roads_spot */
};
enum { SEEDS_MAX = 4 * ROADS_SPOT_EDGES };

/* label: the best way to a node known so far; lengths wrap round, sums come out right. */
struct label {
    uint64_t key;
    uint32_t cm;
    uint32_t epoch;
    uint32_t from; /* node before; the node itself: a seed */
    uint32_t arc;  /* from there, in the side's arcs */
};

struct search_entry {
    uint64_t key;
    uint32_t node;
};

struct search_heap {
    struct search_entry *entry;
    uint32_t n, cap;
};

/* One direction: [0] forward, going up; [1] backward, along the arcs that come down. */
struct search_side {
    struct label *label;
    struct search_heap heap;
    uint32_t epoch;
};

struct bucket {
    uint64_t key;
    uint32_t cm;
    uint32_t to;
    uint32_t node;
};

struct roads_search {
    const struct roads *r;
    struct search_side side[2];
    uint32_t nodes; /* that the labels have room for */
    uint32_t *path; /* edges */
    size_t path_n, path_cap;
    uint32_t *stack; /* for unpacking */
    size_t stack_cap;
    struct bucket *bucket; /* as found, then by node */
    size_t buckets, bucket_cap;
    struct bucket *sorted;
    size_t sorted_cap;
    uint32_t *first_bucket; /* by node */
    struct seed *seed;
    size_t seed_cap;
    uint32_t *seed_first;
    size_t seed_first_cap;
    uint64_t *swept; /* by node: roads_reach */
    uint32_t *swept_cm;
};

/* seeds_of: what a spot means on the search graph; arriving also means the twins. How many. */
uint32_t seeds_of(const struct roads *r, enum travel_mode mode, const struct roads_spot *spot,
                  bool arriving, struct seed *out);

/* side_start: forgets the last search; plants the seeds. False without memory. */
bool side_start(struct roads_search *s, int d, const struct seed *seed, uint32_t n);

/* side_step: settles the nearest node: false when there is none, or no memory (*ok). A node that
 * can be reached better over a higher one is not looked at further: *stalled. */
bool side_step(struct roads_search *s, const struct roads_mode *m, int d, uint32_t *node,
               bool *stalled, bool *ok);

static inline bool
side_knows(const struct search_side *side, uint32_t node)
{
    return side->label[node].epoch == side->epoch;
}

/* round_of: the shortest way from a node's beginning back to it; NULL when there is none. */
const struct arc *round_of(const struct roads_mode *m, uint32_t node, uint32_t *index);

/* trip_of: from a sum of both sides. */
static inline struct roads_trip
trip_of(uint64_t key, uint32_t cm)
{
    return (struct roads_trip){(uint32_t)key - BIAS_MS, cm, (uint32_t)(key >> 32) - BIAS_MS};
}

/* direct: the best way along one node from a start to an end behind it: UINT64_MAX when none is. */
uint64_t direct(const struct seed *from, uint32_t from_n, const struct seed *to, uint32_t to_n,
                uint32_t *from_i, uint32_t *to_i, uint32_t *cm);

/* sweep: the least key from the seeds to the beginning of every node into s->swept (UINT64_MAX
 * where there is no way), with lengths. */
LC_MUST_CHECK enum lc_err sweep(struct roads_search *s, enum travel_mode mode,
                                const struct seed *seed, uint32_t n);

#endif
