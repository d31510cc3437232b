/* Why something is as it is: a stop that is off a courier's route, an order that was filed away,
 * why this courier, and what a store is out of. */
#include "unit/notifier_rig.h"

#include "access.pb-c.h"
#include "dispatch.pb-c.h"

#include <ctype.h>

#define ADA "lc_courier_1_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
#define OPERATOR "lc_operator_0_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

/* past: one more entry of the order's history. */
static void
past(struct rig *r, unsigned state, unsigned reason, uint32_t courier, const char *words)
{
    struct buf b = {0};

    buf_u8(&b, (uint8_t)state);
    buf_u8(&b, (uint8_t)reason);
    buf_u16(&b, 0);
    buf_u32(&b, 1);
    buf_u32(&b, courier);
    buf_u32(&b, (uint32_t)r->histories + 1);
    buf_u64(&b, (uint64_t)r->now_ms);
    buf_str(&b, words);
    memcpy(r->history[r->histories], b.p, b.n);
    r->history_n[r->histories++] = b.n;
    buf_free(&b);
}

static struct rig *
with_courier(void)
{
    struct rig *r = rig_new();

    rig_courier(r, 1, ADA, false);
    rig_http(r, 10, "/v1/courier", "token=" ADA, true);
    rig_say(r, 10, "{\"type\":\"hello\"}");
    return r;
}

static void
ask_why(struct rig *r)
{
    char id[UUID_TEXT];
    char text[128];

    uuid_format(uuid_order(1, SLICE_LIT("o-0")), id);
    snprintf(text, sizeof text, "{\"type\":\"gone\",\"order_id\":\"%s\"}", id);
    rig_say(r, 10, text);
}

enum {
    PLACED = LIFECIRCLE__V1__ORDER_STATE__PLACED,
    CONFIRMED = LIFECIRCLE__V1__ORDER_STATE__CONFIRMED,
    CANCELLED = LIFECIRCLE__V1__ORDER_STATE__CANCELLED,
};

