/* What the router counts, for /metrics. */
#include "router/core.h"

#define RIDE(end) "rides_total{end=\"" end "\"}"
#define HOURS(mode) "learnt_slots{mode=\"" mode "\"}"
#define PACE(mode) "travel_time_percent{mode=\"" mode "\"}"

static const struct counter described[TALLIES] = {
    [T_WAITING] = {"orders_waiting", "placed orders without a courier", 0, true},
    [T_ON_SHIFT] = {"couriers_on_shift", "couriers that take orders", 0, true},
    [T_BUSY] = {"couriers_busy", "couriers with something to do", 0, true},
    [T_OWNER] = {"router_owner", "1 while this router owns the city", 0, true},
    [T_OFFERED] = {"offers_total{outcome=\"sent\"}", "orders offered to couriers", 0, false},
    [T_ACCEPTED] = {"offers_total{outcome=\"accepted\"}", "", 0, false},
    [T_DECLINED] = {"offers_total{outcome=\"declined\"}", "", 0, false},
    [T_EXPIRED] = {"offers_total{outcome=\"expired\"}", "", 0, false},
    [T_VANISHED] = {"couriers_vanished_total", "couriers that lost work by silence", 0, false},
    [T_REPORTS] = {"courier_reports_total", "actions and signs of life taken from couriers", 0,
                   false},
    [T_WRONG_PINS] = {"wrong_pins_total", "wrong PINs at the door", 0, false},
    [T_COMMITS] = {"plan_commits_total{outcome=\"done\"}", "entries written", 0, false},
    [T_REFUSED] = {"plan_commits_total{outcome=\"refused\"}", "", 0, false},
    [T_FENCED] = {"plan_commits_total{outcome=\"fenced\"}", "", 0, false},
    [T_REBUILDS] = {"router_rebuilds_total", "times the state was read again", 0, false},
    [T_AT_RISK] = {"orders_at_risk", "open orders whose promise is over, or expected to be missed",
                   0, true},
    [T_KEPT] = {"deliveries_total{promise=\"kept\"}", "orders delivered", 0, false},
    [T_MISSED] = {"deliveries_total{promise=\"missed\"}", "", 0, false},
    [T_SLICES] = {"plan_slices_total", "parts of the plan improved beside the loop", 0, false},
    [T_SLICE_MOVES] = {"plan_slice_moves_total", "orders that got a better place by it", 0, false},
    [T_SLICE_REFUSED] = {"plan_slice_refused_total", "improved routes that came too late", 0,
                         false},
    [T_RESEQUENCED] = {"routes_resequenced_total", "accepted routes that got a better sequence", 0,
                       false},
    [T_BY_ROADS] = {"plan_searches_total{travel=\"roads\"}",
                    "searches for an order's place, by their travel times", 0, false},
    [T_BY_ESTIMATE] = {"plan_searches_total{travel=\"estimate\"}", "", 0, false},
    [T_RIDE +
        RIDE_COUNTED] = {RIDE("counted"), "couriers' rides, by what was learnt of them", 0, false},
    [T_RIDE + RIDE_NO_START] = {RIDE("no_start"), "", 0, false},
    [T_RIDE + RIDE_NO_PLACE] = {RIDE("no_place"), "", 0, false},
    [T_RIDE + RIDE_LEFT] = {RIDE("left"), "", 0, false},
    [T_RIDE + RIDE_NO_MAP] = {RIDE("no_map"), "", 0, false},
    [T_RIDE + RIDE_SHORT] = {RIDE("short"), "", 0, false},
    [T_RIDE + RIDE_ELSEWHERE] = {RIDE("elsewhere"), "", 0, false},
    [T_RIDE + RIDE_STOOD] = {RIDE("stood"), "", 0, false},
    [T_RIDE + RIDE_DETOUR] = {RIDE("detour"), "", 0, false},
    [T_RIDE + RIDE_CLOCK] = {RIDE("clock"), "", 0, false},
    [T_RIDE + RIDE_IMPLAUSIBLE] = {RIDE("implausible"), "", 0, false},
    [T_RIDE + RIDE_OFTEN] = {RIDE("often"), "", 0, false},
    [T_HOURS + TRAVEL_FOOT] = {HOURS("foot"), "hours of the week of which enough rides were seen",
                               0, true},
    [T_HOURS + TRAVEL_BICYCLE] = {HOURS("bicycle"), "", 0, true},
    [T_HOURS + TRAVEL_EBIKE] = {HOURS("ebike"), "", 0, true},
    [T_HOURS + TRAVEL_SCOOTER] = {HOURS("scooter"), "", 0, true},
    [T_HOURS + TRAVEL_CAR] = {HOURS("car"), "", 0, true},
    [T_HOURS + TRAVEL_VAN] = {HOURS("van"), "", 0, true},
    [T_PACE + TRAVEL_FOOT] = {PACE("foot"),
                              "of the map's travel times, as planned by now; 100 unless "
                              "--learn-speeds is on and enough was seen of this hour",
                              0, true},
    [T_PACE + TRAVEL_BICYCLE] = {PACE("bicycle"), "", 0, true},
    [T_PACE + TRAVEL_EBIKE] = {PACE("ebike"), "", 0, true},
    [T_PACE + TRAVEL_SCOOTER] = {PACE("scooter"), "", 0, true},
    [T_PACE + TRAVEL_CAR] = {PACE("car"), "", 0, true},
    [T_PACE + TRAVEL_VAN] = {PACE("van"), "", 0, true},
};

