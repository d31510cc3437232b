/* Stock feeds through intake: NDJSON and CSV, new SKUs first, wrong lines. */
#include "unit/intake_feed.h"

static void
test_ndjson_becomes_one_request_a_store(void)
{
    struct rig *r = rig_new();

    whole_feed(r, "application/x-ndjson", "mode=snapshot&as_of=2026-11-18T10%3A00%3A00Z&sequence=7",
               "{\"store_id\":\"s1\",\"sku\":\"COFFEE\",\"quantity\":12,\"price\":219}\n"
               "{\"store_id\":\"s2\",\"sku\":\"BAGEL\",\"price\":99}\r\n"
               "\n"
               "{\"store_id\":\"s1\",\"sku\":\"BAGEL\",\"quantity\":0}");
    const Lifecircle__V1__StockRequest *q = chunk(r, 0);
    CU_ASSERT_PTR_NOT_NULL_FATAL(q);
    CU_ASSERT_EQUAL(q->store, 1);
    CU_ASSERT_EQUAL(q->kind, LIFECIRCLE__V1__STOCK_REQUEST__KIND__SNAPSHOT);
    CU_ASSERT_EQUAL(q->as_of_ms, INT64_C(1794996000000));
    CU_ASSERT_EQUAL(q->sequence, 7);
    CU_ASSERT_EQUAL(q->chunk, 0);
    CU_ASSERT_EQUAL_FATAL(q->n_lines, 2);
    CU_ASSERT_EQUAL(q->lines[0]->sku_index, 0); /* rising, not as they came */
    CU_ASSERT_EQUAL(q->lines[0]->quantity, 0);
    CU_ASSERT_TRUE(q->lines[0]->has_quantity);
    CU_ASSERT_FALSE(q->lines[0]->has_price);
    CU_ASSERT_EQUAL(q->lines[1]->price_cents, 219);
    q = chunk(r, 1);
    CU_ASSERT_EQUAL(q->store, 2);
    CU_ASSERT_FALSE(q->lines[0]->has_quantity);
    CU_ASSERT_EQUAL(apply_all(r), 2);
    CU_ASSERT_EQUAL(rig_http_answer(r, 5)->status, 200);
    check_answer(r, "{\"lines\":3,\"applied\":3,\"refused\":0,\"stores\":[{\"store_id\":\"s1\","
                    "\"outcome\":\"applied\",\"changed\":2},{\"store_id\":\"s2\",\"outcome\":"
                    "\"applied\",\"changed\":1}],\"errors\":[]}");
    rig_free(r);
}

static void
test_csv_with_mark_quotes_and_crlf_is_the_same(void)
{
    struct rig *r = rig_new();

    whole_feed(r, "text/csv; charset=utf-8", "",
               "\xef\xbb\xbfsku,store_id,quantity,price,name\r\n"
               "COFFEE,s1,12,219,\r\n"
               "\"BAGEL\",\"s1\",\"3\",\"\",\r\n");
    const Lifecircle__V1__StockRequest *q = chunk(r, 0);
    CU_ASSERT_PTR_NOT_NULL_FATAL(q);
    CU_ASSERT_EQUAL(q->as_of_ms, RIG_NOW);
    CU_ASSERT_EQUAL_FATAL(q->n_lines, 2);
    CU_ASSERT_EQUAL(q->lines[0]->quantity, 3);
    CU_ASSERT_FALSE(q->lines[0]->has_price);
    CU_ASSERT_EQUAL(q->lines[1]->quantity, 12);
    CU_ASSERT_EQUAL(q->lines[1]->price_cents, 219);
    apply_all(r);
    check_answer(r, "\"lines\":2,\"applied\":2,\"refused\":0");
    rig_free(r);
}

