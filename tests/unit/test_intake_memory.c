/* Intake when memory runs out: each allocation of a story fails once, in turn. Nothing may crash,
 * leak or hang, and the next order goes through. */
#include "unit/intake_rig.h"

#ifndef __SANITIZE_ADDRESS__
/* glibc's own names for what is replaced here */
void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t n);
void __libc_free(void *p);

static long fail_at; /* counts down; 0 = never */
static bool failed;
static long live; /* blocks handed out and not given back */

static bool
fails(void)
{
    if (fail_at == 0 || --fail_at > 0)
        return false;
    failed = true;
    return true;
}

void *
malloc(size_t n)
{
    void *p = fails() ? NULL : __libc_malloc(n);

    live += p != NULL;
    return p;
}

void *
calloc(size_t n, size_t size)
{
    void *p = fails() ? NULL : __libc_calloc(n, size);

    live += p != NULL;
    return p;
}

void *
realloc(void *old, size_t n)
{
    void *p = fails() ? NULL : __libc_realloc(old, n);

    live += old == NULL && p != NULL;
    return p;
}

void
free(void *p)
{
    live -= p != NULL;
    __libc_free(p);
}
#else /* the sanitizer looks for leaks itself */
static long fail_at, live;
static bool failed;
#endif

/* One event with its memory failing; its error is the step's own affair. */
static void
feed_failing(struct rig *r, struct event *ev, long at)
{
    fail_at = at;
    ev->now_ms = r->now;
    (void)stepper_feed(r->s, ev);
    fail_at = 0;
}

static void
post_failing(struct rig *r, const char *path, const char *type, const char *body, long at)
{
    char bearer[96];
    const struct header_field h[] = {{SLICE_LIT("Authorization"), {bearer, 0}},
                                     {SLICE_LIT("Content-Type"), slice_str(type)}};
    struct header_field copy[2] = {h[0], h[1]};
    struct http_event http = {.method = SLICE_LIT("POST"),
                              .path = slice_str(path),
                              .headers = copy,
                              .n_headers = 2,
                              .streaming = strcmp(type, "application/json") != 0};
    int n = snprintf(bearer, sizeof bearer, "Bearer %s", r->key);
    copy[0].value.n = (size_t)n;
    if (strcmp(path, "/v1/stores") == 0)
        http.method = SLICE_LIT("PUT");
    feed_failing(
        r,
        &(struct event){.kind = EVENT_HTTP,
                        .ref = 5,
                        .http = &http,
                        .bytes = http.streaming ? (struct slice){NULL, 0} : slice_str(body)},
        at);
    if (!http.streaming)
        return;
    feed_failing(r, &(struct event){.kind = EVENT_HTTP_BODY, .ref = 5, .bytes = slice_str(body)},
                 at);
    feed_failing(r, &(struct event){.kind = EVENT_HTTP_END, .ref = 5}, at);
}

/* The story, with the allocation number `at` of each of its events failing. */
static void
tell(const char *path, const char *type, const char *body, long at)
{
    struct rig *r = rig_new();

    post_failing(r, path, type, body, at);
    feed_failing(r, &(struct event){.kind = EVENT_TURN_END}, at);
    r->now += 250;
    feed_failing(r, &(struct event){.kind = EVENT_WAKE}, at);
    feed_failing(r, &(struct event){.kind = EVENT_TURN_END}, at);
    for (int i = 0; i < 4; i++) { /* with memory again, all ends */
        rig_later(r, 5000);
        rig_clear(r);
    }
    rig_post(r, 6, "/v1/orders", rig_order(r, "after", ""));
    rig_turn(r);
    CU_ASSERT_EQUAL(rig_place_all(r), 1);
    CU_ASSERT_PTR_NOT_NULL_FATAL(rig_http_answer(r, 6));
    CU_ASSERT_EQUAL(rig_http_answer(r, 6)->status, 201);
    rig_free(r);
}

static void
fail_each(const char *path, const char *type, const char *body)
{
    for (long at = 1; at < 400; at++) {
        failed = false;
        long before = live;
        tell(path, type, body, at);
        CU_ASSERT_EQUAL(live, before);
        if (!failed)
            return;
    }
    CU_FAIL("more allocations than expected");
}

static const char order[] =
    "{\"external_order_id\":\"m1\",\"dropoff\":{\"lat\":39.28,\"lng\":-76.59},"
    "\"customer\":{\"name\":\"Ada\"},\"lines\":[{\"sku\":\"BAGEL\","
    "\"quantity\":2,\"substitutes\":[\"COFFEE\"]}],\"currency\":\"USD\"}";

static void
test_order_survives_each_failing_allocation(void)
{
    fail_each("/v1/orders", "application/json", order);
}

static void
test_wrong_order_survives_each_failing_allocation(void)
{
    fail_each("/v1/orders", "application/json", "{\"lines\":[{\"sku\":\"NO\"}],\"colour\":1}");
}

static void
test_quote_survives_each_failing_allocation(void)
{
    fail_each("/v1/quotes", "application/json", order);
}

static void
test_batch_survives_each_failing_allocation(void)
{
    fail_each("/v1/orders:batch", "application/x-ndjson", order);
}

static void
test_feed_survives_each_failing_allocation(void)
{
    fail_each("/v1/stock", "application/x-ndjson",
              "{\"store_id\":\"s1\",\"sku\":\"BAGEL\",\"quantity\":1}\n"
              "{\"store_id\":\"s1\",\"sku\":\"TEA\",\"quantity\":1,\"name\":\"Tea\"}\n");
}

static void
test_csv_feed_survives_each_failing_allocation(void)
{
    fail_each("/v1/stock", "text/csv", "store_id,sku,quantity\ns1,BAGEL,1\ns9,\"BAGEL\",1\n");
}

static void
test_stores_survive_each_failing_allocation(void)
{
    fail_each("/v1/stores", "application/json",
              "{\"type\":\"Feature\",\"geometry\":{\"type\":\"Point\",\"coordinates\":[0,1]},"
              "\"properties\":{\"store_id\":\"m\",\"name\":\"M\",\"delivers\":false,\"hours\":"
              "{\"mon\":[[\"08:00\",\"12:00\"]]},\"exceptions\":{\"2026-12-25\":[]}}}");
}

UNIT_MAIN("intake_memory", UNIT(test_order_survives_each_failing_allocation),
          UNIT(test_wrong_order_survives_each_failing_allocation),
          UNIT(test_quote_survives_each_failing_allocation),
          UNIT(test_batch_survives_each_failing_allocation),
          UNIT(test_feed_survives_each_failing_allocation),
          UNIT(test_csv_feed_survives_each_failing_allocation),
          UNIT(test_stores_survive_each_failing_allocation))
