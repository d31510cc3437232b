/* Who an order was for: read by those who must, found nowhere in plain, and gone when it is erased.
 *
 * Everything that the daemons, Redis and lcctl write lies in the town's folder: what is not found
 * there in any file is nowhere. */
#include "town.h"

#include "base/id.h"
#include "base/personal.h"
#include "io/file.h"
#include "unit/unit.h"

#include <ftw.h>
#include <hiredis/hiredis.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

static struct town town;
static redisContext *redis;

#define NAME "Gwendolyn MARKNAME"
#define STREET "4242 MARKSTREET"
#define NOTES "behind the MARKNOTES"
#define PHONE "+14105559876"
#define WORDS "MARKWORDS were kind"

static const char *const marks[] = {"MARKNAME", "MARKSTREET", "MARKNOTES", "4105559876"};
enum { MARKS = sizeof marks / sizeof *marks };

struct key {
    uint8_t b[PERSONAL_KEY];
};

/* What is looked for, and in how many files it was found. */
static struct {
    struct slice what[2]; /* the second may be empty */
    const char *leave_out;
    int n;
    bool expected;
} hunt;

static int
look_into(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    struct buf b = {0};

    if (kind != FTW_F || st->st_size == 0 ||
        (hunt.leave_out != NULL && strcmp(path + at->base, hunt.leave_out) == 0))
        return 0;
    if (file_read(path, (size_t)1 << 30, &b) == LC_OK)
        for (size_t i = 0; i < 2 && hunt.what[i].n > 0; i++)
            if (memmem(b.p, b.n, hunt.what[i].p, hunt.what[i].n) != NULL) {
                hunt.n++;
                if (!hunt.expected)
                    fprintf(stderr, "\n  found in %s\n", path);
                break;
            }
    buf_free(&b);
    return 0;
}

/* hunt_in: in how many files below the town's `where`; they are named when there should be none. */
static int
hunt_in(const char *where, bool expected)
{
    char path[128];

    snprintf(path, sizeof path, "%s/%s", town.dir, where);
    hunt.expected = expected;
    hunt.n = 0;
    CU_ASSERT_EQUAL(nftw(path, look_into, 16, FTW_PHYS), 0);
    return hunt.n;
}

static int
files_with(const char *text, const char *where, bool expected)
{
    hunt.what[0] = slice_str(text);
    hunt.what[1] = slice_of(NULL, 0);
    return hunt_in(where, expected);
}

/* files_with_key: the random part of a key, raw as in Redis' files or in hex as in files of keys.
 */
static int
files_with_key(const struct key *k, const char *where, bool expected)
{
    static char hex[49]; /* hunt keeps pointing at it */

    sodium_bin2hex(hex, sizeof hex, k->b + PERSONAL_MARK_SIZE, 24);
    hunt.what[0] = slice_of((const char *)k->b + PERSONAL_MARK_SIZE, 24);
    hunt.what[1] = slice_str(hex);
    return hunt_in(where, expected);
}

static redisReply *
ask(const char *fmt, const char *arg)
{
    redisReply *r = redisCommand(redis, fmt, arg);

    CU_ASSERT_PTR_NOT_NULL_FATAL(r);
    return r;
}

static bool
read_key(const char *id, struct key *k)
{
    redisReply *r = ask("HGET {bal}:keys %s", id);
    bool is = r->type == REDIS_REPLY_STRING && r->len == sizeof k->b;

    if (is)
        memcpy(k->b, r->str, sizeof k->b);
    freeReplyObject(r);
    return is;
}

/* in_redis: is this text in any value that Redis has? */
static bool
in_redis(const char *text)
{
    redisReply *keys = ask("KEYS %s", "*");
    bool found = false;

    for (size_t i = 0; i < keys->elements; i++) {
        redisReply *r = ask("DUMP %s", keys->element[i]->str);
        found = found || (r->type == REDIS_REPLY_STRING &&
                          memmem(r->str, r->len, text, strlen(text)) != NULL);
        freeReplyObject(r);
    }
    freeReplyObject(keys);
    return found;
}

