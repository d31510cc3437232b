#include "inventory/inventory.h"

#include "inventory/core.h"

#include <stdio.h>
#include <stdlib.h>

#define ROWS(queue) "due_rows{queue=\"" queue "\"}", "Rows of a queue, due or not yet"
#define AGE(queue)                                                                                 \
    "due_overdue_seconds{queue=\"" queue "\"}", "How long the first row of a queue has been due"

static const struct counter COUNTERS[COUNTS] = {
    [COUNT_PLACED] = {"inventory_orders_total{outcome=\"placed\"}", "Orders by what became of them",
                      0, false},
    [COUNT_HELD] = {"inventory_orders_total{outcome=\"held\"}", "", 0, false},
    [COUNT_CREATED] = {"inventory_orders_total{outcome=\"created\"}", "", 0, false},
    [COUNT_REJECTED] = {"inventory_orders_total{outcome=\"rejected\"}", "", 0, false},
    [COUNT_EXHAUSTED] = {"inventory_orders_total{outcome=\"exhausted\"}", "", 0, false},
    [COUNT_DUPLICATE] = {"inventory_orders_total{outcome=\"duplicate\"}", "", 0, false},
    [COUNT_CONFLICT] = {"inventory_orders_total{outcome=\"conflict\"}", "", 0, false},
    [COUNT_PRICE_DIFFERS] = {"inventory_orders_total{outcome=\"price_differs\"}", "", 0, false},
    [COUNT_MALFORMED] = {"inventory_orders_total{outcome=\"malformed\"}", "", 0, false},
    [COUNT_UNAVAILABLE] = {"inventory_orders_total{outcome=\"unavailable\"}", "", 0, false},
    [COUNT_CALLS] = {"inventory_place_calls_total", "Calls of order_place", 0, false},
    [COUNT_CALL_ORDERS] = {"inventory_place_call_orders_total", "Orders in these calls", 0, false},
    [COUNT_CALL_FULL] = {"inventory_place_calls_full_total", "Calls with as many as allowed", 0,
                         false},
    [COUNT_REPEATED] = {"inventory_repeated_total",
                        "Orders, checks and feeds sent again: their answer was lost", 0, false},
    [COUNT_FUNCTION_ERRORS] = {"inventory_function_errors_total",
                               "Functions that answered with an error", 0, false},
    [COUNT_FEED_APPLIED] = {"inventory_stock_feeds_total{outcome=\"applied\"}",
                            "Chunks of stock feeds by what became of them", 0, false},
    [COUNT_FEED_REPEATED] = {"inventory_stock_feeds_total{outcome=\"repeated\"}", "", 0, false},
    [COUNT_FEED_LATE] = {"inventory_stock_feeds_total{outcome=\"late\"}", "", 0, false},
    [COUNT_FEED_UNKNOWN_STORE] = {"inventory_stock_feeds_total{outcome=\"unknown_store\"}", "", 0,
                                  false},
    [COUNT_FEED_MALFORMED] = {"inventory_stock_feeds_total{outcome=\"malformed\"}", "", 0, false},
    [COUNT_FEED_UNAVAILABLE] = {"inventory_stock_feeds_total{outcome=\"unavailable\"}", "", 0,
                                false},
    [COUNT_FEED_CHANGED] = {"inventory_stock_changed_total", "Levels and prices that feeds changed",
                            0, false},
    [COUNT_CHECKS] = {"inventory_checks_total", "Questions about stock, not counting stores", 0,
                      false},
    [COUNT_CHECKS_REFUSED] = {"inventory_checks_refused_total", "Malformed ones among them", 0,
                              false},
    [COUNT_EXPIRED] = {"inventory_reservations_expired_total",
                       "Orders cancelled because nobody took their goods", 0, false},
    [COUNT_ANSWERS_DROPPED] = {"inventory_answers_dropped_total", "Answers there was no memory for",
                               0, false},
    [COUNT_IGNORED] = {"inventory_ignored_total", "Messages that are not for inventory", 0, false},
    [GAUGE_QUEUED] = {"inventory_orders_queued", "Orders waiting for a call", 0, true},
    [GAUGE_IN_FLIGHT] = {"inventory_calls_in_flight", "Calls without an answer yet", 0, true},
    [GAUGE_REDIS_USED] = {"redis_memory_used_bytes", "Memory that Redis uses", 0, true},
    [GAUGE_REDIS_MOST] = {"redis_memory_limit_bytes", "Memory it may use; 0 = all", 0, true},
    [GAUGE_REDIS_REPLICAS] = {"redis_replicas", "Replicas that follow closely", 0, true},
    [GAUGE_REDIS_DISK] = {"redis_disk_failed",
                          "Redis could not write, or not rewrite, one of its files the last time",
                          0, true},
    [GAUGE_DUE_ROWS] = {ROWS("match"), 0, true},
    [GAUGE_DUE_ROWS + 1] = {ROWS("held"), 0, true},
    [GAUGE_DUE_ROWS + 2] = {ROWS("dispatch"), 0, true},
    [GAUGE_DUE_ROWS + 3] = {ROWS("expire"), 0, true},
    [GAUGE_DUE_ROWS + 4] = {ROWS("webhook"), 0, true},
    [GAUGE_DUE_AGE] = {AGE("match"), 0, true},
    [GAUGE_DUE_AGE + 1] = {AGE("held"), 0, true},
    [GAUGE_DUE_AGE + 2] = {AGE("dispatch"), 0, true},
    [GAUGE_DUE_AGE + 3] = {AGE("expire"), 0, true},
    [GAUGE_DUE_AGE + 4] = {AGE("webhook"), 0, true},
};

