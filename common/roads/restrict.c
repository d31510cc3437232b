/* Turn restrictions, from relations to rows of edges. Part of network.c. */
#include "roads/network.h"

#include <stdlib.h>

enum { ROW_MAX = 64 }; /* edges of one restriction; longer ones do not exist on earnest maps */

struct restrictor {
    struct network *n;
    const struct osm_map *m;
    const uint32_t *first_road;
    uint32_t *by_id; /* ways by ascending id */
};

static int
by_way_id(const void *a, const void *b, void *map)
{
    const struct osm_map *m = map;
    int64_t x = m->way[*(const uint32_t *)a].id, y = m->way[*(const uint32_t *)b].id;

    return (x > y) - (x < y);
}

/* roads_of: the roads of the way with that id: *first and how many; 0 when it has none. */
static uint32_t
roads_of(const struct restrictor *r, int64_t id, uint32_t *first)
{
    size_t low = 0, high = r->m->ways;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (r->m->way[r->by_id[middle]].id < id)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == r->m->ways || r->m->way[r->by_id[low]].id != id)
        return 0;
    *first = r->first_road[r->by_id[low]];
    return r->first_road[r->by_id[low] + 1] - *first;
}

/* edge_leaving: of a way, the edge that leaves junction j, where j is an end of the way. A way that
 * goes on beyond the junction says nothing about which half is meant. */
static bool
edge_leaving(const struct restrictor *r, int64_t way, uint32_t j, uint32_t *out)
{
    uint32_t first, n = roads_of(r, way, &first);

    if (n == 0)
        return false;
    if (r->n->end[0][first] == j) {
        *out = 2 * first;
        return true;
    }
    *out = 2 * (first + n - 1) + 1;
    return r->n->end[1][first + n - 1] == j;
}

/* follow: the edges of a way from junction *j to its other end, which *j becomes. */
static bool
follow(const struct restrictor *r, int64_t way, uint32_t *j, uint32_t *row, size_t *n)
{
    uint32_t first, roads = roads_of(r, way, &first);

    if (roads == 0 || *n + roads >= ROW_MAX)
        return false;
    bool along = r->n->end[0][first] == *j;
    for (uint32_t i = 0; i < roads; i++) {
        uint32_t edge = along ? 2 * (first + i) : 2 * (first + roads - 1 - i) + 1;
        if (edge_tail(r->n, edge) != *j)
            return false;
        row[(*n)++] = edge;
        *j = edge_head(r->n, edge);
    }
    return true;
}

static bool
forbid(struct network *n, const uint32_t *row, size_t count, uint8_t modes)
{
    if (!roads_grow(&n->forbidden, &n->forbiddens_cap, n->forbiddens + 1, sizeof *n->forbidden) ||
        !roads_grow(&n->forbidden_edge, &n->forbidden_edges_cap, n->forbidden_edges + count,
                    sizeof *n->forbidden_edge))
        return false;
    n->forbidden[n->forbiddens++] =
        (struct forbidden){(uint32_t)n->forbidden_edges, (uint32_t)count, modes};
    memcpy(n->forbidden_edge + n->forbidden_edges, row, count * sizeof *row);
    n->forbidden_edges += count;
    return true;
}

/* try_from: the row that begins on `from` and reaches the restriction through junction j. */
static bool
try_from(struct restrictor *r, const struct osm_restriction *x, uint32_t j, bool *met)
{
    uint32_t row[ROW_MAX + 1], back, to;
    size_t n = 0;

    if (!edge_leaving(r, x->from, j, &back))
        return true;
    row[n++] = back ^ 1;
    for (uint32_t i = 0; i < x->via_n; i++)
        if (!follow(r, r->m->via_way[x->via + i], &j, row, &n))
            return true;
    if (!edge_leaving(r, x->to, j, &to))
        return true;
    *met = true;
    row[n] = to;
    if (!x->only)
        return forbid(r->n, row, n + 1, x->modes);
    for (uint32_t i = r->n->first_out[j]; i < r->n->first_out[j + 1]; i++) {
        row[n] = r->n->out[i];
        if (row[n] != to && !forbid(r->n, row, n + 1, x->modes))
            return false;
    }
    return true;
}

static bool
resolve(struct restrictor *r, const struct osm_restriction *x, const uint32_t *node_junction)
{
    const struct osm_map *m = r->m;
    bool met = false, ok = true;

    if (x->via_n == 0) {
        size_t low = 0, high = m->nodes;
        while (low < high) {
            size_t middle = low + (high - low) / 2;
            if (m->node_id[middle] < x->via_node)
                low = middle + 1;
            else
                high = middle;
        }
        if (low < m->nodes && m->node_id[low] == x->via_node && node_junction[low] != UINT32_MAX)
            ok = try_from(r, x, node_junction[low], &met);
    } else {
        uint32_t first, n = roads_of(r, x->from, &first);
        if (n > 0) {
            ok = try_from(r, x, r->n->end[0][first], &met);
            if (ok && !met)
                ok = try_from(r, x, r->n->end[1][first + n - 1], &met);
        }
    }
    r->n->ignored += !met;
    return ok;
}

enum lc_err
network_restrict(struct network *n, const struct osm_map *m, const uint32_t *first_road,
                 const uint32_t *node_junction)
{
    struct restrictor r = {.n = n, .m = m, .first_road = first_road};

    if (m->restrictions == 0)
        return LC_OK;
    r.by_id = malloc((m->ways + 1) * sizeof *r.by_id);
    if (r.by_id == NULL)
        return LC_ENOMEM;
    for (size_t i = 0; i < m->ways; i++)
        r.by_id[i] = (uint32_t)i;
    qsort_r(r.by_id, m->ways, sizeof *r.by_id, by_way_id, (void *)m);
    bool ok = true;
    for (size_t i = 0; ok && i < m->restrictions; i++)
        ok = resolve(&r, &m->restriction[i], node_junction);
    free(r.by_id);
    return ok ? LC_OK : LC_ENOMEM;
}
