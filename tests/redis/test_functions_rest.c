/* Due rows, the catalogue, and what holds for all functions. */
#include "call_rig.h"

#define URL_A "00000000000000aa"
#define URL_B "00000000000000bb"

/* ---- due rows ---- */

static void
three_created(void)
{
    struct ask a[3];

    fresh();
    for (uint32_t i = 0; i < 3; i++)
        a[i] = (struct ask){.number = i + 1, .lines = {{.sku = 0, .quantity = 1}}, .n_lines = 1};
    for (uint32_t i = 0; i < 3; i++)
        freeReplyObject(ask_accept(k, NOW + i, &a[i], 1));
}

static redisReply *
claim(const char *queue, int64_t now, int64_t limit)
{
    kit_call(k, "due_claim");
    kit_int(k, now);
    kit_text(k, queue);
    kit_int(k, limit);
    kit_int(k, 1000);
    return kit_reply(k);
}

static void
test_due_claim_gives_what_is_due_and_hides_it(void)
{
    struct record r;

    three_created();
    CU_ASSERT_EQUAL(elements(claim("match", NOW - 1, 10)), 0);
    redisReply *reply = claim("match", NOW + 1, 10);
    CU_ASSERT_EQUAL_FATAL(reply->elements, 4);
    CU_ASSERT_STRING_EQUAL(reply->element[0]->str, ask_id(1));
    CU_ASSERT_EQUAL(record_read(slice_of(reply->element[1]->str, reply->element[1]->len), &r),
                    LC_OK);
    CU_ASSERT_EQUAL(r.fingerprint, 1);
    CU_ASSERT_TRUE(slice_eq_str(r.order, "order"));
    CU_ASSERT_STRING_EQUAL(reply->element[2]->str, ask_id(2));
    freeReplyObject(reply);
    CU_ASSERT_EQUAL(elements(claim("match", NOW + 2, 10)), 2);    /* the third */
    CU_ASSERT_EQUAL(elements(claim("match", NOW + 1000, 10)), 0); /* hidden till NOW + 1001 */
    CU_ASSERT_EQUAL(elements(claim("match", NOW + 1001, 1)), 2);
    CU_ASSERT_EQUAL(elements(claim("match", NOW + 1001, 10)), 2);
}

static void
test_due_claim_drops_rows_of_orders_that_need_it_no_more(void)
{
    three_created();
    freeReplyObject(kit_do(k, "ZADD {t}:due:match 5 %s", ask_id(77))); /* there is no such order */
    freeReplyObject(kit_do(k, "ZADD {t}:due:held 5 %s", ask_id(1)));   /* it is not held */
    freeReplyObject(kit_do(k, "ZADD {t}:due:dispatch 5 %s", ask_id(1)));
    freeReplyObject(kit_do(k, "ZADD {t}:due:expire 5 %s", ask_id(1)));
    CU_ASSERT_EQUAL(elements(claim("match", NOW, 10)), 2);
    CU_ASSERT_EQUAL(ask_int(k, "ZCARD {t}:due:match"), 3);
    CU_ASSERT_EQUAL(elements(claim("held", NOW, 10)), 0);
    CU_ASSERT_EQUAL(elements(claim("dispatch", NOW, 10)), 0);
    CU_ASSERT_EQUAL(elements(claim("expire", NOW, 10)), 0);
    CU_ASSERT_EQUAL(ask_int(k, "EXISTS {t}:due:held {t}:due:dispatch {t}:due:expire"), 0);
}

static void
test_due_hasten_brings_rows_forward(void)
{
    three_created();
    freeReplyObject(claim("match", NOW + 2, 10));
    CU_ASSERT_EQUAL(integer(CALL("due_hasten", "1795348800003", "match", "2")), 2);
    CU_ASSERT_EQUAL(elements(claim("match", NOW + 3, 10)), 4);
}

