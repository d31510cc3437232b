#include "roads/network.h"

#include <stdlib.h>

/* cutter: what cutting the ways needs besides the network. */
struct cutter {
    struct network *n;
    struct osm_map *m;
    uint8_t *passed;    /* how often ways pass each node: 0, 1, 2 = more */
    uint32_t *junction; /* of each node; UINT32_MAX = none yet */
    size_t ends_cap[2], flags_cap, at_cap, use_cap;
};

static bool
is_junction(const struct cutter *c, uint32_t node)
{
    return c->passed[node] > 1 || (c->m->flags[node] & ~NODE_SEEN) != 0;
}

static bool
junction_of(struct cutter *c, uint32_t node, uint32_t *out)
{
    struct network *n = c->n;

    if (c->junction[node] == UINT32_MAX) {
        if (!roads_grow(&n->junction_flags, &c->flags_cap, n->junctions + 1,
                        sizeof *n->junction_flags) ||
            !roads_grow(&n->junction_at, &c->at_cap, n->junctions + 1, sizeof *n->junction_at))
            return false;
        n->junction_flags[n->junctions] = c->m->flags[node] & ~NODE_SEEN;
        n->junction_at[n->junctions] = c->m->at[node];
        c->junction[node] = (uint32_t)n->junctions++;
    }
    *out = c->junction[node];
    return true;
}

/* lay: one road along nodes ref[0 .. count - 1]. */
static bool
lay(struct cutter *c, const struct osm_way *w, uint32_t use, const uint32_t *ref, size_t count)
{
    struct network *n = c->n;
    struct road r = {.point = (uint32_t)n->points, .name = w->name};
    double metres = 0;
    size_t i = n->roads;

    if (!roads_grow(&n->road, &n->roads_cap, i + 1, sizeof *n->road) ||
        !roads_grow(&n->end[0], &c->ends_cap[0], i + 1, sizeof *n->end[0]) ||
        !roads_grow(&n->end[1], &c->ends_cap[1], i + 1, sizeof *n->end[1]) ||
        !roads_grow(&n->use, &c->use_cap, i + 1, sizeof *n->use) ||
        !roads_grow(&n->point, &n->points_cap, n->points + count, sizeof *n->point) ||
        n->roads >= UINT32_MAX / 2 - 1)
        return false;
    for (size_t k = 0; k < count; k++) {
        struct latlng at = c->m->at[ref[k]];
        if (k > 0)
            metres += geo_distance_m(c->m->at[ref[k - 1]], at);
        n->point[n->points++] = at;
        r.points++;
    }
    r.cm = metres < 4e7 ? (uint32_t)(metres * 100 + 0.5) : UINT32_MAX;
    if (!junction_of(c, ref[0], &n->end[0][i]) || !junction_of(c, ref[count - 1], &n->end[1][i]))
        return false;
    n->road[i] = r;
    n->use[i] = use;
    n->roads++;
    return true;
}

/* cut_run: a stretch of a way whose nodes are all there. A road that would end where it began is
 * cut in its middle, so that every road joins two junctions. */
static bool
cut_run(struct cutter *c, const struct osm_way *w, uint32_t use, const uint32_t *ref, size_t count)
{
    size_t from = 0;

    for (size_t i = 1; i < count; i++) {
        if (i + 1 < count && !is_junction(c, ref[i]))
            continue;
        size_t middle = from + (i - from) / 2;
        if (ref[from] == ref[i]) {
            if (middle > from && !lay(c, w, use, ref + from, middle - from + 1))
                return false;
            from = middle;
        }
        if (ref[from] != ref[i] && !lay(c, w, use, ref + from, i - from + 1))
            return false;
        from = i;
    }
    return true;
}

