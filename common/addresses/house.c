/* A house number on one street: the house, or where it should be. */
#include "addresses/find.h"

#include <math.h>

enum {
    EXACT_ERROR_M = 10,    /* from the middle of a house, or a point in it, to its door */
    SHARED_ERROR_M = 15,   /* one building for a range of numbers */
    SUFFIX_ERROR_M = 25,   /* 12A where the map has 12 */
    GAP_NUMBERS_MAX = 100, /* between neighbours: about a block */
    GAP_M_MAX = 400,
};

/* number_at: the first house of the street whose number is at least this. */
static uint32_t
number_at(const struct house *h, uint32_t n, uint32_t number)
{
    uint32_t low = 0, high = n;

    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (h[middle].number < number)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* add: one more house for this number. Of those that agree better, the others are forgotten. */
static void
add(const struct asked *q, const struct house *h, uint32_t error_m, enum address_precision p,
    struct hit *out)
{
    enum agreement a = agree(q->a, &q->place, h->city, h->postcode);

    if (out->precision == ADDRESS_NONE || a > out->agreement) {
        *out = (struct hit){p, a, h->at, h->radius_m > error_m ? h->radius_m : error_m, 0, 1};
    } else if (a == out->agreement) {
        uint32_t m = (uint32_t)lround(geo_distance_m(out->at, h->at));
        out->spread_m = m > out->spread_m ? m : out->spread_m;
        out->places++;
    }
}

static bool
same_suffix(const struct house *h, const struct house_number *n)
{
    return strcmp(h->suffix, n->suffix) == 0;
}

/* find_exact: the very number; a range that holds it; the same number with another letter. */
static void
find_exact(const struct asked *q, const struct street *s, struct hit *out)
{
    const struct house *h = q->a->house + s->first_house;
    const struct house_number *n = q->number;
    uint32_t at = number_at(h, s->houses, n->number);

    for (uint32_t i = at; i < s->houses && h[i].number == n->number; i++)
        if (same_suffix(&h[i], n) && (h[i].to == n->to || n->to == n->number))
            add(q, &h[i], EXACT_ERROR_M, ADDRESS_EXACT, out);
    for (uint32_t i = at; out->precision == ADDRESS_NONE && i > 0; i--) {
        const struct house *r = &h[i - 1];
        if (n->number - r->number > GAP_NUMBERS_MAX)
            break;
        if (r->to >= n->number && (n->number - r->number) % 2 == 0 && n->suffix[0] == '\0')
            add(q, r, SHARED_ERROR_M, ADDRESS_EXACT, out);
    }
    if (out->precision != ADDRESS_NONE)
        return;
    for (uint32_t i = at; i < s->houses && h[i].number == n->number; i++)
        add(q, &h[i], SUFFIX_ERROR_M, ADDRESS_INTERPOLATED, out);
    if (out->spread_m > GAP_M_MAX)
        *out = (struct hit){.precision = ADDRESS_NONE};
    out->error_m += out->spread_m;
}

static struct latlng
between(struct latlng a, struct latlng b, double part)
{
    return (struct latlng){
        a.lat_e7 + (int32_t)lround(part * ((double)b.lat_e7 - a.lat_e7)),
        a.lng_e7 + (int32_t)lround(part * ((double)b.lng_e7 - a.lng_e7)),
    };
}

/* along: a part of the way along a line. */
static struct latlng
along(const struct latlng *p, size_t n, double part, double *length_m)
{
    double length = 0, gone = 0;

    for (size_t i = 1; i < n; i++)
        length += geo_distance_m(p[i - 1], p[i]);
    *length_m = length;
    for (size_t i = 1; i < n; i++) {
        double m = geo_distance_m(p[i - 1], p[i]);
        if (gone + m >= part * length && m > 0)
            return between(p[i - 1], p[i], (part * length - gone) / m);
        gone += m;
    }
    return p[n - 1];
}

/* find_span: on an interpolation way. */
static void
find_span(const struct asked *q, const struct street *s, struct hit *out)
{
    uint32_t number = q->number->number;

    for (uint32_t i = 0; i < s->spans; i++) {
        const struct span *x = &q->a->span[s->first_span + i];
        double m;
        if (number < x->low || number > x->high || (number - x->low) % x->step != 0)
            continue;
        struct latlng at = along(q->a->point + x->first_point, x->points,
                                 (double)(number - x->low) / (x->high - x->low), &m);
        struct house h = {.at = at, .city = x->city, .postcode = x->postcode};
        add(q, &h, (uint32_t)lround(EXACT_ERROR_M + m / 10), ADDRESS_INTERPOLATED, out);
    }
    if (out->spread_m > GAP_M_MAX)
        *out = (struct hit){.precision = ADDRESS_NONE};
    out->error_m += out->spread_m;
}

/* find_between: neighbours on the same side: the last known below, the first above. */
static void
find_between(const struct asked *q, const struct street *s, struct hit *out)
{
    const struct house *h = q->a->house + s->first_house;
    uint32_t number = q->number->number, at = number_at(h, s->houses, number);
    const struct house *low = NULL, *high = NULL;

    for (uint32_t i = at; i > 0 && low == NULL && number - h[i - 1].number <= GAP_NUMBERS_MAX; i--)
        if ((number - h[i - 1].number) % 2 == 0)
            low = &h[i - 1];
    for (uint32_t i = at; i < s->houses && high == NULL && h[i].number - number <= GAP_NUMBERS_MAX;
         i++)
        if ((h[i].number - number) % 2 == 0)
            high = &h[i];
    if (low == NULL || high == NULL || high->number - low->number > GAP_NUMBERS_MAX)
        return;
    double m = geo_distance_m(low->at, high->at);
    if (m > GAP_M_MAX)
        return;
    double part = (double)(number - low->number) / (high->number - low->number);
    enum agreement a = agree(q->a, &q->place, low->city, low->postcode);
    enum agreement b = agree(q->a, &q->place, high->city, high->postcode);
    *out = (struct hit){ADDRESS_INTERPOLATED,
                        a < b ? a : b,
                        between(low->at, high->at, part),
                        (uint32_t)lround(EXACT_ERROR_M + m / 4),
                        0,
                        1};
}

void
house_on(const struct asked *q, const struct street *s, struct hit *out)
{
    find_exact(q, s, out);
    if (out->precision == ADDRESS_NONE)
        find_span(q, s, out);
    if (out->precision == ADDRESS_NONE)
        find_between(q, s, out);
}
