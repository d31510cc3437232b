/* threads: what a second thread brings: the same instance with the same wall-clock seconds on one
 * thread and on two, by turns. Run by tests/bench/threads, which says how. */
#include "lilim.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { SLICE = 2000, FLEET = 0, HORIZON = 1 << 20 };

static double
seconds(clockid_t clock)
{
    struct timespec t;

    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

struct run {
    double cpu_s, wall_s;
    unsigned long long iterations;
    struct pd_figures figures;
};

/* For so long by the wall, in calls of SLICE iterations a thread. */
static bool
measure(const struct lilim *x, int threads, double wall_s, unsigned long long seed, struct run *r)
{
    struct pd_options o = {seed, HORIZON, true, threads};
    struct pd_solver *s;

    if (pd_solver_new(&x->problem, &o, &s, NULL) != LC_OK)
        return false;
    double cpu = seconds(CLOCK_PROCESS_CPUTIME_ID), wall = seconds(CLOCK_MONOTONIC);
    bool ok = true;
    while (ok && seconds(CLOCK_MONOTONIC) - wall < wall_s)
        ok = pd_run(s, SLICE) == LC_OK;
    r->figures = pd_figures(s);
    r->iterations += r->figures.iterations;
    r->cpu_s += seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu;
    r->wall_s += seconds(CLOCK_MONOTONIC) - wall;
    pd_solver_free(s);
    return ok;
}

static void
print(int threads, const struct run *r)
{
    printf("%7d %10.2f %10.2f %6.2f %12llu %12.0f %12.0f\n", threads, r->wall_s, r->cpu_s,
           r->cpu_s / r->wall_s, r->iterations, (double)r->iterations / r->wall_s,
           (double)r->iterations / r->cpu_s);
}

int
main(int argc, char **argv)
{
    struct run one = {0}, two = {0};

    if (argc != 4) {
        fputs("bench_threads INSTANCE.txt SECONDS TURNS\n", stderr);
        return 2;
    }
    double wall_s = atof(argv[2]);
    int turns = atoi(argv[3]);
    struct lilim *x = lilim_read(argv[1], FLEET);
    if (x == NULL || !(wall_s > 0) || turns < 1)
        return 2;
    for (int k = 0; k < turns; k++)
        if (!measure(x, 1, wall_s, (unsigned long long)k + 1, &one) ||
            !measure(x, 2, wall_s, (unsigned long long)k + 1, &two)) {
            fputs("bench_threads: not solved\n", stderr);
            return 1;
        }
    printf("%7s %10s %10s %6s %12s %12s %12s\n", "threads", "wall/s", "cpu/s", "cores",
           "iterations", "it/s wall", "it/s cpu");
    print(1, &one);
    print(2, &two);
    printf("two threads: %.2f times the iterations in the same wall time, with %.2f times the CPU; "
           "%.2f times an iteration's CPU\n",
           (double)two.iterations / two.wall_s / ((double)one.iterations / one.wall_s),
           two.cpu_s / two.wall_s / (one.cpu_s / one.wall_s),
           two.cpu_s / (double)two.iterations / (one.cpu_s / (double)one.iterations));
    lilim_free(x);
    return 0;
}
