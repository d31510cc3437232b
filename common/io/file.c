#include "io/file.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

enum lc_err
file_read(const char *path, size_t cap, struct buf *b)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    enum lc_err err = LC_OK;

    if (fd < 0)
        return errno == ENOENT ? LC_ENOTFOUND : LC_EIO;
    for (;;) {
        char *to = buf_reserve(b, 4096);
        if (to == NULL) {
            err = LC_ENOMEM;
            break;
        }
        ssize_t n = read(fd, to, 4096);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            err = LC_EIO;
        if (n <= 0)
            break;
        b->n += (size_t)n;
        if (b->n > cap) {
            err = LC_ETOOBIG;
            break;
        }
    }
    int why = errno;
    close(fd);
    errno = why;
    return err;
}

bool
file_write(int fd, const void *bytes, size_t n)
{
    const char *p = bytes;

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

bool
file_new(const char *path, struct slice bytes)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    if (fd < 0)
        return false;
    bool ok = file_write(fd, bytes.p, bytes.n) && fsync(fd) == 0;
    int why = errno;
    if (close(fd) != 0 && ok) {
        why = errno;
        ok = false;
    }
    if (!ok) {
        unlink(path);
        errno = why;
    }
    return ok;
}
