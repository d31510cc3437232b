/* caller: HTTP requests of the simulated chains and customers, over a few kept connections to one
 * address. On libevent's loop; one thread.
 *
 * A request waits until a connection is free, is sent once, and is answered once: with the status,
 * or with 0 when no whole answer came (refused, cut, deadline). Whoever wants it repeated repeats
 * it. */
#ifndef LC_PLAYER_CALLER_H
#define LC_PLAYER_CALLER_H

#include "base/bytes.h"

struct event_base;
struct caller; /* opaque, owned by whoever called caller_new */

/* done: body is borrowed; took_us counts from the sending. May call caller_send. */
typedef void caller_done(void *ctx, uint64_t tag, int status, struct slice body, int64_t took_us);

/* piece: a piece of a body that streams in, as it comes; done then has an empty body. */
typedef void caller_piece(void *ctx, uint64_t tag, struct slice piece);

struct caller_request {
    const char *method; /* GET, POST or PUT */
    const char *path;   /* with its query */
    const char *token;  /* for Authorization: Bearer; NULL = none */
    const char *type;   /* Content-Type; NULL = none */
    struct slice body;
    unsigned deadline_s; /* of silence; 0 = 10 */
    caller_done *done;
    caller_piece *piece; /* NULL = none */
    void *ctx;
    uint64_t tag;
};

/* caller_new: address is "host:port". Exits when memory runs out, like everything here. */
struct caller *caller_new(struct event_base *base, const char *address, unsigned connections);

/* caller_free: requests that are under way are never answered. */
void caller_free(struct caller *c);

/* caller_send: everything is copied. */
void caller_send(struct caller *c, const struct caller_request *r);

/* caller_busy: requests that wait or are under way. */
unsigned caller_busy(const struct caller *c);

#endif
