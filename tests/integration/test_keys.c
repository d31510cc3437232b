/* A city whose links have keys: it works, and a chain is heard as long as its key is listed. */
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

    town_open(&town, TOWN_PATIENT | TOWN_KEYS);
    town_shop(&town, "tea-house", 39.2847, -76.5921, 1, "TEA,100,199\n");
    town_courier(&town, &phone, "ada");
    struct town_answer a = town_order(
        &town, "{\"external_order_id\":\"k1\",\"currency\":\"USD\",\"dropoff\":{\"lat\":"
               "39.2861,\"lng\":-76.5877},\"lines\":[{\"sku\":\"TEA\",\"quantity\":1}]}");
    CU_ASSERT_EQUAL(a.status, 201);
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

/* reloaded: intake has read its lists again. */
static bool
reloaded(void *ctx)
{
    char command[160];

    (void)ctx;
    snprintf(command, sizeof command, "grep -q '\"event\":\"reloaded\"' %s/lc-intake.log",
             town.dir);
    return system(command) == 0;
}

static void
test_revoked_means_at_once(void)
{
    char command[160];

    snprintf(command, sizeof command, "echo '# nobody' >%s/chains", town.dir);
    CU_ASSERT_EQUAL(system(command), 0);
    CU_ASSERT_EQUAL(kill(town.pid[TOWN_INTAKE], SIGHUP), 0);
    CU_ASSERT_TRUE(town_wait(reloaded, NULL));
    submit(shop); /* on the connection that it has had all the time */
    CU_ASSERT_FALSE(answered(shop, 300));
    struct town_answer a =
        town_http(&town, town.intake, "GET", "/metrics", NULL, (struct slice){NULL, 0});
    CU_ASSERT_PTR_NOT_NULL(strstr(a.body, "lifecircle_frames_refused_total 1"));
    town_answer_free(&a);
    zmq_close(shop);
    zmq_ctx_term(zmq);
    town_close(&town);
}

UNIT_MAIN("keys", UNIT(test_order_goes_through_a_city_with_keys),
          UNIT(test_chain_needs_a_listed_key), UNIT(test_revoked_means_at_once))
