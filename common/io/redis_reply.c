#include "io/redis_reply.h"

#include <hiredis/hiredis.h>
#include <hiredis/read.h>

static struct reply *
place(const redisReadTask *task, enum reply_kind kind)
{
    struct reply *r;

    /* an element lives in its array, which was made for all of them */
    if (task->parent != NULL) {
        const struct reply *parent = task->parent->obj;
        r = (struct reply *)&parent->items[task->idx];
    } else {
        r = arena_alloc(task->privdata, sizeof *r);
    }
    if (r != NULL)
        *r = (struct reply){.kind = kind};
    return r;
}

static void *
make_string(const redisReadTask *task, char *p, size_t n)
{
    char *copy = arena_copy(task->privdata, p, n);
    struct reply *r = place(task, task->type == REDIS_REPLY_ERROR ? REPLY_ERROR : REPLY_STRING);

    if (copy == NULL || r == NULL)
        return NULL;
    r->str = slice_of(copy, n);
    return r;
}

static void *
make_array(const redisReadTask *task, int n)
{
    struct reply *r = place(task, REPLY_ARRAY);
    struct reply *items = NULL;

    if (r == NULL)
        return NULL;
    if (n > 0) {
        items = arena_array(task->privdata, (size_t)n, sizeof *items);
        if (items == NULL)
            return NULL;
    }
    r->items = items;
    r->n = n > 0 ? (size_t)n : 0;
    return r;
}

static void *
make_integer(const redisReadTask *task, long long v)
{
    struct reply *r = place(task, REPLY_INT);

    if (r != NULL)
        r->integer = v;
    return r;
}

static void *
make_nil(const redisReadTask *task)
{
    return place(task, REPLY_NIL);
}

static void
free_nothing(void *object)
{
    (void)object; /* the arena's reset frees */
}

struct redisReader *
redis_reader_new(struct arena *a)
{
    static redisReplyObjectFunctions functions = {make_string, make_array, make_integer, make_nil,
                                                  free_nothing};
    redisReader *reader = redisReaderCreateWithFunctions(&functions);

    if (reader != NULL)
        reader->privdata = a;
    return reader;
}
