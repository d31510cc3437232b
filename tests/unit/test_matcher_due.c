/* Orders that wait in Redis: claimed, tried again, hastened, scheduled. */
#include "unit.h"

#include "matcher_street.h"

static void
test_due_places_what_intake_has_written(void)
{
    struct world w;
    struct world_order o;

    world_open(&w, NULL, 0);
    put(&w, 1, home, 3000);
    world_up(&w);
    world_add_row(&w, world_order(&o, &w, 1, home), false, w.now_ms);
    world_wait(&w, 400);
    CU_ASSERT_FALSE(w.row[0].there);
    CU_ASSERT_EQUAL(count(&w, COUNT_CLAIMED), 1);
    CU_ASSERT_EQUAL(count(&w, COUNT_PLACED), 1);
    CU_ASSERT_EQUAL(w.results, 0);
    world_close(&w);
}

static void
test_due_survives_a_record_that_is_none(void)
{
    struct world w;
    struct world_order o, good;

    world_open(&w, NULL, 0);
    put(&w, 1, home, 3000);
    world_up(&w);
    world_add_row(&w, world_order(&o, &w, 1, home), false, w.now_ms);
    w.row[0].record.n = 100; /* cut short */
    world_add_row(&w, world_order(&good, &w, 2, home), false, w.now_ms);
    world_wait(&w, 400);
    CU_ASSERT_FALSE(w.row[1].there);
    CU_ASSERT_EQUAL(count(&w, COUNT_MALFORMED), 1);
    world_close(&w);
}

static void
test_due_comes_back_when_inventory_is_silent(void)
{
    struct world w;
    struct world_order o;

    world_open(&w, NULL, 0);
    put(&w, 1, home, 3000);
    world_up(&w);
    w.deaf = true;
    world_add_row(&w, world_order(&o, &w, 1, home), false, w.now_ms);
    world_wait(&w, 1000);
    w.deaf = false;
    CU_ASSERT_TRUE(w.row[0].there);
    world_wait(&w, CLAIM_VISIBILITY_MS);
    CU_ASSERT_FALSE(w.row[0].there);
    world_close(&w);
}

static void
test_due_tries_held_orders_later_and_later(void)
{
    struct world w;
    struct world_order o;
    static const int64_t wait_s[] = {5, 7, 11, 16, 25, 30, 30};

    world_open(&w, NULL, 0);
    put(&w, 1, north_of(home, 50000), 3000);
    world_up(&w);
    world_wait(&w, 1000);
    for (size_t i = 0; i < sizeof wait_s / sizeof *wait_s; i++) {
        w.row[0].there = false;
        world_add_row(&w, world_order(&o, &w, 1, home), true, w.now_ms);
        w.row[0].record.p[30] = (char)i; /* attempts so far */
        world_wait(&w, 350);
        int64_t waits = w.row[0].due_ms - w.now_ms;
        CU_ASSERT(waits > wait_s[i] * 1000 - 400 && waits < (wait_s[i] + 1) * 1000);
    }
    world_close(&w);
}

static void
test_due_hastens_held_orders_when_a_store_opens(void)
{
    struct world w;
    struct world_shop s;
    struct world_order o;

    world_open(&w, NULL, 0);
    world_store(&s, 1, home, 3000)->busy = LIFECIRCLE__V1__BUSY_MODE__PAUSED;
    world_put_store(&w, &s.store);
    world_up(&w);
    world_wait(&w, 1000);
    world_add_row(&w, world_order(&o, &w, 1, home), true, w.now_ms + 25000);
    unsigned hastens = w.hastens;
    s.store.busy = LIFECIRCLE__V1__BUSY_MODE__OPEN;
    world_put_store(&w, &s.store);
    news(&w);
    world_wait(&w, 300);
    CU_ASSERT_EQUAL(w.hastens, hastens + 1);
    CU_ASSERT_FALSE(w.row[0].there);
    world_close(&w);
}

static void
test_due_hastens_at_most_twice_a_second(void)
{
    struct world w;

    world_open(&w, NULL, 0);
    put(&w, 1, home, 3000);
    world_up(&w);
    world_wait(&w, 1000);
    unsigned hastens = w.hastens;
    for (unsigned i = 0; i < 20; i++) {
        world_note_change(&w, 0); /* a SKU is back on the shelf */
        news(&w);
        world_wait(&w, 50);
    }
    world_wait(&w, 1000);
    CU_ASSERT(w.hastens - hastens >= 2);
    CU_ASSERT(w.hastens - hastens <= 4);
    world_close(&w);
}

