#include "router/router.h"

#include "router/core.h"
#include "router/plan/slice/slice.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

static void *
router_open(void)
{
    struct router *r = calloc(1, sizeof *r);

    if (r == NULL)
        return NULL;
    r->commits_end = &r->commits;
    router_histograms_init(r);
    travel_faster_init(&r->estimate, travel_estimate(), 1);
    r->plan = plan_new(&r->estimate.travel);
    if (r->plan == NULL) {
        free(r);
        return NULL;
    }
    return r;
}

/* What Redis can say again. */
static void
forget(struct router *r)
{
    struct order *o, *next_o;
    struct courier *c, *next_c;

    commits_forget(r);
    plan_clear(r->plan);
    HASH_ITER(hh, r->orders, o, next_o)
    order_forget(r, o);
    HASH_ITER(hh, r->couriers, c, next_c)
    courier_free(r, c);
    r->want.n = 0;
    r->later.n = 0;
    r->follow_asked_ms = 0;
    r->follow_again = false;
    r->claim_asked_ms = 0;
    r->slice_asked = 0;
    r->generation++;
}

static void
router_close(void *core)
{
    struct router *r = core;
    struct pin_tries *t, *next;

    if (r == NULL)
        return;
    forget(r);
    HASH_ITER(hh, r->pins, t, next)
    {
        HASH_DEL(r->pins, t);
        free(t);
    }
    free(r->want.list);
    free(r->later.list);
    plan_destroy(r->plan);
    catalogue_destroy(r->catalogue);
    timezone_destroy(r->tz);
    free(r);
}

void
router_rebuild(struct router *r, const char *why)
{
    if (!r->rebuild)
        outbox_note(r->out, "router_rebuild", "why=%s", why);
    r->rebuild = true;
}

void
router_fenced(struct router *r)
{
    r->tally[T_FENCED]++;
    r->epoch = 0;
    r->lease_asked_ms = 0;
    router_rebuild(r, "fenced");
}

bool
router_acts(const struct router *r)
{
    return r->phase == PHASE_ACTIVE && !r->rebuild && r->epoch != 0 &&
           r->now_ms < r->lease_until_ms;
}

/* Tags of calls before the last rebuild differ from all later ones: their answers go nowhere. */
uint64_t
router_tag(struct router *r, enum call_kind kind, uint64_t seq)
{
    return r->generation << 48 | (seq & UINT32_MAX) << 8 | (uint64_t)kind;
}

const char *
key_of(struct router *r, const char *name)
{
    const char *key =
        arena_printf(r->arena, "{%s}%s%s", r->set.city, name[0] == '\0' ? "" : ":", name);

    if (key == NULL)
        router_rebuild(r, "memory");
    return key == NULL ? "" : key;
}

struct slice
text_of(struct router *r, int64_t v)
{
    const char *text = arena_int(r->arena, v);

    if (text == NULL)
        router_rebuild(r, "memory");
    return slice_str(text);
}

/* ---- starting ---- */

static enum lc_err
start(struct router *r, const struct event *ev)
{
    const struct config *cfg = ev->config;
    struct slice city = config_get(cfg, "city");
    struct settings *s = &r->set;

    if (city.n == 0 || city.n >= sizeof s->city)
        return outbox_refuse(r->out, "city", "1_to_31_bytes");
    memcpy(s->city, city.p, city.n);
    s->city[city.n] = '\0';
    s->has_secret = city_secret_parse(config_get(cfg, "city-secret"), &s->secret) == LC_OK;
    if (!s->has_secret)
        outbox_note(r->out, "no_city_secret",
                    "expected=64_hex_digits effect=no_order_can_be_delivered");
    s->offer_ttl_ms = 1000 * config_int(cfg, "offer-ttl-s", 45);
    s->offer_lead_ms =
        1000 * (config_int(cfg, "offer-slack-s", 30) + config_int(cfg, "accept-s", 20));
    s->vanish_ms = 1000 * config_int(cfg, "vanish-s", 120);
    s->position_ms = 1000 * config_int(cfg, "position-s", 300);
    s->ban_ms = 1000 * config_int(cfg, "ban-s", 600);
    s->rest_ms = 1000 * config_int(cfg, "rest-s", 300);
    s->pin_lock_ms = 1000 * config_int(cfg, "pin-lock-s", 600);
    s->poll_ms = config_int(cfg, "poll-ms", CATALOGUE_POLL_MS);
    s->pickup_s = (uint32_t)config_int(cfg, "pickup-s", 60);
    s->dropoff_s = (uint32_t)config_int(cfg, "dropoff-s", 120);
    s->bundle_ms = 1000 * config_int(cfg, "bundle-s", 60);
    s->improve_iterations = (uint32_t)config_int(cfg, "improve-iterations", 500);
    s->improve_couriers = (uint32_t)config_int(cfg, "improve-couriers", 32);
    s->resequence_ms = 1000 * config_int(cfg, "resequence-gain-s", 120);
    s->eta_change_ms = 1000 * config_int(cfg, "eta-change-s", 60);
    s->speedup = (uint32_t)config_int(cfg, "speedup", 1);
    travel_faster_init(&r->estimate, travel_estimate(), s->speedup);
    enum lc_err err = learn_start(r, cfg);
    if (err != LC_OK)
        return err;
    learn_map(r, NULL);

    mint_init(&r->mint, "router", city, ev->entropy);
    snprintf(r->owner, sizeof r->owner, "router-%016llx", (unsigned long long)ev->entropy);
    r->generation = 1;
    r->slice_seed = ev->entropy;
    struct catalogue_options options = {.kinds = CATALOGUE_STORES | CATALOGUE_COURIERS,
                                        .city = city,
                                        .tag = CATALOGUE_TAG,
                                        .poll_ms = s->poll_ms};
    r->catalogue = catalogue_new(&options);
    return r->catalogue == NULL ? LC_ENOMEM : LC_OK;
}

