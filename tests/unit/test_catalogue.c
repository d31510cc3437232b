/* How the catalogue follows Redis through gaps, losses and broken records. */
#include "unit/catalogue_fake.h"

/* ---- loading ---- */

static void
test_catalogue_loads_all_kinds_page_by_page(void)
{
    struct fake *f = fake_loaded();
    struct catalogue_sku sku;

    CU_ASSERT_TRUE(catalogue_loaded(f->c));
    CU_ASSERT_EQUAL(f->told_loaded, 1);
    CU_ASSERT_EQUAL(catalogue_store_count(f->c), 5);
    CU_ASSERT_EQUAL(f->told_stores, 5);
    CU_ASSERT_STRING_EQUAL(catalogue_store(f->c, 4)->store_id, "s4");
    CU_ASSERT_EQUAL(catalogue_store(f->c, 4)->prep_s, 304);
    CU_ASSERT_PTR_EQUAL(catalogue_store_by_id(f->c, 1, SLICE_LIT("s5")), catalogue_store(f->c, 5));
    CU_ASSERT_PTR_NULL(catalogue_store_by_id(f->c, 2, SLICE_LIT("s5")));
    CU_ASSERT_PTR_NULL(catalogue_store(f->c, 6));
    CU_ASSERT_STRING_EQUAL(catalogue_chain(f->c, 1)->chain_id, "seven");
    CU_ASSERT_STRING_EQUAL(catalogue_courier(f->c, 5)->courier_id, "ada");
    CU_ASSERT_EQUAL(catalogue_sku_count(f->c, 1), 3);
    CU_ASSERT_EQUAL(catalogue_sku_index(f->c, 1, SLICE_LIT("SKU-2")), 2);
    CU_ASSERT_EQUAL(catalogue_sku_index(f->c, 1, SLICE_LIT("SKU-3")), CATALOGUE_NO_SKU);
    CU_ASSERT_EQUAL(catalogue_sku_index(f->c, 9, SLICE_LIT("SKU-2")), CATALOGUE_NO_SKU);
    CU_ASSERT_TRUE_FATAL(catalogue_sku(f->c, 1, 2, &sku));
    CU_ASSERT_STRING_EQUAL(sku.sku, "SKU-2");
    CU_ASSERT_STRING_EQUAL(sku.name, "Something");
    CU_ASSERT_EQUAL(sku.weight_g, 2);
    fake_free(f);
}

static void
test_catalogue_loads_only_what_is_asked_for(void)
{
    struct fake *f = fake_new(CATALOGUE_STORES);

    feed(f, (struct event){.kind = EVENT_REDIS_UP});
    CU_ASSERT_TRUE(catalogue_loaded(f->c));
    CU_ASSERT_EQUAL(catalogue_store_count(f->c), 5);
    CU_ASSERT_PTR_NULL(catalogue_chain(f->c, 1));
    CU_ASSERT_PTR_NULL(catalogue_courier(f->c, 5));
    CU_ASSERT_EQUAL(catalogue_sku_count(f->c, 1), 0);
    fake_free(f);
}

static void
test_catalogue_goes_on_after_any_lost_answer(void)
{
    for (int lost = 1; lost < 12; lost++) {
        struct fake *f = fake_new(CATALOGUE_CHAINS | CATALOGUE_STORES | CATALOGUE_SKUS);
        f->lose = lost;
        feed(f, (struct event){.kind = EVENT_REDIS_UP});
        for (int i = 0; i < lost; i++)
            later(f, CATALOGUE_POLL_MS);
        CU_ASSERT_TRUE(catalogue_loaded(f->c));
        CU_ASSERT_EQUAL(catalogue_store_count(f->c), 5);
        CU_ASSERT_EQUAL(catalogue_sku_count(f->c, 1), 3);
        fake_free(f);
    }
}

static void
test_catalogue_passes_over_a_broken_record(void)
{
    struct fake *f = fake_new(CATALOGUE_STORES);

    f->break_store = true;
    feed(f, (struct event){.kind = EVENT_REDIS_UP});
    CU_ASSERT_TRUE(catalogue_loaded(f->c));
    CU_ASSERT_EQUAL(catalogue_store_count(f->c), 4);
    CU_ASSERT_PTR_NULL(catalogue_store(f->c, 2));
    fake_free(f);
}

