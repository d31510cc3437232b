/* Personal data: kept apart, read together, destroyed for good. */
#include "ask.h"
#include "base/personal.h"
#include "base/wire.h"
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

static struct kit kit, *const k = &kit;

enum { SEALED = PERSONAL_KEY + 48, ORDER_MAX = 512 };

/* sealed: stands for what personal_seal makes; the functions look at its length alone. */
static struct slice
sealed(char fill)
{
    static char bytes[8][SEALED];
    static unsigned next;
    char *p = bytes[next++ % 8];

    memset(p, fill, SEALED);
    return slice_of(p, SEALED);
}

/* order_bytes: an Order as one of before data were sealed has it: address, customer and all. */
static struct slice
order_bytes(void)
{
    static uint8_t packed[ORDER_MAX];
    Lifecircle__V1__Order o = LIFECIRCLE__V1__ORDER__INIT;
    Lifecircle__V1__Contact c = LIFECIRCLE__V1__CONTACT__INIT;
    Lifecircle__V1__Point at = LIFECIRCLE__V1__POINT__INIT;

    o.order_id = (char *)(uintptr_t)ask_id(1);
    o.external_order_id = (char *)(uintptr_t) "4711";
    o.address = (char *)(uintptr_t) "MARK-ADDRESS";
    o.instructions = (char *)(uintptr_t) "MARK-NOTES";
    o.customer = &c;
    c.name = (char *)(uintptr_t) "MARK-NAME";
    c.phone = (char *)(uintptr_t) "+14105550123";
    o.dropoff = &at;
    at.lat_e7 = 392847123;
    at.lng_e7 = -765921456;
    o.currency = (char *)(uintptr_t) "USD";
    o.fingerprint = 0x1122334455667788;
    o.items = 3;
    return slice_of((char *)packed, lifecircle__v1__order__pack(&o, packed));
}

static struct ask
ask_for(uint32_t number)
{
    return (struct ask){.number = number,
                        .lines = {{.sku = 0, .quantity = 1}},
                        .n_lines = 1,
                        .stores = {1},
                        .n_stores = 1,
                        .order = order_bytes(),
                        .sealed = sealed('a')};
}

static void
fresh(void)
{
    freeReplyObject(kit_do(k, "FLUSHALL"));
    ask_stores(k, 1);
    ask_stock(k, 1, 0, 10);
}

/* ended: order 1 was placed and is cancelled, with a comment. */
static void
ended(void)
{
    struct ask a = ask_for(1);

    fresh();
    CU_ASSERT_EQUAL_FATAL(ask_one(k, NOW, &a, NULL), 1);
    kit_call(k, "order_step");
    kit_int(k, NOW + 1);
    kit_int(k, 1);
    kit_text(k, ask_id(1));
    kit_text(k, "cancel");
    kit_int(k, 20);
    kit_text(k, "customer");
    kit_text(k, "MARK-WORDS");
    freeReplyObject(kit_reply(k));
}

static long long
forget(uint32_t number)
{
    kit_call(k, "order_forget");
    kit_int(k, NOW + 5);
    kit_int(k, 1);
    kit_text(k, ask_id(number));
    kit_text(k, "operator");
    redisReply *r = kit_reply(k);
    long long v = r->type == REDIS_REPLY_ARRAY ? r->element[0]->integer : -1;
    freeReplyObject(r);
    return v;
}

/* read_sealed: what order_read has behind the record; freed with the reply. */
static redisReply *
read_order(uint32_t number)
{
    kit_call(k, "order_read");
    kit_int(k, 1);
    kit_text(k, ask_id(number));
    redisReply *r = kit_reply(k);
    CU_ASSERT_EQUAL_FATAL(r->type, REDIS_REPLY_ARRAY);
    CU_ASSERT_EQUAL_FATAL(r->elements, 2);
    return r;
}

