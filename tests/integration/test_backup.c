/* A backup taken while orders flow, and a Redis that lost everything and got it back. */
#include "town.h"

#include "base/id.h"
#include "unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { BEFORE = 20 };

static struct town town;
static char ids[BEFORE + 2][UUID_TEXT];

/* placed: is it, by now? On a busy machine the answer may have been 202. */
static bool
placed(void *ctx)
{
    char state[32];

    town_state(&town, ctx, state);
    return strcmp(state, "placed") == 0;
}

/* order: a collection, placed; its id. */
static void
order(int i)
{
    char json[320];

    snprintf(json, sizeof json,
             "{\"external_order_id\":\"b%d\",\"fulfilment\":\"collection\",\"currency\":\"USD\","
             "\"customer\":{\"name\":\"Ada\"},"
             "\"dropoff\":{\"lat\":39.2861,\"lng\":-76.5877},"
             "\"lines\":[{\"sku\":\"TEA\",\"quantity\":1}]}",
             i);
    struct town_answer a = town_order(&town, json);
    json_t *j = town_json(&a);
    CU_ASSERT(a.status == 201 || a.status == 202);
    snprintf(ids[i], sizeof ids[i], "%s", town_text(j, "order_id"));
    json_decref(j);
    town_answer_free(&a);
    CU_ASSERT_TRUE(town_wait(placed, ids[i]));
}

static int
ctl(char *out, size_t size, const char *fmt)
{
    char words[256];

    snprintf(words, sizeof words, fmt, town.dir, town.dir);
    return town_lcctl(&town, out, size, words);
}

/* script: what Redis' EVAL says to it, as text; KEYS[1] = the hash of keys, ARGV[1] = the first
 * order. */
static void
script(char *out, size_t size, const char *lua)
{
    char command[512];

    snprintf(command, sizeof command, "redis-cli -s %s/redis.sock EVAL \"%s\" 1 '{bal}:keys' %s",
             town.dir, lua, ids[0]);
    FILE *f = popen(command, "r");
    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    size_t n = fread(out, 1, size - 1, f);
    out[n] = '\0';
    CU_ASSERT_EQUAL(pclose(f), 0);
}

/* What opens a photo has the form of the order's own key. */
#define PHOTO_KEY                                                                                  \
    "redis.call('HSET', KEYS[1], ARGV[1]..':photo', "                                              \
    "string.sub(redis.call('HGET', KEYS[1], ARGV[1]), 1, 87)..'x') return 'kept'"
#define PHOTO_SUM "return redis.sha1hex(redis.call('HGET', KEYS[1], ARGV[1]..':photo'))"
static char photo_sum[64];

static void
test_backup_is_taken_while_all_works(void)
{
    char out[4096];

    town_open(&town, TOWN_PATIENT);
    town_shop(&town, "tea-house", 39.2847, -76.5921, 1, "TEA,100,199\n");
    for (int i = 0; i < BEFORE; i++)
        order(i);
    script(out, sizeof out, PHOTO_KEY);
    CU_ASSERT_STRING_EQUAL(out, "kept\n");
    script(photo_sum, sizeof photo_sum, PHOTO_SUM);
    CU_ASSERT_EQUAL(ctl(out, sizeof out, "backup %s/city.rdb"), 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(out, "21 left out, 21 kept"));
    order(BEFORE); /* after it: will be gone */
}

static void
test_backup_refuses_what_cannot_be_written(void)
{
    char out[4096];

    CU_ASSERT_EQUAL(ctl(out, sizeof out, "backup %s/no/such/folder"), 3);
    CU_ASSERT_PTR_NOT_NULL(strstr(out, "No such file"));
}

