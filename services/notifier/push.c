/* push: reads the routes that changed, and the orders they name, and pushes them whole. A route is
 * pushed once per connection and version: nothing is missed, since the newest holds all, and
 * nothing is shown twice. */
#include "notifier/known.h"

#include <stdlib.h>

enum { COURIERS_A_JOB = 128, PUSHES_A_TURN = 128, JOB_BYTES = 16 * 1024 * 1024 };

/* A stop of a route that is being read. */
enum { PUSH_KNOWN = UINT32_MAX - 1, PUSH_NO_ORDER };
struct push_stop {
    struct uuid order;
    uint32_t asked; /* place in the job's orders; PUSH_KNOWN: the session has it */
};

/* Routes that are being read: first the routes, then the orders they name. A courier is in one job
 * at a time. What was read waits in n->ready and is pushed a part in each turn, so that Redis reads
 * what is next meanwhile. */
struct push_job {
    struct push_job *next_ready;
    uint64_t number;
    int64_t asked_ms; /* when it began */
    bool ready;       /* all of it was read */
    uint32_t *couriers;
    struct arena *memory;                 /* what follows stands in it */
    const Lifecircle__V1__Route **routes; /* beside couriers; NULL = none */
    size_t *first_stop;                   /* beside couriers: of each route's stops */
    bool *on_shift; /* beside couriers; read when somebody is to be welcomed */
    bool asked_shifts;
    bool have_routes; /* the first answer came */
    size_t n;
    size_t pushed; /* of couriers; once it is ready */
    struct push_stop *stops;
    struct uuid *orders;
    size_t n_orders;
    UT_hash_handle hh;
};

void
push_dirty(struct notifier *n, uint32_t courier)
{
    struct session *s = session_by_courier(n, courier);

    if (s == NULL || !s->greeted || s->dirty)
        return;
    s->dirty = true;
    if (s->job == 0) /* else when that is done */
        buf_u32(&n->dirty, courier);
}

/* released: the courier's session, which can be read anew from now on; NULL when it is not the one
 * that the job reads for: that one has ended. */
static struct session *
released(struct notifier *n, const struct push_job *job, size_t i)
{
    struct session *s = session_by_courier(n, job->couriers[i]);

    if (s == NULL || s->job != job->number)
        return NULL;
    s->job = 0;
    if (s->dirty)
        buf_u32(&n->dirty, s->courier);
    return s;
}

