/* redis_reply: hiredis' reader with objects of our own: struct reply in an arena. Used by redis.c
 * only. */
#ifndef LC_IO_REDIS_REPLY_H
#define LC_IO_REDIS_REPLY_H

#include "base/step.h"

struct redisReader;

/* redis_reader_new: replies are built in the arena (borrowed), which the owner resets after each
 * whole one. NULL without memory. Free with redisReaderFree. */
struct redisReader *redis_reader_new(struct arena *a);

#endif
