/* router_world: a router core, a clock, a small Redis, and couriers who say things. */
#ifndef LC_TESTS_ROUTER_WORLD_H
#define LC_TESTS_ROUTER_WORLD_H

#include "router_redis.h"

#ifndef W_AROUND /* a test may want to know when the core runs, and that a step may fail */
#define W_AROUND(inside)
#define W_MAY_FAIL false
#endif

/* ---- running ---- */

static inline void w_effects(struct world *w);

static inline void
w_feed(struct world *w, struct event ev)
{
    ev.now_ms = w->now_ms;
    ev.entropy = 0x1234567;
    W_AROUND(true);
    enum lc_err err = stepper_feed(w->s, &ev);
    W_AROUND(false);
    assert(err == LC_OK || (W_MAY_FAIL && err == LC_ENOMEM));
    (void)err;
}

static inline void
w_take_answer(struct world *w, struct slice bytes)
{
    const Lifecircle__V1__Envelope *env;
    enum lc_err err = wire_decode(w->arena, bytes, &env);

    assert(err == LC_OK);
    (void)err;
    if (env->body_case == LIFECIRCLE__V1__ENVELOPE__BODY_COURIER_REPLY) {
        assert(w->n_replies < W_REPLIES);
        w->reply[w->n_replies++] = env->courier_reply;
    }
    w->acks += env->body_case == LIFECIRCLE__V1__ENVELOPE__BODY_ACK;
}

/* The plan improves at once; the core hears of it when time passes. */
static inline void
w_work(struct world *w, const struct effect *e)
{
    buf_reset(&w->work);
    W_AROUND(true);
    enum lc_err err = router_service.work(w->map, e->bytes, &w->work);
    W_AROUND(false);
    assert(err == LC_OK || (W_MAY_FAIL && err == LC_ENOMEM));
    w->work_tag = err == LC_OK ? e->ref : 0;
    w->slices++;
}

static inline void
w_tell_work(struct world *w)
{
    uint64_t tag = w->work_tag;

    w->work_tag = 0;
    if (tag != 0)
        w_feed(w, (struct event){.kind = EVENT_WORK, .ref = tag, .bytes = buf_slice(&w->work)});
}

/* Carries out what the core wants; answers of Redis come in order, after the turn. */
static inline void
w_effects(struct world *w)
{
    struct outbox *out = stepper_outbox(w->s);

    for (size_t i = 0; i < outbox_count(out); i++) {
        const struct effect *e = outbox_at(out, i);
        if (e->kind == EFFECT_REDIS) {
            struct reply *r = w_command(w, e->argv, e->argc);
            assert(w->n_pending < W_PENDING);
            if (e->ref != 0)
                w->pending[w->n_pending++] = (struct w_pending){e->ref, r};
        } else if (e->kind == EFFECT_ANSWER) {
            w_take_answer(w, e->bytes);
        } else if (e->kind == EFFECT_NOTE) {
            w->notes++;
            if (getenv("W_VERBOSE") != NULL)
                printf("%lld %.*s %.*s\n", (long long)w->now_ms, (int)e->name.n, e->name.p,
                       (int)e->bytes.n, e->bytes.p);
        } else if (e->kind == EFFECT_NEWS) {
            w->news++;
        } else if (e->kind == EFFECT_WORK) {
            w_work(w, e);
        }
    }
    stepper_flushed(w->s);
}

/* Until nothing is under way any more. */
static inline void
w_settle(struct world *w)
{
    for (int turn = 0; turn < 100; turn++) {
        struct w_pending now[W_PENDING];
        w_feed(w, (struct event){.kind = EVENT_TURN_END});
        w_effects(w);
        size_t n = w->n_pending;
        if (n == 0)
            return;
        memcpy(now, w->pending, n * sizeof *now);
        w->n_pending = 0;
        for (size_t i = 0; i < n; i++)
            w_feed(w,
                   (struct event){.kind = EVENT_REDIS, .ref = now[i].ref, .reply = now[i].reply});
        w_effects(w);
    }
    assert(!"it settles");
}

static inline void
w_pass(struct world *w, int64_t ms)
{
    for (int64_t end = w->now_ms + ms; w->now_ms < end;) {
        w->now_ms = w->now_ms + 250 < end ? w->now_ms + 250 : end;
        w_tell_work(w);
        w_feed(w, (struct event){.kind = EVENT_WAKE});
        w_effects(w);
        w_settle(w);
    }
}

static inline void
w_pass_clock(struct world *w, int64_t ms) /* while no router runs */
{
    w->now_ms += ms;
    w->n_pending = 0;
    w->work_tag = 0;
}

