#include "lcctl/show.h"

#include "base/timestamp.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { COLUMNS_MAX = 12, NAME_MAX_BYTES = 24, GAP = 2 };

struct cell {
    char *text; /* as the table shows it */
    bool alarm;
};

struct show {
    struct ctl *ctl;
    size_t columns;
    char name[COLUMNS_MAX][NAME_MAX_BYTES];
    bool right[COLUMNS_MAX];
    struct cell *cells;
    size_t n, room;
    struct buf json;
    struct json_out w;
};

const char *
show_bold(const struct ctl *c)
{
    return c->colour ? "\033[1m" : "";
}

const char *
show_alarm(const struct ctl *c)
{
    return c->colour ? "\033[31m" : "";
}

const char *
show_plain(const struct ctl *c)
{
    return c->colour ? "\033[0m" : "";
}

static void *
must(void *p)
{
    if (p == NULL) {
        fputs("lcctl: out of memory\n", stderr);
        exit(EXIT_FAILED);
    }
    return p;
}

struct show *
show_table(struct ctl *c, const char *columns, const char *align)
{
    struct show *s = must(calloc(1, sizeof *s));

    s->ctl = c;
    s->w = json_out_to(&s->json);
    json_out_array(&s->w, NULL);
    for (const char *p = columns; *p != '\0' && s->columns < COLUMNS_MAX;) {
        size_t n = strcspn(p, " ");
        snprintf(s->name[s->columns], NAME_MAX_BYTES, "%.*s", (int)n, p);
        s->right[s->columns] = align[s->columns] == 'r';
        s->columns++;
        p += n + (p[n] == ' ');
    }
    return s;
}

static int
by_key(const void *a, const void *b)
{
    const redisReply *x = *(redisReply *const *)a, *y = *(redisReply *const *)b;

    if (x->len != y->len)
        return x->len < y->len ? -1 : 1;
    return memcmp(x->str, y->str, x->len);
}

void
show_sort(redisReply *hash)
{
    if (hash != NULL && hash->elements > 2)
        qsort(hash->element, hash->elements / 2, 2 * sizeof(redisReply *), by_key);
}

/* ---- cells ---- */

/* before: the JSON field that comes now; a new object at a row's beginning. */
static const char *
before(struct show *s)
{
    if (s->n % s->columns == 0)
        json_out_object(&s->w, NULL);
    return s->name[s->n % s->columns];
}

static void
put(struct show *s, const char *text, bool alarm)
{
    if (s->n == s->room) {
        s->room = s->room == 0 ? 64 : 2 * s->room;
        s->cells = must(realloc(s->cells, s->room * sizeof *s->cells));
    }
    s->cells[s->n++] = (struct cell){must(strdup(text)), alarm};
    if (s->n % s->columns == 0)
        json_out_end(&s->w);
}

void
show_text(struct show *s, const char *text)
{
    json_out_cstr(&s->w, before(s), text);
    put(s, text == NULL ? "" : text, false);
}

void
show_textf(struct show *s, const char *format, ...)
{
    char text[512];
    va_list ap;

    va_start(ap, format);
    vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    show_text(s, text);
}

void
show_number(struct show *s, int64_t v)
{
    char text[24];

    json_out_int(&s->w, before(s), v);
    snprintf(text, sizeof text, "%lld", (long long)v);
    put(s, text, false);
}

void
show_seconds(struct show *s, double v)
{
    char text[40];

    json_out_double(&s->w, before(s), v, 1);
    snprintf(text, sizeof text, "%.1f s", v);
    put(s, text, false);
}

void
show_time(struct show *s, int64_t unix_ms)
{
    char text[TIMESTAMP_TEXT] = "";

    if (unix_ms > 0) {
        timestamp_format(unix_ms, text);
        json_out_time(&s->w, before(s), unix_ms);
    } else {
        json_out_null(&s->w, before(s));
    }
    put(s, text, false);
}

void
show_flag(struct show *s, bool v, const char *word)
{
    json_out_bool(&s->w, before(s), v);
    put(s, v ? word : "", v);
}

/* ---- out ---- */

/* width: columns of a terminal: characters, not the bytes that continue one; those of East Asia
 * take two. */
static size_t
width(const char *text)
{
    size_t n = 0;

    for (const unsigned char *p = (const unsigned char *)text; *p != '\0'; p++)
        if ((*p & 0xc0) != 0x80)
            n += *p >= 0xe3 && *p <= 0xed ? 2 : 1; /* from U+3000 to U+DFFF */
    return n;
}

