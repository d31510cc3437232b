/* Bad input: what a chain may send that is wrong, and the exact answer. Whatever came, the next
 * good order is placed. */
#include "unit/intake_rig.h"

#define LINES "\"lines\":[{\"sku\":\"BAGEL\",\"quantity\":2}]"
#define DROPOFF "\"dropoff\":{\"lat\":39.28,\"lng\":-76.59}"
#define USD "\"currency\":\"USD\""
#define NAME "\"external_order_id\":\"x\""
#define A64 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

/* What the table's answers are made of. */
#define WEBHOOK_URL "expected an https URL, a port from 1 to 65535 if any, no user or fragment"
#define FIELD(f, e) "{\"field\":\"" f "\",\"error\":\"" e "\"}"

struct bad {
    const char *body;
    int status;
    const char *code;
    const char *errors; /* must all be there, as they stand: the whole list */
};

static const struct bad bodies[] = {
    /* not JSON */
    {"", 400, "malformed_json", NULL},
    {"{", 400, "malformed_json", NULL},
    {"nothing", 400, "malformed_json", NULL},
    {"{\"a\":1,}", 400, "malformed_json", NULL},
    {"{\"a\":1} {\"b\":2}", 400, "malformed_json", NULL},
    {"{\"a\":1,\"a\":2}", 400, "malformed_json", NULL},
    {"{\"a\":\"\xff\"}", 400, "malformed_json", NULL},
    {"{\"a\":\"\\u0000\"}", 400, "malformed_json", NULL},
    {"{\"a\":\"\\ud800\"}", 400, "malformed_json", NULL},
    {"{\"a\":01}", 400, "malformed_json", NULL},
    {"{\"a\":NaN}", 400, "malformed_json", NULL},
    {"{\"a\":1e999}", 400, "malformed_json", NULL},
    {"{'a':1}", 400, "malformed_json", NULL},
    /* not an order */
    {"[]", 422, "invalid_order", FIELD("", "expected an object, got an array")},
    {"7", 422, "invalid_order", FIELD("", "expected an object, got 7")},
    {"{}", 422, "invalid_order",
     FIELD("external_order_id", "is required") "," FIELD("dropoff", "is required") "," FIELD(
         "lines", "is required") "," FIELD("currency", "is required")},
    {"{" NAME "," DROPOFF "," LINES "," USD ",\"colour\":\"red\"}", 422, "invalid_order",
     FIELD("colour", "is not a field of this object")},
    /* names */
    {"{\"external_order_id\":\"\"," DROPOFF "," LINES "," USD "}", 422, "invalid_order",
     FIELD("external_order_id", "expected 1 to 64 bytes of text, got 0")},
    {"{\"external_order_id\":\"" A64 "a\"," DROPOFF "," LINES "," USD "}", 422, "invalid_order",
     FIELD("external_order_id", "expected 1 to 64 bytes of text, got 65")},
    {"{\"external_order_id\":4711," DROPOFF "," LINES "," USD "}", 422, "invalid_order",
     FIELD("external_order_id", "expected a string, got 4711")},
    {"{\"external_order_id\":\"caf\xc3\xa9\"," DROPOFF "," LINES "," USD "}", 422, "invalid_order",
     FIELD("external_order_id", "expected 1 to 64 printable ASCII characters")},
    {"{\"external_order_id\":\"a\\tb\"," DROPOFF "," LINES "," USD "}", 422, "invalid_order",
     FIELD("external_order_id", "expected 1 to 64 printable ASCII characters")},
    {"{\"external_order_id\":null," DROPOFF "," LINES "," USD "}", 422, "invalid_order",
     FIELD("external_order_id", "is required")},
    /* places */
    {"{" NAME ",\"dropoff\":{\"lat\":91,\"lng\":0}," LINES "," USD "}", 422, "invalid_order",
     FIELD("dropoff.lat", "expected a number from -90 to 90, got 91")},
    {"{" NAME ",\"dropoff\":{\"lat\":-76.59,\"lng\":390.28}," LINES "," USD "}", 422,
     "invalid_order", FIELD("dropoff.lng", "expected a number from -180 to 180, got 390.28")},
    {"{" NAME ",\"dropoff\":{\"lat\":\"39\",\"lng\":0}," LINES "," USD "}", 422, "invalid_order",
     FIELD("dropoff.lat", "expected a number from -90 to 90, got \\\"39\\\"")},
    {"{" NAME ",\"dropoff\":{\"lat\":39.28}," LINES "," USD "}", 422, "invalid_order",
     FIELD("dropoff.lng", "is required")},
    {"{" NAME ",\"dropoff\":[39.28,-76.59]," LINES "," USD "}", 422, "invalid_order",
     FIELD("dropoff", "expected an object, got an array")},
    {"{" NAME ",\"dropoff\":{\"lat\":1,\"lng\":1,\"floor\":2}," LINES "," USD "}", 422,
     "invalid_order", FIELD("dropoff.floor", "is not a field of this object")},
    /* customers */
    {"{" NAME "," DROPOFF "," LINES "," USD ",\"customer\":{\"phone\":\"0410 555\"}}", 422,
     "invalid_order", FIELD("customer.phone", "expected E.164, like \\\"+14105550123\\\"")},
    {"{" NAME "," DROPOFF "," LINES "," USD ",\"customer\":{\"phone\":\"+012345\"}}", 422,
     "invalid_order", FIELD("customer.phone", "expected E.164, like \\\"+14105550123\\\"")},
    {"{" NAME "," DROPOFF "," LINES "," USD ",\"customer\":{\"phone\":\"+12345678901234567\"}}",
     422, "invalid_order", FIELD("customer.phone", "expected 0 to 16 bytes of text, got 18")},
    {"{" NAME "," DROPOFF "," LINES "," USD ",\"customer\":{\"name\":\"a\\u0007b\"}}", 422,
     "invalid_order", FIELD("customer.name", "expected text without control characters")},
    {"{" NAME "," DROPOFF "," LINES "," USD ",\"customer\":{\"name\":\"a\\nb\"}}", 422,
     "invalid_order",
     FIELD("customer.name", "expected one line of text without control characters")},
    {"{" NAME "," DROPOFF "," LINES "," USD ",\"customer\":{\"name\":\"a\xc2\x9b"
     "2Jb\"}}",
     422, "invalid_order", FIELD("customer.name", "expected text without control characters")},
    {"{" NAME "," DROPOFF "," LINES "," USD ",\"customer\":\"Ada\"}", 422, "invalid_order",
     FIELD("customer", "expected an object, got \\\"Ada\\\"")},
    /* lines */
    {"{" NAME "," DROPOFF ",\"lines\":[]," USD "}", 422, "invalid_order",
     FIELD("lines", "expected 1 to 100 elements, got 0")},
    {"{" NAME "," DROPOFF ",\"lines\":{}," USD "}", 422, "invalid_order",
     FIELD("lines", "expected an array, got an object")},
    {"{" NAME "," DROPOFF ",\"lines\":[7]," USD "}", 422, "invalid_order",
     FIELD("lines[0]", "expected an object, got 7")},
    {"{" NAME "," DROPOFF ",\"lines\":[{}]," USD "}", 422, "invalid_order",
     FIELD("lines[0].sku", "is required") "," FIELD("lines[0].quantity", "is required")},
    {"{" NAME "," DROPOFF ",\"lines\":[{\"sku\":\"BAGEL\",\"quantity\":0}]," USD "}", 422,
     "invalid_order", FIELD("lines[0].quantity", "expected an integer from 1 to 999, got 0")},
    {"{" NAME "," DROPOFF ",\"lines\":[{\"sku\":\"BAGEL\",\"quantity\":1000}]," USD "}", 422,
     "invalid_order", FIELD("lines[0].quantity", "expected an integer from 1 to 999, got 1000")},
    {"{" NAME "," DROPOFF ",\"lines\":[{\"sku\":\"BAGEL\",\"quantity\":-1}]," USD "}", 422,
     "invalid_order", FIELD("lines[0].quantity", "expected an integer from 1 to 999, got -1")},
    {"{" NAME "," DROPOFF ",\"lines\":[{\"sku\":\"BAGEL\",\"quantity\":1.5}]," USD "}", 422,
     "invalid_order", FIELD("lines[0].quantity", "expected an integer from 1 to 999, got 1.5")},
    {"{" NAME "," DROPOFF ",\"lines\":[{\"sku\":\"BAGEL\",\"quantity\":\"two\"}]," USD "}", 422,
     "invalid_order",
     FIELD("lines[0].quantity", "expected an integer from 1 to 999, got \\\"two\\\"")},
    {"{" NAME "," DROPOFF ",\"lines\":[{\"sku\":\"BAGEL\",\"quantity\":true}]," USD "}", 422,
     "invalid_order", FIELD("lines[0].quantity", "expected an integer from 1 to 999, got true")},
    {"{" NAME "," DROPOFF ",\"lines\":[{\"sku\":\"BAGEL\",\"quantity\":2},{\"sku\":\"CAVIAR\","
     "\"quantity\":1}]," USD "}",
     422, "invalid_order",
     FIELD("lines[1].sku", "\\\"CAVIAR\\\" is not in the catalogue of chain seven")},
    {"{" NAME "," DROPOFF ",\"lines\":[{\"sku\":\"bagel\",\"quantity\":2}]," USD "}", 422,
     "invalid_order",
     FIELD("lines[0].sku", "\\\"bagel\\\" is not in the catalogue of chain seven")},
    {"{" NAME "," DROPOFF ",\"lines\":[{\"sku\":\"" A64 "a\",\"quantity\":2}]," USD "}", 422,
     "invalid_order", FIELD("lines[0].sku", "expected 1 to 64 bytes of text, got 65")},
    {"{" NAME "," DROPOFF ",\"lines\":[{\"sku\":\"BAGEL\",\"quantity\":2,\"unit_price\":-1}]," USD
     "}",
     422, "invalid_order",
     FIELD("lines[0].unit_price", "expected an integer from 0 to 2147483647, got -1")},
    {"{" NAME "," DROPOFF ",\"lines\":[{\"sku\":\"BAGEL\",\"quantity\":2,\"unit_price\":2.19}]," USD
     "}",
     422, "invalid_order",
     FIELD("lines[0].unit_price", "expected an integer from 0 to 2147483647, got 2.19")},
    {"{" NAME "," DROPOFF
     ",\"lines\":[{\"sku\":\"BAGEL\",\"quantity\":2,\"substitutes\":[\"COFFEE\","
     "\"TEA\",3]}]," USD "}",
     422, "invalid_order",
     FIELD("lines[0].substitutes[2]", "expected a string, got 3") "," FIELD(
         "lines[0].substitutes[1]", "\\\"TEA\\\" is not in the catalogue of chain seven")},
    {"{" NAME "," DROPOFF
     ",\"lines\":[{\"sku\":\"BAGEL\",\"quantity\":2,\"substitutes\":[\"A\",\"B\","
     "\"C\",\"D\",\"E\",\"F\"]}]," USD "}",
     422, "invalid_order", FIELD("lines[0].substitutes", "expected 0 to 5 elements, got 6")},
    /* money */
    {"{" NAME "," DROPOFF "," LINES ",\"currency\":\"EUR\"}", 422, "invalid_order",
     FIELD("currency", "expected \\\"USD\\\", the currency of chain seven")},
    {"{" NAME "," DROPOFF "," LINES ",\"currency\":\"usd\"}", 422, "invalid_order",
     FIELD("currency", "expected an ISO 4217 code, like \\\"USD\\\"")},
    {"{" NAME "," DROPOFF "," LINES ",\"currency\":\"DOLLAR\"}", 422, "invalid_order",
     FIELD("currency", "expected 3 to 3 bytes of text, got 6")},
    /* times: the rig's clock is 2026-11-18T10:26:40Z */
    {"{" NAME "," DROPOFF "," LINES "," USD ",\"window\":{\"start\":\"2026-11-26T12:00:00Z\"}}",
     422, "invalid_order", FIELD("window.start", "expected a time up to 7 days ahead")},
    {"{" NAME "," DROPOFF "," LINES "," USD ",\"window\":{\"end\":\"2027-11-26T12:00:00Z\"}}", 422,
     "invalid_order", FIELD("window.end", "expected a time up to 30 days ahead")},
    {"{" NAME "," DROPOFF "," LINES "," USD ",\"window\":{\"start\":\"2026-11-19T12:00:00Z\","
     "\"end\":\"2026-11-19T12:04:59Z\"}}",
     422, "invalid_order", FIELD("window.end", "expected at least 300 s after window.start")},
    {"{" NAME "," DROPOFF "," LINES "," USD ",\"window\":{\"start\":\"tomorrow\"}}", 422,
     "invalid_order",
     FIELD("window.start", "expected a time like \\\"2026-11-22T12:00:00Z\\\", got "
                           "\\\"tomorrow\\\"")},
    {"{" NAME "," DROPOFF "," LINES "," USD ",\"window\":{\"start\":\"2026-11-19 12:00:00Z\"}}",
     422, "invalid_order",
     FIELD("window.start", "expected a time like \\\"2026-11-22T12:00:00Z\\\", got "
                           "\\\"2026-11-19 12:00:00Z\\\"")},
    {"{" NAME "," DROPOFF "," LINES "," USD ",\"window\":{\"from\":\"2026-11-19T12:00:00Z\"}}", 422,
     "invalid_order", FIELD("window.from", "is not a field of this object")},
    {"{" NAME "," DROPOFF "," LINES "," USD ",\"hold_until\":\"2026-11-19T12:00:00Z\"}", 422,
     "invalid_order", FIELD("hold_until", "expected a time up to the end of the window")},
    /* choices */
    {"{" NAME "," DROPOFF "," LINES "," USD ",\"fulfilment\":\"drone\"}", 422, "invalid_order",
     FIELD("fulfilment",
           "expected one of \\\"delivery\\\", \\\"collection\\\", got \\\"drone\\\"")},
    {"{" NAME "," DROPOFF "," LINES "," USD ",\"price_policy\":\"chain_default\"}", 422,
     "invalid_order",
     FIELD("price_policy",
           "expected one of \\\"refuse\\\", \\\"take\\\", got \\\"chain_default\\\"")},
    {"{" NAME "," DROPOFF "," LINES "," USD ",\"cold\":\"yes\"}", 422, "invalid_order",
     FIELD("cold", "expected true or false, got \\\"yes\\\"")},
    {"{" NAME "," DROPOFF "," LINES "," USD ",\"priority\":5}", 422, "invalid_order",
     FIELD("priority", "expected an integer from 0 to 4, got 5")},
    {"{" NAME "," DROPOFF "," LINES "," USD ",\"store_id\":\"o1\"}", 422, "invalid_order",
     FIELD("store_id", "chain seven has no such store")},
    /* many at once */
    {"{\"external_order_id\":\"\",\"dropoff\":{\"lat\":100,\"lng\":200},\"lines\":[{\"sku\":\"NO\","
     "\"quantity\":0}],\"currency\":\"EUR\"}",
     422, "invalid_order",
     FIELD("external_order_id", "expected 1 to 64 bytes of text, got 0") "," FIELD("dropoff.lat", "expected a number from -90 to 90, got 100") "," FIELD(
         "dropoff.lng",
         "expected a number from -180 to 180, got 200") "," FIELD("lines[0].quantity",
                                                                  "expected an integer from 1 to "
                                                                  "999, got 0") "," FIELD("lines[0]"
                                                                                          ".sku",
                                                                                          "\\\"NO\\"
                                                                                          "\" is "
                                                                                          "not in "
                                                                                          "the "
                                                                                          "catalogu"
                                                                                          "e of "
                                                                                          "chain "
                                                                                          "seven") "," FIELD("currency",
                                                                                                             "expected \\\"USD\\\", the currency of chain seven")},
};

