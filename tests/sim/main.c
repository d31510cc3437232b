/* lc-sim: runs the simulator over seeds. */
#include "world.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CHECK_MS = 20000, LONGEST_MS = 3 * 3600 * 1000, JOBS_MAX = 16, BREAK_SEEDS = 20 };

static void
usage(void)
{
    puts("lc-sim [--seeds N | --seed S] [--from S] [--orders N] [--jobs N] [--keep DIR] "
         "[--verbose]\n"
         "lc-sim --break NAME [--seeds N]\n"
         "lc-sim --breakages [--seeds N]\n\n"
         "Runs the five cores with a real Redis under a virtual clock and a faulty network.\n"
         "  --seeds N    seeds --from (1) to --from + N - 1\n"
         "  --seed S     one seed; the same seed prints the same bytes\n"
         "  --orders N   orders a seed (default 60, at most 400)\n"
         "  --jobs N     seeds at a time (default: one per processor)\n"
         "  --break B    plants a fault; stops at the first seed that fails\n"
         "  --breakages  every fault in turn (20 seeds at most); 0 when each of them is found\n"
         "  --keep DIR   writes what every life of every daemon was told and said there, for\n"
         "               `lcctl replay DIR`; without it that is done for seeds that fail\n"
         "  --verbose    tells on standard error what happens\n"
         "Exits 1 and prints the seed when an invariant does not hold.\n\n"
         "Breakages:");
    for (size_t i = 0; breakage_at(i) != NULL; i++)
        printf("  %s\n", breakage_at(i));
}

static uint64_t
number(const char *name, const char *text, uint64_t most)
{
    char *end;
    unsigned long long v = text == NULL ? 0 : strtoull(text, &end, 10);

    if (text == NULL || *text == '\0' || *end != '\0' || v > most) {
        fprintf(stderr, "lc-sim: %s: expected a number up to %llu, got %s\n", name,
                (unsigned long long)most, text == NULL ? "nothing" : text);
        exit(2);
    }
    return v;
}

static bool
breakage_is(const char *name)
{
    for (size_t i = 0; breakage_at(i) != NULL; i++)
        if (strcmp(breakage_at(i), name) == 0)
            return true;
    return false;
}

/* ---- one seed ---- */

static void
sometimes(struct sim *s, void *arg)
{
    (void)arg;
    check_now(s);
    sim_later(s, CHECK_MS, sometimes, NULL);
}

/* keep_recordings: where --keep says, or beside other temporary files when the seed has failed. */
static void
keep_recordings(const struct sim *s)
{
    const char *base = getenv("TMPDIR");
    char dir[256];

    if (s->options.keep != NULL)
        snprintf(dir, sizeof dir, "%s", s->options.keep);
    else if (s->failures > 0 && s->options.broken == NULL)
        snprintf(dir, sizeof dir, "%s/lc-sim.seed-%llu", base == NULL ? "/tmp" : base,
                 (unsigned long long)s->options.seed);
    else
        return;
    if (nodes_write_recordings(s, dir) && s->failures > 0)
        printf("  recorded: lcctl replay %s\n", dir);
}

static void
print_line(const struct sim *s)
{
    const struct world *w = s->world;
    const struct faults *f = &s->faults;

    printf("seed %llu: %s digest %016llx, %llu steps, %llu commands, %.1f min; orders: ",
           (unsigned long long)s->options.seed, s->failures == 0 ? "ok" : "FAILED",
           (unsigned long long)s->digest, (unsigned long long)s->steps,
           (unsigned long long)s->commands, (double)(s->now_ms - s->start_ms) / 60000);
    printf("%u delivered, %u collected, %u cancelled, %u returned, %u rejected; ",
           w->ended[LIFECIRCLE__V1__ORDER_STATE__DELIVERED],
           w->ended[LIFECIRCLE__V1__ORDER_STATE__COLLECTED],
           w->ended[LIFECIRCLE__V1__ORDER_STATE__CANCELLED],
           w->ended[LIFECIRCLE__V1__ORDER_STATE__RETURNED],
           w->ended[LIFECIRCLE__V1__ORDER_STATE__REJECTED]);
    printf("201 %u, 202 %u, 4xx %u; %u feeds (%u repeated, %u late), %u pushes, %u webhooks, "
           "%u tickets; ",
           w->answered_201, w->answered_202, w->answered_4xx, w->n_feeds, w->feeds_repeated,
           w->feeds_late, w->pushes, w->webhooks, w->tickets);
    printf("faults: %u kills, %u stops, %u freezes, %u stalls, %u Redis, %u cuts\n", f->kills,
           f->stops, f->freezes, f->stalls, f->redis_kills, f->cuts);
}

