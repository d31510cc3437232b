#include "base/json_in.h"
#include "unit.h"

static struct arena *arena;
static struct json_in in;

static struct json_at
root_of(const char *text)
{
    arena_reset(arena);
    CU_ASSERT_EQUAL_FATAL(json_in_parse(&in, arena, slice_str(text), &json_limits_default), LC_OK);
    return json_in_root(&in);
}

/* Is error i this one? */
static bool
error_is(size_t i, const char *field, const char *error)
{
    if (i < in.error_n && strcmp(in.error[i].field, field) == 0 &&
        strcmp(in.error[i].error, error) == 0)
        return true;
    if (i < in.error_n)
        printf("\n<%s> <%s>\n", in.error[i].field, in.error[i].error);
    return false;
}

static void
test_json_in_reads_every_type(void)
{
    static const struct json_enum colour[] = {{"red", 4}, {"green", 5}};
    struct json_at o =
        root_of("{\"s\":\"x\",\"i\":-3,\"d\":2.5,\"b\":true,\"e\":\"green\","
                "\"t\":\"2026-11-22T12:00:00Z\",\"lat\":39.263711,\"lng\":-76.58852}");
    struct slice s;
    int64_t i, t;
    double d, from_int;
    bool b = false;
    int e;
    struct latlng p;

    CU_ASSERT_TRUE(json_in_string(&in, &o, "s", JSON_REQUIRED, 1, 1, &s) && slice_eq_str(s, "x"));
    CU_ASSERT_TRUE(json_in_int(&in, &o, "i", JSON_REQUIRED, -3, -3, &i) && i == -3);
    CU_ASSERT_TRUE(json_in_number(&in, &o, "d", JSON_REQUIRED, 0, 3, &d) && d == 2.5);
    CU_ASSERT_TRUE(json_in_number(&in, &o, "i", JSON_REQUIRED, -9, 3, &from_int) && from_int == -3);
    CU_ASSERT_TRUE(json_in_bool(&in, &o, "b", JSON_REQUIRED, &b) && b);
    CU_ASSERT_TRUE(json_in_enum(&in, &o, "e", JSON_REQUIRED, colour, 2, &e) && e == 5);
    CU_ASSERT_TRUE(json_in_time(&in, &o, "t", JSON_REQUIRED, &t) && t == 1795348800000);
    CU_ASSERT_TRUE(json_in_latlng_of(&in, &o, &p));
    CU_ASSERT_TRUE(p.lat_e7 == 392637110 && p.lng_e7 == -765885200);
    CU_ASSERT_TRUE(json_in_has(&o, "s"));
    CU_ASSERT_FALSE(json_in_has(&o, "absent"));
    CU_ASSERT_EQUAL(in.error_n, 0);
}

static void
test_json_in_tells_a_fraction_that_is_none_from_an_integer(void)
{
    struct json_at o = root_of("{\"a\":1.0,\"b\":-3.00,\"c\":1e2}");
    int64_t i;

    CU_ASSERT_FALSE(json_in_int(&in, &o, "a", JSON_REQUIRED, 1, 9, &i));
    CU_ASSERT_TRUE(error_is(0, "a", "expected an integer from 1 to 9, got 1.0"));
    CU_ASSERT_FALSE(json_in_int(&in, &o, "b", JSON_REQUIRED, 1, 9, &i));
    CU_ASSERT_TRUE(error_is(1, "b", "expected an integer from 1 to 9, got -3.0"));
    CU_ASSERT_FALSE(json_in_int(&in, &o, "c", JSON_REQUIRED, 1, 9, &i));
    CU_ASSERT_TRUE(error_is(2, "c", "expected an integer from 1 to 9, got 100.0"));
}

