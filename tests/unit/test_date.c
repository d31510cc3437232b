#include "base/date.h"
#include "base/timestamp.h"
#include "unit.h"

#include <time.h>

static void
test_date_agrees_with_gmtime(void)
{
    for (int32_t date = -200000; date < 200000; date += 37) {
        time_t t = (time_t)date * 86400;
        struct tm tm;
        gmtime_r(&t, &tm);
        struct civil c = date_civil(date);
        CU_ASSERT_EQUAL_FATAL(c.year, tm.tm_year + 1900);
        CU_ASSERT_EQUAL_FATAL(c.month, tm.tm_mon + 1);
        CU_ASSERT_EQUAL_FATAL(c.day, tm.tm_mday);
        CU_ASSERT_EQUAL_FATAL(date_weekday(date), (tm.tm_wday + 6) % 7);
        CU_ASSERT_EQUAL_FATAL(date_of(c), date);
    }
}

static void
test_date_parse_refuses_what_is_no_day(void)
{
    static const char *const bad[] = {"",           "2026-11-2",  "2026-11-222", "2026-13-01",
                                      "2026-00-01", "2026-02-29", "2100-02-29",  "2026-04-31",
                                      "2026/04/30", "+026-04-30", "2026-04- 3",  "2026-04-00"};
    int32_t date = 77;

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        CU_ASSERT_EQUAL(date_parse(slice_str(bad[i]), &date), LC_EINVAL);
    CU_ASSERT_EQUAL(date, 77);
    CU_ASSERT_EQUAL(date_parse(SLICE_LIT("2024-02-29"), &date), LC_OK);
    CU_ASSERT_EQUAL(date, 19782);
}

static void
test_timestamp_parse_reads_rfc3339(void)
{
    static const struct {
        const char *text;
        int64_t ms;
    } row[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"2026-11-22T12:00:00Z", 1795348800000},
        {"2026-11-22t12:00:00z", 1795348800000},
        {"2026-11-22T07:00:00-05:00", 1795348800000},
        {"2026-11-22T17:30:00+05:30", 1795348800000},
        {"2026-11-22T12:00:00-00:00", 1795348800000},
        {"2026-11-22T12:00:00.5Z", 1795348800500},
        {"2026-11-22T12:00:00.123999999999Z", 1795348800123},
        {"1969-12-31T23:59:59.999Z", -1},
        {"2016-12-31T23:59:60Z", 1483228799999},
        {"2016-12-31T18:59:60.7-05:00", 1483228799999},
        {"9999-12-31T23:59:59.999Z", 253402300799999},
        {"0000-01-01T00:00:00Z", -62167219200000},
    };

    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        int64_t ms = 1;
        CU_ASSERT_EQUAL(timestamp_parse(slice_str(row[i].text), &ms), LC_OK);
        CU_ASSERT_EQUAL(ms, row[i].ms);
    }
}

static void
test_timestamp_parse_refuses_the_rest(void)
{
    static const char *const bad[] = {
        "",
        "now",
        "2026-11-22",
        "2026-11-22T12:00:00",
        "2026-11-22 12:00:00Z",
        "2026-11-22T12:00Z",
        "2026-11-22T24:00:00Z",
        "2026-11-22T12:60:00Z",
        "2026-11-22T12:00:61Z",
        "2026-11-22T12:00:60Z", /* no leap second at noon */
        "2026-11-22T23:59:60Z", /* nor in the middle of a month */
        "2026-11-22T12:00:00.Z",
        "2026-11-22T12:00:00.1234567890123Z",
        "2026-11-22T12:00:00,5Z",
        "2026-11-22T12:00:00+0500",
        "2026-11-22T12:00:00+24:00",
        "2026-11-22T12:00:00+05:60",
        "2026-11-22T12:00:00Zulu",
        "2026-11-22T12:00:00Z ",
        " 2026-11-22T12:00:00Z",
        "2026-02-30T12:00:00Z",
        "2026-11-22T-1:00:00Z",
        "2026-11-22T12:00:00.5",
    };
    int64_t ms = 42;

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (timestamp_parse(slice_str(bad[i]), &ms) != LC_EINVAL)
            CU_FAIL(bad[i]);
    CU_ASSERT_EQUAL(ms, 42);
}

static void
test_timestamp_format_round_trips(void)
{
    char text[TIMESTAMP_TEXT];
    int64_t back;

    for (int64_t ms = -62167219200000; ms < 253402300800000; ms += 86400000LL * 91 + 12345678) {
        size_t n = timestamp_format(ms, text);
        CU_ASSERT_EQUAL_FATAL(n, strlen(text));
        CU_ASSERT_EQUAL_FATAL(timestamp_parse(slice_of(text, n), &back), LC_OK);
        CU_ASSERT_EQUAL_FATAL(back, ms);
    }
    timestamp_format(1795348800000, text);
    CU_ASSERT_STRING_EQUAL(text, "2026-11-22T12:00:00Z");
    timestamp_format(1795348800007, text);
    CU_ASSERT_STRING_EQUAL(text, "2026-11-22T12:00:00.007Z");
}

static void
test_timestamp_format_clamps_far_times(void)
{
    char text[TIMESTAMP_TEXT];

    timestamp_format(INT64_MAX, text);
    CU_ASSERT_STRING_EQUAL(text, "9999-12-31T23:59:59.999Z");
    timestamp_format(INT64_MIN, text);
    CU_ASSERT_STRING_EQUAL(text, "0000-01-01T00:00:00Z");
}

UNIT_MAIN("date", UNIT(test_date_agrees_with_gmtime), UNIT(test_date_parse_refuses_what_is_no_day),
          UNIT(test_timestamp_parse_reads_rfc3339), UNIT(test_timestamp_parse_refuses_the_rest),
          UNIT(test_timestamp_format_round_trips), UNIT(test_timestamp_format_clamps_far_times))
