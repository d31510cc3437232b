/* pdptw: the solver on the instances of Li & Lim. Run by tests/bench/pdptw, which says how. */
#include "check_pdptw.h"
#include "lilim.h"
#include "tables.h"

#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { MOST_INSTANCES = 4096, SLICES = 64, MODES = 2 };

static const char *const modes[MODES] = {"plus10", "exact"}; /* VROOM's */

struct args {
    const char *dir;
    double seconds; /* 0 = as long as VROOM took */
    unsigned long long iterations;
    unsigned long long seed;
    int threads;
    const char *glob;
    int fleet; /* 0 = the instance's, -1 = the best known */
    const char *write;
};

struct totals {
    int instances, refused, best_known, compared_best, at_fleet, within, more_vehicles;
    double gap, worst_gap;
    int vroom, better[MODES], worse[MODES];
};

static double
cpu_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* How many iterations fit: whole searches of few iterations are timed, longer ones until a
 * thirtieth of the time is used; what the last half of them took counts. */
static unsigned long long
fitting(const struct lilim *x, const struct args *a, double seconds, double until)
{
    unsigned long long n = 250;
    double start = cpu_s();
    double last = 0; /* how long the search before took */

    for (double before = start;; n *= 2) {
        struct pd_options o = {a->seed, n, true, 0};
        struct pd_solver *s;
        if (pd_solver_new(&x->problem, &o, &s, NULL) != LC_OK)
            return 0;
        double ready = cpu_s();
        if (pd_run(s, n) != LC_OK)
            n = 0;
        pd_solver_free(s);
        double now = cpu_s();
        if (n == 0 || now - start > seconds / 30) {
            double grown = fmax(now - ready - last, (now - ready) / 3);
            return (unsigned long long)((until - now - (ready - before)) * 0.96 * (double)n / 2 /
                                        grown);
        }
        last = now - ready;
        before = now;
    }
}

static bool
run_for(struct pd_solver *s, unsigned long long iterations)
{
    unsigned long long slice = iterations / SLICES + 1;

    for (unsigned long long k = 0; k < iterations; k += slice)
        if (pd_run(s, slice < iterations - k ? slice : iterations - k) != LC_OK)
            return false;
    return true;
}

/* Searches until then. Iterations differ: after each slice the search is told how many more will
 * come at the pace of that slice. */
static bool
run_until(struct pd_solver *s, double until, double seconds, unsigned long long first_guess)
{
    unsigned long long slice = first_guess / SLICES + 1;

    for (double before = cpu_s(), now; before < until; before = now) {
        if (pd_run(s, slice) != LC_OK)
            return false;
        now = cpu_s();
        double pace = (double)slice / fmax(now - before, 1e-4);
        double rest = fmax(until - now, 0) * pace;
        pd_expect(s, (unsigned long long)(rest * 0.98));
        slice = (unsigned long long)fmin(pace * seconds / SLICES, rest) + 1;
    }
    return true;
}

static int *
routes_of(const struct lilim *x, const struct pd_solver *s)
{
    int *out = calloc((size_t)x->n_tasks * 2 + x->problem.n_vehicles + 2, sizeof *out);
    struct pd_step *steps = calloc((size_t)x->n_tasks + 2, sizeof *steps);
    size_t n = 0;

    for (size_t v = 0; out != NULL && steps != NULL && v < x->problem.n_vehicles; v++) {
        size_t m = pd_route(s, v, steps, (size_t)x->n_tasks + 2);
        for (size_t k = 0; k < m; k++)
            out[n++] = (steps[k].dropoff ? x->dropoff_id : x->pickup_id)[steps[k].request];
        if (m > 0)
            out[n++] = -1;
    }
    if (out != NULL)
        out[n] = -1;
    free(steps);
    return out;
}

/* Asked before the first instance is solved: minutes of work are not to end in a folder that is not
 * there. */
static bool
may_write_into(const char *dir)
{
    if ((mkdir(dir, 0777) == 0 || errno == EEXIST) && access(dir, W_OK | X_OK) == 0)
        return true;
    fprintf(stderr, "--write %s: %s\n", dir, strerror(errno));
    return false;
}

