#include "notifier/notifier.h"
#include "notifier/core.h"
#include "notifier/ops.h"
#include "notifier/pages.h"
#include "notifier/ways.h"

#include <stdlib.h>

struct slice
redis_key(const struct notifier *n, struct arena *a, const char *name)
{
    return slice_str(arena_printf(a, "{%s}:%s", n->city, name));
}

struct slice
redis_number(struct arena *a, int64_t v)
{
    return slice_str(arena_int(a, v));
}

struct slice
order_key(const struct notifier *n, struct arena *a, struct uuid order)
{
    char text[UUID_TEXT];

    uuid_format(order, text);
    return slice_str(arena_printf(a, "{%s}:order:%s", n->city, text));
}

void
ask_orders(const struct notifier *n, const struct event *ev, struct outbox *out, uint64_t tag,
           const struct uuid *orders, size_t count)
{
    struct slice *argv = arena_array(ev->arena, count + 1, sizeof *argv);

    if (argv == NULL)
        return;
    argv[0] = SLICE_LIT("MGET");
    for (size_t i = 0; i < count; i++)
        argv[i + 1] = order_key(n, ev->arena, orders[i]);
    outbox_redis(out, tag, argv, count + 1);
}

const Lifecircle__V1__Order *
read_order(struct slice record, struct arena *a, struct record *r)
{
    if (record.n == 0 || record_read(record, r) != LC_OK || r->order.n == 0)
        return NULL;
    return wire_unpack(&lifecircle__v1__order__descriptor, a, r->order);
}

void
ask_whole_orders(const struct notifier *n, const struct event *ev, struct outbox *out, uint64_t tag,
                 const struct uuid *orders, size_t count)
{
    enum { FIXED = 5 };
    struct slice *argv = arena_array(ev->arena, count + FIXED, sizeof *argv);

    if (argv == NULL)
        return;
    argv[0] = SLICE_LIT("FCALL_RO");
    argv[1] = SLICE_LIT("order_read");
    argv[2] = SLICE_LIT("1");
    argv[3] = slice_str(arena_printf(ev->arena, "{%s}", n->city));
    argv[4] = redis_number(ev->arena, (int64_t)count);
    for (size_t i = 0; i < count; i++) {
        char *text = arena_alloc(ev->arena, UUID_TEXT);
        if (text != NULL)
            uuid_format(orders[i], text);
        argv[i + FIXED] = slice_str(text);
    }
    outbox_redis(out, tag, argv, count + FIXED);
}

const Lifecircle__V1__Order *
read_whole_order(const struct notifier *n, const struct reply *pair, struct arena *a,
                 struct record *r)
{
    const Lifecircle__V1__Personal *p = NULL;
    struct slice record = pair[0].str;
    struct uuid id;

    if (record.n == 0 || record_read(record, r) != LC_OK || r->order.n == 0)
        return NULL;
    const Lifecircle__V1__Order *kept =
        wire_unpack(&lifecircle__v1__order__descriptor, a, r->order);
    Lifecircle__V1__Order *order = kept == NULL ? NULL : arena_alloc(a, sizeof *order);
    if (order == NULL)
        return NULL;
    *order = *kept;
    enum lc_err err = uuid_parse(slice_str(order->order_id), &id);
    if (err == LC_OK)
        err = personal_open(&n->personal, id, pair[1].str, a, &p);
    if (err == LC_OK)
        personal_give(order, p);
    return err == LC_ENOMEM ? NULL : order; /* not as if there were none */
}

/* ---- the service ---- */

