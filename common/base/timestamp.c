#include "base/timestamp.h"

#include "base/date.h"

enum { DAY_S = 86400, FRACTION_MAX = 12 };

static bool
two_digits(const char *p, int32_t max, int32_t *out)
{
    if (p[0] < '0' || p[0] > '9' || p[1] < '0' || p[1] > '9')
        return false;
    *out = (p[0] - '0') * 10 + (p[1] - '0');
    return *out <= max;
}

/* Digits behind the decimal point, cut to ms. Returns how many bytes they took with the point, 0
 * when wrong. */
static size_t
fraction(const char *p, size_t n, int32_t *ms)
{
    int32_t unit = 100;
    size_t i = 1;

    *ms = 0;
    for (; i < n && p[i] >= '0' && p[i] <= '9'; i++) {
        *ms += (p[i] - '0') * unit;
        unit /= 10;
    }
    return i >= 2 && i <= 1 + FRACTION_MAX ? i : 0;
}

static bool
zone_offset(const char *p, size_t n, int32_t *offset_s)
{
    int32_t h, m;

    if (n == 1 && (*p == 'Z' || *p == 'z')) {
        *offset_s = 0;
        return true;
    }
    if (n != 6 || (*p != '+' && *p != '-') || p[3] != ':' || !two_digits(p + 1, 23, &h) ||
        !two_digits(p + 4, 59, &m))
        return false;
    *offset_s = (h * 3600 + m * 60) * (*p == '-' ? -1 : 1);
    return true;
}

/* Leap seconds are put in at the end of a UTC month (RFC 3339 5.7). `s` is the time of its :59. */
static bool
may_leap(int64_t s)
{
    int64_t next = s + 1;

    if (next % DAY_S != 0)
        return false;
    return date_civil((int32_t)(next / DAY_S)).day == 1;
}

enum lc_err
timestamp_parse(struct slice s, int64_t *ms)
{
    int32_t date, h, m, sec, milli = 0, offset_s;

    if (s.n < 20 || date_parse(slice_of(s.p, 10), &date) != LC_OK)
        return LC_EINVAL;
    if ((s.p[10] != 'T' && s.p[10] != 't') || s.p[13] != ':' || s.p[16] != ':')
        return LC_EINVAL;
    if (!two_digits(s.p + 11, 23, &h) || !two_digits(s.p + 14, 59, &m) ||
        !two_digits(s.p + 17, 60, &sec))
        return LC_EINVAL;
    size_t at = 19;
    if (s.p[at] == '.') {
        size_t took = fraction(s.p + at, s.n - at, &milli);
        if (took == 0)
            return LC_EINVAL;
        at += took;
    }
    if (!zone_offset(s.p + at, s.n - at, &offset_s))
        return LC_EINVAL;

    bool leap = sec == 60;
    int64_t utc = (int64_t)date * DAY_S + (h * 3600 + m * 60 + (leap ? 59 : sec) - offset_s);
    if (leap && !may_leap(utc))
        return LC_EINVAL;
    *ms = utc * 1000 + (leap ? 999 : milli);
    return LC_OK;
}

static char *
put_digits(char *p, unsigned v, size_t n)
{
    for (size_t i = n; i-- > 0; v /= 10)
        p[i] = (char)('0' + v % 10);
    return p + n;
}

size_t
timestamp_format(int64_t ms, char out[TIMESTAMP_TEXT])
{
    const int64_t first = INT64_C(-62167219200000); /* 0000-01-01T00:00:00Z */
    const int64_t last = INT64_C(253402300799999);  /* 9999-12-31T23:59:59.999Z */

    ms = ms < first ? first : ms > last ? last : ms;
    int64_t s = ms / 1000 - (ms % 1000 < 0);
    int64_t day = s / DAY_S - (s % DAY_S < 0);
    unsigned of_day = (unsigned)(s - day * DAY_S);
    unsigned milli = (unsigned)(ms - s * 1000);
    char *p = out + date_format((int32_t)day, out);

    *p++ = 'T';
    p = put_digits(p, of_day / 3600, 2);
    *p++ = ':';
    p = put_digits(p, of_day / 60 % 60, 2);
    *p++ = ':';
    p = put_digits(p, of_day % 60, 2);
    if (milli != 0) {
        *p++ = '.';
        p = put_digits(p, milli, 3);
    }
    *p++ = 'Z';
    *p = '\0';
    return (size_t)(p - out);
}
