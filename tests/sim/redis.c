/* redis: the private redis-server that the simulator kills. Its files live in a scratch folder in
 * memory, where fsync costs nothing: what is tested is that a killed process keeps what it has
 * answered. */
#include "sim.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static bool
spawn(struct sim *s)
{
    char socket[96];
    char dir[96];

    snprintf(socket, sizeof socket, "%s/redis.sock", s->folder);
    snprintf(dir, sizeof dir, "%s", s->folder);
    unlink(socket);
    s->redis_pid = fork();
    if (s->redis_pid == 0) {
        if (freopen("/dev/null", "w", stdout) == NULL)
            _exit(126);
        /* small encodings keep the order in which hashes were written: the same bytes for the same
         * seed */
        execlp("redis-server", "redis-server", "--port", "0", "--unixsocket", socket, "--dir", dir,
               "--appendonly", "yes", "--appendfsync", "always", "--save", "", "--daemonize", "no",
               "--hash-max-listpack-entries", "1000000", "--hash-max-listpack-value", "1000000",
               "--zset-max-listpack-entries", "1000000", "--logfile", "redis.log", (char *)NULL);
        _exit(127);
    }
    return s->redis_pid > 0;
}

/* connect_server: as soon as it answers; NULL when it ended instead. */
static redisContext *
connect_server(struct sim *s)
{
    char socket[96];

    snprintf(socket, sizeof socket, "%s/redis.sock", s->folder);
    for (;;) {
        redisContext *c = redisConnectUnix(socket);
        if (c != NULL && c->err == 0) {
            redisReply *r = redisCommand(c, "PING");
            bool up = r != NULL && r->type == REDIS_REPLY_STATUS;
            if (r != NULL)
                freeReplyObject(r);
            if (up)
                return c;
        }
        if (c != NULL)
            redisFree(c);
        if (waitpid(s->redis_pid, NULL, WNOHANG) == s->redis_pid)
            return NULL;
        poll(NULL, 0, 2);
    }
}

static bool
load_library(struct sim *s)
{
    struct buf code = {0};
    char chunk[65536];
    size_t got;
    FILE *f = fopen(LC_REDIS_LIBRARY, "r");

    while (f != NULL && (got = fread(chunk, 1, sizeof chunk, f)) > 0)
        buf_append(&code, chunk, got);
    if (f != NULL)
        fclose(f);
    if (s->options.broken != NULL)
        breakage_plant(s->options.broken, &code);
    redisReply *r = redisCommand(s->redis, "FUNCTION LOAD REPLACE %b", code.p, code.n);
    bool loaded = r != NULL && r->type != REDIS_REPLY_ERROR;
    if (!loaded)
        fprintf(stderr, "sim: library: %s\n", r == NULL ? "no answer" : r->str);
    if (r != NULL)
        freeReplyObject(r);
    buf_free(&code);
    return loaded;
}

bool
redis_start(struct sim *s)
{
    if (s->folder[0] == '\0') {
        const char *base = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
        snprintf(s->folder, sizeof s->folder, "%s/lc-sim.XXXXXX", base);
        if (mkdtemp(s->folder) == NULL) {
            perror("sim: mkdtemp");
            return false;
        }
    }
    if (!spawn(s) || (s->redis = connect_server(s)) == NULL) {
        fputs("sim: redis-server does not start\n", stderr);
        return false;
    }
    return load_library(s);
}

static void
kill_server(struct sim *s)
{
    if (s->redis != NULL)
        redisFree(s->redis);
    s->redis = NULL;
    if (s->redis_pid > 0) {
        kill(s->redis_pid, SIGKILL);
        while (waitpid(s->redis_pid, NULL, 0) < 0 && errno == EINTR)
            continue;
    }
    s->redis_pid = 0;
}

static void
back(struct sim *s, void *arg)
{
    (void)arg;
    if (!redis_start(s))
        sim_fail(s, "Redis does not start again");
}

void
redis_kill(struct sim *s, int64_t down_ms)
{
    if (s->redis == NULL)
        return;
    kill_server(s);
    commands_redis_died(s, s->now_ms + down_ms);
    sim_later(s, down_ms, back, NULL);
}

void
redis_stop(struct sim *s)
{
    char command[128];

    kill_server(s);
    if (s->folder[0] == '\0')
        return;
    snprintf(command, sizeof command, "rm -rf '%s'", s->folder);
    if (system(command) != 0)
        fprintf(stderr, "sim: cannot remove %s\n", s->folder);
}

redisReply *
redis_do(struct sim *s, size_t argc, const struct slice *argv)
{
    const char *words[4096];
    size_t lengths[4096];

    if (s->redis == NULL || argc > 4096)
        return NULL;
    for (size_t i = 0; i < argc; i++) {
        words[i] = argv[i].n == 0 ? "" : argv[i].p;
        lengths[i] = argv[i].n;
    }
    s->commands++;
    redisReply *r = redisCommandArgv(s->redis, (int)argc, words, lengths);
    if (r == NULL)
        sim_fail(s, "Redis broke: %s", s->redis->errstr);
    return r;
}

redisReply *
redis_ask(struct sim *s, const char *fmt, ...)
{
    va_list ap;
    redisReply *r = NULL;

    va_start(ap, fmt);
    if (s->redis != NULL)
        r = redisvCommand(s->redis, fmt, ap);
    va_end(ap);
    return r;
}
