/* Replicas are asked for, and there is none: with --redis-wait-degraded the city goes on and says
 * so wherever somebody looks, without it nothing is acknowledged; both end when a replica is back.
 */
#include "town.h"

#include "base/id.h"
#include "io/redis_set.h"
#include "unit/unit.h"

#include <stdio.h>
#include <stdlib.h>

static struct town town;
static struct redis_one primary, replica, sentinel;

static void
open_city(const char *degraded)
{
    redis_set_watched(&primary, &replica, &sentinel);
    setenv("LIFECIRCLE_REDIS_WAIT_DEGRADED", degraded, 1);
    setenv("LIFECIRCLE_ANSWER_MS", "1000", 1);
    town_open(&town, 0);
    town_shop(&town, "tea-house", 39.2847, -76.5921, 1, "TEA,1000,199\n");
}

static void
close_city(void)
{
    town_close(&town);
    redis_one_end(&sentinel);
    redis_one_end(&replica);
    redis_one_end(&primary);
}

struct look {
    int status;      /* of an order, another one each time; 201 is 202, too */
    const char *end; /* of inventory's /readyz, which writes what is placed */
    long alone;      /* lifecircle_redis_alone */
    int n;
};

/* is_so: an order is answered so, and whoever asks hears why. */
static bool
is_so(void *ctx)
{
    struct look *l = ctx;
    char id[UUID_TEXT] = "", external_id[24];

    snprintf(external_id, sizeof external_id, "%d-%d", l->status, ++l->n);
    int status = town_collect(&town, external_id, id);
    struct town_answer a = town_http(&town, town.admin[TOWN_INVENTORY], "GET", "/readyz", NULL,
                                     (struct slice){NULL, 0});
    bool is = (status == 201 ? 202 : status) == l->status && a.status == 200 &&
              strncmp(a.body, "ready\n", 6) == 0 && strcmp(a.body + 6, l->end) == 0 &&
              town_metric(&town, TOWN_INVENTORY, "redis_alone") == l->alone;
    town_answer_free(&a);
    return is;
}

static bool
expect(int status, const char *end, long alone)
{
    static struct look look;

    look = (struct look){status, end, alone, look.n};
    return town_wait(is_so, &look);
}

static void
test_city_goes_on_alone_and_says_so(void)
{
    open_city("yes");
    CU_ASSERT_TRUE(expect(202, "", 0));
    redis_one_kill(&replica);
    CU_ASSERT_TRUE(expect(202, "replicas missing: acknowledging what a fail-over may lose\n", 1));
    CU_ASSERT(town_metric(&town, TOWN_INVENTORY, "redis_alone_calls_total") > 0);
    CU_ASSERT(town_metric(&town, TOWN_INVENTORY, "redis_waits_short_total") > 0);
    redis_one_start(&replica, &primary);
    CU_ASSERT_TRUE(expect(202, "", 0));
    close_city();
}

static void
test_city_acknowledges_nothing_and_says_so(void)
{
    open_city("no");
    CU_ASSERT_TRUE(expect(202, "", 0));
    redis_one_kill(&replica);
    CU_ASSERT_TRUE(expect(503, "replicas missing: nothing is acknowledged\n", 0));
    CU_ASSERT_EQUAL(town_metric(&town, TOWN_INVENTORY, "redis_alone_calls_total"), 0);
    redis_one_start(&replica, &primary);
    CU_ASSERT_TRUE(expect(202, "", 0));
    close_city();
}

UNIT_MAIN("alone", UNIT(test_city_goes_on_alone_and_says_so),
          UNIT(test_city_acknowledges_nothing_and_says_so))
