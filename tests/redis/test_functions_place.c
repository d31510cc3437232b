/* order_place and order_accept: who gets what, and what is refused. */
#include "ask.h"
#include "match.pb-c.h"
#include "unit.h"

enum { PLACED_AT = 1, NOT_PLACED, EXHAUSTED, DUPLICATE, CONFLICT, PRICE_DIFFERS };
enum { CREATED = 1, HELD = 2, PLACED = 3, REJECTED = 15 };

static struct kit kit, *const k = &kit;

/* Two stores; SKU 0 to 5 with 10 pieces each at both. */
static void
fresh(void)
{
    freeReplyObject(kit_do(k, "FLUSHALL"));
    ask_stores(k, 3);
    for (uint32_t store = 1; store <= 2; store++)
        for (uint32_t sku = 0; sku < 6; sku++)
            ask_stock(k, store, sku, 10);
}

static struct ask
one_line(uint32_t number, uint32_t sku, uint32_t quantity)
{
    return (struct ask){.number = number,
                        .lines = {{.sku = sku, .quantity = quantity}},
                        .n_lines = 1,
                        .stores = {1, 2},
                        .n_stores = 2};
}

static void
test_place_takes_stock_and_writes_the_record(void)
{
    struct record r;
    struct record_line l;
    struct ask a = one_line(1, 3, 4);

    fresh();
    a.lines[1] = (struct ask_line){.sku = 1, .quantity = 2};
    a.n_lines = 2;
    CU_ASSERT_EQUAL(ask_one(k, NOW + 5, &a, NULL), PLACED_AT);
    CU_ASSERT_TRUE_FATAL(ask_record(k, 1, &r));
    CU_ASSERT_EQUAL(r.state, PLACED);
    CU_ASSERT_EQUAL(r.reason, 0);
    CU_ASSERT_EQUAL(r.flags, RECORD_TAKEN);
    CU_ASSERT_EQUAL(r.version, 1);
    CU_ASSERT_EQUAL(r.fingerprint, 1);
    CU_ASSERT_EQUAL(r.chain, 1);
    CU_ASSERT_EQUAL(r.store, 1);
    CU_ASSERT_EQUAL(r.courier, 0);
    CU_ASSERT_EQUAL(r.n_lines, 2);
    CU_ASSERT_EQUAL(r.attempts, 1);
    CU_ASSERT_EQUAL(r.window_start_ms, NOW);
    CU_ASSERT_EQUAL(r.window_end_ms, NOW + 3600000);
    CU_ASSERT_EQUAL(r.hold_until_ms, NOW + 3000000);
    CU_ASSERT_EQUAL(r.ready_ms, NOW + 600000);
    CU_ASSERT_EQUAL(r.eta_ms, NOW + 1500000);
    CU_ASSERT_EQUAL(r.total_cents, 600);
    CU_ASSERT_EQUAL(r.updated_ms, NOW + 5);
    CU_ASSERT_EQUAL(r.live_eta_ms, 0);
    for (int state = 1; state <= RECORD_STATES; state++)
        CU_ASSERT_EQUAL(r.entered_ms[state], state == PLACED ? NOW + 5 : 0);
    CU_ASSERT_TRUE(slice_eq_str(r.order, "order"));
    CU_ASSERT_TRUE_FATAL(record_line_at(&r, 0, &l));
    CU_ASSERT_EQUAL(l.sku_index, 1);
    CU_ASSERT_EQUAL(l.quantity, 2);
    CU_ASSERT_EQUAL(l.taken, 2);
    CU_ASSERT_EQUAL(l.price_cents, 100);
    CU_ASSERT_EQUAL(l.substitute, 0);
    CU_ASSERT_EQUAL(ask_level(k, 1, 1).available, 8);
    CU_ASSERT_EQUAL(ask_level(k, 1, 3).available, 6);
    CU_ASSERT_EQUAL(ask_level(k, 1, 3).price_cents, 100);
    CU_ASSERT_EQUAL(ask_level(k, 1, 3).on_hand, 10);
    CU_ASSERT_EQUAL(ask_level(k, 2, 3).available, 10);
    CU_ASSERT_EQUAL(ask_int(k, "HGET {t}:load 1"), 1);
    CU_ASSERT_EQUAL(ask_int(k, "ZSCORE {t}:due:dispatch %s", ask_id(1)), NOW + 5);
    CU_ASSERT_EQUAL(ask_int(k, "ZCARD {t}:due:expire"), 0);
    CU_ASSERT_EQUAL(ask_int(k, "XLEN {t}:events"), 1);
    CU_ASSERT_EQUAL(ask_int(k, "EXISTS {t}:explain:%s", ask_id(1)), 1);
    CU_ASSERT_EQUAL(ask_int(k, "EXISTS {t}:history:%s", ask_id(1)), 0);
    CU_ASSERT_EQUAL(ask_faults(k), 0);
}

