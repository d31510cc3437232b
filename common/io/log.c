#include "io/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

enum { KNOWN_EVENTS = 64, EVENT_MAX = 48, LINE_MAX_BYTES = 4096 };

/* How often an event was written in the running window; events past the table share the last row.
 */
struct seen {
    char event[EVENT_MAX];
    int64_t window_ms;
    unsigned written;
    uint64_t suppressed;
};

static struct {
    const char *service;
    enum log_level least;
    struct seen seen[KNOWN_EVENTS];
    struct {
        int64_t most; /* a second */
        int64_t left; /* of this second's */
        int64_t second;
        uint64_t waiting; /* left out since the last line */
        uint64_t left_out;
    } orders;
    struct buf line;
} log_state = {.service = "lifecircle", .least = LOG_INFO};

static const char *const level_names[] = {"debug", "info", "warn", "error"};

void
log_open(const char *service, enum log_level least)
{
    log_state.service = service;
    log_state.least = least;
}

enum lc_err
log_level_of(struct slice name, enum log_level *out)
{
    for (size_t i = 0; i < sizeof level_names / sizeof *level_names; i++) {
        if (slice_eq_str(name, level_names[i])) {
            *out = (enum log_level)i;
            return LC_OK;
        }
    }
    return LC_EINVAL;
}

static void
put_string(struct buf *b, struct slice s)
{
    buf_char(b, '"');
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c == '"' || c == '\\') {
            buf_char(b, '\\');
            buf_char(b, (char)c);
        } else if (c < 0x20 || c >= 0x7f) {
            buf_printf(b, "\\u%04x", c); /* bytes, not characters: a log must survive any of them */
        } else {
            buf_char(b, (char)c);
        }
    }
    buf_char(b, '"');
}

/* A number as JSON writes it: no leading zero, at most 15 digits, so that nobody rounds it. */
static bool
is_number(struct slice s)
{
    size_t i = s.n > 0 && s.p[0] == '-' ? 1 : 0;

    if (i == s.n || s.n - i > 15 || (s.p[i] == '0' && s.n - i > 1))
        return false;
    for (; i < s.n; i++)
        if (s.p[i] < '0' || s.p[i] > '9')
            return false;
    return true;
}

static size_t
word_end(struct slice s, size_t i)
{
    while (i < s.n && s.p[i] != ' ')
        i++;
    return i;
}

static bool
is_pair(struct slice s, size_t from, size_t to, size_t *equals)
{
    for (size_t i = from; i < to; i++) {
        char c = s.p[i];
        if (c == '=') {
            *equals = i;
            return i > from;
        }
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'))
            return false;
    }
    return false;
}

/* next_field: one key=value, the value up to the next pair; false at the end. */
static bool
next_field(struct slice *s, struct slice *key, struct slice *value)
{
    size_t start = 0;
    size_t equals = 0;

    while (start < s->n && s->p[start] == ' ')
        start++;
    if (start == s->n)
        return false;
    size_t end = word_end(*s, start);
    if (is_pair(*s, start, end, &equals)) {
        *key = slice_of(s->p + start, equals - start);
        *value = slice_of(s->p + equals + 1, end - equals - 1);
    } else {
        *key = SLICE_LIT("message");
        *value = slice_of(s->p + start, end - start);
    }
    while (end < s->n) {
        size_t word = end + 1;
        size_t to = word_end(*s, word);
        if (is_pair(*s, word, to, &equals))
            break;
        value->n = (size_t)(s->p + to - value->p);
        end = to;
    }
    *s = slice_of(s->p + end, s->n - end);
    while (value->n > 0 && value->p[value->n - 1] == ' ')
        value->n--;
    return true;
}

static void
put_time(struct buf *b, int64_t time_ms)
{
    time_t s = (time_t)(time_ms / 1000);
    struct tm tm;

    gmtime_r(&s, &tm);
    buf_printf(b, "{\"time\":\"%04d-%02d-%02dT%02d:%02d:%02d.%03dZ\"", tm.tm_year + 1900,
               tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, (int)(time_ms % 1000));
}

void
log_format(struct buf *b, int64_t time_ms, enum log_level level, const char *service,
           struct slice event, struct slice fields, uint64_t suppressed)
{
    struct slice key;
    struct slice value;

