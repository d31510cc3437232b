/* The core of inventory alone: what it asks of Redis, what it answers, when it repeats and when it
 * gives up. */
#include "inventory/inventory.h"

#include "base/record.h"
#include "base/wire.h"
#include "unit.h"

enum { NOW = 1000000, LINK = 77 };

static struct stepper *s;
static int64_t now_ms;
static struct mint mint;

static const char *const IDS[] = {"00000000-0000-8000-8000-000000000000",
                                  "00000001-0000-8000-8000-000000000000",
                                  "00000002-0000-8000-8000-000000000000"};

/* ---- events ---- */

static void
step(struct event ev)
{
    ev.now_ms = now_ms;
    enum lc_err err = stepper_feed(s, &ev);
    CU_ASSERT_EQUAL(err, LC_OK);
}

static void
turn_end(void)
{
    step((struct event){.kind = EVENT_TURN_END});
}

static void
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

static void
finish(void)
{
    stepper_destroy(s);
    s = NULL;
}

static void
message(Lifecircle__V1__Envelope *env)
{
    char frame[65536];
    size_t n = lifecircle__v1__envelope__get_packed_size(env);

    CU_ASSERT_FATAL(n <= sizeof frame);
    lifecircle__v1__envelope__pack(env, (uint8_t *)frame);
    step((struct event){.kind = EVENT_MESSAGE, .ref = LINK, .bytes = slice_of(frame, n)});
}

static void
reply(uint64_t tag, struct reply r)
{
    step((struct event){.kind = EVENT_REDIS, .ref = tag, .reply = &r});
}

/* ---- effects ---- */

static const struct effect *
effect(enum effect_kind kind, size_t nth)
{
    const struct outbox *o = stepper_outbox(s);

    for (size_t i = 0; i < outbox_count(o); i++)
        if (outbox_at(o, i)->kind == kind && nth-- == 0)
            return outbox_at(o, i);
    return NULL;
}

static size_t
effects(enum effect_kind kind)
{
    size_t n = 0;

    while (effect(kind, n) != NULL)
        n++;
    return n;
}

static const struct effect *
redis_call(const char *function, size_t nth)
{
    const struct effect *e;

    for (size_t i = 0; (e = effect(EFFECT_REDIS, i)) != NULL; i++)
        if (slice_eq_str(e->argv[1], function) && nth-- == 0)
            return e;
    return NULL;
}

static struct arena *arena;

static const Lifecircle__V1__Envelope *
sent(enum effect_kind kind, size_t nth)
{
    const Lifecircle__V1__Envelope *env = NULL;
    const struct effect *e = effect(kind, nth);

    if (e == NULL || wire_decode(arena, e->bytes, &env) != LC_OK)
        return NULL;
    return env;
}

static uint64_t
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
static void
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

static void
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
static struct reply
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

static struct reply
array(const struct reply *items, size_t n)
{
    return (struct reply){.kind = REPLY_ARRAY, .items = items, .n = n};
}

static void
test_place_gathers_a_turn_into_one_call(void)
{
    begin(NULL, NULL);
    prepare_orders();
    send_place(0, 1, 0);
    send_place(1, 2, 0);
    CU_ASSERT_EQUAL(effects(EFFECT_REDIS), 0);
    turn_end();
    const struct effect *e = redis_call("order_place", 0);
    CU_ASSERT_PTR_NOT_NULL_FATAL(e);
    CU_ASSERT_EQUAL(effects(EFFECT_REDIS), 1);
    CU_ASSERT_EQUAL_FATAL(e->argc, 4 + 2 + 3 * 7);
    CU_ASSERT_TRUE(slice_eq_str(e->argv[0], "FCALL"));
    CU_ASSERT_TRUE(slice_eq_str(e->argv[2], "1"));
    CU_ASSERT_TRUE(slice_eq_str(e->argv[3], "{bal}"));
    CU_ASSERT_TRUE(slice_eq_str(e->argv[4], "1000000"));
    CU_ASSERT_TRUE(slice_eq_str(e->argv[5], "3"));
    for (size_t i = 0; i < 3; i++) {
        CU_ASSERT_TRUE(slice_eq_str(e->argv[6 + 7 * i], IDS[i]));
        CU_ASSERT_EQUAL(e->argv[8 + 7 * i].n, 64);
        CU_ASSERT_EQUAL(e->argv[9 + 7 * i].n, 16 + 8 + 12);
        CU_ASSERT_EQUAL(e->argv[10 + 7 * i].n, 24);
    }
    finish();
}