/* holds: is the text anywhere in the server, in any key's value? */
static bool
holds(const char *text)
{
    redisReply *keys = kit_do(k, "KEYS *");
    bool found = false;

    for (size_t i = 0; i < keys->elements; i++) {
        redisReply *r = kit_do(k, "DUMP %s", keys->element[i]->str);
        found = found || (r->type == REDIS_REPLY_STRING &&
                          memmem(r->str, r->len, text, strlen(text)) != NULL);
        freeReplyObject(r);
    }
    freeReplyObject(keys);
    return found;
}

/* ---- keeping ---- */

static void
test_sealed_data_are_kept_apart_from_the_order(void)
{
    struct ask a = ask_for(1);

    fresh();
    CU_ASSERT_EQUAL(ask_one(k, NOW, &a, NULL), 1);
    CU_ASSERT_EQUAL(ask_int(k, "HSTRLEN {t}:keys %s", ask_id(1)), PERSONAL_KEY);
    CU_ASSERT_EQUAL(ask_int(k, "HSTRLEN {t}:personal %s", ask_id(1)), SEALED - PERSONAL_KEY);
    redisReply *r = read_order(1);
    CU_ASSERT_TRUE(slice_eq(slice_of(r->element[1]->str, r->element[1]->len), a.sealed));
    CU_ASSERT_EQUAL(ask_int(k, "STRLEN {t}:order:%s", ask_id(1)), r->element[0]->len);
    freeReplyObject(r);
}

/* Every way in which an order is first written. */
static void
test_sealed_data_are_written_with_whatever_becomes_of_it(void)
{
    struct ask held = ask_for(2), accepted = ask_for(3), rejected = ask_for(4);

    fresh();
    held.lines[0].quantity = rejected.lines[0].quantity = 50;
    rejected.shortage = LIFECIRCLE__V1__SHORTAGE__SHORTAGE_REJECT;
    (void)ask_one(k, NOW, &held, NULL);
    (void)ask_one(k, NOW, &rejected, NULL);
    freeReplyObject(ask_accept(k, NOW, &accepted, 1));
    CU_ASSERT_EQUAL(ask_int(k, "HLEN {t}:keys"), 3);
    CU_ASSERT_EQUAL(ask_int(k, "HLEN {t}:personal"), 3);
}

/* The same order from two intakes, which draw two keys: the first counts, for both parts. */
static void
test_first_key_stays(void)
{
    struct ask a = ask_for(1), again = ask_for(1), other = ask_for(1);

    fresh();
    again.sealed = sealed('b');
    freeReplyObject(ask_accept(k, NOW, &a, 1));
    CU_ASSERT_EQUAL(ask_one(k, NOW + 1, &again, NULL), 1); /* placed now, from created */
    other.sealed = sealed('c');
    (void)ask_one(k, NOW + 2, &other, NULL);
    redisReply *r = read_order(1);
    CU_ASSERT_TRUE(slice_eq(slice_of(r->element[1]->str, r->element[1]->len), a.sealed));
    freeReplyObject(r);
}

/* What is asked for twice in one call is one order, too. */
static void
test_first_key_of_a_call_stays(void)
{
    struct ask two[] = {ask_for(1), ask_for(1)};

    fresh();
    two[1].sealed = sealed('b');
    freeReplyObject(ask_place(k, NOW, two, 2));
    redisReply *r = read_order(1);
    CU_ASSERT_TRUE(slice_eq(slice_of(r->element[1]->str, r->element[1]->len), two[0].sealed));
    freeReplyObject(r);
}

static void
test_daemons_of_one_version_before_send_nothing_sealed(void)
{
    struct ask a = ask_for(1);

    fresh();
    kit_call(k, "order_place");
    kit_int(k, NOW);
    kit_int(k, 1);
    ask_put(k, &a);
    kit_drop(k); /* the last argument */
    redisReply *r = kit_reply(k);
    CU_ASSERT_EQUAL_FATAL(r->type, REDIS_REPLY_ARRAY);
    CU_ASSERT_EQUAL(got_outcome(r, 0), 1);
    CU_ASSERT_EQUAL(ask_int(k, "EXISTS {t}:keys"), 0);
    freeReplyObject(r);
}