static void
test_place_last_item_is_taken_by_one_of_two_orders_at_once(void)
{
    struct ask two[] = {one_line(1, 0, 1), one_line(2, 0, 1)};

    fresh();
    ask_stock(k, 1, 0, 1);
    two[0].n_stores = two[1].n_stores = 1;
    redisReply *r = ask_place(k, NOW, two, 2);
    CU_ASSERT_EQUAL(got_outcome(r, 0), PLACED_AT);
    CU_ASSERT_EQUAL(got_outcome(r, 1), NOT_PLACED);
    CU_ASSERT_EQUAL(got_record(r, 1).state, HELD);
    CU_ASSERT_EQUAL(got_record(r, 1).reason, LIFECIRCLE__V1__REASON__OUT_OF_STOCK);
    CU_ASSERT_EQUAL(ask_level(k, 1, 0).available, 0);
    CU_ASSERT_EQUAL(ask_faults(k), 0);
    freeReplyObject(r);
}

static void
test_place_last_item_is_taken_by_one_of_two_calls(void)
{
    struct ask a = one_line(1, 0, 1), b = one_line(2, 0, 1);

    fresh();
    ask_stock(k, 1, 0, 1);
    a.n_stores = b.n_stores = 1;
    CU_ASSERT_EQUAL(ask_one(k, NOW, &a, NULL), PLACED_AT);
    CU_ASSERT_EQUAL(ask_one(k, NOW, &b, NULL), NOT_PLACED);
    CU_ASSERT_EQUAL(ask_level(k, 1, 0).available, 0);
}

static void
test_place_adds_the_same_sku_on_two_lines_up(void)
{
    struct ask a = one_line(1, 2, 6), b = one_line(2, 2, 5);
    struct record r;

    fresh();
    a.lines[1] = (struct ask_line){.sku = 2, .quantity = 5};
    b.lines[1] = (struct ask_line){.sku = 2, .quantity = 5};
    a.n_lines = b.n_lines = 2;
    a.n_stores = b.n_stores = 1;
    CU_ASSERT_EQUAL(ask_one(k, NOW, &a, NULL), NOT_PLACED); /* 11 of 10 */
    CU_ASSERT_EQUAL(ask_one(k, NOW, &b, &r), PLACED_AT);
    CU_ASSERT_EQUAL(r.n_lines, 1);
    CU_ASSERT_EQUAL(ask_level(k, 1, 2).available, 0);
    CU_ASSERT_EQUAL(ask_faults(k), 0);
}

static void
test_place_reserves_at_a_store_not_at_the_sum_of_stores(void)
{
    struct ask a = one_line(1, 4, 12); /* 10 here, 10 there */

    fresh();
    CU_ASSERT_EQUAL(ask_one(k, NOW, &a, NULL), NOT_PLACED);
    CU_ASSERT_EQUAL(ask_level(k, 1, 4).available, 10);
    CU_ASSERT_EQUAL(ask_level(k, 2, 4).available, 10);
}

static void
test_place_wants_every_line_at_one_store(void)
{
    struct ask a = one_line(1, 0, 1);
    struct record r;

    fresh();
    ask_stock(k, 1, 0, 0);
    ask_stock(k, 2, 1, 0);
    a.lines[1] = (struct ask_line){.sku = 1, .quantity = 1};
    a.n_lines = 2;
    CU_ASSERT_EQUAL(ask_one(k, NOW, &a, &r), NOT_PLACED);
    CU_ASSERT_EQUAL(ask_level(k, 2, 0).available, 10);
    ask_stock(k, 2, 1, 1);
    CU_ASSERT_EQUAL(ask_one(k, NOW, &a, &r), PLACED_AT);
    CU_ASSERT_EQUAL(r.store, 2);
    CU_ASSERT_EQUAL(ask_faults(k), 0);
}

