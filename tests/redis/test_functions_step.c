/* order_step: what each state allows, and what it does to the stock. */
#include "step_rig.h"

static void
test_bring_reaches_every_state(void)
{
    for (unsigned s = 1; s <= RECORD_STATES; s++) {
        bring(s);
        CU_ASSERT_EQUAL(state_now(), s);
        CU_ASSERT_EQUAL(ask_faults(k), 0);
    }
}

static void
test_order_step_allows_what_the_table_says(void)
{
    for (size_t i = 0; i < ORDER_RULES_N; i++) {
        const struct rule *rule = &ORDER_RULES[i];
        for (unsigned s = 1; s <= RECORD_STATES; s++) {
            struct record before;
            bring(s);
            ask_record(k, 1, &before);
            uint32_t version = before.version;
            char c = rule->allowed[s - 1];
            int want = c == 'd' ? DONE : c == 'a' ? ALREADY : NOT_ALLOWED;
            int got = ask_step(k, NOW + 99, 1, rule->action, 0);
            if (got != want)
                fprintf(stderr, "%s from %s: %d\n", rule->action, record_state_name(s), got);
            CU_ASSERT_EQUAL(got, want);
            before.version = version;
            check_done(rule, s, c == 'd', &before);
        }
    }
}

static void
test_order_step_of_an_unknown_order_says_so(void)
{
    fresh();
    CU_ASSERT_EQUAL(ask_step(k, NOW, 99, "cancel", 20), UNKNOWN);
    CU_ASSERT_EQUAL(ask_plan(k, NOW, EPOCH, COURIER, 99, "confirm"), 2);
}

static void
test_cancel_gives_the_stock_back_once(void)
{
    static const unsigned from[] = {S(PLACED), S(CONFIRMED), S(ENROUTE_TO_PICKUP),
                                    S(ARRIVED_AT_PICKUP), S(READY_FOR_COLLECTION)};

    for (size_t i = 0; i < sizeof from / sizeof *from; i++) {
        bring(from[i]);
        CU_ASSERT_EQUAL(ask_level(k, 1, 0).available, 8);
        CU_ASSERT_EQUAL(ask_load(k, 1), 1);
        CU_ASSERT_EQUAL(ask_step(k, NOW + 50, 1, "cancel", 20), DONE);
        CU_ASSERT_EQUAL(ask_step(k, NOW + 51, 1, "cancel", 20), ALREADY);
        CU_ASSERT_EQUAL(ask_level(k, 1, 0).available, 10);
        CU_ASSERT_EQUAL(ask_level(k, 1, 0).on_hand, 10);
        CU_ASSERT_EQUAL(ask_level(k, 1, 1).available, 3);
        CU_ASSERT_EQUAL(ask_load(k, 1), 0);
        CU_ASSERT_EQUAL(ask_int(k, "ZCARD {t}:due:dispatch"), 0);
        CU_ASSERT_EQUAL(ask_int(k, "ZCARD {t}:due:expire"), 0);
        CU_ASSERT_EQUAL(ask_faults(k), 0);
    }
}

static void
test_cancel_before_placing_drops_the_due_row(void)
{
    bring(S(CREATED));
    CU_ASSERT_EQUAL(ask_step(k, NOW + 50, 1, "cancel", 20), DONE);
    CU_ASSERT_EQUAL(ask_int(k, "ZCARD {t}:due:match"), 0);
    bring(S(HELD));
    CU_ASSERT_EQUAL(ask_step(k, NOW + 50, 1, "cancel", 20), DONE);
    CU_ASSERT_EQUAL(ask_int(k, "ZCARD {t}:due:held"), 0);
    CU_ASSERT_EQUAL(ask_level(k, 1, 0).available, 10);
}