void
count(struct inventory *inv, enum count which, uint64_t by)
{
    inv->counters[which].value += by;
}

static void *
inventory_open(void)
{
    struct inventory *inv = calloc(1, sizeof *inv);

    if (inv == NULL)
        return NULL;
    memcpy(inv->counters, COUNTERS, sizeof COUNTERS);
    inv->placed = (struct histogram){.name = "place_seconds",
                                     .help = "From PlaceRequest to its answer, on disk"};
    inv->tail = &inv->head;
    return inv;
}

static void
free_list(struct call *c)
{
    while (c != NULL) {
        struct call *next = c->next;
        call_free(c);
        c = next;
    }
}

static void
inventory_close(void *core)
{
    struct inventory *inv = core;

    place_close(inv);
    free_list(inv->calls);
    free_list(inv->waiting);
    free(inv);
}

static size_t
between(int64_t v, int64_t low, int64_t high)
{
    return (size_t)(v < low ? low : v > high ? high : v);
}

static void
start(struct inventory *inv, const struct event *ev)
{
    const struct config *c = ev->config;

    mint_init(&inv->mint, "inventory", config_get(c, "city"), ev->entropy);
    snprintf(inv->key, sizeof inv->key, "{%s}", inv->mint.city);
    inv->place_calls = between(config_int(c, "place-calls", 2), 1, 64);
    inv->place_batch = between(config_int(c, "place-batch", 128), 1, CALL_ORDERS_MAX);
    inv->place_queue = between(config_int(c, "place-queue", 8192), 64, 1000000);
    inv->expire_slack_ms =
        1000 * (int64_t)between(config_int(c, "expire-slack-s", 7200), 0, 1 << 30);
    inv->expire_every_ms = 1000 * (int64_t)between(config_int(c, "expire-every-s", 15), 1, 86400);
    inv->queues_every_ms = 1000 * (int64_t)between(config_int(c, "queues-every-s", 0), 0, 86400);
    inv->next_queues_ms = ev->now_ms;
}

static enum lc_err
message(struct inventory *inv, const struct event *ev, struct outbox *out)
{
    if (!inv->stopping) {
        if (ev->envelope->body_case == LIFECIRCLE__V1__ENVELOPE__BODY_PLACE_REQUEST)
            return place_take(inv, ev, out);
        if (ev->envelope->body_case == LIFECIRCLE__V1__ENVELOPE__BODY_CHECK_REQUEST)
            return check_take(inv, ev, out);
        if (ev->envelope->body_case == LIFECIRCLE__V1__ENVELOPE__BODY_STOCK_REQUEST)
            return feed_take(inv, ev, out);
    }
    count(inv, COUNT_IGNORED, 1);
    return LC_OK;
}