    put_time(b, time_ms);
    buf_printf(b, ",\"level\":\"%s\",\"service\":\"%s\",\"event\":", level_names[level], service);
    put_string(b, event);
    while (next_field(&fields, &key, &value)) {
        if (slice_eq_str(key, "level"))
            continue;
        buf_char(b, ',');
        put_string(b, key);
        buf_char(b, ':');
        if (is_number(value))
            buf_append(b, value.p, value.n);
        else
            put_string(b, value);
    }
    if (suppressed > 0)
        buf_printf(b, ",\"suppressed\":%llu", (unsigned long long)suppressed);
    buf_str(b, "}\n");
}

static struct seen *
find_seen(struct slice event)
{
    struct seen *all = log_state.seen;
    size_t n = event.n < EVENT_MAX ? event.n : EVENT_MAX - 1;

    for (size_t i = 0; i < KNOWN_EVENTS - 1; i++) {
        if (all[i].event[0] == '\0' && n > 0)
            memcpy(all[i].event, event.p, n);
        if (strncmp(all[i].event, event.p, n) == 0 && all[i].event[n] == '\0')
            return &all[i];
    }
    return &all[KNOWN_EVENTS - 1];
}

static int64_t
clock_ms(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_REALTIME, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void
put_line(int64_t now_ms, enum log_level level, struct slice event, struct slice fields,
         uint64_t suppressed)
{
    struct buf *b = &log_state.line;

    buf_reset(b);
    log_format(b, now_ms, level, log_state.service, event, fields, suppressed);
    if (b->failed)
        return;
    /* one write: lines of several daemons on one pipe stay whole; a reader that is gone is no
     * reason to stop */
    ssize_t written = write(STDERR_FILENO, b->p, b->n);
    (void)written;
}

static void
write_line(enum log_level level, struct slice event, struct slice fields)
{
    uint64_t suppressed = 0;

    if (level < log_state.least)
        return;
    int64_t now_ms = clock_ms();
    struct seen *seen = find_seen(event);
    if (now_ms - seen->window_ms >= LOG_WINDOW_MS || now_ms < seen->window_ms) {
        suppressed = seen->suppressed;
        seen->window_ms = now_ms;
        seen->written = 0;
        seen->suppressed = 0;
    }
    if (++seen->written > LOG_BURST) {
        seen->suppressed++;
        return;
    }
    put_line(now_ms, level, event, fields, suppressed);
}

void
log_orders(int64_t most_a_second)
{
    log_state.orders.most = most_a_second;
    log_state.orders.second = 0;
}

uint64_t
log_orders_left_out(void)
{
    return log_state.orders.left_out;
}

void
log_order(struct slice event, struct slice fields)
{
    if (LOG_INFO < log_state.least || log_state.orders.most <= 0)
        return;
    int64_t now_ms = clock_ms();
    if (now_ms / 1000 != log_state.orders.second) {
        log_state.orders.second = now_ms / 1000;
        log_state.orders.left = log_state.orders.most;
    }
    if (log_state.orders.left == 0) {
        log_state.orders.waiting++;
        log_state.orders.left_out++;
        return;
    }
    log_state.orders.left--;
    put_line(now_ms, LOG_INFO, event, fields, log_state.orders.waiting);
    log_state.orders.waiting = 0;
}

void
log_line(enum log_level level, const char *event, const char *fmt, ...)
{
    char fields[LINE_MAX_BYTES];
    va_list ap;

    va_start(ap, fmt);
    int n = vsnprintf(fields, sizeof fields, fmt, ap);
    va_end(ap);
    size_t used = n < 0 ? 0 : (size_t)n < sizeof fields ? (size_t)n : sizeof fields - 1;
    write_line(level, slice_str(event), slice_of(fields, used));
}

void
log_note(struct slice event, struct slice fields)
{
    struct slice rest = fields;
    struct slice key;
    struct slice value;
    enum log_level level = LOG_INFO;

    while (next_field(&rest, &key, &value))
        if (slice_eq_str(key, "level") && log_level_of(value, &level) != LC_OK)
            level = LOG_INFO;
    write_line(level, event, fields);
}
