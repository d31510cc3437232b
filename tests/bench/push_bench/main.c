/* bench_push: 10,000 phones at one notifier, or as many subscribers at an MQTT broker.
 *
 *     bench_push fill REDIS_SOCKET CITY COURIERS
 *     bench_push notifier COURIERS PORT SECONDS RATES GATHER_US SERVER_PID REDIS_SOCKET REDIS_PID
 *         CITY NEWS ROUTER POSITIONS
 *     bench_push broker COURIERS PORT SECONDS RATES GATHER_US SERVER_PID BYTES
 *     bench_push bare COURIERS SECONDS RATES GATHER_US BYTES
 *
 * RATES: pushes a second, comma separated; `bare` adds as many as go. Prints a table; the last line
 * of `notifier` is "bytes N", the mean length of a message, for the other runs. */
#include "push.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

void
push_time(struct push_times *t, int64_t ns)
{
    if (t->n == t->room) {
        t->room = t->room == 0 ? 65536 : 2 * t->room;
        t->us = realloc(t->us, t->room * sizeof *t->us);
        if (t->us == NULL)
            die("memory");
    }
    t->us[t->n++] = ns < 0 ? 0 : (uint32_t)(ns / 1000);
}

static int
rising(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return x < y ? -1 : x > y;
}

double
push_quantile_ms(struct push_times *t, double q)
{
    if (t->n == 0)
        return 0;
    qsort(t->us, t->n, sizeof *t->us, rising);
    return t->us[(size_t)(q * (double)(t->n - 1))] / 1000.0;
}

