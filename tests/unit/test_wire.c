#include "base/wire.h"
#include "unit/unit.h"

/* Hand-written frames. Envelope: source = field 2, time_ms = 3, city = 5, match_request = 10, ack =
 * 19, news = 25; MatchRequest: orders = 1; Order: fulfilment = 4, dropoff = 5, lines = 9;
 * submit_request = 23. */
#define ACK "\x9a\x01\x00" /* field 19, length 0 */

static enum lc_err
decode(const char *p, size_t n)
{
    struct arena *a = arena_new(WIRE_ARENA_MAX);
    const Lifecircle__V1__Envelope *env;
    enum lc_err err = wire_decode(a, slice_of(p, n), &env);

    CU_ASSERT_EQUAL(env != NULL, err == LC_OK);
    arena_destroy(a);
    return err;
}

#define FRAME(what, s)                                                                             \
    {                                                                                              \
        what, s, sizeof(s) - 1                                                                     \
    }

struct frame {
    const char *what;
    const char *bytes;
    size_t n;
};

static void
test_wire_decode_refuses_malformed_frames(void)
{
    static const struct frame frames[] = {
        FRAME("nothing", ""),
        FRAME("no body", "\x18\x01"),
        FRAME("only an unknown body", "\xba\x3e\x00"),
        FRAME("tag without end", "\x80"),
        FRAME("tag of six bytes", "\x98\x81\x80\x80\x80\x00\x00" ACK),
        FRAME("field number 0", "\x00\x01" ACK),
        FRAME("varint without end", ACK "\x18\xff\xff"),
        FRAME("varint of eleven bytes", ACK "\x18\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"),
        FRAME("group start", "\x1b\x1c" ACK),
        FRAME("group end", ACK "\x1c"),
        FRAME("wire type 6", ACK "\x1e\x00"),
        FRAME("wire type 7", ACK "\x1f\x00"),
        FRAME("length over the frame", ACK "\x12\x05xy"),
        FRAME("length without end", ACK "\x12\xff\xff\xff\xff\xff\x01"),
        FRAME("fixed32 cut", ACK "\x1d\x01\x02"),
        FRAME("fixed64 cut", ACK "\x19\x01\x02\x03\x04"),
        FRAME("number where a string is wanted", ACK "\x10\x01"),
        FRAME("string where a number is wanted", ACK "\x1a\x01x"),
        FRAME("fixed64 where a varint is wanted", ACK "\x19\x01\x00\x00\x00\x00\x00\x00\x00"),
        FRAME("number where a message is wanted", "\x98\x01\x01"),
        FRAME("NUL in a string", ACK "\x12\x03"
                                     "a\0b"),
        FRAME("lone continuation byte", ACK "\x12\x01\x80"),
        FRAME("overlong slash", ACK "\x12\x02\xc0\xaf"),
        FRAME("surrogate", ACK "\x12\x03\xed\xa0\x80"),
        FRAME("over U+10FFFF", ACK "\x12\x04\xf4\x90\x80\x80"),
        FRAME("character cut", ACK "\x12\x02\xe2\x82"),
        FRAME("Latin-1", ACK "\x12\x03"
                             "caf\xe9"),
        FRAME("unknown topic", "\xca\x01\x02\x08\x63"),
        FRAME("negative topic", "\xca\x01\x0b\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"),
        FRAME("message cut inside", "\xca\x01\x01\x08"),
        FRAME("latitude over 90", "\x52\x09\x0a\x07\x2a\x05\x0d\x01\xe9\xa4\x35"),
        FRAME("latitude under -90", "\x52\x09\x0a\x07\x2a\x05\x0d\xff\x16\x5b\xca"),
        FRAME("longitude over 180", "\x52\x09\x0a\x07\x2a\x05\x15\x01\xd2\x49\x6b"),
        FRAME("unknown fulfilment deep inside", "\x52\x04\x0a\x02\x20\x09"),
        FRAME("packed numbers cut", "\x52\x06\x1a\x04\x22\x02\x01\x80"),
        FRAME("not a number", "\xba\x01\x0b\x12\x09\x19\x00\x00\x00\x00\x00\x00\xf8\x7f"),
        FRAME("infinite", "\xba\x01\x0b\x12\x09\x19\x00\x00\x00\x00\x00\x00\xf0\x7f"),
        FRAME("HTTP", "GET / HTTP/1.1\r\n\r\n"),
        FRAME("JSON", "{\"source\":\"intake\"}"),
    };

    for (size_t i = 0; i < sizeof frames / sizeof *frames; i++) {
        enum lc_err err = decode(frames[i].bytes, frames[i].n);
        if (err != LC_EINVAL)
            printf("\n  accepted: %s (%s)\n", frames[i].what, lc_strerror(err));
        CU_ASSERT_EQUAL(err, LC_EINVAL);
    }
}

