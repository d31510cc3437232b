/* Inventory's core: checks, feeds, expiry. */
#include "inventory_rig.h"

/* ---- checks ---- */

static void
send_check(size_t n, Lifecircle__V1__CheckRequest__Item **items)
{
    Lifecircle__V1__Envelope env;
    Lifecircle__V1__CheckRequest request = LIFECIRCLE__V1__CHECK_REQUEST__INIT;

    envelope_init(&env, &mint, now_ms, 0);
    request.items = items;
    request.n_items = n;
    env.body_case = LIFECIRCLE__V1__ENVELOPE__BODY_CHECK_REQUEST;
    env.check_request = &request;
    message(&env);
}

static void
test_check_answers_store_by_store(void)
{
    uint32_t stores[] = {4, 9}, skus[] = {7, 3};
    Lifecircle__V1__CheckRequest__Item a = LIFECIRCLE__V1__CHECK_REQUEST__ITEM__INIT, bad = a;
    Lifecircle__V1__CheckRequest__Item *items[] = {&bad, &a};

    begin(NULL, NULL);
    prepare_orders();
    a.tag = 21;
    bad.tag = 20;
    a.stores = stores;
    a.sku_indexes = skus;
    a.n_stores = a.n_sku_indexes = 2;
    send_check(2, items);
    const struct effect *e = redis_call("stock_read", 0);
    CU_ASSERT_PTR_NOT_NULL_FATAL(e);
    CU_ASSERT_EQUAL_FATAL(e->argc, 4 + 1 + 2 * 2);
    CU_ASSERT_TRUE(slice_eq_str(e->argv[4], "2"));
    CU_ASSERT_TRUE(slice_eq_str(e->argv[5], "4"));
    CU_ASSERT_TRUE(slice_eq(e->argv[6], slice_of("\7\0\0\0\3\0\0\0", 8)));
    CU_ASSERT_TRUE(slice_eq_str(e->argv[7], "9"));
    uint64_t tag = e->ref;
    stepper_flushed(s);
    struct reply rows[] = {
        {.kind = REPLY_STRING, .str = slice_of("\1\0\0\0\x64\0\0\0\xff\xff\xff\xff\0\0\0\0", 16)},
        {.kind = REPLY_STRING, .str = slice_of("\3\0\0\0\x65\0\0\0\4\0\0\0\x66\0\0\0", 16)}};
    reply(tag, array(rows, 2));
    const Lifecircle__V1__Envelope *env = sent(EFFECT_ANSWER, 0);
    CU_ASSERT_PTR_NOT_NULL_FATAL(env);
    const Lifecircle__V1__CheckReply *r = env->check_reply;
    CU_ASSERT_EQUAL_FATAL(r->n_items, 2);
    CU_ASSERT_EQUAL(r->items[0]->tag, 20);
    CU_ASSERT_TRUE(r->items[0]->unavailable);
    CU_ASSERT_EQUAL(r->items[1]->tag, 21);
    CU_ASSERT_FALSE(r->items[1]->unavailable);
    CU_ASSERT_EQUAL_FATAL(r->items[1]->n_available, 4);
    CU_ASSERT_EQUAL(r->items[1]->available[1], -1);
    CU_ASSERT_EQUAL(r->items[1]->available[3], 4);
    CU_ASSERT_EQUAL(r->items[1]->price_cents[2], 101);
    finish();
}

static void
test_check_is_repeated_then_given_up(void)
{
    uint32_t store = 4, sku = 7;
    Lifecircle__V1__CheckRequest__Item a = LIFECIRCLE__V1__CHECK_REQUEST__ITEM__INIT;
    Lifecircle__V1__CheckRequest__Item *items[] = {&a};

    begin(NULL, NULL);
    prepare_orders();
    a.stores = &store;
    a.sku_indexes = &sku;
    a.n_stores = a.n_sku_indexes = 1;
    send_check(1, items);
    uint64_t tag = redis_call("stock_read", 0)->ref;
    stepper_flushed(s);
    reply(tag, (struct reply){.kind = REPLY_LOST});
    step((struct event){.kind = EVENT_REDIS_UP});
    const struct effect *again = redis_call("stock_read", 0);
    CU_ASSERT_PTR_NOT_NULL_FATAL(again);
    now_ms += 10000;
    reply(again->ref, (struct reply){.kind = REPLY_LOST});
    const Lifecircle__V1__Envelope *env = sent(EFFECT_ANSWER, 0);
    CU_ASSERT_PTR_NOT_NULL_FATAL(env);
    CU_ASSERT_TRUE(env->check_reply->items[0]->unavailable);
    finish();
}

