/* lcctl forget: the personal data of orders that have ended are destroyed: their keys in Redis, in
 * its append-only file, in files of keys that backups have beside them, and those of recordings
 * that may have seen the order. */
#include "lcctl/forget.h"
#include "base/id.h"
#include "base/record.h"
#include "base/wire.h"
#include "io/recording.h"
#include "lcctl/lcctl.h"
#include "lcctl/show.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

enum { DONE = 1, ALREADY, NOT_ENDED, UNKNOWN, DAYS_MAX = 3650, REWRITE_TRIES = 6000, MS = 1000000 };
enum { CATCH_UP_MS = 10000 };

static const int64_t day_ms = INT64_C(86400000);

/* ---- the append-only file ---- */

/* info_is: does INFO persistence have this line? */
static bool
info_is(struct ctl *c, const char *line)
{
    const struct slice argv[] = {SLICE_LIT("INFO"), SLICE_LIT("persistence")};
    redisReply *r = ctl_redis(c, 2, argv);
    bool is = r != NULL && r->str != NULL && strstr(r->str, line) != NULL;

    freeReplyObject(r);
    return is;
}

/* await_info: until INFO persistence has this line; false when that takes for ever. */
static bool
await_info(struct ctl *c, const char *line)
{
    const struct timespec wait = {0, 50 * MS};

    for (int i = 0; i < REWRITE_TRIES; i++) {
        if (info_is(c, line))
            return true;
        nanosleep(&wait, NULL);
    }
    return false;
}

/* keeps_snapshot: what a replica copies from its primary it first puts into a file, which stays;
 * and any of a set may have been a replica. */
static bool
keeps_snapshot(struct ctl *c)
{
    redisReply *r = redisCommand(c->redis, "CONFIG GET repl-diskless-load");
    bool never = r != NULL && r->type == REDIS_REPLY_ARRAY && r->elements == 2 &&
                 strcmp(r->element[1]->str, "swapdb") == 0;

    if (r != NULL)
        freeReplyObject(r);
    return !never;
}

static bool
replace_snapshot(struct ctl *c, const char *where)
{
    const struct slice argv[] = {SLICE_LIT("BGSAVE")};

    if (!keeps_snapshot(c))
        return true;
    redisReply *r = await_info(c, "rdb_bgsave_in_progress:0") ? ctl_redis(c, 1, argv) : NULL;
    bool ok = r != NULL && await_info(c, "rdb_bgsave_in_progress:0") &&
              info_is(c, "rdb_last_bgsave_status:ok");
    if (r != NULL)
        freeReplyObject(r);
    if (!ok)
        fprintf(stderr,
                "lcctl: %s has not replaced its snapshot: what was erased may still be in it "
                "(BGSAVE)\n",
                where);
    return ok;
}

static bool
rewrite_one(struct ctl *c, const char *where, bool of_a_set)
{
    const struct slice argv[] = {SLICE_LIT("BGREWRITEAOF")};

    if (info_is(c, "aof_enabled:0"))
        return !of_a_set || replace_snapshot(c, where);
    /* one that runs already began before: what it writes may have the keys still */
    (void)await_info(c, "aof_rewrite_in_progress:0");
    redisReply *r = ctl_redis(c, 1, argv);
    if (r == NULL)
        return false;
    freeReplyObject(r);
    if (await_info(c, "aof_rewrite_scheduled:0") && await_info(c, "aof_rewrite_in_progress:0") &&
        info_is(c, "aof_last_bgrewrite_status:ok"))
        return !of_a_set || replace_snapshot(c, where);
    fprintf(stderr,
            "lcctl: %s has not rewritten its append-only file: what was erased is still in it "
            "(BGREWRITEAOF)\n",
            where);
    return false;
}

/* rewrite_replica: one that cannot be asked now keeps what was erased in its file. */
static bool
rewrite_replica(const struct ctl *c, const struct ctl_server *replica)
{
    struct ctl other = *c;

    other.redis = replica->up ? ctl_connect_to(c->login, replica->address) : NULL;
    if (other.redis == NULL) {
        fprintf(stderr,
                "lcctl: the replica %s does not follow: when it does, what was erased is still in "
                "its append-only file, until this is run again, or BGREWRITEAOF there\n",
                replica->address);
        return false;
    }
    bool ok = rewrite_one(&other, replica->address, true);
    redisFree(other.redis);
    return ok;
}