static void
print_cell(const struct show *s, size_t column, const char *text, size_t wide, const char *colour)
{
    bool last = column + 1 == s->columns;
    size_t pad = wide - width(text);

    if (s->right[column])
        printf("%*s", (int)pad, "");
    printf("%s%s%s", colour, text, *colour == '\0' ? "" : show_plain(s->ctl));
    if (!last)
        printf("%*s", (int)(GAP + (s->right[column] ? 0 : pad)), "");
}

static void
print_table(const struct show *s)
{
    size_t wide[COLUMNS_MAX];

    if (s->n == 0 || s->columns == 0)
        return;
    for (size_t k = 0; k < s->columns; k++) {
        wide[k] = strlen(s->name[k]);
        for (size_t i = k; i < s->n; i += s->columns)
            if (width(s->cells[i].text) > wide[k])
                wide[k] = width(s->cells[i].text);
    }
    for (size_t k = 0; k < s->columns; k++) {
        char head[NAME_MAX_BYTES];
        size_t i = 0;
        for (; s->name[k][i] != '\0'; i++)
            head[i] = (char)(s->name[k][i] == '_' ? ' ' : toupper((unsigned char)s->name[k][i]));
        head[i] = '\0';
        print_cell(s, k, head, wide[k], show_bold(s->ctl));
    }
    putchar('\n');
    for (size_t i = 0; i < s->n; i++) {
        size_t k = i % s->columns;
        print_cell(s, k, s->cells[i].text, wide[k], s->cells[i].alarm ? show_alarm(s->ctl) : "");
        if (k + 1 == s->columns)
            putchar('\n');
    }
}

int
show_json(struct buf *b)
{
    bool ok = !b->failed && fwrite(b->p, 1, b->n, stdout) == b->n && putchar('\n') != EOF &&
              fflush(stdout) == 0;

    buf_free(b);
    return ok ? EXIT_SUCCESS : EXIT_FAILED;
}

int
show_end(struct show *s)
{
    int status = EXIT_SUCCESS;

    json_out_end(&s->w);
    if (s->ctl->json)
        status = show_json(&s->json);
    else
        print_table(s);
    for (size_t i = 0; i < s->n; i++)
        free(s->cells[i].text);
    free(s->cells);
    buf_free(&s->json);
    free(s);
    return status;
}

int
show_token(struct ctl *c, const char *kind, const char *name, uint32_t number, const char *id,
           const char *key, const char *secret)
{
    struct buf b = {0};
    struct json_out w = json_out_to(&b);

    if (!c->json) {
        printf("%s %s", kind, name);
        if (number != 0)
            printf(" (number %u)", number);
        if (id != NULL)
            printf(", id %s", id);
        printf(", %s, shown only now:\n%s\n", key, secret);
        return EXIT_SUCCESS;
    }
    json_out_object(&w, NULL);
    json_out_cstr(&w, kind, name);
    if (number != 0)
        json_out_uint(&w, "number", number);
    if (id != NULL)
        json_out_cstr(&w, "id", id);
    json_out_cstr(&w, key, secret);
    json_out_end(&w);
    return show_json(&b);
}

int
show_done(struct ctl *c, const char *kind, const char *name, const char *state,
          const char *sentence, ...)
{
    struct buf b = {0};
    struct json_out w = json_out_to(&b);
    va_list ap;

    if (!c->json) {
        va_start(ap, sentence);
        vprintf(sentence, ap);
        va_end(ap);
        putchar('\n');
        return EXIT_SUCCESS;
    }
    json_out_object(&w, NULL);
    json_out_cstr(&w, kind, name);
    json_out_bool(&w, state, true);
    json_out_end(&w);
    return show_json(&b);
}

int
show_outcome(struct ctl *c, const char *order, const char *state, int outcome, const char *done,
             const char *not_so)
{
    switch (outcome) {
    case 1:
        return show_done(c, "order", order, state, "%s", done);
    case 2:
        return show_done(c, "order", order, state, "was %s already", state);
    case 3:
        fprintf(stderr, "lcctl: %s\n", not_so);
        return EXIT_NOT_SO;
    case 4:
        fputs("lcctl: no such order\n", stderr);
        return EXIT_NOT_SO;
    default:
        return EXIT_FAILED;
    }
}
