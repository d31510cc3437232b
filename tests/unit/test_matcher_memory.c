/* The matcher when memory runs out: each allocation of a story fails once, in turn. Nothing may
 * crash, leak or hang, and soon afterwards an order is matched as ever. */
#include "failing_memory.h"
#include "unit.h"

#include "matcher_street.h"

#if MEMORY_FAILS
/* GEOS is left out: it loses a block when its own memory fails, and calls what it could not look at
 * an invalid zone. These are C++'s operators new and delete. */
void *_Znwm(size_t n);
void _ZdlPv(void *p);
void _ZdlPvm(void *p, size_t n);

void *
_Znwm(size_t n)
{
    return __libc_malloc(n);
}

void
_ZdlPv(void *p)
{
    __libc_free(p);
}

void
_ZdlPvm(void *p, size_t n)
{
    (void)n;
    __libc_free(p);
}
#endif

static void
around(bool in)
{
    inside = in;
}

static void
nearby(struct world *w)
{
    Lifecircle__V1__Envelope env = LIFECIRCLE__V1__ENVELOPE__INIT;
    Lifecircle__V1__MatchRequest m = LIFECIRCLE__V1__MATCH_REQUEST__INIT;
    Lifecircle__V1__NearbyQuery q = LIFECIRCLE__V1__NEARBY_QUERY__INIT, *qs[1] = {&q};
    Lifecircle__V1__Point at = LIFECIRCLE__V1__POINT__INIT;
    uint32_t sku = 1;

    at.lat_e7 = home.lat_e7;
    at.lng_e7 = home.lng_e7;
    q.chain = 1;
    q.at = &at;
    q.limit = 5;
    q.n_sku_indexes = 1;
    q.sku_indexes = &sku;
    m.n_nearby = 1;
    m.nearby = qs;
    env.body_case = LIFECIRCLE__V1__ENVELOPE__BODY_MATCH_REQUEST;
    env.match_request = &m;
    world_send(w, &env, 5);
    world_settle(w);
}

/* Whether the matcher is up in the end: a failed start is the shell's to repeat. */
static bool
story(struct world *w, struct world_order *o)
{
    static const uint32_t stocked = 12;

    w->stock = only_one_store;
    w->ctx = (void *)(uintptr_t)&stocked;
    row_of_stores(w, 14);
    world_up(w);
    world_ask(w, world_order(o, w, 1, home), false); /* two rounds */
    world_ask(w, world_order(o, w, 2, home), true);
    nearby(w);
    forecast(w, 1);
    world_add_row(w, world_order(o, w, 3, north_of(home, 400)), false, w->now_ms);
    put(w, 15, north_of(home, 500), 4000);
    news(w);
    world_wait(w, 300);
    world_order(o, w, 4, home)->window_start_ms += 7200000;
    o->order.window_end_ms += 10800000;
    world_ask(w, &o->order, false);
    return world_core(w)->started;
}

static bool
heals(struct world *w, struct world_order *o)
{
    world_wait(w, 13000); /* what was lost is asked again, what was claimed is due again */
    if (count(w, COUNT_JOBS) != 0)
        return false;
    world_ask(w, world_order(o, w, 5, home), false);
    return w->results == 1 &&
           w->result[0].outcome == LIFECIRCLE__V1__MATCH_RESULT__OUTCOME__PLACED_NOW &&
           w->result[0].store == 12 && !w->row[0].there;
}

/* A routing server that agrees with the crow. */
static enum travel_end
roads(struct world *w, const struct travel_ask *ask, struct travel_cell *cell)
{
    const struct travel *t = travel_estimate();
    enum travel_quality quality;

    (void)w;
    if (t->matrix(t, ask->from, ask->from_n, ask->to, ask->to_n, ask->mode, ask->depart_ms, cell,
                  &quality) != LC_OK)
        abort();
    return TRAVEL_ANSWERED;
}

static void
survive(const struct config_item *items, size_t n_items)
{
    struct world w;
    struct world_order o;
    unsigned sick = 0;
    long n = 0;

    do {
        long before = live;
        world_open(&w, items, n_items);
        w.roads = roads;
        w.around = around;
        fail_at = ++n;
        failed = false;
        bool up = story(&w, &o);
        fail_at = 0;
        if (!up || !heals(&w, &o)) {
            printf("\n    ill after allocation %ld ", n);
            sick++;
        }
        world_close(&w);
        if (live != before) {
            printf("\n    allocation %ld: %ld blocks leaked ", n, live - before);
            sick++;
        }
    } while (failed && sick < 20);
    printf("\n    %ld allocations failed, one at a time ", n - 1);
    CU_ASSERT_EQUAL(sick, 0);
#if MEMORY_FAILS
    CU_ASSERT(n > 100);
#endif
}

static void
test_matcher_survives_every_allocation_that_fails(void)
{
    survive(NULL, 0);
}

static void
test_matcher_survives_them_with_a_routing_server(void)
{
    static const struct config_item items[] = {
        {SLICE_LIT("travel-osrm"), SLICE_LIT("http://roads:5000")}};

    survive(items, 1);
}

UNIT_MAIN("matcher memory", UNIT(test_matcher_survives_every_allocation_that_fails),
          UNIT(test_matcher_survives_them_with_a_routing_server))
