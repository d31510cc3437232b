/* Which refused handshakes are worth a line in the log: a client that tries again and again, or
 * with a new key each time, must not fill the disk, nor drown the line about somebody else's key.
 */
#include "io/bus_own.h"

#include <stdio.h>
#include <string.h>

bool
refused_is_news(struct refused *r, const char *key, int64_t now_ms)
{
    struct refused_key *oldest = &r->keys[0];

    for (size_t i = 0; i < REFUSED_KEYS; i++) {
        struct refused_key *k = &r->keys[i];
        if (k->key[0] != '\0' && strcmp(k->key, key) == 0) {
            if (now_ms - k->told_ms < REFUSED_AGAIN_MS)
                return false;
            k->told_ms = now_ms;
            return true;
        }
        if (k->key[0] == '\0' || (oldest->key[0] != '\0' && k->told_ms < oldest->told_ms))
            oldest = k;
    }
    if (oldest->key[0] != '\0' && now_ms - oldest->told_ms < REFUSED_AGAIN_MS)
        return false;
    snprintf(oldest->key, sizeof oldest->key, "%s", key);
    oldest->told_ms = now_ms;
    return true;
}
