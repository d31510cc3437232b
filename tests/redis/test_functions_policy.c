/* order_place: shortage and price policies, and what it refuses. */
#include "place_rig.h"

#include <stdio.h>

/* ---- shortage policies ---- */

static void
test_place_partial_takes_what_is_there(void)
{
    struct ask a = one_line(1, 0, 30);
    struct record r;
    struct record_line l;

    fresh();
    ask_stock(k, 1, 0, 0);
    a.lines[1] = (struct ask_line){.sku = 1, .quantity = 20};
    a.lines[2] = (struct ask_line){.sku = 8, .quantity = 2};
    a.n_lines = 3;
    a.shortage = LIFECIRCLE__V1__SHORTAGE__SHORTAGE_PARTIAL;
    CU_ASSERT_EQUAL(ask_one(k, NOW, &a, &r), PLACED_AT);
    CU_ASSERT_EQUAL(r.store, 1); /* it has one line: the first that has anything */
    CU_ASSERT_EQUAL(r.flags, RECORD_TAKEN | RECORD_PARTIAL);
    CU_ASSERT_EQUAL(r.total_cents, 1000);
    CU_ASSERT_TRUE(record_line_at(&r, 0, &l));
    CU_ASSERT_EQUAL(l.taken, 0);
    CU_ASSERT_TRUE(record_line_at(&r, 1, &l));
    CU_ASSERT_EQUAL(l.quantity, 20);
    CU_ASSERT_EQUAL(l.taken, 10);
    CU_ASSERT_EQUAL(ask_faults(k), 0);
}

static void
test_place_partial_of_nothing_is_held(void)
{
    struct ask a = one_line(1, 8, 1);
    struct record r;

    fresh();
    a.shortage = LIFECIRCLE__V1__SHORTAGE__SHORTAGE_PARTIAL;
    CU_ASSERT_EQUAL(ask_one(k, NOW, &a, &r), NOT_PLACED);
    CU_ASSERT_EQUAL(r.state, HELD);
}

static void
test_place_prefers_a_store_that_has_all_to_a_policy(void)
{
    struct ask a = one_line(1, 0, 5);
    struct record r;

    fresh();
    ask_stock(k, 1, 0, 4);
    a.shortage = LIFECIRCLE__V1__SHORTAGE__SHORTAGE_PARTIAL;
    CU_ASSERT_EQUAL(ask_one(k, NOW, &a, &r), PLACED_AT);
    CU_ASSERT_EQUAL(r.store, 2);
    CU_ASSERT_EQUAL(r.flags, RECORD_TAKEN);
}

static void
test_place_substitutes_whole_lines(void)
{
    struct ask a = one_line(1, 0, 4);
    struct record r;
    struct record_line l;

    fresh();
    ask_stock(k, 1, 0, 3);
    ask_stock(k, 1, 3, 3);
    a.lines[0].subs[0] = 3; /* too few, too */
    a.lines[0].subs[1] = 4;
    a.lines[0].n_subs = 2;
    a.lines[1] = (struct ask_line){.sku = 5, .quantity = 1};
    a.n_lines = 2;
    a.n_stores = 1;
    a.shortage = LIFECIRCLE__V1__SHORTAGE__SHORTAGE_SUBSTITUTE;
    CU_ASSERT_EQUAL(ask_one(k, NOW, &a, &r), PLACED_AT);
    CU_ASSERT_EQUAL(r.flags, RECORD_TAKEN | RECORD_SUBSTITUTED);
    CU_ASSERT_TRUE(record_line_at(&r, 0, &l));
    CU_ASSERT_EQUAL(l.sku_index, 0);
    CU_ASSERT_EQUAL(l.substitute, 5);
    CU_ASSERT_EQUAL(l.taken, 4);
    CU_ASSERT_TRUE(record_line_at(&r, 1, &l));
    CU_ASSERT_EQUAL(l.substitute, 0);
    CU_ASSERT_EQUAL(ask_level(k, 1, 0).available, 3);
    CU_ASSERT_EQUAL(ask_level(k, 1, 4).available, 6);
    CU_ASSERT_EQUAL(ask_faults(k), 0);
    CU_ASSERT_EQUAL(ask_step(k, NOW, 1, "cancel", 20), 1);
    CU_ASSERT_EQUAL(ask_level(k, 1, 4).available, 10);
    CU_ASSERT_EQUAL(ask_faults(k), 0);
}