static void
test_place_answers_each_request_whole(void)
{
    char a[300], b[300], c[300];

    begin(NULL, NULL);
    prepare_orders();
    send_place(0, 1, 0);
    send_place(1, 2, 0);
    turn_end();
    uint64_t tag = redis_call("order_place", 0)->ref;
    stepper_flushed(s);
    struct reply items[] = {result(a, 1, 3, 0), result(b, 3, 0, 0), result(c, 1, 3, 1)};
    items[2].str.p = c;
    c[1] = 5;
    reply(tag, array(items, 3));
    CU_ASSERT_EQUAL_FATAL(effects(EFFECT_ANSWER), 2);
    CU_ASSERT_EQUAL(effect(EFFECT_ANSWER, 0)->ref, LINK);
    const Lifecircle__V1__Envelope *env = sent(EFFECT_ANSWER, 1);
    CU_ASSERT_PTR_NOT_NULL_FATAL(env);
    CU_ASSERT_EQUAL(memcmp(env->id.data, mint.id, 16), 0);
    const Lifecircle__V1__PlaceReply *r = env->place_reply;
    CU_ASSERT_EQUAL_FATAL(r->n_results, 2);
    CU_ASSERT_STRING_EQUAL(r->results[0]->order_id, IDS[1]);
    CU_ASSERT_EQUAL(r->results[0]->outcome, LIFECIRCLE__V1__PLACE_RESULT__OUTCOME__EXHAUSTED);
    CU_ASSERT_EQUAL(r->results[0]->head.len, 0);
    CU_ASSERT_EQUAL(r->results[1]->outcome, LIFECIRCLE__V1__PLACE_RESULT__OUTCOME__PLACED_AT);
    CU_ASSERT_EQUAL(r->results[1]->candidate, 5);
    CU_ASSERT_EQUAL(r->results[1]->head.len, RECORD_HEAD);
    CU_ASSERT_EQUAL(counter("inventory_orders_total{outcome=\"placed\"}"), 2);
    CU_ASSERT_EQUAL(counter("inventory_orders_total{outcome=\"exhausted\"}"), 1);
    finish();
}

static void
test_place_tells_router_of_deliveries_only(void)
{
    char a[300], b[300], c[300];

    begin(NULL, NULL);
    prepare_orders();
    send_place(0, 3, 0);
    turn_end();
    uint64_t tag = redis_call("order_place", 0)->ref;
    stepper_flushed(s);
    struct reply items[] = {result(a, 1, 3, RECORD_COLLECTION), result(b, 2, 2, 0),
                            result(c, 1, 3, 0)};
    reply(tag, array(items, 3));
    CU_ASSERT_EQUAL_FATAL(effects(EFFECT_SEND), 1);
    CU_ASSERT_EQUAL(effect(EFFECT_SEND, 0)->role, ROLE_ROUTER);
    const Lifecircle__V1__Envelope *env = sent(EFFECT_SEND, 0);
    CU_ASSERT_PTR_NOT_NULL_FATAL(env);
    CU_ASSERT_EQUAL_FATAL(env->dispatch_request->n_order_ids, 1);
    CU_ASSERT_STRING_EQUAL(env->dispatch_request->order_ids[0], IDS[2]);
    CU_ASSERT_EQUAL_FATAL(effects(EFFECT_NEWS), 1);
    CU_ASSERT_EQUAL(sent(EFFECT_NEWS, 0)->news->topic, LIFECIRCLE__V1__NEWS__TOPIC__EVENTS);
    finish();
}

static void
test_place_is_silent_when_nothing_was_written(void)
{
    char a[300], b[300];

    begin(NULL, NULL);
    prepare_orders();
    send_place(0, 2, 0);
    turn_end();
    uint64_t tag = redis_call("order_place", 0)->ref;
    stepper_flushed(s);
    struct reply items[] = {result(a, 4, 3, 0), result(b, 6, 0, 0)};
    reply(tag, array(items, 2));
    CU_ASSERT_EQUAL(effects(EFFECT_ANSWER), 1);
    CU_ASSERT_EQUAL(effects(EFFECT_SEND), 0);
    CU_ASSERT_EQUAL(effects(EFFECT_NEWS), 0);
    finish();
}

static void
test_place_keeps_a_few_calls_in_flight(void)
{
    char a[300];

    begin("place-calls", "2");
    prepare_orders();
    for (int turn = 0; turn < 3; turn++) {
        send_place(0, 1, 0);
        turn_end();
    }
    CU_ASSERT_EQUAL_FATAL(effects(EFFECT_REDIS), 2);
    CU_ASSERT_EQUAL(counter("inventory_orders_queued"), 1);
    send_place(1, 1, 0);
    uint64_t tag = redis_call("order_place", 0)->ref;
    stepper_flushed(s);
    struct reply item = result(a, 1, 3, 0);
    reply(tag, array(&item, 1));
    turn_end();
    const struct effect *e = redis_call("order_place", 0);
    CU_ASSERT_PTR_NOT_NULL_FATAL(e); /* the two that waited, together */
    CU_ASSERT_EQUAL(e->argc, 4 + 2 + 2 * 7);
    finish();
}