/* ---- events ---- */

static void
take_answer(struct router *r, const struct event *ev)
{
    enum call_kind kind = (enum call_kind)(ev->ref & 0xff);
    uint64_t seq = ev->ref >> 8 & UINT32_MAX;
    bool late = ev->ref >> 48 != (r->generation & 0xffff);

    if (kind == CALL_LEASE) { /* belongs to the router, not to what it has read */
        lease_answer(r, ev->reply);
        return;
    }
    if (late || r->phase == PHASE_WAITING)
        return;
    struct courier *c = NULL;
    switch (kind) {
    case CALL_TIP:
    case CALL_SHIFTS:
    case CALL_ROUTES:
    case CALL_DUE:
    case CALL_PLACES:
    case CALL_LOAD:
    case CALL_RULINGS:
    case CALL_FROZEN:
    case CALL_SPEEDS:
        load_answer(r, kind, ev->reply);
        return;
    case CALL_ORDERS:
        orders_take(r, ev->reply);
        return;
    case CALL_CLAIM:
        orders_claimed(r, ev->reply);
        return;
    case CALL_FOLLOW:
        follow_answer(r, ev->reply);
        return;
    case CALL_COMMIT:
        commits_answer(r, seq, ev->reply);
        return;
    case CALL_LEARNT:
        if (ev->reply->kind == REPLY_ARRAY)
            learn_load(r, ev->reply);
        return;
    case CALL_LEARN:
        learn_written(r, ev->reply);
        return;
    case CALL_REREAD:
    case CALL_REREAD_ORDERS:
    case CALL_ASKED:
    case CALL_CANCEL:
        c = courier_find(r, (uint32_t)seq);
        break;
    case CALL_LEASE:
    case CALL_SLICE:
    case CALL_SEEN:
        return;
    }
    if (c == NULL)
        return;
    if (kind == CALL_ASKED)
        report_asked(r, c, ev->reply);
    else if (kind == CALL_CANCEL)
        report_cancelled(r, c, ev->reply);
    else
        reread_answer(r, c, kind, ev->reply);
}

static void
acknowledge(struct router *r, const struct event *ev)
{
    Lifecircle__V1__Envelope answer;
    Lifecircle__V1__Ack ack = LIFECIRCLE__V1__ACK__INIT;

    envelope_answer(&answer, &r->mint, ev->now_ms, ev->envelope);
    answer.body_case = LIFECIRCLE__V1__ENVELOPE__BODY_ACK;
    answer.ack = &ack;
    outbox_answer(r->out, ev->ref, &answer);
}

static void
take_message(struct router *r, const struct event *ev)
{
    const Lifecircle__V1__Envelope *env = ev->envelope;

    if (env->body_case == LIFECIRCLE__V1__ENVELOPE__BODY_COURIER_REPORT) {
        report_take(r, ev);
    } else if (env->body_case == LIFECIRCLE__V1__ENVELOPE__BODY_COURIER_POSITIONS) {
        positions_take(r, env->courier_positions);
        acknowledge(r, ev);
    } else if (env->body_case == LIFECIRCLE__V1__ENVELOPE__BODY_NEWS) {
        if (env->news->topic == LIFECIRCLE__V1__NEWS__TOPIC__EVENTS)
            follow_ask(r);
    } else if (env->body_case == LIFECIRCLE__V1__ENVELOPE__BODY_DISPATCH_REQUEST) {
        struct uuid id;
        for (size_t i = 0; i < env->dispatch_request->n_order_ids; i++)
            if (uuid_parse(slice_str(env->dispatch_request->order_ids[i]), &id) == LC_OK)
                orders_want(r, id);
        acknowledge(r, ev);
    }
}

static void
tick(struct router *r)
{
    lease_ask(r);
    if (r->phase == PHASE_WAITING)
        load_start(r);
    if (!router_acts(r))
        return;
    commits_tick(r);
    reports_tick(r);
    orders_claim(r);
    orders_tick(r);
    couriers_tick(r);
    resequence_tick(r);
    etas_tick(r);
    why_tick(r);
    learn_tick(r);
    forecast_publish(r);
}

