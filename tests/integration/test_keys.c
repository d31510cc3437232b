/* A city whose links have keys: it works, and a chain or a daemon is heard as long as its key is
 * listed, from SIGHUP on. */
#include "town.h"

#include "base/wire.h"
#include "unit/unit.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <zmq.h>

static struct town town;
static void *zmq, *shop;

enum { KEY = 41 };

static void
read_pair(const char *file, char open_key[KEY], char secret[KEY])
{
    char path[128];

    snprintf(path, sizeof path, "%s/%s.key", town.dir, file);
    FILE *f = fopen(path, "r");
    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    CU_ASSERT_EQUAL(fscanf(f, "%*s %40s %40s", open_key, secret), 2);
    fclose(f);
}

/* door: a socket at intake's, with this key; NULL = plain. */
static void *
door(const char *key)
{
    char address[128], ours[KEY], secret[KEY], theirs[KEY], nothing[KEY];
    void *s = zmq_socket(zmq, ZMQ_DEALER);
    const int no = 0;

    zmq_setsockopt(s, ZMQ_LINGER, &no, sizeof no);
    if (key != NULL) {
        read_pair(key, ours, secret);
        read_pair("intake", theirs, nothing);
        zmq_setsockopt(s, ZMQ_CURVE_PUBLICKEY, ours, KEY - 1);
        zmq_setsockopt(s, ZMQ_CURVE_SECRETKEY, secret, KEY - 1);
        zmq_setsockopt(s, ZMQ_CURVE_SERVERKEY, theirs, KEY - 1);
    }
    snprintf(address, sizeof address, "ipc://%s/intake", town.dir);
    CU_ASSERT_EQUAL(zmq_connect(s, address), 0);
    return s;
}

/* submit: a request without a right API key, which is answered 401 if it is heard. */
static void
submit(void *socket)
{
    Lifecircle__V1__Envelope env;
    Lifecircle__V1__SubmitRequest request = LIFECIRCLE__V1__SUBMIT_REQUEST__INIT;
    struct mint mint;
    uint8_t frame[512];

    mint_init(&mint, "shop", SLICE_LIT("bal"), 1);
    envelope_init(&env, &mint, town_now_ms(), 0);
    request.api_key = (char *)(uintptr_t) "lc_chain_1_no";
    env.body_case = LIFECIRCLE__V1__ENVELOPE__BODY_SUBMIT_REQUEST;
    env.submit_request = &request;
    size_t n = lifecircle__v1__envelope__pack(&env, frame);
    CU_ASSERT_EQUAL(zmq_send(socket, frame, n, ZMQ_DONTWAIT), (int)n);
}

static bool
answered(void *socket, int wait_ms)
{
    zmq_pollitem_t item = {.socket = socket, .events = ZMQ_POLLIN};
    char got[1024];

    return zmq_poll(&item, 1, wait_ms) == 1 && zmq_recv(socket, got, sizeof got, ZMQ_DONTWAIT) > 0;
}

/* The whole way of an order over links with keys: intake, matcher, inventory, router, notifier. */
static void
test_order_goes_through_a_city_with_keys(void)
{
    struct town_socket phone;

    town_open(&town, TOWN_KEYS);
    town_shop(&town, "tea-house", 39.2847, -76.5921, 1, "TEA,100,199\n");
    town_courier(&town, &phone, "ada");
    struct town_answer a = town_order(
        &town, "{\"external_order_id\":\"k1\",\"currency\":\"USD\",\"dropoff\":{\"lat\":"
               "39.2861,\"lng\":-76.5877},\"lines\":[{\"sku\":\"TEA\",\"quantity\":1}]}");
    CU_ASSERT(a.status == 201 || a.status == 202); /* at once, or on a busy machine soon */
    town_answer_free(&a);
    json_decref(town_accept(&phone));
    town_socket_close(&phone);
}

static void
test_chain_needs_a_listed_key(void)
{
    zmq = zmq_ctx_new();
    shop = door("shop");
    void *plain = door(NULL), *daemon = door("matcher"); /* a daemon's is not a chain's */

    submit(plain);
    submit(daemon);
    submit(shop);
    CU_ASSERT_TRUE(answered(shop, 10000));
    CU_ASSERT_FALSE(answered(plain, 200));
    CU_ASSERT_FALSE(answered(daemon, 200));
    zmq_close(plain);
    zmq_close(daemon);
}

/* ---- lists that change while the city runs ---- */

struct reloads {
    enum town_daemon daemon;
    long n;
};