static void
test_sealed_data_of_a_wrong_length_are_refused(void)
{
    static char bytes[2049];
    const size_t sizes[] = {1, PERSONAL_KEY, sizeof bytes};

    fresh();
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct ask a = ask_for(1);
        a.sealed = slice_of(bytes, sizes[i]);
        kit_call(k, "order_place");
        kit_int(k, NOW);
        kit_int(k, 1);
        ask_put(k, &a);
        redisReply *r = kit_reply(k);
        CU_ASSERT_EQUAL_FATAL(r->type, REDIS_REPLY_ERROR);
        CU_ASSERT_PTR_NOT_NULL(strstr(r->str, "INVALID sealed"));
        freeReplyObject(r);
    }
    CU_ASSERT_EQUAL(ask_int(k, "EXISTS {t}:order:%s", ask_id(1)), 0);
}

/* ---- forgetting ---- */

static void
test_forget_destroys_key_data_and_words(void)
{
    static const char *const marks[] = {"MARK-ADDRESS", "MARK-NOTES", "MARK-NAME",
                                        "+14105550123", "MARK-WORDS", "aaaaaaaa"};

    ended();
    freeReplyObject(kit_do(k, "HSET {t}:ratings %s 123456789MARK-WORDS", ask_id(1)));
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++)
        CU_ASSERT_TRUE(holds(marks[i])); /* so that the test can fail */
    CU_ASSERT_EQUAL(forget(1), 1);
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++)
        CU_ASSERT_FALSE(holds(marks[i]));
    CU_ASSERT_EQUAL(ask_int(k, "EXISTS {t}:explain:%s", ask_id(1)), 0); /* distances tell where */
    redisReply *r = read_order(1);
    CU_ASSERT_EQUAL(r->element[1]->len, 0);
    freeReplyObject(r);
}

static void
test_forgotten_order_keeps_what_was_sold(void)
{
    struct record before, after;

    ended();
    CU_ASSERT_TRUE(ask_record(k, 1, &before));
    uint32_t version = before.version;
    CU_ASSERT_EQUAL(forget(1), 1);
    CU_ASSERT_TRUE_FATAL(ask_record(k, 1, &after));
    CU_ASSERT_EQUAL(after.version, version);
    CU_ASSERT_EQUAL(after.fingerprint, 0);
    CU_ASSERT_EQUAL(after.n_lines, 1);
    struct arena *a = arena_new(1 << 16);
    const Lifecircle__V1__Order *o =
        wire_unpack(&lifecircle__v1__order__descriptor, a, after.order);
    CU_ASSERT_PTR_NOT_NULL_FATAL(o);
    CU_ASSERT_STRING_EQUAL(o->external_order_id, "4711");
    CU_ASSERT_STRING_EQUAL(o->currency, "USD");
    CU_ASSERT_EQUAL(o->items, 3);
    CU_ASSERT_EQUAL(o->fingerprint, 0);
    CU_ASSERT_EQUAL(o->dropoff->lat_e7, 392800000); /* which part of the city */
    CU_ASSERT_EQUAL(o->dropoff->lng_e7, -765900000);
    arena_destroy(a);
    CU_ASSERT_EQUAL(ask_faults(k), 0);
}

static void
test_forget_is_for_orders_that_have_ended(void)
{
    struct ask a = ask_for(1);

    fresh();
    CU_ASSERT_EQUAL(forget(9), 4);
    (void)ask_one(k, NOW, &a, NULL);
    CU_ASSERT_EQUAL(forget(1), 3);
    CU_ASSERT_EQUAL(ask_int(k, "HLEN {t}:keys"), 1);
    CU_ASSERT_EQUAL(ask_step(k, NOW, 1, "cancel", 20), 1);
    CU_ASSERT_EQUAL(forget(1), 1);
    CU_ASSERT_EQUAL(forget(1), 2);
}

/* Nobody can tell any more whether it was this payload; it is over, so the record is the answer. */
static void
test_forgotten_order_sent_again_is_the_same_order(void)
{
    struct ask a = ask_for(1);

    ended();
    CU_ASSERT_EQUAL(forget(1), 1);
    a.fingerprint = 77;
    a.sealed = sealed('z');
    CU_ASSERT_EQUAL(ask_one(k, NOW + 9, &a, NULL), 4); /* DUPLICATE */
    CU_ASSERT_EQUAL(ask_int(k, "HLEN {t}:keys"), 0);   /* and is not known again */
}

