/* kit: a redis-server of one's own with the function library, and calls of its functions. For tests
 * and the benchmark.
 *
 * Everything that goes wrong with the server itself ends the program with a message. */
#ifndef LC_TESTS_REDIS_KIT_H
#define LC_TESTS_REDIS_KIT_H

#include "base/bytes.h"

#include <hiredis/hiredis.h>
#include <sys/types.h>

enum { KIT_ARGS_MAX = 110000 };

struct kit {
    redisContext *redis;
    pid_t pid;
    char dir[64];
    struct buf bytes; /* of the call being built */
    size_t ends[KIT_ARGS_MAX];
    size_t argc;
};

/* kit_start: server, connection, library. durable: append-only file, fsync at every write. */
void kit_start(struct kit *k, bool durable);
/* kit_stop: ends the server and removes its folder. */
void kit_stop(struct kit *k);

/* A call: kit_call(k, "order_step"), then arguments, then kit_send or kit_reply. The key is "{t}".
 */
void kit_call(struct kit *k, const char *function);
void kit_text(struct kit *k, const char *s);
void kit_int(struct kit *k, int64_t v);
void kit_bytes(struct kit *k, struct slice s);
/* kit_end: what was appended to k->bytes by hand is one argument. */
void kit_end(struct kit *k);

/* kit_replace: another argument in place of number i, counting from FCALL itself. */
void kit_replace(struct kit *k, size_t i, struct slice s);

/* kit_drop: the last argument goes. */
void kit_drop(struct kit *k);

/* kit_arg: argument i as it is in the call, counting the same way; lives until the next is added.
 */
struct slice kit_arg(const struct kit *k, size_t i);

/* kit_send: into the connection's output buffer. kit_wait: the next reply; the caller frees it. */
void kit_send(struct kit *k);
redisReply *kit_wait(struct kit *k);

/* kit_reply: send and wait. */
redisReply *kit_reply(struct kit *k);

/* kit_do: any command, as redisCommand. */
redisReply *kit_do(struct kit *k, const char *format, ...);

#endif
