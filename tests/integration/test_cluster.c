/* The five daemons over a Redis Cluster: orders are placed while the city's slot moves to another
 * node, and when that node dies. What was acknowledged is there, once; the books add up.
 *
 * LIFECIRCLE_CLUSTER_ROUNDS=N (tests/run cluster): N more faults in turn: a replica made the
 * primary, the primary killed and started again, the slot moved. */
#include "town.h"

#include "base/id.h"
#include "io/redis_nodes.h"

#include <stdio.h>
#include <stdlib.h>

enum { ORDERS_MOST = 4000 };

static struct town town;
static struct redis_nodes nodes;
static char ids[ORDERS_MOST][UUID_TEXT]; /* empty = not acknowledged */
static int placed, refused;

/* post: once; the status. */
static int
post(int i)
{
    char external_id[16];

    snprintf(external_id, sizeof external_id, "c%d", i);
    int status = town_collect(&town, external_id, ids[i]);
    if (status != 201 && status != 202) {
        CU_ASSERT_EQUAL(status, 503);
        refused++;
    }
    return status;
}

static bool
posted(void *ctx)
{
    int status = post(*(const int *)ctx);

    return status == 201 || status == 202;
}

static void
post_some(int n)
{
    for (; n > 0 && placed < ORDERS_MOST; n--)
        (void)post(placed++);
}

static void
test_town_comes_up_over_a_cluster(void)
{
    nodes_start(&nodes);
    setenv("LIFECIRCLE_REDIS_CLUSTER", nodes.seeds, 1);
    setenv("LIFECIRCLE_REDIS_WAIT_REPLICAS", "1", 1);
    setenv("LIFECIRCLE_REDIS_WAIT_MS", "1000", 1);
    setenv("LIFECIRCLE_ANSWER_MS", "1500", 1);
    town_open(&town, 0);
    town_shop(&town, "tea-house", 39.2847, -76.5921, 1, "TEA,100000,199\n");
    for (int i = 0; i < 20; i++, placed++)
        CU_ASSERT_TRUE(town_wait(posted, &i));
}

/* move: in a process of its own, while orders come in; leaves the slot between both for a while. */
static pid_t
move(int from, int to)
{
    pid_t pid = fork();

    CU_ASSERT_FATAL(pid >= 0);
    if (pid > 0)
        return pid;
    nodes_move_begin(&nodes, from, to);
    for (int i = 0; i < 5; i++) {
        nodes_move_some(&nodes, from, to, 10);
        poll(NULL, 0, 200);
    }
    nodes_move_end(&nodes, from, to);
    _exit(CU_get_number_of_failures() == 0 ? 0 : 1);
}

static void
test_orders_come_in_while_the_slot_moves(void)
{
    char out[4096];
    int status = -1;
    pid_t pid = move(0, 1);

    while (waitpid(pid, &status, WNOHANG) == 0)
        post_some(1);
    CU_ASSERT_EQUAL(status, 0);
    CU_ASSERT_EQUAL(nodes_await_owner(&nodes, 0), 1);
    CU_ASSERT_TRUE(town_wait(posted, &(int){0})); /* at its new place, it is known */
    post_some(20);
    CU_ASSERT_TRUE(town_metric(&town, TOWN_INTAKE, "redis_redirects_total{kind=\"moved\"}") > 0);
    CU_ASSERT_TRUE(town_metric(&town, TOWN_INTAKE, "redis_troubles_total{kind=\"migrating\"}") > 0);
    CU_ASSERT_EQUAL(town_lcctl(&town, out, sizeof out, "library show"), EXIT_FAILURE);
    CU_ASSERT_EQUAL(town_lcctl(&town, out, sizeof out, "library load"), 0); /* on all primaries */
    CU_ASSERT_EQUAL(town_lcctl(&town, out, sizeof out, "library show"), 0);
}

