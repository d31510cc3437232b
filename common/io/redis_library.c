/* The function library goes into the program: nothing is read from a path of some machine at run
 * time. */
#include "io/redis.h"

__asm__(".section .rodata\n"
        ".global lc_redis_library_begin\n"
        ".global lc_redis_library_end\n"
        "lc_redis_library_begin:\n"
        ".incbin \"" LC_REDIS_LIBRARY "\"\n"
        "lc_redis_library_end:\n"
        ".byte 0\n"
        ".previous\n");

extern const char lc_redis_library_begin[];
extern const char lc_redis_library_end[];

struct slice
redis_library(void)
{
    return slice_of(lc_redis_library_begin,
                    (size_t)(lc_redis_library_end - lc_redis_library_begin));
}
