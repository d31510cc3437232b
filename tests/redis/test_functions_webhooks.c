/* Webhooks and streams: what waits, what came of it, what was read. */
#include "call_rig.h"

#define URL_A "00000000000000aa"
#define URL_B "00000000000000bb"

static void
test_webhook_enqueue_moves_the_cursor_once(void)
{
    fresh();
    CU_ASSERT_EQUAL(integer(CALL("webhook_enqueue", "5", "0-0", "1-3", "2", "w1", "5", "one", "w2",
                                 "9", "two")),
                    1);
    CU_ASSERT_EQUAL(integer(CALL("webhook_enqueue", "5", "0-0", "1-3", "1", "w3", "5", "three")),
                    0);
    CU_ASSERT_EQUAL(ask_int(k, "HLEN {t}:webhooks"), 2);
    CU_ASSERT_EQUAL(integer(CALL("webhook_enqueue", "5", "1-3", "1-4", "0")), 1);
    redisReply *r = kit_do(k, "GET {t}:cursor:webhook");
    CU_ASSERT_STRING_EQUAL(r->str, "1-4");
    freeReplyObject(r);
}

static void
test_webhook_claim_until_done(void)
{
    fresh();
    freeReplyObject(
        CALL("webhook_enqueue", "5", "", "1-3", "2", "w1", "5", "one", "w2", "9", "two"));
    redisReply *r = CALL("webhook_claim", "5", "10", "100");
    CU_ASSERT_EQUAL_FATAL(r->elements, 2);
    CU_ASSERT_STRING_EQUAL(r->element[0]->str, "w1");
    CU_ASSERT_STRING_EQUAL(r->element[1]->str, "one");
    freeReplyObject(r);
    CU_ASSERT_EQUAL(elements(CALL("webhook_claim", "9", "10", "100")), 2); /* w2 */
    CU_ASSERT_EQUAL(elements(CALL("webhook_claim", "9", "10", "100")), 0);
    CU_ASSERT_EQUAL(integer(CALL("webhook_done", "9", "w1", "0")), 1);
    CU_ASSERT_EQUAL(integer(CALL("webhook_done", "9", "w1", "0")), 0);
    CU_ASSERT_EQUAL(integer(CALL("webhook_done", "9", "w1", "50")), 0); /* too late to try again */
    CU_ASSERT_EQUAL(integer(CALL("webhook_done", "9", "w2", "20")), 1);
    CU_ASSERT_EQUAL(elements(CALL("webhook_claim", "20", "10", "100")), 2);
    CU_ASSERT_EQUAL(ask_int(k, "HLEN {t}:webhooks"), 1);
}

/* told: what webhook_told says of chain 7: queued, next try, and of its URL what came last. */
struct told {
    long long queued, next, ok, failed;
    unsigned status, in_a_row;
    char url[17], why[41];
};

static struct told
told_of_7(void)
{
    struct told t = {.queued = -1};
    redisReply *r = CALL("webhook_told", "7");

    CU_ASSERT_EQUAL_FATAL(r->elements, 4);
    t.queued = r->element[2]->integer;
    t.next = r->element[3]->integer;
    const char *p = r->element[1]->str;
    if (r->element[1]->len >= 38) {
        memcpy(t.url, p, 16);
        t.ok = (long long)bytes_u64(p + 16);
        t.failed = (long long)bytes_u64(p + 24);
        t.status = bytes_u16(p + 32);
        t.in_a_row = bytes_u32(p + 34);
        memcpy(t.why, p + 38, r->element[1]->len - 38);
    }
    freeReplyObject(r);
    return t;
}

static void
test_webhook_told_says_what_came_of_the_calls(void)
{
    /* rows of chain 7 and, once, of another */
    static const char row[] = "\7\0\0\0........body", other[] = "\10\0\0\0........body";

    fresh();
    struct told t = told_of_7();
    CU_ASSERT(t.queued == 0 && t.next == 0 && t.url[0] == '\0');
    freeReplyObject(kit_do(k, "FCALL webhook_enqueue 1 {t} 5 0-0 1-3 3 w1 5 %b w2 9 %b w3 2 %b",
                           row, sizeof row - 1, row, sizeof row - 1, other, sizeof other - 1));
    t = told_of_7();
    CU_ASSERT(t.queued == 2 && t.next == 5);
    CU_ASSERT_EQUAL(integer(CALL("webhook_done", "20", "w1", "40", URL_A, "503", "")), 1);
    CU_ASSERT_EQUAL(integer(CALL("webhook_done", "30", "w2", "50", URL_A, "0", "deadline")), 1);
    t = told_of_7();
    CU_ASSERT_STRING_EQUAL(t.url, URL_A);
    CU_ASSERT(t.queued == 2 && t.next == 40 && t.ok == 0 && t.failed == 30);
    CU_ASSERT(t.status == 0 && t.in_a_row == 2);
    CU_ASSERT_STRING_EQUAL(t.why, "deadline");
    CU_ASSERT_EQUAL(integer(CALL("webhook_done", "35", "w2", "60")), 1); /* only put off */
    CU_ASSERT_EQUAL(integer(CALL("webhook_done", "41", "w1", "0", URL_A, "204", "")), 1);
    t = told_of_7();
    CU_ASSERT(t.queued == 1 && t.next == 60 && t.ok == 41 && t.failed == 30 && t.in_a_row == 0);
    CU_ASSERT_EQUAL(integer(CALL("webhook_done", "70", "w2", "80", URL_B, "500", "")), 1);
    t = told_of_7();
    CU_ASSERT_STRING_EQUAL(t.url, URL_B);
    CU_ASSERT(t.ok == 0 && t.failed == 70 && t.status == 500 && t.in_a_row == 1);
}

