#include "player/doors.h"

#include "base/id.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { STREET_ALONE_OF = 10 };

enum door
door_of(const char *external_id, uint32_t percent)
{
    uint64_t dice = fingerprint64(slice_str(external_id)) >> 8;

    if (dice % 100 >= percent)
        return DOOR_PLACE;
    return dice / 100 % STREET_ALONE_OF == 0 ? DOOR_STREET : DOOR_ADDRESS;
}

/* without_number: behind "226", "226 A", "226 1/2": the street. */
static const char *
without_number(const char *address)
{
    const char *p = strchr(address, ' ');

    if (p == NULL)
        return address;
    p++;
    size_t n = strcspn(p, " ");
    bool letter = n == 1 && strchr("NESW", *p) == NULL;
    bool part = n > 1 && memchr(p, '/', n) != NULL;
    return p[n] == ' ' && (letter || part) ? p + n + 1 : p;
}

const char *
door_text(const char *address, enum door door, char to[DOOR_TEXT])
{
    const char *from = door == DOOR_STREET ? without_number(address) : address;
    size_t n = door == DOOR_PLACE ? strlen(from) : strcspn(from, ",");

    snprintf(to, DOOR_TEXT, "%.*s", (int)n, from);
    return to;
}
