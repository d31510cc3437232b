/* The notifier's core alone: ways along streets, for couriers and for operators. */
#include "unit/notifier_rig.h"

#include "access.pb-c.h"
#include "base/polyline.h"
#include "notifier/ops.h"
#include "notifier/ways.h"

#define TOKEN "lc_courier_1_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
#define OTHER "lc_courier_2_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
#define OPERATOR "lc_operator_0_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
#define ASK "{\"type\":\"way\"}"
#define ASK_AT "{\"type\":\"way\",\"lat\":39.2810000,\"lng\":-76.6010000}"

enum { MANY_STREETS = 60 };

static unsigned streets = 2;    /* that the streets' provider tells */
static const struct latlng sea; /* and where it knows no way to */

/* along: by a corner, as a provider of streets does it. */
static enum lc_err
along(const struct travel *t, struct latlng from, struct latlng to, enum travel_mode mode,
      int64_t depart_ms, struct travel_course *out)
{
    struct polyline line = {.out = &out->line};

    (void)t;
    (void)depart_ms;
    if (to.lat_e7 == sea.lat_e7)
        return LC_ENOTFOUND;
    polyline_put(&line, from);
    polyline_put(&line, (struct latlng){from.lat_e7, to.lng_e7});
    polyline_put(&line, to);
    out->cell = (struct travel_cell){100 + (uint32_t)mode, 400};
    out->street = calloc(streets, sizeof *out->street);
    out->streets = streets;
    for (unsigned i = 0; i < streets; i++)
        out->street[i] = (struct travel_street){i == 0 ? "Fait Avenue" : "", 200};
    return LC_OK;
}

static const struct travel streets_of_town = {.course = along};

/* put_route: so many stops, each some way north of the one before. */
static void
put_route(struct rig *r, uint32_t courier, uint32_t version, unsigned stops)
{
    Lifecircle__V1__Route route = LIFECIRCLE__V1__ROUTE__INIT;
    Lifecircle__V1__Stop stop[16], *list[16];
    Lifecircle__V1__Point at[16];

    for (unsigned i = 0; i < stops; i++) {
        lifecircle__v1__stop__init(&stop[i]);
        lifecircle__v1__point__init(&at[i]);
        at[i].lat_e7 = 392847000 + 100000 * (int32_t)i;
        at[i].lng_e7 = -765921000;
        stop[i].order_id = (char *)(uintptr_t) "0193b3c8-0000-8000-8000-000000000000";
        stop[i].at = &at[i];
        stop[i].kind =
            i % 2 == 0 ? LIFECIRCLE__V1__STOP__KIND__PICKUP : LIFECIRCLE__V1__STOP__KIND__DROPOFF;
        list[i] = &stop[i];
    }
    route.courier = courier;
    route.version = version;
    route.stops = list;
    route.n_stops = stops;
    r->route_n[courier] =
        4 + lifecircle__v1__route__pack(&route, (uint8_t *)r->routes[courier] + 4);
}

static void
put_map(struct rig *r, const struct travel *t)
{
    struct event ev = {.kind = EVENT_ROADS, .travel = t};

    if (t != NULL)
        ev.bytes = SLICE_LIT("/srv/city.roads");
    r->travel = t;
    rig_feed(r, &ev);
}

static struct rig *
with_phone(unsigned stops)
{
    struct rig *r = rig_new();

    streets = 2;
    rig_courier(r, 1, TOKEN, false);
    rig_courier(r, 2, OTHER, false);
    put_map(r, &streets_of_town);
    put_route(r, 1, 7, stops);
    r->on_shift[1] = true;
    rig_http(r, 10, "/v1/courier", "token=" TOKEN, true);
    return r;
}

static const char *
said(struct rig *r, uint64_t conn, const char *ask)
{
    unsigned before = rig_count(r, EFFECT_SOCKET_SEND, conn, "");

    rig_say(r, conn, ask);
    return rig_count(r, EFFECT_SOCKET_SEND, conn, "") > before
               ? rig_last(r, EFFECT_SOCKET_SEND, conn)->bytes
               : "";
}

static unsigned
times(const char *text, const char *part)
{
    unsigned n = 0;

    for (const char *p = text; (p = strstr(p, part)) != NULL; p++)
        n++;
    return n;
}

