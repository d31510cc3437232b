/* tracking: customers follow one order behind a link that nobody can guess, once as JSON or live as
 * Server-Sent Events. Each message is the whole state, so a customer that comes back needs no
 * memory of what was missed. */
#include "notifier/core.h"
#include "notifier/pages.h"

#include "base/json_out.h"
#include "base/problem.h"

#include <stdlib.h>

/* A connection of a customer, found by connection when it goes. */
struct watcher_conn {
    uint64_t conn;
    struct watched *of;
    UT_hash_handle hh;
};

static struct watched *
watched_of(struct notifier *n, struct uuid order)
{
    struct watched *w;

    HASH_FIND(hh, n->watched, &order, sizeof order, w);
    return w;
}

static void
drop_watched_if_empty(struct notifier *n, struct watched *w)
{
    if (w->first != NULL || w->reading)
        return;
    HASH_DELETE(hh, n->watched, w);
    free(w);
}

static void
drop_watcher(struct notifier *n, struct watched *w, uint64_t conn)
{
    struct watcher_conn *c;

    for (struct watcher **p = &w->first; *p != NULL; p = &(*p)->next) {
        if ((*p)->conn == conn) {
            struct watcher *gone = *p;
            *p = gone->next;
            free(gone);
            break;
        }
    }
    HASH_FIND(hh, n->watcher_conns, &conn, sizeof conn, c);
    if (c != NULL) {
        HASH_DELETE(hh, n->watcher_conns, c);
        free(c);
    }
    count_set(n, COUNT_WATCHERS, HASH_CNT(hh, n->watcher_conns));
}

bool
tracking_gone(struct notifier *n, uint64_t conn)
{
    struct watcher_conn *c;

    HASH_FIND(hh, n->watcher_conns, &conn, sizeof conn, c);
    if (c == NULL)
        return false;
    struct watched *w = c->of;
    drop_watcher(n, w, conn);
    drop_watched_if_empty(n, w);
    return true;
}

static struct watched *
need_watched(struct notifier *n, struct uuid order)
{
    bool map_failed = false;
    struct watched *w = watched_of(n, order);

    if (w != NULL)
        return w;
    w = calloc(1, sizeof *w);
    if (w == NULL)
        return NULL;
    w->order = order;
    HASH_ADD(hh, n->watched, order, sizeof w->order, w);
    if (map_failed) {
        free(w);
        return NULL;
    }
    return w;
}

/* crowded: a link that was passed on must not take the connections of all the others. */
static bool
crowded(const struct watched *w)
{
    size_t n = 0;

    for (const struct watcher *one = w->first; one != NULL; one = one->next)
        n++;
    return n >= WATCHERS_AN_ORDER;
}

static bool
add_watcher(struct notifier *n, struct watched *w, uint64_t conn, bool stream)
{
    bool map_failed = false;
    struct watcher *watcher = calloc(1, sizeof *watcher);
    struct watcher_conn *c = calloc(1, sizeof *c);

    if (watcher == NULL || c == NULL)
        goto fail;
    c->conn = conn;
    c->of = w;
    HASH_ADD(hh, n->watcher_conns, conn, sizeof c->conn, c);
    if (map_failed)
        goto fail;
    watcher->conn = conn;
    watcher->stream = stream;
    watcher->next = w->first;
    w->first = watcher;
    count_set(n, COUNT_WATCHERS, HASH_CNT(hh, n->watcher_conns));
    return true;
fail:
    free(watcher);
    free(c);
    return false;
}

/* read_soon: asks for the order's record; while one read is under way the next waits for it. */
static void
read_soon(struct notifier *n, const struct event *ev, struct outbox *out, struct watched *w)
{
    bool map_failed = false;

    w->again = w->reading;
    if (w->reading)
        return;
    w->number = ++n->next_number;
    HASH_ADD(by_number, n->tracking_reads, number, sizeof w->number, w);
    if (map_failed)
        return; /* the next event asks again */
    w->reading = true;
    ask_orders(n, ev, out, call_tag(CALL_TRACKING, w->number), &w->order, 1);
}

void
tracking_open(struct notifier *n, const struct event *ev, struct outbox *out)
{
    struct slice token = slice_of(ev->http->path.p + 3, ev->http->path.n - 3);
    bool stream = token.n > 7 && memcmp(token.p + token.n - 7, "/events", 7) == 0;
    struct uuid order;

    bool picture = token.n > 9 && memcmp(token.p + token.n - 9, "/code.svg", 9) == 0;

    if (!stream && !picture && pages_wanted(ev)) {
        pages_send(n->map, ev, out, "track.html"); /* says itself when the token is wrong */
        return;
    }
    token.n -= stream ? 7 : picture ? 9 : 0;
    if (tracking_verify(&n->secret, token, &order) != LC_OK) {
        count(n, COUNT_DENIED, 1);
        refuse(ev, out, 404, "not_found", "no such order");
        return;
    }
    if (picture) {
        customer_code(n, ev, out, order);
        return;
    }
    struct watched *w = need_watched(n, order);
    if (w != NULL && crowded(w)) {
        count(n, COUNT_DENIED, 1);
        refuse(ev, out, 429, "too_many_watchers", "this order is watched too often already");
        return;
    }
    if (w == NULL || !add_watcher(n, w, ev->ref, stream)) {
        if (w != NULL)
            drop_watched_if_empty(n, w);
        refuse(ev, out, 503, "unavailable", "out of memory");
        return;
    }
    read_soon(n, ev, out, w);
}

