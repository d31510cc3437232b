#include "base/hours.h"

#include <stddef.h>

enum { DAY_MIN = 1440, LOOK_DAYS = 8 };
#define LOOK_MS (INT64_C(8) * 86400 * 1000)

struct hours
hours_always(void)
{
    struct hours h = {0};

    for (int d = 0; d < 7; d++)
        h.week[d] = (struct hours_day){.n = 1, .span = {{0, DAY_MIN}}};
    return h;
}

static const char *
day_fault(const struct hours_day *d)
{
    uint16_t after = 0;

    if (d->n > HOURS_SPAN_MAX)
        return "more than 4 spans in a day";
    for (int i = 0; i < d->n; i++) {
        const struct hours_span *s = &d->span[i];
        if (s->open_min >= DAY_MIN)
            return "a span must open before 24:00";
        if (s->close_min <= s->open_min)
            return "a span must close after it opens (past midnight: add 24 hours)";
        if (s->close_min - s->open_min > DAY_MIN)
            return "a span must not be longer than 24 hours";
        if (s->open_min < after)
            return "the spans of a day must be in order and not overlap";
        after = s->close_min;
    }
    return NULL;
}

enum lc_err
hours_check(const struct hours *h, const char **why)
{
    const char *fault = NULL;

    if (h->exception_n > HOURS_EXCEPTION_MAX)
        fault = "more than 16 exceptions";
    for (int d = 0; d < 7 && fault == NULL; d++)
        fault = day_fault(&h->week[d]);
    for (int i = 0; i < h->exception_n && fault == NULL; i++) {
        fault = day_fault(&h->exception[i].day);
        for (int j = 0; j < i && fault == NULL; j++)
            if (h->exception[j].date == h->exception[i].date)
                fault = "a date has two exceptions";
    }
    if (why != NULL)
        *why = fault;
    return fault == NULL ? LC_OK : LC_EINVAL;
}

static const struct hours_day *
day_of(const struct hours *h, int32_t date, int32_t weekday)
{
    for (int i = 0; i < h->exception_n; i++)
        if (h->exception[i].date == date)
            return &h->exception[i].day;
    return &h->week[weekday];
}

/* What is asked about: days near one instant, and whether the clocks stand still in that time. */
struct look {
    const struct hours *h;
    const struct tz *tz;
    int32_t date; /* local date of the instant */
    int32_t weekday;
    int64_t midnight_ms;    /* of that date, when steady */
    int64_t from_ms, to_ms; /* within which the offset is that of the instant */
};

static struct look
look_at(const struct hours *h, const struct tz *tz, int64_t ms)
{
    struct look l = {.h = h, .tz = tz};
    int32_t offset_s = timezone_span(tz, ms, &l.from_ms, &l.to_ms);
    struct local_time local = timezone_local(NULL, ms + offset_s * INT64_C(1000));

    l.date = local.date;
    l.weekday = local.weekday;
    l.midnight_ms = local.date * INT64_C(86400000) - offset_s * INT64_C(1000);
    return l;
}

/* The instant of a minute of the date `days` after the look's. Plain arithmetic unless the clocks
 * change on the way; 26 hours keep clear of a time shown twice. */
static int64_t
instant(const struct look *l, int32_t days, int32_t minute)
{
    const int64_t clear_ms = INT64_C(26) * 3600 * 1000;
    int64_t ms = l->midnight_ms + (days * INT64_C(1440) + minute) * 60000;

    if ((l->from_ms == INT64_MIN || ms - clear_ms >= l->from_ms) && ms < l->to_ms)
        return ms;
    return timezone_instant_ms(l->tz, l->date + days, minute);
}

static int32_t
weekday_after(const struct look *l, int32_t days)
{
    return (int32_t)((l->weekday + days % 7 + 7) % 7);
}

/* The spans that start `days` after the look's date: the end of the one that holds ms, or of those
 * that touch it and follow; ms when none holds it. */
static int64_t
end_of_span(const struct look *l, int32_t days, int64_t ms)
{
    const struct hours_day *day = day_of(l->h, l->date + days, weekday_after(l, days));
    int64_t end = ms;

    for (int i = 0; i < day->n; i++) {
        const struct hours_span *s = &day->span[i];
        if (instant(l, days, s->open_min) > end)
            break; /* ascending, and it does not touch the one before */
        int64_t close = instant(l, days, s->close_min);
        end = close > end ? close : end;
    }
    return end;
}

bool
hours_open_at(const struct hours *h, const struct tz *tz, int64_t ms)
{
    struct look l = look_at(h, tz, ms);

    /* a span of 24 hours that starts late on one day ends on the next: two days are enough */
    return end_of_span(&l, 0, ms) > ms || end_of_span(&l, -1, ms) > ms;
}

int64_t
hours_closes_ms(const struct hours *h, const struct tz *tz, int64_t ms)
{
    struct look l = look_at(h, tz, ms);
    int64_t at = ms;

    for (int32_t days = -1; days <= LOOK_DAYS + 1; days++) {
        at = end_of_span(&l, days, at);
        if (at >= ms + LOOK_MS)
            return ms + LOOK_MS;
    }
    return at;
}

int64_t
hours_next_open_ms(const struct hours *h, const struct tz *tz, int64_t ms, int limit_days)
{
    struct look l = look_at(h, tz, ms);

    if (end_of_span(&l, 0, ms) > ms || end_of_span(&l, -1, ms) > ms)
        return ms;
    for (int32_t days = 0; days <= limit_days; days++) {
        const struct hours_day *day = day_of(h, l.date + days, weekday_after(&l, days));
        for (int i = 0; i < day->n; i++) {
            int64_t open = instant(&l, days, day->span[i].open_min);
            /* a span within a skipped hour has no length: it never opens */
            if (open >= ms && instant(&l, days, day->span[i].close_min) > open)
                return open;
        }
    }
    return -1;
}

enum lc_err
hours_parse_minute(struct slice s, uint16_t *minute)
{
    if (s.n != 5 || s.p[2] != ':')
        return LC_EINVAL;
    for (size_t i = 0; i < 5; i++)
        if (i != 2 && (s.p[i] < '0' || s.p[i] > '9'))
            return LC_EINVAL;
    int h = (s.p[0] - '0') * 10 + (s.p[1] - '0');
    int m = (s.p[3] - '0') * 10 + (s.p[4] - '0');
    if (m > 59 || h * 60 + m > HOURS_MINUTE_MAX)
        return LC_EINVAL;
    *minute = (uint16_t)(h * 60 + m);
    return LC_OK;
}