static void
test_place_takes_the_first_candidate_that_has_it(void)
{
    struct ask a = one_line(1, 0, 3);
    struct record r;

    fresh();
    ask_stock(k, 1, 0, 2);
    redisReply *reply = ask_place(k, NOW, &a, 1);
    r = got_record(reply, 0);
    CU_ASSERT_EQUAL(r.store, 2);
    CU_ASSERT_EQUAL(reply->element[0]->str[1], 1); /* candidate */
    freeReplyObject(reply);
}

static void
test_place_does_not_sell_what_has_no_price(void)
{
    struct ask a = one_line(1, 9, 1);
    struct ask_feed f = {.store = 1,
                         .as_of = NOW,
                         .sequence = 5000000,
                         .lines = {{.sku = 9, .quantity = 5}},
                         .n = 1};

    fresh();
    CU_ASSERT_EQUAL(ask_feed(k, NOW, &f, NULL, NULL), 1);
    CU_ASSERT_EQUAL(ask_one(k, NOW, &a, NULL), NOT_PLACED);
}

static void
test_place_again_gives_the_same_answer(void)
{
    struct ask a = one_line(1, 0, 3);
    struct record r;
    char before[64], after[64];

    fresh();
    a.idem = "key";
    CU_ASSERT_EQUAL(ask_one(k, NOW, &a, NULL), PLACED_AT);
    ask_digest(k, before);
    CU_ASSERT_EQUAL(ask_one(k, NOW + 9, &a, &r), DUPLICATE);
    CU_ASSERT_EQUAL(r.state, PLACED);
    CU_ASSERT_EQUAL(r.updated_ms, NOW);
    ask_digest(k, after);
    CU_ASSERT_STRING_EQUAL(before, after);
}

static void
test_place_twice_in_one_call_takes_once(void)
{
    struct ask twice[] = {one_line(1, 0, 3), one_line(1, 0, 3), one_line(1, 0, 3)};

    fresh();
    twice[2].fingerprint = 99;
    redisReply *r = ask_place(k, NOW, twice, 3);
    CU_ASSERT_EQUAL(got_outcome(r, 0), PLACED_AT);
    CU_ASSERT_EQUAL(got_outcome(r, 1), DUPLICATE);
    CU_ASSERT_EQUAL(got_record(r, 1).state, PLACED);
    CU_ASSERT_EQUAL(got_outcome(r, 2), CONFLICT);
    CU_ASSERT_EQUAL(ask_level(k, 1, 0).available, 7);
    CU_ASSERT_EQUAL(ask_int(k, "HGET {t}:load 1"), 1);
    CU_ASSERT_EQUAL(ask_faults(k), 0);
    freeReplyObject(r);
}

static void
test_place_with_another_payload_is_a_conflict(void)
{
    struct ask a = one_line(1, 0, 3);
    struct record r;

    fresh();
    CU_ASSERT_EQUAL(ask_one(k, NOW, &a, NULL), PLACED_AT);
    a.fingerprint = 77;
    CU_ASSERT_EQUAL(ask_one(k, NOW, &a, &r), CONFLICT);
    CU_ASSERT_EQUAL(r.fingerprint, 1);
    CU_ASSERT_EQUAL(ask_level(k, 1, 0).available, 7);
}

static void
test_place_with_a_key_of_another_order_is_a_conflict(void)
{
    struct ask both[] = {one_line(1, 0, 3), one_line(2, 0, 3)};
    struct ask third = one_line(3, 0, 3);

    fresh();
    both[0].idem = both[1].idem = third.idem = "k";
    redisReply *r = ask_place(k, NOW, both, 2);
    CU_ASSERT_EQUAL(got_outcome(r, 0), PLACED_AT);
    CU_ASSERT_EQUAL(got_outcome(r, 1), CONFLICT);
    CU_ASSERT_EQUAL(r->element[1]->len, 4);
    freeReplyObject(r);
    CU_ASSERT_EQUAL(ask_one(k, NOW, &third, NULL), CONFLICT);
    CU_ASSERT_EQUAL(ask_level(k, 1, 0).available, 7);
    CU_ASSERT_EQUAL(ask_int(k, "EXISTS {t}:order:%s", ask_id(2)), 0);
}