/* ---- following ---- */

static void
test_catalogue_reads_what_the_stream_names(void)
{
    struct fake *f = fake_loaded();

    f->told_stores = 0;
    f->store_name = "Another name";
    f->stores = 6;
    f->skus = 4;
    put_entry(f, "store", 6);
    put_entry(f, "store", 3);
    put_entry(f, "sku", 1);
    put_entry(f, "stock", 2);
    later(f, CATALOGUE_POLL_MS);
    later(f, CATALOGUE_POLL_MS);
    CU_ASSERT_STRING_EQUAL(catalogue_store(f->c, 6)->name, "Another name");
    CU_ASSERT_STRING_EQUAL(catalogue_store(f->c, 3)->name, "Another name");
    CU_ASSERT_STRING_EQUAL(catalogue_store(f->c, 1)->name, "A shop");
    CU_ASSERT_EQUAL(f->told_stores, 2);
    CU_ASSERT_EQUAL(f->told_restocked, 1);
    CU_ASSERT_EQUAL(catalogue_sku_index(f->c, 1, SLICE_LIT("SKU-3")), 3);
    CU_ASSERT_EQUAL(f->told_loaded, 1);
    fake_free(f);
}

static void
test_catalogue_follows_at_once_on_news(void)
{
    struct fake *f = fake_loaded();
    Lifecircle__V1__Envelope env = LIFECIRCLE__V1__ENVELOPE__INIT;
    Lifecircle__V1__News news = LIFECIRCLE__V1__NEWS__INIT;

    news.topic = LIFECIRCLE__V1__NEWS__TOPIC__CATALOGUE;
    env.body_case = LIFECIRCLE__V1__ENVELOPE__BODY_NEWS;
    env.news = &news;
    f->stores = 6;
    put_entry(f, "store", 6);
    feed(f, (struct event){.kind = EVENT_MESSAGE, .envelope = &env});
    CU_ASSERT_PTR_NOT_NULL(catalogue_store(f->c, 6));
    fake_free(f);
}

static void
test_catalogue_loads_again_after_a_gap(void)
{
    struct fake *f = fake_loaded();

    f->stores = 6;
    f->store_name = "Another name";
    put_entry(f, "store", 6);
    put_entry(f, "stock", 1);
    f->trimmed = 1;
    later(f, CATALOGUE_POLL_MS);
    CU_ASSERT_EQUAL(f->told_loaded, 2);
    CU_ASSERT_PTR_NOT_NULL(catalogue_store(f->c, 6));
    CU_ASSERT_STRING_EQUAL(catalogue_store(f->c, 1)->name, "Another name");
    fake_free(f);
}

static void
test_catalogue_loads_again_when_the_stream_went_back(void)
{
    struct fake *f = fake_loaded();

    put_entry(f, "stock", 1);
    put_entry(f, "stock", 1);
    later(f, CATALOGUE_POLL_MS);
    f->tip = 1; /* another Redis, or one that lost its last second */
    feed(f, (struct event){.kind = EVENT_REDIS_UP});
    CU_ASSERT_EQUAL(f->told_loaded, 2);
    f->stores = 6;
    put_entry(f, "store", 6);
    later(f, CATALOGUE_POLL_MS);
    CU_ASSERT_PTR_NOT_NULL(catalogue_store(f->c, 6));
    fake_free(f);
}

/* A replica became the primary that did not have the last entries: others have their numbers now,
 * and the stream's end says nothing. */
static void
test_catalogue_loads_again_from_another_primary(void)
{
    struct fake *f = fake_loaded();

    put_entry(f, "stock", 1);
    later(f, CATALOGUE_POLL_MS);
    f->tip = 0;
    put_entry(f, "store", 3);
    put_entry(f, "stock", 2);
    f->store_name = "Another name";
    f->replid = "2b1c9c0d4b3f0cbb8f8e8e3d7e9c3b8f00000000";
    feed(f, (struct event){.kind = EVENT_REDIS_UP});
    CU_ASSERT_EQUAL(f->told_loaded, 2);
    CU_ASSERT_STRING_EQUAL(catalogue_store(f->c, 3)->name, "Another name");
    f->told_loaded = 0;
    feed(f, (struct event){.kind = EVENT_REDIS_UP});
    CU_ASSERT_EQUAL(f->told_loaded, 0);
    fake_free(f);
}