static uint64_t
counted(struct rig *r, int which)
{
    return rig_core(r)->counters[which].value;
}

static void
test_courier_is_told_the_way_along_streets(void)
{
    struct rig *r = with_phone(2);
    struct buf line = {0};
    struct polyline pen = {.out = &line};
    const char *m = said(r, 10, ASK_AT);

    CU_ASSERT_PTR_NOT_NULL(strstr(m,
                                  "\"type\":\"way\",\"version\":7,\"legs\":[{\"kind\":\"pickup\","
                                  "\"order_id\":\"0193b3c8-0000-8000-8000-000000000000\""));
    CU_ASSERT_EQUAL(times(m, "\"order_id\""), 2);
    CU_ASSERT_PTR_NOT_NULL(strstr(m, "\"metres\":400,\"seconds\":100,\"straight\":false,"
                                     "\"streets\":[{\"name\":\"Fait Avenue\",\"metres\":200},"));
    polyline_put(&pen, (struct latlng){392810000, -766010000});
    polyline_put(&pen, (struct latlng){392810000, -765921000});
    polyline_put(&pen, (struct latlng){392847000, -765921000});
    buf_char(&line, '\0');
    CU_ASSERT_PTR_NOT_NULL(strstr(m, line.p)); /* without a character that JSON would escape */
    buf_free(&line);
    rig_free(r);
}

static void
test_a_way_begins_at_the_position_that_is_known(void)
{
    struct rig *r = with_phone(2);
    struct buf line = {0};
    struct polyline pen = {.out = &line};

    CU_ASSERT_EQUAL(times(said(r, 10, ASK), "\"order_id\""), 1); /* nobody knows where from */
    r->signed_on = (struct latlng){392700000, -765900000};
    CU_ASSERT_EQUAL(times(said(r, 10, ASK), "\"order_id\""), 2);
    /* GEOADD … -76.5877 39.2861 */
    snprintf(r->place[1], sizeof r->place[1], "1353347291226393");
    const char *m = said(r, 10, ASK);
    CU_ASSERT_EQUAL(times(m, "\"order_id\""), 2);
    struct latlng at;
    CU_ASSERT_TRUE(ops_place_of(1353347291226393, &at));
    polyline_put(&pen, at);
    buf_char(&line, '\0');
    CU_ASSERT_PTR_NOT_NULL(strstr(m, line.p));
    buf_free(&line);
    rig_free(r);
}

static void
test_without_streets_lines_are_straight_and_say_so(void)
{
    struct rig *r = with_phone(2);

    put_map(r, NULL);
    const char *m = said(r, 10, ASK_AT);
    CU_ASSERT_EQUAL(times(m, "\"straight\":true,\"streets\":[]"), 2);
    CU_ASSERT_EQUAL(r->works, 0);
    CU_ASSERT_EQUAL(counted(r, COUNT_WAY_LEGS_STRAIGHT), 2);
    put_map(r, &streets_of_town);
    CU_ASSERT_EQUAL(times(said(r, 10, ASK_AT), "\"straight\":false"), 2);
    put_map(r, travel_estimate()); /* a provider that knows none */
    CU_ASSERT_EQUAL(times(said(r, 10, ASK_AT), "\"straight\":true"), 2);
    rig_free(r);
}

static void
test_a_leg_that_the_map_knows_no_way_for_is_straight(void)
{
    struct rig *r = with_phone(1);
    Lifecircle__V1__Route route = LIFECIRCLE__V1__ROUTE__INIT;
    Lifecircle__V1__Stop stop = LIFECIRCLE__V1__STOP__INIT, *list[] = {&stop};
    Lifecircle__V1__Point at = LIFECIRCLE__V1__POINT__INIT;

    at.lat_e7 = sea.lat_e7;
    stop.at = &at;
    route.version = 8;
    route.stops = list;
    route.n_stops = 1;
    r->route_n[1] = 4 + lifecircle__v1__route__pack(&route, (uint8_t *)r->routes[1] + 4);
    CU_ASSERT_EQUAL(times(said(r, 10, ASK_AT), "\"straight\":true"), 1);
    CU_ASSERT_EQUAL(r->works, 1);
    rig_free(r);
}