static void
test_place_with_more_writes_nothing_when_exhausted(void)
{
    struct ask a = one_line(1, 0, 30);
    char before[64], after[64];

    fresh();
    a.mode.more = true;
    a.shortage = LIFECIRCLE__V1__SHORTAGE__SHORTAGE_PARTIAL;
    ask_digest(k, before);
    CU_ASSERT_EQUAL(ask_one(k, NOW, &a, NULL), EXHAUSTED);
    ask_digest(k, after);
    CU_ASSERT_STRING_EQUAL(before, after);
}

static void
test_place_holds_then_rejects_when_the_hold_ends(void)
{
    struct ask a = one_line(1, 0, 30);
    struct record r;

    fresh();
    CU_ASSERT_EQUAL(ask_one(k, NOW, &a, &r), NOT_PLACED);
    CU_ASSERT_EQUAL(r.state, HELD);
    CU_ASSERT_EQUAL(ask_int(k, "ZSCORE {t}:due:held %s", ask_id(1)), NOW + 60000);
    a.mode.retry_ms = NOW + 9999999; /* the last try is at hold_until */
    CU_ASSERT_EQUAL(ask_one(k, NOW + 60000, &a, &r), NOT_PLACED);
    CU_ASSERT_EQUAL(r.version, 1); /* nothing has changed */
    CU_ASSERT_EQUAL(r.attempts, 2);
    CU_ASSERT_EQUAL(ask_int(k, "XLEN {t}:events"), 1);
    CU_ASSERT_EQUAL(ask_int(k, "ZSCORE {t}:due:held %s", ask_id(1)), NOW + 3000000);
    CU_ASSERT_EQUAL(ask_one(k, NOW + 3000000, &a, &r), NOT_PLACED);
    CU_ASSERT_EQUAL(r.state, REJECTED);
    CU_ASSERT_EQUAL(r.reason, LIFECIRCLE__V1__REASON__HOLD_EXPIRED);
    CU_ASSERT_EQUAL(r.version, 2);
    CU_ASSERT_EQUAL(ask_int(k, "ZCARD {t}:due:held"), 0);
    redisReply *h = kit_do(k, "LRANGE {t}:history:%s 0 -1", ask_id(1));
    CU_ASSERT_EQUAL_FATAL(h->elements, 2);
    CU_ASSERT_EQUAL(h->element[0]->str[0], HELD);
    CU_ASSERT_EQUAL(h->element[0]->str[1], LIFECIRCLE__V1__REASON__OUT_OF_STOCK);
    CU_ASSERT_EQUAL(h->element[1]->str[0], REJECTED);
    freeReplyObject(h);
    CU_ASSERT_EQUAL(ask_one(k, NOW + 3000001, &a, &r), DUPLICATE);
}

static void
test_place_puts_a_held_order_where_stock_has_come(void)
{
    struct ask a = one_line(1, 0, 30);
    struct record r;

    fresh();
    CU_ASSERT_EQUAL(ask_one(k, NOW, &a, NULL), NOT_PLACED);
    ask_stock(k, 2, 0, 30);
    CU_ASSERT_EQUAL(ask_one(k, NOW + 7, &a, &r), PLACED_AT);
    CU_ASSERT_EQUAL(r.version, 2);
    CU_ASSERT_EQUAL(r.attempts, 2);
    CU_ASSERT_EQUAL(r.entered_ms[HELD], NOW);
    CU_ASSERT_EQUAL(r.entered_ms[PLACED], NOW + 7);
    CU_ASSERT_EQUAL(r.store, 2);
    CU_ASSERT_EQUAL(ask_int(k, "ZCARD {t}:due:held"), 0);
    CU_ASSERT_EQUAL(ask_int(k, "ZCARD {t}:due:dispatch"), 1);
    CU_ASSERT_EQUAL(ask_int(k, "LLEN {t}:history:%s", ask_id(1)), 1);
    CU_ASSERT_TRUE_FATAL(ask_record(k, 1, &r));
    CU_ASSERT_TRUE(slice_eq_str(r.order, "order"));
    CU_ASSERT_EQUAL(ask_faults(k), 0);
}

