/* traceparent: the trace that an order belongs to, by W3C Trace Context
 * (https://www.w3.org/TR/trace-context/): `00-<trace id>-<parent id>-<flags>`.
 *
 * Every order has a trace. Where the chain named one in its request, that; otherwise the order's
 * own id, without dashes, is the trace id: so nothing has to be drawn, kept or sent along for it,
 * the same order sent again is in the same trace, and orders from before have one, too.
 *
 * Pure. */
#ifndef LC_BASE_TRACEPARENT_H
#define LC_BASE_TRACEPARENT_H

#include "base/bytes.h"
#include "base/err.h"
#include "base/id.h"

enum {
    TRACE_ID_TEXT = 33,    /* 32 hex digits and a NUL */
    TRACEPARENT_TEXT = 56, /* 55 characters and a NUL */
    TRACE_SAMPLED = 1,     /* the one flag of version 00 */
    TRACE_SPAN_AT = 8, /* the second half of any of our ids is its span: an order's, a message's */
};

struct traceparent {
    uint8_t trace[16]; /* never all zero */
    uint8_t parent[8]; /* the span that caused this one; never all zero */
    uint8_t flags;
};

/* traceparent_parse: of a header. Later versions are read as version 00 is, as the specification
 * asks. LC_EINVAL: it is none; *out is unchanged. */
LC_MUST_CHECK enum lc_err traceparent_parse(struct slice text, struct traceparent *out);

/* traceparent_of_order: the trace of an order. kept = Order.traceparent: what the chain said, or
 * empty (or NULL). */
void traceparent_of_order(struct uuid order, const char *kept, struct traceparent *out);

/* traceparent_format: with this span as the parent of whatever the reader does. */
void traceparent_format(const struct traceparent *t, const uint8_t span[8],
                        char out[TRACEPARENT_TEXT]);

/* traceparent_span: the id of a span that has a name, made of it: the same each time. */
void traceparent_span(struct slice name, uint8_t out[8]);

/* trace_id_format: the trace id alone. */
void trace_id_format(const struct traceparent *t, char out[TRACE_ID_TEXT]);

#endif
