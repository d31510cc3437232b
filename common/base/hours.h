/* hours: when a store is open. Pure; plain data without pointers, copied by assignment.
 *
 * Each weekday has spans [open, close) in minutes of the local day; a span may go on past midnight
 * (close up to 2880). A dated exception replaces the spans that *start* on that date; a span that
 * started the day before still runs to its end. A span is one unbroken stretch of time from the
 * instant at which the clock first shows its start to the instant at which it first shows its end
 * (timezone_instant_ms), also when the clocks change within. The closing instant is closed. */
#ifndef LC_BASE_HOURS_H
#define LC_BASE_HOURS_H

#include "base/err.h"
#include "base/timezone.h"

#include <stdbool.h>

enum { HOURS_SPAN_MAX = 4, HOURS_EXCEPTION_MAX = 16, HOURS_MINUTE_MAX = 2880 };

struct hours_span {
    uint16_t open_min;  /* 0 to 1439 */
    uint16_t close_min; /* over open_min, up to open_min + 1440; exclusive */
};

struct hours_day {
    uint8_t n; /* 0: closed */
    struct hours_span span[HOURS_SPAN_MAX];
};

struct hours_exception {
    int32_t date; /* see date.h */
    struct hours_day day;
};

struct hours {
    struct hours_day week[7]; /* 0 Monday to 6 Sunday; zero-initialised hours are never open */
    uint8_t exception_n;
    struct hours_exception exception[HOURS_EXCEPTION_MAX];
};

/* hours_always: open day and night. */
struct hours hours_always(void);

/* hours_check: LC_EINVAL when a count or a minute is out of range, spans of one day overlap or are
 * not in ascending order, or a date has two exceptions. *why, when not NULL, is then a static
 * English sentence. The functions below ask for hours that passed. */
LC_MUST_CHECK enum lc_err hours_check(const struct hours *h, const char **why);

/* hours_open_at: is it open at the instant ms? */
bool hours_open_at(const struct hours *h, const struct tz *tz, int64_t ms);

/* hours_closes_ms: the instant at which the store, open at ms, closes; spans that touch count as
 * one. ms itself when it is closed at ms. Never looks further than 8 days: the result is at most ms
 * + 8 days. */
int64_t hours_closes_ms(const struct hours *h, const struct tz *tz, int64_t ms);

/* hours_next_open_ms: the first instant >= ms at which it is open; ms itself when open. -1 when
 * there is none in the spans that start up to limit_days days after the local date of ms. */
int64_t hours_next_open_ms(const struct hours *h, const struct tz *tz, int64_t ms, int limit_days);

/* hours_parse_minute: "HH:MM", 00:00 to 48:00, as minutes. LC_EINVAL otherwise. */
LC_MUST_CHECK enum lc_err hours_parse_minute(struct slice s, uint16_t *minute);

#endif