static void
test_legs_between_stops_are_found_once_for_each_map(void)
{
    struct rig *r = with_phone(3);

    (void)said(r, 10, ASK_AT);
    CU_ASSERT_EQUAL(counted(r, COUNT_WAY_LEGS_KEPT), 0);
    char *first = strdup(said(r, 10, ASK_AT));
    CU_ASSERT_EQUAL(counted(r, COUNT_WAY_LEGS_KEPT), 2); /* not the one from where the courier is */
    CU_ASSERT_STRING_EQUAL(said(r, 10, ASK_AT), first);
    CU_ASSERT_EQUAL(HASH_COUNT(rig_core(r)->ways.kept), 2);
    put_map(r, &streets_of_town);
    CU_ASSERT_EQUAL(HASH_COUNT(rig_core(r)->ways.kept), 0);
    (void)said(r, 10, ASK);
    CU_ASSERT_EQUAL(counted(r, COUNT_WAY_LEGS_KEPT), 4);
    free(first);
    rig_free(r);
}

static void
test_what_is_remembered_is_bounded(void)
{
    struct rig *r = with_phone(12);

    streets = MANY_STREETS;
    for (unsigned i = 0; i < 40; i++) {
        put_route(r, 1, 8 + i, 12);
        rig_core(r)->ways.kept_bytes += WAYS_KEPT_BYTES; /* as if others had filled it */
        (void)said(r, 10, ASK);
        CU_ASSERT(HASH_COUNT(rig_core(r)->ways.kept) <= 1);
        rig_core(r)->ways.kept_bytes = 0;
        for (const struct kept_leg *k = rig_core(r)->ways.kept; k != NULL; k = k->hh.next)
            rig_core(r)->ways.kept_bytes += k->found.n;
    }
    rig_free(r);
}

static void
test_a_way_is_as_long_as_a_phone_can_take(void)
{
    struct rig *r = with_phone(16);

    streets = MANY_STREETS;
    struct buf job = {0}, out = {0};
    ways_job_begin(&job, TRAVEL_CAR, 0);
    ways_job_leg(&job, (struct latlng){392800000, -766000000},
                 (struct latlng){392900000, -766000000});
    CU_ASSERT_EQUAL(ways_work(&streets_of_town, buf_slice(&job), &out), LC_OK);
    struct arena *a = arena_new(1 << 20);
    Lifecircle__V1__CourierWay__Leg leg = LIFECIRCLE__V1__COURIER_WAY__LEG__INIT;
    struct cursor c = {.p = out.p, .n = out.n};
    CU_ASSERT_TRUE(ways_leg_read(cursor_blob(&c), a, &leg));
    CU_ASSERT_EQUAL(leg.n_streets, 40);
    streets = 1;
    CU_ASSERT_EQUAL(times(said(r, 10, ASK_AT), "\"order_id\""), WAY_LEGS);
    CU_ASSERT_EQUAL(ways_work(&streets_of_town, slice_of(job.p, job.n - 1), &out), LC_EINVAL);
    CU_ASSERT_FALSE(ways_leg_read(slice_of(out.p, 3), a, &leg));
    arena_destroy(a);
    buf_free(&job);
    buf_free(&out);
    rig_free(r);
}

static void
test_one_question_at_a_time(void)
{
    struct rig *r = with_phone(2);

    r->no_work = true;
    CU_ASSERT_STRING_EQUAL(said(r, 10, ASK_AT), "");
    CU_ASSERT_PTR_NOT_NULL(strstr(said(r, 10, ASK_AT), "\"code\":\"too_many\""));
    rig_wake(r, WAY_PATIENCE_MS); /* the thread has lost it */
    CU_ASSERT_PTR_NOT_NULL(
        strstr(rig_last(r, EFFECT_SOCKET_SEND, 10)->bytes, "\"code\":\"unavailable\""));
    r->no_work = false;
    CU_ASSERT_EQUAL(times(said(r, 10, ASK_AT), "\"straight\":false"), 2);
    CU_ASSERT_EQUAL(counted(r, COUNT_WAYS_REFUSED), 2);
    rig_free(r);
}

