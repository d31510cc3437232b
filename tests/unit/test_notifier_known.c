/* The notifier's core alone: what phones are told of orders is read once, and forgotten in time. */
#include "unit/notifier_rig.h"

#include "notifier/known.h"

#define TOKEN "lc_courier_1_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

/* paid_on_the_way: courier 1's phone on connection 10 was told route 7, a drop-off of order 0. */
static struct rig *
paid_on_the_way(struct pay pay)
{
    struct rig *r = rig_new();

    rig_core(r)->pay = pay;
    rig_courier(r, 1, TOKEN, false);
    rig_http(r, 10, "/v1/courier", "token=" TOKEN, true);
    rig_order(r, 0, LIFECIRCLE__V1__ORDER_STATE__PICKED_UP, 1, 1);
    rig_order(r, 1, LIFECIRCLE__V1__ORDER_STATE__PICKED_UP, 1, 1);
    rig_route_to(r, 1, 7, 0, LIFECIRCLE__V1__STOP__KIND__DROPOFF);
    rig_say(r, 10, "{\"type\":\"hello\"}");
    CU_ASSERT_EQUAL(r->orders_read, 1);
    return r;
}

static struct rig *
on_the_way(void)
{
    return paid_on_the_way((struct pay){0});
}

static void
change(struct rig *r, uint32_t version, int order)
{
    rig_route_to(r, 1, version, order, LIFECIRCLE__V1__STOP__KIND__DROPOFF);
    rig_wake(r, 300);
}

static unsigned
told(const struct rig *r, const char *text)
{
    return rig_count(r, EFFECT_SOCKET_SEND, 10, text);
}

static void
test_an_order_is_read_once_however_often_its_route_changes(void)
{
    struct rig *r = on_the_way();

    for (uint32_t version = 8; version < 12; version++)
        change(r, version, 0);
    CU_ASSERT_EQUAL(told(r, "\"type\":\"route\""), 5);
    CU_ASSERT_EQUAL(told(r, "\"external_order_id\":\"o-0\",\"accepted\":false"), 5);
    CU_ASSERT_EQUAL(told(r, "\"items\":3"), 5);
    CU_ASSERT_EQUAL(told(r, "\"address\":\"3000 Fait Ave\",\"instructions\":\"\""), 5);
    CU_ASSERT_EQUAL(told(r, "\"customer\":{\"name\":\"Grace\",\"phone\":\"+14105550123\"}"), 5);
    CU_ASSERT_EQUAL(r->orders_read, 1);
    rig_free(r);
}

/* With ever less memory for what is read: either nothing is learnt, to be asked again, or all. */
static void
test_an_order_is_learnt_with_its_address_or_not_at_all(void)
{
    struct rig *r = on_the_way();
    struct session *s = session_by_courier(rig_core(r), 1);
    unsigned lacked = 0, learnt = 0;
    struct reply pair[2] = {rig_str(r->record[1], r->record_n[1]),
                            rig_str(r->sealed[1], r->sealed_n[1])};

    CU_ASSERT_PTR_NOT_NULL_FATAL(s);
    for (size_t room = 64; room <= 8192; room += 64) {
        struct event ev = {.kind = EVENT_REDIS, .now_ms = r->now_ms, .arena = arena_new(room)};
        CU_ASSERT_PTR_NOT_NULL_FATAL(ev.arena);
        enum lc_err err = known_learn(rig_core(r), &ev, s, r->order[1], pair);
        const struct known_order *k = known_find(s, r->order[1]);
        CU_ASSERT_EQUAL(k != NULL, err == LC_OK);
        CU_ASSERT(err == LC_OK || err == LC_ENOMEM);
        lacked += err == LC_ENOMEM;
        learnt += err == LC_OK;
        if (k != NULL) {
            CU_ASSERT_STRING_EQUAL(k->address, "3000 Fait Ave");
            CU_ASSERT_STRING_EQUAL(k->customer.name, "Grace");
            known_ended(rig_core(r), r->order[1]);
            CU_ASSERT_PTR_NULL(known_find(s, r->order[1]));
        }
        arena_destroy(ev.arena);
    }
    CU_ASSERT(lacked > 0 && learnt > 0);
    struct event ev = {.kind = EVENT_REDIS, .now_ms = r->now_ms, .arena = arena_new(8192)};
    struct reply none[2] = {rig_str("", 0), rig_str("", 0)};
    CU_ASSERT_EQUAL(known_learn(rig_core(r), &ev, s, r->order[1], none), LC_ENOTFOUND);
    arena_destroy(ev.arena);
    rig_free(r);
}

