/* The router learns from rides how long ways take, and plans by it. The world's map is a street
 * along which a bicycle rides 5 m a second; store 1 stands at 0 m. */
#include "router_world.h"

#include "base/speeds.h"
#include "router/rides.h"
#include "unit.h"

enum {
    CYCLE = 5,
    FAR_M = 2500,
    FAR_S = FAR_M / CYCLE,
    PROMISE_S = 7200,
    LEARN_S = 300,
    PICKUP_S = 60,
    HOUR_MS = 3600000
};
enum { HOUR = 3 * 24 + 8 }; /* of the week, when the world begins: Thursday, 08:53:20 */

static enum lc_err
street(const struct travel *t, const struct latlng *from, size_t from_n, const struct latlng *to,
       size_t to_n, enum travel_mode mode, int64_t depart_ms, struct travel_cell *out,
       enum travel_quality *quality)
{
    (void)t, (void)mode, (void)depart_ms;
    for (size_t i = 0; i < from_n * to_n; i++) {
        double m = geo_distance_m(from[i / to_n], to[i % to_n]);
        out[i] = (struct travel_cell){(uint32_t)(m / CYCLE + 0.5), (uint32_t)m};
    }
    *quality = TRAVEL_ROAD;
    return LC_OK;
}

static uint32_t
street_bound_s(const struct travel *t, struct latlng a, struct latlng b, enum travel_mode mode)
{
    (void)t, (void)mode;
    return (uint32_t)(geo_distance_m(a, b) / CYCLE);
}

static const struct travel map = {.matrix = street, .lower_bound_s = street_bound_s};

static struct world *
town(const char *learn)
{
    struct world *w = calloc(1, sizeof *w);

    w->now_ms = 1760000000000;
    w->arena = arena_new((size_t)1 << 30);
    w->map = &map;
    w->learn = learn;
    w_boot(w, 42);
    return w;
}

static uint64_t
rides(struct world *w, const char *end)
{
    char name[64];

    snprintf(name, sizeof name, "rides_total{end=\"%s\"}", end);
    return w_counter(w, name);
}

static uint64_t
pace(struct world *w)
{
    return w_counter(w, "travel_time_percent{mode=\"bicycle\"}");
}

/* 40 rides of this hour, by four couriers, as if they had been kept. */
static void
known(struct world *w, unsigned hour, uint32_t pct)
{
    struct speeds *s = calloc(1, sizeof *s);
    char field[16];

    for (uint32_t i = 0; i < 40; i++)
        CU_ASSERT_EQUAL(speeds_ride(s, TRAVEL_BICYCLE, hour, speeds_week(NULL, w->now_ms),
                                    1 + i % 4, 600, INT64_C(6000) * pct),
                        SPEEDS_COUNTED);
    snprintf(field, sizeof field, "1:%u", hour);
    struct buf *b = &w_speed(w, slice_str(field))->bytes;
    buf_reset(b);
    speeds_cell_put(b, &s->cell[TRAVEL_BICYCLE][hour]);
    free(s);
}

static struct world *
town_that_knows(const char *learn, unsigned hour, uint32_t pct)
{
    struct world *w = calloc(1, sizeof *w);

    w->now_ms = 1760000000000;
    w->arena = arena_new((size_t)1 << 30);
    w->map = &map;
    w->learn = learn;
    known(w, hour, pct);
    w_boot(w, 42);
    return w;
}

/* Courier 1 has picked up an order at the store, to be brought FAR_M away. */
static struct w_order *
carried(struct world *w)
{
    if (w_stops(w, 1) == 0 && !w->shift[1].set)
        CU_ASSERT_EQUAL(w_sign_on(w, 1, 0, 12), W_OUTCOME(DONE));
    struct w_order *o = w_place(w, FAR_M, 0, PROMISE_S);
    w_pass(w, 2000);
    CU_ASSERT_EQUAL(w_say(w, 1, W_KIND(ACCEPT), NULL), W_OUTCOME(DONE));
    CU_ASSERT_EQUAL(w_say(w, 1, W_KIND(PICKED), o), W_OUTCOME(DONE));
    return o;
}

/* Positions from here to there, every 20 s. */
static void
cycle(struct world *w, int from_m, int to_m, int seconds)
{
    for (int s = 20; s <= seconds; s += 20) {
        w_pass(w, 20000);
        w_position(w, 1, from_m + (to_m - from_m) * s / seconds);
    }
}

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
enroute(struct world *w, const struct w_order *o)
{
    CU_ASSERT_EQUAL(w_say(w, 1, W_KIND(ENROUTE), o), W_OUTCOME(DONE));
}

static void
arrived(struct world *w, const struct w_order *o)
{
    CU_ASSERT_EQUAL(w_say(w, 1, W_KIND(ARRIVED), o), W_OUTCOME(DONE));
}

