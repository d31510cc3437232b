#include "roads/chains.h"

#include <stdlib.h>

/* linker: for each state the only one that can follow it and that can only follow it. */
struct linker {
    const struct mode_graph *g;
    uint32_t *next; /* NO_STATE = the chain ends */
    uint8_t *inner; /* has one in front */
};

static bool
link_states(struct linker *l)
{
    const struct mode_graph *g = l->g;
    uint32_t *entries = calloc(g->states + 1, sizeof *entries);

    if (entries == NULL)
        return false;
    for (size_t t = 0; t < g->turns; t++)
        entries[g->turn[t].to]++;
    for (uint32_t s = 0; s < g->states; s++) {
        uint32_t to = g->first[s + 1] - g->first[s] == 1 ? g->turn[g->first[s]].to : NO_STATE;
        if (to != NO_STATE && (to == s || entries[to] != 1))
            to = NO_STATE;
        l->next[s] = to;
        if (to != NO_STATE)
            l->inner[to] = 1;
    }
    free(entries);
    return true;
}

/* take_chain: the states from s on become the next node, or the next few where one would take so
 * long that its numbers run over. */
static void
take_chain(struct chains *c, const struct linker *l, const struct network *n, uint32_t s,
           uint32_t *filled)
{
    struct place at = {.node = c->nodes};

    c->first_state[c->nodes++] = *filled;
    for (uint32_t first = s;;) {
        c->state[(*filled)++] = s;
        c->place[s] = at;
        uint32_t to = l->next[s];
        if (to == NO_STATE || to == first)
            break;
        if (at.before_w > EDGE_COST_MAX) {
            at = (struct place){.node = c->nodes};
            c->first_state[c->nodes++] = *filled;
        } else {
            at.before_w += l->g->w[s] + l->g->turn[l->g->first[s]].w;
            at.before_d += l->g->d[s] + l->g->turn[l->g->first[s]].d;
            at.before_cm += n->road[l->g->edge[s] >> 1].cm;
        }
        s = to;
    }
}

/* take_chains: those with a beginning first; what is left are rings, cut open anywhere. */
static void
take_chains(struct chains *c, const struct linker *l, const struct network *n)
{
    uint32_t filled = 0;

    for (uint32_t s = 0; s < l->g->states; s++)
        c->place[s].node = NO_STATE;
    for (uint32_t s = 0; s < l->g->states; s++)
        if (!l->inner[s])
            take_chain(c, l, n, s, &filled);
    for (uint32_t s = 0; s < l->g->states; s++)
        if (c->place[s].node == NO_STATE)
            take_chain(c, l, n, s, &filled);
    c->first_state[c->nodes] = filled;
}

static void
fill_arcs(struct chains *c, const struct mode_graph *g, const struct network *n)
{
    uint32_t filled = 0;

    for (uint32_t i = 0; i < c->nodes; i++) {
        uint32_t s = c->state[c->first_state[i + 1] - 1];
        const struct place *at = &c->place[s];
        c->first_arc[i] = filled;
        for (uint32_t t = g->first[s]; t < g->first[s + 1]; t++)
            c->arc[filled++] = (struct arc){
                .to = c->place[g->turn[t].to].node,
                .d = at->before_d + g->d[s] + g->turn[t].d,
                .w = at->before_w + g->w[s] + g->turn[t].w,
                .cm = at->before_cm + n->road[g->edge[s] >> 1].cm,
            };
    }
    c->first_arc[c->nodes] = filled;
}

enum lc_err
chains_build(struct chains *c, const struct mode_graph *g, const struct network *n)
{
    struct linker l = {g, calloc(g->states + 1, sizeof *l.next), calloc(g->states + 1, 1)};
    bool ok = false;

    c->first_state = calloc(g->states + 1, sizeof *c->first_state);
    c->state = calloc(g->states + 1, sizeof *c->state);
    c->place = calloc(g->states + 1, sizeof *c->place);
    c->first_arc = calloc(g->states + 1, sizeof *c->first_arc);
    c->arc = calloc(g->turns + 1, sizeof *c->arc);
    if (l.next != NULL && l.inner != NULL && c->first_state != NULL && c->state != NULL &&
        c->place != NULL && c->first_arc != NULL && c->arc != NULL && link_states(&l)) {
        take_chains(c, &l, n);
        fill_arcs(c, g, n);
        ok = true;
    }
    free(l.next);
    free(l.inner);
    return ok ? LC_OK : LC_ENOMEM;
}

void
chains_free(struct chains *c)
{
    free(c->first_state);
    free(c->state);
    free(c->place);
    free(c->first_arc);
    free(c->arc);
    *c = (struct chains){0};
}
