/* date: days of the proleptic Gregorian calendar as plain numbers. Pure.
 *
 * A date is an int32_t: days since 1970-01-01, without any time zone. */
#ifndef LC_BASE_DATE_H
#define LC_BASE_DATE_H

#include "base/bytes.h"
#include "base/err.h"

struct civil {
    int32_t year;  /* 1 BC is 0 */
    int32_t month; /* 1 to 12 */
    int32_t day;   /* 1 to 31 */
};

/* date_of: the date of a valid civil day. */
int32_t date_of(struct civil c);

/* date_civil: the civil day of a date. */
struct civil date_civil(int32_t date);

/* date_weekday: 0 Monday to 6 Sunday (ISO 8601 minus one). */
int date_weekday(int32_t date);

/* date_month_days: 28 to 31. The month is 1 to 12. */
int32_t date_month_days(int32_t year, int32_t month);

enum { DATE_TEXT = 16 };

/* date_parse: exactly "2026-11-22", years 0000 to 9999. LC_EINVAL otherwise; then *date is
 * unchanged. */
LC_MUST_CHECK enum lc_err date_parse(struct slice s, int32_t *date);

/* date_format: "2026-11-22" with a NUL; years 0 to 9999, others are clamped. Returns the length. */
size_t date_format(int32_t date, char out[DATE_TEXT]);

#endif
