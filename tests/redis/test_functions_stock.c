/* stock_apply and stock_read: feeds that are late, repeated, or meet reservations. */
#include "ask.h"
#include "unit.h"

#include <stdio.h>

enum { APPLIED = 1, REPEATED, LATE, UNKNOWN_STORE };

static struct kit kit, *const k = &kit;

static void
fresh(void)
{
    freeReplyObject(kit_do(k, "FLUSHALL"));
    ask_stores(k, 2);
    kit_call(k, "lease_take");
    kit_int(k, NOW);
    kit_text(k, "r");
    kit_int(k, 5000);
    freeReplyObject(kit_reply(k));
}

static struct ask_feed
snapshot(uint64_t sequence, int64_t as_of, uint32_t sku, int32_t quantity)
{
    return (struct ask_feed){.store = 1,
                             .as_of = as_of,
                             .sequence = sequence,
                             .lines = {{.sku = sku, .quantity = quantity, .price = 100}},
                             .n = 1};
}

static struct ask_feed
delta(uint64_t sequence, int64_t as_of, uint32_t sku, int32_t quantity)
{
    struct ask_feed f = snapshot(sequence, as_of, sku, quantity);

    f.delta = true;
    return f;
}

static int
apply(struct ask_feed f)
{
    return ask_feed(k, NOW, &f, NULL, NULL);
}

/* An order of `quantity` of SKU 0, as far as placed or picked up. */
static void
sell(uint32_t number, uint32_t quantity, int64_t now, bool picked_up)
{
    static const char *const way[] = {"assign", "confirm", "pickup"};
    struct ask a = {.number = number,
                    .lines = {{.sku = 0, .quantity = quantity}},
                    .n_lines = 1,
                    .stores = {1},
                    .n_stores = 1};

    CU_ASSERT_EQUAL_FATAL(ask_one(k, now, &a, NULL), 1);
    for (size_t i = 0; picked_up && i < 3; i++)
        CU_ASSERT_EQUAL(ask_plan(k, now, 1, 7, number, way[i]), 1);
}

static void
test_snapshot_sets_levels_and_prices(void)
{
    struct ask_feed f = {.store = 1,
                         .as_of = NOW,
                         .sequence = 1,
                         .safety = 2,
                         .lines = {{.sku = 0, .quantity = 5, .price = 120},
                                   {.sku = 3, .quantity = 0, .price = 80},
                                   {.sku = 9, .quantity = 1, .price = 70}},
                         .n = 3};
    uint32_t changed = 0;
    bool back = false;

    fresh();
    CU_ASSERT_EQUAL(ask_feed(k, NOW, &f, &changed, &back), APPLIED);
    CU_ASSERT_EQUAL(changed, 3);
    CU_ASSERT_TRUE(back);
    redisReply *news = kit_do(k, "XREVRANGE {t}:catalogue + - COUNT 1"); /* for orders that wait */
    CU_ASSERT_STRING_EQUAL(news->element[0]->element[1]->element[0]->str, "stock");
    CU_ASSERT_EQUAL(bytes_u32(news->element[0]->element[1]->element[1]->str), 1);
    freeReplyObject(news);
    struct stock_level l = ask_level(k, 1, 0);
    CU_ASSERT_EQUAL(l.available, 3);
    CU_ASSERT_EQUAL(l.on_hand, 5);
    CU_ASSERT_EQUAL(l.safety, 2);
    CU_ASSERT_EQUAL(l.price_cents, 120);
    CU_ASSERT_EQUAL(ask_level(k, 1, 3).available, -2);
    CU_ASSERT_EQUAL(ask_level(k, 1, 9).available, -1);
    CU_ASSERT_EQUAL(ask_level(k, 1, 9).price_cents, 70);
    CU_ASSERT_EQUAL(ask_level(k, 1, 1).price_cents, 0);
    CU_ASSERT_EQUAL(ask_level(k, 2, 0).price_cents, 0);
    CU_ASSERT_EQUAL(ask_faults(k), 0);
}

