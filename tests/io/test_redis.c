#include "await.h"
#include "redis_server.h"

#include "io/redis.h"
#include "io/resolve.h"

enum { TAGS = 20000 };

/* What came back, by tag. */
static struct {
    struct loop *loop;
    struct resolver *resolver;
    struct redis *redis;
    struct redis_server server;
    unsigned ups;
    uint64_t replies; /* all */
    uint64_t lost;
    uint64_t last_tag;
    bool in_order;
    uint64_t lost_at_up;  /* how many were lost when `up` was told */
    enum reply_kind kind; /* of the last */
    int64_t integer;
    char text[256];
    size_t n;
    size_t items;
} t;

static void
on_reply(void *ctx, uint64_t tag, const struct reply *reply)
{
    (void)ctx;
    t.replies++;
    t.in_order = t.in_order && tag == t.last_tag + 1;
    t.last_tag = tag;
    t.kind = reply->kind;
    t.integer = reply->integer;
    t.n = reply->str.n;
    t.items = reply->n;
    t.lost += reply->kind == REPLY_LOST;
    memset(t.text, 0, sizeof t.text);
    if (reply->str.n < sizeof t.text && reply->str.n > 0)
        memcpy(t.text, reply->str.p, reply->str.n);
    if (reply->kind == REPLY_ARRAY && reply->n > 0 && reply->items[reply->n - 1].str.n > 0)
        memcpy(t.text, reply->items[reply->n - 1].str.p, 1);
}

static void
on_up(void *ctx)
{
    (void)ctx;
    t.ups++;
    t.lost_at_up = t.lost;
}

static void
open_client_as(struct slice user, struct slice password, struct slice library)
{
    const struct redis_login login = {user, password};
    static const struct redis_handlers handlers = {on_reply, on_up};
    const char *why;

    t.loop = loop_new();
    t.resolver = resolver_new(t.loop);
    t.in_order = true;
    CU_ASSERT_EQUAL_FATAL(redis_new(t.loop, t.resolver, t.server.address, &login, library,
                                    &handlers, NULL, &t.redis, &why),
                          LC_OK);
}

static void
open_client(struct slice password, struct slice library)
{
    open_client_as(SLICE_LIT(""), password, library);
}

static void
begin(void)
{
    log_open("test", LOG_ERROR);
    memset(&t, 0, sizeof t);
    redis_server_start(&t.server, NULL, NULL);
    open_client(SLICE_LIT(""), SLICE_LIT(""));
    AWAIT(t.loop, t.ups == 1);
}

static void
finish(void)
{
    redis_destroy(t.redis);
    resolver_destroy(t.resolver);
    loop_destroy(t.loop);
    redis_server_end(&t.server);
}

static void
call(uint64_t tag, const char *words)
{
    struct slice argv[16];
    size_t n = 0;

    while (*words != '\0' && n < 16) {
        size_t length = strcspn(words, " ");
        argv[n++] = slice_of(words, length);
        words += length + (words[length] == ' ');
    }
    redis_call(t.redis, tag, argv, n);
}

/* One call, waited for. */
static void
ask(const char *words)
{
    uint64_t before = t.replies;

    call(before + 1, words);
    redis_flush(t.redis);
    AWAIT(t.loop, t.replies == before + 1);
}

static void
test_redis_call_answers_in_order_in_one_pipeline(void)
{
    begin();
    for (uint64_t i = 1; i <= TAGS; i++)
        call(i, "INCR n");
    CU_ASSERT_EQUAL(redis_waiting(t.redis), TAGS);
    redis_flush(t.redis);
    AWAIT(t.loop, t.replies == TAGS);
    CU_ASSERT_TRUE(t.in_order);
    CU_ASSERT_EQUAL(t.integer, TAGS);
    CU_ASSERT_EQUAL(t.lost, 0);
    CU_ASSERT_EQUAL(redis_waiting(t.redis), 0);
    finish();
}

