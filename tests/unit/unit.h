/* unit: the few lines every CUnit program needs. UNIT_MAIN("suite", {"name", test_fn}, ...) */
#ifndef LC_TESTS_UNIT_H
#define LC_TESTS_UNIT_H

#include <CUnit/Basic.h>
#include <stdlib.h>

#ifdef __clang_analyzer__ /* does not see that CUnit leaves the test when one of these fails */
#undef CU_ASSERT_FATAL
#undef CU_ASSERT_TRUE_FATAL
#undef CU_ASSERT_EQUAL_FATAL
#undef CU_ASSERT_PTR_NOT_NULL_FATAL
#define CU_ASSERT_FATAL(is) ((is) ? (void)0 : abort())
#define CU_ASSERT_TRUE_FATAL(is) CU_ASSERT_FATAL(is)
#define CU_ASSERT_EQUAL_FATAL(is, wanted) CU_ASSERT_FATAL((is) == (wanted))
#define CU_ASSERT_PTR_NOT_NULL_FATAL(is) CU_ASSERT_FATAL((is) != NULL)
#endif

struct unit_test {
    const char *name;
    void (*run)(void);
};

#define UNIT(fn)                                                                                   \
    {                                                                                              \
#fn, fn                                                                                    \
    }

static inline int
unit_main(const char *suite, const struct unit_test *tests, size_t n)
{
    if (CU_initialize_registry() != CUE_SUCCESS)
        return EXIT_FAILURE;
    CU_pSuite s = CU_add_suite(suite, NULL, NULL);
    for (size_t i = 0; s != NULL && i < n; i++)
        if (CU_add_test(s, tests[i].name, tests[i].run) == NULL)
            s = NULL;
    if (s == NULL)
        return EXIT_FAILURE;
    CU_basic_set_mode(CU_BRM_NORMAL);
    CU_basic_run_tests();
    unsigned failures = CU_get_number_of_failures() + CU_get_number_of_tests_failed();
    unsigned run = CU_get_number_of_tests_run();
    CU_cleanup_registry();
    return failures == 0 && run == n ? EXIT_SUCCESS : EXIT_FAILURE;
}

#define UNIT_MAIN(suite, ...)                                                                      \
    int main(void)                                                                                 \
    {                                                                                              \
        static const struct unit_test tests[] = {__VA_ARGS__};                                     \
        return unit_main(suite, tests, sizeof tests / sizeof *tests);                              \
    }

#endif