static void
test_an_order_that_left_the_route_is_forgotten(void)
{
    struct rig *r = on_the_way();

    change(r, 8, 1);
    CU_ASSERT_EQUAL(r->orders_read, 2);
    CU_ASSERT_EQUAL(HASH_COUNT(rig_core(r)->known), 1);
    CU_ASSERT_PTR_NULL(known_find(session_by_courier(rig_core(r), 1), r->order[0]));
    change(r, 9, 0);
    CU_ASSERT_EQUAL(r->orders_read, 3);
    CU_ASSERT_EQUAL(told(r, "\"external_order_id\":\"o-0\""), 2);
    rig_free(r);
}

/* From here on it may be erased: nothing of it is kept. */
static void
test_an_order_that_has_ended_is_forgotten_at_once(void)
{
    struct rig *r = on_the_way();

    rig_order(r, 0, LIFECIRCLE__V1__ORDER_STATE__CANCELLED, 1, 2);
    rig_wake(r, 300);
    CU_ASSERT_EQUAL(HASH_COUNT(rig_core(r)->known), 0);
    change(r, 8, 0); /* the router has not heard of it yet */
    CU_ASSERT_EQUAL(told(r, "\"version\":8"), 1);
    CU_ASSERT_EQUAL(r->orders_read, 2);
    CU_ASSERT_EQUAL(HASH_COUNT(rig_core(r)->known), 0);
    rig_free(r);
}

static void
test_nothing_is_kept_of_a_phone_that_went_or_of_before_redis_was_lost(void)
{
    struct event gone = {.kind = EVENT_GONE, .ref = 10};
    struct event up = {.kind = EVENT_REDIS_UP};
    struct rig *r = on_the_way();

    CU_ASSERT_EQUAL(HASH_COUNT(rig_core(r)->known), 1);
    rig_feed(r, &up);
    CU_ASSERT_EQUAL(HASH_COUNT(rig_core(r)->known), 0);
    change(r, 8, 0);
    CU_ASSERT_EQUAL(HASH_COUNT(rig_core(r)->known), 1);
    rig_feed(r, &gone);
    CU_ASSERT_EQUAL(HASH_COUNT(rig_core(r)->known), 0);
    rig_free(r);
}

static void
test_events_that_were_missed_may_have_been_ends(void)
{
    struct rig *r = on_the_way();

    rig_route_to(r, 1, 8, 0, LIFECIRCLE__V1__STOP__KIND__DROPOFF);
    r->events[r->n_events - 1].number += 5; /* those before it were trimmed before they were read */
    rig_wake(r, 300);
    CU_ASSERT_EQUAL(told(r, "\"version\":8"), 1);
    CU_ASSERT_EQUAL(r->orders_read, 2);
    rig_free(r);
}

/* A route of orders 0, which is known, and 1, which is not. */
static void
route_of_two(struct rig *r, uint32_t version)
{
    Lifecircle__V1__Route route = LIFECIRCLE__V1__ROUTE__INIT;
    Lifecircle__V1__Stop stop[2];
    Lifecircle__V1__Stop *stops[] = {&stop[0], &stop[1]};
    char text[2][UUID_TEXT];

    rig_route_to(r, 1, version, 0, LIFECIRCLE__V1__STOP__KIND__DROPOFF); /* the event */
    for (size_t i = 0; i < 2; i++) {
        uuid_format(r->order[i], text[i]);
        lifecircle__v1__stop__init(&stop[i]);
        stop[i].kind = LIFECIRCLE__V1__STOP__KIND__DROPOFF;
        stop[i].order_id = text[i];
    }
    route.courier = 1;
    route.version = version;
    route.stops = stops;
    route.n_stops = 2;
    r->route_n[1] = 4 + lifecircle__v1__route__pack(&route, (uint8_t *)r->routes[1] + 4);
}

