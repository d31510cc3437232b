#include "base/arena.h"

#include <protobuf-c/protobuf-c.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK_MIN = 16 * 1024, ALIGN = 16 };

struct block {
    struct block *next; /* the older one */
    size_t size;        /* of data */
    size_t used;
    _Alignas(16) unsigned char data[];
};

struct arena {
    struct block *head;
    size_t cap;
    size_t total; /* handed out since the last reset */
    bool lacked;
    ProtobufCAllocator allocator;
};

static void *
protobuf_alloc(void *data, size_t n)
{
    return arena_alloc(data, n);
}

static void
protobuf_free(void *data, void *p)
{
    (void)data;
    (void)p; /* the reset frees all */
}

struct arena *
arena_new(size_t cap)
{
    struct arena *a = calloc(1, sizeof *a);

    if (a == NULL)
        return NULL;
    a->cap = cap;
    a->allocator.alloc = protobuf_alloc;
    a->allocator.free = protobuf_free;
    a->allocator.allocator_data = a;
    return a;
}

static void
free_blocks_until(struct arena *a, const struct block *keep)
{
    while (a->head != keep) {
        struct block *b = a->head;
        a->head = b->next;
        free(b);
    }
}

void
arena_destroy(struct arena *a)
{
    if (a == NULL)
        return;
    free_blocks_until(a, NULL);
    free(a);
}

void
arena_reset(struct arena *a)
{
    if (a->head != NULL) {
        struct block *newest = a->head;
        a->head = newest->next;
        free_blocks_until(a, NULL);
        newest->next = NULL;
        newest->used = 0;
        a->head = newest;
        /* one huge event must not pin its memory for ever */
        if (newest->size > 64 * (size_t)BLOCK_MIN) {
            free(newest);
            a->head = NULL;
        }
    }
    a->total = 0;
    a->lacked = false;
}

static void *
refuse(struct arena *a)
{
    a->lacked = true;
    return NULL;
}

void *
arena_alloc(struct arena *a, size_t n)
{
    struct block *b = a->head;
    size_t want = (n + ALIGN - 1) & ~(size_t)(ALIGN - 1);

    if (want < n || want > a->cap - a->total)
        return refuse(a);
    if (b == NULL || b->size - b->used < want) {
        size_t size = b == NULL ? BLOCK_MIN : b->size * 2;
        if (size > 1024 * 1024)
            size = 1024 * 1024;
        if (size < want)
            size = want;
        b = malloc(sizeof *b + size);
        if (b == NULL)
            return refuse(a);
        b->next = a->head;
        b->size = size;
        b->used = 0;
        a->head = b;
    }
    void *p = b->data + b->used;
    b->used += want;
    a->total += want;
    return p;
}

void *
arena_zalloc(struct arena *a, size_t n)
{
    void *p = arena_alloc(a, n);

    if (p != NULL)
        memset(p, 0, n);
    return p;
}

void *
arena_array(struct arena *a, size_t count, size_t size)
{
    size_t n;

    if (__builtin_mul_overflow(count, size, &n))
        return refuse(a);
    return arena_zalloc(a, n);
}

char *
arena_copy(struct arena *a, const void *p, size_t n)
{
    char *s = n < SIZE_MAX ? arena_alloc(a, n + 1) : refuse(a);

    if (s == NULL)
        return NULL;
    if (n > 0)
        memcpy(s, p, n);
    s[n] = '\0';
    return s;
}

char *
arena_printf(struct arena *a, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (n < 0)
        return NULL;

    char *s = arena_alloc(a, (size_t)n + 1);
    if (s == NULL)
        return NULL;
    va_start(ap, fmt);
    vsnprintf(s, (size_t)n + 1, fmt, ap);
    va_end(ap);
    return s;
}

char *
arena_int(struct arena *a, int64_t v)
{
    char text[20]; /* 19 digits and a sign */
    size_t at = sizeof text;
    uint64_t left = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;

    do {
        text[--at] = (char)('0' + left % 10);
        left /= 10;
    } while (left > 0);
    if (v < 0)
        text[--at] = '-';
    return arena_copy(a, text + at, sizeof text - at);
}

bool
arena_lacked(const struct arena *a)
{
    return a->lacked;
}

struct arena_mark
arena_mark(const struct arena *a)
{
    return (struct arena_mark){a->head, a->head == NULL ? 0 : a->head->used, a->total, a->lacked};
}

void
arena_rewind(struct arena *a, struct arena_mark mark)
{
    free_blocks_until(a, mark.block);
    if (a->head != NULL)
        a->head->used = mark.used;
    a->total = mark.total;
    a->lacked = mark.lacked;
}

ProtobufCAllocator *
arena_protobuf(struct arena *a)
{
    return &a->allocator;
}
