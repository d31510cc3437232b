/* Stores, webhooks, one order's look and steps, nearby: everything beside orders and stock. */
#include "unit/intake_rig.h"

#include "base/id.h"

#define POINT "\"geometry\":{\"type\":\"Point\",\"coordinates\":[-76.59,39.28]}"
#define SQUARE                                                                                     \
    "{\"type\":\"Polygon\",\"coordinates\":[[[-76.6,39.27],[-76.58,39.27],[-76.58,39.29],"         \
    "[-76.6,39.29],[-76.6,39.27]]]}"
#define FEATURE(props) "{\"type\":\"Feature\"," POINT ",\"properties\":{" props "}}"
#define S1 "\"store_id\":\"s1\",\"name\":\"Fait Ave\""
#define FIELD(f, e) "{\"field\":\"" f "\",\"error\":\"" e "\"}"

static void
put(struct rig *r, const char *path, const char *body)
{
    CU_ASSERT_EQUAL(rig_request(r, 5,
                                &(struct rig_request){.method = "PUT",
                                                      .path = path,
                                                      .type = "application/geo+json",
                                                      .body = slice_str(body)}),
                    LC_OK);
}

static void
get(struct rig *r, const char *path, const char *query)
{
    CU_ASSERT_EQUAL(
        rig_request(r, 5, &(struct rig_request){.method = "GET", .path = path, .query = query}),
        LC_OK);
}

static void
check_answer(struct rig *r, int status, const char *words)
{
    const struct effect *e = rig_http_answer(r, 5);

    CU_ASSERT_PTR_NOT_NULL_FATAL(e);
    if (e->status != status || !rig_has(e->bytes, words))
        printf("\nwanted %d %s\ngot    %d %.*s\n", status, words, e->status, (int)e->bytes.n,
               e->bytes.p);
    CU_ASSERT_EQUAL(e->status, status);
    CU_ASSERT_TRUE(rig_has(e->bytes, words));
}

/* The n-th call to Redis since the last rig_clear, by its function or command. */
static const struct effect *
call_of(struct rig *r, size_t n, const char *name)
{
    const struct effect *e = rig_effect(r, EFFECT_REDIS, n);

    if (e == NULL || !(slice_eq_str(e->argv[0], name) || slice_eq_str(e->argv[1], name)))
        return NULL;
    return e;
}

/* ---- PUT /v1/stores ---- */

static void
test_put_store_writes_all_of_it(void)
{
    struct rig *r = rig_new();

    put(r, "/v1/stores",
        FEATURE("\"store_id\":\"new\",\"name\":\"New\",\"address\":\"1 Main St\",\"zone\":" SQUARE
                ","
                "\"hours\":{\"mon\":[[\"08:00\",\"12:00\"],[\"13:00\",\"26:00\"]],\"sun\":[]},"
                "\"exceptions\":{\"2026-12-24\":[[\"08:00\",\"14:00\"]],\"2026-12-25\":[]},"
                "\"prep_seconds\":120,\"prep_per_item_seconds\":5,\"capacity\":40,"
                "\"busy\":\"busy\",\"busy_delay_seconds\":600,\"delivers\":true,\"collects\":true,"
                "\"age_check\":false,\"cold\":false,\"safety_stock\":2"));
    const struct effect *e = call_of(r, 0, "store_put");
    CU_ASSERT_PTR_NOT_NULL_FATAL(e);
    CU_ASSERT_EQUAL(e->argc, 12);
    CU_ASSERT_TRUE(slice_eq_str(e->argv[5], "1"));
    CU_ASSERT_TRUE(slice_eq_str(e->argv[6], "1"));
    CU_ASSERT_TRUE(slice_eq_str(e->argv[7], "new"));
    CU_ASSERT_TRUE(slice_eq_str(e->argv[9], "39.2800000"));
    CU_ASSERT_TRUE(slice_eq_str(e->argv[10], "-76.5900000"));
    CU_ASSERT_TRUE(slice_eq_str(e->argv[11], "1"));
    const Lifecircle__V1__Store *s =
        wire_unpack(&lifecircle__v1__store__descriptor, r->a, e->argv[8]);
    CU_ASSERT_PTR_NOT_NULL_FATAL(s);
    CU_ASSERT_EQUAL(s->store, 0);
    CU_ASSERT_EQUAL(s->chain, 1);
    CU_ASSERT_EQUAL(s->prep_s, 120);
    CU_ASSERT_EQUAL(s->prep_per_item_s, 5);
    CU_ASSERT_EQUAL(s->capacity, 40);
    CU_ASSERT_EQUAL(s->busy, LIFECIRCLE__V1__BUSY_MODE__BUSY);
    CU_ASSERT_EQUAL(s->busy_delay_s, 600);
    CU_ASSERT_TRUE(s->delivers && s->collects && !s->age_check && !s->cold);
    CU_ASSERT_EQUAL(s->safety_stock, 2);
    CU_ASSERT_EQUAL_FATAL(s->n_zone, 1);
    CU_ASSERT_EQUAL(s->zone[0]->n_e7, 10);
    CU_ASSERT_EQUAL_FATAL(s->n_hours, 2);
    CU_ASSERT_EQUAL(s->hours[1]->close_minute, 26 * 60);
    CU_ASSERT_EQUAL_FATAL(s->n_exceptions, 2);
    CU_ASSERT_EQUAL(s->exceptions[1]->date, 20261225);
    CU_ASSERT_EQUAL(s->exceptions[1]->n_hours, 0);
    struct reply number = {.kind = REPLY_INT, .integer = 9};
    rig_redis(r, e->ref, rig_array(r, &number, 1));
    check_answer(r, 200, "{\"stores\":[{\"store_id\":\"new\",\"status\":\"created\"}]}");
    rig_clear(r);
    rig_post(r, 6, "/v1/orders", rig_order(r, "a1", ",\"store_id\":\"new\""));
    rig_turn(r); /* known at once, without waiting for the stream */
    CU_ASSERT_EQUAL(rig_sent(r, 0)->match_request->orders[0]->store, 9);
    rig_free(r);
}

