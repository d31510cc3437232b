/* Orders whose address is not confirmed: nobody places them, whoever asks; confirming lets them go
 * on; they end as others that are held. */
#include "place_rig.h"

enum { UNCONFIRMED = LIFECIRCLE__V1__REASON__ADDRESS_NOT_CONFIRMED };
enum { DONE = 1, ALREADY, NOT_ALLOWED, UNKNOWN };

/* waiting: order 1, held for its address, though the store has everything; a real Order in it. */
static struct ask
waiting(void)
{
    struct ask a = one_line(1, 0, 1);
    struct ask none = a;
    struct record r;

    fresh();
    none.n_stores = 0;
    none.mode.reason = UNCONFIRMED;
    none.mode.retry_ms = NOW + 9999999;
    none.shortage = LIFECIRCLE__V1__SHORTAGE__SHORTAGE_REJECT; /* that is about stock */
    CU_ASSERT_EQUAL(ask_one(k, NOW, &none, &r), NOT_PLACED);
    CU_ASSERT_EQUAL(r.state, HELD);
    CU_ASSERT_EQUAL(r.reason, UNCONFIRMED);

    Lifecircle__V1__Order o = LIFECIRCLE__V1__ORDER__INIT;
    Lifecircle__V1__Point p = LIFECIRCLE__V1__POINT__INIT;
    uint8_t packed[256];
    p.lat_e7 = 392840000;
    p.lng_e7 = -765900000;
    o.order_id = (char *)(uintptr_t)ask_id(1);
    o.dropoff = &p;
    o.precision = LIFECIRCLE__V1__ADDRESS_PRECISION__PLACE_STREET;
    o.address_error_m = 500;
    o.currency = (char *)(uintptr_t) "USD";
    struct buf b = {0};
    CU_ASSERT_TRUE_FATAL(ask_record(k, 1, &r));
    buf_append(&b, r.head.p, r.head.n);
    buf_append(&b, r.lines.p, r.lines.n);
    buf_append(&b, packed, lifecircle__v1__order__pack(&o, packed));
    freeReplyObject(kit_do(k, "SET {t}:order:%s %b", ask_id(1), b.p, b.n));
    buf_free(&b);
    return a;
}

/* confirm: the outcome; the Order as it is then in *out (free it) unless NULL. */
static int
confirm(int64_t now, uint32_t number, int32_t lat, Lifecircle__V1__Order **out)
{
    struct record r;

    kit_call(k, "order_confirm");
    kit_int(k, now);
    kit_int(k, 1);
    kit_text(k, ask_id(number));
    kit_int(k, lat);
    kit_int(k, -765800000);
    kit_text(k, "chain");
    redisReply *a = kit_reply(k);
    CU_ASSERT_EQUAL_FATAL(a->type, REDIS_REPLY_ARRAY);
    int outcome = (unsigned char)a->element[0]->str[0];
    if (out != NULL) {
        CU_ASSERT_EQUAL_FATAL(
            record_read(slice_of(a->element[0]->str + 1, a->element[0]->len - 1), &r), LC_OK);
        *out = lifecircle__v1__order__unpack(NULL, r.order.n, (const uint8_t *)r.order.p);
        CU_ASSERT_PTR_NOT_NULL_FATAL(*out);
    }
    freeReplyObject(a);
    return outcome;
}

static void
test_unconfirmed_orders_are_placed_by_nobody(void)
{
    struct ask a = waiting();
    struct record r;

    CU_ASSERT_EQUAL(ask_int(k, "ZSCORE {t}:due:held %s", ask_id(1)), NOW + 3000000);
    CU_ASSERT_EQUAL(ask_one(k, NOW + 1, &a, &r), DUPLICATE);
    CU_ASSERT_EQUAL(r.state, HELD);
    CU_ASSERT_EQUAL(r.version, 1);
    CU_ASSERT_EQUAL(ask_int(k, "ZCARD {t}:due:dispatch"), 0);
    CU_ASSERT_EQUAL(ask_int(k, "XLEN {t}:events"), 1);
    CU_ASSERT_EQUAL(ask_faults(k), 0);
}

static void
test_unconfirmed_orders_are_not_handed_out(void)
{
    redisReply *claimed;

    waiting();
    CU_ASSERT_EQUAL(ask_int(k, "FCALL due_hasten 1 {t} %lld held 100", (long long)NOW + 5), 1);
    claimed = kit_do(k, "FCALL due_claim 1 {t} %lld held 100 5000", (long long)NOW + 5);
    CU_ASSERT_EQUAL(claimed->elements, 0);
    freeReplyObject(claimed);
    CU_ASSERT_EQUAL(ask_int(k, "ZSCORE {t}:due:held %s", ask_id(1)), NOW + 3000000);
    claimed = kit_do(k, "FCALL due_claim 1 {t} %lld held 100 5000", (long long)NOW + 3000000);
    CU_ASSERT_EQUAL(claimed->elements, 2);
    freeReplyObject(claimed);
}

