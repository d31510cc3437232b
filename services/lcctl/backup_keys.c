/* A backup's keys: personal data are sealed with a key of each order, and an order is forgotten by
 * destroying its key. A backup that had the keys would keep what was forgotten since; so they go
 * into a file of their own, out of which an order can be taken later.
 *
 * In an RDB a wrapped key lies as it is: values of over 64 bytes are strings of their own, and
 * random bytes do not compress. It is found by the mark that it begins with, and what stands for it
 * has the mark, a hash of the key and zeros: the same length, so nothing else moves. */
#include "base/map.h"
#include "base/personal.h"
#include "io/file.h"
#include "lcctl/lcctl.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    BODY = PERSONAL_KEY - PERSONAL_MARK_SIZE,
    HASH = 32,
    PAGE = 1000,
    KEY_TEXT = 2 * PERSONAL_KEY,
    NAME_MAX_TEXT = 64 /* of what a key is: an order's id, or that and ":photo", ":signature" */
};

size_t
keys_visit(uint8_t *piece, size_t n, key_visit *visit, void *ctx)
{
    uint8_t *at = piece, *end = piece + n;

    for (;;) {
        uint8_t *found = memmem(at, (size_t)(end - at), personal_mark, PERSONAL_MARK_SIZE);
        if (found == NULL)
            break;
        if (end - found < PERSONAL_KEY)
            return (size_t)(end - found);
        visit(ctx, found);
        at = found + PERSONAL_KEY;
    }
    size_t left = (size_t)(end - at);
    return left < PERSONAL_MARK_SIZE - 1 ? left : PERSONAL_MARK_SIZE - 1;
}

static void
hash_of(const uint8_t *key, uint8_t out[HASH])
{
    crypto_generichash(out, HASH, key + PERSONAL_MARK_SIZE, BODY, NULL, 0);
}

void
key_leave_out(uint8_t *key)
{
    uint8_t hash[HASH];

    hash_of(key, hash);
    memset(key + PERSONAL_MARK_SIZE, 0, BODY);
    memcpy(key + PERSONAL_MARK_SIZE, hash, HASH);
}

/* ---- a ring ---- */

struct ring_key {
    uint8_t hash[HASH];
    uint8_t key[PERSONAL_KEY];
    UT_hash_handle hh;
};

struct keyring {
    struct ring_key *all;
    size_t n;
};

void
keyring_free(struct keyring *k)
{
    struct ring_key *one, *next;

    if (k == NULL)
        return;
    HASH_ITER(hh, k->all, one, next)
    {
        HASH_DELETE(hh, k->all, one);
        sodium_memzero(one->key, sizeof one->key);
        free(one);
    }
    free(k);
}

/* next_line: cuts "name hex\n" off the front of *rest; false at its end, and with *wrong at a line
 * that is none. */
static bool
next_line(struct slice *rest, struct slice *line, struct slice *name, bool *wrong)
{
    const char *end = rest->n == 0 ? NULL : memchr(rest->p, '\n', rest->n);

    *wrong = rest->n > 0;
    if (end == NULL)
        return false;
    *line = slice_of(rest->p, (size_t)(end - rest->p) + 1);
    if (line->n < UUID_TEXT - 1 + 1 + KEY_TEXT + 1 || line->n > NAME_MAX_TEXT + 1 + KEY_TEXT + 1)
        return false;
    *name = slice_of(line->p, line->n - 1 - KEY_TEXT - 1);
    if (name->p[name->n] != ' ')
        return false;
    *rest = slice_of(rest->p + line->n, rest->n - line->n);
    *wrong = false;
    return true;
}

static bool
keyring_add(struct keyring *k, struct slice hex)
{
    bool map_failed = false;
    struct ring_key *one = calloc(1, sizeof *one);
    size_t n;

    if (one == NULL ||
        sodium_hex2bin(one->key, sizeof one->key, hex.p, KEY_TEXT, NULL, &n, NULL) != 0 ||
        n != PERSONAL_KEY) {
        free(one);
        return false;
    }
    hash_of(one->key, one->hash);
    HASH_ADD(hh, k->all, hash, sizeof one->hash, one);
    if (map_failed)
        free(one);
    k->n += !map_failed;
    return !map_failed;
}

static int
failed(const char *path)
{
    fprintf(stderr, "lcctl: %s: %s\n", path, strerror(errno));
    return EXIT_FAILED;
}

static int
no_keys(const char *path)
{
    fprintf(stderr, "lcctl: %s: expected the keys that lcctl backup has written\n", path);
    return EXIT_FAILED;
}

struct keyring *
keyring_read(const char *path)
{
    struct buf b = {0};
    struct slice line, name;
    bool wrong = true;

    if (access(path, R_OK) != 0) {
        (void)failed(path);
        return NULL;
    }
    struct keyring *k = calloc(1, sizeof *k);
    bool ok = k != NULL && file_read(path, (size_t)8 << 30, &b) == LC_OK;
    struct slice rest = buf_slice(&b);

    while (ok && next_line(&rest, &line, &name, &wrong))
        ok = keyring_add(k, slice_of(name.p + name.n + 1, KEY_TEXT));
    if (b.p != NULL)
        sodium_memzero(b.p, b.n);
    buf_free(&b);
    if (ok && !wrong)
        return k;
    (void)no_keys(path);
    keyring_free(k);
    return NULL;
}

