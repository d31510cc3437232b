/* One city in a real Redis Cluster, under load: its slot moves, its primary is replaced and killed,
 * the cluster loses a slot, the memory is full. What was answered is there, once. The tests share
 * one cluster and go on where the one before has left it. */
#include "await.h"
#include "redis_nodes.h"

#include "io/redis.h"
#include "io/resolve.h"

enum { IDS = 20000, FLYING = 16, TAG_READ = 1000000, TAG_ONE = 2000000, MANY = 1100 };

static const char library[] =
    "#!lua name=lifecircle\n"
    "redis.register_function('add', function(k, a)\n"
    "  if redis.call('EXISTS', k[1] .. ':order:' .. a[1]) == 1 then return 2 end\n"
    "  redis.call('SET', k[1] .. ':order:' .. a[1], 'kept')\n"
    "  redis.call('INCR', k[1] .. ':n')\n"
    "  return 1\n"
    "end)\n"
    "redis.register_function{function_name='there', flags={'no-writes'}, callback=function(k, a)\n"
    "  return redis.call('EXISTS', k[1] .. ':order:' .. a[1])\n"
    "end}\n";

enum fate { NEVER, FLIES, FELL, ACKNOWLEDGED };

static struct redis_nodes nodes;

static struct {
    struct loop *loop;
    struct resolver *resolver;
    struct redis *redis;
    unsigned ups;
    bool loads; /* new ids are sent as old ones are answered */
    unsigned next, flying, acknowledged;
    uint8_t fate[IDS];
    unsigned reads, reads_right, reads_lost;
    enum reply_kind kind; /* of the last single call */
    int64_t integer;
    char text[64];
    bool answered;
    unsigned answers;
    bool bursts; /* whoever is told LOST calls, more than the ring has room for */
} t;

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

static void
add(unsigned id)
{
    char words[64];

    snprintf(words, sizeof words, "FCALL add 1 {bal} %u", id);
    t.fate[id] = FLIES;
    t.flying++;
    call(id + 1, words);
}

/* more: as many as fly at once, those that fell first. */
static void
more(void)
{
    for (unsigned id = 0; id < t.next && t.flying < FLYING; id++)
        if (t.fate[id] == FELL)
            add(id);
    while (t.loads && t.flying < FLYING && t.next < IDS)
        add(t.next++);
    redis_flush(t.redis);
}

static void
on_reply(void *ctx, uint64_t tag, const struct reply *reply)
{
    (void)ctx;
    if (tag > TAG_ONE) {
        t.reads_lost += reply->kind == REPLY_LOST;
        for (int i = 0; t.bursts && i < MANY; i++)
            call(TAG_READ, "GET {bal}:none");
        redis_flush(t.redis);
    } else if (tag == TAG_ONE) {
        t.answers++;
        t.kind = reply->kind;
        t.integer = reply->integer;
        snprintf(t.text, sizeof t.text, "%.*s", (int)reply->str.n, reply->str.p);
        t.answered = true;
    } else if (tag >= TAG_READ) {
        t.reads++;
        t.reads_right += reply->kind == REPLY_STRING && slice_eq_str(reply->str, "kept");
        t.reads_lost += reply->kind == REPLY_LOST;
    } else {
        t.flying--;
        t.fate[tag - 1] = reply->kind == REPLY_LOST ? FELL : ACKNOWLEDGED;
        if (reply->kind != REPLY_LOST) {
            CU_ASSERT_EQUAL(reply->kind, REPLY_INT);
            t.acknowledged++;
            more();
        }
    }
}

static void
on_up(void *ctx)
{
    (void)ctx;
    t.ups++;
    if (t.next > 0 || t.loads)
        more();
}

static void
open_client(const char *seeds, unsigned replicas)
{
    static const struct redis_handlers handlers = {on_reply, on_up};
    const struct redis_login nobody = {SLICE_LIT(""), SLICE_LIT("")};
    const struct redis_wait wait = {.replicas = replicas, .ms = 1000};
    const char *why;

    memset(&t, 0, sizeof t);
    t.loop = loop_new();
    t.resolver = resolver_new(t.loop);
    CU_ASSERT_EQUAL_FATAL(redis_new(t.loop, t.resolver, "127.0.0.1:1", &nobody, slice_str(library),
                                    &handlers, NULL, &t.redis, &why),
                          LC_OK);
    CU_ASSERT_EQUAL_FATAL(redis_wait_for(t.redis, &wait, &why), LC_OK);
    CU_ASSERT_EQUAL_FATAL(redis_follow_cluster(t.redis, seeds, "{bal}", &why), LC_OK);
}

