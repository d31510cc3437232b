/* city_load: reads the city's GeoJSON files from a folder. The only part of the city with I/O. */
#ifndef LC_CITY_LOAD_H
#define LC_CITY_LOAD_H

#include "city.h"

/* city_load: as city_new, from shops.geojson, addresses.geojson and water.geojson in `folder`.
 *   LC_EIO  a file cannot be read; why names it */
LC_MUST_CHECK enum lc_err city_load(const char *folder, const struct city_params *params,
                                    struct city **out, char why[CITY_WHY_MAX]);

#endif
