/* The webhook client against our own server and against addresses it must not touch. */
#include "edge.h"

#include "io/http_client.h"

#include <netdb.h>

struct done {
    unsigned count;
    uint64_t tags[64];
    int status;
    enum http_client_error err;
};

static void
on_done(void *ctx, uint64_t tag, int status, enum http_client_error err)
{
    struct done *d = ctx;

    d->tags[d->count++ % 64] = tag;
    d->status = status;
    d->err = err;
}

static struct slice
url_of(const char *path)
{
    static char text[256];

    snprintf(text, sizeof text, "http://127.0.0.1:%u%s", edge.port, path);
    return slice_str(text);
}

static void
post(struct http_client *c, struct done *d, struct slice url)
{
    *d = (struct done){0};
    CU_ASSERT_EQUAL(http_post(c, 7, url, SLICE_LIT("Content-Type: application/json\r\n"),
                              SLICE_LIT("{\"a\":1}"), 2000),
                    LC_OK);
    CU_ASSERT_EQUAL(d->count, 0); /* never from inside */
    AWAIT(d->count == 1);
    CU_ASSERT_EQUAL(http_client_pending(c), 0);
}

static const struct http_client_options to_loopback = {.allow_loopback = true};

static void
test_post_gives_the_status_back(void)
{
    struct done d;

    edge_open(NULL);
    struct http_client *c = http_client_new(edge.base, &to_loopback, on_done, &d);
    post(c, &d, url_of("/echo"));
    CU_ASSERT_EQUAL(d.status, 200);
    CU_ASSERT_EQUAL(d.tags[0], 7);
    post(c, &d, url_of("/nothing"));
    CU_ASSERT_EQUAL(d.status, 404);
    CU_ASSERT_EQUAL(d.err, HTTP_CLIENT_OK);
    http_client_destroy(c);
    edge_close();
}

static void
test_post_sends_body_and_headers(void)
{
    struct done d;

    edge_open(NULL);
    edge.silent = true;
    struct http_client *c = http_client_new(edge.base, &to_loopback, on_done, &d);
    d = (struct done){0};
    CU_ASSERT_EQUAL(http_post(c, 1, url_of("/stream"),
                              SLICE_LIT("webhook-id: msg_1\r\nX-B: two words\r\n"),
                              SLICE_LIT("{\"b\":2}"), 2000),
                    LC_OK);
    AWAIT(edge.body_ends == 1);
    CU_ASSERT(slice_eq_str(buf_slice(&edge.seen), "{\"b\":2}"));
    http_respond(edge.server, edge.held, 204, NULL, (struct slice){0}, (struct slice){0});
    AWAIT(d.count == 1);
    CU_ASSERT_EQUAL(d.status, 204);
    http_client_destroy(c);
    edge_close();
}

static void
test_post_does_not_follow_redirects(void)
{
    struct done d = {0};
    char extra[300];

    edge_open(NULL);
    struct http_client *c = http_client_new(edge.base, &to_loopback, on_done, &d);
    struct slice target = url_of("/echo");
    snprintf(extra, sizeof extra, "Location: %.*s\r\n", (int)target.n, target.p);
    CU_ASSERT_EQUAL(http_post(c, 1, url_of("/hold"), (struct slice){0}, SLICE_LIT("x"), 2000),
                    LC_OK);
    AWAIT(edge.held != 0);
    http_respond(edge.server, edge.held, 307, NULL, slice_str(extra), (struct slice){0});
    AWAIT(d.count == 1);
    CU_ASSERT_EQUAL(d.status, 307);
    CU_ASSERT_EQUAL(edge.requests, 1);
    http_client_destroy(c);
    edge_close();
}