/* Lost answers must not hide that it was another one. */
static void
test_catalogue_finds_another_primary_after_lost_answers(void)
{
    for (int lost = 1; lost < 6; lost++) {
        struct fake *f = fake_loaded();
        f->store_name = "Another name";
        f->replid = "2b1c9c0d4b3f0cbb8f8e8e3d7e9c3b8f00000000";
        f->lose = lost;
        feed(f, (struct event){.kind = EVENT_REDIS_UP});
        for (int i = 0; i < lost; i++)
            later(f, CATALOGUE_POLL_MS);
        CU_ASSERT_EQUAL(f->told_loaded, 2);
        CU_ASSERT_STRING_EQUAL(catalogue_store(f->c, 3)->name, "Another name");
        fake_free(f);
    }
}

/* Who may not ask reads all again each time: it costs time, the other way would cost changes. */
static void
test_catalogue_loads_again_when_it_cannot_tell_the_primary(void)
{
    struct fake *f = fake_loaded();

    f->replid = NULL;
    feed(f, (struct event){.kind = EVENT_REDIS_UP});
    CU_ASSERT_EQUAL(f->told_loaded, 2);
    fake_free(f);
}

static void
test_catalogue_reconnected_does_not_load_all_again(void)
{
    struct fake *f = fake_loaded();

    f->calls = 0;
    feed(f, (struct event){.kind = EVENT_REDIS_UP});
    CU_ASSERT_EQUAL(f->told_loaded, 1);
    CU_ASSERT_EQUAL(f->calls, 3); /* which primary, the stream's end, and what is new */
    fake_free(f);
}

static void
test_catalogue_polls_every_250_ms(void)
{
    struct fake *f = fake_loaded();

    f->calls = 0;
    later(f, CATALOGUE_POLL_MS - 1);
    CU_ASSERT_EQUAL(f->calls, 0);
    later(f, 1);
    CU_ASSERT_EQUAL(f->calls, 1);
    CU_ASSERT_EQUAL(catalogue_wake_ms(f->c), f->now + CATALOGUE_POLL_MS);
    fake_free(f);
}

static void
test_catalogue_leaves_other_replies_alone(void)
{
    struct fake *f = fake_loaded();
    struct reply nil = {.kind = REPLY_NIL};
    struct event ev = {
        .kind = EVENT_REDIS, .ref = TAG + CATALOGUE_TAGS, .reply = &nil, .arena = f->a};

    CU_ASSERT_FALSE(catalogue_step(f->c, &ev, f->out));
    ev.ref = TAG - 1;
    CU_ASSERT_FALSE(catalogue_step(f->c, &ev, f->out));
    fake_free(f);
}

UNIT_MAIN("catalogue", UNIT(test_catalogue_loads_all_kinds_page_by_page),
          UNIT(test_catalogue_loads_only_what_is_asked_for),
          UNIT(test_catalogue_goes_on_after_any_lost_answer),
          UNIT(test_catalogue_passes_over_a_broken_record),
          UNIT(test_catalogue_reads_what_the_stream_names),
          UNIT(test_catalogue_follows_at_once_on_news),
          UNIT(test_catalogue_loads_again_after_a_gap),
          UNIT(test_catalogue_loads_again_when_the_stream_went_back),
          UNIT(test_catalogue_loads_again_from_another_primary),
          UNIT(test_catalogue_finds_another_primary_after_lost_answers),
          UNIT(test_catalogue_loads_again_when_it_cannot_tell_the_primary),
          UNIT(test_catalogue_reconnected_does_not_load_all_again),
          UNIT(test_catalogue_polls_every_250_ms), UNIT(test_catalogue_leaves_other_replies_alone))
