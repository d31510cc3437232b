/* From a text to a place. A text is read in several ways (number in front or behind, with or
 * without its letter, the town behind a comma or not); each reading is looked up, and the best
 * answer counts. */
#include "addresses/find.h"

#include "base/utf8.h"

#include <stdlib.h>

/* ---- streets of a name ---- */

static const char *
key_text(const struct addresses *a, enum strict strict, size_t i)
{
    switch (strict) {
    case STRICT_FULL:
        return a->text + a->street[i].key;
    case STRICT_LOOSE:
        return a->text + a->street[a->loose[i]].loose;
    case STRICT_BARE:
        return a->text + a->street[a->bare[i]].bare;
    }
    return "";
}

static uint32_t
street_at(const struct addresses *a, enum strict strict, size_t i)
{
    return strict == STRICT_FULL ? (uint32_t)i : strict == STRICT_LOOSE ? a->loose[i] : a->bare[i];
}

/* named: the streets with this key: out[0..n), CANDIDATES at most. */
static size_t
named(const struct addresses *a, enum strict strict, const char *key, uint32_t *out)
{
    size_t low = 0, high = a->streets, n = 0;

    while (low < high) {
        size_t middle = (low + high) / 2;
        if (strcmp(key_text(a, strict, middle), key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    for (; n < CANDIDATES && low < a->streets && strcmp(key_text(a, strict, low), key) == 0; low++)
        out[n++] = street_at(a, strict, low);
    return n;
}

/* one_name: have all of them the same full name? */
static bool
one_name(const struct addresses *a, const uint32_t *street, size_t n)
{
    for (size_t i = 1; i < n; i++)
        if (strcmp(a->text + a->street[street[i]].key, a->text + a->street[street[0]].key) != 0)
            return false;
    return true;
}

/* same_directions: do both say the same in front of and behind the name without them? */
static bool
same_directions(const struct addresses *a, const struct street *s, const struct street_key *k)
{
    const char *full = a->text + s->key, *loose = a->text + s->loose;
    const char *its = strstr(full, loose), *said = strstr(k->full, k->loose);

    if (its == NULL || said == NULL)
        return false;
    return its - full == said - k->full && memcmp(full, k->full, (size_t)(said - k->full)) == 0 &&
           strcmp(its + strlen(loose), said + strlen(k->loose)) == 0;
}

/* look_up: by the name as it is; else without its directions, else without its type, too. What was
 * said must not contradict: "N Gay St" is not South Gay Street. *unsure: something was left out,
 * and there are several, or something was said that the map does not know. */
static size_t
look_up(const struct addresses *a, const struct street_key *k, enum strict strict, uint32_t *out,
        bool *unsure)
{
    size_t n = named(a, STRICT_FULL, k->full, out), left = 0;
    bool said_direction = strcmp(k->full, k->loose) != 0;

    *unsure = false;
    if (n > 0 || strict == STRICT_FULL)
        return n;
    n = named(a, STRICT_LOOSE, k->loose, out);
    if (n > 0 && said_direction) { /* only a street that says none may be meant */
        for (size_t i = 0; i < n; i++)
            if (a->street[out[i]].key == a->street[out[i]].loose)
                out[left++] = out[i];
        *unsure = left > 0;
        return left;
    }
    if (n == 0 && strict == STRICT_BARE && strcmp(k->loose, k->bare) == 0) {
        size_t all = named(a, STRICT_BARE, k->bare, out);
        for (size_t i = 0; i < all; i++)
            if (!said_direction || same_directions(a, &a->street[out[i]], k))
                out[n++] = out[i];
    }
    *unsure = n > 1 && !one_name(a, out, n);
    return n;
}

/* ---- readings ---- */

static void
better(struct address_found *best, const struct address_found *got)
{
    static const int rank[] = {[ADDRESS_NONE] = 0,
                               [ADDRESS_AMBIGUOUS] = 1,
                               [ADDRESS_STREET] = 2,
                               [ADDRESS_INTERPOLATED] = 3,
                               [ADDRESS_EXACT] = 4};

    if (rank[got->precision] > rank[best->precision])
        *best = *got;
}

/* try_name: the street w[from, to), and all other words but [skip, skip_to) as its town. */
static bool
try_name(const struct addresses *a, const struct words *w, struct range street, struct range number,
         const struct house_number *h, enum strict strict, struct address_found *best)
{
    struct street_key k;
    struct asked q = {.a = a, .number = h};
    struct address_found got = {0};

    if (street.from >= street.to ||
        !street_key_make(w->w + street.from, street.to - street.from, &k))
        return false;
    q.n = look_up(a, &k, strict, q.street, &q.unsure);
    if (q.n == 0)
        return false;
    q.place.n = 0;
    size_t start = number.from < number.to && number.from < street.from ? number.from : street.from;
    for (size_t i = start; i < w->n; i++)
        if ((i < street.from || i >= street.to) && (i < number.from || i >= number.to))
            q.place.w[q.place.n++] = w->w[i];
    weigh(&q, &got);
    better(best, &got);
    return true;
}

/* end_of_part: the first word behind i's part. */
static size_t
end_of_part(const struct words *w, size_t i)
{
    size_t end = i;

    while (end < w->n && w->w[end].part == w->w[i].part)
        end++;
    return end;
}

static size_t
start_of_part(const struct words *w, size_t i)
{
    while (i > 0 && w->w[i - 1].part == w->w[i].part)
        i--;
    return i;
}

/* try_number: the words [i, i + n) as the house number: the street behind it, as long as names go,
 * or in front of it. A number alone between commas belongs to what is beside it. */
static void
try_number(const struct addresses *a, const struct words *w, size_t i, size_t n,
           const struct house_number *h, struct address_found *best)
{
    struct range number = {i, i + n};
    size_t start = start_of_part(w, i), end = end_of_part(w, i);
    bool first = w->w[i].part == w->w[0].part;

    if (start == i && end == i + n) { /* alone */
        if (i > 0)
            start = start_of_part(w, i - 1);
        if (end < w->n)
            end = end_of_part(w, end);
    }
    for (enum strict s = STRICT_FULL; s <= (first ? STRICT_BARE : STRICT_FULL); s++) {
        bool found = false;
        for (size_t to = end; !found && to > i + n; to--) /* its type is left out at the end only */
            if (s != STRICT_BARE || to == end)
                found = try_name(a, w, (struct range){i + n, to}, number, h, s, best);
        if (!found && start < i)
            found = try_name(a, w, (struct range){start, i}, number, h, s, best);
        if (found)
            return;
    }
}

static void
read_all(const struct addresses *a, const struct words *w, struct address_found *best)
{
    struct house_number h;
    bool numbered = false;

    for (size_t i = 0; i < w->n; i++)
        for (int form = 1; form >= 0; form--) {
            size_t n = number_read(&w->w[i], w->n - i, form == 1, &h);
            if (n == 0)
                continue;
            numbered = true;
            try_number(a, w, i, n, &h, best);
        }
    if (best->precision != ADDRESS_NONE || w->n == 0)
        return;
    /* no number, or none that leads anywhere ("45th Street", "Road 12"): a street */
    size_t end = end_of_part(w, 0);
    bool found = false;
    for (size_t to = end; !found && to > 0; to--)
        found =
            try_name(a, w, (struct range){0, to}, (struct range){0, 0}, NULL, STRICT_FULL, best);
    if (!found && !numbered)
        (void)try_name(a, w, (struct range){0, end}, (struct range){0, 0}, NULL, STRICT_BARE, best);
}

enum lc_err
addresses_find(const struct address_book *b, struct slice text, struct address_found *out)
{
    const struct addresses *a = (const struct addresses *)b;
    struct words w;

    *out = (struct address_found){.street = ""};
    if (text.n > ADDRESS_TEXT_MAX)
        return LC_ETOOBIG;
    if (!utf8_valid(text))
        return LC_EINVAL;
    words_read(&w, text);
    words_drop_unit(&w);
    read_all(a, &w, out);
    if (out->precision == ADDRESS_NONE && words_merge_umlauts(&w))
        read_all(a, &w, out);
    return LC_OK;
}
