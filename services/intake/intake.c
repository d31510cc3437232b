#include "intake.h"

#include "core.h"

#include <stdlib.h>

/* ---- life ---- */

static void *
open_core(void)
{
    struct intake *in = calloc(1, sizeof *in);

    if (in == NULL)
        return NULL;
    in->gathered_end = &in->gathered;
    in->accepts_end = &in->accepts;
    in->calls_retry_ms = INT64_MAX;
    in->wished_ms = INT64_MAX;
    static const struct held_marks none;
    in->marks = &none;
    counts_init(in);
    return in;
}

static void
close_core(void *core)
{
    struct intake *in = core;

    orders_close(in);
    calls_close(in);
    batches_close(in);
    submissions_close(in);
    nearby_close(in);
    feeds_close(in);
    auth_close(in);
    held_close(in);
    catalogue_destroy(in->catalogue);
    buf_free(&in->text);
    free(in);
}

static enum lc_err
start(struct intake *in, const struct event *ev, struct outbox *out)
{
    struct slice city = config_get(ev->config, "city");

    if (city.n == 0 || city.n >= sizeof in->city)
        return outbox_refuse(out, "city", "1_to_31_bytes");
    if (city_secret_parse(config_get(ev->config, "city-secret"), &in->secret) != LC_OK)
        return outbox_refuse(out, "city-secret", "64_hex_digits");
    memcpy(in->city, city.p, city.n);
    in->key[0] = '{';
    memcpy(in->key + 1, city.p, city.n);
    in->key[city.n + 1] = '}';
    personal_master_of(&in->secret, &in->personal);
    in->match_ms = config_int(ev->config, "match-ms", 250);
    in->bulk_match_ms = config_int(ev->config, "bulk-match-ms", 1000);
    in->answer_ms = config_int(ev->config, "answer-ms", 5000);
    in->pending_max = (uint64_t)config_int(ev->config, "pending-max", 20000);
    in->batch_window = (uint32_t)config_int(ev->config, "batch-window", 1024);
    in->min_window_ms = 1000 * config_int(ev->config, "min-window-s", 300);
    in->hold_margin_ms = 1000 * config_int(ev->config, "hold-margin-s", 600);
    in->webhooks_http = slice_eq_str(config_get(ev->config, "webhooks-http"), "yes");
    mint_init(&in->mint, "intake", city, ev->entropy);
    in->catalogue = catalogue_new(&(struct catalogue_options){
        .kinds = CATALOGUE_CHAINS | CATALOGUE_STORES | CATALOGUE_SKUS | CATALOGUE_SKU_NAMES |
                 CATALOGUE_COURIERS,
        .city = city,
        .tag = TAG_CATALOGUE,
        .poll_ms = config_int(ev->config, "poll-ms", CATALOGUE_POLL_MS),
    });
    return in->catalogue == NULL ? LC_ENOMEM : LC_OK;
}

/* ---- events ---- */

/* News is the catalogue's; nothing else is for us. */
static void
on_message(struct intake *in, const struct event *ev, struct outbox *out)
{
    int body = (int)ev->envelope->body_case;

    if (body == LIFECIRCLE__V1__ENVELOPE__BODY_MATCH_REPLY) {
        orders_reply(in, ev, out);
        nearby_reply(in, ev, out);
    } else if (body == LIFECIRCLE__V1__ENVELOPE__BODY_STOCK_REPLY) {
        feeds_reply(in, ev, out);
    } else if (body == LIFECIRCLE__V1__ENVELOPE__BODY_SUBMIT_REQUEST) {
        submit(in, ev, out);
    }
}

static void
on_wake(struct intake *in, const struct event *ev, struct outbox *out)
{
    in->wished_ms = INT64_MAX;
    orders_wake(in, ev, out);
    calls_wake(in, ev, out);
    nearby_wake(in, ev, out);
}

/* Batches first: what they still had may go with this turn's orders. */
static void
on_turn_end(struct intake *in, const struct event *ev, struct outbox *out)
{
    feeds_turn_end(in, ev, out);
    batches_turn_end(in, ev, out);
    orders_turn_end(in, ev, out);
    nearby_turn_end(in, ev, out);
}

static void
wish(struct intake *in, const struct event *ev, struct outbox *out)
{
    int64_t at = catalogue_wake_ms(in->catalogue);
    const int64_t others[] = {orders_wake_ms(in), calls_wake_ms(in), nearby_wake_ms(in),
                              feeds_wake_ms(in)};

    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (others[i] < at)
            at = others[i];
    if (at >= in->wished_ms)
        return;
    if (at <= ev->now_ms) /* something could not be done now: not again in the same moment */
        at = ev->now_ms + 1;
    in->wished_ms = at;
    outbox_wake(out, at);
}

static enum lc_err
step(void *core, const struct event *ev, struct outbox *out)
{
    struct intake *in = core;

    chance_stir(&in->chance, ev->entropy);
    if (ev->kind == EVENT_START)
        return start(in, ev, out);
    if (in->catalogue == NULL) /* the start failed */
        return LC_ESTATE;
    if (catalogue_step(in->catalogue, ev, out))
        return LC_OK;
    switch (ev->kind) {
    case EVENT_WAKE:
        on_wake(in, ev, out);
        break;
    case EVENT_TURN_END:
        on_turn_end(in, ev, out);
        break;
    case EVENT_MESSAGE:
        on_message(in, ev, out);
        break;
    case EVENT_REDIS:
        calls_reply(in, ev, out);
        break;
    case EVENT_REDIS_UP:
        calls_up(in, out);
        break;
    case EVENT_HTTP:
        route_request(in, ev, out);
        break;
    case EVENT_HTTP_BODY:
    case EVENT_HTTP_END:
        if (held_body(in, ev))
            break;
        batch_body(in, ev, out);
        feed_body(in, ev, out);
        break;
    case EVENT_GONE: /* an order that was begun is finished; its answer finds nobody */
        held_gone(in, ev->ref);
        batch_gone(in, ev->ref);
        feed_gone(in, ev->ref);
        break;
    case EVENT_STOP:
        in->stopping = true;
        break;
    case EVENT_START:
    case EVENT_SOCKET:
    case EVENT_CALLED:
    case EVENT_TRAVEL:
    case EVENT_ROADS:
    case EVENT_WORK:
        break;
    case EVENT_ADDRESSES:
        in->addresses = ev->addresses;
        break;
    }
    wish(in, ev, out);
    return LC_OK;
}

/* ---- what the operator sees ---- */

static const struct counter *
counters(const void *core, size_t *n)
{
    struct intake *in = (struct intake *)(uintptr_t)core; /* gauges are read off only here */

    in->counts[COUNT_PENDING].value = in->pending_n;
    in->counts[COUNT_STREAMS].value = in->streams_n;
    in->counts[COUNT_CALLS].value = HASH_COUNT(in->calls);
    *n = COUNTS;
    return in->counts;
}

static const struct histogram *
histograms(const void *core, size_t *n)
{
    const struct intake *in = core;

    *n = 1;
    return &in->answer;
}

static bool
ready(const void *core)
{
    const struct intake *in = core;

    return !in->stopping && in->catalogue != NULL && catalogue_loaded(in->catalogue);
}

const struct service intake_service = {
    .name = "intake",
    .open = open_core,
    .step = step,
    .close = close_core,
    .counters = counters,
    .histograms = histograms,
    .ready = ready,
    .streams = route_streams,
};
