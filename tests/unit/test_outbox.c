#include "base/step.h"
#include "base/wire.h"
#include "unit/unit.h"

static void
ack(Lifecircle__V1__Envelope *env, Lifecircle__V1__Ack *body)
{
    lifecircle__v1__envelope__init(env);
    lifecircle__v1__ack__init(body);
    env->body_case = LIFECIRCLE__V1__ENVELOPE__BODY_ACK;
    env->ack = body;
    env->deadline_ms = 77;
}

static void
test_outbox_keeps_effects_in_order_and_whole(void)
{
    struct outbox *o = outbox_new(1 << 20);
    Lifecircle__V1__Envelope env;
    Lifecircle__V1__Ack body;
    struct slice argv[] = {SLICE_LIT("GET"), SLICE_LIT(""), SLICE_LIT("a\0b")};
    char page[] = "hello";
    struct latlng p = {1, 2};
    struct travel_ask ask = {&p, 1, &p, 1, TRAVEL_FOOT, 5};

    ack(&env, &body);
    outbox_send(o, ROLE_INVENTORY, &env);
    outbox_answer(o, 9, &env);
    outbox_news(o, &env);
    outbox_redis(o, 4, argv, 3);
    outbox_http(o, 5, 404, "text/plain", "X-A: b\r\n", slice_str(page));
    outbox_http_pause(o, 6, true);
    outbox_http_pause(o, 6, false);
    outbox_socket_accept(o, 7, "lifecircle.v1.json");
    outbox_socket_send(o, 7, true, SLICE_LIT("{}"));
    outbox_socket_close(o, 7, 1008, "slow");
    outbox_call(o, 8, SLICE_LIT("https://x/"), SLICE_LIT("A: b\r\n"), SLICE_LIT("[]"), 123);
    outbox_wake(o, 456);
    outbox_note(o, "started", "n=%d", 3);
    outbox_travel(o, 10, &ask, 789);
    outbox_work(o, 11, SLICE_LIT("a job"));
    page[0] = 'J'; /* everything was copied */

    static const enum effect_kind kinds[] = {
        EFFECT_SEND,        EFFECT_ANSWER,       EFFECT_NEWS,        EFFECT_REDIS,
        EFFECT_HTTP,        EFFECT_HTTP_PAUSE,   EFFECT_HTTP_RESUME, EFFECT_SOCKET_ACCEPT,
        EFFECT_SOCKET_SEND, EFFECT_SOCKET_CLOSE, EFFECT_CALL,        EFFECT_WAKE,
        EFFECT_NOTE,        EFFECT_TRAVEL,       EFFECT_WORK};
    CU_ASSERT_EQUAL_FATAL(outbox_count(o), sizeof kinds / sizeof *kinds);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        CU_ASSERT_EQUAL(outbox_at(o, i)->kind, kinds[i]);
    CU_ASSERT_PTR_NULL(outbox_at(o, sizeof kinds / sizeof *kinds));

    CU_ASSERT_EQUAL(outbox_at(o, 0)->role, ROLE_INVENTORY);
    CU_ASSERT_EQUAL(outbox_at(o, 0)->at_ms, 77);
    CU_ASSERT_TRUE(slice_eq(outbox_at(o, 0)->bytes, outbox_at(o, 2)->bytes));
    CU_ASSERT_EQUAL(outbox_at(o, 3)->argc, 3);
    CU_ASSERT_TRUE(slice_eq(outbox_at(o, 3)->argv[2], argv[2]));
    CU_ASSERT_EQUAL(outbox_at(o, 3)->argv[1].n, 0);
    CU_ASSERT_TRUE(slice_eq_str(outbox_at(o, 4)->bytes, "hello"));
    CU_ASSERT_TRUE(slice_eq_str(outbox_at(o, 4)->extra, "X-A: b\r\n"));
    CU_ASSERT_TRUE(slice_eq_str(outbox_at(o, 9)->name, "slow"));
    CU_ASSERT_TRUE(slice_eq_str(outbox_at(o, 10)->extra, "A: b\r\n"));
    CU_ASSERT_EQUAL(outbox_at(o, 11)->at_ms, 456);
    CU_ASSERT_TRUE(slice_eq_str(outbox_at(o, 12)->bytes, "n=3"));
    CU_ASSERT_EQUAL(outbox_at(o, 13)->at_ms, 789);
    outbox_destroy(o);
}

