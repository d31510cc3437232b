/* load: what the generators share: flags, the clock, latencies, and how a result is printed. */
#ifndef LC_BENCH_LOAD_H
#define LC_BENCH_LOAD_H

#include "base/bytes.h"
#include "city.h"

enum { LOAD_KEY_MAX = 128 };

struct load {
    struct bench_city city;
    const char *address;
    const char *mode;
    const char *tag;  /* of external order ids: one per feed */
    uint64_t first;   /* number of the first order; other tags give other orders */
    const char *name; /* of the city in Redis and envelopes */
    uint32_t connections;
    uint32_t batch;  /* orders a request */
    uint32_t window; /* requests under way on each connection */
    uint32_t rate;   /* open loop: orders a second */
    double seconds;
    char key[CITY_CHAINS][LOAD_KEY_MAX]; /* API keys */

    uint64_t sent;
    uint64_t answered;
    uint64_t placed;  /* 201 */
    uint64_t created; /* 202, created */
    uint64_t held;    /* 202, held */
    uint64_t refused; /* 4xx */
    uint64_t failed;  /* 5xx */
    uint32_t *latency_us;
    size_t n_latency, room;
    int64_t begin_ns, end_ns; /* from the first request to the last answer within `seconds` */
    uint64_t in_time;         /* decided (placed or held) until then */
};

/* load_flags: --name value pairs; ends the program with a message when one is wrong. --keys FILE: a
 * key a line. */
void load_flags(struct load *l, int argc, char **argv);

int64_t load_now_ns(void); /* monotonic */

/* load_latency: one answer. Memory that runs out ends the program. */
void load_latency(struct load *l, int64_t ns);

/* load_status: counts an answer of this HTTP status; held tells the two kinds of 202. */
void load_status(struct load *l, unsigned status, bool held);

/* load_in_time: an answer came before the end. */
void load_in_time(struct load *l, int64_t now_ns);

/* load_print: one line of name=value. Returns the exit code: 1 when requests were not answered. */
int load_print(struct load *l);

/* die: message, errno's words, exit 1. */
_Noreturn void die(const char *what);

#endif
