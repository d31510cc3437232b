/* The trace that an order belongs to (base/traceparent.h): read from the request, told in the
 * answer and in the log. */
#include "core.h"

#include <stdio.h>
#include <strings.h>

/* ---- in ---- */

/* given: what the request says; *n = how often: the specification has it once. */
static struct slice
given(const struct event *ev, size_t *n)
{
    struct slice v = {NULL, 0};

    *n = 0;
    if (ev->kind == EVENT_MESSAGE) {
        v = slice_str(ev->envelope->traceparent);
        *n = v.n > 0;
    }
    for (size_t i = 0; ev->kind == EVENT_HTTP && i < ev->http->n_headers; i++) {
        const struct header_field *h = &ev->http->headers[i];
        if (h->name.n == 11 && strncasecmp(h->name.p, "traceparent", 11) == 0) {
            v = h->value;
            ++*n;
        }
    }
    return v;
}

char *
traced_read(struct intake *in, const struct event *ev)
{
    struct traceparent t;
    size_t n;
    struct slice text = given(ev, &n);

    if (n == 0) {
        count_up(in, COUNT_TRACE_NONE);
        return (char *)protobuf_c_empty_string;
    }
    char *kept = arena_alloc(ev->arena, TRACEPARENT_TEXT);
    if (n > 1 || traceparent_parse(text, &t) != LC_OK || kept == NULL) {
        count_up(in, COUNT_TRACE_REFUSED);
        return (char *)protobuf_c_empty_string;
    }
    count_up(in, COUNT_TRACE_TAKEN);
    traceparent_format(&t, t.parent, kept); /* of a later version: what we know of it */
    return kept;
}

/* ---- out ---- */

void
traced_header(const struct verdict *v, char out[TRACED_HEADER])
{
    char text[TRACEPARENT_TEXT];

    out[0] = '\0';
    if (v->trace == NULL || v->id == NULL)
        return;
    traceparent_format(v->trace, v->id->b + TRACE_SPAN_AT, text);
    snprintf(out, TRACED_HEADER, "traceresponse: %s\r\n", text);
}

void
traced_orders(struct intake *in, Lifecircle__V1__Envelope *env, const struct pending *p, size_t n)
{
    const struct traceparent *t = &p->trace;

    for (size_t i = 1; i < n; i++) {
        p = p->next_gathered;
        if (memcmp(p->trace.trace, t->trace, sizeof t->trace) != 0)
            return; /* each order says its own */
    }
    envelope_trace(env, &in->mint, t);
}

/* ---- the log ---- */

void
traced_answer(const struct pending *p, const struct verdict *v, int64_t now_ms, struct outbox *out)
{
    char status[12];

    if (p->quote)
        return; /* no order */
    snprintf(status, sizeof status, "%d", v->status);
    outbox_order(out, "order_answered",
                 &(struct order_note){.order = p->id,
                                      .trace = p->trace,
                                      .store = v->record == NULL ? 0 : v->record->store,
                                      .courier = v->record == NULL ? 0 : v->record->courier,
                                      .ms = now_ms - p->since_ms,
                                      .key = "status",
                                      .value = status});
}

static void
note(struct outbox *out, const char *event, struct uuid id, const struct record *r,
     const char *kept, const char *key, const char *value)
{
    struct order_note n = {.order = id,
                           .store = r->store,
                           .courier = r->courier,
                           .ms = -1,
                           .key = key,
                           .value = value};

    traceparent_of_order(id, kept, &n.trace);
    outbox_order(out, event, &n);
}

void
traced_broken(struct outbox *out, struct uuid id, const struct record *r)
{
    note(out, "broken_order", id, r, NULL, "reason", "unreadable_record");
}

void
traced_step(struct outbox *out, struct uuid id, const struct record *r,
            const Lifecircle__V1__Order *o, const char *action)
{
    note(out, "order_step", id, r, o->traceparent, "act", action);
}
