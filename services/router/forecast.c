/* How soon couriers can be somewhere, for the matcher. */
#include "router/core.h"

#include <stdlib.h>

enum { CELLS_MAX = 500 };

struct cell {
    Lifecircle__V1__SupplyForecast__Cell cell;
    Lifecircle__V1__Point at;
    uint32_t courier;
};

static int
compare(const void *a, const void *b)
{
    const struct cell *x = a, *y = b;

    if (x->cell.free_in_s != y->cell.free_in_s)
        return x->cell.free_in_s < y->cell.free_in_s ? -1 : 1;
    return x->courier < y->courier ? -1 : x->courier > y->courier;
}

static void
fill(struct router *r, const struct courier *c, struct cell *out)
{
    const Lifecircle__V1__Courier *person = catalogue_courier(r->catalogue, c->number);
    struct latlng at = c->at;
    int64_t free_ms = r->now_ms;
    size_t n;
    const struct plan_stop *stops = courier_schedule(r, c, &n);

    if (n > 0) {
        at = stops[n - 1].at;
        free_ms = stops[n - 1].leave_ms;
    }
    lifecircle__v1__supply_forecast__cell__init(&out->cell);
    lifecircle__v1__point__init(&out->at);
    out->at.lat_e7 = at.lat_e7;
    out->at.lng_e7 = at.lng_e7;
    out->courier = c->number;
    out->cell.free_in_s = free_ms > r->now_ms ? (uint32_t)((free_ms - r->now_ms) / 1000) : 0;
    out->cell.vehicle = c->shift.vehicle;
    out->cell.cold_box = c->shift.cold_box;
    out->cell.adult_trained = person != NULL && person->adult_trained;
}

void
forecast_publish(struct router *r)
{
    size_t n = 0, all = HASH_COUNT(r->couriers);
    uint32_t pct[TRAVEL_MODES];
    struct cell *cells = arena_array(r->arena, all + 1, sizeof *cells);
    Lifecircle__V1__SupplyForecast__Cell **list = arena_array(r->arena, all + 1, sizeof *list);
    Lifecircle__V1__SupplyForecast m = LIFECIRCLE__V1__SUPPLY_FORECAST__INIT;
    Lifecircle__V1__Envelope env;

    if (cells == NULL || list == NULL) {
        router_rebuild(r, "memory");
        return;
    }
    for (const struct courier *c = r->couriers; c != NULL; c = c->hh.next)
        if (c->open)
            fill(r, c, &cells[n++]);
    qsort(cells, n, sizeof *cells, compare);
    for (size_t i = 0; i < n; i++) {
        cells[i].cell.at = &cells[i].at;
        list[i] = &cells[i].cell;
    }
    m.time_ms = r->now_ms;
    m.on_shift = (uint32_t)n;
    m.n_couriers = n < CELLS_MAX ? n : CELLS_MAX;
    m.couriers = list;
    for (size_t i = 0; i < TRAVEL_MODES; i++)
        pct[i] = r->pace[i];
    m.travel_pct = pct;
    m.n_travel_pct = TRAVEL_MODES;
    for (const struct order *o = r->orders; o != NULL; o = o->hh.next)
        m.waiting += o->courier == 0;
    envelope_init(&env, &r->mint, r->now_ms, 0);
    env.body_case = LIFECIRCLE__V1__ENVELOPE__BODY_SUPPLY_FORECAST;
    env.supply_forecast = &m;
    outbox_news(r->out, &env);
}
