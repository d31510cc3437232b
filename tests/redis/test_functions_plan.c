/* plan_commit and lease_take: couriers, routes, and who owns the city. */
#include "step_rig.h"

static void
test_plan_commit_allows_what_the_table_says(void)
{
    for (size_t i = 0; i < PLAN_RULES_N; i++) {
        const struct rule *rule = &PLAN_RULES[i];
        for (unsigned s = 1; s <= RECORD_STATES; s++) {
            struct record before;
            bring(s);
            ask_record(k, 1, &before);
            uint32_t version = before.version;
            char c = rule->allowed[s - 1];
            int got = ask_plan(k, NOW + 99, EPOCH, COURIER, 1, rule->action);
            if (got != (c == '-' ? 2 : 1))
                fprintf(stderr, "%s from %s: %d\n", rule->action, record_state_name(s), got);
            CU_ASSERT_EQUAL(got, c == '-' ? 2 : 1);
            before.version = version;
            check_done(rule, s, c == 'd', &before);
        }
    }
}

static void
test_expire_releases_and_says_why(void)
{
    struct record r;

    bring(S(READY_FOR_COLLECTION));
    CU_ASSERT_EQUAL(ask_step(k, NOW + 50, 1, "expire", 0), DONE);
    CU_ASSERT_TRUE_FATAL(ask_record(k, 1, &r));
    CU_ASSERT_EQUAL(r.reason, LIFECIRCLE__V1__REASON__RESERVATION_EXPIRED);
    CU_ASSERT_EQUAL(ask_level(k, 1, 0).available, 10);
    CU_ASSERT_EQUAL(ask_faults(k), 0);
}

static void
test_plan_commit_keeps_other_couriers_out(void)
{
    struct record r;

    bring(S(PLACED));
    CU_ASSERT_EQUAL(ask_plan(k, NOW, EPOCH, COURIER, 1, "confirm"), 2); /* nobody's yet */
    CU_ASSERT_EQUAL(ask_plan(k, NOW, EPOCH, 0, 1, "assign"), 2);
    plan(1, "assign");
    plan(1, "assign");
    CU_ASSERT_EQUAL(ask_plan(k, NOW, EPOCH, OTHER, 1, "assign"), 2);
    CU_ASSERT_EQUAL(ask_plan(k, NOW, EPOCH, OTHER, 1, "confirm"), 2);
    CU_ASSERT_EQUAL(ask_plan(k, NOW, EPOCH, OTHER, 1, "unassign"), 2);
    plan(1, "confirm");
    CU_ASSERT_EQUAL(ask_plan(k, NOW, EPOCH, 0, 1, "unassign"), 1); /* for whatever courier */
    CU_ASSERT_TRUE_FATAL(ask_record(k, 1, &r));
    CU_ASSERT_EQUAL(r.state, S(PLACED));
    CU_ASSERT_EQUAL(r.courier, 0);
    CU_ASSERT_EQUAL(ask_plan(k, NOW, EPOCH, OTHER, 1, "assign"), 1);
    CU_ASSERT_TRUE_FATAL(ask_record(k, 1, &r));
    CU_ASSERT_EQUAL(r.courier, OTHER);
    CU_ASSERT_EQUAL(ask_level(k, 1, 0).available, 8);
    CU_ASSERT_EQUAL(ask_faults(k), 0);
}

static void
test_plan_commit_leaves_collections_alone(void)
{
    struct ask a = an_order(1, true);

    fresh();
    ask_one(k, NOW, &a, NULL);
    CU_ASSERT_EQUAL(ask_plan(k, NOW, EPOCH, COURIER, 1, "assign"), 2);
    CU_ASSERT_EQUAL(ask_step(k, NOW, 1, "collected", 0), DONE);
}

static void
put_entry(uint32_t courier, int64_t expect, const char *route, size_t steps)
{
    kit_int(k, courier);
    kit_int(k, expect);
    kit_text(k, route);
    kit_int(k, 0);
    kit_text(k, "");
    kit_int(k, (int64_t)steps);
}

