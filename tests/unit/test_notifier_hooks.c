/* The notifier's core alone: webhooks. */
#include "unit/notifier_rig.h"

static void
hook_chain(struct rig *r, const char *url)
{
    put_chain(r, url, false);
}

static void
hook_answer(struct rig *r, int status)
{
    const struct rig_sent *s = rig_last(r, EFFECT_CALL, 0);

    CU_ASSERT_PTR_NOT_NULL_FATAL(s);
    struct event ev = {.kind = EVENT_CALLED,
                       .ref = s->e.ref,
                       .status = status,
                       .bytes = status == 0 ? SLICE_LIT("deadline") : SLICE_LIT("")};
    rig_feed(r, &ev);
}

static void
test_webhook_is_made_once_and_signed(void)
{
    struct rig *r = rig_new();
    struct webhook_secret secret;

    hook_chain(r, "https://chain.example/hooks");
    rig_order(r, 0, LIFECIRCLE__V1__ORDER_STATE__PLACED, 0, 1);
    rig_wake(r, 300);
    rig_wake(r, 1100);
    CU_ASSERT_EQUAL(r->enqueued, 1);
    CU_ASSERT_STRING_EQUAL(r->cursor, "1-1");
    const struct rig_sent *s = rig_last(r, EFFECT_CALL, 0);
    CU_ASSERT_PTR_NOT_NULL_FATAL(s);
    CU_ASSERT_STRING_EQUAL(s->name, "https://chain.example/hooks");
    CU_ASSERT_PTR_NOT_NULL(strstr(s->bytes, "\"type\":\"order.placed\""));
    CU_ASSERT_PTR_NOT_NULL(strstr(s->bytes, "\"timestamp\":\""));
    CU_ASSERT_PTR_NOT_NULL(strstr(s->bytes, "\"sequence\":1"));
    CU_ASSERT_EQUAL(webhook_secret_parse(SLICE_LIT(HOOK_SECRET), &secret), LC_OK);
    const char *signature = strstr(s->extra, "webhook-signature: ");
    CU_ASSERT_PTR_NOT_NULL_FATAL(signature);
    struct slice given = slice_of(signature + 19, strcspn(signature + 19, "\r"));
    CU_ASSERT_TRUE(webhook_verify(&secret, SLICE_LIT("evt_1_0"), r->now_ms / 1000,
                                  slice_str(s->bytes), given));
    hook_answer(r, 204);
    rig_wake(r, 5000);
    CU_ASSERT_EQUAL(rig_count(r, EFFECT_CALL, 0, ""), 1);
    rig_free(r);
}

/* A chain that tells its customers of each state must not do so again for a later arrival. */
static void
test_webhook_of_another_arrival_is_none_of_a_state(void)
{
    struct rig *r = rig_new();

    hook_chain(r, "https://chain.example/hooks");
    rig_order_told(r, 0, LIFECIRCLE__V1__ORDER_STATE__PLACED, 0, 1, 'e');
    rig_wake(r, 300);
    rig_wake(r, 1100);
    CU_ASSERT_EQUAL(r->enqueued, 1);
    const struct rig_sent *s = rig_last(r, EFFECT_CALL, 0);
    CU_ASSERT_PTR_NOT_NULL_FATAL(s);
    CU_ASSERT_PTR_NOT_NULL(strstr(s->bytes, "\"type\":\"order.eta_changed\""));
    CU_ASSERT_PTR_NOT_NULL(strstr(s->bytes, "\"status\":\"placed\""));
    CU_ASSERT_PTR_NOT_NULL(strstr(s->bytes, "\"sequence\":1"));
    rig_free(r);
}

/* Else the events of a restart would be passed over, as nobody seems to listen. */
static void
test_webhook_waits_until_the_chains_are_known(void)
{
    struct rig *r = rig_new_with(false);

    rig_order(r, 0, LIFECIRCLE__V1__ORDER_STATE__PLACED, 0, 1);
    rig_wake(r, 300);
    rig_wake(r, 300);
    CU_ASSERT_STRING_EQUAL(r->cursor, "");
    hook_chain(r, "https://chain.example/hooks");
    r->no_catalogue = false;
    rig_wake(r, 300);
    rig_wake(r, 300);
    CU_ASSERT_EQUAL(r->enqueued, 1);
    rig_free(r);
}