static void
test_feed_that_changes_nothing_says_so(void)
{
    uint32_t changed = 9;
    bool back = true;
    struct ask_feed f = snapshot(2, NOW, 0, 5);

    fresh();
    CU_ASSERT_EQUAL(apply(snapshot(1, NOW, 0, 5)), APPLIED);
    long long ledger = ask_int(k, "XLEN {t}:ledger"), news = ask_int(k, "XLEN {t}:catalogue");
    CU_ASSERT_EQUAL(ask_feed(k, NOW, &f, &changed, &back), APPLIED);
    CU_ASSERT_EQUAL(changed, 0);
    CU_ASSERT_FALSE(back);
    CU_ASSERT_EQUAL(ask_int(k, "XLEN {t}:ledger"), ledger);
    CU_ASSERT_EQUAL(ask_int(k, "XLEN {t}:catalogue"), news);
}

static void
test_feed_of_prices_leaves_quantities(void)
{
    struct ask_feed f = {.store = 1,
                         .sequence = 2,
                         .as_of = NOW,
                         .lines = {{.sku = 0, .price = 150, .no_quantity = true}},
                         .n = 1};

    fresh();
    CU_ASSERT_EQUAL(apply(snapshot(1, NOW, 0, 5)), APPLIED);
    CU_ASSERT_EQUAL(apply(f), APPLIED);
    CU_ASSERT_EQUAL(ask_level(k, 1, 0).price_cents, 150);
    CU_ASSERT_EQUAL(ask_level(k, 1, 0).available, 5);
    f.sequence = 3;
    f.lines[0] = (struct ask_stock){.sku = 0, .quantity = 7};
    CU_ASSERT_EQUAL(apply(f), APPLIED);
    CU_ASSERT_EQUAL(ask_level(k, 1, 0).price_cents, 150);
    CU_ASSERT_EQUAL(ask_level(k, 1, 0).available, 7);
    CU_ASSERT_EQUAL(ask_faults(k), 0);
}

static void
test_feed_repeated_changes_nothing(void)
{
    char before[64], after[64];

    fresh();
    CU_ASSERT_EQUAL(apply(snapshot(1, NOW, 0, 5)), APPLIED);
    CU_ASSERT_EQUAL(apply(delta(2, NOW, 0, 3)), APPLIED);
    ask_digest(k, before);
    CU_ASSERT_EQUAL(apply(delta(2, NOW, 0, 3)), REPEATED);
    CU_ASSERT_EQUAL(apply(snapshot(1, NOW, 0, 5)), REPEATED);
    ask_digest(k, after);
    CU_ASSERT_STRING_EQUAL(before, after);
    CU_ASSERT_EQUAL(ask_level(k, 1, 0).available, 8);
}

static void
test_feed_late_changes_nothing(void)
{
    char before[64], after[64];

    fresh();
    CU_ASSERT_EQUAL(apply(snapshot(5, NOW, 0, 5)), APPLIED);
    ask_digest(k, before);
    CU_ASSERT_EQUAL(apply(snapshot(4, NOW - 100, 0, 50)), LATE);
    CU_ASSERT_EQUAL(apply(delta(4, NOW - 100, 0, 50)), LATE); /* it is in the snapshot */
    ask_digest(k, after);
    CU_ASSERT_STRING_EQUAL(before, after);
    CU_ASSERT_EQUAL(apply(delta(7, NOW, 0, 1)), APPLIED);
    CU_ASSERT_EQUAL(apply(snapshot(6, NOW, 0, 9)), LATE); /* it would take the delta away */
    CU_ASSERT_EQUAL(ask_level(k, 1, 0).available, 6);
}

static void
test_feed_without_sequence_is_ordered_by_its_time(void)
{
    fresh();
    CU_ASSERT_EQUAL(apply(snapshot(0, NOW - 100, 0, 5)), APPLIED);
    CU_ASSERT_EQUAL(apply(snapshot(0, NOW - 100, 0, 5)), REPEATED);
    CU_ASSERT_EQUAL(apply(snapshot(0, NOW - 200, 0, 50)), LATE);
    CU_ASSERT_EQUAL(apply(snapshot(0, NOW - 50, 0, 6)), APPLIED);
    CU_ASSERT_EQUAL(apply(delta(0, NOW - 40, 0, 2)), APPLIED);
    CU_ASSERT_EQUAL(apply(delta(0, NOW - 40, 0, 2)), REPEATED);
    CU_ASSERT_EQUAL(ask_level(k, 1, 0).available, 8);
}

