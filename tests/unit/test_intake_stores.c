/* Stores: PUT, one of them, busy, and those nearby. */
#include "unit/intake_asks.h"

#define POINT "\"geometry\":{\"type\":\"Point\",\"coordinates\":[-76.59,39.28]}"
#define SQUARE                                                                                     \
    "{\"type\":\"Polygon\",\"coordinates\":[[[-76.6,39.27],[-76.58,39.27],[-76.58,39.29],"         \
    "[-76.6,39.29],[-76.6,39.27]]]}"
#define FEATURE(props) "{\"type\":\"Feature\"," POINT ",\"properties\":{" props "}}"
#define S1 "\"store_id\":\"s1\",\"name\":\"Fait Ave\""
#define FIELD(f, e) "{\"field\":\"" f "\",\"error\":\"" e "\"}"

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
    {FEATURE("\"store_id\":\"s\",\"name\":\"Fait\\nAve\",\"address\":\"a\xc2\x9b"
             "b\",\"delivers\":false"),
     FIELD("properties.name", "expected one line of text without control characters") "," FIELD(
         "properties.address", "expected one line of text without control characters")},
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

#define ZONE                                                                                       \
    "\"zone\":{\"type\":\"Polygon\",\"coordinates\":[[[-76.62,39.27],[-76.56,39.27],[-76.56,39.3]" \
    ","                                                                                            \
    "[-76.62,39.3],[-76.62,39.27]]]}"
#define AT(lng, lat, more)                                                                         \
    "{\"type\":\"Feature\",\"geometry\":{\"type\":\"Point\",\"coordinates\":[" lng "," lat "]},"   \
    "\"properties\":{\"store_id\":\"river\",\"name\":\"River\"," ZONE more "}}"

/* How many were counted. */
static uint64_t
outside(struct rig *r)
{
    size_t n;
    const struct counter *all = intake_service.counters(stepper_core(r->s), &n);

    for (size_t i = 0; i < n; i++)
        if (strcmp(all[i].name, "stores_outside_zone_total") == 0)
            return all[i].value;
    return UINT64_MAX;
}

/* Across the river is unusual; another continent, where the zone is once they are exchanged, is
 * wrong. */
static void
test_put_store_says_when_it_lies_outside_its_own_zone(void)
{
    static const struct {
        const char *feature, *note; /* NULL = none */
    } taken[] = {
        {AT("-76.59", "39.28", ""), NULL},
        {AT("-76.56", "39.27", ""), NULL}, /* on the edge */
        {AT("-76.56", "39.26", ""),
         "\"note\":\"the store lies outside its own zone, 1112 m from its nearest corner\""},
        {AT("39.28", "-76.59", ",\"delivers\":false"), NULL},
    };
    struct reply number = {.kind = REPLY_INT, .integer = 9};

    for (size_t i = 0; i < sizeof taken / sizeof *taken; i++) {
        struct rig *r = rig_new();
        put(r, "/v1/stores", taken[i].feature);
        CU_ASSERT_PTR_NOT_NULL_FATAL(call_of(r, 0, "store_put"));
        rig_redis(r, call_of(r, 0, "store_put")->ref, rig_array(r, &number, 1));
        check_answer(r, 200, taken[i].note == NULL ? "\"status\":\"created\"}" : taken[i].note);
        CU_ASSERT_EQUAL(outside(r), taken[i].note != NULL);
        rig_free(r);
    }
    struct rig *r = rig_new();
    put(r, "/v1/stores",
        "{\"type\":\"FeatureCollection\",\"features\":[" FEATURE(S1 ",\"zone\":" SQUARE) "," AT(
            "39.28", "-76.59", ",\"collects\":true") "]}");
    check_answer(
        r, 422,
        FIELD("features[1].geometry",
              "expected [longitude, latitude]: as they are the store lies 14894 km outside "
              "its own zone, exchanged within it"));
    CU_ASSERT_PTR_NULL(rig_effect(r, EFFECT_REDIS, 0));
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

/* No stores in time is not the same as no stores. */
static void
test_nearby_that_the_matcher_cannot_answer_is_503(void)
{
    struct rig *r = rig_new();
    Lifecircle__V1__Envelope env = LIFECIRCLE__V1__ENVELOPE__INIT;
    Lifecircle__V1__MatchReply reply = LIFECIRCLE__V1__MATCH_REPLY__INIT;
    Lifecircle__V1__NearbyResult result = LIFECIRCLE__V1__NEARBY_RESULT__INIT,
                                 *results[] = {&result};

    get(r, "/v1/stores/nearby", "lat=39.28&lng=-76.59");
    rig_turn(r);
    env.city = (char *)"bal";
    env.body_case = LIFECIRCLE__V1__ENVELOPE__BODY_MATCH_REPLY;
    env.match_reply = &reply;
    reply.n_nearby = 1;
    reply.nearby = results;
    result.tag = rig_sent(r, 0)->match_request->nearby[0]->tag;
    result.unavailable = true;
    rig_message(r, 0, &env);
    check_answer(r, 503, "\"code\":\"unavailable\"");
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

UNIT_MAIN("intake_stores", UNIT(test_put_store_writes_all_of_it),
          UNIT(test_put_store_again_says_updated_or_unchanged),
          UNIT(test_put_1000_stores_goes_in_calls_of_500),
          UNIT(test_put_store_wrong_features_name_every_field_and_write_nothing),
          UNIT(test_put_store_takes_a_zone_that_can_be_repaired_and_says_so),
          UNIT(test_put_store_says_when_it_lies_outside_its_own_zone),
          UNIT(test_get_store_gives_the_feature_back), UNIT(test_post_busy_changes_only_that),
          UNIT(test_nearby_is_asked_of_the_matcher),
          UNIT(test_nearby_that_the_matcher_cannot_answer_is_503),
          UNIT(test_silent_nearby_ends_in_503))
