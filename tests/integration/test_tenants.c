/* Who sees whose: every route of the chains' interface with another chain's key, every door of the
 * notifier with every other kind of token, and couriers with another courier's order. */
#include "town.h"

#include "base/id.h"
#include "unit/unit.h"

#include <stdio.h>
#include <stdlib.h>

static struct town town;
static char order[UUID_TEXT], tracking[80];
static struct { /* tokens */
    char rival[96], ada[96], bob[96], screen[96], other_screen[96], olga[96];
} of;
static struct town_socket ada, bob;

/* Words that only chain "corner" may read. */
static const char *const secrets[] = {"secret-order",  "SECRETSKU",   "secret-shop",
                                      "Secret Street", "SECRET NAME", "15559990000"};

static void
expect_no_secret(const char *where, const char *said)
{
    for (size_t i = 0; i < sizeof secrets / sizeof *secrets; i++)
        if (said != NULL && strstr(said, secrets[i]) != NULL) {
            fprintf(stderr, "\n  %s says %s: %s\n", where, secrets[i], said);
            CU_FAIL("somebody else's data");
        }
}

static void
last_line(const char *words, char *to, size_t size)
{
    char out[4096];

    CU_ASSERT_EQUAL_FATAL(town_lcctl(&town, out, sizeof out, words), 0);
    size_t n = strlen(out);
    while (n > 0 && out[n - 1] == '\n')
        out[--n] = '\0';
    const char *line = strrchr(out, '\n');
    snprintf(to, size, "%s", line == NULL ? out : line + 1);
}

static struct town_answer
ask(int port, const char *token, const char *method, const char *target, const char *type,
    const char *body)
{
    char head[256];

    snprintf(head, sizeof head, "Authorization: Bearer %s\r\nContent-Type: %s\r\n", token, type);
    return town_http(&town, port, method, target, head, slice_str(body));
}

static void
test_a_city_of_two_chains(void)
{
    char target[160];

    town_open(&town, TOWN_PATIENT);
    town_shop(&town, "secret-shop", 39.2847, -76.5921, 1, "SECRETSKU,100,199\n");
    last_line("chain add rival --name Rival", of.rival, sizeof of.rival);
    town_courier_token(&town, "ada", target);
    snprintf(of.ada, sizeof of.ada, "%s", strstr(target, "token=") + 6);
    town_courier(&town, &bob, "bob");
    CU_ASSERT_TRUE_FATAL(town_socket_open(&ada, town.notifier, target, "lifecircle.v1.json"));
    struct town_answer a = ask(town.intake, of.rival, "PUT", "/v1/stores", "application/geo+json",
                               "{\"type\":\"Feature\",\"geometry\":{\"type\":\"Point\","
                               "\"coordinates\":[-76.5921,39.2847]},\"properties\":{\"store_id\":"
                               "\"rivals\",\"name\":\"Rivals\",\"delivers\":false,\"collects\":"
                               "true}}");
    CU_ASSERT_EQUAL(a.status, 200);
    town_answer_free(&a);
    last_line("store add corner/secret-shop", of.screen, sizeof of.screen);
    last_line("store add rival/rivals", of.other_screen, sizeof of.other_screen);
    last_line("operator add olga", of.olga, sizeof of.olga);
    a = town_order(&town, "{\"external_order_id\":\"secret-order\",\"currency\":\"USD\","
                          "\"dropoff\":{\"lat\":39.2861,\"lng\":-76.5877,\"address\":"
                          "\"1 Secret Street\"},\"customer\":{\"name\":\"SECRET NAME\",\"phone\":"
                          "\"+15559990000\"},\"lines\":[{\"sku\":\"SECRETSKU\",\"quantity\":1}]}");
    CU_ASSERT_EQUAL_FATAL(a.status, 201);
    json_t *j = town_json(&a);
    snprintf(order, sizeof order, "%s", town_text(j, "order_id"));
    snprintf(tracking, sizeof tracking, "%s", town_text(j, "tracking_url"));
    json_decref(j);
    town_answer_free(&a);
}

