/* kill -9 of every daemon and of Redis in turn while orders flow: what was acknowledged is there,
 * once, and the books add up. The chain behaves as the documents say: it repeats what was not
 * answered. */
#include "town.h"

#include "base/id.h"
#include "unit/unit.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

enum { ORDERS = 240, STOCK = 200 };

static struct town town;
static char ids[ORDERS][UUID_TEXT];

/* post: until it is acknowledged. */
static void
post(int i)
{
    char external_id[16];
    int64_t end_ms = town_now_ms() + TOWN_PATIENCE_MS;

    snprintf(external_id, sizeof external_id, "k%d", i);
    while (town_now_ms() < end_ms) {
        int status = town_collect(&town, external_id, ids[i]);
        if (status == 201 || status == 202)
            return;
        poll(NULL, 0, 20); /* as Retry-After would have it, only sooner */
    }
    CU_FAIL("an order was never acknowledged");
}

static void
test_town_comes_up(void)
{
    char stock[64];

    town_open(&town, 0);
    snprintf(stock, sizeof stock, "TEA,%d,199\n", STOCK);
    town_shop(&town, "tea-house", 39.2847, -76.5921, 1, stock);
}

static void
test_orders_flow_while_each_is_killed_in_turn(void)
{
    const int each = ORDERS / TOWN_N;

    for (int i = 0; i < ORDERS; i++) {
        enum town_daemon d = (enum town_daemon)(i / each);
        if (i % each == each / 3)
            town_kill(&town, d);
        if (i % each == each / 3 && (d == TOWN_REDIS || d == TOWN_INTAKE))
            town_start(&town, d); /* nothing is acknowledged without these two */
        if (i % each == 2 * each / 3 && d != TOWN_REDIS && d != TOWN_INTAKE)
            town_start(&town, d);
        post(i);
    }
    town_ready(&town);
}

/* settled: is every order placed, or held for lack of stock? */
static bool
settled(void *ctx)
{
    unsigned *placed = ctx;

    *placed = 0;
    for (int i = 0; i < ORDERS; i++) {
        char state[32];
        town_state(&town, ids[i], state);
        if (strcmp(state, "placed") == 0)
            ++*placed;
        else if (strcmp(state, "held") != 0)
            return false;
    }
    return *placed == STOCK;
}

static void
test_every_acknowledged_order_is_there_and_the_stock_is_sold_once(void)
{
    unsigned placed = 0;

    CU_ASSERT_TRUE(town_wait(settled, &placed));
    CU_ASSERT_EQUAL(placed, STOCK);
}

static void
test_repeating_them_all_changes_nothing(void)
{
    unsigned placed = 0;

    for (int i = 0; i < ORDERS; i++) {
        char id[UUID_TEXT];
        memcpy(id, ids[i], sizeof id);
        post(i);
        CU_ASSERT_STRING_EQUAL(ids[i], id);
    }
    CU_ASSERT_TRUE(settled(&placed));
}

static void
test_books_add_up(void)
{
    char out[4096];

    CU_ASSERT_EQUAL(town_lcctl(&town, out, sizeof out, "audit"), 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(out, "oversold 0"));
    CU_ASSERT_PTR_NOT_NULL(strstr(out, "orders 240"));
    town_close(&town);
}

UNIT_MAIN("kills", UNIT(test_town_comes_up), UNIT(test_orders_flow_while_each_is_killed_in_turn),
          UNIT(test_every_acknowledged_order_is_there_and_the_stock_is_sold_once),
          UNIT(test_repeating_them_all_changes_nothing), UNIT(test_books_add_up))
