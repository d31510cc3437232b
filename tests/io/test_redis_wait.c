/* What counts as done, when replicas have to have it; and answers that say why Redis does not
 * serve. With real servers, one following the other. */
#include "await.h"
#include "redis_set.h"

#include "io/redis.h"
#include "io/resolve.h"

enum { ANSWERS = 64 };

struct answer {
    uint64_t tag;
    enum reply_kind kind;
    int64_t integer;
    char text[64];
};

static struct {
    struct loop *loop;
    struct resolver *resolver;
    struct redis *redis;
    struct redis_one primary, replica, sentinel;
    unsigned ups;
    size_t n;
    struct answer answer[ANSWERS];
} t;

static void
on_reply(void *ctx, uint64_t tag, const struct reply *reply)
{
    (void)ctx;
    CU_ASSERT_FATAL(t.n < ANSWERS);
    struct answer *a = &t.answer[t.n++];
    a->tag = tag;
    a->kind = reply->kind;
    a->integer = reply->integer;
    snprintf(a->text, sizeof a->text, "%.*s", (int)reply->str.n, reply->str.p);
}

static void
on_up(void *ctx)
{
    (void)ctx;
    t.ups++;
}

static void
open_client(const char *address, const struct redis_wait *wait, struct slice library)
{
    static const struct redis_handlers handlers = {on_reply, on_up};
    const struct redis_login nobody = {SLICE_LIT(""), SLICE_LIT("")};
    const char *why;

    t.loop = loop_new();
    t.resolver = resolver_new(t.loop);
    CU_ASSERT_EQUAL_FATAL(
        redis_new(t.loop, t.resolver, address, &nobody, library, &handlers, NULL, &t.redis, &why),
        LC_OK);
    CU_ASSERT_EQUAL_FATAL(redis_wait_for(t.redis, wait, &why), LC_OK);
}

static void
close_client(void)
{
    redis_destroy(t.redis);
    resolver_destroy(t.resolver);
    loop_destroy(t.loop);
}

/* begin: one replica, and a client that waits for it for so long. */
static void
begin(unsigned ms, bool alone)
{
    const struct redis_wait wait = {.replicas = 1, .ms = ms, .alone = alone};

    log_open("test", LOG_ERROR + 1);
    memset(&t, 0, sizeof t);
    redis_one_new(&t.primary);
    redis_one_new(&t.replica);
    redis_one_start(&t.primary, NULL);
    redis_one_start(&t.replica, &t.primary);
    open_client(t.primary.address, &wait, SLICE_LIT(""));
    AWAIT(t.loop, t.ups == 1);
}

