/* redis_nodes: a private Redis Cluster on free ports of the loopback: three primaries, and a
 * replica of the one that has the slot of {bal}. Gone with the test. Slots are moved here step by
 * step, as redis-cli does it, so that a test can look in between. */
#ifndef LC_TESTS_IO_REDIS_NODES_H
#define LC_TESTS_IO_REDIS_NODES_H

#include "redis_set.h"

enum { NODES = 5, PRIMARIES = 3, NODE_REPLICA = 3, NODE_TIMEOUT_MS = 3000, CITY_SLOT = 8250 };

struct redis_nodes {
    struct redis_one one[NODES]; /* the first has the city at the start; 3 follows 0, 4 follows 1 */
    char id[NODES][48];
    char seeds[200]; /* all of them, host:port */
};

/* redis_one_text: one command, blocking; false when the answer is no text. */
static inline bool
redis_one_text(const struct redis_one *s, char *out, size_t size, const char *words)
{
    redisContext *c = redisConnectWithTimeout("127.0.0.1", s->port, (struct timeval){1, 0});
    redisReply *reply = NULL;
    bool ok = false;

    if (c != NULL && c->err == 0) {
        redisSetTimeout(c, (struct timeval){5, 0});
        reply = redisCommand(c, words);
    }
    if (reply != NULL && (reply->type == REDIS_REPLY_STRING || reply->type == REDIS_REPLY_ERROR)) {
        snprintf(out, size, "%s", reply->str);
        ok = true;
    }
    if (reply != NULL)
        freeReplyObject(reply);
    if (c != NULL)
        redisFree(c);
    return ok;
}

/* node_tell: a command that must be answered with OK. */
static inline void __attribute__((format(printf, 2, 3)))
node_tell(const struct redis_one *s, const char *fmt, ...)
{
    char words[512];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(words, sizeof words, fmt, ap);
    va_end(ap);
    long long got = redis_one_ask(s, NULL, words);
    if (got != 1)
        printf("\n  refused: %s\n", words);
    CU_ASSERT_EQUAL(got, 1);
}

static inline void
node_run(struct redis_one *s)
{
    char config[512];

    if (s->bus_held < 0)
        s->bus_held = hold_port(&s->bus);
    snprintf(config, sizeof config,
             "port %d\nbind 127.0.0.1\ndir %s\nsave \"\"\nappendonly yes\nappendfsync always\n"
             "repl-diskless-sync-delay 0\ncluster-enabled yes\ncluster-port %d\n"
             "cluster-node-timeout %d\ncluster-replica-validity-factor 0\n",
             s->port, s->dir, s->bus, NODE_TIMEOUT_MS);
    redis_one_run(s, config); /* of a node that was up before: the configuration of then */
}

/* nodes_ok: waits until all that live agree that the cluster is whole. */
static inline void
nodes_ok(const struct redis_nodes *c)
{
    for (int i = 0; i < NODES; i++)
        if (c->one[i].pid > 0)
            redis_one_await(&c->one[i], "cluster_state:ok", "CLUSTER INFO");
}

static inline void
nodes_start(struct redis_nodes *c)
{
    static const int slots[][2] = {{5461, 10922}, {0, 5460}, {10923, 16383}};
    char words[128];

    *c = (struct redis_nodes){0};
    for (int i = 0; i < NODES; i++) {
        redis_one_new(&c->one[i]);
        node_run(&c->one[i]);
        snprintf(c->seeds + strlen(c->seeds), sizeof c->seeds - strlen(c->seeds), "%s%s",
                 i > 0 ? "," : "", c->one[i].address);
    }
    for (int i = 0; i < NODES; i++) {
        redis_one_await(&c->one[i], NULL, "PING");
        CU_ASSERT_TRUE_FATAL(redis_one_text(&c->one[i], c->id[i], sizeof c->id[i], "CLUSTER MYID"));
        node_tell(&c->one[i], "CLUSTER SET-CONFIG-EPOCH %d", i + 1);
        if (i < PRIMARIES)
            node_tell(&c->one[i], "CLUSTER ADDSLOTSRANGE %d %d", slots[i][0], slots[i][1]);
    }
    for (int i = 1; i < NODES; i++)
        node_tell(&c->one[0], "CLUSTER MEET 127.0.0.1 %d %d", c->one[i].port, c->one[i].bus);
    for (int i = 0; i < NODES; i++)
        redis_one_await(&c->one[i], "cluster_known_nodes:5", "CLUSTER INFO");
    for (int i = PRIMARIES; i < NODES; i++) { /* until it has heard of that one */
        snprintf(words, sizeof words, "CLUSTER REPLICATE %s", c->id[i - PRIMARIES]);
        redis_one_await(&c->one[i], NULL, words);
        redis_one_await(&c->one[i], "master_link_status:up", "INFO replication");
    }
    nodes_ok(c);
}

