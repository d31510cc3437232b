/* Time, memory and peers that go away: deadlines, back-pressure, half-closed and broken
 * connections. */
#include "edge.h"

#define H "Host: a\r\n"

/* At most a byte a millisecond until the server has had enough: never idle, never done. */
static void
trickle(struct client *c)
{
    uint64_t last = 0;

    while (!c->eof) {
        if (now_ms() != last)
            client_say(c, "a");
        last = now_ms();
        event_base_loop(edge.base, EVLOOP_ONCE);
    }
}

static void
test_limits_slow_headers_get_408_whatever_trickles_in(void)
{
    struct http_limits limits = {.request_ms = 200};
    struct client c;

    edge_open(&limits);
    client_open(&c);
    client_say(&c, "GET /echo HTTP/1.1\r\nX-A: ");
    trickle(&c);
    CU_ASSERT_EQUAL(client_status(&c), 408);
    CU_ASSERT(client_has(&c, "request_timeout"));
    CU_ASSERT_EQUAL(edge.refused[HTTP_REFUSED_SLOW], 1);
    client_close(&c);
    assert_serving();
    edge_close();
}

static void
test_limits_slow_body_gets_408(void)
{
    struct http_limits limits = {.request_ms = 200};
    struct client c;

    edge_open(&limits);
    client_open(&c);
    client_say(&c, "POST /echo HTTP/1.1\r\n" H "Content-Length: 100000\r\n\r\n");
    trickle(&c);
    CU_ASSERT_EQUAL(client_status(&c), 408);
    CU_ASSERT_EQUAL(edge.requests, 0);
    client_close(&c);
    edge_close();
}

static void
test_limits_silent_connection_is_closed_without_a_word(void)
{
    struct http_limits limits = {.request_ms = 100, .keep_alive_ms = 100};
    struct client fresh, kept;

    edge_open(&limits);
    client_open(&fresh);
    client_open(&kept);
    client_say(&kept, "GET /echo HTTP/1.1\r\n" H "\r\n");
    AWAIT(fresh.eof && kept.eof);
    CU_ASSERT_EQUAL(fresh.in.n, 0);
    CU_ASSERT_EQUAL(client_status(&kept), 200);
    CU_ASSERT_EQUAL(edge.refused[HTTP_REFUSED_SLOW], 0);
    AWAIT(http_server_connections(edge.server) == 0);
    client_close(&fresh);
    client_close(&kept);
    edge_close();
}

static void
test_limits_stream_may_last_as_long_as_bytes_come(void)
{
    struct http_limits limits = {.request_ms = 100, .body_idle_ms = 300};
    struct client c;

    edge_open(&limits);
    client_open(&c);
    client_say(&c, "POST /stream HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n");
    uint64_t until = now_ms() + 500;
    while (now_ms() < until) { /* longer than both deadlines */
        client_say(&c,
                   "40\r\n0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\r\n");
        event_base_loop(edge.base, EVLOOP_ONCE);
    }
    CU_ASSERT_FALSE(c.eof);
    AWAIT(c.eof); /* now silent */
    CU_ASSERT_EQUAL(edge.refused[HTTP_REFUSED_SLOW], 1);
    CU_ASSERT_EQUAL(edge.gone, 1);
    CU_ASSERT_EQUAL(edge.body_ends, 0);
    client_close(&c);
    edge_close();
}

static void
test_limits_stream_that_trickles_is_cut(void)
{
    struct http_limits limits = {.body_idle_ms = 200, .body_idle_bytes = 4096};
    struct client c;

    edge_open(&limits);
    client_open(&c);
    client_say(&c, "POST /stream HTTP/1.1\r\n" H "Content-Length: 100000\r\n\r\n");
    trickle(&c);
    CU_ASSERT_EQUAL(edge.refused[HTTP_REFUSED_SLOW], 1);
    CU_ASSERT_EQUAL(edge.gone, 1);
    CU_ASSERT_EQUAL(edge.body_ends, 0);
    client_close(&c);
    edge_close();
}

