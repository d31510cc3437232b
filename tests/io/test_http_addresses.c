/* What one address may have open and ask for: directly, and through a proxy that says for whom. */
#include "edge.h"

#include "io/http_limit.h"

#include <stdio.h>

#define ASK "GET /echo HTTP/1.1\r\nHost: a\r\n"

static const char *why;

static void
open_with(uint32_t connections, uint32_t per_s, uint32_t burst, const char *proxies,
          const char *exempt)
{
    const struct http_address_rules rules = {connections, per_s, burst, proxies, exempt};

    edge_open(NULL);
    CU_ASSERT_EQUAL_FATAL(http_server_limit_addresses(edge.server, &rules, &why), LC_OK);
}

/* ask: one request, on a connection of its own; the status. forwarded may be NULL. */
static int
ask(const char *from, const char *forwarded)
{
    struct client c;
    char text[256];

    snprintf(text, sizeof text, ASK "%s%s%sConnection: close\r\n\r\n",
             forwarded == NULL ? "" : "X-Forwarded-For: ", forwarded == NULL ? "" : forwarded,
             forwarded == NULL ? "" : "\r\n");
    client_open_from(&c, from);
    client_say(&c, text);
    AWAIT(c.eof);
    int status = client_status(&c);
    if (status == 429)
        CU_ASSERT(client_has(&c, "Retry-After: 1\r\n"));
    client_close(&c);
    return status;
}

/* ask_until: again and again, until it is answered so: a slow machine gets a request more. */
static bool
ask_until(const char *from, const char *forwarded, int status)
{
    uint64_t until = now_ms() + 10000;

    while (now_ms() < until)
        if (ask(from, forwarded) == status)
            return true;
    return false;
}

static void
test_addresses_that_ask_too_often_get_429_and_others_do_not(void)
{
    open_with(0, 1, 3, "", "");
    for (int i = 0; i < 3; i++)
        CU_ASSERT_EQUAL(ask("127.0.0.2", NULL), 200);
    CU_ASSERT_TRUE(ask_until("127.0.0.2", NULL, 429));
    CU_ASSERT_EQUAL(ask("127.0.0.3", NULL), 200);
    CU_ASSERT_EQUAL(edge.refused[HTTP_REFUSED_ADDRESS_RATE], 1);
    CU_ASSERT_TRUE(ask_until("127.0.0.2", NULL, 200)); /* a second later */
    edge_close();
}

static void
test_addresses_may_have_so_many_connections(void)
{
    struct client c[3];

    open_with(3, 0, 0, "", "127.0.0.4");
    for (int i = 0; i < 3; i++) {
        client_open_from(&c[i], "127.0.0.2");
        client_say(&c[i], ASK "\r\n");
        AWAIT(client_status(&c[i]) == 200);
    }
    CU_ASSERT_EQUAL(ask("127.0.0.2", NULL), 429);
    CU_ASSERT_EQUAL(edge.refused[HTTP_REFUSED_ADDRESS_OPEN], 1);
    CU_ASSERT_EQUAL(ask("127.0.0.3", NULL), 200);
    client_close(&c[0]);
    CU_ASSERT_TRUE(ask_until("127.0.0.2", NULL, 200));
    client_close(&c[1]);
    client_close(&c[2]);
    for (int i = 0; i < 3; i++)
        client_open_from(&c[i], "127.0.0.4");
    CU_ASSERT_EQUAL(ask("127.0.0.4", NULL), 200); /* exempt */
    for (int i = 0; i < 3; i++)
        client_close(&c[i]);
    edge_close();
}

