#include "await.h"

#include "base/wire.h"
#include "io/bus.h"
#include "io/resolve.h"

#include <stdio.h>
#include <unistd.h>
#include <zmq.h>

/* node: a bus and what it heard. Work is answered with the same frame, unless `mute`. */
struct node {
    struct bus *bus;
    bool mute;
    size_t work;    /* frames with a link */
    size_t answers; /* frames without */
    uint64_t link;  /* of the last */
    size_t bytes;   /* of the last */
    char last[64];
};

static struct loop *loop;
static struct resolver *resolver;

static void
on_frame(void *ctx, uint64_t link, struct slice bytes)
{
    struct node *n = ctx;

    n->bytes = bytes.n;
    memset(n->last, 0, sizeof n->last);
    if (bytes.n < sizeof n->last)
        memcpy(n->last, bytes.p, bytes.n);
    if (link == 0) {
        n->answers++;
        return;
    }
    n->work++;
    n->link = link;
    if (!n->mute) {
        CU_ASSERT_EQUAL(bus_answer(n->bus, link, bytes), LC_OK);
        bus_turn_end(n->bus);
    }
}

static void
open_node(struct node *n)
{
    *n = (struct node){0};
    n->bus = bus_new(loop, resolver, false, on_frame, n);
    CU_ASSERT_PTR_NOT_NULL_FATAL(n->bus);
}

static void
close_node(struct node *n)
{
    bus_destroy(n->bus, 0);
    n->bus = NULL;
}

static void
open_server(struct node *n)
{
    const char *why = "";

    open_node(n);
    CU_ASSERT_EQUAL_FATAL(bus_listen(n->bus, "tcp://127.0.0.1:*", &why), LC_OK);
}

/* The endpoint with a numeric v4 address, whatever form ZeroMQ shows it in. */
static const char *
address_of(const char *endpoint)
{
    static char text[4][64];
    static unsigned turn;
    char *to = text[turn++ % 4];

    snprintf(to, sizeof text[0], "tcp://127.0.0.1%s", strrchr(endpoint, ':'));
    return to;
}

static void
connect_to(struct node *client, const struct node *server)
{
    const char *why = "";

    CU_ASSERT_EQUAL_FATAL(
        bus_peers(client->bus, ROLE_MATCHER, address_of(bus_listening(server->bus)), &why), LC_OK);
}

static void
begin(void)
{
    log_open("test", LOG_ERROR);
    loop = loop_new();
    resolver = resolver_new(loop);
    CU_ASSERT_PTR_NOT_NULL_FATAL(resolver);
}

static void
finish(void)
{
    resolver_destroy(resolver);
    loop_destroy(loop);
}

/* A frame with an envelope's id and a word behind it. */
static struct slice
frame(uint64_t id, const char *word)
{
    static char bytes[128];

    memset(bytes, 0, sizeof bytes);
    bytes[0] = 0x0a;
    bytes[1] = 16;
    memcpy(bytes + 2, &id, sizeof id);
    memcpy(bytes + 18, word, strlen(word));
    return slice_of(bytes, 18 + strlen(word));
}

static enum lc_err
send_frame(struct node *n, uint64_t id, int64_t wait_ms)
{
    int64_t now_ms = loop_now_ms(loop);
    enum lc_err err = bus_send(n->bus, ROLE_MATCHER, frame(id, "work"), now_ms + wait_ms, now_ms);

    bus_turn_end(n->bus);
    return err;
}

/* Until ZeroMQ has connected a frame has nowhere to go. */
static void
send_first(struct node *n, uint64_t id)
{
    AWAIT(loop, send_frame(n, id, 5000) == LC_OK);
}

static void
test_bus_send_gets_its_answer(void)
{
    struct node server, client;

    begin();
    open_server(&server);
    open_node(&client);
    connect_to(&client, &server);
    send_first(&client, 1);
    CU_ASSERT_EQUAL(bus_waiting(client.bus), 1);
    AWAIT(loop, client.answers == 1);
    CU_ASSERT_EQUAL(server.work, 1);
    CU_ASSERT_NOT_EQUAL(server.link, 0);
    CU_ASSERT_STRING_EQUAL(client.last + 18, "work");
    CU_ASSERT_EQUAL(bus_waiting(client.bus), 0);
    close_node(&client);
    close_node(&server);
    finish();
}

static void
test_bus_send_drops_and_counts_without_a_peer(void)
{
    struct node client;

    begin();
    open_node(&client);
    CU_ASSERT_EQUAL(send_frame(&client, 1, 1000), LC_EAGAIN);
    CU_ASSERT_EQUAL(bus_counts(client.bus)->dropped[ROLE_MATCHER], 1);
    close_node(&client);
    finish();
}