static const struct counter counter_names[COUNT_N] = {
    [COUNT_EVENTS] = {"events_read_total", "events read from the stream", 0, false},
    [COUNT_GAPS] = {"events_gaps_total", "times the stream had moved on without us", 0, false},
    [COUNT_SESSIONS] = {"courier_sessions", "couriers connected", 0, true},
    [COUNT_SCREENS] = {"store_screens", "store screens connected", 0, true},
    [COUNT_WATCHERS] = {"customers_watching", "customers following an order", 0, true},
    [COUNT_PUSHES] = {"route_pushes_total", "routes pushed to couriers", 0, false},
    [COUNT_ACTIONS] = {"courier_actions_total", "actions taken from couriers", 0, false},
    [COUNT_ACTIONS_LOST] = {"courier_actions_unanswered_total",
                            "actions that the router did not answer in time", 0, false},
    [COUNT_BAD_MESSAGES] = {"bad_messages_total", "WebSocket messages refused", 0, false},
    [COUNT_DENIED] = {"denied_total", "connections refused for their token", 0, false},
    [COUNT_POSITIONS] = {"courier_positions_total", "positions taken from couriers", 0, false},
    [COUNT_HOOKS_QUEUED] = {"webhooks_queued_total", "webhooks made durable", 0, false},
    [COUNT_HOOKS_SENT] = {"webhooks_delivered_total", "webhooks the chain took", 0, false},
    [COUNT_HOOKS_FAILED] = {"webhooks_failed_total", "webhook attempts that failed", 0, false},
    [COUNT_HOOKS_DEFERRED] = {"webhooks_deferred_total",
                              "webhooks put off because their chain has its share of calls", 0,
                              false},
    [COUNT_HOOKS_GIVEN_UP] = {"webhooks_given_up_total", "webhooks given up or disabled", 0, false},
    [COUNT_WAY_LEGS] = {"way_legs_total", "legs of ways told to couriers and operators", 0, false},
    [COUNT_WAY_LEGS_STRAIGHT] = {"way_legs_straight_total",
                                 "of them, straight lines: no map, or it knows no way", 0, false},
    [COUNT_WAY_LEGS_KEPT] = {"way_legs_remembered_total", "of them, found before", 0, false},
    [COUNT_WAYS_REFUSED] = {"ways_refused_total",
                            "questions for a way that were too many, or could not be answered", 0,
                            false},
};

static void *
notifier_open(void)
{
    struct notifier *n = calloc(1, sizeof *n);

    if (n != NULL)
        memcpy(n->counters, counter_names, sizeof counter_names);
    if (n != NULL) {
        n->took[TOOK_PUSH] = (struct histogram){
            .name = "push_seconds", .help = "From a route's writing to the courier's phone"};
        n->took[TOOK_WEBHOOK] = (struct histogram){
            .name = "webhook_seconds", .help = "From an event to the chain that took its webhook"};
    }
    return n;
}

static void
notifier_close(void *core)
{
    struct notifier *n = core;

    if (n == NULL)
        return;
    phones_close(n);
    push_close(n);
    tickets_close(n);
    tracking_close(n);
    ways_close(n);
    access_close(n);
    ops_close(n);
    ask_close(n);
    hooks_close(n);
    web_map_free(n->map);
    catalogue_destroy(n->catalogue);
    free(n);
}

static void
store_changed(void *ctx, const struct catalogue_store *s, const Lifecircle__V1__Store *full)
{
    (void)full;
    ops_store_event(ctx, s->store);
}

static void
courier_changed(void *ctx, const Lifecircle__V1__Courier *c)
{
    struct notifier *n = ctx;

    n->tokens_changed = true;
    ops_courier_event(n, c->courier);
}

static void
catalogue_whole(void *ctx)
{
    struct notifier *n = ctx;

    n->tokens_changed = true; /* who is not there any more had no change of its own */
}