static void
test_place_splits_at_the_batch_limit(void)
{
    begin("place-batch", "2");
    prepare_orders();
    send_place(0, 3, 0);
    turn_end();
    CU_ASSERT_EQUAL_FATAL(effects(EFFECT_REDIS), 2);
    CU_ASSERT_EQUAL(redis_call("order_place", 0)->argc, 4 + 2 + 2 * 7);
    CU_ASSERT_EQUAL(redis_call("order_place", 1)->argc, 4 + 2 + 7);
    finish();
}

static void
test_place_refuses_malformed_orders_one_by_one(void)
{
    char a[300];

    begin(NULL, NULL);
    prepare_orders();
    orders[0].n_lines = 0;
    places[2].n_candidates = 65;
    send_place(0, 3, 0);
    turn_end();
    const struct effect *e = redis_call("order_place", 0);
    CU_ASSERT_PTR_NOT_NULL_FATAL(e);
    CU_ASSERT_EQUAL_FATAL(e->argc, 4 + 2 + 7);
    CU_ASSERT_TRUE(slice_eq_str(e->argv[6], IDS[1]));
    struct reply item = result(a, 1, 3, 0);
    reply(e->ref, array(&item, 1));
    const Lifecircle__V1__Envelope *env = sent(EFFECT_ANSWER, 0);
    CU_ASSERT_PTR_NOT_NULL_FATAL(env);
    CU_ASSERT_EQUAL_FATAL(env->place_reply->n_results, 3);
    CU_ASSERT_EQUAL(env->place_reply->results[0]->outcome, 0);
    CU_ASSERT_STRING_EQUAL(env->place_reply->results[0]->order_id, IDS[0]);
    CU_ASSERT_EQUAL(env->place_reply->results[1]->outcome, 1);
    CU_ASSERT_EQUAL(env->place_reply->results[2]->outcome, 0);
    CU_ASSERT_EQUAL(counter("inventory_orders_total{outcome=\"malformed\"}"), 2);
    finish();
}

static void
test_place_refuses_every_kind_of_malformed_order(void)
{
    for (int fault = 0; fault < 9; fault++) {
        begin(NULL, NULL);
        prepare_orders();
        Lifecircle__V1__PlaceOrder *p = &places[0];
        switch (fault) {
        case 0:
            p->order = NULL;
            break;
        case 1:
            orders[0].n_lines = 0;
            break;
        case 2:
            the_line.quantity = 0;
            break;
        case 3:
            the_line.quantity = 1000;
            break;
        case 4:
            orders[0].order_id = (char *)"x";
            break;
        case 5:
            orders[0].chain = 0;
            break;
        case 6:
            the_candidate.store = 0;
            break;
        case 7:
            p->retry_ms = -1;
            break;
        case 8:
            orders[0].window_end_ms = -5;
            break;
        }
        send_place(0, 1, 0);
        turn_end();
        CU_ASSERT_EQUAL(effects(EFFECT_REDIS), 0);
        const Lifecircle__V1__Envelope *env = sent(EFFECT_ANSWER, 0);
        CU_ASSERT_PTR_NOT_NULL_FATAL(env);
        CU_ASSERT_EQUAL(env->place_reply->results[0]->outcome, 0);
        finish();
    }
}

static void
test_place_answers_a_request_of_none_or_too_many_with_nothing(void)
{
    static const size_t count[] = {0, 65};

    for (size_t i = 0; i < 2; i++) {
        begin(NULL, NULL);
        prepare_orders();
        send_place(0, count[i], 0);
        turn_end();
        const Lifecircle__V1__Envelope *env = sent(EFFECT_ANSWER, 0);
        CU_ASSERT_PTR_NOT_NULL_FATAL(env);
        CU_ASSERT_EQUAL(env->place_reply->n_results, 0);
        CU_ASSERT_EQUAL(effects(EFFECT_REDIS), 0);
        finish();
    }
}

static void
test_place_repeats_a_call_whose_answer_was_lost(void)
{
    char a[300], b[300];

    begin(NULL, NULL);
    prepare_orders();
    send_place(0, 2, NOW + 3000);
    turn_end();
    const struct effect *first = redis_call("order_place", 0);
    CU_ASSERT_PTR_NOT_NULL_FATAL(first);
    stepper_flushed(s);
    reply(first->ref, (struct reply){.kind = REPLY_LOST});
    turn_end();
    CU_ASSERT_EQUAL(effects(EFFECT_REDIS), 0); /* Redis is away */
    CU_ASSERT_FALSE(inventory_service.ready(stepper_core(s)));
    now_ms += 500;
    step((struct event){.kind = EVENT_REDIS_UP});
    turn_end();
    const struct effect *again = redis_call("order_place", 0);
    CU_ASSERT_PTR_NOT_NULL_FATAL(again);
    CU_ASSERT_EQUAL_FATAL(again->argc, 4 + 2 + 2 * 7);
    CU_ASSERT_TRUE(slice_eq_str(again->argv[6], IDS[0])); /* in the same order */
    uint64_t tag = again->ref;
    stepper_flushed(s);
    /* the first call had placed one of them: router hears of both */
    struct reply items[] = {result(a, 4, 3, 0), result(b, 1, 3, 0)};
    reply(tag, array(items, 2));
    CU_ASSERT_EQUAL(sent(EFFECT_SEND, 0)->dispatch_request->n_order_ids, 2);
    CU_ASSERT_EQUAL(sent(EFFECT_ANSWER, 0)->place_reply->results[0]->outcome,
                    LIFECIRCLE__V1__PLACE_RESULT__OUTCOME__DUPLICATE);
    CU_ASSERT_EQUAL(counter("inventory_repeated_total"), 2);
    finish();
}