static void
test_json_in_says_what_was_expected_and_got(void)
{
    static const struct json_enum colour[] = {{"red", 4}, {"green", 5}};
    struct json_at o = root_of(
                       "{\"n\":\"two\",\"f\":1.5,\"s\":7,\"long\":\"abcdef\",\"c\":\"blue\","
                       "\"b\":\"true\",\"t\":\"noon\",\"k\":\"a\\u0007\","
                       "\"x\":{},\"y\":[],\"z\":100}"),
                   child;
    struct slice s = SLICE_LIT("kept");
    int64_t i = 77;
    double d = 7;
    bool b;
    int e;
    size_t n;

    CU_ASSERT_FALSE(json_in_int(&in, &o, "n", JSON_REQUIRED, 1, 999, &i));
    CU_ASSERT_TRUE(error_is(0, "n", "expected an integer from 1 to 999, got \"two\""));
    CU_ASSERT_FALSE(json_in_int(&in, &o, "f", JSON_OPTIONAL, 1, 999, &i));
    CU_ASSERT_TRUE(error_is(1, "f", "expected an integer from 1 to 999, got 1.5"));
    CU_ASSERT_FALSE(json_in_string(&in, &o, "s", JSON_REQUIRED, 1, 9, &s));
    CU_ASSERT_TRUE(error_is(2, "s", "expected a string, got 7"));
    CU_ASSERT_FALSE(json_in_string(&in, &o, "long", JSON_REQUIRED, 1, 5, &s));
    CU_ASSERT_TRUE(error_is(3, "long", "expected 1 to 5 bytes of text, got 6"));
    CU_ASSERT_FALSE(json_in_enum(&in, &o, "c", JSON_REQUIRED, colour, 2, &e));
    CU_ASSERT_TRUE(error_is(4, "c", "expected one of \"red\", \"green\", got \"blue\""));
    CU_ASSERT_FALSE(json_in_bool(&in, &o, "b", JSON_REQUIRED, &b));
    CU_ASSERT_TRUE(error_is(5, "b", "expected true or false, got \"true\""));
    CU_ASSERT_FALSE(json_in_time(&in, &o, "t", JSON_REQUIRED, &i));
    CU_ASSERT_TRUE(error_is(6, "t", "expected a time like \"2026-11-22T12:00:00Z\", got \"noon\""));
    CU_ASSERT_FALSE(json_in_string(&in, &o, "k", JSON_REQUIRED, 1, 9, &s));
    CU_ASSERT_TRUE(error_is(7, "k", "expected text without control characters"));
    CU_ASSERT_FALSE(json_in_array(&in, &o, "x", JSON_REQUIRED, 1, 9, &child, &n));
    CU_ASSERT_TRUE(error_is(8, "x", "expected an array, got an object"));
    CU_ASSERT_FALSE(json_in_object(&in, &o, "y", JSON_REQUIRED, &child));
    CU_ASSERT_TRUE(error_is(9, "y", "expected an object, got an array"));
    CU_ASSERT_FALSE(json_in_array(&in, &o, "y", JSON_REQUIRED, 1, 9, &child, &n));
    CU_ASSERT_TRUE(error_is(10, "y", "expected 1 to 9 elements, got 0"));
    CU_ASSERT_FALSE(json_in_number(&in, &o, "z", JSON_REQUIRED, -90, 90, &d));
    CU_ASSERT_TRUE(error_is(11, "z", "expected a number from -90 to 90, got 100"));
    CU_ASSERT_FALSE(json_in_int(&in, &o, "absent", JSON_REQUIRED, 1, 2, &i));
    CU_ASSERT_TRUE(error_is(12, "absent", "is required"));
    CU_ASSERT_EQUAL(i, 77);
    CU_ASSERT_EQUAL(d, 7);
    CU_ASSERT_TRUE(slice_eq_str(s, "kept"));
}

static void
test_json_in_treats_null_as_absent(void)
{
    struct json_at o = root_of("{\"a\":null}");
    int64_t i = 5;

    CU_ASSERT_FALSE(json_in_int(&in, &o, "a", JSON_OPTIONAL, 1, 2, &i));
    CU_ASSERT_FALSE(json_in_int(&in, &o, "b", JSON_OPTIONAL, 1, 2, &i));
    CU_ASSERT_EQUAL(in.error_n, 0);
    CU_ASSERT_FALSE(json_in_int(&in, &o, "a", JSON_REQUIRED, 1, 2, &i));
    CU_ASSERT_TRUE(error_is(0, "a", "is required"));
    CU_ASSERT_EQUAL(i, 5);
}

