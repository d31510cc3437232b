/* resolve: names to addresses on a thread of its own, so that a slow name server never stops the
 * loop. */
#ifndef LC_IO_RESOLVE_H
#define LC_IO_RESOLVE_H

#include "base/err.h"

#include <stddef.h>

struct loop;
struct resolver; /* opaque, owned by whoever called resolver_new */

enum { RESOLVE_ADDRESSES = 64, RESOLVE_ADDRESS_MAX = 64 };

/* resolved: numeric addresses ("10.0.0.7", "fd00::7"), sorted, each once. n = 0: the name is not
 * known now. */
struct resolved {
    size_t n;
    char address[RESOLVE_ADDRESSES][RESOLVE_ADDRESS_MAX];
};

/* resolver_new: NULL without memory or descriptors. The thread is started with the first question.
 */
struct resolver *resolver_new(struct loop *l);

/* resolver_destroy: answers that are under way are dropped. A look-up that hangs is not waited for:
 * its thread keeps the resolver's memory until the process ends. NULL is allowed. */
void resolver_destroy(struct resolver *r);

/* resolver_ask: answered(ctx, result) is called on the loop's thread, in a later turn; result is
 * borrowed. Numeric addresses are answered without asking anybody. */
LC_MUST_CHECK enum lc_err resolver_ask(struct resolver *r, const char *name,
                                       void (*answered)(void *ctx, const struct resolved *result),
                                       void *ctx);

#endif