/* ---- feeds ---- */

static Lifecircle__V1__StockLine feed_lines[3];
static Lifecircle__V1__StockLine *feed_list[] = {&feed_lines[0], &feed_lines[1], &feed_lines[2]};

static Lifecircle__V1__StockRequest
a_feed(void)
{
    Lifecircle__V1__StockRequest r = LIFECIRCLE__V1__STOCK_REQUEST__INIT;

    for (size_t i = 0; i < 3; i++) {
        feed_lines[i] = (Lifecircle__V1__StockLine)LIFECIRCLE__V1__STOCK_LINE__INIT;
        feed_lines[i].sku_index = (uint32_t)i;
        feed_lines[i].has_quantity = true;
        feed_lines[i].quantity = 5;
    }
    r.tag = 31;
    r.store = 4;
    r.as_of_ms = NOW - 5;
    r.sequence = 12;
    r.lines = feed_list;
    r.n_lines = 3;
    return r;
}

static void
send_feed(Lifecircle__V1__StockRequest *request)
{
    Lifecircle__V1__Envelope env;

    envelope_init(&env, &mint, now_ms, now_ms + 1000);
    env.body_case = LIFECIRCLE__V1__ENVELOPE__BODY_STOCK_REQUEST;
    env.stock_request = request;
    message(&env);
}

static void
test_feed_says_what_became_of_it(void)
{
    static const struct {
        const char *answer;
        int outcome;
        size_t news;
    } row[] = {{"\1\0\0\0\3\0\0\0", LIFECIRCLE__V1__STOCK_REPLY__OUTCOME__APPLIED, 0},
               {"\1\1\0\0\3\0\0\0", LIFECIRCLE__V1__STOCK_REPLY__OUTCOME__APPLIED, 1},
               {"\2\0\0\0\0\0\0\0", LIFECIRCLE__V1__STOCK_REPLY__OUTCOME__REPEATED, 0},
               {"\3\0\0\0\0\0\0\0", LIFECIRCLE__V1__STOCK_REPLY__OUTCOME__LATE, 0},
               {"\4\0\0\0\0\0\0\0", LIFECIRCLE__V1__STOCK_REPLY__OUTCOME__UNKNOWN_STORE, 0},
               {"\5\0\0\0\0\0\0\0", LIFECIRCLE__V1__STOCK_REPLY__OUTCOME__UNAVAILABLE, 0}};

    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        Lifecircle__V1__StockRequest feed = a_feed();
        begin(NULL, NULL);
        prepare_orders();
        send_feed(&feed);
        const struct effect *e = redis_call("stock_apply", 0);
        CU_ASSERT_PTR_NOT_NULL_FATAL(e);
        CU_ASSERT_EQUAL_FATAL(e->argc, 4 + 9);
        CU_ASSERT_TRUE(slice_eq_str(e->argv[5], "4"));
        CU_ASSERT_TRUE(slice_eq_str(e->argv[8], "12"));
        CU_ASSERT_EQUAL(e->argv[11].n, 36);
        CU_ASSERT_EQUAL(e->argv[12].n, 3 * 16);
        uint64_t tag = e->ref;
        stepper_flushed(s);
        reply(tag, (struct reply){.kind = REPLY_STRING, .str = slice_of(row[i].answer, 8)});
        const Lifecircle__V1__Envelope *env = sent(EFFECT_ANSWER, 0);
        CU_ASSERT_PTR_NOT_NULL_FATAL(env);
        CU_ASSERT_EQUAL((int)env->stock_reply->outcome, row[i].outcome);
        CU_ASSERT_EQUAL(env->stock_reply->tag, 31);
        CU_ASSERT_EQUAL(env->stock_reply->changed, i < 2 ? 3 : 0);
        CU_ASSERT_EQUAL(effects(EFFECT_NEWS), row[i].news);
        finish();
    }
}