static void
test_orders_come_in_when_the_primary_dies(void)
{
    redis_one_kill(&nodes.one[1]);
    int owner = -1;
    while (owner < 0 && placed < ORDERS_MOST - 100) {
        post_some(1);
        owner = nodes_owner(&nodes);
    }
    CU_ASSERT_EQUAL(owner, NODE_REPLICA + 1);
    node_run(&nodes.one[1]); /* comes back, and follows: orders are acknowledged again */
    int next = placed++;
    CU_ASSERT_TRUE(town_wait(posted, &next));
    CU_ASSERT(refused > 0);
}

/* ---- many rounds ---- */

enum { KINDS = 3, AFTER = 10 };

static bool
is_primary(int node)
{
    return redis_one_ask(&nodes.one[node], "role:master", "INFO replication") == 1;
}

/* partner: the other of a primary and its replica, which change places. */
static int
partner(int node)
{
    return node < PRIMARIES ? node + PRIMARIES : node - PRIMARIES;
}

/* replaced: its replica is asked to take over, again when nothing has come of it. */
static void
replaced(int owner)
{
    int64_t again_ms = 0;

    while (!is_primary(partner(owner)) && placed < ORDERS_MOST) {
        if (town_now_ms() >= again_ms) {
            again_ms = town_now_ms() + 3000;
            (void)redis_one_ask(&nodes.one[partner(owner)], NULL, "CLUSTER FAILOVER");
        }
        post_some(1);
    }
}

static void
killed(int owner)
{
    redis_one_kill(&nodes.one[owner]);
    while (!is_primary(partner(owner)) && placed < ORDERS_MOST)
        post_some(1);
    node_run(&nodes.one[owner]);
    redis_one_await(&nodes.one[owner], "master_link_status:up", "INFO replication");
}

static void
moved(int owner)
{
    int to = owner % PRIMARIES == 0 ? 1 : 0;
    int status = -1;

    if (!is_primary(to))
        to = partner(to);
    pid_t pid = move(owner, to);
    while (waitpid(pid, &status, WNOHANG) == 0)
        post_some(1);
    CU_ASSERT_EQUAL(status, 0);
}

static void
test_orders_come_in_through_many_faults(void)
{
    static const struct {
        const char *what;
        void (*fault)(int owner);
    } kinds[KINDS] = {{"replaced", replaced}, {"killed", killed}, {"moved", moved}};
    const char *text = getenv("LIFECIRCLE_CLUSTER_ROUNDS");
    int rounds = text == NULL ? 0 : atoi(text);

    for (int i = 0; i < rounds; i++) {
        int owner = nodes_await_owner(&nodes, -1);
        int was = refused;
        int64_t begin_ms = town_now_ms();
        nodes_ok(&nodes);
        kinds[i % KINDS].fault(owner);
        CU_ASSERT_EQUAL(nodes_await_owner(&nodes, owner) != owner, 1);
        int next = placed++;
        CU_ASSERT_TRUE(town_wait(posted, &next));
        printf("  %-9s taken again after %lld ms, %d of %d refused before\n", kinds[i % KINDS].what,
               (long long)(town_now_ms() - begin_ms), refused - was, placed);
        fflush(stdout);
        post_some(AFTER);
    }
}

static void
test_nothing_acknowledged_is_lost(void)
{
    struct town_placed all = {&town, ids, placed};
    char out[4096], orders[32];

    town_ready(&town);
    for (int i = 0; i < placed; i++) /* all again: the same ids for those that were acknowledged */
        CU_ASSERT_TRUE(town_wait(posted, &i));
    CU_ASSERT_TRUE(town_wait(town_all_placed, &all));
    CU_ASSERT_EQUAL(town_lcctl(&town, out, sizeof out, "audit"), 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(out, "oversold 0"));
    snprintf(orders, sizeof orders, "orders %d", placed);
    CU_ASSERT_PTR_NOT_NULL(strstr(out, orders));
    town_close(&town);
    nodes_end(&nodes);
}

UNIT_MAIN("cluster", UNIT(test_town_comes_up_over_a_cluster),
          UNIT(test_orders_come_in_while_the_slot_moves),
          UNIT(test_orders_come_in_when_the_primary_dies),
          UNIT(test_orders_come_in_through_many_faults), UNIT(test_nothing_acknowledged_is_lost))
