/* Requests as they should not be, and the odd ones that are right: what comes back for each. */
#include "edge.h"

#define H "Host: a\r\n"
#define X64(s) X16(s) X16(s) X16(s) X16(s)
#define X16(s) s s s s s s s s s s s s s s s s
#define K1(s) X64(s) X64(s) X64(s) X64(s) /* of a 4-byte string */

struct row {
    const char *what;
    const char *bytes;
    size_t n; /* 0: strlen */
    int status;
    const char *has; /* in the answer */
};

#define ROW(what, bytes, status, has)                                                              \
    {                                                                                              \
        what, bytes, sizeof(bytes) - 1, status, has                                                \
    }

static const struct row refused[] = {
    ROW("two lengths that differ",
        "POST /echo HTTP/1.1\r\n" H "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", 400,
        "bad_length"),
    ROW("two lengths that agree",
        "POST /echo HTTP/1.1\r\n" H "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc", 400,
        "bad_length"),
    ROW("two Authorizations",
        "GET /echo HTTP/1.1\r\n" H "Authorization: a\r\nauthorization: b\r\n\r\n", 400,
        "repeated_header"),
    ROW("two API keys", "GET /echo HTTP/1.1\r\n" H "X-Api-Key: a\r\nX-Api-Key: a\r\n\r\n", 400,
        "repeated_header"),
    ROW("two types", "POST /echo HTTP/1.1\r\n" H "Content-Type: a/b\r\nContent-Type: c/d\r\n\r\n",
        400, "repeated_header"),
    ROW("two idempotency keys",
        "POST /echo HTTP/1.1\r\n" H "Idempotency-Key: a\r\nIdempotency-Key: b\r\n\r\n", 400,
        "repeated_header"),
    ROW("a body that is packed",
        "POST /echo HTTP/1.1\r\n" H "Content-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc", 415,
        "coding_unknown"),
    ROW("a list of lengths", "POST /echo HTTP/1.1\r\n" H "Content-Length: 3, 3\r\n\r\nabc", 400,
        "bad_length"),
    ROW("length and chunked",
        "POST /echo HTTP/1.1\r\n" H
        "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        400, "bad_length"),
    ROW("chunked and length",
        "POST /echo HTTP/1.1\r\n" H
        "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
        400, "bad_length"),
    ROW("negative length", "POST /echo HTTP/1.1\r\n" H "Content-Length: -1\r\n\r\n", 400,
        "bad_length"),
    ROW("signed length", "POST /echo HTTP/1.1\r\n" H "Content-Length: +3\r\n\r\nabc", 400,
        "bad_length"),
    ROW("empty length", "POST /echo HTTP/1.1\r\n" H "Content-Length:\r\n\r\n", 400, "bad_length"),
    ROW("hex length", "POST /echo HTTP/1.1\r\n" H "Content-Length: 0x3\r\n\r\nabc", 400,
        "bad_length"),
    ROW("length beyond 64 bits",
        "POST /echo HTTP/1.1\r\n" H "Content-Length: 99999999999999999999999\r\n\r\n", 400,
        "bad_length"),
    ROW("length over the limit", "POST /echo HTTP/1.1\r\n" H "Content-Length: 1048577\r\n\r\n", 413,
        "body_too_large"),
    ROW("gzip transfer coding", "POST /echo HTTP/1.1\r\n" H "Transfer-Encoding: gzip\r\n\r\n", 501,
        "encoding_unknown"),
    ROW("gzip, chunked",
        "POST /echo HTTP/1.1\r\n" H "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501,
        "encoding_unknown"),
    ROW("chunked, gzip",
        "POST /echo HTTP/1.1\r\n" H "Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n", 501,
        "encoding_unknown"),
    ROW("chunked twice",
        "POST /echo HTTP/1.1\r\n" H
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        400, "bad_length"),
    ROW("chunked in 1.0", "POST /echo HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400,
        "bad_length"),
    ROW("chunk size that is no number",
        "POST /echo HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\nxyz\r\nabc\r\n", 400,
        "bad_request"),
    ROW("chunk longer than it says",
        "POST /echo HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n2\r\nabcd\r\n0\r\n\r\n", 400,
        "bad_request"),
    ROW("chunk size beyond 64 bits",
        "POST /echo HTTP/1.1\r\n" H
        "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\nabc\r\n",
        400, NULL),
    ROW("no host", "GET /echo HTTP/1.1\r\n\r\n", 400, "bad_host"),
    ROW("two hosts", "GET /echo HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400, "bad_host"),
    ROW("two hosts that agree", "GET /echo HTTP/1.1\r\n" H H "\r\n", 400, "bad_host"),
    ROW("host with a path", "GET /echo HTTP/1.1\r\nHost: a/b\r\n\r\n", 400, "bad_host"),
    ROW("host with a space", "GET /echo HTTP/1.1\r\nHost: a b\r\n\r\n", 400, "bad_host"),
    ROW("folded header", "GET /echo HTTP/1.1\r\n" H "X-A: b\r\n c\r\n\r\n", 400, "bad_request"),
    ROW("folded with nothing", "GET /echo HTTP/1.1\r\n" H "X-A: b\r\n \r\n\r\n", 400,
        "bad_request"),
    ROW("bare LF", "GET /echo HTTP/1.1\n" H "\r\n", 400, "bad_request"),
    ROW("bare LF at the end", "GET /echo HTTP/1.1\r\n" H "\n", 400, "bad_request"),
    ROW("bare CR in a header", "GET /echo HTTP/1.1\r\n" H "X-A: b\rX-B: c\r\n\r\n", 400,
        "bad_request"),
    ROW("NUL in a value", "GET /echo HTTP/1.1\r\n" H "X-A: b\0c\r\n\r\n", 400, "bad_request"),
    ROW("NUL in a name", "GET /echo HTTP/1.1\r\n" H "X\0A: b\r\n\r\n", 400, "bad_request"),
    ROW("NUL in the path", "GET /ec\0ho HTTP/1.1\r\n" H "\r\n", 400, "bad_request"),
    ROW("control character in a value", "GET /echo HTTP/1.1\r\n" H "X-A: b\001\r\n\r\n", 400,
        "bad_request"),
    ROW("space before the colon", "GET /echo HTTP/1.1\r\n" H "X-A : b\r\n\r\n", 400, "bad_request"),
    ROW("space in a name", "GET /echo HTTP/1.1\r\n" H "X A: b\r\n\r\n", 400, "bad_request"),
    ROW("no name", "GET /echo HTTP/1.1\r\n" H ": b\r\n\r\n", 400, "bad_request"),
    ROW("no colon", "GET /echo HTTP/1.1\r\n" H "nonsense\r\n\r\n", 400, "bad_request"),
    ROW("name with a bracket", "GET /echo HTTP/1.1\r\n" H "X(A): b\r\n\r\n", 400, "bad_request"),
    ROW("name with UTF-8", "GET /echo HTTP/1.1\r\n" H "X-\303\244: b\r\n\r\n", 400, "bad_request"),
    ROW("path with UTF-8", "GET /\303\244 HTTP/1.1\r\n" H "\r\n", 400, "bad_request"),
    ROW("fragment", "GET /echo#x HTTP/1.1\r\n" H "\r\n", 400, "bad_request"),
    ROW("path without a slash", "GET echo HTTP/1.1\r\n" H "\r\n", 400, "bad_request"),
    ROW("star for GET", "GET * HTTP/1.1\r\n" H "\r\n", 400, "bad_request"),
    ROW("two spaces before the target", "GET  /echo HTTP/1.1\r\n" H "\r\n", 400, "bad_request"),
    ROW("two spaces behind the target", "GET /echo  HTTP/1.1\r\n" H "\r\n", 400, "bad_request"),
    ROW("a space behind the version", "GET /echo HTTP/1.1 \r\n" H "\r\n", 400, "bad_request"),
    ROW("a tab before the target", "GET\t/echo HTTP/1.1\r\n" H "\r\n", 400, "bad_request"),
    ROW("no target", "GET  HTTP/1.1\r\n" H "\r\n", 400, "bad_request"),
    ROW("unknown method", "BREW /pot HTTP/1.1\r\n" H "\r\n", 501, "method_unknown"),
    ROW("lower-case method", "get /echo HTTP/1.1\r\n" H "\r\n", 501, "method_unknown"),
    ROW("CONNECT", "CONNECT a:1 HTTP/1.1\r\n" H "\r\n", 501, "method_unknown"),
    ROW("HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 501, "method_unknown"),
    ROW("TLS hello", "\026\003\001\002\000\001\000\001\374\003\003", 400, "bad_request"),
    ROW("version 2.0", "GET /echo HTTP/2.0\r\n" H "\r\n", 505, "version_unknown"),
    ROW("version 0.9", "GET /echo HTTP/0.9\r\n" H "\r\n", 505, "version_unknown"),
    ROW("version x", "GET /echo HTTP/x\r\n" H "\r\n", 400, "bad_request"),
    ROW("another protocol", "GET /echo FTP/1.1\r\n" H "\r\n", 400, "bad_request"),
    ROW("unknown expectation",
        "POST /echo HTTP/1.1\r\n" H "Expect: 200-ok\r\nContent-Length: 1\r\n\r\na", 417,
        "expectation_failed"),
    ROW("65 headers", "GET /echo HTTP/1.1\r\n" H X64("a: b\r\n") "\r\n", 431, "headers_too_large"),
    ROW("a header of 16 KiB", "GET /echo HTTP/1.1\r\n" H "X-A: " X16(K1("abcd")) "\r\n\r\n", 431,
        "headers_too_large"),
    ROW("headers of 100 KiB without end",
        "GET /echo HTTP/1.1\r\n" H "X-A: " X64(K1("abcd")) X16(K1("abcd")) X16(K1("abcd")), 431,
        "headers_too_large"),
    ROW("a target of 3 KiB", "GET /" K1("abcd") K1("abcd") K1("abcd") " HTTP/1.1\r\n" H "\r\n", 414,
        "target_too_long"),
    ROW("a method of 4 KiB", X16(X64("ABCD")) " / HTTP/1.1\r\n" H "\r\n", 501, NULL),
    ROW("a body twice as long as said",
        "BREW /echo HTTP/1.1\r\n" H "Content-Length: 3\r\n\r\nabcdef", 501, NULL),
    ROW("a stream that turns bad keeps what was answered",
        "POST /stream HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nzz\r\n", 200,
        "abc"),
};

static void
test_requests_that_break_the_rules_are_answered_and_cut(void)
{
    edge_open(NULL);
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        const struct row *r = &refused[i];
        struct client c;
        client_open(&c);
        client_send(&c, r->bytes, r->n);
        AWAIT(c.eof);
        if (client_status(&c) != r->status || c.broken ||
            (r->has != NULL && !client_has(&c, r->has)))
            printf("\n    row \"%s\": %.*s\n", r->what, (int)c.in.n, c.in.p);
        CU_ASSERT_EQUAL(client_status(&c), r->status);
        CU_ASSERT(r->has == NULL || client_has(&c, r->has));
        CU_ASSERT(r->status == 200 || client_has(&c, "application/problem+json"));
        CU_ASSERT(r->status == 200 || client_has(&c, "Connection: close"));
        CU_ASSERT_FALSE(c.broken);
        client_close(&c);
        assert_serving();
    }
    CU_ASSERT_EQUAL(edge.refused[HTTP_REFUSED_HOST], 5);
    edge_close();
}

/* One row's bytes, then a byte at a time: the answer must not depend on how they were cut. */
static void
test_requests_cut_into_bytes_get_the_same_answer(void)
{
    struct http_limits limits = {.connections = 1000};
    edge_open(&limits);
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        const struct row *r = &refused[i];
        struct client c;
        if (r->n > 1000)
            continue;
        client_open(&c);
        for (size_t k = 0; k < r->n && !c.eof; k++) {
            client_send(&c, r->bytes + k, 1);
            event_base_loop(edge.base, EVLOOP_NONBLOCK);
        }
        AWAIT(c.eof);
        if (client_status(&c) != r->status)
            printf("\n    row \"%s\": %.*s\n", r->what, (int)c.in.n, c.in.p);
        CU_ASSERT_EQUAL(client_status(&c), r->status);
        client_close(&c);
    }
    assert_serving();
    edge_close();
}

static const struct row accepted[] = {
    ROW("plain", "GET /echo HTTP/1.1\r\n" H "\r\n", 200, "X-Test: yes"),
    ROW("query", "GET /echo?a=b&c HTTP/1.1\r\n" H "\r\n", 200, NULL),
    ROW("absolute form", "GET http://a/echo HTTP/1.1\r\n" H "\r\n", 200, NULL),
    ROW("empty lines first", "\r\n\r\nGET /echo HTTP/1.1\r\n" H "\r\n", 200, NULL),
    ROW("1.0 without host", "GET /echo HTTP/1.0\r\n\r\n", 200, "Connection: close"),
    ROW("1.0 keep-alive", "GET /echo HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", 200,
        "Connection: keep-alive"),
    ROW("close", "GET /echo HTTP/1.1\r\n" H "Connection: close\r\n\r\n", 200, "Connection: close"),
    ROW("length", "POST /echo HTTP/1.1\r\n" H "Content-Length: 5\r\n\r\nhello", 200,
        "\r\n\r\nhello"),
    ROW("length 0", "POST /echo HTTP/1.1\r\n" H "Content-Length: 0\r\n\r\n", 200,
        "Content-Length: 0"),
    ROW("post without a body", "POST /echo HTTP/1.1\r\n" H "\r\n", 200, "Content-Length: 0"),
    ROW("chunked",
        "POST /echo HTTP/1.1\r\n" H
        "Transfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\n\r\n",
        200, "\r\n\r\nhello"),
    ROW("chunked with trailers",
        "POST /echo HTTP/1.1\r\n" H
        "Transfer-Encoding: Chunked\r\n\r\nA\r\n0123456789\r\n0\r\nHost: b\r\nX: y\r\n\r\n",
        200, "\r\n\r\n0123456789"),
    ROW("HEAD", "HEAD /echo HTTP/1.1\r\n" H "\r\n", 200, "Content-Length: 0"),
    ROW("expect 100",
        "POST /echo HTTP/1.1\r\n" H "Expect: 100-continue\r\nContent-Length: 2\r\n\r\nhi", 100,
        "\r\n\r\nHTTP/1.1 200 OK"),
    ROW("64 headers", "GET /echo HTTP/1.1\r\n" H X16("a: b\r\n") X16("a: b\r\n") "\r\n", 200, NULL),
    ROW("spaces around a value", "POST /echo HTTP/1.1\r\n" H "Content-Length:  2  \r\n\r\nhi", 200,
        "\r\n\r\nhi"),
    ROW("empty value", "GET /echo HTTP/1.1\r\n" H "X-A:\r\nX-B: \r\n\r\n", 200, NULL),
    ROW("upgrade to something else",
        "GET /echo HTTP/1.1\r\n" H "Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n", 200, NULL),
    ROW("a body that is said to be as it is",
        "POST /echo HTTP/1.1\r\n" H "Content-Encoding: identity\r\nContent-Length: 2\r\n\r\nhi",
        200, "\r\n\r\nhi"),
    ROW("latin-1 in a value", "GET /echo HTTP/1.1\r\n" H "X-A: \344\r\n\r\n", 200, NULL),
    ROW("OPTIONS *", "OPTIONS * HTTP/1.1\r\n" H "\r\n", 404, NULL),
    ROW("version 1.2", "GET /echo HTTP/1.2\r\n" H "\r\n", 200, NULL),
    ROW("stream by length", "POST /stream HTTP/1.1\r\n" H "Content-Length: 2\r\n\r\nhi", 200,
        "2\r\nhi\r\n0\r\n\r\n"),
    ROW("stream without a body", "POST /stream HTTP/1.1\r\n" H "\r\n", 200, "\r\n\r\n0\r\n\r\n"),
    ROW("stream to 1.0", "POST /stream HTTP/1.0\r\nContent-Length: 2\r\n\r\nhi", 200, "\r\n\r\nhi"),
    ROW("stream with expect",
        "POST /stream HTTP/1.1\r\n" H "Expect: 100-continue\r\nContent-Length: 2\r\n\r\nhi", 100,
        "\r\n\r\nHTTP/1.1 200 OK"),
};

static void
test_requests_that_are_odd_but_right_are_served(void)
{
    edge_open(NULL);
    for (size_t i = 0; i < sizeof accepted / sizeof *accepted; i++) {
        const struct row *r = &accepted[i];
        for (int cut = 0; cut < 2; cut++) { /* at once, and byte by byte */
            struct client c;
            client_open(&c);
            for (size_t k = 0; cut == 1 && k < r->n; k++) {
                client_send(&c, r->bytes + k, 1);
                event_base_loop(edge.base, EVLOOP_NONBLOCK);
            }
            if (cut == 0)
                client_send(&c, r->bytes, r->n);
            shutdown(c.fd, SHUT_WR); /* half a close must not cost the answer */
            AWAIT(c.eof);
            if (client_status(&c) != r->status)
                printf("\n    row \"%s\": %.*s\n", r->what, (int)c.in.n, c.in.p);
            CU_ASSERT_EQUAL(client_status(&c), r->status);
            CU_ASSERT(r->has == NULL || cut == 1 || client_has(&c, r->has));
            client_close(&c);
        }
    }
    for (int why = 1; why < HTTP_REFUSED_COUNT; why++)
        CU_ASSERT_EQUAL(edge.refused[why], 0);
    edge_close();
}

static void
test_requests_pipelined_are_answered_in_order(void)
{
    struct client c;

    edge_open(NULL);
    client_open(&c);
    client_say(&c, "POST /hold HTTP/1.1\r\n" H "Content-Length: 3\r\n\r\none"
                   "POST /echo HTTP/1.1\r\n" H "Content-Length: 3\r\n\r\ntwo"
                   "POST /echo HTTP/1.1\r\n" H "Content-Length: 5\r\n\r\nthree");
    AWAIT(edge.requests == 1);
    event_base_loop(edge.base, EVLOOP_NONBLOCK);
    CU_ASSERT_EQUAL(edge.requests, 1); /* the others wait for the first answer */
    CU_ASSERT_EQUAL(c.in.n, 0);
    uint64_t first = edge.held;
    CU_ASSERT_EQUAL(
        http_respond(edge.server, first, 201, NULL, (struct slice){0}, SLICE_LIT("first")), LC_OK);
    AWAIT(client_has(&c, "three"));
    const char *one = memmem(c.in.p, c.in.n, "first", 5);
    const char *two = memmem(c.in.p, c.in.n, "two", 3);
    CU_ASSERT(one != NULL && two > one);
    CU_ASSERT_EQUAL(
        http_respond(edge.server, first, 200, NULL, (struct slice){0}, SLICE_LIT("late")),
        LC_ENOTFOUND);
    client_close(&c);
    edge_close();
}

static void
test_requests_pipelined_before_half_a_close_are_all_answered(void)
{
    struct client c;

    edge_open(NULL);
    client_open(&c);
    client_say(&c, "GET /hold HTTP/1.1\r\n" H "\r\n"
                   "POST /echo HTTP/1.1\r\n" H "Content-Length: 3\r\n\r\ntwo"
                   "GET /ec");
    AWAIT(edge.held != 0);
    shutdown(c.fd, SHUT_WR);
    for (int i = 0; i < 3; i++) /* the end is seen while the first is unanswered */
        event_base_loop(edge.base, EVLOOP_NONBLOCK);
    http_respond(edge.server, edge.held, 201, NULL, (struct slice){0}, SLICE_LIT("first"));
    AWAIT(c.eof);
    CU_ASSERT_EQUAL(client_status(&c), 201);
    CU_ASSERT(client_has(&c, "\r\n\r\ntwo"));
    CU_ASSERT(client_has(&c, "truncated"));
    AWAIT(http_server_connections(edge.server) == 0);
    client_close(&c);
    edge_close();
}

static void
test_requests_by_the_thousand_in_one_write_are_all_answered(void)
{
    struct client c;
    struct buf all = {0};

    edge_open(NULL);
    client_open(&c);
    for (int i = 0; i < 5000; i++)
        buf_str(&all, "POST /echo HTTP/1.1\r\n" H "Content-Length: 3\r\n\r\nabc");
    client_send(&c, all.p, all.n);
    AWAIT(count_of(&c.in, "\r\n\r\nabc") == 5000);
    buf_free(&all);
    client_close(&c);
    edge_close();
}

UNIT_MAIN("http_requests", UNIT(test_requests_that_break_the_rules_are_answered_and_cut),
          UNIT(test_requests_cut_into_bytes_get_the_same_answer),
          UNIT(test_requests_that_are_odd_but_right_are_served),
          UNIT(test_requests_pipelined_are_answered_in_order),
          UNIT(test_requests_pipelined_before_half_a_close_are_all_answered),
          UNIT(test_requests_by_the_thousand_in_one_write_are_all_answered))