static void
test_due_set_moves_only_what_is_there(void)
{
    three_created();
    CU_ASSERT_EQUAL(integer(CALL("due_set", "1795348800003", "match", ask_id(2), "1795348800500")),
                    1);
    CU_ASSERT_EQUAL(integer(CALL("due_set", "1795348800003", "match", ask_id(9), "1795348800500")),
                    0);
    CU_ASSERT_EQUAL(ask_int(k, "ZSCORE {t}:due:match %s", ask_id(2)), NOW + 500);
    CU_ASSERT_EQUAL(ask_int(k, "ZCARD {t}:due:match"), 3);
}

static void
test_due_overdue_finds_deliveries_without_a_courier(void)
{
    struct ask a = {
        .lines = {{.sku = 0, .quantity = 1}}, .n_lines = 1, .stores = {1}, .n_stores = 1};

    fresh();
    ask_stores(k, 1);
    ask_stock(k, 1, 0, 10);
    freeReplyObject(CALL("lease_take", "1795348800000", "r", "5000"));
    for (a.number = 1; a.number <= 5; a.number++)
        CU_ASSERT_EQUAL(ask_one(k, NOW, &a, NULL), 1);
    CU_ASSERT_EQUAL(ask_plan(k, NOW, 1, 7, 2, "assign"), 1);
    redisReply *r = CALL("due_overdue", "1795352399999", "0", "10"); /* the window is open yet */
    CU_ASSERT_EQUAL_FATAL(r->elements, 1);
    CU_ASSERT_EQUAL(r->element[0]->integer, 0);
    freeReplyObject(r);
    r = CALL("due_overdue", "1795352400000", "0", "3");
    CU_ASSERT_EQUAL_FATAL(r->elements, 3); /* two of three rows, and where to go on */
    CU_ASSERT_EQUAL(r->element[0]->integer, 3);
    CU_ASSERT_STRING_EQUAL(r->element[1]->str, ask_id(1));
    CU_ASSERT_STRING_EQUAL(r->element[2]->str, ask_id(3));
    freeReplyObject(r);
    r = CALL("due_overdue", "1795352400000", "3", "3");
    CU_ASSERT_EQUAL_FATAL(r->elements, 3);
    CU_ASSERT_EQUAL(r->element[0]->integer, 0); /* from the start again */
    freeReplyObject(r);
}

/* ---- catalogue ---- */

static void
test_store_put_gives_a_number_once(void)
{
    fresh();
    redisReply *r =
        CALL("store_put", "1795348800000", "3", "1", "a", "\x10\x01", "39.28", "-76.6", "1", "1",
             "b", "\x10\x01", "39.28", "-76.6", "0", "2", "a", "\x10\x02", "39.28", "-76.6", "1");
    CU_ASSERT_EQUAL_FATAL(r->elements, 3);
    for (size_t i = 0; i < 3; i++)
        CU_ASSERT_EQUAL(r->element[i]->integer, (long long)i + 1);
    freeReplyObject(r);
    CU_ASSERT_EQUAL(ask_int(k, "ZCARD {t}:geo:stores"), 2); /* one is paused */
    CU_ASSERT_EQUAL(ask_int(k, "XLEN {t}:catalogue"), 1);
    r = kit_do(k, "HGET {t}:stores 2");
    CU_ASSERT_EQUAL_FATAL(r->len, 4);
    CU_ASSERT_EQUAL(memcmp(r->str, "\x08\x02\x10\x01", 4), 0);
    freeReplyObject(r);
    /* again: nothing is told; with other bytes: one entry, same number; opened: in the index */
    CU_ASSERT_EQUAL(elements(CALL("store_put", "1795348800000", "1", "1", "a", "\x10\x01", "39.28",
                                  "-76.6", "1")),
                    1);
    CU_ASSERT_EQUAL(ask_int(k, "XLEN {t}:catalogue"), 1);
    r = CALL("store_put", "1795348800000", "1", "1", "b", "\x10\x01\x50\x05", "39.28", "-76.6",
             "1");
    CU_ASSERT_EQUAL(r->element[0]->integer, 2);
    freeReplyObject(r);
    CU_ASSERT_EQUAL(ask_int(k, "XLEN {t}:catalogue"), 2);
    CU_ASSERT_EQUAL(ask_int(k, "ZCARD {t}:geo:stores"), 3);
    freeReplyObject(CALL("store_put", "1795348800000", "1", "1", "b", "\x10\x01\x68\x02", "39.28",
                         "-76.6", "0"));
    CU_ASSERT_EQUAL(ask_int(k, "ZCARD {t}:geo:stores"), 2);
}

