/* When the city's shops are open. */
#include "city_internal.h"

enum { DAY = 1440, WEEK = 7 * DAY, NOON = 720 };

bool
city_open_at(const struct city_store *s, uint32_t week_minute)
{
    if (s->always_open)
        return true;
    for (uint32_t i = 0; i < s->span_n; i++) {
        uint32_t opens = (uint32_t)s->span[i].weekday * DAY + s->span[i].open_min;

        if ((week_minute % WEEK + WEEK - opens) % WEEK <
            (uint32_t)(s->span[i].close_min - s->span[i].open_min))
            return true;
    }
    return false;
}

static void
add_span(struct city_store *s, uint32_t day, uint32_t open_min, uint32_t close_min)
{
    s->span[s->span_n++] =
        (struct city_span){(uint8_t)day, (uint16_t)open_min, (uint16_t)close_min};
}

/* "08:00-22:00" at *p, moving on past it; a close before the open is on the next day. */
static bool
times(const char **p, uint32_t *open_min, uint32_t *close_min)
{
    static const char form[] = "00:00-00:00";
    const char *t = *p;

    for (size_t i = 0; form[i] != '\0'; i++) {
        if (form[i] == '0' ? t[i] < '0' || t[i] > '9' : t[i] != form[i])
            return false;
    }
    *open_min = (uint32_t)((t[0] - '0') * 600 + (t[1] - '0') * 60 + (t[3] - '0') * 10 + t[4] - '0');
    *close_min =
        (uint32_t)((t[6] - '0') * 600 + (t[7] - '0') * 60 + (t[9] - '0') * 10 + t[10] - '0');
    if (*close_min <= *open_min)
        *close_min += DAY;
    *p += sizeof form - 1;
    return *open_min < DAY && *close_min <= *open_min + DAY;
}

static bool
weekday(const char **p, uint32_t *day)
{
    static const char names[] = "MoTuWeThFrSaSu";

    for (uint32_t d = 0; d < 7; d++) {
        if (strncmp(*p, names + 2 * (size_t)d, 2) == 0) {
            *day = d;
            *p += 2;
            return true;
        }
    }
    return false;
}

/* The simple forms of the tag: "24/7", "08:00-22:00", "Mo-Fr 08:00-22:00; Sa 10:00-18:00". */
static bool
from_tag(const char *tag, struct city_store *s)
{
    uint32_t first, last, open_min, close_min;
    bool seen[7] = {false};

    if (strcmp(tag, "24/7") == 0) {
        s->always_open = true;
        return true;
    }
    while (*tag != '\0') {
        first = 0;
        last = 6;
        if (weekday(&tag, &first)) {
            last = first;
            if (*tag == '-' && (tag++, !weekday(&tag, &last)))
                return false;
            if (*tag++ != ' ' || last < first)
                return false;
        }
        if (!times(&tag, &open_min, &close_min))
            return false;
        for (uint32_t d = first; d <= last; d++) {
            if (seen[d])
                return false;
            seen[d] = true;
            add_span(s, d, open_min, close_min);
        }
        if (*tag == ';')
            tag += tag[1] == ' ' ? 2 : 1;
        else if (*tag != '\0')
            return false;
    }
    return s->span_n > 0;
}

static void
plausible(enum city_kind kind, struct rand *r, struct city_store *s)
{
    static const uint16_t usual[][4] = {
        /* opens from, to; closes from, to: in half hours */
        [CITY_SUPERMARKET] = {12, 16, 42, 48}, [CITY_CONVENIENCE] = {10, 14, 44, 50},
        [CITY_FAST_FOOD] = {12, 20, 44, 52},   [CITY_CAFE] = {12, 15, 32, 40},
        [CITY_RESTAURANT] = {20, 23, 43, 47},
    };
    const uint16_t *u = usual[kind];
    uint32_t opens = 30 * rand_between(r, u[0], u[1]), closes = 30 * rand_between(r, u[2], u[3]);
    uint32_t rest = 7;

    if (kind == CITY_CONVENIENCE && rand_percent(r, 65)) {
        s->always_open = true;
        return;
    }
    if (kind == CITY_RESTAURANT && rand_percent(r, 8))
        opens = 30 * 33; /* evenings only */
    if (kind >= CITY_CAFE && rand_percent(r, 12))
        rest = rand_between(r, 0, 2); /* Monday to Wednesday */
    for (uint32_t d = 0; d < 7; d++) {
        if (d != rest)
            add_span(s, d, opens, closes);
    }
}

void
hours_of_shop(const struct city *c, const struct shop *shop, struct rand *r, struct city_store *s)
{
    uint32_t shift = WEEK + c->params.lunch_minute % DAY - NOON;

    s->always_open = false;
    s->span_n = 0;
    if (!from_tag(shop->hours, s)) {
        s->span_n = 0;
        plausible(shop->kind, r, s);
    }
    for (uint32_t i = 0; i < s->span_n; i++) {
        struct city_span *p = &s->span[i];
        uint32_t opens = ((uint32_t)p->weekday * DAY + p->open_min + shift) % WEEK;
        uint32_t length = (uint32_t)(p->close_min - p->open_min);

        *p = (struct city_span){(uint8_t)(opens / DAY), (uint16_t)(opens % DAY),
                                (uint16_t)(opens % DAY + length)};
    }
}
