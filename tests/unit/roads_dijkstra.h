/* roads_dijkstra: plain Dijkstra over the turns of a mode, from and to spots, written to be seen
 * through rather than to be fast. Header only. */
#ifndef LC_TESTS_ROADS_DIJKSTRA_H
#define LC_TESTS_ROADS_DIJKSTRA_H

#include "roads/turns.h"

#include "roads/roads.h"

#include <stdlib.h>

struct dijkstra {
    struct osm_map map;
    struct network net;
    struct mode_graph g;
    uint64_t *key; /* of each state: weight and duration to its beginning, or a seed's */
    uint32_t *heap, *at, heap_n; /* states by key; where each is in the heap */
};

#define DIJKSTRA_BIAS ((uint64_t)1 << 28)

static inline bool
dijkstra_open(struct dijkstra *d, struct slice pbf, enum travel_mode mode)
{
    char error[ROADS_ERROR_MAX];

    *d = (struct dijkstra){0};
    if (osm_read(&d->map, pbf, error) != LC_OK || network_build(&d->net, &d->map) != LC_OK ||
        turns_build(&d->g, &d->net, &d->map, mode) != LC_OK)
        return false;
    d->key = malloc((d->g.states + 1) * sizeof *d->key);
    d->heap = malloc((d->g.states + 1) * sizeof *d->heap);
    d->at = malloc((d->g.states + 1) * sizeof *d->at);
    return d->key != NULL && d->heap != NULL && d->at != NULL;
}

static inline void
dijkstra_close(struct dijkstra *d)
{
    free(d->key);
    free(d->heap);
    free(d->at);
    turns_free(&d->g);
    network_free(&d->net);
    osm_free(&d->map);
}

static inline void
dijkstra_up(struct dijkstra *d, uint32_t i)
{
    uint32_t s = d->heap[i];

    for (; i > 0 && d->key[d->heap[(i - 1) / 2]] > d->key[s]; i = (i - 1) / 2) {
        d->heap[i] = d->heap[(i - 1) / 2];
        d->at[d->heap[i]] = i;
    }
    d->heap[i] = s;
    d->at[s] = i;
}

static inline void
dijkstra_offer(struct dijkstra *d, uint32_t s, uint64_t key)
{
    if (d->key[s] <= key)
        return;
    if (d->key[s] == UINT64_MAX) {
        d->at[s] = d->heap_n;
        d->heap[d->heap_n++] = s;
    }
    d->key[s] = key;
    dijkstra_up(d, d->at[s]);
}

static inline uint32_t
dijkstra_pop(struct dijkstra *d)
{
    uint32_t top = d->heap[0], last = d->heap[--d->heap_n], i = 0;

    while (2 * i + 1 < d->heap_n) {
        uint32_t c = 2 * i + 1;
        if (c + 1 < d->heap_n && d->key[d->heap[c + 1]] < d->key[d->heap[c]])
            c++;
        if (d->key[d->heap[c]] >= d->key[last])
            break;
        d->heap[i] = d->heap[c];
        d->at[d->heap[i]] = i;
        i = c;
    }
    if (d->heap_n > 0) {
        d->heap[i] = last;
        d->at[last] = i;
    }
    return top;
}

/* dijkstra_share: of a state's cost, ppm, rounded as the map does. */
static inline uint64_t
dijkstra_share(const struct dijkstra *d, uint32_t s, uint32_t ppm)
{
    uint64_t w = ((uint64_t)d->g.w[s] * ppm + 500000) / 1000000;
    uint64_t t = ((uint64_t)d->g.d[s] * ppm + 500000) / 1000000;

    return w << 32 | t;
}

static inline void
dijkstra_turns(struct dijkstra *d, uint32_t s, uint64_t key)
{
    for (uint32_t t = d->g.first[s]; t < d->g.first[s + 1]; t++)
        dijkstra_offer(d, d->g.turn[t].to,
                       key + (((uint64_t)d->g.w[s] + d->g.turn[t].w) << 32) + d->g.d[s] +
                           d->g.turn[t].d);
}

/* dijkstra_from: to all states. Seeds lie within their edge, so they are not labels of it: what
 * follows them is. */
static inline void
dijkstra_from(struct dijkstra *d, const struct roads_spot *from)
{
    const uint64_t bias = DIJKSTRA_BIAS << 32 | DIJKSTRA_BIAS;

    memset(d->key, 0xff, d->g.states * sizeof *d->key);
    d->heap_n = 0;
    for (uint32_t i = 0; i < from->edges; i++) {
        uint32_t s = d->g.state_of[from->edge[i].edge];
        dijkstra_turns(d, s, bias - dijkstra_share(d, s, from->edge[i].behind));
    }
    while (d->heap_n > 0) {
        uint32_t s = dijkstra_pop(d);
        dijkstra_turns(d, s, d->key[s]);
    }
}

/* dijkstra_to: the weight to a spot after dijkstra_from; *ms the duration. UINT32_MAX: no way. */
static inline uint32_t
dijkstra_to(const struct dijkstra *d, const struct roads_spot *from, const struct roads_spot *to,
            uint32_t *ms)
{
    const uint64_t bias = DIJKSTRA_BIAS << 32 | DIJKSTRA_BIAS;
    uint64_t best = UINT64_MAX;

    for (uint32_t j = 0; j < to->edges; j++) {
        uint32_t edge = to->edge[j].edge;
        for (uint32_t s = 0; s < d->g.states; s = s + 1 < d->g.plain ? d->g.plain : s + 1) {
            uint32_t state = s == 0 ? d->g.state_of[edge] : s;
            if (d->g.edge[state] != edge || d->key[state] == UINT64_MAX)
                continue;
            uint64_t key = d->key[state] + dijkstra_share(d, state, to->edge[j].behind);
            best = key < best ? key : best;
        }
        for (uint32_t i = 0; i < from->edges; i++) {
            uint32_t s = d->g.state_of[edge];
            uint64_t a = dijkstra_share(d, s, from->edge[i].behind);
            uint64_t b = dijkstra_share(d, s, to->edge[j].behind);
            if (from->edge[i].edge == edge && b >= a && bias + b - a < best)
                best = bias + b - a;
        }
    }
    *ms = best == UINT64_MAX ? UINT32_MAX : (uint32_t)(best - DIJKSTRA_BIAS);
    return best == UINT64_MAX ? UINT32_MAX : (uint32_t)(best >> 32) - (uint32_t)DIJKSTRA_BIAS;
}

#endif
