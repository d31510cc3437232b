#include "base/travel.h"
#include "base/polyline.h"

#include <math.h>
#include <stdlib.h>

/* Medians of the 600 OSRM pairs a mode of data/osrm (car, bicycle, foot; straight lines of 50 m and
 * more):
 *
 *            great circle / duration    road speed    detour = road speed / (great circle /
 * duration) car             8.06 m/s             12.15 m/s      1.51 bicycle         2.96 m/s 3.92
 * m/s      1.32 foot            1.08 m/s              1.38 m/s      1.28
 *
 * No such data exists for the others: an e-bike takes the bicycle's ways at 20 km/h, a scooter the
 * car's at 40 km/h free flow, a van is a tenth slower than a car. */
static const struct mode {
    const char *name;
    uint32_t detour_pct;
    uint32_t speed_mm_s;
    uint32_t top_mm_s; /* for bounds: over what the rules and legs allow in a city */
} mode[TRAVEL_MODES] = {
    [TRAVEL_FOOT] = {"foot", 128, 1380, 3000},    [TRAVEL_BICYCLE] = {"bicycle", 132, 3920, 9000},
    [TRAVEL_EBIKE] = {"ebike", 132, 5560, 13000}, [TRAVEL_SCOOTER] = {"scooter", 151, 11110, 28000},
    [TRAVEL_CAR] = {"car", 151, 12150, 37000},    [TRAVEL_VAN] = {"van", 151, 10940, 37000},
};

/* Whole millimetres, the one place where a double becomes an integer: everything after it is exact,
 * and a last bit that differs between two maths libraries would have to fall on a half millimetre
 * to matter. */
static uint64_t
crow_mm(struct latlng a, struct latlng b)
{
    return (uint64_t)llround(geo_distance_m(a, b) * 1000);
}

static struct travel_cell
estimate(struct latlng a, struct latlng b, enum travel_mode m)
{
    uint64_t road_mm = crow_mm(a, b) * mode[m].detour_pct / 100;

    return (struct travel_cell){
        .seconds = (uint32_t)((road_mm + mode[m].speed_mm_s - 1) / mode[m].speed_mm_s),
        .metres = (uint32_t)((road_mm + 500) / 1000),
    };
}

static enum lc_err
estimate_matrix(const struct travel *t, const struct latlng *from, size_t from_n,
                const struct latlng *to, size_t to_n, enum travel_mode m, int64_t depart_ms,
                struct travel_cell *out, enum travel_quality *quality)
{
    (void)t;
    (void)depart_ms;
    for (size_t i = 0; i < from_n; i++)
        if (!geo_valid(from[i]))
            return LC_EINVAL;
    for (size_t j = 0; j < to_n; j++)
        if (!geo_valid(to[j]))
            return LC_EINVAL;
    for (size_t i = 0; i < from_n; i++)
        for (size_t j = 0; j < to_n; j++)
            out[i * to_n + j] = estimate(from[i], to[j], m);
    *quality = TRAVEL_ESTIMATE;
    return LC_OK;
}

static uint32_t
estimate_lower_bound_s(const struct travel *t, struct latlng a, struct latlng b, enum travel_mode m)
{
    (void)t;
    return estimate(a, b, m).seconds;
}

const struct travel *
travel_estimate(void)
{
    static const struct travel provider = {.matrix = estimate_matrix,
                                           .lower_bound_s = estimate_lower_bound_s};

    return &provider;
}

void
travel_course_free(struct travel_course *c)
{
    buf_free(&c->line);
    free(c->street);
    *c = (struct travel_course){0};
}

enum lc_err
travel_straight(struct latlng from, struct latlng to, enum travel_mode m, struct travel_course *out)
{
    struct polyline line = {.out = &out->line};

    if (!geo_valid(from) || !geo_valid(to))
        return LC_EINVAL;
    out->cell = estimate(from, to, m);
    out->cell.metres = (uint32_t)((crow_mm(from, to) + 500) / 1000);
    polyline_put(&line, from);
    polyline_put(&line, to);
    return out->line.failed ? LC_ENOMEM : LC_OK;
}

static uint32_t
shortened(const struct travel_faster *f, uint32_t seconds)
{
    if (seconds == TRAVEL_UNREACHABLE)
        return seconds;
    return seconds / f->times + (seconds % f->times != 0);
}

static enum lc_err
faster_matrix(const struct travel *t, const struct latlng *from, size_t from_n,
              const struct latlng *to, size_t to_n, enum travel_mode m, int64_t depart_ms,
              struct travel_cell *out, enum travel_quality *quality)
{
    const struct travel_faster *f = (const struct travel_faster *)t;
    enum lc_err err = f->of->matrix(f->of, from, from_n, to, to_n, m, depart_ms, out, quality);

