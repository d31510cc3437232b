/* inventory_rig: what the tests of inventory's core share: events in, effects out, orders to place.
 */
#ifndef LC_TESTS_INVENTORY_RIG_H
#define LC_TESTS_INVENTORY_RIG_H

#include "inventory/inventory.h"

#include "base/record.h"
#include "base/wire.h"
#include "unit.h"

enum { NOW = 1000000, LINK = 77 };

static struct stepper *s;
static int64_t now_ms;
static struct mint mint;
static bool may_fail; /* steps may report an error: memory runs out */

/* What a test wants done before and after each step. */
#ifndef INVENTORY_RIG_AROUND
static inline void
around_step(bool before)
{
    (void)before;
}
#else
static void around_step(bool before);
#endif

static const char *const IDS[] = {"00000000-0000-8000-8000-000000000000",
                                  "00000001-0000-8000-8000-000000000000",
                                  "00000002-0000-8000-8000-000000000000"};

/* ---- events ---- */

static inline void
step(struct event ev)
{
    ev.now_ms = now_ms;
    around_step(true);
    enum lc_err err = stepper_feed(s, &ev);
    around_step(false);
    CU_ASSERT(err == LC_OK || may_fail);
}

static inline void
turn_end(void)
{
    step((struct event){.kind = EVENT_TURN_END});
}

static inline void
begin(const char *name, const char *value)
{
    struct config_item items[] = {{SLICE_LIT("city"), SLICE_LIT("bal")},
                                  {slice_str(name), slice_str(value)}};
    struct config config = {items, name == NULL ? 1 : 2};

    now_ms = NOW;
    mint_init(&mint, "matcher", SLICE_LIT("bal"), 1);
    s = stepper_new(&inventory_service);
    CU_ASSERT_PTR_NOT_NULL_FATAL(s);
    step((struct event){.kind = EVENT_START, .config = &config, .entropy = 5});
    step((struct event){.kind = EVENT_REDIS_UP});
    stepper_flushed(s); /* without the first look for what has expired */
}

static inline void
finish(void)
{
    stepper_destroy(s);
    s = NULL;
}

static inline void
message(Lifecircle__V1__Envelope *env)
{
    char frame[65536];
    size_t n = lifecircle__v1__envelope__get_packed_size(env);

    CU_ASSERT_FATAL(n <= sizeof frame);
    lifecircle__v1__envelope__pack(env, (uint8_t *)frame);
    step((struct event){.kind = EVENT_MESSAGE, .ref = LINK, .bytes = slice_of(frame, n)});
}

static inline void
reply(uint64_t tag, struct reply r)
{
    step((struct event){.kind = EVENT_REDIS, .ref = tag, .reply = &r});
}

/* ---- effects ---- */

static inline const struct effect *
effect(enum effect_kind kind, size_t nth)
{
    const struct outbox *o = stepper_outbox(s);

    for (size_t i = 0; i < outbox_count(o); i++)
        if (outbox_at(o, i)->kind == kind && nth-- == 0)
            return outbox_at(o, i);
    return NULL;
}

static inline size_t
effects(enum effect_kind kind)
{
    size_t n = 0;

    while (effect(kind, n) != NULL)
        n++;
    return n;
}

static inline const struct effect *
redis_call(const char *function, size_t nth)
{
    const struct effect *e;

    for (size_t i = 0; (e = effect(EFFECT_REDIS, i)) != NULL; i++)
        if (slice_eq_str(e->argv[1], function) && nth-- == 0)
            return e;
    return NULL;
}

static struct arena *arena;

static inline const Lifecircle__V1__Envelope *
sent(enum effect_kind kind, size_t nth)
{
    const Lifecircle__V1__Envelope *env = NULL;
    const struct effect *e = effect(kind, nth);

    if (e == NULL || wire_decode(arena, e->bytes, &env) != LC_OK)
        return NULL;
    return env;
}

static inline uint64_t
counter(const char *name)
{
    size_t n;
    const struct counter *c = inventory_service.counters(stepper_core(s), &n);

    for (size_t i = 0; i < n; i++)
        if (strcmp(c[i].name, name) == 0)
            return c[i].value;
    CU_FAIL("no such counter");
    return 0;
}

/* ---- orders ---- */

static Lifecircle__V1__OrderLine the_line;
static Lifecircle__V1__OrderLine *the_lines[] = {&the_line};
static Lifecircle__V1__PlaceCandidate the_candidate;
static Lifecircle__V1__PlaceCandidate *many_candidates[65];
static Lifecircle__V1__Order orders[65];
static Lifecircle__V1__PlaceOrder places[65];
static Lifecircle__V1__PlaceOrder *place_list[65];

/* A request to place orders first..first+n-1; ids beyond the third are all alike. */
static inline void
send_place(size_t first, size_t n, int64_t deadline_ms)
{
    Lifecircle__V1__Envelope env;
    Lifecircle__V1__PlaceRequest request = LIFECIRCLE__V1__PLACE_REQUEST__INIT;

    for (size_t i = 0; i < n; i++)
        place_list[i] = &places[first + i];
    envelope_init(&env, &mint, now_ms, deadline_ms);
    request.orders = place_list;
    request.n_orders = n;
    env.body_case = LIFECIRCLE__V1__ENVELOPE__BODY_PLACE_REQUEST;
    env.place_request = &request;
    message(&env);
}

static inline void
prepare_orders(void)
{
    the_line = (Lifecircle__V1__OrderLine)LIFECIRCLE__V1__ORDER_LINE__INIT;
    the_line.quantity = 1;
    the_candidate = (Lifecircle__V1__PlaceCandidate)LIFECIRCLE__V1__PLACE_CANDIDATE__INIT;
    the_candidate.store = 4;
    for (size_t i = 0; i < 65; i++) {
        many_candidates[i] = &the_candidate;
        orders[i] = (Lifecircle__V1__Order)LIFECIRCLE__V1__ORDER__INIT;
        orders[i].order_id = (char *)IDS[i < 3 ? i : 2];
        orders[i].chain = 1;
        orders[i].window_end_ms = NOW + 3600000;
        orders[i].lines = the_lines;
        orders[i].n_lines = 1;
        places[i] = (Lifecircle__V1__PlaceOrder)LIFECIRCLE__V1__PLACE_ORDER__INIT;
        places[i].order = &orders[i];
        places[i].candidates = many_candidates;
        places[i].n_candidates = 1;
    }
    if (arena == NULL)
        arena = arena_new(1 << 24);
    arena_reset(arena);
}

/* An answer of order_place for one order. */
static inline struct reply
result(char *to, uint8_t outcome, uint8_t state, uint8_t flags)
{
    memset(to, 0, 4 + RECORD_HEAD);
    to[0] = (char)outcome;
    to[4] = 1;
    to[5] = (char)state;
    to[7] = (char)flags;
    size_t n = outcome == 3 ? 4 : 4 + RECORD_HEAD;
    return (struct reply){.kind = REPLY_STRING, .str = slice_of(to, n)};
}

static inline struct reply
array(const struct reply *items, size_t n)
{
    return (struct reply){.kind = REPLY_ARRAY, .items = items, .n = n};
}

#endif
