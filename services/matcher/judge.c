#include "matcher/judge.h"

#define FAIL(why) LIFECIRCLE__V1__REASON__##why

bool
match_wish_of(struct match_wish *w, const Lifecircle__V1__Order *o)
{
    if (o->dropoff == NULL)
        return false;
    *w = (struct match_wish){
        .chain = o->chain,
        .store = o->store,
        .items = o->items,
        .at = {o->dropoff->lat_e7, o->dropoff->lng_e7},
        .collection = o->fulfilment == LIFECIRCLE__V1__FULFILMENT__COLLECTION,
        .age_check = o->age_check,
        .cold = o->cold,
        .heavy = o->weight_g > MATCH_HEAVY_G || o->volume_ml > MATCH_HEAVY_ML,
        .soonest = o->ranking == LIFECIRCLE__V1__RANKING__SOONEST,
        .window_start_ms = o->window_start_ms,
        .window_end_ms = o->window_end_ms,
    };
    return true;
}

enum travel_mode
match_wish_mode(const struct match_wish *w, const struct match_policy *p)
{
    if (w->collection)
        return p->customer_mode;
    return w->heavy ? TRAVEL_CAR : p->courier_mode;
}

static bool
in_zone(const struct match_view *v, const struct match_wish *w, uint32_t store)
{
    const struct match_shop *shop = &v->shops->shop[store];

    if (w->collection)
        return geo_distance_m(shop->at, w->at) <= (double)v->policy->collect_radius_m;
    return match_shop_covers(shop, w->at);
}

static int64_t
prep_ms(const struct match_view *v, const struct match_wish *w, const struct match_shop *shop)
{
    int64_t s = (int64_t)shop->prep_s + (int64_t)shop->prep_per_item_s * w->items;
    int64_t backlog = v->policy->backlog_ms * shop->load;

    if (shop->busy == LIFECIRCLE__V1__BUSY_MODE__BUSY)
        s += shop->busy_delay_s;
    if (backlog > v->policy->backlog_max_ms)
        backlog = v->policy->backlog_max_ms;
    return s * 1000 / (v->policy->prep_speedup < 1 ? 1 : v->policy->prep_speedup) + backlog;
}

/* When a courier can be there; false when nobody can. */
static bool
courier_there(const struct match_view *v, const struct match_wish *w, struct match_shop *shop,
              int64_t *ms)
{
    unsigned needs = (w->cold ? MATCH_NEEDS_COLD_BOX : 0U) |
                     (w->age_check ? MATCH_NEEDS_ADULT_TRAINED : 0U) |
                     (w->heavy ? MATCH_NEEDS_CAR : 0U);

    *ms = v->now_ms + v->policy->courier_wait_ms;
    if (v->supply == NULL || !match_supply_fresh(v->supply, v->policy, v->now_ms))
        return true;
    uint32_t wait_s =
        match_supply_wait_s(v->supply, shop, needs, (uint32_t)(v->policy->courier_wait_ms / 1000),
                            v->travel == v->estimate);
    *ms = v->now_ms + (int64_t)wait_s * 1000;
    return wait_s != MATCH_NO_COURIER;
}

/* ms until it is open again, counted from now; MATCH_HOURS_DAYS when it is not within them. */
static int64_t
until_open(const struct match_view *v, uint32_t store, int64_t at_ms)
{
    const int64_t most = (int64_t)MATCH_HOURS_DAYS * 86400000;
    int64_t open_ms =
        hours_next_open_ms(&v->shops->hours[store], v->shops->tz, at_ms, MATCH_HOURS_DAYS);

    return open_ms < 0 || open_ms - v->now_ms > most ? most : open_ms - v->now_ms;
}

/* Sets the times. The goods are made from now on, or from the opening on, if that is within the
 * window. */
static bool
open_for(const struct match_view *v, const struct match_wish *w, uint32_t store, bool couriers,
         struct match_verdict *out)
{
    struct match_shop *shop = &v->shops->shop[store];
    int64_t begin_ms = v->now_ms, until_ms;

    if (!match_shop_open(v->shops, store, begin_ms, &until_ms)) {
        if (until_ms > w->window_end_ms) {
            out->missed_by = until_open(v, store, begin_ms);
            return false;
        }
        begin_ms = until_ms;
    }
    out->ready_ms = begin_ms + prep_ms(v, w, shop);
    int64_t handed_ms = out->ready_ms;
    if (w->collection && handed_ms < w->window_start_ms)
        handed_ms = w->window_start_ms;
    if (!w->collection && couriers && handed_ms < out->courier_ms)
        handed_ms = out->courier_ms;
    if (!match_shop_open(v->shops, store, handed_ms, NULL)) {
        out->missed_by = until_open(v, store, handed_ms);
        return false;
    }
    return true;
}

void
match_judge_shop(const struct match_view *v, const struct match_wish *w, uint32_t store,
                 enum match_cover cover, struct match_verdict *out)
{
    struct match_shop *shop = &v->shops->shop[store];
    unsigned lacks =
        (w->age_check && !shop->age_check ? 1U : 0U) | (w->cold && !shop->cold ? 2U : 0U);

