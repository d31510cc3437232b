#include "base/date.h"
#include "base/hours.h"
#include "base/timestamp.h"
#include "unit.h"

#include <stdio.h>

enum { MINUTE_MS = 60000 };
#define DAY_MS INT64_C(86400000)

static struct tz *new_york;

static int64_t
at(const char *text)
{
    int64_t ms = 0;

    CU_ASSERT_EQUAL_FATAL(timestamp_parse(slice_str(text), &ms), LC_OK);
    return ms;
}

static int32_t
day(const char *text)
{
    int32_t date = 0;

    CU_ASSERT_EQUAL_FATAL(date_parse(slice_str(text), &date), LC_OK);
    return date;
}

/* The same spans every day. */
static struct hours
daily(struct hours_day d)
{
    struct hours h = {0};

    for (int i = 0; i < 7; i++)
        h.week[i] = d;
    return h;
}

static void
test_hours_open_at_treats_the_closing_time_as_closed(void)
{
    struct hours h = daily((struct hours_day){1, {{480, 1200}}});

    CU_ASSERT_FALSE(hours_open_at(&h, NULL, at("2026-11-22T07:59:59.999Z")));
    CU_ASSERT_TRUE(hours_open_at(&h, NULL, at("2026-11-22T08:00:00Z")));
    CU_ASSERT_TRUE(hours_open_at(&h, NULL, at("2026-11-22T19:59:59.999Z")));
    CU_ASSERT_FALSE(hours_open_at(&h, NULL, at("2026-11-22T20:00:00Z")));
}

static void
test_hours_run_past_midnight(void)
{
    struct hours h = {0};

    h.week[5] = (struct hours_day){1, {{1080, 1560}}}; /* Saturday 18:00 to Sunday 02:00 */
    CU_ASSERT_TRUE(hours_open_at(&h, NULL, at("2026-11-22T01:59:00Z")));
    CU_ASSERT_FALSE(hours_open_at(&h, NULL, at("2026-11-22T02:00:00Z")));
    CU_ASSERT_FALSE(hours_open_at(&h, NULL, at("2026-11-21T01:00:00Z")));
    CU_ASSERT_EQUAL(hours_closes_ms(&h, NULL, at("2026-11-21T18:00:00Z")),
                    at("2026-11-22T02:00:00Z"));
    CU_ASSERT_EQUAL(hours_next_open_ms(&h, NULL, at("2026-11-22T02:00:00Z"), 7),
                    at("2026-11-28T18:00:00Z"));
    CU_ASSERT_EQUAL(hours_next_open_ms(&h, NULL, at("2026-11-22T02:00:00Z"), 5), -1);
}

static void
test_hours_exceptions_replace_the_day(void)
{
    struct hours h = daily((struct hours_day){1, {{1320, 1560}}}); /* 22:00 to 02:00 */

    h.exception_n = 2;
    h.exception[0].date = day("2026-11-26"); /* closed */
    h.exception[1] = (struct hours_exception){day("2026-11-27"), {1, {{600, 660}}}};
    /* what began the evening before runs to its end */
    CU_ASSERT_TRUE(hours_open_at(&h, NULL, at("2026-11-26T01:30:00Z")));
    CU_ASSERT_FALSE(hours_open_at(&h, NULL, at("2026-11-26T22:30:00Z")));
    CU_ASSERT_FALSE(hours_open_at(&h, NULL, at("2026-11-27T01:30:00Z")));
    CU_ASSERT_TRUE(hours_open_at(&h, NULL, at("2026-11-27T10:30:00Z")));
    CU_ASSERT_FALSE(hours_open_at(&h, NULL, at("2026-11-27T22:30:00Z")));
    CU_ASSERT_EQUAL(hours_next_open_ms(&h, NULL, at("2026-11-26T02:00:00Z"), 7),
                    at("2026-11-27T10:00:00Z"));
}

static void
test_hours_closes_ms_joins_spans_that_touch(void)
{
    struct hours always = hours_always();
    struct hours h = daily((struct hours_day){3, {{0, 60}, {60, 120}, {121, 180}}});
    int64_t now = at("2026-11-22T00:30:00Z");

    CU_ASSERT_EQUAL(hours_closes_ms(&h, NULL, now), at("2026-11-22T02:00:00Z"));
    CU_ASSERT_EQUAL(hours_closes_ms(&always, NULL, now), now + 8 * DAY_MS);
    CU_ASSERT_TRUE(hours_open_at(&always, new_york, now));
    CU_ASSERT_EQUAL(hours_next_open_ms(&always, new_york, now, 0), now);
    always.exception_n = 1;
    always.exception[0].date = day("2026-11-25");
    CU_ASSERT_EQUAL(hours_closes_ms(&always, new_york, now), at("2026-11-25T00:00:00-05:00"));
    CU_ASSERT_EQUAL(hours_closes_ms(&h, NULL, at("2026-11-22T05:00:00Z")),
                    at("2026-11-22T05:00:00Z"));
}