static void
test_place_tries_again_when_nobody_says_that_redis_is_back(void)
{
    begin(NULL, NULL);
    prepare_orders();
    send_place(0, 1, NOW + 3000);
    turn_end();
    uint64_t tag = redis_call("order_place", 0)->ref;
    stepper_flushed(s);
    reply(tag, (struct reply){.kind = REPLY_LOST});
    now_ms += 1000;
    step((struct event){.kind = EVENT_WAKE});
    turn_end();
    CU_ASSERT_PTR_NOT_NULL(redis_call("order_place", 0));
    finish();
}

static void
test_place_gives_up_at_the_deadline(void)
{
    begin(NULL, NULL);
    prepare_orders();
    send_place(0, 1, NOW + 400);
    turn_end();
    uint64_t tag = redis_call("order_place", 0)->ref;
    stepper_flushed(s);
    reply(tag, (struct reply){.kind = REPLY_LOST});
    turn_end();
    CU_ASSERT_EQUAL(effects(EFFECT_ANSWER), 0);
    CU_ASSERT_TRUE(effects(EFFECT_WAKE) > 0);
    now_ms += 400;
    step((struct event){.kind = EVENT_WAKE});
    const Lifecircle__V1__Envelope *env = sent(EFFECT_ANSWER, 0);
    CU_ASSERT_PTR_NOT_NULL_FATAL(env);
    CU_ASSERT_EQUAL(env->place_reply->results[0]->outcome,
                    LIFECIRCLE__V1__PLACE_RESULT__OUTCOME__UNAVAILABLE);
    CU_ASSERT_EQUAL(counter("inventory_orders_queued"), 0);
    finish();
}

static void
test_place_isolates_what_the_function_refuses(void)
{
    char a[300];
    struct reply error = {.kind = REPLY_ERROR, .str = SLICE_LIT("INVALID lines: cut short")};

    begin(NULL, NULL);
    prepare_orders();
    send_place(0, 2, 0);
    turn_end();
    uint64_t tag = redis_call("order_place", 0)->ref;
    stepper_flushed(s);
    reply(tag, error);
    CU_ASSERT_EQUAL(effects(EFFECT_ANSWER), 0);
    turn_end();
    CU_ASSERT_EQUAL_FATAL(effects(EFFECT_REDIS), 2); /* one by one */
    struct reply item = result(a, 1, 3, 0);
    uint64_t bad = redis_call("order_place", 0)->ref, good = redis_call("order_place", 1)->ref;
    reply(bad, error);
    reply(good, array(&item, 1));
    const Lifecircle__V1__Envelope *env = sent(EFFECT_ANSWER, 0);
    CU_ASSERT_PTR_NOT_NULL_FATAL(env);
    CU_ASSERT_EQUAL(env->place_reply->results[0]->outcome, 0);
    CU_ASSERT_EQUAL(env->place_reply->results[1]->outcome, 1);
    finish();
}

static void
test_place_answers_unavailable_on_other_errors(void)
{
    begin(NULL, NULL);
    prepare_orders();
    send_place(0, 2, 0);
    turn_end();
    uint64_t tag = redis_call("order_place", 0)->ref;
    stepper_flushed(s);
    reply(tag, (struct reply){.kind = REPLY_ERROR, .str = SLICE_LIT("OOM command not allowed")});
    const Lifecircle__V1__Envelope *env = sent(EFFECT_ANSWER, 0);
    CU_ASSERT_PTR_NOT_NULL_FATAL(env);
    CU_ASSERT_EQUAL(env->place_reply->results[1]->outcome,
                    LIFECIRCLE__V1__PLACE_RESULT__OUTCOME__UNAVAILABLE);
    CU_ASSERT_EQUAL(counter("inventory_function_errors_total"), 1);
    CU_ASSERT_EQUAL(effects(EFFECT_NOTE), 1);
    finish();
}

