/* Many to many: every end is climbed from once, every start once; where their ways up are one, the
 * sums are compared. */
#include "roads/search.h"

#include <stdlib.h>

/* seeds_for_all: of many spots, one after the other; s->seed_first[i] is where the i-th begin. */
static bool
seeds_for_all(struct roads_search *s, enum travel_mode mode, const struct roads_spot *from,
              size_t from_n, const struct roads_spot *to, size_t to_n)
{
    size_t filled = 0;

    if (!roads_grow(&s->seed_first, &s->seed_first_cap, from_n + to_n + 1, sizeof *s->seed_first))
        return false;
    for (size_t i = 0; i < from_n + to_n; i++) {
        s->seed_first[i] = (uint32_t)filled;
        if (!roads_grow(&s->seed, &s->seed_cap, filled + SEEDS_MAX, sizeof *s->seed))
            return false;
        filled += seeds_of(s->r, mode, i < from_n ? &from[i] : &to[i - from_n], i >= from_n,
                           s->seed + filled);
    }
    s->seed_first[from_n + to_n] = (uint32_t)filled;
    return true;
}

/* leave_goals: for the end number `to`: what is left to it from every node above it. */
static bool
leave_goals(struct roads_search *s, const struct roads_mode *m, size_t at, size_t to, size_t *goals)
{
    const struct search_side *side = &s->side[1];
    struct goal_list *list = &s->list[to];

    climb(s, m, 1, s->seed + s->seed_first[at], s->seed_first[at + 1] - s->seed_first[at]);
    if (!roads_grow(&s->goal, &s->goal_cap, *goals + side->mets, sizeof *s->goal))
        return false;
    measure(&s->side[1], m, 1, s->seed + s->seed_first[at]);
    *list = (struct goal_list){(uint32_t)*goals, 0, 0};
    for (uint32_t i = 0; i < side->mets; i++) {
        uint32_t node = side->met[i];
        uint32_t w = label_w(side->label[node]);
        if (i == side->trunk)
            list->trunk = list->n;
        if (w < NO_WAY && !stalls(side, m, 1, node))
            s->goal[list->first + list->n++] = (struct goal){node, w, side->extent[node]};
    }
    *goals += list->n;
    return true;
}

/* first_common: the first goal worth looking at: on the trunk, all goals that are not above the
 * start come before all that are. */
static uint32_t
first_common(const struct roads_search *s, const struct goal_list *list, uint32_t start)
{
    const struct goal *goal = s->goal + list->first;
    uint32_t low = list->trunk, high = list->n;

    if (low == high || s->above[goal[low].node] == start)
        return 0;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (s->above[goal[middle].node] == start)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

/* meet: the start in hand with one end; better than *out, if that is one. */
static void
meet(const struct roads_search *s, const struct roads_mode *m, const struct goal_list *list,
     uint32_t start, struct roads_trip *out)
{
    const struct goal *goal = s->goal + list->first;
    uint32_t best = out->ms == ROADS_UNREACHABLE ? NO_WAY : out->weight_ms + BIAS;
    uint32_t at = UINT32_MAX, round = UINT32_MAX;

    for (uint32_t i = first_common(s, list, start); i < list->n; i++) {
        uint32_t w = s->w[goal[i].node] + goal[i].w, back = UINT32_MAX;
        if (w >= best)
            continue;
        if (w < BIAS) {
            back = round_of(m, goal[i].node);
            if (back == UINT32_MAX || w + m->hop[0][back].w >= best)
                continue;
            w += m->hop[0][back].w;
        }
        best = w;
        at = i;
        round = back;
    }
    if (at == UINT32_MAX)
        return;
    struct extent e = s->side[0].extent[goal[at].node];
    *out = (struct roads_trip){e.d + goal[at].extent.d, e.cm + goal[at].extent.cm, best - BIAS};
    if (round != UINT32_MAX) {
        out->ms += arc_d(m, 0, round);
        out->cm += m->rest[0][round].cm;
    }
}

/* start_row: climbs from the start number i. */
static void
start_row(struct roads_search *s, const struct roads_mode *m, size_t i)
{
    const struct seed *from = s->seed + s->seed_first[i];
    const struct search_side *side = &s->side[0];

    s->starts++;
    climb(s, m, 0, from, s->seed_first[i + 1] - s->seed_first[i]);
    measure(&s->side[0], m, 0, from);
    for (uint32_t k = 0; k < side->mets; k++) {
        uint32_t node = side->met[k];
        s->above[node] = s->starts;
        s->w[node] = label_w(side->label[node]);
    }
}

static void
fill_row(struct roads_search *s, const struct roads_mode *m, size_t i, size_t from_n, size_t to_n,
         struct roads_trip *row)
{
    const struct seed *from = s->seed + s->seed_first[i];
    uint32_t n = s->seed_first[i + 1] - s->seed_first[i], x, y, w;

    start_row(s, m, i);
    for (size_t j = 0; j < to_n; j++) {
        const uint32_t *first = s->seed_first + from_n + j;
        const struct seed *to = s->seed + first[0];
        row[j] = (struct roads_trip){ROADS_UNREACHABLE, ROADS_UNREACHABLE, ROADS_UNREACHABLE};
        if (direct(from, n, to, first[1] - first[0], &x, &y, &w))
            row[j] = (struct roads_trip){to[y].d - from[x].d, to[y].cm - from[x].cm, w - BIAS};
        meet(s, m, &s->list[j], s->starts, &row[j]);
    }
    for (uint32_t k = 0; k < s->side[0].mets; k++)
        s->w[s->side[0].met[k]] = NO_WAY;
}

/* prepare: what only tables need. */
static bool
prepare(struct roads_search *s, size_t to_n)
{
    if (s->w == NULL) {
        s->w = malloc((s->nodes + (size_t)1) * sizeof *s->w);
        s->above = calloc(s->nodes + (size_t)1, sizeof *s->above);
        if (s->w == NULL || s->above == NULL) {
            free(s->w);
            s->w = NULL;
            return false;
        }
        for (uint32_t v = 0; v <= s->nodes; v++)
            s->w[v] = NO_WAY;
    }
    if (s->starts > UINT32_MAX / 2) {
        memset(s->above, 0, (s->nodes + (size_t)1) * sizeof *s->above);
        s->starts = 0;
    }
    return roads_grow(&s->list, &s->list_cap, to_n + 1, sizeof *s->list);
}

enum lc_err
roads_table(struct roads_search *s, enum travel_mode mode, const struct roads_spot *from,
            size_t from_n, const struct roads_spot *to, size_t to_n, struct roads_trip *out)
{
    const struct roads_mode *m = &s->r->mode[mode];
    size_t goals = 0;

    if (!prepare(s, to_n) || !seeds_for_all(s, mode, from, from_n, to, to_n))
        return LC_ENOMEM;
    for (size_t j = 0; j < to_n; j++)
        if (!leave_goals(s, m, from_n + j, j, &goals))
            return LC_ENOMEM;
    for (size_t i = 0; i < from_n; i++)
        fill_row(s, m, i, from_n, to_n, out + i * to_n);
    return LC_OK;
}
