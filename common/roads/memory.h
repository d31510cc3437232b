/* memory: places that a provider was asked about, with their road and what lies above it, for the
 * next time. Inside roads only. What is remembered never changes an answer.
 *
 * Stores, stops of routes and the customer of one search are asked about again and again; to climb
 * from a place takes some microseconds, to meet two that were climbed from a tenth of one. */
#ifndef LC_ROADS_MEMORY_H
#define LC_ROADS_MEMORY_H

#include "base/map.h"
#include "roads/search.h"

/* known_place: a point in a mode. */
struct known_place {
    uint64_t key; /* latitude, longitude */
    enum travel_mode mode;
    bool on_map;
    struct roads_spot spot;
    struct climbed *climbed[2]; /* owned; NULL: not yet */
    uint64_t side;              /* of a matrix that it was last seen on ... */
    uint32_t at;                /* ... and where first */
    struct known_place *newer, *older;
    UT_hash_handle hh;
};

/* matrix_end: a place on one side of a matrix. */
struct matrix_end {
    const struct climbed *climbed;
    uint32_t away_cm;
    uint32_t same; /* the first on its side that is this place; its own number: none before */
};

struct roads_memory {
    struct known_place *by_key[TRAVEL_MODES]; /* owned */
    struct known_place *newest, *oldest;
    size_t bytes;
    size_t most;
    struct roads_counts counts;
    uint64_t sides;         /* of matrices until now */
    struct matrix_end *end; /* scratch of a matrix */
    size_t end_cap;
};

/* memory_new: keeps at most so many bytes, but for what the question in hand needs. NULL without
 * memory. */
struct roads_memory *memory_new(size_t most);
void memory_free(struct roads_memory *m);

/* memory_place: the place, as it is remembered from now on until memory_trim. NULL without memory.
 */
struct known_place *memory_place(struct roads_memory *m, const struct roads *r,
                                 enum travel_mode mode, struct latlng p, uint32_t snap_m);

/* memory_climbed: from a place that is on the map; d as of struct search_side. NULL without memory.
 */
const struct climbed *memory_climbed(struct roads_memory *m, struct roads_search *s,
                                     struct known_place *p, int d);

/* travel_of_roads_course: struct travel's course over a struct roads_travel (course.c). */
enum lc_err travel_of_roads_course(const struct travel *travel, struct latlng from,
                                   struct latlng to, enum travel_mode mode, int64_t depart_ms,
                                   struct travel_course *out);

/* memory_trim: forgets what was not asked about for the longest time. */
void memory_trim(struct roads_memory *m);

#endif