static void
test_place_survives_answers_of_another_shape(void)
{
    char a[300];
    struct reply good = result(a, 1, 3, 0), bad[] = {{.kind = REPLY_NIL}, good},
                 far = result(a, 9, 3, 0);
    const struct reply shapes[] = {{.kind = REPLY_NIL},
                                   array(&good, 1),
                                   array(bad, 2),
                                   {.kind = REPLY_INT, .integer = 3},
                                   array(&far, 1)};

    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        begin(NULL, NULL);
        prepare_orders();
        send_place(0, 2, 0);
        turn_end();
        uint64_t tag = redis_call("order_place", 0)->ref;
        stepper_flushed(s);
        reply(tag, shapes[i]);
        const Lifecircle__V1__Envelope *env = sent(EFFECT_ANSWER, 0);
        CU_ASSERT_PTR_NOT_NULL_FATAL(env);
        CU_ASSERT_EQUAL(env->place_reply->results[0]->outcome,
                        LIFECIRCLE__V1__PLACE_RESULT__OUTCOME__UNAVAILABLE);
        reply(tag, shapes[i]); /* and once more, for a call that is over */
        CU_ASSERT_EQUAL(counter("inventory_ignored_total"), 1);
        finish();
    }
}

static void
test_place_answers_unavailable_when_too_many_wait(void)
{
    begin("place-queue", "64");
    prepare_orders();
    send_place(0, 60, 0);
    send_place(0, 5, 0);
    const Lifecircle__V1__Envelope *env = sent(EFFECT_ANSWER, 0);
    CU_ASSERT_PTR_NOT_NULL_FATAL(env);
    CU_ASSERT_EQUAL(env->place_reply->n_results, 5);
    CU_ASSERT_EQUAL(env->place_reply->results[4]->outcome,
                    LIFECIRCLE__V1__PLACE_RESULT__OUTCOME__UNAVAILABLE);
    turn_end();
    CU_ASSERT_EQUAL(redis_call("order_place", 0)->argc, 4 + 2 + 60 * 7);
    finish();
}

static void
test_stop_takes_nothing_new_and_finishes_the_rest(void)
{
    char a[300];

    begin(NULL, NULL);
    prepare_orders();
    send_place(0, 1, 0);
    step((struct event){.kind = EVENT_STOP});
    send_place(1, 1, 0);
    turn_end();
    const struct effect *e = redis_call("order_place", 0);
    CU_ASSERT_PTR_NOT_NULL_FATAL(e);
    CU_ASSERT_EQUAL(e->argc, 4 + 2 + 7);
    struct reply item = result(a, 1, 3, 0);
    reply(e->ref, array(&item, 1));
    CU_ASSERT_EQUAL(effects(EFFECT_ANSWER), 1);
    CU_ASSERT_FALSE(inventory_service.ready(stepper_core(s)));
    finish();
}

/* ---- checks ---- */

static void
send_check(size_t n, Lifecircle__V1__CheckRequest__Item **items)
{
    Lifecircle__V1__Envelope env;
    Lifecircle__V1__CheckRequest request = LIFECIRCLE__V1__CHECK_REQUEST__INIT;

    envelope_init(&env, &mint, now_ms, 0);
    request.items = items;
    request.n_items = n;
    env.body_case = LIFECIRCLE__V1__ENVELOPE__BODY_CHECK_REQUEST;
    env.check_request = &request;
    message(&env);
}

static void
test_check_answers_store_by_store(void)
{
    uint32_t stores[] = {4, 9}, skus[] = {7, 3};
    Lifecircle__V1__CheckRequest__Item a = LIFECIRCLE__V1__CHECK_REQUEST__ITEM__INIT, bad = a;
    Lifecircle__V1__CheckRequest__Item *items[] = {&bad, &a};

    begin(NULL, NULL);
    prepare_orders();
    a.tag = 21;
    bad.tag = 20;
    a.stores = stores;
    a.sku_indexes = skus;
    a.n_stores = a.n_sku_indexes = 2;
    send_check(2, items);
    const struct effect *e = redis_call("stock_read", 0);
    CU_ASSERT_PTR_NOT_NULL_FATAL(e);
    CU_ASSERT_EQUAL_FATAL(e->argc, 4 + 1 + 2 * 2);
    CU_ASSERT_TRUE(slice_eq_str(e->argv[4], "2"));
    CU_ASSERT_TRUE(slice_eq_str(e->argv[5], "4"));
    CU_ASSERT_TRUE(slice_eq(e->argv[6], slice_of("\7\0\0\0\3\0\0\0", 8)));
    CU_ASSERT_TRUE(slice_eq_str(e->argv[7], "9"));
    uint64_t tag = e->ref;
    stepper_flushed(s);
    struct reply rows[] = {
        {.kind = REPLY_STRING, .str = slice_of("\1\0\0\0\x64\0\0\0\xff\xff\xff\xff\0\0\0\0", 16)},
        {.kind = REPLY_STRING, .str = slice_of("\3\0\0\0\x65\0\0\0\4\0\0\0\x66\0\0\0", 16)}};
    reply(tag, array(rows, 2));
    const Lifecircle__V1__Envelope *env = sent(EFFECT_ANSWER, 0);
    CU_ASSERT_PTR_NOT_NULL_FATAL(env);
    const Lifecircle__V1__CheckReply *r = env->check_reply;
    CU_ASSERT_EQUAL_FATAL(r->n_items, 2);
    CU_ASSERT_EQUAL(r->items[0]->tag, 20);
    CU_ASSERT_TRUE(r->items[0]->unavailable);
    CU_ASSERT_EQUAL(r->items[1]->tag, 21);
    CU_ASSERT_FALSE(r->items[1]->unavailable);
    CU_ASSERT_EQUAL_FATAL(r->items[1]->n_available, 4);
    CU_ASSERT_EQUAL(r->items[1]->available[1], -1);
    CU_ASSERT_EQUAL(r->items[1]->available[3], 4);
    CU_ASSERT_EQUAL(r->items[1]->price_cents[2], 101);
    finish();
}

