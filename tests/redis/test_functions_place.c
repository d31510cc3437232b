/* order_place and order_accept: who gets what. */
#include "place_rig.h"

#include "match.pb-c.h"

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
    CU_ASSERT_EQUAL(ask_load(k, 1), 1);
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
    CU_ASSERT_EQUAL(ask_load(k, 1), 1);
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
    CU_ASSERT_EQUAL(ask_load(k, 1), 60);
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
        UNIT(test_accept_writes_created_and_due_at_once),
        UNIT(test_accept_after_place_changes_nothing),
        UNIT(test_place_explains_what_it_looked_at),
        UNIT(test_place_batch_at_one_store_folds_load),
        UNIT(test_place_of_nothing_answers_nothing),
    };

    kit_start(k, false);
    int status = unit_main("place", tests, sizeof tests / sizeof *tests);
    kit_stop(k);
    return status;
}
