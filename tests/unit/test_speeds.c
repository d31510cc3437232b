/* What is learnt of rides: planted truth, and everything that must not move it. */
#include "base/speeds.h"
#include "unit.h"

#include <stdio.h>

enum {
    WEEK = 2900, /* when the tests begin */
    MAP_S = 600,
    LEAST = 30,
    TUESDAY_18 = 24 + 18,
    SUNDAY_4 = 6 * 24 + 4
};

static struct speeds *s;
static struct speeds_profile p;
static uint64_t chance;

static void
begin(void)
{
    free(s);
    s = calloc(1, sizeof *s);
    CU_ASSERT_PTR_NOT_NULL_FATAL(s);
    chance = 7;
}

static uint32_t
dice(uint32_t n)
{
    chance = chance * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((chance >> 33) % n);
}

/* A ride of so many percent of the map's time, by one of ten couriers. */
static enum speeds_verdict
ride(enum travel_mode mode, unsigned hour, uint32_t week, uint32_t pct)
{
    return speeds_ride(s, mode, hour, week, 1 + dice(10), MAP_S, (int64_t)MAP_S * 10 * pct);
}

/* The same, with what lights and legs do to it: up to 30 % either way, mostly less. */
static void
noisy(enum travel_mode mode, unsigned hour, uint32_t week, uint32_t pct)
{
    ride(mode, hour, week, pct * (700 + dice(201) + dice(201) + dice(201)) / 1000);
}

static unsigned
learnt(enum travel_mode mode, unsigned hour, uint32_t least)
{
    speeds_profile_make(&p, s, least);
    return speeds_pct(&p, mode, hour);
}

static bool
within(unsigned got, unsigned want, unsigned by)
{
    if (got + by >= want && got <= want + by)
        return true;
    printf("\n    got %u, wanted %u\n", got, want);
    return false;
}

static bool
rush(unsigned hour)
{
    return hour < 5 * 24 && (hour % 24 == 8 || (hour % 24 >= 17 && hour % 24 < 20));
}

/* Rush hours at 0.6 of the map's speed; a night on Sunday that is faster; else as the map says. One
 * ride in eight is a courier who had a coffee, or a phone that lies. */
static void
plant(unsigned weeks, unsigned rides)
{
    for (uint32_t w = 0; w < weeks; w++)
        for (unsigned h = 0; h < SPEEDS_HOURS; h++)
            for (unsigned i = 0; i < rides; i++) {
                if (dice(16) == 0)
                    ride(TRAVEL_BICYCLE, h, WEEK + w, 390);
                else if (dice(16) == 0)
                    ride(TRAVEL_BICYCLE, h, WEEK + w, 26);
                else
                    noisy(TRAVEL_BICYCLE, h, WEEK + w, rush(h) ? 167 : h == SUNDAY_4 ? 80 : 100);
            }
}

static void
test_speeds_finds_the_hours_that_were_planted(void)
{
    begin();
    plant(6, 15);
    speeds_profile_make(&p, s, LEAST);
    for (unsigned h = 0; h < SPEEDS_HOURS; h++) {
        CU_ASSERT_TRUE(p.hour[TRAVEL_BICYCLE][h].enough);
        if (h != SUNDAY_4)
            CU_ASSERT_TRUE(within(speeds_pct(&p, TRAVEL_BICYCLE, h), rush(h) ? 167 : 100, 6));
    }
    CU_ASSERT_TRUE(within(speeds_pct(&p, TRAVEL_BICYCLE, SUNDAY_4), 80, 6));
    CU_ASSERT_EQUAL(speeds_pct(&p, TRAVEL_CAR, TUESDAY_18), 100); /* another mode */
}

static void
test_speeds_is_exactly_the_map_before_enough_was_seen(void)
{
    static const struct {
        unsigned rides, couriers;
        bool enough;
    } row[] = {{0, 10, false}, {29, 10, false}, {30, 10, true}, {300, 2, false}, {300, 3, true}};

    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        begin();
        for (unsigned k = 0; k < row[i].rides; k++)
            CU_ASSERT_EQUAL(speeds_ride(s, TRAVEL_VAN, TUESDAY_18, WEEK, 1 + k % row[i].couriers,
                                        MAP_S, INT64_C(1500) * MAP_S),
                            SPEEDS_COUNTED);
        unsigned pct = learnt(TRAVEL_VAN, TUESDAY_18, LEAST);
        CU_ASSERT_EQUAL(p.hour[TRAVEL_VAN][TUESDAY_18].enough, row[i].enough);
        CU_ASSERT_EQUAL(p.hour[TRAVEL_VAN][TUESDAY_18].rides, row[i].rides);
        CU_ASSERT_EQUAL(pct != 100, row[i].enough);
        CU_ASSERT_EQUAL(learnt(TRAVEL_VAN, SUNDAY_4, LEAST), 100);
    }
}

