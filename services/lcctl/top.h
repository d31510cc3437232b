/* top: the city as it is this moment, from the daemons' /metrics and from Redis.
 *
 *   top.c        asking, from one picture to the next
 *   top_read.c   text of /metrics to rates and quantiles
 *   top_show.c   a picture, for people and for programs */
#ifndef LC_LCCTL_TOP_H
#define LC_LCCTL_TOP_H

#include "lcctl/http.h"
#include "lcctl/lcctl.h"

enum { TOP_DAEMONS = 64, TOP_QUEUES = 5, TOP_TIMES = 7, TOP_OWNER = 80, TOP_SERVICE = 24 };

/* A daemon's /metrics, now and the time before. */
struct top_daemon {
    char address[HTTP_ADDRESS];
    char service[TOP_SERVICE]; /* "" = not known */
    bool up, ready;
    int64_t at_us, was_us; /* of each text; was_us 0 = there is none before */
    struct buf now, was;
};

struct top_time {
    const char *name;
    double per_s;
    double p50_ms, p99_ms; /* negative = nothing happened */
};

struct top_queue {
    const char *name;
    long long rows;
    double overdue_s;
};

struct top_frame {
    int64_t now_ms;
    double span_s; /* rates are over so long; 0 = there are none yet */
    struct top_time times[TOP_TIMES];
    double placed_s, later_s, held_s, refused_s, unavailable_s, lost_s;
    double waiting, at_risk, on_shift, busy, phones, pending;
    bool redis; /* it answered: what follows is known */
    struct top_queue queues[TOP_QUEUES];
    long long memory_bytes, memory_most, ops_s, clients, replicas;
    char owner[TOP_OWNER]; /* "" = nobody */
    long long epoch;
    int64_t since_ms;
    struct top_daemon *daemons;
    int n;
};

/* top_value: of a metric, its labels as they stand there; 0 when it is not there. */
double top_value(const struct buf *text, const char *name);
/* top_rate: of a daemon's counter, with its labels or, without them, of all of them together; 0
 * without a span. */
double top_rate(const struct top_daemon *d, const char *name, double span_s);
/* top_take: the frame's rates, times and sums of what all daemons say. */
void top_take(struct top_frame *f);

/* top_text, top_json: onto b. */
void top_text(const struct ctl *c, const struct top_frame *f, struct buf *b);
void top_json(const struct ctl *c, const struct top_frame *f, struct buf *b);

#endif
