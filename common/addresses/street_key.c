/* Names of streets, such that their spellings meet. */
#include "addresses/words.h"

#include <stdio.h>

struct short_word {
    char from[12], to[12];
};

/* Only where a name goes on behind them. */
static const struct short_word first_words[] = {
    {"st", "saint"}, {"ste", "sainte"}, {"dr", "doctor"}, {"mt", "mount"}, {"ft", "fort"},
};

static const struct short_word others[] = {
    {"st", "street"},     {"str", "strasse"},     {"strase", "strasse"}, {"ave", "avenue"},
    {"av", "avenue"},     {"avn", "avenue"},      {"rd", "road"},        {"blvd", "boulevard"},
    {"bvd", "boulevard"}, {"boul", "boulevard"},  {"pl", "place"},       {"dr", "drive"},
    {"drv", "drive"},     {"ln", "lane"},         {"ct", "court"},       {"hwy", "highway"},
    {"pkwy", "parkway"},  {"pky", "parkway"},     {"cir", "circle"},     {"ter", "terrace"},
    {"terr", "terrace"},  {"sq", "square"},       {"trl", "trail"},      {"aly", "alley"},
    {"plz", "plaza"},     {"expy", "expressway"}, {"fwy", "freeway"},    {"tpke", "turnpike"},
    {"xing", "crossing"}, {"hts", "heights"},     {"mt", "mount"},       {"ft", "fort"},
    {"cres", "crescent"}, {"gdns", "gardens"},    {"grv", "grove"},      {"brg", "bridge"},
    {"ctr", "center"},    {"centre", "center"},   {"wy", "way"},         {"avda", "avenida"},
    {"jr", "junior"},     {"rte", "route"},       {"pza", "plaza"},      {"esq", "square"},
};

static const struct short_word directions[] = {
    {"n", "north"},      {"s", "south"},      {"e", "east"},       {"w", "west"},
    {"ne", "northeast"}, {"nw", "northwest"}, {"se", "southeast"}, {"sw", "southwest"},
};

static const struct short_word ordinals[] = {
    {"first", "1st"}, {"second", "2nd"}, {"third", "3rd"},     {"fourth", "4th"},
    {"fifth", "5th"}, {"sixth", "6th"},  {"seventh", "7th"},   {"eighth", "8th"},
    {"ninth", "9th"}, {"tenth", "10th"}, {"eleventh", "11th"}, {"twelfth", "12th"},
};

static const char *const types[] = {
    "street", "strasse",    "avenue",  "road",     "boulevard", "place",   "drive",    "lane",
    "court",  "highway",    "parkway", "circle",   "terrace",   "square",  "trail",    "alley",
    "plaza",  "expressway", "freeway", "turnpike", "crossing",  "heights", "crescent", "gardens",
    "grove",  "way",        "rue",     "avenida",  "calle",     "via",     "ulica",
};

#define COUNT_OF(a) (sizeof(a) / sizeof *(a))

static const char *
look_up(const struct short_word *list, size_t n, const char *word)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(list[i].from, word) == 0)
            return list[i].to;
    return NULL;
}

static bool
is_type(const char *word)
{
    for (size_t i = 0; i < COUNT_OF(types); i++)
        if (strcmp(types[i], word) == 0)
            return true;
    return false;
}

static const char *
direction(const char *word)
{
    for (size_t i = 0; i < COUNT_OF(directions); i++)
        if (strcmp(directions[i].from, word) == 0 || strcmp(directions[i].to, word) == 0)
            return directions[i].to;
    return NULL;
}

/* list: the words of one name; texts live elsewhere. */
struct list {
    const char *w[2 * WORDS_MAX];
    size_t n;
};

/* german: "hauptstr" and "hauptstrasse" as two words; the stem in room. False when it is neither.
 */
static bool
german(const char *word, char room[WORD_MAX])
{
    static const char *const ends[] = {"strasse", "str"};
    size_t n = strlen(word);

    for (size_t i = 0; i < 2; i++) {
        size_t tail = strlen(ends[i]);
        if (n >= tail + 3 && strcmp(word + n - tail, ends[i]) == 0) {
            memcpy(room, word, n - tail);
            room[n - tail] = '\0';
            return true;
        }
    }
    return false;
}

