/* doors: which orders say where they go by address alone, and what becomes of them. Most addresses
 * are found; of a few orders the chain knows the street alone: those are held, and the chain says
 * some minutes later where the door is. */
#ifndef LC_PLAYER_DOORS_H
#define LC_PLAYER_DOORS_H

#include "base/bytes.h"

#include <stdint.h>

enum door {
    DOOR_PLACE,   /* latitude and longitude */
    DOOR_ADDRESS, /* the address alone */
    DOOR_STREET   /* the street alone */
};

/* door_of: by the order's external id, so that the same seed asks the same: `percent` of all by
 * address alone, every tenth of those without the house number. */
enum door door_of(const char *external_id, uint32_t percent);

/* door_text: what the chain says of the address: "1702 Fleet Street, Baltimore"; alone without the
 * town, which is not always the right one; or the street alone. Cut to DOOR_TEXT - 1 bytes. */
enum { DOOR_TEXT = 160 };
const char *door_text(const char *address, enum door door, char to[DOOR_TEXT]);

#endif