/* all_dirty: the list did not fit into memory: everybody who waits is looked for. */
static void
all_dirty(struct notifier *n)
{
    buf_reset(&n->dirty);
    for (const struct session *s = n->by_conn; s != NULL; s = s->by_conn.next)
        if (s->dirty && s->job == 0)
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
new_job(struct notifier *n, int64_t now_ms)
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
    job->asked_ms = now_ms;
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

/* ask_dirty: begins to read what has changed. */
static void
ask_dirty(struct notifier *n, const struct event *ev, struct outbox *out)
{
    struct push_job *job = NULL;
    size_t at = 0;

    if (n->dirty.failed)
        all_dirty(n);
    for (; at + 4 <= n->dirty.n; at += 4) {
        struct session *s = session_by_courier(n, bytes_u32(n->dirty.p + at));
        if (s == NULL || !s->dirty || s->job != 0) /* gone, or back on another connection */
            continue;
        if (job == NULL && (job = new_job(n, ev->now_ms)) == NULL)
            break; /* the rest in the next turn */
        s->dirty = false;
        s->job = job->number;
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

/* gather_stops: of courier i's route. What its phone was told of an order before, or what is not to
 * be told it at all, is not asked for. */
static void
gather_stops(struct notifier *n, struct push_job *job, size_t i, struct push_stop *to)
{
    const struct session *s = session_by_courier(n, job->couriers[i]);
    const Lifecircle__V1__Route *route = job->routes[i];
    bool told = s == NULL || route->version <= s->version;
    size_t since = job->n_orders;

    for (size_t k = 0; k < route->n_stops; k++) {
        if (uuid_parse(slice_str(route->stops[k]->order_id), &to[k].order) != LC_OK)
            to[k].asked = PUSH_NO_ORDER;
        else if (told || known_find(s, to[k].order) != NULL)
            to[k].asked = PUSH_KNOWN;
        else
            to[k].asked = place_of(job, since, to[k].order);
    }
}

/* gather_orders: the orders that the job's routes name. */
static bool
gather_orders(struct notifier *n, struct push_job *job)
{
    size_t stops = 0;

    for (size_t i = 0; i < job->n; i++)
        stops += job->routes[i] == NULL ? 0 : job->routes[i]->n_stops;
    job->orders = arena_array(job->memory, stops + 1, sizeof *job->orders);
    job->stops = arena_array(job->memory, stops + 1, sizeof *job->stops);
    job->first_stop = arena_array(job->memory, job->n, sizeof *job->first_stop);
    if (job->orders == NULL || job->stops == NULL || job->first_stop == NULL)
        return false;
    size_t at = 0;
    for (size_t i = 0; i < job->n; i++) {
        job->first_stop[i] = at;
        if (job->routes[i] == NULL)
            continue;
        gather_stops(n, job, i, job->stops + at);
        at += job->routes[i]->n_stops;
    }
    return true;
}

static void
fill_stop(const struct notifier *n, Lifecircle__V1__CourierStop *to, Lifecircle__V1__Stop *stop,
          struct known_order *order)
{
    const struct catalogue_store *store = catalogue_store(n->catalogue, stop->store);

    lifecircle__v1__courier_stop__init(to);
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
    if (stop->kind == LIFECIRCLE__V1__STOP__KIND__RETURN)
        to->pay = order->pay_back;
    if (stop->kind == LIFECIRCLE__V1__STOP__KIND__DROPOFF) {
        to->address = order->address;
        to->instructions = order->instructions;
        to->customer = &order->customer;
        to->pay = order->pay;
    }
}

/* note_pushed: for each order of the route, once. */
static void
note_pushed(struct outbox *out, struct arena *a, const struct session *s,
            const Lifecircle__V1__Stop *stop, const struct known_order *order,
            const Lifecircle__V1__Route *route, int64_t now_ms)
{
    struct order_note note = {.order = order->order,
                              .trace = order->trace,
                              .store = stop->store,
                              .courier = s->courier,
                              .ms = now_ms - route->written_ms,
                              .key = "version",
                              .value = arena_int(a, route->version)};

    if (note.value == NULL)
        return;
    outbox_order(out, "route_pushed", &note);
}

/* learn: what was read of the job's orders. Now, and not when it is pushed: the end of an order is
 * heard of on the same connection, behind what was read before it. */
static void
learn(struct notifier *n, const struct event *ev, const struct push_job *job,
      const struct reply *records)
{
    for (size_t i = 0; i < job->n; i++) {
        struct session *s = session_by_courier(n, job->couriers[i]);
        size_t n_stops = job->routes[i] == NULL ? 0 : job->routes[i]->n_stops;
        if (s == NULL || s->job != job->number)
            continue;
        for (size_t k = 0; k < n_stops; k++) {
            struct push_stop *stop = &job->stops[job->first_stop[i] + k];
            size_t at = 2 * (size_t)stop->asked;
            if (stop->asked >= PUSH_KNOWN)
                continue;
            enum lc_err err = LC_OK;
            if (known_find(s, stop->order) == NULL)
                err = at + 1 < records->n ? known_learn(n, ev, s, stop->order, &records->items[at])
                                          : LC_ENOTFOUND;
            /* without memory: as one that was known and is not any more */
            stop->asked = err == LC_ENOTFOUND ? PUSH_NO_ORDER : PUSH_KNOWN;
        }
    }
}

/* orders_of: what is told of each stop's order of courier i's route; in them NULL for one that is
 * none. NULL when one that was known is not any more: the route must be read again. */
static struct known_order **
orders_of(const struct event *ev, struct session *s, const struct push_job *job, size_t i)
{
    const struct push_stop *stops = job->stops + job->first_stop[i];
    size_t n_stops = job->routes[i]->n_stops;
    struct known_order **orders = arena_array(ev->arena, n_stops + 1, sizeof(void *));

    for (size_t k = 0; orders != NULL && k < n_stops; k++) {
        if (stops[k].asked == PUSH_NO_ORDER)
            continue;
        orders[k] = known_find(s, stops[k].order);
        if (orders[k] == NULL)
            return NULL;
    }
    return orders;
}

/* show: courier i's route as a message, with what is known of its orders. */
static void
show(struct notifier *n, const struct event *ev, struct outbox *out, struct session *s,
     const Lifecircle__V1__Route *route, struct known_order **orders)
{
    struct arena *a = ev->arena;
    Lifecircle__V1__CourierRoute view = LIFECIRCLE__V1__COURIER_ROUTE__INIT;
    Lifecircle__V1__CourierSocket m = LIFECIRCLE__V1__COURIER_SOCKET__INIT;
    Lifecircle__V1__CourierStop *stops = arena_array(a, route->n_stops, sizeof *stops);

    view.stops = arena_array(a, route->n_stops, sizeof(void *));
    if (stops == NULL || view.stops == NULL)
        return;
    for (size_t k = 0; k < route->n_stops; k++) {
        fill_stop(n, &stops[k], route->stops[k], orders[k]);
        if (orders[k] != NULL && orders[k]->version != route->version)
            note_pushed(out, a, s, route->stops[k], orders[k], route, ev->now_ms);
        if (orders[k] != NULL)
            orders[k]->version = route->version;
        view.stops[view.n_stops++] = &stops[k];
    }
    view.version = route->version;
    view.offer_expires_ms = route->offer_expires_ms;
    view.currency = n->pay.currency;
    m.body_case = LIFECIRCLE__V1__COURIER_SOCKET__BODY_ROUTE;
    m.route = &view;
    frames_send(out, a, s, &m);
    if (s->version > 0 && !s->welcome_due) /* not what a phone missed while it was away */
        histogram_add(&n->took[TOOK_PUSH], ev->now_ms - route->written_ms);
    s->version = route->version;
    known_sweep(n, s, route->version);
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

/* push_one: false when courier i's route must be read again. */
static bool
push_one(struct notifier *n, const struct event *ev, struct outbox *out, struct session *s,
         const struct push_job *job, size_t i)
{
    const Lifecircle__V1__Route *route = job->routes[i];
    bool newer = route != NULL && route->version > s->version;
    struct known_order **orders = newer ? orders_of(ev, s, job, i) : NULL;

    if (s->welcome_due && !job->asked_shifts) /* it came while this was being read */
        return false;
    if (newer && orders == NULL)
        return false;
    if (s->welcome_due)
        welcome(n, ev, out, s, route == NULL ? 0 : route->version, job->on_shift[i]);
    if (newer)
        show(n, ev, out, s, route, orders);
    else
        known_sweep(n, s, s->version); /* what was learnt for a route that is not shown */
    return true;
}

/* push_ready: some of what was read, oldest first. */
static void
push_ready(struct notifier *n, const struct event *ev, struct outbox *out)
{
    for (size_t left = PUSHES_A_TURN; n->ready != NULL && left > 0;) {
        struct push_job *job = n->ready;
        for (; job->pushed < job->n && left > 0; job->pushed++, left--) {
            struct session *s = released(n, job, job->pushed);
            if (s != NULL && !push_one(n, ev, out, s, job, job->pushed))
                push_dirty(n, s->courier);
        }
        if (job->pushed < job->n)
            break;
        n->ready = job->next_ready;
        free_job(n, job);
    }
    if (n->ready == NULL)
        n->last_ready = NULL;
    else
        outbox_wake(out, ev->now_ms); /* first comes what has come meanwhile */
}

void
push_turn_end(struct notifier *n, const struct event *ev, struct outbox *out)
{
    push_ready(n, ev, out);
    if (n->follow != FOLLOW_DOWN)
        ask_dirty(n, ev, out);
}

/* ready: all of the job was read. */
static void
ready(struct notifier *n, struct push_job *job)
{
    job->ready = true;
    if (n->last_ready != NULL)
        n->last_ready->next_ready = job;
    else
        n->ready = job;
    n->last_ready = job;
}

/* again: the answer was lost or is none: the couriers are read again when Redis is back. */
static void
again(struct notifier *n, struct push_job *job)
{
    for (size_t i = 0; i < job->n; i++)
        if (released(n, job, i) != NULL)
            push_dirty(n, job->couriers[i]);
    free_job(n, job);
}

void
push_tick(struct notifier *n, int64_t now_ms)
{
    struct push_job *job;
    struct push_job *next;

    HASH_ITER(hh, n->jobs, job, next)
    if (!job->ready && now_ms > job->asked_ms + ANSWER_MS)
        again(n, job);
}

bool
push_waits(const struct notifier *n)
{
    return n->ready != NULL;
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
    if (!gather_orders(n, job))
        again(n, job);
    else if (job->n_orders == 0)
        ready(n, job);
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
        learn(n, ev, job, ev->reply);
        ready(n, job);
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
