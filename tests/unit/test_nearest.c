/* The nearest-store answer against a scan over all stores that shares nothing with the matcher but
 * travel times and opening hours: random zones, hours, busy modes, loads, windows, rankings and
 * stock, while stores move, pause and change. Prints its seed. */
#include "nearest_agree.h"

enum { ORDERS = 10000 };

static void
test_match_agrees_with_a_scan_over_all_stores(void)
{
    agree("300", BY_ESTIMATE, ORDERS);
}

static void
test_match_agrees_where_neighbourhoods_know_few_stores(void)
{
    agree("12", BY_ESTIMATE, ORDERS);
}

/* By the times that a routing server gives, and by the estimate where it fails. */
static void
test_match_agrees_with_a_scan_by_a_servers_roads(void)
{
    agree("300", BY_SERVER, ORDERS / 4);
    agree("12", BY_SERVER, ORDERS / 4);
}

UNIT_MAIN("nearest", UNIT(test_match_agrees_with_a_scan_over_all_stores),
          UNIT(test_match_agrees_where_neighbourhoods_know_few_stores),
          UNIT(test_match_agrees_with_a_scan_by_a_servers_roads))
