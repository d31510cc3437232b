/* lcctl's connection to Redis, and what is said first on it. */
#include "lcctl/lcctl.h"

#include "io/options.h"

#include <stdio.h>
#include <stdlib.h>

enum { PASSWORD_MAX = 4096 };

/* NULL after saying why. */
static redisContext *
open_address(const char *address)
{
    const struct timeval patience = {5, 0};
    redisContext *redis = NULL;

    if (strncmp(address, "unix:", 5) == 0) {
        redis = redisConnectUnixWithTimeout(address + 5, patience);
    } else {
        char host[256];
        const char *colon = strrchr(address, ':');
        char *end = NULL;
        long port = colon == NULL ? 6379 : strtol(colon + 1, &end, 10);
        size_t length = colon == NULL ? strlen(address) : (size_t)(colon - address);
        if (length == 0 || length >= sizeof host || (end != NULL && *end != '\0') || port < 1 ||
            port > 65535) {
            fprintf(stderr, "lcctl: --redis: expected unix:PATH or HOST:PORT, got %s\n", address);
            return NULL;
        }
        memcpy(host, address, length);
        host[length] = '\0';
        redis = redisConnectWithTimeout(host, (int)port, patience);
    }
    if (redis == NULL || redis->err != 0) {
        fprintf(stderr, "lcctl: Redis at %s: %s\n", address,
                redis == NULL ? "out of memory" : redis->errstr);
        if (redis != NULL)
            redisFree(redis);
        return NULL;
    }
    redisSetTimeout(redis, (struct timeval){30, 0});
    return redis;
}

static bool
read_password(const struct ctl_login *login, struct buf *b)
{
    if (login->password_file[0] == '\0') {
        buf_str(b, login->password);
        return !b->failed;
    }
    enum lc_err err = file_read(login->password_file, PASSWORD_MAX, b);
    if (err != LC_OK) {
        fprintf(stderr, "lcctl: the password of Redis: %s: %s\n", login->password_file,
                lc_strerror(err));
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

redisContext *
ctl_connect(const struct ctl_login *login)
{
    struct buf password = {0};
    redisContext *redis = NULL;

    if (!read_password(login, &password))
        goto out;
    redis = open_address(login->address);
    if (redis != NULL && password.n > 0 && !log_in(redis, login->user, buf_slice(&password))) {
        redisFree(redis);
        redis = NULL;
    }
out:
    if (password.p != NULL)
        explicit_bzero(password.p, password.cap);
    buf_free(&password);
    return redis;
}
