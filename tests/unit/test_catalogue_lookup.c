/* What the catalogue says of keys, stores, SKUs and hours. */
#include "unit/catalogue_fake.h"

static void
test_catalogue_chain_by_key_wants_the_exact_living_key(void)
{
    static const struct {
        const char *key;
        enum lc_err err;
    } table[] = {
        {"lc_chain_1_BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB", LC_OK},
        {"lc_chain_1_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", LC_EDENIED}, /* revoked */
        {"lc_chain_1_BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBA", LC_EDENIED},
        {"lc_chain_2_BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB", LC_EDENIED},
        {"lc_courier_1_BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB", LC_EDENIED},
        {"lc_chain_1_", LC_EDENIED},
        {"", LC_EDENIED},
    };
    struct fake *f = fake_loaded();

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        const Lifecircle__V1__Chain *chain = NULL;
        size_t index = 9;
        CU_ASSERT_EQUAL(catalogue_chain_by_key(f->c, slice_str(table[i].key), &chain, &index),
                        table[i].err);
        if (table[i].err == LC_OK)
            CU_ASSERT_EQUAL(index, 1);
    }
    fake_free(f);
}

static void
test_catalogue_key_lives_until_it_is_revoked(void)
{
    static const struct {
        uint32_t chain;
        const char *key;
        bool lives;
    } table[] = {
        {1, "lc_chain_1_BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB", true},
        {1, "lc_chain_1_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", false}, /* revoked */
        {1, "lc_chain_1_BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBA", false},
        {2, "lc_chain_1_BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB", false},
        {99, "lc_chain_1_BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB", false},
    };
    struct fake *f = fake_loaded();

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        char hash[SECRET_HASH_TEXT];
        secret_hash(slice_str(table[i].key), hash);
        CU_ASSERT_EQUAL(catalogue_key_lives(f->c, table[i].chain, hash), table[i].lives);
    }
    fake_free(f);
}

static void
test_catalogue_put_store_keeps_a_number_for_one_store(void)
{
    struct fake *f = fake_loaded();
    Lifecircle__V1__Store s = LIFECIRCLE__V1__STORE__INIT;

    s.store = 3;
    s.chain = 1;
    s.store_id = (char *)"someone-else";
    CU_ASSERT_EQUAL(catalogue_put_store(f->c, &s), LC_EINVAL);
    s.store = 0;
    CU_ASSERT_EQUAL(catalogue_put_store(f->c, &s), LC_EINVAL);
    s.store = 4000000000;
    CU_ASSERT_EQUAL(catalogue_put_store(f->c, &s), LC_EINVAL);
    s.store = 3;
    s.store_id = (char *)"s3";
    s.name = (char *)"New name";
    CU_ASSERT_EQUAL(catalogue_put_store(f->c, &s), LC_OK);
    CU_ASSERT_STRING_EQUAL(catalogue_store_by_id(f->c, 1, SLICE_LIT("s3"))->name, "New name");
    CU_ASSERT_EQUAL(catalogue_store_count(f->c), 5);
    fake_free(f);
}

static void
test_catalogue_put_sku_survives_thousands_and_new_names(void)
{
    enum { N = 5000 };
    struct fake *f = fake_loaded();
    Lifecircle__V1__Sku s = LIFECIRCLE__V1__SKU__INIT;
    struct catalogue_sku sku;
    char code[32];
    size_t wrong = 0;

    s.sku = code;
    for (uint32_t i = 0; i < N; i++) {
        snprintf(code, sizeof code, "%u", i * 7);
        s.sku_index = i;
        s.name = (char *)"";
        wrong += catalogue_put_sku(f->c, 3, &s) != LC_OK;
    }
    for (uint32_t i = 0; i < N; i += 3) {
        snprintf(code, sizeof code, "%u", i * 7);
        s.sku_index = i;
        s.name = (char *)"a name";
        wrong += catalogue_put_sku(f->c, 3, &s) != LC_OK;
    }
    for (uint32_t i = 0; i < N; i++) {
        snprintf(code, sizeof code, "%u", i * 7);
        wrong += catalogue_sku_index(f->c, 3, slice_str(code)) != i;
        wrong += !catalogue_sku(f->c, 3, i, &sku) || strcmp(sku.sku, code) != 0 ||
                 strcmp(sku.name, i % 3 == 0 ? "a name" : "") != 0;
    }
    CU_ASSERT_EQUAL(wrong, 0);
    s.sku_index = 5;
    CU_ASSERT_EQUAL(catalogue_put_sku(f->c, 3, &s), LC_EINVAL); /* an index means one SKU */
    fake_free(f);
}

static void
test_catalogue_hours_reads_week_and_exceptions(void)
{
    Lifecircle__V1__Store s = LIFECIRCLE__V1__STORE__INIT;
    Lifecircle__V1__Interval a = LIFECIRCLE__V1__INTERVAL__INIT, *list[] = {&a};
    Lifecircle__V1__HoursException e = LIFECIRCLE__V1__HOURS_EXCEPTION__INIT, *exceptions[] = {&e};
    struct hours h;

    a.weekday = 6;
    a.open_minute = 480;
    a.close_minute = 1560;
    e.date = 20261224;
    s.n_hours = 1;
    s.hours = list;
    s.n_exceptions = 1;
    s.exceptions = exceptions;
    CU_ASSERT_EQUAL(catalogue_hours(&s, &h), LC_OK);
    CU_ASSERT_EQUAL(h.week[6].n, 1);
    CU_ASSERT_EQUAL(h.week[6].span[0].close_min, 1560);
    CU_ASSERT_EQUAL(h.exception[0].date, date_of((struct civil){2026, 12, 24}));
    CU_ASSERT_EQUAL(h.exception[0].day.n, 0);
    a.weekday = 7;
    CU_ASSERT_EQUAL(catalogue_hours(&s, &h), LC_EINVAL);
    CU_ASSERT_EQUAL(h.week[6].n, 0);
}

UNIT_MAIN("catalogue_lookup", UNIT(test_catalogue_chain_by_key_wants_the_exact_living_key),
          UNIT(test_catalogue_key_lives_until_it_is_revoked),
          UNIT(test_catalogue_put_store_keeps_a_number_for_one_store),
          UNIT(test_catalogue_put_sku_survives_thousands_and_new_names),
          UNIT(test_catalogue_hours_reads_week_and_exceptions))
