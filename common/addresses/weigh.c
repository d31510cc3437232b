/* Which of several places is meant, and how sure that is. */
#include "addresses/find.h"

#include <math.h>

/* Houses of one number nearer to each other than this are one estate. */
enum { SAME_PLACE_M = 300 };

/* What is known worse than this is no house: somebody has to say where the door is. */
enum { SURE_M = 400 };

/* ---- towns and postcodes ---- */

/* has_town: does the text name it? */
static bool
has_town(const struct words *place, const char *town)
{
    char name[KEY_BYTES_MAX];

    for (size_t from = 0; from < place->n; from++)
        for (size_t to = from + 1; to <= place->n; to++) {
            words_town(&place->w[from], to - from, name);
            if (strcmp(name, town) == 0)
                return true;
            if (strlen(name) > strlen(town))
                break;
        }
    return false;
}

static bool
has_postcode(const struct words *place, const char *postcode)
{
    char text[KEY_BYTES_MAX];

    for (size_t i = 0; i < place->n; i++)
        for (size_t n = 1; n <= 2 && i + n <= place->n; n++) {
            words_postcode(&place->w[i], n, text);
            if (strcmp(text, postcode) == 0)
                return true;
        }
    return false;
}

/* says_postcode: is there anything that looks like one? */
static bool
says_postcode(const struct words *place)
{
    for (size_t i = 0; i < place->n; i++)
        if (word_has_digit(&place->w[i]) && place->w[i].n >= 3)
            return true;
    return false;
}

/* says_town: is there a word that is more than a state or country? */
static bool
says_town(const struct words *place)
{
    static const char *const vast[] = {"usa",         "united", "states",  "america", "germany",
                                       "deutschland", "france", "england", "kingdom", "canada"};

    for (size_t i = 0; i < place->n; i++) {
        bool small = place->w[i].n >= 4 && !word_has_digit(&place->w[i]);
        for (size_t k = 0; small && k < sizeof vast / sizeof *vast; k++)
            small = strcmp(vast[k], place->w[i].text) != 0;
        if (small)
            return true;
    }
    return false;
}

static enum agreement
agree_postcode(const struct addresses *a, const struct words *place, uint32_t postcode)
{
    if (!says_postcode(place))
        return NEUTRAL;
    if (postcode != 0)
        return has_postcode(place, a->text + postcode) ? AGREES : DISAGREES;
    for (size_t i = 0; i < a->postcodes; i++)
        if (has_postcode(place, a->text + a->postcode[i]))
            return NEUTRAL;
    return a->postcodes == 0 ? NEUTRAL : DISAGREES;
}

static enum agreement
agree_city(const struct addresses *a, const struct words *place, uint32_t city)
{
    if (!says_town(place))
        return NEUTRAL;
    if (city != 0)
        return has_town(place, a->text + city) ? AGREES : DISAGREES;
    for (size_t i = 0; i < a->cities; i++)
        if (has_town(place, a->text + a->city[i]))
            return NEUTRAL;
    return a->cities == 0 ? NEUTRAL : DISAGREES;
}

enum agreement
agree(const struct addresses *a, const struct words *place, uint32_t city, uint32_t postcode)
{
    enum agreement by_postcode = agree_postcode(a, place, postcode);

    return by_postcode != NEUTRAL ? by_postcode : agree_city(a, place, city);
}

/* street_agrees: as its houses do, the best of them. */
static enum agreement
street_agrees(const struct asked *q, const struct street *s)
{
    const struct house *h = q->a->house + s->first_house;
    enum agreement best = s->houses == 0 ? agree(q->a, &q->place, 0, 0) : DISAGREES;

    for (uint32_t i = 0; i < s->houses && best != AGREES; i++) {
        bool new_one = i == 0 || h[i].city != h[i - 1].city || h[i].postcode != h[i - 1].postcode;
        enum agreement one = new_one ? agree(q->a, &q->place, h[i].city, h[i].postcode) : DISAGREES;
        best = one > best ? one : best;
    }
    return best;
}

/* ---- choosing ---- */

/* box: around places. */
struct box {
    struct latlng low, high, at;
    uint32_t n;
    uint32_t largest_m; /* extent of the largest of them */
};