static void
chain_7(const char *bytes)
{
    freeReplyObject(kit_do(k, "HSET {t}:chains 7 %s", bytes));
}

/* What other calls come to does not cover when and why a chain's webhooks ended, until they are on
 * again. */
static void
test_webhook_told_keeps_when_it_was_gone(void)
{
    static const char row[] = "\7\0\0\0........body";
    static const char on[] = "\10\7", off[] = "\10\7\130\1"; /* webhook_disabled */

    fresh();
    chain_7(off);
    freeReplyObject(kit_do(k, "FCALL webhook_enqueue 1 {t} 5 0-0 1-3 2 w1 5 %b w2 5 %b", row,
                           sizeof row - 1, row, sizeof row - 1));
    CU_ASSERT_EQUAL(integer(CALL("webhook_done", "20", "w1", "0", URL_A, "410", "")), 1);
    CU_ASSERT_EQUAL(integer(CALL("webhook_done", "21", "w2", "30", URL_A, "503", "")), 1);
    struct told t = told_of_7();
    CU_ASSERT(t.failed == 20 && t.status == 410 && t.in_a_row == 2);
    chain_7(on);
    CU_ASSERT_EQUAL(integer(CALL("webhook_done", "32", "w2", "40", URL_A, "204", "")), 1);
    chain_7(off);
    CU_ASSERT_EQUAL(integer(CALL("webhook_done", "41", "w2", "50", URL_A, "410", "")), 1);
    t = told_of_7();
    CU_ASSERT(t.ok == 32 && t.failed == 41 && t.status == 410 && t.in_a_row == 1);
    chain_7(on);
    CU_ASSERT_EQUAL(integer(CALL("webhook_done", "52", "w2", "60", URL_A, "0", "reset")), 1);
    t = told_of_7();
    CU_ASSERT(t.failed == 52 && t.status == 0 && t.in_a_row == 2);
    CU_ASSERT_STRING_EQUAL(t.why, "reset");
}

/* Who has read nothing yet asks for what is behind 1-0. */
static void
test_streams_begin_behind_0(void)
{
    struct ask a = {.number = 1, .lines = {{.sku = 0, .quantity = 1}}, .n_lines = 1};

    fresh();
    ask_stores(k, 1);
    freeReplyObject(ask_accept(k, NOW, &a, 1));
    CU_ASSERT_EQUAL(ask_int(k, "XLEN {t}:events"), 1);
    const char *const streams[] = {"events", "catalogue"};
    for (size_t i = 0; i < 2; i++) {
        redisReply *r = kit_do(k, "XRANGE {t}:%s - + COUNT 1", streams[i]);
        CU_ASSERT_STRING_EQUAL(r->element[0]->element[0]->str, "1-1");
        freeReplyObject(r);
    }
}

static void
test_events_trim_keeps_what_was_not_read(void)
{
    struct ask a = {.lines = {{.sku = 0, .quantity = 1}}, .n_lines = 1};

    fresh();
    for (a.number = 1; a.number <= 10; a.number++) /* events 1-1 to 1-10 */
        freeReplyObject(ask_accept(k, NOW, &a, 1));
    CU_ASSERT_EQUAL(integer(CALL("events_trim", "2")), 0); /* no cursor: nobody has read */
    freeReplyObject(CALL("webhook_enqueue", "5", "", "1-4", "0"));
    CU_ASSERT_EQUAL(integer(CALL("events_trim", "2")), 4);
    CU_ASSERT_EQUAL(integer(CALL("events_trim", "2")), 0);
    freeReplyObject(CALL("webhook_enqueue", "5", "1-4", "1-10", "0"));
    CU_ASSERT_EQUAL(integer(CALL("events_trim", "2")), 4);
    CU_ASSERT_EQUAL(ask_int(k, "XLEN {t}:events"), 2);
    CU_ASSERT_EQUAL(integer(CALL("events_trim", "0")), 2);
    freeReplyObject(ask_accept(k, NOW, &a, 1));
    redisReply *r = kit_do(k, "XRANGE {t}:events - +"); /* ids go on */
    CU_ASSERT_STRING_EQUAL(r->element[0]->element[0]->str, "1-11");
    freeReplyObject(r);
}

int
main(void)
{
    static const struct unit_test tests[] = {
        UNIT(test_webhook_enqueue_moves_the_cursor_once),
        UNIT(test_webhook_claim_until_done),
        UNIT(test_webhook_told_says_what_came_of_the_calls),
        UNIT(test_webhook_told_keeps_when_it_was_gone),
        UNIT(test_streams_begin_behind_0),
        UNIT(test_events_trim_keeps_what_was_not_read),
    };

    kit_start(k, false);
    int status = unit_main("webhooks", tests, sizeof tests / sizeof *tests);
    kit_stop(k);
    return status;
}
