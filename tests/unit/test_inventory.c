/* Inventory's core: orders. What it asks of Redis, what it answers, when it repeats and when it
 * gives up. */
#include "inventory_rig.h"

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
    CU_ASSERT_EQUAL_FATAL(e->argc, 4 + 2 + 3 * 6);
    CU_ASSERT_TRUE(slice_eq_str(e->argv[0], "FCALL"));
    CU_ASSERT_TRUE(slice_eq_str(e->argv[2], "1"));
    CU_ASSERT_TRUE(slice_eq_str(e->argv[3], "{bal}"));
    CU_ASSERT_TRUE(slice_eq_str(e->argv[4], "1000000"));
    CU_ASSERT_TRUE(slice_eq_str(e->argv[5], "3"));
    for (size_t i = 0; i < 3; i++) {
        CU_ASSERT_TRUE(slice_eq_str(e->argv[6 + 6 * i], IDS[i]));
        CU_ASSERT_EQUAL(e->argv[8 + 6 * i].n, 16 + 28 + 4 + 24);
        CU_ASSERT_EQUAL(bytes_u64(e->argv[9 + 6 * i].p + 80), 1000000); /* stamped */
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
test_place_waits_for_the_first_call_unless_the_next_is_full(void)
{
    char a[300];

    begin("place-batch", "3");
    prepare_orders();
    for (int turn = 0; turn < 3; turn++) {
        send_place(0, 1, 0);
        turn_end();
    }
    CU_ASSERT_EQUAL_FATAL(effects(EFFECT_REDIS), 1);
    CU_ASSERT_EQUAL(counter("inventory_orders_queued"), 2);
    send_place(1, 1, 0);
    turn_end();
    CU_ASSERT_EQUAL_FATAL(effects(EFFECT_REDIS), 2);
    CU_ASSERT_EQUAL(redis_call("order_place", 1)->argc, 4 + 2 + 3 * 6);
    send_place(0, 1, 0);
    send_place(1, 1, 0);
    turn_end();
    CU_ASSERT_EQUAL_FATAL(effects(EFFECT_REDIS), 2);
    uint64_t tag = redis_call("order_place", 0)->ref;
    stepper_flushed(s);
    struct reply item = result(a, 1, 3, 0);
    reply(tag, array(&item, 1));
    turn_end();
    const struct effect *e = redis_call("order_place", 0);
    CU_ASSERT_PTR_NULL(e); /* the full one is still under way */
    finish();
}

static void
test_place_splits_at_the_batch_limit(void)
{
    begin("place-batch", "2");
    prepare_orders();
    send_place(0, 4, 0);
    turn_end();
    CU_ASSERT_EQUAL_FATAL(effects(EFFECT_REDIS), 2);
    CU_ASSERT_EQUAL(redis_call("order_place", 0)->argc, 4 + 2 + 2 * 6);
    CU_ASSERT_EQUAL(redis_call("order_place", 1)->argc, 4 + 2 + 2 * 6);
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
    CU_ASSERT_EQUAL_FATAL(e->argc, 4 + 2 + 6);
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
    CU_ASSERT_EQUAL_FATAL(again->argc, 4 + 2 + 2 * 6);
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
    CU_ASSERT_EQUAL(redis_call("order_place", 0)->argc, 4 + 2 + 60 * 6);
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
    CU_ASSERT_EQUAL(e->argc, 4 + 2 + 6);
    struct reply item = result(a, 1, 3, 0);
    reply(e->ref, array(&item, 1));
    CU_ASSERT_EQUAL(effects(EFFECT_ANSWER), 1);
    CU_ASSERT_FALSE(inventory_service.ready(stepper_core(s)));
    finish();
}

/* ---- what Redis says of itself ---- */

/* info: asks, and answers with this. */
static void
info(const char *text)
{
    uint64_t tag = 0;

    now_ms += 5000;
    step((struct event){.kind = EVENT_WAKE});
    for (size_t i = 0; effect(EFFECT_REDIS, i) != NULL; i++)
        if (slice_eq_str(effect(EFFECT_REDIS, i)->argv[0], "INFO"))
            tag = effect(EFFECT_REDIS, i)->ref;
    stepper_flushed(s);
    CU_ASSERT_NOT_EQUAL(tag, 0);
    reply(tag, (struct reply){.kind = REPLY_STRING, .str = slice_str(text)});
}

static void
test_inventory_counts_the_replicas_that_follow_closely(void)
{
    begin("queues-every-s", "5");
    info("used_memory:7\r\nmaxmemory:9\r\nrole:master\r\nconnected_slaves:4\r\n"
         "slave0:ip=10.0.0.2,port=6379,state=online,offset=84,lag=0\r\n"
         "slave1:ip=10.0.0.3,port=6379,state=online,offset=84,lag=5\r\n"
         "slave2:ip=10.0.0.4,port=6379,state=online,offset=1,lag=41\r\n"
         "slave3:ip=10.0.0.5,port=6379,state=wait_bgsave,offset=0,lag=0\r\n");
    CU_ASSERT_EQUAL(counter("redis_replicas"), 2);
    CU_ASSERT_EQUAL(counter("redis_memory_used_bytes"), 7);
    CU_ASSERT_EQUAL(counter("redis_memory_limit_bytes"), 9);
    info("role:master\r\nconnected_slaves:0\r\n");
    CU_ASSERT_EQUAL(counter("redis_replicas"), 0);
    finish();
}

static void
test_inventory_says_when_redis_cannot_write_a_file(void)
{
    static const struct {
        const char *info;
        uint64_t failed;
    } cases[] = {
        {"rdb_last_bgsave_status:ok\r\naof_last_bgrewrite_status:ok\r\naof_last_write_status:"
         "ok\r\n",
         0},
        {"aof_last_bgrewrite_status:err\r\naof_last_write_status:ok\r\n", 1},
        {"aof_last_bgrewrite_status:ok\r\naof_last_write_status:err\r\n", 1},
        {"rdb_last_bgsave_status:err\r\naof_last_write_status:ok\r\n", 1},
        {"role:master\r\n", 0},
    };

    begin("queues-every-s", "5");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        info(cases[i].info);
        CU_ASSERT_EQUAL(counter("redis_disk_failed"), cases[i].failed);
    }
    finish();
}

UNIT_MAIN("inventory", UNIT(test_inventory_says_when_redis_cannot_write_a_file),
          UNIT(test_inventory_counts_the_replicas_that_follow_closely),
          UNIT(test_place_gathers_a_turn_into_one_call),
          UNIT(test_place_answers_each_request_whole),
          UNIT(test_place_tells_router_of_deliveries_only),
          UNIT(test_place_is_silent_when_nothing_was_written),
          UNIT(test_place_waits_for_the_first_call_unless_the_next_is_full),
          UNIT(test_place_splits_at_the_batch_limit),
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
          UNIT(test_stop_takes_nothing_new_and_finishes_the_rest))
