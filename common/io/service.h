/* service: the shell around a core: flags, sockets, the turn loop, the log, metrics. One process,
 * one core, one thread.
 *
 * A turn is one round of the loop: whatever came in is stepped through the core, then
 * EVENT_TURN_END, then all effects are carried out together, so that frames, Redis commands and
 * answers of a turn share their system calls and the fsync.
 *
 * On the admin port, and on the http port when there is no admin port of its own: GET /healthz (200
 * while the loop turns), GET /readyz (200 when Redis is up, the core is ready, and
 * every role that it sends work to was reached or waited for; 404 from SIGTERM on, as haproxy's
 * "http-check disable-on-404" wants it: what is there goes on, nobody new is sent; else 503), GET
 * /metrics (Prometheus text). On an admin port of its own also POST /drain, from the same machine:
 * as SIGTERM.
 *
 * SIGHUP reads flags, environment and files again and takes over log-level, limits of addresses,
 * redis-user and redis-password for the next connection, and the map that roads names, which is
 * read again even under the same name; everything else needs a restart. What is wrong with one of
 * them leaves that one as it was. */
#ifndef LC_IO_SERVICE_H
#define LC_IO_SERVICE_H

#include "base/step.h"
#include "io/options.h"

/* What a daemon is connected to. */
enum {
    SERVICE_LISTENS = 1,   /* takes work from other daemons (or chains) */
    SERVICE_PUBLISHES = 2, /* news */
    SERVICE_FOLLOWS = 4,   /* other daemons' news */
    SERVICE_MATCHERS = 8,  /* sends work to them */
    SERVICE_INVENTORIES = 16,
    SERVICE_ROUTERS = 32,
    SERVICE_HTTP = 64,       /* has a public HTTP port */
    SERVICE_CALLS = 128,     /* posts to other people's URLs */
    SERVICE_SECRET = 256,    /* makes or checks tokens: needs city-secret */
    SERVICE_TRAVEL = 512,    /* may ask routing servers for travel times */
    SERVICE_ROADS = 1024,    /* may have a map: EVENT_ROADS follows EVENT_START */
    SERVICE_ADDRESSES = 2048 /* may have an index of addresses: EVENT_ADDRESSES follows */
};

/* service_ports: constant, one per daemon. The defaults fit one machine. */
struct service_ports {
    unsigned uses;
    const char *about;  /* one sentence for --help */
    const char *listen; /* defaults of the flags of the same name; NULL where `uses` has it not */
    const char *news;
    const char *follow;
    const char *matcher;
    const char *inventory;
    const char *router;
    const char *http;
    const char *admin;            /* "" = on the http port */
    const struct option *options; /* the core's own, handed to it in EVENT_START like all others */
    size_t n_options;
};

enum { SERVICE_DRAIN_MS = 10000, SERVICE_LEAVE_MOST_S = 600 };

/* service_main: runs until SIGTERM or SIGINT, goes on for leave-s seconds or until the next of
 * these, then drains up to SERVICE_DRAIN_MS. Returns main's result: 0, 1 when it could not start or
 * the core refused its configuration, 2 when a flag is wrong. */
int service_main(int argc, char **argv, const struct service *service,
                 const struct service_ports *ports);

#endif