void
tracking_event(struct notifier *n, const struct event *ev, struct outbox *out, struct uuid order)
{
    struct watched *w = watched_of(n, order);

    if (w != NULL)
        read_soon(n, ev, out, w);
}

void
tracking_position(struct notifier *n, const struct event *ev, struct outbox *out, uint32_t courier)
{
    for (struct watched *w = n->watched; w != NULL; w = w->hh.next)
        if (w->courier == courier)
            read_soon(n, ev, out, w);
}

void
tracking_redis_up(struct notifier *n, const struct event *ev, struct outbox *out)
{
    for (struct watched *w = n->watched; w != NULL; w = w->hh.next)
        read_soon(n, ev, out, w);
}

/* on_the_way: the courier is shown only while delivering to this customer. */
static bool
on_the_way(const struct record *r)
{
    return r->courier != 0 && (r->state == LIFECIRCLE__V1__ORDER_STATE__ENROUTE_TO_DROPOFF ||
                               r->state == LIFECIRCLE__V1__ORDER_STATE__ARRIVED_AT_DROPOFF);
}

static void
write_timeline(struct json_out *w, const struct record *r)
{
    bool written[RECORD_STATES + 1] = {false};

    json_out_array(w, "timeline");
    for (;;) {
        size_t next = 0;
        for (size_t s = 1; s <= RECORD_STATES; s++)
            if (!written[s] && r->entered_ms[s] > 0 &&
                (next == 0 || r->entered_ms[s] < r->entered_ms[next]))
                next = s;
        if (next == 0)
            break;
        written[next] = true;
        json_out_object(w, NULL);
        json_out_cstr(w, "status", record_state_name((unsigned)next));
        json_out_time(w, "at", r->entered_ms[next]);
        json_out_end(w);
    }
    json_out_end(w);
}

static void
write_courier(const struct notifier *n, struct json_out *w, const struct record *r)
{
    const struct position *at = NULL;

    if (on_the_way(r))
        HASH_FIND(hh, n->positions, &r->courier, sizeof r->courier, at);
    if (at == NULL) {
        json_out_null(w, "courier");
        return;
    }
    json_out_object(w, "courier");
    json_out_e7(w, "lat", at->at.lat_e7);
    json_out_e7(w, "lng", at->at.lng_e7);
    json_out_time(w, "at", at->time_ms);
    json_out_end(w);
}

/* may_cancel: are the goods still in the store? As order_step has it. */
static bool
may_cancel(const struct record *r)
{
    return !record_is_end(r->state) &&
           (r->state <= LIFECIRCLE__V1__ORDER_STATE__ARRIVED_AT_PICKUP ||
            r->state == LIFECIRCLE__V1__ORDER_STATE__READY_FOR_COLLECTION);
}

static void
write_state(const struct notifier *n, struct buf *b, const struct record *r,
            const Lifecircle__V1__Order *order, struct uuid id)
{
    const struct catalogue_store *store = catalogue_store(n->catalogue, r->store);
    bool collection = order->fulfilment == LIFECIRCLE__V1__FULFILMENT__COLLECTION;
    struct json_out w = json_out_to(b);
    char code[COLLECTION_TEXT];

    json_out_object(&w, NULL);
    json_out_cstr(&w, "status", record_state_name(r->state));
    if (r->reason != 0)
        json_out_cstr(&w, "reason", record_reason_name(r->reason));
    json_out_cstr(&w, "external_order_id", order->external_order_id);
    json_out_object(&w, "window");
    json_out_time(&w, "start", r->window_start_ms);
    json_out_time(&w, "end", r->window_end_ms);
    json_out_end(&w);
    if (r->eta_ms > 0 && !record_is_end(r->state))
        json_out_time(&w, "eta", r->live_eta_ms > 0 ? r->live_eta_ms : r->eta_ms);
    if (store != NULL) {
        json_out_object(&w, "store");
        json_out_cstr(&w, "name", store->name);
        json_out_cstr(&w, "address", store->address);
        json_out_end(&w);
    }
    if (order->dropoff != NULL && !collection) {
        json_out_object(&w, "dropoff");
        json_out_e7(&w, "lat", order->dropoff->lat_e7);
        json_out_e7(&w, "lng", order->dropoff->lng_e7);
        json_out_end(&w);
    }
    write_courier(n, &w, r);
    if (collection) {
        collection_code(&n->secret, id, code);
        json_out_cstr(&w, "collection_code", code);
    } else {
        delivery_pin(&n->secret, id, code);
        json_out_cstr(&w, "pin", code);
    }
    json_out_bool(&w, "can_cancel", may_cancel(r));
    json_out_bool(&w, "simulated", order->simulated);
    write_timeline(&w, r);
    json_out_end(&w);
}

