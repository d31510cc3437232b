#include "roads/search.h"

#include <stdlib.h>

#if WIDE_ROWS
#include <immintrin.h>
#endif

static bool
side_new(struct search_side *side, size_t nodes)
{
    side->label = malloc((nodes + 1) * sizeof *side->label);
    side->extent = calloc(nodes + 1, sizeof *side->extent);
    side->met = malloc((nodes + 1) * sizeof *side->met);
    for (size_t i = 0; side->label != NULL && i <= nodes; i++)
        side->label[i] = NO_WAY;
    return side->label != NULL && side->extent != NULL && side->met != NULL;
}

struct roads_search *
roads_search_new(const struct roads *r)
{
    struct roads_search *s = calloc(1, sizeof *s);

    if (s == NULL)
        return NULL;
    s->r = r;
    for (unsigned k = 0; k < TRAVEL_MODES; k++)
        s->nodes = r->mode[k].nodes > s->nodes ? r->mode[k].nodes : s->nodes;
    for (int d = 0; d < 2; d++)
        if (!side_new(&s->side[d], s->nodes)) {
            roads_search_free(s);
            return NULL;
        }
    return s;
}

void
roads_search_free(struct roads_search *s)
{
    if (s == NULL)
        return;
    for (int d = 0; d < 2; d++) {
        free(s->side[d].label);
        free(s->side[d].extent);
        free(s->side[d].met);
    }
    free(s->path);
    free(s->path_slot);
    free(s->stack);
    free(s->way);
    for (size_t i = 0; i < s->end_cap; i++)
        free(s->end[i]);
    free(s->end);
    free(s->swept);
    free(s->swept_extent);
    free(s);
}

static uint32_t
share_of(uint64_t whole, uint32_t ppm)
{
    return (uint32_t)((whole * ppm + 500000) / 1000000);
}

static struct seed
seed_at(const struct roads *r, const struct roads_mode *m, uint32_t slot, uint32_t behind)
{
    const struct slot *x = &m->slot[slot];
    uint32_t cm = r->road[x->edge >> 1].cm;
    struct seed out = {
        .node = x->node,
        .slot = slot,
        .w = x->before_w + share_of(edge_cost_ms(cm, x->rate), behind),
        .d = x->before_d + share_of(edge_cost_ms(cm, x->speed), behind),
        .cm = share_of(cm, behind),
    };

    for (uint32_t i = m->first_slot[x->node]; i < slot; i++)
        out.cm += r->road[m->slot[i].edge >> 1].cm;
    return out;
}

uint32_t
seeds_of(const struct roads *r, enum travel_mode mode, const struct roads_spot *spot, bool arriving,
         struct seed *out)
{
    const struct roads_mode *m = &r->mode[mode];
    uint32_t n = 0;

    for (uint32_t i = 0; i < spot->edges; i++) {
        uint32_t edge = spot->edge[i].edge;
        if (edge >= 2 * r->header->roads || m->slot_of[edge] == NO_SLOT)
            continue;
        out[n++] = seed_at(r, m, m->slot_of[edge], spot->edge[i].behind);
        for (uint32_t t = 0; arriving && t < m->twins && n < SEEDS_MAX; t++)
            if (m->twin[t].edge == edge)
                out[n++] = seed_at(r, m, m->twin[t].slot, spot->edge[i].behind);
    }
    return n;
}

/* relax_row: nodes side by side; n is ROW_LEAST and more. */
typedef void relax_row_fn(double *label, const int32_t *arc_w, uint32_t n, double base);

static inline void
relax_row(double *label, const int32_t *arc_w, uint32_t n, double base)
{
    for (uint32_t i = 0; i < n; i++) {
        double way = base + arc_w[i];
        label[i] = way < label[i] ? way : label[i];
    }
}

#if WIDE_ROWS
__attribute__((target("avx2"))) static inline __m256d
relaxed(const double *label, const int32_t *arc_w, __m256d base)
{
    __m256d w = _mm256_cvtepi32_pd(_mm_loadu_si128((const __m128i *)arc_w));

    return _mm256_min_pd(_mm256_add_pd(w, base), _mm256_loadu_pd(label));
}

/* The last four may be among those before them: a least of leasts is the same. They are read before
 * those are written, so that no load waits for what was just written across two of its vectors. */
__attribute__((target("avx2"))) static inline void
relax_row_wide(double *label, const int32_t *arc_w, uint32_t n, double base)
{
    const __m256d bases = _mm256_set1_pd(base);
    const __m256d last = relaxed(label + n - 4, arc_w + n - 4, bases);
    uint32_t i = 0;

    for (; i + 8 < n; i += 8) {
        __m256d x = relaxed(label + i, arc_w + i, bases);
        __m256d y = relaxed(label + i + 4, arc_w + i + 4, bases);
        _mm256_storeu_pd(label + i, x);
        _mm256_storeu_pd(label + i + 4, y);
    }
    if (i + 4 < n)
        _mm256_storeu_pd(label + i, relaxed(label + i, arc_w + i, bases));
    _mm256_storeu_pd(label + n - 4, last);
}
#endif

/* relax: all that a node leads to, without a branch on what is better; `at`: its place among those
 * met. */
static inline void
relax(struct search_side *side, const struct roads_mode *m, int d, uint32_t node, uint32_t at,
      relax_row_fn *row)
{
    const struct fan *fan = &m->fan[d][node];
    const uint32_t lones = fan[1].lone - fan->lone;
    const uint32_t *lone = m->lone[d] + fan->lone;
    const int32_t *arc_w = m->w[d] + fan->arc;
    const double base = label_of(label_w(side->label[node]), at);

    for (uint32_t i = 0; i < lones; i++) {
        double way = base + arc_w[i], known = side->label[lone[i]];
        side->label[lone[i]] = way < known ? way : known;
    }
    arc_w += lones;
    for (uint32_t r = fan->row; r < fan[1].row; r++) {
        row(side->label + m->row[d][r].to, arc_w, m->row[d][r].n, base);
        arc_w += m->row[d][r].n;
    }
}