/* timed_use: a ferry's speed from its length and the duration that its tags give. */
static bool
timed_use(struct cutter *c, const struct osm_way *w, uint32_t *out)
{
    struct osm_map *m = c->m;
    double metres = 0;

    *out = w->use;
    if (!m->use[w->use].timed)
        return true;
    for (uint32_t i = 1; i < w->n; i++) {
        uint32_t a = m->ref[w->first + i - 1], b = m->ref[w->first + i];
        if ((m->flags[a] & m->flags[b] & NODE_SEEN) != 0)
            metres += geo_distance_m(m->at[a], m->at[b]);
    }
    if (!roads_grow(&m->use, &m->uses_cap, m->uses + 1, sizeof *m->use))
        return false;
    struct way_use *use = &m->use[m->uses];
    *use = m->use[w->use];
    double kmh = metres / w->duration_s * 3.6;
    kmh = kmh < 0.2 ? 0.2 : kmh > 80 ? 80 : kmh;
    for (int k = 0; k < TRAVEL_MODES; k++)
        for (int d = 0; d < 2; d++)
            if (use->mode[k][d].kind == WAY_CARRY)
                way_dir_set(&use->mode[k][d], WAY_CARRY, kmh, kmh);
    *out = (uint32_t)m->uses++;
    return true;
}

/* cut_way: runs of nodes that the file has; what an extract cut away is left out. */
static bool
cut_way(struct cutter *c, const struct osm_way *w, uint32_t *run)
{
    const struct osm_map *m = c->m;
    size_t n = 0;
    uint32_t use;

    if (!timed_use(c, w, &use))
        return false;
    for (uint32_t i = 0; i <= w->n; i++) {
        if (i < w->n && (m->flags[m->ref[w->first + i]] & NODE_SEEN) != 0) {
            if (n == 0 || run[n - 1] != m->ref[w->first + i])
                run[n++] = m->ref[w->first + i];
            continue;
        }
        if (n > 1 && !cut_run(c, w, use, run, n))
            return false;
        n = 0;
    }
    return true;
}

/* count_passes: and the most nodes of one way. */
static uint32_t
count_passes(struct cutter *c)
{
    const struct osm_map *m = c->m;
    uint32_t longest = 0;

    for (size_t w = 0; w < m->ways; w++) {
        longest = m->way[w].n > longest ? m->way[w].n : longest;
        for (uint32_t i = 0; i < m->way[w].n; i++) {
            uint32_t node = m->ref[m->way[w].first + i];
            c->passed[node] = (uint8_t)(c->passed[node] + (c->passed[node] < 2));
        }
    }
    return longest;
}

/* sort_out: the edges that leave each junction, in ascending order. */
static enum lc_err
sort_out(struct network *n)
{
    n->first_out = calloc(n->junctions + 2, sizeof *n->first_out);
    n->out = malloc((2 * n->roads + 1) * sizeof *n->out);
    if (n->first_out == NULL || n->out == NULL)
        return LC_ENOMEM;
    for (uint32_t e = 0; e < 2 * n->roads; e++)
        n->first_out[edge_tail(n, e) + 2]++;
    for (size_t j = 2; j < n->junctions + 2; j++)
        n->first_out[j] += n->first_out[j - 1];
    for (uint32_t e = 0; e < 2 * n->roads; e++)
        n->out[n->first_out[edge_tail(n, e) + 1]++] = e;
    return LC_OK;
}

enum lc_err
network_build(struct network *n, struct osm_map *m)
{
    struct cutter c = {.n = n, .m = m};
    uint32_t *first_road = malloc((m->ways + 1) * sizeof *first_road);
    enum lc_err err = LC_ENOMEM;

    c.passed = calloc(m->nodes + 1, 1);
    c.junction = malloc((m->nodes + 1) * sizeof *c.junction);
    uint32_t *run = NULL;
    if (first_road == NULL || c.passed == NULL || c.junction == NULL)
        goto out;
    run = malloc(((size_t)count_passes(&c) + 1) * sizeof *run);
    if (run == NULL)
        goto out;
    memset(c.junction, 0xff, m->nodes * sizeof *c.junction);
    for (size_t w = 0; w < m->ways; w++) {
        first_road[w] = (uint32_t)n->roads;
        if (!cut_way(&c, &m->way[w], run))
            goto out;
    }
    first_road[m->ways] = (uint32_t)n->roads;
    err = sort_out(n);
    if (err == LC_OK)
        err = network_restrict(n, m, first_road, c.junction);
out:
    free(run);
    free(c.passed);
    free(c.junction);
    free(first_road);
    return err;
}

void
network_free(struct network *n)
{
    free(n->road);
    free(n->point);
    free(n->use);
    free(n->end[0]);
    free(n->end[1]);
    free(n->junction_flags);
    free(n->junction_at);
    free(n->first_out);
    free(n->out);
    free(n->forbidden);
    free(n->forbidden_edge);
    *n = (struct network){0};
}