static void
test_put_store_again_says_updated_or_unchanged(void)
{
    static const struct {
        bool same;
        const char *words;
    } table[] = {{true, "\"status\":\"unchanged\""}, {false, "\"status\":\"updated\""}};

    for (size_t i = 0; i < 2; i++) {
        struct rig *r = rig_new();
        struct reply number = {.kind = REPLY_INT, .integer = 1};
        struct reply old = {.kind = REPLY_NIL};
        const char *body = FEATURE(S1 ",\"delivers\":false");

        put(r, "/v1/stores", body);
        const struct effect *e = call_of(r, 0, "HMGET");
        CU_ASSERT_PTR_NOT_NULL_FATAL(e);
        CU_ASSERT_TRUE(slice_eq_str(e->argv[2], "1"));
        rig_redis(r, e->ref, rig_array(r, &old, 1));
        e = call_of(r, 1, "store_put");
        CU_ASSERT_PTR_NOT_NULL_FATAL(e);
        struct slice packed = e->argv[8];
        char *stored = malloc(packed.n + 2); /* as store_put keeps it: the number in front */
        memcpy(stored, "\x08\x01", 2);
        memcpy(stored + 2, packed.p, packed.n);
        if (!table[i].same)
            stored[packed.n + 1] ^= 1;
        old = rig_string(slice_of(stored, packed.n + 2));
        rig_clear(r);
        put(r, "/v1/stores", body);
        rig_redis(r, call_of(r, 0, "HMGET")->ref, rig_array(r, &old, 1));
        rig_redis(r, call_of(r, 1, "store_put")->ref, rig_array(r, &number, 1));
        check_answer(r, 200, table[i].words);
        free(stored);
        rig_free(r);
    }
}