static void
test_post_refuses_addresses_that_are_not_public(void)
{
    /* what a chain could name to have us call ourselves, our neighbours or a cloud's metadata */
    static const char *const urls[] = {
        "http://127.0.0.1:%u/echo",
        "http://127.1:%u/echo",
        "http://127.0.1:%u/echo",
        "http://127.255.255.254:%u/echo",
        "http://localhost:%u/echo",
        "http://LOCALHOST:%u/echo",
        "http://2130706433:%u/", /* 127.0.0.1 as one number, in hex, in octal, mixed */
        "http://0x7f000001:%u/",
        "http://017700000001:%u/",
        "http://0177.0.0.1:%u/",
        "http://0x7f.1:%u/",
        "http://0x7f.0x0.0x0.0x1:%u/",
        "http://%%31%%32%%37.0.0.1:%u/",
        "http://0.0.0.0:%u/echo", /* the host itself */
        "http://0:%u/echo",
        "http://[::1]:%u/echo",
        "http://[0:0:0:0:0:0:0:1]:%u/echo",
        "http://[::]:%u/echo",
        "http://[::127.0.0.1]:%u/echo",
        "http://[::ffff:127.0.0.1]:%u/echo", /* IPv4 in IPv6: mapped, translated, NAT64, 6to4 */
        "http://[::ffff:7f00:1]:%u/echo",
        "http://[::ffff:0:127.0.0.1]:%u/echo",
        "http://[64:ff9b::127.0.0.1]:%u/echo",
        "http://[64:ff9b::a9fe:a9fe]:%u/",
        "http://[64:ff9b:1::10.0.0.1]:%u/",
        "http://[2002:7f00:1::1]:%u/echo",
        "http://[2002:a9fe:a9fe::]:%u/",
        "http://10.0.0.1:%u/",
        "http://0x0a000001:%u/",
        "http://172.16.0.1:%u/",
        "http://192.168.0.1:%u/",
        "http://3232235521:%u/",
        "http://100.64.0.1:%u/",
        "http://169.254.169.254:%u/", /* metadata */
        "http://0xa9fea9fe:%u/",
        "http://2852039166:%u/",
        "http://[::ffff:169.254.169.254]:%u/",
        "http://[fd00:ec2::254]:%u/",
        "http://[fd00::1]:%u/", /* unique local, link-local, site-local, multicast */
        "http://[fc00::1]:%u/",
        "http://[fe80::1]:%u/",
        "http://[fec0::1]:%u/",
        "http://[ff02::1]:%u/",
        "http://224.0.0.1:%u/",
        "http://255.255.255.255:%u/",
    };
    struct done d;

    edge_open(NULL);
    struct http_client *c = http_client_new(edge.base, NULL, on_done, &d);
    for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
        char text[128];
        snprintf(text, sizeof text, urls[i], edge.port);
        post(c, &d, slice_str(text));
        if (d.err != HTTP_CLIENT_NOT_PUBLIC)
            printf("\n    %s: %s\n", text, http_client_error_name(d.err));
        CU_ASSERT_EQUAL(d.err, HTTP_CLIENT_NOT_PUBLIC);
        CU_ASSERT_EQUAL(d.status, 0);
    }
    CU_ASSERT(sizeof urls / sizeof *urls >= 25);
    CU_ASSERT_EQUAL(edge.requests, 0);
    http_client_destroy(c);
    edge_close();
}

/* A name may lead elsewhere between two looks at it; what is judged is the address that is about to
 * be connected to, each time anew. So a name that was fine does no harm once it is not. */
static void
test_post_judges_each_connection_anew(void)
{
    struct done d = {0};

    edge_open(NULL);
    struct http_client_options o = to_loopback;
    struct http_client *c = http_client_new(edge.base, &o, on_done, &d);
    char text[64];
    snprintf(text, sizeof text, "http://localhost:%u/echo", edge.port);
    post(c, &d, slice_str(text));
    CU_ASSERT_EQUAL(d.err, HTTP_CLIENT_OK);
    http_client_destroy(c);
    size_t before = edge.requests;
    c = http_client_new(edge.base, NULL, on_done, &d); /* the same name and port, now not public */
    post(c, &d, slice_str(text));
    CU_ASSERT_EQUAL(d.err, HTTP_CLIENT_NOT_PUBLIC);
    CU_ASSERT_EQUAL(edge.requests, before);
    http_client_destroy(c);
    edge_close();
}

static void
test_post_tells_what_is_wrong_with_a_url(void)
{
    static const struct {
        const char *url;
        enum http_client_error err;
    } rows[] = {
        {"ftp://127.0.0.1/", HTTP_CLIENT_BAD_URL},
        {"file:///etc/passwd", HTTP_CLIENT_BAD_URL},
        {"gopher://127.0.0.1/", HTTP_CLIENT_BAD_URL},
        {"http://", HTTP_CLIENT_BAD_URL},
        {"http://a b/", HTTP_CLIENT_BAD_URL},
        {"http://127.0.0.1:99999/", HTTP_CLIENT_BAD_URL},
        {"http://user:secret@127.0.0.1/", HTTP_CLIENT_BAD_URL},
        {"http://127.0.0.1:1/", HTTP_CLIENT_CONNECT},
    };
    struct done d;

    edge_open(NULL);
    struct http_client *c = http_client_new(edge.base, &to_loopback, on_done, &d);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        post(c, &d, slice_str(rows[i].url));
        if (d.err != rows[i].err)
            printf("\n    %s: %s\n", rows[i].url, http_client_error_name(d.err));
        CU_ASSERT_EQUAL(d.err, rows[i].err);
    }
    http_client_destroy(c);
    edge_close();
}

