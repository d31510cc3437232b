/* Bad input at every door of the real daemons: each gets its documented answer, and afterwards
 * everything is alive and an order still goes through. */
#include "town.h"

#include "base/wire.h"
#include "unit/unit.h"

#include <stdio.h>
#include <zmq.h>

static struct town town;

#define GOOD                                                                                       \
    "{\"external_order_id\":\"x\",\"currency\":\"USD\",\"dropoff\":{\"lat\":39.2861,\"lng\":-76."  \
    "5877},"                                                                                       \
    "\"lines\":[{\"sku\":\"TEA\",\"quantity\":1}]}"
#define DROP "\"dropoff\":{\"lat\":39.2861,\"lng\":-76.5877}"
#define TEA "\"lines\":[{\"sku\":\"TEA\",\"quantity\":1}]"

struct row {
    const char *method;
    const char *target;
    const char *type; /* Content-Type; NULL = none */
    const char *body;
    int status;
    const char *says; /* must be in the answer */
};

#define JSON "application/json"
#define GEO "application/geo+json"
#define ND "application/x-ndjson"
#define CSV "text/csv"

static const struct row rows[] = {
    /* JSON orders */
    {"POST", "/v1/orders", JSON, "", 400, "malformed_json"},
    {"POST", "/v1/orders", JSON, "{", 400, "malformed_json"},
    {"POST", "/v1/orders", JSON, "nonsense", 400, "malformed_json"},
    {"POST", "/v1/orders", JSON, "{}{}", 400, "malformed_json"},
    {"POST", "/v1/orders", JSON, "{\"a\":1,\"a\":2}", 400, "malformed_json"},
    {"POST", "/v1/orders", JSON, "{\"external_order_id\":\"\\u0000\"}", 400, "malformed_json"},
    {"POST", "/v1/orders", JSON, "{\"external_order_id\":\"\xff\"}", 400, "malformed_json"},
    {"POST", "/v1/orders", JSON, "[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]", 400,
     "malformed_json"},
    {"POST", "/v1/orders", JSON, "[]", 422, "expected an object"},
    {"POST", "/v1/orders", JSON, "{}", 422, "external_order_id"},
    {"POST", "/v1/orders", JSON, "{}", 422, "dropoff"},
    {"POST", "/v1/orders", JSON, "{}", 422, "lines"},
    {"POST", "/v1/orders", JSON, "{}", 422, "currency"},
    {"POST", "/v1/orders", JSON,
     "{\"external_order_id\":4711,\"currency\":\"USD\"," DROP "," TEA "}", 422,
     "external_order_id"},
    {"POST", "/v1/orders", JSON,
     "{\"external_order_id\":\"\",\"currency\":\"USD\"," DROP "," TEA "}", 422,
     "external_order_id"},
    {"POST", "/v1/orders", JSON,
     "{\"external_order_id\":\"x\",\"currency\":\"EUR\"," DROP "," TEA "}", 422, "currency"},
    {"POST", "/v1/orders", JSON,
     "{\"external_order_id\":\"x\",\"currency\":\"USD\",\"dropoff\":{\"lat\":91,\"lng\":0}," TEA
     "}",
     422, "dropoff.lat"},
    {"POST", "/v1/orders", JSON,
     "{\"external_order_id\":\"x\",\"currency\":\"USD\",\"dropoff\":{\"lat\":\"39\",\"lng\":0}," TEA
     "}",
     422, "dropoff.lat"},
    {"POST", "/v1/orders", JSON,
     "{\"external_order_id\":\"x\",\"currency\":\"USD\",\"dropoff\":{\"lat\":39}," TEA "}", 422,
     "dropoff.lng"},
    {"POST", "/v1/orders", JSON,
     "{\"external_order_id\":\"x\",\"currency\":\"USD\"," DROP ",\"lines\":[]}", 422, "lines"},
    {"POST", "/v1/orders", JSON,
     "{\"external_order_id\":\"x\",\"currency\":\"USD\"," DROP
     ",\"lines\":[{\"sku\":\"TEA\",\"quantity\":0}]}",
     422, "lines[0].quantity"},
    {"POST", "/v1/orders", JSON,
     "{\"external_order_id\":\"x\",\"currency\":\"USD\"," DROP
     ",\"lines\":[{\"sku\":\"TEA\",\"quantity\":1.5}]}",
     422, "lines[0].quantity"},
    {"POST", "/v1/orders", JSON,
     "{\"external_order_id\":\"x\",\"currency\":\"USD\"," DROP
     ",\"lines\":[{\"sku\":\"TEA\",\"quantity\":-1}]}",
     422, "lines[0].quantity"},
    {"POST", "/v1/orders", JSON,
     "{\"external_order_id\":\"x\",\"currency\":\"USD\"," DROP
     ",\"lines\":[{\"sku\":\"UNICORN\",\"quantity\":1}]}",
     422, "lines[0].sku"},
    {"POST", "/v1/orders", JSON,
     "{\"external_order_id\":\"x\",\"currency\":\"USD\"," DROP
     ",\"lines\":[{\"sku\":\"TEA\",\"quantity\":1,\"unit_price\":\"free\"}]}",
     422, "lines[0].unit_price"},
    {"POST", "/v1/orders", JSON,
     "{\"external_order_id\":\"x\",\"currency\":\"USD\"," DROP "," TEA ",\"colour\":\"red\"}", 422,
     "colour"},
    {"POST", "/v1/orders", JSON,
     "{\"external_order_id\":\"x\",\"currency\":\"USD\"," DROP "," TEA
     ",\"fulfilment\":\"teleport\"}",
     422, "fulfilment"},
    {"POST", "/v1/orders", JSON,
     "{\"external_order_id\":\"x\",\"currency\":\"USD\"," DROP "," TEA
     ",\"window\":{\"start\":\"noon\"}}",
     422, "window.start"},
    {"POST", "/v1/orders", JSON,
     "{\"external_order_id\":\"x\",\"currency\":\"USD\"," DROP "," TEA
     ",\"window\":{\"end\":\"2001-01-01T00:00:00Z\"}}",
     422, "window.end"},
    {"POST", "/v1/orders", JSON,
     "{\"external_order_id\":\"x\",\"currency\":\"USD\"," DROP "," TEA
     ",\"customer\":{\"phone\":\"call me\"}}",
     422, "customer.phone"},
    {"POST", "/v1/orders", JSON,
     "{\"external_order_id\":\"x\",\"currency\":\"USD\"," DROP "," TEA ",\"store_id\":\"nowhere\"}",
     422, "store_id"},
    {"POST", "/v1/orders", JSON, "{\"a\":1e400}", 400, "a number too large"},
    {"POST", "/v1/orders", JSON, "{\"a\":18446744073709551617}", 400, "more than 64 bits"},
    {"POST", "/v1/orders", JSON, "{\"a\":\"\\ud800\"}", 400, "half of a surrogate pair"},
    {"POST", "/v1/orders", JSON, "{\"lat\":1,\"\\u006cat\":2}", 400, "a key given twice"},
    {"POST", "/v1/orders", JSON, "\xef\xbb\xbf{}", 400, "malformed_json"},
    {"POST", "/v1/orders", JSON,
     "{\"external_order_id\":\"x\",\"currency\":\"USD\"," DROP "," TEA
     ",\"window\":{\"start\":\"2026-02-29T00:00:00Z\"}}",
     422, "window.start"},
    {"POST", "/v1/orders", JSON,
     "{\"external_order_id\":\"x\",\"currency\":\"USD\"," DROP "," TEA
     ",\"window\":{\"end\":\"9999-12-31T23:59:59Z\"}}",
     422, "window.end"},
    {"POST", "/v1/orders", JSON,
     "{\"external_order_id\":\"x\",\"currency\":\"USD\"," DROP
     ",\"lines\":[{\"sku\":\"TEA\",\"quantity\":4294967297}]}",
     422, "lines[0].quantity"},
    {"POST", "/v1/orders", JSON,
     "{\"external_order_id\":\"x\",\"currency\":\"USD\"," DROP
     ",\"lines\":[{\"sku\":\"TEA\",\"quantity\":1,\"unit_price\":-1}]}",
     422, "lines[0].unit_price"},
    {"POST", "/v1/orders", JSON,
     "{\"external_order_id\":\"x\",\"currency\":\"USD\"," DROP "," TEA
     ",\"customer\":{\"name\":\"a\\u001b[31m\"}}",
     422, "customer.name"},
    /* nobody lives there, but it is a place: every daemon goes on */
    {"POST", "/v1/orders", JSON,
     "{\"external_order_id\":\"pole\",\"currency\":\"USD\",\"dropoff\":{\"lat\":90,\"lng\":180}"
     "," TEA "}",
     202, "\"status\":\"held\""},
    {"POST", "/v1/orders", "text/plain", GOOD, 415, "unsupported_media_type"},
    {"POST", "/v1/orders", NULL, GOOD, 415, "unsupported_media_type"},
    /* other routes */
    {"GET", "/v1/orders/4711", NULL, "", 404, "not_found"},
    {"GET", "/v1/orders/00000000-0000-0000-0000-000000000000", NULL, "", 404, "not_found"},
    {"GET", "/v1/orders", NULL, "", 422, "external_order_id"},
    {"DELETE", "/v1/orders", NULL, "", 405, "method_not_allowed"},
    {"PATCH", "/v1/stores", NULL, "", 405, "method_not_allowed"},
    {"GET", "/v2/orders", NULL, "", 404, "not_found"},
    {"GET", "/", NULL, "", 404, "not_found"},
    {"POST", "/v1/orders/00000000-0000-0000-0000-000000000000/cancel", JSON,
     "{\"reason\":\"customer_cancelled\"}", 404, "not_found"},
    {"POST", "/v1/quotes", JSON, "{}", 422, "lines"},
    {"GET", "/v1/orders?external_order_id=a&external_order_id=b", NULL, "", 422,
     "external_order_id"},
    {"GET", "/v1/orders?external_order_id=%zz", NULL, "", 422, "external_order_id"},
    {"GET", "/v1/stores/nearby", NULL, "", 422, "lat"},
    {"GET", "/v1/stores/nearby?lat=39.28&lng=-76.59&lat=0", NULL, "", 422, "is there twice"},
    {"GET", "/v1/stores/nearby?lat=x&lng=1", NULL, "", 422, "lat"},
    {"GET", "/v1/stores/nearby?lat=39.28&lng=-76.59&limit=9999", NULL, "", 422, "limit"},
    {"GET", "/v1/stores/nowhere", NULL, "", 404, "not_found"},
    /* GeoJSON */
    {"PUT", "/v1/stores", GEO, "{\"type\":\"Feature\"}", 422, "geometry"},
    {"PUT", "/v1/stores", GEO, "{\"type\":\"Pizza\"}", 422, "type"},
    {"PUT", "/v1/stores", GEO,
     "{\"type\":\"Feature\",\"geometry\":{\"type\":\"Point\",\"coordinates\":[-76.5]},"
     "\"properties\":"
     "{\"store_id\":\"s\",\"name\":\"s\",\"delivers\":false}}",
     422, "coordinates"},
    {"PUT", "/v1/stores", GEO,
     "{\"type\":\"Feature\",\"geometry\":{\"type\":\"Point\",\"coordinates\":[39.28,-176.5]},"
     "\"properties\":{\"store_id\":\"s\",\"name\":\"s\",\"delivers\":false}}",
     422, "coordinates"},
    {"PUT", "/v1/stores", GEO,
     "{\"type\":\"Feature\",\"geometry\":{\"type\":\"Point\",\"coordinates\":[-76.5,39.2]},"
     "\"properties\":{\"store_id\":\"s\",\"name\":\"s\"}}",
     422, "zone"},
    {"PUT", "/v1/stores", GEO,
     "{\"type\":\"Feature\",\"geometry\":{\"type\":\"Point\",\"coordinates\":[-76.5,39.2]},"
     "\"properties\":{\"store_id\":\"s\",\"name\":\"s\",\"zone\":{\"type\":\"Polygon\","
     "\"coordinates\":"
     "[[[-76.6,39.2],[-76.5,39.2],[-76.5,39.3]]]}}}",
     422, "zone"},
    {"PUT", "/v1/stores", GEO,
     "{\"type\":\"Feature\",\"geometry\":{\"type\":\"Point\",\"coordinates\":[-76.5,39.2]},"
     "\"properties\":{\"store_id\":\"s\",\"name\":\"s\",\"zone\":{\"type\":\"LineString\","
     "\"coordinates\":[[-76.6,39.2],[-76.5,39.2]]}}}",
     422, "zone"},
    {"PUT", "/v1/stores", GEO,
     "{\"type\":\"Feature\",\"geometry\":{\"type\":\"Point\",\"coordinates\":[-76.5,39.2]},"
     "\"properties\":{\"store_id\":\"s\",\"name\":\"s\",\"delivers\":false,\"hours\":{\"mon\":[["
     "\"25:00\",\"26:00\"]]}}}",
     422, "hours"},
    {"PUT", "/v1/stores", GEO,
     "{\"type\":\"Feature\",\"geometry\":{\"type\":\"Point\",\"coordinates\":[-76.5,39.2]},"
     "\"properties\":{\"store_id\":\"a b\",\"name\":\"s\",\"delivers\":false}}",
     422, "store_id"},
    {"PUT", "/v1/stores", GEO,
     "{\"type\":\"Feature\",\"geometry\":{\"type\":\"Point\",\"coordinates\":[0,85.1]},"
     "\"properties\":{\"store_id\":\"s\",\"name\":\"s\",\"delivers\":false}}",
     422, "expected a latitude from -85 to 85"},
    {"PUT", "/v1/stores", GEO,
     "{\"type\":\"Feature\",\"geometry\":{\"type\":\"Point\",\"coordinates\":[-76.5,39.2]},"
     "\"properties\":{\"store_id\":\"s\",\"name\":\"s\",\"zone\":{\"type\":\"Polygon\","
     "\"coordinates\":[[[170,10],[-170,10],[-170,20],[170,20],[170,10]]]}}}",
     422, "antimeridian"},
    {"PUT", "/v1/stores", GEO,
     "{\"type\":\"Feature\",\"geometry\":{\"type\":\"Point\",\"coordinates\":[-76.5,39.2,1,2]},"
     "\"properties\":{\"store_id\":\"s\",\"name\":\"s\",\"delivers\":false}}",
     422, "geometry.coordinates"},
    {"POST", "/v1/stores/tea-house/busy", JSON, "{\"busy\":\"maybe\"}", 422, "busy"},
    /* feeds */
    {"POST", "/v1/stock", JSON, "{}", 415, "unsupported_media_type"},
    {"POST", "/v1/stock?mode=guess", ND, "", 422, "mode"},
    {"POST", "/v1/stock?as_of=yesterday", ND, "", 422, "as_of"},
    {"POST", "/v1/stock?sequence=-1", ND, "", 422, "sequence"},
    {"POST", "/v1/stock?mode=delta&mode=snapshot&sequence=1", ND, "", 422, "is there twice"},
    {"POST", "/v1/stock?sequence=9007199254740993", ND, "", 422, "sequence"},
    {"POST", "/v1/stock", CSV, "store_id,sku,quantity\rtea-house,TEA,1\r", 422, "carriage return"},
    {"POST", "/v1/stock", CSV, "store_id;sku;quantity\n", 422, "unknown column"},
    {"POST", "/v1/stock", CSV, "store_id,sku,quantity\ntea-house,TEA,\"1,000\"\n", 200, "quantity"},
    {"POST", "/v1/stock", CSV, "store_id,sku,price\ntea-house,TEA,1.99\n", 200, "price"},
    {"POST", "/v1/stock", CSV, "store_id,sku,quantity\ntea-house,T\xe9,1\n", 200, "UTF-8"},
    {"POST", "/v1/stock", ND, "nonsense\n", 200, "\"refused\":1"},
    {"POST", "/v1/stock", ND, "{\"store_id\":\"nowhere\",\"sku\":\"TEA\",\"quantity\":1}\n", 200,
     "store_id"},
    {"POST", "/v1/stock", ND, "{\"store_id\":\"tea-house\",\"quantity\":1}\n", 200, "sku"},
    {"POST", "/v1/stock", ND, "{\"store_id\":\"tea-house\",\"sku\":\"TEA\",\"quantity\":-5}\n", 200,
     "quantity"},
    {"POST", "/v1/stock", ND, "{\"store_id\":\"tea-house\",\"sku\":\"TEA\",\"price\":1.99}\n", 200,
     "price"},
    {"POST", "/v1/stock", CSV, "shop,article\n", 422, "unknown column"},
    {"POST", "/v1/stock", CSV, "store_id,sku,quantity\ntea-house,TEA,many\n", 200, "quantity"},
    {"POST", "/v1/stock", CSV, "store_id,sku,quantity\ntea-house,\"TEA,1\n", 200, "\"refused\":1"},
    {"POST", "/v1/stock", CSV, "store_id,sku,quantity\ntea-house\n", 200, "\"refused\":1"},
    /* batches */
    {"POST", "/v1/orders:batch", JSON, "{}", 415, "unsupported_media_type"},
    {"POST", "/v1/orders:batch", ND, "nonsense\n{}\n\n[]\n", 200, "\"line\":1,\"status\":400"},
    {"POST", "/v1/orders:batch", ND, "{}\n", 200, "\"line\":1,\"status\":422"},
    {"PUT", "/v1/webhook", JSON, "{\"url\":\"ftp://x\"}", 422, "url"},
};

