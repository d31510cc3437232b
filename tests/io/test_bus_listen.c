/* Who listens, and what strangers may do to it. */
#include "bus_rig.h"

static void
test_bus_listen_refuses_what_is_no_endpoint(void)
{
    static const char *const bad[] = {
        "7101",          "tcp://",         "tcp://name",         "tcp://name:",
        "tcp://:7101",   "tcp://a:0",      "tcp://a:65536",      "tcp://a:http",
        "udp://a:7101",  "ipc://",         "http://a:80",        "tcp://127.0.0.1:1,nonsense",
        "inproc://here", "tcp://a:123456", "tcp://127.0.0.1:1 2"};
    struct node n;

    begin();
    open_node(&n);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const char *why = NULL;
        struct bus *b = bus_new(loop, resolver, true, on_frame, &n);
        enum lc_err err = bus_peers(b, ROLE_ROUTER, bad[i], &why);
        if (err != LC_EINVAL)
            printf("\n  accepted: %s\n", bad[i]);
        CU_ASSERT_EQUAL(err, LC_EINVAL);
        CU_ASSERT_PTR_NOT_NULL(why);
        bus_destroy(b, 0);
    }
    close_node(&n);
    finish();
}

static void
test_bus_listen_stays_on_the_loopback(void)
{
    static const char *const open_ones[] = {"tcp://0.0.0.0:7999", "tcp://*:7999", "tcp://[::]:7999",
                                            "tcp://10.0.0.1:7999", "tcp://eth0:7999"};
    struct node n;
    const char *why = "";

    begin();
    open_node(&n);
    for (size_t i = 0; i < sizeof open_ones / sizeof *open_ones; i++)
        CU_ASSERT_EQUAL(bus_listen(n.bus, open_ones[i], &why), LC_EDENIED);
    CU_ASSERT_EQUAL(bus_listen(n.bus, "tcp://127.0.0.1:*", &why), LC_OK);
    bus_destroy(n.bus, 0);
    n.bus = bus_new(loop, resolver, true, on_frame, &n);
    CU_ASSERT_EQUAL(bus_listen(n.bus, "tcp://*:*", &why), LC_OK);
    close_node(&n);
    finish();
}

static void
test_bus_listen_does_not_take_over_a_living_socket_file(void)
{
    char dir[] = "/tmp/lc-bus-XXXXXX";
    char endpoint[64];
    struct node a, b;
    const char *why = "";

    begin();
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(dir));
    snprintf(endpoint, sizeof endpoint, "ipc://%s/m", dir);
    open_node(&a);
    open_node(&b);
    CU_ASSERT_EQUAL(bus_listen(a.bus, endpoint, &why), LC_OK);
    CU_ASSERT_EQUAL(bus_listen(b.bus, endpoint, &why), LC_EEXIST);
    CU_ASSERT_EQUAL(bus_peers(b.bus, ROLE_MATCHER, endpoint, &why), LC_OK);
    send_first(&b, 1);
    AWAIT(loop, b.answers == 1);
    close_node(&a);
    close_node(&b);
    CU_ASSERT_EQUAL(unlink(endpoint + 6), 0);
    CU_ASSERT_EQUAL(rmdir(dir), 0);
    finish();
}

/* Somebody else's ZeroMQ socket, non-blocking. */
static void *
stranger(void *zmq, int type, const struct node *server)
{
    void *s = zmq_socket(zmq, type);
    int no = 0;

    zmq_setsockopt(s, ZMQ_LINGER, &no, sizeof no);
    CU_ASSERT_EQUAL(zmq_connect(s, address_of(bus_listening(server->bus))), 0);
    return s;
}

static void
test_bus_listen_serves_request_sockets(void)
{
    struct node server;
    void *zmq = zmq_ctx_new();
    char got[64];
    int n = -1;

    begin();
    open_server(&server);
    void *s = stranger(zmq, ZMQ_REQ, &server);
    CU_ASSERT_EQUAL(zmq_send(s, "hello", 5, 0), 5);
    AWAIT(loop, (n = n < 0 ? zmq_recv(s, got, sizeof got, ZMQ_DONTWAIT) : n, n >= 0));
    CU_ASSERT_EQUAL(n, 5);
    CU_ASSERT_EQUAL(memcmp(got, "hello", 5), 0);
    zmq_close(s);
    zmq_ctx_term(zmq);
    close_node(&server);
    finish();
}

static void
test_bus_listen_counts_malformed_messages(void)
{
    struct node server;
    void *zmq = zmq_ctx_new();

    begin();
    open_server(&server);
    void *s = stranger(zmq, ZMQ_DEALER, &server);
    for (int parts = 2; parts < 8; parts++) {
        for (int i = 1; i < parts; i++)
            CU_ASSERT_EQUAL(zmq_send(s, "part", 4, ZMQ_SNDMORE), 4);
        CU_ASSERT_EQUAL(zmq_send(s, "end", 3, 0), 3);
    }
    CU_ASSERT_EQUAL(zmq_send(s, "", 0, 0),
                    0); /* one empty part is a frame: the decoder's business */
    AWAIT(loop, server.work == 1);
    CU_ASSERT_EQUAL(bus_counts(server.bus)->malformed, 6);
    zmq_close(s);
    zmq_ctx_term(zmq);
    close_node(&server);
    finish();
}

static void
test_bus_listen_cuts_who_sends_over_the_limit(void)
{
    struct node server, client;
    void *zmq = zmq_ctx_new();
    size_t n = WIRE_FRAME_MAX + 1;
    char *big = calloc(1, n);

    begin();
    open_server(&server);
    void *s = stranger(zmq, ZMQ_DEALER, &server);
    CU_ASSERT_EQUAL(zmq_send(s, big, n, 0), (int)n);
    open_node(&client);
    connect_to(&client, &server);
    send_first(&client, 1);
    AWAIT(loop, client.answers == 1); /* others are served on */
    await_time(loop, 100);
    CU_ASSERT_EQUAL(server.work, 1);
    free(big);
    zmq_close(s);
    zmq_ctx_term(zmq);
    close_node(&client);
    close_node(&server);
    finish();
}

static void
test_bus_links_are_bounded_and_never_used_twice(void)
{
    enum { STRANGERS = 40 };
    struct node server;
    void *zmq = zmq_ctx_new();
    uint64_t last = 0;

    begin();
    open_server(&server);
    server.mute = true;
    for (size_t i = 0; i < STRANGERS; i++) {
        void *s = stranger(zmq, ZMQ_DEALER, &server);
        CU_ASSERT_EQUAL(zmq_send(s, "x", 1, 0), 1);
        AWAIT(loop, server.work == i + 1);
        CU_ASSERT(server.link > last);
        last = server.link;
        zmq_close(s);
    }
    zmq_ctx_term(zmq);
    close_node(&server);
    finish();
}

UNIT_MAIN("bus_listen", UNIT(test_bus_listen_refuses_what_is_no_endpoint),
          UNIT(test_bus_listen_stays_on_the_loopback),
          UNIT(test_bus_listen_does_not_take_over_a_living_socket_file),
          UNIT(test_bus_listen_serves_request_sockets),
          UNIT(test_bus_listen_counts_malformed_messages),
          UNIT(test_bus_listen_cuts_who_sends_over_the_limit),
          UNIT(test_bus_links_are_bounded_and_never_used_twice))