static int
ctl(char *out, size_t size, const char *fmt)
{
    char words[512];

    snprintf(words, sizeof words, fmt, town.dir, town.dir, town.dir);
    return town_lcctl(&town, out, size, words);
}

/* order: sent; its id, and the path of its tracking. */
static void
order(const char *external, const char *fulfilment, char id[UUID_TEXT], char tracking[80])
{
    char json[768];

    snprintf(json, sizeof json,
             "{\"external_order_id\":\"%s\",\"fulfilment\":\"%s\",\"currency\":\"USD\","
             "\"dropoff\":{\"lat\":39.2861,\"lng\":-76.5877,\"address\":\"" STREET
             "\",\"instructions\":\"" NOTES "\"},\"customer\":{\"name\":\"" NAME
             "\",\"phone\":\"" PHONE "\"},\"lines\":[{\"sku\":\"TEA\",\"quantity\":1}]}",
             external, fulfilment);
    struct town_answer a = town_order(&town, json);
    CU_ASSERT_EQUAL_FATAL(a.status, 201);
    json_t *j = town_json(&a);
    snprintf(id, UUID_TEXT, "%s", town_text(j, "order_id"));
    if (tracking != NULL)
        snprintf(tracking, 80, "%s", town_text(j, "tracking_url"));
    CU_ASSERT_PTR_NULL(strstr(a.body, "MARK"));
    json_decref(j);
    town_answer_free(&a);
}

static int
request(const char *method, const char *fmt, const char *id, const char *headers, const char *body)
{
    char path[160];

    snprintf(path, sizeof path, fmt, id);
    int port = path[1] == 't' ? town.notifier : town.intake;
    struct town_answer a = town_http(&town, port, method, path, headers, slice_str(body));
    int status = a.status;
    town_answer_free(&a);
    return status;
}

#define JSON_BODY "Content-Type: application/json\r\n"

static int
cancel(const char *id)
{
    return request("POST", "/v1/orders/%s/cancel", id, JSON_BODY,
                   "{\"reason\":\"customer_cancelled\",\"comment\":\"" WORDS "\"}");
}

static int
erase(const char *id)
{
    return request("DELETE", "/v1/orders/%s/personal-data", id, NULL, "");
}

static char done[UUID_TEXT], other[UUID_TEXT];
static struct key done_key, other_key;

/* ---- the tests, one after the other ---- */

static void
test_only_the_courier_reads_whom_it_is_for(void)
{
    struct town_socket phone;
    char tracking[80], pin[5], more[96];

    town_open(&town, TOWN_RECORDS | TOWN_PATIENT);
    char path[96];
    snprintf(path, sizeof path, "%s/redis.sock", town.dir);
    redis = redisConnectUnix(path);
    CU_ASSERT_FATAL(redis != NULL && redis->err == 0);
    freeReplyObject(ask("CONFIG SET rdbcompression %s", "no")); /* so that all is seen as it is */
    town_shop(&town, "tea-house", 39.2847, -76.5921, 1, "TEA,100,199\n");
    town_courier(&town, &phone, "ada");
    order("p1", "delivery", done, tracking);

    json_t *route = town_accept(&phone);
    char *shown = json_dumps(route, 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(shown, NAME));
    CU_ASSERT_PTR_NOT_NULL(strstr(shown, STREET));
    CU_ASSERT_PTR_NOT_NULL(strstr(shown, NOTES));
    CU_ASSERT_PTR_NOT_NULL(strstr(shown, PHONE));
    free(shown);
    json_decref(route);
    CU_ASSERT_EQUAL(erase(done), 409); /* somebody is on the way to them */

    town_pin(&town, done, pin);
    snprintf(more, sizeof more, ",\"pin\":\"%s\"", pin);
    town_act(&phone, "picked_up", "1", done, "", "done");
    town_act(&phone, "arrived", "2", done, "", "done");
    town_act(&phone, "delivered", "3", done, more, "done");
    town_socket_close(&phone);
    snprintf(more, sizeof more, "%s/rating", tracking);
    CU_ASSERT_EQUAL(
        request("POST", "%s", more, JSON_BODY, "{\"stars\":5,\"comment\":\"" WORDS "\"}"), 200);
    order("p2", "collection", other, NULL);
    CU_ASSERT_TRUE(read_key(done, &done_key));
    CU_ASSERT_TRUE(read_key(other, &other_key));
}