static void
test_outbox_packs_envelopes_that_decode(void)
{
    struct outbox *o = outbox_new(1 << 20);
    struct arena *a = arena_new(WIRE_ARENA_MAX);
    const Lifecircle__V1__Envelope *got;
    Lifecircle__V1__Envelope env;
    Lifecircle__V1__Ack body;

    ack(&env, &body);
    outbox_news(o, &env);
    CU_ASSERT_EQUAL_FATAL(wire_decode(a, outbox_at(o, 0)->bytes, &got), LC_OK);
    CU_ASSERT_EQUAL(got->deadline_ms, 77);
    arena_destroy(a);
    outbox_destroy(o);
}

static void
test_outbox_rewind_forgets_what_came_after(void)
{
    struct outbox *o = outbox_new(4096);

    outbox_note(o, "kept", "a");
    struct outbox_mark mark = outbox_mark(o);
    for (int i = 0; i < 100; i++)
        outbox_http_chunk(o, 1, SLICE_LIT("a hundred of these are over the cap of four kilobytes"));
    CU_ASSERT_TRUE(outbox_failed(o));
    outbox_rewind(o, mark);
    CU_ASSERT_FALSE(outbox_failed(o));
    CU_ASSERT_EQUAL(outbox_count(o), 1);
    CU_ASSERT_TRUE(slice_eq_str(outbox_at(o, 0)->name, "kept"));
    outbox_wake(o, 5);
    CU_ASSERT_EQUAL(outbox_count(o), 2);
    outbox_destroy(o);
}

static void
test_outbox_rewind_to_notes_keeps_what_says_why(void)
{
    struct outbox *o = outbox_new(4096);

    outbox_note(o, "before", "a");
    struct outbox_mark mark = outbox_mark(o);
    outbox_wake(o, 5);
    outbox_note(o, "why", "b");
    outbox_order(o, "placed", &(struct order_note){.order = {{1}}});
    outbox_wake(o, 6);
    outbox_rewind_to_notes(o, mark);
    CU_ASSERT_EQUAL_FATAL(outbox_count(o), 2);
    CU_ASSERT_TRUE(slice_eq_str(outbox_at(o, 0)->name, "before"));
    CU_ASSERT_TRUE(slice_eq_str(outbox_at(o, 1)->name, "why"));
    CU_ASSERT_TRUE(slice_eq_str(outbox_at(o, 1)->bytes, "b"));
    mark = outbox_mark(o);
    outbox_note(o, "why", "c");
    for (int i = 0; i < 100; i++)
        outbox_http_chunk(o, 1, SLICE_LIT("a hundred of these are over the cap of four kilobytes"));
    outbox_rewind_to_notes(o, mark);
    CU_ASSERT_FALSE(outbox_failed(o));
    CU_ASSERT_EQUAL(outbox_count(o), 2);
    outbox_destroy(o);
}

static void
test_outbox_fails_at_the_cap_and_adds_nothing_more(void)
{
    struct outbox *o = outbox_new(1000);
    static const char big[2000];

    outbox_http(o, 1, 200, "text/plain", NULL, slice_of(big, sizeof big));
    CU_ASSERT_TRUE(outbox_failed(o));
    size_t n = outbox_count(o);
    outbox_wake(o, 1);
    outbox_note(o, "x", "y");
    CU_ASSERT_EQUAL(outbox_count(o), n);
    outbox_reset(o);
    CU_ASSERT_FALSE(outbox_failed(o));
    CU_ASSERT_EQUAL(outbox_count(o), 0);
    outbox_destroy(o);
}

/* Effects without bytes cost memory too. */
static void
test_outbox_bounds_the_number_of_effects(void)
{
    struct outbox *o = outbox_new(1 << 16);

    for (int i = 0; i < 1 << 16; i++)
        outbox_wake(o, i);
    CU_ASSERT_TRUE(outbox_failed(o));
    CU_ASSERT(outbox_count(o) < 1 << 10);
    outbox_destroy(o);
}