/* Else one refused read would pass over the webhooks of a whole batch. */
static void
test_webhook_whose_order_cannot_be_read_is_made_later(void)
{
    struct rig *r = rig_new();

    hook_chain(r, "https://chain.example/hooks");
    r->no_records = true;
    rig_order(r, 0, LIFECIRCLE__V1__ORDER_STATE__PLACED, 0, 1);
    rig_wake(r, 300);
    rig_wake(r, 300);
    CU_ASSERT_STRING_EQUAL(r->cursor, "");
    r->no_records = false;
    rig_wake(r, 300);
    CU_ASSERT_STRING_EQUAL(r->cursor, "1-1");
    CU_ASSERT_EQUAL(r->enqueued, 1);
    rig_free(r);
}

static void
test_webhook_that_fails_is_tried_again_later(void)
{
    struct rig *r = rig_new();

    hook_chain(r, "https://chain.example/hooks");
    rig_order(r, 0, LIFECIRCLE__V1__ORDER_STATE__PLACED, 0, 1);
    rig_wake(r, 300);
    rig_wake(r, 1100);
    hook_answer(r, 500);
    rig_wake(r, 1100);
    CU_ASSERT_EQUAL(rig_count(r, EFFECT_CALL, 0, ""), 1);
    rig_wake(r, 5000);
    CU_ASSERT_EQUAL(rig_count(r, EFFECT_CALL, 0, ""), 2);
    CU_ASSERT_PTR_NOT_NULL(strstr(rig_last(r, EFFECT_CALL, 0)->extra, "webhook-id: evt_1_0"));
    r->now_ms += (int64_t)4 * 86400 * 1000; /* over the schedule */
    hook_answer(r, 0);
    rig_wake(r, 5000);
    CU_ASSERT_EQUAL(rig_count(r, EFFECT_CALL, 0, ""), 2);
    CU_ASSERT_EQUAL(rig_core(r)->counters[COUNT_HOOKS_GIVEN_UP].value, 1);
    rig_free(r);
}

/* So that its chain can see it; not of where it listens no more. */
static void
test_webhook_tells_what_came_of_it(void)
{
    struct rig *r = rig_new();
    char want[96];

    hook_chain(r, "https://chain.example/hooks");
    rig_order(r, 0, LIFECIRCLE__V1__ORDER_STATE__PLACED, 0, 1);
    rig_wake(r, 300);
    rig_wake(r, 1100);
    hook_answer(r, 503);
    unsigned long long url = fingerprint64(SLICE_LIT("https://chain.example/hooks"));
    snprintf(want, sizeof want, "%016llx 503 ", url);
    CU_ASSERT_STRING_EQUAL(r->hook_told, want);
    rig_wake(r, 6000);
    hook_answer(r, 0);
    snprintf(want, sizeof want, "%016llx 0 deadline", url);
    CU_ASSERT_STRING_EQUAL(r->hook_told, want);
    r->hook_told[0] = '\0';
    rig_wake(r, 301000);
    rig_wake(r, 1100);
    hook_chain(r, "https://chain.example/other");
    hook_answer(r, 200);
    CU_ASSERT_STRING_EQUAL(r->hook_told, "");
    rig_free(r);
}