static void
test_cancel_tells_when_the_last_one_is_back(void)
{
    bring(S(PLACED)); /* has the last three of SKU 1 */
    long long before = ask_int(k, "XLEN {t}:catalogue");
    CU_ASSERT_EQUAL(ask_step(k, NOW + 50, 1, "cancel", 20), DONE);
    CU_ASSERT_EQUAL(ask_int(k, "XLEN {t}:catalogue"), before + 1);
    redisReply *r = kit_do(k, "XREVRANGE {t}:catalogue + - COUNT 1");
    redisReply *fields = r->element[0]->element[1];
    CU_ASSERT_EQUAL(fields->elements, 2);
    CU_ASSERT_STRING_EQUAL(fields->element[0]->str, "stock");
    CU_ASSERT_EQUAL(bytes_u32(fields->element[1]->str), 1);
    freeReplyObject(r);
}

static void
test_pickup_commits_the_stock(void)
{
    bring(S(PICKED_UP));
    struct record r;
    CU_ASSERT_TRUE_FATAL(ask_record(k, 1, &r));
    CU_ASSERT_EQUAL(r.flags, RECORD_TAKEN | RECORD_COMMITTED);
    CU_ASSERT_EQUAL(ask_level(k, 1, 0).available, 8);
    CU_ASSERT_EQUAL(ask_level(k, 1, 0).on_hand, 8);
    CU_ASSERT_EQUAL(ask_level(k, 1, 1).on_hand, 0);
    CU_ASSERT_EQUAL(ask_load(k, 1), 0);
    CU_ASSERT_EQUAL(ask_int(k, "ZCARD {t}:sold:1"), 1);
    CU_ASSERT_EQUAL(ask_int(k, "ZCARD {t}:due:dispatch"), 1);
    CU_ASSERT_EQUAL(ask_step(k, NOW + 50, 1, "cancel", 20), NOT_ALLOWED);
    CU_ASSERT_EQUAL(ask_faults(k), 0);
}

/* Whoever hears of it says so, when the courier cannot: once, and the shelf has the goods once. */
static void
test_what_is_carried_is_handed_over_or_taken_back_by_others(void)
{
    static const unsigned from[] = {S(PICKED_UP), S(ENROUTE_TO_DROPOFF), S(ARRIVED_AT_DROPOFF),
                                    S(RETURNING)};
    static const char *const action[] = {"handed_over", "taken_back"};

    for (size_t i = 0; i < sizeof from / sizeof *from; i++) {
        for (int back = 0; back < 2; back++) {
            bring(from[i]);
            CU_ASSERT_EQUAL(ask_level(k, 1, 0).on_hand, 8);
            CU_ASSERT_EQUAL(ask_step(k, NOW + 50, 1, action[back], 0), DONE);
            CU_ASSERT_EQUAL(ask_step(k, NOW + 51, 1, action[back], 0), ALREADY);
            CU_ASSERT_EQUAL(ask_step(k, NOW + 52, 1, action[1 - back], 0), NOT_ALLOWED);
            CU_ASSERT_EQUAL(ask_level(k, 1, 0).on_hand, back ? 10 : 8);
            CU_ASSERT_EQUAL(ask_level(k, 1, 0).available, back ? 10 : 8);
            CU_ASSERT_EQUAL(ask_load(k, 1), 0);
            CU_ASSERT_EQUAL(ask_int(k, "ZCARD {t}:due:dispatch"), 0);
            CU_ASSERT_EQUAL(ask_int(k, "ZCARD {t}:work:%d", COURIER), 2); /* it is their work */
            CU_ASSERT_EQUAL(ask_plan(k, NOW + 60, EPOCH, COURIER, 1, "deliver"), back ? 2 : 1);
            CU_ASSERT_EQUAL(state_now(), back ? S(RETURNED) : S(DELIVERED));
            CU_ASSERT_EQUAL(ask_faults(k), 0);
        }
    }
}

static void
test_collected_commits_the_stock(void)
{
    bring(S(COLLECTED));
    CU_ASSERT_EQUAL(ask_level(k, 1, 0).available, 8);
    CU_ASSERT_EQUAL(ask_level(k, 1, 0).on_hand, 8);
    CU_ASSERT_EQUAL(ask_int(k, "ZCARD {t}:due:expire"), 0);
    CU_ASSERT_EQUAL(ask_faults(k), 0);
}