/* All routes of services/intake/route.c that name a thing: it does not exist for the other chain.
 */
static void
test_other_chains_things_do_not_exist(void)
{
    static const struct {
        const char *method, *target, *type, *body;
        int status;
    } table[] = {
        {"GET", "/v1/orders/%s", "application/json", "", 404},
        {"GET", "/v1/orders?external_order_id=secret-order", "application/json", "", 404},
        {"POST", "/v1/orders/%s/cancel", "application/json", "{\"reason\":\"operator\"}", 404},
        {"POST", "/v1/orders/%s/confirm-address", "application/json", "{\"lat\":39,\"lng\":-76}",
         404},
        {"POST", "/v1/orders/%s/ready", "application/json", "", 404},
        {"POST", "/v1/orders/%s/collected", "application/json", "{\"code\":\"ABC234\"}", 404},
        {"DELETE", "/v1/orders/%s/personal-data", "application/json", "", 404},
        {"GET", "/v1/stores/secret-shop", "application/json", "", 404},
        {"POST", "/v1/stores/secret-shop/busy", "application/json", "{\"busy\":\"paused\"}", 404},
        {"GET", "/v1/stores/nearby?lat=39.2847&lng=-76.5921&limit=50", "application/json", "", 200},
        {"GET", "/v1/stores/nearby?lat=39.2847&lng=-76.5921&sku=NONE", "application/json", "", 0},
        {"POST", "/v1/quotes", "application/json",
         "{\"currency\":\"USD\",\"dropoff\":{\"lat\":39.2861,\"lng\":-76.5877},\"lines\":"
         "[{\"sku\":\"TEA\",\"quantity\":1}]}",
         422},
        {"POST", "/v1/orders", "application/json",
         "{\"external_order_id\":\"r\",\"currency\":\"USD\",\"dropoff\":{\"lat\":39.2861,\"lng\":"
         "-76.5877},\"lines\":[{\"sku\":\"TEA\",\"quantity\":1}]}",
         422},
        {"POST", "/v1/orders:batch", "application/x-ndjson", "{\"external_order_id\":\"r\"}\n",
         200},
        {"PUT", "/v1/webhook", "application/json", "{\"url\":\"https://rival.example/hook\"}", 200},
        {"DELETE", "/v1/webhook", "application/json", "", 204},
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        char target[160];
        snprintf(target, sizeof target, table[i].target, order);
        struct town_answer a =
            ask(town.intake, of.rival, table[i].method, target, table[i].type, table[i].body);
        if (table[i].status != 0 && a.status != table[i].status)
            fprintf(stderr, "\n  %s %s: %d %s\n", table[i].method, target, a.status, a.body);
        CU_ASSERT(table[i].status == 0 || a.status == table[i].status);
        expect_no_secret(target, a.body);
        town_answer_free(&a);
    }
}

/* What names a store or a SKU of another chain speaks of one of its own by that name. */
static void
test_other_chains_stock_is_not_touched(void)
{
    struct town_answer a = ask(town.intake, of.rival, "POST", "/v1/stock", "text/csv",
                               "store_id,sku,quantity,price\nsecret-shop,SECRETSKU,0,1\n");
    CU_ASSERT_EQUAL(a.status, 200);
    CU_ASSERT_PTR_NOT_NULL(strstr(a.body, "\"applied\":0"));
    town_answer_free(&a);
    a = town_http(&town, town.intake, "GET",
                  "/v1/stores/nearby?lat=39.2847&lng=-76.5921&sku=SECRETSKU", NULL,
                  (struct slice){NULL, 0});
    CU_ASSERT_PTR_NOT_NULL(strstr(a.body, "\"available\":99,\"price\":199"));
    CU_ASSERT_PTR_NULL(strstr(a.body, "rivals"));
    town_answer_free(&a);
    char state[32];
    town_state(&town, order, state);
    CU_ASSERT_STRING_EQUAL(state, "placed");
}

