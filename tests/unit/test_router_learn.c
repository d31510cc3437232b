/* What the router makes of the rides it has seen: it plans by them, writes them, forgets them. */
#include "learn_rig.h"

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

UNIT_MAIN("router learns", UNIT(test_router_plans_by_what_it_has_learnt),
          UNIT(test_router_changes_over_with_the_hour),
          UNIT(test_router_learns_until_it_plans_by_it), UNIT(test_router_keeps_what_it_has_learnt),
          UNIT(test_router_keeps_a_ride_through_a_rebuild),
          UNIT(test_router_writes_nothing_for_another_owner),
          UNIT(test_router_forgets_when_it_is_told), UNIT(test_router_refuses_another_word))