static void
test_check_is_repeated_then_given_up(void)
{
    uint32_t store = 4, sku = 7;
    Lifecircle__V1__CheckRequest__Item a = LIFECIRCLE__V1__CHECK_REQUEST__ITEM__INIT;
    Lifecircle__V1__CheckRequest__Item *items[] = {&a};

    begin(NULL, NULL);
    prepare_orders();
    a.stores = &store;
    a.sku_indexes = &sku;
    a.n_stores = a.n_sku_indexes = 1;
    send_check(1, items);
    uint64_t tag = redis_call("stock_read", 0)->ref;
    stepper_flushed(s);
    reply(tag, (struct reply){.kind = REPLY_LOST});
    step((struct event){.kind = EVENT_REDIS_UP});
    const struct effect *again = redis_call("stock_read", 0);
    CU_ASSERT_PTR_NOT_NULL_FATAL(again);
    now_ms += 10000;
    reply(again->ref, (struct reply){.kind = REPLY_LOST});
    const Lifecircle__V1__Envelope *env = sent(EFFECT_ANSWER, 0);
    CU_ASSERT_PTR_NOT_NULL_FATAL(env);
    CU_ASSERT_TRUE(env->check_reply->items[0]->unavailable);
    finish();
}

/* ---- feeds ---- */

static Lifecircle__V1__StockLine feed_lines[3];
static Lifecircle__V1__StockLine *feed_list[] = {&feed_lines[0], &feed_lines[1], &feed_lines[2]};

static Lifecircle__V1__StockRequest
a_feed(void)
{
    Lifecircle__V1__StockRequest r = LIFECIRCLE__V1__STOCK_REQUEST__INIT;

    for (size_t i = 0; i < 3; i++) {
        feed_lines[i] = (Lifecircle__V1__StockLine)LIFECIRCLE__V1__STOCK_LINE__INIT;
        feed_lines[i].sku_index = (uint32_t)i;
        feed_lines[i].has_quantity = true;
        feed_lines[i].quantity = 5;
    }
    r.tag = 31;
    r.store = 4;
    r.as_of_ms = NOW - 5;
    r.sequence = 12;
    r.lines = feed_list;
    r.n_lines = 3;
    return r;
}

static void
send_feed(Lifecircle__V1__StockRequest *request)
{
    Lifecircle__V1__Envelope env;

    envelope_init(&env, &mint, now_ms, now_ms + 1000);
    env.body_case = LIFECIRCLE__V1__ENVELOPE__BODY_STOCK_REQUEST;
    env.stock_request = request;
    message(&env);
}

static void
test_feed_says_what_became_of_it(void)
{
    static const struct {
        const char *answer;
        int outcome;
        size_t news;
    } row[] = {{"\1\0\0\0\3\0\0\0", LIFECIRCLE__V1__STOCK_REPLY__OUTCOME__APPLIED, 0},
               {"\1\1\0\0\3\0\0\0", LIFECIRCLE__V1__STOCK_REPLY__OUTCOME__APPLIED, 1},
               {"\2\0\0\0\0\0\0\0", LIFECIRCLE__V1__STOCK_REPLY__OUTCOME__REPEATED, 0},
               {"\3\0\0\0\0\0\0\0", LIFECIRCLE__V1__STOCK_REPLY__OUTCOME__LATE, 0},
               {"\4\0\0\0\0\0\0\0", LIFECIRCLE__V1__STOCK_REPLY__OUTCOME__UNKNOWN_STORE, 0},
               {"\5\0\0\0\0\0\0\0", LIFECIRCLE__V1__STOCK_REPLY__OUTCOME__UNAVAILABLE, 0}};

    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        Lifecircle__V1__StockRequest feed = a_feed();
        begin(NULL, NULL);
        prepare_orders();
        send_feed(&feed);
        const struct effect *e = redis_call("stock_apply", 0);
        CU_ASSERT_PTR_NOT_NULL_FATAL(e);
        CU_ASSERT_EQUAL_FATAL(e->argc, 4 + 9);
        CU_ASSERT_TRUE(slice_eq_str(e->argv[5], "4"));
        CU_ASSERT_TRUE(slice_eq_str(e->argv[8], "12"));
        CU_ASSERT_EQUAL(e->argv[11].n, 36);
        CU_ASSERT_EQUAL(e->argv[12].n, 3 * 16);
        uint64_t tag = e->ref;
        stepper_flushed(s);
        reply(tag, (struct reply){.kind = REPLY_STRING, .str = slice_of(row[i].answer, 8)});
        const Lifecircle__V1__Envelope *env = sent(EFFECT_ANSWER, 0);
        CU_ASSERT_PTR_NOT_NULL_FATAL(env);
        CU_ASSERT_EQUAL((int)env->stock_reply->outcome, row[i].outcome);
        CU_ASSERT_EQUAL(env->stock_reply->tag, 31);
        CU_ASSERT_EQUAL(env->stock_reply->changed, i < 2 ? 3 : 0);
        CU_ASSERT_EQUAL(effects(EFFECT_NEWS), row[i].news);
        finish();
    }
}

