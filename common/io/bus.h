/* bus: messages between daemons over ZeroMQ. Work goes DEALER -> ROUTER with credits; news goes PUB
 * -> SUB.
 *
 * Nothing here is reliable, and nothing waits: a frame that cannot leave now is dropped and
 * counted; the due row in Redis brings the work back (docs/architecture.md). Frames are opaque here
 * but for the envelope's id, by which an answer gives its request's credit back.
 *
 * Endpoints are "tcp://name:port" or "ipc://path", several separated by commas. A peer's name is
 * resolved to all its addresses, again every BUS_RESOLVE_MS; work goes to them in turn. With keys
 * (bus_secure) frames are encrypted and only listed keys come in; without, they are plain on the
 * wire, so tcp is bound to the loopback only, unless allow_plain_tcp says the network is private.
 * One thread: the loop's. */
#ifndef LC_IO_BUS_H
#define LC_IO_BUS_H

#include "base/bytes.h"
#include "base/step.h"

#include <stdbool.h>
#include <stdint.h>

struct loop;
struct resolver;
struct bus; /* opaque, owned by whoever called bus_new */

enum {
    BUS_CREDITS = 256,    /* unanswered frames per peer */
    BUS_FORGET_MS = 5000, /* a frame without deadline is not waited for longer */
    BUS_RESOLVE_MS = 5000,
    BUS_LINKS = 4096, /* askers known at once; the one silent longest gives way */
    BUS_BUDGET = 256  /* frames taken from one socket before the others get their turn */
};

struct bus_counts {
    uint64_t frames_in;
    uint64_t frames_out;
    uint64_t dropped[ROLE_ROUTER + 1];    /* by role: no peer, no credit or a full queue */
    uint64_t unanswered[ROLE_ROUTER + 1]; /* by role: deadlines that passed without an answer */
    uint64_t answers_dropped;             /* the asker is gone, or its queue is full */
    uint64_t news_dropped;
    uint64_t malformed;       /* messages of a wrong number of parts */
    uint64_t keys_refused;    /* handshakes with keys that are not listed */
    uint64_t frames_refused;  /* from keys that are not listed any more */
    uint64_t links_given_way; /* askers forgotten because there were more than BUS_LINKS */
};

/* bus_new: frame(ctx, link, bytes) is called for every frame that comes in; bytes are borrowed.
 * link names who asked, for bus_answer, and is never used twice; it is 0 for answers and news. NULL
 * without memory. */
struct bus *bus_new(struct loop *l, struct resolver *r, bool allow_plain_tcp,
                    void (*frame)(void *ctx, uint64_t link, struct slice bytes), void *ctx);

/* Keys of CURVE (rfc.zeromq.org/spec/26), as texts. A list has a line "NAME PUBLIC" for each key;
 * several may have one name, and the first is what is expected of a peer of that name. */
struct bus_keys {
    struct slice own;    /* "NAME PUBLIC SECRET" */
    struct slice peers;  /* the city's daemons */
    struct slice chains; /* who may connect to what listens, instead of those, with chains_listen */
    bool chains_listen;
};

/* bus_secure: from now on every connection has keys; to be called first. A peer's name is its role
 * ("matcher", "inventory", "router"); whose news are followed has the host's name, or of ipc the
 * file's up to a dot; NAME@ in front of an endpoint says another.
 *   LC_EINVAL, LC_ETOOBIG  *why says what was expected; LC_ENOMEM, LC_EIO */
LC_MUST_CHECK enum lc_err bus_secure(struct bus *b, const struct bus_keys *keys, const char **why);

/* bus_relist: other lists. Who is not in them any more is heard no more, at once, and hears no more
 * news; connections to peers with other keys are made anew. Errors as above; then nothing is
 * changed. */
LC_MUST_CHECK enum lc_err bus_relist(struct bus *b, struct slice peers, struct slice chains,
                                     const char **why);

/* bus_destroy: what has not left within linger_ms is lost. NULL is allowed. */
void bus_destroy(struct bus *b, int linger_ms);

/* bus_listen / bus_publish: where work comes in, where news go out. Port 0 ("tcp://127.0.0.1:*") is
 * allowed; bus_listening / bus_publishing tell the first endpoint in use (static until the next
 * call; "" when there is none).
 *   LC_EINVAL   not an endpoint; *why says what was expected
 *   LC_EDENIED  tcp beyond the loopback without allow_plain_tcp
 *   LC_EEXIST   the address is in use
 *   LC_EIO      anything else the system refused */
LC_MUST_CHECK enum lc_err bus_listen(struct bus *b, const char *endpoints, const char **why);
LC_MUST_CHECK enum lc_err bus_publish(struct bus *b, const char *endpoints, const char **why);
const char *bus_listening(struct bus *b);
const char *bus_publishing(struct bus *b);

/* bus_peers: where work of that role goes. bus_follow: whose news to hear. Errors as above. */
LC_MUST_CHECK enum lc_err bus_peers(struct bus *b, enum role role, const char *endpoints,
                                    const char **why);
LC_MUST_CHECK enum lc_err bus_follow(struct bus *b, const char *endpoints, const char **why);

/* bus_send: a frame to the next peer of the role that has credit; the credit comes back with the
 * answer, or at deadline_ms (Unix ms; 0 = BUS_FORGET_MS from now). LC_EAGAIN: dropped, and counted.
 */
enum lc_err bus_send(struct bus *b, enum role role, struct slice frame, int64_t deadline_ms,
                     int64_t now_ms);

/* bus_answer: LC_ENOTFOUND or LC_EAGAIN: dropped, and counted. */
enum lc_err bus_answer(struct bus *b, uint64_t link, struct slice frame);

/* bus_news: to whoever follows; LC_EAGAIN: nothing is published here. */
enum lc_err bus_news(struct bus *b, struct slice frame);

/* bus_turn_end: after the turn's frames were sent: ZeroMQ's descriptor does not tell again what a
 * send has found. */
void bus_turn_end(struct bus *b);

/* bus_reached: each role that gets work has a peer that can be sent to now; news do not count. */
bool bus_reached(struct bus *b);

/* bus_peer_count: connections of the role now. bus_waiting: frames that wait for an answer. */
size_t bus_peer_count(const struct bus *b, enum role role);
size_t bus_waiting(const struct bus *b);
const struct bus_counts *bus_counts(const struct bus *b);

#endif