static void
test_forget_is_in_the_history(void)
{
    struct record_history h;

    ended();
    CU_ASSERT_EQUAL(forget(1), 1);
    redisReply *r = kit_do(k, "LRANGE {t}:history:%s 0 -1", ask_id(1));
    CU_ASSERT_EQUAL_FATAL(r->elements, 2);
    CU_ASSERT_EQUAL(record_history_read(slice_of(r->element[0]->str, r->element[0]->len), &h),
                    LC_OK);
    CU_ASSERT_TRUE(slice_eq_str(h.words, "customer"));
    CU_ASSERT_EQUAL(record_history_read(slice_of(r->element[1]->str, r->element[1]->len), &h),
                    LC_OK);
    CU_ASSERT_TRUE(slice_eq_str(h.words, "operator: personal data erased"));
    freeReplyObject(r);
}

static void
test_retired_order_leaves_no_key(void)
{
    struct record r;

    ended();
    CU_ASSERT_TRUE(ask_record(k, 1, &r));
    kit_call(k, "order_retire");
    kit_int(k, NOW + 9);
    kit_int(k, 1);
    kit_text(k, ask_id(1));
    kit_int(k, r.version);
    kit_text(k, "");
    freeReplyObject(kit_reply(k));
    CU_ASSERT_EQUAL(ask_int(k, "EXISTS {t}:keys {t}:personal"), 0);
}

/* ---- pictures ---- */

static long long room = 1000; /* for all pictures; each takes 112 bytes */

static long long
prove(uint32_t courier, const char *kind)
{
    char sealed[200];

    memset(sealed, 'k', sizeof sealed);
    memcpy(sealed + 88, "MARK-PICTURE", 12);
    kit_call(k, "order_proof");
    kit_int(k, NOW + 20);
    kit_text(k, ask_id(1));
    kit_int(k, courier);
    kit_text(k, kind);
    kit_bytes(k, slice_of(sealed, sizeof sealed));
    kit_int(k, room);
    redisReply *r = kit_reply(k);
    long long v = r->type == REDIS_REPLY_INTEGER ? r->integer : -1;
    freeReplyObject(r);
    return v;
}

static size_t
proof_length(const char *kind)
{
    kit_call(k, "proof_read");
    kit_text(k, ask_id(1));
    kit_text(k, kind);
    redisReply *r = kit_reply(k);
    size_t n = r->type == REDIS_REPLY_STRING ? r->len : 9999;
    freeReplyObject(r);
    return n;
}

static void
test_order_proof_is_the_couriers_who_has_it_and_goes_with_the_customer(void)
{
    static const char *const way[] = {"assign", "confirm", "pickup"};
    struct ask a = ask_for(1);

    fresh();
    CU_ASSERT_EQUAL(prove(7, "photo"), 4);
    CU_ASSERT_EQUAL_FATAL(ask_one(k, NOW, &a, NULL), 1);
    kit_call(k, "lease_take");
    kit_int(k, NOW);
    kit_text(k, "router-1");
    kit_int(k, 5000);
    freeReplyObject(kit_reply(k));
    for (size_t i = 0; i < 3; i++) {
        CU_ASSERT_EQUAL(prove(7, "photo"), 3); /* not before it is with the courier */
        CU_ASSERT_EQUAL(ask_plan(k, NOW + 10, 1, 7, 1, way[i]), 1);
    }
    CU_ASSERT_EQUAL(prove(8, "photo"), 3);
    CU_ASSERT_EQUAL(prove(7, "selfie"), -1);
    CU_ASSERT_EQUAL(prove(7, "photo"), 1);
    CU_ASSERT_EQUAL(prove(7, "photo"), 1);
    CU_ASSERT_EQUAL(prove(7, "signature"), 1);
    CU_ASSERT_EQUAL(proof_length("photo"), 200);
    CU_ASSERT_EQUAL(ask_plan(k, NOW + 30, 1, 7, 1, "deliver"), 1);
    CU_ASSERT_EQUAL(prove(7, "signature"), 2); /* nor is what was signed exchanged afterwards */
    CU_ASSERT_EQUAL(ask_int(k, "GET {t}:proofs_bytes"), 224);
    CU_ASSERT_TRUE(holds("MARK-PICTURE"));
    CU_ASSERT_EQUAL(forget(1), 1);
    CU_ASSERT_EQUAL(proof_length("photo"), 0);
    CU_ASSERT_EQUAL(proof_length("signature"), 0);
    CU_ASSERT_FALSE(holds("MARK-PICTURE"));
    CU_ASSERT_EQUAL(prove(7, "photo"), 3); /* and does not come back */
    CU_ASSERT_EQUAL(ask_int(k, "GET {t}:proofs_bytes"), 0);
    CU_ASSERT_EQUAL(ask_int(k, "HLEN {t}:proofs"), 0);
}

