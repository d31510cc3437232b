/* One order's look and steps: its timeline, cancel, collected. */
#include "unit/intake_asks.h"

#include "base/id.h"
#include "base/personal.h"

static struct slice
record_with_order(struct rig *r, uint32_t chain, uint8_t state)
{
    Lifecircle__V1__Order o = LIFECIRCLE__V1__ORDER__INIT;
    struct rig_record rec;
    struct buf b = {0};

    o.chain = chain;
    o.external_order_id = (char *)"a1";
    o.created_ms = RIG_NOW;
    rec = rig_placed(&o);
    rec.chain = chain;
    rec.state = state;
    rec.window_start_ms = RIG_NOW;
    rec.window_end_ms = RIG_NOW + 3600000;
    struct slice head = rig_head(r, &rec), order = rig_pack(r, &o.base);
    buf_append(&b, head.p, head.n);
    buf_append(&b, order.p, order.n);
    struct slice out = slice_of(arena_copy(r->a, b.p, b.n), b.n);
    buf_free(&b);
    return out;
}

static const char *
order_path(struct rig *r, const char *rest)
{
    char id[UUID_TEXT];

    uuid_format(uuid_order(1, SLICE_LIT("a1")), id);
    return arena_printf(r->a, "/v1/orders/%s%s", id, rest);
}

static void
test_get_order_shows_its_timeline(void)
{
    struct rig *r = rig_new();

    get(r, order_path(r, ""), "");
    rig_redis(r, call_of(r, 0, "GET")->ref,
              rig_string(record_with_order(r, 1, LIFECIRCLE__V1__ORDER_STATE__PLACED)));
    check_answer(r, 200, "\"external_order_id\":\"a1\",\"status\":\"placed\"");
    check_answer(r, 200, "\"timeline\":[{\"status\":\"placed\",\"at\":\"2026-11-18T");
    rig_free(r);
}

static void
test_get_order_by_external_id_asks_for_the_same_record(void)
{
    struct rig *r = rig_new();
    char id[UUID_TEXT];

    uuid_format(uuid_order(1, SLICE_LIT("a 1/\xc3\xa9")), id);
    get(r, "/v1/orders", "external_order_id=a+1%2F%C3%A9");
    const struct effect *e = call_of(r, 0, "GET");
    CU_ASSERT_PTR_NOT_NULL_FATAL(e);
    CU_ASSERT_TRUE(slice_eq_str(e->argv[1], arena_printf(r->a, "{bal}:order:%s", id)));
    rig_redis(r, e->ref, (struct reply){.kind = REPLY_NIL});
    check_answer(r, 404, "\"code\":\"not_found\"");
    rig_free(r);
}

static void
test_other_chains_orders_do_not_exist(void)
{
    static const char *const what[] = {"", "/cancel", "/ready"};

    for (size_t i = 0; i < 3; i++) {
        struct rig *r = rig_new();
        if (i == 0)
            get(r, order_path(r, what[i]), "");
        else
            rig_post(r, 5, order_path(r, what[i]), "{\"reason\":\"operator\"}");
        rig_redis(r, call_of(r, 0, "GET")->ref,
                  rig_string(record_with_order(r, 2, LIFECIRCLE__V1__ORDER_STATE__PLACED)));
        check_answer(r, 404, "\"code\":\"not_found\"");
        CU_ASSERT_PTR_NULL(rig_effect(r, EFFECT_REDIS, 1));
        rig_free(r);
    }
}

