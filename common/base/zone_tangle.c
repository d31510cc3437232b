#include "base/zone_tangle.h"

#include <stdio.h>
#include <stdlib.h>

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

/* count: from west to east, each edge with those that begin before it ends; no longer than it takes
 * to know. */
static void
count(struct tangle *t)
{
    for (size_t i = 0; i < t->n; i++)
        for (size_t k = i + 1; k < t->n && t->edge[k].west <= t->edge[i].east; k++) {
            const struct edge *a = &t->edge[i], *b = &t->edge[k];
            if (a->south > b->north || b->south > a->north)
                continue;
            t->pairs++;
            t->crossings += cross(a, b);
            if (too_many(t))
                return;
        }
}

enum lc_err
zone_tangle(const struct zone_ring *ring, size_t rings, char reason[ZONE_REASON_MAX])
{
    struct tangle t = {0};

    for (size_t i = 0; i < rings; i++)
        t.n += ring[i].n - 1;
    t.edge = malloc(t.n * sizeof *t.edge);
    if (t.edge == NULL)
        return LC_ENOMEM;
    size_t n = 0;
    for (size_t i = 0; i < rings; i++)
        for (size_t k = 1; k < ring[i].n; k++)
            t.edge[n++] = edge_of(ring[i].point[k - 1], ring[i].point[k]);
    qsort(t.edge, t.n, sizeof *t.edge, by_west);
    count(&t);
    free(t.edge);
    if (!too_many(&t))
        return LC_OK;
    if (t.crossings > t.n / ZONE_EDGES_A_CROSSING + ZONE_CROSSINGS_FREE)
        snprintf(reason, ZONE_REASON_MAX, "its edges cross each other in more than %zu places",
                 t.n / ZONE_EDGES_A_CROSSING + ZONE_CROSSINGS_FREE);
    else
        snprintf(reason, ZONE_REASON_MAX, "too many edges lie beside or over each other: simplify");
    return LC_ETOOBIG;
}
