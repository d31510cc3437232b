#include "roads/dissect.h"

#include <stdlib.h>

enum { FREE_BELOW = 3 }; /* junctions: so few are not cut any more */

/* One undirected road seen from one of its ends, among the junctions being halved. */
struct half {
    uint32_t to;   /* position in junction[] */
    uint32_t twin; /* the same road from the other end */
    uint32_t road;
    int8_t flow; /* -1, 0, 1 */
};

struct dissector {
    const struct network *n;
    uint32_t *importance;
    uint32_t numbered;
    uint32_t *junction; /* in the order of the parts */
    uint32_t *position; /* of each junction in junction[] */
    uint8_t *side;      /* by position: side of the best cut */
    /* Scratch for the part in hand, by position less its beginning: */
    int64_t *key, *sorted;
    uint8_t *end; /* 1 = source, 2 = sink */
    uint32_t *level, *queue, *next, *path;
    uint32_t *first;
    struct half *half;
    size_t halves_cap;
};

/* A part: the junctions from `from` on. */
struct part {
    uint32_t from, n;
};

static uint32_t
local(const struct dissector *d, struct part p, uint32_t junction)
{
    uint32_t at = d->position[junction] - p.from;

    return at < p.n ? at : UINT32_MAX;
}

/* gather: the roads within the part, from both ends. */
static bool
gather(struct dissector *d, struct part p)
{
    const struct network *n = d->n;
    uint32_t filled = 0;

    for (uint32_t i = 0; i < p.n; i++) {
        uint32_t j = d->junction[p.from + i];
        d->first[i] = filled;
        for (uint32_t o = n->first_out[j]; o < n->first_out[j + 1]; o++) {
            uint32_t to = local(d, p, edge_head(n, n->out[o]));
            if (to == UINT32_MAX || to == i)
                continue;
            if (!roads_grow(&d->half, &d->halves_cap, filled + 1, sizeof *d->half))
                return false;
            d->half[filled++] = (struct half){to, UINT32_MAX, n->out[o], 0};
        }
    }
    d->first[p.n] = filled;
    for (uint32_t i = 0; i < p.n; i++)
        for (uint32_t h = d->first[i]; h < d->first[i + 1]; h++)
            for (uint32_t t = d->first[d->half[h].to]; t < d->first[d->half[h].to + 1]; t++)
                if (d->half[t].road == (d->half[h].road ^ 1))
                    d->half[h].twin = t;
    return true;
}

/* nth: the element that sorting would put at place k (Hoare's quickselect). */
static int64_t
nth(int64_t *v, uint32_t n, uint32_t k)
{
    int64_t low = 0, high = (int64_t)n - 1;

    while (low < high) {
        int64_t pivot = v[low + (high - low) / 2], i = low - 1, j = high + 1;
        for (;;) {
            do
                i++;
            while (v[i] < pivot);
            do
                j--;
            while (v[j] > pivot);
            if (i >= j)
                break;
            int64_t t = v[i];
            v[i] = v[j];
            v[j] = t;
        }
        if ((int64_t)k <= j)
            high = j;
        else
            low = j + 1;
    }
    return v[k];
}

/* choose_ends: the first three tenths of the part along a direction, and the last. */
static void
choose_ends(struct dissector *d, struct part p, int direction)
{
    static const int along[4][2] = {{1, 0}, {0, 1}, {1, 1}, {1, -1}};
    uint32_t share = p.n * 3 / 10 > 0 ? p.n * 3 / 10 : 1;

    for (uint32_t i = 0; i < p.n; i++) {
        struct latlng at = d->n->junction_at[d->junction[p.from + i]];
        /* The position breaks ties, so that the shares are exact. */
        d->key[i] =
            ((int64_t)at.lat_e7 * along[direction][0] + (int64_t)at.lng_e7 * along[direction][1]) *
                ((int64_t)1 << 31) / 2 +
            i;
        d->sorted[i] = d->key[i];
    }
    int64_t source = nth(d->sorted, p.n, share - 1);
    int64_t sink = nth(d->sorted, p.n, p.n - share);
    for (uint32_t i = 0; i < p.n; i++)
        d->end[i] = d->key[i] <= source ? 1 : d->key[i] >= sink ? 2 : 0;
}

/* spread_levels: how many roads with room left from a source; true when a sink is reached. */
static bool
spread_levels(struct dissector *d, struct part p)
{
    uint32_t head = 0, tail = 0;
    bool reached = false;

    for (uint32_t i = 0; i < p.n; i++) {
        d->level[i] = d->end[i] == 1 ? 0 : UINT32_MAX;
        d->next[i] = d->first[i];
        if (d->end[i] == 1)
            d->queue[tail++] = i;
    }
    while (head < tail) {
        uint32_t i = d->queue[head++];
        if (d->end[i] == 2) {
            reached = true;
            continue;
        }
        for (uint32_t h = d->first[i]; h < d->first[i + 1]; h++)
            if (d->half[h].flow < 1 && d->level[d->half[h].to] == UINT32_MAX) {
                d->level[d->half[h].to] = d->level[i] + 1;
                d->queue[tail++] = d->half[h].to;
            }
    }
    return reached;
}