static void
test_outbox_fails_at_every_cap_without_harm(void)
{
    Lifecircle__V1__Envelope env;
    Lifecircle__V1__Ack body;
    struct slice argv[] = {SLICE_LIT("GET"), SLICE_LIT("key")};

    ack(&env, &body);
    for (size_t cap = 0; cap < 600; cap += 8) {
        struct outbox *o = outbox_new(cap);
        outbox_send(o, ROLE_ROUTER, &env);
        outbox_redis(o, 4, argv, 2);
        outbox_call(o, 8, SLICE_LIT("https://x/"), SLICE_LIT("A: b\r\n"), SLICE_LIT("[]"), 123);
        outbox_note(o, "event", "words");
        CU_ASSERT_TRUE(outbox_failed(o) || outbox_count(o) == 4);
        outbox_destroy(o);
    }
}

static void
test_outbox_note_cuts_what_is_longer_than_a_line(void)
{
    struct outbox *o = outbox_new(1 << 20);
    char words[3000];

    memset(words, 'w', sizeof words - 1);
    words[sizeof words - 1] = '\0';
    outbox_note(o, "long", "%s", words);
    CU_ASSERT_EQUAL(outbox_at(o, 0)->bytes.n, 1023);
    outbox_destroy(o);
}

static void
test_outbox_order_says_which_order_and_trace(void)
{
    struct outbox *o = outbox_new(1 << 20);
    struct order_note note = {.order = {{0x01, [8] = 0x80, [15] = 0x17}},
                              .trace = {{0xab, [15] = 0xcd}, {1}, 1},
                              .store = 4294967294,
                              .courier = 10,
                              .ms = 1200,
                              .key = "status",
                              .value = "201"};

    outbox_order(o, "order_answered", &note);
    CU_ASSERT_EQUAL_FATAL(outbox_count(o), 1);
    const struct effect *e = outbox_at(o, 0);
    CU_ASSERT_EQUAL(e->kind, EFFECT_NOTE);
    CU_ASSERT_EQUAL(e->ref, NOTE_ORDER);
    CU_ASSERT_TRUE(slice_eq_str(e->name, "order_answered"));
    CU_ASSERT_TRUE(slice_eq_str(
        e->bytes,
        "order=01000000-0000-0000-8000-000000000017 trace=ab0000000000000000000000000000cd "
        "store=4294967294 courier=10 ms=1200 status=201"));
    note.store = note.courier = NOTE_UNSAID;
    note.ms = -1;
    note.key = NULL;
    outbox_order(o, "order_answered", &note);
    CU_ASSERT_TRUE(slice_eq_str(outbox_at(o, 1)->bytes,
                                "order=01000000-0000-0000-8000-000000000017 "
                                "trace=ab0000000000000000000000000000cd"));
    outbox_destroy(o);
}

/* What a value may hold is its giver's business; how long it is, not. */
static void
test_outbox_order_cuts_a_long_value(void)
{
    struct outbox *o = outbox_new(1 << 20);
    char value[1000];

    memset(value, 'x', sizeof value - 1);
    value[sizeof value - 1] = '\0';
    outbox_order(o, "order_waits", &(struct order_note){.ms = -1, .key = "why", .value = value});
    CU_ASSERT_EQUAL(outbox_at(o, 0)->bytes.n, 320);
    outbox_destroy(o);
}

static void
test_outbox_order_without_room_leaves_the_step_alone(void)
{
    struct outbox *o = outbox_new(256);
    const struct order_note note = {.ms = -1};

    outbox_wake(o, 5);
    for (int i = 0; i < 20; i++)
        outbox_order(o, "order_answered", &note);
    CU_ASSERT_FALSE(outbox_failed(o));
    CU_ASSERT_EQUAL(outbox_at(o, 0)->kind, EFFECT_WAKE);
    CU_ASSERT_TRUE(outbox_count(o) < 20);
    outbox_destroy(o);
}

UNIT_MAIN("outbox", UNIT(test_outbox_order_says_which_order_and_trace),
          UNIT(test_outbox_order_cuts_a_long_value),
          UNIT(test_outbox_order_without_room_leaves_the_step_alone),
          UNIT(test_outbox_keeps_effects_in_order_and_whole),
          UNIT(test_outbox_packs_envelopes_that_decode),
          UNIT(test_outbox_rewind_forgets_what_came_after),
          UNIT(test_outbox_rewind_to_notes_keeps_what_says_why),
          UNIT(test_outbox_fails_at_the_cap_and_adds_nothing_more),
          UNIT(test_outbox_bounds_the_number_of_effects),
          UNIT(test_outbox_fails_at_every_cap_without_harm),
          UNIT(test_outbox_note_cuts_what_is_longer_than_a_line))