/* What a stranger says of others counts for nothing. */
static void
test_addresses_are_a_proxys_to_tell_and_nobody_elses(void)
{
    open_with(0, 1, 2, "127.0.0.9", "");
    for (int i = 0; i < 2; i++) {
        CU_ASSERT_EQUAL(ask("127.0.0.2", i == 0 ? "203.0.113.1" : "203.0.113.2"), 200);
        CU_ASSERT_EQUAL(ask("127.0.0.9", "203.0.113.7"), 200);
    }
    CU_ASSERT_TRUE(ask_until("127.0.0.2", "203.0.113.3", 429));
    CU_ASSERT_TRUE(ask_until("127.0.0.9", "203.0.113.7", 429));
    /* what the client put in front itself is not believed either */
    CU_ASSERT_TRUE(ask_until("127.0.0.9", "198.51.100.1, 203.0.113.7", 429));
    CU_ASSERT_EQUAL(ask("127.0.0.9", "203.0.113.8"), 200);
    /* two proxies, each with a header of its own: they are one list */
    for (int i = 0; i < 6; i++) {
        char two[64];
        snprintf(two, sizeof two, "203.0.113.%d\r\nX-Forwarded-For: 127.0.0.9", 20 + i);
        CU_ASSERT_EQUAL(ask("127.0.0.9", two), 200);
    }
    CU_ASSERT_TRUE(ask_until("127.0.0.9", "203.0.113.20\r\nX-Forwarded-For: 127.0.0.9", 429));
    CU_ASSERT_TRUE(ask_until("127.0.0.9", "nonsense\r\nX-Forwarded-For: 127.0.0.9", 429));
    for (int i = 0; i < 5; i++)
        CU_ASSERT_EQUAL(ask("127.0.0.9", NULL), 200); /* its own checks */
    edge_close();
}

/* A proxy's connections are everybody's: what counts is what is under way. */
static void
test_addresses_behind_a_proxy_may_have_so_much_under_way(void)
{
    struct client held, kept;

    open_with(1, 0, 0, "127.0.0.9", "");
    client_open_from(&held, "127.0.0.9");
    client_say(&held, "GET /hold HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 203.0.113.7\r\n\r\n");
    AWAIT(edge.held != 0);
    CU_ASSERT_EQUAL(ask("127.0.0.9", "203.0.113.7"), 429);
    CU_ASSERT_EQUAL(ask("127.0.0.9", "203.0.113.8"), 200);
    CU_ASSERT_EQUAL(http_respond(edge.server, edge.held, 200, NULL, SLICE_LIT(""), SLICE_LIT("")),
                    LC_OK);
    AWAIT(client_status(&held) == 200);
    CU_ASSERT_EQUAL(ask("127.0.0.9", "203.0.113.7"), 200); /* its connection is still open */
    /* one that goes away in the middle leaves nothing behind */
    edge.held = 0;
    client_open_from(&kept, "127.0.0.9");
    client_say(&kept, "GET /sse HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 203.0.113.7\r\n\r\n");
    AWAIT(edge.held != 0);
    CU_ASSERT_EQUAL(ask("127.0.0.9", "203.0.113.7"), 429);
    client_close(&kept);
    CU_ASSERT_TRUE(ask_until("127.0.0.9", "203.0.113.7", 200));
    client_close(&held);
    edge_close();
}

static void
test_addresses_rules_refuse_what_is_no_network(void)
{
    static const char *const bad[] = {"nowhere", "10.0.0.0/33", "10.0.0.0/", "::1/129",
                                      ",",       "10.0.0.0/8 ", "1.2.3.4/-1"};
    static const char *const good[] = {"", "10.0.0.0/8,192.168.0.0/16", "::1", "2001:db8::/32",
                                       "0.0.0.0/0"};

    edge_open(NULL);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const struct http_address_rules rules = {1, 1, 1, bad[i], ""};
        CU_ASSERT_EQUAL(http_server_limit_addresses(edge.server, &rules, &why), LC_EINVAL);
    }
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        const struct http_address_rules rules = {1, 1, 1, good[i], good[i]};
        CU_ASSERT_EQUAL(http_server_limit_addresses(edge.server, &rules, &why), LC_OK);
    }
    edge_close();
}

/* ---- without sockets ---- */

static struct ip
ip(const char *text)
{
    struct ip at = {{0}};

    CU_ASSERT_TRUE_FATAL(ip_read(slice_str(text), &at));
    return at;
}

static struct http_limit *
limit_with(uint32_t connections, uint32_t per_s, const char *proxies)
{
    const struct http_address_rules rules = {connections, per_s, 0, proxies, ""};
    struct http_limit *l = http_limit_new();

    CU_ASSERT_PTR_NOT_NULL_FATAL(l);
    CU_ASSERT_EQUAL_FATAL(http_limit_rules(l, &rules, &why), LC_OK);
    return l;
}

