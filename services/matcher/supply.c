#include "matcher/supply.h"

#include <math.h>

enum { BATCH = 6 /* couriers asked about at once */, ROUNDED_S = 5 };

#define RADIANS_PER_E7 (M_PI / 180 / 1e7)
#define PLANE_RADIANS 0.08

_Static_assert((int)LIFECIRCLE__V1__VEHICLE__FOOT == TRAVEL_FOOT &&
                   (int)LIFECIRCLE__V1__VEHICLE__BICYCLE == TRAVEL_BICYCLE &&
                   (int)LIFECIRCLE__V1__VEHICLE__EBIKE == TRAVEL_EBIKE &&
                   (int)LIFECIRCLE__V1__VEHICLE__SCOOTER == TRAVEL_SCOOTER &&
                   (int)LIFECIRCLE__V1__VEHICLE__CAR == TRAVEL_CAR &&
                   (int)LIFECIRCLE__V1__VEHICLE__VAN == TRAVEL_VAN,
               "vehicles are travel modes");

/* A degree of longitude here is so much of one of latitude. */
static double
shrink_of(struct latlng p)
{
    return cos(p.lat_e7 * RADIANS_PER_E7);
}

bool
match_supply_take(struct match_supply *s, const Lifecircle__V1__SupplyForecast *f, int64_t now_ms)
{
    bool none_before = s->time_ms == 0 || s->on_shift == 0;

    s->time_ms = now_ms;
    s->round++;
    s->on_shift = f->on_shift;
    s->n = f->n_couriers < MATCH_COURIERS_MAX ? f->n_couriers : MATCH_COURIERS_MAX;
    s->cut = f->on_shift > s->n;
    for (size_t i = 0; i < s->n; i++) {
        const Lifecircle__V1__SupplyForecast__Cell *c = f->couriers[i];
        uint8_t mode = (uint8_t)((unsigned)c->vehicle < TRAVEL_MODES ? c->vehicle : TRAVEL_VAN);
        s->courier[i] = (struct match_courier){
            .at = c->at == NULL ? (struct latlng){0, 0}
                                : (struct latlng){c->at->lat_e7, c->at->lng_e7},
            .free_in_s = c->free_in_s,
            .mode = mode,
            .has = (uint8_t)((c->cold_box ? MATCH_NEEDS_COLD_BOX : 0) |
                             (c->adult_trained ? MATCH_NEEDS_ADULT_TRAINED : 0) |
                             (mode == TRAVEL_CAR || mode == TRAVEL_VAN ? MATCH_NEEDS_CAR : 0)),
        };
        s->courier[i].shrink = shrink_of(s->courier[i].at);
    }
    return none_before && s->on_shift > 0;
}

bool
match_supply_fresh(const struct match_supply *s, const struct match_policy *p, int64_t now_ms)
{
    return s->time_ms != 0 && now_ms - s->time_ms <= p->forecast_ms;
}

/* slowest_s_per_m: no way of the provider takes less for each metre of the straight line. Bounds
 * grow in proportion to it; they are rounded, by a few seconds at most, which count little so far
 * away. */
static double
slowest_s_per_m(const struct travel *t, enum travel_mode mode)
{
    const struct latlng here = {0, 0}, far = {90000000, 0};
    double s = t->lower_bound_s(t, here, far, mode);

    return s <= ROUNDED_S ? 0 : (s - ROUNDED_S) / geo_distance_m(here, far);
}

void
match_supply_travel(struct match_supply *s, const struct travel *travel,
                    const struct travel *estimate)
{
    s->travel[0] = travel;
    s->travel[1] = estimate;
    for (int by = 0; by < 2; by++)
        for (size_t mode = 0; mode < TRAVEL_MODES; mode++)
            s->s_per_m[by][mode] = slowest_s_per_m(s->travel[by], (enum travel_mode)mode);
    s->round++;
}

/* ---- the soonest ---- */

struct soonest {
    const struct match_supply *s;
    struct latlng to;
    const struct travel *travel;
    bool known;    /* the provider has answered for somebody ... */
    bool lost;     /* ... or had none for a place that it should have */
    uint32_t best; /* seconds; MATCH_NO_COURIER */
    double
        least_s[MATCH_COURIERS_MAX]; /* until it can be there, at least; INFINITY: not, or asked */
};

/* The chord over the plane of the latitudes between the two, which is under the great circle; where
 * they are so far apart that the plane is none, nothing is said. */
static double
at_least_m(const struct match_courier *c, struct latlng to, double shrink)
{
    double dlat = ((double)c->at.lat_e7 - to.lat_e7) * RADIANS_PER_E7;
    double dlng = ((double)c->at.lng_e7 - to.lng_e7) * RADIANS_PER_E7;

    if (fabs(dlat) > PLANE_RADIANS || fabs(dlng) > PLANE_RADIANS)
        return 0;
    return 0.998 * GEO_EARTH_RADIUS_M * sqrt(dlat * dlat + c->shrink * shrink * dlng * dlng);
}

