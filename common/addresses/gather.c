#include "addresses/gather.h"

#include "base/utf8.h"

#include <stdio.h>
#include <stdlib.h>

static struct slice
text_bytes(const void *ctx, uint32_t kept)
{
    const struct gather *g = ctx;

    return slice_str(g->text + kept);
}

bool
gather_text(struct gather *g, struct slice s, uint32_t *out)
{
    *out = 0;
    if (s.n == 0)
        return true;
    uint32_t *slot = osm_table_at(g->table, s, text_bytes, g);
    if (slot == NULL)
        return false;
    if (*slot == UINT32_MAX) {
        if (!roads_grow(&g->text, &g->texts_cap, g->texts + s.n + 1, 1))
            return false;
        memcpy(g->text + g->texts, s.p, s.n);
        g->text[g->texts + s.n] = '\0';
        *slot = (uint32_t)g->texts;
        g->texts += s.n + 1;
    }
    *out = *slot;
    return true;
}

/* usable: text that a name can be made of; OpenStreetMap's values have at most 255 characters. */
static bool
usable(struct slice s)
{
    return s.n > 0 && s.n <= 1024 && utf8_valid(s);
}

static bool
keep(struct gather *g, struct slice s, uint32_t *out)
{
    *out = 0;
    return !usable(s) || gather_text(g, s, out);
}

static bool
keep_folded(struct gather *g, struct slice s,
            void fold(const struct word *w, size_t n, char out[KEY_BYTES_MAX]), uint32_t *out)
{
    struct words w;
    char folded[KEY_BYTES_MAX];

    *out = 0;
    if (!usable(s))
        return true;
    words_read(&w, s);
    fold(w.w, w.n, folded);
    return gather_text(g, slice_str(folded), out);
}

/* keep_address: the tags of an address. */
static bool
keep_address(struct gather *g, const struct tags *t, struct raw *out)
{
    struct slice street =
        tags_has(t, KEY_ADDR_STREET) ? t->v[KEY_ADDR_STREET] : t->v[KEY_ADDR_PLACE];

    return keep(g, street, &out->street) &&
           keep_folded(g, t->v[KEY_ADDR_CITY], words_town, &out->city) &&
           keep_folded(g, t->v[KEY_ADDR_POSTCODE], words_postcode, &out->postcode) &&
           keep(g, t->v[KEY_ADDR_HOUSENUMBER], &out->numbers);
}

/* ---- relations ---- */

static int
by_type_and_id(const void *a, const void *b)
{
    const struct tied *x = a, *y = b;

    if (x->type != y->type)
        return x->type < y->type ? -1 : 1;
    if (x->id != y->id)
        return x->id < y->id ? -1 : 1;
    return (int)x->outline - (int)y->outline;
}

static const struct tied *
find_tied(const struct gather *g, uint8_t type, int64_t id, bool outline)
{
    const struct tied key = {.id = id, .type = type, .outline = outline};

    return g->ties == 0 ? NULL : bsearch(&key, g->tied, g->ties, sizeof *g->tied, by_type_and_id);
}

static bool
tie(struct gather *g, const struct pbf_member *m, bool outline, const struct raw *raw)
{
    if (!roads_grow(&g->tied, &g->ties_cap, g->ties + 1, sizeof *g->tied))
        return false;
    g->tied[g->ties++] = (struct tied){m->id, m->type, outline, *raw};
    return true;
}

/* A building with holes has its address on a relation: it is where its first outline is. A relation
 * of a street names it for its houses. */
static enum lc_err
take_relation(void *ctx, int64_t id, const struct tags *t, const struct pbf_member *m, size_t n)
{
    struct gather *g = ctx;
    struct raw raw = {0};
    bool street = tags_is(t, KEY_TYPE, "associatedStreet") && tags_has(t, KEY_NAME);

    (void)id;
    if (!street && !tags_has(t, KEY_ADDR_HOUSENUMBER))
        return LC_OK;
    if (!keep_address(g, t, &raw) || (street && !keep(g, t->v[KEY_NAME], &raw.street)))
        return LC_ENOMEM;
    for (size_t i = 0; i < n; i++) {
        bool house = slice_eq_str(m[i].role, "house") || slice_eq_str(m[i].role, "address");
        bool outline =
            m[i].type == PBF_WAYS && (m[i].role.n == 0 || slice_eq_str(m[i].role, "outer"));
        if (street ? !house : !outline)
            continue;
        if (!tie(g, &m[i], !street, &raw))
            return LC_ENOMEM;
        if (!street)
            break;
    }
    return LC_OK;
}

/* ---- ways ---- */

static bool
add_way(struct gather *g, const struct raw_way *like, const int64_t *refs, size_t n)
{
    if (!roads_grow(&g->way, &g->ways_cap, g->ways + 1, sizeof *g->way) ||
        !roads_grow(&g->ref, &g->refs_cap, g->refs + n, sizeof *g->ref))
        return false;
    g->way[g->ways] = *like;
    g->way[g->ways].first = (uint32_t)g->refs;
    g->way[g->ways++].n = (uint32_t)n;
    memcpy(g->ref + g->refs, refs, n * sizeof *refs);
    g->refs += n;
    return true;
}

