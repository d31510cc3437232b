/* The Redis Functions: whoever may not load them (the daemons of deploy/) needs them loaded. */
#include "lcctl/lcctl.h"

#include "io/redis.h"

#include <stdio.h>

static int
load(struct ctl *c)
{
    const struct slice argv[] = {SLICE_LIT("FUNCTION"), SLICE_LIT("LOAD"), SLICE_LIT("REPLACE"),
                                 redis_library()};
    redisReply *reply = ctl_redis(c, 4, argv);

    if (reply == NULL)
        return EXIT_FAILED;
    freeReplyObject(reply);
    return EXIT_SUCCESS;
}

/* The value behind a name in a flat list of names and values, or NULL. */
static const redisReply *
value_of(const redisReply *list, const char *name)
{
    for (size_t i = 0; i + 1 < list->elements; i += 2)
        if (strcmp(list->element[i]->str, name) == 0)
            return list->element[i + 1];
    return NULL;
}

static int
show(struct ctl *c)
{
    const struct slice argv[] = {SLICE_LIT("FUNCTION"), SLICE_LIT("LIST"), SLICE_LIT("LIBRARYNAME"),
                                 SLICE_LIT("lifecircle"), SLICE_LIT("WITHCODE")};
    redisReply *reply = ctl_redis(c, 5, argv);
    int status = EXIT_NOT_SO;

    if (reply == NULL)
        return EXIT_FAILED;
    const redisReply *code =
        reply->elements == 1 ? value_of(reply->element[0], "library_code") : NULL;
    if (code == NULL) {
        puts("not loaded");
    } else if (slice_eq(slice_of(code->str, code->len), redis_library())) {
        puts("loaded, of this version");
        status = EXIT_SUCCESS;
    } else {
        puts("loaded, of another version");
    }
    freeReplyObject(reply);
    return status;
}

int
cmd_library(struct ctl *c, struct args *a)
{
    const char *what = args_next(a);

    if (what == NULL || !args_done(a))
        return EXIT_USAGE;
    if (strcmp(what, "load") == 0)
        return load(c);
    return strcmp(what, "show") == 0 ? show(c) : EXIT_USAGE;
}
