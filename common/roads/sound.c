/* Does everything in an opened map point inside it? The checksum says that the file is as it was
 * written, not that it was written by us: whoever can put a file in place can get its checksum
 * right, too. */
#include "roads/search.h"

#include <stdlib.h>

/* What lies before an edge in its node, so that BIAS is never used up. */
enum { BEFORE_MAX = BIAS - EDGE_COST_MAX };

/* covers: are there as many cells as it takes from low to high? */
static bool
covers(uint32_t step, uint32_t cells, int32_t low, int32_t high)
{
    int64_t span = (int64_t)high - low;

    return span >= 0 && cells == (uint64_t)span / step + 1;
}

static bool
shared_sound(const struct roads *r)
{
    const struct file_header *h = r->header;
    size_t cells = (size_t)h->grid_rows * h->grid_columns;
    bool ok =
        h->roads > 0 && h->names > 0 && r->names[h->names - 1] == '\0' &&
        h->grid_lat_step - CELL_LAT_E7 < INT32_MAX - CELL_LAT_E7 &&
        h->grid_lng_step - CELL_LAT_E7 < INT32_MAX - CELL_LAT_E7 &&
        covers(h->grid_lat_step, h->grid_rows, h->south_west.lat_e7, h->north_east.lat_e7) &&
        covers(h->grid_lng_step, h->grid_columns, h->south_west.lng_e7, h->north_east.lng_e7) &&
        geo_valid(h->south_west) && geo_valid(h->north_east);

    for (uint32_t i = 0; ok && i < h->roads; i++) {
        const struct road *x = &r->road[i];
        ok = x->points >= 2 && x->point <= h->points && x->points <= h->points - x->point &&
             x->name < h->names;
    }
    for (uint32_t i = 0; ok && i < h->points; i++)
        ok = geo_valid(r->point[i]);
    for (size_t i = 0; ok && i < cells; i++)
        ok = r->grid_first[i] <= r->grid_first[i + 1];
    for (uint32_t i = 0; ok && i < r->grid_first[cells]; i++)
        ok = r->grid_road[i] < h->roads;
    return ok;
}

static bool
slots_sound(const struct roads *r, const struct roads_mode *m)
{
    const uint32_t edges = 2 * r->header->roads;
    bool ok = m->first_slot[0] == 0 && m->first_slot[m->nodes] == m->slots;

    for (uint32_t v = 0; ok && v < m->nodes; v++)
        ok = m->first_slot[v] < m->first_slot[v + 1] && m->first_slot[v + 1] <= m->slots;
    for (uint32_t v = 0; ok && v < m->nodes; v++)
        for (uint32_t i = m->first_slot[v]; ok && i < m->first_slot[v + 1]; i++) {
            const struct slot *x = &m->slot[i];
            ok = x->node == v && x->edge < edges && x->rate > 0 && x->speed > 0 &&
                 x->before_w < BEFORE_MAX && x->before_d < BEFORE_MAX;
        }
    for (uint32_t e = 0; ok && e < edges; e++)
        ok = m->slot_of[e] == NO_SLOT || m->slot_of[e] < m->slots;
    for (uint32_t t = 0; ok && t < m->twins; t++)
        ok = m->twin[t].edge < edges && m->twin[t].slot < m->slots;
    return ok;
}

/* family: where each node's descendants are, itself first: place[v] to place[v] + size[v] - 1. */
struct family {
    uint32_t *place, *size, *depth;
};

static bool
is_above(const struct family *f, uint32_t upper, uint32_t v)
{
    return f->place[v] - f->place[upper] < f->size[upper]; /* less wraps round */
}

