/* roads_rig: little maps made by hand, written as .osm.pbf in every way the format allows; and
 * plain Dijkstra, to compare with. Header only: for unit tests and for benchmarks. */
#ifndef LC_TESTS_ROADS_RIG_H
#define LC_TESTS_ROADS_RIG_H

#include "roads/roads.h"

#include "osmpbf.pb-c.h"

#include <stdio.h>
#include <stdlib.h>
#include <zlib.h>

/* Tags are written "highway=primary|name=Main Street". */
struct rig_node {
    int64_t id;
    struct latlng at;
    const char *tags;
};
struct rig_way {
    int64_t id;
    const char *tags;
    const int64_t *refs;
    size_t n;
};
struct rig_member {
    int64_t id;
    const char *role;
    int type; /* OSMPBF__RELATION__MEMBER_TYPE__* */
};
struct rig_relation {
    int64_t id;
    const char *tags;
    const struct rig_member *member;
    size_t n;
};
struct rig_map {
    const struct rig_node *node;
    size_t nodes;
    const struct rig_way *way;
    size_t ways;
    const struct rig_relation *relation;
    size_t relations;
};

/* How to write it; all zero: plain nodes, uncompressed, in the usual order, 8000 a block. */
struct rig_style {
    bool dense;
    bool zlib;
    bool backwards; /* relations, ways, nodes; each from the last to the first */
    bool lz4;       /* claims LZ4 */
    size_t per_block;
    const char *feature; /* one more required feature */
};

/* The strings of one block. */
struct rig_strings {
    ProtobufCBinaryData *s;
    size_t n, cap;
};

static inline void *
rig_grow(void *p, size_t *cap, size_t need, size_t size)
{
    if (need <= *cap)
        return p;
    *cap = need * 2 + 16;
    p = realloc(p, *cap * size);
    if (p == NULL)
        abort();
    return p;
}

static inline uint32_t
rig_string(struct rig_strings *t, const char *p, size_t n)
{
    for (size_t i = 1; i < t->n; i++)
        if (t->s[i].len == n && memcmp(t->s[i].data, p, n) == 0)
            return (uint32_t)i;
    t->s = rig_grow(t->s, &t->cap, t->n + 2, sizeof *t->s);
    if (t->n == 0)
        t->s[t->n++] = (ProtobufCBinaryData){0, NULL};
    t->s[t->n] = (ProtobufCBinaryData){n, malloc(n + 1)};
    memcpy(t->s[t->n].data, p, n);
    return (uint32_t)t->n++;
}

/* rig_tags: keys and values of one object; how many. */
static inline size_t
rig_tags(struct rig_strings *t, const char *tags, uint32_t keys[8], uint32_t vals[8])
{
    size_t n = 0;

    for (const char *p = tags == NULL ? "" : tags; *p != '\0' && n < 8; n++) {
        size_t key = strcspn(p, "="), whole = strcspn(p, "|");
        keys[n] = rig_string(t, p, key);
        vals[n] = rig_string(t, p + key + 1, whole - key - 1);
        p += whole + (p[whole] == '|');
    }
    return n;
}

static inline void
rig_blob(struct buf *out, const char *type, struct slice raw, const struct rig_style *style)
{
    Osmpbf__Blob blob = OSMPBF__BLOB__INIT;
    Osmpbf__BlobHeader header = OSMPBF__BLOB_HEADER__INIT;
    uLongf packed = compressBound(raw.n);
    Bytef *z = malloc(packed + 1);
    char length[4];

    if (style->zlib || style->lz4) {
        if (compress2(z, &packed, (const Bytef *)raw.p, raw.n, 1) != Z_OK)
            abort();
        blob.has_raw_size = 1;
        blob.raw_size = (int32_t)raw.n;
        blob.has_zlib_data = !style->lz4;
        blob.has_lz4_data = style->lz4;
        blob.zlib_data = blob.lz4_data = (ProtobufCBinaryData){packed, z};
    } else {
        blob.has_raw = 1;
        blob.raw = (ProtobufCBinaryData){raw.n, (uint8_t *)(uintptr_t)raw.p};
    }
    header.type = (char *)(uintptr_t)type;
    header.datasize = (int32_t)osmpbf__blob__get_packed_size(&blob);
    size_t n = osmpbf__blob_header__get_packed_size(&header);
    for (int i = 0; i < 4; i++)
        length[i] = (char)(n >> (24 - 8 * i));
    buf_append(out, length, 4);
    char *p = buf_reserve(out, n);
    osmpbf__blob_header__pack(&header, (uint8_t *)p);
    out->n += n;
    p = buf_reserve(out, (size_t)header.datasize);
    osmpbf__blob__pack(&blob, (uint8_t *)p);
    out->n += (size_t)header.datasize;
    free(z);
}