static void
test_feed_in_pieces_of_any_size_is_the_same(void)
{
    static const char *const type[] = {"application/x-ndjson", "text/csv"};
    static const char *const body[] = {
        "\xef\xbb\xbf{\"mode\":\"delta\",\"sequence\":9}\n"
        "{\"store_id\":\"s1\",\"sku\":\"COFFEE\",\"quantity\":-2}\r\n"
        "{\"store_id\":\"s1\",\"sku\":\"BAGEL\",\"quantity\":5}\n",
        "\xef\xbb\xbfstore_id,sku,quantity\r\ns1,COFFEE,-2\r\n\"s1\",BAGEL,5"};

    for (size_t i = 0; i < 2; i++)
        for (size_t piece = 1; piece < 20; piece++) {
            struct rig *r = rig_new();
            size_t n = strlen(body[i]);
            begin_feed(r, type[i], i == 0 ? "" : "mode=delta&sequence=9");
            for (size_t at = 0; at < n; at += piece) {
                rig_body(r, 5, arena_copy(r->a, body[i] + at, n - at < piece ? n - at : piece));
                rig_turn(r);
            }
            rig_simple(r, EVENT_HTTP_END, 5);
            rig_turn(r);
            const Lifecircle__V1__StockRequest *q = chunk(r, 0);
            CU_ASSERT_PTR_NOT_NULL_FATAL(q);
            CU_ASSERT_EQUAL(q->kind, LIFECIRCLE__V1__STOCK_REQUEST__KIND__DELTA);
            CU_ASSERT_EQUAL(q->sequence, 9);
            CU_ASSERT_EQUAL_FATAL(q->n_lines, 2);
            CU_ASSERT_EQUAL(q->lines[0]->quantity, 5);
            CU_ASSERT_EQUAL(q->lines[1]->quantity, -2);
            rig_free(r);
        }
}

static void
test_two_lines_of_a_sku_become_one(void)
{
    static const struct {
        const char *query;
        int32_t quantity;
    } table[] = {{"mode=snapshot", 3}, {"mode=delta&sequence=1", 5}};

    for (size_t i = 0; i < 2; i++) {
        struct rig *r = rig_new();
        whole_feed(r, "application/x-ndjson", table[i].query,
                   "{\"store_id\":\"s1\",\"sku\":\"BAGEL\",\"quantity\":2,\"price\":100}\n"
                   "{\"store_id\":\"s1\",\"sku\":\"BAGEL\",\"quantity\":3}\n");
        const Lifecircle__V1__StockRequest *q = chunk(r, 0);
        CU_ASSERT_EQUAL_FATAL(q->n_lines, 1);
        CU_ASSERT_EQUAL(q->lines[0]->quantity, table[i].quantity);
        CU_ASSERT_EQUAL(q->lines[0]->price_cents, 100);
        rig_free(r);
    }
}

/* ---- SKUs ---- */

static void
test_unknown_skus_are_put_before_their_stock(void)
{
    struct rig *r = rig_new();

    whole_feed(r, "application/x-ndjson", "sequence=1",
               "{\"store_id\":\"s1\",\"sku\":\"BAGEL\",\"quantity\":1}\n"
               "{\"store_id\":\"s1\",\"sku\":\"TEA\",\"quantity\":2,\"name\":\"Green tea\","
               "\"weight_g\":50}\n"
               "{\"store_id\":\"s1\",\"sku\":\"GIN\",\"quantity\":3,\"age_restricted\":true}\n"
               "{\"store_id\":\"s2\",\"sku\":\"TEA\",\"quantity\":4}\n");
    CU_ASSERT_PTR_NULL(chunk(r, 0));
    const struct effect *e = rig_effect(r, EFFECT_REDIS, 0);
    CU_ASSERT_PTR_NOT_NULL_FATAL(e);
    CU_ASSERT_TRUE(slice_eq_str(e->argv[1], "sku_put"));
    CU_ASSERT_TRUE(slice_eq_str(e->argv[5], "1"));
    CU_ASSERT_TRUE(slice_eq_str(e->argv[6], "2"));
    CU_ASSERT_TRUE(slice_eq_str(e->argv[7], "TEA"));
    const Lifecircle__V1__Sku *tea =
        wire_unpack(&lifecircle__v1__sku__descriptor, r->a, e->argv[8]);
    CU_ASSERT_STRING_EQUAL(tea->name, "Green tea");
    CU_ASSERT_EQUAL(tea->weight_g, 50);
    CU_ASSERT_EQUAL(tea->sku_index, 0); /* Redis gives it */
    CU_ASSERT_TRUE(slice_eq_str(e->argv[9], "GIN"));
    uint64_t tag = e->ref;
    rig_clear(r);
    rig_redis(r, tag, indexes(r, 2, 3));
    rig_turn(r);
    const Lifecircle__V1__StockRequest *q = chunk(r, 0);
    CU_ASSERT_PTR_NOT_NULL_FATAL(q);
    CU_ASSERT_EQUAL_FATAL(q->n_lines, 3);
    CU_ASSERT_EQUAL(q->lines[1]->sku_index, 3);
    CU_ASSERT_EQUAL(q->lines[1]->quantity, 2);
    CU_ASSERT_EQUAL(q->lines[2]->sku_index, 4);
    CU_ASSERT_EQUAL(chunk(r, 1)->lines[0]->quantity, 4);
    apply_all(r);
    check_answer(r, "\"lines\":4,\"applied\":4");
    rig_clear(r);
    rig_post(r, 6, "/v1/orders",
             "{\"external_order_id\":\"a\",\"dropoff\":{\"lat\":39.28,\"lng\":-76.59},\"lines\":"
             "[{\"sku\":\"GIN\",\"quantity\":1}],\"currency\":\"USD\"}");
    rig_turn(r); /* known at once, without waiting for the stream */
    CU_ASSERT_TRUE(rig_sent(r, 0)->match_request->orders[0]->age_check);
    rig_free(r);
}

