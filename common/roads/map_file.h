/* map_file: a whole file mapped read-only, shared by all processes of a host: how compiled maps and
 * indexes of addresses are opened. */
#ifndef LC_ROADS_MAP_FILE_H
#define LC_ROADS_MAP_FILE_H

#include "base/bytes.h"
#include "base/err.h"

/* map_file: LC_EIO when it cannot be read, or has nothing in it; error (ROADS_ERROR_MAX bytes) says
 * why, without the path. */
LC_MUST_CHECK enum lc_err map_file(const char *path, struct slice *out, char *error);

/* unmap_file: of bytes that nobody mapped (p NULL) nothing. */
void unmap_file(struct slice bytes);

#endif