    *out = (struct match_verdict){.store = store};
    if (cover == MATCH_COVER_ASK ? !in_zone(v, w, store) : cover == MATCH_COVER_NONE) {
        out->reason = FAIL(OUT_OF_ZONE);
        return;
    }
    if (w->collection ? !shop->collects : !shop->delivers) {
        out->reason = FAIL(FULFILMENT_NOT_OFFERED);
        return;
    }
    if (lacks != 0) {
        out->reason = FAIL(REQUIREMENT_NOT_MET);
        out->missed_by = lacks;
        return;
    }
    if (shop->busy == LIFECIRCLE__V1__BUSY_MODE__PAUSED) {
        out->reason = FAIL(STORE_PAUSED);
        return;
    }
    bool couriers = w->collection || courier_there(v, w, shop, &out->courier_ms);
    if (!open_for(v, w, store, couriers, out))
        out->reason = FAIL(STORE_CLOSED);
    else if (shop->capacity != 0 && shop->load >= shop->capacity) {
        out->reason = FAIL(STORE_AT_CAPACITY);
        out->missed_by = (int64_t)shop->load - shop->capacity + 1;
    } else if (!couriers)
        out->reason = FAIL(NO_COURIERS);
    if (!couriers)
        out->courier_ms = 0;
}

/* The margin has a constant part, which a faster city must not keep. */
static int64_t
margin_of_ms(const struct match_view *v, enum travel_mode mode, enum travel_quality quality,
             uint32_t travel_s)
{
    int64_t times = v->policy->speedup < 1 ? 1 : v->policy->speedup;
    int64_t real_s = travel_s * times < TRAVEL_UNREACHABLE ? travel_s * times : travel_s;

    return 1000 * (int64_t)travel_margin_s(mode, quality, (uint32_t)real_s) / times;
}

void
match_judge_travel(const struct match_view *v, const struct match_wish *w, uint32_t travel_s,
                   enum travel_quality quality, struct match_verdict *out)
{
    int64_t margin_ms = 0;

    out->travel_s = travel_s;
    if (travel_s == TRAVEL_UNREACHABLE) { /* no street leads there */
        out->reason = FAIL(TOO_LATE);
        out->missed_by = (int64_t)MATCH_HOURS_DAYS * 86400000;
        return;
    }
    out->arrival_ms = out->ready_ms;
    if (!w->collection) {
        if (out->arrival_ms < out->courier_ms)
            out->arrival_ms = out->courier_ms;
        out->arrival_ms +=
            v->policy->handover_ms + (int64_t)travel_s * 1000 + v->policy->dropoff_ms;
        margin_ms = margin_of_ms(v, match_wish_mode(w, v->policy), quality, travel_s);
    }
    if (out->arrival_ms < w->window_start_ms)
        out->arrival_ms = w->window_start_ms;
    if (out->arrival_ms + margin_ms > w->window_end_ms) {
        out->reason = FAIL(TOO_LATE);
        out->missed_by = out->arrival_ms + margin_ms - w->window_end_ms;
    }
}

static struct latlng
nearest_of_box(const struct match_box *b, struct latlng p)
{
    p.lat_e7 = p.lat_e7 < b->south_e7   ? b->south_e7
               : p.lat_e7 > b->north_e7 ? b->north_e7
                                        : p.lat_e7;
    p.lng_e7 = p.lng_e7 < b->west_e7 ? b->west_e7 : p.lng_e7 > b->east_e7 ? b->east_e7 : p.lng_e7;
    return p;
}

int64_t
match_outside_m(const struct match_view *v, const struct match_wish *w, uint32_t store)
{
    enum { HALVINGS = 6 };
    const struct match_shop *shop = &v->shops->shop[store];
    double to_store_m = geo_distance_m(w->at, shop->at);
    double m;

    if (w->collection)
        m = to_store_m - (double)v->policy->collect_radius_m;
    else if (shop->box.south_e7 > shop->box.north_e7) /* it has no zone */
        m = to_store_m;
    else if (!match_box_covers(&shop->box, w->at))
        m = geo_distance_m(w->at, nearest_of_box(&shop->box, w->at));
    else {
        double outside = 0, inside = 1; /* of the way */
        for (int i = 0; i < HALVINGS; i++) {
            double half = (outside + inside) / 2;
            struct latlng p = {
                w->at.lat_e7 + (int32_t)(half * ((double)shop->at.lat_e7 - w->at.lat_e7)),
                w->at.lng_e7 + (int32_t)(half * ((double)shop->at.lng_e7 - w->at.lng_e7))};
            if (match_shop_covers(shop, p))
                inside = half;
            else
                outside = half;
        }
        m = inside * to_store_m;
    }
    return m < 1 ? 1 : (int64_t)m;
}

unsigned
match_test_number(Lifecircle__V1__Reason reason)
{
    static const Lifecircle__V1__Reason tests[] = {
        FAIL(OUT_OF_ZONE),         FAIL(FULFILMENT_NOT_OFFERED),
        FAIL(REQUIREMENT_NOT_MET), FAIL(STORE_PAUSED),
        FAIL(STORE_CLOSED),        FAIL(STORE_AT_CAPACITY),
        FAIL(NO_COURIERS),         FAIL(TOO_LATE)};
    unsigned i = 0;

    while (i < sizeof tests / sizeof *tests && tests[i] != reason)
        i++;
    return i;
}

static int
order_i64(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

int
match_rank(const struct match_wish *w, const struct match_verdict *a, const struct match_verdict *b)
{
    int by_travel = order_i64(a->travel_s, b->travel_s);
    int by_arrival = order_i64(a->arrival_ms, b->arrival_ms);
    int first = w->soonest ? by_arrival : by_travel;
    int second = w->soonest ? by_travel : by_arrival;

    if (first != 0)
        return first;
    return second != 0 ? second : order_i64(a->store, b->store);
}