static void
test_known_sku_with_other_attributes_is_put_again(void)
{
    struct rig *r = rig_new();

    whole_feed(r, "text/csv", "", "store_id,sku,quantity,weight_g\ns1,COFFEE,1,341\ns1,BAGEL,1,\n");
    const struct effect *e = rig_effect(r, EFFECT_REDIS, 0);
    CU_ASSERT_PTR_NOT_NULL_FATAL(e);
    CU_ASSERT_TRUE(slice_eq_str(e->argv[6], "1"));
    const Lifecircle__V1__Sku *sku =
        wire_unpack(&lifecircle__v1__sku__descriptor, r->a, e->argv[8]);
    CU_ASSERT_EQUAL(sku->weight_g, 341);
    CU_ASSERT_EQUAL(sku->volume_ml, 400); /* not said, so as before */
    rig_free(r);
}

static void
test_sku_put_that_fails_ends_in_503(void)
{
    struct rig *r = rig_new();

    whole_feed(r, "application/x-ndjson", "",
               "{\"store_id\":\"s1\",\"sku\":\"TEA\",\"quantity\":1}\n");
    rig_redis(r, rig_effect(r, EFFECT_REDIS, 0)->ref,
              (struct reply){.kind = REPLY_ERROR, .str = SLICE_LIT("OOM")});
    rig_turn(r);
    CU_ASSERT_PTR_NOT_NULL_FATAL(rig_http_answer(r, 5));
    CU_ASSERT_EQUAL(rig_http_answer(r, 5)->status, 503);
    rig_free(r);
}

/* ---- wrong lines ---- */

static void
test_wrong_ndjson_lines_are_refused_one_by_one(void)
{
    static const struct {
        const char *line, *error;
    } table[] = {
        {"nothing", "\"line\":2,\"field\":\"\",\"error\":"},
        {"[]", "\"line\":2,\"field\":\"\",\"error\":\"expected an object, got an array\""},
        {"{\"sku\":\"BAGEL\",\"quantity\":1}",
         "\"line\":2,\"field\":\"store_id\",\"error\":\"is required\""},
        {"{\"store_id\":\"s1\",\"quantity\":1}",
         "\"line\":2,\"field\":\"sku\",\"error\":\"is required\""},
        {"{\"store_id\":\"s1\",\"sku\":\"BAGEL\"}",
         "\"line\":2,\"field\":\"quantity\",\"error\":\"quantity or price is required\""},
        {"{\"store_id\":\"s9\",\"sku\":\"BAGEL\",\"quantity\":1}",
         "\"line\":2,\"field\":\"store_id\",\"error\":\"the chain has no such store\""},
        {"{\"store_id\":\"o1\",\"sku\":\"BAGEL\",\"quantity\":1}",
         "\"line\":2,\"field\":\"store_id\",\"error\":\"the chain has no such store\""},
        {"{\"store_id\":\"s1\",\"sku\":\"BAGEL\",\"quantity\":-1}",
         "\"field\":\"quantity\",\"error\":\"expected an integer from 0 to 1000000, got -1\""},
        {"{\"store_id\":\"s1\",\"sku\":\"BAGEL\",\"quantity\":1.5}",
         "\"field\":\"quantity\",\"error\":\"expected an integer from 0 to 1000000, got "
         "1.5\""},
        {"{\"store_id\":\"s1\",\"sku\":\"BAGEL\",\"quantity\":1000001}", "\"field\":\"quantity\""},
        {"{\"store_id\":\"s1\",\"sku\":\"BAGEL\",\"price\":-5}", "\"field\":\"price\""},
        {"{\"store_id\":\"s1\",\"sku\":\"BAGEL\",\"price\":\"2.19\"}", "\"field\":\"price\""},
        {"{\"store_id\":\"s1\",\"sku\":\"BAGEL\",\"quantity\":1,\"aisle\":4}",
         "\"field\":\"aisle\",\"error\":\"is not a field of this object\""},
        {"{\"store_id\":\"s1\",\"sku\":\"BA\\nGEL\",\"quantity\":1}",
         "\"field\":\"sku\",\"error\":\"expected one line of text without control characters\""},
        {"{\"mode\":\"delta\",\"sequence\":3}", "\"line\":2,\"field\":\"store_id\""},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct rig *r = rig_new();
        whole_feed(r, "application/x-ndjson", "",
                   arena_printf(r->a,
                                "{\"store_id\":\"s1\",\"sku\":\"BAGEL\",\"quantity\":1}\n%s\n"
                                "{\"store_id\":\"s1\",\"sku\":\"COFFEE\",\"quantity\":1}\n",
                                table[i].line));
        CU_ASSERT_EQUAL_FATAL(chunk(r, 0)->n_lines, 2);
        apply_all(r);
        check_answer(r, "\"lines\":3,\"applied\":2,\"refused\":1");
        check_answer(r, table[i].error);
        rig_free(r);
    }
}

