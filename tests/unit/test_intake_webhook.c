/* Where a chain wants to be told, and how that fares: its webhook. */
#include "unit/intake_asks.h"

/* put_webhook_starts: is this URL taken, so that the chain is read? */
static bool
put_webhook_starts(struct rig *r, const char *body)
{
    rig_clear(r);
    CU_ASSERT_EQUAL(rig_request(r, 5,
                                &(struct rig_request){.method = "PUT",
                                                      .path = "/v1/webhook",
                                                      .type = "application/json",
                                                      .body = slice_str(body)}),
                    LC_OK);
    return call_of(r, 0, "HGET") != NULL;
}

static void
test_put_webhook_takes_http_only_where_it_is_allowed(void)
{
    struct rig *strict = rig_new();
    struct rig *open = rig_new_with(1000000, "webhooks-http", "yes");

    CU_ASSERT_FALSE(put_webhook_starts(strict, "{\"url\":\"http://a.example/hook\"}"));
    CU_ASSERT_FALSE(put_webhook_starts(open, "{\"url\":\"ftp://a.example/hook\"}"));
    CU_ASSERT_FALSE(put_webhook_starts(open, "{\"url\":\"http:///hook\"}"));
    CU_ASSERT_TRUE(put_webhook_starts(open, "{\"url\":\"http://a.example/hook\"}"));
    CU_ASSERT_TRUE(put_webhook_starts(open, "{\"url\":\"https://a.example/hook\"}"));
    rig_free(strict);
    rig_free(open);
}

static void
test_put_webhook_makes_a_new_secret_and_keeps_the_old_ones(void)
{
    struct rig *r = rig_new();
    Lifecircle__V1__Chain c = LIFECIRCLE__V1__CHAIN__INIT;
    char *secrets[] = {(char *)"whsec_old"};
    struct webhook_secret secret;

    c.chain = 1;
    c.chain_id = (char *)"seven";
    c.currency = (char *)"USD";
    c.webhook_disabled = true;
    c.n_webhook_secrets = 1;
    c.webhook_secrets = secrets;
    CU_ASSERT_EQUAL(rig_request(r, 5,
                                &(struct rig_request){
                                    .method = "PUT",
                                    .path = "/v1/webhook",
                                    .type = "application/json",
                                    .body = SLICE_LIT("{\"url\":\"https://a.example/hook?x=1\"}")}),
                    LC_OK);
    rig_redis(r, call_of(r, 0, "HGET")->ref, rig_string(rig_pack(r, &c.base)));
    const struct effect *e = call_of(r, 1, "chain_put");
    CU_ASSERT_PTR_NOT_NULL_FATAL(e);
    CU_ASSERT_TRUE(slice_eq_str(e->argv[5], "1"));
    const Lifecircle__V1__Chain *put_chain =
        wire_unpack(&lifecircle__v1__chain__descriptor, r->a, e->argv[6]);
    CU_ASSERT_STRING_EQUAL(put_chain->webhook_url, "https://a.example/hook?x=1");
    CU_ASSERT_STRING_EQUAL(put_chain->currency, "USD");
    CU_ASSERT_FALSE(put_chain->webhook_disabled);
    CU_ASSERT_EQUAL_FATAL(put_chain->n_webhook_secrets, 2);
    CU_ASSERT_EQUAL(webhook_secret_parse(slice_str(put_chain->webhook_secrets[0]), &secret), LC_OK);
    CU_ASSERT_STRING_EQUAL(put_chain->webhook_secrets[1], "whsec_old");
    CU_ASSERT_TRUE(slice_eq(e->argv[7], rig_pack(r, &c.base)));
    rig_redis(r, e->ref, (struct reply){.kind = REPLY_INT, .integer = 1});
    check_answer(r, 200,
                 arena_printf(r->a,
                              "{\"url\":\"https://a.example/hook?x=1\",\"secret\":"
                              "\"%s\"}",
                              put_chain->webhook_secrets[0]));
    rig_free(r);
}

static void
test_put_webhook_gives_way_to_another_change(void)
{
    struct rig *r = rig_new();
    Lifecircle__V1__Chain c = LIFECIRCLE__V1__CHAIN__INIT;

    c.chain = 1;
    c.chain_id = (char *)"seven";
    CU_ASSERT_EQUAL(
        rig_request(r, 5, &(struct rig_request){.method = "DELETE", .path = "/v1/webhook"}), LC_OK);
    rig_redis(r, call_of(r, 0, "HGET")->ref, rig_string(rig_pack(r, &c.base)));
    CU_ASSERT_PTR_NOT_NULL_FATAL(call_of(r, 1, "chain_put"));
    rig_redis(r, call_of(r, 1, "chain_put")->ref, (struct reply){.kind = REPLY_INT, .integer = 0});
    check_answer(r, 503, "\"code\":\"unavailable\"");
    rig_free(r);
}

