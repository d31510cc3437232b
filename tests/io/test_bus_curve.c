/* bus with keys: who is listed is heard and hears; nobody else, in neither direction, and a key
 * that is taken off the list at once no more. */
#include "await.h"

#include "io/bus_own.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { KEY = 41, ROUNDS = 20 };

struct pair {
    char open[KEY];
    char secret[KEY];
};

/* node: a bus and what it heard; work is answered. */
struct node {
    struct bus *bus;
    size_t work;
    size_t heard; /* answers and news */
};

static struct loop *loop;
static struct resolver *resolver;
static struct pair server_key, ada, bob, chain, nobody;
static struct node server, client;
static void *zmq;

static void
on_frame(void *ctx, uint64_t link, struct slice bytes)
{
    struct node *n = ctx;

    if (link == 0) {
        n->heard++;
        return;
    }
    n->work++;
    (void)bus_answer(n->bus, link, bytes);
    bus_turn_end(n->bus);
}

static void
begin(void)
{
    struct pair *const pairs[] = {&server_key, &ada, &bob, &chain, &nobody};

    log_open("test", LOG_ERROR + 1); /* refusals are wanted here */
    loop = loop_new();
    resolver = resolver_new(loop);
    zmq = zmq_ctx_new();
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
        CU_ASSERT_EQUAL_FATAL(zmq_curve_keypair(pairs[i]->open, pairs[i]->secret), 0);
}

static void
finish(void)
{
    bus_destroy(client.bus, 0);
    bus_destroy(server.bus, 0);
    zmq_ctx_term(zmq);
    resolver_destroy(resolver);
    loop_destroy(loop);
    client = server = (struct node){0};
}

/* list: a text of these names and keys; static until the fourth call after. */
static struct slice
list(const char *name, const struct pair *one, const struct pair *two)
{
    static char text[4][512];
    static unsigned turn;
    char *to = text[turn++ % 4];

    int n = snprintf(to, sizeof text[0], "# who may\nmatcher %s\n%s %s\n", server_key.open, name,
                     one == NULL ? server_key.open : one->open);
    if (two != NULL)
        snprintf(to + n, sizeof text[0] - (size_t)n, "other %s\n", two->open);
    return slice_str(to);
}

static struct slice
own(const char *name, const struct pair *k)
{
    static char text[256];

    snprintf(text, sizeof text, "%s %s %s\n", name, k->open, k->secret);
    return slice_str(text);
}

/* open_node: with this key and this list. */
static void
open_node(struct node *n, const char *name, const struct pair *k, struct slice peers,
          const struct pair *of_chain)
{
    const char *why = "";

    *n = (struct node){0};
    n->bus = bus_new(loop, resolver, false, on_frame, n);
    CU_ASSERT_PTR_NOT_NULL_FATAL(n->bus);
    struct bus_keys keys = {.own = own(name, k), .peers = peers};
    if (of_chain != NULL) {
        keys.chains = list("shop", of_chain, NULL);
        keys.chains_listen = true;
    }
    CU_ASSERT_EQUAL_FATAL(bus_secure(n->bus, &keys, &why), LC_OK);
}

/* On all addresses: with keys that is allowed. */
static void
open_server(struct slice peers, const struct pair *of_chain)
{
    const char *why = "";

    open_node(&server, "matcher", &server_key, peers, of_chain);
    CU_ASSERT_EQUAL_FATAL(bus_listen(server.bus, "tcp://0.0.0.0:*", &why), LC_OK);
    CU_ASSERT_EQUAL_FATAL(bus_publish(server.bus, "tcp://0.0.0.0:*", &why), LC_OK);
}

static const char *
address_of(const char *endpoint)
{
    static char text[64];

    snprintf(text, sizeof text, "tcp://127.0.0.1%s", strrchr(endpoint, ':'));
    return text;
}

/* follow: news of "matcher", whatever the address. */
static void
follow(struct node *n)
{
    char text[96];
    const char *why = "";

    snprintf(text, sizeof text, "matcher@%s", address_of(bus_publishing(server.bus)));
    CU_ASSERT_EQUAL_FATAL(bus_follow(n->bus, text, &why), LC_OK);
}

static void
open_client(const struct pair *k, struct slice peers)
{
    const char *why = "";

    open_node(&client, "inventory", k, peers, NULL);
    CU_ASSERT_EQUAL_FATAL(
        bus_peers(client.bus, ROLE_MATCHER, address_of(bus_listening(server.bus)), &why), LC_OK);
}

static enum lc_err
send_frame(struct node *n)
{
    static char bytes[32] = {0x0a, 16};
    int64_t now_ms = loop_now_ms(loop);

    bytes[2]++;
    enum lc_err err =
        bus_send(n->bus, ROLE_MATCHER, slice_of(bytes, sizeof bytes), now_ms + 5000, now_ms);
    bus_turn_end(n->bus);
    return err;
}

