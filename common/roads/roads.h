/* roads: real travel times on one compiled map, in process (docs/roads.md).
 *
 * roads_build makes the compiled form from an OpenStreetMap .osm.pbf; roads_open maps it read-only,
 * so that all processes of a host share one copy. Everything asked of it is exact: what plain
 * Dijkstra would answer on the same network, turn costs and restrictions included.
 *
 * Pure but for roads_open and roads_build_file, which touch files. An open map is never written:
 * any number of threads may ask it, each with its own struct roads_search. A new map is another
 * struct roads: the old one stays whole for as long as somebody holds it.
 *
 * Units: milliseconds and centimetres inside, whole seconds and metres in struct travel. */
#ifndef LC_ROADS_ROADS_H
#define LC_ROADS_ROADS_H

#include "base/bytes.h"
#include "base/travel.h"

/* What an error text may take, its NUL included. */
enum { ROADS_ERROR_MAX = 256 };

/* ---- building ---- */

#define ROADS_ALL_MODES ((1U << TRAVEL_MODES) - 1)

/* roads_report: what a build found; for people and for benchmarks. */
struct roads_report {
    size_t ways;    /* that some mode may use */
    size_t nodes;   /* of those ways */
    size_t missing; /* of them, not in the file (an extract cut them off) */
    size_t roads;   /* stretches between junctions */
    size_t junctions;
    size_t segments;     /* straight pieces of those stretches */
    size_t restrictions; /* turn restrictions that were understood */
    size_t ignored;      /* of them, without effect: their ways do not meet in the file */
    struct {
        size_t edges;    /* directed: stretches x directions that the mode may use */
        size_t segments; /* directed straight pieces that the mode may use */
        size_t nodes;    /* of the search graph */
        size_t arcs;     /* of it, shortcuts included */
    } mode[TRAVEL_MODES];
};

/* roads_build: the compiled map of the .osm.pbf bytes, for the modes whose bits are set, appended
 * to *out. Deterministic; two modes are worked on at a time, the second in a thread that has ended
 * when this returns. *report may be NULL. On any error *out is as it was, and error says what is
 * wrong and where (ROADS_ERROR_MAX bytes).
 *   LC_EINVAL   not an .osm.pbf, damaged, cut off, or of a kind that is not read (roads/pbf.h); or
 *               it has no road at all for one of the modes
 *   LC_ETOOBIG  larger than a continent, or tangled as no network is (contract.h)
 *   LC_ENOMEM   out of memory (roads/osm.h says how much it takes) */
LC_MUST_CHECK enum lc_err roads_build(struct slice pbf, unsigned modes, struct buf *out,
                                      struct roads_report *report, char *error);

/* roads_build_file: from one file into another, which appears whole or not at all: written beside
 * it, flushed to disk and renamed. Errors as roads_build, and LC_EIO. */
LC_MUST_CHECK enum lc_err roads_build_file(const char *pbf_path, const char *roads_path,
                                           unsigned modes, struct roads_report *report,
                                           char *error);

/* ---- opening ---- */

struct roads; /* one compiled map; immutable */

/* roads_open: maps a compiled file. Checks magic, version, byte order, sizes and the checksum of
 * everything, and that all that points points inside: a file that is cut off, damaged or foreign is
 * refused, with the reason in error.
 *   LC_EINVAL  not a compiled map of this version, or damaged
 *   LC_EIO     cannot be read */
LC_MUST_CHECK enum lc_err roads_open(const char *path, struct roads **out, char *error);

/* roads_view: the same over bytes in memory, 8-aligned, borrowed until roads_close. */
LC_MUST_CHECK enum lc_err roads_view(struct slice bytes, struct roads **out, char *error);

/* roads_close: NULL is allowed. No search of it may be used afterwards. */
void roads_close(struct roads *r);

/* roads_has: was it built for this mode? */
bool roads_has(const struct roads *r, enum travel_mode mode);

/* roads_top_mm_s: no trip in the mode is faster than this, in a straight line. */
uint32_t roads_top_mm_s(const struct roads *r, enum travel_mode mode);

/* roads_checksum: of the whole map: equal for equal maps. */
uint32_t roads_checksum(const struct roads *r);

/* roads_bounds: the smallest box around all roads. */
void roads_bounds(const struct roads *r, struct latlng *south_west, struct latlng *north_east);

/* roads_bytes: of the compiled map. */
size_t roads_bytes(const struct roads *r);

/* roads_nodes: of the mode's search graph; 0 without the mode. */
uint32_t roads_nodes(const struct roads *r, enum travel_mode mode);

/* ---- asking ---- */

/* roads_spot: where a point meets the roads: the nearest road that the mode may start from and end
 * on, and those as near (within 5 cm: at a junction, several). Islands too small to live on, that
 * is parts that cannot be left or reached, are passed over. */
enum { ROADS_SPOT_EDGES = 12 };
struct roads_spot {
    struct latlng at; /* on the road */
    uint32_t away_cm; /* from the point asked for */
    uint32_t edges;   /* 0: nothing within the distance asked for */
    struct {
        uint32_t edge;   /* 2 x road + (1: against its direction) */
        uint32_t behind; /* of the edge, ppm: 0 at its beginning, 1000000 at its end */
    } edge[ROADS_SPOT_EDGES];
};