static void
test_delete_webhook_forgets_url_and_secrets(void)
{
    struct rig *r = rig_new();
    Lifecircle__V1__Chain c = LIFECIRCLE__V1__CHAIN__INIT;
    char *secrets[] = {(char *)"whsec_old"};

    c.chain = 1;
    c.chain_id = (char *)"seven";
    c.webhook_url = (char *)"https://a.example/";
    c.n_webhook_secrets = 1;
    c.webhook_secrets = secrets;
    CU_ASSERT_EQUAL(
        rig_request(r, 5, &(struct rig_request){.method = "DELETE", .path = "/v1/webhook"}), LC_OK);
    rig_redis(r, call_of(r, 0, "HGET")->ref, rig_string(rig_pack(r, &c.base)));
    const struct effect *e = call_of(r, 1, "chain_put");
    const Lifecircle__V1__Chain *put_chain =
        wire_unpack(&lifecircle__v1__chain__descriptor, r->a, e->argv[6]);
    CU_ASSERT_STRING_EQUAL(put_chain->webhook_url, "");
    CU_ASSERT_EQUAL(put_chain->n_webhook_secrets, 0);
    rig_redis(r, e->ref, (struct reply){.kind = REPLY_INT, .integer = 1});
    CU_ASSERT_EQUAL(rig_http_answer(r, 5)->status, 204);
    rig_free(r);
}

/* What webhook_told answers with; url: which the calls went to. */
static void
check_told(Lifecircle__V1__Chain *c, const char *url, int64_t ok_ms, int64_t failed_ms,
           uint16_t status, const char *why, int64_t next_ms, const char *want)
{
    struct rig *r = rig_new();
    struct buf told = {0};
    struct reply items[4];

    buf_printf(&told, "%016llx", (unsigned long long)fingerprint64(slice_str(url)));
    buf_u64(&told, (uint64_t)ok_ms);
    buf_u64(&told, (uint64_t)failed_ms);
    buf_u16(&told, status);
    buf_u32(&told, failed_ms > ok_ms ? 3 : 0);
    buf_str(&told, why);
    CU_ASSERT_EQUAL(
        rig_request(r, 5, &(struct rig_request){.method = "GET", .path = "/v1/webhook"}), LC_OK);
    const struct effect *e = call_of(r, 0, "webhook_told");
    CU_ASSERT_PTR_NOT_NULL_FATAL(e);
    CU_ASSERT_TRUE(slice_eq_str(e->argv[4], "1"));
    items[0] = rig_string(rig_pack(r, &c->base));
    items[1] = rig_string(buf_slice(&told));
    items[2] = (struct reply){.kind = REPLY_INT, .integer = 12};
    items[3] = (struct reply){.kind = REPLY_INT, .integer = next_ms};
    rig_redis(r, e->ref, (struct reply){.kind = REPLY_ARRAY, .n = 4, .items = items});
    check_answer(r, 200, want);
    buf_free(&told);
    rig_free(r);
}

static void
test_get_webhook_says_how_it_fares(void)
{
    enum { T = 1760000000 };
    const int64_t t = (int64_t)T * 1000;
    Lifecircle__V1__Chain c = LIFECIRCLE__V1__CHAIN__INIT;
    char url[] = "https://a.example/";

    c.chain = 1;
    c.chain_id = (char *)"seven";
    check_told(&c, "", 0, 0, 0, "", 0,
               "{\"url\":null,\"state\":\"off\",\"last_success_at\":null,\"last_failure\":null,"
               "\"failures_in_a_row\":0,\"queued\":12,\"next_try_at\":null}");
    c.webhook_url = url;
    check_told(&c, url, t, 0, 0, "", 0,
               "{\"url\":\"https://a.example/\",\"state\":\"active\",\"last_success_at\":"
               "\"2025-10-09T08:53:20Z\",\"last_failure\":null,");
    check_told(&c, url, t, t + 1000, 503, "", t + 6000,
               "\"last_failure\":{\"at\":\"2025-10-09T08:53:21Z\",\"status\":503},"
               "\"failures_in_a_row\":3,\"queued\":12,"
               "\"next_try_at\":\"2025-10-09T08:53:26Z\"}");
    check_told(&c, url, t, t + 1000, 0, "deadline", t + 6000,
               "\"status\":null,\"why\":\"deadline\"},");
    check_told(&c, "https://b.example/", t, t + 1000, 503, "", t,
               "\"last_success_at\":null,\"last_failure\":null,\"failures_in_a_row\":0,");
    c.webhook_disabled = true;
    check_told(&c, url, t, t + 1000, 410, "", t + 6000,
               "\"state\":\"disabled\",\"disabled_at\":\"2025-10-09T08:53:21Z\","
               "\"disabled_why\":\"answered 410 Gone; PUT /v1/webhook sets it again\",");
}

UNIT_MAIN("intake_webhook", UNIT(test_get_webhook_says_how_it_fares),
          UNIT(test_put_webhook_makes_a_new_secret_and_keeps_the_old_ones),
          UNIT(test_put_webhook_takes_http_only_where_it_is_allowed),
          UNIT(test_put_webhook_gives_way_to_another_change),
          UNIT(test_delete_webhook_forgets_url_and_secrets))
