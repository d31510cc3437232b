/* histogram: how long something took, in buckets that all histograms share, for /metrics.
 *
 * Pure: no clock. Units: milliseconds in, seconds out. */
#ifndef LC_BASE_HISTOGRAM_H
#define LC_BASE_HISTOGRAM_H

#include <stddef.h>
#include <stdint.h>

enum { HISTOGRAM_BOUNDS = 18 };

/* histogram_bounds_ms: the upper bounds, each included. */
extern const int64_t histogram_bounds_ms[HISTOGRAM_BOUNDS];

struct histogram {
    const char *name; /* without the lifecircle_ prefix, ends in _seconds; static */
    const char *help;
    uint64_t counts[HISTOGRAM_BOUNDS + 1]; /* each bucket alone; the last = longer than all */
    uint64_t sum_ms;
};

/* histogram_add: below 0 counts as 0. */
void histogram_add(struct histogram *h, int64_t ms);

#endif