static void
test_place_without_candidates_says_the_reason_it_was_given(void)
{
    struct ask a = one_line(1, 0, 1), b = one_line(2, 0, 1), c = one_line(3, 0, 1);
    struct record r;

    fresh();
    a.n_stores = b.n_stores = c.n_stores = 0;
    a.mode.reason = b.mode.reason = c.mode.reason = LIFECIRCLE__V1__REASON__STORE_CLOSED;
    b.mode.reject = true;
    c.shortage = LIFECIRCLE__V1__SHORTAGE__SHORTAGE_REJECT;
    CU_ASSERT_EQUAL(ask_one(k, NOW, &a, &r), NOT_PLACED);
    CU_ASSERT_EQUAL(r.state, HELD);
    CU_ASSERT_EQUAL(r.reason, LIFECIRCLE__V1__REASON__STORE_CLOSED);
    CU_ASSERT_EQUAL(ask_one(k, NOW, &b, &r), NOT_PLACED);
    CU_ASSERT_EQUAL(r.state, REJECTED);
    CU_ASSERT_EQUAL(r.reason, LIFECIRCLE__V1__REASON__STORE_CLOSED);
    CU_ASSERT_EQUAL(ask_one(k, NOW, &c, &r), NOT_PLACED);
    CU_ASSERT_EQUAL(r.state, REJECTED);
}

static void
test_place_create_waits_for_its_time(void)
{
    struct ask a = one_line(1, 0, 1);
    struct record r;

    fresh();
    a.mode = (struct place_mode){
        .create = true, .reason = LIFECIRCLE__V1__REASON__NOT_YET, .retry_ms = NOW + 500000};
    CU_ASSERT_EQUAL(ask_one(k, NOW, &a, &r), NOT_PLACED);
    CU_ASSERT_EQUAL(r.state, CREATED);
    CU_ASSERT_EQUAL(r.reason, LIFECIRCLE__V1__REASON__NOT_YET);
    CU_ASSERT_EQUAL(ask_int(k, "ZSCORE {t}:due:match %s", ask_id(1)), NOW + 500000);
    CU_ASSERT_EQUAL(ask_level(k, 1, 0).available, 10);
    a.mode.retry_ms = NOW + 600000;
    CU_ASSERT_EQUAL(ask_one(k, NOW + 1, &a, &r), NOT_PLACED);
    CU_ASSERT_EQUAL(r.version, 1);
    CU_ASSERT_EQUAL(ask_int(k, "ZSCORE {t}:due:match %s", ask_id(1)), NOW + 600000);
    a.mode = (struct place_mode){0};
    CU_ASSERT_EQUAL(ask_one(k, NOW + 2, &a, &r), PLACED_AT);
    CU_ASSERT_EQUAL(ask_int(k, "ZCARD {t}:due:match"), 0);
}

static void
test_place_collection_has_a_row_that_expires(void)
{
    struct ask a = one_line(1, 0, 1);
    struct record r;

    fresh();
    a.collection = true;
    CU_ASSERT_EQUAL(ask_one(k, NOW, &a, &r), PLACED_AT);
    CU_ASSERT_EQUAL(r.flags, RECORD_TAKEN | RECORD_COLLECTION);
    CU_ASSERT_EQUAL(ask_int(k, "ZCARD {t}:due:dispatch"), 0);
    CU_ASSERT_EQUAL(ask_int(k, "ZSCORE {t}:due:expire %s", ask_id(1)), NOW + 3600000);
}

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

/* ---- order_accept ---- */

