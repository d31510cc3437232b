/* service_own: what service's files share; nobody else includes this.
 *
 *   service.c          start, turns, end
 *   service_options.c  the common parameters
 *   service_effects.c  events into the core, effects out of it
 *   service_http.c     HTTP, WebSocket and calls to and from events
 *   service_travel.c   questions to routing servers
 *   service_roads.c    the map in this process
 *   service_work.c     what runs beside the loop
 *   service_addresses.c the index of addresses
 *   service_metrics.c  /metrics
 *   service_reload.c   SIGHUP */
#ifndef LC_IO_SERVICE_OWN_H
#define LC_IO_SERVICE_OWN_H

#include "addresses/addresses.h"
#include "io/bus.h"
#include "io/http_client.h"
#include "io/http_server.h"
#include "io/log.h"
#include "io/loop.h"
#include "io/recording.h"
#include "io/redis.h"
#include "io/resolve.h"
#include "io/service.h"
#include "io/travel_remote.h"
#include "roads/roads.h"

enum { COMMON_OPTIONS = 64, TURN_BUCKETS = 10, NO_WISH = 0 };

struct shell {
    const struct service *service;
    const struct service_ports *ports;
    struct option common[COMMON_OPTIONS];
    struct options options;
    int argc; /* as main got them: for reading the options again */
    char **argv;
    struct buf tzif;

    struct loop *loop;
    struct resolver *resolver;
    struct stepper *stepper;
    struct bus *bus;
    struct redis *redis;
    struct http_server *http;  /* NULL without */
    struct http_server *admin; /* NULL: on http */
    struct http_client *client;
    struct travel_remote *travel;     /* NULL: no routing server */
    struct shell_map *map;            /* NULL: no roads */
    struct shell_map *map_unsure;     /* refused ones that the core may look at all the same */
    struct shell_index *index;        /* NULL: no addresses */
    struct shell_index *index_unsure; /* as map_unsure */
    struct roads_counts map_asked;    /* of the maps before */
    struct worker *worker;            /* NULL: nothing runs beside the loop */

    struct loop_timer *wake;
    int64_t wake_ms; /* Unix ms the core wishes for; INT64_MAX = none */
    bool fed;        /* this turn had an event */
    int64_t turn_us; /* when its first event came */

    struct loop_timer *drain;
    unsigned drain_asked; /* at the admin port: as SIGTERM */
    bool leaving;         /* asked to end: not ready any more */
    int64_t leave_ms;     /* monotonic: all goes on until then, or until it is asked again */
    bool stopping;
    bool introduced;          /* peers can be sent to, or were waited for */
    int64_t introduced_by_ms; /* monotonic: not waited for longer */
    bool http_held;           /* nobody is let in before the core is ready for the first time */
    bool http_drained;
    int64_t stop_ms; /* monotonic */

    struct recording *recording; /* NULL = none */
    struct buf record;

    uint64_t *failed_calls; /* tags of calls that could not even be queued: told in the next turn */
    size_t failed_n, failed_room;
    struct loop_timer *failed_timer;

    uint64_t turns, steps, bad_frames, failed_steps;
    uint64_t turn_took[TURN_BUCKETS + 1];
    uint64_t turn_took_us;
    uint64_t reloads[2]; /* done, refused */
    uint64_t http_requests;
    uint64_t http_refused[HTTP_REFUSED_COUNT];
    uint64_t calls_ended[HTTP_CLIENT_ERROR_COUNT];
};

/* service_options.c */
/* shell_takes_chains: does what listens here listen for chains? */
bool shell_takes_chains(const struct shell *s);
void shell_options(struct shell *s);

/* service_reload.c */
void shell_reload(struct shell *s);

/* service_effects.c */
enum lc_err shell_feed(struct shell *s, struct event *ev);
void shell_flush(struct shell *s);
/* shell_say_notes: what a core that did not start says of it. */
void shell_say_notes(struct shell *s);
void shell_on_frame(void *ctx, uint64_t link, struct slice bytes);
void shell_on_reply(void *ctx, uint64_t tag, const struct reply *reply);
void shell_on_redis_up(void *ctx);
void shell_on_wake(void *ctx);
void shell_on_failed_calls(void *ctx);
int64_t shell_turn_bucket_us(size_t i);

/* service_http.c */
LC_MUST_CHECK enum lc_err shell_http_start(struct shell *s);
LC_MUST_CHECK enum lc_err shell_http_open(struct shell *s);
/* shell_limit_addresses: as these options say; without an http port nothing. */
LC_MUST_CHECK enum lc_err shell_limit_addresses(struct shell *s, const struct options *o,
                                                const char **why);
void shell_http_effect(struct shell *s, const struct effect *e);
void shell_call(struct shell *s, const struct effect *e);

/* service_travel.c */
LC_MUST_CHECK enum lc_err shell_travel_start(struct shell *s);
void shell_travel(struct shell *s, const struct effect *e);

/* service_roads.c */
/* shell_map_open: the map that these options name; *out is NULL when they name none. What is wrong
 * in why (ROADS_ERROR_MAX). */
struct shell_map;
LC_MUST_CHECK enum lc_err shell_map_open(const struct shell *s, const struct options *o,
                                         struct shell_map **out, char *why);
void shell_map_close(struct shell_map *m);
/* shell_map_use: tells the core, keeps the map and closes the one before. When the core cannot take
 * it, it is given the one before again and the new one is closed; when it cannot take that either,
 * both stay until it can, or to the end. m is the shell's from here on in any case. */
LC_MUST_CHECK enum lc_err shell_map_use(struct shell *s, struct shell_map *m);
LC_MUST_CHECK enum lc_err shell_roads_start(struct shell *s);
void shell_roads_metrics(const struct shell *s, struct buf *b);
void shell_roads_line(const struct shell *s, struct buf *b); /* for /readyz */
/* service_work.c */
LC_MUST_CHECK enum lc_err shell_work_start(struct shell *s);
/* shell_work_map: from now on jobs get this map; waits for the one under way, which has the map
 * before. NULL: none. */
LC_MUST_CHECK enum lc_err shell_work_map(struct shell *s, const struct roads *roads);
void shell_work_end(struct shell *s); /* waits for the job under way; before the core closes */
void shell_work(struct shell *s, const struct effect *e);

/* service_addresses.c: as service_roads.c */
struct shell_index;
LC_MUST_CHECK enum lc_err shell_index_open(const struct shell *s, const struct options *o,
                                           struct shell_index **out, char *why);
void shell_index_close(struct shell_index *x);
LC_MUST_CHECK enum lc_err shell_index_use(struct shell *s, struct shell_index *x);
LC_MUST_CHECK enum lc_err shell_addresses_start(struct shell *s);
LC_MUST_CHECK enum lc_err shell_addresses_reload(struct shell *s, const struct options *fresh);
void shell_addresses_metrics(const struct shell *s, struct buf *b);
void shell_addresses_line(const struct shell *s, struct buf *b); /* for /readyz */

/* service_metrics.c */
void metrics_head(struct buf *b, const char *name, const char *type, const char *help);
bool shell_ready(struct shell *s);
void shell_metrics(struct shell *s, struct buf *b);

#endif