static void
check_refused(struct rig *r, size_t i, int status, const char *code, const char *errors)
{
    const struct effect *e = rig_http_answer(r, 5);
    const char *head = arena_printf(r->a, "\"code\":\"%s\"", code);
    bool ok = e != NULL && e->status == status &&
              slice_eq_str(e->name, "application/problem+json") && rig_has(e->bytes, head);

    if (ok && errors != NULL)
        ok = rig_has(e->bytes, arena_printf(r->a, "\"errors\":[%s]}", errors));
    if (!ok && e != NULL)
        printf("\n%zu: %d %.*s\n", i, e->status, (int)e->bytes.n, e->bytes.p);
    CU_ASSERT_TRUE(ok);
}

static void
check_still_works(struct rig *r)
{
    rig_clear(r);
    rig_post(r, 6, "/v1/orders", rig_order(r, "good", ""));
    rig_turn(r);
    CU_ASSERT_EQUAL(rig_place_all(r), 1);
    CU_ASSERT_EQUAL(rig_http_answer(r, 6)->status, 201);
}

static void
test_post_order_bad_bodies_are_refused_with_every_field(void)
{
    struct rig *r = rig_new();

    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        rig_clear(r);
        rig_post(r, 5, "/v1/orders", bodies[i].body);
        check_refused(r, i, bodies[i].status, bodies[i].code, bodies[i].errors);
        rig_turn(r);
        CU_ASSERT_PTR_NULL(rig_effect(r, EFFECT_SEND, 0));
    }
    check_still_works(r);
    rig_free(r);
}

