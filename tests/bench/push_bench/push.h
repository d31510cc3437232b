/* push: what the parts of tests/bench/push share. One process plays 10,000 phones on one thread
 * (fleet.c); on another the router that changes their routes, or whoever publishes to a broker
 * (source.c); on a third the router that takes their positions (sink.c). For the bound a process
 * of its own does nothing but send (bare.c). */
#ifndef LC_BENCH_PUSH_H
#define LC_BENCH_PUSH_H

#include "base/bytes.h"
#include "load.h"

#include <pthread.h>
#include <stdatomic.h>

enum {
    PUSH_TICK_US = 5000, /* what is due is sent so often */
    PUSH_RING = 64,      /* changes of one courier whose moment is remembered */
    PUSH_TOKEN = 96,
    PUSH_ORDERS = 4,          /* of a courier, one after the other on the route */
    PUSH_VERSIONS_A_ORDER = 5 /* offered, accepted, arrived, picked up, arrived */
};

enum push_protocol { PUSH_WEBSOCKET, PUSH_MQTT, PUSH_BARE };

/* What is the same for all threads, and for the process of bare.c: it stands in shared memory.
 * Times are monotonic ns. */
struct push {
    enum push_protocol protocol;
    uint32_t couriers;
    uint16_t port;      /* of the notifier or the broker, at 127.0.0.1 */
    uint32_t gather_us; /* phones are looked at so often; 0 = whenever something came */
    const char *redis;  /* socket of it */
    const char *city;
    const char *news;   /* ipc endpoint of the doorbell */
    const char *router; /* ipc endpoint that the notifier sends positions to */
    size_t bytes;       /* of a message to a broker, or of a bare one */
    const int *bare;    /* PUSH_BARE: the couriers' connections, in the process that sends */

    _Atomic int64_t *changed_ns; /* courier * PUSH_RING + version % PUSH_RING: when it was due */
    _Atomic uint32_t *version;   /* of each courier's newest route */
    _Atomic uint64_t changes;    /* sent by the source */
    _Atomic uint64_t came;       /* to phones, of those */
    _Atomic int64_t began_ns;    /* when the source was connected and began */
    _Atomic int64_t *newest_ms;  /* of each courier: the newest position that the router has */
    uint64_t events;             /* entries in the stream so far */
    atomic_bool stop;
};

/* A list of latencies. */
struct push_times {
    uint32_t *us;
    size_t n, room;
};
void push_time(struct push_times *t, int64_t ns);
double push_quantile_ms(struct push_times *t, double q); /* sorts */

/* push_shared: zeroed memory that a forked process shares; ends the program without. */
void *push_shared(size_t count, size_t size);

/* fill.c: couriers 1..n with their tokens, a shift and PUSH_ORDERS orders each, whose personal data
 * are sealed with the city's secret (LIFECIRCLE_CITY_SECRET). Returns main's result. */
int push_fill(const char *socket, const char *city, uint32_t couriers);
/* push_token: the token of courier i (1..); the same in every process. */
void push_token(uint32_t courier, char out[PUSH_TOKEN]);
/* push_order_id: of courier i's order k; 36 characters and a NUL. */
void push_order_id(uint32_t courier, uint32_t k, char out[37]);

/* source.c: changes `rate` routes a second for `seconds`, round and round, in time whatever the
 * other side does. Runs on a thread of its own. Rate 0, bare alone: as fast as they go, but no
 * more than 8 messages of a phone ahead of what came. */
struct push_source {
    struct push *push;
    uint32_t rate;
    double seconds;
};
void *push_source(void *source);

/* bare.c: a process that greets every phone of p->port's listener and then runs push_source
 * whenever it is told to. Returns its id; sets p->port. */
int push_bare_start(struct push *p);
void push_bare_run(const struct push_source *source);
void push_bare_end(void);

/* sink.c: the router: takes CourierPositions and says when they came. Until push->stop. Counts
 * those that were sent at since_ms (Unix) or later. */
struct push_sink {
    struct push *push;
    _Atomic int64_t since_ms;
    uint64_t positions;
    struct push_times took;
};
void *push_sink(void *sink);

/* fleet.c: the phones. */
struct fleet;
struct fleet *fleet_open(struct push *p); /* all connected and greeted; ends the program else */
/* fleet_run: until `done` is true and nothing came for a while, or deadline_ns. Positions are sent
 * at `positions` a second until `until_ns`. */
struct fleet_result {
    uint64_t messages;  /* routes that came */
    uint64_t bytes;     /* of their payloads */
    uint64_t stale;     /* older than one that came before: must be 0 */
    uint64_t positions; /* sent */
    uint64_t cut;       /* connections that ended */
    int64_t last_ns;
    struct push_times took;
};
void fleet_run(struct fleet *f, uint32_t positions, int64_t until_ns, int64_t deadline_ns,
               const atomic_bool *done, struct fleet_result *out);
/* fleet_find_router: sends positions of the first phone until one has come to the router. False
 * after ten seconds. */
bool fleet_find_router(struct fleet *f);
/* fleet_positions_missing: waits, ten seconds at most, until the router has the newest position of
 * everybody; of how many it has not. */
size_t fleet_positions_missing(struct fleet *f);
/* fleet_caught_up: does every phone have the newest version of its route? */
bool fleet_caught_up(const struct fleet *f);

#endif
