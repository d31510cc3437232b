#include "base/speeds.h"

#include <stdlib.h>

enum {
    RIDE = 64,                    /* what a ride adds to its bins, together */
    FINE = 256,                   /* parts of a bin */
    ONE = SPEEDS_BINS / 2 * FINE, /* as long as the map says */
    DRAWN = 8,                    /* rides' worth of what is known otherwise */
    AGE_MOST = 70,                /* weeks: nothing is left of the fullest bin */
    OWN = 2,
    ALIKE = 1, /* weights of an hour and of those like it */
    CELL_HEAD = 16,
    CELL_BYTES = CELL_HEAD + 2 * SPEEDS_BINS,
    KNOWN_BYTES = 5,
    PROFILE_HEAD = 12,
};

/* Where the bins are, in thousandths of the map's time: 250 * 2^(i/8). */
static const uint16_t point[SPEEDS_BINS] = {250,  273,  297,  324,  354,  386,  420,  459,  500,
                                            545,  595,  648,  707,  771,  841,  917,  1000, 1091,
                                            1189, 1297, 1414, 1542, 1682, 1834, 2000, 2181, 2378,
                                            2594, 2828, 3084, 3364, 3668, 4000};

unsigned
speeds_hour(const struct tz *tz, int64_t ms)
{
    struct local_time t = timezone_local(tz, ms);

    return (unsigned)(t.weekday * 24 + t.minute / 60);
}

/* 1970-01-01 was a Thursday. */
uint32_t
speeds_week(const struct tz *tz, int64_t ms)
{
    int32_t days = timezone_local(tz, ms).date + 3;

    return days < 0 ? 0 : (uint32_t)days / 7;
}

/* ---- counting ---- */

static void
scale(struct speeds_cell *c, uint32_t by, uint32_t of)
{
    uint32_t left = 0;

    for (size_t i = 0; i < SPEEDS_BINS; i++) {
        c->bin[i] = (uint16_t)(c->bin[i] * by / of);
        left += c->bin[i];
    }
    if (left < RIDE / 2) /* who rode so long ago is forgotten, too */
        c->couriers = 0;
}

static void
age(struct speeds_cell *c, uint32_t week)
{
    if (week <= c->week)
        return;
    for (uint32_t n = week - c->week < AGE_MOST ? week - c->week : AGE_MOST; n > 0; n--)
        scale(c, 27, 32);
    c->week = week;
}

void
speeds_age(struct speeds *s, uint32_t week)
{
    for (size_t m = 0; m < TRAVEL_MODES; m++)
        for (size_t h = 0; h < SPEEDS_HOURS; h++)
            age(&s->cell[m][h], week);
}

enum speeds_verdict
speeds_ride(struct speeds *s, enum travel_mode mode, unsigned hour, uint32_t week, uint32_t courier,
            uint32_t map_s, int64_t observed_ms)
{
    struct speeds_cell *c = &s->cell[mode][hour % SPEEDS_HOURS];
    size_t i = 0;

    if (map_s < SPEEDS_SHORT_S)
        return SPEEDS_SHORT;
    int64_t ratio = observed_ms / map_s; /* thousandths */
    if (ratio < point[0] || ratio >= point[SPEEDS_BINS - 1])
        return SPEEDS_IMPLAUSIBLE;
    while (ratio >= point[i + 1])
        i++;
    age(c, week);
    if (c->bin[i] > UINT16_MAX - RIDE || c->bin[i + 1] > UINT16_MAX - RIDE)
        scale(c, 1, 2);
    uint16_t gap = (uint16_t)(point[i + 1] - point[i]);
    uint16_t upper = (uint16_t)((RIDE * (ratio - point[i]) + gap / 2) / gap);
    c->bin[i] = (uint16_t)(c->bin[i] + RIDE - upper);
    c->bin[i + 1] = (uint16_t)(c->bin[i + 1] + upper);
    c->couriers |= UINT64_C(1) << (courier * UINT64_C(0x9e3779b97f4a7c15) >> 58);
    c->changed = true;
    return SPEEDS_COUNTED;
}

/* ---- what comes of it ---- */

/* Several cells, each with a weight. */
struct pool {
    uint64_t bin[SPEEDS_BINS];
    uint64_t total;
    uint64_t couriers;
};

static void
add(struct pool *p, const struct speeds_cell *c, uint64_t weight)
{
    for (size_t i = 0; i < SPEEDS_BINS; i++) {
        p->bin[i] += weight * c->bin[i];
        p->total += weight * c->bin[i];
    }
    p->couriers |= c->couriers;
}

/* The mean of the middle half, in FINE parts of a bin. */
static int64_t
middle(const struct pool *p)
{
    uint64_t low = p->total / 4, high = p->total - p->total / 4, below = 0, sum = 0;

    if (p->total == 0)
        return ONE;
    for (size_t i = 0; i < SPEEDS_BINS; i++) {
        uint64_t from = below > low ? below : low;
        below += p->bin[i];
        uint64_t to = below < high ? below : high;
        if (to > from)
            sum += (to - from) * i;
    }
    return (int64_t)((sum * FINE + (high - low) / 2) / (high - low));
}

/* Few rides are drawn to what is known otherwise. total / weight is RIDE a ride. */
static int64_t
drawn(const struct pool *p, uint64_t weight, int64_t to)
{
    int64_t n = (int64_t)(p->total / weight), k = DRAWN * RIDE;

    return (n * middle(p) + k * to) / (n + k);
}

