/* What is wrong, by field; a field that was found wrong once is not found wrong again. */
#include "check.h"

#include <stdio.h>

static bool
known_fault(const struct faults *f, const char *field)
{
    for (size_t i = 0; i < f->n; i++)
        if (strcmp(f->list[i].field, field) == 0)
            return true;
    return false;
}

void
fault_v(struct faults *f, const char *field, const char *fmt, va_list ap)
{
    char words[768];

    if (known_fault(f, field)) /* its form was found wrong before */
        return;
    if (f->n == JSON_ERRORS_MAX) {
        f->more++;
        return;
    }
    int n = vsnprintf(words, sizeof words, fmt, ap);
    size_t used = n < 0 ? 0 : (size_t)n < sizeof words ? (size_t)n : sizeof words - 1;
    const char *name = arena_copy(f->arena, field, strlen(field));
    const char *text = arena_copy(f->arena, words, used);
    f->list[f->n++] = (struct field_error){name == NULL ? "" : name, text == NULL ? "" : text};
}

void
fault(struct faults *f, const char *field, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    fault_v(f, field, fmt, ap);
    va_end(ap);
    f->only_late = false;
}

void
fault_twice(struct faults *f, unsigned *seen, unsigned bit, const char *field)
{
    if ((*seen & bit) != 0)
        fault(f, field, "is there twice");
    *seen |= bit;
}

void
fault_late(struct faults *f, const char *field, const char *words)
{
    bool only = f->n == 0 || f->only_late;

    fault(f, field, "%s", words);
    f->only_late = only;
}
