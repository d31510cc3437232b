/* A synthetic city through the library that the router uses: how long does a new order take, and
 * how fast does the plan improve?
 *
 *     bench_city COURIERS ORDERS SECONDS [FILE.roads]
 *
 * With a map all are on it, orders come from 60 stores, and travel times are along its streets.
 * Fills the plan with ORDERS open orders on COURIERS couriers, then for SECONDS of CPU time plays
 * events: an order comes, one goes, a courier moves, the plan improves by a slice. */
#include "roads/roads.h"
#include "router/plan/plan.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

enum { SLICE = 4, SAMPLES = 1 << 20 };

static const int64_t start_ms = 1700000000000;
static uint64_t random_state = 1;

static uint32_t
below(uint32_t n)
{
    random_state = random_state * 6364136223846793005U + 1442695040888963407U;
    return (uint32_t)((random_state >> 33) % n);
}

static double
cpu_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* ---- a map's city ---- */

enum { STORES = 60 };
static struct latlng south_west, north_east; /* the same: no map */
static struct latlng store[STORES];

static bool
on_map(void)
{
    return south_west.lat_e7 != north_east.lat_e7;
}

static int32_t
between(int32_t low, int32_t high)
{
    uint32_t side = (uint32_t)(high - low);

    return low + (int32_t)(side / 10 + below(side / 10 * 8));
}

static struct latlng
on_the_map(void)
{
    return (struct latlng){between(south_west.lat_e7, north_east.lat_e7),
                           between(south_west.lng_e7, north_east.lng_e7)};
}

static const struct travel *
open_map(const char *path)
{
    static struct roads_travel travel;
    struct roads *map;
    char error[ROADS_ERROR_MAX] = "out of memory";

    if (roads_open(path, &map, error) != LC_OK ||
        roads_travel_init(&travel, map, ROADS_SNAP_M) != LC_OK) {
        fprintf(stderr, "bench_city: %s: %s\n", path, error);
        return NULL;
    }
    roads_bounds(map, &south_west, &north_east);
    for (size_t i = 0; i < STORES; i++)
        store[i] = on_the_map();
    return &travel.travel;
}

/* ---- a made-up one ---- */

/* A city of 0.6 km2 a courier, denser in the middle; metres from there. */
static struct latlng
somewhere(size_t couriers, uint32_t spread)
{
    if (on_map())
        return on_the_map();
    double side = sqrt(0.6e6 * (double)couriers) * spread / 100;
    double x = side * ((double)(below(1000) + below(1000)) / 2000 - 0.5);
    double y = side * ((double)(below(1000) + below(1000)) / 2000 - 0.5);

    return (struct latlng){407500000 + (int32_t)(y * 90), -739900000 + (int32_t)(x * 118)};
}

static struct latlng
near_by(struct latlng at)
{
    return (struct latlng){at.lat_e7 + (int32_t)below(400000) - 200000,
                           at.lng_e7 + (int32_t)below(520000) - 260000};
}

static struct plan_order
new_order(uint64_t number, size_t couriers, int64_t now_ms)
{
    struct plan_order o = {.ready_ms = now_ms + 1000 * (int64_t)(300 + below(1500)),
                           .load = {1 + below(3), 500 + below(3000), 1000 + below(8000)},
                           .pickup_s = 120,
                           .dropoff_s = 120};

    for (size_t i = 0; i < 8; i++)
        o.id.b[i] = (uint8_t)(number >> (8 * i));
    o.pickup = on_map() ? store[below(STORES)] : somewhere(couriers, 100);
    o.dropoff = on_map() ? on_the_map() : near_by(o.pickup);
    o.promise_ms = o.ready_ms + 1000 * (int64_t)(2400 + below(3600));
    return o;
}

static int
ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y;
}

static int
fail(const char *what, enum lc_err err)
{
    fprintf(stderr, "bench_city: %s: %s\n", what, lc_strerror(err));
    return 1;
}