static void
test_batch_and_body_refuse_alike(void)
{
    struct rig *r = rig_new();

    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        struct buf all = {0};
        const struct effect *e;
        if (bodies[i].body[0] == '\0' || bodies[i].errors == NULL)
            continue;
        rig_clear(r);
        rig_request(r, 5,
                    &(struct rig_request){.method = "POST",
                                          .path = "/v1/orders:batch",
                                          .type = "application/x-ndjson",
                                          .streaming = true});
        rig_body(r, 5, bodies[i].body);
        rig_simple(r, EVENT_HTTP_END, 5);
        rig_turn(r);
        for (size_t k = 0; (e = rig_effect(r, EFFECT_HTTP_CHUNK, k)) != NULL; k++)
            buf_append(&all, e->bytes.p, e->bytes.n);
        bool ok =
            rig_has(buf_slice(&all), arena_printf(r->a, "\"errors\":[%s]}", bodies[i].errors)) &&
            rig_has(buf_slice(&all), "\"done\":true,\"lines\":1,\"placed\":0");
        if (!ok)
            printf("\n%zu: %.*s\n", i, (int)all.n, all.p);
        CU_ASSERT_TRUE(ok);
        buf_free(&all);
    }
    rig_free(r);
}

static void
test_order_of_too_many_pieces_is_refused(void)
{
    struct rig *r = rig_new();
    struct buf b = {0};

    buf_str(&b, "{" NAME "," DROPOFF "," USD ",\"lines\":[");
    for (int i = 0; i < 66; i++)
        buf_printf(&b, "%s{\"sku\":\"%s\",\"quantity\":999}", i == 0 ? "" : ",",
                   i % 2 == 0 ? "BAGEL" : "COFFEE");
    buf_str(&b, "]}");
    buf_char(&b, '\0');
    rig_post(r, 5, "/v1/orders", b.p);
    check_refused(r, 0, 422, "invalid_order",
                  FIELD("lines", "expected at most 65535 pieces together"));
    buf_free(&b);
    rig_free(r);
}