static void
test_feed_refuses_what_is_malformed(void)
{
    for (int fault = 0; fault < 9; fault++) {
        Lifecircle__V1__StockRequest feed = a_feed();
        switch (fault) {
        case 0:
            feed.store = 0;
            break;
        case 1:
            feed.n_lines = 0;
            break;
        case 2:
            feed_lines[2].sku_index = 1;
            break;
        case 3:
            feed_lines[2].sku_index = RECORD_SKU_MAX + 1;
            break;
        case 4:
            feed_lines[1].has_quantity = false;
            break;
        case 5:
            feed_lines[1].quantity = 1000001;
            break;
        case 6:
            feed.sequence = 1ull << 60;
            break;
        case 7:
            feed.sequence = 0;
            feed.as_of_ms = 0;
            break;
        case 8:
            feed.chunk = 2000000;
            break;
        }
        begin(NULL, NULL);
        prepare_orders();
        send_feed(&feed);
        CU_ASSERT_EQUAL(effects(EFFECT_REDIS), 0);
        const Lifecircle__V1__Envelope *env = sent(EFFECT_ANSWER, 0);
        CU_ASSERT_PTR_NOT_NULL_FATAL(env);
        CU_ASSERT_EQUAL(env->stock_reply->outcome, 0);
        CU_ASSERT_EQUAL(counter("inventory_stock_feeds_total{outcome=\"malformed\"}"), 1);
        finish();
    }
}

/* ---- expiry ---- */

static void
record_bytes(char *to, uint8_t state, uint32_t courier)
{
    memset(to, 0, RECORD_HEAD);
    to[0] = 1;
    to[1] = (char)state;
    to[24] = (char)courier;
}

static void
test_expiry_ends_what_nobody_has(void)
{
    char a[RECORD_HEAD], b[RECORD_HEAD], c[RECORD_HEAD];

    begin("expire-slack-s", "60");
    prepare_orders();
    now_ms += 20000;
    step((struct event){.kind = EVENT_REDIS_UP});
    reply(1, (struct reply){.kind = REPLY_LOST}); /* the look at the start */
    reply(2, (struct reply){.kind = REPLY_LOST});
    stepper_flushed(s);
    now_ms += 20000;
    step((struct event){.kind = EVENT_REDIS_UP});
    const struct effect *claim = redis_call("due_claim", 0);
    CU_ASSERT_PTR_NOT_NULL_FATAL(claim);
    CU_ASSERT_TRUE(slice_eq_str(claim->argv[4], "980000")); /* now - slack */
    CU_ASSERT_TRUE(slice_eq_str(claim->argv[5], "expire"));
    record_bytes(a, LIFECIRCLE__V1__ORDER_STATE__PLACED, 0);
    record_bytes(b, LIFECIRCLE__V1__ORDER_STATE__PLACED, 5);
    record_bytes(c, LIFECIRCLE__V1__ORDER_STATE__READY_FOR_COLLECTION, 0);
    struct reply rows[] = {{.kind = REPLY_STRING, .str = slice_str(IDS[0])},
                           {.kind = REPLY_STRING, .str = slice_of(a, sizeof a)},
                           {.kind = REPLY_STRING, .str = slice_str(IDS[1])},
                           {.kind = REPLY_STRING, .str = slice_of(b, sizeof b)},
                           {.kind = REPLY_STRING, .str = slice_str(IDS[2])},
                           {.kind = REPLY_STRING, .str = slice_of(c, sizeof c)}};
    uint64_t tag = claim->ref;
    stepper_flushed(s);
    reply(tag, array(rows, 6));
    const struct effect *e = redis_call("order_step", 0);
    CU_ASSERT_PTR_NOT_NULL_FATAL(e);
    CU_ASSERT_EQUAL_FATAL(e->argc, 4 + 2 + 2 * 5);
    CU_ASSERT_TRUE(slice_eq_str(e->argv[6], IDS[0]));
    CU_ASSERT_TRUE(slice_eq_str(e->argv[7], "expire"));
    CU_ASSERT_TRUE(slice_eq_str(e->argv[11], IDS[2]));
    tag = e->ref;
    stepper_flushed(s);
    struct reply done[] = {{.kind = REPLY_STRING, .str = SLICE_LIT("\1...")},
                           {.kind = REPLY_STRING, .str = SLICE_LIT("\3...")}};
    reply(tag, array(done, 2));
    CU_ASSERT_EQUAL(counter("inventory_reservations_expired_total"), 1);
    CU_ASSERT_EQUAL(effects(EFFECT_NEWS), 2);
    finish();
}