const struct counter *
router_counters(const void *core, size_t *n)
{
    struct router *r = (struct router *)core; /* gauges are counted when they are asked for */
    struct order *o;
    struct courier *c;

    r->tally[T_WAITING] = r->tally[T_ON_SHIFT] = r->tally[T_BUSY] = 0;
    r->tally[T_AT_RISK] = 0;
    for (o = r->orders; o != NULL; o = o->hh.next) {
        r->tally[T_WAITING] += o->courier == 0;
        r->tally[T_AT_RISK] +=
            o->live_eta_ms > o->task.promise_ms || r->now_ms > o->task.promise_ms;
    }
    for (c = r->couriers; c != NULL; c = c->hh.next) {
        r->tally[T_ON_SHIFT] += c->open;
        r->tally[T_BUSY] += c->route.n > 0;
    }
    r->tally[T_BY_ROADS] = plan_searched(r->plan, TRAVEL_ROAD);
    r->tally[T_BY_ESTIMATE] = plan_searched(r->plan, TRAVEL_ESTIMATE);
    r->tally[T_OWNER] = r->phase == PHASE_ACTIVE;
    for (size_t m = 0; m < TRAVEL_MODES; m++) {
        r->tally[T_PACE + m] = r->pace[m];
        r->tally[T_HOURS + m] = 0;
        for (size_t h = 0; h < SPEEDS_HOURS; h++)
            r->tally[T_HOURS + m] += r->profile.hour[m][h].enough;
    }
    for (size_t i = 0; i < TALLIES; i++) {
        r->counters[i] = described[i];
        r->counters[i].value = r->tally[i];
    }
    *n = TALLIES;
    return r->counters;
}

void
router_histograms_init(struct router *r)
{
    r->took[TOOK_DISPATCH] = (struct histogram){.name = "dispatch_seconds",
                                                .help = "From an order placed to its first offer"};
    r->took[TOOK_MARGIN] = (struct histogram){.name = "promise_margin_seconds",
                                              .help = "Left of the promise when it was delivered"};
    r->took[TOOK_OVERRUN] = (struct histogram){.name = "promise_overrun_seconds",
                                               .help = "From the promise's end to a late delivery"};
}

const struct histogram *
router_histograms(const void *core, size_t *n)
{
    const struct router *r = core;

    *n = TOOK;
    return r->took;
}
