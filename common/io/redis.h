/* redis: one pipelined connection to Redis 7, on the loop's thread.
 *
 * The parser is hiredis' reader, building struct reply straight into an arena; sending, waiting and
 * reconnecting are here: hiredis 0.14's asynchronous side allocates for every command and reply,
 * and says NULL for several different ends.
 *
 * All commands of a turn leave with one write (redis_flush): with appendfsync always they share one
 * fsync. Every call is answered exactly once: by Redis, or with REPLY_LOST when the connection
 * broke, when REDIS_CALL_MS have passed, or when there is no connection. LOST says nothing about
 * the outcome. After each connect the function library is compared with the one built in, and
 * loaded when it differs; only then `up` is called. Calls before that are LOST after a moment, so
 * that a caller who repeats at once does not spin.
 *
 * What a server says when it cannot serve now (enum redis_trouble) is LOST too, never an answer:
 * the same call, repeated, is right later, there or at another server. After LOST calls on a
 * connection that stays, `up` is called again when it is time to repeat them.
 *
 * With redis_wait_for, answers to whatever may write are kept back until enough replicas have what
 * they answer for: a WAIT behind the turn's calls, and one at a time: what is called meanwhile
 * shares the next. When too few have it in time the calls are LOST. Plain reads pass: they
 * acknowledge nothing. With redis_follow, Sentinels say which server is the primary; it is sought
 * again whenever the connection breaks or they name another.
 *
 * With redis_follow_cluster it is one connection to the node of a Redis Cluster that has the city's
 * slot. MOVED: what was sent there before is answered, then that node is left for the one it names,
 * and what it refused is sent again there. ASK, while the slot is on its way: plain reads are asked
 * of the node it names; functions, which touch more keys than they declare and would find half a
 * city there, wait (LOST) until the slot has arrived (docs/decisions/0015). */
#ifndef LC_IO_REDIS_H
#define LC_IO_REDIS_H

#include "base/bytes.h"
#include "base/step.h"

#include <stdbool.h>
#include <stdint.h>

struct loop;
struct resolver;
struct redis; /* opaque, owned by whoever called redis_new */

enum {
    REDIS_CALL_MS = 5000,     /* an answer is waited for */
    REDIS_DEAD_MS = 15000,    /* without any byte while calls wait: the connection is given up */
    REDIS_CALLS_MOST = 65536, /* unanswered at once; more are LOST */
    REDIS_OUT_MOST = 64 * 1024 * 1024, /* bytes not yet sent; more are LOST */
    REDIS_COPIES_MOST =
        64 * 1024 * 1024, /* in a Cluster: bytes of calls unanswered or held; more are LOST */
    REDIS_REPLY_MOST =
        64 * 1024 * 1024, /* one reply as a tree; a larger one breaks the connection */
    REDIS_BUCKETS = 12
};

/* redis_trouble: why a server that answers does not serve. */
enum redis_trouble {
    REDIS_TROUBLE_NONE,
    REDIS_LOADING,     /* reads its data: connect again */
    REDIS_READONLY,    /* is a replica (now): find the primary */
    REDIS_NOAUTH,      /* wants to know who we are: connect again */
    REDIS_OOM,         /* maxmemory is reached */
    REDIS_MISCONF,     /* cannot write its files */
    REDIS_NOREPLICAS,  /* min-replicas-to-write */
    REDIS_CLUSTERDOWN, /* a cluster without all its slots */
    REDIS_MIGRATING,   /* a cluster with the city's slot on its way to another node */
    REDIS_MOVED,       /* a cluster, where none was expected: the city is elsewhere */
    REDIS_UNREADABLE,  /* MOVED or ASK without an address that can be read: ask other nodes */
    REDIS_CROWDED,     /* not Redis: REDIS_COPIES_MOST bytes of calls wait already */
    REDIS_BUSY,        /* a function of somebody's runs for too long */
    REDIS_TROUBLES
};

/* redis_trouble_of: of the words of an error. redis_trouble_name: "loading", ... for metrics. */
enum redis_trouble redis_trouble_of(struct slice error);
const char *redis_trouble_name(enum redis_trouble t);

/* redis_handlers: reply is borrowed until the handler returns. tag 0 is never reported. Handlers
 * may not call redis_destroy. */
struct redis_handlers {
    void (*replied)(void *ctx, uint64_t tag, const struct reply *reply);
    void (*up)(void *ctx); /* connected, library in place; every earlier call was answered */
};

/* redis_wait: before anything counts as done. replicas 0 = no waiting. alone: when fewer answer in
 * time, go on with the primary alone, log it, and ask once a second (ROLE) whether they are back.
 */