static void
test_bus_reached_is_true_when_each_role_can_be_sent_to(void)
{
    struct node server, client;
    const char *why = "";
    char path[64], endpoint[80];

    begin();
    open_node(&client);
    CU_ASSERT_TRUE(bus_reached(client.bus)); /* nobody to reach */
    open_server(&server);
    connect_to(&client, &server);
    AWAIT(loop, bus_reached(client.bus));
    snprintf(path, sizeof path, "/tmp/lc-bus-%d", (int)getpid());
    snprintf(endpoint, sizeof endpoint, "ipc://%s", path);
    CU_ASSERT_EQUAL(bus_peers(client.bus, ROLE_ROUTER, endpoint, &why), LC_OK);
    CU_ASSERT_FALSE(bus_reached(client.bus)); /* nobody listens there yet */
    CU_ASSERT_EQUAL(bus_listen(server.bus, endpoint, &why), LC_OK);
    AWAIT(loop, bus_reached(client.bus));
    AWAIT(loop, (send_frame(&client, 1, 5000), server.work > 0)); /* reading it lost no edge */
    close_node(&client);
    close_node(&server);
    (void)unlink(path);
    finish();
}

static void
test_bus_send_takes_peers_in_turn(void)
{
    struct node a, b, client;

    begin();
    open_server(&a);
    open_server(&b);
    open_node(&client);
    connect_to(&client, &a);
    connect_to(&client, &b);
    AWAIT(loop, bus_peer_count(client.bus, ROLE_MATCHER) == 2);
    AWAIT(loop, ((void)send_frame(&client, 1, 5000), a.work > 0 && b.work > 0));
    AWAIT(loop, bus_waiting(client.bus) == 0);
    size_t before_a = a.work, before_b = b.work;
    for (uint64_t i = 0; i < 100; i++)
        CU_ASSERT_EQUAL(send_frame(&client, 10 + i, 5000), LC_OK);
    AWAIT(loop, bus_waiting(client.bus) == 0);
    CU_ASSERT_EQUAL(a.work - before_a, 50);
    CU_ASSERT_EQUAL(b.work - before_b, 50);
    close_node(&client);
    close_node(&a);
    close_node(&b);
    finish();
}

static void
test_bus_send_goes_on_when_a_peer_is_gone(void)
{
    struct node a, b, client;

    begin();
    open_server(&a);
    open_server(&b);
    open_node(&client);
    connect_to(&client, &a);
    connect_to(&client, &b);
    AWAIT(loop, ((void)send_frame(&client, 1, 5000), a.work > 0 && b.work > 0));
    AWAIT(loop, bus_waiting(client.bus) == 0);
    close_node(&a);
    /* what was on its way to a is lost and its credit comes back at the deadline; b gets the rest
     */
    size_t before = b.work;
    unsigned sent = 0;
    for (uint64_t i = 0; i < 200; i++) {
        sent += send_frame(&client, 100 + i, 300) == LC_OK;
        await_time(loop, 1);
    }
    AWAIT(loop, bus_waiting(client.bus) == 0);
    CU_ASSERT(sent >= 195);
    CU_ASSERT(b.work - before >= 150);
    /* nothing is unaccounted for; an answer that b was too slow to give counts on both sides */
    CU_ASSERT(b.work - before <= sent);
    CU_ASSERT(b.work - before + bus_counts(client.bus)->unanswered[ROLE_MATCHER] >= sent);
    close_node(&client);
    close_node(&b);
    finish();
}

static void
test_bus_send_keeps_to_its_credits(void)
{
    struct node server, client;

    begin();
    open_server(&server);
    server.mute = true;
    open_node(&client);
    connect_to(&client, &server);
    send_first(&client, 1);
    for (uint64_t i = 1; i < BUS_CREDITS; i++)
        CU_ASSERT_EQUAL(send_frame(&client, 1 + i, 5000), LC_OK);
    CU_ASSERT_EQUAL(send_frame(&client, 9999, 5000), LC_EAGAIN);
    AWAIT(loop, server.work == BUS_CREDITS);
    /* one answer gives one credit back */
    CU_ASSERT_EQUAL(bus_answer(server.bus, server.link, frame(7, "answer")), LC_OK);
    bus_turn_end(server.bus);
    AWAIT(loop, client.answers == 1);
    CU_ASSERT_EQUAL(send_frame(&client, 10000, 5000), LC_OK);
    CU_ASSERT_EQUAL(send_frame(&client, 10001, 5000), LC_EAGAIN);
    close_node(&client);
    close_node(&server);
    finish();
}

static void
test_bus_send_trusts_a_silent_peer_less(void)
{
    struct node server, client;
    unsigned sent = 0;

    begin();
    open_server(&server);
    server.mute = true;
    open_node(&client);
    connect_to(&client, &server);
    send_first(&client, 1);
    for (uint64_t i = 1; i < BUS_CREDITS; i++)
        CU_ASSERT_EQUAL(send_frame(&client, 1 + i, 100), LC_OK);
    AWAIT(loop, bus_waiting(client.bus) == 1);
    CU_ASSERT_EQUAL(bus_counts(client.bus)->unanswered[ROLE_MATCHER], BUS_CREDITS - 1);
    while (send_frame(&client, 1000 + sent, 5000) == LC_OK)
        sent++;
    CU_ASSERT(sent < BUS_CREDITS);
    CU_ASSERT(sent > 0);
    close_node(&client);
    close_node(&server);
    finish();
}