static enum lc_err
add_couriers(struct plan *p, size_t n)
{
    enum lc_err err = LC_OK;

    for (uint32_t c = 1; c <= n && err == LC_OK; c++) {
        struct plan_courier in = {
            .courier = c,
            .mode = c % 3 == 0 ? TRAVEL_CAR : TRAVEL_BICYCLE,
            .capacity = {12, 15000, 60000},
            .shift_end_ms = start_ms + 6 * 3600000LL,
            .adult_trained = true,
            .open = true,
            .at = somewhere(n, 100),
            .at_ms = start_ms,
        };
        err = plan_courier_put(p, &in);
    }
    return err;
}

int
main(int argc, char **argv)
{
    size_t couriers = argc > 1 ? strtoull(argv[1], NULL, 10) : 2000;
    size_t orders = argc > 2 ? strtoull(argv[2], NULL, 10) : 6000;
    double seconds = argc > 3 ? atof(argv[3]) : 10;
    static double took[SAMPLES];
    uint64_t first = 0, next = 0;
    size_t n = 0, moved, all_moved = 0, attempts = 0, slices = 0;
    double improving = 0, longest_slice = 0;
    int64_t now_ms = start_ms;
    struct rusage use;
    const struct travel *travel = argc > 4 ? open_map(argv[4]) : travel_estimate();
    struct plan *p = travel == NULL ? NULL : plan_new(travel);
    enum lc_err err = p == NULL ? LC_ENOMEM : add_couriers(p, couriers);

    if (err != LC_OK)
        return fail("couriers", err);
    double filling = cpu_s();
    plan_time(p, now_ms);
    for (; next < orders; next++) {
        struct plan_order o = new_order(next, couriers, now_ms);
        struct plan_placement at;
        if ((err = plan_insert(p, &o, &at)) != LC_OK)
            return fail("filling", err);
    }
    filling = cpu_s() - filling;
    int64_t before = plan_cost(p);
    double began = cpu_s();
    while (cpu_s() - began < seconds && n < SAMPLES) {
        struct plan_order o = new_order(next, couriers, now_ms), gone = {.ready_ms = 0};
        struct plan_placement at;
        for (size_t i = 0; i < 8; i++)
            gone.id.b[i] = (uint8_t)(first >> (8 * i));
        plan_time(p, now_ms += 20); /* fifty a second */
        double t = cpu_s();
        err = plan_insert(p, &o, &at);
        took[n++] = 1000 * (cpu_s() - t);
        if (err == LC_OK)
            err = plan_remove(p, gone.id);
        t = cpu_s();
        if (err == LC_OK)
            err = plan_improve(p, SLICE, &moved);
        if (err != LC_OK)
            return fail("an event", err);
        t = cpu_s() - t;
        improving += t;
        longest_slice = t > longest_slice ? t : longest_slice;
        attempts += SLICE;
        slices++;
        all_moved += moved;
        first++;
        next++;
    }
    qsort(took, n, sizeof *took, ascending);
    getrusage(RUSAGE_SELF, &use);
    printf("couriers=%zu orders=%zu pool=%zu fill_ms=%.3f events=%zu p50_ms=%.3f p99_ms=%.3f "
           "max_ms=%.3f "
           "iterations_per_s=%.0f moved=%zu slice_max_ms=%.3f events_per_s=%.0f memory_mb=%.0f "
           "cost_change=%.4f by_roads=%llu by_estimate=%llu\n",
           couriers, orders, plan_pool_size(p), 1000 * filling / (double)orders, n, took[n / 2],
           took[n * 99 / 100], took[n - 1], (double)attempts / improving, all_moved,
           1000 * longest_slice, (double)slices / (cpu_s() - began), (double)use.ru_maxrss / 1024,
           (double)(plan_cost(p) - before) / (double)before,
           (unsigned long long)plan_searched(p, TRAVEL_ROAD),
           (unsigned long long)plan_searched(p, TRAVEL_ESTIMATE));
    plan_destroy(p);
    return 0;
}
