#include "matcher/core.h"

#include <utlist.h>

#include <stdio.h>
#include <stdlib.h>

#define OUTCOME(name) "match_total{outcome=\"" name "\"}", "orders by what became of them"
#define PACE(mode) "travel_time_percent{mode=\"" mode "\"}"
#define BY(name) "match_decisions_total{travel=\"" name "\"}", "decisions by their travel times"
#define WAIT_BY(name)                                                                              \
    "match_courier_waits_total{travel=\"" name "\"}",                                              \
        "stores that the soonest courier was looked for, by the couriers' travel times"

static const struct counter counters[COUNTS] = {
    [COUNT_PLACED] = {OUTCOME("placed"), 0, false},
    [COUNT_NOT_PLACED] = {OUTCOME("not_placed"), 0, false},
    [COUNT_DUPLICATE] = {OUTCOME("duplicate"), 0, false},
    [COUNT_CONFLICT] = {OUTCOME("conflict"), 0, false},
    [COUNT_PRICE_DIFFERS] = {OUTCOME("price_differs"), 0, false},
    [COUNT_UNAVAILABLE] = {OUTCOME("unavailable"), 0, false},
    [COUNT_QUOTED] = {"quotes_total{outcome=\"quoted\"}", "quotes", 0, false},
    [COUNT_NOT_QUOTED] = {"quotes_total{outcome=\"not_quoted\"}", "quotes", 0, false},
    [COUNT_NEARBY] = {"nearby_total", "nearby queries answered", 0, false},
    [COUNT_JUDGED] = {"match_stores_judged_total", "stores looked at", 0, false},
    [COUNT_CELL_HIT] = {"match_cells_total{result=\"hit\"}", "neighbourhoods asked for", 0, false},
    [COUNT_CELL_MISS] = {"match_cells_total{result=\"miss\"}", "neighbourhoods asked for", 0,
                         false},
    [COUNT_GEOSEARCH] = {"match_geosearch_total", "GEOSEARCH calls", 0, false},
    [COUNT_EXHAUSTED] = {"match_exhausted_total", "rounds of candidates without the stock", 0,
                         false},
    [COUNT_CLAIMED] = {"match_claimed_total", "due rows claimed", 0, false},
    [COUNT_HASTENED] = {"match_hastened_total", "held orders brought forward", 0, false},
    [COUNT_FOREIGN] = {"match_foreign_total", "messages of another city", 0, false},
    [COUNT_LATE] = {"match_late_answers_total", "answers nobody waited for", 0, false},
    [COUNT_TRAVEL_ASKED] = {"match_travel_asked_total", "questions to a routing server", 0, false},
    [COUNT_TRAVEL_FALLBACK] = {"match_travel_fallback_total",
                               "decisions made without the server that was asked", 0, false},
    [COUNT_BY_SERVER] = {BY("server"), 0, false},
    [COUNT_BY_ROADS] = {BY("roads"), 0, false},
    [COUNT_BY_ESTIMATE] = {BY("estimate"), 0, false},
    [COUNT_WAIT_BY_ROADS] = {WAIT_BY("roads"), 0, false},
    [COUNT_WAIT_BY_ESTIMATE] = {WAIT_BY("estimate"), 0, false},
    [COUNT_MALFORMED] = {"match_malformed_total", "records and replies not understood", 0, false},
    [COUNT_BAD_ZONES] = {"match_bad_zones", "zones refused since start", 0, true},
    [COUNT_JOBS] = {"match_jobs", "orders, quotes and queries in work", 0, true},
    [COUNT_STORES] = {"match_stores", "stores known", 0, true},
    [COUNT_CELLS] = {"match_cells", "neighbourhoods kept", 0, true},
    [COUNT_CELL_BYTES] = {"match_cell_bytes", "memory of neighbourhoods", 0, true},
    [COUNT_COURIERS] = {"match_couriers", "couriers on shift in the last forecast", 0, true},
    [COUNT_PACE + TRAVEL_FOOT] = {PACE("foot"),
                                  "of the map's travel times, as the router has learnt them", 0,
                                  true},
    [COUNT_PACE + TRAVEL_BICYCLE] = {PACE("bicycle"), "", 0, true},
    [COUNT_PACE + TRAVEL_EBIKE] = {PACE("ebike"), "", 0, true},
    [COUNT_PACE + TRAVEL_SCOOTER] = {PACE("scooter"), "", 0, true},
    [COUNT_PACE + TRAVEL_CAR] = {PACE("car"), "", 0, true},
    [COUNT_PACE + TRAVEL_VAN] = {PACE("van"), "", 0, true},
};