static void
test_returned_puts_the_goods_back(void)
{
    bring(S(RETURNED));
    struct record r;
    CU_ASSERT_TRUE_FATAL(ask_record(k, 1, &r));
    CU_ASSERT_EQUAL(r.flags, 0);
    CU_ASSERT_EQUAL(ask_level(k, 1, 0).available, 10);
    CU_ASSERT_EQUAL(ask_level(k, 1, 0).on_hand, 10);
    CU_ASSERT_EQUAL(ask_int(k, "ZCARD {t}:due:dispatch"), 0);
    CU_ASSERT_EQUAL(ask_load(k, 1), 0);
    CU_ASSERT_EQUAL(ask_faults(k), 0);
}

static void
test_accept_is_a_note_of_the_stores(void)
{
    struct record r;

    for (unsigned s = 1; s <= RECORD_STATES; s++) {
        bool may = (s >= S(PLACED) && s <= S(ARRIVED_AT_PICKUP)) || s == S(READY_FOR_COLLECTION);
        bring(s);
        CU_ASSERT_TRUE_FATAL(ask_record(k, 1, &r));
        uint32_t version = r.version;
        uint16_t attempts = r.attempts;
        CU_ASSERT_FALSE(r.accepted);
        CU_ASSERT_EQUAL(ask_step(k, NOW + 50, 1, "accept", 0), may ? DONE : NOT_ALLOWED);
        CU_ASSERT_EQUAL(ask_step(k, NOW + 51, 1, "accept", 0), may ? ALREADY : NOT_ALLOWED);
        CU_ASSERT_TRUE_FATAL(ask_record(k, 1, &r));
        CU_ASSERT_EQUAL(r.state, s);
        CU_ASSERT_EQUAL(r.accepted, may);
        CU_ASSERT_EQUAL(r.attempts, attempts);
        CU_ASSERT_EQUAL(r.version, version + may);
        CU_ASSERT_EQUAL(ask_faults(k), 0);
    }
}

static void
test_ready_of_a_delivery_is_a_note(void)
{
    struct record r;

    bring(S(CONFIRMED));
    CU_ASSERT_EQUAL(ask_step(k, NOW + 50, 1, "ready", 0), DONE);
    CU_ASSERT_EQUAL(ask_step(k, NOW + 51, 1, "ready", 0), ALREADY);
    CU_ASSERT_TRUE_FATAL(ask_record(k, 1, &r));
    CU_ASSERT_EQUAL(r.state, S(CONFIRMED));
    CU_ASSERT_EQUAL(r.flags, RECORD_TAKEN | RECORD_READY);
    CU_ASSERT_EQUAL(r.entered_ms[S(CONFIRMED)], NOW + 10); /* not entered again */
    CU_ASSERT_EQUAL(r.courier, COURIER);
    plan(1, "pickup");
    CU_ASSERT_TRUE_FATAL(ask_record(k, 1, &r));
    CU_ASSERT_EQUAL(r.flags, RECORD_TAKEN | RECORD_READY | RECORD_COMMITTED);
    bring(S(HELD));
    CU_ASSERT_EQUAL(ask_step(k, NOW + 50, 1, "ready", 0), NOT_ALLOWED);
}

/* The state stays as it is: the words alone say what the store did. */
static void
test_a_note_says_what_it_is(void)
{
    static const struct {
        const char *action, *words;
    } cases[] = {{"ready", "goods ready"}, {"accept", "accepted by the store"}};

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct record_history h;
        char expected[64];
        bring(S(PLACED));
        CU_ASSERT_EQUAL(ask_step(k, NOW + 50, 1, cases[i].action, 0), DONE);
        redisReply *r = kit_do(k, "LRANGE {t}:history:%s -1 -1", ask_id(1));
        CU_ASSERT_EQUAL_FATAL(r->elements, 1);
        CU_ASSERT_EQUAL_FATAL(
            record_history_read(slice_of(r->element[0]->str, r->element[0]->len), &h), LC_OK);
        CU_ASSERT_EQUAL(h.state, S(PLACED));
        snprintf(expected, sizeof expected, ": %s", cases[i].words);
        CU_ASSERT_TRUE(h.words.n > strlen(expected));
        CU_ASSERT_PTR_NOT_NULL(memmem(h.words.p, h.words.n, expected, strlen(expected)));
        freeReplyObject(r);
    }
}

