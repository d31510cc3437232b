/* Rides: how long a courier needed for a way, beside what the map says of it.
 *
 * A ride begins where the courier is when it says `enroute`, and ends at the stop when it says
 * `arrived`. Positions in between make it exact: who waits in front of the shop before it drives
 * off, or at the door before it says so, is not riding. Nothing is made of a ride that cannot be
 * judged: each is counted by why. Times are the phone's when both reports have them (they may have
 * come through a tunnel), else ours; never one of each. */
#include "router/core.h"

enum {
    NEAR_M = 60,
    MOVED_M = 25,     /* less is a receiver's noise */
    FRESH_MS = 60000, /* so old may a position be */
    PROMPT_MS = 5000, /* a report that was so long on its way was not delayed */
    ELSEWHERE_M = 500,
    STOOD_MS = 240000,   /* longer than a red light */
    DETOUR_M = 300,      /* beyond twice the way */
    OLD_MS = 6 * 3600000 /* a phone whose clock is further back knows no time */
};

static void
ended(struct router *r, struct ride *ride, enum ride_end how)
{
    ride->under_way = false;
    r->tally[T_RIDE + how]++;
}

static struct moment
moment_of(const struct report *rep)
{
    return (struct moment){rep->taken_ms, rep->time_ms};
}

static bool
prompt(struct moment m)
{
    int64_t late_ms = m.heard_ms - m.said_ms;

    return m.said_ms <= 0 || (late_ms >= -PROMPT_MS && late_ms <= PROMPT_MS);
}

static void
begin(struct router *r, struct courier *c, const struct report *rep)
{
    const struct halt *h = route_next(&c->route, rep->order);

    if (c->ride.under_way)
        ended(r, &c->ride, RIDE_LEFT);
    if (h == NULL)
        return;
    c->ride = (struct ride){
        .under_way = true,
        .order = rep->order,
        .kind = h->kind,
        .mode = (enum travel_mode)c->shift.vehicle,
        .began = c->at,
        .from = c->at,
        .left = moment_of(rep),
        .to = h->at,
        .still_at = c->at,
        .still_ms = rep->taken_ms,
    };
    if (c->at_ms == 0 || rep->taken_ms - c->at_ms > FRESH_MS)
        ended(r, &c->ride, RIDE_NO_PLACE);
}

void
ride_moved(struct router *r, struct courier *c, struct latlng at, int64_t said_ms)
{
    struct ride *ride = &c->ride;
    struct moment now = {r->now_ms, said_ms};

    if (!ride->under_way)
        return;
    ride->away = ride->away || geo_distance_m(ride->began, at) > NEAR_M;
    if (!ride->away && prompt(now) && prompt(ride->left)) {
        ride->from = at;
        ride->left = now;
    }
    bool near = geo_distance_m(ride->to, at) <= NEAR_M;
    if (near && !ride->near) {
        ride->near_at = at;
        ride->near_since = now;
    }
    ride->near = near;
    double step_m = geo_distance_m(ride->still_at, at);
    if (step_m > MOVED_M || !ride->away || near) {
        ride->way_m += step_m > MOVED_M ? step_m : 0;
        ride->still_at = at;
        ride->still_ms = r->now_ms;
    } else if (r->now_ms - ride->still_ms > ride->stood_ms) {
        ride->stood_ms = r->now_ms - ride->still_ms;
    }
    ride->seen_at = at;
    ride->seen_ms = r->now_ms;
}

/* From when to when: false when the clocks do not say. */
static bool
took(const struct ride *ride, struct moment end, int64_t *began_ms, int64_t *ms)
{
    if (prompt(ride->left) && prompt(end)) {
        *began_ms = ride->left.heard_ms;
        *ms = end.heard_ms - ride->left.heard_ms;
        return *ms >= 0;
    }
    *began_ms = ride->left.said_ms;
    *ms = end.said_ms - ride->left.said_ms;
    return *ms >= 0 && ride->left.said_ms > 0 && end.said_ms > 0 &&
           end.said_ms <= end.heard_ms + PROMPT_MS && ride->left.said_ms > end.heard_ms - OLD_MS;
}

