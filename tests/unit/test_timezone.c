#include "base/date.h"
#include "base/timezone.h"
#include "unit.h"

#include <stdio.h>
#include <time.h>

#define ZONEINFO "/usr/share/zoneinfo/"

static struct buf
read_zone(const char *name)
{
    char path[128];
    struct buf b = {0};
    size_t n;

    snprintf(path, sizeof path, ZONEINFO "%s", name);
    FILE *f = fopen(path, "rb");
    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    do {
        n = fread(buf_reserve(&b, 4096), 1, 4096, f);
        b.n += n;
    } while (n > 0);
    fclose(f);
    return b;
}

static struct tz *
open_zone(const char *name)
{
    struct buf b = read_zone(name);
    struct tz *tz = NULL;

    CU_ASSERT_EQUAL_FATAL(timezone_new(buf_slice(&b), &tz), LC_OK);
    buf_free(&b);
    return tz;
}

/* A version 2 file without a table: the footer alone decides. */
static enum lc_err
zone_of_footer(const char *footer, struct tz **tz)
{
    struct buf b = {0};

    for (int block = 0; block < 2; block++) {
        static const char counts[24] = {[19] = 1, [23] = 4}; /* one type, four characters */
        buf_append(&b, "TZif2\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20);
        buf_append(&b, counts, sizeof counts);
        buf_append(&b, "\0\0\0\0\0\0UTC", 10);
    }
    buf_printf(&b, "\n%s\n", footer);
    enum lc_err err = timezone_new(buf_slice(&b), tz);
    buf_free(&b);
    return err;
}

static void
compare_with_libc(const char *name)
{
    struct tz *tz = open_zone(name);

    setenv("TZ", name, 1);
    tzset();
    for (time_t t = 0; t < 2871763200; t += 5 * 3600 + 1801) {
        struct tm tm;
        localtime_r(&t, &tm);
        struct local_time l = timezone_local(tz, t * 1000);
        CU_ASSERT_EQUAL_FATAL(timezone_offset_s(tz, t * 1000), tm.tm_gmtoff);
        CU_ASSERT_EQUAL_FATAL(l.minute, tm.tm_hour * 60 + tm.tm_min);
        CU_ASSERT_EQUAL_FATAL(l.second, tm.tm_sec);
        CU_ASSERT_EQUAL_FATAL(l.weekday, (tm.tm_wday + 6) % 7);
        CU_ASSERT_EQUAL_FATAL(
            l.date, date_of((struct civil){tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday}));
    }
    timezone_destroy(tz);
}

static void
test_timezone_agrees_with_libc(void)
{
    static const char *const names[] = {
        "America/New_York",  "Europe/Berlin",       "Asia/Kolkata", "Australia/Sydney",
        "America/Sao_Paulo", "Africa/Casablanca",   "Asia/Gaza",    "Pacific/Apia",
        "Europe/Dublin",     "Australia/Lord_Howe", "UTC"};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        compare_with_libc(names[i]);
}

static void
test_timezone_span_ends_where_the_offset_changes(void)
{
    struct tz *tz = open_zone("America/New_York");
    int64_t ms = 0, from, to, last = 0;
    int changes = 0;

    /* into the part behind the table too, and past the 400 years that are written out */
    while (ms < INT64_C(25000000000000)) {
        int32_t offset_s = timezone_span(tz, ms, &from, &to);
        CU_ASSERT_TRUE_FATAL(from <= ms && ms < to);
        CU_ASSERT_EQUAL_FATAL(timezone_offset_s(tz, to - 1), offset_s);
        CU_ASSERT_NOT_EQUAL_FATAL(timezone_offset_s(tz, to), offset_s);
        CU_ASSERT_TRUE(ms == 0 || from == last);
        last = ms = to;
        changes++;
    }
    /* two a year, the spring of 2762 and the span of 1 January 1970 */
    CU_ASSERT_EQUAL(changes, 2 * (2762 - 1970) + 2);
    timezone_destroy(tz);
}

static void
test_timezone_repeats_after_400_years(void)
{
    struct tz *tz = open_zone("Europe/Berlin");
    const int64_t cycle_ms = INT64_C(146097) * 86400000;

    for (int64_t ms = INT64_C(2300000000000); ms < INT64_C(2600000000000); ms += 40000000)
        CU_ASSERT_EQUAL_FATAL(timezone_offset_s(tz, ms), timezone_offset_s(tz, ms + 9 * cycle_ms));
    timezone_destroy(tz);
}

static void
test_timezone_null_is_utc(void)
{
    int64_t from, to;
    struct local_time l = timezone_local(NULL, -1);

    CU_ASSERT_EQUAL(timezone_span(NULL, 5, &from, &to), 0);
    CU_ASSERT_TRUE(from == INT64_MIN && to == INT64_MAX);
    CU_ASSERT_TRUE(l.date == -1 && l.weekday == 2 && l.minute == 1439 && l.second == 59);
    CU_ASSERT_EQUAL(timezone_instant_ms(NULL, 1, 60), 90000000);
}

static void
test_timezone_instant_inverts_local(void)
{
    struct tz *tz = open_zone("America/New_York");

    for (int64_t ms = 1700000040000; ms < 1800000000000; ms += 7 * 60000) {
        struct local_time l = timezone_local(tz, ms);
        int64_t back = timezone_instant_ms(tz, l.date, l.minute);
        /* a time shown twice gives the first */
        bool second = back == ms - 3600000 && timezone_local(tz, back).minute == l.minute;
        CU_ASSERT_TRUE_FATAL(back == ms || second);
    }
    timezone_destroy(tz);
}

static void
test_timezone_instant_when_the_clocks_change(void)
{
    struct tz *tz = open_zone("America/New_York");
    int32_t spring, autumn;

    CU_ASSERT_EQUAL(date_parse(SLICE_LIT("2026-03-08"), &spring), LC_OK);
    CU_ASSERT_EQUAL(date_parse(SLICE_LIT("2026-11-01"), &autumn), LC_OK);
    /* 02:30 is skipped: the change, 07:00 UTC */
    CU_ASSERT_EQUAL(timezone_instant_ms(tz, spring, 150), 1772953200000);
    CU_ASSERT_EQUAL(timezone_instant_ms(tz, spring, 120), 1772953200000);
    CU_ASSERT_EQUAL(timezone_instant_ms(tz, spring, 180), 1772953200000);
    CU_ASSERT_EQUAL(timezone_instant_ms(tz, spring, 119), 1772953140000);
    /* 01:30 is shown twice: the first, 05:30 UTC */
    CU_ASSERT_EQUAL(timezone_instant_ms(tz, autumn, 90), 1793511000000);
    CU_ASSERT_EQUAL(timezone_instant_ms(tz, autumn, 120), 1793516400000);
    CU_ASSERT_EQUAL(timezone_instant_ms(tz, autumn + 1, -1440), timezone_instant_ms(tz, autumn, 0));
    CU_ASSERT_EQUAL(timezone_instant_ms(tz, autumn - 1, 1530), 1793511000000);
    timezone_destroy(tz);
}

static void
test_timezone_new_reads_every_footer(void)
{
    static const struct {
        const char *footer;
        int64_t ms;
        int32_t offset_s;
    } row[] = {
        {"", 4000000000000, 0},
        {"UTC0", 4000000000000, 0},
        {"IST-5:30", 4000000000000, 19800},
        {"<+0545>-5:45", 4000000000000, 20700},
        {"EST5EDT,M3.2.0,M11.1.0", 1784894400000, -14400},
        {"EST5EDT,M3.2.0,M11.1.0", 1795348800000, -18000},
        {"XXX3EDT4,0/0,J365/23", 1784894400000, -14400}, /* summer for ever: EDT4 is UTC-4 */
        {"XXX3EDT4,0/0,J365/23", 1798779600000, -14400},
        {"<-03>3<-02>,M3.5.0/-2,M10.5.0/-1", 1784894400000, -7200},
        {"IST-2IDT,M3.4.4/26,M10.5.0", 1784894400000, 10800},
        {"AAA0BBB,J60/2,300/2", 1772330400000, 3600}, /* 1 March 2026, 02:00: the 60th day */
        {"AAA0BBB,J60/2,300/2", 1772330399000, 0},
        {"AAA0BBB,59/2,300/2", 1772330400000, 3600},  /* day 59, counted from 0 */
        {"AAA0BBB,J60/2,300/2", 1835488800000, 3600}, /* J60 is 1 March in leap years too (2028) */
        {"AAA0BBB,J60/2,300/2", 1835488799000, 0},
    };

    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        struct tz *tz;
        CU_ASSERT_EQUAL_FATAL(zone_of_footer(row[i].footer, &tz), LC_OK);
        if (timezone_offset_s(tz, row[i].ms) != row[i].offset_s)
            CU_FAIL(row[i].footer);
        timezone_destroy(tz);
    }
}