/* ---- heads ---- */

static const struct {
    const char *method, *path, *query, *type, *auth, *idempotency_key, *body;
    int status;
    const char *code, *errors, *extra;
} heads[] = {
    {"POST", "/v1/orders", "", "application/json", "wrong", NULL, "{}", 401, "unauthorized", NULL,
     "WWW-Authenticate: Bearer"},
    {"POST", "/v1/orders", "", "application/json", "", NULL, "{}", 401, "unauthorized", NULL, NULL},
    {"POST", "/v1/orders", "", NULL, NULL, NULL, "{}", 415, "unsupported_media_type", NULL, NULL},
    {"POST", "/v1/orders", "", "text/plain", NULL, NULL, "{}", 415, "unsupported_media_type", NULL,
     NULL},
    {"POST", "/v1/orders", "", "application/jsonx", NULL, NULL, "{}", 415, "unsupported_media_type",
     NULL, NULL},
    {"POST", "/v1/orders", "", "application/json; charset=latin1", NULL, NULL, "{}", 415,
     "unsupported_media_type", NULL, NULL},
    {"POST", "/v1/orders", "", "application/json; charset=UTF-8", NULL, NULL, "{", 400,
     "malformed_json", NULL, NULL},
    {"POST", "/v1/orders", "", "application/json", NULL, "caf\xc3\xa9",
     "{" NAME "," DROPOFF "," LINES "," USD "}", 422, "invalid_order",
     FIELD("idempotency_key", "expected up to 128 printable ASCII characters"), NULL},
    {"POST", "/v1/orders", "", "application/json", NULL, A64 A64 "a",
     "{" NAME "," DROPOFF "," LINES "," USD "}", 422, "invalid_order",
     FIELD("idempotency_key", "expected up to 128 printable ASCII characters"), NULL},
    {"POST", "/v1/orders:batch", "", "application/json", NULL, NULL, "", 415,
     "unsupported_media_type", NULL, NULL},
    {"POST", "/v1/stock", "", "application/json", NULL, NULL, "", 415, "unsupported_media_type",
     NULL, NULL},
    {"PATCH", "/v1/orders", "", NULL, NULL, NULL, "", 405, "method_not_allowed", NULL,
     "Allow: POST, GET\r\n"},
    {"DELETE", "/v1/orders/1", "", NULL, NULL, NULL, "", 405, "method_not_allowed", NULL,
     "Allow: GET\r\n"},
    {"GET", "/v1/quotes", "", NULL, NULL, NULL, "", 405, "method_not_allowed", NULL,
     "Allow: POST\r\n"},
    {"POST", "/v1/stores/nearby", "", NULL, NULL, NULL, "", 405, "method_not_allowed", NULL,
     "Allow: GET\r\n"},
    {"GET", "/v1", "", NULL, NULL, NULL, "", 404, "not_found", NULL, NULL},
    {"GET", "/", "", NULL, NULL, NULL, "", 404, "not_found", NULL, NULL},
    {"GET", "/v1/orders/", "", NULL, NULL, NULL, "", 404, "not_found", NULL, NULL},
    {"GET", "/v1/orders/a/b", "", NULL, NULL, NULL, "", 404, "not_found", NULL, NULL},
    {"GET", "/v1/orders/not-a-uuid", "", NULL, NULL, NULL, "", 404, "not_found", NULL, NULL},
    {"GET", "/v1/orders/%zz", "", NULL, NULL, NULL, "", 404, "not_found", NULL, NULL},
    {"GET", "/v1/orders/%00", "", NULL, NULL, NULL, "", 404, "not_found", NULL, NULL},
    {"GET", "/v1/stores/o1", "", NULL, NULL, NULL, "", 404, "not_found", NULL, NULL},
    {"GET", "/v1/orders", "", NULL, NULL, NULL, "", 422, "invalid_request", NULL, NULL},
    {"GET", "/v1/orders", "external_order_id=", NULL, NULL, NULL, "", 422, "invalid_request", NULL,
     NULL},
    {"GET", "/v1/orders", "order=1", NULL, NULL, NULL, "", 422, "invalid_request", NULL, NULL},
    {"GET", "/v1/orders", "external_order_id=%4", NULL, NULL, NULL, "", 422, "invalid_request",
     NULL, NULL},
    {"GET", "/v1/stores/nearby", "", NULL, NULL, NULL, "", 422, "invalid_request",
     FIELD("lat", "expected a number from -90 to 90") "," FIELD(
         "lng", "expected a number from -180 to 180"),
     NULL},
    {"GET", "/v1/stores/nearby", "lat=1&lng=1&lat=2", NULL, NULL, NULL, "", 422, "invalid_request",
     FIELD("lat", "is there twice"), NULL},
    {"GET", "/v1/orders", "external_order_id=a&external_order_id=b", NULL, NULL, NULL, "", 422,
     "invalid_request", NULL, NULL},
    {"GET", "/v1/stores/nearby", "lat=1e1&lng=0", NULL, NULL, NULL, "", 422, "invalid_request",
     FIELD("lat", "expected a number from -90 to 90"), NULL},
    {"GET", "/v1/stores/nearby", "lat=nan&lng=0", NULL, NULL, NULL, "", 422, "invalid_request",
     FIELD("lat", "expected a number from -90 to 90"), NULL},
    {"GET", "/v1/stores/nearby", "lat=1&lng=1&limit=51", NULL, NULL, NULL, "", 422,
     "invalid_request", FIELD("limit", "expected an integer from 1 to 50"), NULL},
    {"GET", "/v1/stores/nearby", "lat=1&lng=1&sku=TEA", NULL, NULL, NULL, "", 422,
     "invalid_request", FIELD("sku", "\\\"TEA\\\" is not in the catalogue of chain seven"), NULL},
    {"POST", "/v1/orders/0193a5f0-0000-7000-8000-000000000000/cancel", "", "application/json", NULL,
     NULL, "{\"reason\":\"bored\"}", 422, "invalid_request", NULL, NULL},
    {"POST", "/v1/orders/0193a5f0-0000-7000-8000-000000000000/cancel", "", "application/json", NULL,
     NULL, "{}", 422, "invalid_request", FIELD("reason", "is required"), NULL},
    {"POST", "/v1/orders/0193a5f0-0000-7000-8000-000000000000/collected", "", "application/json",
     NULL, NULL, "{}", 422, "invalid_request", FIELD("code", "is required"), NULL},
    {"PUT", "/v1/webhook", "", "application/json", NULL, NULL, "{\"url\":\"http://a.example/\"}",
     422, "invalid_request", FIELD("url", WEBHOOK_URL), NULL},
    {"PUT", "/v1/webhook", "", "application/json", NULL, NULL,
     "{\"url\":\"https://u:p@a.example/\"}", 422, "invalid_request", FIELD("url", WEBHOOK_URL),
     NULL},
    {"PUT", "/v1/webhook", "", "application/json", NULL, NULL, "{\"url\":\"https://a.example:/\"}",
     422, "invalid_request", FIELD("url", WEBHOOK_URL), NULL},
    {"PUT", "/v1/webhook", "", "application/json", NULL, NULL, "{\"url\":\"https://a.example:0\"}",
     422, "invalid_request", FIELD("url", WEBHOOK_URL), NULL},
    {"PUT", "/v1/webhook", "", "application/json", NULL, NULL,
     "{\"url\":\"https://a.example:65536\"}", 422, "invalid_request", FIELD("url", WEBHOOK_URL),
     NULL},
    {"PUT", "/v1/webhook", "", "application/json", NULL, NULL, "{\"url\":\"https://a.example:x/\"}",
     422, "invalid_request", FIELD("url", WEBHOOK_URL), NULL},
    {"PUT", "/v1/webhook", "", "application/json", NULL, NULL, "{\"url\":\"https://a:b:1\"}", 422,
     "invalid_request", FIELD("url", WEBHOOK_URL), NULL},
    {"PUT", "/v1/webhook", "", "application/json", NULL, NULL, "{\"url\":\"https://?x\"}", 422,
     "invalid_request", FIELD("url", WEBHOOK_URL), NULL},
    {"POST", "/v1/stores/s1/busy", "", "application/json", NULL, NULL, "{\"busy\":\"maybe\"}", 422,
     "invalid_request", NULL, NULL},
};