/* By our clock: the phone's could say of each ride that it was in another hour. */
static bool
too_often(struct courier *c, int64_t heard_ms)
{
    int64_t hour = heard_ms / 3600000;

    if (hour != c->rides_hour) {
        c->rides_hour = hour;
        c->rides_n = 0;
    }
    return ++c->rides_n > RIDES_AN_HOUR;
}

/* Where the positions contradict what was said. */
static enum ride_end
doubt(const struct ride *ride, struct moment end, uint32_t map_m)
{
    if (ride->seen_ms > 0 && end.heard_ms - ride->seen_ms <= FRESH_MS &&
        geo_distance_m(ride->seen_at, ride->to) > ELSEWHERE_M)
        return RIDE_ELSEWHERE;
    if (ride->stood_ms > STOOD_MS)
        return RIDE_STOOD;
    return ride->way_m > 2.0 * map_m + DETOUR_M ? RIDE_DETOUR : RIDE_COUNTED;
}

static enum ride_end
judge(struct router *r, struct courier *c, const struct ride *ride, struct moment arrived)
{
    struct travel_cell cell;
    enum travel_quality quality;
    struct moment end = arrived;
    struct latlng to = ride->to;
    int64_t began_ms, ms;

    if (ride->near && prompt(ride->near_since) && prompt(arrived) && prompt(ride->left)) {
        end = ride->near_since;
        to = ride->near_at;
    }
    if (!took(ride, end, &began_ms, &ms))
        return RIDE_CLOCK;
    if (r->map == NULL ||
        r->map->matrix(r->map, &ride->from, 1, &to, 1, ride->mode, began_ms, &cell, &quality) !=
            LC_OK ||
        cell.seconds == TRAVEL_UNREACHABLE)
        return RIDE_NO_MAP;
    enum ride_end how = doubt(ride, arrived, cell.metres);
    if (how != RIDE_COUNTED)
        return how;
    if (cell.seconds < SPEEDS_SHORT_S)
        return RIDE_SHORT;
    if (too_often(c, arrived.heard_ms))
        return RIDE_OFTEN;
    switch (speeds_ride(&r->speeds, ride->mode, speeds_hour(r->tz, began_ms),
                        speeds_week(r->tz, began_ms), c->number, cell.seconds,
                        ms * r->set.speedup)) {
    case SPEEDS_COUNTED:
        return RIDE_COUNTED;
    case SPEEDS_SHORT:
        return RIDE_SHORT;
    case SPEEDS_IMPLAUSIBLE:
        break;
    }
    return RIDE_IMPLAUSIBLE;
}

static void
end(struct router *r, struct courier *c, const struct report *rep)
{
    const struct halt *h = route_next(&c->route, rep->order);
    struct ride *ride = &c->ride;

    if (h == NULL || h->kind == PLAN_RETURN) /* goods are brought back at leisure */
        return;
    if (!ride->under_way) {
        ended(r, ride, RIDE_NO_START);
        return;
    }
    bool this_one = uuid_eq(ride->order, rep->order) && ride->kind == h->kind;
    ended(r, ride, this_one ? judge(r, c, ride, moment_of(rep)) : RIDE_LEFT);
}

void
ride_report(struct router *r, struct courier *c, const struct report *rep)
{
    if (r->set.learn == LEARN_OFF || !rep->has_order)
        return;
    if (rep->kind == REPORT(ENROUTE))
        begin(r, c, rep);
    else if (rep->kind == REPORT(ARRIVED))
        end(r, c, rep);
}

void
ride_forget(struct router *r, struct courier *c)
{
    if (c->ride.under_way)
        ended(r, &c->ride, RIDE_LEFT);
}
