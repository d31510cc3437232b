/* travel_remote: travel times from a server that a deployment runs already: OSRM (/table/v1,
 * /route/v1) or Valhalla (/sources_to_targets), asked on the caller's loop.
 *
 * Shell; not thread-safe: one loop, one thread. A question is for one server, and one server alone
 * answers all of it, in as many requests as its largest table makes necessary. It ends once, within
 * its deadline: answered, or not and why (base/travel_ask.h); whoever asked then asks another
 * provider for the whole matrix. The deadline is for everything: waiting, connecting, each byte.
 *
 * Nothing that a server says is believed unseen: the counts must be those asked for, numbers
 * finite, not negative, no way shorter than the straight line less twice the radius, and none
 * faster than 360 km/h. null is unreachable, never 0. What is given is never less than
 * travel_crow_s, so that this is a lower bound for it.
 *
 * After `trips` failures in a row (late, broken, lied, or an error that says that asking again is
 * no use) a server is left alone for rest_ms; then one question is let through, and decides whether
 * it is asked again or left alone for twice as long. That no street is near a place is an answer
 * about the place, no failure of the server.
 *
 * Neither server is told when the trip begins: OSRM has no such thing, and Valhalla knows about
 * hours only with bought speeds. */
#ifndef LC_IO_TRAVEL_REMOTE_H
#define LC_IO_TRAVEL_REMOTE_H

#include "base/travel_ask.h"

struct event_base;
struct travel_remote; /* opaque, owned by whoever called travel_remote_new */

/* 0 means the default written beside the field. */
struct travel_remote_options {
    struct slice osrm; /* see travel_servers_read */
    struct slice valhalla;
    size_t table;         /* 100, and at most that: places of one request, from and to together. A
                             server that says "too big" is asked for half from then on */
    uint32_t radius_m;    /* 1000: no street is sought further from a place */
    size_t connections;   /* 4 to each server */
    size_t queue;         /* 256 requests may wait for them */
    size_t answer_bytes;  /* 1 MiB: a longer answer is refused */
    unsigned trips;       /* 5 */
    uint32_t rest_ms;     /* 1000 at first */
    uint32_t rest_max_ms; /* 30000 */
};

/* One way, for drawing. */
struct travel_way {
    struct travel_cell cell;
    struct slice polyline; /* encoded with 5 decimals; borrowed */
};

/* Called once for each question, never from inside it. cell (from_n x to_n, row by row) is borrowed
 * and NULL unless end is TRAVEL_ANSWERED. May ask again. */
typedef void travel_remote_done(void *ctx, uint64_t tag, enum travel_end end,
                                const struct travel_cell *cell, size_t n);
typedef void travel_remote_way_done(void *ctx, uint64_t tag, enum travel_end end,
                                    const struct travel_way *way);

/* travel_remote_new: options are copied, base and ctx are borrowed.
 *   LC_EINVAL  the lists of servers cannot be read, *why says what was expected
 *   LC_ENOMEM */
LC_MUST_CHECK enum lc_err travel_remote_new(struct event_base *base,
                                            const struct travel_remote_options *options,
                                            travel_remote_done *on_done,
                                            travel_remote_way_done *on_way, void *ctx,
                                            struct travel_remote **out, const char **why);

/* travel_remote_destroy: drops all questions without a word. NULL is allowed; not from inside a
 * callback. */
void travel_remote_destroy(struct travel_remote *r);

/* travel_remote_ask: asks for a whole matrix; all is copied. tag may be any number. Whatever is
 * wrong comes back by on_done. LC_ENOMEM, LC_EINVAL (nothing to ask, or over the limits of
 * travel_ask.h): it will not be called. */
LC_MUST_CHECK enum lc_err travel_remote_ask(struct travel_remote *r, uint64_t tag,
                                            const struct travel_ask *ask, uint32_t deadline_ms);

/* travel_remote_way: one way with its line, from OSRM (TRAVEL_NOBODY when the mode is Valhalla's);
 * comes back by on_way. */
LC_MUST_CHECK enum lc_err travel_remote_way(struct travel_remote *r, uint64_t tag,
                                            struct latlng from, struct latlng to,
                                            enum travel_mode mode, uint32_t deadline_ms);

/* What became of the questions to one server, for /metrics. */
struct travel_remote_counts {
    char name[64];  /* "osrm-bicycle": kind and first mode */
    uint64_t asked; /* questions */
    uint64_t requests;
    uint64_t ended[TRAVEL_ENDS];
    uint64_t opened;  /* how often it was left alone */
    uint64_t took_us; /* of those answered, altogether */
    bool open;        /* it is left alone now */
    size_t table;     /* places of one request, as learnt */
};
size_t travel_remote_servers(const struct travel_remote *r);
const struct travel_remote_counts *travel_remote_counts(const struct travel_remote *r,
                                                        size_t server);

#endif