static void
test_restore_refuses_data_that_are_there_and_what_is_no_backup(void)
{
    char out[4096], command[256];

    CU_ASSERT_EQUAL(ctl(out, sizeof out, "restore %s/city.rdb %s"), 1);
    CU_ASSERT_PTR_NOT_NULL(strstr(out, "there are data already"));
    snprintf(command, sizeof command, "mkdir %s/other && echo nothing >%s/text", town.dir,
             town.dir);
    CU_ASSERT_EQUAL(system(command), 0);
    CU_ASSERT_EQUAL(ctl(out, sizeof out, "restore %s/text %s/other"), 3);
    snprintf(command, sizeof command, "rmdir %s/other", town.dir); /* nothing is left of it */
    CU_ASSERT_EQUAL(system(command), 0);
}

static void
test_restore_says_that_the_keys_are_missing(void)
{
    char out[4096], command[256];

    snprintf(command, sizeof command, "mkdir %s/blind && ln %s/city.rdb %s/blind.rdb", town.dir,
             town.dir, town.dir);
    CU_ASSERT_EQUAL(system(command), 0);
    CU_ASSERT_EQUAL(ctl(out, sizeof out, "restore %s/blind.rdb %s/blind"), 1);
    CU_ASSERT_PTR_NOT_NULL(strstr(out, "21 left out, 0 kept"));
    CU_ASSERT_PTR_NOT_NULL(strstr(out, "without the file of keys"));
}

static void
test_restore_brings_back_what_was_there(void)
{
    char out[4096], command[256], state[32], sum[64];

    town_kill(&town, TOWN_REDIS);
    snprintf(command, sizeof command, "rm -r %s/appendonlydir", town.dir);
    CU_ASSERT_EQUAL(system(command), 0);
    CU_ASSERT_EQUAL(ctl(out, sizeof out, "restore %s/city.rdb %s"), 0);
    town_start(&town, TOWN_REDIS);
    town_ready(&town);
    script(sum, sizeof sum, PHOTO_SUM);
    CU_ASSERT_STRING_EQUAL(sum, photo_sum);
    for (int i = 0; i < BEFORE; i++) {
        town_state(&town, ids[i], state);
        CU_ASSERT_STRING_EQUAL(state, "placed");
    }
    struct town_answer a =
        town_http(&town, town.intake, "GET", "/v1/orders/b20", NULL, (struct slice){NULL, 0});
    CU_ASSERT_EQUAL(a.status, 404);
    town_answer_free(&a);
    CU_ASSERT_EQUAL(town_lcctl(&town, out, sizeof out, "audit"), 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(out, "orders 20"));
    order(BEFORE); /* and goes on from there */
    CU_ASSERT_EQUAL(town_lcctl(&town, out, sizeof out, "audit"), 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(out, "orders 21"));
}

/* archived: lines of the archive that match. */
static int
archived(const char *pattern)
{
    char command[256], out[64] = "";

    snprintf(command, sizeof command, "cat %s/orders-*.ndjson | grep -c '%s'", town.dir, pattern);
    FILE *f = popen(command, "r");
    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    size_t n = fread(out, 1, sizeof out - 1, f);
    CU_ASSERT(n > 0);
    pclose(f);
    return atoi(out);
}

/* cut_off: today's file of this kind ends in the middle of a line, as on a disk that was full. */
static void
cut_off(const char *kind)
{
    char path[256], day[16];
    time_t now = time(NULL);

    strftime(day, sizeof day, "%Y-%m-%d", gmtime(&now));
    snprintf(path, sizeof path, "%s/%s-%s.ndjson", town.dir, kind, day);
    FILE *f = fopen(path, "a");
    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    fputs("{\"cut", f);
    fclose(f);
}