/* tree_sound: parents are above their children, and no climb is too long. */
static bool
tree_sound(const struct roads_mode *m, struct family *f)
{
    uint32_t roots = 0;

    for (uint32_t v = 0; v < m->nodes; v++) {
        uint32_t up = m->parent[v];
        if (up != UINT32_MAX && (up <= v || up >= m->nodes))
            return false;
        f->size[v]++;
        if (up != UINT32_MAX)
            f->size[up] += f->size[v];
    }
    /* place of a node is for now that of its next child. */
    for (uint32_t v = m->nodes; v-- > 0;) {
        uint32_t up = m->parent[v];
        uint32_t *next = up == UINT32_MAX ? &roots : &f->place[up];
        uint32_t own = *next;
        *next += f->size[v];
        f->place[v] = own + 1;
        f->depth[v] = up == UINT32_MAX ? 1 : f->depth[up] + 1;
        if (f->depth[v] >= HIERARCHY_DEEPEST / SEEDS_MAX)
            return false;
    }
    for (uint32_t v = 0; v < m->nodes; v++)
        f->place[v] -= f->size[v];
    return true;
}

/* arc_sound: the arc of v to `to`. A round that costs nothing would come from itself. */
static bool
arc_sound(const struct roads_mode *m, int d, const struct family *f, uint32_t v, uint32_t to,
          uint32_t arc)
{
    const struct rest *rest = &m->rest[d][arc];

    bool round = to == v && d == 0 && arc == m->fan[d][v].arc && m->w[d][arc] > 0;

    return to < m->nodes && (to > v || round) && is_above(f, to, v) && m->w[d][arc] >= 0 &&
           m->w[d][arc] < NO_WAY && (rest->middle == NO_MIDDLE || rest->middle < v);
}

static bool
node_sound(const struct roads_mode *m, int d, const struct fan *all, const struct family *f,
           uint32_t v)
{
    const struct fan *a = &m->fan[d][v], *b = a + 1;
    uint32_t arc = a->arc;

    if (a->arc > b->arc || b->arc > all->arc || a->lone > b->lone || b->lone > all->lone ||
        a->row > b->row || b->row > all->row || b->lone - a->lone > b->arc - a->arc)
        return false;
    for (uint32_t i = a->lone; i < b->lone; i++, arc++)
        if (!arc_sound(m, d, f, v, m->lone[d][i], arc))
            return false;
    for (uint32_t r = a->row; r < b->row; r++) {
        const struct row *row = &m->row[d][r];
        if (row->n < ROW_LEAST || row->n > b->arc - arc || row->to > UINT32_MAX - row->n)
            return false;
        for (uint32_t i = 0; i < row->n; i++, arc++)
            if (!arc_sound(m, d, f, v, row->to + i, arc))
                return false;
    }
    return arc == b->arc;
}

static bool
mode_sound(const struct roads *r, const struct roads_mode *m, const struct fan *all,
           struct family *f)
{
    bool ok = slots_sound(r, m) && tree_sound(m, f);

    for (int d = 0; ok && d < 2; d++) {
        const struct fan *first = &m->fan[d][0], *last = &m->fan[d][m->nodes];
        ok = first->arc == 0 && first->lone == 0 && first->row == 0 && last->arc == all[d].arc &&
             last->lone == all[d].lone && last->row == all[d].row;
        for (uint32_t v = 0; ok && v < m->nodes; v++)
            ok = node_sound(m, d, &all[d], f, v);
    }
    return ok;
}

enum lc_err
roads_sound(const struct roads *r)
{
    bool ok = shared_sound(r), memory = true;

    for (unsigned k = 0; ok && k < TRAVEL_MODES; k++) {
        const struct roads_mode *m = &r->mode[k];
        if ((r->header->modes & 1U << k) == 0)
            continue;
        uint32_t *words = calloc(3 * (size_t)m->nodes + 1, sizeof *words);
        memory = words != NULL;
        ok = memory && mode_sound(r, m, r->header->arcs[k],
                                  &(struct family){words, words + m->nodes, words + 2 * m->nodes});
        free(words);
    }
    return ok ? LC_OK : memory ? LC_EINVAL : LC_ENOMEM;
}