static void
matcher_close(void *core)
{
    struct matcher *m = core;

    match_jobs_free(m);
    catalogue_destroy(m->catalogue);
    match_cells_destroy(m->cells);
    match_shops_free(&m->shops);
    arena_destroy(m->gather);
    free(m);
}

static void *
matcher_open(void)
{
    enum { GATHER_MAX = 64 * 1024 * 1024 };
    struct matcher *m = calloc(1, sizeof *m);

    if (m == NULL)
        return NULL;
    memcpy(m->counts, counters, sizeof counters);
    m->took =
        (struct histogram){.name = "match_seconds", .help = "From MatchRequest to its answer"};
    match_policy_read(&m->policy, NULL);
    match_pace_start(m);
    m->gather = arena_new(GATHER_MAX);
    if (m->gather == NULL || match_shops_init(&m->shops) != LC_OK) {
        matcher_close(m);
        return NULL;
    }
    return m;
}

/* ---- events ---- */

static enum lc_err
start(struct match_step *s)
{
    struct matcher *m = s->m;
    struct slice city = config_get(s->ev->config, "city");

    if (m->started)
        return LC_OK;
    if (city.n == 0 || city.n > 31)
        return outbox_refuse(s->out, "city", "1_to_31_bytes");
    match_policy_read(&m->policy, s->ev->config);
    match_pace_start(m);
    if (match_shops_timezone(&m->shops, config_get(s->ev->config, "tzif")) != LC_OK)
        outbox_note(s->out, "config_refused", "name=tzif expected=TZif used=UTC");
    mint_init(&m->mint, "matcher", city, s->ev->entropy);
    snprintf(m->tag, sizeof m->tag, "{%s}", m->mint.city);
    snprintf(m->geo_key, sizeof m->geo_key, "%s:geo:stores", m->tag);
    snprintf(m->load_key, sizeof m->load_key, "%s:load", m->tag);
    snprintf(m->stores_key, sizeof m->stores_key, "%s:stores", m->tag);
    m->cells = match_cells_new((size_t)m->policy.cells_bytes);
    m->catalogue = catalogue_new(&(struct catalogue_options){.kinds = CATALOGUE_STORES,
                                                             .city = city,
                                                             .tag = TAG_CATALOGUE,
                                                             .poll_ms = m->policy.poll_ms,
                                                             .watch = &match_watch,
                                                             .ctx = m});
    if (m->cells == NULL || m->catalogue == NULL) {
        match_cells_destroy(m->cells);
        catalogue_destroy(m->catalogue);
        m->cells = NULL;
        m->catalogue = NULL;
        return LC_ENOMEM;
    }
    m->started = true;
    return LC_OK;
}

static void
take_forecast(struct match_step *s)
{
    if (match_supply_take(&s->m->supply, s->ev->envelope->supply_forecast, s->ev->now_ms))
        s->m->hasten_wanted = true;
    match_pace_take(s, s->ev->envelope->supply_forecast);
}

static void
message(struct match_step *s)
{
    const Lifecircle__V1__Envelope *env = s->ev->envelope;

    if (strcmp(env->city, s->m->mint.city) != 0) {
        match_count(s->m, COUNT_FOREIGN, 1);
        return;
    }
    switch ((int)env->body_case) {
    case LIFECIRCLE__V1__ENVELOPE__BODY_MATCH_REQUEST:
        match_request_taken(s);
        break;
    case LIFECIRCLE__V1__ENVELOPE__BODY_PLACE_REPLY:
        match_placed(s);
        break;
    case LIFECIRCLE__V1__ENVELOPE__BODY_CHECK_REPLY:
        match_checked(s);
        break;
    case LIFECIRCLE__V1__ENVELOPE__BODY_SUPPLY_FORECAST:
        take_forecast(s);
        break;
    default: /* news is the catalogue's; nothing else is for a matcher */
        break;
    }
}

