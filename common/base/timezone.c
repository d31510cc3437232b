#include "base/timezone.h"

#include "base/date.h"
#include "base/tz_rule.h"

#include <assert.h>
#include <stdlib.h>

/* The Gregorian calendar repeats after 400 years, weekdays included. So the footer's rules are
 * written out once for that long behind the file's own table, and any later time is moved back by
 * whole cycles: one search, no special case. */
enum { DAY_S = 86400, CYCLE_YEARS = 400, FILE_CHANGES_MAX = 4000 };
#define CYCLE_S (INT64_C(146097) * DAY_S)

/* No zone had rules before: file times may be as early as the Big Bang. */
enum { FIRST_YEAR = 1900 };
#define FIRST_YEAR_S (INT64_C(-25567) * DAY_S)

struct change {
    int64_t at_s; /* from this second on */
    int32_t offset_s;
};

struct tz {
    int32_t first_offset_s; /* before the first change */
    bool repeats;           /* the last 400 years of the table go on for ever */
    size_t n;
    struct change change[]; /* ascending */
};

/* ---- the file ---- */

static int64_t
floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

static uint32_t
be32(const char *p)
{
    return __builtin_bswap32(bytes_u32(p));
}

static int64_t
be64(const char *p)
{
    return (int64_t)__builtin_bswap64(bytes_u64(p));
}

struct head {
    char version;
    size_t isutc_n, isstd_n, leap_n, time_n, type_n, char_n;
};

enum { HEAD_BYTES = 44, TYPE_BYTES = 6 };

static bool
take_head(struct cursor *c, struct head *h)
{
    struct slice s = cursor_take(c, HEAD_BYTES);

    if (c->failed || memcmp(s.p, "TZif", 4) != 0)
        return false;
    *h = (struct head){
        .version = s.p[4],
        .isutc_n = be32(s.p + 20),
        .isstd_n = be32(s.p + 24),
        .leap_n = be32(s.p + 28),
        .time_n = be32(s.p + 32),
        .type_n = be32(s.p + 36),
        .char_n = be32(s.p + 40),
    };
    return h->time_n <= FILE_CHANGES_MAX && h->type_n >= 1 && h->type_n <= 256;
}

/* A data block; `wide` is the bytes of a time, 4 in version 1. */
struct block {
    const char *times, *indices, *types;
};

static bool
take_block(struct cursor *c, const struct head *h, size_t wide, struct block *b)
{
    b->times = cursor_take(c, h->time_n * wide).p;
    b->indices = cursor_take(c, h->time_n).p;
    b->types = cursor_take(c, h->type_n * TYPE_BYTES).p;
    cursor_take(c, h->char_n);
    cursor_take(c, h->leap_n * (wide + 4));
    cursor_take(c, h->isstd_n);
    cursor_take(c, h->isutc_n);
    return !c->failed;
}

static bool
type_offset(const struct block *b, const struct head *h, size_t type, int32_t *offset_s)
{
    if (type >= h->type_n)
        return false;
    *offset_s = (int32_t)be32(b->types + type * TYPE_BYTES);
    return *offset_s > -93600 && *offset_s < 93600; /* RFC 9636 3.2: -25:59:59 to 26 hours */
}

/* Changes that do not change the offset (of the name, or of the flag alone) are left out. */
static void
add_change(struct tz *tz, int64_t at_s, int32_t offset_s)
{
    int32_t before = tz->n == 0 ? tz->first_offset_s : tz->change[tz->n - 1].offset_s;

    if (offset_s != before)
        tz->change[tz->n++] = (struct change){at_s, offset_s};
}

static bool
fill_from_block(struct tz *tz, const struct block *b, const struct head *h, size_t wide)
{
    int64_t last_s = INT64_MIN;
    int32_t offset_s;

    if (!type_offset(b, h, 0, &tz->first_offset_s))
        return false;
    for (size_t i = 0; i < h->time_n; i++) {
        int64_t at_s = wide == 8 ? be64(b->times + 8 * i) : (int32_t)be32(b->times + 4 * i);
        if (at_s <= last_s || at_s > INT64_C(1) << 40 || at_s < -(INT64_C(1) << 60))
            return false;
        if (!type_offset(b, h, (unsigned char)b->indices[i], &offset_s))
            return false;
        add_change(tz, at_s, offset_s);
        last_s = at_s;
    }
    return true;
}

/* Stable, and the list is nearly in order already. */
static void
sort_changes(struct change *list, size_t n)
{
    for (size_t i = 1; i < n; i++)
        for (size_t k = i; k > 0 && list[k - 1].at_s > list[k].at_s; k--) {
            struct change t = list[k];
            list[k] = list[k - 1];
            list[k - 1] = t;
        }
}