static void
test_nothing_is_in_plain_anywhere(void)
{
    char out[4096];

    CU_ASSERT_EQUAL(ctl(out, sizeof out, "backup %s/old.rdb"), 0);
    CU_ASSERT_EQUAL(ctl(out, sizeof out, "explain corner/p1"), 0);
    for (size_t i = 0; i < MARKS; i++) {
        CU_ASSERT_EQUAL(files_with(marks[i], ".", false), 0);
        CU_ASSERT_FALSE(in_redis(marks[i]));
    }
    CU_ASSERT_TRUE(in_redis("MARKWORDS")); /* what people say is; so this can fail */
    CU_ASSERT(files_with("MARKWORDS", "appendonlydir", true) > 0);
}

/* The keys are in Redis' file, and beside the backup, not in it. */
static void
test_backup_has_its_keys_beside_it(void)
{
    CU_ASSERT_EQUAL(files_with_key(&done_key, "old.rdb", false), 0);
    CU_ASSERT_EQUAL(files_with_key(&done_key, "old.rdb.keys", true), 1);
    CU_ASSERT(files_with_key(&done_key, "appendonlydir", true) > 0);
}

static void
test_forgotten_order_is_nowhere_any_more(void)
{
    char out[4096];
    char keys[256];
    struct stat file = {0};

    /* whoever restores it may be another user: who may read it stays as it was */
    snprintf(keys, sizeof keys, "%s/old.rdb.keys", town.dir);
    CU_ASSERT_EQUAL(chmod(keys, 0640), 0);
    CU_ASSERT_EQUAL(ctl(out, sizeof out, "forget corner/p2"), 1);
    CU_ASSERT_PTR_NOT_NULL(strstr(out, "has not ended"));
    /* a slip of the pen destroys nothing */
    CU_ASSERT_EQUAL(
        ctl(out, sizeof out, "forget 00000000-0000-4000-8000-000000000000 --recordings %s/record"),
        1);
    CU_ASSERT_PTR_NOT_NULL(strstr(out, "when it came is not known"));
    CU_ASSERT_EQUAL(ctl(out, sizeof out,
                        "forget corner/p1 --recordings %s/record --backup-keys %s/old.rdb.keys"),
                    0);
    CU_ASSERT_PTR_NOT_NULL(strstr(out, "corner/p1 erased"));
    CU_ASSERT_PTR_NOT_NULL(strstr(out, "5 recordings destroyed"));
    CU_ASSERT_PTR_NOT_NULL(strstr(out, "its key destroyed"));
    CU_ASSERT_EQUAL(stat(keys, &file), 0);
    CU_ASSERT_EQUAL(file.st_mode & 0777, 0640);
    CU_ASSERT_EQUAL(ctl(out, sizeof out, "backup %s/new.rdb"), 0);
    CU_ASSERT_EQUAL(ctl(out, sizeof out, "archive %s --days 0"), 0);
    CU_ASSERT_FALSE(in_redis("MARKWORDS"));
    hunt.leave_out = "old.rdb";
    CU_ASSERT_EQUAL(files_with("MARKWORDS", ".", false), 0);
    hunt.leave_out = NULL;
    for (size_t i = 0; i < MARKS; i++)
        CU_ASSERT_EQUAL(files_with(marks[i], ".", false), 0);
    CU_ASSERT_EQUAL(files_with_key(&done_key, ".", false), 0);
    CU_ASSERT(files_with_key(&other_key, ".", true) >= 3); /* and the other's is there */
}