static void
box_add(struct box *b, struct latlng p, uint32_t extent_m)
{
    if (b->n++ == 0)
        b->low = b->high = b->at = p;
    b->low.lat_e7 = p.lat_e7 < b->low.lat_e7 ? p.lat_e7 : b->low.lat_e7;
    b->low.lng_e7 = p.lng_e7 < b->low.lng_e7 ? p.lng_e7 : b->low.lng_e7;
    b->high.lat_e7 = p.lat_e7 > b->high.lat_e7 ? p.lat_e7 : b->high.lat_e7;
    b->high.lng_e7 = p.lng_e7 > b->high.lng_e7 ? p.lng_e7 : b->high.lng_e7;
    b->largest_m = extent_m > b->largest_m ? extent_m : b->largest_m;
}

static uint32_t
box_m(const struct box *b)
{
    return (uint32_t)lround(geo_distance_m(b->low, b->high));
}

static void
found_ambiguous(const struct box *b, uint32_t places, struct address_found *out)
{
    out->precision = ADDRESS_AMBIGUOUS;
    out->at = b->at;
    out->extent_m = box_m(b) + b->largest_m;
    out->error_m = out->extent_m / 2;
    out->places = places;
}

/* found_street: without a house: the one street, or several. */
static void
found_street(const struct asked *q, const enum agreement *street, enum agreement best,
             struct address_found *out)
{
    struct box b = {0};
    const struct street *one = NULL;

    for (size_t i = 0; i < q->n; i++) {
        const struct street *s = &q->a->street[q->street[i]];
        if (street[i] != best)
            continue;
        one = b.n == 0 ? s : one;
        box_add(&b, s->at, s->extent_m);
    }
    if (one == NULL)
        return;
    out->street = q->a->text + one->name;
    out->elsewhere = best == DISAGREES;
    if (b.n > 1) {
        found_ambiguous(&b, b.n, out);
        return;
    }
    *out = (struct address_found){.precision = ADDRESS_STREET,
                                  .at = one->at,
                                  .error_m = one->extent_m / 2,
                                  .extent_m = one->extent_m,
                                  .places = 1,
                                  .elsewhere = best == DISAGREES,
                                  .street = q->a->text + one->name};
}

/* found_house: one of the hits of the best agreement. Exact ones outdo the others; what is only
 * interpolated must be on the only street that it may be. */
static bool
found_house(const struct asked *q, const struct hit *hit, const enum agreement *street,
            enum agreement best, struct address_found *out)
{
    struct box exact = {0};
    const struct hit *one = NULL;
    const char *name = "";
    uint32_t places = 0, streets = 0, spread = 0;

    for (size_t i = 0; i < q->n; i++) {
        const char *its = q->a->text + q->a->street[q->street[i]].name;
        streets += street[i] == best;
        if (hit[i].precision == ADDRESS_NONE || hit[i].agreement != best)
            continue;
        if (hit[i].precision == ADDRESS_EXACT) {
            if (exact.n == 0) {
                one = &hit[i];
                name = its;
            }
            box_add(&exact, hit[i].at, hit[i].spread_m);
            places += hit[i].places;
            spread = hit[i].spread_m > spread ? hit[i].spread_m : spread;
        } else if (one == NULL) {
            one = &hit[i];
            name = its;
        }
    }
    if (one == NULL || (exact.n == 0 && streets > 1))
        return false;
    out->street = name;
    if (exact.n > 0 && (spread > SAME_PLACE_M || box_m(&exact) > SAME_PLACE_M)) {
        found_ambiguous(&exact, places, out);
        return true;
    }
    out->precision = one->precision;
    out->at = one->at;
    out->error_m = one->error_m + spread;
    if (out->error_m > SURE_M) { /* a harbour, an airport */
        out->precision = ADDRESS_STREET;
        out->extent_m = 2 * out->error_m;
    }
    out->places = 1;
    return true;
}

void
weigh(const struct asked *q, struct address_found *out)
{
    struct hit hit[CANDIDATES];
    enum agreement street[CANDIDATES], best = DISAGREES, best_hit = DISAGREES;

    for (size_t i = 0; i < q->n; i++) {
        const struct street *s = &q->a->street[q->street[i]];
        street[i] = street_agrees(q, s);
        best = street[i] > best ? street[i] : best;
        hit[i] = (struct hit){.precision = ADDRESS_NONE};
        if (q->number != NULL)
            house_on(q, s, &hit[i]);
        if (hit[i].agreement == NEUTRAL)
            hit[i].agreement = street[i];
        if (hit[i].precision != ADDRESS_NONE && hit[i].agreement > best_hit)
            best_hit = hit[i].agreement;
    }
    /* a house that is not where the text says is no house; nor is one on a street that is a guess
     */
    if (best_hit == DISAGREES || best_hit < best || q->unsure || q->n == CANDIDATES ||
        !found_house(q, hit, street, best_hit, out))
        found_street(q, street, best, out);
}
