/* lc-sim: runs the simulator over seeds. */
#include "sim.h"

#include <stdlib.h>

#include "world.h"

static void
usage(void)
{
    puts("lc-sim [--seeds N | --seed S] [--from S] [--orders N] [--break NAME] [--keep DIR] "
         "[--verbose]\n\n"
         "Runs the five cores with a real Redis under a virtual clock and a faulty network.\n"
         "  --seeds N    seeds --from (1) to --from + N - 1\n"
         "  --seed S     one seed; prints its digest: the same seed gives the same digest\n"
         "  --orders N   orders a seed (default 60, at most 400)\n"
         "  --break B    plants a fault that the checks must find: skip-release, no-idempotency,\n"
         "               no-stock-check, lose-due, no-version\n"
         "  --keep DIR   writes the last life of every core there, for lcctl replay\n"
         "Exits 1 and prints the seed when an invariant does not hold.");
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

static void
sometimes(struct sim *s, void *arg)
{
    (void)arg;
    check_now(s);
    sim_later(s, 20000, sometimes, NULL);
}

static void
keep_recordings(const struct sim *s)
{
    for (enum node_id id = 0; id < NODE_N; id++) {
        char path[512];
        snprintf(path, sizeof path, "%s/%s.steps", s->options.keep, s->nodes[id].service->name);
        FILE *f = fopen(path, "w");
        if (f == NULL) {
            perror(path);
            continue;
        }
        fwrite(s->nodes[id].recording.p, 1, s->nodes[id].recording.n, f);
        fclose(f);
    }
}

/* run_seed: true when everything held. */
static bool
run_seed(const struct options *o)
{
    struct sim *s = calloc(1, sizeof *s);
    bool held;

    if (s == NULL || !sim_open(s, o)) {
        fprintf(stderr, "seed %llu: cannot start: %s\n", (unsigned long long)o->seed,
                s == NULL ? "out of memory" : s->first_failure);
        exit(3);
    }
    sim_later(s, 20000, sometimes, NULL);
    sim_run(s, s->start_ms + 6 * 3600 * 1000, world_done);
    if (s->failures == 0)
        check_end(s);
    held = s->failures == 0;
    printf(
        "seed %llu: %s digest %016llx, %llu steps, %.1f virtual min, 201 %u, 202 %u, pushes %u\n",
        (unsigned long long)o->seed, held ? "ok" : "FAILED", (unsigned long long)s->digest,
        (unsigned long long)s->steps, (double)(s->now_ms - s->start_ms) / 60000,
        s->world->answered_201, s->world->answered_202, s->world->pushes);
    if (!held)
        printf("seed %llu: %s\n  again: lc-sim --seed %llu --orders %u%s%s --verbose\n",
               (unsigned long long)o->seed, s->first_failure, (unsigned long long)o->seed,
               o->orders, o->broken == NULL ? "" : " --break ", o->broken == NULL ? "" : o->broken);
    fflush(stdout);
    if (o->keep != NULL)
        keep_recordings(s);
    sim_close(s);
    free(s);
    return held;
}

int
main(int argc, char **argv)
{
    struct options o = {.orders = 60};
    uint64_t from = 1;
    uint64_t seeds = 1;

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
        if (strcmp(argv[i], "--seeds") == 0)
            seeds = number(argv[i], value, 1000000);
        else if (strcmp(argv[i], "--seed") == 0 || strcmp(argv[i], "--from") == 0)
            from = number(argv[i], value, UINT64_MAX);
        else if (strcmp(argv[i], "--orders") == 0)
            o.orders = (unsigned)number(argv[i], value, ORDERS_MAX);
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
    uint64_t failed = 0;
    for (uint64_t i = 0; i < seeds; i++) {
        o.seed = from + i;
        failed += !run_seed(&o);
    }
    printf("%llu seeds, %llu failed\n", (unsigned long long)seeds, (unsigned long long)failed);
    return failed > 0;
}
