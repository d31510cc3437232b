/* Strongly connected components: Tarjan 1972, with a stack of its own instead of recursion. */
#include "roads/turns.h"

#include <stdlib.h>

struct tarjan {
    uint32_t *order; /* 0 = not seen; else when, from 1 */
    uint32_t *low;
    uint32_t *next; /* the turn to look at next */
    uint32_t *stack, *path;
    uint32_t *component; /* of each state */
    uint32_t *size;      /* of each component */
    uint32_t seen, stacked, deep, components;
};

static void
close_component(struct tarjan *t, uint32_t s)
{
    uint32_t member;

    t->size[t->components] = 0;
    do {
        member = t->stack[--t->stacked];
        t->component[member] = t->components;
        t->size[t->components]++;
    } while (member != s);
    t->components++;
}

static void
enter(struct tarjan *t, const struct mode_graph *g, uint32_t s)
{
    t->order[s] = t->low[s] = ++t->seen;
    t->next[s] = g->first[s];
    t->stack[t->stacked++] = s;
    t->path[t->deep++] = s;
}

static void
visit(struct tarjan *t, const struct mode_graph *g, uint32_t root)
{
    enter(t, g, root);
    while (t->deep > 0) {
        uint32_t s = t->path[t->deep - 1];
        if (t->next[s] < g->first[s + 1]) {
            uint32_t to = g->turn[t->next[s]++].to;
            if (t->order[to] == 0)
                enter(t, g, to);
            else if (t->component[to] == UINT32_MAX && t->order[to] < t->low[s])
                t->low[s] = t->order[to];
            continue;
        }
        t->deep--;
        if (t->deep > 0 && t->low[s] < t->low[t->path[t->deep - 1]])
            t->low[t->path[t->deep - 1]] = t->low[s];
        if (t->low[s] == t->order[s])
            close_component(t, s);
    }
}

enum lc_err
components_mark(struct mode_graph *g)
{
    uint32_t *all = calloc((size_t)g->states * 7 + 1, sizeof *all);

    if (all == NULL)
        return LC_ENOMEM;
    struct tarjan t = {.order = all,
                       .low = all + g->states,
                       .next = all + 2 * (size_t)g->states,
                       .stack = all + 3 * (size_t)g->states,
                       .path = all + 4 * (size_t)g->states,
                       .component = all + 5 * (size_t)g->states,
                       .size = all + 6 * (size_t)g->states};
    uint32_t largest = 0;
    memset(t.component, 0xff, g->states * sizeof *t.component);
    for (uint32_t s = 0; s < g->states; s++)
        if (t.order[s] == 0)
            visit(&t, g, s);
    for (uint32_t c = 0; c < t.components; c++)
        largest = t.size[c] > largest ? t.size[c] : largest;
    for (uint32_t s = 0; s < g->states; s++)
        g->snap[s] = g->snap[s] && (t.size[t.component[s]] == largest ||
                                    t.size[t.component[s]] >= SNAP_COMPONENT);
    free(all);
    return LC_OK;
}
