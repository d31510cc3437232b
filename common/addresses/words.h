/* words: an address as plain words: small ASCII letters where the script allows, without accents
 * and punctuation, so that two spellings of one name are the same bytes. Pure. */
#ifndef LC_ADDRESSES_WORDS_H
#define LC_ADDRESSES_WORDS_H

#include "base/bytes.h"

enum { WORDS_MAX = 128, WORD_MAX = 48 };

struct word {
    char text[WORD_MAX]; /* NUL-terminated; what is longer is cut */
    uint8_t n;
    uint8_t part; /* commas, semicolons and line ends in front of it */
};

struct words {
    struct word w[WORDS_MAX];
    size_t n;
};

/* words_read: the text must be UTF-8. Words over WORDS_MAX are left out. */
void words_read(struct words *to, struct slice text);

/* words_drop_unit: takes away "apt 4", "unit 5b", "#3", "suite 200", "2nd floor" and the like: they
 * say nothing of where the house is. */
void words_drop_unit(struct words *w);

/* words_merge_umlauts: ae, oe and ue become a, o and u, as ä, ö and ü have. False when there was
 * none. */
bool words_merge_umlauts(struct words *w);

/* ---- house numbers ---- */

/* house_number: "12", "12A", "12-14", "226 1/2". `to` is above `number` for a range, else equal. */
struct house_number {
    uint32_t number;
    uint32_t to;
    char suffix[8]; /* "a", "1/2"; "" = none */
};

/* number_read: a house number at the beginning of n words; how many words it takes, 0 when none
 * begins there. `long_form` takes a letter or fraction that stands alone with it. */
size_t number_read(const struct word *w, size_t n, bool long_form, struct house_number *out);

/* ---- names of streets ---- */

enum { KEY_BYTES_MAX = 200 };

/* street_key: three spellings of a street's name, each less strict: abbreviations written out;
 * without north, south ... at either end; without Street, Avenue ... too. What stays is never
 * empty: a street may be called North Street. */
struct street_key {
    char full[KEY_BYTES_MAX];
    char loose[KEY_BYTES_MAX];
    char bare[KEY_BYTES_MAX];
};

/* street_key_make: of n words. False for none, or too long a name. */
bool street_key_make(const struct word *w, size_t n, struct street_key *out);

/* words_town: a town's name as it is compared; words_postcode: "21231-1234" is 21231, "SW1A 1AA" is
 * sw1a1aa. NUL-terminated, cut to the room. */
void words_town(const struct word *w, size_t n, char out[KEY_BYTES_MAX]);
void words_postcode(const struct word *w, size_t n, char out[KEY_BYTES_MAX]);

/* word_is_digits: only digits? word_has_digit: any? */
bool word_is_digits(const struct word *w);
bool word_has_digit(const struct word *w);

#endif