static enum lc_err
start(struct notifier *n, const struct event *ev, struct outbox *out)
{
    struct slice city = config_get(ev->config, "city");

    if (city.n == 0 || city.n >= sizeof n->city)
        return outbox_refuse(out, "city", "1_to_31_bytes");
    if (city_secret_parse(config_get(ev->config, "city-secret"), &n->secret) != LC_OK)
        return outbox_refuse(out, "city-secret", "64_hex_digits");
    memcpy(n->city, city.p, city.n);
    personal_master_of(&n->secret, &n->personal);
    mint_init(&n->mint, "notifier", city, ev->entropy);
    struct slice tiles = config_get(ev->config, "tiles");
    if (tiles.n > 0 && !web_tiles_ok(tiles))
        return outbox_refuse(out, "tiles", "https_url_with_{z},{x},{y}");
    n->map = web_map_new(config_get(ev->config, "city-map"), tiles,
                         config_get(ev->config, "tiles-credit"));
    enum lc_err err = work_pay_read(&n->pay, ev->config, out);
    if (err != LC_OK)
        return err;
    n->position_ms = 1000 * config_int(ev->config, "position-s", 300);
    n->speedup = config_int(ev->config, "speedup", 1);
    if (n->speedup < 1)
        n->speedup = 1;
    n->events_kept = config_int(ev->config, "events-kept", 200000);
    n->proof_room = config_int(ev->config, "proofs-mb", 256) * 1024 * 1024;
    n->poll_every_ms = config_int(ev->config, "poll-ms", CATALOGUE_POLL_MS);
    static const struct catalogue_watch watch = {
        .store = store_changed, .courier = courier_changed, .loaded = catalogue_whole};
    const struct catalogue_options options = {
        .kinds = CATALOGUE_CHAINS | CATALOGUE_STORES | CATALOGUE_COURIERS | CATALOGUE_SKUS,
        .city = city,
        .poll_ms = n->poll_every_ms,
        .tag = call_tag(CALL_CATALOGUE, 0),
        .watch = &watch,
        .ctx = n,
    };
    n->catalogue = catalogue_new(&options);
    return n->catalogue == NULL ? LC_ENOMEM : LC_OK;
}

static bool
path_is(const struct event *ev, const char *path)
{
    return slice_eq_str(ev->http->path, path);
}

static void
request(struct notifier *n, const struct event *ev, struct outbox *out)
{
    bool get = slice_eq_str(ev->http->method, "GET");

    if (path_is(ev, "/v1/courier") || path_is(ev, "/v1/store-feed") || path_is(ev, "/v1/ops")) {
        if (!get)
            refuse(ev, out, 405, "method_not_allowed", "expected GET");
        else if (!ev->http->upgrade)
            refuse(ev, out, 426, "upgrade_required", "expected a WebSocket upgrade");
        else if (!catalogue_loaded(n->catalogue))
            refuse(ev, out, 503, "unavailable", "the catalogue is still being read; try again");
        else if (path_is(ev, "/v1/courier"))
            phones_open(n, ev, out);
        else if (path_is(ev, "/v1/ops"))
            ops_open(n, ev, out);
        else
            tickets_open(n, ev, out);
    } else if (path_is(ev, "/v1/osmand")) {
        if (!get && !slice_eq_str(ev->http->method, "POST"))
            refuse(ev, out, 405, "method_not_allowed", "expected GET or POST");
        else if (!catalogue_loaded(n->catalogue))
            refuse(ev, out, 503, "unavailable", "the catalogue is still being read; try again");
        else
            osmand_open(n, ev, out);
    } else if (ev->http->path.n > 18 && memcmp(ev->http->path.p, "/v1/courier/proof/", 18) == 0) {
        if (!slice_eq_str(ev->http->method, "POST"))
            refuse(ev, out, 405, "method_not_allowed", "expected POST");
        else if (!catalogue_loaded(n->catalogue))
            refuse(ev, out, 503, "unavailable", "the catalogue is still being read; try again");
        else
            proof_post(n, ev, out);
    } else if (ev->http->path.n > 3 && memcmp(ev->http->path.p, "/t/", 3) == 0) {
        if (get)
            tracking_open(n, ev, out);
        else if (slice_eq_str(ev->http->method, "POST"))
            customer_post(n, ev, out);
        else
            refuse(ev, out, 405, "method_not_allowed", "expected GET or POST");
    } else if (!pages_open(n->map, ev, out)) {
        refuse(ev, out, 404, "not_found", "no such resource");
    }
}

static void
socket_message(struct notifier *n, const struct event *ev, struct outbox *out)
{
    struct session *session = session_by_conn(n, ev->ref);
    struct screen *screen = session == NULL ? screen_by_conn(n, ev->ref) : NULL;
    struct viewer *viewer = session == NULL && screen == NULL ? viewer_by_conn(n, ev->ref) : NULL;

    if (ev->bytes.n > MESSAGE_MAX) {
        count(n, COUNT_BAD_MESSAGES, 1);
        outbox_socket_close(out, ev->ref, 1009, "message over 16 KiB");
    } else if (session != NULL) {
        phones_message(n, session, ev, out);
    } else if (screen != NULL) {
        tickets_message(n, screen, ev, out);
    } else if (viewer != NULL) {
        ops_message(n, viewer, ev, out);
    }
}