static void
test_redis_call_gives_every_kind_of_reply(void)
{
    begin();
    ask("SET k value");
    CU_ASSERT_EQUAL(t.kind, REPLY_STRING);
    CU_ASSERT_STRING_EQUAL(t.text, "OK");
    ask("GET k");
    CU_ASSERT_STRING_EQUAL(t.text, "value");
    ask("GET absent");
    CU_ASSERT_EQUAL(t.kind, REPLY_NIL);
    ask("INCRBY n -7");
    CU_ASSERT_EQUAL(t.kind, REPLY_INT);
    CU_ASSERT_EQUAL(t.integer, -7);
    ask("INCR k");
    CU_ASSERT_EQUAL(t.kind, REPLY_ERROR);
    CU_ASSERT_EQUAL(strncmp(t.text, "ERR value is not an integer", 27), 0);
    ask("MGET k absent k");
    CU_ASSERT_EQUAL(t.kind, REPLY_ARRAY);
    CU_ASSERT_EQUAL(t.items, 3);
    CU_ASSERT_STRING_EQUAL(t.text, "v");
    ask("LRANGE absent 0 -1");
    CU_ASSERT_EQUAL(t.kind, REPLY_ARRAY);
    CU_ASSERT_EQUAL(t.items, 0);
    ask("EVAL return{{1,{'a'}},'z'} 0");
    CU_ASSERT_EQUAL(t.items, 2);
    CU_ASSERT_STRING_EQUAL(t.text, "z");
    finish();
}

static void
test_redis_call_carries_any_bytes_and_large_ones(void)
{
    size_t n = 3 * 1024 * 1024;
    char *big = malloc(n);
    struct slice argv[] = {SLICE_LIT("SET"), SLICE_LIT("a\r\n\0b"), {big, n}};

    begin();
    memset(big, '\n', n);
    redis_call(t.redis, 1, argv, 3);
    argv[0] = SLICE_LIT("GET");
    redis_call(t.redis, 2, argv, 2);
    redis_flush(t.redis);
    AWAIT(t.loop, t.replies == 2);
    CU_ASSERT_EQUAL(t.kind, REPLY_STRING);
    CU_ASSERT_EQUAL(t.n, n);
    free(big);
    finish();
}

static void
test_redis_call_without_tag_is_not_reported(void)
{
    begin();
    call(0, "SET k v");
    call(0, "NONSENSE");
    ask("GET k");
    CU_ASSERT_EQUAL(t.replies, 1);
    CU_ASSERT_STRING_EQUAL(t.text, "v");
    finish();
}

static void
test_redis_calls_are_lost_when_the_server_dies_and_go_on_after(void)
{
    begin();
    ask("SET k kept");
    /* a server that cannot answer: everything below waits when it dies */
    kill(t.server.pid, SIGSTOP);
    for (uint64_t i = 0; i < 100; i++)
        call(100 + i, "INCR n");
    redis_flush(t.redis);
    redis_server_kill(&t.server);
    AWAIT(t.loop, t.lost == 100);
    CU_ASSERT_FALSE(redis_is_up(t.redis));
    CU_ASSERT_EQUAL(redis_waiting(t.redis), 0);

    redis_server_start(&t.server, NULL, NULL);
    AWAIT(t.loop, t.ups == 2);
    CU_ASSERT_EQUAL(t.lost_at_up, 100); /* told before `up` */
    ask("GET k");
    CU_ASSERT_STRING_EQUAL(t.text, "kept");
    CU_ASSERT_EQUAL(redis_counts(t.redis)->lost, 100);
    finish();
}

static void
test_redis_calls_without_a_server_are_lost_but_not_at_once(void)
{
    begin();
    redis_server_kill(&t.server);
    AWAIT(t.loop, !redis_is_up(t.redis));
    int64_t before_ms = loop_mono_ms();
    uint64_t rounds = 0;
    for (; rounds < 5; rounds++) { /* who repeats at once does not spin */
        call(1, "PING");
        CU_ASSERT_EQUAL(t.lost, rounds);
        AWAIT(t.loop, t.lost == rounds + 1);
    }
    CU_ASSERT(loop_mono_ms() - before_ms >= 20);
    finish();
}

