/* More Redis servers than one: which node of a Cluster has the city, which of them must have the
 * functions, and who follows ours. */
#include "lcctl/lcctl.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { PATIENCE_S = 20, PAUSE_NS = 100000000, HOPS_MOST = 8, ADDRESS_MAX = 300, SERVERS_MAX = 64 };

static void
rest_a_little(void)
{
    const struct timespec pause = {0, PAUSE_NS};

    nanosleep(&pause, NULL);
}

static time_t
seconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec;
}

static bool
begins(const redisReply *reply, const char *word)
{
    return reply != NULL && reply->type == REDIS_REPLY_ERROR &&
           strncmp(reply->str, word, strlen(word)) == 0;
}

/* redirect: where "MOVED slot host:port" or "ASK ..." sends us; no host = the same one. False when
 * it does not. */
static bool
redirect(const redisReply *reply, const char *from, char to[ADDRESS_MAX])
{
    if (!begins(reply, "MOVED ") && !begins(reply, "ASK "))
        return false;
    const char *address = strrchr(reply->str, ' ') + 1;
    const char *colon = strrchr(from, ':');
    if (*address == '?')
        return false;
    if (*address == ':' && colon != NULL)
        snprintf(to, ADDRESS_MAX, "%.*s%s", (int)(colon - from), from, address);
    else
        snprintf(to, ADDRESS_MAX, "%s", address);
    return true;
}

static redisReply *
ask_where(redisContext *redis, const char *city)
{
    return redisCommand(redis, "EXISTS {%s}", city);
}

/* follow: from this node to the one that has the city; NULL when it says of none. */
static redisContext *
follow(const struct ctl_login *login, const char *address)
{
    char at[ADDRESS_MAX];

    snprintf(at, sizeof at, "%s", address);
    for (int hops = 0; hops < HOPS_MOST; hops++) {
        redisContext *redis = ctl_connect_to(login, at);
        redisReply *reply = redis == NULL ? NULL : ask_where(redis, login->city);
        bool here = reply != NULL && (reply->type == REDIS_REPLY_INTEGER || begins(reply, "ASK "));
        bool moved = !here && redirect(reply, at, at);
        if (redis != NULL && !here && !moved)
            fprintf(stderr, "lcctl: Redis at %s: %s\n", at,
                    reply == NULL                      ? redis->errstr
                    : reply->type == REDIS_REPLY_ERROR ? reply->str
                                                       : "an answer that is none");
        freeReplyObject(reply);
        if (here)
            return redis;
        if (redis != NULL)
            redisFree(redis);
        if (!moved)
            return NULL;
    }
    fprintf(stderr, "lcctl: the nodes disagree about who has {%s}\n", login->city);
    return NULL;
}

redisContext *
ctl_find_city(const struct ctl_login *login)
{
    time_t end = seconds() + PATIENCE_S;

    do {
        for (const char *list = login->nodes; *list != '\0';) {
            size_t n = strcspn(list, ",");
            char address[ADDRESS_MAX];
            snprintf(address, sizeof address, "%.*s", (int)n, list);
            redisContext *redis = follow(login, address);
            if (redis != NULL)
                return redis;
            list += n + (list[n] == ',');
        }
        rest_a_little();
    } while (seconds() < end);
    fprintf(stderr, "lcctl: no node of the Cluster has {%s}\n", login->city);
    return NULL;
}

/* ask_aside: a plain read, of the node that the slot is on its way to. */
static redisReply *
ask_aside(struct ctl *c, const char *address, int argc, const char **words, const size_t *lengths)
{
    redisContext *other = ctl_connect_to(c->login, address);
    redisReply *reply = NULL;

    if (other == NULL)
        return NULL;
    freeReplyObject(redisCommand(other, "ASKING"));
    reply = redisCommandArgv(other, argc, words, lengths);
    if (reply == NULL)
        fprintf(stderr, "lcctl: Redis at %s: %s\n", address, other->errstr);
    redisFree(other);
    return reply;
}

redisReply *
ctl_elsewhere(struct ctl *c, redisReply *reply, int argc, const char **words, const size_t *lengths)
{
    time_t end = seconds() + PATIENCE_S;
    bool function = strncmp(words[0], "FCALL", 5) == 0;
    bool told = false;
    char to[ADDRESS_MAX];

    while (reply != NULL && seconds() < end) {
        if (begins(reply, "MOVED ") || begins(reply, "CLUSTERDOWN")) {
            redisContext *redis = ctl_find_city(c->login);
            if (redis == NULL)
                break;
            redisFree(c->redis);
            c->redis = redis;
        } else if (!function && redirect(reply, "", to)) {
            freeReplyObject(reply);
            reply = ask_aside(c, to, argc, words, lengths);
            continue;
        } else if (!begins(reply, "ASK ") && !begins(reply, "TRYAGAIN") &&
                   !begins(reply, "LOADING")) {
            break;
        } else if (!told) {
            told = true;
            fputs("lcctl: the city is on its way to another node; waiting\n", stderr);
        }
        rest_a_little();
        freeReplyObject(reply);
        reply = redisCommandArgv(c->redis, argc, words, lengths);
        if (reply == NULL)
            fprintf(stderr, "lcctl: Redis: %s\n", c->redis->errstr);
    }
    return reply;
}

bool
ctl_settled(struct ctl *c)
{
    if (c->login->nodes[0] == '\0')
        return true;
    redisReply *reply = ask_where(c->redis, c->city);
    bool settled = reply != NULL && reply->type == REDIS_REPLY_INTEGER;
    if (!settled)
        fprintf(stderr, "lcctl: {%s} is on its way to another node: again when it has arrived\n",
                c->city);
    freeReplyObject(reply);
    return settled;
}