static void
test_speeds_of_hours_alike_help_each_other(void)
{
    begin();
    for (unsigned day = 0; day < 5; day++)
        for (int i = 0; day != 2 && i < 40; i++)
            noisy(TRAVEL_CAR, day * 24 + 18, WEEK, 160);
    CU_ASSERT_TRUE(within(learnt(TRAVEL_CAR, 2 * 24 + 18, LEAST), 156, 5)); /* nobody rode then */
    CU_ASSERT_EQUAL(learnt(TRAVEL_CAR, 2 * 24 + 12, LEAST), 100);
    CU_ASSERT_EQUAL(learnt(TRAVEL_CAR, 5 * 24 + 18, LEAST), 100); /* Saturdays are others */
}

static void
test_speeds_stays_when_a_quarter_lies(void)
{
    static const uint32_t lie[] = {26, 399};

    for (size_t k = 0; k < 2; k++) {
        begin();
        for (int i = 0; i < 400; i++)
            if (i % 5 == 0)
                ride(TRAVEL_FOOT, TUESDAY_18, WEEK, lie[k]);
            else
                noisy(TRAVEL_FOOT, TUESDAY_18, WEEK, 120);
        CU_ASSERT_TRUE(within(learnt(TRAVEL_FOOT, TUESDAY_18, LEAST), 120, 8));
    }
}

static void
test_speeds_of_one_ride_hardly_move(void)
{
    begin();
    for (int i = 0; i < 60; i++)
        noisy(TRAVEL_FOOT, TUESDAY_18, WEEK, 120);
    unsigned before = learnt(TRAVEL_FOOT, TUESDAY_18, LEAST);
    for (int i = 0; i < 3; i++)
        CU_ASSERT_EQUAL(ride(TRAVEL_FOOT, TUESDAY_18, WEEK, 399), SPEEDS_COUNTED);
    CU_ASSERT_TRUE(within(learnt(TRAVEL_FOOT, TUESDAY_18, LEAST), before, 2));
}

static void
test_speeds_ride_says_what_is_none(void)
{
    static const struct {
        uint32_t map_s;
        int64_t observed_ms;
        enum speeds_verdict verdict;
    } row[] = {
        {119, 119000, SPEEDS_SHORT},          {120, 120000, SPEEDS_COUNTED},
        {400, 99999, SPEEDS_IMPLAUSIBLE},     {400, 100000, SPEEDS_COUNTED},
        {400, 1599999, SPEEDS_COUNTED},       {400, 1600000, SPEEDS_IMPLAUSIBLE},
        {400, 0, SPEEDS_IMPLAUSIBLE},         {400, -5000000, SPEEDS_IMPLAUSIBLE},
        {400, INT64_MAX, SPEEDS_IMPLAUSIBLE}, {TRAVEL_UNREACHABLE, 600000, SPEEDS_IMPLAUSIBLE},
    };

    begin();
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        struct speeds_cell *c = &s->cell[TRAVEL_CAR][i];
        CU_ASSERT_EQUAL(
            speeds_ride(s, TRAVEL_CAR, (unsigned)i, WEEK, 1, row[i].map_s, row[i].observed_ms),
            row[i].verdict);
        CU_ASSERT_EQUAL(c->changed, row[i].verdict == SPEEDS_COUNTED);
    }
}

static void
test_speeds_is_bounded(void)
{
    static const struct {
        uint32_t pct;
        unsigned bound;
    } row[] = {{395, SPEEDS_PCT_MAX}, {26, SPEEDS_PCT_MIN}};

    for (size_t i = 0; i < 2; i++) {
        begin();
        for (int k = 0; k < 500; k++)
            ride(TRAVEL_SCOOTER, TUESDAY_18, WEEK, row[i].pct);
        CU_ASSERT_EQUAL(learnt(TRAVEL_SCOOTER, TUESDAY_18, LEAST), row[i].bound);
    }
}

static void
test_speeds_forgets_old_weeks(void)
{
    begin();
    for (int i = 0; i < 200; i++)
        ride(TRAVEL_CAR, TUESDAY_18, WEEK, 200);
    for (uint32_t w = 1; w <= 10; w++) /* the road works are over */
        for (int i = 0; i < 20; i++)
            ride(TRAVEL_CAR, TUESDAY_18, WEEK + w, 100);
    CU_ASSERT_TRUE(within(learnt(TRAVEL_CAR, TUESDAY_18, LEAST), 105, 5));
    speeds_age(s, WEEK + 12);
    speeds_age(s, WEEK); /* a clock that was set back changes nothing */
    CU_ASSERT_TRUE(within(learnt(TRAVEL_CAR, TUESDAY_18, LEAST), 105, 5));
    speeds_age(s, WEEK + 100);
    CU_ASSERT_EQUAL(learnt(TRAVEL_CAR, TUESDAY_18, 1), 100);
    CU_ASSERT_EQUAL(p.hour[TRAVEL_CAR][TUESDAY_18].rides, 0);
    CU_ASSERT_EQUAL(p.hour[TRAVEL_CAR][TUESDAY_18].couriers, 0);
}