static void
test_redis_call_is_lost_at_its_deadline_and_a_late_answer_thrown_away(void)
{
    begin();
    kill(t.server.pid, SIGSTOP);
    call(7, "SET k late");
    redis_flush(t.redis);
    int64_t before_ms = loop_mono_ms();
    AWAIT(t.loop, t.lost == 1);
    CU_ASSERT_EQUAL(t.last_tag, 7);
    CU_ASSERT(loop_mono_ms() - before_ms >= REDIS_CALL_MS - 100);
    CU_ASSERT_TRUE(redis_is_up(t.redis));
    kill(t.server.pid, SIGCONT);
    ask("GET k"); /* the answer to this one, not to the one before */
    CU_ASSERT_STRING_EQUAL(t.text, "late");
    CU_ASSERT_EQUAL(t.replies, 2);
    finish();
}

static void
test_redis_loads_the_library_and_again_when_it_is_gone(void)
{
    log_open("test", LOG_ERROR);
    memset(&t, 0, sizeof t);
    redis_server_start(&t.server, NULL, NULL);
    open_client(SLICE_LIT(""), redis_library());
    AWAIT(t.loop, t.ups == 1);
    ask("FUNCTION LIST LIBRARYNAME lifecircle");
    CU_ASSERT_EQUAL(t.items, 1);
    ask("FUNCTION FLUSH");
    ask("FCALL lib_version 1 {bal}");
    CU_ASSERT_EQUAL(t.kind, REPLY_ERROR);
    AWAIT(t.loop, t.ups == 2);
    ask("FUNCTION LIST LIBRARYNAME lifecircle");
    CU_ASSERT_EQUAL(t.items, 1);
    finish();
}

static void
test_redis_replaces_another_version_of_the_library(void)
{
    static const char one[] =
        "#!lua name=lifecircle\nredis.register_function('f',function() return 1 end)";
    static const char two[] =
        "#!lua name=lifecircle\nredis.register_function('f',function() return 2 end)";

    log_open("test", LOG_ERROR);
    memset(&t, 0, sizeof t);
    redis_server_start(&t.server, NULL, NULL);
    open_client(SLICE_LIT(""), SLICE_LIT(one));
    AWAIT(t.loop, t.ups == 1);
    ask("FCALL f 0");
    CU_ASSERT_EQUAL(t.integer, 1);
    redis_destroy(t.redis);
    resolver_destroy(t.resolver);
    loop_destroy(t.loop);

    t.ups = 0;
    open_client(SLICE_LIT(""), SLICE_LIT(two));
    AWAIT(t.loop, t.ups == 1);
    ask("FCALL f 0");
    CU_ASSERT_EQUAL(t.integer, 2);
    finish();
}

static void
test_redis_gives_its_password_and_waits_when_it_is_wrong(void)
{
    log_open("test", LOG_ERROR);
    memset(&t, 0, sizeof t);
    redis_server_start(&t.server, "--requirepass", "open sesame");
    open_client(SLICE_LIT("wrong"), SLICE_LIT(""));
    await_time(t.loop, 200);
    CU_ASSERT_EQUAL(t.ups, 0);
    redis_destroy(t.redis);
    resolver_destroy(t.resolver);
    loop_destroy(t.loop);
    open_client(SLICE_LIT("open sesame"), SLICE_LIT(""));
    AWAIT(t.loop, t.ups == 1);
    ask("PING");
    CU_ASSERT_STRING_EQUAL(t.text, "PONG");
    finish();
}

/* What a daemon may do in deploy/: not load functions. */
static void
reopen_as_daemon(struct slice library)
{
    redis_destroy(t.redis);
    resolver_destroy(t.resolver);
    loop_destroy(t.loop);
    t.ups = 0;
    open_client_as(SLICE_LIT("daemon"), SLICE_LIT("x"), library);
}

