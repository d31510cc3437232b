/* A stock feed on its way to inventory: cut into chunks, repeated, paused, lost. */
#include "unit/intake_feed.h"

static void
test_large_feed_is_cut_into_chunks_of_1000(void)
{
    struct rig *r = rig_new();
    size_t chunks = 0;

    begin_feed(r, "text/csv", "sequence=4");
    rig_body(r, 5, "store_id,sku,quantity\n");
    for (int i = 0; i < 2500; i++) {
        rig_body(r, 5, arena_printf(r->a, "s1,%s,%d\n", i % 2 == 0 ? "BAGEL" : "COFFEE", i));
        if (i % 100 == 0)
            rig_turn(r);
    }
    rig_simple(r, EVENT_HTTP_END, 5);
    rig_turn(r);
    for (; chunk(r, chunks) != NULL; chunks++) {
        CU_ASSERT_EQUAL(chunk(r, chunks)->chunk, chunks);
        CU_ASSERT_EQUAL(chunk(r, chunks)->n_lines, 2); /* of two SKUs the last word each */
    }
    CU_ASSERT_EQUAL(chunks, 3);
    CU_ASSERT_EQUAL(chunk(r, 0)->lines[1]->quantity, 999);
    apply_all(r);
    check_answer(r, "\"lines\":2500,\"applied\":2500,\"refused\":0");
    check_answer(r, "\"outcome\":\"applied\",\"changed\":6");
    rig_free(r);
}

/* The chunks of s1 in a delta of 60,000 lines, of which every third is s1's and the others are
 * those of 60 stores named `other` and a number: how many lines each has. */
static size_t
chunks_of_s1(const char *other, int64_t lines[static 64])
{
    enum { LINES = 60000 };
    struct rig *r = rig_new();
    struct buf b = {0};
    size_t n = 0;

    begin_feed(r, "text/csv", "mode=delta&sequence=1");
    buf_str(&b, "store_id,sku,quantity\n");
    for (int i = 0; i < LINES; i++)
        if (i % 3 == 0)
            buf_str(&b, "s1,BAGEL,1\n");
        else
            buf_printf(&b, "%s%d,BAGEL,1\n", other, i % RIG_MORE_STORES);
    struct event ev = {.kind = EVENT_HTTP_BODY, .ref = 5, .bytes = buf_slice(&b)};
    CU_ASSERT_EQUAL(rig_feed(r, &ev), LC_OK);
    rig_simple(r, EVENT_HTTP_END, 5);
    rig_turn(r);
    for (int round = 0; round < 64 && rig_http_answer(r, 5) == NULL; round++) {
        const Lifecircle__V1__StockRequest *q;
        for (size_t i = 0; (q = chunk(r, i)) != NULL; i++)
            if (q->store == 1 && n < 64) {
                CU_ASSERT_EQUAL(q->chunk, n);
                lines[n++] = q->lines[0]->quantity;
            }
        apply_all(r);
    }
    check_answer(r, "\"lines\":60000,");
    buf_free(&b);
    rig_free(r);
    return n;
}

/* A delta that broke off is sent again, and meanwhile stores were added whose lines had been
 * refused: inventory must know again what it has taken of the others. */
static void
test_chunks_of_a_store_do_not_depend_on_other_stores(void)
{
    int64_t alone[64], beside[64], sum = 0;
    size_t n = chunks_of_s1("x", alone);

    CU_ASSERT_EQUAL_FATAL(chunks_of_s1("m", beside), n);
    for (size_t i = 0; i < n; i++) {
        CU_ASSERT_EQUAL(alone[i], beside[i]);
        sum += alone[i];
    }
    CU_ASSERT_EQUAL(sum, 20000);
}

static void
test_outcomes_are_told_by_store(void)
{
    static const struct {
        int outcome;
        const char *words;
    } table[] = {
        {LIFECIRCLE__V1__STOCK_REPLY__OUTCOME__REPEATED,
         "\"applied\":1,\"refused\":0,\"stores\":[{\"store_id\":\"s1\",\"outcome\":\"repeated\""},
        {LIFECIRCLE__V1__STOCK_REPLY__OUTCOME__LATE,
         "\"applied\":0,\"refused\":0,\"stores\":[{\"store_id\":\"s1\",\"outcome\":\"late\""},
        {LIFECIRCLE__V1__STOCK_REPLY__OUTCOME__UNKNOWN_STORE, "\"outcome\":\"unknown_store\""},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct rig *r = rig_new();
        whole_feed(r, "application/x-ndjson", "",
                   "{\"store_id\":\"s1\",\"sku\":\"BAGEL\",\"quantity\":1}\n");
        reply_to(r, chunk(r, 0)->tag, table[i].outcome, 0);
        rig_turn(r);
        check_answer(r, table[i].words);
        rig_free(r);
    }
}

static void
test_silent_inventory_is_asked_again_and_ends_in_503(void)
{
    struct rig *r = rig_new();
    size_t asked = 1;

    whole_feed(r, "application/x-ndjson", "sequence=1",
               "{\"store_id\":\"s1\",\"sku\":\"BAGEL\",\"quantity\":1}\n");
    uint64_t tag = chunk(r, 0)->tag;
    while (rig_http_answer(r, 5) == NULL && r->now < RIG_NOW + 20000) {
        rig_clear(r);
        rig_later(r, 500);
        if (chunk(r, 0) != NULL) {
            CU_ASSERT_EQUAL(chunk(r, 0)->tag, tag);
            asked++;
        }
    }
    CU_ASSERT_TRUE(asked >= 9 && asked <= 11);
    CU_ASSERT_PTR_NOT_NULL_FATAL(rig_http_answer(r, 5));
    CU_ASSERT_EQUAL(rig_http_answer(r, 5)->status, 503);
    CU_ASSERT_TRUE(r->now - RIG_NOW >= 10000 && r->now - RIG_NOW <= 10500);
    rig_free(r);
}

