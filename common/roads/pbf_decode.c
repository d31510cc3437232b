/* The objects of one block. */
#include "roads/pbf.h"

/* What the objects of a block share. */
struct block {
    struct pbf *f;
    const Osmpbf__PrimitiveBlock *b;
    const struct pbf_sink *sink;
    const uint8_t *key; /* of each string: an enum tags_key */
    size_t strings;
    struct tags tags;
};

static struct slice
string(const struct block *k, size_t i)
{
    const ProtobufCBinaryData *s = &k->b->stringtable->s[i];

    return slice_of((const char *)s->data, s->len);
}

/* tag: one key and value; false when an index is outside of the string table. */
static bool
tag(struct block *k, uint32_t key, uint32_t value)
{
    if (key >= k->strings || value >= k->strings)
        return false;
    if (k->key[key] == KEY_COUNT)
        return true;
    k->tags.v[k->key[key]] = string(k, value);
    k->tags.n++;
    return true;
}

static void
forget_tags(struct block *k)
{
    if (k->tags.n > 0)
        k->tags = (struct tags){0};
}

static enum lc_err
take_tags(struct block *k, const char *kind, int64_t id, const uint32_t *keys, size_t n,
          const uint32_t *vals, size_t n_vals)
{
    forget_tags(k);
    if (n != n_vals)
        return pbf_fail(k->f, "%s %lld: %zu keys but %zu values", kind, (long long)id, n, n_vals);
    for (size_t i = 0; i < n; i++)
        if (!tag(k, keys[i], vals[i]))
            return pbf_fail(k->f, "%s %lld: a tag outside of the string table", kind,
                            (long long)id);
    return LC_OK;
}

/* Differences are summed as unsigned numbers: a hostile file may overflow them, and is then found
 * out by what the sums mean. */
static int64_t
plus(int64_t a, int64_t b)
{
    return (int64_t)((uint64_t)a + (uint64_t)b);
}

/* degrees_e7: false when it is not on Earth. */
static bool
degrees_e7(int64_t offset, int32_t granularity, int64_t units, int32_t max_e7, int32_t *out)
{
    int64_t nano;

    if (__builtin_mul_overflow(units, (int64_t)granularity, &nano) ||
        __builtin_add_overflow(nano, offset, &nano))
        return false;
    if (nano > (int64_t)max_e7 * 100 || nano < (int64_t)-max_e7 * 100)
        return false;
    *out = (int32_t)((nano + (nano < 0 ? -50 : 50)) / 100);
    return true;
}

static enum lc_err
tell_node(struct block *k, int64_t id, int64_t lat, int64_t lon)
{
    const Osmpbf__PrimitiveBlock *b = k->b;
    struct latlng at;

    if (!degrees_e7(b->lat_offset, b->granularity, lat, GEO_LAT_MAX_E7, &at.lat_e7) ||
        !degrees_e7(b->lon_offset, b->granularity, lon, GEO_LNG_MAX_E7, &at.lng_e7))
        return pbf_fail(k->f, "node %lld: its place is not on Earth", (long long)id);
    return k->sink->node(k->sink->ctx, id, at, k->tags.n > 0 ? &k->tags : NULL);
}

static enum lc_err
read_nodes(struct block *k, const Osmpbf__PrimitiveGroup *g)
{
    for (size_t i = 0; i < g->n_nodes; i++) {
        const Osmpbf__Node *n = g->nodes[i];
        enum lc_err err = take_tags(k, "node", n->id, n->keys, n->n_keys, n->vals, n->n_vals);
        if (err == LC_OK)
            err = tell_node(k, n->id, n->lat, n->lon);
        if (err != LC_OK)
            return err;
    }
    return LC_OK;
}

/* dense_tags: the tags of the next node of a dense group, from *at on. */
static enum lc_err
dense_tags(struct block *k, const Osmpbf__DenseNodes *d, int64_t id, size_t *at)
{
    forget_tags(k);
    if (d->n_keys_vals == 0)
        return LC_OK;
    for (; *at < d->n_keys_vals && d->keys_vals[*at] != 0; *at += 2)
        if (*at + 1 >= d->n_keys_vals ||
            !tag(k, (uint32_t)d->keys_vals[*at], (uint32_t)d->keys_vals[*at + 1]))
            return pbf_fail(k->f, "node %lld: a tag outside of the string table", (long long)id);
    if (*at >= d->n_keys_vals)
        return pbf_fail(k->f, "node %lld: the tags of dense nodes are cut off", (long long)id);
    *at += 1;
    return LC_OK;
}

