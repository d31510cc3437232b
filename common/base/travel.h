/* travel: how long from here to there? The one interface to travel times (docs/architecture.md),
 * and its last resort, the estimate. Pure.
 *
 * A provider embeds struct travel as its first member and fills in the functions. Results are whole
 * seconds and metres, so that decisions made of them replay to the same bytes. One answer never
 * mixes providers. */
#ifndef LC_BASE_TRAVEL_H
#define LC_BASE_TRAVEL_H

#include "base/bytes.h"
#include "base/err.h"
#include "base/geo.h"

#include <stdbool.h>
#include <stddef.h>

enum travel_mode {
    TRAVEL_FOOT,
    TRAVEL_BICYCLE,
    TRAVEL_EBIKE,
    TRAVEL_SCOOTER,
    TRAVEL_CAR,
    TRAVEL_VAN
};
enum { TRAVEL_MODES = 6 };

enum travel_quality {
    TRAVEL_ROAD,    /* along real roads */
    TRAVEL_ESTIMATE /* great circle x detour */
};

#define TRAVEL_UNREACHABLE UINT32_MAX
enum { TRAVEL_ROUND_MS = 3000 }; /* what rounding may take off a bound, see lower_bound_s */

struct travel_cell {
    uint32_t seconds; /* TRAVEL_UNREACHABLE when there is no way; metres is then the same */
    uint32_t metres;
};

/* travel_street: a stretch of a course along one street. */
struct travel_street {
    const char *name; /* "" = it has none; belongs to the provider, and lives as long as it does */
    uint32_t metres;
};

/* travel_course: one way, to draw and to follow. Zeroed before use, freed with travel_course_free
 * in any case. */
struct travel_course {
    struct travel_cell cell; /* as matrix says it */
    struct buf line;         /* base/polyline.h */
    struct travel_street *street;
    size_t streets;
};

struct travel {
    /* matrix: out[i * to_n + j] = from[i] to[j], leaving at depart_ms. *quality is that of all
     * cells. No way is shorter than the straight line, but for a hundredth.
     *   LC_EINVAL  a coordinate out of range
     *   LC_EIO     the provider has no answer; ask another for the whole matrix
     *   LC_EAGAIN  it has none yet: it is fed from outside, and notes nothing itself
     *   LC_ENOMEM  out of memory */
    enum lc_err (*matrix)(const struct travel *t, const struct latlng *from, size_t from_n,
                          const struct latlng *to, size_t to_n, enum travel_mode mode,
                          int64_t depart_ms, struct travel_cell *out, enum travel_quality *quality);

    /* lower_bound_s: cheap, and never more than the seconds that matrix answers for the same pair
     * at any departure. In proportion to the great-circle distance but for being rounded up or
     * down: ways that lead there in pieces take TRAVEL_ROUND_MS a piece less than it at most (a
     * second that is cut off, at SPEEDS_PCT_MAX, and half a second). */
    uint32_t (*lower_bound_s)(const struct travel *t, struct latlng a, struct latlng b,
                              enum travel_mode mode);

    /* knows: has it an answer for trips from and to this place? A matrix with a place it does not
     * know is LC_EIO as a whole. NULL: every place. */
    bool (*knows)(const struct travel *t, struct latlng p, enum travel_mode mode);

    /* course: the way behind the answer of matrix, along streets. Dearer than a cell, for people
     * who look. LC_ENOTFOUND: there is no way, or an end is off the map; LC_EINVAL, LC_ENOMEM.
     * NULL: the provider knows no streets. */
    enum lc_err (*course)(const struct travel *t, struct latlng from, struct latlng to,
                          enum travel_mode mode, int64_t depart_ms, struct travel_course *out);
};

/* travel_knows: the same for any provider. */
static inline bool
travel_knows(const struct travel *t, struct latlng p, enum travel_mode mode)
{
    return t->knows == NULL || t->knows(t, p, mode);
}

void travel_course_free(struct travel_course *c);

/* travel_straight: a course as the crow flies, for where no streets are known: the line is its two
 * ends, without streets; the cell has the estimate's seconds and the metres between them.
 * LC_EINVAL: a coordinate out of range; LC_ENOMEM. */
LC_MUST_CHECK enum lc_err travel_straight(struct latlng from, struct latlng to,
                                          enum travel_mode mode, struct travel_course *out);

/* travel_estimate: great circle x detour / speed. Constants fitted to the medians of 600 pairs a
 * mode that OSRM v6.0.0 answered for south-east Baltimore
 * (data/osrm/baltimore.{car,bicycle,foot}.tsv): see travel.c. Its lower bound is its answer.
 * Static, never freed; has no state, so any thread may use it. */
const struct travel *travel_estimate(void);

/* travel_faster: another provider, `times` times as fast, rounded up: for simulations that are
 * played faster than time. Borrows `of`; not moved while in use. */
struct travel_faster {
    struct travel travel; /* this is the provider */
    const struct travel *of;
    uint32_t times; /* at least 1 */
};
void travel_faster_init(struct travel_faster *t, const struct travel *of, uint32_t times);

/* travel_paced: another provider, whose seconds are multiplied with a percentage for each mode:
 * what couriers need in this hour of the week (base/speeds.h). It does not look at the departure:
 * whoever plans for another hour makes another. Borrows `of`; not moved while in use; to be changed
 * only between decisions. */
struct travel_paced {
    struct travel travel; /* this is the provider */
    const struct travel *of;
    uint8_t pct[TRAVEL_MODES]; /* 100 = as it is */
};
void travel_paced_init(struct travel_paced *t, const struct travel *of,
                       const uint8_t pct[TRAVEL_MODES]);

/* travel_crow_s: great circle over a top speed that no real trip in the mode keeps up: the lower
 * bound for providers of real roads. */
uint32_t travel_crow_s(struct latlng a, struct latlng b, enum travel_mode mode);

/* travel_margin_s: what to add to a travel time before promising it: small on roads; for an
 * estimate so much that about 85 % of the OSRM pairs above arrive within estimate + margin.
 * TRAVEL_UNREACHABLE stays so. */
uint32_t travel_margin_s(enum travel_mode mode, enum travel_quality quality, uint32_t seconds);

/* travel_mode_name: "foot", "bicycle", "ebike", "scooter", "car", "van"; static. */
const char *travel_mode_name(enum travel_mode mode);

/* travel_mode_parse: the reverse. LC_EINVAL for any other name. */
LC_MUST_CHECK enum lc_err travel_mode_parse(struct slice name, enum travel_mode *mode);

#endif