static void
redis_reply(struct match_step *s)
{
    const struct reply *reply = s->ev->reply;

    if ((s->ev->ref & TAG_CELL) != 0) {
        match_cell_answered(s);
        return;
    }
    switch (s->ev->ref) {
    case TAG_CLAIM_MATCH:
        match_due_claimed(s, 0);
        break;
    case TAG_CLAIM_HELD:
        match_due_claimed(s, 1);
        break;
    case TAG_LOAD:
        s->m->load.asked_ms = 0;
        match_shops_load(&s->m->shops, reply);
        break;
    case TAG_STORES:
        match_missed_read(s);
        break;
    case TAG_HASTEN:
        s->m->hasten.asked_ms = 0;
        if (reply->kind == REPLY_INT && reply->integer > 0) {
            match_count(s->m, COUNT_HASTENED, (uint64_t)reply->integer);
            s->m->claim[1].next_ms = s->ev->now_ms;
        }
        break;
    default:
        break;
    }
}

/* A tick every MATCH_TICK_MS. */
static void
tick(struct match_step *s)
{
    match_remote_expire(s);
    if (s->ev->now_ms < s->m->wake_ms) {
        outbox_wake(s->out, s->m->wake_ms);
        return;
    }
    s->m->wake_ms = s->ev->now_ms + MATCH_TICK_MS;
    outbox_wake(s->out, s->m->wake_ms);
    match_pace_expire(s);
    match_expire(s);
    match_cells_ask_again(s);
    match_due_timers(s);
}

static enum lc_err
matcher_step(void *core, const struct event *ev, struct outbox *out)
{
    struct match_step s = {core, ev, out};
    struct matcher *m = core;

    if (ev->kind == EVENT_START) {
        enum lc_err err = start(&s);
        if (err != LC_OK)
            return err;
    }
    if (!m->started)
        return LC_ESTATE;
    bool taken = catalogue_step(m->catalogue, ev, out);
    match_catalogue_changed(&s);
    if (m->hasten_wanted)
        match_due_hasten(&s);
    if (taken)
        return LC_OK;
    switch (ev->kind) {
    case EVENT_START:
    case EVENT_WAKE:
        tick(&s);
        break;
    case EVENT_MESSAGE:
        message(&s);
        break;
    case EVENT_REDIS:
        redis_reply(&s);
        break;
    case EVENT_REDIS_UP:
        m->up = true;
        match_cells_ask_again(&s);
        match_due_timers(&s);
        break;
    case EVENT_TURN_END:
        match_flush_ready(&s);
        match_flush_answers(&s);
        break;
    case EVENT_TRAVEL:
        match_remote_answered(&s);
        break;
    case EVENT_ROADS:
        match_pace_roads(&s);
        break;
    case EVENT_STOP:
        m->draining = true;
        break;
    case EVENT_ADDRESSES:
    case EVENT_HTTP:
    case EVENT_HTTP_BODY:
    case EVENT_HTTP_END:
    case EVENT_GONE:
    case EVENT_SOCKET:
    case EVENT_CALLED:
    case EVENT_WORK:
        break;
    }
    return LC_OK;
}

static const struct counter *
matcher_counters(const void *core, size_t *n)
{
    /* gauges are set when somebody looks */
    struct matcher *m = (struct matcher *)(uintptr_t)core;

    m->counts[COUNT_BAD_ZONES].value = m->shops.bad_zones;
    m->counts[COUNT_JOBS].value = m->n_jobs;
    m->counts[COUNT_STORES].value = m->shops.count;
    m->counts[COUNT_COURIERS].value = m->supply.on_shift;
    m->counts[COUNT_WAIT_BY_ROADS].value = m->supply.asked[0];
    m->counts[COUNT_WAIT_BY_ESTIMATE].value = m->supply.asked[1];
    for (size_t i = 0; i < TRAVEL_MODES; i++)
        m->counts[COUNT_PACE + i].value = m->pace[i];
    if (m->cells != NULL) {
        m->counts[COUNT_CELLS].value = match_cells_count(m->cells);
        m->counts[COUNT_CELL_BYTES].value = match_cells_bytes(m->cells);
    }
    *n = COUNTS;
    return m->counts;
}

static const struct histogram *
matcher_histograms(const void *core, size_t *n)
{
    const struct matcher *m = core;

    *n = 1;
    return &m->took;
}

static bool
matcher_ready(const void *core)
{
    const struct matcher *m = core;

    return m->started && !m->draining && catalogue_loaded(m->catalogue);
}

const struct service matcher_service = {
    .name = "matcher",
    .open = matcher_open,
    .step = matcher_step,
    .close = matcher_close,
    .counters = matcher_counters,
    .histograms = matcher_histograms,
    .ready = matcher_ready,
};