static void
test_delta_may_overtake_another(void)
{
    fresh();
    CU_ASSERT_EQUAL(apply(snapshot(1, NOW, 0, 5)), APPLIED);
    CU_ASSERT_EQUAL(apply(delta(3, NOW, 0, 10)), APPLIED);
    CU_ASSERT_EQUAL(apply(delta(2, NOW, 0, 1)), APPLIED);
    CU_ASSERT_EQUAL(apply(delta(2, NOW, 0, 1)), REPEATED);
    CU_ASSERT_EQUAL(ask_level(k, 1, 0).available, 16);
}

static void
test_chunks_of_a_snapshot_may_overtake_each_other(void)
{
    struct ask_feed a = snapshot(1, NOW, 0, 5), b = snapshot(1, NOW, 1, 6);

    fresh();
    b.chunk = 1;
    CU_ASSERT_EQUAL(apply(b), APPLIED);
    CU_ASSERT_EQUAL(apply(a), APPLIED);
    CU_ASSERT_EQUAL(apply(b), REPEATED);
    CU_ASSERT_EQUAL(ask_level(k, 1, 0).available, 5);
    CU_ASSERT_EQUAL(ask_level(k, 1, 1).available, 6);
}

static void
test_delta_older_than_the_window_is_late(void)
{
    fresh();
    for (uint64_t sequence = 2; sequence <= 210; sequence++)
        CU_ASSERT_EQUAL_FATAL(apply(delta(sequence, NOW, 0, 1)), APPLIED);
    CU_ASSERT_EQUAL(apply(delta(5, NOW, 0, 1)), LATE); /* whether it came cannot be told */
    CU_ASSERT_EQUAL(apply(delta(200, NOW, 0, 1)), REPEATED);
    CU_ASSERT_EQUAL(ask_level(k, 1, 0).on_hand, 209);
}

static void
test_feed_of_an_unknown_store_changes_nothing(void)
{
    struct ask_feed f = snapshot(1, NOW, 0, 5);
    char before[64], after[64];

    fresh();
    ask_digest(k, before);
    f.store = 9;
    CU_ASSERT_EQUAL(ask_feed(k, NOW, &f, NULL, NULL), UNKNOWN_STORE);
    ask_digest(k, after);
    CU_ASSERT_STRING_EQUAL(before, after);
}

/* ---- feeds meet orders ---- */

static void
test_feed_between_reservation_and_pickup_keeps_the_reservation(void)
{
    fresh();
    CU_ASSERT_EQUAL(apply(snapshot(1, NOW, 0, 10)), APPLIED);
    sell(1, 3, NOW + 10, false);
    CU_ASSERT_EQUAL(ask_level(k, 1, 0).available, 7);
    CU_ASSERT_EQUAL(apply(snapshot(2, NOW + 20, 0, 8)), APPLIED); /* the three are still there */
    CU_ASSERT_EQUAL(ask_level(k, 1, 0).available, 5);
    CU_ASSERT_EQUAL(ask_level(k, 1, 0).on_hand, 8);
    CU_ASSERT_EQUAL(ask_plan(k, NOW + 30, 1, 7, 1, "assign"), 1);
    CU_ASSERT_EQUAL(ask_plan(k, NOW + 30, 1, 7, 1, "confirm"), 1);
    CU_ASSERT_EQUAL(ask_plan(k, NOW + 30, 1, 7, 1, "pickup"), 1);
    CU_ASSERT_EQUAL(ask_level(k, 1, 0).available, 5);
    CU_ASSERT_EQUAL(ask_level(k, 1, 0).on_hand, 5);
    CU_ASSERT_EQUAL(ask_faults(k), 0);
}

static void
test_snapshot_from_before_a_pickup_is_brought_forward(void)
{
    fresh();
    CU_ASSERT_EQUAL(apply(snapshot(1, NOW, 0, 10)), APPLIED);
    sell(1, 3, NOW + 100, true);
    CU_ASSERT_EQUAL(ask_level(k, 1, 0).on_hand, 7);
    CU_ASSERT_EQUAL(apply(snapshot(2, NOW + 50, 0, 10)), APPLIED); /* counted before, sent after */
    CU_ASSERT_EQUAL(ask_level(k, 1, 0).on_hand, 7);
    CU_ASSERT_EQUAL(ask_level(k, 1, 0).available, 7);
    CU_ASSERT_EQUAL(apply(snapshot(3, NOW + 100, 0, 7)), APPLIED); /* counted at that moment */
    CU_ASSERT_EQUAL(ask_level(k, 1, 0).on_hand, 7);
    CU_ASSERT_EQUAL(ask_faults(k), 0);
}

