#include "io/recording.h"

#include "io/file.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAGIC "lifecircle recording 1\n"

enum {
    MAGIC_SIZE = sizeof MAGIC - 1,
    KEY = crypto_secretstream_xchacha20poly1305_KEYBYTES,
    HEAD = crypto_secretstream_xchacha20poly1305_HEADERBYTES,
    MORE = crypto_secretstream_xchacha20poly1305_ABYTES,
    LENGTH = 4,
    PATH_ROOM = 640,
    LOOK_MS = 1000
};

struct recording {
    int fd;
    int64_t looked_ms;
    crypto_secretstream_xchacha20poly1305_state state;
    struct buf sealed; /* of one piece */
    char path[PATH_ROOM];
    char key_path[PATH_ROOM];
};

/* key_path: NAME.key of NAME.steps or NAME.key; false when it is neither. */
static bool
key_path(const char *path, char out[PATH_ROOM])
{
    static const char steps[] = ".steps", key[] = ".key";
    size_t n = strlen(path);

    if (n >= PATH_ROOM)
        return false;
    if (n > sizeof steps - 1 && strcmp(path + n - (sizeof steps - 1), steps) == 0)
        n -= sizeof steps - 1;
    else if (n > sizeof key - 1 && strcmp(path + n - (sizeof key - 1), key) == 0)
        n -= sizeof key - 1;
    else
        return false;
    snprintf(out, PATH_ROOM, "%.*s%s", (int)n, path, key);
    return true;
}

static bool
start(struct recording *r)
{
    uint8_t key[KEY], head[HEAD];

    crypto_secretstream_xchacha20poly1305_keygen(key);
    bool ok = file_new(r->key_path, slice_of((const char *)key, sizeof key)) &&
              (r->fd = open(r->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)) >= 0 &&
              crypto_secretstream_xchacha20poly1305_init_push(&r->state, head, key) == 0 &&
              file_write(r->fd, MAGIC, MAGIC_SIZE) && file_write(r->fd, head, sizeof head);
    sodium_memzero(key, sizeof key);
    return ok;
}

struct recording *
recording_new(const char *dir, const char *service, int64_t now_ms)
{
    struct recording *r = NULL;

    if (mkdir(dir, 0700) != 0 && errno != EEXIST)
        return NULL;
    r = calloc(1, sizeof *r);
    if (r == NULL)
        return NULL;
    r->fd = -1;
    int n = snprintf(r->path, sizeof r->path, "%s/%s-%lld-%ld.steps", dir, service,
                     (long long)now_ms, (long)getpid());
    if (n >= (int)sizeof r->path - 1 || !key_path(r->path, r->key_path))
        errno = ENAMETOOLONG;
    else if (start(r))
        return r;
    int why = errno;
    recording_free(r);
    errno = why;
    return NULL;
}

const char *
recording_path(const struct recording *r)
{
    return r->path;
}

enum lc_err
recording_write(struct recording *r, struct slice piece, int64_t now_ms)
{
    unsigned long long n = 0;

    if (now_ms - r->looked_ms >= LOOK_MS) {
        r->looked_ms = now_ms;
        if (access(r->key_path, F_OK) != 0)
            return LC_ENOTFOUND;
    }
    buf_reset(&r->sealed);
    buf_u32(&r->sealed, (uint32_t)(piece.n + MORE));
    char *to = buf_reserve(&r->sealed, piece.n + MORE);
    if (to == NULL || r->sealed.failed) {
        errno = ENOMEM;
        return LC_EIO;
    }
    crypto_secretstream_xchacha20poly1305_push(&r->state, (uint8_t *)to, &n,
                                               (const uint8_t *)piece.p, piece.n, NULL, 0, 0);
    r->sealed.n += n;
    return file_write(r->fd, r->sealed.p, r->sealed.n) ? LC_OK : LC_EIO;
}

void
recording_free(struct recording *r)
{
    if (r == NULL)
        return;
    if (r->fd >= 0)
        close(r->fd);
    buf_free(&r->sealed);
    sodium_memzero(&r->state, sizeof r->state);
    free(r);
}

/* ---- reading ---- */

static enum lc_err
open_pieces(struct slice in, const uint8_t key[KEY], struct buf *b)
{
    crypto_secretstream_xchacha20poly1305_state state;
    struct cursor c = {in.p + MAGIC_SIZE + HEAD, in.n - MAGIC_SIZE - HEAD, false};

    if (crypto_secretstream_xchacha20poly1305_init_pull(&state, (const uint8_t *)in.p + MAGIC_SIZE,
                                                        key) != 0)
        return LC_EDENIED;
    while (c.n >= LENGTH) {
        uint32_t n = cursor_u32(&c);
        if (n < MORE || n > c.n)
            return n < MORE ? LC_EDENIED : LC_OK; /* cut short */
        char *to = buf_reserve(b, n - MORE);
        if (to == NULL)
            return LC_ENOMEM;
        unsigned long long got = 0;
        if (crypto_secretstream_xchacha20poly1305_pull(&state, (uint8_t *)to, &got, NULL,
                                                       (const uint8_t *)c.p, n, NULL, 0) != 0)
            return LC_EDENIED;
        b->n += got;
        c.p += n;
        c.n -= n;
    }
    return LC_OK;
}

enum lc_err
recording_read(const char *path, size_t cap, struct buf *b)
{
    struct buf file = {0}, key = {0};
    char beside[PATH_ROOM];
    enum lc_err err = file_read(path, cap, &file);

    if (err != LC_OK) {
        buf_free(&file);
        return err;
    }
    if (file.n < MAGIC_SIZE || memcmp(file.p, MAGIC, MAGIC_SIZE) != 0)
        buf_append(b, file.p, file.n);
    else if (file.n < MAGIC_SIZE + HEAD)
        err = LC_OK; /* cut short before the first piece */
    else if (!key_path(path, beside) || file_read(beside, 4096, &key) != LC_OK || key.n != KEY)
        err = LC_EDENIED;
    else
        err = open_pieces(buf_slice(&file), (const uint8_t *)key.p, b);
    if (key.p != NULL)
        sodium_memzero(key.p, key.n);
    buf_free(&key);
    buf_free(&file);
    return err == LC_OK && b->failed ? LC_ENOMEM : err;
}

enum lc_err
recording_destroy(const char *path)
{
    static const uint8_t nothing[KEY];
    char beside[PATH_ROOM];

    if (!key_path(path, beside))
        return LC_ENOTFOUND;
    int fd = open(beside, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? LC_ENOTFOUND : LC_EIO;
    bool ok = file_write(fd, nothing, sizeof nothing) && fsync(fd) == 0;
    close(fd);
    return unlink(beside) == 0 && ok ? LC_OK : LC_EIO;
}
