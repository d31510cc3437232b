/* push: reads the routes that changed, and the orders they name, and pushes them whole. A route is
 * pushed once per connection and version: nothing is missed, since the newest holds all, and
 * nothing is shown twice. */
#include "notifier/core.h"

#include <stdio.h>
#include <stdlib.h>

enum { COURIERS_A_JOB = 128, JOB_BYTES = 16 * 1024 * 1024 };

void
push_dirty(struct notifier *n, uint32_t courier)
{
    struct session *s = session_by_courier(n, courier);

    if (s == NULL || !s->greeted || s->dirty)
        return;
    s->dirty = true;
    buf_u32(&n->dirty, courier);
}

/* all_dirty: the list did not fit into memory: everybody who waits is looked for. */
static void
all_dirty(struct notifier *n)
{
    buf_reset(&n->dirty);
    for (const struct session *s = n->by_conn; s != NULL; s = s->by_conn.next)
        if (s->dirty)
            buf_u32(&n->dirty, s->courier);
}

static void
free_job(struct notifier *n, struct push_job *job)
{
    HASH_DELETE(hh, n->jobs, job);
    arena_destroy(job->memory);
    free(job);
}

static struct push_job *
new_job(struct notifier *n)
{
    bool map_failed = false;
    struct push_job *job = calloc(1, sizeof *job);

    if (job == NULL)
        return NULL;
    job->memory = arena_new(JOB_BYTES);
    if (job->memory != NULL)
        job->couriers = arena_array(job->memory, COURIERS_A_JOB, sizeof *job->couriers);
    if (job->couriers == NULL)
        goto failed;
    job->number = ++n->next_number;
    HASH_ADD(hh, n->jobs, number, sizeof job->number, job);
    if (!map_failed)
        return job;
failed:
    arena_destroy(job->memory);
    free(job);
    return NULL;
}

static void
ask_routes(const struct notifier *n, const struct event *ev, struct outbox *out,
           const struct push_job *job)
{
    struct slice *argv = arena_array(ev->arena, job->n + 2, sizeof *argv);

    if (argv == NULL)
        return;
    argv[0] = SLICE_LIT("HMGET");
    argv[1] = redis_key(n, ev->arena, "routes");
    for (size_t i = 0; i < job->n; i++)
        argv[i + 2] = redis_number(ev->arena, job->couriers[i]);
    outbox_redis(out, call_tag(CALL_ROUTES, job->number), argv, job->n + 2);
    if (!job->asked_shifts)
        return;
    argv[1] = redis_key(n, ev->arena, "shifts");
    outbox_redis(out, call_tag(CALL_ROUTES, job->number), argv, job->n + 2);
}

void
push_turn_end(struct notifier *n, const struct event *ev, struct outbox *out)
{
    struct push_job *job = NULL;
    size_t at = 0;

    if (n->follow == FOLLOW_DOWN)
        return;
    if (n->dirty.failed)
        all_dirty(n);
    for (; at + 4 <= n->dirty.n; at += 4) {
        struct session *s = session_by_courier(n, bytes_u32(n->dirty.p + at));
        if (s == NULL || !s->dirty) /* gone meanwhile, or back on another connection */
            continue;
        if (job == NULL && (job = new_job(n)) == NULL)
            break; /* the rest in the next turn */
        s->dirty = false;
        job->couriers[job->n++] = s->courier;
        job->asked_shifts = job->asked_shifts || s->welcome_due; /* only a welcome tells of it */
        if (job->n == COURIERS_A_JOB) {
            ask_routes(n, ev, out, job);
            job = NULL;
        }
    }
    if (job != NULL)
        ask_routes(n, ev, out, job);
    if (!n->dirty.failed)
        buf_consume(&n->dirty, at < n->dirty.n ? at : n->dirty.n);
}

/* route_of: the Route in a value of {city}:routes (u32 version, then the message); NULL when there
 * is none. */
static const Lifecircle__V1__Route *
route_of(struct arena *a, struct slice value)
{
    if (value.n < 4)
        return NULL;
    return wire_unpack(&lifecircle__v1__route__descriptor, a, slice_of(value.p + 4, value.n - 4));
}

/* place_of: the order's place among the job's, which are asked for once for the stops of one route.
 * `since`: where this route's orders begin. */
static uint32_t
place_of(struct push_job *job, size_t since, struct uuid order)
{
    for (size_t i = since; i < job->n_orders; i++)
        if (uuid_eq(job->orders[i], order))
            return (uint32_t)i;
    job->orders[job->n_orders] = order;
    return (uint32_t)job->n_orders++;
}