static void
gone(struct notifier *n, uint64_t conn)
{
    struct session *session = session_by_conn(n, conn);
    struct screen *screen = session == NULL ? screen_by_conn(n, conn) : NULL;
    struct viewer *viewer = session == NULL && screen == NULL ? viewer_by_conn(n, conn) : NULL;

    access_gone(n, conn);
    if (session != NULL)
        session_gone(n, session);
    else if (screen != NULL)
        tickets_gone(n, screen);
    else if (viewer != NULL)
        ops_gone(n, viewer);
    else
        (void)tracking_gone(n, conn);
}

static void
redis_reply(struct notifier *n, const struct event *ev, struct outbox *out)
{
    if (ev->reply->kind == REPLY_LOST)
        n->follow = FOLLOW_DOWN; /* what is asked before EVENT_REDIS_UP would only be lost again */
    switch ((enum call_kind)(ev->ref >> 56)) {
    case CALL_PRIMARY:
    case CALL_CURSOR:
    case CALL_EVENTS:
        follow_reply(n, ev, out);
        break;
    case CALL_HOOK_ORDERS:
    case CALL_HOOK_ENQUEUE:
    case CALL_HOOK_CLAIM:
    case CALL_HOOK_DONE:
    case CALL_HOOK_CHAIN:
        hooks_reply(n, ev, out);
        break;
    case CALL_ROUTES:
    case CALL_ROUTE_ORDERS:
        push_reply(n, ev, out);
        break;
    case CALL_TICKET_IDS:
    case CALL_TICKET_ORDERS:
    case CALL_TICKET_ONE:
        tickets_reply(n, ev, out);
        break;
    case CALL_TRACKING:
        tracking_reply(n, ev, out);
        break;
    case CALL_ASK:
        ask_reply(n, ev, out);
        break;
    case CALL_ACCESS:
        access_checked(n, ev, out);
        break;
    case CALL_OPS_IDS:
    case CALL_OPS_ORDERS:
    case CALL_OPS_SHIFTS:
    case CALL_OPS_ROUTES:
    case CALL_OPS_POSITIONS:
    case CALL_OPS_COURIERS:
        ops_news_reply(n, ev, out);
        break;
    case CALL_OPS_SHELVES:
        ops_shelves_reply(n, ev, out);
        break;
    case CALL_WAY:
        ways_reply(n, ev, out);
        break;
    case CALL_TRIM:
    case CALL_CATALOGUE:
        break;
    }
}

static void
trim(struct notifier *n, const struct event *ev, struct outbox *out)
{
    if (ev->now_ms < n->trim_ms)
        return;
    n->trim_ms = ev->now_ms + TRIM_MS;
    struct slice argv[] = {SLICE_LIT("FCALL"), SLICE_LIT("events_trim"), SLICE_LIT("1"),
                           slice_str(arena_printf(ev->arena, "{%s}", n->city)),
                           redis_number(ev->arena, n->events_kept)};
    outbox_redis(out, call_tag(CALL_TRIM, 0), argv, 5);
}

/* next_tick: when something is due, by what is known now; what comes later wishes for itself. */
static int64_t
next_tick(const struct notifier *n, int64_t now_ms)
{
    int64_t at_ms = now_ms + IDLE_MS;

    if (n->follow != FOLLOW_DOWN && n->poll_ms > now_ms && n->poll_ms < at_ms)
        at_ms = n->poll_ms;
    if (n->follow != FOLLOW_DOWN && !n->claiming && n->claim_ms < at_ms)
        at_ms = n->claim_ms;
    if (n->ops.viewers != NULL && now_ms + OPS_FLUSH_MS < at_ms)
        at_ms = now_ms + OPS_FLUSH_MS;
    if (n->actions != NULL && now_ms + TICK_MS < at_ms)
        at_ms = now_ms + TICK_MS;
    return at_ms > now_ms ? at_ms : now_ms + TICK_MS;
}

