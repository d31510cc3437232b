/* A Redis with our functions, called with texts. */
#ifndef TESTS_CALL_RIG_H
#define TESTS_CALL_RIG_H

#include "ask.h"
#include "unit.h"

#include <stdio.h>

static struct kit kit, *const k = &kit;

static inline void
fresh(void)
{
    freeReplyObject(kit_do(k, "FLUSHALL"));
}

/* call: a function with text arguments; the reply is the caller's. */
static inline redisReply *
call(const char *function, size_t n, const char *const *args)
{
    kit_call(k, function);
    for (size_t i = 0; i < n; i++)
        kit_text(k, args[i]);
    return kit_reply(k);
}

#define CALL(function, ...)                                                                        \
    call(function, sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *),              \
         (const char *const[]){__VA_ARGS__})

static inline long long
integer(redisReply *r)
{
    long long v = r->type == REDIS_REPLY_INTEGER ? r->integer : -1;

    freeReplyObject(r);
    return v;
}

static inline size_t
elements(redisReply *r)
{
    size_t n = r->type == REDIS_REPLY_ARRAY ? r->elements : 9999;

    freeReplyObject(r);
    return n;
}

#endif