/* work: there and back, as many times. */
static void
work(struct node *n, size_t rounds)
{
    for (size_t i = 0; i < rounds; i++) {
        size_t before = n->heard;
        AWAIT(loop, send_frame(n) == LC_OK);
        AWAIT(loop, n->heard > before);
    }
}

/* ---- who is let in ---- */

static void
test_listed_key_works(void)
{
    begin();
    open_server(list("inventory", &ada, NULL), NULL);
    open_client(&ada, list("inventory", &ada, NULL));
    work(&client, ROUNDS);
    CU_ASSERT_EQUAL(server.work, ROUNDS);
    CU_ASSERT_EQUAL(bus_counts(server.bus)->keys_refused, 0);
    finish();
}

/* stranger: a socket by hand with these keys; NULL = plain. */
static void *
stranger(int type, const char *endpoint, const struct pair *k, const char *server_public)
{
    void *s = zmq_socket(zmq, type);
    int no = 0;

    zmq_setsockopt(s, ZMQ_LINGER, &no, sizeof no);
    zmq_setsockopt(s, ZMQ_IMMEDIATE, &no, sizeof no); /* queues before there is a connection */
    if (type == ZMQ_SUB)
        zmq_setsockopt(s, ZMQ_SUBSCRIBE, "", 0);
    if (k != NULL) {
        CU_ASSERT_EQUAL(zmq_setsockopt(s, ZMQ_CURVE_PUBLICKEY, k->open, KEY - 1), 0);
        CU_ASSERT_EQUAL(zmq_setsockopt(s, ZMQ_CURVE_SECRETKEY, k->secret, KEY - 1), 0);
        CU_ASSERT_EQUAL(zmq_setsockopt(s, ZMQ_CURVE_SERVERKEY, server_public, KEY - 1), 0);
    }
    CU_ASSERT_EQUAL(zmq_connect(s, address_of(endpoint)), 0);
    return s;
}

/* Plain, with a key that is not listed, with a listed one and another server's key, with the
 * server's public key as one's own. */
static void
test_strangers_are_not_heard_and_hear_nothing(void)
{
    enum { N = 4 };
    void *deal[N], *sub[N];
    char got[64];

    begin();
    open_server(list("inventory", &ada, &bob), NULL);
    struct pair thief = {.open = ""};
    memcpy(thief.open, server_key.open, KEY);
    memcpy(thief.secret, nobody.secret, KEY);
    const struct {
        const struct pair *key;
        const char *server;
    } table[N] = {
        {NULL, NULL}, {&nobody, server_key.open}, {&bob, nobody.open}, {&thief, server_key.open}};
    for (int i = 0; i < N; i++) {
        deal[i] = stranger(ZMQ_DEALER, bus_listening(server.bus), table[i].key, table[i].server);
        sub[i] = stranger(ZMQ_SUB, bus_publishing(server.bus), table[i].key, table[i].server);
        CU_ASSERT_EQUAL(zmq_send(deal[i], "\x0a\x10 let me in, please", 20, ZMQ_DONTWAIT), 20);
    }
    open_client(&ada, list("inventory", &ada, NULL));
    follow(&client);
    AWAIT(loop, bus_counts(server.bus)->keys_refused >= 2); /* the unlisted one, both sockets */
    work(&client, ROUNDS);
    size_t before = client.heard;
    AWAIT(loop, ((void)bus_news(server.bus, SLICE_LIT("news")), client.heard > before));
    await_time(loop, 300); /* connections were made well before; nothing comes behind */
    CU_ASSERT_EQUAL(server.work, ROUNDS);
    for (int i = 0; i < N; i++) {
        CU_ASSERT_EQUAL(zmq_recv(deal[i], got, sizeof got, ZMQ_DONTWAIT), -1);
        CU_ASSERT_EQUAL(zmq_recv(sub[i], got, sizeof got, ZMQ_DONTWAIT), -1);
        zmq_close(deal[i]);
        zmq_close(sub[i]);
    }
    finish();
}

/* A server without a listed key gets no work: a plain one, and one with a key of its own. */
static void
test_work_goes_to_the_expected_server_alone(void)
{
    const char *why = "";

    begin();
    server = (struct node){0};
    server.bus = bus_new(loop, resolver, false, on_frame, &server);
    CU_ASSERT_EQUAL_FATAL(bus_listen(server.bus, "tcp://127.0.0.1:*", &why), LC_OK);
    open_client(&ada, list("inventory", &ada, NULL));
    await_time(loop, 300);
    CU_ASSERT_EQUAL(send_frame(&client), LC_EAGAIN);
    bus_destroy(client.bus, 0);
    bus_destroy(server.bus, 0);

    open_server(list("inventory", &ada, NULL), NULL);
    struct pair real = server_key;
    server_key = nobody; /* in the client's list */
    struct slice other = list("inventory", &ada, NULL);
    server_key = real;
    open_client(&ada, other);
    await_time(loop, 300);
    CU_ASSERT_EQUAL(send_frame(&client), LC_EAGAIN);
    CU_ASSERT_EQUAL(server.work, 0);
    finish();
}