static void
test_speeds_holds_any_number_of_rides(void)
{
    begin();
    for (int i = 0; i < 20000; i++)
        ride(TRAVEL_EBIKE, TUESDAY_18, WEEK, 140);
    CU_ASSERT_TRUE(within(learnt(TRAVEL_EBIKE, TUESDAY_18, LEAST), 140, 1));
    CU_ASSERT(p.hour[TRAVEL_EBIKE][TUESDAY_18].rides > 500);
}

static void
test_speeds_hour_is_the_citys_own(void)
{
    CU_ASSERT_EQUAL(speeds_hour(NULL, 0), 3 * 24); /* Thursday */
    CU_ASSERT_EQUAL(speeds_week(NULL, 0), 0);
    CU_ASSERT_EQUAL(speeds_week(NULL, INT64_C(4) * 86400000 - 1), 0);
    CU_ASSERT_EQUAL(speeds_week(NULL, INT64_C(4) * 86400000), 1); /* Monday */
    CU_ASSERT_EQUAL(speeds_hour(NULL, INT64_C(4) * 86400000), 0);
    CU_ASSERT_EQUAL(speeds_hour(NULL, INT64_C(4) * 86400000 - 1), SPEEDS_HOURS - 1);
    CU_ASSERT_EQUAL(speeds_week(NULL, -86400000 * INT64_C(30)), 0);
}

static void
test_speeds_cell_survives_its_bytes(void)
{
    struct buf b = {0};
    struct speeds_cell back = {.week = 5};

    begin();
    for (int i = 0; i < 50; i++)
        noisy(TRAVEL_CAR, TUESDAY_18, WEEK, 130);
    struct speeds_cell *c = &s->cell[TRAVEL_CAR][TUESDAY_18];
    speeds_cell_put(&b, c);
    CU_ASSERT_EQUAL(speeds_cell_get(slice_of(b.p, b.n - 1), &back), LC_EINVAL);
    CU_ASSERT_EQUAL(speeds_cell_get(slice_of(NULL, 0), &back), LC_EINVAL);
    CU_ASSERT_EQUAL(back.week, 5);
    CU_ASSERT_EQUAL(speeds_cell_get(buf_slice(&b), &back), LC_OK);
    CU_ASSERT_EQUAL(memcmp(back.bin, c->bin, sizeof c->bin), 0);
    CU_ASSERT_EQUAL(back.week, c->week);
    CU_ASSERT_EQUAL(back.couriers, c->couriers);
    CU_ASSERT_FALSE(back.changed);
    b.p[0] = 9;
    CU_ASSERT_EQUAL(speeds_cell_get(buf_slice(&b), &back), LC_EINVAL);
    buf_free(&b);
}

static void
test_speeds_profile_survives_its_bytes(void)
{
    struct buf b = {0};
    static struct speeds_profile back;
    struct speeds_made made = {true, LEAST, 1795348800000}, got;

    begin();
    plant(2, 10);
    speeds_profile_make(&p, s, LEAST);
    speeds_profile_put(&b, &p, &made);
    CU_ASSERT_EQUAL(speeds_profile_get(buf_slice(&b), &back, &got), LC_OK);
    CU_ASSERT_TRUE(got.applied);
    CU_ASSERT_EQUAL(got.least, LEAST);
    CU_ASSERT_EQUAL(got.time_ms, made.time_ms);
    for (unsigned h = 0; h < SPEEDS_HOURS; h++) {
        CU_ASSERT_EQUAL(back.hour[TRAVEL_BICYCLE][h].rides, p.hour[TRAVEL_BICYCLE][h].rides);
        CU_ASSERT_EQUAL(back.hour[TRAVEL_BICYCLE][h].enough, p.hour[TRAVEL_BICYCLE][h].enough);
        CU_ASSERT_EQUAL(speeds_pct(&back, TRAVEL_BICYCLE, h), speeds_pct(&p, TRAVEL_BICYCLE, h));
        CU_ASSERT_EQUAL(speeds_pct(&back, TRAVEL_CAR, h), 100);
    }
    CU_ASSERT_EQUAL(speeds_profile_get(slice_of(b.p, b.n - 1), &back, &got), LC_EINVAL);
    b.p[12] = TRAVEL_MODES;
    CU_ASSERT_EQUAL(speeds_profile_get(buf_slice(&b), &back, &got), LC_EINVAL);
    buf_free(&b);
    free(s);
    s = NULL;
}

UNIT_MAIN("speeds", UNIT(test_speeds_finds_the_hours_that_were_planted),
          UNIT(test_speeds_is_exactly_the_map_before_enough_was_seen),
          UNIT(test_speeds_of_hours_alike_help_each_other),
          UNIT(test_speeds_stays_when_a_quarter_lies), UNIT(test_speeds_of_one_ride_hardly_move),
          UNIT(test_speeds_ride_says_what_is_none), UNIT(test_speeds_is_bounded),
          UNIT(test_speeds_forgets_old_weeks), UNIT(test_speeds_holds_any_number_of_rides),
          UNIT(test_speeds_hour_is_the_citys_own), UNIT(test_speeds_cell_survives_its_bytes),
          UNIT(test_speeds_profile_survives_its_bytes))