/* let_in: is it open, and does it stay so? Browsers are let in and closed with 4003 at once. */
static bool
let_in(const char *target)
{
    struct town_socket s;
    bool in = town_socket_open(&s, town.notifier, target, NULL);

    if (in) {
        int code = town_socket_closed(&s, 400);
        CU_ASSERT(code == -1 || code == 4003);
        in = code == -1;
    }
    town_socket_close(&s);
    return in;
}

/* Each kind of token opens its own doors alone. */
static void
test_tokens_open_their_own_doors_alone(void)
{
    const struct {
        const char *token;
        bool chains, couriers, stores, operators;
    } table[] = {
        {town.key, true, false, true, false},   /* a chain looks at its stores' tickets, too */
        {of.rival, false, false, false, false}, /* not at others' */
        {of.ada, false, true, false, false},
        {of.screen, false, false, true, false},
        {of.olga, false, false, false, true},
        {tracking + 3, false, false, false, false}, /* behind /t/ */
        {"", false, false, false, false},
        {"lc_chain_1_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", false, false, false, false},
        {"lc_courier_1_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", false, false, false, false},
        {"lc_store_1_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", false, false, false, false},
        {"lc_operator_1_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", false, false, false, false},
    };
    static const char *const doors[] = {
        "/v1/courier?token=%s", "/v1/store-feed?store_id=secret-shop&token=%s", "/v1/ops?token=%s"};

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct town_answer a = ask(town.intake, table[i].token, "GET", "/v1/stores/secret-shop",
                                   "application/json", "");
        CU_ASSERT_EQUAL(a.status == 200, table[i].chains);
        town_answer_free(&a);
        const bool may[] = {table[i].couriers, table[i].stores, table[i].operators};
        for (size_t d = 0; d < sizeof doors / sizeof *doors; d++) {
            char target[200];
            if (table[i].couriers && d == 0)
                continue; /* ada is there already, and would be put out */
            snprintf(target, sizeof target, doors[d], table[i].token);
            bool in = let_in(target);
            if (in != may[d])
                fprintf(stderr, "\n  %s: %s\n", target, in ? "let in" : "refused");
            CU_ASSERT_EQUAL(in, may[d]);
        }
    }
}

/* A store's screen sees its own tickets: another store's name changes nothing. */
static void
test_store_screens_see_their_own_tickets(void)
{
    static const char *const targets[] = {"/v1/store-feed?token=%s",
                                          "/v1/store-feed?store=corner/secret-shop&token=%s",
                                          "/v1/store-feed?store=secret-shop&token=%s"};

    for (size_t i = 0; i < sizeof targets / sizeof *targets; i++) {
        char target[200];
        struct town_socket s;
        snprintf(target, sizeof target, targets[i], of.other_screen);
        if (!town_socket_open(&s, town.notifier, target, NULL))
            continue; /* refused is fine, too */
        char text[160];
        snprintf(text, sizeof text, "{\"type\":\"ready\",\"id\":\"1\",\"order_id\":\"%s\"}", order);
        town_socket_send(&s, text);
        for (json_t *j; (j = town_socket_hear(&s, NULL, 300)) != NULL; json_decref(j)) {
            char *said = json_dumps(j, 0);
            expect_no_secret(target, said);
            CU_ASSERT_PTR_NULL(strstr(said, "\"outcome\": \"done\""));
            free(said);
        }
        town_socket_close(&s);
    }
}