static void
test_cancel_steps_the_order_and_shows_it(void)
{
    static const struct {
        char outcome;
        uint8_t state;
        int status;
        const char *words;
    } table[] = {
        {1, LIFECIRCLE__V1__ORDER_STATE__CANCELLED, 200, "\"status\":\"cancelled\""},
        {2, LIFECIRCLE__V1__ORDER_STATE__CANCELLED, 200, "\"status\":\"cancelled\""},
        {3, LIFECIRCLE__V1__ORDER_STATE__PICKED_UP, 409,
         "\"detail\":\"the order is picked_up\",\"code\":\"too_late\""},
        {4, 0, 404, "\"code\":\"not_found\""},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct rig *r = rig_new();
        struct buf b = {0};
        rig_post(r, 5, order_path(r, "/cancel"),
                 "{\"reason\":\"customer_cancelled\",\"comment\":\"moved away\"}");
        rig_redis(r, call_of(r, 0, "GET")->ref,
                  rig_string(record_with_order(r, 1, LIFECIRCLE__V1__ORDER_STATE__PLACED)));
        const struct effect *e = call_of(r, 1, "order_step");
        CU_ASSERT_PTR_NOT_NULL_FATAL(e);
        CU_ASSERT_TRUE(slice_eq_str(e->argv[7], "cancel"));
        CU_ASSERT_TRUE(slice_eq_str(e->argv[8], "20"));
        CU_ASSERT_TRUE(slice_eq_str(e->argv[9], "customer"));
        CU_ASSERT_TRUE(slice_eq_str(e->argv[10], "moved away"));
        buf_char(&b, table[i].outcome);
        if (table[i].state != 0)
            buf_append(&b, record_with_order(r, 1, table[i].state).p, RECORD_HEAD);
        struct reply item = rig_string(buf_slice(&b));
        rig_redis(r, e->ref, rig_array(r, &item, 1));
        check_answer(r, table[i].status, table[i].words);
        buf_free(&b);
        rig_free(r);
    }
}

/* Another chain hears the same of a wrong code as of a right one: it could try them all. */
static void
test_collected_tells_of_a_wrong_code_only_to_the_orders_chain(void)
{
    static const struct {
        uint32_t chain;
        int status;
        const char *code;
    } table[] = {{1, 409, "\"code\":\"wrong_code\""}, {2, 404, "\"code\":\"not_found\""}};

    for (size_t i = 0; i < 2; i++) {
        struct rig *r = rig_new();
        rig_post(r, 5, order_path(r, "/collected"), "{\"code\":\"wrong\"}");
        CU_ASSERT_PTR_NOT_NULL_FATAL(call_of(r, 0, "GET"));
        rig_redis(
            r, call_of(r, 0, "GET")->ref,
            rig_string(record_with_order(r, table[i].chain, LIFECIRCLE__V1__ORDER_STATE__PLACED)));
        check_answer(r, table[i].status, table[i].code);
        CU_ASSERT_PTR_NULL(rig_effect(r, EFFECT_REDIS, 1));
        rig_free(r);
    }
}

static void
test_collected_wants_the_customers_code(void)
{
    struct rig *r = rig_new();
    struct city_secret secret;
    char code[COLLECTION_TEXT];

    for (size_t i = 0; i < sizeof secret.b; i++)
        secret.b[i] = (uint8_t)i;
    collection_code(&secret, uuid_order(1, SLICE_LIT("a1")), code);
    rig_post(r, 5, order_path(r, "/collected"), arena_printf(r->a, "{\"code\":\"%s\"}", code));
    CU_ASSERT_PTR_NOT_NULL_FATAL(call_of(r, 0, "GET"));
    rig_redis(r, call_of(r, 0, "GET")->ref,
              rig_string(record_with_order(r, 1, LIFECIRCLE__V1__ORDER_STATE__PLACED)));
    CU_ASSERT_TRUE(slice_eq_str(call_of(r, 1, "order_step")->argv[7], "collected"));
    rig_free(r);
}

/* sealed: a picture of the order as the notifier keeps it. */
static struct slice
sealed(struct rig *r, const char *picture)
{
    static struct chance chance;
    Lifecircle__V1__Personal p = LIFECIRCLE__V1__PERSONAL__INIT;
    struct city_secret secret;
    struct personal_master master;
    struct buf b = {0};

    for (size_t i = 0; i < sizeof secret.b; i++)
        secret.b[i] = (uint8_t)i; /* RIG_SECRET */
    personal_master_of(&secret, &master);
    for (uint64_t entropy = 1; entropy <= CHANCE_ENOUGH; entropy++)
        chance_stir(&chance, entropy);
    p.picture.data = (uint8_t *)(uintptr_t)picture;
    p.picture.len = strlen(picture);
    CU_ASSERT_EQUAL(personal_seal(&master, &chance, uuid_order(1, SLICE_LIT("a1")), &p, &b), LC_OK);
    struct slice out = slice_of(arena_copy(r->a, b.p, b.n), b.n);
    buf_free(&b);
    return out;
}

