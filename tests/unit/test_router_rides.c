/* What counts as a ride that the router may learn from, and how long it took. */
#include "learn_rig.h"

#include "router/rides.h"

static unsigned
say_at(struct world *w, Lifecircle__V1__ReportKind kind, const struct w_order *o, int64_t time_ms)
{
    Lifecircle__V1__CourierReport m = LIFECIRCLE__V1__COURIER_REPORT__INIT;
    char id[32];

    snprintf(id, sizeof id, "t%llu", (unsigned long long)w->tag);
    m.courier = 1;
    m.action_id = id;
    m.kind = kind;
    m.order_id = (char *)o->text;
    m.time_ms = time_ms;
    return w_report(w, &m);
}

static void
test_router_learns_nothing_unless_asked(void)
{
    struct world *w = town("off");
    struct w_order *o = carried(w);

    enroute(w, o);
    cycle(w, 0, FAR_M, FAR_S);
    arrived(w, o);
    w_pass(w, 1000 * LEARN_S);
    CU_ASSERT_EQUAL(rides(w, "counted"), 0);
    CU_ASSERT_EQUAL(w->speeds_puts, 0);
    w_free(w);
}

static void
test_router_counts_the_ride_without_the_waiting(void)
{
    static const struct {
        int before_s, ride_s, after_s;
        unsigned pct;
    } row[] = {{0, FAR_S, 0, 100},
               {0, 2 * FAR_S, 0, 200},
               {200, FAR_S * 3 / 2, 0, 150},
               {0, FAR_S * 3 / 2, 400, 150},
               {400, FAR_S, 300, 100}};

    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        struct world *w = town("watch");
        struct w_order *o = carried(w);
        enroute(w, o);
        cycle(w, 0, 10, row[i].before_s); /* in front of the shop */
        cycle(w, 0, FAR_M, row[i].ride_s);
        cycle(w, FAR_M, FAR_M, row[i].after_s); /* at the door */
        arrived(w, o);
        CU_ASSERT_EQUAL(rides(w, "counted"), 1);
        w_pass(w, 1000 * LEARN_S);
        CU_ASSERT_TRUE(near(kept_pct(w), row[i].pct));
        CU_ASSERT_EQUAL(pace(w), 100);
        w_free(w);
    }
}

static void
test_router_takes_the_phones_times_when_both_are_late(void)
{
    struct world *w = town("watch");
    struct w_order *o = carried(w);
    int64_t now_ms = w->now_ms;

    /* through a tunnel: both come at once, at its end */
    w_pass(w, 60000);
    CU_ASSERT_EQUAL(say_at(w, W_KIND(ENROUTE), o, now_ms - 1000 * (2 * FAR_S) - 100000),
                    W_OUTCOME(DONE));
    CU_ASSERT_EQUAL(say_at(w, W_KIND(ARRIVED), o, now_ms - 100000), W_OUTCOME(DONE));
    CU_ASSERT_EQUAL(rides(w, "counted"), 1);
    w_pass(w, 1000 * LEARN_S);
    CU_ASSERT_TRUE(near(kept_pct(w), 200));
    w_free(w);
}

static void
no_start(struct world *w, const struct w_order *o)
{
    cycle(w, 0, FAR_M, FAR_S);
    arrived(w, o);
}

static void
no_place(struct world *w, const struct w_order *o)
{
    w_pass(w, 100000); /* nothing was heard meanwhile */
    enroute(w, o);
}

static void
left(struct world *w, const struct w_order *o)
{
    const struct w_order *other = carried(w);

    enroute(w, o);
    enroute(w, other);
}

static void
elsewhere(struct world *w, const struct w_order *o)
{
    enroute(w, o);
    cycle(w, 0, FAR_M / 2, FAR_S);
    arrived(w, o);
}

static void
stood(struct world *w, const struct w_order *o)
{
    enroute(w, o);
    cycle(w, 0, FAR_M / 2, FAR_S / 2);
    cycle(w, FAR_M / 2, FAR_M / 2, 320);
    cycle(w, FAR_M / 2, FAR_M, FAR_S / 2);
    arrived(w, o);
}

static void
detour(struct world *w, const struct w_order *o)
{
    enroute(w, o);
    cycle(w, 0, -2 * FAR_M, FAR_S);
    cycle(w, -2 * FAR_M, FAR_M, FAR_S);
    arrived(w, o);
}

static void
clock(struct world *w, const struct w_order *o)
{
    CU_ASSERT_EQUAL(say_at(w, W_KIND(ENROUTE), o, w->now_ms - 500000), W_OUTCOME(DONE));
    cycle(w, 0, FAR_M, FAR_S);
    arrived(w, o); /* and nothing is said of when */
}

/* backwards: the phone's clock is set back by an hour on the way. */
static void
backwards(struct world *w, const struct w_order *o)
{
    CU_ASSERT_EQUAL(say_at(w, W_KIND(ENROUTE), o, w->now_ms), W_OUTCOME(DONE));
    cycle(w, 0, FAR_M, FAR_S);
    CU_ASSERT_EQUAL(say_at(w, W_KIND(ARRIVED), o, w->now_ms - HOUR_MS), W_OUTCOME(DONE));
}

