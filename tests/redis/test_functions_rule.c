/* dispatch_rule: what people decide over the plan's head, and that plan_commit keeps to it. */
#include "step_rig.h"

enum { RULED = 1, RULED_ALREADY, NOT_NOW, NO_ORDER, NO_COURIER, CONTRADICTS };

static int actions; /* makes action ids */

static void
put_courier(uint32_t number, const char *bytes)
{
    kit_call(k, "courier_put");
    kit_int(k, NOW);
    kit_int(k, 0);
    kit_text(k, bytes);
    redisReply *r = kit_reply(k);
    CU_ASSERT_EQUAL(r->integer, number);
    freeReplyObject(r);
}

/* Eight couriers, and order 1 in that state. */
static void
ready(unsigned state)
{
    bring(state);
    for (uint32_t i = 1; i <= 8; i++) {
        char bytes[] = "\x12\x02"
                       "c0";
        bytes[3] = (char)('0' + i);
        put_courier(i, bytes);
    }
}

static int
rule_as(const char *action, const char *kind, const char *order, uint32_t courier)
{
    kit_call(k, "dispatch_rule");
    kit_int(k, NOW + 50);
    kit_int(k, 1);
    kit_text(k, action);
    kit_text(k, kind);
    kit_text(k, order);
    kit_int(k, courier);
    kit_text(k, "Olga");
    kit_text(k, "she asked");
    redisReply *r = kit_reply(k);
    int outcome = r->type == REDIS_REPLY_ARRAY && r->elements == 1 ? r->element[0]->str[0] : 0;
    freeReplyObject(r);
    return outcome;
}

static int
rule(const char *kind, uint32_t number, uint32_t courier)
{
    char action[16];

    snprintf(action, sizeof action, "a%d", ++actions);
    return rule_as(action, kind, number == 0 ? "" : ask_id(number), courier);
}

static int
assign(uint32_t courier)
{
    return ask_plan(k, NOW + 60, EPOCH, courier, 1, "assign");
}

static void
test_rules_hold_in_plan_commit(void)
{
    static const struct {
        const char *set, *lift;
        uint32_t said_of, stopped, allowed; /* courier; 0 = nobody */
    } row[] = {
        {"pin", "unpin", COURIER, OTHER, COURIER},
        {"ban", "unban", COURIER, COURIER, OTHER},
        {"hold", "release", 0, COURIER, 0},
    };

    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        ready(S(PLACED));
        CU_ASSERT_EQUAL(rule(row[i].set, 1, row[i].said_of), RULED);
        CU_ASSERT_EQUAL(rule(row[i].set, 1, row[i].said_of), RULED_ALREADY);
        CU_ASSERT_EQUAL(assign(row[i].stopped), 2);
        if (row[i].allowed != 0) {
            CU_ASSERT_EQUAL(assign(row[i].allowed), 1);
            CU_ASSERT_EQUAL(ask_plan(k, NOW + 60, EPOCH, 0, 1, "unassign"), 1);
        }
        CU_ASSERT_EQUAL(rule(row[i].lift, 1, strcmp(row[i].lift, "unban") == 0 ? COURIER : 0),
                        RULED);
        CU_ASSERT_EQUAL(assign(row[i].stopped), 1);
    }
}

static void
test_frozen_courier_is_assigned_nothing(void)
{
    ready(S(PLACED));
    CU_ASSERT_EQUAL(rule("freeze", 0, COURIER), RULED);
    CU_ASSERT_EQUAL(rule("freeze", 0, COURIER), RULED_ALREADY);
    CU_ASSERT_EQUAL(assign(COURIER), 2);
    CU_ASSERT_EQUAL(rule("unfreeze", 0, COURIER), RULED);
    CU_ASSERT_EQUAL(rule("unfreeze", 0, COURIER), RULED_ALREADY);
    CU_ASSERT_EQUAL(assign(COURIER), 1);
    CU_ASSERT_EQUAL(rule("freeze", 0, COURIER), RULED);
    CU_ASSERT_EQUAL(ask_plan(k, NOW + 60, EPOCH, COURIER, 1, "confirm"), 1); /* it goes on */
}

static void
test_rule_is_applied_once_per_action(void)
{
    ready(S(PLACED));
    CU_ASSERT_EQUAL(rule_as("one", "pin", ask_id(1), COURIER), RULED);
    CU_ASSERT_EQUAL(rule_as("two", "unpin", ask_id(1), 0), RULED);
    CU_ASSERT_EQUAL(rule_as("one", "pin", ask_id(1), COURIER), RULED_ALREADY); /* late */
    CU_ASSERT_EQUAL(assign(OTHER), 1);
}

static void
test_rule_refuses_what_cannot_be(void)
{
    ready(S(PLACED));
    CU_ASSERT_EQUAL(rule("pin", 99, COURIER), NO_ORDER);
    CU_ASSERT_EQUAL(rule("pin", 1, 77), NO_COURIER);
    CU_ASSERT_EQUAL(rule("ban", 1, COURIER), RULED);
    CU_ASSERT_EQUAL(rule("pin", 1, COURIER), CONTRADICTS);
    CU_ASSERT_EQUAL(rule("pin", 1, OTHER), RULED);
    CU_ASSERT_EQUAL(rule("ban", 1, OTHER), CONTRADICTS);
}