static void
test_order_step_keeps_who_said_what(void)
{
    struct record_history h;

    bring(S(PLACED));
    kit_call(k, "order_step");
    kit_int(k, NOW + 5);
    kit_int(k, 1);
    kit_text(k, ask_id(1));
    kit_text(k, "cancel");
    kit_int(k, LIFECIRCLE__V1__REASON__MERCHANT_CLOSED);
    kit_text(k, "store");
    kit_text(k, "burst pipe");
    freeReplyObject(kit_reply(k));
    redisReply *r = kit_do(k, "LINDEX {t}:history:%s -1", ask_id(1));
    CU_ASSERT_EQUAL_FATAL(record_history_read(slice_of(r->str, r->len), &h), LC_OK);
    CU_ASSERT_EQUAL(h.state, S(CANCELLED));
    CU_ASSERT_EQUAL(h.reason, LIFECIRCLE__V1__REASON__MERCHANT_CLOSED);
    CU_ASSERT_EQUAL(h.store, 1);
    CU_ASSERT_EQUAL(h.version, 2);
    CU_ASSERT_EQUAL(h.time_ms, NOW + 5);
    CU_ASSERT_TRUE(slice_eq_str(h.words, "store: burst pipe"));
    freeReplyObject(r);
}

static void
test_order_step_of_one_order_twice_in_a_call(void)
{
    bring(S(PLACED));
    kit_call(k, "order_step");
    kit_int(k, NOW + 5);
    kit_int(k, 2);
    for (int i = 0; i < 2; i++) {
        kit_text(k, ask_id(1));
        kit_text(k, "cancel");
        kit_int(k, 20);
        kit_text(k, "chain");
        kit_text(k, "");
    }
    redisReply *r = kit_reply(k);
    CU_ASSERT_EQUAL(got_outcome(r, 0), DONE);
    CU_ASSERT_EQUAL(got_outcome(r, 1), ALREADY);
    freeReplyObject(r);
    CU_ASSERT_EQUAL(ask_level(k, 1, 0).available, 10);
    CU_ASSERT_EQUAL(ask_faults(k), 0);
}

static long long
retire(uint32_t version)
{
    kit_call(k, "order_retire");
    kit_int(k, NOW);
    kit_int(k, 1);
    kit_text(k, ask_id(1));
    kit_int(k, version);
    kit_text(k, "");
    redisReply *r = kit_reply(k);
    long long v = r->type == REDIS_REPLY_ARRAY && r->elements == 1 ? r->element[0]->integer : -1;
    freeReplyObject(r);
    return v;
}

static void
test_order_retire_takes_only_what_has_ended_and_is_as_it_was_read(void)
{
    for (unsigned state = S(CREATED); state <= S(RETURNED); state++) {
        struct record r;
        bring(state);
        CU_ASSERT_TRUE_FATAL(ask_record(k, 1, &r));
        CU_ASSERT_EQUAL(retire(r.version + 1), 0);
        CU_ASSERT_EQUAL(retire(r.version), record_is_end(state));
        CU_ASSERT_EQUAL(ask_record(k, 1, &r), !record_is_end(state));
        CU_ASSERT_EQUAL(ask_faults(k), 0); /* the books add up without it */
    }
    CU_ASSERT_EQUAL(retire(1), 0); /* again */
}

