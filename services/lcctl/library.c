/* The Redis Functions: whoever may not load them (the daemons of deploy/) needs them loaded. */
#include "lcctl/lcctl.h"
#include "lcctl/show.h"

#include "io/redis.h"

#include <stdio.h>

static bool
load_one(struct ctl *c)
{
    const struct slice argv[] = {SLICE_LIT("FUNCTION"), SLICE_LIT("LOAD"), SLICE_LIT("REPLACE"),
                                 redis_library()};
    redisReply *reply = ctl_redis(c, 4, argv);

    freeReplyObject(reply);
    return reply != NULL;
}

/* of_all: what `one` says of each server that must have the functions; stops at the first that says
 * no. */
static bool
of_all(struct ctl *c, bool (*one)(struct ctl *c))
{
    struct ctl_server *list;
    struct ctl other = *c;
    int n = ctl_primaries(c, &list);
    bool ok = n >= 0;

    for (int i = 0; ok && i < n; i++) {
        other.redis = c->redis;
        if (list[i].address != NULL &&
            (other.redis = ctl_connect_to(c->login, list[i].address)) == NULL)
            return false;
        ok = one(&other);
        if (!ok && list[i].address != NULL)
            fprintf(stderr, "lcctl: on node %s\n", list[i].address);
        if (other.redis != c->redis)
            redisFree(other.redis);
    }
    return ok;
}

/* A city may move to any node of a Cluster, and so they all have the functions. */
static int
load(struct ctl *c)
{
    if (!of_all(c, load_one))
        return EXIT_FAILED;
    return c->json ? show_done(c, "library", "lifecircle", "loaded", "%s", "") : EXIT_SUCCESS;
}

/* said: which library there is; `loaded` at all, `same` as this lcctl's. */
static int
said(struct ctl *c, bool loaded, bool same)
{
    struct buf b = {0};
    struct json_out w = json_out_to(&b);

    if (!c->json)
        return puts(!loaded ? "not loaded"
                    : same  ? "loaded, of this version"
                            : "loaded, of another version") < 0
                   ? EXIT_FAILED
               : same ? EXIT_SUCCESS
                      : EXIT_NOT_SO;
    json_out_object(&w, NULL);
    json_out_bool(&w, "loaded", loaded);
    json_out_bool(&w, "this_version", same);
    json_out_end(&w);
    return show_json(&b) != EXIT_SUCCESS ? EXIT_FAILED : same ? EXIT_SUCCESS : EXIT_NOT_SO;
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

struct seen {
    bool loaded, same, failed;
};

static struct seen
look(struct ctl *c)
{
    const struct slice argv[] = {SLICE_LIT("FUNCTION"), SLICE_LIT("LIST"), SLICE_LIT("LIBRARYNAME"),
                                 SLICE_LIT("lifecircle"), SLICE_LIT("WITHCODE")};
    redisReply *reply = ctl_redis(c, 5, argv);

    if (reply == NULL)
        return (struct seen){.failed = true};
    const redisReply *code =
        reply->elements == 1 ? value_of(reply->element[0], "library_code") : NULL;
    struct seen s = {.loaded = code != NULL};
    s.same = s.loaded && slice_eq(slice_of(code->str, code->len), redis_library());
    freeReplyObject(reply);
    return s;
}

static bool
has_ours(struct ctl *c)
{
    return look(c).same;
}

static int
show(struct ctl *c)
{
    struct seen s = look(c);

    if (s.failed)
        return EXIT_FAILED;
    s.same = s.same && of_all(c, has_ours);
    return said(c, s.loaded, s.same);
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