/* gather_orders: the orders that the job's routes name. */
static bool
gather_orders(struct push_job *job)
{
    size_t stops = 0;

    for (size_t i = 0; i < job->n; i++)
        stops += job->routes[i] == NULL ? 0 : job->routes[i]->n_stops;
    job->orders = arena_array(job->memory, stops + 1, sizeof *job->orders);
    job->stop_order = arena_array(job->memory, stops + 1, sizeof *job->stop_order);
    job->first_order = arena_array(job->memory, job->n, sizeof *job->first_order);
    if (job->orders == NULL || job->stop_order == NULL || job->first_order == NULL)
        return false;
    size_t at = 0;
    for (size_t i = 0; i < job->n; i++) {
        const Lifecircle__V1__Route *route = job->routes[i];
        size_t since = job->n_orders;
        job->first_order[i] = at;
        for (size_t s = 0; route != NULL && s < route->n_stops; s++) {
            struct uuid order;
            bool ok = uuid_parse(slice_str(route->stops[s]->order_id), &order) == LC_OK;
            job->stop_order[at++] = ok ? place_of(job, since, order) : UINT32_MAX;
        }
    }
    return true;
}

static void
fill_stop(const struct notifier *n, Lifecircle__V1__CourierStop *to, Lifecircle__V1__Stop *stop,
          const Lifecircle__V1__Order *order)
{
    const struct catalogue_store *store = catalogue_store(n->catalogue, stop->store);

    to->stop = stop;
    if (store != NULL) {
        to->store_id = (char *)(uintptr_t)store->store_id;
        to->store_name = (char *)(uintptr_t)store->name;
        to->store_address = (char *)(uintptr_t)store->address;
    }
    if (order == NULL)
        return;
    to->external_order_id = order->external_order_id;
    to->items = order->items;
    to->age_check = order->age_check;
    if (stop->kind == LIFECIRCLE__V1__STOP__KIND__DROPOFF) {
        to->address = order->address;
        to->instructions = order->instructions;
        to->customer = order->customer;
    }
}

/* note_pushed: for each order of the route, once. */
static void
note_pushed(struct outbox *out, const struct session *s, const Lifecircle__V1__Stop *stop,
            struct uuid id, const Lifecircle__V1__Order *order, const Lifecircle__V1__Route *route,
            int64_t now_ms)
{
    char version[12];
    struct order_note note = {.order = id,
                              .store = stop->store,
                              .courier = s->courier,
                              .ms = now_ms - route->written_ms,
                              .key = "version",
                              .value = version};

    snprintf(version, sizeof version, "%u", route->version);
    traceparent_of_order(id, order->traceparent, &note.trace);
    outbox_order(out, "route_pushed", &note);
}

/* told_before: does an earlier stop of courier i's route belong to the same order? */
static bool
told_before(const struct push_job *job, size_t i, size_t k)
{
    const uint32_t *stops = job->stop_order + job->first_order[i];

    for (size_t b = 0; b < k; b++)
        if (stops[b] == stops[k])
            return true;
    return false;
}

/* show: courier i's route as a message, with what the orders' records say. A pick-up and
 * its drop-off mostly follow each other: the order is read once for both. */
static void
show(struct notifier *n, const struct event *ev, struct outbox *out, struct session *s,
     const struct push_job *job, size_t i, const struct reply *records)
{
    struct arena *a = ev->arena;
    const Lifecircle__V1__Route *route = job->routes[i];
    Lifecircle__V1__CourierRoute view = LIFECIRCLE__V1__COURIER_ROUTE__INIT;
    Lifecircle__V1__CourierSocket m = LIFECIRCLE__V1__COURIER_SOCKET__INIT;
    Lifecircle__V1__CourierStop *stops = arena_array(a, route->n_stops, sizeof *stops);
    const Lifecircle__V1__Order *order = NULL;
    uint32_t read = UINT32_MAX; /* which one `order` is */

    view.stops = arena_array(a, route->n_stops, sizeof(void *));
    if (stops == NULL || view.stops == NULL)
        return;
    for (size_t k = 0; k < route->n_stops; k++) {
        uint32_t at = job->stop_order[job->first_order[i] + k];
        struct record record;
        if (at != read)
            order = records != NULL && 2 * (size_t)at + 1 < records->n
                        ? read_whole_order(n, &records->items[2 * (size_t)at], a, &record)
                        : NULL;
        read = at;
        lifecircle__v1__courier_stop__init(&stops[k]);
        fill_stop(n, &stops[k], route->stops[k], order);
        if (order != NULL && !told_before(job, i, k))
            note_pushed(out, s, route->stops[k], job->orders[at], order, route, ev->now_ms);
        view.stops[view.n_stops++] = &stops[k];
    }
    view.version = route->version;
    view.offer_expires_ms = route->offer_expires_ms;
    m.body_case = LIFECIRCLE__V1__COURIER_SOCKET__BODY_ROUTE;
    m.route = &view;
    frames_send(out, a, s, &m);
    if (s->version > 0 && !s->welcome_due) /* not what a phone missed while it was away */
        histogram_add(&n->took[TOOK_PUSH], ev->now_ms - route->written_ms);
    s->version = route->version;
    count(n, COUNT_PUSHES, 1);
}

