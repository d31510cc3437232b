/* gather: the addresses and named streets of an .osm.pbf, in three passes over its bytes:
 * relations, then ways, then the nodes of those. Pure; part of addresses_build. */
#ifndef LC_ADDRESSES_GATHER_H
#define LC_ADDRESSES_GATHER_H

#include "addresses/words.h"
#include "base/geo.h"
#include "roads/osm.h"
#include "roads/pbf.h"

/* The longest way between two samples of a street, metres. */
enum { SAMPLE_M = 250 };

struct got_house {
    uint32_t street; /* texts: as the map writes it */
    uint32_t city, postcode;
    struct house_number number;
    struct latlng at;
    uint32_t radius_m; /* of the building; 0 for a point */
};

struct got_span {
    uint32_t street, city, postcode;
    uint32_t low, high, step;
    uint32_t first, n; /* into point */
};

/* got_sample: a point of a named road. */
struct got_sample {
    uint32_t street;
    struct latlng at;
};

/* raw: an address as it is tagged. */
struct raw {
    uint32_t street, city, postcode, numbers;
};

enum raw_kind { RAW_HOUSE, RAW_SPAN, RAW_ROAD };

struct raw_way {
    struct raw raw;
    enum raw_kind kind;
    uint8_t step; /* RAW_SPAN */
    uint32_t first, n;
};

struct raw_node {
    int64_t id;
    struct raw raw;
    struct latlng at;
};

/* tied: what a relation says of a member. */
struct tied {
    int64_t id;
    uint8_t type;
    bool outline; /* the relation's own address; else `raw.street` alone, for a house */
    struct raw raw;
};

struct gather {
    char *text; /* NUL-terminated strings; the first is empty */
    size_t texts, texts_cap;
    struct osm_table *table;

    struct tied *tied;
    size_t ties, ties_cap;
    struct raw_way *way;
    size_t ways, ways_cap;
    int64_t *ref;
    size_t refs, refs_cap;
    struct raw_node *node;
    size_t nodes, nodes_cap;
    int64_t *id; /* of the nodes of ways, ascending */
    struct latlng *at;
    bool *seen;
    size_t ids;

    struct got_house *house;
    size_t houses, houses_cap;
    struct got_span *span;
    size_t spans, spans_cap;
    struct latlng *point;
    size_t points, points_cap;
    struct got_sample *sample;
    size_t samples, samples_cap;
    size_t unread, missing;
};

/* gather_read: into a zeroed gather; error as addresses_build. Free with gather_free in any case.
 */
LC_MUST_CHECK enum lc_err gather_read(struct gather *g, struct slice file, char *error);
void gather_free(struct gather *g);

/* gather_text: the offset of these bytes in the pool, kept once. False without memory. */
LC_MUST_CHECK bool gather_text(struct gather *g, struct slice s, uint32_t *out);

/* gather_shapes: what the raw ways and nodes come to: houses, spans, samples. Part of gather_read.
 */
LC_MUST_CHECK enum lc_err gather_shapes(struct gather *g);

#endif
