#include "base/json_out.h"
#include "base/problem.h"
#include "base/utf8.h"
#include "unit.h"

#include <jansson.h>
#include <math.h>

static void
test_json_out_sets_commas(void)
{
    struct buf b = {0};
    struct json_out w = json_out_to(&b);

    json_out_object(&w, NULL);
    json_out_str(&w, "a", SLICE_LIT("x"));
    json_out_array(&w, "b");
    json_out_int(&w, NULL, -1);
    json_out_object(&w, NULL);
    json_out_end(&w);
    json_out_array(&w, NULL);
    json_out_end(&w);
    json_out_null(&w, NULL);
    json_out_end(&w);
    json_out_bool(&w, "c", true);
    json_out_time(&w, "d", 0);
    json_out_cstr(&w, "e", NULL);
    json_out_end(&w);
    buf_char(&b, '\0');
    CU_ASSERT_STRING_EQUAL(b.p, "{\"a\":\"x\",\"b\":[-1,{},[],null],\"c\":true,"
                                "\"d\":\"1970-01-01T00:00:00Z\",\"e\":null}");
    buf_free(&b);
}

static void
test_json_out_numbers_are_exact(void)
{
    static const char want[] =
        "[-9223372036854775808,18446744073709551615,39.263711,-76.58852,0,-0.0000001,180,"
        "1.5,-2,0.333,null,null,123456789012345683968]";
    struct buf b = {0};
    struct json_out w = json_out_to(&b);

    json_out_array(&w, NULL);
    json_out_int(&w, NULL, INT64_MIN);
    json_out_uint(&w, NULL, UINT64_MAX);
    json_out_e7(&w, NULL, 392637110);
    json_out_e7(&w, NULL, -765885200);
    json_out_e7(&w, NULL, 0);
    json_out_e7(&w, NULL, -1);
    json_out_e7(&w, NULL, 1800000000);
    json_out_double(&w, NULL, 1.5, 3);
    json_out_double(&w, NULL, -1.9999, 3);
    json_out_double(&w, NULL, 1 / 3.0, 3);
    json_out_double(&w, NULL, NAN, 3);
    json_out_double(&w, NULL, INFINITY, 3);
    json_out_double(&w, NULL, 123456789012345680000.0, 3);
    json_out_end(&w);
    buf_char(&b, '\0');
    CU_ASSERT_STRING_EQUAL(b.p, want);
    buf_free(&b);
}