static void
end_of_order_0(struct rig *r)
{
    r->while_reading = NULL;
    known_ended(rig_core(r), r->order[0]);
}

static void
test_an_order_that_ends_while_its_route_is_read_is_read_again(void)
{
    struct rig *r = on_the_way();

    route_of_two(r, 8);
    r->while_reading = end_of_order_0;
    rig_wake(r, 300);
    CU_ASSERT_EQUAL(told(r, "\"version\":8"), 1);
    const struct rig_sent *s = rig_last(r, EFFECT_SOCKET_SEND, 10);
    CU_ASSERT_PTR_NOT_NULL_FATAL(s);
    CU_ASSERT_PTR_NOT_NULL(strstr(s->bytes, "\"external_order_id\":\"o-0\""));
    CU_ASSERT_PTR_NOT_NULL(strstr(s->bytes, "\"external_order_id\":\"o-1\""));
    rig_free(r);
}

/* A phone that comes back on another connection while its route is read hears all of it there. */
static void
test_a_phone_that_comes_back_is_told_all(void)
{
    struct rig *r = on_the_way();

    rig_http(r, 11, "/v1/courier", "token=" TOKEN, true);
    CU_ASSERT_EQUAL(HASH_COUNT(rig_core(r)->known), 0);
    rig_say(r, 11, "{\"type\":\"hello\",\"last_version\":6}");
    CU_ASSERT_EQUAL(rig_count(r, EFFECT_SOCKET_SEND, 11, "\"address\":\"3000 Fait Ave\""), 1);
    rig_free(r);
}

static void
test_a_stop_says_what_it_earns(void)
{
    struct rig *r = paid_on_the_way((struct pay){"USD", 400, 60, 250});

    CU_ASSERT_EQUAL(told(r, "\"currency\":\"USD\""), 1);
    CU_ASSERT_EQUAL(told(r, "\"items\":3,\"pay\":400,"), 1);
    rig_route_to(r, 1, 8, 0, LIFECIRCLE__V1__STOP__KIND__RETURN);
    rig_wake(r, 300);
    CU_ASSERT_EQUAL(told(r, "\"items\":3,\"pay\":250,"), 1);
    rig_route_to(r, 1, 9, 0, LIFECIRCLE__V1__STOP__KIND__PICKUP);
    rig_wake(r, 300);
    CU_ASSERT_EQUAL(told(r, "\"pay\""), 2);
    rig_free(r);
}

static void
test_nothing_is_said_of_pay_where_the_city_says_nothing(void)
{
    struct rig *r = paid_on_the_way((struct pay){"", 400, 60, 250});

    CU_ASSERT_EQUAL(told(r, "\"external_order_id\":\"o-0\""), 1);
    CU_ASSERT_EQUAL(told(r, "\"pay\"") + told(r, "\"currency\""), 0);
    rig_free(r);
}

UNIT_MAIN("what is known of orders",
          UNIT(test_an_order_is_read_once_however_often_its_route_changes),
          UNIT(test_an_order_is_learnt_with_its_address_or_not_at_all),
          UNIT(test_an_order_that_left_the_route_is_forgotten),
          UNIT(test_an_order_that_has_ended_is_forgotten_at_once),
          UNIT(test_nothing_is_kept_of_a_phone_that_went_or_of_before_redis_was_lost),
          UNIT(test_events_that_were_missed_may_have_been_ends),
          UNIT(test_an_order_that_ends_while_its_route_is_read_is_read_again),
          UNIT(test_a_phone_that_comes_back_is_told_all), UNIT(test_a_stop_says_what_it_earns),
          UNIT(test_nothing_is_said_of_pay_where_the_city_says_nothing))