static void
test_post_to_a_name_that_does_not_exist_fails(void)
{
    struct done d;

    edge_open(NULL);
    struct http_client *c = http_client_new(edge.base, &to_loopback, on_done, &d);
    post(c, &d, SLICE_LIT("http://name.invalid/"));
    /* without a name server even "no" takes longer than the deadline */
    CU_ASSERT(d.err == HTTP_CLIENT_RESOLVE || d.err == HTTP_CLIENT_DEADLINE);
    http_client_destroy(c);
    edge_close();
}

static void
test_post_refuses_bad_arguments_at_once(void)
{
    static const char *const headers[] = {"X: y", "X: y\n",           "no colon\r\n",
                                          "\r\n", "X: y\r\n\r\nbody", "X: y\rZ: z\r\n"};
    struct done d = {0};

    edge_open(NULL);
    struct http_client *c = http_client_new(edge.base, &to_loopback, on_done, &d);
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++)
        CU_ASSERT_EQUAL(
            http_post(c, 1, url_of("/echo"), slice_str(headers[i]), SLICE_LIT("x"), 1000),
            LC_EINVAL);
    CU_ASSERT_EQUAL(http_post(c, 1, (struct slice){0}, (struct slice){0}, SLICE_LIT("x"), 1000),
                    LC_EINVAL);
    CU_ASSERT_EQUAL(http_client_pending(c), 0);
    http_client_destroy(c);
    edge_close();
}

static void
test_post_ends_at_its_deadline(void)
{
    struct done d = {0};

    edge_open(NULL);
    struct http_client *c = http_client_new(edge.base, &to_loopback, on_done, &d);
    CU_ASSERT_EQUAL(http_post(c, 1, url_of("/hold"), (struct slice){0}, SLICE_LIT("x"), 150),
                    LC_OK);
    AWAIT(d.count == 1);
    CU_ASSERT_EQUAL(d.err, HTTP_CLIENT_DEADLINE);
    CU_ASSERT_EQUAL(d.status, 0);
    http_client_destroy(c);
    edge_close();
}

/* An answer without end costs no more than its limit, and still counts. */
static void
test_post_reads_no_more_than_its_limit(void)
{
    static char part[60000];
    struct done d = {0};

    edge_open(NULL);
    struct http_client *c = http_client_new(edge.base, &to_loopback, on_done, &d);
    CU_ASSERT_EQUAL(http_post(c, 1, url_of("/sse"), (struct slice){0}, SLICE_LIT("x"), 5000),
                    LC_OK);
    AWAIT(edge.held != 0);
    for (int i = 0; i < 3; i++)
        http_respond_chunk(edge.server, edge.held, slice_of(part, sizeof part));
    AWAIT(d.count == 1);
    CU_ASSERT_EQUAL(d.err, HTTP_CLIENT_OK);
    CU_ASSERT_EQUAL(d.status, 200);
    AWAIT(edge.gone == 1);
    http_client_destroy(c);
    edge_close();
}

static void
test_post_queues_beyond_what_is_in_flight(void)
{
    struct http_client_options o = {.in_flight = 2, .queue = 3, .allow_loopback = true};
    struct done d = {0};

    edge_open(NULL);
    struct http_client *c = http_client_new(edge.base, &o, on_done, &d);
    for (uint64_t tag = 1; tag <= 2; tag++)
        CU_ASSERT_EQUAL(http_post(c, tag, url_of("/hold"), (struct slice){0}, SLICE_LIT("x"), 5000),
                        LC_OK);
    AWAIT(edge.requests == 2);
    for (uint64_t tag = 3; tag <= 5; tag++)
        CU_ASSERT_EQUAL(http_post(c, tag, url_of("/echo"), (struct slice){0}, SLICE_LIT("x"), 5000),
                        LC_OK);
    CU_ASSERT_EQUAL(http_post(c, 6, url_of("/echo"), (struct slice){0}, SLICE_LIT("x"), 5000),
                    LC_EAGAIN);
    CU_ASSERT_EQUAL(http_client_pending(c), 5);
    event_base_loop(edge.base, EVLOOP_ONCE);
    CU_ASSERT_EQUAL(edge.requests, 2);
    http_respond(edge.server, edge.held, 200, NULL, (struct slice){0}, (struct slice){0});
    AWAIT(d.count == 4); /* one place is free: the three go through it in order */
    CU_ASSERT(d.tags[1] == 3 && d.tags[2] == 4 && d.tags[3] == 5);
    http_client_destroy(c); /* with one still in flight */
    CU_ASSERT_EQUAL(d.count, 4);
    edge_close();
}