static void
test_store_put_of_one_store_twice_in_a_call(void)
{
    fresh();
    redisReply *r = CALL("store_put", "1795348800000", "2", "1", "a", "\x10\x01", "39.28", "-76.6",
                         "1", "1", "a", "\x10\x02", "39.29", "-76.6", "1");
    CU_ASSERT_EQUAL(r->element[0]->integer, 1);
    CU_ASSERT_EQUAL(r->element[1]->integer, 1);
    freeReplyObject(r);
    CU_ASSERT_EQUAL(ask_int(k, "HGET {t}:next store"), 1);
    CU_ASSERT_EQUAL(ask_int(k, "HLEN {t}:stores"), 1);
    r = kit_do(k, "HGET {t}:stores 1");
    CU_ASSERT_EQUAL(r->str[3], 2);
    freeReplyObject(r);
}

static void
test_chain_put_finds_by_name(void)
{
    fresh();
    CU_ASSERT_EQUAL(integer(CALL("chain_put", "1795348800000", "0", "\x12\x03one")), 1);
    CU_ASSERT_EQUAL(integer(CALL("chain_put", "1795348800000", "0", "\x12\x03two")), 2);
    CU_ASSERT_EQUAL(integer(CALL("chain_put", "1795348800000", "0", "\x12\x03one")), 1);
    CU_ASSERT_EQUAL(ask_int(k, "XLEN {t}:catalogue"), 2);
    CU_ASSERT_EQUAL(integer(CALL("chain_put", "1795348800000", "2", "\x12\x03two\x1a\x01N")), 2);
    CU_ASSERT_EQUAL(ask_int(k, "XLEN {t}:catalogue"), 3);
    redisReply *r = kit_do(k, "HGET {t}:chains 2");
    CU_ASSERT_EQUAL_FATAL(r->len, 2 + 5 + 3);
    CU_ASSERT_EQUAL(memcmp(r->str, "\x08\x02\x12\x03two", 7), 0);
    freeReplyObject(r);
    CU_ASSERT_EQUAL(integer(CALL("courier_put", "1795348800000", "0", "\x12\x03two")), 1);
}

/* Else who writes back what was read before would bring a revoked key to life. */
static void
test_chain_put_changes_only_what_was_read(void)
{
    fresh();
    CU_ASSERT_EQUAL(integer(CALL("chain_put", "1795348800000", "0", "\x12\x03one")), 1);
    for (int i = 0; i < 2; i++) /* again, as the answer got lost */
        CU_ASSERT_EQUAL(integer(CALL("chain_put", "1795348800000", "1", "\x12\x03one\x1a\x01N",
                                     "\x08\x01\x12\x03one")),
                        1);
    CU_ASSERT_EQUAL(integer(CALL("chain_put", "1795348800000", "1", "\x12\x03one\x1a\x01M",
                                 "\x08\x01\x12\x03one")),
                    0);
    CU_ASSERT_EQUAL(integer(CALL("chain_put", "1795348800000", "0", "\x12\x03two", "")), 0);
    CU_ASSERT_EQUAL(ask_int(k, "HLEN {t}:chains"), 1);
    CU_ASSERT_EQUAL(ask_int(k, "XLEN {t}:catalogue"), 2);
    redisReply *r = kit_do(k, "HGET {t}:chains 1");
    CU_ASSERT_EQUAL_FATAL(r->len, 2 + 5 + 3);
    CU_ASSERT_EQUAL(r->str[9], 'N');
    freeReplyObject(r);
}