static inline void
nodes_end(struct redis_nodes *c)
{
    for (int i = 0; i < NODES; i++)
        redis_one_end(&c->one[i]);
}

/* nodes_owner: who has the city, as this one sees itself; -1 = nobody yet. */
static inline int
nodes_owner(const struct redis_nodes *c)
{
    char text[256];

    for (int i = 0; i < NODES; i++) {
        if (c->one[i].pid <= 0 || redis_one_ask(&c->one[i], "role:master", "INFO replication") != 1)
            continue;
        if (redis_one_ask(&c->one[i], NULL, "EXISTS {bal}") == 0)
            return i;
        /* or it is on its way from there */
        if (redis_one_text(&c->one[i], text, sizeof text, "EXISTS {bal}") &&
            strncmp(text, "ASK ", 4) == 0)
            return i;
    }
    return -1;
}

/* nodes_await_owner: until somebody else than `was` has the city, 20 s at most. */
static inline int
nodes_await_owner(const struct redis_nodes *c, int was)
{
    for (int i = 0; i < 2000; i++) {
        int owner = nodes_owner(c);
        if (owner >= 0 && owner != was)
            return owner;
        poll(NULL, 0, 10);
    }
    CU_FAIL_FATAL("nobody else took the city over");
    return -1;
}

/* ---- moving the city's slot ---- */

static inline void
nodes_move_begin(const struct redis_nodes *c, int from, int to)
{
    node_tell(&c->one[to], "CLUSTER SETSLOT %d IMPORTING %s", CITY_SLOT, c->id[from]);
    node_tell(&c->one[from], "CLUSTER SETSLOT %d MIGRATING %s", CITY_SLOT, c->id[to]);
}

/* nodes_move_some: up to n keys; false when there are none left. */
static inline bool
nodes_move_some(const struct redis_nodes *c, int from, int to, int n)
{
    redisContext *r = redisConnect("127.0.0.1", c->one[from].port);
    bool any = false;

    CU_ASSERT_FATAL(r != NULL && r->err == 0);
    redisReply *keys = redisCommand(r, "CLUSTER GETKEYSINSLOT %d %d", CITY_SLOT, n);
    CU_ASSERT_PTR_NOT_NULL_FATAL(keys);
    /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): FATAL does not come back */
    for (size_t i = 0; i < keys->elements; i++) {
        redisReply *moved = redisCommand(r, "MIGRATE 127.0.0.1 %d %s 0 5000", c->one[to].port,
                                         keys->element[i]->str);
        CU_ASSERT_FATAL(moved != NULL && moved->type == REDIS_REPLY_STATUS);
        freeReplyObject(moved);
        any = true;
    }
    freeReplyObject(keys);
    redisFree(r);
    return any;
}

static inline void
nodes_move_end(const struct redis_nodes *c, int from, int to)
{
    while (nodes_move_some(c, from, to, 100))
        ;
    node_tell(&c->one[to], "CLUSTER SETSLOT %d NODE %s", CITY_SLOT, c->id[to]);
    node_tell(&c->one[from], "CLUSTER SETSLOT %d NODE %s", CITY_SLOT, c->id[to]);
}

#endif