static void
test_post_is_broken_when_the_peer_hangs_up(void)
{
    struct done d = {0};

    edge_open(NULL);
    struct http_client *c = http_client_new(edge.base, &to_loopback, on_done, &d);
    CU_ASSERT_EQUAL(http_post(c, 1, url_of("/hold"), (struct slice){0}, SLICE_LIT("x"), 5000),
                    LC_OK);
    AWAIT(edge.held != 0);
    http_server_destroy(edge.server);
    edge.server = NULL;
    AWAIT(d.count == 1);
    CU_ASSERT_EQUAL(d.err, HTTP_CLIENT_BROKEN);
    http_client_destroy(c);
    edge_close();
}

static void
test_address_allowed_follows_the_registries(void)
{
    static const struct {
        const char *ip;
        bool plain, loopback, private;
    } rows[] = {
        {"8.8.8.8", true, true, true},
        {"100.63.255.255", true, true, true},
        {"172.15.255.255", true, true, true},
        {"172.32.0.0", true, true, true},
        {"2606:4700::1111", true, true, true},
        {"2001:4860:4860::8888", true, true, true},
        {"64:ff9b::808:808", true, true, true},
        {"2002:808:808::1", true, true, true},
        {"127.0.0.1", false, true, false},
        {"127.255.255.255", false, true, false},
        {"::1", false, true, false},
        {"::ffff:127.0.0.1", false, true, false},
        {"10.1.2.3", false, false, true},
        {"172.16.0.1", false, false, true},
        {"172.31.255.255", false, false, true},
        {"192.168.1.1", false, false, true},
        {"fd00::1", false, false, true},
        {"::ffff:10.0.0.1", false, false, true},
        {"64:ff9b::a00:1", false, false, true},
        {"2002:a00:1::1", false, false, true},
        {"0.0.0.0", false, false, false},
        {"0.1.2.3", false, false, false},
        {"100.64.0.1", false, false, false},
        {"169.254.169.254", false, false, false},
        {"192.0.0.8", false, false, false},
        {"192.0.2.1", false, false, false},
        {"198.18.0.1", false, false, false},
        {"198.19.255.255", false, false, false},
        {"198.51.100.1", false, false, false},
        {"203.0.113.1", false, false, false},
        {"224.0.0.1", false, false, false},
        {"239.255.255.255", false, false, false},
        {"240.0.0.1", false, false, false},
        {"255.255.255.255", false, false, false},
        {"::", false, false, false},
        {"::127.0.0.1", false, false, false},
        {"fe80::1", false, false, false},
        {"fec0::1", false, false, false},
        {"ff02::1", false, false, false},
        {"2001:db8::1", false, false, false},
        {"2001::1", false, false, false},
        {"100::1", false, false, false},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct addrinfo hints = {.ai_flags = AI_NUMERICHOST}, *ai = NULL;
        CU_ASSERT_EQUAL_FATAL(getaddrinfo(rows[i].ip, NULL, &hints, &ai), 0);
        bool ok = http_address_allowed(ai->ai_addr, false, false) == rows[i].plain &&
                  http_address_allowed(ai->ai_addr, true, false) == rows[i].loopback &&
                  http_address_allowed(ai->ai_addr, false, true) == rows[i].private;
        if (!ok)
            printf("\n    %s\n", rows[i].ip);
        CU_ASSERT(ok);
        freeaddrinfo(ai);
    }
}

UNIT_MAIN("http_client", UNIT(test_post_gives_the_status_back),
          UNIT(test_post_sends_body_and_headers), UNIT(test_post_does_not_follow_redirects),
          UNIT(test_post_refuses_addresses_that_are_not_public),
          UNIT(test_post_judges_each_connection_anew),
          UNIT(test_post_tells_what_is_wrong_with_a_url),
          UNIT(test_post_to_a_name_that_does_not_exist_fails),
          UNIT(test_post_refuses_bad_arguments_at_once), UNIT(test_post_ends_at_its_deadline),
          UNIT(test_post_reads_no_more_than_its_limit),
          UNIT(test_post_queues_beyond_what_is_in_flight),
          UNIT(test_post_is_broken_when_the_peer_hangs_up),
          UNIT(test_address_allowed_follows_the_registries))