static void
test_place_substitute_is_not_promised_twice(void)
{
    struct ask a = one_line(1, 0, 6);
    struct record r;

    fresh();
    ask_stock(k, 1, 0, 0);
    ask_stock(k, 1, 1, 0);
    a.lines[1] = (struct ask_line){.sku = 1, .quantity = 6, .subs = {4}, .n_subs = 1};
    a.lines[0].subs[0] = 4; /* 10 there, 12 wanted */
    a.lines[0].n_subs = 1;
    a.n_lines = 2;
    a.n_stores = 1;
    a.shortage = LIFECIRCLE__V1__SHORTAGE__SHORTAGE_SUBSTITUTE;
    CU_ASSERT_EQUAL(ask_one(k, NOW, &a, &r), NOT_PLACED);
    CU_ASSERT_EQUAL(ask_level(k, 1, 4).available, 10);
    a.number = 2; /* the line that is the substitute itself counts, too */
    a.lines[1] = (struct ask_line){.sku = 4, .quantity = 6};
    CU_ASSERT_EQUAL(ask_one(k, NOW, &a, &r), NOT_PLACED);
    a.number = 3;
    a.lines[1].quantity = 4;
    CU_ASSERT_EQUAL(ask_one(k, NOW, &a, &r), PLACED_AT);
    CU_ASSERT_EQUAL(ask_level(k, 1, 4).available, 0);
    CU_ASSERT_EQUAL(ask_faults(k), 0);
}

/* ---- prices ---- */

static void
test_place_compares_prices_as_the_policy_says(void)
{
    static const struct {
        int64_t asked;
        bool refuse;
        int outcome;
        uint8_t flags;
    } row[] = {{100, true, PLACED_AT, RECORD_TAKEN},
               {0, true, PLACED_AT, RECORD_TAKEN},
               {99, true, PRICE_DIFFERS, RECORD_PRICE_DIFFERS},
               {101, true, PRICE_DIFFERS, RECORD_PRICE_DIFFERS},
               {-1, true, PRICE_DIFFERS, RECORD_PRICE_DIFFERS},
               {99, false, PLACED_AT, RECORD_TAKEN | RECORD_PRICE_DIFFERS},
               {101, false, PLACED_AT, RECORD_TAKEN | RECORD_PRICE_DIFFERS}};

    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        struct ask a = one_line(1, 0, 2);
        struct record r;
        struct record_line l;
        fresh();
        a.lines[0].price = row[i].asked;
        a.refuse_price = row[i].refuse;
        CU_ASSERT_EQUAL(ask_one(k, NOW, &a, &r), row[i].outcome);
        CU_ASSERT_EQUAL(r.flags, row[i].flags);
        CU_ASSERT_TRUE(record_line_at(&r, 0, &l));
        CU_ASSERT_EQUAL(l.price_cents, 100);
        bool placed = row[i].outcome == PLACED_AT;
        CU_ASSERT_EQUAL(r.state, placed ? PLACED : 0);
        CU_ASSERT_EQUAL(r.store, 1);
        CU_ASSERT_EQUAL(ask_int(k, "EXISTS {t}:order:%s", ask_id(1)), placed);
        CU_ASSERT_EQUAL(ask_level(k, 1, 0).available, placed ? 8 : 10);
    }
}

static void
test_place_takes_nothing_that_has_no_price(void)
{
    static const int64_t asked[] = {0, -1, 100};

    for (size_t i = 0; i < sizeof asked / sizeof *asked; i++) {
        struct ask_feed f = {.store = 3,
                             .as_of = NOW,
                             .sequence = 1,
                             .lines = {{.sku = 0, .quantity = 10}}, /* no price: not sold */
                             .n = 1};
        struct ask a = one_line(1, 0, 2);
        struct record r;
        fresh();
        CU_ASSERT_EQUAL_FATAL(ask_feed(k, NOW, &f, NULL, NULL), 1);
        a.stores[0] = 3;
        a.n_stores = 1;
        a.lines[0].price = asked[i];
        CU_ASSERT_EQUAL(ask_one(k, NOW, &a, &r), NOT_PLACED);
        CU_ASSERT_EQUAL(r.state, HELD);
        CU_ASSERT_EQUAL(r.reason, LIFECIRCLE__V1__REASON__OUT_OF_STOCK);
        CU_ASSERT_EQUAL(ask_level(k, 3, 0).available, 10);
    }
}

static void
test_place_rejects_an_accepted_order_whose_price_differs(void)
{
    struct ask a = one_line(1, 0, 2);
    struct record r;

    fresh();
    a.lines[0].price = 99;
    a.refuse_price = true;
    freeReplyObject(ask_accept(k, NOW, &a, 1));
    CU_ASSERT_EQUAL(ask_one(k, NOW + 1, &a, &r), NOT_PLACED);
    CU_ASSERT_EQUAL(r.state, REJECTED);
    CU_ASSERT_EQUAL(r.reason, LIFECIRCLE__V1__REASON__PRICE_CHANGED);
    CU_ASSERT_EQUAL(ask_level(k, 1, 0).available, 10);
    CU_ASSERT_EQUAL(ask_int(k, "ZCARD {t}:due:match"), 0);
}

