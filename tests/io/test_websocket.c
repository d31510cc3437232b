/* The server's side of RFC 6455 against hand-made frames. */
#include "edge.h"

#define UPGRADE                                                                                    \
    "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n"
#define KEY "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define V13 "Sec-WebSocket-Version: 13\r\n"
#define ACCEPT "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n" /* RFC 6455, 1.3 */

/* A client's frame with a zero mask, so that the payload can be read below. */
#define MASK "\0\0\0\0"

static void
shake_hands(struct client *c)
{
    client_open(c);
    client_say(c, UPGRADE KEY V13 "Sec-WebSocket-Protocol: other, test.v1\r\n\r\n");
    AWAIT(client_has(c, "\r\n\r\n"));
    CU_ASSERT_EQUAL(client_status(c), 101);
    buf_reset(&c->in);
}

static bool
got(const struct client *c, const char *bytes, size_t n)
{
    return c->in.n >= n && memcmp(c->in.p, bytes, n) == 0;
}

#define GOT(c, lit) got((c), (lit), sizeof(lit) - 1)
#define SEND(c, lit) client_send((c), (lit), sizeof(lit) - 1)

static void
test_upgrade_answers_as_the_rfc_says(void)
{
    struct client c;

    edge_open(NULL);
    client_open(&c);
    client_say(&c, UPGRADE KEY V13 "Sec-WebSocket-Protocol: other, test.v1\r\n\r\n");
    AWAIT(client_has(&c, "\r\n\r\n"));
    CU_ASSERT(client_has(&c, "HTTP/1.1 101 Switching Protocols\r\n"));
    CU_ASSERT(client_has(&c, ACCEPT));
    CU_ASSERT(client_has(&c, "Sec-WebSocket-Protocol: test.v1\r\n"));
    client_close(&c);
    AWAIT(edge.gone == 1);
    edge_close();
}

static void
test_upgrade_refuses_bad_handshakes(void)
{
    static const struct {
        const char *what, *bytes;
        int status;
    } rows[] = {
        {"no key", UPGRADE V13 "\r\n", 400},
        {"short key", UPGRADE "Sec-WebSocket-Key: abc=\r\n" V13 "\r\n", 400},
        {"key with a bad character",
         UPGRADE "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25j(Q==\r\n" V13 "\r\n", 400},
        {"no version", UPGRADE KEY "\r\n", 400},
        {"version 8", UPGRADE KEY "Sec-WebSocket-Version: 8\r\n\r\n", 400},
        {"no connection header",
         "GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n" KEY V13 "\r\n", 400},
        {"POST",
         "POST /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" KEY V13
         "\r\n",
         400},
        {"HTTP/1.0",
         "GET /ws HTTP/1.0\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" KEY V13 "\r\n", 400},
        {"with a body", UPGRADE KEY V13 "Content-Length: 3\r\n\r\nabc", 400},
        {"no upgrade at all", "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: close\r\n" KEY V13 "\r\n",
         404},
        {"not a WebSocket path",
         "GET /nothing HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, close\r\nUpgrade: "
         "websocket\r\n" KEY V13 "\r\n",
         404},
    };

    edge_open(NULL);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct client c;
        client_open(&c);
        client_say(&c, rows[i].bytes);
        AWAIT(c.eof);
        if (client_status(&c) != rows[i].status)
            printf("\n    row \"%s\": %.*s\n", rows[i].what, (int)c.in.n, c.in.p);
        CU_ASSERT_EQUAL(client_status(&c), rows[i].status);
        CU_ASSERT(rows[i].status == 404 || client_has(&c, "Sec-WebSocket-Version: 13"));
        client_close(&c);
        assert_serving();
    }
    edge_close();
}

struct row {
    const char *what;
    const char *bytes;
    size_t n;
    const char *answer;
    size_t answer_n;
    bool closed;
    enum http_refusal counted;
};

#define ROW(what, bytes, answer, closed, counted)                                                  \
    {                                                                                              \
        what, bytes, sizeof(bytes) - 1, answer, sizeof(answer) - 1, closed, counted                \
    }

#define CLOSED(high, low)                                                                          \
    "\x88"                                                                                         \
    "\x02" high low