/* A core that starts beside the same Redis. */
static inline void
w_boot(struct world *w, uint64_t seed)
{
    const struct config_item items[] = {
        {SLICE_LIT("city"), SLICE_LIT("bal")},
        {SLICE_LIT("city-secret"), SLICE_LIT(W_SECRET)},
        {SLICE_LIT("improve-iterations"), SLICE_LIT("8")}, /* enough for so few orders */
        {SLICE_LIT("learn-speeds"), slice_str(w->learn == NULL ? "off" : w->learn)},
    };
    const struct config config = {items, sizeof items / sizeof *items};

    w->s = stepper_new(&router_service);
    assert(w->s != NULL);
    struct event ev = {
        .kind = EVENT_START, .now_ms = w->now_ms, .entropy = seed, .config = &config};
    enum lc_err err = stepper_feed(w->s, &ev);
    assert(err == LC_OK);
    (void)err;
    w_effects(w);
    if (w->map != NULL)
        w_feed(w, (struct event){.kind = EVENT_ROADS, .travel = w->map});
    w_feed(w, (struct event){.kind = EVENT_REDIS_UP});
    w_effects(w);
    w_settle(w);
    w_pass(w, 1000);
}

static inline struct world *
w_new(void)
{
    struct world *w = calloc(1, sizeof *w);

    assert(w != NULL);
    w->now_ms = 1760000000000;
    w->arena = arena_new((size_t)1 << 30);
    w_boot(w, 42);
    return w;
}

static inline void
w_free(struct world *w)
{
    stepper_destroy(w->s);
    arena_destroy(w->arena);
    buf_free(&w->work);
    for (size_t i = 0; i < w->n_orders; i++)
        buf_free(&w->order[i].record);
    for (size_t i = 0; i < w->n_events; i++)
        buf_free(&w->event[i].o);
    for (size_t i = 0; i < w->n_speeds; i++)
        buf_free(&w->speed[i].bytes);
    for (size_t i = 0; i <= W_COURIERS; i++) {
        buf_free(&w->shift[i].bytes);
        buf_free(&w->route[i].bytes);
    }
    free(w);
}

/* ---- couriers ---- */

static inline void
w_message(struct world *w, Lifecircle__V1__Envelope *env)
{
    struct buf b = {0};
    size_t n = lifecircle__v1__envelope__get_packed_size(env);

    lifecircle__v1__envelope__pack(env, (uint8_t *)buf_reserve(&b, n));
    w_feed(w, (struct event){.kind = EVENT_MESSAGE, .ref = 7, .bytes = slice_of(b.p, n)});
    buf_free(&b);
    w_effects(w);
    w_settle(w);
}

/* What the router answers to a report; OUTCOME_NONE while it has not. */
static inline unsigned
w_report(struct world *w, Lifecircle__V1__CourierReport *m)
{
    Lifecircle__V1__Envelope env = LIFECIRCLE__V1__ENVELOPE__INIT;
    size_t before = w->n_replies;

    m->tag = ++w->tag;
    env.id = (ProtobufCBinaryData){16, (uint8_t *)"0123456789abcdef"};
    env.city = (char *)"bal";
    env.body_case = LIFECIRCLE__V1__ENVELOPE__BODY_COURIER_REPORT;
    env.courier_report = m;
    w_message(w, &env);
    for (size_t i = before; i < w->n_replies; i++)
        if (w->reply[i]->tag == m->tag)
            return w->reply[i]->outcome;
    return W_OUTCOME(OUTCOME_NONE);
}

static inline unsigned
w_say(struct world *w, uint32_t courier, Lifecircle__V1__ReportKind kind, const struct w_order *o)
{
    Lifecircle__V1__CourierReport m = LIFECIRCLE__V1__COURIER_REPORT__INIT;
    char id[32];

    snprintf(id, sizeof id, "a%llu", (unsigned long long)w->tag);
    m.courier = courier;
    m.action_id = id;
    m.kind = kind;
    if (o != NULL)
        m.order_id = (char *)o->text;
    if (w->route[courier].set)
        m.route_version = bytes_u32(w->route[courier].bytes.p);
    return w_report(w, &m);
}

static inline unsigned
w_deliver(struct world *w, uint32_t courier, const struct w_order *o, const char *pin)
{
    Lifecircle__V1__CourierReport m = LIFECIRCLE__V1__COURIER_REPORT__INIT;
    struct city_secret secret;
    char right[PIN_TEXT], id[32];

    for (size_t i = 0; i < 32; i++)
        secret.b[i] = (uint8_t)(i % 16 * 0x11);
    delivery_pin(&secret, o->id, right);
    snprintf(id, sizeof id, "d%llu", (unsigned long long)w->tag);
    m.courier = courier;
    m.action_id = id;
    m.kind = W_KIND(DELIVER);
    m.order_id = (char *)o->text;
    m.pin = (char *)(pin == NULL ? right : pin);
    return w_report(w, &m);
}