static bool
recording_ended(void *ctx)
{
    (void)ctx;
    (void)request("GET", "/v1/orders/%s", other, NULL, "");
    return files_with("record_ended", "lc-intake.log", true) == 1;
}

static void
test_recordings_of_a_forgotten_order_are_unreadable(void)
{
    char out[4096];

    CU_ASSERT_TRUE(town_wait(recording_ended, NULL));
    CU_ASSERT_EQUAL(ctl(out, sizeof out, "replay %s/record"), 3);
    CU_ASSERT_PTR_NOT_NULL(strstr(out, "its key is gone"));
}

/* An old backup comes back without what was forgotten since, and with the rest. */
static void
test_restored_backup_has_the_other_keys_alone(void)
{
    char out[4096], command[256];

    snprintf(command, sizeof command, "mkdir %s/back", town.dir);
    CU_ASSERT_EQUAL(system(command), 0);
    CU_ASSERT_EQUAL(ctl(out, sizeof out, "restore %s/old.rdb %s/back"), 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(out, "keys of personal data: 1 left out, 1 kept"));
    CU_ASSERT_EQUAL(files_with_key(&done_key, "back", false), 0);
    CU_ASSERT_EQUAL(files_with_key(&other_key, "back", true), 1);
}

/* put_line: a key as lcctl backup keys writes it. */
static void
put_line(struct buf *b, int i, const struct key *k)
{
    char hex[2 * PERSONAL_KEY + 1];

    sodium_bin2hex(hex, sizeof hex, k->b, sizeof k->b);
    buf_printf(b, "%08x-0000-8000-8000-000000000000 %s\n", (unsigned)i, hex);
}

static void
put_file(const char *name, const struct buf *b)
{
    char path[128];

    snprintf(path, sizeof path, "%s/%s", town.dir, name);
    FILE *f = fopen(path, "w");
    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    CU_ASSERT_EQUAL(fwrite(b->p, 1, b->n, f), b->n);
    fclose(f);
}

/* Thousands of keys, some of them across the edges of what is read at once. */
static void
test_every_key_of_a_backup_is_put_back(void)
{
    enum { KEYS = 4000 };
    struct buf rdb = {0}, whole = {0}, ring = {0}, back = {0};
    char out[4096], command[256];

    buf_str(&rdb, "REDIS0010");
    buf_str(&whole, "REDIS0010");
    for (int i = 0; i < KEYS; i++) {
        struct key k;
        uint8_t stands[PERSONAL_KEY - PERSONAL_MARK_SIZE] = {0};
        memcpy(k.b, personal_mark, PERSONAL_MARK_SIZE);
        randombytes_buf(k.b + PERSONAL_MARK_SIZE, sizeof stands);
        crypto_generichash(stands, 32, k.b + PERSONAL_MARK_SIZE, sizeof stands, NULL, 0);
        buf_append(&rdb, (const char *)personal_mark, PERSONAL_MARK_SIZE);
        buf_append(&rdb, (const char *)stands, sizeof stands);
        buf_append(&whole, (const char *)k.b, sizeof k.b);
        for (int gap = i % 61; gap > 0; gap--) {
            buf_char(&rdb, (char)0x9c); /* as a mark begins */
            buf_char(&whole, (char)0x9c);
        }
        put_line(&ring, i, &k);
    }
    put_file("made.rdb", &rdb);
    put_file("made.rdb.keys", &ring);
    snprintf(command, sizeof command, "mkdir %s/made", town.dir);
    CU_ASSERT_EQUAL(system(command), 0);
    CU_ASSERT_EQUAL(ctl(out, sizeof out, "restore %s/made.rdb %s/made"), 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(out, "keys of personal data: 0 left out, 4000 kept"));
    snprintf(command, sizeof command, "%s/made/appendonlydir/appendonly.aof.1.base.rdb", town.dir);
    CU_ASSERT_EQUAL(file_read(command, (size_t)1 << 26, &back), LC_OK);
    CU_ASSERT_TRUE(slice_eq(buf_slice(&back), buf_slice(&whole)));
    buf_free(&rdb);
    buf_free(&whole);
    buf_free(&ring);
    buf_free(&back);
}