static void
test_put_1000_stores_goes_in_calls_of_500(void)
{
    struct rig *r = rig_new();
    struct buf b = {0};
    struct reply numbers[500];

    buf_str(&b, "{\"type\":\"FeatureCollection\",\"features\":[");
    for (int i = 0; i < 1000; i++)
        buf_printf(&b,
                   "%s{\"type\":\"Feature\"," POINT ",\"properties\":{\"store_id\":\"n%d\","
                   "\"name\":\"N\",\"delivers\":false,\"collects\":true}}",
                   i == 0 ? "" : ",", i);
    buf_str(&b, "]}");
    buf_char(&b, '\0');
    put(r, "/v1/stores", b.p);
    uint64_t tag[2];
    for (size_t k = 0; k < 2; k++) {
        CU_ASSERT_PTR_NOT_NULL_FATAL(call_of(r, k, "store_put"));
        CU_ASSERT_TRUE(slice_eq_str(call_of(r, k, "store_put")->argv[5], "500"));
        tag[k] = call_of(r, k, "store_put")->ref;
    }
    for (size_t k = 0; k < 2; k++) {
        for (size_t i = 0; i < 500; i++)
            numbers[i] = (struct reply){.kind = REPLY_INT, .integer = (int64_t)(100 + 500 * k + i)};
        CU_ASSERT_PTR_NULL(rig_http_answer(r, 5));
        rig_redis(r, tag[k], rig_array(r, numbers, 500));
    }
    check_answer(r, 200, "{\"store_id\":\"n999\",\"status\":\"created\"}]}");
    buf_free(&b);
    rig_free(r);
}