static void
test_feed_refuses_what_is_malformed(void)
{
    for (int fault = 0; fault < 9; fault++) {
        Lifecircle__V1__StockRequest feed = a_feed();
        switch (fault) {
        case 0:
            feed.store = 0;
            break;
        case 1:
            feed.n_lines = 0;
            break;
        case 2:
            feed_lines[2].sku_index = 1;
            break;
        case 3:
            feed_lines[2].sku_index = RECORD_SKU_MAX + 1;
            break;
        case 4:
            feed_lines[1].has_quantity = false;
            break;
        case 5:
            feed_lines[1].quantity = 1000001;
            break;
        case 6:
            feed.sequence = 1ull << 60;
            break;
        case 7:
            feed.sequence = 0;
            feed.as_of_ms = 0;
            break;
        case 8:
            feed.chunk = 2000000;
            break;
        }
        begin(NULL, NULL);
        prepare_orders();
        send_feed(&feed);
        CU_ASSERT_EQUAL(effects(EFFECT_REDIS), 0);
        const Lifecircle__V1__Envelope *env = sent(EFFECT_ANSWER, 0);
        CU_ASSERT_PTR_NOT_NULL_FATAL(env);
        CU_ASSERT_EQUAL(env->stock_reply->outcome, 0);
        CU_ASSERT_EQUAL(counter("inventory_stock_feeds_total{outcome=\"malformed\"}"), 1);
        finish();
    }
}

/* ---- expiry ---- */

static void
record_bytes(char *to, uint8_t state, uint32_t courier)
{
    memset(to, 0, RECORD_HEAD);
    to[0] = 1;
    to[1] = (char)state;
    to[24] = (char)courier;
}

static void
test_expiry_ends_what_nobody_has(void)
{
    char a[RECORD_HEAD], b[RECORD_HEAD], c[RECORD_HEAD];

    begin("expire-slack-s", "60");
    prepare_orders();
    now_ms += 20000;
    step((struct event){.kind = EVENT_REDIS_UP});
    reply(1, (struct reply){.kind = REPLY_LOST}); /* the look at the start */
    reply(2, (struct reply){.kind = REPLY_LOST});
    stepper_flushed(s);
    now_ms += 20000;
    step((struct event){.kind = EVENT_REDIS_UP});
    const struct effect *claim = redis_call("due_claim", 0);
    CU_ASSERT_PTR_NOT_NULL_FATAL(claim);
    CU_ASSERT_TRUE(slice_eq_str(claim->argv[4], "980000")); /* now - slack */
    CU_ASSERT_TRUE(slice_eq_str(claim->argv[5], "expire"));
    record_bytes(a, LIFECIRCLE__V1__ORDER_STATE__PLACED, 0);
    record_bytes(b, LIFECIRCLE__V1__ORDER_STATE__PLACED, 5);
    record_bytes(c, LIFECIRCLE__V1__ORDER_STATE__READY_FOR_COLLECTION, 0);
    struct reply rows[] = {{.kind = REPLY_STRING, .str = slice_str(IDS[0])},
                           {.kind = REPLY_STRING, .str = slice_of(a, sizeof a)},
                           {.kind = REPLY_STRING, .str = slice_str(IDS[1])},
                           {.kind = REPLY_STRING, .str = slice_of(b, sizeof b)},
                           {.kind = REPLY_STRING, .str = slice_str(IDS[2])},
                           {.kind = REPLY_STRING, .str = slice_of(c, sizeof c)}};
    uint64_t tag = claim->ref;
    stepper_flushed(s);
    reply(tag, array(rows, 6));
    const struct effect *e = redis_call("order_step", 0);
    CU_ASSERT_PTR_NOT_NULL_FATAL(e);
    CU_ASSERT_EQUAL_FATAL(e->argc, 4 + 2 + 2 * 5);
    CU_ASSERT_TRUE(slice_eq_str(e->argv[6], IDS[0]));
    CU_ASSERT_TRUE(slice_eq_str(e->argv[7], "expire"));
    CU_ASSERT_TRUE(slice_eq_str(e->argv[11], IDS[2]));
    tag = e->ref;
    stepper_flushed(s);
    struct reply done[] = {{.kind = REPLY_STRING, .str = SLICE_LIT("\1...")},
                           {.kind = REPLY_STRING, .str = SLICE_LIT("\3...")}};
    reply(tag, array(done, 2));
    CU_ASSERT_EQUAL(counter("inventory_reservations_expired_total"), 1);
    CU_ASSERT_EQUAL(effects(EFFECT_NEWS), 2);
    finish();
}

