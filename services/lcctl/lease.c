/* lcctl lease: which router owns a city, and handing it over. */
#include "lcctl/lcctl.h"
#include "lcctl/show.h"

#include <stdio.h>
#include <stdlib.h>

enum { BAR_MS = 10000, SCAN_COUNT = 1000 };

static int64_t
number_of(const redisReply *r)
{
    return r->type == REDIS_REPLY_STRING ? strtoll(r->str, NULL, 10) : 0;
}

/* show_lease: one row; nothing when there is none. *n counts rows. */
static bool
show_lease(struct ctl *c, struct show *table, const char *city, const char *key, size_t *n)
{
    const struct slice argv[] = {SLICE_LIT("HMGET"), slice_str(key),     SLICE_LIT("owner"),
                                 SLICE_LIT("epoch"), SLICE_LIT("until"), SLICE_LIT("since")};
    redisReply *r = ctl_redis(c, 6, argv);

    if (r == NULL)
        return false;
    if (r->elements == 4 && r->element[0]->type == REDIS_REPLY_STRING) {
        int64_t until_ms = number_of(r->element[2]), since_ms = number_of(r->element[3]);
        bool held = until_ms > c->now_ms;
        ++*n;
        show_text(table, city);
        show_text(table, r->element[0]->str);
        show_number(table, number_of(r->element[1]));
        show_time(table, since_ms); /* none: of a version that did not keep it */
        show_seconds(table, since_ms == 0 ? 0 : (double)(c->now_ms - since_ms) / 1000);
        show_seconds(table, held ? (double)(until_ms - c->now_ms) / 1000 : 0);
        show_flag(table, !held, "nobody holds it");
    }
    freeReplyObject(r);
    return true;
}

/* show_all: of every city on this server. */
static bool
show_all(struct ctl *c, struct show *table, size_t *n)
{
    const char *cursor = "0";
    bool ok = true;

    do {
        const struct slice argv[] = {SLICE_LIT("SCAN"),  slice_str(cursor),
                                     SLICE_LIT("MATCH"), SLICE_LIT("{*}:lease"),
                                     SLICE_LIT("COUNT"), ctl_number(c, SCAN_COUNT),
                                     SLICE_LIT("TYPE"),  SLICE_LIT("hash")};
        redisReply *r = ctl_redis(c, 8, argv);
        if (r == NULL)
            return false;
        for (size_t i = 0; ok && i < r->element[1]->elements; i++) {
            const char *key = r->element[1]->element[i]->str;
            ok = show_lease(c, table, arena_copy(c->arena, key + 1, strcspn(key, "}") - 1), key, n);
        }
        cursor = arena_printf(c->arena, "%s", r->element[0]->str);
        freeReplyObject(r);
    } while (ok && strcmp(cursor, "0") != 0);
    return ok;
}

/* show_cities: in a Cluster they are on many nodes. */
static bool
show_cities(struct ctl *c, struct show *table, size_t *rows)
{
    struct ctl_server *list;
    struct ctl other = *c;
    int n = ctl_primaries(c, &list);
    bool ok = n >= 0;

    for (int i = 0; ok && i < n; i++) {
        if (list[i].address == NULL) {
            ok = show_all(c, table, rows);
            continue;
        }
        other.redis = ctl_connect_to(c->login, list[i].address);
        ok = other.redis != NULL && show_all(&other, table, rows);
        if (other.redis != NULL)
            redisFree(other.redis);
    }
    return ok;
}

static int
release(struct ctl *c)
{
    const struct slice args[] = {ctl_number(c, c->now_ms), ctl_number(c, BAR_MS)};
    redisReply *r = ctl_call(c, "lease_release", 2, args);
    int status = EXIT_FAILED;

    if (r == NULL || r->elements != 2)
        return EXIT_FAILED;
    if (r->element[0]->len == 0) {
        fputs("lcctl: no router holds the city\n", stderr);
        status = EXIT_NOT_SO;
    } else {
        status = show_done(c, "lease", r->element[0]->str, "released",
                           "released by %s, epoch %lld; it gets it back after %d s if no other "
                           "router takes it",
                           r->element[0]->str, r->element[1]->integer, BAR_MS / 1000);
    }
    freeReplyObject(r);
    return status;
}

int
cmd_lease(struct ctl *c, struct args *a)
{
    bool all = args_flag(a, "all");
    const char *verb = args_next(a);
    size_t rows = 0;

    if (verb != NULL && strcmp(verb, "release") != 0)
        fprintf(stderr, "lcctl: unexpected: %s\n", verb);
    if (!args_done(a) || (verb != NULL && (all || strcmp(verb, "release") != 0)))
        return EXIT_USAGE;
    if (verb != NULL)
        return release(c);
    struct show *table = show_table(c, "city owner epoch since age_s left_s vacant", "..r.rr.");
    bool ok =
        all ? show_cities(c, table, &rows)
            : show_lease(c, table, c->city, arena_printf(c->arena, "{%s}:lease", c->city), &rows);
    int status = show_end(table);
    if (!ok || status != EXIT_SUCCESS)
        return EXIT_FAILED;
    if (rows > 0)
        return EXIT_SUCCESS;
    if (all)
        fputs("lcctl: no router has ever held a city in this Redis\n", stderr);
    else
        fprintf(stderr, "lcctl: no router has ever held the city %s in this Redis\n", c->city);
    return EXIT_NOT_SO;
}