/* Chains have a list of their own: a daemon's key is none of theirs, nor the other way round. */
static void
test_chains_have_a_list_of_their_own(void)
{
    begin();
    open_server(list("inventory", &ada, NULL), &chain);
    open_client(&chain, list("inventory", &ada, NULL));
    work(&client, 1);
    bus_destroy(client.bus, 0);
    open_client(&ada, list("inventory", &ada, NULL));
    AWAIT(loop, bus_counts(server.bus)->keys_refused >= 1);
    CU_ASSERT_EQUAL(send_frame(&client), LC_EAGAIN);
    bus_destroy(client.bus, 0);
    uint64_t before = bus_counts(server.bus)->keys_refused;
    open_node(&client, "inventory", &chain, list("inventory", &ada, NULL), NULL);
    follow(&client);
    AWAIT(loop, bus_counts(server.bus)->keys_refused > before);
    finish();
}

/* ---- revoked ---- */

static void
test_revoked_key_is_heard_no_more(void)
{
    const char *why = "";
    struct node other;

    begin();
    open_server(list("inventory", &ada, &bob), NULL);
    open_client(&ada, list("inventory", &ada, NULL));
    open_node(&other, "inventory", &bob, list("inventory", &bob, NULL), NULL);
    CU_ASSERT_EQUAL(bus_peers(other.bus, ROLE_MATCHER, address_of(bus_listening(server.bus)), &why),
                    LC_OK);
    work(&client, 1);
    work(&other, 1);
    CU_ASSERT_EQUAL(bus_relist(server.bus, list("inventory", &bob, NULL), slice_str(""), &why),
                    LC_OK);
    CU_ASSERT_EQUAL(send_frame(&client), LC_OK); /* on the connection that it has */
    AWAIT(loop, bus_counts(server.bus)->frames_refused == 1);
    work(&other, ROUNDS);
    CU_ASSERT_EQUAL(server.work, 2 + ROUNDS);
    CU_ASSERT_EQUAL(client.heard, 1);
    bus_destroy(other.bus, 0);
    finish();
}

static void
test_revoked_key_hears_no_more_news(void)
{
    const char *why = "";
    struct node other;

    begin();
    open_server(list("inventory", &ada, &bob), NULL);
    open_node(&client, "inventory", &ada, list("inventory", &ada, NULL), NULL);
    open_node(&other, "inventory", &bob, list("inventory", &bob, NULL), NULL);
    follow(&client);
    follow(&other);
    AWAIT(loop,
          ((void)bus_news(server.bus, SLICE_LIT("news")), client.heard > 0 && other.heard > 0));
    CU_ASSERT_EQUAL(bus_relist(server.bus, list("inventory", &bob, NULL), slice_str(""), &why),
                    LC_OK);
    await_time(loop, 50); /* what was on its way */
    size_t was = client.heard, before = other.heard;
    AWAIT(loop, ((void)bus_news(server.bus, SLICE_LIT("news")), other.heard > before + 10));
    CU_ASSERT_EQUAL(client.heard, was);
    bus_destroy(other.bus, 0);
    finish();
}

/* A peer gets a new key: the list has it, and work goes on. */
static void
test_peer_with_another_key_is_found_again(void)
{
    const char *why = "";

    begin();
    open_server(list("inventory", &ada, NULL), NULL);
    char port[64];
    snprintf(port, sizeof port, "%s", address_of(bus_listening(server.bus)));
    open_client(&ada, list("inventory", &ada, NULL));
    work(&client, 1);
    bus_destroy(server.bus, 0);
    server_key = nobody;
    open_node(&server, "matcher", &server_key, list("inventory", &ada, NULL), NULL);
    AWAIT(loop, bus_listen(server.bus, port, &why) == LC_OK);
    CU_ASSERT_EQUAL(bus_relist(client.bus, list("inventory", &ada, NULL), slice_str(""), &why),
                    LC_OK);
    work(&client, 1);
    finish();
}