static void
test_hours_never_open(void)
{
    struct hours h = {0};

    CU_ASSERT_FALSE(hours_open_at(&h, new_york, 0));
    CU_ASSERT_EQUAL(hours_closes_ms(&h, new_york, 5), 5);
    CU_ASSERT_EQUAL(hours_next_open_ms(&h, new_york, 0, 400), -1);
}

static void
test_hours_when_the_clocks_change(void)
{
    struct hours h = daily((struct hours_day){2, {{60, 150}, {480, 1440}}}); /* 01:00 to 02:30 */

    /* spring: 02:30 does not exist, so the shop closes at the change, one hour after it opened */
    CU_ASSERT_TRUE(hours_open_at(&h, new_york, at("2026-03-08T01:59:59-05:00")));
    CU_ASSERT_FALSE(hours_open_at(&h, new_york, at("2026-03-08T03:00:00-04:00")));
    CU_ASSERT_EQUAL(hours_closes_ms(&h, new_york, at("2026-03-08T01:00:00-05:00")),
                    at("2026-03-08T03:00:00-04:00"));
    CU_ASSERT_TRUE(hours_open_at(&h, new_york, at("2026-03-08T08:00:00-04:00")));
    CU_ASSERT_FALSE(hours_open_at(&h, new_york, at("2026-03-08T07:59:00-04:00")));
    /* autumn: from the first 01:00 to 02:30, through the hour that comes twice */
    CU_ASSERT_EQUAL(hours_next_open_ms(&h, new_york, at("2026-11-01T00:10:00-04:00"), 1),
                    at("2026-11-01T01:00:00-04:00"));
    CU_ASSERT_TRUE(hours_open_at(&h, new_york, at("2026-11-01T01:10:00-05:00")));
    CU_ASSERT_EQUAL(hours_closes_ms(&h, new_york, at("2026-11-01T01:10:00-04:00")),
                    at("2026-11-01T02:30:00-05:00"));
    /* a span inside the skipped hour never opens */
    struct hours gap = daily((struct hours_day){1, {{125, 170}}});
    CU_ASSERT_EQUAL(hours_next_open_ms(&gap, new_york, at("2026-03-08T00:00:00-05:00"), 3),
                    at("2026-03-09T02:05:00-04:00"));
}

static uint64_t seed = 4711;

static int
below(int n)
{
    seed = seed * 6364136223846793005 + 1442695040888963407;
    return (int)((seed >> 33) % (unsigned)n);
}

static struct hours_day
random_day(void)
{
    struct hours_day d = {0};
    int minute = below(400);

    while (d.n < HOURS_SPAN_MAX && minute < 1440 && below(5) > 0) {
        int length = 1 + below(below(4) == 0 ? 1440 : 300);
        d.span[d.n++] = (struct hours_span){(uint16_t)minute, (uint16_t)(minute + length)};
        minute += length + (below(3) == 0 ? 0 : below(300));
    }
    return d;
}

static struct hours
random_hours(int32_t from)
{
    struct hours h = {0};

    for (int i = 0; i < 7; i++)
        h.week[i] = random_day();
    for (int i = below(4); i > 0; i--)
        h.exception[h.exception_n++] = (struct hours_exception){from + i * 2, random_day()};
    return h;
}

/* What the header says, slowly: every span of the days around as instants. */
static bool
slowly_open(const struct hours *h, const struct tz *tz, int64_t ms)
{
    int32_t today = timezone_local(tz, ms).date;

    for (int32_t date = today - 3; date <= today + 1; date++) {
        const struct hours_day *d = &h->week[date_weekday(date)];
        for (int i = 0; i < h->exception_n; i++)
            if (h->exception[i].date == date)
                d = &h->exception[i].day;
        for (int i = 0; i < d->n; i++)
            if (timezone_instant_ms(tz, date, d->span[i].open_min) <= ms &&
                ms < timezone_instant_ms(tz, date, d->span[i].close_min))
                return true;
    }
    return false;
}