static void
test_accept_writes_created_and_due_at_once(void)
{
    struct ask a = one_line(1, 0, 2);
    struct record r;

    fresh();
    a.idem = "k";
    redisReply *reply = ask_accept(k, NOW, &a, 1);
    CU_ASSERT_EQUAL(got_outcome(reply, 0), NOT_PLACED);
    freeReplyObject(reply);
    CU_ASSERT_TRUE_FATAL(ask_record(k, 1, &r));
    CU_ASSERT_EQUAL(r.state, CREATED);
    CU_ASSERT_EQUAL(r.attempts, 0);
    CU_ASSERT_EQUAL(r.entered_ms[CREATED], NOW);
    CU_ASSERT_EQUAL(r.store, 0);
    CU_ASSERT_EQUAL(ask_int(k, "ZSCORE {t}:due:match %s", ask_id(1)), NOW);
    CU_ASSERT_EQUAL(ask_int(k, "EXISTS {t}:idem:1:k"), 1);
    CU_ASSERT_EQUAL(ask_one(k, NOW + 3, &a, &r), PLACED_AT);
    CU_ASSERT_EQUAL(r.entered_ms[CREATED], NOW);
    CU_ASSERT_EQUAL(r.attempts, 1);
    CU_ASSERT_EQUAL(ask_faults(k), 0);
}

static void
test_accept_after_place_changes_nothing(void)
{
    struct ask a = one_line(1, 0, 2);
    char before[64], after[64];

    fresh();
    CU_ASSERT_EQUAL(ask_one(k, NOW, &a, NULL), PLACED_AT);
    ask_digest(k, before);
    redisReply *reply = ask_accept(k, NOW + 1, &a, 1);
    CU_ASSERT_EQUAL(got_outcome(reply, 0), DUPLICATE);
    CU_ASSERT_EQUAL(got_record(reply, 0).state, PLACED);
    freeReplyObject(reply);
    a.fingerprint = 5;
    reply = ask_accept(k, NOW + 1, &a, 1);
    CU_ASSERT_EQUAL(got_outcome(reply, 0), CONFLICT);
    freeReplyObject(reply);
    ask_digest(k, after);
    CU_ASSERT_STRING_EQUAL(before, after);
}

/* ---- the rest ---- */

static void
test_place_explains_what_it_looked_at(void)
{
    struct ask a = one_line(1, 0, 5), b = one_line(2, 0, 1);

    fresh();
    ask_stock(k, 1, 0, 4);
    CU_ASSERT_EQUAL(ask_one(k, NOW, &a, NULL), PLACED_AT);
    redisReply *r = kit_do(k, "GET {t}:explain:%s", ask_id(1));
    Lifecircle__V1__DecisionRecord *d =
        lifecircle__v1__decision_record__unpack(NULL, r->len, (const uint8_t *)r->str);
    CU_ASSERT_PTR_NOT_NULL_FATAL(d);
    CU_ASSERT_EQUAL(d->decided_ms, 5);
    CU_ASSERT_EQUAL_FATAL(d->n_stock, 2);
    CU_ASSERT_EQUAL(d->stock[0]->candidate, 0);
    CU_ASSERT_EQUAL(d->stock[0]->missing_sku, 0);
    CU_ASSERT_EQUAL(d->stock[0]->available, 4);
    CU_ASSERT_EQUAL(d->stock[0]->wanted, 5);
    CU_ASSERT_EQUAL(d->stock[1]->candidate, 1);
    CU_ASSERT_EQUAL(d->stock[1]->missing_sku, -1);
    lifecircle__v1__decision_record__free_unpacked(d, NULL);
    freeReplyObject(r);
    CU_ASSERT_EQUAL(ask_one(k, NOW, &b, NULL), PLACED_AT);
    r = kit_do(k, "GET {t}:explain:%s", ask_id(2));
    CU_ASSERT_EQUAL(r->len, 2 + 13);
    freeReplyObject(r);
}

static void
test_place_batch_at_one_store_folds_load(void)
{
    struct ask many[64];

    fresh();
    ask_stock(k, 1, 0, 60);
    for (uint32_t i = 0; i < 64; i++) {
        many[i] = one_line(100 + i, 0, 1);
        many[i].n_stores = 1;
    }
    redisReply *r = ask_place(k, NOW, many, 64);
    for (size_t i = 0; i < 64; i++)
        CU_ASSERT_EQUAL(got_outcome(r, i), i < 60 ? PLACED_AT : NOT_PLACED);
    freeReplyObject(r);
    CU_ASSERT_EQUAL(ask_int(k, "HGET {t}:load 1"), 60);
    CU_ASSERT_EQUAL(ask_int(k, "XLEN {t}:events"), 1);
    CU_ASSERT_EQUAL(ask_int(k, "ZCARD {t}:due:dispatch"), 60);
    CU_ASSERT_EQUAL(ask_faults(k), 0);
}

