/* A synthetic city through the library that the router uses: how long does a new order take, what
 * does improving cost the event loop, and how fast does the plan improve?
 *
 *     bench_city COURIERS ORDERS SECONDS ITERATIONS [FILE.roads]
 *
 * With a map all are on it, orders come from 60 stores, and travel times are along its streets.
 * Fills the plan with ORDERS open orders on COURIERS couriers; then, for SECONDS of CPU time,
 * slices of so many ITERATIONS improve the plan one after the other, while every 20 ms of that
 * time an order comes, one goes and ten couriers move, as in the daemon, but for the second thread:
 * loop and worker take turns, and are timed apart. */
#include "roads/roads.h"
#include "router/plan/slice/slice.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

enum { SAMPLES = 1 << 20, EVENT_MS = 20, MOVES = 10, IN_VAIN = 200, SHIFT_MS = 6 * 3600000 };

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
            .shift_end_ms = start_ms + SHIFT_MS,
            .adult_trained = true,
            .open = true,
            .at = somewhere(n, 100),
            .at_ms = start_ms,
        };
        err = plan_courier_put(p, &in);
    }
    return err;
}

struct town {
    struct plan *plan;
    const struct travel *travel;
    size_t couriers;
    uint64_t first, next; /* numbers of orders */
    int64_t now_ms;
};

struct times {
    double ms[SAMPLES];
    size_t n;
    double sum;
};

static void
note(struct times *t, double began)
{
    double ms = 1000 * (cpu_s() - began);

    t->sum += ms;
    if (t->n < SAMPLES)
        t->ms[t->n++] = ms;
}

static double
part(struct times *t, size_t per_mille)
{
    qsort(t->ms, t->n, sizeof *t->ms, ascending);
    return t->n == 0 ? 0 : t->ms[(t->n - 1) * per_mille / 1000];
}

static struct times inserting, moving, making, applying, running, refusing, explaining;

/* Orders whose goods are ready as all shifts end: nobody can, which must not take a look at
 * everybody. Each is explained, as the router does. */
static enum lc_err
in_vain(struct town *w)
{
    struct plan_candidate *list = calloc(w->couriers, sizeof *list);
    enum lc_err err = list == NULL ? LC_ENOMEM : LC_OK;

    for (int i = 0; i < IN_VAIN && err == LC_OK; i++) {
        struct plan_order o = new_order(w->next++, w->couriers, w->now_ms);
        struct plan_placement at;
        o.ready_ms = start_ms + SHIFT_MS - 1000 * (int64_t)below(200); /* the services take 240 */
        o.promise_ms = o.ready_ms + 3600000;
        double t = cpu_s();
        err = plan_insert(w->plan, &o, &at);
        note(&refusing, t);
        if (err == LC_OK && at.placed)
            err = LC_ESTATE;
        t = cpu_s();
        if (err == LC_OK && plan_rivals(w->plan, o.id, list, w->couriers) != w->couriers)
            err = LC_ENOMEM;
        note(&explaining, t);
        if (err == LC_OK)
            err = plan_remove(w->plan, o.id);
    }
    free(list);
    return err;
}

static enum lc_err
one_event(struct town *w)
{
    struct plan_order o = new_order(w->next++, w->couriers, w->now_ms), gone = {.ready_ms = 0};
    struct plan_placement at;
    uint64_t number = w->first++;

    for (size_t i = 0; i < 8; i++)
        gone.id.b[i] = (uint8_t)(number >> (8 * i));
    plan_time(w->plan, w->now_ms += EVENT_MS);
    double t = cpu_s();
    enum lc_err err = plan_insert(w->plan, &o, &at);
    note(&inserting, t);
    t = cpu_s();
    if (err == LC_OK)
        err = plan_remove(w->plan, gone.id);
    for (int i = 0; i < MOVES && err == LC_OK; i++) {
        struct plan_stop stop;
        uint32_t c = 1 + below((uint32_t)w->couriers);
        if (plan_schedule(w->plan, c, &stop, 1) == 0) /* it waits where it is */
            continue;
        err = plan_courier_move(w->plan, c, near_by(stop.at), w->now_ms);
    }
    note(&moving, t);
    return err;
}

struct gained {
    size_t slices, moved, refused;
    uint64_t iterations;
    int64_t gain;
};

