/* tsppd: the solver on one courier's open tour. Run by tests/bench/tsppd, which says how. */
#include "check_tsppd.h"
#include "router/plan/tour/tour.h"
#include "tables.h"

#include <dirent.h>
#include <fnmatch.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MOST_PAIRS = TOUR_PAIRS_MAX, MOST_INSTANCES = 4096 };

static double
cpu_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

/* The matrix with the nodes in the file's order; NULL, with a message, when it is none. */
static int32_t *
read_matrix(const char *path, int *n)
{
    FILE *f = fopen(path, "r");
    char line[256];
    int32_t *x = NULL;
    bool full = false;

    *n = 0;
    while (f != NULL && fgets(line, sizeof line, f) != NULL &&
           strncmp(line, "EDGE_WEIGHT_SECTION", 19) != 0) {
        if (strncmp(line, "DIMENSION", 9) == 0)
            *n = atoi(line + strcspn(line, "0123456789"));
        full = full || strstr(line, "FULL_MATRIX") != NULL;
    }
    if (f != NULL && *n >= 4 && *n % 2 == 0 && *n <= 2 * MOST_PAIRS + 2)
        x = calloc((size_t)*n * (size_t)*n, sizeof *x);
    for (int i = 0; x != NULL && i < *n; i++) {
        for (int j = 0; x != NULL && j < (full ? *n : i + 1); j++) {
            if (fscanf(f, "%d", &x[i * *n + j]) != 1 || x[i * *n + j] < 0) {
                free(x);
                x = NULL;
            } else if (!full) {
                x[j * *n + i] = x[i * *n + j];
            }
        }
    }
    if (x == NULL)
        fprintf(stderr, "%s: no matrix of 2 to %d pairs\n", path, MOST_PAIRS);
    if (f != NULL)
        fclose(f);
    return x;
}

/* Nodes 0 and 1 are start and end, 2 i and 2 i + 1 pickup and drop-off of pair i. */
static int
solve(const int32_t *x, int n, unsigned long long seed, unsigned iterations, int *tour,
      bool *proven)
{
    struct tour_problem p = {(size_t)(n / 2 - 1), x};
    struct tour t;

    if (tour_solve(&p, seed, iterations, &t) != LC_OK) {
        fputs("not solved\n", stderr);
        exit(2);
    }
    for (size_t k = 0; k < t.n; k++)
        tour[k] = t.nodes[k] / 2 * (t.nodes[k] % 2 == 0 ? 1 : -1);
    *proven = t.proven;
    return (int)t.n;
}

/* False when the tour is refused or longer than it need be. */
static bool
run(const char *dir, const char *name, unsigned long long seed, unsigned iterations,
    double *longest)
{
    char path[4096], why[160];
    int tour[2 * MOST_PAIRS];
    long optimum = -1;
    bool proven;
    int n;

    snprintf(path, sizeof path, "%s/%s.tsp", dir, name);
    int32_t *x = read_matrix(path, &n);
    if (x == NULL)
        exit(2);
    double start = cpu_us();
    int m = solve(x, n, seed, iterations, tour, &proven);
    double used = cpu_us() - start;
    long length = check_tsppd(path, tour, m, why);
    bool known = tables_optimum(dir, name, &optimum);
    *longest = used > *longest ? used : *longest;
    printf("%-16s %8ld %8ld %8.0f %s ", name, length, optimum, used,
           why[0] != '\0'              ? why
           : known && length > optimum ? "LONGER"
           : proven                    ? "proven"
                                       : "");
    for (int k = 0; k < m; k++)
        printf(" %+d", tour[k]);
    putchar('\n');
    free(x);
    return why[0] == '\0' && (!known || length <= optimum);
}

static int
by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

int
main(int argc, char **argv)
{
    static const struct option options[] = {{"seed", 1, NULL, 'k'},
                                            {"instances", 1, NULL, 'i'},
                                            {"iterations", 1, NULL, 'n'},
                                            {NULL, 0, NULL, 0}};
    static char *names[MOST_INSTANCES];
    const char *glob = "*";
    unsigned long long seed = 1;
    unsigned iterations = 0;
    double longest = 0;
    int n = 0, good = 0;

    for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (c == '?')
            return 2;
        if (c == 'k')
            seed = strtoull(optarg, NULL, 10);
        else if (c == 'n')
            iterations = (unsigned)strtoul(optarg, NULL, 10);
        else
            glob = optarg;
    }
    DIR *d = optind == argc - 1 ? opendir(argv[optind]) : NULL;
    if (d == NULL) {
        fputs("bench_tsppd DIR [--seed K] [--instances GLOB] [--iterations N]: no such directory\n",
              stderr);
        return 2;
    }
    for (struct dirent *e; (e = readdir(d)) != NULL && n < MOST_INSTANCES;) {
        size_t length = strlen(e->d_name);
        if (length < 5 || strcmp(e->d_name + length - 4, ".tsp") != 0)
            continue;
        char *name = strndup(e->d_name, length - 4);
        if (name != NULL && fnmatch(glob, name, FNM_EXTMATCH) == 0)
            names[n++] = name;
        else
            free(name);
    }
    closedir(d);
    qsort(names, (size_t)n, sizeof *names, by_name);
    printf("%-16s %8s %8s %8s  tour\n", "instance", "length", "optimum", "cpu/us");
    for (int i = 0; i < n; i++) {
        good += run(argv[optind], names[i], seed, iterations, &longest);
        free(names[i]);
    }
    printf("\n%d instances, %d good, %d not; longest %.0f us\n", n, good, n - good, longest);
    return n > 0 && good == n ? EXIT_SUCCESS : EXIT_FAILURE;
}