/* Bob has it; Ada hears nothing of it and can do nothing to it. */
static void
test_no_courier_reads_anothers_mail(void)
{
    static const char *const actions[] = {"enroute",       "arrived",      "picked_up", "delivered",
                                          "undeliverable", "brought_back", "problem"};
    json_t *route = town_accept(&bob);
    char *shown = json_dumps(route, 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(shown, "SECRET NAME")); /* so that the test can fail */
    free(shown);
    json_decref(route);

    town_socket_send(&ada, "{\"type\":\"hello\"}");
    for (size_t i = 0; i < sizeof actions / sizeof *actions; i++) {
        char text[256];
        snprintf(text, sizeof text,
                 "{\"type\":\"%s\",\"id\":\"a%zu\",\"order_id\":\"%s\",\"pin\":\"0000\","
                 "\"reason\":\"customer_absent\"}",
                 actions[i], i, order);
        town_socket_send(&ada, text);
    }
    town_socket_send(&ada, "{\"type\":\"accept\",\"id\":\"x\",\"version\":1}");
    for (json_t *j; (j = town_socket_hear(&ada, NULL, 1000)) != NULL; json_decref(j)) {
        char *said = json_dumps(j, 0);
        expect_no_secret("ada's socket", said);
        CU_ASSERT(strstr(said, "\"outcome\": \"done\"") == NULL);
        free(said);
    }
    char state[32];
    town_state(&town, order, state);
    CU_ASSERT_STRING_EQUAL(state, "confirmed");
}

/* A tracking link shows its order and nobody's name; another one's end opens nothing. */
static void
test_customers_see_their_own_order(void)
{
    char other[96];
    struct town_answer a =
        town_http(&town, town.notifier, "GET", tracking, NULL, (struct slice){NULL, 0});
    CU_ASSERT_EQUAL(a.status, 200);
    CU_ASSERT_PTR_NULL(strstr(a.body, "SECRET NAME"));
    CU_ASSERT_PTR_NULL(strstr(a.body, "15559990000"));
    town_answer_free(&a);
    snprintf(other, sizeof other, "%s", tracking);
    other[strlen(other) - 2] = other[strlen(other) - 2] == 'A' ? 'B' : 'A';
    a = town_http(&town, town.notifier, "GET", other, NULL, (struct slice){NULL, 0});
    CU_ASSERT_EQUAL(a.status, 404);
    expect_no_secret(other, a.body);
    town_answer_free(&a);
}

/* The token before goes on counting, the one before that does not; revoked is both, at once. */
static void
test_couriers_tokens_are_changed_and_revoked(void)
{
    char second[96], third[96], target[160], out[512];
    struct town_socket s;

    last_line("courier token ada", second, sizeof second);
    last_line("courier token ada", third, sizeof third);
    const struct {
        const char *token;
        bool lives;
    } table[] = {{third, true}, {second, true}, {of.ada, false}};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        int64_t end_ms = town_now_ms() + 5000;
        snprintf(target, sizeof target, "/v1/courier?token=%s", table[i].token);
        bool in = let_in(target);
        while (in != table[i].lives && town_now_ms() < end_ms)
            in = let_in(target); /* the notifier hears of it within its poll */
        CU_ASSERT_EQUAL(in, table[i].lives);
    }
    snprintf(target, sizeof target, "/v1/courier?token=%s", second);
    CU_ASSERT_TRUE_FATAL(town_socket_open(&s, town.notifier, target, "lifecircle.v1.json"));
    CU_ASSERT_EQUAL(town_lcctl(&town, out, sizeof out, "courier revoke ada"), 0);
    CU_ASSERT_EQUAL(town_socket_closed(&s, 5000), 4003);
    town_socket_close(&s);
    for (size_t i = 0; i < 2; i++) {
        snprintf(target, sizeof target, "/v1/courier?token=%s", table[i].token);
        CU_ASSERT_FALSE(town_socket_open(&s, town.notifier, target, NULL));
        town_socket_close(&s);
    }
    town_socket_close(&ada);
    town_socket_close(&bob);
    town_close(&town);
}

UNIT_MAIN("tenants", UNIT(test_a_city_of_two_chains), UNIT(test_other_chains_things_do_not_exist),
          UNIT(test_other_chains_stock_is_not_touched),
          UNIT(test_tokens_open_their_own_doors_alone),
          UNIT(test_store_screens_see_their_own_tickets), UNIT(test_no_courier_reads_anothers_mail),
          UNIT(test_customers_see_their_own_order),
          UNIT(test_couriers_tokens_are_changed_and_revoked))