static void
scan(const struct hours *h, const struct tz *tz, int64_t from)
{
    enum { MINUTES = 4 * 1440 };
    static bool open[MINUTES];

    for (int i = 0; i < MINUTES; i++) {
        int64_t ms = from + i * (int64_t)MINUTE_MS;
        open[i] = slowly_open(h, tz, ms);
        CU_ASSERT_EQUAL_FATAL(hours_open_at(h, tz, ms), open[i]);
    }
    int close = MINUTES, next = MINUTES;
    for (int i = MINUTES - 1; i >= 0; i--) {
        int64_t ms = from + i * (int64_t)MINUTE_MS;
        if (open[i])
            next = i;
        else
            close = i;
        if (i % 7 != 0)
            continue;
        if (close < MINUTES)
            CU_ASSERT_EQUAL_FATAL(hours_closes_ms(h, tz, ms), from + close * (int64_t)MINUTE_MS);
        if (next < MINUTES)
            CU_ASSERT_EQUAL_FATAL(hours_next_open_ms(h, tz, ms, 9),
                                  from + next * (int64_t)MINUTE_MS);
    }
}

static void
test_hours_agree_with_a_scan_of_minutes(void)
{
    const char *const starts[] = {"2026-03-06T05:00:00Z", "2026-10-30T04:00:00Z",
                                  "2026-06-01T00:00:00Z"};

    for (int round = 0; round < 60; round++) {
        int64_t from = at(starts[round % 3]);
        struct hours h = random_hours((int32_t)(from / DAY_MS));
        CU_ASSERT_EQUAL_FATAL(hours_check(&h, NULL), LC_OK);
        scan(&h, new_york, from);
    }
}

static void
test_hours_check_names_the_fault(void)
{
    static const struct {
        struct hours_day day;
        const char *why;
    } row[] = {
        {{5, {{0, 1}}}, "more than 4 spans in a day"},
        {{1, {{1440, 1500}}}, "a span must open before 24:00"},
        {{1, {{600, 600}}}, "a span must close after it opens (past midnight: add 24 hours)"},
        {{1, {{600, 2041}}}, "a span must not be longer than 24 hours"},
        {{2, {{600, 700}, {699, 800}}}, "the spans of a day must be in order and not overlap"},
    };
    const char *why;

    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        struct hours h = {0};
        h.week[3] = row[i].day;
        CU_ASSERT_EQUAL(hours_check(&h, &why), LC_EINVAL);
        CU_ASSERT_STRING_EQUAL(why, row[i].why);
        h = (struct hours){.exception_n = 1, .exception = {{.date = 9, .day = row[i].day}}};
        CU_ASSERT_EQUAL(hours_check(&h, NULL), LC_EINVAL);
    }
    struct hours twice = {.exception_n = 2, .exception = {{.date = 9}, {.date = 9}}};
    CU_ASSERT_EQUAL(hours_check(&twice, &why), LC_EINVAL);
    CU_ASSERT_STRING_EQUAL(why, "a date has two exceptions");
    struct hours many = {.exception_n = HOURS_EXCEPTION_MAX + 1};
    CU_ASSERT_EQUAL(hours_check(&many, &why), LC_EINVAL);
    struct hours good = hours_always();
    CU_ASSERT_EQUAL(hours_check(&good, &why), LC_OK);
    CU_ASSERT_PTR_NULL(why);
}

static void
test_hours_parse_minute_table(void)
{
    static const struct {
        const char *text;
        int minute; /* -1: refused */
    } row[] = {{"00:00", 0},  {"08:30", 510}, {"24:00", 1440}, {"48:00", 2880}, {"48:01", -1},
               {"12:60", -1}, {"8:30", -1},   {"08:3", -1},    {"08-30", -1},   {"ab:cd", -1},
               {"", -1},      {"08:30 ", -1}, {"-8:30", -1}};

    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        uint16_t minute = 7;
        enum lc_err err = hours_parse_minute(slice_str(row[i].text), &minute);
        CU_ASSERT_EQUAL(err, row[i].minute < 0 ? LC_EINVAL : LC_OK);
        CU_ASSERT_EQUAL(minute, row[i].minute < 0 ? 7 : row[i].minute);
    }
}

int
main(void)
{
    static const struct unit_test tests[] = {
        UNIT(test_hours_open_at_treats_the_closing_time_as_closed),
        UNIT(test_hours_run_past_midnight),
        UNIT(test_hours_exceptions_replace_the_day),
        UNIT(test_hours_closes_ms_joins_spans_that_touch),
        UNIT(test_hours_never_open),
        UNIT(test_hours_when_the_clocks_change),
        UNIT(test_hours_agree_with_a_scan_of_minutes),
        UNIT(test_hours_check_names_the_fault),
        UNIT(test_hours_parse_minute_table),
    };
    static char file[65536];
    FILE *f = fopen("/usr/share/zoneinfo/America/New_York", "rb");

    if (f == NULL)
        return EXIT_FAILURE;
    size_t n = fread(file, 1, sizeof file, f);
    fclose(f);
    if (timezone_new(slice_of(file, n), &new_york) != LC_OK)
        return EXIT_FAILURE;
    int rc = unit_main("hours", tests, sizeof tests / sizeof *tests);
    timezone_destroy(new_york);
    return rc;
}