static void
test_bad_heads_are_refused(void)
{
    struct rig *r = rig_new();

    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
        rig_clear(r);
        CU_ASSERT_EQUAL(
            rig_request(r, 5,
                        &(struct rig_request){.method = heads[i].method,
                                              .path = heads[i].path,
                                              .query = heads[i].query,
                                              .type = heads[i].type,
                                              .auth = heads[i].auth,
                                              .idempotency_key = heads[i].idempotency_key,
                                              .body = slice_str(heads[i].body)}),
            LC_OK);
        check_refused(r, i, heads[i].status, heads[i].code, heads[i].errors);
        if (heads[i].extra != NULL)
            CU_ASSERT_TRUE(rig_has(rig_http_answer(r, 5)->extra, heads[i].extra));
    }
    check_still_works(r);
    rig_free(r);
}

/* ---- keys ---- */

static void
test_too_many_requests_are_answered_429(void)
{
    struct rig *r = rig_new_with(2, NULL, NULL);

    for (uint64_t i = 0; i < 3; i++)
        rig_post(r, 10 + i, "/v1/orders", "{}");
    CU_ASSERT_EQUAL(rig_http_answer(r, 11)->status, 422);
    CU_ASSERT_EQUAL(rig_http_answer(r, 12)->status, 429);
    CU_ASSERT_TRUE(rig_has(rig_http_answer(r, 12)->extra, "Retry-After: 1\r\n"));
    r->now += 500; /* one more */
    rig_post(r, 13, "/v1/orders", "{}");
    rig_post(r, 14, "/v1/orders", "{}");
    CU_ASSERT_EQUAL(rig_http_answer(r, 13)->status, 422);
    CU_ASSERT_EQUAL(rig_http_answer(r, 14)->status, 429);
    r->now += 3600000; /* what was not used does not add up */
    for (uint64_t i = 0; i < 3; i++)
        rig_post(r, 20 + i, "/v1/orders", "{}");
    CU_ASSERT_EQUAL(rig_http_answer(r, 21)->status, 422);
    CU_ASSERT_EQUAL(rig_http_answer(r, 22)->status, 429);
    rig_free(r);
}