static void
test_archive_takes_what_has_ended_out_of_redis(void)
{
    char out[4096], path[128], state[32];

    snprintf(path, sizeof path, "/v1/orders/%s/cancel", ids[0]);
    struct town_answer a =
        town_http(&town, town.intake, "POST", path, "Content-Type: application/json\r\n",
                  slice_str("{\"reason\":\"customer_cancelled\"}"));
    CU_ASSERT_EQUAL(a.status, 200);
    town_answer_free(&a);
    CU_ASSERT_EQUAL(ctl(out, sizeof out, "archive %s"), 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(out, "0 orders archived")); /* not a week old */
    CU_ASSERT_EQUAL(ctl(out, sizeof out, "archive %s --days 0.05"), 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(out, "0 orders archived")); /* nor an hour */
    CU_ASSERT_EQUAL(ctl(out, sizeof out, "archive %s --days -1"), 2);
    CU_ASSERT_EQUAL(ctl(out, sizeof out, "archive %s --days 1e3"), 2);
    cut_off("orders");
    CU_ASSERT_EQUAL(ctl(out, sizeof out, "archive %s --days 0"), 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(out, "1 orders archived"));
    CU_ASSERT_EQUAL(archived("^{\"order_id\""), 1);
    CU_ASSERT_EQUAL(archived("\"external_order_id\":\"b0\".*\"state\":\"cancelled\""), 1);
    CU_ASSERT_EQUAL(archived("order_id"), 1);

    snprintf(path, sizeof path, "/v1/orders/%s", ids[0]);
    a = town_http(&town, town.intake, "GET", path, NULL, (struct slice){NULL, 0});
    CU_ASSERT_EQUAL(a.status, 404);
    town_answer_free(&a);
    town_state(&town, ids[1], state);
    CU_ASSERT_STRING_EQUAL(state, "placed");
    CU_ASSERT_EQUAL(town_lcctl(&town, out, sizeof out, "audit"), 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(out, "orders 20"));
}

/* pieces: what the audit says of them, which nothing that the ledger leaves out may change. */
static void
pieces(char *line, size_t size)
{
    char out[4096];

    CU_ASSERT_EQUAL(town_lcctl(&town, out, sizeof out, "audit"), 0);
    const char *at = strstr(out, "pieces:");
    CU_ASSERT_PTR_NOT_NULL_FATAL(at);
    snprintf(line, size, "%.*s", (int)strcspn(at, "\n"), at);
}

static int
ledger_lines(const char *pattern)
{
    char command[256], out[64] = "";

    snprintf(command, sizeof command, "cat %s/ledger-*.ndjson 2>&1 | grep -c '%s'", town.dir,
             pattern);
    FILE *f = popen(command, "r");
    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    (void)fread(out, 1, sizeof out - 1, f);
    pclose(f);
    return atoi(out);
}

static void
test_archive_takes_the_old_ledger_and_the_books_add_up(void)
{
    char out[4096], before[512], after[512];

    pieces(before, sizeof before);
    CU_ASSERT_EQUAL(ledger_lines("\"cause\""), 0);
    CU_ASSERT_EQUAL(ctl(out, sizeof out, "archive %s --ledger 0"), 2);
    cut_off("ledger");
    CU_ASSERT_EQUAL(ctl(out, sizeof out, "archive %s --ledger 5"), 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(out, "entries of the ledger"));
    int lines = ledger_lines("\"cause\"");
    CU_ASSERT(lines > 0);
    CU_ASSERT_EQUAL(ledger_lines("^{\"entry\":\"1-"), lines);
    pieces(after, sizeof after);
    CU_ASSERT_STRING_EQUAL(before, after);
    order(BEFORE + 1);
    pieces(before, sizeof before);
    CU_ASSERT_EQUAL(ctl(out, sizeof out, "archive %s --ledger 1"), 0);
    CU_ASSERT(ledger_lines("\"cause\"") > lines);
    pieces(after, sizeof after);
    CU_ASSERT_STRING_EQUAL(before, after);
    CU_ASSERT_EQUAL(ctl(out, sizeof out, "archive %s --ledger 1"), 0);
    CU_ASSERT_PTR_NULL(strstr(out, "entries of the ledger"));
    town_close(&town);
}

UNIT_MAIN("backup", UNIT(test_backup_is_taken_while_all_works),
          UNIT(test_backup_refuses_what_cannot_be_written),
          UNIT(test_restore_refuses_data_that_are_there_and_what_is_no_backup),
          UNIT(test_restore_says_that_the_keys_are_missing),
          UNIT(test_restore_brings_back_what_was_there),
          UNIT(test_archive_takes_what_has_ended_out_of_redis),
          UNIT(test_archive_takes_the_old_ledger_and_the_books_add_up))