/* is_core: is there a word from i on that is neither a type of street nor a direction? */
static bool
is_core(const struct word *w, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++) {
        const char *long_one = look_up(others, COUNT_OF(others), w[i].text);
        if (!is_type(long_one != NULL ? long_one : w[i].text) && direction(w[i].text) == NULL)
            return true;
    }
    return false;
}

/* expand: the words written out; the directions at either end keep their place. "East Avenue" and
 * "S East Avenue" have one that is their name. */
static void
expand(const struct word *w, size_t n, char stems[][WORD_MAX], struct list *out, size_t *lead,
       size_t *trail)
{
    size_t start = 0, end = n, stem = 0;

    *lead = *trail = 0;
    out->n = 0;
    if (n > 1 && direction(w[0].text) != NULL && is_core(w, 1, n)) {
        out->w[out->n++] = direction(w[start++].text);
        *lead = 1;
    } else if (n > 2 && direction(w[0].text) != NULL && direction(w[1].text) != NULL) {
        out->w[out->n++] = direction(w[start++].text);
        *lead = 1;
    }
    if (end > start + 1 && direction(w[end - 1].text) != NULL && is_core(w, start, end - 1)) {
        end--;
        *trail = 1;
    }
    for (size_t i = start; i < end; i++) {
        const char *x = w[i].text, *y = NULL;
        if (i == start && i + 1 < end)
            y = look_up(first_words, COUNT_OF(first_words), x);
        if (y == NULL)
            y = look_up(others, COUNT_OF(others), x);
        if (y == NULL)
            y = look_up(ordinals, COUNT_OF(ordinals), x);
        if (y == NULL && i == start && *lead > 0 && !is_core(w, start, end))
            y = direction(x); /* "S E Ave" */
        if (y == NULL && german(x, stems[stem])) {
            out->w[out->n++] = stems[stem++];
            y = "strasse";
        }
        out->w[out->n++] = y != NULL ? y : x;
    }
    if (*trail > 0)
        out->w[out->n++] = direction(w[end].text);
}

static bool
put(char *to, const struct list *l, size_t from, size_t end)
{
    size_t at = 0;

    to[0] = '\0';
    for (size_t i = from; i < end; i++) {
        int n = snprintf(to + at, KEY_BYTES_MAX - at, "%s%s", i == from ? "" : " ", l->w[i]);
        if (n < 0 || (size_t)n >= KEY_BYTES_MAX - at)
            return false;
        at += (size_t)n;
    }
    return true;
}

bool
street_key_make(const struct word *w, size_t n, struct street_key *out)
{
    char stems[WORDS_MAX][WORD_MAX];
    struct list l;
    size_t lead, trail;

    if (n == 0 || n > WORDS_MAX)
        return false;
    expand(w, n, stems, &l, &lead, &trail);
    size_t from = lead, end = l.n - trail;
    if (!put(out->full, &l, 0, l.n) || !put(out->loose, &l, from, end))
        return false;
    if (end - from > 1 && is_type(l.w[end - 1]))
        end--;
    else if (end - from > 1 && is_type(l.w[from]))
        from++;
    return put(out->bare, &l, from, end);
}

/* ---- places ---- */

void
words_town(const struct word *w, size_t n, char out[KEY_BYTES_MAX])
{
    size_t at = 0;

    out[0] = '\0';
    for (size_t i = 0; i < n && at + w[i].n + 2 < KEY_BYTES_MAX; i++)
        at += (size_t)snprintf(out + at, KEY_BYTES_MAX - at, "%s%s", i == 0 ? "" : " ", w[i].text);
}

void
words_postcode(const struct word *w, size_t n, char out[KEY_BYTES_MAX])
{
    size_t at = 0;

    out[0] = '\0';
    for (size_t i = 0; i < n && at + w[i].n + 1 < KEY_BYTES_MAX; i++)
        at += (size_t)snprintf(out + at, KEY_BYTES_MAX - at, "%s", w[i].text);
    if (strspn(out, "0123456789") == 5 && out[5] == '-')
        out[5] = '\0';
}