static void
close_client(void)
{
    redis_destroy(t.redis);
    resolver_destroy(t.resolver);
    loop_destroy(t.loop);
}

/* ask: one call, waited for. */
static enum reply_kind
ask(const char *words)
{
    t.answered = false;
    call(TAG_ONE, words);
    redis_flush(t.redis);
    AWAIT(t.loop, t.answered);
    return t.kind;
}

/* ask_until: repeated as long as it is LOST. */
static void
ask_until(const char *words)
{
    AWAIT(t.loop, ask(words) != REPLY_LOST);
}

/* clear: an empty city. */
static void
clear(void)
{
    int owner = nodes_await_owner(&nodes, -1);
    redis_one_await(&nodes.one[owner], NULL, "FLUSHALL");
}

static void
begin(unsigned replicas)
{
    log_open("test", LOG_ERROR + 1);
    nodes_ok(&nodes);
    clear();
    open_client(nodes.seeds, replicas);
    AWAIT(t.loop, t.ups == 1);
    t.loads = true;
    more();
}

/* land: all that was begun is acknowledged; each is there, and was done once. */
static void
land(void)
{
    char words[64], n[16];

    t.loads = false;
    AWAIT(t.loop, t.flying == 0 && t.acknowledged == t.next);
    CU_ASSERT(t.acknowledged > 0);
    snprintf(n, sizeof n, "%u", t.next);
    ask_until("GET {bal}:n");
    CU_ASSERT_STRING_EQUAL(t.text, n);
    t.reads = t.reads_right = 0;
    for (unsigned id = 0; id < t.next; id++) {
        snprintf(words, sizeof words, "GET {bal}:order:%u", id);
        call(TAG_READ, words);
    }
    redis_flush(t.redis);
    AWAIT(t.loop, t.reads == t.next);
    CU_ASSERT_EQUAL(t.reads_right, t.next);
    CU_ASSERT_EQUAL(redis_waiting(t.redis), 0);
    close_client();
}

/* load_some: until n more are acknowledged. */
static void
load_some(unsigned n)
{
    unsigned before = t.acknowledged;

    AWAIT(t.loop, t.acknowledged >= before + n);
}

/* read_all: every order so far; how many were right, and none may be wrong. */
static void
read_all(void)
{
    char words[64];
    unsigned n = 0;

    t.reads = t.reads_right = t.reads_lost = 0;
    for (unsigned id = 0; id < t.next; id++)
        if (t.fate[id] == ACKNOWLEDGED) {
            snprintf(words, sizeof words, "GET {bal}:order:%u", id);
            call(TAG_READ, words);
            n++;
        }
    redis_flush(t.redis);
    AWAIT(t.loop, t.reads == n);
    CU_ASSERT_EQUAL(t.reads_right + t.reads_lost, n);
}

/* ---- tests ---- */

static void
test_redis_finds_the_city_from_whatever_node_is_asked(void)
{
    struct redis_one dead;
    char seeds[64];

    nodes_start(&nodes);
    redis_one_new(&dead);
    for (int i = 0; i < NODES; i++) {
        snprintf(seeds, sizeof seeds, "%s,%s", dead.address, nodes.one[i].address);
        open_client(seeds, 0);
        AWAIT(t.loop, t.ups == 1);
        CU_ASSERT_EQUAL(ask("FCALL add 1 {bal} 7"), REPLY_INT);
        CU_ASSERT_EQUAL(t.integer, i == 0 ? 1 : 2);
        CU_ASSERT_EQUAL(redis_counts(t.redis)->moved, i != 0);
        close_client();
    }
    CU_ASSERT_EQUAL(redis_one_ask(&nodes.one[0], "kept", "GET {bal}:order:7"), 1);
    redis_one_end(&dead);
}

static void
test_redis_that_expects_no_cluster_does_not_take_moved_for_an_answer(void)
{
    static const struct redis_handlers handlers = {on_reply, on_up};
    const struct redis_login nobody = {SLICE_LIT(""), SLICE_LIT("")};
    const char *why;

    memset(&t, 0, sizeof t);
    t.loop = loop_new();
    t.resolver = resolver_new(t.loop);
    CU_ASSERT_EQUAL_FATAL(redis_new(t.loop, t.resolver, nodes.one[1].address, &nobody,
                                    slice_of(NULL, 0), &handlers, NULL, &t.redis, &why),
                          LC_OK);
    AWAIT(t.loop, t.ups == 1);
    CU_ASSERT_EQUAL(ask("GET {bal}:order:7"), REPLY_LOST);
    CU_ASSERT_EQUAL(redis_counts(t.redis)->troubles[REDIS_MOVED], 1);
    close_client();
}

