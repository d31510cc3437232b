/* Maps for replaying: a recording names the file and the checksum of each that was used. */
#include "lcctl/replay_maps.h"

#include <stdio.h>
#include <stdlib.h>

struct map {
    struct map *next;
    struct roads *roads;
    struct roads_travel travel;
};

static struct map *
map_open(const char *path, char *why)
{
    struct map *m = calloc(1, sizeof *m);
    enum lc_err err = LC_ENOMEM;

    snprintf(why, ROADS_ERROR_MAX, "%s", lc_strerror(err));
    if (m != NULL)
        err = roads_open(path, &m->roads, why);
    if (err == LC_OK && roads_travel_init(&m->travel, m->roads, ROADS_SNAP_M) == LC_OK)
        return m;
    if (m != NULL)
        roads_close(m->roads);
    free(m);
    return NULL;
}

static void
map_free(struct map *m)
{
    roads_travel_free(&m->travel);
    roads_close(m->roads);
    free(m);
}

bool
replay_maps_add(struct replay_maps *maps, const char *path)
{
    char why[ROADS_ERROR_MAX];
    struct map *m = map_open(path, why);

    if (m == NULL) {
        fprintf(stderr, "lcctl: --roads %s: %s\n", path, why);
        return false;
    }
    m->next = maps->first;
    maps->first = m;
    return true;
}

const struct travel *
replay_maps_find(struct replay_maps *maps, uint32_t checksum, struct slice path)
{
    char file[4096], why[ROADS_ERROR_MAX];

    for (struct map *m = maps->first; m != NULL; m = m->next)
        if (roads_checksum(m->roads) == checksum)
            return &m->travel.travel;
    snprintf(file, sizeof file, "%.*s", path.n < sizeof file ? (int)path.n : 0, path.p);
    struct map *m = map_open(file, why);
    if (m != NULL && roads_checksum(m->roads) == checksum) {
        m->next = maps->first;
        maps->first = m;
        return &m->travel.travel;
    }
    fprintf(stderr, "lcctl: the recording used the map %08x, which was in %s", checksum, file);
    if (m != NULL) {
        fprintf(stderr, "; that file has the map %08x now", roads_checksum(m->roads));
        map_free(m);
    } else {
        fprintf(stderr, " (%s)", why);
    }
    fputs(": give the map with --roads FILE\n", stderr);
    return NULL;
}

/* ---- addresses ---- */

struct replay_index {
    struct replay_index *next;
    struct addresses *addresses;
};

static bool
index_add(struct replay_maps *maps, const char *path, char *why)
{
    struct replay_index *x = calloc(1, sizeof *x);

    snprintf(why, ROADS_ERROR_MAX, "%s", lc_strerror(LC_ENOMEM));
    if (x == NULL || addresses_open(path, &x->addresses, why) != LC_OK) {
        free(x);
        return false;
    }
    x->next = maps->index;
    maps->index = x;
    return true;
}

bool
replay_index_add(struct replay_maps *maps, const char *path)
{
    char why[ROADS_ERROR_MAX];

    if (index_add(maps, path, why))
        return true;
    fprintf(stderr, "lcctl: --addresses %s: %s\n", path, why);
    return false;
}

static const struct address_book *
index_find(const struct replay_maps *maps, uint32_t checksum)
{
    for (const struct replay_index *x = maps->index; x != NULL; x = x->next)
        if (addresses_checksum(x->addresses) == checksum)
            return addresses_book(x->addresses);
    return NULL;
}

const struct address_book *
replay_index_find(struct replay_maps *maps, uint32_t checksum, struct slice path)
{
    char file[4096], why[ROADS_ERROR_MAX] = "it holds another index now";
    const struct address_book *book = index_find(maps, checksum);

    snprintf(file, sizeof file, "%.*s", path.n < sizeof file ? (int)path.n : 0, path.p);
    if (book == NULL && index_add(maps, file, why)) {
        snprintf(why, sizeof why, "it holds another index now");
        book = index_find(maps, checksum);
    }
    if (book == NULL)
        fprintf(stderr,
                "lcctl: the recording used the addresses %08x, which were in %s (%s): give the "
                "index with --addresses FILE\n",
                checksum, file, why);
    return book;
}

void
replay_maps_free(struct replay_maps *maps)
{
    while (maps->index != NULL) {
        struct replay_index *next = maps->index->next;
        addresses_close(maps->index->addresses);
        free(maps->index);
        maps->index = next;
    }
    while (maps->first != NULL) {
        struct map *next = maps->first->next;
        map_free(maps->first);
        maps->first = next;
    }
}