static const struct row rows[] = {
    ROW("text", "\x81\x82" MASK "hi", "\x81\x02hi", false, 0),
    ROW("masked text", "\x81\x82\x01\x02\x03\x04\x69\x6b", "\x81\x02hi", false, 0),
    ROW("binary", "\x82\x83" MASK "\0\xff\x01", "\x82\x03\0\xff\x01", false, 0),
    ROW("empty text", "\x81\x80" MASK, "\x81\0", false, 0),
    ROW("UTF-8", "\x81\x82" MASK "\xc3\xa4", "\x81\x02\xc3\xa4", false, 0),
    ROW("fragments", "\x01\x82" MASK "he\x80\x83" MASK "llo", "\x81\x05hello", false, 0),
    ROW("fragments with a ping between", "\x01\x82" MASK "he\x89\x81" MASK "p\x80\x83" MASK "llo",
        "\x8a\x01p\x81\x05"
        "hello",
        false, 0),
    ROW("UTF-8 cut by a fragment", "\x01\x81" MASK "\xc3\x80\x81" MASK "\xa4", "\x81\x02\xc3\xa4",
        false, 0),
    ROW("ping", "\x89\x84" MASK "ping", "\x8a\x04ping", false, 0),
    ROW("pong nobody asked for", "\x8a\x80" MASK "\x81\x81" MASK "x", "\x81\x01x", false, 0),
    ROW("two messages at once", "\x81\x81" MASK "a\x81\x81" MASK "b",
        "\x81\x01"
        "a\x81\x01"
        "b",
        false, 0),
    ROW("close", "\x88\x82" MASK "\x03\xe8", CLOSED("\x03", "\xe8"), true, 0),
    ROW("close without a code", "\x88\x80" MASK, "\x88\0", true, 0),
    ROW("unmasked", "\x81\x02hi", CLOSED("\x03", "\xea"), true, HTTP_REFUSED_WS_PROTOCOL),
    ROW("reserved bit", "\xc1\x82" MASK "hi", CLOSED("\x03", "\xea"), true,
        HTTP_REFUSED_WS_PROTOCOL),
    ROW("reserved opcode", "\x83\x82" MASK "hi", CLOSED("\x03", "\xea"), true,
        HTTP_REFUSED_WS_PROTOCOL),
    ROW("continuation of nothing", "\x80\x82" MASK "hi", CLOSED("\x03", "\xea"), true,
        HTTP_REFUSED_WS_PROTOCOL),
    ROW("new message inside another", "\x01\x82" MASK "he\x81\x82" MASK "hi",
        CLOSED("\x03", "\xea"), true, HTTP_REFUSED_WS_PROTOCOL),
    ROW("fragmented ping", "\x09\x82" MASK "hi", CLOSED("\x03", "\xea"), true,
        HTTP_REFUSED_WS_PROTOCOL),
    ROW("ping over 125 bytes", "\x89\xfe\x00\x7e" MASK "hi", CLOSED("\x03", "\xea"), true,
        HTTP_REFUSED_WS_PROTOCOL),
    ROW("long form of a short length", "\x81\xfe\x00\x02" MASK "hi", CLOSED("\x03", "\xea"), true,
        HTTP_REFUSED_WS_PROTOCOL),
    ROW("close with one byte", "\x88\x81" MASK "\x03", CLOSED("\x03", "\xea"), true,
        HTTP_REFUSED_WS_PROTOCOL),
    ROW("close with a reason", "\x88\x84" MASK "\x03\xe8ok", CLOSED("\x03", "\xe8"), true, 0),
    ROW("close with a reason that is not UTF-8", "\x88\x83" MASK "\x03\xe8\xff",
        CLOSED("\x03", "\xef"), true, HTTP_REFUSED_WS_UTF8),
    ROW("text with a NUL", "\x81\x83" MASK "a\0b",
        "\x81\x03"
        "a\0b",
        false, 0),
    ROW("close with a forbidden code", "\x88\x82" MASK "\x03\xed", CLOSED("\x03", "\xea"), true,
        HTTP_REFUSED_WS_PROTOCOL),
    ROW("text that is not UTF-8", "\x81\x82" MASK "\xc3\x28", CLOSED("\x03", "\xef"), true,
        HTTP_REFUSED_WS_UTF8),
    ROW("half a character", "\x81\x81" MASK "\xc3", CLOSED("\x03", "\xef"), true,
        HTTP_REFUSED_WS_UTF8),
    ROW("surrogate", "\x81\x83" MASK "\xed\xa0\x80", CLOSED("\x03", "\xef"), true,
        HTTP_REFUSED_WS_UTF8),
    ROW("one byte over the limit", "\x82\xff\0\0\0\0\0\x01\0\x01" MASK "x", CLOSED("\x03", "\xf1"),
        true, HTTP_REFUSED_WS_SIZE),
    ROW("2^63 bytes", "\x82\xff\x80\0\0\0\0\0\0\0" MASK, CLOSED("\x03", "\xea"), true,
        HTTP_REFUSED_WS_PROTOCOL),
    ROW("HTTP again", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", CLOSED("\x03", "\xea"), true,
        HTTP_REFUSED_WS_PROTOCOL),
};