static enum lc_err
read_dense(struct block *k, const Osmpbf__DenseNodes *d)
{
    int64_t id = 0, lat = 0, lon = 0;
    size_t at = 0;

    if (d->n_lat != d->n_id || d->n_lon != d->n_id)
        return pbf_fail(k->f, "dense nodes: %zu ids, %zu latitudes and %zu longitudes", d->n_id,
                        d->n_lat, d->n_lon);
    for (size_t i = 0; i < d->n_id; i++) {
        id = plus(id, d->id[i]);
        lat = plus(lat, d->lat[i]);
        lon = plus(lon, d->lon[i]);
        enum lc_err err = dense_tags(k, d, id, &at);
        if (err == LC_OK)
            err = tell_node(k, id, lat, lon);
        if (err != LC_OK)
            return err;
    }
    return LC_OK;
}

static enum lc_err
read_ways(struct block *k, const Osmpbf__PrimitiveGroup *g)
{
    for (size_t i = 0; i < g->n_ways; i++) {
        const Osmpbf__Way *w = g->ways[i];
        enum lc_err err = take_tags(k, "way", w->id, w->keys, w->n_keys, w->vals, w->n_vals);
        if (err != LC_OK)
            return err;
        for (size_t r = 1; r < w->n_refs; r++)
            w->refs[r] = plus(w->refs[r], w->refs[r - 1]);
        err = k->sink->way(k->sink->ctx, w->id, &k->tags, w->refs, w->n_refs);
        if (err != LC_OK)
            return err;
    }
    return LC_OK;
}

static enum lc_err
read_relation(struct block *k, const Osmpbf__Relation *r)
{
    static const uint8_t type[] = {PBF_NODES, PBF_WAYS, PBF_RELATIONS};
    struct pbf_member *m = arena_array(k->f->arena, r->n_memids + 1, sizeof *m);
    int64_t id = 0;

    if (m == NULL)
        return LC_ENOMEM;
    if (r->n_roles_sid != r->n_memids || r->n_types != r->n_memids)
        return pbf_fail(k->f, "relation %lld: %zu members, %zu roles and %zu types",
                        (long long)r->id, r->n_memids, r->n_roles_sid, r->n_types);
    for (size_t i = 0; i < r->n_memids; i++) {
        id = plus(id, r->memids[i]);
        if (r->roles_sid[i] < 0 || (size_t)r->roles_sid[i] >= k->strings ||
            (unsigned)r->types[i] >= sizeof type)
            return pbf_fail(k->f, "relation %lld: member %zu has no such role or type",
                            (long long)r->id, i);
        m[i] = (struct pbf_member){id, string(k, (size_t)r->roles_sid[i]), type[r->types[i]]};
    }
    enum lc_err err = take_tags(k, "relation", r->id, r->keys, r->n_keys, r->vals, r->n_vals);
    return err != LC_OK ? err : k->sink->relation(k->sink->ctx, r->id, &k->tags, m, r->n_memids);
}

static enum lc_err
read_group(struct block *k, const Osmpbf__PrimitiveGroup *g, unsigned wanted)
{
    enum lc_err err = LC_OK;

    if ((wanted & PBF_NODES) != 0)
        err = read_nodes(k, g);
    if (err == LC_OK && (wanted & PBF_NODES) != 0 && g->dense != NULL)
        err = read_dense(k, g->dense);
    if (err == LC_OK && (wanted & PBF_WAYS) != 0)
        err = read_ways(k, g);
    if ((wanted & PBF_RELATIONS) != 0)
        for (size_t i = 0; err == LC_OK && i < g->n_relations; i++)
            err = read_relation(k, g->relations[i]);
    return err;
}

enum lc_err
pbf_decode(struct pbf *f, const Osmpbf__PrimitiveBlock *b, unsigned wanted, unsigned *has,
           const struct pbf_sink *sink)
{
    struct block k = {.f = f, .b = b, .sink = sink, .strings = b->stringtable->n_s};
    uint8_t *key = arena_alloc(f->arena, k.strings + 1);

    if (key == NULL)
        return LC_ENOMEM;
    for (size_t i = 0; i < k.strings; i++)
        key[i] = (uint8_t)tags_key(string(&k, i));
    k.key = key;
    for (size_t i = 0; i < b->n_primitivegroup; i++) {
        const Osmpbf__PrimitiveGroup *g = b->primitivegroup[i];
        *has |= (g->n_nodes > 0 || g->dense != NULL ? PBF_NODES : 0U) |
                (g->n_ways > 0 ? PBF_WAYS : 0U) | (g->n_relations > 0 ? PBF_RELATIONS : 0U);
        enum lc_err err = read_group(&k, g, wanted);
        if (err != LC_OK)
            return err;
    }
    return LC_OK;
}
