/* What goes between two nodes: work with its credits, answers, news, names. */
#include "bus_rig.h"

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

UNIT_MAIN("bus", UNIT(test_bus_send_gets_its_answer),
          UNIT(test_bus_send_drops_and_counts_without_a_peer),
          UNIT(test_bus_reached_is_true_when_each_role_can_be_sent_to),
          UNIT(test_bus_send_takes_peers_in_turn), UNIT(test_bus_send_goes_on_when_a_peer_is_gone),
          UNIT(test_bus_send_keeps_to_its_credits), UNIT(test_bus_send_trusts_a_silent_peer_less),
          UNIT(test_bus_send_loses_no_wake_up), UNIT(test_bus_answer_to_one_who_is_gone_is_counted),
          UNIT(test_bus_news_reaches_followers), UNIT(test_bus_peers_resolves_names),
          UNIT(test_bus_peers_lives_with_a_name_nobody_knows))