static void
test_snapshot_from_before_a_return_counts_the_goods(void)
{
    fresh();
    CU_ASSERT_EQUAL(apply(snapshot(1, NOW, 0, 10)), APPLIED);
    sell(1, 3, NOW + 100, true);
    CU_ASSERT_EQUAL(ask_plan(k, NOW + 200, 1, 7, 1, "returning"), 1);
    CU_ASSERT_EQUAL(ask_plan(k, NOW + 300, 1, 7, 1, "returned"), 1);
    CU_ASSERT_EQUAL(ask_level(k, 1, 0).on_hand, 10);
    CU_ASSERT_EQUAL(apply(snapshot(2, NOW + 250, 0, 7)), APPLIED); /* counted while they were out */
    CU_ASSERT_EQUAL(ask_level(k, 1, 0).on_hand, 10);
    CU_ASSERT_EQUAL(ask_level(k, 1, 0).available, 10);
    CU_ASSERT_EQUAL(apply(snapshot(3, NOW + 400, 0, 10)), APPLIED);
    CU_ASSERT_EQUAL(ask_level(k, 1, 0).on_hand, 10);
    CU_ASSERT_EQUAL(ask_faults(k), 0);
}

static void
test_snapshot_below_the_reservations_sells_nothing_more(void)
{
    struct ask a = {.number = 2,
                    .lines = {{.sku = 0, .quantity = 1}},
                    .n_lines = 1,
                    .stores = {1},
                    .n_stores = 1};

    fresh();
    CU_ASSERT_EQUAL(apply(snapshot(1, NOW, 0, 10)), APPLIED);
    sell(1, 8, NOW, false);
    CU_ASSERT_EQUAL(apply(snapshot(2, NOW + 5, 0, 6)), APPLIED); /* two have gone missing */
    CU_ASSERT_EQUAL(ask_level(k, 1, 0).available, -2);
    CU_ASSERT_EQUAL(ask_one(k, NOW + 6, &a, NULL), 2);
    CU_ASSERT_EQUAL(ask_step(k, NOW + 7, 1, "cancel", 20), 1);
    CU_ASSERT_EQUAL(ask_level(k, 1, 0).available, 6);
    CU_ASSERT_EQUAL(ask_faults(k), 0);
}

static void
test_feed_with_another_safety_moves_the_level(void)
{
    struct ask_feed f = snapshot(2, NOW, 0, 10);

    fresh();
    CU_ASSERT_EQUAL(apply(snapshot(1, NOW, 0, 10)), APPLIED);
    sell(1, 3, NOW, false);
    f.safety = 4;
    CU_ASSERT_EQUAL(apply(f), APPLIED);
    CU_ASSERT_EQUAL(ask_level(k, 1, 0).available, 3);
    f.sequence = 3;
    f.safety = 0;
    CU_ASSERT_EQUAL(apply(f), APPLIED);
    CU_ASSERT_EQUAL(ask_level(k, 1, 0).available, 7);
    CU_ASSERT_EQUAL(ask_faults(k), 0);
}

static void
test_feed_takes_the_stores_own_safety(void)
{
    struct ask_feed f = snapshot(1, NOW, 0, 10);

    fresh();
    kit_call(k, "store_put");
    kit_int(k, NOW);
    kit_int(k, 1);
    kit_int(k, 1);
    kit_text(k, "0");
    kit_bytes(k, slice_of("\x10\x01\x3a\x02\x08\x01\x98\x01\x03", 9)); /* safety_stock 3 */
    kit_text(k, "39.28");
    kit_text(k, "-76.6");
    kit_int(k, 1);
    freeReplyObject(kit_reply(k));
    f.safety = -1;
    CU_ASSERT_EQUAL(apply(f), APPLIED);
    CU_ASSERT_EQUAL(ask_level(k, 1, 0).safety, 3);
    CU_ASSERT_EQUAL(ask_level(k, 1, 0).available, 7);
}