/* One argument of a good call is replaced: an error that names it, and no trace, even of the good
 * order before it. */
static void
test_place_refuses_malformed_arguments_without_a_trace(void)
{
    static const struct {
        size_t at;     /* of the second order's five, or 100 + position from `now` */
        char bytes[9]; /* and zeros behind */
        size_t n;
        const char *words;
    } row[] = {{0, "short", 5, "uuid"},
               {1, "", 151, "idem"},
               {2, "", 0, "plan"},
               {2, "", 47, "plan"},
               {2, "\4\0\0\0\0\0\1", 60, "plan"},             /* flags */
               {2, "\0\4\0\0\0\0\1", 60, "plan"},             /* shortage */
               {2, "\0\0\3\0\0\0\1", 60, "plan"},             /* price policy */
               {2, "\0\0\0\10\0\0\1", 60, "plan"},            /* mode */
               {2, "\0\0\0\0\0\101\1", 48 + 65 * 24, "plan"}, /* 65 candidates */
               {2, "\0\0\0\0\0\0\0", 60, "plan"},             /* no lines */
               {2, "\0\0\0\0\0\0\1", 60, "plan"},             /* quantity 0 */
               {2, "\0\0\0\0\0\1\1", 60, "plan"},             /* no room for a candidate */
               {3, "", 0, "record"},
               {3, "", 224 + 16, "record"},     /* no Order */
               {3, "", 224 + 16 + 5, "record"}, /* no lines */
               {100, "0", 1, "now"},
               {100, "soon", 4, "now"},
               {100, "1.5", 3, "now"},
               {101, "3", 1, "arguments"},
               {101, "-1", 2, "count"},
               {101, "129", 3, "count"},
               {101, "", 0, "count"}};
    char before[64], after[64];

    fresh();
    ask_digest(k, before);
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        struct ask two[] = {one_line(1, 0, 1), one_line(2, 0, 1)};
        size_t at = row[i].at < 100 ? 4 + 2 + 6 + row[i].at : 4 + row[i].at - 100;
        char text[2048] = {0};
        memcpy(text, row[i].bytes, sizeof row[i].bytes);
        kit_call(k, "order_place");
        kit_int(k, NOW);
        kit_int(k, 2);
        ask_put(k, &two[0]);
        ask_put(k, &two[1]);
        kit_replace(k, at, slice_of(text, row[i].n));
        redisReply *r = kit_reply(k);
        CU_ASSERT_EQUAL_FATAL(r->type, REDIS_REPLY_ERROR);
        CU_ASSERT_EQUAL(strncmp(r->str, "INVALID ", 8), 0);
        if (strstr(r->str, row[i].words) == NULL) {
            fprintf(stderr, "row %zu: %s\n", i, r->str);
            CU_FAIL("the error names another argument");
        }
        freeReplyObject(r);
    }
    ask_digest(k, after);
    CU_ASSERT_STRING_EQUAL(before, after);
}

static void
test_place_wants_the_city_as_its_key(void)
{
    static const char *const keys[] = {"bal", "{bal", "{}", "{a}b", "{a}{b}"};

    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        redisReply *r = kit_do(k, "FCALL order_place 1 %s 1 0", keys[i]);
        CU_ASSERT_EQUAL(r->type, REDIS_REPLY_ERROR);
        freeReplyObject(r);
    }
    redisReply *r = kit_do(k, "FCALL order_place 0 1 0");
    CU_ASSERT_EQUAL(r->type, REDIS_REPLY_ERROR);
    freeReplyObject(r);
}

int
main(void)
{
    static const struct unit_test tests[] = {
        UNIT(test_place_partial_takes_what_is_there),
        UNIT(test_place_partial_of_nothing_is_held),
        UNIT(test_place_prefers_a_store_that_has_all_to_a_policy),
        UNIT(test_place_substitutes_whole_lines),
        UNIT(test_place_substitute_is_not_promised_twice),
        UNIT(test_place_compares_prices_as_the_policy_says),
        UNIT(test_place_takes_nothing_that_has_no_price),
        UNIT(test_place_rejects_an_accepted_order_whose_price_differs),
        UNIT(test_place_refuses_malformed_arguments_without_a_trace),
        UNIT(test_place_wants_the_city_as_its_key),
    };

    kit_start(k, false);
    int status = unit_main("policy", tests, sizeof tests / sizeof *tests);
    kit_stop(k);
    return status;
}