static const struct {
    const char *body, *errors;
} bad_stores[] = {
    {"{}", FIELD("type", "is required")},
    {"[]", FIELD("", "expected an object, got an array")},
    {"{\"type\":\"Point\"}",
     FIELD("type",
           "expected one of \\\"Feature\\\", \\\"FeatureCollection\\\", got \\\"Point\\\"")},
    {"{\"type\":\"FeatureCollection\"}", FIELD("features", "is required")},
    {"{\"type\":\"FeatureCollection\",\"features\":[]}",
     FIELD("features", "expected 1 to 1000 elements, got 0")},
    {"{\"type\":\"FeatureCollection\",\"features\":[7]}",
     FIELD("features[0]", "expected an object, got 7")},
    {"{\"type\":\"Feature\"," POINT "}", FIELD("properties", "is required")},
    {"{\"type\":\"Feature\",\"properties\":{" S1 ",\"delivers\":false}}",
     FIELD("geometry", "is required")},
    {FEATURE(S1), FIELD("properties.zone", "is required when the store delivers")},
    {FEATURE("\"delivers\":false"),
     FIELD("properties.store_id", "is required") "," FIELD("properties.name", "is required")},
    {FEATURE("\"store_id\":\"a b\",\"name\":\"x\",\"delivers\":false"),
     FIELD("properties.store_id", "expected only characters of [A-Za-z0-9._:-]")},
    {FEATURE("\"store_id\":\"caf\xc3\xa9\",\"name\":\"x\",\"delivers\":false"),
     FIELD("properties.store_id", "expected only characters of [A-Za-z0-9._:-]")},
    {FEATURE(S1 ",\"delivers\":false,\"colour\":\"red\""),
     FIELD("properties.colour", "is not a field of this object")},
    {FEATURE(S1 ",\"delivers\":\"yes\",\"zone\":" SQUARE),
     FIELD("properties.delivers", "expected true or false, got \\\"yes\\\"")},
    {FEATURE(S1 ",\"delivers\":false,\"prep_seconds\":-1"),
     FIELD("properties.prep_seconds", "expected an integer from 0 to 14400, got -1")},
    {FEATURE(S1 ",\"delivers\":false,\"capacity\":1.5"),
     FIELD("properties.capacity", "expected an integer from 0 to 100000, got 1.5")},
    {FEATURE(S1 ",\"delivers\":false,\"busy\":\"asleep\""),
     FIELD("properties.busy", "expected one of \\\"open\\\", \\\"busy\\\", \\\"paused\\\", got "
                              "\\\"asleep\\\"")},
    /* hours */
    {FEATURE(S1 ",\"delivers\":false,\"hours\":[]"),
     FIELD("properties.hours", "expected an object, got an array")},
    {FEATURE(S1 ",\"delivers\":false,\"hours\":{\"monday\":[]}"),
     FIELD("properties.hours.monday", "is not a field of this object")},
    {FEATURE(S1 ",\"delivers\":false,\"hours\":{\"mon\":[[\"08:00\"]]}"),
     FIELD("properties.hours.mon[0]", "expected 2 to 2 elements, got 1")},
    {FEATURE(S1 ",\"delivers\":false,\"hours\":{\"mon\":[\"08:00-22:00\"]}"),
     FIELD("properties.hours.mon[0]", "expected an array, got \\\"08:00-22:00\\\"")},
    {FEATURE(S1 ",\"delivers\":false,\"hours\":{\"mon\":[[\"8 am\",\"22:00\"]]}"),
     FIELD("properties.hours.mon[0][0]",
           "expected a time of day like \\\"08:00\\\", up to \\\"48:00\\\"")},
    {FEATURE(S1 ",\"delivers\":false,\"hours\":{\"mon\":[[\"08:00\",\"49:00\"]]}"),
     FIELD("properties.hours.mon[0][1]",
           "expected a time of day like \\\"08:00\\\", up to \\\"48:00\\\"")},
    {FEATURE(S1 ",\"delivers\":false,\"hours\":{\"mon\":[[480,1320]]}"),
     FIELD("properties.hours.mon[0][0]", "expected a string, got 480") "," FIELD(
         "properties.hours.mon[0][1]", "expected a string, got 1320")},
    {FEATURE(S1 ",\"delivers\":false,\"exceptions\":{\"24.12.2026\":[]}"),
     FIELD("properties.exceptions.24.12.2026",
           "expected a date like \\\"2026-11-22\\\" as the name")},
    /* zones and places */
    {"{\"type\":\"Feature\",\"geometry\":{\"type\":\"Point\",\"coordinates\":[39.28,-176.59]},"
     "\"properties\":{" S1 ",\"delivers\":false}}",
     NULL},
    {"{\"type\":\"Feature\",\"geometry\":{\"type\":\"Point\",\"coordinates\":[0,86]},"
     "\"properties\":{" S1 ",\"delivers\":false}}",
     FIELD("geometry", "expected a latitude from -85 to 85")},
    {"{\"type\":\"Feature\",\"geometry\":{\"type\":\"LineString\",\"coordinates\":[[0,1],[1,2]]},"
     "\"properties\":{" S1 ",\"delivers\":false}}",
     NULL},
    {"{\"type\":\"Feature\",\"geometry\":{\"type\":\"Point\",\"coordinates\":[\"0\",1]},"
     "\"properties\":{" S1 ",\"delivers\":false}}",
     NULL},
    {FEATURE(S1 ",\"zone\":{\"type\":\"Point\",\"coordinates\":[0,0]}"), NULL},
    {FEATURE(S1 ",\"zone\":{\"type\":\"Polygon\",\"coordinates\":[]}"), NULL},
    {FEATURE(S1 ",\"zone\":{\"type\":\"Polygon\",\"coordinates\":[[[0,0],[0,1],[1,1]]]}"), NULL},
    {FEATURE(S1 ",\"zone\":{\"type\":\"Polygon\",\"coordinates\":[[[0,0],[0,1],[1,1],[1,0]]]}"),
     NULL},
    {FEATURE(S1 ",\"zone\":{\"type\":\"Polygon\",\"coordinates\":[[[0,0],[0,99],[1,1],[0,0]]]}"),
     NULL},
    {FEATURE(S1 ",\"zone\":{\"type\":\"Polygon\",\"coordinates\":[[[0,0],[0,1],[0,2],[0,0]]]}"),
     NULL},
    {FEATURE(S1 ",\"zone\":{\"type\":\"Polygon\",\"coordinates\":[[[-179,0],[179,0],[179,1],"
                "[-179,0]]]}"),
     NULL},
    {"{\"type\":\"FeatureCollection\",\"features\":[" FEATURE(S1 ",\"delivers\":false") "," FEATURE(
         S1 ",\"delivers\":false") "]}",
     FIELD("features[1].properties.store_id", "is in this request twice")},
};

static void
test_put_store_wrong_features_name_every_field_and_write_nothing(void)
{
    struct rig *r = rig_new();

    for (size_t i = 0; i < sizeof bad_stores / sizeof *bad_stores; i++) {
        rig_clear(r);
        put(r, "/v1/stores", bad_stores[i].body);
        const struct effect *e = rig_http_answer(r, 5);
        CU_ASSERT_PTR_NOT_NULL_FATAL(e);
        if (e->status != 422)
            printf("\n%zu: %d %.*s\n", i, e->status, (int)e->bytes.n, e->bytes.p);
        CU_ASSERT_EQUAL(e->status, 422);
        CU_ASSERT_TRUE(rig_has(e->bytes, "\"code\":\"invalid_stores\""));
        if (bad_stores[i].errors != NULL)
            check_answer(r, 422, arena_printf(r->a, "\"errors\":[%s]}", bad_stores[i].errors));
        CU_ASSERT_PTR_NULL(rig_effect(r, EFFECT_REDIS, 0));
    }
    rig_free(r);
}