static void
put_step(uint32_t number, const char *action, const char *eta)
{
    kit_text(k, ask_id(number));
    kit_text(k, action);
    kit_int(k, 0);
    kit_text(k, eta);
    kit_text(k, "");
}

static void
begin_plan(int64_t epoch, size_t entries)
{
    kit_call(k, "plan_commit");
    kit_int(k, NOW + 30);
    kit_int(k, epoch);
    kit_int(k, (int64_t)entries);
}

static void
test_plan_commit_of_a_stale_owner_is_fenced(void)
{
    char before[64], after[64];

    bring(S(PLACED));
    ask_digest(k, before);
    begin_plan(EPOCH + 1, 1);
    put_entry(COURIER, 0, "ROUTE", 1);
    put_step(1, "assign", "");
    redisReply *r = kit_reply(k);
    CU_ASSERT_EQUAL(r->type, REDIS_REPLY_ERROR);
    CU_ASSERT_EQUAL(strncmp(r->str, "FENCED", 6), 0);
    freeReplyObject(r);
    ask_digest(k, after);
    CU_ASSERT_STRING_EQUAL(before, after);
}

static void
test_plan_commit_writes_a_route_once(void)
{
    bring(S(PLACED));
    for (int time = 0; time < 2;
         time++) { /* the same call again is done again, and changes nothing */
        char before[64], after[64];
        begin_plan(EPOCH, 1);
        put_entry(COURIER, 0, "ROUTE", 1);
        put_step(1, "assign", "1795348899000");
        ask_digest(k, before);
        redisReply *r = kit_reply(k);
        CU_ASSERT_EQUAL(r->element[0]->integer, 1);
        freeReplyObject(r);
        ask_digest(k, after);
        CU_ASSERT_EQUAL(strcmp(before, after) == 0, time == 1);
    }
    redisReply *r = kit_do(k, "HGET {t}:routes 7");
    CU_ASSERT_EQUAL_FATAL(r->len, 4 + 5);
    CU_ASSERT_EQUAL(bytes_u32(r->str), 1);
    CU_ASSERT_EQUAL(memcmp(r->str + 4, "ROUTE", 5), 0);
    freeReplyObject(r);
    struct record record;
    CU_ASSERT_TRUE_FATAL(ask_record(k, 1, &record));
    CU_ASSERT_EQUAL(record.live_eta_ms, 1795348899000);
    CU_ASSERT_EQUAL(record.version, 2);
    begin_plan(EPOCH, 1);
    put_entry(COURIER, 0, "ANOTHER", 0);
    r = kit_reply(k);
    CU_ASSERT_EQUAL(r->element[0]->integer, 2);
    freeReplyObject(r);
    begin_plan(EPOCH, 1);
    put_entry(COURIER, 1, "ANOTHER", 0);
    r = kit_reply(k);
    CU_ASSERT_EQUAL(r->element[0]->integer, 1);
    freeReplyObject(r);
}

static void
test_plan_commit_entry_is_all_or_nothing(void)
{
    struct record r;
    struct ask two = an_order(2, false);

    fresh();
    ask_stock(k, 1, 1, 30);
    struct ask one = an_order(1, false);
    ask_one(k, NOW, &one, NULL);
    ask_one(k, NOW, &two, NULL);
    begin_plan(EPOCH, 2);
    put_entry(COURIER, 0, "ROUTE", 3);
    put_step(1, "assign", "");
    put_step(1, "confirm", "");
    put_step(2, "deliver", ""); /* is not picked up */
    put_entry(OTHER, 0, "ROUTE", 1);
    put_step(2, "assign", "");
    redisReply *reply = kit_reply(k);
    CU_ASSERT_EQUAL(reply->element[0]->integer, 2);
    CU_ASSERT_EQUAL(reply->element[1]->integer, 1);
    freeReplyObject(reply);
    CU_ASSERT_TRUE_FATAL(ask_record(k, 1, &r));
    CU_ASSERT_EQUAL(r.courier, 0);
    CU_ASSERT_EQUAL(r.version, 1);
    CU_ASSERT_EQUAL(ask_int(k, "HEXISTS {t}:routes 7"), 0);
    CU_ASSERT_TRUE_FATAL(ask_record(k, 2, &r));
    CU_ASSERT_EQUAL(r.courier, OTHER);
}

