#include "roads/map_file.h"

#include "roads/roads.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum lc_err
map_file(const char *path, struct slice *out, char *error)
{
    struct stat st;
    void *mapped = MAP_FAILED;
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0)
        mapped = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
    if (mapped == MAP_FAILED) {
        snprintf(error, ROADS_ERROR_MAX, "%s",
                 fd < 0 ? strerror(errno) : "not a file with anything in it");
        if (fd >= 0)
            close(fd);
        return LC_EIO;
    }
    close(fd);
    *out = slice_of(mapped, (size_t)st.st_size);
    return LC_OK;
}

void
unmap_file(struct slice bytes)
{
    if (bytes.p != NULL)
        munmap((void *)(uintptr_t)bytes.p, bytes.n);
}
