/* json_value against jansson: what one takes, the other takes, with the same values. */
#include "base/json_value.h"
#include "unit.h"

#include <jansson.h>
#include <stdio.h>

static const struct json_limits wide = {.bytes = 1 << 20, .depth = 100};
static struct arena *arena;

static enum lc_err
parse(struct slice text, const struct json_value **out)
{
    size_t where = SIZE_MAX;
    const char *what = NULL;

    arena_reset(arena);
    enum lc_err err = json_value_parse(arena, text, &wide, out, &where, &what);
    if (err != LC_OK) {
        CU_ASSERT_TRUE(where <= text.n);
        CU_ASSERT_PTR_NOT_NULL(what);
    }
    return err;
}

static bool same(const struct json_value *v, const json_t *j);

static bool
same_object(const struct json_value *v, const json_t *j)
{
    size_t n = 0;

    if (v->n != json_object_size(j))
        return false;
    for (const struct json_value *m = v->first; m != NULL; m = m->next, n++) {
        char key[300];
        snprintf(key, sizeof key, "%.*s", (int)m->key_n, m->key);
        if (json_value_get(v, key) != m || !same(m, json_object_get(j, key)))
            return false;
    }
    return n == v->n;
}

static bool
same(const struct json_value *v, const json_t *j)
{
    if (j == NULL)
        return false;
    switch ((enum json_kind)v->kind) {
    case JSON_KIND_NULL:
        return json_is_null(j);
    case JSON_KIND_BOOL:
        return json_is_boolean(j) && json_is_true(j) == v->boolean;
    case JSON_KIND_INT:
        return json_is_integer(j) && json_integer_value(j) == v->integer;
    case JSON_KIND_REAL:
        return json_is_real(j) && memcmp(&v->real, &(double){json_real_value(j)}, 8) == 0;
    case JSON_KIND_STRING:
        return json_is_string(j) && slice_eq(json_value_string(v),
                                             slice_of(json_string_value(j), json_string_length(j)));
    case JSON_KIND_ARRAY:
        if (!json_is_array(j) || json_array_size(j) != v->n)
            return false;
        for (size_t i = 0; i < v->n; i++)
            if (!same(v->item[i], json_array_get(j, i)))
                return false;
        return true;
    case JSON_KIND_OBJECT:
        return json_is_object(j) && same_object(v, j);
    }
    return false;
}

static bool
agree(struct slice text)
{
    const struct json_value *v = NULL;
    enum lc_err err = parse(text, &v);
    json_t *j = json_loadb(text.p, text.n, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, NULL);
    bool ok = err == LC_OK ? j != NULL && same(v, j) : j == NULL;

    json_decref(j);
    return ok;
}

static const char *const good[] = {
    "{}",
    "[]",
    " [ ] ",
    "[[],{},[{}]]",
    "\"\"",
    "0",
    "-0",
    "-0.0",
    "9223372036854775807",
    "-9223372036854775808",
    "1.5",
    "-76.5885200",
    "39.263711",
    "0.1",
    "123456789012345678.9",
    "1e10",
    "1E-10",
    "2.2250738585072014e-308",
    "5e-324",
    "1e-400",
    "1.7976931348623157e308",
    "[true,false,null]",
    "{\"a\":1,\"b\":{\"a\":[1,2,{\"c\":\"d\"}]},\"\":0}",
    "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\\u00e9\\u6f22\\ud83c\\udf55 é漢🍕\x7F\"",
    "{\"\\u0061b\":1}",
    "\t\r\n [1 , 2 ]\n",
};

static const char *const refused[] = {
    "",
    " ",
    "{",
    "[",
    "}",
    "[1,]",
    "[,1]",
    "{\"a\":1,}",
    "{\"a\"}",
    "{\"a\" 1}",
    "{a:1}",
    "{1:1}",
    "[1 2]",
    "[1]]",
    "{}{}",
    "nul",
    "True",
    "NaN",
    "Infinity",
    "+1",
    "01",
    "-",
    "-01",
    "1.",
    ".5",
    "1e",
    "1e+",
    "0x10",
    "1e400",
    "-1e400",
    "9223372036854775808",
    "-9223372036854775809",
    "99999999999999999999999999",
    "\"",
    "\"\\\"",
    "\"\\",
    "\"\\x\"",
    "\"\\u12\"",
    "\"\\u12G4\"",
    "\"\\u0000\"",
    "\"\\ud83c\"",
    "\"\\ud83cx\"",
    "\"\\ud83c\\n\"",
    "\"\\ud83c\\u0041\"",
    "\"\\udf55\"",
    "\"\n\"",
    "\"\x01\"",
    "\"\xFF\"",
    "\"\xC3\"",
    "\"\xED\xA0\x80\"",
    "{\"a\":1,\"a\":2}",
    "{\"a\":1,\"\\u0061\":2}",
    "'a'",
    "[1]//",
    "\xEF\xBB\xBF[]",
};

static void
test_json_value_parse_takes_what_jansson_takes(void)
{
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        const struct json_value *v;
        if (parse(slice_str(good[i]), &v) != LC_OK || !agree(slice_str(good[i])))
            CU_FAIL(good[i]);
    }
}

static void
test_json_value_parse_refuses_what_jansson_refuses(void)
{
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        const struct json_value *v;
        if (parse(slice_str(refused[i]), &v) != LC_EINVAL || !agree(slice_str(refused[i])))
            CU_FAIL(refused[i]);
    }
    CU_ASSERT_TRUE(agree(SLICE_LIT("[1]\0")));
    CU_ASSERT_TRUE(agree(SLICE_LIT("\"a\0b\"")));
}

static uint64_t seed = 20261122;