/* ours: the daemon's clock is set back by an hour on the way: its time stands still, and positions
 * that seem older than the last one count for nothing. */
static void
ours(struct world *w, const struct w_order *o)
{
    enroute(w, o);
    cycle(w, 0, FAR_M / 2, FAR_S / 2);
    w->now_ms -= HOUR_MS;
    cycle(w, FAR_M / 2, FAR_M, FAR_S / 2);
    arrived(w, o);
}

static void
last_year(struct world *w, const struct w_order *o)
{
    CU_ASSERT_EQUAL(say_at(w, W_KIND(ENROUTE), o, w->now_ms - 365 * INT64_C(24) * HOUR_MS),
                    W_OUTCOME(DONE));
    cycle(w, 0, FAR_M, FAR_S);
    CU_ASSERT_EQUAL(say_at(w, W_KIND(ARRIVED), o, w->now_ms), W_OUTCOME(DONE));
}

static void
next_year(struct world *w, const struct w_order *o)
{
    enroute(w, o);
    cycle(w, 0, FAR_M, FAR_S);
    CU_ASSERT_EQUAL(say_at(w, W_KIND(ARRIVED), o, w->now_ms + 365 * INT64_C(24) * HOUR_MS),
                    W_OUTCOME(DONE));
}

/* ahead: our clock leaps a day on the way. */
static void
ahead(struct world *w, const struct w_order *o)
{
    enroute(w, o);
    cycle(w, 0, FAR_M / 2, FAR_S / 2);
    w->now_ms += 24 * HOUR_MS;
    cycle(w, FAR_M / 2, FAR_M, FAR_S / 2);
    arrived(w, o);
}

static void
implausible(struct world *w, const struct w_order *o)
{
    enroute(w, o);
    cycle(w, 0, FAR_M, 100);
    arrived(w, o);
}

static void
test_router_says_why_it_learns_nothing_of_a_ride(void)
{
    static const struct {
        const char *why;
        void (*ride)(struct world *w, const struct w_order *o);
    } row[] = {{"no_start", no_start}, {"no_place", no_place},
               {"left", left},         {"elsewhere", elsewhere},
               {"stood", stood},       {"detour", detour},
               {"clock", clock},       {"implausible", implausible},
               {"clock", backwards},   {"elsewhere", ours},
               {"clock", last_year},   {"clock", next_year},
               {"implausible", ahead}};

    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        struct world *w = town("watch");
        row[i].ride(w, carried(w));
        if (rides(w, row[i].why) != 1)
            printf("\n    not %s\n", row[i].why);
        CU_ASSERT_EQUAL(rides(w, row[i].why), 1);
        CU_ASSERT_EQUAL(rides(w, "counted"), 0);
        w_free(w);
    }
}

/* However old a phone says that they are. */
static void
test_router_learns_from_so_many_rides_of_a_courier_an_hour(void)
{
    enum { RIDES = RIDES_AN_HOUR + 2 };
    struct world *w = town("watch");

    for (int i = 0; i < RIDES; i++) {
        struct w_order *o = carried(w);
        int64_t end_ms = w->now_ms - 100000 - (i % 2) * (int64_t)HOUR_MS;
        w_position(w, 1, 0);
        CU_ASSERT_EQUAL(say_at(w, W_KIND(ENROUTE), o, end_ms - 1000 * FAR_S), W_OUTCOME(DONE));
        CU_ASSERT_EQUAL(say_at(w, W_KIND(ARRIVED), o, end_ms), W_OUTCOME(DONE));
        CU_ASSERT_EQUAL(w_deliver(w, 1, o, NULL), W_OUTCOME(DONE));
    }
    CU_ASSERT_EQUAL(rides(w, "counted"), RIDES_AN_HOUR);
    CU_ASSERT_EQUAL(rides(w, "often"), 2);
    w_free(w);
}

static void
test_router_judges_no_ride_without_a_map(void)
{
    struct world *w = town("watch");
    struct w_order *o = carried(w);

    enroute(w, o);
    cycle(w, 0, FAR_M, FAR_S);
    w_feed(w, (struct event){.kind = EVENT_ROADS});
    arrived(w, o);
    CU_ASSERT_EQUAL(rides(w, "no_map"), 1);
    w_free(w);
}

UNIT_MAIN("router rides", UNIT(test_router_learns_nothing_unless_asked),
          UNIT(test_router_counts_the_ride_without_the_waiting),
          UNIT(test_router_takes_the_phones_times_when_both_are_late),
          UNIT(test_router_says_why_it_learns_nothing_of_a_ride),
          UNIT(test_router_learns_from_so_many_rides_of_a_courier_an_hour),
          UNIT(test_router_judges_no_ride_without_a_map))