static bool
is_street(const struct tags *t)
{
    return tags_has(t, KEY_NAME) && tags_has(t, KEY_HIGHWAY) &&
           !tags_in(t->v[KEY_HIGHWAY], " proposed construction platform services rest_area razed "
                                       "abandoned elevator corridor ");
}

static enum lc_err
take_way(void *ctx, int64_t id, const struct tags *t, const int64_t *refs, size_t n)
{
    struct gather *g = ctx;
    const struct tied *house = find_tied(g, PBF_WAYS, id, false);
    const struct tied *outline = find_tied(g, PBF_WAYS, id, true);
    struct raw_way w = {.kind = RAW_HOUSE};
    bool ok = true;

    if (n == 0)
        return LC_OK;
    if (outline != NULL) {
        w.raw = outline->raw;
        ok = add_way(g, &w, refs, n);
    }
    if (ok && tags_has(t, KEY_ADDR_HOUSENUMBER)) {
        ok = keep_address(g, t, &w.raw);
        if (w.raw.street == 0 && house != NULL)
            w.raw.street = house->raw.street;
        ok = ok && add_way(g, &w, refs, n);
    } else if (ok && tags_has(t, KEY_ADDR_INTERPOLATION) && n >= 2) {
        w.kind = RAW_SPAN;
        w.step = tags_is(t, KEY_ADDR_INTERPOLATION, "all") ? 1 : 2;
        ok = keep_address(g, t, &w.raw);
        if (tags_in(t->v[KEY_ADDR_INTERPOLATION], " all even odd "))
            ok = ok && add_way(g, &w, refs, n);
    }
    if (ok && is_street(t) && n >= 2) {
        w = (struct raw_way){.kind = RAW_ROAD};
        ok = keep(g, t->v[KEY_NAME], &w.raw.street);
        if (w.raw.street != 0)
            ok = ok && add_way(g, &w, refs, n);
    }
    return ok ? LC_OK : LC_ENOMEM;
}

/* ---- nodes ---- */

static int
by_id(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

static bool
list_nodes(struct gather *g)
{
    g->id = malloc((g->refs + 1) * sizeof *g->id);
    if (g->id == NULL)
        return false;
    if (g->refs > 0)
        memcpy(g->id, g->ref, g->refs * sizeof *g->ref);
    qsort(g->id, g->refs, sizeof *g->id, by_id);
    for (size_t i = 0; i < g->refs; i++)
        if (g->ids == 0 || g->id[g->ids - 1] != g->id[i])
            g->id[g->ids++] = g->id[i];
    g->at = calloc(g->ids + 1, sizeof *g->at);
    g->seen = calloc(g->ids + 1, sizeof *g->seen);
    return g->at != NULL && g->seen != NULL;
}

static enum lc_err
take_node(void *ctx, int64_t id, struct latlng at, const struct tags *t)
{
    struct gather *g = ctx;
    const int64_t *known = g->ids == 0 ? NULL : bsearch(&id, g->id, g->ids, sizeof *g->id, by_id);

    if (known != NULL) {
        g->at[known - g->id] = at;
        g->seen[known - g->id] = true;
    }
    if (t == NULL || !tags_has(t, KEY_ADDR_HOUSENUMBER))
        return LC_OK;
    struct raw_node n = {.id = id, .at = at};
    const struct tied *house = find_tied(g, PBF_NODES, id, false);
    if (!keep_address(g, t, &n.raw) ||
        !roads_grow(&g->node, &g->nodes_cap, g->nodes + 1, sizeof *g->node))
        return LC_ENOMEM;
    if (n.raw.street == 0 && house != NULL)
        n.raw.street = house->raw.street;
    g->node[g->nodes++] = n;
    return LC_OK;
}

static enum lc_err
ignore_node(void *ctx, int64_t id, struct latlng at, const struct tags *t)
{
    (void)ctx, (void)id, (void)at, (void)t;
    return LC_OK;
}

enum lc_err
gather_read(struct gather *g, struct slice file, char *error)
{
    const struct pbf_sink sink = {g, take_node, take_way, take_relation};
    const struct pbf_sink first = {g, ignore_node, take_way, take_relation};
    struct pbf f;

    error[0] = '\0';
    g->table = osm_table_new();
    if (g->table == NULL || !roads_grow(&g->text, &g->texts_cap, 1, 1))
        return LC_ENOMEM;
    g->text[g->texts++] = '\0';
    enum lc_err err = pbf_open(&f, file, error);
    if (err == LC_OK)
        err = pbf_read(&f, PBF_RELATIONS, &first);
    if (err == LC_OK && g->ties > 0)
        qsort(g->tied, g->ties, sizeof *g->tied, by_type_and_id);
    if (err == LC_OK)
        err = pbf_read(&f, PBF_WAYS, &first);
    if (err == LC_OK && !list_nodes(g))
        err = LC_ENOMEM;
    if (err == LC_OK)
        err = pbf_read(&f, PBF_NODES, &sink);
    pbf_close(&f);
    return err == LC_OK ? gather_shapes(g) : err;
}

void
gather_free(struct gather *g)
{
    osm_table_free(g->table);
    free(g->text);
    free(g->tied);
    free(g->way);
    free(g->ref);
    free(g->node);
    free(g->id);
    free(g->at);
    free(g->seen);
    free(g->house);
    free(g->span);
    free(g->point);
    free(g->sample);
}
