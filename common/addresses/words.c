#include "addresses/words.h"

#include "base/utf8.h"

#include <ctype.h>

/* U+00C0 to U+017F in two letters each, a space standing for none: by Unicode's decompositions,
 * without the marks. */
static const char latin[] =
    "a a a a a a aec e e e e i i i i d n o o o o o   o u u u u y thssa a a a a a aec e e e e "
    "i i i i d n o o o o o   o u u u u y thy a a a a a a c c c c c c c c d d d d e e e e e e "
    "e e e e g g g g g g g g h h h h i i i i i i i i i i ijijj j k k k l l l l l l l l l l n "
    "n n n n n n n n o o o o o o oeoer r r r r r s s s s s s s s t t t t t t u u u u u u u u "
    "u u u u w w y y y z z z z z z s ";

/* kind: what a character does to words. */
enum kind { LETTERS, NOTHING, SPACE, COMMA, DASH, SLASH, DOT, HALF, HASH };

struct folded {
    enum kind kind;
    char text[4];
    uint8_t n;
};

static uint32_t
decode(const char *p, size_t n)
{
    const unsigned char *u = (const unsigned char *)p;

    switch (n) {
    case 2:
        return (uint32_t)(u[0] & 0x1f) << 6 | (u[1] & 0x3f);
    case 3:
        return (uint32_t)(u[0] & 0x0f) << 12 | (uint32_t)(u[1] & 0x3f) << 6 | (u[2] & 0x3f);
    case 4:
        return (uint32_t)(u[0] & 0x07) << 18 | (uint32_t)(u[1] & 0x3f) << 12 |
               (uint32_t)(u[2] & 0x3f) << 6 | (u[3] & 0x3f);
    default:
        return u[0];
    }
}

static struct folded
fold_ascii(unsigned char c)
{
    if (isalnum(c))
        return (struct folded){LETTERS, {(char)tolower(c)}, 1};
    switch (c) {
    case '\'':
    case '`':
        return (struct folded){.kind = NOTHING};
    case '.':
        return (struct folded){.kind = DOT};
    case ',':
    case ';':
    case '\n':
    case '\r':
        return (struct folded){.kind = COMMA};
    case '-':
        return (struct folded){.kind = DASH};
    case '/':
        return (struct folded){.kind = SLASH};
    case '#':
        return (struct folded){.kind = HASH};
    default:
        return (struct folded){.kind = SPACE};
    }
}

/* Small letters of the scripts whose capitals lie in one row. */
static uint32_t
small(uint32_t c)
{
    if ((c >= 0x410 && c <= 0x42f) || (c >= 0x391 && c <= 0x3a9))
        return c + 0x20;
    if (c >= 0x400 && c <= 0x40f)
        return c + 0x50;
    return c;
}

static struct folded
fold(const char *p, size_t n)
{
    struct folded f = {LETTERS, {0}, 0};
    uint32_t c = decode(p, n);

    if (c < 0x80)
        return fold_ascii((unsigned char)c);
    if (c >= 0xc0 && c < 0x180 && c != 0xd7 && c != 0xf7) {
        const char *two = latin + 2 * (c - 0xc0);
        for (size_t i = 0; i < 2 && two[i] != ' '; i++)
            f.text[f.n++] = two[i];
        return f;
    }
    if (c >= 0x218 && c <= 0x21b) {
        f.text[f.n++] = c < 0x21a ? 's' : 't';
        return f;
    }
    if (c == 0xbd)
        return (struct folded){.kind = HALF};
    if (c == 0x2019 || c == 0x2018 || c == 0x2bc || c == 0xb4 || (c >= 0x300 && c < 0x370))
        return (struct folded){.kind = NOTHING};
    if (c >= 0x2010 && c <= 0x2015)
        return (struct folded){.kind = DASH};
    if (c == 0x3001 || c == 0xff0c)
        return (struct folded){.kind = COMMA};
    if (c < 0xc0 || c == 0xd7 || c == 0xf7 || (c >= 0x2000 && c < 0x2070) || c == 0x3000)
        return (struct folded){.kind = SPACE};
    c = small(c);
    if (c < 0x800) {
        f.text[0] = (char)(0xc0 | c >> 6);
        f.text[1] = (char)(0x80 | (c & 0x3f));
        f.n = 2;
    } else {
        memcpy(f.text, p, n);
        f.n = (uint8_t)n;
    }
    return f;
}

