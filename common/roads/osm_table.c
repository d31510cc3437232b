#include "roads/osm.h"

#include <stdlib.h>

struct osm_table {
    struct entry {
        uint32_t hash;
        uint32_t kept;
    } * entry;
    size_t n, cap; /* a power of two */
};

bool
roads_grow(void *array, size_t *cap, size_t need, size_t size)
{
    void *old;

    if (need <= *cap)
        return true;
    if (need > UINT32_MAX - 1)
        return false;
    size_t more = *cap < 64 ? 64 : *cap + *cap / 2;
    if (more < need)
        more = need;
    memcpy(&old, array, sizeof old);
    void *grown = realloc(old, more * size);
    if (grown == NULL)
        return false;
    memcpy(array, &grown, sizeof grown);
    *cap = more;
    return true;
}

struct osm_table *
osm_table_new(void)
{
    return calloc(1, sizeof(struct osm_table));
}

void
osm_table_free(struct osm_table *t)
{
    if (t != NULL)
        free(t->entry);
    free(t);
}

/* FNV-1a, 32 bits (Fowler, Noll, Vo). */
static uint32_t
hash(struct slice s)
{
    uint32_t h = 2166136261U;

    for (size_t i = 0; i < s.n; i++)
        h = (h ^ (unsigned char)s.p[i]) * 16777619U;
    return h;
}

static bool
larger(struct osm_table *t)
{
    size_t cap = t->cap == 0 ? 1024 : t->cap * 2;
    struct entry *e = calloc(cap, sizeof *e);

    if (e == NULL)
        return false;
    for (size_t i = 0; i < cap; i++)
        e[i].kept = UINT32_MAX;
    for (size_t i = 0; i < t->cap; i++) {
        if (t->entry[i].kept == UINT32_MAX)
            continue;
        size_t at = t->entry[i].hash & (cap - 1);
        while (e[at].kept != UINT32_MAX)
            at = (at + 1) & (cap - 1);
        e[at] = t->entry[i];
    }
    free(t->entry);
    t->entry = e;
    t->cap = cap;
    return true;
}

uint32_t *
osm_table_at(struct osm_table *t, struct slice bytes,
             struct slice (*bytes_of)(const void *ctx, uint32_t kept), const void *ctx)
{
    uint32_t h = hash(bytes);

    if (t->n * 2 >= t->cap && !larger(t))
        return NULL;
    for (size_t at = h & (t->cap - 1);; at = (at + 1) & (t->cap - 1)) {
        struct entry *e = &t->entry[at];
        if (e->kept == UINT32_MAX) {
            e->hash = h;
            t->n++;
            return &e->kept;
        }
        if (e->hash == h && slice_eq(bytes, bytes_of(ctx, e->kept)))
            return &e->kept;
    }
}
