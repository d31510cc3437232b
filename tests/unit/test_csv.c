#include "base/csv.h"
#include "unit.h"

#include <stdio.h>

static const struct csv_limits limits = {.row_bytes = 40, .fields = 4};

/* Reads all of a text in pieces of `step` bytes and writes what came out: rows as "1:a|b;", errors
 * as
 * "!2:7 what;". */
static void
transcribe(struct slice text, size_t step, struct buf *out)
{
    struct csv *c = csv_new(limits);
    size_t at = 0;

    buf_reset(out);
    CU_ASSERT_PTR_NOT_NULL_FATAL(c);
    for (;;) {
        size_t n = text.n - at < step ? text.n - at : step;
        char *exact = malloc(n + 1); /* pieces die before the next: nothing may point into them */
        memcpy(exact, text.p + at, n);
        struct slice in = slice_of(exact, n);
        at += n;
        bool last = at == text.n;
        for (;;) {
            struct csv_row row;
            struct csv_error error;
            enum lc_err err = csv_next(c, &in, last, &row, &error);
            if (err == LC_EAGAIN)
                break;
            if (err == LC_OK) {
                buf_printf(out, "%d:", (int)row.line);
                for (size_t i = 0; i < row.n; i++) {
                    buf_str(out, i == 0 ? "" : "|");
                    buf_append(out, row.field[i].p, row.field[i].n);
                }
                buf_char(out, ';');
            } else {
                buf_printf(out, "!%d:%d %s;", (int)error.line, (int)error.column, error.what);
            }
        }
        CU_ASSERT_EQUAL(in.n, 0);
        free(exact);
        if (last)
            break;
    }
    csv_destroy(c);
}

static const struct {
    struct slice text;
    const char *want;
} row[] = {
    {SLICE_LIT(""), ""},
    {SLICE_LIT("\n\r\n\n"), ""},
    {SLICE_LIT("a,b\nc,d\n"), "1:a|b;2:c|d;"},
    {SLICE_LIT("a,b\r\nc,d"), "1:a|b;2:c|d;"},
    {SLICE_LIT("a,,\n,\n"), "1:a||;2:|;"},
    {SLICE_LIT("a,"), "1:a|;"},
    {SLICE_LIT("\"\"\n"), "1:;"},
    {SLICE_LIT(",\n,,\n"), "1:|;2:||;"}, /* not a byte of text until then */
    {SLICE_LIT("\"a,b\",\"say \"\"hi\"\"\"\n"), "1:a,b|say \"hi\";"},
    {SLICE_LIT("\"two\r\nlines\",x\ny\n"), "1:two\r\nlines|x;3:y;"},
    {SLICE_LIT("\n\n a , b \n"), "3: a | b ;"},
    {SLICE_LIT("\xEF\xBB\xBFsku,n\n"), "1:sku|n;"},
    {SLICE_LIT("\xEF\xBB\xBF\"sku\"\n"), "1:sku;"},
    {SLICE_LIT("\xEF\xBC\x91,n\n"), "1:\xEF\xBC\x91|n;"}, /* begins like a mark */
    {SLICE_LIT("\xEF"), "1:\xEF;"},
    {SLICE_LIT("a\"b\nok\n"), "!1:2 a quote inside a field that did not begin with one;2:ok;"},
    {SLICE_LIT("\"a\"b\nok\n"), "!1:4 expected ',' or a line end behind a closing quote;2:ok;"},
    {SLICE_LIT("x\ra\nok\n"), "!1:3 a carriage return without a line feed;2:ok;"},
    {SLICE_LIT("x\na,\"b\nc\n"), "1:x;!2:3 a quote is never closed;"},
    {SLICE_LIT("a\0b\nok"), "!1:2 NUL is not text;2:ok;"},
    {SLICE_LIT("1,2,3,4\n1,2,3,4,5\nok\n"), "1:1|2|3|4;!2:10 too many fields in a row;3:ok;"},
    {SLICE_LIT("1234567890123456789012345678901234567890\n"),
     "1:1234567890123456789012345678901234567890;"},
    {SLICE_LIT("12345678901234567890123456789012345678901\nok\n"),
     "!1:41 the row is too long;2:ok;"},
    {SLICE_LIT("\"2345678901234567890\n1234567890123456789012\nok\n"),
     "!2:21 the row is too long;3:ok;"},
    {SLICE_LIT("a\"b"), "!1:2 a quote inside a field that did not begin with one;"},
    {SLICE_LIT("x\r"), "1:x;"},
};

static void
test_csv_next_reads_rows_and_places_errors(void)
{
    struct buf out = {0};

    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        transcribe(row[i].text, row[i].text.n + 1, &out);
        if (!slice_eq_str(buf_slice(&out), row[i].want)) {
            printf("\n<%.*s>, not <%s>\n", (int)out.n, out.p, row[i].want);
            CU_FAIL("wrong");
        }
    }
    buf_free(&out);
}

static void
test_csv_next_does_not_care_where_the_pieces_end(void)
{
    struct buf out = {0};

    for (size_t i = 0; i < sizeof row / sizeof *row; i++)
        for (size_t step = 1; step < 8; step++) {
            transcribe(row[i].text, step, &out);
            if (!slice_eq_str(buf_slice(&out), row[i].want))
                CU_FAIL(row[i].want);
        }
    buf_free(&out);
}

static void
test_csv_next_survives_any_bytes(void)
{
    static const char bytes[] = "a,\"\r\n\xEF\xBB\xBF\x00z";
    uint64_t x = 7;
    struct buf whole = {0}, pieces = {0};

    for (int round = 0; round < 5000; round++) {
        char text[60];
        size_t n = 0;
        for (; n < sizeof text; n++) {
            x = x * 6364136223846793005 + 1442695040888963407;
            text[n] = bytes[(x >> 33) % (sizeof bytes - 1)];
        }
        transcribe(slice_of(text, n), 100, &whole);
        transcribe(slice_of(text, n), 1 + (size_t)round % 9, &pieces);
        CU_ASSERT_TRUE_FATAL(slice_eq(buf_slice(&whole), buf_slice(&pieces)));
    }
    buf_free(&whole);
    buf_free(&pieces);
}

UNIT_MAIN("csv", UNIT(test_csv_next_reads_rows_and_places_errors),
          UNIT(test_csv_next_does_not_care_where_the_pieces_end),
          UNIT(test_csv_next_survives_any_bytes))
