#include "kit.h"

#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void
die(const char *what, const char *why)
{
    fprintf(stderr, "%s: %s\n", what, why);
    exit(EXIT_FAILURE);
}

static char *
read_library(size_t *n)
{
    static char text[1 << 18];
    FILE *f = fopen(LC_REDIS_LIBRARY, "rb");

    if (f == NULL)
        die(LC_REDIS_LIBRARY, "not there");
    *n = fread(text, 1, sizeof text, f);
    fclose(f);
    return text;
}

static void
run_server(const char *dir, const char *socket, bool durable)
{
    int null = open("/dev/null", O_RDWR);

    dup2(null, 1);
    dup2(null, 2);
    execlp("redis-server", "redis-server", "--port", "0", "--unixsocket", socket, "--save", "",
           "--appendonly", durable ? "yes" : "no", "--appendfsync", "always", "--dir", dir,
           "--hash-max-listpack-entries", "128", "--enable-debug-command", "yes", (char *)NULL);
    _exit(127);
}

static void
connect_to(struct kit *k, const char *socket)
{
    struct timespec pause = {.tv_nsec = 5000000};

    for (int i = 0; i < 2000; i++) {
        k->redis = redisConnectUnix(socket);
        if (k->redis != NULL && k->redis->err == 0)
            return;
        redisFree(k->redis);
        nanosleep(&pause, NULL); /* until it listens */
    }
    die("redis-server", "does not listen after 10 s");
}

void
kit_start(struct kit *k, bool durable)
{
    char socket[96];
    size_t n;

    memset(k, 0, sizeof *k);
    snprintf(k->dir, sizeof k->dir, "/tmp/lc-redis-XXXXXX");
    if (mkdtemp(k->dir) == NULL)
        die(k->dir, "cannot be made");
    snprintf(socket, sizeof socket, "%s/socket", k->dir);
    k->pid = fork();
    if (k->pid == 0)
        run_server(k->dir, socket, durable);
    connect_to(k, socket);
    const char *library = read_library(&n);
    redisReply *r = kit_do(k, "FUNCTION LOAD REPLACE %b", library, n);
    if (r->type == REDIS_REPLY_ERROR)
        die(LC_REDIS_LIBRARY, r->str);
    freeReplyObject(r);
}

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *walk)
{
    (void)st;
    (void)type;
    (void)walk;
    return remove(path);
}

void
kit_stop(struct kit *k)
{
    redisFree(k->redis);
    kill(k->pid, SIGKILL);
    waitpid(k->pid, NULL, 0);
    nftw(k->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    buf_free(&k->bytes);
}

void
kit_end(struct kit *k)
{
    if (k->argc == KIT_ARGS_MAX)
        die("kit", "too many arguments");
    k->ends[k->argc++] = k->bytes.n;
}

void
kit_bytes(struct kit *k, struct slice s)
{
    buf_append(&k->bytes, s.p, s.n);
    kit_end(k);
}

struct slice
kit_arg(const struct kit *k, size_t i)
{
    size_t start = i == 0 ? 0 : k->ends[i - 1];

    return slice_of(k->bytes.p + start, k->ends[i] - start);
}

void
kit_replace(struct kit *k, size_t i, struct slice s)
{
    struct buf all = {0};
    size_t start = i == 0 ? 0 : k->ends[i - 1], end = k->ends[i];

    buf_append(&all, k->bytes.p, start);
    buf_append(&all, s.p, s.n);
    buf_append(&all, k->bytes.p + end, k->bytes.n - end);
    for (size_t at = i; at < k->argc; at++)
        k->ends[at] = k->ends[at] - (end - start) + s.n;
    buf_free(&k->bytes);
    k->bytes = all;
}

void
kit_drop(struct kit *k)
{
    k->argc--;
    k->bytes.n = k->ends[k->argc - 1];
}

void
kit_text(struct kit *k, const char *s)
{
    kit_bytes(k, slice_str(s));
}

void
kit_int(struct kit *k, int64_t v)
{
    buf_printf(&k->bytes, "%lld", (long long)v);
    kit_end(k);
}

void
kit_call(struct kit *k, const char *function)
{
    buf_reset(&k->bytes);
    k->argc = 0;
    kit_text(k, "FCALL");
    kit_text(k, function);
    kit_text(k, "1");
    kit_text(k, "{t}");
}

void
kit_send(struct kit *k)
{
    static const char *argv[KIT_ARGS_MAX];
    static size_t lens[KIT_ARGS_MAX];

    if (k->bytes.failed)
        die("kit", "out of memory");
    for (size_t i = 0, start = 0; i < k->argc; start = k->ends[i++]) {
        argv[i] = k->bytes.p + start;
        lens[i] = k->ends[i] - start;
    }
    redisAppendCommandArgv(k->redis, (int)k->argc, argv, lens);
}

redisReply *
kit_wait(struct kit *k)
{
    void *r = NULL;

    if (redisGetReply(k->redis, &r) != REDIS_OK)
        die("redis-server", k->redis->errstr);
    return r;
}

redisReply *
kit_reply(struct kit *k)
{
    kit_send(k);
    return kit_wait(k);
}

redisReply *
kit_do(struct kit *k, const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    redisReply *r = redisvCommand(k->redis, format, ap);
    va_end(ap);
    if (r == NULL)
        die("redis-server", k->redis->errstr);
    return r;
}
