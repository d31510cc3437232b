/* work: what a courier's shift has come to: what was delivered and brought back, how far it was,
 * and what is paid for it. It is read anew each time, so nothing depends on which notifier asks. */
#include "notifier/core.h"

#include "base/travel.h"

#include <stdlib.h>

enum { WORK_SHOWN = 200, WORK_HEAD = 9 };

static const int64_t most_pay = 100000000; /* minor units: more is a slip of the finger */

enum lc_err
work_pay_read(struct pay *pay, const struct config *config, struct outbox *out)
{
    struct slice currency = config_get(config, "pay-currency");
    const struct {
        const char *name;
        int64_t *to;
    } rates[] = {
        {"pay-delivery", &pay->delivery}, {"pay-km", &pay->km}, {"pay-return", &pay->way_back}};

    *pay = (struct pay){0};
    for (size_t i = 0; i < currency.n; i++)
        if (currency.n != 3 || currency.p[i] < 'A' || currency.p[i] > 'Z')
            return outbox_refuse(out, "pay-currency", "ISO_4217");
    if (currency.n > 0)
        memcpy(pay->currency, currency.p, currency.n);
    for (size_t i = 0; i < sizeof rates / sizeof *rates; i++) {
        *rates[i].to = config_int(config, rates[i].name, 0);
        if (*rates[i].to < 0 || *rates[i].to > most_pay)
            return outbox_refuse(out, rates[i].name, "at_most_100000000_minor_units");
    }
    return LC_OK;
}

void
work_ask(struct notifier *n, const struct event *ev, struct outbox *out, const struct session *s)
{
    struct ask a = {.kind = ASK_WORK, .conn = s->conn, .store = s->courier};
    struct slice argv[] = {SLICE_LIT("FCALL_RO"),
                           SLICE_LIT("courier_work"),
                           SLICE_LIT("1"),
                           slice_str(arena_printf(ev->arena, "{%s}", n->city)),
                           redis_number(ev->arena, s->courier),
                           SLICE_LIT("0"),
                           redis_number(ev->arena, WORK_SHOWN)};

    (void)ask_redis(n, out, &a, argv, sizeof argv / sizeof *argv); /* else the phone asks again */
}

/* far_m: from the store to the customer, as the estimate of travel times has it. */
static uint32_t
far_m(const struct notifier *n, const struct record *r, const Lifecircle__V1__Order *order)
{
    const struct catalogue_store *store = catalogue_store(n->catalogue, r->store);
    const struct travel *t = travel_estimate();
    struct travel_cell cell;
    enum travel_quality quality;

    if (store == NULL || order->dropoff == NULL)
        return 0;
    const struct latlng to = {order->dropoff->lat_e7, order->dropoff->lng_e7};
    return t->matrix(t, &store->at, 1, &to, 1, TRAVEL_BICYCLE, 0, &cell, &quality) == LC_OK
               ? cell.metres
               : 0;
}

int64_t
work_pay(const struct notifier *n, const struct record *r, const Lifecircle__V1__Order *order,
         bool delivered, uint32_t *metres)
{
    *metres = far_m(n, r, order);
    return delivered ? n->pay.delivery + (n->pay.km * *metres + 500) / 1000 : n->pay.way_back;
}

static void
fill_done(const struct notifier *n, struct arena *a, struct slice what, struct slice record,
          Lifecircle__V1__CourierShift__Done *d)
{
    struct record r;
    const Lifecircle__V1__Order *order = read_order(record, a, &r);
    const struct catalogue_store *store =
        order == NULL ? NULL : catalogue_store(n->catalogue, r.store);

    d->kind = (Lifecircle__V1__CourierShift__Done__Kind)what.p[0];
    d->time_ms = (int64_t)bytes_u64(what.p + 1);
    d->order_id = arena_copy(a, what.p + WORK_HEAD, what.n - WORK_HEAD);
    if (order != NULL)
        d->external_order_id = order->external_order_id;
    if (store != NULL)
        d->store_name = (char *)(uintptr_t)store->name;
    if (d->kind == LIFECIRCLE__V1__COURIER_SHIFT__DONE__KIND__PICKED_UP || order == NULL)
        return;
    d->pay = work_pay(n, &r, order, d->kind == LIFECIRCLE__V1__COURIER_SHIFT__DONE__KIND__DELIVERED,
                      &d->metres);
}

static void
fill_shift(struct notifier *n, struct arena *a, const struct reply *r,
           Lifecircle__V1__CourierShift *shift)
{
    Lifecircle__V1__CourierShift__Done *done = arena_array(a, r->n, sizeof *done);
    struct slice on = r->items[0].str;
    const Lifecircle__V1__Shift *begun =
        on.n < 4 ? NULL
                 : wire_unpack(&lifecircle__v1__shift__descriptor, a, slice_of(on.p + 4, on.n - 4));

    shift->done = arena_array(a, r->n, sizeof(void *));
    shift->since_ms = begun == NULL ? 0 : begun->start_ms;
    shift->currency = n->pay.currency;
    for (size_t i = 1; done != NULL && shift->done != NULL && i + 1 < r->n; i += 2) {
        struct slice what = r->items[i].str;
        if (what.n < WORK_HEAD || (int64_t)bytes_u64(what.p + 1) < shift->since_ms)
            continue;
        Lifecircle__V1__CourierShift__Done *d = &done[shift->n_done];
        lifecircle__v1__courier_shift__done__init(d);
        fill_done(n, a, what, r->items[i + 1].str, d);
        shift->done[shift->n_done++] = d;
        shift->delivered += d->kind == LIFECIRCLE__V1__COURIER_SHIFT__DONE__KIND__DELIVERED;
        shift->metres += d->metres;
        shift->pay += d->pay;
    }
}

void
work_answer(struct notifier *n, const struct ask *a, const struct event *ev, struct outbox *out)
{
    Lifecircle__V1__CourierShift shift = LIFECIRCLE__V1__COURIER_SHIFT__INIT;
    Lifecircle__V1__CourierSocket m = LIFECIRCLE__V1__COURIER_SOCKET__INIT;
    const struct session *s = session_by_conn(n, a->conn);

    if (s == NULL || s->courier != a->store || ev->reply->kind != REPLY_ARRAY || ev->reply->n == 0)
        return;
    fill_shift(n, ev->arena, ev->reply, &shift);
    m.body_case = LIFECIRCLE__V1__COURIER_SOCKET__BODY_SHIFT;
    m.shift = &shift;
    frames_send(out, ev->arena, s, &m);
}