static void
test_sku_put_gives_indexes_from_0(void)
{
    fresh();
    redisReply *r = CALL("sku_put", "1795348800000", "1", "3", "milk", "\x0a\x04milk", "egg",
                         "\x0a\003egg", "milk", "\x0a\x04milk");
    CU_ASSERT_EQUAL_FATAL(r->elements, 3);
    CU_ASSERT_EQUAL(r->element[0]->integer, 0);
    CU_ASSERT_EQUAL(r->element[1]->integer, 1);
    CU_ASSERT_EQUAL(r->element[2]->integer, 0);
    freeReplyObject(r);
    CU_ASSERT_EQUAL(ask_int(k, "XLEN {t}:catalogue"), 1);
    freeReplyObject(CALL("sku_put", "1795348800000", "1", "1", "milk", "\x0a\x04milk"));
    CU_ASSERT_EQUAL(ask_int(k, "XLEN {t}:catalogue"), 1);
    r = CALL("sku_put", "1795348800000", "1", "2", "ham", "\x0a\x03ham", "egg",
             "\x0a\003egg\x20\x05");
    CU_ASSERT_EQUAL(r->element[0]->integer, 2);
    CU_ASSERT_EQUAL(r->element[1]->integer, 1);
    freeReplyObject(r);
    r = kit_do(k, "HGET {t}:skus:1 egg");
    CU_ASSERT_EQUAL_FATAL(r->len, 2 + 5 + 2);
    CU_ASSERT_EQUAL(memcmp(r->str, "\x10\x01\x0a", 3), 0);
    freeReplyObject(r);
    for (int i = 0; i < 200; i++) { /* an index of two bytes comes back right */
        char name[16];
        snprintf(name, sizeof name, "s%d", i);
        CU_ASSERT_EQUAL(elements(CALL("sku_put", "1795348800000", "1", "1", name, name)), 1);
    }
    r = CALL("sku_put", "1795348800000", "1", "1", "s190", "s190");
    CU_ASSERT_EQUAL(r->element[0]->integer, 193);
    freeReplyObject(r);
}

static void
test_courier_seen_and_gone(void)
{
    fresh();
    CU_ASSERT_EQUAL(integer(CALL("courier_seen", "1795348800000", "2", "7", "39.28", "-76.6", "8",
                                 "39.29", "-76.61")),
                    2);
    CU_ASSERT_EQUAL(ask_int(k, "ZCARD {t}:geo:couriers"), 2);
    CU_ASSERT_EQUAL(integer(CALL("courier_gone", "7")), 1);
    CU_ASSERT_EQUAL(integer(CALL("courier_gone", "7")), 0);
}

#define UUID "00000000-0000-0000-0000-000000000001"
#define HASH "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void
test_access_put_gives_and_takes(void)
{
    fresh();
    CU_ASSERT_EQUAL(integer(CALL("access_put", "1", HASH, "operator")), 1);
    CU_ASSERT_EQUAL(integer(CALL("access_put", "1", HASH, "operator")), 1);
    CU_ASSERT_EQUAL(ask_int(k, "HLEN {t}:access"), 1);
    CU_ASSERT_EQUAL(integer(CALL("access_put", "1", HASH, "")), 1);
    CU_ASSERT_EQUAL(ask_int(k, "HLEN {t}:access"), 0);
}

static void
test_order_rate_keeps_the_last_word_on_what_came(void)
{
    fresh();
    CU_ASSERT_EQUAL(integer(CALL("order_rate", "1", UUID, "5", "")), 0);
    freeReplyObject(kit_do(k, "SETRANGE {t}:order:" UUID " 1 %b", "\x09", (size_t)1));
    CU_ASSERT_EQUAL(integer(CALL("order_rate", "1", UUID, "5", "")), 2);
    freeReplyObject(kit_do(k, "SETRANGE {t}:order:" UUID " 1 %b", "\x0a", (size_t)1));
    CU_ASSERT_EQUAL(integer(CALL("order_rate", "1", UUID, "5", "warm")), 1);
    CU_ASSERT_EQUAL(integer(CALL("order_rate", "2", UUID, "4", "cold")), 1);
    redisReply *r = kit_do(k, "HGET {t}:ratings " UUID);
    CU_ASSERT_EQUAL_FATAL(r->len, 1 + 8 + 4);
    CU_ASSERT_EQUAL(memcmp(r->str, "\4\2\0\0\0\0\0\0\0cold", 13), 0);
    freeReplyObject(r);
}