static void
test_order_proof_has_its_room_and_its_patience(void)
{
    static const char *const way[] = {"assign", "confirm", "pickup", "deliver"};
    struct ask a = ask_for(1);

    fresh();
    CU_ASSERT_EQUAL_FATAL(ask_one(k, NOW, &a, NULL), 1);
    kit_call(k, "lease_take");
    kit_int(k, NOW);
    kit_text(k, "router-1");
    kit_int(k, 5000);
    freeReplyObject(kit_reply(k));
    for (size_t i = 0; i < 3; i++)
        CU_ASSERT_EQUAL(ask_plan(k, NOW + 10, 1, 7, 1, way[i]), 1);
    room = 200;
    CU_ASSERT_EQUAL(prove(7, "photo"), 1);
    CU_ASSERT_EQUAL(prove(7, "signature"), 5);
    for (int i = 1; i < 20; i++)
        CU_ASSERT_EQUAL(prove(7, "photo"), 1); /* in place of the one before */
    CU_ASSERT_EQUAL(prove(7, "photo"), 3);
    room = 1000;
    CU_ASSERT_EQUAL(ask_plan(k, NOW + 30, 1, 7, 1, way[3]), 1);
    CU_ASSERT_EQUAL(prove(7, "photo"), 2);
}

/* What frees memory works when there is none. */
static void
test_forget_works_when_memory_is_full(void)
{
    struct ask a = ask_for(1);

    fresh();
    CU_ASSERT_EQUAL_FATAL(ask_one(k, NOW, &a, NULL), 1);
    freeReplyObject(kit_do(k, "CONFIG SET maxmemory 1"));
    CU_ASSERT_EQUAL(forget(1), 3); /* an answer, not -OOM: it has not ended */
    freeReplyObject(kit_do(k, "CONFIG SET maxmemory 0"));
}

int
main(void)
{
    static const struct unit_test tests[] = {
        UNIT(test_sealed_data_are_kept_apart_from_the_order),
        UNIT(test_sealed_data_are_written_with_whatever_becomes_of_it),
        UNIT(test_first_key_stays),
        UNIT(test_first_key_of_a_call_stays),
        UNIT(test_daemons_of_one_version_before_send_nothing_sealed),
        UNIT(test_sealed_data_of_a_wrong_length_are_refused),
        UNIT(test_forget_destroys_key_data_and_words),
        UNIT(test_forgotten_order_keeps_what_was_sold),
        UNIT(test_forget_is_for_orders_that_have_ended),
        UNIT(test_forgotten_order_sent_again_is_the_same_order),
        UNIT(test_forget_is_in_the_history),
        UNIT(test_retired_order_leaves_no_key),
        UNIT(test_order_proof_is_the_couriers_who_has_it_and_goes_with_the_customer),
        UNIT(test_order_proof_has_its_room_and_its_patience),
        UNIT(test_forget_works_when_memory_is_full),
    };

    kit_start(k, false);
    freeReplyObject(
        kit_do(k, "CONFIG SET rdbcompression no")); /* so that DUMP shows what is there */
    int status = unit_main("forget", tests, sizeof tests / sizeof *tests);
    kit_stop(k);
    return status;
}