/* They must have erased it themselves first. */
static bool
replicas_have_it(struct ctl *c, const struct ctl_server *list, int n)
{
    char up[16], ms[16];
    int follow = 0;

    for (int i = 0; i < n; i++)
        follow += list[i].up;
    snprintf(up, sizeof up, "%d", follow);
    snprintf(ms, sizeof ms, "%d", CATCH_UP_MS);
    const struct slice argv[] = {SLICE_LIT("WAIT"), slice_str(up), slice_str(ms)};
    redisReply *r = follow == 0 ? NULL : ctl_redis(c, 3, argv);
    bool have =
        follow == 0 || (r != NULL && r->type == REDIS_REPLY_INTEGER && r->integer >= follow);
    if (!have)
        fprintf(stderr, "lcctl: not all of %d replicas have heard of it: run this again\n", follow);
    freeReplyObject(r);
    return have;
}

bool
rewrite_aof(struct ctl *c)
{
    struct ctl_server *replicas;
    int n = ctl_replicas(c, &replicas);
    bool of_a_set = n != 0 || c->login->sentinels[0] != '\0' || c->login->nodes[0] != '\0';
    bool ok = rewrite_one(c, "Redis", of_a_set) && n >= 0 && replicas_have_it(c, replicas, n);

    for (int i = 0; i < n; i++)
        ok = rewrite_replica(c, &replicas[i]) && ok;
    return ok;
}

/* ---- recordings ---- */

/* Was it written to since the order came? */
static bool
may_have_seen(const char *path, int64_t created_ms)
{
    struct stat st;

    return stat(path, &st) == 0 && (int64_t)st.st_mtime * 1000 + 999 >= created_ms;
}

static int
forget_recordings(struct ctl *c, const char *dir, int64_t created_ms, unsigned *n)
{
    DIR *list = opendir(dir);
    int status = EXIT_SUCCESS;

    if (list == NULL) {
        perror(dir);
        return EXIT_FAILED;
    }
    for (const struct dirent *e = readdir(list); e != NULL; e = readdir(list)) {
        const char *dot = strrchr(e->d_name, '.');
        const char *path = arena_printf(c->arena, "%s/%s", dir, e->d_name);
        if (dot == NULL || strcmp(dot, ".steps") != 0 || path == NULL ||
            !may_have_seen(path, created_ms))
            continue;
        enum lc_err err = recording_destroy(path);
        *n += err == LC_OK;
        if (err == LC_EIO) {
            perror(path);
            status = EXIT_FAILED;
        }
    }
    closedir(list);
    return status;
}

/* ---- orders ---- */

long long
forget_orders(struct ctl *c, const char *const *uuids, size_t n, const char *who, char *outcomes)
{
    struct slice *args = arena_array(c->arena, 2 + 2 * n, sizeof *args);
    long long done = 0;

    if (args == NULL)
        return -1;
    args[0] = ctl_number(c, c->now_ms);
    args[1] = ctl_number(c, (int64_t)n);
    for (size_t i = 0; i < n; i++) {
        args[2 + 2 * i] = slice_str(uuids[i]);
        args[3 + 2 * i] = slice_str(who);
    }
    redisReply *r = ctl_call(c, "order_forget", 2 + 2 * n, args);
    if (r == NULL || r->elements != n) {
        freeReplyObject(r);
        return -1;
    }
    for (size_t i = 0; i < n; i++) {
        outcomes[i] = (char)r->element[i]->integer;
        done += outcomes[i] == DONE;
    }
    freeReplyObject(r);
    return done;
}

/* ---- all of a time ---- */

struct old {
    struct ctl *ctl;
    int64_t before_ms;
    const char *uuids[ORDERS_A_PAGE];
    size_t n;
    long long done;
};

static bool
take_old(void *ctx, struct slice bytes)
{
    struct old *o = ctx;
    struct record r;

    if (record_read(bytes, &r) != LC_OK || !record_is_end(r.state) || r.fingerprint == 0 ||
        r.updated_ms >= o->before_ms)
        return true;
    const Lifecircle__V1__Order *order =
        wire_unpack(&lifecircle__v1__order__descriptor, o->ctl->arena, r.order);
    if (order != NULL)
        o->uuids[o->n++] = order->order_id;
    return true;
}

static bool
forget_page(void *ctx)
{
    struct old *o = ctx;
    char outcomes[ORDERS_A_PAGE];
    long long n = o->n == 0 ? 0 : forget_orders(o->ctl, o->uuids, o->n, "retention", outcomes);

    o->n = 0;
    o->done += n > 0 ? n : 0;
    return n >= 0;
}

long long
forget_older(struct ctl *c, int64_t before_ms)
{
    struct old o = {.ctl = c, .before_ms = before_ms};

    return each_order(c, take_old, forget_page, &o) ? o.done : -1;
}

/* ---- the command ---- */

