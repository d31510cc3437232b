/* loop: the libevent base with what every daemon needs beside it: clocks, chance, signals.
 *
 * One per process; everything happens on its thread. */
#ifndef LC_IO_LOOP_H
#define LC_IO_LOOP_H

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

struct event_base;
struct loop; /* opaque, owned by whoever called loop_new */

/* loop_new: SIGPIPE is ignored from here on; SIGTERM and SIGINT end in loop_stopping, SIGHUP in
 * loop_hung_up. NULL without memory. */
struct loop *loop_new(void);
void loop_destroy(struct loop *l);

struct event_base *loop_base(struct loop *l);

/* loop_mono_ms: CLOCK_MONOTONIC; for deadlines. */
int64_t loop_mono_ms(void);

/* loop_wall_ms: CLOCK_REALTIME as it stands, Unix ms; for programs that have no loop. */
int64_t loop_wall_ms(void);

/* loop_now_ms: Unix ms that never goes back: when the system's clock was set back, time goes on at
 * half its speed until the clock has caught up. */
int64_t loop_now_ms(struct loop *l);

/* loop_entropy: 64 bits from getrandom(2). */
uint64_t loop_entropy(struct loop *l);

/* loop_stopping: how many signals asked to end. */
unsigned loop_stopping(const struct loop *l);

/* loop_hung_up: SIGHUP came since this was asked last. */
bool loop_hung_up(struct loop *l);

/* loop_run_once: waits for events and handles those that are there. LC_EIO when libevent failed. */
LC_MUST_CHECK enum lc_err loop_run_once(struct loop *l);

/* Timers and descriptors, so that nobody who knows struct event of base/step.h has to know
 * libevent's. */
struct loop_timer;
struct loop_watch;

/* loop_timer_new: a timer that is not set. NULL without memory. */
struct loop_timer *loop_timer_new(struct loop *l, void (*fire)(void *ctx), void *ctx);
/* loop_timer_set: fires once, after_ms from now (0 = in the loop's next turn); replaces an earlier
 * setting. */
void loop_timer_set(struct loop_timer *t, int64_t after_ms);
void loop_timer_stop(struct loop_timer *t);
/* loop_timer_free: NULL is allowed. */
void loop_timer_free(struct loop_timer *t);

/* loop_watch_new: calls ready(ctx) when fd, which stays the caller's, can be read or written as
 * wanted. NULL without memory. Wants nothing at first. */
struct loop_watch *loop_watch_new(struct loop *l, int fd, void (*ready)(void *ctx), void *ctx);
void loop_watch_want(struct loop_watch *w, bool read, bool write);
/* loop_watch_wake: ready(ctx) is called in the loop's next turn, whatever the descriptor says. */
void loop_watch_wake(struct loop_watch *w);
/* loop_watch_free: before the descriptor is closed; NULL is allowed. */
void loop_watch_free(struct loop_watch *w);

#endif
