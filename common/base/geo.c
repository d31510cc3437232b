#include "base/geo.h"

#include <math.h>

#define RADIANS_PER_E7 (M_PI / 180 / 1e7)

enum { CELL_STEP_E7 = 13500, BANDS = 90 };

/* CELL_STEP_E7 / cos(band degrees), rounded: the step of longitude that is as wide in metres as a
 * row is high, at the edge of the band nearer to the equator; towards the pole the cells get a
 * little narrower. A table, so that no machine's cosine can move a cell. */
static const int32_t lng_step_e7[BANDS] = {
    13500,  13502,  13508,  13519,  13533,  13552,  13574, 13601, 13633, 13668, 13708, 13753,
    13802,  13855,  13913,  13976,  14044,  14117,  14195, 14278, 14366, 14460, 14560, 14666,
    14778,  14896,  15020,  15151,  15290,  15435,  15588, 15750, 15919, 16097, 16284, 16480,
    16687,  16904,  17132,  17371,  17623,  17888,  18166, 18459, 18767, 19092, 19434, 19795,
    20175,  20577,  21002,  21452,  21928,  22432,  22968, 23537, 24142, 24787, 25476, 26212,
    27000,  27846,  28756,  29736,  30796,  31944,  33191, 34551, 36038, 37671, 39471, 41466,
    43687,  46174,  48977,  52160,  55803,  60013,  64931, 70751, 77743, 86298, 97002, 110774,
    129151, 154895, 193530, 257949, 386825, 773532,
};

bool
geo_valid(struct latlng p)
{
    return p.lat_e7 >= -GEO_LAT_MAX_E7 && p.lat_e7 <= GEO_LAT_MAX_E7 &&
           p.lng_e7 >= -GEO_LNG_MAX_E7 && p.lng_e7 <= GEO_LNG_MAX_E7;
}

bool
geo_of_degrees(double lat, double lng, struct latlng *out)
{
    if (!(lat >= -90 && lat <= 90 && lng >= -180 && lng <= 180))
        return false;
    *out = (struct latlng){(int32_t)lround(lat * 1e7), (int32_t)lround(lng * 1e7)};
    return true;
}

/* Of angles up to NEAR (within a city all are), the first terms of the series are as good as the
 * library's functions, to 5e-14, and a planner asks for millions of distances. */
#define NEAR 0.01 /* radians: 127 km between the two points */

static double
sine(double x)
{
    double xx = x * x;

    return fabs(x) > NEAR ? sin(x) : x * (1 - xx / 6 * (1 - xx / 20));
}

static double
arcsine(double x)
{
    double xx = x * x;

    return x > NEAR ? asin(fmin(1, x)) : x * (1 + xx / 6 * (1 + xx * 9 / 20));
}

double
geo_distance_m(struct latlng a, struct latlng b)
{
    double dlat = sine(((double)b.lat_e7 - a.lat_e7) * RADIANS_PER_E7 / 2);
    double dlng = sine(((double)b.lng_e7 - a.lng_e7) * RADIANS_PER_E7 / 2);
    double middle = cos(((double)a.lat_e7 + b.lat_e7) * RADIANS_PER_E7 / 2);
    /* cos(x) cos(y) = cos((x + y) / 2)^2 - sin((x - y) / 2)^2 */
    double h = dlat * dlat + (middle * middle - dlat * dlat) * dlng * dlng;

    return 2 * GEO_EARTH_RADIUS_M * arcsine(sqrt(fmax(0, h)));
}

/* A cell id is 1 + row in the upper half and the column in the lower. */

static int64_t
row_south_e7(int64_t row)
{
    return row * CELL_STEP_E7 - GEO_LAT_MAX_E7;
}

/* The band of the row's edge nearer to the equator; the row over the equator itself is in band 0.
 */
static int64_t
row_lng_step(int64_t row)
{
    int64_t south = row_south_e7(row);
    int64_t north = south + CELL_STEP_E7;
    int64_t near = south >= 0 ? south : north <= 0 ? -north : 0;
    int64_t band = near / 10000000;

    return lng_step_e7[band < BANDS ? band : BANDS - 1];
}

uint64_t
geo_cell(struct latlng p)
{
    int64_t row = ((int64_t)p.lat_e7 + GEO_LAT_MAX_E7) / CELL_STEP_E7;
    int64_t column = ((int64_t)p.lng_e7 + GEO_LNG_MAX_E7) / row_lng_step(row);

    return (uint64_t)(row + 1) << 32 | (uint64_t)column;
}

static int64_t
clamp(int64_t v, int64_t min, int64_t max)
{
    return v < min ? min : v > max ? max : v;
}

void
geo_cell_corners(uint64_t cell, struct latlng *sw, struct latlng *ne)
{
    int64_t rows = 2 * (int64_t)GEO_LAT_MAX_E7 / CELL_STEP_E7;
    int64_t row = clamp((int64_t)(cell >> 32) - 1, 0, rows);
    int64_t step = row_lng_step(row);
    int64_t south = row_south_e7(row);
    int64_t west =
        clamp((int64_t)(cell & UINT32_MAX), 0, 2 * (int64_t)GEO_LNG_MAX_E7 / step) * step -
        GEO_LNG_MAX_E7;

    *sw = (struct latlng){(int32_t)south, (int32_t)west};
    *ne = (struct latlng){(int32_t)clamp(south + CELL_STEP_E7, south, GEO_LAT_MAX_E7),
                          (int32_t)clamp(west + step, west, GEO_LNG_MAX_E7)};
}

struct latlng
geo_cell_centre(uint64_t cell)
{
    struct latlng sw, ne;

    geo_cell_corners(cell, &sw, &ne);
    return (struct latlng){sw.lat_e7 + (ne.lat_e7 - sw.lat_e7) / 2,
                           sw.lng_e7 + (ne.lng_e7 - sw.lng_e7) / 2};
}

double
geo_cell_radius_m(uint64_t cell)
{
    struct latlng sw, ne;
    struct latlng centre = geo_cell_centre(cell);

    geo_cell_corners(cell, &sw, &ne);
    struct latlng nw = {ne.lat_e7, sw.lng_e7};
    double far = geo_distance_m(centre, ne);
    far = fmax(far, geo_distance_m(centre, sw));
    far = fmax(far, geo_distance_m(centre, nw));
    far = fmax(far, geo_distance_m(centre, (struct latlng){sw.lat_e7, ne.lng_e7}));
    return far + 0.1; /* rounding, and the bulge of a parallel between two corners */
}