static void
test_json_in_paths_name_the_place(void)
{
    static const char *const names[] = {"sku", "quantity"}, *const place[] = {"lat", "lng"};
    struct json_at o = root_of("{\"drop\":{\"at\":{\"lat\":91,\"lng\":1,\"alt\":3}},"
                               "\"lines\":[{\"quantity\":1},{\"quantity\":0,\"colour\":1},7]}"),
                   drop, at, lines;
    struct latlng p;
    int64_t i;
    size_t n;

    json_in_object(&in, &o, "drop", JSON_REQUIRED, &drop);
    json_in_object(&in, &drop, "at", JSON_REQUIRED, &at);
    json_in_only(&in, &at, place, 2);
    CU_ASSERT_FALSE(json_in_latlng_of(&in, &at, &p));
    CU_ASSERT_TRUE(json_in_array(&in, &o, "lines", JSON_REQUIRED, 1, 9, &lines, &n));
    for (size_t k = 0; k < n; k++) {
        struct json_at line = json_in_item(&in, &lines, k);
        json_in_only(&in, &line, names, 2);
        json_in_int(&in, &line, "quantity", JSON_REQUIRED, 1, 9, &i);
    }
    json_in_fail(&in, &lines, NULL, "too %s", "heavy");
    CU_ASSERT_TRUE(error_is(0, "drop.at.alt", "is not a field of this object"));
    CU_ASSERT_TRUE(error_is(1, "drop.at.lat", "expected a number from -90 to 90, got 91"));
    CU_ASSERT_TRUE(error_is(2, "lines[1].colour", "is not a field of this object"));
    CU_ASSERT_TRUE(error_is(3, "lines[1].quantity", "expected an integer from 1 to 9, got 0"));
    CU_ASSERT_TRUE(error_is(4, "lines[2]", "expected an object, got 7"));
    CU_ASSERT_TRUE(error_is(5, "lines", "too heavy"));
    CU_ASSERT_EQUAL(in.error_n, 6);
}

static void
test_json_in_reads_arrays_of_plain_values(void)
{
    struct json_at o = root_of("[1,2,\"x\",null]"), list;
    int64_t sum = 0, v;
    size_t n;

    CU_ASSERT_PTR_NULL(o.value); /* not an object */
    CU_ASSERT_TRUE(error_is(0, "", "expected an object, got an array"));
    o = json_in_root_any(&in);
    CU_ASSERT_TRUE(json_in_array(&in, &o, NULL, JSON_REQUIRED, 0, 9, &list, &n));
    for (size_t i = 0; i < n; i++) {
        struct json_at item = json_in_item_any(&list, i);
        if (json_in_int(&in, &item, NULL, JSON_REQUIRED, 0, 9, &v))
            sum += v;
    }
    CU_ASSERT_EQUAL(sum, 3);
    CU_ASSERT_TRUE(error_is(1, "[2]", "expected an integer from 0 to 9, got \"x\""));
    CU_ASSERT_TRUE(error_is(2, "[3]", "is required"));
    CU_ASSERT_PTR_NULL(json_in_item_any(&list, 4).value);
}

static void
test_json_in_says_nothing_twice(void)
{
    struct json_at o = root_of("{\"drop\":3}"), drop, list;
    struct latlng p;
    int64_t i;
    size_t n = 9;

    json_in_object(&in, &o, "drop", JSON_REQUIRED, &drop);
    CU_ASSERT_EQUAL(in.error_n, 1);
    json_in_int(&in, &drop, "x", JSON_REQUIRED, 1, 2, &i);
    json_in_latlng_of(&in, &drop, &p);
    json_in_only(&in, &drop, NULL, 0);
    CU_ASSERT_FALSE(json_in_array(&in, &drop, "l", JSON_REQUIRED, 1, 2, &list, &n));
    CU_ASSERT_EQUAL(n, 0);
    CU_ASSERT_EQUAL(in.error_n, 1);
}

static void
test_json_in_caps_the_errors(void)
{
    struct json_at o = root_of("{}");
    int64_t i;

    for (int k = 0; k < JSON_ERRORS_MAX + 7; k++)
        json_in_int(&in, &o, "x", JSON_REQUIRED, 1, 2, &i);
    CU_ASSERT_EQUAL(in.error_n, JSON_ERRORS_MAX);
    CU_ASSERT_EQUAL(in.more_errors, 7);
}

