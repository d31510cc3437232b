/* redis_own: what redis' files share; nobody else includes this.
 *
 *   redis.c        calls, answers, deadlines
 *   redis_link.c   address, socket, connecting again
 *   redis_greet.c  what is said first on each connection
 *   redis_wait.c   answers kept back until replicas have them; errors that are none
 *   redis_reply.c  bytes to replies
 *   redis_cluster.c which node has the city, and what is sent again there
 *   sentinel.c     who is the primary */
#ifndef LC_IO_REDIS_OWN_H
#define LC_IO_REDIS_OWN_H

#include "io/redis.h"
#include "io/resolve.h"

enum { REDIS_HOST = 256, REDIS_PORT = 8 };

enum redis_state {
    LINK_DOWN, /* waiting for the next try, or for the name */
    LINK_CONNECTING,
    LINK_GREETING,
    LINK_UP
};

enum greeting {
    GREET_AUTH,
    GREET_ROLE,
    GREET_WHERE,
    GREET_PING,
    GREET_LIST,
    GREET_LOAD,
    GREET_DURABLE,
    GREET_DONE
};

enum call_kind {
    CALL_READS,
    CALL_WRITES,  /* or may */
    CALL_BARRIER, /* WAIT */
    CALL_PROBE    /* ROLE: are they back? */
};

struct call {
    uint64_t tag; /* 0 = nobody waits, or was told already */
    int64_t at_us;
    enum call_kind kind;
    bool waits;  /* its answer is kept until the barrier behind it has been answered */
    bool asks;   /* a plain read, which may be asked of another node */
    bool gone;   /* it was put elsewhere: only its place is left */
    char *bytes; /* in a Cluster: the command as it was sent, owned; else NULL */
    size_t bytes_n;
};

struct node {
    char host[REDIS_HOST];
    char port[REDIS_PORT];
};

struct cluster {
    struct node list[REDIS_NODES];
    size_t n, next;
    char tag[40];
    bool named;          /* a node has said where the city is, and nobody has tried it yet */
    unsigned hops;       /* from node to node, one after the other */
    bool leaving;        /* nothing is put on this connection any more: the city is elsewhere */
    int64_t leaving_ms;  /* since then */
    struct redis *aside; /* to the node the slot is on its way to; NULL = none */
    struct node aside_at;
};

struct redis {
    struct loop *loop;
    struct resolver *resolver;
    struct redis_handlers on;
    void *ctx;
    struct slice library;
    char user[128];
    char password[256];
    char host[REDIS_HOST]; /* or the path of a unix socket */
    char port[REDIS_PORT]; /* empty = unix */

    enum redis_state state;
    enum greeting greeting;
    bool there;   /* a library of that name is on the server */
    bool differs; /* and is not ours, and we may not replace it */
    int fd;
    struct loop_watch *watch;
    struct loop_timer *retry; /* the next try to connect */
    struct loop_timer *tick;  /* deadlines, and answering what was lost; runs while there is
                                 something to wait for */
    bool ticking;
    int64_t backoff_ms;
    unsigned tries;
    int64_t heard_ms; /* last byte in, or last moment when nothing waited */
    bool broken;      /* to be closed by the next tick: found out while sending */

    /* calls were LOST on a connection that stays: `up` is told again at again_ms, when none from
     * before lost_us waits any more */
    bool again;
    int64_t again_ms;
    int64_t lost_us;
    int64_t pause_ms; /* grows while it helps nothing */

    struct sentinel *sentinel; /* NULL = the address is what it is */
    bool found;                /* they have said where, and nobody has tried it yet */

    struct cluster *cluster; /* NULL = none */
    bool holds;              /* calls are held until the next connection is up */
    int64_t holds_ms;        /* since then */
    struct call *held;
    size_t held_n, held_room;
    size_t copies_n; /* bytes of the calls that are held or in the ring; REDIS_COPIES_MOST */

    struct redis_wait wait;
    bool behind;      /* calls that wait were put since the last barrier */
    bool barrier;     /* one is not answered yet: the next is put then, for all behind it */
    bool is_alone;    /* too few replicas, and `alone` is allowed */
    bool is_short;    /* the last barrier was */
    int64_t probe_ms; /* while either: they are asked for again */
    int64_t probed; /* how far the primary had written when they were asked for last; -1 = never */

