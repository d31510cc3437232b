#include "roads/profile.h"

#include <stdlib.h>

uint16_t
profile_speed(const struct word_speed *table, struct slice word)
{
    if (word.n > 0)
        for (; table->word != NULL; table++)
            if (slice_eq_str(word, table->word))
                return table->kmh;
    return 0;
}

void
profile_access(const struct tags *t, const struct access_key *levels, size_t n, struct slice out[2])
{
    out[0] = out[1] = (struct slice){0};
    for (size_t i = 0; i < n; i++) {
        if (out[0].n == 0 && levels[i].forward != KEY_COUNT)
            out[0] = t->v[levels[i].forward];
        if (out[1].n == 0 && levels[i].backward != KEY_COUNT)
            out[1] = t->v[levels[i].backward];
        for (int d = 0; d < 2; d++)
            if (out[d].n == 0)
                out[d] = t->v[levels[i].both];
    }
}

/* number: the digits (and decimals) from *at on; negative when there are none. */
static double
number(struct slice v, size_t *at, bool decimals)
{
    double n = 0, scale = 0;
    size_t start = *at;

    for (; *at < v.n && *at - start < 12; (*at)++) {
        char c = v.p[*at];
        if (c >= '0' && c <= '9') {
            n = n * 10 + (c - '0');
            scale *= 10;
        } else if (decimals && (c == '.' || c == ',') && scale == 0 && *at > start) {
            scale = 1;
        } else {
            break;
        }
    }
    return *at == start ? -1 : scale > 0 ? n / scale : n;
}

static bool
contains(struct slice v, const char *word)
{
    return v.n > 0 && memmem(v.p, v.n, word, strlen(word)) != NULL;
}

double
profile_kmh(struct slice v)
{
    size_t at = 0;
    double n = number(v, &at, false);

    if (n < 0)
        return 0;
    return contains(v, "mph") ? n * 1.609 : n;
}

static size_t
first_digit(struct slice v)
{
    size_t at = 0;

    while (at < v.n && (v.p[at] < '0' || v.p[at] > '9'))
        at++;
    return at;
}

double
profile_metres(struct slice v)
{
    size_t at = first_digit(v);
    double n = number(v, &at, true);

    if (n >= 0 && at < v.n && v.p[at] == '\'') {
        struct slice rest = slice_of(v.p + at, v.n - at);
        size_t inch_at = first_digit(rest);
        double inches = number(rest, &inch_at, false);
        n = (n * 12 + (inches > 0 ? inches : 0)) * 0.0254;
    }
    return n;
}

double
profile_kg(struct slice v)
{
    size_t at = first_digit(v);
    double n = number(v, &at, true);

    if (n < 0)
        return n;
    return contains(v, "lbs") ? n * 0.45359237 : contains(v, "kg") ? n : n * 1000;
}

uint32_t
profile_duration_s(struct slice v)
{
    double part[3] = {0};
    size_t at = 0;
    int n = 0;

    if (v.n > 2 && v.p[0] == 'P') { /* ISO 8601, hours and minutes: PT1H20M */
        double s = 0;
        for (at = 1; at < v.n; at++) {
            double x = number(v, &at, false);
            if (x >= 0 && at < v.n)
                s += v.p[at] == 'H' ? x * 3600 : v.p[at] == 'M' ? x * 60 : v.p[at] == 'S' ? x : 0;
        }
        return s > 0 && s < 1e7 ? (uint32_t)s : 0;
    }
    for (; n < 3; n++) {
        double x = number(v, &at, false);
        if (x < 0)
            return 0;
        part[n] = x;
        if (at >= v.n || v.p[at] != ':')
            break;
        at++;
    }
    double s = n == 0   ? part[0] * 60
               : n == 1 ? part[0] * 3600 + part[1] * 60
                        : part[0] * 3600 + part[1] * 60 + part[2];
    return at == v.n && s < 1e7 ? (uint32_t)s : 0;
}

bool
profile_blocked(const struct tags *t)
{
    if (tags_is(t, KEY_HIGHWAY, "construction") || tags_is(t, KEY_RAILWAY, "construction") ||
        tags_has(t, KEY_PROPOSED))
        return true;
    if (tags_has(t, KEY_CONSTRUCTION) && !tags_in(t->v[KEY_CONSTRUCTION], " no widening minor "))
        return true;
    return tags_is(t, KEY_IMPASSABLE, "yes") || tags_is(t, KEY_STATUS, "impassable");
}