/* The form in which SINTEF takes solutions. */
static void
write_plan(const char *dir, const char *name, const int *routes, unsigned long long seed)
{
    char path[4096];
    char date[32];
    time_t now = time(NULL);
    struct tm utc;

    snprintf(path, sizeof path, "%s/%s.txt", dir, name);
    strftime(date, sizeof date, "%Y-%m-%d", gmtime_r(&now, &utc));
    FILE *f = fopen(path, "w");
    if (f == NULL) {
        fprintf(stderr, "%s: cannot be written\n", path);
        exit(2);
    }
    fprintf(f, "Instance name : %s\nAuthors       : Lifecircle\nDate          : %s\n", name, date);
    fprintf(f, "Reference     : services/router/plan/solve, seed %llu\nSolution\n", seed);
    for (int number = 1; *routes != -1; number++, routes++) {
        fprintf(f, "Route %d :", number);
        for (; *routes != -1; routes++)
            fprintf(f, " %d", *routes);
        fputc('\n', f);
    }
    fclose(f);
}

static void
add_up(struct totals *t, const struct reached *r, const struct reached *best,
       const struct reached *vroom, double gap)
{
    if (best != NULL) {
        t->best_known++;
        t->more_vehicles += r->vehicles - best->vehicles;
        if (r->unserved == 0 && r->vehicles <= best->vehicles) {
            t->at_fleet++;
            t->within += gap <= 0.01;
            t->gap += gap;
            t->worst_gap = fmax(t->worst_gap, gap);
        }
    }
    t->vroom += vroom != NULL;
    for (int k = 0; vroom != NULL && k < MODES; k++) {
        t->better[k] += tables_compare(r, &vroom[k]) < 0;
        t->worse[k] += tables_compare(r, &vroom[k]) > 0;
    }
}

static void
solve(const struct args *a, const char *name, struct totals *t)
{
    char path[4096];
    struct reached best = {0}, vroom[MODES] = {0};
    bool known = tables_best(a->dir, name, &best);
    bool peer = tables_vroom(a->dir, name, modes[0], &vroom[0]) &&
                tables_vroom(a->dir, name, modes[1], &vroom[1]);
    double seconds = a->seconds;
    double start = cpu_s();

    t->instances++;
    snprintf(path, sizeof path, "%s/%s.txt", a->dir, name);
    if (seconds <= 0) {
        if (!peer) {
            printf("%-12s VROOM was not measured\n", name);
            return;
        }
        seconds = vroom[0].seconds;
    }
    int fleet = a->fleet < 0 && known ? best.vehicles : a->fleet > 0 ? a->fleet : 0;
    struct lilim *x = lilim_read(path, fleet);
    if (x == NULL)
        exit(2);
    int threads = a->threads > 1 ? a->threads : 1;
    unsigned long long most = a->iterations;
    if (most == 0)
        most = fitting(x, a, seconds / threads, start + seconds / threads);
    struct pd_options o = {a->seed, most, true, threads};
    struct pd_solver *s;
    struct pd_error e;
    enum lc_err err = pd_solver_new(&x->problem, &o, &s, &e);
    if (err != LC_OK) {
        fprintf(stderr, "%s: %s: %s\n", name, err == LC_EINVAL ? e.field : "", lc_strerror(err));
        exit(2);
    }
    if (!(a->iterations == 0 ? run_until(s, start + seconds, seconds, most) : run_for(s, most))) {
        fprintf(stderr, "%s: out of memory\n", name);
        exit(2);
    }
    double used = cpu_s() - start;
    int *routes = routes_of(x, s);
    struct checked c = check_pdptw(path, routes, fleet);
    struct pd_figures f = pd_figures(s);
    struct reached r = {c.unserved, c.vehicles, c.distance, used};
    double gap = known ? 100 * (c.distance / best.distance - 1) : 0;
    printf("%-12s %8d %8d %12.4f %8.2f %11llu", name, c.unserved, c.vehicles, c.distance, used,
           (unsigned long long)f.iterations);
    if (known)
        printf(" %+6d %9.4f", c.vehicles - best.vehicles, gap);
    for (int k = 0; peer && k < MODES; k++) {
        int order = tables_compare(&r, &vroom[k]);
        printf(" %7s", order < 0 ? "better" : order > 0 ? "WORSE" : "same");
    }
    if (c.why[0] != '\0') {
        printf("  REFUSED: %s", c.why);
        t->refused++;
    }
    putchar('\n');
    fflush(stdout);
    add_up(t, &r, known ? &best : NULL, peer ? vroom : NULL, gap);
    if (a->write != NULL)
        write_plan(a->write, name, routes, a->seed);
    free(routes);
    pd_solver_free(s);
    lilim_free(x);
}