    for (size_t i = 0; err == LC_OK && i < from_n * to_n; i++)
        out[i].seconds = shortened(f, out[i].seconds);
    return err;
}

static uint32_t
faster_lower_bound_s(const struct travel *t, struct latlng a, struct latlng b, enum travel_mode m)
{
    const struct travel_faster *f = (const struct travel_faster *)t;

    return shortened(f, f->of->lower_bound_s(f->of, a, b, m));
}

static bool
faster_knows(const struct travel *t, struct latlng p, enum travel_mode m)
{
    return travel_knows(((const struct travel_faster *)t)->of, p, m);
}

void
travel_faster_init(struct travel_faster *t, const struct travel *of, uint32_t times)
{
    *t = (struct travel_faster){.travel = {.matrix = faster_matrix,
                                           .lower_bound_s = faster_lower_bound_s,
                                           .knows = faster_knows},
                                .of = of,
                                .times = times == 0 ? 1 : times};
}

static enum lc_err
paced_matrix(const struct travel *t, const struct latlng *from, size_t from_n,
             const struct latlng *to, size_t to_n, enum travel_mode m, int64_t depart_ms,
             struct travel_cell *out, enum travel_quality *quality)
{
    const struct travel_paced *p = (const struct travel_paced *)t;
    enum lc_err err = p->of->matrix(p->of, from, from_n, to, to_n, m, depart_ms, out, quality);

    if (err != LC_OK || p->pct[m] == 100)
        return err;
    for (size_t i = 0; i < from_n * to_n; i++) {
        uint64_t s = ((uint64_t)out[i].seconds * p->pct[m] + 50) / 100;
        if (out[i].seconds != TRAVEL_UNREACHABLE)
            out[i].seconds = s < TRAVEL_UNREACHABLE ? (uint32_t)s : TRAVEL_UNREACHABLE - 1;
    }
    return LC_OK;
}

static uint32_t
paced_lower_bound_s(const struct travel *t, struct latlng a, struct latlng b, enum travel_mode m)
{
    const struct travel_paced *p = (const struct travel_paced *)t;
    uint64_t s = (uint64_t)p->of->lower_bound_s(p->of, a, b, m) * p->pct[m] / 100;

    return s < UINT32_MAX ? (uint32_t)s : UINT32_MAX;
}

static bool
paced_knows(const struct travel *t, struct latlng p, enum travel_mode m)
{
    return travel_knows(((const struct travel_paced *)t)->of, p, m);
}

void
travel_paced_init(struct travel_paced *t, const struct travel *of, const uint8_t pct[TRAVEL_MODES])
{
    *t = (struct travel_paced){.travel = {.matrix = paced_matrix,
                                          .lower_bound_s = paced_lower_bound_s,
                                          .knows = paced_knows},
                               .of = of};
    for (size_t m = 0; m < TRAVEL_MODES; m++)
        t->pct[m] = pct[m];
}

uint32_t
travel_crow_s(struct latlng a, struct latlng b, enum travel_mode m)
{
    return (uint32_t)(crow_mm(a, b) / mode[m].top_mm_s);
}

uint32_t
travel_margin_s(enum travel_mode m, enum travel_quality quality, uint32_t seconds)
{
    /* Roads: a tenth, for lights and traffic. Estimate: with these, 84.5 % of the car pairs, 86 %
     * of the bicycle and 86 % of the foot pairs of data/osrm arrive in time; the rest have water in
     * between. */
    bool motor = m == TRAVEL_SCOOTER || m == TRAVEL_CAR || m == TRAVEL_VAN;

    if (seconds == TRAVEL_UNREACHABLE)
        return TRAVEL_UNREACHABLE;
    uint64_t s = seconds;
    uint64_t margin = s / 10;

    if (quality == TRAVEL_ESTIMATE)
        margin = motor ? 90 + s / 5 : 60 + s * 15 / 100;
    return margin < TRAVEL_UNREACHABLE ? (uint32_t)margin : TRAVEL_UNREACHABLE - 1;
}

const char *
travel_mode_name(enum travel_mode m)
{
    return mode[m].name;
}

enum lc_err
travel_mode_parse(struct slice name, enum travel_mode *out)
{
    for (unsigned i = 0; i < TRAVEL_MODES; i++)
        if (slice_eq_str(name, mode[i].name)) {
            *out = (enum travel_mode)i;
            return LC_OK;
        }
    return LC_EINVAL;
}