static void
test_expiry_goes_through_deliveries_piece_by_piece(void)
{
    begin("expire-every-s", "10");
    prepare_orders();
    struct reply first[] = {{.kind = REPLY_INT, .integer = 256},
                            {.kind = REPLY_STRING, .str = slice_str(IDS[1])}},
                 last[] = {{.kind = REPLY_INT, .integer = 0}};
    reply(1, array(NULL, 0));
    reply(2, array(first, 2));
    const struct effect *e = redis_call("order_step", 0);
    CU_ASSERT_PTR_NOT_NULL_FATAL(e);
    CU_ASSERT_TRUE(slice_eq_str(e->argv[6], IDS[1]));
    reply(e->ref, array(NULL, 0));
    stepper_flushed(s);
    now_ms += 10000;
    step((struct event){.kind = EVENT_WAKE});
    e = redis_call("due_overdue", 0);
    CU_ASSERT_PTR_NOT_NULL_FATAL(e);
    CU_ASSERT_TRUE(slice_eq_str(e->argv[5], "256"));
    uint64_t sweep = e->ref, claim = redis_call("due_claim", 0)->ref;
    stepper_flushed(s);
    reply(sweep, array(last, 1));
    reply(claim, array(NULL, 0));
    now_ms += 10000;
    step((struct event){.kind = EVENT_WAKE});
    e = redis_call("due_overdue", 0);
    CU_ASSERT_PTR_NOT_NULL_FATAL(e);
    CU_ASSERT_TRUE(slice_eq_str(e->argv[5], "0"));
    finish();
}

static void
test_expiry_looks_at_its_time(void)
{
    begin("expire-every-s", "10");
    prepare_orders();
    reply(1, array(NULL, 0));
    reply(2, (struct reply){.kind = REPLY_ERROR, .str = SLICE_LIT("ERR no such function")});
    CU_ASSERT_EQUAL(counter("inventory_function_errors_total"), 1);
    stepper_flushed(s);
    now_ms += 9999;
    step((struct event){.kind = EVENT_WAKE});
    CU_ASSERT_EQUAL(effects(EFFECT_REDIS), 0);
    CU_ASSERT_EQUAL_FATAL(effects(EFFECT_WAKE), 1);
    CU_ASSERT_EQUAL(effect(EFFECT_WAKE, 0)->at_ms, NOW + 10000);
    now_ms += 1;
    step((struct event){.kind = EVENT_WAKE});
    CU_ASSERT_PTR_NOT_NULL(redis_call("due_claim", 0));
    finish();
}

/* Whatever is in hand when the core is closed is given back: the sanitizers look. */
static void
test_close_with_work_in_hand(void)
{
    Lifecircle__V1__StockRequest feed = a_feed();

    begin("place-calls", "1");
    prepare_orders();
    send_place(0, 2, 0);
    turn_end();
    send_place(0, 2, 0);
    turn_end();
    send_feed(&feed);
    stepper_flushed(s);
    finish();
}

UNIT_MAIN("inventory", UNIT(test_place_gathers_a_turn_into_one_call),
          UNIT(test_place_answers_each_request_whole),
          UNIT(test_place_tells_router_of_deliveries_only),
          UNIT(test_place_is_silent_when_nothing_was_written),
          UNIT(test_place_keeps_a_few_calls_in_flight), UNIT(test_place_splits_at_the_batch_limit),
          UNIT(test_place_refuses_malformed_orders_one_by_one),
          UNIT(test_place_refuses_every_kind_of_malformed_order),
          UNIT(test_place_answers_a_request_of_none_or_too_many_with_nothing),
          UNIT(test_place_repeats_a_call_whose_answer_was_lost),
          UNIT(test_place_tries_again_when_nobody_says_that_redis_is_back),
          UNIT(test_place_gives_up_at_the_deadline),
          UNIT(test_place_isolates_what_the_function_refuses),
          UNIT(test_place_answers_unavailable_on_other_errors),
          UNIT(test_place_survives_answers_of_another_shape),
          UNIT(test_place_answers_unavailable_when_too_many_wait),
          UNIT(test_stop_takes_nothing_new_and_finishes_the_rest),
          UNIT(test_check_answers_store_by_store), UNIT(test_check_is_repeated_then_given_up),
          UNIT(test_feed_says_what_became_of_it), UNIT(test_feed_refuses_what_is_malformed),
          UNIT(test_expiry_ends_what_nobody_has), UNIT(test_expiry_looks_at_its_time),
          UNIT(test_expiry_goes_through_deliveries_piece_by_piece),
          UNIT(test_close_with_work_in_hand))
