#include "base/bytes.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

char *
buf_grow(struct buf *b, size_t n)
{
    if (b->failed)
        return NULL;
    if (b->p == NULL || b->cap - b->n < n) {
        size_t cap = b->cap < 256 ? 256 : b->cap;
        while (cap - b->n < n) {
            if (cap > SIZE_MAX / 2) {
                b->failed = true;
                return NULL;
            }
            cap *= 2;
        }
        char *p = realloc(b->p, cap);
        if (p == NULL) {
            b->failed = true;
            return NULL;
        }
        b->p = p;
        b->cap = cap;
    }
    return b->p + b->n;
}

void
buf_printf(struct buf *b, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (n < 0)
        return;
    char *to = buf_reserve(b, (size_t)n + 1);
    if (to == NULL)
        return;
    va_start(ap, fmt);
    vsnprintf(to, (size_t)n + 1, fmt, ap);
    va_end(ap);
    b->n += (size_t)n;
}

void
buf_consume(struct buf *b, size_t n)
{
    if (n < b->n)
        memmove(b->p, b->p + n, b->n - n);
    b->n -= n;
}

void
buf_reset(struct buf *b)
{
    b->n = 0;
    b->failed = false;
}

void
buf_free(struct buf *b)
{
    free(b->p);
    *b = (struct buf){0};
}

static void
put_le(struct buf *b, uint64_t v, size_t n)
{
    unsigned char *to = (unsigned char *)buf_reserve(b, n);

    if (to == NULL)
        return;
    for (size_t i = 0; i < n; i++)
        to[i] = (unsigned char)(v >> (8 * i));
    b->n += n;
}

void
buf_u8(struct buf *b, uint8_t v)
{
    put_le(b, v, 1);
}

void
buf_u16(struct buf *b, uint16_t v)
{
    put_le(b, v, 2);
}

void
buf_u32(struct buf *b, uint32_t v)
{
    put_le(b, v, 4);
}

void
buf_u64(struct buf *b, uint64_t v)
{
    put_le(b, v, 8);
}

void
buf_blob(struct buf *b, struct slice s)
{
    if (s.n > UINT32_MAX) {
        b->failed = true;
        return;
    }
    buf_u32(b, (uint32_t)s.n);
    buf_append(b, s.p, s.n);
}

static uint64_t
get_le(const char *p, size_t n)
{
    uint64_t v = 0;

    for (size_t i = n; i-- > 0;)
        v = v << 8 | (unsigned char)p[i];
    return v;
}

uint16_t
bytes_u16(const char *p)
{
    return (uint16_t)get_le(p, 2);
}

uint32_t
bytes_u32(const char *p)
{
    return (uint32_t)get_le(p, 4);
}

uint64_t
bytes_u64(const char *p)
{
    return get_le(p, 8);
}

struct slice
cursor_take(struct cursor *c, size_t n)
{
    if (c->failed || c->n < n) {
        c->failed = true;
        return (struct slice){NULL, 0};
    }
    struct slice s = {c->p, n};
    c->p += n;
    c->n -= n;
    return s;
}

static uint64_t
take_le(struct cursor *c, size_t n)
{
    struct slice s = cursor_take(c, n);

    return s.n == n ? get_le(s.p, n) : 0;
}

uint8_t
cursor_u8(struct cursor *c)
{
    return (uint8_t)take_le(c, 1);
}

uint16_t
cursor_u16(struct cursor *c)
{
    return (uint16_t)take_le(c, 2);
}

uint32_t
cursor_u32(struct cursor *c)
{
    return (uint32_t)take_le(c, 4);
}

uint64_t
cursor_u64(struct cursor *c)
{
    return take_le(c, 8);
}

struct slice
cursor_blob(struct cursor *c)
{
    return cursor_take(c, cursor_u32(c));
}