void
way_dir_set(struct way_dir *d, enum way_kind kind, double kmh, double rate_kmh)
{
    if (kind == WAY_CLOSED || kmh < 0.1 || rate_kmh < 0.1) {
        *d = (struct way_dir){0};
        return;
    }
    d->kind = (uint8_t)kind;
    d->speed = (uint16_t)(kmh < 600 ? kmh * 100 + 0.5 : 60000);
    d->rate = (uint16_t)(rate_kmh < 600 ? rate_kmh * 100 + 0.5 : 60000);
}

bool
profile_way(const struct tags *t, struct way_use *out, uint32_t *duration_s)
{
    static const enum tags_key any[] = {KEY_HIGHWAY,  KEY_ROUTE,           KEY_RAILWAY,
                                        KEY_BRIDGE,   KEY_AMENITY,         KEY_LEISURE,
                                        KEY_MAN_MADE, KEY_PUBLIC_TRANSPORT};
    bool found = false;

    memset(out, 0, sizeof *out);
    *duration_s = 0;
    for (size_t i = 0; i < sizeof any / sizeof *any; i++)
        found |= tags_has(t, any[i]);
    if (!found)
        return false;
    profile_foot(t, out->mode[TRAVEL_FOOT]);
    profile_bicycle(t, TRAVEL_BICYCLE, out->mode[TRAVEL_BICYCLE]);
    profile_bicycle(t, TRAVEL_EBIKE, out->mode[TRAVEL_EBIKE]);
    for (unsigned m = TRAVEL_SCOOTER; m <= TRAVEL_VAN; m++) {
        bool passing = false;
        profile_motor(t, (enum travel_mode)m, out->mode[m], &passing);
        out->passing |= (uint8_t)(passing << m);
    }
    out->roundabout = tags_in(t->v[KEY_JUNCTION], " roundabout circular ");
    found = false;
    for (int m = 0; m < TRAVEL_MODES; m++)
        found |= out->mode[m][0].kind != WAY_CLOSED || out->mode[m][1].kind != WAY_CLOSED;
    if (found && tags_in(t->v[KEY_ROUTE], " ferry shuttle_train "))
        *duration_s = profile_duration_s(t->v[KEY_DURATION]);
    out->timed = *duration_s > 0;
    return found;
}

unsigned
profile_restricts(const struct tags *t, bool *only)
{
    static const unsigned motor = 1U << TRAVEL_CAR | 1U << TRAVEL_VAN | 1U << TRAVEL_SCOOTER;
    static const struct {
        enum tags_key key;
        unsigned modes;
    } kind[] = {
        {KEY_RESTRICTION, 1U << TRAVEL_CAR | 1U << TRAVEL_VAN | 1U << TRAVEL_SCOOTER},
        {KEY_RESTRICTION_VEHICLE, 1U << TRAVEL_CAR | 1U << TRAVEL_VAN | 1U << TRAVEL_SCOOTER},
        {KEY_RESTRICTION_MOTOR_VEHICLE, 1U << TRAVEL_CAR | 1U << TRAVEL_VAN | 1U << TRAVEL_SCOOTER},
        {KEY_RESTRICTION_MOTORCAR, 1U << TRAVEL_CAR}};
    unsigned modes = 0;

    if (!tags_is(t, KEY_TYPE, "restriction"))
        return 0;
    for (size_t i = 0; i < sizeof kind / sizeof *kind; i++) {
        struct slice v = t->v[kind[i].key];
        bool is_only = v.n > 5 && memcmp(v.p, "only_", 5) == 0;
        bool is_no = v.n > 3 && memcmp(v.p, "no_", 3) == 0 &&
                     (v.n < 7 || memcmp(v.p + v.n - 7, "_on_red", 7) != 0);
        if (is_only || is_no) {
            *only = is_only;
            modes |= kind[i].modes;
        }
    }
    struct slice except = t->v[KEY_EXCEPT];
    for (size_t at = 0; at < except.n;) {
        size_t n = 0;
        while (at + n < except.n && except.p[at + n] != ';')
            n++;
        struct slice word = slice_of(except.p + at, n);
        if (tags_in(word, " motor_vehicle vehicle "))
            modes &= ~motor;
        else if (slice_eq_str(word, "motorcar"))
            modes &= ~(1U << TRAVEL_CAR);
        else if (slice_eq_str(word, "goods"))
            modes &= ~(1U << TRAVEL_VAN);
        else if (slice_eq_str(word, "moped"))
            modes &= ~(1U << TRAVEL_SCOOTER);
        at += n + 1;
    }
    return modes;
}
