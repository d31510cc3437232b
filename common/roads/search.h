/* search: the parts that route, table, reach and area share. Inside roads only.
 *
 * A search starts at the beginning of nodes, but trips start on an edge somewhere within one. So a
 * start is put before the beginning: at BIAS less what lies between. Ends lie behind it. What the
 * sums are above BIAS is the trip; less means that the end lies before the start on the very same
 * node: then only the way round counts.
 *
 * Searching compares weights alone; duration and length of what is found are added up afterwards.
 * Among ways of equal weight the first arc in the file wins, so that answers are always the same.
 */
#ifndef LC_ROADS_SEARCH_H
#define LC_ROADS_SEARCH_H

#include "roads/file.h"

/* WIDE: a function that the compiler also makes for processors with vectors twice as wide (AVX2);
 * which of the two runs is decided when the program starts. */
#if defined __x86_64__ && defined __GNUC__ && !defined __clang__ && defined __OPTIMIZE__ &&        \
    !defined __SANITIZE_ADDRESS__ && !defined __SANITIZE_THREAD__
#define WIDE __attribute__((target_clones("avx2", "default"), flatten))
#define WIDE_ROWS 1 /* climbs have such vectors written out */
#else
#define WIDE
#define WIDE_ROWS 0
#endif

#define BIAS ((uint32_t)1 << 28)

/* seed: an end of a trip, on a node of the search graph: how far behind its beginning. */
struct seed {
    uint32_t node;
    uint32_t slot;
    uint32_t w, d, cm;
};
enum { SEEDS_MAX = 4 * ROADS_SPOT_EDGES };

/* A label is the best way to a node known so far: its weight, and behind the point how it came:
 * from which of the nodes met, or FROM_SEED + the number of a seed. In one number, so that a better
 * one is found without a branch; in a double, as processors have the least of several doubles at
 * once, and few that of integers so long. All its 53 bits are used, none is ever rounded. */
#define FROM_SEED ((uint32_t)1 << 21)
#define MEASURED ((uint32_t)1 << 31)
#define FROM_UNITS ((uint32_t)1 << 22)

static inline double
label_of(uint32_t w, uint32_t from)
{
    return w + from * (1.0 / FROM_UNITS);
}

static inline uint32_t
label_w(double label)
{
    return (uint32_t)label;
}

static inline uint32_t
label_from(double label)
{
    return (uint32_t)((label - label_w(label)) * FROM_UNITS);
}

/* extent: what belongs to a label; wraps round, sums come out right. */
struct extent {
    uint32_t d, cm;
};

/* One direction: [0] forward, going up; [1] backward, along the arcs that come down. */
struct search_side {
    double *label;         /* NO_WAY of those that are not in met */
    struct extent *extent; /* of those measured */
    uint32_t *met;         /* the nodes above the seeds, ascending */
    uint32_t mets;
    uint32_t trunk; /* from this one of them on, each is above all before it */
};

/* climbed: an end of trips with all that lies above it; owned by whoever asked for it. Two of them
 * are enough for a trip, so those of places that are asked about again are kept (memory.c). */
struct climbed {
    int d;
    uint32_t n, trunk; /* as mets and trunk of struct search_side */
    uint32_t seeds;
    size_t bytes; /* of all this */
    struct seed *seed;
    uint32_t *node; /* n of each of these, in the order of the nodes */
    int32_t *w;     /* apart, so that many are summed at once */
    uint32_t *from; /* as of a label; MEASURED once the extent is known */
    struct extent *extent;
};

struct roads_search {
    const struct roads *r;
    struct search_side side[2];
    uint32_t nodes; /* that the labels have room for */
    uint32_t *path; /* edges */
    size_t path_n, path_cap;
    uint32_t *path_slot; /* of each of them */
    size_t path_slot_cap;
    uint32_t *stack; /* for unpacking */
    size_t stack_cap;
    uint32_t *way;
    size_t way_cap;
    struct climbed **end; /* of all ends of a table; the first few are kept for the next */
    size_t end_cap;
    uint32_t *swept; /* by node: sweep */
    struct extent *swept_extent;
};

/* seeds_of: what a spot means on the search graph; arriving also means the twins. How many. */
uint32_t seeds_of(const struct roads *r, enum travel_mode mode, const struct roads_spot *spot,
                  bool arriving, struct seed *out);

/* climb: the best ways from the seeds up to every node above them: no queue is needed, as all that
 * a node can lead to lies on its way up the tree. */
void climb(struct roads_search *s, const struct roads_mode *m, int d, const struct seed *seed,
           uint32_t n);

/* seed_extent: what a start has before it, or an end behind it. */
static inline struct extent
seed_extent(const struct seed *x, int d)
{
    return d == 0 ? (struct extent){0 - x->d, 0 - x->cm} : (struct extent){x->d, x->cm};
}

/* measure: the extents of all that was met. */
void measure(struct search_side *side, const struct roads_mode *m, int d, const struct seed *seed);

/* climbed_new: from the spot upwards (d as of struct search_side). Free it with free. NULL without
 * memory. */
struct climbed *climbed_new(struct roads_search *s, enum travel_mode mode, int d,
                            const struct roads_spot *spot);

/* climbed_again: the same, into *c, which is made larger where it must; it may be NULL. False
 * without memory; *c is then as it was. */
LC_MUST_CHECK bool climbed_again(struct roads_search *s, enum travel_mode mode, int d,
                                 const struct roads_spot *spot, struct climbed **c);

/* climbed_trip: from a start (d = 0) to an end (d = 1) of the same mode. What is found out about
 * their extents on the way is kept in them. */
struct roads_trip climbed_trip(const struct roads_mode *m, const struct climbed *from,
                               const struct climbed *to);

/* arc_to: the arc between a node and one above it; UINT32_MAX when there is none. */
uint32_t arc_to(const struct roads_mode *m, int d, uint32_t lower, uint32_t upper);

/* step_below: the node that a label came from, and the arc; false for a seed. */
static inline bool
step_below(const struct search_side *side, const struct roads_mode *m, int d, uint32_t node,
           uint32_t *from, uint32_t *arc)
{
    uint32_t i = label_from(side->label[node]);

    if (i >= FROM_SEED)
        return false;
    *from = side->met[i];
    *arc = arc_to(m, d, *from, node);
    return true;
}

/* round_of: the arc that is the shortest way from a node's beginning back to it; UINT32_MAX when
 * there is none. In side 0. */
uint32_t round_of(const struct roads_mode *m, uint32_t node);

/* direct: the best trip along one node, from a start to an end behind it; false when there is none.
 * Its weight has the bias. */
bool direct(const struct seed *from, uint32_t from_n, const struct seed *to, uint32_t to_n,
            uint32_t *from_i, uint32_t *to_i, uint32_t *w);

/* sweep: into s->swept the least weight, with the bias, from the seeds to the beginning of every
 * node of the mode; NO_WAY and more where there is no way. False without memory. */
LC_MUST_CHECK bool sweep(struct roads_search *s, enum travel_mode mode, const struct seed *seed,
                         uint32_t n);

/* point_between: the point at a share (0 to 1) of the way from a to b. */
struct latlng point_between(struct latlng a, struct latlng b, double share);

#endif