static void
test_order_step_refuses_malformed_arguments_without_a_trace(void)
{
    static const struct {
        size_t at; /* 0 now, 1 count, 2.. the first step, 7.. the second */
        const char *text;
        const char *words;
    } row[] = {{0, "x", "now"},      {1, "1", "arguments"},    {1, "513", "count"},
               {7, "x", "uuid"},     {8, "explode", "action"}, {8, "pickup", "action"},
               {9, "256", "reason"}, {9, "", "reason"},        {10, "*", "who"},
               {11, "*", "words"}};
    char before[64], long_text[300];

    memset(long_text, 'w', sizeof long_text - 1);
    long_text[sizeof long_text - 1] = '\0';
    bring(S(PLACED));
    ask_digest(k, before);
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        kit_call(k, "order_step");
        kit_int(k, NOW);
        kit_int(k, 2);
        for (int step = 0; step < 2; step++) {
            kit_text(k, ask_id(1));
            kit_text(k, "cancel");
            kit_int(k, 20);
            kit_text(k, "chain");
            kit_text(k, "");
        }
        kit_replace(k, 4 + row[i].at, slice_str(row[i].text[0] == '*' ? long_text : row[i].text));
        refused(row[i].words, before);
    }
}

/* A call without arguments: refused for want of memory before it runs, or by what it says of them.
 */
static bool
runs_when_full(const char *name)
{
    redisReply *r = kit_do(k, "FCALL %s 1 {t}", name);
    bool oom = r->type == REDIS_REPLY_ERROR && strncmp(r->str, "OOM", 3) == 0;

    freeReplyObject(r);
    return !oom;
}

static void
test_what_is_under_way_goes_on_when_memory_is_full(void)
{
    static const struct {
        const char *name;
        bool runs;
    } table[] = {
        {"order_step", true},       {"plan_commit", true},    {"lease_take", true},
        {"lease_release", true},    {"due_claim", true},      {"due_hasten", true},
        {"due_set", true},          {"courier_seen", true},   {"courier_gone", true},
        {"chain_put", true},        {"courier_put", true},    {"access_put", true},
        {"webhook_enqueue", true},  {"webhook_claim", true},  {"webhook_done", true},
        {"events_trim", true},      {"order_retire", true},   {"order_forget", true},
        {"ledger_fold", true},      {"order_read", true},     {"order_place", false},
        {"order_accept", false},    {"stock_apply", false},   {"store_put", false},
        {"sku_put", false},         {"order_proof", false},   {"order_rate", false},
        {"nonce_take", false},      {"dispatch_rule", false}, {"speeds_put", true},
        {"dispatch_explain", true}, {"webhook_told", true},
    };

    bring(S(PLACED));
    freeReplyObject(kit_do(k, "CONFIG SET maxmemory 1"));
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        if (runs_when_full(table[i].name) != table[i].runs) {
            printf("\n    %s: expected %s\n", table[i].name, table[i].runs ? "to run" : "OOM");
            CU_FAIL("another answer");
        }
    }
    CU_ASSERT_EQUAL(ask_step(k, NOW + 50, 1, "cancel", 20), DONE);
    freeReplyObject(kit_do(k, "CONFIG SET maxmemory 0"));
    CU_ASSERT_EQUAL(ask_faults(k), 0);
}

int
main(void)
{
    static const struct unit_test tests[] = {
        UNIT(test_bring_reaches_every_state),
        UNIT(test_order_step_allows_what_the_table_says),
        UNIT(test_order_step_of_an_unknown_order_says_so),
        UNIT(test_cancel_gives_the_stock_back_once),
        UNIT(test_cancel_before_placing_drops_the_due_row),
        UNIT(test_cancel_tells_when_the_last_one_is_back),
        UNIT(test_pickup_commits_the_stock),
        UNIT(test_what_is_carried_is_handed_over_or_taken_back_by_others),
        UNIT(test_collected_commits_the_stock),
        UNIT(test_returned_puts_the_goods_back),
        UNIT(test_accept_is_a_note_of_the_stores),
        UNIT(test_ready_of_a_delivery_is_a_note),
        UNIT(test_a_note_says_what_it_is),
        UNIT(test_order_step_keeps_who_said_what),
        UNIT(test_order_step_of_one_order_twice_in_a_call),
        UNIT(test_order_retire_takes_only_what_has_ended_and_is_as_it_was_read),
        UNIT(test_order_step_refuses_malformed_arguments_without_a_trace),
        UNIT(test_what_is_under_way_goes_on_when_memory_is_full),
    };

    kit_start(k, false);
    int status = unit_main("step", tests, sizeof tests / sizeof *tests);
    kit_stop(k);
    return status;
}