    struct redisReader *reader;
    struct arena *arena; /* of the reply being read */
    struct buf out;

    struct call *ring; /* sent, in order; the answers come in the same */
    size_t room, head, count;
    const struct reply **kept; /* of the first kept_n calls: answered, waiting for the barrier */
    size_t kept_n, kept_room;
    uint64_t *lost; /* to be told LOST in a later turn */
    size_t lost_n, lost_room;
    struct redis_counts counts;
};

/* redis.c */
void redis_put_command(struct buf *b, const struct slice *argv, size_t argc);
void redis_handle_reply(struct redis *r, const struct reply *reply);
/* redis_deliver: takes the first call out of the ring and hands the answer to who waits.
 * redis_lose_first: the same with LOST, later. */
void redis_deliver(struct redis *r, const struct reply *reply);
void redis_lose_first(struct redis *r);
bool redis_remember(struct redis *r, const struct call *call);
/* redis_lose: told LOST in a later turn. redis_up_again: calls were LOST, and this connection
 * stays.
 */
void redis_lose(struct redis *r, uint64_t tag);
void redis_up_again(struct redis *r);
void redis_lose_all(struct redis *r); /* everything that waits is told LOST, now */
void redis_ensure_tick(struct redis *r);

/* redis_wait.c */
enum call_kind redis_kind_of(const struct slice *argv, size_t argc);
bool redis_must_wait(const struct redis *r, enum call_kind kind);
void redis_wait_put(struct redis *r); /* the barrier behind a turn's calls */
void redis_wait_answered(struct redis *r, const struct reply *reply);
void redis_wait_probe(struct redis *r); /* asks, when alone and it is time */
void redis_wait_probed(struct redis *r, const struct reply *reply);
LC_MUST_CHECK bool redis_keep(struct redis *r, const struct reply *reply);
/* redis_trouble: counted, and one line for a burst. */
void redis_trouble(struct redis *r, enum redis_trouble t, struct slice reason);
/* redis_take_trouble: true when the answer was no answer: counted, and what it calls for is done.
 */
bool redis_take_trouble(struct redis *r, const struct reply *reply);

/* redis_link.c */
LC_MUST_CHECK enum lc_err redis_link_address(struct redis *r, const char *address,
                                             const char **why);
/* redis_split_address: "host:port" or "[v6]:port"; false when it is neither. */
bool redis_split_address(struct slice address, char host[REDIS_HOST], char port[REDIS_PORT]);
void redis_link_try(struct redis *r);
void redis_link_primary(void *ctx, const char *host, const char *port);
void redis_link_down(struct redis *r, const char *event, struct slice reason);
void redis_link_write(struct redis *r);

/* redis_cluster.c */
/* redis_crowded: are there too many bytes of calls already for n more? Then it is said and counted.
 * redis_drop_copy: a call that left the ring or what is held has no bytes any more. */
bool redis_crowded(struct redis *r, size_t n);
void redis_drop_copy(struct redis *r, struct call *call);
/* redis_holds: the call is to wait for the next connection. redis_hold: it does; takes its bytes.
 */
bool redis_holds(const struct redis *r);
void redis_hold(struct redis *r, struct call call);
void redis_held_send(struct redis *r); /* the connection is up */
void redis_held_tick(struct redis *r); /* none waits for ever */
void redis_held_free(struct redis *r);
/* redis_cluster_took: true when the answer to this call was where to put it, and it was. */
bool redis_cluster_took(struct redis *r, struct call *call, const struct reply *reply);
void redis_cluster_turn(struct redis *r); /* leaves a node when all was answered there */
void redis_cluster_tick(struct redis *r);
void redis_cluster_choose(struct redis *r); /* which node to try now */
void redis_cluster_greeted(struct redis *r, const struct reply *reply);
void redis_cluster_free(struct redis *r);

/* redis_greet.c */
void redis_greet_next(struct redis *r); /* it is the right server */
void redis_greet(struct redis *r);
void redis_greet_reply(struct redis *r, const struct reply *reply);

#endif
