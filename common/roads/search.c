#include "roads/search.h"

#include <stdlib.h>

enum { ARITY = 4 };

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
        s->side[d].label = calloc(s->nodes + (size_t)1, sizeof *s->side[d].label);
    if (s->side[0].label == NULL || s->side[1].label == NULL) {
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
        free(s->side[d].heap.entry);
    }
    free(s->path);
    free(s->stack);
    free(s->bucket);
    free(s->sorted);
    free(s->first_bucket);
    free(s->seed);
    free(s->seed_first);
    free(s->swept);
    free(s->swept_cm);
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
        .behind = behind,
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

static bool
push(struct search_heap *h, uint64_t key, uint32_t node)
{
    if (h->n == h->cap) {
        uint32_t cap = h->cap == 0 ? 1024 : h->cap * 2;
        struct search_entry *more = realloc(h->entry, cap * sizeof *more);
        if (more == NULL)
            return false;
        h->entry = more;
        h->cap = cap;
    }
    uint32_t i = h->n++;
    while (i > 0 && h->entry[(i - 1) / ARITY].key > key) {
        h->entry[i] = h->entry[(i - 1) / ARITY];
        i = (i - 1) / ARITY;
    }
    h->entry[i] = (struct search_entry){key, node};
    return true;
}

static struct search_entry
pop(struct search_heap *h)
{
    struct search_entry top = h->entry[0], last = h->entry[--h->n];
    uint32_t i = 0;

    for (;;) {
        uint32_t least = ARITY * i + 1, end = least + ARITY;
        if (least >= h->n)
            break;
        end = end < h->n ? end : h->n;
        for (uint32_t c = least + 1; c < end; c++)
            if (h->entry[c].key < h->entry[least].key)
                least = c;
        if (h->entry[least].key >= last.key)
            break;
        h->entry[i] = h->entry[least];
        i = least;
    }
    h->entry[i] = last;
    return top;
}

/* reach: a way to a node. Equal ways by the shorter length, so that no order of events shows. */
static bool
reach(struct search_side *side, uint32_t node, struct label l)
{
    struct label *known = &side->label[node];

    if (known->epoch == side->epoch &&
        (known->key < l.key || (known->key == l.key && known->cm <= l.cm)))
        return true;
    bool again = known->epoch == side->epoch && known->key == l.key;
    *known = l;
    return again || push(&side->heap, l.key, node);
}

bool
side_start(struct roads_search *s, int d, const struct seed *seed, uint32_t n)
{
    struct search_side *side = &s->side[d];

    side->heap.n = 0;
    if (++side->epoch == 0) {
        memset(side->label, 0, (s->nodes + (size_t)1) * sizeof *side->label);
        side->epoch = 1;
    }
    for (uint32_t i = 0; i < n; i++) {
        uint64_t key = cost_key(seed[i].w, seed[i].d);
        struct label l = {d == 0 ? BIAS_KEY - key : key, d == 0 ? 0 - seed[i].cm : seed[i].cm,
                          side->epoch, seed[i].node, i};
        if (!reach(side, seed[i].node, l))
            return false;
    }
    return true;
}

/* stalls: is there a better way to the node over a higher one that is already known? */
static bool
stalls(const struct search_side *side, const struct roads_mode *m, int d, uint32_t node,
       uint64_t key)
{
    for (uint32_t a = m->first[!d][node]; a < m->first[!d][node + 1]; a++) {
        const struct arc *x = &m->arc[!d][a];
        if (side_knows(side, x->to) && side->label[x->to].key + arc_key(x) < key)
            return true;
    }
    return false;
}

bool
side_step(struct roads_search *s, const struct roads_mode *m, int d, uint32_t *node, bool *stalled,
          bool *ok)
{
    struct search_side *side = &s->side[d];
    struct search_entry e;

    do {
        if (side->heap.n == 0)
            return false;
        e = pop(&side->heap);
    } while (e.key != side->label[e.node].key);
    *node = e.node;
    *stalled = stalls(side, m, d, e.node, e.key);
    if (*stalled)
        return true;
    uint32_t cm = side->label[e.node].cm;
    for (uint32_t a = m->first[d][e.node]; a < m->first[d][e.node + 1]; a++) {
        const struct arc *x = &m->arc[d][a];
        struct label l = {e.key + arc_key(x), cm + x->cm, side->epoch, e.node, a};
        if (x->to != e.node && !reach(side, x->to, l)) {
            *ok = false;
            return false;
        }
    }
    return true;
}

const struct arc *
round_of(const struct roads_mode *m, uint32_t node, uint32_t *index)
{
    /* Arcs are in ascending order of their upper node, so a round is the first. */
    *index = m->first[0][node];
    if (*index == m->first[0][node + 1] || m->arc[0][*index].to != node)
        return NULL;
    return &m->arc[0][*index];
}

uint64_t
direct(const struct seed *from, uint32_t from_n, const struct seed *to, uint32_t to_n,
       uint32_t *from_i, uint32_t *to_i, uint32_t *cm)
{
    uint64_t best = UINT64_MAX;

    for (uint32_t i = 0; i < from_n; i++)
        for (uint32_t j = 0; j < to_n; j++) {
            if (from[i].node != to[j].node)
                continue;
            uint64_t a = cost_key(from[i].w, from[i].d), b = cost_key(to[j].w, to[j].d);
            if (b < a || BIAS_KEY + b - a >= best)
                continue;
            best = BIAS_KEY + b - a;
            *from_i = i;
            *to_i = j;
            *cm = to[j].cm - from[i].cm;
        }
    return best;
}
