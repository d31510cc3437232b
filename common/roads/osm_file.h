/* osm_file: from an .osm.pbf to what is compiled of it. */
#ifndef LC_ROADS_OSM_FILE_H
#define LC_ROADS_OSM_FILE_H

#include "base/bytes.h"

typedef enum lc_err osm_file_maker(void *ctx, struct slice pbf, struct buf *out, char *error);

/* osm_file_make: from one file into another, which appears whole or not at all: written beside it,
 * flushed to disk and renamed. LC_EIO, or what make answered; error (ROADS_ERROR_MAX) says why. */
LC_MUST_CHECK enum lc_err osm_file_make(const char *pbf_path, const char *to_path,
                                        osm_file_maker *make, void *ctx, char *error);

#endif