static void
test_wrong_lists_are_refused_and_change_nothing(void)
{
    static const char *const wrong[] = {"matcher", "matcher short", "matcher x y z",
                                        "matcher 0123456789012345678901234567890123456789 more"};
    const char *why = "";

    begin();
    open_server(list("inventory", &ada, NULL), NULL);
    open_client(&ada, list("inventory", &ada, NULL));
    work(&client, 1);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        why = "";
        CU_ASSERT_EQUAL(bus_relist(server.bus, slice_str(wrong[i]), slice_str(""), &why),
                        LC_EINVAL);
        CU_ASSERT_PTR_NOT_NULL(strstr(why, "a name and a public key"));
    }
    work(&client, 1);
    struct bus *b = bus_new(loop, resolver, false, on_frame, &server);
    struct bus_keys keys = {.own = slice_str("matcher not-a-key")};
    CU_ASSERT_EQUAL(bus_secure(b, &keys, &why), LC_EINVAL);
    memcpy(nobody.open, ada.open, KEY); /* halves of two pairs */
    keys.own = own("matcher", &nobody);
    CU_ASSERT_EQUAL(bus_secure(b, &keys, &why), LC_EINVAL);
    bus_destroy(b, 0);
    finish();
}

/* ---- what is logged ---- */

/* lines_about: of what is in the file, and of these words. */
static size_t
lines_about(int fd, const char *words)
{
    static char text[65536];
    ssize_t got = pread(fd, text, sizeof text - 1, 0);
    size_t n = 0;

    text[got > 0 ? got : 0] = '\0';
    for (const char *p = strstr(text, words); p != NULL; p = strstr(p + 1, words))
        n++;
    return n;
}

static void
test_refused_key_is_logged_once_and_counted_always(void)
{
    enum { TRIES = 10 };
    char path[] = "/tmp/lc-refused-XXXXXX";
    void *s[TRIES + 1];

    begin();
    int fd = mkstemp(path), was = dup(STDERR_FILENO);
    CU_ASSERT_FATAL(fd >= 0 && was >= 0 && unlink(path) == 0);
    log_open("test", LOG_WARN);
    dup2(fd, STDERR_FILENO);
    open_server(list("inventory", &ada, NULL), NULL);
    for (int i = 0; i < TRIES; i++)
        s[i] = stranger(ZMQ_DEALER, bus_listening(server.bus), &nobody, server_key.open);
    AWAIT(loop, bus_counts(server.bus)->keys_refused >= TRIES);
    uint64_t before = bus_counts(server.bus)->keys_refused;
    s[TRIES] = stranger(ZMQ_DEALER, bus_listening(server.bus), &bob, server_key.open);
    AWAIT(loop, bus_counts(server.bus)->keys_refused > before);
    AWAIT(loop, lines_about(fd, "key_refused") >= 2);
    dup2(was, STDERR_FILENO);
    CU_ASSERT_EQUAL(lines_about(fd, "key_refused"), 2);
    CU_ASSERT_EQUAL(lines_about(fd, "\"refused\":1,"), 1);
    for (int i = 0; i <= TRIES; i++)
        zmq_close(s[i]);
    close(was);
    close(fd);
    finish();
}

static void
test_refused_is_news_once_a_minute_and_for_so_many_keys(void)
{
    static struct refused r;
    char key[BUS_KEY_TEXT];
    size_t told = 0;

    CU_ASSERT_TRUE(refused_is_news(&r, "a", 1000));
    CU_ASSERT_FALSE(refused_is_news(&r, "a", 1001));
    CU_ASSERT_TRUE(refused_is_news(&r, "b", 1001));
    CU_ASSERT_FALSE(refused_is_news(&r, "a", 1000 + REFUSED_AGAIN_MS - 1));
    CU_ASSERT_TRUE(refused_is_news(&r, "a", 1000 + REFUSED_AGAIN_MS));
    for (int i = 0; i < 10 * REFUSED_KEYS; i++) { /* somebody with a new key each time */
        snprintf(key, sizeof key, "key-%d", i);
        told += refused_is_news(&r, key, 1000 + REFUSED_AGAIN_MS);
    }
    CU_ASSERT_EQUAL(told, REFUSED_KEYS - 2);
    CU_ASSERT_TRUE(refused_is_news(&r, "another", 1002 + REFUSED_AGAIN_MS)); /* instead of b */
    CU_ASSERT_TRUE(refused_is_news(&r, "b", 1000 + 2 * REFUSED_AGAIN_MS));
}

UNIT_MAIN("bus_curve", UNIT(test_listed_key_works),
          UNIT(test_refused_key_is_logged_once_and_counted_always),
          UNIT(test_refused_is_news_once_a_minute_and_for_so_many_keys),
          UNIT(test_strangers_are_not_heard_and_hear_nothing),
          UNIT(test_work_goes_to_the_expected_server_alone),
          UNIT(test_chains_have_a_list_of_their_own), UNIT(test_revoked_key_is_heard_no_more),
          UNIT(test_revoked_key_hears_no_more_news),
          UNIT(test_peer_with_another_key_is_found_again),
          UNIT(test_wrong_lists_are_refused_and_change_nothing))