static inline unsigned
w_sign_on(struct world *w, uint32_t courier, int metres, int64_t hours)
{
    Lifecircle__V1__CourierReport m = LIFECIRCLE__V1__COURIER_REPORT__INIT;
    Lifecircle__V1__Shift shift = LIFECIRCLE__V1__SHIFT__INIT;
    Lifecircle__V1__Point at = LIFECIRCLE__V1__POINT__INIT;
    char id[32];

    snprintf(id, sizeof id, "s%llu", (unsigned long long)w->tag);
    at.lat_e7 = w_at(metres).lat_e7;
    at.lng_e7 = w_at(metres).lng_e7;
    shift.vehicle = LIFECIRCLE__V1__VEHICLE__BICYCLE;
    shift.capacity_items = 12;
    shift.capacity_g = 9000;
    shift.end_ms = w->now_ms + hours * 3600000;
    shift.at = &at;
    m.courier = courier;
    m.action_id = id;
    m.kind = W_KIND(SIGN_ON);
    m.shift = &shift;
    return w_report(w, &m);
}

static inline void
w_position_at(struct world *w, uint32_t courier, struct latlng place, int64_t time_ms)
{
    Lifecircle__V1__Envelope env = LIFECIRCLE__V1__ENVELOPE__INIT;
    Lifecircle__V1__CourierPositions m = LIFECIRCLE__V1__COURIER_POSITIONS__INIT;
    Lifecircle__V1__CourierPosition p = LIFECIRCLE__V1__COURIER_POSITION__INIT, *list = &p;
    Lifecircle__V1__Point at = LIFECIRCLE__V1__POINT__INIT;

    at.lat_e7 = place.lat_e7;
    at.lng_e7 = place.lng_e7;
    p.courier = courier;
    p.at = &at;
    p.time_ms = time_ms;
    m.n_positions = 1;
    m.positions = &list;
    env.body_case = LIFECIRCLE__V1__ENVELOPE__BODY_COURIER_POSITIONS;
    env.courier_positions = &m;
    w_message(w, &env);
}

static inline void
w_position_said(struct world *w, uint32_t courier, int metres, int64_t time_ms)
{
    w_position_at(w, courier, w_at(metres), time_ms);
}

static inline void
w_position(struct world *w, uint32_t courier, int metres)
{
    w_position_said(w, courier, metres, w->now_ms);
}

static inline void
w_dispatch(struct world *w, const struct w_order *o)
{
    Lifecircle__V1__Envelope env = LIFECIRCLE__V1__ENVELOPE__INIT;
    Lifecircle__V1__DispatchRequest m = LIFECIRCLE__V1__DISPATCH_REQUEST__INIT;
    char *id = (char *)o->text;

    m.n_order_ids = 1;
    m.order_ids = &id;
    env.body_case = LIFECIRCLE__V1__ENVELOPE__BODY_DISPATCH_REQUEST;
    env.dispatch_request = &m;
    w_message(w, &env);
}

/* A person says something (a kind of dispatch_rule) about an order (or NULL) and a courier (or 0):
 * the outcome. The router hears of it from the stream. */
static inline unsigned
w_rule(struct world *w, const char *kind, const struct w_order *o, uint32_t courier)
{
    char number[12];

    snprintf(number, sizeof number, "%u", courier);
    const struct slice argv[] = {SLICE_LIT("FCALL"),
                                 SLICE_LIT("dispatch_rule"),
                                 SLICE_LIT("1"),
                                 SLICE_LIT("{bal}"),
                                 SLICE_LIT("0"),
                                 SLICE_LIT("1"),
                                 SLICE_LIT("an action"),
                                 slice_str(kind),
                                 slice_str(o == NULL ? "" : o->text),
                                 slice_str(number),
                                 SLICE_LIT("Olga"),
                                 SLICE_LIT("")};

    const struct reply *r = w_dispatch_rule(w, argv);
    return (unsigned char)r->items[0].str.p[0];
}

/* The courier's route as Redis has it; NULL when there is none. */
static inline const Lifecircle__V1__Route *
w_route(struct world *w, uint32_t courier)
{
    const struct buf *b = &w->route[courier].bytes;

    if (!w->route[courier].set)
        return NULL;
    return wire_unpack(&lifecircle__v1__route__descriptor, w->arena, slice_of(b->p + 4, b->n - 4));
}

static inline size_t
w_stops(struct world *w, uint32_t courier)
{
    const Lifecircle__V1__Route *route = w_route(w, courier);

    return route == NULL ? 0 : route->n_stops;
}

/* How often one of the router's histograms was added to, and what it came to, in ms. */
static inline uint64_t
w_took(struct world *w, const char *name, uint64_t *sum_ms)
{
    size_t n;
    uint64_t times = 0;
    const struct histogram *h = router_service.histograms(stepper_core(w->s), &n);

    for (size_t i = 0; i < n; i++) {
        if (strcmp(h[i].name, name) != 0)
            continue;
        for (size_t k = 0; k <= HISTOGRAM_BOUNDS; k++)
            times += h[i].counts[k];
        *sum_ms = h[i].sum_ms;
        return times;
    }
    assert(!"a histogram of that name");
    return 0;
}

static inline uint64_t
w_counter(struct world *w, const char *name)
{
    size_t n;
    const struct counter *c = router_service.counters(stepper_core(w->s), &n);

    for (size_t i = 0; i < n; i++)
        if (strcmp(c[i].name, name) == 0)
            return c[i].value;
    assert(!"a counter of that name");
    return 0;
}

#endif
