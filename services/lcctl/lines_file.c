/* Files that lines are appended to before what they tell of goes from Redis. */
#include "lcctl/lcctl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* name_on_disk: of a file that is new; a directory that may not be read cannot be asked for it. */
static bool
name_on_disk(const char *path)
{
    const char *slash = strrchr(path, '/');
    char dir[4096];

    if (slash == NULL)
        snprintf(dir, sizeof dir, ".");
    else
        snprintf(dir, sizeof dir, "%.*s", slash == path ? 1 : (int)(slash - path), path);
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return true;
    bool ok = fsync(fd) == 0 || errno == EINVAL || errno == EROFS;
    close(fd);
    return ok;
}

int
lines_open(const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
    char last = '\n';
    struct stat st;

    if (fd < 0)
        return -1;
    bool ok = fstat(fd, &st) == 0;
    if (ok && st.st_size == 0)
        ok = name_on_disk(path);
    else if (ok && S_ISREG(st.st_mode))
        ok = pread(fd, &last, 1, st.st_size - 1) == 1 && (last == '\n' || write(fd, "\n", 1) == 1);
    if (ok)
        return fd;
    int kept = errno;
    close(fd);
    errno = kept;
    return -1;
}
