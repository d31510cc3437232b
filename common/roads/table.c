/* Many to many: every end is climbed from once; where two ways up are one, the sums are compared.
 */
#include "roads/search.h"

#include <stdlib.h>

/* half_way: a label's weight, so that two of them can be added: no way, to which any way is added,
 * is none either. */
static int32_t
half_way(uint64_t label, int d)
{
    uint32_t w = label_w(label), most = d == 0 ? NO_WAY : NO_WAY - 1;

    return (int32_t)(w < most ? w : most);
}

struct climbed *
climbed_new(struct roads_search *s, enum travel_mode mode, int d, const struct roads_spot *spot)
{
    const struct roads_mode *m = &s->r->mode[mode];
    struct search_side *side = &s->side[d];
    struct seed seeds[SEEDS_MAX];
    uint32_t k = seeds_of(s->r, mode, spot, d == 1, seeds);

    climb(s, m, d, seeds, k);
    measure(side, m, d, seeds);
    size_t bytes = sizeof(struct climbed) + k * sizeof *seeds +
                   side->mets * (sizeof(struct extent) + sizeof(uint32_t) + sizeof(int32_t));
    struct climbed *c = malloc(bytes);
    if (c == NULL)
        return NULL;
    struct seed *seed = (struct seed *)(c + 1);
    struct extent *extent = (struct extent *)(seed + k);
    uint32_t *node = (uint32_t *)(extent + side->mets);
    int32_t *w = (int32_t *)(node + side->mets);
    *c = (struct climbed){side->mets, side->trunk, k, bytes, seed, extent, node, w};
    memcpy(seed, seeds, k * sizeof *seeds);
    memcpy(node, side->met, side->mets * sizeof *node);
    for (uint32_t i = 0; i < side->mets; i++) {
        extent[i] = side->extent[node[i]];
        w[i] = half_way(side->label[node[i]], d);
    }
    return c;
}

/* common_trunk: how many nodes at the end of both lists are the same; on the trunks what is above
 * both is so to the end. All of the shorter trunk: there may be more in front of it. */
static uint32_t
common_trunk(const struct climbed *from, const struct climbed *to)
{
    uint32_t a = from->n - from->trunk, b = to->n - to->trunk;
    uint32_t low = 0, high = a < b ? a : b;

    while (low < high) {
        uint32_t middle = (low + high + 1) / 2;
        if (from->node[from->n - middle] == to->node[to->n - middle])
            low = middle;
        else
            high = middle - 1;
    }
    return low;
}

/* meeting: of a start and an end: where on both lists, and the arc if it goes round there. */
struct meeting {
    uint32_t w;
    uint32_t from, to;
    uint32_t round;
};

/* meet_anywhere: node by node, as both lists ascend. */
static void
meet_anywhere(const struct roads_mode *m, const struct climbed *from, const struct climbed *to,
              struct meeting *best)
{
    for (uint32_t i = 0, j = 0; i < from->n && j < to->n;) {
        uint32_t x = from->node[i], y = to->node[j];
        uint32_t w = (uint32_t)(from->w[i] + to->w[j]), round = UINT32_MAX;
        if (x == y && w < BIAS) {
            round = round_of(m, x);
            w = round == UINT32_MAX ? NO_WAY : w + m->hop[0][round].w;
        }
        if (x == y && w < best->w)
            *best = (struct meeting){w, i, j, round};
        i += x <= y;
        j += y <= x;
    }
}

/* least_sum: of two rows, element by element: the compiler makes vectors of it. */
static int32_t
least_sum(const int32_t *a, const int32_t *b, uint32_t n)
{
    int32_t least = INT32_MAX;

    for (uint32_t i = 0; i < n; i++) {
        int32_t sum = a[i] + b[i];
        least = sum < least ? sum : least;
    }
    return least;
}

/* meet: better than *out, if that is one. */
static void
meet(const struct roads_mode *m, const struct climbed *from, const struct climbed *to,
     struct roads_trip *out)
{
    uint32_t c = common_trunk(from, to);
    uint32_t best_w = out->ms == ROADS_UNREACHABLE ? NO_WAY : out->weight_ms + BIAS;
    struct meeting best = {.w = best_w, .round = UINT32_MAX};

    if (c == from->n - from->trunk || c == to->n - to->trunk) {
        meet_anywhere(m, from, to, &best);
    } else {
        const int32_t *a = from->w + from->n - c, *b = to->w + to->n - c;
        uint32_t least = (uint32_t)least_sum(a, b, c), i = 0;
        if (least < BIAS) {
            meet_anywhere(m, from, to, &best);
        } else if (least < best_w) {
            while ((uint32_t)(a[i] + b[i]) != least)
                i++;
            best = (struct meeting){least, from->n - c + i, to->n - c + i, UINT32_MAX};
        }
    }
    if (best.w >= best_w)
        return;
    struct extent e = from->extent[best.from], x = to->extent[best.to];
    *out = (struct roads_trip){e.d + x.d, e.cm + x.cm, best.w - BIAS};
    if (best.round != UINT32_MAX) {
        out->ms += arc_d(m, 0, best.round);
        out->cm += m->rest[0][best.round].cm;
    }
}

struct roads_trip
climbed_trip(const struct roads_mode *m, const struct climbed *from, const struct climbed *to)
{
    struct roads_trip t = {ROADS_UNREACHABLE, ROADS_UNREACHABLE, ROADS_UNREACHABLE};
    uint32_t x, y, w;

    if (direct(from->seed, from->seeds, to->seed, to->seeds, &x, &y, &w))
        t = (struct roads_trip){to->seed[y].d - from->seed[x].d, to->seed[y].cm - from->seed[x].cm,
                                w - BIAS};
    meet(m, from, to, &t);
    return t;
}

static enum lc_err
fill_row(struct roads_search *s, enum travel_mode mode, const struct roads_spot *from, size_t to_n,
         struct roads_trip *row)
{
    struct climbed *start = climbed_new(s, mode, 0, from);

    if (start == NULL)
        return LC_ENOMEM;
    for (size_t j = 0; j < to_n; j++)
        row[j] = climbed_trip(&s->r->mode[mode], start, s->end[j]);
    free(start);
    return LC_OK;
}

enum lc_err
roads_table(struct roads_search *s, enum travel_mode mode, const struct roads_spot *from,
            size_t from_n, const struct roads_spot *to, size_t to_n, struct roads_trip *out)
{
    enum lc_err err = LC_OK;
    size_t ends = 0;

    if (!roads_grow(&s->end, &s->end_cap, to_n + 1, sizeof(struct climbed *)))
        return LC_ENOMEM;
    for (; ends < to_n && err == LC_OK; ends++)
        if ((s->end[ends] = climbed_new(s, mode, 1, &to[ends])) == NULL)
            err = LC_ENOMEM;
    for (size_t i = 0; i < from_n && err == LC_OK; i++)
        err = fill_row(s, mode, &from[i], to_n, out + i * to_n);
    while (ends > 0)
        free(s->end[--ends]);
    return err;
}