struct redis_wait {
    unsigned replicas;
    unsigned ms; /* 1 to REDIS_WAIT_MOST_MS */
    bool alone;
};

enum { REDIS_WAIT_MOST_MS = 4000, REDIS_SENTINELS = 16, REDIS_NODES = 32 };

/* redis_login: empty password = no AUTH; empty user = the server's default user. */
struct redis_login {
    struct slice user;
    struct slice password;
};

struct redis_counts {
    uint64_t calls;
    uint64_t lost;
    uint64_t connects; /* that came to `up` */
    uint64_t bytes_in, bytes_out;
    uint64_t took[REDIS_BUCKETS + 1]; /* answers by time, see redis_bucket_us; the last = longer */
    uint64_t took_us;                 /* their sum */
    uint64_t troubles[REDIS_TROUBLES];
    uint64_t waits;    /* WAITs answered */
    uint64_t waits_us; /* from when they were put to their answers, together */
    uint64_t short_of; /* by too few replicas */
    uint64_t alone;    /* calls acknowledged by the primary alone, as `alone` allows */
    uint64_t switches; /* to another primary that Sentinels named */
    uint64_t moved;    /* answers MOVED */
    uint64_t asked;    /* plain reads asked of the node that a slot is on its way to */
    uint64_t resent;   /* calls sent again to the node that MOVED named */
};

/* redis_new: connects, and keeps trying, in the background. address is "unix:/path" or "host:port"
 * ("[v6]:port"). login is copied. library is the Lua source to have loaded (borrowed), or empty for
 * none; where the login may not load it, any library of that name serves, and without one the
 * connection waits until somebody has loaded it (`lcctl library load`). The log warns when the
 * server's settings do not keep what is acknowledged.
 *   LC_EINVAL  address or login: *why says what was expected */
LC_MUST_CHECK enum lc_err redis_new(struct loop *l, struct resolver *r, const char *address,
                                    const struct redis_login *login, struct slice library,
                                    const struct redis_handlers *handlers, void *ctx,
                                    struct redis **out, const char **why);

/* redis_wait_for: to be said before the loop turns. LC_EINVAL: *why says what was expected. */
LC_MUST_CHECK enum lc_err redis_wait_for(struct redis *r, const struct redis_wait *wait,
                                         const char **why);

/* redis_follow: the address of redis_new does not count; the Sentinels of this list, "host:port"
 * separated by commas (REDIS_SENTINELS at most), say where `primary` is. To be said before the loop
 * turns. login, to the Sentinels, is copied.
 *   LC_EINVAL  *why says what was expected */
LC_MUST_CHECK enum lc_err redis_follow(struct redis *r, const char *sentinels, const char *primary,
                                       const struct redis_login *login, const char **why);

/* redis_follow_cluster: the address of redis_new does not count; the nodes of this list,
 * "host:port" separated by commas (REDIS_NODES at most; a name may have several addresses), say
 * which of the Cluster has the slot of `tag`, "{city}". Not all nodes need be listed, but one that
 * lives must be. To be said before the loop turns.
 *   LC_EINVAL  *why says what was expected */
LC_MUST_CHECK enum lc_err redis_follow_cluster(struct redis *r, const char *nodes, const char *tag,
                                               const char **why);

/* redis_destroy: closes without answering what waits. NULL is allowed. */
void redis_destroy(struct redis *r);

/* redis_call: the words are copied. tag comes back with the reply; 0 = no reply wanted. */
void redis_call(struct redis *r, uint64_t tag, const struct slice *argv, size_t argc);

/* redis_flush: sends what was called since the last time. */
void redis_flush(struct redis *r);

/* redis_relogin: the next connection uses this login; the present one stays. LC_EINVAL when a word
 * is too long. */
LC_MUST_CHECK enum lc_err redis_relogin(struct redis *r, const struct redis_login *login);

bool redis_is_up(const struct redis *r);
/* redis_library_differs: connected, but the library there is not the one built in. */
bool redis_library_differs(const struct redis *r);
/* redis_is_alone: acknowledges without replicas at the moment. */
bool redis_is_alone(const struct redis *r);
/* redis_is_short: the last write that replicas were waited for was not acknowledged, and they have
 * not been seen since. */
bool redis_is_short(const struct redis *r);
/* redis_waiting: calls not yet answered. */
size_t redis_waiting(const struct redis *r);
const struct redis_counts *redis_counts(const struct redis *r);
/* redis_bucket_us: the upper bound of took[i], in microseconds. */
int64_t redis_bucket_us(size_t i);

/* redis_clock_us: CLOCK_MONOTONIC in microseconds. */
int64_t redis_clock_us(void);

/* redis_library: the Redis Functions (common/redis/functions) as they were built in, one text. */
struct slice redis_library(void);

#endif
