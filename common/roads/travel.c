/* struct travel over a map. */
#include "roads/roads.h"

#include <stdlib.h>
#include <string.h>

enum { OFF_ROAD_FOOT_CM_S = 139, OFF_ROAD_CM_S = 417 }; /* 5 and 15 km/h */

static bool
motor(enum travel_mode mode)
{
    return mode == TRAVEL_SCOOTER || mode == TRAVEL_CAR || mode == TRAVEL_VAN;
}

/* hour_pct: 1970-01-01 was a Thursday: the 72nd hour of its week. */
static uint32_t
hour_pct(const struct roads_travel *t, enum travel_mode mode, int64_t depart_ms)
{
    if (t->hour_pct == NULL || !motor(mode))
        return 100;
    int64_t hour = depart_ms / 3600000 - (depart_ms % 3600000 < 0);
    uint32_t pct = t->hour_pct[((hour + 72) % 168 + 168) % 168];

    return pct < 50 ? 50 : pct;
}

static enum lc_err
snap_all(const struct roads_travel *t, enum travel_mode mode, const struct latlng *p, size_t n,
         struct roads_spot *out)
{
    for (size_t i = 0; i < n; i++) {
        enum lc_err err = roads_snap(t->roads, mode, p[i], t->snap_m, &out[i]);
        if (err != LC_OK)
            return err == LC_ENOTFOUND ? LC_EIO : err;
    }
    return LC_OK;
}

/* cell_of: the trip, and what lies between the points and the road. */
static struct travel_cell
cell_of(const struct roads_trip *trip, uint32_t away_cm, enum travel_mode mode, uint32_t pct)
{
    if (trip->ms == ROADS_UNREACHABLE)
        return (struct travel_cell){TRAVEL_UNREACHABLE, TRAVEL_UNREACHABLE};
    uint64_t off = mode == TRAVEL_FOOT ? OFF_ROAD_FOOT_CM_S : OFF_ROAD_CM_S;
    uint64_t ms = (uint64_t)trip->ms * pct / 100 + (uint64_t)away_cm * 1000 / off;

    return (struct travel_cell){(uint32_t)((ms + 500) / 1000),
                                (uint32_t)(((uint64_t)trip->cm + away_cm + 50) / 100)};
}

static enum lc_err
matrix(const struct travel *travel, const struct latlng *from, size_t from_n,
       const struct latlng *to, size_t to_n, enum travel_mode mode, int64_t depart_ms,
       struct travel_cell *out, enum travel_quality *quality)
{
    const struct roads_travel *t = (const struct roads_travel *)travel;
    uint32_t pct = hour_pct(t, mode, depart_ms);

    t->counts->asked++;
    if (!roads_has(t->roads, mode)) {
        t->counts->no_mode++;
        return LC_EIO;
    }
    if (from_n == 0 || to_n == 0)
        return LC_OK;
    if (to_n > SIZE_MAX / sizeof(struct roads_trip) / from_n)
        return LC_ENOMEM;
    struct roads_spot *spot = malloc((from_n + to_n) * sizeof *spot);
    struct roads_trip *trip = malloc(from_n * to_n * sizeof *trip);
    enum lc_err err = spot == NULL || trip == NULL ? LC_ENOMEM : LC_OK;
    if (err == LC_OK)
        err = snap_all(t, mode, from, from_n, spot);
    if (err == LC_OK)
        err = snap_all(t, mode, to, to_n, spot + from_n);
    if (err == LC_OK)
        err = roads_table(t->search, mode, spot, from_n, spot + from_n, to_n, trip);
    for (size_t i = 0; err == LC_OK && i < from_n; i++)
        for (size_t j = 0; j < to_n; j++)
            out[i * to_n + j] =
                cell_of(&trip[i * to_n + j], spot[i].away_cm + spot[from_n + j].away_cm, mode, pct);
    free(spot);
    free(trip);
    t->counts->off_map += err == LC_EIO;
    *quality = TRAVEL_ROAD;
    return err;
}

static bool
knows(const struct travel *travel, struct latlng p, enum travel_mode mode)
{
    const struct roads_travel *t = (const struct roads_travel *)travel;
    struct roads_spot spot;

    return roads_snap(t->roads, mode, p, t->snap_m, &spot) == LC_OK;
}

/* Nothing is faster than the map's top speed, and off the road all are slower. */
static uint32_t
lower_bound_s(const struct travel *travel, struct latlng a, struct latlng b, enum travel_mode mode)
{
    const struct roads_travel *t = (const struct roads_travel *)travel;
    uint64_t top = roads_has(t->roads, mode) ? roads_top_mm_s(t->roads, mode) : 0;

    if (top < 4200)
        top = 4200;
    if (t->hour_pct != NULL && motor(mode))
        top *= 2;
    return (uint32_t)(geo_distance_m(a, b) * 1000 / (double)top);
}

enum lc_err
roads_travel_init(struct roads_travel *t, const struct roads *r, uint32_t snap_m)
{
    *t = (struct roads_travel){
        .travel = {matrix, lower_bound_s, knows}, .roads = r, .snap_m = snap_m};
    t->search = roads_search_new(r);
    t->counts = calloc(1, sizeof *t->counts);
    if (t->search != NULL && t->counts != NULL)
        return LC_OK;
    roads_travel_free(t);
    return LC_ENOMEM;
}

void
roads_travel_free(struct roads_travel *t)
{
    roads_search_free(t->search);
    free(t->counts);
    *t = (struct roads_travel){0};
}
