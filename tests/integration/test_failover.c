/* Redis with a replica and a Sentinel: the replica's link is cut, then the primary dies. What was
 * acknowledged is there; what could not be guaranteed was not acknowledged, and can be repeated. */
#include "town.h"

#include "base/id.h"
#include "base/personal.h"
#include "io/file.h"
#include "io/redis_set.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>

enum { SAFE = 20, CUT = 3, ORDERS = SAFE + CUT };

static struct town town;
static struct redis_one primary, replica, sentinel;
static char ids[ORDERS][UUID_TEXT];

/* post: once; the status. */
static int
post(int i)
{
    char external_id[16];

    snprintf(external_id, sizeof external_id, "f%d", i);
    return town_collect(&town, external_id, ids[i]);
}

static bool
posted(void *ctx)
{
    int status = post(*(const int *)ctx);

    return status == 201 || status == 202;
}

static void
test_town_comes_up_over_sentinels(void)
{
    redis_set_watched(&primary, &replica, &sentinel);
    setenv("LIFECIRCLE_ANSWER_MS", "1000", 1);
    town_open(&town, 0);
    town_shop(&town, "tea-house", 39.2847, -76.5921, 1, "TEA,100,199\n");
}

static void
test_orders_are_acknowledged_with_the_replica_and_not_without(void)
{
    for (int i = 0; i < SAFE; i++)
        CU_ASSERT_TRUE(town_wait(posted, &i));
    kill(replica.pid, SIGSTOP);
    for (int i = SAFE; i < ORDERS; i++)
        CU_ASSERT_EQUAL(post(i), 503);
}

static void
test_nothing_acknowledged_is_lost_with_the_primary(void)
{
    struct town_placed all = {&town, ids, ORDERS};
    char words[64];

    redis_one_kill(&primary);
    kill(replica.pid, SIGCONT);
    redis_one_await(&replica, "role:master", "INFO replication");
    redis_one_start(&primary, NULL); /* comes back, and follows: Sentinels take longer to say so */
    snprintf(words, sizeof words, "REPLICAOF 127.0.0.1 %d", replica.port);
    CU_ASSERT_EQUAL(redis_one_ask(&primary, NULL, words), 1);
    redis_one_await(&primary, "master_link_status:up", "INFO replication");
    town_ready(&town);
    for (int i = 0; i < ORDERS; i++) /* the safe ones again: the same ids */
        CU_ASSERT_TRUE(town_wait(posted, &i));
    CU_ASSERT_TRUE(town_wait(town_all_placed, &all));
}

static struct slice sought;
static int files_found;

static int
look_into(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    struct buf b = {0};

    (void)at;
    if (kind == FTW_F && st->st_size > 0 && file_read(path, (size_t)1 << 30, &b) == LC_OK)
        files_found += memmem(b.p, b.n, sought.p, sought.n) != NULL;
    buf_free(&b);
    return 0;
}

/* files_with_key: in how many files of this server an order's key is, as Redis' own have it. */
static int
files_with_key(const struct redis_one *s, const char *key)
{
    sought = slice_of(key + PERSONAL_MARK_SIZE, 24);
    files_found = 0;
    CU_ASSERT_EQUAL(nftw(s->dir, look_into, 16, FTW_PHYS), 0);
    return files_found;
}

static bool
cancelled(void *ctx)
{
    char path[96];

    (void)ctx;
    snprintf(path, sizeof path, "/v1/orders/%s/cancel", ids[0]);
    struct town_answer a =
        town_http(&town, town.intake, "POST", path, "Content-Type: application/json\r\n",
                  SLICE_LIT("{\"reason\":\"customer_cancelled\"}"));
    bool is = a.status == 200;
    town_answer_free(&a);
    return is;
}

/* erased: by all; a replica that is late is waited for by doing it again. */
static bool
erased(void *ctx)
{
    char out[1024], words[128];

    (void)ctx;
    snprintf(words, sizeof words, "forget %s", ids[0]);
    return town_lcctl(&town, out, sizeof out, words) == 0;
}

/* The key of what is known of the customer is destroyed in every server's file. */
static void
test_erasing_rewrites_the_replicas_file_too(void)
{
    redisContext *c = redisConnect("127.0.0.1", replica.port); /* the primary by now */
    redisReply *key = redisCommand(c, "HGET {bal}:keys %s", ids[0]);
    char out[1024], words[128];

    CU_ASSERT_FATAL(key != NULL && key->type == REDIS_REPLY_STRING && key->len == PERSONAL_KEY);
    CU_ASSERT(files_with_key(&primary, key->str) > 0);
    CU_ASSERT(files_with_key(&replica, key->str) > 0);
    CU_ASSERT_TRUE(town_wait(cancelled, NULL));
    CU_ASSERT_TRUE(town_wait(erased, NULL));
    CU_ASSERT_EQUAL(files_with_key(&primary, key->str), 0);
    CU_ASSERT_EQUAL(files_with_key(&replica, key->str), 0);
    /* one that does not follow is named: its file keeps what it has */
    redis_one_kill(&primary);
    redis_one_await(&replica, "connected_slaves:0", "INFO replication");
    snprintf(words, sizeof words, "forget %s", ids[0]);
    CU_ASSERT_EQUAL(town_lcctl(&town, out, sizeof out, words), 3);
    CU_ASSERT_PTR_NOT_NULL(strstr(out, primary.address));
    redis_one_start(&primary, NULL);
    snprintf(words, sizeof words, "REPLICAOF 127.0.0.1 %d", replica.port);
    CU_ASSERT_EQUAL(redis_one_ask(&primary, NULL, words), 1);
    redis_one_await(&primary, "master_link_status:up", "INFO replication");
    freeReplyObject(key);
    redisFree(c);
}

static void
test_books_add_up(void)
{
    char out[4096];

    CU_ASSERT_EQUAL(town_lcctl(&town, out, sizeof out, "audit"), 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(out, "oversold 0"));
    CU_ASSERT_PTR_NOT_NULL(strstr(out, "orders 23"));
    town_close(&town);
    redis_one_end(&sentinel);
    redis_one_end(&replica);
    redis_one_end(&primary);
}

UNIT_MAIN("failover", UNIT(test_town_comes_up_over_sentinels),
          UNIT(test_orders_are_acknowledged_with_the_replica_and_not_without),
          UNIT(test_nothing_acknowledged_is_lost_with_the_primary),
          UNIT(test_erasing_rewrites_the_replicas_file_too), UNIT(test_books_add_up))
