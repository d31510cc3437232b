/* geo: points on the earth and the cells in which the matcher keeps its neighbourhoods. Pure.
 *
 * WGS84 coordinates in units of 1e-7 degrees (1.1 cm), so that they compare, hash and travel
 * exactly. */
#ifndef LC_BASE_GEO_H
#define LC_BASE_GEO_H

#include <stdbool.h>
#include <stdint.h>

struct latlng {
    int32_t lat_e7; /* -900000000 to 900000000 */
    int32_t lng_e7; /* -1800000000 to 1800000000 */
};

enum { GEO_LAT_MAX_E7 = 900000000, GEO_LNG_MAX_E7 = 1800000000 };

/* geo_valid: are both coordinates in range? */
bool geo_valid(struct latlng p);

/* geo_of_degrees: rounded to the nearest 1e-7 degree. False, and *out unchanged, when not finite or
 * out of range. */
bool geo_of_degrees(double lat, double lng, struct latlng *out);

/* geo_distance_m: great circle on the sphere of the mean Earth radius (IUGG), by the haversine
 * formula; at most 0.6 % off the ellipsoid. */
#define GEO_EARTH_RADIUS_M 6371008.8
double geo_distance_m(struct latlng a, struct latlng b);

/* geo_cell: the id of the neighbourhood cell that holds p: rows of 0.00135 degrees of latitude (150
 * m), columns of the same width in metres or a little less (the step of longitude is fixed per
 * whole degree of latitude). Integer arithmetic only, so ids are the same on every machine. Never
 * 0. */
uint64_t geo_cell(struct latlng p);

/* geo_cell_centre: the middle of a cell. For an id that no point has: some point, valid. */
struct latlng geo_cell_centre(uint64_t cell);

/* geo_cell_corners: every point of the cell is within, edges included; cut off at the poles and at
 * +-180 degrees. */
void geo_cell_corners(uint64_t cell, struct latlng *south_west, struct latlng *north_east);

/* geo_cell_radius_m: no point of the cell is further than this from its centre (the half diagonal,
 * 108 m or less). */
double geo_cell_radius_m(uint64_t cell);

#endif
