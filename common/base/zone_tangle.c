#include "base/zone_tangle.h"

#include <stdio.h>
#include <stdlib.h>

enum { BANDS = 64 };

/* An edge as a box with a direction. */
struct edge {
    struct latlng from, to;
    int32_t west, east, south, north;
};

struct tangle {
    struct edge *edge; /* by their west ends */
    size_t n;
    size_t pairs;
    size_t crossings;
};

static struct edge
edge_of(struct latlng a, struct latlng b)
{
    return (struct edge){
        .from = a,
        .to = b,
        .west = a.lng_e7 < b.lng_e7 ? a.lng_e7 : b.lng_e7,
        .east = a.lng_e7 < b.lng_e7 ? b.lng_e7 : a.lng_e7,
        .south = a.lat_e7 < b.lat_e7 ? a.lat_e7 : b.lat_e7,
        .north = a.lat_e7 < b.lat_e7 ? b.lat_e7 : a.lat_e7,
    };
}

static int
by_west(const void *a, const void *b)
{
    const struct edge *x = a, *y = b;

    return (x->west > y->west) - (x->west < y->west);
}

/* On which side of the edge is p? The differences have 33 bits, their products do not fit 64. */
static int
side(const struct edge *e, struct latlng p)
{
    __int128 left =
        (__int128)((int64_t)e->to.lng_e7 - e->from.lng_e7) * ((int64_t)p.lat_e7 - e->from.lat_e7);
    __int128 right =
        (__int128)((int64_t)p.lng_e7 - e->from.lng_e7) * ((int64_t)e->to.lat_e7 - e->from.lat_e7);

    return (left > right) - (left < right);
}

/* Inside both, not at an end: neighbours of a ring, and squares side by side, only touch. */
static bool
cross(const struct edge *a, const struct edge *b)
{
    return side(a, b->from) * side(a, b->to) < 0 && side(b, a->from) * side(b, a->to) < 0;
}

static bool
too_many(const struct tangle *t)
{
    return t->pairs > ZONE_PAIRS_AN_EDGE * t->n + ZONE_PAIRS_FREE ||
           t->crossings > t->n / ZONE_EDGES_A_CROSSING + ZONE_CROSSINGS_FREE;
}

static int
by_value(const void *a, const void *b)
{
    int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;

    return (x > y) - (x < y);
}

/* count_band: of the pairs, those whose later southern end is from `low` to below `high`; of edges
 * by their west ends. */
static void
count_band(struct tangle *t, const struct edge **in, int64_t low, int64_t high)
{
    size_t n = 0;

    for (size_t i = 0; i < t->n; i++)
        if (t->edge[i].south < high && t->edge[i].north >= low)
            in[n++] = &t->edge[i];
    for (size_t i = 0; i < n; i++)
        for (size_t k = i + 1; k < n && in[k]->west <= in[i]->east; k++) {
            const struct edge *a = in[i], *b = in[k];
            if ((a->south < low && b->south < low) || a->south > b->north || b->south > a->north)
                continue;
            t->pairs++;
            t->crossings += cross(a, b);
            if (too_many(t))
                return;
        }
}

/* count: in bands with equally many southern ends, each from west to east, no longer than it takes
 * to know. In a band nearly all edges side by side overlap; without, a comb of 5,000 teeth would be
 * looked at pair by pair. */
static void
count(struct tangle *t, int32_t *south, const struct edge **in)
{
    int64_t low = INT64_MIN;

    for (size_t i = 0; i < t->n; i++)
        south[i] = t->edge[i].south;
    qsort(south, t->n, sizeof *south, by_value);
    for (size_t band = 1; band <= BANDS && !too_many(t); band++) {
        int64_t high = band == BANDS ? INT64_MAX : south[t->n * band / BANDS];
        if (high > low)
            count_band(t, in, low, high);
        low = high;
    }
}

enum lc_err
zone_tangle(const struct zone_ring *ring, size_t rings, char reason[ZONE_REASON_MAX])
{
    struct tangle t = {0};

    for (size_t i = 0; i < rings; i++)
        t.n += ring[i].n - 1;
    t.edge = malloc((t.n + 1) * sizeof *t.edge);
    int32_t *south = malloc((t.n + 1) * sizeof *south);
    const struct edge **in = malloc((t.n + 1) * sizeof *in);
    if (t.edge == NULL || south == NULL || in == NULL) {
        free(t.edge);
        free(south);
        free(in);
        return LC_ENOMEM;
    }
    size_t n = 0;
    for (size_t i = 0; i < rings; i++)
        for (size_t k = 1; k < ring[i].n; k++)
            t.edge[n++] = edge_of(ring[i].point[k - 1], ring[i].point[k]);
    qsort(t.edge, t.n, sizeof *t.edge, by_west);
    count(&t, south, in);
    free(t.edge);
    free(south);
    free(in);
    if (!too_many(&t))
        return LC_OK;
    if (t.crossings > t.n / ZONE_EDGES_A_CROSSING + ZONE_CROSSINGS_FREE)
        snprintf(reason, ZONE_REASON_MAX, "its edges cross each other in more than %zu places",
                 t.n / ZONE_EDGES_A_CROSSING + ZONE_CROSSINGS_FREE);
    else
        snprintf(reason, ZONE_REASON_MAX, "too many edges lie beside or over each other: simplify");
    return LC_ETOOBIG;
}
