/* bytes: borrowed byte ranges and a growing buffer. Pure. */
#ifndef LC_BASE_BYTES_H
#define LC_BASE_BYTES_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* slice: borrowed bytes; p may be NULL only when n is 0. Not NUL-terminated. */
struct slice {
    const char *p;
    size_t n;
};

#define SLICE_LIT(s) ((struct slice){(s), sizeof(s) - 1})

static inline struct slice
slice_of(const char *p, size_t n)
{
    return (struct slice){p, n};
}

/* slice_str: a NUL-terminated string as a slice; NULL gives the empty slice. */
static inline struct slice
slice_str(const char *s)
{
    return (struct slice){s, s == NULL ? 0 : strlen(s)};
}

static inline bool
slice_eq(struct slice a, struct slice b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static inline bool
slice_eq_str(struct slice a, const char *s)
{
    return slice_eq(a, slice_str(s));
}

/* buf: bytes that grow. An allocation that fails sets `failed` for good and later appends do
 * nothing, so a writer checks once, at the end (the sticky error of a wire cursor).
 * Zero-initialise; buf_free when done. */
struct buf {
    char *p;
    size_t n;
    size_t cap;
    bool failed;
};

/* buf_reserve: room for n more bytes; the address of the first, or NULL (and `failed`) without
 * memory. The caller adds what it wrote to b->n. */
char *buf_grow(struct buf *b, size_t n); /* its long way */
static inline char *
buf_reserve(struct buf *b, size_t n)
{
    return !b->failed && b->p != NULL && b->cap - b->n >= n ? b->p + b->n : buf_grow(b, n);
}

static inline void
buf_append(struct buf *b, const void *p, size_t n)
{
    char *to = buf_reserve(b, n);

    if (to == NULL || n == 0)
        return;
    memcpy(to, p, n);
    b->n += n;
}

static inline void
buf_char(struct buf *b, char c)
{
    buf_append(b, &c, 1);
}

static inline void
buf_str(struct buf *b, const char *s)
{
    buf_append(b, s, strlen(s));
}

void buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* buf_consume: drops the first n bytes (n <= b->n). */
void buf_consume(struct buf *b, size_t n);

/* buf_reset: empties, keeps the memory, clears `failed`. */
void buf_reset(struct buf *b);

/* buf_free: gives the memory back and zeroes the buffer. */
void buf_free(struct buf *b);

static inline struct slice
buf_slice(const struct buf *b)
{
    return (struct slice){b->p, b->n};
}

/* Little-endian fixed-width integers: the layout of Redis records and of recorded steps. */
void buf_u8(struct buf *b, uint8_t v);
void buf_u16(struct buf *b, uint16_t v);
void buf_u32(struct buf *b, uint32_t v);
void buf_u64(struct buf *b, uint64_t v);
uint16_t bytes_u16(const char *p);
uint32_t bytes_u32(const char *p);
uint64_t bytes_u64(const char *p);

/* buf_blob: u32 length, then the bytes. */
void buf_blob(struct buf *b, struct slice s);

/* cursor: reads what the functions above wrote. Reading past the end sets `failed` for good and
 * gives 0s. */
struct cursor {
    const char *p;
    size_t n;
    bool failed;
};
uint8_t cursor_u8(struct cursor *c);
uint16_t cursor_u16(struct cursor *c);
uint32_t cursor_u32(struct cursor *c);
uint64_t cursor_u64(struct cursor *c);
struct slice cursor_take(struct cursor *c, size_t n);
struct slice cursor_blob(struct cursor *c);

#endif