static void
test_limits_chunk_that_is_too_long_is_refused_before_it_comes(void)
{
    struct http_limits limits = {.body_bytes = 1000};
    struct client c;

    edge_open(&limits);
    client_open(&c);
    client_say(&c, "POST /echo HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n"
                   "1\r\nx\r\n3e8\r\n");
    AWAIT(c.eof);
    CU_ASSERT_EQUAL(client_status(&c), 413);
    CU_ASSERT_EQUAL(edge.refused[HTTP_REFUSED_BODY], 1);
    CU_ASSERT_EQUAL(edge.refused[HTTP_REFUSED_SLOW], 0);
    client_close(&c);
    assert_serving();
    edge_close();
}

static void
test_limits_unanswered_request_gets_504(void)
{
    struct http_limits limits = {.answer_ms = 100};
    struct client c;

    edge_open(&limits);
    client_open(&c);
    client_say(&c, "GET /hold HTTP/1.1\r\n" H "\r\n");
    AWAIT(c.eof);
    CU_ASSERT_EQUAL(client_status(&c), 504);
    CU_ASSERT_EQUAL(edge.gone, 1);
    CU_ASSERT_EQUAL(
        http_respond(edge.server, edge.held, 200, NULL, (struct slice){0}, (struct slice){0}),
        LC_ENOTFOUND);
    client_close(&c);
    edge_close();
}

static void
test_limits_truncated_body_is_400_and_never_a_request(void)
{
    static const char *const cut[] = {
        ("POST /echo HTTP/1.1\r\n" H "Content-Length: 10\r\n\r\nabc"),
        ("POST /echo HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"),
        ("POST /echo HTTP/1.1\r\n" H),
    };

    edge_open(NULL);
    for (size_t i = 0; i < sizeof cut / sizeof *cut; i++) {
        struct client c;
        client_open(&c);
        client_say(&c, cut[i]);
        shutdown(c.fd, SHUT_WR);
        AWAIT(c.eof);
        CU_ASSERT_EQUAL(client_status(&c), 400);
        CU_ASSERT(client_has(&c, "truncated"));
        client_close(&c);
    }
    CU_ASSERT_EQUAL(edge.requests, 0);
    CU_ASSERT_EQUAL(edge.refused[HTTP_REFUSED_TRUNCATED], 3);
    edge_close();
}

static void
test_limits_chunked_body_is_counted_joined(void)
{
    struct http_limits limits = {.body_bytes = 1000};
    struct client c;

    edge_open(&limits);
    client_open(&c);
    client_say(&c, "POST /echo HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n");
    for (int i = 0; i < 1000; i++)
        client_say(&c, "1;some=extension\r\nx\r\n");
    client_say(&c, "0\r\n\r\n");
    AWAIT(client_has(&c, "Content-Length: 1000\r\n"));
    client_say(&c, "POST /echo HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n");
    for (int i = 0; i < 1001 && !c.eof; i++)
        client_say(&c, "1\r\nx\r\n");
    AWAIT(c.eof);
    CU_ASSERT(client_has(&c, "413 Payload Too Large"));
    client_close(&c);
    edge_close();
}

static void
test_limits_refusal_is_seen_by_a_peer_that_keeps_sending(void)
{
    static char junk[100000];
    struct client c;

    edge_open(NULL);
    client_open(&c);
    client_say(&c, "POST /echo HTTP/1.1\r\n" H "Content-Length: 100000000\r\n\r\n");
    for (int i = 0; i < 50; i++)
        client_send(&c, junk, sizeof junk);
    AWAIT(c.eof);
    CU_ASSERT_FALSE(c.broken); /* not a reset that eats the answer */
    CU_ASSERT_EQUAL(client_status(&c), 413);
    client_close(&c);
    edge_close();
}

static void
test_limits_connections_beyond_the_limit_get_503(void)
{
    struct http_limits limits = {.connections = 2};
    struct client c[3];

    edge_open(&limits);
    for (int i = 0; i < 3; i++)
        client_open(&c[i]);
    AWAIT(c[2].eof);
    CU_ASSERT_EQUAL(client_status(&c[2]), 503);
    CU_ASSERT_EQUAL(edge.refused[HTTP_REFUSED_CONNECTIONS], 1);
    for (int i = 0; i < 3; i++)
        client_close(&c[i]);
    AWAIT(http_server_connections(edge.server) == 0);
    assert_serving();
    edge_close();
}

