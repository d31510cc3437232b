/* sentinel: asks Redis Sentinels where the primary is, and listens to one of them for changes. Used
 * by redis.c only.
 *
 * One connection at a time: it asks, subscribes to +switch-master and stays; a Sentinel that falls
 * silent is left for the next of the list. */
#ifndef LC_IO_SENTINEL_H
#define LC_IO_SENTINEL_H

#include "base/bytes.h"
#include "base/err.h"

struct loop;
struct redis_login;
struct resolver;
struct sentinel; /* opaque, owned by whoever called sentinel_new */

/* sentinel_new: begins to ask. list: "host:port" separated by commas. name: of the primary, as the
 * Sentinels call it. login is copied. told(ctx, host, port) is called with every answer and every
 * change, in a turn of its own; the words are borrowed.
 *   LC_EINVAL  list, name or login: *why says what was expected */
LC_MUST_CHECK enum lc_err sentinel_new(struct loop *l, struct resolver *r, const char *list,
                                       const char *name, const struct redis_login *login,
                                       void (*told)(void *ctx, const char *host, const char *port),
                                       void *ctx, struct sentinel **out, const char **why);

/* sentinel_ask: asks anew, the next Sentinel of the list; told() follows when one knows. NULL is
 * allowed. */
void sentinel_ask(struct sentinel *s);

/* sentinel_destroy: NULL is allowed. */
void sentinel_destroy(struct sentinel *s);

#endif