/* push_from: one unit from a source to any sink, level by level; false when there is no way. */
static bool
push_from(struct dissector *d, uint32_t source)
{
    uint32_t deep = 0, at = source;

    for (;;) {
        if (d->end[at] == 2) {
            for (uint32_t i = 0; i < deep; i++) {
                d->half[d->path[i]].flow++;
                d->half[d->half[d->path[i]].twin].flow--;
            }
            return true;
        }
        bool on = false;
        for (; d->next[at] < d->first[at + 1]; d->next[at]++) {
            const struct half *h = &d->half[d->next[at]];
            if (h->flow < 1 && d->level[h->to] == d->level[at] + 1) {
                on = true;
                break;
            }
        }
        if (on) {
            d->path[deep++] = d->next[at];
            at = d->half[d->next[at]].to;
            continue;
        }
        if (deep == 0)
            return false;
        deep--; /* a dead end: the road that led here is tried no more */
        at = d->half[d->half[d->path[deep]].twin].to;
        d->next[at]++;
    }
}

/* cut_along: the size of the smallest cut between the ends; at most `best` is looked for. The
 * source's side is where a level is left (Dinic 1970). */
static uint32_t
cut_along(struct dissector *d, struct part p, uint32_t best)
{
    uint32_t flow = 0;

    for (uint32_t h = 0; h < d->first[p.n]; h++)
        d->half[h].flow = 0;
    while (flow < best && spread_levels(d, p))
        for (uint32_t i = 0; i < p.n; i++)
            while (d->end[i] == 1 && flow < best && push_from(d, i))
                flow++;
    return flow;
}

/* halve: the sides of the best of the four cuts. */
static void
halve(struct dissector *d, struct part p)
{
    uint32_t best = UINT32_MAX;
    int directions = p.n < 12 ? 2 : 4;

    for (int k = 0; k < directions; k++) {
        choose_ends(d, p, k);
        uint32_t cut = cut_along(d, p, best);
        if (cut >= best)
            continue;
        best = cut;
        for (uint32_t i = 0; i < p.n; i++)
            d->side[p.from + i] = d->level[i] == UINT32_MAX;
    }
}

/* split: moves side 0 to the front; how many it is. */
static uint32_t
split(struct dissector *d, struct part p)
{
    uint32_t zeros = 0, ones = 0;

    for (uint32_t i = 0; i < p.n; i++) {
        uint32_t j = d->junction[p.from + i];
        if (d->side[p.from + i] == 0)
            d->junction[p.from + zeros++] = j;
        else
            d->queue[ones++] = j;
    }
    memcpy(d->junction + p.from + zeros, d->queue, ones * sizeof *d->queue);
    for (uint32_t i = 0; i < p.n; i++)
        d->position[d->junction[p.from + i]] = p.from + i;
    return zeros;
}

/* number_edges: those that leave one side (the first `zeros` junctions; all when zeros is 0) of
 * part p for the other. */
static void
number_edges(struct dissector *d, struct part p, uint32_t zeros, bool ahead)
{
    const struct network *n = d->n;

    for (uint32_t i = 0; i < (zeros == 0 ? p.n : zeros); i++) {
        uint32_t j = d->junction[p.from + i];
        for (uint32_t o = n->first_out[j]; o < n->first_out[j + 1]; o++) {
            uint32_t edge = n->out[o] ^ (ahead ? 0 : 1);
            uint32_t to = local(d, p, edge_head(n, n->out[o]));
            if (to != UINT32_MAX && to >= zeros && d->importance[edge] == UINT32_MAX)
                d->importance[edge] = d->numbered++;
        }
    }
}

/* take_apart: the roads within the halves first, then those between them. */
static bool
take_apart(struct dissector *d, struct part p)
{
    uint32_t zeros = 0;

    if (p.n >= FREE_BELOW) {
        if (!gather(d, p))
            return false;
        halve(d, p);
        zeros = split(d, p);
        if (zeros > 0 && zeros < p.n &&
            (!take_apart(d, (struct part){p.from, zeros}) ||
             !take_apart(d, (struct part){p.from + zeros, p.n - zeros})))
            return false;
        zeros = zeros < p.n ? zeros : 0;
    }
    /* Those of one direction side by side: what one of a half's nodes leads to, it mostly leads to
     * row by row (rows.h). */
    number_edges(d, p, zeros, true);
    number_edges(d, p, zeros, false);
    return true;
}

enum lc_err
dissect(const struct network *n, uint32_t *importance)
{
    size_t j = n->junctions + 1;
    struct dissector d = {.n = n, .importance = importance};
    uint32_t *words = malloc(j * 7 * sizeof *words);
    int64_t *keys = malloc(j * 2 * sizeof *keys);
    uint8_t *bytes = malloc(j * 2);
    bool ok = words != NULL && keys != NULL && bytes != NULL &&
              roads_grow(&d.half, &d.halves_cap, 1, sizeof *d.half);

    if (ok) {
        d.junction = words;
        d.position = words + j;
        d.level = words + 2 * j;
        d.queue = words + 3 * j;
        d.next = words + 4 * j;
        d.path = words + 5 * j;
        d.first = words + 6 * j;
        d.key = keys;
        d.sorted = keys + j;
        d.side = bytes;
        d.end = bytes + j;
        for (uint32_t i = 0; i < n->junctions; i++)
            d.junction[i] = d.position[i] = i;
        memset(importance, 0xff, 2 * n->roads * sizeof *importance);
        ok = take_apart(&d, (struct part){0, (uint32_t)n->junctions});
    }
    free(d.half);
    free(words);
    free(keys);
    free(bytes);
    return ok ? LC_OK : LC_ENOMEM;
}