static void
test_unavailable_chunk_is_sent_again_soon(void)
{
    struct rig *r = rig_new();

    whole_feed(r, "application/x-ndjson", "",
               "{\"store_id\":\"s1\",\"sku\":\"BAGEL\",\"quantity\":1}\n");
    reply_to(r, chunk(r, 0)->tag, LIFECIRCLE__V1__STOCK_REPLY__OUTCOME__UNAVAILABLE, 0);
    rig_clear(r);
    rig_later(r, 249);
    CU_ASSERT_PTR_NULL(chunk(r, 0));
    rig_later(r, 1);
    CU_ASSERT_PTR_NOT_NULL_FATAL(chunk(r, 0));
    apply_all(r);
    check_answer(r, "\"applied\":1");
    rig_free(r);
}

static void
test_feed_that_outruns_inventory_is_paused(void)
{
    enum { CHUNKS = 80, LINES = 1000 };
    struct rig *r = rig_new();
    struct buf b = {0};
    size_t paused = 0, resumed = 0, applied = 0;

    begin_feed(r, "text/csv", "sequence=1");
    buf_str(&b, "store_id,sku,quantity\n");
    for (int i = 0; i < CHUNKS * LINES; i++)
        buf_printf(&b, "%s,BAGEL,%018d\n", i % 2 == 0 ? "s1" : "s2", i);
    buf_char(&b, '\0');
    for (size_t at = 0; at + 1 < b.n;) {
        size_t n = b.n - 1 - at < 65536 ? b.n - 1 - at : 65536;
        struct event ev = {.kind = EVENT_HTTP_BODY, .ref = 5, .bytes = slice_of(b.p + at, n)};
        CU_ASSERT_EQUAL(rig_feed(r, &ev), LC_OK);
        at += n;
        rig_turn(r);
        paused += rig_effect(r, EFFECT_HTTP_PAUSE, 0) != NULL;
    }
    for (int round = 0; round < 10; round++) {
        applied += apply_all(r);
        resumed += rig_effect(r, EFFECT_HTTP_RESUME, 0) != NULL;
    }
    rig_simple(r, EVENT_HTTP_END, 5);
    rig_turn(r);
    CU_ASSERT_EQUAL(applied, CHUNKS);
    CU_ASSERT_TRUE(paused > 0);
    CU_ASSERT_TRUE(resumed > 0);
    check_answer(r, "\"lines\":80000,\"applied\":80000");
    buf_free(&b);
    rig_free(r);
}

static void
test_paused_feed_goes_on_though_half_a_line_waits(void)
{
    enum { LINES = 12000 };
    struct rig *r = rig_new();
    struct buf b = {0};

    begin_feed(r, "application/x-ndjson", "");
    for (int i = 0; i < LINES; i++)
        buf_printf(&b, "{\"store_id\":\"s1\",\"sku\":\"%s\",\"quantity\":%d}\n",
                   i == 0 ? "TEA" : "BAGEL", i);
    buf_str(&b, "{\"store_id\":\"s1\",");
    struct event ev = {.kind = EVENT_HTTP_BODY, .ref = 5, .bytes = buf_slice(&b)};
    CU_ASSERT_EQUAL(rig_feed(r, &ev), LC_OK);
    rig_turn(r);
    CU_ASSERT_PTR_NOT_NULL_FATAL(rig_effect(r, EFFECT_HTTP_PAUSE, 0)); /* TEA has no number yet */
    uint64_t tag = rig_effect(r, EFFECT_REDIS, 0)->ref;
    rig_clear(r);
    rig_redis(r, tag, indexes(r, 1, 3));
    rig_turn(r);
    CU_ASSERT_PTR_NOT_NULL_FATAL(rig_effect(r, EFFECT_HTTP_RESUME, 0));
    rig_body(r, 5, "\"sku\":\"BAGEL\",\"quantity\":1}\n");
    rig_simple(r, EVENT_HTTP_END, 5);
    rig_turn(r);
    CU_ASSERT_EQUAL(apply_all(r), 13);
    check_answer(r, "\"lines\":12001,\"applied\":12001");
    buf_free(&b);
    rig_free(r);
}

static void
test_gone_feed_is_forgotten(void)
{
    struct rig *r = rig_new();

    begin_feed(r, "application/x-ndjson", "");
    rig_body(r, 5, "{\"store_id\":\"s1\",\"sku\":\"TEA\",\"quantity\":1}\n");
    rig_turn(r);
    uint64_t tag = rig_effect(r, EFFECT_REDIS, 0)->ref;
    rig_simple(r, EVENT_GONE, 5);
    rig_clear(r);
    rig_redis(r, tag, indexes(r, 1, 3));
    rig_turn(r);
    CU_ASSERT_PTR_NULL(chunk(r, 0));
    CU_ASSERT_PTR_NULL(rig_http_answer(r, 5));
    rig_free(r);
}

UNIT_MAIN("intake_chunks", UNIT(test_large_feed_is_cut_into_chunks_of_1000),
          UNIT(test_chunks_of_a_store_do_not_depend_on_other_stores),
          UNIT(test_outcomes_are_told_by_store),
          UNIT(test_silent_inventory_is_asked_again_and_ends_in_503),
          UNIT(test_unavailable_chunk_is_sent_again_soon),
          UNIT(test_feed_that_outruns_inventory_is_paused),
          UNIT(test_paused_feed_goes_on_though_half_a_line_waits),
          UNIT(test_gone_feed_is_forgotten))
