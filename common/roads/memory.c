#include "roads/memory.h"

#include <stdlib.h>

struct roads_memory *
memory_new(size_t most)
{
    struct roads_memory *m = calloc(1, sizeof *m);

    if (m != NULL)
        m->most = most;
    return m;
}

static void
unlink_place(struct roads_memory *m, struct known_place *p)
{
    *(p->newer == NULL ? &m->newest : &p->newer->older) = p->older;
    *(p->older == NULL ? &m->oldest : &p->older->newer) = p->newer;
}

static void
link_newest(struct roads_memory *m, struct known_place *p)
{
    p->newer = NULL;
    p->older = m->newest;
    *(m->newest == NULL ? &m->oldest : &m->newest->newer) = p;
    m->newest = p;
}

static void
forget(struct roads_memory *m, struct known_place *p)
{
    m->bytes -= sizeof *p;
    for (int d = 0; d < 2; d++) {
        m->bytes -= p->climbed[d] == NULL ? 0 : p->climbed[d]->bytes;
        free(p->climbed[d]);
    }
    HASH_DELETE(hh, m->by_key[p->mode], p);
    unlink_place(m, p);
    free(p);
}

void
memory_free(struct roads_memory *m)
{
    if (m == NULL)
        return;
    while (m->newest != NULL)
        forget(m, m->newest);
    free(m->end);
    free(m);
}

struct known_place *
memory_place(struct roads_memory *m, const struct roads *r, enum travel_mode mode, struct latlng at,
             uint32_t snap_m)
{
    uint64_t key = (uint64_t)(uint32_t)at.lat_e7 << 32 | (uint32_t)at.lng_e7;
    struct known_place *p = NULL;
    bool map_failed = false;

    HASH_FIND(hh, m->by_key[mode], &key, sizeof key, p);
    if (p != NULL) {
        if (p != m->newest) {
            unlink_place(m, p);
            link_newest(m, p);
        }
        return p;
    }
    p = calloc(1, sizeof *p);
    if (p == NULL)
        return NULL;
    p->key = key;
    p->mode = mode;
    HASH_ADD(hh, m->by_key[mode], key, sizeof p->key, p);
    if (map_failed) {
        free(p);
        return NULL;
    }
    p->on_map = roads_snap(r, mode, at, snap_m, &p->spot) == LC_OK;
    link_newest(m, p);
    m->bytes += sizeof *p;
    return p;
}

const struct climbed *
memory_climbed(struct roads_memory *m, struct roads_search *s, struct known_place *p, int d)
{
    if (p->climbed[d] != NULL)
        return p->climbed[d];
    p->climbed[d] = climbed_new(s, p->mode, d, &p->spot);
    m->bytes += p->climbed[d] == NULL ? 0 : p->climbed[d]->bytes;
    return p->climbed[d];
}

void
memory_trim(struct roads_memory *m)
{
    while (m->bytes > m->most && m->oldest != NULL)
        forget(m, m->oldest);
}