static void
test_wrong_csv_rows_are_refused_one_by_one(void)
{
    static const struct {
        const char *row, *error;
    } table[] = {
        {"s1,BAGEL", "\"line\":3,\"field\":\"row\",\"error\":\"expected 4 fields, as in the "
                     "header, got 2\""},
        {"s1,BAGEL,1,2,3", "\"field\":\"row\""},
        {"s1,BAGEL,,", "\"field\":\"quantity\",\"error\":\"quantity or price is required\""},
        {"s1,BAGEL,1.5,", "\"field\":\"quantity\",\"error\":\"expected an integer from 0 "
                          "to 1000000\""},
        {"s1,BAGEL,x,", "\"field\":\"quantity\""},
        {"s1,BAGEL,1,2.19", "\"field\":\"price\",\"error\":\"expected an integer from 0 to "
                            "2147483647\""},
        {"s1,BAGEL,-1,", "\"error\":\"expected an integer from 0 to 1000000\""},
        {"s1,\xc2\x85,1,", "\"field\":\"sku\""},
        {",BAGEL,1,", "\"field\":\"store_id\""},
        {"s1,,1,", "\"field\":\"sku\""},
        {"s1,\xff,1,", "\"field\":\"sku\""},
        {"s1,BA\"GEL,1,", "\"line\":3,\"field\":\"\""},
        {"s1,\"BAGEL\"x,1,", "\"line\":3,\"field\":\"\""},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct rig *r = rig_new();
        whole_feed(r, "text/csv", "",
                   arena_printf(r->a,
                                "store_id,sku,quantity,price\ns1,BAGEL,1,\n%s\ns1,COFFEE,1,\n",
                                table[i].row));
        CU_ASSERT_PTR_NOT_NULL_FATAL(chunk(r, 0));
        CU_ASSERT_EQUAL(chunk(r, 0)->n_lines, 2);
        apply_all(r);
        check_answer(r, "\"lines\":3,\"applied\":2,\"refused\":1");
        check_answer(r, table[i].error);
        rig_free(r);
    }
}

