/* The users of deploy/secrets.sh, in a real Redis that is killed: what was acknowledged to a daemon
 * is there when it comes back. Redis reads its file as the user `default`. */
#include "await.h"
#include "redis_set.h"

#include "io/redis.h"
#include "io/resolve.h"

static struct {
    struct loop *loop;
    struct resolver *resolver;
    struct redis *redis;
    struct redis_one server;
    unsigned ups, replies;
    enum reply_kind kind;
    char text[256];
} t;

static void
on_reply(void *ctx, uint64_t tag, const struct reply *reply)
{
    (void)ctx;
    (void)tag;
    t.replies++;
    t.kind = reply->kind;
    snprintf(t.text, sizeof t.text, "%.*s", (int)(reply->str.n < 200 ? reply->str.n : 200),
             reply->str.p == NULL ? "" : reply->str.p);
}

static void
on_up(void *ctx)
{
    (void)ctx;
    t.ups++;
}

/* The users as the script writes them: every password is "x", the city is bal. */
static void
write_users(const char *path)
{
    FILE *in = fopen(LC_SECRETS, "r");
    FILE *out = fopen(path, "w");
    char line[1024];
    unsigned users = 0;

    CU_ASSERT_FATAL(in != NULL && out != NULL);
    while (fgets(line, sizeof line, in) != NULL) {
        if (strncmp(line, "user ", 5) != 0)
            continue;
        if (strncmp(line, "user replica", 12) == 0)
            break;
        users++;
        for (char *p = line; *p != '\0';) {
            if (strncmp(p, "#$(", 3) == 0) {
                fputs(">x", out);
                p = strchr(p, ')') + 1;
            } else if (strncmp(p, "$city", 5) == 0) {
                fputs("{bal}", out);
                p += 5;
            } else {
                fputc(*p++, out);
            }
        }
    }
    fclose(in);
    fclose(out);
    CU_ASSERT(users >= 3);
}

static void
open_as(const char *user)
{
    static const struct redis_handlers handlers = {on_reply, on_up};
    const struct redis_login login = {slice_str(user), SLICE_LIT("x")};
    const char *why;

    t.ups = 0;
    t.loop = loop_new();
    t.resolver = resolver_new(t.loop);
    CU_ASSERT_EQUAL_FATAL(redis_new(t.loop, t.resolver, t.server.address, &login, redis_library(),
                                    &handlers, NULL, &t.redis, &why),
                          LC_OK);
    AWAIT(t.loop, t.ups == 1);
}

static void
close_it(void)
{
    redis_destroy(t.redis);
    resolver_destroy(t.resolver);
    loop_destroy(t.loop);
}

static void
ask(const struct slice *argv, size_t argc)
{
    unsigned before = t.replies;

    redis_call(t.redis, 1, argv, argc);
    redis_flush(t.redis);
    AWAIT(t.loop, t.replies == before + 1);
}

static void
run_server(void)
{
    char config[512], users[96];

    snprintf(users, sizeof users, "%s/users.acl", t.server.dir);
    write_users(users);
    snprintf(config, sizeof config,
             "port %d\nbind 127.0.0.1\nprotected-mode no\ndir %s\nsave \"\"\nappendonly yes\n"
             "appendfsync always\naclfile %s\n",
             t.server.port, t.server.dir, users);
    redis_one_run(&t.server, config);
}

static void
test_redis_that_was_killed_has_what_a_daemon_was_told(void)
{
    const struct slice access[] = {SLICE_LIT("FCALL"),    SLICE_LIT("courier_put"), SLICE_LIT("1"),
                                   SLICE_LIT("{bal}"),    SLICE_LIT("1"),           SLICE_LIT("0"),
                                   SLICE_LIT("\022\001c")};
    const struct slice look[] = {SLICE_LIT("HGET"), SLICE_LIT("{bal}:courierids"), SLICE_LIT("c")};

    log_open("test", LOG_ERROR + 1);
    memset(&t, 0, sizeof t);
    redis_one_new(&t.server);
    run_server();
    open_as("admin"); /* loads the functions */
    close_it();
    open_as("daemon");
    ask(access, 7);
    CU_ASSERT_EQUAL(t.kind, REPLY_INT);
    ask(look, 3);
    CU_ASSERT_STRING_EQUAL(t.text, "1");
    redis_one_kill(&t.server);
    run_server();
    AWAIT(t.loop, t.ups == 2);
    ask(look, 3);
    CU_ASSERT_STRING_EQUAL(t.text, "1");
    close_it();
    CU_ASSERT_EQUAL(redis_one_ask(&t.server, NULL, "PING"), -1); /* nobody without a password */
    CU_ASSERT_EQUAL(redis_one_ask(&t.server, NULL, "AUTH default x"), -1);
    redis_one_end(&t.server);
}

UNIT_MAIN("redis_rights", UNIT(test_redis_that_was_killed_has_what_a_daemon_was_told))