/* One slice, and the events that come while the worker is at it. */
static enum lc_err
one_slice(struct town *w, uint32_t iterations, struct gained *g)
{
    struct plan_slice_options o = {.couriers = 32, .iterations = iterations, .seed = g->slices + 1};
    struct plan_slice_applied got;
    struct buf job = {0}, result = {0};
    double t = cpu_s();
    enum lc_err err = LC_OK;

    if (!plan_slice_make(w->plan, &o, &job))
        return job.failed ? LC_ENOMEM : one_event(w);
    note(&making, t);
    t = cpu_s();
    err = plan_slice_run(w->travel, travel_estimate(), buf_slice(&job), &result);
    note(&running, t);
    int events = (int)(1000 * (cpu_s() - t)) / EVENT_MS;
    for (int i = 0; i <= events && err == LC_OK; i++)
        err = one_event(w);
    t = cpu_s();
    if (err == LC_OK)
        err = plan_slice_apply(w->plan, buf_slice(&result), &got);
    note(&applying, t);
    if (err == LC_OK) {
        g->slices++;
        g->iterations += iterations;
        g->moved += got.orders;
        g->refused += got.refused;
        g->gain += got.gain;
    }
    buf_free(&job);
    buf_free(&result);
    return err;
}

int
main(int argc, char **argv)
{
    struct town w = {.couriers = argc > 1 ? strtoull(argv[1], NULL, 10) : 2000,
                     .now_ms = start_ms,
                     .travel = argc > 5 ? open_map(argv[5]) : travel_estimate()};
    size_t orders = argc > 2 ? strtoull(argv[2], NULL, 10) : 6000;
    double seconds = argc > 3 ? atof(argv[3]) : 10;
    uint32_t iterations = argc > 4 ? (uint32_t)strtoul(argv[4], NULL, 10) : 2000;
    struct gained g = {.slices = 0};
    struct rusage use;
    w.plan = w.travel == NULL ? NULL : plan_new(w.travel);
    enum lc_err err = w.plan == NULL ? LC_ENOMEM : add_couriers(w.plan, w.couriers);

    if (err != LC_OK)
        return fail("couriers", err);
    double filling = cpu_s();
    plan_time(w.plan, w.now_ms);
    for (; w.next < orders; w.next++) {
        struct plan_order o = new_order(w.next, w.couriers, w.now_ms);
        struct plan_placement at;
        if ((err = plan_insert(w.plan, &o, &at)) != LC_OK)
            return fail("filling", err);
    }
    filling = cpu_s() - filling;
    int64_t before = plan_cost(w.plan);
    double began = cpu_s();
    while (cpu_s() - began < seconds && inserting.n < SAMPLES)
        if ((err = one_slice(&w, iterations, &g)) != LC_OK)
            return fail("a slice", err);
    size_t pool = plan_pool_size(w.plan);
    if ((err = in_vain(&w)) != LC_OK)
        return fail("in vain", err);
    double loop_ms = inserting.sum + moving.sum + making.sum + applying.sum;
    getrusage(RUSAGE_SELF, &use);
    printf("couriers=%zu orders=%zu pool=%zu fill_ms=%.3f events=%zu p50_ms=%.3f p99_ms=%.3f "
           "max_ms=%.3f nobody_p99_ms=%.3f explain_p99_ms=%.3f make_p99_ms=%.3f apply_p99_ms=%.3f "
           "loop_events_per_s=%.0f slices=%zu "
           "slice_p50_ms=%.1f slice_max_ms=%.1f iterations_per_s=%.0f moved=%zu refused=%zu "
           "gained=%.4f memory_mb=%.0f by_roads=%llu by_estimate=%llu\n",
           w.couriers, orders, pool, 1000 * filling / (double)orders, inserting.n,
           part(&inserting, 500), part(&inserting, 990), part(&inserting, 1000),
           part(&refusing, 990), part(&explaining, 990), part(&making, 990), part(&applying, 990),
           1000 * (double)inserting.n / loop_ms, g.slices, part(&running, 500),
           part(&running, 1000), 1000 * (double)g.iterations / running.sum, g.moved, g.refused,
           (double)g.gain / (double)before, (double)use.ru_maxrss / 1024,
           (unsigned long long)plan_searched(w.plan, TRAVEL_ROAD),
           (unsigned long long)plan_searched(w.plan, TRAVEL_ESTIMATE));
    plan_destroy(w.plan);
    return 0;
}