static void
finish(void)
{
    close_client();
    redis_one_end(&t.sentinel);
    redis_one_end(&t.replica);
    redis_one_end(&t.primary);
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

/* ask: one call, waited for; its answer. */
static const struct answer *
ask(const char *words)
{
    size_t before = t.n;

    call(before + 1, words);
    redis_flush(t.redis);
    AWAIT(t.loop, t.n == before + 1);
    return &t.answer[before];
}

/* ask_until_answered: again and again while it is LOST, whenever it is told that it is time. */
static const struct answer *
ask_until_answered(const char *words)
{
    const struct answer *a;

    for (int i = 0;; i++) {
        unsigned ups = t.ups;
        t.n = 0;
        a = ask(words);
        if (a->kind != REPLY_LOST || i == 20)
            return a;
        AWAIT(t.loop, t.ups > ups);
    }
}

static void
test_redis_answers_when_the_replica_has_it(void)
{
    begin(REDIS_WAIT_MOST_MS, false);
    for (int i = 0; i < 20; i++) {
        CU_ASSERT_EQUAL(ask("INCR n")->integer, i + 1);
        char expected[16];
        snprintf(expected, sizeof expected, "%d", i + 1);
        CU_ASSERT_EQUAL(redis_one_ask(&t.replica, expected, "GET n"), 1);
    }
    CU_ASSERT_EQUAL(redis_counts(t.redis)->waits, 20);
    CU_ASSERT_EQUAL(redis_counts(t.redis)->short_of, 0);
    CU_ASSERT_EQUAL(redis_waiting(t.redis), 0);
    finish();
}

static void
test_redis_waits_once_a_turn_and_answers_in_order(void)
{
    begin(REDIS_WAIT_MOST_MS, false);
    call(1, "GET n");
    call(2, "INCR n");
    call(3, "GET n");
    call(4, "INCR n");
    call(0, "INCR n");
    call(5, "GET n");
    redis_flush(t.redis);
    AWAIT(t.loop, t.n == 5);
    for (uint64_t i = 0; i < 5; i++)
        CU_ASSERT_EQUAL(t.answer[i].tag, i + 1);
    CU_ASSERT_EQUAL(t.answer[3].integer, 2);
    CU_ASSERT_STRING_EQUAL(t.answer[4].text, "3");
    CU_ASSERT_EQUAL(redis_counts(t.redis)->waits, 1);
    ask("GET n");
    CU_ASSERT_EQUAL(redis_counts(t.redis)->waits, 1); /* nothing to wait for */
    finish();
}

static void
test_redis_loses_what_no_replica_has_and_lets_reads_pass(void)
{
    begin(50, false);
    kill(t.replica.pid, SIGSTOP);
    CU_ASSERT_EQUAL(ask("SET k after")->kind, REPLY_LOST);
    CU_ASSERT_STRING_EQUAL(ask("GET k")->text, "after"); /* it is there, only not safe */
    CU_ASSERT_EQUAL(redis_counts(t.redis)->short_of, 1);
    CU_ASSERT_TRUE(redis_is_up(t.redis));
    CU_ASSERT_FALSE(redis_is_alone(t.redis));
    AWAIT(t.loop, t.ups == 2);
    CU_ASSERT_EQUAL(redis_counts(t.redis)->connects, 1);
    kill(t.replica.pid, SIGCONT);
    CU_ASSERT_STRING_EQUAL(ask_until_answered("SET k again")->text, "OK");
    CU_ASSERT_EQUAL(redis_one_ask(&t.replica, "again", "GET k"), 1);
    finish();
}

/* Who has nothing more to write finds out, too. */
static void
test_redis_is_short_until_the_replica_is_back(void)
{
    begin(50, false);
    kill(t.replica.pid, SIGSTOP);
    CU_ASSERT_EQUAL(ask("SET k v")->kind, REPLY_LOST);
    CU_ASSERT_TRUE(redis_is_short(t.redis));
    uint64_t said = redis_counts(t.redis)->bytes_out;
    AWAIT(t.loop, (redis_flush(t.redis), redis_counts(t.redis)->bytes_out > said));
    AWAIT(t.loop, redis_waiting(t.redis) == 0); /* it was asked for, and is not there */
    CU_ASSERT_TRUE(redis_is_short(t.redis));
    kill(t.replica.pid, SIGCONT);
    AWAIT(t.loop, (redis_flush(t.redis), !redis_is_short(t.redis)));
    CU_ASSERT_EQUAL(redis_counts(t.redis)->waits, 1);
    finish();
}

/* The chain repeats what was not acknowledged, perhaps to another daemon: that one writes nothing,
 * for it is there already, and must not say "done" either. */
static void
test_redis_does_not_acknowledge_what_another_wrote_and_no_replica_has(void)
{
    const struct redis_wait wait = {.replicas = 1, .ms = 50};

    begin(50, false);
    kill(t.replica.pid, SIGSTOP);
    CU_ASSERT_EQUAL(ask("SETNX order placed")->kind, REPLY_LOST);
    close_client();
    t.ups = 0;
    t.n = 0;
    open_client(t.primary.address, &wait, SLICE_LIT(""));
    AWAIT(t.loop, t.ups == 1);
    CU_ASSERT_EQUAL(ask("SETNX order placed")->kind, REPLY_LOST);
    kill(t.replica.pid, SIGCONT);
    CU_ASSERT_EQUAL(ask_until_answered("SETNX order placed")->integer, 0);
    CU_ASSERT_EQUAL(t.answer[t.n - 1].kind, REPLY_INT);
    CU_ASSERT_EQUAL(redis_one_ask(&t.replica, "placed", "GET order"), 1);
    finish();
}

static void
test_redis_loses_kept_answers_with_the_connection(void)
{
    begin(4000, false);
    kill(t.replica.pid, SIGSTOP);
    call(1, "SET k v");
    call(2, "GET k");
    redis_flush(t.redis);
    await_time(t.loop, 100); /* both are answered by now, and kept */
    CU_ASSERT_EQUAL(t.n, 0);
    CU_ASSERT_EQUAL(redis_waiting(t.redis), 3);
    redis_one_kill(&t.primary);
    AWAIT(t.loop, t.n == 2);
    CU_ASSERT_EQUAL(t.answer[0].kind, REPLY_LOST);
    CU_ASSERT_EQUAL(t.answer[1].kind, REPLY_LOST);
    CU_ASSERT_EQUAL(redis_waiting(t.redis), 0);
    finish();
}

static void
test_redis_goes_on_alone_where_that_is_allowed_and_says_so(void)
{
    begin(50, true);
    kill(t.replica.pid, SIGSTOP);
    CU_ASSERT_STRING_EQUAL(ask("SET k alone")->text, "OK");
    CU_ASSERT_TRUE(redis_is_alone(t.redis));
    CU_ASSERT_EQUAL(redis_counts(t.redis)->alone, 1);
    for (int i = 0; i < 20; i++) /* nobody is waited for each time */
        CU_ASSERT_STRING_EQUAL(ask("SET k alone")->text, "OK");
    CU_ASSERT_EQUAL(redis_counts(t.redis)->alone, 21);
    CU_ASSERT(redis_counts(t.redis)->waits < 15);
    kill(t.replica.pid, SIGCONT);
    t.n = 0;
    AWAIT(t.loop, (t.n = 0, ask("SET k alone"), !redis_is_alone(t.redis)));
    CU_ASSERT_STRING_EQUAL(ask("SET k both")->text, "OK");
    CU_ASSERT_EQUAL(redis_one_ask(&t.replica, "both", "GET k"), 1);
    finish();
}

/* Asking whether replicas are back holds nobody up, and a replica that has only said that it is
 * there, without what was written meanwhile, is not back. */
static void
test_redis_alone_asks_for_replicas_without_waiting(void)
{
    enum { WAIT_MS = 400, ALONE_MS = 2500 };

    begin(WAIT_MS, true);
    kill(t.replica.pid, SIGSTOP);
    CU_ASSERT_STRING_EQUAL(ask("SET k alone")->text, "OK");
    for (int64_t end_ms = loop_mono_ms() + ALONE_MS; loop_mono_ms() < end_ms;) {
        t.n = 0;
        CU_ASSERT_STRING_EQUAL(ask("SET k alone")->text, "OK");
        CU_ASSERT_TRUE(redis_is_alone(t.redis));
        await_time(t.loop, 10);
    }
    CU_ASSERT_EQUAL(redis_counts(t.redis)->waits, 1);
    CU_ASSERT_EQUAL(redis_counts(t.redis)->lost, 0);
    kill(t.replica.pid, SIGCONT);
    AWAIT(t.loop, (t.n = 0, ask("SET k alone"), !redis_is_alone(t.redis)));
    CU_ASSERT_STRING_EQUAL(ask("SET k both")->text, "OK");
    CU_ASSERT_EQUAL(redis_one_ask(&t.replica, "both", "GET k"), 1);
    CU_ASSERT(redis_counts(t.redis)->waits >= 2);
    finish();
}

/* However many turns have written when the replica goes: the first barrier covers the first of
 * them, and one more all others. */
static void
turns_without_a_replica(bool alone)
{
    enum { TURNS = 50, WAIT_MS = 300 };

    begin(WAIT_MS, alone);
    kill(t.replica.pid, SIGSTOP);
    int64_t start_ms = loop_mono_ms();
    for (uint64_t i = 1; i <= TURNS; i++) {
        call(i, "INCR n");
        redis_flush(t.redis);
    }
    AWAIT(t.loop, t.n == TURNS);
    int64_t took_ms = loop_mono_ms() - start_ms;
    CU_ASSERT(took_ms >= WAIT_MS);
    CU_ASSERT(took_ms < 6 * WAIT_MS); /* 2, on a busy machine; one for each turn would be 50 */
    CU_ASSERT(redis_counts(t.redis)->waits <= (alone ? 1 : 2));
    for (size_t i = 0; i < TURNS; i++) {
        CU_ASSERT_EQUAL(t.answer[i].tag, i + 1);
        CU_ASSERT_EQUAL(t.answer[i].kind, alone ? REPLY_INT : REPLY_LOST);
    }
    CU_ASSERT_EQUAL(redis_counts(t.redis)->alone, alone ? TURNS : 0);
    CU_ASSERT_EQUAL(redis_is_alone(t.redis), alone);
    kill(t.replica.pid, SIGCONT);
    CU_ASSERT_STRING_EQUAL(ask_until_answered("SET k v")->text, "OK");
    finish();
}

static void
test_redis_waits_twice_at_most_however_many_turns_wrote(void)
{
    turns_without_a_replica(false);
}

static void
test_redis_alone_lets_go_of_all_turns_at_once(void)
{
    turns_without_a_replica(true);
}

static void
test_redis_wait_for_refuses_times_that_are_none(void)
{
    const struct redis_wait bad[] = {{1, 0, false}, {1, REDIS_WAIT_MOST_MS + 1, false}};
    const struct redis_wait off = {0, 0, false};
    const char *why;

    memset(&t, 0, sizeof t);
    open_client("127.0.0.1:1", &off, SLICE_LIT(""));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        CU_ASSERT_EQUAL(redis_wait_for(t.redis, &bad[i], &why), LC_EINVAL);
    close_client();
}

/* ---- what is no answer ---- */

static void
test_redis_trouble_of_knows_each_by_its_first_word(void)
{
    static const struct {
        const char *error;
        enum redis_trouble trouble;
    } rows[] = {
        {"LOADING Redis is loading the dataset in memory", REDIS_LOADING},
        {"MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
         REDIS_LOADING},
        {"READONLY You can't write against a read only replica.", REDIS_READONLY},
        {"NOAUTH Authentication required.", REDIS_NOAUTH},
        {"WRONGPASS invalid username-password pair or user is disabled.", REDIS_NOAUTH},
        {"OOM command not allowed when used memory > 'maxmemory'.", REDIS_OOM},
        {"MISCONF Errors writing to the AOF file: No space left on device", REDIS_MISCONF},
        {"NOREPLICAS Not enough good replicas to write.", REDIS_NOREPLICAS},
        {"CLUSTERDOWN Hash slot not served", REDIS_CLUSTERDOWN},
        {"TRYAGAIN Multiple keys request during rehashing of slot", REDIS_MIGRATING},
        {"ASK 8250 127.0.0.1:7001", REDIS_MIGRATING},
        {"MOVED 8250 127.0.0.1:7001", REDIS_MOVED},
        {"BUSY Redis is busy running a script.", REDIS_BUSY},
        {"BUSYGROUP Consumer Group name already exists", REDIS_TROUBLE_NONE},
        {"ERR LOADING is only a word here", REDIS_TROUBLE_NONE},
        {"INVALID plan: expected packed bytes", REDIS_TROUBLE_NONE},
        {"FENCED the lease is another's", REDIS_TROUBLE_NONE},
        {"OOM", REDIS_OOM},
        {"", REDIS_TROUBLE_NONE},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        CU_ASSERT_EQUAL(redis_trouble_of(slice_str(rows[i].error)), rows[i].trouble);
}

static void
test_redis_does_not_take_a_trouble_for_an_answer(void)
{
    static const struct {
        const char *cause, *cure;
        enum redis_trouble trouble;
    } rows[] = {
        {"CONFIG SET maxmemory 1", "CONFIG SET maxmemory 0", REDIS_OOM},
        {"CONFIG SET min-replicas-to-write 2", "CONFIG SET min-replicas-to-write 0",
         REDIS_NOREPLICAS},
        {"REPLICAOF 127.0.0.1 1", "REPLICAOF NO ONE", REDIS_READONLY},
    };
    static const char *const library =
        "#!lua name=lifecircle\nredis.register_function('put',function(k,a) "
        "return redis.call('SET',k[1],a[1]) end)";
    const struct redis_wait wait = {.replicas = 0};

    log_open("test", LOG_ERROR + 1);
    memset(&t, 0, sizeof t);
    redis_one_new(&t.primary);
    redis_one_start(&t.primary, NULL);
    open_client(t.primary.address, &wait, slice_str(library));
    AWAIT(t.loop, t.ups == 1);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        CU_ASSERT_EQUAL_FATAL(redis_one_ask(&t.primary, NULL, rows[i].cause), 1);
        t.n = 0;
        CU_ASSERT_EQUAL(ask("FCALL put 1 k v")->kind, REPLY_LOST);
        CU_ASSERT(redis_counts(t.redis)->troubles[rows[i].trouble] >= 1);
        CU_ASSERT_EQUAL_FATAL(redis_one_ask(&t.primary, NULL, rows[i].cure), 1);
        CU_ASSERT_STRING_EQUAL(ask_until_answered("FCALL put 1 k v")->text, "OK");
    }
    finish();
}

/* ---- Sentinels ---- */

static void
test_redis_follows_the_sentinels_to_the_next_primary(void)
{
    static const struct redis_handlers handlers = {on_reply, on_up};
    const struct redis_wait wait = {.replicas = 1, .ms = 500};
    const struct redis_login nobody = {SLICE_LIT(""), SLICE_LIT("")};
    struct redis_one dead;
    char list[80];
    const char *why;

    log_open("test", LOG_ERROR + 1);
    memset(&t, 0, sizeof t);
    redis_one_new(&dead); /* nobody listens there */
    redis_one_new(&t.primary);
    redis_one_new(&t.replica);
    redis_one_new(&t.sentinel);
    redis_one_start(&t.primary, NULL);
    redis_one_start(&t.replica, &t.primary);
    redis_one_watch(&t.sentinel, &t.primary);
    t.loop = loop_new();
    t.resolver = resolver_new(t.loop);
    CU_ASSERT_EQUAL_FATAL(redis_new(t.loop, t.resolver, "127.0.0.1:1", &nobody, redis_library(),
                                    &handlers, NULL, &t.redis, &why),
                          LC_OK);
    CU_ASSERT_EQUAL_FATAL(redis_wait_for(t.redis, &wait, &why), LC_OK);
    snprintf(list, sizeof list, "%s,%s", dead.address, t.sentinel.address);
    CU_ASSERT_EQUAL_FATAL(redis_follow(t.redis, list, "city", &nobody, &why), LC_OK);
    AWAIT(t.loop, t.ups == 1);
    CU_ASSERT_STRING_EQUAL(ask_until_answered("SET k kept")->text, "OK");

    unsigned ups = t.ups;
    redis_one_kill(&t.primary);
    AWAIT(t.loop, !redis_is_up(t.redis));
    AWAIT(t.loop, t.ups > ups);
    CU_ASSERT_STRING_EQUAL(ask("GET k")->text, "kept");
    CU_ASSERT_EQUAL(ask("FCALL_RO lib_version 0")->kind, REPLY_STRING); /* it came along */
    CU_ASSERT_EQUAL(ask("SET k alone")->kind, REPLY_LOST);              /* nobody follows yet */

    redis_one_start(&t.primary, NULL);
    snprintf(list, sizeof list, "REPLICAOF 127.0.0.1 %d", t.replica.port);
    CU_ASSERT_EQUAL(redis_one_ask(&t.primary, NULL, list), 1);
    redis_one_await(&t.primary, "master_link_status:up", "INFO replication");
    CU_ASSERT_STRING_EQUAL(ask_until_answered("SET k both")->text, "OK");
    CU_ASSERT_EQUAL(redis_one_ask(&t.primary, "both", "GET k"), 1);
    redis_one_end(&dead);
    finish();
}

static void
test_redis_leaves_a_primary_that_was_replaced_while_it_answered(void)
{
    const struct redis_wait wait = {.replicas = 0};
    const struct redis_login nobody = {SLICE_LIT(""), SLICE_LIT("")};
    const char *why;

    log_open("test", LOG_ERROR + 1);
    memset(&t, 0, sizeof t);
    redis_one_new(&t.primary);
    redis_one_new(&t.replica);
    redis_one_new(&t.sentinel);
    redis_one_start(&t.primary, NULL);
    redis_one_start(&t.replica, &t.primary);
    redis_one_watch(&t.sentinel, &t.primary);
    open_client("127.0.0.1:1", &wait, SLICE_LIT(""));
    CU_ASSERT_EQUAL_FATAL(redis_follow(t.redis, t.sentinel.address, "city", &nobody, &why), LC_OK);
    AWAIT(t.loop, t.ups == 1);
    ask("SET k v");
    redis_one_await(&t.sentinel, NULL, "SENTINEL FAILOVER city");
    AWAIT(t.loop, t.ups == 2);
    CU_ASSERT_STRING_EQUAL(ask_until_answered("SET k w")->text, "OK");
    CU_ASSERT_EQUAL(redis_one_ask(&t.replica, "w", "GET k"), 1);
    finish();
}

static void
test_redis_follow_refuses_what_is_no_list(void)
{
    static const char *const bad[] = {"", "a", "a:", ":1", "a:1,,b:2", "unix:/s"};
    const struct redis_wait off = {0};
    const struct redis_login nobody = {SLICE_LIT(""), SLICE_LIT("")};
    const char *why;

    memset(&t, 0, sizeof t);
    open_client("127.0.0.1:1", &off, SLICE_LIT(""));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        CU_ASSERT_EQUAL(redis_follow(t.redis, bad[i], "city", &nobody, &why), LC_EINVAL);
    CU_ASSERT_EQUAL(redis_follow(t.redis, "a:1", "", &nobody, &why), LC_EINVAL);
    CU_ASSERT_EQUAL(redis_follow(t.redis, "a:1", "two words", &nobody, &why), LC_EINVAL);
    close_client();
}

UNIT_MAIN("redis_wait", UNIT(test_redis_answers_when_the_replica_has_it),
          UNIT(test_redis_waits_once_a_turn_and_answers_in_order),
          UNIT(test_redis_loses_what_no_replica_has_and_lets_reads_pass),
          UNIT(test_redis_is_short_until_the_replica_is_back),
          UNIT(test_redis_does_not_acknowledge_what_another_wrote_and_no_replica_has),
          UNIT(test_redis_loses_kept_answers_with_the_connection),
          UNIT(test_redis_goes_on_alone_where_that_is_allowed_and_says_so),
          UNIT(test_redis_alone_asks_for_replicas_without_waiting),
          UNIT(test_redis_waits_twice_at_most_however_many_turns_wrote),
          UNIT(test_redis_alone_lets_go_of_all_turns_at_once),
          UNIT(test_redis_wait_for_refuses_times_that_are_none),
          UNIT(test_redis_trouble_of_knows_each_by_its_first_word),
          UNIT(test_redis_does_not_take_a_trouble_for_an_answer),
          UNIT(test_redis_follows_the_sentinels_to_the_next_primary),
          UNIT(test_redis_leaves_a_primary_that_was_replaced_while_it_answered),
          UNIT(test_redis_follow_refuses_what_is_no_list))
