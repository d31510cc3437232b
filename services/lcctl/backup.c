/* lcctl backup, lcctl restore: everything that Redis has, as of one moment, and back.
 *
 * backup asks as a replica would (SYNC), so Redis writes what it has at that moment, and goes on
 * working meanwhile. The file is an RDB (without its checksum): any redis-server of the same
 * version reads it. The keys of personal data are not in it but in a file beside it
 * (backup_keys.c). restore puts them back and lays it into an empty data directory as the base of
 * an append-only file. */
#include "io/file.h"
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

/* What a backup or a restore has come to. */
struct made {
    long long bytes;
    size_t left_out; /* keys of personal data that are not in it */
    size_t keys;     /* in the file beside it, or put back */
};

/* wrote: to stderr, since stdout may be the backup; with --json to stdout, if it is not. */
static int
wrote(const struct ctl *c, const char *name, const struct made *made)
{
    struct buf b = {0};
    struct json_out w = json_out_to(&b);

    if (!c->json || strcmp(name, "-") == 0) {
        fprintf(stderr, "%lld bytes; keys of personal data: %zu left out, %zu kept\n", made->bytes,
                made->left_out, made->keys);
        return EXIT_SUCCESS;
    }
    json_out_object(&w, NULL);
    json_out_cstr(&w, "file", name);
    json_out_int(&w, "bytes", made->bytes);
    json_out_uint(&w, "left_out", made->left_out);
    json_out_uint(&w, "keys", made->keys);
    json_out_end(&w);
    return show_json(&b);
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

/* flow: bytes on their way from one file into another; what visit changes is changed on the way. */
struct flow {
    int from;
    int to;
    long long n;      /* exactly so many; -1 = to the end */
    bool no_checksum; /* the last 8 bytes are an RDB's, and are to be 0: there is none */
    key_visit *visit;
    void *ctx;
};

/* read_some: -1 at an error, 0 at the end. */
static ssize_t
read_some(int fd, char *to, size_t n)
{
    ssize_t got;

    do
        got = read(fd, to, n);
    while (got < 0 && errno == EINTR);
    return got;
}

static void
drop_checksum(char *piece, size_t have, long long done, long long n)
{
    for (size_t i = 0; i < have; i++)
        if (done + (long long)i >= n - 8)
            piece[i] = 0;
}

/* copy: how many bytes, or -1 when either side fails; EINVAL: the first are not an RDB's. */
static long long
copy(const struct flow *f)
{
    static const char magic[] = {'R', 'E', 'D', 'I', 'S'};
    static char piece[PIECE];
    long long came = 0, done = 0;
    size_t have = 0;
    bool ended = false;

    while (!ended) {
        size_t want = PIECE - have;
        if (f->n >= 0 && f->n - came < (long long)want)
            want = (size_t)(f->n - came);
        ssize_t got = want == 0 ? 0 : read_some(f->from, piece + have, want);
        if (got < 0)
            return -1;
        if (got == 0 && (f->n < 0 ? came == 0 : came < f->n)) {
            errno = f->n < 0 ? EINVAL : EPIPE;
            return -1;
        }
        ended = got == 0;
        have += (size_t)got;
        came += got;
        if (!ended && came < (long long)sizeof magic)
            continue;
        if (done == 0 && (have < sizeof magic || memcmp(piece, magic, sizeof magic) != 0)) {
            errno = EINVAL;
            return -1;
        }
        size_t again = ended ? 0 : keys_visit((uint8_t *)piece, have, f->visit, f->ctx);
        if (f->no_checksum)
            drop_checksum(piece, have - again, done, f->n);
        if (!file_write(f->to, piece, have - again))
            return -1;
        done += (long long)(have - again);
        memmove(piece, piece + have - again, again);
        have = again;
    }
    return done;
}

static void
leave_out(void *ctx, uint8_t *key)
{
    key_leave_out(key);
    ++*(size_t *)ctx;
}

static int
backup_to(struct ctl *c, int to, const char *name, const char *keys, struct made *made)
{
    static const char sync_command[] = "SYNC\r\n";

    if (!ctl_settled(c))
        return EXIT_NOT_SO;
    if (!file_write(c->redis->fd, sync_command, sizeof sync_command - 1))
        return failed("Redis");
    long long n = read_head(c->redis->fd);
    if (n < 0)
        return EXIT_FAILED;
    const struct flow f = {c->redis->fd, to, n, true, leave_out, &made->left_out};
    if (copy(&f) != n)
        return failed(name);
    if (fsync(to) != 0 && errno != EINVAL && errno != EROFS)
        return failed(name);
    made->bytes = n;
    /* the keys after the data: one that was erased in between is in neither */
    if (keys != NULL && keys_write(c, keys, &made->keys) != EXIT_SUCCESS)
        return EXIT_FAILED;
    if (made->left_out == 0 && made->keys > 0) {
        fputs("lcctl: this Redis writes keys another way than expected: they are in the backup\n",
              stderr);
        return EXIT_FAILED;
    }
    return EXIT_SUCCESS;
}

int
cmd_backup(struct ctl *c, struct args *a)
{
    const char *keys = args_option(a, "keys", NULL);
    const char *name = args_next(a);
    struct made made = {0};

    if (name != NULL && strcmp(name, "keys") == 0 && a->n > 0) {
        const char *to = args_next(a);
        return to == NULL || !args_done(a) || keys != NULL ? EXIT_USAGE
                                                           : keys_write(c, to, &made.keys);
    }
    if (name == NULL || !args_done(a))
        return EXIT_USAGE;
    if (strcmp(name, "-") == 0) {
        int out = backup_to(c, STDOUT_FILENO, name, keys, &made);
        return out == EXIT_SUCCESS ? wrote(c, name, &made) : out;
    }
    if (keys == NULL)
        keys = arena_printf(c->arena, "%s.keys", name);
    const char *half = arena_printf(c->arena, "%s.new", name);
    int fd = half == NULL ? -1 : open(half, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return failed(name);
    int status = backup_to(c, fd, half, keys, &made);
    if (close(fd) != 0 && status == EXIT_SUCCESS)
        status = failed(half);
    if (status == EXIT_SUCCESS && rename(half, name) != 0)
        status = failed(name);
    if (status != EXIT_SUCCESS)
        unlink(half);
    return status == EXIT_SUCCESS ? wrote(c, name, &made) : status;
}

/* ---- back again ---- */

struct putting_back {
    const char *name;           /* of the backup */
    const struct keyring *ring; /* NULL: there is no file of keys */
    struct made *made;
};

static void
put_back(void *ctx, uint8_t *key)
{
    struct putting_back *p = ctx;

    if (keyring_put_back(p->ring, key))
        p->made->keys++;
    else
        p->made->left_out++;
}

static int
write_base(const char *path, int from, struct putting_back *keys)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    bool ok = fd >= 0;

    if (ok) {
        const struct flow f = {from, fd, -1, false, put_back, keys};
        keys->made->bytes = copy(&f);
        ok = keys->made->bytes > 0 && fsync(fd) == 0;
    }
    bool foreign = fd >= 0 && !ok && errno == EINVAL;
    if (fd >= 0)
        close(fd);
    if (foreign)
        fprintf(stderr, "lcctl: %s: expected a file that `lcctl backup` has written\n", keys->name);
    return ok ? EXIT_SUCCESS : foreign ? EXIT_FAILED : failed(path);
}

/* keys_beside: of a backup FILE they are in FILE.keys, if that is there. */
static const char *
keys_beside(struct ctl *c, const char *name)
{
    const char *keys = arena_printf(c->arena, "%s.keys", name);

    return strcmp(name, "-") != 0 && keys != NULL && access(keys, R_OK) == 0 ? keys : NULL;
}

static int
lay(struct ctl *c, const char *dir, int from, struct putting_back *keys)
{
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
    int status = write_base(base, from, keys);
    /* last: without it Redis finds nothing to load */
    if (status == EXIT_SUCCESS &&
        !file_new(manifest, SLICE_LIT("file appendonly.aof.1.base.rdb seq 1 type b\n")))
        status = failed(manifest);
    if (status != EXIT_SUCCESS) {
        unlink(base);
        rmdir(aof);
    }
    return status;
}

int
cmd_restore(struct ctl *c, struct args *a)
{
    const char *keys_name = args_option(a, "keys", NULL);
    const char *name = args_next(a);
    const char *dir = args_next(a);
    struct keyring *ring = NULL;
    struct made made = {0};

    if (name == NULL || dir == NULL || !args_done(a))
        return EXIT_USAGE;
    if (keys_name == NULL)
        keys_name = keys_beside(c, name);
    if (keys_name != NULL && (ring = keyring_read(keys_name)) == NULL)
        return EXIT_FAILED;
    struct putting_back keys = {name, ring, &made};
    bool locked = ring == NULL;
    int from = strcmp(name, "-") == 0 ? STDIN_FILENO : open(name, O_RDONLY | O_CLOEXEC);
    int status = from < 0 ? failed(name) : lay(c, dir, from, &keys);
    if (from > STDIN_FILENO)
        close(from);
    keyring_free(ring);
    if (status == EXIT_SUCCESS)
        status = wrote(c, dir, &made);
    if (status == EXIT_SUCCESS && locked && made.left_out > 0) {
        fputs("lcctl: without the file of keys (--keys) nobody can read whom these orders were "
              "for\n",
              stderr);
        status = EXIT_NOT_SO;
    }
    return status;
}
