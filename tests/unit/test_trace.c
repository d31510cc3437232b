#include "base/step.h"
#include "unit/unit.h"

static const struct header_field headers[] = {
    {SLICE_LIT("Host"), SLICE_LIT("localhost")},
    {SLICE_LIT("X-Empty"), {NULL, 0}},
};
static const struct http_event http = {
    .method = SLICE_LIT("POST"),
    .path = SLICE_LIT("/v1/orders"),
    .query = SLICE_LIT("a=b"),
    .headers = headers,
    .n_headers = 2,
    .peer = SLICE_LIT("127.0.0.1:9"),
    .streaming = true,
    .upgrade = true,
};
static const struct config_item items[] = {{SLICE_LIT("city"), SLICE_LIT("bal")},
                                           {SLICE_LIT("tzif"), SLICE_LIT("TZif2\0\0")}};
static const struct config config = {items, 2};
static const struct reply inner[] = {
    {.kind = REPLY_NIL},
    {.kind = REPLY_INT, .integer = INT64_MIN},
    {.kind = REPLY_ERROR, .str = SLICE_LIT("ERR no")},
    {.kind = REPLY_ARRAY},
    {.kind = REPLY_LOST},
};
static const struct reply middle[] = {{.kind = REPLY_ARRAY, .n = 5, .items = inner},
                                      {.kind = REPLY_STRING, .str = SLICE_LIT("a\0b")}};
static const struct reply tree = {.kind = REPLY_ARRAY, .n = 2, .items = middle};

/* One event of every kind, with everything that kind can carry. */
static const struct event events[] = {
    {.kind = EVENT_START, .now_ms = 1, .entropy = 2, .config = &config},
    {.kind = EVENT_WAKE, .now_ms = 2},
    {.kind = EVENT_TURN_END, .now_ms = -3},
    {.kind = EVENT_MESSAGE, .ref = UINT64_MAX, .bytes = SLICE_LIT("\x9a\x01\x00")},
    {.kind = EVENT_REDIS, .ref = 5, .reply = &tree},
    {.kind = EVENT_REDIS, .ref = 6, .reply = &inner[4]},
    {.kind = EVENT_REDIS_UP},
    {.kind = EVENT_HTTP, .ref = 7, .http = &http, .bytes = SLICE_LIT("{}")},
    {.kind = EVENT_HTTP_BODY, .ref = 7, .bytes = SLICE_LIT("\0\0")},
    {.kind = EVENT_HTTP_END, .ref = 7},
    {.kind = EVENT_GONE, .ref = 7},
    {.kind = EVENT_SOCKET, .ref = 8, .text = true, .bytes = SLICE_LIT("hi")},
    {.kind = EVENT_CALLED, .ref = 9, .status = 503, .bytes = SLICE_LIT("busy")},
    {.kind = EVENT_TRAVEL, .ref = 3, .status = TRAVEL_ANSWERED, .bytes = SLICE_LIT("12345678")},
    {.kind = EVENT_WORK, .ref = 4, .status = 0, .bytes = SLICE_LIT("done")},
    {.kind = EVENT_STOP},
    {.kind = EVENT_ROADS, .ref = 0xfee1dead, .bytes = SLICE_LIT("/srv/city.roads")},
    {.kind = EVENT_ADDRESSES, .ref = 0xfee1dead, .bytes = SLICE_LIT("/srv/city.addresses")},
};
enum { N_EVENTS = sizeof events / sizeof *events };

static void
test_trace_put_event_and_back_for_every_kind(void)
{
    struct arena *a = arena_new(1 << 20);
    bool seen[EVENT_ADDRESSES + 1] = {false};

    for (size_t i = 0; i < N_EVENTS; i++) {
        struct buf once = {0}, twice = {0};
        struct event got;
        trace_put_event(&once, &events[i]);
        struct cursor c = {once.p, once.n, false};
        CU_ASSERT_EQUAL_FATAL(trace_get_event(&c, a, &got), LC_OK);
        CU_ASSERT_EQUAL(c.n, 0);
        CU_ASSERT_EQUAL(got.kind, events[i].kind);
        trace_put_event(&twice, &got);
        CU_ASSERT_TRUE(slice_eq(buf_slice(&once), buf_slice(&twice)));
        seen[got.kind] = true;
        buf_free(&once);
        buf_free(&twice);
    }
    for (int kind = EVENT_START; kind <= EVENT_ADDRESSES; kind++)
        CU_ASSERT_TRUE(seen[kind]);
    arena_destroy(a);
}