static void
test_another_chains_key_sees_its_own_catalogue(void)
{
    struct rig *r = rig_new();

    CU_ASSERT_EQUAL(rig_request(r, 5,
                                &(struct rig_request){.method = "POST",
                                                      .path = "/v1/orders",
                                                      .type = "application/json",
                                                      .auth = r->other_key,
                                                      .body = slice_str(rig_order(r, "a", ""))}),
                    LC_OK);
    check_refused(r, 0, 422, "invalid_order",
                  FIELD("lines[0].sku", "\\\"BAGEL\\\" is not in the catalogue of chain other"));
    rig_free(r);
}

static void
test_before_the_catalogue_is_there_all_is_503(void)
{
    struct rig *r = calloc(1, sizeof *r);
    const struct config_item items[] = {{SLICE_LIT("city"), SLICE_LIT("bal")},
                                        {SLICE_LIT("city-secret"), SLICE_LIT(RIG_SECRET)}};
    const struct config config = {items, 2};
    struct event ev = {.kind = EVENT_START, .config = &config};

    r->s = stepper_new(&intake_service);
    r->a = arena_new((size_t)64 * 1024 * 1024);
    r->now = RIG_NOW;
    CU_ASSERT_EQUAL(rig_feed(r, &ev), LC_OK);
    rig_post(r, 5, "/v1/orders", "{}");
    CU_ASSERT_EQUAL(rig_http_answer(r, 5)->status, 503);
    CU_ASSERT_FALSE(intake_service.ready(stepper_core(r->s)));
    rig_free(r);
}