static void
test_wire_decode_takes_what_is_allowed(void)
{
    static const struct frame frames[] = {
        FRAME("the least", ACK),
        FRAME("an unknown field", ACK "\xba\x3e\x01x"),
        FRAME("any Unicode", ACK "\x12\x09"
                                 "\xc3\xa9\xe2\x82\xac\xf0\x9f\x9a\xb4"),
        FRAME("a known topic", "\xca\x01\x02\x08\x02"),
        FRAME("latitude 90", "\x52\x09\x0a\x07\x2a\x05\x0d\x00\xe9\xa4\x35"),
        FRAME("longitude -180", "\x52\x09\x0a\x07\x2a\x05\x15\x00\x2e\xb6\x94"),
        FRAME("packed numbers", "\x52\x06\x1a\x04\x22\x02\x01\x02"),
        FRAME("the same numbers one by one", "\x52\x06\x1a\x04\x20\x01\x20\x02"),
        FRAME("1.5 degrees", "\xba\x01\x0b\x12\x09\x19\x00\x00\x00\x00\x00\x00\xf8\x3f"),
    };

    for (size_t i = 0; i < sizeof frames / sizeof *frames; i++) {
        enum lc_err err = decode(frames[i].bytes, frames[i].n);
        if (err != LC_OK)
            printf("\n  refused: %s (%s)\n", frames[i].what, lc_strerror(err));
        CU_ASSERT_EQUAL(err, LC_OK);
    }
}

static void
test_wire_decode_refuses_frames_over_the_limit(void)
{
    size_t n = WIRE_FRAME_MAX + 1;
    char *p = calloc(1, n);

    CU_ASSERT_EQUAL(decode(p, n), LC_ETOOBIG);
    free(p);
}

static void
test_wire_decode_finds_a_bad_byte_anywhere_in_a_string(void)
{
    static const char bad[] = {'\0', '\x80', '\xff', '\xc3'};
    char frame[5 + 40] = ACK "\x12\x28";
    char *text = frame + 5;

    for (size_t i = 0; i < 40; i++) {
        memset(text, 'a', 40);
        CU_ASSERT_EQUAL(decode(frame, sizeof frame), LC_OK);
        for (size_t k = 0; k < sizeof bad; k++) {
            text[i] = bad[k];
            CU_ASSERT_EQUAL(decode(frame, sizeof frame), LC_EINVAL);
        }
        if (i < 39) {
            memcpy(text + i, "\xc3\xa9", 2);
            CU_ASSERT_EQUAL(decode(frame, sizeof frame), LC_OK);
        }
    }
}

/* 4 MiB of empty orders unpack to over a GiB. */
static void
test_wire_decode_bounds_what_a_frame_unpacks_to(void)
{
    size_t orders = 1024 * 1024;
    struct buf b = {0};

    buf_append(&b, "\x52\x80\x80\x80\x01", 5); /* match_request of 2 MiB */
    for (size_t i = 0; i < orders; i++)
        buf_append(&b, "\x0a\x00", 2);
    CU_ASSERT_EQUAL(decode(b.p, b.n), LC_ENOMEM);
    buf_free(&b);
}

/* A submission, a match request and a courier's report: all shapes of fields. */
static size_t
sample(uint8_t *frame)
{
    Lifecircle__V1__Envelope env;
    Lifecircle__V1__MatchRequest request = LIFECIRCLE__V1__MATCH_REQUEST__INIT;
    Lifecircle__V1__Order order = LIFECIRCLE__V1__ORDER__INIT;
    Lifecircle__V1__Order *orders[] = {&order};
    Lifecircle__V1__Point at = LIFECIRCLE__V1__POINT__INIT;
    Lifecircle__V1__OrderLine line = LIFECIRCLE__V1__ORDER_LINE__INIT;
    Lifecircle__V1__OrderLine *lines[] = {&line, &line};
    char *substitutes[] = {"oat milk", "soy milk"};
    uint32_t indexes[] = {7, 300};
    struct mint m;

    mint_init(&m, "intake", SLICE_LIT("bal"), 1);
    envelope_init(&env, &m, 1700000000000, 1700000000250);
    at.lat_e7 = 392800000;
    at.lng_e7 = -765900000;
    line.sku = "milk";
    line.quantity = 2;
    line.n_substitutes = 2;
    line.substitutes = substitutes;
    line.n_substitute_indexes = 2;
    line.substitute_indexes = indexes;
    order.order_id = "018f";
    order.dropoff = &at;
    order.n_lines = 2;
    order.lines = lines;
    order.shortage = LIFECIRCLE__V1__SHORTAGE__SHORTAGE_PARTIAL;
    order.fingerprint = UINT64_MAX;
    request.n_orders = 1;
    request.orders = orders;
    env.body_case = LIFECIRCLE__V1__ENVELOPE__BODY_MATCH_REQUEST;
    env.match_request = &request;
    return lifecircle__v1__envelope__pack(&env, frame);
}

