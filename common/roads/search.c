#include "roads/search.h"

#include <stdlib.h>

static bool
side_new(struct search_side *side, size_t nodes)
{
    side->label = calloc(nodes + 1, sizeof *side->label);
    side->extent = calloc(nodes + 1, sizeof *side->extent);
    side->met = malloc((nodes + 1) * sizeof *side->met);
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

/* list_above: the nodes above the seeds, by merging their ways up; forgets what they held. */
static void
list_above(struct search_side *side, const struct roads_mode *m, const struct seed *seed,
           uint32_t n)
{
    uint32_t at[SEEDS_MAX], ways = 0;

    for (uint32_t i = 0; i < n; i++) {
        bool known = false;
        for (uint32_t k = 0; k < ways; k++)
            known |= at[k] == seed[i].node;
        if (!known)
            at[ways++] = seed[i].node;
    }
    side->mets = side->trunk = 0;
    while (ways > 0) {
        uint32_t lowest = 0;
        for (uint32_t i = 1; i < ways; i++)
            lowest = at[i] < at[lowest] ? i : lowest;
        uint32_t node = at[lowest], parent = m->parent[node];
        bool joined = parent == UINT32_MAX;
        for (uint32_t i = 0; i < ways; i++)
            joined |= at[i] == parent;
        if (ways > 1)
            side->trunk = side->mets + 1;
        side->label[node] = NO_LABEL;
        side->met[side->mets++] = node;
        if (joined)
            at[lowest] = at[--ways];
        else
            at[lowest] = parent;
    }
}

static void
relax(uint64_t *label, const struct hop *hop, uint32_t n, uint32_t w, uint32_t how)
{
    for (uint32_t i = 0; i < n; i++) {
        uint64_t way = (uint64_t)(w + hop[i].w) << 32 | (how + i);
        uint64_t known = label[hop[i].to];
        label[hop[i].to] = way < known ? way : known;
    }
}

void
climb(struct roads_search *s, const struct roads_mode *m, int d, const struct seed *seed,
      uint32_t n)
{
    struct search_side *side = &s->side[d];

    list_above(side, m, seed, n);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t w = d == 0 ? BIAS - seed[i].w : seed[i].w;
        uint64_t label = (uint64_t)w << 32 | (FROM_SEED + i);
        if (label < side->label[seed[i].node])
            side->label[seed[i].node] = label;
    }
    for (uint32_t i = 0; i < side->mets; i++) {
        uint32_t node = side->met[i], w = label_w(side->label[node]);
        if (w < NO_WAY)
            relax(side->label, m->hop[d] + m->first[d][node],
                  m->first[d][node + 1] - m->first[d][node], w, i << FROM_SHIFT);
    }
}

void
measure(struct search_side *side, const struct roads_mode *m, int d, const struct seed *seed)
{
    for (uint32_t i = 0; i < side->mets; i++) {
        uint32_t node = side->met[i], from, arc;
        if (label_w(side->label[node]) >= NO_WAY)
            continue;
        if (step_below(side, m, d, node, &from, &arc)) {
            side->extent[node] = (struct extent){side->extent[from].d + arc_d(m, d, arc),
                                                 side->extent[from].cm + m->rest[d][arc].cm};
            continue;
        }
        const struct seed *x = &seed[(uint32_t)side->label[node] - FROM_SEED];
        side->extent[node] =
            d == 0 ? (struct extent){0 - x->d, 0 - x->cm} : (struct extent){x->d, x->cm};
    }
}

uint32_t
round_of(const struct roads_mode *m, uint32_t node)
{
    /* Arcs are in ascending order of their upper node, so a round is the first. */
    uint32_t a = m->first[0][node];

    return a < m->first[0][node + 1] && m->hop[0][a].to == node ? a : UINT32_MAX;
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
