/* arena: memory for one event, given back all at once.
 *
 * Pure: no I/O, no clock, no globals. Not thread-safe. A hard cap bounds what one event may cost;
 * over the cap an allocation returns NULL, exactly as when the machine has no memory. Nothing
 * long-lived may point into an arena. */
#ifndef LC_BASE_ARENA_H
#define LC_BASE_ARENA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena; /* opaque, owned by whoever called arena_new */

/* arena_new: an empty arena that never holds more than cap bytes. NULL when out of memory. */
struct arena *arena_new(size_t cap);

/* arena_destroy: frees the arena and everything in it. NULL is allowed. */
void arena_destroy(struct arena *a);

/* arena_reset: forgets every allocation; keeps up to one block for reuse. */
void arena_reset(struct arena *a);

/* arena_alloc: n bytes, aligned for any type, not zeroed. NULL over the cap or out of memory. */
void *arena_alloc(struct arena *a, size_t n);

/* arena_zalloc: as arena_alloc, zeroed. */
void *arena_zalloc(struct arena *a, size_t n);

/* arena_array: count * size bytes, zeroed; NULL on overflow too. */
void *arena_array(struct arena *a, size_t count, size_t size);

/* arena_copy: a copy of n bytes with a NUL behind them (not counted). NULL as arena_alloc. */
char *arena_copy(struct arena *a, const void *p, size_t n);

/* arena_printf: a formatted string in the arena. NULL as arena_alloc. */
char *arena_printf(struct arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* arena_int: v in decimal, with a NUL behind it; as arena_printf with %lld, without its price. */
char *arena_int(struct arena *a, int64_t v);

/* arena_lacked: was an allocation refused since the last reset? Then what was made here may be less
 * than it should be: who did not look at each says so of the whole. */
bool arena_lacked(const struct arena *a);

/* arena_mark / arena_rewind: gives back everything allocated after the mark, and whether anything
 * was lacking by then. */
struct arena_mark {
    void *block;
    size_t used;
    size_t total;
    bool lacked;
};
struct arena_mark arena_mark(const struct arena *a);
void arena_rewind(struct arena *a, struct arena_mark mark);

/* arena_protobuf: an allocator for protobuf-c's *__unpack; lives as long as the arena, never free
 * the result. */
struct ProtobufCAllocator;
struct ProtobufCAllocator *arena_protobuf(struct arena *a);

#endif