static void
test_feed_keeps_on_hand_within_bounds(void)
{
    fresh();
    CU_ASSERT_EQUAL(apply(snapshot(1, NOW, 0, 1000000)), APPLIED);
    CU_ASSERT_EQUAL(apply(delta(2, NOW, 0, 1000000)), APPLIED);
    CU_ASSERT_EQUAL(ask_level(k, 1, 0).on_hand, 1000000);
    CU_ASSERT_EQUAL(apply(snapshot(3, NOW, 0, -1000000)), APPLIED);
    CU_ASSERT_EQUAL(ask_level(k, 1, 0).on_hand, -100000);
    CU_ASSERT_EQUAL(ask_level(k, 1, 0).available, -100000);
    CU_ASSERT_EQUAL(ask_level(k, 1, 0).price_cents, 100);
    CU_ASSERT_EQUAL(ask_faults(k), 0);
}

/* One call steps at most 512 orders of 100 lines, each line in a block of its own: one entry of the
 * ledger, which ledger_fold takes whole or never. */
static void
test_ledger_fold_takes_what_one_call_can_touch(void)
{
    enum { MOST = 512 * 100 };

    for (int more = 1; more >= 0; more--) {
        fresh();
        CU_ASSERT_EQUAL(apply(snapshot(1, NOW, 0, 5)), APPLIED);
        CU_ASSERT_EQUAL(apply(snapshot(2, NOW, 0, 6)), APPLIED);
        redisReply *entries = kit_do(k, "XRANGE {t}:ledger - +");
        CU_ASSERT_EQUAL_FATAL(entries->elements, 2);
        kit_call(k, "ledger_fold");
        kit_text(k, entries->element[0]->element[0]->str);
        kit_text(k, entries->element[1]->element[0]->str);
        freeReplyObject(entries);
        kit_int(k, MOST + more);
        for (int i = 0; i < MOST + more; i++) {
            char field[32];
            snprintf(field, sizeof field, "1:%d", i);
            kit_text(k, field);
            kit_text(k, "base");
        }
        redisReply *r = kit_reply(k);
        CU_ASSERT_EQUAL(r->type, more ? REDIS_REPLY_ERROR : REDIS_REPLY_INTEGER);
        CU_ASSERT_EQUAL(r->integer, more ? 0 : 1);
        freeReplyObject(r);
        CU_ASSERT_EQUAL(ask_int(k, "HLEN {t}:ledger:base"), more ? 0 : MOST);
        CU_ASSERT_EQUAL(ask_int(k, "XLEN {t}:ledger"), more ? 2 : 1);
    }
}

static void
test_sold_is_forgotten_after_a_day(void)
{
    fresh();
    CU_ASSERT_EQUAL(apply(snapshot(1, NOW, 0, 10)), APPLIED);
    sell(1, 1, NOW + 100, true);
    sell(2, 1, NOW + 86400000, true);
    CU_ASSERT_EQUAL(ask_int(k, "ZCARD {t}:sold:1"), 2);
    sell(3, 1, NOW + 86400101, true);
    CU_ASSERT_EQUAL(ask_int(k, "ZCARD {t}:sold:1"), 2);
}

/* ---- reading ---- */

static void
test_stock_read_gives_levels_in_the_order_asked(void)
{
    fresh();
    CU_ASSERT_EQUAL(apply(snapshot(1, NOW, 5, 7)), APPLIED);
    kit_call(k, "stock_read");
    kit_int(k, 2);
    kit_int(k, 1);
    kit_bytes(k, slice_of("\5\0\0\0\2\0\0\0\xff\xff\x0f\0", 12));
    kit_int(k, 2);
    kit_bytes(k, slice_of("\5\0\0\0", 4));
    redisReply *r = kit_reply(k);
    CU_ASSERT_EQUAL_FATAL(r->elements, 2);
    CU_ASSERT_EQUAL_FATAL(r->element[0]->len, 24);
    CU_ASSERT_EQUAL(bytes_u32(r->element[0]->str), 7);
    CU_ASSERT_EQUAL(bytes_u32(r->element[0]->str + 4), 100);
    CU_ASSERT_EQUAL(bytes_u32(r->element[0]->str + 8), 0);
    CU_ASSERT_EQUAL(bytes_u32(r->element[0]->str + 20), 0);
    CU_ASSERT_EQUAL(r->element[1]->len, 8);
    freeReplyObject(r);
    CU_ASSERT_EQUAL(ask_int(k, "STRLEN {t}:stock:1"), 48); /* reading makes no room */
}