static void
test_timezone_new_refuses_bad_footers(void)
{
    static const char *const bad[] = {"X0",
                                      "EST",
                                      "EST5EDT",
                                      "EST5EDT,M3.2.0",
                                      "EST5EDT,M13.2.0,M11.1.0",
                                      "EST5EDT,M3.6.0,M11.1.0",
                                      "EST5EDT,M3.2.7,M11.1.0",
                                      "EST5EDT,M3.2.0/999,M11.1.0",
                                      "EST5EDT,M3.2.0,M11.1.0 ",
                                      "<EST5",
                                      "EST5EDT,J0,J5",
                                      "EST5EDT,366,5",
                                      ":America/New_York"};

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct tz *tz = (struct tz *)1;
        if (zone_of_footer(bad[i], &tz) != LC_EINVAL)
            CU_FAIL(bad[i]);
        CU_ASSERT_PTR_NULL(tz);
    }
}

static void
test_timezone_new_survives_cut_and_broken_files(void)
{
    struct buf b = read_zone("Europe/Berlin");
    struct tz *tz;
    uint64_t x = 1;

    CU_ASSERT_FATAL(b.n > 0);
    for (size_t n = 0; n < b.n; n++) {
        char *exact = malloc(n + 1); /* the sanitizer sees a read past n */
        memcpy(exact, b.p, n);
        CU_ASSERT_EQUAL(timezone_new(slice_of(exact, n), &tz), LC_EINVAL);
        free(exact);
    }
    for (int round = 0; round < 3000; round++) {
        x = x * 6364136223846793005 + 1442695040888963407;
        size_t at = (x >> 33) % b.n;
        char was = b.p[at];
        b.p[at] = (char)(x >> 20);
        if (timezone_new(buf_slice(&b), &tz) == LC_OK) {
            (void)timezone_local(tz, 1795348800000);
            (void)timezone_instant_ms(tz, 20779, 150);
            timezone_destroy(tz);
        }
        b.p[at] = was;
    }
    buf_free(&b);
}

UNIT_MAIN("timezone", UNIT(test_timezone_agrees_with_libc),
          UNIT(test_timezone_span_ends_where_the_offset_changes),
          UNIT(test_timezone_repeats_after_400_years), UNIT(test_timezone_null_is_utc),
          UNIT(test_timezone_instant_inverts_local),
          UNIT(test_timezone_instant_when_the_clocks_change),
          UNIT(test_timezone_new_reads_every_footer), UNIT(test_timezone_new_refuses_bad_footers),
          UNIT(test_timezone_new_survives_cut_and_broken_files))