static void
test_gone_is_told_when_an_event_stream_is_left(void)
{
    struct client c;

    edge_open(NULL);
    client_open(&c);
    client_say(&c, "GET /sse HTTP/1.1\r\n" H "\r\n");
    AWAIT(client_has(&c, "text/event-stream"));
    CU_ASSERT_EQUAL(http_respond_chunk(edge.server, edge.held, SLICE_LIT("data: 1\n\n")), LC_OK);
    AWAIT(client_has(&c, "9\r\ndata: 1\n\n\r\n"));
    client_close(&c);
    AWAIT(edge.gone == 1);
    CU_ASSERT_EQUAL(http_respond_chunk(edge.server, edge.held, SLICE_LIT("x")), LC_ENOTFOUND);
    edge_close();
}

static void
test_gone_is_told_when_a_stream_breaks_off(void)
{
    struct client c;
    struct linger hard = {.l_onoff = 1};

    edge_open(NULL);
    client_open(&c);
    client_say(&c, "POST /stream HTTP/1.1\r\n" H "Content-Length: 10\r\n\r\nabc");
    AWAIT(client_has(&c, "abc"));
    setsockopt(c.fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard); /* reset, not a polite end */
    client_close(&c);
    AWAIT(edge.gone == 1);
    CU_ASSERT_EQUAL(edge.body_ends, 0);
    edge_close();
}

static void
test_slow_event_stream_reader_is_cut(void)
{
    struct http_limits limits = {.backlog_bytes = 100000};
    static char part[50000];
    struct client c;
    enum lc_err err = LC_OK;

    edge_open(&limits);
    client_open(&c);
    client_say(&c, "GET /sse HTTP/1.1\r\n" H "\r\n");
    AWAIT(client_has(&c, "text/event-stream"));
    event_del(c.ev); /* stops reading */
    for (int i = 0; i < 1000 && err == LC_OK; i++) {
        err = http_respond_chunk(edge.server, edge.held, slice_of(part, sizeof part));
        event_base_loop(edge.base, EVLOOP_NONBLOCK);
    }
    CU_ASSERT_EQUAL(err, LC_ETOOBIG);
    AWAIT(edge.gone == 1);
    CU_ASSERT_EQUAL(edge.refused[HTTP_REFUSED_BACKLOG], 1);
    client_close(&c);
    assert_serving();
    edge_close();
}

static void
test_stalled_reader_is_cut(void)
{
    struct http_limits limits = {.write_stall_ms = 200};
    static char body[16000000];
    struct client c;

    edge_open(&limits);
    client_open(&c);
    event_del(c.ev);
    client_say(&c, "GET /hold HTTP/1.1\r\n" H "\r\n");
    AWAIT(edge.held != 0);
    CU_ASSERT_EQUAL(http_respond(edge.server, edge.held, 200, NULL, (struct slice){0},
                                 slice_of(body, sizeof body)),
                    LC_OK);
    AWAIT(edge.refused[HTTP_REFUSED_STALLED] == 1);
    AWAIT(http_server_connections(edge.server) == 0);
    client_close(&c);
    edge_close();
}

/* A sender that does not read its results: reading stops, memory stays bounded, and nothing is lost
 * when it reads again. */
static void
test_stream_pauses_while_its_results_wait(void)
{
    struct http_limits limits = {.out_pause_bytes = 65536, .stream_backlog_bytes = 1 << 20};
    static char junk[65536];
    struct client c;
    size_t sent = 0, taken = 0;

    edge_open(&limits);
    client_open(&c);
    event_del(c.ev);
    memset(junk, 'x', sizeof junk);
    client_say(&c, "POST /stream HTTP/1.1\r\n" H "Content-Length: 67108864\r\n\r\n");
    for (int quiet = 0; quiet < 50 && sent < 67108864;) {
        ssize_t n = send(c.fd, junk, sizeof junk, MSG_NOSIGNAL);
        quiet = n > 0 ? 0 : quiet + 1;
        sent += n > 0 ? (size_t)n : 0;
        event_base_loop(edge.base, EVLOOP_NONBLOCK);
        taken = edge.seen.n;
    }
    CU_ASSERT(taken < 67108864); /* stuck on purpose */
    CU_ASSERT_EQUAL(edge.refused[HTTP_REFUSED_BACKLOG], 0);
    event_add(c.ev, NULL);
    while (sent < 67108864) {
        size_t n = sizeof junk < 67108864 - sent ? sizeof junk : 67108864 - sent;
        client_send(&c, junk, n);
        sent += n;
        buf_reset(&c.in);
    }
    AWAIT(edge.body_ends == 1);
    CU_ASSERT_EQUAL(edge.seen.n, 67108864);
    AWAIT(client_has(&c, "\r\n0\r\n\r\n"));
    client_close(&c);
    edge_close();
}