static bool
has_reloaded(void *ctx)
{
    const struct reloads *r = ctx;

    return town_metric(&town, r->daemon, "reloads_total{outcome=\"done\"}") == r->n;
}

static void
relist(enum town_daemon d, long n)
{
    struct reloads r = {d, n};

    CU_ASSERT_EQUAL(kill(town.pid[d], SIGHUP), 0);
    CU_ASSERT_TRUE(town_wait(has_reloaded, &r));
}

/* shell: a command in the town's folder. */
static void
shell(const char *words)
{
    char command[256];

    snprintf(command, sizeof command, "cd %s && %s", town.dir, words);
    CU_ASSERT_EQUAL(system(command), 0);
}

/* comes_in: what was sent before is answered as well, but not while it is refused. */
static bool
comes_in(void *socket)
{
    return answered(socket, 50);
}

/* One that knocks all the time gets in by itself once it is listed. */
static void
test_chain_comes_in_while_the_city_runs(void)
{
    char out[256], words[96];

    snprintf(words, sizeof words, "keys new late %s/late.key", town.dir);
    CU_ASSERT_EQUAL(town_lcctl(&town, out, sizeof out, words), 0);
    void *late = door("late");
    submit(late);
    CU_ASSERT_FALSE(answered(late, 300));
    shell("cut -d' ' -f1,2 late.key >>chains");
    relist(TOWN_INTAKE, 1);
    CU_ASSERT_TRUE(town_wait(comes_in, late));
    submit(shop); /* the one before is there still */
    CU_ASSERT_TRUE(answered(shop, 10000));
    zmq_close(late);
}

static void
test_revoked_means_at_once(void)
{
    long refused = town_metric(&town, TOWN_INTAKE, "frames_refused_total");

    shell("grep -v '^shop ' chains >rest; mv rest chains");
    relist(TOWN_INTAKE, 2);
    submit(shop); /* on the connection that it has had all the time */
    CU_ASSERT_FALSE(answered(shop, 300));
    CU_ASSERT_EQUAL(town_metric(&town, TOWN_INTAKE, "frames_refused_total"), refused + 1);
    zmq_close(shop);
    zmq_ctx_term(zmq);
}

static const char *
state_of(const char *order_id)
{
    static char state[32];

    town_state(&town, order_id, state);
    return state;
}

static bool
is_refused(void *ctx)
{
    (void)ctx;
    return town_metric(&town, TOWN_INVENTORY, "frames_refused_total") > 0;
}

/* For work, and for news. */
static bool
is_kept_out(void *ctx)
{
    return town_metric(&town, TOWN_INVENTORY, "keys_refused_total") >= *(long *)ctx + 2;
}

/* is_placed_at_once: another order. */
static bool
is_placed_at_once(void *ctx)
{
    int *n = ctx;
    char id[UUID_TEXT] = "", external_id[16];

    snprintf(external_id, sizeof external_id, "k3-%d", ++*n);
    return town_collect(&town, external_id, id) == 201;
}

/* A matcher whose key is not listed any more places nothing, on the connection that it has or on
 * another; with its line back it does, by itself. */
static void
test_revoked_daemon_is_heard_no_more(void)
{
    char id[UUID_TEXT] = "";
    int n = 0;

    shell("cp allow all && grep -v '^matcher ' all >allow");
    relist(TOWN_INVENTORY, 1);
    relist(TOWN_INTAKE, 3);
    CU_ASSERT_EQUAL(town_collect(&town, "k2", id), 202);
    CU_ASSERT_TRUE(town_wait(is_refused, NULL)); /* it goes on, from the due rows in Redis */
    CU_ASSERT_STRING_EQUAL(state_of(id), "created");
    town_kill(&town, TOWN_MATCHER);
    long refused = town_metric(&town, TOWN_INVENTORY, "keys_refused_total");
    town_start(&town, TOWN_MATCHER);
    CU_ASSERT_TRUE(town_wait(is_kept_out, &refused));
    CU_ASSERT_STRING_EQUAL(state_of(id), "created");
    shell("mv all allow");
    relist(TOWN_INVENTORY, 2);
    relist(TOWN_INTAKE, 4);
    CU_ASSERT_TRUE(town_wait(is_placed_at_once, &n));
    town_close(&town);
}

UNIT_MAIN("keys", UNIT(test_order_goes_through_a_city_with_keys),
          UNIT(test_chain_needs_a_listed_key), UNIT(test_chain_comes_in_while_the_city_runs),
          UNIT(test_revoked_means_at_once), UNIT(test_revoked_daemon_is_heard_no_more))