static void
test_put_store_takes_a_zone_that_can_be_repaired_and_says_so(void)
{
    struct rig *r = rig_new();
    struct reply number = {.kind = REPLY_INT, .integer = 9};

    put(r, "/v1/stores",
        FEATURE("\"store_id\":\"bow\",\"name\":\"Bow tie\",\"zone\":{\"type\":\"Polygon\","
                "\"coordinates\":[[[0,0],[1,1],[1,0],[0,1],[0,0]]]}"));
    CU_ASSERT_PTR_NOT_NULL_FATAL(call_of(r, 0, "store_put"));
    rig_redis(r, call_of(r, 0, "store_put")->ref, rig_array(r, &number, 1));
    check_answer(r, 200, "\"note\":\"zone was repaired: ");
    rig_free(r);
}

/* ---- one store ---- */

static void
test_get_store_gives_the_feature_back(void)
{
    struct rig *r = rig_new();
    Lifecircle__V1__Store s = LIFECIRCLE__V1__STORE__INIT;
    Lifecircle__V1__Point at = LIFECIRCLE__V1__POINT__INIT;
    Lifecircle__V1__Interval a = LIFECIRCLE__V1__INTERVAL__INIT, *hours[] = {&a};
    Lifecircle__V1__Ring outer = LIFECIRCLE__V1__RING__INIT, *rings[] = {&outer};
    int32_t e7[] = {0, 0, 0, 10000000, 10000000, 0, 0, 0};

    at.lat_e7 = 392800000;
    s.store = s.chain = 1;
    s.store_id = (char *)"s1";
    s.name = (char *)"Fait \"Ave\"";
    s.at = &at;
    a.weekday = 2;
    a.open_minute = 485;
    a.close_minute = 1560;
    s.n_hours = 1;
    s.hours = hours;
    outer.n_e7 = 8;
    outer.e7 = e7;
    s.n_zone = 1;
    s.zone = rings;
    get(r, "/v1/stores/s1", "");
    CU_ASSERT_PTR_NOT_NULL_FATAL(call_of(r, 0, "HGET"));
    rig_redis(r, call_of(r, 0, "HGET")->ref, rig_string(rig_pack(r, &s.base)));
    check_answer(r, 200,
                 "{\"type\":\"Feature\",\"geometry\":{\"type\":\"Point\",\"coordinates\":"
                 "[0,39.28]}");
    check_answer(r, 200, "\"name\":\"Fait \\\"Ave\\\"\"");
    check_answer(r, 200, "\"hours\":{\"wed\":[[\"08:05\",\"26:00\"]]}");
    check_answer(r, 200,
                 "\"zone\":{\"type\":\"MultiPolygon\",\"coordinates\":[[[[0,0],[1,0],[0,1],"
                 "[0,0]]]]}");
    rig_free(r);
}

static void
test_post_busy_changes_only_that(void)
{
    struct rig *r = rig_new();
    struct reply number = {.kind = REPLY_INT, .integer = 1};

    rig_post(r, 5, "/v1/stores/s1/busy", "{\"busy\":\"paused\"}");
    rig_redis(r, call_of(r, 0, "HGET")->ref, rig_string(rig_store(r, 1, 1, "s1")));
    const struct effect *e = call_of(r, 1, "store_put");
    CU_ASSERT_PTR_NOT_NULL_FATAL(e);
    CU_ASSERT_TRUE(slice_eq_str(e->argv[11], "0")); /* out of the geo index */
    const Lifecircle__V1__Store *s =
        wire_unpack(&lifecircle__v1__store__descriptor, r->a, e->argv[8]);
    CU_ASSERT_EQUAL(s->busy, LIFECIRCLE__V1__BUSY_MODE__PAUSED);
    CU_ASSERT_STRING_EQUAL(s->name, "Fait Ave");
    CU_ASSERT_EQUAL(s->store, 0);
    rig_redis(r, e->ref, rig_array(r, &number, 1));
    check_answer(r, 200, "{\"store_id\":\"s1\",\"busy\":\"paused\",\"busy_delay_seconds\":0}");
    rig_free(r);
}

