/* await: a loop that turns until a condition holds; no sleeps. AWAIT(loop, condition) gives up
 * after 10 s and fails. The condition may act: it is asked once a turn, and not again when it held.
 */
#ifndef LC_TESTS_IO_AWAIT_H
#define LC_TESTS_IO_AWAIT_H

#include "io/log.h"
#include "io/loop.h"
#include "unit.h"

#include <stdio.h>

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
        bool await_met = (condition);                                                              \
        while (!await_met && loop_mono_ms() < await_end_ms) {                                      \
            CU_ASSERT_EQUAL_FATAL(loop_run_once(l), LC_OK);                                        \
            await_met = (condition);                                                               \
        }                                                                                          \
        loop_timer_free(await_timer);                                                              \
        if (!await_met)                                                                            \
            printf("\n  waited in vain for: %s\n", #condition);                                    \
        CU_ASSERT_TRUE_FATAL(await_met);                                                           \
    } while (0)

/* await_time: turns for so long, for what must not happen. */
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
