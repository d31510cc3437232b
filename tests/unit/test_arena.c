#include "base/arena.h"
#include "unit.h"

#include <inttypes.h>
#include <stdio.h>

static void
test_arena_int_writes_what_printf_would(void)
{
    static const int64_t values[] = {
        0, 1, -1, 9, 10, -10, 999999999, 1795348800000, INT64_MAX, INT64_MIN, UINT32_MAX};
    struct arena *a = arena_new(4096);

    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        char text[32];
        snprintf(text, sizeof text, "%" PRId64, values[i]);
        CU_ASSERT_STRING_EQUAL(arena_int(a, values[i]), text);
    }
    arena_destroy(a);
}

static void
test_arena_int_says_when_there_is_no_memory(void)
{
    struct arena *a = arena_new(16);

    CU_ASSERT_PTR_NULL(arena_int(a, INT64_MIN)); /* 21 bytes with the NUL */
    CU_ASSERT_STRING_EQUAL(arena_int(a, 7), "7");
    arena_destroy(a);
}

static void
test_arena_lacked_until_what_was_made_is_given_back(void)
{
    struct arena *a = arena_new(64);

    CU_ASSERT_PTR_NOT_NULL(arena_alloc(a, 32));
    CU_ASSERT_FALSE(arena_lacked(a));
    struct arena_mark mark = arena_mark(a);
    CU_ASSERT_PTR_NULL(arena_copy(a, "", 64));
    CU_ASSERT_PTR_NOT_NULL(arena_alloc(a, 16)); /* less is there, and does not make it good */
    CU_ASSERT_TRUE(arena_lacked(a));
    arena_rewind(a, mark);
    CU_ASSERT_FALSE(arena_lacked(a));
    CU_ASSERT_PTR_NULL(arena_array(a, SIZE_MAX, 2));
    CU_ASSERT_TRUE(arena_lacked(a));
    arena_reset(a);
    CU_ASSERT_FALSE(arena_lacked(a));
    arena_destroy(a);
}

UNIT_MAIN("arena", UNIT(test_arena_lacked_until_what_was_made_is_given_back),
          UNIT(test_arena_int_writes_what_printf_would),
          UNIT(test_arena_int_says_when_there_is_no_memory))
