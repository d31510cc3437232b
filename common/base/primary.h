/* primary: which Redis it is that answers. A replica that becomes the primary gives itself another
 * replication id, and so does a server that was restarted. Who follows a stream by its ids compares
 * them each time Redis is up: entries that no replica had are gone then, and others have their ids.
 * Asked for with INFO replication. Pure. */
#ifndef LC_BASE_PRIMARY_H
#define LC_BASE_PRIMARY_H

#include "base/step.h"

enum { PRIMARY_MAX = 64 }; /* bytes of an id, NUL included */

/* primary_id: out of the answer to INFO replication; borrowed from it. Empty when it is not there:
 * refused, or no Redis. */
struct slice primary_id(const struct reply *info);

/* primary_changed: keeps id in `known`; was another one there, or none? */
bool primary_changed(char known[PRIMARY_MAX], struct slice id);

#endif
