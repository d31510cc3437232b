#include "roads/turns.h"

#include <stdlib.h>

/* trie: the rows of edges that begin a restriction of this mode. A node is "came along these edges,
 * in this order"; `fail` is the longest shorter row that ends the same (Aho and Corasick 1975). */
struct trie_node {
    uint32_t edge;
    uint32_t parent;
    uint32_t child, sibling; /* 0 = none */
    uint32_t fail;           /* 0 = the plain edge */
    uint32_t depth;
    uint32_t banned; /* into banned; 0 = none */
    uint32_t state;
};

struct banned {
    uint32_t edge;
    uint32_t next;
};

struct maker {
    struct mode_graph *g;
    const struct network *n;
    const struct osm_map *m;
    enum travel_mode mode;
    struct trie_node *trie; /* [0] is the root */
    size_t tries, tries_cap;
    struct banned *banned;
    size_t banneds, banneds_cap;
    uint32_t *trie_of; /* of each edge: its row of one; 0 = none */
};

static uint32_t
child(const struct maker *k, uint32_t node, uint32_t edge)
{
    if (node == 0)
        return k->trie_of[edge];
    for (uint32_t c = k->trie[node].child; c != 0; c = k->trie[c].sibling)
        if (k->trie[c].edge == edge)
            return c;
    return 0;
}

static uint32_t
add_child(struct maker *k, uint32_t node, uint32_t edge)
{
    uint32_t c = child(k, node, edge);

    if (c != 0)
        return c;
    if (!roads_grow(&k->trie, &k->tries_cap, k->tries + 1, sizeof *k->trie))
        return 0;
    c = (uint32_t)k->tries++;
    k->trie[c] = (struct trie_node){.edge = edge, .parent = node, .depth = k->trie[node].depth + 1};
    if (node == 0) {
        k->trie_of[edge] = c;
    } else {
        k->trie[c].sibling = k->trie[node].child;
        k->trie[node].child = c;
    }
    return c;
}

static bool
add_row(struct maker *k, const uint32_t *edge, uint32_t n)
{
    uint32_t node = 0;

    for (uint32_t i = 0; i < n; i++)
        if (k->g->state_of[edge[i]] == NO_STATE)
            return true; /* cannot be driven anyway */
    for (uint32_t i = 0; i + 1 < n; i++)
        if ((node = add_child(k, node, edge[i])) == 0)
            return false;
    if (!roads_grow(&k->banned, &k->banneds_cap, k->banneds + 1, sizeof *k->banned))
        return false;
    k->banned[k->banneds] = (struct banned){edge[n - 1], k->trie[node].banned};
    k->trie[node].banned = (uint32_t)k->banneds++;
    return true;
}

/* go: the row one is in after coming as `node` and taking edge. */
static uint32_t
go(const struct maker *k, uint32_t node, uint32_t edge)
{
    for (;; node = k->trie[node].fail) {
        uint32_t c = child(k, node, edge);
        if (c != 0 || node == 0)
            return c;
    }
}

static bool
is_banned(const struct maker *k, uint32_t node, uint32_t edge)
{
    for (; node != 0; node = k->trie[node].fail)
        for (uint32_t b = k->trie[node].banned; b != 0; b = k->banned[b].next)
            if (k->banned[b].edge == edge)
                return true;
    return false;
}

/* learn_restrictions: the trie, its fail links (parents come before their children, but a fail may
 * need a deeper pass: so depth by depth), and a state for every row of two edges or more. */
static bool
learn_restrictions(struct maker *k)
{
    struct mode_graph *g = k->g;
    uint32_t deepest = 0;

    for (size_t i = 0; i < k->n->forbiddens; i++) {
        const struct forbidden *f = &k->n->forbidden[i];
        if ((f->modes & 1U << k->mode) != 0 && !add_row(k, k->n->forbidden_edge + f->first, f->n))
            return false;
    }
    for (uint32_t t = 1; t < k->tries; t++)
        deepest = k->trie[t].depth > deepest ? k->trie[t].depth : deepest;
    for (uint32_t depth = 2; depth <= deepest; depth++)
        for (uint32_t t = 1; t < k->tries; t++)
            if (k->trie[t].depth == depth)
                k->trie[t].fail = go(k, k->trie[k->trie[t].parent].fail, k->trie[t].edge);
    for (uint32_t t = 1; t < k->tries; t++)
        k->trie[t].state = k->trie[t].depth == 1 ? g->state_of[k->trie[t].edge] : g->states++;
    return true;
}

/* view: the junction at the head of e, as the mode sees it. */
static struct junction_view
look(const struct maker *k, uint32_t e, uint32_t *exits, uint32_t *two_way)
{
    const struct network *n = k->n;
    const uint32_t j = edge_head(n, e);
    struct junction_view v = {n, k->m, k->mode, n->junction_flags[j], 0, 0, false};
    uint32_t other = e ^ 1;

    *exits = *two_way = 0;
    for (uint32_t i = n->first_out[j]; i < n->first_out[j + 1]; i++) {
        uint32_t f = n->out[i];
        bool leaves = k->g->state_of[f] != NO_STATE, comes = k->g->state_of[f ^ 1] != NO_STATE;
        if (!leaves && !comes)
            continue;
        v.roads++;
        *two_way += leaves && comes;
        *exits += leaves && !is_banned(k, k->trie_of[e], f);
        uint16_t speed = leaves ? edge_use(n, k->m, f, k->mode)->speed
                                : edge_use(n, k->m, f ^ 1, k->mode)->speed;
        v.fastest = speed > v.fastest ? speed : v.fastest;
        if (f != (e ^ 1))
            other = f;
    }
    const struct way_use *a = &k->m->use[n->use[e >> 1]], *b = &k->m->use[n->use[other >> 1]];
    const struct way_dir *ahead = a->mode[k->mode], *behind = b->mode[k->mode];
    v.plain = v.roads == 2 && n->road[e >> 1].name == n->road[other >> 1].name &&
              ahead[e & 1].kind == behind[other & 1].kind &&
              ahead[(e & 1) ^ 1].kind == behind[(other & 1) ^ 1].kind;
    return v;
}