/* created_ms: when the order came; 0 = not known. */
static int64_t
created_ms(struct ctl *c, const char *uuid)
{
    redisReply *r = ctl_read(c, "GET", arena_printf(c->arena, "order:%s", uuid), NULL);
    struct record record;
    int64_t first = 0;

    if (r != NULL && r->type == REDIS_REPLY_STRING &&
        record_read(slice_of(r->str, r->len), &record) == LC_OK)
        for (unsigned s = 1; s <= RECORD_STATES; s++)
            if (record.entered_ms[s] > 0 && (first == 0 || record.entered_ms[s] < first))
                first = record.entered_ms[s];
    freeReplyObject(r);
    return first > 60000 ? first - 60000 : 0; /* the request came before it was written */
}

/* What became of one order. */
struct forgotten {
    const char *word;
    char outcome;
    bool key;            /* it was in the backup's file */
    unsigned recordings; /* destroyed */
};

static int
tell(const struct ctl *c, const struct forgotten *f)
{
    static const char *const names[] = {[DONE] = "erased",
                                        [ALREADY] = "already_erased",
                                        [NOT_ENDED] = "not_ended",
                                        [UNKNOWN] = "unknown"};
    static const char *const text[] = {[DONE] = "erased",
                                       [ALREADY] = "was erased before",
                                       [NOT_ENDED] = "has not ended: cancel it first",
                                       [UNKNOWN] =
                                           "is not known (archived orders have no personal data)"};
    struct buf b = {0};
    struct json_out w = json_out_to(&b);

    if (!c->json) {
        printf("%s %s%s", f->word, text[(int)f->outcome], f->key ? "; its key destroyed" : "");
        if (f->recordings > 0)
            printf("; %u recordings destroyed", f->recordings);
        putchar('\n');
        return EXIT_SUCCESS;
    }
    json_out_object(&w, NULL);
    json_out_cstr(&w, "order", f->word);
    json_out_cstr(&w, "outcome", names[(int)f->outcome]);
    json_out_bool(&w, "backup_key", f->key);
    json_out_uint(&w, "recordings", f->recordings);
    json_out_end(&w);
    return show_json(&b);
}

static int
worse(int a, int b)
{
    return a > b ? a : b;
}

static int
forget_one(struct ctl *c, const char *word, const char *recordings, const char *keys)
{
    const char *uuid = ctl_order(c, word);
    struct forgotten f = {.word = word};
    int status = EXIT_SUCCESS;

    if (uuid == NULL)
        return EXIT_NOT_SO;
    int64_t since_ms = created_ms(c, uuid);
    if (forget_orders(c, &uuid, 1, "operator", &f.outcome) < 0)
        return EXIT_FAILED;
    if (f.outcome == NOT_ENDED)
        return worse(tell(c, &f), EXIT_NOT_SO);
    if (keys != NULL)
        status = keys_forget(c, keys, uuid, &f.key);
    if (recordings != NULL && f.outcome == UNKNOWN) {
        fprintf(stderr, "lcctl: %s: when it came is not known, so its recordings are not either\n",
                word);
        status = EXIT_NOT_SO;
    } else if (recordings != NULL)
        status = worse(status, forget_recordings(c, recordings, since_ms, &f.recordings));
    return worse(status, tell(c, &f));
}

static int
forget_all_older(struct ctl *c, int64_t before_ms)
{
    struct buf b = {0};
    struct json_out w = json_out_to(&b);
    long long n = forget_older(c, before_ms);

    if (n < 0)
        return EXIT_FAILED;
    if (!c->json) {
        printf("%lld orders erased\n", n);
        return EXIT_SUCCESS;
    }
    json_out_object(&w, NULL);
    json_out_int(&w, "erased", n);
    json_out_end(&w);
    return show_json(&b);
}

int
cmd_forget(struct ctl *c, struct args *a)
{
    const char *recordings = args_option(a, "recordings", NULL);
    const char *keys = args_option(a, "backup-keys", NULL);
    const char *older = args_option(a, "older", NULL);
    const char *word = args_next(a);
    int status = EXIT_SUCCESS;

    if ((word == NULL) == (older == NULL))
        return EXIT_USAGE;
    if (older != NULL) {
        char *end = NULL;
        long days = strtol(older, &end, 10);
        if (*older == '\0' || *end != '\0' || days < 0 || days > DAYS_MAX || !args_done(a) ||
            recordings != NULL || keys != NULL)
            return EXIT_USAGE;
        status = forget_all_older(c, c->now_ms - days * day_ms + (days == 0));
    }
    for (; word != NULL; word = args_next(a))
        status = worse(status, forget_one(c, word, recordings, keys));
    return rewrite_aof(c) ? status : EXIT_FAILED;
}
