/* file: whole buffers, also when the disk takes a part, and nothing left of what failed. */
#include "io/file.h"
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ROOM = 4096 }; /* what a file may have, in limited */

static char dir[] = "/tmp/lc-file-XXXXXX";
static char path[64];

/* limited: as on a disk that is full after ROOM bytes of a file. */
static void
limited(bool on)
{
    struct rlimit r;

    getrlimit(RLIMIT_FSIZE, &r);
    r.rlim_cur = on ? ROOM : r.rlim_max;
    CU_ASSERT_EQUAL(setrlimit(RLIMIT_FSIZE, &r), 0);
}

static void
test_file_new_holds_what_it_was_given(void)
{
    struct buf b = {0};
    struct stat st;

    CU_ASSERT_TRUE(file_new(path, SLICE_LIT("all of it")));
    CU_ASSERT_EQUAL(stat(path, &st), 0);
    CU_ASSERT_EQUAL(st.st_mode & 0777, 0600);
    CU_ASSERT_EQUAL(file_read(path, 9, &b), LC_OK);
    CU_ASSERT_TRUE(slice_eq_str(buf_slice(&b), "all of it"));
    buf_free(&b);
    unlink(path);
}

static void
test_file_new_leaves_one_that_is_there(void)
{
    struct buf b = {0};

    CU_ASSERT_TRUE(file_new(path, SLICE_LIT("first")));
    CU_ASSERT_FALSE(file_new(path, SLICE_LIT("second")));
    CU_ASSERT_EQUAL(errno, EEXIST);
    CU_ASSERT_EQUAL(file_read(path, ROOM, &b), LC_OK);
    CU_ASSERT_TRUE(slice_eq_str(buf_slice(&b), "first"));
    buf_free(&b);
    unlink(path);
}

static void
test_file_new_leaves_nothing_when_it_fails(void)
{
    static const char bytes[ROOM + 1];

    limited(true);
    CU_ASSERT_FALSE(file_new(path, slice_of(bytes, sizeof bytes)));
    CU_ASSERT_EQUAL(errno, EFBIG);
    limited(false);
    CU_ASSERT_EQUAL(access(path, F_OK), -1);
}

static void
test_file_write_says_when_a_part_is_missing(void)
{
    static const char bytes[ROOM + 1];
    struct stat st;
    int fd = open(path, O_WRONLY | O_CREAT, 0600);

    CU_ASSERT_FATAL(fd >= 0);
    limited(true);
    CU_ASSERT_FALSE(file_write(fd, bytes, sizeof bytes));
    CU_ASSERT_EQUAL(errno, EFBIG);
    limited(false);
    CU_ASSERT_EQUAL(fstat(fd, &st), 0);
    CU_ASSERT_EQUAL(st.st_size, ROOM); /* a write took a part: the rest was tried */
    close(fd);
    unlink(path);
}

static void
test_file_read_says_why_not(void)
{
    struct buf b = {0};

    CU_ASSERT_EQUAL(file_read(path, ROOM, &b), LC_ENOTFOUND);
    CU_ASSERT_TRUE(file_new(path, SLICE_LIT("ten bytes.")));
    CU_ASSERT_EQUAL(file_read(path, 9, &b), LC_ETOOBIG);
    CU_ASSERT_EQUAL(file_read(dir, ROOM, &b), LC_EIO);
    CU_ASSERT_EQUAL(errno, EISDIR);
    buf_free(&b);
    unlink(path);
}

int
main(void)
{
    static const struct unit_test tests[] = {
        UNIT(test_file_new_holds_what_it_was_given),
        UNIT(test_file_new_leaves_one_that_is_there),
        UNIT(test_file_new_leaves_nothing_when_it_fails),
        UNIT(test_file_write_says_when_a_part_is_missing),
        UNIT(test_file_read_says_why_not),
    };

    if (mkdtemp(dir) == NULL)
        return EXIT_FAILURE;
    snprintf(path, sizeof path, "%s/file", dir);
    signal(SIGXFSZ, SIG_IGN);
    int status = unit_main("file", tests, sizeof tests / sizeof *tests);
    rmdir(dir);
    return status;
}
