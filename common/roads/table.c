/* Many to many by buckets (Knopp, Sanders, Schultes, Schulz, Wagner 2007): every end leaves, at the
 * nodes that lead down to it, what is left to go; every start looks what lies at the nodes it
 * reaches. */
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

/* leave_buckets: for the end number `to`. */
static bool
leave_buckets(struct roads_search *s, const struct roads_mode *m, size_t at, uint32_t to)
{
    bool ok = true, stalled;
    uint32_t node;

    if (!side_start(s, 1, s->seed + s->seed_first[at], s->seed_first[at + 1] - s->seed_first[at]))
        return false;
    while (side_step(s, m, 1, &node, &stalled, &ok)) {
        if (stalled)
            continue;
        if (!roads_grow(&s->bucket, &s->bucket_cap, s->buckets + 1, sizeof *s->bucket))
            return false;
        const struct label *l = &s->side[1].label[node];
        s->bucket[s->buckets++] = (struct bucket){l->key, l->cm, to, node};
    }
    return ok;
}

/* sort_buckets: by node. */
static bool
sort_buckets(struct roads_search *s, uint32_t nodes)
{
    if (s->first_bucket == NULL) {
        s->first_bucket = malloc((s->nodes + (size_t)2) * sizeof *s->first_bucket);
        if (s->first_bucket == NULL)
            return false;
    }
    if (!roads_grow(&s->sorted, &s->sorted_cap, s->buckets + 1, sizeof *s->sorted))
        return false;
    memset(s->first_bucket, 0, (nodes + (size_t)2) * sizeof *s->first_bucket);
    for (size_t i = 0; i < s->buckets; i++)
        s->first_bucket[s->bucket[i].node + 1]++;
    for (uint32_t v = 0; v < nodes; v++)
        s->first_bucket[v + 1] += s->first_bucket[v];
    /* Filled from behind, so that the beginnings end up in place. */
    for (size_t i = s->buckets; i-- > 0;)
        s->sorted[--s->first_bucket[s->bucket[i].node + 1]] = s->bucket[i];
    /* first_bucket[v + 1] is now where v begins. */
    s->first_bucket[nodes + 1] = (uint32_t)s->buckets;
    return true;
}

static void
improve(struct roads_trip *out, uint64_t key, uint32_t cm)
{
    struct roads_trip t = trip_of(key, cm);

    if (out->ms == ROADS_UNREACHABLE || t.weight_ms < out->weight_ms ||
        (t.weight_ms == out->weight_ms && (t.ms < out->ms || (t.ms == out->ms && t.cm < out->cm))))
        *out = t;
}

/* look_into: the buckets at a node that a start has reached. */
static void
look_into(const struct roads_search *s, const struct roads_mode *m, uint32_t node,
          struct roads_trip *row)
{
    const struct label *l = &s->side[0].label[node];
    uint32_t index;

    for (uint32_t i = s->first_bucket[node + 1]; i < s->first_bucket[node + 2]; i++) {
        const struct bucket *b = &s->sorted[i];
        uint64_t key = l->key + b->key;
        uint32_t cm = l->cm + b->cm;
        if (key < BIAS_KEY) {
            const struct arc *round = round_of(m, node, &index);
            if (round == NULL)
                continue;
            key += arc_key(round);
            cm += round->cm;
        }
        improve(&row[b->to], key, cm);
    }
}

static bool
fill_row(struct roads_search *s, const struct roads_mode *m, size_t i, size_t from_n, size_t to_n,
         struct roads_trip *row)
{
    const struct seed *from = s->seed + s->seed_first[i];
    uint32_t n = s->seed_first[i + 1] - s->seed_first[i];
    bool ok = true, stalled;
    uint32_t node, x, y, cm;

    for (size_t j = 0; j < to_n; j++) {
        const uint32_t *first = s->seed_first + from_n + j;
        row[j] = (struct roads_trip){ROADS_UNREACHABLE, ROADS_UNREACHABLE, ROADS_UNREACHABLE};
        uint64_t key = direct(from, n, s->seed + first[0], first[1] - first[0], &x, &y, &cm);
        if (key != UINT64_MAX)
            row[j] = trip_of(key, cm);
    }
    if (!side_start(s, 0, from, n))
        return false;
    while (side_step(s, m, 0, &node, &stalled, &ok))
        if (!stalled)
            look_into(s, m, node, row);
    return ok;
}

enum lc_err
roads_table(struct roads_search *s, enum travel_mode mode, const struct roads_spot *from,
            size_t from_n, const struct roads_spot *to, size_t to_n, struct roads_trip *out)
{
    const struct roads_mode *m = &s->r->mode[mode];

    s->buckets = 0;
    if (!seeds_for_all(s, mode, from, from_n, to, to_n))
        return LC_ENOMEM;
    for (size_t j = 0; j < to_n; j++)
        if (!leave_buckets(s, m, from_n + j, (uint32_t)j))
            return LC_ENOMEM;
    if (!sort_buckets(s, m->nodes))
        return LC_ENOMEM;
    for (size_t i = 0; i < from_n; i++)
        if (!fill_row(s, m, i, from_n, to_n, out + i * to_n))
            return LC_ENOMEM;
    return LC_OK;
}