static void
test_frames_get_what_the_rfc_says(void)
{
    edge_open(NULL);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct row *r = &rows[i];
        for (int cut = 0; cut < 2; cut++) {
            struct client c;
            unsigned before = edge.refused[r->counted];
            edge.gone = 0;
            shake_hands(&c);
            for (size_t k = 0; cut == 1 && k < r->n; k++) {
                client_send(&c, r->bytes + k, 1);
                event_base_loop(edge.base, EVLOOP_NONBLOCK);
            }
            if (cut == 0)
                client_send(&c, r->bytes, r->n);
            AWAIT(c.eof || c.in.n >= r->answer_n);
            if (!got(&c, r->answer, r->answer_n))
                printf("\n    row \"%s\" (%d): %zu bytes, close code %d\n", r->what, cut, c.in.n,
                       c.in.n >= 4 ? c.in.p[2] * 256 + (unsigned char)c.in.p[3] : 0);
            CU_ASSERT(got(&c, r->answer, r->answer_n));
            if (r->closed) {
                AWAIT(c.eof);
                CU_ASSERT_FALSE(c.broken);
            }
            CU_ASSERT(r->counted == 0 || edge.refused[r->counted] == before + 1);
            client_close(&c);
            AWAIT(edge.gone == 1);
        }
        assert_serving();
    }
    edge_close();
}

static void
test_frames_right_behind_the_handshake_are_taken(void)
{
    static const char bytes[] = UPGRADE KEY V13 "\r\n\x81\x82" MASK "hi";
    struct client c;

    edge_open(NULL);
    client_open(&c);
    client_send(&c, bytes, sizeof bytes - 1);
    AWAIT(client_has(&c, "\r\n\r\n\x81\x02hi"));
    client_close(&c);
    edge_close();
}

static void
test_message_of_exactly_the_limit_is_taken(void)
{
    static char payload[65536];
    struct client c;

    edge_open(NULL);
    shake_hands(&c);
    SEND(&c, "\x82\xff\0\0\0\0\0\x01\0\0" MASK);
    client_send(&c, payload, sizeof payload);
    AWAIT(c.in.n == 10 + sizeof payload);
    CU_ASSERT_EQUAL(edge.messages, 1);
    client_close(&c);
    edge_close();
}

static void
test_message_of_many_fragments_is_bounded_too(void)
{
    static char part[1024];
    struct client c;

    edge_open(NULL);
    shake_hands(&c);
    SEND(&c, "\x02\xfe\x04\x00" MASK);
    client_send(&c, part, sizeof part);
    for (int i = 0; i < 64; i++) {
        SEND(&c, "\x00\xfe\x04\x00" MASK);
        client_send(&c, part, sizeof part);
    }
    AWAIT(c.eof);
    CU_ASSERT(GOT(&c, CLOSED("\x03", "\xf1")));
    CU_ASSERT_EQUAL(edge.messages, 0);
    client_close(&c);
    edge_close();
}

static void
test_silent_peer_is_pinged_then_cut(void)
{
    struct http_limits limits = {.ws_ping_ms = 100};
    struct client c;

    edge_open(&limits);
    shake_hands(&c);
    AWAIT(GOT(&c, "\x89\0"));
    AWAIT(c.eof);
    CU_ASSERT_EQUAL(count_of(&c.in, "\x89"), 2);
    CU_ASSERT_EQUAL(edge.refused[HTTP_REFUSED_NO_PONG], 1);
    CU_ASSERT_EQUAL(edge.gone, 1);
    client_close(&c);
    edge_close();
}

static void
test_peer_that_answers_pings_stays(void)
{
    struct http_limits limits = {.ws_ping_ms = 50};
    struct client c;

    edge_open(&limits);
    shake_hands(&c);
    for (size_t pings = 1; pings <= 6; pings++) {
        AWAIT(c.in.n >= 2 * pings || c.eof);
        SEND(&c, "\x8a\x80" MASK);
    }
    CU_ASSERT_FALSE(c.eof);
    CU_ASSERT_EQUAL(edge.refused[HTTP_REFUSED_NO_PONG], 0);
    client_close(&c);
    edge_close();
}

static void
test_slow_consumer_is_told_1013_and_cut(void)
{
    struct http_limits limits = {.backlog_bytes = 100000, .linger_ms = 300};
    static char part[50000];
    struct client c;
    enum lc_err err = LC_OK;

    edge_open(&limits);
    shake_hands(&c);
    event_del(c.ev);
    for (int i = 0; i < 1000 && err == LC_OK; i++) {
        err = ws_send(edge.server, edge.held, WS_BINARY, slice_of(part, sizeof part));
        event_base_loop(edge.base, EVLOOP_NONBLOCK);
    }
    CU_ASSERT_EQUAL(err, LC_ETOOBIG);
    AWAIT(edge.gone == 1);
    CU_ASSERT_EQUAL(edge.refused[HTTP_REFUSED_BACKLOG], 1);
    CU_ASSERT_EQUAL(ws_send(edge.server, edge.held, WS_TEXT, SLICE_LIT("x")), LC_ENOTFOUND);
    event_add(c.ev, NULL); /* wakes up in time to read why */
    AWAIT(c.eof);
    CU_ASSERT(client_has(&c, "\x03\xf5too slow"));
    client_close(&c);
    assert_serving();
    edge_close();
}