/* fetch: the arcs of the node that comes next: nothing guesses where they are. */
static inline void
fetch(const struct roads_mode *m, int d, uint32_t node)
{
    const struct fan *fan = &m->fan[d][node];

    __builtin_prefetch(m->row[d] + fan->row);
    __builtin_prefetch(m->w[d] + fan->arc);
    __builtin_prefetch(m->w[d] + fan->arc + 16);
}

/* begin: forgets the last climb and puts the seeds; at[] the nodes they are on, how many. */
static inline uint32_t
begin(struct search_side *side, int d, const struct seed *seed, uint32_t n, uint32_t *at)
{
    uint32_t ways = 0;

    for (uint32_t i = 0; i < side->mets; i++)
        side->label[side->met[i]] = NO_WAY;
    side->mets = side->trunk = 0;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t node = seed[i].node;
        double label = label_of(d == 0 ? BIAS - seed[i].w : seed[i].w, FROM_SEED + i);
        if (label_w(side->label[node]) == NO_WAY)
            at[ways++] = node;
        if (label < side->label[node])
            side->label[node] = label;
    }
    return ways;
}

/* climb_by: with what rows are relaxed by, which is put in its place. */
static inline __attribute__((always_inline)) void
climb_by(struct roads_search *s, const struct roads_mode *m, int d, const struct seed *seed,
         uint32_t n, relax_row_fn *row)
{
    struct search_side *side = &s->side[d];
    uint32_t at[SEEDS_MAX], ways = begin(side, d, seed, n, at);

    /* Several ways up are merged, the lowest node first, until they are one. */
    while (ways > 1) {
        uint32_t lowest = 0;
        for (uint32_t i = 1; i < ways; i++)
            lowest = at[i] < at[lowest] ? i : lowest;
        uint32_t node = at[lowest], parent = m->parent[node];
        bool joined = parent == UINT32_MAX;
        for (uint32_t i = 0; i < ways; i++)
            joined |= at[i] == parent;
        side->trunk = side->mets + 1;
        if (side->label[node] < NO_WAY)
            relax(side, m, d, node, side->mets, row);
        side->met[side->mets++] = node;
        if (joined)
            at[lowest] = at[--ways];
        else
            at[lowest] = parent;
    }
    for (uint32_t node = ways == 0 ? UINT32_MAX : at[0], parent; node != UINT32_MAX;
         node = parent) {
        parent = m->parent[node];
        if (parent != UINT32_MAX)
            fetch(m, d, parent);
        if (side->label[node] < NO_WAY)
            relax(side, m, d, node, side->mets, row);
        side->met[side->mets++] = node;
    }
}

#if WIDE_ROWS
__attribute__((target("avx2"), flatten)) static void
climb_wide(struct roads_search *s, const struct roads_mode *m, int d, const struct seed *seed,
           uint32_t n)
{
    climb_by(s, m, d, seed, n, relax_row_wide);
}
#endif

void
climb(struct roads_search *s, const struct roads_mode *m, int d, const struct seed *seed,
      uint32_t n)
{
#if WIDE_ROWS
    if (__builtin_cpu_supports("avx2")) {
        climb_wide(s, m, d, seed, n);
        return;
    }
#endif
    climb_by(s, m, d, seed, n, relax_row);
}

void
measure(struct search_side *side, const struct roads_mode *m, int d, const struct seed *seed)
{
    for (uint32_t i = 0; i < side->mets; i++) {
        uint32_t node = side->met[i], from, arc;
        if (side->label[node] >= NO_WAY)
            continue;
        if (step_below(side, m, d, node, &from, &arc)) {
            side->extent[node] = (struct extent){side->extent[from].d + arc_d(m, d, arc),
                                                 side->extent[from].cm + m->rest[d][arc].cm};
            continue;
        }
        side->extent[node] = seed_extent(&seed[label_from(side->label[node]) - FROM_SEED], d);
    }
}

uint32_t
arc_to(const struct roads_mode *m, int d, uint32_t lower, uint32_t upper)
{
    const struct fan *fan = &m->fan[d][lower];
    uint32_t arc = fan->arc;

    for (uint32_t i = fan->lone; i < fan[1].lone; i++, arc++)
        if (m->lone[d][i] == upper)
            return arc;
    for (uint32_t r = fan->row; r < fan[1].row; r++) {
        const struct row *row = &m->row[d][r];
        if (upper - row->to < row->n) /* what is below `to` wraps round */
            return arc + upper - row->to;
        arc += row->n;
    }
    return UINT32_MAX;
}

uint32_t
round_of(const struct roads_mode *m, uint32_t node)
{
    const struct fan *fan = &m->fan[0][node];

    return fan->lone < fan[1].lone && m->lone[0][fan->lone] == node ? fan->arc : UINT32_MAX;
}

bool
direct(const struct seed *from, uint32_t from_n, const struct seed *to, uint32_t to_n,
       uint32_t *from_i, uint32_t *to_i, uint32_t *w)
{
    bool found = false;

    for (uint32_t i = 0; i < from_n; i++)
        for (uint32_t j = 0; j < to_n; j++) {
            if (from[i].node != to[j].node || to[j].w < from[i].w || to[j].d < from[i].d ||
                (found && BIAS + to[j].w - from[i].w >= *w))
                continue;
            found = true;
            *w = BIAS + to[j].w - from[i].w;
            *from_i = i;
            *to_i = j;
        }
    return found;
}
