/* replay_maps: the maps and indexes of addresses that recordings were made with, for `lcctl
 * replay`. */
#ifndef LC_LCCTL_REPLAY_MAPS_H
#define LC_LCCTL_REPLAY_MAPS_H

#include "addresses/addresses.h"
#include "roads/roads.h"

struct map;
struct replay_index;
struct replay_maps {
    struct map *first;          /* owned */
    struct replay_index *index; /* owned */
};

/* replay_maps_add: one that --roads names. False after saying what is wrong with it. */
bool replay_maps_add(struct replay_maps *maps, const char *path);

/* replay_maps_find: the one with this checksum: one that was added, or the file of that name if it
 * still holds it; until replay_maps_free. NULL after saying which is wanted. */
const struct travel *replay_maps_find(struct replay_maps *maps, uint32_t checksum,
                                      struct slice path);

/* the same for indexes of addresses, which --addresses names */
bool replay_index_add(struct replay_maps *maps, const char *path);
const struct address_book *replay_index_find(struct replay_maps *maps, uint32_t checksum,
                                             struct slice path);

void replay_maps_free(struct replay_maps *maps);

#endif
