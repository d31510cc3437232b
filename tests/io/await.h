/* await: a loop that turns until a condition holds; no sleeps. AWAIT(loop, condition) gives up
 * after 10 s and fails. */
#ifndef LC_TESTS_IO_AWAIT_H
#define LC_TESTS_IO_AWAIT_H

#include "io/log.h"
#include "io/loop.h"
#include "unit.h"

enum { AWAIT_MS = 10000 };

static void
await_tick(void *ctx)
{
    loop_timer_set(*(struct loop_timer **)ctx, 5);
}

#define AWAIT(l, condition)                                                                        \
    do {                                                                                           \
        struct loop_timer *await_timer = NULL;                                                     \
        int64_t await_end_ms = loop_mono_ms() + AWAIT_MS;                                          \
        await_timer = loop_timer_new(l, await_tick, &await_timer);                                 \
        loop_timer_set(await_timer, 5);                                                            \
        while (!(condition) && loop_mono_ms() < await_end_ms)                                      \
            CU_ASSERT_EQUAL_FATAL(loop_run_once(l), LC_OK);                                        \
        loop_timer_free(await_timer);                                                              \
        CU_ASSERT_TRUE_FATAL(condition);                                                           \
    } while (0)

/* AWAIT_TIME: turns for so long, for what must not happen. */
static inline void
await_time(struct loop *l, int64_t ms)
{
    struct loop_timer *timer = NULL;
    int64_t end_ms = loop_mono_ms() + ms;

    timer = loop_timer_new(l, await_tick, &timer);
    loop_timer_set(timer, 5);
    while (loop_mono_ms() < end_ms)
        if (loop_run_once(l) != LC_OK)
            break;
    loop_timer_free(timer);
}

#endif
