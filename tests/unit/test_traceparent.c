#include "base/traceparent.h"
#include "unit.h"

#define GOOD "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

static const struct uuid order = {{0x01, 0x93, 0x4a, 0x5b, 0x6c, 0x7d, 0x8e, 0x9f, 0xa0, 0xb1, 0xc2,
                                   0xd3, 0xe4, 0xf5, 0x06, 0x17}};

static void
test_traceparent_parse_takes_what_the_specification_allows(void)
{
    static const struct {
        const char *text;
        uint8_t flags;
    } good[] = {
        {GOOD, 1},
        {"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00", 0},
        {"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-ff", 1}, /* what we know of it */
        {"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-02", 0},
        {"cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", 1},
        {"cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-what-the-future-brings", 1},
    };

    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        struct traceparent t;
        CU_ASSERT_EQUAL_FATAL(traceparent_parse(slice_str(good[i].text), &t), LC_OK);
        CU_ASSERT_EQUAL(t.trace[0], 0x4b);
        CU_ASSERT_EQUAL(t.trace[15], 0x36);
        CU_ASSERT_EQUAL(t.parent[1], 0xf0);
        CU_ASSERT_EQUAL(t.parent[7], 0xb7);
        CU_ASSERT_EQUAL(t.flags, good[i].flags);
    }
}

static void
test_traceparent_parse_refuses_all_else(void)
{
    static const struct slice bad[] = {
        SLICE_LIT(""),
        SLICE_LIT("00"),
        SLICE_LIT("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0"),
        SLICE_LIT("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-011"),
        SLICE_LIT("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more"),
        SLICE_LIT("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01.more"),
        SLICE_LIT("ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
        SLICE_LIT("0x-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
        SLICE_LIT("00-00000000000000000000000000000000-00f067aa0ba902b7-01"),
        SLICE_LIT("00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01"),
        SLICE_LIT("00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01"),
        SLICE_LIT("00-4bf92f3577b34da6a3ce929d0e0e473g-00f067aa0ba902b7-01"),
        SLICE_LIT("00_4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
        SLICE_LIT("00-4bf92f3577b34da6a3ce929d0e0e4736_00f067aa0ba902b7-01"),
        SLICE_LIT("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7_01"),
        SLICE_LIT("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0\0"),
        SLICE_LIT(" " GOOD),
        SLICE_LIT(GOOD " "),
    };

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct traceparent t = {.flags = 77};
        CU_ASSERT_EQUAL(traceparent_parse(bad[i], &t), LC_EINVAL);
        CU_ASSERT_EQUAL(t.flags, 77);
    }
}

/* Every byte of it changed to every other: it is refused, or read as what it says. */
static void
test_traceparent_parse_and_format_are_each_others_inverse(void)
{
    char text[] = GOOD, again[TRACEPARENT_TEXT];
    size_t taken = 0;

    for (size_t i = 3; i + 3 < sizeof text; i++)
        for (int c = 0; c < 256; c++) {
            struct traceparent t;
            char was = text[i];
            text[i] = (char)c;
            if (traceparent_parse(slice_of(text, sizeof text - 1), &t) == LC_OK) {
                traceparent_format(&t, t.parent, again);
                CU_ASSERT_STRING_EQUAL(again, text);
                taken++;
            }
            text[i] = was;
        }
    CU_ASSERT_EQUAL(taken, 48 * 16 + 2); /* every digit of two ids, and the two dashes */
}

static void
test_traceparent_of_order_is_the_chains_or_the_orders_own(void)
{
    struct traceparent t;
    char text[TRACE_ID_TEXT];

    traceparent_of_order(order, GOOD, &t);
    trace_id_format(&t, text);
    CU_ASSERT_STRING_EQUAL(text, "4bf92f3577b34da6a3ce929d0e0e4736");
    static const char *const none[] = {NULL, "", "00-broken"};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        traceparent_of_order(order, none[i], &t);
        trace_id_format(&t, text);
        CU_ASSERT_STRING_EQUAL(text, "01934a5b6c7d8e9fa0b1c2d3e4f50617");
        CU_ASSERT_EQUAL(t.flags, TRACE_SAMPLED);
        CU_ASSERT_EQUAL(memcmp(t.parent, order.b + TRACE_SPAN_AT, 8), 0);
    }
}

static void
test_traceparent_span_is_the_same_for_the_same_name(void)
{
    static const uint8_t zero[8];
    uint8_t a[8], b[8], c[8];

    traceparent_span(SLICE_LIT("evt_1041_0"), a);
    traceparent_span(SLICE_LIT("evt_1041_0"), b);
    traceparent_span(SLICE_LIT("evt_1041_1"), c);
    CU_ASSERT_EQUAL(memcmp(a, b, 8), 0);
    CU_ASSERT_NOT_EQUAL(memcmp(a, c, 8), 0);
    CU_ASSERT_NOT_EQUAL(memcmp(a, zero, 8), 0);
}

UNIT_MAIN("traceparent", UNIT(test_traceparent_parse_takes_what_the_specification_allows),
          UNIT(test_traceparent_parse_refuses_all_else),
          UNIT(test_traceparent_parse_and_format_are_each_others_inverse),
          UNIT(test_traceparent_of_order_is_the_chains_or_the_orders_own),
          UNIT(test_traceparent_span_is_the_same_for_the_same_name))