/* The hour's percentage as it would be after many rides like the one that is kept. */
static unsigned
kept_pct(struct world *w)
{
    struct speeds *s = calloc(1, sizeof *s);
    struct speeds_profile *p = calloc(1, sizeof *p);
    struct speeds_cell one;
    const struct w_speed *kept = NULL;

    for (size_t i = 0; i < w->n_speeds; i++)
        if (strcmp(w->speed[i].field, "1:80") == 0 || strcmp(w->speed[i].field, "1:81") == 0)
            kept = &w->speed[i];
    CU_ASSERT_PTR_NOT_NULL_FATAL(kept);
    CU_ASSERT_EQUAL(speeds_cell_get(buf_slice(&kept->bytes), &one), LC_OK);
    for (size_t i = 0; i < SPEEDS_BINS; i++)
        one.bin[i] = (uint16_t)(one.bin[i] * 500);
    one.couriers = 7;
    s->cell[TRAVEL_BICYCLE][HOUR] = one;
    speeds_profile_make(p, s, 30);
    unsigned pct = speeds_pct(p, TRAVEL_BICYCLE, HOUR);
    free(p);
    free(s);
    return pct;
}

static bool
near(unsigned got, unsigned want)
{
    if (got + 5 >= want && got <= want + 5)
        return true;
    printf("\n    got %u, wanted %u\n", got, want);
    return false;
}

/* ---- what a ride is ---- */

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

/* ---- what is made of it ---- */

/* How long it is to the door, as planned when the goods are given to the courier. */
static int64_t
door_s(struct world *w)
{
    carried(w);
    w_pass(w, 250);
    const Lifecircle__V1__Route *route = w_route(w, 1);
    CU_ASSERT_PTR_NOT_NULL_FATAL(route);
    CU_ASSERT_EQUAL_FATAL(route->n_stops, 1);
    return (route->stops[0]->eta_ms - route->written_ms + 500) / 1000 - PICKUP_S;
}

static void
test_router_plans_by_what_it_has_learnt(void)
{
    static const struct {
        const char *learn;
        unsigned hour;
        int pct, want;
    } row[] = {{"on", HOUR, 160, 159},
               {"on", HOUR, 70, 71},
               {"on", HOUR + 2, 160, 100},
               {"watch", HOUR, 160, 100},
               {"off", HOUR, 160, 100}};

    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        struct world *w = town_that_knows(row[i].learn, row[i].hour, (uint32_t)row[i].pct);
        int64_t s = door_s(w);
        CU_ASSERT_TRUE(near((unsigned)pace(w), (unsigned)row[i].want));
        CU_ASSERT(llabs((long long)(s - FAR_S * (int64_t)pace(w) / 100)) <= 5);
        w_free(w);
    }
}

static int64_t
w_live_eta(const struct w_order *o)
{
    return w_head(o).live_eta_ms;
}

static void
test_router_changes_over_with_the_hour(void)
{
    struct world *w = town_that_knows("on", HOUR, 160);
    struct w_order *o = carried(w);

    CU_ASSERT(pace(w) > 140);
    enroute(w, o);
    while (w->now_ms % HOUR_MS < HOUR_MS - 2000) {
        w_position(w, 1, 0);
        w_pass(w, 1000);
    }
    CU_ASSERT(pace(w) > 140);
    int64_t before_ms = w_live_eta(o);
    CU_ASSERT(before_ms - w->now_ms > 1400 * (int64_t)FAR_S);
    w_position(w, 1, 0);
    w_pass(w, 5000);
    CU_ASSERT_EQUAL(pace(w), 100); /* one hour's rides are not enough for the next */
    CU_ASSERT(w_live_eta(o) < before_ms - 400 * (int64_t)FAR_S); /* and the customer hears of it */
    w_free(w);
}

static void
test_router_learns_until_it_plans_by_it(void)
{
    struct world *w = town_that_knows("on", HOUR, 100);
    struct speeds_profile *p = calloc(1, sizeof *p);
    struct speeds_made made;

    CU_ASSERT_EQUAL(pace(w), 100);
    known(w, HOUR, 150); /* another router's work, while this one was cut off */
    w_feed(w, (struct event){.kind = EVENT_REDIS_UP});
    w_effects(w);
    w_settle(w);
    w_pass(w, 2000);
    CU_ASSERT(pace(w) > 135);
    w_pass(w, 1000 * LEARN_S);
    CU_ASSERT_EQUAL(w->speeds_puts, 1); /* what people are shown */
    CU_ASSERT_EQUAL(
        speeds_profile_get(buf_slice(&w_speed(w, SLICE_LIT("profile"))->bytes), p, &made), LC_OK);
    CU_ASSERT_TRUE(made.applied);
    CU_ASSERT_EQUAL(made.least, 30);
    CU_ASSERT_TRUE(p->hour[TRAVEL_BICYCLE][HOUR].enough);
    CU_ASSERT_EQUAL(p->hour[TRAVEL_BICYCLE][HOUR].rides, 40);
    w_pass(w, 3000 * LEARN_S);
    CU_ASSERT_EQUAL(w->speeds_puts, 1); /* nothing new */
    free(p);
    w_free(w);
}