static void
test_wire_decode_gives_back_what_was_packed(void)
{
    uint8_t frame[1024];
    uint8_t again[1024];
    size_t n = sample(frame);
    struct arena *a = arena_new(WIRE_ARENA_MAX);
    const Lifecircle__V1__Envelope *env;

    CU_ASSERT_EQUAL_FATAL(wire_decode(a, slice_of((char *)frame, n), &env), LC_OK);
    CU_ASSERT_EQUAL(env->deadline_ms, 1700000000250);
    CU_ASSERT_STRING_EQUAL(env->match_request->orders[0]->lines[1]->substitutes[1], "soy milk");
    CU_ASSERT_EQUAL(lifecircle__v1__envelope__pack(env, again), n);
    CU_ASSERT_EQUAL(memcmp(frame, again, n), 0);
    arena_destroy(a);
}

static void
test_wire_decode_survives_every_cut_and_flipped_byte(void)
{
    uint8_t frame[1024];
    size_t n = sample(frame);
    size_t refused = 0;

    for (size_t i = 0; i < n; i++)
        refused += decode((char *)frame, i) == LC_EINVAL;
    CU_ASSERT(refused > n / 2); /* a cut between two fields leaves a frame */
    for (size_t i = 0; i < n; i++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            frame[i] ^= (uint8_t)(1U << bit);
            refused += decode((char *)frame, n) != LC_OK;
            frame[i] ^= (uint8_t)(1U << bit);
        }
    }
    CU_ASSERT(refused > n);
}

/* The check is as strict as protobuf-c: with a frame that passed, a NULL can only mean no memory.
 */
static void
test_wire_decode_says_no_memory_for_every_cap_too_small(void)
{
    uint8_t frame[1024];
    size_t n = sample(frame);
    const Lifecircle__V1__Envelope *env;
    enum lc_err err = LC_ENOMEM;
    size_t cap = 0;

    for (; err != LC_OK && cap < 100000; cap += 64) {
        struct arena *a = arena_new(cap);
        err = wire_decode(a, slice_of((char *)frame, n), &env);
        CU_ASSERT_TRUE(err == LC_OK || err == LC_ENOMEM);
        arena_destroy(a);
    }
    CU_ASSERT(cap > 500);
    CU_ASSERT_EQUAL(err, LC_OK);
}

static void
test_wire_unpack_refuses_what_is_not_the_type(void)
{
    struct arena *a = arena_new(WIRE_ARENA_MAX);
    const ProtobufCMessageDescriptor *type = &lifecircle__v1__courier__descriptor;

    CU_ASSERT_PTR_NOT_NULL(wire_unpack(type, a,
                                       SLICE_LIT("\x08\x07\x12\x02"
                                                 "ab")));
    CU_ASSERT_PTR_NOT_NULL(wire_unpack(type, a, slice_of(NULL, 0)));
    CU_ASSERT_PTR_NULL(wire_unpack(type, a,
                                   SLICE_LIT("\x08\x07\x12\x02"
                                             "a\0")));
    CU_ASSERT_PTR_NULL(wire_unpack(type, a, SLICE_LIT("\x08")));
    arena_destroy(a);
}