/* ---- one order ---- */

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

/* ---- nearby ---- */

static void
test_nearby_is_asked_of_the_matcher(void)
{
    struct rig *r = rig_new();
    Lifecircle__V1__Envelope env = LIFECIRCLE__V1__ENVELOPE__INIT;
    Lifecircle__V1__MatchReply reply = LIFECIRCLE__V1__MATCH_REPLY__INIT;
    Lifecircle__V1__NearbyResult result = LIFECIRCLE__V1__NEARBY_RESULT__INIT,
                                 *results[] = {&result};
    Lifecircle__V1__NearbyStore s = LIFECIRCLE__V1__NEARBY_STORE__INIT, *stores[] = {&s};
    int32_t available[] = {-2, 7};
    int64_t price[] = {0, 219};

    get(r, "/v1/stores/nearby", "lat=39.28&lng=-76.59&sku=BAGEL&sku=COFFEE&limit=3");
    rig_turn(r);
    const Lifecircle__V1__NearbyQuery *q = rig_sent(r, 0)->match_request->nearby[0];
    CU_ASSERT_EQUAL(q->chain, 1);
    CU_ASSERT_EQUAL(q->at->lng_e7, -765900000);
    CU_ASSERT_EQUAL(q->limit, 3);
    CU_ASSERT_EQUAL(q->n_sku_indexes, 2);
    env.city = (char *)"bal";
    env.body_case = LIFECIRCLE__V1__ENVELOPE__BODY_MATCH_REPLY;
    env.match_reply = &reply;
    reply.n_nearby = 1;
    reply.nearby = results;
    result.tag = q->tag;
    result.n_stores = 1;
    result.stores = stores;
    s.store = 1;
    s.travel_s = 340;
    s.distance_m = 1200;
    s.verdict = LIFECIRCLE__V1__REASON__STORE_CLOSED;
    s.n_available = s.n_price_cents = 2;
    s.available = available;
    s.price_cents = price;
    rig_message(r, 0, &env);
    check_answer(r, 200, "{\"stores\":[{\"store_id\":\"s1\"");
    check_answer(r, 200,
                 "\"distance_m\":1200,\"travel_s\":340,\"serves\":false,"
                 "\"reason\":\"store_closed\",\"items\":[{\"sku\":\"BAGEL\",\"available\":0,"
                 "\"price\":null},{\"sku\":\"COFFEE\",\"available\":7,\"price\":219}]");
    rig_free(r);
}

static void
test_silent_nearby_ends_in_503(void)
{
    struct rig *r = rig_new();

    get(r, "/v1/stores/nearby", "lat=39.28&lng=-76.59");
    rig_turn(r);
    rig_later(r, 1000);
    check_answer(r, 503, "\"code\":\"unavailable\"");
    rig_free(r);
}

/* ---- webhooks ---- */

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

UNIT_MAIN("intake_stores", UNIT(test_put_store_writes_all_of_it),
          UNIT(test_put_store_again_says_updated_or_unchanged),
          UNIT(test_put_1000_stores_goes_in_calls_of_500),
          UNIT(test_put_store_wrong_features_name_every_field_and_write_nothing),
          UNIT(test_put_store_takes_a_zone_that_can_be_repaired_and_says_so),
          UNIT(test_get_store_gives_the_feature_back), UNIT(test_post_busy_changes_only_that),
          UNIT(test_get_order_shows_its_timeline),
          UNIT(test_get_order_by_external_id_asks_for_the_same_record),
          UNIT(test_other_chains_orders_do_not_exist),
          UNIT(test_cancel_steps_the_order_and_shows_it),
          UNIT(test_collected_tells_of_a_wrong_code_only_to_the_orders_chain),
          UNIT(test_collected_wants_the_customers_code), UNIT(test_nearby_is_asked_of_the_matcher),
          UNIT(test_silent_nearby_ends_in_503),
          UNIT(test_put_webhook_makes_a_new_secret_and_keeps_the_old_ones),
          UNIT(test_put_webhook_takes_http_only_where_it_is_allowed),
          UNIT(test_put_webhook_gives_way_to_another_change),
          UNIT(test_delete_webhook_forgets_url_and_secrets))