static void
test_webhooks_of_a_chain_that_hangs_leave_room_for_others(void)
{
    struct rig *r = rig_new();

    hook_chain(r, "https://chain.example/hooks");
    rig_order(r, 0, LIFECIRCLE__V1__ORDER_STATE__PLACED, 0, 1);
    rig_wake(r, 300);
    rig_wake(r, 1100);
    CU_ASSERT_EQUAL(rig_count(r, EFFECT_CALL, 0, ""), 1);
    rig_wake(r, HOOK_SLOW_MS + 1);
    for (unsigned version = 2; version <= 7; version++)
        rig_order(r, 0, LIFECIRCLE__V1__ORDER_STATE__PLACED, 0, version);
    rig_wake(r, 300);
    rig_wake(r, 1100);
    CU_ASSERT_EQUAL(rig_count(r, EFFECT_CALL, 0, ""), HOOKS_HANGING);
    CU_ASSERT_EQUAL(rig_core(r)->counters[COUNT_HOOKS_DEFERRED].value, 7 - HOOKS_HANGING);
    hook_answer(r, 204);
    rig_wake(r, 1100);
    CU_ASSERT_EQUAL(rig_count(r, EFFECT_CALL, 0, ""), HOOKS_HANGING);
    rig_wake(r, HOOK_TIMEOUT_MS);
    CU_ASSERT_EQUAL(rig_count(r, EFFECT_CALL, 0, ""), HOOKS_HANGING + 1);
    rig_free(r);
}

/* It refuses connections, so that none of its calls takes long. */
static void
test_webhooks_of_a_chain_that_is_down_leave_room_for_others(void)
{
    struct rig *r = rig_new();

    hook_chain(r, "https://chain.example/hooks");
    rig_order(r, 0, LIFECIRCLE__V1__ORDER_STATE__PLACED, 0, 1);
    rig_wake(r, 300);
    rig_wake(r, 1100);
    CU_ASSERT_EQUAL(rig_count(r, EFFECT_CALL, 0, ""), 1);
    hook_answer(r, 0);
    for (unsigned version = 2; version <= 7; version++)
        rig_order(r, 0, LIFECIRCLE__V1__ORDER_STATE__PLACED, 0, version);
    rig_wake(r, 300);
    rig_wake(r, 300);
    rig_wake(r, 300);
    CU_ASSERT_EQUAL(rig_count(r, EFFECT_CALL, 0, ""), 1 + HOOKS_HANGING);
    rig_free(r);
}

static void
test_webhook_answered_410_disables_the_chain(void)
{
    struct rig *r = rig_new();

    hook_chain(r, "https://chain.example/hooks");
    rig_order(r, 0, LIFECIRCLE__V1__ORDER_STATE__PLACED, 0, 1);
    rig_wake(r, 300);
    rig_wake(r, 1100);
    hook_answer(r, 410);
    CU_ASSERT_EQUAL(r->chain_puts, 1);
    rig_free(r);
}

static void
test_webhook_answered_410_where_the_chain_listens_no_more_goes_to_the_new_place(void)
{
    struct rig *r = rig_new();

    hook_chain(r, "https://chain.example/old");
    rig_order(r, 0, LIFECIRCLE__V1__ORDER_STATE__PLACED, 0, 1);
    rig_wake(r, 300);
    rig_wake(r, 1100);
    hook_chain(r, "https://chain.example/new");
    hook_answer(r, 410);
    CU_ASSERT_EQUAL(r->chain_puts, 0);
    rig_wake(r, 6000);
    CU_ASSERT_STRING_EQUAL(rig_last(r, EFFECT_CALL, 0)->name, "https://chain.example/new");
    rig_free(r);
}

UNIT_MAIN("notifier_hooks", UNIT(test_webhook_is_made_once_and_signed),
          UNIT(test_webhook_of_another_arrival_is_none_of_a_state),
          UNIT(test_webhook_waits_until_the_chains_are_known),
          UNIT(test_webhook_whose_order_cannot_be_read_is_made_later),
          UNIT(test_webhook_that_fails_is_tried_again_later),
          UNIT(test_webhooks_of_a_chain_that_hangs_leave_room_for_others),
          UNIT(test_webhooks_of_a_chain_that_is_down_leave_room_for_others),
          UNIT(test_webhook_tells_what_came_of_it),
          UNIT(test_webhook_answered_410_disables_the_chain),
          UNIT(test_webhook_answered_410_where_the_chain_listens_no_more_goes_to_the_new_place))
