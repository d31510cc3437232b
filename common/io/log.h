/* log: one JSON line an event on stderr. Only the shell logs; cores leave notes (EFFECT_NOTE).
 *
 *   {"time":"2026-11-22T17:00:00.123Z","level":"warn","service":"matcher","event":"redis_lost","after_ms":12}
 *
 * An event is a fixed name in snake_case; what varies goes into the fields. Of lines with the same
 * event at most LOG_BURST are written per LOG_WINDOW_MS; the next one then says how many were left
 * out ("suppressed").
 *
 * Not thread-safe: the loop's thread only. */
#ifndef LC_IO_LOG_H
#define LC_IO_LOG_H

#include "base/bytes.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };
enum { LOG_BURST = 20, LOG_WINDOW_MS = 10000 };

/* log_open: the service's name for every line (borrowed, static) and the least level that is
 * written. */
void log_open(const char *service, enum log_level least);

/* log_level_of: "debug", "info", "warn" or "error"; LC_EINVAL for anything else. */
LC_MUST_CHECK enum lc_err log_level_of(struct slice name, enum log_level *out);

/* log_line: fields are key=value pairs between spaces; a word without '=' belongs to the value
 * before it, so only the last value may hold words from outside. Numbers stay numbers. */
void log_line(enum log_level level, const char *event, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* log_note: the same for a core's note. Its own `level=` field sets the level; otherwise it is
 * info. */
void log_note(struct slice event, struct slice fields);

/* log_order: a core's note of an order (outbox_order), at info. These are not held to LOG_BURST, as
 * it is all of them together that tell what happened, but to `most` a second (log_orders; 0 =
 * none): a flood of orders must not become a flood of lines. The next one says how many were left
 * out, and log_orders_left_out how many there were in all. */
void log_order(struct slice event, struct slice fields);
void log_orders(int64_t most_a_second);
uint64_t log_orders_left_out(void);

/* log_format: appends what log_line would write, newline included; for tests. */
void log_format(struct buf *b, int64_t time_ms, enum log_level level, const char *service,
                struct slice event, struct slice fields, uint64_t suppressed);

#endif
