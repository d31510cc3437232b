/* Signed requests: each counts once, for what was signed alone; and new keys, which count at once.
 */
#include "town.h"

#include "base/secret.h"
#include "unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static struct town town;
static char first[WEBHOOK_SECRET_TEXT], second[WEBHOOK_SECRET_TEXT];
static unsigned ids;

#define ORDERS "/v1/orders?external_order_id=none"

/* ctl: lcctl; the last line of what it printed. */
static int
ctl(const char *words, char *last, size_t size)
{
    char out[4096];
    int status = town_lcctl(&town, out, sizeof out, words);
    size_t n = strlen(out);

    while (n > 0 && out[n - 1] == '\n')
        out[--n] = '\0';
    const char *line = strrchr(out, '\n');
    if (last != NULL)
        snprintf(last, size, "%s", line == NULL ? out : line + 1);
    return status;
}

/* sent: what is signed, and what is sent of it; "" = the same. */
struct sent {
    const char *secret;
    const char *id; /* NULL = a fresh one */
    int skew_s;
    const char *method, *target, *body; /* signed */
    const char *to_method, *to_target, *to_body;
    const char *time; /* in place of the right one */
};

#define SIGNED(s, i, skew, m, t, b, ...)                                                           \
    {                                                                                              \
        .secret = s, .id = i, .skew_s = skew, .method = m, .target = t, .body = b, __VA_ARGS__     \
    }

static struct town_answer
send_signed(const struct sent *s)
{
    char id[96], when[24], head[512], signature[WEBHOOK_SIGNATURE_TEXT], content[1024];
    struct webhook_secret secret;
    int64_t now_s = (int64_t)time(NULL) + s->skew_s;

    snprintf(id, sizeof id, "test-%u", ++ids);
    if (s->id != NULL)
        snprintf(id, sizeof id, "%s", s->id);
    snprintf(when, sizeof when, "%lld", (long long)now_s);
    snprintf(content, sizeof content, "%s %s\n%s", s->method, s->target, s->body);
    CU_ASSERT_EQUAL_FATAL(webhook_secret_parse(slice_str(s->secret), &secret), LC_OK);
    webhook_sign(&secret, slice_str(id), now_s, slice_str(content), signature);
    snprintf(head, sizeof head,
             "Authorization: Bearer %s\r\nrequest-id: %s\r\nrequest-timestamp: %s\r\n"
             "request-signature: %s\r\nContent-Type: %s\r\n",
             town.key, id, s->time == NULL ? when : s->time, signature,
             strstr(s->target, "stock") == NULL ? "application/json" : "text/csv");
    return town_http(&town, town.intake, s->to_method == NULL ? s->method : s->to_method,
                     s->to_target == NULL ? s->target : s->to_target, head,
                     slice_str(s->to_body == NULL ? s->body : s->to_body));
}

static int
status_of(const struct sent *s, const char *code)
{
    struct town_answer a = send_signed(s);
    int status = a.status;

    if (code != NULL && (a.body == NULL || strstr(a.body, code) == NULL)) {
        fprintf(stderr, "\n  expected %s: %d %s\n", code, a.status, a.body);
        CU_FAIL("another answer");
    }
    town_answer_free(&a);
    return status;
}

static void
test_signed_request_is_taken(void)
{
    town_open(&town, TOWN_PATIENT);
    CU_ASSERT_EQUAL_FATAL(ctl("chain sign corner", first, sizeof first), 0);
    const struct sent get = {first, .method = "GET", .target = ORDERS, .body = ""};
    int64_t end_ms = town_now_ms() + 10000;
    int status;
    do /* until intake has heard of the secret */
        status = status_of(&get, NULL);
    while (status == 401 && town_now_ms() < end_ms);
    CU_ASSERT_EQUAL(status, 404);
}