/* end_stream: a browser comes again by itself, to whoever answers then. */
static void
end_stream(struct notifier *n, struct outbox *out, struct watched *w, const struct watcher *one)
{
    outbox_http_done(out, one->conn);
    drop_watcher(n, w, one->conn);
}

static void
tell(struct notifier *n, struct outbox *out, struct watched *w, struct slice json)
{
    struct buf event = {0};
    struct watcher *next;

    buf_printf(&event, "event: order\nid: %llu\ndata: ", (unsigned long long)n->seen);
    buf_append(&event, json.p, json.n);
    buf_str(&event, "\n\n");
    for (struct watcher *one = w->first; one != NULL; one = next) {
        next = one->next;
        if (one->stream) {
            if (!one->begun)
                outbox_http_begin(out, one->conn, 200, "text/event-stream",
                                  "Cache-Control: no-store\r\n");
            one->begun = true;
            if (!event.failed)
                outbox_http_chunk(out, one->conn, buf_slice(&event));
            if (n->stopping)
                end_stream(n, out, w, one);
        } else {
            outbox_http(out, one->conn, 200, "application/json", "Cache-Control: no-store\r\n",
                        json);
            drop_watcher(n, w, one->conn);
        }
    }
    buf_free(&event);
}

/* turn_away: nothing can be said about the order now, or, when it was filed, any more. */
static void
turn_away(struct notifier *n, struct outbox *out, struct watched *w, bool filed)
{
    const char *body =
        filed ? "{\"title\":\"Gone\",\"status\":410,\"code\":\"archived\",\"detail\":\"the order "
                "has ended and was filed away\"}"
              : "{\"title\":\"Service Unavailable\",\"status\":503,\"code\":\"unavailable\"}";
    struct watcher *next;

    for (struct watcher *one = w->first; one != NULL; one = next) {
        next = one->next;
        if (one->begun && !filed)
            continue;     /* a stream that runs waits for the next event */
        if (one->begun) { /* this was the last */
            outbox_http_chunk(out, one->conn, SLICE_LIT("event: archived\ndata: {}\n\n"));
            end_stream(n, out, w, one);
            continue;
        }
        outbox_http(out, one->conn, filed ? 410 : 503, PROBLEM_MEDIA_TYPE, NULL, slice_str(body));
        drop_watcher(n, w, one->conn);
    }
}

void
tracking_reply(struct notifier *n, const struct event *ev, struct outbox *out)
{
    uint64_t number = call_number(ev->ref);
    struct watched *w;
    struct record r;
    struct buf b = {0};

    HASH_FIND(by_number, n->tracking_reads, &number, sizeof number, w);
    if (w == NULL)
        return;
    HASH_DELETE(by_number, n->tracking_reads, w);
    w->reading = false;
    if (ev->reply->kind != REPLY_ARRAY || ev->reply->n != 1) {
        turn_away(n, out, w, false);
    } else {
        struct slice bytes = ev->reply->items[0].str;
        const Lifecircle__V1__Order *order = read_order(bytes, ev->arena, &r);
        if (order == NULL) { /* nothing there: the link is good, so there was an order */
            turn_away(n, out, w, bytes.n == 0);
        } else {
            write_state(n, &b, &r, order, w->order);
            w->courier = on_the_way(&r) ? r.courier : 0;
            w->told_ms = ev->now_ms;
            tell(n, out, w, buf_slice(&b));
        }
    }
    buf_free(&b);
    if (w->again)
        read_soon(n, ev, out, w);
    drop_watched_if_empty(n, w);
}

void
tracking_tick(struct notifier *n, int64_t now_ms, struct outbox *out)
{
    if (now_ms < n->beat_ms)
        return;
    n->beat_ms = now_ms + IDLE_MS;
    for (struct watched *w = n->watched; w != NULL; w = w->hh.next) {
        if (now_ms < w->told_ms + BEAT_MS)
            continue;
        w->told_ms = now_ms;
        for (const struct watcher *one = w->first; one != NULL; one = one->next)
            if (one->begun)
                outbox_http_chunk(out, one->conn, SLICE_LIT(": it runs\n\n"));
    }
}

void
tracking_stop(struct notifier *n, struct outbox *out)
{
    struct watched *w;
    struct watched *next_watched;

    HASH_ITER(hh, n->watched, w, next_watched)
    {
        struct watcher *next;
        for (struct watcher *one = w->first; one != NULL; one = next) {
            next = one->next;
            if (one->begun)
                end_stream(n, out, w, one);
        }
        drop_watched_if_empty(n, w);
    }
}

void
tracking_close(struct notifier *n)
{
    struct watched *w;
    struct watched *next;

    HASH_CLEAR(by_number, n->tracking_reads);
    HASH_ITER(hh, n->watched, w, next)
    {
        w->reading = false;
        while (w->first != NULL)
            drop_watcher(n, w, w->first->conn);
        drop_watched_if_empty(n, w);
    }
}