static void
test_trace_get_event_rebuilds_every_part(void)
{
    struct arena *a = arena_new(1 << 20);
    struct buf b = {0};
    struct event start, redis, request;

    trace_put_event(&b, &events[0]);
    trace_put_event(&b, &events[4]);
    trace_put_event(&b, &events[7]);
    struct cursor c = {b.p, b.n, false};
    CU_ASSERT_EQUAL_FATAL(trace_get_event(&c, a, &start), LC_OK);
    CU_ASSERT_EQUAL_FATAL(trace_get_event(&c, a, &redis), LC_OK);
    CU_ASSERT_EQUAL_FATAL(trace_get_event(&c, a, &request), LC_OK);

    CU_ASSERT_EQUAL(start.entropy, 2);
    CU_ASSERT_TRUE(slice_eq(config_get(start.config, "tzif"), items[1].value));
    CU_ASSERT_EQUAL(redis.reply->items[0].items[1].integer, INT64_MIN);
    CU_ASSERT_EQUAL(redis.reply->items[0].items[4].kind, REPLY_LOST);
    CU_ASSERT_TRUE(slice_eq(redis.reply->items[1].str, middle[1].str));
    CU_ASSERT_TRUE(slice_eq_str(request.http->path, "/v1/orders"));
    CU_ASSERT_TRUE(slice_eq_str(request.http->headers[0].value, "localhost"));
    CU_ASSERT_TRUE(request.http->streaming && request.http->upgrade);
    CU_ASSERT_TRUE(slice_eq_str(request.bytes, "{}"));
    buf_free(&b);
    arena_destroy(a);
}

static void
test_trace_get_event_refuses_every_cut(void)
{
    struct arena *a = arena_new(1 << 20);

    for (size_t i = 0; i < N_EVENTS; i++) {
        struct buf b = {0};
        struct event got;
        trace_put_event(&b, &events[i]);
        for (size_t n = 0; n < b.n; n++) {
            struct cursor c = {b.p, n, false};
            CU_ASSERT_EQUAL(trace_get_event(&c, a, &got), LC_EINVAL);
            arena_reset(a);
        }
        buf_free(&b);
    }
    arena_destroy(a);
}

static void
test_trace_get_event_refuses_lies(void)
{
    struct arena *a = arena_new(1 << 20);
    struct buf b = {0};
    struct event got;

    trace_put_event(&b, &events[4]);
    b.p[0] = EVENT_ADDRESSES + 1; /* the kind */
    CU_ASSERT_EQUAL(trace_get_event(&(struct cursor){b.p, b.n, false}, a, &got), LC_EINVAL);
    b.p[0] = EVENT_REDIS;
    size_t reply = 1 + 8 + 8 + 8 + 1 + 4 + 4 + 1;
    b.p[reply + 4] = (char)0xff; /* 4 billion items */
    CU_ASSERT_EQUAL(trace_get_event(&(struct cursor){b.p, b.n, false}, a, &got), LC_EINVAL);
    buf_free(&b);

    /* arrays in arrays without end */
    trace_put_event(&b, &events[5]);
    b.n -= 1;
    for (int i = 0; i < 100000; i++)
        buf_append(&b, "\x03\x01\0\0\0", 5);
    buf_append(&b, "\0", 1);
    CU_ASSERT_EQUAL(trace_get_event(&(struct cursor){b.p, b.n, false}, a, &got), LC_EINVAL);
    buf_free(&b);
    arena_destroy(a);
}

