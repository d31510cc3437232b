/* speeds_put, speeds_reset: what was learnt of couriers' rides, and who may write it. */
#include "ask.h"
#include "unit.h"

static struct kit kit, *const k = &kit;

enum { EPOCH = 1 };

static void
take_lease(void)
{
    kit_call(k, "lease_take");
    kit_int(k, NOW);
    kit_text(k, "router-1");
    kit_int(k, 3000);
    freeReplyObject(kit_reply(k));
}

/* Two hours; what the function says: 1, 0, or -1 for an error. */
static long long
put(int64_t epoch, int64_t generation, const char *field)
{
    kit_call(k, "speeds_put");
    kit_int(k, NOW);
    kit_int(k, epoch);
    kit_int(k, generation);
    kit_int(k, 2);
    kit_text(k, field);
    kit_text(k, "learnt");
    kit_text(k, "profile");
    kit_text(k, "for people");
    redisReply *r = kit_reply(k);
    long long said = r->type == REDIS_REPLY_INTEGER ? r->integer : -1;
    freeReplyObject(r);
    return said;
}

static long long
reset(int mode)
{
    kit_call(k, "speeds_reset");
    kit_int(k, NOW);
    kit_int(k, mode);
    redisReply *r = kit_reply(k);
    long long said = r->type == REDIS_REPLY_INTEGER ? r->integer : -1;
    freeReplyObject(r);
    return said;
}

static long long
fields(void)
{
    return ask_int(k, "HLEN {t}:speeds");
}

static void
test_speeds_are_written_by_the_leases_owner_alone(void)
{
    char before[64], after[64];

    CU_ASSERT_EQUAL(put(EPOCH, 0, "1:18"), 1);
    CU_ASSERT_EQUAL(put(EPOCH, 0, "1:18"), 1); /* the same again */
    CU_ASSERT_EQUAL(fields(), 2);
    ask_digest(k, before);
    CU_ASSERT_EQUAL(put(EPOCH + 1, 0, "1:19"), -1);
    CU_ASSERT_EQUAL(put(EPOCH, 1, "1:19"), 0);
    ask_digest(k, after);
    CU_ASSERT_STRING_EQUAL(before, after);
}

static void
test_speeds_put_refuses_what_is_no_hour(void)
{
    static const char *const field[] = {"6:0", "0:168", "1:", ":1", "1:18x", "generation", ""};
    char before[64], after[64];

    ask_digest(k, before);
    for (size_t i = 0; i < sizeof field / sizeof *field; i++)
        CU_ASSERT_EQUAL(put(EPOCH, 0, field[i]), -1);
    CU_ASSERT_EQUAL(reset(6), -1);
    CU_ASSERT_EQUAL(reset(-2), -1);
    ask_digest(k, after);
    CU_ASSERT_STRING_EQUAL(before, after);
}

static void
test_speeds_reset_forgets_for_good(void)
{
    long long events = ask_int(k, "XLEN {t}:events");

    CU_ASSERT_EQUAL(put(EPOCH, 0, "4:0"), 1);
    CU_ASSERT_EQUAL(reset(1), 1);
    CU_ASSERT_EQUAL(ask_int(k, "HEXISTS {t}:speeds 4:0"), 1);
    CU_ASSERT_EQUAL(ask_int(k, "HEXISTS {t}:speeds 1:18"), 0);
    CU_ASSERT_EQUAL(ask_int(k, "HEXISTS {t}:speeds profile"), 0);
    CU_ASSERT_EQUAL(put(EPOCH, 0, "1:18"), 0); /* what the router knew before */
    CU_ASSERT_EQUAL(put(EPOCH, 1, "1:18"), 1);
    CU_ASSERT_EQUAL(reset(-1), 2);
    CU_ASSERT_EQUAL(fields(), 1); /* the generation */
    CU_ASSERT_EQUAL(put(EPOCH, 1, "1:18"), 0);
    CU_ASSERT_EQUAL(put(EPOCH, 2, "1:18"), 1);
    CU_ASSERT_EQUAL(ask_int(k, "XLEN {t}:events"), events + 2); /* the router hears of it */
}

static void
test_speeds_reset_forgets_what_was_not_written_yet(void)
{
    CU_ASSERT_EQUAL(reset(-1), 1);
    long long events = ask_int(k, "XLEN {t}:events");
    CU_ASSERT_EQUAL(reset(-1), 0);
    CU_ASSERT_EQUAL(ask_int(k, "XLEN {t}:events"), events + 1);
    CU_ASSERT_EQUAL(put(EPOCH, 3, "1:18"), 0); /* rides of before */
    CU_ASSERT_EQUAL(put(EPOCH, 4, "1:18"), 1);
    CU_ASSERT_EQUAL(reset(2), 0); /* of that mode */
    CU_ASSERT_EQUAL(put(EPOCH, 4, "2:18"), 0);
    CU_ASSERT_EQUAL(put(EPOCH, 5, "2:18"), 1);
}

int
main(void)
{
    static const struct unit_test tests[] = {
        UNIT(test_speeds_are_written_by_the_leases_owner_alone),
        UNIT(test_speeds_put_refuses_what_is_no_hour),
        UNIT(test_speeds_reset_forgets_for_good),
        UNIT(test_speeds_reset_forgets_what_was_not_written_yet),
    };

    kit_start(k, false);
    take_lease();
    int status = unit_main("speeds", tests, sizeof tests / sizeof *tests);
    kit_stop(k);
    return status;
}