bool
keyring_put_back(const struct keyring *k, uint8_t *key)
{
    struct ring_key *one = NULL;

    if (k != NULL)
        HASH_FIND(hh, k->all, key + PERSONAL_MARK_SIZE, HASH, one);
    if (one != NULL)
        memcpy(key, one->key, PERSONAL_KEY);
    return one != NULL;
}

/* ---- files ---- */

/* replace_file: whole or not at all. Whoever could read the one before can read the new one: who
 * restores a backup may be another user. */
static int
replace_file(struct ctl *c, const char *path, struct slice bytes)
{
    const char *half = arena_printf(c->arena, "%s.new", path);
    int fd = half == NULL ? -1 : open(half, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool ok = fd >= 0 && file_write(fd, bytes.p, bytes.n) && fsync(fd) == 0;
    struct stat before;

    if (ok && stat(path, &before) == 0)
        ok = fchmod(fd, before.st_mode & 0777) == 0;
    if (fd >= 0)
        ok = close(fd) == 0 && ok;
    if (ok && rename(half, path) == 0)
        return EXIT_SUCCESS;
    int status = failed(path);
    if (fd >= 0)
        unlink(half); /* keys lie nowhere but where they were asked for */
    return status;
}

/* False: this is no key of ours, and what cannot be written down must not be left out. */
static bool
put_key(struct buf *b, const redisReply *name, const redisReply *key)
{
    char hex[KEY_TEXT + 1];

    if (name->len < UUID_TEXT - 1 || name->len > NAME_MAX_TEXT || key->len != PERSONAL_KEY) {
        fprintf(stderr, "lcctl: keys: %s is not a key of an order\n", name->str);
        return false;
    }
    sodium_bin2hex(hex, sizeof hex, (const uint8_t *)key->str, PERSONAL_KEY);
    buf_printf(b, "%s %s\n", name->str, hex);
    return true;
}

/* read_keys: HSCAN may give one twice; whoever reads the file does not mind. */
static bool
read_keys(struct ctl *c, struct buf *b, size_t *n)
{
    char cursor[32] = "0";
    bool ok = true;

    do {
        redisReply *r = ctl_read(c, "HSCAN", "keys", cursor, "COUNT", "1000", NULL);
        if (r == NULL || r->elements != 2) {
            freeReplyObject(r);
            return false;
        }
        for (size_t i = 0; ok && i + 1 < r->element[1]->elements; i += 2, ++*n)
            ok = put_key(b, r->element[1]->element[i], r->element[1]->element[i + 1]);
        snprintf(cursor, sizeof cursor, "%s", r->element[0]->str);
        freeReplyObject(r);
    } while (strcmp(cursor, "0") != 0 && ok && !b->failed);
    return ok && !b->failed;
}

int
keys_write(struct ctl *c, const char *path, size_t *n)
{
    struct ctl other = *c;
    struct buf b = {0};
    int status = EXIT_FAILED;

    *n = 0;
    other.redis = ctl_connect(c->login);
    if (other.redis != NULL && read_keys(&other, &b, n)) {
        if (strcmp(path, "-") != 0)
            status = replace_file(c, path, buf_slice(&b));
        else if (fwrite(b.p, 1, b.n, stdout) == b.n && fflush(stdout) == 0)
            status = EXIT_SUCCESS;
    }
    if (other.redis != NULL)
        redisFree(other.redis);
    buf_free(&b);
    return status;
}

/* The old file's bytes are overwritten before it goes. */
static void
overwrite(const char *path, size_t n)
{
    static const char zeros[4096];
    int fd = open(path, O_WRONLY | O_CLOEXEC);

    while (fd >= 0 && n > 0) {
        ssize_t done = write(fd, zeros, n < sizeof zeros ? n : sizeof zeros);
        if (done <= 0)
            break;
        n -= (size_t)done;
    }
    if (fd >= 0) {
        (void)fsync(fd);
        close(fd);
    }
}

/* forget_lines: what of the file stays when the keys of an order go: its own, its photo's, its
 * signature's. False: this is no file of keys. */
static bool
forget_lines(struct slice all, const char *uuid, struct buf *rest, bool *was)
{
    struct slice line, name;
    bool wrong;

    while (next_line(&all, &line, &name, &wrong)) {
        if (memcmp(name.p, uuid, UUID_TEXT - 1) == 0)
            *was = true;
        else
            buf_append(rest, line.p, line.n);
    }
    return !wrong;
}

int
keys_forget(struct ctl *c, const char *path, const char *uuid, bool *was)
{
    struct buf b = {0}, rest = {0};
    int status = EXIT_SUCCESS;

    *was = false;
    if (file_read(path, (size_t)8 << 30, &b) != LC_OK ||
        !forget_lines(buf_slice(&b), uuid, &rest, was)) {
        status = no_keys(path);
    } else if (rest.failed) {
        status = EXIT_FAILED;
    } else if (*was) {
        const char *old = arena_printf(c->arena, "%s.old", path);
        /* one of the two has the other orders' keys, whenever this is broken off */
        if (old == NULL || (unlink(old) != 0 && errno != ENOENT) || link(path, old) != 0)
            status = failed(path);
        else
            status = replace_file(c, path, buf_slice(&rest));
        if (status == EXIT_SUCCESS)
            overwrite(old, b.n);
        if (old != NULL)
            unlink(old);
    }
    buf_free(&rest);
    buf_free(&b);
    return status;
}