static void
test_redis_uses_the_library_that_is_there_when_it_may_not_load_its_own(void)
{
    static const char other[] =
        "#!lua name=lifecircle\nredis.register_function('f',function() return 3 end)";

    begin();
    ask("ACL SETUSER daemon on >x ~* +@read +fcall +ping +function|list");
    reopen_as_daemon(redis_library());
    await_time(t.loop, 200);
    CU_ASSERT_EQUAL(t.ups, 0); /* none there: somebody has to load it first */

    redis_destroy(t.redis);
    resolver_destroy(t.resolver);
    loop_destroy(t.loop);
    open_client(SLICE_LIT(""), SLICE_LIT(other));
    AWAIT(t.loop, t.ups == 1);
    CU_ASSERT_FALSE(redis_library_differs(t.redis));

    reopen_as_daemon(redis_library());
    AWAIT(t.loop, t.ups == 1);
    CU_ASSERT_TRUE(redis_library_differs(t.redis));
    ask("FCALL f 0");
    CU_ASSERT_EQUAL(t.integer, 3);
    finish();
}

static void
test_redis_relogin_counts_from_the_next_connection(void)
{
    const struct redis_login login = {SLICE_LIT("other"), SLICE_LIT("y")};
    char word[300] = "a";
    const struct redis_login bad = {SLICE_LIT(""), slice_of(word, sizeof word)};

    begin();
    ask("ACL SETUSER daemon on >x +ping +acl|whoami +client|kill");
    ask("ACL SETUSER other on >y +ping +acl|whoami");
    reopen_as_daemon(SLICE_LIT(""));
    AWAIT(t.loop, t.ups == 1);
    memset(word, 'a', sizeof word);
    CU_ASSERT_EQUAL(redis_relogin(t.redis, &bad), LC_EINVAL);
    CU_ASSERT_EQUAL(redis_relogin(t.redis, &login), LC_OK);
    ask("ACL WHOAMI");
    CU_ASSERT_STRING_EQUAL(t.text, "daemon");
    call(0, "CLIENT KILL TYPE normal SKIPME no");
    redis_flush(t.redis);
    AWAIT(t.loop, t.ups == 2);
    ask("ACL WHOAMI");
    CU_ASSERT_STRING_EQUAL(t.text, "other");
    finish();
}

static void
test_redis_new_refuses_what_is_no_address(void)
{
    static const char *const bad[] = {"",        "unix:", "localhost", "localhost:",      ":6379",
                                      "[]:6379", "a:b",   "a:1234567", "redis://a:6379x", "/path"};
    static const struct redis_handlers handlers = {on_reply, on_up};

    const struct redis_login login = {0};

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct redis *r;
        const char *why = NULL;
        struct loop *l = loop_new();
        CU_ASSERT_EQUAL(
            redis_new(l, NULL, bad[i], &login, SLICE_LIT(""), &handlers, NULL, &r, &why),
            LC_EINVAL);
        CU_ASSERT_PTR_NULL(r);
        CU_ASSERT_PTR_NOT_NULL(why);
        loop_destroy(l);
    }
}

UNIT_MAIN("redis", UNIT(test_redis_call_answers_in_order_in_one_pipeline),
          UNIT(test_redis_call_gives_every_kind_of_reply),
          UNIT(test_redis_call_carries_any_bytes_and_large_ones),
          UNIT(test_redis_call_without_tag_is_not_reported),
          UNIT(test_redis_calls_are_lost_when_the_server_dies_and_go_on_after),
          UNIT(test_redis_calls_without_a_server_are_lost_but_not_at_once),
          UNIT(test_redis_call_is_lost_at_its_deadline_and_a_late_answer_thrown_away),
          UNIT(test_redis_loads_the_library_and_again_when_it_is_gone),
          UNIT(test_redis_replaces_another_version_of_the_library),
          UNIT(test_redis_gives_its_password_and_waits_when_it_is_wrong),
          UNIT(test_redis_uses_the_library_that_is_there_when_it_may_not_load_its_own),
          UNIT(test_redis_relogin_counts_from_the_next_connection),
          UNIT(test_redis_new_refuses_what_is_no_address))