static void
test_due_hastens_when_the_first_courier_signs_on(void)
{
    struct world w;
    struct world_order o;

    world_open(&w, NULL, 0);
    put(&w, 1, home, 3000);
    world_up(&w);
    world_wait(&w, 1000);
    forecast(&w, 0);
    world_ask(&w, world_order(&o, &w, 1, home), false);
    CU_ASSERT_EQUAL(w.result[0].reason, LIFECIRCLE__V1__REASON__NO_COURIERS);
    world_add_row(&w, &o.order, true, w.now_ms + 25000);
    unsigned hastens = w.hastens;
    forecast(&w, 1);
    forecast(&w, 1); /* no news any more */
    world_wait(&w, 1100);
    CU_ASSERT_EQUAL(w.hastens, hastens + 1);
    CU_ASSERT_FALSE(w.row[0].there);
    world_close(&w);
}

static void
test_match_places_a_scheduled_order_when_it_should_be(void)
{
    struct world w;
    struct world_order o;
    struct arena *a = arena_new(1 << 20);

    world_open(&w, NULL, 0);
    put(&w, 1, home, 3000);
    world_up(&w);
    world_order(&o, &w, 1, north_of(home, 500));
    o.order.window_start_ms = w.now_ms + 4 * 3600000;
    o.order.window_end_ms = o.order.window_start_ms + 3600000;
    world_ask(&w, &o.order, false);
    const Lifecircle__V1__PlaceOrder *p = last_place(&w, a);
    CU_ASSERT_TRUE(p->create);
    CU_ASSERT_EQUAL(p->reason, LIFECIRCLE__V1__REASON__NOT_YET);
    CU_ASSERT_EQUAL(p->n_candidates, 0);
    CU_ASSERT_EQUAL(w.result[0].outcome, LIFECIRCLE__V1__MATCH_RESULT__OUTCOME__NOT_PLACED);
    /* ten minutes of slack before 5 of prep, handover, way and drop-off: under half an hour */
    CU_ASSERT(p->retry_ms < o.order.window_start_ms - 15 * 60000);
    CU_ASSERT(p->retry_ms > o.order.window_start_ms - 30 * 60000);
    int64_t due_ms = p->retry_ms;
    world_add_row(&w, &o.order, false, due_ms);
    w.now_ms = due_ms;
    world_wait(&w, 500);
    CU_ASSERT_FALSE(w.row[0].there);
    p = last_place(&w, a);
    CU_ASSERT_FALSE(p->create);
    CU_ASSERT_EQUAL(p->candidates[0]->eta_ms, o.order.window_start_ms);
    arena_destroy(a);
    world_close(&w);
}

static void
test_match_schedules_for_a_store_that_is_closed_now(void)
{
    struct world w;
    struct world_shop s;
    struct world_order o;
    struct arena *a = arena_new(1 << 20);

    world_open(&w, NULL, 0);
    world_store(&s, 1, home, 3000);
    for (size_t i = 0; i < 7; i++)
        s.day[i].open_minute = 600; /* from 10:00; it is 08:26 */
    world_put_store(&w, &s.store);
    world_up(&w);
    world_order(&o, &w, 1, home);
    o.order.window_start_ms = w.now_ms + 6 * 3600000;
    o.order.window_end_ms = o.order.window_start_ms + 3600000;
    world_ask(&w, &o.order, false);
    CU_ASSERT_TRUE(last_place(&w, a)->create);
    CU_ASSERT(last_place(&w, a)->retry_ms > w.now_ms + 5 * 3600000);
    arena_destroy(a);
    world_close(&w);
}

UNIT_MAIN("matcher due", UNIT(test_due_places_what_intake_has_written),
          UNIT(test_due_survives_a_record_that_is_none),
          UNIT(test_due_comes_back_when_inventory_is_silent),
          UNIT(test_due_tries_held_orders_later_and_later),
          UNIT(test_due_hastens_held_orders_when_a_store_opens),
          UNIT(test_due_hastens_at_most_twice_a_second),
          UNIT(test_due_hastens_when_the_first_courier_signs_on),
          UNIT(test_match_places_a_scheduled_order_when_it_should_be),
          UNIT(test_match_schedules_for_a_store_that_is_closed_now))