/* run_seed: true when everything held. */
static bool
run_seed(const struct options *o)
{
    struct sim *s = calloc(1, sizeof *s);
    bool held;

    if (s == NULL || !sim_open(s, o)) {
        printf("seed %llu: cannot start: %s\n", (unsigned long long)o->seed,
               s == NULL ? "out of memory" : s->first_failure);
        exit(3);
    }
    sim_later(s, CHECK_MS, sometimes, NULL);
    sim_run(s, s->start_ms + LONGEST_MS, world_done);
    if (s->failures == 0)
        check_end(s);
    held = s->failures == 0;
    print_line(s);
    if (!held)
        printf("seed %llu: %s\n  again: lc-sim --seed %llu --orders %u%s%s --verbose\n",
               (unsigned long long)o->seed, s->first_failure, (unsigned long long)o->seed,
               o->orders, o->broken == NULL ? "" : " --break ", o->broken == NULL ? "" : o->broken);
    keep_recordings(s);
    fflush(stdout);
    sim_close(s);
    free(s);
    return held;
}

/* ---- many seeds, some at a time ---- */

struct job {
    pid_t pid;
    FILE *out; /* what it prints */
};

static void
start_job(struct job *j, const struct options *o)
{
    int fds[2];

    fflush(stdout);
    if (pipe(fds) != 0 || (j->pid = fork()) < 0) {
        perror("lc-sim");
        exit(3);
    }
    if (j->pid == 0) {
        close(fds[0]);
        dup2(fds[1], STDOUT_FILENO);
        close(fds[1]);
        exit(run_seed(o) ? 0 : 1);
    }
    close(fds[1]);
    j->out = fdopen(fds[0], "r");
}

/* end_job: prints what it said; true when it held. */
static bool
end_job(struct job *j)
{
    char line[4096];
    int status = 0;

    while (fgets(line, sizeof line, j->out) != NULL)
        fputs(line, stdout);
    fclose(j->out);
    while (waitpid(j->pid, &status, 0) < 0 && errno == EINTR)
        continue;
    if (!WIFEXITED(status) || WEXITSTATUS(status) > 1)
        printf("lc-sim: a seed ended with status %d\n", status);
    fflush(stdout);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* run_seeds: how many failed. With `first`, it ends at the first of them. */
static uint64_t
run_seeds(struct options o, uint64_t from, uint64_t seeds, unsigned jobs, bool first)
{
    struct job list[JOBS_MAX];
    uint64_t started = 0;
    uint64_t failed = 0;

    for (uint64_t ended = 0; ended < started || (ended < seeds && (!first || failed == 0));
         ended++) {
        while (started < seeds && started < ended + jobs && (!first || failed == 0)) {
            o.seed = from + started;
            start_job(&list[started++ % jobs], &o);
        }
        failed += !end_job(&list[ended % jobs]);
    }
    return failed;
}

/* run_breakages: how many were not found. */
static unsigned
run_breakages(struct options o, uint64_t from, uint64_t seeds, unsigned jobs)
{
    unsigned missed = 0;

    for (size_t i = 0; (o.broken = breakage_at(i)) != NULL; i++) {
        printf("--- %s\n", o.broken);
        bool found = run_seeds(o, from, seeds, jobs, true) > 0;
        printf("--- %s: %s\n", o.broken, found ? "found" : "NOT FOUND");
        missed += !found;
    }
    return missed;
}

int
main(int argc, char **argv)
{
    struct options o = {.orders = 60};
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    unsigned jobs = processors < 1 ? 1 : processors > JOBS_MAX ? JOBS_MAX : (unsigned)processors;
    uint64_t from = 1;
    uint64_t seeds = 0;
    bool breakages = false;

    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : NULL;
        if (strcmp(argv[i], "--help") == 0) {
            usage();
            return 0;
        }
        if (strcmp(argv[i], "--verbose") == 0) {
            o.verbose = true;
            continue;
        }
        if (strcmp(argv[i], "--breakages") == 0) {
            breakages = true;
            continue;
        }
        if (strcmp(argv[i], "--seeds") == 0)
            seeds = number(argv[i], value, 1000000);
        else if (strcmp(argv[i], "--seed") == 0 || strcmp(argv[i], "--from") == 0)
            from = number(argv[i], value, UINT64_MAX);
        else if (strcmp(argv[i], "--orders") == 0)
            o.orders = (unsigned)number(argv[i], value, ORDERS_MAX);
        else if (strcmp(argv[i], "--jobs") == 0)
            jobs = (unsigned)number(argv[i], value, JOBS_MAX);
        else if (strcmp(argv[i], "--break") == 0)
            o.broken = value;
        else if (strcmp(argv[i], "--keep") == 0)
            o.keep = value;
        else {
            fprintf(stderr, "lc-sim: unknown: %s (see --help)\n", argv[i]);
            return 2;
        }
        i++;
    }
    if (o.broken != NULL && !breakage_is(o.broken)) {
        fprintf(stderr, "lc-sim: --break %s: no such breakage (see --help)\n", o.broken);
        return 2;
    }
    jobs = jobs == 0 || o.verbose || o.keep != NULL ? 1 : jobs;
    if (breakages)
        return run_breakages(o, from, seeds == 0 ? BREAK_SEEDS : seeds, jobs) > 0;
    if (seeds == 0)
        seeds = o.broken != NULL ? BREAK_SEEDS : 1;
    uint64_t failed = run_seeds(o, from, seeds, jobs, o.broken != NULL);
    printf("%llu seeds, %llu failed\n", (unsigned long long)seeds, (unsigned long long)failed);
    return failed > 0;
}
