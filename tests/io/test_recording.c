/* recording: sealed files, and what is left of them without their key. */
#include "io/recording.h"
#include "unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[] = "/tmp/lc-recording-XXXXXX";
static char path[700];

/* record: two pieces, closed; `path` is the file. */
static struct recording *
record(int64_t now_ms)
{
    struct recording *r = recording_new(dir, "echo", now_ms);

    CU_ASSERT_PTR_NOT_NULL_FATAL(r);
    snprintf(path, sizeof path, "%s", recording_path(r));
    CU_ASSERT_EQUAL(recording_write(r, SLICE_LIT("first MARK "), 5000), LC_OK);
    CU_ASSERT_EQUAL(recording_write(r, SLICE_LIT("second"), 5001), LC_OK);
    return r;
}

static enum lc_err
read_back(struct buf *b)
{
    buf_reset(b);
    return recording_read(path, 1 << 20, b);
}

static void
test_recording_is_read_with_its_key(void)
{
    struct buf b = {0};
    char raw[512];
    struct stat st;

    recording_free(record(1));
    CU_ASSERT_EQUAL(read_back(&b), LC_OK);
    CU_ASSERT_TRUE(slice_eq_str(buf_slice(&b), "first MARK second"));
    int fd = open(path, O_RDONLY);
    ssize_t n = read(fd, raw, sizeof raw);
    close(fd);
    CU_ASSERT_PTR_NULL(memmem(raw, (size_t)n, "MARK", 4));
    CU_ASSERT_EQUAL(stat(path, &st), 0);
    CU_ASSERT_EQUAL(st.st_mode & 0077, 0);
    buf_free(&b);
}

static void
test_recording_without_its_key_is_nothing(void)
{
    struct buf b = {0};

    recording_free(record(2));
    CU_ASSERT_EQUAL(recording_destroy(path), LC_OK);
    CU_ASSERT_EQUAL(read_back(&b), LC_EDENIED);
    CU_ASSERT_EQUAL(b.n, 0);
    CU_ASSERT_EQUAL(recording_destroy(path), LC_ENOTFOUND);
    buf_free(&b);
}

static void
test_recording_ends_when_its_key_is_gone(void)
{
    struct recording *r = record(3);

    CU_ASSERT_EQUAL(recording_destroy(path), LC_OK);
    CU_ASSERT_EQUAL(recording_write(r, SLICE_LIT("x"), 5500), LC_OK); /* looked within the second */
    CU_ASSERT_EQUAL(recording_write(r, SLICE_LIT("x"), 6100), LC_ENOTFOUND);
    recording_free(r);
}

static void
test_recording_that_was_cut_is_read_so_far(void)
{
    struct buf b = {0};

    recording_free(record(4));
    CU_ASSERT_EQUAL(truncate(path, 23 + 24 + 4 + 11 + 17 + 9), 0);
    CU_ASSERT_EQUAL(read_back(&b), LC_OK);
    CU_ASSERT_TRUE(slice_eq_str(buf_slice(&b), "first MARK "));
    buf_free(&b);
}

static void
test_recording_that_was_changed_is_refused(void)
{
    struct buf b = {0};
    char byte = 0;

    recording_free(record(5));
    int fd = open(path, O_RDWR);
    CU_ASSERT_EQUAL(pread(fd, &byte, 1, 60), 1);
    byte ^= 1; /* a sealed byte may be any: one written over it may be the same */
    CU_ASSERT_EQUAL(pwrite(fd, &byte, 1, 60), 1);
    close(fd);
    CU_ASSERT_EQUAL(read_back(&b), LC_EDENIED);
    buf_free(&b);
}

static void
test_plain_files_are_read_as_they_are(void)
{
    struct buf b = {0};

    snprintf(path, sizeof path, "%s/plain.steps", dir);
    int fd = open(path, O_WRONLY | O_CREAT, 0600);
    CU_ASSERT_EQUAL(write(fd, "plain", 5), 5);
    close(fd);
    CU_ASSERT_EQUAL(read_back(&b), LC_OK);
    CU_ASSERT_TRUE(slice_eq_str(buf_slice(&b), "plain"));
    buf_free(&b);
}

int
main(void)
{
    static const struct unit_test tests[] = {
        UNIT(test_recording_is_read_with_its_key),
        UNIT(test_recording_without_its_key_is_nothing),
        UNIT(test_recording_ends_when_its_key_is_gone),
        UNIT(test_recording_that_was_cut_is_read_so_far),
        UNIT(test_recording_that_was_changed_is_refused),
        UNIT(test_plain_files_are_read_as_they_are),
    };
    char command[64];

    if (mkdtemp(dir) == NULL)
        return EXIT_FAILURE;
    int status = unit_main("recording", tests, sizeof tests / sizeof *tests);
    snprintf(command, sizeof command, "rm -r %s", dir);
    return system(command) == 0 ? status : EXIT_FAILURE;
}
