/* map: uthash with our rule for running out of memory. Include this, never <uthash.h>.
 *
 * uthash would end the process. With this header an addition that fails leaves the map as it was
 * and sets `map_failed`, a local that every function with a HASH_ADD… or HASH_REPLACE… must have:
 *
 *     bool map_failed = false;
 *     HASH_ADD(hh, map->byid, id, sizeof e->id, e);
 *     if (map_failed) { free(e); return LC_ENOMEM; }
 *
 * Iteration order is insertion order: deterministic. */
#ifndef LC_BASE_MAP_H
#define LC_BASE_MAP_H

#include <stdbool.h>

#define HASH_NONFATAL_OOM 1
#define uthash_nonfatal_oom(elt) (map_failed = true)
#include <uthash.h>

#endif