static void
check_row(const struct row *r, int port, const char *auth)
{
    char headers[256] = "";

    if (r->type != NULL)
        snprintf(headers, sizeof headers, "Content-Type: %s\r\n%s", r->type, auth);
    else
        snprintf(headers, sizeof headers, "%s", auth);
    struct town_answer a =
        town_http(&town, port, r->method, r->target, headers, slice_str(r->body));
    if (a.status != r->status || strstr(a.body, r->says) == NULL)
        fprintf(stderr, "\n  %s %s %.200s\n  expected %d with %s\n  got %d %s\n", r->method,
                r->target, r->body, r->status, r->says, a.status, a.body);
    CU_ASSERT_EQUAL(a.status, r->status);
    CU_ASSERT_PTR_NOT_NULL(strstr(a.body, r->says));
    if (r->status >= 400)
        CU_ASSERT_PTR_NOT_NULL(strstr(a.head, "application/problem+json"));
    town_answer_free(&a);
}

static struct town_socket rider; /* somebody is on shift, so that orders can be promised */

static void
test_town_comes_up(void)
{
    town_open(&town, TOWN_PATIENT);
    town_courier(&town, &rider, "rider");
    town_shop(&town, "tea-house", 39.2847, -76.5921, 1, "TEA,100000,199\n");
}