/* Who has what is needed, and when they can be there at least. How many. */
static size_t
gather(struct soonest *f, unsigned needs, const double s_per_m[TRAVEL_MODES],
       bool modes[TRAVEL_MODES])
{
    double shrink = shrink_of(f->to);
    size_t n = 0;

    for (size_t i = 0; i < f->s->n; i++) {
        const struct match_courier *c = &f->s->courier[i];
        f->least_s[i] = INFINITY;
        if ((c->has & needs) != needs)
            continue;
        f->least_s[i] =
            c->free_in_s + fmax(0, at_least_m(c, f->to, shrink) * s_per_m[c->mode] - ROUNDED_S);
        modes[c->mode] = true;
        n++;
    }
    return n;
}

/* Those of the batch in one mode: one matrix. */
static void
ask(struct soonest *f, const uint16_t *batch, size_t n, enum travel_mode mode)
{
    const struct match_supply *s = f->s;
    struct latlng from[BATCH];
    uint32_t free_in_s[BATCH];
    struct travel_cell cell[BATCH];
    enum travel_quality quality;
    size_t asked = 0;

    for (size_t i = 0; i < n; i++) {
        const struct match_courier *c = &s->courier[batch[i]];
        if (c->mode != mode || !travel_knows(f->travel, c->at, mode))
            continue;
        from[asked] = c->at;
        free_in_s[asked++] = c->free_in_s;
    }
    if (asked == 0)
        return;
    f->known = true;
    f->lost = f->lost || f->travel->matrix(f->travel, from, asked, &f->to, 1, mode, s->time_ms,
                                           cell, &quality) != LC_OK;
    for (size_t i = 0; i < asked && !f->lost; i++) {
        uint64_t there_s = (uint64_t)free_in_s[i] + cell[i].seconds;
        if (cell[i].seconds != TRAVEL_UNREACHABLE && there_s < f->best)
            f->best = (uint32_t)there_s;
    }
}

/* The next ones by what they need at least, who may be sooner than the best until now. */
static size_t
next_batch(const struct soonest *f, uint16_t batch[BATCH])
{
    size_t n = 0;

    for (size_t i = 0; i < f->s->n; i++) {
        double least_s = f->least_s[i];
        if (least_s >= f->best || (n == BATCH && least_s >= f->least_s[batch[n - 1]]))
            continue;
        size_t at = n < BATCH ? n++ : n - 1;
        for (; at > 0 && f->least_s[batch[at - 1]] > least_s; at--)
            batch[at] = batch[at - 1];
        batch[at] = (uint16_t)i;
    }
    return n;
}

static void
search(struct soonest *f, const bool modes[TRAVEL_MODES])
{
    uint16_t batch[BATCH];
    size_t n;

    f->best = MATCH_NO_COURIER;
    f->known = f->lost = false;
    while (!f->lost && (n = next_batch(f, batch)) > 0) {
        for (size_t mode = 0; mode < TRAVEL_MODES; mode++)
            if (modes[mode])
                ask(f, batch, n, (enum travel_mode)mode);
        for (size_t i = 0; i < n; i++)
            f->least_s[batch[i]] = INFINITY;
    }
}

/* Is the store known in all modes in which somebody could come? */
static bool
store_known(const struct travel *t, struct latlng at, const bool modes[TRAVEL_MODES])
{
    for (size_t mode = 0; mode < TRAVEL_MODES; mode++)
        if (modes[mode] && !travel_knows(t, at, (enum travel_mode)mode))
            return false;
    return true;
}

static uint32_t
soonest_s(struct match_supply *s, const struct match_shop *shop, unsigned needs, uint32_t default_s,
          int by)
{
    struct soonest f = {.s = s, .to = shop->at, .travel = s->travel[by]};
    bool modes[TRAVEL_MODES] = {false};

    if (s->on_shift == 0)
        return MATCH_NO_COURIER;
    if (gather(&f, needs, s->s_per_m[by], modes) == 0)
        return s->cut ? default_s : MATCH_NO_COURIER;
    if (store_known(f.travel, f.to, modes))
        search(&f, modes);
    if (!f.known || f.lost) {
        f.travel = s->travel[1];
        gather(&f, needs, s->s_per_m[1], modes);
        search(&f, modes);
    }
    s->asked[f.travel == s->travel[1]]++;
    return f.best == MATCH_NO_COURIER && s->cut ? default_s : f.best;
}

uint32_t
match_supply_wait_s(struct match_supply *s, struct match_shop *shop, unsigned needs,
                    uint32_t default_s, bool estimate)
{
    enum { UNKNOWN = UINT32_MAX - 1 };
    struct match_wait *w = &shop->wait[estimate];

    if (w->round != s->round) {
        for (size_t i = 0; i < MATCH_COURIER_KINDS; i++)
            w->s[i] = UNKNOWN;
        w->round = s->round;
    }
    if (w->s[needs] == UNKNOWN)
        w->s[needs] = soonest_s(s, shop, needs, default_s, estimate);
    return w->s[needs];
}
