#include "roads/osm.h"

#include "roads/pbf.h"
#include "roads/roads.h"

#include <stdio.h>
#include <stdlib.h>

static struct slice
use_bytes(const void *ctx, uint32_t kept)
{
    const struct osm_map *m = ctx;

    return slice_of((const char *)&m->use[kept], sizeof *m->use);
}

static struct slice
name_bytes(const void *ctx, uint32_t kept)
{
    const struct osm_map *m = ctx;

    return slice_str(m->names + kept);
}

/* keep_use: the number of an equal use kept before, or of this one. */
static bool
keep_use(struct osm_map *m, const struct way_use *use, uint32_t *out)
{
    uint32_t *slot =
        osm_table_at(m->uses_table, slice_of((const char *)use, sizeof *use), use_bytes, m);

    if (slot == NULL)
        return false;
    if (*slot == UINT32_MAX) {
        if (!roads_grow(&m->use, &m->uses_cap, m->uses + 1, sizeof *m->use))
            return false;
        m->use[m->uses] = *use;
        *slot = (uint32_t)m->uses++;
    }
    *out = *slot;
    return true;
}

static bool
keep_name(struct osm_map *m, const struct tags *t, uint32_t *out)
{
    struct slice name = tags_has(t, KEY_NAME) ? t->v[KEY_NAME] : t->v[KEY_REF];

    *out = 0;
    if (name.n == 0 || memchr(name.p, '\0', name.n) != NULL)
        return true;
    uint32_t *slot = osm_table_at(m->names_table, name, name_bytes, m);
    if (slot == NULL)
        return false;
    if (*slot == UINT32_MAX) {
        if (!roads_grow(&m->names, &m->names_cap, m->names_n + name.n + 1, 1))
            return false;
        memcpy(m->names + m->names_n, name.p, name.n);
        m->names[m->names_n + name.n] = '\0';
        *slot = (uint32_t)m->names_n;
        m->names_n += name.n + 1;
    }
    *out = *slot;
    return true;
}

static enum lc_err
take_way(void *ctx, int64_t id, const struct tags *t, const int64_t *refs, size_t n)
{
    struct osm_map *m = ctx;
    struct way_use use;
    struct osm_way w = {.id = id, .first = (uint32_t)m->refs, .n = (uint32_t)n};

    if (n < 2 || t->n == 0 || !profile_way(t, &use, &w.duration_s))
        return LC_OK;
    if (!roads_grow(&m->way, &m->ways_cap, m->ways + 1, sizeof *m->way) ||
        !roads_grow(&m->ref_id, &m->refs_cap, m->refs + n, sizeof *m->ref_id) ||
        !keep_use(m, &use, &w.use) || !keep_name(m, t, &w.name))
        return LC_ENOMEM;
    memcpy(m->ref_id + m->refs, refs, n * sizeof *refs);
    m->refs += n;
    m->way[m->ways++] = w;
    return LC_OK;
}

/* take_restriction: one for each pair of from and to; several of one are allowed only for "no
 * entry" (from) and "no exit" (to). */
static enum lc_err
take_restriction(void *ctx, int64_t id, const struct tags *t, const struct pbf_member *member,
                 size_t n)
{
    struct osm_map *m = ctx;
    struct osm_restriction r = {.via = (uint32_t)m->vias};
    size_t via_nodes = 0;

    (void)id;
    r.modes = (uint8_t)(t->n == 0 ? 0 : profile_restricts(t, &r.only));
    if (r.modes == 0)
        return LC_OK;
    for (size_t i = 0; i < n; i++) {
        if (!slice_eq_str(member[i].role, "via"))
            continue;
        if (member[i].type == PBF_NODES) {
            r.via_node = member[i].id;
            via_nodes++;
        } else if (member[i].type == PBF_WAYS) {
            if (!roads_grow(&m->via_way, &m->vias_cap, m->vias + 1, sizeof *m->via_way))
                return LC_ENOMEM;
            m->via_way[m->vias++] = member[i].id;
            r.via_n++;
        }
    }
    if (via_nodes + r.via_n == 0 || via_nodes > 1)
        return LC_OK;
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++) {
            if (member[i].type != PBF_WAYS || !slice_eq_str(member[i].role, "from") ||
                member[j].type != PBF_WAYS || !slice_eq_str(member[j].role, "to"))
                continue;
            if (!roads_grow(&m->restriction, &m->restrictions_cap, m->restrictions + 1,
                            sizeof *m->restriction))
                return LC_ENOMEM;
            r.from = member[i].id;
            r.to = member[j].id;
            m->restriction[m->restrictions++] = r;
        }
    return LC_OK;
}