static void
test_place_of_nothing_answers_nothing(void)
{
    char before[64], after[64];

    fresh();
    ask_digest(k, before);
    freeReplyObject(ask_place(k, NOW, NULL, 0));
    ask_digest(k, after);
    CU_ASSERT_STRING_EQUAL(before, after);
}

/* One argument of a good call is replaced: an error that names it, and no trace, even of the good
 * order before it. */
static void
test_place_refuses_malformed_arguments_without_a_trace(void)
{
    static const struct {
        size_t at;     /* of the second order's seven, or 100 + position from `now` */
        char bytes[9]; /* and zeros behind */
        size_t n;
        const char *words;
    } row[] = {{0, "short", 5, "uuid"},
               {1, "", 151, "idem"},
               {2, "", 0, "fixed"},
               {2, "", 63, "fixed"},
               {2, "\4", 64, "fixed"},        /* flags */
               {2, "\0\4", 64, "fixed"},      /* shortage */
               {2, "\0\0\3", 64, "fixed"},    /* price policy */
               {2, "\0\0\0\10", 64, "fixed"}, /* mode */
               {2, "\0\0\0\0", 64, "lines"},  /* no lines */
               {3, "", 0, "lines"},
               {3, "", 35, "lines"},
               {3, "", 36, "lines"},                  /* quantity 0 */
               {3, "\0\0\0\0\1\0\2\0", 36, "lines"},  /* not all taken */
               {3, "\0\0\20\0\1\0\1\0", 36, "lines"}, /* SKU 1,048,576 */
               {4, "x", 1, "candidates"},
               {4, "", 65 * 24, "candidates"},
               {5, "", 0, "order"},
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
        size_t at = row[i].at < 100 ? 4 + 2 + 7 + row[i].at : 4 + row[i].at - 100;
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
        UNIT(test_place_takes_stock_and_writes_the_record),
        UNIT(test_place_last_item_is_taken_by_one_of_two_orders_at_once),
        UNIT(test_place_last_item_is_taken_by_one_of_two_calls),
        UNIT(test_place_adds_the_same_sku_on_two_lines_up),
        UNIT(test_place_reserves_at_a_store_not_at_the_sum_of_stores),
        UNIT(test_place_wants_every_line_at_one_store),
        UNIT(test_place_takes_the_first_candidate_that_has_it),
        UNIT(test_place_does_not_sell_what_has_no_price),
        UNIT(test_place_again_gives_the_same_answer),
        UNIT(test_place_twice_in_one_call_takes_once),
        UNIT(test_place_with_another_payload_is_a_conflict),
        UNIT(test_place_with_a_key_of_another_order_is_a_conflict),
        UNIT(test_place_with_more_writes_nothing_when_exhausted),
        UNIT(test_place_holds_then_rejects_when_the_hold_ends),
        UNIT(test_place_puts_a_held_order_where_stock_has_come),
        UNIT(test_place_without_candidates_says_the_reason_it_was_given),
        UNIT(test_place_create_waits_for_its_time),
        UNIT(test_place_collection_has_a_row_that_expires),
        UNIT(test_place_partial_takes_what_is_there),
        UNIT(test_place_partial_of_nothing_is_held),
        UNIT(test_place_prefers_a_store_that_has_all_to_a_policy),
        UNIT(test_place_substitutes_whole_lines),
        UNIT(test_place_substitute_is_not_promised_twice),
        UNIT(test_place_compares_prices_as_the_policy_says),
        UNIT(test_place_rejects_an_accepted_order_whose_price_differs),
        UNIT(test_accept_writes_created_and_due_at_once),
        UNIT(test_accept_after_place_changes_nothing),
        UNIT(test_place_explains_what_it_looked_at),
        UNIT(test_place_batch_at_one_store_folds_load),
        UNIT(test_place_of_nothing_answers_nothing),
        UNIT(test_place_refuses_malformed_arguments_without_a_trace),
        UNIT(test_place_wants_the_city_as_its_key),
    };

    kit_start(k, false);
    int status = unit_main("place", tests, sizeof tests / sizeof *tests);
    kit_stop(k);
    return status;
}