static void
welcome(struct notifier *n, const struct event *ev, struct outbox *out, struct session *s,
        uint32_t version, bool on_shift)
{
    const Lifecircle__V1__Courier *courier = catalogue_courier(n->catalogue, s->courier);
    Lifecircle__V1__CourierWelcome w = LIFECIRCLE__V1__COURIER_WELCOME__INIT;
    Lifecircle__V1__CourierSocket m = LIFECIRCLE__V1__COURIER_SOCKET__INIT;

    w.courier_id = courier == NULL ? w.courier_id : courier->courier_id;
    w.city = n->city;
    w.time_ms = ev->now_ms;
    w.version = version;
    w.on_shift = on_shift;
    m.body_case = LIFECIRCLE__V1__COURIER_SOCKET__BODY_WELCOME;
    m.welcome = &w;
    frames_send(out, ev->arena, s, &m);
    s->welcome_due = false;
}

static void
finish(struct notifier *n, const struct event *ev, struct outbox *out, struct push_job *job,
       const struct reply *records)
{
    for (size_t i = 0; i < job->n; i++) {
        struct session *s = session_by_courier(n, job->couriers[i]);
        const Lifecircle__V1__Route *route = job->routes[i];
        if (s == NULL)
            continue;
        if (s->welcome_due && !job->asked_shifts) { /* it came while this was being read */
            push_dirty(n, s->courier);
            continue;
        }
        if (s->welcome_due)
            welcome(n, ev, out, s, route == NULL ? 0 : route->version, job->on_shift[i]);
        if (route != NULL && route->version > s->version)
            show(n, ev, out, s, job, i, records);
    }
    free_job(n, job);
}

/* again: the answer was lost or is none: the couriers are read again when Redis is back. */
static void
again(struct notifier *n, struct push_job *job)
{
    for (size_t i = 0; i < job->n; i++)
        push_dirty(n, job->couriers[i]);
    free_job(n, job);
}

/* keep_routes: the first answer; keep_shifts: the second, when it was asked for. */
static bool
keep_routes(struct push_job *job, const struct reply *r)
{
    job->routes = arena_array(job->memory, job->n, sizeof *job->routes);
    if (job->routes == NULL)
        return false;
    for (size_t i = 0; i < job->n; i++)
        if (r->items[i].kind == REPLY_STRING)
            job->routes[i] = route_of(job->memory, r->items[i].str);
    return true;
}

static bool
keep_shifts(struct push_job *job, const struct reply *r, struct arena *a)
{
    job->on_shift = arena_array(job->memory, job->n, sizeof *job->on_shift);
    if (job->on_shift == NULL)
        return false;
    for (size_t i = 0; i < job->n; i++) {
        const struct slice value = r->items[i].str;
        if (r->items[i].kind != REPLY_STRING || value.n < 4)
            continue;
        const Lifecircle__V1__Shift *shift =
            wire_unpack(&lifecircle__v1__shift__descriptor, a, slice_of(value.p + 4, value.n - 4));
        job->on_shift[i] = shift != NULL && shift->on;
    }
    return true;
}

/* ask_next: all that was asked first is there: now the orders. */
static void
ask_next(struct notifier *n, const struct event *ev, struct outbox *out, struct push_job *job)
{
    if (!gather_orders(job))
        again(n, job);
    else if (job->n_orders == 0)
        finish(n, ev, out, job, NULL);
    else
        ask_whole_orders(n, ev, out, call_tag(CALL_ROUTE_ORDERS, job->number), job->orders,
                         job->n_orders);
}

void
push_reply(struct notifier *n, const struct event *ev, struct outbox *out)
{
    uint64_t number = call_number(ev->ref);
    struct push_job *job;

    HASH_FIND(hh, n->jobs, &number, sizeof number, job);
    if (job == NULL)
        return;
    if (ev->reply->kind == REPLY_LOST)
        n->follow = FOLLOW_DOWN; /* asking again at once would only be lost again */
    if (ev->reply->kind != REPLY_ARRAY) {
        again(n, job);
        return;
    }
    if (ev->ref == call_tag(CALL_ROUTE_ORDERS, number)) {
        finish(n, ev, out, job, ev->reply);
        return;
    }
    bool kept = ev->reply->n == job->n && (job->have_routes ? keep_shifts(job, ev->reply, ev->arena)
                                                            : keep_routes(job, ev->reply));
    bool all = job->have_routes || !job->asked_shifts;
    job->have_routes = true;
    if (!kept)
        again(n, job);
    else if (all)
        ask_next(n, ev, out, job);
}

void
push_close(struct notifier *n)
{
    struct push_job *job;
    struct push_job *next;

    HASH_ITER(hh, n->jobs, job, next) free_job(n, job);
    buf_free(&n->dirty);
}