/* Writes the rules out from the last change of the file on. */
static void
fill_from_footer(struct tz *tz, const struct tz_rules *f, int64_t after_s)
{
    struct change rules[2 * (CYCLE_YEARS + 3)];
    size_t n = 0;

    if (!f->has_dst) {
        add_change(tz, after_s, f->std_s);
        return;
    }
    int32_t year =
        after_s < FIRST_YEAR_S ? FIRST_YEAR : date_civil((int32_t)floor_div(after_s, DAY_S)).year;
    for (int32_t y = year - 1; y < year + CYCLE_YEARS + 2; y++) {
        rules[n++] = (struct change){tz_rule_s(&f->to_dst, y) - f->std_s, f->dst_s};
        rules[n++] = (struct change){tz_rule_s(&f->to_std, y) - f->dst_s, f->std_s};
    }
    sort_changes(rules, n);
    for (size_t i = 0; i < n; i++) {
        /* two changes at one instant (a zone whose summer never ends): the last one counts */
        bool replaced = i + 1 < n && rules[i + 1].at_s == rules[i].at_s;
        if (rules[i].at_s > after_s && !replaced)
            add_change(tz, rules[i].at_s, rules[i].offset_s);
    }
    tz->repeats = true;
}

static struct slice
take_footer(struct cursor *c)
{
    const char *end = c->n < 2 || *c->p != '\n' ? NULL : memchr(c->p + 1, '\n', c->n - 1);

    return end == NULL ? slice_of(NULL, 0) : slice_of(c->p + 1, (size_t)(end - c->p - 1));
}

enum lc_err
timezone_new(struct slice tzif, struct tz **out)
{
    struct cursor c = {.p = tzif.p, .n = tzif.n};
    struct head h;
    struct block b;
    struct tz_rules f;
    size_t wide = 4;
    bool footed = false;

    *out = NULL;
    if (!take_head(&c, &h) || !take_block(&c, &h, wide, &b))
        return LC_EINVAL;
    if (h.version >= '2') {
        wide = 8;
        if (!take_head(&c, &h) || !take_block(&c, &h, wide, &b))
            return LC_EINVAL;
        struct slice text = take_footer(&c);
        if (text.p == NULL)
            return LC_EINVAL;
        footed = text.n > 0;
        if (footed && !tz_rules_parse(text, &f))
            return LC_EINVAL;
    }
    size_t most = h.time_n + (footed ? 2 * (CYCLE_YEARS + 3) : 0);
    struct tz *tz = malloc(sizeof *tz + most * sizeof tz->change[0]);
    if (tz == NULL)
        return LC_ENOMEM;
    *tz = (struct tz){0};
    if (!fill_from_block(tz, &b, &h, wide)) {
        free(tz);
        return LC_EINVAL;
    }
    if (footed) {
        int64_t last_s = h.time_n > 0 ? be64(b.times + 8 * (h.time_n - 1)) : 0;
        fill_from_footer(tz, &f, last_s);
    }
    assert(tz->n <= most);
    *out = tz;
    return LC_OK;
}

void
timezone_destroy(struct tz *tz)
{
    free(tz);
}

/* ---- asking ---- */

/* How many changes are at or before `s`. */
static size_t
changes_until(const struct tz *tz, int64_t s)
{
    size_t lo = 0, hi = tz->n;

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (tz->change[mid].at_s <= s)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

/* ms or an end of time, kept within int64_t. */
static int64_t
to_ms(int64_t s)
{
    int64_t ms;

    if (__builtin_mul_overflow(s, INT64_C(1000), &ms))
        return s < 0 ? INT64_MIN : INT64_MAX;
    return ms;
}

int32_t
timezone_span(const struct tz *tz, int64_t ms, int64_t *from_ms, int64_t *to_ms_out)
{
    *from_ms = INT64_MIN;
    *to_ms_out = INT64_MAX;
    if (tz == NULL)
        return 0;
    int64_t s = floor_div(ms, 1000), shift = 0;
    if (tz->repeats && tz->n > 2) {
        /* the last change but one has another behind it, so both ends of the span are in the table
         */
        int64_t past = s - tz->change[tz->n - 2].at_s;
        if (past >= 0)
            shift = (past / CYCLE_S + 1) * CYCLE_S;
    }
    size_t n = changes_until(tz, s - shift);
    if (n > 0)
        *from_ms = to_ms(tz->change[n - 1].at_s + shift);
    if (n < tz->n)
        *to_ms_out = to_ms(tz->change[n].at_s + shift);
    return n == 0 ? tz->first_offset_s : tz->change[n - 1].offset_s;
}

int32_t
timezone_offset_s(const struct tz *tz, int64_t ms)
{
    int64_t from, to;

    return timezone_span(tz, ms, &from, &to);
}

struct local_time
timezone_local(const struct tz *tz, int64_t ms)
{
    int64_t s = floor_div(ms, 1000) + timezone_offset_s(tz, ms);
    int64_t day = floor_div(s, DAY_S);
    int32_t of_day = (int32_t)(s - day * DAY_S);

    return (struct local_time){
        .date = (int32_t)day,
        .weekday = date_weekday((int32_t)day),
        .minute = of_day / 60,
        .second = of_day % 60,
    };
}

int64_t
timezone_instant_ms(const struct tz *tz, int32_t date, int32_t minute)
{
    int64_t local_ms = ((int64_t)date * DAY_S + (int64_t)minute * 60) * 1000;
    int64_t ms = local_ms - INT64_C(26) * 3600 * 1000; /* no offset is larger: it is earlier here */
    int64_t from, to;

    /* From span to span: the first that shows the time, or begins after it would have been shown.
     */
    for (;;) {
        int32_t offset_s = timezone_span(tz, ms, &from, &to);
        int64_t instant = local_ms - offset_s * INT64_C(1000);
        if (instant < from)
            return from;
        if (instant < to)
            return instant;
        ms = to;
    }
}