static void
test_rule_by_state(void)
{
    static const struct {
        unsigned state;
        int hold, release;
    } row[] = {{S(CREATED), RULED, RULED},
               {S(HELD), RULED, RULED},
               {S(ARRIVED_AT_PICKUP), RULED, RULED},
               {S(PICKED_UP), NOT_NOW, RULED_ALREADY},
               {S(RETURNING), NOT_NOW, RULED_ALREADY},
               {S(DELIVERED), NOT_NOW, NOT_NOW},
               {S(CANCELLED), NOT_NOW, NOT_NOW},
               {S(READY_FOR_COLLECTION), NOT_NOW, NOT_NOW}};

    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        ready(row[i].state);
        CU_ASSERT_EQUAL(rule("hold", 1, 0), row[i].hold);
        CU_ASSERT_EQUAL(rule("release", 1, 0), row[i].release);
    }
}

static void
test_rule_is_told_and_kept_in_history(void)
{
    ready(S(PLACED));
    CU_ASSERT_EQUAL(rule("pin", 1, COURIER), RULED);
    redisReply *h = kit_do(k, "LRANGE {t}:history:%s -1 -1", ask_id(1));
    struct record_history told;
    CU_ASSERT_EQUAL_FATAL(h->elements, 1);
    CU_ASSERT_EQUAL(record_history_read(slice_of(h->element[0]->str, h->element[0]->len), &told),
                    LC_OK);
    CU_ASSERT_EQUAL(told.state, S(PLACED));
    CU_ASSERT_TRUE(slice_eq_str(told.words, "Olga: pinned to courier 7: she asked"));
    freeReplyObject(h);
    redisReply *e = kit_do(k, "XREVRANGE {t}:events + - COUNT 1");
    const redisReply *fields = e->element[0]->element[1];
    CU_ASSERT_STRING_EQUAL(fields->element[0]->str, "d");
    CU_ASSERT_EQUAL(fields->element[1]->len, 36 + 8);
    CU_ASSERT_EQUAL(memcmp(fields->element[1]->str, ask_id(1), 36), 0);
    freeReplyObject(e);
    redisReply *log = kit_do(k, "XLEN {t}:rulings:log");
    CU_ASSERT_EQUAL(log->integer, 1);
    freeReplyObject(log);
}

static void
test_rulings_go_with_the_order(void)
{
    ready(S(PLACED));
    CU_ASSERT_EQUAL(rule("ban", 1, OTHER), RULED);
    CU_ASSERT_EQUAL(ask_step(k, NOW + 70, 1, "cancel", 20), DONE);
    redisReply *r = kit_do(k, "EXISTS {t}:rulings");
    CU_ASSERT_EQUAL(r->integer, 0);
    freeReplyObject(r);
}

static void
test_decision_goes_with_the_order(void)
{
    ready(S(DELIVERED));
    kit_call(k, "dispatch_explain");
    kit_int(k, NOW);
    kit_int(k, 1);
    kit_text(k, ask_id(1));
    kit_text(k, "why");
    freeReplyObject(kit_reply(k));
    redisReply *r = kit_do(k, "GET {t}:dispatch:%s", ask_id(1));
    CU_ASSERT_EQUAL_FATAL(r->type, REDIS_REPLY_STRING);
    CU_ASSERT_STRING_EQUAL(r->str, "why");
    freeReplyObject(r);
    struct record record;
    CU_ASSERT_TRUE_FATAL(ask_record(k, 1, &record));
    kit_call(k, "order_retire");
    kit_int(k, NOW);
    kit_int(k, 1);
    kit_text(k, ask_id(1));
    kit_int(k, record.version);
    kit_text(k, "");
    freeReplyObject(kit_reply(k));
    r = kit_do(k, "EXISTS {t}:dispatch:%s", ask_id(1));
    CU_ASSERT_EQUAL(r->integer, 0);
    freeReplyObject(r);
}

static void
test_rule_refuses_malformed_arguments_without_a_trace(void)
{
    static const struct {
        const char *action, *kind, *order, *courier, *who, *says;
    } row[] = {{"", "hold", "", "0", "O", "action_id"},  {"x", "stop", "", "0", "O", "kind"},
               {"x", "hold", "", "0", "O", "order"},     {"x", "freeze", "y", "7", "O", "order"},
               {"x", "freeze", "", "0", "O", "courier"}, {"x", "freeze", "", "-1", "O", "courier"},
               {"x", "freeze", "", "7", "", "who"}};
    char before[64];

    ready(S(PLACED));
    ask_digest(k, before);
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        kit_call(k, "dispatch_rule");
        kit_int(k, NOW);
        kit_int(k, 1);
        kit_text(k, row[i].action);
        kit_text(k, row[i].kind);
        kit_text(k, row[i].order);
        kit_text(k, row[i].courier);
        kit_text(k, row[i].who);
        kit_text(k, "");
        refused(row[i].says, before);
    }
}

int
main(void)
{
    static const struct unit_test tests[] = {
        UNIT(test_rules_hold_in_plan_commit),
        UNIT(test_frozen_courier_is_assigned_nothing),
        UNIT(test_rule_is_applied_once_per_action),
        UNIT(test_rule_refuses_what_cannot_be),
        UNIT(test_rule_by_state),
        UNIT(test_rule_is_told_and_kept_in_history),
        UNIT(test_rulings_go_with_the_order),
        UNIT(test_decision_goes_with_the_order),
        UNIT(test_rule_refuses_malformed_arguments_without_a_trace),
    };

    kit_start(k, false);
    int status = unit_main("rule", tests, sizeof tests / sizeof *tests);
    kit_stop(k);
    return status;
}