/* Where an id stands among the sorted ones; SIZE_MAX when it does not. Files are mostly sorted, so
 * the place behind the last hit is tried first. */
static size_t
find_node(const struct osm_map *m, int64_t id, size_t *hint)
{
    size_t low = 0, high = m->nodes;

    if (*hint < m->nodes && m->node_id[*hint] == id)
        return (*hint)++;
    if (*hint < m->nodes && m->node_id[*hint] > id && (*hint == 0 || m->node_id[*hint - 1] < id))
        return SIZE_MAX;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (m->node_id[middle] < id)
            low = middle + 1;
        else
            high = middle;
    }
    *hint = low;
    if (low == m->nodes || m->node_id[low] != id)
        return SIZE_MAX;
    return (*hint)++;
}

struct node_pass {
    struct osm_map *m;
    size_t hint;
};

static enum lc_err
take_node(void *ctx, int64_t id, struct latlng at, const struct tags *t)
{
    struct node_pass *p = ctx;
    size_t i = find_node(p->m, id, &p->hint);

    if (i == SIZE_MAX)
        return LC_OK;
    p->m->at[i] = at;
    p->m->flags[i] = NODE_SEEN | (t == NULL ? 0 : profile_node(t));
    return LC_OK;
}

static int
by_id(const void *a, const void *b)
{
    const int64_t *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

/* number_nodes: the different ids in order, and each way's nodes by their number. */
static enum lc_err
number_nodes(struct osm_map *m)
{
    size_t hint = 0;

    m->node_id = malloc((m->refs + 1) * sizeof *m->node_id);
    m->ref = malloc((m->refs + 1) * sizeof *m->ref);
    if (m->node_id == NULL || m->ref == NULL)
        return LC_ENOMEM;
    if (m->refs > 0) {
        memcpy(m->node_id, m->ref_id, m->refs * sizeof *m->node_id);
        qsort(m->node_id, m->refs, sizeof *m->node_id, by_id);
    }
    for (size_t i = 0; i < m->refs; i++)
        if (m->nodes == 0 || m->node_id[i] != m->node_id[m->nodes - 1])
            m->node_id[m->nodes++] = m->node_id[i];
    for (size_t i = 0; i < m->refs; i++)
        m->ref[i] = (uint32_t)find_node(m, m->ref_id[i], &hint);
    free(m->ref_id);
    m->ref_id = NULL;
    m->at = calloc(m->nodes + 1, sizeof *m->at);
    m->flags = calloc(m->nodes + 1, sizeof *m->flags);
    return m->at == NULL || m->flags == NULL ? LC_ENOMEM : LC_OK;
}

enum lc_err
osm_read(struct osm_map *m, struct slice file, char *error)
{
    struct pbf f;
    struct node_pass pass = {.m = m};
    const struct pbf_sink ways = {.ctx = m, .way = take_way, .relation = take_restriction};
    const struct pbf_sink nodes = {.ctx = &pass, .node = take_node};
    enum lc_err err = pbf_open(&f, file, error);

    m->names_table = osm_table_new();
    m->uses_table = osm_table_new();
    if (err == LC_OK && (m->names_table == NULL || m->uses_table == NULL ||
                         !roads_grow(&m->names, &m->names_cap, 1, 1)))
        err = LC_ENOMEM;
    if (err == LC_OK) {
        m->names[0] = '\0';
        m->names_n = 1;
        err = pbf_read(&f, PBF_WAYS | PBF_RELATIONS, &ways);
    }
    if (err == LC_OK)
        err = number_nodes(m);
    if (err == LC_OK)
        err = pbf_read(&f, PBF_NODES, &nodes);
    for (size_t i = 0; err == LC_OK && i < m->nodes; i++)
        m->missing += (m->flags[i] & NODE_SEEN) == 0;
    if (err == LC_ENOMEM)
        snprintf(error, ROADS_ERROR_MAX, "out of memory");
    pbf_close(&f);
    return err;
}

void
osm_free(struct osm_map *m)
{
    free(m->way);
    free(m->ref_id);
    free(m->ref);
    free(m->node_id);
    free(m->at);
    free(m->flags);
    free(m->use);
    free(m->names);
    free(m->restriction);
    free(m->via_way);
    osm_table_free(m->names_table);
    osm_table_free(m->uses_table);
    *m = (struct osm_map){0};
}