/* ---- who writes, and who does not ---- */

static void
ride(struct world *w)
{
    struct w_order *o = carried(w);

    enroute(w, o);
    cycle(w, 0, FAR_M, FAR_S);
    arrived(w, o);
    CU_ASSERT_EQUAL(rides(w, "counted"), 1);
}

static void
test_router_keeps_what_it_has_learnt(void)
{
    static const bool killed[] = {false, true};

    for (size_t i = 0; i < 2; i++) {
        struct world *w = town("watch");
        ride(w);
        unsigned before = w->speeds_puts; /* the profile, until then empty */
        if (killed[i])
            w_pass(w, 1000 * LEARN_S);
        else
            w_feed(w, (struct event){.kind = EVENT_STOP});
        w_effects(w);
        CU_ASSERT_EQUAL(w->speeds_puts, before + 1);
        CU_ASSERT_TRUE(near(kept_pct(w), 100));
        w_free(w);
    }
}

static void
test_router_keeps_a_ride_through_a_rebuild(void)
{
    struct world *w = town("watch");

    ride(w);
    unsigned before = w->speeds_puts;
    w_feed(w, (struct event){.kind = EVENT_REDIS_UP}); /* reads everything again */
    w_effects(w);
    w_settle(w);
    w_pass(w, 1000 * LEARN_S + 5000);
    CU_ASSERT(w_counter(w, "router_rebuilds_total") > 1);
    CU_ASSERT_EQUAL(w->speeds_puts, before + 1);
    CU_ASSERT_TRUE(near(kept_pct(w), 100));
    w_free(w);
}

static void
test_router_writes_nothing_for_another_owner(void)
{
    struct world *w = town("watch");

    ride(w);
    unsigned before = w->speeds_puts;
    w->epoch++;
    snprintf(w->owner, sizeof w->owner, "somebody-else");
    w->until_ms = w->now_ms + 3000;
    w_feed(w, (struct event){.kind = EVENT_STOP}); /* before it has noticed */
    w_effects(w);
    CU_ASSERT_EQUAL(w->speeds_puts, before);
    CU_ASSERT_EQUAL(w->fenced, 1);
    w_free(w);
}

static void
test_router_forgets_when_it_is_told(void)
{
    struct world *w = town_that_knows("on", HOUR, 160);

    CU_ASSERT(pace(w) > 140);
    w_speeds_reset(w);
    w_pass(w, 1000);
    CU_ASSERT_EQUAL(pace(w), 100);
    w_pass(w, 2000 * LEARN_S);
    CU_ASSERT_EQUAL(w_counter(w, "learnt_slots{mode=\"bicycle\"}"), 0);
    for (size_t i = 0; i < w->n_speeds; i++)
        CU_ASSERT_STRING_EQUAL(w->speed[i].field, "profile");
    w_free(w);
}

static void
test_router_refuses_another_word(void)
{
    const struct config_item items[] = {{SLICE_LIT("city"), SLICE_LIT("bal")},
                                        {SLICE_LIT("learn-speeds"), SLICE_LIT("perhaps")}};
    const struct config config = {items, 2};
    struct stepper *s = stepper_new(&router_service);
    struct event ev = {.kind = EVENT_START, .now_ms = 1, .config = &config};

    CU_ASSERT_EQUAL(stepper_feed(s, &ev), LC_EINVAL);
    stepper_destroy(s);
}

UNIT_MAIN("router learns", UNIT(test_router_learns_nothing_unless_asked),
          UNIT(test_router_counts_the_ride_without_the_waiting),
          UNIT(test_router_takes_the_phones_times_when_both_are_late),
          UNIT(test_router_says_why_it_learns_nothing_of_a_ride),
          UNIT(test_router_learns_from_so_many_rides_of_a_courier_an_hour),
          UNIT(test_router_judges_no_ride_without_a_map),
          UNIT(test_router_plans_by_what_it_has_learnt),
          UNIT(test_router_changes_over_with_the_hour),
          UNIT(test_router_learns_until_it_plans_by_it), UNIT(test_router_keeps_what_it_has_learnt),
          UNIT(test_router_keeps_a_ride_through_a_rebuild),
          UNIT(test_router_writes_nothing_for_another_owner),
          UNIT(test_router_forgets_when_it_is_told), UNIT(test_router_refuses_another_word))