static void
test_wrong_feeds_are_refused_whole(void)
{
    static const struct {
        const char *type, *query, *body, *words;
    } table[] = {
        {"application/x-ndjson", "mode=diff", "", "\"field\":\"mode\""},
        {"application/x-ndjson", "as_of=yesterday", "", "\"field\":\"as_of\""},
        {"application/x-ndjson", "as_of=2027-01-01T00:00:00Z", "", "\"field\":\"as_of\""},
        {"application/x-ndjson", "sequence=0", "", "\"field\":\"sequence\""},
        {"application/x-ndjson", "sequence=-1", "", "\"field\":\"sequence\""},
        {"application/x-ndjson", "sequence=1e3", "", "\"field\":\"sequence\""},
        {"application/x-ndjson", "colour=red", "", "\"field\":\"query\""},
        {"application/x-ndjson", "mode=%", "", "\"field\":\"query\""},
        {"application/x-ndjson", "mode=delta&mode=snapshot", "", "\"field\":\"mode\""},
        {"application/x-ndjson", "sequence=1&sequence=2", "", "\"field\":\"sequence\""},
        {"application/x-ndjson", "as_of=2026-11-18T10:00:00Z&as_of=2026-11-18T10:00:00Z", "",
         "\"field\":\"as_of\",\"error\":\"is there twice\""},
        {"application/x-ndjson", "mode=delta",
         "{\"store_id\":\"s1\",\"sku\":\"BAGEL\",\"quantity\":1}\n", "\"field\":\"sequence\""},
        {"application/x-ndjson", "", "{\"mode\":\"delta\"}\n", "\"field\":\"sequence\""},
        {"application/x-ndjson", "", "{\"mode\":\"diff\"}\n", "\"field\":\"mode\""},
        {"application/x-ndjson", "", "{\"sequence\":7,\"colour\":1}\n", "\"field\":\"colour\""},
        {"text/csv", "", "store,sku,quantity\n",
         "unknown column \\\"store\\\"; missing: store_id; expected store_id, sku, quantity or "
         "price "
         "or both, and if you like name, weight_g, volume_ml, age_restricted, with commas between "
         "them"},
        {"text/csv", "", "Filiale,Artikel,quantity,Preis\n",
         "unknown columns \\\"Filiale\\\", \\\"Artikel\\\", \\\"Preis\\\"; missing: store_id, "
         "sku; "},
        {"text/csv", "", "a,b,c,d,e,f,g,h\n",
         "\\\"e\\\", \\\"f\\\" and 2 more; missing: store_id, sku, quantity or price; expected"},
        {"text/csv", "", "store_id;sku;quantity\n",
         "unknown column \\\"store_id;sku;quantity\\\"; missing: store_id, sku, quantity or "
         "price; "},
        {"text/csv", "", "store_id,sku,price,colour\n", "unknown column \\\"colour\\\"; expected "},
        {"text/csv", "", "store_id,sku\n", "\"error\":\"missing: quantity or price; expected "},
        {"text/csv", "", "store_id,sku,price,price\n", "column price is there twice"},
        {"text/csv", "", "\"store_id\n", "\"field\":\"header\""},
        {"text/csv", "mode=delta", "store_id,sku,quantity\n", "\"field\":\"sequence\""},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct rig *r = rig_new();
        whole_feed(r, table[i].type, table[i].query, table[i].body);
        const struct effect *e = rig_http_answer(r, 5);
        CU_ASSERT_PTR_NOT_NULL_FATAL(e);
        CU_ASSERT_EQUAL(e->status, 422);
        check_answer(r, "\"code\":\"invalid_feed\"");
        check_answer(r, table[i].words);
        CU_ASSERT_PTR_NULL(chunk(r, 0));
        rig_free(r);
    }
}

static void
test_only_100_errors_are_told_but_all_are_counted(void)
{
    struct rig *r = rig_new();

    begin_feed(r, "application/x-ndjson", "");
    for (int i = 0; i < 150; i++)
        rig_body(r, 5, "{}\n");
    rig_simple(r, EVENT_HTTP_END, 5);
    rig_turn(r);
    check_answer(r, "\"lines\":150,\"applied\":0,\"refused\":150");
    check_answer(r, "{\"line\":100,");
    CU_ASSERT_FALSE(rig_has(rig_http_answer(r, 5)->bytes, "{\"line\":101,"));
    rig_free(r);
}

UNIT_MAIN("intake_stock", UNIT(test_ndjson_becomes_one_request_a_store),
          UNIT(test_csv_with_mark_quotes_and_crlf_is_the_same),
          UNIT(test_feed_in_pieces_of_any_size_is_the_same),
          UNIT(test_two_lines_of_a_sku_become_one),
          UNIT(test_unknown_skus_are_put_before_their_stock),
          UNIT(test_known_sku_with_other_attributes_is_put_again),
          UNIT(test_sku_put_that_fails_ends_in_503),
          UNIT(test_wrong_ndjson_lines_are_refused_one_by_one),
          UNIT(test_wrong_csv_rows_are_refused_one_by_one),
          UNIT(test_wrong_feeds_are_refused_whole),
          UNIT(test_only_100_errors_are_told_but_all_are_counted))