static void
test_chain_fetches_what_was_taken_at_the_door(void)
{
    static const struct {
        const char *path;
        const char *kind;
        const char *picture;
    } cases[] = {{"/proofs/photo", "photo", "\xff\xd8\xff jpeg"},
                 {"/proofs/signature", "signature", "\x89PNG\r\n\x1a\n png"}};

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct rig *r = rig_new();
        get(r, order_path(r, cases[i].path), "");
        rig_redis(r, call_of(r, 0, "GET")->ref,
                  rig_string(record_with_order(r, 1, LIFECIRCLE__V1__ORDER_STATE__DELIVERED)));
        const struct effect *e = call_of(r, 1, "FCALL_RO");
        CU_ASSERT_PTR_NOT_NULL_FATAL(e);
        CU_ASSERT(slice_eq_str(e->argv[5], cases[i].kind));
        rig_redis(r, e->ref, rig_string(sealed(r, cases[i].picture)));
        const struct effect *answer = rig_effect(r, EFFECT_HTTP, 0);
        CU_ASSERT_PTR_NOT_NULL_FATAL(answer);
        CU_ASSERT_EQUAL(answer->status, 200);
        CU_ASSERT(slice_eq_str(answer->bytes, cases[i].picture));
        CU_ASSERT(slice_eq_str(answer->name, i == 0 ? "image/jpeg" : "image/png"));
        rig_free(r);
    }
}

static void
test_proofs_that_were_erased_or_are_anothers_are_not_there(void)
{
    for (int i = 0; i < 3; i++) {
        struct rig *r = rig_new();
        get(r, order_path(r, "/proofs/photo"), "");
        struct slice record =
            record_with_order(r, i == 0 ? 2 : 1, LIFECIRCLE__V1__ORDER_STATE__DELIVERED);
        rig_redis(r, call_of(r, 0, "GET")->ref,
                  i == 2 ? (struct reply){.kind = REPLY_NIL} : rig_string(record));
        if (i == 1)
            rig_redis(r, call_of(r, 1, "FCALL_RO")->ref, rig_text(""));
        check_answer(r, 404, "\"code\":\"not_found\"");
        rig_free(r);
    }
}

static void
test_proofs_are_listed(void)
{
    struct rig *r = rig_new();
    const struct reply have[] = {{.kind = REPLY_NIL}, rig_text("wrapped")};

    get(r, order_path(r, "/proofs"), "");
    rig_redis(r, call_of(r, 0, "GET")->ref,
              rig_string(record_with_order(r, 1, LIFECIRCLE__V1__ORDER_STATE__DELIVERED)));
    rig_redis(r, call_of(r, 1, "HMGET")->ref, rig_array(r, have, 2));
    check_answer(r, 200, "{\"proofs\":[\"signature\"]}");
    rig_free(r);
}

UNIT_MAIN("intake_one_order", UNIT(test_get_order_shows_its_timeline),
          UNIT(test_get_order_by_external_id_asks_for_the_same_record),
          UNIT(test_other_chains_orders_do_not_exist),
          UNIT(test_cancel_steps_the_order_and_shows_it),
          UNIT(test_collected_tells_of_a_wrong_code_only_to_the_orders_chain),
          UNIT(test_collected_wants_the_customers_code),
          UNIT(test_chain_fetches_what_was_taken_at_the_door),
          UNIT(test_proofs_that_were_erased_or_are_anothers_are_not_there),
          UNIT(test_proofs_are_listed))