static void
test_pause_holds_the_body_and_resume_goes_on(void)
{
    struct client c;

    edge_open(NULL);
    edge.silent = true;
    client_open(&c);
    client_say(&c, "POST /stream HTTP/1.1\r\n" H "Content-Length: 6\r\n\r\n");
    AWAIT(edge.held != 0);
    CU_ASSERT_EQUAL(http_pause(edge.server, edge.held), LC_OK);
    client_say(&c, "abcdef");
    uint64_t until = now_ms() + 100;
    while (now_ms() < until)
        event_base_loop(edge.base, EVLOOP_ONCE);
    CU_ASSERT_EQUAL(edge.seen.n, 0);
    CU_ASSERT_EQUAL(http_resume(edge.server, edge.held), LC_OK);
    AWAIT(edge.body_ends == 1);
    CU_ASSERT(slice_eq_str(buf_slice(&edge.seen), "abcdef"));
    http_respond(edge.server, edge.held, 200, NULL, (struct slice){0}, SLICE_LIT("ok"));
    client_say(&c, "GET /echo HTTP/1.1\r\n" H "\r\n"); /* the connection goes on */
    AWAIT(client_has(&c, "X-Test"));
    client_close(&c);
    edge_close();
}

static void
test_respond_before_the_body_ends_closes_but_is_seen(void)
{
    static char junk[200000];
    struct client c;

    edge_open(NULL);
    edge.silent = true;
    client_open(&c);
    client_say(&c, "POST /stream HTTP/1.1\r\n" H "Content-Length: 10000000\r\n\r\nabc");
    AWAIT(edge.held != 0);
    CU_ASSERT_EQUAL(http_respond(edge.server, edge.held, 401, "application/problem+json",
                                 (struct slice){0}, SLICE_LIT("{}")),
                    LC_OK);
    client_send(&c, junk, sizeof junk);
    AWAIT(c.eof);
    CU_ASSERT_EQUAL(client_status(&c), 401);
    CU_ASSERT(client_has(&c, "Connection: close"));
    CU_ASSERT_FALSE(c.broken);
    client_close(&c);
    edge_close();
}

static void
test_respond_refuses_what_would_break_the_answer(void)
{
    static const struct {
        int status;
        const char *extra;
    } bad[] = {{99, ""},
               {100, ""},
               {600, ""},
               {200, "X: y"},
               {200, "X: y\n"},
               {200, "\r\n"},
               {200, "no colon\r\n"},
               {200, "X: y\r\n\r\n"}};
    struct client c;

    edge_open(NULL);
    client_open(&c);
    client_say(&c, "GET /hold HTTP/1.1\r\n" H "\r\n");
    AWAIT(edge.held != 0);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        CU_ASSERT_EQUAL(http_respond(edge.server, edge.held, bad[i].status, NULL,
                                     slice_str(bad[i].extra), (struct slice){0}),
                        LC_EINVAL);
    CU_ASSERT_EQUAL(http_respond_chunk(edge.server, edge.held, SLICE_LIT("x")), LC_ESTATE);
    CU_ASSERT_EQUAL(http_respond_end(edge.server, edge.held), LC_ESTATE);
    CU_ASSERT_EQUAL(http_upgrade(edge.server, edge.held, NULL), LC_ESTATE);
    CU_ASSERT_EQUAL(ws_send(edge.server, edge.held, WS_TEXT, SLICE_LIT("x")), LC_ESTATE);
    CU_ASSERT_EQUAL(http_respond(edge.server, 0, 200, NULL, (struct slice){0}, (struct slice){0}),
                    LC_ENOTFOUND);
    CU_ASSERT_EQUAL(
        http_respond(edge.server, edge.held, 204, NULL, (struct slice){0}, SLICE_LIT("x")), LC_OK);
    AWAIT(client_has(&c, "\r\n\r\n"));
    CU_ASSERT_FALSE(client_has(&c, "Content-Length"));
    client_close(&c);
    edge_close();
}