static void
test_chain_erases_its_own_orders_that_have_ended(void)
{
    char headers[160], out[512];

    CU_ASSERT_EQUAL_FATAL(town_lcctl(&town, out, sizeof out, "chain add rival --name Rival"), 0);
    char *key = strchr(out, '\n') + 1;
    key[strcspn(key, "\n")] = '\0';
    snprintf(headers, sizeof headers, "Authorization: Bearer %s\r\n", key);
    CU_ASSERT_EQUAL(erase(other), 409);
    CU_ASSERT_EQUAL(cancel(other), 200);
    int64_t end_ms = town_now_ms() + 10000;
    int status;
    do /* until intake has heard of the key */
        status = request("DELETE", "/v1/orders/%s/personal-data", other, headers, "");
    while (status == 401 && town_now_ms() < end_ms);
    CU_ASSERT_EQUAL(status, 404);
    CU_ASSERT_TRUE(read_key(other, &other_key));
    CU_ASSERT_EQUAL(erase(other), 204);
    CU_ASSERT_EQUAL(erase(other), 204);
    CU_ASSERT_FALSE(read_key(other, &other_key));
    CU_ASSERT_EQUAL(erase("00000000-0000-8000-8000-000000000000"), 404);
    CU_ASSERT_FALSE(in_redis("MARKWORDS"));
    CU_ASSERT_EQUAL(request("GET", "/v1/orders/%s", other, NULL, ""), 200);
}

static void
test_retention_erases_what_ended_and_rewrites_the_file(void)
{
    char out[4096], id[UUID_TEXT];
    struct key k;

    order("p3", "collection", id, NULL);
    CU_ASSERT_TRUE(read_key(id, &k));
    CU_ASSERT_EQUAL(ctl(out, sizeof out, "archive %s --days 7 --personal-days 0"), 0);
    CU_ASSERT_TRUE(read_key(id, &k)); /* it has not ended */
    CU_ASSERT_EQUAL(cancel(id), 200);
    CU_ASSERT_EQUAL(ctl(out, sizeof out, "archive %s --days 7 --personal-days 1"), 0);
    CU_ASSERT_TRUE(read_key(id, &k)); /* ... a day ago */
    CU_ASSERT_EQUAL(ctl(out, sizeof out, "archive %s --days 7 --personal-days 0"), 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(out, "personal data of 1 erased"));
    CU_ASSERT_EQUAL(files_with_key(&k, ".", false), 0);
    CU_ASSERT_EQUAL(town_lcctl(&town, out, sizeof out, "audit"), 0);
    redisFree(redis);
    town_close(&town);
}

UNIT_MAIN("erasing", UNIT(test_only_the_courier_reads_whom_it_is_for),
          UNIT(test_nothing_is_in_plain_anywhere), UNIT(test_backup_has_its_keys_beside_it),
          UNIT(test_forgotten_order_is_nowhere_any_more),
          UNIT(test_recordings_of_a_forgotten_order_are_unreadable),
          UNIT(test_restored_backup_has_the_other_keys_alone),
          UNIT(test_every_key_of_a_backup_is_put_back),
          UNIT(test_chain_erases_its_own_orders_that_have_ended),
          UNIT(test_retention_erases_what_ended_and_rewrites_the_file))