static void
test_lost_redis_and_lost_phones_leave_nothing_behind(void)
{
    struct rig *r = with_phone(2);
    struct event gone = {.kind = EVENT_GONE, .ref = 10};

    r->redis_dead = true;
    CU_ASSERT_PTR_NOT_NULL(strstr(said(r, 10, ASK), "\"code\":\"unavailable\""));
    r->redis_dead = false;
    r->no_work = true;
    CU_ASSERT_STRING_EQUAL(said(r, 10, ASK_AT), "");
    rig_feed(r, &gone);
    rig_wake(r, WAY_PATIENCE_MS);
    CU_ASSERT_PTR_NULL(rig_core(r)->ways.asked);
    rig_free(r);
}

static void
test_a_courier_sees_only_their_own_way(void)
{
    struct rig *r = with_phone(2);

    rig_http(r, 20, "/v1/courier", "token=" OTHER, true);
    const char *m = said(r, 20, ASK_AT);
    CU_ASSERT_PTR_NOT_NULL(strstr(m, "\"version\":0,\"legs\":[]"));
    m = said(r, 20, "{\"type\":\"way\",\"courier\":1}");
    CU_ASSERT_PTR_NOT_NULL(strstr(m, "\"code\":\"bad_message\""));
    CU_ASSERT_PTR_NOT_NULL(strstr(m, "courier"));
    rig_free(r);
}

static void
test_operators_see_anybodys_way(void)
{
    struct rig *r = with_phone(2);
    Lifecircle__V1__Access a = LIFECIRCLE__V1__ACCESS__INIT;

    a.kind = LIFECIRCLE__V1__ACCESS__KIND__OPERATOR;
    a.name = (char *)(uintptr_t) "Olga";
    r->access_n = lifecircle__v1__access__pack(&a, (uint8_t *)r->access);
    rig_http(r, 30, "/v1/ops", "token=" OPERATOR, true);
    rig_say(r, 30, "{\"type\":\"hello\"}");
    const char *m = said(r, 30, "{\"type\":\"way\",\"courier\":1}");
    CU_ASSERT_PTR_NOT_NULL(strstr(m, "{\"type\":\"way\",\"courier\":1,\"version\":7,\"legs\":[{"));
    m = said(r, 30, "{\"type\":\"way\"}");
    CU_ASSERT_PTR_NOT_NULL(strstr(m, "\"field\":\"courier\""));
    CU_ASSERT_PTR_NOT_NULL(strstr(said(r, 30, "{\"type\":\"way\",\"courier\":99}"), "\"legs\":[]"));
    rig_free(r);
}

static void
test_bad_questions_are_named(void)
{
    static const struct {
        const char *ask;
        const char *heard;
    } table[] = {{"{\"type\":\"way\",\"lat\":91,\"lng\":0}", "lat"},
                 {"{\"type\":\"way\",\"lat\":1}", "lng"},
                 {"{\"type\":\"way\",\"lat\":\"x\",\"lng\":0}", "lat"},
                 {"{\"type\":\"way\",\"to\":[1,2]}", "to"}};
    struct rig *r = with_phone(2);

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        const char *m = said(r, 10, table[i].ask);
        CU_ASSERT_PTR_NOT_NULL(strstr(m, "\"code\":\"bad_message\""));
        CU_ASSERT_PTR_NOT_NULL(strstr(m, table[i].heard));
    }
    CU_ASSERT_EQUAL(counted(r, COUNT_BAD_MESSAGES), sizeof table / sizeof *table);
    CU_ASSERT_PTR_NULL(rig_core(r)->ways.asked);
    rig_free(r);
}

UNIT_MAIN("notifier ways", UNIT(test_courier_is_told_the_way_along_streets),
          UNIT(test_a_way_begins_at_the_position_that_is_known),
          UNIT(test_without_streets_lines_are_straight_and_say_so),
          UNIT(test_a_leg_that_the_map_knows_no_way_for_is_straight),
          UNIT(test_legs_between_stops_are_found_once_for_each_map),
          UNIT(test_what_is_remembered_is_bounded), UNIT(test_a_way_is_as_long_as_a_phone_can_take),
          UNIT(test_one_question_at_a_time),
          UNIT(test_lost_redis_and_lost_phones_leave_nothing_behind),
          UNIT(test_a_courier_sees_only_their_own_way), UNIT(test_operators_see_anybodys_way),
          UNIT(test_bad_questions_are_named))