void *
push_shared(size_t count, size_t size)
{
    void *p = mmap(NULL, count * size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    if (p == MAP_FAILED)
        die("memory");
    return p;
}

/* ---- what /proc says ---- */

/* cpu_us: of a process so far; 0 = no process. */
static double
cpu_us(int pid)
{
    char path[64], line[1024];
    unsigned long user = 0, system = 0;

    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    FILE *in = pid <= 0 ? NULL : fopen(path, "r");
    if (in == NULL || fgets(line, sizeof line, in) == NULL)
        line[0] = '\0';
    const char *p = strrchr(line, ')');
    if (p != NULL)
        (void)sscanf(p + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system);
    if (in != NULL)
        fclose(in);
    return (double)(user + system) * 1e6 / (double)sysconf(_SC_CLK_TCK);
}

static long
resident_kb(int pid)
{
    char path[64], line[256];
    long kb = 0;

    snprintf(path, sizeof path, "/proc/%d/status", pid);
    FILE *in = fopen(path, "r");
    while (in != NULL && fgets(line, sizeof line, in) != NULL)
        if (sscanf(line, "VmRSS: %ld", &kb) == 1)
            break;
    if (in != NULL)
        fclose(in);
    return kb;
}

/* ---- runs ---- */

struct run {
    struct push *push;
    struct fleet *fleet;
    const char *who;
    int server, redis;
    double seconds;
    uint64_t messages, bytes;
    int status;
};

static void
use_of(const struct run *r, const double before[3], double n)
{
    printf(" %9.1f %9.1f %9.1f\n", (cpu_us(r->server) - before[0]) / n,
           (cpu_us(r->redis) - before[1]) / n, (cpu_us(getpid()) - before[2]) / n);
    fflush(stdout);
}

static void
pushes(struct run *r, uint32_t rate)
{
    struct push_source source = {r->push, rate, r->seconds};
    struct fleet_result got = {0};
    double before[3] = {cpu_us(r->server), cpu_us(r->redis), cpu_us(getpid())};
    pthread_t thread;
    bool bare = r->push->protocol == PUSH_BARE;
    int64_t begin = load_now_ns();

    atomic_store(&r->push->stop, false);
    atomic_store(&r->push->changes, 0);
    atomic_store(&r->push->came, 0);
    if (bare)
        push_bare_run(&source);
    else if (pthread_create(&thread, NULL, push_source, &source) != 0)
        die("a thread");
    fleet_run(r->fleet, 0, 0, begin + (int64_t)((r->seconds + 30) * 1e9), &r->push->stop, &got);
    if (!bare)
        pthread_join(thread, NULL);
    double took = (double)(got.last_ns - atomic_load(&r->push->began_ns)) / 1e9;
    uint64_t sent = atomic_load(&r->push->changes);
    printf("%-10s %8u %9llu %9llu %9.0f %8.1f %8.1f %8.1f", r->who, rate, (unsigned long long)sent,
           (unsigned long long)got.messages, (double)got.messages / took,
           push_quantile_ms(&got.took, 0.5), push_quantile_ms(&got.took, 0.99),
           push_quantile_ms(&got.took, 1));
    use_of(r, before, (double)(got.messages == 0 ? 1 : got.messages));
    if (got.stale > 0 || got.cut > 0 || !fleet_caught_up(r->fleet)) {
        printf("WRONG: %llu older than one before, %llu connections cut, the newest is %s\n",
               (unsigned long long)got.stale, (unsigned long long)got.cut,
               fleet_caught_up(r->fleet) ? "everywhere" : "not everywhere");
        r->status = EXIT_FAILURE;
    }
    r->messages += got.messages;
    r->bytes += got.bytes;
    free(got.took.us);
}

static void
positions(struct run *r, uint32_t rate)
{
    struct push_sink sink = {.push = r->push, .since_ms = INT64_MAX};
    struct fleet_result got = {0};
    atomic_bool done = true;
    double before[3] = {cpu_us(r->server), cpu_us(r->redis), cpu_us(getpid())};
    pthread_t thread;

    atomic_store(&r->push->stop, false);
    if (pthread_create(&thread, NULL, push_sink, &sink) != 0)
        die("a thread");
    if (!fleet_find_router(r->fleet))
        die("the notifier does not find its router");
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    atomic_store(&sink.since_ms, (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000 + 1);
    int64_t begin = load_now_ns();
    int64_t until = begin + (int64_t)(r->seconds * 1e9);
    fleet_run(r->fleet, rate, until, until + INT64_C(10000000000), &done, &got);
    size_t missing = fleet_positions_missing(r->fleet);
    atomic_store(&r->push->stop, true);
    pthread_join(thread, NULL);
    printf("%-10s %8u %9llu %9llu %9.0f %8.1f %8.1f %8.1f", r->who, rate,
           (unsigned long long)got.positions, (unsigned long long)sink.positions,
           (double)sink.positions / r->seconds, push_quantile_ms(&sink.took, 0.5),
           push_quantile_ms(&sink.took, 0.99), push_quantile_ms(&sink.took, 1));
    use_of(r, before, (double)(got.positions == 0 ? 1 : got.positions));
    if (got.cut > 0 || missing > 0) {
        printf("WRONG: %llu connections cut, the newest position of %zu did not come\n",
               (unsigned long long)got.cut, missing);
        r->status = EXIT_FAILURE;
    }
    free(sink.took.us);
}

static void
head(const char *what, const char *came)
{
    printf("\n%-10s %8s %9s %9s %9s %8s %8s %8s %9s %9s %9s\n", what, "wanted/s", "sent", came,
           "per s", "p50/ms", "p99/ms", "max/ms", "us server", "us redis", "us bench");
}

static int
measure(struct run *r, const char *rates, uint32_t position_rate)
{
    size_t n = r->push->couriers + 1;

    r->push->changed_ns = push_shared(n * PUSH_RING, sizeof *r->push->changed_ns);
    r->push->version = push_shared(n, sizeof *r->push->version);
    r->push->newest_ms = push_shared(n, sizeof *r->push->newest_ms);
    if (r->push->protocol == PUSH_BARE)
        r->server = push_bare_start(r->push);
    long before = resident_kb(r->server);
    r->fleet = fleet_open(r->push);
    long connected = resident_kb(r->server);
    head("pushes", "came");
    for (const char *p = rates; *p != '\0'; p += strcspn(p, ","), p += *p == ',')
        pushes(r, (uint32_t)strtoul(p, NULL, 10));
    if (r->push->protocol == PUSH_BARE) {
        pushes(r, 0);
        push_bare_end();
        return r->status;
    }
    long pushed = resident_kb(r->server);
    if (position_rate > 0) {
        head("positions", "taken");
        positions(r, position_rate);
    }
    printf("\n%s: %u connections; memory %.1f MB before, %.1f connected, %.1f after pushes: %.1f "
           "and %.1f KB a connection\n",
           r->who, r->push->couriers, (double)before / 1024, (double)connected / 1024,
           (double)pushed / 1024, (double)(connected - before) / r->push->couriers,
           (double)(pushed - before) / r->push->couriers);
    if (r->messages > 0)
        printf("bytes %llu\n", (unsigned long long)(r->bytes / r->messages));
    return r->status;
}

static long
number(const char *text)
{
    char *end;
    long v = strtol(text, &end, 10);

    if (*text == '\0' || *end != '\0' || v < 0)
        die(text);
    return v;
}

int
main(int argc, char **argv)
{
    struct run r = {.status = EXIT_SUCCESS};

    if (argc == 5 && strcmp(argv[1], "fill") == 0)
        return push_fill(argv[2], argv[3], (uint32_t)number(argv[4]));
    bool notifier = argc == 14 && strcmp(argv[1], "notifier") == 0;
    bool bare = argc == 7 && strcmp(argv[1], "bare") == 0;
    if (!notifier && !bare && !(argc == 9 && strcmp(argv[1], "broker") == 0)) {
        fputs("bench_push: see main.c\n", stderr);
        return 2;
    }
    r.push = push_shared(1, sizeof *r.push);
    r.who = argv[1];
    r.push->couriers = (uint32_t)number(argv[2]);
    char **rest = bare ? argv + 3 : argv + 4; /* nobody listens yet */
    r.seconds = (double)number(rest[0]);
    r.push->gather_us = (uint32_t)number(rest[2]);
    if (bare) {
        r.push->protocol = PUSH_BARE;
        r.push->bytes = (size_t)number(rest[3]);
        return measure(&r, rest[1], 0);
    }
    r.push->port = (uint16_t)number(argv[3]);
    r.server = (int)number(rest[3]);
    if (notifier) {
        r.push->protocol = PUSH_WEBSOCKET;
        r.push->redis = rest[4];
        r.redis = (int)number(rest[5]);
        r.push->city = rest[6];
        r.push->news = rest[7];
        r.push->router = rest[8];
        return measure(&r, rest[1], (uint32_t)number(rest[9]));
    }
    r.push->protocol = PUSH_MQTT;
    r.push->bytes = (size_t)number(rest[4]);
    return measure(&r, rest[1], 0);
}