static void
test_json_in_cuts_what_it_quotes(void)
{
    struct buf b = {0};
    struct json_at o;
    int64_t i;

    buf_str(&b, "{\"n\":\"");
    for (int k = 0; k < 5000; k++)
        buf_str(&b, "é");
    buf_str(&b, "\",\"");
    for (int k = 0; k < 5000; k++)
        buf_char(&b, 'k');
    buf_str(&b, "\":1}");
    buf_char(&b, '\0');
    o = root_of(b.p);
    json_in_int(&in, &o, "n", JSON_REQUIRED, 1, 2, &i);
    json_in_only(&in, &o, (const char *const[]){"n"}, 1);
    CU_ASSERT_EQUAL(in.error_n, 2);
    CU_ASSERT_TRUE(strlen(in.error[0].error) < 120);
    CU_ASSERT_PTR_NOT_NULL(strstr(in.error[0].error, "éé…\""));
    CU_ASSERT_TRUE(strlen(in.error[1].field) < 64);
    buf_free(&b);
}

static void
test_json_in_parse_names_line_and_column(void)
{
    static const char text[] = "{\n  \"a\": 1,\n  \"b\": x\n}";

    arena_reset(arena);
    CU_ASSERT_EQUAL(json_in_parse(&in, arena, SLICE_LIT(text), &json_limits_default), LC_EINVAL);
    CU_ASSERT_TRUE(error_is(0, "", "not acceptable JSON: line 3, column 8: expected a value"));
    struct json_at o = json_in_root(&in);
    CU_ASSERT_PTR_NULL(o.value);
    CU_ASSERT_EQUAL(in.error_n, 1);
}

static void
test_json_in_parse_refuses_a_long_text(void)
{
    arena_reset(arena);
    CU_ASSERT_EQUAL(json_in_parse(&in, arena, SLICE_LIT("{\"a\":1}"), &(struct json_limits){6, 9}),
                    LC_ETOOBIG);
    CU_ASSERT_TRUE(error_is(0, "", "expected at most 6 bytes, got 7"));
}

static void
test_json_in_counts_an_error_without_memory_for_it(void)
{
    struct arena *tiny = arena_new(64);
    struct json_at o;
    int64_t i;

    CU_ASSERT_EQUAL(json_in_parse(&in, tiny, SLICE_LIT("{}"), &json_limits_default), LC_OK);
    o = json_in_root(&in);
    CU_ASSERT_FALSE(json_in_int(&in, &o, "a_name_that_takes_some_room", JSON_REQUIRED, 1, 2, &i));
    CU_ASSERT_FALSE(json_in_int(&in, &o, "a_name_that_takes_some_room", JSON_REQUIRED, 1, 2, &i));
    CU_ASSERT_EQUAL(in.error_n, 2);
    CU_ASSERT_PTR_NOT_NULL(in.error[1].field);
    CU_ASSERT_PTR_NOT_NULL(in.error[1].error);
    arena_destroy(tiny);
}

int
main(void)
{
    static const struct unit_test tests[] = {
        UNIT(test_json_in_reads_every_type),
        UNIT(test_json_in_says_what_was_expected_and_got),
        UNIT(test_json_in_tells_a_fraction_that_is_none_from_an_integer),
        UNIT(test_json_in_treats_null_as_absent),
        UNIT(test_json_in_paths_name_the_place),
        UNIT(test_json_in_reads_arrays_of_plain_values),
        UNIT(test_json_in_says_nothing_twice),
        UNIT(test_json_in_caps_the_errors),
        UNIT(test_json_in_cuts_what_it_quotes),
        UNIT(test_json_in_parse_names_line_and_column),
        UNIT(test_json_in_parse_refuses_a_long_text),
        UNIT(test_json_in_counts_an_error_without_memory_for_it),
    };

    arena = arena_new(1 << 20);
    int rc = unit_main("json_in", tests, sizeof tests / sizeof *tests);
    arena_destroy(arena);
    return rc;
}