/* Who can take what waits, and what has to be offered now. */
static void
look(struct router *r)
{
    if (!router_acts(r))
        return;
    r->look = false;
    r->looked_ms = r->now_ms;
    orders_retry(r);
    offers_tick(r);
}

static void
wish_wake(struct router *r)
{
    outbox_wake(r->out, r->next_poll_ms < r->next_tick_ms ? r->next_poll_ms : r->next_tick_ms);
}

static void
wake(struct router *r)
{
    plan_time(r->plan, r->now_ms);
    if (r->now_ms >= r->next_tick_ms) {
        r->next_tick_ms = r->now_ms + TICK_MS;
        tick(r);
    }
    if (r->phase == PHASE_LOADING && r->load_done)
        load_finish(r);
    if (r->phase == PHASE_LOADING && r->now_ms - r->loading_ms > ANSWER_MS)
        router_rebuild(r, "load_slow");
    if (router_acts(r) && r->now_ms >= r->next_seen_ms) {
        r->next_seen_ms = r->now_ms + SEEN_MS;
        couriers_write_seen(r);
    }
    if (r->now_ms >= r->next_poll_ms) {
        r->next_poll_ms = r->now_ms + r->set.poll_ms;
        follow_ask(r);
        look(r);
    }
    wish_wake(r);
}

static void
end_turn(struct router *r)
{
    wish_wake(r); /* again: the wish of a step that failed is gone */
    if (!router_acts(r))
        return;
    orders_fetch(r);
    if (r->look && r->now_ms - r->looked_ms >= LOOK_MS)
        look(r);
    improve_ask(r);
    commits_flush(r);
}

/* All that is uncertain is read again; reports that wait are answered, the phones repeat them. */
static void
start_again(struct router *r)
{
    r->tally[T_REBUILDS]++;
    reports_unavailable(r);
    forget(r);
    r->rebuild = false;
    r->phase = PHASE_WAITING;
    if (r->now_ms - r->rebuilt_ms >= TICK_MS) /* else the next tick does: no racing in circles */
        load_start(r);
    r->rebuilt_ms = r->now_ms;
}

static enum lc_err
router_step(void *core, const struct event *ev, struct outbox *out)
{
    struct router *r = core;
    enum lc_err err = LC_OK;

    r->now_ms = ev->now_ms;
    r->out = out;
    r->arena = ev->arena;
    if (ev->kind == EVENT_START)
        err = start(r, ev);
    if (err != LC_OK || r->catalogue == NULL)
        return err;
    if (!catalogue_step(r->catalogue, ev, out)) {
        plan_time(r->plan, ev->now_ms);
        learn_pace(r);
        if (ev->kind == EVENT_REDIS) {
            take_answer(r, ev);
        } else if (ev->kind == EVENT_MESSAGE) {
            take_message(r, ev);
        } else if (ev->kind == EVENT_REDIS_UP) {
            r->redis_up = true;
            r->lease_asked_ms = 0;
            lease_ask(r);
            if (r->phase != PHASE_WAITING)
                router_rebuild(r, "redis_up");
        } else if (ev->kind == EVENT_WORK) {
            improve_answer(r, ev);
        } else if (ev->kind == EVENT_TURN_END) {
            end_turn(r);
        } else if (ev->kind == EVENT_ROADS) {
            learn_map(r, ev->travel);
        } else if (ev->kind == EVENT_STOP) {
            end_turn(r);
            learn_stop(r);
            lease_release(r);
        } else if (ev->kind == EVENT_START || ev->kind == EVENT_WAKE) {
            wake(r);
        }
    }
    if (r->rebuild)
        start_again(r);
    return LC_OK;
}

/* A router that waits for its turn is as ready as one can be. */
static bool
router_ready(const void *core)
{
    const struct router *r = core;

    return r->redis_up && !r->stopping;
}

/* The job says first how much faster than time the simulation is, and the percentages of the map's
 * times. */
static enum lc_err
router_work(const struct travel *travel, struct slice job, struct buf *out)
{
    enum { HEAD = 4 + TRAVEL_MODES };
    uint8_t pct[TRAVEL_MODES];
    struct travel_paced paced;
    struct travel_faster estimate, roads;

    if (job.n < HEAD || bytes_u32(job.p) == 0)
        return LC_EINVAL;
    memcpy(pct, job.p + 4, sizeof pct);
    travel_faster_init(&estimate, travel_estimate(), bytes_u32(job.p));
    if (travel != NULL)
        travel_paced_init(&paced, travel, pct);
    travel_faster_init(&roads, travel == NULL ? travel_estimate() : &paced.travel,
                       bytes_u32(job.p));
    return plan_slice_run(&roads.travel, &estimate.travel, slice_of(job.p + HEAD, job.n - HEAD),
                          out);
}

const struct service router_service = {
    .name = "router",
    .open = router_open,
    .step = router_step,
    .close = router_close,
    .counters = router_counters,
    .histograms = router_histograms,
    .ready = router_ready,
    .work = router_work,
};
