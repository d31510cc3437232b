#include "io/log.h"
#include "io/loop.h"
#include "io/redis_own.h"

static void
say(struct redis *r, enum greeting greeting, const struct slice *argv, size_t argc)
{
    r->greeting = greeting;
    redis_put_command(&r->out, argv, argc);
    if (r->out.failed) {
        redis_link_down(r, "redis_refused", SLICE_LIT("out of memory"));
        return;
    }
    redis_link_write(r);
}

static void
ask_for_library(struct redis *r)
{
    const struct slice argv[] = {SLICE_LIT("FUNCTION"), SLICE_LIT("LIST"), SLICE_LIT("LIBRARYNAME"),
                                 SLICE_LIT("lifecircle"), SLICE_LIT("WITHCODE")};

    say(r, GREET_LIST, argv, 5);
}

static void
load_library(struct redis *r)
{
    const struct slice argv[] = {SLICE_LIT("FUNCTION"), SLICE_LIT("LOAD"), SLICE_LIT("REPLACE"),
                                 r->library};

    log_line(LOG_INFO, "redis_library", "bytes=%zu", r->library.n);
    say(r, GREET_LOAD, argv, 4);
}

static void
ask_if_durable(struct redis *r)
{
    const struct slice argv[] = {SLICE_LIT("CONFIG"), SLICE_LIT("GET"), SLICE_LIT("append*")};

    say(r, GREET_DURABLE, argv, 3);
}

/* A server that is loading its data answers CONFIG, but nothing that needs them, like PING. */
static void
ask_if_loaded(struct redis *r)
{
    const struct slice argv[] = {SLICE_LIT("PING")};

    say(r, GREET_PING, argv, 1);
}

/* Of no use but for the answer: a node that has not the city's slot says who has. */
static void
ask_where(struct redis *r)
{
    const struct slice argv[] = {SLICE_LIT("EXISTS"), slice_str(r->cluster->tag)};

    say(r, GREET_WHERE, argv, 2);
}

/* A Sentinel may be behind, and a server may be demoted while it is asked. */
static void
ask_for_role(struct redis *r)
{
    const struct slice argv[] = {SLICE_LIT("ROLE")};

    say(r, GREET_ROLE, argv, 1);
}

void
redis_greet_next(struct redis *r)
{
    if (r->greeting == GREET_AUTH && r->sentinel != NULL)
        ask_for_role(r);
    else if (r->greeting == GREET_AUTH && r->cluster != NULL)
        ask_where(r);
    else if (r->library.n > 0)
        ask_for_library(r);
    else
        ask_if_loaded(r);
}

void
redis_greet(struct redis *r)
{
    const struct slice with_user[] = {SLICE_LIT("AUTH"), slice_str(r->user),
                                      slice_str(r->password)};
    const struct slice without[] = {SLICE_LIT("AUTH"), slice_str(r->password)};

    r->there = r->differs = false;
    r->greeting = GREET_AUTH;
    if (r->password[0] != '\0' && r->user[0] != '\0')
        say(r, GREET_AUTH, with_user, 3);
    else if (r->password[0] != '\0')
        say(r, GREET_AUTH, without, 2);
    else
        redis_greet_next(r);
}

/* The value behind a name in a flat list of names and values. */
static struct slice
value_of(const struct reply *list, const char *name)
{
    for (size_t i = 0; list->kind == REPLY_ARRAY && i + 1 < list->n; i += 2)
        if (slice_eq_str(list->items[i].str, name))
            return list->items[i + 1].str;
    return (struct slice){NULL, 0};
}

static bool
is_loaded(const struct redis *r, const struct reply *list)
{
    return list->kind == REPLY_ARRAY && list->n == 1 &&
           slice_eq(value_of(&list->items[0], "library_code"), r->library);
}

/* Who may not load the library uses the one that is there: while a new version is rolled out,
 * daemons of two versions share it. */
static bool
takes_what_is_there(struct redis *r, const struct reply *reply)
{
    static const char refused[] = "NOPERM";

    if (r->greeting != GREET_LOAD || !r->there || reply->str.n < sizeof refused - 1 ||
        memcmp(reply->str.p, refused, sizeof refused - 1) != 0)
        return false;
    r->differs = true;
    log_line(LOG_WARN, "redis_library_differs",
             "expected=the library of this version: lcctl library load");
    return true;
}

static void
up(struct redis *r, const struct reply *settings)
{
    /* servers may forbid CONFIG: then nobody can tell */
    if (settings->kind == REPLY_ARRAY &&
        (!slice_eq_str(value_of(settings, "appendonly"), "yes") ||
         !slice_eq_str(value_of(settings, "appendfsync"), "always")))
        log_line(LOG_WARN, "redis_not_durable",
                 "expected=appendonly yes, appendfsync always: a crash loses acknowledged orders");
    r->state = LINK_UP;
    r->backoff_ms = 0;
    r->again = r->behind = r->is_alone = r->is_short = false;
    r->counts.connects++;
    log_line(LOG_INFO, "redis_up", "connects=%llu", (unsigned long long)r->counts.connects);
    redis_lose_all(r);
    redis_held_send(r);
    r->on.up(r->ctx);
    redis_flush(r);
}

void
redis_greet_reply(struct redis *r, const struct reply *reply)
{
    if (r->greeting == GREET_WHERE) {
        redis_cluster_greeted(r, reply);
        return;
    }
    if (reply->kind == REPLY_ERROR && takes_what_is_there(r, reply)) {
        ask_if_durable(r);
        return;
    }
    if (reply->kind == REPLY_ERROR && r->greeting != GREET_DURABLE) {
        redis_link_down(r, "redis_refused",
                        reply->str); /* LOADING, NOAUTH, READONLY ...: try again */
        return;
    }
    switch (r->greeting) {
    case GREET_AUTH:
        redis_greet_next(r);
        break;
    case GREET_ROLE:
        if (reply->kind == REPLY_ARRAY && reply->n > 0 &&
            slice_eq_str(reply->items[0].str, "master"))
            redis_greet_next(r);
        else
            redis_link_down(r, "redis_refused", SLICE_LIT("a replica, not the primary"));
        break;
    case GREET_PING:
        ask_if_durable(r);
        break;
    case GREET_LIST:
        r->there = reply->kind == REPLY_ARRAY && reply->n == 1;
        if (is_loaded(r, reply))
            ask_if_durable(r);
        else
            load_library(r);
        break;
    case GREET_LOAD:
        ask_if_durable(r);
        break;
    case GREET_DURABLE:
        r->greeting = GREET_DONE;
        up(r, reply);
        break;
    case GREET_WHERE:
    case GREET_DONE:
        break;
    }
}
