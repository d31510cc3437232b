/* The places of couriers, as the router's core takes them from phones and writes them to Redis. */
#include "router_world.h"
#include "unit.h"

static void
test_router_writes_where_couriers_are_though_one_is_at_a_pole(void)
{
    struct world *w = w_new();

    w_sign_on(w, 1, 100, 8);
    w_sign_on(w, 2, 200, 8);
    w_pass(w, 20000);
    w->seen = 0;
    w_position_at(w, 2, (struct latlng){900000000, 0}, w->now_ms);
    w_position(w, 1, 150);
    w_pass(w, 20000);
    CU_ASSERT(w->seen > 0);
    w_free(w);
}

static void
check_seen(const struct world *w, int metres)
{
    struct latlng at = w_at(metres);

    CU_ASSERT(abs(w->seen_at.lat_e7 - at.lat_e7) <= 10);
    CU_ASSERT(abs(w->seen_at.lng_e7 - at.lng_e7) <= 10);
}

/* A phone that knows no time, or is an hour ahead, is where it says now; what it or another phone
 * of the courier says next counts as well. */
static void
test_router_takes_a_place_without_a_time_or_of_the_future_as_of_now(void)
{
    enum { HOUR_MS = 3600000 };
    static const int64_t said_ms[] = {0, -1, HOUR_MS};

    for (size_t i = 0; i < sizeof said_ms / sizeof *said_ms; i++) {
        struct world *w = w_new();
        w_sign_on(w, 1, 100, 8);
        w_position(w, 1, 100);
        w_pass(w, 20000);
        w_position_said(w, 1, 900, said_ms[i] <= 0 ? said_ms[i] : w->now_ms + said_ms[i]);
        w_pass(w, 20000);
        check_seen(w, 900);
        w_position(w, 1, 300);
        w_pass(w, 20000);
        check_seen(w, 300);
        w_free(w);
    }
}

UNIT_MAIN("router places", UNIT(test_router_writes_where_couriers_are_though_one_is_at_a_pole),
          UNIT(test_router_takes_a_place_without_a_time_or_of_the_future_as_of_now))
