/* Measures the road engine: see tests/bench/roads. */
#include "roads/roads.h"
#include "city.h"
#include "roads_rig.h"

#include <math.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { FAR_M = 100000, TABLE = 100, PAIRS_MAX = 100000 };

struct pairs {
    struct latlng from[PAIRS_MAX], to[PAIRS_MAX];
    double s[PAIRS_MAX], m[PAIRS_MAX]; /* 0: not known */
    struct roads_spot from_spot[PAIRS_MAX], to_spot[PAIRS_MAX];
    size_t n;
};

static struct pairs pairs;

static double
clock_s(clockid_t id)
{
    struct timespec t;

    clock_gettime(id, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static double
cpu_s(void)
{
    return clock_s(CLOCK_PROCESS_CPUTIME_ID);
}

static int
fail(const char *what, const char *why)
{
    fprintf(stderr, "bench_roads: %s: %s\n", what, why);
    return EXIT_FAILURE;
}

/* read_pairs: longitude, latitude twice, seconds, metres; the first line may be a header. */
static bool
read_pairs(const char *path)
{
    FILE *f = fopen(path, "r");
    char line[1024];
    double v[6];

    while (f != NULL && pairs.n < PAIRS_MAX && fgets(line, sizeof line, f) != NULL) {
        if (sscanf(line, "%lf %lf %lf %lf %lf %lf", &v[0], &v[1], &v[2], &v[3], &v[4], &v[5]) != 6)
            continue;
        if (!geo_of_degrees(v[1], v[0], &pairs.from[pairs.n]) ||
            !geo_of_degrees(v[3], v[2], &pairs.to[pairs.n]))
            continue;
        pairs.s[pairs.n] = v[4];
        pairs.m[pairs.n++] = v[5];
    }
    if (f != NULL)
        fclose(f);
    return pairs.n > 0;
}

/* random_pairs: all over the map, where no pairs are given. */
static void
random_pairs(const struct roads *r)
{
    struct latlng low, high;
    uint64_t z = 1;

    roads_bounds(r, &low, &high);
    for (pairs.n = 0; pairs.n < 1000; pairs.n++)
        for (int k = 0; k < 2; k++) {
            struct latlng *p = k == 0 ? &pairs.from[pairs.n] : &pairs.to[pairs.n];
            z = z * 6364136223846793005U + 1442695040888963407U;
            p->lat_e7 = low.lat_e7 + (int32_t)((z >> 33) % (uint64_t)(high.lat_e7 - low.lat_e7));
            z = z * 6364136223846793005U + 1442695040888963407U;
            p->lng_e7 = low.lng_e7 + (int32_t)((z >> 33) % (uint64_t)(high.lng_e7 - low.lng_e7));
        }
}

static int
by_size(const void *a, const void *b)
{
    const double *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

static void
print_error(const char *what, double *error, size_t n)
{
    double sum = 0;

    qsort(error, n, sizeof *error, by_size);
    for (size_t i = 0; i < n; i++)
        sum += error[i];
    if (n > 0)
        printf("%-34s mean %.2f %%, median %.2f %%, 95th percentile %.2f %%\n", what,
               100 * sum / (double)n, 100 * error[n / 2], 100 * error[n * 95 / 100]);
}

/* compare: every pair's answer with what the file says. False when there is no memory. */
static bool
compare(struct roads_search *s, enum travel_mode mode)
{
    double *ms = calloc(pairs.n, sizeof *ms), *cm = calloc(pairs.n, sizeof *cm);
    size_t n = 0, unreachable = 0, lost = 0;

    for (size_t i = 0; i < pairs.n; i++) {
        struct roads_trip t;
        if (roads_route(s, mode, &pairs.from_spot[i], &pairs.to_spot[i], &t, NULL, NULL) != LC_OK)
            return false;
        if (t.ms == ROADS_UNREACHABLE) {
            unreachable++;
            lost += pairs.from_spot[i].edges == 0 || pairs.to_spot[i].edges == 0;
        } else if (pairs.s[i] > 0 && pairs.m[i] > 0) {
            ms[n] = fabs(t.ms * 1e-3 - pairs.s[i]) / pairs.s[i];
            cm[n++] = fabs(t.cm * 1e-2 - pairs.m[i]) / pairs.m[i];
        }
    }
    printf("%-34s %zu of %zu (%zu with no road near)\n", "unreachable pairs", unreachable, pairs.n,
           lost);
    print_error("duration, absolute error", ms, n);
    print_error("distance, absolute error", cm, n);
    free(ms);
    free(cm);
    return true;
}

/* snap: a point with no road near has no edges, and is counted later. */
static void
snap(const struct roads *r, enum travel_mode mode, struct latlng p, struct roads_spot *out)
{
    if (roads_snap(r, mode, p, FAR_M, out) != LC_OK)
        out->edges = 0;
}

static void
measure_queries(const struct roads *r, struct roads_search *s, enum travel_mode mode)
{
    static struct roads_trip table[TABLE * TABLE];
    struct roads_trip t;
    size_t rounds = 20000 / pairs.n + 1, n = pairs.n < TABLE ? pairs.n : TABLE;
    double start = cpu_s();

    for (size_t i = 0; i < pairs.n; i++) {
        snap(r, mode, pairs.from[i], &pairs.from_spot[i]);
        snap(r, mode, pairs.to[i], &pairs.to_spot[i]);
    }
    printf("%-34s %.2f us a point\n", "snap", (cpu_s() - start) / (double)pairs.n / 2 * 1e6);
    start = cpu_s();
    for (size_t k = 0; k < rounds; k++)
        for (size_t i = 0; i < pairs.n; i++)
            if (roads_route(s, mode, &pairs.from_spot[i], &pairs.to_spot[i], &t, NULL, NULL) !=
                LC_OK)
                return;
    printf("%-34s %.2f us\n", "point to point",
           (cpu_s() - start) / (double)(rounds * pairs.n) * 1e6);
    start = cpu_s();
    for (int k = 0; k < 50; k++)
        if (roads_table(s, mode, pairs.from_spot + (pairs.n - n) * (size_t)k / 49, n,
                        pairs.to_spot + (pairs.n - n) * (size_t)k / 49, n, table) != LC_OK)
            return;
    printf("%zux%zu %-*s %.2f ms\n", n, n, n < 100 ? 28 : 26, "table",
           (cpu_s() - start) / 50 * 1e3);
}

/* build: one compiled file, timed; from bytes in memory to a map that answers. */
static struct roads *
build(const char *pbf, const char *path, unsigned modes, struct roads_report *report,
      const char *title)
{
    char error[ROADS_ERROR_MAX] = "";
    double wall = clock_s(CLOCK_MONOTONIC), cpu = cpu_s();
    struct roads *r = NULL;

    if (roads_build_file(pbf, path, modes, report, error) != LC_OK ||
        roads_open(path, &r, error) != LC_OK) {
        fail(pbf, error);
        return NULL;
    }
    printf("%-34s %.3f s (%.3f s of CPU)\n", title, clock_s(CLOCK_MONOTONIC) - wall, cpu_s() - cpu);
    return r;
}

static void
print_size(const struct roads *r, const struct roads_report *report, unsigned modes)
{
    size_t edges = 0, segments = 0;

    for (unsigned k = 0; k < TRAVEL_MODES; k++)
        if ((modes & 1U << k) != 0) {
            edges += report->mode[k].edges;
            segments += report->mode[k].segments;
        }
    printf(
        "%-34s %zu bytes: %.0f a directed edge between nodes (%zu), %.0f a directed edge between "
        "junctions (%zu)\n",
        "compiled file", roads_bytes(r), (double)roads_bytes(r) / (double)segments, segments,
        (double)roads_bytes(r) / (double)edges, edges);
}

static int
run(const char *pbf, const char *tsv, enum travel_mode mode, const char *path)
{
    struct roads_report report;
    struct rusage usage;
    struct roads *r = build(pbf, path, 1U << mode, &report, "PBF to ready, this mode");

    if (r == NULL)
        return EXIT_FAILURE;
    getrusage(RUSAGE_SELF, &usage);
    printf("%-34s %ld MB at most\n", "memory while building", usage.ru_maxrss / 1024);
    printf("%-34s %zu nodes, %zu roads, %zu junctions, %zu restrictions\n", "network", report.nodes,
           report.roads, report.junctions, report.restrictions);
    printf("%-34s %zu nodes, %zu arcs\n", "search graph", report.mode[mode].nodes,
           report.mode[mode].arcs);
    print_size(r, &report, 1U << mode);
    if (tsv == NULL)
        random_pairs(r);
    else if (!read_pairs(tsv))
        return fail(tsv, "expected lines of from_lon from_lat to_lon to_lat seconds metres");
    struct roads_search *s = roads_search_new(r);
    if (s == NULL)
        return fail(pbf, "out of memory");
    measure_queries(r, s, mode);
    if (!compare(s, mode))
        return fail(pbf, "out of memory");
    roads_search_free(s);
    roads_close(r);
    r = build(pbf, path, ROADS_ALL_MODES, &report, "PBF to ready, all six modes");
    if (r == NULL)
        return EXIT_FAILURE;
    print_size(r, &report, ROADS_ALL_MODES);
    roads_close(r);
    return EXIT_SUCCESS;
}

/* bench_roads SCRATCH MODE FILE.osm.pbf [PAIRS.tsv] | bench_roads SCRATCH MODE --city NODES */
int
main(int argc, char **argv)
{
    char pbf[4096], path[4096];
    enum travel_mode mode;
    struct buf city = {0};

    if (argc < 4 || argc > 5 || travel_mode_parse(slice_str(argv[2]), &mode) != LC_OK)
        return fail("use", "bench_roads SCRATCH MODE FILE.osm.pbf [PAIRS.tsv] | --city NODES");
    setvbuf(stdout, NULL, _IOLBF, 0);
    snprintf(path, sizeof path, "%s/map.roads", argv[1]);
    if (strcmp(argv[3], "--city") != 0)
        return run(argv[3], argc == 5 ? argv[4] : NULL, mode, path);
    snprintf(pbf, sizeof pbf, "%s/city.osm.pbf", argv[1]);
    FILE *f = fopen(pbf, "wb");
    if (f == NULL || argc != 5 || !city_write(strtoul(argv[4], NULL, 10), &city) ||
        fwrite(city.p, 1, city.n, f) != city.n || fclose(f) != 0)
        return fail(pbf, "cannot be written");
    buf_free(&city);
    return run(pbf, NULL, mode, path);
}