static void
test_signature_counts_once_and_for_this_alone(void)
{
    static const char quote[] = "{\"currency\":\"USD\"}";
    const struct {
        struct sent s;
        const char *code;
    } table[] = {
        {SIGNED(first, "twice", 0, "GET", ORDERS, ""), "not_found"},
        {SIGNED(first, "twice", 0, "GET", ORDERS, ""), "used before"},
        {SIGNED(first, "twice", 1, "GET", ORDERS, ""),
         "used before"}, /* signed anew, the same id */
        {SIGNED(first, NULL, 290, "GET", ORDERS, ""), "not_found"},
        {SIGNED(first, NULL, -290, "GET", ORDERS, ""), "not_found"},
        {SIGNED(first, NULL, 310, "GET", ORDERS, ""), "five minutes"},
        {SIGNED(first, NULL, -310, "GET", ORDERS, ""), "five minutes"},
        {SIGNED(first, NULL, 0, "GET", ORDERS, "", .to_target = ORDERS "x"), "is not of this"},
        {SIGNED(first, NULL, 0, "GET", "/v1/orders/x/personal-data", "", .to_method = "DELETE"),
         "is not of this"},
        {SIGNED(first, NULL, 0, "POST", "/v1/quotes", quote, .to_body = "{}"), "is not of this"},
        {SIGNED(first, NULL, 0, "POST", "/v1/quotes", quote), "invalid_order"},
        {SIGNED(first, "with.dot", 0, "GET", ORDERS, ""), "request-id"},
        {SIGNED(first, "", 0, "GET", ORDERS, ""), "request-id"},
        {SIGNED(first, NULL, 0, "GET", ORDERS, "", .time = "soon"), "Unix seconds"},
        {SIGNED(first, NULL, 0, "GET", ORDERS, "", .time = "1795366800"), "request-timestamp"},
        {SIGNED("whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=", NULL, 0, "GET", ORDERS, ""),
         "is not of this"},
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        bool good =
            strcmp(table[i].code, "not_found") == 0 || strcmp(table[i].code, "invalid_order") == 0;
        int status = status_of(&table[i].s, table[i].code);
        CU_ASSERT_EQUAL(status == 401, !good);
    }
}

/* What was used is in Redis, not in intake's head: also another process refuses it. */
static void
test_signature_counts_once_over_a_restart(void)
{
    const struct sent get = {first, "twice", .method = "GET", .target = ORDERS, .body = ""};

    CU_ASSERT_EQUAL(town_stop(&town, TOWN_INTAKE), 0);
    town_start(&town, TOWN_INTAKE);
    town_ready(&town);
    CU_ASSERT_EQUAL(status_of(&get, "used before"), 401);
}

/* A stream's body comes after its head was judged: it is not signed, the rest is. */
static void
test_streams_are_signed_without_their_body(void)
{
    struct sent feed = {.secret = first, .method = "POST", .target = "/v1/stock", .body = ""};
    struct buf rows = {0};

    town_shop(&town, "tea-house", 39.2847, -76.5921, 1, "TEA,100,199\n");
    buf_str(&rows, "store_id,sku,quantity,price\n");
    for (int i = 0; i < 40; i++)
        buf_str(&rows, "tea-house,TEA,7,199\n");
    buf_char(&rows, '\0');
    CU_ASSERT_FALSE_FATAL(rows.failed);
    feed.to_body = rows.p;
    struct town_answer a = send_signed(&feed);
    CU_ASSERT_EQUAL(a.status, 200);
    CU_ASSERT_PTR_NOT_NULL(strstr(a.body, "\"lines\":40"));
    town_answer_free(&a);
    buf_free(&rows);
}

static int
unsigned_status(void)
{
    struct town_answer a =
        town_http(&town, town.intake, "GET", ORDERS, NULL, (struct slice){NULL, 0});
    int status = a.status;

    CU_ASSERT(status != 401 || strstr(a.body, "signature_required") != NULL);
    town_answer_free(&a);
    return status;
}