static inline void
rig_block(struct buf *out, struct rig_strings *t, Osmpbf__PrimitiveGroup *group,
          const struct rig_style *style)
{
    Osmpbf__PrimitiveBlock block = OSMPBF__PRIMITIVE_BLOCK__INIT;
    Osmpbf__StringTable table = OSMPBF__STRING_TABLE__INIT;
    Osmpbf__PrimitiveGroup *groups[] = {group};
    struct buf raw = {0};

    rig_string(t, "", 0); /* there is always the empty one */
    table.n_s = t->n;
    table.s = t->s;
    block.stringtable = &table;
    block.n_primitivegroup = 1;
    block.primitivegroup = groups;
    size_t n = osmpbf__primitive_block__get_packed_size(&block);
    char *p = buf_reserve(&raw, n + 1);
    osmpbf__primitive_block__pack(&block, (uint8_t *)p);
    rig_blob(out, "OSMData", slice_of(p, n), style);
    buf_free(&raw);
    for (size_t i = 1; i < t->n; i++)
        free(t->s[i].data);
    free(t->s);
    *t = (struct rig_strings){0};
}

static inline void
rig_nodes(struct buf *out, const struct rig_map *m, size_t from, size_t to,
          const struct rig_style *style)
{
    struct rig_strings t = {0};
    Osmpbf__PrimitiveGroup group = OSMPBF__PRIMITIVE_GROUP__INIT;
    size_t n = to - from;
    Osmpbf__Node *node = calloc(n + 1, sizeof *node), **nodes = calloc(n + 1, sizeof *nodes);
    uint32_t(*keys)[8] = calloc(n + 1, sizeof *keys), (*vals)[8] = calloc(n + 1, sizeof *vals);

    for (size_t i = 0; i < n; i++) {
        const struct rig_node *x = &m->node[style->backwards ? to - 1 - i : from + i];
        osmpbf__node__init(&node[i]);
        node[i].id = x->id;
        node[i].lat = x->at.lat_e7;
        node[i].lon = x->at.lng_e7;
        node[i].n_keys = node[i].n_vals = rig_tags(&t, x->tags, keys[i], vals[i]);
        node[i].keys = keys[i];
        node[i].vals = vals[i];
        nodes[i] = &node[i];
    }
    group.n_nodes = n;
    group.nodes = nodes;
    rig_block(out, &t, &group, style);
    free(node);
    free(nodes);
    free(keys);
    free(vals);
}

static inline void
rig_dense(struct buf *out, const struct rig_map *m, size_t from, size_t to,
          const struct rig_style *style)
{
    struct rig_strings t = {0};
    Osmpbf__PrimitiveGroup group = OSMPBF__PRIMITIVE_GROUP__INIT;
    Osmpbf__DenseNodes dense = OSMPBF__DENSE_NODES__INIT;
    size_t n = to - from;
    int64_t *id = calloc(3 * n + 3, sizeof *id), *lat = id + n + 1, *lon = lat + n + 1;
    int32_t *kv = calloc(17 * n + 1, sizeof *kv);
    struct rig_node last = {0};

    for (size_t i = 0; i < n; i++) {
        const struct rig_node *x = &m->node[style->backwards ? to - 1 - i : from + i];
        uint32_t keys[8], vals[8];
        size_t tags = rig_tags(&t, x->tags, keys, vals);
        id[i] = x->id - last.id;
        lat[i] = (int64_t)x->at.lat_e7 - last.at.lat_e7;
        lon[i] = (int64_t)x->at.lng_e7 - last.at.lng_e7;
        last = *x;
        for (size_t k = 0; k < tags; k++) {
            kv[dense.n_keys_vals++] = (int32_t)keys[k];
            kv[dense.n_keys_vals++] = (int32_t)vals[k];
        }
        kv[dense.n_keys_vals++] = 0;
    }
    dense.n_id = dense.n_lat = dense.n_lon = n;
    dense.id = id;
    dense.lat = lat;
    dense.lon = lon;
    dense.keys_vals = kv;
    group.dense = &dense;
    rig_block(out, &t, &group, style);
    free(id);
    free(kv);
}

