#include "base/tz_rule.h"

#include "base/date.h"

static bool
take(struct slice *s, char c)
{
    if (s->n == 0 || *s->p != c)
        return false;
    *s = slice_of(s->p + 1, s->n - 1);
    return true;
}

static bool
take_number(struct slice *s, int32_t min, int32_t max, int32_t *out)
{
    int32_t v = 0;
    size_t n = 0;

    while (n < s->n && n < 4 && s->p[n] >= '0' && s->p[n] <= '9')
        v = v * 10 + (s->p[n++] - '0');
    if (n == 0 || v < min || v > max)
        return false;
    *s = slice_of(s->p + n, s->n - n);
    *out = v;
    return true;
}

static bool
take_name(struct slice *s)
{
    size_t n = 0;

    if (take(s, '<')) {
        while (n < s->n && s->p[n] != '>')
            n++;
        if (n == s->n)
            return false;
        *s = slice_of(s->p + n + 1, s->n - n - 1);
        return true;
    }
    while (n < s->n && ((s->p[n] >= 'A' && s->p[n] <= 'Z') || (s->p[n] >= 'a' && s->p[n] <= 'z')))
        n++;
    *s = slice_of(s->p + n, s->n - n);
    return n >= 3;
}

/* [+-]hh[:mm[:ss]]; up to 167 hours (RFC 9636 3.3.2). */
static bool
take_time(struct slice *s, int32_t *out)
{
    int32_t h, m = 0, sec = 0;
    bool negative = take(s, '-');

    if (!negative)
        take(s, '+');
    if (!take_number(s, 0, 167, &h))
        return false;
    if (take(s, ':') && !take_number(s, 0, 59, &m))
        return false;
    if (take(s, ':') && !take_number(s, 0, 59, &sec))
        return false;
    *out = (h * 3600 + m * 60 + sec) * (negative ? -1 : 1);
    return true;
}

static bool
take_rule(struct slice *s, struct tz_rule *r)
{
    *r = (struct tz_rule){.kind = '0', .time_s = 2 * 3600};
    if (!take(s, ','))
        return false;
    if (take(s, 'M')) {
        r->kind = 'M';
        if (!take_number(s, 1, 12, &r->month) || !take(s, '.') || !take_number(s, 1, 5, &r->week) ||
            !take(s, '.') || !take_number(s, 0, 6, &r->day))
            return false;
    } else if (take(s, 'J')) {
        r->kind = 'J';
        if (!take_number(s, 1, 365, &r->day))
            return false;
    } else if (!take_number(s, 0, 365, &r->day)) {
        return false;
    }
    return !take(s, '/') || take_time(s, &r->time_s);
}

bool
tz_rules_parse(struct slice s, struct tz_rules *f)
{
    int32_t west;

    *f = (struct tz_rules){0};
    if (!take_name(&s) || !take_time(&s, &west))
        return false;
    f->std_s = -west;
    if (s.n == 0)
        return true;
    f->has_dst = true;
    f->dst_s = f->std_s + 3600;
    if (!take_name(&s))
        return false;
    if (s.n > 0 && *s.p != ',') {
        if (!take_time(&s, &west))
            return false;
        f->dst_s = -west;
    }
    return take_rule(&s, &f->to_dst) && take_rule(&s, &f->to_std) && s.n == 0;
}

int64_t
tz_rule_s(const struct tz_rule *r, int32_t year)
{
    int32_t first = date_of((struct civil){year, 1, 1});
    int32_t date = first + r->day;

    if (r->kind == 'J') {
        bool leap = date_month_days(year, 2) == 29;
        date = first + r->day - 1 + (leap && r->day >= 60);
    } else if (r->kind == 'M') {
        first = date_of((struct civil){year, r->month, 1});
        int32_t sunday_based = (date_weekday(first) + 1) % 7;
        int32_t to_day = (r->day - sunday_based + 7) % 7;
        date = first + to_day + 7 * (r->week - 1);
        if (date >= first + date_month_days(year, r->month))
            date -= 7; /* week 5 is the last, which may be the fourth */
    }
    return (int64_t)date * 86400 + r->time_s;
}