/* may_turn_round: where there is nothing else to do, or a place is made for it. */
static bool
may_turn_round(const struct junction_view *v, uint32_t exits, uint32_t two_way)
{
    return (v->flags & ((uint32_t)NODE_BARRIER << v->mode | NODE_TURNING)) != 0 || v->roads == 1 ||
           exits == 1 || two_way <= 1;
}

/* add_turns: out of a state: edge e, come by the row `row` (0: as it is). */
static bool
add_turns(struct maker *k, uint32_t e, uint32_t row)
{
    struct mode_graph *g = k->g;
    const uint32_t j = edge_head(k->n, e);
    uint32_t exits, two_way;
    struct junction_view v = look(k, e, &exits, &two_way);
    bool closed = (v.flags & (uint32_t)NODE_BARRIER << k->mode) != 0;

    for (uint32_t i = k->n->first_out[j]; i < k->n->first_out[j + 1]; i++) {
        uint32_t f = k->n->out[i];
        if (g->state_of[f] == NO_STATE || is_banned(k, row, f) ||
            (f == (e ^ 1) ? !may_turn_round(&v, exits, two_way) : closed))
            continue;
        uint32_t next = go(k, row, f);
        if (!roads_grow(&g->turn, &g->turns_cap, g->turns + 1, sizeof *g->turn))
            return false;
        struct turn *t = &g->turn[g->turns++];
        t->to = next != 0 ? k->trie[next].state : g->state_of[f];
        turn_cost(&v, e, f, &t->w, &t->d);
    }
    return true;
}

/* list_states: a state for every open edge. */
static bool
list_states(struct maker *k)
{
    struct mode_graph *g = k->g;
    size_t edges = 2 * k->n->roads;

    g->state_of = malloc((edges + 1) * sizeof *g->state_of);
    k->trie_of = calloc(edges + 1, sizeof *k->trie_of);
    if (g->state_of == NULL || k->trie_of == NULL ||
        !roads_grow(&k->trie, &k->tries_cap, 1, sizeof *k->trie) ||
        !roads_grow(&k->banned, &k->banneds_cap, 1, sizeof *k->banned))
        return false;
    k->trie[k->tries++] = (struct trie_node){0};
    k->banneds = 1;
    for (uint32_t e = 0; e < edges; e++)
        g->state_of[e] =
            edge_use(k->n, k->m, e, k->mode)->kind == WAY_CLOSED ? NO_STATE : g->states++;
    g->plain = g->states;
    g->edges = g->states;
    return true;
}

static bool
fill_states(struct maker *k)
{
    struct mode_graph *g = k->g;

    g->edge = calloc(g->states + 1, sizeof *g->edge);
    g->w = calloc(g->states + 1, sizeof *g->w);
    g->d = calloc(g->states + 1, sizeof *g->d);
    g->first = malloc((g->states + 2) * sizeof *g->first);
    g->snap = calloc(g->states + 1, 1);
    if (g->edge == NULL || g->w == NULL || g->d == NULL || g->first == NULL || g->snap == NULL)
        return false;
    for (uint32_t e = 0; e < 2 * k->n->roads; e++)
        if (g->state_of[e] != NO_STATE)
            g->edge[g->state_of[e]] = e;
    for (uint32_t t = 1; t < k->tries; t++)
        g->edge[k->trie[t].state] = k->trie[t].edge;
    for (uint32_t s = 0; s < g->states; s++) {
        const struct way_dir *use = edge_use(k->n, k->m, g->edge[s], k->mode);
        g->w[s] = edge_cost_ms(k->n->road[g->edge[s] >> 1].cm, use->rate);
        g->d[s] = edge_cost_ms(k->n->road[g->edge[s] >> 1].cm, use->speed);
        bool passing = (k->m->use[k->n->use[g->edge[s] >> 1]].passing & 1U << k->mode) != 0;
        g->snap[s] = use->kind != WAY_CARRY && !passing;
    }
    return true;
}

enum lc_err
turns_build(struct mode_graph *g, const struct network *n, const struct osm_map *m,
            enum travel_mode mode)
{
    struct maker k = {.g = g, .n = n, .m = m, .mode = mode};
    bool ok = list_states(&k) && learn_restrictions(&k) && fill_states(&k);

    for (uint32_t s = 0; ok && s < g->plain; s++) {
        g->first[s] = (uint32_t)g->turns;
        ok = add_turns(&k, g->edge[s], k.trie_of[g->edge[s]]);
    }
    for (uint32_t t = 1; ok && t < k.tries; t++)
        if (k.trie[t].depth > 1) {
            g->first[k.trie[t].state] = (uint32_t)g->turns;
            ok = add_turns(&k, k.trie[t].edge, t);
        }
    if (ok)
        g->first[g->states] = (uint32_t)g->turns;
    free(k.trie);
    free(k.banned);
    free(k.trie_of);
    return ok ? components_mark(g) : LC_ENOMEM;
}

void
turns_free(struct mode_graph *g)
{
    free(g->edge);
    free(g->state_of);
    free(g->w);
    free(g->d);
    free(g->snap);
    free(g->first);
    free(g->turn);
    *g = (struct mode_graph){0};
}