static void
test_plan_commit_moves_an_order_between_couriers(void)
{
    struct record r;

    bring(S(CONFIRMED));
    long long events = ask_int(k, "XLEN {t}:events");
    begin_plan(EPOCH, 2);
    put_entry(COURIER, 0, "A", 1);
    put_step(1, "unassign", "");
    put_entry(OTHER, 0, "B", 2);
    put_step(1, "assign", "");
    put_step(1, "confirm", "");
    redisReply *reply = kit_reply(k);
    CU_ASSERT_EQUAL(reply->element[0]->integer, 1);
    CU_ASSERT_EQUAL(reply->element[1]->integer, 1);
    freeReplyObject(reply);
    CU_ASSERT_TRUE_FATAL(ask_record(k, 1, &r));
    CU_ASSERT_EQUAL(r.courier, OTHER);
    CU_ASSERT_EQUAL(r.state, S(CONFIRMED));
    CU_ASSERT_EQUAL(r.version, 6);
    CU_ASSERT_EQUAL(ask_int(k, "XLEN {t}:events"), events + 1);
    reply = kit_do(k, "XREVRANGE {t}:events + - COUNT 1");
    redisReply *fields = reply->element[0]->element[1];
    static const char *const want[] = {"o", "r", "o", "r"};
    CU_ASSERT_EQUAL_FATAL(fields->elements, 8);
    for (size_t i = 0; i < 4; i++)
        CU_ASSERT_STRING_EQUAL(fields->element[2 * i]->str, want[i]);
    CU_ASSERT_EQUAL(fields->element[1]->len, 36 + RECORD_HEAD);
    CU_ASSERT_EQUAL(fields->element[5]->len, 2 * (36 + RECORD_HEAD)); /* two orders in a row */
    CU_ASSERT_EQUAL(bytes_u32(fields->element[3]->str), COURIER);
    CU_ASSERT_EQUAL(bytes_u32(fields->element[3]->str + 4), 1);
    freeReplyObject(reply);
}

static void
test_plan_commit_eta_changes_nothing_else(void)
{
    struct record r;

    bring(S(CONFIRMED));
    begin_plan(EPOCH, 1);
    put_entry(COURIER, 0, "", 1);
    put_step(1, "eta", "1795348899000");
    redisReply *reply = kit_reply(k);
    CU_ASSERT_EQUAL(reply->element[0]->integer, 1);
    freeReplyObject(reply);
    CU_ASSERT_TRUE_FATAL(ask_record(k, 1, &r));
    CU_ASSERT_EQUAL(r.live_eta_ms, 1795348899000);
    CU_ASSERT_EQUAL(r.version, 3);
    reply = kit_do(k, "XREVRANGE {t}:events + - COUNT 1");
    CU_ASSERT_STRING_EQUAL(reply->element[0]->element[1]->element[0]->str, "e");
    freeReplyObject(reply);
    struct ask a = an_order(9, false); /* another call's orders are not told of in the same way */
    a.n_lines = 1;
    a.lines[0].price = 100; /* as it is */
    CU_ASSERT_EQUAL(ask_one(k, NOW, &a, NULL), 1);
    reply = kit_do(k, "XREVRANGE {t}:events + - COUNT 1");
    CU_ASSERT_STRING_EQUAL(reply->element[0]->element[1]->element[0]->str, "o");
    freeReplyObject(reply);
    CU_ASSERT_EQUAL(r.state, S(CONFIRMED));
    bring(S(DELIVERED));
    begin_plan(EPOCH, 1);
    put_entry(COURIER, 0, "", 1);
    put_step(1, "eta", "1795348899000");
    reply = kit_reply(k);
    CU_ASSERT_EQUAL(reply->element[0]->integer, 2);
    freeReplyObject(reply);
}

