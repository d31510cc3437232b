/* redis_set: private Redis servers on free ports of the loopback, one following another, and
 * Sentinels over them; killed and gone with the test. Asked beside the client under test by
 * blocking calls. */
#ifndef LC_TESTS_IO_REDIS_SET_H
#define LC_TESTS_IO_REDIS_SET_H

#include "hold_port.h"
#include "redis_server.h"

#include <hiredis/hiredis.h>
#include <poll.h>
#include <stdarg.h>
#include <stdlib.h>

struct redis_one {
    pid_t pid;
    int port, held;
    int bus, bus_held; /* of a Cluster's node; otherwise none */
    char dir[64];
    char address[32]; /* host:port */
};

static inline void
redis_one_new(struct redis_one *s)
{
    *s = (struct redis_one){.bus_held = -1};
    s->held = hold_port(&s->port);
    snprintf(s->address, sizeof s->address, "127.0.0.1:%d", s->port);
    /* in memory where there is such a folder: how long other jobs keep the disk is not tested */
    snprintf(s->dir, sizeof s->dir, "%s/lc-set-XXXXXX",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(s->dir));
}

static inline void
redis_one_run(struct redis_one *s, const char *config)
{
    char path[96];

    snprintf(path, sizeof path, "%s/conf", s->dir);
    if (access(path, F_OK) != 0) { /* later ones find what Redis and Sentinel made of it */
        FILE *f = fopen(path, "w");
        CU_ASSERT_PTR_NOT_NULL_FATAL(f);
        fputs(config, f);
        fclose(f);
    }
    s->pid = fork();
    CU_ASSERT_FATAL(s->pid >= 0);
    if (s->pid == 0) {
        int null = open("/dev/null", O_RDWR);
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        dup2(null, STDOUT_FILENO);
        dup2(null, STDERR_FILENO);
        execlp("redis-server", "redis-server", path,
               strstr(config, "sentinel ") != NULL ? "--sentinel" : (char *)NULL, (char *)NULL);
        _exit(127);
    }
}

/* redis_one_ask: one command, blocking, on a connection of its own; an integer as such, 1 for OK
 * and for a string that is `expected`, -1 for everything else. */
static inline long long
redis_one_ask(const struct redis_one *s, const char *expected, const char *words)
{
    redisContext *c = redisConnectWithTimeout("127.0.0.1", s->port, (struct timeval){1, 0});
    redisReply *reply = NULL;
    long long result = -1;

    if (c != NULL && c->err == 0) {
        redisSetTimeout(c, (struct timeval){2, 0});
        reply = redisCommand(c, words);
    }
    if (reply != NULL && reply->type == REDIS_REPLY_INTEGER)
        result = reply->integer;
    else if (reply != NULL && reply->type == REDIS_REPLY_STATUS)
        result = 1;
    else if (reply != NULL && reply->type == REDIS_REPLY_STRING && expected != NULL)
        result = strstr(reply->str, expected) != NULL ? 1 : -1;
    if (reply != NULL)
        freeReplyObject(reply);
    if (c != NULL)
        redisFree(c);
    return result;
}

/* redis_one_await: asks until the answer is 1, 10 s at most. */
static inline void
redis_one_await(const struct redis_one *s, const char *expected, const char *words)
{
    for (int i = 0; i < 1000; i++) {
        if (redis_one_ask(s, expected, words) == 1)
            return;
        poll(NULL, 0, 10);
    }
    printf("\n  waited in vain for %s of: %s\n", expected == NULL ? "OK" : expected, words);
    CU_FAIL_FATAL("waited in vain");
}

/* redis_one_start: durable; follows `primary` unless NULL. */
static inline void
redis_one_start(struct redis_one *s, const struct redis_one *primary)
{
    char config[512];
    int n = snprintf(config, sizeof config,
                     "port %d\nbind 127.0.0.1\ndir %s\nsave \"\"\nappendonly yes\n"
                     "appendfsync always\nrepl-diskless-sync-delay 0\n",
                     s->port, s->dir);

    if (primary != NULL)
        snprintf(config + n, sizeof config - (size_t)n, "replicaof 127.0.0.1 %d\n", primary->port);
    redis_one_run(s, config);
    redis_one_await(s, NULL, "PING");
    if (primary != NULL)
        redis_one_await(s, "master_link_status:up", "INFO replication");
}

/* redis_one_watch: a Sentinel that alone decides, after two seconds: less can be a busy disk. */
static inline void
redis_one_watch(struct redis_one *s, const struct redis_one *primary)
{
    char config[512];

    snprintf(config, sizeof config,
             "port %d\nbind 127.0.0.1\ndir %s\nsentinel monitor city 127.0.0.1 %d 1\n"
             "sentinel down-after-milliseconds city 2000\nsentinel failover-timeout city 3000\n",
             s->port, s->dir, primary->port);
    redis_one_run(s, config);
    redis_one_await(s, "slaves=1", "INFO sentinel");
}

/* redis_set_watched: a primary, a replica that follows it, and a Sentinel over them, all new; a
 * daemon that is started next asks the Sentinel and waits 200 ms for the replica. */
static inline void
redis_set_watched(struct redis_one *primary, struct redis_one *replica, struct redis_one *sentinel)
{
    redis_one_new(primary);
    redis_one_new(replica);
    redis_one_new(sentinel);
    redis_one_start(primary, NULL);
    redis_one_start(replica, primary);
    redis_one_watch(sentinel, primary);
    setenv("LIFECIRCLE_REDIS_SENTINEL", sentinel->address, 1);
    setenv("LIFECIRCLE_REDIS_MASTER", "city", 1);
    setenv("LIFECIRCLE_REDIS_WAIT_REPLICAS", "1", 1);
    setenv("LIFECIRCLE_REDIS_WAIT_MS", "200", 1);
}

static inline void
redis_one_kill(struct redis_one *s)
{
    if (s->pid > 0) {
        kill(s->pid, SIGKILL);
        waitpid(s->pid, NULL, 0);
    }
    s->pid = 0;
}

static inline void
redis_one_end(struct redis_one *s)
{
    char command[128];

    redis_one_kill(s);
    if (s->dir[0] == '\0')
        return;
    close(s->held);
    if (s->bus_held >= 0)
        close(s->bus_held);
    snprintf(command, sizeof command, "rm -rf '%s' 2>/dev/null", s->dir);
    for (int i = 0; i < 500 && system(command) != 0; i++)
        poll(NULL, 0, 10); /* a child that rewrites a file may outlive it for a moment */
    CU_ASSERT_NOT_EQUAL(access(s->dir, F_OK), 0);
    *s = (struct redis_one){0};
}

#endif
