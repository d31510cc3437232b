/* struct travel over a map. */
#include "roads/memory.h"

#include <stdlib.h>
#include <string.h>

enum { OFF_ROAD_FOOT_CM_S = 139, OFF_ROAD_CM_S = 417 }; /* 5 and 15 km/h */

/* ends_of: one side of a matrix. LC_EIO: a place is off the map. */
static enum lc_err
ends_of(const struct roads_travel *t, enum travel_mode mode, const struct latlng *p, size_t n,
        int d, struct matrix_end *end)
{
    uint64_t side = ++t->memory->sides;

    for (size_t i = 0; i < n; i++) {
        if (!geo_valid(p[i]))
            return LC_EINVAL;
        struct known_place *place = memory_place(t->memory, t->roads, mode, p[i], t->snap_m);
        if (place == NULL)
            return LC_ENOMEM;
        if (!place->on_map)
            return LC_EIO;
        if (place->side != side) {
            place->side = side;
            place->at = (uint32_t)i;
        }
        end[i] = (struct matrix_end){memory_climbed(t->memory, t->search, place, d),
                                     place->spot.away_cm, place->at};
        if (end[i].climbed == NULL)
            return LC_ENOMEM;
    }
    return LC_OK;
}

/* cell_of: the trip, and what lies between the points and the road. */
static struct travel_cell
cell_of(const struct roads_trip *trip, uint32_t away_cm, enum travel_mode mode)
{
    if (trip->ms == ROADS_UNREACHABLE)
        return (struct travel_cell){TRAVEL_UNREACHABLE, TRAVEL_UNREACHABLE};
    uint64_t off = mode == TRAVEL_FOOT ? OFF_ROAD_FOOT_CM_S : OFF_ROAD_CM_S;
    uint64_t ms = trip->ms + (uint64_t)away_cm * 1000 / off;

    return (struct travel_cell){(uint32_t)((ms + 500) / 1000),
                                (uint32_t)(((uint64_t)trip->cm + away_cm + 50) / 100)};
}

/* fill: the shorter side inside, so that what lies above each place of the longer one is read from
 * far memory once; and once only where a place comes several times, as stores do. */
static void
fill(const struct roads_travel *t, size_t from_n, size_t to_n, enum travel_mode mode,
     struct travel_cell *out)
{
    const struct roads_mode *m = &t->roads->mode[mode];
    const struct matrix_end *from = t->memory->end, *to = from + from_n;
    bool by_rows = from_n >= to_n;
    size_t outer = by_rows ? from_n : to_n, inner = by_rows ? to_n : from_n;

    for (size_t x = 0; x < outer; x++)
        for (size_t y = 0; y < inner; y++) {
            size_t i = by_rows ? x : y, j = by_rows ? y : x;
            if ((by_rows ? from[i].same : to[j].same) != x) {
                out[i * to_n + j] =
                    out[(by_rows ? from[i].same : i) * to_n + (by_rows ? j : to[j].same)];
                continue;
            }
            struct roads_trip trip = climbed_trip(m, from[i].climbed, to[j].climbed);
            out[i * to_n + j] = cell_of(&trip, from[i].away_cm + to[j].away_cm, mode);
        }
}

static enum lc_err
look_up(const struct roads_travel *t, const struct latlng *from, size_t from_n,
        const struct latlng *to, size_t to_n, enum travel_mode mode)
{
    struct roads_memory *m = t->memory;

    if (!roads_grow(&m->end, &m->end_cap, from_n + to_n, sizeof *m->end))
        return LC_ENOMEM;
    enum lc_err err = ends_of(t, mode, from, from_n, 0, m->end);
    return err != LC_OK ? err : ends_of(t, mode, to, to_n, 1, m->end + from_n);
}

static enum lc_err
matrix(const struct travel *travel, const struct latlng *from, size_t from_n,
       const struct latlng *to, size_t to_n, enum travel_mode mode, int64_t depart_ms,
       struct travel_cell *out, enum travel_quality *quality)
{
    const struct roads_travel *t = (const struct roads_travel *)travel;
    struct roads_counts *counts = &t->memory->counts;

    (void)depart_ms; /* the map knows no hours */
    counts->asked++;
    *quality = TRAVEL_ROAD;
    if (!roads_has(t->roads, mode)) {
        counts->no_mode++;
        return LC_EIO;
    }
    enum lc_err err = look_up(t, from, from_n, to, to_n, mode);
    if (err == LC_OK)
        fill(t, from_n, to_n, mode, out);
    memory_trim(t->memory);
    counts->off_map += err == LC_EIO;
    return err;
}

static bool
knows(const struct travel *travel, struct latlng p, enum travel_mode mode)
{
    const struct roads_travel *t = (const struct roads_travel *)travel;
    const struct known_place *place;

    if (!roads_has(t->roads, mode) || !geo_valid(p))
        return false;
    place = memory_place(t->memory, t->roads, mode, p, t->snap_m);
    return place != NULL && place->on_map;
}

/* Nothing is faster than the map's top speed, and off the road all are slower. */
static uint32_t
lower_bound_s(const struct travel *travel, struct latlng a, struct latlng b, enum travel_mode mode)
{
    const struct roads_travel *t = (const struct roads_travel *)travel;
    uint64_t top = roads_has(t->roads, mode) ? roads_top_mm_s(t->roads, mode) : 0;

    if (top < 4200)
        top = 4200;
    return (uint32_t)(geo_distance_m(a, b) * 1000 / (double)top);
}

enum lc_err
roads_travel_init(struct roads_travel *t, const struct roads *r, uint32_t snap_m)
{
    *t = (struct roads_travel){.travel = {matrix, lower_bound_s, knows, travel_of_roads_course},
                               .roads = r,
                               .snap_m = snap_m};
    t->search = roads_search_new(r);
    t->memory = memory_new(ROADS_MEMORY_BYTES);
    if (t->search != NULL && t->memory != NULL)
        return LC_OK;
    roads_travel_free(t);
    return LC_ENOMEM;
}

void
roads_travel_free(struct roads_travel *t)
{
    roads_search_free(t->search);
    memory_free(t->memory);
    *t = (struct roads_travel){0};
}

struct roads_counts
roads_travel_counts(const struct roads_travel *t)
{
    return t->memory->counts;
}
