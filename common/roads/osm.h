/* osm: what roads need of an .osm.pbf, gathered in two passes over its bytes: ways and turn
 * restrictions first, then the nodes that those ways use, in whatever order the file has them.
 * Pure; part of roads_build.
 *
 * Memory: 12 bytes for each node of each way, 20 for each different one, about 32 for each way, and
 * one block of the file (at most 32 MiB inflated, at most 512 MiB unpacked; in files as they are
 * made, 1 and 20). A country with 60 million road nodes takes about 2.5 GB here. */
#ifndef LC_ROADS_OSM_H
#define LC_ROADS_OSM_H

#include "base/geo.h"
#include "roads/profile.h"

#define NODE_SEEN ((uint32_t)1 << 31) /* beside the NODE_* of profile.h: the file has it */

struct osm_way {
    int64_t id;
    uint32_t first; /* into ref */
    uint32_t n;
    uint32_t use;  /* into use */
    uint32_t name; /* offset in names; 0 = none */
    uint32_t duration_s;
};

/* osm_restriction: one from, one to; via a node, or ways in this order. */
struct osm_restriction {
    int64_t from, to;
    int64_t via_node;
    uint32_t via; /* into via_way; via_n = 0: via_node */
    uint32_t via_n;
    uint8_t modes; /* bits of enum travel_mode */
    bool only;
};

struct osm_map {
    struct osm_way *way;
    size_t ways, ways_cap;
    int64_t *ref_id; /* freed when the nodes are known */
    uint32_t *ref;   /* into at and flags */
    size_t refs, refs_cap;
    int64_t *node_id; /* ascending */
    struct latlng *at;
    uint32_t *flags;
    size_t nodes;
    struct way_use *use; /* the different ones */
    size_t uses, uses_cap;
    char *names; /* NUL-terminated strings; the first is empty */
    size_t names_n, names_cap;
    struct osm_restriction *restriction;
    size_t restrictions, restrictions_cap;
    int64_t *via_way;
    size_t vias, vias_cap;
    struct osm_table *names_table, *uses_table;
    size_t missing; /* nodes that ways name and the file lacks */
};

/* osm_read: into a zeroed map; error as roads_build. Free with osm_free in any case. */
LC_MUST_CHECK enum lc_err osm_read(struct osm_map *m, struct slice file, char *error);
void osm_free(struct osm_map *m);

/* roads_grow: makes room for `need` elements; false when out of memory, or over 2^32 - 2 of them.
 */
bool roads_grow(void *array, size_t *cap, size_t need, size_t size);

/* osm_table: a set of byte strings that live in a growing pool elsewhere. */
struct osm_table;
struct osm_table *osm_table_new(void);
void osm_table_free(struct osm_table *t);

/* osm_table_at: the slot for these bytes: *slot is what was kept for equal ones, or UINT32_MAX when
 * new: set it then. `bytes_of` gives the bytes behind a kept value. NULL without memory. */
uint32_t *osm_table_at(struct osm_table *t, struct slice bytes,
                       struct slice (*bytes_of)(const void *ctx, uint32_t kept), const void *ctx);

#endif