/* ---- malformed arguments ---- */

static void
test_stock_apply_refuses_malformed_arguments_without_a_trace(void)
{
    static const struct {
        size_t at;
        char bytes[33];
        size_t n;
        const char *words;
    } row[] = {{0, "0", 1, "now"},
               {1, "0", 1, "store"},
               {1, "x", 1, "store"},
               {2, "2", 1, "kind"},
               {3, "-1", 2, "as_of"},
               {4, "9007199254740993.5", 18, "sequence"},
               {5, "-1", 2, "chunk"},
               {6, "10001", 5, "safety"},
               {6, "-2", 2, "safety"},
               {7, "short", 5, "feedid"},
               {8, "", 0, "lines"},
               {8, "\0\0\0\0\1", 15, "lines"},
               {8, "\0\0\0\0\0", 16, "lines"}, /* neither quantity nor price */
               {8, "\0\0\0\0\4", 16, "lines"},
               {8, "\0\0\x10\0\1", 16, "lines"},                                /* SKU 1,048,576 */
               {8, "\0\0\0\0\1\0\0\0\x41\x42\x0f", 16, "lines"},                /* 1,000,001 */
               {8, "\1\0\0\0\1\0\0\0\0\0\0\0\0\0\0\0\1\0\0\0\1", 32, "lines"}}; /* not rising */
    struct ask_feed f = snapshot(1, NOW, 0, 5);
    char before[64], after[64];

    fresh();
    ask_digest(k, before);
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        ask_put_feed(k, NOW, &f);
        kit_replace(k, 4 + row[i].at, slice_of(row[i].bytes, row[i].n));
        redisReply *r = kit_reply(k);
        CU_ASSERT_EQUAL_FATAL(r->type, REDIS_REPLY_ERROR);
        if (strncmp(r->str, "INVALID ", 8) != 0 || strstr(r->str, row[i].words) == NULL) {
            fprintf(stderr, "row %zu: %s\n", i, r->str);
            CU_FAIL("the error names another argument");
        }
        freeReplyObject(r);
    }
    f.sequence = 0;
    f.as_of = 0;
    CU_ASSERT_EQUAL(apply(f), -1); /* nothing to name it by */
    ask_digest(k, after);
    CU_ASSERT_STRING_EQUAL(before, after);
}

int
main(void)
{
    static const struct unit_test tests[] = {
        UNIT(test_snapshot_sets_levels_and_prices),
        UNIT(test_feed_that_changes_nothing_says_so),
        UNIT(test_feed_of_prices_leaves_quantities),
        UNIT(test_feed_repeated_changes_nothing),
        UNIT(test_feed_late_changes_nothing),
        UNIT(test_feed_without_sequence_is_ordered_by_its_time),
        UNIT(test_delta_may_overtake_another),
        UNIT(test_chunks_of_a_snapshot_may_overtake_each_other),
        UNIT(test_delta_older_than_the_window_is_late),
        UNIT(test_feed_of_an_unknown_store_changes_nothing),
        UNIT(test_feed_between_reservation_and_pickup_keeps_the_reservation),
        UNIT(test_snapshot_from_before_a_pickup_is_brought_forward),
        UNIT(test_snapshot_from_before_a_return_counts_the_goods),
        UNIT(test_snapshot_below_the_reservations_sells_nothing_more),
        UNIT(test_feed_with_another_safety_moves_the_level),
        UNIT(test_feed_takes_the_stores_own_safety),
        UNIT(test_feed_keeps_on_hand_within_bounds),
        UNIT(test_ledger_fold_takes_what_one_call_can_touch),
        UNIT(test_sold_is_forgotten_after_a_day),
        UNIT(test_stock_read_gives_levels_in_the_order_asked),
        UNIT(test_stock_apply_refuses_malformed_arguments_without_a_trace),
    };

    kit_start(k, false);
    int status = unit_main("stock", tests, sizeof tests / sizeof *tests);
    kit_stop(k);
    return status;
}
