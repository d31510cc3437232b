#include "base/csv.h"

#include <stdlib.h>

/* A byte at a time through RFC 4180, so that rows may be cut anywhere. */
enum state {
    ROW_START,
    FIELD_START,
    PLAIN,       /* in a field without quotes */
    QUOTED,      /* inside quotes */
    QUOTE_SEEN,  /* behind a quote inside quotes: the end of the field, or half of "" */
    RETURN_SEEN, /* behind a CR that must be followed by LF */
    SKIPPING     /* a bad row: up to the next line end */
};

enum { MARK_DONE = 3 };

struct csv {
    struct csv_limits limits;
    enum state state;
    uint8_t mark; /* bytes of a byte-order mark seen at the very start */
    uint64_t line, column;
    uint64_t quote_line, quote_column; /* where the last quoted field began */
    struct buf text;                   /* the fields of the row one after the other */
    size_t *end;                       /* of each field in text; limits.fields of them */
    size_t n;                          /* fields that are whole */
    uint64_t row_line;
    struct slice *field;
    enum lc_err err; /* of the row that is skipped */
    struct csv_error error;
};

struct csv *
csv_new(struct csv_limits limits)
{
    struct csv *c = calloc(1, sizeof *c);

    if (c == NULL)
        return NULL;
    c->limits = limits;
    c->line = c->column = 1;
    c->end = calloc(limits.fields, sizeof *c->end);
    c->field = calloc(limits.fields, sizeof *c->field);
    if (c->end == NULL || c->field == NULL) {
        csv_destroy(c);
        return NULL;
    }
    return c;
}

void
csv_destroy(struct csv *c)
{
    if (c == NULL)
        return;
    buf_free(&c->text);
    free(c->end);
    free(c->field);
    free(c);
}

static void
begin_row(struct csv *c)
{
    buf_reset(&c->text);
    c->n = 0;
    c->state = ROW_START;
}

static void
reject(struct csv *c, enum lc_err err, const char *what)
{
    c->err = err;
    c->error = (struct csv_error){c->line, c->column, what};
    c->state = SKIPPING;
}

static void
end_field(struct csv *c)
{
    if (c->n == c->limits.fields) {
        reject(c, LC_ETOOBIG, "too many fields in a row");
        return;
    }
    c->end[c->n++] = c->text.n;
    c->state = FIELD_START;
}

static void
keep(struct csv *c, char byte)
{
    if (c->text.n == c->limits.row_bytes)
        reject(c, LC_ETOOBIG, "the row is too long");
    else
        buf_char(&c->text, byte);
}

/* Behind a field: a separator or a line end. True when the row is whole. */
static bool
after_field(struct csv *c, char byte)
{
    if (byte == ',') {
        end_field(c);
    } else if (byte == '\r') {
        c->state = RETURN_SEEN;
    } else if (byte == '\n') {
        end_field(c);
        return c->state != SKIPPING;
    } else {
        reject(c, LC_EINVAL, "expected ',' or a line end behind a closing quote");
    }
    return false;
}

static bool
plain_byte(struct csv *c, char byte)
{
    if (byte == ',' || byte == '\r' || byte == '\n')
        return after_field(c, byte);
    if (byte == '"') {
        reject(c, LC_EINVAL, "a quote inside a field that did not begin with one");
        return false;
    }
    c->state = PLAIN;
    keep(c, byte);
    return false;
}

/* One byte; true when a row is whole. */
static bool
take(struct csv *c, char byte)
{
    if (byte == '\0' && c->state != SKIPPING) {
        reject(c, LC_EINVAL, "NUL is not text");
        return false;
    }
    switch (c->state) {
    case ROW_START:
        if (byte == '\n' || byte == '\r')
            return false; /* an empty line */
        c->row_line = c->line;
        c->state = FIELD_START;
        return take(c, byte);
    case FIELD_START:
        if (byte == '"') {
            c->state = QUOTED;
            c->quote_line = c->line;
            c->quote_column = c->column;
            return false;
        }
        return plain_byte(c, byte);
    case PLAIN:
        return plain_byte(c, byte);
    case QUOTED:
        if (byte == '"')
            c->state = QUOTE_SEEN;
        else
            keep(c, byte);
        return false;
    case QUOTE_SEEN:
        if (byte != '"')
            return after_field(c, byte);
        c->state = QUOTED;
        keep(c, byte);
        return false;
    case RETURN_SEEN:
        if (byte == '\n')
            return after_field(c, byte);
        reject(c, LC_EINVAL, "a carriage return without a line feed");
        return false;
    case SKIPPING:
        return false;
    }
    return false;
}

static void
give(struct csv *c, struct csv_row *row)
{
    const char *text = c->text.p == NULL ? "" : c->text.p; /* no row had a byte until now */
    size_t start = 0;

    for (size_t i = 0; i < c->n; i++) {
        c->field[i] = slice_of(text + start, c->end[i] - start);
        start = c->end[i];
    }
    *row = (struct csv_row){.field = c->field, .n = c->n, .line = c->row_line};
    c->state = ROW_START; /* begin_row comes with the next call: the fields are still read */
}

/* Moves on; true when the bad row that is skipped ends with this byte. */
static bool
advance(struct csv *c, char byte)
{
    c->column++;
    if (byte != '\n')
        return false;
    c->line++;
    c->column = 1;
    return c->state == SKIPPING;
}

static const char mark[] = "\xEF\xBB\xBF";

/* What began like a byte-order mark was text after all. */
static void
give_back_mark(struct csv *c)
{
    uint8_t seen = c->mark;

    c->mark = MARK_DONE;
    for (uint8_t i = 0; i < seen && seen < MARK_DONE; i++) {
        take(c, mark[i]);
        c->column++;
    }
}

/* Swallows the byte-order mark, whole or in pieces. True when the byte is part of it. */
static bool
is_mark(struct csv *c, char byte)
{
    if (byte == mark[c->mark]) {
        c->mark++;
        return true;
    }
    give_back_mark(c);
    return false;
}

static enum lc_err
at_the_end(struct csv *c, struct csv_row *row, struct csv_error *error)
{
    enum lc_err err = LC_EAGAIN;

    give_back_mark(c);
    if (c->state == QUOTED) {
        c->line = c->quote_line;
        c->column = c->quote_column;
        reject(c, LC_EINVAL, "a quote is never closed");
    } else if (c->state != ROW_START && c->state != SKIPPING) {
        end_field(c); /* the last line needs no line end */
    }
    if (c->state == SKIPPING) {
        *error = c->error;
        err = c->err;
        begin_row(c);
    } else if (c->n > 0) {
        give(c, row);
        err = LC_OK;
    }
    return err;
}

enum lc_err
csv_next(struct csv *c, struct slice *in, bool last, struct csv_row *row, struct csv_error *error)
{
    if (c->state == ROW_START)
        begin_row(c);
    while (in->n > 0) {
        char byte = *in->p;
        *in = slice_of(in->p + 1, in->n - 1);
        if (c->mark < MARK_DONE && is_mark(c, byte))
            continue;
        bool whole = take(c, byte);
        if (c->text.failed)
            return LC_ENOMEM;
        bool skipped = advance(c, byte);
        if (whole) {
            give(c, row);
            return LC_OK;
        }
        if (skipped) {
            *error = c->error;
            begin_row(c);
            return c->err;
        }
    }
    return last ? at_the_end(c, row, error) : LC_EAGAIN;
}