static void
test_json_out_str_survives_any_bytes(void)
{
    uint64_t x = 1;
    struct buf b = {0};

    for (int round = 0; round < 3000; round++) {
        char raw[40];
        for (size_t i = 0; i < sizeof raw; i++) {
            x = x * 6364136223846793005 + 1442695040888963407;
            raw[i] = (char)(x >> 56);
        }
        struct json_out w = json_out_to(&b);
        buf_reset(&b);
        json_out_str(&w, NULL, slice_of(raw, sizeof raw));
        json_t *back = json_loadb(b.p, b.n, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
        CU_ASSERT_PTR_NOT_NULL_FATAL(back);
        if (utf8_valid(slice_of(raw, sizeof raw))) {
            CU_ASSERT_EQUAL_FATAL(json_string_length(back), sizeof raw);
            CU_ASSERT_EQUAL_FATAL(memcmp(json_string_value(back), raw, sizeof raw), 0);
        }
        json_decref(back);
    }
    buf_free(&b);
}

static void
test_json_out_str_keeps_text(void)
{
    static const char text[] = "\"\\/\b\f\n\r\t\x01\x7F é 漢 \xF0\x9F\x8D\x95";
    struct buf b = {0};
    struct json_out w = json_out_to(&b);

    json_out_str(&w, NULL, SLICE_LIT(text));
    json_t *back = json_loadb(b.p, b.n, JSON_DECODE_ANY, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(back);
    CU_ASSERT_STRING_EQUAL(json_string_value(back), text);
    json_decref(back);
    buf_free(&b);
}

static void
test_utf8_valid_table(void)
{
    static const struct {
        struct slice s;
        bool valid;
    } row[] = {
        {{NULL, 0}, true},
        {SLICE_LIT("plain"), true},
        {SLICE_LIT("a\0b"), false},
        {SLICE_LIT("\xC2\x80"), true},
        {SLICE_LIT("\xC1\xBF"), false}, /* overlong */
        {SLICE_LIT("\xE0\xA0\x80"), true},
        {SLICE_LIT("\xE0\x9F\xBF"), false},
        {SLICE_LIT("\xED\x9F\xBF"), true},
        {SLICE_LIT("\xED\xA0\x80"), false}, /* surrogate */
        {SLICE_LIT("\xEF\xBF\xBF"), true},
        {SLICE_LIT("\xF0\x90\x80\x80"), true},
        {SLICE_LIT("\xF0\x8F\xBF\xBF"), false},
        {SLICE_LIT("\xF4\x8F\xBF\xBF"), true},
        {SLICE_LIT("\xF4\x90\x80\x80"), false},
        {SLICE_LIT("\xF5\x80\x80\x80"), false},
        {SLICE_LIT("\x80"), false},
        {SLICE_LIT("\xC3"), false},
        {SLICE_LIT("\xE2\x82"), false},
        {SLICE_LIT("\xF0\x9F\x8D"), false},
        {SLICE_LIT("\xE2\x28\xA1"), false},
        {SLICE_LIT("\xFF"), false},
    };

    for (size_t i = 0; i < sizeof row / sizeof *row; i++)
        CU_ASSERT_EQUAL(utf8_valid(row[i].s), row[i].valid);
}

static void
test_utf8_tells_controls_from_words(void)
{
    static const struct {
        struct slice s;
        bool words, line;
    } row[] = {
        {{NULL, 0}, true, true},
        {SLICE_LIT("Fait Ave"), true, true},
        {SLICE_LIT("a\nb\tc"), true, false},
        {SLICE_LIT("a\rb"), false, false},
        {SLICE_LIT("\x1b[2J"), false, false},
        {SLICE_LIT("\x7f"), false, false},
        {SLICE_LIT("\xC2\x80"), false, false},
        {SLICE_LIT("a\xC2\x9F"), false, false},
        {SLICE_LIT("\xC2\xA0"), true, true},
        {SLICE_LIT("\xC3\x9F\xE5\x8E\xA8"), true, true},
    };

    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        CU_ASSERT_EQUAL(utf8_is_words(row[i].s), row[i].words);
        CU_ASSERT_EQUAL(utf8_is_line(row[i].s), row[i].line);
    }
}

static void
test_problem_write_names_every_field(void)
{
    static const struct field_error errors[] = {{"lines[2].quantity", "expected \"n\""},
                                                {"dropoff.lat", "missing"}};
    struct buf b = {0};

    problem_write(&b, &(struct problem){.status = 422,
                                        .code = "invalid_order",
                                        .detail = "2 fields are wrong",
                                        .errors = errors,
                                        .error_n = 2});
    buf_char(&b, '\0');
    CU_ASSERT_STRING_EQUAL(
        b.p,
        "{\"title\":\"Unprocessable Content\",\"status\":422,\"detail\":\"2 fields are wrong\","
        "\"code\":\"invalid_order\",\"errors\":[{\"field\":\"lines[2].quantity\",\"error\":"
        "\"expected \\\"n\\\"\"},{\"field\":\"dropoff.lat\",\"error\":\"missing\"}]}");
    buf_free(&b);
}

static void
test_problem_write_needs_no_details(void)
{
    struct buf b = {0};

    problem_write(&b, &(struct problem){.status = 599, .code = "odd"});
    buf_char(&b, '\0');
    CU_ASSERT_STRING_EQUAL(b.p, "{\"title\":\"Error\",\"status\":599,\"code\":\"odd\"}");
    buf_free(&b);
}

/* Strings are looked at eight bytes at a time: each byte in each place of a word, among others. */
static void
test_json_out_str_sees_every_byte_in_every_place(void)
{
    char text[19];

    for (unsigned byte = 1; byte < 0x80; byte++)
        for (size_t at = 0; at < sizeof text; at++) {
            bool plain = byte >= 0x20 && byte != '"' && byte != '\\';
            struct buf b = {0};
            struct json_out w = json_out_to(&b);
            memset(text, at % 2 == 0 ? ' ' : '~', sizeof text);
            text[at] = (char)byte;
            json_out_str(&w, NULL, slice_of(text, sizeof text));
            size_t longer = plain || byte == 0x7F ? 0 : strchr("\"\\\n\t", (int)byte) ? 1 : 5;
            CU_ASSERT_EQUAL(b.n, 2 + sizeof text + longer);
            CU_ASSERT_EQUAL(memcmp(b.p + 1, text, at), 0);
            CU_ASSERT_EQUAL(b.p[1 + at], plain || byte == 0x7F ? (char)byte : '\\');
            CU_ASSERT_EQUAL(
                memcmp(b.p + b.n - 1 - (sizeof text - 1 - at), text + at + 1, sizeof text - 1 - at),
                0);
            buf_free(&b);
        }
}

UNIT_MAIN("json_out", UNIT(test_json_out_sets_commas), UNIT(test_json_out_numbers_are_exact),
          UNIT(test_json_out_str_survives_any_bytes), UNIT(test_json_out_str_keeps_text),

          UNIT(test_json_out_str_sees_every_byte_in_every_place), UNIT(test_utf8_valid_table),
          UNIT(test_utf8_tells_controls_from_words), UNIT(test_problem_write_names_every_field),
          UNIT(test_problem_write_needs_no_details))