static void
test_chain_that_must_sign_is_refused_without(void)
{
    const struct sent get = {first, .method = "GET", .target = ORDERS, .body = ""};
    int64_t end_ms = town_now_ms() + 10000;

    CU_ASSERT_EQUAL(unsigned_status(), 404);
    CU_ASSERT_EQUAL(ctl("chain set corner --signatures required", NULL, 0), 0);
    while (unsigned_status() != 401 && town_now_ms() < end_ms)
        ;
    CU_ASSERT_EQUAL(unsigned_status(), 401);
    CU_ASSERT_EQUAL(status_of(&get, "not_found"), 404);
}

/* Two secrets count, so that one can be changed for the other; three do not. */
static void
test_two_secrets_live_at_once(void)
{
    struct sent get = {first, .method = "GET", .target = ORDERS, .body = ""};
    int64_t end_ms = town_now_ms() + 10000;

    CU_ASSERT_EQUAL(ctl("chain sign corner", second, sizeof second), 0);
    get.secret = second;
    while (status_of(&get, NULL) == 401 && town_now_ms() < end_ms)
        ;
    CU_ASSERT_EQUAL(status_of(&get, "not_found"), 404);
    get.secret = first;
    CU_ASSERT_EQUAL(status_of(&get, "not_found"), 404);
    CU_ASSERT_EQUAL(ctl("chain sign corner", NULL, 0), 0);
    while (status_of(&get, NULL) != 401 && town_now_ms() < end_ms)
        ;
    CU_ASSERT_EQUAL(status_of(&get, "is not of this"), 401);
    get.secret = second;
    CU_ASSERT_EQUAL(status_of(&get, "not_found"), 404);
    CU_ASSERT_EQUAL(ctl("chain set corner --signatures off", NULL, 0), 0);
    while (unsigned_status() == 401 && town_now_ms() < end_ms)
        ;
    CU_ASSERT_EQUAL(unsigned_status(), 404);
    CU_ASSERT_EQUAL(ctl("chain set corner --signatures required", NULL, 0), 1);
}

/* No waiting: who has just got a key may use it. A stream, too, whose body waits with it. */
static void
test_new_key_counts_at_once(void)
{
    char key[96], head[256];

    CU_ASSERT_EQUAL(ctl("key new corner", key, sizeof key), 0);
    snprintf(head, sizeof head, "Authorization: Bearer %s\r\nContent-Type: text/csv\r\n", key);
    struct town_answer a =
        town_http(&town, town.intake, "POST", "/v1/stock", head,
                  slice_str("store_id,sku,quantity,price\ntea-house,TEA,7,199\n"));
    CU_ASSERT_EQUAL(a.status, 200);
    CU_ASSERT(a.body != NULL && strstr(a.body, "\"lines\":1") != NULL);
    town_answer_free(&a);
    /* and a secret for signing, made a moment after the key was looked for */
    CU_ASSERT_EQUAL(ctl("chain sign corner", first, sizeof first), 0);
    const struct sent get = {first, .method = "GET", .target = ORDERS, .body = ""};
    CU_ASSERT_EQUAL(status_of(&get, "not_found"), 404);
    CU_ASSERT_EQUAL(ctl("chain add fresh --name Fresh", key, sizeof key), 0);
    snprintf(head, sizeof head, "Authorization: Bearer %s\r\n", key);
    a = town_http(&town, town.intake, "GET", ORDERS, head, (struct slice){NULL, 0});
    CU_ASSERT_EQUAL(a.status, 404);
    town_answer_free(&a);
    town_close(&town);
}

UNIT_MAIN("signed", UNIT(test_signed_request_is_taken),
          UNIT(test_signature_counts_once_and_for_this_alone),
          UNIT(test_signature_counts_once_over_a_restart),
          UNIT(test_streams_are_signed_without_their_body),
          UNIT(test_chain_that_must_sign_is_refused_without), UNIT(test_two_secrets_live_at_once),
          UNIT(test_new_key_counts_at_once))