static void
test_courier_hears_the_operators_words(void)
{
    static const struct {
        const char *entry;
        const char *told;
    } cases[] = {
        {"Olga M.: on hold: the kitchen is flooded",
         "\"reason\":null,\"ruling\":\"held\",\"words\":\"the kitchen is flooded\"}"},
        {"Olga: on hold", "\"ruling\":\"held\",\"words\":\"\"}"},
        {"Olga: pinned to courier 12: she is nearer",
         "\"ruling\":\"pinned\",\"words\":\"she is nearer\"}"},
        {"Olga: not for courier 1", "\"ruling\":\"banned\",\"words\":\"\"}"},
        {"Olga: on holdings", "\"ruling\":null,\"words\":\"\"}"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct rig *r = with_courier();
        past(r, CONFIRMED, 0, 1, "");
        past(r, CONFIRMED, 0, 1, cases[i].entry);
        past(r, PLACED, 0, 0, "");
        ask_why(r);
        CU_ASSERT_EQUAL(rig_count(r, EFFECT_SOCKET_SEND, 10, "\"type\":\"gone\""), 1);
        CU_ASSERT_EQUAL(rig_count(r, EFFECT_SOCKET_SEND, 10, cases[i].told), 1);
        rig_free(r);
    }
}

static void
test_courier_hears_what_ended_the_order(void)
{
    struct rig *r = with_courier();

    past(r, CONFIRMED, LIFECIRCLE__V1__REASON__COURIER_SILENT, 1, ""); /* of the one before */
    past(r, CANCELLED, LIFECIRCLE__V1__REASON__CUSTOMER_CANCELLED, 1, "customer");
    ask_why(r);
    CU_ASSERT_EQUAL(
        rig_count(r, EFFECT_SOCKET_SEND, 10, "\"reason\":\"customer_cancelled\",\"ruling\":null"),
        1);
    rig_free(r);
}

/* The same courier, on another phone: this one still has the stop on its screen. */
static void
test_courier_hears_that_it_was_done_on_another_phone(void)
{
    static const struct {
        unsigned state;
        unsigned reason;
        const char *told;
    } cases[] = {
        {LIFECIRCLE__V1__ORDER_STATE__DELIVERED, 0, "\"ended\":\"delivered\","},
        {LIFECIRCLE__V1__ORDER_STATE__RETURNED, 0, "\"ended\":\"returned\","},
        {CANCELLED, 0, "\"ended\":null,"},
        /* an operator said so, not this courier */
        {LIFECIRCLE__V1__ORDER_STATE__DELIVERED, LIFECIRCLE__V1__REASON__OPERATOR,
         "\"ended\":null,\"reason\":\"operator\""},
        {LIFECIRCLE__V1__ORDER_STATE__RETURNED, LIFECIRCLE__V1__REASON__OPERATOR,
         "\"ended\":null,\"reason\":\"operator\""},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct rig *r = with_courier();
        past(r, CONFIRMED, 0, 1, "");
        past(r, cases[i].state, cases[i].reason, 1, "");
        ask_why(r);
        CU_ASSERT_EQUAL(rig_count(r, EFFECT_SOCKET_SEND, 10, cases[i].told), 1);
        rig_free(r);
    }
}

/* A phone may write the id in capitals: it is the same order. */
static void
test_courier_asks_with_an_id_in_capitals(void)
{
    struct rig *r = with_courier();
    char id[UUID_TEXT], text[128];

    past(r, CONFIRMED, 0, 1, "");
    past(r, CANCELLED, LIFECIRCLE__V1__REASON__CUSTOMER_CANCELLED, 1, "customer");
    uuid_format(uuid_order(1, SLICE_LIT("o-0")), id);
    for (char *p = id; *p != '\0'; p++)
        *p = (char)toupper((unsigned char)*p);
    snprintf(text, sizeof text, "{\"type\":\"gone\",\"order_id\":\"%s\"}", id);
    rig_say(r, 10, text);
    CU_ASSERT_EQUAL(rig_count(r, EFFECT_REDIS, 0, id), 0);
    CU_ASSERT_EQUAL(rig_count(r, EFFECT_SOCKET_SEND, 10, "\"reason\":\"customer_cancelled\""), 1);
    rig_free(r);
}

/* What becomes of it with others is their business, and what people say of them is not for this
 * courier's ears. */
static void
test_courier_hears_nothing_of_what_came_later(void)
{
    struct rig *r = with_courier();

    past(r, CONFIRMED, 0, 1, "");
    past(r, PLACED, LIFECIRCLE__V1__REASON__COURIER_VANISHED, 0, "");
    past(r, PLACED, LIFECIRCLE__V1__REASON__COURIER_VANISHED, 0, "Olga: on hold: call him first");
    past(r, CONFIRMED, LIFECIRCLE__V1__REASON__COURIER_VANISHED, 2, "");
    past(r, CONFIRMED, LIFECIRCLE__V1__REASON__COURIER_VANISHED, 2,
         "Olga: not for courier 2: he is drunk");
    past(r, PLACED, LIFECIRCLE__V1__REASON__OPERATOR, 0, "");
    past(r, CANCELLED, LIFECIRCLE__V1__REASON__CUSTOMER_CANCELLED, 0, "customer");
    ask_why(r);
    CU_ASSERT_EQUAL(rig_count(r, EFFECT_SOCKET_SEND, 10,
                              "\"reason\":\"courier_vanished\",\"ruling\":null,\"words\":\"\"}"),
                    1);
    rig_free(r);
}

/* A ruling that did not take the order away: for this courier, or not enforced before it went. */
static void
test_courier_hears_no_ruling_that_took_nothing_away(void)
{
    static const char *const entries[] = {"Olga: pinned to courier 1: knows the house",
                                          "Olga: on hold: only for a moment"};

    for (size_t i = 0; i < sizeof entries / sizeof *entries; i++) {
        struct rig *r = with_courier();
        past(r, CONFIRMED, 0, 1, "");
        past(r, CONFIRMED, 0, 1, entries[i]);
        past(r, PLACED, LIFECIRCLE__V1__REASON__COURIER_VANISHED, 0, "");
        ask_why(r);
        CU_ASSERT_EQUAL(
            rig_count(r, EFFECT_SOCKET_SEND, 10,
                      "\"reason\":\"courier_vanished\",\"ruling\":null,\"words\":\"\"}"),
            1);
        rig_free(r);
    }
}

static void
test_ruling_counts_whatever_the_courier_reports_meanwhile(void)
{
    struct rig *r = with_courier();

    past(r, CONFIRMED, 0, 1, "");
    past(r, CONFIRMED, 0, 1, "Olga: not for courier 1: the shop asks for it");
    past(r, LIFECIRCLE__V1__ORDER_STATE__ENROUTE_TO_PICKUP, 0, 1, "");
    past(r, PLACED, LIFECIRCLE__V1__REASON__OPERATOR, 0, "");
    ask_why(r);
    CU_ASSERT_EQUAL(rig_count(r, EFFECT_SOCKET_SEND, 10,
                              "\"ruling\":\"banned\",\"words\":\"the shop asks for it\"}"),
                    1);
    rig_free(r);
}

static void
test_courier_hears_nothing_of_orders_of_others(void)
{
    struct rig *r = with_courier();

    past(r, CONFIRMED, 0, 2, "");
    past(r, PLACED, 0, 0, "Olga: on hold: a secret");
    ask_why(r);
    CU_ASSERT_EQUAL(rig_count(r, EFFECT_SOCKET_SEND, 10, "\"code\":\"not_yours\""), 1);
    CU_ASSERT_EQUAL(rig_count(r, EFFECT_SOCKET_SEND, 10, "secret"), 0);
    rig_say(r, 10, "{\"type\":\"gone\",\"order_id\":\"x\"}");
    CU_ASSERT_EQUAL(rig_count(r, EFFECT_SOCKET_SEND, 10, "\"code\":\"bad_message\""), 1);
    rig_free(r);
}

/* ---- customers ---- */

static void
post(struct rig *r, uint64_t conn, const char *path, const char *body)
{
    struct header_field type = {SLICE_LIT("Content-Type"), SLICE_LIT("application/json")};
    struct http_event http = {
        .method = SLICE_LIT("POST"), .path = slice_str(path), .headers = &type, .n_headers = 1};
    struct event ev = {.kind = EVENT_HTTP, .ref = conn, .http = &http, .bytes = slice_str(body)};

    rig_feed(r, &ev);
}

static void
test_order_that_was_filed_away_is_gone_and_not_unknown(void)
{
    struct rig *r = rig_new();
    char token[TRACKING_TEXT];
    char path[128];

    tracking_token(&rig_core(r)->secret, uuid_order(1, SLICE_LIT("o-0")), token);
    snprintf(path, sizeof path, "/t/%s", token);
    rig_http(r, 10, path, "", false);
    CU_ASSERT_EQUAL(rig_last(r, EFFECT_HTTP, 10)->e.status, 410);
    CU_ASSERT_PTR_NOT_NULL(strstr(rig_last(r, EFFECT_HTTP, 10)->bytes, "\"code\":\"archived\""));
    snprintf(path, sizeof path, "/t/%s/cancel", token);
    r->step = STEP_UNKNOWN;
    post(r, 11, path, "{}");
    CU_ASSERT_EQUAL(rig_last(r, EFFECT_HTTP, 11)->e.status, 410);
    rig_http(r, 12, "/t/none", "", false);
    CU_ASSERT_EQUAL(rig_last(r, EFFECT_HTTP, 12)->e.status, 404);
    rig_free(r);
}

/* follow: a customer's stream of the rig's order, which is in this state. */
static void
follow(struct rig *r, uint64_t conn, Lifecircle__V1__OrderState state)
{
    char token[TRACKING_TEXT];
    char path[128];

    rig_order(r, 0, state, 1, 1);
    tracking_token(&rig_core(r)->secret, r->order[0], token);
    snprintf(path, sizeof path, "/t/%s/events", token);
    rig_http(r, conn, path, "", false);
    CU_ASSERT_EQUAL(rig_count(r, EFFECT_HTTP_CHUNK, conn, "event: order"), 1);
}

static void
test_stream_hears_that_its_order_was_filed_away(void)
{
    struct rig *r = rig_new();

    follow(r, 10, LIFECIRCLE__V1__ORDER_STATE__DELIVERED);
    r->record_n[0] = 0;
    struct event up = {.kind = EVENT_REDIS_UP};
    rig_feed(r, &up);
    CU_ASSERT_EQUAL(rig_count(r, EFFECT_HTTP_CHUNK, 10, "event: archived"), 1);
    CU_ASSERT_EQUAL(rig_count(r, EFFECT_HTTP_DONE, 10, ""), 1); /* and nothing waits for more */
    rig_feed(r, &up);
    CU_ASSERT_EQUAL(rig_count(r, EFFECT_HTTP_CHUNK, 10, "event: archived"), 1);
    rig_free(r);
}

/* beats_in: how many comments a customer's stream is sent in so many seconds. */
static unsigned
beats_in(struct rig *r, int seconds)
{
    unsigned n = 0;

    for (int i = 0; i < seconds; i++) {
        size_t before = r->n_sent;
        rig_wake(r, 1000);
        for (size_t at = before; at < r->n_sent; at++)
            n += r->sent[at % RIG_SENT].e.kind == EFFECT_HTTP_CHUNK &&
                 strcmp(r->sent[at % RIG_SENT].bytes, ": it runs\n\n") == 0;
    }
    return n;
}

/* A proxy, or the edge, ends a stream on which nothing moves. */
static void
test_stream_hears_that_it_runs_while_nothing_happens(void)
{
    struct rig *r = rig_new();
    struct event up = {.kind = EVENT_REDIS_UP};

    follow(r, 10, LIFECIRCLE__V1__ORDER_STATE__CONFIRMED);
    rig_wake(r, 1000);
    rig_feed(r, &up);
    CU_ASSERT_EQUAL(beats_in(r, 14), 0);
    CU_ASSERT_EQUAL(beats_in(r, 1), 1);
    CU_ASSERT_EQUAL(beats_in(r, 14), 0);
    CU_ASSERT_EQUAL(beats_in(r, 1), 1);
    CU_ASSERT_EQUAL(beats_in(r, 10), 0);
    rig_feed(r, &up); /* who hears of the order waits again */
    CU_ASSERT_EQUAL(beats_in(r, 14), 0);
    CU_ASSERT_EQUAL(beats_in(r, 1), 1);
    rig_free(r);
}

/* Otherwise a daemon that stops would wait for its customers until it is killed. */
static void
test_stream_ends_when_its_notifier_stops(void)
{
    struct rig *r = rig_new();

    follow(r, 10, LIFECIRCLE__V1__ORDER_STATE__CONFIRMED);
    CU_ASSERT_EQUAL(rig_count(r, EFFECT_HTTP_DONE, 10, ""), 0);
    struct event stop = {.kind = EVENT_STOP};
    rig_feed(r, &stop);
    CU_ASSERT_EQUAL(rig_count(r, EFFECT_HTTP_DONE, 10, ""), 1);
    follow(r, 11, LIFECIRCLE__V1__ORDER_STATE__CONFIRMED); /* was on its way: told once, sent on */
    CU_ASSERT_EQUAL(rig_count(r, EFFECT_HTTP_DONE, 11, ""), 1);
    rig_free(r);
}

/* A newer version's record, or one that memory lacks for: the order may well be on its way. */
static void
test_order_that_cannot_be_read_is_not_called_filed(void)
{
    struct rig *r = rig_new();
    char token[TRACKING_TEXT];
    char path[128];

    rig_order(r, 0, LIFECIRCLE__V1__ORDER_STATE__CONFIRMED, 1, 1);
    tracking_token(&rig_core(r)->secret, r->order[0], token);
    snprintf(path, sizeof path, "/t/%s/events", token);
    rig_http(r, 10, path, "", false);
    CU_ASSERT_EQUAL(rig_count(r, EFFECT_HTTP_CHUNK, 10, "event: order"), 1);
    r->record[0][0] = (char)0x7f; /* no version of it is known */
    struct event up = {.kind = EVENT_REDIS_UP};
    rig_feed(r, &up);
    CU_ASSERT_EQUAL(rig_count(r, EFFECT_HTTP_CHUNK, 10, "event: archived"), 0);
    snprintf(path, sizeof path, "/t/%s", token);
    rig_http(r, 11, path, "", false);
    CU_ASSERT_EQUAL(rig_last(r, EFFECT_HTTP, 11)->e.status, 503);
    rig_free(r);
}

/* ---- operators ---- */

static struct rig *
with_operator(void)
{
    Lifecircle__V1__Access a = LIFECIRCLE__V1__ACCESS__INIT;
    Lifecircle__V1__Store s = LIFECIRCLE__V1__STORE__INIT;
    Lifecircle__V1__Point at = LIFECIRCLE__V1__POINT__INIT;
    struct rig *r = rig_new();

    put_chain(r, "", false);
    s.store = 1;
    s.chain = 1;
    s.at = &at;
    s.store_id = s.name = (char *)(uintptr_t) "fait-ave";
    CU_ASSERT_EQUAL(catalogue_put_store(rig_core(r)->catalogue, &s), LC_OK);
    a.kind = LIFECIRCLE__V1__ACCESS__KIND__OPERATOR;
    a.name = (char *)(uintptr_t) "Olga";
    r->access_n = lifecircle__v1__access__pack(&a, (uint8_t *)r->access);
    rig_http(r, 10, "/v1/ops", "token=" OPERATOR, true);
    return r;
}

static void
test_operator_sees_why_this_courier(void)
{
    Lifecircle__V1__DispatchDecision d = LIFECIRCLE__V1__DISPATCH_DECISION__INIT;
    Lifecircle__V1__DispatchDecision__Candidate c[2] = {
        LIFECIRCLE__V1__DISPATCH_DECISION__CANDIDATE__INIT,
        LIFECIRCLE__V1__DISPATCH_DECISION__CANDIDATE__INIT};
    Lifecircle__V1__DispatchDecision__Candidate *all[] = {&c[0], &c[1]};
    struct rig *r = with_operator();
    char packed[256];
    char key[64];
    char id[UUID_TEXT];
    char text[128];

    rig_courier(r, 1, ADA, false);
    c[0].courier = 1;
    c[0].verdict = (char *)(uintptr_t) "fits";
    c[0].dropoff_ms = r->now_ms;
    c[1].courier = 2;
    c[1].verdict = (char *)(uintptr_t) "capacity";
    d.courier = 1;
    d.considered = 2;
    d.fit = 1;
    d.candidates = all;
    d.n_candidates = 2;
    rig_order(r, 0, LIFECIRCLE__V1__ORDER_STATE__PLACED, 1, 1);
    uuid_format(r->order[0], id);
    snprintf(key, sizeof key, "dispatch:%s", id);
    r->value_of = key;
    r->value = packed;
    r->value_n = lifecircle__v1__dispatch_decision__pack(&d, (uint8_t *)packed);
    rig_say(r, 10, "{\"type\":\"hello\"}");
    snprintf(text, sizeof text, "{\"type\":\"order\",\"order_id\":\"%s\"}", id);
    rig_say(r, 10, text);
    CU_ASSERT_EQUAL(
        rig_count(r, EFFECT_SOCKET_SEND, 10,
                  "\"courier\":1,\"planned\":0,\"why\":\"\",\"considered\":2,\"fit\":1"),
        1);
    CU_ASSERT_EQUAL(rig_count(r, EFFECT_SOCKET_SEND, 10,
                              "{\"courier\":2,\"name\":\"\",\"verdict\":\"capacity\"}"),
                    1);
    rig_free(r);
}

/* level: an article as a shelf has it. */
static void
level(struct buf *b, int32_t available, uint32_t price)
{
    const uint32_t words[] = {(uint32_t)available, price};

    for (size_t i = 0; i < 2; i++)
        for (int shift = 24; shift >= 0; shift -= 8)
            buf_u8(b, (uint8_t)(words[i] >> shift));
}

static void
test_operator_sees_what_a_store_is_out_of(void)
{
    struct rig *r = with_operator();
    struct buf shelf = {0};

    level(&shelf, 3, 149);
    level(&shelf, 0, 219);
    level(&shelf, -1, 99); /* oversold by a correction */
    level(&shelf, 0, 0);   /* not sold here */
    r->value_of = "stock:1";
    r->value = shelf.p;
    r->value_n = shelf.n;
    rig_say(r, 10, "{\"type\":\"hello\"}");
    rig_wake(r, 1500);
    CU_ASSERT(rig_count(r, EFFECT_SOCKET_SEND, 10, "\"shelves\":[[1,2,3]]") >= 1);
    rig_say(r, 10, "{\"type\":\"shelf\",\"store\":1}");
    CU_ASSERT_EQUAL(rig_count(r, EFFECT_SOCKET_SEND, 10, "\"type\":\"shelf\",\"store\":1"), 1);
    rig_say(r, 10, "{\"type\":\"shelf\"}");
    CU_ASSERT_EQUAL(rig_count(r, EFFECT_SOCKET_SEND, 10, "\"field\":\"store\""), 1);
    buf_free(&shelf);
    rig_free(r);
}

/* Stores that sell so much that fifty shelves at once would hold up Redis and all pages. */
static void
test_large_shelves_are_read_few_at_a_time(void)
{
    enum { ARTICLES = 30000 };
    struct rig *r = with_operator();
    Lifecircle__V1__Store s = LIFECIRCLE__V1__STORE__INIT;
    Lifecircle__V1__Point at = LIFECIRCLE__V1__POINT__INIT;
    char name[16];

    for (uint32_t i = 0; i < ARTICLES; i++) {
        Lifecircle__V1__Sku sku = LIFECIRCLE__V1__SKU__INIT;
        snprintf(name, sizeof name, "a-%u", i);
        sku.sku_index = i;
        sku.sku = name;
        CU_ASSERT_EQUAL(catalogue_put_sku(rig_core(r)->catalogue, 1, &sku), LC_OK);
    }
    s.store = 2;
    s.chain = 1;
    s.at = &at;
    s.store_id = s.name = (char *)(uintptr_t) "light-st";
    CU_ASSERT_EQUAL(catalogue_put_store(rig_core(r)->catalogue, &s), LC_OK);
    rig_say(r, 10, "{\"type\":\"hello\"}");
    for (int k = 0; k < 4; k++)
        rig_wake(r, 1100);
    CU_ASSERT_EQUAL(rig_count(r, EFFECT_SOCKET_SEND, 10, "],["), 0);
    CU_ASSERT(rig_count(r, EFFECT_SOCKET_SEND, 10, "\"shelves\":[[1,0,0]]") >= 2);
    CU_ASSERT(rig_count(r, EFFECT_SOCKET_SEND, 10, "\"shelves\":[[2,0,0]]") >= 2);
    rig_free(r);
}

UNIT_MAIN("what went, and why", UNIT(test_courier_hears_the_operators_words),
          UNIT(test_courier_hears_what_ended_the_order),
          UNIT(test_courier_hears_nothing_of_what_came_later),
          UNIT(test_courier_hears_no_ruling_that_took_nothing_away),
          UNIT(test_ruling_counts_whatever_the_courier_reports_meanwhile),
          UNIT(test_courier_hears_nothing_of_orders_of_others),
          UNIT(test_courier_hears_that_it_was_done_on_another_phone),
          UNIT(test_courier_asks_with_an_id_in_capitals),
          UNIT(test_order_that_was_filed_away_is_gone_and_not_unknown),
          UNIT(test_stream_hears_that_its_order_was_filed_away),
          UNIT(test_stream_hears_that_it_runs_while_nothing_happens),
          UNIT(test_stream_ends_when_its_notifier_stops),
          UNIT(test_order_that_cannot_be_read_is_not_called_filed),
          UNIT(test_operator_sees_why_this_courier),
          UNIT(test_operator_sees_what_a_store_is_out_of),
          UNIT(test_large_shelves_are_read_few_at_a_time))
