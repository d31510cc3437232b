/* redis_own: what redis' files share; nobody else includes this.
 *
 *   redis.c        calls, answers, deadlines
 *   redis_link.c   address, socket, connecting again
 *   redis_greet.c  what is said first on each connection
 *   redis_reply.c  bytes to replies */
#ifndef LC_IO_REDIS_OWN_H
#define LC_IO_REDIS_OWN_H

#include "io/redis.h"
#include "io/resolve.h"

enum redis_state {
    LINK_DOWN, /* waiting for the next try, or for the name */
    LINK_CONNECTING,
    LINK_GREETING,
    LINK_UP
};

enum greeting { GREET_AUTH, GREET_PING, GREET_LIST, GREET_LOAD, GREET_DURABLE, GREET_DONE };

struct call {
    uint64_t tag; /* 0 = nobody waits, or was told already */
    int64_t at_us;
};

struct redis {
    struct loop *loop;
    struct resolver *resolver;
    struct redis_handlers on;
    void *ctx;
    struct slice library;
    char user[128];
    char password[256];
    char host[256]; /* or the path of a unix socket */
    char port[8];   /* empty = unix */

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

    struct redisReader *reader;
    struct arena *arena; /* of the reply being read */
    struct buf out;

    struct call *ring; /* sent, in order; the answers come in the same */
    size_t room, head, count;
    uint64_t *lost; /* to be told LOST in a later turn */
    size_t lost_n, lost_room;
    struct redis_counts counts;
};

/* redis.c */
void redis_put_command(struct buf *b, const struct slice *argv, size_t argc);
void redis_handle_reply(struct redis *r, const struct reply *reply);
void redis_lose_all(struct redis *r); /* everything that waits is told LOST, now */
void redis_ensure_tick(struct redis *r);

/* redis_link.c */
LC_MUST_CHECK enum lc_err redis_link_address(struct redis *r, const char *address,
                                             const char **why);
void redis_link_try(struct redis *r);
void redis_link_down(struct redis *r, const char *event, struct slice reason);
void redis_link_write(struct redis *r);

/* redis_greet.c */
void redis_greet(struct redis *r);
void redis_greet_reply(struct redis *r, const struct reply *reply);

#endif