static void
test_catalogue_refuses_malformed_arguments_without_a_trace(void)
{
    static const struct {
        const char *function;
        const char *args[9];
        const char *words;
    } row[] = {
        {"store_put", {"1", "1", "0", "a", "b", "39", "-76", "1"}, "chain"},
        {"store_put", {"1", "1", "1", "", "b", "39", "-76", "1"}, "store_id"},
        {"store_put", {"1", "1", "1", "a", "b", "86", "-76", "1"}, "lat"},
        {"store_put", {"1", "1", "1", "a", "b", "nan", "-76", "1"}, "lat"},
        {"store_put", {"1", "1", "1", "a", "b", "39", "181", "1"}, "lng"},
        {"store_put", {"1", "1", "1", "a", "b", "39", "-76", "2"}, "open"},
        {"store_put", {"1", "2", "1", "a", "b", "39", "-76", "1"}, "arguments"},
        {"chain_put", {"1", "0", ""}, "chain"},
        {"chain_put", {"1", "0", "\x12\x05one"}, "chain"},
        {"chain_put", {"1", "5", "\x12\x03one"}, "chain_id"},
        {"chain_put", {"1", "x", "\x12\x03one"}, "number"},
        {"courier_put", {"1", "0", "\x0b\x03one"}, "courier"},
        {"sku_put", {"1", "0", "1", "a", "b"}, "chain"},
        {"sku_put", {"1", "1", "1", "", "b"}, "sku"},
        {"courier_seen", {"1", "1", "0", "39", "-76"}, "courier"},
        {"courier_seen", {"1", "1", "3", "inf", "-76"}, "lat"},
        {"courier_gone", {"x"}, "courier"},
        {"access_put", {"1", "abc", "x"}, "hash"},
        {"order_rate", {"1", "abc", "5", ""}, "uuid"},
        {"order_rate", {"1", UUID, "6", ""}, "stars"},
        {"order_rate", {"1", UUID, "5"}, "arguments"},
        {"due_claim", {"1", "webhook", "1", "1"}, "queue"},
        {"due_claim", {"1", "match", "0", "1"}, "limit"},
        {"due_claim", {"1", "match", "1001", "1"}, "limit"},
        {"due_claim", {"1", "match", "1", "-1"}, "visibility"},
        {"due_claim", {"1"}, "queue"},
        {"due_overdue", {"1", "-1", "1"}, "from"},
        {"due_hasten", {"1", "match", "x"}, "limit"},
        {"due_set", {"1", "match", "x", "1"}, "uuid"},
        {"lease_take", {"1", "", "1"}, "owner"},
        {"lease_take", {"1", "a", "0"}, "ttl"},
        {"stock_read", {"1", "1", "abc"}, "skus"},
        {"stock_read", {"1", "1", ""}, "skus"},
        {"stock_read", {"1", "x", "abcd"}, "store"},
        {"stock_read", {"1", "1", "\xff\xff\xff\xff"}, "skus"},
        {"webhook_enqueue", {"1", "", "soon", "0"}, "to"},
        {"webhook_enqueue", {"1", "", "1-1", "1", "", "5", "p"}, "id"},
        {"webhook_enqueue", {"1", "", "1-1", "1", "w", "x", "p"}, "due"},
        {"webhook_claim", {"1", "x", "1"}, "limit"},
        {"webhook_done", {"1", "w", "x"}, "next_due"},
        {"webhook_done", {"1", "w", "0", "x", "1", ""}, "url"},
        {"webhook_done", {"1", "w", "0", URL_A, "x", ""}, "status"},
        {"webhook_told", {"x"}, "chain"},
        {"events_trim", {"x"}, "keep"},
    };
    char before[64], after[64];

    fresh();
    ask_digest(k, before);
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        size_t n = 0;
        while (n < 9 && row[i].args[n] != NULL)
            n++;
        redisReply *r = call(row[i].function, n, row[i].args);
        if (r->type != REDIS_REPLY_ERROR || strncmp(r->str, "INVALID ", 8) != 0 ||
            strstr(r->str, row[i].words) == NULL) {
            fprintf(stderr, "row %zu, %s: %s\n", i, row[i].function, r->str);
            CU_FAIL("the error names another argument");
        }
        freeReplyObject(r);
    }
    ask_digest(k, after);
    CU_ASSERT_STRING_EQUAL(before, after);
}

