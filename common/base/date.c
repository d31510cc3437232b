#include "base/date.h"

#include <string.h>

/* Years that begin in March put the leap day last, so that a 400-year cycle is plain arithmetic. */
enum { CYCLE_DAYS = 146097, CYCLE_YEARS = 400, EPOCH_SHIFT = 719468 };

static int64_t
floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

int32_t
date_of(struct civil c)
{
    int64_t year = (int64_t)c.year - (c.month <= 2);
    int64_t cycle = floor_div(year, CYCLE_YEARS);
    int64_t y = year - cycle * CYCLE_YEARS;
    int64_t month = (c.month + 9) % 12;
    int64_t day = (153 * month + 2) / 5 + c.day - 1;

    return (int32_t)(cycle * CYCLE_DAYS + y * 365 + y / 4 - y / 100 + day - EPOCH_SHIFT);
}

struct civil
date_civil(int32_t date)
{
    int64_t days = (int64_t)date + EPOCH_SHIFT;
    int64_t cycle = floor_div(days, CYCLE_DAYS);
    int64_t d = days - cycle * CYCLE_DAYS;
    int64_t y = (d - d / 1460 + d / 36524 - d / 146096) / 365;
    int64_t day = d - (365 * y + y / 4 - y / 100);
    int64_t month = (5 * day + 2) / 153;

    return (struct civil){
        .year = (int32_t)(cycle * CYCLE_YEARS + y + (month >= 10)),
        .month = (int32_t)(month < 10 ? month + 3 : month - 9),
        .day = (int32_t)(day - (153 * month + 2) / 5 + 1),
    };
}

int
date_weekday(int32_t date)
{
    int64_t d = (int64_t)date + 3; /* 1970-01-01 was a Thursday */

    return (int)(d - floor_div(d, 7) * 7);
}

int32_t
date_month_days(int32_t year, int32_t month)
{
    static const int8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

    return days[month - 1] + (month == 2 && leap);
}

static bool
digits(const char *p, size_t n, int32_t *out)
{
    int32_t v = 0;

    for (size_t i = 0; i < n; i++) {
        if (p[i] < '0' || p[i] > '9')
            return false;
        v = v * 10 + (p[i] - '0');
    }
    *out = v;
    return true;
}

enum lc_err
date_parse(struct slice s, int32_t *date)
{
    struct civil c;

    if (s.n != 10 || s.p[4] != '-' || s.p[7] != '-' || !digits(s.p, 4, &c.year) ||
        !digits(s.p + 5, 2, &c.month) || !digits(s.p + 8, 2, &c.day))
        return LC_EINVAL;
    if (c.month < 1 || c.month > 12 || c.day < 1 || c.day > date_month_days(c.year, c.month))
        return LC_EINVAL;
    *date = date_of(c);
    return LC_OK;
}

size_t
date_format(int32_t date, char out[DATE_TEXT])
{
    const int32_t first = date_of((struct civil){0, 1, 1});
    const int32_t last = date_of((struct civil){9999, 12, 31});
    struct civil c = date_civil(date < first ? first : date > last ? last : date);

    unsigned year = (unsigned)c.year;
    char text[] = {(char)('0' + year / 1000 % 10),
                   (char)('0' + year / 100 % 10),
                   (char)('0' + year / 10 % 10),
                   (char)('0' + year % 10),
                   '-',
                   (char)('0' + c.month / 10),
                   (char)('0' + c.month % 10),
                   '-',
                   (char)('0' + c.day / 10),
                   (char)('0' + c.day % 10),
                   '\0'};

    memcpy(out, text, sizeof text); /* printf would take longer than all else in an answer */
    return sizeof text - 1;
}