/* there_by_asking: what the function would say on the node the slot is on its way to. */
static long long
there_by_asking(int node, unsigned id)
{
    redisContext *c = redisConnect("127.0.0.1", nodes.one[node].port);

    CU_ASSERT_FATAL(c != NULL && c->err == 0);
    redisReply *asking = redisCommand(c, "ASKING");
    redisReply *there = redisCommand(c, "FCALL_RO there 1 {bal} %u", id);
    long long n = there != NULL && there->type == REDIS_REPLY_INTEGER ? there->integer : -1;
    freeReplyObject(asking);
    freeReplyObject(there);
    redisFree(c);
    return n;
}

static void
test_redis_goes_along_when_the_slot_moves(void)
{
    begin(0);
    /* the functions are there already, as after redis-cli --cluster add-node */
    redisContext *c = redisConnect("127.0.0.1", nodes.one[1].port);
    redisReply *loaded = redisCommand(c, "FUNCTION LOAD REPLACE %s", library);
    CU_ASSERT_EQUAL(loaded->type, REDIS_REPLY_STRING);
    freeReplyObject(loaded);
    redisFree(c);
    load_some(200);
    nodes_move_begin(&nodes, 0, 1);
    AWAIT(t.loop, redis_counts(t.redis)->troubles[REDIS_MIGRATING] > 0);
    for (int i = 0; i < 4; i++) {
        CU_ASSERT_TRUE(nodes_move_some(&nodes, 0, 1, 40));
        read_all(); /* half of them here, half there */
    }
    CU_ASSERT(redis_counts(t.redis)->asked > 0);
    /* why functions must not be asked there: they would find half a city */
    unsigned missing = 0;
    for (unsigned id = 0; id < t.next; id++)
        missing += t.fate[id] == ACKNOWLEDGED && there_by_asking(1, id) == 0;
    CU_ASSERT(missing > 0);
    CU_ASSERT_EQUAL(ask("FCALL_RO there 1 {bal} 0"), REPLY_LOST);
    nodes_move_end(&nodes, 0, 1);
    load_some(200);
    CU_ASSERT(redis_counts(t.redis)->moved > 0);
    CU_ASSERT_EQUAL(nodes_await_owner(&nodes, 0), 1);
    land();
}

/* Nothing is in two pieces here, so nothing has to wait: what the old node refuses is sent again.
 */
static void
test_redis_sends_again_what_a_node_without_the_slot_refuses(void)
{
    begin(0);
    load_some(50);
    t.loads = false;
    AWAIT(t.loop, t.flying == 0 && t.acknowledged == t.next);
    uint64_t lost = redis_counts(t.redis)->lost;
    nodes_move_begin(&nodes, 1, 0);
    nodes_move_end(&nodes, 1, 0);
    t.loads = true;
    more();
    load_some(50);
    CU_ASSERT(redis_counts(t.redis)->resent > 0);
    CU_ASSERT_EQUAL(redis_counts(t.redis)->lost, lost);
    land();
}

/* Whoever hears of what is LOST with the connection aside may call at once, while the answer that
 * makes it leave is being taken. */
static void
test_redis_answers_once_when_the_slot_is_to_go_elsewhere(void)
{
    begin(0);
    load_some(20);
    t.loads = false;
    AWAIT(t.loop, t.flying == 0 && t.acknowledged == t.next);
    nodes_move_begin(&nodes, 0, 1);
    node_tell(&nodes.one[1], "CLIENT PAUSE 1500 ALL");
    t.bursts = true;
    t.reads = t.reads_lost = t.answers = 0;
    call(TAG_ONE + 1, "GET {bal}:none");
    redis_flush(t.redis);
    AWAIT(t.loop, redis_counts(t.redis)->asked == 1);
    node_tell(&nodes.one[0], "CLUSTER SETSLOT %d STABLE", CITY_SLOT);
    nodes_move_begin(&nodes, 0, 2);
    CU_ASSERT_EQUAL(t.reads_lost, 0);
    CU_ASSERT_EQUAL(ask("GET {bal}:none"), REPLY_NIL);
    AWAIT(t.loop, t.reads == MANY && redis_waiting(t.redis) == 0);
    CU_ASSERT_EQUAL(t.reads_lost, 1);
    CU_ASSERT_EQUAL(t.answers, 1);
    for (int i = 0; i < PRIMARIES; i++)
        node_tell(&nodes.one[i], "CLUSTER SETSLOT %d STABLE", CITY_SLOT);
    land();
}

/* is_replaced: asked for again when nothing came of it: a replica that has not heard of the last
 * move of a slot yet gets no votes. */