static void
test_unconfirmed_orders_end_with_their_hold(void)
{
    struct ask a = waiting();
    struct record r;

    CU_ASSERT_EQUAL(ask_one(k, NOW + 3000000, &a, &r), NOT_PLACED);
    CU_ASSERT_EQUAL(r.state, REJECTED);
    CU_ASSERT_EQUAL(r.reason, LIFECIRCLE__V1__REASON__HOLD_EXPIRED);
    CU_ASSERT_EQUAL(r.lines.n, RECORD_LINE);
    CU_ASSERT_EQUAL(ask_int(k, "ZCARD {t}:due:held"), 0);
    CU_ASSERT_EQUAL(confirm(NOW + 3000001, 1, 392850000, NULL), NOT_ALLOWED);
    CU_ASSERT_EQUAL(ask_faults(k), 0);
}

static void
test_confirmed_orders_go_on_with_their_place(void)
{
    struct ask a = waiting();
    Lifecircle__V1__Order *o;
    struct record r;

    CU_ASSERT_EQUAL(confirm(NOW + 10, 1, 392850000, &o), DONE);
    CU_ASSERT_EQUAL(o->dropoff->lat_e7, 392850000);
    CU_ASSERT_EQUAL(o->dropoff->lng_e7, -765800000);
    CU_ASSERT_EQUAL(o->precision, LIFECIRCLE__V1__ADDRESS_PRECISION__PLACE_CONFIRMED);
    CU_ASSERT_EQUAL(o->address_error_m, 0);
    CU_ASSERT_STRING_EQUAL(o->currency, "USD");
    lifecircle__v1__order__free_unpacked(o, NULL);
    CU_ASSERT_TRUE_FATAL(ask_record(k, 1, &r));
    CU_ASSERT_EQUAL(r.state, HELD);
    CU_ASSERT_EQUAL(r.reason, 0);
    CU_ASSERT_EQUAL(r.version, 2);
    CU_ASSERT_EQUAL(ask_int(k, "ZSCORE {t}:due:held %s", ask_id(1)), NOW + 10);
    CU_ASSERT_EQUAL(ask_int(k, "XLEN {t}:events"), 2);
    CU_ASSERT_EQUAL(ask_int(k, "LLEN {t}:history:%s", ask_id(1)), 1);
    CU_ASSERT_EQUAL(ask_one(k, NOW + 11, &a, &r), PLACED_AT);
    CU_ASSERT_EQUAL(confirm(NOW + 12, 1, 392850000, &o), ALREADY);
    lifecircle__v1__order__free_unpacked(o, NULL);
}

static void
test_confirming_twice_changes_nothing(void)
{
    struct ask none = waiting();
    char before[64], after[64];
    struct record r;

    CU_ASSERT_EQUAL(confirm(NOW + 10, 1, 392850000, NULL), DONE);
    ask_digest(k, before);
    CU_ASSERT_EQUAL(confirm(NOW + 20, 1, 392850000, NULL), ALREADY);
    CU_ASSERT_EQUAL(confirm(NOW + 20, 1, 392860000, NULL), NOT_ALLOWED);
    CU_ASSERT_EQUAL(confirm(NOW + 20, 2, 392860000, NULL), UNKNOWN);
    /* the chain sends it again, and intake finds only its street again */
    none.n_stores = 0;
    none.mode.reason = UNCONFIRMED;
    CU_ASSERT_EQUAL(ask_one(k, NOW + 20, &none, &r), DUPLICATE);
    CU_ASSERT_EQUAL(r.reason, 0);
    ask_digest(k, after);
    CU_ASSERT_STRING_EQUAL(before, after);
}

static void
test_confirm_says_what_is_wrong_with_its_arguments(void)
{
    static const char *const rows[][2] = {
        {"FCALL order_confirm 1 {t} 5 1 %s 900000001 0 chain", "lat"},
        {"FCALL order_confirm 1 {t} 5 1 %s 1 1800000001 chain", "lng"},
        {"FCALL order_confirm 1 {t} 5 1 %s x 0 chain", "lat"},
        {"FCALL order_confirm 1 {t} 5 1 %sx 1 0 chain", "uuid"},
        {"FCALL order_confirm 1 {t} 5 2 %s 1 0 chain", "INVALID"},
    };

    waiting();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        redisReply *a = kit_do(k, rows[i][0], ask_id(1));
        CU_ASSERT_EQUAL(a->type, REDIS_REPLY_ERROR);
        CU_ASSERT_PTR_NOT_NULL(strstr(a->str, rows[i][1]));
        freeReplyObject(a);
    }
}

int
main(void)
{
    static const struct unit_test tests[] = {
        UNIT(test_unconfirmed_orders_are_placed_by_nobody),
        UNIT(test_unconfirmed_orders_are_not_handed_out),
        UNIT(test_unconfirmed_orders_end_with_their_hold),
        UNIT(test_confirmed_orders_go_on_with_their_place),
        UNIT(test_confirming_twice_changes_nothing),
        UNIT(test_confirm_says_what_is_wrong_with_its_arguments),
    };

    kit_start(k, false);
    int status = unit_main("address", tests, sizeof tests / sizeof *tests);
    kit_stop(k);
    return status;
}
