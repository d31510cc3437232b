/* Many to many: every end is climbed from once; where two ways up are one, the sums are compared.
 */
#include "roads/search.h"

#include <stdlib.h>

/* half_way: a label's weight, so that two of them can be added: no way, to which any way is added,
 * is none either. */
static int32_t
half_way(double label, int d)
{
    int32_t w = (int32_t)label_w(label), most = d == 0 ? NO_WAY : NO_WAY - 1;

    return w < most ? w : most;
}

bool
climbed_again(struct roads_search *s, enum travel_mode mode, int d, const struct roads_spot *spot,
              struct climbed **out)
{
    const struct roads_mode *m = &s->r->mode[mode];
    struct search_side *side = &s->side[d];
    struct seed seeds[SEEDS_MAX];
    uint32_t k = seeds_of(s->r, mode, spot, d == 1, seeds);

    climb(s, m, d, seeds, k);
    const uint32_t n = side->mets;
    size_t bytes = sizeof(struct climbed) + k * sizeof *seeds +
                   n * (sizeof(struct extent) + 2 * sizeof(uint32_t) + sizeof(int32_t));
    if (*out == NULL || (*out)->bytes < bytes) {
        struct climbed *larger = malloc(bytes);
        if (larger == NULL)
            return false;
        larger->bytes = bytes;
        free(*out);
        *out = larger;
    }
    struct climbed *c = *out;
    struct seed *seed = (struct seed *)(c + 1);
    struct extent *extent = (struct extent *)(seed + k);
    uint32_t *node = (uint32_t *)(extent + n), *from = node + n;
    *c = (struct climbed){d,    n,    side->trunk,           k,    c->bytes,
                          seed, node, (int32_t *)(from + n), from, extent};
    memcpy(seed, seeds, k * sizeof *seeds);
    memcpy(node, side->met, n * sizeof *node);
    for (uint32_t i = 0; i < n; i++) {
        c->w[i] = half_way(side->label[node[i]], d);
        from[i] = label_from(side->label[node[i]]);
    }
    return true;
}

struct climbed *
climbed_new(struct roads_search *s, enum travel_mode mode, int d, const struct roads_spot *spot)
{
    struct climbed *c = NULL;

    return climbed_again(s, mode, d, spot, &c) ? c : NULL;
}

/* extent_of: of the way to the i-th node: down to where it is known, or to the seed, then up again;
 * the extents not known yet hold the way back meanwhile. */
static struct extent
extent_of(const struct roads_mode *m, const struct climbed *c, uint32_t i)
{
    uint32_t back = UINT32_MAX, at = i;

    while (c->from[at] < FROM_SEED) {
        c->extent[at].d = back;
        back = at;
        at = c->from[at];
    }
    if ((c->from[at] & MEASURED) == 0) {
        c->extent[at] = seed_extent(&c->seed[c->from[at] - FROM_SEED], c->d);
        c->from[at] |= MEASURED;
    }
    while (back != UINT32_MAX) {
        uint32_t arc = arc_to(m, c->d, c->node[at], c->node[back]), next = c->extent[back].d;
        c->extent[back] = (struct extent){c->extent[at].d + arc_d(m, c->d, arc),
                                          c->extent[at].cm + m->rest[c->d][arc].cm};
        c->from[back] |= MEASURED;
        at = back;
        back = next;
    }
    return c->extent[i];
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
            w = round == UINT32_MAX ? NO_WAY : w + (uint32_t)m->w[0][round];
        }
        if (x == y && w < best->w)
            *best = (struct meeting){w, i, j, round};
        i += x <= y;
        j += y <= x;
    }
}

/* least_sum: of two rows, element by element: the compiler makes vectors of it. */
WIDE static int32_t
least_sum(const int32_t *a, const int32_t *b, uint32_t n)
{
    int32_t least = INT32_MAX;

    for (uint32_t i = 0; i < n; i++) {
        int32_t sum = a[i] + b[i];
        least = sum < least ? sum : least;
    }
    return least;
}

/* place_of_sum: where the two rows first have that sum, as somewhere they do. */
static uint32_t
place_of_sum(const int32_t *a, const int32_t *b, int32_t sum)
{
    uint32_t i = 0;

    while (a[i] + b[i] != sum)
        i++;
    return i;
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
        uint32_t least = (uint32_t)least_sum(a, b, c);
        if (least < BIAS) {
            meet_anywhere(m, from, to, &best);
        } else if (least < best_w) {
            uint32_t i = place_of_sum(a, b, (int32_t)least);
            best = (struct meeting){least, from->n - c + i, to->n - c + i, UINT32_MAX};
        }
    }
    if (best.w >= best_w)
        return;
    struct extent e = extent_of(m, from, best.from), x = extent_of(m, to, best.to);
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

/* room_for: n ends to climb from; those of the last table are there already. */
static bool
room_for(struct roads_search *s, size_t n)
{
    size_t had = s->end_cap;

    if (!roads_grow(&s->end, &s->end_cap, n, sizeof(struct climbed *)))
        return false;
    memset(s->end + had, 0, (s->end_cap - had) * sizeof(struct climbed *));
    return true;
}

/* forget_all_but: of what was climbed for a table. */
static void
forget_all_but(struct roads_search *s, size_t keep, size_t n)
{
    for (size_t i = keep; i < n; i++) {
        free(s->end[i]);
        s->end[i] = NULL;
    }
}

/* fill_tile: a square of the table; both sides of it fit into near memory. */
static void
fill_tile(const struct roads_mode *m, struct climbed *const *from, size_t from_n,
          struct climbed *const *to, size_t to_n, struct roads_trip *out, size_t stride)
{
    for (size_t i = 0; i < from_n; i++)
        for (size_t j = 0; j < to_n; j++)
            out[i * stride + j] = climbed_trip(m, from[i], to[j]);
}

enum lc_err
roads_table(struct roads_search *s, enum travel_mode mode, const struct roads_spot *from,
            size_t from_n, const struct roads_spot *to, size_t to_n, struct roads_trip *out)
{
    enum { TILE = 16, KEPT = 256 };
    const struct roads_mode *m = &s->r->mode[mode];
    const size_t n = from_n + to_n;

    if (!room_for(s, n + 1))
        return LC_ENOMEM;
    bool ok = true;
    for (size_t i = 0; ok && i < n; i++)
        ok = climbed_again(s, mode, i >= from_n, i < from_n ? &from[i] : &to[i - from_n],
                           &s->end[i]);
    for (size_t i = 0; ok && i < from_n; i += TILE)
        for (size_t j = 0; j < to_n; j += TILE)
            fill_tile(m, s->end + i, from_n - i < TILE ? from_n - i : TILE, s->end + from_n + j,
                      to_n - j < TILE ? to_n - j : TILE, out + i * to_n + j, to_n);
    forget_all_but(s, KEPT, n);
    return ok ? LC_OK : LC_ENOMEM;
}