/* The descriptor speaks once: with answers and new frames crossing, nothing may be left lying. */
static void
test_bus_send_loses_no_wake_up(void)
{
    struct node server, client;
    uint64_t next = 2;

    begin();
    open_server(&server);
    open_node(&client);
    connect_to(&client, &server);
    send_first(&client, 1);
    int64_t end_ms = loop_mono_ms() + AWAIT_MS;
    while (client.answers < 20000 && loop_mono_ms() < end_ms) {
        while (next <= 20000 && send_frame(&client, next, 5000) == LC_OK)
            next++;
        CU_ASSERT_EQUAL_FATAL(loop_run_once(loop), LC_OK);
    }
    CU_ASSERT_EQUAL(client.answers, 20000);
    CU_ASSERT_EQUAL(bus_waiting(client.bus), 0);
    CU_ASSERT_EQUAL(bus_counts(client.bus)->unanswered[ROLE_MATCHER], 0);
    close_node(&client);
    close_node(&server);
    finish();
}

static void
test_bus_answer_to_one_who_is_gone_is_counted(void)
{
    struct node server, client;

    begin();
    open_server(&server);
    server.mute = true;
    open_node(&client);
    connect_to(&client, &server);
    send_first(&client, 1);
    AWAIT(loop, server.work == 1);
    CU_ASSERT_EQUAL(bus_answer(server.bus, server.link + 1, frame(1, "x")), LC_ENOTFOUND);
    close_node(&client);
    AWAIT(loop, bus_answer(server.bus, server.link, frame(1, "x")) == LC_ENOTFOUND);
    CU_ASSERT(bus_counts(server.bus)->answers_dropped >= 2);
    close_node(&server);
    finish();
}

static void
test_bus_news_reaches_followers(void)
{
    struct node server, client;
    const char *why = "";

    begin();
    open_node(&server);
    CU_ASSERT_EQUAL(bus_news(server.bus, frame(1, "early")), LC_EAGAIN);
    CU_ASSERT_EQUAL_FATAL(bus_publish(server.bus, "tcp://127.0.0.1:*", &why), LC_OK);
    open_node(&client);
    CU_ASSERT_EQUAL_FATAL(bus_follow(client.bus, address_of(bus_publishing(server.bus)), &why),
                          LC_OK);
    AWAIT(loop, ((void)bus_news(server.bus, frame(2, "news")), client.answers > 0));
    CU_ASSERT_STRING_EQUAL(client.last + 18, "news");
    close_node(&client);
    close_node(&server);
    finish();
}

static void
test_bus_peers_resolves_names(void)
{
    struct node server, client;
    const char *why = "";
    char endpoint[64];

    begin();
    open_server(&server);
    open_node(&client);
    snprintf(endpoint, sizeof endpoint, "tcp://localhost%s",
             strrchr(bus_listening(server.bus), ':'));
    CU_ASSERT_EQUAL(bus_peers(client.bus, ROLE_MATCHER, endpoint, &why), LC_OK);
    send_first(&client, 1);
    AWAIT(loop, client.answers == 1);
    close_node(&client);
    close_node(&server);
    finish();
}

static void
test_bus_peers_lives_with_a_name_nobody_knows(void)
{
    struct node client;
    const char *why = "";

    begin();
    open_node(&client);
    CU_ASSERT_EQUAL(bus_peers(client.bus, ROLE_MATCHER, "tcp://no-such-name.invalid:7101", &why),
                    LC_OK);
    await_time(loop, 50);
    CU_ASSERT_EQUAL(bus_peer_count(client.bus, ROLE_MATCHER), 0);
    CU_ASSERT_EQUAL(send_frame(&client, 1, 1000), LC_EAGAIN);
    close_node(&client);
    finish();
}

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

UNIT_MAIN("bus", UNIT(test_bus_send_gets_its_answer),
          UNIT(test_bus_send_drops_and_counts_without_a_peer),
          UNIT(test_bus_reached_is_true_when_each_role_can_be_sent_to),
          UNIT(test_bus_send_takes_peers_in_turn), UNIT(test_bus_send_goes_on_when_a_peer_is_gone),
          UNIT(test_bus_send_keeps_to_its_credits), UNIT(test_bus_send_trusts_a_silent_peer_less),
          UNIT(test_bus_send_loses_no_wake_up), UNIT(test_bus_answer_to_one_who_is_gone_is_counted),
          UNIT(test_bus_news_reaches_followers), UNIT(test_bus_peers_resolves_names),
          UNIT(test_bus_peers_lives_with_a_name_nobody_knows),
          UNIT(test_bus_listen_refuses_what_is_no_endpoint),
          UNIT(test_bus_listen_stays_on_the_loopback),
          UNIT(test_bus_listen_does_not_take_over_a_living_socket_file),
          UNIT(test_bus_listen_serves_request_sockets),
          UNIT(test_bus_listen_counts_malformed_messages),
          UNIT(test_bus_listen_cuts_who_sends_over_the_limit),
          UNIT(test_bus_links_are_bounded_and_never_used_twice))