static void
test_bad_requests_are_answered_as_documented(void)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        check_row(&rows[i], town.intake, "");
}

static void
test_bad_keys_are_denied(void)
{
    static const char *const auths[] = {
        "Authorization: Bearer \r\n",
        "Authorization: Bearer nonsense\r\n",
        "Authorization: Basic eDp5\r\n",
        "Authorization: Bearer lc_chain_1_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\r\n",
        "Authorization: Bearer lc_chain_99999_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\r\n",
        "Authorization: Bearer lc_courier_1_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\r\n"};
    static const struct row row = {"POST", "/v1/orders", JSON, GOOD, 401, "\"code\""};

    for (size_t i = 0; i < sizeof auths / sizeof *auths; i++)
        check_row(&row, town.intake, auths[i]);
}

/* ---- HTTP itself ---- */

static void
test_broken_http_is_refused(void)
{
    static const struct {
        const char *bytes;
        int status;
    } table[] = {
        {"GARBAGE\r\n\r\n", 400},
        {"GET /healthz HTTP/9.9\r\nHost: t\r\n\r\n", 505},
        {"GET /healthz HTTP/1.1\r\n\r\n", 400},
        {"GET /healthz HTTP/1.1\r\nHost: t\r\nHost: u\r\n\r\n", 400},
        {"POST /v1/orders HTTP/1.1\r\nHost: t\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nabc",
         400},
        {"POST /v1/orders HTTP/1.1\r\nHost: t\r\nContent-Length: 2\r\nTransfer-Encoding: "
         "chunked\r\n\r\n0\r\n\r\n",
         400},
        {"POST /v1/orders HTTP/1.1\r\nHost: t\r\nContent-Length: -2\r\n\r\n", 400},
        {"POST /v1/orders HTTP/1.1\r\nHost: t\r\nContent-Length: 99999999999999999999\r\n\r\n",
         400},
        {"POST /v1/orders HTTP/1.1\r\nHost: t\r\nContent-Length: 9999999\r\n\r\n", 413},
        {"POST /v1/orders HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400},
        {"GET /healthz HTTP/1.1\r\nHost: t\r\nX: a\r\n b\r\n\r\n", 400},
        {"GET /healthz HTTP/1.1\r\nHost: t\r\nX y: a\r\n\r\n", 400},
        {"GET /healthz HTTP/1.1\nHost: t\n\n", 400},
        {"GET /healthz HTTP/1.1\r\nHost: t\r\nX: a\rb\r\n\r\n", 400},
        {"POST /v1/orders HTTP/1.1\r\nHost: t\r\nContent-Length: 2, 2\r\n\r\n{}", 400},
        {"POST /v1/orders HTTP/1.1\r\nHost: t\r\nContent-Length: +2\r\n\r\n{}", 400},
        {"POST /v1/orders HTTP/1.1\r\nHost: t\r\nTransfer-Encoding : chunked\r\n\r\n", 400},
        {"POST /v1/orders HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked, identity\r\n\r\n",
         501},
        {"POST /v1/orders HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n", 400},
        {"POST /v1/orders HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n"
         "ffffffffffffffff\r\n",
         400},
        {"POST /v1/orders HTTP/1.1\r\nHost: t\r\nIdempotency-Key: a\r\nIdempotency-Key: b\r\n"
         "Content-Length: 2\r\n\r\n{}",
         400},
        {"POST /v1/orders HTTP/1.1\r\nHost: t\r\nContent-Encoding: gzip\r\n"
         "Content-Length: 2\r\n\r\n{}",
         415},
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct town_answer a = town_raw(town.intake, slice_str(table[i].bytes));
        if (a.status != table[i].status)
            fprintf(stderr, "\n  %s\n  expected %d, got %d\n", table[i].bytes, table[i].status,
                    a.status);
        CU_ASSERT_EQUAL(a.status, table[i].status);
        town_answer_free(&a);
    }
}

static void
test_oversized_heads_are_refused(void)
{
    struct buf b = {0};

    buf_str(&b, "GET /healthz HTTP/1.1\r\nHost: t\r\nX: ");
    for (int i = 0; i < 20000; i++)
        buf_char(&b, 'x');
    buf_str(&b, "\r\n\r\n");
    struct town_answer a = town_raw(town.intake, buf_slice(&b));
    CU_ASSERT_EQUAL(a.status, 431);
    town_answer_free(&a);
    buf_reset(&b);
    buf_str(&b, "GET /");
    for (int i = 0; i < 5000; i++)
        buf_char(&b, 'x');
    buf_str(&b, " HTTP/1.1\r\nHost: t\r\n\r\n");
    a = town_raw(town.intake, buf_slice(&b));
    CU_ASSERT_EQUAL(a.status, 414);
    town_answer_free(&a);
    buf_free(&b);
}

static void
test_line_over_256_kib_is_refused_alone(void)
{
    struct buf b = {0};

    buf_str(&b, "{\"external_order_id\":\"");
    for (int i = 0; i < 300000; i++)
        buf_char(&b, 'x');
    buf_str(&b, "\"}\n" GOOD "\n");
    struct town_answer a = town_http(&town, town.intake, "POST", "/v1/orders:batch",
                                     "Content-Type: application/x-ndjson\r\n", buf_slice(&b));
    CU_ASSERT_EQUAL(a.status, 200);
    CU_ASSERT_PTR_NOT_NULL(strstr(a.body, "\"line\":1,\"status\":413"));
    CU_ASSERT_PTR_NOT_NULL(strstr(a.body, "\"line\":2,\"status\":20"));
    town_answer_free(&a);
    buf_free(&b);
}

/* ---- protobuf over ZeroMQ: intake's public socket, and every daemon's own ---- */

static void
send_frames(const char *door)
{
    static const struct {
        const char *p;
        size_t n;
    } frames[] = {
        {"", 0},
        {"x", 1},
        {"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 11},
        {"\x0a\x10", 2},                                      /* id cut short */
        {"\x12\x04in\0k", 6},                                 /* NUL in a string */
        {"\x12\x02\xff\xfe", 4},                              /* not UTF-8 */
        {"\x52\xff\xff\xff\xff\x0f", 6},                      /* a body of 4 GiB */
        {"\x52\x02\x0a\x00", 4},                              /* MatchRequest with an empty order */
        {"\x62\x02\x0a\x00", 4},                              /* PlaceRequest with an empty order */
        {"\x82\x01\x00", 3},                                  /* StockRequest without anything */
        {"\xa2\x01\x00", 3},                                  /* CourierReport without anything */
        {"\xba\x01\x00", 3},                                  /* SubmitRequest without anything */
        {"\x0b\x0c", 2},                                      /* a group */
        {"\x00\x01", 2},                                      /* field 0 */
        {"\x0f", 1},                                          /* wire type 7 */
        {"\xf8\x3f\x01", 3},                                  /* an unknown field alone */
        {"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11}, /* a length below 0 */
        {"\xba\x01\x04\x0a\x02hi", 7},                        /* SubmitRequest with a wrong key */
    };
    char address[128];
    void *context = zmq_ctx_new();
    void *socket = zmq_socket(context, ZMQ_DEALER);
    const int linger = 2000;

    zmq_setsockopt(socket, ZMQ_LINGER, &linger, sizeof linger);
    snprintf(address, sizeof address, "ipc://%s/%s", town.dir, door);
    CU_ASSERT_EQUAL(zmq_connect(socket, address), 0);
    for (size_t i = 0; i < sizeof frames / sizeof *frames; i++) {
        CU_ASSERT_EQUAL(zmq_send(socket, frames[i].p, frames[i].n, ZMQ_SNDMORE), (int)frames[i].n);
        CU_ASSERT_EQUAL(zmq_send(socket, frames[i].p, frames[i].n, 0), (int)frames[i].n);
        CU_ASSERT_EQUAL(zmq_send(socket, frames[i].p, frames[i].n, 0), (int)frames[i].n);
    }
    zmq_close(socket);
    zmq_ctx_term(context);
}

static void
test_bad_frames_harm_no_daemon(void)
{
    static const char *const doors[] = {"intake", "matcher", "inventory", "router"};

    for (size_t i = 0; i < sizeof doors / sizeof *doors; i++)
        send_frames(doors[i]);
}

/* ---- WebSocket ---- */

static void
test_bad_sockets_are_refused_or_closed(void)
{
    static const struct {
        unsigned first;
        bool masked;
        const char *payload;
        size_t n;
        int code;
    } table[] = {
        {0x81, false, "{}", 2, 1002},      /* unmasked */
        {0x83, true, "x", 1, 1002},        /* reserved opcode */
        {0xc1, true, "x", 1, 1002},        /* reserved bit */
        {0x81, true, "\xff\xfe", 2, 1007}, /* not UTF-8 */
        {0x09, true, "x", 1, 1002},        /* fragmented ping */
        {0x80, true, "x", 1, 1002},        /* continuation of nothing */
        {0x88, true, "\x03\xed", 2, 1002}, /* 1005 is for nobody to say */
        {0x88, true, "\x03", 1, 1002},     /* half a code */
        {0x88, true, "\x03\xe8\xff", 3, 1007},
    };
    char target[160];
    struct town_socket s;
    struct buf big = {0};

    CU_ASSERT_FALSE(town_socket_open(&s, town.notifier, "/v1/courier?token=nonsense", NULL));
    town_socket_close(&s);
    CU_ASSERT_FALSE(town_socket_open(&s, town.notifier, "/v1/nowhere", NULL));
    town_socket_close(&s);
    town_courier_token(&town, "bad", target);
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        CU_ASSERT_TRUE_FATAL(town_socket_open(&s, town.notifier, target, NULL));
        town_socket_frame(&s, table[i].first, table[i].masked,
                          slice_of(table[i].payload, table[i].n));
        int code = town_socket_closed(&s, 5000);
        if (code != table[i].code)
            fprintf(stderr, "\n  frame %zu: expected %d, got %d\n", i, table[i].code, code);
        CU_ASSERT_EQUAL(code, table[i].code);
        town_socket_close(&s);
    }
    CU_ASSERT_TRUE_FATAL(town_socket_open(&s, town.notifier, target, NULL));
    for (int i = 0; i < 100000; i++)
        buf_char(&big, ' ');
    town_socket_frame(&s, 0x81, true, buf_slice(&big));
    CU_ASSERT_EQUAL(town_socket_closed(&s, 5000), 1009);
    town_socket_close(&s);
    buf_free(&big);
    CU_ASSERT_TRUE_FATAL(town_socket_open(&s, town.notifier, target, NULL));
    town_socket_send(&s, "{\"type\":\"fly\"}");
    json_t *j = town_socket_hear(&s, "error", 5000);
    CU_ASSERT_STRING_EQUAL(town_text(j, "code"), "bad_message");
    json_decref(j);
    town_socket_close(&s);
}

static bool
last_is_placed(void *none)
{
    (void)none;
    struct town_answer a = town_http(&town, town.intake, "GET", "/v1/orders?external_order_id=last",
                                     NULL, slice_of(NULL, 0));
    json_t *order = town_json(&a);
    bool placed = strcmp(town_text(order, "status"), "placed") == 0 ||
                  strcmp(town_text(order, "status"), "confirmed") == 0;
    bool there = strcmp(town_text(order, "store.id"), "tea-house") == 0;
    json_decref(order);
    town_answer_free(&a);
    return placed && there;
}

static void
test_everything_is_alive_and_right_afterwards(void)
{
    char out[4096];

    for (enum town_daemon d = 0; d < TOWN_N; d++)
        CU_ASSERT_TRUE(town_alive(&town, d));
    struct town_answer a = town_order(
        &town, "{\"external_order_id\":\"last\",\"currency\":\"USD\",\"dropoff\":{\"lat\":39.2861,"
               "\"lng\":-76.5877},\"lines\":[{\"sku\":\"TEA\",\"quantity\":2}]}");
    if (a.status != 201 && a.status != 202) /* 202: it was written, but its message got lost */
        fprintf(stderr, "\n  expected 201 or 202, got %d: %.*s\n", a.status, (int)a.n, a.body);
    CU_ASSERT_TRUE(a.status == 201 || a.status == 202);
    town_answer_free(&a);
    CU_ASSERT_TRUE(town_wait(last_is_placed, NULL));
    CU_ASSERT_EQUAL(town_lcctl(&town, out, sizeof out, "audit"), 0);
    town_socket_close(&rider);
    town_close(&town);
}

UNIT_MAIN("bad_input", UNIT(test_town_comes_up), UNIT(test_bad_requests_are_answered_as_documented),
          UNIT(test_bad_keys_are_denied), UNIT(test_broken_http_is_refused),
          UNIT(test_oversized_heads_are_refused), UNIT(test_line_over_256_kib_is_refused_alone),
          UNIT(test_bad_frames_harm_no_daemon), UNIT(test_bad_sockets_are_refused_or_closed),
          UNIT(test_everything_is_alive_and_right_afterwards))