static void
test_plan_commit_whole_life_in_one_call(void)
{
    static const char *const way[] = {"assign", "confirm", "pickup", "deliver"};

    bring(S(PLACED));
    begin_plan(EPOCH, 1);
    put_entry(COURIER, 0, "", 4);
    for (size_t i = 0; i < 4; i++)
        put_step(1, way[i], "");
    redisReply *r = kit_reply(k);
    CU_ASSERT_EQUAL(r->element[0]->integer, 1);
    freeReplyObject(r);
    CU_ASSERT_EQUAL(state_now(), S(DELIVERED));
    CU_ASSERT_EQUAL(ask_int(k, "ZCARD {t}:due:dispatch"), 0);
    CU_ASSERT_EQUAL(ask_int(k, "LLEN {t}:history:%s", ask_id(1)), 4);
    CU_ASSERT_EQUAL(ask_faults(k), 0);
}

/* done: how many things the courier has done, as courier_work tells it; the first one's kind. */
static size_t
done(uint32_t courier, int64_t since_ms, char *first)
{
    kit_call(k, "courier_work");
    kit_int(k, courier);
    kit_int(k, since_ms);
    kit_int(k, 10);
    redisReply *r = kit_reply(k);
    size_t n = r->type == REDIS_REPLY_ARRAY && r->elements > 0 ? (r->elements - 1) / 2 : 99;

    *first = n > 0 && n < 99 ? r->element[1]->str[0] : 0;
    for (size_t i = 0; n < 99 && i < n; i++) {
        CU_ASSERT_EQUAL(r->element[1 + 2 * i]->len, 1 + 8 + 36);
        CU_ASSERT_TRUE(r->element[2 + 2 * i]->len > RECORD_HEAD);
    }
    freeReplyObject(r);
    return n;
}

static void
test_courier_work_tells_what_was_picked_up_and_delivered(void)
{
    char first;

    bring(S(PICKED_UP));
    CU_ASSERT_EQUAL(done(COURIER, 0, &first), 1);
    CU_ASSERT_EQUAL(first, 1);
    bring(S(DELIVERED));
    CU_ASSERT_EQUAL(done(COURIER, 0, &first), 2);
    CU_ASSERT_EQUAL(first, 1); /* oldest first */
    plan(1, "deliver");        /* said again */
    CU_ASSERT_EQUAL(done(COURIER, 0, &first), 2);
    CU_ASSERT_EQUAL(done(COURIER, NOW + 1000000, &first), 0);
    CU_ASSERT_EQUAL(done(OTHER, 0, &first), 0);
}

static void
test_plan_commit_refuses_malformed_arguments_without_a_trace(void)
{
    static const struct {
        size_t at; /* 0 now, 1 epoch, 2 count; 3.. courier expect route expect shift nsteps, 9..
                      step */
        const char *text;
        const char *words;
    } row[] = {{0, "x", "now"},          {1, "0", "epoch"},        {2, "2", "courier"},
               {2, "0", "arguments"},    {3, "-1", "courier"},     {3, "0", "courier"},
               {4, "x", "expect_route"}, {6, "x", "expect_shift"}, {8, "2", "arguments"},
               {8, "0", "arguments"},    {9, "x", "uuid"},         {10, "cancel", "action"},
               {11, "300", "reason"},    {12, "soon", "live_eta"}};
    char before[64];

    bring(S(PLACED));
    ask_digest(k, before);
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        begin_plan(EPOCH, 1);
        put_entry(COURIER, 0, "ROUTE", 1);
        put_step(1, "assign", "");
        kit_replace(k, 4 + row[i].at, slice_str(row[i].text));
        refused(row[i].words, before);
    }
}

static void
lease(int64_t now, const char *owner, long long *epoch, long long *until)
{
    kit_call(k, "lease_take");
    kit_int(k, now);
    kit_text(k, owner);
    kit_int(k, 5000);
    redisReply *r = kit_reply(k);
    CU_ASSERT_EQUAL_FATAL(r->elements, 2);
    *epoch = r->element[0]->integer;
    *until = r->element[1]->integer;
    freeReplyObject(r);
}