static uint8_t
percent(int64_t at)
{
    size_t i = (size_t)(at / FINE);
    int64_t v = point[i];

    if (i + 1 < SPEEDS_BINS)
        v += (point[i + 1] - point[i]) * (at % FINE) / FINE;
    v = (v + 5) / 10;
    return (uint8_t)(v < SPEEDS_PCT_MIN ? SPEEDS_PCT_MIN : v > SPEEDS_PCT_MAX ? SPEEDS_PCT_MAX : v);
}

static bool
weekend(unsigned hour)
{
    return hour >= 5 * 24;
}

/* The hour and those like it. */
static struct pool
around(const struct speeds_cell cell[SPEEDS_HOURS], unsigned hour)
{
    struct pool p = {.total = 0};

    add(&p, &cell[hour], OWN);
    add(&p, &cell[(hour + 1) % SPEEDS_HOURS], ALIKE);
    add(&p, &cell[(hour + SPEEDS_HOURS - 1) % SPEEDS_HOURS], ALIKE);
    for (unsigned h = hour % 24; h < SPEEDS_HOURS; h += 24)
        if (h != hour && weekend(h) == weekend(hour))
            add(&p, &cell[h], ALIKE);
    return p;
}

static unsigned
bits(uint64_t v)
{
    unsigned n = 0;

    for (; v != 0; v &= v - 1)
        n++;
    return n;
}

void
speeds_profile_make(struct speeds_profile *p, const struct speeds *s, uint32_t least)
{
    for (size_t m = 0; m < TRAVEL_MODES; m++) {
        struct pool all = {.total = 0};
        for (size_t h = 0; h < SPEEDS_HOURS; h++)
            add(&all, &s->cell[m][h], 1);
        int64_t usual = drawn(&all, 1, ONE);
        for (unsigned h = 0; h < SPEEDS_HOURS; h++) {
            struct pool own = {.total = 0}, near = around(s->cell[m], h);
            add(&own, &s->cell[m][h], 1);
            uint64_t enough = (uint64_t)(least < 1 ? 1 : least) * RIDE * OWN;
            p->hour[m][h] = (struct speeds_known){
                .rides = (uint32_t)((own.total + RIDE / 2) / RIDE),
                .couriers = (uint8_t)bits(own.couriers),
                .pct = percent(drawn(&own, 1, drawn(&near, OWN, usual))),
                .enough = near.total >= enough && bits(near.couriers) >= SPEEDS_COURIERS,
            };
        }
    }
}

/* ---- as bytes ---- */

void
speeds_cell_put(struct buf *b, const struct speeds_cell *c)
{
    buf_u8(b, 1);
    buf_u8(b, 0);
    buf_u16(b, SPEEDS_BINS);
    buf_u32(b, c->week);
    buf_u64(b, c->couriers);
    for (size_t i = 0; i < SPEEDS_BINS; i++)
        buf_u16(b, c->bin[i]);
}

enum lc_err
speeds_cell_get(struct slice bytes, struct speeds_cell *c)
{
    struct cursor in = {bytes.p, bytes.n, false};

    if (bytes.n != CELL_BYTES || cursor_u8(&in) != 1 || cursor_u8(&in) != 0 ||
        cursor_u16(&in) != SPEEDS_BINS)
        return LC_EINVAL;
    *c = (struct speeds_cell){.week = cursor_u32(&in), .couriers = cursor_u64(&in)};
    for (size_t i = 0; i < SPEEDS_BINS; i++)
        c->bin[i] = cursor_u16(&in);
    return LC_OK;
}

static bool
anything(const struct speeds_known hour[SPEEDS_HOURS])
{
    for (size_t h = 0; h < SPEEDS_HOURS; h++)
        if (hour[h].rides > 0 || hour[h].enough)
            return true;
    return false;
}

void
speeds_profile_put(struct buf *b, const struct speeds_profile *p, const struct speeds_made *made)
{
    buf_u8(b, 1);
    buf_u8(b, made->applied);
    buf_u16(b, made->least);
    buf_u64(b, (uint64_t)made->time_ms);
    for (unsigned m = 0; m < TRAVEL_MODES; m++) {
        if (!anything(p->hour[m]))
            continue;
        buf_u8(b, (uint8_t)m);
        for (size_t h = 0; h < SPEEDS_HOURS; h++) {
            const struct speeds_known *k = &p->hour[m][h];
            buf_u16(b, (uint16_t)(k->rides < UINT16_MAX ? k->rides : UINT16_MAX));
            buf_u8(b, k->couriers);
            buf_u8(b, k->pct);
            buf_u8(b, k->enough);
        }
    }
}

enum lc_err
speeds_profile_get(struct slice bytes, struct speeds_profile *p, struct speeds_made *made)
{
    struct cursor in = {bytes.p, bytes.n, false};

    if (bytes.n < PROFILE_HEAD ||
        (bytes.n - PROFILE_HEAD) % (1 + SPEEDS_HOURS * KNOWN_BYTES) != 0 || cursor_u8(&in) != 1)
        return LC_EINVAL;
    for (size_t m = 0; m < TRAVEL_MODES; m++)
        for (size_t h = 0; h < SPEEDS_HOURS; h++)
            p->hour[m][h] = (struct speeds_known){.pct = 100};
    made->applied = cursor_u8(&in) == 1;
    made->least = cursor_u16(&in);
    made->time_ms = (int64_t)cursor_u64(&in);
    while (in.n > 0) {
        uint8_t m = cursor_u8(&in);
        if (m >= TRAVEL_MODES)
            return LC_EINVAL;
        for (size_t h = 0; h < SPEEDS_HOURS; h++) {
            struct speeds_known *k = &p->hour[m][h];
            k->rides = cursor_u16(&in);
            k->couriers = cursor_u8(&in);
            k->pct = cursor_u8(&in);
            k->enough = cursor_u8(&in) == 1;
        }
    }
    return LC_OK;
}
