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

/* half_way: a label's weight, so that two of them can be added: no way is one less than NO_WAY. */
static int32_t
half_way(uint64_t label)
{
    uint32_t w = label_w(label);

    return (int32_t)(w < NO_WAY ? w : NO_WAY - 1);
}

/* leave_goals: for the end number `to`: what is left to it from every node above it. */
static bool
leave_goals(struct roads_search *s, const struct roads_mode *m, size_t at, size_t to, size_t *goals)
{
    const struct search_side *side = &s->side[1];

    climb(s, m, 1, s->seed + s->seed_first[at], s->seed_first[at + 1] - s->seed_first[at]);
    if (!roads_grow(&s->goal, &s->goal_cap, *goals + side->mets, sizeof *s->goal) ||
        !roads_grow(&s->goal_w, &s->goal_w_cap, *goals + side->mets, sizeof *s->goal_w))
        return false;
    measure(&s->side[1], m, 1, s->seed + s->seed_first[at]);
    s->list[to] = (struct goal_list){*goals, side->mets, side->trunk};
    for (uint32_t i = 0; i < side->mets; i++, (*goals)++) {
        uint32_t node = side->met[i];
        s->goal[*goals] = (struct goal){node, side->extent[node]};
        s->goal_w[*goals] = half_way(side->label[node]);
    }
    return true;
}

/* common_trunk: how many nodes at the end of both lists are the same; on the trunks what is above
 * both is so to the end. All of the shorter trunk: there may be more in front of it. */
static uint32_t
common_trunk(const struct search_side *from, const struct goal *goal, const struct goal_list *list)
{
    uint32_t a = from->mets - from->trunk, b = list->n - list->trunk;
    uint32_t low = 0, high = a < b ? a : b;

    while (low < high) {
        uint32_t middle = (low + high + 1) / 2;
        if (from->met[from->mets - middle] == goal[list->n - middle].node)
            low = middle;
        else
            high = middle - 1;
    }
    return low;
}

/* meeting: of a start and an end: the node, and the arc if it goes round there. */
struct meeting {
    uint32_t w;
    uint32_t goal, node;
    uint32_t round;
};

/* meet_anywhere: node by node, as both lists ascend. */
static void
meet_anywhere(const struct search_side *from, const struct roads_mode *m, const struct goal *goal,
              const int32_t *goal_w, uint32_t n, struct meeting *best)
{
    for (uint32_t i = 0, j = 0; i < from->mets && j < n;) {
        uint32_t x = from->met[i], y = goal[j].node;
        uint32_t w = label_w(from->label[x]) + (uint32_t)goal_w[j], round = UINT32_MAX;
        if (x == y && w < BIAS) {
            round = round_of(m, x);
            w = round == UINT32_MAX ? NO_WAY : w + m->hop[0][round].w;
        }
        if (x == y && w < best->w)
            *best = (struct meeting){w, j, x, round};
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

/* meet: the start in hand with one end; better than *out, if that is one. */
static void
meet(const struct roads_search *s, const struct roads_mode *m, const struct goal_list *list,
     struct roads_trip *out)
{
    const struct search_side *from = &s->side[0];
    const struct goal *goal = s->goal + list->first;
    const int32_t *goal_w = s->goal_w + list->first;
    uint32_t c = common_trunk(from, goal, list);
    uint32_t best_w = out->ms == ROADS_UNREACHABLE ? NO_WAY : out->weight_ms + BIAS;
    struct meeting best = {.w = best_w, .round = UINT32_MAX};

    if (c == from->mets - from->trunk || c == list->n - list->trunk) {
        meet_anywhere(from, m, goal, goal_w, list->n, &best);
    } else {
        const int32_t *a = s->start_w + from->mets - c, *b = goal_w + list->n - c;
        uint32_t least = (uint32_t)least_sum(a, b, c), i = 0;
        if (least < BIAS) {
            meet_anywhere(from, m, goal, goal_w, list->n, &best);
        } else if (least < best_w) {
            while ((uint32_t)(a[i] + b[i]) != least)
                i++;
            best =
                (struct meeting){least, list->n - c + i, from->met[from->mets - c + i], UINT32_MAX};
        }
    }
    if (best.w >= best_w)
        return;
    struct extent e = from->extent[best.node], x = goal[best.goal].extent;
    *out = (struct roads_trip){e.d + x.d, e.cm + x.cm, best.w - BIAS};
    if (best.round != UINT32_MAX) {
        out->ms += arc_d(m, 0, best.round);
        out->cm += m->rest[0][best.round].cm;
    }
}

static void
fill_row(struct roads_search *s, const struct roads_mode *m, size_t i, size_t from_n, size_t to_n,
         struct roads_trip *row)
{
    const struct seed *from = s->seed + s->seed_first[i];
    const struct search_side *side = &s->side[0];
    uint32_t n = s->seed_first[i + 1] - s->seed_first[i], x, y, w;

    climb(s, m, 0, from, n);
    measure(&s->side[0], m, 0, from);
    for (uint32_t k = 0; k < side->mets; k++)
        s->start_w[k] = half_way(side->label[side->met[k]]);
    for (size_t j = 0; j < to_n; j++) {
        const uint32_t *first = s->seed_first + from_n + j;
        const struct seed *to = s->seed + first[0];
        row[j] = (struct roads_trip){ROADS_UNREACHABLE, ROADS_UNREACHABLE, ROADS_UNREACHABLE};
        if (direct(from, n, to, first[1] - first[0], &x, &y, &w))
            row[j] = (struct roads_trip){to[y].d - from[x].d, to[y].cm - from[x].cm, w - BIAS};
        meet(s, m, &s->list[j], &row[j]);
    }
}

enum lc_err
roads_table(struct roads_search *s, enum travel_mode mode, const struct roads_spot *from,
            size_t from_n, const struct roads_spot *to, size_t to_n, struct roads_trip *out)
{
    const struct roads_mode *m = &s->r->mode[mode];
    size_t goals = 0;

    if (s->start_w == NULL &&
        (s->start_w = malloc((s->nodes + (size_t)1) * sizeof *s->start_w)) == NULL)
        return LC_ENOMEM;
    if (!roads_grow(&s->list, &s->list_cap, to_n + 1, sizeof *s->list) ||
        !seeds_for_all(s, mode, from, from_n, to, to_n))
        return LC_ENOMEM;
    for (size_t j = 0; j < to_n; j++)
        if (!leave_goals(s, m, from_n + j, j, &goals))
            return LC_ENOMEM;
    for (size_t i = 0; i < from_n; i++)
        fill_row(s, m, i, from_n, to_n, out + i * to_n);
    return LC_OK;
}
