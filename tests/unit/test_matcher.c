#include "unit.h"

#include "matcher_world.h"

static const struct latlng home = {392850000, -765900000};

static struct latlng
north_of(struct latlng p, int32_t m)
{
    p.lat_e7 += m * 90;
    return p;
}

static void
test_match_places_at_the_nearest_store(void)
{
    struct world w;
    struct world_shop s;
    struct world_order o;

    world_open(&w, NULL, 0);
    world_put_store(&w, world_store(&s, 1, north_of(home, 1200), 3000));
    world_put_store(&w, world_store(&s, 2, north_of(home, -700), 3000));
    world_put_store(&w, world_store(&s, 3, north_of(home, 900), 3000));
    world_up(&w);
    world_ask(&w, world_order(&o, &w, 1, home), false);
    CU_ASSERT_EQUAL_FATAL(w.results, 1);
    CU_ASSERT_EQUAL(w.result[0].outcome, LIFECIRCLE__V1__MATCH_RESULT__OUTCOME__PLACED_NOW);
    CU_ASSERT_EQUAL(w.result[0].store, 2);
    CU_ASSERT_STRING_EQUAL(w.result[0].order_id, o.id);
    CU_ASSERT_EQUAL(w.geosearches, 1);
    world_close(&w);
}

UNIT_MAIN("matcher", UNIT(test_match_places_at_the_nearest_store))