static void
test_envelope_init_makes_rising_version_7_ids(void)
{
    Lifecircle__V1__Envelope env;
    struct mint m;
    uint8_t first[16];

    mint_init(&m, "router", SLICE_LIT("bal"), 42);
    envelope_init(&env, &m, 0x0123456789ab, 0);
    CU_ASSERT_EQUAL(env.id.len, 16);
    CU_ASSERT_EQUAL(memcmp(env.id.data, "\x01\x23\x45\x67\x89\xab", 6), 0);
    CU_ASSERT_EQUAL(env.id.data[6] >> 4, 7);
    CU_ASSERT_EQUAL(env.id.data[8] >> 6, 2);
    memcpy(first, env.id.data, sizeof first);
    envelope_init(&env, &m, 5, 0); /* a clock that went back does not show */
    CU_ASSERT_EQUAL(memcmp(env.id.data, first, 6), 0);
    CU_ASSERT_NOT_EQUAL(memcmp(env.id.data, first, 16), 0);
}

static void
test_envelope_init_is_the_same_for_the_same_seed(void)
{
    Lifecircle__V1__Envelope one, two;
    struct mint a, b;

    mint_init(&a, "x", SLICE_LIT("bal"), 7);
    mint_init(&b, "x", SLICE_LIT("bal"), 7);
    envelope_init(&one, &a, 100, 0);
    envelope_init(&two, &b, 100, 0);
    CU_ASSERT_EQUAL(memcmp(one.id.data, two.id.data, 16), 0);
    mint_init(&b, "x", SLICE_LIT("bal"), 8);
    envelope_init(&two, &b, 100, 0);
    CU_ASSERT_NOT_EQUAL(memcmp(one.id.data, two.id.data, 16), 0);
}

static void
test_envelope_answer_carries_the_requests_id(void)
{
    Lifecircle__V1__Envelope request, answer;
    struct mint asking, answering;

    mint_init(&asking, "intake", SLICE_LIT("bal"), 1);
    mint_init(&answering, "matcher", SLICE_LIT("a city whose name has over thirty-one bytes"), 2);
    envelope_init(&request, &asking, 100, 350);
    request.traceparent = "00-ab-cd-01";
    envelope_answer(&answer, &answering, 200, &request);
    CU_ASSERT_PTR_EQUAL(answer.id.data, request.id.data);
    CU_ASSERT_STRING_EQUAL(answer.traceparent, "00-ab-cd-01");
    CU_ASSERT_STRING_EQUAL(answer.source, "matcher");
    CU_ASSERT_EQUAL(answer.time_ms, 200);
    CU_ASSERT_EQUAL(strlen(answer.city), 31);
}

static void
test_envelope_trace_makes_the_message_a_span_of_the_trace(void)
{
    const struct traceparent t = {{0xab, [15] = 0xcd}, {1, [7] = 2}, 1};
    Lifecircle__V1__Envelope request, answer;
    struct traceparent got;
    struct mint asking, answering;

    mint_init(&asking, "intake", SLICE_LIT("bal"), 1);
    mint_init(&answering, "matcher", SLICE_LIT("bal"), 2);
    envelope_init(&request, &asking, 100, 350);
    envelope_trace(&request, &asking, &t);
    CU_ASSERT_EQUAL_FATAL(traceparent_parse(slice_str(request.traceparent), &got), LC_OK);
    CU_ASSERT_EQUAL(memcmp(got.trace, t.trace, sizeof t.trace), 0);
    CU_ASSERT_EQUAL(memcmp(got.parent, request.id.data + TRACE_SPAN_AT, sizeof got.parent), 0);
    CU_ASSERT_EQUAL(got.flags, 1);
    envelope_answer(&answer, &answering, 200, &request);
    CU_ASSERT_STRING_EQUAL(answer.traceparent, request.traceparent);
}

UNIT_MAIN("wire", UNIT(test_envelope_trace_makes_the_message_a_span_of_the_trace),
          UNIT(test_wire_decode_refuses_malformed_frames),
          UNIT(test_wire_decode_takes_what_is_allowed),
          UNIT(test_wire_decode_refuses_frames_over_the_limit),
          UNIT(test_wire_decode_finds_a_bad_byte_anywhere_in_a_string),
          UNIT(test_wire_decode_bounds_what_a_frame_unpacks_to),
          UNIT(test_wire_decode_gives_back_what_was_packed),
          UNIT(test_wire_decode_survives_every_cut_and_flipped_byte),
          UNIT(test_wire_decode_says_no_memory_for_every_cap_too_small),
          UNIT(test_wire_unpack_refuses_what_is_not_the_type),
          UNIT(test_envelope_init_makes_rising_version_7_ids),
          UNIT(test_envelope_init_is_the_same_for_the_same_seed),
          UNIT(test_envelope_answer_carries_the_requests_id))
