/* failing_memory: malloc and its kin for a test that lets one allocation of a core fail.
 *
 * Set fail_at to n, and inside to true while a step of the core runs: the n-th allocation made
 * there returns NULL, and failed becomes true. live counts the blocks handed out and not given
 * back. Included by the one file of a test program. A sanitizer has malloc for itself and looks for
 * leaks too: there MEMORY_FAILS is 0, nothing ever fails and live stays 0. */
#ifndef LC_TESTS_FAILING_MEMORY_H
#define LC_TESTS_FAILING_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

static long fail_at; /* counts down; 0 = never */
static bool inside;  /* a step of the core: only there memory fails */
static bool failed;
static long live; /* blocks handed out and not given back */

#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
#define MEMORY_FAILS 0
#else
#define MEMORY_FAILS 1

/* glibc's own names for what is replaced here */
void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t n);
void __libc_free(void *p);

static bool
fails(void)
{
    if (!inside || fail_at == 0 || --fail_at > 0)
        return false;
    failed = true;
    return true;
}

void *
malloc(size_t n)
{
    void *p = fails() ? NULL : __libc_malloc(n);

    live += p != NULL;
    return p;
}

void *
calloc(size_t n, size_t size)
{
    void *p = fails() ? NULL : __libc_calloc(n, size);

    live += p != NULL;
    return p;
}

void *
realloc(void *old, size_t n)
{
    void *p = fails() ? NULL : __libc_realloc(old, n);

    live += old == NULL && p != NULL;
    return p;
}

void
free(void *p)
{
    live -= p != NULL;
    __libc_free(p);
}
#endif

#endif