/* ---- who there is ---- */

struct list {
    struct ctl *c;
    struct ctl_server *v;
    int n;
};

static bool
list_new(struct list *l, struct ctl *c)
{
    *l = (struct list){c, arena_array(c->arena, SERVERS_MAX, sizeof *l->v), 0};
    if (l->v == NULL)
        fputs("lcctl: out of memory\n", stderr);
    return l->v != NULL;
}

/* put: once; one that somebody sees is up. */
static void
put(struct list *l, const char *address, bool up)
{
    for (int i = 0; i < l->n; i++)
        if (strcmp(l->v[i].address, address) == 0) {
            l->v[i].up = l->v[i].up || up;
            return;
        }
    if (l->n < SERVERS_MAX && address != NULL)
        l->v[l->n++] = (struct ctl_server){address, up};
}

/* put_nodes: of CLUSTER NODES (or REPLICAS) those of a kind:
 * "id host:port@bus[,name] flags master ping pong epoch link slots" */
static void
put_nodes(struct list *l, const char *text, const char *kind)
{
    char address[ADDRESS_MAX], flags[128], link[32];

    for (; text != NULL && *text != '\0'; text = strchr(text, '\n'), text += text != NULL) {
        if (sscanf(text, "%*s %299s %127s %*s %*s %*s %*s %31s", address, flags, link) != 3 ||
            strstr(flags, kind) == NULL || strstr(flags, "noaddr") != NULL)
            continue;
        address[strcspn(address, "@")] = '\0';
        bool up = strstr(flags, "fail") == NULL &&
                  (strcmp(link, "connected") == 0 || strstr(flags, "myself") != NULL);
        put(l, arena_printf(l->c->arena, "%s", address), up);
    }
}

int
ctl_primaries(struct ctl *c, struct ctl_server **list)
{
    const struct slice argv[] = {SLICE_LIT("CLUSTER"), SLICE_LIT("NODES")};
    struct list l;

    if (!list_new(&l, c))
        return -1;
    *list = l.v;
    if (c->login->nodes[0] == '\0') {
        l.v[0] = (struct ctl_server){NULL, true};
        return 1;
    }
    redisReply *reply = ctl_redis(c, 2, argv);
    if (reply == NULL)
        return -1;
    put_nodes(&l, reply->str, "master");
    freeReplyObject(reply);
    return l.n;
}

/* What a primary knows: only those that are connected. "slave0:ip=1.2.3.4,port=6379,state=online,…"
 */
static bool
put_connected(struct list *l)
{
    const struct slice argv[] = {SLICE_LIT("INFO"), SLICE_LIT("replication")};
    redisReply *reply = ctl_redis(l->c, 2, argv);

    if (reply == NULL)
        return false;
    const char *line = reply->str == NULL ? "" : reply->str;
    for (; line != NULL && *line != '\0'; line = strchr(line, '\n'), line += line != NULL) {
        char host[ADDRESS_MAX - 8], state[32];
        unsigned port;
        if (sscanf(line, "slave%*d:ip=%291[^,],port=%u,state=%31[^,\r\n]", host, &port, state) == 3)
            put(l, arena_printf(l->c->arena, "%s:%u", host, port), strcmp(state, "online") == 0);
    }
    freeReplyObject(reply);
    return true;
}

static bool
put_of_cluster(struct list *l)
{
    const struct slice who[] = {SLICE_LIT("CLUSTER"), SLICE_LIT("MYID")};
    redisReply *me = ctl_redis(l->c, 2, who);

    if (me == NULL)
        return false;
    const struct slice argv[] = {SLICE_LIT("CLUSTER"), SLICE_LIT("REPLICAS"),
                                 slice_of(me->str, me->len)};
    redisReply *reply = ctl_redis(l->c, 3, argv);
    for (size_t i = 0; reply != NULL && i < reply->elements; i++)
        put_nodes(l, reply->element[i]->str, "slave");
    freeReplyObject(me);
    freeReplyObject(reply);
    return reply != NULL;
}

static const char *
field(const redisReply *fields, const char *name)
{
    for (size_t i = 0; i + 1 < fields->elements; i += 2)
        if (strcmp(fields->element[i]->str, name) == 0)
            return fields->element[i + 1]->str;
    return "";
}

static bool
put_of_sentinels(struct list *l)
{
    redisContext *sentinel = ctl_connect_sentinel(l->c->login);
    if (sentinel == NULL)
        return false;
    redisReply *reply = redisCommand(sentinel, "SENTINEL REPLICAS %s", l->c->login->primary);
    bool ok = reply != NULL && reply->type == REDIS_REPLY_ARRAY;
    if (!ok)
        fprintf(stderr, "lcctl: Sentinel: %s\n", reply == NULL ? sentinel->errstr : reply->str);
    for (size_t i = 0; ok && i < reply->elements; i++)
        put(l,
            arena_printf(l->c->arena, "%s:%s", field(reply->element[i], "ip"),
                         field(reply->element[i], "port")),
            false); /* the primary says who follows */
    freeReplyObject(reply);
    redisFree(sentinel);
    return ok;
}

int
ctl_replicas(struct ctl *c, struct ctl_server **list)
{
    struct list l;

    if (!list_new(&l, c))
        return -1;
    *list = l.v;
    bool ok = put_connected(&l);
    if (ok && c->login->nodes[0] != '\0')
        ok = put_of_cluster(&l);
    else if (ok && c->login->sentinels[0] != '\0')
        ok = put_of_sentinels(&l);
    return ok ? l.n : -1;
}