static void
redis_replied(struct inventory *inv, const struct event *ev, struct outbox *out)
{
    if (ev->ref >= TAG_QUEUES) {
        queues_replied(inv, ev);
        return;
    }
    struct call *c = call_take(inv, ev->ref);

    if (c == NULL) { /* answered before */
        count(inv, COUNT_IGNORED, 1);
        return;
    }
    if (ev->reply->kind == REPLY_LOST) {
        inv->up = false;
        inv->retry_ms = ev->now_ms + RETRY_MS;
        wake(out, inv->retry_ms);
    }
    if (c->kind == CALL_PLACE)
        place_replied(inv, ev, out, c);
    else if (c->kind == CALL_CHECK || c->kind == CALL_FEED)
        single_replied(inv, ev, out, c);
    else
        expiry_replied(inv, ev, out, c);
}

/* overdue: while Redis is away, looks after those who wait. */
static void
overdue(struct inventory *inv, const struct event *ev, struct outbox *out)
{
    place_overdue(inv, ev, out);
    single_overdue(inv, ev, out);
    if (!inv->up && (inv->head != NULL || inv->waiting != NULL))
        wake(out, ev->now_ms + 50);
}

/* redis_up: whatever waits goes out again. */
static void
redis_up(struct inventory *inv, const struct event *ev, struct outbox *out)
{
    inv->up = true;
    inv->retry_ms = 0;
    single_resend(inv, ev, out);
    expiry_look(inv, ev, out);
    queues_look(inv, ev, out);
}

static void
woken(struct inventory *inv, const struct event *ev, struct outbox *out)
{
    if (!inv->up && inv->retry_ms > 0 && ev->now_ms >= inv->retry_ms)
        redis_up(inv, ev, out); /* one answer got lost, and nobody said that the connection broke */
    overdue(inv, ev, out);
    expiry_look(inv, ev, out);
    queues_look(inv, ev, out);
}

static enum lc_err
inventory_step(void *core, const struct event *ev, struct outbox *out)
{
    struct inventory *inv = core;
    enum lc_err err = LC_OK;

    switch (ev->kind) {
    case EVENT_START:
        start(inv, ev);
        break;
    case EVENT_MESSAGE:
        err = message(inv, ev, out);
        break;
    case EVENT_REDIS:
        redis_replied(inv, ev, out);
        break;
    case EVENT_REDIS_UP:
        redis_up(inv, ev, out);
        break;
    case EVENT_TURN_END:
        if (inv->up)
            place_send(inv, ev, out);
        else
            overdue(inv, ev, out);
        if (ev->now_ms >= inv->next_expiry_ms) /* should the wish to be woken have been lost */
            expiry_look(inv, ev, out);
        break;
    case EVENT_WAKE:
        woken(inv, ev, out);
        break;
    case EVENT_STOP:
        inv->stopping = true;
        break;
    case EVENT_HTTP:
    case EVENT_HTTP_BODY:
    case EVENT_HTTP_END:
    case EVENT_GONE:
    case EVENT_SOCKET:
    case EVENT_CALLED:
    case EVENT_TRAVEL:
    case EVENT_ROADS:
    case EVENT_WORK:
    case EVENT_ADDRESSES:
        break;
    }
    return err;
}

static const struct counter *
inventory_counters(const void *core, size_t *n)
{
    const struct inventory *inv = core;

    *n = COUNTS;
    return inv->counters;
}

static const struct histogram *
inventory_histograms(const void *core, size_t *n)
{
    const struct inventory *inv = core;

    *n = 1;
    return &inv->placed;
}

static bool
inventory_ready(const void *core)
{
    const struct inventory *inv = core;

    return inv->up && !inv->stopping;
}

const struct service inventory_service = {
    .name = "inventory",
    .open = inventory_open,
    .step = inventory_step,
    .close = inventory_close,
    .counters = inventory_counters,
    .histograms = inventory_histograms,
    .ready = inventory_ready,
};