static void
test_lib_version_is_text(void)
{
    redisReply *r = CALL("lib_version", "");

    CU_ASSERT_EQUAL(r->type, REDIS_REPLY_STRING);
    freeReplyObject(r);
}

/* The same calls leave the same bytes: the simulator compares runs. */
static void
test_same_calls_leave_the_same_bytes(void)
{
    char first[64], second[64];

    for (int run = 0; run < 2; run++) {
        fresh();
        ask_stores(k, 3);
        ask_stock(k, 1, 0, 4);
        freeReplyObject(CALL("lease_take", "1795348800000", "r", "5000"));
        struct ask a = {
            .lines = {{.sku = 0, .quantity = 1}}, .n_lines = 1, .stores = {1}, .n_stores = 1};
        for (a.number = 1; a.number <= 6; a.number++)
            ask_one(k, NOW, &a, NULL);
        ask_plan(k, NOW, 1, 7, 1, "assign");
        ask_step(k, NOW, 2, "cancel", 20);
        freeReplyObject(kit_do(k, "DEL {t}:feed:1")); /* the kit counts its feeds */
        ask_digest(k, run == 0 ? first : second);
    }
    CU_ASSERT_STRING_EQUAL(first, second);
}

/* An id counts once for a chain; who asks again in the same words had no answer. */
static void
test_nonce_take_gives_an_id_once(void)
{
    const struct {
        const char *now, *chain, *id, *until, *by;
        long long outcome;
    } table[] = {
        {"1000", "1", "a", "5000", "x", 1}, {"1001", "1", "a", "5000", "y", 0},
        {"1002", "1", "a", "5000", "x", 1}, {"1003", "2", "a", "5000", "y", 1},
        {"1004", "1", "b", "5000", "y", 1}, {"5000", "1", "a", "9000", "z", 0},
        {"5001", "1", "a", "9000", "z", 1}, /* nobody can use the first one any more */
    };

    fresh();
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        CU_ASSERT_EQUAL(integer(CALL("nonce_take", table[i].now, table[i].chain, table[i].id,
                                     table[i].until, table[i].by)),
                        table[i].outcome);
    CU_ASSERT_EQUAL(ask_int(k, "ZCARD {t}:nonces"), 1);
    CU_ASSERT_EQUAL(ask_int(k, "HLEN {t}:nonce:by"), 1);
    CU_ASSERT_EQUAL(integer(CALL("nonce_take", "1", "0", "a", "2", "x")), -1);
    CU_ASSERT_EQUAL(integer(CALL("nonce_take", "1", "1", "", "2", "x")), -1);
    CU_ASSERT_EQUAL(integer(CALL("nonce_take", "1", "1", "a", "2", "")), -1);
}

int
main(void)
{
    static const struct unit_test tests[] = {
        UNIT(test_due_claim_gives_what_is_due_and_hides_it),
        UNIT(test_due_claim_drops_rows_of_orders_that_need_it_no_more),
        UNIT(test_due_hasten_brings_rows_forward),
        UNIT(test_due_set_moves_only_what_is_there),
        UNIT(test_due_overdue_finds_deliveries_without_a_courier),
        UNIT(test_store_put_gives_a_number_once),
        UNIT(test_store_put_of_one_store_twice_in_a_call),
        UNIT(test_chain_put_finds_by_name),
        UNIT(test_chain_put_changes_only_what_was_read),
        UNIT(test_sku_put_gives_indexes_from_0),
        UNIT(test_courier_seen_and_gone),
        UNIT(test_catalogue_refuses_malformed_arguments_without_a_trace),
        UNIT(test_access_put_gives_and_takes),
        UNIT(test_order_rate_keeps_the_last_word_on_what_came),
        UNIT(test_nonce_take_gives_an_id_once),
        UNIT(test_lib_version_is_text),
        UNIT(test_same_calls_leave_the_same_bytes),
    };

    kit_start(k, false);
    int status = unit_main("rest", tests, sizeof tests / sizeof *tests);
    kit_stop(k);
    return status;
}
