/* calibrate: what this machine does now: a fixed integer loop on one core and on two at once, and
 * appends with fdatasync on the disk that Redis and the peer use.
 *
 *     bench_calibrate DIR */
#include "load.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ITERATIONS = 200000000, SYNCS = 600, BLOCK = 4096 };

static double
spin_ns(void)
{
    int64_t begin = load_now_ns();
    volatile uint64_t result;
    uint64_t x = 88172645463325252u;

    for (int i = 0; i < ITERATIONS; i++) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
    }
    result = x;
    (void)result;
    return (double)(load_now_ns() - begin) / ITERATIONS;
}

/* Two at once, as two processes; the slower one counts. */
static double
spin_twice_ns(void)
{
    int pipes[2];
    double mine, other = 0;

    if (pipe(pipes) != 0)
        die("pipe");
    pid_t child = fork();
    if (child < 0)
        die("fork");
    mine = spin_ns();
    if (child == 0)
        _exit(write(pipes[1], &mine, sizeof mine) == (ssize_t)sizeof mine ? 0 : 1);
    if (read(pipes[0], &other, sizeof other) != (ssize_t)sizeof other)
        die("the second core");
    waitpid(child, NULL, 0);
    return mine > other ? mine : other;
}

static int
by_size(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

static double
us(int64_t ns)
{
    return (double)ns / 1000;
}

static void
sync_times(const char *dir, double *p50_us, double *p99_us)
{
    static int64_t took[SYNCS];
    static char block[BLOCK];
    char path[1000];

    snprintf(path, sizeof path, "%s/calibrate", dir);
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        die(path);
    memset(block, 'x', sizeof block);
    for (size_t i = 0; i < SYNCS; i++) {
        int64_t begin = load_now_ns();
        if (write(fd, block, sizeof block) != BLOCK || fdatasync(fd) != 0)
            die(path);
        took[i] = load_now_ns() - begin;
    }
    close(fd);
    unlink(path);
    qsort(took, SYNCS, sizeof *took, by_size);
    *p50_us = us(took[SYNCS / 2]);
    *p99_us = us(took[SYNCS * 99 / 100]);
}

int
main(int argc, char **argv)
{
    double p50_us, p99_us;

    if (argc != 2) {
        fputs("usage: bench_calibrate DIR\n", stderr);
        return 2;
    }
    sync_times(argv[1], &p50_us, &p99_us);
    double one = spin_ns();
    printf("spin_ns=%.3f spin2_ns=%.3f fsync_p50_us=%.0f fsync_p99_us=%.0f\n", one, spin_twice_ns(),
           p50_us, p99_us);
    return EXIT_SUCCESS;
}