/* roads_snap: LC_ENOTFOUND when there is no road within max_m metres; LC_EINVAL  p is not on Earth
 * or the map lacks the mode. */
LC_MUST_CHECK enum lc_err roads_snap(const struct roads *r, enum travel_mode mode, struct latlng p,
                                     uint32_t max_m, struct roads_spot *out);

/* roads_name: the street of an edge; "" when it has no name. Lives as long as r. */
const char *roads_name(const struct roads *r, uint32_t edge);

#define ROADS_UNREACHABLE UINT32_MAX

/* roads_trip: ms and cm from spot to spot; both ROADS_UNREACHABLE when there is no way. */
struct roads_trip {
    uint32_t ms;
    uint32_t cm;
    uint32_t weight_ms; /* what the route was chosen by: time, with reluctance for bad roads */
};

/* roads_search: what a search needs to write to; one per thread. Borrows r. NULL without memory. */
struct roads_search;
struct roads_search *roads_search_new(const struct roads *r);
void roads_search_free(struct roads_search *s);

/* roads_route: one pair; when path is not NULL, the edges driven, from the spot's to the spot's,
 * and how many. The array lives until the next question to s. LC_ENOMEM. */
LC_MUST_CHECK enum lc_err roads_route(struct roads_search *s, enum travel_mode mode,
                                      const struct roads_spot *from, const struct roads_spot *to,
                                      struct roads_trip *out, const uint32_t **path,
                                      size_t *path_n);

/* roads_table: out[i * to_n + j] is from[i] to[j]. LC_ENOMEM. */
LC_MUST_CHECK enum lc_err roads_table(struct roads_search *s, enum travel_mode mode,
                                      const struct roads_spot *from, size_t from_n,
                                      const struct roads_spot *to, size_t to_n,
                                      struct roads_trip *out);

/* roads_reach: from one spot to many, as far as bound_ms: out[j] is unreachable beyond it. One
 * sweep over the map, however many there are: the one that roads_area draws, to the millisecond.
 * LC_ENOMEM. */
LC_MUST_CHECK enum lc_err roads_reach(struct roads_search *s, enum travel_mode mode,
                                      const struct roads_spot *from, uint32_t bound_ms,
                                      const struct roads_spot *to, size_t to_n,
                                      struct roads_trip *out);

/* ---- for people ---- */

/* roads_leg: a stretch of a route along one street. */
struct roads_leg {
    const char *street; /* as roads_name */
    uint32_t ms, cm;
};

/* roads_course: a route to draw and to follow. */
struct roads_course {
    struct roads_trip trip;
    struct buf polyline; /* Google's encoded polyline, five decimals, latitude first */
    struct roads_leg *leg;
    size_t legs;
};

/* roads_directions: LC_ENOTFOUND when there is no way; LC_ENOMEM. Free with roads_course_free in
 * any case. */
LC_MUST_CHECK enum lc_err roads_directions(struct roads_search *s, enum travel_mode mode,
                                           const struct roads_spot *from,
                                           const struct roads_spot *to, struct roads_course *out);
void roads_course_free(struct roads_course *c);

/* roads_area: what can be reached from a spot within bound_ms, as a GeoJSON geometry (Polygon or
 * MultiPolygon, RFC 7946), appended to *out: every road reached, widened by about widen_m metres,
 * its outline smoothed and holes of less than 16 widen_m squared filled.
 *   LC_EINVAL  GEOS could not make it
 *   LC_ENOMEM  out of memory */
LC_MUST_CHECK enum lc_err roads_area(struct roads_search *s, enum travel_mode mode,
                                     const struct roads_spot *from, uint32_t bound_ms,
                                     uint32_t widen_m, struct buf *out);

/* ---- as a provider of travel times ---- */

/* So much a provider remembers of places it was asked about: some thousands. */
enum { ROADS_MEMORY_BYTES = 32 * 1024 * 1024 };

/* Where no road is within so many metres, a point is off the map. */
enum { ROADS_SNAP_M = 1000 };

/* roads_counts: what became of the matrices that a provider was asked for. */
struct roads_counts {
    uint64_t asked;
    uint64_t off_map; /* LC_EIO: a point is off the map */
    uint64_t no_mode; /* LC_EIO: the map was not built for the mode */
};

/* roads_travel: struct travel over a map. A point is on the road nearest to it, at most snap_m
 * away, and what lies between costs time at 5 km/h on foot, 15 km/h otherwise. A point without a
 * road so near, and every point in a mode that the map was not built for, is not known: a matrix
 * with one is LC_EIO. Not thread-safe: one for each event loop. Not moved while in use. */
struct roads_travel {
    struct travel travel; /* this is the provider */
    const struct roads *roads;
    struct roads_search *search;
    uint32_t snap_m;
    struct roads_memory *memory; /* its own */
};

/* roads_travel_init: borrows r. LC_ENOMEM. */
LC_MUST_CHECK enum lc_err roads_travel_init(struct roads_travel *t, const struct roads *r,
                                            uint32_t snap_m);
void roads_travel_free(struct roads_travel *t);

/* roads_travel_counts: until now. */
struct roads_counts roads_travel_counts(const struct roads_travel *t);

#endif