static int
by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static int
list(const struct args *a, char **names)
{
    DIR *d = opendir(a->dir);
    int n = 0;

    if (d == NULL) {
        fprintf(stderr, "%s: cannot be read\n", a->dir);
        exit(2);
    }
    for (struct dirent *e; (e = readdir(d)) != NULL && n < MOST_INSTANCES;) {
        size_t length = strlen(e->d_name);
        if (length < 5 || strcmp(e->d_name + length - 4, ".txt") != 0)
            continue;
        char *name = strndup(e->d_name, length - 4);
        if (name != NULL && fnmatch(a->glob, name, FNM_EXTMATCH) == 0)
            names[n++] = name;
        else
            free(name);
    }
    closedir(d);
    qsort(names, (size_t)n, sizeof *names, by_name);
    return n;
}

static void
summary(const struct totals *t)
{
    printf("\n%d instances, refused by the checker: %d\n", t->instances, t->refused);
    if (t->best_known > 0)
        printf("best-known vehicles: %d of %d (%+d vehicles in all); of these within 0.01 %%: %d; "
               "mean gap %.4f %%, worst %.4f %%\n",
               t->at_fleet, t->best_known, t->more_vehicles, t->within,
               t->at_fleet > 0 ? t->gap / t->at_fleet : 0, t->worst_gap);
    for (int k = 0; t->vroom > 0 && k < MODES; k++)
        printf("against VROOM, %s: %d better, %d the same, %d worse\n", modes[k], t->better[k],
               t->vroom - t->better[k] - t->worse[k], t->worse[k]);
}

static int
usage(void)
{
    fputs("bench_pdptw DIR [--seconds S|vroom] [--threads N] [--seed K] [--instances GLOB] "
          "[--vehicles best|N] [--iterations N] [--write DIR]\n",
          stderr);
    return 2;
}

int
main(int argc, char **argv)
{
    static const struct option options[] = {
        {"seconds", 1, NULL, 's'},   {"threads", 1, NULL, 't'},  {"seed", 1, NULL, 'k'},
        {"instances", 1, NULL, 'i'}, {"vehicles", 1, NULL, 'v'}, {"iterations", 1, NULL, 'n'},
        {"write", 1, NULL, 'w'},     {NULL, 0, NULL, 0}};
    struct args a = {.seconds = 1, .seed = 1, .threads = 1, .glob = "*"};
    static char *names[MOST_INSTANCES];
    struct totals t = {0};

    for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        switch (c) {
        case 's':
            a.seconds = strcmp(optarg, "vroom") == 0 ? 0 : strtod(optarg, NULL);
            if (a.seconds <= 0 && strcmp(optarg, "vroom") != 0)
                return usage();
            break;
        case 't':
            a.threads = atoi(optarg);
            break;
        case 'k':
            a.seed = strtoull(optarg, NULL, 10);
            break;
        case 'i':
            a.glob = optarg;
            break;
        case 'v':
            a.fleet = strcmp(optarg, "best") == 0 ? -1 : atoi(optarg);
            break;
        case 'n':
            a.iterations = strtoull(optarg, NULL, 10);
            break;
        case 'w':
            a.write = optarg;
            break;
        default:
            return usage();
        }
    }
    if (optind != argc - 1)
        return usage();
    a.dir = argv[optind];
    if (a.write != NULL && !may_write_into(a.write))
        return 2;
    int n = list(&a, names);
    printf("%-12s %8s %8s %12s %8s %11s %6s %9s %7s %7s\n", "instance", "unserved", "vehicles",
           "distance", "cpu/s", "iterations", "+veh", "gap/%", modes[0], modes[1]);
    for (int i = 0; i < n; i++) {
        solve(&a, names[i], &t);
        free(names[i]);
    }
    summary(&t);
    return n > 0 && t.refused == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
