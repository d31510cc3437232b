#include "load.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

_Noreturn void
die(const char *what)
{
    fprintf(stderr, "bench: %s: %s\n", what, errno == 0 ? "failed" : strerror(errno));
    exit(EXIT_FAILURE);
}

int64_t
load_now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void
read_keys(struct load *l, const char *path)
{
    FILE *f = fopen(path, "r");

    if (f == NULL)
        die(path);
    for (size_t i = 0; i < CITY_CHAINS; i++) {
        if (fgets(l->key[i], LOAD_KEY_MAX, f) == NULL) {
            errno = EINVAL;
            die(path);
        }
        l->key[i][strcspn(l->key[i], "\n")] = '\0';
    }
    fclose(f);
}

/* A million million orders for each tag. FNV-1a. */
static uint64_t
first_of(const char *tag)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);

    for (; *tag != '\0'; tag++)
        h = (h ^ (unsigned char)*tag) * UINT64_C(0x100000001b3);
    return (h >> 44) << 40;
}

void
load_flags(struct load *l, int argc, char **argv)
{
    *l = (struct load){.city = {1, 11000, 500},
                       .mode = "single",
                       .tag = "x",
                       .name = "bench",
                       .connections = 64,
                       .batch = 1,
                       .window = 1,
                       .rate = 2000,
                       .seconds = 5};
    for (int i = 1; i + 1 < argc; i += 2) {
        const char *name = argv[i], *value = argv[i + 1];
        uint32_t number = (uint32_t)strtoul(value, NULL, 10);
        if (strcmp(name, "--seed") == 0)
            l->city.seed = strtoull(value, NULL, 10);
        else if (strcmp(name, "--stores") == 0)
            l->city.stores = number;
        else if (strcmp(name, "--skus") == 0)
            l->city.skus = number;
        else if (strcmp(name, "--address") == 0)
            l->address = value;
        else if (strcmp(name, "--mode") == 0)
            l->mode = value;
        else if (strcmp(name, "--tag") == 0)
            l->tag = value;
        else if (strcmp(name, "--city") == 0)
            l->name = value;
        else if (strcmp(name, "--connections") == 0)
            l->connections = number;
        else if (strcmp(name, "--batch") == 0)
            l->batch = number;
        else if (strcmp(name, "--window") == 0)
            l->window = number;
        else if (strcmp(name, "--rate") == 0)
            l->rate = number;
        else if (strcmp(name, "--seconds") == 0)
            l->seconds = strtod(value, NULL);
        else if (strcmp(name, "--keys") == 0)
            read_keys(l, value);
        else {
            fprintf(stderr, "bench: unknown flag %s\n", name);
            exit(2);
        }
    }
    l->first = first_of(l->tag);
    if (l->city.skus < 20 || l->city.stores < CITY_CHAINS || l->connections < 1 || l->batch < 1 ||
        l->window < 1 || l->rate < 1) {
        fprintf(stderr, "bench: a number is too small\n");
        exit(2);
    }
}

void
load_latency(struct load *l, int64_t ns)
{
    if (l->n_latency == l->room) {
        l->room = l->room == 0 ? 65536 : 2 * l->room;
        l->latency_us = realloc(l->latency_us, l->room * sizeof *l->latency_us);
        if (l->latency_us == NULL)
            die("latencies");
    }
    l->latency_us[l->n_latency++] = (uint32_t)(ns / 1000);
}

void
load_status(struct load *l, unsigned status, bool held)
{
    l->answered++;
    if (status == 201)
        l->placed++;
    else if (status == 202)
        *(held ? &l->held : &l->created) += 1;
    else if (status >= 500)
        l->failed++;
    else
        l->refused++;
}

static int
by_size(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

static double
percentile_ms(const struct load *l, double p)
{
    if (l->n_latency == 0)
        return 0;
    size_t i = (size_t)(p / 100 * (double)l->n_latency);
    return l->latency_us[i < l->n_latency ? i : l->n_latency - 1] / 1000.0;
}

static uint64_t
own_cpu_us(void)
{
    struct rusage r;

    getrusage(RUSAGE_SELF, &r);
    return (uint64_t)(r.ru_utime.tv_sec + r.ru_stime.tv_sec) * 1000000 +
           (uint64_t)(r.ru_utime.tv_usec + r.ru_stime.tv_usec);
}

void
load_in_time(struct load *l, int64_t now_ns)
{
    l->end_ns = now_ns;
    l->in_time = l->placed + l->held;
}

int
load_print(struct load *l)
{
    double wall_s = (double)(l->end_ns - l->begin_ns) / 1e9;
    uint64_t cpu_us = own_cpu_us();

    qsort(l->latency_us, l->n_latency, sizeof *l->latency_us, by_size);
    printf("orders=%llu in_time=%llu seconds=%.3f per_s=%.0f placed=%llu created=%llu held=%llu "
           "refused=%llu failed=%llu unanswered=%llu p50_ms=%.2f p99_ms=%.2f p999_ms=%.2f "
           "max_ms=%.2f cpu_us=%llu\n",
           (unsigned long long)l->sent, (unsigned long long)l->in_time, wall_s,
           wall_s > 0 ? (double)l->in_time / wall_s : 0, (unsigned long long)l->placed,
           (unsigned long long)l->created, (unsigned long long)l->held,
           (unsigned long long)l->refused, (unsigned long long)l->failed,
           (unsigned long long)(l->sent - l->answered), percentile_ms(l, 50), percentile_ms(l, 99),
           percentile_ms(l, 99.9), percentile_ms(l, 100), (unsigned long long)cpu_us);
    free(l->latency_us);
    return l->sent == l->answered ? EXIT_SUCCESS : EXIT_FAILURE;
}