static bool
is_replaced(int64_t *again_ms)
{
    if (redis_one_ask(&nodes.one[NODE_REPLICA], "role:master", "INFO replication") == 1)
        return redis_counts(t.redis)->connects > 1;
    if (loop_mono_ms() >= *again_ms) {
        *again_ms = loop_mono_ms() + 3000;
        (void)redis_one_ask(&nodes.one[NODE_REPLICA], NULL, "CLUSTER FAILOVER");
    }
    return false;
}

static void
test_redis_loses_nothing_when_a_replica_is_made_the_primary(void)
{
    begin(1);
    load_some(50);
    int64_t again_ms = 0;
    AWAIT(t.loop, is_replaced(&again_ms));
    load_some(50);
    CU_ASSERT_EQUAL(nodes_await_owner(&nodes, 0), NODE_REPLICA);
    CU_ASSERT(redis_counts(t.redis)->moved > 0);
    land();
}

static void
test_redis_loses_nothing_when_the_primary_is_killed(void)
{
    begin(1);
    load_some(50);
    int was = nodes_await_owner(&nodes, -1);
    redis_one_kill(&nodes.one[was]);
    int owner = -1;
    AWAIT(t.loop, (owner = nodes_owner(&nodes)) >= 0 && owner != was);
    node_run(&nodes.one[was]); /* comes back, and follows */
    load_some(50);
    land();
}

static void
test_redis_waits_for_a_cluster_that_lacks_a_slot(void)
{
    begin(0);
    load_some(20);
    for (int i = 0; i < NODES; i++)
        (void)redis_one_ask(&nodes.one[i], NULL, "CLUSTER DELSLOTS 0");
    AWAIT(t.loop, redis_counts(t.redis)->troubles[REDIS_CLUSTERDOWN] > 0);
    AWAIT(t.loop, !redis_is_up(t.redis));
    node_tell(&nodes.one[1], "CLUSTER ADDSLOTS 0");
    load_some(20);
    land();
}

static void
test_redis_takes_nothing_when_the_memory_is_full(void)
{
    begin(0);
    load_some(20);
    int owner = nodes_await_owner(&nodes, -1);
    node_tell(&nodes.one[owner], "CONFIG SET maxmemory 1");
    AWAIT(t.loop, redis_counts(t.redis)->troubles[REDIS_OOM] > 0);
    CU_ASSERT_TRUE(redis_is_up(t.redis));
    ask_until("GET {bal}:n"); /* reads go on */
    CU_ASSERT_EQUAL(t.kind, REPLY_STRING);
    node_tell(&nodes.one[owner], "CONFIG SET maxmemory 0");
    load_some(20);
    land();
    nodes_end(&nodes);
}

static void
test_redis_follow_cluster_refuses_what_is_no_list(void)
{
    static const char *const bad[] = {"", "a", "a:", ":1", "a:1,,b:2", "unix:/s", "a:123456"};
    static const struct redis_handlers handlers = {on_reply, on_up};
    const struct redis_login nobody = {SLICE_LIT(""), SLICE_LIT("")};
    const char *why;

    memset(&t, 0, sizeof t);
    t.loop = loop_new();
    t.resolver = resolver_new(t.loop);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        CU_ASSERT_EQUAL_FATAL(redis_new(t.loop, t.resolver, "127.0.0.1:1", &nobody,
                                        slice_of(NULL, 0), &handlers, NULL, &t.redis, &why),
                              LC_OK);
        CU_ASSERT_EQUAL(redis_follow_cluster(t.redis, bad[i], "{bal}", &why), LC_EINVAL);
        redis_destroy(t.redis);
    }
    resolver_destroy(t.resolver);
    loop_destroy(t.loop);
}

UNIT_MAIN("redis_cluster", UNIT(test_redis_finds_the_city_from_whatever_node_is_asked),
          UNIT(test_redis_that_expects_no_cluster_does_not_take_moved_for_an_answer),
          UNIT(test_redis_answers_once_when_the_slot_is_to_go_elsewhere),
          UNIT(test_redis_goes_along_when_the_slot_moves),
          UNIT(test_redis_sends_again_what_a_node_without_the_slot_refuses),
          UNIT(test_redis_loses_nothing_when_a_replica_is_made_the_primary),
          UNIT(test_redis_loses_nothing_when_the_primary_is_killed),
          UNIT(test_redis_waits_for_a_cluster_that_lacks_a_slot),
          UNIT(test_redis_takes_nothing_when_the_memory_is_full),
          UNIT(test_redis_follow_cluster_refuses_what_is_no_list))