static uint32_t
below(uint32_t n)
{
    seed = seed * 6364136223846793005 + 1442695040888963407;
    return (uint32_t)((seed >> 33) % n);
}

/* One to four changes: a byte, a cut, a piece of another text. */
static size_t
mutate(char *text, size_t n, size_t cap)
{
    static const char bytes[] = "{}[]\",:\\u0019.-+eE tfn\xC3\xA9\x80\x01";

    for (uint32_t k = 1 + below(4); k > 0 && n > 0; k--) {
        size_t at = below((uint32_t)n);
        const char *piece = good[below(sizeof good / sizeof *good)];
        size_t len = strlen(piece);
        switch (below(4)) {
        case 0:
            text[at] = bytes[below(sizeof bytes - 1)];
            break;
        case 1:
            memmove(text + at, text + at + 1, n - at - 1);
            n--;
            break;
        case 2:
            n = at + 1;
            break;
        default:
            if (n + len <= cap) {
                memmove(text + at + len, text + at, n - at);
                memcpy(text + at, piece, len);
                n += len;
            }
        }
    }
    return n;
}

static void
test_json_value_parse_agrees_with_jansson_on_mutations(void)
{
    size_t taken = 0;

    for (int round = 0; round < 60000; round++) {
        char text[512];
        const char *from = good[below(sizeof good / sizeof *good)];
        memcpy(text, from, strlen(from));
        size_t n = mutate(text, strlen(from), sizeof text);
        /* a copy of exact size lets the sanitizer see one byte too far */
        char *exact = malloc(n + 1);
        memcpy(exact, text, n);
        char *shrunk = realloc(exact, n == 0 ? 1 : n);
        const struct json_value *v;
        taken += parse(slice_of(shrunk, n), &v) == LC_OK;
        bool ok = agree(slice_of(shrunk, n));
        if (!ok)
            printf("\ndisagree on <%.*s>\n", (int)n, text);
        free(shrunk);
        CU_ASSERT_TRUE_FATAL(ok);
    }
    CU_ASSERT_TRUE(taken > 3000);
}

static enum lc_err
parse_within(struct slice text, struct json_limits limits)
{
    const struct json_value *v;
    const char *what;
    size_t where;

    arena_reset(arena);
    return json_value_parse(arena, text, &limits, &v, &where, &what);
}

static void
test_json_value_parse_keeps_its_limits(void)
{
    struct buf b = {0};

    CU_ASSERT_EQUAL(parse_within(SLICE_LIT("[[1]]"), (struct json_limits){5, 2}), LC_OK);
    CU_ASSERT_EQUAL(parse_within(SLICE_LIT("[[1]]"), (struct json_limits){4, 2}), LC_ETOOBIG);
    CU_ASSERT_EQUAL(parse_within(SLICE_LIT("[[1]]"), (struct json_limits){5, 1}), LC_ETOOBIG);
    CU_ASSERT_EQUAL(parse_within(SLICE_LIT("[[],[],{}]"), (struct json_limits){50, 2}), LC_OK);
    for (int i = 0; i < 100000; i++)
        buf_char(&b, '[');
    CU_ASSERT_EQUAL(parse_within(buf_slice(&b), (struct json_limits){1 << 20, SIZE_MAX}),
                    LC_ETOOBIG);
    buf_reset(&b);
    buf_char(&b, '{');
    for (int i = 0; i <= JSON_MEMBERS_MAX; i++) {
        buf_printf(&b, "%s\"%d\":0", i == 0 ? "" : ",", i);
        if (i == JSON_MEMBERS_MAX - 1) {
            buf_char(&b, '}');
            CU_ASSERT_EQUAL(parse_within(buf_slice(&b), wide), LC_OK);
            b.n--;
        }
    }
    buf_char(&b, '}');
    CU_ASSERT_EQUAL(parse_within(buf_slice(&b), wide), LC_ETOOBIG);
    buf_free(&b);
}

static void
test_json_value_parse_survives_a_small_arena(void)
{
    static const char text[] = "{\"a\":[1,\"\\n\",{\"b\":[2,[3]]}],\"c\":\"x\\ty\"}";
    enum lc_err err = LC_ENOMEM;

    for (size_t cap = 0; cap < 4096 && err == LC_ENOMEM; cap += 16) {
        struct arena *small = arena_new(cap);
        const struct json_value *v;
        const char *what = NULL;
        size_t where;
        err = json_value_parse(small, SLICE_LIT(text), &wide, &v, &where, &what);
        CU_ASSERT_TRUE(err == LC_OK || err == LC_ENOMEM);
        arena_destroy(small);
    }
    CU_ASSERT_EQUAL(err, LC_OK);
}

static void
test_json_value_get_on_other_kinds(void)
{
    const struct json_value *v;

    CU_ASSERT_PTR_NULL(json_value_get(NULL, "a"));
    CU_ASSERT_EQUAL(parse(SLICE_LIT("[1]"), &v), LC_OK);
    CU_ASSERT_PTR_NULL(json_value_get(v, "a"));
}

int
main(void)
{
    static const struct unit_test tests[] = {
        UNIT(test_json_value_parse_takes_what_jansson_takes),
        UNIT(test_json_value_parse_refuses_what_jansson_refuses),
        UNIT(test_json_value_parse_agrees_with_jansson_on_mutations),
        UNIT(test_json_value_parse_keeps_its_limits),
        UNIT(test_json_value_parse_survives_a_small_arena),
        UNIT(test_json_value_get_on_other_kinds),
    };

    arena = arena_new(8 << 20);
    int rc = unit_main("json_value", tests, sizeof tests / sizeof *tests);
    arena_destroy(arena);
    return rc;
}
