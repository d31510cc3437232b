/* line: a phone's WebSocket to the notifier, the client's side of RFC 6455 (frames are wslay's
 * work). On libevent's loop; one thread. */
#ifndef LC_PLAYER_LINE_H
#define LC_PLAYER_LINE_H

#include "base/bytes.h"

struct event_base;
struct line; /* opaque, owned by whoever called line_new */

struct line_handlers {
    void (*opened)(void *ctx);
    void (*message)(void *ctx, bool text, struct slice bytes); /* borrowed */
    void (*closed)(void *ctx); /* once, also when it never opened; may call line_free */
};

/* line_new: begins to connect to address ("host:port"). */
struct line *line_new(struct event_base *base, const char *address, const char *path,
                      const char *token, const char *subprotocol,
                      const struct line_handlers *handlers, void *ctx);

/* line_free: cuts it without a word; closed is not called. Only from `closed` or from outside the
 * handlers. NULL is allowed. */
void line_free(struct line *l);

/* line_send: copied; false when it is not open. */
bool line_send(struct line *l, bool text, struct slice message);

#endif
