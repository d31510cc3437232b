/* lcctl's connection to Redis, and what is said first on it. */
#include "lcctl/lcctl.h"

#include "io/file.h"

#include <stdio.h>
#include <stdlib.h>

enum { PASSWORD_MAX = 4096 };

static redisContext *
open_host(const char *address, size_t n, struct timeval patience)
{
    char host[256];
    const char *colon = NULL;
    char *end = NULL;
    long port = 6379;

    for (size_t i = 0; i < n; i++)
        if (address[i] == ':')
            colon = address + i;
    if (colon != NULL)
        port = strtol(colon + 1, &end, 10);
    size_t length = colon == NULL ? n : (size_t)(colon - address);
    if (length > 2 && address[0] == '[' && address[length - 1] == ']') { /* [v6]:port */
        n--;
        address++;
        length -= 2;
    }
    if (length == 0 || length >= sizeof host || (colon != NULL && end != address + n) || port < 1 ||
        port > 65535) {
        fprintf(stderr, "lcctl: Redis: expected unix:PATH or HOST:PORT, got %.*s\n", (int)n,
                address);
        return NULL;
    }
    memcpy(host, address, length);
    host[length] = '\0';
    return redisConnectWithTimeout(host, (int)port, patience);
}

/* said: NULL after saying why. */
static redisContext *
said(redisContext *redis, const char *address, size_t n)
{
    if (redis != NULL && redis->err == 0)
        return redis;
    if (redis != NULL) {
        fprintf(stderr, "lcctl: Redis at %.*s: %s\n", (int)n, address, redis->errstr);
        redisFree(redis);
    }
    return NULL;
}

static redisContext *
open_address(const char *address)
{
    const struct timeval patience = {5, 0};
    redisContext *redis = strncmp(address, "unix:", 5) == 0
                              ? redisConnectUnixWithTimeout(address + 5, patience)
                              : open_host(address, strlen(address), patience);

    redis = said(redis, address, strlen(address));
    if (redis != NULL)
        redisSetTimeout(redis, (struct timeval){30, 0});
    return redis;
}

static bool
read_password(const char *password, const char *file, struct buf *b)
{
    if (file[0] == '\0') {
        buf_str(b, password);
        return !b->failed;
    }
    enum lc_err err = file_read(file, PASSWORD_MAX, b);
    if (err != LC_OK) {
        fprintf(stderr, "lcctl: the password of Redis: %s: %s\n", file, lc_strerror(err));
        return false;
    }
    while (b->n > 0 && (b->p[b->n - 1] == '\n' || b->p[b->n - 1] == '\r' || b->p[b->n - 1] == ' '))
        b->n--;
    return true;
}

static bool
log_in(redisContext *redis, const char *user, struct slice password)
{
    const char *words[] = {"AUTH", user[0] != '\0' ? user : "default", password.p};
    const size_t lengths[] = {4, strlen(words[1]), password.n};
    redisReply *reply = redisCommandArgv(redis, 3, words, lengths);
    bool ok = reply != NULL && reply->type != REDIS_REPLY_ERROR;

    if (!ok)
        fprintf(stderr, "lcctl: Redis: %s\n", reply != NULL ? reply->str : redis->errstr);
    freeReplyObject(reply);
    return ok;
}

static redisContext *
logged_in(redisContext *redis, const char *user, struct slice password)
{
    if (redis != NULL && password.n > 0 && !log_in(redis, user, password)) {
        redisFree(redis);
        return NULL;
    }
    return redis;
}

/* ask_sentinel: host:port of the primary; false when this one does not say. */
static bool
ask_sentinel(redisContext *sentinel, const char *primary, char *to, size_t size)
{
    redisReply *reply = redisCommand(sentinel, "SENTINEL GET-MASTER-ADDR-BY-NAME %s", primary);
    bool ok = reply != NULL && reply->type == REDIS_REPLY_ARRAY && reply->elements == 2;

    if (ok)
        snprintf(to, size, "%s:%s", reply->element[0]->str, reply->element[1]->str);
    else
        fprintf(stderr, "lcctl: Sentinel: %s\n",
                reply == NULL                      ? sentinel->errstr
                : reply->type == REDIS_REPLY_ERROR ? reply->str
                                                   : "it knows no primary of that name");
    if (reply != NULL)
        freeReplyObject(reply);
    return ok;
}

/* each_sentinel: the first that answers, and that says where the primary is if `to` is given. */
static redisContext *
each_sentinel(const struct ctl_login *login, char *to, size_t size)
{
    const struct timeval patience = {2, 0};
    const char *list = login->sentinels;
    struct buf password = {0};
    redisContext *redis = NULL;

    if (!read_password(login->sentinel_password, login->sentinel_password_file, &password))
        goto out;
    while (redis == NULL && *list != '\0') {
        size_t n = strcspn(list, ",");
        redis = said(open_host(list, n, patience), list, n);
        redis = logged_in(redis, login->sentinel_user, buf_slice(&password));
        if (redis != NULL)
            redisSetTimeout(redis, patience);
        if (redis != NULL && to != NULL && !ask_sentinel(redis, login->primary, to, size)) {
            redisFree(redis);
            redis = NULL;
        }
        list += n + (list[n] == ',');
    }
out:
    if (password.p != NULL)
        explicit_bzero(password.p, password.cap);
    buf_free(&password);
    return redis;
}

redisContext *
ctl_connect_sentinel(const struct ctl_login *login)
{
    return each_sentinel(login, NULL, 0);
}

redisContext *
ctl_connect(const struct ctl_login *login)
{
    char found[300];

    if (login->nodes[0] != '\0')
        return ctl_find_city(login);
    if (login->sentinels[0] == '\0')
        return ctl_connect_to(login, login->address);
    redisContext *sentinel = each_sentinel(login, found, sizeof found);
    if (sentinel == NULL)
        return NULL;
    redisFree(sentinel);
    return ctl_connect_to(login, found);
}

redisContext *
ctl_connect_to(const struct ctl_login *login, const char *address)
{
    struct buf password = {0};
    redisContext *redis = NULL;

    if (read_password(login->password, login->password_file, &password))
        redis = logged_in(open_address(address), login->user, buf_slice(&password));
    if (password.p != NULL)
        explicit_bzero(password.p, password.cap);
    buf_free(&password);
    return redis;
}