/* reader: where the words go. */
struct reader {
    struct words *to;
    struct word now;
    uint8_t part;
};

static void
end_word(struct reader *r)
{
    if (r->now.n > 0 && r->to->n < WORDS_MAX) {
        r->now.part = r->part;
        r->to->w[r->to->n++] = r->now;
    }
    memset(&r->now, 0, sizeof r->now);
}

static void
add(struct reader *r, const char *p, size_t n)
{
    if (r->now.n + n < WORD_MAX) {
        memcpy(r->now.text + r->now.n, p, n);
        r->now.n = (uint8_t)(r->now.n + n);
    }
}

static bool
is_digit(char c)
{
    return c >= '0' && c <= '9';
}

bool
word_is_digits(const struct word *w)
{
    return w->n > 0 && strspn(w->text, "0123456789") == w->n;
}

bool
word_has_digit(const struct word *w)
{
    return strcspn(w->text, "0123456789") < w->n;
}

/* Between digits a dash or stroke belongs to a house number; "723-B" is 723B. */
static void
join(struct reader *r, char c, struct slice rest)
{
    bool digits = word_is_digits(&r->now);

    if (digits && rest.n > 0 && is_digit(rest.p[0]))
        add(r, &c, 1);
    else if (!(digits && c == '-' && rest.n > 0 && isalpha((unsigned char)rest.p[0]) &&
               (rest.n == 1 || !isalnum((unsigned char)rest.p[1]))))
        end_word(r);
}

static void
take(struct reader *r, const struct folded *f, struct slice rest)
{
    switch (f->kind) {
    case LETTERS:
        add(r, f->text, f->n);
        break;
    case NOTHING:
        break;
    case DOT: /* "N.W." is one word, "Str.12" are two */
        if (r->now.n > 1 || rest.n == 0 || !isalpha((unsigned char)rest.p[0]))
            end_word(r);
        break;
    case DASH:
        join(r, '-', rest);
        break;
    case SLASH:
        join(r, '/', rest);
        break;
    case HALF:
        end_word(r);
        add(r, "1/2", 3);
        end_word(r);
        break;
    case HASH:
        end_word(r);
        add(r, "#", 1);
        end_word(r);
        break;
    case COMMA:
        end_word(r);
        if (r->part < UINT8_MAX)
            r->part++;
        break;
    case SPACE:
        end_word(r);
        break;
    }
}

void
words_read(struct words *to, struct slice text)
{
    struct reader r = {.to = to};

    to->n = 0;
    while (text.n > 0) {
        size_t n = utf8_next(text);
        if (n == 0)
            break;
        struct folded f = fold(text.p, n);
        text = slice_of(text.p + n, text.n - n);
        take(&r, &f, text);
    }
    end_word(&r);
}

/* ---- units ---- */

static bool
is_one_of(const struct word *w, const char *const *list)
{
    for (; *list != NULL; list++)
        if (strcmp(w->text, *list) == 0)
            return true;
    return false;
}

static bool
is_floor(const struct word *w)
{
    return is_digit(w->text[0]) && w->n > 2 && isalpha((unsigned char)w->text[w->n - 1]);
}

/* unit_at: how many words from i on name a unit. It has a number or one letter behind it; "Suite"
 * and "Floor" as the name of a street do not. */