static void
test_slow_consumer_that_never_reads_costs_no_connection(void)
{
    struct http_limits limits = {.backlog_bytes = 100000, .linger_ms = 100};
    static char part[50000];
    struct client c;

    edge_open(&limits);
    shake_hands(&c);
    event_del(c.ev);
    while (ws_send(edge.server, edge.held, WS_BINARY, slice_of(part, sizeof part)) == LC_OK)
        event_base_loop(edge.base, EVLOOP_NONBLOCK);
    AWAIT(http_server_connections(edge.server) == 0);
    client_close(&c);
    edge_close();
}

/* Pings nobody reads the pongs of must not fill the memory. */
static void
test_flood_of_pings_is_bounded(void)
{
    struct http_limits limits = {
        .out_pause_bytes = 10000, .backlog_bytes = 100000, .write_stall_ms = 300};
    struct buf pings = {0};
    struct client c;

    edge_open(&limits);
    shake_hands(&c);
    event_del(c.ev);
    for (int i = 0; i < 500; i++) {
        buf_append(&pings, "\x89\xfd" MASK, 6);
        for (int k = 0; k < 125; k++)
            buf_char(&pings, 'p');
    }
    while (edge.refused[HTTP_REFUSED_STALLED] == 0) {
        if (send(c.fd, pings.p, pings.n, MSG_NOSIGNAL) < 0 && errno != EAGAIN)
            break;
        event_base_loop(edge.base, EVLOOP_ONCE);
    }
    AWAIT(edge.gone == 1);
    CU_ASSERT_EQUAL(edge.refused[HTTP_REFUSED_STALLED], 1);
    buf_free(&pings);
    client_close(&c);
    edge_close();
}

static void
test_close_waits_for_the_peer_then_ends(void)
{
    struct http_limits limits = {.linger_ms = 200};
    struct client polite, deaf;

    edge_open(&limits);
    shake_hands(&polite);
    CU_ASSERT_EQUAL(ws_close(edge.server, edge.held, 1008, "no token"), LC_OK);
    CU_ASSERT_EQUAL(ws_send(edge.server, edge.held, WS_TEXT, SLICE_LIT("x")), LC_ENOTFOUND);
    AWAIT(GOT(&polite, "\x88\x0a\x03\xf0no token"));
    SEND(&polite, "\x81\x81" MASK "x\x88\x82" MASK "\x03\xf0");
    AWAIT(polite.eof && edge.gone == 1);
    CU_ASSERT_EQUAL(edge.messages, 0);
    shake_hands(&deaf);
    CU_ASSERT_EQUAL(ws_close(edge.server, edge.held, 1008, "no token"), LC_OK);
    AWAIT(deaf.eof && edge.gone == 2);
    client_close(&polite);
    client_close(&deaf);
    edge_close();
}

static void
test_drain_says_1001(void)
{
    struct client c;

    edge_open(NULL);
    shake_hands(&c);
    http_server_drain(edge.server);
    AWAIT(GOT(&c, "\x88\x0c\x03\xe9going away"));
    SEND(&c, "\x88\x82" MASK "\x03\xe9");
    AWAIT(edge.drained == 1);
    CU_ASSERT_EQUAL(edge.gone, 1);
    client_close(&c);
    edge_close();
}

UNIT_MAIN("websocket", UNIT(test_upgrade_answers_as_the_rfc_says),
          UNIT(test_upgrade_refuses_bad_handshakes), UNIT(test_frames_get_what_the_rfc_says),
          UNIT(test_frames_right_behind_the_handshake_are_taken),
          UNIT(test_message_of_exactly_the_limit_is_taken),
          UNIT(test_message_of_many_fragments_is_bounded_too),
          UNIT(test_silent_peer_is_pinged_then_cut), UNIT(test_peer_that_answers_pings_stays),
          UNIT(test_slow_consumer_is_told_1013_and_cut),
          UNIT(test_slow_consumer_that_never_reads_costs_no_connection),
          UNIT(test_flood_of_pings_is_bounded), UNIT(test_close_waits_for_the_peer_then_ends),
          UNIT(test_drain_says_1001))