static inline void
rig_ways(struct buf *out, const struct rig_map *m, size_t from, size_t to,
         const struct rig_style *style)
{
    struct rig_strings t = {0};
    Osmpbf__PrimitiveGroup group = OSMPBF__PRIMITIVE_GROUP__INIT;
    size_t n = to - from;
    Osmpbf__Way *way = calloc(n + 1, sizeof *way), **ways = calloc(n + 1, sizeof *ways);
    uint32_t(*keys)[8] = calloc(n + 1, sizeof *keys), (*vals)[8] = calloc(n + 1, sizeof *vals);

    for (size_t i = 0; i < n; i++) {
        const struct rig_way *x = &m->way[style->backwards ? to - 1 - i : from + i];
        osmpbf__way__init(&way[i]);
        way[i].id = x->id;
        way[i].n_keys = way[i].n_vals = rig_tags(&t, x->tags, keys[i], vals[i]);
        way[i].keys = keys[i];
        way[i].vals = vals[i];
        way[i].n_refs = x->n;
        way[i].refs = calloc(x->n + 1, sizeof *way[i].refs);
        for (size_t k = 0; k < x->n; k++)
            way[i].refs[k] = x->refs[k] - (k == 0 ? 0 : x->refs[k - 1]);
        ways[i] = &way[i];
    }
    group.n_ways = n;
    group.ways = ways;
    rig_block(out, &t, &group, style);
    for (size_t i = 0; i < n; i++)
        free(way[i].refs);
    free(way);
    free(ways);
    free(keys);
    free(vals);
}

static inline void
rig_relations(struct buf *out, const struct rig_map *m, const struct rig_style *style)
{
    struct rig_strings t = {0};
    Osmpbf__PrimitiveGroup group = OSMPBF__PRIMITIVE_GROUP__INIT;
    Osmpbf__Relation *r = calloc(m->relations + 1, sizeof *r),
                     **rs = calloc(m->relations + 1, sizeof *rs);
    uint32_t(*keys)[8] = calloc(m->relations + 1, sizeof *keys),
    (*vals)[8] = calloc(m->relations + 1, sizeof *vals);

    for (size_t i = 0; i < m->relations; i++) {
        const struct rig_relation *x = &m->relation[i];
        osmpbf__relation__init(&r[i]);
        r[i].id = x->id;
        r[i].n_keys = r[i].n_vals = rig_tags(&t, x->tags, keys[i], vals[i]);
        r[i].keys = keys[i];
        r[i].vals = vals[i];
        r[i].n_roles_sid = r[i].n_memids = r[i].n_types = x->n;
        r[i].roles_sid = calloc(x->n + 1, sizeof *r[i].roles_sid);
        r[i].memids = calloc(x->n + 1, sizeof *r[i].memids);
        r[i].types = calloc(x->n + 1, sizeof *r[i].types);
        for (size_t k = 0; k < x->n; k++) {
            r[i].roles_sid[k] =
                (int32_t)rig_string(&t, x->member[k].role, strlen(x->member[k].role));
            r[i].memids[k] = x->member[k].id - (k == 0 ? 0 : x->member[k - 1].id);
            r[i].types[k] = (Osmpbf__Relation__MemberType)x->member[k].type;
        }
        rs[i] = &r[i];
    }
    group.n_relations = m->relations;
    group.relations = rs;
    rig_block(out, &t, &group, style);
    for (size_t i = 0; i < m->relations; i++) {
        free(r[i].roles_sid);
        free(r[i].memids);
        free(r[i].types);
    }
    free(r);
    free(rs);
    free(keys);
    free(vals);
}

/* rig_write: the map as a file, appended. */
static inline void
rig_write(const struct rig_map *m, const struct rig_style *style, struct buf *out)
{
    Osmpbf__HeaderBlock header = OSMPBF__HEADER_BLOCK__INIT;
    char *features[] = {(char *)(uintptr_t) "OsmSchema-V0.6", (char *)(uintptr_t) "DenseNodes",
                        (char *)(uintptr_t)style->feature};
    uint8_t raw[256];
    size_t step = style->per_block == 0 ? 8000 : style->per_block;

    header.n_required_features = style->feature == NULL ? 2 : 3;
    header.required_features = features;
    const struct rig_style plain = {.zlib = style->zlib};
    rig_blob(out, "OSMHeader", slice_of((char *)raw, osmpbf__header_block__pack(&header, raw)),
             &plain);
    for (int pass = 0; pass < 3; pass++) {
        int what = style->backwards ? 2 - pass : pass;
        size_t n = what == 0 ? m->nodes : what == 1 ? m->ways : 0;
        for (size_t i = 0; i < n; i += step) {
            size_t end = i + step < n ? i + step : n;
            size_t a = style->backwards ? n - end : i, b = style->backwards ? n - i : end;
            if (what == 1)
                rig_ways(out, m, a, b, style);
            else if (style->dense)
                rig_dense(out, m, a, b, style);
            else
                rig_nodes(out, m, a, b, style);
        }
        if (what == 2 && m->relations > 0)
            rig_relations(out, m, style);
    }
}

/* rig_file: all bytes of a file; p NULL when it cannot be read. Free with buf_free. */
static inline struct buf
rig_file(const char *path)
{
    struct buf out = {0};
    FILE *f = fopen(path, "rb");

    for (size_t n = 1; f != NULL && n > 0; out.n += n) {
        char *p = buf_reserve(&out, 1 << 16);
        n = fread(p, 1, 1 << 16, f);
    }
    if (f != NULL)
        fclose(f);
    return out;
}

#endif
