/* check: what the two halves of the validator share. Nobody else includes this. */
#ifndef LC_INTAKE_CHECK_H
#define LC_INTAKE_CHECK_H

#include "core.h"

#include <stdarg.h>

struct check {
    struct intake *in;
    const Lifecircle__V1__Chain *chain;
    const struct event *ev;
    const Lifecircle__V1__OrderSubmission *s;
    struct faults *f;
    Lifecircle__V1__Order *order;
    bool quote;
};

/* faults.c */
/* fault_late: one that the same order did not have when it was sent first. */
void fault_late(struct faults *f, const char *field, const char *words);
void fault_v(struct faults *f, const char *field, const char *fmt, va_list ap);

/* place.c: the place of an order that comes with an address alone. */
void check_place(struct check *c);

/* order_lines.c: what is ordered; fills the order's lines and sums. */
void check_lines(struct check *c);

#endif