static void
test_lease_take_has_one_owner_at_a_time(void)
{
    long long epoch, until;

    freeReplyObject(kit_do(k, "FLUSHALL"));
    lease(NOW, "a", &epoch, &until);
    CU_ASSERT_EQUAL(epoch, 1);
    CU_ASSERT_EQUAL(until, NOW + 5000);
    lease(NOW + 4999, "b", &epoch, &until);
    CU_ASSERT_EQUAL(epoch, 0);
    CU_ASSERT_EQUAL(until, NOW + 5000);
    lease(NOW + 4000, "a", &epoch, &until);
    CU_ASSERT_EQUAL(epoch, 1);
    CU_ASSERT_EQUAL(until, NOW + 9000);
    lease(NOW + 9000, "b", &epoch, &until);
    CU_ASSERT_EQUAL(epoch, 2);
    lease(NOW + 9001, "a", &epoch, &until);
    CU_ASSERT_EQUAL(epoch, 0);
    lease(NOW + 99000, "b", &epoch, &until); /* nobody came in between */
    CU_ASSERT_EQUAL(epoch, 2);
}

static void
release(int64_t now, const char *owner, long long epoch)
{
    kit_call(k, "lease_release");
    kit_int(k, now);
    kit_int(k, 10000);
    redisReply *r = kit_reply(k);
    CU_ASSERT_EQUAL_FATAL(r->elements, 2);
    CU_ASSERT_STRING_EQUAL(r->element[0]->str, owner);
    CU_ASSERT_EQUAL(r->element[1]->integer, epoch);
    freeReplyObject(r);
}

static void
since_is(int64_t when)
{
    redisReply *r = kit_do(k, "HGET {t}:lease since");

    CU_ASSERT_EQUAL_FATAL(r->type, REDIS_REPLY_STRING);
    CU_ASSERT_EQUAL(strtoll(r->str, NULL, 10), when);
    freeReplyObject(r);
}

/* Who had it comes last, and its epoch counts until then: there is no moment without an owner whose
 * writes are taken. */
static void
test_lease_release_hands_it_to_another(void)
{
    long long epoch, until;

    freeReplyObject(kit_do(k, "FLUSHALL"));
    release(NOW, "", 0); /* nobody's */
    lease(NOW, "a", &epoch, &until);
    lease(NOW + 1000, "a", &epoch, &until);
    since_is(NOW);
    release(NOW + 2000, "a", 1);
    release(NOW + 2001, "", 0);
    lease(NOW + 2002, "a", &epoch, &until);
    CU_ASSERT_EQUAL(epoch, 0);
    CU_ASSERT_EQUAL(until, NOW + 12000);
    lease(NOW + 2003, "b", &epoch, &until);
    CU_ASSERT_EQUAL(epoch, 2);
    since_is(NOW + 2003);
    release(NOW + 3000, "b", 2);
    lease(NOW + 12999, "b", &epoch, &until); /* nobody else wanted it */
    CU_ASSERT_EQUAL(epoch, 0);
    lease(NOW + 13000, "b", &epoch, &until);
    CU_ASSERT_EQUAL(epoch, 2);
    since_is(NOW + 2003);
}

int
main(void)
{
    static const struct unit_test tests[] = {
        UNIT(test_plan_commit_allows_what_the_table_says),
        UNIT(test_expire_releases_and_says_why),
        UNIT(test_plan_commit_keeps_other_couriers_out),
        UNIT(test_plan_commit_leaves_collections_alone),
        UNIT(test_plan_commit_of_a_stale_owner_is_fenced),
        UNIT(test_plan_commit_writes_a_route_once),
        UNIT(test_plan_commit_entry_is_all_or_nothing),
        UNIT(test_plan_commit_moves_an_order_between_couriers),
        UNIT(test_plan_commit_eta_changes_nothing_else),
        UNIT(test_plan_commit_whole_life_in_one_call),
        UNIT(test_courier_work_tells_what_was_picked_up_and_delivered),
        UNIT(test_plan_commit_refuses_malformed_arguments_without_a_trace),
        UNIT(test_lease_take_has_one_owner_at_a_time),
        UNIT(test_lease_release_hands_it_to_another),
    };

    kit_start(k, false);
    int status = unit_main("plan", tests, sizeof tests / sizeof *tests);
    kit_stop(k);
    return status;
}