static size_t
unit_at(const struct words *w, size_t i)
{
    static const char *const units[] = {
        "apt",  "apartment", "unit", "suite", "ste",      "#",       "room", "rm",
        "flat", "floor",     "fl",   "bldg",  "building", "wohnung", "top",  "stock",
        "lot",  "penthouse", "ph",   "etage", "app",      NULL};
    static const char *const floors[] = {"floor", "fl", "stock", "og", "etage", NULL};
    const struct word *next = i + 1 < w->n ? &w->w[i + 1] : NULL;

    if (next != NULL && next->part == w->w[i].part) {
        if (is_one_of(&w->w[i], units) && (word_has_digit(next) || next->n == 1) && i > 0)
            return 2;
        if (is_one_of(&w->w[i], units) && strcmp(next->text, "#") == 0 && i + 2 < w->n)
            return 3;
        if (i > 0 && is_floor(&w->w[i]) && is_one_of(next, floors))
            return 2;
    }
    return strcmp(w->w[i].text, "#") == 0 ? 1 : 0;
}

void
words_drop_unit(struct words *w)
{
    size_t n = 0;

    for (size_t i = 0; i < w->n;) {
        size_t unit = unit_at(w, i);
        if (unit > 0)
            i += unit;
        else
            w->w[n++] = w->w[i++];
    }
    w->n = n;
}

bool
words_merge_umlauts(struct words *w)
{
    bool any = false;

    for (size_t i = 0; i < w->n; i++) {
        struct word *x = &w->w[i];
        uint8_t n = 0;
        for (uint8_t k = 0; k < x->n; k++) {
            char c = x->text[k];
            x->text[n++] = c;
            if ((c == 'a' || c == 'o' || c == 'u') && k + 1 < x->n && x->text[k + 1] == 'e') {
                k++;
                any = true;
            }
        }
        x->text[n] = '\0';
        x->n = n;
    }
    return any;
}

/* ---- house numbers ---- */

enum { NUMBER_DIGITS = 6 };

/* digits_of: the number that s begins with; 0 when it has none, or too many digits. */
static size_t
digits_of(const char *s, uint32_t *out)
{
    size_t n = strspn(s, "0123456789");

    if (n == 0 || n > NUMBER_DIGITS)
        return 0;
    *out = 0;
    for (size_t i = 0; i < n; i++)
        *out = *out * 10 + (uint32_t)(s[i] - '0');
    return n;
}

static bool
is_ordinal(const char *tail)
{
    return strcmp(tail, "st") == 0 || strcmp(tail, "nd") == 0 || strcmp(tail, "rd") == 0 ||
           strcmp(tail, "th") == 0;
}

static bool
is_suffix(const char *s)
{
    size_t n = strlen(s);

    if (n == 3 && is_digit(s[0]) && s[1] == '/' && is_digit(s[2]))
        return true;
    return n == 1 && s[0] >= 'a' && s[0] <= 'z';
}

size_t
number_read(const struct word *w, size_t n, bool long_form, struct house_number *out)
{
    *out = (struct house_number){0};
    size_t at = n == 0 ? 0 : digits_of(w[0].text, &out->number);
    const char *tail = at == 0 ? "" : w[0].text + at;

    if (at == 0 || is_ordinal(tail))
        return 0;
    out->to = out->number;
    if (tail[0] == '-' || tail[0] == '/') {
        uint32_t to = 0;
        size_t more = digits_of(tail + 1, &to);
        if (more == 0 || (tail[1 + more] != '\0' && !is_suffix(tail + 1 + more)))
            return 0;
        if (tail[0] == '-' && to > out->number)
            out->to = to;
        else if (tail[0] == '/') /* 12/3: the third door of 12 */
            memcpy(out->suffix, tail, strlen(tail) < sizeof out->suffix ? strlen(tail) : 0);
        tail = "";
    }
    if (strlen(tail) > 2)
        return 0;
    if (tail[0] != '\0')
        memcpy(out->suffix, tail, strlen(tail));
    if (!long_form)
        return 1;
    if (n < 2 || w[1].part != w[0].part || tail[0] != '\0' || !is_suffix(w[1].text))
        return 0;
    if (n > 2 && w[2].part == w[0].part && strchr("nsew", w[1].text[0]) != NULL)
        return 0; /* "226 N Bond St" */
    memcpy(out->suffix, w[1].text, w[1].n);
    return 2;
}