static void
test_limit_client_reads_from_the_right(void)
{
    static const struct {
        const char *header, *client; /* NULL = nobody's */
        bool more;                   /* all of them proxies */
    } rows[] = {
        {"203.0.113.7", "203.0.113.7", false},
        {" 203.0.113.7 ", "203.0.113.7", false},
        {"1.1.1.1, 203.0.113.7", "203.0.113.7", false},
        {"1.1.1.1,203.0.113.7,10.1.2.3", "203.0.113.7", false},
        {"203.0.113.7 , 10.1.2.3,10.0.0.1", "203.0.113.7", false},
        {"10.9.9.9, 10.1.2.3", "10.9.9.9", true}, /* who is furthest away */
        {"nonsense, 10.1.2.3", "10.1.2.3", false},
        {"2001:db8::1", "2001:db8::1", false},
        {"nonsense", NULL, false},
        {"203.0.113.7, nonsense", NULL, false},
        {"", NULL, false},
        {",", NULL, false},
        {"203.0.113.7:80", NULL, false},
    };
    struct http_limit *l = limit_with(1, 1, "10.0.0.0/8");
    struct ip got;
    bool more;

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        bool is = http_limit_client(l, slice_str(rows[i].header), &got, &more);
        CU_ASSERT_EQUAL(more, rows[i].more);
        CU_ASSERT_EQUAL(is, rows[i].client != NULL);
        if (is && rows[i].client != NULL) {
            struct ip expected = ip(rows[i].client);
            CU_ASSERT_EQUAL(memcmp(&got, &expected, sizeof got), 0);
        }
    }
    http_limit_destroy(l);
}

static void
test_limit_takes_a_network_of_ipv6_for_one(void)
{
    struct http_limit *l = limit_with(0, 1, "");
    struct ip a = ip("2001:db8:0:1::1"), b = ip("2001:db8:0:1:ffff::2"), c = ip("2001:db8:0:2::1");

    for (int i = 0; i < 10; i++)
        CU_ASSERT_TRUE(http_limit_take(l, i % 2 == 0 ? &a : &b, 0));
    CU_ASSERT_FALSE(http_limit_take(l, &a, 0));
    CU_ASSERT_TRUE(http_limit_take(l, &c, 0));
    CU_ASSERT_FALSE(http_limit_take(l, &b, 999));
    CU_ASSERT_TRUE(http_limit_take(l, &b, 1000));
    CU_ASSERT_FALSE(http_limit_take(l, &b, 1000));
    http_limit_destroy(l);
}

/* However many there are, the memory is bounded, and who has something open is not forgotten. */
static void
test_limit_forgets_who_has_nothing_open(void)
{
    enum { MANY = 200000, REMEMBERED = 65536 };
    struct http_limit *l = limit_with(1, 1000, "");
    struct ip keeper = ip("203.0.113.7"), other;
    uint32_t held, more;

    CU_ASSERT_TRUE(http_limit_open(l, &keeper, 0, &held));
    for (uint32_t i = 0; i < MANY; i++) {
        other = ip("10.0.0.0");
        other.b[13] = (uint8_t)(i >> 16);
        other.b[14] = (uint8_t)(i >> 8);
        other.b[15] = (uint8_t)i;
        CU_ASSERT_TRUE(http_limit_take(l, &other, i));
    }
    CU_ASSERT(http_limit_count(l) <= REMEMBERED);
    CU_ASSERT(http_limit_count(l) > REMEMBERED / 2);
    CU_ASSERT_FALSE(http_limit_open(l, &keeper, MANY, &more));
    http_limit_close(l, &held);
    CU_ASSERT_TRUE(http_limit_open(l, &keeper, MANY, &more));
    http_limit_close(l, &more);
    http_limit_destroy(l);
}

UNIT_MAIN("http_addresses", UNIT(test_addresses_that_ask_too_often_get_429_and_others_do_not),
          UNIT(test_addresses_may_have_so_many_connections),
          UNIT(test_addresses_are_a_proxys_to_tell_and_nobody_elses),
          UNIT(test_addresses_behind_a_proxy_may_have_so_much_under_way),
          UNIT(test_addresses_rules_refuse_what_is_no_network),
          UNIT(test_limit_client_reads_from_the_right),
          UNIT(test_limit_takes_a_network_of_ipv6_for_one),
          UNIT(test_limit_forgets_who_has_nothing_open))