static void
test_drain_finishes_what_runs_and_takes_nothing_new(void)
{
    struct client busy, idle;

    edge_open(NULL);
    client_open(&idle);
    client_say(&idle, "GET /echo HTTP/1.1\r\n" H "\r\n");
    AWAIT(client_has(&idle, "X-Test"));
    client_open(&busy);
    client_say(&busy, "GET /hold HTTP/1.1\r\n" H "\r\n");
    AWAIT(edge.held != 0);
    http_server_drain(edge.server);
    AWAIT(idle.eof);
    CU_ASSERT_EQUAL(edge.drained, 0);
    http_respond(edge.server, edge.held, 200, NULL, (struct slice){0}, SLICE_LIT("done"));
    AWAIT(busy.eof);
    CU_ASSERT(client_has(&busy, "Connection: close"));
    AWAIT(edge.drained == 1);
    client_close(&busy);
    client_close(&idle);
    edge_close();
}

static void
test_listen_tells_what_is_wrong_with_an_address(void)
{
    char path[64], text[64];
    uint16_t port;

    edge_open(NULL);
    snprintf(text, sizeof text, "127.0.0.1:%u", edge.port);
    CU_ASSERT_EQUAL(http_server_listen(edge.server, text, NULL), LC_EEXIST);
    CU_ASSERT_EQUAL(http_server_listen(edge.server, "127.0.0.1", NULL), LC_EINVAL);
    CU_ASSERT_EQUAL(http_server_listen(edge.server, "127.0.0.1:http", NULL), LC_EINVAL);
    CU_ASSERT_EQUAL(http_server_listen(edge.server, "unix:", NULL), LC_EINVAL);
    CU_ASSERT_EQUAL(http_server_listen(edge.server, ":0", &port), LC_OK);
    snprintf(path, sizeof path, "unix:/tmp/lc-test-http-%ld.sock", (long)getpid());
    CU_ASSERT_EQUAL(http_server_listen(edge.server, path, &port), LC_OK);
    CU_ASSERT_EQUAL(port, 0);
    CU_ASSERT_EQUAL(http_server_listen(edge.server, path, &port), LC_EEXIST);
    CU_ASSERT_EQUAL(access(path + 5, F_OK), 0);
    edge_close();
    CU_ASSERT_NOT_EQUAL(access(path + 5, F_OK), 0);
}

UNIT_MAIN("http_limits", UNIT(test_limits_slow_headers_get_408_whatever_trickles_in),
          UNIT(test_limits_slow_body_gets_408),
          UNIT(test_limits_silent_connection_is_closed_without_a_word),
          UNIT(test_limits_stream_may_last_as_long_as_bytes_come),
          UNIT(test_limits_stream_that_trickles_is_cut),
          UNIT(test_limits_chunk_that_is_too_long_is_refused_before_it_comes),
          UNIT(test_limits_unanswered_request_gets_504),
          UNIT(test_limits_truncated_body_is_400_and_never_a_request),
          UNIT(test_limits_chunked_body_is_counted_joined),
          UNIT(test_limits_refusal_is_seen_by_a_peer_that_keeps_sending),
          UNIT(test_limits_connections_beyond_the_limit_get_503),
          UNIT(test_gone_is_told_when_an_event_stream_is_left),
          UNIT(test_gone_is_told_when_a_stream_breaks_off),
          UNIT(test_slow_event_stream_reader_is_cut), UNIT(test_stalled_reader_is_cut),
          UNIT(test_stream_pauses_while_its_results_wait),
          UNIT(test_pause_holds_the_body_and_resume_goes_on),
          UNIT(test_respond_before_the_body_ends_closes_but_is_seen),
          UNIT(test_respond_refuses_what_would_break_the_answer),
          UNIT(test_drain_finishes_what_runs_and_takes_nothing_new),
          UNIT(test_listen_tells_what_is_wrong_with_an_address))
