/* speeds: how long couriers really need for a way, beside what the map says: by mode and hour of
 * the week. Pure, in integers alone: the same rides give the same answers on every machine.
 *
 * A ride is the time it took over the time that the map gives for it. Rides are counted, in a cell
 * for each mode and hour of the week, in bins of that ratio from 1/4 to 4, eight to an octave; each
 * ride goes into the two bins around it, so that nothing is rounded off. What lies outside was no
 * ride. A week later the same rides count 27/32 of what they did: half after four weeks.
 *
 * What is learnt of an hour is the mean of the middle half of its rides, in logarithms: a quarter
 * of them may be as wrong as they like, on either side. Few rides are drawn to what is known of
 * hours like it (the ones before and after, and the same hour of other days of the same kind, from
 * Monday to Friday or on the weekend), these to what is known of the mode, and that to the map's
 * own times. Nothing differs from the map's times before `least` rides of SPEEDS_COURIERS couriers
 * have been seen in the hour and, at half their number, in those like it.
 *
 * Bounds: 50 to 250 percent of the map's time. The map's speeds are those of free roads, or of a
 * rider who does not hurry: nobody is twice as fast but by mistake, and bounds of searches shrink
 * with the lowest percentage. Beyond 2.5 times it is another mode or a closed road, and promises
 * made of it would shut the shops. */
#ifndef LC_BASE_SPEEDS_H
#define LC_BASE_SPEEDS_H

#include "base/bytes.h"
#include "base/err.h"
#include "base/timezone.h"
#include "base/travel.h"

enum {
    SPEEDS_HOURS = 168, /* of a week, from Monday 00:00 */
    SPEEDS_BINS = 33,
    SPEEDS_COURIERS = 3,  /* so many different ones, at least */
    SPEEDS_SHORT_S = 120, /* of rides shorter than this on the map, getting off is too much */
    SPEEDS_PCT_MIN = 50,
    SPEEDS_PCT_MAX = 250
};

struct speeds_cell {
    uint16_t bin[SPEEDS_BINS]; /* 64 a ride */
    bool changed;              /* since whoever keeps it cleared this */
    uint32_t week;             /* of which its rides are counted in full */
    uint64_t couriers;         /* a bit for each, by hash */
};

/* speeds: all zero = nothing is known. Plain data; owned by the caller. */
struct speeds {
    struct speeds_cell cell[TRAVEL_MODES][SPEEDS_HOURS];
};

/* speeds_hour: of the week in the zone (NULL = UTC), 0 = Monday 00:00. speeds_week: weeks since
 * 1969-12-29 there, 0 for all before. */
unsigned speeds_hour(const struct tz *tz, int64_t ms);
uint32_t speeds_week(const struct tz *tz, int64_t ms);

enum speeds_verdict {
    SPEEDS_COUNTED,
    SPEEDS_SHORT,      /* under SPEEDS_SHORT_S on the map */
    SPEEDS_IMPLAUSIBLE /* not between 1/4 and 4 times the map's time */
};

/* speeds_ride: a ride that began in this hour of this week. */
enum speeds_verdict speeds_ride(struct speeds *s, enum travel_mode mode, unsigned hour,
                                uint32_t week, uint32_t courier, uint32_t map_s,
                                int64_t observed_ms);

/* speeds_age: it is this week now: older rides count less. Never goes back. */
void speeds_age(struct speeds *s, uint32_t week);

/* ---- what comes of it ---- */

struct speeds_profile {
    struct speeds_known {
        uint32_t rides;   /* that count in this hour itself, rounded */
        uint8_t couriers; /* different ones among them, up to 64, rather too few */
        uint8_t pct;      /* of the map's time, as learnt: SPEEDS_PCT_MIN to SPEEDS_PCT_MAX */
        bool enough;      /* seen: else 100 is right, whatever pct says */
    } hour[TRAVEL_MODES][SPEEDS_HOURS];
};

/* speeds_profile: as of the week of the last speeds_age. least: see above; 0 counts as 1. */
void speeds_profile_make(struct speeds_profile *p, const struct speeds *s, uint32_t least);

/* speeds_pct: what to multiply the map's time with; exactly 100 before enough was seen. */
static inline unsigned
speeds_pct(const struct speeds_profile *p, enum travel_mode mode, unsigned hour)
{
    const struct speeds_known *k = &p->hour[mode][hour % SPEEDS_HOURS];

    return k->enough ? k->pct : 100;
}

/* ---- as bytes ---- */

/* speeds_cell_put: u8 1, u8 0, u16 bins, u32 week, u64 couriers, u16 each bin. speeds_cell_get: the
 * reverse; what is in the cell is replaced. LC_EINVAL: not a cell; it is left as it was. */
void speeds_cell_put(struct buf *b, const struct speeds_cell *c);
LC_MUST_CHECK enum lc_err speeds_cell_get(struct slice bytes, struct speeds_cell *c);

/* speeds_profile_put: a profile for people, with when and how it was made: u8 1, u8 1 = applied,
 * u16 least, i64 time_ms; then for each mode of which there is something u8 mode and, for each
 * hour, u16 rides (at most 65,535), u8 couriers, u8 pct, u8 1 = enough. speeds_profile_get:
 * LC_EINVAL. */
struct speeds_made {
    bool applied; /* to travel times; else they are only watched */
    uint16_t least;
    int64_t time_ms;
};
void speeds_profile_put(struct buf *b, const struct speeds_profile *p,
                        const struct speeds_made *made);
LC_MUST_CHECK enum lc_err speeds_profile_get(struct slice bytes, struct speeds_profile *p,
                                             struct speeds_made *made);

#endif