static void
test_stopping_takes_nothing_new_and_finishes_what_it_has(void)
{
    struct rig *r = rig_new();

    rig_post(r, 5, "/v1/orders", rig_order(r, "a1", ""));
    rig_turn(r);
    rig_simple(r, EVENT_STOP, 0);
    rig_post(r, 6, "/v1/orders", rig_order(r, "a2", ""));
    CU_ASSERT_EQUAL(rig_http_answer(r, 6)->status, 503);
    CU_ASSERT_EQUAL(rig_place_all(r), 1);
    CU_ASSERT_EQUAL(rig_http_answer(r, 5)->status, 201);
    CU_ASSERT_FALSE(intake_service.ready(stepper_core(r->s)));
    rig_free(r);
}

static void
test_start_wants_city_and_secret(void)
{
    static const struct config_item items[] = {
        {SLICE_LIT("city-secret"), SLICE_LIT(RIG_SECRET)},
        {SLICE_LIT("city"), SLICE_LIT("bal")},
        {SLICE_LIT("city-secret"), SLICE_LIT("0011")},
    };
    const struct config bad[] = {{items, 1}, {items + 1, 1}, {items + 1, 2}};

    for (size_t i = 0; i < 3; i++) {
        struct stepper *s = stepper_new(&intake_service);
        struct event ev = {.kind = EVENT_START, .config = &bad[i], .now_ms = RIG_NOW};
        CU_ASSERT_EQUAL(stepper_feed(s, &ev), LC_EINVAL);
        stepper_destroy(s);
    }
}

UNIT_MAIN("intake_input", UNIT(test_post_order_bad_bodies_are_refused_with_every_field),
          UNIT(test_batch_and_body_refuse_alike), UNIT(test_order_of_too_many_pieces_is_refused),
          UNIT(test_bad_heads_are_refused), UNIT(test_too_many_requests_are_answered_429),
          UNIT(test_another_chains_key_sees_its_own_catalogue),
          UNIT(test_before_the_catalogue_is_there_all_is_503),
          UNIT(test_stopping_takes_nothing_new_and_finishes_what_it_has),
          UNIT(test_start_wants_city_and_secret))