static void
tick(struct notifier *n, const struct event *ev, struct outbox *out)
{
    if (push_waits(n) && ev->now_ms >= n->ticked_ms && ev->now_ms < n->ticked_ms + BUSY_TICK_MS) {
        outbox_wake(out, n->ticked_ms + BUSY_TICK_MS); /* woken for the pushes alone */
        return;
    }
    n->ticked_ms = ev->now_ms;
    if (n->follow == FOLLOW_IDLE && ev->now_ms >= n->poll_ms)
        follow_poll(n, ev, out);
    else if (n->follow > FOLLOW_IDLE && ev->now_ms > n->asked_ms + ANSWER_MS)
        follow_redis_up(n, ev, out);
    push_tick(n, ev->now_ms);
    phones_tick(n, ev, out);
    tickets_tick(n, out);
    tracking_tick(n, ev->now_ms, out);
    access_tick(n, ev, out);
    ops_tick(n, ev, out);
    hooks_tick(n, ev, out);
    ways_tick(n, ev, out);
    if (n->follow != FOLLOW_DOWN)
        trim(n, ev, out);
    outbox_wake(out, next_tick(n, ev->now_ms));
}

static void
message(struct notifier *n, const struct event *ev, struct outbox *out)
{
    const Lifecircle__V1__Envelope *env = ev->envelope;

    /* forecasts and acknowledgements pass by */
    if (env->body_case == LIFECIRCLE__V1__ENVELOPE__BODY_COURIER_REPLY) {
        phones_answer(n, ev, out);
    } else if (env->body_case == LIFECIRCLE__V1__ENVELOPE__BODY_NEWS &&
               env->news->topic == LIFECIRCLE__V1__NEWS__TOPIC__EVENTS) {
        n->poll_ms = 0;
        if (n->follow == FOLLOW_IDLE)
            follow_poll(n, ev, out);
    }
}

static enum lc_err
notifier_step(void *core, const struct event *ev, struct outbox *out)
{
    struct notifier *n = core;

    chance_stir(&n->chance, ev->entropy);
    if (ev->kind == EVENT_START) {
        outbox_wake(out, ev->now_ms);
        return start(n, ev, out);
    }
    if (catalogue_step(n->catalogue, ev, out))
        return LC_OK;
    switch (ev->kind) {
    case EVENT_WAKE:
        tick(n, ev, out);
        break;
    case EVENT_TURN_END:
        push_turn_end(n, ev, out);
        tickets_turn_end(n, ev, out);
        break;
    case EVENT_MESSAGE:
        message(n, ev, out);
        break;
    case EVENT_REDIS:
        redis_reply(n, ev, out);
        break;
    case EVENT_REDIS_UP:
        follow_redis_up(n, ev, out);
        tracking_redis_up(n, ev, out);
        ops_redis_up(n);
        break;
    case EVENT_HTTP:
        request(n, ev, out);
        break;
    case EVENT_GONE:
        gone(n, ev->ref);
        break;
    case EVENT_SOCKET:
        socket_message(n, ev, out);
        break;
    case EVENT_CALLED:
        hooks_called(n, ev, out);
        break;
    case EVENT_STOP:
        n->stopping = true;
        tracking_stop(n, out);
        break;
    case EVENT_ROADS:
        ways_map(n, ev->travel);
        break;
    case EVENT_WORK:
        ways_done(n, ev, out);
        break;
    case EVENT_START:
    case EVENT_TRAVEL:
    case EVENT_ADDRESSES:
    case EVENT_HTTP_BODY:
    case EVENT_HTTP_END:
        break;
    }
    return LC_OK;
}

static const struct counter *
notifier_counters(const void *core, size_t *count)
{
    *count = COUNT_N;
    return ((const struct notifier *)core)->counters;
}

static const struct histogram *
notifier_histograms(const void *core, size_t *count)
{
    *count = NOTIFIER_TIMES;
    return ((const struct notifier *)core)->took;
}

static bool
notifier_ready(const void *core)
{
    const struct notifier *n = core;

    return !n->stopping && n->follow != FOLLOW_DOWN && n->catalogue != NULL &&
           catalogue_loaded(n->catalogue);
}

const struct service notifier_service = {
    .name = "notifier",
    .open = notifier_open,
    .step = notifier_step,
    .close = notifier_close,
    .counters = notifier_counters,
    .histograms = notifier_histograms,
    .ready = notifier_ready,
    .work = ways_work,
};