static void
test_trace_get_event_says_no_memory_at_the_cap(void)
{
    struct buf b = {0};
    struct event got;
    enum lc_err err = LC_ENOMEM;

    trace_put_event(&b, &events[4]);
    for (size_t cap = 0; cap < 4096 && err != LC_OK; cap += 16) {
        struct arena *a = arena_new(cap);
        err = trace_get_event(&(struct cursor){b.p, b.n, false}, a, &got);
        CU_ASSERT_TRUE(err == LC_OK || err == LC_ENOMEM);
        arena_destroy(a);
    }
    CU_ASSERT_EQUAL(err, LC_OK);
    buf_free(&b);
}

static void
test_trace_put_effects_differs_when_any_field_does(void)
{
    struct outbox *o = outbox_new(1 << 20);
    struct buf traces[8] = {0};
    struct slice argv[] = {SLICE_LIT("ab"), SLICE_LIT("c")};
    struct slice moved[] = {SLICE_LIT("a"), SLICE_LIT("bc")};

    outbox_http(o, 1, 200, "t", NULL, SLICE_LIT("x"));
    trace_put_effects(&traces[0], o, 0);
    outbox_http(o, 2, 200, "t", NULL, SLICE_LIT("x"));
    trace_put_effects(&traces[1], o, 1);
    outbox_http(o, 1, 201, "t", NULL, SLICE_LIT("x"));
    trace_put_effects(&traces[2], o, 2);
    outbox_http(o, 1, 200, "tx", NULL, SLICE_LIT(""));
    trace_put_effects(&traces[3], o, 3);
    outbox_http(o, 1, 200, "t", "x", SLICE_LIT(""));
    trace_put_effects(&traces[4], o, 4);
    outbox_redis(o, 1, argv, 2);
    trace_put_effects(&traces[5], o, 5);
    outbox_redis(o, 1, moved, 2);
    trace_put_effects(&traces[6], o, 6);
    outbox_wake(o, 1);
    trace_put_effects(&traces[7], o, 7);
    for (size_t i = 0; i < 8; i++)
        for (size_t k = 0; k < i; k++)
            CU_ASSERT_FALSE(slice_eq(buf_slice(&traces[i]), buf_slice(&traces[k])));
    for (size_t i = 0; i < 8; i++)
        buf_free(&traces[i]);
    outbox_destroy(o);
}

static void
test_trace_print_effects_names_them(void)
{
    struct outbox *o = outbox_new(1 << 20);
    struct buf trace = {0}, words = {0};
    struct slice argv[] = {SLICE_LIT("FCALL"), SLICE_LIT("a\"\n")};

    outbox_redis(o, 7, argv, 2);
    outbox_socket_close(o, 3, 1008, "slow");
    trace_put_effects(&trace, o, 0);
    CU_ASSERT_EQUAL(trace_print_effects(&words, buf_slice(&trace)), LC_OK);
    buf_char(&words, '\0');
    CU_ASSERT_STRING_EQUAL(words.p,
                           "redis ref=7 status=0 role=0 text=0 at_ms=0 \"FCALL\" \"a\\x22\\x0a\"\n"
                           "socket-close ref=3 status=1008 role=0 text=0 at_ms=0 name=\"slow\"\n");
    buf_reset(&words);
    CU_ASSERT_EQUAL(trace_print_effects(&words, slice_of(trace.p, trace.n - 1)), LC_EINVAL);
    buf_free(&words);
    buf_free(&trace);
    outbox_destroy(o);
}

UNIT_MAIN("trace", UNIT(test_trace_put_event_and_back_for_every_kind),
          UNIT(test_trace_get_event_rebuilds_every_part),
          UNIT(test_trace_get_event_refuses_every_cut), UNIT(test_trace_get_event_refuses_lies),
          UNIT(test_trace_get_event_says_no_memory_at_the_cap),
          UNIT(test_trace_put_effects_differs_when_any_field_does),
          UNIT(test_trace_print_effects_names_them))