static void
test_expiry_goes_through_deliveries_piece_by_piece(void)
{
    begin("expire-every-s", "10");
    prepare_orders();
    struct reply first[] = {{.kind = REPLY_INT, .integer = 256},
                            {.kind = REPLY_STRING, .str = slice_str(IDS[1])}},
                 last[] = {{.kind = REPLY_INT, .integer = 0}};
    reply(1, array(NULL, 0));
    reply(2, array(first, 2));
    const struct effect *e = redis_call("order_step", 0);
    CU_ASSERT_PTR_NOT_NULL_FATAL(e);
    CU_ASSERT_TRUE(slice_eq_str(e->argv[6], IDS[1]));
    reply(e->ref, array(NULL, 0));
    stepper_flushed(s);
    now_ms += 10000;
    step((struct event){.kind = EVENT_WAKE});
    e = redis_call("due_overdue", 0);
    CU_ASSERT_PTR_NOT_NULL_FATAL(e);
    CU_ASSERT_TRUE(slice_eq_str(e->argv[5], "256"));
    uint64_t sweep = e->ref, claim = redis_call("due_claim", 0)->ref;
    stepper_flushed(s);
    reply(sweep, array(last, 1));
    reply(claim, array(NULL, 0));
    now_ms += 10000;
    step((struct event){.kind = EVENT_WAKE});
    e = redis_call("due_overdue", 0);
    CU_ASSERT_PTR_NOT_NULL_FATAL(e);
    CU_ASSERT_TRUE(slice_eq_str(e->argv[5], "0"));
    finish();
}

static void
test_expiry_looks_at_its_time(void)
{
    begin("expire-every-s", "10");
    prepare_orders();
    reply(1, array(NULL, 0));
    reply(2, (struct reply){.kind = REPLY_ERROR, .str = SLICE_LIT("ERR no such function")});
    CU_ASSERT_EQUAL(counter("inventory_function_errors_total"), 1);
    stepper_flushed(s);
    now_ms += 9999;
    step((struct event){.kind = EVENT_WAKE});
    CU_ASSERT_EQUAL(effects(EFFECT_REDIS), 0);
    CU_ASSERT_EQUAL_FATAL(effects(EFFECT_WAKE), 1);
    CU_ASSERT_EQUAL(effect(EFFECT_WAKE, 0)->at_ms, NOW + 10000);
    now_ms += 1;
    step((struct event){.kind = EVENT_WAKE});
    CU_ASSERT_PTR_NOT_NULL(redis_call("due_claim", 0));
    finish();
}

/* Whatever is in hand when the core is closed is given back: the sanitizers look. */
static void
test_close_with_work_in_hand(void)
{
    Lifecircle__V1__StockRequest feed = a_feed();

    begin("place-calls", "1");
    prepare_orders();
    send_place(0, 2, 0);
    turn_end();
    send_place(0, 2, 0);
    turn_end();
    send_feed(&feed);
    stepper_flushed(s);
    finish();
}

UNIT_MAIN("inventory_stock", UNIT(test_check_answers_store_by_store),
          UNIT(test_check_is_repeated_then_given_up), UNIT(test_feed_says_what_became_of_it),
          UNIT(test_feed_refuses_what_is_malformed), UNIT(test_expiry_ends_what_nobody_has),
          UNIT(test_expiry_looks_at_its_time),
          UNIT(test_expiry_goes_through_deliveries_piece_by_piece),
          UNIT(test_close_with_work_in_hand))
