/* lcctl backup, lcctl restore: everything that Redis has, as of one moment, and back.
 *
 * backup asks as a replica would (SYNC), so Redis writes what it has at that moment, and goes on
 * working meanwhile. The file is an RDB: any redis-server of the same version reads it. restore
 * lays it into an empty data directory as the base of an append-only file. */
#include "lcctl/lcctl.h"
#include "lcctl/show.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PIECE = 65536, HEAD_MAX = 256 };

static int
failed(const char *what)
{
    fprintf(stderr, "lcctl: %s: %s\n", what, strerror(errno));
    return EXIT_FAILED;
}

/* wrote: to stderr, since stdout may be the backup; with --json to stdout, if it is not. */
static int
wrote(const struct ctl *c, const char *name, long long bytes)
{
    struct buf b = {0};
    struct json_out w = json_out_to(&b);

    if (!c->json || strcmp(name, "-") == 0) {
        fprintf(stderr, "%lld bytes\n", bytes);
        return EXIT_SUCCESS;
    }
    json_out_object(&w, NULL);
    json_out_cstr(&w, "file", name);
    json_out_int(&w, "bytes", bytes);
    json_out_end(&w);
    return show_json(&b);
}

static bool
write_all(int fd, const char *p, size_t n)
{
    while (n > 0) {
        ssize_t done = write(fd, p, n);
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return false;
        p += done;
        n -= (size_t)done;
    }
    return true;
}

/* read_head: "$<bytes>" behind any number of empty lines, which only mean that it takes a while.
 * -1 after saying why not. */
static long long
read_head(int fd)
{
    char line[HEAD_MAX];
    size_t n = 0;
    char c;

    while (n + 1 < sizeof line) {
        ssize_t got = read(fd, &c, 1);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0) {
            (void)failed("Redis does not send");
            return -1;
        }
        if (c == '\r' || (c == '\n' && n == 0))
            continue;
        if (c == '\n')
            break;
        line[n++] = c;
    }
    line[n] = '\0';
    char *end = line;
    long long bytes = line[0] == '$' ? strtoll(line + 1, &end, 10) : -1;
    if (bytes > 0 && *end == '\0')
        return bytes;
    fprintf(stderr, "lcctl: Redis: %s\n", line);
    return -1;
}

/* copy: exactly n bytes (or to the end with n = -1); their number, -1 when either side fails. The
 * first must be an RDB's. */
static long long
copy(int from, int to, long long n)
{
    static const char magic[] = {'R', 'E', 'D', 'I', 'S'};
    static char piece[PIECE];
    long long done = 0;
    size_t have = 0;

    while (n < 0 || done < n) {
        size_t want = n >= 0 && n - done < PIECE ? (size_t)(n - done) : PIECE;
        ssize_t got = read(from, piece + have, want - have);
        if (got < 0 && errno == EINTR)
            continue;
        if (got == 0 && n < 0 && done > 0)
            return done;
        if (got <= 0)
            return -1;
        have += (size_t)got;
        if (done == 0 && have < sizeof magic)
            continue;
        if (done == 0 && memcmp(piece, magic, sizeof magic) != 0) {
            errno = EINVAL;
            return -1;
        }
        if (!write_all(to, piece, have))
            return -1;
        done += (long long)have;
        have = 0;
    }
    return done;
}

static int
backup_to(struct ctl *c, int to, const char *name, long long *bytes)
{
    static const char sync_command[] = "SYNC\r\n";

    if (!write_all(c->redis->fd, sync_command, sizeof sync_command - 1))
        return failed("Redis");
    long long n = read_head(c->redis->fd);
    if (n < 0)
        return EXIT_FAILED;
    if (copy(c->redis->fd, to, n) != n)
        return failed(name);
    if (fsync(to) != 0 && errno != EINVAL && errno != EROFS)
        return failed(name);
    *bytes = n;
    return EXIT_SUCCESS;
}

int
cmd_backup(struct ctl *c, struct args *a)
{
    const char *name = args_next(a);
    long long bytes = 0;

    if (name == NULL || !args_done(a))
        return EXIT_USAGE;
    if (strcmp(name, "-") == 0) {
        int out = backup_to(c, STDOUT_FILENO, name, &bytes);
        return out == EXIT_SUCCESS ? wrote(c, name, bytes) : out;
    }
    const char *half = arena_printf(c->arena, "%s.new", name);
    int fd = half == NULL ? -1 : open(half, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return failed(name);
    int status = backup_to(c, fd, half, &bytes);
    if (close(fd) != 0 && status == EXIT_SUCCESS)
        status = failed(half);
    if (status == EXIT_SUCCESS && rename(half, name) != 0)
        status = failed(name);
    if (status != EXIT_SUCCESS)
        unlink(half);
    return status == EXIT_SUCCESS ? wrote(c, name, bytes) : status;
}

/* ---- back again ---- */

static int
write_file(const char *path, int from, const char *text, long long *bytes)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    bool ok = fd >= 0;

    if (ok && text == NULL) {
        *bytes = copy(from, fd, -1);
        ok = *bytes > 0;
    } else if (ok) {
        ok = write_all(fd, text, strlen(text));
    }
    ok = ok && fsync(fd) == 0;
    if (fd >= 0)
        close(fd);
    return ok ? EXIT_SUCCESS : failed(path);
}

int
cmd_restore(struct ctl *c, struct args *a)
{
    const char *name = args_next(a);
    const char *dir = args_next(a);
    long long bytes = 0;

    if (name == NULL || dir == NULL || !args_done(a))
        return EXIT_USAGE;
    const char *aof = arena_printf(c->arena, "%s/appendonlydir", dir);
    const char *base = arena_printf(c->arena, "%s/appendonly.aof.1.base.rdb", aof);
    const char *manifest = arena_printf(c->arena, "%s/appendonly.aof.manifest", aof);
    if (manifest == NULL)
        return EXIT_FAILED;
    if (mkdir(aof, 0700) != 0) {
        if (errno != EEXIST)
            return failed(aof);
        fprintf(stderr, "lcctl: %s: there are data already; move them away first\n", aof);
        return EXIT_NOT_SO;
    }
    int from = strcmp(name, "-") == 0 ? STDIN_FILENO : open(name, O_RDONLY | O_CLOEXEC);
    int status = from < 0 ? failed(name) : write_file(base, from, NULL, &bytes);
    if (status == EXIT_SUCCESS) /* last: without it Redis finds nothing to load */
        status = write_file(manifest, -1, "file appendonly.aof.1.base.rdb seq 1 type b\n", NULL);
    if (from > STDIN_FILENO)
        close(from);
    if (status != EXIT_SUCCESS) {
        unlink(base);
        rmdir(aof);
    }
    return status == EXIT_SUCCESS ? wrote(c, dir, bytes) : status;
}
