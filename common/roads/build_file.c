/* From file to file, whole or not at all. */
#include "roads/osm_file.h"
#include "roads/roads.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static enum lc_err
failed(char *error, const char *path)
{
    snprintf(error, ROADS_ERROR_MAX, "%.180s: %s", path, strerror(errno));
    return LC_EIO;
}

/* write_all: the bytes, then to the disk. */
static bool
write_all(int fd, struct slice bytes)
{
    while (bytes.n > 0) {
        ssize_t n = write(fd, bytes.p, bytes.n);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return false;
        bytes = slice_of(bytes.p + n, bytes.n - (size_t)n);
    }
    return fsync(fd) == 0;
}

/* sync_folder: so that the new name survives a power cut. */
static void
sync_folder(const char *path)
{
    char copy[4096];

    snprintf(copy, sizeof copy, "%s", path);
    int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        (void)fsync(fd);
        close(fd);
    }
}

static enum lc_err
replace_file(const char *path, struct slice bytes, char *error)
{
    char beside[4096];

    if ((size_t)snprintf(beside, sizeof beside, "%s.XXXXXX", path) >= sizeof beside) {
        errno = ENAMETOOLONG;
        return failed(error, path);
    }
    int fd = mkstemp(beside);
    if (fd < 0)
        return failed(error, beside);
    bool ok = fchmod(fd, 0644) == 0 && write_all(fd, bytes);
    ok = close(fd) == 0 && ok;
    if (!ok || rename(beside, path) != 0) {
        enum lc_err err = failed(error, path);
        unlink(beside);
        return err;
    }
    sync_folder(path);
    return LC_OK;
}

enum lc_err
osm_file_make(const char *pbf_path, const char *to_path, osm_file_maker *make, void *ctx,
              char *error)
{
    struct buf out = {0};
    struct stat st;
    void *mapped = NULL;
    int fd = open(pbf_path, O_RDONLY | O_CLOEXEC);

    if (fd < 0 || fstat(fd, &st) != 0 || (st.st_mode & S_IFMT) == S_IFDIR) {
        enum lc_err err = failed(error, pbf_path);
        if (fd >= 0)
            close(fd);
        return err;
    }
    if (st.st_size > 0)
        mapped = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    close(fd);
    if (mapped == MAP_FAILED)
        return failed(error, pbf_path);
    enum lc_err err = make(ctx, slice_of(mapped, (size_t)st.st_size), &out, error);
    if (mapped != NULL)
        munmap(mapped, (size_t)st.st_size);
    if (err == LC_OK)
        err = replace_file(to_path, buf_slice(&out), error);
    buf_free(&out);
    return err;
}

struct roads_order {
    unsigned modes;
    struct roads_report *report;
};

static enum lc_err
make_roads(void *ctx, struct slice pbf, struct buf *out, char *error)
{
    const struct roads_order *o = ctx;

    return roads_build(pbf, o->modes, out, o->report, error);
}

enum lc_err
roads_build_file(const char *pbf_path, const char *roads_path, unsigned modes,
                 struct roads_report *report, char *error)
{
    struct roads_order order = {modes, report};

    return osm_file_make(pbf_path, roads_path, make_roads, &order, error);
}
